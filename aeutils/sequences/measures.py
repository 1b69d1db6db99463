"""Precision and recall of ranges."""

import numpy as np

from aeutils.core.errors import AeutilsError
from aeutils.sequences.windows import label_ranges

__all__ = ["range_precision_recall"]

BIASES = {
    "flat": lambda i, n: np.ones(n),
    "front": lambda i, n: n - i,
    "back": lambda i, n: i + 1.0,
    "middle": lambda i, n: np.minimum(i + 1, n - i).astype(float),
}


def range_precision_recall(labels, alarms, alpha=0.0, bias="flat", cardinality="reciprocal"):
    """Precision and recall of ranges instead of single steps.

    An anomaly is one range of steps however long it is, so that every anomaly counts alike; so
    does every alarm.  What an anomaly adds to recall is the share of it that alarms cover, divided
    by the number of alarms that it took, and `alpha` rewards it for being found at all.

    Parameters
    ----------
    labels, alarms : array-like of bool or 0/1, shape (n_steps,)
        Which steps are anomalous, and which were called so.
    alpha : float, default 0.0
        Weight of the existence reward in recall, from 0 (only the overlap counts) to 1 (being
        found is all that counts).  Precision has none.
    bias : {"flat", "front", "middle", "back"}, default "flat"
        Which steps of an anomaly weigh more in recall; those of an alarm always weigh alike.
    cardinality : {"reciprocal", "one"}, default "reciprocal"
        Whether an overlap in several pieces counts less: divided by their number, or not at all.

    Returns
    -------
    precision, recall : float
        From 0 to 1; NaN where there is no alarm (precision) or no anomaly (recall).

    Raises
    ------
    AeutilsError
        If the lengths differ, or an argument is out of range.

    References
    ----------
    Tatbul, Lee, Zdonik, Alam and Gottschlich, "Precision and recall for time series", NeurIPS
    2018, arXiv:1803.03639.
    """
    if np.shape(labels) != np.shape(alarms):
        raise AeutilsError(
            f"labels and alarms must have one shape, not {np.shape(labels)} and {np.shape(alarms)}."
        )
    if not 0 <= alpha <= 1:
        raise AeutilsError(f"alpha must lie between 0 and 1, not {alpha!r}.")
    if bias not in BIASES or cardinality not in ("reciprocal", "one"):
        raise AeutilsError(f"bias {bias!r} or cardinality {cardinality!r} is unknown.")
    real, predicted = label_ranges(labels), label_ranges(alarms)
    precision = [_reward(r, real, 0.0, "flat", cardinality) for r in predicted]
    recall = [_reward(r, predicted, alpha, bias, cardinality) for r in real]
    return (
        float(np.mean(precision)) if precision else float("nan"),
        float(np.mean(recall)) if recall else float("nan"),
    )


def _reward(one, others, alpha, bias, cardinality):
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
