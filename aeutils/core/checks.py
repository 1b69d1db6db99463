"""Checks of arguments that several modules make."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.errors import AeutilsError


def positive_integer(name, number, error=AeutilsError):
    """Return a positive integer as ``int``.

    Parameters
    ----------
    name : str
        What the error calls it.
    number : object
        Any kind of integer, from Python or NumPy; ``bool`` is none.
    error : type, default AeutilsError
        The error to raise.

    Returns
    -------
    int
        The number.

    Raises
    ------
    AeutilsError
        Or `error`, if it is not a positive integer.
    """
    if isinstance(number, bool) or not isinstance(number, Integral) or number < 1:
        raise error(f"{name} must be a positive integer; got {number!r}.")
    return int(number)


def positive_integers(name, numbers, error=AeutilsError, length=None):
    """Return several positive integers, such as the widths of layers, as a list of ``int``.

    Parameters
    ----------
    name : str
        What the error calls them.
    numbers : sequence of int
        Any kind of integers, from Python or NumPy.
    error : type, default AeutilsError
        The error to raise.
    length : int, optional
        How many there must be; by default any number, also none.

    Returns
    -------
    list of int

    Raises
    ------
    AeutilsError
        Or `error`, if `numbers` is no sequence of positive integers, or of another length.
    """
    is_sequence = isinstance(numbers, Sequence | np.ndarray) and not isinstance(numbers, str)
    if not is_sequence or length not in (None, len(numbers)):
        kind = "a sequence of" if length is None else f"{length}"
        raise error(f"{name} must be {kind} positive integers; got {numbers!r}.")
    return [positive_integer(f"{name}[{i}]", n, error) for i, n in enumerate(numbers)]


def finite_numbers(name, array):
    """Return floating-point numbers without NaN or infinity, or raise."""
    if not np.issubdtype(array.dtype, np.floating):
        raise AeutilsError(f"{name} has type {array.dtype}; convert it to floating point first.")
    if not np.isfinite(array).all():
        raise AeutilsError(f"{name} holds NaN or infinite values; remove or impute them first.")
    return array


def plain_array(name: str, values: ArrayLike, error: type[AeutilsError] = AeutilsError) -> NDArray:
    """Return an array of real numbers or bools, with nothing lost on the way.

    Parameters
    ----------
    name : str
        What the error calls it.
    values : array-like
        An array, a tensor on the processor, a list of numbers, a table of pandas.
    error : type, default AeutilsError
        The error to raise.

    Returns
    -------
    numpy.ndarray
        Of its own type and shape; not a copy where none is needed.

    Raises
    ------
    AeutilsError
        Or `error`, if values are masked (NumPy would drop the mask), of unequal lengths, complex,
        or no numbers.
    """
    if np.ma.is_masked(values):
        raise error(
            f"{name} has masked values, which would count as measured; fill them with .filled(…) "
            "or leave those samples out."
        )
    try:
        array = np.asarray(values)
    except Exception as cause:  # ragged lists, tensors on a GPU: each library has its own error
        reason = " ".join(str(cause).split())[:200]
        raise error(
            f"{name} must be one array of numbers; got {type(values).__name__} ({reason})."
        ) from cause
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise error(f"{name} must hold real numbers; got type {array.dtype}. Convert it first.")
    return array
