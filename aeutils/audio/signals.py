"""What a signal is: its rate, its loudness, another rate, and the checks of every function."""

import importlib
from collections.abc import Iterable, Iterator
from numbers import Integral
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array
from aeutils.core.errors import AudioError

RATE = 8000  # samples a second
MIN_RATE, MAX_RATE = 1_000, 400_000
# Full scale is 1.  Beyond this the power of a frame would leave float32 and turn into infinity.
MAX_SAMPLE = 1e9


def audio_package(name: str) -> ModuleType:
    """Import a package that comes with the extra ``audio``, or raise."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise AudioError(
            f"this needs the package {name}: pip install {name}, or install aeutils with its "
            'extra "audio".'
        ) from error


def checked_rate(rate: int) -> int:
    """Return a sample rate as an integer, or raise."""
    if isinstance(rate, bool) or not isinstance(rate, Integral) or not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(
            f"rate must be an integer from {MIN_RATE:,} to {MAX_RATE:,} samples a second; "
            f"got {rate!r}."
        )
    return int(rate)


def checked_samples(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return samples of any shape as float64, all finite, or raise."""
    array = plain_array(name, values, AudioError)
    if array.dtype.kind in "biu":
        raise AudioError(
            f"{name} must be floating point, between -1 and 1; got type {array.dtype}. Divide "
            "16-bit integers by 32768."
        )
    with np.errstate(over="ignore"):  # what float64 cannot hold becomes infinite, and is refused
        samples = array.astype(np.float64)
    bad = ~np.isfinite(samples)
    if bad.any():
        first = tuple(int(i) for i in np.unravel_index(bad.argmax(), bad.shape))
        raise AudioError(
            f"{name} has {bad.sum():,} NaN or infinite samples, the first at index {first}; "
            "remove or replace them first."
        )
    peak = np.abs(samples).max(initial=0)
    if peak > MAX_SAMPLE:
        raise AudioError(
            f"{name} must be samples between -1 and 1; got one of size {peak:.3g}. Divide the "
            "signal by its full scale."
        )
    return samples


def checked_signal(name: str, signal: ArrayLike) -> NDArray[np.float64]:
    """Return a signal as float64, shape (n_samples,), or raise."""
    samples = checked_samples(name, signal)
    if samples.ndim != 1 or len(samples) == 0:
        raise AudioError(
            f"{name} must have shape (n_samples,) with at least one sample; got {samples.shape}."
        )
    return samples


def rms(signal: NDArray) -> float:
    """Compute the root mean square: the loudness of a signal."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64))))


def resampled_blocks(
    blocks: Iterable[NDArray[np.float32]], rate: int, new_rate: int
) -> Iterator[NDArray[np.float32]]:
    """Yield consecutive blocks of samples, along the first axis, at another rate.

    One filter runs through all blocks, so that their borders leave no trace and the delay is 0:
    sample k of the output is the input at the time k / `new_rate`.  n samples become
    ceil(n · `new_rate` / `rate`).
    """
    if rate == new_rate:
        yield from blocks
        return
    stream, n_in, n_out = None, 0, 0
    for block in blocks:
        if stream is None:
            channels = 1 if block.ndim == 1 else block.shape[1]
            stream = audio_package("soxr").ResampleStream(rate, new_rate, channels, dtype="float32")
            # two samples of output are enough to round up
            silence = np.zeros((2 * -(-rate // new_rate), *block.shape[1:]), dtype=np.float32)
        output = stream.resample_chunk(block)
        n_in, n_out = n_in + len(block), n_out + len(output)
        yield output
    if stream is not None:
        yield stream.resample_chunk(silence, last=True)[: -(-n_in * new_rate // rate) - n_out]
