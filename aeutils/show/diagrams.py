"""Diagrams of networks, drawn to scale from the Keras model itself."""

from __future__ import annotations

import base64
import html
import math
from typing import TYPE_CHECKING, NamedTuple

from aeutils.core.errors import ModelError

if TYPE_CHECKING:
    import keras

__all__ = ["Diagram", "diagram"]

HEIGHT = 150.0
BOTTOM = 52.0
STEP = 58.0
# layers that are drawn, and what they are called; the others, such as activations, change no shape
NAMES = {
    "AveragePooling1D": "mean",
    "Conv1D": "conv",
    "Conv1DTranspose": "conv up",
    "Conv2D": "conv",
    "Conv2DTranspose": "conv up",
    "Dense": "dense",
    "DepthwiseConv1D": "depthwise",
    "GRU": "GRU",
    "InputLayer": "input",
    "LSTM": "LSTM",
    "MaxPooling1D": "pool",
    "MaxPooling2D": "pool",
    "RepeatVector": "repeat",
    "UpSampling1D": "upsample",
    "UpSampling2D": "upsample",
    "UpsampleConv2D": "conv up",
}
# the theme's colours where the drawing is part of a page, these where it is a picture
INK = "var(--pst-color-text-base, #777)"
SIDES = {
    "encoder": "var(--ae-encoder, #4c8bb8)",
    "bottleneck": "var(--ae-bottleneck, #d9822b)",
    "decoder": "var(--ae-decoder, #5a9e6f)",
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
    """``encoder``, ``bottleneck`` or ``decoder``."""


class Diagram:
    """A drawing of a network: an SVG that Jupyter and the rendered book show."""

    def __init__(self, blocks: list[Block], links: list[tuple[int, int]], caption: str) -> None:
        self.blocks, self.links, self.caption = blocks, links, caption

    @property
    def label(self) -> str:
        """The drawing in words."""
        parts = ", ".join(f"{b.kind} {_shape(b.shape)}" for b in self.blocks)
        skips = [
            f"{self.blocks[a].kind} {_shape(self.blocks[a].shape)} also feeds "
            f"{self.blocks[b].kind} {_shape(self.blocks[b].shape)}"
            for a, b in self.links
        ]
        return f"Network from left to right: {'; '.join([parts, *skips])}."

    def __repr__(self) -> str:
        """Return the drawing in words."""
        return self.label

    @property
    def svg(self) -> str:
        """The drawing as SVG."""
        dense = max((b.shape[-1] or 1 for b in self.blocks if len(b.shape) == 1), default=1)
        deepest = max((b.shape[-1] or 1 for b in self.blocks if len(b.shape) > 1), default=1)
        width = STEP * len(self.blocks) + 8
        top = 34.0 if self.links else 4.0
        height = top + HEIGHT + BOTTOM
        middle = top + HEIGHT / 2
        parts = []
        tops = []
        for i, block in enumerate(self.blocks):
            x = STEP * (i + 0.5) + 4
            if len(block.shape) == 1:
                w, h = 14.0, max(2.0, HEIGHT * (block.shape[0] or 1) / dense)
            else:
                h = max(6.0, HEIGHT * block.height)
                w = max(4.0, 40.0 * (block.shape[-1] or 1) / deepest)
            tops.append(middle - h / 2)
            if i:
                parts.append(
                    f'<path d="M{x - STEP / 2 - 5:.0f} {middle:.0f}h9m-4-4l4 4l-4 4" fill="none" '
                    f'stroke="{INK}"/>'
                )
            parts.append(
                f'<rect data-layer="{html.escape(block.name)}" x="{x - w / 2:.1f}" '
                f'y="{middle - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}" rx="2" '
                f'fill="{SIDES[block.side]}"/>'
            )
            size, channels = _shape(block.shape[:-1]), f"{block.shape[-1]:,}"
            lines = [size, f"× {channels}"] if len(block.shape) > 1 else [channels]
            for line, text in enumerate([*lines, block.kind]):
                parts.append(
                    f'<text x="{x:.0f}" y="{top + HEIGHT + 16 + 14 * line:.0f}">{text}</text>'
                )
        for a, b in self.links:
            xa, xb = (STEP * (i + 0.5) + 4 for i in (a, b))
            lift = min(tops[a], tops[b]) - 6 - 18 * (b - a) / len(self.blocks)
            parts.append(
                f'<path data-skip="{html.escape(self.blocks[a].name)}" d="M{xa:.0f} {tops[a]:.0f}'
                f'C{xa:.0f} {lift:.0f} {xb:.0f} {lift:.0f} {xb:.0f} {tops[b]:.0f}" fill="none" '
                f'stroke="{INK}" stroke-dasharray="4 3"/>'
            )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" role="img" aria-label="{html.escape(self.label)}" '
            f'font-family="system-ui, sans-serif" font-size="12" text-anchor="middle" '
            f'fill="{INK}">{"".join(parts)}</svg>'
        )

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

    Parameters
    ----------
    model : keras.Model
        Built; of one input.  Layers that leave the shape as it is and have no kernel are left out.
    caption : str
        What to notice.
    bottleneck : str, default "bottleneck"
        Name of the layer whose output is the latent code; where there is none, the first layer
        with the fewest values.

    Returns
    -------
    Diagram
        Bars for vectors, as tall as they have values; boxes for feature maps, as tall as the maps
        and as wide as they have channels; dashed lines for skip connections.

    Raises
    ------
    ModelError
        If the model is not built, or none of its layers can be drawn.
    """
    layers = [layer for layer in model.layers if type(layer).__name__ in NAMES]
    if type(model).__name__ == "Sequential" and model.inputs:
        shapes: list[tuple[int | None, ...]] = [tuple(model.inputs[0].shape[1:])]
        names, kinds = ["input"], ["InputLayer"]
    else:
        shapes, names, kinds = [], [], []
    for layer in layers:
        try:
            shapes.append(tuple(layer.output.shape[1:]))
        except AttributeError as error:
            raise ModelError("model must be built; call it on data or give it an Input.") from error
        names.append(layer.name)
        kinds.append(type(layer).__name__)
    if not layers:
        raise ModelError("model has no layer that can be drawn.")
    heights = _relative_heights(model)
    tallest = max((shape[0] or 1 for shape in shapes if len(shape) > 1), default=1)
    if bottleneck in names:
        narrow = names.index(bottleneck)
    else:
        narrow = min(range(len(shapes)), key=lambda i: math.prod(n or 1 for n in shapes[i]))
    sides = ["encoder" if i < narrow else "decoder" for i in range(len(names))]
    sides[narrow] = "bottleneck"
    blocks = [
        Block(
            name,
            NAMES[kind],
            shape,
            shape[0] / tallest if shape[0] and len(shape) > 1 else heights.get(name, 1.0),
            side,
        )
        for name, kind, shape, side in zip(names, kinds, shapes, sides, strict=True)
    ]
    return Diagram(blocks, _skips(model, names), caption)


def _shape(shape: tuple[int | None, ...]) -> str:
    """Return a shape as text; unknown sizes are left out."""
    return " × ".join(f"{n:,}" for n in shape if n is not None)


def _relative_heights(model: keras.Model) -> dict[str, float]:
    """Return the height of each layer's maps as a share of the input's, by layer name."""
    heights: dict[str, float] = {}
    for layer in model.layers:
        nodes = getattr(layer, "_inbound_nodes", [])
        parents = [p.operation.name for node in nodes for p in node.parent_nodes]
        height = max((heights.get(name, 1.0) for name in parents), default=1.0)
        kind = type(layer).__name__
        if kind.startswith("MaxPooling"):
            height /= layer.strides[0]
        elif kind.startswith("UpSampling"):
            height *= layer.size[0] if isinstance(layer.size, tuple) else layer.size
        elif kind == "UpsampleConv2D":
            height *= 2
        elif "Transpose" in kind:
            height *= layer.strides[0]
        elif kind.startswith("Conv"):
            height /= layer.strides[0]
        heights[layer.name] = height
    return heights


def _skips(model: keras.Model, names: list[str]) -> list[tuple[int, int]]:
    """Return the skip connections: pairs of drawn layers that are joined around others."""
    index = {name: i for i, name in enumerate(names)}
    # of every layer that is not drawn: the drawn one before it, and those that join it from afar
    passed: dict[str, tuple[int, set[int]]] = {}
    links = set()
    for layer in model.layers:
        parents = [
            (index[name], set()) if name in index else passed.get(name, (0, set()))
            for node in getattr(layer, "_inbound_nodes", [])
            for name in (parent.operation.name for parent in node.parent_nodes)
        ]
        last = max((place for place, _ in parents), default=0)
        waiting = {place for place, _ in parents if place < last}
        waiting = waiting.union(*(joining for place, joining in parents if place == last))
        if layer.name in index:
            links |= {(place, index[layer.name]) for place in waiting}
        else:
            passed[layer.name] = last, waiting
    return sorted(links)
