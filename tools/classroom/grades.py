"""Read the gradebook, and write the tables that a school's system imports."""

import csv
import io

from nbgrader.api import MissingEntry

from classroom.course import CourseError, write

ROSTER = ["student", "name", "email", "canvas_id", "sis_id", "login", "section"]


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


def main(course, names):
    """Write ``grades.csv`` and the files for Canvas and Moodle; return their paths.

    Canvas: "Import grades", one file with the columns Student, ID, SIS User ID, SIS Login ID,
    Section and one for each assignment, and a line of the points possible; it leaves a mark as it
    is where a cell is blank.  Moodle: "Import, CSV file", one file an assignment, since it reads a
    blank as 0.  In both are marks that are final, of people that they can be given to.
    """
    people = _roster(course)
    listed = bool(people)
    for student, _, _ in course.submissions(names):
        if student not in people:
            people[student] = dict.fromkeys(ROSTER, "") | {"student": student}
            if listed:
                print(f"{student} is not in students.csv: in grades.csv alone")
                people[student] = None
    results = {(who, name): result(course, who, name) for who in people for name in names}
    waiting = [key for key, row in results.items() if row["needs_manual_grade"]]
    if waiting:
        print(
            f"{len(waiting)} marks wait for a written answer to be marked, and are in grades.csv "
            f"alone; the first is {' of '.join(reversed(waiting[0]))}"
        )
    plain = [["student", "assignment", "score", "max_score", "by_tests"]]
    plain[0] += ["needs_manual_grade", "note"]
    for row in results.values():
        numbers = [_number(row[key]) for key in ("score", "max_score", "by_tests")]
        flag = "" if row["score"] is None else "yes" if row["needs_manual_grade"] else "no"
        plain.append([row["student"], row["assignment"], *numbers, flag, row["note"]])
    final = {
        key: "" if row["needs_manual_grade"] else _number(row["score"])
        for key, row in results.items()
    }
    people = {student: person for student, person in people.items() if person}
    tables = {"grades.csv": plain, "grades_canvas.csv": _canvas(course, names, people, final)}
    for name in names:
        tables[f"grades_moodle_{name}.csv"] = _moodle(name, people, final)
    paths = []
    for file, rows in tables.items():
        text = io.StringIO()
        # in quotes, so that no spreadsheet that separates by other signs cuts a cell in two
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerows([_harmless(cell) for cell in row] for row in rows)
        write(course.root / file, text.getvalue())
        paths.append(course.root / file)
    return paths


def _canvas(course, names, people, final):
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *names]]
    rows.append(["    Points Possible", "", "", "", "", *(_largest(course, n) for n in names)])
    for student, person in people.items():
        who = [person["name"] or student, person["canvas_id"], person["sis_id"]]
        marks = [final[student, name] for name in names]
        rows.append([*who, person["login"] or student, person["section"], *marks])
    return rows


def _moodle(name, people, final):
    rows = [["Username", "ID number", "Email address", name]]
    for student, person in people.items():
        if final[student, name]:
            who = [person["login"] or student, person["sis_id"], person["email"]]
            rows.append([*who, final[student, name]])
    # a row that is blank where others are not could be taken for somebody else
    for column in (1, 2):
        if not all(row[column] for row in rows):
            for row in rows[1:]:
                row[column] = ""
    keep = [c for c in range(4) if len(rows) == 1 or rows[1][c]]
    return [[row[c] for c in keep] for row in rows]


def _roster(course):
    """Return the people in ``students.csv``, by the name of their folder."""
    path = course.root / "students.csv"
    if not path.exists():
        return {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        unknown = set(reader.fieldnames or []) - set(ROSTER)
        if "student" not in (reader.fieldnames or []) or unknown:
            raise CourseError(
                f"{path}: the first line has to name columns out of {', '.join(ROSTER)}, "
                f"the first of them always; found {', '.join(reader.fieldnames or [])}"
            )
        people = {}
        for line in reader:
            person = {key: (line.get(key) or "").strip() for key in ROSTER}
            if not person["student"] or person["student"] in people:
                raise CourseError(
                    f"{path}, line {reader.line_num}: no student, or one that stands twice"
                )
            people[person["student"]] = person
    return people


def _largest(course, name):
    cells = course.reference(name).cells
    return _number(sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells))


def _number(value):
    return "" if value is None else f"{value:g}"


def _harmless(cell):
    """Keep a spreadsheet from taking a student's text for a formula."""
    # as some read them: with space before, or in signs of full width
    return f"'{cell}" if cell.lstrip()[:1] in tuple("=+-@|%＝＋－＠") else cell
