"""What may pass between a student's process and the checks: plain data, never code.

Everything travels as one line of JSON.  A student's process can send wrong values, which is
what the checks are for, but nothing in a line can run code or pretend to be a check.
"""

import base64
import io
import math
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

_DEEPEST = 20
_MODEL = 256 * 2**20  # bytes of a model's file, unpacked
_ARRAY = 192 * 2**20  # bytes of an array: as text they are the 256 MiB that pass


class NotPlainDataError(TypeError):
    """A value is of a kind that is not handed over."""


def pack(value, hold=None, depth=0):
    """Turn a value into what JSON holds.

    Parameters
    ----------
    value : None, bool, int, float, str, array, tensor, Keras model, list, tuple or dict
        The value; lists, tuples and dicts of such values.
    hold : callable, optional
        Keeps a model on this side and returns the number under which it can be asked: not all
        models can be handed over.

    Returns
    -------
    packed : None, bool, str or dict

    Raises
    ------
    NotPlainDataError
        For any other kind (functions stay where they are), for arrays of objects or of more than
        192 MiB, and for nesting without end.
    """
    if depth > _DEEPEST:
        raise NotPlainDataError(f"it is nested more than {_DEEPEST} levels deep")
    if value is None or type(value) in (bool, str):
        return value
    if type(value) in (int, float):
        # as words, since JSON knows neither nan nor infinity, and its readers round large integers
        return {type(value).__name__: repr(value)}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [pack(item, hold, depth + 1) for item in value]}
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            raise NotPlainDataError("it is a dict whose keys are not all strings")
        return {"dict": [[key, pack(item, hold, depth + 1)] for key, item in value.items()]}
    if _is_keras_model(value):
        return {"model": _model_bytes(value, hold), "held": hold and hold(value)}
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array__"):
        return {"array": _array_bytes(value), "scalar": isinstance(value, np.generic)}
    raise NotPlainDataError(f"it is of type {type(value).__name__}")


def unpack(packed, held=None, depth=0):
    """Turn what :func:`pack` made into the value again; a broken one raises ``ValueError``.

    A model that holds code of its own is not loaded: ``held`` gets its number and returns what
    stands for it, or the model raises :class:`NotPlainDataError`.
    """
    if packed is None or type(packed) in (bool, str):
        return packed
    if depth > _DEEPEST:
        raise ValueError(f"a value came over that is nested more than {_DEEPEST} levels deep")

    def inner(item):
        return unpack(item, held, depth + 1)

    try:
        ((kind, content), *_) = packed.items()
        if kind in ("int", "float"):
            return {"int": int, "float": float}[kind](content)
        if kind in ("list", "tuple"):
            return {"list": list, "tuple": tuple}[kind](inner(item) for item in content)
        if kind == "dict":
            return {str(key): inner(item) for key, item in content}
        if kind == "array":
            array = _array(base64.b64decode(content))
            return array[()] if packed["scalar"] and array.ndim == 0 else array
        if kind == "model":
            try:
                return _load_model(base64.b64decode(content))
            except NotPlainDataError:
                if held is None or packed["held"] is None:
                    raise
                return held(packed["held"])
    except NotPlainDataError:
        raise
    except Exception as error:
        if "came over" in str(error):
            raise
        raise ValueError(f"a value came over broken: {str(error)[:300]}") from None
    raise ValueError(f"a value of the unknown kind {kind!r} came over")


def _array(content):
    """Return the array of a file; one that says it is larger than it is gets no memory."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, _, dtype = read[version](file)
    if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise ValueError("an array is not as large as it says")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _array_bytes(value):
    array = np.asarray(value)
    if array.dtype.hasobject:
        raise NotPlainDataError("it is an array of Python objects")
    if array.nbytes > _ARRAY:  # written out, whatever little memory it needs as it is
        raise NotPlainDataError(
            f"it is an array of {array.nbytes:,} bytes, at most {_ARRAY:,} pass"
        )
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return base64.b64encode(file.getvalue()).decode()


def _is_keras_model(value):
    keras = sys.modules.get("keras")  # whoever holds a model has imported it
    return keras is not None and isinstance(value, keras.Model)


def _model_bytes(model, hold):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        try:
            model.save(path)
        except Exception:  # whatever a layer of one's own lacks
            if hold is None:
                raise
            return ""
        return base64.b64encode(path.read_bytes()).decode()


def merge(old, new):
    """Return ``old``, changed in place into ``new`` where its kind allows that, or ``new``."""
    if type(old) is not type(new):
        return new
    if isinstance(old, np.ndarray):
        if (old.shape, old.dtype) != (new.shape, new.dtype) or not old.flags.writeable:
            return new
        old[...] = new
    elif isinstance(old, list):
        old[:] = [merge(*pair) for pair in zip(old, new, strict=False)] + new[len(old) :]
    elif isinstance(old, tuple):
        return tuple(merge(*pair) for pair in zip(old, new, strict=False)) + new[len(old) :]
    elif isinstance(old, dict):
        merged = {
            key: merge(old[key], value) if key in old else value for key, value in new.items()
        }
        old.clear()
        old.update(merged)
    elif _is_keras_model(old):
        old.set_weights(new.get_weights())
    else:
        return new
    return old


def _load_model(content):
    import keras  # takes seconds, and most checks need none

    # registers the layers and the loss of the book
    import aeutils.core.layers
    import aeutils.denoising.layers
    import aeutils.denoising.losses  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        try:
            with zipfile.ZipFile(path) as parts:
                size = sum(part.file_size for part in parts.infolist())
            if size > _MODEL:
                raise ValueError(f"it is larger than {_MODEL / 2**20:.0f} MiB")
            # safe mode refuses code that hides in a file
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
            if isinstance(model, keras.Sequential):
                # the layers of a loaded one lead to several outputs each: `layer.output` is
                # not the one on the way to `model.outputs`, as it is in a new model
                loaded, model = model, keras.models.clone_model(model)
                model.set_weights(loaded.get_weights())
            return model
        except Exception as error:
            reason = str(error).strip().splitlines()
            raise NotPlainDataError(
                "it is a Keras model that holds more than layers of Keras and aeutils "
                f"({reason[0][:200] if reason else type(error).__name__})"
            ) from error
