"""The data files: contents, checksums, and what a damaged file is answered with."""

import shutil
import subprocess
import sys
import types

import numpy as np
import pytest
from PIL import Image

from aeutils import data
from aeutils.core.errors import AeutilsError, DataFileError


def test_mnist_has_the_form_of_keras():
    (x_train, y_train), (x_test, y_test) = data.load_mnist()
    assert x_train.shape == (60000, 28, 28)
    assert x_test.shape == (10000, 28, 28)
    assert y_train.shape == (60000,)
    assert y_test.shape == (10000,)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    # counts of each digit as published with the data set
    assert np.bincount(y_train).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert (x_train.min(), x_train.max()) == (0, 255)


def test_fashion_mnist_is_the_test_set_alone():
    (x_train, y_train), (x_test, y_test) = data.load_fashion_mnist()
    assert x_train.shape == (0, 28, 28)
    assert y_train.shape == (0,)
    assert x_test.shape == (10000, 28, 28)
    assert np.bincount(y_test).tolist() == [1000] * 10
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}


def test_penguins_are_the_published_table():
    penguins = data.load_penguins()
    assert penguins.shape == (344, 8)
    assert penguins["species"].value_counts().to_dict() == {
        "Adelie": 152,
        "Gentoo": 124,
        "Chinstrap": 68,
    }
    assert penguins.isna().any(axis=1).sum() == 11
    assert penguins["body_mass_g"].between(2700, 6300).sum() == 342


def test_tables_are_the_published_ones():
    shapes = {
        "adult": (48842, 15),
        "ionosphere": (351, 35),
        "letter": (20000, 17),
        "satellite": (6435, 37),
        "shuttle": (58000, 10),
    }
    tables = {name: data.load_table(name) for name in shapes}
    assert {name: table.shape for name, table in tables.items()} == shapes
    assert not any(table.isna().any(axis=None) for table in tables.values())
    # counts of the classes as the repository gives them
    assert tables["shuttle"]["class"].value_counts().to_dict() == {
        "Rad.Flow": 45586, "High": 8903, "Bypass": 3267, "Fpv.Open": 171, "Fpv.Close": 50,
        "Bpv.Open": 13, "Bpv.Close": 10,
    }  # fmt: skip
    assert tables["satellite"]["class"].value_counts().max() == 1533
    assert tables["ionosphere"]["class"].value_counts().to_dict() == {"good": 225, "bad": 126}
    assert tables["letter"]["letter"].nunique() == 26
    assert tables["adult"]["income"].value_counts().to_dict() == {"<=50K": 37155, ">50K": 11687}
    with pytest.raises(AeutilsError, match="name must be one of adult, ionosphere"):
        data.load_table("wine")


def test_speech_is_split_by_voice():
    speech = data.load_speech()
    assert {part: len(recordings) for part, recordings in speech.items()} == {
        "train": 42, "selection": 6, "test": 28, "music": 1,
    }  # fmt: skip
    voices = {part: {r.voice for r in speech[part]} for part in speech}
    assert {part: len(some) for part, some in voices.items()} == {
        "train": 14, "selection": 6, "test": 14, "music": 1,
    }  # fmt: skip
    assert len(set.union(*voices.values())) == 35
    for recordings in speech.values():
        for recording in recordings:
            assert recording.samples.dtype == np.float32
            assert 0.1 < np.abs(recording.samples).max() <= 1
            assert 8 <= len(recording.samples) / 8000 <= 10


def test_spoken_wav_is_the_published_file():
    import wave

    with wave.open(str(data.spoken_wav())) as file:
        assert file.getparams()[:4] == (1, 2, 48000, 68545)


def test_heartbeats_are_marked_where_the_heart_beats():
    ecg = data.load_heartbeats()
    assert (ecg.rate, ecg.samples.shape, ecg.samples.dtype) == (360, (106920,), np.float32)
    assert (np.round(ecg.samples * 200) / 200 == ecg.samples).mean() > 0.99
    assert dict(zip(*np.unique(ecg.kinds, return_counts=True), strict=True)) == {
        "N": 355, "V": 91, "F": 55, "Q": 2,
    }  # fmt: skip
    assert (np.diff(ecg.beats) > 100).all()
    assert 0 < ecg.beats[0] < ecg.beats[-1] < len(ecg.samples)
    # the signal climbs most steeply at a beat
    steep = np.abs(np.diff(ecg.samples))
    at_normal = [steep[b - 15 : b + 15].max() for b in ecg.beats[ecg.kinds == "N"]]
    assert np.median(at_normal) > 5 * np.median(steep)
    for start, stop in ecg.faults:
        assert 1000 < stop - start < 2000


def test_odd_beat():
    samples, is_odd = data.load_odd_beat()
    assert samples.shape == is_odd.shape == (7500,)
    assert (samples.dtype, is_odd.dtype) == (np.float32, bool)
    assert np.flatnonzero(is_odd).tolist() == list(range(6936, 7288))


@pytest.fixture
def damaged(tmp_path, monkeypatch):
    """A copy of the data folder to damage."""
    folder = tmp_path / "data"
    shutil.copytree(data.FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    monkeypatch.setattr(data, "FOLDER", folder)
    return folder


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def alter_one_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def append(path):
    path.write_bytes(path.read_bytes() + b"\0")


def become_a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("unlink", "is missing"),
        (truncate, "truncated or altered"),
        (empty, "it has 0 bytes"),
        (alter_one_byte, "truncated or altered"),
        (append, "truncated or altered"),
        (become_a_folder, "cannot be read"),
    ],
)
@pytest.mark.parametrize(
    "name",
    [
        "mnist.npz",
        "fashion_mnist_test.npz",
        "penguins.csv",
        "tables.zip",
        "speech.zip",
        "heartbeats.npz",
        "odd_beat.npz",
    ],
)
def test_damaged_file_is_refused_with_the_cure(damaged, damage, words, name):
    path = damaged / name
    path.unlink() if damage == "unlink" else damage(path)
    load = {
        "mnist.npz": data.load_mnist,
        "fashion_mnist_test.npz": data.load_fashion_mnist,
        "penguins.csv": data.load_penguins,
        "tables.zip": lambda: data.load_table("shuttle"),
        "speech.zip": data.load_speech,
        "heartbeats.npz": data.load_heartbeats,
        "odd_beat.npz": data.load_odd_beat,
    }[name]
    with pytest.raises(DataFileError, match=words) as caught:
        load()
    assert str(path) in str(caught.value)
    assert "Restore it" in str(caught.value)
    assert isinstance(caught.value, AeutilsError)
    assert data.verify()[name] != "ok"


@pytest.mark.parametrize("content", [None, "not JSON", "7", "[1]"])
def test_damaged_checksums_are_told(damaged, content):
    if content is None:
        (damaged / "checksums.json").unlink()
    else:
        (damaged / "checksums.json").write_text(content)
    with pytest.raises(DataFileError, match="checksums"):
        data.load_mnist()


@pytest.mark.parametrize(
    ("load", "package", "to_install"),
    [
        (data.load_penguins, "pandas", "pandas"),
        (lambda: data.load_table("adult"), "pandas", "pandas"),
        (data.load_scanned_page, "skimage", "scikit-image"),
        (data.load_speech, "soundfile", "soundfile"),
    ],
)
def test_a_package_that_is_not_installed_is_named(monkeypatch, load, package, to_install):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(AeutilsError, match=f"pip install {to_install}$"):
        load()


def test_the_scanned_page_is_the_one_whose_text_is_known(tmp_path, monkeypatch):
    page, text = data.load_scanned_page()
    assert (page.shape, page.dtype) == ((191, 384), np.float32)
    assert text.split()[:2] == ["Region-based", "segmentation"]
    (tmp_path / "data").mkdir()
    Image.new("L", (5, 4)).save(tmp_path / "data" / "page.png")
    other = types.SimpleNamespace(__path__=[str(tmp_path)])
    monkeypatch.setitem(sys.modules, "skimage", other)
    with pytest.raises(DataFileError, match="got 4 × 5"):
        data.load_scanned_page()


def test_the_restoring_command_restores(tmp_path, monkeypatch):
    checkout = tmp_path / "a book"
    folder = checkout / "aeutils" / "data"
    folder.mkdir(parents=True)
    for name in ("fashion_mnist_test.npz", "checksums.json"):
        shutil.copy(data.FOLDER / name, folder)
    git = ["git", "-C", checkout, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(data, "FOLDER", folder)
    (folder / "fashion_mnist_test.npz").write_bytes(b"damaged")
    with pytest.raises(DataFileError) as caught:
        data.load_fashion_mnist()
    command = str(caught.value).split("Restore it with: ")[1]
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert data.load_fashion_mnist()[1][0].shape == (10000, 28, 28)


def test_reading_data_needs_no_tensorflow_and_no_network():
    script = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.create_connection = refuse\n"
        "import aeutils.data\n"
        "aeutils.data.load_mnist(), aeutils.data.load_fashion_mnist()\n"
        "assert not {'tensorflow', 'keras', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
