"""Remove noise from photographs with the small network that ships with the book.

Trained by ``benchmarks/photographs.py`` on photographs that Debian's packages carry; chapter 7
explains it, measures it on others, and shows where it fails.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array
from aeutils.core.errors import ImageError
from aeutils.core.pictures import checked_target, refuse_large, resolution, save_picture
from aeutils.core.tiles import in_tiles
from aeutils.data import load_photo_denoiser_weights
from aeutils.images import load_photograph, to_bytes

if TYPE_CHECKING:
    import keras

__all__ = ["colourful", "denoise_photograph", "denoise_photograph_file", "load_photo_denoiser"]

# the network takes sides that are multiples of 8; a tile's margin is wider than what the network
# sees around a pixel
SIDE, TILE, MARGIN = 8, 768, 64


def load_photo_denoiser() -> "keras.Model":
    """Build the network for photographs with the weights that ship with the book.

    Returns
    -------
    keras.Model
        See :func:`aeutils.denoising.photo_denoiser`.

    Raises
    ------
    DataFileError
        If the file of the weights is missing, truncated, altered, or of another network.
    """
    weights = load_photo_denoiser_weights()
    # brings Keras, so only once all that can be refused has been
    from aeutils.core.networks import set_stored_weights
    from aeutils.denoising.networks import photo_denoiser

    remedy = "Install aeutils again."
    return set_stored_weights(photo_denoiser(), weights, "photo_denoiser.npz", remedy)


def denoise_photograph(
    photograph: ArrayLike, model: "keras.Model | None" = None
) -> NDArray[np.float32]:
    """Remove Gaussian noise of an unknown level from a photograph in colour.

    Parameters
    ----------
    photograph : array-like, shape (height, width, 3)
        uint8, or floating point on the scale of 0 (black) to 1 (white); noise may lead beyond
        both ends by up to 2.  At least 8 × 8 pixels.
    model : keras.Model, optional
        The network; by default :func:`load_photo_denoiser`, built anew at each call.

    Returns
    -------
    numpy.ndarray
        float32 in [0, 1], shape (height, width, 3).

    Raises
    ------
    ImageError
        If the photograph has another shape, is not finite, is masked, or is not on that scale.
    DataFileError
        If the network cannot be loaded.

    Notes
    -----
    Trained on noise that is independent from pixel to pixel, with a standard deviation of 0 to 50
    steps of 255.  The grain of a compressed or enlarged photograph is not of that kind.
    """
    pixels = plain_array("photograph", photograph, ImageError)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or min(pixels.shape[:2]) < 8:
        raise ImageError(
            "photograph must have shape (height, width, 3), at least 8 × 8 pixels; got "
            f"{pixels.shape}. A grey one: np.repeat(grey[..., None], 3, axis=2)."
        )
    if pixels.dtype == np.uint8:
        pixels = pixels.astype(np.float32) / 255
    if pixels.dtype.kind != "f":
        raise ImageError(
            f"photograph must be uint8 or floating point; got {pixels.dtype}. Scale it to 0 to 1."
        )
    if not np.isfinite(pixels).all() or pixels.min() < -2 or pixels.max() > 3:
        raise ImageError(
            "photograph must hold finite pixels on the scale of 0 to 1, noise included from -2 to "
            f"3; got {pixels.min()} to {pixels.max()}. Divide pixels of 0 to 255 by 255."
        )
    model = load_photo_denoiser() if model is None else model
    from keras import ops

    def denoised(piece: NDArray[np.float32]) -> NDArray[np.float32]:
        # called, since a compiled prediction needs tiles of one size
        output = ops.convert_to_numpy(model(piece[None], training=False))
        return np.asarray(output)[0].astype(np.float32)

    height, width = pixels.shape[:2]
    padding = ((0, -height % SIDE), (0, -width % SIDE), (0, 0))
    padded = np.pad(pixels.astype(np.float32), padding, mode="reflect")
    output = in_tiles(denoised, padded, TILE, MARGIN, SIDE)
    return np.clip(output[:height, :width], 0, 1)


def denoise_photograph_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    model: "keras.Model | None" = None,
) -> None:
    """Remove Gaussian noise from a photograph in colour: a picture file in, a picture file out.

    The source is never written to, and an existing file never replaced.  The result has 8 bits
    for each colour, is upright, and has the source's resolution (dpi) if that names one.

    Parameters
    ----------
    source : str or os.PathLike
        See :func:`aeutils.images.load_photograph`.
    target : str or os.PathLike
        A new file whose name ends in .png, .tif, .tiff, .jpg or .jpeg, in a folder that exists.
    model : keras.Model, optional
        See :func:`denoise_photograph`.

    Raises
    ------
    DataFileError
        If the source cannot be read or holds several pages, or the target exists, is the source
        itself, has another ending, is too large for its format, or cannot be written.
    ImageError
        If the source's range is not certain, or it is smaller than 8 × 8 pixels.
    """
    source, target = Path(source), Path(target)
    kind = checked_target(source, target)
    photograph = load_photograph(source)
    dpi = resolution(source)
    refuse_large(target, kind, photograph.shape)
    save_picture(target, kind, to_bytes(denoise_photograph(photograph, model)), dpi)


def colourful(photograph: NDArray[np.float32], grid: int = 16, least: float = 0.04) -> bool:
    """Tell a photograph in colour from a scanned page, whose paper is of one colour.

    Parameters
    ----------
    photograph : numpy.ndarray, shape (height, width, 3)
        Pixels between 0 and 1.
    grid : int, default 16
        Means are taken over so many rows and columns of fields, so that noise does not count.
    least : float, default 0.04
        How far the colour of the median field, as shares of its brightness, must be from the
        median colour.

    Returns
    -------
    bool
        True if more than half of the picture's fields differ in colour from its median.
    """
    rows, columns = (np.array_split(np.arange(n), min(grid, n)) for n in photograph.shape[:2])
    bands = np.stack([photograph[r].mean(axis=0) for r in rows])
    fields = np.stack([bands[:, c].mean(axis=1) for c in columns], axis=1).reshape(-1, 3)
    # shares, since shade and ink change the brightness of paper and not its colour
    colours = fields / (fields.mean(axis=1, keepdims=True) + 0.02)
    distance = np.abs(colours - np.median(colours, axis=0)).max(axis=1)
    return bool(np.median(distance) > least)
