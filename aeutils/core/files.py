"""One way to write a file: whole or not at all."""

import contextlib
import errno
import functools
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from aeutils.core.errors import AeutilsError, DataFileError

__all__ = ["atomic_path", "atomic_write"]

# how the names of temporary files end; what a killed process leaves behind may be deleted
PARTIAL = ".partial"

# what a file system without hard links answers to a request for one
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def as_path(name: str, path: object) -> Path:
    """Return a path as :class:`pathlib.Path`.

    Parameters
    ----------
    name : str
        What the error calls it.
    path : str or os.PathLike
        The path of a file or folder.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DataFileError
        If it is no path, such as an array or an open file.
    """
    if not isinstance(path, str | os.PathLike) or "\0" in str(path):
        raise DataFileError(f"{name} must be the path of a file; got {path!r:.80}.")
    return Path(path)


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], replace: bool = True) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name when it is complete, and not before.

    What is written goes to a temporary file beside `path`, is flushed to the disk, and is renamed
    when the block ends.  If the block raises, the temporary file is deleted and `path` is as it
    was.  A killed process leaves a temporary file, named ``.NAME.….partial``, and no other trace.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write, in a folder that exists.  One that is there keeps its permissions; a
        symbolic link is replaced itself, not the file that it points to.
    replace : bool, default True
        Whether an existing file is replaced.  If false, one that exists when the block ends is
        left as it is, even if it has appeared since the block began.

    Yields
    ------
    file : binary file
        The open temporary file; its ``name`` is that of the temporary file.

    Raises
    ------
    DataFileError
        If the file cannot be written, is a folder, a device or read-only, or exists and `replace`
        is false.  An ``OSError`` of the block that names another file passes through.

    Examples
    --------
    >>> with atomic_write("scores.csv") as file:  # doctest: +SKIP
    ...     table.to_csv(file)
    """
    path, mode = _checked(path, replace)
    partial = _partial_name(path)
    with _explained(path, partial):
        # readable for those only who may read the result; never a file that was there before
        opener = functools.partial(os.open, mode=0o666 if mode is None else mode | 0o600)
        file = open(partial, "xb", opener=opener)  # noqa: SIM115  it is closed below
    try:
        with _explained(path, partial):
            with file:
                yield file
            _finish(partial, path, mode, replace)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(partial)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], replace: bool = True) -> Iterator[Path]:
    """Like :func:`atomic_write`, for writers that take a path rather than an open file.

    Parameters
    ----------
    path, replace
        As of :func:`atomic_write`.

    Yields
    ------
    pathlib.Path
        A path of the same name in a temporary folder beside `path`; nothing is there yet.  A
        folder may be made there as well as a file, where `path` does not exist.

    Raises
    ------
    DataFileError
        As of :func:`atomic_write`, or if the block has written nothing there.
    """
    path, mode = _checked(path, replace)
    folder = _partial_name(path)
    with _explained(path, folder):
        os.mkdir(folder, 0o700)
    try:
        with _explained(path, folder):
            yield folder / path.name
            if not (folder / path.name).exists():
                raise DataFileError(f"{path} was not written: no file was made for it.")
            _finish(folder / path.name, path, mode, replace)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _checked(path: str | os.PathLike[str], replace: bool) -> tuple[Path, int | None]:
    """Return the path and the permissions to keep, or refuse a path that must not be written."""
    path = as_path("path", path)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return path, None
    except OSError as error:  # a name that is too long, a file in the place of a folder
        raise DataFileError(f"{path} cannot be written ({error.strerror}).") from error
    if not replace:
        _refuse_existing(path)
    if path.is_dir():
        raise DataFileError(f"{path} is a folder; name a file in it.")
    if path.exists() and not path.is_file():
        raise DataFileError(f"{path} is a device or pipe, not a file; choose another name.")
    if not stat.S_ISREG(status.st_mode):
        return path, None  # a link, which has no permissions of its own
    if not status.st_mode & 0o222:
        raise DataFileError(f"{path} is read-only; choose another name or make it writable.")
    return path, stat.S_IMODE(status.st_mode) & 0o777


def _partial_name(path: Path) -> Path:
    """Return a name beside the path that nobody else has, short enough for any file system."""
    name = path.name.encode(errors="ignore")[:150].decode(errors="ignore")
    return path.with_name(f".{name}.{uuid.uuid4().hex}{PARTIAL}")


@contextlib.contextmanager
def _explained(path: Path, partial: Path) -> Iterator[None]:
    """Raise an error of the system as DataFileError, unless it is about some other file."""
    try:
        yield
    except AeutilsError:
        raise
    except OSError as error:
        name = str(error.filename or path)
        if name != str(path) and not name.startswith(str(partial)):
            raise
        reason = error.strerror or error
        raise DataFileError(
            f"{path} cannot be written ({reason}); check the folder and the space that is left."
        ) from error


def _finish(partial: Path, path: Path, mode: int | None, replace: bool) -> None:
    """Flush what is complete to the disk, then give it its name."""
    for part in (*partial.rglob("*"), partial):
        if part.is_file():
            _flush(part)
    if mode is not None:
        os.chmod(partial, mode)
    if partial.is_dir():
        os.rename(partial, path)  # which replaces no file, and no folder that holds anything
    elif replace:
        os.replace(partial, path)
    else:
        _name_unless_taken(partial, path)
    # the new name itself; not every system can
    with contextlib.suppress(OSError):
        _flush(path.parent)


def _name_unless_taken(partial: Path, path: Path) -> None:
    """Rename a file in one step that fails where the name is taken."""
    try:
        if os.name == "nt":
            os.rename(partial, path)  # which on Windows replaces nothing
        else:
            os.link(partial, path)
    except FileExistsError:
        _refuse_existing(path)
        raise
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # two steps: take the name with an empty file, then replace that; a process that is killed
        # between them leaves the empty file
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            _refuse_existing(path)
            raise
        os.replace(partial, path)


def _refuse_existing(path: Path) -> None:
    """Raise where a file of any kind has the name."""
    if os.path.lexists(path):
        raise DataFileError(
            f"{path} exists already and is not replaced; choose another name or delete it first."
        )


def _flush(path: Path) -> None:
    """Wait until what has been written to a file, or to a folder's list, is on the disk."""
    # Windows flushes only what is open for writing
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
