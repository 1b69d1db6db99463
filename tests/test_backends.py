"""Keras's other backends: networks saved on one answer alike on another."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import exchange
import keras
import pytest

ROOT = Path(__file__).resolve().parent.parent
HERE = keras.backend.backend()
OTHERS = [name for name in ("tensorflow", "jax", "torch") if name != HERE]


def run_on(backend, *arguments):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        # JAX would spend most of the time on making faster what runs for milliseconds
        env={**os.environ, "KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def saved_here(tmp_path_factory):
    folder = tmp_path_factory.mktemp(HERE)
    exchange.save(folder)
    return folder


@pytest.mark.parametrize("other", OTHERS)
def test_networks_saved_on_one_backend_answer_alike_on_another(other, saved_here, tmp_path):
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed; requirements-backends.txt has it")
    run_on(other, ROOT / "tests" / "exchange.py", saved_here, tmp_path)
    there = json.loads((saved_here / "differences.json").read_text())
    for found in (there, exchange.differences(tmp_path)):
        assert found.keys() == exchange.BUILDERS.keys()
        assert max(found.values()) < 1e-5, found
