"""Measure how fast the book is on this machine (about 15 minutes on 2 cores).

Measures training and scoring of the networks of chapters 2, 3 and 7 against the floor that the
machine's own matrix products set, and the time of every chapter.
Writes benchmarks/speed.json, from which benchmarks/page.py makes a page of the book.
"""

import sys
import time
from pathlib import Path

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet

from aeutils.anomalies import reconstruction_error  # noqa: E402
from aeutils.core import count_macs, dense_autoencoder  # noqa: E402
from aeutils.data import load_mnist  # noqa: E402
from aeutils.denoising import (  # noqa: E402
    conv_denoiser,
    negative_psnr,
    residual_denoiser,
)
from aeutils.images import add_noise, to_unit_range  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import execute  # noqa: E402  the tool that runs chapters


def matmul_gflops(size=4096, repeats=8):
    """Return the best rate of float32 matrix products, in 10⁹ operations a second."""
    a = keras.random.normal((size, size), seed=0)
    product = keras.ops.matmul(a, a)  # the first call also sets up
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        product = keras.ops.matmul(a, a)
        keras.ops.convert_to_numpy(product[0, 0])  # wait for a GPU to finish
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best / 1e9


def training_mflop(model):
    """Return the operations of one training step for one image, in millions.

    Two operations for each weight at each place where it is used, once forward, and about twice
    backward: for the gradient of the weights and of the layer's input.
    """
    return 3 * 2 * count_macs(model) / 1e6


def epoch_seconds(model, x, y, batch_size, loss, gflops, epochs=2, steps_per_execution=1):
    """Measure the fastest of some epochs, and set it beside the floor of the matrix products."""
    model.compile(optimizer="adam", loss=loss, steps_per_execution=steps_per_execution)
    first = slice(0, 25 * batch_size)
    model.fit(x[first], y[first], batch_size=batch_size, verbose=0)
    seconds = []
    for _ in range(epochs):
        began = time.perf_counter()
        model.fit(x, y, batch_size=batch_size, verbose=0)
        seconds.append(time.perf_counter() - began)
    floor = len(x) * training_mflop(model) / 1e3 / gflops
    return {
        "batch_size": batch_size,
        "mflop_per_image": round(training_mflop(model), 2),
        "seconds_per_epoch": round(min(seconds), 2),
        "floor_seconds": round(floor, 2),
        "times_the_floor": round(min(seconds) / floor, 2),
    }


def images_per_second(function, x, repeats=3):
    """Return how many images a second a function takes, in the fastest of some calls."""
    function(x[:2000])
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        function(x)
        best = min(best, time.perf_counter() - began)
    return round(len(x) / best)


def networks():
    """Measure training and use of the networks."""
    (x_train, _), _ = load_mnist()
    gflops = matmul_gflops()
    print(f"float32 matrix product: {gflops:.0f} GFLOP/s", flush=True)

    flat = to_unit_range(x_train, shape=(784,))
    dense = dense_autoencoder()
    training = {
        "chapter 2": epoch_seconds(dense, flat, flat, 1024, "mean_squared_error", gflops, 5)
    }
    print("chapter 2:", training["chapter 2"], flush=True)

    clean = to_unit_range(x_train, shape=(28, 28, 1))
    noisy = add_noise(clean, 0.5, seed=0)
    denoiser = conv_denoiser()
    for name, batch_size in (("chapter 3, article's batch", 256), ("chapter 3", 32)):
        training[name] = epoch_seconds(
            denoiser, noisy, clean, batch_size, "binary_crossentropy", gflops
        )
        print(f"{name}:", training[name], flush=True)

    for name, model, batch_size, loss in (
        ("chapter 7, chapter 3's network", conv_denoiser(fused=True), 32, "binary_crossentropy"),
        ("chapter 7, its own network", residual_denoiser(), 128, negative_psnr),
    ):
        training[name] = epoch_seconds(
            model, noisy, clean, batch_size, loss, gflops, steps_per_execution=25
        )
        print(f"{name}:", training[name], flush=True)

    def score(x):
        return reconstruction_error(x, dense.predict(x, batch_size=1000, verbose=0))

    def denoise(x):
        return denoiser.predict(x, batch_size=500, verbose=0)

    throughput = {
        "anomaly scores": images_per_second(score, flat),
        "denoised images": images_per_second(denoise, noisy[:20_000]),
    }
    print(throughput, flush=True)
    return {
        "matmul_gflops": round(gflops),
        "training": training,
        "images_per_second": throughput,
    }


def chapters():
    """Run every chapter and return its seconds."""
    seconds = {}
    for path in sorted(execute.NOTEBOOKS.glob("*.ipynb")):
        _, passed = execute.run(path)
        seconds[path.stem] = round(passed)
        print(f"{path.stem}: {passed:.0f} s", flush=True)
    return seconds


def main():
    """Measure everything and store it."""
    measured = networks()
    measured["chapter_seconds"] = chapters()
    results.write("speed", measured)


if __name__ == "__main__":
    main()
