"""Measure codes that are counted for chapter 14: quantisers and codecs of grey photographs.

    .venv/bin/python benchmarks/counted_codes.py [PART ...] [--seed SEED]

runs the parts files, transform, kmeans, choose, vq, train, codec, or those that are named, and
writes benchmarks/counted_codes.json; ``train`` and ``vq`` take a minute or two a seed on one core.
The part ``ship`` copies the codec of seed 0 into the book.

Trained on the photographs of benchmarks/photographs.py, made grey; four of them are kept apart for
choosing.  Judged on whole photographs of scikit-image and scikit-learn.  Bits are those of streams:
priors are fitted to the training photographs.
"""

import io
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import results
from PIL import Image

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402
import photographs  # noqa: E402
from sklearn.cluster import MiniBatchKMeans  # noqa: E402

from aeutils.codes import (  # noqa: E402
    FiniteScalarQuantiser,
    IndexPrior,
    ValuePrior,
    VectorQuantiser,
    codebook_use,
    patch_autoencoder,
    principal_patches,
)
from aeutils.core import split_at  # noqa: E402

SEEDS = (0, 1, 2)
KEPT = Path(tempfile.gettempdir()) / "aeutils-counted-codes"
SIDE = 4
CROP = 64


def grey(picture):
    """Return the luma of a photograph, uint8."""
    return np.asarray(Image.fromarray(picture[..., :3]).convert("L"))


def whole_patches(picture, side=16):
    """Cut a photograph to sides that are multiples of 16."""
    height, width = (n // side * side for n in picture.shape)
    return picture[:height, :width]


def training_photographs():
    """Return grey photographs for training and those for choosing, uint8."""
    stored = KEPT / "photographs.npz"
    if not stored.exists():
        KEPT.mkdir(exist_ok=True)
        train, apart = photographs.photographs()
        train = photographs.two_sizes(train)
        # as large as the photographs that judge
        apart = [np.asarray(Image.fromarray(p).reduce(2)) for p in apart]
        parts = {"train": train, "apart": apart}
        arrays = {
            f"{part}_{i:03}": whole_patches(grey(picture))
            for part, pictures in parts.items()
            for i, picture in enumerate(pictures)
        }
        np.savez_compressed(stored, **arrays)
    with np.load(stored) as file:
        pictures = {name: file[name] for name in file.files}
    return (
        [p for name, p in pictures.items() if name.startswith("train")],
        [p for name, p in pictures.items() if name.startswith("apart")],
    )


def held_out():
    """Return whole grey photographs of scikit-image and scikit-learn, by name."""
    import skimage.data
    from sklearn.datasets import load_sample_images

    pictures = {
        name: getattr(skimage.data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")
    }
    pictures["motorcycle"] = skimage.data.stereo_motorcycle()[0]
    pictures |= dict(zip(("temple", "flower"), load_sample_images().images, strict=True))
    named = {name: whole_patches(grey(picture)) for name, picture in pictures.items()}
    return named | {"camera": whole_patches(skimage.data.camera())}


def bits_a_pixel(n_bits, picture):
    """Return bits for each pixel of a photograph."""
    return n_bits / picture.size


def squared_error(picture, decoded):
    """Return the mean squared error, in parts of the square of white, of rounded pixels."""
    rounded = np.clip(np.rint(decoded), 0, 255)
    return float(np.mean((picture - rounded) ** 2) / 255**2)


def judged(method, pictures):
    """Return bits for each pixel and mean squared errors of a method, one of each a photograph."""
    points = [method(picture) for picture in pictures]
    return {
        "bpp": [round(n_bits / p.size, 5) for (n_bits, _), p in zip(points, pictures, strict=True)],
        "mse": [
            round(squared_error(p, decoded), 8)
            for (_, decoded), p in zip(points, pictures, strict=True)
        ],
    }


def by_file(kind, **settings):
    """Return a method: the bits of a file of Pillow, and what it decodes to."""

    def method(picture):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, kind, **settings)
        # WebP has no grey: its colours are the luma again
        decoded = np.asarray(Image.open(file).convert("L"), float)
        return 8 * len(file.getvalue()), decoded

    return method


def in_patches(picture, side):
    """Return patches as rows, in order, from 0 to 1."""
    rows, columns = (n // side for n in picture.shape)
    cut = picture.reshape(rows, side, columns, side).transpose(0, 2, 1, 3)
    return cut.reshape(-1, side * side).astype(np.float32) / 255


def from_patches(rows, shape, side):
    """Undo :func:`in_patches`, pixels from 0 to 255."""
    height, width = (n // side for n in shape)
    cut = rows.reshape(height, width, side, side).transpose(0, 2, 1, 3)
    return 255 * cut.reshape(shape)


def centre(picture, size=512):
    """Return the middle of a photograph, sides multiples of 16."""
    tops = [max(0, (n - size) // 32 * 16) for n in picture.shape]
    return picture[tops[0] : tops[0] + size, tops[1] : tops[1] + size]


def k_means(n_codes, side, pictures, seed=0):
    """Return patches' centres."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([in_patches(p, side) for p in pictures])
    rows = rows[rng.choice(len(rows), min(len(rows), 120_000), replace=False)]
    means = MiniBatchKMeans(n_codes, n_init=1, batch_size=4096, max_iter=30, random_state=seed)
    return means.fit(rows).cluster_centers_.astype(np.float32)


def nearest(rows, centres):
    """Return the index of the nearest centre of each row."""
    parts = np.array_split(rows, -(-len(rows) // 20_000))
    lengths = (centres**2).sum(axis=1)
    return np.concatenate([(lengths - 2 * part @ centres.T).argmin(axis=1) for part in parts])


def by_k_means(centres, side, prior_pictures):
    """Return a method: patches by their centres, bits of a fitted prior."""

    def grid(picture):
        indices = nearest(in_patches(picture, side), centres)
        return indices.reshape(picture.shape[0] // side, -1)

    prior = IndexPrior(len(centres)).fit([grid(p) for p in prior_pictures])

    def method(picture):
        indices = grid(picture)
        return prior.bits(indices), from_patches(centres[indices], picture.shape, side)

    return method


def transform_code(step, dead, basis):
    """Return functions from a photograph to whole numbers and back, by principal components."""
    side = round(len(basis) ** 0.5)

    def values(picture):
        y = (in_patches(picture, side) - 0.5) @ basis.T / step
        # rounds towards 0, since zeros are cheap
        q = np.sign(y) * np.floor(np.abs(y) + dead)
        q[:, 0] = np.rint(y[:, 0])
        q = np.clip(q, -127, 127).astype(np.int64)
        return q.reshape(picture.shape[0] // side, -1, side * side)

    def picture_of(q, shape):
        rows = step * q.reshape(-1, side * side) @ basis + 0.5
        return from_patches(rows, shape, side)

    return values, picture_of


def by_transform(step, dead, basis, prior_pictures):
    """Return a method: a transform code with a fitted prior."""
    values, picture_of = transform_code(step, dead, basis)
    grids = [values(p) for p in prior_pictures[::2]]
    prior = ValuePrior(len(basis)).fit(grids, most=12_000)

    def method(picture):
        q = values(picture)
        return prior.bits(q), picture_of(q, picture.shape)

    return method


def shifted(x):
    """Return the values to the left and above; outside they are 0."""
    ops = keras.ops
    padded = ops.pad(x, ((0, 0), (1, 0), (1, 0), (0, 0)))
    return padded[:, 1:, :-1], padded[:, :-1, 1:]


class Rate(keras.layers.Layer):
    """Bits that values with noise would take, by a Laplace distribution of expected sizes.

    Expected sizes are those of :class:`aeutils.codes.ValuePrior`, trained together with the
    networks; its own are fitted when these are finished.
    """

    def build(self, shape):
        """Make the weights, of which the absolute values count."""
        n = shape[0][-1]
        small = keras.initializers.Constant(0.01)
        self.around = self.add_weight((n, n), small)
        self.same = self.add_weight((n, n), small)
        self.constant = self.add_weight((n,), keras.initializers.Constant(0.1))
        self.slope = self.add_weight((n,), keras.initializers.Constant(0.5))
        self.earlier = np.triu(np.ones((n, n), "float32"), 1)

    def call(self, inputs):
        """Return bits for each value."""
        ops, (values, step) = keras.ops, inputs
        left, above = shifted(values)
        first = values[..., :1] - (left[..., :1] + above[..., :1]) / 2
        values = ops.concatenate([first, values[..., 1:]], axis=-1)
        sizes = ops.abs(values)
        # noise alone has a mean size of 1/4
        quiet = ops.relu(ops.stop_gradient(sizes) - 0.25)
        left, above = shifted(quiet)
        expected = ops.matmul(left + above, ops.abs(self.around))
        expected += ops.matmul(quiet, ops.abs(self.same) * self.earlier)
        constant = ops.abs(self.constant) * (step / 0.2) ** (-self.slope)
        b = expected + constant[:, None, None, :] + 0.02
        # far values are not taken from here, and would overflow
        near = ops.minimum(sizes, 0.5)
        inside = 1 - 0.5 * (ops.exp(-(0.5 - near) / b) + ops.exp(-(0.5 + near) / b))
        # in logarithms, since far values have tiny probabilities
        outside = (ops.relu(sizes - 0.5) / b - ops.log(0.5 * (1 - ops.exp(-1 / b)))) / np.log(2)
        within = -ops.log(ops.maximum(inside, 1e-6)) / np.log(2)
        return ops.where(sizes < 0.5, within, outside)


class Training(keras.Model):
    """The codec with rounding replaced by what has a gradient; its loss is D / step² + c R."""

    def __init__(self, analysis, synthesis, price=0.16, seed=0):
        super().__init__()
        self.analysis, self.synthesis, self.rate = analysis, synthesis, Rate()
        self.price, self.generator = price, keras.random.SeedGenerator(seed)

    def call(self, images):
        """Return the reconstruction, and add the loss."""
        ops = keras.ops
        n = ops.shape(images)[0]
        low, high = np.log(0.06), np.log(0.5)
        step = ops.exp(keras.random.uniform((n, 1), low, high, seed=self.generator))
        y = self.analysis([images, step])
        noise = keras.random.uniform(ops.shape(y), -0.5, 0.5, seed=self.generator)
        bits = ops.sum(self.rate([y + noise, step]), axis=(1, 2, 3))
        rounded = y + ops.stop_gradient(ops.round(y) - y)
        output = self.synthesis([rounded, step])
        error = ops.mean((images - output) ** 2, axis=(1, 2, 3))
        pixels = ops.cast(ops.shape(images)[1] * ops.shape(images)[2], "float32")
        rate = bits / pixels
        self.add_loss(ops.mean(error / step[:, 0] ** 2 + self.price * rate))
        return output


def crops(pictures, n, size, seed):
    """Return random squares of photographs, mirrored at random, from 0 to 1."""
    rng, squares = np.random.default_rng(seed), []
    sizes = np.array([p.size for p in pictures], float)
    for i in rng.choice(len(pictures), n, p=sizes / sizes.sum()):
        top, left = (rng.integers(side - size + 1) for side in pictures[i].shape)
        square = pictures[i][top : top + size, left : left + size]
        squares.append(square[:, :: rng.choice([-1, 1])])
    return np.array(squares, np.float32)[..., None] / 255


def fitted(model, pictures, steps, size, batch_size, seed, targets=True, per_call=10, peak=2e-3):
    """Train for some steps; the learning rate rises for a twentieth of them, and falls to 0."""
    began, course = time.process_time(), []
    for step in range(0, steps, per_call):
        done = step / steps
        rate = peak * min(1, 0.1 + done / 0.05) * (1 + np.cos(np.pi * done)) / 2
        model.optimizer.learning_rate = rate
        x = crops(pictures, batch_size * per_call, size, [seed, step])
        history = model.fit(
            x, x if targets else None, batch_size=batch_size, shuffle=False, verbose=0
        )
        course.append(history.history["loss"][0])
        if not np.isfinite(course[-1]):
            raise FloatingPointError(f"the loss is {course[-1]} after {step} steps")
    seconds = round(time.process_time() - began)
    return {"steps": steps, "seconds": seconds, "last": round(float(np.mean(course[-5:])), 6)}


def start_codec(basis):
    """Return networks that are the transform code of a basis."""
    from aeutils.codes.codec import SIDE as PATCH
    from aeutils.codes.codec import codec_networks

    analysis, synthesis = codec_networks()
    kernel = basis.T.reshape(PATCH, PATCH, 1, PATCH**2)
    analysis.get_layer("transform").set_weights([kernel, -0.5 * basis.sum(axis=1)])
    synthesis.get_layer("inverse").set_weights([kernel, np.full(1, 0.5, np.float32)])
    return analysis, synthesis


def train_codec(seed, steps):
    """Train the codec of a seed, and keep its weights."""
    pictures, _ = training_photographs()
    keras.utils.set_random_seed(seed)
    basis = principal_patches([p / 255 for p in pictures[::4]], 8)
    analysis, synthesis = start_codec(basis)
    model = Training(analysis, synthesis, seed=seed)
    adam = keras.optimizers.Adam(1e-3, clipnorm=1.0)
    model.compile(adam, steps_per_execution=10, jit_compile=False)
    report = fitted(model, pictures, steps, 128, 8, seed, targets=False)
    print("codec", seed, report, flush=True)
    np.savez(KEPT / f"codec_{seed}.npz", *analysis.get_weights(), *synthesis.get_weights())
    (KEPT / f"codec_{seed}.json").write_text(json.dumps(report))


def kept_codec(seed, rounds_up=0.5, qualities=None):
    """Return the codec of a seed, its priors of some qualities fitted to training photographs."""
    from aeutils.codes.codec import CHANNELS, LIMIT, STEPS, PhotoCodec, codec_networks

    analysis, synthesis = codec_networks()
    with np.load(KEPT / f"codec_{seed}.npz") as file:
        weights = [file[f"arr_{i}"].astype(np.float16) for i in range(len(file.files))]
    weights = [w.astype(np.float32) for w in weights]
    n = len(analysis.weights)
    analysis.set_weights(weights[:n])
    synthesis.set_weights(weights[n:])
    priors = [ValuePrior(CHANNELS, LIMIT)] * len(STEPS)
    codec = PhotoCodec(analysis, synthesis, priors, rounds_up)
    pictures = prior_photographs()[::2]
    for i in range(len(STEPS)) if qualities is None else [q - 1 for q in qualities]:
        grids = [codec.values(p, i + 1) for p in pictures]
        codec.priors[i] = ValuePrior(CHANNELS, LIMIT).fit(grids, most=12_000, seed=seed)
    return codec


def by_codec(codec, quality, checked):
    """Return a method: the bits of the stream, and what it decodes to.

    The streams of the photographs in `checked` are written and decoded; of the others the bits
    are counted.
    """

    def method(picture):
        values = codec.values(picture, quality)
        decoded = codec.photograph(values, quality)
        # five bytes of head, and what a coder of words of 32 bits rounds up to
        n_bits = codec.priors[quality - 1].bits(values) + 72
        if any(picture is p for p in checked):
            stream = codec.encode(picture, quality)
            assert np.array_equal(codec.decode(stream), decoded)
            assert abs(8 * len(stream) - n_bits) < 80, (8 * len(stream), n_bits)
        return n_bits, decoded.astype(float)

    return method


def prior_photographs():
    """Return the middles of training photographs that priors are fitted to."""
    pictures, _ = training_photographs()
    return [centre(p) for p in pictures[::2]]


def shown(name, points):
    """Print the means."""
    bpp, mse = np.mean(points["bpp"]), np.mean(points["mse"])
    print(f"{name}: {bpp:.3f} bpp, {-10 * np.log10(mse):.2f} dB", flush=True)


def files(seeds, test, apart, stored):
    """Judge JPEG, WebP and AVIF at several qualities; none has another choice to make."""
    settings = {
        "JPEG": [{"quality": q, "optimize": True} for q in (5, 8, 12, 18, 27, 40, 58, 75)],
        # the standard tables spend bits by what eyes see; flat ones by squared error
        "JPEG, flat": [
            {"qtables": [64 * [q]], "optimize": True}
            for q in (180, 128, 90, 64, 46, 33, 24, 17, 12)
        ],
        "WebP": [{"quality": q, "method": 6} for q in (0, 4, 10, 20, 35, 55, 75, 85)],
        # grey alone, and for squared error
        "AVIF": [
            {"quality": q, "subsampling": "4:0:0", "advanced": {"tune": "psnr"}}
            for q in (10, 20, 30, 40, 50, 60, 70)
        ],
    }
    for kind, several in settings.items():
        stored[kind] = []
        for some in several:
            points = judged(by_file(kind.split(",")[0], **some), test)
            setting = some["quality"] if "quality" in some else some["qtables"][0][0]
            stored[kind].append({"setting": setting} | points)
            shown(f"{kind} {setting}", points)


def kmeans(seeds, test, apart, stored):
    """Judge patches by k-means, centres of each seed for the length that vq is compared at."""
    pictures, _ = training_photographs()
    priors = prior_photographs()
    stored["k-means"] = []
    for n_codes in (16, 64, 256, 1024, 2048):
        for seed in SEEDS if n_codes == 256 else SEEDS[:1]:
            centres = k_means(n_codes, SIDE, pictures, seed)
            points = judged(by_k_means(centres, SIDE, priors), test)
            found = np.concatenate([nearest(in_patches(p, SIDE), centres) for p in test])
            share, perplexity = codebook_use(found, n_codes)
            row = {"setting": n_codes, "seed": seed, "use": round(share, 4)}
            stored["k-means"].append(row | {"perplexity": round(perplexity, 2)} | points)
            shown(f"k-means {n_codes}", points)


def at_equal_bits(points, bpp=0.3):
    """Return decibels at some bits for each pixel, on the line through two points."""
    (a, b), (low, high) = (
        [function(np.mean(p[key])) for p in points]
        for key, function in (("bpp", np.log), ("mse", lambda e: -10 * np.log10(e)))
    )
    return float(low + (high - low) * (np.log(bpp) - a) / (b - a))


def transform(seeds, test, apart, stored):
    """Judge the transform code; where it rounds down is chosen on photographs kept apart."""
    pictures, _ = training_photographs()
    priors = prior_photographs()
    basis = principal_patches([p / 255 for p in pictures[::4]], 8)
    tried = {}
    for dead in (0.25, 0.35, 0.5):
        points = [judged(by_transform(step, dead, basis, priors), apart) for step in (0.15, 0.3)]
        tried[dead] = at_equal_bits(points)
        print("rounds up from", 1 - dead, tried[dead], flush=True)
    best = max(tried, key=tried.get)
    stored["transform"] = []
    for step in (0.06, 0.09, 0.13, 0.18, 0.25, 0.35, 0.5):
        points = judged(by_transform(step, best, basis, priors), test)
        stored["transform"].append({"setting": step, "dead": best} | points)
        shown(f"transform {step}", points)


def codec(seeds, test, apart, stored):
    """Judge the codec of each seed; a photograph's streams are written and decoded."""
    from aeutils.codes.codec import STEPS

    if SEEDS[0] in seeds:
        tried = {}
        for rounds_up in (0.5, 0.58, 0.66):
            trained = kept_codec(SEEDS[0], rounds_up, (2, 4))
            points = [judged(by_codec(trained, quality, []), apart) for quality in (2, 4)]
            tried[rounds_up] = at_equal_bits(points)
            print("rounds up from", rounds_up, tried[rounds_up], flush=True)
        stored["codec_rounds_up"] = max(tried, key=tried.get)
    best = stored["codec_rounds_up"]
    stored["codec"] = [r for r in stored.get("codec", []) if r["seed"] not in seeds]
    for seed in seeds:
        trained = kept_codec(seed, best)
        training = json.loads((KEPT / f"codec_{seed}.json").read_text())
        for quality in range(1, len(STEPS) + 1):
            points = judged(by_codec(trained, quality, test[:1]), test)
            row = {"setting": quality, "seed": seed, "training": training}
            stored["codec"].append(row | points)
            shown(f"codec {seed}, {quality}", points)


# the quantisers that are trained, with the length of their codebook; the revived ones of several
# lengths, to compare with them at equal bits
KINDS = {
    "VQ, revived": 256,
    "VQ, not revived": 256,
    "VQ, begun with patches": 256,
    "FSQ": None,
    "VQ, revived, 64 codes": 64,
    "VQ, revived, 32 codes": 32,
}
# what is tried of each quantiser on the photographs kept apart, by a seed that is not reported
TRIED = {
    "VQ, revived": [{"commitment": weight} for weight in (0.06, 0.25, 1.0, 4.0)],
    # brightness, the first component, needs most
    "FSQ": [
        {"levels": levels}
        for levels in ((8, 6, 5), (10, 5, 5), (16, 4, 4), (32, 4, 2), (16, 16), (16, 4, 2, 2))
    ],
}
VQ_STEPS, SEED_TRIED = 400, 9


def trained_quantiser(kind, seed, pictures, **settings):
    """Return a trained network, its quantiser and a report."""
    basis = principal_patches([p / 255 for p in pictures[::4]], SIDE)
    keras.utils.set_random_seed(seed)
    if kind == "FSQ":
        rows = np.concatenate([in_patches(p, SIDE)[::50] for p in pictures]) - 0.5
        quantiser = FiniteScalarQuantiser(**settings)
        dim = len(quantiser.levels)
        spread = 1.2 * (rows @ basis.T).std(axis=0)[:dim]
        model = patch_autoencoder(quantiser, basis, dim, spread=spread)
    else:
        revive = 0.5 if "VQ, revived" in kind else 0.0
        quantiser = VectorQuantiser(KINDS[kind], revive=revive, seed=seed, **settings)
        model = patch_autoencoder(quantiser, basis)
        if kind == "VQ, begun with patches":
            # what the quantiser gets of random patches before training
            rows = crops(pictures, 4 * KINDS[kind], SIDE, [seed, 0])
            z = until_quantiser(model).predict(rows, verbose=0).reshape(len(rows), -1)
            rows = np.random.default_rng(seed).choice(len(z), KINDS[kind], replace=False)
            quantiser.codebook.assign(z[rows])
            quantiser.sums.assign(z[rows])
    model.compile(keras.optimizers.Adam(1e-3), "mse", steps_per_execution=8, jit_compile=False)
    return model, quantiser, fitted(model, pictures, VQ_STEPS, CROP, 16, seed, per_call=8)


def until_quantiser(model):
    """Return the network up to the quantiser's input."""
    return keras.Model(model.input, model.get_layer("code").input)


def grids_of(model, quantiser, pictures):
    """Return the grids of indices of photographs."""
    encoder, grids = until_quantiser(model), []
    for picture in pictures:
        z = encoder(picture[None, ..., None].astype(np.float32) / 255, training=False)
        grids.append(keras.ops.convert_to_numpy(quantiser.indices(z))[0].astype(np.int64))
    return grids


def by_network(model, quantiser, priors):
    """Return a method: a network's codes with a fitted prior."""
    prior = IndexPrior(quantiser.n_codes).fit(grids_of(model, quantiser, priors))
    _, decoder = split_at(model, "code")

    def method(picture):
        (grid,) = grids_of(model, quantiser, [picture])
        x = decoder(quantiser.vectors(grid[None]), training=False)
        return prior.bits(grid), 255 * keras.ops.convert_to_numpy(x)[0, ..., 0]

    return method


def choose(seeds, test, apart, stored):
    """Choose settings of the quantisers on photographs kept apart, at the bits of k-means."""
    pictures, _ = training_photographs()
    priors = prior_photographs()
    line = []
    for n_codes in (64, 1024):
        centres = k_means(n_codes, SIDE, pictures, SEED_TRIED)
        line.append(judged(by_k_means(centres, SIDE, priors), apart))
        shown(f"k-means {n_codes}", line[-1])
    stored["tried"] = {}
    for kind, several in TRIED.items():
        rows = stored["tried"][kind] = []
        for settings in several:
            model, quantiser, report = trained_quantiser(kind, SEED_TRIED, pictures, **settings)
            points = judged(by_network(model, quantiser, priors), apart)
            ahead = -10 * np.log10(np.mean(points["mse"]))
            ahead -= at_equal_bits(line, np.mean(points["bpp"]))
            rows.append({"settings": settings, "ahead of k-means, dB": round(ahead, 3)})
            shown(f"{rows[-1]}, {report}", points)


def vq(seeds, test, apart, stored):
    """Train and judge networks around vector quantisers and a scalar one."""
    pictures, _ = training_photographs()
    priors = prior_photographs()
    chosen = {
        kind: max(rows, key=lambda row: row["ahead of k-means, dB"])["settings"]
        for kind, rows in stored["tried"].items()
    }
    # the same but for the revival, the start or the length
    chosen |= {kind: chosen["VQ, revived"] for kind in KINDS if kind != "FSQ"}
    stored["networks"] = [r for r in stored.get("networks", []) if r["seed"] not in seeds]
    for seed in seeds:
        for kind in KINDS:
            settings = chosen[kind]
            model, quantiser, report = trained_quantiser(kind, seed, pictures, **settings)
            use = [g.ravel() for g in grids_of(model, quantiser, test)]
            share, perplexity = codebook_use(np.concatenate(use), quantiser.n_codes)
            points = judged(by_network(model, quantiser, priors), test)
            row = {"kind": kind, "setting": quantiser.n_codes, "seed": seed, "training": report}
            row |= {"use": round(share, 4), "perplexity": round(perplexity, 2)}
            stored["networks"].append(row | settings | points)
            shown(f"{kind}, {seed}: {report}, use {share:.3f}", points)
        results.write("counted_codes", stored)


def train(seeds, test, apart, stored, steps=1350):
    """Train the codec of each seed."""
    for seed in seeds:
        if not (KEPT / f"codec_{seed}.npz").exists():
            train_codec(seed, steps)


def ship(seeds, test, apart, stored):
    """Copy the networks and priors of seed 0 into the book."""
    trained = kept_codec(0, stored["codec_rounds_up"])
    weights = [*trained.analysis.get_weights(), *trained.synthesis.get_weights()]
    arrays = [w.astype(np.float16) for w in weights]
    arrays.append(np.array([p.weights for p in trained.priors], np.int32))
    # a value and its opposite are equally likely
    arrays.append(np.array([p.frequencies[:, 2 * p.limit :] for p in trained.priors], np.int32))
    arrays.append(np.float32(trained.rounds_up))
    file = io.BytesIO()
    np.savez_compressed(file, *arrays)
    results.ship("photo_codec.npz", file.getvalue())
    print(len(file.getvalue()), "bytes")


PARTS = {f.__name__: f for f in (files, transform, kmeans, choose, vq, train, codec, ship)}


def main(words):
    """Run the parts that the words name, or all but `ship`, and store what they measure."""
    words, seeds = results.words_and_seeds(words, SEEDS)
    if set(words) - set(PARTS):
        sys.exit(__doc__)
    test = held_out()
    _, apart = training_photographs()
    for word in words or [name for name in PARTS if name != "ship"]:
        began = time.process_time()
        stored = results.so_far("counted_codes")
        stored["photographs"] = {name: list(p.shape) for name, p in test.items()}
        PARTS[word](seeds, list(test.values()), apart, stored)
        print(f"{word}: {time.process_time() - began:.0f} s", flush=True)
        if word not in ("train", "ship"):
            results.write("counted_codes", stored)


if __name__ == "__main__":
    main(sys.argv[1:])
