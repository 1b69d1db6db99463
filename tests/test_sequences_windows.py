"""Windows of recordings and ranges of labels, against slices and loops; bad recordings."""

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aeutils.core.errors import AeutilsError, SequenceError
from aeutils.sequences import label_ranges, score_steps, sliding_windows, windows

NUMBERS = hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes()
NUMBERS |= hnp.floating_dtypes(endianness="?")
OTHERS = hnp.complex_number_dtypes() | hnp.datetime64_dtypes() | hnp.unicode_string_dtypes()
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=12)


@st.composite
def laid_out(draw, arrays):
    """Return an array in another layout in memory: reversed, in Fortran order, read-only."""
    array = draw(arrays)
    if array.ndim and draw(st.booleans()):
        array = array[::-1]
    if draw(st.booleans()):
        array = np.asfortranarray(array)
    array.flags.writeable = draw(st.booleans())
    return array


def test_examples():
    assert doctest.testmod(windows).failed == 0


def test_windows_cover_every_step():
    x = np.arange(11.0)
    found = sliding_windows(x, 4, 3)
    assert found[..., 0].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9], [7, 8, 9, 10]]
    two = sliding_windows(np.stack([x, -x], axis=1), 11)
    np.testing.assert_array_equal(two, np.stack([x, -x], axis=1)[None])
    found[:] = 9  # a copy, not the recording itself
    assert x[0] == 0


def windows_by_slices(x, width, stride):
    x = np.asarray(x).reshape(len(x), -1).astype(np.float32)
    starts = [*range(0, len(x) - width, stride), len(x) - width]
    return np.array([x[start : start + width] for start in starts])


RECORDINGS = hnp.arrays(NUMBERS, hnp.array_shapes(max_dims=2, max_side=12))


@given(laid_out(RECORDINGS), st.data())
def test_windows_are_slices_or_the_recording_is_refused(x, data):
    width = data.draw(st.integers(1, len(x)), "width")
    stride = data.draw(st.integers(1, width), "stride")
    before = x.copy()
    with np.errstate(over="ignore"):
        is_finite = np.isfinite(x.astype(np.float32)).all()
    if is_finite and (x.dtype.kind not in "iu" or all(abs(int(i)) <= 2**24 for i in x.flat)):
        found = sliding_windows(x, width, stride)
        assert found.dtype == np.float32
        assert found.flags.writeable
        assert not np.shares_memory(found, x)
        np.testing.assert_array_equal(found, windows_by_slices(x, width, stride))
        assert np.isin(x.astype(np.float32), found).all()
    else:
        with pytest.raises(SequenceError):
            sliding_windows(x, width, stride)
    np.testing.assert_array_equal(x, before)


@given(laid_out(hnp.arrays(OTHERS, SHAPES) | hnp.arrays(NUMBERS, SHAPES)))
def test_anything_else_is_refused(x):
    assume(x.dtype.kind not in "biuf" or x.ndim not in (1, 2) or x.size == 0)
    with pytest.raises(SequenceError, match="x must"):
        sliding_windows(x, 1)


@given(st.integers(-1, 6) | st.floats() | st.booleans(), st.integers(-1, 6) | st.none())
def test_width_and_stride_are_whole_numbers_in_range(width, stride):
    assume(type(width) is not int or type(stride) is not int or not 1 <= stride <= width <= 5)
    with pytest.raises(SequenceError, match=r"width|stride"):
        sliding_windows(np.zeros(5), width, stride)


def test_integers_that_float32_would_round_are_refused():
    assert sliding_windows([2**24, -(2**24)], 1).ravel().tolist() == [2.0**24, -(2.0**24)]
    for integer in (2**24 + 1, -(2**24) - 1, -(2**63)):
        with pytest.raises(SequenceError, match=r"at most 2\*\*24.*Subtract an offset"):
            sliding_windows(np.array([0, integer]), 1)
    assert sliding_windows([2.0**24 + 1], 1) == 2**24  # floating point is rounded, as documented


def test_masks_are_refused_and_arrays_without_masked_values_are_not():
    x = np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])
    for masked in (x, x[:, None], [x, x], np.ma.masked):
        with pytest.raises(SequenceError, match="masked values"):
            sliding_windows(masked, 1)
        with pytest.raises(SequenceError, match="masked values"):
            label_ranges(masked)
    assert sliding_windows(np.ma.masked_array([1.0, 2.0]), 2).ravel().tolist() == [1, 2]


def test_tables_of_pandas():
    days = pd.date_range("2024-01-01", periods=3)
    series = pd.Series([1, 2, 3], index=days)
    assert sliding_windows(series, 2).ravel().tolist() == [1, 2, 2, 3]
    both = sliding_windows(pd.DataFrame({"a": series, "b": -series}), 3)
    assert both.tolist() == [[[1, -1], [2, -2], [3, -3]]]
    for bad in (days.to_series(), pd.DataFrame({"day": days, "a": [1, 2, 3]})):
        with pytest.raises(SequenceError, match="must hold real numbers"):
            sliding_windows(bad, 2)


def test_windows_larger_than_the_memory_are_refused():
    """Views of one value are long recordings that take no memory themselves."""
    x = np.broadcast_to(np.float32(0), (2**23,))
    with pytest.raises(SequenceError, match=r"windows of 4,194,304 steps take 65,5.. GiB.*stride"):
        sliding_windows(x, 2**22)


BAD_RECORDINGS = [
    ([[1, 2], [1]], "one recording; got a list of 2 parts .*unequal lengths one by one"),
    (["a", "b", "c"], "x must hold real numbers; got type <U1"),
    (np.array([1, "b", None], dtype=object), "type object"),
    (np.zeros((2, 3, 4)), r"got shape \(2, 3, 4\)"),
    ([], r"at least one step.*got shape \(0,\)"),
    (np.zeros((3, 0)), "at least one step and one channel"),
    (np.float32(3), r"got shape \(\)"),
    ([0, 1, np.nan, 3, np.nan, np.nan], "at 3 of 6 steps, first at step 2.*interp"),
    ([0, np.inf, -np.inf, 3], "at 2 of 4 steps, first at steps 1 to 2"),
    ([0, 1e300, 0], "at most 3.4e38.*at 1 of 3 steps"),
    (np.stack([np.zeros(5), [0, 0, 0, np.nan, 0]], axis=1), "first at step 3"),
    ([1, 2], "got 2 steps and width 3"),
]


@pytest.mark.parametrize(("x", "words"), BAD_RECORDINGS)
def test_errors_state_what_is_wrong_and_where(x, words):
    for take in (sliding_windows, lambda x, width: score_steps(x, lambda w: w, width)):
        with pytest.raises(SequenceError, match=words) as caught:
            take(x, 3)
        assert isinstance(caught.value, AeutilsError)


@given(laid_out(hnp.arrays(bool, st.integers(0, 30))), NUMBERS)
def test_ranges_hold_the_true_labels_and_are_as_long_as_can_be(labels, dtype):
    labels = labels.astype(dtype)
    found = label_ranges(labels)
    assert found.shape == (len(found), 2)
    again = np.zeros(len(labels), bool)
    for start, stop in found:
        assert start < stop
        again[start:stop] = True
    np.testing.assert_array_equal(again, labels == 1)
    assert (found[1:, 0] > found[:-1, 1]).all()


@given(laid_out(hnp.arrays(NUMBERS | OTHERS, SHAPES)))
def test_labels_are_ranged_or_refused(labels):
    is_good = labels.dtype.kind in "biuf" and labels.ndim == 1 and np.isin(labels, (0, 1)).all()
    if is_good:
        assert label_ranges(labels).sum() >= 0
    else:
        with pytest.raises(SequenceError, match="labels must"):
            label_ranges(labels)


def test_ranges_of_nothing():
    assert label_ranges([]).shape == label_ranges([0, 0]).shape == (0, 2)
