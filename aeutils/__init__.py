"""Helpers of the autoencoder book: data, images, metrics, networks, plots.

Importing the package is cheap; each module brings what it needs, and only ``models`` and
``training`` need Keras.
"""

__version__ = "0.1.0"
