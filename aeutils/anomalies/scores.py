"""Anomaly scores, thresholds for a target false-alarm rate, and how well scores detect."""

import numpy as np

from aeutils.core.checks import finite_numbers
from aeutils.core.errors import AeutilsError
from aeutils.images import unit_pixels

__all__ = ["detection_report", "reconstruction_error", "threshold_at"]


def reconstruction_error(x, reconstruction, unit_range=True):
    """Mean squared error of each sample: the anomaly score of an autoencoder.

    Parameters
    ----------
    x, reconstruction : array-like of float, shape (n_samples, ...)
        What went into the network and what came out, of one shape.
    unit_range : bool, default True
        Whether both must lie between 0 and 1, as the pixels of the book's networks do.  A
        picture of 0 to 255 that slips in unscaled scores thousands; this refuses it.  Use
        False for standardised tables and other data without fixed limits.

    Returns
    -------
    numpy.ndarray
        float64, shape (n_samples,), at least 0; at most 1 where `unit_range` is true.

    Raises
    ------
    AeutilsError
        If the shapes differ, there is no sample, a value is NaN or infinite, the numbers are
        integers (whose differences would wrap around), or `unit_range` is violated.
    """
    x, reconstruction = np.asarray(x), np.asarray(reconstruction)
    if x.shape != reconstruction.shape or x.ndim < 2 or x.size == 0:
        raise AeutilsError(
            "x and its reconstruction must have one shape (n_samples, ...) with at least one "
            f"sample; they have {x.shape} and {reconstruction.shape}."
        )
    if unit_range:
        x, reconstruction = unit_pixels("x", x), unit_pixels("reconstruction", reconstruction)
    else:
        x, reconstruction = finite_numbers("x", x), finite_numbers("reconstruction", reconstruction)
    difference = (x - reconstruction).reshape(len(x), -1)
    return np.mean(np.square(difference), axis=1, dtype=np.float64)


def threshold_at(normal_scores, false_alarm_rate):
    """Anomaly score that a stated share of normal samples exceeds.

    Parameters
    ----------
    normal_scores : array-like of float, shape (n_samples,)
        Scores of normal samples that were not used for training, or the threshold is too low.
    false_alarm_rate : float
        Share of them to call anomalous, above 0 and below 1, for instance 0.01.

    Returns
    -------
    float
        Threshold: a sample is called anomalous where its score lies above it.

    Raises
    ------
    AeutilsError
        If the rate is out of range, or the samples are too few to tell: fewer than
        ``1 / false_alarm_rate``.
    """
    scores = _scores("normal_scores", normal_scores)
    if not 0 < false_alarm_rate < 1:
        raise AeutilsError(f"false_alarm_rate must lie between 0 and 1, not {false_alarm_rate!r}.")
    if len(scores) * false_alarm_rate < 1 - 1e-9:
        raise AeutilsError(
            f"{len(scores)} normal samples cannot show a false-alarm rate of {false_alarm_rate}; "
            f"at least {int(np.ceil(1 / false_alarm_rate))} are needed."
        )
    return float(np.quantile(scores, 1 - false_alarm_rate, method="higher"))


def detection_report(normal_scores, anomaly_scores, threshold=None):
    """How well scores tell anomalies from normal samples.

    Parameters
    ----------
    normal_scores, anomaly_scores : array-like of float, shape (n_samples,)
        Anomaly scores, higher meaning more anomalous, of samples known to be one or the other.
    threshold : float, optional
        Score above which a sample is called anomalous; see :func:`threshold_at`.

    Returns
    -------
    dict of str to float
        ``auroc``, the area under the ROC curve: the chance that a random anomaly scores above
        a random normal sample (0.5 is guessing).  ``average_precision``, the area under the
        precision–recall curve (guessing gives the share of anomalies).  With a threshold also
        ``false_alarm_rate``, the share of normal samples above it, ``detection_rate``, the
        share of anomalies above it, and ``precision``, the share of anomalies among all above
        it (NaN where there are none).

    Raises
    ------
    AeutilsError
        If either group is empty, or a score is NaN or infinite.
    """
    normal = _scores("normal_scores", normal_scores)
    anomalies = _scores("anomaly_scores", anomaly_scores)
    is_anomaly = np.r_[np.zeros(len(normal)), np.ones(len(anomalies))]
    scores = np.r_[normal, anomalies]
    from sklearn.metrics import average_precision_score, roc_auc_score  # a second to import

    report = {
        "auroc": float(roc_auc_score(is_anomaly, scores)),
        "average_precision": float(average_precision_score(is_anomaly, scores)),
    }
    if threshold is not None:
        alarms = scores > threshold
        report["false_alarm_rate"] = float(alarms[: len(normal)].mean())
        report["detection_rate"] = float(alarms[len(normal) :].mean())
        report["precision"] = float(is_anomaly[alarms].mean()) if alarms.any() else float("nan")
    return report


def _scores(name, scores):
    """Return scores as a float64 vector, or raise."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or len(scores) == 0:
        raise AeutilsError(
            f"{name} must be one number a sample, at least one sample; shape {scores.shape}."
        )
    return finite_numbers(name, scores)
