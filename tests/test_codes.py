"""Sparse autoencoders: their codes, reviving, saving, and the recovery of known directions."""

import keras
import numpy as np
import pytest
from keras import ops

from aeutils.codes import ReviveDeadUnits, SparseCode, best_cosines, sparse_autoencoder
from aeutils.core import split_at
from aeutils.core.errors import AeutilsError, ModelError


@pytest.fixture(scope="module")
def world():
    """True directions, twice as many as dimensions, and samples of one or two of them."""
    rng = np.random.default_rng(0)
    true = rng.standard_normal((32, 16))
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    on = rng.random((8000, 32)) < 1.5 / 32
    return true, ((on * rng.uniform(0.5, 1.5, on.shape)) @ true).astype("float32")


def trained(x, epochs=12, **settings):
    keras.utils.set_random_seed(0)
    model = sparse_autoencoder(32, input_dim=16, **settings)
    revive = ReviveDeadUnits(x[:4000], seed=0)
    rate = keras.optimizers.schedules.CosineDecay(2e-2, epochs * len(x) // 200)
    model.compile(keras.optimizers.Adam(rate), lambda x, y: ops.sum((x - y) ** 2, axis=-1),
                  jit_compile=False)  # fmt: skip
    model.fit(x, x, batch_size=200, epochs=epochs, verbose=0, callbacks=[revive])
    return model, revive


@pytest.fixture(scope="module")
def finished(world):
    return trained(world[1], k=2)


def test_known_directions_are_recovered_and_have_length_one(world, finished):
    directions = finished[0].get_layer("decoder").get_weights()[0]
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-4)
    random = np.random.default_rng(1).standard_normal(directions.shape)
    assert best_cosines(world[0], directions).mean() > 0.9
    assert best_cosines(world[0], random).mean() < 0.7


def test_at_most_k_units_are_active(world, finished):
    encoder, decoder = split_at(finished[0], "code")
    code = encoder.predict(world[1][:500], verbose=0)
    assert code.min() >= 0
    assert (code > 0).sum(axis=1).max() == 2
    np.testing.assert_allclose(
        decoder.predict(code, verbose=0), finished[0].predict(world[1][:500], verbose=0), atol=1e-5
    )


def test_the_penalty_is_the_mean_sum_of_a_code():
    layer = SparseCode(l1=0.5)
    layer(np.array([[1.0, -2.0, 3.0], [0.0, 1.0, -1.0]], "float32"))
    assert float(layer.losses[0]) == pytest.approx(0.5 * (4 + 1) / 2)


def test_a_stored_network_is_the_same(world, finished, tmp_path):
    finished[0].save(tmp_path / "sparse.keras")
    loaded = keras.models.load_model(tmp_path / "sparse.keras", compile=False)
    x = world[1][:20]
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), finished[0].predict(x, verbose=0))


def test_dead_units_are_revived_until_it_is_too_late(world):
    x = world[1][:2000]
    for until, dead_after in ((1.0, False), (0.0, True)):
        keras.utils.set_random_seed(0)
        model = sparse_autoencoder(32, k=2, input_dim=16)
        encoder = model.get_layer("encoder")
        kernel, bias = encoder.get_weights()
        bias[:5] = -100
        encoder.set_weights([kernel, bias])
        revive = ReviveDeadUnits(x, until=until, seed=0)
        model.compile("sgd", "mse", jit_compile=False)
        model.fit(x, x, epochs=1, verbose=0, callbacks=[revive])
        assert revive.n_dead[0] >= 5
        code = split_at(model, "code")[0].predict(x, verbose=0)
        assert (code[:, :5].max(axis=0) <= 0).all() == dead_after


def test_best_cosines():
    true = [[1, 0], [0, 2]]
    np.testing.assert_allclose(best_cosines(true, [[3, 0], [1, 1]]), [1, 0.5**0.5])
    np.testing.assert_allclose(best_cosines(true, [[-1, 0]]), [-1, 0], atol=1e-12)
    np.testing.assert_allclose(best_cosines(true, [[1, 1]], one_to_one=True).sum(), 0.5**0.5)
    np.testing.assert_allclose(best_cosines(true, [[0, 0]]), [0, 0])


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda: sparse_autoencoder(0), "n_units must be a positive integer"),
        (lambda: sparse_autoencoder(4, k=5), "k must be at most n_units"),
        (lambda: SparseCode(k=1.5), "k must be a positive integer"),
        (lambda: SparseCode(l1=-1), "l1 must be a finite number"),
    ],
)
def test_impossible_networks_are_refused(attempt, words):
    with pytest.raises(ModelError, match=words):
        attempt()


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda: best_cosines([[1, 0]], [[1, 0, 0]]), "as many columns"),
        (lambda: best_cosines([1, 0], [[1, 0]]), "must be a matrix"),
        (lambda: best_cosines([[np.nan, 0]], [[1, 0]]), "must be finite"),
        (lambda: ReviveDeadUnits([[1.0]], until=2), "until must be"),
    ],
)
def test_bad_numbers_are_refused(attempt, words):
    with pytest.raises(AeutilsError, match=words):
        attempt()
