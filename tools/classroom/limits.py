"""What a released notebook says about the grading, from the numbers that the grader uses."""

from nbformat import v4

from classroom import sandbox, submission

GRADE_ID = "text-limits"
TEXT = """## How this is graded

**Check it yourself.** The cells below your answers that begin with `assert`, or hold one, are tests. They pass if they end without an error, and an error says what was expected. Before you hand in, choose *Restart Kernel and Run All Cells* from the menu *Kernel*: no cell should end with an error. When it is graded, the same tests run again, and more on other inputs.

**Limits.** Your notebook is run from top to bottom, on a machine without a network.

- A cell may run for {cell}, a function of yours that a test calls for {call}, and all together for {total}. What takes longer is stopped with an error; the cells after a stopped one are still run.
- All of it together may use {memory:.0f} GiB of memory and start {processes} processes.
- Files that you read have to be handed in with the notebook, in the same folder. Files that you write are gone afterwards."""  # noqa: E501


def add(notebook):
    """Put the cell behind the first one, where there is none yet."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == GRADE_ID:
            return
    told = {"grade": False, "grade_id": GRADE_ID, "locked": True, "schema_version": 3}
    told |= {"solution": False, "task": False}
    cell = v4.new_markdown_cell(text(), metadata={"nbgrader": told})
    # a fresh random name would make every release another file
    cell.id = GRADE_ID
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        del cell["id"]
    notebook.cells.insert(1, cell)


def text():
    """Return the words."""
    return TEXT.format(
        cell=_minutes(submission.CELL_SECONDS),
        call=_minutes(submission.CALL_SECONDS),
        total=_minutes(submission.TOTAL_SECONDS),
        memory=sandbox.MEMORY / 2**30,
        processes=sandbox.PROCESSES,
    )


def _minutes(seconds):
    if seconds % 60:
        return f"{seconds} seconds"
    return f"{seconds // 60} minute{'s' if seconds > 60 else ''}"
