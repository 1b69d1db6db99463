"""What the book runs on: quiet logs, a report of the device, a Jupyter kernel, and a doctor.

The module itself needs the standard library alone, so that the doctor can speak where nothing is
installed yet.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import logging
import os
import platform
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator

__all__ = ["KERNEL_NAME", "device_report", "doctor", "quiet_logs", "register_kernel"]

logger = logging.getLogger(__name__)

KERNEL_NAME = "autoencoder-book"

INSTALL = "run `python -m aeutils setup`, or `pip install -r requirements.txt`"

# What the registered kernel and quiet_logs set: no log lines of native code (what goes wrong
# reaches Python as an exception anyway), and GPU memory taken as it is needed, so that two
# notebooks can share one GPU.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


# How native code begins a line of its log, and what it says about the first of them: TensorFlow's
# libraries write some before they read TF_CPP_MIN_LOG_LEVEL.
NATIVE_LOG = re.compile(
    rb"[IWE]\d{4} [\d:.]+ +\d+ \S+:\d+\] |WARNING: All log messages before absl::InitializeLog"
)
_stderr_lock = threading.Lock()


def quiet_logs() -> None:
    """Import Keras and its backend without their page of log lines.

    Call it before anything else imports Keras or TensorFlow; later it does nothing.

    While TensorFlow is imported, standard error of the whole process is held back, since
    environment variables come too late for TensorFlow's first lines.  Then everything else that
    was written meanwhile, by any thread, is printed; the log lines go to this module's logger at
    level ``DEBUG``.  If the import fails, all of it is printed.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with _stderr_lock:
        if "tensorflow" in sys.modules:
            return
        with _native_log_kept_back():
            import keras

            # whatever the backend, Keras's set_random_seed imports TensorFlow where it is installed
            if importlib.util.find_spec("tensorflow"):
                import tensorflow  # noqa: F401
            # TensorFlow's first look for a GPU complains where there is none
            _gpu_names(keras.backend.backend())


def device_report() -> str:
    """Say which backend computes, and on which device.

    Returns
    -------
    str
        One line, for instance ``"TensorFlow 2.21.0, Keras 3.15.0, on 2 CPU cores"``.
    """
    quiet_logs()
    import keras

    backend = keras.backend.backend()
    title = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}.get(backend, backend)
    version = importlib.metadata.version(backend)
    gpus = _gpu_names(backend)
    device = ", ".join(gpus) if gpus else f"{os.cpu_count()} CPU cores"
    return f"{title} {version}, Keras {keras.__version__}, on {device}"


def register_kernel() -> str:
    """Register a Jupyter kernel with quiet logs and GPU memory growth.

    In a virtual environment the kernel goes into it, otherwise into the user's own folder.

    Returns
    -------
    str
        Folder of the kernel's description.
    """
    from ipykernel.kernelspec import install

    in_environment = sys.prefix != sys.base_prefix
    return install(
        user=not in_environment,
        prefix=sys.prefix if in_environment else None,
        kernel_name=KERNEL_NAME,
        display_name="Autoencoder book",
        env=ENVIRONMENT,
    )


def doctor() -> bool:
    """Check what the book needs, print it line by line, and say how to fix what is wrong.

    Returns
    -------
    bool
        Whether the chapters can run.  A missing GPU or kernel is reported but does no harm.
    """
    checks = [_check_python, _check_backend, _check_gpu, _check_data, _check_kernel]
    healthy = True
    for check in checks:
        state, text = check()
        print(f"{state:<5} {text}", flush=True)
        healthy &= state != "FAIL"
    if healthy:
        print("The chapters can run.")
    else:
        print("Fix the lines marked FAIL, then rerun this command.")
    return healthy


def _check_python() -> tuple[str, str]:
    # older ones cannot be here: pyproject.toml refuses them when aeutils is installed
    return "ok", f"Python {platform.python_version()}, {sys.prefix}"


def _check_backend() -> tuple[str, str]:
    try:
        return "ok", device_report()
    # a broken installation of a backend can fail in any way
    except Exception as error:
        return "FAIL", (
            f"Keras or its backend does not load ({type(error).__name__}: {error}): {INSTALL}"
        )


def _check_gpu() -> tuple[str, str]:
    try:
        import keras

        backend = keras.backend.backend()
        gpus = _gpu_names(backend)
    except Exception:  # the check of the backend reports it
        backend, gpus = None, []
    if gpus:
        return "ok", f"GPU: {', '.join(gpus)}"
    if shutil.which("nvidia-smi"):
        if backend == "jax":
            advice = f"`pip install 'jax[cuda12]=={importlib.metadata.version('jax')}'`"
        elif backend == "torch":
            advice = "install PyTorch's build for CUDA, see https://pytorch.org/get-started"
        else:
            advice = "`pip install -r requirements-gpu.txt`"
        return "note", f"GPU: present, but the backend does not use it: {advice}"
    return "ok", "GPU: none; every chapter runs on the processor within minutes"


def _check_data() -> tuple[str, str]:
    try:
        from aeutils.data import verify
    except ImportError as error:
        return "FAIL", f"data: not checked ({error}): {INSTALL}"

    problems = [text for text in verify().values() if text != "ok"]
    if problems:
        return "FAIL", "data: " + "; ".join(problems)
    return "ok", f"data: {len(verify())} files, all checksums match"


def _check_kernel() -> tuple[str, str]:
    if importlib.util.find_spec("jupyter_client") is None:
        return "FAIL", f"Jupyter is not installed: {INSTALL}"
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec(KERNEL_NAME)
    except (NoSuchKernel, json.JSONDecodeError, OSError):
        return "note", f"kernel {KERNEL_NAME!r} is not registered: `python -m aeutils kernel`"
    if not os.path.exists(spec.argv[0]) and not shutil.which(spec.argv[0]):
        return "note", f"kernel {KERNEL_NAME!r} names no Python: `python -m aeutils kernel`"
    return "ok", f"kernel {KERNEL_NAME!r}: {spec.resource_dir}"


def _gpu_names(backend: str) -> list[str]:
    """Return the names of the GPUs that a backend can use."""
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
        return [detail.get("device_name", "GPU") for detail in details]
    if backend == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform == "gpu"]
    if backend == "torch":
        import torch

        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return []


@contextlib.contextmanager
def _native_log_kept_back() -> Iterator[None]:
    """Hold back standard error; print all of it if the block fails, else all but native logs."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        original = os.dup(2)
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
            held.seek(0)
            for line in held:
                if failed or not NATIVE_LOG.match(line):
                    os.write(2, line)
                else:
                    logger.debug("%s", line.decode(errors="replace").rstrip())
