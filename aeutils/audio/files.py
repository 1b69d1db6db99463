"""Sound files: any that ``soundfile`` reads, and WAV files written with Python alone."""

import contextlib
import os
import re
import tempfile
import warnings
import wave
from pathlib import Path

import numpy as np

from aeutils.audio.signals import (
    MAX_RATE,
    MIN_RATE,
    RATE,
    checked_rate,
    checked_samples,
    resampled,
)
from aeutils.core.errors import AudioError, DataFileError

MAX_CHANNELS = 16
MAX_WAV_BYTES = 2**32 - 100


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
        rate = checked_rate(rate)
    path = checked_path(path)
    with opened(path) as file:
        seconds = file.frames / file.samplerate
        if seconds > max_seconds:
            raise DataFileError(
                f"{path} lasts {seconds:,.0f} s, more than the {max_seconds:,} s allowed; cut it, "
                "raise max_seconds, or clean it with denoise_audio, which works in blocks."
            )
        samples = read_samples(path, file, 0, file.frames)
        own_rate = file.samplerate
    peak = float(np.abs(samples).max())
    if peak > 1:
        warn_of_peak(path, peak)
        samples = samples / np.float32(peak)
    signal = samples.mean(axis=1)
    if rate is not None and rate != own_rate:
        # the filter of the conversion may swing a little beyond the samples
        signal = np.clip(resampled(signal, own_rate, rate), -1, 1)
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
    rate, path = checked_rate(rate), wav_path(path)
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
    signal = checked_samples("signal", signal)
    peak = float(np.abs(signal).max())
    if peak > 1:
        warn_of_peak(path, peak)
        signal = signal / peak
    channels = 1 if signal.ndim == 1 else signal.shape[1]
    with wav_writer(path, rate, channels, len(signal)) as file:
        file.writeframes(to_int16(signal).tobytes())


def checked_path(path):
    """Return a path, or raise where it is none."""
    if not isinstance(path, str | os.PathLike):
        raise AudioError(f"a path is a text or a pathlib.Path, not {type(path).__name__}.")
    return Path(path)


@contextlib.contextmanager
def opened(path):
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


def read_samples(path, file, start, stop):
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


def wav_path(path):
    """Return the path of a WAV file to write, or say why it cannot be written."""
    path = checked_path(path)
    if path.suffix.lower() != ".wav":
        raise DataFileError(f"{path} does not end in .wav; only WAV files are written.")
    if path.is_dir():
        raise DataFileError(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise DataFileError(f"the folder {path.parent} does not exist; create it first.")
    return path


@contextlib.contextmanager
def wav_writer(path, rate, channels, n_samples):
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


def to_int16(samples):
    """Return samples between -1 and 1 as the little-endian integers of a WAV file."""
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype("<i2")


def warn_of_peak(path, peak):
    """Say that samples beyond full scale were scaled down."""
    warnings.warn(
        f"{path}: samples reach {peak:.3g}, beyond 1; all were divided by that.", stacklevel=3
    )
