"""Windows, scores of steps, live feeds: against loops, against each other, and bad recordings."""

import doctest
import tracemalloc

import numpy as np
import pytest

from aeutils.core.errors import AeutilsError, SequenceError
from aeutils.sequences import StreamScorer, label_ranges, score_steps, sliding_windows, windows


def loudness(batch):
    return np.square(batch.astype(float)).mean(axis=(1, 2))


def scores_by_loop(x, width, stride):
    """Return the scores of steps as their definition says."""
    x = np.asarray(x, np.float32).reshape(len(x), -1)
    starts = list(range(0, len(x) - width + 1, stride))
    if starts[-1] != len(x) - width:
        starts.append(len(x) - width)
    scores = [[] for _ in x]
    for start in starts:
        window = x[start : start + width]
        for step in range(start, start + width):
            scores[step].append(loudness(window[None])[0])
    return np.array([np.mean(errors) for errors in scores])


def test_examples():
    assert doctest.testmod(windows).failed == 0


def test_windows_cover_every_step():
    x = np.arange(11.0)
    found = sliding_windows(x, 4, 3)
    assert found.dtype == np.float32
    assert found[..., 0].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9], [7, 8, 9, 10]]
    two = sliding_windows(np.stack([x, -x], axis=1), 11)
    np.testing.assert_array_equal(two, np.stack([x, -x], axis=1)[None])
    found[:] = 9  # a copy, not the recording itself
    assert x[0] == 0


@pytest.mark.parametrize("seed", range(40))
def test_scores_and_feeds_agree_with_the_definition(seed):
    rng = np.random.default_rng(seed)
    width = int(rng.integers(1, 9))
    stride = int(rng.integers(1, width + 1))
    n_steps, n_channels = int(rng.integers(width, 60)), int(rng.integers(1, 3))
    x = rng.normal(size=(n_steps, n_channels))
    expected = scores_by_loop(x, width, stride)
    batch = score_steps(x, loudness, width, stride, batch_size=int(rng.integers(1, 9)))
    np.testing.assert_allclose(batch, expected, rtol=1e-5)
    scorer = StreamScorer(loudness, width, stride, n_channels, batch_size=4)
    for _ in range(2):  # after finish it takes the next feed
        parts, n_pushed = [], 0
        while n_pushed < n_steps:
            piece = x[n_pushed : n_pushed + rng.integers(0, 5)]
            n_pushed += len(piece)
            parts.append(scorer.push(piece))
            assert scorer.n_seen == n_pushed
            assert scorer.n_scored == sum(map(len, parts))
            assert scorer.n_seen - scorer.n_scored <= width + stride - 1
        parts.append(scorer.finish())
        np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-5)


def test_a_long_feed_needs_no_more_memory_than_a_short_one():
    def peak(n_pieces):
        scorer = StreamScorer(loudness, 48, 2, batch_size=16)
        piece = np.zeros(100, np.float32)
        scorer.push(piece)
        tracemalloc.start()
        for _ in range(n_pieces):
            scorer.push(piece)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(1000) < 1.5 * peak(20)


def test_the_scoring_function_sees_one_shape_only():
    shapes = set()

    def remember(batch):
        shapes.add((batch.shape, str(batch.dtype)))
        return np.zeros(len(batch))

    scores = score_steps(np.arange(50), remember, 6, 4, batch_size=8)
    assert shapes == {((8, 6, 1), "float32")}
    assert (scores == 0).all()


BAD_RECORDINGS = [
    ([[1, 2], [1]], "x is no single recording.*unequal lengths.*one by one"),
    (["a", "b", "c"], "convert it to numbers"),
    (np.array([1, "b", None], dtype=object), "other things than numbers"),
    (np.array([1j, 2, 3]), "complex"),
    (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\)"),
    ([], r"shape \(0,\)"),
    (np.float32(3), r"shape \(\)"),
    ([0, 1, np.nan, 3, np.nan, np.nan], "at 3 of 6 steps, first at step 2.*interp"),
    ([0, np.inf, -np.inf, 3], "at 2 of 4 steps, first at steps 1 to 2"),
    ([0, 1e300, 0], "infinite values at 1 of 3 steps"),  # beyond float32
    (np.stack([np.zeros(5), [0, 0, 0, np.nan, 0]], axis=1), "first at step 3"),
    ([1, 2], "2 steps is too short for a window of 3"),
]


@pytest.mark.parametrize(("x", "words"), BAD_RECORDINGS)
def test_bad_recordings_are_refused(x, words):
    for take in (
        lambda: sliding_windows(x, 3),
        lambda: score_steps(x, loudness, 3),
    ):
        with pytest.raises(SequenceError, match=words) as caught:
            take()
        assert isinstance(caught.value, AeutilsError)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"width": 0}, "width must be a positive integer; got 0"),
        ({"width": 2.5}, "width"),
        ({"width": True}, "width"),
        ({"width": 3, "stride": -1}, "stride"),
        ({"width": 3, "stride": 4}, "stride 4 is longer than a window of 3"),
    ],
)
def test_bad_numbers_are_refused(arguments, words):
    with pytest.raises(SequenceError, match=words):
        sliding_windows(np.zeros(9), **arguments)
    with pytest.raises(SequenceError, match=words):
        StreamScorer(loudness, **arguments)


def test_a_feed_refuses_bad_samples_and_goes_on():
    x = np.random.default_rng(0).normal(size=30)
    scorer = StreamScorer(loudness, 5, 2)
    parts = [scorer.push(x[:13])]
    for bad in ([1, np.nan], np.zeros((4, 2)), ["a"]):
        with pytest.raises(SequenceError, match="samples"):
            scorer.push(bad)
    parts += [scorer.push(x[13:]), scorer.finish()]
    np.testing.assert_array_equal(np.concatenate(parts), score_steps(x, loudness, 5, 2))


def test_a_feed_shorter_than_a_window():
    scorer = StreamScorer(loudness, 5)
    assert scorer.finish().size == 0
    assert scorer.push([1.0, 2.0]).size == 0
    with pytest.raises(SequenceError, match="2 steps is too short for a window of 5"):
        scorer.finish()


@pytest.mark.parametrize(
    ("score_windows", "words"),
    [
        (lambda batch: batch, "one score each"),
        (lambda batch: batch[:1, 0, 0], "one score each"),
        (lambda batch: batch[:, 0, 0] * np.nan, "NaN or infinite"),
    ],
)
def test_bad_scores_are_refused(score_windows, words):
    with pytest.raises(SequenceError, match=words):
        score_steps(np.ones(9), score_windows, 3)


def test_label_ranges():
    assert label_ranges([1, 1, 0, 0, 1, 0, 1]).tolist() == [[0, 2], [4, 5], [6, 7]]
    assert label_ranges(np.array([False, True])).tolist() == [[1, 2]]
    assert label_ranges([]).shape == label_ranges([0, 0]).shape == (0, 2)
    for bad in ([0, 2], [[0, 1]], [0, np.nan]):
        with pytest.raises(SequenceError, match="one 0 or 1 a step"):
            label_ranges(bad)
