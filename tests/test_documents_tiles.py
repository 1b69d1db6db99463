"""Patches are cut at the same places of both pages; tiles leave no seams."""

import numpy as np
import pytest
from chances import assert_share
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aeutils import documents
from aeutils.core.errors import ImageError

RNG = np.random.default_rng(0)

# patches


def test_patches_come_from_everywhere_and_in_all_eight_positions():
    # every pixel says where it is: page, row and column
    pages = np.arange(3 * 6 * 7, dtype=np.uint16).reshape(3, 6, 7)
    x, y = documents.random_patches(pages, pages + 1000, 2000, 3, seed=0)
    assert x.shape == y.shape == (2000, 3, 3, 1)
    assert x.dtype == y.dtype == np.float32
    numbers = np.round((1 - x[..., 0]) * 65535).astype(int)
    assert np.array_equal(np.round((1 - y[..., 0]) * 65535).astype(int), numbers + 1000)
    # each patch is one of the eight positions of a square in one of the pages
    places, positions = [], []
    for patch in numbers:
        page, row, column = np.unravel_index(patch.min(), pages.shape)
        square = pages[page, row : row + 3, column : column + 3]
        turned = [np.rot90(s, k) for s in (square, square.T) for k in range(4)]
        positions.append([np.array_equal(patch, t) for t in turned].index(True))
        places.append((page, row, column))
    for position in range(8):
        assert_share(positions.count(position), 2000, 1 / 8)
    for place in np.ndindex(3, 4, 5):
        assert_share(places.count(place), 2000, 1 / 60)


def test_patches_are_ink():
    white, black = np.ones((1, 40, 40)), np.zeros((1, 40, 40))
    x, y = documents.random_patches(white, black, 2, 32, seed=0)
    assert x.max() == 0
    assert y.min() == 1


unit = {"min_value": 0, "max_value": 1, "width": 32}


@given(
    pages=arrays.arrays(
        np.float32, st.tuples(*[st.integers(1, 6)] * 3), elements=st.floats(**unit)
    ),
    n=st.integers(1, 4),
    seed=st.integers(0, 2**40),
)
def test_patches_are_the_same_however_pages_lie_in_memory(pages, n, seed):
    size = min(pages.shape[1:])
    clean = np.sqrt(pages)
    expected = documents.random_patches(pages, clean, n, size, seed)
    assert expected[0].shape == (n, size, size, 1)
    np.testing.assert_allclose(1 - expected[1], np.sqrt(1 - expected[0]), atol=1e-3)
    frozen = pages.copy()
    frozen.flags.writeable = False
    for same in (np.asfortranarray(pages), pages[:, ::-1].copy()[:, ::-1], frozen, pages.tolist()):
        again = documents.random_patches(same, clean, np.int16(n), np.uint8(size), seed)
        for one, other in zip(expected, again, strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, bool])
def test_pages_of_whole_numbers_do_not_wrap(kind):
    most = 1 if kind is bool else np.iinfo(kind).max
    pages = RNG.integers(0, most + 1, (2, 20, 20)).astype(kind)
    x, _ = documents.random_patches(pages, pages, 5, 8, seed=3)
    expected, _ = documents.random_patches(pages / most, pages / most, 5, 8, seed=3)
    np.testing.assert_allclose(x, expected, atol=1e-6)


PAGES = np.full((2, 20, 20), 0.5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"degraded": PAGES[:, :5]}, "shape"),
        ({"clean": PAGES[:1]}, "shape"),
        ({"degraded": PAGES[0], "clean": PAGES[0]}, "shape"),
        ({"degraded": PAGES[:0], "clean": PAGES[:0]}, "shape"),
        ({"size": 21}, "shape"),
        ({"size": 0}, "size"),
        ({"size": 8.0}, "size"),
        ({"size": True}, "size"),
        ({"n": 0}, "n must"),
        ({"n": -1}, "n must"),
        ({"n": "3"}, "n must"),
        ({"seed": 0.5}, "seed"),
        ({"degraded": 255 * PAGES}, "255|outside"),
        ({"clean": np.full_like(PAGES, np.nan)}, "NaN"),
        ({"degraded": np.ones((2, 20, 20), int)}, "type"),
        ({"degraded": np.ones((2, 20, 20), complex)}, "type"),
        ({"clean": np.ma.masked_less(PAGES, 1)}, "masked"),
        ({"clean": [PAGES[0], PAGES[0, :5]]}, "clean"),
        ({"clean": None}, "clean"),
    ],
)
def test_impossible_patches_are_refused(changed, message):
    arguments = {"degraded": PAGES, "clean": PAGES, "n": 3, "size": 8, **changed}
    with pytest.raises(ImageError, match=message):
        documents.random_patches(**arguments)


# tiles


def box_sum(piece, radius=16):
    """Sum over a neighbourhood of so many pixels on each side; zeros lie beyond the edge."""
    padded = np.pad(piece.astype(float), radius)
    steps = sorted({0, radius, 2 * radius})
    return sum(padded[dy:, dx:][: piece.shape[0], : piece.shape[1]] for dy in steps for dx in steps)


@given(
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    multiple=st.integers(1, 9),
    tile=st.integers(1, 6),
    overlap=st.integers(0, 9),
    kind=st.sampled_from([np.float32, np.uint8, bool, np.int64]),
)
def test_tiles_leave_no_seams(shape, multiple, tile, overlap, kind):
    page = (9 * RNG.random(shape)).astype(kind)
    radius = overlap * multiple
    padded = np.pad(page, [(0, -n % multiple) for n in shape], mode="edge")
    expected = box_sum(padded, radius)[: shape[0], : shape[1]]
    sizes = []

    def sum_of_piece(piece):
        sizes.append(piece.shape)
        assert piece.dtype == kind
        result = box_sum(piece, radius)
        piece[:] = 0  # a function may write into what it gets
        return result

    before = page.copy()
    tiled = documents.apply_in_tiles(
        sum_of_piece, page, tile * multiple, np.uint8(radius), np.int8(multiple)
    )
    np.testing.assert_allclose(tiled, expected, atol=1e-9)
    assert np.array_equal(page, before)
    assert tiled.dtype == float
    assert not np.any(np.array(sizes) % multiple)
    assert np.max(sizes) <= tile * multiple + 2 * radius


@settings(max_examples=10)
@given(shape=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_a_page_may_lie_in_memory_in_any_way(shape):
    page = RNG.random(shape)
    expected = documents.apply_in_tiles(box_sum, page, 16, 16)
    for same in (np.asfortranarray(page), page[::-1, ::-1].copy()[::-1, ::-1], page.tolist()):
        assert np.array_equal(documents.apply_in_tiles(box_sum, same, 16, 16), expected)


def test_a_huge_overlap_is_the_whole_page():
    page = RNG.random((40, 30))
    tiled = documents.apply_in_tiles(box_sum, page, 16, 16 * 10**18)
    np.testing.assert_allclose(tiled, box_sum(np.pad(page, ((0, 8), (0, 2)), "edge"))[:40, :30])


def test_too_small_an_overlap_would_show():
    page = RNG.random((64, 64))
    tiled = documents.apply_in_tiles(box_sum, page, tile=32, overlap=0, multiple=16)
    assert not np.allclose(tiled, box_sum(page))


@pytest.mark.parametrize("kind", [np.uint8, np.float16, bool, np.float64])
def test_the_result_has_the_type_of_the_output(kind):
    tiled = documents.apply_in_tiles(lambda piece: piece.astype(kind), np.ones((40, 20)), 16, 0)
    assert tiled.dtype == kind
    assert tiled.all()


def test_nan_of_the_function_stays_nan():
    tiled = documents.apply_in_tiles(lambda piece: np.full(piece.shape, np.nan), PAGES[0])
    assert np.isnan(tiled).all()


def test_tiles_report_their_number():
    calls = []
    documents.apply_in_tiles(
        lambda piece: piece, np.zeros((100, 40)), 48, 16, on_tile=lambda *call: calls.append(call)
    )
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_an_error_of_a_callback_passes_through():
    def stop(done, n_tiles):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        documents.apply_in_tiles(np.array, PAGES[0], on_tile=stop)


def of_two_types():
    """A function whose second output has another type than its first."""
    kinds = iter([np.uint8, float])
    return lambda piece: piece.astype(next(kinds))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"page": np.zeros((2, 3, 4))}, "height, width"),
        ({"page": np.zeros((0, 4))}, "height, width"),
        ({"page": np.zeros((4, 0))}, "height, width"),
        ({"page": 3.0}, "height, width"),
        ({"page": [[1], [1, 2]]}, "page"),
        ({"page": [["a"]]}, "page"),
        ({"page": np.ma.masked_equal(np.zeros((4, 4)), 0)}, "page has masked"),
        ({"tile": 100}, "tile must be a multiple of 16"),
        ({"tile": 0}, "tile"),
        ({"tile": 64.0}, "tile"),
        ({"tile": True, "multiple": 1}, "tile"),
        ({"tile": None}, "tile"),
        ({"overlap": 8}, "overlap must be a multiple"),
        ({"overlap": -16}, "overlap"),
        ({"overlap": False}, "overlap"),
        ({"multiple": 0}, "multiple must"),
        ({"multiple": 1.5}, "multiple must"),
        ({"function": lambda piece: piece[:-1]}, "keep height and width"),
        ({"function": lambda piece: piece[None]}, "keep height and width"),
        ({"function": lambda piece: 1.0}, "keep height and width"),
        ({"function": lambda piece: None}, "output of function"),
        ({"function": lambda piece: piece.astype(complex)}, "real numbers"),
        ({"function": lambda piece: np.ma.masked_equal(piece, 0)}, "masked"),
        ({"function": of_two_types(), "tile": 16, "overlap": 0}, "one type"),
    ],
)
def test_bad_tiles_are_refused(changed, message):
    with pytest.raises(ImageError, match=message):
        documents.apply_in_tiles(**{"function": np.array, "page": np.zeros((40, 40)), **changed})
