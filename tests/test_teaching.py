"""What the teacher's guide points at is there."""

import re
from pathlib import Path

import nbformat
import pytest

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


def test_no_assignment_puts_the_book_with_its_solutions_beside_a_student():
    for path in ROOT.glob("assignments/source/*/*.ipynb"):
        (cell,) = [
            cell.source
            for cell in nbformat.read(path, 4).cells
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "setup-book"
        ]
        assert "clone" not in cell
        assert '"pip", "install", "--no-deps"' in cell
