"""The denoisers of chapters 3 and 7, uncompiled.

The chapters write the same networks out layer by layer; a test compares the two.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from aeutils.core.checks import positive_integer, positive_integers
from aeutils.core.errors import ModelError
from aeutils.core.layers import UpsampleConv2D

__all__ = ["conv_denoiser", "photo_denoiser", "residual_denoiser"]


def conv_denoiser(
    image_shape: Sequence[int | None] = (28, 28, 1),
    filters: int = 32,
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
    fused: bool = False,
) -> keras.Sequential:
    """Convolutional denoiser of chapter 3.

    Two convolutions with max-pooling down to a quarter of height and width, the layer called
    ``bottleneck``, and two convolutions with upsampling back.

    Parameters
    ----------
    image_shape : tuple of (int, int, int), default (28, 28, 1)
        Height and width, both multiples of 4, and channels.  Height and width may be None for
        images of any size whose sides are multiples of 4.
    filters : int, default 32
        Number of filters of every convolution except the last.
    kernel_initializer : str or keras.initializers.Initializer, default "he_normal"
        Initial weights of those convolutions.  The default suits relu; ``"glorot_uniform"`` is
        the default of Keras, and so of the article.
    fused : bool, default False
        Compute each upsampling and the convolution after it as one layer,
        :class:`aeutils.core.layers.UpsampleConv2D`: the same function of the same weights,
        trained in less time.

    Returns
    -------
    keras.Sequential
        Uncompiled; accepts and outputs float32 in [0, 1], shape (n, height, width, channels).

    Raises
    ------
    ModelError
        If `filters` or a side is not a positive integer, or a side is no multiple of 4.
    """
    shape = _image_shape(image_shape)
    channels, filters = shape[2], positive_integer("filters", filters, ModelError)
    hidden = {"activation": "relu", "kernel_initializer": kernel_initializer}

    def conv(n: int, **arguments: Any) -> layers.Layer:
        return layers.Conv2D(n, (3, 3), padding="same", **arguments)

    def upsample_conv(n: int, **arguments: Any) -> list[layers.Layer]:
        if fused:
            return [UpsampleConv2D(n, **arguments)]
        return [layers.UpSampling2D((2, 2)), conv(n, **arguments)]

    return keras.Sequential(
        [
            keras.Input(shape=shape),
            conv(filters, **hidden),
            layers.MaxPooling2D((2, 2), padding="same"),
            conv(filters, **hidden),
            layers.MaxPooling2D((2, 2), padding="same", name="bottleneck"),
            conv(filters, **hidden),
            *upsample_conv(filters, **hidden),
            *upsample_conv(channels, activation="sigmoid"),
        ],
        name="conv_denoiser",
    )


def residual_denoiser(
    image_shape: Sequence[int] = (28, 28, 1),
    filters: Sequence[int] = (24, 48),
    latent_dim: int = 256,
    blocks: int = 2,
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
) -> keras.Model:
    """Better denoiser of chapter 7: residual connections, and small dense autoencoders inside.

    Two convolutions with strides down to a quarter of height and width.  There each block adds two
    residuals to its input: one from a dense autoencoder, in which every place depends on every
    other, and one from a convolution.  Two transposed convolutions lead back, with a skip
    connection at half the size.  Batch normalization comes before every rectifier; without it the
    same training ends at a much higher loss.  Every block has a bottleneck of its own, with a
    connection around it, so that :func:`aeutils.core.split_at` has no place to split at.

    Parameters
    ----------
    image_shape : tuple of (int, int, int), default (28, 28, 1)
        Height and width, both multiples of 4, and channels.
    filters : tuple of (int, int), default (24, 48)
        Number of filters at half and at a quarter of the size.
    latent_dim : int, default 256
        Width of the dense autoencoders' bottlenecks.
    blocks : int, default 2
        Number of blocks.
    kernel_initializer : str or keras.initializers.Initializer, default "he_normal"
        Initial weights.  The last layers of the dense autoencoders start at zero.

    Returns
    -------
    keras.Model
        Uncompiled; accepts and outputs float32 in [0, 1], shape (n, height, width, channels).

    Raises
    ------
    ModelError
        If a number is not a positive integer, `filters` are not two, or a side is no multiple of
        4.

    References
    ----------
    He et al., "Deep residual learning for image recognition", CVPR 2016; Ioffe and Szegedy, "Batch
    normalization: accelerating deep network training by reducing internal covariate shift", ICML
    2015; Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
    segmentation", MICCAI 2015.
    """
    shape = _image_shape(image_shape)
    if None in shape:
        raise ModelError(
            f"height and width must be fixed, since dense layers need them; got {image_shape}."
        )
    half, quarter = positive_integers("filters", filters, ModelError, length=2)
    latent_dim = positive_integer("latent_dim", latent_dim, ModelError)
    blocks = positive_integer("blocks", blocks, ModelError)
    start = {"kernel_initializer": kernel_initializer}

    def conv(n: int, size: int = 3, strides: int = 1) -> layers.Layer:
        return layers.Conv2D(n, size, strides=strides, padding="same", **start)

    def upward(n: int) -> layers.Layer:
        return layers.Conv2DTranspose(n, 4, strides=2, padding="same", **start)

    def rectified(x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.ReLU()(layers.BatchNormalization()(x))

    noisy = keras.Input(shape)
    skip = rectified(conv(half, 4, strides=2)(noisy))
    x = layers.BatchNormalization()(conv(quarter, 4, strides=2)(skip))
    for _ in range(blocks):
        code = rectified(layers.Dense(latent_dim, **start)(layers.Flatten()(x)))
        everywhere = layers.Dense(math.prod(x.shape[1:]), kernel_initializer="zeros")(code)
        x = layers.Add()([x, layers.Reshape(x.shape[1:])(everywhere)])
        x = layers.Add()([x, conv(quarter)(rectified(x))])
    x = layers.Add()([skip, upward(half)(rectified(x))])
    x = rectified(conv(half)(rectified(x)))
    # in float32 also where the rest is not, since the steps of bfloat16 near 1 can be seen
    clean = layers.Activation("sigmoid", dtype="float32")(upward(shape[2])(x))
    return keras.Model(noisy, clean, name="residual_denoiser")


def photo_denoiser(
    filters: Sequence[int] = (32, 64), blocks: int = 4, channels: int = 3
) -> keras.Model:
    """Small denoiser for photographs of any size and noise of any level.

    A local mean over some 24 pixels is subtracted; convolutions at half and at a quarter of the
    size, with a skip connection, estimate the noise from what is left, and the noise is subtracted
    from the input.  No layer has a bias, so that the output for ``a * image`` is ``a`` times the
    output, and the network can follow the noise beyond the levels that it was trained on.

    Parameters
    ----------
    filters : tuple of (int, int), default (32, 64)
        Number of filters at half and at a quarter of the size.
    blocks : int, default 4
        Residual blocks of two convolutions at a quarter of the size.
    channels : int, default 3
        Channels of the photographs.

    Returns
    -------
    keras.Model
        Uncompiled; accepts and outputs float32, shape (n, height, width, channels), with sides
        that are multiples of 8.  The output may leave [0, 1] a little.  Call it for images of
        several sizes; ``predict`` takes images of one size.

    Raises
    ------
    ModelError
        If a number is not a positive integer, or `filters` are not two.

    References
    ----------
    Zhang, Zuo, Chen, Meng and Zhang, "Beyond a Gaussian denoiser: residual learning of deep CNN
    for image denoising", IEEE Transactions on Image Processing 26 (7), 2017; Mohan, Kadkhodaie,
    Simoncelli and Fernandez-Granda, "Robust and interpretable blind image denoising via bias-free
    convolutional neural networks", ICLR 2020.
    """
    half, quarter = positive_integers("filters", filters, ModelError, length=2)
    blocks = positive_integer("blocks", blocks, ModelError)
    channels = positive_integer("channels", channels, ModelError)
    plain: dict[str, Any] = {"padding": "same", "use_bias": False}
    curved = plain | {"activation": "relu", "kernel_initializer": "he_normal"}
    # at first the blocks add little, and the output is nearly the input
    little = {"kernel_initializer": keras.initializers.VarianceScaling(0.01)}

    noisy = keras.Input((None, None, channels))
    # noise is told from what a photograph shows by its details, whatever the brightness
    mean = layers.AveragePooling2D(8)(noisy)
    mean = layers.AveragePooling2D(3, strides=1, padding="same")(mean)
    mean = layers.UpSampling2D(8, interpolation="bilinear")(mean)
    x = layers.Subtract()([noisy, mean])
    x = layers.Conv2D(half, 2, strides=2, **plain)(x)
    skip = layers.Conv2D(half, 3, **curved)(x)
    x = layers.Conv2D(quarter, 2, strides=2, **plain)(skip)
    for _ in range(blocks):
        inner = layers.Conv2D(quarter, 3, **curved)(x)
        inner = layers.Conv2D(quarter, 3, **plain, **little)(inner)
        x = layers.Add()([x, inner])
    x = layers.Conv2DTranspose(half, 2, strides=2, **plain)(x)
    x = layers.Add()([skip, x])
    x = layers.Conv2D(half, 3, **curved)(x)
    last = layers.Conv2DTranspose(channels, 2, strides=2, dtype="float32", **plain, **little)
    noise = last(x)
    clean = layers.Subtract(dtype="float32")([noisy, noise])
    return keras.Model(noisy, clean, name="photo_denoiser")


def _image_shape(image_shape: Sequence[int | None]) -> tuple[int | None, int | None, int]:
    """Return a shape whose sides two halvings divide, as Keras accepts it, or raise."""
    if (
        not isinstance(image_shape, Sequence)
        or isinstance(image_shape, str)
        or len(image_shape) != 3
    ):
        raise ModelError(f"image_shape must be (height, width, channels); got {image_shape!r}.")
    sides = []
    for name, side in zip(("height", "width"), image_shape, strict=False):
        if side is not None:
            side = positive_integer(name, side, ModelError)
            if side % 4:
                raise ModelError(
                    f"{name} must be a multiple of 4, since two halvings and two doublings must "
                    f"return to it; got {side}. Pad the images to {side + 4 - side % 4}."
                )
        sides.append(side)
    return sides[0], sides[1], positive_integer("channels", image_shape[2], ModelError)
