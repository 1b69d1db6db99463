"""Train the cleaner of scanned pages that ships with the book, and measure it.

    python benchmarks/documents.py --train   # 7 minutes on 2 cores: aeutils/data/page_cleaner.npz
    python benchmarks/documents.py           # 2 minutes: benchmarks/documents.json

Compared with Otsu's threshold, an adaptive threshold, Sauvola's, and a division by the
background: PSNR and SSIM on pages drawn and degraded here, and, with Tesseract (Debian's package
tesseract-ocr), the share of characters that it misreads on them and on scikit-image's photographed
page; then time and memory of ``python -m aeutils denoise`` on an A4 page of 600 dpi.
"""

import hashlib
import itertools
import json
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
from skimage.filters import threshold_local, threshold_otsu, threshold_sauvola

from aeutils import data, documents, runtime
from aeutils.core.files import atomic_write
from aeutils.denoising import psnr, ssim

SEED, N_PAGES, STEPS, BATCH_SIZE, PATCH, RATE = 0, 240, 3000, 16, 128, 4e-3
# DejaVu Serif was trained on, Computer Modern (roman, sans serif) was not
FONTS = ("DejaVuSerif", "cmr10", "cmss10")
VERSIONS = 3  # degraded, of each of the six pages
ENLARGE = 3  # what small type needs for Tesseract


def train():
    """Train the network, and store its weights with their checksum."""
    runtime.quiet_logs()
    import keras

    from aeutils.documents import page_cleaner

    began = time.perf_counter()
    clean = np.array([documents.random_page(seed=i) for i in range(N_PAGES)], np.float32)
    degraded = np.array([documents.degrade_page(page, seed=i) for i, page in enumerate(clean)])
    print(f"{N_PAGES} pages: {time.perf_counter() - began:.0f} s", flush=True)

    def patches():
        rng = np.random.default_rng(SEED)
        while True:
            yield documents.random_patches(degraded, clean, BATCH_SIZE, PATCH, rng)

    keras.utils.set_random_seed(SEED)
    model = page_cleaner()
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, STEPS - STEPS // 10, warmup_target=RATE, warmup_steps=STEPS // 10
    )
    model.compile(keras.optimizers.Adam(schedule), loss="binary_crossentropy", jit_compile=False)
    model.fit(patches(), steps_per_epoch=STEPS // 10, epochs=10, verbose=2)
    path = data.FOLDER / "page_cleaner.npz"
    with atomic_write(path) as file:
        np.savez(file, *model.get_weights())
    listed = data.FOLDER / "checksums.json"
    checksums = json.loads(listed.read_text())
    checksums[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    with atomic_write(listed) as file:
        file.write((json.dumps(checksums, indent=2) + "\n").encode())
    print(
        f"written: {path.name}, {path.stat().st_size:,} bytes, {time.perf_counter() - began:.0f} s"
    )


def otsu(page):
    """Compare each pixel with one threshold for the whole page."""
    return (page > threshold_otsu(page)).astype(np.float32)


def adaptive(page, window, offset):
    """Compare each pixel with the mean of its neighbourhood."""
    return (page > threshold_local(page, window, offset=offset)).astype(np.float32)


def sauvola(page, window, k):
    """Compare each pixel with a mean that is lowered where the neighbourhood varies little."""
    threshold = threshold_sauvola(page, window_size=window, k=k, r=0.5)
    return (page > threshold).astype(np.float32)


def division(page, window, contrast):
    """Divide by the paper's brightness: the page without strokes narrower than a window."""
    paper = minimum_filter(maximum_filter(gaussian_filter(page, 1), window), window)
    paper = gaussian_filter(paper, window / 2)
    return np.clip(1 - contrast * (1 - page / np.maximum(paper, 0.01)), 0, 1).astype(np.float32)


KNOBS = {
    otsu: [()],
    adaptive: list(itertools.product((15, 25, 51, 101), (0.05, 0.1, 0.15, 0.2, 0.25))),
    sauvola: list(itertools.product((15, 25, 51, 101), (0.1, 0.2, 0.3, 0.4, 0.5))),
    division: list(itertools.product((7, 15, 31, 61), (1.0, 1.3, 1.7))),
}


def tuned(method, degraded, clean):
    """Return the knobs with the best PSNR on training pages."""

    def quality(knob):
        answers = np.array([method(page, *knob) for page in degraded])
        # two decimals of a decibel, so that the last bits of a processor do not choose
        return round(float(psnr(clean, answers).mean()), 2)

    return max(KNOBS[method], key=quality)


def test_pages():
    """Return clean and degraded test pages, and their texts."""
    clean, degraded, texts = [], [], []
    for i, paragraph in enumerate(data.load_prose()):
        page, text = documents.render_page(paragraph, font=FONTS[i % len(FONTS)])
        for version in range(VERSIONS):
            clean.append(page)
            degraded.append(documents.degrade_page(page, seed=1000 + VERSIONS * i + version))
            texts.append(text)
    return np.array(clean), np.array(degraded), texts


def enlarged(page):
    """Return a page in larger type, as Tesseract needs it."""
    height, width = page.shape
    picture = Image.fromarray(page)
    size = (ENLARGE * width, ENLARGE * height)
    return np.clip(np.asarray(picture.resize(size, Image.Resampling.LANCZOS)), 0, 1)


def misread(page, text):
    """Return the share of characters that Tesseract misreads."""
    return documents.character_error_rate(text, documents.read_page(page))


def on_test_pages(methods):
    """Measure every method on the rendered pages."""
    clean, degraded, texts = test_pages()
    measured = {"psnr_db": {}, "ssim": {}, "cer": {}, "cer_by_font": {}}
    for name, method in methods.items():
        answers = np.array([method(page) for page in degraded])
        errors = np.array([misread(*pair) for pair in zip(answers, texts, strict=True)])
        measured["psnr_db"][name] = round(float(psnr(clean, answers).mean()), 2)
        measured["ssim"][name] = round(float(ssim(clean, answers).mean()), 3)
        measured["cer"][name] = round(float(errors.mean()), 4)
        by_font = errors.reshape(-1, len(FONTS), VERSIONS).mean(axis=(0, 2))
        measured["cer_by_font"][name] = {
            font: round(float(e), 4) for font, e in zip(FONTS, by_font, strict=True)
        }
        print(name, {key: value[name] for key, value in measured.items()}, flush=True)
    errors = [misread(*pair) for pair in zip(clean[::VERSIONS], texts[::VERSIONS], strict=True)]
    measured["cer"]["clean original"] = round(float(np.mean(errors)), 4)
    return {"pages": len(degraded), "fonts": list(FONTS), **measured}


def on_scanned_page(methods):
    """Measure every method on the photographed page, enlarged before it is cleaned."""
    page, text = data.load_scanned_page()
    page = enlarged(page)
    rows = 148 * ENLARGE  # heading and paragraph; the lines below are cut off
    measured = {"characters": len(" ".join(text.split())), "cer": {}, "read": {}}
    for name, method in methods.items():
        said = documents.read_page(method(page)[:rows])
        measured["cer"][name] = round(documents.character_error_rate(text, said), 4)
        measured["read"][name] = said.strip()
        print(name, measured["cer"][name], flush=True)
    # with hindsight: the knobs that this very page likes best
    for method in (adaptive, sauvola, division):
        errors = {knob: misread(method(page, *knob)[:rows], text) for knob in KNOBS[method]}
        best = min(errors, key=errors.get)
        measured["cer"][f"{method.__name__}, best knobs with hindsight"] = round(errors[best], 4)
    return measured


def on_a4(dpi=600):
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
            answer = np.asarray(picture, np.float32) / 255
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # in KiB on Linux
    return {
        "pixels": [height, width],
        "seconds": round(seconds, 1),
        "peak_memory_mb": round(peak / 1024),
        "psnr_db_before": round(float(psnr(clean[None], degraded[None].astype("float32"))[0]), 2),
        "psnr_db": round(float(psnr(clean[None], answer[None])[0]), 2),
    }


def main():
    """Measure everything and store it."""
    if shutil.which("tesseract") is None:
        sys.exit("Tesseract is not installed: apt-get install tesseract-ocr")
    began = time.perf_counter()
    a4 = on_a4()  # first, since the peak is that of all child processes
    print(a4, flush=True)
    runtime.quiet_logs()
    from aeutils.documents import clean_page, load_page_cleaner

    model = load_page_cleaner()
    clean = np.array([documents.random_page(seed=i) for i in range(12)], np.float32)
    degraded = np.array([documents.degrade_page(page, seed=i) for i, page in enumerate(clean)])
    knobs = {method: tuned(method, degraded, clean) for method in KNOBS}
    names = {otsu: "Otsu", adaptive: "adaptive mean", sauvola: "Sauvola", division: "division"}
    methods = {"as it is": lambda page: page}
    for method, name in names.items():
        methods[name] = lambda page, method=method: method(page, *knobs[method])
    methods["autoencoder"] = lambda page: clean_page(page, model)
    version = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    measured = {
        "tesseract": version.stdout.split()[1],
        "recipe": {
            "pages": N_PAGES,
            "steps": STEPS,
            "batch_size": BATCH_SIZE,
            "patch": PATCH,
            "learning_rate": RATE,
            "seed": SEED,
        },
        "knobs": {names[method]: list(knob) for method, knob in knobs.items()},
        "rendered": on_test_pages(methods),
        "scanned_page": on_scanned_page(methods),
        "a4_600_dpi": a4,
    }
    measured["minutes"] = round((time.perf_counter() - began) / 60, 1)
    results.write("documents", measured)


if __name__ == "__main__":
    train() if "--train" in sys.argv[1:] else main()
