"""Noise of several kinds, and speech with noise at a stated ratio."""

import math
import numbers

import numpy as np

from aeutils.audio.signals import RATE, checked_signal, rms
from aeutils.core.checks import positive_integer
from aeutils.core.errors import AudioError

NOISES = ("white", "pink", "hum", "clicks", "babble", "engine")


def make_noise(kind, n_samples, seed=None, recordings=None):
    """Make noise of one kind, with a root mean square of 1.

    Parameters
    ----------
    kind : {"white", "pink", "hum", "clicks", "babble", "engine"}
        ``"white"``: the same power at every frequency, a hiss.  ``"pink"``: 3 dB less an
        octave up, a waterfall.  ``"hum"``: the mains at 50 or 60 Hz with its harmonics.
        ``"clicks"``: short bursts at random times, a typewriter or a scratched record.
        ``"babble"``: several of `recordings` at once, each started anywhere.  ``"engine"``:
        pulses of a wavering rate through a dull body.
    n_samples : int
        Length, at :data:`RATE` samples a second.
    seed : int or numpy.random.Generator, optional
        Makes the noise repeatable.
    recordings : sequence of numpy.ndarray, optional
        What ``"babble"`` is made of.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).

    Raises
    ------
    AudioError
        If `kind` is not known, `n_samples` is not a positive integer, or ``"babble"`` has no
        `recordings` with sound in them.
    """
    n_samples = positive_integer("n_samples", n_samples, AudioError)
    if kind not in NOISES:
        raise AudioError(f"kind {kind!r} is not known; use {', '.join(NOISES)}.")
    rng = np.random.default_rng(seed)
    noise = _MAKERS[kind](n_samples, rng, recordings)
    return (noise / max(rms(noise), 1e-12)).astype(np.float32)


def _white(n, rng, _):
    return rng.standard_normal(n)


def _pink(n, rng, _):
    spectrum = np.fft.rfft(rng.standard_normal(n))
    # level below 20 Hz, where nobody hears it and half of the power would go
    hertz = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20)
    return np.fft.irfft(spectrum / np.sqrt(hertz), n)


def _hum(n, rng, _):
    mains = rng.choice([50, 60]) * rng.uniform(0.998, 1.002)
    time = np.arange(n) / RATE
    harmonics = np.arange(1, 25)
    strengths = rng.uniform(0.2, 1, len(harmonics)) / np.sqrt(harmonics)
    phases = rng.uniform(0, 2 * np.pi, len(harmonics))
    waves = (
        strength * np.sin(2 * np.pi * mains * k * time + phase)
        for k, strength, phase in zip(harmonics, strengths, phases, strict=True)
    )
    return sum(waves) + 0.05 * rng.standard_normal(n)


def _clicks(n, rng, _):
    noise = 1e-3 * rng.standard_normal(n)
    for start in rng.integers(0, n, max(1, round(8 * n / RATE))):
        length = min(n - start, int(rng.integers(20, 160)))
        time = np.arange(length)
        decay = np.exp(-time / (length / 5))
        tone = np.cos(2 * np.pi * rng.uniform(0.05, 0.45) * time)
        strength = rng.uniform(0.3, 1)
        noise[start : start + length] += strength * decay * (tone + rng.standard_normal(length))
    return noise


def _babble(n, rng, recordings, n_voices=8):
    recordings = [r for r in recordings or () if len(r) and rms(r) > 0]
    if not recordings:
        raise AudioError("babble is made of recordings; pass some that are not silent.")
    noise = np.zeros(n)
    for _ in range(n_voices):
        parts, length = [], 0
        start = int(rng.integers(0, RATE))
        while length < n + start:
            part = recordings[rng.integers(len(recordings))]
            parts.append(part / rms(part))
            length += len(part)
        noise += np.concatenate(parts)[start : start + n]
    return noise


def _engine(n, rng, _):
    from scipy.signal import lfilter

    wavering = np.cumsum(rng.standard_normal(n)) / RATE
    phase = np.cumsum((28 + 6 * np.sin(2 * np.pi * 0.3 * np.arange(n) / RATE) + wavering) / RATE)
    pulses = np.diff(np.floor(phase), prepend=0) * rng.uniform(0.6, 1.4, n)
    noise = pulses + 0.02 * rng.standard_normal(n)
    for hertz in (110, 320, 700):
        pole = 0.985 * np.exp(2j * np.pi * hertz / RATE)
        noise = noise + lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], noise)
    return noise - noise.mean()


_MAKERS = {
    "white": _white,
    "pink": _pink,
    "hum": _hum,
    "clicks": _clicks,
    "babble": _babble,
    "engine": _engine,
}


def add_noise_at(signal, noise, snr_db):
    """Add noise to a signal at a stated signal-to-noise ratio.

    The ratio is that of the mean squares over the whole length: at 0 dB the noise is as strong
    as the signal, at 20 dB it has a hundredth of its power.

    Parameters
    ----------
    signal : array-like of float, shape (n_samples,)
        The clean signal.
    noise : array-like of float, shape (at least n_samples,)
        Its first `n_samples` are scaled and added.
    snr_db : float
        Signal-to-noise ratio in decibels.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).  It is not clipped, and may leave -1 to 1.

    Raises
    ------
    AudioError
        If the noise is too short, either is empty, silent, not of floating point or holds NaN
        or infinite values, or `snr_db` is no number.
    """
    signal, noise = checked_signal("signal", signal), checked_signal("noise", noise)
    if len(noise) < len(signal):
        raise AudioError(
            f"the noise has {len(noise):,} samples and the signal {len(signal):,}; "
            "make the noise at least as long."
        )
    if not (isinstance(snr_db, numbers.Real) and math.isfinite(snr_db)):
        raise AudioError(f"snr_db must be a number of decibels, not {snr_db!r}.")
    noise = noise[: len(signal)]
    strengths = rms(signal), rms(noise)
    for name, strength in zip(("signal", "noise"), strengths, strict=True):
        if strength == 0:
            raise AudioError(f"the {name} is silent, so that no ratio to it exists.")
    gain = strengths[0] / strengths[1] * 10 ** (-snr_db / 20)
    return (signal + gain * noise).astype(np.float32)
