"""Set the address under which the book is published, in every file that names it.

    python tools/set_repository.py https://github.com/NAME/REPOSITORY

The chapters and the assignments fetch the book from there on Colab; _config.yml and the README
name it.
"""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = [ROOT / "_config.yml", ROOT / "README.md", *sorted(ROOT.glob("notebooks/*.ipynb"))]
FILES += sorted(ROOT.glob("assignments/source/*/*.ipynb"))


def current():
    """Return the address that _config.yml names."""
    return re.search(r"url: (https://\S+)", (ROOT / "_config.yml").read_text()).group(1)


def main(arguments):
    """Replace the current address by the one given."""
    pattern = r"https://github\.com/[\w.-]+/[\w.-]+"
    if len(arguments) != 1 or not re.fullmatch(pattern, arguments[0]):
        sys.exit(__doc__)
    old, new = current(), arguments[0]
    for path in FILES:
        text = path.read_text()
        if old in text:
            partial = path.with_name(path.name + ".partial")
            partial.write_text(text.replace(old, new))
            os.replace(partial, path)
            print(f"{path.relative_to(ROOT)}: {new}")


if __name__ == "__main__":
    main(sys.argv[1:])
