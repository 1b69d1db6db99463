"""Write a page for each graded submission: what was run, what it earned, and why."""

import re
from pathlib import Path

import nbformat
import nbgrader
from nbconvert.exporters import HTMLExporter
from nbformat import v4
from nbgrader.preprocessors import GetGrades

from classroom import discretion, grades, late, submission
from classroom.cleaning import FILTERS
from classroom.course import write

FORMGRADER = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader"
STYLES = FORMGRADER / "static" / "node_modules" / "bootstrap" / "dist" / "css"
# the page asks no other host for anything, and runs no script
POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "img-src data:; style-src 'unsafe-inline'\" />"
)
STYLE = "<style>img { max-width: 100%; height: auto } td, th { padding: 0 0.5em }</style>"


def main(course, names):
    """Write the pages of all graded submissions; return their paths."""
    visible = {name: course.visible(name) for name in names}
    items = [item for item in course.submissions(names) if course.record(*item[:2])]
    rules, exporter, paths = late.Rules(course), _exporter(), []
    for number, (student, name, _) in enumerate(items, 1):
        path = course.root / "feedback" / student / name / f"{name}.html"
        told = f"[{number}/{len(items)}] {student}, {name}"
        try:
            write(path, page(course, student, name, visible[name], rules, exporter))
        except Exception as error:  # whatever is odd in one page must not cost the others theirs
            told += f": NO PAGE, {ascii(error)[:300]}"
        else:
            paths.append(path)
        print(told, flush=True)
    return paths


def _exporter():
    """Return what makes pages; one for all, since it takes its time to compile its template."""
    exporter = HTMLExporter(
        template_name="feedback",
        extra_template_basedirs=[str(FORMGRADER / "templates")],
        extra_template_paths=[str(STYLES)],
        sanitize_html=True,
        filters=FILTERS,
    )
    exporter.register_preprocessor(GetGrades, enabled=True)
    return exporter


def page(course, student, name, visible, rules, exporter):
    """Return the page of one submission."""
    notebook = nbformat.read(course.graded_notebook(student, name), 4)
    notes = _notes(course, student, name, rules)
    if discretion.keep(notebook.cells):
        notes.append(discretion.NOTE)
    for cell in notebook.cells:
        if submission.kind(cell) == "checks":
            # hidden tests stay hidden: the messages say what they found
            cell.source = visible[cell.metadata.nbgrader.grade_id]
    told = {"student": student, "assignment": name, "notebook": name}
    told["db_url"] = course.gradebook_url
    for text in reversed(notes):
        notebook.cells.insert(0, v4.new_markdown_cell(f"*{text}*"))
    html, _ = exporter.from_notebook_node(notebook, {"nbgrader": told})
    # what is left after the sanitising are scripts of the template, MathJax from another host
    html = re.sub(r"<script\b.*?</script>", "", html, flags=re.DOTALL)
    html = html.replace("<head>", f"<head>\n{POLICY}", 1)
    return html.replace("</head>", f"{STYLE}\n</head>", 1)


def _notes(course, student, name, rules):
    """Return what stands above the notebook: what was odd about it, and what being late costs."""
    notes = []
    note = course.record(student, name).get("note")
    if note:
        notes.append(f"Your submission: {note}.")
    told = rules.of(student).get(name, late.Lateness())
    if told.told():
        row = grades.result(course, student, name)
        text = f"Handed in {told.told()}."
        final = told.final(row["score"])
        if final is not None:
            of = f"{row['max_score']:g}"
            text += f" {row['score']:g} of {of} points before it, **{final:g} of {of}** after it."
        if told.time:
            text += f" It came at {told.time.isoformat(' ', 'minutes')} ({told.source})."
        notes.append(text)
    return notes
