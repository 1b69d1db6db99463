"""One look for the figures of the book."""

from __future__ import annotations

from typing import Any

__all__ = ["book_style"]

STYLE: dict[Any, Any] = {
    # about 480 pixels wide, so that labels stay legible on a phone
    "figure.figsize": (5.0, 3.1),
    "figure.dpi": 96,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # the page is the ground, light or dark
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
}


def book_style() -> None:
    """Set matplotlib to the look of the book, with pictures of twice the resolution.

    Sets defaults of the whole process; meant for the first cell of a notebook.
    """
    import matplotlib
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    matplotlib.rcParams.update(STYLE)
    set_matplotlib_formats("retina")
