"""Keep from a feedback page what a submission may have seen of hidden tests.

A function of a student's is called by hidden tests, and can keep what it was given.  What its
notebook prints, draws or says in an error from then on may hold it.  The teacher sees all of it.
"""

import builtins
import re

from classroom import submission

NOTE = (
    "Hidden tests called your functions while your notebook was run. What its cells printed or "
    "drew after the first of them is not repeated here, nor what their errors said: your own "
    "notebook shows it."
)
HIDDEN = "BEGIN HIDDEN TESTS"
# what the grader itself says about the end of a process or of a function, letter by letter
_SENTENCES = (
    r"it ran past its time limit; is there a loop that never ends\?",
    r"it ran past its time limit and could not be interrupted",
    r"the process ended( \(os\._exit, a crash, or out of memory\?\))?",
    r"it used more than [\d.]+ GiB of memory",
    r"it started more than \d+ processes",
    r"it answered with (something that is not an answer|more than can be taken)",
    r"the student's process ended more than \d+ times, and is not begun again",
    r"all cells together may take \d+ s",
    r"it is nested more than \d+ levels deep",
    r"it is an array of (Python objects|[\d,]+ bytes, at most [\d,]+ pass)",
)
_TOLD = re.compile("|".join(_SENTENCES))
# where the words of a student's code begin in the message of a test
_BEGINS = re.compile(r"raised an error: |cannot be checked: ")
_KINDS = ("CellTimeoutError", "ProcessEnded", "OutOfTime")


def keep(cells):
    """Take out of executed cells what may tell of hidden tests; return whether anything went."""
    seen = went = False
    for cell in cells:
        where = submission.kind(cell)
        seen = seen or (where == "checks" and HIDDEN in cell.source)
        if not seen or not where:
            continue
        kept = [_error(output, where) for output in cell.outputs if output.output_type == "error"]
        if where == "checks":
            others = [output for output in cell.outputs if output.output_type != "error"]
            cell.outputs = others + kept
        else:
            went = went or bool(cell.outputs)
            cell.outputs = kept
    return went


def _error(output, where):
    """Return an error whose words are the teacher's or the grader's."""
    if where == "checks":
        begins = _BEGINS.search(output.evalue)
        if begins:
            words = output.evalue[begins.end() :]
            output.evalue = output.evalue[: begins.end()] + _words(words)
    else:
        output.evalue = _words(f"{output.ename}: {output.evalue}")
        output.ename = _kind(output.ename)
    output.traceback = [f"{output.ename}: {output.evalue}"]
    return output


def _words(text):
    """Return what the grader says in a text, or else the kind of the error alone."""
    told = _TOLD.search(text)
    return told.group() if told else f"{_kind(text.partition(':')[0])}, whose words are not shown"


def _kind(name):
    """Return the name of an error, if it is none that a student has chosen."""
    known = isinstance(getattr(builtins, name, None), type) or name in _KINDS
    return name if known else "an error"
