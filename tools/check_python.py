"""Stop, with what to do, where TensorFlow has no build for this Python; `make setup` asks first.

Written so that every Python understands it, down to 2.7: an old one must hear that it is too
old, not that there is a syntax error.
"""

import platform
import struct
import sys

SUPPORTED = [(3, 11), (3, 12), (3, 13)]  # what TensorFlow of requirements.txt is built for


def problem(version, bits, system, machine):
    """Return what is wrong with a Python and what to do, or None.

    ``version`` is a tuple like ``sys.version_info``; the others are as ``struct`` and
    ``platform`` tell them.
    """
    if tuple(version[:2]) not in SUPPORTED:
        names = [str(major) + "." + str(minor) for major, minor in SUPPORTED]
        found = ".".join(str(part) for part in version[:3])
        return (
            "Python " + found + " (" + sys.executable + ") is not supported: TensorFlow is built "
            "for Python " + ", ".join(names) + ".\n"
            "Install one of these, then name it: make setup PYTHON=python" + names[1] + ", or, "
            "where there is no make: python" + names[1] + " -m aeutils setup"
        )
    if bits < 64:
        return "This is a 32-bit Python; TensorFlow needs a 64-bit one. Install that."
    if (system, machine) == ("Darwin", "x86_64"):
        return "TensorFlow is no longer built for Intel Macs; use Colab or Binder, see README.md."
    return None


if __name__ == "__main__":
    sys.exit(
        problem(sys.version_info, 8 * struct.calcsize("P"), platform.system(), platform.machine())
    )
