"""Codes that are counted, chapter 14: vector and scalar quantisers, and networks around them."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import (
    keras_seed,
    plain_array,
    positive_integer,
    positive_integers,
    real_number,
)
from aeutils.core.errors import AeutilsError, ImageError, ModelError

__all__ = [
    "FiniteScalarQuantiser",
    "VectorQuantiser",
    "codebook_use",
    "patch_autoencoder",
    "principal_patches",
]


@keras.saving.register_keras_serializable(package="aeutils")
class VectorQuantiser(layers.Layer):
    """Replace each vector by the nearest one of a codebook.

    The gradient passes as if nothing had been replaced (straight-through).  In training each code
    moves to the mean of the vectors that choose it (exponential moving averages), and the
    commitment loss holds the vectors near their codes.

    Parameters
    ----------
    n_codes : int, default 256
        Length of the codebook.
    commitment : float, default 0.25
        Weight of the mean squared distance that is added to the loss; at least 0.
    decay : float, default 0.98
        Of the moving averages, from 0 to 1.
    revive : float, default 0.0
        A code that fewer vectors of a batch choose, in the moving average, becomes a vector of the
        batch; 0 revives no code.
    seed : int or None, default None
        For the draws of these vectors.
    **kwargs
        As of ``keras.layers.Layer``.

    Raises
    ------
    ModelError
        If `n_codes` is not a positive integer, or a number is out of range.

    Notes
    -----
    Accepts and outputs shape (..., dim).  :meth:`indices` returns which codes are chosen, and
    :meth:`vectors` the codes of indices.  The codebook starts with small random vectors, as in the
    first article; ``layer.codebook.assign(…)`` sets another start.

    References
    ----------
    van den Oord, Vinyals and Kavukcuoglu, "Neural discrete representation learning", NeurIPS 2017;
    the revival is that of Dhariwal et al., "Jukebox", arXiv:2005.00341, 2020.
    """

    def __init__(
        self,
        n_codes: int = 256,
        commitment: float = 0.25,
        decay: float = 0.98,
        revive: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.n_codes = positive_integer("n_codes", n_codes, ModelError)
        self.commitment = real_number("commitment", commitment, ModelError, low=0)
        self.decay = real_number("decay", decay, ModelError, low=0, high=1)
        self.revive = real_number("revive", revive, ModelError, low=0)
        self.seed = keras_seed(seed, ModelError)
        self.generator = keras.random.SeedGenerator(self.seed)

    def build(self, input_shape: Any) -> None:
        """Make the codebook, and the moving averages of how often and by what it is chosen."""
        shape, small = (self.n_codes, input_shape[-1]), 1 / self.n_codes
        start = keras.initializers.RandomUniform(-small, small, seed=self.seed)
        fixed = {"trainable": False, "dtype": "float32"}
        self.codebook = self.add_weight(shape, start, name="codebook", **fixed)
        self.counts = self.add_weight((self.n_codes,), "ones", name="counts", **fixed)
        self.sums = self.add_weight(shape, "zeros", name="sums", **fixed)

    def indices(self, vectors: Any) -> Any:
        """Return the index of the nearest code of each vector, shape (...)."""
        # the vector's own length is the same for all codes
        products = ops.matmul(vectors, ops.transpose(self.codebook))
        lengths = ops.sum(self.codebook**2, axis=1)
        return ops.argmin(lengths - 2 * products, axis=-1)

    def vectors(self, indices: Any) -> Any:
        """Return the codes of indices, shape (..., dim)."""
        return ops.take(self.codebook, indices, axis=0)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the nearest codes."""
        vectors = ops.cast(inputs, "float32")
        indices = self.indices(vectors)
        codes = self.vectors(indices)
        if training:
            self.add_loss(self.commitment * ops.mean((vectors - ops.stop_gradient(codes)) ** 2))
            self._move(ops.stop_gradient(vectors), indices)
        return ops.cast(vectors + ops.stop_gradient(codes - vectors), inputs.dtype)

    def _move(self, vectors: Any, indices: Any) -> None:
        """Move the codes to the means of the vectors that choose them, and revive some."""
        vectors = ops.reshape(vectors, (-1, ops.shape(self.codebook)[1]))
        chosen = ops.one_hot(ops.reshape(indices, (-1,)), self.n_codes)
        counts = self.decay * self.counts + (1 - self.decay) * ops.sum(chosen, axis=0)
        sums = ops.matmul(ops.transpose(chosen), vectors)
        sums = self.decay * self.sums + (1 - self.decay) * sums
        if self.revive:
            rows = keras.random.randint(
                (self.n_codes,), 0, ops.shape(vectors)[0], seed=self.generator
            )
            dead = counts < self.revive
            counts = ops.where(dead, 1.0, counts)
            sums = ops.where(dead[:, None], ops.take(vectors, rows, axis=0), sums)
        self.counts.assign(counts)
        self.sums.assign(sums)
        # a code that nothing has ever chosen keeps its place
        ever = ops.any(ops.abs(sums) > 0, axis=1, keepdims=True)
        means = sums / ops.maximum(counts, 1e-5)[:, None]
        self.codebook.assign(ops.where(ever, means, ops.convert_to_tensor(self.codebook)))

    def get_config(self) -> dict[str, Any]:
        """Return what a stored network needs to make the layer again."""
        own = ("n_codes", "commitment", "decay", "revive", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


@keras.saving.register_keras_serializable(package="aeutils")
class FiniteScalarQuantiser(layers.Layer):
    """Bound each value and round it to one of a few levels; no codebook is learned.

    The codes are all combinations of levels, so `levels` of (8, 6, 5) are 240 codes.

    Parameters
    ----------
    levels : sequence of int
        Levels of each channel, at least 2.
    **kwargs
        As of ``keras.layers.Layer``.

    Raises
    ------
    ModelError
        If a number of levels is not an integer of at least 2.

    Notes
    -----
    Accepts and outputs shape (..., len(levels)); outputs lie between -1 and 1.  The gradient passes
    the rounding as if it were not there.

    References
    ----------
    Mentzer, Minnen, Agustsson and Tschannen, "Finite scalar quantization: VQ-VAE made simple", ICLR
    2024.
    """

    def __init__(self, levels: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = tuple(positive_integers("levels", levels, ModelError))
        if not self.levels or min(self.levels) < 2:
            raise ModelError(f"levels must be integers of at least 2; got {levels!r}.")
        self.n_codes = int(np.prod(self.levels))
        self._n = np.array(self.levels, np.float32)
        # an index counts the levels as digits, the first channel's change fastest
        self._basis = np.cumprod((1, *self.levels[:-1])).astype(np.int32)

    def build(self, input_shape: Any) -> None:
        """Refuse another number of channels."""
        if input_shape[-1] != len(self.levels):
            raise ModelError(
                f"levels are {len(self.levels)}, one for each channel; got {input_shape[-1]} "
                "channels."
            )

    def _steps(self, inputs: Any) -> Any:
        """Return which level each value takes, from 0, before it is rounded."""
        unit = (ops.tanh(ops.cast(inputs, "float32")) + 1) / 2
        # each level is as wide as the others
        return ops.clip(unit * self._n - 0.5, 0, self._n - 1)

    def call(self, inputs: Any) -> Any:
        """Return the levels, from -1 to 1."""
        steps = self._steps(inputs)
        steps = steps + ops.stop_gradient(ops.round(steps) - steps)
        return ops.cast(2 * steps / (self._n - 1) - 1, inputs.dtype)

    def indices(self, vectors: Any) -> Any:
        """Return the index of the code of each vector, before it is quantised, shape (...)."""
        steps = ops.cast(ops.round(self._steps(vectors)), "int32")
        return ops.sum(steps * self._basis, axis=-1)

    def vectors(self, indices: Any) -> Any:
        """Return the codes of indices, shape (..., len(levels))."""
        digits = ops.cast(ops.expand_dims(indices, -1), "int32") // self._basis
        steps = ops.cast(digits % np.array(self.levels, np.int32), "float32")
        return 2 * steps / (self._n - 1) - 1

    def get_config(self) -> dict[str, Any]:
        """Return what a stored network needs to make the layer again."""
        return {**super().get_config(), "levels": self.levels}


def principal_patches(images: Sequence[ArrayLike], side: int) -> NDArray[np.float32]:
    """Compute the principal components of square patches, those of the largest variance first.

    Parameters
    ----------
    images : sequence of array-like of float, each of shape (height, width)
        Grey images, of which patches are cut without overlap.
    side : int
        Height and width of a patch.

    Returns
    -------
    numpy.ndarray of float32, shape (side * side, side * side)
        One component of length 1 a row; the first one's values have a positive sum.

    Raises
    ------
    ImageError
        If there is no image, or one is not a grey image of at least that size.
    AeutilsError
        If `side` is not a positive integer.
    """
    side = positive_integer("side", side)
    rows = [_patches(image, side) for image in images]
    if not rows:
        raise ImageError("images must hold at least one image; got none.")
    x = np.concatenate(rows)
    # around 0.5 and not around the mean, as the networks see them
    _, vectors = np.linalg.eigh(np.cov(x - 0.5, rowvar=False).reshape(side**2, side**2))
    vectors = vectors[:, ::-1].T
    if vectors[0].sum() < 0:
        vectors[0] *= -1
    return np.ascontiguousarray(vectors, np.float32)


def _patches(image: ArrayLike, side: int) -> NDArray[np.float64]:
    """Return patches as rows; what is left at the right and the bottom is dropped."""
    array = plain_array("images", image, ImageError).astype(np.float64)
    if array.ndim != 2 or min(array.shape) < side or not np.isfinite(array).all():
        raise ImageError(
            f"images must be finite, grey, at least {side} × {side} pixels; got {array.shape}."
        )
    height, width = (n // side for n in array.shape)
    cut = array[: height * side, : width * side].reshape(height, side, width, side)
    return cut.transpose(0, 2, 1, 3).reshape(-1, side * side)


def patch_autoencoder(
    quantiser: layers.Layer,
    basis: ArrayLike,
    dim: int | None = None,
    width: int = 48,
    spread: ArrayLike | None = None,
) -> keras.Model:
    """Network around a quantiser, which starts as a linear transform of patches.

    Two convolutions at the patches' grid are added to the transform, and two to its inverse.
    Their last weights start at zero, so that before training a vector quantiser works on the
    patches themselves, as k-means does.

    Parameters
    ----------
    quantiser : keras.layers.Layer
        Such as :class:`VectorQuantiser` or :class:`FiniteScalarQuantiser`; called ``code``.
    basis : array-like of float, shape (side * side, side * side)
        Orthogonal, one component a row, as of :func:`principal_patches`.
    dim : int, optional
        How many components reach the quantiser; all by default.
    width : int, default 48
        Channels of the convolutions.
    spread : array-like of float, shape (dim,), optional
        What components are divided by before they are quantised, and multiplied by after; 1 by
        default.

    Returns
    -------
    keras.Model
        Uncompiled; accepts and outputs shape (n, height, width, 1), whose sides are multiples of
        the patches'.  ``split_at(model, "code")`` separates encoder and decoder.

    Raises
    ------
    ModelError
        If `basis` is not a square matrix of side * side rows, `dim` is larger than that or `width`
        not a positive integer.
    """
    matrix = plain_array("basis", basis, ModelError).astype(np.float32)
    side = round(len(matrix) ** 0.5) if matrix.ndim == 2 else 0
    n = side * side
    if n == 0 or matrix.shape != (n, n):
        raise ModelError(f"basis must have side² rows and columns; got shape {matrix.shape}.")
    dim = n if dim is None else positive_integer("dim", dim, ModelError)
    width = positive_integer("width", width, ModelError)
    if dim > n:
        raise ModelError(f"dim must be at most {n}, the length of a patch; got {dim}.")
    scale = np.ones(dim, np.float32)
    if spread is not None:
        scale = plain_array("spread", spread, ModelError).astype(np.float32)
        if scale.shape != (dim,) or not (scale > 0).all():
            raise ModelError(f"spread must be {dim} positive numbers; got {spread!r}.")

    def residual(x: Any, channels: int, name: str) -> Any:
        h = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        h = layers.Conv2D(width, 3, padding="same", activation="relu")(h)
        return layers.Conv2D(channels, 1, kernel_initializer="zeros", name=name)(h)

    images = keras.Input((None, None, 1))
    transform = layers.Conv2D(n, side, strides=side, name="transform")
    patches = transform(images)
    narrow = layers.Conv2D(dim, 1, use_bias=False, name="narrow")
    z = layers.Add()([narrow(patches), residual(patches, dim, "analysis")])
    quantiser.name = "code"
    z = quantiser(z)
    widen = layers.Conv2D(n, 1, use_bias=False, name="widen")
    y = layers.Add()([widen(z), residual(z, n, "synthesis")])
    inverse = layers.Conv2DTranspose(1, side, strides=side, name="inverse")
    model = keras.Model(images, inverse(y), name="patch_autoencoder")
    kernel = matrix.T.reshape(side, side, 1, n)
    transform.set_weights([kernel, -0.5 * matrix.sum(axis=1)])
    inverse.set_weights([kernel, np.full(1, 0.5, np.float32)])
    chosen = np.eye(n, dim, dtype=np.float32)
    narrow.set_weights([(chosen / scale)[None, None]])
    widen.set_weights([(chosen * scale).T[None, None]])
    return model


def codebook_use(indices: ArrayLike, n_codes: int) -> tuple[float, float]:
    """Compute which share of a codebook is used, and how evenly.

    Parameters
    ----------
    indices : array-like of int
        Indices of any shape, from 0 to `n_codes` - 1.
    n_codes : int
        Length of the codebook.

    Returns
    -------
    share : float
        Codes that occur at least once, as a share of all.
    perplexity : float
        2 to the power of the entropy: `n_codes` if all codes are equally frequent, 1 if only one
        occurs.

    Raises
    ------
    AeutilsError
        If the indices are not integers of that range, or there is none.
    """
    n_codes = positive_integer("n_codes", n_codes)
    array = plain_array("indices", indices)
    if array.size == 0 or array.dtype.kind not in "iu":
        raise AeutilsError(
            f"indices must be integers, at least one; got {array.size} of type {array.dtype}."
        )
    if array.min() < 0 or array.max() >= n_codes:
        raise AeutilsError(
            f"indices must be from 0 to {n_codes - 1}; got {array.min()} to {array.max()}."
        )
    counts = np.bincount(array.ravel().astype(np.int64), minlength=n_codes)
    p = counts[counts > 0] / counts.sum()
    return float((counts > 0).mean()), float(2 ** -(p * np.log2(p)).sum())
