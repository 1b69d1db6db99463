"""The calls that a network is made of, whichever way it was put together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from aeutils.core.errors import ModelError

__all__ = ["LayerCall", "trace"]


class LayerCall(NamedTuple):
    """One use of a layer: a shared layer has several."""

    layer: keras.Operation
    inputs: Sequence[keras.KerasTensor]
    outputs: Sequence[keras.KerasTensor]


def trace(model: keras.Model, nested: bool = False) -> tuple[Any, Any, list[LayerCall]]:
    """Call each layer of a model again, on symbolic inputs, in the order of the model.

    A layer's own ``input`` and ``output`` are those of its first call, which may belong to another
    model; these belong to this one.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential.
    nested : bool, default False
        List the calls inside models that are layers of this one, instead of the call of the inner
        model.

    Returns
    -------
    inputs, outputs : keras.KerasTensor, or list or dict of them
        Of the whole model.
    calls : list of LayerCall

    Raises
    ------
    ModelError
        If the model is neither functional nor sequential, or has no input shape yet.
    """
    if not isinstance(model, keras.Model):
        raise ModelError(f"model must be a keras.Model; got {type(model).__name__}.")
    if getattr(model, "inputs", None):
        return _trace(model, keras.tree.map_structure(_fresh, _input(model)), nested)
    if isinstance(model, keras.Sequential):
        raise ModelError("the model has no input shape yet; call it once, or add keras.Input.")
    raise ModelError(
        f"model must be functional or sequential; got {type(model).__name__}, whose layers are "
        "called by code of its own. Pass one of the networks inside it."
    )


def _trace(model: keras.Model, inputs: Any, nested: bool) -> tuple[Any, Any, list[LayerCall]]:
    """Call the layers of a functional or sequential model on symbolic inputs."""
    calls = []

    def call(layer: keras.Operation, *args: Any, **kwargs: Any) -> Any:
        outputs = layer(*args, **kwargs)
        called = LayerCall(layer, _tensors([args, kwargs]), _tensors(outputs))
        if nested and isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
            calls.extend(_calls_inside(called))
        else:
            calls.append(called)
        return outputs

    if isinstance(model, keras.Sequential):
        outputs = inputs
        for layer in model.layers:
            outputs = call(layer, outputs)
    else:
        # an uncompiled model of the same layers, since copies of compiled ones are compiled, too
        copy = keras.models.clone_model(
            keras.Model(_input(model), model.output),
            input_tensors=inputs,
            clone_function=lambda layer: layer,
            call_function=call,
        )
        outputs = copy.output
    return inputs, outputs, calls


def _calls_inside(called: LayerCall) -> list[LayerCall]:
    """Return the calls that one call of an inner model consists of, between the same tensors."""
    model = called.layer
    fresh = keras.tree.pack_sequence_as(_input(model), [_fresh(x) for x in called.inputs])
    inputs, outputs, calls = _trace(model, fresh, nested=True)
    ends = zip(_tensors([inputs, outputs]), [*called.inputs, *called.outputs], strict=True)
    outer = {id(inner): tensor for inner, tensor in ends}
    return [
        LayerCall(layer, *([outer.get(id(x), x) for x in side] for side in sides))
        for layer, *sides in calls
    ]


def _tensors(structure: Any) -> list[keras.KerasTensor]:
    """Return the symbolic tensors in lists, tuples and dictionaries."""
    return [x for x in keras.tree.flatten(structure) if isinstance(x, keras.KerasTensor)]


def _input(model: keras.Model) -> Any:
    """Return a model's inputs; Keras warns where one is called with an array for a list of one."""
    return model.inputs[0] if len(model.inputs) == 1 else model.input


def _fresh(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """Return a new input of the same shape and type."""
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
