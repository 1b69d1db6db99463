"""Layers for training a denoiser."""

import keras
from keras import ops

from aeutils.core.errors import ModelError

__all__ = ["RandomNoise"]


@keras.saving.register_keras_serializable(package="aeutils")
class RandomNoise(keras.layers.Layer):
    """Gaussian noise, new at every step and of another strength for every image; in training only.

    Parameters
    ----------
    lowest, highest : float
        Range of noise_factor, the standard deviation of the noise; each image draws its own.
        Equal for noise of one strength.
    seed : int or None, default None
        For drawing the same noise again.

    Notes
    -----
    Takes and gives images in [0, 1], shape (n, ...), clipped as
    :func:`aeutils.images.add_noise` clips them.
    """

    def __init__(self, lowest, highest, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= lowest <= highest:
            raise ModelError(
                f"lowest and highest must be 0 ≤ lowest ≤ highest, not {lowest!r} and {highest!r}."
            )
        self.lowest, self.highest, self.seed = lowest, highest, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Return noisy images in training, the same images otherwise."""
        if not training:
            return inputs
        one_each = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        factor = keras.random.uniform(one_each, self.lowest, self.highest, seed=self.generator)
        noise = keras.random.normal(ops.shape(inputs), seed=self.generator)
        noisy = ops.cast(inputs, noise.dtype) + factor * noise
        return ops.cast(ops.clip(noisy, 0, 1), self.compute_dtype)

    def get_config(self):
        """Return the arguments."""
        arguments = {"lowest": self.lowest, "highest": self.highest, "seed": self.seed}
        return super().get_config() | arguments
