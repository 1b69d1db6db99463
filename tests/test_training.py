"""The progress table, and steps a call."""

import keras
import numpy as np
import pytest

from aeutils import core
from aeutils.core import training
from aeutils.core import dense_autoencoder
from aeutils.core.errors import AeutilsError


def test_progress_shows_one_line_an_epoch(monkeypatch):
    shown = []

    class Handle:
        def update(self, data, raw):
            shown.append(data["text/plain"])

    monkeypatch.setattr(training, "display", lambda *args, **kwargs: Handle())
    monkeypatch.setattr(training, "SECONDS_BETWEEN_UPDATES", 0)
    keras.utils.set_random_seed(0)
    model = dense_autoencoder(latent_dim=2, hidden_layer_sizes=())
    model.compile("sgd", "mse")
    x = np.zeros((64, 784), "float32")
    history = model.fit(
        x, x, epochs=3, validation_data=(x, x), verbose=0, callbacks=[core.Progress()]
    )
    *epochs, last = shown[-1].splitlines()[1:]
    assert len(epochs) == 3
    assert last.startswith("trained in")
    assert f"{history.history['val_loss'][2]:.4f}" in epochs[2]
    assert any("█" in text and "left" in text for text in shown)


def test_every_backend_takes_its_steps_per_call():
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
