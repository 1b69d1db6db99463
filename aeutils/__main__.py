"""Command line: ``python -m aeutils doctor``, ``kernel`` or ``data``."""

import argparse
import sys

from aeutils import runtime
from aeutils.data import verify


def main(arguments=None):
    """Run one of the commands; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m aeutils", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("doctor", help="check what the book needs, and say how to mend it")
    commands.add_parser("kernel", help="register a Jupyter kernel for the chapters")
    commands.add_parser("data", help="check the data files against their checksums")
    command = parser.parse_args(arguments).command
    if command == "doctor":
        return 0 if runtime.doctor() else 1
    if command == "kernel":
        folder = runtime.register_kernel()
        print(f"kernel {runtime.KERNEL_NAME!r} is in {folder}; choose it in Jupyter's kernel menu")
        return 0
    report = verify()
    for name, state in report.items():
        print(f"{name}: {state}")
    return 0 if set(report.values()) == {"ok"} else 1


if __name__ == "__main__":
    sys.exit(main())
