"""Train the networks of the page "Try it" by the chapters' own cells, and write them for it.

    python tools/export_models.py [detector] [denoiser] [decoder] [digits] [cleaner]

runs the cells of chapters 2, 3 and 9 up to the trained network (about 6 minutes on 2 free cores;
the words choose some of them) and writes, under book/_live/try/,

- weights/NAME.js: a network and what else the page has from its chapter, see `script_of`,
- digits.js: the digits on which the page itself trains, which need no training here,
- samples.js: pages to clean by chapter 5's network, whose weights ship with the package,

and tests/try_it/NAME.npz: Keras's answers to real images, computed with the weights as trained,
which the tests compare with the page's.
"""

import base64
import hashlib
import io
import json
import os
import re
import sys
from pathlib import Path

import matplotlib
import nbformat
import numpy as np

from aeutils import runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet
from PIL import Image  # noqa: E402
from scipy.spatial import cKDTree  # noqa: E402

from aeutils import core, documents  # noqa: E402
from aeutils.core.files import atomic_write  # noqa: E402
from aeutils.data import FOLDER, load_fashion_mnist, load_mnist, load_prose, load_scanned_page  # noqa: E402  # noqa: E402
from aeutils.images import to_bytes, to_unit_range  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "_live" / "try"
ANSWERS = ROOT / "tests" / "try_it"

# A weight is a character: how many steps it lies above the least one of its array. The letters
# from U+0100 on up to the surrogates, which are no characters, need no escape in JavaScript.
FIRST, LETTERS = 0x100, 0xD800 - 0x100
# a finer weight also has 5 bits of another character, which it shares with two others
FINE = 32
IMPORT = re.compile(r"(import|from) ")
# the answers may be off by 1e-4; half of it is kept for pictures that were not tried here
TOLERANCE = 5e-5


class EpochLines(keras.callbacks.Callback):
    """A line an epoch, in place of the chapters' table, which shows in notebooks only."""

    def on_epoch_end(self, epoch, logs=None):
        """Print the losses."""
        losses = ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
        print(f"  epoch {epoch + 1}: {losses}", flush=True)


def cells_until(chapter, name):
    """Return the code of a chapter up to the cell that gives a value to a name."""
    cells = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", 4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    for i, source in enumerate(code):
        if any(line.startswith((f"{name} =", f"{name}, ")) for line in source.splitlines()):
            return code[: i + 1]
    raise ValueError(f"no cell of {chapter} gives {name} a value")


def digest_of(chapter, name):
    """Return a digest of that code, by which a test sees that the export is out of date.

    The set-up cell and the lines that import are left out: an address or a moved module changes
    no network.
    """
    code = [cell for cell in cells_until(chapter, name) if "REPOSITORY" not in cell]
    lines = [line for line in "\n".join(code).splitlines() if not IMPORT.match(line)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def run_until(chapter, name):
    """Run that code; return its variables."""
    print(f"{chapter}, up to {name}", flush=True)
    core.Progress = EpochLines
    matplotlib.use("agg")
    os.chdir(ROOT / "notebooks")
    variables = {}
    for source in cells_until(chapter, name):
        exec(source, variables)
    return variables


def write(path, content):
    """Write bytes, and say so."""
    path.parent.mkdir(exist_ok=True)
    with atomic_write(path) as file:
        file.write(content)
    print(f"  {path.relative_to(ROOT)}: {len(content):,} bytes", flush=True)


def steps_of(weight, fine):
    """Return an array's weights as whole numbers of steps above the least, and the step."""
    weight = weight.astype("float64")
    most = (LETTERS - 1) * (FINE if fine else 1)
    step = np.ptp(weight) / most or 1.0
    return np.round((weight - weight.min()) / step).astype(int), step


def rounded(weight, fine):
    """Return an array as the page will have it."""
    steps, step = steps_of(weight, fine)
    return (weight.min() + step * steps).astype("float32")


def choose_fine(network, inputs):
    """Return, for each of the network's arrays, whether it needs the finer steps."""
    weights = network.get_weights()
    expected = network.predict(inputs, verbose=0)

    def error(arrays):
        network.set_weights(arrays)
        return np.abs(network.predict(inputs, verbose=0) - expected).max()

    # the error that each array makes alone when its steps are coarse; the small ones cost nothing
    alone = [
        error([rounded(w, False) if i == j else w for j, w in enumerate(weights)])
        if weight.size > 10_000
        else np.inf
        for i, weight in enumerate(weights)
    ]
    fine = [bool(a == np.inf) for a in alone]
    while error([rounded(w, f) for w, f in zip(weights, fine, strict=True)]) > TOLERANCE:
        fine[int(np.argmax([0 if f else a for f, a in zip(fine, alone, strict=True)]))] = True
    network.set_weights(weights)
    return fine


def script_of(network, inputs, facts):
    """Return a network as the script that the page loads.

    The script calls ``tryIt.add(NAME, DESCRIPTION, TEXT)``. A description holds what else the
    page needs from the chapter, the shape of an input and the layers; of each array its shape,
    least value, step and whether it is fine. The text holds all arrays in their order, a
    character a weight, each followed by its finer parts if it is fine, a character for three
    weights.
    """
    fine = iter(choose_fine(network, inputs))
    layers, text = [], []
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "InputLayer":
            continue
        description = {"type": kind}
        if layer.weights:
            description["activation"] = layer.activation.__name__
        for name, weight in zip(("kernel", "bias"), layer.get_weights(), strict=False):
            is_fine = next(fine)
            steps, step = steps_of(weight, is_fine)
            description[name] = {
                "shape": weight.shape,
                "least": float(weight.min()),
                "step": step,
                "fine": is_fine,
            }
            steps = steps.ravel()
            if is_fine:
                steps, rest = np.divmod(steps, FINE)
                thirds = np.pad(rest, (0, -len(rest) % 3)).reshape(-1, 3) @ [1, FINE, FINE**2]
                steps = np.concatenate([steps, thirds])
            text.append(steps + FIRST)
        layers.append(description)
    description = {"facts": facts, "input": network.input_shape[1:], "layers": layers}
    letters = np.concatenate(text).astype("<u2").tobytes().decode("utf-16-le")
    return f'tryIt.add("{network.name}", {json.dumps(description)}, "{letters}");\n'


def export(name, network, inputs, answers_to, facts):
    """Write a network with its facts, and what Keras answers to some inputs."""
    network.name = name
    # UTF-16 with its mark, which every browser obeys whatever the server says: two bytes a weight
    write(PAGE / "weights" / f"{name}.js", script_of(network, inputs, facts).encode("utf-16"))
    file = io.BytesIO()
    answers = network.predict(answers_to, verbose=0)
    np.savez_compressed(file, inputs=answers_to, answers=answers)
    write(ANSWERS / f"{name}.npz", file.getvalue())


def histogram(scores, end, bins=60):
    """Return shares of scores in equal bins from 0 to `end`; higher ones are in the last bin."""
    counts, _ = np.histogram(np.minimum(scores, np.nextafter(end, 0)), bins, (0, end))
    return np.round(counts / len(scores), 4).tolist()


def pictures_of(chapter):
    """Return names and pixels of the pictures to choose from; none was trained on."""
    digits, scores = chapter["x_normal"], chapter["scores"]
    labels = chapter["y_normal"]
    clothes = chapter["anomalies"]["clothes"]
    _, (_, kinds) = load_fashion_mnist()
    firsts = {f"digit {n}": digits[np.argmax(labels == n)] for n in range(10)}
    named = {"T-shirt": 0, "trousers": 1, "sandal": 5, "bag": 8, "boot": 9}
    firsts |= {name: clothes[np.argmax(kinds == kind)] for name, kind in named.items()}
    four = np.argmax(labels == 4)
    firsts["4 on its head"] = digits[four][::-1]  # the last pixel first
    moved = np.pad(digits[four].reshape(28, 28), ((4, 0), (4, 0)))[:28, :28]
    firsts["shifted 4"] = moved.ravel()
    firsts["noise"] = chapter["anomalies"]["noise"][0]
    firsts["odd digit, a false alarm"] = digits[np.argmax(scores["normal"])]
    firsts["dark garment, missed"] = clothes[np.argmin(scores["clothes"])]
    return firsts


def export_detector():
    """Chapter 2: the network, its threshold, the scores of digits and clothes, and pictures."""
    source = ("02_anomaly_detection", "threshold")
    chapter = run_until(*source)
    pictures = pictures_of(chapter)
    digits, anomalies = chapter["x_normal"], chapter["anomalies"]
    tried = np.concatenate([chapter["x_threshold"][:500], *(x[:100] for x in anomalies.values())])
    # as the page has them, in 256 greys
    shown = np.round(255 * np.stack([*pictures.values()])).astype("uint8")
    answers_to = np.concatenate(
        [to_unit_range(shown), digits[-30:], *(x[-5:] for x in anomalies.values())]
    )
    end = 0.25
    export(
        "detector",
        chapter["autoencoder"],
        tried,
        answers_to,
        {
            "source": digest_of(*source),
            "threshold": float(chapter["threshold"]),
            "falseAlarmRate": chapter["FALSE_ALARM_RATE"],
            "scores": {
                "n": len(digits),
                "end": end,
                "normal": histogram(chapter["scores"]["normal"], end),
                "clothes": histogram(chapter["scores"]["clothes"], end),
            },
            "pictures": [
                {"name": name, "pixels": base64.b64encode(pixels).decode()}
                for name, pixels in zip(pictures, shown, strict=True)
            ],
            # dark to light, and readable without seeing hues
            "colours": "".join(
                matplotlib.colors.to_hex(c)[1:] for c in matplotlib.colormaps["inferno"](range(256))
            ),
        },
    )


def export_denoiser():
    """Chapter 3: the network, and the noise that it was trained for."""
    source = ("03_image_denoising", "test_loss")
    chapter = run_until(*source)
    noisy = chapter["x_test_noisy"]
    facts = {"source": digest_of(*source), "noiseFactor": chapter["noise_factor"]}
    export("denoiser", chapter["autoencoder"], noisy[:300], noisy[-20:], facts)


def export_decoder():
    """Chapter 9: the decoder with two latent values, and which digits lie where."""
    source = ("09_variational_autoencoder", "flat_codes")
    chapter = run_until(*source)
    flat = chapter["flat"]
    codes = np.random.default_rng(0).standard_normal((500, 2), dtype="float32")
    # the page shows probabilities, the decoder answers logits
    probabilities = keras.Sequential([*flat.decoder.layers])
    probabilities.layers[-1].activation = keras.activations.sigmoid
    end, side = 3.0, 61
    axis = np.linspace(-end, end, side)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    neighbours = cKDTree(chapter["flat_codes"]).query(grid, k=15)[1]
    votes = [np.bincount(chapter["y_train"][n], minlength=10).argmax() for n in neighbours]
    export(
        "decoder",
        probabilities,
        codes,
        flat.encode(chapter["x_grey"][-30:])[0],
        {
            "source": digest_of(*source),
            "end": end,
            "side": side,
            "digits": "".join(map(str, votes)),
        },
    )


# digits of each class that the page trains on, and that it shows and measures on
TRAINED, TESTED = 200, 20
GREYS = 16
COLUMNS = 50
WIDEST = 32


def digits_to_train_on():
    """Return digits in 16 greys: those to train on, those to test on, and the latter's labels."""
    (x_train, y_train), (x_test, y_test) = load_mnist()

    def first(images, labels, count):
        # class after class in turn, so that the first ten test digits are 0 to 9
        places = np.stack([np.flatnonzero(labels == n)[:count] for n in range(10)], axis=1).ravel()
        return np.round(images[places] / 255 * (GREYS - 1)).astype("uint8"), labels[places]

    train, _ = first(x_train, y_train, TRAINED)
    test, labels = first(x_test, y_test, TESTED)
    return train, test, labels


def errors_of_pca(train, test):
    """Return the error on the test digits of the mean image, and of PCA by components from 1 on."""
    train, test = (x.reshape(len(x), -1) / (GREYS - 1) for x in (train, test))
    mean = train.mean(axis=0)
    axes = np.linalg.svd(train - mean, full_matrices=False)[2][:WIDEST]
    codes = (test - mean) @ axes.T
    # each component takes its square away from the error
    total = np.sum((test - mean) ** 2, axis=1, keepdims=True)
    left = total - np.cumsum(codes**2, axis=1)
    return [float(round(e, 5)) for e in (total.mean() / 784, *(left.mean(axis=0) / 784))]


def export_digits():
    """Write the digits on which the page trains, as one picture, and what PCA reaches on them."""
    train, test, labels = digits_to_train_on()
    images = np.concatenate([train, test])
    rows = images.reshape(-1, COLUMNS, 28, 28).transpose(0, 2, 1, 3).reshape(-1, COLUMNS * 28)
    picture = Image.fromarray(rows, "P")
    # 4 bits a pixel, each the number of a grey
    picture.putpalette(
        np.repeat(np.arange(GREYS) * (255 // (GREYS - 1)), 3).astype("uint8").tobytes()
    )
    file = io.BytesIO()
    picture.save(file, "png", optimize=True, bits=4)
    mean, *pca = errors_of_pca(train, test)
    facts = {
        "trained": len(train),
        "tested": len(test),
        "columns": COLUMNS,
        "labels": "".join(map(str, labels)),
        "mean": mean,
        "pca": pca,
        "png": base64.b64encode(file.getvalue()).decode(),
    }
    notice = (
        "// MNIST, Y. LeCun, C. Cortes, C. J. C. Burges, CC BY-SA 3.0; by tools/export_models.py"
    )
    write(PAGE / "digits.js", f"{notice}\ntryIt.digits = {json.dumps(facts)};\n".encode())


def sample_pages():
    """Return names and pictures of the pages to choose from: a photograph, and a damaged page."""
    photo, _ = load_scanned_page()
    page, _ = documents.render_page(load_prose()[1], font="cmr10")
    return {"photographed page": photo, "damaged page": documents.degrade_page(page, seed=1010)}


def as_webp(page, quality):
    """Return a grey page as a picture's address that holds the picture."""
    file = io.BytesIO()
    Image.fromarray(to_bytes(page)).save(file, "WEBP", quality=quality, method=6)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def export_cleaner():
    """Chapter 5: the network with the weights that ship, and two pages to clean."""
    network = documents.load_page_cleaner()
    layers, text = [], []
    for layer in network.layers:
        description = {}
        for name, weight in zip(("kernel", "bias"), layer.get_weights(), strict=False):
            steps, step = steps_of(weight, False)
            description[name] = {
                "size": weight.size,
                "least": float(weight.min()),
                "step": step,
            }
            text.append(steps.ravel() + FIRST)
        if description:
            layers.append(description)
    radius, multiple = core.receptive_field(network)
    facts = {"source": digest_of_weights(), "radius": radius, "multiple": multiple}
    letters = np.concatenate(text).astype("<u2").tobytes().decode("utf-16-le")
    script = f'tryIt.add("cleaner", {json.dumps({"facts": facts, "layers": layers})}, "{letters}");'
    write(PAGE / "weights" / "cleaner.js", f"{script}\n".encode("utf-16"))
    samples = [
        {"name": name, "picture": as_webp(page, 80)} for name, page in sample_pages().items()
    ]
    notice = (
        "// page.png of scikit-image, Copyright the scikit-image team, BSD-3-Clause; and a page of"
        " this book, CC BY 4.0; by tools/export_models.py"
    )
    write(PAGE / "samples.js", f"{notice}\ntryIt.samples = {json.dumps(samples)};\n".encode())


def digest_of_weights():
    """Return the digest of the weights that ship, by which a test sees an old export."""
    return hashlib.sha256((FOLDER / "page_cleaner.npz").read_bytes()).hexdigest()


EXPORTS = {
    "detector": export_detector,
    "denoiser": export_denoiser,
    "decoder": export_decoder,
    "digits": export_digits,
    "cleaner": export_cleaner,
}


def main(words):
    """Export what the words name, or all."""
    if set(words) - set(EXPORTS):
        sys.exit(__doc__)
    for word in words or EXPORTS:
        EXPORTS[word]()


if __name__ == "__main__":
    main(sys.argv[1:])
