"""How little time the article's quality needs, and what a better network owes to what.

    .venv/bin/python benchmarks/denoising_faster.py         # 35 minutes on one core
    .venv/bin/python benchmarks/denoising_faster.py linear  # some parts; the others stay

The parts are choose, turns, lengths, causes, better, linear, bm3d and targets.
Settings are chosen on 5,000 training images kept apart, the test images are looked at once; three
seeds; seconds by turns.  The article's own run in full is that of benchmarks/denoising_speed.py.
Writes benchmarks/denoising_faster.json, which chapter 7 and the benchmarks page draw on.
"""

import sys
import time

import numpy as np
import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
from denoising import quality, warm_up_and_cosine  # noqa: E402
from keras import layers, ops  # noqa: E402
from scipy.ndimage import convolve  # noqa: E402

from aeutils.core import count_macs  # noqa: E402
from aeutils.data import load_mnist  # noqa: E402
from aeutils.denoising import (  # noqa: E402
    RandomNoise,
    conv_denoiser,
    negative_psnr,
    psnr,
    residual_denoiser,
)
from aeutils.images import add_noise, to_unit_range  # noqa: E402

NOISE_FACTOR, SEEDS, SELECTION = 0.5, 3, 5000
TURNS, TURN_IMAGES = 5, 2560
# what the article's network is trained by, each line with one more idea
LADDER = {
    "article's recipe": {"batch_size": 256, "kernel": "glorot_uniform", "stored_noise": True},
    "batch 32, He, warm-up and cosine": {"batch_size": 32, "peak": 1e-2},
    "fused upsampling": {"batch_size": 32, "peak": 1e-2, "fused": True, "steps": 25},
    "bfloat16": {"batch_size": 32, "peak": 1e-2, "fused": True, "steps": 25, "bfloat16": True},
}
CHOICES = {  # tried on the selection images, one epoch, one seed
    "Adam, 32, 0.01": {"batch_size": 32, "peak": 1e-2},
    "Adam, 64, 0.015": {"batch_size": 64, "peak": 1.5e-2},
    "Muon, 64, 0.02": {"batch_size": 64, "peak": 2e-2, "muon": True},
    "Muon, 128, 0.04": {"batch_size": 128, "peak": 4e-2, "muon": True},
}
QUICK = {"fused": True, "steps": 25, "bfloat16": True}


@keras.saving.register_keras_serializable(package="benchmarks")
class ConvMuon(keras.optimizers.Muon):
    """Keras's Muon for kernels of convolutions too, as matrices of window and channels by filters.

    The first and the last layer, biases and normalizations are trained by Adam.
    """

    def _should_use_adamw(self, variable):
        return len(variable.shape) < 2 or 1 in variable.shape[-2:]

    def _muon_update_step(self, gradient, variable, lr, m):
        self.assign_add(m, ops.add(gradient, m * (self.momentum - 1)))
        g = ops.add(gradient, self.momentum * m)
        flat = ops.reshape(g, (-1, g.shape[-1]))
        update = self.lr_adjust(self.zeropower_via_newtonschulz5(flat, self.ns_steps))
        self.assign_sub(variable, lr * ops.reshape(update, variable.shape))


def optimizer(total, peak=None, muon=False, **options):
    """Return Adam or Muon with warm-up and cosine; without a peak Adam as Keras has it."""
    if peak is None:
        return keras.optimizers.Adam(**options)
    rate = warm_up_and_cosine(peak, total, max(1, total // 10))
    if muon:
        return ConvMuon(
            rate, adam_lr_ratio=0.5, weight_decay=None, adam_weight_decay=None, **options
        )
    return keras.optimizers.Adam(rate, **options)


def trainer(build, seed, total, settings, loss, **options):
    """Return a network and the compiled model that trains it."""
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if settings.get("bfloat16") else "float32")
    network = build()
    keras.config.set_dtype_policy("float32")
    trainee = network
    if not settings.get("stored_noise"):
        # the noise comes from a layer, new at every step
        noise = RandomNoise(NOISE_FACTOR, NOISE_FACTOR, seed=seed)
        trainee = keras.Sequential([keras.Input((28, 28, 1)), noise, network])
    trainee.compile(
        optimizer(total, settings.get("peak"), settings.get("muon", False), **options),
        loss=loss,
        steps_per_execution=settings.get("steps", 1),
    )
    return network, trainee


def articles_network(settings):
    """Return what builds the article's network."""
    return lambda: conv_denoiser(
        kernel_initializer=settings.get("kernel", "he_normal"), fused=settings.get("fused", False)
    )


def fit(build, x, epochs, seed, settings, loss, **options):
    """Train for a number of epochs, fractions allowed; return the network and the seconds."""
    size, whole = settings["batch_size"], float(epochs).is_integer()
    total = round(epochs * len(x)) // size
    if whole:
        x = x[: len(x) // size * size]
    else:  # every image as often as another, or once more
        rng = np.random.default_rng(seed)
        order = np.concatenate([rng.permutation(len(x)) for _ in range(int(np.ceil(epochs)))])
        x = x[order[: total * size]]
    network, trainee = trainer(build, seed, total, settings, loss, **options)
    began = time.perf_counter()
    trainee.fit(x, x, batch_size=size, epochs=int(epochs) if whole else 1, verbose=0)
    return network, time.perf_counter() - began


def cross_entropy(network, clean, noisy):
    """Return the article's loss, in float32."""
    output = np.clip(network.predict(noisy, batch_size=500, verbose=0), 1e-7, 1 - 1e-7)
    return float(-np.mean(clean * np.log(output) + (1 - clean) * np.log(1 - output)))


def plain(network, build):
    """Return the network in float32."""
    copy = build()
    copy.set_weights(network.get_weights())
    return copy


class Data:
    """The images in three parts, and their noisy copies."""

    def __init__(self):
        (images, _), (test, _) = load_mnist()
        images, test = (to_unit_range(a, shape=(28, 28, 1)) for a in (images, test))
        self.train, self.select, self.test = images[:-SELECTION], images[-SELECTION:], test
        self.select_noisy = add_noise(self.select, NOISE_FACTOR, seed=2)
        self.test_noisy = add_noise(test, NOISE_FACTOR, seed=1)


def choose(d, epochs=1):
    """Return selection losses of ways to train for one epoch, and the best way."""
    tried = {}
    for name, choice in CHOICES.items():
        settings = QUICK | choice
        build = articles_network(settings)
        network, seconds = fit(build, d.train, epochs, 0, settings, "binary_crossentropy")
        loss = cross_entropy(plain(network, build), d.select, d.select_noisy)
        tried[name] = {"loss": round(loss, 5), "seconds": round(seconds, 1)}
        print(name, tried[name], flush=True)
    return tried, min(tried, key=lambda name: tried[name]["loss"])


def lengths(d, choice, epochs=(3.75,)):
    """Train the chosen way for longer and longer until three seeds reach the article's loss."""
    settings, rows = QUICK | CHOICES[choice], []
    target = results.read("denoising_speed")["article"]["test_loss"][-1]
    build = articles_network(settings)
    for length in epochs:
        runs = []
        for seed in range(SEEDS):
            network, _ = fit(build, d.train, length, seed, settings, "binary_crossentropy")
            network = plain(network, build)
            denoised = network.predict(d.test_noisy, batch_size=500, verbose=0)
            runs.append(
                {
                    "selection_loss": round(cross_entropy(network, d.select, d.select_noisy), 5),
                    "test_loss": round(cross_entropy(network, d.test, d.test_noisy), 5),
                    **quality(d.test, denoised),
                }
            )
        rows.append({"epochs": length, "runs": runs})
        print(rows[-1], flush=True)
        if max(run["test_loss"] for run in runs) <= target:
            break
    return rows


def by_turns(d, ways):
    """Return processor seconds of several ways to train on equally many images, A B C A B C."""
    x = d.train[:TURN_IMAGES]
    noisy = add_noise(x, NOISE_FACTOR, seed=0)
    ready, seconds = {}, {}
    for name, (build, settings, loss) in ways.items():
        _, trainee = trainer(build, 0, 1000, settings, loss)
        given = noisy if settings.get("stored_noise") else x

        def run(trainee=trainee, given=given, size=settings["batch_size"]):
            trainee.fit(given, x, batch_size=size, verbose=0)

        run()
        ready[name], seconds[name] = run, []
    for _ in range(TURNS):
        for name, run in ready.items():
            began = time.process_time()  # what else the machine does does not count
            run()
            seconds[name].append(round(time.process_time() - began, 3))
    for name, values in seconds.items():
        print(name, np.median(values), flush=True)
    return {"images": TURN_IMAGES, "seconds": seconds}


class Passage(keras.layers.Layer):
    """Passes on what it gets, called as batch normalization is."""

    def call(self, inputs, training=False, mask=None):
        """Return the inputs."""
        return inputs


def unnormalized():
    """Build the residual network without its batch normalization."""

    def copy(layer):
        if isinstance(layer, layers.BatchNormalization):
            return Passage(name=layer.name)
        return layer.from_config(layer.get_config())

    return keras.models.clone_model(residual_denoiser(), clone_function=copy)


def without_dense():
    """Build the residual network with convolutions in the place of the dense autoencoders.

    Five of them cost about as many multiplications as the original.
    """
    he = {"padding": "same", "kernel_initializer": "he_normal"}

    def rectified(x):
        return layers.ReLU()(layers.BatchNormalization()(x))

    noisy = keras.Input((28, 28, 1))
    skip = rectified(layers.Conv2D(24, 4, strides=2, **he)(noisy))
    x = layers.BatchNormalization()(layers.Conv2D(48, 4, strides=2, **he)(skip))
    for _ in range(5):
        x = layers.Add()([x, layers.Conv2D(48, 3, **he)(rectified(x))])
    x = layers.Conv2DTranspose(24, 4, strides=2, **he)(rectified(x))
    x = layers.Add()([skip, x])
    x = rectified(layers.Conv2D(24, 3, **he)(rectified(x)))
    clean = layers.Activation("sigmoid", dtype="float32")(
        layers.Conv2DTranspose(1, 4, strides=2, **he)(x)
    )
    return keras.Model(noisy, clean)


CAUSES = {
    "better network": (residual_denoiser, negative_psnr),
    "trained by cross-entropy": (residual_denoiser, "binary_crossentropy"),
    "without batch normalization": (unnormalized, negative_psnr),
    "a quarter of the dense units": (lambda: residual_denoiser(latent_dim=64), negative_psnr),
    "convolutions for dense layers": (without_dense, negative_psnr),
    "article's network": (lambda: conv_denoiser(fused=True), "binary_crossentropy"),
    "article's network, by PSNR": (lambda: conv_denoiser(fused=True), negative_psnr),
}


PEAKS = (3e-3, 1e-2)
# at these the article's network outputs black when it is trained by PSNR
LOWER_PEAKS = {"article's network, by PSNR": (3e-4, 1e-3, *PEAKS)}


def causes(d, images=24_000, batch_size=64):
    """Change one thing at a time, at equal multiplications in all, three seeds.

    The multiplications are those of the better network for some images, less than an epoch; of
    two peaks of the learning rate (one network: four) each gets the best on the selection images.
    Returns the rows, and coverage and width of the better network's error bars.
    """
    budget = count_macs(residual_denoiser()) * images
    rows, bars = {}, []
    for name, (build, loss) in CAUSES.items():
        epochs = budget / count_macs(build()) / len(d.train)

        def trained(peak, seed, build=build, loss=loss, epochs=epochs):
            settings = {"batch_size": batch_size, "peak": peak, "bfloat16": True, "steps": 25}
            network, _ = fit(build, d.train, epochs, seed, settings, loss, clipnorm=5.0)
            return plain(network, build)

        networks = {peak: trained(peak, 0) for peak in LOWER_PEAKS.get(name, PEAKS)}
        tried = {peak: mean_psnr(n, d.select, d.select_noisy) for peak, n in networks.items()}
        peak = max(tried, key=tried.get)
        seeds = [networks[peak], *(trained(peak, seed) for seed in range(1, SEEDS))]
        rows[name] = {
            "multiplications": count_macs(build()),
            "weights": build().count_params(),
            "epochs": round(epochs, 2),
            "selection_db": {str(peak): db for peak, db in tried.items()},
            "psnr_db": [mean_psnr(network, d.test, d.test_noisy) for network in seeds],
        }
        print(name, rows[name], flush=True)
        bars = bars or [error_bars(d, network) for network in seeds]
    return {"images": images, "batch_size": batch_size, "rows": rows}, bars


def mean_psnr(network, clean, noisy):
    """Return the mean PSNR of a network's output, rounded."""
    return round(float(psnr(clean, network.predict(noisy, batch_size=500, verbose=0)).mean()), 3)


def error_bars(d, network, target=0.1):
    """Calibrate both kinds of bars of chapter 7 on the selection images, and judge them."""
    outputs = [
        network.predict(x, batch_size=500, verbose=0) for x in (d.select_noisy, d.test_noisy)
    ]
    sure = [(p <= 0.05) | (p >= 0.95) for p in outputs]
    errors = [np.abs(x - p) for x, p in zip((d.select, d.test), outputs, strict=True)]
    found = {}
    for name, scale in (("one width", np.ones_like), ("by output", lambda p: (p * (1 - p)) ** 0.5)):
        needed = [
            np.where(s, -1, e / np.maximum(scale(p), 1e-6))
            for s, e, p in zip(sure, errors, outputs, strict=True)
        ]

        def missed(factor, which, needed=needed):
            outside = (needed[which] > factor).sum((1, 2, 3))
            return outside / np.maximum((~sure[which]).sum((1, 2, 3)), 1)

        low, high = 0.0, 100.0
        for _ in range(30):
            factor = (low + high) / 2
            enough = (missed(factor, 0).sum() + 1) / (len(d.select) + 1) <= target
            low, high = (low, factor) if enough else (factor, high)
        widths = np.minimum(high * scale(outputs[1]), 1)[~sure[1]]
        found[name] = {
            "coverage": round(float(1 - missed(high, 1).mean()), 4),
            "worst_tenth": round(float(1 - np.quantile(missed(high, 1), 0.9)), 4),
            "half_width": round(float(widths.mean()), 4),
        }
    return found


def better(d, epochs=(6,)):
    """Train the residual network longer, and say in how many seconds it gets how good."""
    settings, rows = {"batch_size": 128, "peak": 1e-2, "bfloat16": True, "steps": 25}, []
    for length in epochs:
        network, seconds = fit(
            residual_denoiser, d.train, length, 0, settings, negative_psnr, clipnorm=5.0
        )
        output = plain(network, residual_denoiser).predict(d.test_noisy, verbose=0)
        rows.append({"epochs": length, "seconds": round(seconds, 1), **quality(d.test, output)})
        print(rows[-1], flush=True)
    return rows


def linear(d, alphas=(1, 10, 100, 1000, 10_000)):
    """Judge the closed-form linear denoiser, ridge from all noisy pixels to all clean ones."""
    x = add_noise(d.train, NOISE_FACTOR, seed=0).reshape(len(d.train), -1).astype(np.float64)
    y = d.train.reshape(len(x), -1).astype(np.float64)
    mean_x, mean_y = x.mean(0), y.mean(0)
    gram, cross = (x - mean_x).T @ (x - mean_x), (x - mean_x).T @ (y - mean_y)

    def apply(weights, noisy):
        flat = noisy.reshape(len(noisy), -1) - mean_x
        return np.clip(flat @ weights + mean_y, 0, 1).astype("float32").reshape(noisy.shape)

    solved = {a: np.linalg.solve(gram + a * np.eye(784), cross) for a in alphas}
    chosen = max(alphas, key=lambda a: psnr(d.select, apply(solved[a], d.select_noisy)).mean())
    answer = apply(solved[chosen], d.test_noisy)
    return {"alpha": chosen, **quality(d.test, answer)}, answer


def bm3d_unclipped(d, images=40, tuned=8, tried=(0.2, 0.3, 0.4, 0.5)):
    """Judge BM3D on clipped noise as the others get it, and on unclipped noise; tuned likewise."""
    import bm3d

    scores = {}
    for name in ("clipped", "unclipped"):

        def noisy(clean, seed, name=name):
            rng = np.random.default_rng(seed)
            x = clean + NOISE_FACTOR * rng.standard_normal(clean.shape)
            return np.clip(x, 0, 1) if name == "clipped" else x

        def filtered(x, sigma):
            return np.array([bm3d.bm3d(image[..., 0], sigma) for image in x])[..., None]

        def straight(line, output):
            return np.clip(np.polyval(line, output), 0, 1).astype("float32")

        clean, given = d.select[:tuned], noisy(d.select[:tuned], 2)
        found, lines = {}, {}
        for sigma in tried:
            output = filtered(given, sigma)
            lines[sigma] = np.polyfit(output.ravel(), clean.ravel(), 1)
            found[sigma] = float(psnr(clean, straight(lines[sigma], output)).mean())
        sigma = max(found, key=found.get)
        test = d.test[:images]
        each = psnr(test, straight(lines[sigma], filtered(noisy(test, 1), sigma)))
        scores[name] = {
            "sigma": sigma,
            "selection_db": {str(s): round(db, 2) for s, db in found.items()},
            "psnr_db": round(float(each.mean()), 3),
            "deviation": round(float(each.std(ddof=1)), 3),
            "each": each.astype(float).round(2).tolist(),
        }
        print("BM3D", name, scores[name], flush=True)
    return {"images": images, **scores}


def neighbours_mean(noisy):
    """Return the mean of each pixel's eight neighbours."""
    around = np.ones((1, 3, 3, 1), "float32") / 8
    around[0, 1, 1] = 0
    return convolve(noisy, around, mode="mirror")


def hide(noisy, seed, grid=3):
    """Hide the pixels of a grid placed at random; return the images, and targets with masks."""
    rows, columns = np.random.default_rng(seed).integers(grid, size=(2, len(noisy), 1))
    places = np.arange(28) % grid
    mask = ((places == rows)[:, :, None] & (places == columns)[:, None])[..., None]
    hidden = np.where(mask, neighbours_mean(noisy), noisy)
    return hidden, np.concatenate([noisy, mask], -1).astype("float32")


def masked_entropy(y_true, y_pred):
    """Return the cross-entropy of the hidden pixels."""
    target, mask = y_true[..., :1], y_true[..., 1:]
    p = ops.clip(ops.cast(y_pred, "float32"), 1e-6, 1 - 1e-6)
    loss = -target * ops.log(p) - (1 - target) * ops.log(1 - p)
    return ops.sum(mask * loss) / (ops.sum(mask) + 1e-6)


def blind_prediction(network, noisy, grid=3):
    """Predict each pixel from its surroundings alone."""
    neighbours, output = neighbours_mean(noisy), np.empty_like(noisy)
    for i, j in np.ndindex(grid, grid):
        given = noisy.copy()
        given[:, i::grid, j::grid] = neighbours[:, i::grid, j::grid]
        answer = network.predict(given, batch_size=500, verbose=0)
        output[:, i::grid, j::grid] = answer[:, i::grid, j::grid]
    return output


def targets(d, images=16_000, judged=500):
    """Train chapter 7's network towards clean, noisy and hidden targets, three seeds each."""

    def noisy(x, seed):
        noise = np.random.default_rng(seed).standard_normal(x.shape)
        return (x + NOISE_FACTOR * noise).astype("float32")

    def trained(x, y, seed, loss="binary_crossentropy"):
        settings = {"bfloat16": True, "stored_noise": True, "steps": 10}
        network, trainee = trainer(build, seed, 1, settings, loss, learning_rate=2e-3)
        trainee.fit(x, y, batch_size=64, epochs=2, verbose=0)
        return plain(network, build)

    def score(answer):
        return round(float(psnr(true, np.clip(answer, 0, 1).astype("float32")).mean()), 3)

    build = articles_network({"kernel": "glorot_uniform", "fused": True})
    x, true = d.train[:images], d.test[:judged]
    given, rows = noisy(true, 4), []
    for seed in range(SEEDS):
        one, two = noisy(x, 10 + seed), noisy(x, 20 + seed)
        clean, pair = trained(one, x, seed), trained(one, two, seed)
        mu = blind_prediction(trained(*hide(one, 30 + seed), seed, masked_entropy), given)
        v = np.maximum(mu * (1 - mu), 0)
        rows.append(
            {
                "clean targets": score(clean.predict(given, batch_size=500, verbose=0)),
                "Noise2Noise": score(pair.predict(given, batch_size=500, verbose=0)),
                "hidden pixels": score(mu),
                "with own pixel": score(mu + v / (v + NOISE_FACTOR**2) * (given - mu)),
            }
        )
        print(rows[-1], flush=True)
    return {"images": images, "judged": judged, "psnr_db": rows}


def save(**part):
    """Store what a part has measured, and on what, beside what others have stored meanwhile."""
    kept = results.so_far("denoising_faster")
    kept["processors"] = kept.get("processors", {}) | dict.fromkeys(part, results.processor())
    results.write("denoising_faster", {"noise_factor": NOISE_FACTOR} | kept | part)


def main(parts):
    """Measure everything, or the named parts, and store each."""
    d = Data()
    if not parts or "choose" in parts:
        tried, lowest = choose(d)
        save(tried=tried, lowest_loss=lowest)
    if not parts or "turns" in parts:
        ways = {
            name: (articles_network(way), way, "binary_crossentropy")
            for name, way in LADDER.items()
        }
        settings = QUICK | CHOICES[results.read("denoising_faster")["lowest_loss"]]
        ways["lowest loss"] = (articles_network(settings), settings, "binary_crossentropy")
        ways["residual"] = (
            residual_denoiser,
            {"batch_size": 128, "peak": 1e-2, "bfloat16": True, "steps": 25},
            negative_psnr,
        )
        save(turns=by_turns(d, ways))
    if not parts or "lengths" in parts:
        save(lengths=lengths(d, results.read("denoising_faster")["lowest_loss"]))
    if not parts or "causes" in parts:
        rows, bars = causes(d)
        save(causes=rows, bars=bars)
    if not parts or "better" in parts:
        save(better=better(d))
    if not parts or "linear" in parts:
        found, answer = linear(d)
        save(linear=found | {"first": quality(d.test[:200], answer[:200])})
    if not parts or "bm3d" in parts:
        save(bm3d=bm3d_unclipped(d))
    if not parts or "targets" in parts:
        save(targets=targets(d))


if __name__ == "__main__":
    main(sys.argv[1:])
