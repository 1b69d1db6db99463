"""Draw clean pages of text to train and test on, in the fonts that matplotlib brings."""

import functools
import re
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aeutils.core.checks import positive_integer, random_generator
from aeutils.core.errors import ImageError
from aeutils.documents.pages import checked_shape
from aeutils.images import to_unit_range

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["random_page", "render_page"]

# the fonts that matplotlib brings; Computer Modern (cmr10, cmss10) is kept for testing
TRAINING_FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
)

LETTERS = "eeeeeettttaaaaooooiiiinnnnssssrrrhhhlllddduuccmmffppggwwyybbvkxjqzäöüßéèñç"

OTHERS = "0123456789.,;:-()/&%=+*<>[]_#'\"!?"

MAX_SIZE = 2000  # of type, in pixels: a letter as high as an A4 page at 200 dpi


def render_page(
    text: str,
    shape: tuple[int, int] = (640, 800),
    font: str = "DejaVuSans",
    size: int = 28,
    margin: int = 48,
) -> tuple[NDArray[np.float32], str]:
    """Draw a clean page: black text on white paper, broken into lines.

    Parameters
    ----------
    text : str
        Paragraphs, separated by line breaks.
    shape : tuple of (int, int), default (640, 800)
        Height and width in pixels.
    font : str, default "DejaVuSans"
        Name of a font file that matplotlib brings, without its ending, such as
        ``"DejaVuSerif"``, ``"STIXGeneral"`` or ``"cmr10"``.
    size : int, default 28
        Height of a line of type in pixels, at most 2,000: 10-point type has 42 at 300 dpi.
    margin : int, default 48
        White space on all sides, in pixels.

    Returns
    -------
    page : numpy.ndarray
        float32, shape (height, width), 0 (ink) to 1 (paper).
    shown : str
        The lines that fit on the page, separated by line breaks.

    Raises
    ------
    ImageError
        If an argument is not as above, matplotlib is missing, the font lacks a character of the
        text, a word is wider than a line, or no line fits.
    """
    from PIL import Image, ImageDraw

    height, width = checked_shape(shape)
    size = positive_integer("size", size, ImageError)
    if size > MAX_SIZE:
        raise ImageError(f"size must be at most {MAX_SIZE:,} pixels; got {size:,}.")
    if isinstance(margin, bool) or not isinstance(margin, Integral) or margin < 0:
        raise ImageError(f"margin must be an integer of at least 0; got {margin!r}.")
    margin = int(margin)
    if not isinstance(text, str) or not text.split():
        raise ImageError(f"text must be a string with at least one word; got {text!r:.60}.")
    face = _font(str(font), size)
    _refuse_missing_glyphs(text, str(font))
    lines = [
        line
        for paragraph in text.splitlines()
        for line in _broken(paragraph, face, width - 2 * margin)
    ]
    lines = lines[: max(0, int((height - 2 * margin + 0.4 * size) / (1.4 * size)))]
    if not lines:
        raise ImageError(
            f"no line of {size} pixels fits on a page of {height} × {width} with a margin of "
            f"{margin}; make the page larger or the type smaller."
        )
    picture = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(picture)
    for i, line in enumerate(lines):
        draw.text((margin, margin + round(1.4 * size * i)), line, font=face, fill=0)
    return to_unit_range(np.asarray(picture)), "\n".join(lines)


def random_page(
    shape: tuple[int, int] = (640, 640), seed: int | np.random.Generator | None = None
) -> NDArray[np.float32]:
    """Draw a clean page of meaningless text to train on.

    Letters, digits and signs, about as often as in European languages, in fonts and sizes that
    change from block to block (11 to 90 pixels), with rules and boxes here and there, and the
    whole rotated by a degree or two.

    Parameters
    ----------
    shape : tuple of (int, int), default (640, 640)
        Height and width in pixels.
    seed : int or numpy.random.Generator, optional
        Makes the page repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width), 0 (ink) to 1 (paper).

    Raises
    ------
    ImageError
        If `shape` is not two positive integers, `seed` is not a seed, or matplotlib is missing.
    """
    from PIL import Image, ImageDraw

    height, width = checked_shape(shape)
    rng = random_generator(seed, ImageError)
    picture = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(picture)
    top = int(rng.integers(-20, 40))
    while top < height:
        size = random_size(rng)
        face = _font(str(rng.choice(TRAINING_FONTS)), size)
        left = int(rng.integers(-10, width // 5))
        leading = rng.uniform(1.15, 1.7) * size
        ink = int(rng.choice([0, 0, 0, 40]))
        for _ in range(int(rng.integers(1, 1 + max(2, 260 // size)))):
            line = gibberish(int(rng.uniform(0.3, 1.0) * 2 * width / size) + 3, rng)
            draw.text((left, top), line, font=face, fill=ink)
            top += round(leading)
        top += int(rng.integers(0, 2 * size))
        if rng.random() < 0.35:
            thickness = int(rng.integers(1, 5))
            draw.line((left, top, int(rng.integers(left + 1, width + 50)), top), 0, thickness)
            top += int(rng.integers(4, 30))
        if rng.random() < 0.12:
            right = left + int(rng.integers(60, max(61, width)))
            box = (left, top, right, top + int(rng.integers(20, 120)))
            draw.rectangle(box, outline=0, width=int(rng.integers(1, 4)))
    picture = picture.rotate(
        float(rng.normal(0, 1.5)), resample=Image.Resampling.BICUBIC, fillcolor=255
    )
    return to_unit_range(np.asarray(picture))


def random_size(rng: np.random.Generator) -> int:
    """Return a size of type from 11 to 90 pixels, small more often than large."""
    return round(11 * (90 / 11) ** (rng.random() ** 1.5))


def gibberish(n_letters: int, rng: np.random.Generator) -> str:
    """Return a line of words without meaning, of at least so many letters."""
    words: list[str] = []
    while sum(map(len, words)) < n_letters:
        letters = LETTERS if rng.random() < 0.85 else OTHERS
        word = "".join(rng.choice(list(letters), int(rng.integers(1, 11))))
        case = rng.random()
        words.append(word.upper() if case < 0.06 else word.title() if case < 0.2 else word)
    return " ".join(words)


@functools.lru_cache(maxsize=256)
def _font(name: str, size: int) -> "FreeTypeFont":
    """Return a font of matplotlib's in a size, or raise."""
    from PIL import ImageFont

    try:
        from matplotlib import get_data_path
    except ImportError as error:
        raise ImageError(
            "drawing text needs the fonts of matplotlib; install aeutils with its extra "
            "`documents`, or `pip install matplotlib`."
        ) from error
    path = Path(get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    if not re.fullmatch(r"[\w-]+", name) or not path.is_file():
        raise ImageError(
            f"font must be one that matplotlib brings; got {name!r}. Try DejaVuSans or STIXGeneral."
        )
    # the basic layout is there in every build of Pillow and draws the same in all
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _refuse_missing_glyphs(text: str, font: str) -> None:
    """Raise where a font has no glyph for a character and would draw a box instead."""
    face = _font(font, 40)  # large enough for no letter to look like the box
    box = bytes(face.getmask("\uffff"))  # no character, so no font has it
    missing = sorted(c for c in set("".join(text.split())) if bytes(face.getmask(c)) == box)
    if missing:
        raise ImageError(
            f"text must have characters of the font {font} alone; got {' '.join(missing[:10])!r}. "
            "Choose another font or replace them."
        )


def _broken(paragraph: str, face: "FreeTypeFont", width: int) -> list[str]:
    """Break a paragraph into lines that are no wider than so many pixels, or raise."""
    lines, line = [], ""
    for word in paragraph.split():
        if face.getlength(word) > width:
            raise ImageError(
                f"text must have words no wider than the {max(0, width)} pixels between the "
                f"margins; got {word!r:.60}. Make the page wider or the type smaller."
            )
        longer = f"{line} {word}".strip()
        if line and face.getlength(longer) > width:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines
