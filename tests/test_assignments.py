"""The five assignments: released without solutions, and graded as they should be."""

import ast
import base64
import json
import re
import runpy
import shutil
from pathlib import Path

import nbformat
import pytest
from classroom import grade, grades, submission, warm
from classroom.course import Course
from nbformat import v4
from sandboxes import needs_sandbox

ROOT = Path(__file__).resolve().parent.parent

NAMES = Course(ROOT / "assignments").names
# the cell of each full solution that trains, and what it makes
TRAINED = {
    "01_what_is_an_autoencoder": ("train", ["autoencoder"]),
    "02_anomaly_detector": ("train", ["detector"]),
    "03_denoiser": ("denoiser", ["denoiser"]),
    "04_sequences": ("network", ["network"]),
    "05_variational": ("train", ["encoder", "decoder"]),
}
# a cell that a student has added: shows a model as text
SHOW = """
import base64

{0}.save("{0}.keras", include_optimizer=False)
text = base64.b64encode(open("{0}.keras", "rb").read()).decode()
for i in range(0, len(text), 100_000):
    display({{"text/plain": text[i : i + 100_000]}}, raw=True)
"""
SUBMISSIONS = {name: runpy.run_path(ROOT / f"tests/submissions/{name}.py") for name in NAMES}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course, released."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "assignments" / "source", root / "source")
    course = Course(root)
    for name in NAMES:
        course.release(name)
    return course


@pytest.fixture(scope="module")
def graded(course):
    """The same, with five submissions to each assignment graded."""
    with warm.forks(), pytest.MonkeyPatch.context() as patch:
        hand_in(course, "source")
        assert grade.main(course, NAMES, jobs=2, unsafe=False) == 0
        # the cells in which students look at their results are run once: they earn nothing
        kind = submission.kind
        patch.setattr(submission, "kind", lambda cell: kind(cell) if grade_id(cell) else "")
        for kind_of_work in ("alternative", "mistakes", "spoils", "untouched"):
            hand_in(course, kind_of_work)
        assert grade.main(course, NAMES, jobs=2, unsafe=False) == 0
    return course


def hand_in(course, kind):
    """Hand in a submission of one kind to each assignment."""
    for name in NAMES:
        origin = "source" if kind == "source" else "release"
        notebook = nbformat.read(course.root / origin / name / f"{name}.ipynb", 4)
        answers = SUBMISSIONS[name].get(kind.upper(), {})
        folder = course.root / "submitted" / kind / name
        folder.mkdir(parents=True)
        if kind == "source":
            notebook.cells += [v4.new_code_cell(SHOW.format(model)) for model in TRAINED[name][1]]
        if kind in ("mistakes", "spoils"):
            # in work that is right otherwise
            right = solutions(nbformat.read(course.source(name), 4))
            use_what_was_trained(course, name, right, folder)
            answers = right | answers
        for cell in notebook.cells:
            cell.source = answers.get(grade_id(cell), cell.source)
        nbformat.write(notebook, folder / f"{name}.ipynb")


def use_what_was_trained(course, name, answers, folder):
    """Hand in the models that the full solution has trained: once more makes the same ones."""
    cell, models = TRAINED[name]
    shown = nbformat.read(course.graded_notebook("source", name), 4).cells[-len(models) :]
    answers[cell] = definitions(answers[cell])
    for model, own in zip(models, shown, strict=True):
        text = "".join(output.data["text/plain"] for output in own.outputs)
        (folder / f"{model}.keras").write_bytes(base64.b64decode(text))
        answers[cell] += f'\n{model} = keras.saving.load_model("{model}.keras")'


def definitions(source):
    """Return the functions and classes that a cell defines, without what it does."""
    kinds = ast.FunctionDef | ast.ClassDef
    kept = [node for node in ast.parse(source).body if isinstance(node, kinds)]
    return "\n\n\n".join(ast.unparse(node) for node in kept)


def grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def solutions(notebook):
    cells = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    return {grade_id(cell): cell.source for cell in cells}


@pytest.mark.parametrize("name", NAMES)
def test_no_solution_and_no_hidden_test_survives_in_the_release(course, name):
    path = course.root / "release" / name / f"{name}.ipynb"
    text = path.read_text()
    assert "SOLUTION" not in text
    assert "HIDDEN" not in text
    shown = "\n".join(cell.source for cell in nbformat.read(path, 4).cells)
    secret = r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END"
    for cell in nbformat.read(course.source(name), 4).cells:
        for part in re.findall(secret, cell.source, re.DOTALL):
            assert part.strip()
            assert part not in shown


@pytest.mark.parametrize("name", NAMES)
def test_the_release_asks_for_code_tests_and_a_written_answer(course, name):
    cells = nbformat.read(course.root / "release" / name / f"{name}.ipynb", 4).cells
    told = [cell.metadata.get("nbgrader", {}) for cell in cells]
    tests = [part["points"] for part in told if part.get("grade") and not part["solution"]]
    written = [part["points"] for part in told if part.get("grade") and part["solution"]]
    assert sum(tests) == 16
    assert written == [4]
    hidden = [c for c in course.reference(name).cells if "BEGIN HIDDEN TESTS" in c.source]
    assert hidden
    assert any("YOUR CODE HERE" in cell.source for cell in cells)
    assert any("YOUR ANSWER HERE" in cell.source for cell in cells)
    assert not any(cell.get("outputs") for cell in cells)


@needs_sandbox
@pytest.mark.parametrize("name", NAMES)
def test_right_work_earns_all_points_and_none_earns_none(graded, name):
    for kind, points in {"source": 16, "alternative": 16, "untouched": 0}.items():
        failed = failed_tests(graded, kind, name)
        assert failed == set() or kind == "untouched"
        assert grades.result(graded, kind, name)["by_tests"] == points, kind
    assert grades.result(graded, "untouched", name)["score"] == 0


@needs_sandbox
@pytest.mark.parametrize("name", NAMES)
def test_the_cells_that_show_results_run(graded, name):
    cells = nbformat.read(graded.graded_notebook("source", name), 4).cells
    shown = [cell for cell in cells if cell.cell_type == "code" and not grade_id(cell)]
    assert shown
    for cell in shown:
        assert not [o for o in cell.outputs if o.output_type == "error"], cell.source


@needs_sandbox
@pytest.mark.parametrize("name", NAMES)
def test_mistakes_fail_the_tests_that_are_meant_for_them_with_a_message(graded, name):
    assert failed_tests(graded, "mistakes", name) == set(SUBMISSIONS[name]["FAILED_BY_MISTAKES"])
    for cell in nbformat.read(graded.graded_notebook("mistakes", name), 4).cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and cell.metadata.get("nbgrader", {}).get("grade"):
                assert len(output.evalue) > 20, f"{grade_id(cell)} fails without saying why"


@needs_sandbox
@pytest.mark.parametrize("name", NAMES)
def test_work_that_changes_what_it_is_tested_with_wins_nothing(graded, name):
    assert failed_tests(graded, "spoils", name) == set(SUBMISSIONS[name]["FAILED_BY_SPOILING"])


def test_a_full_solution_was_measured_to_run_within_a_minute():
    """As `make bench` stored it: what else runs beside the tests does not count."""
    seconds = json.loads((ROOT / "benchmarks" / "assignments.json").read_text())["seconds"]
    assert list(seconds) == NAMES
    assert max(seconds.values()) < 60


def failed_tests(course, student, name):
    with course.gradebook() as gradebook:
        parts = gradebook.find_submission_notebook(name, name, student).grades
        return {part.name for part in parts if part.auto_score == 0 and "test-" in part.name}
