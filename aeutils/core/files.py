"""One way to write a file: whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from aeutils.core.errors import AeutilsError, DataFileError

__all__ = ["atomic_path", "atomic_write"]

PARTIAL = ".partial"


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], replace: bool = True) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name when it is complete, and not before.

    What is written goes to a temporary file beside `path`, is flushed to the disk, and is renamed
    when the block ends.  If the block raises, the temporary file goes and `path` is as it was.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write, in a folder that exists.
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
        If the file cannot be written, or exists and `replace` is false.  Every ``OSError`` that
        the block raises counts as the former; an ``AeutilsError`` passes through.

    Examples
    --------
    >>> with atomic_write("scores.csv") as file:  # doctest: +SKIP
    ...     table.to_csv(file)
    """
    path = Path(path)
    partial = None
    try:
        if not replace:
            _refuse_existing(path)
        # a name that nobody else has; mkstemp's files are for their owner alone
        handle, name = tempfile.mkstemp(PARTIAL, f".{path.name[:80]}.", path.parent)
        partial = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, _usual_mode(path))
        _give_name(partial, path, replace)
    except AeutilsError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise DataFileError(f"{path} cannot be written ({reason}).") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], replace: bool = True) -> Iterator[Path]:
    """Like :func:`atomic_write`, for writers that want a path rather than an open file.

    Parameters
    ----------
    path, replace
        As of :func:`atomic_write`.

    Yields
    ------
    pathlib.Path
        A path beside `path` with the same ending, since some writers go by it; nothing is there
        yet.

    Raises
    ------
    DataFileError
        As of :func:`atomic_write`.
    """
    path = Path(path)
    try:
        if not replace:
            _refuse_existing(path)
        with tempfile.TemporaryDirectory(PARTIAL, f".{path.name[:80]}.", path.parent) as folder:
            partial = Path(folder) / path.name
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            _give_name(partial, path, replace)
    except AeutilsError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise DataFileError(f"{path} cannot be written ({reason}).") from error
    _sync_folder(path.parent)


def _refuse_existing(path: Path) -> None:
    """Raise where a file of any kind has the name."""
    if os.path.lexists(path):
        raise DataFileError(
            f"{path} exists already and is not replaced; choose another name or delete it first."
        )


def _give_name(partial: Path, path: Path, replace: bool) -> None:
    """Rename a complete file; where `replace` is false, only if nobody has the name."""
    if replace:
        os.replace(partial, path)
        return
    try:
        os.link(partial, path)  # fails where the name is taken, whatever happens meanwhile
    except FileExistsError:
        _refuse_existing(path)
        raise
    except OSError:
        # a file system without links: take the name first, then replace what is ours
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            _refuse_existing(path)
            raise
        os.replace(partial, path)


def _usual_mode(path: Path) -> int:
    """Return the permissions of the file that is replaced, or those of any new file."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def _sync_folder(folder: Path) -> None:
    """Flush the new name to the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
