"""Collections larger than memory: shard by shard, in this process or on a cluster of Dask's.

A shard is a ``.npy`` file whose first axis counts the samples.  Of a shard only a batch is in
memory at a time, and its result has its final name only when it is whole, so that a run may be
killed anywhere and started again.
"""

import functools
import os
import threading
import uuid
from pathlib import Path

import numpy as np

from aeutils.errors import AeutilsError, DataFileError
from aeutils.images import to_unit_range
from aeutils.metrics import reconstruction_error

__all__ = ["denoise_shards", "save_shards", "score_shards"]

# a worker may have several threads, and not on every backend may they share a network
ONE_AT_A_TIME = threading.Lock()


def save_shards(arrays, folder):
    """Write arrays as the shards of a collection, one at a time.

    Parameters
    ----------
    arrays : iterable of numpy.ndarray
        A generator will do, so that only one of them is in memory.
    folder : str or os.PathLike
        Made if it is not there.

    Returns
    -------
    list of pathlib.Path
        ``shard-00000.npy`` and so on, in order.

    Raises
    ------
    AeutilsError
        If there is no array.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, array in enumerate(arrays):
        paths.append(folder / f"shard-{number:05}.npy")
        partial = _partial(paths[-1])
        with partial.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        os.replace(partial, paths[-1])
    if not paths:
        raise AeutilsError("there is no array to write; give at least one.")
    return paths


def score_shards(model, shards, folder, client=None, batch_size=1000):
    """Score every sample of a collection by its reconstruction error.

    Parameters
    ----------
    model : str or os.PathLike
        File of an autoencoder, as ``model.save("….keras")`` writes it; its layers are those of
        Keras and of :mod:`aeutils.layers`.
    shards : sequence of str or os.PathLike
        ``.npy`` files of pixels as :func:`aeutils.images.to_unit_range` takes them, of the
        shape that the network takes, rows and columns flattened or not.
    folder : str or os.PathLike
        Where the results go; made if it is not there.
    client : dask.distributed.Client, optional
        Scores on the workers of its cluster, which must see the same files by the same names.
        A shard whose worker dies is given to another one.  By default this process scores.
    batch_size : int, default 1000
        Number of samples in memory at a time, for each thread of each worker.

    Returns
    -------
    list of pathlib.Path
        For every shard, in order, a file ``NAME.scores.npy`` of float64, one score a sample.
        As with ``make``, a result that is newer than its shard and the model is kept, so that an
        interrupted run goes on where it stopped.

    Raises
    ------
    AeutilsError
        If there is no shard, two have one name, or the pixels do not suit the network.
    DataFileError
        If the model or a shard is missing, broken or empty.
    """
    return _each_shard(_score, "scores", model, shards, folder, client, batch_size)


def denoise_shards(model, shards, folder, client=None, batch_size=1000):
    """Clean every picture of a collection with a denoiser.

    Parameters and errors are those of :func:`score_shards`.

    Returns
    -------
    list of pathlib.Path
        For every shard, in order, a file ``NAME.denoised.npy`` of what the network answers.
    """
    return _each_shard(_denoise, "denoised", model, shards, folder, client, batch_size)


def _score(model, x):
    return reconstruction_error(x, model.predict_on_batch(x))


def _denoise(model, x):
    return model.predict_on_batch(x)


def _each_shard(answer, kind, model, shards, folder, client, batch_size):
    """Write a result for every shard, here or on the workers, and return the results' paths."""
    # absolute, since a worker may run in another folder
    model, folder = Path(model).resolve(), Path(folder).resolve()
    shards = [Path(shard).resolve() for shard in shards]
    for path in (model, *shards):
        if not path.is_file():
            raise DataFileError(f"{path} is not there; check the path.")
    targets = [folder / f"{shard.stem}.{kind}.npy" for shard in shards]
    if not shards or len(set(targets)) < len(shards):
        raise AeutilsError("shards must be at least one, and each must have a name of its own.")
    if not isinstance(batch_size, int) or batch_size < 1:
        raise AeutilsError(f"batch_size must be a positive integer, not {batch_size!r}.")

    folder.mkdir(parents=True, exist_ok=True)
    work = functools.partial(_write_result, answer, model, batch_size)
    if client is None:
        for shard, target in zip(shards, targets, strict=True):
            work(shard, target)
    else:
        # not pure: what is done already is told by the files alone
        client.gather(client.map(work, shards, targets, pure=False))
    for target in targets:
        for left_behind in folder.glob(f"{target.name}.*.partial"):
            left_behind.unlink()
    return targets


def _write_result(answer, model, batch_size, shard, target):
    """Write the answers for one shard, unless they are there and newer than all they stem from."""
    newest = max(shard.stat().st_mtime_ns, model.stat().st_mtime_ns)
    if target.exists() and target.stat().st_mtime_ns > newest:
        return
    with ONE_AT_A_TIME:
        network = _load(model, model.stat().st_mtime_ns)
    try:
        samples = np.load(shard, mmap_mode="r", allow_pickle=False)
    except (EOFError, ValueError, OSError) as error:
        raise DataFileError(f"{shard} is no whole .npy file of numbers ({error}).") from error
    if samples.ndim < 2 or len(samples) == 0:
        raise DataFileError(f"{shard} holds no samples, but an array of shape {samples.shape}.")

    partial, results = _partial(target), None
    for start in range(0, len(samples), batch_size):
        batch = to_unit_range(samples[start : start + batch_size], shape=network.input_shape[1:])
        with ONE_AT_A_TIME:
            answers = answer(network, batch)
        if results is None:
            shape = (len(samples), *answers.shape[1:])
            results = np.lib.format.open_memmap(partial, "w+", answers.dtype, shape)
        results[start : start + len(answers)] = answers
    results.flush()
    os.replace(partial, target)


@functools.lru_cache(maxsize=1)
def _load(model, changed):
    """Load a network once in each process, and again when its file has changed."""
    from aeutils import runtime

    runtime.quiet_logs()
    import keras

    import aeutils.layers  # noqa: F401  so that Keras knows them

    try:
        return keras.models.load_model(model, compile=False)
    except (TypeError, ValueError, OSError) as error:
        # Keras lists the whole network before it comes to the point
        reason = str(error).rpartition("Exception encountered: ")[2][:300]
        raise DataFileError(f"{model} is no model that Keras can load here ({reason}).") from error


def _partial(target):
    # its own name for each try: a worker given up for lost may still be writing
    return target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")
