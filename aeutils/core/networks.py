"""Networks that every use of the book starts from, and the way to take them apart.

The chapters write the same networks out layer by layer; a test compares the two.
"""

from collections.abc import Sequence

import keras
from keras import layers
from numpy.typing import NDArray

from aeutils.core.checks import positive_integer, positive_integers
from aeutils.core.errors import DataFileError, ModelError
from aeutils.core.graph import trace

__all__ = ["dense_autoencoder", "split_at"]


def dense_autoencoder(
    latent_dim: int = 10, hidden_layer_sizes: Sequence[int] = (512, 128), input_dim: int = 784
) -> keras.Sequential:
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
        Uncompiled; accepts and outputs float32 in [0, 1], shape (n, `input_dim`).

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


def split_at(model: keras.Model, layer_name: str = "bottleneck") -> tuple[keras.Model, keras.Model]:
    """Split an autoencoder into its encoder and its decoder.

    Both share the layers, and so the weights, of the whole: train the whole, use the parts.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential, with every path from input to output through one layer.
    layer_name : str, default "bottleneck"
        The layer whose output is the latent code; may be a model that is a layer of this one.

    Returns
    -------
    encoder, decoder : keras.Model
        ``decoder(encoder(x))`` equals ``model(x)``.

    Raises
    ------
    ModelError
        If there is no such layer, it is called more than once, it is the first or the last, the
        model has not been built, or a connection leads around the layer, so that the decoder would
        need more than the latent code.
    """
    inputs, outputs, calls = trace(model)
    here = [call for call in calls if call.layer.name == layer_name]
    if not here:
        raise ModelError(
            f"layer_name must name a layer of {model.name!r}; got {layer_name!r}. "
            + _where(layer_name, [call.layer for call in calls])
        )
    if len(here) > 1:
        raise ModelError(
            f"layer {layer_name!r} is called {len(here)} times, so that it has no one output; "
            "split at a layer that is called once."
        )
    latent = list(here[0].outputs)
    if any(x is y for x in latent for y in keras.tree.flatten(outputs)):
        raise ModelError(
            f"layer {layer_name!r} is the last layer, or gives an output of the model: nothing is "
            "left for a decoder. Split at an earlier layer."
        )
    latent = latent[0] if len(latent) == 1 else latent
    encoder = keras.Model(inputs, latent, name="encoder")
    try:
        decoder = keras.Model(latent, outputs, name="decoder")
    except ValueError as error:
        raise ModelError(
            f"a connection leads around layer {layer_name!r}, so that its output alone does not "
            "determine the reconstruction; split at a layer that every path goes through."
        ) from error
    return encoder, decoder


def _where(name: str, layers_called: list[keras.Operation]) -> str:
    """Say which names there are, or in which inner model the wanted one is."""
    inner = {
        layer.name
        for layer in layers_called
        if isinstance(layer, keras.Model) and name in {inside.name for inside in layer.layers}
    }
    if inner:
        return f"It is a layer of {' and '.join(map(repr, inner))} inside: split that model."
    return f"The layers are {', '.join(dict.fromkeys(layer.name for layer in layers_called))}."


def set_stored_weights(
    model: keras.Model, weights: Sequence[NDArray], file: str, remedy: str
) -> keras.Model:
    """Give a network the weights of a file that ships, and return it.

    Parameters
    ----------
    model : keras.Model
        The network that the weights are of.
    weights : sequence of numpy.ndarray
        As ``model.set_weights`` takes them.
    file : str
        Name of the file, which is that of the network with an ending.
    remedy : str
        What to do where they do not fit, a sentence.

    Returns
    -------
    keras.Model
        The network itself.

    Raises
    ------
    DataFileError
        If the weights are another network's.
    """
    if [w.shape for w in weights] != [tuple(w.shape) for w in model.weights]:
        raise DataFileError(
            f"{file} must have the weights of {file.partition('.')[0]}(); got {len(weights)} "
            f"arrays of other shapes. {remedy}"
        )
    model.set_weights(weights)
    return model
