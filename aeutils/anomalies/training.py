"""Training of a dense autoencoder on a table: fast on TensorFlow, by ``fit`` on other backends.

Keras's ``fit`` takes seconds to start and milliseconds a step, far more than the arithmetic of a
small table.  On TensorFlow many epochs are one call, which takes a quarter of a millisecond a
step, and is compiled once a process for each number of layers, not once a fit.
"""

import functools

import keras
import numpy as np
from keras import layers

from aeutils.core.errors import AeutilsError

__all__ = ["train"]

# after scaling, the loss of predicting the mean is about 1
DIVERGED = 1e4
STEPS_PER_CALL = 1000
# Adam's constants of Kingma & Ba 2015
MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-7


def train(
    x, x_val, widths, noise, epochs, batch_size, learning_rate, patience, random_state, verbose
):
    """Train a dense autoencoder with Adam on the mean squared error, with early stopping.

    Hidden layers use ``elu``; the middle one, the bottleneck, and the last are linear.  The
    weights kept are those of the epoch with the lowest loss on `x_val`.

    Parameters
    ----------
    x, x_val : numpy.ndarray of float32, shapes (n_samples, n_features), (n_validation, n_features)
        Scaled rows to train on and to stop by.
    widths : sequence of int
        Number of values after each layer, the input first and last.
    noise : float
        Standard deviation of the Gaussian noise that is added to the rows and to be removed.
    epochs, batch_size, patience : int
        Most epochs; rows a step; epochs without a lower loss after which to stop.
    learning_rate : float
        Adam's.
    random_state : numpy.random.RandomState
        Source of the initial weights, of the order of the rows and of the noise.
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
        If the loss grows without limit or is no longer a number.
    """
    ins, outs = np.array(widths[:-1]), np.array(widths[1:])
    sizes = np.concatenate([ins * outs, outs])
    theta = np.zeros(sizes.sum(), np.float32)
    # Glorot & Bengio 2010; the biases, which come last, start at 0
    limits = np.repeat(np.sqrt(6 / (ins + outs)), ins * outs)
    theta[: len(limits)] = random_state.uniform(-limits, limits)
    batch_size = min(batch_size, len(x))
    history = {"loss": [], "val_loss": []}
    bar = keras.utils.Progbar(epochs, unit_name="epoch", stateful_metrics=history)

    def on_epochs(losses, val_losses, stops):
        """Note the losses of the epochs that were run; raise if they grow without limit."""
        for epoch, loss in enumerate(losses, start=len(history["loss"]) + 1):
            if not loss < DIVERGED:  # NaN is not, either
                raise AeutilsError(
                    f"training diverged: the loss of epoch {epoch} is {loss:g}, where predicting "
                    f"the mean gives about 1. Lower learning_rate, which is {learning_rate:g}."
                )
        history["loss"] += losses
        history["val_loss"] += val_losses
        if verbose:
            done = len(history["loss"])
            bar.update(
                done,
                [(name, values[-1]) for name, values in history.items()],
                finalize=done == epochs or stops,
            )

    run = _on_tensorflow if keras.backend.backend() == "tensorflow" else _by_fit
    theta = run(
        x, x_val, theta, widths, noise, epochs, batch_size, learning_rate, patience,
        random_state, on_epochs,
    )  # fmt: skip
    return _by_layer(theta, widths), history


def _by_layer(theta, widths):
    """Return the kernel and the bias of each layer; all kernels come first, then all biases."""
    ins, outs = np.array(widths[:-1]), np.array(widths[1:])
    parts = np.split(theta, np.cumsum([*ins * outs, *outs])[:-1])
    kernels = [part.reshape(a, b) for part, a, b in zip(parts, ins, outs, strict=False)]
    return list(zip(kernels, parts[len(outs) :], strict=True))


def _by_fit(
    x, x_val, theta, widths, noise, epochs, batch_size, learning_rate, patience,
    random_state, on_epochs,
):  # fmt: skip
    """Train by ``fit`` of Keras, on any backend; return the best weights."""
    n_layers = len(widths) - 1
    linear = (n_layers // 2 - 1, n_layers - 1)
    # the weights are given: nothing here draws from Keras's own generator
    model = keras.Sequential(
        [
            keras.Input((widths[0],)),
            *[
                layers.Dense(n, None if i in linear else "elu", kernel_initializer="zeros")
                for i, n in enumerate(widths[1:])
            ],
        ]
    )
    model.set_weights([part for layer in _by_layer(theta, widths) for part in layer])

    def note(epoch, logs):
        on_epochs([logs["loss"]], [logs["val_loss"]], model.stop_training)

    stop = keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
    adam = keras.optimizers.Adam(learning_rate, MEAN_DECAY, SQUARE_DECAY, EPSILON)
    model.compile(adam, "mean_squared_error")
    model.fit(
        _Batches(x, batch_size, noise, random_state),
        epochs=epochs,
        validation_data=(x_val, x_val),
        validation_batch_size=len(x_val),
        callbacks=[stop, keras.callbacks.LambdaCallback(on_epoch_end=note)],
        shuffle=False,
        verbose=0,
    )
    best = model.get_weights()
    return np.concatenate([part.ravel() for part in best[::2] + best[1::2]])


class _Batches(keras.utils.PyDataset):
    """Noisy rows and what they were, in a new order each epoch, without those that fill no batch.

    Shuffled here, since ``fit`` would draw from a generator that is everybody's.
    """

    def __init__(self, x, batch_size, noise, random_state):
        super().__init__()
        self.x, self.batch_size, self.noise, self.rng = x, batch_size, noise, random_state
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.x))

    def __len__(self):
        return len(self.x) // self.batch_size

    def __getitem__(self, i):
        rows = self.x[self.order[i * self.batch_size : (i + 1) * self.batch_size]]
        draw = self.rng.standard_normal(rows.shape).astype(np.float32)
        return rows + np.float32(self.noise) * draw, rows


def _on_tensorflow(
    x, x_val, theta, widths, noise, epochs, batch_size, learning_rate, patience,
    random_state, on_epochs,
):  # fmt: skip
    """Train by calls of TensorFlow that run many epochs each; return the best weights."""
    import tensorflow as tf

    state = [theta, np.zeros_like(theta), np.zeros_like(theta), np.float32(0)]
    state += [theta, np.float32(np.inf), np.int32(0)]
    seed = random_state.randint(2**31)
    n_samples = len(x)
    n_steps = n_samples // batch_size
    epochs_per_call = max(1, STEPS_PER_CALL // n_steps)
    run_epochs = _compiled(len(widths) - 1)
    x, x_val, widths = tf.constant(x), tf.constant(x_val), tf.constant(widths)
    done = 0
    while done < epochs and state[-1] < patience:
        n_epochs = min(epochs_per_call, epochs - done)
        # each epoch takes the rows in a new order and leaves out those that fill no batch
        orders = np.stack([random_state.permutation(n_samples) for _ in range(n_epochs)])
        orders = orders[:, : n_steps * batch_size].reshape(n_epochs, n_steps, batch_size)
        *state, losses, val_losses = run_epochs(
            x, x_val, orders.astype(np.int32), widths, noise, seed, patience, learning_rate, *state
        )
        done += len(losses)
        on_epochs(losses.numpy().tolist(), val_losses.numpy().tolist(), bool(state[-1] >= patience))
    return state[4].numpy()


@functools.cache
def _compiled(n_layers):
    """Return the function that trains networks of some number of layers."""
    import tensorflow as tf

    def mean_squared_error(x, target, theta, widths):
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
        x, x_val, orders, widths, noise, seed, patience, learning_rate,
        theta, mean, square, step, best_theta, best_loss, waited,
    ):  # fmt: skip
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
