"""The networks: shapes, splitting, saving, bad arguments."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

from aeutils.core import count_macs, dense_autoencoder, split_at
from aeutils.core.errors import ModelError
from aeutils.denoising import conv_denoiser, photo_denoiser, residual_denoiser
from aeutils.generative import VariationalAutoencoder
from aeutils.sequences import conv_sequence_autoencoder, lstm_autoencoder


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
    assert dense_autoencoder(2, np.array([8, 4]), np.uint8(5)).count_params() == 191
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
        (
            lambda: conv_denoiser((28, 30, 1)),
            "width .* got 30. Pad the images to 32",
        ),
        (lambda: conv_denoiser((0, 28, 1)), "height"),
        (lambda: conv_denoiser(filters=0), "filters"),
        (lambda: conv_denoiser(28), "height, width, channels"),
        (lambda: conv_denoiser("abc"), "height, width, channels"),
        (lambda: conv_denoiser((28, 28.0, 1)), "width"),
        (lambda: conv_denoiser((28, 28, None)), "channels"),
        (lambda: dense_autoencoder(hidden_layer_sizes=5), "hidden_layer_sizes"),
        (lambda: dense_autoencoder(hidden_layer_sizes="12"), "hidden_layer_sizes"),
        (lambda: residual_denoiser(filters=24), "filters must be 2 positive integers"),
        (lambda: residual_denoiser((28, 30, 1)), "width must be a multiple of 4"),
        (lambda: residual_denoiser((None, 28, 1)), "must be fixed"),
        (lambda: residual_denoiser(filters=(24, 0)), r"filters\[1\]"),
        (lambda: residual_denoiser(filters=(24,)), "filters must be 2 positive integers"),
        (lambda: residual_denoiser(latent_dim=0), "latent_dim"),
        (lambda: residual_denoiser(blocks=0), "blocks"),
        (lambda: photo_denoiser(filters=(8,)), "filters must be 2 positive integers"),
        (lambda: photo_denoiser(blocks=0), "blocks"),
        (lambda: photo_denoiser(channels=1.5), "channels"),
        (lambda: lstm_autoencoder(width=50), "width"),
        (lambda: lstm_autoencoder(units=0), "units"),
        (lambda: lstm_autoencoder(n_channels=1.5), "n_channels"),
        (lambda: lstm_autoencoder(patch=-4), "patch"),
        (lambda: conv_sequence_autoencoder(width=50), "width"),
        (lambda: conv_sequence_autoencoder(filters=4), "filters must be 2 positive integers"),
        (lambda: conv_sequence_autoencoder(filters=(4, 0)), r"filters\[1\]"),
        (lambda: conv_sequence_autoencoder(latent_dim="16"), "latent_dim"),
        (lambda: count_macs(conv_denoiser((None, None, 1))), "fixed input size"),
    ],
)
def test_bad_sizes_are_refused(build, words):
    with pytest.raises(ModelError, match=words):
        build()


def test_photo_denoiser_scales_with_its_input():
    model = photo_denoiser(filters=(4, 8), blocks=1, channels=1)
    assert not any("bias" in w.path for w in model.weights)
    noisy = np.random.default_rng(0).normal(size=(1, 16, 24, 1)).astype("float32")
    once, thrice = (model.predict(a * noisy, verbose=0) for a in (1, 3))
    assert once.shape == noisy.shape
    assert np.abs(once - noisy).max() > 1e-3
    assert thrice == pytest.approx(3 * once, abs=1e-4)


def test_residual_denoiser_starts_without_its_dense_part():
    model = residual_denoiser((8, 12, 3), filters=(4, 6), latent_dim=5, blocks=1)
    assert model.output_shape == (None, 8, 12, 3)
    into, back = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    assert into.units == 5
    assert back.units == 2 * 3 * 6
    x = np.random.default_rng(0).random((2, 8, 12, 3)).astype("float32")
    before = model.predict(x, verbose=0)
    into.kernel.assign(into.kernel + 1)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


WITH_BOTTLENECK = [
    dense_autoencoder,
    conv_denoiser,
    lstm_autoencoder,
    conv_sequence_autoencoder,
]


@pytest.mark.parametrize("build", WITH_BOTTLENECK)
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


@pytest.mark.parametrize("build", WITH_BOTTLENECK)
def test_halves_called_directly_do_not_warn(build):
    model = build()
    x = np.random.default_rng(0).random((4, *model.input_shape[1:])).astype("float32")
    encoder, decoder = split_at(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reconstruction = decoder(encoder(x))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(reconstruction), keras.ops.convert_to_numpy(model(x)), atol=1e-6
    )


def test_split_of_a_model_with_two_inputs():
    both = [keras.Input((2,)), keras.Input((3,))]
    code = layers.Dense(2, name="bottleneck")(layers.Concatenate()(both))
    encoder, decoder = split_at(keras.Model(both, layers.Dense(5)(code)))
    assert len(encoder.inputs) == 2
    assert decoder(encoder([np.ones((1, 2)), np.ones((1, 3))])).shape == (1, 5)


@pytest.mark.parametrize("build", [lstm_autoencoder, conv_sequence_autoencoder])
def test_networks_for_recordings(build):
    model = build()
    assert not model.compiled
    assert model.get_layer("bottleneck").output.shape == (None, 32)
    assert 13_000 < model.count_params() < 14_000
    several = build(width=24, n_channels=3)
    assert several.predict(np.zeros((2, 24, 3), "float32"), verbose=0).shape == (2, 24, 3)


def test_lstm_is_the_same_whether_its_loop_is_written_out_or_not():
    model, loop = (lstm_autoencoder(width=16, unroll=u) for u in (True, False))
    loop.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(3, 16, 1)).astype("float32")
    np.testing.assert_allclose(loop.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)


def test_lstm_decoder_sees_nothing_but_the_code():
    encoder, decoder = split_at(lstm_autoencoder(units=5))
    assert encoder.output_shape == decoder.input_shape == (None, 5)


@pytest.mark.parametrize("build", [lstm_autoencoder, conv_sequence_autoencoder])
def test_networks_for_recordings_learn(build):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    phase = rng.uniform(0, 2 * np.pi, (256, 1, 1))
    waves = np.sin(np.arange(16).reshape(1, 16, 1) / 3 + phase).astype("float32")
    model = build(width=16)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    losses = model.fit(waves, waves, epochs=40, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < 0.1 < losses[0]


@pytest.mark.parametrize("how", ["loaded", "grown"])
def test_sequential_networks_that_were_loaded_or_grew_by_add_split(how, tmp_path):
    model = keras.Sequential([keras.Input(shape=(9,))])
    for units, name in ((5, "in"), (2, "bottleneck"), (5, "out"), (9, "reconstruction")):
        model.add(layers.Dense(units, activation="elu", name=name))
    if how == "loaded":
        model.save(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).random((4, 9)).astype("float32")
    encoder, decoder = split_at(model)
    code = encoder.predict(x, verbose=0)
    assert code.shape == (4, 2)
    np.testing.assert_allclose(decoder.predict(code, verbose=0), model.predict(x, verbose=0), 1e-5)


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


def shared():
    """A network that calls its layer "twice" two times."""
    x = keras.Input((4,))
    twice = layers.Dense(4, name="twice")
    return keras.Model(x, layers.Dense(4)(twice(layers.Dense(4, name="once")(twice(x)))))


def nested():
    """Encoder and decoder as layers of a network, with its bottleneck inside the encoder."""
    x, z = keras.Input((4,)), keras.Input((2,))
    encoder = keras.Model(x, layers.Dense(2, name="bottleneck")(x), name="inner_encoder")
    decoder = keras.Model(z, layers.Dense(4)(z), name="inner_decoder")
    return keras.Model(x, decoder(encoder(x)))


def used_elsewhere_first():
    """A network whose layers another network has called before."""
    x, y = keras.Input((4,)), keras.Input((4,))
    bottleneck, last = layers.Dense(2, name="bottleneck"), layers.Dense(4)
    keras.Model(y, last(bottleneck(y)))
    model = keras.Model(x, last(bottleneck(x)))
    model.compile("sgd", loss=lambda y_true, y_pred: y_pred - y_true)  # cannot be copied
    return model


@pytest.mark.parametrize(
    ("build", "layer"),
    [(shared, "once"), (nested, "inner_encoder"), (used_elsewhere_first, "bottleneck")],
)
def test_split_of_networks_put_together_in_other_ways(build, layer):
    model = build()
    encoder, decoder = split_at(model, layer)
    x = np.random.default_rng(0).random((3, 4)).astype("float32")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(decoder(encoder(x))),
        keras.ops.convert_to_numpy(model(x)),
        atol=1e-6,
    )
    split_at(model, layer)  # a second time


@pytest.mark.parametrize(
    ("build", "layer", "words"),
    [
        (dense_autoencoder, "middle", "got 'middle'.*The layers are dense.*bottleneck"),
        (dense_autoencoder, None, "got None"),
        (skipping, "bottleneck", "leads around"),
        (shared, "twice", "called 2 times"),
        (nested, "bottleneck", "a layer of 'inner_encoder' inside"),
        (lambda: keras.Sequential([layers.Dense(2, name="bottleneck"), layers.Dense(3)]),
         "bottleneck", "no input shape"),
        (lambda: keras.Sequential([keras.Input((2,)), layers.Dense(2, name="last")]),
         "last", "last layer"),
        (lambda: VariationalAutoencoder(2, (), 4), "bottleneck", "functional or sequential"),
        (lambda: 5, "bottleneck", "must be a keras.Model"),
    ],
)  # fmt: skip
def test_what_cannot_be_split(build, layer, words):
    with pytest.raises(ModelError, match=words):
        split_at(build(), layer)


@pytest.mark.parametrize("build", WITH_BOTTLENECK)
def test_saved_model_gives_the_same_answers(tmp_path, build):
    model = build()
    x = np.random.default_rng(0).random((4, *model.input_shape[1:])).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
