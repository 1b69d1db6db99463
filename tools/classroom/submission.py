"""Run one submission: the student's cells on one side, the checks on the other."""

import contextlib
import copy
import time

from nbformat import v4

from classroom.sandbox import Sandbox, SandboxError

CELL_SECONDS = 120
CALL_SECONDS = 60  # of a student's function that a check calls
TOTAL_SECONDS = 600
RESTARTS = 3


def kind(cell):
    """Return which side runs a cell: "both", "student", "checks", or "" for text."""
    if cell.cell_type != "code":
        return ""
    told = cell.metadata.get("nbgrader", {})
    if told.get("grade") and not told.get("solution"):
        return "checks"
    return "both" if told.get("locked") else "student"


def rebuild(reference, submitted):
    """Return the reference notebook with the student's answers and own cells in it.

    Tests, texts and the order of the tasks are the reference's, whatever was done to them; from
    the submission come the contents of the cells that a student may write in, by their
    grade_id, and the cells that the student added, behind the cell that they followed.
    """
    known = {cell.metadata.nbgrader.grade_id for cell in reference.cells if _id(cell)}
    given, answers, added, last = {_key(cell) for cell in reference.cells}, {}, {}, None
    for cell in submitted.cells:
        grade_id = _id(cell)
        if grade_id in known:
            answers.setdefault(grade_id, cell.source)
            last = grade_id
        elif cell.cell_type in ("code", "markdown") and _key(cell) not in given:
            added.setdefault(last, []).append(cell)
    rebuilt = copy.deepcopy(reference)
    rebuilt.cells = [_fresh(cell) for cell in added.get(None, [])]
    for cell in copy.deepcopy(reference.cells):
        if _id(cell) and cell.metadata.nbgrader.get("solution"):
            cell.source = answers.get(_id(cell), cell.source)
        rebuilt.cells.append(cell)
        rebuilt.cells += [_fresh(extra) for extra in added.get(_id(cell), []) if _id(cell)]
    return rebuilt


def _id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _key(cell):
    return cell.cell_type, cell.source.strip()


def _fresh(cell):
    """Return a student's own cell without what it carries: metadata, attachments, outputs."""
    new = v4.new_code_cell if cell.cell_type == "code" else v4.new_markdown_cell
    return new(cell.source)


class Run:
    """A submission on its way through its two processes."""

    def __init__(self, folder=None, unsafe=False):
        self.folder, self.unsafe = folder, unsafe
        self.deadline = time.monotonic() + TOTAL_SECONDS
        self.checks = Sandbox("checker", unsafe=unsafe)
        self.student = Sandbox("student", folder, unsafe)
        self.given, self.done, self.restarts = [], [], 0

    def cell(self, cell):
        """Run one code cell on the side or sides where it belongs; return its outcome."""
        where = kind(cell)
        if where == "checks":
            try:
                return self._on(self.checks, {"do": "run", "source": cell.source, "fetch": True})
            except SandboxError as error:
                self._restart_checks()
                return failure("CheckEnded", f"the check itself was ended: {error}")
        if where == "both":
            self._on(self.checks, {"do": "run", "source": cell.source})
            self.given.append(cell.source)
        try:
            outcome = self._on(self.student, {"do": "run", "source": cell.source})
        except SandboxError as error:
            self._restart()
            return failure("ProcessEnded", f"{error}; the cells after it are still run")
        self.done.append(cell.source)
        return outcome

    def _on(self, side, request):
        seconds = min(CELL_SECONDS, self.deadline - time.monotonic())
        if seconds <= 0:
            return failure("OutOfTime", f"all cells together may take {TOTAL_SECONDS} s")
        until = time.monotonic() + seconds
        # the student's functions get the time, and the check a little more, so that none of its
        # questions is left without an answer
        spare = 30 if side is self.checks else 0
        side.send({**request, "seconds": seconds + spare})
        while "ask" in (answer := side.receive(until + spare + 5 - time.monotonic())):
            side.send(self._answer(answer["ask"], until - time.monotonic()))
        return answer["done"]

    def _answer(self, request, seconds):
        """Pass a question of the checks on to the student's process."""
        seconds = max(1, min(CALL_SECONDS, seconds))
        if request["do"] == "call":
            request["seconds"] = seconds
        try:
            self.student.send(request)
            return self.student.receive(seconds + 5).get("done", {"missing": True})
        except SandboxError as error:
            self._restart()
            return {"error": str(error)} if request["do"] == "call" else {"refused": str(error)}

    def _restart(self):
        """Begin the student's process anew, with the cells that did not end it."""
        self.student.close()
        self.student = Sandbox("student", self.folder, self.unsafe)
        self._repeat(self.student, self.done)

    def _restart_checks(self):
        """Begin the checks' process anew: values that were handed over can have ended it."""
        self.checks.close()
        self.checks = Sandbox("checker", unsafe=self.unsafe)
        self._repeat(self.checks, self.given)

    def _repeat(self, side, sources):
        self.restarts += 1
        # a process may end a second time, at a later moment: then it is found dead when it is
        # needed next, and begun again
        with contextlib.suppress(SandboxError):
            for source in sources if self.restarts <= RESTARTS else []:
                side.send({"do": "run", "source": source, "seconds": CELL_SECONDS})
                side.receive(CELL_SECONDS + 5)

    def close(self):
        """End both processes."""
        self.checks.close()
        self.student.close()


def failure(name, text):
    """Return the outcome of a cell that did not run to its end."""
    error = {"ename": name, "evalue": text, "traceback": [f"{name}: {text}"]}
    return {"stdout": "", "stderr": "", "rich": [], "error": error}
