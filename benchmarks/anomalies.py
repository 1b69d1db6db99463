"""Compare AutoencoderDetector with other outlier detectors (about 20 minutes on 2 cores).

Every method gets the same rows of the same splits and its library's default settings, but for the
nu of the support vector machine and the latent size of PCA, which is the autoencoder's; images
have settings of their own.  Methods that draw random numbers run with several seeds.
Writes benchmarks/anomalies.json, which the benchmarks page and chapter 4 show.
"""

import subprocess
import sys
import time
import warnings
from collections import defaultdict

import numpy as np
import results
from scipy.ndimage import gaussian_filter
from sklearn import datasets
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import OneClassSVM

from aeutils import AutoencoderDetector, runtime
from aeutils.data import load_fashion_mnist, load_mnist

runtime.quiet_logs()
from pyod.models.auto_encoder import AutoEncoder  # noqa: E402  after the logs are quiet

SEEDS = (0, 1, 2)
TABLE_SEEDS = range(10)  # each another split, since the tables are small
IMAGE_SETTINGS = {
    "hidden_layer_sizes": (128, 64),
    "latent_dim": 16,
    "standardize": False,
    "epochs": 20,
    "batch_size": 128,
}
OURS, OURS_COMBINED = "AutoencoderDetector", "AutoencoderDetector, combined score"
PYOD = "PyOD AutoEncoder"
NEW_PROCESS = {
    OURS: "from aeutils import AutoencoderDetector\n"
    "AutoencoderDetector(random_state=0).fit(x).anomaly_scores(x)",
    PYOD: "from pyod.models.auto_encoder import AutoEncoder\n"
    "AutoEncoder(random_state=0, verbose=0).fit(x).decision_function(x)",
}


def fitted(train, seed, settings):
    """Fit every method; yield its name, its seconds, and the function that scores rows."""

    def timed(fit):
        began = time.perf_counter()
        detector = fit()
        return detector, time.perf_counter() - began

    new = AutoencoderDetector(random_state=seed, **settings)
    ours, seconds = timed(lambda: new.fit(train))
    yield OURS, seconds, ours.anomaly_scores
    combined, seconds = timed(lambda: clone(new).set_params(anomaly_score="combined").fit(train))
    yield OURS_COMBINED, seconds, combined.anomaly_scores

    # its default of 32 rows a step leaves nothing to train on where there are fewer
    pyod, seconds = timed(
        lambda: AutoEncoder(random_state=seed, batch_size=min(32, len(train)), verbose=0).fit(train)
    )
    yield PYOD, seconds, pyod.decision_function

    forest, seconds = timed(lambda: IsolationForest(random_state=seed).fit(train))
    yield "isolation forest", seconds, lambda x: -forest.score_samples(x)
    if seed != SEEDS[0] and settings is IMAGE_SETTINGS:
        return  # the training rows are the same, and the rest draws no random numbers

    pca, seconds = timed(lambda: PCA(ours.latent_dim_, svd_solver="covariance_eigh").fit(train))
    yield (
        "PCA reconstruction",
        seconds,
        lambda x: np.square(x - pca.inverse_transform(pca.transform(x))).mean(axis=1),
    )
    # the default nu of 0.5 calls every second training row an outlier
    svm, seconds = timed(lambda: OneClassSVM(nu=0.1).fit(train))
    yield "one-class SVM", seconds, lambda x: -svm.score_samples(x)
    lof, seconds = timed(lambda: LocalOutlierFactor(novelty=True).fit(train))
    yield "local outlier factor", seconds, lambda x: -lof.score_samples(x)
    knn, seconds = timed(lambda: NearestNeighbors().fit(train))
    yield "nearest neighbours", seconds, lambda x: knn.kneighbors(x)[0][:, -1]


def judge(train, test, is_anomaly, seed, settings, groups=None):
    """Return for every method its AUROC and its seconds, and its AUROC on groups of the test."""
    rows = {}
    for name, fit_seconds, score in fitted(train, seed, settings):
        began = time.perf_counter()
        scores = score(test)
        seconds = time.perf_counter() - began
        rows[name] = {
            "auroc": roc_auc_score(is_anomaly, scores),
            "fit_seconds": fit_seconds,
            "score_seconds": seconds,
        }
        if groups is not None:
            rows[name]["auroc_of_group"] = {
                int(group): roc_auc_score(
                    is_anomaly[chosen := ~is_anomaly | (groups == group)], scores[chosen]
                )
                for group in np.unique(groups[is_anomaly])
            }
    return rows


def average(runs, name, digits=4):
    """Return the mean of a figure over runs, by method."""
    collected = defaultdict(list)
    for rows in runs:
        for method, row in rows.items():
            collected[method].append(row[name])
    return {method: round(float(np.mean(values)), digits) for method, values in collected.items()}


def summary(runs):
    """Return the means over runs of all figures that tables show."""
    return {
        "auroc": average(runs, "auroc"),
        "fit_seconds": average(runs, "fit_seconds", 3),
        "score_seconds": average(runs, "score_seconds", 4),
    }


def tables():
    """Yield scikit-learn's tables: name, normal rows, anomalous rows."""
    x, y = datasets.load_breast_cancer(return_X_y=True)
    yield "breast cancer", x[y == 1], x[y == 0]  # 1 is benign
    for name, load in (("wine", datasets.load_wine), ("digits", datasets.load_digits)):
        x, y = load(return_X_y=True)
        for normal in np.unique(y):
            yield name, x[y == normal], x[y != normal]
    # ages, a yes-or-no column, pressures and blood values; an anomaly takes each of its values
    # from another patient, so that every value is usual and their combination is not
    x, _ = datasets.load_diabetes(return_X_y=True, scaled=False)
    rng = np.random.default_rng(0)
    yield "diabetes, mixed scales", x, np.stack([rng.permutation(column) for column in x.T], 1)


def run_tables():
    """Train on half of the normal rows; test on the other half and all anomalies."""
    runs, rows_of = defaultdict(list), defaultdict(int)
    for name, normal, anomalous in tables():
        rows_of[name] = [len(normal) + len(anomalous), normal.shape[1]]
        for seed in TABLE_SEEDS:
            order = np.random.default_rng(seed).permutation(len(normal))
            half = len(normal) // 2
            scaler = StandardScaler().fit(normal[order[:half]])
            train = scaler.transform(normal[order[:half]])
            test = scaler.transform(np.r_[normal[order[half:]], anomalous])
            is_anomaly = np.arange(len(test)) >= len(normal) - half
            runs[name].append(judge(train, test, is_anomaly, seed, {}))
        print(f"{name}: {average(runs[name], 'auroc')}", flush=True)
    return {
        # without times, which are hundredths of a second here
        name: {
            "rows": rows_of[name][0],
            "features": rows_of[name][1],
            "auroc": average(of_table, "auroc"),
        }
        for name, of_table in runs.items()
    }


def as_pixels(images):
    """Return images as rows of pixels between 0 and 1."""
    return (images / np.float32(255)).reshape(len(images), -1)


def as_smoothed(images):
    """Return slightly blurred images as rows of length 1."""
    # where a stroke lies to the pixel, and how thick it is, says little about which digit it is
    blurred = gaussian_filter(images.astype(np.float32), (0, 1, 1))
    return Normalizer().fit_transform(as_pixels(blurred))


def run_one_class(prepare):
    """Train on one digit of the training set, test on all test digits (Ruff et al. 2018)."""
    (x_train, y_train), (x_test, y_test) = load_mnist()
    x_train, x_test = prepare(x_train), prepare(x_test)
    of_digit = {}
    for digit in range(10):
        of_digit[digit] = [
            judge(x_train[y_train == digit], x_test, y_test != digit, seed, IMAGE_SETTINGS, y_test)
            for seed in SEEDS
        ]
        print(f"digit {digit}: {average(of_digit[digit], 'auroc')}", flush=True)
    every_run = [rows for runs in of_digit.values() for rows in runs]
    by_digit = {digit: average(runs, "auroc") for digit, runs in of_digit.items()}
    worst = min(by_digit, key=lambda digit: by_digit[digit][OURS])
    against = [rows[OURS]["auroc_of_group"] for rows in of_digit[worst]]
    return {
        **summary(every_run),
        "auroc_by_digit": by_digit,
        "worst_digit": worst,
        "worst_digit_against": {
            other: round(float(np.mean([groups[other] for groups in against])), 4)
            for other in against[0]
        },
    }


def run_clothes(prepare, n_train=10_000):
    """Train on digits, test on other digits and on clothes."""
    (x_train, _), (x_test, _) = load_mnist()
    _, (clothes, _) = load_fashion_mnist()
    test = prepare(np.r_[x_test, clothes])
    is_anomaly = np.arange(len(test)) >= len(x_test)
    settings = {**IMAGE_SETTINGS, "latent_dim": 64}
    runs = []
    for seed in SEEDS:
        chosen = np.random.default_rng(seed).permutation(len(x_train))[:n_train]
        runs.append(judge(prepare(x_train[chosen]), test, is_anomaly, seed, settings))
        print(f"clothes, seed {seed}: {average(runs[-1:], 'auroc', 5)}", flush=True)
    return summary(runs)


def run_new_process():
    """Return the seconds from the start of Python to the first scores, the imports included."""
    data = "from sklearn.datasets import load_breast_cancer\nx = load_breast_cancer().data\n"
    seconds = defaultdict(list)
    for _ in SEEDS:
        for name, script in NEW_PROCESS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", data + script], check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - began)
    return {name: round(float(np.mean(values)), 2) for name, values in seconds.items()}


def main():
    """Measure everything and store it."""
    began = time.perf_counter()
    # images are trained for as many epochs as they are given
    warnings.simplefilter("ignore", ConvergenceWarning)
    # both libraries set up more at their first training than at any later one
    warm_up = np.random.default_rng(0).normal(size=(100, 5))
    for settings in ({}, IMAGE_SETTINGS | {"latent_dim": 2}):
        list(fitted(warm_up, 0, settings))
    measured = {
        "seeds": len(SEEDS),
        "table_seeds": len(TABLE_SEEDS),
        "new_process_seconds": run_new_process(),
        "tables": run_tables(),
        "one_class": {
            "smoothed": run_one_class(as_smoothed),
            "pixels": run_one_class(as_pixels),
        },
        "clothes": {"smoothed": run_clothes(as_smoothed), "pixels": run_clothes(as_pixels)},
    }
    measured["minutes"] = round((time.perf_counter() - began) / 60)
    results.write("anomalies", measured)


if __name__ == "__main__":
    main()
