"""Precision and recall of ranges."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import one_of, real_number
from aeutils.core.errors import SequenceError
from aeutils.sequences.windows import as_labels, label_ranges

__all__ = ["range_precision_recall"]

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
