"""Signals, and arrays of every kind that may or may not be one, for the tests of the audio room."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aeutils import audio

RATE = audio.RATE


def tone(rate=RATE, seconds=0.5, hertz=440, peak=0.5):
    return peak * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


class Halves:
    """A stand-in for a network, known exactly: a gain of one half everywhere."""

    def __call__(self, x, training=False):
        return np.full(x.shape, 0.5, dtype=np.float32)


class Identity:
    """A stand-in for a network that leaves everything as it is."""

    def __call__(self, x, training=False):
        return np.ones(x.shape, dtype=np.float32)


@st.composite
def signals(draw, min_size=1, max_size=3000, peak=1.0):
    """Draw signals of every length, floating type and layout in memory; some loud, some silent."""
    n = draw(st.one_of(st.sampled_from([1, 2, 127, 128, 129]), st.integers(1, max_size)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0, 1e-9, 1e-4, 0.1, 1])) * peak
    samples = scale * rng.uniform(-1, 1, max(n, min_size))
    dtype = draw(st.sampled_from(["float32", "float64", ">f4", "longdouble"]))
    layout = draw(st.sampled_from(["plain", "reversed", "strided", "read-only", "masked"]))
    samples = samples.astype(dtype)
    if layout == "reversed":
        return samples[::-1].copy()[::-1]
    if layout == "strided":
        return np.repeat(samples, 3)[::3]
    if layout == "read-only":
        samples.flags.writeable = False
    if layout == "masked":  # with nothing masked it is an ordinary array
        return np.ma.array(samples, mask=False)
    return samples


def _spoilt(value):
    samples = tone()
    samples[100] = value
    return samples


# what is no signal, in the ways in which arrays come to be none
NO_SIGNALS = {
    "empty": np.zeros(0),
    "NaN": _spoilt(np.nan),
    "infinite": _spoilt(-np.inf),
    "too large for the spectrum": _spoilt(1e30),
    "too large for float64": np.full(9, np.longdouble("1e4000")),
    "masked": np.ma.masked_greater(tone(), 0.3),
    "16-bit": np.ones(500, dtype=np.int16),
    "8-bit": np.ones(500, dtype=np.uint8),
    "bool": np.ones(500, dtype=bool),
    "complex": np.ones(500, dtype=complex),
    "text": np.array(["a", "b"]),
    "objects": np.array([None, 1.0]),
    "ragged": [[0.1, 0.2], [0.3]],
    "none": None,
    "a number": 0.5,
    "three axes": np.zeros((2, 3, 4)),
}
NOT_ONE_SIGNAL = {**NO_SIGNALS, "two channels": np.zeros((500, 2)), "a row": tone()[None]}

odd_arrays = hnp.arrays(
    dtype=st.one_of(hnp.floating_dtypes(), hnp.integer_dtypes(), hnp.boolean_dtypes()),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40),
)
