"""A limit on memory that the system holds: for forked workers and for those begun from scratch."""

import contextlib

import pytest
from classroom import cgroup, sandbox, warm
from sandboxes import LIGHT, needs_sandbox

needs_groups = pytest.mark.skipif(
    cgroup.parent() is None, reason="the system offers no control group"
)


@needs_sandbox
@needs_groups
@pytest.mark.parametrize("forked", [False, True])
def test_all_memory_counts_files_too(forked, monkeypatch):
    real, made = cgroup.Group, []

    def small(parent, version, limit):
        assert limit == sandbox.MEMORY + 3 * sandbox.FOLDER
        made.append(real(parent, version, 200 * 2**20))
        return made[-1]

    monkeypatch.setattr(cgroup, "Group", small)
    monkeypatch.setattr(sandbox, "MEMORY", 6 * 2**30)
    with warm.forks(LIGHT) if forked else contextlib.nullcontext():
        for source in (
            "x = bytearray(b'x') * (400 * 2**20)",
            "for n in range(2):\n    open(f'/tmp/{n}', 'wb').write(bytes(120 * 2**20))",
        ):
            process = sandbox.Sandbox("student")
            assert isinstance(process.process, warm.Worker) == forked
            process.send({"do": "run", "source": source, "seconds": 20})
            with pytest.raises(sandbox.SandboxError, match="GiB of memory"):
                process.receive(25)
        process = sandbox.Sandbox("student")
        process.send({"do": "run", "source": "print(1)", "seconds": 20})
        assert process.receive(25)[0]["done"]["stdout"] == "1\n"
        process.close()
    assert not [group for group in made if group.folder.exists()]


def tree(root, own, **controllers):
    """Make folders as the second version has them."""
    for path, names in controllers.items():
        folder = root / path.replace("_", "/").strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.subtree_control").write_text(names)
    (root / "own").write_text(own)


def test_the_nearest_group_that_hands_down_the_limit_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")
    tree(tmp_path, "0::/user/app/terminal\n", user="memory pids", user_app="memory", _="memory")
    tree(tmp_path, "0::/user/app/terminal\n", user_app_terminal="pids")
    places = [tmp_path / "user" / "app", tmp_path / "user", tmp_path]
    assert cgroup._candidates() == [(place, 2) for place in places]
    tree(tmp_path, "4:memory:/a\n3:cpu:/b\n0::/\n", _="")
    assert cgroup._candidates() == [(tmp_path / "memory" / "a", 1)]
    (tmp_path / "own").unlink()
    assert cgroup._candidates() == []


def test_where_no_group_can_be_made_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")
    (tmp_path / "own").write_text("4:memory:/none\n")
    assert cgroup.parent.__wrapped__() is None
    monkeypatch.setattr(cgroup, "parent", lambda: None)
    assert cgroup.group(2**30) is None
