"""A term played through once, with four students and two small assignments."""

import contextlib
import io
import sys
from pathlib import Path

import nbformat
import pytest
from classroom import __main__, sandbox, warm
from sandboxes import LIGHT, needs_sandbox
from term import Term
from test_classroom import grading_program, source_notebook

PARTS = ["collected", "graded until killed", "graded on", "collected again", "graded again"]
PARTS += ["collected with one change", "the one graded", "feedback pages", "tables"]


@pytest.fixture
def give(monkeypatch):
    """Return what gives a command in this process, which has imported all it needs."""
    for name in sandbox.THREADS:
        monkeypatch.setenv(name, "1")

    def run(words):
        monkeypatch.setattr(sys, "argv", ["classroom", *words])
        with contextlib.redirect_stdout(io.StringIO()) as told:
            __main__.main()
        return told.getvalue()

    with warm.forks(LIGHT):
        yield run


@needs_sandbox
def test_a_term(tmp_path, monkeypatch, give):
    names, source, root = ["01_small", "02_small"], tmp_path / "source", tmp_path / "course"
    for name in names:
        (source / name).mkdir(parents=True)
        nbformat.write(source_notebook(), source / name / f"{name}.ipynb")
    root.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    killed = [sys.executable, "-c", grading_program()]
    term = Term(root, source, names, count=4, jobs=2, command=killed, give=give)
    assert list(term.play()) == PARTS
