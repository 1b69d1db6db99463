"""What the teacher's guide points at is there."""

import re
from pathlib import Path

import nbformat
import pytest
from classroom import cleaning, intake, reader, sandbox, submission, values, worker

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "book" / "teaching.md").read_text()


def text_of(chapter):
    """Return all that stands in a chapter: text, code and printed outputs, spaces made alike."""
    parts = []
    for cell in nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", 4).cells:
        parts.append(cell.source)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parts += [output.get("text", ""), data.get("text/plain", "")]
            parts.append(data.get("text/markdown", ""))
    return re.sub(r"[\s*`]+", " ", " ".join(parts))


def misconceptions():
    """Return the rows of the table as lists of their three cells."""
    _, section = GUIDE.split("\n## Misconceptions\n")
    lines = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines[2:]]


@pytest.mark.parametrize("row", misconceptions(), ids=lambda row: row[0])
def test_a_misconception_names_places_and_words_that_are_in_its_chapters(row):
    _, where, words = row
    chapters = re.findall(r"notebooks/(\w+)\.ipynb", where)
    assert chapters
    shown = " ".join(map(text_of, chapters))
    places = re.findall(r"(?<!\*)\*([^*]+)\*", where)
    wanted = re.findall(r"`([^`]+)`|\"([^\"]+)\"", words)
    assert places
    assert wanted
    for words in [*places, *(code or quote for code, quote in wanted)]:
        assert re.sub(r"[\s*`]+", " ", words) in shown, words


def test_every_assignment_is_in_the_table():
    names = {path.parent.name for path in ROOT.glob("assignments/source/*/*.ipynb")}
    (table,) = re.findall(r"\n## The assignments\n\n((?:\|.*\n)+)", GUIDE)
    assert set(re.findall(r"`(\w+)`", table)) == names


def mebi(size):
    return f"{size // 2**20} MiB"


def minutes(seconds):
    return f"{seconds // 60} minute"


LIMITS = {
    "time of a cell": [minutes(submission.CELL_SECONDS)],
    "time of a student's function": [minutes(submission.CALL_SECONDS)],
    "time of a submission": [minutes(submission.TOTAL_SECONDS)],
    "memory of all its processes": [f"{sandbox.MEMORY / 2**30:g} GiB", "ten times a second"],
    "that memory and its files": [f"{(sandbox.MEMORY + 3 * sandbox.FOLDER) / 2**30:g} GiB"],
    "processes": [str(sandbox.PROCESSES)],
    "threads": [f"{sandbox.TASKS:,}"],
    "new beginnings": [str(submission.RESTARTS)],
    "files that it writes": [mebi(sandbox.FOLDER), "three folders"],
    "open files": [str(worker.FILES)],
    "memory outside of processes": ["none"],
    "printed text": [
        f"{worker.OUTPUT_LIMIT:,} characters",
        f"{worker.SHOWN_ITEMS:,}",
        f"{worker.SHOWN_LIMIT // 10**6} million",
    ],
    "an error": [f"{worker.ERROR_LIMIT:,} characters", f"{worker.ERROR_LINES} lines"],
    "all that a submission": [mebi(submission.TOLD)],
    "a displayed picture": [
        f"{worker.PICTURE_LIMIT // 10**6} million characters",
        f"{submission.PIXELS // 10**6} million pixels",
    ],
    "a text that is shown": [f"{cleaning.LONGEST:,}"],
    "what it answers": [mebi(sandbox.ANSWER), mebi(sandbox.CARGO)],
    "an array for a test": [mebi(values._ARRAY), mebi(values._MODEL), f"{values._DEEPEST} levels"],
    "a notebook": [
        mebi(intake.SIZE_LIMIT),
        f"{reader.CELLS:,} cells",
        f"{reader.CHARACTERS // 10**6} million characters",
    ],
    "notebooks under other names": [str(intake.NOTEBOOKS)],
    "its folder": [f"{intake.FILES:,} files", mebi(intake.BYTES), f"{intake.DEPTH} levels"],
}


def test_the_table_of_limits_has_the_numbers_of_the_grader():
    (table,) = re.findall(r"\n\| limit \| how much \|.*\n\| --- .*\n((?:\|.*\n)+)", GUIDE)
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()]
    assert len(rows) == len(LIMITS)
    for (limit, how_much, what_happens), (name, told) in zip(rows, LIMITS.items(), strict=True):
        assert limit.startswith(name)
        assert what_happens
        for words in told:
            assert words in how_much, (limit, words)
    assert 1 / sandbox.WATCH_SECONDS == 10


def test_no_assignment_puts_the_book_with_its_solutions_beside_a_student():
    for path in ROOT.glob("assignments/source/*/*.ipynb"):
        (cell,) = [
            cell.source
            for cell in nbformat.read(path, 4).cells
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "setup-book"
        ]
        assert "clone" not in cell
        assert '"pip", "install", "--no-deps"' in cell
