"""Read the tables that a teacher writes; what is odd in them is named by line and column."""

import csv
import io
import re
import tomllib

from classroom.course import CourseError


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
