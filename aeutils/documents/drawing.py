"""Clean pages of text to train and test on, drawn with the fonts that matplotlib brings."""

import functools
from pathlib import Path

import numpy as np

from aeutils.core.errors import ImageError
from aeutils.images import to_unit_range

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


def render_page(text, shape=(640, 800), font="DejaVuSans", size=28, margin=48):
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
        Height of a line of type in pixels: 10-point type has 42 at 300 dpi.
    margin : int, default 48
        White space on all sides, in pixels.

    Returns
    -------
    page : numpy.ndarray
        float32, shape (height, width).
    shown : str
        The lines that found room on the page, separated by line breaks.

    Raises
    ------
    ImageError
        If the font is not there, or no line finds room.
    """
    from PIL import Image, ImageDraw

    height, width = shape
    face = _font(font, size)
    lines = [line for paragraph in text.splitlines() for line in
             _broken(paragraph, face, width - 2 * margin)]  # fmt: skip
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


def random_page(shape=(640, 640), seed=None):
    """Draw a clean page of meaningless text to train on.

    Letters, figures and signs in the proportions of no language in particular, in fonts and
    sizes that change from block to block (11 to 90 pixels), with rules and boxes here and there,
    and the whole slightly askew.

    Parameters
    ----------
    shape : tuple of (int, int), default (640, 640)
        Height and width in pixels.
    seed : int or numpy.random.Generator, optional
        Makes the page repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width).
    """
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(seed)
    height, width = shape
    picture = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(picture)
    top = int(rng.integers(-20, 40))
    while top < height:
        size = round(11 * (90 / 11) ** (rng.random() ** 1.5))  # most of it small
        face = _font(str(rng.choice(TRAINING_FONTS)), size)
        left = int(rng.integers(-10, width // 5))
        leading = rng.uniform(1.15, 1.7) * size
        ink = int(rng.choice([0, 0, 0, 40]))
        for _ in range(int(rng.integers(1, 1 + max(2, 260 // size)))):
            line = _gibberish(rng, int(rng.uniform(0.3, 1.0) * 2 * width / size) + 3)
            draw.text((left, top), line, font=face, fill=ink)
            top += round(leading)
        top += int(rng.integers(0, 2 * size))
        if rng.random() < 0.35:
            thickness = int(rng.integers(1, 5))
            draw.line((left, top, int(rng.integers(left + 1, width + 50)), top), 0, thickness)
            top += int(rng.integers(4, 30))
        if rng.random() < 0.12:
            box = (left, top, left + int(rng.integers(60, width)), top + int(rng.integers(20, 120)))
            draw.rectangle(box, outline=0, width=int(rng.integers(1, 4)))
    picture = picture.rotate(
        float(rng.normal(0, 1.5)), resample=Image.Resampling.BICUBIC, fillcolor=255
    )
    return to_unit_range(np.asarray(picture))


@functools.lru_cache(maxsize=256)
def _font(name, size):
    """Return a font of matplotlib's in a size, or refuse its name."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    path = Path(get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    if not path.is_file():
        raise ImageError(f"matplotlib brings no font {name!r}; try DejaVuSans or STIXGeneral.")
    # the basic layout is there in every build of Pillow and draws the same in all
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _broken(paragraph, face, width):
    """Break a paragraph into lines that are no wider than so many pixels."""
    lines, line = [], ""
    for word in paragraph.split():
        longer = f"{line} {word}".strip()
        if line and face.getlength(longer) > width:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines


def _gibberish(rng, n_letters):
    """Return a line of words that mean nothing."""
    words = []
    while sum(map(len, words)) < n_letters:
        letters = LETTERS if rng.random() < 0.85 else OTHERS
        word = "".join(rng.choice(list(letters), int(rng.integers(1, 11))))
        case = rng.random()
        words.append(word.upper() if case < 0.06 else word.title() if case < 0.2 else word)
    return " ".join(words)
