"""A real browser for the tests of pages, and the book served to it.

Named by the tests that use it; where there is no Chromium they are skipped, and say so.
"""

import pytest
from chromium import find_chromium, launch, serve

__all__ = ["launch", "needs_chromium", "serve"]

needs_chromium = pytest.mark.skipif(
    find_chromium() is None, reason="needs Chromium (Debian: apt install chromium)"
)
