"""Cut random patches out of pages to train on, and process pages of any size in tiles."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array, positive_integer, random_generator
from aeutils.core.errors import ImageError
from aeutils.core.tiles import in_tiles
from aeutils.images import to_unit_range

__all__ = ["apply_in_tiles", "random_patches"]


def random_patches(
    degraded: ArrayLike,
    clean: ArrayLike,
    n: int,
    size: int,
    seed: int | np.random.Generator | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut squares out of pages at random positions, randomly rotated and mirrored.

    Parameters
    ----------
    degraded, clean : array-like, shape (n_pages, height, width)
        Input and target of a network, 0 (ink) to 1 (paper), or uint8 or uint16.
    n : int
        Number of patches.
    size : int
        Height and width of a patch.
    seed : int or numpy.random.Generator, optional
        Makes them repeatable.

    Returns
    -------
    x, y : numpy.ndarray
        Degraded and clean patches as **ink**, 0 (paper) to 1 (ink), float32, shape
        (n, size, size, 1).

    Raises
    ------
    ImageError
        If the shapes differ, the pages are smaller than a patch, a patch has pixels that
        :func:`aeutils.images.to_unit_range` refuses, or an argument is not as above.
    """
    degraded, clean = (
        plain_array(name, pages, ImageError)
        for name, pages in (("degraded", degraded), ("clean", clean))
    )
    n, size = positive_integer("n", n, ImageError), positive_integer("size", size, ImageError)
    shape = degraded.shape
    if len(shape) != 3 or shape != clean.shape or min(shape[1:]) < size or shape[0] == 0:
        raise ImageError(
            f"degraded and clean must have one shape (n_pages, height, width) for patches of "
            f"{size} × {size}, pages at least that large; got {shape} and {clean.shape}."
        )
    rng = random_generator(seed, ImageError)
    x, y = (np.empty((n, size, size, 1), pages.dtype) for pages in (degraded, clean))
    for i in range(n):
        page = rng.integers(shape[0])
        top, left = rng.integers(shape[1] - size + 1), rng.integers(shape[2] - size + 1)
        place = (page, slice(top, top + size), slice(left, left + size))
        quarters, mirrored = int(rng.integers(4)), int(rng.integers(2))
        for pages, patches in ((degraded, x), (clean, y)):
            patch = np.rot90(pages[place], quarters)
            patches[i, ..., 0] = patch[::-1] if mirrored else patch
    # what was cut is checked rather than all pages, since a training calls this at every step
    return 1 - to_unit_range(x), 1 - to_unit_range(y)


def apply_in_tiles(
    function: Callable[[NDArray], ArrayLike],
    page: ArrayLike,
    tile: int = 1024,
    overlap: int = 96,
    multiple: int = 16,
    on_tile: Callable[[int, int], object] | None = None,
) -> NDArray:
    """Apply a function to a page of any size, tile by tile, without seams.

    Each tile is cut with a border from its neighbours, and only the tile itself is kept of the
    function's output.  If no pixel of the output depends on pixels farther away than the border
    is wide, the result is that of the whole page at once, in the memory of one tile.

    Parameters
    ----------
    function : callable
        Takes an array (height, width) whose sides are multiples of `multiple`, and returns one
        of the same shape, always of one type.  Its values are not checked: NaN stays NaN.
    page : array-like, shape (height, width)
        Real numbers of any type and any size from 1 × 1; the edge is repeated outwards where a
        multiple needs it.
    tile : int, default 1024
        Height and width of a tile, a multiple of `multiple`.
    overlap : int, default 96
        Width of the border, a multiple of `multiple`, or 0.
    multiple : int, default 16
        The sides of what the function takes are multiples of this: 2 to the power of the number
        of pooling layers.
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
        function returns another shape, another type than before, or no real numbers.
    """
    page = plain_array("page", page, ImageError)
    if page.ndim != 2 or page.size == 0:
        raise ImageError(
            f"page must have at least one pixel and shape (height, width); got shape {page.shape}."
        )
    return in_tiles(function, page, tile, overlap, multiple, on_tile)
