"""The short-time spectrum, the way back, and what the network sees of it."""

import numpy as np

from aeutils.audio.signals import checked_signal
from aeutils.core.errors import AudioError

WINDOW = 256  # samples of a frame
HOP = WINDOW // 2  # samples from one frame to the next
BINS = WINDOW // 2  # frequencies that the network sees
POWER = 0.5


def _window():
    """Return the square root of Hann's window: once in, once out, and neighbours add to 1."""
    return np.sin(np.pi * np.arange(WINDOW) / WINDOW).astype(np.float32)


def stft(signal):
    """Short-time spectrum: the frequencies of each 32 ms, every 16 ms.

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
        If the signal is empty, not of floating point, or holds NaN or infinite values.
    """
    signal = checked_signal("signal", signal).astype(np.float32)
    n_frames = -(-len(signal) // HOP) + 1
    padded = np.zeros(HOP * (n_frames + 1), dtype=np.float32)
    padded[HOP : HOP + len(signal)] = signal
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    return np.fft.rfft(frames * _window(), axis=1).astype(np.complex64)


def istft(spectrum, n_samples):
    """Signal of a short-time spectrum: the inverse of :func:`stft`.

    Parameters
    ----------
    spectrum : array-like of complex, shape (n_frames, 129)
        As :func:`stft` gives it.
    n_samples : int
        Length of the signal.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).

    Raises
    ------
    AudioError
        If the shape is not that of a spectrum of so many samples.
    """
    spectrum = np.asarray(spectrum)
    shape = (-(-n_samples // HOP) + 1, WINDOW // 2 + 1)
    if spectrum.shape != shape:
        raise AudioError(
            f"the spectrum of {n_samples:,} samples has shape {shape}, not {spectrum.shape}."
        )
    frames = np.fft.irfft(spectrum, WINDOW, axis=1).astype(np.float32) * _window()
    halves = np.zeros((len(frames) + 1, HOP), dtype=np.float32)
    halves[:-1] += frames[:, :HOP]
    halves[1:] += frames[:, HOP:]
    return halves.ravel()[HOP : HOP + n_samples]


def compress(spectrum):
    """Magnitudes of a spectrum as the network sees them: their square roots.

    An ear hears ratios; the silent parts of a spectrum, which decide whether noise is left, are
    no longer tiny beside the loud ones.

    Parameters
    ----------
    spectrum : array-like of complex, shape (n_frames, 129)
        As :func:`stft` gives it.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_frames, 128): the highest frequency, 4000 Hz, is left out.
    """
    return np.abs(np.asarray(spectrum)[:, :BINS]).astype(np.float32) ** np.float32(POWER)
