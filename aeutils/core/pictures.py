"""Picture files in and out: names that may be written, resolutions, saving whole or not at all."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aeutils.core.errors import DataFileError
from aeutils.core.files import atomic_write

__all__ = ["checked_target", "refuse_large", "resolution", "save_picture"]

FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".jpg": "JPEG", ".jpeg": "JPEG"}
SETTINGS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "TIFF": {"compression": "tiff_lzw"},
    "JPEG": {"quality": 92},
}
LARGEST_JPEG = 65_500  # height and width, by its library
LARGEST_DPI = 65_535  # JPEG has 16 bits for it


def checked_target(source: Path, target: Path) -> str:
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


def resolution(path: Path) -> tuple[float, float] | None:
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


def refuse_large(target: Path, kind: str, shape: tuple[int, ...]) -> None:
    """Raise where a format cannot hold a picture of that shape."""
    if kind == "JPEG" and max(shape) > LARGEST_JPEG:
        raise DataFileError(
            f"{target} must be at most {LARGEST_JPEG:,} pixels high and wide to be a JPEG; got "
            f"{shape[0]:,} × {shape[1]:,}. Choose a name that ends in .png."
        )


def save_picture(
    target: Path, kind: str, pixels: NDArray[np.uint8], dpi: tuple[float, float] | None
) -> None:
    """Write a new picture file, whole or not at all."""
    from PIL import Image

    settings = SETTINGS[kind] | ({} if dpi is None else {"dpi": dpi})
    with atomic_write(target, replace=False) as file:
        Image.fromarray(pixels).save(file, kind, **settings)
