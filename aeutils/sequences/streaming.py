"""Anomaly scores of every time step, in one go or as samples arrive.

Nothing here needs Keras: whatever scores windows is passed as a function.
"""

import numpy as np

from aeutils.core.checks import positive_integer
from aeutils.core.errors import SequenceError
from aeutils.sequences.windows import as_sequence, cut_windows, window_starts

__all__ = ["StreamScorer", "score_steps"]

WINDOWS_AT_ONCE = 256


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
    x = as_sequence(x, "x")
    window_starts(len(x), width, stride)  # raises where the recording is too short
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
        self.width = positive_integer("width", width, SequenceError)
        self.stride = positive_integer("stride", stride, SequenceError)
        window_starts(self.width, self.width, self.stride)  # raises where the stride is too long
        self.n_channels = positive_integer("n_channels", n_channels, SequenceError)
        self.batch_size = positive_integer("batch_size", batch_size, SequenceError)
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
        samples = as_sequence(samples, "samples")
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
        window_starts(self.n_seen, self.width, self.stride)  # raises where it is too short
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
        windows = cut_windows(self._samples, starts, self.width)
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
