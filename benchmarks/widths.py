"""Measure reconstruction error against the width of the bottleneck, for chapter 1.

    .venv/bin/python benchmarks/widths.py

Writes benchmarks/widths.json: mean squared errors on MNIST's test images, of three seeds for each
width of chapter 1's network, and of PCA.
"""

import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
import numpy as np  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402

from aeutils.core import dense_autoencoder  # noqa: E402
from aeutils.data import load_mnist  # noqa: E402
from aeutils.images import to_unit_range  # noqa: E402

WIDTHS = (2, 5, 10, 20, 40)
SEEDS = 3
EPOCHS, BATCH_SIZE = 10, 256


def error_of(width, seed, x_train, x_test):
    """Return the test error of the network of one width, trained as the chapter does."""
    keras.utils.set_random_seed(seed)
    network = dense_autoencoder(width, (256, 64))
    steps = EPOCHS * -(-len(x_train) // BATCH_SIZE)
    decay = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    network.compile(keras.optimizers.Adam(decay), "mse", steps_per_execution=25)
    network.fit(x_train, x_train, epochs=EPOCHS, batch_size=BATCH_SIZE, verbose=0)
    return float(np.mean((network.predict(x_test, verbose=0) - x_test) ** 2))


def main():
    """Train, measure, store."""
    (images, _), (x_test, _) = load_mnist()
    x_train = to_unit_range(images, shape=(784,))[:55_000]
    x_test = to_unit_range(x_test, shape=(784,))
    networks, components = {}, {}
    for width in WIDTHS:
        pca = PCA(width, svd_solver="covariance_eigh").fit(x_train)
        x_pca = pca.inverse_transform(pca.transform(x_test))
        components[width] = round(float(np.mean((x_pca - x_test) ** 2)), 6)
        networks[width] = []
        for seed in range(SEEDS):
            networks[width].append(round(error_of(width, seed, x_train, x_test), 6))
            print(f"width {width}, seed {seed}: {networks[width][-1]}", flush=True)
    results.write("widths", {"autoencoder": networks, "pca": components})


if __name__ == "__main__":
    main()
