"""Layers and losses that Keras lacks."""

import json

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from keras import layers

from aeutils.core.errors import ImageError, ModelError
from aeutils.core.layers import UpsampleConv2D
from aeutils.denoising import RandomNoise, conv_denoiser, negative_psnr, psnr

RNG = np.random.default_rng(0)


def images(*shape):
    return RNG.random(shape).astype("float32")


@pytest.mark.parametrize("height", [1, 2, 5, 14])
@pytest.mark.parametrize("width", [1, 3, 8])
@pytest.mark.parametrize("filters", [1, 4])
def test_upsampling_and_convolution_in_one_are_both(height, width, filters):
    inputs = images(2, height, width, 3)
    apart = keras.Sequential(
        [
            keras.Input((height, width, 3)),
            layers.UpSampling2D((2, 2)),
            layers.Conv2D(filters, (3, 3), padding="same", activation="tanh"),
        ]
    )
    apart.layers[-1].bias.assign(RNG.normal(size=filters))
    fused = keras.Sequential(
        [keras.Input((height, width, 3)), UpsampleConv2D(filters, activation="tanh")]
    )
    fused.set_weights(apart.get_weights())
    assert fused.output_shape == apart.output_shape
    np.testing.assert_allclose(
        fused.predict(inputs, verbose=0), apart.predict(inputs, verbose=0), atol=1e-5
    )


def test_fused_denoiser_is_the_plain_one():
    plain, fused = conv_denoiser(), conv_denoiser(fused=True)
    assert plain.count_params() == fused.count_params()
    fused.set_weights(plain.get_weights())
    inputs = images(8, 28, 28, 1)
    np.testing.assert_allclose(
        fused.predict(inputs, verbose=0), plain.predict(inputs, verbose=0), atol=1e-5
    )


def test_fused_denoiser_learns_what_the_plain_one_learns():
    """One step each, from the same weights, leads to the same weights."""
    inputs, after = images(32, 28, 28, 1), []
    start = conv_denoiser().get_weights()
    for fused in (False, True):
        model = conv_denoiser(fused=fused)
        model.set_weights(start)
        model.compile(keras.optimizers.SGD(1.0), loss="binary_crossentropy")
        model.fit(inputs, inputs, batch_size=32, verbose=0)
        after.append(model.get_weights())
    for plain, fused in zip(*after, strict=True):
        np.testing.assert_allclose(plain, fused, atol=1e-4)
    assert not np.allclose(after[0][0], start[0], atol=1e-3)


def test_fused_denoiser_is_saved_and_takes_any_size(tmp_path):
    fused = conv_denoiser((None, None, 1), filters=4, fused=True)
    fused.save(tmp_path / "fused.keras")
    again = keras.models.load_model(tmp_path / "fused.keras")
    inputs = images(1, 40, 52, 1)
    np.testing.assert_array_equal(
        fused.predict(inputs, verbose=0), again.predict(inputs, verbose=0)
    )


def test_upsampling_and_convolution_in_one_may_do_without_bias():
    layer = UpsampleConv2D(2, use_bias=False)
    assert layer(np.zeros((1, 3, 3, 1), "float32")).shape == (1, 6, 6, 2)
    assert len(layer.weights) == 1


@pytest.mark.parametrize(
    "argument",
    [
        {"kernel_size": (5, 5)},
        {"strides": 2},
        {"padding": "valid"},
        {"dilation_rate": (2, 2)},
        {"groups": 2},
        {"data_format": "channels_first"},
        {"kernel_size": (3, 3, 3)},
    ],
)
def test_upsampling_and_convolution_in_one_is_of_one_kind(argument):
    with pytest.raises(ModelError, match=next(iter(argument))):
        UpsampleConv2D(4, **argument)


@pytest.mark.parametrize(
    "layer",
    [
        UpsampleConv2D(4, kernel_size=3, strides=1, use_bias=False, activation="relu"),
        UpsampleConv2D(4, kernel_initializer="he_normal", dtype="mixed_bfloat16", name="up"),
        RandomNoise(0.1, 0.3, seed=np.int64(2)),
        RandomNoise(np.float32(0.1), np.array(0.3)[()], dtype="mixed_float16"),
    ],
)
def test_layers_come_back_from_their_config(layer):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert keras.saving.deserialize_keras_object(config).get_config() == layer.get_config()


def test_sizes_that_are_not_known_stay_unknown():
    inputs = keras.Input((None, 6, 3))
    assert UpsampleConv2D(4)(inputs).shape == (None, None, 12, 4)
    assert RandomNoise(0.1, 0.2)(inputs).shape == (None, None, 6, 3)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("shape", [(4, 784), (4, 28, 28, 1)])
def test_noise_keeps_the_shape_and_takes_any_policy(policy, shape):
    noisy = RandomNoise(0.1, 1.0, seed=0, dtype=policy)(images(*shape), training=True)
    assert noisy.shape == shape
    assert keras.backend.standardize_dtype(noisy.dtype) == policy.removeprefix("mixed_")


def test_noise_comes_in_training_only_and_anew_each_time():
    noise, inputs = RandomNoise(0.5, 0.5, seed=0), images(4, 28, 28, 1)
    np.testing.assert_array_equal(noise(inputs), inputs)
    first, second = (np.array(noise(inputs, training=True)) for _ in range(2))
    assert first.min() == 0
    assert first.max() == 1
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(RandomNoise(0.5, 0.5, seed=0)(inputs, training=True), first)


def test_noise_has_the_stated_strength():
    grey = np.full((200, 28, 28, 1), 0.5, "float32")
    spread = np.array(RandomNoise(0.02, 0.1, seed=0)(grey, training=True)).std(axis=(1, 2, 3))
    assert 0.018 < spread.min() < 0.025
    assert 0.095 < spread.max() < 0.11
    assert spread.mean() == pytest.approx(0.06, abs=0.005)


@pytest.mark.parametrize(
    "arguments",
    [(-0.1, 0.5), (0.5, 0.1), (np.nan, 0.5), (0.1, np.nan), (0.1, np.inf), ("0", 1), (0, 1, -1),
     (0, 1, 1.5)],
)  # fmt: skip
def test_impossible_strengths_and_seeds_are_refused(arguments):
    with pytest.raises(ModelError, match=r"lowest|highest|seed"):
        RandomNoise(*arguments)


def test_bytes_get_no_noise():
    with pytest.raises(ModelError, match="uint8"):
        RandomNoise(0.1, 0.2)(np.zeros((2, 4), "uint8"), training=True)


def test_noise_is_saved_with_its_model(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 1)), RandomNoise(0.1, 0.3, seed=2)])
    model.save(tmp_path / "noise.keras")
    (layer,) = keras.models.load_model(tmp_path / "noise.keras").layers
    assert (layer.lowest, layer.highest, layer.seed) == (0.1, 0.3, 2)


@hypothesis.given(data=st.data())
def test_loss_is_the_negative_psnr(data):
    shape = data.draw(st.sampled_from([(2, 5), (3, 4, 4), (1, 6, 5, 1), (2, 3, 3, 3)]))
    dtype = data.draw(st.sampled_from(["float16", "bfloat16", "float32", "float64"]))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    clean, noisy = (
        keras.ops.cast(keras.ops.convert_to_tensor(rng.random(shape)), dtype) for _ in range(2)
    )
    loss = keras.ops.convert_to_numpy(negative_psnr(clean, noisy))
    a, b = (keras.ops.convert_to_numpy(keras.ops.cast(x, "float64")) for x in (clean, noisy))
    expected = 10 * np.log10(((a - b) ** 2).reshape(len(a), -1).mean(axis=1) + 1e-6)
    np.testing.assert_allclose(loss, expected, atol=1e-3)
    assert loss.dtype == np.float32


def test_loss_is_minus_the_measure():
    clean, noisy = images(5, 28, 28, 1), images(5, 28, 28, 1)
    loss = keras.ops.convert_to_numpy(negative_psnr(clean, noisy))
    np.testing.assert_allclose(loss, -psnr(clean, noisy), atol=1e-3)
    assert np.isfinite(keras.ops.convert_to_numpy(negative_psnr(clean, clean))).all()


def test_loss_of_targets_that_are_no_images_is_no_number():
    clean = images(4, 3, 3)
    targets = np.stack([clean[0], 255 * clean[1], clean[2] - 1, clean[3] * np.nan])
    loss = keras.ops.convert_to_numpy(negative_psnr(targets, clean))
    assert np.isnan(loss).tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("y_true", "y_pred", "words"),
    [
        (images(2, 4, 4), images(2, 4, 4, 1), "one shape"),
        (images(2, 4, 4), images(2, 4, 1), "one shape"),
        (images(4), images(4), "one shape"),
        (np.zeros((2, 4), "uint8"), images(2, 4), "y_true.*uint8"),
        (images(2, 4), np.zeros((2, 4), "int32"), "y_pred.*int32"),
    ],
)
def test_loss_refuses(y_true, y_pred, words):
    with pytest.raises(ImageError, match=words):
        negative_psnr(y_true, y_pred)
