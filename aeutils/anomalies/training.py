"""Training of a dense autoencoder on a table: fast on TensorFlow, by ``fit`` on other backends.

Keras's ``fit`` takes seconds to start and milliseconds a step, far more than the arithmetic of a
small table.  On TensorFlow many epochs are one call, which takes a quarter of a millisecond a
step, and is compiled once a process for each number of layers, not once a fit.
"""

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from aeutils.core.errors import AeutilsError

__all__ = ["Task", "stopped_early", "train"]

# after scaling, the loss of predicting the mean is about 1
DIVERGED = 1e4
STEPS_PER_CALL = 1000
# Adam's constants of Kingma & Ba 2015
MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-7

Weights: TypeAlias = list[tuple[NDArray[np.float32], NDArray[np.float32]]]
# takes the losses and the validation losses of some epochs, and the best weights so far
Report: TypeAlias = Callable[[list[float], list[float], NDArray[np.float32]], None]


@dataclass(frozen=True)
class Task:
    """What is to be trained, on what, and how.

    Attributes
    ----------
    x, x_val : numpy.ndarray of float32, shapes (n_samples, n_features), (n_validation, n_features)
        Scaled rows to train on and to stop by.
    widths : list of int
        Number of values after each layer, the input first and last.
    noise : float
        Standard deviation of the Gaussian noise that is added to the rows and to be removed.
    epochs, batch_size, patience : int
        Most epochs; rows per step; epochs without a lower validation loss after which to stop.
    learning_rate : float
        Adam's.
    random_state : numpy.random.RandomState
        Source of the initial weights, of the order of the rows and of the noise.
    """

    x: NDArray[np.float32]
    x_val: NDArray[np.float32]
    widths: list[int]
    noise: float
    epochs: int
    batch_size: int
    patience: int
    learning_rate: float
    random_state: np.random.RandomState


def train(task: Task, verbose: bool) -> tuple[Weights, dict[str, list[float]]]:
    """Train a dense autoencoder with Adam on the mean squared error, with early stopping.

    Hidden layers use ``elu``; the middle one, the bottleneck, and the last are linear.  The
    weights kept are those of the epoch with the lowest loss on ``task.x_val``.  If the user
    interrupts the training after some epochs, these count, and a warning is issued.

    Parameters
    ----------
    task : Task
        What to train.
    verbose : bool
        Whether to show a progress bar.

    Returns
    -------
    weights : list of (numpy.ndarray, numpy.ndarray)
        Kernel, shape (n_in, n_out), and bias, shape (n_out,), of each layer, float32.
    history : dict of str to list of float
        ``loss`` and ``val_loss`` of every epoch run.

    Raises
    ------
    AeutilsError
        If a loss grows without limit or is no longer a number.
    """
    history: dict[str, list[float]] = {"loss": [], "val_loss": []}
    best: list[NDArray[np.float32]] = []
    bar = keras.utils.Progbar(task.epochs, unit_name="epoch", stateful_metrics=history)

    def report(losses: list[float], val_losses: list[float], theta: NDArray[np.float32]) -> None:
        """Note what some epochs gave; raise if their losses grow without limit."""
        n_before = len(history["loss"])
        for i, (loss, val_loss) in enumerate(zip(losses, val_losses, strict=True), n_before + 1):
            # NaN is not below a limit, either
            for name, value, limit in (("", loss, DIVERGED), ("validation ", val_loss, np.inf)):
                if not value < limit:
                    raise AeutilsError(
                        f"training diverged: the {name}loss of epoch {i} is {value:g}, where "
                        "predicting the mean gives about 1. Lower learning_rate, which is "
                        f"{task.learning_rate:g}."
                    )
        best[:] = [theta]
        history["loss"] += losses
        history["val_loss"] += val_losses
        if verbose:
            n_done = len(history["loss"])
            last = [(name, values[-1]) for name, values in history.items()]
            bar.update(n_done, last, finalize=n_done == task.epochs or stopped_early(history, task))

    run = _on_tensorflow if keras.backend.backend() == "tensorflow" else _by_fit
    try:
        run(task, _first_weights(task), report)
    except KeyboardInterrupt:
        if not best:
            raise
        warnings.warn(
            f"training was interrupted after {len(history['loss'])} of at most {task.epochs} "
            "epochs; the best weights so far are kept.",
            UserWarning,
            stacklevel=2,
        )
    return _by_layer(best[0], task.widths), history


def stopped_early(history: dict[str, list[float]], task: Task) -> bool:
    """Return whether the patience has run out: no lower validation loss for so many epochs."""
    losses = history["val_loss"]
    return len(losses) - 1 - int(np.argmin(losses)) >= task.patience


def _first_weights(task: Task) -> NDArray[np.float32]:
    """Draw the first weights as Glorot & Bengio 2010; the biases, which come last, are 0."""
    ins, outs = np.array(task.widths[:-1]), np.array(task.widths[1:])
    limits = np.repeat(np.sqrt(6 / (ins + outs)), ins * outs)
    theta = np.zeros(len(limits) + outs.sum(), np.float32)
    theta[: len(limits)] = task.random_state.uniform(-limits, limits)
    return theta


def _by_layer(theta: NDArray[np.float32], widths: list[int]) -> Weights:
    """Return the kernel and the bias of each layer; all kernels come first, then all biases."""
    ins, outs = np.array(widths[:-1]), np.array(widths[1:])
    parts = np.split(theta, np.cumsum([*ins * outs, *outs])[:-1])
    kernels = [part.reshape(a, b) for part, a, b in zip(parts, ins, outs, strict=False)]
    return list(zip(kernels, parts[len(outs) :], strict=True))


def _flat(weights: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return Keras's list of kernel, bias, kernel, bias … as one vector."""
    return np.concatenate([part.ravel() for part in weights[::2] + weights[1::2]])


def _by_fit(task: Task, theta: NDArray[np.float32], report: Report) -> None:
    """Train by ``fit`` of Keras, on any backend."""
    n_layers = len(task.widths) - 1
    linear = (n_layers // 2 - 1, n_layers - 1)
    # the weights are given: nothing here draws from Keras's own generator
    model = keras.Sequential(
        [
            keras.Input((task.widths[0],), dtype="float32"),
            *[
                # float32 whatever the policy of the program
                layers.Dense(
                    n, None if i in linear else "elu", kernel_initializer="zeros", dtype="float32"
                )
                for i, n in enumerate(task.widths[1:])
            ],
        ]
    )
    model.set_weights([part for layer in _by_layer(theta, task.widths) for part in layer])
    stop = keras.callbacks.EarlyStopping(patience=task.patience, restore_best_weights=True)

    def note(epoch: int, logs: dict[str, Any]) -> None:
        # none is the best where the very first validation loss is no number
        best = model.get_weights() if stop.best_weights is None else stop.best_weights
        report([float(logs["loss"])], [float(logs["val_loss"])], _flat(best))

    adam = keras.optimizers.Adam(task.learning_rate, MEAN_DECAY, SQUARE_DECAY, EPSILON)
    model.compile(adam, "mean_squared_error")
    model.fit(
        _Batches(task),
        epochs=task.epochs,
        validation_data=(task.x_val, task.x_val),
        validation_batch_size=len(task.x_val),
        callbacks=[stop, keras.callbacks.LambdaCallback(on_epoch_end=note)],
        shuffle=False,
        verbose=0,
    )


class _Batches(keras.utils.PyDataset):
    """Noisy rows and what they were, in a new order each epoch, without those that fill no batch.

    Shuffled here, since ``fit`` would draw from a generator that is everybody's.
    """

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        self.order = self.task.random_state.permutation(len(self.task.x))

    def __len__(self) -> int:
        return len(self.task.x) // self.task.batch_size

    def __getitem__(self, i: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        size, rng = self.task.batch_size, self.task.random_state
        rows = self.task.x[self.order[i * size : (i + 1) * size]]
        draw = rng.standard_normal(rows.shape).astype(np.float32)
        return rows + np.float32(self.task.noise) * draw, rows


def _on_tensorflow(task: Task, theta: NDArray[np.float32], report: Report) -> None:
    """Train by calls of TensorFlow that run many epochs each."""
    import tensorflow as tf

    state: list[Any] = [theta, np.zeros_like(theta), np.zeros_like(theta), np.float32(0)]
    state += [theta, np.float32(np.inf), np.int32(0)]
    seed = task.random_state.randint(2**31)
    n_samples, batch_size = len(task.x), task.batch_size
    n_steps = n_samples // batch_size
    epochs_per_call = max(1, STEPS_PER_CALL // n_steps)
    run_epochs = _compiled(len(task.widths) - 1)
    x, x_val, widths = tf.constant(task.x), tf.constant(task.x_val), tf.constant(task.widths)
    done = 0
    while done < task.epochs and state[-1] < task.patience:
        n_epochs = min(epochs_per_call, task.epochs - done)
        # each epoch takes the rows in a new order and leaves out those that fill no batch
        orders = np.stack([task.random_state.permutation(n_samples) for _ in range(n_epochs)])
        orders = orders[:, : n_steps * batch_size].reshape(n_epochs, n_steps, batch_size)
        *state, losses, val_losses = run_epochs(
            x, x_val, orders.astype(np.int32), widths,
            task.noise, seed, task.patience, task.learning_rate, *state,
        )  # fmt: skip
        done += len(losses)
        report(losses.numpy().tolist(), val_losses.numpy().tolist(), state[4].numpy())


@functools.cache
def _compiled(n_layers: int) -> Callable[..., Any]:
    """Return the function that trains networks of some number of layers."""
    import tensorflow as tf

    def mean_squared_error(x: Any, target: Any, theta: Any, widths: Any) -> Any:
        ins, outs = widths[:-1], widths[1:]
        parts = tf.split(theta, tf.concat([ins * outs, outs], 0), num=2 * n_layers)
        h = x
        for i in range(n_layers):
            h = h @ tf.reshape(parts[i], [ins[i], outs[i]]) + parts[n_layers + i]
            if i not in (n_layers // 2 - 1, n_layers - 1):
                h = tf.nn.elu(h)
        return tf.reduce_mean(tf.square(h - target))

    vector, table = tf.TensorSpec([None], tf.float32), tf.TensorSpec([None, None], tf.float32)
    number, count = tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int32)
    orders = tf.TensorSpec([None, None, None], tf.int32)
    widths = tf.TensorSpec([n_layers + 1], tf.int32)

    # shapes left open, so that other data and other widths do not compile anew
    @tf.function(
        input_signature=[
            *(table, table, orders, widths, number, count, count, number),
            *(vector, vector, vector, number, vector, number, count),
        ]
    )
    def run_epochs(
        x: Any, x_val: Any, orders: Any, widths: Any,
        noise: Any, seed: Any, patience: Any, learning_rate: Any,
        theta: Any, mean: Any, square: Any, step: Any, best_theta: Any, best_loss: Any, waited: Any,
    ) -> Any:  # fmt: skip
        losses = tf.zeros([0])
        val_losses = tf.zeros([0])
        for order in orders:
            tf.autograph.experimental.set_loop_options(
                shape_invariants=[
                    (losses, tf.TensorShape([None])),
                    (val_losses, tf.TensorShape([None])),
                ]
            )
            if waited < patience:
                total = 0.0
                for batch in order:
                    step += 1.0
                    rows = tf.gather(x, batch)
                    # stateless, so that a fit depends on its own seed and on nothing else
                    draw = tf.random.stateless_normal(
                        tf.shape(rows), [seed, tf.cast(step, tf.int32)]
                    )
                    with tf.GradientTape() as tape:
                        tape.watch(theta)
                        loss = mean_squared_error(rows + noise * draw, rows, theta, widths)
                    gradient = tape.gradient(loss, theta)
                    mean += (1 - MEAN_DECAY) * (gradient - mean)
                    square += (1 - SQUARE_DECAY) * (tf.square(gradient) - square)
                    rate = learning_rate * tf.sqrt(1 - SQUARE_DECAY**step) / (1 - MEAN_DECAY**step)
                    theta -= rate * mean / (tf.sqrt(square) + EPSILON)
                    total += loss
                val_loss = mean_squared_error(x_val, x_val, theta, widths)
                if val_loss < best_loss:
                    best_theta, best_loss, waited = theta, val_loss, 0
                else:
                    waited += 1
                losses = tf.concat([losses, [total / tf.cast(len(order), tf.float32)]], 0)
                val_losses = tf.concat([val_losses, [val_loss]], 0)
        return theta, mean, square, step, best_theta, best_loss, waited, losses, val_losses

    return run_epochs
