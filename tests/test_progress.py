"""The bar that the command line and a training share."""

import io
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aeutils.core.progress import WIDTH, bar, show_progress


@pytest.mark.parametrize(
    ("done", "total", "full", "percent"),
    [
        (0, 7, 0, "  0%"),
        (1, 2, 12, " 50%"),
        (29, 100, 6, " 29%"),
        (999, 1000, 23, " 99%"),
        (7, 7, 24, "100%"),
        (8, 7, 24, "100%"),
        (0, 0, 0, "  ?%"),
        (3, 0, 0, "  ?%"),
        (-1, 7, 0, "  ?%"),
        (math.nan, 7, 0, "  ?%"),
        (1, math.nan, 0, "  ?%"),
        (math.inf, math.inf, 0, "  ?%"),
    ],
)
def test_the_bar_is_full_at_the_end_and_not_before(done, total, full, percent):
    assert bar(done, total) == "█" * full + "░" * (WIDTH - full) + " " + percent


@given(st.integers() | st.floats(), st.integers() | st.floats())
def test_any_numbers_give_a_bar(done, total):
    text = bar(done, total)
    assert len(text) == WIDTH + 5
    assert (
        text.endswith("100%")
        == text.startswith("█" * WIDTH)
        == (total > 0 and total <= done < math.inf)
    )


@given(st.integers(1, 10**12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_bar_shows_the_share_rounded_down(part):
    done, total = part
    text = bar(done, total)
    assert int(text[-4:-1]) == 100 * done // total
    assert text.count("█") == WIDTH * done // total


def test_progress_is_drawn_in_place_until_the_end():
    stream = io.StringIO()
    for done in (1, 2, 4):
        show_progress(done, 4, stream)
    # in characters that any stream knows, since this one does not say what it knows
    shown = [bar(done, 4, "#", ".") for done in (1, 2, 4)]
    assert stream.getvalue() == "".join("\r" + text for text in shown) + "\n"


def test_a_stream_that_is_closed_or_missing_stops_nothing(monkeypatch):
    closed = io.StringIO()
    closed.close()
    show_progress(1, 2, closed)
    monkeypatch.setattr(sys, "stderr", None)
    show_progress(1, 2)


def test_the_bar_needs_nothing_but_python():
    script = (
        "import sys\n"
        "from aeutils.core import progress\n"
        "assert not {'numpy', 'tensorflow', 'keras', 'IPython'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
