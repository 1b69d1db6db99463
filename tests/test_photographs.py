"""Removing noise from photographs with the network that ships."""

import numpy as np
import pytest
import skimage.data
from PIL import Image

from aeutils.__main__ import main
from aeutils.core.errors import DataFileError, ImageError
from aeutils.data import load_photo_denoiser_weights
from aeutils.denoising import (
    colourful,
    denoise_photograph,
    denoise_photograph_file,
    load_photo_denoiser,
    photographs,
    psnr,
)
from aeutils.images import load_photograph


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
    assert denoised.shape == clean.shape  # sides that are no multiples of 8
    assert denoised.dtype == np.float32
    assert denoised.min() >= 0
    assert denoised.max() <= 1
    before, after = psnr(np.stack([clean] * 2), np.stack([np.clip(noisy, 0, 1), denoised]))
    assert after > before + gain


def test_bytes_and_fractions_give_the_same(model, clean):
    pixels = np.round(255 * np.clip(with_noise(clean, 25), 0, 1)).astype(np.uint8)
    by_default = denoise_photograph(pixels)
    assert by_default == pytest.approx(denoise_photograph(pixels / 255, model), abs=1e-5)


def test_tiles_leave_no_seam(model, clean, monkeypatch):
    whole = denoise_photograph(clean, model)
    monkeypatch.setattr(photographs, "TILE", 40)
    assert denoise_photograph(clean, model) == pytest.approx(whole, abs=1e-4)


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

    assert (FOLDER / "photo_denoiser.npz").stat().st_size < 700_000


@pytest.fixture
def noisy_file(clean, tmp_path):
    pixels = np.round(255 * np.clip(with_noise(clean, 25), 0, 1)).astype(np.uint8)
    path = tmp_path / "noisy.png"
    Image.fromarray(pixels).save(path, dpi=(300, 300))
    return path


def test_the_command_denoises_a_photograph(noisy_file, clean, model, tmp_path, capsys):
    target = tmp_path / "out.png"
    assert main(["denoise", str(noisy_file), str(target)]) == 0
    assert "as a photograph" in capsys.readouterr().out
    out, given = load_photograph(target), load_photograph(noisy_file)
    before, after = psnr(np.stack([clean] * 2), np.stack([given, out]))
    assert after > before + 5
    assert Image.open(target).info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert main(["denoise", str(noisy_file), str(target)]) == 1
    assert "exists already" in capsys.readouterr().err


def test_the_command_can_be_told_what_a_picture_is(noisy_file, tmp_path, capsys):
    assert main(["denoise", "--page", str(noisy_file), str(tmp_path / "page.png")]) == 0
    assert Image.open(tmp_path / "page.png").mode == "L"
    grey = tmp_path / "grey.png"
    Image.open(noisy_file).convert("L").save(grey)
    assert main(["denoise", "--photograph", str(grey), str(tmp_path / "photo.png")]) == 0
    assert Image.open(tmp_path / "photo.png").mode == "RGB"
    with pytest.raises(SystemExit):
        main(["denoise", "--page", "--photograph", str(grey), str(tmp_path / "no.png")])


def test_a_page_on_tinted_paper_is_no_photograph(clean):
    page = skimage.data.page()[..., None] / 255 * np.array([1, 0.92, 0.8])
    shade = np.linspace(0.6, 1, page.shape[1])[None, :, None]
    assert not colourful(page.astype(np.float32))
    assert not colourful((page * shade).astype(np.float32))
    assert colourful(clean)
    assert colourful(np.clip(with_noise(clean, 50), 0, 1))
    assert not colourful(np.repeat(clean.mean(axis=2, keepdims=True), 3, axis=2))


def test_a_photograph_is_read_in_colour(tmp_path):
    pixels = np.zeros((6, 4, 4), np.uint8)
    pixels[..., 0], pixels[:3, :, 3] = 255, 255  # red above, transparent below
    Image.fromarray(pixels).save(tmp_path / "a.png")
    read = load_photograph(tmp_path / "a.png")
    assert read.shape == (6, 4, 3)
    assert read.dtype == np.float32
    assert (read[0, 0].tolist(), read[5, 0].tolist()) == ([1, 0, 0], [1, 1, 1])
    assert load_photograph(tmp_path / "a.png", longest=3).shape == (3, 2, 3)
    deep = np.full((5, 5), 0.25 * 65535, np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert load_photograph(tmp_path / "deep.png") == pytest.approx(0.25, abs=1e-4)
    with pytest.raises(DataFileError, match="does not exist"):
        load_photograph(tmp_path / "none.png")


def test_a_photograph_too_small_is_refused_and_nothing_written(tmp_path):
    Image.new("RGB", (7, 20)).save(tmp_path / "small.png")
    with pytest.raises(ImageError, match="at least 8"):
        denoise_photograph_file(tmp_path / "small.png", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()
