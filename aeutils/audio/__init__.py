"""Sound: from a file to an array and back, noise, spectra, classical filters, measures.

Everything here works without TensorFlow; :func:`clean_signal` and :func:`denoise_audio` take the
trained network as an argument.  Signals are float32 between -1 and 1, one value a sample, at
:data:`RATE` samples a second.  Sound files are read by ``soundfile``, which brings libsndfile;
WAV files are written with Python alone.
"""

import lazy_loader

# what comes from which file stands in __init__.pyi, for type checkers too
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
