"""Collections in shards: every row once, nothing half-written, bad files named."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aeutils.shards
from aeutils.anomalies import reconstruction_error
from aeutils.core import dense_autoencoder
from aeutils.core.errors import AeutilsError, DataFileError, ImageError, ModelError
from aeutils.denoising import conv_denoiser
from aeutils.shards import denoise_shards, save_shards, score_shards

RNG = np.random.default_rng(0)
SIZES = (7, 1, 12)


class Threads:
    """As much of Dask's client as is used; a cluster of processes is in chapter 11."""

    def map(self, function, *iterables, pure):
        with ThreadPoolExecutor(2) as pool:
            return [pool.submit(function, *each) for each in zip(*iterables, strict=True)]


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
    kinds = ("from", "npy")
    expected = [f"shard-0000{i}.scores.{kind}" for i in range(3) for kind in kinds]
    assert file_names(tmp_path / "scores") == expected


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
        "import sys; from aeutils.shards import denoise_shards; "
        "denoise_shards(sys.argv[1], [sys.argv[2]], sys.argv[3])"
    )
    arguments = [tmp_path / "fused.keras", shards[0], tmp_path / "clean"]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    assert file_names(tmp_path / "clean") == [f"shard-00000.denoised.{k}" for k in ("from", "npy")]


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


def test_results_of_another_model_or_collection_are_not_taken_for_these(shards, dense, tmp_path):
    other = tmp_path / "other.keras"
    dense_autoencoder(hidden_layer_sizes=(8,)).save(other)
    elsewhere = save_shards([pictures(n + 1) for n in SIZES], tmp_path / "elsewhere")
    # all older than any result, as far as the clock tells
    for path in (dense, other, *shards, *elsewhere):
        os.utime(path, (1e9, 1e9))

    def scores(model, collection):
        results = score_shards(model, collection, tmp_path / "scores")
        return np.concatenate([np.load(path) for path in results])

    first = scores(dense, shards)
    assert not np.array_equal(first, scores(other, shards))
    assert len(scores(other, elsewhere)) == len(first) + len(SIZES)
    assert np.array_equal(first, scores(dense, shards))


def test_one_bad_shard_does_not_cost_the_others(shards, dense, tmp_path):
    x = np.load(shards[0]) / np.float32(255)
    x[6, 2, 3] = np.nan
    np.save(shards[0], x)
    shards[1].write_bytes(b"no array")
    folder = tmp_path / "scores"
    with pytest.raises(
        ImageError, match=r"shard-00000.npy, samples 5 to 6: .*1 more of the shards failed"
    ):
        score_shards(dense, shards, folder, batch_size=5)
    assert file_names(folder) == [f"shard-00002.scores.{kind}" for kind in ("from", "npy")]


def test_a_full_disk_is_told(shards, dense, tmp_path, monkeypatch):
    def full(file, *header):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(aeutils.shards, "_write_header", full)
    with pytest.raises(DataFileError, match=r"shard-00000.scores.npy cannot be written .*No space"):
        score_shards(dense, shards, tmp_path / "scores")
    assert file_names(tmp_path / "scores") == []


def test_answers_of_half_precision_are_readable(shards, tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        conv_denoiser(filters=2).save(tmp_path / "half.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    (result, *_) = denoise_shards(tmp_path / "half.keras", shards, tmp_path / "clean")
    assert np.load(result).dtype == "float32"
    (result, *_) = score_shards(tmp_path / "half.keras", shards, tmp_path / "scores")
    assert 0 < np.load(result).min() < 1


def test_networks_for_any_size_take_each_shard_in_its_own(tmp_path):
    keras.Sequential(
        [keras.Input((None, None, 1)), keras.layers.Conv2D(1, 3, padding="same")]
    ).save(tmp_path / "any.keras")
    sizes = [(2, 8, 8), (3, 16, 12), (1, 8, 8, 1)]
    shards = save_shards([np.zeros(size, "uint8") for size in sizes], tmp_path / "shards")
    results = denoise_shards(tmp_path / "any.keras", shards, tmp_path / "clean")
    shapes = [np.load(path).shape for path in results]
    assert shapes == [(2, 8, 8, 1), (3, 16, 12, 1), (1, 8, 8, 1)]


def test_no_more_than_batches_is_in_memory(tmp_path):
    """In a process of its own, whose memory nothing else has used; Linux counts mapped files."""
    pytest.importorskip("psutil")
    keras.Sequential([keras.Input((784,)), keras.layers.Rescaling(1.0)]).save(tmp_path / "id.keras")
    big = RNG.integers(256, size=(60_000, 784), dtype=np.uint8)
    small, big = save_shards([big[:2000], big], tmp_path / "shards")
    code = (
        "import os, sys, psutil; from aeutils import shards\n"
        "model, small, big, folder = sys.argv[1:]\n"
        "shards.denoise_shards(model, [small], folder)\n"
        "peak, answer, me = [0], shards._denoise, psutil.Process()\n"
        "before = me.memory_info().rss\n"
        "def watched(network, x):\n"
        "    peak[0] = max(peak[0], me.memory_info().rss)\n"
        "    return answer(network, x)\n"
        "shards._denoise = watched\n"
        "shards.denoise_shards(model, [big], folder)\n"
        "print(peak[0] - before)"
    )
    arguments = [tmp_path / "id.keras", small, big, tmp_path / "clean"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    result = 60_000 * 784 * 4
    assert int(done.stdout.split()[-1]) < result / 4


def test_what_a_kill_left_behind_is_no_result(shards, dense, tmp_path):
    folder = tmp_path / "scores"
    folder.mkdir()
    (folder / ".shard-00000.scores.npy.0123.partial").write_bytes(b"half")
    (folder / "mine.partial").write_bytes(b"of somebody else")
    score_shards(dense, shards, folder)
    assert [name for name in file_names(folder) if "partial" in name] == ["mine.partial"]


@pytest.mark.parametrize("client", [None, Threads()], ids=["here", "workers"])
@pytest.mark.parametrize(
    "error",
    [MemoryError(), OSError(5, "Input/output error"), RuntimeError("of Keras"), StopIteration()],
)
def test_whatever_a_shard_fails_with_costs_that_shard_only(
    shards, dense, tmp_path, monkeypatch, client, error
):
    score, second_batch = aeutils.shards._score, np.load(shards[0])[5].ravel() / np.float32(255)

    def fail_half_way_through_the_first(network, x):
        if np.array_equal(x[0], second_batch):
            raise error
        return score(network, x)

    monkeypatch.setattr(aeutils.shards, "_score", fail_half_way_through_the_first)
    with pytest.raises(AeutilsError, match=r"shard-00000") as caught:
        score_shards(dense, shards, tmp_path / "scores", client, batch_size=5)
    assert type(error).__name__ in str(caught.value) or str(error.args[-1]) in str(caught.value)
    kinds = ("from", "npy")
    expected = [f"shard-0000{i}.scores.{kind}" for i in (1, 2) for kind in kinds]
    assert file_names(tmp_path / "scores") == expected


def test_ctrl_c_stops_the_run_and_leaves_no_part_of_a_result(shards, dense, tmp_path, monkeypatch):
    def stop(network, x):
        raise KeyboardInterrupt

    monkeypatch.setattr(aeutils.shards, "_score", stop)
    with pytest.raises(KeyboardInterrupt):
        score_shards(dense, shards, tmp_path / "scores")
    assert file_names(tmp_path / "scores") == []


def test_a_size_that_the_network_changes_is_refused(tmp_path):
    layers = [keras.layers.MaxPooling2D(2), keras.layers.UpSampling2D(2)]
    keras.Sequential([keras.Input((None, None, 1)), *layers]).save(tmp_path / "even.keras")
    sizes = [(2, 9, 9), (2, 8, 8)]
    shards = save_shards([np.zeros(size, "uint8") for size in sizes], tmp_path / "shards")
    with pytest.raises(ModelError, match=r"shard-00000.*\(9, 9, 1\) into \(8, 8, 1\).*crop or pad"):
        denoise_shards(tmp_path / "even.keras", shards, tmp_path / "clean")
    assert file_names(tmp_path / "clean") == [
        "shard-00001.denoised.from",
        "shard-00001.denoised.npy",
    ]


@pytest.mark.parametrize("run", [score_shards, denoise_shards])
def test_a_network_that_outputs_nan_writes_nothing(shards, tmp_path, run):
    network = dense_autoencoder(hidden_layer_sizes=(16,))
    network.set_weights([np.full_like(w, np.nan) for w in network.get_weights()])
    network.save(tmp_path / "nan.keras")
    with pytest.raises(
        ModelError, match=r"shard-00000.*NaN.* 2 more .*: shard-00001.npy, shard-0000"
    ):
        run(tmp_path / "nan.keras", shards, tmp_path / "results")
    assert file_names(tmp_path / "results") == []


def test_other_formats_of_networks_are_refused(shards, dense, tmp_path):
    network = keras.models.load_model(dense)
    network.save(tmp_path / "old.h5")
    (tmp_path / "renamed.keras").write_bytes((tmp_path / "old.h5").read_bytes())
    (tmp_path / "folder.keras").mkdir()
    for name in ("old.h5", "folder.keras"):
        with pytest.raises(DataFileError, match=rf"must be a \.keras file; got .*{name}"):
            score_shards(tmp_path / name, shards, tmp_path / "scores")
    with pytest.raises(DataFileError, match="no model that Keras can load"):
        score_shards(tmp_path / "renamed.keras", shards, tmp_path / "scores")


def test_code_in_a_network_is_not_run(shards, tmp_path):
    x = keras.Input((784,))
    keras.Model(x, keras.layers.Lambda(lambda x: x)(x)).save(tmp_path / "code.keras")
    with pytest.raises(DataFileError, match=r"code\.keras .*[Ll]ambda"):
        score_shards(tmp_path / "code.keras", shards, tmp_path / "scores")


def test_results_never_replace_a_shard(dense, tmp_path):
    shards = save_shards([pictures(2)], tmp_path)
    score_shards(dense, shards, tmp_path)
    with pytest.raises(AeutilsError, match=r"shard-00000\.scores\.npy is one of the shards"):
        score_shards(dense, sorted(tmp_path.glob("*.npy")), tmp_path)


@given(st.integers(0, 2**32))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_damaged_shards_each_is_scored_or_refused(dense, tmp_path, seed):
    rng, path = np.random.default_rng(seed), tmp_path / "bad.npy"
    np.save(path, pictures(2))
    content = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 4)):
        content[rng.integers(128)] = rng.integers(256)
    if seed % 5 == 0:
        del content[rng.integers(len(content)) :]
    path.write_bytes(content)
    try:
        (result,) = score_shards(dense, [path], tmp_path / "scores")
    except AeutilsError:
        assert file_names(tmp_path / "scores") in ([], ["bad.scores.from", "bad.scores.npy"])
    else:
        scores = np.load(result)
        assert scores.ndim == 1
        assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("client", [None, Threads()], ids=["here", "workers"])
@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (np.zeros((0, 784), "uint8"), DataFileError, "no samples"),
        (np.zeros(784, "uint8"), DataFileError, r"shape \(784,\)"),
        (np.full((3, 784), 300.0), ImageError, "bad.npy, samples 0 to 2: .*300"),
        (np.zeros((3, 32, 32), "uint8"), ImageError, "bad.npy .*32"),
        (np.zeros((28, 28), "uint8"), ImageError, r"bad.npy .*\(28,\).*first axis"),
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


def test_shards_of_several_arrays_are_refused(dense, tmp_path):
    np.savez(tmp_path / "several.npz", a=pictures(2), b=pictures(2))
    with pytest.raises(DataFileError, match="several arrays"):
        score_shards(dense, [tmp_path / "several.npz"], tmp_path / "scores")


def test_models_that_do_not_answer_in_kind_are_refused(shards, tmp_path):
    x = keras.Input((784,))
    keras.Model(x, [x, x]).save(tmp_path / "two.keras")
    with pytest.raises(ModelError, match="1 inputs and 2 outputs"):
        score_shards(tmp_path / "two.keras", shards, tmp_path / "scores")
    keras.Model(x, keras.layers.Dense(3, activation="sigmoid")(x)).save(tmp_path / "encoder.keras")
    with pytest.raises(AeutilsError, match=r"shard-00000.npy.*one shape"):
        score_shards(tmp_path / "encoder.keras", shards, tmp_path / "scores")


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros(3),
        np.zeros((0, 784)),
        np.array([["a", "b"]]),
        np.array([[None]]),
        np.ma.masked_equal([[1, 2]], 2),
        [[1, 2], [3]],
        "text",
        None,
    ],
)
def test_of_a_collection_with_a_bad_array_nothing_stays(tmp_path, bad):
    with pytest.raises(AeutilsError, match="array 1"):
        save_shards([pictures(1), bad], tmp_path)
    assert file_names(tmp_path) == []


def test_of_a_collection_whose_generator_fails_nothing_stays(tmp_path):
    def arrays():
        yield pictures(1)
        raise RuntimeError("of the generator")

    with pytest.raises(RuntimeError, match="of the generator"):
        save_shards(arrays(), tmp_path)
    assert file_names(tmp_path) == []


def test_shards_of_another_collection_are_neither_mixed_nor_replaced(tmp_path):
    for bad in (pictures(3), 5, None):
        with pytest.raises(AeutilsError, match="array_split"):
            save_shards(bad, tmp_path / "a")
    save_shards([pictures(1)], tmp_path / "c")
    with pytest.raises(DataFileError, match="shards already"):
        save_shards([pictures(1)], tmp_path / "c")
    with pytest.raises(DataFileError, match="cannot be made"):
        save_shards([pictures(1)], tmp_path / "c" / "shard-00000.npy")


def test_bad_requests_are_refused(shards, dense, tmp_path):
    with pytest.raises(DataFileError, match="not there"):
        score_shards(dense, [tmp_path / "none.npy"], tmp_path)
    with pytest.raises(DataFileError, match="not there"):
        score_shards(tmp_path / "none.keras", shards, tmp_path)
    with pytest.raises(DataFileError, match="keras file"):
        score_shards(shards[0], shards, tmp_path)
    (tmp_path / "broken.keras").write_bytes(b"no network")
    with pytest.raises(DataFileError, match="no model that Keras can load"):
        score_shards(tmp_path / "broken.keras", shards, tmp_path)
    with pytest.raises(AeutilsError, match="name of its own"):
        score_shards(dense, [shards[0], shards[0]], tmp_path)
    with pytest.raises(AeutilsError, match="at least one"):
        score_shards(dense, [], tmp_path)
    for bad in (tmp_path, None, 3):
        with pytest.raises(AeutilsError, match="sequence of paths"):
            score_shards(dense, bad, tmp_path)
    with pytest.raises(DataFileError, match=r"shards\[1\] must be the path"):
        score_shards(dense, [shards[0], None], tmp_path)
    with pytest.raises(DataFileError, match="folder must be the path"):
        score_shards(dense, shards, None)
    with pytest.raises(AeutilsError, match="path of a saved network"):
        score_shards(keras.Sequential(), shards, tmp_path)
    with pytest.raises(DataFileError, match="cannot be made"):
        score_shards(dense, shards, dense)
    for bad in (0, True, 2.0):
        with pytest.raises(AeutilsError, match="batch_size"):
            score_shards(dense, shards, tmp_path, batch_size=bad)
    with pytest.raises(AeutilsError, match="at least one"):
        save_shards([], tmp_path / "empty")
