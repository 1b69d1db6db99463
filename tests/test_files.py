"""Files are written whole or not at all, and nobody else's is touched."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aeutils.core import files
from aeutils.core.errors import AeutilsError, DataFileError
from aeutils.core.files import as_path, atomic_path, atomic_write


@pytest.fixture(params=["file", "path"])
def write(request):
    """Write bytes in two halves, by each of the two ways; `between` runs after the first."""

    def by_file(path, content, between=lambda: None, **options):
        with atomic_write(path, **options) as file:
            file.write(content[: len(content) // 2])
            between()
            file.write(content[len(content) // 2 :])

    def by_path(path, content, between=lambda: None, **options):
        with atomic_path(path, **options) as partial, open(partial, "wb") as file:
            file.write(content[: len(content) // 2])
            between()
            file.write(content[len(content) // 2 :])

    return {"file": by_file, "path": by_path}[request.param]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize(
    "name", ["a.csv", "without ending", ".hidden", "ä" * 120 + ".csv", "a.b.c"]
)
def test_the_file_is_whole_and_alone(tmp_path, write, name, replace):
    path = tmp_path / name
    write(
        path, b"0123456789", between=lambda: path.exists() and pytest.fail("early"), replace=replace
    )
    assert path.read_bytes() == b"0123456789"
    assert names(tmp_path) == [name]


def test_an_old_file_is_replaced_at_the_end(tmp_path, write):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    seen = []
    write(path, b"new", between=lambda: seen.append(path.read_bytes()))
    assert (seen, path.read_bytes()) == ([b"old"], b"new")


def test_a_relative_path_is_one_of_the_current_folder(tmp_path, write, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("a", b"new")
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize(
    "error", [ValueError("of the block"), KeyboardInterrupt(), SystemExit(1), GeneratorExit()]
)
@pytest.mark.parametrize("old", [b"old", None])
def test_an_error_in_the_block_leaves_what_was(tmp_path, write, error, old):
    path = tmp_path / "a"
    if old:
        path.write_bytes(old)

    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        write(path, b"new", between=fail)
    assert caught.value is error
    assert (path.read_bytes() if path.exists() else None) == old
    assert names(tmp_path) == (["a"] if old else [])


def test_errors_about_other_files_are_passed_on(tmp_path, write):
    with pytest.raises(FileNotFoundError, match=r"other\.csv") as caught:
        write(tmp_path / "a", b"new", between=(tmp_path / "other.csv").read_bytes)
    assert not isinstance(caught.value, AeutilsError)
    with pytest.raises(AeutilsError, match="of its own"):
        write(
            tmp_path / "a",
            b"new",
            between=lambda: (_ for _ in ()).throw(AeutilsError("of its own")),
        )
    assert names(tmp_path) == []


def test_a_full_disk_is_an_error_about_the_file(tmp_path, write):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DataFileError, match=r"a\.csv cannot be written \(No space left"):
        write(tmp_path / "a.csv", b"new", between=full)
    assert names(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_disk_that_is_really_full(tmp_path, monkeypatch):
    full = Path("/dev/full")
    monkeypatch.setattr(files, "open", lambda *_, **__: full.open("wb"), raising=False)
    with (
        pytest.raises(DataFileError, match=r"a cannot be written \(No space left"),
        atomic_write(tmp_path / "a") as file,
    ):
        file.write(b"new")
    assert names(tmp_path) == []


KILLED = """
import os, signal, sys
from aeutils.core.files import atomic_path, atomic_write
way, path = sys.argv[1:]
def half(file):
    file.write(b"new" * 100_000)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
if way == "file":
    with atomic_write(path) as file:
        half(file)
with atomic_path(path) as partial, open(partial, "wb") as file:
    half(file)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
@pytest.mark.parametrize("way", ["file", "path"])
@pytest.mark.parametrize("old", [b"old", None])
def test_a_kill_leaves_the_old_file_and_a_name_that_says_partial(tmp_path, way, old):
    path = tmp_path / "a.npy"
    if old:
        path.write_bytes(old)
    done = subprocess.run([sys.executable, "-c", KILLED, way, str(path)])
    assert done.returncode == -signal.SIGKILL
    assert (path.read_bytes() if path.exists() else None) == old
    (left,) = set(names(tmp_path)) - {"a.npy"}
    assert left.startswith(".a.npy.")
    assert left.endswith(files.PARTIAL)
    assert not list(tmp_path.glob(".*.npy"))


def test_of_two_writers_at_once_each_writes_a_whole_file(tmp_path, write):
    path = tmp_path / "a"
    both = threading.Barrier(2, timeout=30)

    def run(letter):
        write(path, letter * 100_000, between=both.wait)

    threads = [threading.Thread(target=run, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in (b"a" * 100_000, b"b" * 100_000)
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_of_two_writers_at_once_one_is_refused(tmp_path, write, links, monkeypatch):
    if not links:
        refuse_links(monkeypatch)
    path = tmp_path / "a"
    both, results = threading.Barrier(2, timeout=30), []

    def run(letter):
        try:
            write(path, letter * 100, between=both.wait, replace=False)
            results.append(letter)
        except DataFileError:
            results.append(None)

    threads = [threading.Thread(target=run, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [letter for letter in results if letter]
    assert path.read_bytes() == winner * 100
    assert names(tmp_path) == ["a"]


def refuse_links(monkeypatch):
    """As on a USB stick."""

    def link(source, target):
        raise OSError(errno.EPERM, "Operation not permitted", source, None, target)

    monkeypatch.setattr(os, "link", link)


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_what_appears_meanwhile_is_not_replaced(tmp_path, write, links, monkeypatch):
    if not links:
        refuse_links(monkeypatch)
    path = tmp_path / "a"
    with pytest.raises(DataFileError, match="exists already"):
        write(path, b"new", between=lambda: path.write_bytes(b"theirs"), replace=False)
    assert path.read_bytes() == b"theirs"
    write(tmp_path / "b", b"new", replace=False)
    assert (tmp_path / "b").read_bytes() == b"new"
    assert names(tmp_path) == ["a", "b"]


def test_what_exists_is_refused_before_the_work(tmp_path, write):
    path = tmp_path / "a"
    for make in (path.touch, path.mkdir, lambda: path.symlink_to(tmp_path / "nowhere")):
        make()
        with pytest.raises(DataFileError, match="exists already"):
            write(path, b"new", between=pytest.fail, replace=False)
        path.rmdir() if path.is_dir() else path.unlink()


def test_what_is_no_file_is_refused_before_the_work(tmp_path, write):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    for name in ("folder", "link", "", "."):
        with pytest.raises(DataFileError, match="is a folder"):
            write(tmp_path / name, b"new", between=pytest.fail)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to a device").symlink_to(os.devnull)
    for name in ("pipe", "to a device", os.devnull):
        with pytest.raises(DataFileError, match="device or pipe"):
            write(tmp_path / name, b"new", between=pytest.fail)
    (tmp_path / "file").touch(0o444)
    with pytest.raises(DataFileError, match="read-only"):
        write(tmp_path / "file", b"new", between=pytest.fail)
    for name in ("missing/a", "file/a", "a" * 300):
        with pytest.raises(DataFileError, match="cannot be written"):
            write(tmp_path / name, b"new", between=pytest.fail)
    assert names(tmp_path) == ["file", "folder", "link", "pipe", "to a device"]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder nobody can write to")
def test_a_folder_that_cannot_be_written_to(write):
    with pytest.raises(DataFileError, match="/proc/self/a cannot be written"):
        write("/proc/self/a", b"new", between=pytest.fail)


@pytest.mark.parametrize("path", [None, 3, b"a", "a\0b", ["a"]])
def test_what_is_no_path_is_refused(write, path):
    with pytest.raises(DataFileError, match="path must be the path of a file; got"):
        write(path, b"new")
    with pytest.raises(DataFileError, match="model must be"):
        as_path("model", path)


def test_a_link_is_replaced_and_not_followed(tmp_path, write):
    theirs, link = tmp_path / "theirs", tmp_path / "link"
    theirs.write_bytes(b"theirs")
    theirs.chmod(0o600)
    link.symlink_to(theirs)
    write(link, b"new")
    assert (theirs.read_bytes(), link.read_bytes()) == (b"theirs", b"new")
    assert not link.is_symlink()


def test_permissions_are_those_of_any_file_or_of_the_one_replaced(tmp_path, write):
    (tmp_path / "usual").touch()
    write(tmp_path / "new", b"new")
    assert mode(tmp_path / "new") == mode(tmp_path / "usual")
    for bits in (0o600, 0o664, 0o640, 0o755):
        (tmp_path / "usual").chmod(bits)
        write(tmp_path / "usual", b"new")
        assert mode(tmp_path / "usual") == bits


def test_what_replaces_a_private_file_is_private_from_the_start(tmp_path):
    (tmp_path / "a").touch(0o600)
    with atomic_write(tmp_path / "a") as file:
        assert os.fstat(file.fileno()).st_mode & 0o077 == 0
    with atomic_path(tmp_path / "a") as partial:
        assert mode(partial.parent) & 0o077 == 0
        partial.touch()


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path, write, monkeypatch):
    path, calls = tmp_path / "a", []
    fsync, replace, link = os.fsync, os.replace, os.link
    monkeypatch.setattr(os, "fsync", lambda fd: calls.append(os.fstat(fd).st_size) or fsync(fd))
    monkeypatch.setattr(os, "replace", lambda *a: calls.append("named") or replace(*a))
    monkeypatch.setattr(os, "link", lambda *a: calls.append("named") or link(*a))
    for options in ({}, {"replace": False}):
        calls.clear()
        path.unlink(missing_ok=True)
        write(path, b"0123456789", **options)
        assert calls[:2] == [10, "named"]
        assert len(calls) == 3


def test_a_writer_may_close_the_file(tmp_path):
    with atomic_write(tmp_path / "a") as file, file:
        file.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_writer_that_writes_nothing_leaves_what_was(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"old")
    with pytest.raises(DataFileError, match="no file was made"), atomic_path(tmp_path / "a.npz"):
        pass
    assert (tmp_path / "a.npz").read_bytes() == b"old"
    assert names(tmp_path) == ["a.npz"]


def make_folder(partial):
    (partial / "inner").mkdir(parents=True)
    (partial / "inner" / "file").write_bytes(b"new")


def test_a_folder_is_whole_or_absent_too(tmp_path):
    with atomic_path(tmp_path / "folder") as partial:
        make_folder(partial)
        assert not (tmp_path / "folder").exists()
    assert (tmp_path / "folder" / "inner" / "file").read_bytes() == b"new"

    def fail(partial):
        make_folder(partial)
        raise ValueError("of the block")

    with pytest.raises(ValueError, match="of the block"), atomic_path(tmp_path / "b") as partial:
        fail(partial)
    assert names(tmp_path) == ["folder"]


@pytest.mark.parametrize("make", [Path.touch, make_folder])
def test_a_folder_replaces_nothing(tmp_path, make):
    make(tmp_path / "before")

    def meanwhile(partial):
        make_folder(partial)
        make(tmp_path / "a")

    with (
        pytest.raises(DataFileError, match="cannot be written"),
        atomic_path(tmp_path / "a") as partial,
    ):
        meanwhile(partial)
    assert names(tmp_path) == ["a", "before"]
    assert (tmp_path / "a").is_dir() == (tmp_path / "before").is_dir()
