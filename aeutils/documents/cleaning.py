"""Scanned pages, clean: a page as an array, or a file in and a clean file out.

The network is :func:`aeutils.documents.networks.page_cleaner` with weights that ship with the
book, trained by ``benchmarks/documents.py``; chapter 5 explains and trains it, and says where it
fails.
"""

import math
import os
import warnings
from pathlib import Path

from aeutils.core.errors import DataFileError
from aeutils.data import load_page_cleaner_weights
from aeutils.documents.pages import checked_page
from aeutils.documents.tiles import apply_in_tiles
from aeutils.images import load_image, to_bytes

__all__ = ["clean_file", "clean_page", "load_page_cleaner"]

FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".jpg": "JPEG", ".jpeg": "JPEG"}
SETTINGS = {"PNG": {}, "TIFF": {"compression": "tiff_lzw"}, "JPEG": {"quality": 92}}


def load_page_cleaner():
    """Build the network of chapter 5 with the weights that ship with the book.

    Returns
    -------
    keras.Model
        Takes and gives ink, see :func:`aeutils.documents.networks.page_cleaner`.

    Raises
    ------
    DataFileError
        If the file of the weights is missing, truncated or altered.
    """
    weights = load_page_cleaner_weights()
    # brings Keras, so only once all that can be refused has been
    from aeutils.documents.networks import page_cleaner

    model = page_cleaner()
    model.set_weights(weights)
    return model


def clean_page(page, model=None, tile=1024, on_tile=None):
    """Clean a page of any size: white paper, black ink.

    Parameters
    ----------
    page : array-like, shape (height, width)
        Dark text on light paper, grey, 0 (black) to 1 (white) or uint8 or uint16; type of 10 to
        90 pixels.
    model : keras.Model, optional
        A network that takes and gives ink, of the layers that
        :func:`aeutils.core.inspection.receptive_field` knows; by default :func:`load_page_cleaner`.
    tile : int, default 1024
        Height and width of the part that the network sees at a time, a multiple of 16: larger
        is a little faster and takes more memory.  It does not change the result.
    on_tile : callable, optional
        Called as ``on_tile(done, n_tiles)``, before the first tile with 0 and after every one.

    Returns
    -------
    numpy.ndarray
        float32, shape of `page`, between 0 (ink) and 1 (paper).

    Raises
    ------
    ImageError
        If `page` is no single grey picture, or `tile` no multiple of 16.
    """
    return _cleaned(checked_page(page), model, tile, on_tile, lambda paper: paper)


def clean_file(source, target, model=None, on_tile=None):
    """Clean a scanned page: a picture file in, a clean picture file out.

    The source is never written to, and an existing file never replaced: the result is written
    under a temporary name and renamed when it is complete.  It is grey with 8 bits, upright, and
    has the source's resolution (dpi) if that names one.

    Parameters
    ----------
    source : str or os.PathLike
        A picture file of one page, see :func:`aeutils.images.load_image`.
    target : str or os.PathLike
        Where the clean page goes: a new file whose name ends in .png, .tif, .tiff, .jpg or
        .jpeg, in a folder that exists.
    model, on_tile
        See :func:`clean_page`.

    Raises
    ------
    DataFileError
        If the source cannot be read or holds several pages, or the target exists, is the source
        itself, has another ending, or cannot be written.
    ImageError
        If the source holds floating-point pixels outside 0 to 1.
    """
    source, target = Path(source), Path(target)
    kind = _checked_target(source, target)
    page = load_image(source)
    dpi = _resolution(source)
    clean = _cleaned(page, model, 1024, on_tile, to_bytes)
    _save(clean, target, kind, dpi)


def _cleaned(page, model, tile, on_tile, convert):
    """Run the network over a page in tiles; ``convert`` turns each answer into what is kept."""
    model = load_page_cleaner() if model is None else model
    from keras import ops

    from aeutils.core.inspection import receptive_field

    pixels, multiple = receptive_field(model)

    def clean_tile(piece):
        ink = model(1 - piece[None, ..., None], training=False)
        return convert(1 - ops.convert_to_numpy(ink)[0, ..., 0])

    overlap = -(-pixels // multiple) * multiple
    return apply_in_tiles(clean_tile, page, tile, overlap, multiple, on_tile)


def _checked_target(source, target):
    """Return the format to write, or refuse the target before any work is done."""
    kind = FORMATS.get(target.suffix.lower())
    if kind is None:
        raise DataFileError(
            f"{target} has no ending that names a format to write; "
            f"choose one of {', '.join(FORMATS)}."
        )
    if os.path.lexists(target):
        # by whatever name, link or way: it must not be the input
        if source.exists() and target.exists() and os.path.samefile(source, target):
            raise DataFileError(f"{target} is the input itself; choose another name.")
        raise DataFileError(
            f"{target} exists already and is not replaced; choose another name or delete it first."
        )
    if not target.parent.is_dir():
        raise DataFileError(f"the folder {target.parent} does not exist; make it first.")
    if not os.access(target.parent, os.W_OK):
        raise DataFileError(f"the folder {target.parent} may not be written to; choose another.")
    try:
        _partial(target).lstat()
    except FileNotFoundError:
        return kind
    except OSError as error:  # the name is too long, say
        raise DataFileError(f"{target} cannot be written ({error.strerror}).") from error
    raise DataFileError(f"{_partial(target)} is in the way; delete it first.")


def _partial(target):
    """Return the name under which a file is written until it is complete."""
    return target.with_name(f".{target.name}.{os.getpid()}.partial")


def _resolution(path):
    """Return the resolution that a picture file names, upright, or None; refuse several pages."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as picture:
            # a telephone's MPO file is one photograph with a preview
            pages = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
            dpi = picture.info.get("dpi")
            turned = picture.getexif().get(0x0112, 1) >= 5  # by a quarter
    if pages > 1:
        raise DataFileError(f"{path} holds {pages} pages; save each as a file of its own first.")
    try:
        dpi = tuple(float(n) for n in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if len(dpi) != 2 or not all(math.isfinite(n) and n > 1 for n in dpi):
        return None
    return dpi[::-1] if turned else dpi


def _save(page, target, kind, dpi):
    """Write a picture file under a temporary name, and rename it when it is complete."""
    from PIL import Image

    settings = SETTINGS[kind] | ({} if dpi is None else {"dpi": dpi})
    partial = _partial(target)
    try:
        with open(partial, "xb") as file:
            Image.fromarray(page).save(file, kind, **settings)
        if os.path.lexists(target):
            raise DataFileError(f"{target} has come into being meanwhile; it was left as it is.")
        os.replace(partial, target)
    except DataFileError:
        raise
    # a full disk, a picture too wide for the format, …
    except (OSError, ValueError) as error:
        raise DataFileError(f"{target} could not be written ({error}).") from error
    finally:
        partial.unlink(missing_ok=True)
