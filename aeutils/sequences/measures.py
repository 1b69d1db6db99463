"""Precision and recall of ranges, and the volume under the precision–recall surface."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import one_of, positive_integer, real_number
from aeutils.core.errors import SequenceError
from aeutils.sequences.windows import as_labels, as_sequence, label_ranges

__all__ = ["range_precision_recall", "vus_pr"]

BIASES = {
    "flat": lambda i, n: np.ones(n),
    "front": lambda i, n: n - i,
    "middle": lambda i, n: np.minimum(i + 1, n - i),
    "back": lambda i, n: i + 1,
}


def range_precision_recall(
    labels: ArrayLike,
    alarms: ArrayLike,
    alpha: float = 0.0,
    bias: str = "flat",
    cardinality: str = "reciprocal",
) -> tuple[float, float]:
    """Compute precision and recall of ranges instead of single steps.

    Consecutive anomalous steps are one anomaly, and consecutive alarmed steps one alarm; each
    counts alike, however long it is.  An anomaly adds to recall the share of its steps that
    alarms cover, divided by the number of these alarms, and a reward `alpha` if any alarm covers
    any of its steps.

    Parameters
    ----------
    labels, alarms : array-like of bool or 0/1, shape (n_steps,)
        Which steps are anomalous, and for which an alarm was raised; not scores.
    alpha : float, default 0.0
        Weight of the existence reward in recall, from 0 (only the overlap counts) to 1 (only
        detection counts).  Precision has none.
    bias : {"flat", "front", "middle", "back"}, default "flat"
        Which steps of an anomaly weigh more in recall; those of an alarm always weigh alike.
    cardinality : {"reciprocal", "one"}, default "reciprocal"
        Whether an overlap in several pieces counts less: divided by their number, or not at all.

    Returns
    -------
    precision, recall : float
        From 0 to 1; NaN if there is no alarm (precision) or no anomaly (recall).

    Raises
    ------
    SequenceError
        If `labels` and `alarms` have different lengths or hold anything but 0 and 1, or another
        argument is out of range.

    References
    ----------
    Tatbul, Lee, Zdonik, Alam and Gottschlich, "Precision and recall for time series", NeurIPS
    2018, arXiv:1803.03639.
    """
    real_number("alpha", alpha, SequenceError, low=0, high=1)
    one_of("bias", bias, BIASES, SequenceError)
    one_of("cardinality", cardinality, ("reciprocal", "one"), SequenceError)
    is_anomaly, is_alarm = as_labels("labels", labels), as_labels("alarms", alarms)
    if len(is_anomaly) != len(is_alarm):
        raise SequenceError(
            f"labels and alarms must have one length; got {len(is_anomaly)} and {len(is_alarm)} "
            "steps."
        )
    real, predicted = label_ranges(is_anomaly), label_ranges(is_alarm)
    precision = [_reward(r, real, 0.0, "flat", cardinality) for r in predicted]
    recall = [_reward(r, predicted, alpha, bias, cardinality) for r in real]
    return (
        float(np.mean(precision)) if precision else float("nan"),
        float(np.mean(recall)) if recall else float("nan"),
    )


def _reward(
    one: NDArray[np.intp], others: NDArray[np.intp], alpha: float, bias: str, cardinality: str
) -> float:
    """Return how well the other ranges cover one range."""
    start, stop = one
    touching = others[(others[:, 0] < stop) & (others[:, 1] > start)]
    if len(touching) == 0:
        return 0.0
    covered = np.zeros(stop - start, bool)
    for a, b in touching:
        covered[max(a - start, 0) : b - start] = True
    weights = BIASES[bias](np.arange(stop - start), stop - start)
    overlap = weights[covered].sum() / weights.sum()
    if cardinality == "reciprocal":
        overlap /= len(touching)
    return alpha + (1 - alpha) * overlap


def vus_pr(labels: ArrayLike, scores: ArrayLike, buffer: int, n_thresholds: int = 250) -> float:
    """Compute the volume under the precision–recall surface (VUS-PR).

    Average precision over thresholds, once more averaged over buffers of 0 to `buffer` steps:
    steps up to half a buffer beside an anomaly count as partly anomalous, less with their
    distance, so that an alarm a little early or late is not wholly false.  Recall is multiplied
    by the share of anomalies in which any step was found.

    Parameters
    ----------
    labels : array-like of bool or 0/1, shape (n_steps,)
        Which steps are anomalous; at least one is, and one is not.
    scores : array-like of float, shape (n_steps,)
        Finite; higher means more anomalous.
    buffer : int
        The longest buffer in steps, for instance a period of the signal; 0 for none.
    n_thresholds : int, default 250
        Number of thresholds, taken from the sorted scores at even distances.

    Returns
    -------
    float
        From 0 to 1; compare it with that of a random score, which buffers raise above the
        share of anomalous steps.

    Raises
    ------
    SequenceError
        If the lengths differ, all labels are alike, a score is not finite, or a number is out of
        range.

    References
    ----------
    Paparrizos, Boniol, Palpanas, Tsay, Elmore and Franklin, "Volume under the surface: a new
    accuracy evaluation measure for time-series anomaly detection", VLDB 2022.
    """
    is_anomaly = as_labels("labels", labels)
    values = as_sequence(scores, "scores")
    if values.shape != (len(is_anomaly), 1):
        raise SequenceError(
            f"scores must be one per label; got shape {np.shape(scores)} and {len(is_anomaly)} "
            "labels."
        )
    if is_anomaly.all() or not is_anomaly.any():
        raise SequenceError("labels must have anomalous and normal steps; all are alike.")
    if isinstance(buffer, bool) or buffer != 0:
        buffer = positive_integer("buffer", buffer, SequenceError)
    n_thresholds = positive_integer("n_thresholds", n_thresholds, SequenceError)
    order = np.argsort(-values[:, 0], kind="stable")
    falling = values[order, 0]
    places = np.linspace(0, len(falling) - 1, n_thresholds).astype(int)
    thresholds = falling[places]
    n_alarms = np.searchsorted(-falling, -thresholds, side="right")
    areas = [
        _buffered_area(is_anomaly, values[:, 0], order, thresholds, n_alarms, width)
        for width in range(buffer + 1)
    ]
    return float(np.mean(areas))


def _buffered_area(
    is_anomaly: NDArray[np.bool_],
    scores: NDArray[np.float32],
    order: NDArray[np.intp],
    thresholds: NDArray[np.float32],
    n_alarms: NDArray[np.intp],
    buffer: int,
) -> float:
    """Return the area under precision and recall with buffers of one length."""
    ranges, half, n = label_ranges(is_anomaly), buffer // 2, len(is_anomaly)
    weights = is_anomaly.astype(float)
    distance = np.arange(1, half + 1)
    share = np.sqrt(1 - distance / max(buffer, 1))
    merged: list[list[int]] = []
    for start, stop in ranges:
        after, before = stop - 1 + distance, start - distance
        weights[after[after < n]] += share[after < n]
        weights[before[before >= 0]] += share[before >= 0]
        if merged and start - half <= merged[-1][1]:
            merged[-1][1] = stop - 1 + half
        else:
            merged.append([max(start - half, 0), stop - 1 + half])
    weights = np.minimum(weights, 1)
    found = np.cumsum(weights[order])[n_alarms - 1]
    beside = np.cumsum(np.where(is_anomaly, 0, weights)[order])[n_alarms - 1]
    recall = np.minimum(found / (is_anomaly.sum() + beside / 2), 1)
    highest = np.array([scores[a : b + 1].max() for a, b in merged])
    recall *= (highest[:, None] >= thresholds).mean(axis=0)
    return float(np.diff(recall, prepend=0) @ (found / n_alarms))
