"""Cleaning with a trained network: an array, or a file of any length block by block."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.audio.files import (
    checked_path,
    opened,
    read_blocks,
    to_int16,
    warn_of_peak,
    wav_path,
    wav_writer,
)
from aeutils.audio.signals import RATE, checked_signal, resampled_blocks, rms
from aeutils.audio.spectra import BINS, compress, istft, stft
from aeutils.core.checks import plain_array, real_number
from aeutils.core.errors import AudioError, DataFileError
from aeutils.data import load_speech_cleaner_weights

if TYPE_CHECKING:
    import keras

# a network sees a recording at one loudness, whatever it was recorded with
LEVEL = 0.1
# Less than this, -140 dB, is silence: a thousandth of the smallest step of 16 bits.
MIN_LEVEL = 1e-7
# Blocks are of whole multiples of this, and as much is kept on both sides of a block: far more
# than the receptive field of any network of the book, and a whole number of its frames.
UNIT_SECONDS = 8
# What was recorded at another rate ends a little below 4000 Hz, but the noise that the network was
# trained on does not, so it takes an empty top for a recording without noise.  For its input alone
# the top, from this frequency on, is made at least this share of its mirror image below.  Both
# chosen on the selection voices, in noise with an empty top and with a full one.
TOP, SHARE_OF_MIRROR = 114, 0.85


def load_speech_cleaner() -> keras.Model:
    """Build the network of chapter 6 with the weights that ship with the book.

    It was trained on twenty voices and ten kinds of noise by ``tools/train_speech_cleaner.py``;
    chapter 6 says for how long.

    Returns
    -------
    keras.Model
        See :func:`speech_cleaner`.

    Raises
    ------
    DataFileError
        If the file of the weights is missing, truncated, altered, or of another network.
    """
    weights = load_speech_cleaner_weights()
    # brings Keras, so only once all that can be refused has been
    from aeutils.audio.networks import speech_cleaner
    from aeutils.core.networks import set_stored_weights

    remedy = "Train it by tools/train_speech_cleaner.py."
    return set_stored_weights(speech_cleaner(), weights, "speech_cleaner.npz", remedy)


@functools.cache
def _own_model() -> keras.Model:
    """Return the network that ships, built once."""
    return load_speech_cleaner()


def clean_signal(
    signal: ArrayLike, model: keras.Model | None = None, resampled: bool = False
) -> NDArray[np.float32]:
    """Remove noise from recorded speech with a network that outputs gains.

    The signal is brought to the loudness that the network was trained at, its spectrum is
    multiplied by the network's gains, the phases stay, and the loudness is restored.

    Parameters
    ----------
    signal : array-like of float, shape (n_samples,)
        At :data:`RATE` samples a second.
    model : keras.Model, optional
        From compressed magnitudes, shape (n, frames, 129), to gains of that shape, which are
        limited to 0 to 1; by default the network that ships, :func:`load_speech_cleaner`.
    resampled : bool, default False
        Whether the signal was recorded at another rate, so that it ends a little below 4000 Hz.
        The network was trained on noise that does not; it then sees the mirror image of what lies
        below in the place of an empty top.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).  Silence, a root mean square below 1e-7, gives zeros.

    Raises
    ------
    AudioError
        If the signal is refused as by :func:`stft`, or the model is of other shapes or outputs
        NaN or infinite values.
    """
    samples = checked_signal("signal", signal)
    model = _own_model() if model is None else model
    return _cleaned(samples.astype(np.float32), model, rms(samples), resampled)


def denoise_audio(
    in_path: str | os.PathLike[str],
    out_path: str | os.PathLike[str],
    model: keras.Model | None = None,
    block_seconds: float = 32,
) -> Path:
    """Clean a sound file of any length: WAV in, WAV out.

    The file is read, resampled (by ``soxr``), cleaned and written in blocks, so the memory needed
    does not grow with its length; the result is the same as in one pass.  Sample rate, number of
    samples and of channels stay; each channel is cleaned on its own.  The network works on
    frequencies below 4000 Hz, so the output holds nothing above.  The output has 16 bits.  It gets
    its name when it is complete; a file, or a link, that had the name before is replaced.

    Parameters
    ----------
    in_path : str or os.PathLike
        A file that :func:`load_audio` accepts, of any length.
    out_path : str or os.PathLike
        The WAV file to write; not the input.
    model : keras.Model, optional
        As :func:`clean_signal` takes it; by default the network that ships.
    block_seconds : float, default 32
        Length of a block, at least 1, rounded up to a multiple of 8 s.

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
        If a sample is NaN, infinite or absurdly large, the model is refused as by
        :func:`clean_signal`, or ``soundfile`` or ``soxr`` is not installed.
    """
    source, target = checked_path(in_path), wav_path(out_path)
    units = math.ceil(real_number("block_seconds", block_seconds, AudioError, low=1) / UNIT_SECONDS)
    with opened(source) as file:
        if target.exists() and target.samefile(source):
            raise DataFileError(f"{target} is the input itself; give the output another name.")
        model = _own_model() if model is None else model
        rate, n_samples = file.samplerate, file.frames
        with wav_writer(target, rate, file.channels, n_samples) as output:
            levels, peak = _surveyed(read_blocks(source, file), rate)
            if peak > 1:
                warn_of_peak(source, peak)
            scaled = (block / np.float32(max(peak, 1)) for block in read_blocks(source, file))
            cleaned = _cleaned_blocks(
                resampled_blocks(scaled, rate, RATE),
                model,
                levels / max(peak, 1),
                units,
                rate != RATE,
            )
            n_left = n_samples
            for block in resampled_blocks(cleaned, RATE, rate):
                output.writeframes(to_int16(block[:n_left]).tobytes())
                n_left -= len(block[:n_left])
    return target


def _surveyed(
    blocks: Iterable[NDArray[np.float32]], rate: int
) -> tuple[NDArray[np.float64], float]:
    """Return the loudness of each channel at the network's rate, and the peak, of a whole file."""
    peaks = []

    def watched() -> Iterator[NDArray[np.float32]]:
        for block in blocks:
            peaks.append(float(np.abs(block).max()))
            yield block

    power, n_low = 0.0, 0
    for block in resampled_blocks(watched(), rate, RATE):
        power = power + np.sum(np.square(block, dtype=np.float64), axis=0)
        n_low += len(block)
    return np.sqrt(power / n_low), max(peaks)


def _cleaned_blocks(
    blocks: Iterable[NDArray[np.float32]],
    model: keras.Model,
    levels: NDArray[np.float64],
    units: int,
    resampled: bool,
) -> Iterator[NDArray[np.float32]]:
    """Yield the cleaned samples of consecutive blocks, shape (n, channels)."""
    unit = UNIT_SECONDS * RATE
    for samples, start, stop in _with_context(blocks, units * unit, unit):
        yield np.stack(
            [
                _cleaned(channel, model, level, resampled)[start:stop]
                for channel, level in zip(samples.T, levels, strict=True)
            ],
            axis=1,
        )


def _with_context(
    blocks: Iterable[NDArray[np.float32]], size: int, context: int
) -> Iterator[tuple[NDArray[np.float32], int, int]]:
    """Yield stretches of about `size` samples inside what surrounds them: (samples, start, stop).

    The stretches follow each other without a gap; `context`, at most `size`, is kept on both
    sides where the signal goes on.
    """
    samples, start = np.zeros((0, 0), dtype=np.float32), 0
    for block in blocks:
        samples = np.concatenate([samples, block]) if len(samples) else block
        while len(samples) >= start + size + context:
            yield samples[: start + size + context], start, start + size
            samples, start = samples[start + size - context :], context
    if len(samples) > start:
        yield samples, start, len(samples)


def _cleaned(
    signal: NDArray[np.float32], model: keras.Model, level: float, resampled: bool
) -> NDArray[np.float32]:
    """Clean a signal whose loudness, or that of the recording it is part of, is known."""
    if level < MIN_LEVEL:
        return np.zeros(len(signal), dtype=np.float32)
    spectrum = stft(signal * np.float32(LEVEL / level))
    heard = compress(spectrum)
    gain = _gains(model, (_with_top(heard) if resampled else heard)[None])[0]
    return istft(spectrum * np.clip(gain, 0, 1), len(signal)) / np.float32(LEVEL / level)


def _with_top(heard: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return compressed magnitudes whose highest frequencies are not empty."""
    mirror = heard[:, TOP - 1 : TOP - 1 - (BINS - TOP) : -1]
    return np.concatenate(
        [heard[:, :TOP], np.maximum(heard[:, TOP:], np.float32(SHARE_OF_MIRROR) * mirror)], axis=1
    )


def _gains(model: keras.Model, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the output of a Keras model, a finite array of the shape of x, or raise."""
    if not callable(model):
        raise AudioError(f"model must be a trained Keras model; got {type(model).__name__}.")
    from keras import ops  # here, so that everything else works without Keras

    # not predict, which would compile anew for every number of frames
    try:
        output = ops.convert_to_numpy(model(x, training=False))
    except Exception as error:  # every backend reports a wrong shape by an error of its own
        reason = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
        raise AudioError(
            f"model must accept spectra of shape (n, frames, {BINS}); build it with "
            f"aeutils.audio.speech_cleaner ({reason})."
        ) from error
    if output.shape != x.shape:
        raise AudioError(
            f"model must keep the shape of its input, {x.shape}; got an output of shape "
            f"{output.shape}, not the same shape."
        )
    output = plain_array("the model's output", output, AudioError).astype(np.float32)
    if not np.isfinite(output).all():
        raise AudioError(
            "model outputs NaN or infinite values, so that nothing was cleaned; train it again, "
            "with a lower learning rate."
        )
    return output
