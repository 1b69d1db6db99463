"""Windows of recordings; nothing here needs Keras."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from aeutils.core.checks import positive_integer
from aeutils.core.errors import SequenceError

__all__ = ["label_ranges", "sliding_windows"]


def sliding_windows(x, width, stride=1):
    """Cut a recording into overlapping windows.

    Every step lies in at least one of them: where the last stride leaves a rest, one more window
    ends with the recording.

    Parameters
    ----------
    x : array-like, shape (n_steps,) or (n_steps, n_channels)
        One recording: samples in the order of time, evenly spaced, without gaps.
    width : int
        Length of a window in steps, at most `n_steps`.
    stride : int, default 1
        Steps from one window to the next, at most `width`.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_windows, `width`, n_channels), a copy, in the units of `x`.

    Raises
    ------
    SequenceError
        If `x` is shorter than a window, is several recordings of unequal lengths, has three
        dimensions, holds something else than numbers, or has gaps (NaN) or infinite values (the
        message says at which steps); or if `width` or `stride` is out of range.

    Examples
    --------
    >>> sliding_windows([1, 2, 3, 4, 5], width=3, stride=2)[..., 0].tolist()
    [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]
    """
    x = as_sequence(x, "x")
    width = positive_integer("width", width, SequenceError)
    return cut_windows(x, window_starts(len(x), width, stride), width)


def label_ranges(labels):
    """Ranges of consecutive true labels.

    Parameters
    ----------
    labels : array-like of bool or 0/1, shape (n_steps,)
        Whether each step is anomalous.

    Returns
    -------
    numpy.ndarray of int, shape (n_ranges, 2)
        First step of each range, and the step after its last.

    Raises
    ------
    SequenceError
        If the labels are not one-dimensional, or hold something else than 0 and 1.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.isin(labels, (0, 1)).all():
        raise SequenceError(
            f"labels must be one 0 or 1 a step, shape (n_steps,), not shape {labels.shape} of "
            f"{labels.dtype}."
        )
    padded = np.concatenate([[0], labels.astype(np.int8), [0]])
    return np.flatnonzero(np.diff(padded)).reshape(-1, 2)


def as_sequence(x, name):
    """Return a recording as float32 of shape (n_steps, n_channels), or raise."""
    try:
        array = np.asarray(x)
    except ValueError:  # NumPy refuses ragged lists
        array = np.empty(0, dtype=object)
    if array.dtype == object:
        raise SequenceError(
            f"{name} is no single recording of numbers: its parts have unequal lengths, or it "
            "holds other things than numbers. Pass recordings of unequal lengths one by one, "
            "each to sliding_windows, and concatenate the windows."
        )
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise SequenceError(f"{name} has type {array.dtype}; convert it to numbers first.")
    if np.iscomplexobj(array):
        raise SequenceError(f"{name} is complex; pass its real values or magnitudes.")
    if array.ndim not in (1, 2) or array.size == 0:
        raise SequenceError(
            f"{name} must be one recording of shape (n_steps,) or (n_steps, n_channels) with at "
            f"least one step; it has shape {array.shape}."
        )
    array = array.reshape(len(array), -1)
    with np.errstate(over="ignore"):  # told below
        array = array.astype(np.float32)
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        start, stop = label_ranges(bad)[0]
        span = f"step {start}" if stop == start + 1 else f"steps {start} to {stop - 1}"
        raise SequenceError(
            f"{name} holds NaN or infinite values at {int(bad.sum())} of {len(bad)} steps, first "
            f"at {span}. Cut the recording there and pass the pieces one by one, or fill the gap, "
            "for instance with numpy.interp."
        )
    return array


def window_starts(n_steps, width, stride):
    """Return the first steps of the windows that cover a recording, or raise."""
    width = positive_integer("width", width, SequenceError)
    stride = positive_integer("stride", stride, SequenceError)
    if stride > width:
        raise SequenceError(
            f"stride {stride} is longer than a window of {width} steps, so that the steps in "
            "between would belong to none."
        )
    if n_steps < width:
        raise SequenceError(
            f"a recording of {n_steps} steps is too short for a window of {width}; "
            "use a shorter window, or leave this recording out."
        )
    starts = np.arange(0, n_steps - width + 1, stride)
    last = n_steps - width
    return starts if starts[-1] == last else np.append(starts, last)


def cut_windows(x, starts, width):
    """Return the windows of a checked recording that begin at these steps."""
    windows = sliding_window_view(x, width, axis=0)[starts]  # (n, channels, width)
    return np.ascontiguousarray(windows.transpose(0, 2, 1))
