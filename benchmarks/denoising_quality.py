"""How far denoising goes beyond the article's quality (50 minutes on 2 cores).

A network with residual connections and dense autoencoders inside, at most twice the article
network's multiplications an image, trained for different times, and a wider one;
classical filters, tuned; one network for all noise levels beside one for each.
The same noisy test images everywhere; seconds are those that Keras trains, its setting-up included.
Writes benchmarks/denoising_quality.json, which chapter 7 and the benchmarks page draw on.
"""

import itertools
import time

import bm3d
import numpy as np
import results
from scipy.ndimage import median_filter
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
from denoising import EpochLines, quality, warm_up_and_cosine  # noqa: E402

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

SEED, NOISE_FACTOR, BATCH_SIZE, PEAK = 0, 0.5, 128, 1e-2
LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
SMALL, LARGE = {"filters": (24, 48)}, {"filters": (48, 96), "latent_dim": 512}


class Passage(keras.layers.Layer):
    """Passes on what it gets, called as batch normalization is."""

    def call(self, inputs, training=False, mask=None):
        """Return the inputs."""
        return inputs


def unnormalized_denoiser(**size):
    """Build the same network without its batch normalization."""

    def copy(layer):
        if isinstance(layer, keras.layers.BatchNormalization):
            return Passage(name=layer.name)
        return layer.from_config(layer.get_config())

    return keras.models.clone_model(residual_denoiser(**size), clone_function=copy)


# name of the network, what builds it, its size, epochs
CURVE = [
    ("residual", residual_denoiser, SMALL, 1),
    ("residual", residual_denoiser, SMALL, 3),
    ("residual", residual_denoiser, SMALL, 8),
    ("residual", residual_denoiser, SMALL, 16),
    ("without batch normalization", unnormalized_denoiser, SMALL, 3),
    ("the same, wider", residual_denoiser, LARGE, 3),
]
LEVEL_EPOCHS = 2
BLIND_EPOCHS = {
    "one for all levels": LEVEL_EPOCHS,
    "one for all levels, three times as long": 3 * LEVEL_EPOCHS,
}
# Filters of one picture with a knob, and what it is tried at.
FILTERS = {
    "median": (lambda image, size: median_filter(image, size=size), (3, 5)),
    "total variation": (
        lambda image, weight: denoise_tv_chambolle(image, weight=weight),
        (0.1, 0.2, 0.3, 0.4, 0.5),
    ),
    "non-local means": (
        lambda image, h: denoise_nl_means(image, patch_size=5, patch_distance=6, h=h),
        (0.1, 0.2, 0.3, 0.4),
    ),
    "wavelet": (
        lambda image, knob: denoise_wavelet(
            image, sigma=knob[0], wavelet_levels=knob[1], method=knob[2], wavelet="db2"
        ),
        list(itertools.product((0.1, 0.2, 0.3, 0.4), (1, 2, 3), ("BayesShrink", "VisuShrink"))),
    ),
    "BM3D": (lambda image, sigma: bm3d.bm3d(image, sigma), (0.2, 0.3, 0.4, 0.5)),
}
TUNED_ON, JUDGED_ON = 50, 200


def train(x, size, epochs, lowest=NOISE_FACTOR, highest=NOISE_FACTOR, build=residual_denoiser):
    """Train a residual denoiser on new noise every epoch; return it in float32, and the seconds."""
    keras.utils.set_random_seed(SEED)
    keras.config.set_dtype_policy("mixed_bfloat16")
    network = build(**size)
    keras.config.set_dtype_policy("float32")
    trainee = keras.Sequential([keras.Input((28, 28, 1)), RandomNoise(lowest, highest), network])
    steps = epochs * len(x) // BATCH_SIZE
    rate = warm_up_and_cosine(PEAK, steps, steps // 20)
    trainee.compile(
        optimizer=keras.optimizers.Adam(rate, clipnorm=5.0),
        loss=negative_psnr,
        steps_per_execution=25,
    )
    began = time.perf_counter()
    trainee.fit(x, x, batch_size=BATCH_SIZE, epochs=epochs, verbose=0, callbacks=[EpochLines()])
    passed = time.perf_counter() - began
    plain = build(**size)
    plain.set_weights(network.get_weights())
    return plain, passed


def curve(x, test, test_noisy):
    """Train longer and longer, then larger; return quality and seconds, and the best small one."""
    measured = []
    for name, build, size, epochs in CURVE:
        print(f"{name}, {epochs} epochs", flush=True)
        network, seconds = train(x, size, epochs, build=build)
        denoised = network.predict(test_noisy, batch_size=500, verbose=0)
        row = {
            "network": name,
            "weights": network.count_params(),
            "multiplications": count_macs(network),
            "epochs": epochs,
            "seconds": round(seconds, 1),
            **quality(test, denoised),
        }
        print(row, flush=True)
        measured.append(row)
        if name == "residual":
            best = denoised
    return measured, best


def apply(filter_, knob, images):
    """Filter images one by one."""
    return np.array([filter_(image[..., 0], knob) for image in images])[..., None]


def filters(x, test, test_noisy):
    """Tune every filter on training images, with a line that lifts its grey veil, and judge it."""
    clean, noisy = x[:TUNED_ON], add_noise(x[:TUNED_ON], NOISE_FACTOR, seed=0)
    scores, chosen = {}, {}
    for name, (filter_, knobs) in FILTERS.items():
        tried = {}
        for knob in knobs:
            filtered = apply(filter_, knob, noisy)
            line = np.polyfit(filtered.ravel(), clean.ravel(), 1)
            straightened = np.clip(np.polyval(line, filtered), 0, 1).astype("float32")
            tried[knob] = (psnr(clean, straightened).mean(), line)
        knob = max(tried, key=lambda knob: tried[knob][0])
        answer = np.polyval(tried[knob][1], apply(filter_, knob, test_noisy))
        scores[name] = quality(test, np.clip(answer, 0, 1).astype("float32"))
        chosen[name] = knob
        print(name, knob, scores[name], flush=True)
    return scores, chosen


def by_level(x, test):
    """Return PSNR at every level: untouched, one network for all, one for each, one for 0.5."""
    noisy = {level: add_noise(test, level, seed=1) for level in LEVELS}

    def measure(network, level):
        denoised = network.predict(noisy[level], batch_size=500, verbose=0)
        return round(float(psnr(test, denoised).mean()), 3)

    scores = {"noisy": [round(float(psnr(test, noisy[level]).mean()), 3) for level in LEVELS]}
    for name, epochs in BLIND_EPOCHS.items():
        print(name, flush=True)
        network, _ = train(x, SMALL, epochs, LEVELS[0], LEVELS[-1])
        scores[name] = [measure(network, level) for level in LEVELS]
        print(scores[name], flush=True)
    scores["one for each level"] = []
    for level in LEVELS:
        print(f"noise_factor {level}", flush=True)
        network, _ = train(x, SMALL, LEVEL_EPOCHS, level, level)
        scores["one for each level"].append(measure(network, level))
        if level == NOISE_FACTOR:
            scores[f"the one for {level}"] = [measure(network, other) for other in LEVELS]
    return {"levels": LEVELS, "epochs": LEVEL_EPOCHS, "psnr_db": scores}


def main():
    """Measure everything and store it."""
    (x, _), (test, _) = load_mnist()
    x, test = (to_unit_range(images, shape=(28, 28, 1)) for images in (x, test))
    test_noisy = add_noise(test, NOISE_FACTOR, seed=1)
    article = results.read("denoising_speed")["article"]
    some = slice(0, JUDGED_ON)
    scores, knobs = filters(x, test[some], test_noisy[some])
    measured, best = curve(x, test, test_noisy)
    scores["residual network"] = quality(test[some], best[some])
    results.write(
        "denoising_quality",
        {
            "noise_factor": NOISE_FACTOR,
            "seed": SEED,
            "article": {
                "psnr_db": article["psnr_db"],
                "ssim": article["ssim"],
                "multiplications": count_macs(conv_denoiser()),
                "seconds": round(article["epochs"] * article["seconds_per_epoch"], 1),
            },
            "curve": measured,
            "filters": {"images": JUDGED_ON, "knobs": knobs, "scores": scores},
            "by_level": by_level(x, test),
        },
    )


if __name__ == "__main__":
    main()
