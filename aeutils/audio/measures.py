"""How good a cleaned signal is: SI-SDR and STOI."""

import warnings

import numpy as np

from aeutils.audio.signals import RATE, checked_pair, checked_rate
from aeutils.core.errors import AudioError


def si_sdr(clean, estimate):
    """Scale-invariant signal-to-distortion ratio, in decibels.

    How much of `estimate` is the clean signal, at whatever loudness, against all the rest.

    Parameters
    ----------
    clean, estimate : array-like of float, shape (n_samples,)
        The true signal and the one to judge.

    Returns
    -------
    float
        Higher is better, without limit; minus infinity where `estimate` is silent.

    Raises
    ------
    AudioError
        If the lengths differ, `clean` is silent, or either is empty, not of floating point or
        holds NaN or infinite values.

    References
    ----------
    Le Roux, Wisdom, Erdogan and Hershey, "SDR – half-baked or well done?", ICASSP 2019.
    """
    clean, estimate = checked_pair(clean, estimate)
    energy = np.dot(clean, clean)
    if energy == 0:
        raise AudioError("the clean signal is silent, so that nothing can be compared with it.")
    target = np.dot(estimate, clean) / energy * clean
    with np.errstate(divide="ignore"):
        if not target.any():
            return float("-inf")
        return float(10 * np.log10(np.dot(target, target) / np.sum((estimate - target) ** 2)))


def stoi(clean, estimate, rate=RATE):
    """Short-time objective intelligibility: how much of the speech will be understood.

    Computed by ``pystoi``, the published reference in Python.

    Parameters
    ----------
    clean, estimate : array-like of float, shape (n_samples,)
        The true speech and the one to judge.
    rate : int, default 8000
        Samples a second.

    Returns
    -------
    float
        About between 0 and 1, where 1 is the clean speech.

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
    try:
        import pystoi
    except ImportError as error:
        raise AudioError("stoi needs the package pystoi: pip install pystoi") from error
    clean, estimate = checked_pair(clean, estimate)
    rate = checked_rate(rate)
    if not clean.any():
        raise AudioError("the clean signal is silent, so that nothing can be compared with it.")
    with warnings.catch_warnings():
        # what it warns of is that the speech is too short, and its answer then means nothing
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(clean, estimate, rate))
        except (RuntimeWarning, ValueError) as error:
            raise AudioError("STOI needs at least 0.4 s of speech that is not silent.") from error
