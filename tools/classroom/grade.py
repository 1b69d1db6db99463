"""Grade what was handed in and is not graded yet."""

import contextlib
import functools
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import nbformat
from nbformat import v4
from nbgrader.api import MissingEntry
from nbgrader.preprocessors import SaveAutoGrades

from classroom import cgroup, grades, intake, sandbox, submission, vary, warm
from classroom.course import CourseError, graded, table, without_hidden_tests, write
from classroom.sandbox import SandboxError


def main(course, names, jobs, unsafe, student=None):
    """Grade all new and changed submissions; return the number of those that could not be.

    With ``student``, grade that student's alone, whether they have changed or not.
    """
    if unsafe:
        print("WARNING: no sandbox. The code of students runs as you, on your files.")
    elif why := sandbox.missing():
        raise CourseError(
            f"There is no sandbox here: {why}. Without one, student code could read and delete "
            "your files; if you trust it all the same: make grade UNSAFE=1"
        )
    with course.lock():
        found = course.submissions(names)
        if student is not None:
            found = [item for item in found if item[0] == student]
            if not found:
                raise CourseError(f"no submission of {student!r} in {course.root / 'submitted'}")
        for stray in course.strays():
            print(f"submitted/{stray} is no student's folder, and is left alone")
        versions = Versions(course, {item[1] for item in found})
        marks, problems = {}, {}
        for item in found:
            marks[item], problems[item] = fingerprint(course, *item, versions.number(*item[:2]))
        known = {item: course.record(*item[:2]).get("of") for item in found}
        todo = [item for item in found if student is not None or known[item] != marks[item]]
        for name in sorted({item[1] for item in todo}):
            # nbgrader takes seconds for it
            if not course.is_released(name):
                course.release(name)
        print(f"{len(found)} submissions, {len(todo)} to grade", flush=True)
        if todo and not unsafe and cgroup.parent() is None:
            print("Memory is looked at ten times a second: the system offers no control group here")
        with _warm(todo, unsafe):
            failed = _grade_all(course, todo, versions, marks, problems, jobs, unsafe)
    rows = [grades.result(course, student, name) for student, name, _ in found]
    if rows:
        print()
        shown = [(row["student"], row["assignment"], grades.told(row)) for row in rows]
        table([("student", "assignment", "result"), *shown])
    return failed


@contextlib.contextmanager
def _warm(todo, unsafe):
    """Let the workers be forked, where that pays."""
    if unsafe or len(todo) < 2:
        yield
        return
    with warm.forks() as why:
        if why:
            print(f"Each submission begins from scratch, which takes longer: {why}")
        yield


class LateError(Exception):
    """A submission was stopped by time while others ran beside it."""


def _grade_all(course, todo, versions, marks, problems, jobs, unsafe):
    """Run and store the submissions; return the number of those that could not be graded."""

    def execute(item, alone):
        return run(*versions.of(*item[:2]), *item[1:], unsafe, problems[item], alone)

    failed = 0
    with contextlib.closing(_executed(todo, execute, jobs)) as executed:
        for number, (item, result) in enumerate(executed, 1):
            student, name, _ = item
            try:
                notebook, note, seconds = result()
                record = {"of": marks[item], "note": note, "seconds": round(seconds, 1)}
                save(course, student, name, notebook, record)
                told = grades.told(grades.result(course, student, name))
            except Exception as error:
                failed += 1
                kept = "; its earlier mark is kept" if course.record(student, name) else ""
                told = f"NOT GRADED{kept}, {type(error).__name__}: {error}"
            print(f"[{number}/{len(todo)}] {student}, {name}: {told}", flush=True)
    return failed


def _executed(todo, execute, jobs):
    """Run the submissions; give each as soon as it has ended, with a function for its result.

    One that time has stopped while others ran is run once more, alone: a neighbour that keeps the
    processors busy costs nobody a mark.
    """
    beside, again = min(jobs, len(todo)) > 1, []
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(execute, item, not beside): item for item in todo}
        for future in as_completed(futures):
            # a result is large, and not needed any more once it is stored
            item = futures.pop(future)
            error = future.exception()
            if beside and isinstance(error, (LateError, SandboxError)):
                print(f"{item[0]}, {item[1]}: {error}; it is run once more, alone", flush=True)
                again.append(item)
            else:
                yield item, future.result
    finally:
        pool.shutdown(cancel_futures=True)
    for item in again:
        yield item, functools.partial(execute, item, True)


class Versions:
    """The assignments as each student has them."""

    def __init__(self, course, names):
        self._plain = {}
        for name in names:
            reference = course.reference(name)
            self._plain[name] = reference, without_hidden_tests(reference)
        self._varied = {name for name in names if vary.is_varied(self._plain[name][0])}
        self._words = vary.key(course) if self._varied else ""

    def number(self, student, name):
        """Return the number that makes a student's data; None where all have the same."""
        return vary.number(self._words, student, name) if name in self._varied else None

    def of(self, student, name):
        """Return the reference notebook of a student, and what the student got."""
        number = self.number(student, name)
        if number is None:
            return self._plain[name]
        return tuple(vary.with_number(notebook, number) for notebook in self._plain[name])


def fingerprint(course, student, name, folder, number=None):
    """Return what tells a submission, or its assignment, from another version: their contents.

    Beside it stands why the folder's other files cannot be taken, empty where they can.
    """
    digest, problem = hashlib.sha256(course.source(name).read_bytes()), ""
    if number is not None:
        digest.update(str(number).encode())
    try:
        digest.update(intake.contents(folder).encode())
    except intake.UnreadableError as error:
        problem = str(error)
        digest.update(problem.encode())
        with contextlib.suppress(OSError, intake.UnreadableError):
            digest.update(intake.content(folder / f"{name}.ipynb", intake.SIZE_LIMIT))
    return digest.hexdigest(), problem


def run(reference, handed_out, name, folder, unsafe=False, problem="", alone=True):
    """Run a submission; return the executed notebook, a note and the seconds it took.

    Where there is a ``problem`` with its folder, the notebook alone is taken.  One that is not
    ``alone`` raises :class:`LateError` as soon as time has stopped a part of it.
    """
    start = time.monotonic()
    submitted, note = intake.read(folder, name, handed_out)
    # what cannot be read is graded as if nothing had been written
    notebook, repeated = submission.rebuild(reference, submitted or handed_out, handed_out)
    notes, files = [note, repeated], None if submitted is None else folder
    if files and problem:
        notes.append(f"{problem}: graded without its other files")
        files = None
    process = submission.Run(files, unsafe)
    try:
        for cell in notebook.cells:
            if submission.kind(cell):
                cell.outputs = outputs(cell, process.cell(cell))
            if not alone and process.late:
                raise LateError("stopped by a time limit while others ran beside it")
    finally:
        process.close()
    return notebook, "; ".join(filter(None, notes)), time.monotonic() - start


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
    # nothing of an earlier grading is touched before the new one is known to be storable
    text, record = nbformat.writes(notebook), json.loads(json.dumps(record))
    earlier = _marks_by_hand(course, student, name)
    course.write_record(student, name, None)
    write(course.graded_notebook(student, name), text)
    with course.gradebook() as gradebook:
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(name, student)
    told = {"student": student, "assignment": name, "notebook": name}
    told["db_url"] = course.gradebook_url
    SaveAutoGrades().preprocess(notebook, {"nbgrader": told})
    _settle(course, student, name, notebook, earlier)
    course.write_record(student, name, record)


def _answers(notebook):
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook.cells if graded(cell)}


def _marks_by_hand(course, student, name):
    """Return what a teacher has marked and need not look at again, by grade_id.

    That is the points that the tests gave beside it, and the answer that was marked.
    """
    try:
        answers = _answers(nbformat.read(course.graded_notebook(student, name), 4))
        with course.gradebook() as gradebook:
            grades = gradebook.find_submission_notebook(name, name, student).grades
            return {
                grade.name: (grade.auto_score, answers.get(grade.name))
                for grade in grades
                if grade.manual_score is not None and not grade.needs_manual_grade
            }
    except (OSError, ValueError, MissingEntry):
        return {}


def _settle(course, student, name, notebook, earlier):
    """Take nbgrader's flag for another look off where nothing has changed."""
    answers = _answers(notebook)
    with course.gradebook() as gradebook:
        for grade in gradebook.find_submission_notebook(name, name, student).grades:
            if earlier.get(grade.name) == (grade.auto_score, answers.get(grade.name)):
                grade.needs_manual_grade = False
        gradebook.db.commit()
