"""Draw a U-Net as a U: down the left side to smaller maps, up the right side again."""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aeutils.show.diagrams import Block

# width of the drawing, of its full-size maps, and from its edge to the middle of a side
WIDTH, WIDEST, SIDE = 348.0, 100.0, 72.0
# thickness of the box with most channels, height of a line under a box, and of an arrow
THICKEST, LABEL, ARROW = 24.0, 17.0, 24.0
# layers that change the size are arrows between two levels
RESIZING = "pool", "upsample"


def halvings(blocks: Sequence[Block], links: Sequence[tuple[int, int]]) -> list[int]:
    """Return how often each block's maps have been halved; empty where the network is no U.

    A U halves its maps and doubles them again, and its skip connections join maps of one size.
    """
    levels = [round(-math.log2(block.height)) for block in blocks]
    deepest = max(levels)
    turn = levels.index(deepest)
    is_u = (
        links
        and deepest > 0
        and levels[0] == levels[-1] == 0
        and levels[:turn] == sorted(levels[:turn])
        and levels[turn:] == sorted(levels[turn:], reverse=True)
        and all(levels[a] == levels[b] for a, b in links)
        and all(len(block.shape) > 1 and block.lane == 0 for block in blocks)
        # the arrows lead from one level to the next, one step at a time
        and all(
            abs(levels[i] - levels[i - 1]) == (blocks[i].kind in RESIZING)
            for i in range(1, len(blocks))
        )
    )
    return levels if is_u else []


def u_shape(
    blocks: Sequence[Block],
    links: Sequence[tuple[int, int]],
    label: str,
    ink: str,
    colours: dict[str, str],
) -> str:
    """Return the drawing as SVG, or an empty text where the network is no U.

    Parameters
    ----------
    blocks, links
        The layers in order, and the pairs of them that skip connections join.
    label : str
        The drawing in words.
    ink : str
        Colour of lines and text.
    colours : dict of str to str
        Colour of each side of the network.
    """
    levels = halvings(blocks, links)
    if not levels:
        return ""
    deepest = max(levels)
    boxes = [i for i, block in enumerate(blocks) if block.kind not in RESIZING]
    floor = [i for i in boxes if levels[i] == deepest]
    left = [i for i in boxes if i < floor[0]]
    right = [i for i in boxes if i > floor[-1]]
    most = max(block.shape[-1] or 1 for block in blocks)
    thick = {i: max(3.0, THICKEST * (blocks[i].shape[-1] or 1) / most) for i in boxes}
    wide = {i: max(6.0, WIDEST / 2 ** levels[i]) for i in boxes}
    y, bottoms, top = _heights(levels, thick, left, right)
    x = dict.fromkeys(left, SIDE) | dict.fromkeys(right, WIDTH - SIDE)
    for place, i in enumerate(floor, 1):
        x[i] = SIDE + (WIDTH - 2 * SIDE) * place / (len(floor) + 1)
        y[i] = top
    drawn = {
        i: f'<rect data-layer="{html.escape(blocks[i].name)}" x="{x[i] - wide[i] / 2:.1f}" '
        f'y="{y[i]:.1f}" width="{wide[i]:.1f}" height="{thick[i]:.1f}" rx="1" '
        f'fill="{colours[blocks[i].side]}"/>'
        f'<text x="{x[i]:.0f}" y="{y[i] + thick[i] + 13:.0f}">{blocks[i].kind} × '
        f"{blocks[i].shape[-1]:,}</text>"
        for i in boxes
    }

    def middle(i: int) -> float:
        return y[i] + thick[i] / 2

    def line(path: str, style: str = "") -> str:
        return f'<path d="{path}" fill="none" stroke="{ink}"{style}/>'

    for i in set(range(len(blocks))) - set(boxes):
        down = i < floor[0]
        upper = levels[i] - 1 if down else levels[i]
        at, start = SIDE if down else WIDTH - SIDE, bottoms[upper] + 2
        if upper + 1 < deepest:
            end = start + ARROW - 6
            path = f"V{end:.0f}m-4-4l4 4l4-4" if down else f"V{end:.0f}M{at:.0f} {start:.0f}"
        else:  # to the floor of the U, or from there
            near = floor[0] if down else floor[-1]
            to = x[near] + (-1 if down else 1) * (wide[near] / 2 + 8)
            path = f"V{middle(near):.0f}H{to:.0f}"
            path += "m-4-4l4 4l-4 4" if down else f"M{at:.0f} {start:.0f}"
        head = "" if down else "m-4 4l4-4l4 4"
        beside, anchor = (at - 12, "end") if down else (at + 12, "start")
        drawn[i] = (
            f'<g data-layer="{html.escape(blocks[i].name)}">'
            + line(f"M{at:.0f} {start:.0f}{path}{head}")
            + f'<text x="{beside:.0f}" y="{start + ARROW / 2 + 2:.0f}" text-anchor="{anchor}">'
            + f"{blocks[i].kind}</text></g>"
        )
    parts = [drawn[i] for i in range(len(blocks))]
    for a, b in itertools.pairwise(floor):
        start, end = x[a] + wide[a] / 2 + 8, x[b] - wide[b] / 2 - 8
        parts.append(line(f"M{start:.0f} {middle(a):.0f}H{end:.0f}m-4-4l4 4l-4 4"))
    for a, b in links:
        start, end = x[a] + wide[a] / 2 + 4, x[b] - wide[b] / 2 - 4
        parts.append(
            f'<path data-skip="{html.escape(blocks[a].name)}" d="M{start:.0f} {middle(a):.0f}'
            f'H{end:.0f}" fill="none" stroke="{ink}" stroke-width="1.5" stroke-dasharray="5 4"/>'
            + line(f"M{end - 5:.0f} {middle(a) - 5:.0f}l5 5l-5 5")
            + f'<text x="{WIDTH / 2:.0f}" y="{middle(a) - 6:.0f}">{_share(levels[a])}</text>'
        )
    height = top + max(thick[i] for i in floor) + LABEL + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -4 {WIDTH:.0f} {height:.0f}" '
        f'width="{WIDTH:.0f}" role="img" aria-label="{html.escape(label)}" '
        f'font-family="system-ui, sans-serif" font-size="12" text-anchor="middle" '
        f'fill="{ink}">{"".join(parts)}</svg>'
    )


def _heights(
    levels: list[int], thick: dict[int, float], left: list[int], right: list[int]
) -> tuple[dict[int, float], list[float], float]:
    """Return the upper edge of each box of both sides, the lower edge of each level, and the floor.

    The boxes of a level lie under each other, and those that a skip connection joins, the last on
    the left and the first on the right, at the same height.
    """
    top, y, bottoms = 0.0, {}, []
    for level in range(max(levels)):
        sides = [[i for i in side if levels[i] == level] for side in (left, right[::-1])]
        bottoms.append(top + max(sum(thick[i] + LABEL for i in side) for side in sides))
        for side in sides:
            at = bottoms[-1]
            for i in reversed(side):
                at -= thick[i] + LABEL
                y[i] = at
        top = bottoms[-1] + ARROW
    return y, bottoms, top


def _share(level: int) -> str:
    """Return the size of maps that have been halved so often, in words."""
    return "full size" if level == 0 else f"1/{2**level} of the size"
