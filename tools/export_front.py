"""Train the small network of the front page, and write it and a picture of what it does.

    python tools/export_front.py

trains 784-64-10-64-784 (a minute or two on 2 cores), and writes

- book/_live/figures/front-network.js: its weights with 8 bits each, for the figure on the page;
- book/_static/front.png: what the page shows in print and without JavaScript;
- tests/try_it/front.npz: Keras's answers with these weights, which a test compares with the page's.
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet

from aeutils import core  # noqa: E402
from aeutils.core.files import atomic_write  # noqa: E402
from aeutils.data import load_mnist  # noqa: E402
from aeutils.images import to_unit_range  # noqa: E402
from aeutils.show import packed  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "book" / "_live" / "figures" / "front-network.js"
PICTURE = ROOT / "book" / "_static" / "front.png"
ANSWERS = ROOT / "tests" / "try_it" / "front.npz"
BATCH = 256


def train(x_train, epochs=30):
    """Return the network, its latent values with mean 0 and deviation 1 on the training images."""
    keras.utils.set_random_seed(0)
    network = core.dense_autoencoder(latent_dim=10, hidden_layer_sizes=(64,))
    steps = epochs * -(-len(x_train) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(0.004, steps)
    network.compile(keras.optimizers.Adam(rate), "mean_squared_error", steps_per_execution=25)
    network.fit(x_train, x_train, batch_size=BATCH, epochs=epochs, verbose=2)
    # the bottleneck is linear: a scale that it loses, the layer behind it can take over
    encoder, _ = core.split_at(network)
    codes = encoder.predict(x_train, batch_size=1000, verbose=0)
    mean, deviation = codes.mean(axis=0), codes.std(axis=0)
    first, first_bias, kernel, bias, after, after_bias, *last = network.get_weights()
    scaled = [kernel / deviation, (bias - mean) / deviation]
    scaled += [after * deviation[:, None], after_bias + mean @ after]
    network.set_weights([first, first_bias, *scaled, *last])
    return network


def rounded(stored):
    """Return an array as the page reads it."""
    steps = np.frombuffer(base64.b64decode(stored["bytes"]), "uint8").reshape(stored["shape"])
    return (stored["low"] + (stored["high"] - stored["low"]) * steps / 255).astype("float32")


def draw(digit, code, reconstruction):
    """Return the picture of a digit, its values and its reconstruction, as PNG."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots(1, 3, width_ratios=(1, 1.2, 1))
    titles = ("digit: 784 pixels", "ten values", "reconstruction")
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=11)
    for axis, image in ((axes[0], digit), (axes[2], reconstruction)):
        axis.imshow(image.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
        axis.set_axis_off()
    axes[1].barh(range(1, 11), code, color="#0072b2")
    axes[1].axvline(0, color="0.4", linewidth=1)
    axes[1].set(xlim=(-3, 3), xticks=[], yticks=[])
    axes[1].invert_yaxis()
    file = io.BytesIO()
    figure.savefig(file, dpi=200, facecolor="white")
    return file.getvalue()


def write(path, content):
    """Write bytes, and say so."""
    with atomic_write(path) as file:
        file.write(content)
    print(f"{path.relative_to(ROOT)}: {len(content):,} bytes", flush=True)


def main():
    """Train, round, and write all three."""
    (x_train, _), (x_test, y_test) = load_mnist()
    x_train, x_test = (to_unit_range(x, shape=(784,)) for x in (x_train, x_test))
    network = train(x_train)
    exact = network.predict(x_test, batch_size=1000, verbose=0)
    stored = [packed(weight) for weight in network.get_weights()]
    network.set_weights([rounded(weight) for weight in stored])
    encoder, decoder = core.split_at(network)
    codes = encoder.predict(x_test, batch_size=1000, verbose=0)
    answers = decoder.predict(codes, batch_size=1000, verbose=0)
    for name, images in (("as trained", exact), ("with 8 bits", answers)):
        print(f"error on test images {name}: {np.mean((images - x_test) ** 2):.5f}", flush=True)
    layers = list(zip(stored[::2], stored[1::2], strict=True))
    description = json.dumps({"layers": layers}, separators=(",", ":"))
    write(WEIGHTS, f'"use strict";\nliveFront({description});\n'.encode())
    file = io.BytesIO()
    np.savez_compressed(file, inputs=x_test[:30], codes=codes[:30], answers=answers[:30])
    write(ANSWERS, file.getvalue())
    example = np.argmax(y_test == 3)
    write(PICTURE, draw(x_test[example], codes[example], answers[example]))


if __name__ == "__main__":
    main()
