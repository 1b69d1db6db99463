"""Progress of a training in a notebook, and how many steps one call runs."""

import time

import keras
from IPython.display import display

from aeutils.core.checks import positive_integer
from aeutils.core.progress import bar

__all__ = ["Progress", "steps_per_execution"]

SECONDS_BETWEEN_UPDATES = 0.25


def steps_per_execution(steps):
    """Return what Keras's ``compile`` takes as ``steps_per_execution`` on this backend.

    Parameters
    ----------
    steps : int
        How many training steps Python should hand over in one call, at least 1.

    Returns
    -------
    int
        `steps` on TensorFlow and JAX; 1 on PyTorch, where Keras refuses more.

    Raises
    ------
    AeutilsError
        If `steps` is not a positive integer.

    Examples
    --------
    >>> steps_per_execution(25) in (1, 25)
    True
    """
    steps = positive_integer("steps", steps)
    return 1 if keras.backend.backend() == "torch" else steps


class Progress(keras.callbacks.Callback):
    """A table with one line an epoch, and under it a bar with the time left.

    Pass it to ``fit(..., verbose=0, callbacks=[Progress()])`` in a notebook.  The table is
    redrawn in place, so that the notebook stores the finished one only; in a script, Keras's
    own ``verbose`` serves better.
    """

    def on_train_begin(self, logs=None):
        """Start the clock and show an empty table."""
        self._lines = []
        self._began = self._epoch_began = time.perf_counter()
        self._shown = 0.0
        self._handle = display({"text/plain": "training …"}, raw=True, display_id=True)

    def on_epoch_begin(self, epoch, logs=None):
        """Note when the epoch began."""
        self._epoch = epoch
        self._epoch_began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Move the bar, a few times a second at most."""
        now = time.perf_counter()
        if now - self._shown >= SECONDS_BETWEEN_UPDATES:
            self._shown = now
            steps = self.params["steps"]
            # a generator of unknown length has no number of steps: count whole epochs then
            part = (batch + 1) / steps if steps else 0.0
            self._show(self._bar((self._epoch + part) / self.params["epochs"]))

    def on_epoch_end(self, epoch, logs=None):
        """Add the epoch's line to the table."""
        logs = logs or {}
        if not self._lines:
            self._lines.append("epoch " + "".join(f"{name:>12}" for name in logs) + "     seconds")
        values = "".join(f"{value:12.4f}" for value in logs.values())
        seconds = time.perf_counter() - self._epoch_began
        self._lines.append(f"{epoch + 1:5d} {values}{seconds:12.1f}")
        self._show(self._bar((epoch + 1) / self.params["epochs"]))

    def on_train_end(self, logs=None):
        """Leave the finished table."""
        total = time.perf_counter() - self._began
        self._show(f"trained in {total:.1f} seconds")

    def _bar(self, done):
        """Return the progress bar for a share of the work between 0 and 1."""
        passed = time.perf_counter() - self._began
        left = passed * (1 - done) / done if done else float("inf")
        return bar(done, 1) + (f", about {left:.0f} s left" if done else "")

    def _show(self, last_line):
        """Redraw the table with a line under it."""
        text = "\n".join([*self._lines, last_line])
        self._handle.update({"text/plain": text}, raw=True)
