"""Multiplications counted by hand, and receptive fields found by changing one pixel."""

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from keras import layers

from aeutils.core import count_macs, dense_autoencoder, receptive_field
from aeutils.core.errors import ModelError
from aeutils.denoising import RandomNoise, conv_denoiser


def test_multiplications():
    dense = dense_autoencoder()
    weights = sum(layer.kernel.shape[0] * layer.kernel.shape[1] for layer in dense.layers)
    assert count_macs(dense) == weights
    # 9 weights for each pair of channels at each pixel of each convolution's answer
    pairs = 784 * 32 + 196 * 32**2 + 49 * 32**2 + 196 * 32**2 + 784 * 32
    assert count_macs(conv_denoiser()) == 9 * pairs
    # 4 in the place of 9 where upsampling and convolution are one
    saved = 5 * (196 * 32**2 + 784 * 32)
    assert count_macs(conv_denoiser(fused=True)) == 9 * pairs - saved


def test_multiplications_of_batch_normalization():
    model = keras.Sequential([keras.Input((4, 6, 3)), layers.BatchNormalization()])
    assert count_macs(model) == 4 * 6 * 3
    unsized = keras.Sequential([keras.Input((None, 6, 3)), layers.BatchNormalization()])
    with pytest.raises(ModelError, match="fixed input size"):
        count_macs(unsized)


def test_multiplications_of_a_model_inside_a_model():
    inner = conv_denoiser()
    outer = keras.Sequential([keras.Input((28, 28, 1)), RandomNoise(0.5, 0.5), inner])
    assert count_macs(outer) == count_macs(inner)


def test_multiplications_of_what_is_unknown():
    model = keras.Sequential([keras.Input((4, 2)), layers.LSTM(3, name="memory")])
    with pytest.raises(ModelError, match=r"memory.*LSTM"):
        count_macs(model)


def test_receptive_field_is_the_same_in_one_layer_or_two():
    assert receptive_field(conv_denoiser(fused=True)) == receptive_field(conv_denoiser()) == (13, 4)


def one(layer, shape):
    return keras.Sequential([keras.Input(shape), layer])


@pytest.mark.parametrize(
    ("layer", "shape", "by_hand"),
    [
        (layers.Conv2D(5, 3, strides=2, padding="same"), (9, 8, 2), 5 * 4 * 9 * 2 * 5),
        (layers.Conv2D(5, 4, dilation_rate=2), (9, 8, 2), 3 * 2 * 16 * 2 * 5),
        (layers.Conv2D(6, 3, groups=2, padding="same"), (4, 4, 4), 16 * 9 * 2 * 6),
        (layers.Conv1D(5, 3, padding="causal"), (7, 2), 7 * 3 * 2 * 5),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), (5, 5, 4), 9 * 9 * 4 * 2),
        (layers.Conv2DTranspose(5, 4, strides=2, padding="same"), (3, 4, 2), 12 * 16 * 2 * 5),
        (layers.Conv1DTranspose(5, 4, strides=2), (3, 2), 3 * 4 * 2 * 5),
        (layers.Dense(5), (3, 4, 2), 12 * 2 * 5),
        (layers.Dense(5, use_bias=False, trainable=False), (2,), 10),
        (layers.MaxPooling2D(), (4, 4, 2), 0),
    ],
)
def test_multiplications_of_one_layer(layer, shape, by_hand):
    assert count_macs(one(layer, shape)) == by_hand


def test_shared_and_nested_layers_count_each_time():
    x = keras.Input((4,))
    dense = layers.Dense(4)
    inner = keras.Sequential([keras.Input((4,)), dense])
    model = keras.Model(x, dense(inner(dense(x))))
    model.compile("sgd", loss=lambda y_true, y_pred: y_pred)
    assert count_macs(model) == count_macs(model) == 3 * 16


def test_a_network_for_any_size_is_counted_inside_one_for_a_fixed_size():
    inner = conv_denoiser((None, None, 1), filters=2)
    assert count_macs(one(inner, (8, 12, 1))) == count_macs(conv_denoiser((8, 12, 1), filters=2))


@pytest.mark.parametrize(
    "layer",
    [layers.LSTM(3, trainable=False), layers.TimeDistributed(layers.Dense(2)), layers.GRU(2)],
)
def test_layers_of_other_kinds_are_not_counted_as_nothing(layer):
    with pytest.raises(ModelError, match="are not known"):
        count_macs(one(layer, (4, 2)))


def test_networks_whose_calls_are_not_known():
    with pytest.raises(ModelError, match="no input shape"):
        count_macs(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ModelError, match=r"must be a keras\.Model"):
        receptive_field("model.keras")


def changed_by(model, size):
    """Return how far from a changed position the output of a sequence network changes."""
    rng = np.random.default_rng(0)
    for weight in model.weights:  # positive, so that nothing cancels out
        weight.assign(rng.uniform(0.5, 1, weight.shape))
    still = rng.random((1, size, 1)).astype("float32")
    outputs = keras.ops.convert_to_numpy(model(still + 100 * np.eye(size)[..., None]))
    change = np.abs(outputs - keras.ops.convert_to_numpy(model(still))).max(axis=-1)
    change /= change.max(axis=0)
    at, seen = np.nonzero(change > 1e-5)
    return np.abs(at - seen).max()


def sequence_network(draw):
    """Return a network that shrinks sequences by 1, 2 or 3 and enlarges them, and that number."""
    size = lambda: draw(st.integers(1, 5))  # noqa: E731
    factor = draw(st.sampled_from([1, 2, 3]))
    x = inputs = keras.Input((None, 1))
    x = layers.Conv1D(1, size(), padding=draw(st.sampled_from(["same", "causal"])))(x)
    skip = x = layers.Conv1D(1, size(), dilation_rate=draw(st.integers(1, 3)), padding="same")(x)
    how = draw(st.sampled_from(["stride", "max", "average"]))
    if how == "stride":
        x = layers.Conv1D(1, draw(st.integers(factor, 5)), strides=factor, padding="same")(x)
    else:
        pooling = layers.MaxPooling1D if how == "max" else layers.AveragePooling1D
        x = pooling(draw(st.integers(factor, 4)), factor, padding="same")(x)
    x = layers.Conv1D(1, size(), padding="same")(x)
    if draw(st.booleans()):
        x = layers.UpSampling1D(factor)(x)
    else:
        x = layers.Conv1DTranspose(1, draw(st.integers(factor, 5)), strides=factor, padding="same")(
            x
        )
    if draw(st.booleans()):
        x = layers.Add()([x, skip])
    x = layers.Conv1D(1, size(), padding="same")(x)
    return keras.Model(inputs, x), factor


@hypothesis.given(st.data())
def test_receptive_field_is_what_changes(data):
    model, factor = sequence_network(data.draw)
    radius, multiple = receptive_field(model)
    assert multiple == factor
    assert changed_by(model, 60) == radius


def test_receptive_field_is_the_larger_of_both_axes():
    model = keras.Sequential(
        [
            keras.Input((None, None, 1)),
            layers.MaxPooling2D((1, 4)),
            layers.Conv2D(2, (5, 1), padding="same"),
            layers.UpSampling2D((1, 4)),
            layers.MaxPooling2D((3, 1)),
            layers.Conv2DTranspose(1, 3, strides=(3, 1), padding="same"),
        ]
    )
    assert receptive_field(model) == (4, 12)
    assert receptive_field(one(model, (24, 24, 1))) == (4, 12)


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (layers.Conv2D(1, 3, strides=2, padding="same"), (8, 8, 1), "one pixel for 2"),
        (layers.Conv2D(1, 3), (8, 8, 1), 'by "same"'),
        (layers.Flatten(), (8, 8, 1), "from images"),
        (layers.Dense(2), (8, 8, 1), "Dense"),
        (layers.Softmax(axis=1), (8, 8, 1), "Softmax"),
        (layers.UpSampling2D(2, interpolation="bilinear"), (8, 8, 1), "UpSampling2D"),
        (layers.BatchNormalization(axis=2), (8, 8, 1), "BatchNormalization"),
        (layers.LSTM(1, return_sequences=True), (8, 1), "LSTM"),
    ],
)
def test_receptive_fields_that_are_not_known(layer, shape, words):
    with pytest.raises(ModelError, match=words):
        receptive_field(one(layer, shape))
