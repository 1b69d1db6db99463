"""An installed Chromium or Chrome, without a window, driven by Playwright; pages served to it."""

import contextlib
import functools
import http.server
import shutil
import threading

# the first has no window to draw: the same pages in half of the processor's time
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


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
        # scripts that make much garbage, as axe does, spend a fifth less of the processor's time
        options.append("--js-flags=--min-semi-space-size=64 --max-semi-space-size=128")
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=options)
        try:
            yield browser
        finally:
            browser.close()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, as by any real server

    def log_message(self, *arguments):
        pass

    def handle(self):
        # a page that is closed while it loads is no trouble
        with contextlib.suppress(ConnectionError):
            super().handle()


@contextlib.contextmanager
def serve(folder):
    """Serve a folder; gives its address."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
