"""Live figures: a picture that the rendered book makes move, with numbers that a cell computed."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aeutils.core.checks import plain_array
from aeutils.core.errors import AeutilsError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LiveFigure", "live_figure", "live_player", "packed"]


def packed(values: ArrayLike) -> dict[str, Any]:
    """Pack numbers for a live figure: 8 bits each, between their least and their greatest.

    Parameters
    ----------
    values : array-like of numbers, any shape
        Finite.

    Returns
    -------
    dict
        ``shape``; ``low`` and ``high``, the limits; ``bytes``, base64.  The page's script reads
        them back with an error of at most half a 255th of the range.

    Raises
    ------
    AeutilsError
        If there is no value, or one is NaN or infinite.
    """
    array = plain_array("values", values).astype(np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise AeutilsError("values must be finite numbers, at least one.")
    low, high = float(array.min()), float(array.max())
    steps = np.round(255 * (array - low) / ((high - low) or 1.0)).astype(np.uint8)
    return {
        "shape": list(array.shape),
        "low": low,
        "high": high,
        "bytes": base64.b64encode(steps.tobytes()).decode(),
    }


class LiveFigure:
    """A picture with data beside it; Jupyter shows the picture, the rendered book makes it live."""

    def __init__(
        self,
        kind: str,
        picture: bytes,
        data: dict[str, Any],
        alt: str,
        caption: str,
        beside: str = "",
    ):
        self.kind, self.picture, self.data = kind, picture, data
        self.alt, self.caption, self.beside = alt, caption, beside

    def __repr__(self) -> str:
        """Return the picture in words."""
        return self.alt

    def _repr_html_(self) -> str:
        """Return the figure as HTML."""
        picture = base64.b64encode(self.picture).decode()
        # "</" would end the script
        data = json.dumps(self.data, separators=(",", ":")).replace("</", "<\\/")
        return (
            f'<figure class="live" data-live="{html.escape(self.kind)}">'
            f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{picture}">'
            f"{self.beside}"
            f"<figcaption>{html.escape(self.caption)}</figcaption>"
            f'<script type="application/json">{data}</script></figure>'
        )


def live_figure(
    kind: str, figure: Figure, data: dict[str, Any], alt: str, caption: str
) -> LiveFigure:
    """Make a figure that moves in the rendered book.

    Parameters
    ----------
    kind : str
        Which script of ``book/_live/figures`` makes it live.
    figure : matplotlib.figure.Figure
        The picture that is shown in Jupyter, in print and without JavaScript; closed afterwards.
    data : dict
        What the script needs, fit for JSON; arrays by :func:`packed`.
    alt : str
        The picture in words.
    caption : str
        What is plotted, and what to move and notice.

    Returns
    -------
    LiveFigure
        Shown where it is the last value of a cell.

    Raises
    ------
    AeutilsError
        If `alt` or `caption` is empty, or `data` is not fit for JSON.
    """
    from matplotlib import pyplot as plt

    if not alt.strip() or not caption.strip():
        raise AeutilsError("alt and caption must not be empty; say what is plotted.")
    try:
        json.dumps(data, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AeutilsError(
            f"data must be fit for JSON ({error}); pack arrays by packed()."
        ) from error
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=144, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return LiveFigure(kind, file.getvalue(), data, alt, caption)


def live_player(
    sounds: Mapping[str, Mapping[str, ArrayLike]],
    figure: Figure,
    alt: str,
    caption: str,
    judge: Callable[[NDArray, NDArray], float] | None = None,
) -> LiveFigure:
    """Make a player of sounds in several versions, for a notebook and for the rendered book.

    In the page one button plays, others switch between the versions while the sound goes on, over
    the spectrogram of what is heard.  In Jupyter, and without JavaScript, the picture is followed
    by one plain player a sound.

    Parameters
    ----------
    sounds : mapping of str to mapping of str to array-like of float, shape (n_samples,)
        By name and version, such as ``{"white noise": {"noisy": x, "cleaned": y, "clean": z}}``;
        all of one length, 8000 samples a second, with the same versions under every name.  All
        are scaled by one gain.
    figure : matplotlib.figure.Figure
        The picture that stays where nothing moves; closed afterwards.
    alt, caption : str
        As :func:`live_figure` takes them.
    judge : callable, optional
        From the last version, the clean signal, and another to a value in decibels, which is
        shown as SI-SDR; see :func:`aeutils.audio.si_sdr`.

    Returns
    -------
    LiveFigure
        Shown where it is the last value of a cell.

    Raises
    ------
    AeutilsError
        If there is no sound, the versions or lengths differ, or `alt` or `caption` is empty.
    AudioError
        If a sound is not a signal.
    """
    from aeutils.audio import RATE, wav_bytes

    named = {str(name): dict(versions) for name, versions in sounds.items()}
    shapes = {tuple((v, np.shape(x)) for v, x in versions.items()) for versions in named.values()}
    lengths = {shape for versions in shapes for _, shape in versions}
    if len(shapes) != 1 or len(lengths) != 1 or len(next(iter(lengths))) != 1:
        raise AeutilsError("sounds must have the same versions, all of one length, by every name.")
    versions = list(next(iter(named.values())))
    peak = max(float(np.abs(x).max()) for some in named.values() for x in some.values())
    players = "".join(
        f"<label>{html.escape(f'{name}, {version}')}"
        f'<audio controls src="data:audio/wav;base64,'
        f'{base64.b64encode(wav_bytes(0.9 / max(peak, 1e-9) * np.asarray(x))).decode()}">'
        "</audio></label>"
        for name, some in named.items()
        for version, x in some.items()
    )
    scores = [
        [
            None
            if judge is None or version == versions[-1]
            else round(float(judge(np.asarray(some[versions[-1]]), np.asarray(x))), 1)
            for version, x in some.items()
        ]
        for some in named.values()
    ]
    data = {"names": list(named), "versions": versions, "rate": RATE, "scores": scores}
    made = live_figure("player", figure, {**data, "note": "SI-SDR"}, alt, caption)
    made.beside = f'<div class="live-sounds">{players}</div>'
    return made
