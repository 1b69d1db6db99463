"""Windows of recordings; nothing here needs Keras."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array, positive_integer
from aeutils.core.errors import SequenceError

__all__ = ["label_ranges", "sliding_windows"]

LARGEST_INTEGER = 2**24  # up to here float32 holds every integer


def sliding_windows(x: ArrayLike, width: int, stride: int = 1) -> NDArray[np.float32]:
    """Cut a recording into overlapping windows.

    Every step lies in at least one window: if the strides do not reach the last step, one more
    window ends there.  The windows take about ``4 * n_steps * n_channels * width / stride``
    bytes; :func:`aeutils.sequences.score_steps` holds only a batch of them.

    Parameters
    ----------
    x : array-like of float, int or bool, shape (n_steps,) or (n_steps, n_channels)
        One recording: samples in the order of time, evenly spaced, without gaps.
    width : int
        Length of a window in steps, at most `n_steps`.
    stride : int, default 1
        Steps from one window to the next, at most `width`.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_windows, `width`, n_channels), a copy, in the units of `x`.
        Floating-point samples are rounded to float32, which keeps about 7 digits: subtract a
        large offset before.

    Raises
    ------
    SequenceError
        If `x` is shorter than a window, has another shape, holds anything but real numbers, has
        gaps (NaN), masked or infinite values (the message states the steps), or integers beyond
        ±2**24, which float32 would round; if `width` or `stride` is out of range; or if the
        windows do not fit into memory.

    Examples
    --------
    >>> sliding_windows([1, 2, 3, 4, 5], width=3, stride=2)[..., 0].tolist()
    [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]
    """
    x = as_sequence(x, "x")
    width = positive_integer("width", width, SequenceError)
    return cut_windows(x, window_starts(len(x), width, stride), width)


def label_ranges(labels: ArrayLike) -> NDArray[np.intp]:
    """Return the ranges of consecutive true labels.

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
        If the labels are not one-dimensional, are masked, or hold anything but 0 and 1.

    Examples
    --------
    >>> label_ranges([1, 1, 0, 0, 1]).tolist()
    [[0, 2], [4, 5]]
    """
    padded = np.concatenate([[False], as_labels("labels", labels), [False]])
    return np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2)


def as_labels(name: str, labels: ArrayLike) -> NDArray[np.bool_]:
    """Return one bool per step, or raise."""
    array = plain_array(name, labels, SequenceError)
    if array.ndim != 1:
        raise SequenceError(f"{name} must have shape (n_steps,); got shape {array.shape}.")
    other = np.flatnonzero((array != 0) & (array != 1))
    if len(other):
        raise SequenceError(
            f"{name} must be 0 or 1 at every step; got {array[other[0]]} at step {other[0]}. "
            "Compare scores with a threshold first: scores > threshold."
        )
    return array.astype(bool)


def as_sequence(x: ArrayLike, name: str, allow_empty: bool = False) -> NDArray[np.float32]:
    """Return a recording as float32 of shape (n_steps, n_channels), or raise."""
    try:
        array = plain_array(name, x, SequenceError)
    except SequenceError as error:
        if not isinstance(x, list | tuple) or error.__cause__ is None:
            raise
        raise SequenceError(
            f"{name} must be one recording; got a {type(x).__name__} of {len(x)} parts that do not "
            "form one array. Pass recordings of unequal lengths one by one, each to "
            "sliding_windows, and concatenate the windows."
        ) from error
    is_empty = array.size == 0 and not (allow_empty and array.shape[0] == 0)
    if array.ndim not in (1, 2) or is_empty:
        raise SequenceError(
            f"{name} must be one recording of shape (n_steps,) or (n_steps, n_channels) with at "
            f"least one step and one channel; got shape {array.shape}."
        )
    if array.dtype.kind in "iu" and array.size:
        # compared as Python integers, since the smallest int64 has no absolute value
        largest = max(int(array.max()), -int(array.min()))
        if largest > LARGEST_INTEGER:
            raise SequenceError(
                f"{name} must hold integers of at most 2**24 = {LARGEST_INTEGER:,}, since float32 "
                f"rounds larger ones; got ±{largest:,}. Subtract an offset, or convert to floating "
                "point if rounding to 7 digits is harmless."
            )
    with np.errstate(over="ignore"):  # refused below
        array = array.astype(np.float32, copy=False)
    if array.ndim == 1:
        array = array[:, np.newaxis]
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        start, stop = label_ranges(bad)[0]
        span = f"step {start}" if stop == start + 1 else f"steps {start} to {stop - 1}"
        raise SequenceError(
            f"{name} must hold finite values of at most 3.4e38; got NaN or infinite values at "
            f"{int(bad.sum())} of {len(bad)} steps, first at {span}. Cut the recording there and "
            "pass the pieces one by one, or fill the gap, for instance with numpy.interp."
        )
    return array


def window_starts(n_steps: int, width: int, stride: int) -> NDArray[np.intp]:
    """Return the first steps of the windows that cover a recording, or raise."""
    width = positive_integer("width", width, SequenceError)
    stride = positive_integer("stride", stride, SequenceError)
    if stride > width:
        raise SequenceError(
            f"stride must be at most the width, or the steps in between belong to no window; got "
            f"stride {stride} and width {width}."
        )
    if n_steps < width:
        raise SequenceError(
            f"a recording must have at least as many steps as a window; got {n_steps} steps and "
            f"width {width}. Use a shorter window, or leave this recording out."
        )
    starts = np.arange(0, n_steps - width + 1, stride)
    last = n_steps - width
    return starts if starts[-1] == last else np.append(starts, last)


def cut_windows(
    x: NDArray[np.float32], starts: NDArray[np.intp], width: int
) -> NDArray[np.float32]:
    """Return copies of the windows of a checked recording that begin at these steps."""
    try:
        windows = sliding_window_view(x, width, axis=0)[starts]  # (n, channels, width)
        return np.ascontiguousarray(windows.transpose(0, 2, 1))
    except MemoryError as error:
        gibibytes = 4 * len(starts) * width * x.shape[1] / 2**30
        raise SequenceError(
            f"{len(starts):,} windows of {width:,} steps take {gibibytes:,.0f} GiB, more than "
            "there is memory for. Use a longer stride, or score_steps, which holds one batch of "
            "windows only."
        ) from error
