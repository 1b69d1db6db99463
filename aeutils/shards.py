"""Collections larger than memory: shard by shard, in this process or on a cluster of Dask's.

A shard is a ``.npy`` file whose first axis counts the samples.  Of a shard and of its result only a
batch is in memory at a time, and the result has its final name only when it is whole, so that a run
may be killed anywhere and started again.
"""

import contextlib
import functools
import math
import os
import threading
import uuid
from pathlib import Path

import numpy as np

from aeutils.anomalies.scores import reconstruction_error
from aeutils.core.checks import positive_integer
from aeutils.core.errors import AeutilsError, DataFileError, ImageError, ModelError
from aeutils.images import to_unit_range

__all__ = ["denoise_shards", "save_shards", "score_shards"]

# a worker may have several threads, and not on every backend may they share a network
ONE_AT_A_TIME = threading.Lock()


def save_shards(arrays, folder):
    """Write arrays as the shards of a collection, one at a time.

    Parameters
    ----------
    arrays : iterable of numpy.ndarray
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
        If there is no array, or one holds no samples of numbers.
    DataFileError
        If the folder holds shards already, or a file cannot be written.
    """
    if isinstance(arrays, np.ndarray):
        raise AeutilsError(
            "arrays must be several arrays, one for each shard, not one; "
            "np.array_split(array, 10) makes ten of it."
        )
    folder = _made(folder)
    if any(folder.glob("shard-*.npy")):
        # the last ones of a longer collection would be taken for a part of this one
        raise DataFileError(f"{folder} holds shards already; delete them, or name another folder.")
    paths = []
    for number, array in enumerate(arrays):
        array = np.asarray(array)
        if array.dtype.kind not in "buif" or array.ndim < 2 or array.size == 0:
            raise AeutilsError(
                f"array {number}, of type {array.dtype} and shape {array.shape}, holds no samples; "
                "its first axis must count them, and they must be numbers."
            )
        paths.append(folder / f"shard-{number:05}.npy")
        with _whole(paths[-1]) as file:
            np.save(file, array, allow_pickle=False)
    if not paths:
        raise AeutilsError("there is no array to write; give at least one.")
    return paths


def score_shards(model, shards, folder, client=None, batch_size=1000):
    """Score every sample of a collection by its reconstruction error.

    Parameters
    ----------
    model : str or os.PathLike
        File of an autoencoder with one input and one output, as ``model.save("….keras")`` writes
        it; its layers are those of Keras, :mod:`aeutils.core.layers` and
        :mod:`aeutils.denoising.layers`, and its outputs lie between 0 and 1.
    shards : sequence of str or os.PathLike
        ``.npy`` files of pixels as :func:`aeutils.images.to_unit_range` takes them, shape
        (n_samples, …), of the shape that the network takes, rows and columns flattened or not.
    folder : str or os.PathLike
        Where the results go; made if it is not there.  Two runs must not write to one folder at
        the same time.
    client : dask.distributed.Client, optional
        Scores on the workers of its cluster, which must have ``aeutils`` installed and see the
        same files by the same names.  A shard whose worker dies is given to another one, until
        Dask's own limit (``distributed.scheduler.allowed-failures``) raises ``KilledWorker``.  By
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
        If there is no shard, two have one name, an argument is of a wrong kind, or the network's
        answers have another shape than its input.
    ModelError
        If the network has several inputs or outputs.
    ImageError
        If the pixels of a shard do not suit the network.
    DataFileError
        If the model or a shard is missing, broken or empty, or a result cannot be written.

    Notes
    -----
    A shard that fails does not stop the run: the error is raised when the others are done, names
    the first one that failed, and says how many more did.
    """
    return _each_shard(_score, "scores", model, shards, folder, client, batch_size)


def denoise_shards(model, shards, folder, client=None, batch_size=1000):
    """Clean every picture of a collection with a denoiser.

    Parameters and errors are those of :func:`score_shards`; a network that takes pictures of any
    size gets those of a shard in the size that they have.

    Returns
    -------
    list of pathlib.Path
        For every shard, in order, a file ``NAME.denoised.npy`` of what the network answers:
        float32, shape (n_samples, …) as the network gives it.
    """
    return _each_shard(_denoise, "denoised", model, shards, folder, client, batch_size)


def _score(network, x):
    return reconstruction_error(x, _denoise(network, x))


def _denoise(network, x):
    # a network of mixed precision may answer in a type that .npy files do not know
    return np.asarray(network.predict_on_batch(x), dtype="float32")


def _each_shard(answer, kind, model, shards, folder, client, batch_size):
    """Write a result for every shard, here or on the workers, and return the results' paths."""
    if not isinstance(model, (str, os.PathLike)):
        raise AeutilsError(
            f"model must be the path of a saved network, not {type(model).__name__}; "
            'model.save("….keras") writes one.'
        )
    if isinstance(shards, (str, os.PathLike)):
        raise AeutilsError(
            'shards must be a sequence of paths, not one path; sorted(Path(folder).glob("*.npy")) '
            "gives those of a folder."
        )
    batch_size = positive_integer("batch_size", batch_size)
    # absolute, since a worker may run in another folder
    model, folder = Path(model).resolve(), Path(folder).resolve()
    shards = [Path(shard).resolve() for shard in shards]
    for path in (model, *shards):
        if not path.is_file():
            raise DataFileError(f"{path} is not there; check the path.")
    targets = [folder / f"{shard.stem}.{kind}.npy" for shard in shards]
    if not shards or len(set(targets)) < len(shards):
        raise AeutilsError("shards must be at least one, and each must have a name of its own.")

    _made(folder)
    work = functools.partial(_write_result, answer, model, batch_size)
    if client is None:
        # a model that cannot be loaded is told once, not shard by shard
        _load(model, model.stat().st_mtime_ns)
        waiting = [functools.partial(work, *each) for each in zip(shards, targets, strict=True)]
    else:
        # not pure: what is done already is told by the files alone
        futures = client.map(work, shards, targets, pure=False)
        waiting = [future.result for future in futures]
    failures = []
    for result in waiting:
        # one bad shard among thousands should not cost the others
        try:
            result()
        except AeutilsError as error:
            failures.append(error)
    # what workers that were killed had begun
    for partial in folder.glob(f"*.{kind}.*.partial"):
        partial.unlink(missing_ok=True)
    if failures:
        more = f" {len(failures) - 1} more of the shards failed." if len(failures) > 1 else ""
        raise type(failures[0])(f"{failures[0]}{more}") from failures[0]
    return targets


def _write_result(answer, model, batch_size, shard, target):
    """Write the answers for one shard, unless those for it and this model are there."""
    note = target.with_suffix(".from")
    origin = "".join(
        f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}\n" for path in (model, shard)
    )
    if target.exists() and note.exists() and note.read_text() == origin:
        return
    with ONE_AT_A_TIME:
        network = _load(model, model.stat().st_mtime_ns)
    samples = _mapped(shard)
    shape = _input_shape(network, samples, shard)

    with _whole(target) as file:
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
    with _whole(note) as file:
        file.write(origin.encode())


def _mapped(shard):
    """Return the array of a shard, of which only what is used is read."""
    try:
        samples = np.load(shard, mmap_mode="r", allow_pickle=False)
    except (EOFError, ValueError, OSError) as error:
        raise DataFileError(f"{shard} is no whole .npy file of numbers ({error}).") from error
    if not isinstance(samples, np.ndarray):
        raise DataFileError(f"{shard} holds several arrays; save each as a .npy file of its own.")
    if samples.ndim < 2 or len(samples) == 0:
        raise DataFileError(f"{shard} holds no samples, but an array of shape {samples.shape}.")
    return samples


def _input_shape(network, samples, shard):
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


def _write_header(file, dtype, shape):
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


@functools.lru_cache(maxsize=1)
def _load(model, changed):
    """Load a network once in each process, and again when its file has changed."""
    import keras

    import aeutils.core.layers
    import aeutils.denoising.layers  # noqa: F401  so that Keras knows them

    try:
        network = keras.models.load_model(model, compile=False)
    except (TypeError, ValueError, OSError) as error:
        # Keras lists the whole network before it comes to the point
        reason = str(error).rpartition("Exception encountered: ")[2][:300]
        raise DataFileError(f"{model} is no model that Keras can load here ({reason}).") from error
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise ModelError(
            f"{model} has {len(network.inputs)} inputs and {len(network.outputs)} outputs; "
            "one of each is needed."
        )
    return network


def _made(folder):
    """Make a folder unless it is there, and return its path."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataFileError(f"{folder} cannot be made ({error}); name another folder.") from error
    return folder


@contextlib.contextmanager
def _whole(target):
    """Give a file to write, which gets its name when it is whole, and goes if that fails."""
    # its own name for each try: a worker given up for lost may still be writing
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        os.replace(partial, target)
    except AeutilsError:
        raise
    except OSError as error:
        raise DataFileError(f"{target} cannot be written ({error}).") from error
    finally:
        partial.unlink(missing_ok=True)
