"""Measure generators of digits for chapter 12: denoising step by step, and its simplest rivals.

    .venv/bin/python benchmarks/diffusion.py [PART ...] [--seed SEED]

runs the parts train, levels, rivals, vaes, steps, samples, rounds and lower, or those that are
named, and writes benchmarks/diffusion.json; ``train`` takes about ten minutes a seed on one core,
and pauses after some.  Networks are kept in the folder for temporary files; the variational
autoencoders are those that ``benchmarks/variational.py train`` keeps there.  ``--seed 1`` measures
one seed of three and leaves the rows of the others; how the denoisers are sampled is chosen with
the network of seed 0, in ``steps`` and ``rounds``.  The part ``ship`` copies the weights of seed 0
into the book.

Training, selection and test images are those of benchmarks/variational.py, and so is the fixed
classifier whose features judge samples.  What generates grey images has them made black and white
as the test images are: white with the probability of the grey value.
"""

import sys
import tempfile
import time
from pathlib import Path

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import numpy as np  # noqa: E402
import variational  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.mixture import GaussianMixture  # noqa: E402
from variational import (  # noqa: E402
    CONTRASTS,
    covered,
    digits,
    frechet,
    sheet,
    squared_distances,
    to_nearest,
    with_contrast,
)

from aeutils.generative import (  # noqa: E402
    DiffusionDenoiser,
    binarize,
    denoising_steps,
    diffusion_network,
    noise_levels,
)

SEEDS = (0, 1, 2)
STEPS, BATCH_SIZE, PEAK, AVERAGE = 3300, 128, 2e-3, 0.998
N_SAMPLES = 3000
# images, or their codes, that mixtures of Gaussians are fitted to
N_FITTED = 20_000
SIGMAS = (0.1, 0.25, 0.5, 1, 2, 4)
# seconds after which a training is stored and ends, to go on at the next call
LONGEST = 340
KEPT = Path(tempfile.gettempdir()) / "aeutils-diffusion"
WEIGHTS = "diffusion_network.npz"


class Batches(keras.utils.PyDataset):
    """The batches from a step on, of rows in an order that follows a seed."""

    def __init__(self, x, seed, start=0):
        super().__init__()
        rng, n = np.random.default_rng(seed), STEPS * BATCH_SIZE
        rows = [rng.permutation(len(x)) for _ in range(-(-n // len(x)))]
        self.x = x
        self.rows = np.concatenate(rows)[:n].reshape(STEPS, BATCH_SIZE)[start:]

    def __len__(self):
        """Return the number of batches."""
        return len(self.rows)

    def __getitem__(self, i):
        """Return a batch."""
        return (self.x[self.rows[i]],)


class Pause(keras.callbacks.Callback):
    """Stores the training and ends the process after some seconds."""

    def __init__(self, path, seconds):
        super().__init__()
        self.path, self.began, self.before = path, time.perf_counter(), seconds
        self.limit = LONGEST

    def on_train_batch_end(self, batch, logs=None):
        """Store all variables, weights before they are averaged included."""
        seconds = time.perf_counter() - self.began
        if seconds > self.limit and batch + 1 < self.params["steps"]:
            np.savez(self.path, self.before + seconds, *map(np.asarray, variables(self.model)))
            sys.exit(f"{seconds:.0f} s: paused; run the same command again to go on.")


def variables(model):
    """Return all that a training changes."""
    return [*model.variables, *model.optimizer.variables]


def adam():
    """Return Adam with averaged weights; its rate rises, then falls as a cosine."""
    rise = STEPS // 20
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, STEPS - rise, warmup_target=PEAK, warmup_steps=rise
    )
    return keras.optimizers.Adam(rate, use_ema=True, ema_momentum=AVERAGE)


def train(seeds, stored):
    """Train the network in bfloat16, which is faster, and keep its averaged weights."""
    (x, _), _, _ = digits()
    x = x.reshape(-1, 28, 28, 1)
    KEPT.mkdir(exist_ok=True)
    for seed in seeds:
        began, before, start = time.perf_counter(), 0.0, 0
        keras.utils.set_random_seed(seed)
        keras.config.set_dtype_policy("mixed_bfloat16")
        network = diffusion_network()
        keras.config.set_dtype_policy("float32")
        model = DiffusionDenoiser(network, seed=seed)
        optimizer = adam()
        model.compile(optimizer, steps_per_execution=10, jit_compile=False)
        paused = KEPT / f"paused_{seed}.npz"
        if paused.exists():
            model(x[:1])
            optimizer.build(model.trainable_variables)
            with np.load(paused) as file:
                before, *values = (file[name] for name in file.files)
            for variable, value in zip(variables(model), values, strict=True):
                variable.assign(value)
            start = int(optimizer.iterations.numpy())
        pause = Pause(paused, float(before))
        history = model.fit(Batches(x, seed, start), shuffle=False, verbose=0, callbacks=[pause])
        np.savez_compressed(
            KEPT / f"{seed}.npz", *(w.astype(np.float16) for w in network.get_weights())
        )
        paused.unlink(missing_ok=True)
        stored.setdefault("training", {})[str(seed)] = {
            "seconds": round(float(before) + time.perf_counter() - began),
            "images": STEPS * BATCH_SIZE,
            "weights": network.count_params(),
            "loss": history.history["loss"][-1],
        }
        print(seed, stored["training"][str(seed)], flush=True)


def kept(seed):
    """Return a trained network, with weights as they ship."""
    model = DiffusionDenoiser(diffusion_network())
    with np.load(KEPT / f"{seed}.npz") as file:
        model.network.set_weights([file[n].astype("f4") for n in file.files])
    return model


def trained(seeds, folder=KEPT):
    """Return those of the seeds of which a network has been kept."""
    found = [seed for seed in seeds if (folder / f"{seed}.npz").exists()]
    print("networks of seeds", found, flush=True)
    return found


def ship(seeds, stored):
    """Copy the weights of seed 0 into the book, with their checksum."""
    content = (KEPT / "0.npz").read_bytes()
    results.ship(WEIGHTS, content)
    stored["bytes_shipped"] = len(content)


# denoising ---------------------------------------------------------------------------------------


def gaussian_of(x):
    """Return mean, eigenvalues and eigenvectors of the covariance of rows."""
    mean = x.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(x.T, dtype="f8"))
    return mean, np.maximum(values, 0), vectors


def by_gaussian(gaussian, y, sigma):
    """Return the best linear estimate: the posterior mean where images are Gaussian."""
    mean, values, vectors = gaussian
    return mean + ((y - mean) @ vectors * (values / (values + sigma**2))) @ vectors.T


def by_training_images(x, y, sigma):
    """Return the posterior mean where the training images are all that exists."""
    found = []
    for part in np.array_split(y, max(1, len(y) // 250)):
        exponent = -squared_distances(part, x) / (2 * sigma**2)
        weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
        found.append(weight @ x / weight.sum(axis=1, keepdims=True))
    return np.concatenate(found)


def levels(seeds, stored):
    """Measure estimates of clean test images, by noise level."""
    (x, _), _, (x_test, _) = digits()
    clean = x_test[np.random.default_rng(1).permutation(len(x_test))[5000:5500]]
    gaussian = gaussian_of(x)
    models = {seed: kept(seed) for seed in trained(seeds)}
    of = {}
    for sigma in SIGMAS:
        y = clean + sigma * np.random.default_rng(7).standard_normal(clean.shape, "f4")
        made = {
            "the noisy image": [y],
            "mean image": [np.broadcast_to(x.mean(axis=0), y.shape)],
            "Gaussian": [by_gaussian(gaussian, y, sigma)],
            "training images": [by_training_images(x, y, sigma)],
            "network": [
                m.denoise(y.reshape(-1, 28, 28), sigma).reshape(y.shape) for m in models.values()
            ],
        }
        for name, estimates in made.items():
            errors = [float(np.mean((e - clean) ** 2)) for e in estimates]
            of.setdefault(name, []).append(errors)
            print(sigma, name, np.round(errors, 5), flush=True)
    stored["levels"] = {"sigmas": SIGMAS, "mse": of}


# samples -----------------------------------------------------------------------------------------


class Judge:
    """Features of real images, and what samples are compared with."""

    def __init__(self):
        (x, _), (x_select, _), (x_test, _) = digits()
        order = np.random.default_rng(1).permutation(len(x_test))
        self.model, self.features = variational.classifier()
        test = binarize(x_test, seed=0)
        self.known = binarize(x, seed=0)
        self.reference = self.seen(test[order[:5000]])
        self.selection = self.seen(binarize(x_select, seed=0))
        self.other = test[order[5000:]]
        self.limits = [np.quantile(d, 0.01) for d in self.distances(self.other)]

    def seen(self, images):
        """Return the features of black-and-white images."""
        return self.features.predict(images, batch_size=1000, verbose=0)

    def distances(self, images):
        """Return distances to the nearest training image: as they are, and shifted."""
        near = to_nearest(images[:500], self.known)
        shifted = np.min(
            [to_nearest(moved(images[:100], a, b), self.known) for a, b in SHIFTS], axis=0
        )
        return near, shifted

    def judged(self, images):
        """Return the measures of samples."""
        of = self.seen(images)
        near, shifted = self.distances(images)
        return {
            "frechet": frechet(of, self.reference),
            "precision": covered(of, self.reference),
            "recall": covered(self.reference, of),
            "to_nearest": float(np.median(near)),
            "copies": float(np.mean(near < self.limits[0])),
            "to_nearest_shifted": float(np.median(shifted)),
            "copies_shifted": float(np.mean(shifted < self.limits[1])),
        }

    def best(self, makers):
        """Return the name of the maker whose samples are nearest to the selection images."""
        found = {name: frechet(self.seen(make()), self.selection) for name, make in makers.items()}
        print({k: round(v, 2) for k, v in found.items()}, flush=True)
        return min(found, key=found.get)


SHIFTS = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]


def moved(images, down, right):
    """Return flat images, shifted by pixels around the edge, where they are black."""
    return np.roll(images.reshape(-1, 28, 28), (down, right), (1, 2)).reshape(len(images), 784)


def of_gaussian(x, n, k):
    """Return a generator: a mixture of k Gaussians of n principal components, full covariances."""
    pca = PCA(n, svd_solver="covariance_eigh").fit(x)
    some = x if k == 1 else x[:N_FITTED]
    mixture = GaussianMixture(k, reg_covar=1e-4, max_iter=20, tol=1e-2, random_state=0)
    mixture.fit(pca.transform(some))

    def make(seed, contrast=1):
        mixture.random_state = seed
        drawn = pca.inverse_transform(mixture.sample(N_SAMPLES)[0])
        drawn = np.random.default_rng(seed).permutation(drawn)
        return with_contrast(drawn, contrast)

    return make


def note(stored, judge, name, grey, seed):
    """Judge samples and store what was found in the place of their seed."""
    value = judge.judged(binarize(grey, seed) if grey.ndim == 2 else grey)
    stored.setdefault("samples", {}).setdefault(name, {})[str(seed)] = value
    print(name, seed, {k: round(v, 3) for k, v in value.items()}, flush=True)
    save(stored)


def rivals(seeds, stored):
    """Judge real images, copies of training images, and generators without a network."""
    judge = Judge()
    (x, _), _, _ = digits()
    settings = stored.setdefault("settings", {})
    note(stored, judge, "other test images", judge.other[:N_SAMPLES], 0)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        copies = judge.known[rng.choice(len(x), N_SAMPLES, replace=False)]
        note(stored, judge, "training images", copies, seed)
        where = rng.choice([-1, 1], (2, 4))
        shifted = np.concatenate(
            [moved(part, *w) for part, w in zip(np.array_split(copies, 4), where.T, strict=True)]
        )
        note(stored, judge, "training images, shifted", shifted, seed)
    plans = {
        "PCA, one Gaussian": [(n, 1) for n in (20, 50, 200)],
        "PCA, mixture of Gaussians": [(30, 150), (60, 50), (60, 150), (60, 300), (100, 150)],
    }
    for name, plan in plans.items():
        made = {f"{n} components, {k} Gaussians": of_gaussian(x, n, k) for n, k in plan}
        makers = {
            (p, c): lambda m=m, c=c: binarize(m(9, c), 9)
            for p, m in made.items()
            for c in CONTRASTS
        }
        p, c = judge.best(makers)
        settings[name] = [p, c]
        for seed in seeds:
            grey = made[p](seed, c)
            note(stored, judge, name, grey, seed)
            if seed == 0:
                stored.setdefault("pictures", {})[name] = sheet(grey[:24], 12)


def vaes(seeds, stored):
    """Judge chapter 9's network of 20 values, with its prior and with a fitted one."""
    judge = Judge()
    (x, _), _, _ = digits()
    for seed in trained(seeds, variational.KEPT):
        vae = variational.kept(seed)
        codes = variational.drawn_codes(vae, x[:N_FITTED], seed)
        mixtures = {k: variational.gaussians(codes, k) for k in (10, 50, 150)}
        fitted = {k: vae.decode(m.sample(N_SAMPLES)[0]) for k, m in mixtures.items()}
        plans = {
            "VAE, N(0, 1)": {0: vae.sample(N_SAMPLES, seed=seed)},
            "VAE, fitted mixture": fitted,
        }
        for name, made in plans.items():
            makers = {
                (k, c): lambda g=g, c=c: binarize(with_contrast(g, c), 9)
                for k, g in made.items() for c in CONTRASTS
            }  # fmt: skip
            k, c = judge.best(makers)
            stored.setdefault("settings", {}).setdefault(name, {})[str(seed)] = [k, c]
            grey = np.random.default_rng(seed).permutation(with_contrast(made[k], c))
            note(stored, judge, name, grey, seed)
            if seed == 0:
                stored.setdefault("pictures", {})[name] = sheet(grey[:24], 12)


def samples(seeds, stored):
    """Judge what the denoisers generate, sampled as was best for selection images."""
    judge = Judge()
    how = results.read("diffusion")["settings"]["sampling"]
    for seed in trained(seeds):
        began = time.perf_counter()
        grey = kept(seed).sample(N_SAMPLES, how["levels"], how["rounds"], seed=seed)
        grey = grey.reshape(-1, 784)
        stored.setdefault("seconds_of_sampling", {})[str(seed)] = time.perf_counter() - began
        c = judge.best({c: lambda c=c, g=grey: binarize(with_contrast(g, c), 9) for c in CONTRASTS})
        stored.setdefault("settings", {}).setdefault("denoiser", {})[str(seed)] = c
        grey = with_contrast(grey, c)
        note(stored, judge, "denoiser", grey, seed)
        if seed == 0:
            stored.setdefault("pictures", {})["denoiser"] = sheet(grey[:24], 12)


def steps(seeds, stored):
    """Measure 500 samples on selection images, by the number of steps and the method."""
    judge = Judge()
    plans = [(n, False, 1) for n in (5, 10, 20, 40)]
    plans += [(n, True, 1) for n in (3, 5, 10, 18)]
    plans += [(n, True, 2) for n in (5, 9, 18)] + [(9, True, 4)]
    for seed in trained(seeds):
        model = kept(seed)
        for n, second_order, rounds in plans:
            sigmas = noise_levels(n)
            rng = np.random.default_rng(100 + seed)
            start = sigmas[0] * rng.standard_normal((500, 28, 28), "f4")
            *_, (grey, _) = denoising_steps(
                model.denoise, start, sigmas, second_order=second_order, rounds=rounds, seed=rng
            )
            grey = np.clip(grey, 0, 1).reshape(-1, 784)
            row = {
                "method": "Heun" if second_order else "Euler",
                "levels": n,
                "rounds": rounds,
                "evaluations": rounds * (2 * n - 1 if second_order else n),
                "seed": seed,
                "frechet": min(
                    frechet(judge.seen(binarize(with_contrast(grey, c), seed)), judge.selection)
                    for c in CONTRASTS
                ),
            }
            stored.setdefault("steps", {}).setdefault(str(seed), []).append(row)
            print(row, flush=True)
        if seed == 0:
            heun = [r for r in stored["steps"]["0"] if r["method"] == "Heun"]
            best = min(heun, key=lambda row: row["frechet"])
            stored["settings"] = {"sampling": {k: best[k] for k in ("levels", "rounds")}}


# the lower half ----------------------------------------------------------------------------------


TOP = np.arange(784) < 392
LEVELS = 10


def filled_in(model, images, rounds, seed):
    """Return flat images whose lower half a denoiser has filled in."""
    images, known = images.reshape(-1, 28, 28), TOP.reshape(28, 28)
    return model.fill(images, known, LEVELS, rounds=rounds, seed=seed).reshape(-1, 784)


def rounds(seeds, stored):
    """Choose how often to treat a level in filling in: most digits kept of selection images."""
    model, (classify, _), (_, (x, y), _) = kept(0), variational.classifier(), digits()
    x, y = x[:300], y[:300]
    of = stored["rounds"] = {}
    for n in (1, 2, 5, 10):
        filled, right = filled_in(model, x, n, 0), []
        for c in CONTRASTS:
            seen = binarize(with_contrast(filled, c), 0)
            read = classify.predict(seen, batch_size=500, verbose=0).argmax(axis=1)
            right.append(float(np.mean(read == y)))
        of[str(n)] = max(right)
        print(n, of[str(n)], flush=True)
    stored["settings"] = {"filling": int(max(of, key=of.get))}


def lower(seeds, stored):
    """Fill in the lower half of test digits, with settings chosen on selection images."""
    judge, n_rounds = Judge(), results.read("diffusion")["settings"]["filling"]
    (x, _), (x_select, _), (x_test, y_test) = digits()
    chosen = np.random.default_rng(1).permutation(len(x_test))[5000:5300]
    digit, labels = x_test[chosen], y_test[chosen]
    # the first images choose the contrast that the others are judged with
    n_choose = 150
    clean = np.concatenate([x_select[:n_choose], digit])
    of = {}

    def note_filled(name, image, seed):
        image = np.where(TOP, clean, np.clip(image, 0, 1)).astype("f4")
        other, image = np.split(image, [n_choose])
        c = judge.best({c: lambda c=c: binarize(with_contrast(other, c), 9) for c in CONTRASTS})
        seen = binarize(with_contrast(image, c), seed)
        said = judge.model.predict(seen, batch_size=500, verbose=0).argmax(axis=1)
        value = of.setdefault(name, {})[str(seed)] = {
            "mse": float(np.mean((image - digit)[:, ~TOP] ** 2)),
            "frechet": frechet(judge.seen(seen), judge.reference),
            "digit": float(np.mean(said == labels)),
            "contrast": c,
        }
        print(name, seed, {k: round(v, 4) for k, v in value.items()}, flush=True)
        if seed == 0:
            stored.setdefault("filled", {})[name] = sheet(image[SHOWN], 10)

    stored.setdefault("filled", {})["upper half"] = sheet(np.where(TOP, digit[SHOWN], 0), 10)
    note_filled("the digit itself", clean, 0)

    def nearest(images, k):
        parts = np.array_split(images[:, TOP], 2)
        return np.concatenate(
            [squared_distances(p, x[:, TOP]).argsort(axis=1)[:, :k] for p in parts]
        )

    of_clean = nearest(clean, 100)
    note_filled("nearest upper half", x[of_clean[:, 0]], 0)
    some = x_select[n_choose : 4 * n_choose]
    rows = nearest(some, 100)
    errors = {
        k: float(np.mean((x[rows[:, :k]].mean(axis=1) - some)[:, ~TOP] ** 2))
        for k in (3, 10, 20, 30, 50, 100)
    }
    k = min(errors, key=errors.get)
    stored.setdefault("settings", {})["nearest"] = k
    print("nearest", errors, flush=True)
    note_filled("mean of the nearest", x[of_clean[:, :k]].mean(axis=1), 0)
    mean, covariance = x.mean(axis=0), np.cov(x.T, dtype="f8")

    def regression(ridge):
        a = covariance[np.ix_(TOP, TOP)] + ridge * np.eye(392)
        return np.linalg.solve(a, covariance[np.ix_(TOP, ~TOP)])

    def by_mean(weights, images):
        return mean[~TOP] + (images[:, TOP] - mean[TOP]) @ weights

    ridges = {r: regression(r) for r in (1e-3, 1e-2, 1e-1, 1)}
    errors = {
        r: np.mean((by_mean(w, x_select) - x_select[:, ~TOP]) ** 2) for r, w in ridges.items()
    }
    ridge = min(errors, key=errors.get)
    stored.setdefault("settings", {})["ridge"] = ridge
    weights = ridges[ridge]
    rest = covariance[np.ix_(~TOP, ~TOP)] - covariance[np.ix_(~TOP, TOP)] @ weights
    values, vectors = np.linalg.eigh((rest + rest.T) / 2)
    root = vectors * np.sqrt(np.maximum(values, 0))
    whole = clean.copy()
    whole[:, ~TOP] = by_mean(weights, clean)
    note_filled("Gaussian, mean", whole, 0)
    for seed in trained(seeds):
        drawn = whole.copy()
        drawn[:, ~TOP] += np.random.default_rng(seed).standard_normal((len(clean), 392)) @ root.T
        note_filled("Gaussian, sample", drawn, seed)
        model, rng = kept(seed), np.random.default_rng(seed)
        filled = [filled_in(model, clean, n_rounds, rng) for _ in range(3)]
        note_filled("denoiser, one round", filled_in(model, clean, 1, rng), seed)
        note_filled("denoiser", filled[0], seed)
        note_filled("denoiser, mean of three", np.mean(filled, axis=0), seed)
        if seed == 0:
            stored["filled"]["second sample"] = sheet(filled[1][n_choose:][SHOWN], 10)
    stored["filled"]["true"] = sheet(digit[SHOWN], 10)
    stored["lower"] = of


SHOWN = slice(0, 10)
PARTS = {
    "train": train,
    "levels": levels,
    "rivals": rivals,
    "vaes": vaes,
    "steps": steps,
    "samples": samples,
    "rounds": rounds,
    "lower": lower,
    "ship": ship,
}


def save(stored):
    """Add what has been measured to what other runs have stored, with the machine of today."""
    results.write("diffusion", results.merged(results.so_far("diffusion"), stored))


def main(words):
    """Run the parts that the words name, or all but `ship`."""
    words, seeds = results.words_and_seeds(words, SEEDS)
    if set(words) - set(PARTS):
        sys.exit(__doc__)
    for word in words or [name for name in PARTS if name != "ship"]:
        stored = {}
        PARTS[word](seeds, stored)
        save(stored)


if __name__ == "__main__":
    main(sys.argv[1:])
