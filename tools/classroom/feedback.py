"""Write a page for each graded submission: what was run, what it earned, and why."""

import re
from pathlib import Path

import nbformat
import nbgrader
from nbconvert.exporters import HTMLExporter
from nbformat import v4
from nbgrader.preprocessors import GetGrades

from classroom import submission
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
    paths = []
    for number, (student, name, _) in enumerate(items, 1):
        path = course.root / "feedback" / student / name / f"{name}.html"
        write(path, page(course, student, name, visible[name]))
        print(f"[{number}/{len(items)}] {student}, {name}", flush=True)
        paths.append(path)
    return paths


def page(course, student, name, visible):
    """Return the page of one submission."""
    notebook = nbformat.read(course.graded_notebook(student, name), 4)
    for cell in notebook.cells:
        if submission.kind(cell) == "checks":
            # hidden tests stay hidden: the messages say what they found
            cell.source = visible[cell.metadata.nbgrader.grade_id]
    exporter = HTMLExporter(
        template_name="feedback",
        extra_template_basedirs=[str(FORMGRADER / "templates")],
        extra_template_paths=[str(STYLES)],
        sanitize_html=True,
        filters=FILTERS,
    )
    exporter.register_preprocessor(GetGrades, enabled=True)
    told = {"student": student, "assignment": name, "notebook": name}
    told["db_url"] = course.gradebook_url
    note = course.record(student, name).get("note")
    if note:
        notebook.cells.insert(0, v4.new_markdown_cell(f"*Your submission: {note}.*"))
    html, _ = exporter.from_notebook_node(notebook, {"nbgrader": told})
    # what is left after the sanitising are scripts of the template, MathJax from another host
    html = re.sub(r"<script\b.*?</script>", "", html, flags=re.DOTALL)
    html = html.replace("<head>", f"<head>\n{POLICY}", 1)
    return html.replace("</head>", f"{STYLE}\n</head>", 1)
