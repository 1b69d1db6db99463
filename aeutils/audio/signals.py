"""What a signal is: its rate, its loudness, and the checks that every function begins with."""

import math
import numbers

import numpy as np

from aeutils.core.errors import AudioError

RATE = 8000  # samples a second
MIN_RATE, MAX_RATE = 1_000, 400_000


def checked_rate(rate):
    """Return a sample rate as an integer, or raise."""
    if (
        isinstance(rate, bool)
        or not isinstance(rate, numbers.Integral)
        or not MIN_RATE <= rate <= MAX_RATE
    ):
        raise AudioError(
            f"rate must be an integer from {MIN_RATE:,} to {MAX_RATE:,} samples a second, "
            f"not {rate!r}."
        )
    return int(rate)


def checked_samples(name, array):
    """Return floating-point numbers without NaN or infinity, as float64, or raise."""
    if not np.issubdtype(array.dtype, np.floating):
        raise AudioError(
            f"{name} has type {array.dtype}; signals are floating point between -1 and 1: divide "
            "16-bit integers by 32768."
        )
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(int(i) for i in np.unravel_index(bad.argmax(), bad.shape))
        raise AudioError(
            f"{name} holds {bad.sum():,} NaN or infinite samples, the first at index {first}; "
            "remove or replace them first."
        )
    return array.astype(np.float64)


def checked_signal(name, signal):
    """Return a signal as float64, shape (n_samples,), or raise."""
    signal = np.asarray(signal)
    if signal.ndim != 1 or len(signal) == 0:
        raise AudioError(
            f"{name} must have shape (n_samples,) with at least one sample, not {signal.shape}."
        )
    return checked_samples(name, signal)


def checked_pair(clean, estimate):
    """Return two signals of one length, or raise."""
    clean, estimate = checked_signal("clean", clean), checked_signal("estimate", estimate)
    if len(clean) != len(estimate):
        raise AudioError(
            f"clean has {len(clean):,} samples and estimate {len(estimate):,}; cut both to one "
            "length."
        )
    return clean, estimate


def rms(signal):
    """Root mean square: the loudness of a signal."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def resampled(signal, rate, new_rate):
    """Return samples, along the first axis, at another rate."""
    from scipy.signal import resample_poly

    divisor = math.gcd(rate, new_rate)
    return resample_poly(signal, new_rate // divisor, rate // divisor, axis=0)
