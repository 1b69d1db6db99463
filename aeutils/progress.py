"""The progress bar of the command line and of a training; needs nothing but Python."""

__all__ = ["bar"]

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
