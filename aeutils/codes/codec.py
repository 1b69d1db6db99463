"""Codec of grey photographs, chapter 14: a network's values, rounded and written as a stream."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike, NDArray

from aeutils.codes.streams import LARGEST_SIDE, MOST, ValuePrior
from aeutils.core.checks import plain_array, positive_integer, real_number
from aeutils.core.errors import AeutilsError, ImageError, ModelError
from aeutils.core.networks import set_stored_weights
from aeutils.data import load_photo_codec_weights

__all__ = ["PhotoCodec", "codec_networks", "load_photo_codec"]

SIDE, LIMIT = 8, 127
CHANNELS = SIDE * SIDE
# the steps of qualities 1, 2, …: what one unit of a rounded value stands for
STEPS = (0.44, 0.32, 0.23, 0.165, 0.12, 0.085, 0.063)


def codec_networks(width: int = 48) -> tuple[keras.Model, keras.Model]:
    """Build the two networks of the codec of chapter 14.

    Each is a linear transform of patches of 8 × 8 pixels, to which two convolutions at the patches'
    grid are added.  The last weights of these start at zero, so that before training the codec is
    the linear transform code.

    Parameters
    ----------
    width : int, default 48
        Channels of the convolutions.

    Returns
    -------
    analysis : keras.Model
        Accepts images of shape (n, height, width, 1), from 0 to 1, and the step, shape (n, 1);
        outputs the values to be rounded, shape (n, height / 8, width / 8, 64).
    synthesis : keras.Model
        Accepts rounded values and the step; outputs images.

    Raises
    ------
    ModelError
        If `width` is not a positive integer.
    """
    width = positive_integer("width", width, ModelError)

    def residual(x: Any, step: Any) -> Any:
        level = layers.Dense(width)(ops.log(step))
        h = layers.Conv2D(width, 3, padding="same")(x)
        h = layers.Activation("relu")(layers.Add()([h, layers.Reshape((1, 1, width))(level)]))
        h = layers.Conv2D(width, 3, padding="same", activation="relu")(h)
        return layers.Conv2D(CHANNELS, 1, kernel_initializer="zeros")(h)

    def each(step: Any) -> Any:
        return layers.Reshape((1, 1, 1))(step)

    images, step = keras.Input((None, None, 1)), keras.Input((1,))
    y = layers.Conv2D(CHANNELS, SIDE, strides=SIDE, name="transform")(images) / each(step)
    values = layers.Add()([y, residual(ops.arcsinh(y), step)])
    analysis = keras.Model([images, step], values, name="analysis")

    rounded, step = keras.Input((None, None, CHANNELS)), keras.Input((1,))
    y = layers.Add()([rounded, residual(ops.arcsinh(rounded), step)]) * each(step)
    inverse = layers.Conv2DTranspose(1, SIDE, strides=SIDE, name="inverse")
    synthesis = keras.Model([rounded, step], inverse(y), name="synthesis")
    return analysis, synthesis


class PhotoCodec:
    """Grey photographs to bytes and back.

    Parameters
    ----------
    analysis, synthesis : keras.Model
        As of :func:`codec_networks`.
    priors : sequence of ValuePrior
        Of each quality.
    rounds_up : float, default 0.5
        From which fraction on a value is rounded away from 0; more than 0.5 makes more zeros, which
        take few bits.  The first channel is always rounded to the nearest number.

    Raises
    ------
    ModelError
        If there is not one prior for each quality, or `rounds_up` is not from 0.5 to 1.

    Examples
    --------
    >>> from skimage.data import camera
    >>> from aeutils.codes import load_photo_codec
    >>> codec = load_photo_codec()
    >>> stream = codec.encode(camera(), quality=3)
    >>> codec.decode(stream).shape
    (512, 512)
    """

    def __init__(
        self,
        analysis: keras.Model,
        synthesis: keras.Model,
        priors: Sequence[ValuePrior],
        rounds_up: float = 0.5,
    ) -> None:
        if len(priors) != len(STEPS):
            raise ModelError(f"priors must be {len(STEPS)}; got {len(priors)}.")
        self.analysis, self.synthesis, self.priors = analysis, synthesis, list(priors)
        self.rounds_up = real_number("rounds_up", rounds_up, ModelError, low=0.5, high=1)

    def values(self, photograph: ArrayLike, quality: int) -> NDArray[np.int64]:
        """Return the whole numbers that stand for a photograph.

        Parameters
        ----------
        photograph : array-like of uint8, shape (height, width)
            Grey, at least 8 × 8 pixels.
        quality : int
            From 1, the fewest bits, to 7.

        Returns
        -------
        numpy.ndarray of int64, shape (⌈height / 8⌉, ⌈width / 8⌉, 64)

        Raises
        ------
        ImageError
            If the photograph is not of that kind.
        AeutilsError
            If `quality` is not an integer from 1 to 7.
        """
        pixels = plain_array("photograph", photograph, ImageError)
        if pixels.dtype != np.uint8 or pixels.ndim != 2 or min(pixels.shape) < SIDE:
            raise ImageError(
                f"photograph must be grey, uint8, at least {SIDE} × {SIDE} pixels; got "
                f"{pixels.dtype}, {pixels.shape}. Pillow makes it: picture.convert('L')."
            )
        if max(pixels.shape) > LARGEST_SIDE or pixels.size > MOST:
            raise ImageError(
                f"photograph must have sides of at most {LARGEST_SIDE} pixels and at most {MOST} "
                f"pixels; got {pixels.shape}. Cut it."
            )
        step = self._step(quality)
        padded = np.pad(pixels, [(0, -n % SIDE) for n in pixels.shape], mode="edge")
        images = padded[None, ..., None].astype(np.float32) / 255
        y = ops.convert_to_numpy(self.analysis([images, step], training=False))[0]
        values = np.sign(y) * np.floor(np.abs(y) + 1 - self.rounds_up)
        values[..., 0] = np.rint(y[..., 0])
        return np.clip(values, -LIMIT, LIMIT).astype(np.int64)

    def photograph(self, values: ArrayLike, quality: int) -> NDArray[np.uint8]:
        """Return the photograph of whole numbers, padded to multiples of 8.

        Raises
        ------
        AeutilsError
            If the values are not integers of shape (rows, columns, 64), or `quality` is not an
            integer from 1 to 7.
        """
        numbers = plain_array("values", values)
        if numbers.ndim != 3 or numbers.shape[-1] != CHANNELS or numbers.dtype.kind not in "iu":
            raise AeutilsError(
                f"values must be integers of shape (rows, columns, {CHANNELS}); got "
                f"{numbers.dtype}, {numbers.shape}."
            )
        numbers = numbers[None].astype(np.float32)
        x = ops.convert_to_numpy(self.synthesis([numbers, self._step(quality)], training=False))
        return np.clip(np.rint(255 * x[0, ..., 0]), 0, 255).astype(np.uint8)

    def encode(self, photograph: ArrayLike, quality: int = 3) -> bytes:
        """Return the bytes of a photograph; see :meth:`values` for what is accepted.

        The first five bytes are the quality and the photograph's height and width.
        """
        values = self.values(photograph, quality)
        shape = np.array(np.shape(photograph), "<u2").tobytes()
        # the stream's own head follows from the photograph's
        return bytes([quality]) + shape + self.priors[quality - 1].encode(values)[4:]

    def decode(self, stream: bytes) -> NDArray[np.uint8]:
        """Return the photograph of a stream, uint8.

        Raises
        ------
        AeutilsError
            If the bytes are not those of :meth:`encode`.
        """
        if not isinstance(stream, bytes) or len(stream) < 5:
            raise AeutilsError("stream must be the bytes that encode returned.")
        height, width = np.frombuffer(stream[1:5], "<u2").tolist()
        quality = int(stream[0])
        self._step(quality)
        grid = np.array([-(-height // SIDE), -(-width // SIDE)], "<u2").tobytes()
        values = self.priors[quality - 1].decode(grid + stream[5:])
        return self.photograph(values, quality)[:height, :width]

    def _step(self, quality: int) -> NDArray[np.float32]:
        """Return the step of a quality as the networks take it, or raise."""
        if positive_integer("quality", quality) > len(STEPS):
            raise AeutilsError(f"quality must be from 1 to {len(STEPS)}; got {quality}.")
        return np.array([[STEPS[quality - 1]]], np.float32)


def load_photo_codec() -> PhotoCodec:
    """Build the codec with the weights and the priors that ship with the book.

    Returns
    -------
    PhotoCodec
        Trained on the photographs that ``benchmarks/photographs.py`` names, made grey.

    Raises
    ------
    DataFileError
        If the file is missing, truncated, altered, or of another network.
    """
    *weights, numbers, frequencies, rounds_up = load_photo_codec_weights()
    networks, remedy = [], "Install aeutils again."
    for network in codec_networks():
        own, weights = weights[: len(network.weights)], weights[len(network.weights) :]
        networks.append(set_stored_weights(network, own, "photo_codec.npz", remedy))
    priors = []
    for some, counted in zip(numbers, frequencies, strict=True):
        prior = ValuePrior(CHANNELS, LIMIT)
        prior.weights = some.astype(np.int64)
        # a value and its opposite are equally likely, so half is stored
        prior.frequencies = np.hstack([counted[:, :0:-1], counted]).astype(np.int64)
        priors.append(prior)
    analysis, synthesis = networks
    return PhotoCodec(analysis, synthesis, priors, round(float(rounds_up), 3))
