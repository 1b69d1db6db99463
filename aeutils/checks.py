"""Checks of arguments that several modules make."""

from numbers import Integral

from aeutils.errors import AeutilsError


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
        raise error(f"{name} must be a positive integer, not {number!r}.")
    return int(number)
