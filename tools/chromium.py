"""An installed Chromium or Chrome, without a window, driven by Playwright."""

import contextlib
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium():
    """Return the path of the browser, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def launch():
    """Start the browser; gives Playwright's, of which ``new_page()`` makes a page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # whoever starts this may be root in a container, where Chromium's own sandbox cannot start
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=options)
        try:
            yield browser
        finally:
            browser.close()
