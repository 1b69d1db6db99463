"""Sparse autoencoders of chapter 13: more units than inputs, few of them active at a time."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array, positive_integer, random_generator, real_number
from aeutils.core.errors import AeutilsError, ModelError

__all__ = ["ReviveDeadUnits", "SparseCode", "best_cosines", "sparse_autoencoder"]

# samples that are encoded at a time
ROWS_AT_ONCE = 10_000


@keras.saving.register_keras_serializable(package="aeutils")
class SparseCode(layers.Layer):
    """ReLU, then at most the `k` largest values, or a penalty on their sum.

    Parameters
    ----------
    k : int or None, default None
        How many values of a code may differ from 0; by default any number.
    l1 : float, default 0.0
        Adds `l1` times the sum of a code's values to the loss, mean over the batch; at least 0.
    **kwargs
        As of ``keras.layers.Layer``.

    Raises
    ------
    ModelError
        If `k` is neither a positive integer nor None, or `l1` is negative or not finite.

    Notes
    -----
    Accepts and outputs shape (n, n_units); the output is not negative.

    ``keras.models.load_model`` reads networks with this layer after ``import
    aeutils.codes.sparse``.

    References
    ----------
    Makhzani and Frey, "k-sparse autoencoders", ICLR 2014; Gao et al., "Scaling and evaluating
    sparse autoencoders", arXiv:2406.04093, 2024.
    """

    def __init__(self, k: int | None = None, l1: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.k = None if k is None else positive_integer("k", k, ModelError)
        self.l1 = real_number("l1", l1, ModelError, low=0)

    def call(self, inputs: Any) -> Any:
        """Return the sparse code."""
        code = ops.relu(inputs)
        if self.k is not None:
            least = ops.top_k(code, self.k)[0][:, -1:]
            code = ops.where(code >= least, code, 0.0)
        if self.l1:
            self.add_loss(self.l1 * ops.mean(ops.sum(code, axis=-1)))
        return code

    def get_config(self) -> dict[str, Any]:
        """Return what a stored network needs to make the layer again."""
        return {**super().get_config(), "k": self.k, "l1": self.l1}


def sparse_autoencoder(
    n_units: int = 128, k: int | None = None, l1: float = 0.0, input_dim: int = 64
) -> keras.Model:
    """Sparse autoencoder of chapter 13.

    A dense layer, :class:`SparseCode`, and a linear layer whose weights for each unit are a
    vector of length 1, the unit's direction.  The encoder begins as the decoder's transpose.

    Parameters
    ----------
    n_units : int, default 128
        Number of units, usually larger than `input_dim`.
    k : int or None, default None
        How many units may be active at a time.
    l1 : float, default 0.0
        Weight of the penalty on the sum of a code's values.
    input_dim : int, default 64
        Number of features.

    Returns
    -------
    keras.Model
        Uncompiled; accepts and outputs float32, shape (n, `input_dim`).  Its layers are called
        ``encoder``, ``code`` and ``decoder``: ``split_at(model, "code")`` separates them, and the
        first of ``model.get_layer("decoder").get_weights()`` has one row for each direction.

    Raises
    ------
    ModelError
        If a width is not a positive integer, `k` is larger than `n_units`, or `l1` is negative.

    References
    ----------
    Cunningham et al., "Sparse autoencoders find highly interpretable features in language
    models", ICLR 2024.
    """
    n_units = positive_integer("n_units", n_units, ModelError)
    input_dim = positive_integer("input_dim", input_dim, ModelError)
    if k is not None and positive_integer("k", k, ModelError) > n_units:
        raise ModelError(f"k must be at most n_units, {n_units}; got {k}.")
    inputs = keras.Input((input_dim,))
    encoder = layers.Dense(n_units, name="encoder")
    decoder = layers.Dense(
        input_dim, kernel_constraint=keras.constraints.UnitNorm(axis=1), name="decoder"
    )
    code = SparseCode(k, l1, name="code")(encoder(inputs))
    model = keras.Model(inputs, decoder(code), name="sparse_autoencoder")
    directions = ops.normalize(keras.random.normal((n_units, input_dim)), axis=1)
    decoder.kernel.assign(directions)
    encoder.kernel.assign(ops.transpose(directions))
    return model


class ReviveDeadUnits(keras.callbacks.Callback):
    """After each epoch, give units that no sample activates a direction that is needed.

    A dead unit gets the residual of a sample as its direction; samples are drawn with a
    probability that grows with the square of their error.

    Parameters
    ----------
    x : array-like of float, shape (n_samples, input_dim)
        Training samples, a few thousand.
    until : float, default 0.7
        The share of the epochs after which no unit is changed any more, so that all settle.
    seed : int or None, default None
        For the draws of samples.

    Attributes
    ----------
    n_dead : list of int
        How many units were dead after each epoch, before they were revived.

    Raises
    ------
    AeutilsError
        If `x` is not a matrix, or `until` is outside of [0, 1].

    References
    ----------
    Bricken et al., "Towards monosemanticity: decomposing language models with dictionary
    learning", 2023, whose resampling this simplifies.
    """

    def __init__(self, x: ArrayLike, until: float = 0.7, seed: int | None = None) -> None:
        super().__init__()
        self.samples = _matrix("x", x)
        self.until = real_number("until", until, low=0, high=1)
        self.rng = random_generator(seed)
        self.n_dead: list[int] = []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Count the dead units, and revive them while there is time to learn."""
        encoder, code, decoder = (self.model.get_layer(n) for n in ("encoder", "code", "decoder"))
        active: NDArray = np.zeros(encoder.units, bool)
        parts = []
        for start in range(0, len(self.samples), ROWS_AT_ONCE):
            x = self.samples[start : start + ROWS_AT_ONCE]
            values = code(encoder(x))
            active |= ops.convert_to_numpy(values).max(axis=0) > 0
            parts.append(x - ops.convert_to_numpy(decoder(values)))
        dead = np.flatnonzero(~active)
        self.n_dead.append(len(dead))
        if len(dead) == 0 or epoch + 1 > self.until * self.params["epochs"]:
            return
        residuals = np.concatenate(parts)
        weight = (residuals**2).sum(axis=1) ** 2 + 1e-12
        drawn = self.rng.choice(len(residuals), len(dead), p=weight / weight.sum())
        length = np.linalg.norm(residuals[drawn], axis=1, keepdims=True)
        directions = residuals[drawn] / np.maximum(length, 1e-12)
        kernel, bias = encoder.get_weights()
        usual = np.linalg.norm(kernel[:, active], axis=0).mean() if active.any() else 1.0
        kernel[:, dead], bias[dead] = 0.5 * usual * directions.T, 0
        encoder.set_weights([kernel, bias])
        kernel, bias = decoder.get_weights()
        kernel[dead] = directions
        decoder.set_weights([kernel, bias])


def best_cosines(
    true: ArrayLike, found: ArrayLike, one_to_one: bool = False
) -> NDArray[np.float64]:
    """Compute how closely each true direction was found.

    Parameters
    ----------
    true : array-like of float, shape (n_true, n_features)
        The directions that are known.
    found : array-like of float, shape (n_found, n_features)
        The directions to be judged, of any length; one of length 0 finds nothing.
    one_to_one : bool, default False
        Whether each found direction may stand for one true direction only, by the assignment of
        the greatest sum; where there are too few, the rest are 0.

    Returns
    -------
    numpy.ndarray of float64, shape (n_true,)
        The cosine of the angle to the closest found direction, at most 1.  A direction and its
        opposite are different; pass both where the sign has no meaning.

    Raises
    ------
    AeutilsError
        If the arguments are not matrices of finite numbers with as many columns.
    """
    true, found = _matrix("true", true), _matrix("found", found)
    if true.shape[1] != found.shape[1]:
        raise AeutilsError(
            f"true and found must have as many columns; got {true.shape[1]} and {found.shape[1]}."
        )
    a, b = (m.astype(np.float64) for m in (true, found))
    lengths = [np.maximum(np.linalg.norm(m, axis=1, keepdims=True), 1e-12) for m in (a, b)]
    cosines = (a / lengths[0]) @ (b / lengths[1]).T
    if not one_to_one:
        return cosines.max(axis=1)
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-cosines)
    best = np.zeros(len(a))
    best[rows] = cosines[rows, columns]
    return best


def _matrix(name: str, values: ArrayLike) -> NDArray:
    """Return a matrix of finite numbers, or raise."""
    array = plain_array(name, values)
    if array.ndim != 2 or 0 in array.shape:
        raise AeutilsError(f"{name} must be a matrix, not empty; got shape {array.shape}.")
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise AeutilsError(f"{name} must be finite; it has NaN or infinite values.")
    return array
