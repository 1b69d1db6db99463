"""Masked autoencoders of chapter 15: most patches of an image are hidden and predicted."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import affine_transform

from aeutils.core.checks import plain_array, positive_integer, random_generator, real_number
from aeutils.core.errors import AeutilsError, ModelError
from aeutils.core.networks import set_stored_weights
from aeutils.data import load_masked_autoencoder_weights

__all__ = [
    "MaskedAutoencoder",
    "all_places",
    "contrastive_loss",
    "from_patches",
    "load_masked_autoencoder",
    "moved",
    "patch_decoder",
    "patch_encoder",
    "to_patches",
    "transformer_block",
]


def to_patches(images: ArrayLike, size: int = 4) -> NDArray:
    """Cut images into square patches, row by row.

    Parameters
    ----------
    images : array-like, shape (n, height, width)
        Images of one channel; height and width are multiples of `size`.
    size : int, default 4
        Height and width of a patch.

    Returns
    -------
    numpy.ndarray, shape (n, n_patches, size * size)
        The pixels of each patch, row by row, of the same type.

    Raises
    ------
    AeutilsError
        If the shape is another, or `size` does not divide it.

    Examples
    --------
    >>> import numpy as np
    >>> to_patches(np.arange(16).reshape(1, 4, 4), size=2)[0]
    array([[ 0,  1,  4,  5],
           [ 2,  3,  6,  7],
           [ 8,  9, 12, 13],
           [10, 11, 14, 15]])
    """
    images = plain_array("images", images)
    size = positive_integer("size", size)
    if images.ndim != 3 or 0 in images.shape[1:]:
        raise AeutilsError(f"images must have shape (n, height, width); got {images.shape}.")
    n, height, width = images.shape
    if height % size or width % size:
        raise AeutilsError(
            f"size must divide the height {height} and the width {width}; got {size}. Pad the "
            "images or choose another size."
        )
    cut = images.reshape(n, height // size, size, width // size, size)
    return cut.transpose(0, 1, 3, 2, 4).reshape(n, height * width // size**2, size**2)


def from_patches(patches: ArrayLike, shape: tuple[int, int] = (28, 28)) -> NDArray:
    """Put patches together to images, the reverse of :func:`to_patches`.

    Parameters
    ----------
    patches : array-like, shape (n, n_patches, size * size)
        The pixels of each patch.
    shape : tuple of int, default (28, 28)
        Height and width of an image.

    Returns
    -------
    numpy.ndarray, shape (n, height, width)

    Raises
    ------
    AeutilsError
        If patches of that size and number do not fill images of that shape.
    """
    patches = plain_array("patches", patches)
    height, width = (positive_integer(f"shape[{i}]", v) for i, v in enumerate(shape))
    size = round(patches.shape[-1] ** 0.5) if patches.ndim == 3 else 0
    rows, columns = (height // size, width // size) if size else (0, 0)
    if patches.ndim != 3 or patches.shape[1:] != (rows * columns, size * size) or (
        rows * size, columns * size) != (height, width):  # fmt: skip
        raise AeutilsError(
            "patches must have shape (n, n_patches, size * size) and fill images of shape "
            f"{(height, width)}; got {patches.shape}."
        )
    cut = patches.reshape(len(patches), rows, columns, size, size)
    return cut.transpose(0, 1, 3, 2, 4).reshape(len(patches), height, width)


def all_places(n: int, n_patches: int = 49) -> NDArray[np.int32]:
    """Return the places 0, 1, … of all patches, once for each image.

    Parameters
    ----------
    n : int
        Number of images.
    n_patches : int, default 49
        Number of patches of an image.

    Returns
    -------
    numpy.ndarray of int32, shape (n, n_patches)
    """
    return np.tile(np.arange(n_patches, dtype=np.int32), (n, 1))


def moved(
    images: ArrayLike, seed: Any = None, degrees: float = 15.0, pixels: float = 2.0
) -> NDArray[np.float32]:
    """Turn and shift each image by random amounts, as in chapter 15.

    Parameters
    ----------
    images : array-like of float, shape (n, height, width)
        What comes in from outside of an image is 0.
    seed : int, numpy.random.Generator or None, default None
        For the draws.
    degrees, pixels : float, default 15 and 2
        The largest angle, either way round its centre, and the largest shift, either way along
        each axis; drawn uniformly, with linear interpolation between pixels.

    Returns
    -------
    numpy.ndarray of float32, shape (n, height, width)

    Raises
    ------
    AeutilsError
        If the shape is another, or an amount is negative or not finite.
    """
    images = plain_array("images", images).astype(np.float32)
    if images.ndim != 3:
        raise AeutilsError(f"images must have shape (n, height, width); got {images.shape}.")
    turn = np.deg2rad(real_number("degrees", degrees, low=0))
    rng, far = random_generator(seed), real_number("pixels", pixels, low=0)
    out = np.empty_like(images)
    centre = (np.array(images.shape[1:]) - 1) / 2
    for i, (image, angle, shift) in enumerate(
        zip(
            images,
            rng.uniform(-turn, turn, len(images)),
            rng.uniform(-far, far, (len(images), 2)),
            strict=True,
        )
    ):
        c, s = np.cos(angle), np.sin(angle)
        matrix = np.array([[c, -s], [s, c]])
        offset = centre - matrix @ (centre + shift)
        affine_transform(image, matrix, offset, output=out[i], order=1)
    return out


def contrastive_loss(one: Any, other: Any, temperature: float = 0.2) -> Any:
    """Compute how badly two views of an image find each other among those of all images.

    Parameters
    ----------
    one, other : tensor of float, shape (n, width)
        Row i of both comes from the same image.
    temperature : float, default 0.2
        By what the cosines are divided.

    Returns
    -------
    tensor, shape ()
        The mean cross-entropy of choosing the partner among all other rows, both ways.

    References
    ----------
    Chen et al., "A simple framework for contrastive learning of visual representations", ICML
    2020.
    """
    n = ops.shape(one)[0]
    rows = ops.normalize(ops.concatenate([one, other]), axis=-1)
    cosines = ops.matmul(rows, ops.transpose(rows)) / temperature
    cosines = cosines - 1e9 * ops.eye(2 * n)
    partner = ops.concatenate([ops.arange(n) + n, ops.arange(n)])
    return ops.mean(
        keras.losses.sparse_categorical_crossentropy(partner, cosines, from_logits=True)
    )


def transformer_block(tokens: Any, heads: int = 4) -> Any:
    """Let tokens attend to each other, then transform each by itself.

    Parameters
    ----------
    tokens : keras.KerasTensor, shape (n, n_tokens, width)
        What comes out has the same shape.
    heads : int, default 4
        Number of attention heads, which divides the width.

    Returns
    -------
    keras.KerasTensor
    """
    width = tokens.shape[-1]
    query = layers.LayerNormalization()(tokens)
    attention = layers.MultiHeadAttention(heads, width // heads)
    tokens = layers.Add()([tokens, attention(query, query)])
    hidden = layers.Dense(2 * width, "relu")(layers.LayerNormalization()(tokens))
    return layers.Add()([tokens, layers.Dense(width)(hidden)])


def patch_encoder(
    width: int = 64, depth: int = 3, heads: int = 4, n_patches: int = 49, patch_dim: int = 16
) -> keras.Model:
    """Encode any number of patches by the vision transformer of chapter 15.

    Parameters
    ----------
    width : int, default 64
        Values of a token, a multiple of `heads`.
    depth : int, default 3
        Number of transformer blocks.
    heads : int, default 4
        Attention heads of a block.
    n_patches, patch_dim : int, default 49 and 16
        Patches of an image, and pixels of a patch.

    Returns
    -------
    keras.Model
        Uncompiled; accepts a list of patches, float, shape (n, any number, `patch_dim`), and
        their places, integers from 0 to `n_patches` - 1, shape (n, the same number); outputs
        tokens, float32, shape (n, the same number, `width`).

    Raises
    ------
    ModelError
        If a size is not a positive integer, or `heads` does not divide `width`.

    References
    ----------
    Dosovitskiy et al., "An image is worth 16x16 words: transformers for image recognition at
    scale", ICLR 2021.
    """
    _check_widths(width, depth, heads, n_patches, patch_dim)
    patches = keras.Input((None, patch_dim))
    places = keras.Input((None,), dtype="int32")
    where = layers.Embedding(n_patches, width, keras.initializers.RandomNormal(stddev=0.3))
    tokens = layers.Add()([layers.Dense(width)(patches), where(places)])
    for _ in range(depth):
        tokens = transformer_block(tokens, heads=heads)
    tokens = layers.LayerNormalization()(tokens)
    return keras.Model([patches, places], tokens, name="encoder")


def patch_decoder(
    width: int = 64, inner: int = 32, side: int = 7, patch_dim: int = 16
) -> keras.Model:
    """Predict all patches from the tokens of the visible ones, as the decoder of chapter 15.

    The tokens go to their places in a grid that is 0 elsewhere; two convolutions follow, and a
    linear layer with weights of its own for each place.

    Parameters
    ----------
    width : int, default 64
        Values of a token of the encoder.
    inner : int, default 32
        Channels of the convolutions.
    side : int, default 7
        Patches along each side of an image.
    patch_dim : int, default 16
        Pixels of a patch.

    Returns
    -------
    keras.Model
        Uncompiled; accepts a list of tokens, float, shape (n, any number, `width`), and their
        places, integers from 0 to `side` ** 2 - 1, shape (n, the same number); outputs all
        patches, float32, shape (n, `side` ** 2, `patch_dim`).

    Raises
    ------
    ModelError
        If a size is not a positive integer.
    """
    sizes = {"width": width, "inner": inner, "side": side, "patch_dim": patch_dim}
    for name, value in sizes.items():
        positive_integer(name, value, ModelError)
    tokens = keras.Input((None, width))
    places = keras.Input((None,), dtype="int32")
    where = ops.one_hot(places, side**2)
    grid = layers.Reshape((side, side, width))(layers.Dot(1)([where, tokens]))
    for _ in range(2):
        grid = layers.Conv2D(inner, 3, padding="same", activation="relu")(grid)
    each = layers.Reshape((side**2, inner))(grid)
    readout = layers.EinsumDense("npi,pid->npd", (side**2, patch_dim), bias_axes="pd")
    return keras.Model([tokens, places], readout(each), name="decoder")


@keras.saving.register_keras_serializable(package="aeutils")
class MaskedAutoencoder(keras.Model):
    """Encode a few visible patches and predict the hidden ones; each call hides others.

    Parameters
    ----------
    encoder, decoder : keras.Model
        As :func:`patch_encoder` and :func:`patch_decoder` make them.
    n_visible : int, default 12
        How many patches of each image are visible, fewer than there are.
    **kwargs
        As of ``keras.Model``.

    Raises
    ------
    ModelError
        If `n_visible` is not a positive integer, or, when it is called, not less than the number
        of patches.

    Notes
    -----
    Accepts patches, float32, shape (n, n_patches, patch_dim), and outputs the predicted patches
    in the order in which they were hidden.  Adds the mean squared error of hidden patches to the
    loss, so ``compile`` needs an optimizer only and ``fit`` no targets.  To choose what is hidden,
    call ``encoder`` and ``decoder`` themselves.

    References
    ----------
    He et al., "Masked autoencoders are scalable vision learners", CVPR 2022.
    """

    def __init__(
        self, encoder: keras.Model, decoder: keras.Model, n_visible: int = 12, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n_visible = positive_integer("n_visible", n_visible, ModelError)
        self.encoder, self.decoder = encoder, decoder
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, patches: Any) -> Any:
        """Hide patches at random, predict them, and add the squared error to the loss."""
        if self.n_visible >= patches.shape[1]:
            raise ModelError(
                f"n_visible must be less than the number of patches, {patches.shape[1]}; got "
                f"{self.n_visible}."
            )
        shape = (ops.shape(patches)[0], patches.shape[1])
        order = ops.argsort(keras.random.uniform(shape, seed=self.seed_generator), axis=1)
        shown, hidden = order[:, : self.n_visible], order[:, self.n_visible :]
        visible = ops.take_along_axis(patches, shown[:, :, None], axis=1)
        target = ops.take_along_axis(patches, hidden[:, :, None], axis=1)
        predicted = self.decoder([self.encoder([visible, shown]), shown])
        predicted = ops.take_along_axis(predicted, hidden[:, :, None], axis=1)
        self.add_loss(ops.mean((target - predicted) ** 2))
        return predicted


def load_masked_autoencoder() -> MaskedAutoencoder:
    """Return the masked autoencoder of digits that ships with the book, trained.

    Returns
    -------
    MaskedAutoencoder
        Of 49 patches of 4 × 4 pixels, 12 of them visible.

    Raises
    ------
    DataFileError
        If the file of its weights is missing, truncated or altered.
    """
    encoder, decoder = patch_encoder(), patch_decoder()
    weights, n = load_masked_autoencoder_weights(), len(encoder.weights)
    for network, own in ((encoder, weights[:n]), (decoder, weights[n:])):
        set_stored_weights(network, own, "masked_autoencoder.npz", "Install aeutils again.")
    return MaskedAutoencoder(encoder, decoder)


def _check_widths(width: int, depth: int, heads: int, n_patches: int, patch_dim: int) -> None:
    for name, value in {"depth": depth, "n_patches": n_patches, "patch_dim": patch_dim}.items():
        positive_integer(name, value, ModelError)
    if positive_integer("width", width, ModelError) % positive_integer("heads", heads, ModelError):
        raise ModelError(f"heads must divide the width; got {heads} heads and width {width}.")
