"""What scanners, cups and years do to a page."""

import io

import numpy as np
from scipy.ndimage import gaussian_filter

from aeutils.documents.pages import checked_page
from aeutils.images import to_bytes, to_unit_range

__all__ = ["degrade_page", "folds", "stains", "uneven_light"]


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
    page = checked_page(page)
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
    Image.fromarray(to_bytes(page)).save(buffer, "JPEG", quality=quality)
    return to_unit_range(np.asarray(Image.open(buffer)))
