"""The page cleaner of chapter 5, uncompiled."""

import keras
from keras import layers

from aeutils.core.checks import positive_integers
from aeutils.core.errors import ModelError

__all__ = ["page_cleaner"]


def page_cleaner(filters=(8, 16, 32, 32, 32), kernel_initializer="he_normal"):
    """Fully convolutional cleaner of scanned pages of chapter 5.

    A convolution and max-pooling at every level on the way down, two convolutions at the lowest,
    whose output is the layer called ``bottleneck``; on the way up, upsampling and a convolution
    that also sees the maps of the same level on the way down: the bridges of a U-Net.

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
        Uncompiled; takes and gives **ink**, float32 from 0 (paper) to 1 (ink), shape (n, height,
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
        raise ModelError(f"filters must name at least two levels, not {len(filters)}.")

    def conv(n, **name):
        return layers.Conv2D(
            n,
            (3, 3),
            activation="relu",
            padding="same",
            kernel_initializer=kernel_initializer,
            **name,
        )

    x = inputs = keras.Input((None, None, 1))
    bridges = []
    for n in filters[:-1]:
        bridges.append(conv(n)(x))
        x = layers.MaxPooling2D((2, 2))(bridges[-1])
    x = conv(filters[-1])(x)
    x = conv(filters[-1], name="bottleneck")(x)
    for n, bridge in zip(reversed(filters[:-1]), reversed(bridges), strict=True):
        x = layers.Concatenate()([layers.UpSampling2D((2, 2))(x), bridge])
        x = conv(n)(x)
    outputs = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
    return keras.Model(inputs, outputs, name="page_cleaner")
