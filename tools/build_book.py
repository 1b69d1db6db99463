"""Render the book, warnings as errors; ``make book`` runs this.

    python tools/build_book.py [FOLDER]

writes into FOLDER/_build/html, by default in the checkout.
"""

import sys
from pathlib import Path

from jupyter_book.cli.main import main as jupyter_book

from aeutils import runtime

ROOT = Path(__file__).resolve().parent.parent


def main(arguments):
    """Build the book."""
    output = Path(arguments[0] if arguments else ROOT).resolve()
    # the reference page imports aeutils, and so Keras, whose log lines look like trouble
    runtime.quiet_logs()
    options = ["-W", "-n", "--keep-going", "--path-output", str(output)]
    jupyter_book(["build", *options, str(ROOT)], standalone_mode=False)
    print(f"The book is in {output / '_build/html/index.html'}")


if __name__ == "__main__":
    main(sys.argv[1:])
