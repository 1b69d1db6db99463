"""Diagrams of networks, drawn to scale from the Keras model itself."""

from __future__ import annotations

import base64
import html
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aeutils.core.errors import ModelError
from aeutils.show.ushape import u_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import keras

__all__ = ["Diagram", "diagram"]

HEIGHT = 150.0
BOTTOM = 52.0
STEP = 58.0
# where blocks stand below each other; six columns of them fit a telephone
HEIGHT_OF_LANES = 110.0
STEP_OF_LANES = 55.0
# what a column of the page holds; a longer network of several lanes is set more closely
WIDEST_OF_LANES = 660.0
# layers that are drawn, and what they are called
NAMES = {
    "AveragePooling1D": "mean",
    "AveragePooling2D": "mean",
    "Bidirectional": "two-way",
    "Conv1D": "conv",
    "Conv1DTranspose": "conv up",
    "Conv2D": "conv",
    "Conv2DTranspose": "conv up",
    "Dense": "dense",
    "DepthwiseConv1D": "depthwise",
    "GRU": "GRU",
    "LSTM": "LSTM",
    "MaxPooling1D": "pool",
    "MaxPooling2D": "pool",
    "RepeatVector": "repeat",
    "Sampling": "sample",
    "TimeDistributed": "",
    "UpSampling1D": "upsample",
    "UpSampling2D": "upsample",
    "UpsampleConv2D": "conv up",
}
# layers without weights that work on what passes, in training alone: drawn as an outline
OUTLINES = {
    "ActivityRegularization": "penalty",
    "AlphaDropout": "dropout",
    "Dropout": "dropout",
    "GaussianDropout": "dropout",
    "GaussianNoise": "noise",
    "RandomNoise": "noise",
    "SpatialDropout1D": "dropout",
    "SpatialDropout2D": "dropout",
}
# layers that join others, drawn as links; and, where nothing comes after them, as a block
JOINTS = {
    "Add": "add",
    "Average": "mean",
    "Concatenate": "join",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Multiply": "multiply",
    "Subtract": "subtract",
}
# the theme's colours where the drawing is part of a page, these where it is a picture
INK = "var(--pst-color-text-base, #777)"
SIDES = {
    "encoder": "var(--ae-encoder, #4c8bb8)",
    "bottleneck": "var(--ae-bottleneck, #d9822b)",
    "decoder": "var(--ae-decoder, #5a9e6f)",
    "condition": "var(--ae-condition, #8a8a8a)",
}


class Block(NamedTuple):
    """One drawn layer."""

    name: str
    """The layer's name."""
    kind: str
    """What it does, in a word."""
    shape: tuple[int | None, ...]
    """Shape of its output, without the axis of samples."""
    height: float
    """Height of its maps as a share of the input's."""
    side: str
    """``encoder``, ``bottleneck``, ``decoder``, or ``condition``: a further input."""
    column: int = 0
    """Number of blocks to the left of it."""
    lane: int = 0
    """Number of blocks above it."""
    outline: bool = False
    """Whether it is drawn as an outline: it has no weights and keeps the shape."""


class Diagram:
    """A drawing of a network: an SVG that Jupyter and the rendered book show."""

    def __init__(self, blocks: list[Block], edges: Iterable[tuple[int, int]], caption: str) -> None:
        self.blocks, self.edges, self.caption = blocks, sorted(edges), caption

    @property
    def links(self) -> list[tuple[int, int]]:
        """The skip connections: pairs of blocks that are joined around others."""
        return [(a, b) for a, b in self.edges if self._between(a, b)]

    def _between(self, a: int, b: int) -> bool:
        """Whether an edge leads around other blocks of its lane."""
        first, last = self.blocks[a], self.blocks[b]
        return first.lane == last.lane and any(
            block.lane == first.lane and first.column < block.column < last.column
            for block in self.blocks
        )

    @property
    def label(self) -> str:
        """The drawing in words."""
        words = [f"{block.kind} {_shape(block.shape)}" for block in self.blocks]
        columns: dict[int, list[str]] = {}
        for block, text in zip(self.blocks, words, strict=True):
            columns.setdefault(block.column, []).append(text)
        skips = [
            f"{words[a]} also feeds {words[b]}"
            for a, b in self.edges
            if self.blocks[b].column - self.blocks[a].column > 1
        ]
        parts = ", ".join(" and ".join(texts) for texts in columns.values())
        return f"Network from left to right: {'; '.join([parts, *skips])}."

    def __repr__(self) -> str:
        """Return the drawing in words."""
        return self.label

    @property
    def svg(self) -> str:
        """The drawing as SVG."""
        if drawing := u_shape(self.blocks, self.links, self.label, INK, SIDES):
            return drawing
        lanes = max(block.lane for block in self.blocks) + 1
        tall, step = (HEIGHT, STEP) if lanes == 1 else (HEIGHT_OF_LANES, STEP_OF_LANES)
        sizes = self._sizes(tall)
        texts = [_texts(block) for block in self.blocks]
        bottom = max(BOTTOM, 10 + 14.0 * max(map(len, texts)))
        top = 34.0 if self.links else 4.0
        middles, ends = [], []
        height = top
        for lane in range(lanes):
            inside = [h for (_, h), b in zip(sizes, self.blocks, strict=True) if b.lane == lane]
            deep = tall if lane == 0 else max(inside)
            middles.append(height + deep / 2)
            ends.append(height + deep)
            height += deep + bottom
        columns = max(block.column for block in self.blocks) + 1
        if lanes > 1:
            step = min(step, (WIDEST_OF_LANES - 8) / columns)
        width = step * columns + 8
        parts = []
        for i, (block, (w, h)) in enumerate(zip(self.blocks, sizes, strict=True)):
            x, y = _centre(block, step), middles[block.lane]
            if any(b == i and self._is_step(a, b) for a, b in self.edges):
                parts.append(_line(f"M{x - step / 2 - 5:.0f} {y:.0f}h9m-4-4l4 4l-4 4"))
            colour = SIDES[block.side]
            paint = f'fill="{colour}"'
            if block.outline:
                paint = f'fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="4 2"'
            parts.append(
                f'<rect data-layer="{html.escape(block.name)}" x="{x - w / 2:.1f}" '
                f'y="{y - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}" rx="2" {paint}/>'
            )
            for line, text in enumerate(texts[i]):
                # a long word is set more closely, so that it stays in its column
                fit = f' textLength="{step - 2:.0f}" lengthAdjust="spacingAndGlyphs"'
                parts.append(
                    f'<text x="{x:.0f}" y="{ends[block.lane] + 16 + 14 * line:.0f}"'
                    f"{fit if len(text) > 10 else ''}>{html.escape(text)}</text>"
                )
        for a, b in self.edges:
            if not self._is_step(a, b):
                parts.append(self._edge(a, b, step, middles, sizes))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" role="img" aria-label="{html.escape(self.label)}" '
            f'font-family="system-ui, sans-serif" font-size="12" text-anchor="middle" '
            f'fill="{INK}">{"".join(parts)}</svg>'
        )

    def _sizes(self, tall: float) -> list[tuple[float, float]]:
        """Return width and height of each block."""
        # a value is as tall as a step of a sequence
        longest = max((b.shape[0] or 1 for b in self.blocks if len(b.shape) in (1, 2)), default=1)
        deepest = max((b.shape[-1] or 1 for b in self.blocks if len(b.shape) > 1), default=1)
        return [
            (14.0, max(2.0, tall * (b.shape[0] or 1) / longest))
            if len(b.shape) == 1
            else (max(4.0, 40.0 * (b.shape[-1] or 1) / deepest), max(6.0, tall * b.height))
            for b in self.blocks
        ]

    def _is_step(self, a: int, b: int) -> bool:
        """Whether an edge leads from a block to the next one of its lane."""
        first, last = self.blocks[a], self.blocks[b]
        return first.lane == last.lane and last.column - first.column == 1

    def _edge(
        self,
        a: int,
        b: int,
        step: float,
        middles: Sequence[float],
        sizes: Sequence[tuple[float, float]],
    ) -> str:
        """Return an edge that leads around blocks or to another lane."""
        xa, xb = (_centre(self.blocks[i], step) for i in (a, b))
        ya, yb = (middles[self.blocks[i].lane] for i in (a, b))
        if self._between(a, b):
            ya, yb = ya - sizes[a][1] / 2, yb - sizes[b][1] / 2
            lift = min(ya, yb) - 6 - 18 * (b - a) / len(self.blocks)
            return (
                f'<path data-skip="{html.escape(self.blocks[a].name)}" d="M{xa:.0f} {ya:.0f}'
                f'C{xa:.0f} {lift:.0f} {xb:.0f} {lift:.0f} {xb:.0f} {yb:.0f}" fill="none" '
                f'stroke="{INK}" stroke-dasharray="4 3"/>'
            )
        begin = f"M{xa + sizes[a][0] / 2 + 4:.0f} {ya:.0f}"
        # up or down between two columns, where there is no text
        bend = f"H{xb - step / 2 - 3:.0f}V{yb:.0f}" if ya != yb else ""
        return _line(f"{begin}{bend}H{xb - step / 2 + 4:.0f}m-4-4l4 4l-4 4")

    def _repr_html_(self) -> str:
        """Return the drawing as a picture, since an untrusted notebook shows no SVG of its own."""
        data = base64.b64encode(self.svg.encode()).decode()
        return (
            f'<figure class="diagram"><img alt="{html.escape(self.label)}" '
            f'src="data:image/svg+xml;base64,{data}"><figcaption>{html.escape(self.caption)}'
            "</figcaption></figure>"
        )


def diagram(model: keras.Model, caption: str, bottleneck: str = "bottleneck") -> Diagram:
    """Draw a network to scale.

    Layers that only activate or join, or that turn maps into a vector and back, are left out.
    What works in training alone, such as noise, dropout and penalties, and a layer of the
    chapter's own that has no weights and keeps the shape, is drawn as an outline.  A layer that
    is called twice is drawn twice, the second time as ``same``.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential, also of models; or one of any class with two such networks
        called ``encoder`` and ``decoder``.  Where that encoder outputs twice as many values as
        the decoder's first input has, or two vectors of as many, they are drawn as mean and log
        variance of a Gaussian, in this order, that the code is drawn from.
    caption : str
        What to notice.
    bottleneck : str, default "bottleneck"
        Name of the layer whose output is the latent code; where there is none, the last layer of
        an inner model called ``encoder``, or else the first layer with the fewest values.

    Returns
    -------
    Diagram
        Bars for vectors, as tall as they have values; boxes for feature maps, as tall as the maps
        and as wide as they have channels; dashed lines for skip connections.  A sequence is as
        tall as it has steps, and a value of a vector as tall as a step.

    Raises
    ------
    ModelError
        If the model is not built, none of its layers can be drawn, it is of another class, or its
        encoder's output does not fit its decoder's input.
    """
    graph = _Graph()
    encoder, decoder = getattr(model, "encoder", None), getattr(model, "decoder", None)
    if not getattr(model, "inputs", None) and encoder is not None and decoder is not None:
        narrow = graph.add_both(encoder, decoder)
    else:
        graph.add(model)
        narrow = graph.bottleneck(_code_layer(model, bottleneck))
    if all(node.layer is None for node in graph.nodes):
        raise ModelError("model has no layer that can be drawn.")
    return Diagram(*graph.layout(narrow), caption)


class _Node:
    """A block before it has a place."""

    def __init__(
        self,
        layer: keras.Operation | None,
        name: str,
        kind: str,
        shape: Iterable[int | None],
        outline: bool = False,
    ) -> None:
        self.layer, self.name, self.kind = layer, name, kind
        self.shape, self.outline = tuple(shape), outline
        self.parents: set[int] = set()
        self.scale = 1.0


class _Source(NamedTuple):
    """Where a tensor comes from."""

    last: int
    """The last drawn node before it."""
    joined: frozenset[int] = frozenset()
    """Earlier drawn nodes that layers which are not drawn have joined to it."""
    scale: float = 1.0
    """Height of its maps as a share of the input's."""

    @property
    def nodes(self) -> set[int]:
        """All of these nodes."""
        return {self.last, *self.joined}


class _Graph:
    """The drawn layers of a network, and which feeds which."""

    def __init__(self) -> None:
        self.nodes: list[_Node] = []

    def append(self, node: _Node, parents: Iterable[int] = (), scale: float = 1.0) -> int:
        """Add a node behind others and return its number."""
        node.parents, node.scale = set(parents), scale
        self.nodes.append(node)
        return len(self.nodes) - 1

    def add(self, model: keras.Model, first: _Source | None = None) -> list[_Source]:
        """Add a model's inputs and layers; `first` is what its first input stands for."""
        import keras

        from aeutils.core.graph import trace

        inputs, outputs, calls = trace(model, nested=True)
        names = ["input"]
        if not isinstance(model, keras.Sequential):
            names = [x._keras_history.operation.name for x in model.inputs]
        sources: dict[int, _Source] = {}
        for number, x in enumerate(keras.tree.flatten(inputs)):
            if number == 0 and first is not None:
                sources[id(x)] = first
            else:
                # a name of the chapter's own says what a further input is
                given = number and not re.match("input_layer|keras_tensor", names[number])
                kind = names[number].replace("_", " ") if given else "input"
                entry = _Node(None, names[number], kind, x.shape[1:])
                sources[id(x)] = _Source(self.append(entry))
        joints = {}
        for call in calls:
            if not call.inputs:
                continue
            before = [sources[id(x)] for x in call.inputs]
            last = max(source.last for source in before)
            joined = {source.last for source in before if source.last < last}
            joined = joined.union(*(s.joined for s in before if s.last == last))
            scale = max(source.scale for source in before) * _factor(call.layer)
            source = _Source(last, frozenset(joined), scale)
            node = _drawn(call)
            if node is not None:
                parents = set().union(*(s.nodes for s in before))
                source = _Source(self.append(node, parents, scale), scale=scale)
            for x in call.outputs:
                sources[id(x)] = source
                joints[id(x)] = call.layer
        ends = []
        for x in keras.tree.flatten(outputs):
            source, layer = sources[id(x)], joints.get(id(x))
            if layer is not None and source.joined:
                kind = JOINTS.get(type(layer).__name__, "join")
                end = self.append(_Node(layer, layer.name, kind, x.shape[1:]), source.nodes)
                self.nodes[end].scale = source.scale
                source = _Source(end, scale=source.scale)
            ends.append(source)
        return ends

    def add_both(self, encoder: keras.Model, decoder: keras.Model) -> set[int]:
        """Add an encoder and a decoder, with a drawn code between; return the code's node."""
        ends = self.add(encoder)
        last = [self.nodes[end.last] for end in ends]
        wanted = tuple(_inputs(decoder)[0].shape[1:])
        if len(wanted) == 1 and [node.shape for node in last] == [(2 * (wanted[0] or 0),)]:
            (both,) = last
            both.kind, both.shape = "mean", wanted
            spread = _Node(both.layer, both.name, "log variance", wanted)
            pair = [ends[0].last, self.append(spread, both.parents, both.scale)]
        elif len(last) == 2 and all(node.shape == wanted for node in last):
            for node, kind in zip(last, ("mean", "log variance"), strict=True):
                node.kind = kind
            pair = [end.last for end in ends]
            used = set().union(*(node.parents for node in self.nodes))
            if pair[0] > pair[1] and used.isdisjoint(pair):
                # the trace may come to them in either order; the mean stands above
                self.nodes[pair[1]], self.nodes[pair[0]] = last
        elif [node.shape for node in last] == [wanted]:
            self.add(decoder, ends[0])
            return {ends[0].last}
        else:
            raise ModelError(
                f"the encoder's output must be the decoder's first input, {_shape(wanted)}, or "
                "mean and log variance of it; got "
                f"{' and '.join(_shape(node.shape) for node in last)}. Pass one of them alone."
            )
        code = self.append(_Node(None, "code", "code", wanted), pair)
        self.add(decoder, _Source(code))
        return {code}

    def bottleneck(self, name: str | None) -> set[int]:
        """Return the nodes that are the code: those of a name, a sample, or the fewest values."""
        named = {i for i, node in enumerate(self.nodes) if node.name == name}
        named = named or {i for i, node in enumerate(self.nodes) if node.kind == "sample"}
        if named:
            return named
        whole = [i for i, node in enumerate(self.nodes) if not node.outline]
        whole = [i for i in whole if i == 0 or self.nodes[i].parents]
        return {min(whole, key=lambda i: math.prod(n or 1 for n in self.nodes[i].shape))}

    def layout(self, narrow: set[int]) -> tuple[list[Block], set[tuple[int, int]]]:
        """Return the blocks with their places, from left to right and down, and their edges."""
        columns, lanes = self._columns(), self._lanes()
        where = min(columns[i] for i in narrow)
        order = sorted(range(len(self.nodes)), key=lambda i: (columns[i], lanes[i]))
        sides: dict[int, str] = {}
        for i in sorted(order, key=lambda i: columns[i]):
            node = self.nodes[i]
            if i in narrow:
                sides[i] = "bottleneck"
            elif i and not node.parents:
                sides[i] = "condition"
            elif node.outline:
                sides[i] = sides[min(node.parents)]
            else:
                sides[i] = "encoder" if columns[i] <= where else "decoder"
        tallest = self._tallest()
        met: set[tuple[int, str]] = set()
        blocks = []
        for i in sorted(order, key=lambda i: lanes[i]):
            node = self.nodes[i]
            again = (id(node.layer), node.kind) in met
            if node.layer is not None:
                met.add((id(node.layer), node.kind))
            height = node.scale
            if len(node.shape) > 1 and node.shape[0]:
                height = node.shape[0] / tallest
            blocks.append(
                Block(
                    node.name,
                    f"same {node.kind}" if again else node.kind,
                    node.shape,
                    height,
                    sides[i],
                    columns[i],
                    lanes[i],
                    node.outline,
                )
            )
        blocks.sort(key=lambda block: (block.column, block.lane))
        place = {node: number for number, node in enumerate(order)}
        edges = {
            (place[parent], place[i])
            for i, node in enumerate(self.nodes)
            for parent in node.parents
        }
        return blocks, edges

    def _tallest(self) -> int:
        """Return the height of the tallest maps; a value of a vector is as tall as a step."""
        maps = [node.shape[0] or 1 for node in self.nodes if len(node.shape) > 1]
        if all(len(node.shape) <= 2 for node in self.nodes):
            maps += [node.shape[0] or 1 for node in self.nodes if len(node.shape) == 1]
        return max(maps, default=1)

    def _columns(self) -> list[int]:
        """Return how far to the right each node stands."""
        columns: list[int] = []
        for node in self.nodes:
            columns.append(max((columns[parent] + 1 for parent in node.parents), default=0))
        for i, node in enumerate(self.nodes):
            used = [columns[j] for j, other in enumerate(self.nodes) if i in other.parents]
            if i and not node.parents and used:
                columns[i] = min(used) - 1
        return columns

    def _lanes(self) -> list[int]:
        """Return how far down each node stands: in the lane of a node before it, or a new one."""
        columns = self._columns()
        lanes: list[int] = []
        ends: list[int] = []  # the last node of each lane
        for i, node in enumerate(self.nodes):
            free = [
                lanes[parent]
                for parent in node.parents
                if ends[lanes[parent]] == parent and not (node.outline and self._goes_on(parent))
            ]
            if free:
                lane = min(free)
            else:
                lane = next(
                    (n for n, end in enumerate(ends) if n and columns[end] < columns[i]), len(ends)
                )
            lanes.append(lane)
            ends[lane : lane + 1] = [i]
        return lanes

    def _goes_on(self, i: int) -> bool:
        """Return whether a node feeds one that is no outline."""
        return any(i in other.parents and not other.outline for other in self.nodes)


def _inputs(model: keras.Model) -> list[Any]:
    """Return the inputs of a model that is to be traced."""
    if not getattr(model, "inputs", None):
        raise ModelError("decoder must be functional or sequential, and built.")
    return model.inputs


def _code_layer(model: keras.Model, bottleneck: str) -> str | None:
    """Return the name of the layer whose output is the code, where there is one."""
    inner = {layer.name: layer for layer in getattr(model, "layers", [])}
    if bottleneck not in inner and getattr(inner.get("encoder"), "layers", None):
        return inner["encoder"].layers[-1].name
    return bottleneck


def _drawn(call: Any) -> _Node | None:
    """Return the node of a layer's call, or None where it is not drawn."""
    layer, kind = call.layer, type(call.layer).__name__
    before, after = (side[0].shape[1:] for side in (call.inputs, call.outputs))
    own = not type(layer).__module__.startswith(("keras.", "aeutils."))
    if kind in NAMES:
        inner = getattr(layer, "layer", None) or getattr(layer, "forward_layer", None)
        word = NAMES[kind]
        if inner is not None:
            word = f"{word} {NAMES.get(type(inner).__name__, _words(type(inner).__name__))}".strip()
        return _Node(layer, layer.name, word, after)
    if kind in OUTLINES:
        return _Node(layer, layer.name, OUTLINES[kind], after, outline=True)
    if own and kind not in JOINTS:
        passes = not layer.weights and before == after
        return _Node(layer, layer.name, _words(kind), after, outline=passes)
    if kind in ("Flatten", "Reshape", "Permute") and 1 in (len(before), len(after)):
        return None  # the vector has the values of the maps beside it
    has_kernel = any(w.path.endswith("kernel") for w in getattr(layer, "weights", []))
    if kind not in JOINTS and (has_kernel or before != after):
        return _Node(layer, layer.name, _words(kind), after)
    return None


def _words(name: str) -> str:
    """Return the name of a class as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _texts(block: Block) -> list[str]:
    """Return the lines below a block."""
    size, channels = _shape(block.shape[:-1]), _shape(block.shape[-1:])
    lines = [size, f"× {channels}"] if len(block.shape) > 1 else [channels]
    # a line is as wide as a block and its gap
    return [*lines, *(block.kind.split() if len(block.kind) > 9 else [block.kind])]


def _centre(block: Block, step: float) -> float:
    """Return the middle of a block's column."""
    return step * (block.column + 0.5) + 4


def _line(path: str) -> str:
    """Return a line in the colour of the text."""
    return f'<path d="{path}" fill="none" stroke="{INK}"/>'


def _shape(shape: Iterable[int | None]) -> str:
    """Return a shape as text; unknown sizes are left out."""
    return " × ".join(f"{n:,}" for n in shape if n is not None)


def _factor(layer: Any) -> float:
    """Return by how much a layer changes the height of its maps."""
    kind = type(layer).__name__
    if kind.startswith(("MaxPooling", "AveragePooling")):
        return 1 / layer.strides[0]
    if kind.startswith("UpSampling"):
        return layer.size[0] if isinstance(layer.size, tuple) else layer.size
    if kind == "UpsampleConv2D":
        return 2.0
    if "Transpose" in kind:
        return layer.strides[0]
    if kind.startswith("Conv"):
        return 1 / layer.strides[0]
    return 1.0
