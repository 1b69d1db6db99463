"""What a network costs, and how far around itself it looks."""

import math

import keras
from keras import layers

from aeutils.core.errors import ModelError
from aeutils.core.layers import UpsampleConv2D

__all__ = ["count_macs", "receptive_field"]


def receptive_field(model):
    """How far a pixel of the answer looks around itself in the input.

    Parameters
    ----------
    model : keras.Model
        Made of convolutions with odd kernels, max-pooling, upsampling (apart or in one with the
        convolution) and concatenation, as :func:`conv_denoiser` and :func:`page_cleaner` are.

    Returns
    -------
    pixels : int
        No pixel of the input farther away than this, up, down or sideways, has any influence.
    multiple : int
        What height and width of the input must be multiples of.

    Raises
    ------
    ModelError
        If there is another kind of layer, such as a dense one, which looks everywhere.
    """
    pixels, stride, multiple = 0, 1, 1
    for layer in model.layers:
        if isinstance(layer, UpsampleConv2D):
            stride //= 2
        if isinstance(layer, layers.Conv2D) and set(layer.strides) == {1}:
            pixels += stride * max(
                n // 2 * d for n, d in zip(layer.kernel_size, layer.dilation_rate, strict=True)
            )
        elif isinstance(layer, layers.MaxPooling2D) and layer.strides == layer.pool_size:
            # a pooled value stands for a block, of which any pixel may ask
            pixels += stride * (max(layer.pool_size) - 1)
            stride *= max(layer.pool_size)
            multiple = max(multiple, stride)
        elif isinstance(layer, layers.UpSampling2D):
            stride //= max(layer.size)
        elif not isinstance(layer, layers.InputLayer | layers.Concatenate):
            raise ModelError(
                f"the layer {layer.name!r} ({type(layer).__name__}) is none whose reach is known; "
                "use convolutions without strides, max-pooling and upsampling."
            )
    return pixels, multiple


def count_macs(model):
    """Count the multiplications by weights that a network needs for one image.

    Parameters
    ----------
    model : keras.Model
        Built for images of a fixed size, of layers as in this module.

    Returns
    -------
    int
        Of the dense and convolutional layers and of batch normalization; what layers without
        weights do counts for little beside it.

    Raises
    ------
    ModelError
        If the size of the images is not fixed, or a layer has weights and is of another kind.
    """
    return sum(_layer_macs(layer) for layer in model.layers)


def _layer_macs(layer):
    """Return the multiplications of one layer, or of a model in the place of a layer."""
    if isinstance(layer, keras.Model):
        return count_macs(layer)
    if isinstance(layer, layers.BatchNormalization):
        # in use it is one factor and one summand for each value
        places, weights = layer.output.shape[1:], ()
    elif isinstance(layer, layers.Dense | layers.Conv2D | layers.Conv2DTranspose):
        # a transposed convolution uses every weight once for each place of its input
        spreads = isinstance(layer, layers.Conv2DTranspose | UpsampleConv2D)
        places = (layer.input if spreads else layer.output).shape[1:-1]
        weights = layer.kernel.shape
    elif layer.trainable_weights:
        raise ModelError(
            f"the layer {layer.name!r} ({type(layer).__name__}) is none whose multiplications "
            "are known; use dense layers, convolutions and batch normalization."
        )
    else:
        return 0
    if None in places:
        raise ModelError("multiplications are counted for images of a fixed size.")
    if isinstance(layer, UpsampleConv2D):
        weights = (4, 4, *weights[2:])  # those of its merged kernel
    return math.prod(places) * math.prod(weights)
