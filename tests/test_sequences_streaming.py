"""Scores of steps and streams: against their definition, against each other, and after errors."""

import copy
import doctest
import tracemalloc

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aeutils.core.errors import SequenceError
from aeutils.sequences import StreamScorer, score_steps, streaming


def loudness(batch):
    return np.square(batch.astype(float)).mean(axis=(1, 2))


def scores_by_loop(x, width, stride):
    """Return the scores of steps as their definition says."""
    starts = [*range(0, len(x) - width, stride), len(x) - width]
    scores = [[] for _ in x]
    for start in starts:
        for step in range(start, start + width):
            scores[step].append(loudness(x[None, start : start + width])[0])
    return np.array([np.mean(errors) for errors in scores])


@st.composite
def cases(draw):
    """Draw a recording, a width, a stride and a batch size."""
    width = draw(st.integers(1, 8))
    stride = draw(st.integers(1, width))
    n_steps, n_channels = draw(st.integers(width, 60)), draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.normal(size=(n_steps, n_channels)).astype(np.float32)
    return x, width, stride, draw(st.integers(1, 9))


def test_examples():
    assert doctest.testmod(streaming).failed == 0


@given(cases())
def test_scores_agree_with_their_definition(case):
    x, width, stride, batch_size = case
    scores = score_steps(x, loudness, width, stride, batch_size)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, scores_by_loop(x, width, stride), rtol=1e-9)


def squares(batch):
    return np.square(batch.astype(float)).mean(axis=2) + np.arange(batch.shape[1])


@given(cases())
def test_scores_of_steps_are_means_over_windows_of_the_step_itself(case):
    x, width, stride, batch_size = case
    starts = [*range(0, len(x) - width, stride), len(x) - width]
    expected = [
        np.mean([np.square(x[i]).mean() + i - s for s in starts if s <= i < s + width])
        for i in range(len(x))
    ]
    scores = score_steps(x, squares, width, stride, batch_size)
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
    scorer = StreamScorer(squares, width, stride, x.shape[1], batch_size)
    streamed = [scorer.push(x[i : i + 3]) for i in range(0, len(x), 3)]
    np.testing.assert_allclose(np.concatenate([*streamed, scorer.finish()]), scores, rtol=1e-9)


class Unreliable:
    """Scores windows; raises what it is told to, before or after some of its work."""

    def __init__(self):
        self.failures = []

    def __call__(self, batch):
        failure = self.failures.pop() if self.failures else None
        if isinstance(failure, BaseException):
            raise failure
        scores = loudness(batch)
        return scores if failure is None else failure(scores)


FAILURES = st.sampled_from(
    [
        RuntimeError("out of memory"),
        KeyboardInterrupt(),
        lambda scores: scores * np.nan,
        lambda scores: scores[1:],
        lambda scores: np.ma.masked_array(scores, True),
        None,
    ]
)


def state(scorer):
    """Return what the scorer holds, copied, as lists that can be compared."""
    held = {**vars(scorer), **vars(scorer._stream)}
    return copy.deepcopy(
        {
            key: value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in held.items()
            if key not in ("score_windows", "_stream")
        }
    )


def with_retries(scorer, call, failures):
    """Call until it succeeds; the scorer must be as before after every failure."""
    scorer.score_windows.failures = [*failures]
    for _ in range(len(failures) + 1):
        before = state(scorer)
        try:
            return call()
        except (SequenceError, RuntimeError, KeyboardInterrupt):
            assert state(scorer) == before
    raise AssertionError("more failures than were injected")


SEVERAL = st.lists(FAILURES, max_size=3)


@given(cases(), st.lists(st.tuples(st.integers(0, 40), SEVERAL)), SEVERAL)
def test_streams_with_failures_that_are_retried_score_as_the_whole(case, pieces, at_last):
    x, width, stride, batch_size = case
    expected = score_steps(x, loudness, width, stride, batch_size)
    scorer = StreamScorer(Unreliable(), width, stride, x.shape[1], batch_size)
    for _ in range(2):  # after finish it accepts the next stream
        parts, n_pushed = [], 0
        for size, failures in [*pieces, (len(x), [])]:
            piece = x[n_pushed : n_pushed + size]
            n_pushed += len(piece)
            parts.append(with_retries(scorer, lambda piece=piece: scorer.push(piece), failures))
            assert scorer.n_seen == n_pushed
            assert scorer.n_scored == sum(map(len, parts))
            assert scorer.n_seen - scorer.n_scored <= width + stride - 1
        parts.append(with_retries(scorer, scorer.finish, at_last))
        np.testing.assert_array_equal(np.concatenate(parts), expected)
        assert scorer.n_seen == scorer.n_scored == 0


def test_a_long_stream_needs_no_more_memory_than_a_short_one():
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
    assert peak(200) < 1.5 * peak(20)


def test_the_scoring_function_sees_one_shape_only():
    shapes = set()

    def remember(batch):
        shapes.add((batch.shape, str(batch.dtype)))
        return np.zeros(len(batch))

    scores = score_steps(np.arange(50), remember, 6, 4, batch_size=8)
    assert shapes == {((8, 6, 1), "float32")}
    assert (scores == 0).all()


BUFFER = np.empty(4)


def in_one_buffer(batch):
    np.copyto(BUFFER, loudness(batch))
    return BUFFER


def spoiling(batch):
    scores = loudness(batch)
    batch[:] = np.nan
    return scores


@pytest.mark.parametrize(
    "score_windows",
    [
        spoiling,
        in_one_buffer,
        lambda batch: loudness(batch).astype(np.float32),
        lambda batch: loudness(batch).tolist(),
        lambda batch: keras.ops.convert_to_tensor(loudness(batch)),
        lambda batch: np.ma.masked_array(loudness(batch), False),
    ],
)
def test_functions_may_change_their_windows_and_return_any_vector(score_windows):
    x = np.random.default_rng(0).normal(size=30)
    before = x.copy()
    scores = score_steps(x, score_windows, 5, 2, batch_size=4)
    np.testing.assert_allclose(scores, score_steps(x, loudness, 5, 2, batch_size=4), rtol=1e-6)
    np.testing.assert_array_equal(x, before)


def test_scores_may_be_integers_or_bool():
    for kind in (int, bool, np.uint8):
        scores = score_steps(np.arange(6), lambda w, k=kind: np.ones(len(w), k), 3)
        assert scores.tolist() == [1.0] * 6


@pytest.mark.parametrize(
    ("score_windows", "words"),
    [
        (lambda batch: batch, "one score for each window"),
        (lambda batch: batch[:1, 0, 0], "one score for each window"),
        (lambda batch: loudness(batch)[:, None], "or for each of its steps"),
        (lambda batch: 1.0, "one score for each window"),
        (lambda batch: loudness(batch) * np.nan, "finite scores; got NaN"),
        (lambda batch: loudness(batch) + 1e308, "too large"),
        (lambda batch: np.ma.masked_less(loudness(batch), 0.5), "masked"),
        (lambda batch: loudness(batch) + 1j, "real numbers"),
        (lambda batch: ["high"] * len(batch), "real numbers"),
        (lambda batch: None, "real numbers"),
        ("mse", "score_windows must be a function"),
    ],
)
def test_bad_scores_are_refused(score_windows, words):
    with pytest.raises(SequenceError, match=words):
        score_steps(np.ones(9), score_windows, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"width": 0}, "width must be a positive integer; got 0"),
        ({"width": 3, "stride": 4}, "stride must be at most the width.*stride 4 and width 3"),
        ({"width": 3, "n_channels": True}, "n_channels"),
        ({"width": 3, "batch_size": 2.0}, "batch_size"),
        ({"width": 3, "batch_size": 10**12}, "batch_size must be small enough"),
        ({"width": 10**17, "batch_size": 10**17}, "batch_size must be small enough"),
    ],
)
def test_bad_numbers_are_refused(arguments, words):
    with pytest.raises(SequenceError, match=words):
        StreamScorer(loudness, **arguments)


def test_numbers_may_be_those_of_numpy():
    arguments = {"width": np.uint8(5), "stride": np.int64(2), "batch_size": np.int16(3)}
    scores = score_steps(np.arange(300.0), loudness, **arguments)
    np.testing.assert_array_equal(scores, score_steps(np.arange(300.0), loudness, 5, 2, 3))


@pytest.mark.parametrize(
    "bad",
    [
        [1, np.nan],
        np.zeros((4, 2)),
        ["a"],
        [[1, 2], [1]],
        np.zeros((4, 0)),
        np.zeros((0, 1, 1)),
        np.ma.masked_array([1, 2], [0, 1]),
        2**24 + 1,
        [2**24 + 1],
        None,
    ],
)
def test_a_stream_refuses_bad_samples_and_goes_on(bad):
    x = np.random.default_rng(0).normal(size=30)
    scorer = StreamScorer(loudness, 5, 2)
    parts = [scorer.push(x[:13])]
    before = state(scorer)
    with pytest.raises(SequenceError, match="samples"):
        scorer.push(bad)
    assert state(scorer) == before
    parts += [scorer.push(x[13:]), scorer.finish()]
    np.testing.assert_array_equal(np.concatenate(parts), score_steps(x, loudness, 5, 2))


def test_a_stream_shorter_than_a_window():
    scorer = StreamScorer(loudness, 5)
    assert scorer.finish().size == scorer.push([]).size == scorer.push(np.zeros((0, 1))).size == 0
    assert scorer.push([1.0, 2.0]).size == 0
    with pytest.raises(SequenceError, match="got 2 steps and width 5"):
        scorer.finish()
    assert scorer.n_seen == 2
