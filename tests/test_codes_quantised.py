"""Quantisers, priors over their codes, and streams that are decoded exactly."""

import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aeutils.codes import (
    FiniteScalarQuantiser,
    IndexPrior,
    PhotoCodec,
    ValuePrior,
    VectorQuantiser,
    codebook_use,
    codec_networks,
    load_photo_codec,
    patch_autoencoder,
    principal_patches,
)
from aeutils.core import split_at
from aeutils.core.errors import AeutilsError, ImageError, ModelError

pytest.importorskip("constriction")

SHAPES = st.tuples(st.integers(1, 7), st.integers(1, 7))


@pytest.fixture(scope="module")
def index_prior():
    """A prior of 40 codes, fitted to ramps."""
    ramp = np.add.outer(np.arange(30), np.arange(40)) % 40
    return IndexPrior(40, n_classes=5).fit([ramp])


@pytest.fixture(scope="module")
def value_prior():
    """A prior of three channels, fitted to values of falling size."""
    rng = np.random.default_rng(0)
    values = np.rint(rng.laplace(size=(20, 30, 3)) * (4, 1, 0.2)).astype(int)
    return ValuePrior(3, limit=50).fit([values.clip(-50, 50)])


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_indices_are_decoded_exactly(index_prior, data):
    shape = data.draw(SHAPES)
    grid = data.draw(arrays.arrays(np.int64, shape, elements=st.integers(0, 39)))
    for prior in (index_prior, IndexPrior(40)):
        stream = prior.encode(grid)
        np.testing.assert_array_equal(prior.decode(stream), grid)
        # a range coder ends within two words of what the probabilities ask for
        assert prior.bits(grid) / 8 - 1 <= len(stream) - 4 <= prior.bits(grid) / 8 + 12


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_values_are_decoded_exactly(value_prior, data):
    shape = (*data.draw(SHAPES), 3)
    grid = data.draw(arrays.arrays(np.int64, shape, elements=st.integers(-50, 50)))
    for prior in (value_prior, ValuePrior(3, limit=50)):
        stream = prior.encode(grid)
        np.testing.assert_array_equal(prior.decode(stream), grid)
        assert prior.bits(grid) / 8 - 1 <= len(stream) - 4 <= prior.bits(grid) / 8 + 12


def test_a_fitted_prior_needs_fewer_bits_than_equal_probabilities():
    rng = np.random.default_rng(1)
    grid = np.cumsum(rng.integers(-1, 2, (40, 50)), axis=1) % 64
    values = np.rint(rng.laplace(size=(40, 50, 4)) * np.exp(rng.normal(size=(40, 50, 1))))
    values = values.astype(int).clip(-127, 127)
    assert IndexPrior(64).fit([grid]).bits(grid) < 0.6 * IndexPrior(64).bits(grid)
    assert IndexPrior(64).bits(grid) == pytest.approx(6 * grid.size)
    assert ValuePrior(4).fit([values]).bits(values) < 0.4 * ValuePrior(4).bits(values)


def test_sizes_of_neighbours_tell_sizes():
    rng = np.random.default_rng(2)
    # quiet and loud halves: a prior by channel alone would need more
    loud = np.repeat([[0.3], [8.0]], 20, axis=0)[..., None]
    values = np.rint(rng.laplace(size=(40, 60, 4)) * loud).astype(int).clip(-127, 127)
    flat = np.random.default_rng(3).permutation(values.reshape(-1, 4)).reshape(values.shape)
    prior, shuffled = (ValuePrior(4).fit([v]) for v in (values, flat))
    assert prior.bits(values) < 0.9 * shuffled.bits(flat)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (np.zeros((2, 2)), "must hold integers; got type float64"),
        (np.zeros((2, 2, 2), int), "must have 2 dimensions"),
        (np.zeros((0, 2), int), "not be empty"),
        (np.array([[40]]), "integers from 0 to 39; got 40 to 40"),
        (np.array([[-1]]), "integers from 0 to 39; got -1 to -1"),
        ([["a"]], "must hold real numbers"),
    ],
)
def test_bad_grids_are_refused(index_prior, grid, message):
    for method in (index_prior.encode, index_prior.bits, lambda g: index_prior.fit([g])):
        with pytest.raises(AeutilsError, match=message):
            method(grid)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (np.zeros((2, 2, 2), int), "must have 3 channels"),
        (np.zeros((2, 2), int), "must have 3 dimensions"),
        (np.full((1, 1, 3), 51), "integers from -50 to 50"),
        (np.zeros((1, 1, 3)), "Round it first"),
    ],
)
def test_bad_values_are_refused(value_prior, grid, message):
    for method in (value_prior.encode, value_prior.bits, lambda g: value_prior.fit([g])):
        with pytest.raises(AeutilsError, match=message):
            method(grid)


@pytest.mark.parametrize("stream", [b"", b"abc", b"abcdefg", "abcd", None])
def test_bad_streams_are_refused(index_prior, value_prior, stream):
    for prior in (index_prior, value_prior):
        with pytest.raises(AeutilsError, match="must be bytes that encode returned"):
            prior.decode(stream)


def test_without_constriction_the_extra_is_named(index_prior, monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    assert index_prior.bits([[1, 2]]) > 0
    with pytest.raises(AeutilsError, match="extra `codes`"):
        index_prior.encode([[1, 2]])


def test_priors_need_grids_and_sound_arguments():
    for prior in (IndexPrior(4), ValuePrior(2)):
        with pytest.raises(AeutilsError, match="at least one grid"):
            prior.fit([])
    for make in (lambda: IndexPrior(0), lambda: ValuePrior(2.5), lambda: ValuePrior(2, limit=0)):
        with pytest.raises(AeutilsError, match="must be a positive integer"):
            make()


def test_a_vector_becomes_its_nearest_code_and_the_gradient_passes():
    layer = VectorQuantiser(3)
    layer.build((None, 2))
    layer.codebook.assign([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    x = np.array([[[0.9, 0.2], [0.1, -0.3]]], "float32")
    np.testing.assert_array_equal(layer.indices(x), [[1, 0]])
    np.testing.assert_allclose(layer(x), [[[1, 0], [0, 0]]], atol=1e-6)
    np.testing.assert_allclose(layer.vectors(np.array([2])), [[0, 1]])
    layer(x, training=True)
    # 0.01 + 0.04 + 0.01 + 0.09, a quarter of the mean of four
    assert float(layer.losses[0]) == pytest.approx(0.25 * 0.15 / 4, rel=1e-4)


def test_codes_move_to_their_vectors_and_dead_ones_are_revived():
    rng = np.random.default_rng(0)
    corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], "float32")
    x = (np.repeat(corners, 100, axis=0) + 0.05 * rng.normal(size=(400, 2))).astype("float32")
    shares = {}
    for revive in (0.0, 1.0):
        layer = VectorQuantiser(8, decay=0.7, revive=revive, seed=0)
        layer.build((None, 2))
        # one code is nearer than the others to everything
        layer.codebook.assign(np.linspace(9, 2, 16).reshape(8, 2))
        for _ in range(60):
            layer(x, training=True)
        shares[revive] = codebook_use(np.asarray(layer.indices(x)), 8)[0]
    assert shares[0.0] < 0.5
    assert shares[1.0] > 0.9


def test_scalar_codes_are_the_combinations_of_levels():
    layer = FiniteScalarQuantiser((4, 3))
    assert layer.n_codes == 12
    x = np.random.default_rng(0).normal(size=(500, 2)).astype("float32") * 2
    output = np.asarray(layer(x))
    assert len(np.unique(output[:, 0].round(4))) == 4
    assert len(np.unique(output[:, 1].round(4))) == 3
    assert np.abs(output).max() <= 1
    indices = np.asarray(layer.indices(x))
    assert codebook_use(indices, 12)[0] == 1
    np.testing.assert_allclose(layer.vectors(indices), output, atol=1e-6)


@pytest.mark.parametrize("quantiser", [VectorQuantiser(16, seed=0), FiniteScalarQuantiser((4, 4))])
def test_a_network_around_a_quantiser_is_stored(quantiser, tmp_path):
    rng = np.random.default_rng(0)
    images = rng.random((4, 16, 24)).cumsum(axis=2) / 24
    basis = principal_patches(images, 4)
    np.testing.assert_allclose(basis @ basis.T, np.eye(16), atol=1e-4)
    dim = 2 if isinstance(quantiser, FiniteScalarQuantiser) else None
    model = patch_autoencoder(quantiser, basis, dim, width=4)
    model.compile("adam", "mse")
    x = images[..., None].astype("float32")
    model.fit(x, x, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    output = model.predict(x, verbose=0)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), output, atol=1e-6)
    encoder, decoder = split_at(model, "code")
    code = encoder.predict(x, verbose=0)
    np.testing.assert_allclose(decoder.predict(code, verbose=0), output, atol=1e-5)


def test_before_training_the_network_is_k_means():
    rng = np.random.default_rng(0)
    images = rng.random((2, 16, 16)).astype("float32")
    basis = principal_patches(images, 4)
    quantiser = VectorQuantiser(5)
    model = patch_autoencoder(quantiser, basis)
    centres = rng.random((5, 16)).astype("float32")
    quantiser.codebook.assign((centres - 0.5) @ basis.T)
    output = model.predict(images[..., None], verbose=0)[..., 0]
    cut = images.reshape(2, 4, 4, 4, 4).transpose(0, 1, 3, 2, 4).reshape(2, 4, 4, 16)
    nearest = ((cut[..., None, :] - centres) ** 2).sum(axis=-1).argmin(axis=-1)
    expected = centres[nearest].reshape(2, 4, 4, 4, 4).transpose(0, 1, 3, 2, 4).reshape(2, 16, 16)
    np.testing.assert_allclose(output, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VectorQuantiser(0), "n_codes must be a positive integer"),
        (lambda: VectorQuantiser(4, decay=1.5), "decay must be a finite number"),
        (lambda: VectorQuantiser(4, commitment=-1), "commitment must be a finite number"),
        (lambda: FiniteScalarQuantiser((1, 4)), "levels must be integers of at least 2"),
        (lambda: FiniteScalarQuantiser(()), "levels must be integers of at least 2"),
        (lambda: FiniteScalarQuantiser((4,)).build((None, 2)), "one for each channel"),
        (lambda: patch_autoencoder(VectorQuantiser(4), np.eye(15)), "basis must have side"),
        (lambda: patch_autoencoder(VectorQuantiser(4), np.eye(16), 17), "dim must be at most 16"),
        (lambda: patch_autoencoder(VectorQuantiser(4), np.eye(16), 2, spread=[1]), "spread must"),
        (lambda: codec_networks(0), "width must be a positive integer"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ModelError, match=message):
        make()


def test_bad_indices_and_images_are_refused():
    for indices in (np.array([], int), [0.5], [3], [-1]):
        with pytest.raises(AeutilsError, match="indices must be"):
            codebook_use(indices, 3)
    for images in ([], [np.zeros((3, 8))], [np.zeros((8, 8, 3))], [np.full((8, 8), np.nan)]):
        with pytest.raises(ImageError, match="images must"):
            principal_patches(images, 4)


def test_codebook_use_counts_codes_and_their_evenness():
    assert codebook_use([0, 1, 2, 3], 4) == (1.0, pytest.approx(4))
    assert codebook_use([[2, 2]], 4) == (0.25, pytest.approx(1))


@pytest.fixture(scope="module")
def codec():
    return load_photo_codec()


def test_the_codec_decodes_its_own_bytes_exactly(codec):
    from skimage.data import camera

    photograph = camera()[100:205, 90:213]
    before = np.inf
    for quality in (1, 3, 7):
        stream = codec.encode(photograph, quality)
        decoded = codec.decode(stream)
        assert decoded.shape == photograph.shape
        assert decoded.dtype == np.uint8
        # what the decoder sees are the encoder's whole numbers
        whole = codec.photograph(codec.values(photograph, quality), quality)
        np.testing.assert_array_equal(decoded, whole[:105, :123])
        error = np.mean((decoded.astype(float) - photograph) ** 2)
        assert error < before
        before = error
    assert before < 60


def test_a_codec_needs_a_prior_for_each_quality(codec):
    networks = codec.analysis, codec.synthesis
    with pytest.raises(ModelError, match="priors must be 7; got 1"):
        PhotoCodec(*networks, codec.priors[:1])
    with pytest.raises(ModelError, match="rounds_up must be a finite number"):
        PhotoCodec(*networks, codec.priors, rounds_up=0.2)


@pytest.mark.parametrize(
    ("photograph", "quality", "message"),
    [
        (np.zeros((16, 16)), 3, "must be grey, uint8"),
        (np.zeros((16, 16, 3), np.uint8), 3, "must be grey, uint8"),
        (np.zeros((7, 16), np.uint8), 3, "at least 8 × 8"),
        (np.zeros((16, 16), np.uint8), 8, "quality must be from 1 to 7"),
        (np.zeros((16, 16), np.uint8), 0, "quality must be a positive integer"),
    ],
)
def test_the_codec_refuses_what_it_cannot_code(codec, photograph, quality, message):
    with pytest.raises(AeutilsError, match=message):
        codec.encode(photograph, quality)


@pytest.mark.parametrize("stream", [b"", b"\x03\x10", "text", b"\x09\x10\x00\x10\x00", b"\x03" * 6])
def test_the_codec_refuses_what_is_no_stream(codec, stream):
    with pytest.raises(AeutilsError):
        codec.decode(stream)


def test_a_head_cannot_ask_for_all_memory(codec):
    """65,535 pixels a side are few enough places, but not with 64 values each."""
    stream = codec.encode(np.zeros((8, 8), np.uint8), 1)
    with pytest.raises(AeutilsError, match="8192 × 8192 × 64"):
        codec.decode(stream[:1] + b"\xff\xff\xff\xff" + stream[5:])
    with pytest.raises(ImageError, match="at most 65535"):
        codec.encode(np.zeros((8, 65_536), np.uint8), 1)


@pytest.mark.parametrize("values", [np.zeros((2, 2, 3), int), np.zeros((2, 2, 64)), [1, 2]])
def test_a_photograph_is_made_of_whole_numbers_in_all_channels(codec, values):
    with pytest.raises(AeutilsError, match="values must be integers of shape"):
        codec.photograph(values, 1)
