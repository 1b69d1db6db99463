"""The short-time spectrum, the way back, and what the network sees of it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.audio.signals import checked_signal
from aeutils.core.checks import positive_integer
from aeutils.core.errors import AudioError

WINDOW = 256  # samples of a frame
HOP = WINDOW // 2  # samples from one frame to the next
BINS = WINDOW // 2 + 1  # frequencies of a frame
POWER = 0.3


def window() -> NDArray[np.float32]:
    """Return the square root of Hann's window: applied twice, neighbours add to 1."""
    return np.sin(np.pi * np.arange(WINDOW) / WINDOW).astype(np.float32)


def stft(signal: ArrayLike) -> NDArray[np.complex64]:
    """Compute the short-time spectrum: the frequencies of each 32 ms, every 16 ms.

    Parameters
    ----------
    signal : array-like of float, shape (n_samples,)
        At :data:`RATE` samples a second.

    Returns
    -------
    numpy.ndarray
        complex64, shape (n_frames, 129), with ``n_frames = ceil(n_samples / 128) + 1``; column
        k is the frequency k · 31.25 Hz.

    Raises
    ------
    AudioError
        If the signal is empty, masked, not of floating point, or holds NaN, infinite or absurdly
        large samples.
    """
    samples = checked_signal("signal", signal).astype(np.float32)
    n_frames = -(-len(samples) // HOP) + 1
    padded = np.zeros(HOP * (n_frames + 1), dtype=np.float32)
    padded[HOP : HOP + len(samples)] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    return np.fft.rfft(frames * window(), axis=1).astype(np.complex64)


def istft(spectrum: ArrayLike, n_samples: int) -> NDArray[np.float32]:
    """Compute the signal of a short-time spectrum: the inverse of :func:`stft`.

    Parameters
    ----------
    spectrum : array-like of complex, shape (n_frames, 129)
        As :func:`stft` returns it.
    n_samples : int
        Length of the signal.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).

    Raises
    ------
    AudioError
        If the spectrum is not complex, not finite, or not of the shape of so many samples.
    """
    n_samples = positive_integer("n_samples", n_samples, AudioError)
    spectrum = _checked_spectrum(spectrum)
    n_frames = -(-n_samples // HOP) + 1
    if len(spectrum) != n_frames:
        raise AudioError(
            f"spectrum must have shape ({n_frames:,}, {BINS}) for {n_samples:,} "
            f"samples; got {spectrum.shape}."
        )
    frames = np.fft.irfft(spectrum, WINDOW, axis=1).astype(np.float32) * window()
    halves = np.zeros((len(frames) + 1, HOP), dtype=np.float32)
    halves[:-1] += frames[:, :HOP]
    halves[1:] += frames[:, HOP:]
    return halves.ravel()[HOP : HOP + n_samples]


def compress(spectrum: ArrayLike) -> NDArray[np.float32]:
    """Compute what the network sees of a spectrum: its magnitudes to the power of 0.3.

    Loudness is heard in ratios.  The weak parts of a spectrum, which decide whether noise is
    audible, then count beside the strong ones.

    Parameters
    ----------
    spectrum : array-like of complex, shape (n_frames, 129)
        As :func:`stft` returns it.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_frames, 129).

    Raises
    ------
    AudioError
        If the spectrum is not complex, not finite, or of another shape.
    """
    return np.abs(_checked_spectrum(spectrum)).astype(np.float32) ** np.float32(POWER)


def _checked_spectrum(spectrum: ArrayLike) -> NDArray[np.complexfloating]:
    """Return a spectrum as an array, or raise."""
    try:
        array = np.asarray(spectrum)
    except Exception as error:  # ragged lists, tensors on a GPU: each library has its own error
        raise AudioError(
            f"spectrum must be one array of complex numbers; got {type(spectrum).__name__}."
        ) from error
    if array.dtype.kind != "c" or np.ma.is_masked(spectrum):
        kind = "masked values" if np.ma.is_masked(spectrum) else f"type {array.dtype}"
        raise AudioError(
            f"spectrum must be complex, as stft returns it, without a mask; got {kind}. "
            "Magnitudes alone have no phases: multiply them by exp(1j · phase)."
        )
    if array.ndim != 2 or array.shape[1] != BINS:
        raise AudioError(f"spectrum must have shape (n_frames, {BINS}); got {array.shape}.")
    if not np.isfinite(array).all():
        raise AudioError("spectrum has NaN or infinite values; remove or replace them first.")
    return array
