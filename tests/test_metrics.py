"""Metrics against hand-made values and other libraries."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from aeutils.anomalies import detection_report, reconstruction_error, threshold_at
from aeutils.core.errors import AeutilsError
from aeutils.denoising import psnr, ssim
from aeutils.sequences import range_precision_recall

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


LABELS = [0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0]
ALARMS = [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("settings", "recall"),
    # of the package prts 1.0.0.3, by the paper's authors' definitions
    [
        ({}, 0.125),
        ({"alpha": 0.5}, 0.3125),
        ({"bias": "front"}, 0.15),
        ({"cardinality": "one"}, 0.25),
    ],
)
def test_ranges_as_another_package_counts_them(settings, recall):
    found = range_precision_recall(LABELS, ALARMS, **settings)
    np.testing.assert_allclose(found, (2 / 3, recall))


def ranges(labels):
    """Return each run of true labels as its steps."""
    runs = []
    for step in np.flatnonzero(labels):
        if runs and runs[-1][-1] == step - 1:
            runs[-1].append(step)
        else:
            runs.append([step])
    return runs


def reward(one, others, alpha, bias, cardinality):
    """Return the recall of one range, written as the paper writes it, step by step."""
    n = len(one)
    weight = {
        "flat": lambda t: 1,
        "front": lambda t: n - t + 1,
        "back": lambda t: t,
        "middle": lambda t: min(t, n - t + 1),
    }[bias]
    overlapping = [other for other in others if set(one) & set(other)]
    total = sum(weight(t) for t in range(1, n + 1))
    overlap = sum(weight(one.index(s) + 1) / total for o in overlapping for s in o if s in one)
    if cardinality == "reciprocal" and len(overlapping) > 1:
        overlap /= len(overlapping)
    return alpha * bool(overlapping) + (1 - alpha) * overlap


@pytest.mark.parametrize("bias", ["flat", "front", "middle", "back"])
@pytest.mark.parametrize("cardinality", ["reciprocal", "one"])
def test_ranges_agree_with_the_paper(bias, cardinality):
    rng = np.random.default_rng(1)
    for alpha in (0, 0.3, 1):
        for _ in range(10):
            labels, alarms = rng.random((2, 40)) < 0.4
            real, called = ranges(labels), ranges(alarms)
            expected = (
                np.mean([reward(p, real, 0, "flat", cardinality) for p in called]),
                np.mean([reward(r, called, alpha, bias, cardinality) for r in real]),
            )
            found = range_precision_recall(labels, alarms, alpha, bias, cardinality)
            np.testing.assert_allclose(found, expected)


def test_ranges_of_clear_cases():
    assert range_precision_recall(LABELS, LABELS) == (1, 1)
    assert range_precision_recall([0, 1, 1], [1, 0, 0]) == (0, 0)
    # one alarm all the time finds everything; half an anomaly that is found counts 3/4
    assert range_precision_recall([0, 1, 1, 0], [1, 1, 1, 1], alpha=1) == (0.5, 1)
    assert range_precision_recall([0, 1, 1, 0], [0, 1, 0, 0], alpha=0.5) == (1, 0.75)
    precision, recall = range_precision_recall([0, 0], [0, 1])
    assert precision == 0
    assert np.isnan(recall)
    assert np.isnan(range_precision_recall([0, 1], [0, 0])[0])


@pytest.mark.parametrize(
    ("labels", "alarms", "settings", "words"),
    [
        ([0, 1], [0, 1, 0], {}, "one shape"),
        ([0, 2], [0, 1], {}, "one 0 or 1 a step"),
        ([[0, 1]], [[0, 1]], {}, "one 0 or 1 a step"),
        ([0, 1], [0, 1], {"alpha": 1.5}, "alpha"),
        ([0, 1], [0, 1], {"alpha": np.nan}, "alpha"),
        ([0, 1], [0, 1], {"bias": "start"}, "'start'"),
        ([0, 1], [0, 1], {"cardinality": "two"}, "'two'"),
    ],
)
def test_ranges_refuse(labels, alarms, settings, words):
    with pytest.raises(AeutilsError, match=words):
        range_precision_recall(labels, alarms, **settings)
