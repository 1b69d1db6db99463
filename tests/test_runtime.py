"""Doctor, kernel, quiet logs and the command line."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aeutils
from aeutils import __main__ as command_line
from aeutils import data, runtime

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_doctor_is_content_here():
    done = run("-m", "aeutils", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    for word in (
        "Python 3.",
        runtime.device_report(),
        "GPU",
        f"data: {len(data.verify())} files",
        "kernel",
    ):
        assert word in done.stdout


def test_doctor_finds_damaged_data(monkeypatch, capsys, tmp_path):
    (tmp_path / "checksums.json").write_text((data.FOLDER / "checksums.json").read_text())
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    assert command_line.main(["doctor"]) == 1
    told = capsys.readouterr().out
    assert "FAIL  data" in told
    assert "is missing" in told
    assert "Restore it" in told or "installing aeutils again" in told
    assert command_line.main(["data"]) == 1


def test_doctor_survives_damaged_checksums(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    assert command_line.main(["doctor"]) == 1
    assert "checksums" in capsys.readouterr().out
    assert command_line.main(["data"]) == 1


def test_doctor_finds_a_broken_backend():
    done = run("-m", "aeutils", "doctor", KERAS_BACKEND="nonsense")
    assert done.returncode == 1
    assert "FAIL  Keras" in done.stdout
    assert "requirements.txt" in done.stdout


def test_data_command_names_each_file(capsys):
    assert command_line.main(["data"]) == 0
    names = json.loads((data.FOLDER / "checksums.json").read_text())
    assert "mnist.npz" in names
    assert capsys.readouterr().out == "".join(f"{name}: ok\n" for name in names)


def bare(*arguments, **options):
    """Run a Python that sees the standard library alone, as if nothing were installed."""
    command = [sys.executable, "-I", "-S", "-c", BARE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)


BARE = """
import runpy, sys
folder, *sys.argv[1:] = sys.argv[1:]
sys.path.insert(0, folder)
runpy.run_module("aeutils", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def checkout(tmp_path):
    """Copy what the commands need of a checkout where nothing is set up."""
    leave_out = shutil.ignore_patterns("*.npz", "__pycache__")
    for name in ("aeutils", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=leave_out)
    return tmp_path


def test_version_needs_nothing_installed(checkout):
    done = bare(checkout, "--version")
    assert done.stdout == f"aeutils {aeutils.__version__}\n", done.stderr


def test_doctor_speaks_where_nothing_is_installed(checkout):
    done = bare(checkout, "doctor")
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("python -m aeutils setup") == 3
    assert done.stdout.endswith("Fix the lines marked FAIL, then rerun this command.\n")


def test_doctor_looks_at_the_environment_of_the_checkout(checkout):
    commands = runpy.run_path(str(ROOT / "tools" / "commands.py"))
    python = checkout / Path(commands["PYTHON"]).relative_to(ROOT)
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho environment: $*\n")
    python.chmod(0o755)
    assert bare(checkout, "doctor").stdout == "environment: -m aeutils doctor\n"


@pytest.mark.parametrize("command", ["setup", "book", "lab", "test"])
def test_commands_of_the_book_need_its_folder(checkout, command):
    shutil.rmtree(checkout / "tools")
    done = bare(checkout, command)
    assert done.returncode == 2
    assert "needs the book's folder" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["setup", "book", "lab", "test"])
def test_commands_of_the_book_run_the_steps_of_make(checkout, command):
    (checkout / "tools" / "commands.py").write_text("def main(arguments):\n    print(arguments)\n")
    done = bare(checkout, command)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"['{command}']\n"


def test_unknown_command_is_refused():
    with pytest.raises(SystemExit) as caught:
        command_line.main(["nonsense"])
    assert caught.value.code == 2


def test_kernel_is_registered_with_its_environment(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert command_line.main(["kernel"]) == 0
    path = tmp_path / "share/jupyter/kernels" / runtime.KERNEL_NAME / "kernel.json"
    spec = json.loads(path.read_text())
    assert spec["env"]["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert spec["env"]["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert spec["argv"][0] == sys.executable


def test_quiet_logs_lose_nothing_that_threads_write_and_leave_standard_error_open():
    # that they leave it empty in a process without threads is seen at the doctor
    script = (
        "import os, threading, time\n"
        "from aeutils import runtime\n"
        "lines, done = [], threading.Event()\n"
        "def write():\n"
        "    while not done.wait(0.05):\n"
        "        lines.append(f'line {len(lines)}\\n')\n"
        "        os.write(2, lines[-1].encode())\n"
        "writer = threading.Thread(target=write)\n"
        "quiet = [threading.Thread(target=runtime.quiet_logs) for _ in range(2)]\n"
        "for thread in [writer, *quiet]:\n"
        "    thread.start()\n"
        "for thread in quiet:\n"
        "    thread.join()\n"
        "done.set()\n"
        "writer.join()\n"
        "import keras\n"
        "keras.ops.ones(3) + 1\n"
        "os.write(2, b'still open')\n"
        "print(end=''.join(lines))"
    )
    done = run("-c", script)
    assert done.returncode == 0
    assert done.stdout.count("line") > 5
    assert done.stderr == f"{done.stdout}still open"


def test_native_log_lines_go_to_the_logger(caplog, capfd):
    caplog.set_level("DEBUG", "aeutils.runtime")
    native = "I0000 00:00:1795656299.0453   10122 port.cc:153] oneDNN custom operations are on."
    with runtime._native_log_kept_back():
        os.write(2, f"{native}\nIn words: I0001 is no log line.\n".encode())
    assert capfd.readouterr().err == "In words: I0001 is no log line.\n"
    assert caplog.messages == [native]


def test_quiet_logs_show_why_an_import_fails():
    done = run("-c", "from aeutils import runtime; runtime.quiet_logs()", KERAS_BACKEND="nonsense")
    assert done.returncode != 0
    assert "nonsense" in done.stderr
