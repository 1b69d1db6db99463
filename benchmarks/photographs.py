"""Train the denoiser for photographs, and compare it with CBM3D and with filters.

    .venv/bin/python benchmarks/photographs.py --train --minutes 28   # on one core
    .venv/bin/python benchmarks/photographs.py --ship                 # its weights into the book
    .venv/bin/python benchmarks/photographs.py                        # 8 minutes on one core

Trained on photographs that Debian's packages carry, downloaded by apt-get on first use; some of
them are kept apart for choosing.  Judged on photographs of scikit-image and scikit-learn.
Writes benchmarks/photographs.json, which chapter 7 and the benchmarks page draw on.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import results
from PIL import Image
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from aeutils import data, runtime

runtime.quiet_logs()
import keras  # noqa: E402  after the logs are quiet

from aeutils.core.files import atomic_write  # noqa: E402
from aeutils.denoising import load_photo_denoiser, photo_denoiser, psnr  # noqa: E402

CACHE = Path(tempfile.gettempdir()) / "aeutils-photographs"
# package: photographs among its pictures, and those of them that are kept apart
PACKAGES = {
    "lomiri-wallpapers-16.04": (
        "backgrounds",
        "Bridge_by Dragonfly_by Picture_0B Picture_1A Wine_by aitzgorri friends_by free_by "
        "greentock life_by picosdeeuropa seeding_by sunset_by",
    ),
    "lomiri-wallpapers-20.04": ("backgrounds", "Kleiber_by"),
    "mate-backgrounds": (
        "backgrounds/mate/nature",
        "Aqua Blinds Dune FreshFlower Garden GreenMeadow LadyBird RainDrops Storm TwoWings Wood "
        "YellowFlower",
    ),
    "plasma-workspace-wallpapers": (
        "wallpapers",
        "Autumn BytheWater ColdRipple ColorfulCups EveningGlow FallenLeaf Kite OneStandsOut Path "
        "summer_1am",
    ),
}
APART = {"friends_by", "picosdeeuropa", "Garden", "FallenLeaf"}
LONG_SIDE = 1400

PATCH, BATCH_SIZE, PER_CALL, PEAK, HIGHEST = 64, 16, 20, 2e-3, 50
LEVELS = [15, 25, 50]  # standard deviations, of 255
CROP = 192
# in the order of the tables
METHODS = ["noisy", "linear filter", "total variation", "non-local means", "CBM3D"]
METHODS += ["network, blind"]
# what is tried of the one knob of each filter, as a multiple of the noise level
KNOBS = {
    "total variation": (0.6, 0.8, 1.0, 1.3, 1.7),
    "non-local means": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0),
}
WEIGHTS = "photo_denoiser.npz"


def photographs():
    """Return the photographs for training and those kept apart, uint8, shrunk."""
    CACHE.mkdir(exist_ok=True)
    parts = {"train": [], "apart": []}
    for package, (folder, names) in PACKAGES.items():
        root = CACHE / package
        if not root.exists():
            subprocess.run(["apt-get", "download", package], cwd=CACHE, check=True)
            (archive,) = CACHE.glob(f"{package}_*.deb")
            subprocess.run(["dpkg", "-x", archive, root], check=True)
        for name in names.split():
            files = [f for f in (root / "usr/share" / folder).rglob("*.jpg") if name in str(f)]
            largest = max(files, key=lambda f: f.stat().st_size)
            picture = Image.open(largest).convert("RGB")
            picture.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.BOX)
            parts["apart" if name in APART else "train"].append(np.asarray(picture))
    return parts["train"], parts["apart"]


def held_out():
    """Return crops of photographs that ship with scikit-image and scikit-learn, by name."""
    import skimage.data
    from sklearn.datasets import load_sample_images

    pictures = {
        name: getattr(skimage.data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")
    }
    pictures["motorcycle"] = skimage.data.stereo_motorcycle()[0]
    pictures |= dict(zip(("temple", "flower"), load_sample_images().images, strict=True))
    return {name: centre(picture) for name, picture in pictures.items()}


def centre(picture, size=CROP):
    """Return the square in the middle, float32 in [0, 1]."""
    top, left = (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2
    return picture[top : top + size, left : left + size, :3].astype(np.float32) / 255


def noisy(clean, level, seed):
    """Add noise, unclipped."""
    noise = np.random.default_rng(seed).standard_normal(clean.shape, dtype=np.float32)
    return clean + level / 255 * noise


class Patches:
    """Random patches with noise of random levels; one seed gives the same ones again."""

    def __init__(self, pictures, seed):
        self.pictures, self.rng = pictures, np.random.default_rng(seed)
        sizes = np.array([p.shape[0] * p.shape[1] for p in pictures], float)
        self.share = sizes / sizes.sum()

    def draw(self, batches):
        """Return noisy patches, clean ones and their weights."""
        return blind_batch(self.cut(batches * BATCH_SIZE), self.rng)

    def cut(self, n):
        """Cut patches, mirrored and turned at random."""
        rng, patches = self.rng, []
        for i in rng.choice(len(self.pictures), n, p=self.share):
            picture = self.pictures[i]
            top, left = (rng.integers(side - PATCH + 1) for side in picture.shape[:2])
            patch = picture[top : top + PATCH, left : left + PATCH]
            patches.append(np.rot90(patch, rng.integers(4))[:, :: rng.choice([-1, 1])])
        return np.array(patches, dtype=np.float32)


def blind_batch(patches, rng):
    """Return noisy patches of levels 0 to 50, clean ones, and weights that make levels count."""
    clean = patches / 255
    level = rng.uniform(0, HIGHEST, (len(clean), 1, 1, 1)).astype(np.float32)
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    # the error grows about so with the level; without weights the highest levels are all that count
    weight = 100 / (level[..., 0] + 3) ** 1.3
    return clean + level / 255 * noise, clean, weight


def two_sizes(pictures):
    """Return the photographs, and once more at half the size, where they have more detail."""
    halves = [
        np.asarray(Image.fromarray(p).reduce(2)) for p in pictures if min(p.shape[:2]) >= 4 * PATCH
    ]
    return pictures + halves


def decibels(clean, image):
    """Return the PSNR of each image after clipping, which every method gets."""
    image = np.clip(image, 0, 1).astype(np.float32)
    return psnr(np.array(clean), image)


def train(minutes, seed=0):
    """Train the blind network in bfloat16 for some minutes; its learning rate follows the clock.

    Stores the weights in half precision and the course of the training every two minutes.
    """
    pictures, apart = photographs()
    crops = np.array([centre(picture) for picture in apart])
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy("mixed_bfloat16")
    trained = photo_denoiser()
    keras.config.set_dtype_policy("float32")
    network = photo_denoiser()
    optimizer = keras.optimizers.Adam(PEAK, clipnorm=1.0)
    trained.compile(optimizer, "mean_squared_error", steps_per_execution=PER_CALL)
    patches = Patches(two_sizes(pictures), seed)
    course, losses, steps = [], [], 0
    began = stored = time.perf_counter()
    done = 0.0
    while done < 1:
        optimizer.learning_rate = PEAK * min(1, done / 0.05) * (1 + np.cos(np.pi * done)) / 2
        x, y, weight = patches.draw(PER_CALL)
        history = trained.fit(
            x, y, batch_size=BATCH_SIZE, sample_weight=weight, shuffle=False, verbose=0
        )
        losses += history.history["loss"]
        steps += PER_CALL
        done = min(1, (time.perf_counter() - began) / (60 * minutes))
        if done == 1 or time.perf_counter() - stored > 120:
            stored = time.perf_counter()
            network.set_weights(trained.get_weights())
            row = {"steps": steps, "loss": round(float(np.mean(losses[-20:])), 6)}
            for level in LEVELS:
                output = network.predict(noisy(crops, level, 1), verbose=0)
                row[f"selection_db_{level}"] = round(float(decibels(crops, output).mean()), 3)
            course.append(row)
            print(round(stored - began), "s", row, flush=True)
            keep(network, course, len(pictures), round(stored - began))


def keep(network, course, photographs, seconds):
    """Write weights and course to the cache."""
    with atomic_write(CACHE / WEIGHTS) as file:
        # half precision: half the bytes, and no change that PSNR shows
        np.savez_compressed(file, *(w.astype(np.float16) for w in network.get_weights()))
    training = {
        "photographs": photographs,
        "seconds_one_core": seconds,
        "steps": course[-1]["steps"],
        "patches": course[-1]["steps"] * BATCH_SIZE,
        "course": course,
    }
    (CACHE / "training.json").write_text(json.dumps(training))


def ship():
    """Copy the weights of the last training into the book, with their checksum and its course."""
    content = (CACHE / WEIGHTS).read_bytes()
    results.ship(WEIGHTS, content)
    results.write("photographs_training", json.loads((CACHE / "training.json").read_text()))


def windows(image, radius):
    """Return the windows around all pixels of a picture as rows, colours together."""
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    view = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1,) * 2, (0, 1))
    return view.reshape(-1, 3 * (2 * radius + 1) ** 2)


def linear_filter(pictures, level, radius=4, each=4000):
    """Return the matrix from a noisy window to its clean middle pixel, by least squares."""
    rng, rows, targets = np.random.default_rng(0), [], []
    for picture in pictures:
        clean = centre(picture)
        some = rng.choice(clean.shape[0] * clean.shape[1], each, replace=False)
        rows.append(windows(noisy(clean, level, rng), radius)[some])
        targets.append(clean.reshape(-1, 3)[some])
    x, y = np.concatenate(rows), np.concatenate(targets)
    x = np.c_[x, np.ones(len(x), np.float32)]
    return np.linalg.solve(x.T @ x + 1e-3 * np.eye(x.shape[1]), x.T @ y), radius


def by_linear(matrix, radius, image):
    """Apply it."""
    rows = windows(image, radius)
    return (rows @ matrix[:-1] + matrix[-1]).reshape(image.shape)


def filters(pictures, crops):
    """Return the quick filters, functions of a noisy picture and its level, and what was tuned."""
    linear = {level: linear_filter(pictures, level) for level in LEVELS}
    ways = {"total variation": total_variation, "non-local means": non_local_means}
    tuned = {}
    for name, method in ways.items():
        tuned[name] = {}
        for level in LEVELS:  # tuned on photographs kept apart, by the measure that judges
            given = noisy(crops, level, 1)
            tried = {
                v: decibels(crops, [method(x, level, v) for x in given]).mean() for v in KNOBS[name]
            }
            tuned[name][str(level)] = max(tried, key=tried.get)
    print(tuned, flush=True)

    def by(name, method):
        return lambda image, level: method(image, level, tuned[name][str(level)])

    methods = {name: by(name, method) for name, method in ways.items()}
    methods["linear filter"] = lambda image, level: by_linear(*linear[level], image)
    return methods, tuned


def by_cbm3d(image, level):
    """Denoise by CBM3D, which takes a quarter of a minute a crop."""
    import bm3d

    return bm3d.bm3d_rgb(image, level / 255)


def total_variation(image, level, knob):
    """Denoise by total variation."""
    return denoise_tv_chambolle(image, weight=knob * level / 255, channel_axis=-1)


def non_local_means(image, level, knob):
    """Denoise by non-local means."""
    sigma = level / 255
    return denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=knob * sigma, sigma=sigma, channel_axis=-1
    )


def judged(methods, test):
    """Judge methods on the held-out photographs at every level."""
    clean, scores = np.array(list(test.values())), {}
    for name, method in methods.items():
        scores[name] = [
            decibels(clean, [method(x, level) for x in noisy(clean, level, 2)]).round(3).tolist()
            for level in LEVELS
        ]
        print(name, [round(float(np.mean(row)), 2) for row in scores[name]], flush=True)
    return scores


def by_turns(test, turns=3):
    """Return seconds a picture of network and CBM3D, A B A B, one core each."""
    import bm3d

    network = load_photo_denoiser()
    image = noisy(test["astronaut"], 25, 3)
    network.predict(image[None], verbose=0)
    ways = {
        "network": lambda: network.predict(image[None], verbose=0),
        "CBM3D": lambda: bm3d.bm3d_rgb(image, 25 / 255),
    }
    seconds = {name: [] for name in ways}
    for _ in range(turns):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(round(time.perf_counter() - began, 4))
    return {"pixels": image.shape[0] * image.shape[1], "seconds": seconds}


def main(parts):
    """Measure filters, CBM3D and the network, or some of them, and store it."""
    test, measured, scores = held_out(), {}, {}
    if not parts or "filters" in parts:
        pictures, apart = photographs()
        crops = np.array([centre(picture) for picture in apart])
        methods, measured["tuned"] = filters(pictures, crops)
        scores |= judged({"noisy": lambda image, level: image} | methods, test)
        measured["photographs"] = {"train": len(pictures), "apart": len(apart)}
    if not parts or "cbm3d" in parts:
        scores |= judged({"CBM3D": by_cbm3d}, test)
    if not parts or "network" in parts:
        network = load_photo_denoiser()
        measured["weights"] = network.count_params()
        measured["bytes"] = (data.FOLDER / WEIGHTS).stat().st_size
        ours = {"network, blind": lambda image, level: network.predict(image[None], verbose=0)[0]}
        scores |= judged(ours, test)
        measured["by_turns"] = by_turns(test)
    # what is stored is read only now, since another part may have been measured meanwhile
    exists = (results.FOLDER / "photographs.json").exists()
    stored = results.read("photographs") if parts and exists else {"comparison": {}}
    scores = stored["comparison"].get("psnr_db", {}) | scores
    scores = {name: scores[name] for name in METHODS if name in scores}
    measured["comparison"] = {"levels": LEVELS, "photographs": list(test), "psnr_db": scores}
    results.write("photographs", stored | measured)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--ship", action="store_true")
    parser.add_argument("--minutes", type=float, default=28)
    parser.add_argument("parts", nargs="*", help="filters, cbm3d, network; all if none is named")
    parsed = parser.parse_args()
    if parsed.train:
        train(parsed.minutes)
    elif parsed.ship:
        ship()
    else:
        main(parsed.parts)
