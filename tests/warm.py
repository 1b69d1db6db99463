"""Workers of the grader that need not import Keras again, for tests that grade many submissions.

One process in a sandbox imports what submissions import, and forks a worker for each submission
and each side of it; the worker begins with no names of its own, as any other does.
"""

import contextlib
import os
import socket
import subprocess
import sys
import types

from classroom.sandbox import Sandbox, command

FORKS = """
import importlib, os, signal, socket, sys, tempfile
for module in sys.argv[2:]:
    importlib.import_module(module)
from classroom import worker

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
door = socket.socket(fileno=int(sys.argv[1]))
door.send(b"ready")
while True:
    role, ends, *_ = socket.recv_fds(door, 100, 2)
    if not role:
        break
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end, standard in zip(ends, (0, 1)):
            os.dup2(end, standard)
            os.close(end)
        os.chdir(tempfile.mkdtemp())
        worker.main(role.decode())
        os._exit(0)
    for end in ends:
        os.close(end)
"""


# what assignments import
KERAS = ("keras", "matplotlib.pyplot", "scipy.stats", "sklearn.decomposition")


@contextlib.contextmanager
def sandboxes(modules=KERAS):
    """Start the process that forks, with modules imported; gives a class instead of ``Sandbox``."""
    here, there = socket.socketpair()
    forks = subprocess.Popen(
        [*command(), sys.executable, "-c", FORKS, str(there.fileno()), *modules],
        pass_fds=[there.fileno()],
        stderr=subprocess.DEVNULL,
    )
    there.close()
    assert here.recv(5) == b"ready"

    class Forked(Sandbox):
        """A worker that is spoken to as any other; of a submission it sees the notebook alone."""

        def _start(self, role, submission):
            """Ask for a worker."""
            requests, to = os.pipe()
            answers, back = os.pipe()
            socket.send_fds(here, [role.encode()], [requests, back])
            os.close(requests)
            os.close(back)
            return types.SimpleNamespace(
                pid=forks.pid,
                stdin=open(to, "wb", 0),
                stdout=open(answers, "rb"),
                # it ends with its input
                kill=lambda: None,
                wait=lambda: None,
            )

    try:
        yield Forked
    finally:
        here.close()
        forks.kill()
        forks.wait()
