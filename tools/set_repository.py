"""Set the address under which the book is published, in every file that names it.

    .venv/bin/python tools/set_repository.py https://github.com/NAME/REPOSITORY [--jupyterhub https://HUB]

The chapters and the assignments fetch the book from there on Colab; _config.yml, the README and
CITATION.cff name it.  With a JupyterHub, the chapters get a button that opens them there, by way
of nbgitpuller.
"""

import argparse
import re
import sys
from pathlib import Path

from aeutils.core.files import atomic_write

ROOT = Path(__file__).resolve().parent.parent
FILES = [ROOT / name for name in ("_config.yml", "README.md", "CITATION.cff")]
FILES += [*sorted(ROOT.glob("notebooks/*.ipynb"))]
FILES += sorted(ROOT.glob("assignments/source/*/*.ipynb"))


def current():
    """Return the address that _config.yml names."""
    return re.search(r"(?m)^\s*url: (https://\S+)", (ROOT / "_config.yml").read_text()).group(1)


def main(arguments):
    """Replace the current address by the one given."""
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("repository", type=address(r"https://github\.com/[\w.-]+/[\w.-]+"))
    parser.add_argument("--jupyterhub", type=address(r"https?://[\w.:/-]+"))
    given = parser.parse_args(arguments)
    old = current()
    for path in FILES:
        before = path.read_text()
        text = before.replace(old, given.repository)
        if given.jupyterhub and path.name == "_config.yml":
            text = re.sub(r"  jupyterhub_url: .*\n", "", text)
            line = f"launch_buttons:\n  jupyterhub_url: {given.jupyterhub}\n"
            text = text.replace("launch_buttons:\n", line)
        if text != before:
            with atomic_write(path) as file:
                file.write(text.encode())
            print(f"{path.relative_to(ROOT)}: {given.repository}")


def address(pattern):
    """Return a reader of an argument that has to look like the pattern."""

    def read(text):
        # what GitHub copies for git ends in .git, which no other service knows
        text = text.removesuffix("/").removesuffix(".git")
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"{text!r} is no address of that kind")
        return text

    return read


if __name__ == "__main__":
    main(sys.argv[1:])
