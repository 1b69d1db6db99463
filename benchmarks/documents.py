"""Clean pages by thresholds, divisions and networks, and count what an OCR engine misreads.

    python benchmarks/documents.py                   # everything but the next line, about an hour
    python benchmarks/documents.py ship              # 7 minutes: aeutils/data/page_cleaner.npz
    python benchmarks/documents.py tune skips pages  # some parts: documents.json keeps the others
    python benchmarks/documents.py tune pages Sauvola "division, closing"  # of these methods alone

``tune`` chooses the settings of the methods without a network, by the character error rate on
selection pages; ``skips`` trains the network of chapter 5, with and without skip connections,
three seeds each, and the smaller networks that the parts below judge; ``pages`` measures all of
them on test pages, ``defects`` on pages with one defect each, ``photograph`` on scikit-image's
photographed page; ``a4`` measures time and memory of ``python -m aeutils denoise``.  All but
``ship`` and ``a4`` need Tesseract (Debian's package tesseract-ocr).
"""

import functools
import hashlib
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import results
from PIL import Image
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter
from skimage.filters import rank, threshold_local, threshold_otsu, threshold_sauvola

from aeutils import data, documents, runtime
from aeutils.core.files import atomic_write
from aeutils.denoising import psnr, ssim
from aeutils.images import to_bytes

SEEDS = 0, 1, 2
# the recipe of chapter 5, and that of the network that ships
CHAPTER = {"pages": 108, "side": 384, "steps": 600, "batch_size": 8, "patch": 128, "rate": 3e-3}
SHIPPED = {"pages": 240, "side": 640, "steps": 3000, "batch_size": 16, "patch": 128, "rate": 4e-3}
TEST_FONTS = "DejaVuSerif", "cmr10", "cmss10"  # the first was trained on, the others were not
SELECTION_FONTS = "STIXGeneral", "DejaVuSans"
VERSIONS = 1  # damaged, of each paragraph in each font
OF_DEFECTS = 1  # pages of each paragraph with one defect
ENLARGE = 3  # what small type needs for Tesseract


# data ---------------------------------------------------------------------------------------------


@functools.cache
def training_pages(n, side):
    """Return clean and degraded pages of random letters."""
    seeds, shape = range(n), (side, side)
    clean = np.array([documents.random_page(shape, seed=i) for i in seeds], np.float32)
    degraded = [documents.degrade_page(p, seed=i) for i, p in zip(seeds, clean, strict=True)]
    return clean, np.array(degraded, np.float32)


def selection_pages():
    """Return clean and degraded pages to choose settings by, and their texts: a licence."""
    text = (data.FOLDER / "GPL-2.txt").read_text()
    paragraphs = [" ".join(p.split()) for p in text.split("\n\n")]
    long = [p for p in paragraphs if 350 < len(p) < 620][:8]
    return _damaged(long, SELECTION_FONTS, 1, 500)


def test_pages():
    """Return clean and degraded test pages, and their texts: the book's own prose."""
    return _damaged(data.load_prose(), TEST_FONTS, VERSIONS * len(TEST_FONTS), 1000)


def _damaged(paragraphs, fonts, versions, first):
    """Draw every paragraph so many times, in fonts by turns, each time with damage of its own."""
    clean, degraded, texts = [], [], []
    for i in range(len(paragraphs) * versions):
        font = fonts[i % len(fonts)]
        page, text = documents.render_page(paragraphs[i // versions], font=font)
        clean.append(page)
        degraded.append(documents.degrade_page(page, seed=first + i))
        texts.append(text)
    return np.array(clean), np.array(degraded), texts


def one_defect(name, versions=OF_DEFECTS):
    """Return pages of prose with one defect: slightly blurred grey ink and grain besides."""
    clean, degraded, texts = [], [], []
    for i, paragraph in enumerate(data.load_prose()):
        for version in range(versions):
            n = versions * i + version
            font = TEST_FONTS[n % len(TEST_FONTS)]
            page, text = documents.render_page(paragraph, font=font)
            rng = np.random.default_rng(2000 + n)
            light = 0.9 * (1 - 0.7 * gaussian_filter(1 - page, 1.0))
            light = light * defect(name, page, rng)
            grain = rng.normal(0, 0.02, page.shape)
            clean.append(page)
            degraded.append(np.clip(light + grain, 0, 1).astype(np.float32))
            texts.append(text)
    return np.array(clean), np.array(degraded), texts


def defect(name, page, rng):
    """Return factors up to 1, of the kind and the strength that degrade_page draws."""
    if name == "bleed-through":
        behind = gaussian_filter(1 - page[:, ::-1], rng.uniform(1, 3))
        return 1 - rng.uniform(0.1, 0.2) * behind
    if name == "blur":
        return gaussian_filter(page, 2.0) * 0.8 + 0.2
    draw = {
        "stains": documents.stains,
        "folds": documents.folds,
        "shade": documents.uneven_light,
    }.get(name)
    if draw is None:
        return np.ones_like(page)
    while True:  # some draws have no stain, no fold, or nearly even light
        factors = draw(page.shape, rng)
        if factors.min() < 0.75 * factors.max():
            return factors


DEFECTS = "none", "shade", "stains", "folds", "bleed-through"

# methods without a network ------------------------------------------------------------------------


def global_threshold(page, threshold):
    """Compare each pixel with one threshold for the whole page; None: Otsu's."""
    return page > (threshold_otsu(page) if threshold is None else threshold)


def adaptive(page, window, offset, smooth):
    """Compare each pixel with the mean of its neighbourhood."""
    page = gaussian_filter(page, smooth)
    return page > threshold_local(page, window, offset=offset)


def sauvola(page, window, k, smooth):
    """Compare each pixel with a mean that is lowered where the neighbourhood varies little."""
    page = gaussian_filter(page, smooth)
    return page > threshold_sauvola(page, window_size=window, k=k, r=0.5)


def stretched(page, paper, black, white):
    """Divide by the paper's brightness, and stretch what lies between two limits to 0 to 1."""
    return np.clip((page / np.maximum(paper, 0.01) - black) / (white - black), 0, 1)


def blur_division(page, sigma, black, white):
    """Divide by the blurred page: one line."""
    return stretched(page, gaussian_filter(page, sigma), black, white)


def median_division(page, window, black, white):
    """Divide by the median of the neighbourhood."""
    paper = rank.median(to_bytes(page), np.ones((window, window), np.uint8)) / 255
    return stretched(page, paper, black, white)


def closing_division(page, window, black, white):
    """Divide by the page without dark strokes narrower than a window."""
    paper = minimum_filter(maximum_filter(gaussian_filter(page, 1), window), window)
    return stretched(page, gaussian_filter(paper, window / 2), black, white)


LIMITS = {"black": (0.0, 0.1, 0.2, 0.4, 0.6), "white": (1.1, 1.0, 0.9, 0.8, 0.7)}
# settings and their choices; the middle ones are the start of the search.  Grids are so wide that
# what is chosen lies inside, unless nothing lies beyond the end (NATURAL_ENDS)
METHODS = {
    "global threshold": (
        global_threshold,
        {"threshold": (None, 0.2, 0.3, 0.4, 0.5, 0.6)},
    ),
    "adaptive mean": (
        adaptive,
        {
            "window": (15, 25, 51, 101, 151),
            "offset": (0.03, 0.06, 0.1, 0.15, 0.2),
            "smooth": (0, 0.7, 1.2),
        },
    ),
    "Sauvola": (
        sauvola,
        {
            "window": (15, 25, 51, 101),
            "k": (0.1, 0.2, 0.3, 0.4, 0.5),
            "smooth": (0, 0.7, 1.2),
        },
    ),
    "division, blurred page": (blur_division, {"sigma": (6, 12, 24), **LIMITS}),
    "division, median": (median_division, {"window": (21, 41, 61), **LIMITS}),
    "division, closing": (closing_division, {"window": (7, 15, 31, 47, 63), **LIMITS}),
}


NATURAL_ENDS = {"smooth": 0, "threshold": None}  # not smoothed at all; Otsu's


def tuned(name, degraded, texts):
    """Return the settings of the lowest character error rate, one setting after the other."""
    method, choices = METHODS[name]
    seen = {}

    def error(setting):
        key = tuple(setting.items())
        if key not in seen:
            outputs = [method(page, **setting) for page in degraded]
            seen[key] = round(float(np.mean(misread(outputs, texts))), 5)
        return seen[key]

    best = {key: values[len(values) // 2] for key, values in choices.items()}
    while True:
        before = dict(best)
        for key, values in choices.items():
            best[key] = min(values, key=lambda value, key=key: error({**best, key: value}))
        if best == before:
            print(f"{name}: {best}, {error(best):.4f}, {len(seen)} settings", flush=True)
            ends = [
                key
                for key, values in choices.items()
                if best[key] in (values[0], values[-1])
                and best[key] != NATURAL_ENDS.get(key, "none")
            ]
            chosen = {"setting": best, "cer": error(best), "tried": len(seen)}
            return chosen | ({"at the end of its grid": ends} if ends else {})


# reading ------------------------------------------------------------------------------------------


def read(page, thresholding=0):
    """Return what Tesseract reads; `thresholding` 2 is its own form of Sauvola's method."""
    if thresholding == 0:
        return documents.read_page(page)
    picture = io.BytesIO()
    Image.fromarray(to_bytes(np.asarray(page, np.float32))).save(picture, "PNG", dpi=(200, 200))
    option = f"thresholding_method={thresholding}"
    return subprocess.run(
        ["tesseract", "-", "-", "--psm", "6", "-l", "eng", "-c", option],
        input=picture.getvalue(),
        capture_output=True,
        check=True,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    ).stdout.decode(errors="replace")


def misread(pages, texts, thresholding=0):
    """Return the character error rate of each page."""
    return [
        documents.character_error_rate(text, read(np.asarray(page, np.float32), thresholding))
        for page, text in zip(pages, texts, strict=True)
    ]


# networks -----------------------------------------------------------------------------------------


def without_skips(filters=(8, 16, 32, 32, 32), decoder=(64, 32, 24, 8)):
    """Build the network without skip connections, its decoder widened to the same cost."""
    import keras
    from keras import layers

    def conv(n):
        return layers.Conv2D(
            n, (3, 3), activation="relu", padding="same", kernel_initializer="he_normal"
        )

    x = inputs = keras.Input((None, None, 1))
    for n in filters[:-1]:
        x = layers.MaxPooling2D((2, 2))(conv(n)(x))
    x = conv(filters[-1])(conv(filters[-1])(x))
    for n in decoder:
        x = conv(n)(layers.UpSampling2D((2, 2))(x))
    outputs = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
    return keras.Model(inputs, outputs)


def multiplications(model):
    """Return the multiplications of all convolutions for each pixel of a page."""
    total, size = 0.0, 1.0
    for layer in model.layers:
        kind = type(layer).__name__
        size *= {"MaxPooling2D": 1 / 4, "UpSampling2D": 4}.get(kind, 1)
        if kind == "Conv2D":
            total += size * np.prod(layer.kernel.shape)
    return total


def trained(build, recipe, seed):
    """Train a network by the recipe of chapter 5."""
    import keras

    clean, degraded = training_pages(recipe["pages"], recipe["side"])

    def patches():
        rng = np.random.default_rng(seed)
        while True:
            yield documents.random_patches(
                degraded, clean, recipe["batch_size"], recipe["patch"], rng
            )

    keras.utils.set_random_seed(seed)
    model = build()
    steps = recipe["steps"]
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=recipe["rate"], warmup_steps=steps // 10
    )
    model.compile(keras.optimizers.Adam(schedule), loss="binary_crossentropy", jit_compile=False)
    began = time.perf_counter()
    model.fit(patches(), steps_per_epoch=steps, shuffle=False, verbose=0)
    print(f"seed {seed}: {time.perf_counter() - began:.0f} s of training", flush=True)
    return model


def network(kind, seed):
    """Return a network of chapter 5, trained or as it was trained before with the same recipe."""
    build = {"U-Net": documents.page_cleaner, "no skip connections": without_skips}[kind]
    recipe = json.dumps([kind, seed, CHAPTER, without_skips.__defaults__])
    name = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    # so that the parts of this script can be run one by one
    kept = Path(tempfile.gettempdir()) / "autoencoder-book" / f"documents-{name}.npz"
    if kept.exists():
        model = build()
        with np.load(kept) as arrays:
            model.set_weights([arrays[f"arr_{i}"] for i in range(len(arrays.files))])
        return model
    model = trained(build, CHAPTER, seed)
    kept.parent.mkdir(exist_ok=True)
    with atomic_write(kept) as file:
        np.savez(file, *model.get_weights())
    return model


def cleaners(kinds=("U-Net", "no skip connections"), seeds=SEEDS):
    """Return the networks as functions of a page: a list of seeds for each name."""

    def function(model):
        return lambda page: documents.clean_page(page, model)

    found = {kind: [function(network(kind, seed)) for seed in seeds] for kind in kinds}
    found["U-Net, shipped weights"] = [function(documents.load_page_cleaner())]
    return found


def classical(names=tuple(METHODS)):
    """Return the tuned methods as functions of a page."""
    settings = results.read("documents")["tuned"]["methods"]

    def function(name):
        setting = settings[name]["setting"]
        return lambda page: METHODS[name][0](page, **setting)

    return {"as it is": [lambda page: page]} | {name: [function(name)] for name in names}


# parts --------------------------------------------------------------------------------------------


def tune(names=tuple(METHODS)):
    """Choose the settings of the methods on the selection pages."""
    clean, degraded, texts = selection_pages()
    return {
        "tuned": {
            "pages": len(texts),
            "fonts": list(SELECTION_FONTS),
            "as it is": round(float(np.mean(misread(degraded, texts))), 4),
            "clean": round(float(np.mean(misread(clean, texts))), 4),
            "methods": {name: tuned(name, degraded, texts) for name in names},
        }
    }


def skips():
    """Train the networks, and compare what they cost."""
    built = {
        kind: network(kind, seed) for seed in SEEDS for kind in ("no skip connections", "U-Net")
    }
    return {
        "recipe": CHAPTER,
        "shipped_recipe": SHIPPED,
        "seeds": list(SEEDS),
        "networks": {
            kind: {
                "weights": model.count_params(),
                "multiplications_per_pixel": round(multiplications(model)),
            }
            for kind, model in built.items()
        },
    }


def measured(methods, clean, degraded, texts):
    """Return the error of each page, by method and run, and the mean PSNR and SSIM of each run."""
    found = {}
    for name, runs in methods.items():
        found[name] = {"cer": [], "psnr_db": [], "ssim": []}
        for method in runs:
            outputs = np.array([method(page) for page in degraded], np.float32)
            errors = misread(outputs, texts)
            found[name]["cer"].append([round(e, 4) for e in errors])
            found[name]["psnr_db"].append(round(float(psnr(clean, outputs).mean()), 2))
            found[name]["ssim"].append(round(float(ssim(clean, outputs).mean()), 3))
        print(f"{name}: {np.mean(found[name]['cer']):.4f}", flush=True)
    return found


def judged(names):
    """Return the named methods as functions of a page; all, and the networks, without names."""
    return {name: classical()[name] for name in names} or classical() | cleaners()


def pages(names=()):
    """Measure the methods on the test pages."""
    clean, degraded, texts = test_pages()
    found = measured(judged(names), clean, degraded, texts)
    if not names:
        by_tesseract = {"cer": [[round(e, 4) for e in misread(degraded, texts, 2)]]}
        found["Tesseract's own Sauvola"] = by_tesseract
    of_clean = float(np.mean(misread(clean, texts)))
    return {
        "test": {
            "pages": len(texts),
            "fonts": list(TEST_FONTS),
            "clean": round(of_clean, 4),
            "methods": found,
        }
    }


def defects():
    """Measure the better methods, and three seeds of the network, on pages with one defect each."""
    settings = results.read("documents")["tuned"]["methods"]
    divisions = [name for name in METHODS if name.startswith("division")]
    best = min(divisions, key=lambda name: settings[name]["cer"])
    methods = classical(("Sauvola", best)) | cleaners(["U-Net"])
    found = {}
    for name in DEFECTS:
        print(name, flush=True)
        clean, degraded, texts = one_defect(name)
        found[name] = {
            method: runs["cer"]
            for method, runs in measured(methods, clean, degraded, texts).items()
        }
    return {"defects": {"pages": len(texts), "methods": found}}


def enlarged(page):
    """Return a page in larger type, as Tesseract needs it."""
    height, width = page.shape
    picture = Image.fromarray(page)
    size = (ENLARGE * width, ENLARGE * height)
    return np.clip(np.asarray(picture.resize(size, Image.Resampling.LANCZOS)), 0, 1)


def photograph(names=()):
    """Measure the methods on the photographed page, enlarged before it is cleaned."""
    page, text = data.load_scanned_page()
    page = enlarged(page)
    rows = 148 * ENLARGE  # heading and paragraph; the lines below are cut off
    found = {"characters": len(" ".join(text.split())), "cer": {}, "read": {}}
    for name, runs in judged(names).items():
        outputs = [np.asarray(method(page)[:rows], np.float32) for method in runs]
        found["cer"][name] = [round(e, 4) for e in misread(outputs, [text] * len(runs))]
        found["read"][name] = read(outputs[0]).strip()
        print(name, found["cer"][name], flush=True)
    if not names:
        found["cer"]["Tesseract's own Sauvola"] = [round(misread([page[:rows]], [text], 2)[0], 4)]
    return {"photograph": found}


def a4(dpi=600):
    """Measure time and memory of the command on a page of text, 600 dots to the inch."""
    height, width = round(297 / 25.4 * dpi), round(210 / 25.4 * dpi)
    prose = "\n".join(data.load_prose())
    clean, _ = documents.render_page(
        f"{prose}\n{prose}", (height, width), "cmr10", size=90, margin=400
    )
    light = Image.fromarray(documents.uneven_light((700, 500), seed=1)).resize((width, height))
    grain = np.random.default_rng(0).normal(0, 0.03, clean.shape)
    degraded = np.clip((0.15 + 0.8 * clean) * np.asarray(light) + grain, 0, 1)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.png", Path(folder) / "out.png"
        colour = Image.fromarray(np.round(255 * degraded).astype(np.uint8)).convert("RGB")
        colour.save(source, dpi=(dpi, dpi))
        command = [sys.executable, "-m", "aeutils", "denoise", source, target]
        began = time.perf_counter()
        subprocess.run(command, check=True, cwd=data.FOLDER.parent.parent)
        seconds = time.perf_counter() - began
        with Image.open(target) as picture:
            output = np.asarray(picture, np.float32) / 255
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # in KiB on Linux
    return {
        "a4_600_dpi": {
            "pixels": [height, width],
            "seconds": round(seconds, 1),
            "peak_memory_mb": round(peak / 1024),
            "psnr_db_before": round(float(psnr(clean[None], degraded[None].astype("f4"))[0]), 2),
            "psnr_db": round(float(psnr(clean[None], output[None])[0]), 2),
        }
    }


def ship():
    """Train the network that ships, and store its weights with their checksum."""
    model = trained(documents.page_cleaner, SHIPPED, SEEDS[0])
    content = io.BytesIO()
    np.savez(content, *model.get_weights())
    results.ship("page_cleaner.npz", content.getvalue())
    print(f"written: page_cleaner.npz, {len(content.getvalue()):,} bytes")


PARTS = {
    "a4": a4,  # first, since the peak of memory is that of all child processes
    "tune": tune,
    "skips": skips,
    "pages": pages,
    "defects": defects,
    "photograph": photograph,
}


def beside(old, new):
    """Return stored results with new ones in them: of the methods that were measured again."""
    if not isinstance(old, dict):
        return new
    return {**old, **{key: beside(old.get(key), value) for key, value in new.items()}}


def main(words):
    """Measure the parts that the words name, or all, and store each when it is done."""
    if words == ["ship"]:
        runtime.quiet_logs()
        return ship()
    names = [word for word in words if word in METHODS]
    words = [word for word in words if word not in METHODS]
    if set(words) - set(PARTS) or (names and not set(words) <= {"tune", "pages", "photograph"}):
        sys.exit(__doc__)
    if set(words or PARTS) - {"a4"} and shutil.which("tesseract") is None:
        sys.exit("Tesseract is not installed: apt-get install tesseract-ocr")
    for name in [part for part in PARTS if part in words or not words]:
        if name != "a4":
            runtime.quiet_logs()
        began = time.perf_counter()
        found = PARTS[name](names) if names else PARTS[name]()
        stored = results.read("documents")
        if name != "a4":
            version = subprocess.run(["tesseract", "--version"], capture_output=True, text=True)
            stored["tesseract"] = version.stdout.split()[1]
        if names:
            found = beside(stored, found)
        else:
            minutes = round((time.perf_counter() - began) / 60)
            found["minutes_of"] = {**stored.get("minutes_of", {}), name: minutes}
        results.write("documents", {**stored, **found})


if __name__ == "__main__":
    main(sys.argv[1:])
