"""The networks: shapes, splitting, saving, bad arguments."""

import keras
import numpy as np
import pytest
from keras import layers

from aeutils.errors import ModelError
from aeutils.models import conv_denoiser, dense_autoencoder, split_at


def test_dense_autoencoder_is_the_articles():
    model = dense_autoencoder()
    assert not model.compiled
    widths = [(layer.units, layer.activation.__name__) for layer in model.layers]
    assert widths == [
        (512, "elu"), (128, "elu"), (10, "linear"), (128, "elu"), (512, "elu"), (784, "sigmoid"),
    ]  # fmt: skip
    assert model.get_layer("bottleneck").units == 10


def test_conv_denoiser_is_the_articles():
    model = conv_denoiser()
    assert not model.compiled
    shapes = [layer.output.shape[1:] for layer in model.layers]
    assert shapes == [
        (28, 28, 32), (14, 14, 32), (14, 14, 32), (7, 7, 32), (7, 7, 32),
        (14, 14, 32), (14, 14, 32), (28, 28, 32), (28, 28, 1),
    ]  # fmt: skip
    assert model.get_layer("bottleneck").output.shape[1:] == (7, 7, 32)


def test_other_sizes():
    small = dense_autoencoder(latent_dim=np.int64(2), hidden_layer_sizes=[8], input_dim=5)
    assert small.predict(np.zeros((3, 5), "float32"), verbose=0).shape == (3, 5)
    assert dense_autoencoder(hidden_layer_sizes=()).count_params() == 784 * 20 + 794
    any_size = conv_denoiser(image_shape=(None, None, 1), filters=4)
    assert any_size.predict(np.zeros((1, 40, 52, 1), "float32"), verbose=0).shape == (1, 40, 52, 1)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: dense_autoencoder(latent_dim=0), "latent_dim"),
        (lambda: dense_autoencoder(latent_dim=2.5), "latent_dim"),
        (lambda: dense_autoencoder(latent_dim=True), "latent_dim"),
        (lambda: dense_autoencoder(hidden_layer_sizes=(512, -1)), r"hidden_layer_sizes\[1\]"),
        (lambda: dense_autoencoder(input_dim="784"), "input_dim"),
        (lambda: conv_denoiser((28, 28)), "height, width, channels"),
        (lambda: conv_denoiser((28, 30, 1)), "width 30 .* pad the images to 32"),
        (lambda: conv_denoiser((0, 28, 1)), "height"),
        (lambda: conv_denoiser(filters=0), "filters"),
    ],
)
def test_bad_sizes_are_refused(build, words):
    with pytest.raises(ModelError, match=words):
        build()


@pytest.mark.parametrize("build", [dense_autoencoder, conv_denoiser])
def test_halves_make_the_whole_and_share_weights(build):
    model = build()
    x = np.random.default_rng(0).random((4, *model.input_shape[1:])).astype("float32")
    encoder, decoder = split_at(model)
    model.compile("adam", "mse")
    model.fit(x, x, verbose=0)
    codes = encoder.predict(x, verbose=0)
    np.testing.assert_allclose(
        decoder.predict(codes, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
    assert encoder.output_shape == model.get_layer("bottleneck").output.shape


def test_split_of_a_functional_model():
    inputs = keras.Input((6,))
    code = layers.Dense(2, name="code")(inputs)
    model = keras.Model(inputs, layers.Dense(6)(code))
    encoder, decoder = split_at(model, "code")
    assert (encoder.output_shape, decoder.output_shape) == ((None, 2), (None, 6))


def skipping():
    inputs = keras.Input((6,))
    code = layers.Dense(2, name="bottleneck")(inputs)
    both = layers.Concatenate()([code, inputs])
    return keras.Model(inputs, layers.Dense(6)(both))


@pytest.mark.parametrize(
    ("build", "layer", "words"),
    [
        (dense_autoencoder, "middle", "no layer 'middle'.*bottleneck"),
        (skipping, "bottleneck", "leads around"),
        (lambda: keras.Sequential([layers.Dense(2, name="bottleneck"), layers.Dense(3)]),
         "bottleneck", "no input shape"),
        (lambda: keras.Sequential([keras.Input((2,)), layers.Dense(2, name="last")]),
         "last", "last layer"),
    ],
)  # fmt: skip
def test_what_cannot_be_split(build, layer, words):
    with pytest.raises(ModelError, match=words):
        split_at(build(), layer)


def test_saved_model_gives_the_same_answers(tmp_path):
    model = dense_autoencoder(latent_dim=3, hidden_layer_sizes=(16,))
    x = np.random.default_rng(0).random((4, 784)).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
