"""Degraded pages: what a network is trained on has its levels, places, widths and shares."""

import warnings

import numpy as np
import pytest
from chances import assert_share, assert_uniform
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import gaussian_filter

from aeutils import documents
from aeutils.core.errors import ImageError
from aeutils.data import load_prose
from aeutils.documents import damage

FIELDS = [documents.stains, documents.folds, documents.uneven_light]


def recorded(monkeypatch, name, replaced):
    """Replace a function of the module; gives the list of the arguments of its calls."""
    calls = []

    def record(*arguments):
        calls.append(arguments)
        return replaced(*arguments)

    monkeypatch.setattr(damage, name, record)
    return calls


# one stain


def profile(radius=40.0, waves=(), soft=2.0, rim_width=3.0, body=0.0, rim=0.0):
    """Reflectance of a stain along 100 pixels to the right of its centre, ten values a pixel."""
    x = np.arange(0, 100, 0.1, dtype=np.float32)[None]
    return damage.stain(np.zeros((1, 1), "float32"), x, radius, waves, soft, rim_width, body, rim)[
        0
    ]


def where(values, level):
    """Last place, in pixels, at which a profile is darker than a level."""
    return np.flatnonzero(values < level).max() / 10


def test_body_of_a_stain_ends_at_the_outline():
    body = profile(radius=40, soft=2, body=0.3)
    assert body[0] == pytest.approx(0.7, abs=1e-4)
    assert body[-1] == pytest.approx(1, abs=1e-6)
    assert (np.diff(body) >= -1e-6).all()
    assert where(body, 0.85) == pytest.approx(40, abs=0.2)
    # a logistic curve falls from 90 % to 10 % within 2 ln 9 of its widths
    width = where(body, 1 - 0.03) - where(body, 1 - 0.27)
    assert width == pytest.approx(2 * np.log(9) * 2, abs=0.3)


def test_rim_of_a_stain_is_its_darkest_part_and_lies_at_the_outline():
    rim = profile(radius=40, soft=2, rim_width=3, rim=0.4)
    assert rim.min() == pytest.approx(0.6, abs=1e-4)
    assert rim.argmin() / 10 == pytest.approx(40 - 2, abs=0.1)
    dark = np.flatnonzero(rim < 1 - 0.4 / np.e) / 10
    assert [dark.min(), dark.max()] == pytest.approx([35, 41], abs=0.2)
    both = profile(radius=40, soft=2, rim_width=3, body=0.3, rim=0.4)
    assert 36 < both.argmin() / 10 < 40
    assert both.min() < both[0] < both[-1] == pytest.approx(1)
    assert profile(body=0.6, rim=0.6).min() == pytest.approx(0.3)


@pytest.mark.parametrize(("k", "phase"), [(1, 0.0), (3, 1.0), (5, -2.0)])
def test_outline_of_a_stain_has_its_waves(k, phase):
    waves = [(0.2 if i == k else 0.0, phase) for i in range(1, 6)]
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    distances = np.arange(20, 70, 0.2)
    y, x = (np.outer(f(angles), distances).astype("float32") for f in (np.sin, np.cos))
    rays = damage.stain(y, x, 40.0, waves, 1.0, 1.0, 0.5, 0.0)
    outline = distances[(rays < 0.75).sum(axis=1)]
    np.testing.assert_allclose(outline, 40 * (1 + 0.2 * np.cos(k * angles + phase)), atol=0.4)


def test_stains_lie_anywhere_and_are_drawn_out_to_twice_their_radius(monkeypatch):
    calls = recorded(monkeypatch, "stain", lambda y, x, *rest: np.full((y.size, x.size), 0.5))
    shape, centres, numbers = (300, 500), [], []
    for seed in range(400):
        calls.clear()
        drawn = documents.stains(shape, seed)
        numbers.append(len(calls))
        if len(calls) != 1:
            continue
        rows, columns = np.nonzero(drawn < 1)
        assert set(np.unique(drawn)) <= {0.5, 1.0}
        y, x, radius, *_ = calls[0]
        for axis, found, n in ((y[:, 0], rows, shape[0]), (x[0], columns, shape[1])):
            centre = found.min() - axis[0]
            first = max(centre - 2 * radius, 0)
            assert first - 1 <= found.min() <= first + 0.01
            assert found.max() == pytest.approx(min(centre + 2 * radius, n) - 1, abs=1.01)
            centres.append(centre / n)
    assert set(numbers) == set(range(5))
    for n in range(5):
        assert_share(numbers.count(n), 400, 1 / 5)
    assert_uniform(centres[::2], 0, 1)
    assert_uniform(centres[1::2], 0, 1)


def test_stains_are_of_many_kinds(monkeypatch):
    calls = recorded(monkeypatch, "stain", damage.stain)
    for seed in range(200):
        documents.stains((200, 200), seed)
    _, _, radius, waves, soft, rim_width, body, rim = zip(*calls, strict=True)
    assert_uniform(np.log(radius), np.log(15), np.log(160))
    assert_uniform(soft, 1, 6)
    assert_uniform(rim_width, 1.5, 7)
    assert_uniform(body, 0, 0.35)
    assert_uniform(rim, 0, 0.4)
    amplitudes, phases = np.moveaxis(np.array(waves), -1, 0)
    assert_uniform(phases.ravel(), 0, 2 * np.pi)
    # the quicker a wave around the outline, the flatter
    np.testing.assert_allclose(amplitudes.std(axis=0), 0.08 / np.arange(1, 6), rtol=0.2)
    assert np.abs(amplitudes.mean(axis=0)).max() < 0.02


def test_overlapping_stains_darken_each_other(monkeypatch):
    recorded(monkeypatch, "stain", lambda y, x, *rest: np.full((y.size, x.size), 0.5))
    darkest = min(documents.stains((100, 100), seed).min() for seed in range(40))
    assert darkest == 0.5**4


# folds


def test_fold_is_a_dark_line_with_shade_on_one_side():
    distance = np.arange(-60, 61, 0.5)
    drawn = damage.fold(distance, 0.4, 2.0, 0.2, 30.0)
    at = dict(zip(distance, drawn, strict=True))
    assert at[0] == pytest.approx(0.6)
    assert at[-2] == pytest.approx(1 - 0.4 / np.e)
    assert at[-20] == at[-60] == pytest.approx(1)
    assert at[2] == pytest.approx(1 - 0.4 / np.e - 0.2 * np.exp(-2 / 30))
    assert at[30] == pytest.approx(1 - 0.2 / np.e)
    assert drawn.argmin() == pytest.approx(list(distance).index(0), abs=1)


def test_folds_run_across_the_page(monkeypatch):
    calls = recorded(monkeypatch, "fold", lambda distance, *rest: np.where(distance > 0, 0.5, 1))
    shape, numbers, places, slopes, waviness, flat, sides = (300, 420), [], [], [], [], 0, []
    for seed in range(200):
        calls.clear()
        drawn = documents.folds(shape, seed)
        numbers.append(len(calls))
        if len(calls) == 1:
            # shaded is what lies on the positive side
            assert np.array_equal(drawn < 1, calls[0][0] > 0)
        for distance, *_ in calls:
            assert distance.shape == shape
            down, right = np.gradient(distance)
            across = np.abs(down).mean() > np.abs(right).mean()
            flat += across
            if not across:
                distance, down = distance.T, right.T
            side = np.sign(down[0, 0])
            np.testing.assert_allclose(down, side, atol=1e-3)  # in pixels
            sides.append(side)
            line = -side * distance[0]  # its place in every column
            columns = np.arange(len(line))
            slope, start = np.polyfit(columns, line, 1)
            slopes.append(slope)
            places.append(start / len(distance))
            waviness.append((line - slope * columns - start).std())
    n = len(slopes)
    assert set(numbers) == {0, 1, 2}
    for number in range(3):
        assert_share(numbers.count(number), 200, 1 / 3)
    assert_share(flat, n, 0.5)
    assert_share(sides.count(1), n, 0.5)
    assert_uniform(places, 0.1, 0.9)
    assert np.std(slopes) == pytest.approx(0.03, rel=0.15)
    assert abs(np.mean(slopes)) < 4 * 0.03 / np.sqrt(n)
    # white noise of 8 pixels, averaged with a Gaussian of 25
    assert np.mean(waviness) == pytest.approx(8 / np.sqrt(2 * np.sqrt(np.pi) * 25), rel=0.25)


def test_folds_are_of_many_kinds(monkeypatch):
    calls = recorded(monkeypatch, "fold", damage.fold)
    for seed in range(400):
        documents.folds((50, 60), seed)
    _, depth, width, shade, fade = zip(*calls, strict=True)
    assert_uniform(depth, 0.05, 0.5)
    assert_uniform(width, 0.7, 2.5)
    assert_uniform(shade, 0, 0.3)
    assert_uniform(fade, 15, 90)


def test_two_folds_darken_each_other(monkeypatch):
    recorded(monkeypatch, "fold", lambda distance, *rest: np.full(distance.shape, 0.5))
    assert min(documents.folds((20, 20), seed).min() for seed in range(20)) == 0.25


# light


def test_shadow_has_an_edge_and_no_warning():
    away = np.linspace(-1.5, 1.5, 3001, dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        light = damage.shadow(away, 0.01, 0.4)
    assert light[0] == 1
    assert light[-1] == pytest.approx(0.6)
    assert light[1500] == pytest.approx(0.8)
    edge = np.flatnonzero((light < 1 - 0.04) & (light > 1 - 0.36)) / 1000
    assert np.ptp(edge) == pytest.approx(2 * np.log(9) * 0.01, abs=0.003)


def test_light_without_waves_is_a_slope_in_any_direction(monkeypatch):
    monkeypatch.setattr(damage, "smooth_field", lambda shape, n, rng: rng.random((n, n))[0, 0] * 0)
    monkeypatch.setattr(damage, "shadow", lambda away, softness, strength: 1)
    directions, darkest = [], []
    for seed in range(300):
        light = documents.uneven_light((30, 40), seed)
        assert light.max() == 1
        darkest.append(light.min())
        down, right = (light[-1] - light[0], light[:, -1] - light[:, 0])
        assert np.ptp(down) < 1e-5
        assert np.ptp(right) < 1e-5
        middle = (light[0, 0] + light[-1, -1]) / 2
        assert light[14:16, 19:21].mean() == pytest.approx(middle, abs=1e-5)
        directions.append(np.arctan2(down[0], right[0]))
    assert_uniform(directions, -np.pi, np.pi)
    assert_uniform(1 - np.array(darkest), 0.05, 0.7)


def test_slope_is_as_strong_as_the_waves(monkeypatch):
    monkeypatch.setattr(damage, "shadow", lambda away, softness, strength: 1)
    y, x = np.mgrid[-1:1:30j, -1:1:40j]
    plane = np.stack([np.ones(y.size), y.ravel(), x.ravel()], axis=1)
    explained = []
    for seed in range(300):
        light = documents.uneven_light((30, 40), seed)
        assert light.max() == pytest.approx(1)
        light = light.ravel()
        rest = light - plane @ np.linalg.lstsq(plane, light, rcond=None)[0]
        explained.append(1 - rest.var() / light.var())
    # of the light's variance, about two thirds are the slope's
    assert 0.62 < np.mean(explained) < 0.71


def test_shadows_fall_on_two_pages_in_five(monkeypatch):
    calls = recorded(monkeypatch, "shadow", damage.shadow)
    for seed in range(400):
        documents.uneven_light((31, 41), seed)
    assert_share(len(calls), 400, 0.4)
    away, softness, strength = zip(*calls, strict=True)
    assert_uniform(softness, 0.01, 0.15)
    assert_uniform(strength, 0.1, 0.45)
    directions, edges, waves = [], [], []
    y, x = np.mgrid[-0.5:0.5:31j, -0.5:0.5:41j]
    plane = np.stack([np.ones(y.size), y.ravel(), x.ravel()], axis=1)
    for distance in away:
        fit = np.linalg.lstsq(plane, distance.ravel(), rcond=None)[0]
        directions.append(np.arctan2(fit[1], fit[2]))
        # distances are in sides of the page
        assert np.hypot(fit[1], fit[2]) == pytest.approx(1, abs=0.12)
        if abs(np.cos(directions[-1])) > 0.5:
            edges.append(fit[0] / np.cos(directions[-1]))
        waves.append((distance.ravel() - plane @ fit).std())
    assert_uniform(directions, -np.pi, np.pi)
    assert_uniform(edges, -0.32, 0.32)
    assert 0.005 < np.mean(waves) < 0.02


@pytest.mark.parametrize("n", [3, 4])
def test_smooth_fields_run_through_random_heights(n):
    rng = np.random.default_rng(0)
    fields = np.array([damage.smooth_field((60, 96), n, rng) for _ in range(200)])
    rows, columns = (np.arange(n) * side // n + side // n // 2 for side in (60, 96))
    heights = fields[:, rows[:, None], columns]
    assert_uniform(heights.ravel(), -0.5, 0.5)
    # neighbours are independent, and what lies between them is between
    for axis in (1, 2):
        one, other = np.take(heights, [0], axis), np.take(heights, [1], axis)
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.15
    between = fields[:, rows[0], (columns[0] + columns[1]) // 2]
    mean = (heights[:, 0, 0] + heights[:, 0, 1]) / 2
    assert np.corrcoef(between, mean)[0, 1] > 0.9
    assert np.abs(np.diff(fields, axis=1)).max() < 0.2


# print


def block(shape=(60, 140)):
    """A page with one block of ink at the upper left, and its place when mirrored."""
    ink = np.zeros(shape, np.float32)
    ink[10:34, 14:44] = 1
    return ink


def edge_width(profile):
    """Standard deviation, in pixels, of the Gaussian that blurred an edge."""
    steps = np.abs(np.diff(profile))
    steps = steps / steps.sum()
    places = np.arange(len(steps))
    return np.sqrt((steps * (places - (steps * places).sum()) ** 2).sum())


def test_print_has_its_levels_widths_and_shares():
    paper, contrast, bleed, blur, bleed_blur = [], [], [], [], []
    for seed in range(600):
        page = damage.printed(block(), np.random.default_rng(seed))
        assert page.shape == (60, 140)
        level = page[48:, 60:80].mean()
        paper.append(level)
        contrast.append(1 - page[22, 28] / level)
        # mirrored left to right, and nowhere else
        drop = 1 - page[22, 139 - 28] / level
        assert page[40:48].min() == pytest.approx(level, rel=1e-2)
        blur.append(edge_width(page[22, 28:65]))
        if drop > 1e-4:
            bleed.append(drop)
            bleed_blur.append(edge_width(page[22, 75:110]))
    assert_uniform(paper, 0.75, 1)
    assert_uniform(contrast, 0.45, 1)
    assert_uniform(bleed, 0.03, 0.2)
    assert_share(len(bleed), 600, 0.4)
    # the same edge under Gaussians of 0.4 to 2 pixels, of equal shares on a logarithmic scale
    edge = (np.arange(37) < 16).astype(float)
    low, middle, high = (edge_width(gaussian_filter(edge, s)) for s in (0.4, np.sqrt(0.8), 2))
    assert low == pytest.approx(min(blur), abs=0.01)
    assert middle == pytest.approx(np.median(blur), abs=0.1)
    assert high == pytest.approx(max(blur), abs=0.02)
    assert_uniform(bleed_blur, 1, 3)


# camera


def test_grain_is_white_and_fibres_are_not():
    grain, fibres = damage.grain_and_fibres((256, 256), np.random.default_rng(0))
    assert grain.dtype == fibres.dtype == np.float32
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None])
    for noise, blur in ((grain, 0), (fibres, 1.2)):
        power = np.abs(np.fft.fft2(noise)) ** 2 / noise.size
        expected = np.exp(-np.square(2 * np.pi * blur * frequency))
        for low, high in ((0.01, 0.1), (0.1, 0.2), (0.2, 0.3)):
            ring = (frequency >= low) & (frequency < high)
            assert power[ring].mean() == pytest.approx(expected[ring].mean(), rel=0.1)
    assert abs(grain.mean()) < 4 / 256
    assert grain.std() == pytest.approx(1, rel=0.02)
    assert fibres.std() == pytest.approx(1 / (2 * np.sqrt(np.pi) * 1.2), rel=0.05)
    assert abs(np.corrcoef(grain.ravel(), fibres.ravel())[0, 1]) < 0.02


def test_camera_adds_noise_of_many_strengths_and_jpeg_to_one_in_two(monkeypatch):
    calls = recorded(monkeypatch, "through_jpeg", lambda page, quality: page)
    light = np.full((64, 64), 0.5, np.float32)
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64)[None])
    fine, coarse, means = [], [], []
    for seed in range(300):
        noise = damage.photographed(light, np.random.default_rng(seed)) - 0.5
        power = np.abs(np.fft.fft2(noise)) ** 2 / noise.size
        fine.append(np.sqrt(power[frequency > 0.35].mean()))
        slow = (frequency > 0) & (frequency < 0.1)
        share = np.exp(-((2.4 * np.pi * frequency[slow]) ** 2)).mean()
        coarse.append(np.sqrt(max(power[slow].mean() - fine[-1] ** 2, 0) / share))
        means.append(noise.mean())
    assert_uniform(fine, 0.002, 0.052)
    assert min(coarse) < 0.01
    assert np.mean(coarse) == pytest.approx(0.04, abs=0.006)
    assert 0.07 < np.max(coarse) < 0.1
    assert abs(np.mean(means)) < 4 * np.std(means) / np.sqrt(300)
    assert_share(len(calls), 300, 0.5)
    qualities = [quality for _, quality in calls]
    assert_uniform(qualities, 25, 89)


def test_camera_stays_between_black_and_white():
    for level in (0.0, 1.0):
        taken = damage.photographed(np.full((20, 30), level, np.float32), np.random.default_rng(0))
        assert 0 <= taken.min() < taken.max() <= 1
        assert np.mean(taken == level) > 0.3


def test_jpeg_of_low_quality_changes_more():
    page, _ = documents.render_page("some words of text", (64, 200), size=20, margin=10)
    errors = []
    for quality in (25, 60, 89):
        after = damage.through_jpeg(page, quality)
        assert after.shape == page.shape
        assert after.dtype == np.float32
        errors.append(np.abs(after - page).mean())
    assert 0.03 > errors[0] > errors[1] > errors[2] > 0


def test_resizing_keeps_places_levels_and_averages():
    picture = np.zeros((40, 80))
    picture[:20, :40], picture[:20, 40:], picture[20:, :40] = 0.2, 0.5, 0.8
    for shape in ((20, 40), (61, 33), (100, 200)):
        after = damage.resized(picture, shape)
        assert after.shape == shape
        assert after.dtype == np.float32
        assert after[[1, 1, -2, -2], [1, -2, 1, -2]] == pytest.approx([0.2, 0.5, 0.8, 0], abs=0.01)
    stripes = np.tile([0.0, 1.0], (40, 40))
    assert damage.resized(stripes, (20, 30)) == pytest.approx(0.5, abs=0.15)
    assert damage.resized(picture, (40, 80)) == pytest.approx(picture)


# the whole page


@pytest.fixture(scope="module")
def text():
    return documents.render_page(load_prose()[0], (300, 400), size=18, margin=20)[0]


def test_degraded_pages_stay_registered(text):
    spectrum = np.conj(np.fft.fft2(text - text.mean()))
    for seed in range(12):
        degraded = documents.degrade_page(text, seed)
        assert degraded[text < 0.1].mean() < degraded[text > 0.9].mean() - 0.05
        flat = degraded - gaussian_filter(degraded, 8)  # without light and stains
        together = np.fft.ifft2(spectrum * np.fft.fft2(flat)).real
        assert np.unravel_index(together.argmax(), text.shape) == (0, 0)


def test_all_damage_multiplies_what_is_printed(monkeypatch, text):
    monkeypatch.setattr(damage, "printed", lambda ink, rng: 0.9 * (1 - ink))
    monkeypatch.setattr(damage, "photographed", lambda light, rng: light)
    for name, level in (("stains", 0.9), ("folds", 0.8), ("uneven_light", 0.7)):
        monkeypatch.setattr(damage, name, lambda shape, rng, level=level: np.full(shape, level))
    for seed in range(20):
        degraded = documents.degrade_page(text, seed)
        assert degraded.max() == pytest.approx(0.9**2 * 0.8 * 0.7, abs=0.1)
        assert np.median(degraded) == pytest.approx(0.9**2 * 0.8 * 0.7, abs=1e-3)
        assert degraded.min() < 0.2


def test_one_page_in_four_is_of_lower_resolution(monkeypatch):
    calls = recorded(monkeypatch, "photographed", lambda light, rng: light)
    monkeypatch.setattr(damage, "printed", lambda ink, rng: 1 - ink)
    for name in ("stains", "folds", "uneven_light"):
        monkeypatch.setattr(damage, name, lambda shape, rng: np.ones(shape, np.float32))
    page = np.ones((400, 30), np.float32)
    for seed in range(400):
        assert documents.degrade_page(page, seed).shape == page.shape
    smaller = [light.shape for light, _ in calls if light.shape != page.shape]
    assert_share(len(smaller), 400, 0.25)
    factors = [400 / height for height, _ in smaller]
    assert_uniform(factors, 1.3, 2.2)
    for (_, width), factor in zip(smaller, factors, strict=True):
        assert width == pytest.approx(30 / factor, abs=1)


@pytest.mark.parametrize("field", FIELDS)
def test_damage_only_darkens_and_repeats(field):
    strongest = 1.0
    for seed in range(20):
        factors = field((120, 150), seed)
        assert factors.shape == (120, 150)
        assert factors.dtype == np.float32
        assert 0 < factors.min() <= factors.max() <= 1
        assert np.array_equal(factors, field((120, 150), seed))
        strongest = min(strongest, factors.min())
    assert 0.1 < strongest < 0.8


sides = st.integers(1, 40)


@settings(max_examples=15)
@given(shape=st.tuples(sides, sides), seed=st.integers(0, 2**40))
def test_any_shape_can_be_drawn(shape, seed):
    for field in FIELDS:
        factors = field(np.array(shape), np.random.default_rng(seed))
        assert factors.shape == shape
        assert 0 < factors.min() <= factors.max() <= 1
        assert np.array_equal(factors, field(list(shape), seed))


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "shape", [(0, 5), (5,), 5, (5, 5, 1), (5.0, 5), (True, 5), "55", None, (-1, 5), (10**6, 10**6)]
)
def test_impossible_shapes_are_refused(field, shape):
    with pytest.raises(ImageError, match="shape"):
        field(shape)


@pytest.mark.parametrize("seed", [-1, 1.5, "one", {}])
def test_impossible_seeds_are_refused(seed):
    for field in FIELDS:
        with pytest.raises(ImageError, match="seed"):
            field((5, 5), seed)
    with pytest.raises(ImageError, match="seed"):
        documents.degrade_page(np.ones((5, 5)), seed)


bytes_of_pages = arrays.arrays(np.uint8, st.tuples(sides, sides))


@settings(max_examples=15)
@given(page=bytes_of_pages, seed=st.integers(0, 2**40))
def test_a_page_is_degraded_alike_however_it_lies_in_memory(page, seed):
    expected = documents.degrade_page(page, seed)
    assert expected.shape == page.shape
    assert expected.dtype == np.float32
    assert 0 <= expected.min() <= expected.max() <= 1
    frozen = page.copy()
    frozen.flags.writeable = False
    unit = page.astype(np.float32) / np.float32(255)
    wide = page.astype(np.uint16) * 257
    turned = page[::-1].copy()[::-1]
    for same in (np.asfortranarray(page), turned, frozen, unit, unit.astype(float), wide):
        before = np.array(same)
        np.testing.assert_allclose(documents.degrade_page(same, seed), expected, atol=2 / 255)
        assert np.array_equal(before, same)


def refused_pages():
    """Arrays that are no page."""
    bad = np.full((6, 7), 0.5)
    bad[2, 3] = np.nan
    infinite = np.where(np.isnan(bad), np.inf, bad)
    return {
        "NaN": bad,
        "infinite": infinite,
        "percent": np.full((6, 7), 50.0),
        "negative": np.full((6, 7), -0.1),
        "empty": np.zeros((0, 7)),
        "number": 0.5,
        "row": np.zeros(7),
        "stack": np.zeros((2, 6, 7)),
        "colour": np.zeros((6, 7, 3), np.uint8),
        "masked": np.ma.masked_array(np.ones((6, 7)), np.eye(6, 7)),
        "complex": np.ones((6, 7), complex),
        "int64": np.ones((6, 7), int),
        "words": np.full((6, 7), "x"),
        "ragged": [[0.1], [0.1, 0.2]],
        "objects": np.full((6, 7), None),
    }


@pytest.mark.parametrize("kind", refused_pages())
def test_what_is_no_page_is_refused(kind):
    with pytest.raises(ImageError):
        documents.degrade_page(refused_pages()[kind])


@settings(max_examples=10)
@given(seed=st.integers(0, 2**40))
def test_a_generator_goes_on(seed):
    rng = np.random.default_rng(seed)
    page = np.ones((20, 20), np.float32)
    first, second = documents.degrade_page(page, rng), documents.degrade_page(page, rng)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, documents.degrade_page(page, seed))
