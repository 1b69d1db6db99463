"""Read the tables that a teacher writes; what is odd in them is named by line and column."""

import csv
import io
import re
import tomllib

from classroom.course import CourseError

SETTINGS = "course.toml"
TABLES = {"zone", "due", "due_for", "late", "canvas", "vary"}
ROSTER = ["student", "name", "email", "canvas_id", "sis_id", "login", "section", "moodle_name"]
# what tells one person from another, in one system or the other
IDENTITIES = ["email", "canvas_id", "sis_id", "login"]


def settings(course):
    """Return what is in ``course.toml``, or None where there is no such file."""
    path = course.root / SETTINGS
    if not path.exists():
        return None
    found = Settings(path)
    for key in found.values.keys() - TABLES:
        raise found.error([key], f"not known here; known are {', '.join(sorted(TABLES))}")
    return found


def roster(course):
    """Return the people in ``students.csv``, by the name of their folder."""
    path = course.root / "students.csv"
    if not path.exists():
        return {}
    table, people = Table(path, ROSTER, ["student"]), {}
    seen = {}
    for line, person in table.rows:
        student = person["student"]
        if student in people:
            raise table.error(line, "student", f"{student} stands twice")
        if student.startswith(".") or "/" in student or "\0" in student:
            raise table.error(line, "student", f"{student!r} cannot be the name of a folder")
        for key in IDENTITIES:
            value = person[key].casefold()
            if value and (key, value) in seen:
                other = seen[key, value]
                raise table.error(line, key, f"{person[key]} is {other}'s already")
            seen[key, value] = student
        people[student] = person
    return people


class Table:
    """Rows of a CSV file, as dicts with the numbers of their lines.

    It separates by comma, semicolon or tab, whichever its first line holds most of; blank lines
    are left out.

    Parameters
    ----------
    path : Path
        The file.
    columns : list of str
        All columns that may be there.
    required : list of str
        Those that have to be there, and filled in every row.

    Raises
    ------
    CourseError
        If something is odd; the text says in which line and column.
    """

    def __init__(self, path, columns, required):
        self.path, self.places, self.rows = path, {}, []
        text = _text(path)
        separator = max(",;\t", key=text.partition("\n")[0].count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        line = 1
        try:
            for cells in reader:
                cells = [cell.strip() for cell in cells]
                if not self.places:
                    head = _head(path, cells, columns, required)
                    self.places = {name: place for place, name in enumerate(head, 1)}
                elif any(cells):
                    if any(cells[len(head) :]):
                        raise CourseError(
                            f"{path}, line {line}, column {len(head) + 1}: the first line names "
                            f"{len(head)} columns, and this one has {len(cells)}; a cell with "
                            f"{separator!r} in it has to stand in quotes"
                        )
                    row = dict.fromkeys(columns, "") | dict(zip(head, cells, strict=False))
                    self.rows.append((line, row))
                    for name in required:
                        if not row[name]:
                            raise self.error(line, name, "it is empty")
                line = reader.line_num + 1
        except csv.Error as error:
            raise CourseError(f"{path}, line {line}: {error}") from None
        if not self.places:
            raise CourseError(f"{path} is empty; its first line has to name columns")

    def error(self, line, column, text):
        """Return the error about a cell."""
        where = f"line {line}, column {self.places[column]} ({column})"
        return CourseError(f"{self.path}, {where}: {text}")


def _text(path):
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise CourseError(
            f"{path}, line {line}, byte {column}: not in UTF-8; save it as 'CSV UTF-8'"
        ) from None


def _head(path, cells, columns, required):
    while cells and not cells[-1]:
        cells.pop()
    for place, cell in enumerate(cells, 1):
        where = f"{path}, line 1, column {place}"
        if cell not in columns:
            raise CourseError(
                f"{where}: the first line has to name columns out of {', '.join(columns)}; "
                f"found {cell!r}"
            )
        if cell in cells[: place - 1]:
            raise CourseError(f"{where}: the column {cell} stands twice")
    for name in required:
        if name not in cells:
            raise CourseError(
                f"{path}, line 1: the first line has to name the column {name}; "
                f"found {', '.join(cells)}"
            )
    return cells


class Settings:
    """A TOML file whose values know where they stand.

    Raises
    ------
    CourseError
        If it is no TOML, or not in UTF-8.
    """

    def __init__(self, path):
        self.path = path
        self.text = _text(path)
        try:
            self.values = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise CourseError(f"{path}: {error}") from None

    def error(self, keys, text):
        """Return the error about the value under these keys."""
        line, column = self._place(keys)
        return CourseError(f"{self.path}, line {line}, column {column} ({'.'.join(keys)}): {text}")

    def _place(self, keys):
        """Return line and column of a value, or of the table that holds it."""
        here, best = [], (0, (1, 1))
        for number, line in enumerate(self.text.splitlines(), 1):
            found = re.match(r"\s*\[([^\[\]]+)\]", line)
            if found:
                here, column = _keys(found.group(1)), found.start(1) + 1
                whole = here
            else:
                found = re.match(r"\s*([^=#]+?)\s*=\s*", line)
                if not found:
                    continue
                whole, column = here + _keys(found.group(1)), found.end() + 1
            if whole == list(keys[: len(whole)]) and len(whole) > best[0]:
                best = len(whole), (number, column)
        return best[1]


def _keys(text):
    return [part.strip().strip("'\"") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", text)]
