"""Sound: from a file to an array and back, noise, spectra, classical filters, measures.

Everything here works without TensorFlow; :func:`clean_signal` and :func:`denoise_audio` take the
trained network as an argument.  Signals are float32 between -1 and 1, one value a sample, at
:data:`RATE` samples a second.  Sound files are read by ``soundfile``, which brings libsndfile;
WAV files are written with Python alone.
"""

import base64
import contextlib
import html
import io
import math
import numbers
import os
import re
import tempfile
import warnings
import wave
from pathlib import Path

import numpy as np

from aeutils.errors import AudioError, DataFileError

__all__ = [
    "BINS",
    "HOP",
    "RATE",
    "WINDOW",
    "add_noise_at",
    "clean_signal",
    "compress",
    "denoise_audio",
    "estimate_noise_power",
    "istft",
    "load_audio",
    "make_noise",
    "mean_power",
    "players",
    "save_audio",
    "si_sdr",
    "spectral_subtraction",
    "stft",
    "stoi",
    "wiener",
]

RATE = 8000
"""Samples a second that the networks and filters of the book work at: a telephone's."""
WINDOW = 256
"""Samples of one frame of the spectrum, 32 ms."""
HOP = 128
"""Samples from one frame to the next: half a window, so that every sample is in two."""
BINS = 128
"""Frequencies of a frame that the network sees, from 0 Hz in steps of 31.25 Hz."""

POWER = 0.5
NOISES = ("white", "pink", "hum", "clicks", "babble", "engine")
# a network sees a recording at one loudness, whatever it was recorded with
LEVEL = 0.1

MIN_RATE, MAX_RATE = 1_000, 400_000
MAX_CHANNELS = 16
MAX_WAV_BYTES = 2**32 - 100
# Blocks start at whole multiples of this, where frames of the spectrum and samples of any rate
# coincide; as much is read on both sides of a block, far more than any network of the book and
# the resampling filter reach.
BLOCK_UNIT_SECONDS = 8


# Files ------------------------------------------------------------------------------------------


def load_audio(path, rate=RATE, max_seconds=3600):
    """Read a sound file as one channel of float32 samples between -1 and 1.

    Channels are averaged, any sample rate is converted, and so is every sample format: 8, 16,
    24 and 32 bits, floating point, and what else libsndfile decodes.  Floating-point samples
    beyond -1 and 1 are scaled down together, with a warning that says by how much.

    Parameters
    ----------
    path : str or os.PathLike
        A file that libsndfile reads (WAV, FLAC, Ogg, AIFF, MP3, …).
    rate : int or None, default 8000
        Samples a second of the result; None keeps the file's own.
    max_seconds : float, default 3600
        A longer file is refused before it is decoded, so that it cannot fill the memory;
        :func:`denoise_audio` has no such limit.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,), between -1 and 1.

    Raises
    ------
    DataFileError
        If the file is missing, empty, no sound file, broken, cut short, too long, or of a
        sample rate or number of channels out of bounds.
    AudioError
        If a sample is NaN or infinite, `rate` is off, or ``soundfile`` is not installed.
    """
    if rate is not None:
        rate = _rate(rate)
    path = _path(path)
    with _opened(path) as file:
        seconds = file.frames / file.samplerate
        if seconds > max_seconds:
            raise DataFileError(
                f"{path} lasts {seconds:,.0f} s, more than the {max_seconds:,} s allowed; cut it, "
                "raise max_seconds, or clean it with denoise_audio, which works in blocks."
            )
        samples = _read(path, file, 0, file.frames)
        own_rate = file.samplerate
    peak = float(np.abs(samples).max())
    if peak > 1:
        _warn_of_peak(path, peak)
        samples = samples / np.float32(peak)
    signal = samples.mean(axis=1)
    if rate is not None and rate != own_rate:
        # the filter of the conversion may swing a little beyond the samples
        signal = np.clip(_resampled(signal, own_rate, rate), -1, 1)
    return np.ascontiguousarray(signal, dtype=np.float32)


def save_audio(path, signal, rate=RATE):
    """Write samples as a WAV file of 16 bits.

    The file is written under a temporary name in the same folder and renamed when it is
    complete; a file that had the name before is replaced.  A signal that leaves -1 to 1 is
    scaled down as a whole, with a warning, since cutting its peaks would distort it.

    Parameters
    ----------
    path : str or os.PathLike
        Ends in ``.wav``.
    signal : array-like of float, shape (n_samples,) or (n_samples, n_channels)
        Samples between -1 and 1.
    rate : int, default 8000
        Samples a second.

    Raises
    ------
    AudioError
        If the signal is empty, not of floating point, or holds NaN or infinite values, or the
        rate is off.
    DataFileError
        If the path does not end in ``.wav`` or cannot be written.
    """
    rate, path = _rate(rate), _wav_path(path)
    signal = np.asarray(signal)
    if signal.ndim not in (1, 2) or signal.size == 0:
        raise AudioError(
            "a signal has shape (n_samples,) or (n_samples, n_channels) and at least one "
            f"sample, not {signal.shape}."
        )
    if signal.ndim == 2 and signal.shape[1] > MAX_CHANNELS:
        raise AudioError(
            f"shape {signal.shape} is (n_samples, n_channels), and more than {MAX_CHANNELS} "
            "channels are not written; transpose the array if it is the other way round."
        )
    signal = _finite("signal", signal)
    peak = float(np.abs(signal).max())
    if peak > 1:
        _warn_of_peak(path, peak)
        signal = signal / peak
    channels = 1 if signal.ndim == 1 else signal.shape[1]
    with _wav_writer(path, rate, channels, len(signal)) as file:
        file.writeframes(_to_int16(signal).tobytes())


def _path(path):
    """Return a path, or raise where it is none."""
    if not isinstance(path, str | os.PathLike):
        raise AudioError(f"a path is a text or a pathlib.Path, not {type(path).__name__}.")
    return Path(path)


@contextlib.contextmanager
def _opened(path):
    """Open a sound file, or say why it cannot be one."""
    try:
        import soundfile  # needed by readers of sound files alone
    except ImportError as error:
        raise AudioError(
            "reading sound files needs the package soundfile: pip install soundfile"
        ) from error

    if not path.is_file():
        what = "is not a sound file but a folder or device" if path.exists() else "does not exist"
        raise DataFileError(f"{path} {what}; check the path.")
    try:
        if path.stat().st_size == 0:
            raise DataFileError(f"{path} is empty (0 bytes); copy or export the sound again.")
        with path.open("rb"):  # tells a file that may not be read from one that is no sound
            pass
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise DataFileError(
            f"{path} is not a sound file that can be read, or its header is broken "
            f"({error.error_string.rstrip('.')}); export it as WAV or FLAC."
        ) from error
    except TypeError as error:  # a file named .raw, which has no header at all
        raise DataFileError(
            f"{path} has no header that tells rate and format; export it as WAV or FLAC."
        ) from error
    except OSError as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(f"{path} cannot be read ({error.strerror}).") from error
    with file:
        _refuse_odd(path, file)
        yield file


def _refuse_odd(path, file):
    """Raise where an open sound file is cut short, empty or beyond reason."""
    # what libsndfile found in the header of a WAV file
    words = r"(?m)^ +(Channels|Block Align|Bit Width) +: (\d+)"
    found = {word: int(number) for word, number in re.findall(words, file.extra_info)}
    if file.subtype.startswith(("PCM", "FLOAT", "DOUBLE")) and len(found) == 3:
        channels, frame_bytes, bits = found.values()
        if frame_bytes != channels * -(-bits // 8):
            raise DataFileError(
                f"{path} has a broken header: {channels} channels of {bits} bits do not make "
                f"{frame_bytes} bytes; export the sound again."
            )
    sizes = re.search(r"(?m)^data : (\d+) \(should be (\d+)\)", file.extra_info)
    # a program that wrote the file while recording, or to a pipe, leaves a huge size behind
    if sizes and int(sizes[2]) < int(sizes[1]) < 0x7FFF0000:
        raise DataFileError(
            f"{path} is cut short: its header promises {int(sizes[1]):,} bytes of sound, and "
            f"{int(sizes[2]):,} are there; copy or export the sound again."
        )
    if file.frames == 0:
        raise DataFileError(f"{path} holds no samples (0 seconds); record or export it again.")
    if not MIN_RATE <= file.samplerate <= MAX_RATE:
        raise DataFileError(
            f"{path} has {file.samplerate:,} samples a second, outside {MIN_RATE:,} to "
            f"{MAX_RATE:,}; its header is broken, or it is no sound."
        )
    if file.channels > MAX_CHANNELS:
        raise DataFileError(
            f"{path} has {file.channels} channels, more than the {MAX_CHANNELS} allowed; export "
            "the channels that you need."
        )


def _read(path, file, start, stop):
    """Return samples of an open file as float32, shape (n, channels), all finite."""
    try:
        file.seek(start)
        samples = file.read(stop - start, dtype="float32", always_2d=True)
    # libsndfile reports a broken stream by errors of several kinds
    except (RuntimeError, OSError, ValueError) as error:
        text = getattr(error, "error_string", str(error)).rstrip(".")
        raise DataFileError(
            f"{path} is broken or cut short ({text}); copy or export the sound again."
        ) from error
    if len(samples) < stop - start:
        raise DataFileError(
            f"{path} is cut short: {start + len(samples):,} samples of {file.frames:,} are "
            "there; copy or export the sound again."
        )
    bad = ~np.isfinite(samples).all(axis=1)
    if bad.any():
        first = start + int(bad.argmax())
        raise AudioError(
            f"{path} holds NaN or infinite samples, the first at {first / file.samplerate:.3f} s "
            f"(sample {first:,}); export the sound again."
        )
    return samples


def _wav_path(path):
    """Return the path of a WAV file to write, or say why it cannot be written."""
    path = _path(path)
    if path.suffix.lower() != ".wav":
        raise DataFileError(f"{path} does not end in .wav; only WAV files are written.")
    if path.is_dir():
        raise DataFileError(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise DataFileError(f"the folder {path.parent} does not exist; create it first.")
    return path


@contextlib.contextmanager
def _wav_writer(path, rate, channels, n_samples):
    """Write a WAV file under a temporary name; rename it when complete, else remove it."""
    if n_samples * channels * 2 > MAX_WAV_BYTES:
        raise DataFileError(
            f"{path} would pass the 4 GB that a WAV file can hold; cut the sound into parts."
        )
    try:
        handle, partial = tempfile.mkstemp(".partial", path.name + ".", path.parent)
    except OSError as error:
        raise DataFileError(f"{path} cannot be written ({error.strerror}).") from error
    try:
        with os.fdopen(handle, "wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.setnframes(n_samples)
            yield file
        # a temporary file is its owner's alone; this one gets the usual rights
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(partial, 0o666 & ~mask)
        os.replace(partial, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        if isinstance(error, OSError) and not isinstance(error, DataFileError):
            raise DataFileError(f"{path} cannot be written ({error.strerror}).") from error
        raise


def _to_int16(samples):
    """Return samples between -1 and 1 as the little-endian integers of a WAV file."""
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype("<i2")


def _warn_of_peak(path, peak):
    """Say that samples beyond full scale were scaled down."""
    warnings.warn(
        f"{path}: samples reach {peak:.3g}, beyond 1; all were divided by that.", stacklevel=3
    )


def _resampled(signal, rate, new_rate):
    """Return samples, along the first axis, at another rate."""
    from scipy.signal import resample_poly

    divisor = math.gcd(rate, new_rate)
    return resample_poly(signal, new_rate // divisor, rate // divisor, axis=0)


# Noise ------------------------------------------------------------------------------------------


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
    if isinstance(n_samples, bool) or not isinstance(n_samples, numbers.Integral) or n_samples < 1:
        raise AudioError(f"n_samples must be a positive integer, not {n_samples!r}.")
    if kind not in NOISES:
        raise AudioError(f"kind {kind!r} is not known; use {', '.join(NOISES)}.")
    rng = np.random.default_rng(seed)
    noise = _MAKERS[kind](int(n_samples), rng, recordings)
    return (noise / max(_rms(noise), 1e-12)).astype(np.float32)


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
    recordings = [r for r in recordings or () if len(r) and _rms(r) > 0]
    if not recordings:
        raise AudioError("babble is made of recordings; pass some that are not silent.")
    noise = np.zeros(n)
    for _ in range(n_voices):
        parts, length = [], 0
        start = int(rng.integers(0, RATE))
        while length < n + start:
            part = recordings[rng.integers(len(recordings))]
            parts.append(part / _rms(part))
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
    signal, noise = _signal("signal", signal), _signal("noise", noise)
    if len(noise) < len(signal):
        raise AudioError(
            f"the noise has {len(noise):,} samples and the signal {len(signal):,}; "
            "make the noise at least as long."
        )
    if not (isinstance(snr_db, numbers.Real) and math.isfinite(snr_db)):
        raise AudioError(f"snr_db must be a number of decibels, not {snr_db!r}.")
    noise = noise[: len(signal)]
    strengths = _rms(signal), _rms(noise)
    for name, strength in zip(("signal", "noise"), strengths, strict=True):
        if strength == 0:
            raise AudioError(f"the {name} is silent, so that no ratio to it exists.")
    gain = strengths[0] / strengths[1] * 10 ** (-snr_db / 20)
    return (signal + gain * noise).astype(np.float32)


# Spectra ----------------------------------------------------------------------------------------


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
    signal = _signal("signal", signal).astype(np.float32)
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


# Classical filters ------------------------------------------------------------------------------


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


# The network ------------------------------------------------------------------------------------


def clean_signal(signal, model):
    """Clean a signal with a network on its compressed spectrum.

    The signal is brought to the loudness that the network was trained at, the network's answer
    replaces the magnitudes of the spectrum, the phases stay, and the loudness is restored.

    Parameters
    ----------
    signal : array-like of float, shape (n_samples,)
        At :data:`RATE` samples a second.
    model : keras.Model
        From compressed magnitudes, shape (n, frames, 128, 1), to those of the clean signal; see
        :func:`aeutils.models.spectrogram_denoiser`.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).  Silence stays silence.

    Raises
    ------
    AudioError
        If the signal is refused by :func:`stft`, or the model is of other shapes.
    """
    signal = _signal("signal", signal)
    return _cleaned(signal.astype(np.float32), model, _rms(signal))


def denoise_audio(in_path, out_path, model, block_seconds=32):
    """Clean a sound file of any length: WAV in, WAV out.

    The file is read and written in blocks, so the memory needed does not grow with its length;
    the result is the same as in one pass.  Sample rate, number of samples and of channels stay;
    each channel is cleaned on its own.  The network knows nothing above 4000 Hz, so the output
    holds nothing there.  The output has 16 bits.  It is written under a temporary name and
    renamed when it is complete; a file that had the name before is replaced.

    Parameters
    ----------
    in_path : str or os.PathLike
        A file that :func:`load_audio` would take, of any length.
    out_path : str or os.PathLike
        The WAV file to write; not the input.
    model : keras.Model
        As :func:`clean_signal` takes it.
    block_seconds : float, default 32
        Length of a block, rounded up to a multiple of 8 s.

    Returns
    -------
    pathlib.Path
        `out_path`.

    Raises
    ------
    DataFileError
        If the input is refused as by :func:`load_audio`, or the output cannot be written, would
        replace the input, or would pass 4 GB.
    AudioError
        If a sample is NaN or infinite, or the model is of other shapes.
    """
    source, target = _path(in_path), _wav_path(out_path)
    if not (isinstance(block_seconds, numbers.Real) and block_seconds > 0):
        raise AudioError(f"block_seconds must be a number above 0, not {block_seconds!r}.")
    with _opened(source) as file:
        if target.exists() and target.samefile(source):
            raise DataFileError(f"{target} is the input itself; give the output another name.")
        rate, channels, n_samples = file.samplerate, file.channels, file.frames
        units = math.ceil(min(block_seconds, n_samples / rate) / BLOCK_UNIT_SECONDS)
        blocks = _blocks(n_samples, rate * BLOCK_UNIT_SECONDS, units)
        levels, peak = _surveyed(source, file, blocks)
        if peak > 1:
            _warn_of_peak(source, peak)
        with _wav_writer(target, rate, channels, n_samples) as output:
            for start, stop, first, last in blocks:
                samples = _read(source, file, first, last) / np.float32(max(peak, 1))
                low = _resampled(samples, rate, RATE) if rate != RATE else samples
                cleaned = np.stack(
                    [
                        _cleaned(channel, model, level / max(peak, 1))
                        for channel, level in zip(low.T, levels, strict=True)
                    ],
                    axis=1,
                )
                if rate != RATE:
                    cleaned = _resampled(cleaned, RATE, rate)
                output.writeframes(_to_int16(cleaned[start - first : stop - first]).tobytes())
    return target


def _blocks(n_samples, unit, units):
    """Return (start, stop, first to read, last to read) of each block."""
    size = unit * units
    return [
        (
            start,
            min(start + size, n_samples),
            max(0, start - unit),
            min(start + size + unit, n_samples),
        )
        for start in range(0, n_samples, size)
    ]


def _surveyed(path, file, blocks):
    """Return the loudness of each channel at the low rate, and the peak, of a whole file."""
    squares, peak, n_low = np.zeros(file.channels), 0.0, 0
    rate = file.samplerate
    for start, stop, first, last in blocks:
        samples = _read(path, file, first, last)
        peak = max(peak, float(np.abs(samples).max()))
        low = _resampled(samples, rate, RATE) if rate != RATE else samples
        # blocks start at whole seconds, so these are integers but for the end of the file
        part = low[(start - first) * RATE // rate : -(-(stop - first) * RATE // rate)]
        squares += np.sum(np.square(part, dtype=np.float64), axis=0)
        n_low += len(part)
    return np.sqrt(squares / n_low), peak


def _cleaned(signal, model, level):
    """Clean a signal whose loudness, or that of the recording it is part of, is known."""
    if level < 1e-7:  # silence, and nothing to hear in it
        return np.zeros(len(signal), dtype=np.float32)
    gain = LEVEL / level
    spectrum = stft(signal * np.float32(gain))
    heard = compress(spectrum)
    n_frames = len(heard)
    # the network halves the number of frames twice; it never saw an empty frame, and would leave
    # noise beside one
    padded = np.pad(heard, ((0, -n_frames % 4), (0, 0)), mode="symmetric")
    answer = _answer(model, padded[None, ..., None])[0, :n_frames, :, 0]
    share = np.clip(answer / np.maximum(heard, 1e-6), 0, 1) ** (1 / POWER)
    cleaned = np.zeros_like(spectrum)
    cleaned[:, :BINS] = spectrum[:, :BINS] * share
    return istft(cleaned, len(signal)) / np.float32(gain)


def _answer(model, x):
    """Return what a Keras model answers, as an array of the shape of x, or raise."""
    if not callable(model):
        raise AudioError(f"model is a trained Keras model, not {type(model).__name__}.")
    from keras import ops  # here, so that everything else works without Keras

    # not predict, which would compile anew for every number of frames
    try:
        answer = ops.convert_to_numpy(model(x, training=False))
    except Exception as error:  # every backend reports a wrong shape by an error of its own
        raise AudioError(
            f"the model does not take spectra of shape (n, frames, {BINS}, 1); build it with "
            f"aeutils.models.spectrogram_denoiser ({str(error).splitlines()[0]})"
        ) from error
    if answer.shape != x.shape:
        raise AudioError(f"the model answers {x.shape} with {answer.shape}, not the same shape.")
    return answer


# Measures ---------------------------------------------------------------------------------------


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
    clean, estimate = _same_length(clean, estimate)
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
    clean, estimate = _same_length(clean, estimate)
    rate = _rate(rate)
    if not clean.any():
        raise AudioError("the clean signal is silent, so that nothing can be compared with it.")
    with warnings.catch_warnings():
        # what it warns of is that the speech is too short, and its answer then means nothing
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(clean, estimate, rate))
        except (RuntimeWarning, ValueError) as error:
            raise AudioError("STOI needs at least 0.4 s of speech that is not silent.") from error


# In the page ------------------------------------------------------------------------------------


def players(signals, rate=RATE):
    """Sound players for a notebook and for the rendered book, each under its name.

    The sound is part of the page: about 21 kB a second and player at 8000 samples a second.

    Parameters
    ----------
    signals : dict of str to array-like of float, shape (n_samples,)
        By name.  All are scaled by one factor, so that the loudest just fits and their
        loudness can be compared.
    rate : int, default 8000
        Samples a second.

    Returns
    -------
    IPython.display.HTML
    """
    from IPython.display import HTML

    rate = _rate(rate)
    signals = {name: _signal(name, signal) for name, signal in signals.items()}
    if not signals:
        raise AudioError("there is no signal to play.")
    peak = max(float(np.abs(signal).max()) for signal in signals.values())
    parts = []
    for name, signal in signals.items():
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(rate)
            sound.writeframes(_to_int16(0.9 / max(peak, 1e-9) * signal).tobytes())
        content = base64.b64encode(file.getvalue()).decode()
        name = html.escape(name)
        parts.append(
            '<figure style="display: inline-block; margin: 0 1em 0.8em 0">'
            f"<figcaption>{name}</figcaption>"
            f'<audio controls aria-label="{name}" src="data:audio/wav;base64,{content}"></audio>'
            "</figure>"
        )
    return HTML("\n".join(parts))


# Checks -----------------------------------------------------------------------------------------


def _rate(rate):
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


def _finite(name, array):
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


def _signal(name, signal):
    """Return a signal as float64, shape (n_samples,), or raise."""
    signal = np.asarray(signal)
    if signal.ndim != 1 or len(signal) == 0:
        raise AudioError(
            f"{name} must have shape (n_samples,) with at least one sample, not {signal.shape}."
        )
    return _finite(name, signal)


def _same_length(clean, estimate):
    """Return two signals of one length, or raise."""
    clean, estimate = _signal("clean", clean), _signal("estimate", estimate)
    if len(clean) != len(estimate):
        raise AudioError(
            f"clean has {len(clean):,} samples and estimate {len(estimate):,}; cut both to one "
            "length."
        )
    return clean, estimate


def _rms(signal):
    """Root mean square: the loudness of a signal."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))
