"""Sound in the page: players for a notebook and for the rendered book."""

from __future__ import annotations

import base64
import html
import io
import wave
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from aeutils.audio.files import to_int16
from aeutils.audio.signals import RATE, checked_rate, checked_signal
from aeutils.core.errors import AudioError

if TYPE_CHECKING:
    import IPython.display


def wav_bytes(signal: ArrayLike, rate: int = RATE) -> bytes:
    """Return a signal as the bytes of a WAV file with 16 bits.

    Parameters
    ----------
    signal : array-like of float, shape (n_samples,)
        Between -1 and 1; what is beyond is cut off.
    rate : int, default 8000
        Samples a second.

    Returns
    -------
    bytes

    Raises
    ------
    AudioError
        If the signal is refused as by :func:`stft`, or the rate is out of bounds.
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(checked_rate(rate))
        sound.writeframes(to_int16(checked_signal("signal", signal)).tobytes())
    return file.getvalue()


def players(signals: Mapping[str, ArrayLike], rate: int = RATE) -> IPython.display.HTML:
    """Make sound players for a notebook and for the rendered book, each under its name.

    The sound is part of the page: about 21 kB per second and player at 8000 samples a second.

    Parameters
    ----------
    signals : mapping of str to array-like of float, shape (n_samples,)
        By name.  All are scaled by one gain, so that the loudest just fits and their loudness can
        be compared.
    rate : int, default 8000
        Samples a second.

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    AudioError
        If there is no signal, one is refused as by :func:`stft`, the rate is out of bounds, or
        ``IPython`` is not installed.
    """
    rate = checked_rate(rate)
    if not isinstance(signals, Mapping) or not signals:
        raise AudioError(
            f"signals must be a dict of name and signal, with at least one; got "
            f"{'none' if isinstance(signals, Mapping) else type(signals).__name__}."
        )
    checked = {str(name): checked_signal(str(name), signal) for name, signal in signals.items()}
    try:
        from IPython.display import HTML  # here, so that everything else works without IPython
    except ImportError as error:
        raise AudioError("players need the package IPython: pip install ipython.") from error

    peak = max(float(np.abs(signal).max()) for signal in checked.values())
    parts = []
    for name, signal in checked.items():
        content = base64.b64encode(wav_bytes(0.9 / max(peak, 1e-9) * signal, rate)).decode()
        name = html.escape(name)
        parts.append(
            '<figure style="display: inline-block; margin: 0 1em 0.8em 0">'
            f"<figcaption>{name}</figcaption>"
            f'<audio controls aria-label="{name}" src="data:audio/wav;base64,{content}"></audio>'
            "</figure>"
        )
    return HTML("\n".join(parts))
