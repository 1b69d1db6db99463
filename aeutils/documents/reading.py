"""Read a page with an OCR engine, and count what was misread."""

import io
import os
import shutil
import subprocess

from numpy.typing import ArrayLike

from aeutils.core.errors import ImageError
from aeutils.documents.pages import checked_page
from aeutils.images import to_bytes

__all__ = ["character_error_rate", "read_page"]

LARGEST_SIDE = 32_767  # Tesseract counts pixels in 16 bits

TIMEOUT = 300  # seconds


def read_page(page: ArrayLike) -> str | None:
    """Read a page with the OCR engine Tesseract, if that is installed.

    Debian and Ubuntu have it as ``tesseract-ocr``; nothing else in the book needs it.

    Parameters
    ----------
    page : array-like, shape (height, width)
        One block of English text, 0 (black) to 1 (white) or uint8 or uint16, type of about 20
        pixels or more, at most 32,767 pixels high and wide.

    Returns
    -------
    str or None
        The text; None if Tesseract is not installed.

    Raises
    ------
    ImageError
        If `page` is not one grey picture or too large, or if Tesseract fails or takes longer
        than five minutes.
    """
    from PIL import Image

    page = checked_page(page)
    if max(page.shape) > LARGEST_SIDE:
        raise ImageError(
            f"page must be at most {LARGEST_SIDE:,} pixels high and wide for Tesseract; got "
            f"{page.shape[0]:,} × {page.shape[1]:,}. Read it in parts."
        )
    engine = shutil.which("tesseract")
    if engine is None:
        return None
    picture = io.BytesIO()
    Image.fromarray(to_bytes(page)).save(picture, "PNG", dpi=(200, 200))
    try:
        done = subprocess.run(
            [engine, "-", "-", "--psm", "6", "-l", "eng"],
            input=picture.getvalue(),
            capture_output=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},  # its threads are in each other's way
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired as error:
        raise ImageError(
            f"Tesseract did not finish within {TIMEOUT} seconds; read the page in parts."
        ) from error
    except OSError as error:
        raise ImageError(
            f"Tesseract could not be started ({error}); install it again, or remove {engine}."
        ) from error
    if done.returncode:
        complaint = " ".join(done.stderr.decode(errors="replace").split())
        raise ImageError(
            f"Tesseract could not read the page (exit status {done.returncode}): {complaint}"
        )
    return done.stdout.decode(errors="replace")


def character_error_rate(truth: str, read: str) -> float:
    """Compute the character error rate of a text that was read; 0 is perfect.

    The least number of characters to insert, delete or replace to turn one text into the other
    (Levenshtein's distance), divided by the length of the true text.  Line breaks count as
    spaces, several spaces as one, and spaces at the ends not at all.  Characters are Unicode code
    points: a letter and a combining accent are two.

    Parameters
    ----------
    truth, read : str
        The true text, and the text that was read.

    Returns
    -------
    float
        At least 0; above 1 if much was read that is not there.

    Raises
    ------
    ImageError
        If the true text is empty, an argument is not a string, or the package rapidfuzz is
        missing.

    Examples
    --------
    >>> character_error_rate("clean page", "clean  pago")
    0.1
    """
    for name, text in (("truth", truth), ("read", read)):
        if not isinstance(text, str):
            raise ImageError(f"{name} must be a string; got {text!r:.60}.")
    truth, read = (" ".join(text.split()) for text in (truth, read))
    if not truth:
        raise ImageError("truth must have at least one character; got an empty text.")
    try:
        from rapidfuzz.distance import Levenshtein
    except ImportError as error:
        raise ImageError(
            "the character error rate needs the package rapidfuzz; install aeutils with its "
            "extra `documents`, or `pip install rapidfuzz`."
        ) from error
    return Levenshtein.distance(truth, read) / len(truth)
