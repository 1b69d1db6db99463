"""The progress table, and steps per execution."""

import math
import sys

import keras
import numpy as np
import pytest

from aeutils import core
from aeutils.core import dense_autoencoder, training
from aeutils.core.errors import AeutilsError


class Handle:
    """What IPython returns for something shown that can be replaced."""

    def __init__(self):
        self.shown = []

    def update(self, data, raw):
        self.shown.append(data["text/plain"])


@pytest.fixture
def shown(monkeypatch):
    handle = Handle()
    monkeypatch.setattr(training, "_display", lambda text: handle)
    monkeypatch.setattr(training, "SECONDS_BETWEEN_UPDATES", 0)
    return handle.shown


def run(epochs, steps=4, first=0):
    """Call the callback as Keras does; `epochs` are the logs."""
    progress = core.Progress()
    progress.set_params({"epochs": first + len(epochs), "steps": steps})
    progress.on_train_begin()
    for epoch, logs in enumerate(epochs, first):
        progress.on_epoch_begin(epoch)
        for batch in range(4):
            progress.on_train_batch_end(batch, logs)
        progress.on_epoch_end(epoch, logs)
    progress.on_train_end()


def test_progress_shows_one_line_per_epoch(shown):
    keras.utils.set_random_seed(0)
    model = dense_autoencoder(latent_dim=2, hidden_layer_sizes=())
    model.compile("sgd", "mse")
    x = np.zeros((64, 784), "float32")
    history = model.fit(
        x, x, epochs=3, validation_data=(x, x), verbose=0, callbacks=[core.Progress()]
    )
    *epochs, _ = shown[-2].splitlines()[1:]
    assert len(epochs) == 3
    assert f"{history.history['val_loss'][2]:.4f}" in epochs[2]
    assert shown[-1].startswith("3 epochs in ")
    assert shown[-1].endswith(f"val_loss {history.history['val_loss'][2]:.4f}")
    assert any("█" in text and "left" in text for text in shown)


def test_columns_stand_apart_and_hold_what_each_epoch_has(shown):
    small = {"loss": 1.0, "reconstruction": 2e-5, "kl": math.nan}
    run([small, small | {"val_loss": 3.0}])
    header, first, second, _ = shown[-2].splitlines()
    assert header.split() == ["epoch", "loss", "reconstruction", "kl", "val_loss", "seconds"]
    assert first.split()[:4] == ["1", "1.0000", "2.00e-05", "nan"]
    assert second.split()[:5] == ["2", "1.0000", "2.00e-05", "nan", "3.0000"]
    assert len({len(line) for line in (header, first, second)}) == 1


@pytest.mark.parametrize("steps", [None, 2, 4])
def test_progress_of_epochs_of_any_length_without_logs(shown, steps):
    run([None, {}], steps, first=3)  # 4 batches, whatever was announced
    percents = [int(text.split("%")[0].split()[-1]) for text in shown[:-1]]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert percents[0] < 50


@pytest.mark.parametrize("installed", [True, False])
def test_progress_without_a_notebook_or_ipython(monkeypatch, capsys, installed):
    if not installed:
        monkeypatch.setitem(sys.modules, "IPython", None)
    run([{"loss": 0.5}, {"loss": 0.25, "val_loss": 1}])
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 1, loss 0.5000, seconds")
    assert second.startswith("epoch 2, loss 0.2500, val_loss 1.0000, seconds")
    assert last.startswith("2 epochs in ")
    assert last.endswith("val_loss 1.0000")


def test_every_backend_accepts_its_steps_per_execution():
    keras.utils.set_random_seed(0)
    model = dense_autoencoder(latent_dim=2, hidden_layer_sizes=())
    model.compile("sgd", "mse", steps_per_execution=core.steps_per_execution(4))
    x = np.zeros((64, 784), "float32")
    model.fit(x, x, batch_size=8, verbose=0)
    assert int(model.optimizer.iterations) == 8
    assert model.steps_per_execution == (1 if keras.backend.backend() == "torch" else 4)
    for bad in (0, 2.5, True, "4"):
        with pytest.raises(AeutilsError, match="steps must be a positive integer"):
            core.steps_per_execution(bad)
