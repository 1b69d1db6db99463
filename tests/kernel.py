"""Run many submissions as students do: all cells in one kernel, in their order.

    python tests/kernel.py < ASSIGNMENTS

Each line in is an object of a ``notebook`` and its ``submissions``; each line out is a list of the
tests that a submission failed, with their messages.  A submission is an object of answers by their
grade_id; a solution cell without an answer is not run, nor are the tests in the list of its
``left_out``.  What no student writes runs once for an assignment, and what assignments import is
imported once for all; every submission goes on from there in a process of its own.
"""

import json
import os
import sys
import traceback

import classroom.forks
import nbformat


def main():
    """Read assignments from standard input, print what failed."""
    os.environ["MPLBACKEND"] = "agg"
    # what cells print goes where errors go
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # imports what assignments import, and computes nothing with it: a copy of this process can
    classroom.forks.imports()
    for line in sys.stdin:
        failed = in_a_copy(assignment, **json.loads(line))
        print(json.dumps(failed), file=lines, flush=True)


def assignment(notebook, submissions):
    """Return what each submission to an assignment failed."""
    cells = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
    names = {"__name__": "__main__"}
    for cell in cells:
        told = cell.metadata.get("nbgrader", {})
        if told.get("locked") and not told["grade"]:
            exec(cell.source, names)
    return [in_a_copy(failures, cells=cells, names=names, **given) for given in submissions]


def in_a_copy(function, **given):
    """Call a function in a copy of this process; return its answer, or how it ended."""
    source, sink = os.pipe()
    if os.fork() == 0:
        os.close(source)
        try:
            answer = function(**given)
        except BaseException:
            answer = {"all": traceback.format_exc()[-2000:]}
        with open(sink, "w") as file:
            json.dump(answer, file)
        os._exit(0)
    os.close(sink)
    with open(source) as file:
        text = file.read()
    os.wait()
    return json.loads(text) if text else {"all": "the process ended"}


def failures(cells, names, answers, left_out=()):
    """Run the cells in their order; return {test: message} of the tests that fail."""
    failed = {}
    for cell in cells:
        told = cell.metadata.get("nbgrader", {})
        if told.get("solution") and told["grade_id"] in answers:
            exec(answers[told["grade_id"]], names)
        elif told.get("grade") and told["grade_id"] not in left_out:
            try:
                exec(cell.source, names)
            except Exception as error:
                failed[told["grade_id"]] = f"{type(error).__name__}: {error}"
    return failed


if __name__ == "__main__":
    main()
