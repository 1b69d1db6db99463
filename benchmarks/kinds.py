"""Measure kinds of autoencoders and their simplest rivals on digits, for chapter 10.

    .venv/bin/python benchmarks/kinds.py [PART ...]

runs the parts `narrow`, `sparse`, `contractive`, `denoising`, `masked` and `longer`, which train,
and `codes`, `movement`, `cleaning`, `filling`, `labels` and `costs`, which judge, or those that
are named, about 20 minutes on one core, and writes benchmarks/kinds.json.  Trained networks are
kept in the folder for temporary files.

The networks, their pairs of input and target, and the training are those of the chapter: its
cells with the tag `definition` are executed here.

Of the 60,000 training images 20,000 train, every rival too, and 2,000 others serve to choose
settings; 2,000 of the test images, or all where it says so, are looked at once.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import numpy as np  # noqa: E402
from skimage.restoration import denoise_tv_chambolle  # noqa: E402
from sklearn.decomposition import PCA, MiniBatchDictionaryLearning, sparse_encode  # noqa: E402

from aeutils.data import load_mnist  # noqa: E402
from aeutils.images import add_noise, to_unit_range  # noqa: E402

SEEDS = (0, 1, 2)
EPOCHS, LONGER, N_TRAIN, N_SELECT, N_TEST = 5, 15, 20_000, 2_000, 2_000
NOISE, SHARE = 0.5, 0.5
LEVELS = ("0.1", "0.5", "1.0")  # noise factors in training
CHAPTER = results.FOLDER.parent / "notebooks" / "10_which_autoencoder.ipynb"
KEPT = Path(tempfile.gettempdir()) / "aeutils-kinds"


def chapter():
    """Return what the chapter's cells with the tag `definition` define."""
    names = {}
    for cell in json.loads(CHAPTER.read_text())["cells"]:
        if "definition" in cell["metadata"].get("tags", []):
            exec("".join(cell["source"]), names)
    return names


MADE = chapter()


def digits():
    """Return images and labels: to train on, to choose on, and to judge on, in chance order."""
    parts = []
    for (x, y), sizes in zip(load_mnist(), ((N_TRAIN, N_SELECT), (10_000,)), strict=True):
        order = np.random.default_rng(0).permutation(len(x))
        for size in sizes:
            now, order = np.split(order, [size])
            parts.append((to_unit_range(x[now], shape=(784,)), y[now]))
    return parts


# training ----------------------------------------------------------------------------------------


def grey_pairs(x, rng):
    """Return images with hidden patches in grey, without a mask as an input, and targets."""
    visible = MADE["patches"](len(x), SHARE, rng)
    return np.where(visible, x, np.float32(0.5)), np.where(visible, -1, x)


def masked_everywhere(x, rng):
    """Return what the masked network sees, and a target of all pixels."""
    return MADE["hidden_pairs"](x, rng, SHARE)[0], x


def plans():
    """Return by kind and setting how to build a network and how to draw its pairs."""
    made, copies = MADE, MADE["copies"]
    plain = made["unconstrained"]
    of = {"unconstrained": {"": (plain, copies)}}
    of["narrow"] = {n: (lambda n=n: made["narrow"](n), copies) for n in (8, 16, 32)}
    for kind, weights in (("sparse", (0.1, 0.3, 1.0)), ("contractive", (0.03, 0.1, 0.3))):
        of[kind] = {w: (lambda w=w, kind=kind: made[kind](w), copies) for w in weights}
    of["denoising"] = {
        s: (plain, lambda x, rng, s=s: made["noisy_pairs"](x, rng, s)) for s in (0.1, 0.5, 1.0)
    }
    of["masked"] = {
        s: (made["masked"], lambda x, rng, s=s: made["hidden_pairs"](x, rng, s))
        for s in (0.25, 0.5, 0.75)
    } | {
        "0.5, loss on all pixels": (made["masked"], masked_everywhere),
        "0.5, no mask": (plain, grey_pairs),
    }
    of["longer"] = {"masked": of["masked"][SHARE]}
    return {kind: {str(s): plan for s, plan in row.items()} for kind, row in of.items()}


PLANS = plans()


def train(kinds):
    """Return a part that trains all settings and seeds of some kinds."""

    def part(stored):
        x = digits()[0][0]
        KEPT.mkdir(exist_ok=True)
        for kind in kinds:
            for setting, (build, pairs) in PLANS[kind].items():
                for seed in SEEDS:
                    path = KEPT / f"{kind} {setting} {seed}.npz"
                    if path.exists():
                        continue
                    began = time.perf_counter()
                    epochs = LONGER if kind == "longer" else EPOCHS
                    network = MADE["train"](build, pairs, x, epochs, seed)
                    seconds = round(time.perf_counter() - began, 1)
                    np.savez(path, *network.get_weights())
                    row = stored.setdefault("training", {}).setdefault(kind, {})
                    row.setdefault(setting, []).append(seconds)
                    print(kind, setting, seed, seconds, flush=True)
        stored["epochs"], stored["longer"], stored["images"] = EPOCHS, LONGER, N_TRAIN
        stored["weights"] = {
            k: next(iter(p.values()))[0]().count_params() for k, p in PLANS.items()
        }

    return part


def kept(kind, setting, seed):
    """Return a trained network."""
    network = PLANS[kind][setting][0]()
    with np.load(KEPT / f"{kind} {setting} {seed}.npz") as file:
        network.set_weights([file[name] for name in file.files])
    return network


def run(network, inputs):
    """Return what a network outputs."""
    return network.predict(inputs, batch_size=1000, verbose=0)


def encode(network, x):
    """Return codes of images without damage, or with noise."""
    inputs = x
    if len(network.inputs) == 2:
        inputs = np.concatenate([x, np.ones_like(x)], axis=1)
    return run(network.get_layer("encoder"), inputs)


def reconstruct(network, x):
    """Return reconstructions of images of which nothing is hidden."""
    return run(network, [x, np.ones_like(x)] if len(network.inputs) == 2 else x)


# statistics --------------------------------------------------------------------------------------


def row(by_seed):
    """Return a measure of each image, shape (seeds, images), as values by seed and an error."""
    by_seed = np.atleast_2d(by_seed)
    of_images = by_seed.mean(axis=0)
    return {
        "values": [float(v) for v in by_seed.mean(axis=1)],
        "half": 1.96 * float(of_images.std(ddof=1) / len(of_images) ** 0.5),
    }


def lead(a, b):
    """Return mean and 95 % interval over images of how far `a` exceeds `b`, seeds averaged."""
    difference = np.atleast_2d(a).mean(axis=0) - np.atleast_2d(b).mean(axis=0)
    half = 1.96 * difference.std(ddof=1) / len(difference) ** 0.5
    return [float(difference.mean() + s * half) for s in (0, -1, 1)]


def squares(images, x):
    """Return the mean squared error of each image."""
    return ((images - x) ** 2).mean(axis=1)


def decibels(images, x):
    """Return the PSNR of each image."""
    return -10 * np.log10(np.maximum(squares(images, x), 1e-10))


def squared_distances(a, b):
    """Return the squared distances of all rows of `a` to all rows of `b`."""
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)


def fit_pca(x, n):
    """Return PCA of n components."""
    return PCA(n, svd_solver="covariance_eigh").fit(x)


# what few values reconstruct ---------------------------------------------------------------------


def codes(stored):
    """Judge reconstructions by the number of values that are not zero."""
    (x, _), (x_select, _), (x_test, _) = digits()
    x_test = x_test[:N_TEST]
    rows, error = {}, {}

    def note(method, setting, images, active, **more):
        """Store the squared errors of one or three runs, and how many values are not zero."""
        error[method, setting] = of = np.array([squares(i, x_test) for i in images])
        rows.setdefault(method, {})[str(setting)] = {**row(of), "active": active, **more}
        print(method, setting, rows[method][str(setting)], flush=True)

    pca = fit_pca(x, 256)
    scores = pca.transform(x_test)
    for k in (4, 8, 16, 32, 64, 128, 256):
        images = pca.mean_ + scores[:, :k] @ pca.components_[:k]
        note("PCA", k, [np.clip(images, 0, 1)], [k])
    for k in (4, 8, 16, 32, 64):
        least = -np.partition(-np.abs(scores), k - 1, axis=1)[:, k - 1 : k]
        chosen = np.where(np.abs(scores) >= least, scores, 0)
        images = pca.mean_ + chosen @ pca.components_
        note("PCA, k largest of 256", k, [np.clip(images, 0, 1)], [k])
    for kind in ("narrow", "unconstrained", "sparse"):
        for setting in PLANS[kind]:
            networks = [kept(kind, setting, seed) for seed in SEEDS]
            made = [encode(network, x_test) for network in networks]
            note(
                kind, setting,
                [reconstruct(network, x_test) for network in networks],
                [float((c != 0).sum(axis=1).mean()) for c in made],
                dead=[int((c == 0).all(axis=0).sum()) for c in made],
            )  # fmt: skip
    settings = {}
    for alpha in (0.5, 1.0, 2.0):
        atoms = dictionary(x, alpha, 0)
        made = by_dictionary(x_select[:500], atoms, 16)
        settings[alpha] = float(squares(made, x_select[:500]).mean())
        print("dictionary", alpha, settings[alpha], flush=True)
    alpha = min(settings, key=settings.get)
    stored["dictionary"] = {"alpha": alpha, "select": {str(a): e for a, e in settings.items()}}
    by_seed = [dictionary(x, alpha, seed) for seed in SEEDS]
    for k in (4, 8, 16, 32):
        note("dictionary learning", k, [by_dictionary(x_test, a, k) for a in by_seed], [k])
    stored["codes"] = rows


def dictionary(x, alpha, seed):
    """Learn 256 atoms."""
    learner = MiniBatchDictionaryLearning(
        256, alpha=alpha, batch_size=256, max_iter=2, fit_algorithm="cd",
        transform_algorithm="omp", random_state=seed, max_no_improvement=None,
    )  # fmt: skip
    return learner.fit(x - x.mean()).components_


def by_dictionary(x, atoms, k):
    """Reconstruct images from k atoms, chosen by orthogonal matching pursuit."""
    mean = digits_mean()
    code = sparse_encode(x - mean, atoms, algorithm="omp", n_nonzero_coefs=k)
    return np.clip(mean + code @ atoms, 0, 1)


_MEAN = []


def digits_mean():
    """Return the mean grey value of the training images."""
    if not _MEAN:
        _MEAN.append(digits()[0][0].mean())
    return _MEAN[0]


# how far noise moves a code ----------------------------------------------------------------------


def movement(stored):
    """Judge how far faint noise moves a code, in parts of what the code itself spans."""
    (x, _), _, (x_test, _) = digits()
    x_test = x_test[:N_TEST]
    moved = add_noise(x_test, 0.1, seed=1)
    rows = {}

    def share(encoder):
        code, other = encoder(x_test), encoder(moved)
        step = np.mean(np.sum((other - code) ** 2, axis=1))
        return float(np.sqrt(step / (2 * np.sum(code.var(axis=0)))))

    def jacobian(encoder, step=0.01, n=200):
        rng = np.random.default_rng(0)
        here = x_test[:n]
        away = (step * rng.standard_normal(here.shape)).astype("float32")
        apart = (encoder(here + away) - encoder(here)) ** 2
        return float(np.mean(apart.sum(axis=1))) / step**2

    for k in (4, 8, 16, 32, 64, 256):
        pca = fit_pca(x, k)
        images = np.clip(pca.inverse_transform(pca.transform(x_test)), 0, 1)
        rows.setdefault("PCA", {})[str(k)] = {
            "moved": [share(pca.transform)], "jacobian": [jacobian(pca.transform)],
            **row(squares(images, x_test)),
        }  # fmt: skip
    for kind, settings in PLANS.items():
        for setting in settings:
            if kind == "longer" or "no mask" in setting or "all pixels" in setting:
                continue
            networks = [kept(kind, setting, seed) for seed in SEEDS]
            encoders = [lambda x, n=n: encode(n, x) for n in networks]
            rows.setdefault(kind, {})[setting] = {
                "moved": [share(e) for e in encoders],
                "jacobian": [jacobian(e) for e in encoders],
                **row([squares(reconstruct(n, x_test), x_test) for n in networks]),
            }
            print(kind, setting, rows[kind][setting], flush=True)
    stored["movement"] = rows


# cleaning ----------------------------------------------------------------------------------------


def on_a_line(images, line):
    """Return b (x - a), clipped: what chapter 3 lets each baseline choose."""
    return np.clip(line[1] * (images - line[0]), 0, 1)


def best_line(images, clean):
    """Return the line whose images have the highest PSNR."""
    lines = [(a, b) for a in (0, 0.1, 0.15, 0.2, 0.25, 0.3) for b in (1, 1.2, 1.4, 1.6, 2, 3)]
    return max(lines, key=lambda line: decibels(on_a_line(images, line), clean).mean())


def cleaning(stored):
    """Judge what is left of noise, at the level of training and at others."""
    (x, _), (x_select, _), (x_test, _) = digits()
    x_select, x_test = x_select[:500], x_test[:N_TEST]
    of = {}
    for level in (0, 0.1, NOISE, 1.0):
        noisy, to_select = (
            add_noise(i, level, seed=s) if level else i for i, s in ((x_test, 1), (x_select, 2))
        )
        found = {"noisy input": decibels(noisy, x_test)}
        for method, makers in cleaners(x, level).items():
            made = {s: make(to_select) for s, make in makers.items()}
            lines = {s: best_line(i, x_select) for s, i in made.items()}
            best = max(made, key=lambda s: decibels(on_a_line(made[s], lines[s]), x_select).mean())
            found[method] = decibels(on_a_line(makers[best](noisy), lines[best]), x_test)
            print(level, method, best, lines[best], found[method].mean(), flush=True)
        for kind, setting in [("unconstrained", ""), *(("denoising", s) for s in LEVELS)]:
            networks = [kept(kind, setting, seed) for seed in SEEDS]
            # one line for all seeds, chosen as for the baselines
            line = best_line(
                np.concatenate([reconstruct(n, to_select) for n in networks]),
                np.concatenate([x_select] * len(SEEDS)),
            )
            found[f"{kind} {setting}".strip()] = [
                decibels(on_a_line(reconstruct(n, noisy), line), x_test) for n in networks
            ]
        of[str(level)] = {name: row(values) for name, values in found.items()}
        if level == NOISE:
            ours = f"denoising {NOISE}"
            of["leads"] = {n: lead(found[ours], v) for n, v in found.items()}
        print(level, {n: np.round(r["values"], 2) for n, r in of[str(level)].items()}, flush=True)
    stored["cleaning"] = of


def cleaners(x, level):
    """Return rivals that are given the noise level, by name and setting, as functions of images."""
    noisy = add_noise(x, level, seed=3) if level else x
    names = ("linear denoiser", "neighbours' mean", "kernel ridge", "PCA", "total variation")
    of = {name: {} for name in names}
    one = np.ones((len(x), 1), "float32")
    seen = np.hstack([noisy, one]).astype("f8")
    gram, cross = seen.T @ seen, seen.T @ x
    for penalty in (1, 10, 100):
        weights = np.linalg.solve(gram + penalty * np.eye(785), cross)
        of["linear denoiser"][penalty] = lambda i, w=weights: i @ w[:-1] + w[-1]
    # the clean images, weighted by how likely each would have become the noisy one
    for width in (0.5, 0.9, 1.3, 1.8, 2.5):
        of["neighbours' mean"][width] = lambda i, w=width: weighted(squared_distances(i, x), w, x)
    few = noisy[:5000]
    apart = squared_distances(few, few)
    for gamma in (0.004, 0.008, 0.016):
        solved = np.linalg.solve(np.exp(-gamma * apart) + 0.01 * np.eye(len(few)), x[:5000])
        of["kernel ridge"][gamma] = lambda i, g=gamma, s=solved: (
            np.exp(-g * squared_distances(i, few)) @ s
        )
    for weight in (0.05, 0.1, 0.2, 0.3):
        of["total variation"][weight] = lambda i, w=weight: np.array(
            [denoise_tv_chambolle(image.reshape(28, 28), weight=w).ravel() for image in i]
        )
    pca = fit_pca(x, 128)
    for k in (8, 16, 32, 64, 128):
        of["PCA"][k] = lambda i, w=pca.components_[:k]: pca.mean_ + (i - pca.mean_) @ w.T @ w
    return of


def weighted(squares, width, x):
    """Return means of images, weighted by a Gaussian of their distances."""
    power = -squares / (2 * width**2)
    weight = np.exp(power - power.max(axis=1, keepdims=True))
    return (weight / weight.sum(axis=1, keepdims=True)).astype("float32") @ x


# filling -----------------------------------------------------------------------------------------


def filling(stored):
    """Judge what is filled in where pixels are missing."""
    (x, _), (x_select, _), (x_test, _) = digits()
    x_select, x_test = x_select[:300], x_test[:N_TEST]
    rng, of, chosen = np.random.default_rng(1), {}, {}
    lower = np.repeat(np.arange(784)[None] < 392, max(len(x_test), len(x_select)), axis=0)
    for holes in ("0.25", "0.5", "0.75", "lower half"):
        see_select, see = (
            lower[:n] if holes == "lower half" else MADE["patches"](n, float(holes), rng)
            for n in (len(x_select), len(x_test))
        )

        def judged(images, clean=x_test, see=see):
            return (((images - clean) ** 2) * ~see).sum(axis=1) / np.maximum((~see).sum(axis=1), 1)

        found = {}
        for method, makers in fillers(x).items():
            scores = {
                s: judged(make(x_select, see_select), x_select, see_select).mean()
                for s, make in makers.items()
            }
            best = min(scores, key=scores.get)
            chosen.setdefault(method, {})[holes] = str(best)
            found[method] = judged(makers[best](x_test, see))
            print(holes, method, best, found[method].mean(), flush=True)
        grey = np.where(see, x_test, np.float32(0.5))
        mean = np.where(see, x_test, x.mean(axis=0))
        found["unconstrained"] = min(
            ([judged(run(kept("unconstrained", "", s), i)) for s in SEEDS] for i in (grey, mean)),
            key=np.mean,
        )
        for setting in PLANS["masked"]:
            inputs = grey if "no mask" in setting else [x_test * see, see.astype("float32")]
            found[f"masked {setting}"] = [
                judged(run(kept("masked", setting, s), inputs)) for s in SEEDS
            ]
        inputs = [x_test * see, see.astype("float32")]
        found["longer masked"] = [judged(run(kept("longer", "masked", s), inputs)) for s in SEEDS]
        of[holes] = {name: row(values) for name, values in found.items()}
        print(holes, {n: np.round(r["values"], 4) for n, r in of[holes].items()}, flush=True)
        of[holes]["leads"] = {n: lead(v, found["masked 0.5"]) for n, v in found.items()}
    stored["filling"] = {**of, "settings": chosen}


def fillers(x):
    """Return rivals by name and setting, as functions of images and of what is visible."""
    mean = x.mean(axis=0)
    of = {"mean image": {"": lambda i, see: np.repeat(mean[None], len(i), 0)}}
    pca = fit_pca(x, 200)
    of["PCA with missing pixels"] = {
        (n, held): lambda i, see, n=n, held=held: expected(pca, n, held, i, see)
        for n in (64, 128, 200) for held in (0.003, 0.01, 0.03)
    }  # fmt: skip
    of["neighbours' mean"] = {
        w: lambda i, see, w=w: weighted(visible_distances(i, see, x), w, x)
        for w in (0.7, 0.9, 1.1, 1.3)
    }
    return of


def expected(pca, n, noise, images, visible):
    """Return the mean of all pixels, given the visible ones, by probabilistic PCA.

    It is where the iteration ends that fills in, projects on the components and fills in again.
    """
    weights = pca.components_[:n].astype("f8")
    held = np.diag(noise / pca.explained_variance_[:n])
    made = np.empty(images.shape)
    for i, (image, see) in enumerate(zip(images - pca.mean_, visible, strict=True)):
        seen = weights[:, see]
        made[i] = np.linalg.solve(seen @ seen.T + held, seen @ image[see]) @ weights
    return np.clip(pca.mean_ + made, 0, 1)


def visible_distances(images, visible, x):
    """Return the squared distances to all training images over the visible pixels."""
    see = visible.astype("float32")
    seen = images * see
    return np.maximum((seen**2).sum(1)[:, None] + see @ (x**2).T - 2 * seen @ x.T, 0)


# labels ------------------------------------------------------------------------------------------


def labels(stored):
    """Judge classifiers on few labelled codes, and on the pixels themselves."""
    (x, y), (x_select, y_select), (x_test, y_test) = digits()
    x_select, y_select = x_select[:1000], y_select[:1000]
    tasks = {"": (x_select, x_test)}
    tasks[", noisy images"] = tuple(
        add_noise(i, NOISE, seed=s) for i, s in ((x_select, 2), (x_test, 1))
    )
    found = {}

    def note(name, setting, seed, encoder, more=None):
        """Choose a classifier on the selection images, and judge it on the test images."""
        codes = {task: [encoder(images) for images in pair] for task, pair in tasks.items()}
        for n in (100, 1000):
            known = np.random.default_rng(seed).choice(N_TRAIN, n, replace=False)
            images, target = (x[known], y[known]) if more is None else more(x[known], y[known])
            made = classifiers(encoder(images), target)
            for task, (to_select, to_test) in codes.items():
                scores = {c: float(np.mean(f(to_select) == y_select)) for c, f in made.items()}
                best = max(scores, key=scores.get)
                row_of = found.setdefault(f"{n} labels{task}", {}).setdefault(name, {})
                row_of.setdefault(setting, []).append(
                    {
                        "select": scores[best],
                        "classifier": best,
                        "right": made[best](to_test) == y_test,
                    }
                )

    def copied(images, target, times=2):
        noise = [add_noise(images, NOISE, seed=10 + i) for i in range(times)]
        return np.concatenate([images, *noise]), np.tile(target, times + 1)

    pcas = {k: fit_pca(x, k) for k in (16, 32, 64)}
    for seed in SEEDS:
        note("pixels", "", seed, lambda i: i)
        note("pixels, noisy copies", "", seed, lambda i: i, copied)
        for k, pca in pcas.items():
            note("PCA", str(k), seed, pca.transform)
        for kind, settings in PLANS.items():
            for setting in settings:
                if kind != "longer" and "no mask" not in setting and "all pixels" not in setting:
                    network = kept(kind, setting, seed)
                    note(kind, setting, seed, lambda i, n=network: encode(n, i))
        print("labels", seed, flush=True)
    of = {}
    for task, methods in found.items():
        right, of[task] = {}, {}
        for name, settings in methods.items():
            chosen = {s: np.mean([r["select"] for r in runs]) for s, runs in settings.items()}
            best = max(chosen, key=chosen.get)
            right[name] = np.array([r["right"] for r in settings[best]], float)
            of[task][name] = {
                **row(right[name]),
                "setting": best,
                "classifiers": [r["classifier"] for r in settings[best]],
            }
        print(task, {n: np.round(r["values"], 3) for n, r in of[task].items()}, flush=True)
        of[task]["leads"] = {n: lead(v, right["pixels"]) for n, v in right.items() if n != "pixels"}
    stored["labels"] = of


def classifiers(train, target):
    """Return classifiers of codes, from codes to labels, by name."""
    made, one_hot = {}, 2 * np.eye(10)[target] - 1
    mean, spread = train.mean(axis=0), train.std(axis=0)
    for name, scale in (("", 1), ("standardised ", np.where(spread > 1e-6, spread, np.inf))):

        def scaled(codes, scale=scale):
            return (codes - mean) / scale

        known = scaled(train)
        apart = squared_distances(known, known)
        middle = np.median(apart)
        for times in (0.5, 1, 2, 4):
            width = times / middle
            kernel = np.exp(-width * apart) + 0.03 * np.eye(len(known))
            made[f"{name}RBF {times}"] = by_kernel(
                scaled, known, width, np.linalg.solve(kernel, one_hot).astype("float32")
            )
    known = train - mean
    for k in (1, 3, 5):
        made[f"{k} nearest"] = lambda c, k=k: nearest(squared_distances(c, train), target, k)
    gram = known @ known.T
    for penalty in (0.01, 0.1, 1):
        held = penalty * np.trace(gram) / len(known) * np.eye(len(known))
        weights = known.T @ np.linalg.solve(gram + held, one_hot)
        made[f"linear {penalty}"] = lambda c, w=weights: ((c - mean) @ w).argmax(axis=1)
    return made


def by_kernel(scaled, known, width, solved):
    """Return a function from codes to the labels of an RBF kernel ridge regression."""
    return lambda codes: (np.exp(-width * squared_distances(scaled(codes), known)) @ solved).argmax(
        axis=1
    )


def nearest(apart, target, k):
    """Return the label that most of the k nearest have; of equal ones that of the nearest."""
    near = np.argpartition(apart, k, axis=1)[:, :k]
    votes = np.zeros((len(apart), 10))
    for column in near.T:
        closeness = 1 + 1e-3 / (1 + np.take_along_axis(apart, column[:, None], 1)[:, 0])
        votes[np.arange(len(apart)), target[column]] += closeness
    return votes.argmax(axis=1)


# costs -------------------------------------------------------------------------------------------


def costs(stored):
    """Take the processor time of the kinds by turns; the ratio of medians is what is reported."""
    (x, _), _, (x_test, _) = digits()
    few = x[:2000]
    rng = np.random.default_rng(0)
    fits = {}
    for kind, default in (
        ("unconstrained", ""), ("narrow", "32"), ("sparse", "1.0"), ("contractive", "0.1"),
        ("denoising", "0.5"), ("masked", "0.5"),
    ):  # fmt: skip
        build, pairs = PLANS[kind][default]
        network = MADE["train"](build, pairs, few, 1)
        fits[kind] = lambda n=network, p=pairs: n.fit(*p(few, rng), batch_size=100, verbose=0)
    fits["PCA, whole fit"] = lambda: fit_pca(x, 256)
    see = MADE["patches"](200, SHARE, rng)
    pca, atoms = fit_pca(x, 128), dictionary(x[:2000], 1.0, 0)
    masked, plain = kept("masked", "0.5", 0), kept("unconstrained", "", 0)
    images = x_test[:200]
    uses = {
        "fill: network": lambda: masked.predict_on_batch([images * see, see.astype("float32")]),
        "fill: PCA with missing pixels": lambda: expected(pca, 128, 0.03, images, see),
        "fill: neighbours' mean": lambda: weighted(visible_distances(images, see, x), 0.8, x),
        "encode: network": lambda: plain.get_layer("encoder").predict_on_batch(images),
        "encode: PCA": lambda: pca.transform(images),
        "encode: dictionary": lambda: sparse_encode(
            images, atoms, algorithm="omp", n_nonzero_coefs=16
        ),
    }
    for name, jobs, rounds in (("training", fits, 7), ("use", uses, 7)):
        seconds = {job: [] for job in jobs}
        for job in jobs.values():
            job()
        for _ in range(rounds):
            for job, work in jobs.items():
                began = time.process_time()
                work()
                seconds[job].append(round(time.process_time() - began, 5))
        stored.setdefault("costs", {})[name] = seconds
        print({job: np.median(s) for job, s in seconds.items()}, flush=True)
    stored["costs"]["images"] = {"training": len(few), "use": len(images)}


PARTS = {
    "narrow": train(("unconstrained", "narrow")),
    "sparse": train(("sparse",)),
    "contractive": train(("contractive",)),
    "denoising": train(("denoising",)),
    "masked": train(("masked",)),
    "longer": train(("longer",)),
    "codes": codes,
    "movement": movement,
    "cleaning": cleaning,
    "filling": filling,
    "labels": labels,
    "costs": costs,
}


def main(words):
    """Run the parts that the words name, or all."""
    if set(words) - set(PARTS):
        sys.exit(__doc__)
    for word in words or PARTS:
        began, found = time.perf_counter(), {}
        PARTS[word](found)
        found["minutes"] = {word: round((time.perf_counter() - began) / 60, 1)}
        # read now, since other parts may have been stored meanwhile
        stored = results.so_far("kinds")
        for key, value in found.items():
            known = stored.get(key) if key in ("training", "minutes") else None
            stored[key] = {**known, **value} if known else value
        results.write("kinds", stored)


if __name__ == "__main__":
    keras.config.disable_interactive_logging()
    main(sys.argv[1:])
