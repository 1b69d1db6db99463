"""Masked autoencoders: patches, what is hidden, the networks, and moved images."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from aeutils.codes import (
    MaskedAutoencoder,
    all_places,
    contrastive_loss,
    from_patches,
    load_masked_autoencoder,
    moved,
    patch_decoder,
    patch_encoder,
    to_patches,
)
from aeutils.core.errors import AeutilsError, ModelError
from aeutils.data import FOLDER, load_mnist


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 3), st.integers(1, 5), st.integers(1, 5), st.integers(1, 5),
    st.sampled_from(["uint8", "float32", "float64"]),
)  # fmt: skip
def test_patches_go_to_images_and_back(n, rows, columns, size, kind):
    shape = (rows * size, columns * size)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (n, *shape)).astype(kind)
    patches = to_patches(images, size)
    assert patches.shape == (n, rows * columns, size * size)
    assert patches.dtype == images.dtype
    np.testing.assert_array_equal(from_patches(patches, shape), images)
    for place in range(rows * columns if n else 0):
        i, j = size * (place // columns), size * (place % columns)
        corner = images[0, i : i + size, j : j + size]
        np.testing.assert_array_equal(patches[0, place].reshape(size, size), corner)


def small(n_visible=3, **settings):
    keras.utils.set_random_seed(0)
    encoder = patch_encoder(8, 1, 2, n_patches=9, patch_dim=4)
    decoder = patch_decoder(8, 8, side=3, patch_dim=4)
    return MaskedAutoencoder(encoder, decoder, n_visible, **settings)


class Recorder(keras.layers.Layer):
    """Stands in for a network and keeps what it was given."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.seen = answer, []

    def call(self, inputs):
        self.seen.append([ops.convert_to_numpy(part) for part in inputs])
        return self.answer(inputs)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 8), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_exactly_so_many_patches_are_visible_and_the_others_are_predicted(n_visible, n, seed):
    keras.utils.set_random_seed(seed)
    # each patch holds its image and its place
    patches = np.stack(
        np.broadcast_arrays(np.arange(n)[:, None], np.arange(9)[None]), axis=-1
    ).astype("float32")
    encoder = Recorder(lambda inputs: inputs[0])
    decoder = Recorder(lambda inputs: ops.ones((len(inputs[0]), 9, 1)) * ops.arange(9.0)[:, None])
    model = MaskedAutoencoder(encoder, decoder, n_visible)
    predicted = model(patches)
    (visible, shown), (tokens, places) = encoder.seen[-1], decoder.seen[-1]
    hidden = ops.convert_to_numpy(predicted)[:, :, 0].astype(int)
    assert shown.shape == (n, n_visible)
    assert predicted.shape == (n, 9 - n_visible, 1)
    both = np.sort(np.concatenate([shown, hidden], axis=1), axis=1)
    np.testing.assert_array_equal(both, all_places(n, 9))
    # the encoder is given the visible patches with their places, and nothing else
    np.testing.assert_array_equal(visible[:, :, 1], shown)
    np.testing.assert_array_equal(visible[:, :, 0], np.repeat(np.arange(n)[:, None], n_visible, 1))
    np.testing.assert_array_equal(tokens, visible)
    np.testing.assert_array_equal(places, shown)
    # the error of the hidden patches alone
    target = np.take_along_axis(patches, hidden[:, :, None], axis=1)
    error = ((target - hidden[:, :, None]) ** 2).mean()
    assert float(model.losses[0]) == pytest.approx(error, rel=1e-5)


def test_hiding_differs_from_call_to_call_and_repeats_with_the_seed():
    patches = np.random.default_rng(0).random((4, 9, 4)).astype("float32")
    runs = []
    for _ in range(2):
        model = small()
        runs.append([ops.convert_to_numpy(model(patches)) for _ in range(2)])
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.abs(runs[0][0] - runs[0][1]).max() > 0


def test_the_order_of_patches_does_not_matter_as_their_places_come_along():
    patches = np.random.default_rng(0).random((2, 9, 4)).astype("float32")
    encoder = small().encoder
    order = np.random.default_rng(1).permutation(9)
    tokens = encoder.predict([patches, all_places(2, 9)], verbose=0)
    again = encoder.predict([patches[:, order], all_places(2, 9)[:, order]], verbose=0)
    np.testing.assert_allclose(again, tokens[:, order], atol=1e-5)


def test_training_predicts_hidden_patches_better_than_their_mean():
    rng = np.random.default_rng(0)
    # all patches of an image are alike, so that the visible ones say what is hidden
    patches = np.repeat(rng.random((512, 1, 1)), 9, axis=1).repeat(4, axis=2).astype("float32")
    model = small()
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    history = model.fit(patches, batch_size=64, epochs=6, verbose=0).history["loss"]
    assert history[-1] < 0.25 * patches.var()
    assert history[-1] < history[0]


def test_the_decoder_knows_which_token_is_whose():
    decoder = small().decoder
    tokens = np.random.default_rng(0).random((2, 3, 8)).astype("float32")
    places = np.array([[0, 4, 8], [2, 3, 7]])
    order = [2, 0, 1]
    made = decoder.predict([tokens, places], verbose=0)
    again = decoder.predict([tokens[:, order], places[:, order]], verbose=0)
    np.testing.assert_allclose(again, made, atol=1e-5)
    elsewhere = decoder.predict([tokens, places[:, order]], verbose=0)
    assert np.abs(elsewhere - made).max() > 1e-3


def test_the_loss_is_counted_once_by_fit():
    model = small()
    model.decoder.set_weights([0 * weights for weights in model.decoder.get_weights()])
    model.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    twos = np.full((64, 9, 4), 2, "float32")
    assert model.fit(twos, verbose=0).history["loss"][0] == pytest.approx(4)


def test_a_stored_network_predicts_the_same(tmp_path):
    patches = np.random.default_rng(0).random((2, 3, 4)).astype("float32")
    encoder = small().encoder
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras", compile=False)
    inputs = [patches, all_places(2, 3)]
    np.testing.assert_array_equal(
        loaded.predict(inputs, verbose=0), encoder.predict(inputs, verbose=0)
    )


def test_views_that_agree_cost_less_than_views_that_do_not():
    rows = np.eye(6, dtype="float32")
    alike = float(contrastive_loss(rows, rows))
    assert alike < 0.1
    assert float(contrastive_loss(rows, np.roll(rows, 1, axis=0))) > alike + 1
    # all rows the same: nothing tells the partner from the 10 others
    same = np.ones((6, 3), "float32")
    assert float(contrastive_loss(same, same)) == pytest.approx(np.log(11), abs=1e-4)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 4), st.integers(0, 2**32 - 1), st.floats(0, 45), st.floats(0, 4))
def test_moved_images_keep_shape_range_and_repeat_by_seed(n, seed, degrees, pixels):
    images = np.random.default_rng(0).random((n, 12, 10)).astype("float32")
    before = images.copy()
    out = moved(images, seed, degrees, pixels)
    assert out.shape == images.shape
    assert out.dtype == np.float32
    assert n == 0 or (out.min() >= 0 and out.max() <= 1.0001)
    np.testing.assert_array_equal(out, moved(images, seed, degrees, pixels))
    np.testing.assert_array_equal(images, before)


def test_no_move_changes_nothing_and_a_dot_moves_no_further_than_allowed():
    images = np.zeros((200, 15, 15), "float32")
    images[:, 7, 7] = 1
    np.testing.assert_allclose(moved(images, 0, 0, 0), images, atol=1e-6)
    out = moved(images, 0, 90, 2)
    rows, columns = np.mgrid[:15, :15]
    total = out.sum(axis=(1, 2))
    for grid in (rows, columns):
        place = (out * grid).sum(axis=(1, 2)) / total
        assert np.abs(place - 7).max() < 3.0
        assert np.abs(place - 7).max() > 1.2


@pytest.mark.parametrize(
    ("attempt", "error", "words"),
    [
        (lambda: to_patches(np.zeros((2, 28))), AeutilsError, r"must have shape \(n, height"),
        (lambda: to_patches(np.zeros((2, 28, 28)), 5), AeutilsError, "size must divide the height"),
        (lambda: to_patches(np.zeros((2, 4, 4)), 0), AeutilsError, "size must be a positive"),
        (lambda: from_patches(np.zeros((2, 48, 16))), AeutilsError, "fill images of shape"),
        (lambda: from_patches(np.zeros((2, 49, 15))), AeutilsError, "fill images of shape"),
        (lambda: from_patches(np.zeros((49, 16))), AeutilsError, "fill images of shape"),
        (lambda: moved(np.zeros((28, 28))), AeutilsError, "images must have shape"),
        (lambda: moved(np.zeros((1, 4, 4)), degrees=-1), AeutilsError, "degrees must be"),
        (lambda: moved(np.zeros((1, 4, 4)), seed=-1), AeutilsError, "seed must be"),
        (lambda: patch_encoder(10, heads=4), ModelError, "heads must divide the width"),
        (lambda: patch_encoder(depth=0), ModelError, "depth must be a positive"),
        (lambda: patch_decoder(width=0), ModelError, "width must be a positive"),
        (lambda: small(n_visible=0), ModelError, "n_visible must be a positive"),
        (
            lambda: small(n_visible=9)(np.zeros((1, 9, 4), "f4")),
            ModelError,
            "must be less than",
        ),
    ],
)
def test_bad_input_is_refused(attempt, error, words):
    with pytest.raises(error, match=words):
        attempt()


def test_the_shipped_network_fills_in_better_than_the_mean_image():
    (x, _), (x_test, _) = load_mnist()
    mean = to_patches(x[:5000] / np.float32(255)).mean(axis=0)
    patches = to_patches(x_test[:200] / np.float32(255))
    model = load_masked_autoencoder()
    order = np.argsort(np.random.default_rng(0).random((200, 49)), axis=1).astype("int32")
    shown, hidden = order[:, :12], order[:, 12:]
    visible = np.take_along_axis(patches, shown[:, :, None], axis=1)
    tokens = model.encoder.predict([visible, shown], verbose=0)
    made = model.decoder.predict([tokens, shown], verbose=0)

    def error(images):
        return np.take_along_axis((images - patches) ** 2, hidden[:, :, None], axis=1).mean()

    assert error(made) < 0.65 * error(mean)
    assert (FOLDER / "masked_autoencoder.npz").stat().st_size < 400_000
