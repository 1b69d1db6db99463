"""Helpers of the autoencoder book: data, images, metrics, networks, plots, an outlier detector.

Importing the package is cheap; each module brings what it needs, and only ``models``, ``vae``,
``training`` and the detector's ``fit`` need Keras.
"""

__all__ = ["AutoencoderDetector", "VariationalAutoencoder"]
__version__ = "0.1.0"


def __getattr__(name):
    """Bring the detector with scikit-learn, or the VAE with Keras, when it is first asked for."""
    if name == "AutoencoderDetector":
        from aeutils.detector import AutoencoderDetector

        return AutoencoderDetector
    if name == "VariationalAutoencoder":
        from aeutils.vae import VariationalAutoencoder

        return VariationalAutoencoder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
