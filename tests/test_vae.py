"""The variational autoencoder: its likelihoods, what it refuses, saving and loading."""

import subprocess
import sys
import warnings

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pandas
import pytest

import aeutils
from aeutils.core.errors import AeutilsError, ImageError, ModelError
from aeutils.generative import VariationalAutoencoder, binarize

RNG = np.random.default_rng(0)
X = RNG.random((40, 12), dtype="float32")
PICTURES = binarize(X, seed=0)
LABELS = np.arange(40) % 4


def small(latent_dim=2, **arguments):
    keras.utils.set_random_seed(0)
    return VariationalAutoencoder(latent_dim, (8, 6), 12, seed=0, **arguments)


@pytest.fixture(scope="module")
def vae():
    model = small()
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(X, epochs=5, batch_size=8, verbose=0)
    return model


@pytest.fixture(scope="module")
def conditional():
    model = small(n_classes=4)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit((X, LABELS), epochs=5, batch_size=8, verbose=0)
    return model


def exact_log_likelihood(vae, pictures):
    """Log-likelihood by a sum over a fine grid of two-dimensional codes."""
    axis, step = np.linspace(-6, 6, 241, retstep=True)
    codes = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    p = vae.decode(codes).astype("f8")
    log_p_x = pictures @ np.log(p).T + (1 - pictures) @ np.log1p(-p).T
    log_prior = -0.5 * (codes**2).sum(axis=1) - np.log(2 * np.pi)
    return np.logaddexp.reduce(log_p_x + log_prior + 2 * np.log(step), axis=1)


def test_it_is_where_it_is_looked_for():
    assert aeutils.generative.VariationalAutoencoder is VariationalAutoencoder
    assert aeutils.VariationalAutoencoder is VariationalAutoencoder


def test_aeutils_and_its_data_come_without_keras():
    code = "import sys, aeutils, aeutils.data; print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_estimate_is_the_integral_over_all_codes(vae):
    exact = exact_log_likelihood(vae, PICTURES)
    np.testing.assert_allclose(vae.log_likelihood(PICTURES, n_samples=5000), exact, atol=0.05)


def test_bounds_are_below_the_likelihood_and_rise_with_the_samples(vae):
    exact = exact_log_likelihood(vae, PICTURES).mean()
    elbo = vae.elbo(PICTURES, n_samples=500).mean()
    bounds = [
        np.mean([vae.log_likelihood(PICTURES, n_samples=k, seed=s).mean() for s in range(30)])
        for k in (1, 5, 50)
    ]
    assert abs(bounds[0] - elbo) < 0.05  # with one sample both have the same mean
    assert bounds[0] < bounds[1] < bounds[2] < exact + 0.02


def test_loss_of_fit_is_the_negative_elbo(vae):
    # the codes that Keras draws differ from NumPy's, so means of many draws are compared
    losses = [vae.evaluate(PICTURES, verbose=0, return_dict=True) for _ in range(60)]
    loss = np.mean([loss["loss"] for loss in losses])
    assert loss == pytest.approx(-vae.elbo(PICTURES, n_samples=500).mean(), abs=0.1)
    assert losses[0]["loss"] == pytest.approx(losses[0]["reconstruction"] + losses[0]["kl"])


def test_beta_weighs_the_kl_term():
    model = small(beta=4)
    model.compile("adam")
    loss = model.evaluate(PICTURES, verbose=0, return_dict=True)
    assert loss["loss"] == pytest.approx(loss["reconstruction"] + 4 * loss["kl"], rel=1e-5)


def test_training_lowers_the_bound_and_draws_black_and_white_pictures(vae):
    assert vae.elbo(PICTURES).mean() > small().elbo(PICTURES).mean() + 0.5
    targets = [np.asarray(vae(X, training=True)["target"]) for _ in range(200)]
    assert set(np.unique(targets)) == {0, 1}
    np.testing.assert_allclose(np.mean(targets, axis=0), X, atol=0.2)
    np.testing.assert_array_equal(vae(PICTURES, training=True)["target"], PICTURES)


def test_batches_do_not_change_the_answers(vae, monkeypatch):
    codes = RNG.normal(size=(40, 2))
    pictures = PICTURES[:8]
    whole = [*vae.encode(X), vae.decode(codes), vae.log_likelihood(pictures, n_samples=400)]
    monkeypatch.setattr("aeutils.generative.vae.ROWS_AT_ONCE", 7)
    parts = [*vae.encode(X), vae.decode(codes), vae.log_likelihood(pictures, n_samples=400)]
    for a, b in zip(whole[:3], parts[:3], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    np.testing.assert_allclose(whole[3], parts[3], atol=0.3)  # other draws


def test_shapes_and_types(vae):
    mean, log_variance = vae.encode(X.reshape(40, 3, 4))
    assert mean.shape == log_variance.shape == (40, 2)
    np.testing.assert_array_equal(vae.encode(X)[0], mean)
    np.testing.assert_allclose(
        vae.encode((255 * PICTURES).astype("uint8"))[0], vae.encode(PICTURES)[0]
    )
    pictures = vae.decode([[0, 1], [2, 3]])
    assert pictures.shape == (2, 12)
    assert pictures.dtype == mean.dtype == np.float32
    assert vae.elbo(PICTURES).shape == vae.log_likelihood(PICTURES, n_samples=3).shape == (40,)


def test_samples(vae, conditional):
    assert vae.sample(np.int64(3)).shape == (3, 12)
    np.testing.assert_array_equal(vae.sample(3, seed=1), vae.sample(3, seed=1))
    assert (vae.sample(3, seed=1) != vae.sample(3, seed=2)).any()
    same = conditional.sample(2, labels=3, seed=1)
    np.testing.assert_array_equal(same, conditional.sample(2, labels=[3, 3], seed=1))
    assert (same != conditional.sample(2, labels=[0, 1], seed=1)).any()


def test_conditional_model_learns_what_the_label_says():
    patterns = np.eye(4, 12, dtype="float32").repeat(10, axis=0)
    labels = np.arange(4).repeat(10)
    model = small(n_classes=4)
    model.compile(keras.optimizers.Adam(0.03))
    model.fit((patterns, labels), epochs=60, batch_size=20, verbose=0)
    pictures = model.sample(20, labels=np.arange(20) % 4, seed=0)
    assert (pictures[:, :4].argmax(axis=1) == np.arange(20) % 4).all()
    right, wrong = model.elbo(patterns, labels), model.elbo(patterns, (labels + 1) % 4)
    assert right.mean() > wrong.mean() + 1


def test_same_answers_after_saving_and_loading_elsewhere(vae, conditional, tmp_path):
    vae.save(tmp_path / "vae.keras")
    conditional.save(tmp_path / "conditional.keras")
    np.save(tmp_path / "pictures.npy", PICTURES)
    code = """
from aeutils import runtime; runtime.quiet_logs()
import keras, numpy as np
import aeutils.generative.vae
x = np.load("pictures.npy")
vae = keras.models.load_model("vae.keras")
conditional = keras.models.load_model("conditional.keras")
labels = np.arange(40) % 4
np.savez("answers.npz", elbo=vae.elbo(x, seed=3), mean=vae.encode(x)[0],
         sample=vae.sample(4, seed=1), conditional=conditional.elbo(x, labels, seed=3),
         widths=conditional.hidden_layer_sizes)
vae.fit(x, epochs=1, verbose=0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env={"PYTHONPATH": str(aeutils.__path__[0]) + "/..", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = np.load(tmp_path / "answers.npz")
    np.testing.assert_allclose(answers["elbo"], vae.elbo(PICTURES, seed=3), rtol=1e-5)
    np.testing.assert_allclose(answers["mean"], vae.encode(PICTURES)[0], atol=1e-5)
    np.testing.assert_allclose(answers["sample"], vae.sample(4, seed=1), atol=1e-5)
    np.testing.assert_allclose(
        answers["conditional"], conditional.elbo(PICTURES, LABELS, seed=3), rtol=1e-5
    )
    assert tuple(answers["widths"]) == (8, 6)


def test_config_has_every_argument():
    arguments = {
        "latent_dim": 3,
        "hidden_layer_sizes": (5,),
        "input_dim": 7,
        "n_classes": 2,
        "beta": 0.5,
        "seed": 4,
    }
    again = VariationalAutoencoder.from_config(VariationalAutoencoder(**arguments).get_config())
    assert {name: getattr(again, name) for name in arguments} == arguments


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"latent_dim": 0}, "latent_dim must be a positive integer; got 0"),
        ({"latent_dim": 2.5}, "latent_dim"),
        ({"input_dim": "784"}, "input_dim"),
        ({"hidden_layer_sizes": (512, -1)}, r"hidden_layer_sizes\[1\]"),
        ({"n_classes": 0}, "n_classes"),
        ({"n_classes": True}, "n_classes"),
        ({"beta": -1}, "beta"),
        ({"beta": np.nan}, "beta"),
        ({"beta": "high"}, "beta"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"seed": 1.0}, "seed"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ModelError, match=words):
        VariationalAutoencoder(**arguments)


def test_seeds_and_widths_of_numpy_are_numbers():
    vae = VariationalAutoencoder(np.int64(2), np.array([8]), np.uint16(12), seed=np.int64(3))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(vae))
    assert again.get_config() == vae.get_config()


class Batches(keras.utils.PyDataset):
    """Batches of ten, as a PyDataset has them."""

    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return len(self.arrays[0]) // 10

    def __getitem__(self, i):
        batch = tuple(a[10 * i : 10 * i + 10] for a in self.arrays)
        return (batch,) if len(batch) > 1 else batch


def batches(*arrays):
    """The same batches from a generator."""
    source = Batches(*arrays)
    return (source[i] for i in range(len(source)))


BAD_PICTURES = {
    "look like 0 to 255": 255 * X,
    "outside 0 to 1": -X,
    "NaN": np.where(np.arange(12) == 3, np.nan, X),
    "masked": np.ma.masked_array(X, X > 0.5),
    r"got \(40, 5\)": X[:, :5],
    r"got \(80, 6\)": X.reshape(80, 6),
    r"got \(2, 20, 12\)": X.reshape(2, 20, 12),
    "n at least 1": X[:0],
    "no known range": PICTURES.astype(int),
    "one array": [[0.0, 1.0], [0.0]],
    "real numbers": [["a"] * 12],
}
METHODS = [
    "encode", "elbo", "log_likelihood", "fit", "validation_data", "evaluate", "predict",
    "train_on_batch", "test_on_batch", "predict_on_batch",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("words", BAD_PICTURES)
def test_bad_pictures(vae, method, words):
    images, before = BAD_PICTURES[words], vae.get_weights()
    call = getattr(vae, method, lambda bad: vae.fit(X, validation_data=bad, verbose=0))
    with pytest.raises(ImageError, match=words):
        call(images)
    for old, new in zip(before, vae.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("kind", ["frame", "tensor", "list", "read-only", "Fortran", "doubles"])
def test_the_same_pictures_from_anywhere(vae, kind):
    images = {
        "frame": pandas.DataFrame(PICTURES),
        "tensor": keras.ops.convert_to_tensor(PICTURES),
        "list": PICTURES.tolist(),
        "read-only": np.broadcast_to(PICTURES, PICTURES.shape),
        "Fortran": np.asfortranarray(PICTURES),
        "doubles": PICTURES[::-1].astype("f8")[::-1],
    }[kind]
    np.testing.assert_array_equal(vae.encode(images)[0], vae.encode(PICTURES)[0])
    np.testing.assert_array_equal(vae.elbo(images), vae.elbo(PICTURES))
    mean = vae.predict(images, verbose=0)["mean"]
    np.testing.assert_allclose(mean, vae.encode(PICTURES)[0], atol=1e-6)
    loss = vae.evaluate(images, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(-vae.elbo(PICTURES, n_samples=50).mean(), abs=1.5)


@pytest.mark.parametrize("source", [Batches, batches])
def test_datasets_are_checked_batch_by_batch(source):
    model = small()
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    history = model.fit(source(X), validation_data=Batches(X), verbose=0)
    assert np.isfinite(history.history["loss"] + history.history["val_loss"]).all()
    before = model.get_weights()
    late = np.concatenate([X[:30], X[30:] * 255])  # the last of four batches is bad
    not_a_number = np.where(np.arange(40)[:, None] == 39, np.nan, X)
    for bad in (255 * X, late, not_a_number):
        model.set_weights(before)
        with pytest.raises(ImageError, match="a batch of the dataset"):
            model.fit(source(bad), verbose=0)
        assert all(np.isfinite(w).all() for w in model.get_weights())
        with pytest.raises(ImageError, match="a batch of the dataset"):
            model.fit(X, validation_data=source(bad), verbose=0)
        with pytest.raises(ImageError, match="a batch of the dataset"):
            model.evaluate(source(bad), verbose=0)
        with pytest.raises(ImageError, match=r"NaN|outside 0 to 1"):
            model.predict(source(bad), verbose=0)
    with pytest.raises(ImageError, match=r"each batch must have shape \(n, 12\)"):
        model.fit(source(X.reshape(40, 3, 4)), verbose=0)


def test_a_bad_batch_has_no_gradient():
    model = small()
    model.compile(keras.optimizers.SGD(0.1), jit_compile=False)
    before = model.get_weights()
    with pytest.raises(ImageError):
        model.fit(Batches(255 * X[:10]), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_datasets_of_conditional_models():
    model = small(n_classes=4)
    model.compile("adam", jit_compile=False)
    model.fit(Batches(X, LABELS), validation_data=(X, LABELS), verbose=0)
    model.fit((X, LABELS), validation_data=((X, LABELS),), validation_freq=1, verbose=0)
    with pytest.raises(ImageError, match="labels that are no class"):
        model.fit(Batches(X, LABELS + 1), verbose=0)
    with pytest.raises(ImageError, match="labels that are no class"):
        model.evaluate(Batches(X, LABELS - 1), verbose=0)
    with pytest.raises(ModelError, match="NaN"):
        model.predict(Batches(X, LABELS + 1), verbose=0)
    with pytest.raises(ModelError, match="labels must be integers"):
        model.fit(Batches(X, LABELS.astype("f4")), verbose=0)
    with pytest.raises(ModelError, match=r"\(\(images, labels\),\)"):
        model.fit(Batches(X), verbose=0)


@pytest.mark.parametrize("x", [None, 5, "pictures", {"images": X}])
def test_what_is_no_data(vae, x):
    for method in (vae.fit, vae.evaluate, vae.predict, vae.train_on_batch):
        with pytest.raises(AeutilsError):
            method(x)


def test_targets_weights_losses_and_metrics_are_refused(vae):
    weights = np.ones(40)
    for call, name in [
        (lambda: vae.fit(X, X), "y"),
        (lambda: vae.fit(X, sample_weight=weights), "sample_weight"),
        (lambda: vae.fit(X, class_weight={0: 2}), "class_weight"),
        (lambda: vae.evaluate(X, X), "y"),
        (lambda: vae.evaluate(X, sample_weight=weights), "sample_weight"),
        (lambda: vae.train_on_batch(X, X), "y"),
        (lambda: vae.test_on_batch(X, sample_weight=weights), "sample_weight"),
        (lambda: vae.fit(pair for pair in [(X[:5], X[:5])]), "y"),
        (lambda: small().compile("adam", "mse"), "loss"),
        (lambda: small().compile("adam", metrics=["mae"]), "metrics"),
        (lambda: small().compile("adam", loss_weights=[2]), "loss_weights"),
    ]:
        with pytest.raises(ModelError, match=f"{name} must be None"):
            call()


def test_weights_that_have_diverged_give_no_results():
    model = small()
    model.compile("adam")
    model.set_weights([w * np.nan for w in model.get_weights()])
    for call in (
        lambda: model.encode(X),
        lambda: model.decode(np.zeros((2, 2))),
        lambda: model.elbo(PICTURES),
        lambda: model.log_likelihood(PICTURES, n_samples=3),
        lambda: model.predict(X, verbose=0),
    ):
        with pytest.raises(ModelError, match="NaN or infinite"):
            call()


def test_grey_pictures_have_no_likelihood(vae):
    for method in (vae.elbo, vae.log_likelihood):
        with pytest.raises(ImageError, match=r"grey.*binarize"):
            method(X)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, "give labels, 40 integers from 0 to 3"),
        (LABELS + 1, "got 1 to 4"),
        (LABELS - 1, "got -1"),
        (LABELS[:5], r"must be 40 integers.* shape \(5,\)"),
        (LABELS.astype(float), "got float64"),
        (np.eye(4)[LABELS], r"shape \(40, 4\)"),
        (np.ma.masked_array(LABELS, LABELS > 2), "masked"),
    ],
)
def test_bad_labels(conditional, labels, words):
    codes = np.zeros((40, 2))
    for call in (
        lambda: conditional.encode(X, labels),
        lambda: conditional.decode(codes, labels),
        lambda: conditional.sample(40, labels),
        lambda: conditional.elbo(PICTURES, labels),
        lambda: conditional.fit((X, labels)) if labels is not None else conditional.fit(X),
        lambda: conditional.evaluate((X, labels)),
        lambda: conditional.fit((X, LABELS), validation_data=(X, labels), verbose=0),
    ):
        with pytest.raises(ModelError, match=words):
            call()


def test_needless_labels(vae):
    for call in (
        lambda: vae.encode(X, LABELS),
        lambda: vae.sample(3, labels=1),
        lambda: vae.fit((X, LABELS)),
    ):
        with pytest.raises(ModelError, match="accepts no labels"):
            call()


@pytest.mark.parametrize("n", [0, -1, 2.0, "3", None, True])
def test_bad_numbers_of_samples(vae, n):
    for call in (lambda: vae.sample(n), lambda: vae.elbo(PICTURES, n_samples=n)):
        with pytest.raises(ModelError, match="must be a positive integer"):
            call()


@pytest.mark.parametrize("seed", [-1, 1.5, "one"])
def test_bad_seeds(vae, seed):
    for call in (
        lambda: vae.sample(2, seed=seed),
        lambda: vae.elbo(PICTURES, seed=seed),
        lambda: binarize(X, seed),
    ):
        with pytest.raises(AeutilsError, match="seed"):
            call()


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (np.zeros((3, 3)), r"shape \(n, 2\).* got \(3, 3\)"),
        (np.zeros(2), r"got \(2,\)"),
        (np.zeros((0, 2)), "n at least 1"),
        ([[0, np.nan]], "NaN or infinite"),
        ([[0, 1e300]], "NaN or infinite"),
        ([[0, "a"]], "real numbers"),
        ([[0, 1], [2]], "one array"),
        (np.ma.masked_array([[0.0, 1.0]], [[False, True]]), "masked"),
    ],
)
def test_bad_codes(vae, codes, words):
    with pytest.raises(ModelError, match=words):
        vae.decode(codes)


@hypothesis.given(data=st.data())
def test_encode_is_right_or_raises(vae, data):
    shape = data.draw(
        st.sampled_from([(12,), (3, 12), (2, 3, 4), (2, 6), (4, 6), (0, 12), (2, 12, 1), ()])
    )
    dtype = data.draw(st.sampled_from(["f2", "f4", ">f8", "u1", "u2", "i4", "?", "c8", "O"]))
    top = data.draw(st.sampled_from([1, 1.001, 255, np.nan, np.inf]))
    images = np.random.default_rng(0).random(shape)
    images = np.where(images == images.max(initial=0), top, images)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what does not fit into the type
        images = images.astype(dtype)
    if data.draw(st.booleans()):
        images = np.asfortranarray(images)
    images.flags.writeable = False
    try:
        mean, log_variance = vae.encode(images)
    except AeutilsError:
        return
    n = 1 if images.ndim == 1 else len(images)
    assert mean.shape == log_variance.shape == (n, 2)
    assert mean.dtype == np.float32
    scale = np.iinfo(dtype).max if images.dtype.kind == "u" else 1
    plain = (images.astype("f4") / np.float32(scale)).clip(0, 1).reshape(n, 12)
    expected = keras.ops.convert_to_numpy(vae.encoder(plain))
    np.testing.assert_allclose(np.hstack([mean, log_variance]), expected, atol=1e-5)


def test_export_gives_the_reconstruction(vae, conditional, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("requirements.txt brings what TensorFlow exports with")
    import onnxruntime
    import tensorflow as tf

    expected = vae.decode(vae.encode(PICTURES)[0])
    vae.export(tmp_path / "folder", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "folder")
    np.testing.assert_allclose(loaded.serve(PICTURES), expected, atol=1e-5)
    vae.export(tmp_path / "vae.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "vae.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: PICTURES})
    np.testing.assert_allclose(found, expected, atol=1e-5)

    expected = conditional.decode(conditional.encode(PICTURES, LABELS)[0], LABELS)
    conditional.export(tmp_path / "conditional.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(tmp_path / "conditional.onnx")
    inputs = {"images": PICTURES, "labels": LABELS.astype("int32")}
    names = {n: n.split(":")[0] for n in (i.name for i in session.get_inputs())}
    (found,) = session.run(None, {name: inputs[short] for name, short in names.items()})
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_binarize():
    grey = np.full((100, 100), 0.3, dtype="float32")
    drawn = binarize(grey, seed=0)
    assert drawn.dtype == np.float32
    assert set(np.unique(drawn)) == {0, 1}
    assert drawn.mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(drawn, binarize(grey, seed=0))
    np.testing.assert_array_equal(binarize(PICTURES), PICTURES)
    with pytest.raises(ImageError, match="divide by 255"):
        binarize(255 * grey)
