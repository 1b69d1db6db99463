"""How good a cleaned signal is: SI-SDR and STOI."""

import math
import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.audio.signals import RATE, audio_package, checked_rate, checked_signal
from aeutils.core.errors import AudioError


def si_sdr(clean: ArrayLike, estimate: ArrayLike) -> float:
    """Compute the scale-invariant signal-to-distortion ratio, in decibels.

    It compares the part of `estimate` that is the clean signal, at whatever gain, with the rest.

    Parameters
    ----------
    clean, estimate : array-like of float, shape (n_samples,)
        The true signal and the one to judge.

    Returns
    -------
    float
        Higher is better; infinity where `estimate` is the clean signal times a number, minus
        infinity where it holds nothing of it.

    Raises
    ------
    AudioError
        If the lengths differ, `clean` is silent, or either is empty, masked, not of floating
        point or holds NaN or infinite values.

    References
    ----------
    Le Roux, Wisdom, Erdogan and Hershey, "SDR – half-baked or well done?", ICASSP 2019.
    """
    true, judged = _checked_pair(clean, estimate)
    target = np.dot(judged, true) / np.dot(true, true) * true
    power, rest = np.sum(target**2), np.sum((judged - target) ** 2)
    if power == 0 or rest == 0:
        return math.inf if power > 0 else -math.inf
    return float(10 * np.log10(power / rest))


def stoi(clean: ArrayLike, estimate: ArrayLike, rate: int = RATE) -> float:
    """Compute the short-time objective intelligibility: how much speech will be understood.

    It is computed by ``pystoi``, the published reference in Python.

    Parameters
    ----------
    clean, estimate : array-like of float, shape (n_samples,)
        The true speech and the one to judge.
    rate : int, default 8000
        Samples a second.

    Returns
    -------
    float
        About between 0 and 1, where 1 is the clean speech, at whatever gain.

    Raises
    ------
    AudioError
        If the signals are refused as by :func:`si_sdr`, hold less than the 0.4 s of speech
        that the measure needs, or ``pystoi`` is not installed.

    References
    ----------
    Taal, Hendriks, Heusdens and Jensen, "An algorithm for intelligibility prediction of
    time–frequency weighted noisy speech", IEEE Transactions on Audio, Speech, and Language
    Processing 19 (7), 2011.
    """
    true, judged = _checked_pair(clean, estimate)
    rate = checked_rate(rate)
    pystoi = audio_package("pystoi")
    with warnings.catch_warnings():
        # what it warns of is that the speech is too short, and its output then means nothing
        warnings.simplefilter("error", RuntimeWarning)
        try:
            score = float(pystoi.stoi(true, judged, rate))
        except (RuntimeWarning, ValueError) as error:
            raise AudioError("STOI needs at least 0.4 s of speech that is not silent.") from error
    return score


def _checked_pair(
    clean: ArrayLike, estimate: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two signals of one length, each with a peak of 1 unless it is silent, or raise."""
    true, judged = checked_signal("clean", clean), checked_signal("estimate", estimate)
    if len(true) != len(judged):
        raise AudioError(
            f"clean and estimate must have one length; got {len(true):,} and {len(judged):,} "
            "samples. Cut both to one length."
        )
    if not true.any():
        raise AudioError("clean must not be silent, since nothing can be compared with silence.")
    return true / np.abs(true).max(), judged / (np.abs(judged).max() or 1)
