"""A limit on the whole of a sandbox's memory that the system holds, where control groups allow it.

It counts what watching processes from outside cannot: files in memory, and what comes and goes
between two looks.
"""

import contextlib
import functools
import itertools
import os
import time
from pathlib import Path

import psutil

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
# where the limit is written, and where it is told that the system has ended a process for it
FILES = {1: ("memory.limit_in_bytes", "memory.oom_control"), 2: ("memory.max", "memory.events")}

_numbers = itertools.count()


class Group:
    """A control group for the processes of one sandbox, which are added by their numbers."""

    def __init__(self, parent, version, limit):
        self.folder = parent / f"submission-{os.getpid()}-{next(_numbers)}"
        self._limit, self._told = FILES[version]
        self.folder.mkdir()
        try:
            (self.folder / self._limit).write_text(str(limit))
        except OSError:
            self.close()
            raise
        with contextlib.suppress(OSError):  # not everywhere, and not without swap
            (self.folder / "memory.swap.max").write_text("0")

    def add(self, number):
        """Count a process, and all that it starts from now on."""
        (self.folder / "cgroup.procs").write_text(str(number))

    def was_full(self):
        """Tell whether the system has ended a process because there was no memory left."""
        with contextlib.suppress(OSError):
            lines = (self.folder / self._told).read_text().split("\n")
            return any(line.startswith("oom_kill ") and line != "oom_kill 0" for line in lines)
        return False

    def close(self):
        """Remove the group; its processes have ended, which the system may see a little later."""
        for _ in range(50):
            try:
                self.folder.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.02)


def group(limit):
    """Return a new group with this limit in bytes, or None where there can be none."""
    found = parent()
    if found is None:
        return None
    try:
        return Group(*found, limit)
    except OSError:
        return None


@functools.cache
def parent():
    """Return the folder in which groups can be made, and the version; None where there is none."""
    for folder, version in _candidates():
        try:
            Group(folder, version, 2**30).close()
        except OSError:
            continue
        # what a grader that was killed has left there
        for left in folder.glob("submission-*-*"):
            if not psutil.pid_exists(int(left.name.split("-")[1])):
                with contextlib.suppress(OSError):
                    left.rmdir()
        return folder, version
    return None


def _candidates():
    """Return folders that may hold groups whose memory is limited, the nearest first."""
    try:
        lines = OWN.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        number, kinds, path = line.split(":", 2)
        if number == "0":
            own = ROOT / path.lstrip("/")
            # the group above has to hand the limit of memory down to those in it
            for folder in (own, *own.parents):
                if not folder.is_relative_to(ROOT):
                    break
                with contextlib.suppress(OSError):
                    if "memory" in (folder / "cgroup.subtree_control").read_text().split():
                        found.append((folder, 2))
        elif "memory" in kinds.split(","):
            found.append((ROOT / "memory" / path.lstrip("/"), 1))
    return found
