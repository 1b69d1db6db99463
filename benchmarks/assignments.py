"""Seconds that grading takes, as `make grade` does it: of each full solution, and of a class.

python benchmarks/assignments.py [solutions|class]: one of the two alone
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


def a_class():
    """Return the seconds of a class, and of a smaller one whose workers are begun from scratch."""
    for name in sandbox.THREADS:
        os.environ[name] = str(max(1, os.cpu_count() // JOBS))
    told = {"assignment": CLASS, "at_a_time": JOBS}
    with hand_in(SMALL) as course:
        warm, grade._warm = grade._warm, lambda *given: contextlib.nullcontext()
        told |= {"from_scratch": SMALL, "seconds_from_scratch": timed(course)}
        grade._warm = warm
    with hand_in(LARGE) as course:
        told |= {"forked": LARGE, "seconds_forked": timed(course)}
    return told


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


def timed(course):
    """Return the seconds of a grading of all that was handed in."""
    start = time.monotonic()
    if grade.main(course, [CLASS], JOBS, UNSAFE):
        sys.exit("not all were graded")
    return round(time.monotonic() - start)


if __name__ == "__main__":
    parts = {"solutions": ("seconds", solutions), "class": ("class", a_class)}
    chosen = sys.argv[1:] or list(parts)
    measured = {} if len(chosen) == len(parts) else results.read("assignments")
    for key in ("date", "processor", "on"):
        measured.pop(key, None)
    results.write("assignments", measured | {parts[c][0]: parts[c][1]() for c in chosen})
