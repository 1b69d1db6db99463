"""From a denoiser to a generator: the network of chapter 12, and sampling step by step.

What samples takes any denoiser, a function of noisy arrays and their noise level: one in closed
form as well as a network.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import (
    finite_numbers,
    keras_seed,
    plain_array,
    positive_integer,
    positive_integers,
    random_generator,
    real_number,
)
from aeutils.core.errors import ImageError, ModelError
from aeutils.core.networks import set_stored_weights
from aeutils.data import load_digit_generator_weights
from aeutils.images import to_unit_range

__all__ = [
    "DiffusionDenoiser",
    "denoising_steps",
    "diffusion_network",
    "load_digit_generator",
    "noise_levels",
]

Denoise = Callable[[NDArray, float], NDArray]

# images that are denoised at a time
ROWS_AT_ONCE = 500
# root mean square of the pixels of MNIST's training images
DIGITS_SCALE = 0.3353


def diffusion_network(
    filters: Sequence[int] = (32, 64),
    blocks: int = 2,
    bottleneck: int | None = None,
    side: int = 28,
) -> keras.Model:
    """Small U-Net of chapter 12, whose second input is the noise level.

    Strided convolutions bring images to half and a quarter of their side, transposed ones back; one
    skip connection joins the halves.  Each residual block adds a projection of the noise level's
    embedding to all of its pixels, and starts as the identity.

    Parameters
    ----------
    filters : sequence of int, default (32, 64)
        Two numbers of channels: at half the side, and at a quarter.
    blocks : int, default 2
        Residual blocks at a quarter of the side; at half of it there is one on each way.
    bottleneck : int or None, default None
        Width of a dense layer after the first of these blocks, which sees the whole image.
    side : int, default 28
        Height and width of the images, a multiple of 4.

    Returns
    -------
    keras.Model
        Uncompiled; accepts images of shape (n, `side`, `side`, 1) and a function of the noise
        level of shape (n, 1), outputs the images' shape, not bounded.

    Raises
    ------
    ModelError
        If a number is not a positive integer, or `side` not a multiple of 4.
    """
    half, quarter = positive_integers("filters", filters, ModelError, length=2)
    blocks = positive_integer("blocks", blocks, ModelError)
    if bottleneck is not None:
        bottleneck = positive_integer("bottleneck", bottleneck, ModelError)
    side = positive_integer("side", side, ModelError)
    if side % 4:
        raise ModelError(f"side must be a multiple of 4; got {side}. Pad the images.")

    image, noise = keras.Input((side, side, 1)), keras.Input((1,))
    level = layers.Dense(64, activation="relu")(noise)
    level = layers.Dense(64, activation="relu")(level)

    def block(x: Any, n: int) -> Any:
        h = layers.Conv2D(n, 3, padding="same")(x)
        h = layers.Add()([h, layers.Reshape((1, 1, n))(layers.Dense(n)(level))])
        h = layers.Activation("relu")(h)
        h = layers.Conv2D(n, 3, padding="same", kernel_initializer="zeros")(h)
        return layers.Add()([x, h])

    x = layers.Conv2D(half, 4, 2, padding="same", activation="relu")(image)
    x = skip = block(x, half)
    x = layers.Conv2D(quarter, 3, 2, padding="same", activation="relu")(x)
    for number in range(blocks):
        x = block(x, quarter)
        if bottleneck and number == 0:
            h = layers.Flatten()(layers.Conv2D(8, 1)(x))
            h = layers.Add()([layers.Dense(bottleneck)(h), layers.Dense(bottleneck)(level)])
            h = layers.Activation("relu")(h)
            h = layers.Dense(side**2 // 2, kernel_initializer="zeros")(h)
            h = layers.Conv2D(quarter, 1)(layers.Reshape((side // 4, side // 4, 8))(h))
            x = layers.Add()([x, h])
    x = layers.Conv2DTranspose(half, 2, 2)(x)
    x = block(layers.Add()([x, skip]), half)
    x = layers.Activation("relu")(x)
    x = layers.Conv2DTranspose(1, 4, 2, padding="same")(x)
    return keras.Model([image, noise], x, name="diffusion_network")


@keras.saving.register_keras_serializable(package="aeutils")
class DiffusionDenoiser(keras.Model):
    """Denoiser of images at every noise level, from which new images are sampled.

    The network's output is scaled so that inputs and targets have variance 1 at every level
    (preconditioning), and it is trained on noise levels drawn from a log-normal distribution.  The
    loss is built in, so compile it with an optimizer alone.

    Parameters
    ----------
    network : keras.Model, optional
        As of :func:`diffusion_network`, the default.
    scale : float, default 0.3353
        Root mean square of the pixels; the default is that of MNIST.
    log_mean, log_std : float, default -0.8 and 1.2
        Mean and standard deviation of the natural logarithm of the noise levels in training.
    seed : int or None, default None
        Of the draws in training; initial weights follow :func:`keras.utils.set_random_seed`.

    Raises
    ------
    ModelError
        If `network` is none of Keras, a number is not finite, `scale` or `log_std` is not
        positive, or `seed` is no integer from 0 to 4,294,967,295.

    Notes
    -----
    ``fit`` accepts images from 0 to 1, shape (n, side, side, 1), and draws noise anew at each
    step.  Average the weights: ``keras.optimizers.Adam(use_ema=True, ema_momentum=0.998)``.

    References
    ----------
    Karras, Aittala, Aila and Laine, "Elucidating the design space of diffusion-based generative
    models", NeurIPS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from aeutils.generative import DiffusionDenoiser, diffusion_network
    >>> x = np.random.default_rng(0).random((64, 8, 8, 1), dtype="float32")
    >>> model = DiffusionDenoiser(diffusion_network((4, 8), 1, side=8), scale=0.6)
    >>> model.compile("adam")
    >>> history = model.fit(x, epochs=2, verbose=0)
    >>> model.sample(3, n_levels=4, seed=0).shape
    (3, 8, 8)
    """

    def __init__(
        self,
        network: keras.Model | None = None,
        scale: float = DIGITS_SCALE,
        log_mean: float = -0.8,
        log_std: float = 1.2,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # noise and scaling stay exact where the network's layers are of half precision
        super().__init__(**{"dtype": "float32", **kwargs})
        if network is not None and not isinstance(network, keras.Model):
            raise ModelError(f"network must be a model of Keras; got {type(network).__name__}.")
        self.scale = real_number("scale", scale, ModelError, above=0)
        self.log_mean = real_number("log_mean", log_mean, ModelError)
        self.log_std = real_number("log_std", log_std, ModelError, above=0)
        self.seed = keras_seed(seed, ModelError)
        self.network = network or diffusion_network()
        self.generator = keras.random.SeedGenerator(self.seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, from which Keras builds the model again."""
        own = {key: getattr(self, key) for key in ("scale", "log_mean", "log_std", "seed")}
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), **own, "network": network}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DiffusionDenoiser":
        """Build the model from :meth:`get_config`'s arguments."""
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})

    def call(self, inputs: Any, training: bool = False) -> tuple[Any, Any]:
        """Add noise of random levels; return what the network outputs, and its target."""
        n = ops.shape(inputs)[0]
        draws = keras.random.normal((n, 1, 1, 1), seed=self.generator)
        sigma = ops.exp(self.log_mean + self.log_std * draws)
        noise = keras.random.normal(ops.shape(inputs), seed=self.generator)
        y = inputs + sigma * noise
        total = ops.sqrt(ops.square(sigma) + self.scale**2)
        output = self.network([y / total, ops.log(sigma[:, :, 0, 0]) / 4])
        # what, scaled by c_out = sigma * scale / total and added to c_skip * y, gives the images
        target = (inputs - y * ops.square(self.scale / total)) * total / (sigma * self.scale)
        return ops.cast(output, "float32"), target

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the mean squared error of the scaled output; 1 before training."""
        output, target = y_pred
        return ops.mean(ops.square(output - target))

    def denoise(self, images: ArrayLike, sigma: float) -> NDArray[np.float32]:
        """Estimate clean images: the mean of all images that noisy ones may have been.

        Parameters
        ----------
        images : array-like, shape (n, side, side)
            Images of pixels from 0 to 1 plus Gaussian noise, of any range.
        sigma : float
            Standard deviation of the noise, above 0.

        Returns
        -------
        numpy.ndarray
            float32, of the same shape; not bounded.

        Raises
        ------
        ImageError
            If images have another shape, are masked or not finite.
        ModelError
            If `sigma` is not positive and finite.
        """
        sigma = real_number("sigma", sigma, ModelError, above=0)
        y = plain_array("images", images, ImageError).astype(np.float32)
        side = self.network.inputs[0].shape[1:3]
        if y.shape[1:] != tuple(side):
            raise ImageError(f"images must have shape (n, {side[0]}, {side[1]}); got {y.shape}.")
        finite_numbers("images", y)
        total = math.hypot(sigma, self.scale)
        found = np.empty_like(y)
        for start in range(0, len(y), ROWS_AT_ONCE):
            part = y[start : start + ROWS_AT_ONCE]
            level = np.full((len(part), 1), math.log(sigma) / 4, np.float32)
            output = self.network.predict_on_batch([part[..., None] / total, level])
            found[start : start + ROWS_AT_ONCE] = np.asarray(output, np.float32)[..., 0]
        return y * (self.scale / total) ** 2 + found * (sigma * self.scale / total)

    def sample(
        self,
        n_samples: int,
        n_levels: int = 18,
        rounds: int = 1,
        seed: int | np.random.Generator | None = None,
    ) -> NDArray[np.float32]:
        """Generate images from noise.

        Parameters
        ----------
        n_samples : int
            How many.
        n_levels : int, default 18
            Noise levels, see :func:`noise_levels`; the network runs almost twice as often.
        rounds : int, default 1
            As of :func:`denoising_steps`.
        seed : int or numpy.random.Generator, optional
            For drawing the same images again.

        Returns
        -------
        numpy.ndarray
            float32, shape (`n_samples`, side, side), clipped to 0 to 1.

        Raises
        ------
        ModelError
            If a number is not a positive integer, or `seed` is no seed of NumPy.
        """
        n_samples = positive_integer("n_samples", n_samples, ModelError)
        rng = random_generator(seed, ModelError)
        sigmas = noise_levels(n_levels)
        shape = (n_samples, *self.network.inputs[0].shape[1:3])
        start = sigmas[0] * rng.standard_normal(shape, np.float32)
        steps = denoising_steps(self.denoise, start, sigmas, rounds=rounds, seed=rng)
        *_, (images, _) = steps
        return np.clip(images, 0, 1)

    def fill(
        self,
        images: ArrayLike,
        known: ArrayLike,
        n_levels: int = 18,
        rounds: int = 1,
        seed: int | np.random.Generator | None = None,
    ) -> NDArray[np.float32]:
        """Fill in missing pixels: one of the ways in which images may go on.

        Parameters
        ----------
        images : array-like, shape (n, side, side)
            Pixels from 0 to 1; see :func:`~aeutils.images.to_unit_range` for the types.
        known : array-like of bool
            True where a pixel is kept; of the images' shape, or of one that NumPy broadcasts to it.
        n_levels, rounds : int
            As of :func:`noise_levels` and :func:`denoising_steps`.
        seed : int or numpy.random.Generator, optional
            For drawing the same images again.

        Returns
        -------
        numpy.ndarray
            float32, of the same shape, from 0 to 1; known pixels as they were.

        Raises
        ------
        ImageError
            If images have another shape, a pixel is outside of [0, 1], or `known` does not fit.
        ModelError
            If a number is not a positive integer, or `seed` is no seed of NumPy.
        """
        side = self.network.inputs[0].shape[1]
        x = to_unit_range(plain_array("images", images, ImageError), shape=(side, side))
        rng = random_generator(seed, ModelError)
        sigmas = noise_levels(n_levels)
        start = sigmas[0] * rng.standard_normal(x.shape, np.float32)
        steps = denoising_steps(
            self.denoise, start, sigmas, values=x, known=known, rounds=rounds, seed=rng
        )
        *_, (filled, _) = steps
        return np.clip(filled, 0, 1)


def noise_levels(
    n_levels: int = 18, lowest: float = 0.01, highest: float = 20.0, rho: float = 7.0
) -> NDArray[np.float64]:
    """Return falling noise levels, dense where they are low, and 0 at the end.

    Parameters
    ----------
    n_levels : int, default 18
        Levels above 0, at least 2.
    lowest, highest : float, default 0.01 and 20
        The last level above 0 and the first.
    rho : float, default 7
        The larger, the more of the levels are low; 1 spaces them evenly.

    Returns
    -------
    numpy.ndarray
        float64, shape (`n_levels` + 1,).

    Raises
    ------
    ModelError
        If `n_levels` is not an integer of at least 2, or a number is not positive.

    References
    ----------
    Karras et al. (2022), equation 5.
    """
    if positive_integer("n_levels", n_levels, ModelError) < 2:
        raise ModelError(f"n_levels must be at least 2; got {n_levels}.")
    lowest = real_number("lowest", lowest, ModelError, above=0)
    highest = real_number("highest", highest, ModelError, above=lowest)
    rho = real_number("rho", rho, ModelError, above=0)
    roots = np.linspace(highest ** (1 / rho), lowest ** (1 / rho), n_levels)
    return np.append(roots**rho, 0)


def denoising_steps(
    denoise: Denoise,
    start: NDArray,
    sigmas: ArrayLike,
    *,
    second_order: bool = True,
    values: ArrayLike | None = None,
    known: ArrayLike | None = None,
    rounds: int = 1,
    seed: int | np.random.Generator | None = None,
) -> Iterator[tuple[NDArray, NDArray]]:
    """Follow a denoiser from noise to samples, step by step.

    Each step goes from one noise level to the next along dx/dσ = (x − D(x, σ)) / σ, where D is the
    denoiser.

    Parameters
    ----------
    denoise : callable
        Of noisy arrays and their noise level, returns estimates of the clean ones.
    start : numpy.ndarray
        Noise of the first level, of any shape, rows being samples.
    sigmas : array-like
        Falling noise levels, as of :func:`noise_levels`; only the last may be 0.
    second_order : bool, default True
        Correct each step by the slope at its end (Heun's method), for a second call of `denoise`,
        except where the step ends at 0; otherwise Euler's method.
    values, known : array-like, optional
        Values to keep where `known` is true: there, each step puts `values` with noise of its
        level.
    rounds : int, default 1
        Above 1, each step is repeated after noise has been added again, which corrects errors of
        earlier steps, and lets what is filled in adapt to what is known.
    seed : int or numpy.random.Generator, optional
        Of the noise on `values` and between rounds.

    Yields
    ------
    state, estimate : numpy.ndarray
        The samples after each step, and the denoiser's estimate from which the step set out.

    Raises
    ------
    ModelError
        If levels do not fall or are not positive, `values` and `known` do not come together or do
        not fit, or `rounds` is not a positive integer.

    References
    ----------
    Karras et al. (2022), algorithm 1; for `rounds` Lugmayr et al., "RePaint: inpainting using
    denoising diffusion probabilistic models", CVPR 2022.
    """
    levels = plain_array("sigmas", sigmas, ModelError).astype(np.float64)
    if levels.ndim != 1 or len(levels) < 2 or not (np.diff(levels) < 0).all() or levels[-1] < 0:
        raise ModelError(f"sigmas must be two or more falling numbers of at least 0; got {levels}.")
    rounds = positive_integer("rounds", rounds, ModelError)
    rng = random_generator(seed, ModelError)
    if (values is None) != (known is None):
        raise ModelError("values and known must be given together, or neither.")
    mask = clean = None
    if values is not None and known is not None:
        try:
            clean = np.broadcast_to(plain_array("values", values, ImageError), start.shape)
            mask = np.broadcast_to(np.asarray(known, bool), start.shape)
        except ValueError as cause:
            raise ImageError(f"values and known must fit the shape {start.shape}.") from cause
    return _steps(denoise, start, levels, second_order, clean, mask, rounds, rng)


def _steps(
    denoise: Denoise,
    x: NDArray,
    levels: NDArray[np.float64],
    second_order: bool,
    clean: NDArray | None,
    mask: NDArray | None,
    rounds: int,
    rng: np.random.Generator,
) -> Iterator[tuple[NDArray, NDArray]]:
    def noise() -> NDArray:
        return rng.standard_normal(x.shape).astype(x.dtype)

    def with_known(state: NDArray, level: float) -> NDArray:
        if mask is None or clean is None:
            return state
        return np.where(mask, clean + level * noise(), state).astype(state.dtype)

    x = with_known(x, levels[0])
    for here, there in zip(map(float, levels), map(float, levels[1:]), strict=False):
        for again in reversed(range(rounds)):
            estimate = denoise(x, here)
            slope = (x - estimate) / here
            state = x + (there - here) * slope
            if second_order and there > 0:
                end = (state - denoise(state, there)) / there
                state = x + (there - here) * (slope + end) / 2
            state = with_known(state, there)
            if again:
                x = state + math.sqrt(here**2 - there**2) * noise()
        x = state
        yield x, estimate


def load_digit_generator() -> DiffusionDenoiser:
    """Build the denoiser of digits with the weights that ship with the book.

    Returns
    -------
    DiffusionDenoiser
        Trained by ``benchmarks/diffusion.py`` on 55,000 images of MNIST.

    Raises
    ------
    DataFileError
        If the file of the weights is missing, truncated, altered, or of another network.
    """
    weights = load_digit_generator_weights()
    model = DiffusionDenoiser(diffusion_network())
    set_stored_weights(model.network, weights, "diffusion_network.npz", "Install aeutils again.")
    return model
