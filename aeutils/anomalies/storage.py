"""The file of a fitted detector: a zip of one JSON text and the numbers behind one another.

Nothing in it is compressed, and every size follows from the text, which is checked first: a file
cannot ask for more memory than its own length, nor run code.  A digest notices a changed byte.
"""

import hashlib
import io
import itertools
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from aeutils.core.checks import positive_integer, positive_integers
from aeutils.core.errors import AeutilsError, DataFileError
from aeutils.core.files import atomic_write

__all__ = ["read", "write"]

FORMAT = 2
TEXT, NUMBERS = "about.json", "numbers"
LARGEST_TEXT, LARGEST_FILE = 2**24, 2**30
# what a detector has learned, besides arrays: the text holds these
FLOATS = ("offset_", "_usual_error", "_usual_distance")
VALUES = (*FLOATS, "history_", "n_iter_", "_combines")
# one array a layer; of the others there is one
LISTS = ("coefs_", "intercepts_")
# scores behind all other numbers, where the detector was calibrated
CALIBRATION = "calibration_scores_"


def write(
    path: str | os.PathLike[str], parameters: dict[str, Any], learned: dict[str, Any]
) -> None:
    """Write the parameters and the learned attributes of a detector.

    Parameters
    ----------
    path : str or os.PathLike
        The file; replaced where there is one.
    parameters, learned : dict of str
        By the names of the attributes; parameters of plain or NumPy numbers and text.

    Raises
    ------
    DataFileError
        If the file cannot be written, or :func:`read` would find it too large.
    """
    n_layers = len(learned["coefs_"])
    widths = [len(kernel) for kernel in learned["coefs_"][: n_layers // 2]]
    widths.append(learned["latent_dim_"])
    arrays = [
        array
        for name in _shapes(widths)
        for array in (learned[name] if name in LISTS else [learned[name]])
    ]
    calibration = learned.get(CALIBRATION, np.empty(0))
    arrays.append(calibration)
    numbers = b"".join(np.ascontiguousarray(array, "<f8").tobytes() for array in arrays)
    about = {
        "format": FORMAT,
        "parameters": parameters,
        "values": {name: learned[name] for name in VALUES},
        "widths": widths,
        "feature_names": list(learned.get("feature_names_in_", [])),
        "n_calibration": len(calibration),
    }
    # numbers of NumPy become Python's, as they are when read
    about = json.loads(json.dumps(about, default=lambda number: number.item()))
    text = json.dumps(about | {"sha256": _digest(about, numbers)}).encode()
    if len(text) > LARGEST_TEXT or len(text) + len(numbers) > LARGEST_FILE - 1024:
        raise DataFileError(
            f"{path} cannot be written: this detector takes more than the {LARGEST_FILE:,} bytes "
            "(its names and history: more than 16 MiB) that can be loaded again; use pickle."
        )
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(TEXT, text)
        archive.writestr(NUMBERS, numbers)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what :func:`write` wrote.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    parameters, learned : dict of str
        By the names of the attributes.  Everything learned has been checked, no parameter has.

    Raises
    ------
    DataFileError
        If the file cannot be read or holds no detector.
    """
    try:
        whole = Path(path)
        if whole.stat().st_size > LARGEST_FILE:
            raise DataFileError(f"{path} has more than the {LARGEST_FILE:,} bytes of a detector.")
        if not whole.is_file():
            raise DataFileError(f"{path}: cannot be read: not a file.")
        content = whole.read_bytes()
    except OSError as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(f"{path}: cannot be read: {error.strerror or error}.") from error
    try:
        about, numbers = _members(content)
        if about["format"] == FORMAT:
            if about.pop("sha256") != _digest(about, numbers):
                raise AeutilsError("the content does not match its digest.")
            return dict(about["parameters"]), _learned(about, numbers)
    except Exception as error:  # a damaged zip or text raises errors of ten kinds
        raise damaged(path) from error
    raise DataFileError(
        f"{path}: written in format {about['format']!r:.20}, while this version of aeutils reads "
        f"format {FORMAT}; fit and save the detector again."
    )


def damaged(path: str | os.PathLike[str]) -> DataFileError:
    """Return the error of a file that holds no detector."""
    return DataFileError(f"{path}: not a detector stored by AutoencoderDetector.save, or damaged.")


def _members(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the text, parsed, and the numbers of a file; of an older file its format alone."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        # format 1 was what NumPy's savez_compressed makes, with the text as an array
        if "about.npy" in names and TEXT not in names:
            return {"format": 1}, b""
        if names != [TEXT, NUMBERS]:
            raise AeutilsError(f"the members must be {TEXT} and {NUMBERS}.")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise AeutilsError("the members must not be compressed.")
        # before anything is read: no more than there is
        if sum(member.file_size for member in members) > len(content):
            raise AeutilsError("the members are said to be longer than the file.")
        if members[0].file_size > LARGEST_TEXT:
            raise AeutilsError("the text is too long.")
        return json.loads(archive.read(TEXT), parse_constant=_refuse_constant), archive.read(
            NUMBERS
        )


def _refuse_constant(name: str) -> None:
    raise AeutilsError(f"the text holds {name}.")


def _learned(about: dict[str, Any], numbers: bytes) -> dict[str, Any]:
    """Return the learned attributes, or raise where one cannot be."""
    widths = positive_integers("widths", about["widths"])
    shapes = _shapes(widths)
    sizes = [math.prod(shape) for parts in shapes.values() for shape in parts]
    # files older than calibration say nothing of it
    n_calibration = about.get("n_calibration", 0)
    if type(n_calibration) is not int or n_calibration < 0:
        raise AeutilsError("the number of calibration scores must be 0 or more.")
    sizes.append(n_calibration)
    if len(widths) < 2 or len(numbers) != 8 * sum(sizes):
        raise AeutilsError("the numbers are not as many as the widths say.")
    vector = np.frombuffer(numbers, "<f8").astype(np.float64)
    if not np.isfinite(vector).all():
        raise AeutilsError("a number is NaN or infinite.")
    pieces = iter(np.split(vector, np.cumsum(sizes)[:-1]))
    arrays = {name: [next(pieces).reshape(s) for s in parts] for name, parts in shapes.items()}
    learned: dict[str, Any] = {name: a if name in LISTS else a[0] for name, a in arrays.items()}
    if not (arrays["scale_"][0] > 0).all():
        raise AeutilsError("a scale is not above 0.")
    if n_calibration:
        learned[CALIBRATION] = scores = next(pieces)
        if scores[0] < 0 or (np.diff(scores) < 0).any():
            raise AeutilsError("the calibration scores must be at least 0 and in rising order.")

    values = {name: about["values"][name] for name in VALUES}
    history, n_epochs = values["history_"], positive_integer("n_iter_", values["n_iter_"])
    losses = [history["loss"], history["val_loss"]]
    if [len(of_epochs) for of_epochs in losses] != [n_epochs, n_epochs] or len(history) != 2:
        raise AeutilsError("the history must hold a loss and a validation loss of each epoch.")
    floats = [*(values[name] for name in FLOATS), *losses[0], *losses[1]]
    if not all(isinstance(number, float) and math.isfinite(number) for number in floats):
        raise AeutilsError("a value is not a finite number.")
    if not (values["offset_"] <= 0 < min(values["_usual_error"], values["_usual_distance"])):
        raise AeutilsError("the threshold or what is usual has the wrong sign.")
    if not isinstance(values["_combines"], bool):
        raise AeutilsError("_combines must be true or false.")

    names = about["feature_names"]
    if names:
        if len(names) != widths[0] or not all(isinstance(name, str) for name in names):
            raise AeutilsError("the names must be as many as the features.")
        learned["feature_names_in_"] = np.array(names, dtype=object)
    return learned | values | {"latent_dim_": widths[-1], "n_features_in_": widths[0]}


def _shapes(widths: list[int]) -> dict[str, list[tuple[int, ...]]]:
    """Return the shapes of all arrays, by the encoder's widths, in the order of the file."""
    layers = [*widths, *widths[-2::-1]]
    return {
        "coefs_": list(itertools.pairwise(layers)),
        "intercepts_": [(width,) for width in layers[1:]],
        "mean_": [(widths[0],)],
        "scale_": [(widths[0],)],
        "_latent_mean": [(widths[-1],)],
        "_latent_whitening": [(widths[-1], widths[-1])],
    }


def _digest(about: dict[str, Any], numbers: bytes) -> str:
    """Return the SHA-256 of the text, without its digest, and the numbers."""
    text = json.dumps(about, sort_keys=True).encode()
    return hashlib.sha256(text + numbers).hexdigest()
