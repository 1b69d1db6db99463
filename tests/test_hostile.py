"""Whatever is handed in is graded, or marked with a sentence: the collection in ``hostile/``."""

import base64
import io
import json
import os
import pickle
import re
import socket
import tempfile
import time
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlparse

import nbformat
import numpy as np
import pytest
from classroom import feedback, grade, grades, intake, reader, sandbox, submission, values, warm
from classroom.cleaning import clean_markdown
from classroom.course import Course
from nbformat import v4
from nbgrader.utils import determine_grade
from sandboxes import LIGHT, needs_sandbox
from test_classroom import NAME, SOLUTION, source_notebook

HOSTILE = Path(__file__).resolve().parent / "hostile"


def every(name):
    """Parametrize a test with the entries of a file."""
    (entries,) = tomllib.loads((HOSTILE / f"{name}.toml").read_text()).values()
    return pytest.mark.parametrize("given", entries, ids=lambda given: given.get("is", "name"))


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """The small assignment: with all tests, and as students get it."""
    root = tmp_path_factory.mktemp("course")
    path = root / "source" / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(source_notebook(), path)
    course = Course(root)
    return course.reference(NAME), course.handed_out(NAME)


def answered(handed_out, answers, extra=None):
    """Return the text of a notebook with answers in it, and perhaps a cell at its end."""
    notebook = nbformat.from_dict(json.loads(nbformat.writes(handed_out)))
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
    if extra is not None:
        notebook.cells.append(v4.new_code_cell(extra))
    return nbformat.writes(notebook)


def code_of(entry):
    """Return the answers of an entry of code, and its cell at the end, if there is one."""
    answers = SOLUTION | {name: entry[name].strip("\n") for name in SOLUTION if name in entry}
    return answers, entry.get("extra", "").strip("\n") or None


def test_the_collection_is_large_and_each_entry_is_named_once():
    named = []
    for path in HOSTILE.glob("*.toml"):
        ((kind, entries),) = tomllib.loads(path.read_text()).items()
        named += [(kind, entry.get("is", entry.get("bytes"))) for entry in entries]
    assert len(named) == len(set(named)) > 150


@pytest.fixture(scope="module")
def graded_code(notebooks):
    """All entries of hostile code, executed; by their names."""
    reference, handed_out = notebooks
    entries = tomllib.loads((HOSTILE / "code.toml").read_text())["code"]

    def run(entry):
        answers, extra = code_of(entry)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "student" / NAME
            folder.mkdir(parents=True)
            (folder / f"{NAME}.ipynb").write_text(answered(handed_out, answers, extra))
            return grade.run(reference, handed_out, NAME, folder)

    with warm.forks(LIGHT), pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(6) as pool:
        patch.setattr(submission, "CELL_SECONDS", 6)
        patch.setattr(submission, "CALL_SECONDS", 4)
        # more than a list can grow to in these seconds, on a fast processor, too
        patch.setattr(sandbox, "MEMORY", 2 * 2**30)
        return dict(zip((e["is"] for e in entries), pool.map(run, entries), strict=True))


@needs_sandbox
@every("code")
def test_code_gets_the_points_it_earned_and_harms_nothing(given, graded_code):
    notebook, _, _ = graded_code[given["is"]]
    text = nbformat.writes(notebook)
    text.encode()
    tests = [cell for cell in notebook.cells if submission.kind(cell) == "checks"]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    told = json.dumps(outputs, ensure_ascii=False)
    assert sum(determine_grade(cell)[0] for cell in tests) == given["points"], told[-3000:]
    assert given.get("says", "") in told, told[-3000:]
    assert "hides" not in given or given["hides"] not in told
    # what a student reads below a test is a sentence
    for cell in tests:
        for output in cell.outputs:
            assert output.output_type == "error"
            assert re.search(r"\w+ \w+", output.evalue), output


@pytest.fixture(scope="module")
def pages(tmp_path_factory, notebooks):
    """The feedback pages of those that want to say what hidden tests handed to them."""
    _, handed_out = notebooks
    entries = tomllib.loads((HOSTILE / "feedback.toml").read_text())["feedback"]
    root = tmp_path_factory.mktemp("course")
    (root / "source" / NAME).mkdir(parents=True)
    nbformat.write(source_notebook(), root / "source" / NAME / f"{NAME}.ipynb")
    for entry in entries:
        folder = root / "submitted" / entry["is"] / NAME
        folder.mkdir(parents=True)
        answers, extra = code_of(entry)
        (folder / f"{NAME}.ipynb").write_text(answered(handed_out, answers, extra))
    course = Course(root)
    with warm.forks(LIGHT), pytest.MonkeyPatch.context() as patch:
        patch.setattr(submission, "CALL_SECONDS", 4)
        assert grade.main(course, [NAME], jobs=2, unsafe=False) == 0
    return {path.parent.parent.name: path.read_text() for path in feedback.main(course, [NAME])}


@needs_sandbox
@every("feedback")
def test_a_feedback_page_does_not_tell_what_hidden_tests_tried(given, pages):
    assert given["hides"] not in pages[given["is"]]
    assert given["shows"] in pages[given["is"]]


@every("notebooks")
def test_a_notebook_is_read_or_there_is_a_sentence(given):
    content = made(given)
    content = content if isinstance(content, bytes) else content.encode()
    if "says" in given:
        with pytest.raises(ValueError, match=re.escape(given["says"])):
            reader.cells(content)
        return
    cells = reader.cells(content)
    assert len(cells) == given["cells"]
    assert all(kind in ("code", "markdown") for kind, _, _ in cells)
    # no half characters are left, which no file can hold
    for _, source, _ in cells:
        assert source.encode().decode() == source


def made(given):
    """Return the text of an entry, or what its line of Python makes."""
    helpers = {"npy": npy, "zipped": zipped, "base64": base64, "pickle": pickle}
    return given["text"] if "text" in given else eval(given["make"], helpers)


def npy(kind, shape, content):
    """Return a file of an array that says what it likes, as base64."""
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b"\n"
    return base64.b64encode(
        b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + content
    ).decode()


def zipped(name, content):
    """Return a zip file of one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name, content)
    return file.getvalue()


@every("values")
def test_a_value_that_lies_is_refused_with_a_sentence(given):
    packed = json.loads(given["json"]) if "json" in given else made(given)
    start = time.process_time()
    with pytest.raises((ValueError, values.NotPlainDataError)) as caught:
        values.unpack(packed)
    assert given["says"] in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert time.process_time() - start < 20


class Tags(HTMLParser):
    """What a page would do: its tags and where they lead."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


@every("written")
def test_a_written_answer_becomes_harmless_html(given):
    start = time.process_time()
    text = clean_markdown(made(given))
    assert time.process_time() - start < 10, "somebody has to wait for this page"
    assert given.get("shows", "") in text
    for tag, attributes in Tags(text).tags:
        assert tag not in ("script", "img", "svg", "iframe", "style", "form", "object", "base")
        assert set(attributes) <= {"class", "href", "title"}
        assert urlparse(attributes.get("href") or "").scheme in ("", "http", "https", "mailto")


@every("names")
def test_a_name_of_any_bytes_is_printed_and_tabled(given):
    name = given["bytes"].encode().decode("unicode_escape").encode("latin-1")
    text = intake.readable(os.fsdecode(name))
    assert text.isprintable()
    assert grades.harmless(text) == given["cell"]


@every("folders")
def test_a_folder_of_any_kind_is_looked_into_with_care(given, notebooks):
    _, handed_out = notebooks
    right = answered(handed_out, SOLUTION)
    # the name of a socket may not be long
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "student" / NAME
        folder.mkdir(parents=True)
        exec(
            given["make"],
            {"folder": folder, "right": right, "name": NAME, "os": os, "socket": socket},
        )
        before = sorted(os.fsencode(path) for path in folder.rglob("*"))
        notebook, note = intake.read(folder, NAME, handed_out)
        assert (notebook is not None) == given["read"], note
        assert given["says"] in note if given["says"] else note == ""
        assert note.isprintable()
        if given.get("whole", True):
            assert len(intake.contents(folder)) == 64
        else:
            with pytest.raises(intake.UnreadableError, match=r"deep in each other|more than"):
                intake.contents(folder)
        assert sorted(os.fsencode(path) for path in folder.rglob("*")) == before


def two_cells(grade_id, *sources):
    """Return cells that all have one grade_id, as a copy in JupyterLab has."""
    told = {"nbgrader": {"grade_id": grade_id}}
    return [v4.new_code_cell(source, metadata=told) for source in sources]


@pytest.mark.parametrize(
    ("sources", "own", "note"),
    [
        (["import numpy as np\nfactor = 2"], [], ""),
        (["import numpy as np  \n\nfactor = 2\n"], [], "differ from the assignment"),
        (["import numpy as np \nfactor = 2\n"], [], ""),
        (["factor = 3"], [], "differ from the assignment"),
        (["import numpy as np\nfactor = 2", "def mine(): pass"], ["def mine(): pass"], ""),
        (["def mine(): pass", "import numpy as np\nfactor = 2"], ["def mine(): pass"], ""),
        (["factor = 3", "factor = 4"], ["factor = 4"], "differ from the assignment"),
    ],
)
def test_a_copied_cell_that_is_not_the_students_becomes_one_of_their_own(
    notebooks, sources, own, note
):
    reference, handed_out = notebooks
    others = [c for c in handed_out.cells if c.metadata.nbgrader.grade_id != "setup"]
    submitted = v4.new_notebook(cells=[others[0], *two_cells("setup", *sources), *others[1:]])
    rebuilt, told = submission.rebuild(reference, submitted, handed_out)
    assert note in told if note else told == ""
    assert [c.source for c in rebuilt.cells if not c.metadata.get("nbgrader")] == own
    known = [c for c in rebuilt.cells if c.metadata.get("nbgrader")]
    assert [c.source for c in known] == [c.source for c in reference.cells]


RIGHT = SOLUTION["double"]


@pytest.mark.parametrize(
    ("pieces", "run"),
    [
        ([("code", RIGHT)], [RIGHT]),
        ([("code", RIGHT), ("code", RIGHT)], [RIGHT]),
        # each by itself: a first attempt that fails does not take the next one with it
        ([("code", "def double(x:"), ("code", RIGHT)], ["def double(x:", RIGHT]),
        ([("code", RIGHT), ("code", "x = 1"), ("code", RIGHT)], ["x = 1", RIGHT]),
        # what stands between two pieces is run between them
        (
            [("code", "half = 1"), ("own", "more = half"), ("code", "double = more"), ("own", "2")],
            ["half = 1", "more = half", "double = more", "2"],
        ),
        # what was made text, so that it does not run
        ([("raw", "def double(x:"), ("code", RIGHT)], [RIGHT]),
        ([("code", RIGHT), ("markdown", "def double(x:")], [RIGHT]),
        ([("markdown", RIGHT)], [RIGHT]),
    ],
)
def test_pieces_of_an_answer_in_code_are_run_one_by_one(notebooks, pieces, run):
    reference, handed_out = notebooks
    kinds = {"raw": v4.new_raw_cell, "markdown": v4.new_markdown_cell}
    cells = [kinds.get(kind, v4.new_code_cell)(source) for kind, source in pieces]
    for cell, (kind, _) in zip(cells, pieces, strict=True):
        cell.metadata = {"nbgrader": {"grade_id": "double"}} if kind != "own" else {}
    ids = [cell.metadata.nbgrader.grade_id for cell in handed_out.cells]
    at = ids.index("double")
    given = [*handed_out.cells[:at], *cells, *handed_out.cells[at + 1 :]]
    rebuilt, told = submission.rebuild(reference, v4.new_notebook(cells=given), handed_out)
    code = [cell for cell in rebuilt.cells if cell.cell_type == "code"]
    known = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in code]
    part = code[known.index("setup") + 1 : known.index("test-double")]
    assert [cell.source for cell in part] == run
    answers = [source for kind, source in pieces if kind == "code"] or [RIGHT]
    assert code[known.index("double")].source == answers[-1]
    different = {source for kind, source in pieces if kind != "own"}
    assert ("all taken: double" in told) == (len(different) > 1)


def test_a_process_that_ends_again_and_again_is_not_asked_any_more(monkeypatch):
    class Dead:
        started = 0

        def __init__(self, role, *given, **more):
            Dead.started += role == "student"
            self.role = role

        def send(self, *given):
            if self.role == "student":
                raise sandbox.SandboxError("the process ended")

        def close(self):
            pass

    monkeypatch.setattr(submission, "Sandbox", Dead)
    run = submission.Run()
    told = [run.cell(v4.new_code_cell("1"))["error"]["evalue"] for _ in range(20)]
    assert "the cells after it are still run" in told[0]
    assert "not begun again" in told[-1]
    assert run._answer({"do": "value", "name": "x"}, b"", 1)[0]["refused"] == submission.ENDED
    assert Dead.started == submission.RESTARTS + 1
    with pytest.raises(ValueError, match="came over"):
        values.unpack({"what is no JSON": None})
    assert np.array_equal(values.unpack(values.pack(np.arange(3))), [0, 1, 2])
