"""System calls that a sandbox refuses.

Memory that they give is counted nowhere, or what they store can be read by another sandbox (keys).
"""

import contextlib
import platform
import struct
import tempfile

# the number of the architecture, and of memfd_create, memfd_secret, shmget, add_key, request_key
# and keyctl on it
# (linux/audit.h, asm/unistd.h)
_KNOWN = {
    "x86_64": (0xC000003E, (319, 447, 29, 248, 249, 250)),
    "aarch64": (0xC00000B7, (279, 447, 194, 217, 218, 219)),
}
# operations of a filter, and what it answers (linux/bpf_common.h, linux/seccomp.h)
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # "operation not permitted"
_X32 = 0x40000000  # from here on, the same calls of x86_64 under other numbers


def program():
    """Return the filter as bytes."""
    architecture, refused = _KNOWN[platform.machine()]
    # (operation, value, how many steps to skip where it is so, and where not)
    to_refuse = len(refused) + 1
    steps = [(_LOAD, 4, 0, 0), (_EQUAL, architecture, 0, to_refuse + 2), (_LOAD, 0, 0, 0)]
    steps.append((_AT_LEAST, _X32, to_refuse, 0))
    steps += [(_EQUAL, call, len(refused) - at, 0) for at, call in enumerate(refused)]
    steps += [(_RETURN, _ALLOW, 0, 0), (_RETURN, _REFUSE, 0, 0)]
    return b"".join(struct.pack("HBBI", what, yes, no, value) for what, value, yes, no in steps)


@contextlib.contextmanager
def rules():
    """Open the filter as a file; gives bubblewrap's arguments and the files it has to be given.

    On an architecture whose numbers are not known here there is no filter.
    """
    if platform.machine() not in _KNOWN:
        yield [], []
        return
    with tempfile.TemporaryFile() as file:
        file.write(program())
        file.seek(0)
        yield ["--seccomp", str(file.fileno())], [file.fileno()]
