"""Workers that need not import Keras again, which is half of the time of a submission.

One process in a sandbox has imported what assignments import, and forks a worker for each side of
each submission, into namespaces of its own (forks.py).
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading

import psutil

from classroom import sandbox, syscalls

IMPORT_SECONDS = 120
START_SECONDS = 30


class WarmError(Exception):
    """No worker can be forked; the text says why."""


class Worker:
    """A forked worker: what :class:`subprocess.Popen` is for one that is started anew."""

    def __init__(self, pid, requests, answers):
        self._pid = pid
        self._handle = os.pidfd_open(pid)
        self.stdin = os.fdopen(requests, "wb", 0)
        self.stdout = os.fdopen(answers, "rb", 0)

    @property
    def pid(self):
        """Its number, as long as that is not another's."""
        if self.poll() is not None:
            raise psutil.NoSuchProcess(self._pid)
        return self._pid

    def poll(self):
        """Return 0 where it has ended, else None."""
        handle = self._handle
        if handle is None:
            return 0
        # one that another thread has closed, after the end, is told as if it could be read
        return 0 if _ended(handle, 0) else None

    def kill(self):
        """End it and all its processes."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def wait(self):
        """Wait until it has ended."""
        if self._handle is not None and _ended(self._handle, 10):
            os.close(self._handle)
            self._handle = None


def _ended(handle, seconds):
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


PROGRAM = ("-m", "classroom.forks")


class Forks:
    """The process that forks.

    Parameters
    ----------
    program : tuple of str
        What Python is given; the next argument is the number of the socket.

    Raises
    ------
    WarmError
        If this machine does not allow it, or something is missing.
    """

    def __init__(self, program=PROGRAM):
        self._lock = threading.Lock()
        self._door, there = socket.socketpair()
        program = [sys.executable, *program, str(there.fileno())]
        # who is root has to be allowed to stay it in a namespace of a namespace
        more = ["--cap-add", "CAP_SETFCAP"] if os.getuid() == 0 else []
        with there, syscalls.rules() as (rules, files):
            self.process = subprocess.Popen(
                [*sandbox.command(), *more, *rules, *program],
                env={},
                pass_fds=[*files, there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C is for the grader, which ends this one
                start_new_session=True,
            )
        self._door.settimeout(IMPORT_SECONDS)
        try:
            ready = self._door.recv(5)
        except OSError:
            ready = b""
        if ready != b"ready":
            self.close()
            raise WarmError("what assignments import could not be imported beforehand")
        self._try()

    def _try(self):
        """Fork a worker, and look whether its memory can be watched."""
        try:
            worker = self.start("student", None)
        except WarmError:
            self.close()
            raise
        try:
            (process,) = psutil.Process(worker.pid).children()
            process.memory_full_info()
        except (psutil.Error, ValueError):
            self.close()
            raise WarmError("the memory of a forked worker cannot be watched") from None
        finally:
            worker.kill()
            worker.wait()
            worker.stdin.close()
            worker.stdout.close()

    def start(self, role, submission, group=None):
        """Return a new worker, whose first process is known by its number on this machine.

        It waits for its first request, so that no code of a student runs before it is in a group.
        """
        requests, to = os.pipe()
        back, answers = os.pipe()
        here, told = socket.socketpair()
        files = [requests, answers, told.fileno()]
        here.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        here.settimeout(START_SECONDS)
        folder = None
        try:
            if submission is not None:
                folder = os.open(submission, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            seen = sandbox.environment("/home/student", None) | {"TASKS": str(sandbox.TASKS)}
            message = {"role": role, "environment": seen, "size": sandbox.FOLDER}
            given = [*files, folder] if folder is not None else files
            with self._lock:
                socket.send_fds(self._door, [json.dumps(message).encode()], given)
            # its own copy has to be closed, or the end of the worker would not be noticed
            told.close()
            said, more, _, _ = here.recvmsg(1, socket.CMSG_SPACE(12))
            if not said:
                raise ValueError("it ended before it had begun")
            ((_, _, content),) = more
            number, _, _ = struct.unpack("3i", content)
            first = psutil.Process(number).ppid()
            for process in (first, number) if group else ():
                group.add(process)
            return Worker(first, to, back)
        except (OSError, ValueError, psutil.Error) as error:
            os.close(to)
            os.close(back)
            raise WarmError(f"a worker could not be forked: {error}") from None
        finally:
            here.close()
            told.close()
            for file in (requests, answers, *([] if folder is None else [folder])):
                os.close(file)

    def close(self):
        """End it, and with it all its workers."""
        self._door.close()
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def forks(program=PROGRAM):
    """Let all sandboxes be forked while this lasts, where that is possible; gives why not.

    Within another such block, that one's process forks.
    """
    if sandbox.WARM is not None:
        yield ""
        return
    why, warm = "", None
    try:
        warm = Forks(program)
    except WarmError as error:
        why = str(error)
    sandbox.WARM = warm
    try:
        yield why
    finally:
        sandbox.WARM = None
        if warm:
            warm.close()
