"""Measure what networks learn from digits without labels, for chapter 15.

    .venv/bin/python benchmarks/without_labels.py [PART ...]

runs the parts rivals and filling, and moved, unmoved, patches, untrained, masked, denoising and
contrastive with a seed from 0 to 2 (masked0), or those that are named, about 50 minutes on one
core, and writes benchmarks/without_labels.json.  masked0 also writes the networks that ship with
the book.

55,000 training digits train without their labels.  100 or 1,000 of them get labels, drawn five
times with as many of each digit.  Settings are chosen on 5,000 digits that train nothing, with
labels of a sixth draw; the test digits are looked at once.
"""

import io
import sys
import time
import warnings
from functools import partial

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import numpy as np  # noqa: E402
from keras import layers, ops  # noqa: E402
from skimage.feature import hog  # noqa: E402
from sklearn.cluster import MiniBatchKMeans  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.svm import SVC  # noqa: E402

from aeutils.codes import (  # noqa: E402
    MaskedAutoencoder,
    all_places,
    contrastive_loss,
    moved,
    patch_decoder,
    patch_encoder,
    to_patches,
)
from aeutils.data import load_mnist  # noqa: E402
from aeutils.images import to_unit_range  # noqa: E402

warnings.filterwarnings("ignore", module="sklearn")

SEEDS, DRAWS, CHOOSING = (0, 1, 2), (0, 1, 2, 3, 4), 9
COUNTS = (100, 1000)
BATCH = 128
# steps that take each way of training about as long
STEPS = {"masked": 1700, "denoising": 400, "contrastive": 460}
NOISE = 0.5
# passes of the network that sees labelled digits alone, by their number
EPOCHS = {100: 120, 1000: 25}


def digits():
    """Return images and labels: to train on, to choose on, and to judge on."""
    (x, y), (x_test, y_test) = load_mnist()
    x, x_test = (to_unit_range(part, shape=(28, 28)) for part in (x, x_test))
    return (x[:55_000], y[:55_000]), (x[55_000:], y[55_000:]), (x_test, y_test)


def labelled(y, n, draw):
    """Return which digits get labels: as many of each."""
    rng = np.random.default_rng([n, draw])
    return np.concatenate(
        [rng.choice(np.flatnonzero(y == c), n // 10, replace=False) for c in range(10)]
    )


# from features to answers ------------------------------------------------------------------------


def probe(c):
    """Return a linear classifier; a larger c lets it depend more on the labels."""
    return LogisticRegression(C=c, max_iter=200)


def kernel(c, gamma):
    """Return an RBF classifier; gamma is divided by the mean squared length of the inputs."""
    return SVC(C=c, gamma=gamma)


PROBES = {f"C = {c:g}": lambda c=c: probe(c) for c in (1e-3, 1e-2, 1e-1, 1, 10)}
KERNELS = {
    f"C = {c:g}, gamma = {g:g}": lambda c=c, g=g: kernel(c, g)
    for c in (10,) for g in (0.25, 0.5, 1, 2, 4)
}  # fmt: skip


def scaled(parts, whole):
    """Return features that are centred and of one scale; whole says for all features at once."""
    mean = parts[0].mean(axis=0)
    spread = np.sqrt(parts[0].var(axis=0).sum()) if whole else parts[0].std(axis=0) + 1e-3
    return [(part - mean) / spread for part in parts]


def judge(of, y, y_select, y_test, drawn, classifiers, whole=False):
    """Choose features and classifier on the selection digits; return test accuracies by draw.

    `of` has, by name, features of all labelled digits in the order of `drawn`, of the selection
    digits and of the test digits.
    """
    at = {index: i for i, index in enumerate(drawn)}
    found = {}
    ready = {name: scaled(parts, whole) for name, parts in of.items()}
    for n in COUNTS:
        rows = [at[i] for i in labelled(y, n, CHOOSING)]
        tried = {
            (name, setting): float(
                make().fit(known[rows], y[labelled(y, n, CHOOSING)]).score(select, y_select)
            )
            for name, (known, select, _) in ready.items()
            for setting, make in classifiers.items()
        }
        name, setting = max(tried, key=tried.get)
        known, _, test = ready[name]
        accuracy = []
        for draw in DRAWS:
            picked = labelled(y, n, draw)
            model = classifiers[setting]().fit(known[[at[i] for i in picked]], y[picked])
            accuracy.append(float(model.score(test, y_test)))
        found[str(n)] = {
            "accuracy": accuracy,
            "setting": f"{name}, {setting}".strip(", "),
            "tried": {f"{a}, {b}".strip(", "): v for (a, b), v in tried.items()},
        }
    return found


def all_drawn(y):
    """Return each digit that is ever labelled, once."""
    return np.unique(
        np.concatenate([labelled(y, n, d) for n in COUNTS for d in (*DRAWS, CHOOSING)])
    )


def over_shifts(of, images):
    """Return the mean of what `of` makes of the images as they are, and shifted by two pixels.

    To the right, downwards, and both: half a patch, so that no border of patches stays in place.
    """
    shifts = ((0, 0), (0, 2), (2, 0), (2, 2))
    shifted = (np.pad(images, ((0, 0), (d, 0), (r, 0)))[:, :28, :28] for d, r in shifts)
    return sum(of(part) for part in shifted) / len(shifts)


def plain_and_over_shifts(name, of, parts):
    """Return both kinds of features of each part, by their names."""
    return {
        name: [of(part) for part in parts],
        f"{name}, four shifts".strip(", "): [over_shifts(of, part) for part in parts],
    }


# rivals that train no network --------------------------------------------------------------------


def gradients(images, cell):
    """Return histograms of oriented gradients."""
    return np.array(
        [hog(i, pixels_per_cell=(cell, cell), cells_per_block=(2, 2)) for i in images], "float32"
    )


class PatchMeans:
    """Coates and Ng's features: how near the patches of each quarter are to k-means centres."""

    def __init__(self, images, n, seed, size=6):
        self.size = size
        rng = np.random.default_rng(seed)
        some = self.cut(images[rng.choice(len(images), 2000, replace=False)])
        some = self.even(some.reshape(-1, size * size))
        some = some[rng.choice(len(some), 60_000, replace=False)]
        self.mean = some.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov((some - self.mean).T))
        self.whiten = vectors / np.sqrt(values + 0.1) @ vectors.T
        made = MiniBatchKMeans(n, n_init=1, batch_size=2000, random_state=seed)
        self.centres = made.fit((some - self.mean) @ self.whiten).cluster_centers_

    def cut(self, images):
        """Return the patches at all places, shape (n, rows, columns, size * size)."""
        windows = np.lib.stride_tricks.sliding_window_view(images, (self.size,) * 2, axis=(1, 2))
        return windows.reshape(*windows.shape[:3], -1)

    def even(self, patches):
        """Return patches of mean 0 and about the same contrast."""
        patches = patches - patches.mean(axis=-1, keepdims=True)
        return patches / np.sqrt(patches.var(axis=-1, keepdims=True) + 0.04)

    def __call__(self, images):
        """Return features, four for each centre."""
        return np.concatenate([self.some(images[i : i + 500]) for i in range(0, len(images), 500)])

    def some(self, images):
        """Return the features of a few images."""
        x = ((self.even(self.cut(images)) - self.mean) @ self.whiten).astype("float32")
        c = self.centres.astype("float32")
        squares = (x**2).sum(-1, keepdims=True) - 2 * x @ c.T + (c**2).sum(-1)
        distance = np.sqrt(np.maximum(squares, 0))
        near = np.maximum(distance.mean(axis=-1, keepdims=True) - distance, 0)
        half = near.shape[1] // 2
        quarters = [
            near[:, a, b].sum(axis=(1, 2))
            for a in (slice(half), slice(half, None)) for b in (slice(half), slice(half, None))
        ]  # fmt: skip
        return np.concatenate(quarters, axis=1)


def rivals():
    """Judge pixels, principal components, gradients and patch means."""
    (x, y), (x_select, y_select), (x_test, y_test) = digits()
    drawn, found = all_drawn(y), {}
    parts = [x[drawn], x_select, x_test]
    flat = plain_and_over_shifts("", lambda images: images.reshape(len(images), -1), parts)

    def note(method, of, classifiers, whole=False):
        began = time.perf_counter()
        found[method] = {"0": judge(of, y, y_select, y_test, drawn, classifiers, whole)}
        for n, row in found[method]["0"].items():
            print(method, n, row["setting"], np.mean(row["accuracy"]),
                  round(time.perf_counter() - began), flush=True)  # fmt: skip

    note("pixels, linear", flat, PROBES)
    note("pixels, RBF", flat, KERNELS, whole=True)
    codes = {}
    for name, images in flat.items():
        pca = PCA(50, svd_solver="covariance_eigh")
        pca.fit((over_shifts(np.array, x) if name else x).reshape(len(x), -1))
        for k in (25, 50):
            codes[f"{k} components, {name}".strip(", ")] = [
                pca.transform(part)[:, :k] for part in images
            ]
    note("PCA, RBF", codes, KERNELS, whole=True)
    of_gradients = {}
    for c in (4, 7):
        of_gradients |= plain_and_over_shifts(f"cells of {c}", partial(gradients, cell=c), parts)
    note("HOG, linear", of_gradients, PROBES)
    return {"methods": found}


def patch_means(seed):
    """Judge features by k-means of patches."""
    (x, y), (x_select, y_select), (x_test, y_test) = digits()
    drawn, of = all_drawn(y), PatchMeans(x, 120, seed)
    parts = plain_and_over_shifts("", of, (x[drawn], x_select, x_test))
    judged = judge(parts, y, y_select, y_test, drawn, PROBES)
    print("patch k-means", seed, {n: row["accuracy"] for n, row in judged.items()}, flush=True)
    return {"methods": {"patch k-means, linear": {str(seed): judged}}}


# with the labels alone ---------------------------------------------------------------------------


def convolutional():
    """Return a small convolutional classifier."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(64, "relu"),
            layers.Dense(10),
        ]
    )


def supervised(moves, seed):
    """Train a network on the labelled digits alone, turned and shifted or as they are."""
    (x, y), _, (x_test, y_test) = digits()
    method, row = "network, labels alone" + ", moved" * moves, {}
    for n, epochs in EPOCHS.items():
        accuracy, began = [], time.perf_counter()
        for draw in DRAWS:
            keras.utils.set_random_seed(10 * seed + draw)
            model, picked = convolutional(), labelled(y, n, draw)
            rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * n // 50)
            model.compile(
                keras.optimizers.Adam(rate), jit_compile=False,
                loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            )  # fmt: skip
            rng = np.random.default_rng([seed, draw])
            rows = np.concatenate([rng.permutation(picked) for _ in range(epochs)])
            images = moved(x[rows], rng) if moves else x[rows]
            model.fit(images[..., None], y[rows], batch_size=50, shuffle=False, verbose=0)
            answers = model.predict(x_test[..., None], batch_size=2000, verbose=0)
            accuracy.append(float((answers.argmax(axis=1) == y_test).mean()))
        row[str(n)] = {"accuracy": accuracy, "seconds": time.perf_counter() - began}
        print(method, seed, n, row[str(n)], flush=True)
    return {"methods": {method: {str(seed): row}}}


# without labels ----------------------------------------------------------------------------------


class Denoising(keras.Model):
    """The same encoder and decoder; all patches are visible, under noise."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, patches):
        """Add noise, remove it, and add the squared error to the loss."""
        noise = keras.random.normal(ops.shape(patches), seed=self.seed_generator)
        places = ops.tile(ops.arange(49)[None], (ops.shape(patches)[0], 1))
        output = self.decoder([self.encoder([patches + NOISE * noise, places]), places])
        self.add_loss(ops.mean((output - patches) ** 2))
        return output


class Contrastive(keras.Model):
    """The same encoder, the mean of its tokens, and a head that is dropped afterwards."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.head = keras.Sequential([layers.Dense(128, "relu"), layers.Dense(64)])

    def call(self, pairs):
        """Encode two views of each image and add the contrastive loss."""
        n = ops.shape(pairs)[0]
        patches = ops.reshape(ops.swapaxes(pairs, 0, 1), (2 * n, 49, 16))
        places = ops.tile(ops.arange(49)[None], (2 * n, 1))
        codes = self.head(ops.mean(self.encoder([patches, places]), axis=1))
        self.add_loss(contrastive_loss(codes[:n], codes[n:]))
        return codes


def trained(kind, x, seed, steps=None):
    """Return an encoder, a decoder where there is one, and the processor seconds and losses."""
    keras.utils.set_random_seed(seed)
    encoder = patch_encoder()
    if kind == "untrained":
        return encoder, None, {}
    decoder = None if kind == "contrastive" else patch_decoder()
    model = {
        "masked": lambda: MaskedAutoencoder(encoder, decoder),
        "denoising": lambda: Denoising(encoder, decoder),
        "contrastive": lambda: Contrastive(encoder),
    }[kind]()
    steps = steps or STEPS[kind]
    rate = keras.optimizers.schedules.CosineDecay(
        1e-4, steps, alpha=0.02, warmup_target=2e-3, warmup_steps=steps // 10
    )
    model.compile(keras.optimizers.Adam(rate), jit_compile=True)
    rng, began, losses, done = np.random.default_rng(seed), time.process_time(), [], 0
    while done < steps:
        now = min(60, steps - done)
        rows = x[rng.choice(len(x), now * BATCH, replace=False)]
        inputs = (
            np.stack([to_patches(moved(rows, rng)) for _ in range(2)], axis=1)
            if kind == "contrastive"
            else to_patches(rows)
        )
        losses.append(model.fit(inputs, batch_size=BATCH, verbose=0).history["loss"][0])
        done += now
    seconds = time.process_time() - began
    print(kind, seed, round(seconds), np.round(losses[:: max(1, len(losses) // 8)], 4), flush=True)
    return encoder, decoder, {"seconds": seconds, "losses": losses, "steps": steps}


def all_tokens(encoder, images):
    """Return the tokens of all patches."""
    inputs = [to_patches(images), all_places(len(images))]
    return encoder.predict(inputs, batch_size=1000, verbose=0)


def features(encoder, images):
    """Return the mean of the tokens, their means in a grid of 3 x 3, and all of them.

    And all of them as means over four shifts of the images.
    """
    tokens = all_tokens(encoder, images)
    grid = tokens.reshape(len(tokens), 7, 7, -1)
    cuts = ((0, 2), (2, 5), (5, 7))
    regions = [grid[:, a:b, c:d].mean(axis=(1, 2)) for a, b in cuts for c, d in cuts]
    return {
        "mean of tokens": tokens.mean(axis=1),
        "nine regions": np.concatenate(regions, axis=1),
        "all tokens": tokens.reshape(len(tokens), -1),
        "all tokens, four shifts": over_shifts(partial(all_tokens, encoder), images).reshape(
            len(tokens), -1
        ),
    }


def encoder(kind, seed):
    """Train without labels in one way, and judge by linear probes and by what is filled in."""
    (x, y), (x_select, y_select), (x_test, y_test) = digits()
    drawn = all_drawn(y)
    network, decoder, of = trained(kind, x, seed)
    parts = [features(network, part) for part in (x[drawn], x_select, x_test)]
    by_name = {name: [part[name] for part in parts] for name in parts[0]}
    judged = judge(by_name, y, y_select, y_test, drawn, PROBES)
    found = {"methods": {kind: {str(seed): {**judged, "training": of}}}}
    for n, row in judged.items():
        print(kind, seed, n, row["setting"], row["accuracy"], row["tried"], flush=True)
    if kind == "masked":
        fill = partial(reconstructed, network, decoder)
        filled = {
            share: float(hidden_error(fill, x_test[:N_FILLED], float(share), seed=1))
            for share in SHARES
        }
        print("filled", filled, flush=True)
        found["filling"] = {"masked": {str(seed): filled}}
        if seed == 0:
            ship(network, decoder)
    return found


def ship(encoder, decoder):
    """Store the weights of both in half precision."""
    file = io.BytesIO()
    weights = [w.astype("float16") for w in (*encoder.get_weights(), *decoder.get_weights())]
    np.savez_compressed(file, *weights)
    results.ship("masked_autoencoder.npz", file.getvalue())


# hidden patches ----------------------------------------------------------------------------------

SHARES = ("0.5", "0.75", "0.9")
N_FILLED = 2000


def visible_count(share):
    """Return how many of 49 patches are visible."""
    return 49 - round(49 * share)


def reconstructed(encoder, decoder, images, order, k):
    """Return all patches: the visible ones as they are, the others as predicted."""
    shown = order[:, :k]
    visible = np.take_along_axis(to_patches(images), shown[:, :, None], axis=1)
    tokens = encoder.predict([visible, shown], batch_size=1000, verbose=0)
    made = decoder.predict([tokens, shown], batch_size=1000, verbose=0)
    np.put_along_axis(made, shown[:, :, None], visible, axis=1)
    return made


def hidden_error(method, images, share, seed):
    """Return the mean squared error of the pixels of hidden patches."""
    rng, k = np.random.default_rng(seed), visible_count(share)
    order = np.argsort(rng.random((len(images), 49)), axis=1).astype("int32")
    error = (np.clip(method(images, order, k), 0, 1) - to_patches(images)) ** 2
    return np.take_along_axis(error.mean(axis=2), order[:, k:], axis=1).mean()


def filling():
    """Judge simple ways to fill in hidden patches; settings from selection digits."""
    (x, _), (x_select, _), (x_test, _) = digits()
    pca = PCA(784, svd_solver="covariance_eigh").fit(x.reshape(len(x), -1))

    covariances = {}
    for n in (64, 150, 300, 784):
        scaled_parts = pca.components_[:n].T * np.sqrt(pca.explained_variance_[:n])
        covariances[n] = (scaled_parts @ scaled_parts.T).astype("f8")

    def conditional(images, order, k, n, noise):
        see = np.zeros((len(images), 49, 16), bool)
        np.put_along_axis(see, order[:, :k, None], True, axis=1)
        see = see.reshape(-1, 7, 7, 4, 4).transpose(0, 1, 3, 2, 4).reshape(len(images), -1)
        made = np.empty((len(images), 784))
        for i, (image, visible) in enumerate(zip(images.reshape(-1, 784), see, strict=True)):
            to_all = covariances[n][visible]
            among = to_all[:, visible] + noise * np.eye(16 * k)
            made[i] = np.linalg.solve(among, (image - pca.mean_)[visible]) @ to_all
        return to_patches((made + pca.mean_).reshape(-1, 28, 28))

    def nearest(images, order, k, n):
        patches = to_patches(x).reshape(len(x), -1)
        see = np.zeros((len(images), 49, 16), "float32")
        np.put_along_axis(see, order[:, :k, None], 1.0, axis=1)
        see = see.reshape(len(images), -1)
        target = to_patches(images).reshape(len(images), -1) * see
        made = np.empty_like(target)
        for i in range(0, len(images), 250):
            part = slice(i, i + 250)
            squares = see[part] @ (patches**2).T - 2 * target[part] @ patches.T
            rows = np.argpartition(squares, n, axis=1)[:, :n]
            made[part] = patches[rows].mean(axis=1)
        return made.reshape(len(images), 49, 16)

    mean = to_patches(x.mean(axis=0)[None])
    ways = {
        "mean image": {"": lambda i, order, k: np.repeat(mean, len(i), axis=0)},
        "neighbours' mean": {
            n: lambda i, order, k, n=n: nearest(i, order, k, n) for n in (5, 10, 20, 40, 80)
        },
        "PCA with missing pixels": {
            (n, noise): lambda i, order, k, n=n, s=noise: conditional(i, order, k, n, s)
            for n in covariances for noise in (0.001, 0.003, 0.01, 0.03)
        },
    }  # fmt: skip
    found, settings = {}, {}
    for method, makers in ways.items():
        for share in SHARES:
            tried = {
                s: float(hidden_error(make, x_select[:200], float(share), seed=2))
                for s, make in makers.items()
            }
            best = min(tried, key=tried.get)
            error = float(hidden_error(makers[best], x_test[:N_FILLED], float(share), seed=1))
            found.setdefault(method, {}).setdefault("0", {})[share] = error
            settings.setdefault(method, {})[share] = {
                "setting": best, "tried": {str(s): v for s, v in tried.items()},
            }  # fmt: skip
            print(method, share, best, error, flush=True)
    return {"filling": found, "settings of filling": settings}


OF_SEEDS = {
    "moved": partial(supervised, True),
    "unmoved": partial(supervised, False),
    "patches": patch_means,
    **{kind: partial(encoder, kind) for kind in ("untrained", *STEPS)},
}
PARTS = {
    "rivals": rivals,
    "filling": filling,
    **{f"{name}{s}": partial(part, s) for s in SEEDS for name, part in OF_SEEDS.items()},
}


def save(measured):
    """Add what a part has measured to what is stored, with the day and the machine of today."""
    stored = results.so_far("without_labels")
    for group, methods in measured.items():
        for method, runs in methods.items():
            stored.setdefault(group, {}).setdefault(method, {}).update(runs)
    results.write("without_labels", stored)


def main(words):
    """Run the parts that the words name, or all."""
    if set(words) - set(PARTS):
        sys.exit(__doc__)
    for word in words or PARTS:
        save(PARTS[word]())


if __name__ == "__main__":
    main(sys.argv[1:])
