"""Measure how fast the LSTM and the VAE networks train, beside Keras's plain ways and PyTorch.

The same layers, data, batches and optimizer for all of them, on the same processor (3 minutes on
2 cores).  PyTorch comes with requirements-bench.txt; without it, its lines are left out.
Writes benchmarks/lstm_and_vae.json, which benchmarks/page.py draws on.
"""

import itertools
import os
import time

import numpy as np
import results

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
from keras import layers  # noqa: E402

from aeutils.data import load_mnist  # noqa: E402
from aeutils.generative import VariationalAutoencoder  # noqa: E402
from aeutils.images import to_unit_range  # noqa: E402
from aeutils.sequences import lstm_autoencoder  # noqa: E402

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError:
    torch = None

BATCH_SIZE, EPOCHS = 128, 5
WIDTH, UNITS, PATCH = 96, 16, 4
N_WINDOWS, N_IMAGES = 8192, 20_480
HIDDEN, LATENT_DIM, PIXELS = (512, 256), 20, 784


def keras_seconds(model, x, *y, loss=None):
    """Return the seconds of an epoch of Keras's `fit`, the fastest of some."""
    model.compile(optimizer="adam", loss=loss)
    return fastest(lambda: model.fit(x, *y, batch_size=BATCH_SIZE, verbose=0))


def torch_seconds(parameters, loss, x):
    """Return the seconds of an epoch of PyTorch's usual loop, the fastest of some."""
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    x = torch.from_numpy(x)

    def epoch():
        for rows in torch.randperm(len(x)).split(BATCH_SIZE):
            optimizer.zero_grad()
            loss(x[rows]).backward()
            optimizer.step()

    return fastest(epoch)


def fastest(epoch):
    """Return the fewest seconds of some calls, after a first one that sets up."""
    epoch()
    seconds = []
    for _ in range(EPOCHS):
        began = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - began)
    return round(min(seconds), 2)


def lstm():
    """Measure an LSTM autoencoder, smaller than chapter 8's, on waves of one size."""
    steps = np.random.default_rng(0).normal(size=(N_WINDOWS, WIDTH, 1)).cumsum(axis=1)
    x = (steps / steps.std()).astype("float32")
    size = {"width": WIDTH, "units": UNITS}
    measured = {
        "aeutils": keras_seconds(lstm_autoencoder(patch=PATCH, **size), x, x, loss="mse"),
        "plain Keras": keras_seconds(
            lstm_autoencoder(patch=PATCH, unroll=False, **size), x, x, loss="mse"
        ),
        "plain Keras, one sample a step": keras_seconds(
            lstm_autoencoder(patch=1, unroll=False, **size), x, x, loss="mse"
        ),
    }
    if torch:
        measured["PyTorch"] = torch_lstm(x, PATCH)
        measured["PyTorch, one sample a step"] = torch_lstm(x, 1)
    return measured


def torch_lstm(x, patch):
    """Measure the same network in PyTorch, whose LSTM has a fused kernel for processors."""
    reader = nn.LSTM(patch, UNITS, batch_first=True)
    writer = nn.LSTM(UNITS, UNITS, batch_first=True)
    samples = nn.Linear(UNITS, patch)

    def loss(windows):
        steps = windows.reshape(len(windows), -1, patch)
        _, (state, _) = reader(steps.flip(1))
        written, _ = writer(state[0][:, None].expand(-1, steps.shape[1], -1))
        return functional.mse_loss(samples(written), steps)

    parameters = [w for module in (reader, writer, samples) for w in module.parameters()]
    return torch_seconds(parameters, loss, x)


def vae():
    """Measure the variational autoencoder of chapter 9 on grey MNIST."""
    (x, _), _ = load_mnist()
    x = to_unit_range(x[:N_IMAGES], shape=(PIXELS,))
    ordinary = keras.Sequential(
        [
            keras.Input((PIXELS,)),
            *(layers.Dense(n, activation="relu") for n in HIDDEN),
            layers.Dense(2 * LATENT_DIM),
            *(layers.Dense(n, activation="relu") for n in reversed(HIDDEN)),
            layers.Dense(PIXELS, activation="sigmoid"),
        ]
    )
    measured = {
        "aeutils": keras_seconds(
            VariationalAutoencoder(latent_dim=LATENT_DIM, hidden_layer_sizes=HIDDEN), x
        ),
        "plain Keras, nothing drawn": keras_seconds(ordinary, x, x, loss="binary_crossentropy"),
    }
    if torch:
        measured["PyTorch"] = torch_vae(x)
    return measured


def torch_vae(x):
    """Measure the same network in PyTorch, with the same draws."""

    def dense(*widths):
        pairs = list(itertools.pairwise(widths))
        modules = [part for n, m in pairs for part in (nn.Linear(n, m), nn.ReLU())]
        return nn.Sequential(*modules[:-1])

    encoder = dense(PIXELS, *HIDDEN, 2 * LATENT_DIM)
    decoder = dense(LATENT_DIM, *reversed(HIDDEN), PIXELS)

    def loss(grey):
        images = torch.bernoulli(grey)
        mean, log_variance = encoder(images).chunk(2, dim=1)
        codes = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        reconstruction = functional.binary_cross_entropy_with_logits(
            decoder(codes), images, reduction="sum"
        )
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
        return (reconstruction + kl) / len(grey)

    return torch_seconds([*encoder.parameters(), *decoder.parameters()], loss, x)


def main():
    """Measure everything and store it."""
    if torch:
        torch.manual_seed(0)
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    else:
        print("PyTorch is not installed (requirements-bench.txt); its lines are left out.")
    keras.utils.set_random_seed(0)
    measured = {}
    for name, measure, n in (("LSTM", lstm, N_WINDOWS), ("VAE", vae, N_IMAGES)):
        measured[name] = {"examples": n, "seconds_per_epoch": measure()}
        print(name, measured[name], flush=True)
    results.write("lstm_and_vae", {"batch_size": BATCH_SIZE, **measured})


if __name__ == "__main__":
    main()
