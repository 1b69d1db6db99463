"""Anomaly scores, thresholds and p-values with a guarantee, and how well scores detect."""

import math
import warnings
from fractions import Fraction
from numbers import Rational, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import (
    anomaly_score_vector,
    anomaly_score_vectors,
    finite_numbers,
    plain_array,
)
from aeutils.core.errors import AeutilsError, ScoreDirectionWarning
from aeutils.images import unit_pixels

__all__ = [
    "conformal_p_values",
    "detection_report",
    "discoveries",
    "reconstruction_error",
    "threshold_at",
]

# below this the scores more likely run the wrong way than detect so badly
REVERSED_AUROC = 0.2
ROUNDING = 1e-12


def reconstruction_error(
    x: ArrayLike, reconstruction: ArrayLike, unit_range: bool = True
) -> NDArray[np.float64]:
    """Compute the mean squared error of each sample, the anomaly score of an autoencoder.

    Parameters
    ----------
    x, reconstruction : array-like of float, shape (n_samples, ...)
        Input and output of the network, of one shape with at least two axes.
    unit_range : bool, default True
        Whether both must lie between 0 and 1, as the pixels of the book's networks do.  An
        unscaled image of 0 to 255 would score thousands; this refuses it.  Use False for
        standardised tables and other data without fixed limits.

    Returns
    -------
    numpy.ndarray of float64, shape (n_samples,)
        At least 0; at most 1 where `unit_range` is true.

    Raises
    ------
    AeutilsError
        If the shapes differ, there is no sample, a value is masked, NaN or infinite, the numbers
        are integers (whose differences would wrap around), `unit_range` is violated, or the
        squares are too large for float64.
    """
    x, reconstruction = plain_array("x", x), plain_array("reconstruction", reconstruction)
    if x.shape != reconstruction.shape or x.ndim < 2 or x.size == 0:
        raise AeutilsError(
            "x and reconstruction must have one shape (n_samples, ...) with at least one value; "
            f"got {x.shape} and {reconstruction.shape}."
        )
    if unit_range:
        x, reconstruction = unit_pixels("x", x), unit_pixels("reconstruction", reconstruction)
    else:
        x, reconstruction = finite_numbers("x", x), finite_numbers("reconstruction", reconstruction)
    axes = tuple(range(1, x.ndim))
    # half precision would overflow
    kind = np.result_type(x, reconstruction, np.float32)
    with np.errstate(over="ignore"):
        difference = np.subtract(x, reconstruction, dtype=kind)
        errors: NDArray[np.float64] = np.square(difference).mean(axis=axes, dtype=np.float64)
    if not np.isfinite(errors).all():
        raise AeutilsError("x and reconstruction differ by too much to be squared; rescale them.")
    return errors


def threshold_at(normal_scores: ArrayLike, false_alarm_rate: float) -> float:
    """Compute the threshold for a target false-alarm rate from scores of normal samples.

    It is the k-th smallest of the n scores, k = ceil((n + 1)(1 - `false_alarm_rate`)), the
    quantile of split conformal prediction: with the new sample's own score, n + 1 scores could
    come in any order, and the new one is among the highest with probability
    (n + 1 - k) / (n + 1).

    Parameters
    ----------
    normal_scores : array-like of float, shape (n_samples,)
        Anomaly scores, higher for stranger samples, of normal samples that were not trained on;
        those of training samples are too low, and so would be the threshold.
    false_alarm_rate : float
        Target rate, above 0 and below 1, for instance 0.01.

    Returns
    -------
    float
        Threshold: a sample is called anomalous where its score lies above it.

    Raises
    ------
    AeutilsError
        If the rate is out of range, there are fewer than ``1 / false_alarm_rate - 1`` scores, or
        the scores run the other way, as scikit-learn's do.

    Notes
    -----
    Where the scores of the given and of new normal samples are exchangeable, a new one raises a
    false alarm with probability at most `false_alarm_rate`, and without ties at least
    ``false_alarm_rate - 1 / (n + 1)``.  That is an average over sets of n scores: the rate that
    one threshold then has varies from set to set, without ties by a beta distribution with
    parameters n + 1 - k and k, whose standard deviation is about ``sqrt(rate (1 - rate) / n)``.
    No rate holds after the data have changed.

    References
    ----------
    Vovk et al., "Algorithmic Learning in a Random World", Springer, 2005.

    Laxhammar & Falkman, "Conformal prediction for distribution-independent anomaly detection in
    streaming vessel data", StreamKDD, 2010.

    Examples
    --------
    >>> threshold_at([3.0, 1.0, 2.0, 4.0], 0.2)
    4.0
    """
    scores = anomaly_score_vector("normal_scores", normal_scores)
    rate = _fraction(false_alarm_rate)
    n_needed = math.ceil(1 / rate) - 1
    if len(scores) < n_needed:
        raise AeutilsError(
            f"normal_scores must be at least {n_needed} for a false-alarm rate of "
            f"{false_alarm_rate}; got {len(scores)}."
        )
    k = math.ceil((len(scores) + 1) * (1 - rate))
    return float(np.partition(scores, k - 1)[k - 1])


def conformal_p_values(normal_scores: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """Compute p-values of new samples from scores of normal samples.

    The p-value of a sample is (1 + k) / (n + 1), where k of the n normal scores are at least as
    high as its own: small where hardly any normal sample is as strange.

    Parameters
    ----------
    normal_scores : array-like of float, shape (n_normal,)
        Anomaly scores, higher for stranger samples, of normal samples that were not trained on.
    scores : array-like of float, shape (n_samples,)
        Anomaly scores of new samples, by the same detector.

    Returns
    -------
    numpy.ndarray of float64, shape (n_samples,)
        At least 1 / (n_normal + 1), at most 1.

    Raises
    ------
    AeutilsError
        If a group is empty, a score is masked, NaN or infinite, or the scores run the other way,
        as scikit-learn's do.

    Notes
    -----
    Where the scores of the given and of a new normal sample are exchangeable, the new sample's
    p-value is at most t with probability at most t, for every t.  Calling samples with a p-value
    of at most ``rate`` anomalous is the same as calling those above ``threshold_at(normal_scores,
    rate)`` so.

    References
    ----------
    Bates et al., "Testing for outliers with conformal p-values", Annals of Statistics 51 (1), 2023.

    Examples
    --------
    >>> conformal_p_values([3.0, 1.0, 2.0, 4.0], [5.0, 2.0]).tolist()
    [0.2, 0.8]
    """
    groups = anomaly_score_vectors({"normal_scores": normal_scores, "scores": scores})
    ordered = np.sort(groups["normal_scores"])
    n_below = np.searchsorted(ordered, groups["scores"], side="left")
    p_values: NDArray[np.float64] = (1 + len(ordered) - n_below) / (len(ordered) + 1)
    return p_values


def discoveries(p_values: ArrayLike, false_discovery_rate: float) -> NDArray[np.bool_]:
    """Select p-values so that the expected share of false alarms among the alarms is limited.

    The procedure of Benjamini and Hochberg: of m p-values, sorted, find the last one, the k-th,
    that is at most k / m times the target rate; it and all smaller ones are selected.

    Parameters
    ----------
    p_values : array-like of float, shape (n_samples,)
        P-values of one batch of samples, judged together; see :func:`conformal_p_values`.
    false_discovery_rate : float
        Target rate, above 0 and below 1: the expected share of normal samples among those
        selected, counted as 0 where none is.

    Returns
    -------
    numpy.ndarray of bool, shape (n_samples,)
        Whether each sample is called anomalous.

    Raises
    ------
    AeutilsError
        If the rate is out of range, there is no p-value, or one is not between 0 and 1.

    Notes
    -----
    For conformal p-values from one set of normal scores the guarantee holds although they depend
    on each other (Bates et al. 2023), as an average over sets of normal scores and batches, as
    long as the normal samples of both are exchangeable.

    References
    ----------
    Benjamini and Hochberg, "Controlling the false discovery rate: a practical and powerful approach
    to multiple testing", Journal of the Royal Statistical Society B 57 (1), 1995.

    Examples
    --------
    >>> discoveries([0.01, 0.9, 0.03, 0.2], 0.1).tolist()
    [True, False, True, False]
    """
    rate = _fraction(false_discovery_rate, "false_discovery_rate")
    p = plain_array("p_values", p_values)
    if p.ndim != 1 or len(p) == 0:
        raise AeutilsError(
            f"p_values must be one number a sample, at least one sample; got shape {p.shape}."
        )
    p = finite_numbers("p_values", p.astype(np.float64))
    if p.min() < 0 or p.max() > 1:
        raise AeutilsError(
            f"p_values must be between 0 and 1; these run from {p.min():g} to {p.max():g}."
        )
    from scipy.stats import false_discovery_control  # half a second to import

    # p-values are fractions, and one that lies on the limit is selected whatever its rounding
    selected: NDArray[np.bool_] = false_discovery_control(p) <= float(rate) * (1 + ROUNDING)
    return selected


def detection_report(
    normal_scores: ArrayLike, anomaly_scores: ArrayLike, threshold: float | None = None
) -> dict[str, float]:
    """Compute how well scores separate anomalies from normal samples.

    Parameters
    ----------
    normal_scores, anomaly_scores : array-like of float, shape (n_samples,)
        Anomaly scores, higher for stranger samples, of samples known to be one or the other.
    threshold : float, optional
        Score above which a sample is called anomalous; see :func:`threshold_at`.

    Returns
    -------
    dict of str to float
        ``auroc``, the area under the ROC curve: the probability that a random anomaly scores
        above a random normal sample, ties counting half (0.5 is chance level).
        ``average_precision``, the area under the precision–recall curve (chance level is the
        share of anomalies).  With a threshold also ``false_alarm_rate``, the share of normal
        samples above it, ``detection_rate``, the share of anomalies above it, and ``precision``,
        the share of anomalies among all above it (NaN where there are none).

    Raises
    ------
    AeutilsError
        If a group is empty, a score is masked, NaN or infinite, the threshold is no number, or
        the scores run the other way: none above 0 and some below, as scikit-learn's
        ``score_samples`` are.

    Warns
    -----
    ScoreDirectionWarning
        If the AUROC is below 0.2: the scores may run the other way all the same.
    """
    groups = anomaly_score_vectors(
        {"normal_scores": normal_scores, "anomaly_scores": anomaly_scores}
    )
    normal, anomalies = groups["normal_scores"], groups["anomaly_scores"]
    if threshold is not None and (not isinstance(threshold, Real) or math.isnan(threshold)):
        raise AeutilsError(f"threshold must be a number; got {threshold!r}.")
    is_anomaly = np.r_[np.zeros(len(normal)), np.ones(len(anomalies))]
    scores = np.r_[normal, anomalies]
    from sklearn.metrics import average_precision_score, roc_auc_score  # a second to import

    report = {
        "auroc": float(roc_auc_score(is_anomaly, scores)),
        "average_precision": float(average_precision_score(is_anomaly, scores)),
    }
    if report["auroc"] < REVERSED_AUROC:
        warnings.warn(
            f"the AUROC is {report['auroc']:.2g}: anomalies score lower than normal samples. If "
            "higher is normal, as in scikit-learn's score_samples and decision_function, pass "
            "detector.anomaly_scores(X) or -scores.",
            ScoreDirectionWarning,
            stacklevel=2,
        )
    if threshold is not None:
        alarms = scores > threshold
        report["false_alarm_rate"] = float(alarms[: len(normal)].mean())
        report["detection_rate"] = float(alarms[len(normal) :].mean())
        report["precision"] = float(is_anomaly[alarms].mean()) if alarms.any() else float("nan")
    return report


def _fraction(rate: float, name: str = "false_alarm_rate") -> Fraction:
    """Return a rate between 0 and 1 as it is written: 0.01 is one hundredth, which no float is."""
    if not isinstance(rate, Real) or not 0 < rate < 1:
        raise AeutilsError(f"{name} must be above 0 and below 1; got {rate!r}.")
    return Fraction(rate) if isinstance(rate, Rational) else Fraction(str(rate))
