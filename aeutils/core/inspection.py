"""What a network costs, and from how far around a pixel its output depends on the input."""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from aeutils.core.errors import ModelError
from aeutils.core.graph import LayerCall, trace
from aeutils.core.layers import UpsampleConv2D

__all__ = ["count_macs", "receptive_field"]

CONVOLUTIONS = (
    layers.Conv1D,
    layers.Conv2D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
)
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose)
POOLING = (
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
)
UPSAMPLING = (layers.UpSampling1D, layers.UpSampling2D)
# of every pixel by itself, or of the same pixel of several feature maps
POINTWISE = (
    layers.Activation,
    layers.Add,
    layers.Average,
    layers.BatchNormalization,
    layers.Concatenate,
    layers.Dropout,
    layers.ELU,
    layers.Identity,
    layers.LeakyReLU,
    layers.Maximum,
    layers.Minimum,
    layers.Multiply,
    layers.PReLU,
    layers.ReLU,
    layers.Rescaling,
    layers.Subtract,
)


class _Span(NamedTuple):
    """For each position of a feature map along one axis, the input's positions it depends on."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]


class _Step(NamedTuple):
    """What a layer does along one axis: "window", "repeat" or "transposed"."""

    kind: str
    stride: int
    size: int = 1
    padding: str = "same"


def receptive_field(model: keras.Model) -> tuple[int, int]:
    """Compute the receptive-field radius of a convolutional network.

    Parameters
    ----------
    model : keras.Model
        From shape (n, height, width, channels) or (n, steps, channels) to the same height and
        width or steps: of convolutions, transposed convolutions, pooling, nearest-neighbour
        upsampling, :class:`~aeutils.core.layers.UpsampleConv2D`, and layers that work on each
        pixel alone; functional or sequential, nested or not.

    Returns
    -------
    radius : int
        In pixels: none of the input farther from a pixel of the output, along any axis, has an
        influence on it.
    multiple : int
        What height and width of the input must be multiples of.

    Raises
    ------
    ModelError
        If there is another kind of layer, such as a dense one, which depends on all pixels, or
        the output has another height or width than the input.
    """
    inputs, outputs, calls = trace(model, nested=True)
    inputs, outputs = keras.tree.flatten(inputs), keras.tree.flatten(outputs)
    n_axes = len(inputs[0].shape) - 2
    if n_axes not in (1, 2) or any(len(x.shape) != n_axes + 2 for x in [*inputs, *outputs]):
        raise ModelError(
            "model must go from images, shape (n, height, width, channels), or sequences, shape "
            f"(n, steps, channels), to the same; got {[x.shape for x in [*inputs, *outputs]]}."
        )
    radius, multiple = 0, 1
    for axis in range(n_axes):
        steps = [_steps(call.layer, axis, n_axes) for call in calls]
        divisor = _divisor(inputs, outputs, calls, steps)
        multiple = math.lcm(multiple, divisor)
        # long enough an axis that its ends make no difference in the middle
        size, found = 0, 1
        while size < 4 * (found + divisor):
            size = max(2 * size, 16 * divisor)
            found = _radius(inputs, outputs, calls, steps, size)
        radius = max(radius, found)
    return radius, multiple


def _steps(layer: keras.Operation, axis: int, n_axes: int) -> list[_Step]:
    """Return what a layer does along an axis, or raise where that is not known."""

    def along(value: Any) -> int:
        """Return a setting of the layer for this axis."""
        return int(value if np.ndim(value) == 0 else value[axis])

    plain = (
        getattr(layer, "data_format", None) != "channels_first"
        and getattr(layer, "interpolation", "nearest") == "nearest"
        and getattr(layer, "output_padding", None) is None
        and getattr(layer, "axis", -1) in (-1, n_axes + 1)
    )
    if isinstance(layer, UpsampleConv2D):
        return [_Step("repeat", 2), _Step("window", 1, 3)]
    if plain and isinstance(layer, CONVOLUTIONS):
        size = along(layer.dilation_rate) * (along(layer.kernel_size) - 1) + 1
        return [_Step("window", along(layer.strides), size, layer.padding)]
    if plain and isinstance(layer, POOLING):
        return [_Step("window", along(layer.strides), along(layer.pool_size), layer.padding)]
    if plain and isinstance(layer, TRANSPOSED) and set(np.ravel(layer.dilation_rate)) == {1}:
        return [_Step("transposed", along(layer.strides), along(layer.kernel_size), layer.padding)]
    if plain and isinstance(layer, UPSAMPLING):
        return [_Step("repeat", along(layer.size))]
    if plain and isinstance(layer, POINTWISE):
        return []
    raise ModelError(
        f"the receptive field is not known of layer {layer.name!r} ({type(layer).__name__}) with "
        "its settings; use convolutions, pooling, nearest-neighbour upsampling and layers that "
        "work on each pixel alone, with channels last."
    )


def _divisor(inputs: list, outputs: list, calls: list[LayerCall], steps: list) -> int:
    """Return what the input's size must be a multiple of, or raise for an output of another."""
    # how many pixels of the input one step along a feature map is
    scales = {id(x): Fraction(1) for x in inputs}
    for call, doing in zip(calls, steps, strict=True):
        scale = max(scales[id(x)] for x in call.inputs)
        for step in doing:
            scale = scale * step.stride if step.kind == "window" else scale / step.stride
        scales |= {id(x): scale for x in call.outputs}
    if any(scales[id(x)] != 1 for x in outputs):
        raise ModelError(
            "the output must have the height and width of the input; got one pixel for "
            f"{max(scales[id(x)] for x in outputs)}. Pass the whole network, or split it elsewhere."
        )
    return math.lcm(*(scale.numerator for scale in scales.values()))


def _radius(inputs: list, outputs: list, calls: list[LayerCall], steps: list, size: int) -> int:
    """Return how far away from its own position an output depends on an input of this size."""
    here = np.arange(size)
    spans = {id(x): _Span(here, here) for x in inputs}
    for call, doing in zip(calls, steps, strict=True):
        several = [spans[id(x)] for x in call.inputs]
        if len({len(span.first) for span in several}) > 1:
            raise ModelError(
                f"layer {call.layer.name!r} merges feature maps of different sizes; pad all "
                'convolutions and pooling by "same".'
            )
        first = np.min([span.first for span in several], axis=0)
        last = np.max([span.last for span in several], axis=0)
        for step in doing:
            first, last = _through(step, first, last)
        spans |= {id(x): _Span(first, last) for x in call.outputs}
    results = [spans[id(x)] for x in outputs]
    if any(len(span.first) != size for span in results):
        raise ModelError(
            "the output must have the height and width of the input; got "
            f'{len(results[0].first)} for {size} pixels. Pad all layers by "same".'
        )
    return max(int(max((here - s.first).max(), (s.last - here).max())) for s in results)


def _through(step: _Step, first: NDArray, last: NDArray) -> tuple[NDArray, NDArray]:
    """Return on what each position depends after a layer, from what it was before."""
    n, stride, size = len(first), step.stride, step.size
    if step.kind == "repeat":
        return np.repeat(first, stride), np.repeat(last, stride)
    if step.kind == "transposed":
        # the gradient of a convolution: position i of n goes to i * stride - before, and on
        n_out = n * stride + (max(size - stride, 0) if step.padding == "valid" else 0)
        before = max(size - stride, 0) // 2 if step.padding == "same" else 0
        there = np.arange(n_out) + before
        low, high = -((size - 1 - there) // stride), there // stride
    else:
        if step.padding == "valid":
            n_out, before = (n - size) // stride + 1, 0
        else:
            n_out = -(-n // stride)
            before = max((n_out - 1) * stride + size - n, 0) // 2
        if step.padding == "causal":
            before = size - 1
        low = np.arange(n_out) * stride - before
        high = low + size - 1
    return first[np.clip(low, 0, n - 1)], last[np.clip(high, 0, n - 1)]


def count_macs(model: keras.Model) -> int:
    """Count the multiplications by weights (multiply-accumulates) for one sample.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential, nested or not, for inputs of a fixed size; of dense layers,
        convolutions, transposed convolutions, :class:`~aeutils.core.layers.UpsampleConv2D`, batch
        normalization, and layers without weights.

    Returns
    -------
    int
        A shared layer counts each time it is called.  Products without weights are not counted:
        those inside activations, between feature maps, or of attention.

    Raises
    ------
    ModelError
        If the size of the inputs is not fixed, or a layer of another kind has weights.
    """
    return sum(_layer_macs(call) for call in trace(model, nested=True)[2])


def _layer_macs(call: LayerCall) -> int:
    """Return the multiplications of one call of one layer."""
    layer = call.layer
    if isinstance(layer, layers.BatchNormalization):
        # in use it is one factor and one summand for each value
        places, weights = call.outputs[0].shape[1:], ()
    elif isinstance(layer, layers.Dense):
        places, weights = call.outputs[0].shape[1:-1], layer.kernel.shape
    elif isinstance(layer, UpsampleConv2D):
        # those of its merged kernel
        places, weights = call.inputs[0].shape[1:-1], (4, 4, *layer.kernel.shape[2:])
    elif isinstance(layer, (*CONVOLUTIONS, layers.Conv3D)):
        places, weights = _places(layer, call.outputs[0].shape), layer.kernel.shape
    elif isinstance(layer, (*TRANSPOSED, layers.Conv3DTranspose)):
        # uses every weight once for each place of its input
        places, weights = _places(layer, call.inputs[0].shape), layer.kernel.shape
    elif getattr(layer, "weights", None):
        raise ModelError(
            f"the multiplications of layer {layer.name!r} ({type(layer).__name__}) are not known; "
            "use dense layers, convolutions and batch normalization."
        )
    else:
        return 0
    if None in places:
        raise ModelError(
            f"model must have a fixed input size; layer {layer.name!r} has shape "
            f"{call.outputs[0].shape}. Build it for the images that you mean."
        )
    return math.prod(places) * math.prod(weights)


def _places(layer: keras.Layer, shape: tuple) -> tuple:
    """Return height and width, or steps, of a convolution's feature map."""
    return shape[2:] if layer.data_format == "channels_first" else shape[1:-1]
