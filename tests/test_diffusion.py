"""A denoiser at every noise level, and sampling with it: exact where there is a closed form."""

import keras
import numpy as np
import pytest

from aeutils.core.errors import DataFileError, ImageError, ModelError
from aeutils.data import load_digit_generator_weights, load_mnist
from aeutils.generative import (
    DiffusionDenoiser,
    denoising_steps,
    diffusion,
    diffusion_network,
    load_digit_generator,
    noise_levels,
)
from aeutils.images import to_unit_range


@pytest.fixture(scope="module")
def generator():
    return load_digit_generator()


@pytest.fixture(scope="module")
def digits():
    return to_unit_range(load_mnist()[1][0][:20])


def gaussian(mean, std):
    """Return the exact denoiser of one Gaussian."""
    return lambda y, sigma: mean + (y - mean) * std**2 / (std**2 + sigma**2)


def last(steps):
    *_, (state, _) = steps
    return state


def test_noise_levels_fall_to_zero_and_are_dense_where_they_are_low():
    levels = noise_levels(10, 0.1, 5)
    assert levels.shape == (11,)
    assert np.allclose(levels[[0, -2, -1]], [5, 0.1, 0])
    assert (np.diff(levels) < 0).all()
    assert (np.diff(-np.diff(levels[:-1])) < 0).all()
    assert np.allclose(np.diff(noise_levels(5, 1, 5, rho=1)[:-1]), -1)


@pytest.mark.parametrize("second_order", [True, False])
def test_samples_of_a_gaussian_have_its_mean_and_deviation(second_order):
    start = 50 * np.random.default_rng(0).standard_normal((20_000, 1))
    sigmas = noise_levels(60, 0.01, 50)
    x = last(denoising_steps(gaussian(3, 0.5), start, sigmas, second_order=second_order))
    assert abs(x.mean() - 3) < 0.05
    assert abs(x.std() - 0.5) < 0.05


def test_heun_is_closer_to_the_exact_path_than_euler():
    start = np.ones((1, 1))
    levels = np.geomspace(1, 0.1, 8)
    # x(σ) of a Gaussian about 0 is proportional to the deviation of the noisy samples
    exact = np.sqrt((1 + 0.1**2) / (1 + 1))
    errors = [
        abs(last(denoising_steps(gaussian(0, 1), start, levels, second_order=order)) - exact)
        for order in (True, False)
    ]
    assert errors[0] < errors[1] / 10


def test_a_step_to_zero_ends_on_the_estimate():
    ((state, estimate),) = denoising_steps(gaussian(3, 0.5), np.full((2, 1), 9.0), [4, 0])
    assert np.allclose(state, estimate)


def test_known_values_stay_and_the_rest_follows():
    # two values that are equal: what is known of one is known of the other
    def equal(y, sigma):
        return np.repeat(y.mean(axis=1, keepdims=True) / (1 + sigma**2 / 2), 2, axis=1)

    start = 10 * np.random.default_rng(0).standard_normal((500, 2))
    how = {"values": [1.5, 0], "known": [True, False], "seed": 1}
    once, often = (
        last(denoising_steps(equal, start, noise_levels(30, 0.01, 10), rounds=n, **how))
        for n in (1, 5)
    )
    for x in (once, often):
        assert np.allclose(x[:, 0], 1.5)
    assert abs(often[:, 1] - 1.5).mean() < abs(once[:, 1] - 1.5).mean()
    assert abs(often[:, 1] - 1.5).mean() < 0.3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sigmas": [1]}, "falling"),
        ({"sigmas": [1, 2]}, "falling"),
        ({"sigmas": [1, -1]}, "falling"),
        ({"rounds": 0}, "rounds"),
        ({"values": [1.0]}, "together"),
        ({"values": np.ones(3), "known": np.ones(3)}, "fit the shape"),
    ],
)
def test_steps_refuse_what_they_cannot_follow(arguments, words):
    arguments = {"sigmas": [1, 0], **arguments}
    with pytest.raises((ModelError, ImageError), match=words):
        denoising_steps(gaussian(0, 1), np.ones((2, 2)), **arguments)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: diffusion_network(filters=(8,)), "filters"),
        (lambda: diffusion_network(side=27), "multiple of 4"),
        (lambda: diffusion_network(blocks=0), "blocks"),
        (lambda: noise_levels(1), "at least 2"),
        (lambda: noise_levels(5, 2, 1), "highest"),
        (lambda: DiffusionDenoiser("none"), "model of Keras"),
        (lambda: DiffusionDenoiser(diffusion_network((4, 8), 1, side=8), scale=0), "scale"),
        (lambda: DiffusionDenoiser(diffusion_network((4, 8), 1, side=8), seed=-1), "seed"),
    ],
)
def test_bad_settings_are_refused(make, words):
    with pytest.raises(ModelError, match=words):
        make()


def test_an_untrained_network_has_a_loss_near_one_and_training_lowers_it(digits):
    keras.utils.set_random_seed(0)
    model = DiffusionDenoiser(diffusion_network((8, 16), 1), seed=0)
    model.compile(keras.optimizers.Adam(3e-3))
    x = np.tile(digits[..., None], (20, 1, 1, 1))
    losses = model.fit(x, epochs=6, batch_size=50, verbose=0).history["loss"]
    assert 0.5 < losses[0] < 1.3
    assert losses[-1] < 0.8 * losses[0]


def test_a_model_is_saved_and_loaded(tmp_path, digits):
    model = DiffusionDenoiser(diffusion_network((4, 8), 1), scale=0.4, seed=3)
    model.compile("adam")
    model.fit(digits[..., None], verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.scale == 0.4
    assert np.allclose(again.denoise(digits, 0.5), model.denoise(digits, 0.5), atol=1e-5)


def test_the_shipped_network_denoises(generator, digits):
    for sigma in (0.1, 0.5, 1):
        noise = sigma * np.random.default_rng(0).standard_normal(digits.shape)
        error = np.mean((generator.denoise(digits + noise, sigma) - digits) ** 2)
        assert error < 0.6 * min(sigma**2, digits.var())


def test_the_shipped_network_samples_and_fills(generator, digits):
    samples = generator.sample(4, n_levels=6, seed=0)
    assert samples.shape == (4, 28, 28)
    assert 0 <= samples.min() <= samples.max() <= 1
    assert np.array_equal(samples, generator.sample(4, n_levels=6, seed=0))
    known = np.arange(28)[:, None] < 14
    filled = generator.fill(digits[:4], known, n_levels=6, seed=0)
    assert np.allclose(filled[:, :14], digits[:4, :14], atol=1e-5)
    assert abs(filled[:, 14:] - digits[:4, 14:]).max() > 0.1


@pytest.mark.parametrize(
    ("images", "sigma", "words"),
    [
        (np.ones((2, 27, 28)), 1, "shape"),
        (np.full((2, 28, 28), np.nan), 1, "NaN"),
        (np.ma.masked_all((2, 28, 28)), 1, "mask"),
        (np.ones((2, 28, 28)), 0, "sigma"),
    ],
)
def test_what_cannot_be_denoised_is_refused(generator, images, sigma, words):
    with pytest.raises(ValueError, match=words):
        generator.denoise(images, sigma)


def test_weights_of_another_network_are_refused(monkeypatch):
    weights = load_digit_generator_weights()[:-1]
    monkeypatch.setattr(diffusion, "load_digit_generator_weights", lambda: weights)
    with pytest.raises(DataFileError, match="Install aeutils again"):
        load_digit_generator()


def test_the_weights_are_small():
    from aeutils.data import FOLDER

    assert (FOLDER / "diffusion_network.npz").stat().st_size < 1_000_000
