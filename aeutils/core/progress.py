"""The progress bar of the command line and of a training; needs nothing but Python."""

import contextlib
import math
import sys
import time
from typing import TextIO

__all__ = ["bar", "show_progress"]

WIDTH = 24


def bar(done: float, total: float, full: str = "█", empty: str = "░") -> str:
    """Return a bar and a percentage as text; both are full at the end and not before.

    Parameters
    ----------
    done, total : float
        How much is done, and of how much.  Where no share follows from them, as from a `total` of
        0 or NaN, the bar is empty and has a question mark for the percentage.
    full, empty : str
        The characters of the two parts of the bar.

    Returns
    -------
    str
        24 characters, a space, and four more for the percentage.
    """
    share = done / total if total > 0 else math.nan
    if not 0 <= share < math.inf:
        return empty * WIDTH + "   ?%"
    share = min(share, 1.0)
    # a share such as 0.29 is a little less than 29 hundredths
    n_full, percent = (int(n * share + 1e-9) for n in (WIDTH, 100))
    if done < total:
        n_full, percent = min(n_full, WIDTH - 1), min(percent, 99)
    return full * n_full + empty * (WIDTH - n_full) + f" {percent:3d}%"


def show_progress(
    done: float, total: float, stream: TextIO | None = None, began: float | None = None
) -> None:
    """Draw a progress bar on standard error; pass it as ``on_tile``.

    Parameters
    ----------
    done, total : int
        Number of tiles that are done, and of all.
    stream : file, optional
        Where to draw; standard error by default.  One that is closed or broken shows nothing and
        stops nothing.
    began : float, optional
        :func:`time.perf_counter` at the start, to say how long it took.
    """
    stream = sys.stderr if stream is None else stream
    if stream is None:  # of a program without a console
        return
    encoding = getattr(stream, "encoding", None) or ""
    blocks = "█░" if encoding.lower().startswith("utf") else "#."
    took = "" if began is None else f" {time.perf_counter() - began:5.1f} s"
    end = "\n" if done >= total else ""
    with contextlib.suppress(OSError, ValueError):
        print(f"\r{bar(done, total, *blocks)}{took}", end=end, file=stream, flush=True)
