"""What `make` and `python -m aeutils` run: the steps of setup, book, lab and test.

    python tools/commands.py setup [--gpu]
    python tools/commands.py book
    python tools/commands.py lab
    python tools/commands.py test [CHAPTER ...]

Uses the standard library alone, since nothing else is there yet, and what every Python
understands, so that tools/check_python.py can refuse an old one.
"""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
# the environment's own Python
PYTHON = os.path.join(VENV, *(["Scripts", "python.exe"] if os.name == "nt" else ["bin", "python"]))

SETUP = ["tools/check_python.py", "tools/setup_venv.py"]
STEPS = {
    "setup": [],
    "book": [[PYTHON, "tools/build_book.py"]],
    # from the folder of the book on, since nbgrader's panels need the course, too
    "lab": [[PYTHON, "-m", "jupyterlab", "--LabApp.default_url=/lab/tree/notebooks"]],
    "test": [
        [PYTHON, "-m", "ruff", "check", "."],
        [PYTHON, "-m", "ruff", "format", "--check", "."],
        [PYTHON, "-m", "mypy"],
        # the order of the rooms, as pyproject.toml states it
        [PYTHON, "-c", "import importlinter.cli as c; c.lint_imports_command()", "--no-cache"],
        [PYTHON, "tools/run_tests.py"],
    ],
}


def main(arguments):
    """Run the steps of a command one after the other; return the exit status of the last."""
    if not arguments or arguments[0] not in STEPS:
        sys.exit(__doc__)
    command, rest = arguments[0], arguments[1:]
    # an environment that is there is kept, whichever Python asks; only `setup` changes its Python
    keep = command != "setup" and os.path.exists(PYTHON)
    steps = [[PYTHON if keep else sys.executable, tool] for tool in SETUP] + STEPS[command]
    steps[-1] = steps[-1] + rest
    for step in steps:
        status = run(step)
        if status:
            return status
    return 0


def run(step):
    """Run one program in the checkout; return its exit status."""
    # the book's files are UTF-8, which Windows does not take for granted
    process = subprocess.Popen(step, cwd=ROOT, env=dict(os.environ, PYTHONUTF8="1"))
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # the program has got Ctrl-C too; JupyterLab asks what it means


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
