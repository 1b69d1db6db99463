"""Networks for recordings: numbers of NumPy, files, refusals of their own."""

import keras
import numpy as np
import pytest

from aeutils.core.errors import ModelError
from aeutils.sequences import conv_sequence_autoencoder, lstm_autoencoder


@pytest.mark.parametrize(
    ("build", "arguments"),
    [
        (lstm_autoencoder, {"width": 24, "n_channels": 2, "units": 3, "patch": 6, "unroll": False}),
        (conv_sequence_autoencoder, {"width": 24, "filters": np.array([3, 5]), "latent_dim": 2}),
    ],
)
def test_numbers_may_be_those_of_numpy(build, arguments, tmp_path):
    ours = {k: v if np.ndim(v) else np.array(v)[()] for k, v in arguments.items()}
    network = build(**ours)
    plain = build(**{k: v.tolist() if np.ndim(v) else v for k, v in arguments.items()})
    assert [w.shape for w in network.weights] == [w.shape for w in plain.weights]
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    x = np.random.default_rng(0).normal(size=(2, *network.input_shape[1:])).astype("float32")
    outputs = [keras.ops.convert_to_numpy(one(x)) for one in (loaded, network)]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: lstm_autoencoder(width=50), "multiple of patch; got width 50 and patch 8. .* 56"),
        (lambda: conv_sequence_autoencoder(width=50), "multiple of 4; got width 50. Use width 52"),
        (lambda: lstm_autoencoder(unroll="no"), "unroll must be True or False; got 'no'"),
        (lambda: lstm_autoencoder(width=True), "width must be a positive integer"),
        (lambda: conv_sequence_autoencoder(filters=np.array(4)), "filters must be 2 positive"),
        (lambda: conv_sequence_autoencoder(filters=np.ones((2, 2))), r"filters\[0\]"),
        (lambda: conv_sequence_autoencoder(filters={3, 4}), "filters must be 2 positive"),
    ],
)
def test_networks_refuse(build, words):
    with pytest.raises(ModelError, match=words):
        build()
