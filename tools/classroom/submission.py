"""Run one submission: the student's cells on one side, the checks on the other."""

import base64
import binascii
import contextlib
import copy
import json
import time

from nbformat import v4

from classroom import worker
from classroom.sandbox import Sandbox, SandboxError

CELL_SECONDS = 120
CALL_SECONDS = 60  # of a student's function that a check calls
TOTAL_SECONDS = 600
RESTARTS = 5
ENDED = f"the student's process ended more than {RESTARTS} times, and is not begun again"
PIXELS = 20_000_000  # of a picture: a small file can hold one that fills a browser's memory
NO_ANSWER = "it answered with something that is not an answer"
LATE = "past its time limit"  # in what is said of all that was stopped by time
TOLD = 32 * 2**20  # characters of what all cells of a submission print, display and raise
NOT_TOLD = f"[not kept: all cells together had shown {TOLD / 2**20:.0f} MiB]"


def kind(cell):
    """Return which side runs a cell: "both", "student", "checks", or "" for text."""
    if cell.cell_type != "code":
        return ""
    told = cell.metadata.get("nbgrader", {})
    if told.get("grade") and not told.get("solution"):
        return "checks"
    return "both" if told.get("locked") else "student"


def rebuild(reference, submitted, handed_out):
    """Return the reference notebook with the student's answers and own cells in it, and a note.

    Tests, texts and the order of the tasks are the reference's, whatever was done to them; from
    the submission come the contents of the cells that a student may write in, by their
    grade_id, and the cells that the student added, behind the cell that they followed.  An
    answer that stands in several cells, copied or split, is all of them, in their order.
    ``handed_out`` is the reference as students see it: it tells which cells they changed.
    """
    known = {_id(cell): cell for cell in handed_out.cells if _id(cell)}
    given, own, last = {_key(cell) for cell in handed_out.cells}, {}, None
    whole = {_id(cell) for cell in submitted.cells if _same(cell, known.get(_id(cell)))}
    changed = []
    for cell in submitted.cells:
        grade_id = _id(cell)
        # of a cell that is not the student's, a copy with other contents is one of their own
        again = grade_id in whole or grade_id in changed
        if grade_id in known and _answer(known[grade_id]):
            own.setdefault(grade_id, []).append(cell)
            last = grade_id
        elif grade_id in known and (_same(cell, known[grade_id]) or not again):
            changed += [] if _same(cell, known[grade_id]) else [grade_id]
            last = grade_id
        elif cell.cell_type in ("code", "markdown") and _key(cell) not in given:
            own.setdefault(last, []).append(cell)
    rebuilt = copy.deepcopy(reference)
    rebuilt.cells = [_fresh(cell) for cell in own.get(None, [])]
    repeated = []
    for cell in copy.deepcopy(reference.cells):
        found = own.get(_id(cell), []) if _id(cell) else []
        pieces = [one for one in found if _answer(cell) and _id(one) == _id(cell)]
        # what is the same twice is one answer
        repeated += [_id(cell)] if len({piece.source for piece in pieces}) > 1 else []
        rebuilt.cells += _with_own(cell, pieces, found)
    notes = [f"answers in several cells, all taken: {', '.join(repeated)}"] if repeated else []
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        told = ", ".join(changed[:5]) + more
        notes.append(f"differ from the assignment, whose cells count: {told}")
    return rebuilt, "; ".join(notes)


def _with_own(cell, pieces, own):
    """Return a cell with the answer's pieces in it, and the student's own cells around it.

    The pieces of a text become one.  Those of code are run one by one, as in Jupyter, where a
    first attempt that fails does not take the next one with it: the last stands in the cell.
    """
    if not pieces:
        return [cell, *map(_fresh, own)]
    if cell.cell_type != "code":
        cell.source = "\n\n".join(dict.fromkeys(piece.source for piece in pieces))
        return [cell, *(_fresh(one) for one in own if _id(one) != _id(cell))]
    # one that was made text, so that it does not run, is no answer beside one that runs
    last = ([piece for piece in pieces if piece.cell_type == "code"] or pieces)[-1]
    cell.source = last.source
    at = [one is last for one in own].index(True)
    before, after = (
        [_fresh(one) for one in part if (_id(one), one.source) != (_id(cell), cell.source)]
        for part in (own[:at], own[at + 1 :])
    )
    return [*before, cell, *after]


def _id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _answer(cell):
    return bool(_id(cell) and cell.metadata.nbgrader.get("solution"))


def _same(cell, other):
    """Tell whether two cells hold the same, but for space at the ends of lines."""
    lines = [[line.rstrip() for line in c.source.strip().splitlines()] for c in (cell, other) if c]
    return len(lines) == 2 and lines[0] == lines[1]


def _key(cell):
    return cell.cell_type, cell.source.strip()


def _fresh(cell):
    """Return a student's own cell without what it carries: metadata, attachments, outputs."""
    new = v4.new_code_cell if cell.cell_type == "code" else v4.new_markdown_cell
    return new(cell.source)


class Run:
    """A submission on its way through its two processes; ``late`` once time has stopped it."""

    def __init__(self, folder=None, unsafe=False):
        self.folder, self.unsafe = folder, unsafe
        self.deadline = time.monotonic() + TOTAL_SECONDS
        self.checks = Sandbox("checker", unsafe=unsafe)
        self.student = Sandbox("student", folder, unsafe)
        self.given, self.done, self.restarts, self.ended = [], [], 0, False
        self.room, self.late = TOLD, False

    def cell(self, cell):
        """Run one code cell on the side or sides where it belongs; return its outcome.

        Of the student's side, it is short where the cells before have used up the room.
        """
        where = kind(cell)
        outcome = self._cell(cell, where)
        if where == "checks":
            return outcome
        self.room -= _size(outcome)
        return outcome if self.room >= 0 else _short(outcome)

    def _cell(self, cell, where):
        if self.ended and where != "checks":
            return failure("ProcessEnded", ENDED)
        if where == "checks":
            try:
                return self._on(self.checks, {"do": "run", "source": cell.source, "fetch": True})
            except SandboxError as error:
                self._restart_checks()
                return failure("CheckEnded", f"the check itself was ended: {self._why(error)}")
        if where == "both":
            self.given.append(cell.source)
            try:
                self._on(self.checks, {"do": "run", "source": cell.source})
            except SandboxError as error:
                self._why(error)
                self._restart_checks()
        try:
            outcome = self._on(self.student, {"do": "run", "source": cell.source})
        except SandboxError as error:
            self._restart()
            return failure("ProcessEnded", f"{self._why(error)}; the cells after it are still run")
        self.done.append(cell.source)
        return outcome

    def _on(self, side, request):
        seconds = min(CELL_SECONDS, self.deadline - time.monotonic())
        if seconds <= 0:
            self.late = True
            return failure("OutOfTime", f"all cells together may take {TOTAL_SECONDS} s")
        until = time.monotonic() + seconds
        # the student's functions get the time, and the check a little more, so that none of its
        # questions is left without an answer
        spare = 30 if side is self.checks else 0
        side.send({**request, "seconds": seconds + spare})
        while True:
            answer, cargo = side.receive(until + spare + 5 - time.monotonic())
            # none but the checks may ask
            if side is self.student or "ask" not in answer:
                outcome = checked(side, answer)
                self._why(outcome["error"] and outcome["error"]["evalue"])
                return outcome
            side.send(*self._answer(answer["ask"], cargo, until - time.monotonic()))

    def _answer(self, request, cargo, seconds):
        """Pass a question of the checks on to the student's process; return its answer."""
        seconds = max(1, min(CALL_SECONDS, seconds))
        calls = request["do"] != "value"
        if self.ended:
            return {"error" if calls else "refused": ENDED}, b""
        try:
            self.student.send(request | {"seconds": seconds}, cargo)
            answer, cargo = self.student.receive(seconds + 5)
            done = answer.get("done")
            if not isinstance(done, dict):
                self.student.close(NO_ANSWER)
            self._why(done.get("error") or done.get("refused"))
            return done, cargo
        except SandboxError as error:
            self._restart()
            return {"error" if calls else "refused": self._why(error)}, b""

    def _why(self, reason):
        """Return a reason in words, and remember whether it was the time."""
        words = str(reason)
        self.late = self.late or LATE in words
        return words

    def _restart(self):
        """Begin the student's process anew, with the cells that did not end it."""
        self.student.close()
        self.restarts += 1
        # without its earlier cells it would answer wrong questions wrongly
        self.ended = self.restarts > RESTARTS
        if not self.ended:
            self.student = Sandbox("student", self.folder, self.unsafe)
            self._repeat(self.student, self.done)

    def _restart_checks(self):
        """Begin the checks' process anew: values that were handed over can have ended it."""
        self.checks.close()
        self.checks = Sandbox("checker", unsafe=self.unsafe)
        self._repeat(self.checks, self.given)

    def _repeat(self, side, sources):
        try:
            for source in sources:
                seconds = min(CELL_SECONDS, self.deadline - time.monotonic())
                if seconds <= 0:
                    return
                side.send({"do": "run", "source": source, "seconds": seconds})
                answer, _ = side.receive(seconds + 5)
                self._why(answer)
        except SandboxError as error:
            # it may end a second time, at a later moment: then it is found dead when it is needed
            # next, and begun again
            self._why(error)

    def close(self):
        """End both processes."""
        self.checks.close()
        self.student.close()


def checked(side, answer):
    """Return what became of a cell, as far as it is what a worker tells; else end the side.

    A student's code can write to the channel itself, so that anything may come: what is longer
    than a worker makes it is cut once more.
    """
    try:
        done = answer["done"]
        # with room for the words that a worker puts behind what it has cut
        told = {name: _text(done[name], worker.OUTPUT_LIMIT + 100) for name in ("stdout", "stderr")}
        told["rich"] = worker.fitting(_list(done["rich"]), _displayed)
        error = done["error"]
        if error is not None:
            lines = _list(error["traceback"])[-worker.ERROR_LINES :]
            error = {
                "ename": _text(error["ename"], worker.ERROR_LIMIT),
                "evalue": _text(error["evalue"], worker.ERROR_LIMIT),
                "traceback": [_text(line, worker.ERROR_LIMIT) for line in lines],
            }
        return told | {"error": error}
    except (KeyError, TypeError, ValueError, AttributeError):
        side.close(NO_ANSWER)


def _list(value):
    if not isinstance(value, list):
        raise TypeError(value)
    return value


def _text(value, most):
    if not isinstance(value, str):
        raise TypeError(value)
    # half a character, which JSON can hold and no file can
    return value[:most].encode("utf-8", "replace").decode("utf-8")


def _displayed(item):
    kept = {"text/plain": _text(item.get("text/plain", ""), worker.OUTPUT_LIMIT)}
    with contextlib.suppress(TypeError, ValueError, binascii.Error):
        picture = _text(item.get("image/png"), worker.PICTURE_LIMIT + 1)
        content = base64.b64decode(picture)
        width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
        if (
            content.startswith(b"\x89PNG")
            and content[12:16] == b"IHDR"
            and width * height <= PIXELS
            and len(picture) <= worker.PICTURE_LIMIT
        ):
            kept["image/png"] = picture
    return kept


def _size(outcome):
    # a notebook needs more for an output than its text
    return len(json.dumps(outcome, ensure_ascii=False)) + 1000 * len(outcome["rich"])


def _short(outcome):
    """Return an outcome without all but the beginning of its error."""
    error = outcome["error"]
    if error is not None:
        name, text = error["ename"][:100], error["evalue"][:1000]
        error = {"ename": name, "evalue": text, "traceback": [f"{name}: {text}"]}
    return {"stdout": NOT_TOLD, "stderr": "", "rich": [], "error": error}


def failure(name, text):
    """Return the outcome of a cell that did not run to its end."""
    error = {"ename": name, "evalue": text, "traceback": [f"{name}: {text}"]}
    return {"stdout": "", "stderr": "", "rich": [], "error": error}
