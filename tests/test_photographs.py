"""Removing noise from photographs with the network that ships."""

import numpy as np
import pytest
import skimage.data

from aeutils.core.errors import DataFileError, ImageError
from aeutils.data import load_photo_denoiser_weights
from aeutils.denoising import denoise_photograph, load_photo_denoiser, photographs, psnr


@pytest.fixture(scope="module")
def model():
    return load_photo_denoiser()


def with_noise(clean, level, seed=0):
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    return (clean + level / 255 * noise).astype(np.float32)


@pytest.fixture(scope="module")
def clean():
    return skimage.data.chelsea()[50:179, 100:231].astype(np.float32) / 255


@pytest.mark.parametrize(("level", "gain"), [(10, 3), (25, 6), (50, 8), (75, 8)])
def test_noise_of_any_level_becomes_less(model, clean, level, gain):
    noisy = with_noise(clean, level)
    denoised = denoise_photograph(noisy, model)
    assert denoised.shape == clean.shape  # sides that are no multiples of 4
    assert denoised.dtype == np.float32
    assert denoised.min() >= 0
    assert denoised.max() <= 1
    before, after = psnr(np.stack([clean] * 2), np.stack([np.clip(noisy, 0, 1), denoised]))
    assert after > before + gain


def test_bytes_and_fractions_give_the_same(model, clean):
    pixels = np.round(255 * np.clip(with_noise(clean, 25), 0, 1)).astype(np.uint8)
    by_default = denoise_photograph(pixels)
    assert by_default == pytest.approx(denoise_photograph(pixels / 255, model), abs=1e-5)


@pytest.mark.parametrize(
    ("photograph", "words"),
    [
        (np.zeros((16, 16)), "must have shape"),
        (np.zeros((1, 16, 16, 3)), "must have shape"),
        (np.zeros((16, 16, 4)), "must have shape"),
        (np.zeros((16, 7, 3)), "at least 8"),
        (np.zeros((16, 16, 3), int), "uint8 or floating point"),
        (np.full((16, 16, 3), np.nan), "finite"),
        (np.full((16, 16, 3), 128.0), "Divide pixels"),
        (np.ma.masked_all((16, 16, 3)), "mask"),
    ],
)
def test_what_is_no_photograph_is_refused(photograph, words):
    with pytest.raises(ImageError, match=words):
        denoise_photograph(photograph)


def test_weights_of_another_network_are_refused(monkeypatch):
    weights = load_photo_denoiser_weights()[:-1]
    monkeypatch.setattr(photographs, "load_photo_denoiser_weights", lambda: weights)
    with pytest.raises(DataFileError, match="Install aeutils again"):
        load_photo_denoiser()


def test_the_weights_are_small():
    from aeutils.data import FOLDER

    assert (FOLDER / "photo_denoiser.npz").stat().st_size < 500_000
