"""A student's process harms nothing, and each way of harming is told apart."""

import json
import os
import subprocess
import sys
import textwrap
import time
import types
from pathlib import Path

import numpy as np
import pytest
from classroom import grade, sandbox, submission, values, warm, worker
from classroom.course import CourseError
from nbformat import v4
from sandboxes import LIGHT, needs_sandbox

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def student():
    process = sandbox.Sandbox("student")
    yield process
    process.close()


@pytest.fixture(scope="module")
def survivor():
    """One process for all that must not end it: it takes its time to start."""
    process = sandbox.Sandbox("student")
    yield process
    process.close()


@pytest.fixture(scope="module")
def both():
    """The two processes of a submission, for all that must not end them."""
    process = submission.Run()
    yield process
    process.close()


def run(process, source, seconds=5):
    process.send({"do": "run", "source": source, "seconds": seconds})
    return process.receive(seconds + 3)[0]["done"]


# what lies unread in a socket is no process's memory
FILL_SOCKETS = """
import resource, socket
kept, (_, most) = [], resource.getrlimit(resource.RLIMIT_NOFILE)
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (most + 1, most + 1))
except ValueError:
    pass
try:
    while len(kept) < 400:
        kept.append(socket.socketpair())
finally:
    del kept[10:]
"""


# SO_SNDBUF, SO_RCVBUF, SO_SNDBUFFORCE, SO_RCVBUFFORCE
BUFFERS = (7, 8, 32, 33)


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
        # memory that no limit of the folders holds
        ("open('/big', 'wb')", "Read-only file system"),
        ("open('/dev/big', 'wb')", "Read-only file system"),
        ("import os; os.memfd_create('big')", "not permitted"),
        (
            "import ctypes\nlibrary = ctypes.CDLL(None, use_errno=True)\n"
            "if library.shmget(0, 2**30, 0o1600) < 0:\n"
            "    import os; raise OSError(os.strerror(ctypes.get_errno()))",
            "not permitted",
        ),
        (
            "import ctypes\nlibrary = ctypes.CDLL(None, use_errno=True)\n"
            "if library.syscall(425, 8, 0) < 0:\n"
            "    import os; raise OSError(os.strerror(ctypes.get_errno()))",
            "not permitted",
        ),
        (FILL_SOCKETS, "Too many open files"),
        *[
            (f"import socket\nsocket.socket().setsockopt(1, {n}, 10**7)", "not permitted")
            for n in BUFFERS
        ],
        (
            "import socket\nsocket.socket().setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
            "raise ValueError('still possible')",
            "still possible",
        ),
    ],
)
def test_what_is_not_allowed_is_an_error_in_its_cell(survivor, source, message):
    done = run(survivor, source, seconds=3)
    assert message in done["error"]["evalue"]
    assert run(survivor, "print(1 + 1)")["stdout"] == "2\n"


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


def test_the_first_of_many_processes_are_found_whoever_started_them():
    start = "import subprocess, threading, time\n"
    start += "def more(): [subprocess.Popen(['sh', '-c', 'sleep 60 & wait']) for _ in range(5)]\n"
    start += "threading.Thread(target=more).start(); more(); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        everything = []
        while len(everything) < 20:
            time.sleep(0.05)
            everything = sandbox.started_by(process.pid)
        assert len(everything) == 20
        assert set(sandbox.started_by(process.pid, 61)) == set(everything)
        first = sandbox.started_by(process.pid, 7)
        assert len(first) == 7
        assert set(first) <= set(everything)
        for one in [*everything, process]:
            one.kill()
    assert sandbox.started_by(process.pid, 61) == []


@needs_sandbox
def test_a_machine_that_forbids_a_sandbox_is_told_in_bubblewraps_own_words():
    """As in a container, where parts of /proc are covered: then no second one may be mounted."""
    outer = ["bwrap", "--unshare-all", "--dev-bind", "/", "/", "--proc", "/proc"]
    outer += ["--dev-bind", "/dev/null", "/proc/cmdline"]
    ask = "from classroom import sandbox; print(sandbox.missing())"
    told = subprocess.run(
        [*outer, sys.executable, "-c", ask],
        env={"PYTHONPATH": str(ROOT / "tools"), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert "it says: bwrap: Can't mount proc" in told.stdout, told.stderr
    assert "On any machine" in told.stdout


@pytest.mark.parametrize(
    "words",
    [
        # Ubuntu 24.04, whose AppArmor lets no unnamed program make namespaces
        "bwrap: setting up uid map: Permission denied",
        # kernels that allow it to root alone
        "bwrap: No permissions to create a new namespace, likely because the kernel does not allow "
        "non-privileged user namespaces.",
        "",
    ],
)
def test_where_bubblewrap_is_forbidden_grading_ends_with_its_words(tmp_path, monkeypatch, words):
    stub = tmp_path / "bwrap"
    stub.write_text(f"#!/bin/sh\nprintf %s {words!r} >&2\nexit 1\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CourseError) as refused:
        grade.main(None, [], jobs=1, unsafe=False)
    text = str(refused.value)
    assert (words or "exit status 1") in text
    for way_out in ("AppArmor", "containers", "On any machine", "make grade UNSAFE=1"):
        assert way_out in text


def test_where_bubblewrap_is_not_installed_grading_says_how_to(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CourseError, match="apt install bubblewrap"):
        grade.main(None, [], jobs=1, unsafe=False)


@needs_sandbox
def test_nothing_of_the_teachers_environment_is_seen(survivor, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_TEACHER", "s3cret")
    other = sandbox.Sandbox("student")
    source = "import glob\nfor f in glob.glob('/proc/*/environ'): print(open(f).read())"
    text = run(other, source)["stdout"]
    other.close()
    assert "PYTHONPATH" in text
    assert "s3cret" not in text


@needs_sandbox
def test_memory_is_limited_while_the_checks_are_waited_for(monkeypatch):
    monkeypatch.setattr(sandbox, "MEMORY", 500 * 2**20)
    process = submission.Run()
    hoard = (
        "import threading, time\ndef hoard():\n    time.sleep(1)\n    global kept\n"
        "    kept = [bytearray(10**8) for _ in range(20)]\n    time.sleep(60)\n"
        "threading.Thread(target=hoard, daemon=True).start()"
    )
    assert process.cell(v4.new_code_cell(hoard))["error"] is None
    test = {"nbgrader": {"grade": True, "solution": False, "locked": True}}
    process.cell(v4.new_code_cell("import time; time.sleep(3)", metadata=test))
    assert process.student.process.poll() is not None
    again = process.cell(v4.new_code_cell("print('goes on')"))
    assert "memory" in again["error"]["evalue"]
    process.close()


@needs_sandbox
def test_memory_that_processes_share_counts_once(survivor, monkeypatch):
    monkeypatch.setattr(sandbox, "MEMORY", 700 * 2**20)
    source = (
        "block = bytearray(b'x') * (2 * 10**8)\nfrom multiprocessing import get_context\n"
        "import time\nwith get_context('fork').Pool(8) as pool: pool.map(time.sleep, [1] * 8)\n"
        "print('done')"
    )
    assert run(survivor, source, seconds=20)["stdout"] == "done\n"


# what a student's code can write to the channel itself
FORGED = [
    b"[]\n",
    b"\xff\n",
    b'{"bytes": 0}\n',
    b'{"done": 1, "bytes": true}\n',
    b'{"done": 1, "bytes": 999999999999}\n',
    b'{"ask": {"do": "value", "name": "x"}, "bytes": 0}\n',
    b"[" * 10**5 + b"\n",
    b"x" * 9 * 2**20,
]


@pytest.fixture
def forked():
    """All workers are forked: many have to begin anew."""
    with warm.forks(LIGHT):
        yield


@needs_sandbox
def test_what_is_forged_on_the_channel_ends_one_cell_with_a_sentence(forked):
    process = submission.Run()
    for forged in FORGED:
        told = process.cell(v4.new_code_cell(f"{WRITE}({forged!r}); os._exit(0)"))["error"]
        assert told["ename"] == "ProcessEnded", forged
        assert "answer" in told["evalue"], forged
        # the next begins anew, as often as it takes
        process.restarts = 0
    assert process.cell(v4.new_code_cell("print('there')"))["stdout"] == "there\n"
    process.close()


TOLD = {"stdout": "", "stderr": "", "rich": [], "error": None}


@pytest.mark.parametrize(
    "done",
    [
        *[None, 7, [], {}, {"stdout": ""}, TOLD | {"stdout": 1}, TOLD | {"rich": [7]}],
        *[TOLD | {"rich": None}, TOLD | {"error": 3}, TOLD | {"error": {}}],
        TOLD | {"error": {"ename": "", "evalue": "", "traceback": [1]}},
    ],
)
def test_an_outcome_of_another_form_is_none(done):
    class Side:
        def close(self, reason):
            raise sandbox.SandboxError(reason)

    assert submission.checked(Side(), {"done": TOLD}) == TOLD
    with pytest.raises(sandbox.SandboxError, match="not an answer"):
        submission.checked(Side(), {"done": done})


LONG = "x" * 10**6


def test_what_is_forged_is_cut_to_what_a_worker_tells():
    """A patched worker answers within the limit of an answer, and above all of its own."""
    error = {"ename": LONG, "evalue": LONG, "traceback": [LONG] * 99}
    done = {"stdout": LONG, "stderr": LONG, "rich": [{}] * 10**5, "error": error}
    start = time.process_time()
    told = submission.checked(None, {"done": done})
    grade.outputs(v4.new_code_cell("1"), told)
    assert time.process_time() - start < 5, "it holds up all other submissions"
    assert len(told["rich"]) == worker.SHOWN_ITEMS + 1
    assert told["rich"][-1]["text/plain"] == "[99,000 more displayed outputs were not kept]"
    assert len(json.dumps(told["error"])) < 100_000
    assert len(told["stdout"] + told["stderr"]) < 500_000
    shown = submission.checked(None, {"done": TOLD | {"rich": [{"text/plain": LONG}] * 99}})
    assert len(json.dumps(shown)) < 5 * 10**6


def test_what_a_worker_cuts_is_not_cut_again():
    item = types.SimpleNamespace(data={"text/plain": "x"})
    text = worker.Printed()
    text.write(LONG)
    shown = worker._shown([item] * 2000)
    done = TOLD | {"stdout": worker._text(text), "rich": shown}
    assert submission.checked(None, {"done": done}) == done
    assert "800,000 more characters were not kept" in done["stdout"]
    item.data = {"text/plain": LONG}
    done = TOLD | {"rich": worker._shown([item] * 2000)}
    assert submission.checked(None, {"done": done}) == done
    assert "more displayed outputs were not kept" in shown[-1]["text/plain"]


def test_all_cells_together_show_no_more_than_a_notebook_can_hold(monkeypatch):
    error = {"ename": "E", "evalue": LONG[:5000], "traceback": [LONG[:5000]] * 12}
    told = TOLD | {"stdout": LONG[:200_000], "rich": [{"text/plain": ""}] * 500, "error": error}
    process = submission.Run.__new__(submission.Run)
    process.room = submission.TOLD
    monkeypatch.setattr(submission.Run, "_cell", lambda self, cell, where: told)
    outcomes = [process.cell(v4.new_code_cell("1")) for _ in range(2000)]
    assert outcomes[0] == told
    assert outcomes[-1]["stdout"] == "[not kept: all cells together had shown 32 MiB]"
    assert len(outcomes[-1]["error"]["evalue"]) == 1000
    assert len(json.dumps(outcomes)) < submission.TOLD + 6 * 10**6
    # what a test says is always told
    test = {"nbgrader": {"grade": True, "solution": False, "locked": True}}
    assert process.cell(v4.new_code_cell("1", metadata=test)) == told


# to all that is open: one of it is the channel
WRITE = (
    "import os\ndef write(line):\n    for n in range(3, 30):\n        try: os.write(n, line)\n"
    "        except OSError: pass\nwrite"
)


@needs_sandbox
def test_odd_outputs_are_left_out():
    process = submission.Run()
    source = (
        "from IPython.display import display\n"
        "for data in ({'image/png': [1]}, {'image/png': 'no base64'}, {'text/plain': 3},\n"
        "             {'text/html': '<script>'}, {'text/plain': '\\udc80'}):\n"
        "    display(data, raw=True)\nprint('\\udc80')"
    )
    done = process.cell(v4.new_code_cell(source))
    assert done["error"] is None
    assert [sorted(item) for item in done["rich"]] == [["text/plain"]] * 5
    assert done["stdout"].encode()
    source = "for i in range(10**4): display({'text/plain': 'x' * 10**5}, raw=True)"
    done = process.cell(v4.new_code_cell(source))
    assert sum(len(item["text/plain"]) for item in done["rich"]) < 5 * 10**6
    assert "were not kept" in done["rich"][-1]["text/plain"]
    process.close()


@needs_sandbox
def test_memory_is_limited(student, monkeypatch):
    monkeypatch.setattr(sandbox, "MEMORY", 500 * 2**20)
    with pytest.raises(sandbox.SandboxError, match="memory"):
        run(student, "x = [bytearray(10**8) for _ in range(20)]\nwhile True: pass")


@needs_sandbox
def test_a_gigabyte_of_print_is_cut(survivor):
    done = run(survivor, "print('a' * 10**9)", seconds=20)
    assert len(done["stdout"]) < 300_000
    assert "more characters were not kept" in done["stdout"]


@needs_sandbox
def test_checks_reach_the_students_function_but_not_the_other_way(both):
    answer = v4.new_code_cell(
        "import numpy as np\nnp.allclose = lambda *a: True\ndef double(x): return x * 3"
    )
    check = v4.new_code_cell(
        "import numpy as np\nassert np.allclose(double(np.ones(2)), 2), 'not doubled'",
        metadata={"nbgrader": {"grade": True, "solution": False, "locked": True}},
    )
    assert both.cell(answer)["error"] is None
    assert both.cell(check)["error"]["evalue"] == "not doubled"


def test_a_worker_computes_with_as_many_threads_as_whoever_grades_says(monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    seen = sandbox.environment("/home/student", None)
    assert seen["OMP_NUM_THREADS"] == "3"
    assert "TF_NUM_INTRAOP_THREADS" not in seen
    assert "3" in sandbox.command()


ENDLESS = (
    "while True:\n    try:\n        for i in range(10**9): j = i\n    except BaseException: pass"
)


@needs_sandbox
@pytest.mark.parametrize(
    ("answer", "check", "late"),
    [
        ("def f(): return 1", "assert f() == 1", False),
        ("raise ValueError", "assert f() == 1", False),
        ("import os; os._exit(0)", "assert f() == 1", False),
        ("while True: pass", "pass", True),
        (ENDLESS, "pass", True),
        ("def f():\n    while True: pass", "f()", True),
        # a test that expects an error hides it
        (
            "def f():\n" + textwrap.indent(ENDLESS, "    "),
            "try: f()\nexcept Exception: pass",
            True,
        ),
        ("import time\nfor i in range(9): time.sleep(0.9)", "pass", True),
    ],
)
def test_it_is_known_whether_time_has_stopped_anything(forked, monkeypatch, answer, check, late):
    monkeypatch.setattr(submission, "CELL_SECONDS", 3)
    monkeypatch.setattr(submission, "CALL_SECONDS", 1)
    process = submission.Run()
    test = {"nbgrader": {"grade": True, "solution": False, "locked": True}}
    process.cell(v4.new_code_cell(answer))
    process.cell(v4.new_code_cell(check, metadata=test))
    assert process.late == late
    process.deadline = 0
    process.cell(v4.new_code_cell("1"))
    assert process.late
    process.close()


def outcome(process, answer, check):
    """Run an answer, which has to be without an error; return what becomes of a check of it."""
    assert process.cell(v4.new_code_cell(answer))["error"] is None
    test = {"nbgrader": {"grade": True, "solution": False, "locked": True}}
    return process.cell(v4.new_code_cell(check, metadata=test))


@needs_sandbox
def test_what_a_function_does_to_its_arguments_is_seen(both):
    answer = "def shuffle(x, more):\n    x[:] = x[::-1]\n    more['k'] = 1\n    return x.sum()"
    check = (
        "import numpy as np\nx, more = np.arange(3), {}\nassert shuffle(x, more) == 3\n"
        "assert (x == np.arange(3)).all() and not more, 'the argument was changed'"
    )
    done = outcome(both, answer, check)
    assert done["error"]["evalue"] == "the argument was changed"


@needs_sandbox
def test_a_model_cannot_change_what_it_is_tested_with(both):
    answer = (
        "import keras\nclass Spoils(keras.Model):\n    def call(self, x): return x\n"
        "    def __call__(self, x, **more):\n        x[:] = 0\n        return x\n"
        "    predict = __call__\nspoils = Spoils()"
    )
    check = (
        "import numpy as np\nx = np.ones((2, 3), 'float32')\n"
        "for ask in (spoils, spoils.predict):\n    assert (ask(x) == 0).all()\n"
        "    assert (x == 1).all(), 'the input was changed'"
    )
    assert outcome(both, answer, check)["error"] is None


@needs_sandbox
def test_a_model_with_code_of_its_own_is_judged_by_its_answers(both):
    answer = (
        "import keras\nclass Twice(keras.Model):\n    def call(self, x): return 2 * x\n"
        "class Inferred(keras.Model):\n"
        "    def call(self, x, training=True): return x if training else 2 * x\n"
        "model = Twice()\nother = Inferred()\ndef build(): return model"
    )
    check = (
        "import numpy as np\nx = np.ones((2, 3), 'float32')\n"
        "for found in (model, build(), other):\n"
        "    assert np.allclose(found(x), 2)\n"
        "    assert np.allclose(found.predict(x, verbose=0), 2)\nmodel.layers"
    )
    done = outcome(both, answer, check)
    assert "`layers` of this model cannot be checked" in done["error"]["evalue"]


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
