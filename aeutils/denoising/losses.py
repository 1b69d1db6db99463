"""Losses that Keras lacks."""

import keras
from keras import ops

__all__ = ["negative_psnr"]

# the squared error of 60 dB: keeps the logarithm of a perfect answer finite
TINY = 1e-6


@keras.saving.register_keras_serializable(package="aeutils")
def negative_psnr(y_true, y_pred):
    """Peak signal-to-noise ratio of each image, with a minus, as a loss to train by.

    Minimising it maximises the mean of :func:`aeutils.denoising.measures.psnr` over images; the
    mean squared error gives hard images more weight than nearly clean ones.

    Parameters
    ----------
    y_true, y_pred : tensor of shape (n, ...)
        Images in [0, 1].

    Returns
    -------
    tensor of shape (n,)
        In decibels: -20 means a PSNR of 20 dB.
    """
    error = ops.mean(ops.square(y_true - y_pred), axis=tuple(range(1, len(y_pred.shape))))
    return 10 * ops.log10(error + TINY)
