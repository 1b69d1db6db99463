"""Measure anomaly detectors on images of digits, for chapter 2.

    .venv/bin/python benchmarks/mnist_anomalies.py

Writes benchmarks/mnist_anomalies.json.  Each of three seeds divides the training images anew into
50,000 to train on, 5,000 for the threshold and 5,000 to choose settings on, and the test images
into 5,000 normal ones and 5,000 that anomalies are made from; it also starts the networks and the
forests.  Stored are, by detector, kind of anomaly and seed, the AUROC, on the kinds to choose
settings on, on those to judge on, and on a digit that was left out of the training, against all
other digits and against other digits of equal ink; and the share of normal images above the
threshold of some detectors, on test images and on images of the same source as the threshold's.
"""

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import numpy as np  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.ensemble import IsolationForest  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402

from aeutils.anomalies import reconstruction_error, threshold_at  # noqa: E402
from aeutils.core import dense_autoencoder  # noqa: E402
from aeutils.data import load_fashion_mnist, load_mnist  # noqa: E402
from aeutils.images import to_unit_range  # noqa: E402

SEEDS = 3
EPOCHS, BATCH_SIZE = 10, 1024
WIDTHS, COMPONENTS, N_SAMPLES = (10, 32), (10, 32, 64, 128), 4096
# a threshold is taken of these, and each of the others is combined with the moments
LIMITED = ("six moments", "network, 10 values", "nearest neighbour")
UNSEEN = 1
RATE = 0.01
# two images have equal ink if their mean pixels differ by less
SAME_INK = 0.002


def on(images, change):
    """Apply a change to images that are stored flat."""
    return change(images.reshape(-1, 28, 28)).reshape(-1, 784)


def flipped(images, *axes):
    """Flip images about pixel 14, on which MNIST centres the mass of each digit.

    About the middle of the field, half a pixel off, the centre of mass would tell a flipped digit.
    """
    return np.roll(np.flip(images, axes), 1, axes)


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


def overprinted(x, y):
    """Print pairs of images of different digits on top of each other."""
    differ = y[:2500] != y[2500:]
    return np.maximum(x[:2500], x[2500:])[differ]


def to_choose_on(x, y):
    """Return the kinds of anomalies on which settings are chosen."""
    mirrored = x[np.isin(y, [3, 4, 6, 7, 9])]
    return {"mirrored": on(mirrored, lambda i: flipped(i, 2)), "shifted": on(x, shifted)}


def to_judge_on(x, y, clothes, rng):
    """Return the kinds of anomalies on which detectors are judged."""
    return {
        "clothes": clothes,
        "noise": rng.random((2000, 784), dtype="float32"),
        "half turn": on(x[np.isin(y, [3, 4, 7])], lambda i: flipped(i, 1, 2)),
        "overprint": overprinted(x, y),
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
    squares = np.square(x).sum(axis=1)

    def score(images):
        # a product of matrices in single precision is several times faster than an index
        parts = [
            np.square(part).sum(axis=1) + np.min(squares - 2 * part @ x.T, axis=1)
            for part in np.array_split(images, 1 + len(images) // 500)
        ]
        return np.sqrt(np.maximum(np.concatenate(parts), 0))

    return score


def forest(x, seed):
    """Return the score of an isolation forest."""
    trees = IsolationForest(max_samples=N_SAMPLES, random_state=seed).fit(x)
    return lambda x: -trees.score_samples(x)


def ink(x):
    """Compute the mean pixel of each image."""
    return x.mean(axis=1)


def moments(x):
    """Compute the moments of images up to order two.

    Ink, centre of mass, and the second moments about it: how far the ink extends down, to the
    right, and along the diagonal.
    """
    squares, place = x.reshape(-1, 28, 28), np.arange(28)
    mass = np.maximum(squares.sum(axis=(1, 2)), 1e-6)[:, None, None]
    share = squares / mass
    centre = [share.sum(axis=axis) @ place for axis in (2, 1)]
    down, right = (place - c[:, None] for c in centre)
    pairs = [(down**2, right**0), (down**0, right**2), (down, right)]
    extents = [np.einsum("nij,ni,nj->n", share, a, b) for a, b in pairs]
    return np.stack([ink(x), *centre, *extents], axis=1)


def deviation(x):
    """Return as a score the Mahalanobis distance of moments from those of normal images."""
    normal = moments(x)
    mean, inverse = normal.mean(axis=0), np.linalg.inv(np.cov(normal.T))

    def score(x):
        offset = moments(x) - mean
        return np.sqrt(((offset @ inverse) * offset).sum(axis=1))

    return score


def detectors_of(x, seed):
    """Return all detectors, fitted, by name."""
    return (
        {f"network, {n} values": network(x, n, seed) for n in WIDTHS}
        | {f"PCA, {n} components": components(x, n) for n in COMPONENTS}
        | {"nearest neighbour": neighbours(x)}
        | {"isolation forest": forest(x, seed)}
        | {"ink": ink, "six moments": deviation(x)}
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


def scores_of(detectors, images, limits):
    """Return the scores of images by each detector, and by two detectors together.

    Of two, it is the larger score, each in units of its threshold: above 1, one of both raises an
    alarm.
    """
    scores = {name: score(images) for name, score in detectors.items()}
    for name in sorted(limits.keys() - {"six moments"}):
        pair = ("six moments", name)
        scores[f"moments or {name}"] = np.maximum(*(scores[n] / limits[n] for n in pair))
    return scores


def measure(detectors, normal, kinds, place, limits=None):
    """Add the AUROC of each detector on each kind of anomaly to what is stored at a place."""
    of_normal = scores_of(detectors, normal, limits or {})
    for kind, images in kinds.items():
        for name, scores in scores_of(detectors, images, limits or {}).items():
            note(place, name, kind, area(of_normal[name], scores))


def of_equal_ink(seen, unseen):
    """Return pairs of images, one seen and one unseen, of equal ink; each is in one pair at most.

    The unseen ones choose by turns, from the one of most ink on.
    """
    ink_of, free = ink(seen), np.ones(len(seen), bool)
    pairs = []
    for i in np.argsort(-ink(unseen)):
        distance = np.where(free, np.abs(ink_of - ink(unseen[i : i + 1])), np.inf)
        nearest = np.argmin(distance)
        if distance[nearest] < SAME_INK:
            free[nearest] = False
            pairs.append((nearest, i))
    ours, theirs = np.array(pairs).T
    return seen[ours], unseen[theirs]


def compare(seed, x, y, x_test, y_test, clothes, stored):
    """Measure with one seed; add to what is stored."""
    rng = np.random.default_rng(seed)
    order, test_order = rng.permutation(len(x)), rng.permutation(len(x_test))
    train, threshold, select = np.split(order, [50_000, 55_000])
    normal, others = np.split(test_order, 2)
    clothes = clothes[rng.permutation(len(clothes))]
    x_normal, y_normal = x_test[normal], y_test[normal]
    detectors = detectors_of(x[train], seed)
    limits = {name: threshold_at(detectors[name](x[threshold]), RATE) for name in LIMITED}
    kinds = to_choose_on(x[select], y[select])
    measure(detectors, x[select], kinds, stored["choosing"], limits)
    judging = to_judge_on(x_test[others], y_test[others], clothes[:5000], rng)
    measure(detectors, x_normal, judging, stored["judging"], limits)
    for name, limit in limits.items():
        for source, images in (("test", x_normal), ("same source", x[select])):
            alarms = detectors[name](images) > limit
            note(stored["false_alarm_rate"], source, name, float(alarms.mean()))
    seen = x[train][y[train] != UNSEEN]
    without = {
        "network, 10 values": network(seen, 10, seed),
        "PCA, 10 components": components(seen, 10),
        "nearest neighbour": neighbours(seen),
        "little ink": lambda x: -ink(x),
    }
    known, unseen = x_normal[y_normal != UNSEEN], x_normal[y_normal == UNSEEN]
    measure(without, known, {str(UNSEEN): unseen}, stored["unseen"])
    known, unseen = of_equal_ink(known, unseen)
    stored["pairs_of_equal_ink"].append(len(unseen))
    measure(without, known, {f"{UNSEEN}, equal ink": unseen}, stored["unseen"])


def main():
    """Measure and store."""
    (x, y), (x_test, y_test) = load_mnist()
    _, (clothes, _) = load_fashion_mnist()
    x, x_test, clothes = (to_unit_range(i, shape=(784,)) for i in (x, x_test, clothes))
    stored = {
        "choosing": {},
        "judging": {},
        "unseen": {},
        "pairs_of_equal_ink": [],
        "false_alarm_rate": {},
    }
    for seed in range(SEEDS):
        compare(seed, x, y, x_test, y_test, clothes, stored)
        print(f"seed {seed}", stored, flush=True)
    results.write("mnist_anomalies", stored)


if __name__ == "__main__":
    main()
