"""The networks of the book, uncompiled, for assignments, benchmarks and other projects.

The chapters write the same networks out layer by layer; a test compares the two.
"""

from numbers import Integral

import keras
from keras import layers

from aeutils.errors import ModelError

__all__ = ["conv_denoiser", "dense_autoencoder", "split_at"]


def dense_autoencoder(latent_dim=10, hidden_layer_sizes=(512, 128), input_dim=784):
    """Feed-forward autoencoder of chapter 2.

    The encoder's hidden layers, a linear bottleneck, the hidden layers in reverse, and a
    sigmoid output; hidden layers use the ``elu`` activation.

    Parameters
    ----------
    latent_dim : int, default 10
        Width of the layer called ``bottleneck``.
    hidden_layer_sizes : sequence of int, default (512, 128)
        Widths of the encoder's hidden layers, from input to bottleneck; may be empty.
    input_dim : int, default 784
        Number of features.

    Returns
    -------
    keras.Sequential
        Uncompiled; takes and gives float32 in [0, 1], shape (n, `input_dim`).

    Raises
    ------
    ModelError
        If a width is not a positive integer.
    """
    latent_dim = _positive("latent_dim", latent_dim)
    input_dim = _positive("input_dim", input_dim)
    hidden = [
        _positive(f"hidden_layer_sizes[{i}]", width) for i, width in enumerate(hidden_layer_sizes)
    ]
    return keras.Sequential(
        [
            keras.Input(shape=(input_dim,)),
            *[layers.Dense(width, activation="elu") for width in hidden],
            layers.Dense(latent_dim, activation="linear", name="bottleneck"),
            *[layers.Dense(width, activation="elu") for width in reversed(hidden)],
            layers.Dense(input_dim, activation="sigmoid"),
        ],
        name="dense_autoencoder",
    )


def conv_denoiser(image_shape=(28, 28, 1), filters=32, kernel_initializer="he_normal"):
    """Convolutional denoiser of chapter 3.

    Two convolutions with max-pooling down to a quarter of height and width, the layer called
    ``bottleneck``, and two convolutions with upsampling back.

    Parameters
    ----------
    image_shape : tuple of (int, int, int), default (28, 28, 1)
        Height and width, both multiples of 4, and channels.  Height and width may be None for
        images of any size whose sides are multiples of 4.
    filters : int, default 32
        Number of filters of every convolution but the last.
    kernel_initializer : str or keras.initializers.Initializer, default "he_normal"
        Initial weights of those convolutions.  The default suits relu and bears the high
        learning rate of the chapter; ``"glorot_uniform"`` is what Keras, and so the article,
        starts from.

    Returns
    -------
    keras.Sequential
        Uncompiled; takes and gives float32 in [0, 1], shape (n, height, width, channels).

    Raises
    ------
    ModelError
        If `filters` or a side is not a positive integer, or a side is no multiple of 4.
    """
    if len(image_shape) != 3:
        raise ModelError(f"image_shape must be (height, width, channels), not {image_shape!r}.")
    height, width, channels = image_shape
    channels, filters = _positive("channels", channels), _positive("filters", filters)
    for name, side in (("height", height), ("width", width)):
        if side is not None and _positive(name, side) % 4:
            raise ModelError(
                f"{name} {side} is no multiple of 4, so that two poolings and two upsamplings "
                f"would not return to it; pad the images to {side + 4 - side % 4}."
            )

    def conv():
        return layers.Conv2D(
            filters,
            (3, 3),
            activation="relu",
            padding="same",
            kernel_initializer=kernel_initializer,
        )

    return keras.Sequential(
        [
            keras.Input(shape=tuple(image_shape)),
            conv(),
            layers.MaxPooling2D((2, 2), padding="same"),
            conv(),
            layers.MaxPooling2D((2, 2), padding="same", name="bottleneck"),
            conv(),
            layers.UpSampling2D((2, 2)),
            conv(),
            layers.UpSampling2D((2, 2)),
            layers.Conv2D(channels, (3, 3), activation="sigmoid", padding="same"),
        ],
        name="conv_denoiser",
    )


def split_at(model, layer_name="bottleneck"):
    """Split an autoencoder into its encoder and its decoder.

    Both share the layers, and so the weights, of the whole: train the whole, use the parts.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential, with every path from input to output through one layer.
    layer_name : str, default "bottleneck"
        The layer whose output is the latent code.

    Returns
    -------
    encoder, decoder : keras.Model
        ``decoder(encoder(x))`` equals ``model(x)``.

    Raises
    ------
    ModelError
        If there is no such layer, it is the last, the model has not been built, or a connection
        leads around the layer, so that the decoder would need more than the latent code.
    """
    names = [layer.name for layer in getattr(model, "layers", [])]
    if layer_name not in names:
        raise ModelError(f"there is no layer {layer_name!r}; the layers are {', '.join(names)}.")
    if not getattr(model, "inputs", None):
        raise ModelError("the model has no input shape yet; call it once, or add keras.Input.")
    latent = model.get_layer(layer_name).output
    if layer_name == names[-1]:
        raise ModelError(f"{layer_name!r} is the last layer: nothing is left for a decoder.")
    encoder = keras.Model(model.inputs, latent, name="encoder")
    try:
        decoder = keras.Model(latent, model.outputs, name="decoder")
    except ValueError as error:
        raise ModelError(
            f"a connection leads around {layer_name!r}, so that its output alone does not "
            "determine the reconstruction; split at a layer that every path goes through."
        ) from error
    return encoder, decoder


def _positive(name, number):
    """Return a positive integer as Keras takes it, or raise."""
    if isinstance(number, bool) or not isinstance(number, Integral) or number < 1:
        raise ModelError(f"{name} must be a positive integer, not {number!r}.")
    return int(number)
