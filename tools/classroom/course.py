"""Where the files of a course lie, and nbgrader's view of them."""

import contextlib
import copy
import fcntl
import json
import os
import shutil
import sys
import warnings
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)
from nbgrader.utils import capture_log
from sqlalchemy.exc import SAWarning

from aeutils.core.files import atomic_write
from classroom import limits
from classroom.intake import UnreadableError, contents, readable

PARTIAL = ".release.partial"
RELEASED = ".released"  # what each assignment in release/ was made of
# said by nbgrader's own way of making entries
warnings.filterwarnings("ignore", category=SAWarning)
# nbgrader starts `alembic` by its name when it makes a gradebook
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


class CourseError(Exception):
    """The course cannot be used as it is; the text says why and what to do."""


class Course:
    """A folder with ``source/``, and what is made from it beside that.

    Parameters
    ----------
    root : path
        The folder; ``source/NAME/NAME.ipynb`` are its assignments, and
        ``submitted/STUDENT/NAME/`` what was handed in.

    Raises
    ------
    CourseError
        If there is no assignment in it.
    """

    def __init__(self, root):
        self.root = Path(root).resolve()
        self._gradebook_path, self._gradebook = self.root / "gradebook.db", None
        self.gradebook_url = f"sqlite:///{self._gradebook_path}"
        self.names = [path.parent.name for path in sorted(self.root.glob("source/*/*.ipynb"))]
        if not self.names:
            raise CourseError(f"no source/NAME/NAME.ipynb in {self.root}; is it a course?")

    def chosen(self, names):
        """Return the assignments of these names, all where none is given."""
        for name in names:
            if name not in self.names:
                raise CourseError(f"no assignment {name!r}; there are {', '.join(self.names)}")
        return list(names) or self.names

    def source(self, name):
        """Return the path of a source notebook."""
        return self.root / "source" / name / f"{name}.ipynb"

    def reference(self, name):
        """Return the notebook that submissions are compared with: no solutions, but all tests."""
        notebook = nbformat.read(self.source(name), 4)
        limits.add(notebook)
        return _through(
            notebook,
            LockCells(),
            ClearSolutions(),
            ClearOutput(),
            ComputeChecksums(),
        )

    def visible(self, name):
        """Return the source of each cell as students see it, by its grade_id."""
        cells = self.handed_out(name).cells
        return {cell.metadata.nbgrader.grade_id: cell.source for cell in cells if graded(cell)}

    def handed_out(self, name):
        """Return the notebook as students get it."""
        return without_hidden_tests(self.reference(name))

    def submissions(self, names):
        """Return (student, assignment, folder) of all that was handed in."""
        found = []
        for student in self._students():
            folders = [(readable(student.name), name, student / name) for name in names]
            found += [item for item in folders if os.path.lexists(item[2])]
        return found

    def students(self):
        """Return the names of all who have a folder."""
        return [readable(student.name) for student in self._students()]

    def strays(self):
        """Return the names of what lies beside the students' folders, and is nobody's."""
        entries = set(self.root.glob("submitted/*")) - set(self._students())
        return sorted(readable(entry.name) for entry in entries)

    def _students(self):
        folders = self.root.glob("submitted/*/")
        return sorted(folder for folder in folders if not folder.name.startswith("."))

    def graded_notebook(self, student, name):
        """Return the path of an executed submission; its record lies beside it."""
        return self.root / "autograded" / student / name / f"{name}.ipynb"

    def record(self, student, name):
        """Return what is known of a finished grading: a dict, empty where there is none."""
        try:
            return json.loads(self._record_path(student, name).read_text())
        except (OSError, ValueError):
            return {}

    def write_record(self, student, name, record):
        """Store that a grading is finished; with None, that it is not."""
        path = self._record_path(student, name)
        if record is None:
            path.unlink(missing_ok=True)
        else:
            write(path, json.dumps(record, indent=1))

    def collected(self, student, name):
        """Return what an archive told of a submission that came from it: a dict, else empty.

        A folder that was changed since did not come from there as it is.
        """
        try:
            record = json.loads(self.collected_path(student, name).read_text())
            folder = self.root / "submitted" / student / name
            return record if record["contents"] == contents(folder) else {}
        except (OSError, ValueError, KeyError, UnreadableError):
            return {}

    def collected_path(self, student, name):
        """Return the path of that."""
        return self.root / "collected" / student / f"{name}.json"

    def _record_path(self, student, name):
        return self.graded_notebook(student, name).with_name("grading.json")

    def gradebook(self):
        """Open the gradebook, to be used in a ``with`` statement, and not within another."""
        # it is made once, or each query would be compiled anew, which takes longer than it does
        if self._gradebook is None or not self._gradebook_path.exists():
            self._gradebook = Gradebook(self.gradebook_url)
        return self._gradebook

    def release(self, name):
        """Make ``release/NAME`` and tell the gradebook about the assignment.

        Raises
        ------
        CourseError
            If nbgrader refuses the source; the text holds its reason.
        """
        mark = self.root / RELEASED / name
        mark.unlink(missing_ok=True)
        # what changes while it is made is released again
        made_of = self._made_of(name)
        folders = CourseDirectory(root=str(self.root), db_url=self.gradebook_url)
        folders.release_directory = PARTIAL
        partial = self.root / PARTIAL / name
        shutil.rmtree(partial, ignore_errors=True)
        folders.assignment_id = name
        result = capture_log(GenerateAssignment(coursedir=folders, force=True))
        if not result["success"]:
            reason = "\n".join((result.get("log") or result["error"]).strip().splitlines()[-12:])
            raise CourseError(
                f"{self.source(name)} cannot be released.\n{reason}\n"
                "If cells were added or removed after submissions were graded: move "
                "gradebook.db and autograded/ away, and everything is graded anew."
            )
        notebook = nbformat.read(partial / f"{name}.ipynb", 4)
        limits.add(notebook)
        nbformat.write(notebook, partial / f"{name}.ipynb")
        target = self.root / "release" / name
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(exist_ok=True)
        os.replace(partial, target)
        shutil.rmtree(self.root / PARTIAL)
        write(mark, made_of)
        return target

    def is_released(self, name):
        """Tell whether ``release/NAME`` and the gradebook hold the assignment as it is now."""
        try:
            made_of = (self.root / RELEASED / name).read_text()
            with self.gradebook() as gradebook:
                gradebook.find_notebook(name, name)
        except (OSError, MissingEntry):
            return False
        there = (self.root / "release" / name / f"{name}.ipynb").exists()
        return there and made_of == self._made_of(name) != ""

    def _made_of(self, name):
        """Return what a release is made of: a digest of the assignment's folder, and the limits.

        It is empty where the folder holds too much.
        """
        with contextlib.suppress(UnreadableError):
            return f"{contents(self.root / 'source' / name)}\n{limits.text()}"
        return ""

    @contextlib.contextmanager
    def lock(self):
        """Let one command at a time write to the course."""
        with open(self.root / ".lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CourseError(f"another command is at work on {self.root}") from None
            yield


def without_hidden_tests(reference):
    """Return a reference notebook as students see it."""
    return _through(copy.deepcopy(reference), ClearHiddenTests())


def graded(cell):
    """Tell whether nbgrader knows a cell."""
    return "grade_id" in cell.metadata.get("nbgrader", {})


def write(path, text):
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(text.encode())


def table(rows, file=None):
    """Print rows of equal length under each other."""
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip(), file=file)


def _through(notebook, *steps):
    resources = {"metadata": {}, "nbgrader": {}}
    for step in steps:
        notebook, resources = step.preprocess(notebook, resources)
    return notebook
