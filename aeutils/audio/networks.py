"""The spectrogram denoiser of chapter 6, uncompiled."""

import keras
from keras import layers

from aeutils.core.checks import positive_integer, positive_integers
from aeutils.core.errors import ModelError

__all__ = ["spectrogram_denoiser"]


def spectrogram_denoiser(n_bins=128, filters=(16, 32, 64), kernel_initializer="he_normal"):
    """Convolutional autoencoder on the short-time spectrum of chapter 6.

    Three convolutions with strides down to an eighth of the frequencies and a quarter of the
    frames, the layer called ``bottleneck``, and three convolutions with upsampling back, each of
    which also sees what the way down had at its size.  The last gives a factor between 0 and 1
    for every frequency of every frame, and the input is multiplied by it.

    Parameters
    ----------
    n_bins : int, default 128
        Number of frequencies, a multiple of 8.
    filters : tuple of (int, int, int), default (16, 32, 64)
        Number of filters of the three convolutions down; upwards they are reversed.
    kernel_initializer : str or keras.initializers.Initializer, default "he_normal"
        Initial weights of all convolutions but the last.

    Returns
    -------
    keras.Model
        Uncompiled; takes and gives compressed magnitudes as :func:`aeutils.audio.compress` makes
        them, float32, shape (n, frames, `n_bins`, 1), the number of frames a multiple of 4.

    Raises
    ------
    ModelError
        If a number is not a positive integer, `filters` are not three, or `n_bins` is no multiple
        of 8.
    """
    first, second, third = positive_integers("filters", filters, ModelError, length=3)
    if positive_integer("n_bins", n_bins, ModelError) % 8:
        raise ModelError(f"n_bins must be a multiple of 8, not {n_bins}.")

    def conv(n, size, strides=(1, 1), **name):
        return layers.Conv2D(
            n,
            size,
            strides=strides,
            activation="relu",
            padding="same",
            kernel_initializer=kernel_initializer,
            **name,
        )

    noisy = keras.Input(shape=(None, n_bins, 1))
    down_1 = conv(first, (3, 5), (1, 2))(noisy)
    down_2 = conv(second, (3, 5), (2, 2))(down_1)
    down_3 = conv(third, (3, 5), (2, 2))(down_2)
    bottleneck = conv(third, (3, 3), name="bottleneck")(down_3)
    up_2 = layers.UpSampling2D((2, 2))(bottleneck)
    up_2 = conv(second, (3, 3))(layers.Concatenate()([up_2, down_2]))
    up_1 = layers.UpSampling2D((2, 2))(up_2)
    up_1 = conv(first, (3, 3))(layers.Concatenate()([up_1, down_1]))
    up_0 = layers.UpSampling2D((1, 2))(up_1)
    up_0 = layers.Concatenate()([up_0, noisy])
    share = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(up_0)
    clean = layers.Multiply()([noisy, share])
    return keras.Model(noisy, clean, name="spectrogram_denoiser")
