"""Cleaning with a trained network: an array, or a file of any length block by block."""

import math
import numbers

import numpy as np

from aeutils.audio.files import (
    checked_path,
    opened,
    read_samples,
    to_int16,
    warn_of_peak,
    wav_path,
    wav_writer,
)
from aeutils.audio.signals import RATE, checked_signal, resampled, rms
from aeutils.audio.spectra import BINS, POWER, compress, istft, stft
from aeutils.core.errors import AudioError, DataFileError

# a network sees a recording at one loudness, whatever it was recorded with
LEVEL = 0.1
# Blocks start at whole multiples of this, where frames of the spectrum and samples of any rate
# coincide; as much is read on both sides of a block, far more than any network of the book and
# the resampling filter reach.
BLOCK_UNIT_SECONDS = 8


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
        :func:`aeutils.audio.networks.spectrogram_denoiser`.

    Returns
    -------
    numpy.ndarray
        float32, shape (n_samples,).  Silence stays silence.

    Raises
    ------
    AudioError
        If the signal is refused by :func:`stft`, or the model is of other shapes.
    """
    signal = checked_signal("signal", signal)
    return _cleaned(signal.astype(np.float32), model, rms(signal))


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
    source, target = checked_path(in_path), wav_path(out_path)
    if not (isinstance(block_seconds, numbers.Real) and block_seconds > 0):
        raise AudioError(f"block_seconds must be a number above 0, not {block_seconds!r}.")
    with opened(source) as file:
        if target.exists() and target.samefile(source):
            raise DataFileError(f"{target} is the input itself; give the output another name.")
        rate, channels, n_samples = file.samplerate, file.channels, file.frames
        units = math.ceil(min(block_seconds, n_samples / rate) / BLOCK_UNIT_SECONDS)
        blocks = _blocks(n_samples, rate * BLOCK_UNIT_SECONDS, units)
        levels, peak = _surveyed(source, file, blocks)
        if peak > 1:
            warn_of_peak(source, peak)
        with wav_writer(target, rate, channels, n_samples) as output:
            for start, stop, first, last in blocks:
                samples = read_samples(source, file, first, last) / np.float32(max(peak, 1))
                low = resampled(samples, rate, RATE) if rate != RATE else samples
                cleaned = np.stack(
                    [
                        _cleaned(channel, model, level / max(peak, 1))
                        for channel, level in zip(low.T, levels, strict=True)
                    ],
                    axis=1,
                )
                if rate != RATE:
                    cleaned = resampled(cleaned, RATE, rate)
                output.writeframes(to_int16(cleaned[start - first : stop - first]).tobytes())
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
        samples = read_samples(path, file, first, last)
        peak = max(peak, float(np.abs(samples).max()))
        low = resampled(samples, rate, RATE) if rate != RATE else samples
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
            f"aeutils.audio.networks.spectrogram_denoiser ({str(error).splitlines()[0]})"
        ) from error
    if answer.shape != x.shape:
        raise AudioError(f"the model answers {x.shape} with {answer.shape}, not the same shape.")
    return answer
