"""The bar that the command line and a training share."""

import subprocess
import sys

import pytest

from aeutils.core.progress import WIDTH, bar


@pytest.mark.parametrize(
    ("done", "total", "full", "percent"),
    [(0, 7, 0, "  0%"), (1, 2, 12, " 50%"), (999, 1000, 23, "100%"), (7, 7, 24, "100%")],
)
def test_the_bar_is_full_at_the_end_and_not_before(done, total, full, percent):
    text = bar(done, total)
    assert text == "█" * full + "░" * (WIDTH - full) + " " + percent
    assert bar(done / total, 1) == text


def test_the_bar_needs_nothing_but_python():
    script = (
        "import sys\n"
        "from aeutils.core import progress\n"
        "assert not {'numpy', 'tensorflow', 'keras', 'IPython'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
