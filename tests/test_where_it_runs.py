"""The files by which other services install and publish the book say what they should."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import aeutils
from aeutils import __main__ as command_line

ROOT = Path(__file__).resolve().parent.parent


def test_binder_installs_the_same_requirements():
    (line,) = [
        line
        for line in (ROOT / ".binder" / "requirements.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    flag, path = line.split()
    assert flag == "-r"
    assert (ROOT / ".binder" / path).resolve() == ROOT / "requirements.txt"
    version = re.fullmatch(r"python-3\.(\d+)\n", (ROOT / ".binder" / "runtime.txt").read_text())
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert int(version[1]) >= int(oldest.removeprefix(">=3."))
    assert (ROOT / ".binder" / "postBuild").stat().st_mode & 0o111


def test_no_page_offers_an_address_before_the_book_has_one(html):
    pages = list(html.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        text = page.read_text()
        assert "YOUR-ACCOUNT" not in text
        assert "colab.research.google.com/github" not in text


def test_a_published_book_has_its_launch_buttons(monkeypatch, tmp_path):
    import set_repository
    from jupyter_book.config import get_final_config

    for name in ("_config.yml", "CITATION.cff"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(set_repository, "ROOT", tmp_path)
    place, hub = "https://github.com/somebody/book", "https://hub.example.org"
    set_repository.main([f"{place}.git", "--jupyterhub", f"{hub}/"])
    cli_config = {"latex_individualpages": False}  # it takes nothing less
    config = tmp_path / "_config.yml"
    options = get_final_config(user_yaml=config, cli_config=cli_config)[0]["html_theme_options"]
    assert options["launch_buttons"]["jupyterhub_url"] == hub
    assert options["launch_buttons"]["colab_url"] == "https://colab.research.google.com"
    assert options["launch_buttons"]["binderhub_url"] == "https://mybinder.org"
    assert options["repository_url"] == place


def test_the_development_container_is_set_up_by_make():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    settings = json.loads(re.sub(r"(?m)^\s*//.*$", "", text))
    assert settings["postCreateCommand"] == "make setup"
    # without these, bubblewrap cannot make a sandbox in it; the teacher's page names the same
    allowed = settings["runArgs"]
    guide = (ROOT / "book" / "teaching.md").read_text()
    for option in ("seccomp", "apparmor", "systempaths"):
        assert f"{option}=unconfined" in allowed
        assert f"--security-opt {option}=unconfined" in guide


def test_the_book_is_published_only_after_the_tests():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text())["jobs"]
    assert set(jobs["publish"]["needs"]) == {"test", "build"}
    assert any(".ci/run" in step.get("run", "") for step in jobs["test"]["steps"])
    assert any(step.get("run") == "make book" for step in jobs["build"]["steps"])


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(workflow):
    for job in yaml.safe_load(workflow.read_text())["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_name_commands_and_files_that_exist(workflow):
    make = set(re.findall(r"(?m)^([\w.-]+):.*## ", (ROOT / "Makefile").read_text()))
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    assert commands
    for command in commands:
        assert set(re.findall(r"\bmake ([\w-]+)", command)) <= make
        for name in re.findall(r"-m aeutils (\w+)", command):
            with pytest.raises(SystemExit) as asked:
                command_line.main([name, "--help"])
            assert asked.value.code == 0
        for path in re.findall(r"(?<=[ /])(requirements\.txt|tests|notebooks|\.ci/run)\b", command):
            assert (ROOT / path).exists()


def test_every_night_the_newest_releases_are_tried_on_three_systems():
    workflow = ROOT / ".github" / "workflows" / "newest.yml"
    text = yaml.safe_load(workflow.read_text())
    # YAML takes the word `on` for true
    assert set(text[True]) == {"schedule", "workflow_dispatch"}
    assert text["permissions"] == {"contents": "read"}
    systems = text["jobs"]["newest"]["strategy"]["matrix"]["os"]
    assert [name.removesuffix("-latest") for name in systems] == ["ubuntu", "macos", "windows"]
    command = next(step["run"] for step in steps(workflow) if "newest.txt" in step.get("run", ""))
    # what the shell would write into newest.txt
    unpinned = subprocess.run(
        command.split(" >")[0], shell=True, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"(?m)^.*==.*$", unpinned) == ["jupyter-book==1.0.4.post1"]
    assert len(unpinned.splitlines()) == len((ROOT / "requirements.txt").read_text().splitlines())


def test_citation_and_changes_name_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == aeutils.__version__
    assert re.search(
        rf"(?m)^## {re.escape(aeutils.__version__)}\b", (ROOT / "CHANGELOG.md").read_text()
    )


def test_the_map_of_the_house_names_what_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    paths = set(re.findall(r"`([\w.]+/[\w./]*|\w+\.(?:yml|md))`", text))
    paths -= {"notebooks/NN_name.ipynb", "benchmarks/NAME.py"}
    assert len(paths) > 15
    for path in paths:
        assert (ROOT / path).exists(), path
