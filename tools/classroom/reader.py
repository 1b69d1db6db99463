"""Read a notebook from standard input; this program may die of it, its caller does not.

    python -m classroom.reader < NOTEBOOK

Writes a JSON list of its cells, each [type, source, grade_id] and nothing else, or a sentence that
says why it is no notebook.
"""

import json
import resource
import sys

MEMORY = 2 * 2**30  # bytes of this process
CELLS, CHARACTERS = 2_000, 2_000_000  # of a notebook; its outputs do not count
NAME = 200  # characters of a grade_id
OUT_OF_MEMORY = 3  # exit status


def main():
    """Print the cells."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        print(json.dumps(cells(sys.stdin.buffer.read())))
    except ValueError as error:
        print(json.dumps(str(error)))
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)


def cells(content):
    """Return the cells of a notebook, or raise ``ValueError`` with a sentence."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not in UTF-8") from None
    if not text.strip():
        raise ValueError("it is empty")
    try:
        notebook = json.loads(text, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise ValueError(f"broken JSON ({error.msg}, line {error.lineno})") from None
    except RecursionError:
        raise ValueError("not a notebook (nested too deep)") from None
    if not isinstance(notebook, dict):
        raise ValueError("not a notebook (no object)")
    if type(notebook.get("nbformat")) is int and notebook["nbformat"] in (1, 2, 3):
        notebook = _newer(notebook)
    found = notebook.get("cells")
    if not isinstance(found, list) or not all(isinstance(cell, dict) for cell in found):
        raise ValueError("not a notebook (no list of cells)")
    if len(found) > CELLS:
        raise ValueError(f"it has more than {CELLS:,} cells")
    plain = [_plain(cell) for cell in found]
    if sum(len(source) for _, source, _ in plain) > CHARACTERS:
        raise ValueError(f"its cells hold more than {CHARACTERS:,} characters")
    return plain


def _integer(digits):
    """Return an integer of JSON; 0 for one so long that Python refuses it: none matters here."""
    return int(digits) if len(digits) < 20 else 0


def _newer(notebook):
    import nbformat  # old notebooks are rare, and this takes a while

    try:
        return nbformat.convert(nbformat.from_dict(notebook), 4)
    except Exception as error:  # it can be wrong in more ways than can be listed
        raise ValueError(f"not a notebook ({type(error).__name__})") from None


def _plain(cell):
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise ValueError("not a notebook (a cell without a text)")
    # half a character, which JSON can hold and no file can
    source = source.encode("utf-8", "replace").decode("utf-8")
    told = cell.get("metadata")
    told = told.get("nbgrader") if isinstance(told, dict) else None
    grade_id = told.get("grade_id") if isinstance(told, dict) else None
    grade_id = grade_id if isinstance(grade_id, str) and len(grade_id) <= NAME else ""
    return "code" if cell.get("cell_type") == "code" else "markdown", source, grade_id


if __name__ == "__main__":
    main()
