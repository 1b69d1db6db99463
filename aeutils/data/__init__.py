"""Data sets that ship with the book, read without TensorFlow and without a network.

Each loader checks the SHA-256 of its file first.  Those of images return
``(x_train, y_train), (x_test, y_test)`` as the loaders of :mod:`keras.datasets` do, that of a
table a :class:`pandas.DataFrame`, those of recordings their samples and what is known of them.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aeutils.core.errors import AeutilsError, AudioError, DataFileError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Heartbeats",
    "Recording",
    "load_digit_generator_weights",
    "load_fashion_mnist",
    "load_heartbeats",
    "load_masked_autoencoder_weights",
    "load_mnist",
    "load_odd_beat",
    "load_page_cleaner_weights",
    "load_penguins",
    "load_photo_codec_weights",
    "load_photo_denoiser_weights",
    "load_prose",
    "load_scanned_page",
    "load_speech",
    "load_speech_cleaner_weights",
    "load_table",
    "spoken_wav",
    "verify",
]

FOLDER = Path(__file__).resolve().parent

# images and labels
Part = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def verify() -> dict[str, str]:
    """Check every data file of the package against its recorded SHA-256.

    Returns
    -------
    dict of str to str
        For each file name, ``"ok"`` or the text of the error that loading it would raise.
    """
    try:
        names = list(_checksums())
    except DataFileError as error:
        return {"checksums.json": str(error)}
    report = {}
    for name in names:
        try:
            _checked_path(name)
            report[name] = "ok"
        except DataFileError as error:
            report[name] = str(error)
    return report


def load_mnist() -> tuple[Part, Part]:
    """Load the MNIST handwritten digits.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of numpy.ndarray
        Images, uint8, shape (60000, 28, 28) and (10000, 28, 28), 0 (paper) to 255 (ink);
        labels, uint8, shape (60000,) and (10000,), the digit 0 to 9.

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86 (11), 1998.
    """
    with np.load(_checked_path("mnist.npz")) as arrays:
        return (
            (arrays["x_train"], arrays["y_train"]),
            (arrays["x_test"], arrays["y_test"]),
        )


def load_fashion_mnist() -> tuple[Part, Part]:
    """Load the Fashion-MNIST test images: clothes in the format of MNIST.

    The book uses clothes as anomalies, never for training, so only the test set ships; the
    training arrays are there, with no images in them, to keep the form of Keras's loader.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of numpy.ndarray
        Images, uint8, shape (0, 28, 28) and (10000, 28, 28), 0 (background) to 255;
        labels, uint8, shape (0,) and (10000,): 0 T-shirt/top, 1 trouser, 2 pullover,
        3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.

    References
    ----------
    Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", arXiv:1708.07747, 2017.
    """
    with np.load(_checked_path("fashion_mnist_test.npz")) as arrays:
        x_test, y_test = arrays["x_test"], arrays["y_test"]
    return (x_test[:0], y_test[:0]), (x_test, y_test)


def load_penguins() -> pd.DataFrame:
    """Load the Palmer penguins: sizes of 344 birds of three species on three islands.

    Returns
    -------
    pandas.DataFrame
        344 rows; the columns ``species``, ``island`` and ``sex`` are text,
        ``bill_length_mm``, ``bill_depth_mm``, ``flipper_length_mm`` and ``body_mass_g`` are
        numbers, ``year`` is 2007 to 2009.  11 rows have gaps (NaN).

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    AeutilsError
        If the package pandas is not installed.

    References
    ----------
    Gorman, Williams and Fraser, "Ecological sexual dimorphism and environmental variability
    within a community of Antarctic penguins (genus Pygoscelis)", PLoS ONE 9 (3), 2014;
    collected by Horst, Hill and Gorman as the R package palmerpenguins, 2020.
    """
    pandas = _package("pandas", "the table of penguins")
    return pandas.read_csv(_checked_path("penguins.csv"))


def load_table(name: str) -> pd.DataFrame:
    """Load a table of the UCI Machine Learning Repository, with the class of each row.

    Parameters
    ----------
    name : {"adult", "ionosphere", "letter", "satellite", "shuttle"}
        ``"adult"``: 48,842 answers to the United States census of 1994, six columns of numbers
        and nine of words, ``?`` where there was no answer.  ``"ionosphere"``: 351 radar returns,
        34 numbers and ``class``, good or bad.  ``"letter"``: 20,000 printed letters in 16 measures
        and ``letter``.  ``"satellite"``: 6,435 places, four spectral bands at 3 × 3 pixels and
        ``class``, the soil.  ``"shuttle"``: 58,000 readings of nine sensors of the Space Shuttle
        and ``class``, the state of its radiator; the first sensor is time.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    AeutilsError
        If there is no table of this name, or the package pandas is not installed.

    References
    ----------
    Dua and Graff, "UCI Machine Learning Repository", 2019; see ``aeutils/data/LICENSES.md``.
    """
    pandas = _package("pandas", "a table")
    with zipfile.ZipFile(_checked_path("tables.zip")) as archive:
        names = [member.removesuffix(".csv") for member in archive.namelist()]
        if name not in names:
            raise AeutilsError(f"name must be one of {', '.join(names)}; got {name!r}.")
        return pandas.read_csv(io.BytesIO(archive.read(f"{name}.csv")), keep_default_na=False)


def load_prose() -> list[str]:
    """Load six paragraphs of English prose, written for the pages of chapter 5.

    Returns
    -------
    list of str

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    """
    return _checked_path("prose.txt").read_text(encoding="utf-8").strip().split("\n\n")


def load_scanned_page() -> tuple[NDArray[np.float32], str]:
    """Load the photographed page that scikit-image ships, and the text of its upper part.

    Returns
    -------
    page : numpy.ndarray
        float32, shape (191, 384), 0 (black) to 1 (white).
    text : str
        The text in rows 0 to 147, heading and paragraph, typed by hand; the lines below are cut
        off by the edge of the picture.

    Raises
    ------
    DataFileError
        If a file is missing or altered.
    AeutilsError
        If the package scikit-image is not installed.
    """
    from aeutils.images import load_image  # here, since no other loader needs Pillow

    text = _checked_path("scanned_page.txt").read_text(encoding="utf-8").strip()
    skimage = _package("skimage", "the scanned page", "scikit-image")
    path = Path(skimage.__path__[0]) / "data" / "page.png"
    page = load_image(path)
    if page.shape != (191, 384):
        raise DataFileError(
            f"{path} must have 191 × 384 pixels; got {page.shape[0]} × {page.shape[1]}. Install "
            "the release of scikit-image that requirements.txt names."
        )
    return page, text


def load_page_cleaner_weights() -> list[NDArray[np.float32]]:
    """Load the weights of :func:`aeutils.documents.networks.page_cleaner`, trained by the book.

    Returns
    -------
    list of numpy.ndarray
        As the network's ``set_weights`` takes them.

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    """
    return _load_weights("page_cleaner.npz")


def load_speech_cleaner_weights() -> list[NDArray[np.float32]]:
    """Load the weights of :func:`aeutils.audio.networks.speech_cleaner`, trained by the book.

    Returns
    -------
    list of numpy.ndarray
        As the network's ``set_weights`` takes them; stored in half precision.

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    """
    return _load_weights("speech_cleaner.npz")


def load_photo_denoiser_weights() -> list[NDArray[np.float32]]:
    """Load the weights of :func:`aeutils.denoising.photo_denoiser`, trained by the book.

    Returns
    -------
    list of numpy.ndarray
        As the network's ``set_weights`` takes them; stored in half precision.

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    """
    return _load_weights("photo_denoiser.npz")


def load_digit_generator_weights() -> list[NDArray[np.float32]]:
    """Load the weights of :func:`aeutils.generative.diffusion_network`, trained by the book.

    Returns
    -------
    list of numpy.ndarray
        As the network's ``set_weights`` takes them; stored in half precision.

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    """
    return _load_weights("diffusion_network.npz")


def load_photo_codec_weights() -> list[NDArray[np.float32]]:
    """Load the networks and priors of :class:`aeutils.codes.PhotoCodec`, trained by the book.

    Returns
    -------
    list of numpy.ndarray
        The weights of :func:`aeutils.codes.codec_networks`, analysis first, stored in half
        precision; for all qualities the weights and half of the frequencies of the priors; and
        from which fraction on values are rounded up.

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    """
    return _load_weights("photo_codec.npz")


def load_masked_autoencoder_weights() -> list[NDArray[np.float32]]:
    """Load the weights of :func:`aeutils.codes.load_masked_autoencoder`, trained by the book.

    Returns
    -------
    list of numpy.ndarray
        Those of the encoder, then those of the decoder, as ``set_weights`` takes them; stored in
        half precision.

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    """
    return _load_weights("masked_autoencoder.npz")


def _load_weights(name: str) -> list[NDArray[np.float32]]:
    with np.load(_checked_path(name)) as arrays:
        return [arrays[f"arr_{i}"].astype(np.float32) for i in range(len(arrays.files))]


class Recording(NamedTuple):
    """A recording of :func:`load_speech`."""

    voice: str
    """Who speaks or plays."""
    name: str
    """What the recording is called in its package."""
    samples: NDArray[np.float32]
    """float32, shape (n_samples,), between -1 and 1, 8000 a second."""


def load_speech() -> dict[str, list[Recording]]:
    """Load recorded speech of many languages, and some music, at 8000 samples a second.

    Reels of about eight seconds: recordings of one voice, one after the other, with short pauses,
    at one loudness.  The voices are those of telephone prompts, of two games for children and of a
    drawing program, as Debian packages them, and of a reader for LibriVox.

    Returns
    -------
    dict of str to list of Recording
        ``"train"``, ``"selection"`` and ``"test"``: voices, none of them in two parts, and, with
        the exception of English and French, no language in two; ``"music"``: one piece.

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    AudioError
        If the package ``soundfile`` is not installed.

    References
    ----------
    ``tools/voices.py`` names the package of each voice, ``aeutils/data/LICENSES.md`` its licence.
    """
    soundfile = _package("soundfile", "the speech, which is stored as FLAC,", error=AudioError)
    parts: dict[str, list[Recording]] = {}
    with zipfile.ZipFile(_checked_path("speech.zip")) as archive:
        for path in archive.namelist():
            part, voice, name = path.removesuffix(".flac").split("/")
            samples, _ = soundfile.read(io.BytesIO(archive.read(path)), dtype="float32")
            parts.setdefault(part, []).append(Recording(voice, name, samples))
    return parts


def spoken_wav() -> Path:
    """Return the path of a sound file as others make them: a voice says "front center".

    From Debian's package ``alsa-utils``, where it names the loudspeaker that plays; 48,000 samples
    a second, 16 bits.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.
    """
    return _checked_path("front_center.wav")


class Heartbeats(NamedTuple):
    """An electrocardiogram, with what cardiologists marked in it; see :func:`load_heartbeats`."""

    samples: NDArray[np.float32]
    """float32, shape (106920,), millivolts."""
    rate: int
    """Samples a second: 360."""
    beats: NDArray[np.int32]
    """int32, shape (503,): the sample of each heartbeat, in order."""
    kinds: NDArray[np.str_]
    """str, shape (503,): what kind of beat each is: N, V, F or Q."""
    faults: list[tuple[int, int]]
    """Where a lead was off: pairs of the first sample and the one after the last."""


def load_heartbeats() -> Heartbeats:
    """Load five minutes of a heart, and the kind of each beat as cardiologists marked it.

    Minutes 19:34 to 24:31 of record 208 of the MIT-BIH Arrhythmia Database, first lead, 297
    seconds.  355 beats are normal (``"N"``), 91 came too early from one of the lower chambers
    (ventricular, ``"V"``), 55 are a fusion of both (``"F"``), and of 2 the kind could not be told
    (``"Q"``).  The two stretches in which a lead was off were found by eye for this book.

    Returns
    -------
    Heartbeats

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.

    References
    ----------
    Moody and Mark, "The impact of the MIT-BIH Arrhythmia Database", IEEE Engineering in Medicine
    and Biology 20 (3), 2001; Goldberger et al., "PhysioBank, PhysioToolkit, and PhysioNet",
    Circulation 101 (23), 2000.
    """
    with np.load(_checked_path("heartbeats.npz")) as arrays:
        samples, beats, kinds = arrays["samples"], arrays["beats"], arrays["kinds"]
    faults = [(34_668, 36_000), (75_204, 77_040)]
    return Heartbeats(_millivolts(samples), 360, beats, kinds, faults)


def load_odd_beat() -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Load 21 seconds of another heart, 360 samples a second, in which one beat is odd.

    Also from the MIT-BIH Arrhythmia Database, by way of the Python package sktime; from which
    record, and who marked the beat, is not said there.

    Returns
    -------
    samples : numpy.ndarray
        float32, shape (7500,), millivolts.
    is_odd : numpy.ndarray
        bool, shape (7500,): true from sample 6936 to 7287.

    Raises
    ------
    DataFileError
        If the data file is missing, truncated or altered.

    References
    ----------
    See :func:`load_heartbeats`.
    """
    with np.load(_checked_path("odd_beat.npz")) as arrays:
        return _millivolts(arrays["samples"]), arrays["is_odd"]


def _package(
    name: str, what: str, to_install: str = "", error: type[AeutilsError] = AeutilsError
) -> Any:
    """Return a package that one loader alone needs, or raise."""
    try:
        return importlib.import_module(name)
    except ImportError as cause:
        to_install = to_install or name
        raise error(
            f"{what} needs the package {to_install}, which cannot be imported ({cause}); "
            f"install it: pip install {to_install}"
        ) from cause


def _millivolts(units: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return samples in millivolts; the recorder has 200 units for each."""
    return (units / 200).astype(np.float32)


def _checksums() -> dict[str, str]:
    """Return the recorded SHA-256 of each data file, by file name."""
    path = FOLDER / "checksums.json"
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise DataFileError(
            f"the list of checksums {path} cannot be read ({error}).\n{_how_to_restore(path.name)}"
        ) from error


def _checked_path(name: str) -> Path:
    """Return the path of a data file whose bytes have the recorded SHA-256."""
    path = FOLDER / name
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        problem = "is missing"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    else:
        expected = _checksums().get(name, "no checksum on record")
        if digest == expected:
            return path
        problem = (
            f"is truncated or altered: it has {path.stat().st_size:,} bytes and SHA-256 "
            f"{digest[:12]}…, expected {expected[:12]}…"
        )
    raise DataFileError(f"the data file {path} {problem}.\n{_how_to_restore(name)}")


def _how_to_restore(name: str) -> str:
    """Say which command brings a data file back."""
    checkout = FOLDER.parent.parent
    if (checkout / ".git").exists():
        return f'Restore it with: git -C "{checkout}" checkout HEAD -- aeutils/data/{name}'
    return "Restore it by installing aeutils again: pip install --force-reinstall --no-deps …"
