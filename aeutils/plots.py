"""The figures of the book: image grids, training curves, latent maps, score histograms.

Every function checks all that it is given before it draws, so that an error leaves no figure
open and an axis as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import (
    anomaly_score_vector,
    anomaly_score_vectors,
    plain_array,
    positive_integer,
    real_number,
)
from aeutils.core.errors import AeutilsError, ImageError, SequenceError
from aeutils.sequences.windows import as_labels, label_ranges

try:
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
except ImportError as error:
    raise ImportError(
        "aeutils.plots needs the package matplotlib: pip install matplotlib, or install aeutils "
        "with its extra `documents`."
    ) from error

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

LINE_STYLES: list[Any] = ["-", ":", "-.", "--", (0, (1, 4)), (0, (5, 5))]
OUTLINE_STYLES: list[Any] = ["-", "-", "--", "-.", (0, (6, 1, 1, 1, 1, 1))]
LARGEST_FIGURE = 2**16  # pixels in each direction that Matplotlib draws
# legible on a light and on a dark ground, for names beside pictures that neither turns over
GREY = "#767676"

__all__ = [
    "plot_detection_curves",
    "plot_feature_errors",
    "plot_history",
    "plot_latent",
    "plot_recording",
    "plot_scores",
    "show_images",
]


def show_images(
    images: ArrayLike,
    titles: Sequence[str] | None = None,
    row_titles: Sequence[str] | None = None,
    n_cols: int = 10,
    scale: float = 1.0,
) -> Figure:
    """Draw grey images in a grid, all on one scale from 0 (black) to 1 (white).

    Parameters
    ----------
    images : array-like, shape (n_images, height, width) or (n_images, height, width, 1)
        Pixels between 0 and 1, filling the grid row by row.  Noise beyond 0 and 1 is drawn as
        black and white.
    titles : sequence of str, optional
        One for each image, drawn above it.
    row_titles : sequence of str, optional
        One for each row, drawn to its left.
    n_cols : int, default 10
        Number of images in a row.
    scale : float, default 1.0
        Width of one image, in inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImageError
        If there are no images, they are not grey, pixels are not finite, integers other than 0
        and 1, or far outside 0 to 1 (below -4 or above 5); if there are not as many titles as
        images or row titles as rows; or if the figure exceeds 65,535 pixels in a direction.
    """
    pixels = plain_array("images", images, ImageError)
    if pixels.ndim == 4 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim != 3 or pixels.size == 0:
        raise ImageError(
            "images must be grey, shape (n_images, height, width), at least one; got shape "
            f"{pixels.shape}."
        )
    low, high = (0, 1) if pixels.dtype.kind in "iu" else (-4, 5)
    # comparisons with NaN are false, so this also refuses NaN
    if not (pixels.min() >= low and pixels.max() <= high):
        raise ImageError(
            f"images must have pixels between 0 and 1; got {pixels.min()} to {pixels.max()} of "
            f"type {pixels.dtype}. Convert them by aeutils.images.to_unit_range."
        )
    if pixels.dtype not in (np.float32, np.float64):
        pixels = pixels.astype(np.float32)
    n_cols = min(positive_integer("n_cols", n_cols, ImageError), len(pixels))
    n_rows = -(-len(pixels) // n_cols)
    scale = real_number("scale", scale, ImageError, above=0)
    above = None if titles is None else _texts("titles", titles, len(pixels), ImageError)
    beside = None if row_titles is None else _texts("row_titles", row_titles, n_rows, ImageError)
    row_height = scale * pixels.shape[1] / pixels.shape[2] + (0.05 if above is None else 0.25)
    size = (n_cols * (scale + 0.05), n_rows * row_height)
    figure, axes = _figure(size, n_rows, n_cols, ImageError, squeeze=False)
    for i, axis in enumerate(axes.flat):
        axis.set(xticks=[], yticks=[])
        if i >= len(pixels):
            axis.axis("off")
            continue
        axis.imshow(pixels[i], cmap="gray", vmin=0, vmax=1)
        if above is not None:
            axis.set_title(above[i], fontsize=8, color=GREY)
    if beside is not None:
        for axis, title in zip(axes[:, 0], beside, strict=True):
            axis.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=9, color=GREY)
    return figure


def plot_history(
    history: keras.callbacks.History | Mapping[str, ArrayLike], axis: Axes | None = None
) -> Axes:
    """Draw the loss of each epoch, on training and on validation data.

    Parameters
    ----------
    history : keras.callbacks.History or dict of str to list of float
        What ``fit`` returned, or its ``history``.
    axis : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    AeutilsError
        If there is no ``loss``, a loss is not finite, or ``val_loss`` is not one for each epoch.
    """
    curves = getattr(history, "history", history)
    if not isinstance(curves, Mapping) or "loss" not in curves:
        found = f"the keys {list(curves)}" if isinstance(curves, Mapping) else type(curves).__name__
        raise AeutilsError(f"history must be what fit returned, with 'loss'; got {found}.")
    loss = _numbers("history['loss']", curves["loss"])
    val_loss = curves.get("val_loss")
    if val_loss is not None:
        val_loss = _numbers("history['val_loss']", val_loss, len(loss))
    axis = _axis(axis, (6, 3.2))
    epochs = np.arange(1, len(loss) + 1)
    axis.plot(epochs, loss, marker="o", markersize=3, label="training")
    if val_loss is not None:
        axis.plot(epochs, val_loss, marker="s", markersize=3, ls="--", label="validation")
    axis.set(xlabel="epoch", ylabel="loss")
    axis.legend()
    axis.grid(alpha=0.3)
    return axis


def plot_latent(codes: ArrayLike, labels: ArrayLike, axis: Axes | None = None) -> Axes:
    """Draw two-dimensional latent codes, each as the number of its class.

    Parameters
    ----------
    codes : array-like of float, shape (n_samples, 2)
        Latent codes.
    labels : array-like of int, shape (n_samples,)
        Class of each, a whole number of at least 0; it sets the colour (of ten) and the mark.
    axis : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    AeutilsError
        If `codes` are not two finite values per sample, or `labels` not one class for each.
    """
    places = _numbers("codes", codes, ndim=2)
    if places.shape[1] != 2:
        raise AeutilsError(f"codes must have shape (n_samples, 2); got {places.shape}.")
    classes = _numbers("labels", labels, len(places))
    if not (np.floor(classes) == np.abs(classes)).all():
        raise AeutilsError("labels must be whole numbers of at least 0, one class for each code.")
    axis = _axis(axis, (6, 5.4))
    for label in np.unique(classes):
        x, y = places[classes == label].T
        # the mark distinguishes the classes for readers who cannot distinguish the colours
        name = f"{label:.0f}"
        axis.scatter(x, y, s=18, color=f"C{name}", marker=f"${name}$", linewidths=0.2)
    return axis


def plot_scores(
    scores: Mapping[str, ArrayLike], threshold: float | None = None, axis: Axes | None = None
) -> Axes:
    """Draw histograms of anomaly scores, both axes logarithmic.

    Parameters
    ----------
    scores : dict of str to array-like of float
        Anomaly scores of each group by its name, higher meaning more anomalous and none below 0;
        the first group is the normal data.  Zeros, which have no place on a logarithmic axis, are
        counted in the lowest bin.
    threshold : float, optional
        Threshold above 0, drawn as a line.
    axis : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    AeutilsError
        If a group is not one finite score per sample, scores are negative (those of
        scikit-learn's ``score_samples`` are) or all 0, or `threshold` is not above 0.
    """
    groups = anomaly_score_vectors(
        {f"scores[{name!r}]": group for name, group in _mapping(scores).items()}
    )
    every = np.concatenate(list(groups.values()))
    if every.min() < 0 or every.max() == 0:
        raise AeutilsError(
            "scores must be at least 0 and not all 0, to be drawn on a logarithmic axis; got "
            f"{every.min():.6g} to {every.max():.6g}."
        )
    if threshold is not None:
        threshold = real_number("threshold", threshold, above=0)
    lowest, highest = every[every > 0].min(), every.max()
    if highest < 1.001 * lowest:  # a range for the bins
        lowest, highest = lowest / 1.1, highest * 1.1
    bins = np.geomspace(lowest, highest, 80).tolist()
    axis = _axis(axis, (7, 3.6))
    for i, (name, group) in enumerate(zip(scores, groups.values(), strict=True)):
        kind: dict[str, Any] = {"histtype": "step"}
        if i == 0:
            kind = {"histtype": "stepfilled", "alpha": 0.5}
        # distinguished without colours, too; the dotted line is the threshold's
        style = OUTLINE_STYLES[i % len(OUTLINE_STYLES)]
        group = np.maximum(group, lowest)
        axis.hist(group, bins=bins, label=name, linewidth=1.6, linestyle=style, **kind)
    if threshold is not None:
        axis.axvline(threshold, color="black", linestyle=":", label="threshold")
    axis.set(xscale="log", yscale="log", xlabel="reconstruction error", ylabel="number of images")
    axis.legend()
    return axis


def plot_detection_curves(
    scores: Mapping[str, tuple[ArrayLike, ArrayLike]], axes: Sequence[Axes] | None = None
) -> tuple[Axes, Axes]:
    """Draw the ROC curve and the precision–recall curve of one or several detectors.

    Parameters
    ----------
    scores : dict of str to (array-like of float, array-like of float)
        For each detector its scores of normal and of anomalous samples, each of shape
        (n_samples,), higher meaning more anomalous.
    axes : pair of matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    pair of matplotlib.axes.Axes
        That of the ROC curves and that of the precision–recall curves.

    Raises
    ------
    AeutilsError
        If the scores of a detector are not a pair, not one finite number per sample, or run in
        scikit-learn's direction.
    """
    from sklearn.metrics import precision_recall_curve, roc_curve  # here, since no other needs it

    pairs = {}
    for name, pair in _mapping(scores).items():
        parts = _listed(f"scores[{name!r}]", pair)
        if len(parts) != 2:
            raise AeutilsError(
                f"scores[{name!r}] must be a pair, scores of normal and of anomalous samples; got "
                f"{len(parts)} parts."
            )
        kinds = ("normal", "anomalous")
        groups = {f"scores[{name!r}], {k}": part for k, part in zip(kinds, parts, strict=True)}
        pairs[name] = list(anomaly_score_vectors(groups).values())
    both = list(_figure((8, 3.8), 1, 2)[1]) if axes is None else _listed("axes", axes)
    if len(both) != 2 or not all(isinstance(axis, Axes) for axis in both):
        raise AeutilsError(f"axes must be two axes of Matplotlib; got {axes!r}.")
    for i, (name, (normal, anomalous)) in enumerate(pairs.items()):
        # line styles distinguish the detectors for readers who cannot distinguish the colours
        style = LINE_STYLES[i % len(LINE_STYLES)]
        every = np.r_[normal, anomalous]
        is_anomaly = np.r_[np.zeros(len(normal)), np.ones(len(anomalous))]
        false_alarms, detected, _ = roc_curve(is_anomaly, every)
        precision, recall, _ = precision_recall_curve(is_anomaly, every)
        both[0].plot(false_alarms, detected, linestyle=style, label=name)
        both[1].plot(recall, precision, linestyle=style, label=name)
    both[0].set(xlabel="false-alarm rate", ylabel="detection rate")
    both[1].set(xlabel="recall", ylabel="precision")
    return both[0], both[1]


def plot_feature_errors(
    errors: ArrayLike,
    names: Sequence[str],
    usual: ArrayLike | None = None,
    axis: Axes | None = None,
) -> Axes:
    """Draw how badly each feature of one row was reconstructed, as horizontal bars.

    Parameters
    ----------
    errors : array-like of float, shape (n_features,)
        Squared errors, as a row of :meth:`aeutils.AutoencoderDetector.feature_errors`.
    names : sequence of str, shape (n_features,)
        Names of the features.
    usual : array-like of float, shape (n_features,), optional
        Errors that are still usual, such as a quantile over normal rows; drawn as marks.
    axis : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    AeutilsError
        If `errors` or `usual` are not one finite number of at least 0 per feature, or `names` not
        one per feature.
    """
    bars = _numbers("errors", errors)
    marks = None if usual is None else _numbers("usual", usual, len(bars))
    if bars.min() < 0 or (marks is not None and marks.min() < 0):
        raise AeutilsError("errors and usual must be squared errors, at least 0; got less.")
    ticks = _texts("names", names, len(bars))
    axis = _axis(axis, (6, 0.6 + 0.28 * len(bars)))
    places = np.arange(len(bars))
    axis.barh(places, bars, color="C1", label="this row")
    if marks is not None:
        axis.plot(marks, places, "k|", markersize=10, markeredgewidth=2, label="usual")
        axis.legend()
    axis.set_yticks(places, ticks)
    axis.invert_yaxis()  # the first feature on top, as in the table
    axis.set_xlabel("squared error of the scaled feature")
    return axis


def plot_recording(
    samples: ArrayLike,
    rate: float,
    marked: ArrayLike | None = None,
    scores: ArrayLike | None = None,
    threshold: float | None = None,
    begin: float = 0.0,
) -> NDArray[np.object_]:
    """Draw a recording over time, and below it the anomaly score of every step.

    Parameters
    ----------
    samples : array-like of float, shape (n_steps,)
        The recording, one channel, finite.
    rate : float
        Sampling rate in steps per second.
    marked : array-like of bool or 0/1, shape (n_steps,), optional
        Steps to shade.
    scores : array-like of float, shape (n_steps,), optional
        Anomaly scores, higher meaning more anomalous, drawn below; see
        :func:`aeutils.sequences.score_steps`.
    threshold : float, optional
        Score above which a step is called anomalous, drawn as a line.
    begin : float, default 0.0
        Time of the first step, in seconds.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        That of the recording and, if there are scores, that of the scores.

    Raises
    ------
    SequenceError
        If `samples` are not one finite number per step, `marked` or `scores` not one per sample,
        or `rate`, `begin` or `threshold` out of range.
    AeutilsError
        If `scores` are not finite, or run in scikit-learn's direction.
    """
    recording = _numbers("samples", samples, error=SequenceError)
    shades = np.zeros(len(recording), bool) if marked is None else as_labels("marked", marked)
    curves = [recording]
    if scores is not None:
        curves.append(anomaly_score_vector("scores", scores))
    elif threshold is not None:
        raise SequenceError("threshold must come with scores, to which it belongs; got none.")
    lengths = [len(values) for values in (*curves, shades)]
    if len(set(lengths)) > 1:
        raise SequenceError(
            f"marked and scores must be one per step of samples; got lengths {lengths} of samples, "
            f"{'scores and ' * (scores is not None)}marked."
        )
    rate = real_number("rate", rate, SequenceError, above=0)
    begin = real_number("begin", begin, SequenceError)
    end = real_number("begin + n_steps / rate", begin + len(recording) / rate, SequenceError)
    if threshold is not None:
        threshold = real_number("threshold", threshold, SequenceError)
    size = (8, 0.6 + 1.6 * len(curves))
    _, axes = _figure(size, len(curves), 1, SequenceError, sharex=True, squeeze=False)
    axes = axes[:, 0]
    seconds = begin + np.arange(len(recording)) / rate
    for axis, curve in zip(axes, curves, strict=True):
        axis.plot(seconds, curve, linewidth=0.9)
        for start, stop in label_ranges(shades):
            axis.axvspan(begin + start / rate, begin + stop / rate, color="C1", alpha=0.3, lw=0)
    if scores is not None:
        lowest = min(curves[1].min(), 0 if threshold is None else threshold)
        axes[1].set(ylabel="score", ylim=(0 if lowest >= 0 else None, None))
        if threshold is not None:
            axes[1].axhline(threshold, color="black", linestyle=":", label="threshold")
            axes[1].legend(loc="upper right")
    axes[-1].set_xlabel("seconds")
    axes[-1].set_xlim(begin, end)
    return axes


def _numbers(
    name: str,
    values: ArrayLike,
    length: int | None = None,
    ndim: int = 1,
    error: type[AeutilsError] = AeutilsError,
) -> NDArray[np.float64]:
    """Return finite numbers to draw, of so many axes and of a length, or raise."""
    array = plain_array(name, values, error).astype(np.float64)
    if array.ndim != ndim or array.size == 0 or length not in (None, len(array)):
        shape = f"({'n' if length is None else length},{' 2' * (ndim - 1)})"
        raise error(f"{name} must have shape {shape}, at least one; got {array.shape}.")
    if not np.isfinite(array).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise error(f"{name} must be finite; got {array[index]} at index {index}.")
    return array


def _listed(name: str, values: Any, error: type[AeutilsError] = AeutilsError) -> list[Any]:
    """Return what a sequence holds as a list, or raise."""
    try:
        if isinstance(values, str | bytes | Mapping):
            raise TypeError
        return list(values)
    except TypeError:
        raise error(f"{name} must be a sequence; got {values!r}.") from None


def _texts(name: str, texts: Any, n: int, error: type[AeutilsError] = AeutilsError) -> list[str]:
    """Return so many texts as a list, or raise."""
    found = [str(text) for text in _listed(name, texts, error)]
    if len(found) != n:
        raise error(f"{name} must be {n} texts; got {len(found)}.")
    return found


def _mapping(scores: Any) -> Mapping[str, Any]:
    """Return scores by their names, or raise."""
    if not isinstance(scores, Mapping) or not scores:
        raise AeutilsError(
            f"scores must be a dict with at least one name and its scores; got {scores!r}."
        )
    return scores


def _figure(
    size: tuple[float, float],
    n_rows: int = 1,
    n_cols: int = 1,
    error: type[AeutilsError] = AeutilsError,
    **options: Any,
) -> tuple[Figure, Any]:
    """Return a new figure of a size in inches, and its axes, or raise."""
    if max(size) * plt.rcParams["figure.dpi"] >= LARGEST_FIGURE:
        raise error(
            f"the figure must be smaller than {LARGEST_FIGURE:,} pixels in each direction; got "
            f"{size[0]:,.0f} by {size[1]:,.0f} inches. Draw less, or smaller."
        )
    return plt.subplots(n_rows, n_cols, figsize=size, layout="constrained", **options)


def _axis(axis: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the axis to draw on, that of a new figure by default, or raise."""
    if axis is None:
        return _figure(size)[1]
    if not isinstance(axis, Axes):
        raise AeutilsError(f"axis must be one axis of Matplotlib; got {type(axis).__name__}.")
    return axis
