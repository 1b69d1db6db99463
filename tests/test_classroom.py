"""A course from release to grades, handed in by honest and by hostile students."""

import csv
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from classroom import feedback, grade, grades, intake, sandbox, submission, warm
from classroom.course import Course, CourseError
from nbformat import v4
from sandboxes import LIGHT, needs_sandbox

ROOT = Path(__file__).resolve().parent.parent

NAME = "01_small"
SOLUTION = {
    "double": "def double(x):\n    return 2 * x",
    "total": "def total(x):\n    return sum(x)",
}


def told(grade_id, points=None, solution=False):
    metadata = {"grade_id": grade_id, "locked": not solution, "schema_version": 3, "task": False}
    metadata |= {"solution": solution, "grade": points is not None}
    return {"nbgrader": metadata | ({} if points is None else {"points": points})}


def source_notebook():
    """Two functions, worth 2 and 3 points, and a text worth 4."""
    code, text = v4.new_code_cell, v4.new_markdown_cell
    cells = [
        text("# A small assignment", metadata=told("text-title")),
        code("import numpy as np\nfactor = 2", metadata=told("setup")),
    ]
    for (name, solution), points in zip(SOLUTION.items(), (2, 3), strict=True):
        head, body = solution.split("\n")
        marked = f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
        cells.append(code(marked, metadata=told(name, solution=True)))
        given = {"double": (3, 6, 50, 100), "total": ([1, 2], 3, [5, 6, 7], 18)}[name]
        test = (
            f"got = {name}({given[0]})\nnp.testing.assert_equal(got, {given[1]}, 'wrong sum')\n"
            f"### BEGIN HIDDEN TESTS\nsecret_{name} = {name}({given[2]})\n"
            f"assert secret_{name} == {given[3]}, 'another input fails'\n### END HIDDEN TESTS"
        )
        cells.append(code(test, metadata=told(f"test-{name}", points)))
    answer = "### BEGIN SOLUTION\nBecause of the model answer.\n### END SOLUTION"
    cells.append(text(answer, metadata=told("answer", 4, solution=True)))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return v4.new_notebook(cells=cells, metadata=kernel)


def answered(course, extra=(), drop=(), **answers):
    """Return the released notebook with answers in it and cells added to its end."""
    notebook = nbformat.read(course.root / "release" / NAME / f"{NAME}.ipynb", 4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.nbgrader.grade_id.replace("-", "_"), cell.source)
    notebook.cells = [c for c in notebook.cells if c.metadata.nbgrader.grade_id not in drop]
    notebook.cells += [v4.new_code_cell(source) for source in extra]
    return notebook


def first(source):
    """Return both solutions with something done before the first."""
    return SOLUTION | {"double": f"{source}\n{SOLUTION['double']}"}


STOPS = "def double(x):\n    "
CHEATS = """
import builtins, sys, numpy.testing
numpy.testing.assert_equal = lambda *given, **more: None
np.testing.assert_equal = numpy.testing.assert_equal
class Same(int):
    __eq__ = lambda self, other: True
def double(x): return Same(1)
def total(x): return Same(1)
builtins.AssertionError = type("Never", (Exception,), {})
"""
READS = """
import os
seen = []
for place in ("SUBMITTED", "ROOT", "/submission/..", "/home/student/.."):
    for path in ("gradebook.db", "source/01_small/01_small.ipynb", "full/01_small/01_small.ipynb"):
        try:
            seen.append(open(place + "/" + path).read())
        except OSError:
            pass
    seen += [name for name in ("full", "source") if os.path.exists(place + "/" + name)]
print("SEEN", seen)
"""
SCRIPT = "<script>alert(1)</script> <img src=http://a.example/b.png>"
# student: the answers, the points of the tests
CODE = {
    "full": (SOLUTION, 5),
    "untouched": ({}, 0),
    "partial": ({"double": SOLUTION["double"]}, 2),
    "visible only": ({"double": STOPS + "return 6", "total": "def total(x): return 3"}, 0),
    "syntax": ({"double": "def double(x:", "total": SOLUTION["total"]}, 3),
    "endless": (first("while True: pass"), 3),
    "endless function": (SOLUTION | {"double": STOPS + "while True: pass"}, 3),
    "memory": (SOLUTION | {"double": "block = ' ' * 10**12"}, 3),
    "memory hog": (SOLUTION | {"double": "block = []\nwhile True: block.append(' ' * 10**7)"}, 3),
    "fork bomb": (SOLUTION | {"double": "import os\nwhile True: os.fork()"}, 3),
    "gigabyte": (first("for i in range(1000): print('x' * 10**6)"), 5),
    "edits tests": (SOLUTION | {"double": STOPS + "return 0", "test_double": "pass"}, 3),
    "edits setup": (SOLUTION | {"double": STOPS + "return 0", "setup": "double = None"}, 3),
    "patches": ({"double": CHEATS, "total": "pass"}, 0),
    "exits": (first("import sys; sys.exit(0)"), 3),
    "os exit": (first("import os; os._exit(0)"), 3),
    "exits later": (SOLUTION | {"double": STOPS + "import os; os._exit(0)"}, 3),
    "kills": (first("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), 3),
    "reads": (SOLUTION | {"double": f"{READS}\n{SOLUTION['double']}"}, 5),
    "Ünï côde 学生 [1]": (SOLUTION, 5),
    "half a character": (first("print('\\udc80')"), 5),
    "odd output": (first("display({'image/png': [1]}, raw=True)"), 5),
    "file of a gigabyte": (first("open('big', 'wb').write(bytes(10**9))"), 3),
    "mails": (SOLUTION | {"answer": "[x](javascript:alert(1)) <javascript:alert(2)>"}, 5),
    "=cmd()": (
        SOLUTION | {"answer": SCRIPT},
        5,
    ),
}


def files(course):
    """Return submissions that are no ordinary notebook: what they are, points, part of the note."""
    full = nbformat.writes(answered(course, **SOLUTION))
    wrong_kernel = answered(course, **SOLUTION)
    wrong_kernel.metadata.kernelspec.name = "matlab"
    return {
        "renamed": ({"My solution (2).ipynb": full}, 5, "under the name"),
        "broken": ({f"{NAME}.ipynb": full[: len(full) // 2]}, 0, "broken JSON"),
        "empty": ({f"{NAME}.ipynb": ""}, 0, "empty"),
        "not utf-8": ({f"{NAME}.ipynb": b"\xff\xfe\x00"}, 0, "could not be read"),
        "no notebook": ({f"{NAME}.ipynb": "[1, 2]"}, 0, "not a notebook"),
        "wrong file": ({"holiday.txt": "sun"}, 0, "no notebook"),
        "other notebook": ({"x.ipynb": nbformat.writes(v4.new_notebook())}, 0, "not this"),
        "wrong kernel": ({f"{NAME}.ipynb": nbformat.writes(wrong_kernel)}, 5, ""),
        "deletes tests": (
            {f"{NAME}.ipynb": nbformat.writes(answered(course, drop=["test-double"], **SOLUTION))},
            5,
            "",
        ),
        "deletes answers": (
            {f"{NAME}.ipynb": nbformat.writes(answered(course, drop=["total", "answer"]))},
            0,
            "missing",
        ),
        "copies an answer": (
            {f"{NAME}.ipynb": nbformat.writes(with_more(course, "def double(x): return 0"))},
            5,
            "all taken: double",
        ),
        "a first attempt that is no Python": (
            {f"{NAME}.ipynb": nbformat.writes(with_more(course, "def double(x:"))},
            5,
            "all taken: double",
        ),
        "a first attempt that never ends": (
            {f"{NAME}.ipynb": nbformat.writes(with_more(course, "while True: pass"))},
            5,
            "all taken: double",
        ),
        "splits an answer": (
            {f"{NAME}.ipynb": nbformat.writes(with_more(course, "factor = 2"))},
            5,
            "all taken: double",
        ),
        "no metadata": (
            {f"{NAME}.ipynb": nbformat.writes(without_metadata(answered(course, **SOLUTION)))},
            5,
            "lost their names",
        ),
        "many lists": (
            {f"{NAME}.ipynb": '{"nbformat": 4, "cells": [' + "[]," * 10**6 + "[]]}"},
            0,
            "could not be read",
        ),
        "deep": ({f"{NAME}.ipynb": "[" * 10**6}, 0, "nested too deep"),
        "odd cells": ({f"{NAME}.ipynb": '{"nbformat": 4, "cells": [{"source": 7}]}'}, 0, "a cell"),
        "many cells": (
            {f"{NAME}.ipynb": nbformat.writes(answered(course, ["1"] * 2500, **SOLUTION))},
            0,
            "more than 2,000 cells",
        ),
        "large files": (
            {f"{NAME}.ipynb": full, "film.mp4": bytes(10)},
            5,
            "without its other files",
        ),
        os.fsdecode(b"bytes \xff \x1b[31m"): ({f"{NAME}.ipynb": full}, 5, ""),
        "own file": (
            {
                f"{NAME}.ipynb": nbformat.writes(
                    answered(course, **SOLUTION | {"double": "from helper import double"})
                ),
                "helper.py": SOLUTION["double"],
            },
            5,
            "",
        ),
    }


def with_more(course, source):
    """Return a right notebook with another cell of the same answer before its own."""
    notebook = answered(course, **SOLUTION)
    at = next(i for i, cell in enumerate(notebook.cells) if "return 2 * x" in cell.source)
    notebook.cells.insert(at, v4.new_code_cell(source, metadata=notebook.cells[at].metadata))
    return notebook


def without_metadata(notebook):
    for cell in notebook.cells:
        cell.metadata = {}
    return notebook


def hand_in(course, student, contents):
    folder = course.root / "submitted" / student / NAME
    folder.mkdir(parents=True)
    for name, content in contents.items():
        content = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def new_course(tmp_path_factory):
    """Return a function that makes a released course: a copy, since nbgrader takes its time."""
    first = tmp_path_factory.mktemp("course")
    path = first / "source" / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(source_notebook(), path)
    Course(first).release(NAME)

    def copy(folder):
        shutil.copytree(first, folder, dirs_exist_ok=True)
        return Course(folder)

    return copy


@pytest.fixture(scope="module", autouse=True)
def light():
    """All workers are forked, from a process that has imported what these submissions need."""
    if sandbox.missing():
        yield
        return
    with warm.forks(LIGHT):
        yield


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(submission, "CELL_SECONDS", 4)
    monkeypatch.setattr(submission, "CALL_SECONDS", 3)


@pytest.fixture(scope="module")
def graded(tmp_path_factory, new_course):
    """A course with all submissions, graded once; its expected points."""
    course = new_course(tmp_path_factory.mktemp("my course"))
    expected = {}
    for student, (answers, points) in CODE.items():
        if student == "reads":
            text = answers["double"].replace("SUBMITTED", str(course.root / "submitted"))
            answers = answers | {"double": text.replace("ROOT", str(course.root))}
        answers = {"answer": "My own words."} | answers if answers else answers
        notebook = answered(course, **answers)
        hand_in(course, student, {f"{NAME}.ipynb": nbformat.writes(notebook)})
        expected[student] = points, ""
    for student, (contents, points, note) in files(course).items():
        hand_in(course, student, contents)
        expected[intake.readable(student)] = points, note
    link = course.root / "submitted" / "link" / NAME
    link.mkdir(parents=True)
    (link / f"{NAME}.ipynb").symlink_to(course.root / "submitted" / "full" / NAME / f"{NAME}.ipynb")
    os.mkfifo(link / "pipe.ipynb")
    expected["link"] = 0, "could not be read"
    (course.root / "submitted" / "linked folder").mkdir()
    (course.root / "submitted" / "linked folder" / NAME).symlink_to(
        course.root / "submitted" / "full" / NAME
    )
    expected["linked folder"] = 0, "not a folder"
    (course.root / "submitted" / "linked system").mkdir()
    (course.root / "submitted" / "linked system" / NAME).symlink_to("/proc")
    expected["linked system"] = 0, "not a folder"
    (course.root / "submitted" / "system").symlink_to("/proc")
    # as large as it likes, without taking the room
    os.truncate(course.root / "submitted" / "large files" / NAME / "film.mp4", 10**12)
    (course.root / "submitted" / "notes.txt").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submission, "CELL_SECONDS", 8)
        patch.setattr(submission, "CALL_SECONDS", 5)
        patch.setattr(sandbox, "MEMORY", 2**30)
        before = listing(course.root)
        failed = grade.main(course, [NAME], jobs=3, unsafe=False)
    assert failed == 0
    assert listing(course.root) == before, "a submission or a source was changed"
    return course, expected


def grading_program():
    """Return a program that gives the classroom's commands, with workers that lack Keras."""
    return (
        "from classroom import __main__, warm\nfrom sandboxes import LIGHT\n"
        "with warm.forks(LIGHT): __main__.main()"
    )


def listing(root):
    paths = [*root.glob("source/**/*"), *root.glob("submitted/**/*")]
    return {path: os.lstat(path).st_mtime_ns for path in paths}


@needs_sandbox
def test_every_submission_gets_the_points_it_earned(graded):
    course, expected = graded
    rows = {student: grades.result(course, student, NAME) for student in expected}
    assert {s: row["by_tests"] for s, row in rows.items()} == {s: e[0] for s, e in expected.items()}
    for student, (_, note) in expected.items():
        assert note in rows[student]["note"], student
    assert rows["full"]["needs_manual_grade"]
    assert not rows["untouched"]["needs_manual_grade"], "no answer needs no reader"
    assert rows["untouched"]["score"] == 0
    assert rows["full"]["max_score"] == 9


@needs_sandbox
def test_no_submission_saw_what_is_not_its_own(graded):
    course, _ = graded
    executed = course.graded_notebook("reads", NAME).read_text()
    assert "SEEN []" in executed


@needs_sandbox
def test_grading_again_grades_what_changed_alone(graded, capsys, quick):
    course, expected = graded
    grade.main(course, [NAME], jobs=2, unsafe=False)
    assert f"{len(expected)} submissions, 0 to grade" in capsys.readouterr().out
    path = course.root / "submitted" / "visible only" / NAME / f"{NAME}.ipynb"
    kept = path.read_text()
    path.write_text(nbformat.writes(answered(course, answer="mine", **SOLUTION)))
    grade.main(course, [NAME], jobs=2, unsafe=False)
    out = capsys.readouterr().out
    assert "1 to grade" in out
    assert "[1/1] visible only, 01_small: 5 of 9, written answer to be marked" in out
    path.write_text(kept)
    grade.main(course, [NAME], jobs=2, unsafe=False)
    assert grades.result(course, "visible only", NAME)["by_tests"] == 0


@needs_sandbox
def test_the_teachers_mark_is_kept_and_counts(graded, capsys, quick):
    course, _ = graded
    with course.gradebook() as gradebook:
        part = gradebook.find_grade("answer", NAME, NAME, "full")
        part.manual_score, part.needs_manual_grade = 3, False
        gradebook.db.commit()
    row = grades.result(course, "full", NAME)
    assert (row["score"], row["needs_manual_grade"]) == (8, False)
    folder = course.root / "submitted" / "full" / NAME
    path = folder / f"{NAME}.ipynb"
    # collected once more: other times, the same contents
    kept = path.read_bytes()
    path.unlink()
    path.write_bytes(kept)
    grade.main(course, [NAME], jobs=2, unsafe=False)
    assert ", 0 to grade" in capsys.readouterr().out
    # another file beside the same answer: graded again, and the mark of the answer still holds
    (folder / "more.txt").write_text("x")
    grade.main(course, [NAME], jobs=2, unsafe=False)
    row = grades.result(course, "full", NAME)
    assert (row["score"], row["needs_manual_grade"]) == (8, False)
    # another answer is to be marked again
    path.write_text(nbformat.writes(answered(course, answer="Other words.", **SOLUTION)))
    grade.main(course, [NAME], jobs=2, unsafe=False)
    assert grades.result(course, "full", NAME)["needs_manual_grade"]


@needs_sandbox
def test_one_student_can_be_graded_anew(graded, capsys, quick):
    course, _ = graded
    grade.main(course, [NAME], 1, False, "partial")
    assert "1 submissions, 1 to grade" in capsys.readouterr().out
    with pytest.raises(CourseError, match="no submission of 'nobody'"):
        grade.main(course, [NAME], 1, False, "nobody")


@needs_sandbox
def test_what_cannot_be_graded_keeps_its_earlier_mark(graded, capsys, monkeypatch, quick):
    course, _ = graded
    before = grades.result(course, "partial", NAME)
    (course.root / "submitted" / "partial" / NAME / "more.txt").write_text("x")

    def fails(*given):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(grade, "run", fails)
        assert grade.main(course, [NAME], jobs=1, unsafe=False) == 1
    assert "its earlier mark is kept" in capsys.readouterr().out
    assert grades.result(course, "partial", NAME) == before
    (course.root / "submitted" / "partial" / NAME / "more.txt").unlink()


@needs_sandbox
def test_feedback_shows_the_messages_but_no_hidden_test_and_no_script(graded):
    course, expected = graded
    pages = feedback.main(course, [NAME])
    assert len(pages) == len(expected)
    for page in pages:
        html = page.read_text()
        assert "secret_double" not in html
        assert "<script" not in html
        assert "Because of the model answer" not in html
        assert not re.search(r'href="\s*javascript', html, re.IGNORECASE)
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
        assert policy.startswith("default-src 'none'")
    page = (course.root / "feedback" / "visible only" / NAME / f"{NAME}.html").read_text()
    assert "another input fails" in page
    renamed = (course.root / "feedback" / "renamed" / NAME / f"{NAME}.html").read_text()
    assert "handed in under the name" in renamed


@needs_sandbox
def test_the_tables_hold_everybody_and_no_formula(graded, capsys):
    course, expected = graded
    (course.root / "students.csv").write_text(
        "student,name,email,canvas_id,sis_id,login\n"
        'full,"Noether, Emmy",emmy@a.example,17,S1,emmy\nabsent,Carl,c@a.example,18,S2,carl\n'
        "untouched,Untouched,u@a.example,19,,untouched\n"
    )
    paths = grades.main(course, [NAME])
    tables = {path.name: list(csv.reader(path.read_text().splitlines())) for path in paths}
    plain = {row[0]: row for row in tables["grades.csv"][1:]}
    assert len(plain) == len(expected) + 1
    assert plain["absent"][2:6] == ["", "", "", ""]
    assert plain["partial"][2:6] == ["2", "9", "2", "yes"]
    assert "'=cmd()" in plain
    head, points, *canvas = tables["grades_canvas.csv"]
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME]
    assert points == ["    Points Possible", "", "", "", "", "9"]
    assert [row[:4] for row in canvas] == [
        ["Noether, Emmy", "17", "S1", "emmy"],
        ["Carl", "18", "S2", "carl"],
        ["Untouched", "19", "", "untouched"],
    ]
    assert canvas[1][-1] == "", "nothing handed in is no zero"
    assert canvas[2][-1] == "0"
    # a column that is blank for somebody identifies nobody
    moodle = tables[f"grades_moodle_{NAME}.csv"]
    assert moodle[0] == ["Username", "Email address", NAME]
    assert ["untouched", "u@a.example", "0"] in moodle
    assert all(row[-1] for row in moodle), "a blank would be read as 0"
    assert len(moodle) == 2 + (canvas[0][-1] != "")
    out = capsys.readouterr().out
    assert "partial is not in students.csv" in out
    assert "wait for a written answer" in out
    (course.root / "students.csv").write_text("name\nCarl\n")
    with pytest.raises(CourseError, match="first line has to name"):
        grades.main(course, [NAME])
    (course.root / "students.csv").unlink()


# of the second submission the points are in the gradebook, but not yet that all of it is there
KILLED_WHILE_STORING = """
import os, signal
from classroom import grade
settle, stored = grade._settle, []

def settle_once(*given):
    if stored:
        os.kill(os.getpid(), signal.SIGKILL)
    stored.append(settle(*given))

grade._settle = settle_once
"""


@needs_sandbox
def test_a_killed_grading_leaves_a_gradebook_from_which_it_goes_on(tmp_path, new_course):
    course = new_course(tmp_path / "course")
    notebook = nbformat.writes(answered(course, **SOLUTION))
    for number in range(3):
        hand_in(course, f"student {number}", {f"{NAME}.ipynb": notebook})
    command = [sys.executable, "-c", grading_program(), "grade", "--course", str(course.root)]
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("tools", "tests"))
    environment = os.environ | {"PYTHONPATH": paths}
    first = [sys.executable, "-c", KILLED_WHILE_STORING + command[2], *command[3:], "--jobs", "1"]
    done = subprocess.run(first, env=environment, stdout=subprocess.DEVNULL)
    assert done.returncode == -signal.SIGKILL
    with sqlite3.connect(course.root / "gradebook.db") as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "3 submissions, 2 to grade" in done.stdout
    results = [grades.result(course, f"student {number}", NAME) for number in range(3)]
    assert [row["by_tests"] for row in results] == [5] * 3


def test_without_a_sandbox_grading_is_refused_unless_told_otherwise(
    tmp_path, monkeypatch, quick, new_course
):
    course = new_course(tmp_path / "course")
    hand_in(course, "full", {f"{NAME}.ipynb": nbformat.writes(answered(course, **SOLUTION))})
    endless = SOLUTION | {"total": "while True: pass"}
    hand_in(course, "loops", {f"{NAME}.ipynb": nbformat.writes(answered(course, **endless))})
    monkeypatch.setattr(sandbox, "missing", lambda: "apt install bubblewrap")
    with pytest.raises(CourseError, match="apt install bubblewrap"):
        grade.main(course, [NAME], jobs=1, unsafe=False)
    assert grade.main(course, [NAME], jobs=1, unsafe=True) == 0
    assert grades.result(course, "full", NAME)["by_tests"] == 5
    assert grades.result(course, "loops", NAME)["by_tests"] == 2


@needs_sandbox
def test_where_nothing_can_be_forked_grading_says_so(tmp_path, monkeypatch, capsys, new_course):
    course = new_course(tmp_path / "course")
    for student in ("anna", "ben"):
        hand_in(course, student, {f"{NAME}.ipynb": nbformat.writes(answered(course, **SOLUTION))})

    def refuses(program):
        raise warm.WarmError("a worker could not be forked: Operation not permitted")

    monkeypatch.setattr(sandbox, "WARM", None)
    monkeypatch.setattr(warm, "Forks", refuses)
    assert grade.main(course, [NAME], jobs=2, unsafe=False) == 0
    out = capsys.readouterr().out
    assert "Each submission begins from scratch" in out
    assert "Operation not permitted" in out
    assert [grades.result(course, s, NAME)["by_tests"] for s in ("anna", "ben")] == [5, 5]


@needs_sandbox
def test_one_failure_stops_nobody_else(tmp_path, monkeypatch, capsys, new_course):
    course = new_course(tmp_path / "course")
    for student in ("anna", "ben"):
        hand_in(course, student, {f"{NAME}.ipynb": nbformat.writes(answered(course, **SOLUTION))})
    real = grade.run

    def run(reference, handed_out, name, folder, *more):
        if folder.parent.name == "anna":
            raise OSError("no space left")
        return real(reference, handed_out, name, folder, *more)

    monkeypatch.setattr(grade, "run", run)
    assert grade.main(course, [NAME], jobs=1, unsafe=False) == 1
    assert "anna, 01_small: NOT GRADED, OSError: no space left" in capsys.readouterr().out
    assert grades.result(course, "ben", NAME)["by_tests"] == 5
    assert grades.result(course, "anna", NAME)["score"] is None


class Starved(submission.Run):
    """A run whose first student cell is stopped by time as long as another one is on its way."""

    running = 0

    def __init__(self, *given):
        super().__init__(*given)
        Starved.running += 1
        self.seen = False

    def _cell(self, cell, where):
        if where == "student" and not self.seen:
            self.seen = True
            time.sleep(0.5)
            self.late = Starved.running > 1
            if self.late:
                return submission.failure("CellTimeoutError", "it ran past its time limit")
        return super()._cell(cell, where)

    def close(self):
        Starved.running -= 1
        super().close()


@needs_sandbox
def test_what_time_has_stopped_beside_others_is_run_once_more_alone(
    tmp_path, monkeypatch, capsys, new_course
):
    course = new_course(tmp_path / "course")
    for student in ("anna", "ben", "carl"):
        hand_in(course, student, {f"{NAME}.ipynb": nbformat.writes(answered(course, **SOLUTION))})
    monkeypatch.setattr(submission, "Run", Starved)
    assert grade.main(course, [NAME], jobs=3, unsafe=False) == 0
    results = [grades.result(course, s, NAME)["by_tests"] for s in ("anna", "ben", "carl")]
    assert results == [5] * 3
    out = capsys.readouterr().out
    assert "stopped by a time limit while others ran beside it; it is run once more, alone" in out
    assert "[3/3]" in out
    assert Starved.running == 0


@needs_sandbox
def test_what_cannot_be_started_beside_others_is_begun_once_more_alone(
    tmp_path, monkeypatch, new_course
):
    course = new_course(tmp_path / "course")
    for student in ("anna", "ben"):
        hand_in(course, student, {f"{NAME}.ipynb": nbformat.writes(answered(course, **SOLUTION))})
    real = grade.run

    def run(*given):
        if not given[-1]:
            raise sandbox.SandboxError("it ran past its time limit")
        return real(*given)

    monkeypatch.setattr(grade, "run", run)
    assert grade.main(course, [NAME], jobs=2, unsafe=False) == 0
    assert [grades.result(course, s, NAME)["by_tests"] for s in ("anna", "ben")] == [5, 5]


def test_two_gradings_at_once_are_refused(tmp_path, new_course):
    course = new_course(tmp_path / "course")
    refused = pytest.raises(CourseError, match="another command")
    with course.lock(), refused, Course(course.root).lock():
        pass


def test_only_what_is_released_as_it_is_now_counts_as_released(tmp_path, new_course, monkeypatch):
    course = new_course(tmp_path / "course")
    assert course.is_released(NAME)
    with monkeypatch.context() as other:
        # the notebook tells students the limits
        other.setattr(submission, "CELL_SECONDS", submission.CELL_SECONDS + 60)
        assert not course.is_released(NAME)
    more = course.source(NAME).with_name("data.csv")
    more.write_text("1")
    assert not course.is_released(NAME)
    course.release(NAME)
    assert course.is_released(NAME)
    for gone in (course.root / "gradebook.db", course.root / "release" / NAME / f"{NAME}.ipynb"):
        gone.unlink()
        assert not course.is_released(NAME)
        course.release(NAME)
    assert course.is_released(NAME)


def test_a_wrong_course_or_assignment_is_named(tmp_path, new_course):
    with pytest.raises(CourseError, match="is it a course"):
        Course(tmp_path)
    with pytest.raises(CourseError, match="01_small"):
        new_course(tmp_path / "course").chosen(["02_none"])


def test_the_formgrader_shows_scripts_of_students_as_text():
    """What `nbgrader_config.py` sets, as the panel in JupyterLab makes its pages."""
    from nbconvert.exporters import HTMLExporter
    from nbformat import v4
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    assert config.CourseDirectory.root == str(ROOT / "assignments")
    answer = v4.new_markdown_cell(
        "<script>alert(1)</script> <img src=x onerror='alert(1)'> [x](javascript:alert(1))\n"
        "<a href='&#106;avascript:alert(1)'>y</a> <javascript:alert(1)> and **words**"
    )
    html, _ = HTMLExporter(config=config).from_notebook_node(v4.new_notebook(cells=[answer]))
    assert "<script>alert" not in html
    assert not re.search(r'href="\s*javascript', html, re.IGNORECASE)
    assert "<strong>words</strong>" in html
    assert "onerror" not in html.replace("&lt;img src=x onerror=", "")
    with pytest.raises(RuntimeError, match="make grade"):
        config.Autograde.sanitize_preprocessors[0]().preprocess(None, {})


def test_a_page_that_fails_costs_nobody_else_theirs(tmp_path, monkeypatch, capsys):
    class Three:
        root = tmp_path
        visible = record = staticmethod(lambda *what: {"finished": True})
        submissions = staticmethod(lambda names: [(s, names[0], None) for s in "abc"])

    def page(course, student, *rest):
        if student == "b":
            raise ValueError("\udc80")
        return student

    monkeypatch.setattr(feedback, "page", page)
    monkeypatch.setattr(feedback.late, "Rules", lambda course: None)
    paths = feedback.main(Three, ["01"])
    assert [path.read_text() for path in paths] == ["a", "c"]
    assert "[2/3] b, 01: NO PAGE, ValueError('\\udc80')" in capsys.readouterr().out
