"""Metrics against hand-made values and other libraries."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from aeutils.core.errors import AeutilsError
from aeutils.denoising import psnr, ssim

RNG = np.random.default_rng(0)
CLEAN = RNG.random((3, 16, 16)).astype("float32")
OTHER = RNG.random((3, 16, 16)).astype("float32")


def test_psnr_agrees_with_scikit_image():
    ours = psnr(CLEAN, OTHER)
    theirs = [
        peak_signal_noise_ratio(a, b, data_range=1) for a, b in zip(CLEAN, OTHER, strict=True)
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert np.isinf(psnr(CLEAN, CLEAN)).all()


def test_ssim_is_one_for_equal_and_lower_for_other_images():
    np.testing.assert_allclose(ssim(CLEAN, CLEAN), 1)
    assert (ssim(CLEAN, OTHER) < 0.2).all()
    np.testing.assert_allclose(ssim(CLEAN[..., None], OTHER[..., None]), ssim(CLEAN, OTHER))


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_image_measures_refuse(measure):
    with pytest.raises(AeutilsError, match="one shape"):
        measure(CLEAN, OTHER[:2])
    with pytest.raises(AeutilsError, match="to_unit_range"):
        measure((255 * CLEAN).astype("uint8"), (255 * OTHER).astype("uint8"))
    with pytest.raises(AeutilsError, match="divide by 255"):
        measure(CLEAN, 255 * OTHER)


def test_ssim_refuses_small_and_colour_images():
    for shape in ((2, 8, 8), (2, 16, 16, 3), (2, 256)):
        with pytest.raises(AeutilsError, match="11 × 11"):
            ssim(np.zeros(shape), np.zeros(shape))
