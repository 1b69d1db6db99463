"""Windows of recordings, and anomaly scores of every time step, in one go or as samples arrive.

Nothing here needs Keras: whatever scores windows is passed as a function.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from aeutils.checks import positive_integer
from aeutils.errors import SequenceError

__all__ = ["StreamScorer", "label_ranges", "score_steps", "sliding_windows"]

WINDOWS_AT_ONCE = 256


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
    x = _as_sequence(x, "x")
    return _cut(x, _starts(len(x), width, stride), _count("width", width))


def score_steps(x, score_windows, width, stride=1, batch_size=WINDOWS_AT_ONCE):
    """Anomaly score of every time step: the mean score of all windows that it lies in.

    Parameters
    ----------
    x : array-like, shape (n_steps,) or (n_steps, n_channels)
        One recording; see :func:`sliding_windows`.
    score_windows : callable
        Takes windows, float32 of shape (n, `width`, n_channels), and returns one anomaly score
        each, shape (n,): for instance how badly an autoencoder reconstructs them.
    width, stride : int
        See :func:`sliding_windows`.
    batch_size : int, default 256
        Windows handed to `score_windows` at a time; the last batch is filled up with zeros, so
        that a compiled network sees one shape only.

    Returns
    -------
    numpy.ndarray
        float64, shape (n_steps,).

    Raises
    ------
    SequenceError
        As :func:`sliding_windows` does, or if `score_windows` returns another shape or values
        that are not finite.
    """
    x = _as_sequence(x, "x")
    _starts(len(x), width, stride)  # raises where the recording is too short
    scorer = StreamScorer(score_windows, width, stride, x.shape[1], batch_size)
    return np.concatenate([scorer.push(x), scorer.finish()])


class StreamScorer:
    """Score a live feed: the scores of :func:`score_steps`, as soon as they are final.

    A step's score is final when the last window that it lies in has been scored: at most
    ``width + stride - 1`` steps later.  Until then the sums so far are kept; the memory in use
    does not grow with the length of the feed.

    Parameters
    ----------
    score_windows, width, stride, batch_size
        See :func:`score_steps`.
    n_channels : int, default 1
        Channels of the feed.

    Attributes
    ----------
    n_seen : int
        Steps pushed so far.
    n_scored : int
        Steps whose scores have been returned.

    Examples
    --------
    >>> scorer = StreamScorer(lambda windows: windows.max(axis=(1, 2)), width=2)
    >>> scorer.push([1.0, 2.0]).tolist(), scorer.push([4.0]).tolist()
    ([2.0], [3.0])
    >>> scorer.finish().tolist()
    [4.0]
    """

    def __init__(self, score_windows, width, stride=1, n_channels=1, batch_size=WINDOWS_AT_ONCE):
        self.score_windows = score_windows
        self.width, self.stride = _count("width", width), _count("stride", stride)
        _starts(self.width, self.width, self.stride)  # raises where the stride is too long
        self.n_channels = _count("n_channels", n_channels)
        self.batch_size = _count("batch_size", batch_size)
        self._restart()

    def push(self, samples):
        """Take the next samples and return the scores that became final.

        Parameters
        ----------
        samples : array-like, shape (n,) or (n, n_channels)
            Any number of steps, also none.

        Returns
        -------
        numpy.ndarray
            float64, shape (m,): the scores of steps ``n_scored`` to ``n_scored + m - 1`` before
            this call.

        Raises
        ------
        SequenceError
            If the samples have gaps or another number of channels; the scorer then is as it was
            before.
        """
        if np.size(samples) == 0:
            return np.empty(0)
        samples = _as_sequence(samples, "samples")
        if samples.shape[1] != self.n_channels:
            raise SequenceError(
                f"samples have {samples.shape[1]} channels, but the feed has {self.n_channels}."
            )
        finished = []
        # piece by piece, so that a long recording pushed at once needs no more memory either
        piece = self.batch_size * self.stride
        for start in range(0, len(samples), piece):
            finished.append(self._push(samples[start : start + piece]))
        return np.concatenate(finished)

    def finish(self):
        """Return the scores of the last steps, and start anew.

        Returns
        -------
        numpy.ndarray
            float64, shape (``n_seen - n_scored``,).

        Raises
        ------
        SequenceError
            If fewer steps than one window were pushed since the start.
        """
        if self.n_seen == 0:
            return np.empty(0)
        _starts(self.n_seen, self.width, self.stride)  # raises where it is too short
        if not self._ends_with_feed():
            self._add([self.n_seen - self.width])
        scores = self._sums / self._counts
        self._restart()
        return scores

    def _restart(self):
        """Forget the feed."""
        self.n_seen = self.n_scored = self._next_start = 0
        # samples, sums of scores and numbers of windows of the steps from n_scored on
        self._samples = np.empty((0, self.n_channels), np.float32)
        self._sums, self._counts = np.empty(0), np.empty(0)

    def _push(self, samples):
        self._samples = np.concatenate([self._samples, samples])
        self._sums = np.concatenate([self._sums, np.zeros(len(samples))])
        self._counts = np.concatenate([self._counts, np.zeros(len(samples))])
        self.n_seen += len(samples)
        starts = np.arange(self._next_start, self.n_seen - self.width + 1, self.stride)
        if len(starts):
            self._add(starts)
            self._next_start = int(starts[-1]) + self.stride
        # a window that ends with the feed may yet come, and begin at last or later
        last = self.n_seen - self.width
        open_from = last + 1 if self._ends_with_feed() else last
        n_final = min(self._next_start, open_from) - self.n_scored
        if n_final <= 0:
            return np.empty(0)
        scores = self._sums[:n_final] / self._counts[:n_final]
        self._samples = self._samples[n_final:].copy()
        self._sums, self._counts = self._sums[n_final:], self._counts[n_final:]
        self.n_scored += n_final
        return scores

    def _ends_with_feed(self):
        """Return whether the last window that was scored ends with the last sample."""
        return self._next_start - self.stride + self.width == self.n_seen

    def _add(self, starts):
        """Add the scores of the windows that begin at these steps of the feed."""
        starts = np.asarray(starts) - self.n_scored
        windows = _cut(self._samples, starts, self.width)
        scores = np.concatenate(
            [
                self._window_scores(windows[i : i + self.batch_size])
                for i in range(0, len(windows), self.batch_size)
            ]
        )
        for start, score in zip(starts, scores, strict=True):
            self._sums[start : start + self.width] += score
            self._counts[start : start + self.width] += 1

    def _window_scores(self, windows):
        """Return the score of each window, float64, shape (n,)."""
        n = len(windows)
        if n < self.batch_size:  # filled up, so that a compiled network sees one shape only
            filling = np.zeros((self.batch_size - n, *windows.shape[1:]), np.float32)
            windows = np.concatenate([windows, filling])
        scores = np.asarray(self.score_windows(windows), dtype=np.float64)
        if scores.shape != (len(windows),):
            raise SequenceError(
                f"score_windows returned shape {scores.shape} for {len(windows)} windows; it must "
                "return one score each."
            )
        if not np.isfinite(scores[:n]).all():
            raise SequenceError("score_windows returned NaN or infinite values.")
        return scores[:n]


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


def _as_sequence(x, name):
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


def _starts(n_steps, width, stride):
    """Return the first steps of the windows that cover a recording, or raise."""
    width, stride = _count("width", width), _count("stride", stride)
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


def _cut(x, starts, width):
    """Return the windows of a checked recording that begin at these steps."""
    windows = sliding_window_view(x, width, axis=0)[starts]  # (n, channels, width)
    return np.ascontiguousarray(windows.transpose(0, 2, 1))


def _count(name, number):
    """Return a positive integer, or raise."""
    return positive_integer(name, number, SequenceError)
