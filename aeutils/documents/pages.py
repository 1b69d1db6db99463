"""What a page is: one grey picture."""

from aeutils.core.errors import ImageError
from aeutils.images import to_unit_range


def checked_page(page):
    """Return one grey picture as float32 between 0 and 1, or refuse it."""
    page = to_unit_range(page)
    if page.ndim != 2:
        raise ImageError(f"a page has the shape (height, width), not {page.shape}.")
    return page
