"""Measure variational autoencoders on black-and-white digits, for chapter 9.

    .venv/bin/python benchmarks/variational.py [PART ...] [--seed SEED]

runs the parts train, likelihood, rivals, samples, beta, labels and strange, or those that are
named, about 30 minutes on one core, and writes benchmarks/variational.json.  The networks of
`train` are kept in the folder for temporary files, where `likelihood` and `samples` read them;
``--seed 1`` trains and judges one of three networks alone, and leaves the rows of the others.

Of the 60,000 training images, 55,000 train and 5,000 serve to choose settings; the test images are
drawn once, with seed 0, and looked at once.
"""

import base64
import copy
import io
import sys
import tempfile
import time
import zlib
from pathlib import Path

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.mixture import GaussianMixture  # noqa: E402

from aeutils.anomalies import reconstruction_error  # noqa: E402
from aeutils.core import dense_autoencoder  # noqa: E402
from aeutils.data import load_fashion_mnist, load_mnist  # noqa: E402
from aeutils.generative import VariationalAutoencoder, binarize  # noqa: E402
from aeutils.images import to_bytes, to_unit_range  # noqa: E402

SEEDS = (0, 1, 2)
LATENT_DIM, BATCH_SIZE = 20, 125
# cycles of the rate: epochs and peak
CYCLES = ((26, 3e-3),)
N_TRAIN = 55_000
N_WEIGHTED = 1000
BETAS, BETA_EPOCHS = (0, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32), 12
OF_A_DIGIT = 5  # Gaussians
# how grey samples get their contrast before they are made black and white
CONTRASTS = (1, 1.25, 2, 1000)
BINS = np.arange(0, 801, 10)
SAMPLED = (
    "other test images", "training images", "PCA and Gaussians", "logistic regressions",
    "VAE, N(0, 1)", "VAE, fitted Gaussian", "VAE, fitted mixture",
)  # fmt: skip
KEPT = Path(tempfile.gettempdir()) / "aeutils-variational"


def digits():
    """Return grey images and labels: to train on, to choose on, and to judge on."""
    (x, y), (x_test, y_test) = load_mnist()
    x, x_test = (to_unit_range(images, shape=(784,)) for images in (x, x_test))
    order = np.random.default_rng(0).permutation(len(x))
    train, select = np.split(order, [N_TRAIN])
    return (x[train], y[train]), (x[select], y[select]), (x_test, y_test)


def trained(model, data, n, epochs, batch_size=BATCH_SIZE, peak=3e-3):
    """Train with a rate that rises for a twentieth of the steps, then falls as a cosine."""
    steps = epochs * (n // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 20, warmup_target=peak, warmup_steps=steps // 20
    )
    # without XLA, which is slower on processors here
    model.compile(keras.optimizers.Adam(rate), steps_per_execution=10, jit_compile=False)
    model.fit(data, epochs=epochs, batch_size=batch_size, verbose=0)
    return model


def network(seed, latent_dim=LATENT_DIM, hidden=(512, 256), **how):
    """Return a new network whose weights and draws follow a seed."""
    keras.utils.set_random_seed(seed)
    return VariationalAutoencoder(latent_dim, hidden, seed=seed, **how)


def train(seeds, stored):
    """Train the network of 20 values."""
    (x, _), (x_select, _), _ = digits()
    for seed in seeds:
        began = time.perf_counter()
        model = network(seed)
        for epochs, peak in CYCLES:
            trained(model, x, len(x), epochs, peak=peak)
        seconds = time.perf_counter() - began
        KEPT.mkdir(exist_ok=True)
        np.savez(KEPT / f"{seed}.npz", *model.get_weights())
        chosen_by = -model.elbo(binarize(x_select, seed=0), n_samples=5).mean()
        stored.setdefault("training", {})[str(seed)] = {
            "seconds": round(seconds),
            "epochs": sum(epochs for epochs, _ in CYCLES),
            "selection_negative_elbo": round(float(chosen_by), 3),
        }
        print(seed, stored["training"][str(seed)], flush=True)


def kept(seed):
    """Return the trained network of 20 values."""
    model = VariationalAutoencoder(LATENT_DIM, seed=seed)
    with np.load(KEPT / f"{seed}.npz") as file:
        model.set_weights([file[name] for name in file.files])
    return model


# likelihood --------------------------------------------------------------------------------------


def with_error(nats):
    """Return the mean of nats an image, and its standard error over the images."""
    return {"nats": float(np.mean(nats)), "error": float(np.std(nats) / len(nats) ** 0.5)}


def likelihood(seeds, stored):
    """Judge the networks of `train` in nats a test image."""
    x_test = binarize(digits()[2][0], seed=0)
    for seed in seeds:
        model = kept(seed)
        elbo = model.elbo(x_test, n_samples=5)
        # what the weighted estimate adds varies little from image to image
        added = model.log_likelihood(x_test[:N_WEIGHTED], n_samples=1000) - elbo[:N_WEIGHTED]
        means, _ = model.encode(x_test)
        stored.setdefault("likelihood", {})[str(seed)] = {
            "negative_elbo": -float(elbo.mean()),
            "importance_weighted": -float(elbo.mean() + added.mean()),
            "error_of_the_estimate": float(added.std() / N_WEIGHTED**0.5),
            "kl": float(np.mean(kl_of(model, x_test))),
            "active": int((means.var(axis=0) > 0.01).sum()),
        }
        print(seed, stored["likelihood"][str(seed)], flush=True)


def rivals(seeds, stored):
    """Judge models without a code, whose likelihoods are exact, in nats a test image."""
    (x, _), (x_select, _), (x_test, _) = digits()
    x_test, x_select = binarize(x_test, seed=0), binarize(x_select, seed=0)
    p = np.clip(x.mean(axis=0), 1e-3, 1 - 1e-3)
    of = stored.setdefault("rivals", {})
    of["independent pixels"] = with_error(-log_bernoulli(x_test, p))
    of.setdefault("mixture of 200 images", {"seeds": {}})
    for seed in seeds:
        nats = -mixture_log_p(x_test, *mixture_of_images(x, seed))
        of["mixture of 200 images"]["seeds"][str(seed)] = float(nats.mean())
        print("mixture", seed, nats.mean(), flush=True)
    by_seed = list(of["mixture of 200 images"]["seeds"].values())
    of["mixture of 200 images"]["nats"] = float(np.mean(by_seed))
    weights, bias = regressions(x, x_select)
    nats = np.logaddexp(0, x_test @ weights + bias) - x_test * (x_test @ weights + bias)
    of["logistic regressions"] = with_error(nats.sum(axis=1))
    print(of, flush=True)
    KEPT.mkdir(exist_ok=True)
    np.savez(KEPT / "regressions.npz", weights, bias)


def kl_of(model, x):
    """Return the second term of each image's bound."""
    mean, log_variance = (part.astype("f8") for part in model.encode(x))
    return 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)


def log_bernoulli(x, p):
    """Return log p of each image where pixels are independent."""
    return x @ np.log(p) + (1 - x) @ np.log(1 - p)


def mixture_of_images(x, seed, k=200, rounds=12):
    """Fit a mixture of grey images by expectation maximisation, each a probability of white."""
    rng = np.random.default_rng(seed)
    p = 0.25 + 0.5 * x[rng.choice(len(x), k, replace=False)]
    share = np.full(k, 1 / k)
    for _ in range(rounds):
        drawn = binarize(x, rng)
        joint = log_joint_of(drawn, p, share)
        joint -= joint.max(axis=1, keepdims=True)
        of = np.exp(joint)
        of /= of.sum(axis=1, keepdims=True)
        size = of.sum(axis=0)
        p = np.clip((of.T @ drawn + 0.05) / (size[:, None] + 0.5), 1e-3, 1 - 1e-3)
        share = (size + 1) / (size + 1).sum()
    return p, share


def log_joint_of(x, p, share):
    """Return log p(x, component), shape (images, components)."""
    p, share = (np.log(part).astype("f4") for part in (np.stack([p, 1 - p]), share))
    return x @ (p[0] - p[1]).T + p[1].sum(axis=1) + share


def mixture_log_p(x, p, share):
    """Return the exact log-likelihood of each image."""
    return np.logaddexp.reduce(log_joint_of(x, p, share).astype("f8"), axis=1)


@keras.saving.register_keras_serializable(package="variational")
class Earlier(keras.constraints.Constraint):
    """Lets a pixel see earlier pixels alone."""

    def __call__(self, w):
        """Return the weights with those from later pixels at 0."""
        return w * keras.ops.convert_to_tensor(np.triu(np.ones((784, 784), "float32"), 1))


def regressions(x, x_select, epochs=7):
    """Fit one logistic regression a pixel, on the pixels before it, of images drawn anew."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(784, kernel_initializer="zeros", kernel_constraint=Earlier()),
        ]
    )
    steps = epochs * (len(x) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)

    def nats(y, logits):
        return keras.ops.sum(keras.ops.softplus(logits) - y * logits, axis=-1)

    model.compile(keras.optimizers.Adam(rate), nats, steps_per_execution=10, jit_compile=False)
    for epoch in range(epochs):
        drawn = binarize(x, seed=epoch)
        model.fit(drawn, drawn, batch_size=BATCH_SIZE, verbose=0)
    print("selection", model.evaluate(x_select, x_select, batch_size=1000, verbose=0), flush=True)
    return model.get_weights()


# samples -----------------------------------------------------------------------------------------


def classifier():
    """Return a convolutional classifier of black-and-white digits, and its features."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((784,))
    layer = keras.layers.Reshape((28, 28, 1))(inputs)
    for n in (16, 32):
        layer = keras.layers.Conv2D(n, 3, strides=2, padding="same", activation="relu")(layer)
    features = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(layer))
    dropped = keras.layers.Dropout(0.3)(features)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(dropped))
    path = KEPT / "classifier.npz"
    if path.exists():
        with np.load(path) as file:
            model.set_weights([file[name] for name in file.files])
    else:
        (x, y), _, _ = digits()
        model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
        for epoch in range(4):
            model.fit(binarize(x, seed=epoch), y, batch_size=BATCH_SIZE, verbose=0)
        KEPT.mkdir(exist_ok=True)
        np.savez(path, *model.get_weights())
    return model, keras.Model(inputs, features)


def frechet(a, b):
    """Return the Frechet distance of two sets of features, taken as Gaussians."""
    (m, s), (n, t) = ((f.mean(axis=0), np.cov(f.T)) for f in (a.astype("f8"), b.astype("f8")))
    values, vectors = np.linalg.eigh(s)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ t @ root), 0)).sum()
    return float(((m - n) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * cross)


def squared_distances(a, b):
    """Return the squared distances of all rows of `a` to all rows of `b`."""
    a, b = a.astype("f4"), b.astype("f4")
    found = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.maximum(found, 0)


def covered(a, b, k=3):
    """Return the share of rows of `a` that lie in a ball about a row of `b` up to its k-th."""
    among = squared_distances(b, b)
    radius = np.partition(among, k, axis=1)[:, k]
    return float((squared_distances(a, b) <= radius).any(axis=1).mean())


def to_nearest(x, known):
    """Return the distance of each image to the nearest known one."""
    return np.sqrt(
        np.concatenate(
            [squared_distances(part, known).min(axis=1) for part in np.array_split(x, 4)]
        )
    )


def samples(seeds, stored):
    """Judge samples by a fixed classifier's features, for several priors and simple rivals."""
    (x, _), (x_select, _), (x_test, y_test) = digits()
    order = np.random.default_rng(1).permutation(len(x_test))
    model, features = classifier()
    test = binarize(x_test, seed=0)
    found = model.predict(test, batch_size=1000, verbose=0).argmax(axis=1)
    stored["classifier_accuracy"] = float(np.mean(found == y_test))
    print("accuracy", stored["classifier_accuracy"], flush=True)
    known = binarize(x, seed=0)

    def seen(images):
        return features.predict(images, batch_size=1000, verbose=0)

    reference, chosen_by = seen(test[order[:5000]]), seen(binarize(x_select, seed=0))
    usual = to_nearest(test[order[5000:6000]], known)
    limit = np.quantile(usual, 0.01)

    def judged(images):
        of = seen(images)
        # those of a mixture come Gaussian by Gaussian
        near = to_nearest(np.random.default_rng(0).permutation(images)[:1000], known)
        return {
            "frechet": frechet(of, reference),
            "precision": covered(of, reference),
            "recall": covered(reference, of),
            "to_nearest": float(np.median(near)),
            "copies": float(np.mean(near < limit)),
        }

    of = stored.setdefault("samples", {"runs": [], "settings": {}})

    def note(name, seed, images):
        value = judged(images)
        kept_runs = [run for run in of["runs"] if (run["of"], run["seed"]) != (name, seed)]
        of["runs"] = [*kept_runs, {"of": name, "seed": seed, **value}]
        print(name, seed, {k: round(v, 3) for k, v in value.items()}, flush=True)

    def best(plans):
        """Return the plan and the contrast whose samples are nearest to the selection images."""
        found = {}
        for plan, make in plans.items():
            grey = make(0)
            for c in CONTRASTS:
                images = binarize(with_contrast(grey, c), 9)
                found[plan, c] = frechet(seen(images), chosen_by)
        print({key: round(value, 2) for key, value in found.items()}, flush=True)
        return min(found, key=found.get)

    def note_best(name, seed, plans):
        """Judge samples of the best plan and contrast, and store which these are."""
        plan, c = chosen = best(plans)
        note(name, seed, binarize(with_contrast(plans[plan](seed), c), seed))
        of["settings"].setdefault(name, {})[str(seed)] = chosen
        return plan

    components = {
        f"{n} components, {k} Gaussians": of_components(x[:10_000], n, k)
        for n, k in ((20, 50), (30, 50), (50, 1), (60, 100))
    }
    regressed = KEPT / "regressions.npz"  # which `rivals` leaves there
    for seed in seeds:
        if seed == 0:  # nothing is drawn
            note("other test images", seed, test[order[5000:]])
        rng = np.random.default_rng(seed)
        note("training images", seed, known[rng.choice(len(known), 5000, replace=False)])
        note_best("PCA and Gaussians", seed, components)
        if regressed.exists():
            with np.load(regressed) as file:
                weights, bias = (file[key] for key in file.files)
            note("logistic regressions", seed, drawn_by_regressions(weights, bias, seed))
        if not (KEPT / f"{seed}.npz").exists():
            print("no network of seed", seed, "here: its rows stay as they are", flush=True)
            continue
        vae = kept(seed)
        codes = drawn_codes(vae, x[:10_000], seed)
        mixtures = {f"{k} Gaussians": gaussians(codes, k) for k in (1, 10, 50, 150)}
        decoded = {
            name: lambda s, m=mixture, v=vae: v.decode(drawn_by(m, s))
            for name, mixture in mixtures.items()
        }
        single = {"1 Gaussians": decoded.pop("1 Gaussians")}
        note_best("VAE, N(0, 1)", seed, {"prior": lambda s, v=vae: v.sample(5000, seed=s)})
        note_best("VAE, fitted Gaussian", seed, single)
        fitted = note_best("VAE, fitted mixture", seed, decoded)
        if seed == 0:
            drawn = np.random.default_rng(0).permutation(decoded[fitted](1))
            stored["pictures"] = {
                "N(0, 1)": sheet(vae.sample(24, seed=1), 12), "mixture": sheet(drawn[:24], 12)
            }  # fmt: skip
    of["runs"].sort(key=lambda run: (SAMPLED.index(run["of"]), run["seed"]))


def drawn_codes(vae, x, seed):
    """Return a code of each image, drawn from the encoder's Gaussian."""
    rng = np.random.default_rng(seed)
    mean, log_variance = vae.encode(binarize(x, rng))
    return mean + np.exp(0.5 * log_variance) * rng.standard_normal(mean.shape)


def gaussians(codes, k):
    """Fit a mixture of Gaussians with full covariances to codes."""
    return GaussianMixture(k, reg_covar=1e-4, max_iter=30, tol=1e-2, random_state=0).fit(codes)


def drawn_by(mixture, seed, n=5000):
    """Return codes drawn from a mixture."""
    mixture.random_state = seed
    return mixture.sample(n)[0]


def with_contrast(images, contrast):
    """Return images clipped to [0, 1] after their contrast about 0.5 has been raised."""
    return np.clip((images - 0.5) * contrast + 0.5, 0, 1).astype("f4")


def of_components(x, n, k):
    """Return a generator without a network: Gaussians of principal components, in grey."""
    pca = PCA(n, svd_solver="covariance_eigh").fit(x)
    mixture = gaussians(pca.transform(x), k)
    return lambda seed: np.clip(pca.inverse_transform(drawn_by(mixture, seed)), 0, 1)


def drawn_by_regressions(weights, bias, seed):
    """Draw images pixel after pixel."""
    rng = np.random.default_rng(seed)
    x = np.zeros((5000, 784), "float32")
    for i in range(784):
        logit = x[:, :i] @ weights[:i, i] + bias[i]
        x[:, i] = rng.random(5000) < 1 / (1 + np.exp(-logit))
    return x


def sheet(images, columns):
    """Return images side by side as a PNG in base64."""
    rows = to_bytes(images).reshape(-1, columns, 28, 28).transpose(0, 2, 1, 3)
    file = io.BytesIO()
    Image.fromarray(rows.reshape(-1, 28 * columns)).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


# beta --------------------------------------------------------------------------------------------


def beta(seeds, stored):
    """Train small networks for several weights of the second term, and several widths.

    At 0 the encoder's Gaussians become narrow, since nothing widens them: an autoencoder.
    """
    (x, _), _, (x_test, _) = digits()
    x, test = x[:10_000], binarize(x_test, seed=0)
    _, features = classifier()

    def seen(images):
        return features.predict(images, batch_size=1000, verbose=0)

    reference = seen(test[np.random.default_rng(1).permutation(len(test))[:5000]])
    shown = [3, 2, 1, 18, 4, 8]  # test digits 0 to 5
    measured, pictures = [], {}
    grid = [(20, weight) for weight in BETAS] + [(n, weight) for n in (5, 50) for weight in (1, 4)]
    for seed in seeds:
        for width, weight in grid:
            vae = network(seed, width, (256,), beta=weight)
            trained(vae, x, len(x), BETA_EPOCHS, batch_size=100)
            elbo, kl = float(vae.elbo(test).mean()), float(kl_of(vae, test).mean())
            mean, log_variance = vae.encode(test)
            run = {
                "width": width,
                "beta": weight,
                "seed": seed,
                "kl": kl,
                "reconstruction": -elbo - kl,
                "active": int((mean.var(axis=0) > 0.01).sum()),
                "median_sigma": float(np.exp(0.5 * np.median(log_variance))),
            }
            if width == 20:
                drawn = vae.sample(5000, seed=seed)
                run["frechet"] = frechet(seen(binarize(drawn, seed)), reference)
                codes = drawn_codes(vae, x[:5000], seed)
                fitted = vae.decode(gaussians(codes, 10).sample(5000)[0])
                run["frechet_fitted"] = frechet(seen(binarize(fitted, seed)), reference)
                if seed == 0:
                    both = np.concatenate([vae.decode(mean[shown]), vae.sample(6, seed=2)])
                    pictures[str(weight)] = sheet(both, 6)
            measured.append(run)
            print(run, flush=True)
    old = results.so_far("variational").get("beta", {"runs": [], "pictures": {}})
    stored["beta"] = {
        "n": len(x),
        "epochs": BETA_EPOCHS,
        "inputs": sheet(test[shown], 6),
        "runs": sorted([*others(old["runs"], seeds), *measured], key=lambda run: run["seed"]),
        "pictures": {**old["pictures"], **pictures},
    }


# labels ------------------------------------------------------------------------------------------


def labels(seeds, stored):
    """Train conditional networks, and let the classifier say what their samples show.

    Codes come from the prior, and from a mixture of Gaussians for each digit, fitted to the codes
    of its training images.
    """
    (x, y), _, (x_test, y_test) = digits()
    model, _ = classifier()
    x, y = x[:10_000], y[:10_000]
    wanted = np.arange(5000) % 10

    def followed(images):
        said = model.predict(images, batch_size=1000, verbose=0).argmax(axis=1)
        return float(np.mean(said == wanted))

    measured, rivals = [], label_rivals(x, y, followed)
    plans = [*((width, 1, 12) for width in (2, 5, 10, 20)), (10, 4, 12)]
    for seed in seeds:
        for width, weight, epochs in plans:
            vae = network(seed, width, (256,), beta=weight, n_classes=10)
            trained(vae, (x, y), len(x), epochs, batch_size=100)
            drawn = vae.sample(5000, wanted, seed=seed)
            fitted = vae.decode(codes_of_digits(vae, x, y, seed), wanted)
            test = binarize(x_test, seed=0)
            run = {
                "width": width,
                "beta": weight,
                "epochs": epochs,
                "seed": seed,
                "followed": followed(binarize(drawn, seed)),
                "followed_fitted": followed(binarize(fitted, seed)),
                "digit_in_code": digit_in_code(vae, test[:4000], y_test[:4000]),
                "negative_elbo": -float(vae.elbo(test, y_test).mean()),
                "spread": float(drawn.reshape(-1, 10, 784).std(axis=0).mean()),
                "spread_fitted": float(fitted.reshape(-1, 10, 784).std(axis=0).mean()),
            }
            measured.append(run)
            print(run, flush=True)
    runs = [
        *others(results.so_far("variational").get("labels", {"runs": []})["runs"], seeds),
        *measured,
    ]
    runs.sort(
        key=lambda run: (plans.index((run["width"], run["beta"], run["epochs"])), run["seed"])
    )
    stored["labels"] = {"n": len(x), "of_a_digit": OF_A_DIGIT, "runs": runs, "rivals": rivals}


def codes_of_digits(vae, x, y, seed):
    """Return codes of the digits 0 to 9 by turns, from Gaussians fitted to codes of each."""
    rng = np.random.default_rng(seed)
    mean, log_variance = vae.encode(binarize(x, rng), y)
    codes = mean + np.exp(0.5 * log_variance) * rng.standard_normal(mean.shape)
    drawn = np.empty((5000, codes.shape[1]))
    for digit in range(10):
        mixture = gaussians(codes[y == digit], OF_A_DIGIT)
        drawn[digit::10] = rng.permutation(mixture.sample(500)[0])
    return drawn


def label_rivals(x, y, followed):
    """Return how often the classifier agrees on test images, and on samples of a Gaussian each."""
    model, _ = classifier()
    x_test, y_test = digits()[2]
    said = model.predict(binarize(x_test, seed=0), batch_size=1000, verbose=0).argmax(axis=1)
    of = {"test images": [float(np.mean(said == y_test))], "a Gaussian for each digit": []}
    for seed in SEEDS:
        drawn = np.empty((5000, 784), "float32")
        for digit in range(10):
            drawn[digit::10] = binarize(of_components(x[y == digit], 20, 1)(seed), seed)[:500]
        of["a Gaussian for each digit"].append(followed(drawn))
    return of


def digit_in_code(vae, x, y):
    """Return how often a linear classifier reads the digit from the means of the code."""
    codes, _ = vae.encode(x, y)
    codes = codes / np.maximum(codes.std(axis=0), 1e-3)
    reader = LogisticRegression(max_iter=300).fit(codes[:3000], y[:3000])
    return float(reader.score(codes[3000:], y[3000:]))


# images of other kinds ---------------------------------------------------------------------------


def on(images, change):
    """Apply a change to images that are stored flat."""
    return change(images.reshape(-1, 28, 28)).reshape(len(images), 784)


def shifted(images):
    """Move images four pixels down and four to the right."""
    return np.pad(images, ((0, 0), (4, 0), (4, 0)))[:, :-4, :-4]


def erased(images):
    """Take a strip of eight pixels out of the middle of images."""
    return images * ~np.isin(np.arange(28), range(10, 18))[:, None]


def overprinted(x, y):
    """Print pairs of images of different classes on top of each other."""
    half = len(x) // 2
    return np.maximum(x[:half], x[half : 2 * half])[y[:half] != y[half : 2 * half]]


def tasks():
    """Return what to train on, normal images and other kinds, to choose on and to judge on.

    Every image is black and white by one rule, the threshold 0.5, so that none is drawn.
    """
    (x, _), (x_select, y_select), (x_test, y_test) = digits()
    clothes, _ = load_fashion_mnist()[1]
    clothes = to_unit_range(clothes, shape=(784,))
    x, x_select, x_test, c = (np.float32(i > 0.5) for i in (x, x_select, x_test, clothes))
    order = np.random.default_rng(2).permutation(10_000)
    normal, other = order[:2000], order[5000:7000]
    garment = np.random.default_rng(3).permutation(10_000)
    wear, wear_select, wear_test, wear_other = np.split(garment, [6000, 7000, 8500])
    mirrored = on(x_select[np.isin(y_select, [3, 4, 6, 7, 9])], lambda i: np.flip(i, 2))
    turned = x_test[other][np.isin(y_test[other], [3, 4, 7])]
    return {
        "digits": {
            "train": x[:10_000],
            "epochs": 15,
            "select": (
                x_select[:2000],
                {"mirrored": mirrored[:2000], "shifted": on(x_select[2000:4000], shifted)},
            ),
            "test": (
                x_test[normal],
                {
                    "clothes": c[wear_test],
                    # about pixel 14, on which the mass of each digit is centred
                    "half turn": on(turned, lambda i: np.roll(np.flip(i, (1, 2)), 1, (1, 2))),
                    "overprint": overprinted(x_test[other], y_test[other]),
                    "erased strip": on(x_test[other], erased),
                },
            ),
        },
        "clothes": {
            "train": c[wear],
            "epochs": 25,
            "select": (
                c[wear_select],
                {
                    "upside down": on(c[wear_select], lambda i: np.flip(i, 1)),
                    "shifted": on(c[wear_select], shifted),
                },
            ),
            "test": (
                c[wear_test],
                {"digits": x_test[normal], "erased strip": on(c[wear_other], erased)},
            ),
        },
    }


def weighted_auroc(normal, strange, draws=None):
    """Return the area under the ROC curve; of `draws` bootstrap samples, where a number is given.

    A bootstrap sample is a weight for every image, so that the scores are sorted once.
    """
    order = np.argsort(normal)
    left, right = (np.searchsorted(normal[order], strange, side) for side in ("left", "right"))
    if draws is None:
        return float((left + right).mean() / (2 * len(normal)))
    of_normal, of_strange = draws
    below = np.cumsum(of_normal[:, order], axis=1) / len(normal)
    below = np.pad(below, ((0, 0), (1, 0)))
    return ((below[:, left] + below[:, right]) / 2 * of_strange).mean(axis=1)


def interval(scores, kind, rng, n=200):
    """Return the 95 % interval of the mean over seeds, by a bootstrap over images."""
    sizes = len(scores[0]["normal"]), len(scores[0][kind])
    draws = [rng.multinomial(size, np.full(size, 1 / size), n) for size in sizes]
    areas = np.mean([weighted_auroc(s["normal"], s[kind], draws) for s in scores], axis=0)
    return [float(a) for a in np.quantile(areas, [0.025, 0.975])]


def remembered(measure):
    """Return the same function of arrays of images, which measures each array once."""
    known = {}

    def look_up(images):
        if id(images) not in known:
            known[id(images)] = (images, measure(images))  # held, so that no other gets its id
        return known[id(images)][1]

    return look_up


def lengths(x, pack):
    """Return the lengths in nats of black-and-white images, compressed without loss."""
    rows = np.packbits(x > 0, axis=1) if pack else (x > 0).astype("u1")
    return 8 * np.log(2) * np.array([len(zlib.compress(row.tobytes(), 9)) for row in rows])


COMPRESSORS = {
    f"zlib of {name}": remembered(lambda x, pack=pack: lengths(x, pack))
    for name, pack in (("bits", True), ("bytes", False))
}


def moments(x):
    """Return ink, centre of mass and second moments of images, as chapter 2 has them."""
    ink = np.maximum(x.sum(axis=1), 1e-6)[:, None, None]
    share, place = x.reshape(-1, 28, 28) / ink, np.arange(28)
    centre = [share.sum(axis=axis) @ place for axis in (2, 1)]
    down, right = (place - c[:, None] for c in centre)
    pairs = [(down**2, right**0), (down**0, right**2), (down, right)]
    extents = [np.einsum("nij,ni,nj->n", share, a, b) for a, b in pairs]
    return np.stack([x.mean(axis=1), *centre, *extents], axis=1)


def far_from_usual(measure, x):
    """Return a score: the distance from the training images' mean in standard deviations."""
    usual = measure(x).reshape(len(x), -1)
    centre, inverse = usual.mean(axis=0), np.linalg.pinv(np.atleast_2d(np.cov(usual.T)))

    def score(images):
        offset = measure(images).reshape(len(images), -1) - centre
        return np.sqrt(((offset @ inverse) * offset).sum(axis=1))

    return score


def scorers(x, epochs, seed):
    """Yield names of methods, of their settings, and scores; higher is stranger.

    Methods without chance in them are there for the first seed alone.
    """
    vae = trained(network(seed, 20, (256,)), x, len(x), epochs, batch_size=100)

    def cost_by(model):
        return remembered(lambda images: -model.elbo(images, n_samples=2))

    cost = cost_by(vae)
    yield "−ELBO", "", cost
    yield "|−ELBO − mean|", "", far_from_usual(cost, x[:5000])
    for way, length in COMPRESSORS.items():
        yield "−ELBO − complexity", way, lambda i, of=length: cost(i) - of(i)
    for rate in (0.1, 0.3):
        rng = np.random.default_rng(seed)
        mutated = np.where(rng.random(x.shape) < rate, rng.random(x.shape) < 0.5, x)
        mutated = mutated.astype("float32")
        plain = trained(network(seed, 20, (256,)), mutated, len(x), epochs, batch_size=100)
        background = cost_by(plain)
        yield "likelihood ratio", rate, lambda i, of=background: cost(i) - of(i)
    keras.utils.set_random_seed(seed)
    model = dense_autoencoder(10)
    model.compile(keras.optimizers.Adam(1e-3), "mse", jit_compile=False)
    model.fit(x, x, batch_size=250, epochs=epochs, verbose=0)
    yield (
        "chapter 2's network", "",
        lambda i: reconstruction_error(i, model.predict(i, batch_size=1000, verbose=0)),
    )  # fmt: skip
    if seed:
        return
    for n in (10, 32, 64, 128):
        pca = PCA(n, svd_solver="covariance_eigh").fit(x)
        yield (
            "PCA error", n,
            lambda i, p=pca: ((i - p.inverse_transform(p.transform(i))) ** 2).mean(axis=1),
        )  # fmt: skip
    yield "mean brightness", "", far_from_usual(lambda i: i.mean(axis=1), x)
    for way, length in COMPRESSORS.items():
        yield "complexity alone", way, far_from_usual(length, x[:5000])
    yield "six moments", "", far_from_usual(moments, x)
    yield "nearest neighbour", "", lambda i: to_nearest(i, x)


def strange(seeds, stored):
    """Judge scores of images of other kinds, all images being prepared alike."""
    rng = np.random.default_rng(0)
    found = {}
    for name, task in tasks().items():
        by_setting, chosen = {}, {}
        for seed in seeds:
            for method, setting, score in scorers(task["train"], task["epochs"], seed):
                part = {}
                for use in ("select", "test"):
                    normal, kinds = task[use]
                    part[use] = {k: score(i) for k, i in {"normal": normal, **kinds}.items()}
                by_setting.setdefault(method, {}).setdefault(setting, []).append(part)
                select = part["select"]
                of = [weighted_auroc(select["normal"], select[k]) for k in task["select"][1]]
                chosen.setdefault(method, {}).setdefault(setting, []).append(np.mean(of))
                print(name, seed, method, setting, np.round(of, 3), flush=True)
        rows = {}
        for method, settings in by_setting.items():
            setting = max(settings, key=lambda s: np.mean(chosen[method][s]))
            scores = [part["test"] for part in settings[setting]]
            rows[method] = {
                "setting": setting,
                "select": float(np.mean(chosen[method][setting])),
                "of": {
                    kind: {
                        "auroc": [weighted_auroc(s["normal"], s[kind]) for s in scores],
                        "interval": interval(scores, kind, rng),
                    }
                    for kind in task["test"][1]
                },
            }
            print(name, method, rows[method], flush=True)
        cost = by_setting["−ELBO"][""][0]["test"]
        found[name] = {
            "methods": rows,
            "histogram": {k: np.histogram(v, BINS)[0].tolist() for k, v in cost.items()},
        }
    stored["strange"] = {**found, "bins": BINS.tolist(), "coin flips": coin_flips(seeds)}


def coin_flips(seeds):
    """Return how images that are drawn from grey ones fare, with and without the draws' entropy."""
    clothes = to_unit_range(load_fashion_mnist()[1][0], shape=(784,))
    clothes = clothes[np.random.default_rng(3).permutation(10_000)]
    grey = {"clothes": clothes[7000:8500], "digits": digits()[2][0][:1500]}
    p = {kind: np.clip(x.astype("f8"), 1e-9, 1 - 1e-9) for kind, x in grey.items()}
    entropy = {
        kind: -(q * np.log(q) + (1 - q) * np.log(1 - q)).sum(axis=1) for kind, q in p.items()
    }
    of = {"entropy": {kind: float(e.mean()) for kind, e in entropy.items()}, "runs": []}
    for seed in seeds:
        vae = trained(network(seed, 20, (256,)), clothes[:6000], 6000, 25, batch_size=100)
        cost = {kind: -vae.elbo(binarize(x, seed=seed), n_samples=2) for kind, x in grey.items()}
        left = {kind: cost[kind] - entropy[kind] for kind in grey}
        run = {
            "negative_elbo": {kind: float(c.mean()) for kind, c in cost.items()},
            "auroc": weighted_auroc(cost["clothes"], cost["digits"]),
            "auroc_without_entropy": weighted_auroc(left["clothes"], left["digits"]),
        }
        of["runs"].append(run)
        print(run, flush=True)
    return of


PARTS = {
    "train": train,
    "likelihood": likelihood,
    "rivals": rivals,
    "samples": samples,
    "beta": beta,
    "labels": labels,
    "strange": strange,
}


def save(part):
    """Write what a part has measured, with the day and the machine of today.

    What other parts have written meanwhile stays.
    """
    results.write("variational", {**results.so_far("variational"), **part})


def others(runs, seeds):
    """Return the stored runs of other seeds than these."""
    return [run for run in runs if run["seed"] not in seeds]


def main(words):
    """Run the parts that the words name, or all."""
    words, seeds = results.words_and_seeds(words, SEEDS)
    if set(words) - set(PARTS):
        sys.exit(__doc__)
    for word in words or PARTS:
        before = results.so_far("variational")
        stored = copy.deepcopy(before)
        PARTS[word](seeds, stored)
        save({k: v for k, v in stored.items() if v != before.get(k)})


if __name__ == "__main__":
    main(sys.argv[1:])
