"""Sound in the page: players for a notebook and for the rendered book."""

import base64
import html
import io
import wave

import numpy as np

from aeutils.audio.files import to_int16
from aeutils.audio.signals import RATE, checked_rate, checked_signal
from aeutils.core.errors import AudioError


def players(signals, rate=RATE):
    """Sound players for a notebook and for the rendered book, each under its name.

    The sound is part of the page: about 21 kB a second and player at 8000 samples a second.

    Parameters
    ----------
    signals : dict of str to array-like of float, shape (n_samples,)
        By name.  All are scaled by one factor, so that the loudest just fits and their
        loudness can be compared.
    rate : int, default 8000
        Samples a second.

    Returns
    -------
    IPython.display.HTML
    """
    from IPython.display import HTML

    rate = checked_rate(rate)
    signals = {name: checked_signal(name, signal) for name, signal in signals.items()}
    if not signals:
        raise AudioError("there is no signal to play.")
    peak = max(float(np.abs(signal).max()) for signal in signals.values())
    parts = []
    for name, signal in signals.items():
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(rate)
            sound.writeframes(to_int16(0.9 / max(peak, 1e-9) * signal).tobytes())
        content = base64.b64encode(file.getvalue()).decode()
        name = html.escape(name)
        parts.append(
            '<figure style="display: inline-block; margin: 0 1em 0.8em 0">'
            f"<figcaption>{name}</figcaption>"
            f'<audio controls aria-label="{name}" src="data:audio/wav;base64,{content}"></audio>'
            "</figure>"
        )
    return HTML("\n".join(parts))
