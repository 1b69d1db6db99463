"""Run all tests and every chapter again; ``make test`` runs this.

    python tools/run_tests.py [WORD ...]

with words, runs the chapters alone whose names hold one of them.
"""

import subprocess
import sys
import time

from execute import NOTEBOOKS, choose

TESTS = NOTEBOOKS.parent / "tests"
# those that take longest begin first, so that no processor waits for the last of them; what is
# not named here, shorter or new, comes after them
LONGEST_TESTS = ["assignments", "accessibility", "classroom", "try_it", "backends", "detector"]
LONGEST_TESTS += ["web", "print", "shards", "runtime", "sandbox"]
LONGEST_CHAPTERS = ["07", "09", "11", "08", "03", "06", "05"]
PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=10"]
# a file's tests share what is slow to make, so one process runs them all
PYTEST += ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
# the chapters' own cells; a broken kernel must not hang a run for half an hour
NBVAL = ["--nbval", "--nbval-current-env"]
NBVAL += ["--nbval-cell-timeout=1200", "--nbval-kernel-startup-timeout=120"]


def longest_first(paths, longest):
    """Return the files, those whose names begin with an entry of ``longest`` in its order first."""

    def rank(path):
        name = path.stem.removeprefix("test_")
        return next((i for i, word in enumerate(longest) if name.startswith(word)), len(longest))

    return sorted(paths, key=rank)


def main(words):
    """Run the tests, then the chapters; exit with what pytest says of the first that fails."""
    began = time.monotonic()
    chapters = longest_first(choose(words), LONGEST_CHAPTERS)
    tests = longest_first(sorted(TESTS.glob("test_*.py")), LONGEST_TESTS)
    # one after the other: the fork bombs among the tests would starve a chapter beside them
    for arguments in [[*NBVAL, *chapters]] if words else [tests, [*NBVAL, *chapters]]:
        if failed := subprocess.call([*PYTEST, *arguments], cwd=NOTEBOOKS.parent):
            sys.exit(failed)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    what = "The chapters" if words else "All tests passed; the chapters"
    print(f"{what} hold as stored in notebooks/ ({minutes} min {seconds} s)")


if __name__ == "__main__":
    main(sys.argv[1:])
