"""Clean scanned pages: a page as an array, or a file in and a clean file out.

The network is :func:`aeutils.documents.networks.page_cleaner` with weights that ship with the
book, trained by ``benchmarks/documents.py``; chapter 5 explains and trains it, and shows where it
fails.
"""

import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.errors import DataFileError, ModelError
from aeutils.core.files import atomic_write
from aeutils.data import load_page_cleaner_weights
from aeutils.documents.pages import checked_page
from aeutils.documents.tiles import apply_in_tiles
from aeutils.images import load_image, to_bytes

if TYPE_CHECKING:
    import keras

__all__ = ["clean_file", "clean_page", "load_page_cleaner"]

FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".jpg": "JPEG", ".jpeg": "JPEG"}
SETTINGS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "TIFF": {"compression": "tiff_lzw"},
    "JPEG": {"quality": 92},
}
LARGEST_JPEG = 65_500  # height and width, by its library
LARGEST_DPI = 65_535  # JPEG has 16 bits for it

ROUNDING = 1e-6  # by which a network may leave 0 to 1

OnTile = Callable[[int, int], object]


def load_page_cleaner() -> "keras.Model":
    """Build the network of chapter 5 with the weights that ship with the book.

    Returns
    -------
    keras.Model
        Takes and outputs ink, see :func:`aeutils.documents.networks.page_cleaner`.

    Raises
    ------
    DataFileError
        If the file of the weights is missing, truncated, altered, or of another network.
    """
    weights = load_page_cleaner_weights()
    # brings Keras, so only once all that can be refused has been
    from aeutils.core.networks import set_stored_weights
    from aeutils.documents.networks import page_cleaner

    remedy = "Install aeutils again."
    return set_stored_weights(page_cleaner(), weights, "page_cleaner.npz", remedy)


def clean_page(
    page: ArrayLike,
    model: "keras.Model | None" = None,
    tile: int = 1024,
    on_tile: OnTile | None = None,
) -> NDArray[np.float32]:
    """Clean a page of any size: white paper, black ink.

    Parameters
    ----------
    page : array-like, shape (height, width)
        Dark text on light paper, grey, 0 (black) to 1 (white) or uint8 or uint16; type of 10 to
        90 pixels.
    model : keras.Model, optional
        A network that takes and outputs ink, 0 to 1, of any height and width, of the layers that
        :func:`aeutils.core.inspection.receptive_field` supports; by default
        :func:`load_page_cleaner`.
    tile : int, default 1024
        Height and width of the part that the network processes at a time, a multiple of 16:
        larger is a little faster and takes more memory.  It does not change the result.
    on_tile : callable, optional
        Called as ``on_tile(done, n_tiles)``, before the first tile with 0 and after every one.

    Returns
    -------
    numpy.ndarray
        float32, shape of `page`, between 0 (ink) and 1 (paper).

    Raises
    ------
    ImageError
        If `page` is not one grey picture, or `tile` is not a multiple of 16.
    ModelError
        If `model` is another kind of network, or outputs NaN, infinity or numbers outside 0 to 1.
    """
    return _cleaned(checked_page(page), model, tile, on_tile, lambda paper: paper)


def clean_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    model: "keras.Model | None" = None,
    on_tile: OnTile | None = None,
) -> None:
    """Clean a scanned page: a picture file in, a clean picture file out.

    The source is never written to, and an existing file never replaced: the result gets its name
    when it is complete, and only if no other file has it by then.  It is grey with 8 bits,
    upright, and has the source's resolution (dpi) if that names one.

    Parameters
    ----------
    source : str or os.PathLike
        A picture file of one page, see :func:`aeutils.images.load_image`.
    target : str or os.PathLike
        Where the clean page goes: a new file whose name ends in .png, .tif, .tiff, .jpg or
        .jpeg, in a folder that exists.  A JPEG is at most 65,500 pixels high and wide.
    model, on_tile
        See :func:`clean_page`.

    Raises
    ------
    DataFileError
        If the source cannot be read or holds several pages, or the target exists, is the source
        itself, has another ending, is too large for its format, or cannot be written.
    ImageError
        If the source holds floating-point pixels outside 0 to 1.
    ModelError
        If `model` is another kind of network, or outputs NaN, infinity or numbers outside 0 to 1;
        no file is written then.
    """
    source, target = Path(source), Path(target)
    kind = _checked_target(source, target)
    page = load_image(source)
    dpi = _resolution(source)
    if kind == "JPEG" and max(page.shape) > LARGEST_JPEG:
        raise DataFileError(
            f"{target} must be at most {LARGEST_JPEG:,} pixels high and wide to be a JPEG; got "
            f"{page.shape[0]:,} × {page.shape[1]:,}. Choose a name that ends in .png."
        )
    clean = _cleaned(page, model, None, on_tile, to_bytes)
    from PIL import Image

    settings = SETTINGS[kind] | ({} if dpi is None else {"dpi": dpi})
    with atomic_write(target, replace=False) as file:
        Image.fromarray(clean).save(file, kind, **settings)


def _cleaned(
    page: NDArray[np.float32],
    model: "keras.Model | None",
    tile: int | None,
    on_tile: OnTile | None,
    convert: Callable[[NDArray[np.float32]], NDArray],
) -> NDArray:
    """Run the network over a page in tiles; `convert` turns each output into what is kept."""
    model = load_page_cleaner() if model is None else model
    from keras import ops

    from aeutils.core.inspection import receptive_field

    _refuse_other_networks(model)
    radius, multiple = receptive_field(model)
    overlap = -(-radius // multiple) * multiple
    if tile is None:
        tile = -(-1024 // multiple) * multiple

    def clean_tile(piece: NDArray[np.float32]) -> NDArray:
        output = model(1 - piece[None, ..., None], training=False)
        # a network of mixed precision outputs bfloat16
        ink = np.asarray(ops.convert_to_numpy(output)).astype(np.float32)
        return convert(1 - _checked_ink(ink[0, ..., 0]))

    return apply_in_tiles(clean_tile, page, tile, overlap, multiple, on_tile)


def _refuse_other_networks(model: object) -> None:
    """Raise where a model does not take and output one map of any height and width."""
    import keras

    if not isinstance(model, keras.Model):
        raise ModelError(f"model must be a keras.Model; got {type(model).__name__}.")
    for name in ("inputs", "outputs"):
        # a model that has never been built has neither
        shapes = [tuple(tensor.shape) for tensor in getattr(model, name, None) or []]
        if shapes != [(None, None, None, 1)]:
            raise ModelError(
                f"model must have {name} of shape (None, None, None, 1), images of any size; got "
                f"{shapes}. Begin it with keras.Input((None, None, 1))."
            )


def _checked_ink(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a network made of a tile, between 0 and 1, or raise."""
    low, high = ink.min(), ink.max()  # NaN if there is one
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ModelError(
            "model must output finite numbers; got NaN or infinity. Check its weights, and train "
            "it again with a lower learning rate if they are NaN too."
        )
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ModelError(
            f"model must output ink from 0 to 1; got {low:.6g} to {high:.6g}. End it with a "
            "sigmoid."
        )
    return np.clip(ink, 0, 1)


def _checked_target(source: Path, target: Path) -> str:
    """Return the format to write, or raise before any work is done."""
    kind = FORMATS.get(target.suffix.lower())
    if kind is None:
        raise DataFileError(
            f"{target} has no ending that names a format to write; "
            f"choose one of {', '.join(FORMATS)}."
        )
    try:
        target.lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # the name is too long, say
        reason = getattr(error, "strerror", None) or error
        raise DataFileError(f"{target} cannot be written ({reason}).") from error
    else:
        # by whatever name, link or way: it must not be the input
        if os.path.exists(source) and target.exists() and os.path.samefile(source, target):
            raise DataFileError(f"{target} is the input itself; choose another name.")
        raise DataFileError(
            f"{target} exists already and is not replaced; choose another name or delete it first."
        )
    if not target.parent.is_dir():
        raise DataFileError(f"the folder {target.parent} does not exist; make it first.")
    if not os.access(target.parent, os.W_OK):
        raise DataFileError(f"the folder {target.parent} may not be written to; choose another.")
    return kind


def _resolution(path: Path) -> tuple[float, float] | None:
    """Return the resolution that a picture file names, upright, or None; refuse several pages."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                # a telephone's MPO file is one photograph with a preview
                pages = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
                dpi: Any = picture.info.get("dpi")
                turned = picture.getexif().get(0x0112, 1) >= 5  # by a quarter
    except Exception as error:  # Pillow's decoders report a broken file by errors of any kind
        raise DataFileError(
            f"{path} is broken or cut short ({error}); copy or export the picture again."
        ) from error
    if pages > 1:
        raise DataFileError(f"{path} holds {pages} pages; save each as a file of its own first.")
    try:
        across, down = (float(n) for n in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not (1 < across <= LARGEST_DPI and 1 < down <= LARGEST_DPI):
        return None
    return (down, across) if turned else (across, down)
