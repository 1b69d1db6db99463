"""Noise of several kinds, and speech with noise at a stated ratio."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.audio.signals import RATE, checked_signal, rms
from aeutils.core.checks import positive_integer, real_number
from aeutils.core.errors import AudioError

MAX_SNR_DB = 100  # more than the 24 bits of a float32 can hold beside each other
NOISES = ("white", "pink", "hum", "clicks", "babble", "engine")


def make_noise(
    kind: str,
    n_samples: int,
    seed: int | Sequence[int] | np.random.Generator | None = None,
    recordings: Iterable[ArrayLike] | None = None,
) -> NDArray[np.float32]:
    """Make noise of one kind, with a root mean square of 1.

    Parameters
    ----------
    kind : {"white", "pink", "hum", "clicks", "babble", "engine"}
        ``"white"``: the same power at every frequency, a hiss.  ``"pink"``: 3 dB less per
        octave, a waterfall.  ``"hum"``: the mains at 50 or 60 Hz with its harmonics.
        ``"clicks"``: eight short bursts a second at random times, a typewriter or a scratched
        record.  ``"babble"``: eight voices at once, each made of `recordings` and started
        anywhere.  ``"engine"``: 22 to 34 pulses a second through a dull body.
    n_samples : int
        Length, at :data:`RATE` samples a second.
    seed : int, sequence of int or numpy.random.Generator, optional
        Makes the noise repeatable.
    recordings : sequence of array-like of float, each of shape (n_samples,), optional
        What ``"babble"`` is made of; each counts at the same loudness, and silent ones are left
        out.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).  A single sample of ``"engine"``, whose mean is removed, is 0.

    Raises
    ------
    AudioError
        If `kind` is unknown, `n_samples` is not a positive integer, `seed` is none, or
        ``"babble"`` has no `recordings` with sound in them.
    """
    n_samples = positive_integer("n_samples", n_samples, AudioError)
    if not (isinstance(kind, str) and kind in NOISES):
        raise AudioError(f"kind must be one of {', '.join(NOISES)}; got {kind!r}.")
    try:
        rng = np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise AudioError(
            f"seed must be an integer of at least 0, several, or a numpy.random.Generator; got "
            f"{seed!r}."
        ) from error
    if kind == "babble":
        noise = _babble(n_samples, rng, recordings)
    else:
        noise = _MAKERS[kind](n_samples, rng)
    return (noise / max(rms(noise), 1e-12)).astype(np.float32)


def _white(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Make normal values."""
    return rng.standard_normal(n)


def _pink(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Make white noise, and divide its spectrum by the square root of the frequency."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    # level below 20 Hz, where nobody hears it and half of the power would go
    hertz = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20)
    return np.fft.irfft(spectrum / np.sqrt(hertz), n)


def _hum(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Make 24 harmonics of the mains, whose amplitudes fall as 1/√k, and a little hiss."""
    mains = rng.choice([50, 60]) * rng.uniform(0.998, 1.002)
    time = np.arange(n) / RATE
    harmonics = np.arange(1, 25)
    strengths = rng.uniform(0.2, 1, len(harmonics)) / np.sqrt(harmonics)
    phases = rng.uniform(0, 2 * np.pi, len(harmonics))
    noise = np.zeros(n)
    for k, strength, phase in zip(harmonics, strengths, phases, strict=True):
        noise += strength * np.sin(2 * np.pi * mains * k * time + phase)
    return noise + 0.05 * rng.standard_normal(n)


def _clicks(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Make eight clicks a second, of 2.5 to 20 ms, that die away, on a faint hiss."""
    noise = 1e-3 * rng.standard_normal(n)
    for start in rng.integers(0, n, max(1, round(8 * n / RATE))):
        length = min(n - start, int(rng.integers(20, 160)))
        time = np.arange(length)
        decay = np.exp(-time / (length / 5))
        tone = np.cos(2 * np.pi * rng.uniform(0.05, 0.45) * time)
        strength = rng.uniform(0.3, 1)
        noise[start : start + length] += strength * decay * (tone + rng.standard_normal(length))
    return noise


def _babble(
    n: int, rng: np.random.Generator, recordings: Iterable[ArrayLike] | None, n_voices: int = 8
) -> NDArray[np.float64]:
    """Add up voices, each of recordings at one loudness, started anywhere in the first second."""
    if recordings is not None and not isinstance(recordings, Iterable):
        raise AudioError(
            f"recordings must be a sequence of signals; got {type(recordings).__name__}."
        )
    parts_of_speech = []
    for i, recording in enumerate(() if recordings is None else recordings):
        checked_signal(f"recordings[{i}]", recording)
        part = np.asarray(recording)
        if rms(part) > 0:
            parts_of_speech.append(part / rms(part))
    if not parts_of_speech:
        raise AudioError("babble is made of recordings; pass some that are not silent.")
    noise = np.zeros(n)
    for _ in range(n_voices):
        parts, length = [], 0
        start = int(rng.integers(0, RATE))
        while length < n + start:
            parts.append(parts_of_speech[rng.integers(len(parts_of_speech))])
            length += len(parts[-1])
        noise += np.concatenate(parts)[start : start + n]
    if not noise.any():
        raise AudioError(
            "recordings are silent where the babble was taken; cut their silence off, or make a "
            "longer one."
        )
    return noise


def _engine(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Make pulses whose rate swings between 22 and 34 a second, through three resonances."""
    from scipy.signal import lfilter

    wavering = np.cumsum(rng.standard_normal(n)) / RATE
    phase = np.cumsum((28 + 6 * np.sin(2 * np.pi * 0.3 * np.arange(n) / RATE) + wavering) / RATE)
    pulses = np.diff(np.floor(phase), prepend=0) * rng.uniform(0.6, 1.4, n)
    noise = pulses + 0.02 * rng.standard_normal(n)
    for hertz in (110, 320, 700):
        pole = 0.985 * np.exp(2j * np.pi * hertz / RATE)
        noise = noise + lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], noise)
    return noise - noise.mean()


_MAKERS: dict[str, Callable[[int, np.random.Generator], NDArray[np.float64]]] = {
    "white": _white,
    "pink": _pink,
    "hum": _hum,
    "clicks": _clicks,
    "engine": _engine,
}


def add_noise_at(signal: ArrayLike, noise: ArrayLike, snr_db: float) -> NDArray[np.float32]:
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
        Signal-to-noise ratio in decibels, from -100 to 100.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).  It is not clipped, and may leave -1 to 1.

    Raises
    ------
    AudioError
        If the noise is too short, either is empty, silent, masked, not of floating point or
        holds NaN or infinite values, or `snr_db` is out of bounds.
    """
    clean, other = checked_signal("signal", signal), checked_signal("noise", noise)
    if len(other) < len(clean):
        raise AudioError(
            f"noise must have at least the {len(clean):,} samples of the signal; got "
            f"{len(other):,}."
        )
    snr_db = real_number("snr_db", snr_db, AudioError, low=-MAX_SNR_DB, high=MAX_SNR_DB)
    other = other[: len(clean)]
    strengths = rms(clean), rms(other)
    for name, strength in zip(("signal", "noise"), strengths, strict=True):
        if strength == 0:
            raise AudioError(f"the {name} is silent, so that no ratio to it exists.")
    gain = strengths[0] / strengths[1] * 10 ** (-snr_db / 20)
    return (clean + gain * other).astype(np.float32)
