"""Doctor, kernel, quiet logs and the command line."""

import json
import os
import subprocess
import sys

import pytest

from aeutils import __main__ as command_line
from aeutils import data, runtime


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


def test_quiet_logs_leave_standard_error_empty_and_open():
    script = (
        "from aeutils import runtime; runtime.quiet_logs(); import keras, os; "
        "keras.ops.ones(3) + 1; os.write(2, b'still open')"
    )
    done = run("-c", script)
    assert done.returncode == 0
    assert done.stderr == "still open"


def test_quiet_logs_show_why_an_import_fails():
    done = run("-c", "from aeutils import runtime; runtime.quiet_logs()", KERAS_BACKEND="nonsense")
    assert done.returncode != 0
    assert "nonsense" in done.stderr
