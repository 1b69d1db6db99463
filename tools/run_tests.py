"""Run all tests and every chapter again; ``make test`` runs this.

    python tools/run_tests.py [WORD ...]

with words, runs the chapters alone whose names hold one of them.
"""

import os
import subprocess
import sys
import time

from execute import NOTEBOOKS, choose

TESTS = NOTEBOOKS.parent / "tests"
# those that take longest begin first, so that no processor waits for the last of them; what is
# not named here, shorter or new, comes after them
LONGEST_TESTS = ["assignments", "fresh_submissions", "accessibility", "classroom", "hostile"]
LONGEST_TESTS += ["print", "try_it", "backends", "web", "detector", "sandbox", "networks", "front"]
LONGEST_TESTS += ["examples", "runtime", "shards", "term"]
LONGEST_CHAPTERS = ["07", "11", "12", "09", "10", "06", "08", "03", "05"]
PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=10"]
# a file's tests share what is slow to make, so one process runs them all
PYTEST += ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
# two processes on two processors: threads of their own would only wait for each other
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
# the chapters' own cells; a broken kernel must not hang a run for half an hour
NBVAL = ["--nbval", "--nbval-current-env"]
NBVAL += ["--nbval-cell-timeout=1200", "--nbval-kernel-startup-timeout=120"]


def longest_first(paths, longest):
    """Return the files, those whose names begin with an entry of ``longest`` in its order first."""

    def rank(path):
        name = path.stem.removeprefix("test_")
        return next((i for i, word in enumerate(longest) if name.startswith(word)), len(longest))

    return sorted(paths, key=rank)


def run(arguments, **environment):
    """Run pytest; exit with its status where something fails."""
    command = [*PYTEST, *map(str, arguments)]
    if failed := subprocess.call(command, cwd=NOTEBOOKS.parent, env=environment | os.environ):
        sys.exit(failed)


def since(began):
    """Return the time since then, in words."""
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    return f"{minutes} min {seconds} s"


def main(words):
    """Run the tests, then the chapters; exit with what pytest says of the first that fails."""
    began = time.monotonic()
    chapters = longest_first(choose(words), LONGEST_CHAPTERS)
    what = "The chapters"
    # one after the other: the fork bombs among the tests would starve a chapter beside them
    if not words:
        tests = longest_first(sorted(TESTS.glob("test_*.py")), LONGEST_TESTS)
        # nbval, which takes seconds to import, is for the chapters alone
        run(["-p", "no:nbval", *tests], **ONE_THREAD)
        what = f"All tests passed ({since(began)}); the chapters"
        print(what.partition(";")[0], flush=True)
    run([*NBVAL, *chapters])
    print(f"{what} hold as stored in notebooks/ ({since(began)})")


if __name__ == "__main__":
    main(sys.argv[1:])
