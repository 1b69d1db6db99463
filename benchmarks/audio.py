"""Measure the network of chapter 6 beside the classical filters (13 minutes on 2 busy cores).

Trains the network by running the chapter's own cells up to the one tagged ``trains-model``, so
with the chapter's seeds.  Then it cleans sounds that were not trained on: other recordings of the
three voices, three voices that the network never heard, and a piece of music; with the noise that
it was trained on, and with two that it never met (engine, music), at several signal-to-noise
ratios.  Spectral subtraction and "Wiener" are oracle filters, given the mean power of the very
noise that was added; "Wiener, blind" has to estimate it, as in practice.

SI-SDR in decibels, STOI, and PESQ by the package ``pesq``, which pip builds with a C compiler.
The chapter's sounds have 8000 samples a second, so PESQ is narrow-band (ITU-T P.862 with the
mapping of P.862.1, from 1.0 to 4.55); wide-band needs 16,000.  STOI and PESQ judge speech alone.
Writes benchmarks/audio.json.
"""

import itertools
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import results
from pesq import pesq

from aeutils import audio, runtime

runtime.quiet_logs()
from denoising import EpochLines  # noqa: E402  after the logs are quiet

from aeutils import core  # noqa: E402

CHAPTER = Path(__file__).resolve().parent.parent / "notebooks" / "06_cleaning_audio.ipynb"
RATIOS = (0, 5, 10, 15)
SHORTEST = 1.5  # seconds: STOI and PESQ need more than a word
METHODS = {
    "noisy": lambda noisy, power, model: noisy,
    "spectral subtraction": lambda noisy, power, model: audio.spectral_subtraction(noisy, power),
    "Wiener": lambda noisy, power, model: audio.wiener(noisy, power),
    "Wiener, blind": lambda noisy, power, model: audio.wiener(noisy),
    "autoencoder": lambda noisy, power, model: audio.clean_signal(noisy, model),
}
# each with the decimals that are stored
SPEECH_MEASURES = {
    "si_sdr_db": (audio.si_sdr, 2),
    "stoi": (audio.stoi, 3),
    "pesq": (lambda clean, estimate: pesq(audio.RATE, clean, estimate, "nb"), 2),
}
MUSIC_MEASURES = {"si_sdr_db": SPEECH_MEASURES["si_sdr_db"]}


def run_chapter():
    """Run the chapter's cells until its network is trained; return their variables."""
    core.Progress = EpochLines  # the chapter's table shows in notebooks only
    matplotlib.use("agg")  # the chapter's figures are drawn and not shown
    variables = {}
    for cell in nbformat.read(CHAPTER, 4).cells:
        if cell.cell_type == "code":
            exec(cell.source, variables)
        if "trains-model" in cell.metadata.get("tags", []):
            return variables
    raise ValueError(f"no cell of {CHAPTER.name} is tagged trains-model")


def noise_for(kind, n_samples, number, speech):
    """Return noise of a kind for the recording of this number; none of it was in the training."""
    if kind == "music":
        (music,) = speech["music"]
        start = 997 * number % (len(music.samples) - n_samples)
        return music.samples[start : start + n_samples]
    voices = [recording.samples for recording in speech["test"]]
    return audio.make_noise(kind, n_samples, [200, number], voices)


def scores_of(sounds, kinds, measures, model, speech):
    """Return means over sounds, by measure, kind of noise and method: a list, one value a ratio."""
    scores = {measure: {kind: {} for kind in kinds} for measure in measures}
    pairs = list(itertools.product(measures, METHODS))
    for kind in kinds:
        noises = [noise_for(kind, len(clean), i, speech) for i, clean in enumerate(sounds)]
        # by measure and method, a row a ratio and a column a sound
        values = {pair: np.empty((len(RATIOS), len(sounds))) for pair in pairs}
        for row, snr_db in enumerate(RATIOS):
            for column, clean in enumerate(sounds):
                noisy = audio.add_noise_at(clean, noises[column], snr_db)
                power = audio.mean_power(noisy - clean)
                for method, clean_up in METHODS.items():
                    estimate = clean_up(noisy, power, model)
                    for measure, (judge, _) in measures.items():
                        values[measure, method][row, column] = judge(clean, estimate)
        for measure, method in pairs:
            means = values[measure, method].mean(axis=1)
            # 0.0 in the place of the -0.0 that noise at 0 dB may give
            decimals = measures[measure][1]
            scores[measure][kind][method] = [round(float(x), decimals) + 0.0 for x in means]
        print(f"{kind}: {scores['si_sdr_db'][kind]}", flush=True)
    return scores


def main():
    """Measure everything and store it."""
    chapter = run_chapter()
    model, speech = chapter["autoencoder"], chapter["speech"]
    sounds = {
        name: [r.samples for r in speech[part] if len(r.samples) >= SHORTEST * audio.RATE]
        for name, part in {"known voices": "test", "new voices": "new", "music": "music"}.items()
    }
    measured = {
        "ratios_db": list(RATIOS),
        "trained_on": chapter["kinds"],
        "recipe": {name: chapter[name] for name in ("epochs", "n_batches", "batch_size")},
        "test_loss": round(float(chapter["history"].history["val_loss"][-1]), 4),
        "pesq_mode": "narrow-band",
        "sounds": {name: len(some) for name, some in sounds.items()},
        # what the network leaves of sounds that had no noise in them
        "without_noise_si_sdr_db": {
            name: round(
                float(np.mean([audio.si_sdr(x, audio.clean_signal(x, model)) for x in some])), 1
            )
            for name, some in sounds.items()
        },
        "scores": {},
    }
    for name, some in sounds.items():
        is_music = name == "music"
        kinds = audio.NOISES if is_music else (*audio.NOISES, "music")
        measures = MUSIC_MEASURES if is_music else SPEECH_MEASURES
        print(f"{name}, {len(some)} recordings", flush=True)
        measured["scores"][name] = scores_of(some, kinds, measures, model, speech)
    results.write("audio", measured)


if __name__ == "__main__":
    main()
