"""Twenty-five right solutions and twenty-five wrong ones, each graded as it deserves."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from classroom.course import Course

ROOT = Path(__file__).resolve().parent.parent

COURSE = Course(ROOT / "assignments")
FRESH = {
    name: runpy.run_path(str(ROOT / f"tests/submissions/fresh/{name}.py")) for name in COURSE.names
}


def solutions(name):
    """Return the answers of the source notebook, and the points of its tests."""
    told = [
        (cell, cell.metadata.get("nbgrader", {})) for cell in nbformat.read(source(name), 4).cells
    ]
    code = [(cell, one) for cell, one in told if cell.cell_type == "code"]
    answers = {one["grade_id"]: cell.source for cell, one in code if one.get("solution")}
    return answers, {one["grade_id"]: one["points"] for _, one in code if one.get("grade")}


def source(name):
    return COURSE.source(name)


def submitted(name):
    """Return all submissions to one assignment: answers, and the tests that are left out.

    A training takes seconds, so it runs where it is what a submission shows, and only there.
    """
    data, (own, _) = FRESH[name], solutions(name)
    given = [(answers, answers) for answers in data["RIGHT"]]
    given += [(wrong["answers"], own | wrong["answers"]) for wrong in data["WRONG"]]
    for answers, whole in given:
        whole, left_out = dict(whole), []
        for cell, tests in data["TRAINED"].items():
            if cell not in answers:
                whole.pop(cell, None)
                left_out += tests
        yield {"answers": whole, "left_out": left_out}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """The process that runs them; what it says about itself goes to a file."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tools'}"}
    with open(tmp_path_factory.mktemp("kernel") / "errors", "w+") as errors:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "kernel.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )

        def run(**given):
            print(json.dumps(given), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            assert answer, errors.seek(0) or errors.read()[-3000:]
            return json.loads(answer)

        yield run
        process.kill()
        process.wait()


@pytest.fixture(scope="module", params=COURSE.names)
def graded(request, kernel):
    """The name of an assignment, its submissions, and what each of them failed."""
    name = request.param
    given = list(submitted(name))
    failed = kernel(notebook=str(source(name)), submissions=given)
    assert isinstance(failed, list), failed
    return name, given, failed


def test_right_solutions_pass_every_test(graded):
    name, given, failed = graded
    assert failed[:5] == [{}] * 5
    answers, _ = solutions(name)
    for submission in given[:5]:
        assert set(submission["answers"]) | set(FRESH[name]["TRAINED"]) == set(answers)
    assert any(not submission["left_out"] for submission in given[:5]), "one trains as well"


def test_wrong_solutions_fail_what_they_got_wrong_and_nothing_else(graded):
    name, _, failed = graded
    wrong = FRESH[name]["WRONG"]
    found = [set(one) for one in failed[5:]]
    assert found == [set(one["fails"]) for one in wrong], failed[5:]
    for messages in failed[5:]:
        for test, message in messages.items():
            assert len(message) > 30, f"{test} fails without saying why: {message}"


def test_there_are_five_of_each_and_all_are_different():
    for data in FRESH.values():
        assert (len(data["RIGHT"]), len(data["WRONG"])) == (5, 5)
        for cell in {cell for answers in data["RIGHT"] for cell in answers}:
            texts = [answers[cell] for answers in data["RIGHT"] if cell in answers]
            assert len(texts) == len(set(texts)), cell
        assert all(wrong["fails"] for wrong in data["WRONG"])


def test_a_task_of_several_points_is_tested_in_parts():
    for name in COURSE.names:
        _, points = solutions(name)
        assert set(points.values()) == {1}, name
        assert sum(points.values()) == 16
