"""Networks that go from one backend to another: one process saves them, another loads them.

    python tests/exchange.py FOLDER OTHER_FOLDER

loads what is in FOLDER, writes how far its answers are from the stored ones to
``FOLDER/differences.json``, and saves its own networks to OTHER_FOLDER.
"""

import json
import sys
from pathlib import Path

from aeutils import runtime

runtime.quiet_logs()

import keras  # noqa: E402
import numpy as np  # noqa: E402

# a room brings a layer when it is asked for; Keras must have seen it before a network is loaded
import aeutils.core.layers  # noqa: E402, F401
from aeutils import audio, core, denoising, documents, sequences  # noqa: E402
from aeutils.core.errors import AeutilsError  # noqa: E402
from aeutils.generative import VariationalAutoencoder, binarize  # noqa: E402

BUILDERS = {
    "dense_autoencoder": core.dense_autoencoder,
    "conv_denoiser": lambda: denoising.conv_denoiser(filters=8),
    "conv_denoiser, fused": lambda: denoising.conv_denoiser(filters=8, fused=True),
    "residual_denoiser": lambda: denoising.residual_denoiser(
        filters=(8, 16), latent_dim=16, blocks=1
    ),
    "photo_denoiser": lambda: denoising.photo_denoiser(filters=(4, 8), blocks=1),
    "page_cleaner": lambda: documents.page_cleaner(filters=(2, 4)),
    "speech_cleaner": lambda: audio.speech_cleaner(8, dilations=(1, 2)),
    "lstm_autoencoder": lambda: sequences.lstm_autoencoder(width=24),
    "conv_sequence_autoencoder": sequences.conv_sequence_autoencoder,
    "VariationalAutoencoder": lambda: VariationalAutoencoder(4, (16,), 25),
}


def inputs(model):
    """Return the same few rows in every process."""
    shape = (25,) if isinstance(model, VariationalAutoencoder) else model.input_shape[1:]
    shape = [side or 32 for side in shape]  # where any size will do
    rows = np.random.default_rng(0).random((64, *shape), dtype="float32")
    return binarize(rows, seed=1) if isinstance(model, VariationalAutoencoder) else rows


def answers(model):
    """Return what a network makes of them."""
    x = inputs(model)
    if isinstance(model, VariationalAutoencoder):
        # in nats per pixel, of the size of the probabilities beside it
        elbo = model.elbo(x)[:, None] / x.shape[1]
        return np.concatenate([model.decode(model.encode(x)[0]), elbo], axis=1)
    return model.predict(x, verbose=0)


def refuse_bad_batches(vae, x):
    """Train by batches that are no images, which must not cost the weights on any backend."""
    for bad in ((100 + x[:32],), (x[:32], x[:32]), (x[:32].reshape(32, 5, 5),)):
        try:
            vae.fit((batch for batch in [bad]), verbose=0)
        except AeutilsError:
            continue
        raise AssertionError("accepted a batch that holds no images")


def save(folder):
    """Train every network a little, and save it with its answers."""
    for name, build in BUILDERS.items():
        keras.utils.set_random_seed(0)
        model = build()
        x = inputs(model)
        is_vae = isinstance(model, VariationalAutoencoder)
        # for two steps TensorFlow need not make graphs, which takes longer than the steps
        eager = keras.backend.backend() == "tensorflow"
        model.compile("adam", None if is_vae else "mse", run_eagerly=eager)
        model.fit(x, None if is_vae else x, epochs=2, verbose=0)
        if is_vae:
            refuse_bad_batches(model, x)
        model.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.npy", answers(model))


def differences(folder):
    """Load every network; return the largest difference of its answers."""
    found = {}
    for name in BUILDERS:
        model = keras.models.load_model(folder / f"{name}.keras", compile=False)
        found[name] = float(np.abs(answers(model) - np.load(folder / f"{name}.npy")).max())
    return found


if __name__ == "__main__":
    theirs, ours = map(Path, sys.argv[1:])
    (theirs / "differences.json").write_text(json.dumps(differences(theirs)))
    save(ours)
