"""Which submissions look alike, and data of each student's own."""

import csv
import re
import runpy
import shutil
import time
from pathlib import Path

import nbformat
import pytest
from classroom import grade, likeness, limits, submission, vary
from classroom.course import Course, CourseError
from nbformat import v4

ROOT = Path(__file__).resolve().parent.parent
BOOK = Course(ROOT / "assignments")
NAME = "01_varied"
LINE = "SEED = 0  ### SEED OF THE STUDENT"


def told(grade_id, **more):
    known = {"grade": False, "locked": True, "solution": False, "schema_version": 3, "task": False}
    return {"nbgrader": {"grade_id": grade_id, **known, **more}}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A released course whose data follow from a number of each student's own."""
    folder = tmp_path_factory.mktemp("course")
    text, code = v4.new_markdown_cell, v4.new_code_cell
    solution = "### BEGIN SOLUTION\ntotal = sum(data)\n### END SOLUTION"
    cells = [
        text("# Sums", metadata=told("text-title")),
        code(f"import random\n\n{LINE}\ndata = random.Random(SEED).sample(range(99), 5)"),
        code(solution, metadata=told("total", locked=False, solution=True)),
        code(
            "assert total == sum(data), 'another sum'",
            metadata=told("test-total", grade=True, points=2),
        ),
    ]
    cells[1].metadata = told("setup")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = folder / "source" / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(v4.new_notebook(cells=cells, metadata=kernel), path)
    (folder / "students.csv").write_text("student\nann\nben\n")
    (folder / "course.toml").write_text("[vary]\nkey = 'autumn'\n")
    Course(folder).release(NAME)
    return folder


@pytest.fixture
def course(first, tmp_path):
    """A copy of it, since a release takes its time."""
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    return Course(tmp_path)


class NothingRuns:
    """Takes the place of a run, so that what would be run can be looked at."""

    def __init__(self, *given):
        pass

    def cell(self, cell):
        return {"stdout": "", "stderr": "", "rich": [], "error": None}

    def close(self):
        pass


def rebuilt(course, monkeypatch, notebook):
    """Return what is run of a notebook that ann handed in."""
    monkeypatch.setattr(submission, "Run", NothingRuns)
    folder = course.root / "submitted" / "ann" / NAME
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
    return grade.run(*grade.Versions(course, [NAME]).of("ann", NAME), NAME, folder)[0]


def number_in(notebook):
    return int(re.search(r"SEED = (\d+)", "\n".join(cell.source for cell in notebook.cells))[1])


def test_each_student_gets_a_number_of_their_own_and_the_grader_the_same(course):
    folder = vary.hand_out(course, NAME)
    versions = grade.Versions(course, [NAME])
    numbers = set()
    for student in ("ann", "ben"):
        path = folder / student / NAME / f"{NAME}.ipynb"
        own = nbformat.read(path, 4)
        assert "SEED OF THE STUDENT" not in path.read_text()
        assert all(number_in(each) == number_in(own) for each in versions.of(student, NAME))
        numbers.add(number_in(own))
    assert len(numbers) == 2
    before = grade.fingerprint(course, "ann", NAME, course.root, versions.number("ann", NAME))
    (course.root / "course.toml").write_text("[vary]\nkey = 'spring'\n")
    number = grade.Versions(course, [NAME]).number("ann", NAME)
    assert number not in numbers
    assert grade.fingerprint(course, "ann", NAME, course.root, number) != before


def test_a_submission_cannot_bring_a_number_of_its_own(course, monkeypatch):
    folder = vary.hand_out(course, NAME)
    notebook = nbformat.read(folder / "ann" / NAME / f"{NAME}.ipynb", 4)
    for cell in notebook.cells:
        cell.source = re.sub(r"SEED = \d+", "SEED = 1", cell.source)
        cell.source = cell.source.replace("raise NotImplementedError()", "total = 7")
    reference, _ = grade.Versions(course, [NAME]).of("ann", NAME)
    ran = rebuilt(course, monkeypatch, notebook)
    assert number_in(ran) == number_in(reference) != 1
    assert "total = 7" in ran.cells[3].source


def test_only_a_locked_line_is_varied(course):
    notebook = course.reference(NAME)
    assert vary.is_varied(notebook)
    notebook.cells[2].metadata.nbgrader.locked = False
    assert not vary.is_varied(notebook)
    (course.root / "course.toml").write_text("[vary]\nkey = 7\n")
    with pytest.raises(CourseError, match=r"line 2, column 7 .*a text"):
        vary.key(course)


def test_a_key_that_is_misspelt_is_named(course):
    for text, place in (("[vary]\nkye = 'x'\n", "line 2, column 7"), ("[vari]\n", "line 1")):
        (course.root / "course.toml").write_text(text)
        with pytest.raises(CourseError, match="not known here") as error:
            vary.key(course)
        assert place in str(error.value)


def test_a_released_notebook_says_the_limits_of_the_grader(course, monkeypatch):
    monkeypatch.setattr(submission, "CELL_SECONDS", 90)
    path = course.release(NAME) / f"{NAME}.ipynb"
    first, second, *_ = nbformat.read(path, 4).cells
    assert first.source == "# Sums"
    assert "A cell may run for 90 seconds" in second.source
    assert "all together for 10 minutes" in second.source
    assert "6 GiB" in second.source
    # it is a part of the assignment, and no work of the student's
    notebook = nbformat.read(path, 4)
    assert len(rebuilt(course, monkeypatch, notebook).cells) == 5
    limits.add(notebook)
    assert len(notebook.cells) == 5


def answers(name):
    """Return the code of two right solutions, and of two copies of the first."""
    source = nbformat.read(BOOK.source(name), 4)
    first = {}
    for cell in source.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            text = re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", cell.source)
            first[cell.metadata.nbgrader.grade_id] = text
    second = first | runpy.run_path(ROOT / f"tests/submissions/{name}.py")["ALTERNATIVE"]
    names = r"(?<![.\w])(?!def|for|in|if|return|and|or|not|lambda|import|from|as|with|else)"
    renamed = {
        key: re.sub(rf"{names}([a-z]\w*)(?=\s*[=,\[)])", r"my_\1", f"# my own\n{text}")
        for key, text in first.items()
    }
    return {
        who: likeness._code(_filled(name, texts))
        for who, texts in {
            "first": first,
            "second": second,
            "copied": first,
            "renamed": renamed,
        }.items()
    }


def _filled(name, texts):
    notebook = BOOK.handed_out(name)
    for cell in notebook.cells:
        key = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = texts.get(key, cell.source)
    return notebook


@pytest.mark.parametrize("name", BOOK.names)
def test_copies_are_alike_and_two_right_solutions_are_not(name):
    released = likeness._code(BOOK.handed_out(name))
    rows = likeness.compare(answers(name), released)
    found = {frozenset(row[:2]): row[2:4] for row in rows}
    assert found[frozenset({"first", "copied"})][0] == 1
    assert found[frozenset({"first", "renamed"})][0] > 0.7
    assert found[frozenset({"first", "second"})][0] < 0.3
    # names changed: the lines are no longer the same
    copied, renamed = (found[frozenset({"first", who})][1] for who in ("copied", "renamed"))
    assert renamed < copied


def test_what_was_given_and_what_most_have_is_no_likeness():
    given = "\n".join(f"given_{i} = make(value, {i}) + other[{i}]" for i in range(20))
    usual = "\n".join(f"usual = [{i} for one in range({i}) if one % {i}]" for i in range(20))
    own = {
        who: "\n".join(f"{who} = {who}.call({i * 7 + at}) ** {at} - {i}" for i in range(20))
        for at, who in enumerate("abcdef", 1)
    }
    rows = likeness.compare({who: f"{given}\n{usual}\n{text}" for who, text in own.items()}, given)
    assert max(row[2] for row in rows) == 0
    assert all(row[3] == 0 for row in rows)


@pytest.mark.parametrize("code", ["def f(:\n  'open", '"""never ends', "%magic\n!ls", "é = '\\\n'"])
def test_code_that_is_none_has_tokens_all_the_same(code):
    assert likeness.tokens(code)


QUOTES = [r"\"", r"\'", '"', "'", "'\\", '"""', "rb'", r"\"" "", "\"'", "'\n", "''\n'", "\"'" * 3]


@pytest.mark.parametrize("piece", [*QUOTES, "\\" + "'" * 3, "'" * 3 + '"""', '""\n"'])
@pytest.mark.parametrize("before", ["", "'", '"', "x"])
def test_quotes_without_an_end_are_read_in_no_time(piece, before):
    start = time.process_time()
    likeness.tokens(before + piece * 200_000)
    assert time.process_time() - start < 3


def test_a_quote_without_an_end_takes_the_rest_of_its_line():
    row = likeness.tokens("a = 'never ends, b\nc = 1")
    assert row == ["name", "=", "text", "name", "=", "1"]


def test_the_table_of_likeness(course, capsys):
    long = "\n".join(f"total = sum(data[{i}:]) - {i} * len(data)" for i in range(20))
    for student, text in {"ann": long, "=ben": long, "cem": "total = 3"}.items():
        notebook = nbformat.read(course.root / "release" / NAME / f"{NAME}.ipynb", 4)
        notebook.cells[3].source = text
        path = course.root / "submitted" / student / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    likeness.main(course, [NAME])
    rows = list(csv.DictReader((course.root / "likeness.csv").read_text().splitlines()))
    assert len(rows) == 3
    assert (rows[0]["one"], rows[0]["other"], rows[0]["likeness"]) == ("'=ben", "ann", "1.0")
    assert rows[0]["same_lines"] == "20"
    assert float(rows[1]["likeness"]) == 0, "too short to be told from others"
    assert "3 pairs" in capsys.readouterr().out
