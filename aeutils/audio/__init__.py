"""Sound: from a file to an array and back, noise, spectra, classical filters, measures.

Everything here works without TensorFlow; :func:`clean_signal` and :func:`denoise_audio` take the
trained network as an argument.  Signals are float32 between -1 and 1, one value a sample, at
:data:`RATE` samples a second.  Sound files are read by ``soundfile``, which brings libsndfile;
WAV files are written with Python alone.
"""

from aeutils.audio import signals, spectra
from aeutils.audio.files import load_audio, save_audio
from aeutils.audio.filters import estimate_noise_power, mean_power, spectral_subtraction, wiener
from aeutils.audio.measures import si_sdr, stoi
from aeutils.audio.network import LEVEL, clean_signal, denoise_audio
from aeutils.audio.noise import NOISES, add_noise_at, make_noise
from aeutils.audio.playback import players
from aeutils.audio.spectra import compress, istft, stft

__all__ = [
    "BINS",
    "HOP",
    "LEVEL",
    "NOISES",
    "RATE",
    "WINDOW",
    "add_noise_at",
    "clean_signal",
    "compress",
    "denoise_audio",
    "estimate_noise_power",
    "istft",
    "load_audio",
    "make_noise",
    "mean_power",
    "players",
    "save_audio",
    "si_sdr",
    "spectral_subtraction",
    "stft",
    "stoi",
    "wiener",
]

# by assignment, since Sphinx documents no constant that is imported
RATE = signals.RATE
"""Samples a second that the networks and filters of the book work at: a telephone's."""
WINDOW = spectra.WINDOW
"""Samples of one frame of the spectrum, 32 ms."""
HOP = spectra.HOP
"""Samples from one frame to the next: half a window, so that every sample is in two."""
BINS = spectra.BINS
"""Frequencies of a frame that the network sees, from 0 Hz in steps of 31.25 Hz."""
