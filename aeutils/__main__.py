"""Command line: ``python -m aeutils doctor``, ``kernel``, ``data`` or ``denoise``."""

import argparse
import sys
import time
import warnings

from aeutils import runtime
from aeutils.data import verify
from aeutils.errors import AeutilsError


def main(arguments=None):
    """Run one of the commands; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m aeutils", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("doctor", help="check what the book needs, and say how to mend it")
    commands.add_parser("kernel", help="register a Jupyter kernel for the chapters")
    commands.add_parser("data", help="check the data files against their checksums")
    denoise = commands.add_parser("denoise", help="clean a scanned page: a file in, a file out")
    denoise.add_argument("source", metavar="IN", help="picture file of one page; never changed")
    denoise.add_argument("target", metavar="OUT", help="new file: .png, .tif, .tiff, .jpg, .jpeg")
    parsed = parser.parse_args(arguments)
    command = parsed.command
    if command == "doctor":
        return 0 if runtime.doctor() else 1
    if command == "kernel":
        folder = runtime.register_kernel()
        print(f"kernel {runtime.KERNEL_NAME!r} is in {folder}; choose it in Jupyter's kernel menu")
        return 0
    if command == "denoise":
        return _denoise(parsed.source, parsed.target)
    report = verify()
    for name, state in report.items():
        print(f"{name}: {state}")
    return 0 if set(report.values()) == {"ok"} else 1


def _denoise(source, target):
    """Clean a scanned page with a progress bar; say in one sentence what went wrong."""
    from aeutils.cleaning import clean_file, show_progress  # brings SciPy and Pillow

    began, unfinished = time.perf_counter(), False

    def on_tile(done, n_tiles):
        nonlocal unfinished
        unfinished = done < n_tiles
        show_progress(done, n_tiles, began=began)

    try:
        with warnings.catch_warnings():
            # Pillow's remarks on odd files, which it reads nevertheless
            warnings.simplefilter("ignore")
            clean_file(source, target, on_tile=on_tile)
    except (AeutilsError, OSError) as error:
        problem = " ".join(str(error).split())
    except MemoryError:
        problem = f"the memory does not suffice for {source}; make the picture smaller."
    except KeyboardInterrupt:
        problem = "stopped; nothing was written."
    else:
        print(f"{target}: written")
        return 0
    print("\n" * unfinished + f"python -m aeutils denoise: {problem}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
