"""Read what a student handed in, whatever it is."""

import json
import os
import stat

import nbformat
from nbformat import v4

SIZE_LIMIT = 50 * 2**20  # bytes of a notebook, pictures in its outputs included


class UnreadableError(Exception):
    """A file is no notebook; the text says why."""


def read(folder, name, reference):
    """Find and read the notebook of an assignment in a submission.

    Parameters
    ----------
    folder : Path
        What was handed in.
    name : str
        The assignment.
    reference : notebook
        What the assignment looks like.

    Returns
    -------
    notebook : notebook or None
        Types and sources of its cells and their grade_ids, nothing else; None where no notebook
        of this assignment is there.
    note : str
        What the teacher should know about it; empty where all is as it should be.
    """
    wanted = {
        cell.metadata.nbgrader.grade_id
        for cell in reference.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    if folder.is_symlink() or folder.parent.is_symlink() or not folder.is_dir():
        return None, "not a folder of its own"
    files = [entry.name for entry in os.scandir(folder) if entry.name.endswith(".ipynb")]
    problems, others = [], []
    for file in sorted(files, key=lambda file: (file != f"{name}.ipynb", file)):
        try:
            notebook = _load(folder / file)
        except UnreadableError as error:
            problems.append(f"{file} could not be read: {error}")
            continue
        found = wanted & {cell.metadata.nbgrader.grade_id for cell in notebook.cells}
        if file == f"{name}.ipynb" and found:
            missing = len(wanted) - len(found)
            return notebook, f"{missing} of its answer cells are missing" if missing else ""
        if 2 * len(found) > len(wanted):
            others.append((file, notebook))
        else:
            problems.append(f"{file} is not this assignment")
    if len(others) == 1:
        return others[0][1], f"handed in under the name {others[0][0]}"
    if others:
        problems = [f"several notebooks could be meant: {', '.join(file for file, _ in others)}"]
    return None, "; ".join(problems) or "there is no notebook"


def _load(path):
    """Read a notebook without following links or waiting for a pipe."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableError("it is not an ordinary file")
            if status.st_size > SIZE_LIMIT:
                raise UnreadableError(f"it is larger than {SIZE_LIMIT / 2**20:.0f} MiB")
            text = file.read().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(str(getattr(error, "strerror", None) or error)) from None
    if not text.strip():
        raise UnreadableError("it is empty")
    try:
        old = nbformat.from_dict(json.loads(text))
        if old.nbformat < 4:
            old = nbformat.convert(old, 4)
        return v4.new_notebook(cells=[_plain(cell) for cell in old.cells])
    except json.JSONDecodeError as error:
        raise UnreadableError(f"broken JSON ({error.msg}, line {error.lineno})") from None
    except Exception as error:  # a file can be wrong in more ways than can be listed
        raise UnreadableError(f"not a notebook ({type(error).__name__})") from None


def _plain(cell):
    """Return a cell with its source and grade_id alone."""
    source = cell.source if isinstance(cell.source, str) else "".join(cell.source)
    # half a character, which JSON can hold and no file can
    source = source.encode("utf-8", "replace").decode("utf-8")
    new = v4.new_code_cell if cell.cell_type == "code" else v4.new_markdown_cell
    told = cell.get("metadata", {}).get("nbgrader", {})
    return new(source, metadata={"nbgrader": {"grade_id": str(told.get("grade_id", ""))}})
