"""Which submissions look alike: a hint for a talk, and no proof of anything.

Code is read as a row of tokens in which all names but Python's own words are one and the same, all
texts another, and comments and spacing are gone.  Of each submission count the different pieces of
`PIECE` tokens in a row, without those that stand in the released notebook, and without those that
more than half of the class has.  The likeness of two is the share of the smaller one's pieces that
the other has too.  Beside it stands how many lines they share letter by letter, comments and names
included, which others have not: renaming leaves the first high, copying leaves both high, and
being right leaves both where most of the class is.
"""

import builtins
import collections
import csv
import io
import itertools
import keyword
import re
import statistics

from classroom import grades, intake
from classroom.course import table, write

PIECE = 12
# who wrote less of their own cannot be told from others
FEWEST = 20
SHOWN = 10

# a quote that is never closed takes the rest of its line: to look for its end from each of many
# would take hours
TOKEN = re.compile(
    r"(?P<comment>#[^\n]*)"
    r"|(?P<text>[rbfuRBFU]{0,2}(?:'''[\s\S]*?'''|\"\"\"[\s\S]*?\"\"\"|'(?:\\.|[^'\\\n])*'?"
    r"|\"(?:\\.|[^\"\\\n])*\"?))"
    r"|(?P<number>\d[\w.]*)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>[^\s\w])"
)
KEPT = set(keyword.kwlist) | set(dir(builtins))


def main(course, names):
    """Write ``likeness.csv``, all pairs, those most alike first; return its path."""
    rows = []
    for name in names:
        handed_out, answers = course.handed_out(name), {}
        for student, _, folder in course.submissions([name]):
            notebook, note = intake.read(folder, name, handed_out)
            if notebook is None:
                print(f"{name}: {student} is not compared, {note}")
            else:
                answers[student] = _code(notebook)
        found = compare(answers, _code(handed_out))
        rows += [[name, *row] for row in found]
        _tell(name, found)
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    head = ["assignment", "one", "other", "likeness", "same_lines", "pieces_of_one"]
    writer.writerow([*head, "pieces_of_other"])
    writer.writerows([grades.harmless(str(cell)) for cell in row] for row in rows)
    path = course.root / "likeness.csv"
    write(path, text.getvalue())
    return path


def _code(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def _tell(name, found):
    if not found:
        print(f"{name}: there are no two submissions to compare")
        return
    middle = statistics.median(row[2] for row in found)
    print(f"{name}: {len(found)} pairs, half of them below {middle:.2f}; most alike are")
    head = ("one", "other", "likeness", "same lines")
    table([head, *((one, other, f"{x:.2f}", n) for one, other, x, n, *_ in found[:SHOWN])])
    print()


def compare(answers, released):
    """Return how alike each two answers are.

    Parameters
    ----------
    answers : dict of str
        The code of each student.
    released : str
        The code that all were given.

    Returns
    -------
    rows : list of tuple
        (one, other, likeness from 0 to 1, lines that only they share, pieces of one, of the
        other), most alike first.
    """
    pieces = _own({who: _pieces(code) for who, code in answers.items()}, _pieces(released))
    lines = _own({who: _lines(code) for who, code in answers.items()}, _lines(released))
    rows = []
    for one, other in itertools.combinations(sorted(answers), 2):
        smaller = min(len(pieces[one]), len(pieces[other]))
        shared = len(pieces[one] & pieces[other]) / smaller if smaller >= FEWEST else 0.0
        same = len(lines[one] & lines[other])
        rows.append((one, other, round(shared, 3), same, len(pieces[one]), len(pieces[other])))
    return sorted(rows, key=lambda row: (-row[2], -row[3], row[:2]))


def _own(found, released):
    """Take out what was given, and what more than half of at least five have."""
    often = collections.Counter(itertools.chain.from_iterable(found.values()))
    usual = {item for item, times in often.items() if len(found) >= 5 and 2 * times > len(found)}
    return {who: items - released - usual for who, items in found.items()}


def tokens(code):
    """Return code as a row of tokens: names are alike, comments and spacing are gone."""
    row = []
    for found in TOKEN.finditer(code):
        kind, text = found.lastgroup, found.group()
        if kind == "name":
            row.append(text if text in KEPT else "name")
        elif kind != "comment":
            row.append("text" if kind == "text" else text)
    return row


def _pieces(code):
    row = tokens(code)
    return {tuple(row[at : at + PIECE]) for at in range(len(row) - PIECE + 1)}


def _lines(code):
    lines = (line.strip() for line in code.splitlines())
    return {line for line in lines if len(line) >= 8}
