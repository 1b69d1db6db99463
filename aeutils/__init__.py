"""Helpers of the autoencoder book: data, images, metrics, networks, plots, an outlier detector.

Importing the package is cheap; each module brings what it needs, and only ``models``,
``training`` and the detector's ``fit`` need Keras.
"""

__all__ = ["AutoencoderDetector"]
__version__ = "0.1.0"


def __getattr__(name):
    """Bring the detector, and with it scikit-learn, when it is first asked for."""
    if name == "AutoencoderDetector":
        from aeutils.detector import AutoencoderDetector

        return AutoencoderDetector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
