"""Collect the recordings of chapter 6: who trains the network, who chooses, who judges it.

Real voices of some thirty languages are in Debian's packages of games and telephone prompts.
The package's network learns from one group of them, its settings are chosen on a second, and it
is judged on a third.  **No speaker is in two groups.**  Names of speakers are seldom given, so
languages are kept apart instead: a language of the test is in no other group, except English and
French, where the trained voices are named professionals and the tested ones others by their sex,
their accent or their name.

Needs ``apt-get`` and ``dpkg-deb`` (Debian or Ubuntu) for the whole, which is 150 MB to load::

    python tools/voices.py FOLDER       # packages, unpacked, and voices.npz go there

What of it the book needs ships as ``aeutils/data/speech.zip``, by ``tools/build_data.py``.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from scipy.signal import butter, sosfiltfilt

RATE = 8000
# where a package keeps the recordings of a voice: {group: {voice: (package, glob pattern)}}
KLETTRES, KTUBERLING = "klettres-data", "ktuberling-data"
STAMPS = "tuxpaint-stamps-default"
LETTERS = "share/klettres/{}/**/*.ogg"
GAME = "share/ktuberling/sounds/{}/*.[ow][ga][gv]"
STAMP = "share/tuxpaint/stamps/**/*_desc_{}.ogg"
PROMPT = "share/asterisk/sounds/{}/**/*.wav"
VOICES = {
    "train": {
        "allison": ("asterisk-core-sounds-en-wav", PROMPT.format("en_US_f_Allison")),
        "allison, spanish": ("asterisk-core-sounds-es-wav", PROMPT.format("es_MX_f_Allison")),
        "june": ("asterisk-core-sounds-fr-wav", PROMPT.format("fr_CA_f_June")),
        "carlo": ("asterisk-core-sounds-it-wav", PROMPT.format("it_IT_m_Carlo")),
        "paola": ("asterisk-prompt-it-menardi-wav", "share/**/*.wav"),
        "colombia": ("asterisk-prompt-es-co", "share/**/*.gsm"),
        "armelle": ("asterisk-prompt-fr-armelle", "share/**/*.gsm"),
        "mandarin": ("gcin-voice", "share/gcin-voice/ogg/*/5.ogg"),
        "malayalam": (KLETTRES, LETTERS.format("ml")),
        "spanish": (KLETTRES, LETTERS.format("es")),
        "italian": (KLETTRES, LETTERS.format("it")),
        "catalan": (KTUBERLING, GAME.format("ca")),
        "greek": (KTUBERLING, GAME.format("el")),
        "walloon": (KTUBERLING, GAME.format("wa")),
        "belarusian": (STAMPS, STAMP.format("be")),
        "bulgarian": (STAMPS, STAMP.format("bg")),
        "catalan, stamps": (STAMPS, STAMP.format("ca")),
        "greek, stamps": (STAMPS, STAMP.format("el")),
        "spanish, stamps": (STAMPS, STAMP.format("es")),
        "romanian, stamps": (STAMPS, STAMP.format("ro")),
    },
    "selection": {
        "arabic": (KLETTRES, LETTERS.format("ar")),
        "czech": (KLETTRES, LETTERS.format("cs")),
        "hebrew": (KLETTRES, LETTERS.format("he")),
        "norwegian": (KLETTRES, LETTERS.format("nb")),
        "slovenian": (KTUBERLING, GAME.format("sl")),
        "swedish": (KTUBERLING, GAME.format("sv")),
    },
    "test": {
        "british": (KLETTRES, LETTERS.format("en_GB")),
        "danish": (KLETTRES, "share/klettres/da/alpha/*.ogg"),
        "dutch": (KLETTRES, LETTERS.format("nl")),
        "french": (KLETTRES, LETTERS.format("fr")),
        "german a": (KLETTRES, "share/klettres/de/alpha/*.ogg"),
        "german b": (KLETTRES, "share/klettres/de/syllab/*.ogg"),
        "irish": (KTUBERLING, GAME.format("ga")),
        "ivrvoice": ("asterisk-core-sounds-ru-wav", PROMPT.format("ru_RU_f_IvrvoiceRU")),
        "librivox": ("pocketsphinx-testdata", "share/pocketsphinx/test/data/librivox/*.wav"),
        "lithuanian": (KLETTRES, LETTERS.format("lt")),
        "low german": (KLETTRES, LETTERS.format("nds")),
        "portuguese": (KLETTRES, LETTERS.format("pt_BR")),
        "russian": (KLETTRES, LETTERS.format("ru")),
        "ukrainian": (KLETTRES, LETTERS.format("uk")),
    },
}
# telephone prompts that hold jokes, signals or silence
NO_SPEECH = ("tt-", "confbridge-leave", "confbridge-join", "silence", "beep", "ascending")
# A recording is used if its quiet stretches lie so many decibels below its loud ones: noise that
# is in the "clean" sound cannot be told from noise that was added.
MIN_RANGE_DB = 22


def package_folder(package, folder):
    """Return the unpacked folder of a Debian package, after a download if it is not there."""
    unpacked = folder / package
    if not unpacked.exists():
        print(f"Debian package {package}", flush=True)
        subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True)
        (deb,) = folder.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", deb, unpacked], check=True)
    return unpacked / "usr"


def recording(path):
    """Return a recording at 8000 samples a second with a root mean square of 0.1, or None.

    Frequencies below 50 Hz, which no voice has, are removed: direct current and rumble.
    """
    samples, rate = sf.read(path, always_2d=True, dtype="float64")
    samples = samples.mean(axis=1)
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    if not 0.25 * RATE <= len(samples) <= 8 * RATE:
        return None
    samples = sosfiltfilt(butter(2, 50, "high", fs=RATE, output="sos"), samples)
    strength = np.sqrt(np.mean(samples**2))
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    loudness = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    low, high = np.percentile(loudness, [5, 95])
    if strength == 0 or high - low < MIN_RANGE_DB:
        return None
    samples *= 0.1 / strength
    return samples if np.abs(samples).max() < 1 else samples * 0.99 / np.abs(samples).max()


def voice(package, pattern, folder):
    """Return the usable recordings of a voice: {name: samples}, without links and doubles."""
    root = package_folder(package, folder)
    sounds = {}
    for path in sorted(root.glob(pattern)):
        if path.is_symlink() or path.name.startswith(NO_SPEECH) or path.parent.name == "silence":
            continue
        try:
            samples = recording(path)
        except (sf.LibsndfileError, ValueError):  # a handful of files are empty or broken
            continue
        if samples is not None:
            sounds[str(path.relative_to(root).with_suffix(""))] = samples
    return sounds


def reels(sounds, n, seed, seconds=8):
    """Return up to `n` reels of about 8 s: recordings in random order with pauses of 0.25 s.

    Long recordings first where there are too many, since single letters are the worst of speech.
    """
    order = sorted(
        np.random.default_rng(seed).permutation(len(sounds)), key=lambda i: -len(sounds[i])
    )
    pause = np.zeros(RATE // 4)
    parts, made = [], []
    long = np.random.default_rng(seed).permutation(order[: max(8 * n, len(order) // 3)])
    for i in long:
        parts += [sounds[i], pause]
        if sum(map(len, parts)) >= seconds * RATE:
            made.append(np.concatenate(parts)[: int(1.25 * seconds * RATE)])
            parts = []
        if len(made) == n:
            return made
    return made or [np.concatenate(parts)]


def collect(folder):
    """Return {group: {voice: {name: samples}}} of all packages."""
    return {
        group: {name: voice(*source, folder) for name, source in voices.items()}
        for group, voices in VOICES.items()
    }


def main():
    """Fetch everything; store it as voices.npz, 16-bit integers, keys "group/voice/name"."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for group, voices in collect(folder).items():
        for name, sounds in voices.items():
            seconds = sum(map(len, sounds.values())) / RATE
            print(f"{group:10s}{name:20s}{len(sounds):5d} recordings, {seconds / 60:5.1f} min")
            for sound, samples in sounds.items():
                arrays[f"{group}/{name}/{sound}"] = np.round(samples * 32767).astype(np.int16)
    np.savez(folder / "voices.npz", **arrays)


if __name__ == "__main__":
    main()
