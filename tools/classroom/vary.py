"""Data of their own for each student: one number in a locked cell of the source.

A source notebook that has a line

    SEED = 0  ### SEED OF THE STUDENT

in a locked cell is released once for each person in `students.csv`, with a number of the person's
own in the line.  The grader puts the same number into the reference, so that whatever a submission
has in its place does not count: the number follows from the name of the student's folder, the
assignment and the key in `course.toml`.
"""

import copy
import hashlib
import re

import nbformat

from classroom import tables
from classroom.course import write

MARK = re.compile(r"^([A-Z_]+ = )\d+( {2}### SEED OF THE STUDENT)$", re.MULTILINE)
LARGEST = 10**6


def key(course):
    """Return the words that a teacher changes every term, ``[vary] key`` in ``course.toml``."""
    settings = tables.settings(course)
    if settings is None:
        return ""
    found = settings.values.get("vary", {})
    for other in found.keys() - {"key"} if isinstance(found, dict) else ():
        raise settings.error(["vary", other], "not known here, key is")
    found = found.get("key", "") if isinstance(found, dict) else None
    if not isinstance(found, str):
        raise settings.error(["vary", "key"], "it has to be a text in a table, [vary]")
    return found


def is_varied(notebook):
    """Tell whether a notebook has a line for a number of each student's own."""
    return any(_has_line(cell) for cell in notebook.cells)


def number(words, student, name):
    """Return the number of a student for an assignment."""
    text = "\0".join((words, student, name))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % LARGEST


def with_number(notebook, number):
    """Return a copy of a notebook with this number in its line."""
    changed = copy.deepcopy(notebook)
    for cell in filter(_has_line, changed.cells):
        cell.source = MARK.sub(rf"\g<1>{number}  # yours alone: it makes your data", cell.source)
    return changed


def hand_out(course, name):
    """Write the notebook of each person in ``students.csv``; return their folder, or None.

    None where all students have the same.
    """
    released = nbformat.read(course.root / "release" / name / f"{name}.ipynb", 4)
    if not is_varied(released):
        return None
    folder, words = course.root / "release_each", key(course)
    for student in tables.roster(course):
        text = nbformat.writes(with_number(released, number(words, student, name)))
        write(folder / student / name / f"{name}.ipynb", text)
    return folder


def _has_line(cell):
    locked = cell.metadata.get("nbgrader", {}).get("locked")
    return bool(cell.cell_type == "code" and locked and MARK.search(cell.source))
