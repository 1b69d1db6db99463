"""What tests of the classroom share: whether there is a sandbox, and workers that start fast."""

import pytest
from classroom import sandbox

needs_sandbox = pytest.mark.skipif(
    bool(sandbox.missing()), reason="bubblewrap is not here or may not be used"
)

# a program for classroom.warm: the grader's own, without Keras, which most submissions in tests
# need not have
LIGHT = (
    "-c",
    "import socket, sys\nfrom classroom import forks\n"
    "forks.IMPORTED = ('numpy', 'matplotlib.pyplot', 'matplotlib_inline.backend_inline',\n"
    "                  'classroom.worker')\n"
    "forks.main(socket.socket(fileno=int(sys.argv[1])))",
)
