"""A course's tables: due dates, what a late day costs, and what is odd in a table."""

import csv
import datetime
import os
import re
import types
from pathlib import Path

import nbformat
import pytest
from classroom import __main__, feedback, grades, late, tables
from classroom.course import Course, CourseError
from nbformat import v4

ROOT = Path(__file__).resolve().parent.parent
FIRST, SECOND = "01_first", "02_second"
DUE = """zone = "Europe/Berlin"

[due]
01_first = 2026-10-26 12:00:00
02_second = "2026-11-02T12:00:00+01:00"

[late]
percent_per_day = 10
at_most = 50
"""


@pytest.fixture
def course(tmp_path):
    """Two assignments of nine points, which nobody has handed in."""
    told = {"grade_id": "test", "grade": True, "locked": True, "solution": False}
    told |= {"points": 9, "schema_version": 3, "task": False}
    cells = [v4.new_code_cell("pass", metadata={"nbgrader": told})]
    for name in (FIRST, SECOND):
        path = tmp_path / "source" / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(v4.new_notebook(cells=cells), path)
    return Course(tmp_path)


def hand_in(course, student, name, time):
    """Hand in a notebook whose time stamp is this one, in Berlin."""
    path = course.root / "submitted" / student / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    stamp = datetime.datetime.fromisoformat(f"{time}+01:00").timestamp()
    os.utime(path, (stamp, stamp))
    return path


def write(course, text, name=late.SETTINGS):
    (course.root / name).write_text(text)


def test_each_day_that_has_begun_costs_its_percents_up_to_a_limit(course):
    write(course, DUE)
    for student, time in {
        "ann": "2026-10-26 12:00",
        "ben": "2026-10-26 12:01",
        "cem": "2026-10-28 11:00",
        "dan": "2026-12-24 12:00",
    }.items():
        hand_in(course, student, FIRST, time)
    rules = late.Rules(course)
    told = {student: rules.of(student)[FIRST] for student in ("ann", "ben", "cem", "dan")}
    assert {s: (x.days, x.percent) for s, x in told.items()} == {
        "ann": (0, 0),
        "ben": (1, 10),
        "cem": (2, 20),
        "dan": (59, 50),
    }
    assert told["cem"].final(7) == 5.6
    assert told["ben"].told() == "1 day late, 10 % less"
    assert told["ann"].told() == ""
    assert "time stamp" in told["ben"].source


def test_without_due_dates_nothing_is_late(course):
    hand_in(course, "ann", FIRST, "2036-10-26 12:00")
    told = late.Rules(course).of("ann")[FIRST]
    assert (told.days, told.percent, told.final(7)) == (0, 0, 7)


def test_days_of_grace_go_to_what_is_due_first(course):
    write(course, f"{DUE}grace_days = 3\n[late.grace_of]\nben = 0\n")
    for student in ("ann", "ben"):
        hand_in(course, student, SECOND, "2026-11-04 12:00")
        hand_in(course, student, FIRST, "2026-10-28 12:00")
    told = late.Rules(course).of("ann")
    assert [(told[n].days, told[n].grace, told[n].percent) for n in (FIRST, SECOND)] == [
        (2, 2, 0),
        (2, 1, 10),
    ]
    assert told[SECOND].told() == "2 days late, 1 of them free, 10 % less"
    assert late.Rules(course).of("ben")[FIRST].percent == 20


def test_a_student_can_have_a_date_of_their_own(course):
    write(course, f"{DUE}[due_for.ann]\n01_first = 2026-10-30 12:00:00\n")
    for student in ("ann", "ben"):
        hand_in(course, student, FIRST, "2026-10-29 12:00")
    rules = late.Rules(course)
    assert [rules.of(student)[FIRST].days for student in ("ann", "ben")] == [0, 3]


def test_the_table_of_times_counts_before_the_time_stamp(course):
    write(course, DUE)
    hand_in(course, "ann", FIRST, "2026-12-24 12:00")
    write(course, "student;assignment;time\nann;01_first;2026-10-26 13:00\n", late.TIMES)
    told = late.Rules(course).of("ann")[FIRST]
    assert (told.days, told.source) == (1, "times.csv")


@pytest.mark.parametrize(
    "file", [f"work/{FIRST}.ipynb", f"{FIRST}.IPYNB", f"{FIRST}.ipynb.txt", "work/mine.ipynb"]
)
def test_the_time_is_that_of_the_notebook_that_is_graded(course, file):
    write(course, DUE)
    path = hand_in(course, "ann", FIRST, "2026-10-28 11:00")
    stamp = path.stat().st_mtime
    moved = path.parent / file
    moved.parent.mkdir(exist_ok=True)
    os.rename(path, moved)
    told = late.Rules(course).of("ann")[FIRST]
    assert (told.days, told.time.timestamp()) == (2, stamp)


def test_of_two_notebooks_the_time_is_that_of_the_one_that_is_graded(course):
    source = nbformat.read(course.source(FIRST), 4)
    told = {"grade_id": "answer", "grade": False, "locked": False, "solution": True}
    told |= {"schema_version": 3, "task": False}
    solution = "### BEGIN SOLUTION\npass\n### END SOLUTION"
    source.cells.append(v4.new_code_cell(solution, metadata={"nbgrader": told}))
    source.metadata["kernelspec"] = {"name": "python3", "display_name": "P", "language": "python"}
    nbformat.write(source, course.source(FIRST))
    write(course, DUE)
    answer = hand_in(course, "ann", FIRST, "2026-10-28 11:00").with_name("mine.ipynb")
    nbformat.write(source, answer)
    os.utime(answer, (0, answer.with_name(f"{FIRST}.ipynb").stat().st_mtime))
    hand_in(course, "ann", FIRST, "2026-12-24 12:00")
    assert late.Rules(course).of("ann")[FIRST].days == 2
    answer.unlink()
    assert late.Rules(course).of("ann")[FIRST].days == 59


@pytest.mark.parametrize("make", ["nothing", "link"])
def test_without_a_time_nobody_is_in_time_unless_it_costs_nothing(course, make):
    write(course, DUE)
    path = hand_in(course, "ann", FIRST, "2026-10-20 12:00")
    path.unlink()
    if make == "link":
        path.symlink_to(course.source(FIRST))
    told = late.Rules(course).of("ann")[FIRST]
    assert (told.days, told.final(7), told.final(0)) == (None, None, 0)
    assert told.told() == "at a time that is not known"
    write(course, "")
    assert late.Rules(course).of("ann")[FIRST].days == 0


@pytest.mark.parametrize("stamp", [1e12, -1e12, 1e300, float("nan")])
def test_a_time_that_cannot_be_is_not_known(course, monkeypatch, stamp):
    write(course, DUE)
    hand_in(course, "ann", FIRST, "2026-10-20 12:00")
    hand_in(course, "ben", FIRST, "2026-10-20 12:00")
    # not every file system can hold such a stamp
    changed = late.intake.changed
    monkeypatch.setattr(
        late.intake,
        "changed",
        lambda folder, *more: stamp if folder.parent.name == "ann" else changed(folder, *more),
    )
    told = late.Rules(course)
    assert told.of("ann")[FIRST].days is None
    assert told.of("ann")[FIRST].source == late.UNKNOWN
    assert told.of("ben")[FIRST].days == 0


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        (late.SETTINGS, f"{DUE}[due_for.anm]\n", "line 10, column 2 (due_for.anm)"),
        (late.SETTINGS, f"{DUE}[late.grace_of]\nanm = 3\n", "line 11, column 7"),
        (
            late.TIMES,
            "student,assignment,time\nanm,01_first,2026-11-02 12:00Z\n",
            "line 2, column 1",
        ),
    ],
)
def test_a_student_that_the_course_has_not_is_named(course, capsys, file, text, place):
    write(course, text, file)
    late.Rules(course)
    assert place in (out := capsys.readouterr().out), "no list says who is a student"
    assert "no student of this course" in out
    write(course, "student\nann\n", "students.csv")
    with pytest.raises(CourseError, match="no student of this course") as error:
        late.Rules(course)
    assert place in str(error.value)
    (course.root / "submitted" / "anm").mkdir(parents=True)
    late.Rules(course)
    (course.root / "submitted" / "anm").rmdir()
    write(course, "student\nanm\n", "students.csv")
    late.Rules(course)
    assert capsys.readouterr().out == ""


def test_a_day_has_24_hours_when_the_clocks_are_changed(course):
    write(course, DUE.replace("2026-10-26", "2026-10-24"))
    write(course, "student,assignment,time\nann,01_first,2026-10-25 11:30\n", late.TIMES)
    hand_in(course, "ann", FIRST, "2026-10-25 11:30")
    # 24 h after noon of the 24th it is eleven o'clock by the new time
    assert late.Rules(course).of("ann")[FIRST].days == 2


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("[due\n", "line 1", "Expected"),
        ("[late]\npercent_per_day = -3\n", "line 2, column 19", "a number from 0 to 100"),
        ("[late]\nat_most = true\n", "line 2, column 11", "found True"),
        ("[late]\n\ngrace_days = 1.5\n", "line 3, column 14", "a whole number"),
        ("[late]\npercents = 3\n", "line 2, column 12", "not known"),
        ("[latte]\npercents = 3\n", "line 1, column 2", "not known"),
        ("late = 3\n", "line 1, column 8", "a table"),
        ("zone = 'Mars/Olympus'\n", "line 1, column 8", "no time zone"),
        ("zone = 7\n", "line 1, column 8", "no time zone"),
        ("[due]\n03_none = 2026-11-02 12:00:00\n", "line 2, column 11", "there are 01_first"),
        ("[due]\n01_first = 2026-11-02 12:00:00\n", "line 2, column 12", "has no time zone"),
        ("[due]\n01_first = 2026-11-02\n", "line 2, column 12", "has no hour"),
        ("[due]\n01_first = '2026-11-02'\n", "line 2, column 12", "has no hour"),
        ("[due]\n01_first = 'Monday'\n", "line 2, column 12", "is no time"),
        ("[due]\n01_first = 7\n", "line 2, column 12", "has no hour"),
        (
            "zone = 'Europe/Berlin'\n[due_for.'ann b']\n01_first = 2026-10-25 02:30:00\n",
            "line 3, column 12",
            "twice or never",
        ),
        ("zone = 'Asia/Tokyo'\n[due]\n01_first = 0001-01-01 00:00:00\n", "line 3", "far away"),
        ("zone = 'Europe/Berlin'\n[due]\n01_first = 2026-03-29 02:30:00\n", "line 3", "or never"),
        ("[canvas]\n01_first = 7\n", "line 2, column 12", "head of the column"),
    ],
)
def test_what_is_odd_in_the_settings_is_named_by_its_place(course, text, place, words):
    write(course, text)
    with pytest.raises(CourseError, match=words) as error:
        late.Rules(course)
    assert place in str(error.value)


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b"", "", "is empty"),
        (b"student,time\n", "line 1", "the column assignment"),
        (b"student,assignment,when\n", "line 1, column 3", "found 'when'"),
        (b"student,student,time\n", "line 1, column 2", "stands twice"),
        (b"student,assignment,time\nann,01_first\n", "line 2, column 3 (time)", "empty"),
        (b"student,assignment,time\n\nann,01_first,a,b\n", "line 3, column 4", "quotes"),
        (b"student,assignment,time\nann,03_none,2026-11-02 12:00Z\n", "column 2", "no assignment"),
        (b"student,assignment,time\nann,01_first,noon\n", "line 2, column 3 (time)", "no time"),
        (b"student,assignment,time\nann,01_first,2026-11-02 12:00\n", "column 3", "zone"),
        (b"student,assignment,time\nann,01_first,0001-01-01T00:00+14:00\n", "(time)", "far away"),
        (b"student,assignment,time\nann,01_first,\x80\n", "line 2, byte 14", "UTF-8"),
        (b'student,assignment,time\nann,"01_first,2026\n', "line 2", "unexpected end"),
        (
            b"student,assignment,time\nann,01_first,2026-11-02 12:00Z\n"
            + b"ann,01_first,2026-11-02 13:00Z\n",
            "line 3, column 1 (student)",
            "twice",
        ),
    ],
)
def test_what_is_odd_in_the_times_is_named_by_its_place(course, content, place, words):
    (course.root / late.TIMES).write_bytes(content)
    with pytest.raises(CourseError, match=words) as error:
        late.Rules(course)
    assert place in str(error.value)


def test_a_table_separates_by_what_the_spreadsheet_uses(tmp_path):
    for separator in ",;\t":
        path = tmp_path / "students.csv"
        path.write_text(f'\ufeffstudent{separator}name\nann{separator}"Noether, A; B"\n\n')
        table = tables.Table(path, tables.ROSTER, ["student"])
        ((line, row),) = table.rows
        assert (line, row["student"], row["name"]) == (2, "ann", "Noether, A; B")


@pytest.mark.parametrize("key", tables.IDENTITIES)
def test_two_students_with_one_identity_are_refused(course, key):
    write(course, f"student,{key}\nann,X1\nben,x1\n", "students.csv")
    with pytest.raises(CourseError, match=r"line 3, column 2 .*: x1 is ann's already"):
        tables.roster(course)


@pytest.fixture
def marked(course, monkeypatch):
    """The same with marks, as if all that was handed in had been graded."""
    waiting = set()

    def result(course, student, name):
        row = {"student": student, "assignment": name, "max_score": 9, "note": "", "by_tests": 7.5}
        row |= {"score": 7.5, "needs_manual_grade": student in waiting}
        if not (course.root / "submitted" / student / name).exists():
            row |= {"score": None, "max_score": None, "by_tests": None}
        return row

    monkeypatch.setattr(grades, "result", result)
    write(course, DUE)
    hand_in(course, "ann", FIRST, "2026-10-26 11:00")
    hand_in(course, "ben", FIRST, "2026-10-27 13:00")
    hand_in(course, "eve", FIRST, "2026-10-26 11:00")
    waiting.add("eve")
    return course


def read(course, file, delimiter=","):
    lines = (course.root / file).read_text().splitlines()
    return list(csv.DictReader(lines, delimiter=delimiter))


def test_marks_before_and_after_the_penalty_are_in_the_table(marked):
    grades.main(marked, [FIRST])
    rows = {row["student"]: row for row in read(marked, "grades.csv")}
    wanted = ["score", "days_late", "percent_off", "final", "handed_in"]
    assert [rows["ben"][key] for key in wanted] == [
        "7.5",
        "2",
        "20",
        "6",
        "2026-10-27 13:00:00+01:00",
    ]
    assert [rows["ann"][key] for key in wanted[:4]] == ["7.5", "0", "0", "7.5"]
    ((ann, ben),) = [[r[FIRST] for r in read(marked, f"grades_moodle_{FIRST}.csv")]]
    assert (ann, ben) == ("7.5", "6")


def test_a_table_with_semicolons_has_decimal_commas(marked):
    grades.main(marked, [FIRST], separator=";")
    rows = read(marked, "grades.csv", ";")
    assert rows[0]["score"] == "7,5"
    assert read(marked, "grades_canvas.csv")[1][FIRST] == "7.5"


def test_blank_unknown_and_unmarked_students_do_not_disturb_an_import(marked, capsys):
    write(
        marked,
        "student,name,canvas_id,login,email\n"
        "ann,Ann,17,,a@x.example\nben,Ben,,,b@x.example\ncarl,Carl,19,carl,\neve,Eve,20,eve,e@x\n",
        "students.csv",
    )
    hand_in(marked, "zoe", FIRST, "2026-10-26 11:00")
    write(marked, f'{DUE}[canvas]\n{FIRST} = "The first (4711)"\n')
    grades.main(marked, [FIRST])
    out = capsys.readouterr().out
    assert "zoe is not in students.csv" in out
    assert "ben has no canvas_id, sis_id or login: not in grades_canvas.csv" in out
    _, *canvas = read(marked, "grades_canvas.csv")
    assert [(row["ID"], row["SIS Login ID"], row["The first (4711)"]) for row in canvas] == [
        ("17", "", "7.5"),
        ("19", "carl", ""),
        ("20", "eve", ""),
    ]
    # whom the system cannot find would stop the import
    moodle = read(marked, f"grades_moodle_{FIRST}.csv")
    assert moodle == [
        {"Email address": "a@x.example", FIRST: "7.5"},
        {"Email address": "b@x.example", FIRST: "6"},
    ]


def test_late_by_an_unknown_time_is_no_mark_yet(marked, capsys, monkeypatch):
    told = {"from": "Canvas", "late": True}
    monkeypatch.setattr(
        Course, "collected", lambda self, student, name: told if student == "ben" else {}
    )
    grades.main(marked, [FIRST])
    assert "1 marks are late, or may be, and need the time" in capsys.readouterr().out
    rows = {row["student"]: row for row in read(marked, "grades.csv")}
    assert [rows["ben"][k] for k in ("score", "days_late", "final")] == ["7.5", "not known", ""]
    assert [row["Username"] for row in read(marked, f"grades_moodle_{FIRST}.csv")] == ["ann"]
    told["late"] = False
    grades.main(marked, [FIRST])
    rows = {row["student"]: row for row in read(marked, "grades.csv")}
    assert (rows["ben"]["days_late"], rows["ben"]["final"]) == ("0", "7.5")


def test_the_feedback_page_says_what_being_late_costs(marked):
    rules = late.Rules(marked)
    (note,) = feedback._notes(marked, "ben", FIRST, rules)
    assert "2 days late, 20 % less" in note
    assert "7.5 of 9 points before it, **6 of 9** after it" in note
    assert feedback._notes(marked, "ann", FIRST, rules) == []


@pytest.mark.parametrize(("cores", "gib", "jobs"), [(2, 16, 2), (2, 7, 1), (16, 32, 8), (1, 2, 1)])
def test_as_many_are_graded_at_a_time_as_there_are_cores_and_memory(monkeypatch, cores, gib, jobs):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    memory = types.SimpleNamespace(total=gib * 2**30)
    monkeypatch.setattr(__main__.psutil, "virtual_memory", lambda: memory)
    assert __main__.at_a_time() == jobs


def test_the_table_on_the_teachers_page_is_read_as_it_says(tmp_path):
    guide = (ROOT / "book" / "teaching.md").read_text()
    due, vary = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    book = Course(ROOT / "assignments")
    for name in book.names:
        (tmp_path / "source" / name).mkdir(parents=True)
        (tmp_path / "source" / name / f"{name}.ipynb").touch()
    course = Course(tmp_path)
    write(course, f"{due}\n{vary}")
    rules = late.Rules(course)
    assert len(rules.due) == 2
    assert (rules.percent, rules.cap, rules.grace, rules.grace_for) == (10, 50, 3, {"ada": 5})
    assert list(rules.due_for) == ["ada"]
