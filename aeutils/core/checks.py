"""Checks of arguments that several modules make."""

import math
from collections.abc import Collection, Mapping, Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.errors import AeutilsError


def positive_integer(name: str, number: object, error: type[AeutilsError] = AeutilsError) -> int:
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


def positive_integers(
    name: str,
    numbers: object,
    error: type[AeutilsError] = AeutilsError,
    length: int | None = None,
) -> list[int]:
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
    if isinstance(numbers, np.ndarray) and numbers.ndim:
        numbers = list(numbers)
    if (
        not isinstance(numbers, Sequence)
        or isinstance(numbers, str)
        or length not in (None, len(numbers))
    ):
        kind = "a sequence of" if length is None else f"{length}"
        raise error(f"{name} must be {kind} positive integers; got {numbers!r}.")
    return [positive_integer(f"{name}[{i}]", n, error) for i, n in enumerate(numbers)]


def real_number(
    name: str,
    number: object,
    error: type[AeutilsError] = AeutilsError,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
) -> float:
    """Return a finite number within limits as ``float``.

    Parameters
    ----------
    name : str
        What the error calls it.
    number : object
        Any kind of real number, from Python or NumPy; ``bool`` is none.
    error : type, default AeutilsError
        The error to raise.
    low, high : float, optional
        Smallest and largest number allowed.
    above : float, optional
        The number must be larger than this.

    Raises
    ------
    AeutilsError
        Or `error`, if it is no finite real number, or outside the limits.
    """
    limits = {"of at least": low, "above": above, "of at most": high}
    try:
        if isinstance(number, bool) or not isinstance(number, Real):
            raise ValueError
        value = float(number)
        if not (math.isfinite(value) and low <= value <= high and value > above):
            raise ValueError
    except (ValueError, OverflowError):
        words = " and ".join(f"{k} {v:g}" for k, v in limits.items() if math.isfinite(v))
        raise error(
            f"{name} must be a finite number{' ' * bool(words)}{words}; got {number!r}."
        ) from None
    return value


def one_of(
    name: str,
    value: object,
    options: Collection[str],
    error: type[AeutilsError] = AeutilsError,
) -> str:
    """Return a word if it is one of the options, or raise.

    Parameters
    ----------
    name : str
        What the error calls it.
    value : object
        What was passed.
    options : collection of str
        The words that are allowed.
    error : type, default AeutilsError
        The error to raise.

    Raises
    ------
    AeutilsError
        Or `error`, if it is none of them.
    """
    if not isinstance(value, str) or value not in options:
        raise error(f"{name} must be one of {', '.join(map(repr, options))}; got {value!r}.")
    return value


def random_generator(seed: object, error: type[AeutilsError] = AeutilsError) -> np.random.Generator:
    """Return NumPy's generator of random numbers for a seed, or raise.

    Parameters
    ----------
    seed : int, sequence of int, numpy.random.Generator or None
        As of :func:`numpy.random.default_rng`; a generator is returned as it is.
    error : type, default AeutilsError
        The error to raise.

    Raises
    ------
    AeutilsError
        Or `error`, if `seed` is none of these, such as a negative or a fractional number.
    """
    try:
        return np.random.default_rng(seed)  # type: ignore[arg-type]
    except (TypeError, ValueError) as cause:
        raise error(
            f"seed must be an integer of at least 0, a generator of NumPy or None; got {seed!r}."
        ) from cause


def keras_seed(seed: object, error: type[AeutilsError] = AeutilsError) -> int | None:
    """Return a seed as Keras accepts it on every backend, or raise.

    Parameters
    ----------
    seed : int or None
        Any kind of integer, from Python or NumPy, from 0 to 4,294,967,295.
    error : type, default AeutilsError
        The error to raise.

    Raises
    ------
    AeutilsError
        Or `error`, if it is anything else.
    """
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= int(seed) < 2**32:
        raise error(f"seed must be an integer from 0 to 4,294,967,295, or None; got {seed!r}.")
    return int(seed)


def finite_numbers(name: str, array: NDArray) -> NDArray:
    """Return floating-point numbers without NaN or infinity, or raise."""
    if not np.issubdtype(array.dtype, np.floating):
        raise AeutilsError(f"{name} has type {array.dtype}; convert it to floating point first.")
    if not np.isfinite(array).all():
        raise AeutilsError(f"{name} holds NaN or infinite values; remove or impute them first.")
    return array


def refuse_masked(name: str, values: object, error: type[AeutilsError] = AeutilsError) -> None:
    """Raise where values are masked: NumPy and scikit-learn would drop the mask."""
    # a list of masked rows would lose their masks as well
    parts = values if isinstance(values, list | tuple) else [values]
    if any(isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part) for part in parts):
        raise error(
            f"{name} has masked values, which would count as measured; fill them with .filled(…) "
            "or leave those samples out."
        )


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
    refuse_masked(name, values, error)
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


def anomaly_score_vector(name: str, scores: ArrayLike) -> NDArray[np.float64]:
    """Return anomaly scores, of which higher means stranger, as a vector.

    Parameters
    ----------
    name : str
        What the error calls them.
    scores : array-like of float, shape (n_samples,)
        One finite number a sample, at least one.

    Returns
    -------
    numpy.ndarray of float64, shape (n_samples,)

    Raises
    ------
    AeutilsError
        If they are anything else, or run the other way: none above 0 and at least one below, as
        scikit-learn's ``score_samples`` returns them.
    """
    return anomaly_score_vectors({name: scores})[name]


def anomaly_score_vectors(groups: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """Return the anomaly scores of several groups of samples by one detector as vectors.

    Parameters
    ----------
    groups : mapping of str to array-like of float
        The scores of each group by its name, as of :func:`anomaly_score_vector`; whether they run
        the other way is judged by all groups together.

    Returns
    -------
    dict of str to numpy.ndarray of float64, shape (n_samples,)

    Raises
    ------
    AeutilsError
        As of :func:`anomaly_score_vector`, or if there is no group.
    """
    if not groups:
        raise AeutilsError("scores must hold at least one group of scores; got none.")
    vectors = {}
    for name, scores in groups.items():
        array = plain_array(name, scores)
        if array.ndim != 1 or len(array) == 0:
            raise AeutilsError(
                f"{name} must be one number a sample, at least one sample; got shape {array.shape}."
            )
        vectors[name] = finite_numbers(name, array.astype(np.float64))
    lowest = min(vector.min() for vector in vectors.values())
    highest = max(vector.max() for vector in vectors.values())
    if highest <= 0 and lowest < 0:
        raise AeutilsError(
            f"{' and '.join(vectors)} must be higher for stranger samples; these run from "
            f"{lowest:.6g} to {highest + 0:.6g}: that is scikit-learn's direction, in which higher "
            "is normal. Pass detector.anomaly_scores(X) or -scores. If higher is stranger already, "
            "add a constant so that some are above 0."
        )
    return vectors
