"""The sequence autoencoders of chapter 8, uncompiled."""

import keras
from keras import layers

from aeutils.core.checks import positive_integer, positive_integers
from aeutils.core.errors import ModelError

__all__ = ["conv_sequence_autoencoder", "lstm_autoencoder"]


def lstm_autoencoder(width=96, n_channels=1, units=16, patch=4, unroll=True):
    """LSTM autoencoder for windows of recordings, of chapter 8.

    An LSTM reads the window from its end to its beginning; its last state, the layer called
    ``bottleneck``, is all that the decoder gets, once for every step.  A second LSTM makes a
    sequence of it again, and a dense layer turns each of its states into samples.  Since the
    encoder reads backwards, what it read last is what the decoder has to say first, which is
    easier to learn.

    Parameters
    ----------
    width : int, default 96
        Number of time steps of a window, a multiple of `patch`.
    n_channels : int, default 1
        Number of values a step.
    units : int, default 16
        Width of both LSTMs, and so of the bottleneck.
    patch : int, default 4
        Time steps that the LSTMs take in one go, as one longer vector.  The work of an LSTM comes
        one step after the other, so that a patch of 4 makes it about 4 times as fast.
    unroll : bool, default True
        Whether Keras writes the loop over the steps out, which is faster on a processor for up to
        some fifty steps.  False for longer windows, and for the fast kernels of a GPU.

    Returns
    -------
    keras.Sequential
        Uncompiled; takes and gives float32, shape (n, `width`, `n_channels`), of any range, best
        with mean 0 and standard deviation 1.

    Raises
    ------
    ModelError
        If a number is not a positive integer, or `width` is no multiple of `patch`.

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
            f"width {width} is no multiple of patch {patch}; use windows of "
            f"{width + patch - width % patch} steps, or another patch."
        )
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


def conv_sequence_autoencoder(width=96, n_channels=1, filters=(4, 4), latent_dim=16):
    """Convolutional autoencoder for windows of recordings, of chapter 8.

    Two convolutions with strides down to a quarter of the steps, the layer called ``bottleneck``,
    and two transposed convolutions back.  With the defaults it has about as many weights as
    :func:`lstm_autoencoder`, and as wide a bottleneck.

    Parameters
    ----------
    width : int, default 96
        Number of time steps of a window, a multiple of 4.
    n_channels : int, default 1
        Number of values a step.
    filters : tuple of (int, int), default (4, 4)
        Number of filters at half and at a quarter of the length.
    latent_dim : int, default 16
        Width of the bottleneck.

    Returns
    -------
    keras.Sequential
        Uncompiled; takes and gives float32, shape (n, `width`, `n_channels`), of any range, best
        with mean 0 and standard deviation 1.

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
        raise ModelError(f"width {width} is no multiple of 4; use {width + 4 - width % 4}.")
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
