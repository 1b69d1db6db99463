"""Collections in shards: every row once, nothing half-written, bad files named."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from aeutils import large
from aeutils.errors import AeutilsError, DataFileError, ImageError
from aeutils.large import denoise_shards, save_shards, score_shards
from aeutils.metrics import reconstruction_error
from aeutils.models import conv_denoiser, dense_autoencoder

RNG = np.random.default_rng(0)
SIZES = (7, 1, 12)


class Threads:
    """As much of Dask's client as is used; a cluster of processes is in chapter 11."""

    def map(self, function, *iterables, pure):
        with ThreadPoolExecutor(2) as pool:
            return [pool.submit(function, *each) for each in zip(*iterables, strict=True)]

    def gather(self, futures):
        return [future.result() for future in futures]


def pictures(n):
    return RNG.integers(256, size=(n, 28, 28), dtype=np.uint8)


@pytest.fixture
def shards(tmp_path):
    return save_shards((pictures(n) for n in SIZES), tmp_path / "shards")


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "dense.keras"
    dense_autoencoder(hidden_layer_sizes=(16,)).save(path)
    return path


def file_names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("client", [None, Threads()], ids=["here", "workers"])
@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_every_picture_has_its_score(shards, dense, tmp_path, client, batch_size):
    results = score_shards(dense, shards, tmp_path / "scores", client, batch_size)
    model = keras.models.load_model(dense)
    for shard, result, n in zip(shards, results, SIZES, strict=True):
        x = np.load(shard).reshape(n, 784) / np.float32(255)
        expected = reconstruction_error(x, model.predict(x, verbose=0))
        np.testing.assert_allclose(np.load(result), expected, rtol=1e-5)
    assert file_names(tmp_path / "scores") == [f"shard-0000{i}.scores.npy" for i in range(3)]


def test_pictures_are_cleaned(shards, tmp_path):
    model = conv_denoiser(filters=2)
    model.save(tmp_path / "denoiser.keras")
    results = denoise_shards(tmp_path / "denoiser.keras", shards, tmp_path / "clean", batch_size=5)
    x = np.load(shards[0])[..., None] / np.float32(255)
    np.testing.assert_allclose(np.load(results[0]), model.predict(x, verbose=0), atol=1e-5)
    assert [len(np.load(path)) for path in results] == list(SIZES)


def test_layers_of_the_book_are_known_in_a_fresh_process(shards, tmp_path):
    conv_denoiser(filters=2, fused=True).save(tmp_path / "fused.keras")
    code = (
        "import sys; from aeutils.large import denoise_shards; "
        "denoise_shards(sys.argv[1], [sys.argv[2]], sys.argv[3])"
    )
    arguments = [tmp_path / "fused.keras", shards[0], tmp_path / "clean"]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    assert file_names(tmp_path / "clean") == ["shard-00000.denoised.npy"]


def test_a_network_of_unknown_layers_is_refused_by_name(shards, tmp_path):
    @keras.saving.register_keras_serializable(package="elsewhere")
    class Unknown(keras.layers.Dense):
        pass

    keras.Sequential([keras.Input((784,)), Unknown(784)]).save(tmp_path / "unknown.keras")
    del keras.saving.get_custom_objects()["elsewhere>Unknown"]
    with pytest.raises(DataFileError, match="Unknown"):
        score_shards(tmp_path / "unknown.keras", shards, tmp_path)


def test_only_what_is_missing_or_old_is_computed(shards, dense, tmp_path):
    def written():
        results = score_shards(dense, shards, tmp_path / "scores")
        return [path.stat().st_mtime_ns for path in results]

    first = written()
    assert written() == first
    (tmp_path / "scores" / "shard-00001.scores.npy").unlink()
    os.utime(shards[2])
    second = written()
    assert [a == b for a, b in zip(first, second, strict=True)] == [True, False, False]
    os.utime(dense)
    assert not set(second) & set(written())


def test_what_a_kill_left_behind_is_no_result(shards, dense, tmp_path):
    folder = tmp_path / "scores"
    folder.mkdir()
    (folder / "shard-00000.scores.npy.0123.partial").write_bytes(b"half")
    score_shards(dense, shards, folder)
    assert not [name for name in file_names(folder) if "partial" in name]


def test_a_failure_half_way_leaves_no_result(shards, dense, tmp_path, monkeypatch):
    answers = iter([np.zeros(5)])
    monkeypatch.setattr(large, "_score", lambda model, x: next(answers))
    with pytest.raises(StopIteration):
        score_shards(dense, shards, tmp_path / "scores", batch_size=5)
    assert not list((tmp_path / "scores").glob("*.scores.npy"))


@pytest.mark.parametrize("client", [None, Threads()], ids=["here", "workers"])
@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (np.zeros((0, 784), "uint8"), DataFileError, "no samples"),
        (np.zeros(784, "uint8"), DataFileError, r"shape \(784,\)"),
        (np.full((3, 784), 300.0), ImageError, "300"),
        (np.zeros((3, 32, 32), "uint8"), ImageError, "32"),
        (b"no array at all", DataFileError, "bad.npy"),
        (b"", DataFileError, "bad.npy"),
    ],
)
def test_a_bad_shard_is_refused(dense, tmp_path, client, content, error, said):
    bad = tmp_path / "bad.npy"
    if isinstance(content, bytes):
        bad.write_bytes(content)
    else:
        np.save(bad, content)
    with pytest.raises(error, match=said):
        score_shards(dense, [bad], tmp_path / "scores", client)


def test_bad_requests_are_refused(shards, dense, tmp_path):
    with pytest.raises(DataFileError, match="not there"):
        score_shards(dense, [tmp_path / "none.npy"], tmp_path)
    with pytest.raises(DataFileError, match="not there"):
        score_shards(tmp_path / "none.keras", shards, tmp_path)
    with pytest.raises(DataFileError, match="Keras"):
        score_shards(shards[0], shards, tmp_path)
    with pytest.raises(AeutilsError, match="name of its own"):
        score_shards(dense, [shards[0], shards[0]], tmp_path)
    with pytest.raises(AeutilsError, match="at least one"):
        score_shards(dense, [], tmp_path)
    with pytest.raises(AeutilsError, match="batch_size"):
        score_shards(dense, shards, tmp_path, batch_size=0)
    with pytest.raises(AeutilsError, match="at least one"):
        save_shards([], tmp_path / "empty")
