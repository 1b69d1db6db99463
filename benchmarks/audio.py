"""Measure the cleaning of speech on voices and noises that nothing was trained on (15 minutes).

Fourteen test voices, nine seconds of each, in seven kinds of noise at four ratios.  The
rivals' settings are chosen on the six selection voices, for each measure by that measure:

- doing nothing;
- spectral subtraction and Wiener's filter as oracle filters, given the mean power of the very
  noise that was added;
- Wiener's filter, blind: by the better of two estimates of the noise, and of two rules, the second
  of which is known as logMMSE;
- RNNoise (``pyrnnoise``), a recurrent network with weights of its own; it works at 48,000 samples
  a second, so signals are resampled to that and back, and its delay is taken out;
- the network that ships, and three small ones, trained as chapter 6 trains its own.

Babble is made of the other test voices; the kinds ``engine`` and ``music`` were in no training.
SI-SDR in decibels and STOI everywhere, PESQ (narrow-band, by ``pesq``, which pip builds with a C
compiler) at 5 dB, and what is left of the noise in the pauses.  Stored is one value a voice, since
voices are what a figure should hold for.  Writes benchmarks/audio.json.  After a new training
``--only network`` measures that one anew and keeps the rest, since the mixtures stay the same.
"""

import argparse
import contextlib
import itertools
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
import results
import soxr
from pesq import pesq
from pyrnnoise.rnnoise import FRAME_SIZE, create, destroy, process_frame

from aeutils import audio, core, runtime
from aeutils.data import load_speech

runtime.quiet_logs()

CHAPTER = Path(__file__).resolve().parent.parent / "notebooks" / "06_cleaning_audio.ipynb"
RATIOS = (0, 5, 10, 15)
KINDS = ("white", "pink", "hum", "clicks", "babble", "engine", "music")
SEEDS = (0, 1, 2)
CHOSEN_AT, CHOSEN_ON = (5,), 4  # dB; seconds of each selection voice
GRIDS = {
    "spectral subtraction, oracle": [
        {"over_subtraction": over, "floor": floor}
        for over, floor in itertools.product(
            (1.0, 2.0, 3.0, 4.0, 6.0), (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
        )
    ],
    "Wiener, oracle": [
        {"smoothing": smoothing, "floor": floor}
        for smoothing, floor in itertools.product(
            (0.6, 0.8, 0.9, 0.95, 0.98), (0.0, 0.01, 0.02, 0.05, 0.1)
        )
    ],
    "Wiener, blind": [
        {"by": by, "rule": rule, "smoothing": smoothing, "floor": floor}
        for by, rule, smoothing, floor in itertools.product(
            ("quantile", "minimum"),
            ("wiener", "log"),
            (0.6, 0.8, 0.9, 0.95, 0.98),
            (0.0, 0.01, 0.02, 0.05, 0.1),
        )
    ],
}
MEASURES = {"si_sdr_db": audio.si_sdr, "stoi": audio.stoi}
GROUPS = ("nothing", "filters", "RNNoise", "network", "small")
ORDER = ("nothing", *GRIDS, "RNNoise", "network", *(f"small network, seed {s}" for s in SEEDS))


def blind(noisy, by, **settings):
    """Return the output of the blind filter."""
    estimate = {"quantile": audio.estimate_noise_power, "minimum": audio.track_noise_power}[by]
    return audio.wiener(noisy, estimate(noisy), **settings)


FILTERS = {
    "spectral subtraction, oracle": audio.spectral_subtraction,
    "Wiener, oracle": audio.wiener,
    "Wiener, blind": lambda noisy, power, **settings: blind(noisy, **settings),
}


def rnnoise(noisy, delay=0):
    """Return RNNoise's output at 8000 samples a second, advanced by a delay at 48,000."""
    fast = np.clip(soxr.resample(noisy, audio.RATE, 48_000), -1, 1)
    padded = np.pad(fast, (0, -len(fast) % FRAME_SIZE + 2 * FRAME_SIZE))
    samples = np.round(32767 * padded).astype(np.int16)
    state, parts = [create()], []
    for start in range(0, len(samples), FRAME_SIZE):
        frame, _ = process_frame(state, samples[None, start : start + FRAME_SIZE])
        parts.append(frame[0])
    destroy(state[0])
    output = np.concatenate(parts).astype(np.float64)[delay : delay + len(fast)] / 32767
    slow = soxr.resample(output, 48_000, audio.RATE)
    return np.pad(slow, (0, max(0, len(noisy) - len(slow))))[: len(noisy)].astype(np.float32)


def delay_of_rnnoise(recordings):
    """Return the delay, in samples at 48,000, at which its output agrees best with clean input."""
    delays = range(0, 4 * FRAME_SIZE + 1, FRAME_SIZE // 4)
    some = recordings[:3]
    agreement = [np.mean([audio.si_sdr(x, rnnoise(x, d)) for x in some]) for d in delays]
    return delays[int(np.argmax(agreement))]


def noise_for(kind, n_samples, number, recordings, music):
    """Return noise of a kind for the voice of this number."""
    if kind == "music":
        start = 997 * number % (len(music) - n_samples + 1)
        return music[start : start + n_samples]
    return audio.make_noise(kind, n_samples, [200, number], recordings)


def by_voice(part):
    """Return {voice: [samples]} of a part of the speech."""
    voices = {}
    for recording in part:
        voices.setdefault(recording.voice, []).append(recording.samples)
    return voices


def loudest(x, n):
    """Return the `n` samples in a row with the most power, so that they hold speech."""
    energy = np.concatenate([[0], np.cumsum(np.square(x, dtype=np.float64))])
    start = int(np.argmax(energy[n:] - energy[:-n])) if n < len(x) else 0
    return x[start : start + n]


def mixtures(voices, kinds, ratios, music, n_reels):
    """Yield (voice, kind, ratio, clean, noisy) of everything."""
    for number, (voice, reels) in enumerate(voices.items()):
        others = [x for name, some in voices.items() if name != voice for x in some]
        for reel, clean in enumerate(reels[:n_reels]):
            for kind in kinds:
                noise = noise_for(kind, len(clean), 2 * number + reel, others, music)
                for ratio in ratios:
                    yield voice, kind, ratio, clean, audio.add_noise_at(clean, noise, ratio)


def chosen_settings(voices, music):
    """Return the best settings of each filter for each measure, on the selection voices."""
    totals = {
        (name, measure): np.zeros(len(grid)) for name, grid in GRIDS.items() for measure in MEASURES
    }
    voices = {name: [x[: CHOSEN_ON * audio.RATE] for x in some] for name, some in voices.items()}
    for _, _, _, clean, noisy in mixtures(voices, KINDS[:5], CHOSEN_AT, music, 1):
        power = audio.mean_power(noisy - clean)
        for name, grid in GRIDS.items():
            for i, settings in enumerate(grid):
                output = FILTERS[name](noisy, power, **settings)
                for measure, judge in MEASURES.items():
                    totals[name, measure][i] += judge(clean, output)
    return {
        measure: {name: GRIDS[name][int(totals[name, measure].argmax())] for name in GRIDS}
        for measure in MEASURES
    }


def small_networks(folder=None):
    """Return networks trained as the chapter trains its own, by running its cells: one a seed.

    Weights are kept in the folder, if there is one, and taken from there.
    """
    core.Progress = type("Quiet", (core.Progress,), {"on_epoch_end": lambda *args, **kw: None})
    matplotlib.use("agg")  # the chapter's figures are drawn and not shown
    cells, variables, recipe = nbformat.read(CHAPTER, 4).cells, {}, []
    with contextlib.chdir(CHAPTER.parent):
        for cell in cells:
            tags = set(cell.metadata.get("tags", []))
            if cell.cell_type != "code" or "cover-picture" in tags:
                continue
            if {"builds-model", "trains-model"} & tags:
                recipe.append(cell.source)
            if "trains-model" in tags:
                break
            exec(cell.source, variables)
        networks = {}
        for seed in SEEDS:
            name = f"small network, seed {seed}"
            kept = folder / f"{seed}.weights.h5" if folder else None
            known = kept is not None and kept.exists()
            for source in recipe[:-1] if known else recipe:
                exec(source.replace("SEED = 0", f"SEED = {seed}"), variables)
            networks[name] = variables["autoencoder"]
            if known:
                networks[name].load_weights(kept)
            elif kept is not None:
                networks[name].save_weights(kept)
            print(name, flush=True)
    return networks


def left_in_pauses(clean, noisy, output):
    """Return by how many decibels the noise is reduced where the clean signal is silent."""
    n = len(clean) // 160 * 160
    silent = np.abs(clean[:n].reshape(-1, 160)).max(axis=1) < 1e-4
    power = [np.mean(x[:n].reshape(-1, 160)[silent] ** 2) for x in (output, noisy)]
    return 10 * np.log10((power[0] + 1e-12) / (power[1] + 1e-12))


def measured(test, kinds, music, n_reels, clean_up):
    """Return all scores of some methods on the test voices, by measure, kind and method.

    `clean_up` takes a mixture and the noise's mean power, and returns {method: output} for each
    measure, since settings differ.
    SI-SDR and STOI are lists, one a ratio, of one value a voice; PESQ and what is left in the
    pauses are at 5 dB, one value a voice.
    """
    scores = {}

    def add(measure, kind, method, ratio, voice, value):
        of = scores.setdefault(measure, {}).setdefault(kind, {}).setdefault(method, {})
        of.setdefault(ratio, {}).setdefault(voice, []).append(value)

    for voice, kind, ratio, clean, noisy in mixtures(test, kinds, RATIOS, music, n_reels):
        outputs = clean_up(noisy, audio.mean_power(noisy - clean))
        for measure, judge in MEASURES.items():
            for method, output in outputs[measure].items():
                add(measure, kind, method, ratio, voice, judge(clean, output))
                if measure == "si_sdr_db" and ratio == 5:
                    left = left_in_pauses(clean, noisy, output)
                    add("pauses_db", kind, method, ratio, voice, left)
                    add("pesq", kind, method, ratio, voice, pesq(audio.RATE, clean, output, "nb"))
        if ratio == RATIOS[-1] and kind == kinds[-1]:
            print(voice, flush=True)

    def means(values, digits):
        # a voice without a pause has no value
        rounded = [round(float(np.mean(some)), digits) + 0.0 for some in values.values()]
        return [value if np.isfinite(value) else None for value in rounded]

    digits = {"si_sdr_db": 2, "stoi": 3, "pesq": 2, "pauses_db": 2}
    return {
        measure: {
            kind: {
                method: [means(of[ratio], digits[measure]) for ratio in RATIOS]
                if measure in MEASURES
                else means(of[5], digits[measure])
                for method, of in methods.items()
            }
            for kind, methods in scores[measure].items()
        }
        for measure in digits
    }


def main():
    """Measure everything, or some methods, and store it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--reels", type=int, default=1, help="reels of each voice")
    parser.add_argument("--seconds", type=float, default=10, help="of each reel, at most")
    parser.add_argument(
        "--only", nargs="+", choices=GROUPS, default=GROUPS, help="keep what is stored of the rest"
    )
    parser.add_argument("--small", type=Path, help="folder that keeps the small networks' weights")
    parser.add_argument("--train-only", action="store_true", help="train the small ones, stop")
    options = parser.parse_args()
    if options.train_only:
        return small_networks(options.small)
    speech = load_speech()
    (music,) = (r.samples for r in speech["music"])
    selection, test = by_voice(speech["selection"]), by_voice(speech["test"])
    n = int(options.seconds * audio.RATE)
    test = {name: [loudest(x, n) for x in some[: options.reels]] for name, some in test.items()}
    setup = {
        "ratios_db": list(RATIOS),
        "voices": list(test),
        "reels_of_a_voice": options.reels,
        "seconds_of_a_voice": [
            round(sum(map(len, some)) / audio.RATE, 1) for some in test.values()
        ],
        "pesq_mode": "narrow-band",
    }
    stored = {} if set(options.only) == set(GROUPS) else results.read("audio")
    if any(stored.get(key) != value for key, value in setup.items()):
        stored = {}
    networks, settings, delay = {}, stored.get("settings"), stored.get("delay_of_rnnoise")
    if "filters" in options.only:
        settings = chosen_settings(selection, music)
        print(settings, flush=True)
    if "RNNoise" in options.only:
        delay = delay_of_rnnoise([x for some in selection.values() for x in some])
        print(f"RNNoise is late by {delay} samples at 48,000 a second", flush=True)
    if "network" in options.only:
        networks["network"] = audio.load_speech_cleaner()
    if "small" in options.only:
        networks |= small_networks(options.small)

    def clean_up(noisy, power):
        of_all = {"nothing": noisy} if "nothing" in options.only else {}
        if "RNNoise" in options.only:
            of_all["RNNoise"] = rnnoise(noisy, delay)
        of_all |= {name: audio.clean_signal(noisy, model) for name, model in networks.items()}
        outputs = {}
        for measure in MEASURES:
            some = settings[measure] if "filters" in options.only else {}
            outputs[measure] = of_all | {
                name: FILTERS[name](noisy, power, **chosen) for name, chosen in some.items()
            }
        return outputs

    scores = measured(test, KINDS, music, options.reels, clean_up)
    for measure in scores:
        for kind in KINDS:
            every = stored.get(measure, {}).get(kind, {}) | scores[measure][kind]
            scores[measure][kind] = {name: every[name] for name in ORDER if name in every}
    of_clean = {name: lambda x, m=m: audio.clean_signal(x, m) for name, m in networks.items()}
    if "RNNoise" in options.only:
        of_clean["RNNoise"] = lambda x: rnnoise(x, delay)
    if "filters" in options.only:
        blind_settings = settings["si_sdr_db"]["Wiener, blind"]
        of_clean["Wiener, blind"] = lambda x: blind(x, **blind_settings)
    kept = stored.get("clean_si_sdr_db", {}) | {
        name: [
            round(float(np.mean([audio.si_sdr(x, clean(x)) for x in some])), 2)
            for some in test.values()
        ]
        for name, clean in of_clean.items()
    }
    of_music = stored.get("music_si_sdr_db", {}) | {
        name: round(audio.si_sdr(music, audio.clean_signal(music, model)), 1)
        for name, model in networks.items()
    }
    results.write(
        "audio",
        {
            **setup,
            "settings": settings,
            "grids": {
                name: {key: sorted({some[key] for some in grid}) for key in grid[0]}
                for name, grid in GRIDS.items()
            },
            "delay_of_rnnoise": delay,
            "clean_si_sdr_db": {name: kept[name] for name in ORDER if name in kept},
            "music_si_sdr_db": {name: of_music[name] for name in ORDER if name in of_music},
            **scores,
        },
    )


if __name__ == "__main__":
    main()
