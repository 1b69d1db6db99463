"""Anomaly scores of every time step, of a whole recording or while it is streaming.

Nothing here needs Keras: whatever scores windows is passed as a function.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array, positive_integer
from aeutils.core.errors import SequenceError
from aeutils.sequences.windows import as_sequence, cut_windows, window_starts

__all__ = ["StreamScorer", "score_steps"]

WINDOWS_AT_ONCE = 256


def score_steps(
    x: ArrayLike,
    score_windows: Callable[[NDArray[np.float32]], ArrayLike],
    width: int,
    stride: int = 1,
    batch_size: int = WINDOWS_AT_ONCE,
) -> NDArray[np.float64]:
    """Compute the anomaly score of every time step: its mean score in the windows that hold it.

    Parameters
    ----------
    x : array-like, shape (n_steps,) or (n_steps, n_channels)
        One recording; see :func:`sliding_windows`.
    score_windows : callable
        Accepts windows, float32 of shape (n, `width`, n_channels), and returns finite anomaly
        scores: one for each step of each window, shape (n, `width`), for instance the squared
        error of its reconstruction; or one for each window, shape (n,), which then counts for
        all of its steps.  It may change the windows, which are copies.
    width, stride : int
        See :func:`sliding_windows`.
    batch_size : int, default 256
        Windows passed to `score_windows` at a time; the last batch is filled up with zeros, so
        that a compiled network sees one shape only.

    Returns
    -------
    numpy.ndarray
        float64, shape (n_steps,).

    Raises
    ------
    SequenceError
        As :func:`sliding_windows` does, or if `score_windows` returns another shape, or values
        that are masked, not real or not finite.
    """
    x = as_sequence(x, "x")
    window_starts(len(x), width, stride)  # raises where the recording is too short
    scorer = StreamScorer(score_windows, width, stride, x.shape[1], batch_size)
    return np.concatenate([scorer.push(x), scorer.finish()])


@dataclass
class _Stream:
    """What is kept of a stream: steps from ``n_scored`` on, sums of scores, numbers of windows."""

    samples: NDArray[np.float32]
    sums: NDArray[np.float64]
    counts: NDArray[np.float64]
    n_seen: int = 0
    n_scored: int = 0
    next_start: int = 0


class StreamScorer:
    """Score a stream: the scores of :func:`score_steps`, as soon as they are final.

    A step's score is final when the last window that holds it has been scored: at most
    ``width + stride - 1`` steps later.  Until then the sums so far are kept; the memory in use
    does not grow with the length of the stream.

    Where :meth:`push` or :meth:`finish` raises, be it by an error of `score_windows`, the scorer
    is as it was before the call, which can be repeated.

    Parameters
    ----------
    score_windows, width, stride, batch_size
        See :func:`score_steps`.
    n_channels : int, default 1
        Number of channels of the stream.

    Raises
    ------
    SequenceError
        If a number is not a positive integer, `stride` exceeds `width`, a batch of windows does
        not fit into memory, or `score_windows` cannot be called.

    Examples
    --------
    >>> scorer = StreamScorer(lambda windows: windows.max(axis=(1, 2)), width=2)
    >>> scorer.push([1.0, 2.0]).tolist(), scorer.push([4.0]).tolist()
    ([2.0], [3.0])
    >>> scorer.finish().tolist()
    [4.0]
    """

    def __init__(
        self,
        score_windows: Callable[[NDArray[np.float32]], ArrayLike],
        width: int,
        stride: int = 1,
        n_channels: int = 1,
        batch_size: int = WINDOWS_AT_ONCE,
    ) -> None:
        if not callable(score_windows):
            raise SequenceError(
                "score_windows must be a function that accepts windows and returns their scores; "
                f"got {type(score_windows).__name__}."
            )
        self.score_windows = score_windows
        self.width = positive_integer("width", width, SequenceError)
        self.stride = positive_integer("stride", stride, SequenceError)
        window_starts(self.width, self.width, self.stride)  # raises where the stride is too long
        self.n_channels = positive_integer("n_channels", n_channels, SequenceError)
        self.batch_size = positive_integer("batch_size", batch_size, SequenceError)
        try:
            np.empty((self.batch_size, self.width, self.n_channels), np.float32)
        except (MemoryError, ValueError) as error:
            raise SequenceError(
                f"batch_size must be small enough for the memory; got {batch_size} windows of "
                f"{width} steps and {n_channels} channels."
            ) from error
        self._stream = self._new_stream()

    @property
    def n_seen(self) -> int:
        """Steps pushed so far."""
        return self._stream.n_seen

    @property
    def n_scored(self) -> int:
        """Steps whose scores have been returned."""
        return self._stream.n_scored

    def push(self, samples: ArrayLike) -> NDArray[np.float64]:
        """Accept the next samples and return the scores that became final.

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
            As :func:`score_steps` does, or if the samples have another number of channels.
        """
        samples = as_sequence(samples, "samples", allow_empty=True)
        if len(samples) and samples.shape[1] != self.n_channels:
            raise SequenceError(
                f"samples must have the {self.n_channels} channels of the stream; got "
                f"{samples.shape[1]}."
            )
        stream = copy.deepcopy(self._stream)  # the scorer's own changes last
        finished = [np.empty(0)]
        # piece by piece, so that a long recording pushed at once needs no more memory either
        piece = self.batch_size * self.stride
        for start in range(0, len(samples), piece):
            finished.append(self._push(stream, samples[start : start + piece]))
        scores = np.concatenate(finished)
        self._stream = stream
        return scores

    def finish(self) -> NDArray[np.float64]:
        """Return the scores of the last steps, and start anew.

        Returns
        -------
        numpy.ndarray
            float64, shape (``n_seen - n_scored``,).

        Raises
        ------
        SequenceError
            If fewer steps than one window were pushed since the start, or as :meth:`push` does.
        """
        if self.n_seen == 0:
            return np.empty(0)
        window_starts(self.n_seen, self.width, self.stride)  # raises where it is too short
        stream = copy.deepcopy(self._stream)
        if not self._ends_with_stream(stream):
            self._add(stream, np.array([stream.n_seen - self.width]))
        scores = stream.sums / stream.counts
        self._stream = self._new_stream()
        return scores

    def _new_stream(self) -> _Stream:
        """Return the state before the first sample."""
        return _Stream(np.empty((0, self.n_channels), np.float32), np.empty(0), np.empty(0))

    def _push(self, stream: _Stream, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Add samples to a stream; take from it and return the scores that are final."""
        nothing = np.zeros(len(samples))
        stream.samples = np.concatenate([stream.samples, samples])
        stream.sums = np.concatenate([stream.sums, nothing])
        stream.counts = np.concatenate([stream.counts, nothing])
        stream.n_seen += len(samples)
        starts = np.arange(stream.next_start, stream.n_seen - self.width + 1, self.stride)
        if len(starts):
            self._add(stream, starts)
            stream.next_start = int(starts[-1]) + self.stride
        # a window that ends with the stream may yet come, and begin at last or later
        last = stream.n_seen - self.width
        open_from = last + 1 if self._ends_with_stream(stream) else last
        n_final = min(stream.next_start, open_from) - stream.n_scored
        if n_final <= 0:
            return np.empty(0)
        scores = stream.sums[:n_final] / stream.counts[:n_final]
        stream.samples = stream.samples[n_final:].copy()
        stream.sums = stream.sums[n_final:].copy()
        stream.counts = stream.counts[n_final:].copy()
        stream.n_scored += n_final
        return scores

    def _ends_with_stream(self, stream: _Stream) -> bool:
        """Return whether the last window that was scored ends with the last sample."""
        return stream.next_start - self.stride + self.width == stream.n_seen

    def _add(self, stream: _Stream, starts: NDArray[np.intp]) -> None:
        """Add the scores of the windows, at most a batch, that begin at these steps."""
        starts = starts - stream.n_scored
        scores = self._window_scores(cut_windows(stream.samples, starts, self.width))
        for start, score in zip(starts, scores, strict=True):
            stream.sums[start : start + self.width] += score
            stream.counts[start : start + self.width] += 1

    def _window_scores(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the scores of each window, float64, shape (n, 1) or (n, width)."""
        n = len(windows)
        if n < self.batch_size:  # filled up, so that a compiled network sees one shape only
            filling = np.zeros((self.batch_size - n, *windows.shape[1:]), np.float32)
            windows = np.concatenate([windows, filling])
        scores = plain_array(
            "the output of score_windows", self.score_windows(windows), SequenceError
        )
        of_steps = (self.batch_size, self.width)
        if scores.shape not in (of_steps[:1], of_steps):
            raise SequenceError(
                f"score_windows must return one score for each window, shape {of_steps[:1]}, or "
                f"for each of its steps, shape {of_steps}; got shape {scores.shape}."
            )
        scores = scores[:n].reshape(n, -1).astype(np.float64)
        # so small that the sum over all windows of a step is finite, too
        if not (np.abs(scores) <= np.finfo(np.float64).max / self.width).all():
            raise SequenceError(
                "score_windows must return finite scores; got NaN, infinite or too large values."
            )
        return scores
