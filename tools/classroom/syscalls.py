"""System calls that a sandbox refuses.

Memory that they give is counted nowhere, or what they store can be read by another sandbox (keys).
"""

import contextlib
import platform
import struct
import tempfile

# the number of the architecture, of setsockopt, and of memfd_create, memfd_secret, shmget, add_key,
# request_key, keyctl and io_uring_setup (which would do what others may not) on it (linux/audit.h,
# asm/unistd.h)
_KNOWN = {
    "x86_64": (0xC000003E, 54, (319, 447, 29, 248, 249, 250, 425)),
    "aarch64": (0xC00000B7, 208, (279, 447, 194, 217, 218, 219, 425)),
}
# what setsockopt may not set: how much a socket holds that nobody has read (asm/socket.h)
_OF_SOCKETS, _BUFFERS = 1, (7, 8, 32, 33)
# operations of a filter, and what it answers (linux/bpf_common.h, linux/seccomp.h)
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # "operation not permitted"
_X32 = 0x40000000  # from here on, the same calls of x86_64 under other numbers
# where in its data the call, the architecture, and the second and third argument stand
_CALL, _ARCHITECTURE, _SECOND, _THIRD = 0, 4, 24, 32


def program():
    """Return the filter as bytes."""
    architecture, setsockopt, refused = _KNOWN[platform.machine()]
    # operation, value, where to go on where it is so, and where not; at the next if it is not said
    steps = [(_LOAD, _ARCHITECTURE, "", ""), (_EQUAL, architecture, "", "refuse")]
    steps += [(_LOAD, _CALL, "", ""), (_AT_LEAST, _X32, "refuse", "")]
    steps += [(_EQUAL, call, "refuse", "") for call in refused]
    steps += [(_EQUAL, setsockopt, "", "allow")]
    steps += [(_LOAD, _SECOND, "", ""), (_EQUAL, _OF_SOCKETS, "", "allow"), (_LOAD, _THIRD, "", "")]
    steps += [(_EQUAL, option, "refuse", "") for option in _BUFFERS]
    ends = {"allow": len(steps), "refuse": len(steps) + 1}
    steps += [(_RETURN, _ALLOW, "", ""), (_RETURN, _REFUSE, "", "")]
    # the processor of the filter counts how many steps to skip
    skips = [
        [ends[place] - at - 1 if place else 0 for place in places]
        for at, (_, _, *places) in enumerate(steps)
    ]
    return b"".join(
        struct.pack("HBBI", what, yes, no, value)
        for (what, value, *_), (yes, no) in zip(steps, skips, strict=True)
    )


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
