"""Degrade pages as scanners, cups and years do."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

from aeutils.core.checks import random_generator
from aeutils.core.errors import ImageError
from aeutils.documents.pages import checked_page, checked_shape
from aeutils.images import to_bytes, to_unit_range

__all__ = ["degrade_page", "folds", "stains", "uneven_light"]

Seed = int | np.random.Generator | None


def degrade_page(page: ArrayLike, seed: Seed = None) -> NDArray[np.float32]:
    """Degrade a clean page: faded and blurred ink, stains, folds, uneven light, grain, JPEG.

    A camera measures the light that falls on the paper, times the reflectance of the printed
    paper and of its stains; then comes noise.  One page in four is degraded as a picture of
    lower resolution that was enlarged.

    Parameters
    ----------
    page : array-like, shape (height, width)
        Clean page, 0 (ink) to 1 (paper), or uint8 or uint16.
    seed : int or numpy.random.Generator, optional
        Makes the damage repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width), between 0 and 1, registered with `page`.

    Raises
    ------
    ImageError
        If `page` is not one grey picture, or `seed` is not a seed.
    """
    page = checked_page(page)
    rng = random_generator(seed, ImageError)
    shape = page.shape
    light = printed(1 - page, rng)
    light = light * stains(shape, rng) * folds(shape, rng) * uneven_light(shape, rng)
    # some pictures were taken small and enlarged later, grain and all
    shrink = rng.uniform(1.3, 2.2) if rng.random() < 0.25 else 1
    taken = photographed(resized(light, [max(1, round(n / shrink)) for n in shape]), rng)
    return np.clip(resized(taken, shape), 0, 1).astype(np.float32)


def printed(ink: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the reflectance of grey paper with blurred ink, and with bleed-through on some."""
    blurred = gaussian_filter(ink, np.exp(rng.uniform(np.log(0.4), np.log(2.0))))
    reflectance = rng.uniform(0.75, 1) * (1 - rng.uniform(0.45, 1) * blurred)
    if rng.random() < 0.4:  # bleed-through of the other side, mirrored
        behind = gaussian_filter(ink[:, ::-1], rng.uniform(1, 3))
        reflectance = reflectance * (1 - rng.uniform(0.03, 0.2) * behind)
    return reflectance


def photographed(light: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a picture with grain, paper fibres and, on one picture in two, traces of JPEG."""
    grain, fibres = grain_and_fibres(light.shape, rng)
    taken = light + rng.uniform(0.003, 0.05) * grain + rng.uniform(0, 0.08) * fibres
    taken = np.clip(taken, 0, 1)
    if rng.random() < 0.5:
        taken = through_jpeg(taken, int(rng.integers(25, 90)))
    return taken


def grain_and_fibres(
    shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return white noise of standard deviation 1, and the same kind blurred by 1.2 pixels."""
    grain = rng.standard_normal(shape, dtype=np.float32)
    fibres = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 1.2)
    return grain, fibres


def stains(shape: tuple[int, int], seed: Seed = None) -> NDArray[np.float32]:
    """Draw none to four stains: blots and rings with irregular outlines, darkest at the rim.

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width.
    seed : int or numpy.random.Generator, optional
        Makes them repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width): reflectance above 0 and at most 1; 1 where no stain is.

    Raises
    ------
    ImageError
        If `shape` is not two positive integers or `seed` is not a seed.
    """
    shape = checked_shape(shape)
    rng = random_generator(seed, ImageError)
    reflectance = np.ones(shape, np.float32)
    for _ in range(int(rng.integers(0, 5))):
        radius = float(np.exp(rng.uniform(np.log(15), np.log(160))))
        y0, x0 = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        # farther away than twice the radius nothing of it is left
        top, bottom = (int(np.clip(y0 + s * 2 * radius, 0, shape[0])) for s in (-1, 1))
        start, stop = (int(np.clip(x0 + s * 2 * radius, 0, shape[1])) for s in (-1, 1))
        y = np.arange(top, bottom, dtype=np.float32)[:, None] - y0
        x = np.arange(start, stop, dtype=np.float32)[None, :] - x0
        waves = [(rng.normal(0, 0.08 / k), rng.uniform(0, 2 * np.pi)) for k in range(1, 6)]
        soft = rng.uniform(1, 6)
        rim_width = rng.uniform(1.5, 7)
        body, rim = rng.uniform(0, 0.35), rng.uniform(0, 0.4)
        reflectance[top:bottom, start:stop] *= stain(
            y, x, radius, waves, soft, rim_width, body, rim
        )
    return reflectance


def stain(
    y: NDArray[np.float32],
    x: NDArray[np.float32],
    radius: float,
    waves: Sequence[tuple[float, float]],
    soft: float,
    rim_width: float,
    body: float,
    rim: float,
) -> NDArray[np.float32]:
    """Return the reflectance of one stain.

    Parameters
    ----------
    y, x : numpy.ndarray, shapes (height, 1) and (1, width)
        Distance from the centre in pixels.
    radius : float
        Mean distance of the outline from the centre in pixels.
    waves : sequence of (float, float)
        Amplitude, relative to `radius`, and phase of once, twice, … around the outline.
    soft : float
        Width in pixels over which the body fades at the outline; the rim lies as far inside.
    rim_width : float
        Width of the rim in pixels.
    body, rim : float
        How much each darkens, 0 to 1; together at most 0.7.
    """
    angle = np.arctan2(y, x)
    outline = sum(a * np.cos(k * angle + phase) for k, (a, phase) in enumerate(waves, 1))
    inside = radius * (1 + outline) - np.hypot(y, x)  # pixels from the outline inwards
    body_at = 1 / (1 + np.exp(-np.clip(inside / soft, -30, 30)))
    rim_at = np.exp(-np.square((inside - soft) / rim_width))
    return 1 - np.minimum(body * body_at + rim * rim_at, 0.7)


def folds(shape: tuple[int, int], seed: Seed = None) -> NDArray[np.float32]:
    """Draw none to two folds: thin dark lines across the page, with shade on one side.

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width.
    seed : int or numpy.random.Generator, optional
        Makes them repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width): reflectance above 0 and at most 1.

    Raises
    ------
    ImageError
        If `shape` is not two positive integers or `seed` is not a seed.
    """
    shape = checked_shape(shape)
    rng = random_generator(seed, ImageError)
    reflectance = np.ones(shape, np.float32)
    for _ in range(int(rng.integers(0, 3))):
        across = rng.random() < 0.5
        along, length = (np.arange(n, dtype=np.float32) for n in (shape if across else shape[::-1]))
        where = rng.uniform(0.1, 0.9) * len(along) + rng.normal(0, 0.03) * length
        where = where + gaussian_filter(rng.normal(0, 8, len(length)), 25)
        distance = along[:, None] - where[None, :]
        if not across:
            distance = distance.T
        depth, width = rng.uniform(0.05, 0.5), rng.uniform(0.7, 2.5)
        shade, fade = rng.uniform(0, 0.3), rng.uniform(15, 90)
        if rng.random() >= 0.5:
            distance = -distance
        reflectance *= fold(distance, depth, width, shade, fade).astype(np.float32)
    return reflectance


def fold(
    distance: NDArray[np.floating], depth: float, width: float, shade: float, fade: float
) -> NDArray[np.floating]:
    """Return the reflectance of one fold.

    Parameters
    ----------
    distance : numpy.ndarray, shape (height, width)
        Distance from the fold in pixels, positive on the side of the shade.
    depth, width : float
        How much the line darkens, 0 to 1, and half its width in pixels.
    shade, fade : float
        How much the shade darkens at the fold, 0 to 1, and the distance in pixels over which it
        falls to 1/e.
    """
    line = depth * np.exp(-np.square(distance / width))
    return 1 - line - shade * np.exp(-np.abs(distance) / fade) * (distance > 0)


def uneven_light(shape: tuple[int, int], seed: Seed = None) -> NDArray[np.float32]:
    """Draw uneven light: a slope, slow waves, and on two pages in five the edge of a shadow.

    Parameters
    ----------
    shape : tuple of (int, int)
        Height and width.
    seed : int or numpy.random.Generator, optional
        Makes it repeatable.

    Returns
    -------
    numpy.ndarray
        float32, shape (height, width): brightness above 0 and at most 1.

    Raises
    ------
    ImageError
        If `shape` is not two positive integers or `seed` is not a seed.
    """
    shape = checked_shape(shape)
    rng = random_generator(seed, ImageError)
    y, x = _coordinates(shape)
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * x + np.sin(angle) * y
    field = slope * rng.uniform(0.2, 1) + 0.6 * smooth_field(shape, 3, rng)
    field = (field - field.min()) / (np.ptp(field) or 1)  # a page of one pixel has no slope
    light = 1 - rng.uniform(0.05, 0.7) * field
    if rng.random() < 0.4:  # of a hand or of the page before
        angle = rng.uniform(0, 2 * np.pi)
        away = np.cos(angle) * (x - rng.uniform(-0.3, 0.3)) + np.sin(angle) * y
        away = away + 0.05 * smooth_field(shape, 4, rng)
        softness = rng.uniform(0.01, 0.15)
        light *= shadow(away, softness, rng.uniform(0.1, 0.45))
    return light.astype(np.float32)


def shadow(away: NDArray[np.float32], softness: float, strength: float) -> NDArray[np.float32]:
    """Return the brightness at a distance from a shadow's edge, positive inside the shadow."""
    return 1 - strength / (1 + np.exp(np.minimum(-away / softness, 80)))


def _coordinates(shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a column y and a row x that run from -0.5 to 0.5."""
    y, x = (np.linspace(-0.5, 0.5, n, dtype=np.float32) for n in shape)
    return y[:, None], x[None, :]


def smooth_field(shape: tuple[int, int], n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a smooth random field made from n × n random heights between -0.5 and 0.5."""
    return resized(rng.uniform(-0.5, 0.5, (n, n)), shape)


def resized(picture: NDArray[np.floating], shape: Sequence[int]) -> NDArray[np.float32]:
    """Return a picture resized to (height, width), bicubic and antialiased, not clipped."""
    from PIL import Image

    pixels = picture.astype(np.float32, copy=False)
    if pixels.shape == tuple(shape):
        return pixels
    height, width = shape
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


def through_jpeg(page: NDArray[np.float32], quality: int) -> NDArray[np.float32]:
    """Return a page after JPEG compression."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(to_bytes(page)).save(buffer, "JPEG", quality=quality)
    return to_unit_range(np.asarray(Image.open(buffer)))
