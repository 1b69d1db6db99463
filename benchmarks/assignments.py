"""Seconds that grading the full solution of each assignment takes, as `make grade` does it."""

import sys

import results

sys.path.insert(0, str(results.FOLDER.parent / "tools"))
from classroom import grade, sandbox
from classroom.course import Course


def measure():
    """Return the seconds of each source notebook, by the name of its assignment."""
    course = Course(results.FOLDER.parent / "assignments")
    seconds = {}
    for name in course.names:
        # the solutions are the book's own: without a sandbox they may run as they are
        unsafe = bool(sandbox.missing())
        *_, passed = grade.run(
            course.reference(name),
            course.handed_out(name),
            name,
            course.source(name).parent,
            unsafe,
        )
        seconds[name] = round(passed)
        print(f"{name}: {passed:.0f} s", flush=True)
    return seconds


if __name__ == "__main__":
    results.write("assignments", {"seconds": measure()})
