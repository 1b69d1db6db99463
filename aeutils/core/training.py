"""Progress of a training run in a notebook, and how many steps one call runs."""

import sys
import time
from typing import Any

import keras

from aeutils.core.checks import positive_integer
from aeutils.core.progress import bar

__all__ = ["Progress", "steps_per_execution"]

SECONDS_BETWEEN_UPDATES = 0.25


def steps_per_execution(steps: int) -> int:
    """Return what Keras's ``compile`` accepts as ``steps_per_execution`` on this backend.

    Parameters
    ----------
    steps : int
        Training steps that one call from Python runs, at least 1.

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
    """A table with one line per epoch and a bar with the time left; in the end one line.

    Pass it to ``fit(..., verbose=0, callbacks=[Progress()])`` in a notebook.  The table is
    redrawn in place and gives way to the last epoch's values when the training ends: plot the
    history to see all of them.  Outside of a notebook each finished epoch prints a line.
    """

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start the clock and show an empty table."""
        self._rows: list[dict[str, str]] = []
        self._first_epoch: int | None = None
        self._began = self._epoch_began = time.perf_counter()
        self._shown = 0.0
        self._handle = _display("training …")

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Note when the epoch began."""
        # fit may start at another epoch than the first
        self._first_epoch = epoch if self._first_epoch is None else self._first_epoch
        self._epoch = epoch
        self._epoch_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Move the bar, a few times a second at most."""
        now = time.perf_counter()
        if now - self._shown >= SECONDS_BETWEEN_UPDATES:
            self._shown = now
            steps = self.params["steps"]
            # a generator of unknown length has no number of steps: count whole epochs then
            part = min(1.0, (batch + 1) / steps) if steps else 0.0
            self._show(self._bar(self._epoch + part))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Add the epoch's line to the table."""
        seconds = time.perf_counter() - self._epoch_began
        row = {name: _number(value) for name, value in (logs or {}).items()}
        self._rows.append({"epoch": str(epoch + 1), **row, "seconds": f"{seconds:.1f}"})
        if self._handle is None:
            print(", ".join(f"{name} {value}" for name, value in self._rows[-1].items()))
        self._show(self._bar(epoch + 1))

    def on_train_end(self, logs: dict | None = None) -> None:
        """Leave the time and the last epoch's values."""
        values = [f"{name} {v}" for name, v in (self._rows or [{}])[-1].items()]
        seconds = time.perf_counter() - self._began
        epochs = "1 epoch" if len(self._rows) == 1 else f"{len(self._rows)} epochs"
        total = ", ".join([f"{epochs} in {seconds:.1f} seconds", *values[1:-1]])
        if self._handle is None:
            print(total)
        else:
            self._handle.update({"text/plain": total}, raw=True)

    def _bar(self, epochs_done: float) -> str:
        """Return the progress bar, for a number of epochs from the very first."""
        first = self._first_epoch or 0
        done = (epochs_done - first) / max(1, self.params["epochs"] - first)
        passed = time.perf_counter() - self._began
        return bar(done, 1) + (f", about {passed * (1 - done) / done:.0f} s left" if done else "")

    def _show(self, last_line: str) -> None:
        """Redraw the table with a line under it, in a notebook."""
        if self._handle is not None:
            text = "\n".join([*_table(self._rows), last_line])
            self._handle.update({"text/plain": text}, raw=True)


def _display(text: str) -> Any:
    """Show a text that can be replaced and return its handle; None outside of a notebook."""
    # it runs every notebook, and need not be installed elsewhere
    if sys.modules.get("IPython") is None:
        return None
    from IPython import get_ipython
    from IPython.display import display

    if not hasattr(get_ipython(), "kernel"):
        return None
    return display({"text/plain": text}, raw=True, display_id=True)


def _table(rows: list[dict[str, str]]) -> list[str]:
    """Return the lines of a table with right-aligned columns; not every row has each."""
    names = [name for row in rows for name in row if name not in ("epoch", "seconds")]
    widths = {name: max(12, len(name) + 2) for name in dict.fromkeys(names)}
    widths["seconds"] = 12
    header = {name: name for name in ["epoch", *widths]}
    return [
        f"{row['epoch']:>5} " + "".join(f"{row.get(name, ''):>{n}}" for name, n in widths.items())
        for row in ([header, *rows] if rows else [])
    ]


def _number(value: float) -> str:
    """Return a value with four decimals, or in powers of ten where these would hide it."""
    value = float(value)
    return f"{value:.2e}" if 0 < abs(value) < 0.001 else f"{value:.4f}"
