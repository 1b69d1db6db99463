"""Reading a page with an OCR engine, and counting what was misread."""

import io
import os
import shutil
import subprocess

import numpy as np

from aeutils.core.errors import ImageError
from aeutils.documents.pages import checked_page
from aeutils.images import to_bytes

__all__ = ["character_error_rate", "read_page"]


def read_page(page):
    """Read a page with Tesseract, if that is installed.

    Debian and Ubuntu have it as ``tesseract-ocr``; nothing else in the book needs it.

    Parameters
    ----------
    page : array-like, shape (height, width)
        One block of English text, 0 (black) to 1 (white), type of about 20 pixels or more.

    Returns
    -------
    str or None
        What it reads; None if there is no Tesseract.

    Raises
    ------
    ImageError
        If `page` is no single grey picture, or Tesseract fails on it.
    """
    from PIL import Image

    page = checked_page(page)
    if shutil.which("tesseract") is None:
        return None
    picture = io.BytesIO()
    Image.fromarray(to_bytes(page)).save(picture, "PNG", dpi=(200, 200))
    done = subprocess.run(
        ["tesseract", "-", "-", "--psm", "6", "-l", "eng"],
        input=picture.getvalue(),
        capture_output=True,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},  # its threads are in each other's way
    )
    if done.returncode:
        complaint = " ".join(done.stderr.decode(errors="replace").split())
        raise ImageError(f"Tesseract could not read the page: {complaint}")
    return done.stdout.decode(errors="replace")


def character_error_rate(truth, read):
    """Share of characters that were misread: what people want to be low.

    The least number of characters to insert, delete or replace to turn one text into the other
    (Levenshtein's distance), divided by the length of the true text.  Line breaks count as
    spaces, and several spaces as one.

    Parameters
    ----------
    truth, read : str
        The true text, and what a program read.

    Returns
    -------
    float
        0 if all was read rightly; may exceed 1 where much was read that is not there.

    Raises
    ------
    ImageError
        If the true text is empty.

    Examples
    --------
    >>> character_error_rate("clean page", "clean  pago")
    0.1
    """
    truth, read = (" ".join(text.split()) for text in (truth, read))
    if not truth:
        raise ImageError("the true text is empty, so there is nothing to misread.")
    letters = np.array(list(read), dtype="U1")
    steps = np.arange(len(letters) + 1)
    row = steps
    for i, letter in enumerate(truth, 1):
        # replace or delete first; insertions then spread from the left
        best = np.minimum(row[:-1] + (letters != letter), row[1:] + 1)
        row = np.concatenate([[i], best])
        row = np.minimum.accumulate(row - steps) + steps
    return float(row[-1] / len(truth))
