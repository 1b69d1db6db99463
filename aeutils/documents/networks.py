"""The page cleaner of chapter 5, uncompiled."""

from collections.abc import Sequence

import keras
from keras import layers

from aeutils.core.checks import positive_integers
from aeutils.core.errors import ModelError

__all__ = ["page_cleaner"]


def page_cleaner(
    filters: Sequence[int] = (8, 16, 32, 32, 32),
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
) -> keras.Model:
    """Build the fully convolutional cleaner of scanned pages of chapter 5.

    The encoder has a convolution and max-pooling at every level, then two convolutions at the
    lowest, whose output is the layer called ``bottleneck``.  The decoder has upsampling and a
    convolution at every level; skip connections, as in a U-Net, concatenate the encoder's feature
    maps of the same level.

    Parameters
    ----------
    filters : sequence of int, default (8, 16, 32, 32, 32)
        Number of filters at each level, from full size downwards; every level halves height and
        width.
    kernel_initializer : str or keras.initializers.Initializer, default "he_normal"
        Initial weights of all convolutions but the last.

    Returns
    -------
    keras.Model
        Uncompiled; takes and outputs **ink**, float32 from 0 (paper) to 1 (ink), shape (n, height,
        width, 1), sides multiples of ``2 ** (len(filters) - 1)``.
        :func:`aeutils.documents.cleaning.clean_page` takes pages of any size.

    Raises
    ------
    ModelError
        If a number of filters is not a positive integer, or there are fewer than two levels.

    References
    ----------
    Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
    segmentation", MICCAI 2015.
    """
    filters = positive_integers("filters", filters, ModelError)
    if len(filters) < 2:
        raise ModelError(f"filters must have at least two levels; got {len(filters)}.")

    def conv(n: int, name: str | None = None) -> layers.Layer:
        return layers.Conv2D(
            n,
            (3, 3),
            activation="relu",
            padding="same",
            kernel_initializer=kernel_initializer,
            name=name,
        )

    x = inputs = keras.Input((None, None, 1))
    skipped = []
    for n in filters[:-1]:
        skipped.append(conv(n)(x))
        x = layers.MaxPooling2D((2, 2))(skipped[-1])
    x = conv(filters[-1])(x)
    x = conv(filters[-1], name="bottleneck")(x)
    for n, maps in zip(reversed(filters[:-1]), reversed(skipped), strict=True):
        x = layers.Concatenate()([layers.UpSampling2D((2, 2))(x), maps])
        x = conv(n)(x)
    outputs = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
    return keras.Model(inputs, outputs, name="page_cleaner")
