"""PSNR and SSIM against scikit-image, and what they refuse."""

import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from aeutils.core.errors import AeutilsError, ImageError
from aeutils.denoising import psnr, ssim

RNG = np.random.default_rng(0)
CLEAN = RNG.random((3, 16, 16)).astype("float32")
OTHER = RNG.random((3, 16, 16)).astype("float32")


@hypothesis.given(data=st.data())
def test_psnr_is_scikit_images(data):
    shape = data.draw(st.sampled_from([(1, 1, 1), (3, 4, 5), (2, 7, 3, 1), (2, 4, 4, 3)]))
    dtypes = [data.draw(st.sampled_from(["float16", "float32", "float64", ">f4"])) for _ in "ab"]
    clean, image = (RNG.random(shape).astype(dtype) for dtype in dtypes)
    layout = data.draw(st.sampled_from(["as it is", "Fortran", "reversed", "list", "read-only"]))
    if layout == "Fortran":
        image = np.asfortranarray(image)
    elif layout == "reversed":
        clean, image = clean[::-1, :, ::-1], image[::-1, :, ::-1]
    image.flags.writeable = layout != "read-only"
    before = clean.copy(), image.copy()
    found = psnr(clean, image.tolist() if layout == "list" else image)
    expected = [
        peak_signal_noise_ratio(a.astype("f8"), b.astype("f8"), data_range=1)
        for a, b in zip(clean, image, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert found.dtype == np.float64
    for array, old in zip((clean, image), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_equal_images_have_infinite_psnr():
    assert np.isinf(psnr(CLEAN, CLEAN)).all()
    assert psnr(CLEAN, 1 - CLEAN).max() < np.inf


def test_ssim_is_one_for_equal_and_lower_for_other_images():
    np.testing.assert_allclose(ssim(CLEAN, CLEAN), 1)
    assert (ssim(CLEAN, OTHER) < 0.2).all()
    np.testing.assert_allclose(ssim(CLEAN[..., None], OTHER[..., None]), ssim(CLEAN, OTHER))
    np.testing.assert_allclose(
        ssim(CLEAN.astype("f2"), OTHER.astype("f8")), ssim(CLEAN, OTHER), atol=1e-2
    )
    np.testing.assert_allclose(ssim(OTHER, CLEAN), ssim(CLEAN, OTHER))


@pytest.mark.parametrize("measure", [psnr, ssim])
@pytest.mark.parametrize(
    ("clean", "image", "words"),
    [
        (CLEAN, OTHER[:2], "one shape"),
        (CLEAN, OTHER[..., None], "one shape"),
        (CLEAN[0], OTHER[0], r"one shape.*image\[None\]"),
        (CLEAN.reshape(3, -1), OTHER.reshape(3, -1), "one shape"),
        (CLEAN[:0], OTHER[:0], "no image|at least one"),
        ((255 * CLEAN).astype("uint8"), (255 * OTHER).astype("uint8"), "to_unit_range"),
        (CLEAN, 255 * OTHER, "divide by 255"),
        (CLEAN, np.where(OTHER > 0.5, np.nan, OTHER), "NaN"),
        (np.where(CLEAN > 0.5, np.inf, CLEAN), OTHER, "infinite"),
        (CLEAN, np.ma.masked_array(OTHER, OTHER > 0.5), "masked"),
        (CLEAN.astype("c8"), OTHER, "real numbers"),
        ([[[0.0], [0.0, 1.0]]], OTHER, "one array"),
        (CLEAN, None, "image must"),
    ],
)
def test_image_measures_refuse(measure, clean, image, words):
    with pytest.raises(ImageError, match=words):
        measure(clean, image)


@pytest.mark.parametrize("shape", [(2, 8, 8), (2, 11, 10), (2, 16, 16, 3)])
def test_ssim_refuses_small_and_colour_images(shape):
    with pytest.raises(AeutilsError, match="11 × 11"):
        ssim(np.zeros(shape), np.zeros(shape))


def test_ssim_names_the_package_that_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    with pytest.raises(ImageError, match="pip install scikit-image"):
        ssim(CLEAN, OTHER)
    assert np.isfinite(psnr(CLEAN, OTHER)).all()
