"""Process images of any size in tiles, for pages and for photographs."""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array, positive_integer
from aeutils.core.errors import ImageError

__all__ = ["in_tiles"]


def in_tiles(
    function: Callable[[NDArray], ArrayLike],
    image: NDArray,
    tile: int,
    overlap: int,
    multiple: int,
    on_tile: Callable[[int, int], object] | None = None,
) -> NDArray:
    """Apply a function to an image tile by tile, without seams.

    See :func:`aeutils.documents.apply_in_tiles`, which also says what is raised.

    Parameters
    ----------
    function : callable
        Takes a piece of the image whose height and width are multiples of `multiple`, and
        returns an array of the same shape.
    image : numpy.ndarray, shape (height, width) or (height, width, channels)
        Not empty.
    tile, overlap, multiple, on_tile
        See :func:`aeutils.documents.apply_in_tiles`.

    Returns
    -------
    numpy.ndarray
        Shape of `image`, type of what the function returned.
    """
    multiple = positive_integer("multiple", multiple, ImageError)
    tile = _multiple_of(multiple, "tile", tile, least=multiple)
    overlap = _multiple_of(multiple, "overlap", overlap, least=0)
    height, width = image.shape[:2]
    # what a single pass would see: the image, its sides made multiples
    padded = [-(-side // multiple) * multiple for side in (height, width)]
    corners = [(t, s) for t in range(0, height, tile) for s in range(0, width, tile)]
    if on_tile is not None:
        on_tile(0, len(corners))
    for done, (top, left) in enumerate(corners, 1):
        r0, c0 = max(top - overlap, 0), max(left - overlap, 0)
        r1, c1 = min(top + tile + overlap, padded[0]), min(left + tile + overlap, padded[1])
        piece = image[r0:r1, c0:c1]
        missing = [(0, r1 - r0 - piece.shape[0]), (0, c1 - c0 - piece.shape[1])]
        missing += [(0, 0)] * (image.ndim - 2)
        output = function(np.pad(piece, missing, mode="edge"))
        output = plain_array("the output of function", output, ImageError)
        shape = (r1 - r0, c1 - c0, *image.shape[2:])
        if output.shape != shape:
            raise ImageError(
                f"the output of function must keep height and width, {shape}; got shape "
                f"{output.shape}."
            )
        if done == 1:
            result = np.empty(image.shape, output.dtype)
        if output.dtype != result.dtype:
            raise ImageError(
                f"the output of function must have one type for all tiles; got {output.dtype} "
                f"after {result.dtype}. Convert it in the function."
            )
        bottom, right = min(top + tile, height), min(left + tile, width)
        result[top:bottom, left:right] = output[top - r0 : bottom - r0, left - c0 : right - c0]
        if on_tile is not None:
            on_tile(done, len(corners))
    return result


def _multiple_of(multiple: int, name: str, number: Any, least: int) -> int:
    """Return a multiple of a number as ``int``, or raise."""
    is_integer = isinstance(number, Integral) and not isinstance(number, bool)
    if not is_integer or number < least or number % multiple:
        raise ImageError(
            f"{name} must be a multiple of {multiple} and at least {least}; got {number!r}."
        )
    return int(number)
