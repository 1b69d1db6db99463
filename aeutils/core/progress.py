"""The progress bar of the command line and of a training; needs nothing but Python."""

import sys
import time

__all__ = ["bar", "show_progress"]

WIDTH = 24


def bar(done, total, full="█", empty="░"):
    """Return a bar and a percentage as text; the bar is full at the end and not before.

    Parameters
    ----------
    done, total : float
        How much is done, and of how much.
    full, empty : str
        The characters of the two parts of the bar.

    Returns
    -------
    str
        24 characters, a space, and four more for the percentage.
    """
    n_full = int(WIDTH * done / total)
    return full * n_full + empty * (WIDTH - n_full) + f" {done / total:4.0%}"


def show_progress(done, total, stream=None, began=None):
    """Draw a progress bar on standard error; pass it as ``on_tile``.

    Parameters
    ----------
    done, total : int
        Number of tiles that are done, and of all.
    stream : file, optional
        Where to draw; standard error by default.
    began : float, optional
        :func:`time.perf_counter` at the start, to say how long it took.
    """
    stream = sys.stderr if stream is None else stream
    blocks = "█░" if (stream.encoding or "").lower().startswith("utf") else "#."
    took = "" if began is None else f" {time.perf_counter() - began:5.1f} s"
    end = "\n" if done == total else ""
    print(f"\r{bar(done, total, *blocks)}{took}", end=end, file=stream, flush=True)
