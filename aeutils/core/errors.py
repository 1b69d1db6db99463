"""The errors that bad input gets: each says what was wrong, where, and what to do."""


class AeutilsError(ValueError):
    """Base of every error that ``aeutils`` raises on bad input.

    It is a :class:`ValueError`, so code that knows nothing of ``aeutils``
    catches it too.
    """


class DataFileError(AeutilsError, OSError):
    """A file on disk is missing, empty, broken, altered or too large."""


class ImageError(AeutilsError):
    """An array does not hold images as the networks of the book take them."""


class ModelError(AeutilsError):
    """A network does not have the shape or the layer that was asked for."""


class AudioError(AeutilsError):
    """A sound, or a request about one, is not what the audio functions take."""


class SequenceError(AeutilsError):
    """A recording, or a request about one, is not what the window functions take."""


class ScoreDirectionWarning(UserWarning):
    """Anomaly scores may run the wrong way: anomalies score lower than normal samples."""
