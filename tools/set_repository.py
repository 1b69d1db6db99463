"""Set the address under which the book is published, in every file that names it.

    .venv/bin/python tools/set_repository.py https://github.com/NAME/REPOSITORY [--jupyterhub https://HUB]

Until then no page names an address and no chapter has a launch button.  The chapters and the
assignments fetch the book from there on Colab; _config.yml gets the buttons for Colab and Binder,
and CITATION.cff the address.  With a JupyterHub, the chapters get a button that opens them there,
by way of nbgitpuller.
"""

import argparse
import re
import sys
from pathlib import Path

from aeutils.core.files import atomic_write

ROOT = Path(__file__).resolve().parent.parent
# the last lines of _config.yml; what follows them is written here
MARKER = "# .venv/bin/python tools/set_repository.py https://github.com/NAME/REPOSITORY\n"
CONFIG = """repository:
  url: {url}
  branch: main
launch_buttons:
{hub}  notebook_interface: jupyterlab
  colab_url: https://colab.research.google.com
  binderhub_url: https://mybinder.org
"""


def main(arguments):
    """Write the address into every file."""
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("repository", type=address(r"https://github\.com/[\w.-]+/[\w.-]+"))
    parser.add_argument("--jupyterhub", type=address(r"https?://[\w.:/-]+"))
    given = parser.parse_args(arguments)
    url = given.repository
    for path in (*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("assignments/source/*/*.ipynb")):
        change(
            path,
            lambda text: re.sub(r'REPOSITORY = \\"[^"]*\\"', rf'REPOSITORY = \\"{url}\\"', text),
        )
    change(ROOT / "CITATION.cff", lambda text: with_code_address(text, url))
    change(ROOT / "_config.yml", lambda text: with_buttons(text, url, given.jupyterhub))


def with_code_address(text, url):
    """Return the citation file with the address of the code."""
    text = re.sub(r"(?m)^repository-code: .*\n", "", text)
    return text.replace("license:\n", f"repository-code: {url}\nlicense:\n", 1)


def with_buttons(text, url, hub):
    """Return the book's settings with its address and its launch buttons."""
    head = text[: text.index(MARKER) + len(MARKER)]
    return head + CONFIG.format(url=url, hub=f"  jupyterhub_url: {hub}\n" if hub else "")


def change(path, function):
    """Replace a file by what a function makes of its text, where that differs."""
    before = path.read_text(encoding="utf-8")
    text = function(before)
    if text != before:
        with atomic_write(path) as file:
            file.write(text.encode())
        print(f"{path.relative_to(ROOT)}: changed")


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
