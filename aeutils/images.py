"""From any picture to float32 pixels between 0 (black) and 1 (white).

Every network of the book takes such pixels.  The functions here convert what can be converted
without guessing, and refuse the rest with an error that says what to do.
"""

import math
import numbers
import warnings
from pathlib import Path

import numpy as np

from aeutils.core.errors import AeutilsError, DataFileError, ImageError

__all__ = ["add_noise", "load_image", "to_unit_range"]

ROUNDING = 1e-6


def to_unit_range(images, shape=None):
    """Convert images to float32 between 0 and 1, as the networks of the book take them.

    Parameters
    ----------
    images : array-like
        Grey images, any number of axes, at least one image.  ``bool`` becomes 0 and 1,
        ``uint8`` is divided by 255, ``uint16`` by 65535; floating-point pixels must lie
        between 0 and 1 already (a millionth beyond is clipped as a rounding error).  Any
        other type is refused, since its range is a guess.
    shape : tuple of int, optional
        Shape of one image in the result, for instance ``(784,)`` for the dense and
        ``(28, 28, 1)`` for the convolutional networks.  A batch gets this shape with the
        number of images in front, a single image becomes a batch of one.  Rows and columns
        may be flattened or restored, and axes of length 1 added or dropped; an image of
        another height or width is refused.  By default the shape stays as it is.

    Returns
    -------
    numpy.ndarray
        float32, between 0 and 1.  Never shares memory with `images`.

    Raises
    ------
    ImageError
        If the array is empty, ragged, of a type without a known range, holds NaN, infinite or
        out-of-range pixels, or does not fit `shape` (as colour images do not).

    Examples
    --------
    >>> import numpy as np
    >>> to_unit_range(np.array([[0, 51, 255]], dtype="uint8"))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise ImageError(
            f"the images do not form one array ({error}); crop or resize them to one size first."
        ) from error
    if array.size == 0 or array.ndim == 0:
        raise ImageError(f"there is no image in an array of shape {array.shape}.")
    unit = _scaled(array)
    return unit if shape is None else _reshaped(unit, tuple(shape))


def load_image(path, size=None, max_pixels=100_000_000):
    """Read a picture file as one grey image with pixels between 0 and 1.

    Colour becomes grey by the luma weights of ITU-R BT.601, transparency is laid over white
    paper, palettes are resolved, grey 16-bit pictures keep their depth, the camera's orientation
    tag is applied, and of an animation the first frame is taken.

    Parameters
    ----------
    path : str or os.PathLike
        A file of any format that Pillow reads (PNG, JPEG, TIFF, WebP, GIF, BMP, …).
    size : tuple of (int, int), optional
        Height and width to resize to, with antialiasing and without keeping proportions.
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
        If the file is missing, empty, no picture, broken, cut short or too large.
    ImageError
        If the picture holds floating-point pixels outside 0 to 1, or `size` is not two
        positive numbers.
    """
    from PIL import Image, ImageOps  # Pillow is needed by readers of picture files alone

    path = Path(path)
    if size is not None and not _is_size(size):
        raise ImageError(f"size must be (height, width), two positive integers, not {size!r}.")
    if not path.is_file():
        what = "is a folder, not a picture file" if path.is_dir() else "does not exist"
        raise DataFileError(f"{path} {what}; check the path.")
    if path.stat().st_size == 0:
        raise DataFileError(f"{path} is empty (0 bytes); copy or export the picture again.")
    try:
        with warnings.catch_warnings():
            # the limit below is ours, and explains itself
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path)
        with picture:
            _refuse_large(path, picture.width * picture.height, max_pixels)
            grey = _grey(ImageOps.exif_transpose(picture))
    except Image.DecompressionBombError as error:
        raise DataFileError(
            f"{path} is too large: more than twice the "
            f"{Image.MAX_IMAGE_PIXELS:,} pixels that Pillow takes for safe; make it smaller."
        ) from error
    except PermissionError as error:
        raise DataFileError(f"{path} may not be read; check its permissions.") from error
    except Image.UnidentifiedImageError as error:
        raise DataFileError(
            f"{path} is not a picture that Pillow can read; export it as PNG, JPEG or TIFF."
        ) from error
    except AeutilsError:
        raise
    except Exception as error:  # Pillow's decoders report a broken file by errors of any kind
        raise DataFileError(
            f"{path} is broken or cut short ({error}); copy or export the picture again."
        ) from error
    return grey if size is None else _resized(grey, size)


def add_noise(images, noise_factor=0.5, kind="gaussian", seed=None):
    """Add noise to images, and clip the result to 0 … 1.

    Parameters
    ----------
    images : array-like
        Pixels between 0 and 1, any shape; see :func:`to_unit_range`.
    noise_factor : float, default 0.5
        How much noise.  ``"gaussian"``: standard deviation.  ``"uniform"``: the noise lies
        between minus and plus this value.  ``"salt_and_pepper"``: share of pixels (0 to 1)
        replaced by black or white with equal chance.  ``"speckle"``: standard deviation of a
        factor around 1 that multiplies each pixel.
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
        If `images` is refused by :func:`to_unit_range`, or `kind` or `noise_factor` is off.
    """
    images = to_unit_range(images)
    if not (isinstance(noise_factor, numbers.Real) and 0 <= noise_factor < math.inf):
        raise ImageError(f"noise_factor must be a number of at least 0, not {noise_factor!r}.")
    rng = np.random.default_rng(seed)
    if kind == "gaussian":
        noisy = images + noise_factor * rng.standard_normal(images.shape, dtype=np.float32)
    elif kind == "uniform":
        noisy = images + noise_factor * (2 * rng.random(images.shape, dtype=np.float32) - 1)
    elif kind == "speckle":
        noisy = images * (1 + noise_factor * rng.standard_normal(images.shape, dtype=np.float32))
    elif kind == "salt_and_pepper":
        if noise_factor > 1:
            raise ImageError(f"noise_factor is a share of pixels here, not {noise_factor!r}.")
        hit = rng.random(images.shape, dtype=np.float32) < noise_factor
        noisy = np.where(hit, rng.integers(0, 2, images.shape, dtype=np.uint8), images)
    else:
        raise ImageError(
            f"kind {kind!r} is not known; use gaussian, uniform, salt_and_pepper or speckle."
        )
    return np.clip(noisy, 0, 1).astype(np.float32)


def unit_pixels(name, array):
    """Return pixels between 0 and 1, or raise with the argument's name in front."""
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(
            f"{name}: pixels of type {array.dtype}; "
            "pass them through aeutils.images.to_unit_range first."
        )
    try:
        return to_unit_range(array)
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None


def _scaled(array):
    """Return the array as float32 between 0 and 1, or refuse it."""
    if array.dtype == bool:
        return array.astype(np.float32)
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max)
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(
            f"pixels of type {array.dtype} have no known range; convert them to uint8 "
            "(0 to 255), uint16 (0 to 65535), or to floating point between 0 and 1."
        )
    # comparisons with NaN are false, so this also catches arrays that hold one
    if not (array.min() >= -ROUNDING and array.max() <= 1 + ROUNDING):
        raise ImageError(_why_out_of_range(array))
    unit = array.astype(np.float32)
    return np.clip(unit, 0, 1, out=unit)


def _why_out_of_range(array):
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


def _reshaped(array, shape):
    """Return the array as a batch of images of the given shape, or refuse it."""
    n_pixels = math.prod(shape)
    for image_shape in (array.shape, array.shape[1:]):
        squeezed = tuple(n for n in image_shape if n != 1)
        wanted = tuple(n for n in shape if n != 1)
        if math.prod(image_shape) == n_pixels and (
            squeezed == wanted or len(squeezed) <= 1 or len(wanted) <= 1
        ):
            return array.reshape(-1, *shape)
    colour = array.ndim > 2 and array.shape[-1] in (3, 4) and shape[-1] != array.shape[-1]
    hint = (
        "the last axis looks like colour: make the images grey first, for instance with "
        "aeutils.images.load_image or skimage.color.rgb2gray"
        if colour
        else "crop or resize them first, for instance with skimage.transform.resize"
    )
    raise ImageError(f"an array of shape {array.shape} holds no images of shape {shape}; {hint}.")


def _grey(picture):
    """Return a Pillow picture as float32, shape (height, width), between 0 and 1."""
    from PIL import Image

    if picture.mode.startswith("I;16") or picture.mode == "I":
        # mode "I" (32 bits) is how Pillow hands over some 16-bit files
        pixels = np.asarray(picture)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise ImageError(
                f"pixels run from {pixels.min()} to {pixels.max()}, outside 16 bits; "
                "export the picture with 8 or 16 bits."
            )
        return to_unit_range(pixels.astype(np.uint16))
    if picture.mode == "F":
        return to_unit_range(np.asarray(picture))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    # by way of RGB, since some modes (CMYK, LAB) have no direct way to grey
    grey = picture if picture.mode in ("1", "L") else picture.convert("RGB").convert("L")
    return to_unit_range(np.asarray(grey))


def to_bytes(page):
    """Return pixels between 0 and 1 as uint8, what picture files hold."""
    return np.round(255 * page).astype(np.uint8)


def _is_size(size):
    """Tell whether an argument is a pair of positive integers."""
    return (
        isinstance(size, tuple | list)
        and len(size) == 2
        and all(isinstance(n, numbers.Integral) and n > 0 for n in size)
    )


def _resized(grey, size):
    """Return a grey image resized to (height, width)."""
    from PIL import Image

    height, width = (int(n) for n in size)
    picture = Image.fromarray(grey).resize((width, height), Image.Resampling.LANCZOS)
    return np.clip(np.asarray(picture), 0, 1)


def _refuse_large(path, n_pixels, max_pixels):
    """Raise where a picture has more pixels than allowed."""
    if n_pixels > max_pixels:
        raise DataFileError(
            f"{path} has {n_pixels:,} pixels, more than the {max_pixels:,} allowed; make it "
            "smaller, or raise max_pixels if the memory suffices (about 20 bytes a pixel)."
        )


def _first(mask):
    """Return the index of the first True, as a tuple of plain integers."""
    return tuple(int(i) for i in np.unravel_index(mask.argmax(), mask.shape))
