"""A student's process harms nothing, and each way of harming is told apart."""

from pathlib import Path

import numpy as np
import pytest
from classroom import sandbox, submission, values
from nbformat import v4

ROOT = Path(__file__).resolve().parent.parent

needs_sandbox = pytest.mark.skipif(
    not sandbox.available(), reason="bubblewrap is not here or may not be used"
)


@pytest.fixture
def student():
    process = sandbox.Sandbox("student")
    yield process
    process.close()


def run(process, source, seconds=5):
    process.send({"do": "run", "source": source, "seconds": seconds})
    return process.receive(seconds + 3)["done"]


@needs_sandbox
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("open('/etc/passwd')", "No such file"),
        (f"open({str(ROOT / 'Makefile')!r})", "No such file"),
        (f"open({str(ROOT / 'aeutils' / 'x')!r}, 'w')", "Read-only file system"),
        ("import socket; socket.create_connection(('192.0.2.1', 80), 2)", "unreachable"),
        ("while True:\n    open('big', 'ab').write(bytes(10**7))", "No space left"),
        ("while True: pass", "past its time limit"),
        ("import sys; sys.exit(3)", "3"),
    ],
)
def test_what_is_not_allowed_is_an_error_in_its_cell(student, source, message):
    done = run(student, source, seconds=3)
    assert message in done["error"]["evalue"]
    assert run(student, "print(1 + 1)")["stdout"] == "2\n"


@needs_sandbox
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\nwhile True: os.fork()", "processes"),
        (
            "import subprocess\nsubprocess.run(['sh', '-c', 'f() { f | f & }; f; sleep 9'])",
            "processes",
        ),
        ("import os; os._exit(0)", "the process ended"),
        (
            "while True:\n    try:\n        for i in range(10**9): j = i\n"
            "    except BaseException: pass",
            "could not be interrupted",
        ),
    ],
)
def test_what_cannot_be_interrupted_ends_with_the_sandbox(student, source, reason):
    with pytest.raises(sandbox.SandboxError, match=reason):
        run(student, source, seconds=1)
    assert student.process.poll() is not None


@needs_sandbox
def test_memory_is_limited(student, monkeypatch):
    monkeypatch.setattr(sandbox, "MEMORY", 500 * 2**20)
    with pytest.raises(sandbox.SandboxError, match="memory"):
        run(student, "x = [bytearray(10**8) for _ in range(20)]\nwhile True: pass")


@needs_sandbox
def test_a_gigabyte_of_print_is_cut(student):
    done = run(student, "print('a' * 10**9)", seconds=20)
    assert len(done["stdout"]) < 300_000
    assert "more characters were not kept" in done["stdout"]


@needs_sandbox
def test_checks_reach_the_students_function_but_not_the_other_way():
    answer = v4.new_code_cell(
        "import numpy as np\nnp.allclose = lambda *a: True\ndef double(x): return x * 3"
    )
    check = v4.new_code_cell(
        "import numpy as np\nassert np.allclose(double(np.ones(2)), 2), 'not doubled'",
        metadata={"nbgrader": {"grade": True, "solution": False, "locked": True}},
    )
    run = submission.Run()
    assert run.cell(answer)["error"] is None
    assert run.cell(check)["error"]["evalue"] == "not doubled"
    run.close()


def test_a_worker_computes_with_as_many_threads_as_whoever_grades_says(monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    seen = sandbox.environment("/home/student", None)
    assert seen["OMP_NUM_THREADS"] == "3"
    assert "TF_NUM_INTRAOP_THREADS" not in seen
    assert "3" in sandbox.command()


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 2**70, float("inf"), "ä", [1, (2.0, "x")], {"a": np.arange(3)}, np.float32(2)],
)
def test_plain_data_come_over_as_they_were(value):
    np.testing.assert_equal(values.unpack(values.pack(value)), value)


@pytest.mark.parametrize("value", [object(), {1: 2}, np.array([object()]), print, {1, 2}])
def test_other_values_are_refused(value):
    with pytest.raises(values.NotPlainDataError, match="it is"):
        values.pack(value)


def test_a_forged_line_is_refused():
    for forged in [{"array": "AAAA", "scalar": False}, {"code": "x"}, {"int": "x"}, {}, 7]:
        with pytest.raises(ValueError, match=r"came over|unknown"):
            values.unpack(forged)
