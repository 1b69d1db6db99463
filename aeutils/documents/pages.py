"""What a page is: one grey picture, of a size that fits into memory."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array, positive_integers
from aeutils.core.errors import ImageError
from aeutils.images import to_unit_range

MAX_PIXELS = 100_000_000  # an A3 page at 600 dpi has 70 million


def checked_page(page: ArrayLike) -> NDArray[np.float32]:
    """Return one grey picture as float32 between 0 and 1, shape (height, width), or raise."""
    pixels = to_unit_range(plain_array("page", page, ImageError))
    if pixels.ndim != 2:
        raise ImageError(
            f"page must be one grey picture of shape (height, width); got shape {pixels.shape}. "
            "Pass pages one at a time, and make coloured ones grey first."
        )
    return pixels


def checked_shape(shape: object) -> tuple[int, int]:
    """Return the height and width of a page to draw, or raise."""
    height, width = positive_integers("shape", shape, ImageError, length=2)
    if height * width > MAX_PIXELS:
        raise ImageError(
            f"shape must have at most {MAX_PIXELS:,} pixels; got {height} × {width}. "
            "Draw a smaller page."
        )
    return height, width
