"""Grade what was handed in and is not graded yet."""

import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
from nbformat import v4
from nbgrader.preprocessors import SaveAutoGrades

from classroom import grades, intake, sandbox, submission
from classroom.course import CourseError, table, write

HERE = Path(__file__).resolve().parent


def main(course, names, jobs, unsafe):
    """Grade all new and changed submissions; return the number of those that could not be."""
    if unsafe:
        print("WARNING: no sandbox. The code of students runs as you, on your files.")
    elif not sandbox.available():
        raise CourseError(
            "There is no sandbox here: submissions run in bubblewrap (Debian and Ubuntu: "
            "apt install bubblewrap; it exists on Linux only). Student code could read and "
            "delete your files; if you trust it all the same: make grade UNSAFE=1"
        )
    with course.lock():
        found = course.submissions(names)
        references = {name: course.reference(name) for name in {item[1] for item in found}}
        marks = {item: fingerprint(course, *item) for item in found}
        todo = [item for item in found if course.record(*item[:2]).get("of") != marks[item]]
        for name in sorted({item[1] for item in todo}):
            course.release(name)
        print(f"{len(found)} submissions, {len(todo)} to grade", flush=True)
        failed = 0
        pool = ThreadPoolExecutor(jobs)
        try:
            futures = {pool.submit(run, references[i[1]], *i[1:], unsafe): i for i in todo}
            for number, future in enumerate(as_completed(futures), 1):
                student, name, _ = item = futures[future]
                try:
                    notebook, note, seconds = future.result()
                    record = {"of": marks[item], "note": note, "seconds": round(seconds, 1)}
                    save(course, student, name, notebook, record)
                    told = grades.told(grades.result(course, student, name))
                except Exception as error:
                    failed += 1
                    told = f"NOT GRADED, {type(error).__name__}: {error}"
                print(f"[{number}/{len(todo)}] {student}, {name}: {told}", flush=True)
        finally:
            pool.shutdown(cancel_futures=True)
    rows = [grades.result(course, student, name) for student, name, _ in found]
    if rows:
        print()
        shown = [(row["student"], row["assignment"], grades.told(row)) for row in rows]
        table([("student", "assignment", "result"), *shown])
    return failed


def fingerprint(course, student, name, folder):
    """Return what tells a submission, or the way it is graded, from a later version."""
    digest = hashlib.sha256()
    for path in [course.source(name), *sorted(HERE.glob("*.py"))]:
        digest.update(path.read_bytes())
    for place, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(place, file)
            status = os.lstat(path)
            digest.update(os.fsencode(os.path.relpath(path, folder)))
            digest.update(f" {status.st_mode} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def run(reference, name, folder, unsafe=False):
    """Run a submission; return the executed notebook, a note and the seconds it took."""
    start = time.monotonic()
    submitted, note = intake.read(folder, name, reference)
    # what cannot be read is graded as if nothing had been written
    notebook = submission.rebuild(reference, submitted or reference)
    process = submission.Run(None if submitted is None else folder, unsafe)
    try:
        for cell in notebook.cells:
            if submission.kind(cell):
                cell.outputs = outputs(cell, process.cell(cell))
    finally:
        process.close()
    return notebook, note, time.monotonic() - start


def outputs(cell, outcome):
    """Return the outcome of a cell as outputs of a notebook.

    nbgrader takes any error, and anything on stderr, of a test for a failure, and a value that
    is shown for a part of the points: a test's outputs are its error or its printed text.
    """
    kept = []
    if outcome["stdout"]:
        kept.append(v4.new_output("stream", name="stdout", text=outcome["stdout"]))
    if submission.kind(cell) != "checks":
        if outcome["stderr"]:
            kept.append(v4.new_output("stream", name="stderr", text=outcome["stderr"]))
        kept += [v4.new_output("display_data", data=data) for data in outcome["rich"]]
    if outcome["error"]:
        kept.append(v4.new_output("error", **outcome["error"]))
    return kept


def save(course, student, name, notebook, record):
    """Store the executed notebook, then the points, then that all of it is there."""
    course.write_record(student, name, None)
    write(course.graded_notebook(student, name), nbformat.writes(notebook))
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(name, student)
    told = {"student": student, "assignment": name, "notebook": name}
    told["db_url"] = course.gradebook_url
    SaveAutoGrades().preprocess(notebook, {"nbgrader": told})
    course.write_record(student, name, json.loads(json.dumps(record)))
