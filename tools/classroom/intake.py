"""Read what a student handed in, whatever it is."""

import difflib
import errno
import hashlib
import itertools
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from nbformat import v4

from classroom.reader import OUT_OF_MEMORY

SIZE_LIMIT = 50 * 2**20  # bytes of a notebook, pictures in its outputs included
READ_SECONDS = 30
# of all that lies in a submission's folder
FILES, BYTES, DEPTH = 5_000, 200 * 2**20, 20
NOTEBOOKS = 20  # that are looked into, where none has the assignment's name
# left by the systems of those who packed a folder, and by those who only looked into it
PACKING = {"__MACOSX", ".DS_Store", "Thumbs.db"}
LITTER = PACKING | {".ipynb_checkpoints"}


class UnreadableError(Exception):
    """A file is no notebook, or a folder cannot be taken; the text says why."""


def readable(name):
    """Return a name of any bytes as text that can be printed and stored; no two become one."""
    text = os.fsencode(name).replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if len(text.encode()) > 200:
        text = f"{text[:50]}… {hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}"
    return text


def contents(folder):
    """Return a digest of all that lies in a folder; links are not followed.

    What a look at the folder leaves in it changes nothing; it counts among the files all the same.

    Raises
    ------
    UnreadableError
        If there is more in it than is taken, or something cannot be read.
    """
    digest, files, size = hashlib.sha256(), 0, 0

    def add(*parts):
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)

    def ignore(*parts):
        pass

    def walk(place, depth, add):
        nonlocal files, size
        if depth > DEPTH:
            raise UnreadableError(f"its folders lie more than {DEPTH} deep in each other")
        entries = itertools.islice(os.scandir(place), FILES + 1)
        for entry in sorted(entries, key=lambda entry: os.fsencode(entry.name)):
            files += 1
            status = entry.stat(follow_symlinks=False)
            size += status.st_size if stat.S_ISREG(status.st_mode) else 0
            if files > FILES or size > BYTES:
                raise UnreadableError(
                    f"its folder holds more than {FILES:,} files and folders, "
                    f"or {BYTES / 2**20:.0f} MiB"
                )
            told = ignore if entry.name in LITTER else add
            told(os.fsencode(entry.name), str(stat.S_IFMT(status.st_mode)).encode())
            if entry.is_symlink():
                told(os.fsencode(os.readlink(entry.path)))
            elif entry.is_dir(follow_symlinks=False):
                walk(entry.path, depth + 1, told)
                told(b"the end of the folder")
            elif stat.S_ISREG(status.st_mode) and told is not ignore:
                told(content(entry.path, BYTES))

    try:
        if os.path.islink(folder) or os.path.islink(folder.parent):
            add(b"a link, which is not followed")
        elif os.path.isdir(folder):
            walk(folder, 0, add)
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from None
    return digest.hexdigest()


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
    return _find(folder, name, reference)[1:]


def changed(folder, name, reference):
    """Return when the notebook that `read` takes was changed, in seconds, or None.

    ``reference`` is a function that returns what the assignment looks like: where there is one
    notebook alone, nothing has to be read.  Links are not followed.
    """
    try:
        files = _candidates(folder, name)
        if len(files) > 1:
            files = [file for file in _find(folder, name, reference())[:1] if file]
        status = os.lstat(folder / files[0]) if files else None
    except (OSError, UnreadableError):
        return None
    return status.st_mtime if status and stat.S_ISREG(status.st_mode) else None


def _find(folder, name, reference):
    """Return the name of the file that is meant, and what `read` does."""
    wanted = {
        cell.metadata.nbgrader.grade_id
        for cell in reference.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    try:
        files = _candidates(folder, name)
    except UnreadableError as error:
        return None, None, str(error)
    problems, others = [], []
    for file in files[:NOTEBOOKS]:
        try:
            notebook = _load(folder / file)
        except UnreadableError as error:
            problems.append(f"{readable(file)} could not be read: {error}")
            continue
        notes = [_name_cells(notebook, reference)]
        found = wanted & {cell.metadata.nbgrader.grade_id for cell in notebook.cells}
        if file == f"{name}.ipynb" and found:
            missing = len(wanted) - len(found)
            notes += [f"{missing} of its answer cells are missing"] if missing else []
            return file, notebook, "; ".join(filter(None, notes))
        if 2 * len(found) > len(wanted):
            notes.append(f"handed in under the name {readable(file)}")
            others.append((file, notebook, "; ".join(filter(None, notes))))
        else:
            problems.append(f"{readable(file)} is not this assignment")
    if len(others) == 1:
        return others[0]
    if others:
        meant = ", ".join(readable(other[0]) for other in others)
        problems = [f"several notebooks could be meant: {meant}"]
    if len(files) > NOTEBOOKS:
        problems = [f"{len(files):,} notebooks, of which none is called {name}.ipynb"]
    return None, None, "; ".join(problems) or "there is no notebook"


def _candidates(folder, name):
    """Return what may be notebooks in a folder, that of the assignment's name first."""
    if folder.is_symlink() or folder.parent.is_symlink() or not folder.is_dir():
        raise UnreadableError("not a folder of its own")
    try:
        files = _notebooks(folder)
        if not files:  # unpacked, with a folder around it
            folders = [
                entry.name
                for entry in os.scandir(folder)
                if entry.is_dir(follow_symlinks=False) and entry.name not in LITTER
            ]
            below = sorted(folders, key=os.fsencode)[:NOTEBOOKS]
            files = [
                os.path.join(place, file) for place in below for file in _notebooks(folder / place)
            ]
    except OSError as error:
        raise UnreadableError(f"its folder could not be read: {error.strerror}") from None
    return sorted(files, key=lambda file: (file != f"{name}.ipynb", os.fsencode(file)))


def _notebooks(folder):
    """Return the names of what may be notebooks; browsers add endings to them."""
    names = [entry.name for entry in os.scandir(folder)]
    return [name for name in names if ".ipynb" in name.lower() and not name.startswith(".")]


def _name_cells(notebook, reference):
    """Give the cells their names back where all of them were lost; return a note."""
    if any(cell.metadata.nbgrader.grade_id for cell in notebook.cells):
        return ""
    old = [(cell.cell_type, cell.source.strip()) for cell in reference.cells]
    new = [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]
    named = 0
    for what, i, i_end, j, j_end in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        # between texts and tests that are as they were, answers stand in their order
        for kind in ("code", "markdown") if what in ("equal", "replace") else ():
            here = [cell for cell in reference.cells[i:i_end] if cell.cell_type == kind]
            there = [cell for cell in notebook.cells[j:j_end] if cell.cell_type == kind]
            for cell, other in zip(here, there, strict=False):
                told = cell.metadata.get("nbgrader", {})
                if told.get("solution") or (told and what == "equal"):
                    other.metadata.nbgrader.grade_id = told["grade_id"]
                    named += told["solution"]
    return "its cells had lost their names; answers were found by their places" if named else ""


def content(path, largest):
    """Return the bytes of an ordinary file without following links or waiting for a pipe."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        link = error.errno == errno.ELOOP
        raise UnreadableError("it is a link" if link else error.strerror or str(error)) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UnreadableError("it is not an ordinary file")
    with open(handle, "rb") as file:
        found = file.read(largest + 1)
    if len(found) > largest:
        raise UnreadableError(f"it is larger than {largest / 2**20:.0f} MiB")
    return found


def _load(path):
    """Read a notebook, in a process of its own that may die of it."""
    text = content(path, SIZE_LIMIT)
    program = [sys.executable, "-m", "classroom.reader"]
    try:
        done = subprocess.run(
            program, input=text, capture_output=True, timeout=READ_SECONDS, env=_environment()
        )
    except subprocess.TimeoutExpired:
        raise UnreadableError(f"it takes longer than {READ_SECONDS} s to be read") from None
    if done.returncode == OUT_OF_MEMORY or done.returncode < 0:
        raise UnreadableError("it takes more memory than it is given to be read")
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UnreadableError(readable(f"the program that reads it failed, {''.join(last)[:150]}"))
    answer = json.loads(done.stdout)
    if isinstance(answer, str):
        raise UnreadableError(answer)
    new = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell}
    return v4.new_notebook(
        cells=[
            new[kind](source, metadata={"nbgrader": {"grade_id": grade_id}})
            for kind, source, grade_id in answer
        ]
    )


def _environment():
    return os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
