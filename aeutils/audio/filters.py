"""The classical filters: spectral subtraction and Wiener's."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.audio.signals import RATE
from aeutils.audio.spectra import BINS, HOP, istft, stft
from aeutils.core.checks import plain_array, real_number
from aeutils.core.errors import AudioError

# below what 16 bits can hold, so that no ratio to the noise is infinite
MIN_POWER = 1e-12
# Minimum statistics: weight of the frames before in the smoothed power, and by how much the minimum
# of 1.5 s of it lies below the mean of white noise.
TRACKING, TRACKING_BIAS = 0.85, 1.95


def mean_power(noise: ArrayLike) -> NDArray[np.float64]:
    """Compute the mean power of noise at each frequency, as the classical filters take it.

    Parameters
    ----------
    noise : array-like of float, shape (n_samples,)
        Noise alone.

    Returns
    -------
    numpy.ndarray
        float64, shape (129,).

    Raises
    ------
    AudioError
        If the noise is refused as by :func:`stft`.
    """
    return np.mean(_power(stft(noise)), axis=0)


def estimate_noise_power(noisy: ArrayLike, share: float = 0.1) -> NDArray[np.float64]:
    """Estimate the mean power of the noise at each frequency from the noisy signal alone.

    At each frequency the quietest frames are taken for noise; frames of digital silence, which
    hold none, are left out.  The estimate is right for noise that does not change, under a
    speaker who pauses.

    Parameters
    ----------
    noisy : array-like of float, shape (n_samples,)
        Signal and noise.
    share : float, default 0.1
        Share of the frames that are taken to hold noise alone, between 0 and 1, neither included.

    Returns
    -------
    numpy.ndarray
        float64, shape (129,); zeros where the whole signal is silent.

    Raises
    ------
    AudioError
        If `share` does not lie between 0 and 1, or the signal is refused as by :func:`stft`.
    """
    share = real_number("share", share, AudioError, low=0, high=1)
    if share in (0, 1):
        raise AudioError(f"share must lie between 0 and 1, neither included; got {share:g}.")
    power = _power(stft(noisy))
    sounding = power[power.any(axis=1)]
    # the power of Gaussian noise is distributed exponentially: from its quantile to its mean
    return np.quantile(sounding if len(sounding) else power, share, axis=0) / -np.log1p(-share)


def track_noise_power(noisy: ArrayLike, seconds: float = 1.5) -> NDArray[np.float64]:
    """Track the power of the noise at each frequency by minimum statistics.

    Speech has gaps at every frequency, so the lowest power of the last and the next moments is
    that of the noise alone.  Unlike :func:`estimate_noise_power` the estimate may change with
    time.

    Parameters
    ----------
    noisy : array-like of float, shape (n_samples,)
        Signal and noise.
    seconds : float, default 1.5
        Length of the stretch whose minimum is taken, from 0.1 to 60; frames of digital silence,
        which hold no noise, do not count.

    Returns
    -------
    numpy.ndarray
        float64, shape (n_frames, 129).

    Raises
    ------
    AudioError
        If `seconds` is out of bounds, or the signal is refused as by :func:`stft`.

    References
    ----------
    Martin, "Noise power spectral density estimation based on optimal smoothing and minimum
    statistics", IEEE Transactions on Speech and Audio Processing 9 (5), 2001; here with constant
    smoothing, and a constant in the place of its correction of the bias.
    """
    from scipy.ndimage import minimum_filter1d  # here, since everything else needs NumPy alone
    from scipy.signal import lfilter

    seconds = real_number("seconds", seconds, AudioError, low=0.1, high=60)
    power = _power(stft(noisy))
    sounding = power.any(axis=1)
    tracked = np.zeros_like(power)
    if sounding.any():
        heard = power[sounding]
        smooth, _ = lfilter([1 - TRACKING], [1, -TRACKING], heard, axis=0, zi=TRACKING * heard[:1])
        n_frames = max(1, round(seconds * RATE / HOP))
        tracked[sounding] = TRACKING_BIAS * minimum_filter1d(smooth, n_frames, axis=0)
    return tracked


def spectral_subtraction(
    noisy: ArrayLike,
    noise_power: ArrayLike | None = None,
    over_subtraction: float = 2.0,
    floor: float = 0.1,
) -> NDArray[np.float32]:
    """Subtract the noise's mean power from the power of each frame, and keep the phase.

    Parameters
    ----------
    noisy : array-like of float, shape (n_samples,)
        Signal and noise.
    noise_power : array-like of float, shape (129,) or (n_frames, 129), optional
        Mean power of the noise, at least 0, see :func:`mean_power`, or its course, see
        :func:`track_noise_power`; by default that of :func:`estimate_noise_power`.
    over_subtraction : float, default 2.0
        How many times that power is subtracted, at least 0.
    floor : float, default 0.1
        Lowest gain of a frequency, from 0 to 1.  What it leaves of the noise masks the musical
        noise: single frequencies that remain.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).

    Raises
    ------
    AudioError
        If the signal is refused as by :func:`stft`, the power is negative, not finite or of
        another shape, or a number is out of bounds.

    References
    ----------
    Boll, "Suppression of acoustic noise in speech using spectral subtraction", IEEE
    Transactions on Acoustics, Speech, and Signal Processing 27 (2), 1979.
    """
    over_subtraction = real_number("over_subtraction", over_subtraction, AudioError, low=0)
    floor = real_number("floor", floor, AudioError, low=0, high=1)
    spectrum = stft(noisy)
    with np.errstate(over="ignore"):  # what overflows is turned down to the floor
        subtracted = over_subtraction * _noise_power(noisy, noise_power)
        kept = 1 - subtracted / (_power(spectrum) + MIN_POWER)
    gain = np.sqrt(np.maximum(kept, floor**2))
    return istft(spectrum * gain, np.size(noisy))


def wiener(
    noisy: ArrayLike,
    noise_power: ArrayLike | None = None,
    smoothing: float = 0.98,
    floor: float = 0.1,
    rule: str = "wiener",
) -> NDArray[np.float32]:
    """Apply Wiener's filter, with decision-directed estimates of the signal-to-noise ratio.

    The ratio at a frequency is estimated mostly from what was let through in the frame before,
    which reduces musical noise: single frequencies that flicker.

    Parameters
    ----------
    noisy : array-like of float, shape (n_samples,)
        Signal and noise.
    noise_power : array-like of float, shape (129,) or (n_frames, 129), optional
        Mean power of the noise, at least 0, see :func:`mean_power`, or its course, see
        :func:`track_noise_power`; by default that of :func:`estimate_noise_power`.
    smoothing : float, default 0.98
        Weight of the frame before, from 0 to below 1.
    floor : float, default 0.1
        Lowest gain of a frequency, from 0 to 1.
    rule : {"wiener", "log"}, default "wiener"
        ``"log"``: the gain that is best for the logarithm of the magnitude, known as logMMSE.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).

    Raises
    ------
    AudioError
        If the signal is refused as by :func:`stft`, the power is negative, not finite or of
        another shape, a number is out of bounds, or the rule is unknown.

    References
    ----------
    Ephraim and Malah, "Speech enhancement using a minimum mean-square error short-time
    spectral amplitude estimator", IEEE Transactions on Acoustics, Speech, and Signal
    Processing 32 (6), 1984, and "... log-spectral amplitude estimator", 33 (2), 1985; Scalart
    and Vieira Filho, "Speech enhancement based on a priori signal to noise estimation",
    ICASSP 1996.
    """
    smoothing = real_number("smoothing", smoothing, AudioError, low=0, high=1)
    if smoothing == 1:
        raise AudioError("smoothing must be below 1, since at 1 no frame would count; got 1.")
    floor = real_number("floor", floor, AudioError, low=0, high=1)
    if rule not in ("wiener", "log"):
        raise AudioError(f'rule must be "wiener" or "log"; got {rule!r}.')
    if rule == "log":
        from scipy.special import exp1
    spectrum = stft(noisy)
    ratio_now = _power(spectrum) / _noise_power(noisy, noise_power)
    gain = np.empty_like(ratio_now)
    let_through = np.maximum(ratio_now[0] - 1, 0)
    for frame, now in enumerate(ratio_now):
        ratio = smoothing * let_through + (1 - smoothing) * np.maximum(now - 1, 0)
        passed = ratio / (1 + ratio)
        if rule == "log":
            passed = passed * np.exp(0.5 * exp1(np.maximum(passed * now, 1e-8)))
        gain[frame] = np.clip(passed, floor, 1)
        let_through = gain[frame] ** 2 * now
    return istft(spectrum * gain, np.size(noisy))


def _power(spectrum: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Return the power of each frequency of each frame."""
    return np.abs(spectrum).astype(np.float64) ** 2


def _noise_power(noisy: ArrayLike, noise_power: ArrayLike | None) -> NDArray[np.float64]:
    """Return the noise's power at each frequency, above 0."""
    if noise_power is None:
        return np.maximum(estimate_noise_power(noisy), MIN_POWER)
    power = plain_array("noise_power", noise_power, AudioError).astype(np.float64)
    n_frames = -(-np.size(noisy) // HOP) + 1
    if power.shape not in ((BINS,), (n_frames, BINS)):
        raise AudioError(
            f"noise_power must have shape ({BINS},), as mean_power returns it, or "
            f"({n_frames:,}, {BINS}), as track_noise_power returns it; got {power.shape}."
        )
    if not (np.isfinite(power).all() and power.min() >= 0):
        worst = power[~(np.isfinite(power) & (power >= 0))][0]
        raise AudioError(
            f"noise_power must be finite and at least 0 at every frequency; got {worst:g}. "
            "Compute it by mean_power or estimate_noise_power."
        )
    return np.maximum(power, MIN_POWER)
