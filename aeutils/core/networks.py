"""Networks that every use of the book starts from, and the way to take them apart.

The chapters write the same networks out layer by layer; a test compares the two.
"""

import keras
from keras import layers

from aeutils.core.checks import positive_integer, positive_integers
from aeutils.core.errors import ModelError

__all__ = ["dense_autoencoder", "split_at"]


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
    latent_dim = positive_integer("latent_dim", latent_dim, ModelError)
    input_dim = positive_integer("input_dim", input_dim, ModelError)
    hidden = positive_integers("hidden_layer_sizes", hidden_layer_sizes, ModelError)
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
    if layer_name == names[-1]:
        raise ModelError(f"{layer_name!r} is the last layer: nothing is left for a decoder.")
    # Keras warns where an array is given to a model that was built from a list of one input
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    latent, outputs = model.get_layer(layer_name).output, model.outputs
    if isinstance(model, keras.Sequential):
        # one that was loaded, or grew by add(), has several outputs a layer, of which only the
        # last lead to the model's: go through the layers once more
        outputs = inputs
        for layer in model.layers:
            outputs = layer(outputs)
            if layer.name == layer_name:
                latent = outputs
    encoder = keras.Model(inputs, latent, name="encoder")
    try:
        decoder = keras.Model(latent, outputs, name="decoder")
    except ValueError as error:
        raise ModelError(
            f"a connection leads around {layer_name!r}, so that its output alone does not "
            "determine the reconstruction; split at a layer that every path goes through."
        ) from error
    return encoder, decoder
