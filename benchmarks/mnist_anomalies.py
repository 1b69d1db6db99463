"""Measure anomaly detectors on images of digits, for chapter 2.

    .venv/bin/python benchmarks/mnist_anomalies.py

Writes benchmarks/mnist_anomalies.json.  Each of three seeds divides the training images anew into
50,000 to train on, 5,000 for the threshold and 5,000 to choose settings on, and the test images
into 5,000 normal ones and 5,000 that anomalies are made from; it also starts the networks and the
forests.  Stored are, by detector, kind of anomaly and seed, the AUROC, on the kinds to choose
settings on, on those to judge on, and on a digit that was left out of the training, by the
reconstruction error and by the error relative to the image's own square; for that digit also the
AUROC against other digits of equal ink; and the share of normal images above the threshold of
each network, on test images and on images of the same source as the threshold's.
"""

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import numpy as np  # noqa: E402
from scipy.special import logsumexp  # noqa: E402
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
WIDTHS, COMPONENTS, SAMPLES = (10, 32, 64, 128), (10, 32, 64, 128), (256, 4096)
BANDWIDTHS, N_KERNELS = (0.5, 1, 2), 20_000
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
    index = NearestNeighbors(n_neighbors=1).fit(x)
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


def statistics(x):
    """Compute seven statistics of images.

    Ink, share of grey pixels, centre of mass, and the three second moments about it: how far the
    mass extends down, to the right, and along the diagonal.
    """
    squares, place = x.reshape(-1, 28, 28), np.arange(28)
    mass = np.maximum(squares.sum(axis=(1, 2)), 1e-6)[:, None, None]
    share = squares / mass
    down, right = (share.sum(axis=axis) @ place for axis in (2, 1))
    rows = place - down[:, None]
    columns = place - right[:, None]
    moments = [
        np.einsum("nij,ni,nj->n", share, a, b)
        for a, b in ((rows**2, rows**0), (columns**0, columns**2), (rows, columns))
    ]
    return np.stack([ink(x), grey_share(x), down, right, *moments], axis=1)


def deviation(x):
    """Return as a score the Mahalanobis distance of statistics from those of normal images."""
    normal = statistics(x)
    mean, inverse = normal.mean(axis=0), np.linalg.inv(np.cov(normal.T))

    def score(x):
        offset = statistics(x) - mean
        return np.sqrt(np.einsum("ni,ij,nj->n", offset, inverse, offset))

    return score


def density(x, bandwidth):
    """Return as a score the negative logarithm of a Gaussian kernel density."""
    x, squares = x[:N_KERNELS], np.square(x[:N_KERNELS]).sum(axis=1)

    def score(images):
        parts = []
        for start in range(0, len(images), 1000):
            part = images[start : start + 1000]
            distances = np.square(part).sum(axis=1)[:, None] + squares - 2 * part @ x.T
            parts.append(-logsumexp(-distances / (2 * bandwidth**2), axis=1))
        return np.concatenate(parts)

    return score


def either(first, second, x):
    """Return as a score the larger of two, each in units of its threshold from images kept apart.

    Above 1 an image raises the alarm of one of both detectors.
    """
    limits = [threshold_at(score(x), RATE) for score in (first, second)]
    return lambda x: np.maximum(first(x) / limits[0], second(x) / limits[1])


def detectors_of(x, kept, seed):
    """Return all detectors, fitted, by name."""
    found = (
        {f"network, {n} values": network(x, n, seed) for n in WIDTHS}
        | {f"PCA, {n} components": components(x, n) for n in COMPONENTS}
        | {"nearest neighbour": neighbours(x)}
        | {f"kernel density, {h}": density(x, h) for h in BANDWIDTHS}
        | {f"isolation forest, {n} samples": forest(x, n, seed) for n in SAMPLES}
        | {"ink": ink, "grey pixels": grey_share, "seven statistics": deviation(x)}
    )
    for name in ("network, 10 values", "nearest neighbour"):
        found[f"statistics or {name}"] = either(found["seven statistics"], found[name], kept)
    return found


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
    detectors = detectors_of(x[train], x[threshold], seed)
    measure(detectors, x[select], to_choose_on(x[select], y[select]), stored["choosing"])
    judging = to_judge_on(x_test[others], y_test[others], clothes[:5000], rng)
    measure(detectors, x_normal, judging, stored["judging"])
    for width in WIDTHS:
        name = f"network, {width} values"
        score = detectors[name]
        limit = threshold_at(score(x[threshold]), RATE)
        rates = stored["false_alarm_rate"]
        note(rates, "test", name, float((score(x_normal) > limit).mean()))
        note(rates, "same source", name, float((score(x[select]) > limit).mean()))
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
