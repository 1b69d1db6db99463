"""Run the book's commands.

`setup`, `book`, `lab` and `test` need the book's folder and a bare Python; they do what the
commands of `make` with the same names do.
"""

from __future__ import annotations

import argparse
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import aeutils

# in the book's folder; it holds the steps that `make` runs, too
COMMANDS = Path(__file__).resolve().parent.parent / "tools" / "commands.py"
# endings of files that are never the other kind
SOUNDS = {".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".m4a", ".aac"}
PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".pdf"}
OF_THE_BOOK = {
    "setup": "install what the book needs in .venv",
    "book": "render the book",
    "lab": "open the chapters in JupyterLab",
    "test": "check the code, the book and every chapter",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m aeutils", description=__doc__)
    parser.add_argument("--version", action="version", version=f"aeutils {aeutils.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in OF_THE_BOOK.items():
        commands.add_parser(name, help=summary)
    commands.add_parser("doctor", help="check what the book needs, and say how to fix it")
    commands.add_parser("kernel", help="register a Jupyter kernel for the chapters")
    commands.add_parser("data", help="check the data files against their checksums")
    denoise = commands.add_parser(
        "denoise",
        help="clean a scanned page, a photograph or recorded speech: a file in, a file out",
    )
    denoise.add_argument(
        "source",
        metavar="IN",
        help="scanned page, photograph or sound file; never changed",
    )
    denoise.add_argument(
        "target", metavar="OUT", help="new file: .png, .tif, .tiff, .jpg, .jpeg; .wav for sound"
    )
    kinds = denoise.add_mutually_exclusive_group()
    kinds.add_argument("--page", action="store_true", help="the picture is a page")
    kinds.add_argument("--photograph", action="store_true", help="the picture is a photograph")
    parsed = parser.parse_args(arguments)
    if parsed.command in OF_THE_BOOK:
        return _of_the_book(parsed.command)
    if parsed.command == "doctor":
        return _doctor()
    if parsed.command == "kernel":
        return _kernel()
    if parsed.command == "denoise":
        is_sound = Path(parsed.target).suffix.lower() == ".wav"
        if problem := _other_kind(Path(parsed.source), is_sound):
            print(f"python -m aeutils denoise: {problem}", file=sys.stderr)
            return 1
        if is_sound:
            return _denoise_sound(parsed.source, parsed.target)
        return _denoise(parsed.source, parsed.target, parsed.page, parsed.photograph)
    return _data()


def _of_the_book(command: str) -> int:
    """Run a command that needs the book's folder, not the package alone."""
    if not COMMANDS.exists():
        problem = "this command needs the book's folder; run it in a clone of its repository."
        print(f"python -m aeutils {command}: {problem}", file=sys.stderr)
        return 2
    status: int = runpy.run_path(str(COMMANDS))["main"]([command])
    return status


def _doctor() -> int:
    """Check the environment .venv of the book's folder, or else this Python's."""
    if COMMANDS.exists():
        python = Path(runpy.run_path(str(COMMANDS))["PYTHON"])
        if python.exists() and not python.parent.parent.samefile(sys.prefix):
            return subprocess.call([python, "-m", "aeutils", "doctor"])
    from aeutils import runtime

    return 0 if runtime.doctor() else 1


def _kernel() -> int:
    """Register the kernel."""
    from aeutils import runtime

    folder = runtime.register_kernel()
    print(f"kernel {runtime.KERNEL_NAME!r} is in {folder}; choose it in Jupyter's kernel menu")
    return 0


def _data() -> int:
    """Check the data files."""
    from aeutils.data import verify

    report = verify()
    for name, state in report.items():
        print(f"{name}: {state}")
    return 0 if set(report.values()) == {"ok"} else 1


def _other_kind(source: Path, is_sound: bool) -> str | None:
    """Return what is wrong where the names ask for a picture of a sound, or the other way round."""
    ending = source.suffix.lower()
    if ending in SOUNDS and not is_sound:
        return f"{source} is named as sound; give the output a name that ends in .wav."
    if ending in PICTURES and is_sound:
        return f"{source} is named as a picture; give the output a name that ends in .png."
    return None


def _denoise(source: str, target: str, page: bool, photograph: bool) -> int:
    """Clean a picture, a page with a progress bar; say in one sentence what went wrong.

    Where neither kind is asked for, a picture of many colours is taken for a photograph.
    """
    import time
    import warnings

    from aeutils.core.errors import AeutilsError
    from aeutils.core.pictures import checked_target
    from aeutils.core.progress import show_progress
    from aeutils.denoising import colourful, denoise_photograph_file
    from aeutils.documents import clean_file  # brings SciPy and Pillow
    from aeutils.images import load_photograph
    from aeutils.runtime import quiet_logs

    began, unfinished = time.perf_counter(), False

    def on_tile(done: int, n_tiles: int) -> None:
        nonlocal unfinished
        unfinished = done < n_tiles
        show_progress(done, n_tiles, began=began)

    try:
        with warnings.catch_warnings():
            # Pillow's remarks on odd files, which it reads nevertheless
            warnings.simplefilter("ignore")
            # what can be refused without a network is, before seconds go into importing Keras
            checked_target(Path(source), Path(target))
            if not page and not photograph:
                photograph = colourful(load_photograph(source, longest=512))
            quiet_logs()
            if photograph:
                denoise_photograph_file(source, target)
            else:
                clean_file(source, target, on_tile=on_tile)
    except (AeutilsError, OSError) as error:
        problem = " ".join(str(error).split())
    except MemoryError:
        problem = f"the memory is too small for {source}; make the picture smaller."
    except KeyboardInterrupt:
        problem = "stopped; nothing was written."
    else:
        print(f"{target}: written" + ", as a photograph (--page for a page)" * photograph)
        return 0
    print("\n" * unfinished + f"python -m aeutils denoise: {problem}", file=sys.stderr)
    return 1


def _denoise_sound(source: str, target: str) -> int:
    """Clean recorded speech; say in one sentence what went wrong."""
    import warnings

    from aeutils.audio import denoise_audio
    from aeutils.core.errors import AeutilsError, DataFileError
    from aeutils.runtime import quiet_logs

    try:
        # as with pictures; denoise_audio itself replaces what is there
        if os.path.lexists(target) and os.path.exists(source):
            if os.path.exists(target) and os.path.samefile(source, target):
                raise DataFileError(f"{target} is the input itself; choose another name.")
            raise DataFileError(
                f"{target} exists already and is not replaced; choose another name or delete it "
                "first."
            )
        quiet_logs()
        with warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always", UserWarning)
            denoise_audio(source, target)
    except (AeutilsError, OSError) as error:
        problem = " ".join(str(error).split())
    except KeyboardInterrupt:
        problem = "stopped; nothing was written."
    else:
        for remark in remarks:
            if issubclass(remark.category, UserWarning):
                print(f"python -m aeutils denoise: {remark.message}", file=sys.stderr)
        print(f"{target}: written")
        return 0
    print(f"python -m aeutils denoise: {problem}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
