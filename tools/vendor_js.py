"""Fetch the JavaScript that the book runs on, and put it beside the pages.

    .venv/bin/python tools/vendor_js.py

takes pinned versions through ``npm pack``, checks each package against the digest below, and
writes the named files of each.  The files are committed, so that only somebody who changes a
version needs npm.  TensorFlow.js runs the page "Try it"; its random numbers would want the package
``seedrandom``, but no network here draws any.  KaTeX typesets formulas when the book is built
(tools/book_math.py); the pages load its style sheet and fonts.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from aeutils.core.files import atomic_write

ROOT = Path(__file__).resolve().parent.parent
TRY = ROOT / "book" / "_live" / "try" / "vendor"
DIGESTS = ROOT / "tools" / "vendored.json"
KATEX = ROOT / "book" / "_live" / "katex"
# package and version; its digest as npm states it (`npm view PACKAGE dist.integrity`); a pattern
# for its files under dist/, and the folder that they go to
PACKAGES = [
    (
        "@tensorflow/tfjs-core@4.22.0",
        "sha512-LEkOyzbknKFoWUwfkr59vSB68DMJ4cjwwHgicXN0DUi3a0Vh1Er3JQqCI1Hl86GGZQvY8ezVrtDIvqR1ZFW55A==",
        {r"tf-core\.es2017\.min\.js": TRY},
    ),
    (
        "@tensorflow/tfjs-backend-cpu@4.22.0",
        "sha512-1u0FmuLGuRAi8D2c3cocHTASGXOmHc/4OvoVDENJayjYkS119fcTcQf4iHrtLthWyDIPy3JiPhRrZQC9EwnhLw==",
        {r"tf-backend-cpu\.es2017\.min\.js": TRY},
    ),
    (
        "katex@0.19.1",
        "sha512-jG8uKntjSEcm2EpQOh0XturpPuuC9r3Sq5HLHdsFdWZT27E672SF19QEi+of0/YeOy15lDgRhKvr5614uRrEfA==",
        {
            r"katex\.min\.js": ROOT / "tools" / "katex",
            r"katex\.min\.css": KATEX,
            r"fonts/[^/]+\.woff2": KATEX / "fonts",
        },
    ),
]


def files_of(package, integrity, wanted):
    """Return the wanted files of a package, checked, as a dict of path to bytes."""
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
        found = {}
        with tarfile.open(archive) as files:
            for member in files.getmembers():
                for pattern, target in wanted.items():
                    if re.fullmatch(f"package/dist/{pattern}", member.name):
                        content = files.extractfile(member).read()
                        found[target / Path(member.name).name] = content
        return found


def main():
    """Write every file, and the digests by which a test knows them."""
    digests = {}
    for package, integrity, wanted in PACKAGES:
        for path, content in files_of(package, integrity, wanted).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(content)
            digests[str(path.relative_to(ROOT))] = hashlib.sha256(content).hexdigest()
            print(f"{path.relative_to(ROOT)}: {len(content):,} bytes, of {package}")
    with atomic_write(DIGESTS) as file:
        file.write((json.dumps(digests, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
