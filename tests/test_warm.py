"""Workers that are forked: each is as alone as one that was started anew."""

import contextlib
import os
import time

import pytest
from classroom import sandbox, submission, warm
from nbformat import v4
from sandboxes import LIGHT


def problem():
    """Tell why no worker can be forked here; empty where one can."""
    if why := sandbox.missing():
        return why
    try:
        warm.Forks(LIGHT).close()
    except warm.WarmError as error:
        return str(error)
    return ""


pytestmark = pytest.mark.skipif(bool(why := problem()), reason=f"nothing can be forked: {why}")


@pytest.fixture(scope="module")
def forks():
    forks = warm.Forks(LIGHT)
    yield forks
    forks.close()


@pytest.fixture
def student(forks, monkeypatch):
    """Return a function that starts a student's worker."""
    monkeypatch.setattr(sandbox, "WARM", forks)
    started = []

    def start(folder=None):
        started.append(sandbox.Sandbox("student", folder))
        assert isinstance(started[-1].process, warm.Worker)
        return started[-1]

    yield start
    for process in started:
        process.close()


def run(process, source, seconds=10):
    process.send({"do": "run", "source": source, "seconds": seconds})
    done = process.receive(seconds + 3)[0]["done"]
    return done["error"]["evalue"] if done["error"] else done["stdout"].strip()


PLACES = ("/tmp/x", "/dev/shm/x", "/home/student/x")


def test_no_submission_finds_what_another_left_behind(student):
    one = student()
    for place in PLACES:
        assert run(one, f"_ = open({place!r}, 'w').write('answers')") == ""
    listens = "import socket\na = socket.socket(socket.AF_UNIX); a.bind('\\0answers'); a.listen()"
    assert run(one, listens) == ""
    listens = "b = socket.socket(); b.bind(('127.0.0.1', 5000)); b.listen()"
    assert run(one, listens) == ""
    assert run(one, "import pty; print(*pty.openpty())") != ""
    for number in range(2):
        # beside it, and after it
        other = student()
        assert run(other, f"import os; print([os.path.exists(p) for p in {PLACES}])") == str(
            [False] * 3
        )
        connect = "import socket; socket.socket(socket.AF_UNIX).connect('\\0answers')"
        assert "refused" in run(other, connect)
        assert "refused" in run(other, "socket.create_connection(('127.0.0.1', 5000))")
        assert run(other, "import os; print(os.listdir('/dev/pts'))") == "['ptmx']"
        if not number:
            one.close()


def test_no_submission_reaches_another_or_what_it_was_forked_from(student):
    one, other = student(), student()
    assert run(one, "answers = 'secret'") == ""
    # whatever number is tried, it is a process of its own or none
    for attempt in (
        "os.kill(number, signal.SIGKILL)",
        "resource.prlimit(number, resource.RLIMIT_NPROC, (0, 0))",
        "os.sched_setaffinity(number, {0})",
        "open(f'/proc/{number}/mem', 'r+b')",
    ):
        tries = (
            "import os, resource, signal\nfor number in [*range(3000, 0, -1), -1]:\n"
            f"    try:\n        {attempt}\n    except OSError: pass"
        )
        with contextlib.suppress(sandbox.SandboxError):
            run(other, tries)
        other = student()
    assert run(one, "print(answers)") == "secret"
    assert run(student(), "print('next')") == "next"


def test_a_forked_worker_has_no_rights(student):
    one = student()
    assert run(one, "print(open('/proc/meminfo').readline()[:8])") == "MemTotal"
    call = (
        "import ctypes, os\nlibrary = ctypes.CDLL(None, use_errno=True)\n"
        "print(library.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None), library.umount(b'/tmp'),\n"
        "      library.umount(b'/proc'), library.setns(0, 0), library.sethostname(b'x', 1))"
    )
    assert run(one, call) == "-1 -1 -1 -1 -1"
    assert run(one, "library.syscall(248, b'user', b'k', b'x', 1, -3); print(ctypes.get_errno())")
    for place in ("/x", "/dev/x", "/usr/x", "/proc/x"):
        said = run(one, f"open({place!r}, 'w')")
        assert "Read-only" in said or "denied" in said or "No such" in said
    assert "unreachable" in run(
        one, "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    )
    assert "No such file" in run(one, "open('/etc/passwd')")
    assert "No space" in run(one, "open('big', 'wb').write(bytes(300 * 2**20))")
    names = run(one, "print(*sorted(os.environ))")
    assert "SECRET" not in names
    assert "HOME" in names


def test_what_tensorflow_asks_about_its_own_program_is_answered(student):
    """Where parts of the old /proc are covered there is none of the namespace's own."""
    one = student()
    assert "python" in run(one, "import os; print(os.readlink('/proc/self/exe'))")
    assert "classroom" in run(one, "print(open('/proc/self/cmdline').read())")


def test_nothing_of_the_teachers_environment_is_inherited(student, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_TEACHER", "s3cret")
    one = student()
    assert "SECRET" not in run(one, "import os; print(os.environ)")


def test_chance_is_not_the_same_for_everybody(student):
    draw = "import random, numpy; print(random.random(), numpy.random.rand())"
    one, other = run(student(), draw).split(), run(student(), draw).split()
    assert not set(one) & set(other)


def test_the_files_of_a_submission_are_there_and_links_stay_links(student, tmp_path):
    (tmp_path / "secret").write_text("of the teacher")
    folder = tmp_path / "submission"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.csv").write_text("1")
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    one = student(folder)
    assert run(one, "print(open('data/a.csv').read())") == "1"
    assert "No such file" in run(one, "open('link')")
    assert run(one, "_ = open('data/a.csv', 'w').write('2')") == ""
    assert (folder / "data" / "a.csv").read_text() == "1"
    # no way back to the folder that it came from
    assert run(one, "import os; print([n for n in os.listdir('/') if n == 'submission'])") == "[]"
    assert "No such file" in run(one, f"open({str(tmp_path / 'secret')!r})")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\nwhile True: os.fork()", "processes"),
        ("import os; os._exit(0)", "the process ended"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "the process ended"),
        ("import os, signal; os.kill(1, signal.SIGKILL); os._exit(0)", "the process ended"),
        # to its group
        ("import os, signal; os.kill(0, signal.SIGKILL)", "the process ended"),
        (
            "while True:\n    try:\n        for i in range(10**9): j = i\n"
            "    except BaseException: pass",
            "could not be interrupted",
        ),
    ],
)
def test_what_cannot_be_interrupted_ends_alone(student, source, reason):
    one, other = student(), student()
    with pytest.raises(sandbox.SandboxError, match=reason):
        run(one, source, seconds=1)
    one.process.wait()
    assert one.process.poll() == 0
    assert sandbox.WARM.process.poll() is None
    assert run(other, "print('there')") == "there"
    assert run(student(), "print('next')") == "next"


def test_memory_is_limited(student, monkeypatch):
    monkeypatch.setattr(sandbox, "MEMORY", 400 * 2**20)
    with pytest.raises(sandbox.SandboxError, match="memory"):
        run(student(), "x = [bytearray(b'x') * 10**8 for _ in range(9)]\nwhile True: pass")


def test_both_sides_of_a_submission_are_forked_and_begun_anew(forks, monkeypatch):
    monkeypatch.setattr(sandbox, "WARM", forks)
    process = submission.Run()
    test = {"nbgrader": {"grade": True, "solution": False, "locked": True}}
    check = v4.new_code_cell("assert double(2) == 4, 'not doubled'", metadata=test)
    process.cell(v4.new_code_cell("def double(x): return 2 * x"))
    assert process.cell(check)["error"] is None
    process.cell(v4.new_code_cell("import os; os._exit(0)"))
    assert process.cell(check)["error"] is None
    for side in (process.student, process.checks):
        assert isinstance(side.process, warm.Worker)
    process.close()


def test_where_nothing_can_be_forked_a_worker_is_started_anew(monkeypatch):
    broken = warm.Forks(LIGHT)
    broken.close()
    monkeypatch.setattr(sandbox, "WARM", broken)
    process = sandbox.Sandbox("student")
    assert not isinstance(process.process, warm.Worker)
    assert run(process, "print('there')") == "there"
    process.close()
    with pytest.raises(warm.WarmError, match="could not be imported"):
        warm.Forks(("-c", "raise ImportError"))


def test_the_end_of_the_grader_is_the_end_of_its_workers(forks, monkeypatch):
    other = warm.Forks(LIGHT)
    worker = other.start("student", None)
    assert worker.poll() is None
    other.close()
    worker.wait()
    time.sleep(0.1)
    assert worker.poll() == 0
