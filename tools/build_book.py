"""Render the book, warnings as errors; ``make book`` runs this.

    python tools/build_book.py [FOLDER]

writes into FOLDER/_build/html, by default in the checkout.  A book whose sources are as they were
is not built again.
"""

import gc
import hashlib
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
# whatever decides what a page looks like; requirements.txt for the versions of the theme and Sphinx
SOURCES = [
    "_config.yml",
    "_toc.yml",
    "requirements.txt",
    "book/**/*",
    "notebooks/*.ipynb",
    "aeutils/**/*.py",
    "tools/*.py",
    "benchmarks/speed.json",
]


def fingerprint():
    """Return a digest of all that the book is made from."""
    digest = hashlib.sha256(sys.version.encode())
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(ROOT)} {content}\n".encode())
    return digest.hexdigest()


def table_of_contents():
    """Return the names of the pages in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [toc["root"]] + [c["file"] for part in toc["parts"] for c in part["chapters"]]


def build(output, builder="html"):
    """Build every page with one of Sphinx's builders into ``output``/_build."""
    # jsonschema imports it where it can, and it compiles grammars for three seconds: for a kind of
    # address that no configuration here holds
    sys.modules["rfc3987_syntax"] = None
    # slow imports, of no use where nothing is to be built
    from jupyter_book.cli.main import main as jupyter_book

    from aeutils import runtime

    # the reference page imports aeutils, and so Keras, whose log lines look like trouble
    runtime.quiet_logs()
    # what is imported stays, and pages make millions of objects: the collector would go through
    # all of them again and again, for a sixth of the time
    gc.freeze()
    gc.set_threshold(100_000)
    # all pages: each holds the table of contents and what tools/book_pages.py makes of it
    options = ["--all", "-W", "-n", "--keep-going", "--builder", builder]
    jupyter_book(
        ["build", *options, "--path-output", str(output), str(ROOT)], standalone_mode=False
    )


def main(arguments):
    """Build the book, unless it is there already."""
    output = Path(arguments[0] if arguments else ROOT).resolve()
    stamp = output / "_build" / "made-from"
    made_from = fingerprint()
    if not stamp.exists() or stamp.read_text() != made_from:
        # a build that fails half-way is not taken for a finished one
        stamp.unlink(missing_ok=True)
        build(output)
        stamp.write_text(made_from)
    print(f"The book is in {output / '_build/html/index.html'}")


if __name__ == "__main__":
    main(sys.argv[1:])
