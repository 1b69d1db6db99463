"""Losses that Keras lacks."""

from typing import Any

import keras
from keras import ops

from aeutils.core.errors import ImageError

__all__ = ["negative_psnr"]

# the squared error of 60 dB: keeps the logarithm finite where the output equals the target
TINY = 1e-6
ROUNDING = 1e-3  # half precision rounds the pixels near 1 by as much


@keras.saving.register_keras_serializable(package="aeutils")
def negative_psnr(y_true: Any, y_pred: Any) -> Any:
    """Compute the negative peak signal-to-noise ratio of each image, as a loss for training.

    Minimising it maximises the mean of :func:`aeutils.denoising.psnr` over images; the mean
    squared error gives noisier images more weight.

    Parameters
    ----------
    y_true, y_pred : tensor of shape (n, ...)
        Target and output, floating point; the target in [0, 1].

    Returns
    -------
    tensor of float32, shape (n,)
        In decibels: -20 means a PSNR of 20 dB.  NaN for an image whose target leaves [0, 1] or
        holds NaN.

    Raises
    ------
    ImageError
        If the shapes differ, or the pixels are not floating point.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    for name, images in (("y_true", y_true), ("y_pred", y_pred)):
        dtype = keras.backend.standardize_dtype(images.dtype)
        if "float" not in dtype:
            raise ImageError(
                f"{name} must hold floating-point pixels in [0, 1]; got {dtype}. Convert them by "
                "aeutils.images.to_unit_range."
            )
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    # sizes may be unknown while a model is built
    fits = [m == n or None in (m, n) for m, n in zip(*shapes, strict=False)]
    if len(shapes[0]) != len(shapes[1]) or len(fits) < 2 or not all(fits):
        raise ImageError(
            f"y_true and y_pred must have one shape (n, ...); got {shapes[0]} and {shapes[1]}."
        )
    # half precision is too coarse for the squares
    y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
    axes = tuple(range(1, len(y_pred.shape)))
    error = ops.mean(ops.square(y_true - y_pred), axis=axes)
    inside = ops.all((y_true >= -ROUNDING) & (y_true <= 1 + ROUNDING), axis=axes)
    return ops.where(inside, 10 * ops.log10(error + TINY), float("nan"))
