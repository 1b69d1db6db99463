"""Sound files: any that ``soundfile`` reads, and WAV files written with Python alone."""

import contextlib
import os
import re
import warnings
import wave
from collections.abc import Iterator
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.audio.signals import (
    MAX_RATE,
    MAX_SAMPLE,
    MIN_RATE,
    RATE,
    audio_package,
    checked_rate,
    checked_samples,
    resampled_blocks,
)
from aeutils.core.errors import AudioError, DataFileError
from aeutils.core.files import atomic_write

if TYPE_CHECKING:
    import soundfile

MAX_CHANNELS = 16
MAX_WAV_BYTES = 2**32 - 100
# A file is read in blocks of so many numbers: 2 MB as float32.
BLOCK_VALUES = 2**19


def load_audio(
    path: str | os.PathLike[str], rate: int | None = RATE, max_seconds: float = 3600
) -> NDArray[np.float32]:
    """Read a sound file as one channel of float32 samples between -1 and 1.

    Channels are averaged, any sample rate is converted (by ``soxr``), and so is every sample
    format: 8, 16, 24 and 32 bits, floating point, and what else libsndfile decodes.
    Floating-point samples beyond -1 and 1 are scaled down together, with a warning that says by
    how much.

    Parameters
    ----------
    path : str or os.PathLike
        A file that libsndfile reads (WAV, FLAC, Ogg, AIFF, MP3, …).
    rate : int or None, default 8000
        Samples a second of the result; None keeps the file's own.
    max_seconds : float, default 3600
        A longer file is refused before it is decoded, so that it cannot fill the memory: an hour
        takes 115 MB at 8000 samples a second.  :func:`denoise_audio` has no such limit.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,), between -1 and 1.  n samples at another rate become
        ceil(n · `rate` / own rate).

    Raises
    ------
    DataFileError
        If the file is missing, empty, no sound file, broken, cut short, too long, or of a
        sample rate or number of channels out of bounds.
    AudioError
        If a sample is NaN, infinite or absurdly large, `rate` or `max_seconds` is out of bounds,
        or ``soundfile`` or ``soxr`` is not installed.
    """
    if rate is not None:
        rate = checked_rate(rate)
    is_number = isinstance(max_seconds, Real) and not isinstance(max_seconds, bool)
    if not (is_number and max_seconds > 0):
        raise AudioError(
            f"max_seconds must be a number above 0, or math.inf for no limit; got {max_seconds!r}."
        )
    path = checked_path(path)
    peaks = []
    with opened(path) as file:
        seconds = file.frames / file.samplerate
        if seconds > max_seconds:
            raise DataFileError(
                f"{path} lasts {seconds:,.0f} s, more than the {max_seconds:,} s allowed; cut it, "
                "raise max_seconds, or clean it with denoise_audio, which works in blocks."
            )

        def one_channel() -> Iterator[NDArray[np.float32]]:
            for block in read_blocks(path, file):
                peaks.append(float(np.abs(block).max()))
                yield block.mean(axis=1)

        rate = file.samplerate if rate is None else rate
        signal = np.concatenate(list(resampled_blocks(one_channel(), file.samplerate, rate)))
    peak = max(peaks)
    if peak > 1:
        warn_of_peak(path, peak)
        signal /= np.float32(peak)
    # the filter of the conversion may swing a little beyond the samples
    return np.clip(signal, -1, 1)


def save_audio(path: str | os.PathLike[str], signal: ArrayLike, rate: int = RATE) -> None:
    """Write samples as a WAV file of 16 bits.

    The file gets its name when it is complete; a file, or a link, that had the name before is
    replaced.  A signal that leaves -1 to 1 is scaled down as a whole, with a warning, since
    cutting its peaks would distort it.

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
        If the signal is empty, masked, not of floating point, or holds NaN, infinite or absurdly
        large samples, or the rate is out of bounds.
    DataFileError
        If the path does not end in ``.wav`` or cannot be written.
    """
    rate, path = checked_rate(rate), wav_path(path)
    samples = checked_samples("signal", signal)
    if samples.ndim not in (1, 2) or samples.size == 0:
        raise AudioError(
            "signal must have shape (n_samples,) or (n_samples, n_channels) and at least one "
            f"sample; got {samples.shape}."
        )
    if samples.ndim == 2 and samples.shape[1] > MAX_CHANNELS:
        raise AudioError(
            f"signal must have shape (n_samples, n_channels) with at most {MAX_CHANNELS} "
            f"channels; got {samples.shape}. Transpose it if it is the other way round."
        )
    peak = float(np.abs(samples).max())
    if peak > 1:
        warn_of_peak(path, peak)
        samples = samples / peak
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with wav_writer(path, rate, channels, len(samples)) as file:
        file.writeframes(to_int16(samples).tobytes())


def checked_path(path: str | os.PathLike[str]) -> Path:
    """Return a path, or raise where it is none."""
    if not isinstance(path, str | os.PathLike):
        raise AudioError(f"a path must be a text or a pathlib.Path; got {type(path).__name__}.")
    if "\0" in os.fsdecode(path):
        raise DataFileError(f"a path must not hold a null character; got {os.fsdecode(path)!r}.")
    return Path(os.fsdecode(path))


@contextlib.contextmanager
def opened(path: Path) -> Iterator["soundfile.SoundFile"]:
    """Open a sound file, or raise an error that says why it cannot be one."""
    soundfile = audio_package("soundfile")
    if not path.is_file():
        what = "is not a sound file but a folder or device" if path.exists() else "does not exist"
        raise DataFileError(f"{path} {what}; check the path.")
    try:
        if path.stat().st_size == 0:
            raise DataFileError(f"{path} is empty (0 bytes); copy or export the sound again.")
        with path.open("rb"):  # separates a file that may not be read from one that is no sound
            pass
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise DataFileError(
            f"{path} is not a sound file that can be read, or its header is broken "
            f"({error.error_string.rstrip('.')}); export it as WAV or FLAC."
        ) from error
    except TypeError as error:  # a file named .raw, which has no header at all
        raise DataFileError(
            f"{path} has no header with rate and format; export it as WAV or FLAC."
        ) from error
    except OSError as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(f"{path} cannot be read ({error.strerror}).") from error
    with file:
        _refuse_odd(path, file)
        yield file


def _refuse_odd(path: Path, file: "soundfile.SoundFile") -> None:
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
    if file.frames <= 0:
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


def read_blocks(path: Path, file: "soundfile.SoundFile") -> Iterator[NDArray[np.float32]]:
    """Yield the samples of an open file from its start: float32, shape (n, channels), finite."""
    size = BLOCK_VALUES // file.channels
    for start in range(0, file.frames, size):
        yield _read_samples(path, file, start, min(start + size, file.frames))


def _read_samples(
    path: Path, file: "soundfile.SoundFile", start: int, stop: int
) -> NDArray[np.float32]:
    """Return some samples of an open file, or raise where they are not there or not finite."""
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
    bad = ~(np.abs(samples) <= MAX_SAMPLE).all(axis=1)  # NaN is not below anything
    if bad.any():
        first = start + int(bad.argmax())
        raise AudioError(
            f"{path} holds NaN or infinite samples, or absurdly large ones, the first at "
            f"{first / file.samplerate:.3f} s (sample {first:,}); export the sound again."
        )
    return samples


def wav_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of a WAV file to write, or raise where none can be written."""
    path = checked_path(path)
    if path.suffix.lower() != ".wav":
        raise DataFileError(f"{path} does not end in .wav; only WAV files are written.")
    if path.is_dir():
        raise DataFileError(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise DataFileError(f"the folder {path.parent} does not exist; create it first.")
    return path


@contextlib.contextmanager
def wav_writer(path: Path, rate: int, channels: int, n_samples: int) -> Iterator[wave.Wave_write]:
    """Open a WAV file for writing 16-bit samples; it gets its name when it is complete."""
    if n_samples * channels * 2 > MAX_WAV_BYTES:
        raise DataFileError(
            f"{path} would pass the 4 GB that a WAV file can hold; cut the sound into parts."
        )
    with atomic_write(path) as raw, wave.open(raw, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.setnframes(n_samples)
        yield file


def to_int16(samples: NDArray) -> NDArray[np.int16]:
    """Return samples between -1 and 1 as the little-endian integers of a WAV file."""
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype("<i2")


def warn_of_peak(path: Path, peak: float) -> None:
    """Warn that samples beyond full scale were scaled down."""
    warnings.warn(
        f"{path}: samples reach {peak:.3g}, beyond 1; all were divided by that.", stacklevel=3
    )
