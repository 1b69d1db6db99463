"""The classical filters: spectral subtraction and Wiener's."""

import numpy as np

from aeutils.audio.spectra import WINDOW, istft, stft
from aeutils.core.errors import AudioError


def mean_power(noise):
    """Mean power of noise at each frequency, as the classical filters want to be told.

    Parameters
    ----------
    noise : array-like of float, shape (n_samples,)
        Noise alone.

    Returns
    -------
    numpy.ndarray
        float64, shape (129,).
    """
    return np.mean(np.abs(stft(noise)) ** 2, axis=0, dtype=np.float64)


def estimate_noise_power(noisy, share=0.1):
    """Guess the mean power of the noise at each frequency from the noisy signal alone.

    At each frequency the quietest frames are taken for noise.  Right for noise that does not
    change, under a speaker who pauses.

    Parameters
    ----------
    noisy : array-like of float, shape (n_samples,)
        Signal and noise.
    share : float, default 0.1
        Share of the frames that are taken to hold noise alone.

    Returns
    -------
    numpy.ndarray
        float64, shape (129,).

    Raises
    ------
    AudioError
        If `share` does not lie between 0 and 1, or the signal is refused by :func:`stft`.
    """
    if not 0 < share < 1:
        raise AudioError(f"share must lie between 0 and 1, not {share!r}.")
    power = np.abs(stft(noisy)).astype(np.float64) ** 2
    # the power of Gaussian noise is distributed exponentially: from its quantile to its mean
    return np.quantile(power, share, axis=0) / -np.log1p(-share)


def spectral_subtraction(noisy, noise_power=None, over_subtraction=2.0, floor=0.1):
    """Take the noise's mean power away from the power of each frame, and keep the phase.

    Parameters
    ----------
    noisy : array-like of float, shape (n_samples,)
        Signal and noise.
    noise_power : array-like of float, shape (129,), optional
        Mean power of the noise, see :func:`mean_power`; by default
        :func:`estimate_noise_power` guesses it.
    over_subtraction : float, default 2.0
        How many times that power is taken away.
    floor : float, default 0.1
        No frequency is turned down to less than this factor, which hides the tinkling of
        single frequencies that noise leaves behind.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).

    Raises
    ------
    AudioError
        If the signal is refused by :func:`stft`, or the power has another shape.

    References
    ----------
    Boll, "Suppression of acoustic noise in speech using spectral subtraction", IEEE
    Transactions on Acoustics, Speech, and Signal Processing 27 (2), 1979.
    """
    spectrum = stft(noisy)
    noise_power = _noise_power(noisy, noise_power)
    kept = 1 - over_subtraction * noise_power / (np.abs(spectrum) ** 2 + 1e-12)
    gain = np.sqrt(np.maximum(kept, floor**2))
    return istft(spectrum * gain, len(noisy))


def wiener(noisy, noise_power=None, smoothing=0.98, floor=0.1):
    """Wiener's filter, with the signal-to-noise ratio of each frame by decision-directed guess.

    The ratio at a frequency is guessed mostly from what was let through in the frame before,
    which keeps single frequencies of noise from flickering.

    Parameters
    ----------
    noisy : array-like of float, shape (n_samples,)
        Signal and noise.
    noise_power : array-like of float, shape (129,), optional
        Mean power of the noise, see :func:`mean_power`; by default
        :func:`estimate_noise_power` guesses it.
    smoothing : float, default 0.98
        Weight of the frame before, below 1.
    floor : float, default 0.1
        No frequency is turned down to less than this factor.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).

    Raises
    ------
    AudioError
        If the signal is refused by :func:`stft`, or the power has another shape.

    References
    ----------
    Ephraim and Malah, "Speech enhancement using a minimum mean-square error short-time
    spectral amplitude estimator", IEEE Transactions on Acoustics, Speech, and Signal
    Processing 32 (6), 1984; Scalart and Vieira Filho, "Speech enhancement based on a priori
    signal to noise estimation", ICASSP 1996.
    """
    spectrum = stft(noisy)
    noise_power = _noise_power(noisy, noise_power)
    ratio_now = np.abs(spectrum).astype(np.float64) ** 2 / noise_power
    gain = np.empty_like(ratio_now)
    let_through = np.maximum(ratio_now[0] - 1, 0)
    for frame, now in enumerate(ratio_now):
        ratio = smoothing * let_through + (1 - smoothing) * np.maximum(now - 1, 0)
        gain[frame] = np.maximum(ratio / (1 + ratio), floor)
        let_through = gain[frame] ** 2 * now
    return istft(spectrum * gain, len(noisy))


def _noise_power(noisy, noise_power):
    """Return the noise's power at each frequency, above 0."""
    power = estimate_noise_power(noisy) if noise_power is None else np.asarray(noise_power)
    if power.shape != (WINDOW // 2 + 1,):
        raise AudioError(
            f"noise_power has shape (129,), as mean_power gives it, not {power.shape}."
        )
    return np.maximum(power, 1e-12)
