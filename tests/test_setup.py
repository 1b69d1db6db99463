"""Setting up: Pythons that are refused, and an environment that is reused."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import check_python
import commands
import execute
import nbformat
import pytest
import run_backends
import run_tests
import set_repository
import setup_venv
import yaml

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 4), (3, 14, 0), (4, 0, 0)])
def test_unsupported_python_is_refused_by_name(version):
    text = check_python.problem(version, 64, "Linux", "x86_64")
    assert f"Python {'.'.join(map(str, version))}" in text
    assert "3.11, 3.12, 3.13" in text
    assert "make setup PYTHON=python3.12" in text


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9)])
def test_supported_python_passes(version):
    assert check_python.problem(version, 64, "Linux", "x86_64") is None


def test_unsupported_machines_are_refused():
    assert "64-bit" in check_python.problem((3, 12, 0), 32, "Linux", "i686")
    assert "Intel Macs" in check_python.problem((3, 12, 0), 64, "Darwin", "x86_64")
    assert check_python.problem((3, 12, 0), 64, "Darwin", "arm64") is None


def test_requirements_decide_whether_the_environment_is_made_again(monkeypatch, tmp_path):
    for name in ("requirements.txt", "requirements-gpu.txt", "pyproject.toml"):
        (tmp_path / name).write_text("a")
    monkeypatch.setattr(setup_venv, "ROOT", str(tmp_path))
    before = setup_venv.fingerprint("requirements.txt")
    assert before == setup_venv.fingerprint("requirements.txt")
    assert before != setup_venv.fingerprint("requirements-gpu.txt")
    (tmp_path / "requirements.txt").write_text("b")
    assert before != setup_venv.fingerprint("requirements.txt")


def test_direct_dependencies_are_pinned():
    for name in ("requirements.txt", "requirements-gpu.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if line and not line.startswith(("#", "-r ")):
                assert "==" in line, line


def test_make_alone_lists_the_commands():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for command in ("setup", "book", "test", "lab", "execute", "bench", "clean"):
        assert f"make {command}" in listed


@pytest.mark.parametrize("name", commands.STEPS)
def test_make_runs_the_steps_of_the_commands(name):
    done = subprocess.run(["make", "-n", name], cwd=ROOT, capture_output=True, text=True)
    assert f"tools/commands.py {name}" in done.stdout
    for tool in commands.SETUP + [step[1] for step in commands.STEPS[name]]:
        assert tool not in done.stdout
        assert (ROOT / tool).exists() or not tool.startswith("tools/")


def test_a_command_sets_up_first_and_stops_at_the_first_failure(monkeypatch):
    ran = []
    monkeypatch.setattr(commands, "run", lambda step: ran.append(step) or len(ran) == 3)
    monkeypatch.setattr(commands, "PYTHON", str(ROOT / "none"))
    check, make = ([sys.executable, tool] for tool in commands.SETUP)
    assert commands.main(["book"]) == 1
    assert ran == [check, make, *commands.STEPS["book"]]
    ran.clear()
    assert commands.main(["setup", "--gpu"]) == 0
    assert ran == [check, [*make, "--gpu"]]


def test_an_environment_that_is_there_is_kept_whichever_python_asks(monkeypatch):
    ran = []
    monkeypatch.setattr(commands, "run", lambda step: ran.append(step[0]))
    monkeypatch.setattr(commands, "PYTHON", __file__)
    commands.main(["lab"])
    assert ran[:2] == [__file__, __file__]
    ran.clear()
    commands.main(["setup"])
    assert ran == [sys.executable, sys.executable]


def test_a_command_runs_in_the_checkout_and_returns_its_status():
    code = f"import os, sys; sys.exit(3 if os.getcwd() == {str(ROOT)!r} else 4)"
    assert commands.run([sys.executable, "-c", code]) == 3
    assert commands.run([sys.executable, "-c", "import sys; sys.exit(sys.flags.utf8_mode)"]) == 1


def test_ctrl_c_is_left_to_the_program_that_runs():
    """JupyterLab asks whether it is meant, and goes on if not."""
    program = (
        "import time\n"
        "try:\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(1)\n"
        "    print('ended in its own time')\n"
    )
    code = f"import commands, sys; sys.exit(commands.run([sys.executable, '-c', {program!r}]))"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT / "tools",
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read() == "ended in its own time\n"
    assert process.returncode == 0


def test_lab_serves_the_course_too():
    """A folder named on the command line would be all that nbgrader's panels see."""
    (lab,) = commands.STEPS["lab"]
    assert not [argument for argument in lab[3:] if not argument.startswith("--")]
    assert (ROOT / lab[-1].rpartition("/lab/tree/")[2]).is_dir()


def test_unknown_command_is_refused():
    with pytest.raises(SystemExit, match=r"python tools/commands\.py book"):
        commands.main(["nonsense"])


def test_chapters_are_chosen_by_words_and_a_mistyped_one_is_refused():
    assert [path.stem[:2] for path in execute.choose(["02", "sequences"])] == ["02", "08"]
    assert len(execute.choose([])) > 10
    with pytest.raises(SystemExit, match="No chapter has 2x in its name"):
        execute.choose(["02", "2x"])


def test_what_begins_first_is_there():
    tests = run_tests.TESTS.glob("test_*.py")
    for paths, longest in [
        (tests, run_tests.LONGEST_TESTS),
        (execute.choose([]), run_tests.LONGEST_CHAPTERS),
    ]:
        first = run_tests.longest_first(paths, longest)[: len(longest)]
        for path, name in zip(first, longest, strict=True):
            assert path.stem.removeprefix("test_").startswith(name)


def test_the_tests_of_other_backends_are_there():
    assert [name for name in run_backends.TESTS if not (ROOT / name).is_file()] == []


@pytest.fixture
def unpublished(monkeypatch, tmp_path):
    """Copy what names the address."""
    for path in ("_config.yml", "CITATION.cff", "notebooks/01_what_is_an_autoencoder.ipynb"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    monkeypatch.setattr(set_repository, "ROOT", tmp_path)
    return tmp_path


def test_setting_the_published_address(unpublished):
    for name in ("a/b", "c/d.e"):
        set_repository.main([f"https://github.com/{name}.git"])
        address = f"https://github.com/{name}"
        config = yaml.safe_load((unpublished / "_config.yml").read_text())
        assert config["repository"]["url"] == address
        assert "colab_url" in config["launch_buttons"]
        assert "jupyterhub_url" not in config["launch_buttons"]
        citation = yaml.safe_load((unpublished / "CITATION.cff").read_text())
        assert citation["repository-code"] == address
        (chapter,) = (unpublished / "notebooks").iterdir()
        first = nbformat.read(chapter, 4).cells[1].source
        assert f'REPOSITORY = "{address}"' in first
    set_repository.main([address, "--jupyterhub", "https://hub.example"])
    config = yaml.safe_load((unpublished / "_config.yml").read_text())
    assert config["launch_buttons"]["jupyterhub_url"] == "https://hub.example"
    with pytest.raises(SystemExit):
        set_repository.main(["ftp://github.com/c/d"])
