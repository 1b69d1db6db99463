"""Make the book's own Python environment in ``.venv``; ``make setup`` runs this, by commands.py.

Uses the standard library alone, since nothing else is there yet.  The environment is reused
while the requirements and the Python stay as they were; an interrupted installation goes on
where it stopped.
"""

import argparse
import hashlib
import os
import platform
import subprocess
import sys

from commands import PYTHON, ROOT, VENV


def fingerprint(requirements):
    """Return a digest of all that decides what the environment holds."""
    digest = hashlib.sha256(sys.version.encode() + os.path.basename(requirements).encode())
    for name in ("requirements.txt", "requirements-gpu.txt", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def main():
    """Make or reuse the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", action="store_true", help="install requirements-gpu.txt")
    arguments = parser.parse_args()

    requirements = "requirements-gpu.txt" if arguments.gpu else "requirements.txt"
    requirements = os.path.join(ROOT, requirements)
    stamp = os.path.join(VENV, "made-from")
    # an environment with the CUDA libraries serves commands that do not ask for them, too
    good_enough = {fingerprint(requirements), fingerprint("requirements-gpu.txt")}
    if os.path.exists(stamp) and works(PYTHON):
        with open(stamp) as file:
            if file.read() in good_enough:
                return
    if not works(PYTHON):
        print(f"Making .venv with Python {platform.python_version()}", flush=True)
        # not sys.executable, which may be the environment's own Python that is replaced here
        if subprocess.call([sys._base_executable, "-m", "venv", "--clear", VENV]):
            sys.exit("Making .venv failed, see above. (Debian, Ubuntu: apt install python3-venv)")
    print(f"Installing {os.path.basename(requirements)} into .venv (minutes, once)", flush=True)
    pip = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=on"]
    if subprocess.call([*pip, "-r", requirements]) or subprocess.call(
        [*pip, "--quiet", "--no-deps", "--editable", ROOT]
    ):
        sys.exit(
            "The installation failed; what pip said is above. Without network access or disk\n"
            "space (about 3 GB) it cannot finish. Run the same command again to go on."
        )
    subprocess.check_call([PYTHON, "-m", "aeutils", "kernel"], cwd=ROOT)
    with open(stamp, "w") as file:
        file.write(fingerprint(requirements))
    print("Ready: .venv", flush=True)


def works(python):
    """Tell whether the environment's Python is there, runs, and is of this version."""
    try:
        version = subprocess.check_output(
            [python, "-c", "import sys, pip; print(sys.version)"], stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return version.decode().strip() == sys.version.strip()


if __name__ == "__main__":
    main()
