"""Repeat what chapter 3 shows once, with three seeds each (8 minutes on 2 free cores).

    .venv/bin/python benchmarks/denoiser_seeds.py [PART ...]

Writes benchmarks/denoiser_seeds.json, or renews some of its parts: `runs`, the chapter's denoiser;
`codes`, networks with narrow and wide codes, trained towards clean and towards noisy targets;
`by_turns`, processor seconds of the article's batches and the chapter's, measured by turns.
"""

import sys
import time

import numpy as np
import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
from denoising import quality, warm_up_and_cosine  # noqa: E402
from keras import layers  # noqa: E402

from aeutils.core.layers import UpsampleConv2D  # noqa: E402
from aeutils.data import load_fashion_mnist, load_mnist  # noqa: E402
from aeutils.denoising import conv_denoiser, psnr  # noqa: E402
from aeutils.images import add_noise, to_unit_range  # noqa: E402

SEEDS, NOISE_FACTOR, LOSS = 3, 0.5, "binary_crossentropy"
EPOCHS, BATCH_SIZE, PEAK = 4, 32, 1e-2
# filters of the layer before the bottleneck; the code has 49 values for each
CODE_FILTERS = (4, 32, 128)
SWEEP_IMAGES, SWEEP_EPOCHS = 16_000, 2
TURNS, TURN_IMAGES = 12, 3_200


def fitted(network, noisy, target, epochs, seed):
    """Train a network by the chapter's recipe; 25 steps a call change nothing but the time."""
    keras.utils.set_random_seed(seed)
    steps = epochs * len(noisy) // BATCH_SIZE
    rate = warm_up_and_cosine(PEAK, steps, steps // 10)
    network.compile(keras.optimizers.Adam(rate), LOSS, steps_per_execution=25)
    network.fit(noisy, target, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return network


def run_of_the_chapter(seed, x, test, test_noisy, clothes):
    """Train the chapter's denoiser with another seed; return what it reaches."""
    keras.utils.set_random_seed(seed)
    # the fused form computes the same function of the same weights in less time
    network = fitted(conv_denoiser(fused=True), add_noise(x, NOISE_FACTOR, seed=0), x, EPOCHS, seed)

    def decibels(clean, level):
        noisy = add_noise(clean, level, seed=2)
        return round(float(psnr(clean, network.predict(noisy, verbose=0)).mean()), 3)

    denoised = network.predict(test_noisy, batch_size=500, verbose=0)
    network.compile(loss=LOSS)
    return {
        "test_loss": round(network.evaluate(test_noisy, test, batch_size=500, verbose=0), 5),
        **quality(test, denoised),
        "psnr_db_at_0.05": decibels(test[:500], 0.05),
        "psnr_db_at_0.1": decibels(test[:500], 0.1),
        "psnr_db_clothes": decibels(clothes[:500], NOISE_FACTOR),
    }


def with_code(filters):
    """Build the chapter's network with another width of the code, in its fused form."""
    hidden = {"activation": "relu", "kernel_initializer": "he_normal"}
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", **hidden),
            layers.MaxPooling2D(2),
            layers.Conv2D(filters, 3, padding="same", **hidden),
            layers.MaxPooling2D(2, name="bottleneck"),
            layers.Conv2D(32, 3, padding="same", **hidden),
            UpsampleConv2D(32, **hidden),
            UpsampleConv2D(1, activation="sigmoid"),
        ]
    )


def passed_on(clean, noisy, output):
    """Return the share of a noisy pixel's deviation on black ground that the output keeps."""
    black = clean == 0
    covariance = np.cov(noisy[black], output[black])
    return round(float(covariance[0, 1] / covariance[0, 0]), 4)


def widths_and_targets(x, test, test_noisy):
    """Train narrow and wide codes towards clean and noisy targets."""
    x = x[:SWEEP_IMAGES]
    noisy = add_noise(x, NOISE_FACTOR, seed=0)
    test, test_noisy = test[:1000], test_noisy[:1000]
    rows = []
    for filters in CODE_FILTERS:
        for target, y in (("clean", x), ("noisy", noisy)):
            runs = []
            for seed in range(SEEDS):
                keras.utils.set_random_seed(seed)
                network = fitted(with_code(filters), noisy, y, SWEEP_EPOCHS, seed)
                output = network.predict(test_noisy, verbose=0)
                runs.append(
                    {
                        "psnr_db": round(float(psnr(test, output).mean()), 3),
                        "passed_on": passed_on(test, test_noisy, output),
                    }
                )
            rows.append({"code": 49 * filters, "target": target, "runs": runs})
            print(rows[-1], flush=True)
    return rows


def seconds_by_turns(x):
    """Return seconds of the article's way and of the chapter's, A B A B, on equally many images.

    Of processor time, which leaves out what else the machine does.
    """
    x = x[:TURN_IMAGES]
    noisy = add_noise(x, NOISE_FACTOR, seed=0)
    networks = {}
    for name, batch_size, steps in (("article", 256, 1), ("chapter", BATCH_SIZE, 25)):
        network = conv_denoiser()
        network.compile("adam", LOSS, steps_per_execution=steps)
        network.fit(noisy, x, batch_size=batch_size, verbose=0)
        networks[name] = network, batch_size
    seconds = {"article": [], "chapter": []}
    for _ in range(TURNS):
        for name, (network, batch_size) in networks.items():
            began = time.process_time()
            network.fit(noisy, x, batch_size=batch_size, verbose=0)
            seconds[name].append(round(time.process_time() - began, 2))
    return {"images": TURN_IMAGES, "seconds": seconds}


def main(chosen):
    """Train, measure, store."""
    (x, _), (test, _) = load_mnist()
    _, (clothes, _) = load_fashion_mnist()
    x, test, clothes = (to_unit_range(a, shape=(28, 28, 1)) for a in (x[:55_000], test, clothes))
    test_noisy = add_noise(test, NOISE_FACTOR, seed=1)

    def runs():
        measured = []
        for seed in range(SEEDS):
            measured.append(run_of_the_chapter(seed, x, test, test_noisy, clothes))
            print(f"seed {seed}: {measured[-1]}", flush=True)
        return measured

    parts = {
        "by_turns": lambda: seconds_by_turns(x),
        "codes": lambda: widths_and_targets(x, test, test_noisy),
        "runs": runs,
    }
    measured = {"noise_factor": NOISE_FACTOR}
    if chosen:
        stored = results.read("denoiser_seeds")
        measured |= {name: stored[name] for name in parts if name in stored}
    for name in chosen or parts:
        measured[name] = parts[name]()
        results.write("denoiser_seeds", measured)


if __name__ == "__main__":
    main(sys.argv[1:])
