"""Seconds that grading takes, as `make grade` does it: of each full solution, and of a class.

python benchmarks/assignments.py [solutions|scratch|class]: one of the three alone
"""

import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import results

sys.path.insert(0, str(results.FOLDER.parent / "tools"))
from classroom import grade, sandbox
from classroom.course import Course, graded

COURSE = Course(results.FOLDER.parent / "assignments")
# of the class: its assignment, how many hand in, how many that are begun from scratch
CLASS, LARGE, SMALL = "01_what_is_an_autoencoder", 30, 10
JOBS = 2
# the solutions are the book's own: without a sandbox they may run as they are
UNSAFE = bool(sandbox.missing())


def solutions():
    """Return the seconds of each full solution alone, by the name of its assignment."""
    seconds = {}
    for name in COURSE.names:
        *_, passed = grade.run(
            COURSE.reference(name),
            COURSE.handed_out(name),
            name,
            COURSE.source(name).parent,
            UNSAFE,
        )
        seconds[name] = round(passed)
        print(f"{name}: {passed:.0f} s", flush=True)
    return seconds


def scratch():
    """Return what a small class takes whose workers are begun from scratch."""
    warm, grade._warm = grade._warm, lambda *given: contextlib.nullcontext()
    try:
        return {"submissions": SMALL, "seconds": timed(SMALL)}
    finally:
        grade._warm = warm


def a_class():
    """Return what a class takes as it is graded."""
    told = {"assignment": CLASS, "at_a_time": JOBS, "submissions": LARGE}
    return told | {"seconds": timed(LARGE)}


@contextlib.contextmanager
def hand_in(count):
    """Make a course in which so many students handed in the full solution."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(COURSE.source(CLASS).parent, Path(folder, "source", CLASS))
        course = Course(folder)
        course.release(CLASS)
        source = nbformat.read(COURSE.source(CLASS), 4).cells
        answers = {c.metadata.nbgrader.grade_id: c.source for c in source if graded(c)}
        notebook = course.handed_out(CLASS)
        for cell in notebook.cells:
            if graded(cell) and cell.metadata.nbgrader.solution:
                cell.source = answers[cell.metadata.nbgrader.grade_id]
        for number in range(count):
            place = Path(folder, "submitted", f"student {number:02d}", CLASS)
            place.mkdir(parents=True)
            nbformat.write(notebook, place / f"{CLASS}.ipynb")
        yield course


def timed(count):
    """Return the seconds of a grading of so many."""
    for name in sandbox.THREADS:
        os.environ[name] = str(max(1, os.cpu_count() // JOBS))
    with hand_in(count) as course:
        start = time.monotonic()
        if grade.main(course, [CLASS], JOBS, UNSAFE):
            sys.exit("not all were graded")
        return round(time.monotonic() - start)


PARTS = {"solutions": ("seconds", solutions), "scratch": ("scratch", scratch)}
PARTS["class"] = ("class", a_class)

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        key, measure = PARTS[part]
        known = results.read("assignments")
        kept = {name: known[name] for name, _ in PARTS.values() if name in known}
        results.write("assignments", kept | {key: measure()})
