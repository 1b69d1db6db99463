"""The program that has imported already what assignments import, and forks a worker for each run.

    python -m classroom.forks SOCKET

It runs in a sandbox of its own, and no code of a student ever runs in it.  Each worker gets
namespaces of its own before it is given anything: it sees no other process, no file that another
wrote, no other's network, and has no rights to change that.  What it shares with others are pages
of memory as they were after the imports, of which it has its own as soon as it writes to them.
"""

import contextlib
import ctypes
import errno
import fcntl
import gc
import importlib
import json
import os
import random
import shutil
import signal
import socket
import struct
import sys

from matplotlib.backends import registry

HOME = "/home/student"
OWN_FOLDERS = ("/dev/shm", "/tmp", HOME)
# linux/sched.h: mount, uts, ipc, user, pid, net
SPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
NOSUID, NOSUID_NODEV, NOEXEC, READ_ONLY, REMOUNT, BIND, MOVE = 2, 6, 8, 1, 32, 4096, 8192
# of what tells about the machine, where no process can be told about
ABOUT_THE_MACHINE = ("cpuinfo", "meminfo", "stat", "loadavg", "version")
DROP_FROM_BOUNDS, SET_DUMPABLE, NO_NEW_PRIVILEGES = 24, 4, 38
IMPORTED = (
    "keras",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "scipy.ndimage",
    "scipy.stats",
    "sklearn.decomposition",
    "aeutils.core.layers",
    "aeutils.data",
    "aeutils.denoising",
    "aeutils.images",
    "aeutils.plots",
    "aeutils.runtime",
    "classroom.worker",
)
# what the shell of a worker would import when it begins
OF_THE_SHELL = ("IPython.core.completerlib", "IPython.core.magics.pylab", "importlib.metadata")

_library = ctypes.CDLL(None, use_errno=True)


def main(door):
    """Import, then serve requests until the other end is closed."""
    imports()
    # what is there stays: no worker's collection of garbage looks through it, and copies it
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    door.send(b"ready")
    while True:
        message, files, *_ = socket.recv_fds(door, 4096, 4)
        if not message:
            break
        if os.fork() == 0:
            # whatever goes wrong, no copy of this program goes on
            try:
                door.close()
                start(json.loads(message), *files)
            finally:
                os._exit(1)
        for file in files:
            os.close(file)


def imports():
    """Import what assignments use; nothing is computed, since that would start threads."""
    for name in IMPORTED + OF_THE_SHELL:
        # what is not installed is missed by the cell that needs it, if any does
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # `%matplotlib inline` would look through all packages for more ways to draw
    registry.backend_registry.list_all()


def start(given, requests, answers, told, folder=None):
    """Become a worker in namespaces of its own."""
    # a group of its own: a signal to the group goes to all in it, in whatever namespace they are
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    user, group = os.getuid(), os.getgid()
    _done(_library.unshare(SPACES))
    for name, text in {
        "setgroups": "deny",
        "uid_map": f"{user} {user} 1",
        "gid_map": f"{group} {group} 1",
    }.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    for place in OWN_FOLDERS:
        _mount("tmpfs", place, "tmpfs", NOSUID_NODEV, f"size={given['size']},mode=0755")
    if folder is not None:
        # links stay links, and what is no file is left behind
        with contextlib.suppress(OSError):
            shutil.copytree(f"/proc/self/fd/{folder}", HOME, symlinks=True, dirs_exist_ok=True)
        os.close(folder)
    # terminals of its own: one that another opened is a way to talk to it
    _mount("devpts", "/dev/pts", "devpts", NOSUID | NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    _loopback()
    if os.fork():
        os._exit(0)
    # the first process of its namespace, with which all others end
    _processes()
    _drop()
    if os.fork():
        for file in (requests, answers, told):
            os.close(file)
        first_process()
    socket.socket(fileno=told).send(b"x")
    work(given, requests, answers)


def first_process():
    """Wait for the worker, which is the first child, and for all that are left behind."""
    child, _ = os.wait()
    while child != 2:
        child, _ = os.wait()
    os._exit(0)


def work(given, requests, answers):
    """Be the worker."""
    for file, standard in ((requests, 0), (answers, 1)):
        os.dup2(file, standard)
        os.close(file)
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)
    os.closerange(3, 4096)
    os.environ.clear()
    os.environ.update(given["environment"])
    os.chdir(HOME)
    # what is drawn by chance is not the same for everybody
    random.seed()
    sys.modules["numpy"].random.seed()
    from classroom import worker

    worker.main(given["role"])
    os._exit(0)


def _mount(source, target, kind, flags, options=""):
    arguments = [text and text.encode() for text in (source, target, kind)]
    _done(_library.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None))


def _processes():
    """Show the processes of this namespace alone in /proc, or none."""
    try:
        _mount("proc", "/proc", "proc", NOSUID_NODEV | NOEXEC)
        return
    except OSError:
        pass  # what covers parts of the old one would be uncovered: the system refuses
    new = f"{HOME}/.proc"
    os.mkdir(new)
    _mount("tmpfs", new, "tmpfs", NOSUID_NODEV | NOEXEC, "size=64k,mode=0755")
    for name in ABOUT_THE_MACHINE:
        open(f"{new}/{name}", "w").close()
        _mount(f"/proc/{name}", f"{new}/{name}", "", BIND)
    # TensorFlow asks which program it runs in, and ends where it gets no answer
    os.mkdir(f"{new}/self")
    os.symlink(os.path.realpath(sys.executable), f"{new}/self/exe")
    with open(f"{new}/self/cmdline", "w") as file:
        file.write("python\0-m\0classroom.worker\0")
    _mount(new, "/proc", "", MOVE)
    _mount("", "/proc", "", REMOUNT | READ_ONLY | NOSUID_NODEV | NOEXEC)
    os.rmdir(new)


def _loopback():
    """Let a process of the worker reach another by the address of its own machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up, set_flags = 1, 0x8914
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh22x", b"lo", up))


def _drop():
    """Give up all rights over the namespaces, for good."""
    right = 0
    # until the system says that there is no right of this number
    while _library.prctl(DROP_FROM_BOUNDS, right, 0, 0, 0) == 0:
        right += 1
    if ctypes.get_errno() != errno.EINVAL:
        _done(-1)
    head = struct.pack("Ii", 0x20080522, 0)  # version 3 of the call, this process
    _done(_library.capset(head, bytes(24)))
    _done(_library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    # whoever watches its memory may read how much there is
    _done(_library.prctl(SET_DUMPABLE, 1, 0, 0, 0))


def _done(result):
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
