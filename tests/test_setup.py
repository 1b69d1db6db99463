"""Setting up: Pythons that are refused, and an environment that is reused."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import set_repository  # noqa: E402
import setup_venv  # noqa: E402


@pytest.mark.parametrize("version", [(3, 9, 1), (3, 10, 4), (3, 14, 0), (4, 0, 0)])
def test_unsupported_python_is_refused_by_name(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(
        setup_venv.platform, "python_version", lambda: ".".join(map(str, version))
    )
    with pytest.raises(SystemExit) as caught:
        setup_venv.refuse_unsupported()
    text = str(caught.value)
    assert f"Python {'.'.join(map(str, version))}" in text
    assert "3.11, 3.12, 3.13" in text
    assert "make PYTHON=python3." in text


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9)])
def test_supported_python_passes(monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    setup_venv.refuse_unsupported()


def test_a_32_bit_python_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    with pytest.raises(SystemExit, match="64-bit"):
        setup_venv.refuse_unsupported()


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


def test_setting_the_published_address(monkeypatch, tmp_path, capsys):
    files = [tmp_path / "_config.yml", tmp_path / "chapter.ipynb"]
    for path in files:
        path.write_text("url: https://github.com/a/b\n")
    monkeypatch.setattr(set_repository, "ROOT", tmp_path)
    monkeypatch.setattr(set_repository, "FILES", files)
    set_repository.main(["https://github.com/c/d.e"])
    assert {path.read_text() for path in files} == {"url: https://github.com/c/d.e\n"}
    with pytest.raises(SystemExit):
        set_repository.main(["ftp://github.com/c/d"])
