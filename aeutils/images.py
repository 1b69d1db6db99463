"""From any picture to float32 pixels between 0 (black) and 1 (white).

Every network of the book takes such pixels.  The functions here convert what can be converted
without guessing, and refuse the rest with an error that says what to do.
"""

import math
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import (
    one_of,
    plain_array,
    positive_integer,
    positive_integers,
    random_generator,
    real_number,
)
from aeutils.core.errors import AeutilsError, DataFileError, ImageError
from aeutils.core.files import as_path

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["add_noise", "load_image", "load_photograph", "to_unit_range"]

ROUNDING = 1e-6

# of all that Pillow reads: no format whose reader starts another program, as that of EPS does
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM")

# tags of TIFF files, and values of theirs
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, SIGNED = 0, 2

KINDS_OF_NOISE = ("gaussian", "uniform", "salt_and_pepper", "speckle")


def to_unit_range(images: ArrayLike, shape: Sequence[int] | None = None) -> NDArray[np.float32]:
    """Convert images to float32 between 0 and 1, as the networks of the book take them.

    Parameters
    ----------
    images : array-like
        Grey images, any number of axes, at least one image.  ``bool`` becomes 0 and 1,
        ``uint8`` is divided by 255, ``uint16`` by 65535; floating-point pixels must lie
        between 0 and 1 already (a millionth beyond is clipped as a rounding error).  Any
        other type is refused, since its range is a guess.
    shape : sequence of int, optional
        Shape of one image in the result, for instance ``(784,)`` for the dense and
        ``(28, 28, 1)`` for the convolutional networks.  The first axis of `images` counts the
        images, and stays.  In each, rows and columns may be flattened or restored, and axes of
        length 1 added or dropped; an image of another height or width is refused.  An array of
        this very shape, with or without a last axis of length 1, or of one axis with as many
        pixels, is one image and becomes a batch of one.  By default the shape stays as it is.

    Returns
    -------
    numpy.ndarray
        float32, between 0 and 1.  Never shares memory with `images`.

    Raises
    ------
    ImageError
        If the array is empty, ragged, masked, of a type without a known range, holds NaN,
        infinite or out-of-range pixels, or does not fit `shape` (as colour images do not).

    Examples
    --------
    >>> import numpy as np
    >>> to_unit_range(np.array([[0, 51, 255]], dtype="uint8"))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """
    array = plain_array("images", images, ImageError)
    if array.size == 0 or array.ndim == 0:
        raise ImageError(f"there is no image in an array of shape {array.shape}.")
    if shape is None:
        return _scaled(array)
    wanted = tuple(positive_integers("shape", shape, ImageError))
    return _scaled(array).reshape(_batch_shape(array.shape, wanted))


def load_image(
    path: str | os.PathLike[str],
    size: Sequence[int] | None = None,
    max_pixels: int = 100_000_000,
) -> NDArray[np.float32]:
    """Read a picture file as one grey image with pixels between 0 and 1.

    Colour becomes grey by the luma weights of ITU-R BT.601, transparency is laid over white
    paper, palettes are resolved, grey 16-bit pictures keep their depth (colour is read with 8
    bits), the camera's orientation tag is applied, and of an animation or a file of several pages
    the first one is taken.

    Parameters
    ----------
    path : str or os.PathLike
        A PNG, JPEG, TIFF, BMP, GIF, WebP, PGM, PPM or PBM file, whatever its name ends in.
    size : sequence of (int, int), optional
        Height and width to resize to, with antialiasing and without keeping proportions; at most
        `max_pixels` in all.
        The networks on MNIST take ``(28, 28)``, with light ink on black paper: use
        ``1 - load_image(path, size=(28, 28))`` for dark ink on white paper.
    max_pixels : int, default 100_000_000
        A picture of more pixels is refused before it is decoded, so that a small file cannot
        fill the memory.  The default lets an A3 page at 600 dpi pass; Pillow itself refuses
        more than about 179 million.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width), between 0 (black) and 1 (white).

    Raises
    ------
    DataFileError
        If the file is missing, empty, of no such format, broken, cut short or too large.
    ImageError
        If the range of the pixels is not certain: floating-point pixels outside 0 to 1, integers
        of other than 8 or 16 bits, signed ones.  If `size` is not two positive integers or
        `max_pixels` not one.
    """
    path = as_path("path", path)
    max_pixels = positive_integer("max_pixels", max_pixels, ImageError)
    if size is not None:
        size = positive_integers("size", size, ImageError, length=2)
        if math.prod(size) > max_pixels:
            raise ImageError(
                f"size must be at most {max_pixels:,} pixels; got {size[0]} × {size[1]}. Choose a "
                "smaller one, or raise max_pixels."
            )
    grey = _read(path, max_pixels, _grey)
    return grey if size is None else _resized(grey, size)


def load_photograph(
    path: str | os.PathLike[str], max_pixels: int = 100_000_000, longest: int | None = None
) -> NDArray[np.float32]:
    """Read a picture file as one image in colour with pixels between 0 and 1.

    What :func:`load_image` says of transparency, palettes, orientation and pages holds here too;
    colour is read with 8 bits, and grey becomes three equal channels.

    Parameters
    ----------
    path, max_pixels
        See :func:`load_image`.
    longest : int, optional
        Means of squares of pixels are returned, so that the longer side has about so many.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width, 3), between 0 (black) and 1.

    Raises
    ------
    DataFileError, ImageError
        As :func:`load_image`.
    """
    path = as_path("path", path)
    max_pixels = positive_integer("max_pixels", max_pixels, ImageError)
    if longest is not None:
        longest = positive_integer("longest", longest, ImageError)

    def convert(picture: "Image.Image") -> NDArray[np.float32]:
        if picture.mode.startswith("I") or picture.mode == "F":
            return np.repeat(_grey(picture)[..., None], 3, axis=2)
        picture = _on_paper(picture)
        if longest is not None:
            picture = picture.reduce(max(1, max(picture.size) // longest))
        return (np.asarray(picture) / np.float32(255)).astype(np.float32)

    return _read(path, max_pixels, convert)


def _read(
    path: Path, max_pixels: int, convert: Callable[["Image.Image"], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Open a picture file, refuse what is no safe picture, and return it upright, converted."""
    from PIL import Image, ImageOps  # Pillow is needed by readers of picture files alone

    if not path.is_file():
        what = "is a folder, not a picture file" if path.is_dir() else "does not exist"
        raise DataFileError(f"{path} {what}; check the path.")
    if path.stat().st_size == 0:
        raise DataFileError(f"{path} is empty (0 bytes); copy or export the picture again.")
    try:
        with warnings.catch_warnings():
            # the limit below is ours, and explains itself
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path, formats=FORMATS)
        with picture:
            _refuse_large(path, picture.width * picture.height, max_pixels)
            _refuse_uncertain(path, picture)
            return convert(ImageOps.exif_transpose(picture))
    except Image.DecompressionBombError as error:
        raise DataFileError(
            f"{path} is too large: more than twice the "
            f"{Image.MAX_IMAGE_PIXELS:,} pixels that Pillow takes for safe; make it smaller."
        ) from error
    except PermissionError as error:
        raise DataFileError(f"{path} may not be read; check its permissions.") from error
    except Image.UnidentifiedImageError as error:
        raise DataFileError(
            f"{path} is not a picture of a format that is read here; export it as PNG, JPEG or "
            "TIFF."
        ) from error
    except AeutilsError:
        raise
    except MemoryError as error:
        raise DataFileError(
            f"{path} is too large for the memory that is left; make it smaller."
        ) from error
    except Exception as error:  # Pillow's decoders report a broken file by errors of any kind
        raise DataFileError(
            f"{path} is broken or cut short ({error}); copy or export the picture again."
        ) from error


def add_noise(
    images: ArrayLike,
    noise_factor: float = 0.5,
    kind: str = "gaussian",
    seed: int | np.random.Generator | None = None,
) -> NDArray[np.float32]:
    """Add noise to images, and clip the result to 0 … 1.

    Parameters
    ----------
    images : array-like
        Pixels between 0 and 1, any shape; see :func:`to_unit_range`.
    noise_factor : float, default 0.5
        How much noise, at most a million.  ``"gaussian"``: standard deviation.  ``"uniform"``:
        the noise lies between minus and plus this value.  ``"salt_and_pepper"``: share of pixels
        (0 to 1) replaced by black or white with equal chance.  ``"speckle"``: standard deviation
        of a factor around 1 that multiplies each pixel.
    kind : {"gaussian", "uniform", "salt_and_pepper", "speckle"}, default "gaussian"
        Kind of noise.
    seed : int or numpy.random.Generator, optional
        Makes the noise repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape of `images`, between 0 and 1.

    Raises
    ------
    ImageError
        If `images` is refused by :func:`to_unit_range`, `kind` is none of these, `noise_factor`
        is negative, not finite or too large, or `seed` is no seed.
    """
    kind = one_of("kind", kind, KINDS_OF_NOISE, ImageError)
    # far more than any pixel: what overflows would give NaN
    most = 1 if kind == "salt_and_pepper" else 1e6
    noise_factor = real_number("noise_factor", noise_factor, ImageError, low=0, high=most)
    rng = random_generator(seed, ImageError)
    unit = to_unit_range(images)
    if kind == "gaussian":
        noisy = unit + noise_factor * rng.standard_normal(unit.shape, dtype=np.float32)
    elif kind == "uniform":
        noisy = unit + noise_factor * (2 * rng.random(unit.shape, dtype=np.float32) - 1)
    elif kind == "speckle":
        noisy = unit * (1 + noise_factor * rng.standard_normal(unit.shape, dtype=np.float32))
    else:
        hit = rng.random(unit.shape, dtype=np.float32) < noise_factor
        noisy = np.where(hit, rng.integers(0, 2, unit.shape, dtype=np.uint8), unit)
    return np.clip(noisy, 0, 1).astype(np.float32)


def unit_pixels(name: str, pixels: ArrayLike) -> NDArray[np.float32]:
    """Return floating-point pixels between 0 and 1 as float32, or raise.

    Parameters
    ----------
    name : str
        What the error calls them.
    pixels : array-like of float
        At least one, between 0 and 1, any shape.

    Returns
    -------
    numpy.ndarray
        float32, of the same shape.

    Raises
    ------
    ImageError
        If they are integers, or refused by :func:`to_unit_range`.
    """
    array = plain_array(name, pixels, ImageError)
    if array.dtype.kind in "biu":
        raise ImageError(
            f"{name}: pixels of type {array.dtype}; "
            "pass them through aeutils.images.to_unit_range first."
        )
    try:
        return to_unit_range(array)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None


def _scaled(array: NDArray) -> NDArray[np.float32]:
    """Return the array as float32 between 0 and 1, or refuse it."""
    if array.dtype == bool:
        return array.astype(np.float32)
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind != "f":
        raise ImageError(
            f"pixels of type {array.dtype} have no known range; convert them to uint8 "
            "(0 to 255), uint16 (0 to 65535), or to floating point between 0 and 1."
        )
    # comparisons with NaN are false, so this also catches arrays that hold one
    if not (array.min() >= -ROUNDING and array.max() <= 1 + ROUNDING):
        raise ImageError(_why_out_of_range(array))
    unit = array.astype(np.float32)
    return np.clip(unit, 0, 1, out=unit)


def _why_out_of_range(array: NDArray) -> str:
    """Say which floating-point pixels do not lie between 0 and 1, and what to do."""
    bad = ~np.isfinite(array)
    if bad.any():
        return (
            f"{bad.sum():,} of {bad.size:,} pixels are NaN or infinite, the first at index "
            f"{_first(bad)}; replace them first, for instance with numpy.nan_to_num."
        )
    hint = (
        "they look like 0 to 255: divide by 255, or pass uint8"
        if array.min() >= 0 and array.max() <= 255
        else "scale or clip them first"
    )
    # a resized or filtered picture may leave the range by a rounding error, which passes
    first = _first((array < -ROUNDING) | (array > 1 + ROUNDING))
    return (
        f"pixels run from {array.min():.6g} to {array.max():.6g}, outside 0 to 1, the first "
        f"at index {first}; {hint}."
    )


def _batch_shape(given: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a batch of images of the wanted shape, or refuse the given one."""
    if _is_form_of(given[1:], wanted):
        return (given[0], *wanted)
    # one image, with no axis that counts them; whatever could be rows of a batch is none
    if given == wanted or (*given, 1) == wanted or given == (math.prod(wanted),):
        return (1, *wanted)
    if math.prod(given) == math.prod(wanted):
        hint = "if it is one image, add the axis that counts the images: images[np.newaxis]"
    elif len(given) > 2 and given[-1] in (3, 4) and given[-1] != wanted[-1]:
        hint = (
            "the last axis looks like colour: make the images grey first, for instance with "
            "aeutils.images.load_image or skimage.color.rgb2gray"
        )
    else:
        hint = "crop or resize them first, for instance with skimage.transform.resize"
    raise ImageError(
        f"images must have shape {wanted} each; got an array of shape {given}; {hint}."
    )


def _is_form_of(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Tell whether two shapes are those of one image, in rows and columns or flattened."""
    axes, wanted_axes = ([n for n in shape if n != 1] for shape in (given, wanted))
    return math.prod(given) == math.prod(wanted) and (
        axes == wanted_axes or min(len(axes), len(wanted_axes)) <= 1
    )


def _refuse_uncertain(path: Path, picture: "Image.Image") -> None:
    """Raise where the file does not say for certain what black and white are."""
    tile = getattr(picture, "tile", None) or [None]
    layout = getattr(tile[0], "args", None)
    layout = layout[0] if isinstance(layout, tuple) and layout else layout
    problem = None
    if picture.format == "TIFF":
        tags = picture.tag_v2  # type: ignore[attr-defined]
        bits, kinds = tags.get(BITS_PER_SAMPLE, (1,)), tags.get(SAMPLE_FORMAT, (1,))
        if SIGNED in kinds:
            problem = "signed pixels"
        elif picture.mode.startswith("I") and set(bits) != {16}:
            problem = f"integer pixels of {bits[0]} bits"
        elif tags.get(PHOTOMETRIC, WHITE_IS_ZERO) == WHITE_IS_ZERO and max(bits) > 8:
            problem = f"{bits[0]}-bit pixels of which 0 is white"
    # which colour is transparent is stated in the file's depth, while pixels arrive with 8 bits
    elif (
        picture.format == "PNG"
        and "transparency" in picture.info
        and picture.mode != "P"
        and layout not in ("L", "RGB")
    ):
        problem = "one transparent colour and other than 8 bits"
    if problem:
        raise ImageError(
            f"{path} has {problem}, whose meaning would be a guess; export it with 8 bits, or grey "
            "with 16 bits and no transparency."
        )


def _grey(picture: "Image.Image") -> NDArray[np.float32]:
    """Return a Pillow picture as float32, shape (height, width), between 0 and 1."""
    if picture.mode.startswith("I"):  # 16 bits, as 16 or 32
        return to_unit_range(np.asarray(picture).astype(np.uint16))
    if picture.mode == "F":
        return to_unit_range(np.asarray(picture))
    # by way of RGB, since some modes (CMYK, LAB) have no direct way to grey
    plain = picture.mode in ("1", "L") and not picture.has_transparency_data
    grey = picture if plain else _on_paper(picture).convert("L")
    return to_unit_range(np.asarray(grey))


def _on_paper(picture: "Image.Image") -> "Image.Image":
    """Return a picture as RGB, over white paper where it is transparent."""
    from PIL import Image

    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    return picture.convert("RGB")


def to_bytes(page: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return pixels between 0 and 1 as uint8, 0 to 255, as picture files hold them."""
    return np.round(255 * page).astype(np.uint8)


def _resized(grey: NDArray[np.float32], size: Sequence[int]) -> NDArray[np.float32]:
    """Return a grey image resized to (height, width)."""
    from PIL import Image

    height, width = size
    picture = Image.fromarray(grey).resize((width, height), Image.Resampling.LANCZOS)
    return np.clip(np.asarray(picture), 0, 1)


def _refuse_large(path: Path, n_pixels: int, max_pixels: int) -> None:
    """Raise where a picture has more pixels than allowed."""
    if n_pixels > max_pixels:
        raise DataFileError(
            f"{path} has {n_pixels:,} pixels, more than the {max_pixels:,} allowed; make it "
            "smaller, or raise max_pixels if the memory suffices (about 20 bytes a pixel)."
        )


def _first(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first True, as a tuple of plain integers."""
    return tuple(int(i) for i in np.unravel_index(mask.argmax(), mask.shape))
