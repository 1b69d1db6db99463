"""Layers for training a denoiser."""

from typing import Any

import keras
from keras import ops

from aeutils.core.checks import keras_seed, real_number
from aeutils.core.errors import ModelError

__all__ = ["RandomNoise"]


@keras.saving.register_keras_serializable(package="aeutils")
class RandomNoise(keras.layers.Layer):
    """Gaussian noise, new at each step and of another strength for each image; in training only.

    Parameters
    ----------
    lowest, highest : float
        Range of noise_factor, the standard deviation of the noise; each image draws its own.
        Equal for noise of one strength.
    seed : int or None, default None
        For drawing the same noise again.

    Raises
    ------
    ModelError
        If not 0 ≤ `lowest` ≤ `highest`, both finite, if `seed` is no integer from 0 to
        4,294,967,295, or the layer is called with pixels of an integer type.

    Notes
    -----
    Accepts and outputs images in [0, 1], shape (n, ...), clipped as
    :func:`aeutils.images.add_noise` clips them.

    ``keras.models.load_model`` reads networks with this layer after ``import
    aeutils.denoising.layers``.
    """

    def __init__(
        self, lowest: float, highest: float, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.lowest = real_number("lowest", lowest, ModelError, low=0)
        self.highest = real_number("highest", highest, ModelError, low=self.lowest)
        self.seed = keras_seed(seed, ModelError)
        self.generator = keras.random.SeedGenerator(self.seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return noisy images in training, the same images otherwise."""
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        if "float" not in dtype:
            raise ModelError(
                f"RandomNoise accepts floating-point images in [0, 1]; got {dtype}. Convert them "
                "by aeutils.images.to_unit_range."
            )
        if not training:
            return inputs
        one_each = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        factor = keras.random.uniform(one_each, self.lowest, self.highest, seed=self.generator)
        noise = keras.random.normal(ops.shape(inputs), seed=self.generator)
        noisy = ops.cast(inputs, noise.dtype) + factor * noise
        return ops.cast(ops.clip(noisy, 0, 1), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        arguments = {"lowest": self.lowest, "highest": self.highest, "seed": self.seed}
        return super().get_config() | arguments
