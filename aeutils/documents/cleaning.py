"""Clean scanned pages: a page as an array, or a file in and a clean file out.

The network is :func:`aeutils.documents.networks.page_cleaner` with weights that ship with the
book, trained by ``benchmarks/documents.py``; chapter 5 explains and trains it, and shows where it
fails.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.errors import ModelError
from aeutils.core.pictures import checked_target, refuse_large, resolution, save_picture
from aeutils.data import load_page_cleaner_weights
from aeutils.documents.pages import checked_page
from aeutils.documents.tiles import apply_in_tiles
from aeutils.images import load_image, to_bytes

if TYPE_CHECKING:
    import keras

__all__ = ["clean_file", "clean_page", "load_page_cleaner"]

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
    kind = checked_target(source, target)
    page = load_image(source)
    dpi = resolution(source)
    refuse_large(target, kind, page.shape)
    save_picture(target, kind, _cleaned(page, model, None, on_tile, to_bytes), dpi)


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
