"""Run many submissions to one assignment as students do: all cells in one kernel, in their order.

    python tests/kernel.py NOTEBOOK < SUBMISSIONS

A submission is an object of answers by their grade_id; a solution cell without an answer is not
run, nor are the tests in the list of its ``left_out``.  Prints for each the tests that failed, with
their messages.  What no student writes runs once; every submission goes on from there in a process
of its own.
"""

import json
import os
import sys
import traceback

import nbformat


def main(path):
    """Read submissions from standard input, print what failed."""
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    names = {"__name__": "__main__"}
    # imports what assignments import, and computes nothing with it: a copy of this process can
    os.environ["MPLBACKEND"] = "agg"
    for cell in cells:
        told = cell.metadata.get("nbgrader", {})
        if told.get("locked") and not told["grade"]:
            exec(cell.source, names)
    failed = [run(cells, names, **given) for given in json.load(sys.stdin)]
    print(json.dumps(failed))


def run(cells, names, answers, left_out=()):
    """Run one submission in a copy of this process; return {test: message}."""
    source, sink = os.pipe()
    if os.fork() == 0:
        os.close(source)
        try:
            failed = failures(cells, names, answers, left_out)
        except BaseException:
            failed = {"all": traceback.format_exc()[-2000:]}
        with open(sink, "w") as file:
            json.dump(failed, file)
        os._exit(0)
    os.close(sink)
    with open(source) as file:
        text = file.read()
    os.wait()
    return json.loads(text) if text else {"all": "the process ended"}


def failures(cells, names, answers, left_out):
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
    main(sys.argv[1])
