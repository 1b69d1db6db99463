"""How well a network reconstructs, denoises, and tells anomalies from normal data."""

import numpy as np
from skimage.metrics import structural_similarity
from sklearn.metrics import average_precision_score, roc_auc_score

from aeutils.errors import AeutilsError, ImageError
from aeutils.images import to_unit_range
from aeutils.windows import label_ranges

__all__ = [
    "detection_report",
    "psnr",
    "range_precision_recall",
    "reconstruction_error",
    "ssim",
    "threshold_at",
]

BIASES = {
    "flat": lambda i, n: np.ones(n),
    "front": lambda i, n: n - i,
    "back": lambda i, n: i + 1.0,
    "middle": lambda i, n: np.minimum(i + 1, n - i).astype(float),
}


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
        x, reconstruction = _unit("x", x), _unit("reconstruction", reconstruction)
    else:
        x, reconstruction = _finite("x", x), _finite("reconstruction", reconstruction)
    difference = (x - reconstruction).reshape(len(x), -1)
    return np.mean(np.square(difference), axis=1, dtype=np.float64)


def psnr(clean, image):
    """Peak signal-to-noise ratio of each image, in decibels.

    Parameters
    ----------
    clean, image : array-like, shape (n_images, height, width) or (n_images, height, width, 1)
        The true images and those to judge, pixels between 0 and 1.

    Returns
    -------
    numpy.ndarray
        float64, shape (n_images,), ``-10 log10(mean squared error)``; infinite where an image
        equals the clean one.

    Raises
    ------
    ImageError
        If the shapes differ or the pixels are refused by :func:`~aeutils.images.to_unit_range`.
    """
    error = reconstruction_error(*_pair(clean, image))
    with np.errstate(divide="ignore"):
        return -10 * np.log10(error)


def ssim(clean, image):
    """Structural similarity of each image.

    Computed by scikit-image with the settings of the paper: a Gaussian window of standard
    deviation 1.5, and covariances without sample correction.

    Parameters
    ----------
    clean, image : array-like, shape (n_images, height, width) or (n_images, height, width, 1)
        The true images and those to judge, pixels between 0 and 1; at least 11 × 11 pixels.

    Returns
    -------
    numpy.ndarray
        float64, shape (n_images,), between -1 and 1, where 1 means equal.

    Raises
    ------
    ImageError
        If the shapes differ, the images are too small, or the pixels are refused by
        :func:`~aeutils.images.to_unit_range`.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE Transactions on Image Processing 13 (4), 2004.
    """
    clean, image = _pair(clean, image)
    if clean.ndim == 4 and clean.shape[-1] == 1:
        clean, image = clean[..., 0], image[..., 0]
    if clean.ndim != 3 or min(clean.shape[1:]) < 11:
        raise ImageError(
            "ssim takes grey images of at least 11 × 11 pixels, shape (n_images, height, width); "
            f"these have shape {clean.shape}."
        )
    return np.array(
        [
            structural_similarity(
                a, b, data_range=1.0, gaussian_weights=True, use_sample_covariance=False
            )
            for a, b in zip(clean, image, strict=True)
        ],
        dtype=np.float64,
    )


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


def _pair(clean, image):
    """Return two batches of images of one shape, as float32 between 0 and 1."""
    clean, image = np.asarray(clean), np.asarray(image)
    if clean.shape != image.shape or clean.ndim < 2:
        raise ImageError(
            "clean and judged images must have one shape (n_images, ...); "
            f"they have {clean.shape} and {image.shape}."
        )
    return _unit("clean", clean), _unit("image", image)


def _unit(name, array):
    """Return pixels between 0 and 1, or raise with the argument's name in front."""
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(
            f"{name}: pixels of type {array.dtype}; "
            "pass them through aeutils.images.to_unit_range first."
        )
    try:
        return to_unit_range(array)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None


def _finite(name, array):
    """Return floating-point numbers without NaN or infinity, or raise."""
    if not np.issubdtype(array.dtype, np.floating):
        raise AeutilsError(f"{name} has type {array.dtype}; convert it to floating point first.")
    if not np.isfinite(array).all():
        raise AeutilsError(f"{name} holds NaN or infinite values; remove or impute them first.")
    return array


def _scores(name, scores):
    """Return scores as a float64 vector, or raise."""
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or len(scores) == 0:
        raise AeutilsError(
            f"{name} must be one number a sample, at least one sample; shape {scores.shape}."
        )
    return _finite(name, scores)


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
