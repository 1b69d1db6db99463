"""Pages in pieces: random patches to train on, tiles to clean a page of any size."""

from numbers import Integral

import numpy as np

from aeutils.core.errors import ImageError

__all__ = ["apply_in_tiles", "random_patches"]


def random_patches(spoiled, clean, n, size, seed=None):
    """Cut squares out of pages, at random places, turned and mirrored at random.

    Parameters
    ----------
    spoiled, clean : array-like, shape (n_pages, height, width)
        What goes in and what should come out, 0 (ink) to 1 (paper).
    n : int
        Number of patches.
    size : int
        Height and width of a patch.
    seed : int or numpy.random.Generator, optional
        Makes them repeatable.

    Returns
    -------
    x, y : numpy.ndarray
        Spoiled and clean patches as **ink**, 0 (paper) to 1 (ink), float32, shape
        (n, size, size, 1).

    Raises
    ------
    ImageError
        If the shapes differ or the pages are smaller than a patch.
    """
    shape = np.shape(spoiled)
    if len(shape) != 3 or shape != np.shape(clean) or min(shape[1:]) < size or len(spoiled) == 0:
        raise ImageError(
            f"patches of {size} × {size} need pages of one shape (n_pages, height, width) at "
            f"least that large; these have {shape} and {np.shape(clean)}."
        )
    rng = np.random.default_rng(seed)
    x = np.empty((n, size, size, 1), np.float32)
    y = np.empty_like(x)
    for i in range(n):
        page = rng.integers(shape[0])
        top, left = rng.integers(shape[1] - size + 1), rng.integers(shape[2] - size + 1)
        place = (page, slice(top, top + size), slice(left, left + size))
        quarters, mirrored = int(rng.integers(4)), int(rng.integers(2))
        for whole, patches in ((spoiled, x), (clean, y)):
            patch = np.rot90(whole[place], quarters)
            patches[i, ..., 0] = 1 - (patch[::-1] if mirrored else patch)
    return x, y


def apply_in_tiles(function, page, tile=1024, overlap=96, multiple=16, on_tile=None):
    """Apply a function to a page of any size, tile by tile, without seams.

    Each tile is cut with a border from its neighbours, and of the answer only the tile itself is
    kept.  If no pixel of the answer depends on pixels farther away than the border is wide, the
    result is that of the whole page at once, in the memory of one tile.

    Parameters
    ----------
    function : callable
        Takes an array (height, width) whose sides are multiples of `multiple`, and returns one
        of the same shape.
    page : numpy.ndarray, shape (height, width)
        Any size from 1 × 1; the edge is repeated outwards where a multiple needs it.
    tile : int, default 1024
        Height and width of a tile, a multiple of `multiple`.
    overlap : int, default 96
        Width of the border, a multiple of `multiple`.
    multiple : int, default 16
        What the function needs the sides to be multiples of: 2 to the power of its poolings.
    on_tile : callable, optional
        Called as ``on_tile(done, n_tiles)``, before the first tile with 0 and after every one.

    Returns
    -------
    numpy.ndarray
        Shape of `page`, type of what the function returned.

    Raises
    ------
    ImageError
        If the page is not two-dimensional or empty, `tile` or `overlap` are no multiples, or the
        function returns another shape.
    """
    page = np.asarray(page)
    if page.ndim != 2 or page.size == 0:
        raise ImageError(f"a page has the shape (height, width), not {page.shape}.")
    for name, number, least in (("tile", tile, multiple), ("overlap", overlap, 0)):
        if not isinstance(number, Integral) or number < least or number % multiple:
            raise ImageError(f"{name} must be a multiple of {multiple}, not {number!r}.")
    height, width = page.shape
    # what a single pass would see: the page, its sides made multiples
    padded = [-(-side // multiple) * multiple for side in page.shape]
    corners = [(t, s) for t in range(0, height, tile) for s in range(0, width, tile)]
    result = None
    if on_tile is not None:
        on_tile(0, len(corners))
    for done, (top, left) in enumerate(corners, 1):
        r0, c0 = max(top - overlap, 0), max(left - overlap, 0)
        r1, c1 = min(top + tile + overlap, padded[0]), min(left + tile + overlap, padded[1])
        piece = page[r0:r1, c0:c1]
        missing = ((0, r1 - r0 - piece.shape[0]), (0, c1 - c0 - piece.shape[1]))
        answer = np.asarray(function(np.pad(piece, missing, mode="edge")))
        if answer.shape != (r1 - r0, c1 - c0):
            raise ImageError(
                f"the function turned {(r1 - r0, c1 - c0)} pixels into {answer.shape}; it must "
                "keep height and width."
            )
        if result is None:
            result = np.empty(page.shape, answer.dtype)
        bottom, right = min(top + tile, height), min(left + tile, width)
        result[top:bottom, left:right] = answer[top - r0 : bottom - r0, left - c0 : right - c0]
        if on_tile is not None:
            on_tile(done, len(corners))
    return result
