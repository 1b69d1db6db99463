"""Quiet logs before any test imports Keras; the built book and a browser to look at it."""

import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
from browser import launch, serve
from filelock import FileLock

from aeutils import runtime

# the same examples in every run; a slow machine fails no test
hypothesis.settings.register_profile(
    "book", deadline=None, derandomize=True, max_examples=30, database=None
)
hypothesis.settings.load_profile("book")

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config):
    """Import Keras, quietly, where tests run: not where they are handed out to processes."""
    if hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        runtime.quiet_logs()


@pytest.fixture(scope="session")
def html(tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    # pytest-xdist gives each of its processes a folder in one; the book is built once for all
    if folder.name.startswith("popen-"):
        folder = folder.parent
    # pytest leaves a README in its cache, which once ended up among the pages
    (ROOT / ".pytest_cache").mkdir(exist_ok=True)
    (ROOT / ".pytest_cache" / "README.md").touch()
    command = [sys.executable, str(ROOT / "tools" / "build_book.py"), str(folder / "book")]
    with FileLock(folder / "book.lock"):
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "book" / "_build" / "html"


@pytest.fixture(scope="module")
def site(html):
    """Serve the book; gives its address."""
    with serve(html) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with launch() as browser:
        yield browser
