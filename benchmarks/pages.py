"""Measure how fast the book is built, and how fast and heavy its pages are (about three minutes).

Needs Chromium, in which the page "Try it" is measured.
Writes benchmarks/pages.json, from which benchmarks/page.py makes a page of the book.
"""

import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import results

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import chromium  # noqa: E402  a tool of the book
import try_it_speed  # noqa: E402  the same

LOADS = 30


def build_seconds(folder):
    """Build the book in a folder and return its seconds."""
    command = [sys.executable, ROOT / "tools" / "build_book.py", folder]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return round(time.perf_counter() - began, 1)


def megabytes(folder):
    """Return the size of all files of a folder."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return round(size / 1e6, 1)


def try_it(html):
    """Load the page again and again; return its size and the times of its first answer."""
    with chromium.serve(html) as home, chromium.launch() as browser:
        address = f"{home}book/try_it.html"
        sizes, _ = try_it_speed.downloaded(browser, address)
        answers = itertools.islice(try_it_speed.answer_seconds(browser, address), LOADS)
        seconds = [round(sum(answer), 2) for answer in answers]
    return {
        "megabytes": round(sum(sizes) / 1e6, 2),
        "slower": try_it_speed.SLOWER,
        "loads": LOADS,
        "answer_seconds": {
            "median": statistics.median(seconds),
            "fastest": min(seconds),
            "slowest": max(seconds),
        },
    }


def main():
    """Measure everything and store it."""
    if chromium.find_chromium() is None:
        print("No Chromium (Debian: apt install chromium): benchmarks/pages.json stays as it is")
        return
    with tempfile.TemporaryDirectory() as folder:
        html = Path(folder) / "_build" / "html"
        measured = {
            "seconds": build_seconds(folder),
            "seconds_unchanged": build_seconds(folder),
            "megabytes": megabytes(html),
            "try_it": try_it(html),
        }
    results.write("pages", measured)


if __name__ == "__main__":
    main()
