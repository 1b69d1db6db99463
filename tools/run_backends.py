"""Test aeutils and run the chapters on Keras's JAX and PyTorch; ``make test-backends`` runs this.

    python tools/run_backends.py [WORD ...]

takes the chapters whose names hold one of the words, or all.  Their outputs are not compared,
since other arithmetic gives other digits; their asserts must hold, and nothing may be written to
standard error.  A backend that is not installed is named and left out.
"""

import importlib.util
import os
import subprocess
import sys
import time

from execute import NOTEBOOKS, choose, run
from nbclient.exceptions import CellExecutionError

BACKENDS = {"jax": "JAX", "torch": "PyTorch"}
TESTS = [
    f"tests/test_{name}.py"
    for name in (
        "audio_cleaning",
        "backends",
        "codes",
        "codes_masked",
        "codes_quantised",
        "detector",
        "diffusion",
        "documents_cleaning",
        "inspection",
        "layers",
        "networks",
        "runtime",
        "sequences_networks",
        "shards",
        "training",
        "vae",
    )
]


def main(words):
    """Test every backend that is installed; exit with 1 where something failed or none is."""
    chapters = choose(words)
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    for name in BACKENDS.keys() - installed:
        print(
            f"{BACKENDS[name]} is not installed and not tested; "
            ".venv/bin/python -m pip install -r requirements-backends.txt installs it"
        )
    failed = [
        f"{BACKENDS[name]}: {what}" for name in installed for what in failures(name, chapters)
    ]
    for what in failed:
        print(f"failed on {what}")
    if failed or not installed:
        sys.exit(1)
    tested = " and ".join(BACKENDS[name] for name in installed)
    left_out = ", ".join(BACKENDS[name] for name in BACKENDS if name not in installed)
    print(
        f"aeutils and {len(chapters)} of {len(choose([]))} chapters work on "
        f"{tested}; not tested: {left_out or 'none'}"
    )


def failures(backend, chapters):
    """Run the tests and the chapters on one backend; yield what failed."""
    # the kernels that chapters run in take it from here, too
    os.environ["KERAS_BACKEND"] = backend
    print(f"{BACKENDS[backend]}: tests of aeutils", flush=True)
    if subprocess.call([sys.executable, "-m", "pytest", "-q", *TESTS], cwd=NOTEBOOKS.parent):
        yield "tests of aeutils"
    for path in chapters:
        began = time.perf_counter()
        try:
            notebook, _ = run(path)
            problem = "".join(map(stderr_of, notebook.cells))
        except CellExecutionError as error:
            problem = str(error)
        seconds = time.perf_counter() - began
        print(f"{BACKENDS[backend]}: {path.stem}, {seconds:.0f} s", problem, flush=True)
        if problem:
            yield path.stem


def stderr_of(cell):
    """Return what a cell wrote to standard error."""
    return "".join(o.text for o in cell.get("outputs", []) if o.get("name") == "stderr")


if __name__ == "__main__":
    main(sys.argv[1:])
