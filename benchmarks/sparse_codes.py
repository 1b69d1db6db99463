"""Measure sparse autoencoders on worlds with known features and on a classifier, for chapter 13.

    .venv/bin/python benchmarks/sparse_codes.py [PART ...] [--only METHOD ...]

runs the parts middle, frontier, network0, network1 and network2, or those that are named, about 15
minutes on one core, and writes benchmarks/sparse_codes.json.  With ``--only`` the parts measure
some methods, such as ``--only NMF "dictionary learning"``, and leave what is stored of the others.

Settings are chosen on a world of another seed, or on 5,000 training digits that train nothing; the
test samples and the test digits are looked at once.
"""

import sys
import time
import warnings
from itertools import product

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import numpy as np  # noqa: E402
from keras import layers, ops  # noqa: E402
from sklearn.cluster import MiniBatchKMeans  # noqa: E402
from sklearn.decomposition import (  # noqa: E402
    NMF,
    PCA,
    FastICA,
    MiniBatchDictionaryLearning,
)

from aeutils.codes import ReviveDeadUnits, best_cosines, sparse_autoencoder  # noqa: E402
from aeutils.core import split_at  # noqa: E402
from aeutils.data import load_mnist  # noqa: E402
from aeutils.images import to_unit_range  # noqa: E402

warnings.filterwarnings("ignore", module="sklearn")

SEEDS, CHOOSING = (0, 1, 2), 9
N_TRUE, DIM, N_TRAIN, N_TEST = 128, 64, 40_000, 5000
# mean number of active features in a sample, and the settings that are tried
LEVELS = {"middle": 6}
KS = {6: (3, 4, 6)}
PENALTIES = ALPHAS = (0.1, 0.25, 0.5, 1.0)
# as many units as there are features, and more; dictionary learning takes a minute for 192
UNITS, CENTRES = (128, 192, 256), (128, 256, 512)
# of dictionary learning, which takes longest on activations
ROWS_OF_ACTIVATIONS = 10_000


def world(seed, active):
    """Return true directions, and samples for training and for testing."""
    rng = np.random.default_rng(seed)
    true = rng.standard_normal((N_TRUE, DIM))
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    n = N_TRAIN + N_TEST
    on = rng.random((n, N_TRUE)) < active / N_TRUE
    x = (on * rng.uniform(0.5, 1.5, on.shape)) @ true
    x = (x + 0.02 * rng.standard_normal(x.shape)).astype("float32")
    return true, x[:N_TRAIN], x[N_TRAIN:]


def squared_error(x, reconstruction):
    """Return the squared error of each sample."""
    return ops.sum((x - reconstruction) ** 2, axis=-1)


def trained(x, n_units, seed, k=None, l1=0.0, peak=1e-2, epochs=10, until=0.7):
    """Return a trained sparse autoencoder, and its dead units after each epoch."""
    keras.utils.set_random_seed(seed)
    model = sparse_autoencoder(n_units, k, l1, x.shape[1])
    rate = keras.optimizers.schedules.CosineDecay(peak, epochs * (len(x) // 400))
    model.compile(keras.optimizers.Adam(rate), squared_error, steps_per_execution=20,
                  jit_compile=False)  # fmt: skip
    revive = ReviveDeadUnits(x[:10_000], until=until, seed=seed)
    model.fit(x, x, batch_size=400, epochs=epochs, verbose=0, callbacks=[revive])
    return model, revive.n_dead


def directions(model):
    """Return the direction of each unit."""
    return model.get_layer("decoder").get_weights()[0]


def unit_rows(x):
    """Return rows of length 1."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


def dictionary(x, n_units, alpha, seed, rows):
    """Fit scikit-learn's dictionary learning with codes that are not negative."""
    start = unit_rows(x[np.random.default_rng(seed).choice(len(x), n_units, replace=False)])
    model = MiniBatchDictionaryLearning(
        n_units, alpha=alpha, fit_algorithm="cd", positive_code=True, batch_size=250, max_iter=1,
        random_state=seed, dict_init=start, transform_algorithm="lasso_cd",
        transform_alpha=alpha,
    )  # fmt: skip
    return model.fit(x[:rows])


def both_signs(vectors):
    """Return the vectors and their opposites, where the sign has no meaning."""
    return np.concatenate([vectors, -vectors])


def finders(x, active, seed):
    """Yield method, setting and a function that returns directions."""
    # not the world's seed, which would draw its directions again
    rng = np.random.default_rng(1000 + seed)
    yield "random directions", "", lambda: both_signs(rng.standard_normal((N_TRUE, DIM)))
    yield "samples", "", lambda: x[rng.choice(len(x), N_TRUE, replace=False)]
    yield "PCA", "", lambda: both_signs(PCA(DIM).fit(x).components_)
    yield (
        "ICA", "",
        lambda: both_signs(
            FastICA(DIM, max_iter=1000, tol=1e-3, random_state=seed).fit(x).mixing_.T
        ),
    )  # fmt: skip
    for n in CENTRES:
        yield (
            "k-means", n,
            lambda n=n: MiniBatchKMeans(n, n_init=3, random_state=seed)
            .fit(unit_rows(x)).cluster_centers_,
        )  # fmt: skip
    for n, alpha in [*product(UNITS[:1], ALPHAS), *product(UNITS[1:2], ALPHAS[1:3])]:
        yield (
            "dictionary learning", f"{n}, {alpha}",
            lambda n=n, a=alpha: dictionary(x, n, a, seed, N_TRAIN).components_,
        )  # fmt: skip
    for n, l1 in product(UNITS, PENALTIES):
        yield (
            "autoencoder, L1", f"{n}, {l1}",
            lambda n=n, v=l1: directions(trained(x, n, seed, l1=v)[0]),
        )  # fmt: skip
    for n, k in product(UNITS, KS[active]):
        yield (
            "autoencoder, top-k", f"{n}, {k}",
            lambda n=n, k=k: directions(trained(x, n, seed, k=k)[0]),
        )  # fmt: skip


def finders_of(only, *args):
    """Yield all methods, or some."""
    return (row for row in finders(*args) if only is None or row[0] in only)


def recovery(name, only=None):
    """Judge all methods, or some, on worlds of one level; settings come from another world."""
    active = LEVELS[name]
    true, x, _ = world(CHOOSING, active)
    tried = {}
    for method, setting, find in finders_of(only, x, active, CHOOSING):
        if setting != "":
            tried.setdefault(method, {})[setting] = float(best_cosines(true, find()).mean())
            print(name, method, setting, tried[method][setting], flush=True)
    best = {method: max(scores, key=scores.get) for method, scores in tried.items()}
    rows = {}
    for seed in SEEDS:
        true, x, _ = world(seed, active)
        for method, setting, find in finders_of(only, x, active, seed):
            if setting != best.get(method, ""):
                continue
            began = time.perf_counter()
            found = find()
            row = rows.setdefault(method, {"setting": setting, "tried": tried.get(method, {})})
            of = {
                "cosine": best_cosines(true, found).mean(),
                "one_to_one": best_cosines(true, found, one_to_one=True).mean(),
                "found": (best_cosines(true, found) > 0.9).mean(),
                "seconds": time.perf_counter() - began,
            }
            for key, value in of.items():
                row.setdefault(key, []).append(float(value))
            print(name, seed, method, setting, {k: round(float(v), 3) for k, v in of.items()},
                  flush=True)  # fmt: skip
    return {"recovery": {name: {"active": active, "methods": rows}}}


def frontier(only=None):
    """Compare top-k with L1 by active units, unexplained variance and recovery; dead units."""
    active, rows = LEVELS["middle"], []
    settings = [{"k": k} for k in (2, 4, 6, 12)]
    settings += [{"l1": v} for v in (0.1, 0.25, 0.5, 1.0)]
    settings += [{"k": 4, "until": 0.0}]
    for setting in settings:
        row = {**setting, "cosine": [], "active": [], "unexplained": [], "dead": []}
        for seed in SEEDS:
            true, x, x_test = world(seed, active)
            model, n_dead = trained(x, N_TRUE, seed, **setting)
            encoder, decoder = split_at(model, "code")
            code = encoder.predict(x_test, batch_size=5000, verbose=0)
            rest = x_test - decoder.predict(code, batch_size=5000, verbose=0)
            row["cosine"].append(float(best_cosines(true, directions(model)).mean()))
            row["active"].append(float((code > 0).sum(axis=1).mean()))
            row["unexplained"].append(float((rest**2).mean() / x_test.var(axis=0).mean()))
            row["dead"].append(n_dead[-1])
        rows.append(row)
        print(row, flush=True)
    return {"frontier": rows}


# a classifier ------------------------------------------------------------------------------------

COUNTS = (1, 2, 3, 4, 6, 8, 12, 16)
# the settings are chosen by this many units
CHOSEN_AT = (1, 3)


def digits():
    """Return images and labels: to train on, to choose on, and to judge on."""
    (x, y), (x_test, y_test) = load_mnist()
    x, x_test = (to_unit_range(images, shape=(784,)) for images in (x, x_test))
    return (x[:50_000], y[:50_000]), (x[50_000:55_000], y[50_000:55_000]), (x_test, y_test)


def classifier(x, y, seed, epochs=3):
    """Return the two parts of a trained classifier, up to its second hidden layer and after it."""
    keras.utils.set_random_seed(seed)
    first = keras.Sequential(
        [keras.Input((784,)), layers.Dense(256, "relu"), layers.Dense(64, "relu")]
    )
    rest = keras.Sequential([keras.Input((64,)), layers.Dense(32, "relu"), layers.Dense(10)])
    model = keras.Sequential([first, rest])
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * (len(x) // 200))
    model.compile(
        keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=20, jit_compile=False,
    )  # fmt: skip
    model.fit(x, y, batch_size=200, epochs=epochs, verbose=0)
    return first, rest


def half_waves(vectors, mean, back=None):
    """Return codes and directions of linear components, each sign as a unit of its own."""
    back = vectors if back is None else back

    def code(h):
        values = (h - mean) @ back.T
        return np.maximum(np.concatenate([values, -values], axis=1), 0)

    return code, both_signs(vectors)


SIZES = ((10, 2), (16, 2), (16, 3), (32, 2), (32, 3), (64, 4), (128, 8))
ATOMS = ((10, 0.025), (10, 0.05), (16, 0.0125), (16, 0.025), (16, 0.05), (32, 0.05), (32, 0.1))
ATOMS += ((64, 0.1), (64, 0.25))


def readers(h, y, scale, seed, only=None):
    """Yield method, setting, code, directions and constant of ways to split activations."""

    def wanted(name, values):
        return values if only is None or name in only else ()

    mean, rng = h.mean(axis=0), np.random.default_rng(seed)
    yield "neurons", "", lambda z: z, np.eye(h.shape[1]), 0
    q = np.linalg.qr(rng.standard_normal((h.shape[1],) * 2))[0]
    yield "random rotation", "", *half_waves(q, mean), mean
    pca = PCA(h.shape[1]).fit(h).components_
    yield "PCA", "", *half_waves(pca, mean), mean
    for n in wanted("ICA", (10, 16, 32, 48)):
        ica = FastICA(n, max_iter=1000, tol=1e-3, random_state=seed).fit(h)
        length = np.linalg.norm(ica.mixing_.T, axis=1, keepdims=True)
        yield (
            "ICA", n, *half_waves(ica.mixing_.T / length, mean, ica.components_ * length), mean,
        )  # fmt: skip
    for n in wanted("k-means", (10, 16, 32, 64)):
        means = MiniBatchKMeans(n, n_init=3, batch_size=2000, random_state=seed).fit(h)
        eye = np.eye(n)
        yield (
            "k-means", n, lambda z, m=means, e=eye: e[m.predict(z)],
            means.cluster_centers_ - mean, mean,
        )  # fmt: skip
    for n in wanted("NMF", (10, 16, 24, 32)):
        parts = NMF(n, init="nndsvda", max_iter=200, tol=1e-3).fit(h)
        yield "NMF", n, parts.transform, parts.components_, 0
    for n, alpha in wanted("dictionary learning", ATOMS):
        centred = ((h - mean) / scale).astype("f4")
        atoms = dictionary(centred, n, alpha, seed, ROWS_OF_ACTIVATIONS)
        yield (
            "dictionary learning", f"{n}, {alpha}",
            lambda z, a=atoms: a.transform(((z - mean) / scale).astype("f4")),
            atoms.components_ * scale, mean,
        )  # fmt: skip
    x = (h / scale).astype("float32")
    for n, k in wanted("autoencoder, top-k", SIZES):
        model, _ = trained(x, n, seed, k=k, peak=5e-3)
        encoder, decoder = split_at(model, "code")
        vectors, bias = decoder.get_weights()

        def code(z, e=encoder):
            return e.predict((z / scale).astype("float32"), batch_size=5000, verbose=0)

        yield "autoencoder, top-k", f"{n}, {k}", code, vectors * scale, bias * scale
        if (n, k) == (64, 4):
            turned = unit_rows(rng.standard_normal(vectors.shape))
            yield "random, same size", "", code, turned * scale, None
    means = np.array([h[y == digit].mean(axis=0) for digit in range(10)]) - mean
    vectors = unit_rows(means)
    yield (
        "class means, from labels",
        "",
        lambda z: np.maximum((z - mean) @ vectors.T, 0),
        vectors,
        mean,
    )


def by_class(right, y):
    """Return the accuracy on each class."""
    return np.array([right[y == digit].mean() for digit in range(10)])


def named(code, vectors, y):
    """Return for each class how much more its images activate a unit than others do."""
    inside = np.array([code[y == digit].mean(axis=0) for digit in range(10)])
    outside = np.array([code[y != digit].mean(axis=0) for digit in range(10)])
    return (inside - outside) * np.linalg.norm(vectors, axis=1)


def turned_off(h, y, code, vectors, order, answer, counts=COUNTS):
    """Return what turning off a class's first units costs that class and the others."""
    base = by_class(answer(h) == y, y)
    own, others = [], []
    for n in counts:
        costs = []
        for digit in range(10):
            units = order[digit][:n]
            off = h - code[:, units] @ vectors[units]
            costs.append(base - by_class(answer(off) == y, y))
        costs = np.array(costs)
        own.append(float(np.trace(costs) / 10))
        others.append(float((costs.sum() - np.trace(costs)) / 90))
    return own, others


def network(seed, only=None):
    """Turn units off that the selection digits name, and count the errors on test digits."""
    (x, y), (x_select, y_select), (x_test, y_test) = digits()
    first, rest = classifier(x, y, seed)
    h, h_select, h_test = (
        first.predict(part, batch_size=5000, verbose=0) for part in (x, x_select, x_test)
    )
    weights = rest.get_weights()

    def answer(z):
        hidden = np.maximum(z @ weights[0] + weights[1], 0)
        return (hidden @ weights[2] + weights[3]).argmax(axis=1)

    scale, found = float(np.sqrt(h.var(axis=0).sum())), {}
    for method, setting, code, vectors, constant in readers(h, y, scale, seed, only):
        if only is not None and method not in only:
            continue
        select, test = code(h_select), code(h_test)
        order = np.argsort(-named(select, vectors, y_select), axis=1)
        chosen_by = turned_off(h_select, y_select, select, vectors, order, answer, CHOSEN_AT)
        own, others = turned_off(h_test, y_test, test, vectors, order, answer)
        of = {
            "select": dict(zip(map(str, CHOSEN_AT), np.subtract(*chosen_by).tolist(), strict=True)),
            "own": own,
            "others": others,
            "active": float((test > 0).sum(axis=1).mean()),
            "dead": int((test.max(axis=0) <= 0).sum()),
        }
        if constant is not None:
            again = test @ vectors + constant
            variance = ((h_test - h_test.mean(axis=0)) ** 2).sum()
            of["unexplained"] = float(((h_test - again) ** 2).sum() / variance)
            of["accuracy"] = float(np.mean(answer(again) == y_test))
        found.setdefault(method, {})[str(setting)] = of
        print(seed, method, setting, of, flush=True)
    accuracy = float(np.mean(answer(h_test) == y_test))
    if only is not None:
        return {"network": {str(seed): {"accuracy": accuracy, "methods": found}}}
    dead = {
        name: trained((h / scale).astype("f4"), 64, seed, k=4, peak=5e-3, until=until)[1]
        for name, until in (("revived", 0.7), ("not revived", 0.0))
    }
    return {"network": {str(seed): {"accuracy": accuracy, "dead": dead, "methods": found}}}


PARTS = {
    **{name: lambda only, n=name: recovery(n, only) for name in LEVELS},
    "frontier": frontier,
    **{f"network{seed}": lambda only, s=seed: network(s, only) for seed in SEEDS},
}


def save(measured):
    """Add what a part has measured to what is stored, with the day and the machine of today."""
    results.write("sparse_codes", results.merged(results.so_far("sparse_codes"), measured))


def main(words):
    """Run the parts that the words name, or all."""
    only = None
    if "--only" in words:
        at = words.index("--only")
        words, only = words[:at], words[at + 1 :]
    if set(words) - set(PARTS):
        sys.exit(__doc__)
    for word in words or PARTS:
        save(PARTS[word](only))


if __name__ == "__main__":
    main(sys.argv[1:])
