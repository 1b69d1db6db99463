"""Pictures of every kind: converted as documented, or refused with a cure."""

import io
import math
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from aeutils.core.errors import AeutilsError, DataFileError, ImageError
from aeutils.images import add_noise, load_image, to_unit_range, unit_pixels

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 16), dtype=np.uint8)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 51, 255]], "uint8"), [[0, 0.2, 1]]),
        (np.array([[0, 65535]], "uint16"), [[0, 1]]),
        (np.array([[0, 65535]], ">u2"), [[0, 1]]),
        (np.array([[False, True]]), [[0, 1]]),
        (np.array([[0, 0.25, 1]], "float64"), [[0, 0.25, 1]]),
        (np.array([[0, 0.25, 1]], "float16"), [[0, 0.25, 1]]),
        (np.array([[-1e-9, 1 + 1e-7]]), [[0, 1]]),
        ([[0.0, 1.0]], [[0, 1]]),
    ],
)
def test_known_ranges_are_scaled(array, expected):
    unit = to_unit_range(array)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, expected, atol=1e-6)
    assert unit.min() >= 0
    assert unit.max() <= 1


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((0, 28, 28), "uint8"), "no image"),
        (np.uint8(3), "no image"),
        ([[0.0, 1.0], [0.0]], "one array"),
        (np.array([[1, 2]], "int64"), "type int64"),
        (np.array([[1, 2]], "int8"), "type int8"),
        (np.array([[1, 2]], "uint32"), "type uint32"),
        (np.array([[1j]]), "type complex128"),
        (np.array([["a"]]), "type <U1"),
        (np.array([[None]]), "type object"),
        (np.array([[0.5, np.nan]]), r"1 of 2 pixels are NaN.*\(0, 1\)"),
        (np.array([[np.inf, 0.5]]), r"NaN or infinite.*\(0, 0\)"),
        (np.array([[0.0, 255.0]]), "divide by 255"),
        (np.array([[-0.5, 0.5]]), "scale or clip"),
        (np.array([[0.5, 1.001]]), "outside 0 to 1"),
    ],
)
def test_unknown_ranges_are_refused(array, words):
    with pytest.raises(ImageError, match=words):
        to_unit_range(array)


def test_result_never_shares_memory():
    image = np.full((2, 2), 0.5, "float32")
    to_unit_range(image)[:] = 0
    assert (image == 0.5).all()


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        ((5, 28, 28), (784,), (5, 784)),
        ((5, 28, 28), (28, 28, 1), (5, 28, 28, 1)),
        ((5, 784), (28, 28, 1), (5, 28, 28, 1)),
        ((5, 28, 28, 1), (784,), (5, 784)),
        ((5, 1, 28, 28), (28, 28, 1), (5, 28, 28, 1)),
        ((28, 28), (28, 28, 1), (1, 28, 28, 1)),
        ((28, 28), (28, 28), (1, 28, 28)),
        ((784,), (784,), (1, 784)),
        ((5,), (1,), (5, 1)),
        ((5, 14, 56), (784,), (5, 784)),
        ((784,), (28, 28, 1), (1, 28, 28, 1)),
        ((28, 28, 1), (28, 28, 1), (1, 28, 28, 1)),
        ((1, 28, 28), (784,), (1, 784)),
        ((784, 784), (784,), (784, 784)),
    ],
)
def test_shapes_that_fit(given, wanted, expected):
    image = RNG.random(given)
    shaped = to_unit_range(image, shape=wanted)
    assert shaped.shape == expected
    np.testing.assert_allclose(shaped.ravel(), image.ravel(), rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "wanted", "words"),
    [
        ((5, 32, 32), (28, 28, 1), "resize"),
        ((5, 14, 56), (28, 28, 1), "resize"),
        ((5, 28, 28, 3), (28, 28, 1), "colour"),
        ((5, 28, 28, 4), (784,), "colour"),
        ((28, 28, 3), (28, 28, 1), "colour"),
        ((5, 783), (784,), "resize"),
        # rows are not merged: neither halves nor one image that could be 28 rows
        ((2, 392), (784,), r"shape \(2, 392\).*newaxis"),
        ((4, 196), (28, 28, 1), "newaxis"),
        ((28, 28), (784,), "newaxis"),
        ((4, 392), (784,), "resize"),
        ((2, 14, 28), (28, 28, 1), "newaxis"),
        ((14, 56), (28, 28, 1), "newaxis"),
        ((784, 1), (784,), "newaxis"),
    ],
)
def test_shapes_that_do_not_fit(given, wanted, words):
    with pytest.raises(ImageError, match=words):
        to_unit_range(np.zeros(given), shape=wanted)


ANY_SHAPE = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
ANY_TYPE = st.sampled_from(
    ["bool", "uint8", "uint16", ">u2", "int8", "int32", "uint64", "float16", "float32", ">f4",
     "float64", "longdouble", "complex64", "U3", "object"]
)  # fmt: skip


@st.composite
def laid_out(draw, arrays):
    """Give the same values in another layout of the memory, perhaps read-only."""
    array = draw(arrays)
    match draw(st.sampled_from(["as it is", "Fortran", "backwards", "gaps"])):
        case "Fortran":
            array = np.asfortranarray(array)
        case "backwards" if array.ndim:
            array = array[::-1].copy()[::-1]
        case "gaps" if array.ndim:
            array = np.repeat(array, 2, axis=-1)[..., ::2]
    array.flags.writeable = draw(st.booleans())
    return array


def reference(array):
    """What to_unit_range promises, said plainly; None where it refuses."""
    if array.ndim == 0 or array.size == 0 or array.dtype.kind not in "buf":
        return None
    if array.dtype.kind == "u" and array.dtype.itemsize > 2:
        return None
    scale = {"b": 1, "f": 1, "u": 255 if array.dtype.itemsize == 1 else 65535}[array.dtype.kind]
    unit = array.astype(np.float64) / scale
    if not (np.isfinite(unit).all() and (unit >= -1e-6).all() and (unit <= 1 + 1e-6).all()):
        return None
    return np.clip(unit, 0, 1)


@given(
    laid_out(
        hnp.arrays(ANY_TYPE, ANY_SHAPE)
        | hnp.arrays("float64", ANY_SHAPE, elements={"min_value": 0, "max_value": 1})
    )
)
def test_any_array_is_converted_exactly_or_refused(array):
    before, expected = array.copy(), reference(array)
    try:
        unit = to_unit_range(array)
    except ImageError:
        assert expected is None
    else:
        np.testing.assert_allclose(unit, expected, atol=1e-6)
        assert (unit.dtype, unit.shape) == (np.float32, array.shape)
        assert not np.shares_memory(unit, array)
    assert array.tobytes() == before.tobytes()


@given(
    laid_out(hnp.arrays("uint8", hnp.array_shapes(max_dims=4, max_side=6))),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
)
def test_images_of_a_batch_are_never_merged_nor_cut(array, shape):
    """A first axis that can count the images does; one image alone has no such axis."""
    pixels = math.prod(shape)
    try:
        shaped = to_unit_range(array, shape=shape)
    except ImageError:
        assert array.shape != tuple(shape)
        return
    assert shaped.shape[1:] == tuple(shape)
    np.testing.assert_array_equal(shaped.ravel(), array.ravel() / np.float32(255))
    if math.prod(array.shape[1:]) == pixels:
        assert len(shaped) == len(array)
    else:
        assert len(shaped) == 1
        assert array.shape in (tuple(shape), tuple(shape[:-1]), (pixels,))


@pytest.mark.parametrize("shape", [784, (), (0, 28), (28.0, 28), (None, None, 1), "28", -1])
def test_shapes_that_are_none_are_refused(shape):
    with pytest.raises(ImageError, match="shape"):
        to_unit_range(np.zeros((1, 784)), shape=shape)


def test_masks_are_not_dropped():
    hidden = np.ma.masked_greater(np.array([[0.2, 0.9]]), 0.5)
    for images in (hidden, [hidden[0], hidden[0]]):
        with pytest.raises(ImageError, match="mask"):
            to_unit_range(images)
        with pytest.raises(ImageError, match="mask"):
            add_noise(images)
        with pytest.raises(ImageError, match="x has masked"):
            unit_pixels("x", images)
    np.testing.assert_array_equal(to_unit_range(np.ma.array([[0.5]])), [[0.5]])


def test_pixels_of_half_precision_are_floating_point():
    half = pytest.importorskip("ml_dtypes").bfloat16
    np.testing.assert_array_equal(to_unit_range(np.array([[0, 0.5, 1]], half)), [[0, 0.5, 1]])
    assert unit_pixels("x", np.array([[0.5]], half)) == 0.5


@given(
    laid_out(
        hnp.arrays(
            st.sampled_from(["float16", "float32", "float64"]),
            hnp.array_shapes(),
            elements={"min_value": 0, "max_value": 1},
        )
    ),
    st.sampled_from(["gaussian", "uniform", "salt_and_pepper", "speckle"]),
    st.floats(),
    st.integers(0, 2**70),
)
def test_any_noise_gives_pixels_or_is_refused(images, kind, factor, seed):
    before = images.copy()
    try:
        noisy = add_noise(images, factor, kind=kind, seed=seed)
    except ImageError:
        assert not 0 <= factor <= (1 if kind == "salt_and_pepper" else 1e6)
    else:
        assert (noisy.dtype, noisy.shape) == (np.float32, images.shape)
        assert ((noisy >= 0) & (noisy <= 1)).all()  # so none is NaN
        assert np.array_equal(noisy, add_noise(images, factor, kind=kind, seed=seed))
    assert np.array_equal(images, before)


def saved(picture, path, **options):
    picture.save(path, **options)
    return path


def test_grey_8_bit(tmp_path):
    image = load_image(saved(Image.fromarray(PIXELS), tmp_path / "a.png"))
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, PIXELS / 255, atol=1e-6)


def test_16_bit_keeps_its_depth(tmp_path):
    pixels = RNG.integers(0, 65536, (12, 16), dtype=np.uint16)
    for name in ("a.png", "a.tif"):
        image = load_image(saved(Image.fromarray(pixels), tmp_path / name))
        np.testing.assert_allclose(image, pixels / 65535, atol=1e-6)


def test_colour_becomes_luma(tmp_path):
    picture = Image.new("RGB", (4, 3), (255, 0, 0))
    image = load_image(saved(picture, tmp_path / "a.png"))
    assert image.shape == (3, 4)
    np.testing.assert_allclose(image, 0.299, atol=0.005)


def test_palette_is_resolved(tmp_path):
    picture = Image.new("RGB", (4, 3), (0, 255, 0)).convert("P")
    np.testing.assert_allclose(load_image(saved(picture, tmp_path / "a.gif")), 0.587, atol=0.005)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_white_paper(tmp_path, mode):
    picture = Image.new(mode, (4, 3), (0,) * len(mode))
    np.testing.assert_allclose(load_image(saved(picture, tmp_path / "a.png")), 1)


def test_palette_transparency_is_white_paper(tmp_path):
    picture = Image.new("P", (4, 3), 0)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    np.testing.assert_allclose(load_image(saved(picture, tmp_path / "a.png", transparency=0)), 1)


def test_one_bit_cmyk_and_float(tmp_path):
    assert set(np.unique(load_image(saved(Image.new("1", (4, 3), 1), tmp_path / "a.png")))) == {1}
    cmyk = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    np.testing.assert_allclose(load_image(saved(cmyk, tmp_path / "a.jpg")), 1, atol=0.02)
    floating = Image.fromarray(np.full((3, 4), 0.25, "float32"))
    np.testing.assert_allclose(load_image(saved(floating, tmp_path / "a.tif")), 0.25)
    floating = Image.fromarray(np.full((3, 4), 7.0, "float32"))
    with pytest.raises(ImageError, match="outside 0 to 1"):
        load_image(saved(floating, tmp_path / "b.tif"))


def test_camera_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    picture = Image.fromarray(PIXELS)
    path = saved(picture, tmp_path / "a.png", exif=exif)
    assert load_image(path).shape == (16, 12)


def test_resize(tmp_path):
    path = saved(Image.fromarray(PIXELS), tmp_path / "a.png")
    image = load_image(path, size=(28, 20))
    assert image.shape == (28, 20)
    assert image.min() >= 0
    assert image.max() <= 1
    for size in ((28,), (0, 28), (28.5, 28), (-1, 3), 28, "ab", "28"):
        with pytest.raises(ImageError, match="size"):
            load_image(path, size=size)


def test_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("L", (4, 3), value) for value in (0, 255)]
    path = saved(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(load_image(path), 0, atol=0.01)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.png", None, "does not exist"),
        ("empty.png", b"", "is empty"),
        ("text.png", b"this is no picture", "not a picture"),
        ("header.png", b"\x89PNG\r\n\x1a\n", "not a picture|broken"),
    ],
)
def test_broken_files_are_refused(tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataFileError, match=words) as caught:
        load_image(path)
    assert name in str(caught.value)
    assert isinstance(caught.value, AeutilsError)


def test_folder_is_refused(tmp_path):
    with pytest.raises(DataFileError, match="folder"):
        load_image(tmp_path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.gif", "a.bmp"])
def test_files_cut_short_are_refused(tmp_path, name):
    picture = Image.fromarray(RNG.integers(0, 256, (200, 300), dtype=np.uint8))
    path = saved(picture, tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataFileError, match=r"broken|not a picture"):
        load_image(path)


def with_new_checksums(content):
    """Return a PNG file whose chunks pass their checks again, so that the decoder sees them."""
    at = 8
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if end + 4 > len(content):
            break
        content[end : end + 4] = struct.pack(">I", zlib.crc32(content[at + 4 : end]))
        at = end + 4
    return content


def test_absurdly_large_is_refused_before_decoding(tmp_path):
    path = saved(Image.fromarray(PIXELS), tmp_path / "a.png")
    with pytest.raises(DataFileError, match="more than the 100 allowed"):
        load_image(path, max_pixels=100)
    content = bytearray(path.read_bytes())
    for size, words in (
        ((20_000, 8_000), "160,000,000 pixels"),
        ((20_000, 20_000), "too large"),
        ((2**31 - 1, 2**31 - 1), "too large"),
    ):
        struct.pack_into(">II", content, 16, *size)
        path.write_bytes(with_new_checksums(content))
        with pytest.raises(DataFileError, match=words):
            load_image(path)


def test_sizes_and_limits_are_checked_before_the_file(tmp_path):
    path = tmp_path / "is not read"
    with pytest.raises(ImageError, match=r"size must be at most 100,000,000 pixels; got 1000000 ×"):
        load_image(path, size=(10**6, 10**6))
    with pytest.raises(ImageError, match="size must be at most 99 pixels"):
        load_image(path, size=(10, 10), max_pixels=99)
    for limit in (None, 0, -1, 1e8, "many", True):
        with pytest.raises(ImageError, match="max_pixels must be a positive integer"):
            load_image(path, max_pixels=limit)
    for bad in (None, 5, b"a.png"):
        with pytest.raises(DataFileError, match="path must be"):
            load_image(bad)


@pytest.mark.parametrize("name", ["a.eps", "a.ico", "a.tga", "a.png"])
def test_other_formats_are_not_even_tried(tmp_path, name, monkeypatch):
    """Pillow reads EPS by starting Ghostscript."""
    path = tmp_path / name
    if name == "a.png":  # the name decides nothing
        path = saved(Image.fromarray(PIXELS), tmp_path / "a.eps").rename(path)
    else:
        saved(Image.fromarray(PIXELS), path)
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(DataFileError, match="not a picture of a format that is read here"):
        load_image(path)


def test_what_fills_the_memory_is_an_error_of_the_file(tmp_path, monkeypatch):
    def full(*_):
        raise MemoryError

    path = saved(Image.fromarray(PIXELS), tmp_path / "a.png")
    monkeypatch.setattr("aeutils.images._grey", full)
    with pytest.raises(DataFileError, match="memory"):
        load_image(path)


def png(bits, kind, rows, transparent=None):
    """Bytes of a PNG file by the letter of its standard: what Pillow does not write."""

    def chunk(name, content):
        whole = name + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", 4, len(rows), bits, kind, 0, 0, 0)
    chunks = [(b"IHDR", header)]
    if transparent is not None:
        chunks.append((b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)))
    chunks += [(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


@pytest.mark.parametrize("transparent", [None, (2,)])
@pytest.mark.parametrize(
    ("bits", "row", "expected"),
    [
        (1, b"\x50", [0, 1, 0, 1]),
        (2, b"\x1b", [0, 1 / 3, 2 / 3, 1]),
        (4, b"\x02\x5f", [0, 2 / 15, 5 / 15, 1]),
        (8, b"\x00\x02\x33\xff", [0, 2 / 255, 0.2, 1]),
        (16, struct.pack(">4H", 0, 2, 13107, 65535), [0, 2 / 65535, 0.2, 1]),
    ],
)
def test_a_transparent_shade_is_white_or_refused_never_missed(
    tmp_path, bits, row, expected, transparent
):
    path = tmp_path / "a.png"
    path.write_bytes(png(bits, 0, [row], transparent))
    if transparent and bits != 8:
        with pytest.raises(ImageError, match="one transparent colour"):
            load_image(path)
        return
    if transparent:
        expected = [0, 1, 0.2, 1]
    np.testing.assert_allclose(load_image(path), [expected], atol=1e-6)


def test_a_transparent_colour_of_16_bits_is_refused(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(16, 2, [bytes(24)], (0, 0, 0)))
    with pytest.raises(ImageError, match="one transparent colour"):
        load_image(path)
    path.write_bytes(png(8, 2, [bytes(12)], (0, 0, 0)))
    np.testing.assert_array_equal(load_image(path), np.ones((1, 4)))


def tiff(pixels, bits, sample_format=1, photometric=1):
    """Bytes of a TIFF file with one strip, by the letter of its standard."""
    height, width = pixels.shape
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8)]
    tags += [(277, 1), (278, height), (279, pixels.nbytes), (339, sample_format)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    content = pixels.tobytes()
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(content)) + content + directory


@pytest.mark.parametrize(
    ("pixels", "bits", "sample_format", "photometric", "expected"),
    [
        ("uint8", 8, 1, 1, [0, 0.2, 1]),
        ("uint8", 8, 1, 0, [1, 0.8, 0]),
        ("<u2", 16, 1, 1, [0, 51 / 65535, 255 / 65535]),
        ("<u2", 16, 1, 0, "0 is white"),
        ("<u2", 12, 1, 1, "12 bits"),
        ("<i2", 16, 2, 1, "signed"),
        ("int8", 8, 2, 1, "signed"),
        ("<u4", 32, 1, 1, "32 bits"),
        ("<i4", 32, 2, 1, "signed"),
    ],
)
def test_tiff_goes_by_the_bits_that_it_states(
    tmp_path, pixels, bits, sample_format, photometric, expected
):
    values = np.array([[0, 51, 255 if pixels != "int8" else 127]], pixels)
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(values, bits, sample_format, photometric))
    if isinstance(expected, str):
        with pytest.raises(ImageError, match=expected):
            load_image(path)
    else:
        np.testing.assert_allclose(load_image(path), [expected], atol=1e-6)


@pytest.mark.parametrize("most", [1, 9, 255, 1000, 65535])
def test_pgm_goes_by_the_maximum_that_it_states(tmp_path, most):
    path = tmp_path / "a.pgm"
    values = np.array([0, most // 3, most], ">u2" if most > 255 else "uint8")
    path.write_bytes(b"P5 3 1 %d\n" % most + values.tobytes())
    np.testing.assert_allclose(load_image(path), [[0, most // 3 / most, 1]], atol=0.003)


def contents(kind):
    """Bytes of a few files of a format, in more than one mode."""
    grey = Image.fromarray(PIXELS)
    deep = Image.fromarray(PIXELS.astype("uint16") * 257)
    pictures = {
        "PNG": [grey, grey.convert("RGBA"), grey.convert("P"), deep],
        "JPEG": [grey, grey.convert("CMYK")],
        "TIFF": [grey, grey.convert("LAB"), deep],
        "BMP": [grey, grey.convert("RGB")],
        "GIF": [grey, grey.convert("P")],
        "WEBP": [grey, grey.convert("RGBA")],
        "PPM": [grey, grey.convert("1"), deep],
    }[kind]
    options = [{"compression": "tiff_lzw"}, {"compression": "jpeg"}] if kind == "TIFF" else []
    for picture, option in [*((p, {}) for p in pictures), *((grey, option) for option in options)]:
        file = io.BytesIO()
        picture.save(file, kind, **option)
        yield file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM"])
@pytest.mark.filterwarnings("ignore")
def test_of_damaged_files_each_is_read_or_refused(tmp_path, kind):
    rng, path = np.random.default_rng(0), tmp_path / "a"
    wholes, outcomes = list(contents(kind)), []
    for number in range(300):
        content = bytearray(wholes[number % len(wholes)])
        # most of what can go wrong stands in the first bytes
        n = rng.choice([len(content), min(64, len(content))])
        for _ in range(rng.integers(1, 5)):
            content[rng.integers(n)] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
        if number % 7 == 0:
            del content[rng.integers(len(content)) :]
        path.write_bytes(with_new_checksums(content) if kind == "PNG" else content)
        try:
            image = load_image(path, max_pixels=1_000_000)
        except (DataFileError, ImageError):
            outcomes.append("refused")
        else:
            assert (image.dtype, image.ndim) == (np.float32, 2)
            assert image.size <= 1_000_000
            assert ((image >= 0) & (image <= 1)).all()
            outcomes.append("read")
    assert set(outcomes) == {"read", "refused"}


@pytest.mark.parametrize("kind", ["gaussian", "uniform", "salt_and_pepper", "speckle"])
def test_noise_stays_in_range_and_repeats(kind):
    image = np.full((5, 28, 28, 1), 0.5, "float32")
    noisy = add_noise(image, 0.5, kind=kind, seed=3)
    assert noisy.shape == image.shape
    assert noisy.dtype == np.float32
    assert noisy.min() >= 0
    assert noisy.max() <= 1
    assert not np.array_equal(noisy, image)
    assert np.array_equal(noisy, add_noise(image, 0.5, kind=kind, seed=3))
    assert not np.array_equal(noisy, add_noise(image, 0.5, kind=kind, seed=4))
    assert np.array_equal(add_noise(image, 0, kind=kind, seed=3), image)


def test_noise_has_the_stated_strength():
    image = np.full((100, 28, 28), 0.5, "float32")
    assert add_noise(image, 0.1, seed=0).std() == pytest.approx(0.1, rel=0.02)
    pepper = add_noise(image, 0.3, kind="salt_and_pepper", seed=0)
    assert np.mean(pepper != 0.5) == pytest.approx(0.3, rel=0.05)
    uniform = add_noise(image, 0.2, kind="uniform", seed=0)
    assert np.abs(uniform - 0.5).max() == pytest.approx(0.2, rel=0.01)


@pytest.mark.parametrize(
    ("factor", "kind", "words"),
    [
        (-0.1, "gaussian", "noise_factor .*at least 0"),
        (float("nan"), "gaussian", "noise_factor"),
        (float("inf"), "speckle", "noise_factor"),
        (1e30, "speckle", "noise_factor"),
        (True, "gaussian", "noise_factor"),
        (np.array([0.1, 0.2]), "gaussian", "noise_factor"),
        ("much", "gaussian", "noise_factor"),
        (1.5, "salt_and_pepper", "noise_factor .*at most 1"),
        (0.5, "brown", "kind must be one of 'gaussian'"),
        (0.5, np.array(["uniform", "gaussian"]), "kind must be one of"),
    ],
)
def test_bad_noise_is_refused(factor, kind, words):
    with pytest.raises(ImageError, match=words):
        add_noise(np.zeros((2, 2)), factor, kind=kind)


@pytest.mark.parametrize("seed", [-1, 1.5, "one", (1, -2)])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(ImageError, match="seed must be"):
        add_noise(np.zeros((2, 2)), seed=seed)


def test_noise_refuses_unscaled_images():
    with pytest.raises(ImageError, match="divide by 255"):
        add_noise(np.full((2, 2), 200.0))
