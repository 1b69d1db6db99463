"""Collections larger than memory: shard by shard, in this process or on a cluster of Dask's.

A shard is a ``.npy`` file whose first axis counts the samples.  Of a shard and of its result only a
batch is in memory at a time, and the result has its final name only when it is whole, so that a run
may be killed anywhere and started again.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.anomalies.scores import reconstruction_error
from aeutils.core.checks import plain_array, positive_integer
from aeutils.core.errors import AeutilsError, DataFileError, ImageError, ModelError
from aeutils.core.files import PARTIAL, as_path, atomic_write
from aeutils.images import to_unit_range

if TYPE_CHECKING:
    import keras

__all__ = ["denoise_shards", "save_shards", "score_shards"]

# a worker may have several threads, and not on every backend may they share a network
ONE_AT_A_TIME = threading.Lock()


def save_shards(arrays: Iterable[ArrayLike], folder: str | os.PathLike[str]) -> list[Path]:
    """Write arrays as the shards of a collection, one at a time.

    Parameters
    ----------
    arrays : iterable of array-like
        One array for each shard, of numbers, shape (n_samples, …), n_samples at least 1.  A
        generator will do, so that only one of them is in memory.
    folder : str or os.PathLike
        Made if it is not there; must not hold shards yet.

    Returns
    -------
    list of pathlib.Path
        ``shard-00000.npy`` and so on, in order.

    Raises
    ------
    AeutilsError
        If there is no array, or one holds no samples of numbers, or masked ones.
    DataFileError
        If the folder holds shards already, or a file cannot be written.

    Notes
    -----
    Whatever stops it, an error of the generator included, no shard stays: a part of a collection
    would be taken for the whole.
    """
    if isinstance(arrays, np.ndarray) or not isinstance(arrays, Iterable):
        raise AeutilsError(
            f"arrays must be several arrays, one for each shard; got {type(arrays).__name__}. "
            "np.array_split(array, 10) makes ten of one."
        )
    folder = _made(as_path("folder", folder))
    if any(folder.glob("shard-*.npy")):
        # the last ones of a longer collection would be taken for a part of this one
        raise DataFileError(f"{folder} holds shards already; delete them, or name another folder.")
    paths: list[Path] = []
    try:
        for number, array in enumerate(arrays):
            path = folder / f"shard-{number:05}.npy"
            content = _samples_of(array, number)
            with atomic_write(path, replace=False) as file:
                np.save(file, content, allow_pickle=False)
            paths.append(path)
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise
    if not paths:
        raise AeutilsError("there is no array to write; give at least one.")
    return paths


def score_shards(
    model: str | os.PathLike[str],
    shards: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    client: Any = None,
    batch_size: int = 1000,
) -> list[Path]:
    """Score every sample of a collection by its reconstruction error.

    Parameters
    ----------
    model : str or os.PathLike
        A ``.keras`` file of an autoencoder with one input and one output, as
        ``model.save("….keras")`` writes it; its layers are those of Keras,
        :mod:`aeutils.core.layers` and :mod:`aeutils.denoising.layers`, and its outputs lie between
        0 and 1.
    shards : iterable of str or os.PathLike
        ``.npy`` files of pixels as :func:`aeutils.images.to_unit_range` takes them, shape
        (n_samples, …), of the shape that the network takes, rows and columns flattened or not.
    folder : str or os.PathLike
        Where the results go; made if it is not there.  Two runs must not write to one folder at
        the same time.
    client : dask.distributed.Client, optional
        Scores on the workers of its cluster, which must have ``aeutils`` installed and see the
        same files by the same names.  A shard whose worker dies is given to another one; it has
        failed when Dask's own limit is reached (``distributed.scheduler.allowed-failures``).  By
        default this process scores.
    batch_size : int, default 1000
        Number of samples in memory at a time, for each thread of each worker.

    Returns
    -------
    list of pathlib.Path
        For every shard, in order, a file ``NAME.scores.npy`` of float64, shape (n_samples,).
        Beside it, ``NAME.scores.from`` notes the model and the shard that it was made from, each
        by name, size and time of its last change: a result of the same two is kept, so that an
        interrupted run goes on where it stopped.

    Raises
    ------
    AeutilsError
        If there is no shard, two have one name, an argument is of a wrong kind, or a shard fails
        in any way that the following do not name, such as by a lack of memory.
    ModelError
        If the network has several inputs or outputs, or its output has another shape than its
        input, or holds NaN or infinite values.
    ImageError
        If the pixels of a shard do not suit the network.
    DataFileError
        If the model or a shard is missing, broken or empty, the model is not a ``.keras`` file,
        or a result cannot be written.

    Notes
    -----
    A shard that fails, in whatever way, does not stop the run: the error is raised when the others
    are done.  It says what is wrong with the first one that failed, and names the others.
    """
    return _each_shard(_score, "scores", model, shards, folder, client, batch_size)


def denoise_shards(
    model: str | os.PathLike[str],
    shards: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    client: Any = None,
    batch_size: int = 1000,
) -> list[Path]:
    """Clean every image of a collection with a denoiser.

    Parameters and errors are those of :func:`score_shards`; a network that takes images of any
    size gets those of a shard in the size that they have, which it must keep.

    Returns
    -------
    list of pathlib.Path
        For every shard, in order, a file ``NAME.denoised.npy`` of the network's outputs: float32,
        shape (n_samples, …) as the network takes and returns them.
    """
    return _each_shard(_denoise, "denoised", model, shards, folder, client, batch_size)


Answer = Callable[["keras.Model", NDArray[np.float32]], NDArray]


def _score(network: keras.Model, x: NDArray[np.float32]) -> NDArray[np.float64]:
    return reconstruction_error(x, _denoise(network, x))


def _denoise(network: keras.Model, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the network's outputs, of the shape of its input, or raise."""
    # a network of mixed precision may output a type that .npy files do not know
    outputs = np.asarray(network.predict_on_batch(x), dtype="float32")
    if outputs.shape != x.shape:
        raise ModelError(
            f"the network turns samples of shape {x.shape[1:]} into {outputs.shape[1:]}, but both "
            "must be one shape; crop or pad images to sides that it keeps, such as multiples of 8."
        )
    if not np.isfinite(outputs).all():
        raise ModelError("the network's output holds NaN or infinite values; train it anew.")
    return outputs


def _each_shard(
    answer: Answer,
    kind: str,
    model: str | os.PathLike[str],
    shards: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    client: Any,
    batch_size: int,
) -> list[Path]:
    """Write a result for every shard, here or on the workers, and return the results' paths."""
    batch_size = positive_integer("batch_size", batch_size)
    # absolute, since a worker may run in another folder
    network_file = _checked_model(model).resolve()
    sources, targets = _checked_shards(shards, as_path("folder", folder).resolve(), kind)

    work = functools.partial(_write_result, answer, network_file, batch_size)
    waiting: list[Callable[[], None]]
    if client is None:
        # a model that cannot be loaded is an error once, not shard by shard
        _load(network_file, network_file.stat().st_mtime_ns)
        waiting = [functools.partial(work, *each) for each in zip(sources, targets, strict=True)]
    else:
        # not pure: only the files say what is done already
        futures = client.map(work, sources, targets, pure=False)
        waiting = [future.result for future in futures]
    failures = {}
    for source, result in zip(sources, waiting, strict=True):
        # one bad shard among thousands must not cost the others, whatever is wrong with it
        try:
            result()
        except Exception as error:
            failures[source] = error
    # what killed workers had begun
    for partial in targets[0].parent.glob(f".*.{kind}.*{PARTIAL}"):
        with contextlib.suppress(OSError):
            partial.unlink()
    if failures:
        _raise_first(failures)
    return targets


def _raise_first(failures: dict[Path, Exception]) -> None:
    """Raise the error of the first shard that failed, with the names of the others."""
    (source, first), *others = failures.items()
    more = ""
    if others:
        names = ", ".join(path.name for path, _ in others[:10]) + ", …" * (len(others) > 10)
        more = f" {len(others)} more of the shards failed: {names}."
    if isinstance(first, AeutilsError):
        raise type(first)(f"{first}{more}") from first
    reason = " ".join(str(first).split())[:300]
    raise AeutilsError(f"{source} failed ({type(first).__name__}: {reason}).{more}") from first


def _checked_model(model: str | os.PathLike[str]) -> Path:
    """Return the path of a network's file, or refuse what is none."""
    if not isinstance(model, str | os.PathLike):
        raise AeutilsError(
            f"model must be the path of a saved network, not {type(model).__name__}; "
            'model.save("….keras") writes one.'
        )
    path = as_path("model", model)
    if not path.exists():
        raise DataFileError(f"{path} is not there; check the path.")
    # other formats of Keras run code of the file, or need TensorFlow
    if path.suffix != ".keras" or not path.is_file():
        raise DataFileError(
            f'model must be a .keras file; got {path}. Save the network by model.save("….keras").'
        )
    return path


def _checked_shards(
    shards: Iterable[str | os.PathLike[str]], folder: Path, kind: str
) -> tuple[list[Path], list[Path]]:
    """Return the paths of the shards and of their results, whose folder is made."""
    if isinstance(shards, str | os.PathLike) or not isinstance(shards, Iterable):
        raise AeutilsError(
            'shards must be a sequence of paths, not one path; sorted(Path(folder).glob("*.npy")) '
            "gives those of a folder."
        )
    sources = [as_path(f"shards[{i}]", shard).resolve() for i, shard in enumerate(shards)]
    for path in sources:
        if not path.is_file():
            raise DataFileError(f"{path} is not there; check the path.")
    targets = [folder / f"{source.stem}.{kind}.npy" for source in sources]
    if not sources or len(set(targets)) < len(sources):
        raise AeutilsError("shards must be at least one, and each must have a name of its own.")
    for path in set(sources) & set(targets):
        raise AeutilsError(
            f"{path} is one of the shards, and the result of another would replace it; name "
            "another folder, or leave results out of the shards."
        )
    _made(folder)
    return sources, targets


def _write_result(answer: Answer, model: Path, batch_size: int, shard: Path, target: Path) -> None:
    """Write the outputs for one shard, unless those for it and this model are there."""
    note = target.with_suffix(".from")
    origin = os.fsencode(
        "".join(
            f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}\n" for path in (model, shard)
        )
    )
    if target.exists() and note.exists() and note.read_bytes() == origin:
        return
    with ONE_AT_A_TIME:
        network = _load(model, model.stat().st_mtime_ns)
    samples = _mapped(shard)
    shape = _input_shape(network, samples, shard)

    with atomic_write(target) as file:
        for start in range(0, len(samples), batch_size):
            # mapped anew, since pages that have been read stay in memory as long as the map does
            batch = _mapped(shard)[start : start + batch_size]
            try:
                with ONE_AT_A_TIME:
                    answers = answer(network, to_unit_range(batch, shape=shape))
            except AeutilsError as error:
                rows = f"samples {start} to {start + len(batch) - 1}"
                raise type(error)(f"{shard}, {rows}: {error}") from error
            if start == 0:
                _write_header(file, answers.dtype, (len(samples), *answers.shape[1:]))
            file.write(np.ascontiguousarray(answers).data)
        # until the new note is there, the result counts as one of unknown origin
        note.unlink(missing_ok=True)
    with atomic_write(note) as file:
        file.write(origin)


def _samples_of(array: ArrayLike, number: int) -> NDArray:
    """Return one array of a collection, or refuse it."""
    samples = plain_array(f"array {number}", array)
    if samples.dtype.kind not in "buif" or samples.ndim < 2 or samples.size == 0:
        raise AeutilsError(
            f"array {number}, of type {samples.dtype} and shape {samples.shape}, holds no samples; "
            "its first axis must count them, and they must be numbers."
        )
    return samples


def _mapped(shard: Path) -> NDArray:
    """Return the array of a shard, of which only what is used is read."""
    try:
        samples = np.load(shard, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header gives errors of any kind
        raise DataFileError(f"{shard} is no whole .npy file of numbers ({error}).") from error
    if not isinstance(samples, np.ndarray):
        samples.close()
        raise DataFileError(f"{shard} holds several arrays; save each as a .npy file of its own.")
    if samples.ndim < 2 or len(samples) == 0:
        raise DataFileError(f"{shard} holds no samples, but an array of shape {samples.shape}.")
    return samples


def _input_shape(network: keras.Model, samples: NDArray, shard: Path) -> tuple[int, ...]:
    """Return the shape in which the network takes one of the samples."""
    wanted, given = network.input_shape[1:], samples.shape[1:]
    if None in wanted:
        # of any size: as they are, with the axis of channels that grey pictures may lack
        shape = given if len(given) == len(wanted) else (*given, 1)
        if len(shape) == len(wanted) and all(
            side in (None, has) for side, has in zip(wanted, shape, strict=True)
        ):
            return shape
    elif math.prod(wanted) == math.prod(given):
        return wanted
    raise ImageError(
        f"{shard} holds samples of shape {given}, but the network takes {wanted}; "
        "the first axis of a shard counts its samples."
    )


def _write_header(file: BinaryIO, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


@functools.lru_cache(maxsize=1)
def _load(model: Path, changed: int) -> keras.Model:
    """Load a network once in each process, and again when its file has changed."""
    import keras

    import aeutils.core.layers
    import aeutils.denoising.layers  # noqa: F401  so that Keras knows them

    try:
        network = keras.models.load_model(model, compile=False)
    except Exception as error:  # a damaged file gives errors of any kind
        # Keras lists the whole network before it comes to the point
        reason = str(error).rpartition("Exception encountered: ")[2][:300]
        raise DataFileError(f"{model} is no model that Keras can load here ({reason}).") from error
    inputs, outputs = (getattr(network, name, None) or [] for name in ("inputs", "outputs"))
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(
            f"{model} has {len(inputs)} inputs and {len(outputs)} outputs; one of each is needed."
        )
    return network


def _made(folder: Path) -> Path:
    """Make a folder unless it is there, and return its path."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataFileError(f"{folder} cannot be made ({error}); name another folder.") from error
    return folder
