"""Run chapters from a fresh kernel and store their outputs; ``make execute`` runs this.

    python tools/execute.py [WORD ...]

runs the notebooks whose names hold one of the words, or all.  A chapter is replaced only after
its last cell has run; where a cell fails, its error is shown and the stored chapter stays.
"""

import base64
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from aeutils.core.files import atomic_path, atomic_write

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
COVERS = NOTEBOOKS.parent / "book" / "_static"


def run(path, on_cell=None):
    """Run a notebook from a fresh kernel, beside its file.

    Returns the executed notebook and the seconds that its cells took; ``on_cell`` is called with
    the number of each code cell before it runs.
    """
    notebook = nbformat.read(path, as_version=4)
    code_cells = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": path.parent}},
    )
    if on_cell is not None:
        client.on_cell_execute = lambda cell, cell_index: on_cell(
            code_cells.index(cell_index) + 1, len(code_cells)
        )
    began = time.perf_counter()
    client.execute()
    return notebook, time.perf_counter() - began


def store(notebook, path):
    """Write the notebook in place of the stored one, and its cover picture for other pages."""
    # the rest of language_info is the version of whoever ran it last
    notebook.metadata.language_info = {"name": "python", "file_extension": ".py"}
    with atomic_path(path) as partial:
        nbformat.write(notebook, partial)
    for cell in notebook.cells:
        if "cover-picture" in cell.metadata.get("tags", []):
            (png,) = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
            with atomic_write(COVERS / f"{path.stem}.png") as file:
                file.write(base64.b64decode(png))


def choose(words):
    """Return the chapters whose names hold one of the words, or all; exit for a word in no name."""
    chapters = sorted(NOTEBOOKS.glob("*.ipynb"))
    for word in words:
        if not any(word in path.stem for path in chapters):
            names = "\n  ".join(path.stem for path in chapters)
            sys.exit(f"No chapter has {word} in its name; the chapters are\n  {names}")
    return [path for path in chapters if not words or any(word in path.stem for word in words)]


def main(words):
    """Run and store the chapters whose names hold one of the words."""
    chosen = choose(words)
    for path in chosen:

        def progress(cell, n_cells, name=path.stem):
            print(f"{name}: cell {cell} of {n_cells}", end="\r", flush=True)

        try:
            notebook, seconds = run(path, progress)
        except CellExecutionError as error:
            sys.exit(f"\n{path.name} was left as it is, since a cell failed:\n{error}")
        store(notebook, path)
        print(f"{path.stem}: stored, {seconds:.0f} s" + " " * 20)
    print(f"Stored {len(chosen)} chapters in {NOTEBOOKS}")


if __name__ == "__main__":
    main(sys.argv[1:])
