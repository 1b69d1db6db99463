"""Layers that several networks of the book are built of, and that Keras lacks."""

from typing import Any

import keras
import numpy as np
from keras import ops

from aeutils.core.errors import ModelError

__all__ = ["UpsampleConv2D"]

# Along one axis: which taps of the 3-tap kernel meet the same pixel of the small image, at each
# of the 4 taps of the kernel that goes there in steps of two.
MERGED = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], "float32")

# what the merged kernel is made for
FIXED = {
    "kernel_size": (3, 3),
    "strides": (1, 1),
    "padding": "same",
    "data_format": "channels_last",
    "dilation_rate": (1, 1),
    "groups": 1,
}


@keras.saving.register_keras_serializable(package="aeutils")
class UpsampleConv2D(keras.layers.Conv2D):
    """``UpSampling2D((2, 2))`` and the 3 × 3 convolution after it, computed as one.

    Upsampling repeats every pixel 2 × 2 times, so that several of the 9 weights meet the same
    value.  Here they are added first, and a transposed convolution with strides of 2 and the
    4 × 4 kernel of the sums gives the same image with 4 multiplications a pixel instead of 9, and
    without the large image in between.

    The weights are those of the 3 × 3 convolution: ``set_weights`` moves them either way.

    Parameters
    ----------
    filters : int
        Number of output channels.
    **kwargs
        As of ``keras.layers.Conv2D``, except for what is fixed here: kernel size (3, 3), ``"same"``
        padding, channels last, no strides, dilation or groups.

    Raises
    ------
    ModelError
        If one of these is asked to be something else.

    Notes
    -----
    Accepts shape (n, height, width, channels), outputs (n, 2 height, 2 width, `filters`).

    ``keras.models.load_model`` reads networks with this layer after ``import
    aeutils.core.layers``.

    References
    ----------
    Shi et al., "Is the deconvolution layer the same as a convolutional layer?",
    arXiv:1609.07009, 2016, on the two being one.
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        for name, value in FIXED.items():
            given = kwargs.pop(name, value)
            # one number may stand for two, and a stored model has lists instead of tuples
            pair = (given, given) if np.ndim(given) == 0 else tuple(given)
            if given != value and pair != value:
                raise ModelError(f"{name} must be {value!r} in UpsampleConv2D; got {given!r}.")
        super().__init__(filters, **FIXED, **kwargs)

    def call(self, inputs: Any) -> Any:
        """Return the convolved image of twice the height and width."""
        merged = ops.cast(MERGED, self.compute_dtype)
        kernel = ops.einsum("ay,bx,yxio->aboi", merged, merged, self.kernel)
        outputs = ops.conv_transpose(
            inputs, kernel, strides=2, padding="same", data_format="channels_last"
        )
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return the shape of the output: twice the height and width, where they are known."""
        n, height, width, _ = input_shape
        return (n, height and 2 * height, width and 2 * width, self.filters)
