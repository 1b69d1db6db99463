"""Measures of ranges against their papers, written out step by step, and other packages."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aeutils.core.errors import SequenceError
from aeutils.sequences import range_precision_recall, vus_pr

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


@st.composite
def labels_and_alarms(draw):
    """Draw labels and alarms of one length, each of a type and layout of its own."""
    n = draw(st.integers(0, 40))
    both = []
    for _ in range(2):
        steps = draw(hnp.arrays(bool, n))
        steps = steps.astype(draw(st.sampled_from([bool, np.int8, np.uint64, np.float16, float])))
        both.append(steps[::-1] if draw(st.booleans()) else steps)
    return both


@given(
    labels_and_alarms(),
    st.sampled_from([0, 0.3, 1, np.float32(0.5)]) | st.floats(0, 1),
    st.sampled_from(["flat", "front", "middle", "back"]),
    st.sampled_from(["reciprocal", "one"]),
)
def test_ranges_agree_with_the_paper(both, alpha, bias, cardinality):
    labels, alarms = both
    before = labels.copy(), alarms.copy()
    real, called = ranges(labels), ranges(alarms)
    precision = [reward(p, real, 0, "flat", cardinality) for p in called]
    recall = [reward(r, called, alpha, bias, cardinality) for r in real]
    found = range_precision_recall(labels, alarms, alpha, bias, cardinality)
    for number, rewards in zip(found, (precision, recall), strict=True):
        assert type(number) is float
        np.testing.assert_allclose(number, np.mean(rewards) if rewards else np.nan, atol=1e-12)
    np.testing.assert_array_equal(labels, before[0])
    np.testing.assert_array_equal(alarms, before[1])


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


NO_ALARM = np.zeros(3, bool)


@pytest.mark.parametrize(
    ("labels", "alarms", "settings", "words"),
    [
        ([0, 1], [0, 1, 0], {}, "one length; got 2 and 3 steps"),
        ([0, 2], [0, 1], {}, "labels must be 0 or 1 at every step; got 2 at step 1"),
        ([0, np.nan], [0, 1], {}, "labels must be 0 or 1 at every step; got nan"),
        ([0, 1], [0.1, 4.2], {}, "alarms must be 0 or 1.*got 0.1 at step 0.*scores > threshold"),
        ([[0, 1]], [[0, 1]], {}, r"labels must have shape \(n_steps,\); got shape \(1, 2\)"),
        ([0, 1], 1, {}, "alarms must have shape"),
        ([0, 1], [[0], [0, 1]], {}, "alarms must be one array"),
        ([0, 1], ["0", "1"], {}, "alarms must hold real numbers"),
        ([0, 1, 1], np.ma.masked_array(NO_ALARM, [0, 0, 1]), {}, "alarms has masked values"),
        *(
            ([0, 1], [0, 1], {"alpha": alpha}, "alpha must be a finite number of at least 0")
            for alpha in (1.5, -0.1, np.nan, 10**400, "0.5", None, True, np.zeros(2))
        ),
        ([0, 1], [0, 1], {"bias": "start"}, "bias must be one of 'flat'.*got 'start'"),
        ([0, 1], [0, 1], {"bias": ["flat"]}, "bias must be one of"),
        ([0, 1], [0, 1], {"cardinality": "two"}, "cardinality must be one of.*'two'"),
        ([0, 1], [0, 1], {"cardinality": None}, "cardinality must be one of"),
    ],
)
def test_ranges_refuse(labels, alarms, settings, words):
    with pytest.raises(SequenceError, match=words):
        range_precision_recall(labels, alarms, **settings)


STRANGE = np.repeat([0, 1, 0, 1, 0, 1, 0], [6, 5, 9, 2, 4, 1, 13])
STEPS = np.arange(40)
SCORES = np.round(np.sin(1.7 * STEPS) + 0.9 * STRANGE + np.cos(STEPS / 5) / 2, 1)


@pytest.mark.parametrize(
    ("buffer", "n_thresholds", "volume"),
    # of the package vus 0.0.6, by the paper's authors
    [
        (0, 40, 0.37245670995671),
        (4, 40, 0.45444147847210575),
        (9, 40, 0.5243066603604474),
        (9, 10, 0.5251647899952845),
    ],
)
def test_the_volume_as_its_authors_compute_it(buffer, n_thresholds, volume):
    assert vus_pr(STRANGE, SCORES, buffer, n_thresholds) == pytest.approx(volume, abs=1e-6)
    # only the order counts
    assert vus_pr(STRANGE, np.exp(SCORES), buffer, n_thresholds) == pytest.approx(volume, abs=1e-6)


def test_the_volume_of_a_perfect_score_and_of_chance():
    assert vus_pr(STRANGE, STRANGE, 0) == pytest.approx(1)
    assert vus_pr(STRANGE, -STRANGE, 0) < 0.25
    labels = np.arange(4000) % 500 < 50
    chance = np.random.default_rng(0).random(4000)
    assert vus_pr(labels, chance, 0) == pytest.approx(labels.mean(), abs=0.03)
    # an alarm beside an anomaly is worth something with a buffer alone
    late = np.roll(labels, 60).astype(float)
    assert vus_pr(labels, late, 60) > vus_pr(labels, late, 0) + 0.01


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros(40), SCORES, 4), "anomalous and normal"),
        ((np.ones(40), SCORES, 4), "anomalous and normal"),
        ((STRANGE, SCORES[1:], 4), "one per label"),
        ((STRANGE, np.full(40, np.nan), 4), "finite"),
        ((STRANGE, SCORES, -1), "buffer"),
        ((STRANGE, SCORES, True), "buffer"),
        ((STRANGE, SCORES, 4, 0), "n_thresholds"),
        ((SCORES, SCORES, 4), "labels must be 0 or 1"),
    ],
)
def test_a_volume_of_what_makes_none_is_refused(arguments, words):
    with pytest.raises(SequenceError, match=words):
        vus_pr(*arguments)
