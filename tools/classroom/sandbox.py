"""Processes that can neither reach the teacher's files nor outlive their limits."""

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
MEMORY = 6 * 2**30  # bytes, of all processes of a sandbox together
PROCESSES = 60
# processes and threads, held by the system itself: since Linux 5.14 those of one sandbox alone
# count; it does not hold root to it, which leaves PROCESSES
TASKS = 1000
FOLDER = 256 * 2**20  # bytes that may be written, in memory
LINE = 256 * 2**20  # bytes of one answer
SEND_SECONDS = 30
# how many threads a process computes with, where whoever grades has said it
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class SandboxError(Exception):
    """The process in the sandbox ended, or was ended; the text says why."""


def available():
    """Tell whether bubblewrap is there and may be used on this machine."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return False
    command = [bwrap, "--ro-bind", "/", "/", "--unshare-all", "true"]
    return subprocess.run(command, capture_output=True).returncode == 0


def command(submission=None):
    """Return the bubblewrap command in which a worker runs.

    Only Python, its packages, ``aeutils`` and the worker itself can be seen, read-only; there is
    no network, and no process of the machine.  What is written goes to memory and is gone with
    the sandbox.
    """
    seen = ["/usr", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime"]
    seen += ["/lib", "/lib64", "/bin", "/sbin", "/sys/devices/system/cpu"]
    seen += [sys.base_prefix, sys.prefix, ROOT / "aeutils", ROOT / "tools" / "classroom"]
    arguments = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
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
    """A worker in a sandbox, spoken to in lines of JSON.

    Where the teacher says ``unsafe``, the sandbox is an ordinary process with a folder of its own:
    the limits on time, memory, processes and output hold, but all files can be reached.
    """

    def __init__(self, role, submission=None, unsafe=False):
        self.unsafe = unsafe
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.process = self._start(role, submission)
        for stream in (self.process.stdin, self.process.stdout):
            os.set_blocking(stream.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.process.stdout, selectors.EVENT_READ)
        self._buffer = bytearray()
        self.receive(60)

    def _start(self, role, submission):
        """Start the worker; return its process."""
        worker = [sys.executable, "-m", "classroom.worker", role]
        return subprocess.Popen(
            worker if self.unsafe else [*command(submission), *worker],
            cwd=self.folder.name,
            env=environment(self.folder.name, submission) if self.unsafe else None,
            start_new_session=self.unsafe,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def send(self, message):
        """Send one request; end a sandbox that does not take it."""
        left = memoryview(json.dumps(message).encode() + b"\n")
        deadline = time.monotonic() + SEND_SECONDS
        while left:
            if time.monotonic() > deadline:
                self.close("it no longer listens")
            try:
                left = left[os.write(self.process.stdin.fileno(), left) :]
            except BlockingIOError:
                time.sleep(0.001)
            except (OSError, ValueError):
                self.close("the process ended")

    def receive(self, seconds):
        """Return the next answer; end the sandbox where it passes a limit."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            if time.monotonic() > deadline:
                self.close("it ran past its time limit and could not be interrupted")
            self._watch()
            if self._selector.select(0.1):
                chunk = self.process.stdout.read(2**20)
                if not chunk:
                    self.close("the process ended (os._exit, a crash, or out of memory?)")
                self._buffer += chunk
                if len(self._buffer) > LINE:
                    self.close("it answered with more than can be taken")
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            self.close("it answered with something that is not an answer")

    def _watch(self):
        """End the sandbox where it has too many processes or too much memory."""
        processes = self._processes()
        if len(processes) > PROCESSES:
            self.close(f"it started more than {PROCESSES} processes")
        memory = 0
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                memory += process.memory_info().rss
        if memory > MEMORY:
            self.close(f"it used more than {MEMORY / 2**30:.0f} GiB of memory")

    def _processes(self):
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def close(self, reason=None):
        """End all processes of the sandbox; with a reason, raise it."""
        # the first process of a sandbox takes all others with it; without one, each is told
        others = self._processes() if self.unsafe else []
        self.process.kill()
        for process in others:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        self.folder.cleanup()
        if reason is not None:
            raise SandboxError(reason)
