"""The sequence autoencoders of chapter 8, uncompiled."""

import keras
import numpy as np
from keras import layers

from aeutils.core.checks import positive_integer, positive_integers
from aeutils.core.errors import ModelError

__all__ = ["conv_sequence_autoencoder", "lstm_autoencoder"]


def lstm_autoencoder(
    width: int = 96,
    n_channels: int = 1,
    units: int = 32,
    patch: int = 8,
    unroll: bool = True,
) -> keras.Sequential:
    """Build the LSTM autoencoder for windows of recordings, of chapter 8.

    An LSTM reads the window from its end to its beginning.  Its last hidden state, the output of
    the layer ``bottleneck``, is the decoder's only input, repeated at every step.  A second LSTM
    outputs a hidden state per step, and a dense layer maps each to samples.  Since the encoder
    reads backwards, the decoder outputs first what the encoder read last, which is easier to
    learn.

    Parameters
    ----------
    width : int, default 96
        Number of time steps of a window, a multiple of `patch`.
    n_channels : int, default 1
        Number of values per step.
    units : int, default 32
        Number of hidden units of both LSTMs, and so the width of the bottleneck.
    patch : int, default 8
        Time steps that an LSTM reads at once, as one longer vector.  An LSTM computes one step
        after the other, so that a patch of 8 makes it several times as fast.
    unroll : bool, default True
        Whether Keras unrolls the loop over the ``width / patch`` steps, which is faster on a
        processor for up to about fifty of them.  Use False for longer windows, and for the fast
        kernels of a GPU.

    Returns
    -------
    keras.Sequential
        Uncompiled; accepts and returns float32, shape (n, `width`, `n_channels`), of any range,
        best standardised to mean 0 and standard deviation 1.

    Raises
    ------
    ModelError
        If a number is not a positive integer, `width` is no multiple of `patch`, or `unroll` is
        no bool.

    References
    ----------
    Malhotra et al., "LSTM-based encoder-decoder for multi-sensor anomaly detection", 2016,
    arXiv:1607.00148, which reverses the output instead; Sutskever, Vinyals and Le, "Sequence to
    sequence learning with neural networks", NeurIPS 2014.
    """
    width = positive_integer("width", width, ModelError)
    n_channels = positive_integer("n_channels", n_channels, ModelError)
    units = positive_integer("units", units, ModelError)
    patch = positive_integer("patch", patch, ModelError)
    if width % patch:
        raise ModelError(
            f"width must be a multiple of patch; got width {width} and patch {patch}. Use width "
            f"{width + patch - width % patch}, or another patch."
        )
    if not isinstance(unroll, bool | np.bool_):
        raise ModelError(f"unroll must be True or False; got {unroll!r}.")
    unroll = bool(unroll)  # a configuration with NumPy's could not be saved
    steps, values = width // patch, patch * n_channels
    return keras.Sequential(
        [
            keras.Input(shape=(width, n_channels)),
            layers.Reshape((steps, values)),
            layers.LSTM(units, go_backwards=True, unroll=unroll, name="bottleneck"),
            layers.RepeatVector(steps),
            layers.LSTM(units, return_sequences=True, unroll=unroll),
            layers.Dense(values),  # on the last axis, so the same at every step
            layers.Reshape((width, n_channels)),
        ],
        name="lstm_autoencoder",
    )


def conv_sequence_autoencoder(
    width: int = 96,
    n_channels: int = 1,
    filters: tuple[int, int] = (8, 8),
    latent_dim: int = 32,
) -> keras.Sequential:
    """Build the convolutional autoencoder for windows of recordings, of chapter 8.

    Two convolutions with stride 2 shorten the window to a quarter of its steps, a dense layer
    called ``bottleneck`` encodes it, and two transposed convolutions restore its length.  With
    the defaults it has about as many weights as :func:`lstm_autoencoder`, and a bottleneck of
    the same width.

    Parameters
    ----------
    width : int, default 96
        Number of time steps of a window, a multiple of 4.
    n_channels : int, default 1
        Number of values per step.
    filters : tuple of (int, int), default (8, 8)
        Number of filters at half and at a quarter of the length.
    latent_dim : int, default 32
        Width of the bottleneck.

    Returns
    -------
    keras.Sequential
        Uncompiled; accepts and returns float32, shape (n, `width`, `n_channels`), of any range,
        best standardised to mean 0 and standard deviation 1.

    Raises
    ------
    ModelError
        If a number is not a positive integer, `filters` are not two, or `width` is no multiple of
        4.
    """
    width = positive_integer("width", width, ModelError)
    n_channels = positive_integer("n_channels", n_channels, ModelError)
    latent_dim = positive_integer("latent_dim", latent_dim, ModelError)
    half, quarter = positive_integers("filters", filters, ModelError, length=2)
    if width % 4:
        raise ModelError(
            f"width must be a multiple of 4; got width {width}. Use width {width + 4 - width % 4}."
        )
    kind = {"padding": "same", "strides": 2}
    return keras.Sequential(
        [
            keras.Input(shape=(width, n_channels)),
            layers.Conv1D(half, 7, activation="relu", **kind),
            layers.Conv1D(quarter, 7, activation="relu", **kind),
            layers.Flatten(),
            layers.Dense(latent_dim, name="bottleneck"),
            layers.Dense(width // 4 * quarter, activation="relu"),
            layers.Reshape((width // 4, quarter)),
            layers.Conv1DTranspose(half, 7, activation="relu", **kind),
            layers.Conv1DTranspose(n_channels, 7, **kind),
        ],
        name="conv_sequence_autoencoder",
    )
