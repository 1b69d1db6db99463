"""A real browser for the tests of pages, and the book served to it.

Named by the tests that use it; where there is no Chromium they are skipped, and say so.
"""

import contextlib
import functools
import http.server
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from chromium import find_chromium, launch

__all__ = ["launch", "needs_chromium", "serve"]

needs_chromium = pytest.mark.skipif(
    find_chromium() is None, reason="needs Chromium (Debian: apt install chromium)"
)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, as by any real server

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serve(folder):
    """Serve a folder; gives its address."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
