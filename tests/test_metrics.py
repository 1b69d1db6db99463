"""Metrics against hand-made values and other libraries."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from aeutils.anomalies import detection_report, reconstruction_error, threshold_at
from aeutils.core.errors import AeutilsError
from aeutils.denoising import psnr, ssim

RNG = np.random.default_rng(0)
CLEAN = RNG.random((3, 16, 16)).astype("float32")
OTHER = RNG.random((3, 16, 16)).astype("float32")


def test_reconstruction_error_is_the_mean_square_of_each_sample():
    error = reconstruction_error(np.zeros((2, 4)), np.array([[0, 0, 0, 1], [0.5] * 4]))
    np.testing.assert_allclose(error, [0.25, 0.25])
    assert error.dtype == np.float64
    images = reconstruction_error(CLEAN, OTHER)
    np.testing.assert_allclose(images, ((CLEAN - OTHER) ** 2).mean(axis=(1, 2)), rtol=1e-5)


def test_tables_may_leave_the_unit_range_if_told():
    assert reconstruction_error([[-3.0]], [[1.0]], unit_range=False) == pytest.approx(16)


@pytest.mark.parametrize(
    ("x", "y", "unit_range", "words"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), True, "one shape"),
        (np.zeros(3), np.zeros(3), True, "one shape"),
        (np.zeros((0, 3)), np.zeros((0, 3)), True, "at least one sample"),
        (np.full((1, 3), 255.0), np.zeros((1, 3)), True, "x: .*divide by 255"),
        (np.zeros((1, 3)), np.full((1, 3), 2.0), True, "reconstruction: "),
        (np.zeros((1, 3), "uint8"), np.zeros((1, 3)), True, "x: pixels of type uint8"),
        (np.zeros((1, 3), "uint8"), np.zeros((1, 3)), False, "floating point"),
        (np.full((1, 3), np.nan), np.zeros((1, 3)), True, "NaN"),
        (np.full((1, 3), np.nan), np.zeros((1, 3)), False, "NaN"),
    ],
)
def test_reconstruction_error_refuses(x, y, unit_range, words):
    with pytest.raises(AeutilsError, match=words):
        reconstruction_error(x, y, unit_range=unit_range)


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


def test_threshold_keeps_its_promise():
    scores = RNG.random(1000)
    for rate in (0.001, 0.01, 0.1, 0.5):
        assert np.mean(scores > threshold_at(scores, rate)) <= rate
        assert np.mean(scores > threshold_at(scores, rate)) > rate - 0.002


@pytest.mark.parametrize(
    ("scores", "rate", "words"),
    [
        (np.arange(100.0), 0, "between 0 and 1"),
        (np.arange(100.0), 1, "between 0 and 1"),
        (np.arange(99.0), 0.01, "at least 100"),
        (np.array([]), 0.1, "at least one sample"),
        (np.array([np.nan] * 100), 0.1, "NaN"),
        (np.zeros((10, 10)), 0.1, "one number a sample"),
    ],
)
def test_threshold_refuses(scores, rate, words):
    with pytest.raises(AeutilsError, match=words):
        threshold_at(scores, rate)


def test_detection_report_on_known_cases():
    perfect = detection_report([1.0, 2.0], [3.0, 4.0], threshold=2.5)
    assert perfect == {
        "auroc": 1,
        "average_precision": 1,
        "false_alarm_rate": 0,
        "detection_rate": 1,
        "precision": 1,
    }
    assert detection_report([1.0], [0.0])["auroc"] == 0
    assert detection_report([1.0, 1.0], [1.0, 1.0])["auroc"] == 0.5
    half = detection_report([1.0, 3.0], [2.0, 4.0], threshold=1.5)
    assert half["auroc"] == 0.75
    assert (half["false_alarm_rate"], half["detection_rate"]) == (0.5, 1)
    assert half["precision"] == pytest.approx(2 / 3)
    assert np.isnan(detection_report([1.0], [2.0], threshold=9)["precision"])
    assert "precision" not in detection_report([1.0], [2.0])


def test_detection_report_refuses():
    with pytest.raises(AeutilsError, match="anomaly_scores"):
        detection_report([1.0], [])
    with pytest.raises(AeutilsError, match="normal_scores"):
        detection_report([np.inf], [1.0])
