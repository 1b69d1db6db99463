"""Helpers of the autoencoder book, with a room for each use.

Importing the package is cheap; each room brings what it needs when it is first asked for it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aeutils.anomalies import AutoencoderDetector
    from aeutils.audio import denoise_audio
    from aeutils.documents import clean_file
    from aeutils.generative import VariationalAutoencoder
    from aeutils.sequences import StreamScorer
    from aeutils.shards import score_shards

__all__ = [
    "AutoencoderDetector",
    "StreamScorer",
    "VariationalAutoencoder",
    "clean_file",
    "denoise_audio",
    "score_shards",
]
__version__ = "0.1.0"

# by hand, without lazy_loader, since `python -m aeutils` must run where nothing is installed yet
_ROOMS = {
    "AutoencoderDetector": "anomalies",
    "StreamScorer": "sequences",
    "VariationalAutoencoder": "generative",
    "clean_file": "documents",
    "denoise_audio": "audio",
    "score_shards": "shards",
}


def __getattr__(name: str) -> Any:
    """Bring a name with its room when it is first asked for."""
    if name in _ROOMS:
        return getattr(importlib.import_module(f"aeutils.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
