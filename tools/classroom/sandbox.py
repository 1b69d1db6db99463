"""Processes that can neither reach the teacher's files nor outlive their limits."""

import contextlib
import glob
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from classroom import cgroup, syscalls

ROOT = Path(__file__).resolve().parent.parent.parent
MEMORY = 6 * 2**30  # bytes, of all processes of a sandbox together
PROCESSES = 60
# processes and threads, held by the system itself: since Linux 5.14 those of one sandbox alone
# count; it does not hold root to it, which leaves PROCESSES
TASKS = 1000
FOLDER = 256 * 2**20  # bytes that may be written to each folder, in memory
ANSWER = 8 * 2**20  # bytes of one answer: it is read here, as JSON
CARGO = 256 * 2**20  # bytes of the values that come with it: they pass through, unread
SEND_SECONDS = 30
# how many threads a process computes with, where whoever grades has said it
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
WATCH_SECONDS = 0.1
TOO_MUCH = "it used more than {:.1f} GiB of memory"
# begins a program as a member of a control group, whose folder comes first
MEMBER = ("/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"')
# what workers are forked from while many submissions are graded (warm.py)
WARM = None


class SandboxError(Exception):
    """The process in the sandbox ended, or was ended; the text says why."""


def missing():
    """Tell why there is no sandbox on this machine; empty where there is one."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return (
            "bubblewrap is not installed (Debian and Ubuntu: apt install bubblewrap; it exists "
            "on Linux only)"
        )
    # all that a submission gets, since machines forbid one thing or the other
    tried = subprocess.run([*command(), "true"], capture_output=True, text=True)
    if tried.returncode == 0:
        return ""
    words = tried.stderr.strip() or f"exit status {tried.returncode}"
    return (
        f"bubblewrap is installed, but may not be used; it says: {words}. Ubuntu from 24.04 on "
        "forbids it by AppArmor, and containers do unless they are told otherwise; the page "
        "'Teaching with this book' says what to do (On any machine)"
    )


def command(submission=None):
    """Return the bubblewrap command in which a worker runs.

    Only Python, its packages, ``aeutils`` and the worker itself can be seen, read-only; there is
    no network, and no process of the machine.  What is written goes to memory and is gone with
    the sandbox.
    """
    seen = ["/usr", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime"]
    seen += ["/lib", "/lib64", "/bin", "/sbin", "/sys/devices/system/cpu"]
    seen += [sys.base_prefix, sys.prefix, ROOT / "aeutils", ROOT / "tools" / "classroom"]
    arguments = [
        shutil.which("bwrap"),
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
    ]
    arguments += ["--cap-drop", "ALL", "--hostname", "sandbox", "--proc", "/proc", "--dev", "/dev"]
    for folder in ("/dev/shm", "/tmp", "/home/student"):
        arguments += ["--size", str(FOLDER), "--tmpfs", folder]
    for path in map(str, seen):
        arguments += ["--ro-bind-try", path, path]
    if submission is not None:
        arguments += ["--ro-bind", str(submission), "/submission"]
    for name, value in environment("/home/student", submission and "/submission").items():
        arguments += ["--setenv", name, value]
    arguments += ["--setenv", "TASKS", str(TASKS)]
    # what is left writable are the folders with a size
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return [*arguments, "--chdir", "/home/student"]


def environment(home, submission):
    """Return the variables that a worker sees."""
    return {
        "HOME": home,
        "SUBMISSION": str(submission or ""),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": f"{ROOT / 'tools'}{os.pathsep}{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "agg",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **{name: os.environ[name] for name in THREADS if name in os.environ},
    }


class Sandbox:
    """A worker in a sandbox, spoken to in lines of JSON, with bytes after a line that has any.

    Its limits are watched from its first moment to its last, whoever is being waited for.
    Where the teacher says ``unsafe``, the sandbox is an ordinary process with a folder of its own:
    the limits on time, memory, processes and output hold, but all files can be reached.
    """

    def __init__(self, role, submission=None, unsafe=False):
        self.unsafe = unsafe
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        # files in its three folders count, besides what its processes have
        self.group = None if unsafe else cgroup.group(MEMORY + 3 * FOLDER)
        self.process = self._start(role, submission)
        for stream in (self.process.stdin, self.process.stdout):
            os.set_blocking(stream.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.process.stdout, selectors.EVENT_READ)
        self._buffer = bytearray()
        self._reason = None
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()
        self.receive(60)

    def _start(self, role, submission):
        """Start the worker; return its process."""
        worker = [sys.executable, "-m", "classroom.worker", role]
        given = {"cwd": self.folder.name, "start_new_session": self.unsafe}
        given |= {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        given |= {"stderr": subprocess.DEVNULL}
        if self.unsafe:
            seen = environment(self.folder.name, submission)
            return subprocess.Popen(worker, env=seen, **given)
        if WARM is not None:
            # else it is started as if there were none
            with contextlib.suppress(Exception):
                return WARM.start(role, submission, self.group)
        member = [*MEMBER, self.group.folder] if self.group else []
        with syscalls.rules() as (rules, files):
            # the variables that bubblewrap is started with can be read inside: there are none
            return subprocess.Popen(
                [*member, *command(submission), *rules, *worker], env={}, pass_fds=files, **given
            )

    def send(self, message, cargo=b""):
        """Send one request; end a sandbox that does not take it."""
        line = json.dumps({**message, "bytes": len(cargo)}).encode() + b"\n"
        deadline = time.monotonic() + SEND_SECONDS
        for part in (line, cargo):
            left = memoryview(part)
            while left:
                if time.monotonic() > deadline:
                    self.close("it no longer listens")
                try:
                    left = left[os.write(self.process.stdin.fileno(), left) :]
                except BlockingIOError:
                    time.sleep(0.001)
                except (OSError, ValueError):
                    self.close(self._reason or "the process ended")

    def receive(self, seconds):
        """Return the next answer, a dict, and its cargo; end the sandbox where it passes a limit.

        The cargo is not looked into: what is in it may be anything.
        """
        deadline = time.monotonic() + seconds
        line = self._take(deadline, ANSWER)
        try:
            answer = json.loads(line)
            size = answer.pop("bytes")
            if type(size) is not int or size < 0:
                raise ValueError(size)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.close("it answered with something that is not an answer")
        if size > CARGO:
            self.close("it answered with more than can be taken")
        return answer, self._take(deadline, CARGO, size)

    def _take(self, deadline, largest, size=None):
        """Return so many bytes of what the process writes, or those up to the end of a line."""
        looked = 0
        while size is None or len(self._buffer) < size:
            if size is None:
                end = self._buffer.find(b"\n", looked)
                looked = len(self._buffer)
                if end >= 0:
                    size = end + 1
                    continue
            if len(self._buffer) > largest:
                self.close("it answered with more than can be taken")
            left = deadline - time.monotonic()
            if left <= 0:
                # it may have been too much for whoever watches to come to it
                late = "it ran past its time limit and could not be interrupted"
                self.close(self._beyond() or late)
            if self._selector.select(min(left, 1)):
                chunk = self.process.stdout.read(2**20)
                if not chunk:
                    self.close(self._reason or self._why_it_ended())
                self._buffer += chunk
        taken, self._buffer = bytes(self._buffer[:size]), self._buffer[size:]
        return taken

    def _why_it_ended(self):
        if self.group and self.group.was_full():
            return TOO_MUCH.format(MEMORY / 2**30)
        return "the process ended (os._exit, a crash, or out of memory?)"

    def _watch(self):
        """End the sandbox as soon as it has too many processes or too much memory."""
        while not self._beyond() and not self._ended.wait(WATCH_SECONDS):
            pass
        if self._reason is not None:
            self._kill()

    def _beyond(self):
        """Look whether it is beyond a limit; return the reason to end it, or None."""
        try:
            processes = started_by(self.process.pid, PROCESSES + 1)
        except psutil.NoSuchProcess:  # it has ended by itself
            return self._reason
        if len(processes) > PROCESSES:
            self._reason = f"it started more than {PROCESSES} processes"
        # what several processes share counts once; that takes longer to find out
        elif _memory(processes, "rss") > MEMORY and _memory(processes, "pss") > MEMORY:
            self._reason = TOO_MUCH.format(MEMORY / 2**30)
        return self._reason

    def _kill(self):
        # the first process of a sandbox takes all others with it; without one, each is told
        others = started_by(self.process.pid) if self.unsafe else []
        self.process.kill()
        for process in others:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def close(self, reason=None):
        """End all processes of the sandbox; with a reason, raise it."""
        self._ended.set()
        self._kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        self.folder.cleanup()
        if self.group:
            self.group.close()
        if reason is not None:
            raise SandboxError(reason)


def started_by(pid, most=None):
    """Return the processes that one has started, and those in turn; with ``most``, so many of them.

    While a fork bomb goes off, a look at all processes takes longer than it takes to fill the
    machine; a look at the first few does not.
    """
    if most is None or not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).children(recursive=True)
        return []
    found, left = [], [pid]
    while left and len(found) < most:
        children = []
        # each thread has those that it has started
        for path in glob.glob(f"/proc/{left.pop()}/task/*/children"):
            with contextlib.suppress(OSError), open(path) as file:
                children += map(int, file.read().split())
        left += children[:most]
        for child in children[:most]:
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(child))
    return found[:most]


def _memory(processes, kind):
    """Return the bytes of all processes: all that each sees ("rss"), or its part of it ("pss")."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            known = process.memory_info() if kind == "rss" else process.memory_full_info()
            total += getattr(known, kind)
    return total
