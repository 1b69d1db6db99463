"""Measure anomaly detectors on images of digits, for chapter 2.

    .venv/bin/python benchmarks/mnist_anomalies.py

Writes benchmarks/mnist_anomalies.json.  Each of three seeds divides the training images anew into
50,000 to train on, 5,000 for the threshold and 5,000 to choose settings on, and the test images
into 5,000 normal ones and 5,000 that anomalies are made from; it also starts the networks and the
forests.  Stored are, by detector, kind of anomaly and seed, the AUROC, on the kinds to choose
settings on, on those to judge on, and on a digit that was left out of the training, by the
reconstruction error and by the error relative to the image's own square; and the share of normal
test images above the threshold of each network.
"""

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import numpy as np  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.ensemble import IsolationForest  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402
from sklearn.neighbors import NearestNeighbors  # noqa: E402

from aeutils.anomalies import reconstruction_error, threshold_at  # noqa: E402
from aeutils.core import dense_autoencoder  # noqa: E402
from aeutils.data import load_fashion_mnist, load_mnist  # noqa: E402
from aeutils.images import to_unit_range  # noqa: E402

SEEDS = 3
EPOCHS, BATCH_SIZE = 10, 1024
N_NEIGHBOURS_IN = 20_000
WIDTHS, COMPONENTS, SAMPLES = (10, 32), (10, 32, 64, 128), (256, 4096)
UNSEEN = 1
RATE = 0.01


def on(images, change):
    """Apply a change to images that are stored flat."""
    return change(images.reshape(-1, 28, 28)).reshape(-1, 784)


def shifted(images):
    """Move images four pixels down and four to the right."""
    moved = np.zeros_like(images)
    moved[:, 4:, 4:] = images[:, :-4, :-4]
    return moved


def erased(images):
    """Take a strip of eight pixels out of the middle of images."""
    images = images.copy()
    images[:, 10:18] = 0
    return images


def to_choose_on(x, y):
    """Return the kinds of anomalies on which settings are chosen."""
    mirrored = x[np.isin(y, [3, 4, 6, 7, 9])]
    return {"mirrored": on(mirrored, lambda i: i[:, :, ::-1]), "shifted": on(x, shifted)}


def to_judge_on(x, y, clothes, rng):
    """Return the kinds of anomalies on which detectors are judged."""
    return {
        "clothes": clothes,
        "noise": rng.random((2000, 784), dtype="float32"),
        "half turn": x[np.isin(y, [3, 4, 7])][:, ::-1],
        "overprint": np.maximum(x[:2500], x[2500:]),
        "erased strip": on(x[:2500], erased),
    }


def network(x, width, seed):
    """Return the score of a network that was trained as in the chapter."""
    keras.utils.set_random_seed(seed)
    model = dense_autoencoder(width)
    model.compile("adam", "mse", steps_per_execution=10)
    model.fit(x, x, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0)
    return lambda x: reconstruction_error(x, model.predict(x, batch_size=1000, verbose=0))


def components(x, n):
    """Return the reconstruction error by PCA as a score."""
    pca = PCA(n, svd_solver="covariance_eigh").fit(x)
    return lambda x: reconstruction_error(x, pca.inverse_transform(pca.transform(x)), False)


def neighbours(x):
    """Return the distance to the nearest training image as a score."""
    index = NearestNeighbors(n_neighbors=1).fit(x[:N_NEIGHBOURS_IN])
    return lambda x: index.kneighbors(x)[0][:, 0]


def forest(x, n_samples, seed):
    """Return the score of an isolation forest."""
    trees = IsolationForest(max_samples=n_samples, random_state=seed).fit(x)
    return lambda x: -trees.score_samples(x)


def ink(x):
    """Compute the mean pixel of each image."""
    return x.mean(axis=1)


def grey_share(x):
    """Compute the share of pixels that are neither black nor white."""
    return ((x > 0.1) & (x < 0.9)).mean(axis=1)


def grey_deviation(x):
    """Return as a score how far the share of grey pixels is from its mean."""
    mean = grey_share(x).mean()
    return lambda x: np.abs(grey_share(x) - mean)


def detectors_of(x, seed):
    """Return all detectors, fitted, by name."""
    return (
        {f"network, {n} values": network(x, n, seed) for n in WIDTHS}
        | {f"PCA, {n} components": components(x, n) for n in COMPONENTS}
        | {"nearest neighbour": neighbours(x)}
        | {f"isolation forest, {n} samples": forest(x, n, seed) for n in SAMPLES}
        | {"mean pixel": ink, "share of grey pixels": grey_share}
        | {"grey pixels, two-sided": grey_deviation(x)}
    )


def area(normal, anomalous):
    """Return the AUROC."""
    scores, truth = np.r_[normal, anomalous], np.repeat([0, 1], [len(normal), len(anomalous)])
    return round(float(roc_auc_score(truth, scores)), 4)


def note(table, *keys):
    """Add a value, the last of the keys, to the list that the others lead to."""
    *path, name, value = keys
    for key in path:
        table = table.setdefault(key, {})
    table.setdefault(str(name), []).append(value)


def plain_and_relative(name, score, x):
    """Return the score of images, and that of reconstruction errors relative to the images."""
    plain = score(x)
    if not name.startswith(("network", "PCA", "nearest")):
        return {name: plain}
    errors = plain**2 / x.shape[1] if name.startswith("nearest") else plain
    return {name: plain, f"{name}, relative": errors / np.maximum((x**2).mean(axis=1), 1e-6)}


def measure(detectors, normal, kinds, place):
    """Add the AUROC of each detector on each kind of anomaly to what is stored at a place."""
    for name, score in detectors.items():
        of_normal = plain_and_relative(name, score, normal)
        for kind, images in kinds.items():
            for variant, scores in plain_and_relative(name, score, images).items():
                note(place, variant, kind, area(of_normal[variant], scores))


def compare(seed, x, y, x_test, y_test, clothes, stored):
    """Measure with one seed; add to what is stored."""
    rng = np.random.default_rng(seed)
    order, test_order = rng.permutation(len(x)), rng.permutation(len(x_test))
    train, threshold, select = np.split(order, [50_000, 55_000])
    normal, others = np.split(test_order, 2)
    clothes = clothes[rng.permutation(len(clothes))]
    x_normal, y_normal = x_test[normal], y_test[normal]
    detectors = detectors_of(x[train], seed)
    measure(detectors, x[select], to_choose_on(x[select], y[select]), stored["choosing"])
    judging = to_judge_on(x_test[others], y_test[others], clothes[:5000], rng)
    measure(detectors, x_normal, judging, stored["judging"])
    for width in WIDTHS:
        name = f"network, {width} values"
        score = detectors[name]
        alarms = score(x_normal) > threshold_at(score(x[threshold]), RATE)
        note(stored, "false_alarm_rate", name, float(alarms.mean()))
    seen = x[train][y[train] != UNSEEN]
    without = {
        "network, 10 values": network(seen, 10, seed),
        "PCA, 10 components": components(seen, 10),
        "nearest neighbour": neighbours(seen),
        "mean pixel": ink,
    }
    kinds = {str(UNSEEN): x_normal[y_normal == UNSEEN]}
    measure(without, x_normal[y_normal != UNSEEN], kinds, stored["unseen"])


def main():
    """Measure and store."""
    (x, y), (x_test, y_test) = load_mnist()
    _, (clothes, _) = load_fashion_mnist()
    x, x_test, clothes = (to_unit_range(i, shape=(784,)) for i in (x, x_test, clothes))
    stored = {"choosing": {}, "judging": {}, "unseen": {}}
    for seed in range(SEEDS):
        compare(seed, x, y, x_test, y_test, clothes, stored)
        print(f"seed {seed}", stored, flush=True)
    results.write("mnist_anomalies", stored)


if __name__ == "__main__":
    main()
