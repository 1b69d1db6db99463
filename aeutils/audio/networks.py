"""The spectrogram denoiser of chapter 6, uncompiled."""

from collections.abc import Sequence

import keras
from keras import layers

from aeutils.core.checks import positive_integer, positive_integers
from aeutils.core.errors import ModelError


def spectrogram_denoiser(
    n_bins: int = 128,
    filters: Sequence[int] = (16, 32, 64),
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
) -> keras.Model:
    """Build the convolutional autoencoder of chapter 6 on the short-time spectrum.

    Three convolutions with strides lead down to an eighth of the frequencies and a quarter of the
    frames, the layer called ``bottleneck`` follows, and three convolutions with upsampling and
    skip connections lead back.  The last outputs a gain between 0 and 1 for every frequency of
    every frame, and the input is multiplied by it.

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
        Uncompiled; accepts and returns compressed magnitudes as :func:`aeutils.audio.compress`
        makes them, float32, shape (n, frames, `n_bins`, 1), the number of frames a multiple of 4.

    Raises
    ------
    ModelError
        If a number is not a positive integer, `filters` are not three, `n_bins` is no multiple
        of 8, or Keras has no such initializer.
    """
    first, second, third = positive_integers("filters", filters, ModelError, length=3)
    if positive_integer("n_bins", n_bins, ModelError) % 8:
        raise ModelError(f"n_bins must be a multiple of 8; got {n_bins}.")

    def conv(
        n: int, size: tuple[int, int], strides: tuple[int, int] = (1, 1), name: str | None = None
    ) -> layers.Layer:
        try:
            return layers.Conv2D(
                n,
                size,
                strides=strides,
                activation="relu",
                padding="same",
                kernel_initializer=kernel_initializer,
                name=name,
            )
        except (TypeError, ValueError) as error:
            raise ModelError(
                "kernel_initializer must be an initializer of Keras or its name; got "
                f"{kernel_initializer!r}."
            ) from error

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
    gain = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(up_0)
    clean = layers.Multiply()([noisy, gain])
    return keras.Model(noisy, clean, name="spectrogram_denoiser")
