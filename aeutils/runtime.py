"""What the book runs on: quiet logs, a report of the device, a Jupyter kernel, and a doctor."""

import contextlib
import importlib.metadata
import importlib.util
import json
import logging
import os
import platform
import shutil
import sys
import tempfile

from aeutils.data import verify

__all__ = ["KERNEL_NAME", "device_report", "doctor", "quiet_logs", "register_kernel"]

KERNEL_NAME = "autoencoder-book"

# What the registered kernel and quiet_logs set: no log lines of native code (what goes wrong
# reaches Python as an exception anyway), and GPU memory taken as it is needed, so that two
# notebooks can share one GPU.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


def quiet_logs():
    """Import Keras and its backend without their page of log lines.

    Call it before anything else imports Keras or TensorFlow.  Errors still show: where the
    import fails, all that it had to say is printed.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with _stderr_kept_back():
        import keras

        # whatever the backend, Keras's set_random_seed imports TensorFlow where it is installed
        if importlib.util.find_spec("tensorflow"):
            import tensorflow  # noqa: F401
        # TensorFlow's first look for a GPU complains where there is none
        _gpu_names(keras.backend.backend())


def device_report():
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


def register_kernel():
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


def doctor():
    """Check what the book needs, print it line by line, and say how to mend what is amiss.

    Returns
    -------
    bool
        Whether the chapters can run.  A missing GPU or kernel is told but does no harm.
    """
    checks = [_check_python, _check_backend, _check_gpu, _check_data, _check_kernel]
    healthy = True
    for check in checks:
        state, text = check()
        print(f"{state:<5} {text}", flush=True)
        healthy &= state != "FAIL"
    print("The chapters can run." if healthy else "Mend the lines marked FAIL, then run me again.")
    return healthy


def _check_python():
    # older ones cannot be here: pyproject.toml refuses them when aeutils is installed
    return "ok", f"Python {platform.python_version()}, {sys.prefix}"


def _check_backend():
    try:
        return "ok", device_report()
    # a broken installation of a backend can fail in any way
    except Exception as error:
        return "FAIL", (
            f"Keras or its backend does not load ({type(error).__name__}: {error}): run "
            "`make setup`, or `pip install -r requirements.txt`"
        )


def _check_gpu():
    try:
        import keras

        backend = keras.backend.backend()
        gpus = _gpu_names(backend)
    except Exception:  # told by the check of the backend
        backend, gpus = None, []
    if gpus:
        return "ok", f"GPU: {', '.join(gpus)}"
    if shutil.which("nvidia-smi"):
        advice = {
            "jax": f"`pip install 'jax[cuda12]=={importlib.metadata.version('jax')}'`",
            "torch": "install PyTorch's build for CUDA, see https://pytorch.org/get-started",
        }.get(backend, "`pip install -r requirements-gpu.txt`")
        return "note", f"GPU: there is one, but the backend does not use it: {advice}"
    return "ok", "GPU: none; every chapter runs on the processor within minutes"


def _check_data():
    problems = [text for text in verify().values() if text != "ok"]
    if problems:
        return "FAIL", "data: " + "; ".join(problems)
    return "ok", f"data: {len(verify())} files, checksums right"


def _check_kernel():
    if importlib.util.find_spec("jupyter_client") is None:
        return "FAIL", "Jupyter is not installed: `pip install -r requirements.txt`"
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec(KERNEL_NAME)
    except (NoSuchKernel, json.JSONDecodeError, OSError):
        return "note", f"kernel {KERNEL_NAME!r} is not registered: `python -m aeutils kernel`"
    if not os.path.exists(spec.argv[0]) and not shutil.which(spec.argv[0]):
        return "note", f"kernel {KERNEL_NAME!r} names a Python that is gone: register it again"
    return "ok", f"kernel {KERNEL_NAME!r}: {spec.resource_dir}"


def _gpu_names(backend):
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
def _stderr_kept_back():
    """Hold back what native code writes to standard error; print it if the block fails."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        original = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(original, held.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)
