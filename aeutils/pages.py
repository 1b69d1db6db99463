"""Pages of text: drawing them, spoiling them as scanners, cups and years do, reading them.

Everything here is NumPy and Pillow; no function needs Keras.  Pages are float32, 0 (black) to
1 (white), shape (height, width).
"""

import functools
import io
import os
import shutil
import subprocess
from numbers import Integral
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from aeutils.errors import ImageError
from aeutils.images import _to_bytes, to_unit_range

__all__ = [
    "apply_in_tiles",
    "character_error_rate",
    "degrade_page",
    "folds",
    "random_page",
    "random_patches",
    "read_page",
    "render_page",
    "stains",
    "uneven_light",
]

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


def uneven_light(shape, seed=None):
    """Light that falls unevenly: a slope, slow waves, and sometimes the edge of a shadow.

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width.
    seed : int or numpy.random.Generator, optional
        Makes it repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width), factors above 0 and at most 1.
    """
    rng = np.random.default_rng(seed)
    y, x = _coordinates(shape)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * x + np.sin(angle) * y
    field = slope * rng.uniform(0.2, 1) + 0.6 * _waves(shape, 3, rng)
    field = (field - field.min()) / np.ptp(field)
    light = 1 - rng.uniform(0.05, 0.7) * field
    if rng.random() < 0.4:  # of a hand or of the page before
        angle = rng.uniform(0, 2 * np.pi)
        away = np.cos(angle) * (x - rng.uniform(-0.3, 0.3)) + np.sin(angle) * y
        away = away + 0.05 * _waves(shape, 4, rng)
        softness = rng.uniform(0.01, 0.15)
        light *= 1 - rng.uniform(0.1, 0.45) / (1 + np.exp(-away / softness))
    return light.astype(np.float32)


def stains(shape, seed=None):
    """Stains: blots and rings with wavering outlines, darkest at the rim where they dried.

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width.
    seed : int or numpy.random.Generator, optional
        Makes them repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width), factors above 0 and at most 1; 1 where no stain is.
    """
    rng = np.random.default_rng(seed)
    left = np.ones(shape, np.float32)
    for _ in range(int(rng.integers(0, 5))):
        radius = float(np.exp(rng.uniform(np.log(15), np.log(160))))
        y0, x0 = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        # nothing of it reaches farther than twice the radius
        top, bottom = (int(np.clip(y0 + s * 2 * radius, 0, shape[0])) for s in (-1, 1))
        start, stop = (int(np.clip(x0 + s * 2 * radius, 0, shape[1])) for s in (-1, 1))
        y = np.arange(top, bottom, dtype=np.float32)[:, None] - y0
        x = np.arange(start, stop, dtype=np.float32)[None, :] - x0
        angle = np.arctan2(y, x)
        outline = sum(
            rng.normal(0, 0.08 / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
            for k in range(1, 6)
        )
        inside = radius * (1 + outline) - np.hypot(y, x)  # pixels from the outline inwards
        soft = rng.uniform(1, 6)
        body = 1 / (1 + np.exp(-np.clip(inside / soft, -30, 30)))
        rim = np.exp(-np.square((inside - soft) / rng.uniform(1.5, 7)))
        drop = rng.uniform(0, 0.35) * body + rng.uniform(0, 0.4) * rim
        left[top:bottom, start:stop] *= 1 - np.minimum(drop, 0.7)
    return left


def folds(shape, seed=None):
    """Folds: thin dark lines across the page, with shade on one side.

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width.
    seed : int or numpy.random.Generator, optional
        Makes them repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width), factors above 0 and at most 1.
    """
    rng = np.random.default_rng(seed)
    left = np.ones(shape, np.float32)
    for _ in range(int(rng.integers(0, 3))):
        across = rng.random() < 0.5
        along, length = (np.arange(n, dtype=np.float32) for n in (shape if across else shape[::-1]))
        where = rng.uniform(0.1, 0.9) * len(along) + rng.normal(0, 0.03) * length
        where = where + gaussian_filter(rng.normal(0, 8, len(length)), 25)
        distance = along[:, None] - where[None, :]
        if not across:
            distance = distance.T
        line = rng.uniform(0.05, 0.5) * np.exp(-np.square(distance / rng.uniform(0.7, 2.5)))
        shade = rng.uniform(0, 0.3) * np.exp(-np.abs(distance) / rng.uniform(15, 90))
        side = distance > 0 if rng.random() < 0.5 else distance < 0
        left *= (1 - line - shade * side).astype(np.float32)
    return left


def degrade_page(page, seed=None):
    """Spoil a clean page: faded and blurred ink, stains, folds, uneven light, grain, JPEG.

    What a camera sees is the light that falls on the paper, times what the paper and its stains
    reflect, times what the ink lets through; then comes noise.  One page in four is spoiled as a
    picture of lower resolution that was enlarged.

    Parameters
    ----------
    page : array-like, shape (height, width)
        Clean page, 0 (ink) to 1 (paper).
    seed : int or numpy.random.Generator, optional
        Makes the damage repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width), between 0 and 1.

    Raises
    ------
    ImageError
        If `page` is no single grey picture.
    """
    page = _page(page)
    rng = np.random.default_rng(seed)
    shape = page.shape
    ink = 1 - page
    blurred = gaussian_filter(ink, np.exp(rng.uniform(np.log(0.4), np.log(2.0))))
    reflected = rng.uniform(0.75, 1) * (1 - rng.uniform(0.45, 1) * blurred)
    if rng.random() < 0.4:  # the other side shines through
        behind = gaussian_filter(ink[:, ::-1], rng.uniform(1, 3))
        reflected = reflected * (1 - rng.uniform(0.03, 0.2) * behind)
    spoiled = reflected * stains(shape, rng) * folds(shape, rng) * uneven_light(shape, rng)
    # some pictures were taken small and enlarged later, grain and all
    shrink = rng.uniform(1.3, 2.2) if rng.random() < 0.25 else 1
    taken = _resized(spoiled, [max(1, round(n / shrink)) for n in shape])
    grain = rng.standard_normal(taken.shape, dtype=np.float32)
    fibres = gaussian_filter(rng.standard_normal(taken.shape, dtype=np.float32), 1.2)
    taken = taken + rng.uniform(0.003, 0.05) * grain + rng.uniform(0, 0.08) * fibres
    taken = np.clip(taken, 0, 1)
    if rng.random() < 0.5:
        taken = _through_jpeg(taken, int(rng.integers(25, 90)))
    return np.clip(_resized(taken, shape), 0, 1).astype(np.float32)


def random_patches(spoiled, clean, n, size, seed=None):
    """Cut squares out of pages, at random places, turned and mirrored at random.

    Parameters
    ----------
    spoiled, clean : array-like, shape (n_pages, height, width)
        What goes in and what should come out, 0 (ink) to 1 (paper).
    n : int
        Number of patches.
    size : int
        Height and width of a patch.
    seed : int or numpy.random.Generator, optional
        Makes them repeatable.

    Returns
    -------
    x, y : numpy.ndarray
        Spoiled and clean patches as **ink**, 0 (paper) to 1 (ink), float32, shape
        (n, size, size, 1).

    Raises
    ------
    ImageError
        If the shapes differ or the pages are smaller than a patch.
    """
    shape = np.shape(spoiled)
    if len(shape) != 3 or shape != np.shape(clean) or min(shape[1:]) < size or len(spoiled) == 0:
        raise ImageError(
            f"patches of {size} × {size} need pages of one shape (n_pages, height, width) at "
            f"least that large; these have {shape} and {np.shape(clean)}."
        )
    rng = np.random.default_rng(seed)
    x = np.empty((n, size, size, 1), np.float32)
    y = np.empty_like(x)
    for i in range(n):
        page = rng.integers(shape[0])
        top, left = rng.integers(shape[1] - size + 1), rng.integers(shape[2] - size + 1)
        place = (page, slice(top, top + size), slice(left, left + size))
        quarters, mirrored = int(rng.integers(4)), int(rng.integers(2))
        for whole, patches in ((spoiled, x), (clean, y)):
            patch = np.rot90(whole[place], quarters)
            patches[i, ..., 0] = 1 - (patch[::-1] if mirrored else patch)
    return x, y


def apply_in_tiles(function, page, tile=1024, overlap=96, multiple=16, on_tile=None):
    """Apply a function to a page of any size, tile by tile, without seams.

    Each tile is cut with a border from its neighbours, and of the answer only the tile itself is
    kept.  If no pixel of the answer depends on pixels farther away than the border is wide, the
    result is that of the whole page at once, in the memory of one tile.

    Parameters
    ----------
    function : callable
        Takes an array (height, width) whose sides are multiples of `multiple`, and returns one
        of the same shape.
    page : numpy.ndarray, shape (height, width)
        Any size from 1 × 1; the edge is repeated outwards where a multiple needs it.
    tile : int, default 1024
        Height and width of a tile, a multiple of `multiple`.
    overlap : int, default 96
        Width of the border, a multiple of `multiple`.
    multiple : int, default 16
        What the function needs the sides to be multiples of: 2 to the power of its poolings.
    on_tile : callable, optional
        Called as ``on_tile(done, n_tiles)``, before the first tile with 0 and after every one.

    Returns
    -------
    numpy.ndarray
        Shape of `page`, type of what the function returned.

    Raises
    ------
    ImageError
        If the page is not two-dimensional or empty, `tile` or `overlap` are no multiples, or the
        function returns another shape.
    """
    page = np.asarray(page)
    if page.ndim != 2 or page.size == 0:
        raise ImageError(f"a page has the shape (height, width), not {page.shape}.")
    for name, number, least in (("tile", tile, multiple), ("overlap", overlap, 0)):
        if not isinstance(number, Integral) or number < least or number % multiple:
            raise ImageError(f"{name} must be a multiple of {multiple}, not {number!r}.")
    height, width = page.shape
    # what a single pass would see: the page, its sides made multiples
    padded = [-(-side // multiple) * multiple for side in page.shape]
    corners = [(t, s) for t in range(0, height, tile) for s in range(0, width, tile)]
    result = None
    if on_tile is not None:
        on_tile(0, len(corners))
    for done, (top, left) in enumerate(corners, 1):
        r0, c0 = max(top - overlap, 0), max(left - overlap, 0)
        r1, c1 = min(top + tile + overlap, padded[0]), min(left + tile + overlap, padded[1])
        piece = page[r0:r1, c0:c1]
        missing = ((0, r1 - r0 - piece.shape[0]), (0, c1 - c0 - piece.shape[1]))
        answer = np.asarray(function(np.pad(piece, missing, mode="edge")))
        if answer.shape != (r1 - r0, c1 - c0):
            raise ImageError(
                f"the function turned {(r1 - r0, c1 - c0)} pixels into {answer.shape}; it must "
                "keep height and width."
            )
        if result is None:
            result = np.empty(page.shape, answer.dtype)
        bottom, right = min(top + tile, height), min(left + tile, width)
        result[top:bottom, left:right] = answer[top - r0 : bottom - r0, left - c0 : right - c0]
        if on_tile is not None:
            on_tile(done, len(corners))
    return result


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

    page = _page(page)
    if shutil.which("tesseract") is None:
        return None
    picture = io.BytesIO()
    Image.fromarray(_to_bytes(page)).save(picture, "PNG", dpi=(200, 200))
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


def _page(page):
    """Return one grey picture as float32 between 0 and 1, or refuse it."""
    page = to_unit_range(page)
    if page.ndim != 2:
        raise ImageError(f"a page has the shape (height, width), not {page.shape}.")
    return page


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


def _coordinates(shape):
    """Return columns y and rows x that run from -0.5 to 0.5."""
    y, x = (np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in shape)
    return y[:, None], x[None, :]


def _waves(shape, n, rng):
    """Return a smooth random field from n × n random heights."""
    return _resized(rng.uniform(-0.5, 0.5, (n, n)), shape)


def _resized(picture, shape):
    """Return a picture resized to (height, width), bicubic and antialiased."""
    from PIL import Image

    if picture.shape == tuple(shape):
        return picture
    picture = Image.fromarray(picture.astype(np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def _through_jpeg(page, quality):
    """Return a page after JPEG compression."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(_to_bytes(page)).save(buffer, "JPEG", quality=quality)
    return to_unit_range(np.asarray(Image.open(buffer)))
