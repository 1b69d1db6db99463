"""Store measured results beside the scripts that measured them."""

import hashlib
import json
import platform
from datetime import date
from pathlib import Path

from aeutils import data
from aeutils.core.files import atomic_write
from aeutils.runtime import device_report

FOLDER = Path(__file__).resolve().parent


def write(name, results):
    """Write results as ``benchmarks/<name>.json``, with the day and the machine in front."""
    machine = {"date": date.today().isoformat(), "processor": processor(), "on": device_report()}
    path = FOLDER / f"{name}.json"
    with atomic_write(path) as file:
        # of results that were stored before, neither the day nor the machine is kept
        text = json.dumps({**machine, **results, **machine}, indent=2)
        file.write((text + "\n").encode())
    print(f"written: {path.relative_to(FOLDER.parent)}")


def read(name):
    """Return the results stored as ``benchmarks/<name>.json``."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def so_far(name):
    """Return what is stored as ``benchmarks/<name>.json``, empty where there is nothing yet."""
    return read(name) if (FOLDER / f"{name}.json").exists() else {}


def merged(old, new):
    """Return nested dictionaries with what is new in the place of what is old."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: merged(old.get(key), value) for key, value in new.items()}
    return new


def words_and_seeds(words, seeds):
    """Return the words without ``--seed N``, and that seed alone or else `seeds`."""
    if "--seed" not in words:
        return words, seeds
    at = words.index("--seed")
    return words[:at] + words[at + 2 :], (int(words[at + 1]),)


def ship(name, content):
    """Write weights into the book as ``aeutils/data/<name>``, with their checksum."""
    with atomic_write(data.FOLDER / name) as file:
        file.write(content)
    listed = data.FOLDER / "checksums.json"
    checksums = json.loads(listed.read_text()) | {name: hashlib.sha256(content).hexdigest()}
    with atomic_write(listed) as file:
        file.write((json.dumps(checksums, indent=2) + "\n").encode())


def processor():
    """Return the processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
