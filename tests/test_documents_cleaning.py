"""The cleaner: no seams at any size; a file in, a clean file out, and nothing ever lost."""

import io
import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_arrays
from PIL import Image

from aeutils import __main__ as command_line
from aeutils import documents
from aeutils.core import dense_autoencoder, progress, receptive_field
from aeutils.core.errors import AeutilsError, DataFileError, ImageError, ModelError
from aeutils.data import load_page_cleaner_weights, load_prose, load_scanned_page
from aeutils.denoising import psnr
from aeutils.documents import cleaning, page_cleaner


@pytest.fixture(scope="module")
def model():
    return cleaning.load_page_cleaner()


def network(kernel=1.0, filters=1, shape=(None, None, 1), more=()):
    """A network that multiplies its input by a number: the identity, or one that is broken."""
    inputs = keras.Input(shape)
    constant = keras.initializers.Constant(kernel)
    outputs = keras.layers.Conv2D(filters, 1, use_bias=False, kernel_initializer=constant)(inputs)
    for layer in more:
        outputs = layer(outputs)
    return keras.Model(inputs, outputs)


@pytest.fixture(scope="module")
def identity():
    return network()


@pytest.fixture(scope="module")
def degraded():
    page, _ = documents.render_page(load_prose()[0], shape=(430, 611), size=20, margin=20)
    return documents.degrade_page(page, seed=5)


@pytest.fixture
def scan(tmp_path):
    """A small scan as a file, and its bytes."""
    path = tmp_path / "scan.png"
    pixels = np.round(255 * load_scanned_page()[0][:80, :150]).astype(np.uint8)
    Image.fromarray(pixels).save(path, dpi=(150, 150))
    return path


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "aeutils", "denoise", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


def test_network_and_its_weights(model):
    assert not model.compiled
    assert model.get_layer("bottleneck").output.shape[-1] == 32
    assert model.count_params() == sum(w.size for w in load_page_cleaner_weights())
    assert page_cleaner((4, 8)).predict(np.zeros((1, 6, 8, 1)), verbose=0).shape == (1, 6, 8, 1)
    for filters in ((), (8,), (8, 0), (8, 2.5)):
        with pytest.raises(ModelError, match="filters"):
            page_cleaner(filters)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="takes gradients by TensorFlow's tape"
)
def test_receptive_field_is_that_of_the_gradient():
    model = page_cleaner()
    pixels, multiple = receptive_field(model)
    assert multiple == 16
    # with positive weights nothing cancels out, and the gradient shows what is looked at
    model.set_weights(
        [np.full(w.shape, w.shape[-1] / w.size, "float32") for w in model.get_weights()]
    )
    import tensorflow as tf

    farthest = 0
    for centre in (160, 167, 175):
        page = tf.Variable(np.random.default_rng(0).random((1, 336, 336, 1)).astype("float32"))
        with tf.GradientTape() as tape:
            answer = model(page, training=False)[0, centre, centre, 0]
        gradient = np.abs(tape.gradient(answer, page).numpy()[0, ..., 0])
        rows, columns = np.nonzero(gradient > 0)
        distance = max(np.abs(rows - centre).max(), np.abs(columns - centre).max())
        farthest = max(farthest, distance)
    assert pixels - 16 < farthest <= pixels


@pytest.mark.parametrize("tile", [64, 160, 208])
def test_tiles_give_the_page_that_one_pass_gives(model, degraded, tile):
    padded = np.pad(degraded, [(0, -n % 16) for n in degraded.shape], mode="edge")
    whole = 1 - model.predict(1 - padded[None, ..., None], verbose=0)[0, ..., 0]
    tiled = cleaning.clean_page(degraded, model, tile=tile)
    assert tiled.shape == degraded.shape
    assert tiled.dtype == np.float32
    np.testing.assert_allclose(tiled, whole[:430, :611], atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 37), (15, 16), (17, 33), (50, 3)])
def test_any_size_is_cleaned(model, shape):
    clean = cleaning.clean_page(np.full(shape, 0.7), model)
    assert clean.shape == shape
    assert clean.min() >= 0
    assert clean.max() <= 1


def test_it_cleans(model):
    clean, _ = documents.render_page(load_prose()[2], font="cmr10")
    degraded = documents.degrade_page(clean, seed=77)
    answer = cleaning.clean_page(degraded, model)
    assert psnr(clean[None], answer[None])[0] > psnr(clean[None], degraded[None])[0] + 6
    # paper stays paper
    assert cleaning.clean_page(np.full((200, 200), 0.8), model).min() > 0.9


def test_pages_of_bytes_are_taken_and_stacks_refused(model):
    page = np.full((40, 50), 200, np.uint8)
    assert cleaning.clean_page(page, model).shape == (40, 50)
    for wrong in (np.zeros((2, 40, 50)), np.full((4, 4), 200.0), np.zeros((0, 5)), [[1, 2]]):
        with pytest.raises(ImageError):
            cleaning.clean_page(wrong, model)
    with pytest.raises(ImageError, match="tile"):
        cleaning.clean_page(page, model, tile=100)


sides = st.integers(1, 40)
bytes_of_pages = hypothesis_arrays.arrays(np.uint8, st.tuples(sides, sides))


@settings(max_examples=8)
@given(page=bytes_of_pages)
def test_the_identity_leaves_every_page_as_it_is(identity, page):
    unit = page.astype(np.float32) / np.float32(255)
    frozen = page.copy()
    frozen.flags.writeable = False
    wide = page.astype(np.uint16) * 257
    turned = page[:, ::-1].copy()[:, ::-1]
    for same in (page, np.asfortranarray(page), turned, frozen, unit, unit.astype(float), wide):
        before = np.array(same)
        clean = cleaning.clean_page(same, identity, tile=np.int16(16))
        assert clean.dtype == np.float32
        np.testing.assert_allclose(clean, unit, atol=1e-5)
        assert np.array_equal(before, same)


@pytest.mark.parametrize(
    "page",
    [
        np.full((6, 7), np.nan),
        np.full((6, 7), np.inf),
        np.full((6, 7), 50.0),
        np.ones((6, 7), complex),
        np.ones((6, 7, 3), np.uint8),
        np.ma.masked_equal(np.ones((6, 7)), 1),
        [[0.1], [0.1, 0.2]],
        "page.png",
        None,
    ],
)
def test_what_is_no_page_is_refused(identity, page):
    with pytest.raises(ImageError):
        cleaning.clean_page(page, identity)


BROKEN_NETWORKS = {
    "NaN": (lambda: network(np.nan), "finite"),
    "infinite": (lambda: network(np.inf), "finite"),
    "no sigmoid": (lambda: network(2.0), "from 0 to 1"),
    "negative": (lambda: network(-1.0), "from 0 to 1"),
    "two maps": (lambda: network(filters=2), "outputs"),
    "colour": (lambda: network(shape=(None, None, 3)), "inputs"),
    "fixed size": (lambda: network(shape=(64, 64, 1)), "inputs"),
    "larger": (lambda: network(more=[keras.layers.UpSampling2D(2)]), "height and width"),
    "dense": (dense_autoencoder, "inputs"),
    "never built": (lambda: keras.Sequential([keras.layers.Conv2D(1, 1)]), "inputs"),
    "function": (lambda: np.asarray, "keras.Model"),
}


@pytest.mark.parametrize("name", BROKEN_NETWORKS)
def test_a_broken_network_writes_nothing(tmp_path, scan, name):
    build, words = BROKEN_NETWORKS[name]
    model = build()
    with pytest.raises(ModelError, match=words):
        cleaning.clean_page(np.full((20, 20), 0.4), model)
    with pytest.raises(ModelError, match=words):
        cleaning.clean_file(scan, tmp_path / "out.png", model)
    assert files(tmp_path) == ["scan.png"]


def test_networks_of_other_multiples_clean_files_too(tmp_path, scan):
    model = network(more=[keras.layers.MaxPooling2D(3), keras.layers.UpSampling2D(3)])
    cleaning.clean_file(scan, tmp_path / "out.png", model)
    assert files(tmp_path) == ["out.png", "scan.png"]


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_network_of_mixed_precision_gives_float32(model, policy):
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        half = page_cleaner()
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    half.set_weights(model.get_weights())
    page = np.full((40, 50), 0.7)
    clean = cleaning.clean_page(page, half)
    assert clean.dtype == np.float32
    np.testing.assert_allclose(clean, cleaning.clean_page(page, model), atol=0.05)


@pytest.mark.parametrize("change", [lambda w: w[:-1], lambda w: [*w[:-1], w[-1][None]]])
def test_weights_of_another_network_are_refused(monkeypatch, change):
    weights = change(load_page_cleaner_weights())
    monkeypatch.setattr(cleaning, "load_page_cleaner_weights", lambda: weights)
    with pytest.raises(DataFileError, match=r"page_cleaner\.npz"):
        cleaning.load_page_cleaner()


PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)


@pytest.mark.parametrize(
    ("picture", "name"),
    [
        (Image.fromarray(PIXELS), "a.jpg"),
        (Image.fromarray(PIXELS).convert("RGB"), "a.tif"),
        (Image.fromarray(PIXELS).convert("P"), "a.gif"),
        (Image.fromarray(PIXELS).convert("1"), "a.bmp"),
        (Image.fromarray(PIXELS).convert("RGBA"), "a.webp"),
        (Image.fromarray(PIXELS.astype(np.uint16) * 257), "a.png"),
        (Image.fromarray(PIXELS).convert("CMYK"), "b.tif"),
    ],
)
@pytest.mark.parametrize("ending", [".png", ".TIF", ".jpeg"])
def test_every_kind_of_picture_in_and_out(identity, tmp_path, picture, name, ending):
    source, target = tmp_path / name, tmp_path / f"out{ending}"
    picture.save(source)
    before = source.read_bytes()
    cleaning.clean_file(source, target, identity)
    with Image.open(target) as clean:
        assert clean.size == (30, 20)
        assert clean.mode == "L"
        clean.load()
    assert source.read_bytes() == before
    assert files(tmp_path) == sorted([name, target.name])


@pytest.mark.parametrize("ending", ["png", "tiff", "jpg"])
def test_resolution_is_kept(model, tmp_path, scan, ending):
    cleaning.clean_file(scan, tmp_path / f"out.{ending}", model)
    with Image.open(tmp_path / f"out.{ending}") as clean:
        assert clean.info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_no_resolution_is_made_up_and_a_turned_one_is_turned(model, tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    cleaning.clean_file(tmp_path / "a.png", tmp_path / "out.png", model)
    with Image.open(tmp_path / "out.png") as clean:
        assert "dpi" not in clean.info
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(tmp_path / "b.jpg", exif=exif, dpi=(300, 200))
    cleaning.clean_file(tmp_path / "b.jpg", tmp_path / "out.jpg", model)
    with Image.open(tmp_path / "out.jpg") as clean:
        assert clean.size == (20, 30)
        assert clean.info["dpi"] == pytest.approx((200, 300), abs=1)


@pytest.mark.parametrize("dpi", [(70_000, 300), (10**6, 10**6), (0.5, 300)])
@pytest.mark.parametrize("ending", ["png", "tiff", "jpg"])
def test_an_impossible_resolution_is_left_out(identity, tmp_path, dpi, ending):
    Image.fromarray(PIXELS).save(tmp_path / "a.png", dpi=dpi)
    cleaning.clean_file(tmp_path / "a.png", tmp_path / f"out.{ending}", identity)
    with Image.open(tmp_path / f"out.{ending}") as clean:
        assert clean.info.get("dpi", (1, 1)) == (1, 1)


def test_too_large_for_jpeg_is_said_before_the_work(tmp_path):
    Image.new("L", (65_501, 1), 200).save(tmp_path / "long.png")
    for name in ("out.jpg", "out.JPEG"):
        with pytest.raises(DataFileError, match=r"65,500.*ends in \.png"):
            cleaning.clean_file(tmp_path / "long.png", tmp_path / name, "no network is looked at")
    assert files(tmp_path) == ["long.png"]


@pytest.mark.parametrize("ending", ["png", "tif", "jpg"])
def test_the_largest_pages_of_a_format(identity, tmp_path, ending):
    length = 65_500 if ending == "jpg" else 70_000
    Image.new("L", (3, length), 200).save(tmp_path / "long.png")
    cleaning.clean_file(tmp_path / "long.png", tmp_path / f"out.{ending}", identity)
    with Image.open(tmp_path / f"out.{ending}") as clean:
        assert clean.size == (3, length)
        assert np.abs(np.asarray(clean, int) - 200).max() <= 1


def picture_bytes(kind, **settings):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind, dpi=(150, 150), **settings)
    return buffer.getvalue()


WHOLE_FILES = [
    picture_bytes("PNG"),
    picture_bytes("JPEG"),
    picture_bytes("TIFF", compression="tiff_lzw"),
    picture_bytes("TIFF", save_all=True, append_images=[Image.fromarray(PIXELS)]),
]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=150)
@given(
    whole=st.sampled_from(WHOLE_FILES),
    places=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=4),
    end=st.floats(0, 1),
    cut=st.booleans(),
)
def test_a_damaged_file_is_cleaned_or_refused(identity, tmp_path_factory, whole, places, end, cut):
    content = bytearray(whole)
    for place, byte in places:
        # most of what can go wrong lies in the first hundred bytes
        content[int(place * len(content)) if cut else int(place * 120)] = byte
    content = content[: int(end * len(content))] if cut else content
    folder = tmp_path_factory.mktemp("damaged")
    source, target = folder / "page", folder / "out.png"
    source.write_bytes(content)
    try:
        cleaning.clean_file(source, target, identity)
    except AeutilsError:
        assert files(folder) == ["page"]
    else:
        assert files(folder) == ["out.png", "page"]
        with Image.open(target) as clean:
            clean.load()
    assert source.read_bytes() == content


def png_that_claims(width, height):
    """The bytes of a PNG file whose header promises so many pixels."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    import zlib

    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


WHOLE = io.BytesIO()
Image.fromarray(PIXELS).save(WHOLE, "PNG")
BROKEN = {
    "empty.png": (b"", "is empty"),
    "words.png": (b"To whom it may concern", "not a picture"),
    "page.pdf": (b"%PDF-1.4\n1 0 obj\n", "not a picture"),
    "header.png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "not a picture|broken"),
    "cut.png": (WHOLE.getvalue()[:-30], "broken or cut short"),
    "large.png": (png_that_claims(12_000, 12_000), "144,000,000 pixels"),
    "huge.png": (png_that_claims(100_000, 100_000), "too large"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_bad_pictures_are_refused_in_a_sentence(tmp_path, capsys, name):
    content, words = BROKEN[name]
    source = tmp_path / name
    source.write_bytes(content)
    assert command_line.main(["denoise", str(source), str(tmp_path / "out.png")]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert re.search(words, told.err)
    assert name in told.err
    assert told.err.count("\n") == 1
    assert files(tmp_path) == [name]
    assert source.read_bytes() == content


def test_missing_files_and_folders_are_refused(tmp_path, capsys, scan):
    for source, words in ((tmp_path / "none.png", "does not exist"), (tmp_path, "is a folder")):
        assert command_line.main(["denoise", str(source), str(tmp_path / "out.png")]) == 1
        assert words in capsys.readouterr().err
    nowhere = tmp_path / "no such folder" / "out.png"
    assert command_line.main(["denoise", str(scan), str(nowhere)]) == 1
    assert "does not exist; make it first" in capsys.readouterr().err
    assert command_line.main(["denoise", str(scan), "x" * 300 + ".png"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert files(tmp_path) == ["scan.png"]


@pytest.mark.parametrize("name", ["out", "out.gif", "out.pdf", "out.png.txt", ".png"])
def test_unknown_endings_are_refused_before_the_work(tmp_path, monkeypatch, scan, name):
    monkeypatch.setattr(cleaning, "load_image", lambda path: pytest.fail("work was begun"))
    with pytest.raises(DataFileError, match="choose one of"):
        cleaning.clean_file(scan, tmp_path / name)


def test_several_pages_are_refused(tmp_path, scan):
    page = Image.fromarray(PIXELS)
    page.save(tmp_path / "two.tif", save_all=True, append_images=[page])
    with pytest.raises(DataFileError, match="holds 2 pages"):
        cleaning.clean_file(tmp_path / "two.tif", tmp_path / "out.tif")
    assert files(tmp_path) == ["scan.png", "two.tif"]


def the_same(scan, folder):
    return scan


def by_another_way(scan, folder):
    (folder / "sub").mkdir()
    return folder / "sub" / ".." / "scan.png"


def symbolic_link(scan, folder):
    (folder / "link.png").symlink_to(scan)
    return folder / "link.png"


def hard_link(scan, folder):
    os.link(scan, folder / "hard.png")
    return folder / "hard.png"


@pytest.mark.parametrize("name", [the_same, by_another_way, symbolic_link, hard_link])
def test_the_input_is_never_overwritten(tmp_path, capsys, scan, name):
    before = scan.read_bytes()
    assert command_line.main(["denoise", str(scan), str(name(scan, tmp_path))]) == 1
    assert "is the input itself" in capsys.readouterr().err
    assert scan.read_bytes() == before


def test_input_named_by_a_relative_path(tmp_path, monkeypatch, scan):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataFileError, match="input itself"):
        cleaning.clean_file("scan.png", scan)


def test_no_file_is_replaced(tmp_path, scan):
    other = tmp_path / "other.png"
    other.write_bytes(b"precious")
    dangling = tmp_path / "dangling.png"
    dangling.symlink_to(tmp_path / "gone.png")
    for target in (other, dangling):
        with pytest.raises(DataFileError, match="exists already"):
            cleaning.clean_file(scan, target)
    assert other.read_bytes() == b"precious"
    assert not (tmp_path / "gone.png").exists()


def test_nothing_half_written_where_saving_fails(tmp_path, monkeypatch, model, scan):
    def half(self, file, *arguments, **settings):
        file.write(b"half a picture")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(DataFileError, match="No space left"):
        cleaning.clean_file(scan, tmp_path / "out.png", model)
    assert files(tmp_path) == ["scan.png"]


def test_nothing_half_written_where_the_user_stops(tmp_path, monkeypatch, capsys, scan):
    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cleaning, "_cleaned", stopped)
    assert command_line.main(["denoise", str(scan), str(tmp_path / "out.png")]) == 1
    assert "stopped; nothing was written" in capsys.readouterr().err
    assert files(tmp_path) == ["scan.png"]


def test_a_file_that_came_meanwhile_is_left_alone(tmp_path, model, scan):
    target = tmp_path / "out.png"
    with pytest.raises(DataFileError, match="exists already and is not replaced"):
        cleaning.clean_file(scan, target, model, on_tile=lambda *call: target.write_bytes(b"new"))
    assert target.read_bytes() == b"new"
    assert files(tmp_path) == ["out.png", "scan.png"]


def test_a_file_that_comes_at_the_last_moment_is_left_alone(tmp_path, monkeypatch, identity, scan):
    target, save = tmp_path / "out.png", Image.Image.save

    def save_beside_another(self, *arguments, **more):
        target.write_bytes(b"new")
        save(self, *arguments, **more)

    monkeypatch.setattr(Image.Image, "save", save_beside_another)
    with pytest.raises(DataFileError, match="exists already"):
        cleaning.clean_file(scan, target, identity)
    assert target.read_bytes() == b"new"
    assert files(tmp_path) == ["out.png", "scan.png"]


def test_partial_files_of_others_are_left_alone(tmp_path, identity, scan):
    other = tmp_path / f".out.png.{os.getpid()}.partial"
    other.write_bytes(b"another writer's")
    cleaning.clean_file(scan, tmp_path / "out.png", identity)
    assert other.read_bytes() == b"another writer's"
    assert files(tmp_path) == sorted([other.name, "out.png", "scan.png"])


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "a\0b.png"])
def test_impossible_names_are_refused_before_the_work(tmp_path, scan, name):
    with pytest.raises(DataFileError, match="cannot be written"):
        cleaning.clean_file(scan, tmp_path / name, "no network is looked at")


def test_command_cleans_and_shows_a_bar_and_nothing_else(tmp_path, scan):
    target = tmp_path / "out.png"
    done = run(scan, target)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{target}: written\n"
    bars = done.stderr.replace("\n", "\r").split("\r")
    assert all(re.fullmatch(r"[█░]{24} +\d+% +[\d.]+ s", bar) for bar in bars if bar), bars
    assert "100%" in bars[-2]
    with Image.open(target) as clean:
        assert clean.size == (150, 80)
    # a second time, the file is there
    done = run(scan, target)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("python -m aeutils denoise: ")
    assert "Traceback" not in done.stderr


def test_command_used_wrongly():
    with pytest.raises(SystemExit) as caught:
        command_line.main(["denoise", "only one"])
    assert caught.value.code == 2


def test_bar_without_unicode():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="")
    progress.show_progress(1, 2, stream)
    stream.seek(0)
    assert stream.read() == "\r" + "#" * 12 + "." * 12 + "  50%"


def test_errors_are_of_one_family():
    assert issubclass(DataFileError, AeutilsError)
    assert issubclass(ImageError, AeutilsError)
