"""Pictures of every kind: converted as documented, or refused with a cure."""

import numpy as np
import pytest
from PIL import Image

from aeutils.core.errors import AeutilsError, DataFileError, ImageError
from aeutils.images import add_noise, load_image, to_unit_range

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
        ([[0.0, 1.0], [0.0]], "one size"),
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
        ((28, 28), (784,), (1, 784)),
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
    ],
)
def test_shapes_that_do_not_fit(given, wanted, words):
    with pytest.raises(ImageError, match=words):
        to_unit_range(np.zeros(given), shape=wanted)


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


def test_absurdly_large_is_refused_before_decoding(tmp_path):
    path = saved(Image.new("1", (20_000, 8_000)), tmp_path / "a.png")
    with pytest.raises(DataFileError, match="160,000,000 pixels"):
        load_image(path)
    path = saved(Image.new("1", (20_000, 20_000)), tmp_path / "b.png")
    with pytest.raises(DataFileError, match="too large"):
        load_image(path)
    with pytest.raises(DataFileError, match="more than the 100 allowed"):
        load_image(saved(Image.fromarray(PIXELS), tmp_path / "c.png"), max_pixels=100)


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
        (-0.1, "gaussian", "noise_factor"),
        (float("nan"), "gaussian", "noise_factor"),
        ("much", "gaussian", "noise_factor"),
        (1.5, "salt_and_pepper", "share"),
        (0.5, "brown", "not known"),
    ],
)
def test_bad_noise_is_refused(factor, kind, words):
    with pytest.raises(ImageError, match=words):
        add_noise(np.zeros((2, 2)), factor, kind=kind)


def test_noise_refuses_unscaled_images():
    with pytest.raises(ImageError, match="divide by 255"):
        add_noise(np.full((2, 2), 200.0))
