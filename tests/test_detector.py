"""AutoencoderDetector: scikit-learn's conventions, its scores, its file, and bad input."""

import copy
import io
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from aeutils import AutoencoderDetector
from aeutils.anomalies import (
    detection_report,
    reconstruction_error,
    storage,
    threshold_at,
    training,
)
from aeutils.core.errors import AeutilsError, DataFileError

# most fits here are cut short to be fast
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def table(n_samples=200, seed=0):
    """Rows of eight features that depend on two, on scales from thousandths to thousands."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n_samples, 2))
    x = np.tanh(hidden @ np.random.default_rng(1).normal(size=(2, 8)))
    return (x + 0.05 * rng.normal(size=x.shape)) * np.logspace(-3, 3, 8) + 5


def shuffled(x):
    """Every value usual, no combination of them."""
    rng = np.random.default_rng(2)
    return np.stack([rng.permutation(column) for column in x.T], axis=1)


@pytest.fixture(scope="module")
def fitted():
    return AutoencoderDetector(random_state=0).fit(table())


def run_python(script, **environment):
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_passes_every_check_of_scikit_learn():
    # in a process of its own, since one check asks for a variable set before SciPy is imported
    run_python(
        "from sklearn.utils.estimator_checks import check_estimator\n"
        "from aeutils import AutoencoderDetector\n"
        # as it comes, and its other ways, trained for a short time
        "for settings in ({}, {'anomaly_score': 'combined', 'epochs': 20},\n"
        "                 {'standardize': False, 'epochs': 20},\n"
        "                 {'latent_dim': 1, 'hidden_layer_sizes': (), 'epochs': 20},\n"
        "                 {'validation_fraction': 0.2, 'noise': 0, 'epochs': 20}):\n"
        "    report = check_estimator(AutoencoderDetector(**settings), on_skip=None)\n"
        "    assert len(report) > 40, len(report)\n"
        "    assert {row['status'] for row in report} == {'passed'}, report\n",
        SCIPY_ARRAY_API="1",
    )


def test_keras_is_loaded_by_fit_and_not_before():
    run_python(
        "import sys, numpy as np\n"
        "from aeutils import AutoencoderDetector\n"
        "detector = AutoencoderDetector(epochs=1)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        "detector.fit(np.random.default_rng(0).normal(size=(20, 3)))\n"
        "assert 'keras' in sys.modules\n"
        "assert ('tensorflow' in sys.modules) == (sys.modules['keras'].config.backend() "
        "== 'tensorflow')\n"
    )


def test_package_tells_a_name_that_it_has_not():
    import aeutils

    with pytest.raises(AttributeError, match="nothing"):
        _ = aeutils.nothing


@pytest.mark.parametrize("anomaly_score", ["combined", "reconstruction"])
def test_finds_rows_whose_values_do_not_belong_together(anomaly_score):
    normal, anomalous = table(seed=3), shuffled(table(seed=4))
    detector = AutoencoderDetector(anomaly_score=anomaly_score, random_state=0).fit(table())
    scores = np.r_[detector.score_samples(normal), detector.score_samples(anomalous)]
    is_normal = np.arange(len(scores)) < len(normal)
    assert roc_auc_score(is_normal, scores) > 0.95
    # which no look at single values can do
    z = np.abs(StandardScaler().fit(table()).transform(np.r_[normal, anomalous])).max(axis=1)
    assert roc_auc_score(is_normal, -z) < 0.75


def test_not_behind_pca_on_a_table_of_mixed_scales():
    from sklearn.decomposition import PCA

    x, _ = load_diabetes(return_X_y=True, scaled=False)
    train, normal, anomalous = x[::2], x[1::2], shuffled(x)
    test = np.r_[normal, anomalous]
    is_anomaly = np.arange(len(test)) >= len(normal)
    detector = AutoencoderDetector(random_state=0).fit(train)
    scaler = StandardScaler().fit(train)
    pca = PCA(detector.latent_dim_).fit(scaler.transform(train))
    z = scaler.transform(test)
    errors = np.square(z - pca.inverse_transform(pca.transform(z))).mean(axis=1)
    area = roc_auc_score(is_anomaly, -detector.score_samples(test))
    assert area > max(0.85, roc_auc_score(is_anomaly, errors) - 0.03)


def test_scores_are_the_documented_ones(fitted):
    x = table(seed=5)
    scaled = (x - fitted.mean_) / fitted.scale_
    reconstruction = (fitted.inverse_transform(fitted.transform(x)) - fitted.mean_) / fitted.scale_
    squared = np.square(scaled - reconstruction)
    np.testing.assert_allclose(fitted.feature_errors(x), squared, atol=1e-12)
    np.testing.assert_allclose(fitted.anomaly_scores(x), squared.mean(axis=1))
    np.testing.assert_array_equal(fitted.score_samples(x), -fitted.anomaly_scores(x))

    combined = clone(fitted).set_params(anomaly_score="combined").fit(table())
    np.testing.assert_array_equal(combined.transform(x), fitted.transform(x))
    codes = fitted.transform(table())
    away = fitted.transform(x) - codes.mean(axis=0)
    inverse = np.linalg.inv(np.cov(codes.T, ddof=0))
    distances = [row @ inverse @ row for row in away]
    usual_error = fitted.feature_errors(table()).mean()
    expected = squared.mean(axis=1) / usual_error + np.array(distances) / codes.shape[1]
    np.testing.assert_allclose(combined.anomaly_scores(x), expected, rtol=1e-6)


def test_a_parameter_that_is_changed_later_changes_no_score(fitted):
    # the threshold belongs to the score of the fit; scikit-learn's parameters act in fit only
    detector = copy.deepcopy(fitted).set_params(anomaly_score="combined", contamination=0.5)
    np.testing.assert_array_equal(detector.predict(table()), fitted.predict(table()))


def test_anomaly_scores_go_into_the_measures_as_they_are(fitted):
    normal, anomalous = table(seed=3), shuffled(table(seed=4))
    scores = fitted.anomaly_scores(normal), fitted.anomaly_scores(anomalous)
    assert (scores[0] >= 0).all()
    threshold = threshold_at(fitted.anomaly_scores(table(seed=5)), 0.05)
    report = detection_report(*scores, threshold)
    assert report["auroc"] > 0.95
    assert report["false_alarm_rate"] < 0.15
    with pytest.raises(AeutilsError, match=r"Pass detector.anomaly_scores"):
        threshold_at(fitted.score_samples(normal), 0.05)
    with pytest.raises(AeutilsError, match=r"Pass detector.anomaly_scores"):
        detection_report(fitted.score_samples(normal), fitted.score_samples(anomalous))


def test_a_row_has_one_score_alone_and_among_others(fitted):
    x = table(n_samples=5000, seed=6)  # more than are scored at once
    alone = np.concatenate([fitted.score_samples(x[i : i + 1]) for i in (0, 7, 4999)])
    np.testing.assert_allclose(fitted.score_samples(x)[[0, 7, 4999]], alone, rtol=1e-10)


@pytest.mark.parametrize("contamination", [0.02, 0.1, 0.5])
def test_contamination_is_the_share_of_training_rows_called_outliers(contamination):
    x = table()
    detector = AutoencoderDetector(contamination=contamination, epochs=5, random_state=0)
    labels = detector.fit_predict(x)
    assert set(labels) == {-1, 1}
    assert np.mean(labels == -1) == pytest.approx(contamination, abs=1 / len(x))
    np.testing.assert_array_equal(labels == -1, detector.decision_function(x) < 0)
    np.testing.assert_allclose(
        detector.decision_function(x), detector.score_samples(x) - detector.offset_
    )


def test_same_seed_same_scores_whatever_ran_before():
    x = table()
    first = AutoencoderDetector(random_state=3, epochs=8).fit(x).score_samples(x)
    np.random.seed(1)
    AutoencoderDetector(random_state=4, epochs=3).fit(x[:50, :4])
    again = AutoencoderDetector(random_state=3, epochs=8).fit(x).score_samples(x)
    np.testing.assert_array_equal(first, again)
    other = AutoencoderDetector(random_state=5, epochs=8).fit(x).score_samples(x)
    assert not np.allclose(first, other)


def test_takes_what_scikit_learn_takes():
    x = table(n_samples=120)
    settings = {"random_state": 0, "epochs": 5}
    expected = AutoencoderDetector(**settings).fit(x).score_samples(x)
    names = [f"column {i}" for i in range(x.shape[1])]
    frame = pd.DataFrame(x, columns=names)
    for kind in (
        frame,
        x.tolist(),
        sparse.csr_matrix(x),
        sparse.csc_array(x),
        np.asfortranarray(x),
    ):
        detector = AutoencoderDetector(**settings).fit(kind)
        np.testing.assert_allclose(detector.score_samples(kind), expected, rtol=1e-9)
        np.testing.assert_allclose(detector.transform(kind).shape, (120, detector.latent_dim_))
    detector = AutoencoderDetector(**settings).set_output(transform="pandas").fit(frame)
    assert list(detector.feature_names_in_) == names
    assert detector.transform(frame).columns[0] == "autoencoderdetector0"
    with pytest.raises(ValueError, match="feature names should match"):
        detector.predict(frame.rename(columns={names[0]: "other"}))


def test_in_a_pipeline_and_a_grid_search():
    x, y = load_breast_cancer(return_X_y=True)
    labels = np.where(y == 1, 1, -1)
    pipeline = make_pipeline(StandardScaler(), AutoencoderDetector(random_state=0, epochs=5))
    search = GridSearchCV(
        pipeline,
        {
            "autoencoderdetector__latent_dim": [2, 5],
            "autoencoderdetector__anomaly_score": ["combined", "reconstruction"],
        },
        scoring="roc_auc",
        cv=2,
        error_score="raise",
    ).fit(x, labels)
    assert len(search.cv_results_["mean_test_score"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert set(search.predict(x)) == {-1, 1}
    assert search.best_estimator_.transform(x).shape[1] in (2, 5)


def test_latent_dim_by_default_keeps_most_of_the_variance():
    detector = AutoencoderDetector(epochs=1, random_state=0)
    rng = np.random.default_rng(0)
    three = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 12))
    assert detector.fit(three).latent_dim_ <= 3
    noise = rng.normal(size=(300, 12))
    assert 9 <= detector.fit(noise).latent_dim_ <= 11
    assert detector.fit(noise[:, :1]).latent_dim_ == 1
    assert clone(detector).set_params(latent_dim=12).fit(noise).transform(noise).shape == (300, 12)


def test_stops_when_the_validation_loss_rises():
    noise = np.random.default_rng(0).normal(size=(600, 20))
    detector = AutoencoderDetector(
        epochs=400, noise=0, validation_fraction=0.2, random_state=0, hidden_layer_sizes=(128, 64)
    ).fit(noise)
    losses = detector.history_["val_loss"]
    assert detector.n_iter_ == len(losses) < 400
    assert int(np.argmin(losses)) == len(losses) - 11
    # the weights kept are those of the best epoch, not of the last
    rng = np.random.RandomState(0)
    detector_again = clone(detector).set_params(random_state=rng, epochs=len(losses) - 10)
    np.testing.assert_array_equal(
        detector_again.fit(noise).score_samples(noise), detector.score_samples(noise)
    )


def test_auto_sets_no_rows_of_a_small_table_aside():
    def n_validation(n_samples, fraction):
        return AutoencoderDetector(validation_fraction=fraction)._n_validation(n_samples)

    assert n_validation(499, "auto") == 0
    assert n_validation(500, "auto") == 50
    assert n_validation(100, 0.25) == 25
    assert n_validation(3, 0.25) == 0


def test_pixels_are_scaled_in_common():
    x = np.zeros((50, 6))
    x[:, 0], x[3, 1] = np.linspace(0, 1, 50), 0.01
    scale = AutoencoderDetector(standardize=False, epochs=1).fit(x).scale_
    assert np.ptp(scale) == 0
    own = AutoencoderDetector(epochs=1).fit(x).scale_
    assert own[1] < 0.01 < own[0]
    assert own[5] == 1


def test_scores_do_not_depend_on_the_unit_of_pixels():
    x = np.random.default_rng(0).random((80, 10))
    one = AutoencoderDetector(standardize=False, random_state=0, epochs=5).fit(x)
    other = AutoencoderDetector(standardize=False, random_state=0, epochs=5).fit(255 * x)
    np.testing.assert_allclose(one.score_samples(x), other.score_samples(255 * x), rtol=1e-3)


def test_verbose_shows_a_progress_bar(capsys):
    AutoencoderDetector(epochs=3, random_state=0).fit(table())
    assert capsys.readouterr().out == ""
    AutoencoderDetector(epochs=3, random_state=0, verbose=True).fit(table())
    shown = capsys.readouterr().out
    assert "3/3" in shown
    assert "loss" in shown


@pytest.mark.parametrize("copy", ["pickle", "joblib"])
def test_copies_score_the_same(fitted, copy):
    if copy == "pickle":
        twin = pickle.loads(pickle.dumps(fitted))
    else:
        file = io.BytesIO()
        joblib.dump(fitted, file)
        file.seek(0)
        twin = joblib.load(file)
    np.testing.assert_array_equal(twin.score_samples(table()), fitted.score_samples(table()))


def test_one_file_restores_the_detector_in_another_process(tmp_path):
    x = pd.DataFrame(table(), columns=list("abcdefgh"))
    settings = {"contamination": 0.2, "hidden_layer_sizes": np.array([16, 8]), "latent_dim": 3}
    detector = AutoencoderDetector(random_state=7, epochs=5, **settings).fit(x)
    detector.save(tmp_path / "detector.npz")
    x.to_pickle(tmp_path / "x.pkl")
    np.save(tmp_path / "scores.npy", detector.decision_function(x))
    run_python(
        "import os, sys, numpy as np, pandas as pd\n"
        "from aeutils import AutoencoderDetector\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "detector = AutoencoderDetector.load('detector.npz')\n"
        "x = pd.read_pickle('x.pkl')\n"
        "assert (detector.decision_function(x) == np.load('scores.npy')).all()\n"
        "assert detector.predict(x).sum() == len(x) * (1 - 2 * 0.2)\n"
        "assert detector.get_params()['random_state'] == 7\n"
        "assert detector.get_params()['latent_dim'] == 3\n"
        "assert list(detector.feature_names_in_) == list('abcdefgh')\n"
        "assert detector.inverse_transform(detector.transform(x)).shape == x.shape\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        "detector.fit(x)\n"
    )


def test_saving_fails_without_harm(tmp_path, fitted, monkeypatch):
    path = tmp_path / "detector.npz"
    fitted.save(path)
    whole = path.read_bytes()

    def full_disk(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(storage.zipfile.ZipFile, "writestr", full_disk)
        with pytest.raises(DataFileError, match="No space left"):
            fitted.save(path)
    monkeypatch.setattr(storage, "LARGEST_FILE", 5000)
    with pytest.raises(DataFileError, match="more than the 5,000 bytes"):
        fitted.save(path)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(DataFileError, match="more than the 5,000 bytes"):
        AutoencoderDetector.load(path)


def test_a_detector_whose_parameters_have_changed_is_saved_as_it_was_fitted(tmp_path, fitted):
    detector = copy.deepcopy(fitted).set_params(
        hidden_layer_sizes=np.array([3]), latent_dim=np.int64(5), anomaly_score="combined"
    )
    detector.save(tmp_path / "file")
    again = AutoencoderDetector.load(tmp_path / "file")
    np.testing.assert_array_equal(again.predict(table()), fitted.predict(table()))
    assert again.get_params()["hidden_layer_sizes"] == [3]
    with pytest.raises(ValueError, match="'noise' parameter"):
        detector.set_params(noise=-1).save(tmp_path / "file")


def rewritten(path, target, change):
    """Write a detector's file anew after a change of its text and numbers, with a new digest."""
    about, numbers = storage._members(path.read_bytes())
    del about["sha256"]
    numbers = np.asarray(change(about, np.frombuffer(numbers, "<f8").copy())).tobytes()
    text = json.dumps(about | {"sha256": storage._digest(about, numbers)})
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("about.json", text)
        archive.writestr("numbers", numbers)
    return target


def text_with(value, *where):
    """Return a function that sets one value of the text; the numbers stay."""

    def change(about, numbers):
        *path, last = where
        for key in path:
            about = about[key]
        about[last] = value
        return numbers

    return change


def number_set_to(index, value):
    def change(about, numbers):
        numbers[index] = value
        return numbers

    return change


N_LATENT = 2
# the last numbers of the file are the scales of 8 features, mean and whitening of the codes
FIRST_SCALE = -(N_LATENT**2 + N_LATENT + 8)


@pytest.mark.parametrize(
    "change",
    [
        text_with("best", "parameters", "anomaly_score"),
        text_with(-1, "parameters", "noise"),
        text_with(2.5, "parameters", "epochs"),
        text_with([0], "parameters", "hidden_layer_sizes"),
        text_with(5, "parameters", "hidden_layer_sizes"),
        text_with(5, "parameters", "something"),
        text_with([1], "parameters"),
        text_with([8, 64, 32, 3], "widths"),
        text_with([8], "widths"),
        text_with([], "widths"),
        text_with([2**40, 2**40, 2**40], "widths"),
        text_with([8, -64, 32, 2], "widths"),
        text_with(1.0, "values", "offset_"),
        text_with("low", "values", "offset_"),
        text_with(0.0, "values", "_usual_error"),
        text_with(-1.0, "values", "_usual_distance"),
        text_with("yes", "values", "_combines"),
        text_with(1, "values", "n_iter_"),
        text_with(True, "values", "n_iter_"),
        text_with({"loss": []}, "values", "history_"),
        text_with(["low"], "values", "history_", "loss"),
        text_with(["a"], "feature_names"),
        text_with([1] * 8, "feature_names"),
        text_with(5, "feature_names"),
        text_with(1, "n_calibration"),
        text_with(-1, "n_calibration"),
        text_with("1", "n_calibration"),
        number_set_to(0, np.nan),
        number_set_to(-1, np.inf),
        number_set_to(FIRST_SCALE, 0),
        number_set_to(FIRST_SCALE, -1),
        lambda about, numbers: numbers[:-1],
        lambda about, numbers: np.r_[numbers, 0],
        lambda about, numbers: [],
    ],
)
def test_files_whose_content_cannot_be(tmp_path, fitted, change):
    assert fitted.latent_dim_ == N_LATENT
    fitted.save(tmp_path / "file")
    # unchanged but for the way through, it is read
    same = rewritten(tmp_path / "file", tmp_path / "same", lambda about, numbers: numbers)
    scores = AutoencoderDetector.load(same).anomaly_scores(table())
    np.testing.assert_array_equal(scores, fitted.anomaly_scores(table()))
    changed = rewritten(tmp_path / "file", tmp_path / "changed", change)
    with pytest.raises(DataFileError, match="not a detector"):
        AutoencoderDetector.load(changed)


def damaged(whole, rng):
    """Return bytes with one to eight changes: bytes replaced, bits flipped, cut out or put in."""
    content = bytearray(whole)
    for _ in range(rng.integers(1, 9)):
        place = int(rng.integers(len(content)))
        if rng.random() < 0.5:  # where sizes and names stand
            place = int(rng.choice([rng.integers(60), len(content) - 1 - rng.integers(200)]))
        kind = rng.integers(6)
        if kind < 2:
            content[place] = rng.integers(256)
        elif kind < 4:
            content[place] ^= 1 << rng.integers(8)
        elif kind == 4:
            del content[place : place + rng.integers(1, 20)]
        else:
            content[place:place] = rng.bytes(rng.integers(1, 20))
    return bytes(content)


def test_damaged_files_give_the_same_scores_or_an_error(tmp_path, fitted):
    path, x = tmp_path / "file", table(50)
    fitted.save(path)
    whole, scores = path.read_bytes(), fitted.anomaly_scores(x)
    rng = np.random.default_rng(0)
    refused, n_files = 0, int(os.environ.get("FUZZED_FILES", "300"))
    tracemalloc.start()
    for _ in range(n_files):
        path.write_bytes(damaged(whole, rng))
        try:
            found = AutoencoderDetector.load(path).anomaly_scores(x)
        except DataFileError:
            refused += 1
        else:
            np.testing.assert_array_equal(found, scores)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.5 * n_files < refused < n_files
    assert peak < 20 * len(whole) + 2**20


def test_files_that_ask_for_more_memory_than_they_have(tmp_path, fitted):
    path = tmp_path / "file"
    fitted.save(path)
    with zipfile.ZipFile(path) as archive:
        text = archive.read("about.json")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.json", text)
        archive.writestr("numbers", bytes(2**26))
    with pytest.raises(DataFileError, match="not a detector"):
        AutoencoderDetector.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about.json", b" " * (2**24 + 1))
        archive.writestr("numbers", b"")
    with pytest.raises(DataFileError, match="not a detector"):
        AutoencoderDetector.load(path)
    with path.open("wb") as file:
        file.truncate(2**31)  # takes no room on the disk
    with pytest.raises(DataFileError, match="more than the 1,073,741,824 bytes"):
        AutoencoderDetector.load(path)


def test_files_that_hold_no_detector(tmp_path, fitted):
    path = tmp_path / "file"
    fitted.save(path)
    whole = path.read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2], pickle.dumps([1])):
        path.write_bytes(content)
        with pytest.raises(DataFileError, match="not a detector"):
            AutoencoderDetector.load(path)
    for text in ("[1]", "{}", "[" * 10**5, "NaN", '{"format": 2}', "é".encode("latin1")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("about.json", text)
            archive.writestr("numbers", b"")
        with pytest.raises(DataFileError, match="not a detector"):
            AutoencoderDetector.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("about.json", '{"format": 99}')
        archive.writestr("numbers", b"")
    with pytest.raises(DataFileError, match=r"written in format 99, while .* reads format 2"):
        AutoencoderDetector.load(path)
    np.savez_compressed(tmp_path / "old.npz", about=json.dumps({"format": 1}), mean_=np.zeros(3))
    with pytest.raises(DataFileError, match=r"written in format 1, .* fit and save"):
        AutoencoderDetector.load(tmp_path / "old.npz")
    for missing in (tmp_path / "missing.npz", tmp_path):
        with pytest.raises(DataFileError, match="cannot be read"):
            AutoencoderDetector.load(missing)
    with pytest.raises(DataFileError, match="cannot be written"):
        fitted.save(tmp_path / "no such folder" / "detector.npz")


def test_unfitted_use():
    detector = AutoencoderDetector()
    for name in (
        "predict",
        "anomaly_scores",
        "score_samples",
        "decision_function",
        "transform",
        "feature_errors",
    ):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(detector, name)(table())
    with pytest.raises(NotFittedError):
        detector.inverse_transform(np.zeros((1, 2)))
    with pytest.raises(NotFittedError):
        detector.save("anywhere")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.zeros((0, 3)), "0 sample"),
        (np.zeros((1, 3)), "minimum of 2 is required"),
        (np.zeros((5, 0)), "0 feature"),
        (np.zeros(5), "Expected 2D array"),
        ([[1.0, np.nan], [2.0, 3.0]], "contains NaN"),
        ([[1.0, np.inf], [2.0, 3.0]], "infinity"),
        (pd.DataFrame({"name": ["a", "b"], "value": [1, 2]}), "could not convert string"),
        (np.array([[1j, 2], [3, 4]]), "Complex data not supported"),
        ([[1e200, 0.0], [-1e200, 1.0]], "feature 0 are too large"),
        (np.ma.masked_greater([[1.0, 2.0], [3.0, 9.0]], 5), "masked"),
    ],
)
def test_rows_that_cannot_be_learned_from(rows, words):
    with pytest.raises(ValueError, match=words):
        AutoencoderDetector().fit(rows)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"contamination": 0}, r"contamination.*\(0.0, 0.5\]"),
        ({"contamination": 0.6}, r"contamination.*\(0.0, 0.5\]"),
        ({"contamination": "many"}, "contamination"),
        ({"latent_dim": 9}, "wider than the input"),
        ({"latent_dim": 0}, "latent_dim"),
        ({"hidden_layer_sizes": (8, 0)}, r"hidden_layer_sizes\[1\] must be a positive integer"),
        ({"hidden_layer_sizes": (8.5,)}, r"hidden_layer_sizes\[0\] must be a positive integer"),
        ({"hidden_layer_sizes": (True,)}, r"hidden_layer_sizes\[0\] must be a positive integer"),
        ({"hidden_layer_sizes": np.ones((2, 2), int)}, r"hidden_layer_sizes\[0\] must be"),
        ({"hidden_layer_sizes": {8: 4}}, "a sequence of positive integers"),
        ({"hidden_layer_sizes": 5}, "'hidden_layer_sizes' parameter .* Got 5 instead"),
        ({"hidden_layer_sizes": "wide"}, "hidden_layer_sizes"),
        ({"anomaly_score": "best"}, "anomaly_score"),
        ({"standardize": "yes"}, "standardize"),
        ({"noise": -0.1}, "noise"),
        ({"noise": np.inf}, "'noise' parameter"),
        ({"noise": np.nan}, "'noise' parameter"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": np.inf}, "'learning_rate' parameter"),
        ({"learning_rate": np.nan}, "'learning_rate' parameter"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"validation_fraction": 0.999}, "leaves 1 of 200 rows"),
        ({"random_state": "seed"}, "random_state"),
    ],
)
def test_parameters_out_of_range(settings, words):
    with pytest.raises(ValueError, match=words):
        AutoencoderDetector(**settings).fit(table())


def test_other_numbers_of_features(fitted):
    with pytest.raises(
        ValueError, match="X has 5 features, but AutoencoderDetector is expecting 8"
    ):
        fitted.predict(table()[:, :5])
    with pytest.raises(ValueError, match="7 values a row, but the latent codes"):
        fitted.inverse_transform(np.zeros((2, 7)))


def test_constant_columns_are_harmless_until_they_change():
    x = np.c_[table(), np.full(200, 3.0)]
    detector = AutoencoderDetector(random_state=0, epochs=20).fit(x)
    assert np.isfinite(detector.score_samples(x)).all()
    changed = x.copy()
    changed[:, -1] = 50
    assert (detector.score_samples(changed) < detector.score_samples(x).min()).all()


@pytest.mark.parametrize("value", [1e12, 1e300, -1e308])
def test_values_beyond_all_measure_are_outliers(fitted, value):
    x = table()
    x[:, 0] = value
    assert np.isfinite(fitted.score_samples(x)).all()
    assert (fitted.predict(x) == -1).all()


def test_nothing_but_constants():
    detector = AutoencoderDetector(random_state=0).fit(np.ones((20, 3)))
    assert np.isfinite(detector.score_samples(np.ones((20, 3)))).all()
    assert (detector.predict(np.ones((4, 3))) == 1).all()
    assert (detector.predict(np.full((4, 3), 2.0)) == -1).all()


def test_two_rows_are_enough():
    detector = AutoencoderDetector(random_state=0).fit([[0.0, 1.0], [1.0, 0.0]])
    assert np.isfinite(detector.score_samples([[5.0, 5.0]])).all()


@pytest.mark.parametrize("learning_rate", [30, 1e6, 1e30])
def test_divergence_is_an_error_that_says_what_to_do(learning_rate):
    detector = AutoencoderDetector(learning_rate=learning_rate, random_state=0)
    with pytest.raises(AeutilsError, match=r"diverged.*Lower learning_rate") as caught:
        detector.fit(table())
    assert f"which is {learning_rate:g}." in str(caught.value)


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        (([0.5, np.nan], [0.5, 0.5]), "the loss of epoch 2 is nan"),
        # once the untrained weights came back
        (([0.5, 0.5], [np.nan, np.nan]), "the validation loss of epoch 1 is nan"),
        (([0.5, 0.5], [0.5, np.inf]), "the validation loss of epoch 2 is inf"),
    ],
)
def test_a_loss_that_is_no_number_is_noticed(monkeypatch, losses, words):
    for name in ("_on_tensorflow", "_by_fit"):
        monkeypatch.setattr(training, name, lambda task, theta, report: report(*losses, theta))
    with pytest.raises(AeutilsError, match=words):
        AutoencoderDetector(epochs=5).fit(table())


def state(detector):
    """Return everything that a detector is made of, to compare."""
    return pickle.dumps(vars(detector))


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({"learning_rate": 1e30}, table()),
        ({"latent_dim": 9}, table()),
        ({"validation_fraction": 0.999}, table()),
        ({}, pd.DataFrame({"other": [1.0, np.nan], "names": [2.0, 3.0]})),
        ({}, [[1e200, 0.0], [-1e200, 1.0]]),
    ],
)
def test_a_fit_that_fails_changes_nothing(settings, rows):
    x = pd.DataFrame(table(), columns=list("abcdefgh"))
    fitted = AutoencoderDetector(epochs=2, random_state=0).fit(x)
    fitted.set_params(**settings)
    before, scores = state(fitted), fitted.anomaly_scores(x)
    with pytest.raises(ValueError, match=r"[a-z]"):
        fitted.fit(rows)
    assert state(fitted) == before
    np.testing.assert_array_equal(fitted.anomaly_scores(x), scores)

    never = AutoencoderDetector(random_state=0, **settings)
    with pytest.raises(ValueError, match=r"[a-z]"):
        never.fit(rows)
    assert vars(never) == {**AutoencoderDetector().get_params(), "random_state": 0, **settings}
    with pytest.raises(NotFittedError):
        check_is_fitted(never)


def test_a_refit_leaves_nothing_of_the_first():
    detector = AutoencoderDetector(epochs=2, random_state=0)
    detector.fit(pd.DataFrame(table(), columns=list("abcdefgh")))
    assert detector.fit(table()[:, :5]) is detector
    assert not hasattr(detector, "feature_names_in_")
    assert detector.n_features_in_ == 5


@pytest.mark.parametrize("backend", ["_on_tensorflow", "_by_fit"])
def test_an_interrupted_fit_keeps_the_best_weights_so_far(monkeypatch, backend):
    settings = {"random_state": 0, "validation_fraction": 0.2}
    monkeypatch.setattr(training, "STEPS_PER_CALL", 1)  # a report after each epoch
    usual = getattr(training, backend)

    def interrupted(after):
        def run(task, theta, report):
            reports = iter(range(after))

            def counted(*arguments):
                if next(reports, None) is None:
                    raise KeyboardInterrupt
                report(*arguments)

            usual(task, theta, counted)

        return run

    def use(run):
        for name in ("_on_tensorflow", "_by_fit"):
            monkeypatch.setattr(training, name, run)

    use(usual)
    expected = AutoencoderDetector(**settings, epochs=3).fit(table())
    use(interrupted(after=3))
    detector = AutoencoderDetector(**settings, epochs=40)
    with pytest.warns(UserWarning, match="interrupted after 3 of at most 40 epochs"):
        detector.fit(table())
    assert detector.n_iter_ == 3
    np.testing.assert_array_equal(
        detector.anomaly_scores(table()), expected.anomaly_scores(table())
    )

    # nothing has been trained yet: nothing to keep
    use(interrupted(after=0))
    before = state(detector)
    with pytest.raises(KeyboardInterrupt):
        detector.fit(table())
    assert state(detector) == before


def test_a_fit_warns_if_it_stopped_too_early_and_only_then():
    with pytest.warns(ConvergenceWarning, match="still falling after epochs=3; raise epochs"):
        AutoencoderDetector(epochs=3, random_state=0).fit(table())
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        detector = AutoencoderDetector(epochs=500, random_state=0).fit(table())
        assert detector.n_iter_ < 500
        # stopping in the very last epoch is stopping
        clone(detector).set_params(epochs=detector.n_iter_).fit(table())


def test_by_fit_of_keras_and_by_the_loop_on_tensorflow_detectors_are_equally_good(monkeypatch):
    areas = []
    for _ in range(2):
        for seed in range(3):
            detector = AutoencoderDetector(epochs=50, random_state=seed).fit(table(seed=seed))
            normal, anomalous = table(seed=10 + seed), shuffled(table(seed=20 + seed))
            scores = np.r_[detector.score_samples(normal), detector.score_samples(anomalous)]
            areas.append(roc_auc_score(np.arange(400) < 200, scores))
            loss = detector.history_["loss"][-1]
            assert 0.01 < loss < 0.3
        monkeypatch.setattr(training, "_on_tensorflow", training._by_fit)
    assert np.mean(areas[:3]) == pytest.approx(np.mean(areas[3:]), abs=0.01)


def test_p_values_compare_with_the_calibration_rows(fitted, tmp_path):
    rows = table()
    detector = copy.deepcopy(fitted)
    with pytest.raises(NotFittedError, match=r"Call calibrate\(X\)"):
        detector.p_values(rows)
    assert detector.calibrate(rows[::2]) is detector
    known = fitted.anomaly_scores(rows[::2])
    expected = [(1 + np.sum(known >= s)) / (len(known) + 1) for s in fitted.anomaly_scores(rows)]
    np.testing.assert_array_equal(detector.p_values(rows), expected)
    np.testing.assert_array_equal(detector.calibration_scores_, np.sort(known))
    # a file and a copy keep them, another fit does not
    detector.save(tmp_path / "file")
    for again in (AutoencoderDetector.load(tmp_path / "file"), copy.deepcopy(detector)):
        np.testing.assert_array_equal(again.p_values(rows), expected)
    fitted.save(tmp_path / "uncalibrated")
    assert not hasattr(AutoencoderDetector.load(tmp_path / "uncalibrated"), "calibration_scores_")
    assert not hasattr(clone(detector), "calibration_scores_")
    detector.set_params(epochs=1).fit(rows)
    with pytest.raises(NotFittedError, match="not calibrated"):
        detector.p_values(rows)
    with pytest.raises(NotFittedError):
        AutoencoderDetector().calibrate(rows)


def test_files_from_before_calibration_are_read(tmp_path, fitted):
    def forget(about, numbers):
        del about["n_calibration"]
        return numbers

    fitted.save(tmp_path / "file")
    old = AutoencoderDetector.load(rewritten(tmp_path / "file", tmp_path / "old", forget))
    np.testing.assert_array_equal(old.anomaly_scores(table()), fitted.anomaly_scores(table()))


@pytest.mark.parametrize("scores", [[2.0, 1.0], [-1.0, 1.0]])
def test_calibration_scores_that_cannot_be(tmp_path, fitted, scores):
    def add(about, numbers):
        about["n_calibration"] = len(scores)
        return np.r_[numbers, scores]

    fitted.save(tmp_path / "file")
    with pytest.raises(DataFileError, match="not a detector"):
        AutoencoderDetector.load(rewritten(tmp_path / "file", tmp_path / "other", add))


def test_chapter_4_builds_the_detectors_network(fitted):
    """The layers that the chapter shows, with the detector's weights, give its scores."""
    chapter = Path(__file__).parent.parent / "notebooks" / "04_anomalies_in_any_data.ipynb"
    built = {}
    for cell in json.loads(chapter.read_text())["cells"]:
        if "builds-model" in cell["metadata"].get("tags", []):
            exec("".join(cell["source"]), built)
    network = built["new_network"](8, N_LATENT)
    assert type(network.layers[0]).__name__ == "GaussianNoise"
    assert network.layers[0].stddev == fitted.noise
    weights = zip(fitted.coefs_, fitted.intercepts_, strict=True)
    network.set_weights([part for layer in weights for part in layer])
    x = ((table() - fitted.mean_) / fitted.scale_).astype(np.float32)
    errors = reconstruction_error(x, network.predict(x, verbose=0), unit_range=False)
    np.testing.assert_allclose(errors, fitted.anomaly_scores(table()), rtol=1e-3, atol=1e-5)
    adam = built["autoencoder"].optimizer
    assert float(adam.learning_rate) == pytest.approx(fitted.learning_rate)
