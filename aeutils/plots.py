"""The figures of the book: image grids, training curves, latent maps, score histograms."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from aeutils.core.errors import ImageError, SequenceError
from aeutils.sequences.windows import label_ranges

LINE_STYLES = ["-", ":", "-.", "--", (0, (1, 4)), (0, (5, 5))]
OUTLINE_STYLES = ["-", "-", "--", "-.", (0, (6, 1, 1, 1, 1, 1))]

__all__ = [
    "draw_autoencoder",
    "plot_detection_curves",
    "plot_feature_errors",
    "plot_history",
    "plot_latent",
    "plot_recording",
    "plot_scores",
    "show_images",
]


def draw_autoencoder(widths):
    """Draw the layers of a dense autoencoder as bars, the narrowest marked as bottleneck.

    Parameters
    ----------
    widths : sequence of int
        Number of values after each layer, from the input to the output.

    Returns
    -------
    matplotlib.figure.Figure
    """
    widths = list(widths)
    middle = widths.index(min(widths))
    figure, axis = plt.subplots(figsize=(7.5, 3.0), layout="constrained")
    heights = 0.6 + np.log2(widths)
    for i, (width, height) in enumerate(zip(widths, heights, strict=True)):
        colour = "C1" if i == middle else "C0"
        axis.bar(i, height, width=0.45, bottom=-height / 2, color=colour)
        axis.text(i, height / 2 + 0.3, f"{width}", ha="center", va="bottom")
    top = max(heights) / 2 + 2.2
    last = len(widths) - 1
    for start, end, name in ((0, middle, "encoder"), (middle, last, "decoder")):
        axis.annotate("", (end, top), (start, top), arrowprops={"arrowstyle": "->"})
        axis.text((start + end) / 2, top + 0.2, name, ha="center", va="bottom")
    for i, name in ((0, "input"), (middle, "bottleneck"), (last, "reconstruction")):
        axis.text(i, -heights[i] / 2 - 0.4, name, ha="center", va="top")
    axis.set(xlim=(-0.8, last + 0.8), ylim=(-max(heights) / 2 - 1.6, top + 1.4))
    axis.axis("off")
    return figure


def show_images(images, titles=None, row_titles=None, n_cols=10, scale=1.0):
    """Draw grey images in a grid, all on one scale from 0 (black) to 1 (white).

    Parameters
    ----------
    images : array-like, shape (n_images, height, width) or (n_images, height, width, 1)
        Pixels between 0 and 1, filling the grid row by row.
    titles : sequence of str, optional
        One above each image.
    row_titles : sequence of str, optional
        One to the left of each row.
    n_cols : int, default 10
        Images in a row.
    scale : float, default 1.0
        Width of one image, in inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImageError
        If there are no images, or they are not grey.
    """
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3 or len(images) == 0:
        raise ImageError(
            f"show_images takes grey images, shape (n_images, height, width), not {images.shape}."
        )
    n_cols = min(n_cols, len(images))
    n_rows = -(-len(images) // n_cols)
    row_height = scale * images.shape[1] / images.shape[2] + (0.25 if titles is not None else 0.05)
    figure, axes = plt.subplots(
        n_rows,
        n_cols,
        figsize=(n_cols * (scale + 0.05), n_rows * row_height),
        squeeze=False,
        layout="constrained",
    )
    for i, axis in enumerate(axes.flat):
        axis.set(xticks=[], yticks=[])
        if i >= len(images):
            axis.axis("off")
            continue
        axis.imshow(images[i], cmap="gray", vmin=0, vmax=1)
        if titles is not None:
            axis.set_title(titles[i], fontsize=8)
    if row_titles is not None:
        for axis, title in zip(axes[:, 0], row_titles, strict=True):
            axis.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=9)
    return figure


def plot_history(history, axis=None):
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
    """
    curves = getattr(history, "history", history)
    if axis is None:
        _, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
    epochs = np.arange(1, len(curves["loss"]) + 1)
    axis.plot(epochs, curves["loss"], marker="o", markersize=3, label="training")
    if "val_loss" in curves:
        axis.plot(epochs, curves["val_loss"], marker="s", markersize=3, ls="--", label="validation")
    axis.set(xlabel="epoch", ylabel="loss")
    axis.legend()
    axis.grid(alpha=0.3)
    return axis


def plot_latent(codes, labels, axis=None):
    """Draw two-dimensional latent codes, each as the digit that it stands for.

    Parameters
    ----------
    codes : array-like of float, shape (n_samples, 2)
        Latent codes.
    labels : array-like of int, shape (n_samples,)
        Class of each, 0 to 9; it is both the colour and the mark.
    axis : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    codes, labels = np.asarray(codes), np.asarray(labels)
    if axis is None:
        _, axis = plt.subplots(figsize=(6, 5.4), layout="constrained")
    for label in np.unique(labels):
        points = codes[labels == label]
        # the mark tells the class to readers who cannot tell the colours
        axis.scatter(*points.T, s=18, color=f"C{label}", marker=f"${label}$", linewidths=0.2)
    return axis


def plot_scores(scores, threshold=None, axis=None):
    """Draw histograms of anomaly scores, both axes logarithmic.

    Parameters
    ----------
    scores : dict of str to array-like of float
        Positive scores of each group, by its name; the first is the normal data.
    threshold : float, optional
        Drawn as a line.
    axis : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if axis is None:
        _, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    every = np.concatenate([np.asarray(group) for group in scores.values()])
    bins = np.geomspace(every[every > 0].min(), every.max(), 80)
    for i, (name, group) in enumerate(scores.items()):
        style = {"histtype": "stepfilled", "alpha": 0.5} if i == 0 else {"histtype": "step"}
        # told apart without colours, too; the dotted line is the threshold's
        style["linestyle"] = OUTLINE_STYLES[i % len(OUTLINE_STYLES)]
        axis.hist(group, bins=bins, label=name, linewidth=1.6, **style)
    if threshold is not None:
        axis.axvline(threshold, color="black", linestyle=":", label="threshold")
    axis.set(xscale="log", yscale="log", xlabel="reconstruction error", ylabel="number of images")
    axis.legend()
    return axis


def plot_detection_curves(scores, axes=None):
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
    """
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
    for i, (name, (normal, anomalous)) in enumerate(scores.items()):
        # line styles tell the detectors to readers who cannot tell the colours
        style = LINE_STYLES[i % len(LINE_STYLES)]
        every = np.r_[normal, anomalous]
        is_anomaly = np.r_[np.zeros(len(normal)), np.ones(len(anomalous))]
        false_alarms, detected, _ = roc_curve(is_anomaly, every)
        precision, recall, _ = precision_recall_curve(is_anomaly, every)
        axes[0].plot(false_alarms, detected, linestyle=style, label=name)
        axes[1].plot(recall, precision, linestyle=style, label=name)
    axes[0].set(xlabel="false-alarm rate", ylabel="detection rate")
    axes[1].set(xlabel="recall", ylabel="precision")
    return axes


def plot_feature_errors(errors, names, usual=None, axis=None):
    """Draw how badly each feature of one row was reconstructed, as horizontal bars.

    Parameters
    ----------
    errors : array-like of float, shape (n_features,)
        Squared errors, as a row of :meth:`aeutils.AutoencoderDetector.feature_errors`.
    names : sequence of str
        The features' names.
    usual : array-like of float, shape (n_features,), optional
        Errors that are still usual, say a quantile over normal rows; drawn as marks.
    axis : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    errors = np.asarray(errors)
    if axis is None:
        size = (6, 0.6 + 0.28 * len(errors))
        _, axis = plt.subplots(figsize=size, layout="constrained")
    places = np.arange(len(errors))
    axis.barh(places, errors, color="C1", label="this row")
    if usual is not None:
        axis.plot(usual, places, "k|", markersize=10, markeredgewidth=2, label="usual")
        axis.legend()
    axis.set_yticks(places, list(names))
    axis.invert_yaxis()  # the first feature on top, as in the table
    axis.set_xlabel("squared error of the scaled feature")
    return axis


def plot_recording(samples, rate, marked=None, scores=None, threshold=None, begin=0.0):
    """Draw a recording over time, and under it the anomaly score of every step.

    Parameters
    ----------
    samples : array-like of float, shape (n_steps,)
        The recording, one channel.
    rate : float
        Steps a second.
    marked : array-like of bool, shape (n_steps,), optional
        Steps to shade.
    scores : array-like of float, shape (n_steps,), optional
        Drawn below; see :func:`aeutils.sequences.streaming.score_steps`.
    threshold : float, optional
        Score above which a step is called anomalous; a line.
    begin : float, default 0.0
        Time of the first step, in seconds.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        That of the recording and, if there are scores, that of the scores.

    Raises
    ------
    SequenceError
        If there are not as many marks or scores as samples.
    """
    curves = [np.asarray(curve) for curve in (samples, scores) if curve is not None]
    marked = np.zeros(len(curves[0]), bool) if marked is None else np.asarray(marked)
    if any(np.shape(row) != np.shape(marked) for row in curves):
        shapes = [row.shape for row in (*curves, marked)]
        raise SequenceError(f"samples, scores and marks must be one a step; their shapes: {shapes}")
    _, axes = plt.subplots(
        len(curves),
        figsize=(8, 0.6 + 1.6 * len(curves)),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    axes = axes[:, 0]
    seconds = begin + np.arange(len(marked)) / rate
    for axis, curve in zip(axes, curves, strict=True):
        axis.plot(seconds, curve, linewidth=0.9)
        for start, stop in label_ranges(marked):
            axis.axvspan(begin + start / rate, begin + stop / rate, color="C1", alpha=0.3, lw=0)
    if scores is not None:
        axes[1].set(ylabel="score", ylim=(0, None))
        if threshold is not None:
            axes[1].axhline(threshold, color="black", linestyle=":", label="threshold")
            axes[1].legend(loc="upper right")
    axes[-1].set_xlabel("seconds")
    axes[-1].set_xlim(begin, begin + len(marked) / rate)
    return axes
