"""Read the gradebook, and write the tables that a school's system imports."""

import csv
import io

from nbgrader.api import MissingEntry

from classroom import late, tables
from classroom.course import write


def result(course, student, name):
    """Return the points of one submission as a dict; ``score`` is None where not graded."""
    record = course.record(student, name)
    row = {"student": student, "assignment": name, "score": None, "max_score": None}
    row |= {"by_tests": None, "needs_manual_grade": False, "note": record.get("note", "")}
    if not record:
        return row
    with course.gradebook() as gradebook:
        try:
            submission = gradebook.find_submission(name, student)
        except MissingEntry:
            return row
        parts = [part for notebook in submission.notebooks for part in notebook.grades]
        row["score"], row["max_score"] = submission.score, submission.max_score
        row["by_tests"] = sum(part.auto_score or 0 for part in parts)
        row["needs_manual_grade"] = any(part.needs_manual_grade for part in parts)
    return row


def told(row):
    """Return a result in words."""
    if row["score"] is None:
        return "not graded"
    text = f"{row['score']:g} of {row['max_score']:g}"
    text += ", written answer to be marked" if row["needs_manual_grade"] else ""
    return f"{text} ({row['note']})" if row["note"] else text


def main(course, names, separator=","):
    """Write ``grades.csv`` and the files for Canvas and Moodle; return their paths.

    Canvas: "Import grades", one file with the columns Student, ID, SIS User ID, SIS Login ID,
    Section and one for each assignment, and a line of the points possible; it leaves a mark as it
    is where a cell is blank.  Moodle: "Import, CSV file", one file an assignment, since it reads a
    blank as 0.  In both are marks that are final, of people that they can be given to.
    ``separator`` is that of ``grades.csv`` alone, which people open; beside a semicolon its
    numbers have a decimal comma, as spreadsheets want it.
    """
    rules = late.Rules(course)
    people = tables.roster(course)
    listed = bool(people)
    for student, _, _ in course.submissions(names):
        if student not in people:
            people[student] = dict.fromkeys(tables.ROSTER, "") | {"student": student}
            if listed:
                print(f"{student} is not in students.csv: in grades.csv alone")
                people[student] = None
    results = {(who, name): result(course, who, name) for who in people for name in names}
    lateness = {who: rules.of(who) for who in people}
    for (who, name), row in results.items():
        row["late"] = lateness[who].get(name, late.Lateness())
        row["final"] = row["late"].final(row["score"])
    _tell_what_waits(results)
    final = {
        key: "" if row["needs_manual_grade"] else _number(row["final"])
        for key, row in results.items()
    }
    people = {student: person for student, person in people.items() if person}
    canvas = _canvas(course, names, people, final, rules.columns)
    written = {"grades.csv": _plain(results.values(), separator), "grades_canvas.csv": canvas}
    for name in names:
        written[f"grades_moodle_{name}.csv"] = _moodle(name, people, final)
    paths = []
    for file, rows in written.items():
        text = io.StringIO()
        # in quotes, so that no spreadsheet that separates by other signs cuts a cell in two
        between = separator if file == "grades.csv" else ","
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, delimiter=between)
        writer.writerows([harmless(cell) for cell in row] for row in rows)
        write(course.root / file, text.getvalue())
        paths.append(course.root / file)
    return paths


def _tell_what_waits(results):
    for what, waiting in {
        "wait for a written answer to be marked": [
            key for key, row in results.items() if row["needs_manual_grade"]
        ],
        f"are late, or may be, and need the time when they were handed in, in {late.TIMES}": [
            key for key, row in results.items() if row["late"].days is None and row["final"] is None
        ],
    }.items():
        if waiting:
            print(
                f"{len(waiting)} marks {what}, and are in grades.csv alone; "
                f"the first is {' of '.join(reversed(waiting[0]))}"
            )


def _plain(rows, separator):
    """Return the table of everything: marks before and after what a late day costs."""
    plain = [["student", "assignment", "score", "max_score", "by_tests", "needs_manual_grade"]]
    plain[0] += ["handed_in", "time_from", "days_late", "days_free", "percent_off", "final"]
    plain[0] += ["note"]
    for row in rows:
        numbers = [_number(row[key], separator) for key in ("score", "max_score", "by_tests")]
        flag = "" if row["score"] is None else "yes" if row["needs_manual_grade"] else "no"
        told = row["late"]
        time = told.time.isoformat(" ", "seconds") if told.time else ""
        days = "not known" if told.days is None else f"{told.days}"
        costs = [days, f"{told.grace}", _number(told.percent, separator)]
        costs = costs if told.source else [""] * 3
        final = _number(row["final"], separator)
        line = [row["student"], row["assignment"], *numbers, flag]
        plain.append([*line, time, told.source, *costs, final, row["note"]])
    return plain


def _canvas(course, names, people, final, columns):
    heads = [columns.get(name, name) for name in names]
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *heads]]
    rows.append(["    Points Possible", "", "", "", "", *(_largest(course, n) for n in names)])
    keys = ["canvas_id", "sis_id", "login"]
    by_folder = not any(person[key] for person in people.values() for key in keys)
    for student, person in people.items():
        if not by_folder and not any(person[key] for key in keys):
            print(f"{student} has no canvas_id, sis_id or login: not in grades_canvas.csv")
            continue
        login = person["login"] or (student if by_folder else "")
        who = [person["name"] or student, person["canvas_id"], person["sis_id"]]
        marks = [final[student, name] for name in names]
        rows.append([*who, login, person["section"], *marks])
    return rows


def _moodle(name, people, final):
    """Return rows for people with a mark, and the columns that tell all of them apart.

    Moodle stops at a row that it cannot give to anybody, and a blank beside others that are not
    could be taken for somebody else.
    """
    marked = {student: person for student, person in people.items() if final[student, name]}
    columns = {"Username": "login", "ID number": "sis_id", "Email address": "email"}
    kept = {}
    for head, key in columns.items():
        values = [person[key] for person in marked.values()]
        if all(values) and len({value.casefold() for value in values}) == len(values):
            kept[head] = values
    if not kept:
        if marked and any(person[key] for person in marked.values() for key in tables.IDENTITIES):
            print(
                f"grades_moodle_{name}.csv: neither login nor sis_id nor email is there, and "
                "different, for everybody in students.csv; it takes the folders' names for logins"
            )
        kept["Username"] = list(marked)
    rows = zip(*kept.values(), (final[student, name] for student in marked), strict=True)
    return [[*kept, name], *map(list, rows)]


def _largest(course, name):
    cells = course.reference(name).cells
    return _number(sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells))


def _number(value, separator=","):
    text = "" if value is None else f"{value:g}"
    return text.replace(".", ",") if separator == ";" else text


def harmless(cell):
    """Keep a spreadsheet from taking a student's text for a formula."""
    # as some read them: with space before, or in signs of full width
    return f"'{cell}" if cell.lstrip()[:1] in tuple("=+-@|%＝＋－＠") else cell
