"""Play a term through: collect, grade, be killed, mark, collect twice more, export.

    python benchmarks/term.py [--students 30] [--assignments 5] [--jobs 2]

It works in a folder of its own, on copies of the book's assignments, by the commands that a teacher
gives.  What is not as it should be ends it with a sentence; else it says how long each part took.
"""

import argparse
import csv
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import nbformat
import results

sys.path.insert(0, str(results.FOLDER.parent / "tools"))
from classroom import grades
from classroom.course import Course, graded

ROOT = results.FOLDER.parent
COMMAND = (sys.executable, "-m", "classroom")
BY_HAND = 3  # points that the teacher gives for each written answer


class Term:
    """A course of its own, and what is done with it.

    Parameters
    ----------
    root : path
        An empty folder.
    source : path
        The folder of the assignments' source notebooks.
    names : list of str
        The assignments to take from it.
    count : int
        Number of students; each third leaves one task out.
    jobs : int
        Number of submissions to grade at a time.
    command : sequence of str
        What runs the classroom's commands.
    give : callable, optional
        What is given the words of a command and returns what it prints; each is a process of its
        own else.
    """

    def __init__(self, root, source, names, count, jobs, command=COMMAND, give=None):
        for name in names:
            shutil.copytree(Path(source, name), Path(root, "source", name))
        self.course, self.jobs, self.command = Course(root), jobs, list(command)
        self._give = give or self._process
        self.students = [f"student{number:02d}" for number in range(count)]
        self.lazy = set(self.students[1::3])
        self.seconds = {}
        head = "student,name,email,canvas_id,login"
        people = [f'{s},"Last, {s}",{s}@school.example,{self._id(s)},{s}' for s in self.students]
        (self.course.root / "students.csv").write_text("\n".join([head, *people]) + "\n")

    def _id(self, student):
        return 1000 + self.students.index(student)

    def play(self):
        """Do all of it; return the seconds of each part."""
        total = len(self.students) * len(self.course.names)
        self.collect("collected", self.lazy)
        begun = self.grade_until_killed(total // 3)
        left = self.grade("graded on")
        expect(total - begun - self.jobs <= left <= total - begun, f"{left} were left to grade")
        self.look(self.lazy)
        self.mark()
        self.collect("collected again", self.lazy)
        expect(self.grade("graded again") == 0, "what has not changed was graded again")
        self.look(self.lazy, BY_HAND)
        late = min(self.lazy)
        self.collect("collected with one change", self.lazy - {late}, {late})
        expect(self.grade("the one graded") == len(self.course.names), "more than one was graded")
        self.look(self.lazy - {late}, BY_HAND)
        self.export(self.lazy - {late})
        return self.seconds

    def run(self, part, *words):
        """Give a command; return what it prints."""
        start = time.monotonic()
        told = self._give([*words, "--course", str(self.course.root)])
        self.seconds[part] = self.seconds.get(part, 0) + round(time.monotonic() - start, 1)
        return told

    def _process(self, words):
        command = [*self.command, *words]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True)
        expect(done.returncode == 0, f"{words}: {done.stdout[-1000:]}{done.stderr[-2000:]}")
        return done.stdout

    def collect(self, part, lazy, later=()):
        """Collect an archive of each assignment, as Canvas makes it."""
        for name in self.course.names:
            path = self.course.root / "download.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
                for student in self.students:
                    order = self._id(student) + 1000 * (student in later)
                    member = f"last{student}_{self._id(student)}_{order}_{name}.ipynb"
                    packed.writestr(member, self.work(name, student, student in lazy))
            self.run(part, "collect", name, "--from", str(path))

    def work(self, name, student, lazy):
        """Return what a student hands in: solutions, words of their own, perhaps a task less."""
        source = [cell for cell in nbformat.read(self.course.source(name), 4).cells if graded(cell)]
        answers = {c.metadata.nbgrader.grade_id: c.source for c in source if is_answer(c)}
        notebook = self.course.handed_out(name)
        own = [cell for cell in notebook.cells if graded(cell) and is_answer(cell)]
        code = [cell for cell in own if cell.cell_type == "code"]
        for cell in own:
            cell.source = f"In my own words, by {student}."
        for cell in code[1:] if lazy else code:
            cell.source = answers[cell.metadata.nbgrader.grade_id]
        for cell in code[:1] if lazy else []:
            cell.source = "pass  # no time"
        return nbformat.writes(notebook)

    def grade(self, part):
        """Grade; return how many there were to grade."""
        told = self.run(part, "grade", "--jobs", str(self.jobs))
        return int(re.search(r"(\d+) to grade", told).group(1))

    def grade_until_killed(self, after):
        """Grade so many, then kill the grader; return how many it had stored."""
        start = time.monotonic()
        command = [*self.command, "grade", "--jobs", str(self.jobs)]
        command += ["--course", str(self.course.root)]
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if line.startswith(f"[{after}/"):
                time.sleep(0.3)  # in the middle of the next
                process.send_signal(signal.SIGKILL)
                break
        process.communicate()
        expect(process.returncode == -signal.SIGKILL, "it had ended before it could be killed")
        self.seconds["graded until killed"] = round(time.monotonic() - start, 1)
        with sqlite3.connect(self.course.root / "gradebook.db") as database:
            told = database.execute("pragma integrity_check").fetchone()
        expect(told == ("ok",), f"the gradebook is damaged: {told}")
        return len(list(self.course.root.glob("autograded/*/*/grading.json")))

    def look(self, lazy, by_hand=0):
        """See that all marks are what they should be."""
        for name in self.course.names:
            tests = [c for c in self.course.reference(name).cells if graded(c) and not is_answer(c)]
            full = sum(c.metadata.nbgrader.get("points", 0) for c in tests)
            for student in self.students:
                row = grades.result(self.course, student, name)
                told = f"{student}, {name}: {row}"
                expect((row["by_tests"] < full) == (student in lazy), told)
                expect(row["score"] == row["by_tests"] + by_hand, told)
                expect(row["needs_manual_grade"] == (by_hand == 0), told)

    def mark(self):
        """Mark every written answer, as the panel in JupyterLab stores it."""
        with self.course.gradebook() as gradebook:
            for name in self.course.names:
                for student in self.students:
                    for part in gradebook.find_submission_notebook(name, name, student).grades:
                        if part.needs_manual_grade:
                            part.manual_score, part.needs_manual_grade = BY_HAND, False
            gradebook.db.commit()

    def export(self, lazy):
        """Write pages and tables, and see that everybody is in them with their mark."""
        self.run("feedback pages", "feedback")
        pages = list(self.course.root.glob("feedback/*/*/*.html"))
        n_students, n_names = len(self.students), len(self.course.names)
        expect(len(pages) == n_students * n_names, f"there are {len(pages)} pages")
        self.run("tables", "grades")
        plain = self.table("grades.csv")
        expect(len(plain) == 1 + n_students * n_names, f"grades.csv has {len(plain)} lines")
        canvas = self.table("grades_canvas.csv")[2:]
        expect([row[1] for row in canvas] == [str(self._id(s)) for s in self.students], "Canvas")
        expect(all(all(row[5:]) for row in canvas), "a mark is missing in the table for Canvas")
        for column, name in enumerate(self.course.names, 5):
            moodle = {row[0]: row[-1] for row in self.table(f"grades_moodle_{name}.csv")[1:]}
            same = {
                student: row[column] for student, row in zip(self.students, canvas, strict=True)
            }
            expect(moodle == same, f"Canvas and Moodle do not get the same marks of {name}")
            best = {
                student for student, mark in same.items() if mark == max(same.values(), key=float)
            }
            expect(best == set(self.students) - lazy, f"{name}: the best are {sorted(best)}")

    def table(self, name):
        """Return the rows of a table."""
        return list(csv.reader((self.course.root / name).read_text().splitlines()))


def is_answer(cell):
    """Tell whether students write in a cell."""
    return cell.metadata.nbgrader.solution


def environment():
    """Return the variables for a command."""
    paths = [str(ROOT / "tools"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def expect(condition, words):
    """End with the words where the condition does not hold."""
    if not condition:
        raise SystemExit(f"not as it should be: {words}")


def main():
    """Play the book's own course."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--assignments", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    source = ROOT / "assignments" / "source"
    names = sorted(path.name for path in source.iterdir())[: given.assignments]
    with tempfile.TemporaryDirectory() as root:
        seconds = Term(root, source, names, given.students, given.jobs).play()
    for part, passed in seconds.items():
        print(f"{part}: {passed:.0f} s")
    print("all as it should be")
    told = {"students": given.students, "assignments": names, "at_a_time": given.jobs}
    results.write("term", told | {"seconds": seconds})


if __name__ == "__main__":
    main()
