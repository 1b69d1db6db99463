"""What the panel of labelled series must hold: every simple rival, chosen and judged alike."""

import numpy as np
import pytest
import results
import sequences as bench

from aeutils.sequences import label_ranges

STORED = results.read("sequences")
CHOSEN, PANEL = STORED["settings"]["chosen"], STORED["panel"]
ONE_LINE = [
    "deviation, high",
    "deviation, low",
    "roughness, high",
    "roughness, low",
    "difference",
    "distance from the mean",
    "moving average",
]
OTHERS = ["both statistics", "PCA", "nearest neighbours", "matrix profile", "isolation forest"]
SEEDED = ["LSTM autoencoder", "convolutional autoencoder", "isolation forest", "random"]


def test_every_simple_rival_is_judged_on_every_series():
    assert {*ONE_LINE, *OTHERS, *SEEDED} == set(CHOSEN) == set(bench.METHODS)
    assert len(PANEL) == 14
    for one in PANEL.values():
        assert set(one["methods"]) == set(CHOSEN)
        for name, measured in one["methods"].items():
            assert len(measured["VUS-PR"]) == (3 if name in SEEDED else 1)
    groups = [one["group"] for one in PANEL.values()]
    assert [groups.count(name) for name in ("recorded", "drawn", "made")] == [4, 2, 8]


def test_settings_were_chosen_on_other_series_by_the_measure_that_judges():
    assert len(STORED["settings"]["series"]) == 2
    assert not set(STORED["settings"]["series"]) & set(PANEL)
    for name, setting in CHOSEN.items():
        assert 0 < setting["VUS-PR"] <= 1
        assert setting["size"] in bench.METHODS[name][2]
        assert setting["smoothing"] in bench.SMOOTHING


def test_a_random_score_is_at_chance_level_and_point_adjustment_flatters_it():
    for one in PANEL.values():
        random = one["methods"]["random"]
        assert np.mean(random["AUROC"]) == pytest.approx(0.5, abs=0.25)
        assert np.mean(random["best F1, adjusted"]) >= np.mean(random["best F1"])
    flattered = [np.mean(one["methods"]["random"]["best F1, adjusted"]) for one in PANEL.values()]
    assert np.mean(flattered) > 0.3


def test_strange_beats_among_the_training_windows_harm_the_network():
    lstm = STORED["heart"]["methods"]["LSTM autoencoder"]
    low, _ = lstm["normal windows"]["interval"]
    assert np.mean(lstm["all windows"]["AUROC"]) < low


def test_windows_sorted_by_one_line_are_measured():
    heart = STORED["heart"]["methods"]
    for name in ("PCA", "matrix profile", "LSTM autoencoder"):
        rough, unsorted = (np.mean(heart[name][f"{k} windows"]["AUROC"]) for k in ("rough", "all"))
        assert rough > unsorted + 0.2


@pytest.mark.parametrize("name", bench.MADE)
def test_made_series_have_six_anomalies_in_the_test_alone(name):
    one = bench.made(name, *bench.MADE[name], seed=5)
    assert len(label_ranges(one.labels)) == 6
    assert len(one.train) == 3000
    assert one.train.std() == pytest.approx(1, abs=1e-3)
    # what is not marked is as in training
    assert one.test[~one.labels].std() == pytest.approx(1, abs=0.15)


def test_the_matrix_profile_is_the_distance_to_the_nearest_window_of_deviation_1():
    rng = np.random.default_rng(0)
    train, x = rng.normal(size=(60, 1)).cumsum(axis=0), rng.normal(size=(40, 1)).cumsum(axis=0)
    score = bench.matrix_profile(bench.training_windows(train.astype("float32"), 8), 8, {}, 0)

    def unit(window):
        return (window - window.mean()) / window.std()

    known = [unit(train[i : i + 8]) for i in range(53)]
    nearest = [min(np.linalg.norm(unit(x[i : i + 8]) - k) for k in known) for i in range(33)]
    expected = [np.mean(nearest[max(0, t - 7) : t + 1]) for t in range(40)]
    np.testing.assert_allclose(score(x.astype("float32")), expected, atol=1e-3)


def test_adjusted_scores_are_the_highest_of_their_anomaly():
    labels = np.array([0, 1, 1, 0, 0, 1])
    adjusted = bench.adjusted(labels, np.array([5.0, 1.0, 3.0, 2.0, 9.0, 0.5]))
    assert adjusted.tolist() == [5.0, 3.0, 3.0, 2.0, 9.0, 0.5]
    assert bench.best_f1(labels, labels.astype(float)) == 1


def test_moving_means_keep_the_length_and_steps_get_the_mean_of_their_windows():
    x = np.arange(10.0)
    for n in (0, 1, 3, 4):
        assert len(bench.smoothed(x, n)) == 10
    np.testing.assert_allclose(bench.smoothed(x, 3)[1:-1], x[1:-1])
    of_windows = np.array([1.0, 3.0, 5.0])
    assert bench.to_steps(of_windows, 6, 4, 1).tolist() == [1, 2, 3, 3, 4, 5]
    of_steps = np.arange(12.0).reshape(3, 4)
    assert bench.to_steps(of_steps, 6, 4, 1)[:2].tolist() == [0, (1 + 4) / 2]
