"""A real browser for the tests of pages: Chromium, without a window, driven by Playwright.

Named by the tests that use it; where there is no Chromium they are skipped, and say so.
"""

import contextlib
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium():
    """Return the path of an installed Chromium or Chrome, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


needs_chromium = pytest.mark.skipif(
    find_chromium() is None, reason="needs Chromium (Debian: apt install chromium)"
)


@contextlib.contextmanager
def launch():
    """Start Chromium; gives Playwright's browser, of which ``new_page()`` makes a page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # tests may run as root in a container, where Chromium's own sandbox cannot start
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=options)
        try:
            yield browser
        finally:
            browser.close()
