"""Anomaly scores, thresholds and reports, against exact arithmetic and other libraries."""

import math
import warnings
from decimal import Decimal
from fractions import Fraction

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.svm import OneClassSVM

from aeutils.anomalies import (
    conformal_p_values,
    detection_report,
    discoveries,
    reconstruction_error,
    threshold_at,
)
from aeutils.core.checks import anomaly_score_vector, anomaly_score_vectors
from aeutils.core.errors import AeutilsError, ScoreDirectionWarning

RNG = np.random.default_rng(0)
CLEAN = RNG.random((3, 16, 16)).astype("float32")
OTHER = RNG.random((3, 16, 16)).astype("float32")

finite = st.floats(-1e6, 1e6)
any_array = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.bool_, np.complex128]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


def layouts(array):
    """Return the same numbers, as they may lie in memory."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    frozen = array.copy()
    frozen.setflags(write=False)
    return [np.asfortranarray(array), array[::-1].copy()[::-1], wide[..., ::2], frozen]


# --- reconstruction_error


def test_reconstruction_error_is_the_mean_square_of_each_sample():
    error = reconstruction_error(np.zeros((2, 4)), np.array([[0, 0, 0, 1], [0.5] * 4]))
    np.testing.assert_allclose(error, [0.25, 0.25])
    assert error.dtype == np.float64
    images = reconstruction_error(CLEAN, OTHER)
    np.testing.assert_allclose(images, ((CLEAN - OTHER) ** 2).mean(axis=(1, 2)), rtol=1e-5)


def test_tables_may_leave_the_unit_range_if_told():
    assert reconstruction_error([[-3.0]], [[1.0]], unit_range=False) == pytest.approx(16)


@given(any_array, st.booleans())
def test_reconstruction_error_of_any_array(x, unit_range):
    y = (x / 2).astype(x.dtype) if x.dtype.kind in "fc" else x
    before = x.copy()
    try:
        error = reconstruction_error(x, y, unit_range)
    except AeutilsError:
        if x.dtype.kind == "f" and x.ndim >= 2 and x.size:
            wide = x.astype(np.float64)
            in_range = wide.min() >= 0 and wide.max() <= 1 if unit_range else np.isfinite(x).all()
            too_large = x.dtype != np.float16 and np.abs(wide).max() > 1e15
            assert not in_range or too_large or np.isnan(wide).any()
    else:
        assert x.dtype.kind == "f"
        wide = x.astype(np.float64) - y.astype(np.float64)
        expected = np.square(wide).reshape(len(x), -1).mean(axis=1)
        np.testing.assert_allclose(error, expected, rtol=1e-3, atol=1e-12)
        assert error.dtype == np.float64
        assert error.shape == (len(x),)
    np.testing.assert_array_equal(x, before)


def test_reconstruction_error_of_any_layout():
    expected = reconstruction_error(CLEAN, OTHER)
    for x, y in zip(layouts(CLEAN), layouts(OTHER), strict=True):
        np.testing.assert_allclose(reconstruction_error(x, y), expected, rtol=1e-6)


def test_half_precision_does_not_overflow():
    x, y = np.full((1, 2), 60000, np.float16), np.full((1, 2), -60000, np.float16)
    assert reconstruction_error(x, y, unit_range=False) == pytest.approx(120000.0**2, rel=1e-3)


@pytest.mark.parametrize(
    ("x", "y", "unit_range", "words"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), True, "one shape"),
        (np.zeros(3), np.zeros(3), True, "one shape"),
        (np.zeros((0, 3)), np.zeros((0, 3)), True, "at least one value"),
        (np.full((1, 3), 255.0), np.zeros((1, 3)), True, "x: .*divide by 255"),
        (np.zeros((1, 3)), np.full((1, 3), 2.0), True, "reconstruction: "),
        (np.zeros((1, 3), "uint8"), np.zeros((1, 3)), True, "x: pixels of type uint8"),
        (np.zeros((1, 3), "uint8"), np.zeros((1, 3)), False, "floating point"),
        (np.full((1, 3), np.nan), np.zeros((1, 3)), True, "NaN"),
        (np.full((1, 3), np.nan), np.zeros((1, 3)), False, "NaN"),
        (np.full((1, 3), 1e200), np.zeros((1, 3)), False, "rescale"),
        (np.ma.masked_greater([[0.1, 0.9]], 0.5), np.zeros((1, 2)), True, "masked"),
        ([[0.1], [0.1, 0.2]], np.zeros((2, 2)), True, "one array of numbers"),
    ],
)
def test_reconstruction_error_refuses(x, y, unit_range, words):
    with pytest.raises(AeutilsError, match=words):
        reconstruction_error(x, y, unit_range=unit_range)


# --- threshold_at


@given(st.integers(1, 3000), st.integers(1, 999), st.sampled_from([10, 100, 1000, 10**4]))
def test_threshold_is_the_conformal_quantile(n, numerator, denominator):
    rate = Fraction(numerator % denominator or 1, denominator)
    scores = np.random.default_rng(n).permutation(n) + 1.0  # the k-th smallest is k
    k = math.ceil((n + 1) * (1 - rate))
    if k <= n:
        assert threshold_at(scores, float(rate)) == k
        assert threshold_at(scores, rate) == k
    else:
        with pytest.raises(AeutilsError, match=f"at least {math.ceil(1 / rate) - 1} "):
            threshold_at(scores, float(rate))


@pytest.mark.parametrize(
    ("n", "rate", "k"), [(99, 0.01, 99), (999, 0.001, 999), (9, 0.1, 9), (19, 0.05, 19)]
)
def test_rates_count_as_they_are_written(n, rate, k):
    # in floating point 100 * (1 - 0.01) and its like are not whole numbers
    assert threshold_at(np.arange(1.0, n + 1), rate) == k
    assert threshold_at(np.arange(1.0, n + 1), np.float32(rate)) == k
    with pytest.raises(AeutilsError, match=f"at least {n} "):
        threshold_at(np.arange(1.0, n), rate)


@pytest.mark.parametrize(("n", "rate"), [(19, 0.05), (30, 0.1), (200, 0.05)])
def test_new_samples_raise_as_many_alarms_as_documented(n, rate):
    rng = np.random.default_rng(0)
    sets, new = rng.exponential(size=(4000, n)), rng.exponential(size=(4000, 50))
    rates = [np.mean(x > threshold_at(s, rate)) for s, x in zip(sets, new, strict=True)]
    # of the thresholds' own rates the spread is that of a beta distribution
    k = math.ceil((n + 1) * (1 - Fraction(str(rate))))
    a, b = n + 1 - k, k
    spread = np.exp(-np.array([threshold_at(s, rate) for s in sets])).std()
    assert spread == pytest.approx(np.sqrt(a * b / (n + 1) ** 2 / (n + 2)), rel=0.05)
    margin = 4 * np.std(rates) / np.sqrt(len(rates))
    assert rate - 1 / (n + 1) - margin < np.mean(rates) < rate + margin


@given(st.lists(finite, min_size=1, max_size=40), st.floats(0.02, 0.98))
def test_threshold_of_any_scores(scores, rate):
    try:
        threshold = threshold_at(scores, rate)
    except AeutilsError:
        assert len(scores) < 1 / rate - 1 + 1e-6 or (max(scores) <= 0 and min(scores) < 0)
    else:
        assert threshold in scores
        assert np.mean(np.array(scores) > threshold) <= rate
        assert threshold_at(np.array(scores)[::-1], rate) == threshold
        assert threshold_at(pd.Series(scores), rate) == threshold


@pytest.mark.parametrize(
    ("scores", "rate", "words"),
    [
        (np.arange(100.0), 0, "above 0 and below 1"),
        (np.arange(100.0), 1, "above 0 and below 1"),
        (np.arange(100.0), np.nan, "above 0 and below 1"),
        (np.arange(100.0), "0.1", "above 0 and below 1"),
        (np.arange(100.0), True, "above 0 and below 1"),
        (np.arange(100.0), Decimal("0.1"), "above 0 and below 1"),
        (np.arange(98.0), 0.01, "at least 99 .* got 98"),
        (np.array([]), 0.1, "at least one sample"),
        (np.array([np.nan] * 100), 0.1, "NaN"),
        (np.zeros((10, 10)), 0.1, "one number a sample"),
        (-np.arange(100.0), 0.1, "from -99 to 0: that is scikit-learn's direction"),
        (np.ma.masked_less(np.arange(100.0), 5), 0.1, "masked"),
        (["a"] * 100, 0.1, "real numbers"),
    ],
)
def test_threshold_refuses(scores, rate, words):
    with pytest.raises(AeutilsError, match=words):
        threshold_at(scores, rate)


# --- detection_report


def test_detection_report_on_known_cases():
    perfect = detection_report([1.0, 2.0], [3.0, 4.0], threshold=2.5)
    assert perfect == {
        "auroc": 1,
        "average_precision": 1,
        "false_alarm_rate": 0,
        "detection_rate": 1,
        "precision": 1,
    }
    assert detection_report([1.0, 1.0], [1.0, 1.0])["auroc"] == 0.5
    half = detection_report([1.0, 3.0], [2.0, 4.0], threshold=1.5)
    assert half["auroc"] == 0.75
    assert (half["false_alarm_rate"], half["detection_rate"]) == (0.5, 1)
    assert half["precision"] == pytest.approx(2 / 3)
    assert np.isnan(detection_report([1.0], [2.0], threshold=9)["precision"])
    assert "precision" not in detection_report([1.0], [2.0])


@given(st.lists(finite, min_size=1, max_size=20), st.lists(finite, min_size=1, max_size=20), finite)
@pytest.mark.filterwarnings("ignore::aeutils.core.errors.ScoreDirectionWarning")
def test_detection_report_counts_pairs(normal, anomalous, threshold):
    every = normal + anomalous
    if max(every) <= 0 and min(every) < 0:
        with pytest.raises(AeutilsError, match="direction"):
            detection_report(normal, anomalous)
        return
    report = detection_report(normal, np.array(anomalous), threshold)
    pairs = [(a > n) + (a == n) / 2 for a in anomalous for n in normal]
    assert report["auroc"] == pytest.approx(np.mean(pairs))
    assert report["false_alarm_rate"] == np.mean([n > threshold for n in normal])
    assert report["detection_rate"] == np.mean([a > threshold for a in anomalous])


@pytest.mark.parametrize(
    ("normal", "anomalous", "threshold", "words"),
    [
        ([1.0], [], None, "anomaly_scores must be one number"),
        ([np.inf], [1.0], None, "normal_scores holds NaN or infinite"),
        ([1.0], [2.0], np.nan, "threshold must be a number"),
        ([1.0], [2.0], "1", "threshold must be a number"),
        ([1.0], np.ma.masked_equal([2.0, 3.0], 3), None, "masked"),
    ],
)
def test_detection_report_refuses(normal, anomalous, threshold, words):
    with pytest.raises(AeutilsError, match=words):
        detection_report(normal, anomalous, threshold)


# --- the direction of scores

DETECTORS = {
    "isolation forest": IsolationForest(random_state=0, n_estimators=20),
    "local outlier factor": LocalOutlierFactor(novelty=True),
    "one-class SVM": OneClassSVM(nu=0.1),
    "PCA": PCA(2),
    "kernel density": KernelDensity(),
    "elliptic envelope": EllipticEnvelope(random_state=0),
}


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("method", ["score_samples", "decision_function"])
def test_reversed_scores_of_scikit_learn_are_never_silent(name, method):
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(3, 5))
    train, normal = rng.normal(size=(2, 200, 3)) @ mix + 0.1 * rng.normal(size=(2, 200, 5))
    anomalous = 6 * rng.normal(size=(200, 5))
    score = getattr(DETECTORS[name].fit(train), method, None)
    if score is None:
        pytest.skip("this one has no decision_function")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScoreDirectionWarning)
        with pytest.raises((AeutilsError, ScoreDirectionWarning), match="-scores"):
            detection_report(score(normal), score(anomalous))
        # the right way round; one-class SVM's are all below 0 then and need a constant
        lift = 1000.0 if name == "one-class SVM" else 0.0
        assert detection_report(lift - score(normal), lift - score(anomalous))["auroc"] > 0.8


def test_a_low_auroc_warns_and_a_middling_one_does_not():
    with pytest.warns(ScoreDirectionWarning, match="AUROC is 0: .*higher is normal"):
        assert detection_report([1.0], [0.0])["auroc"] == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detection_report([1.0, 2.0, 3.0, 4.0], [1.5])


def test_direction_is_judged_by_all_groups_together():
    # normal rows inside the threshold of -decision_function, anomalies outside
    assert detection_report([-2.0, -1.0], [1.0, 2.0])["auroc"] == 1
    vectors = anomaly_score_vectors({"a": [-1.0], "b": [1]})
    assert {name: vector.dtype for name, vector in vectors.items()} == {"a": float, "b": float}
    assert anomaly_score_vector("scores", [0.0, -0.0]).tolist() == [0, 0]
    with pytest.raises(AeutilsError, match="at least one group"):
        anomaly_score_vectors({})


# --- p-values and false discoveries

few_scores = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=30)
target_rates = st.integers(1, 99).map(lambda percent: percent / 100)


@given(few_scores, few_scores)
def test_p_values_count_the_normal_scores_at_least_as_high(normal, scores):
    p = conformal_p_values(normal, scores)
    assert p.dtype == np.float64
    for score, value in zip(scores, p, strict=True):
        k = sum(s >= score for s in normal)
        assert value == (1 + k) / (len(normal) + 1)


@given(few_scores, few_scores, target_rates)
def test_p_values_and_threshold_raise_the_same_alarms(normal, scores, rate):
    exact = Fraction(str(rate))
    if len(normal) < math.ceil(1 / exact) - 1:
        return
    n_above = [Fraction(sum(s >= score for s in normal) + 1, len(normal) + 1) for score in scores]
    by_p = [value <= exact for value in n_above]
    assert by_p == [score > threshold_at(normal, rate) for score in scores]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=12, unique=True), target_rates)
def test_one_of_exchangeable_scores_has_a_small_p_value_as_often_as_it_may(scores, rate):
    # each of the scores in turn is the new one: at most the share of the rate is that small
    p = [conformal_p_values(scores[:i] + scores[i + 1 :] or [0], [s])[0]
         for i, s in enumerate(scores)]  # fmt: skip
    if len(scores) > 1:
        assert np.mean(np.array(p) <= rate) <= rate + 1e-12


@given(st.integers(1, 60), st.lists(st.integers(1, 61), min_size=1, max_size=40), target_rates)
def test_discoveries_are_those_of_exact_arithmetic(n, ranks, rate):
    p = [Fraction(min(rank, n + 1), n + 1) for rank in ranks]
    q, m = Fraction(str(rate)), len(p)
    ordered = sorted(p)
    passing = [ordered[k - 1] for k in range(1, m + 1) if ordered[k - 1] <= q * k / m]
    limit = max(passing, default=Fraction(-1))
    assert discoveries([float(v) for v in p], rate).tolist() == [v <= limit for v in p]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), target_rates, st.randoms())
def test_discoveries_do_not_depend_on_the_order_and_grow_with_the_rate(p, rate, random):
    order = list(range(len(p)))
    random.shuffle(order)
    found = discoveries(p, rate)
    np.testing.assert_array_equal(discoveries([p[i] for i in order], rate), found[order])
    assert (discoveries(p, (1 + rate) / 2) >= found).all()
    assert found.tolist() == [value <= max([-1, *np.array(p)[found]]) for value in p]


def test_the_share_of_false_alarms_is_limited_on_average():
    rng = np.random.default_rng(0)
    shares, found = [], []
    for _ in range(400):
        p = conformal_p_values(
            rng.exponential(size=500), np.r_[rng.exponential(size=90), [50.0] * 10]
        )
        alarms = discoveries(p, 0.2)
        shares.append(alarms[:90].sum() / max(1, alarms.sum()))
        found.append(alarms[90:].mean())
    # the limit is the rate times the share of normal samples, 0.9
    deviation = np.std(shares) / 20
    assert abs(np.mean(shares) - 0.18) < 3 * deviation
    assert np.mean(found) > 0.99


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: conformal_p_values([], [1.0]), "normal_scores must be one number"),
        (lambda: conformal_p_values([1.0], [[1.0]]), "scores must be one number"),
        (lambda: conformal_p_values([-1.0], [-2.0]), "scikit-learn's direction"),
        (lambda: conformal_p_values([1.0], [np.nan]), "scores"),
        (lambda: discoveries([], 0.1), "at least one sample"),
        (lambda: discoveries([[0.5]], 0.1), "got shape"),
        (lambda: discoveries([1.5], 0.1), "between 0 and 1"),
        (lambda: discoveries([-0.5], 0.1), "between 0 and 1"),
        (lambda: discoveries([np.nan], 0.1), "p_values"),
        (lambda: discoveries([0.5], 0), "false_discovery_rate must be above 0"),
        (lambda: discoveries([0.5], 1.0), "false_discovery_rate must be above 0"),
        (lambda: discoveries([0.5], "much"), "false_discovery_rate must be above 0"),
    ],
)
def test_p_values_of_what_is_none(call, words):
    with pytest.raises(AeutilsError, match=words):
        call()


def test_p_values_and_discoveries_are_those_of_nonconform():
    nonconform = pytest.importorskip("nonconform")  # of requirements-bench.txt
    rng = np.random.default_rng(0)
    for n, m in [(1, 1), (50, 20), (1000, 300)]:
        normal, scores = rng.integers(0, 40, n) / 40, rng.integers(0, 60, m) / 40
        theirs = nonconform.Empirical().compute_p_values(scores, normal)
        np.testing.assert_allclose(conformal_p_values(normal, scores), theirs, rtol=1e-12)
    x, z = rng.normal(size=(600, 4)), np.r_[rng.normal(size=(80, 4)), rng.normal(4, 1, (20, 4))]
    theirs = nonconform.ConformalDetector(
        detector=IsolationForest(random_state=0), strategy=nonconform.Split(n_calib=0.5), seed=0
    ).fit(x)
    np.testing.assert_array_equal(
        theirs.select(z, alpha=0.1), discoveries(theirs.compute_p_values(z), 0.1)
    )
