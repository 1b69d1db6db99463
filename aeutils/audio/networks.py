"""The network that cleans speech, chapter 6's, uncompiled, and the loss it is trained by."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from aeutils.audio.spectra import BINS, HOP, POWER, WINDOW, window
from aeutils.core.checks import positive_integer, positive_integers
from aeutils.core.errors import ModelError

# What a loss counts as perfect: an error of 40 dB below the clean signal.  Without it a clip
# without noise would have a loss of minus infinity.
FLOOR = 1e-4
WEIGHT = 10.0  # of the compressed magnitudes, beside the decibels of the signal


def speech_cleaner(
    width: int = 112, dilations: Sequence[int] = (1, 2, 4, 8, 16, 32, 1)
) -> keras.Model:
    """Build the denoising autoencoder of chapter 6: from a compressed spectrum to gains.

    Beside the 129 magnitudes of a frame the network sees a floor for each: the least of what a
    second before and after holds, which is mostly noise.  An encoder takes both to a code of
    `width` values.  Blocks refine it
    along time, each added to its input: a convolution takes three frames, `dilation` frames apart,
    so that a few blocks see seconds.  A decoder
    outputs a gain between 0 and 1 for every frequency of every frame; skip connections lead
    magnitudes and floor past the code to it, each frequency to its own.

    Parameters
    ----------
    width : int, default 112
        Number of values of the code of a frame.
    dilations : sequence of int, default (1, 2, 4, 8, 16, 32, 1)
        A block each.  A gain depends on the sum of them, and 66 frames more, on both sides.

    Returns
    -------
    keras.Model
        Uncompiled; accepts compressed magnitudes as :func:`aeutils.audio.compress` makes them,
        float32, shape (n, frames, 129), and returns gains of that shape.

    Raises
    ------
    ModelError
        If a number is not a positive integer, or there is no dilation.
    """
    width = positive_integer("width", width, ModelError)
    dilations = positive_integers("dilations", dilations, ModelError)
    if not dilations:
        raise ModelError("dilations must hold at least one positive integer; got none.")

    noisy = keras.Input(shape=(None, BINS), name="noisy")
    floor = layers.AveragePooling1D(5, strides=1, padding="same")(noisy)
    floor = -layers.MaxPooling1D(129, strides=1, padding="same")(-floor)
    code = layers.LayerNormalization()(layers.Concatenate()([noisy, floor]))
    code = layers.Dense(width, name="encoder")(code)
    for number, dilation in enumerate(dilations, 1):
        x = layers.LayerNormalization()(code)
        x = layers.ReLU()(x)
        x = layers.Conv1D(width, 3, dilation_rate=dilation, padding="same", name=f"block_{number}")(
            x
        )
        code = layers.Add()([code, x])
    code = layers.LayerNormalization(name="code")(code)
    gain = layers.Dense(BINS, name="decoder")(code)
    detail = layers.DepthwiseConv1D(3, padding="same")
    above = layers.DepthwiseConv1D(1)
    gain = layers.Add()([gain, detail(noisy), above(floor)])
    gain = layers.Activation("sigmoid", dtype="float32", name="gain")(gain)
    return keras.Model(noisy, gain, name="speech_cleaner")


def _synthesis() -> Any:
    """Return the matrix from real and imaginary parts of a frame to its windowed samples."""
    parts = np.concatenate([np.eye(BINS), 1j * np.eye(BINS)])
    frames = np.fft.irfft(parts, WINDOW, axis=1) * window()
    return frames.astype(np.float32)


def _signal(spectrum: Any) -> Any:
    """Return the samples of spectra, shape (n, frames, 129, 2), but for the first and last half."""
    flat = ops.concatenate([spectrum[..., 0], spectrum[..., 1]], axis=-1)
    frames = ops.matmul(flat, _synthesis())
    return frames[:, 1:, :HOP] + frames[:, :-1, HOP:]


def enhancement_loss(spectra: Any, gain: Any) -> Any:
    """Compute the loss of chapter 6: the error of the cleaned signals in decibels, and a term.

    The noisy spectrum times the gains is turned into samples.  The first term is the power of
    their error over the power of the clean samples, in decibels, not below -40.  The second is
    the mean squared error of the compressed magnitudes, ten times; it counts the quiet stretches
    between words, which are audible and which the first term hardly sees.

    Parameters
    ----------
    spectra : tensor of shape (n, frames, 129, 2, 2)
        Real and imaginary part of the spectrum, then noisy and clean.
    gain : tensor of shape (n, frames, 129)
        What the network outputs.

    Returns
    -------
    tensor of shape (n,)
    """
    noisy, clean = spectra[..., 0], spectra[..., 1]
    cleaned = noisy * gain[..., None]
    true = _signal(clean)
    error = ops.sum(ops.square(_signal(cleaned) - true), axis=(1, 2))
    power = ops.sum(ops.square(true), axis=(1, 2)) + 1e-9
    decibels = 10 / np.log(10) * ops.log(error / power + FLOOR)
    magnitude = ops.power(ops.sum(ops.square(clean), axis=-1) + 1e-9, POWER / 2)
    estimate = ops.power(ops.sum(ops.square(cleaned), axis=-1) + 1e-9, POWER / 2)
    return decibels + WEIGHT * ops.mean(ops.square(estimate - magnitude), axis=(1, 2))
