"""Measure the cleaning of speech on voices and noises that nothing was trained on (25 minutes).

Fourteen test voices, two reels of nine seconds each, in seven kinds of noise at four ratios.  The
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
voices are what a figure should hold for.  Writes benchmarks/audio.json.
"""

import argparse
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
        for over, floor in itertools.product((1.0, 1.5, 2.0, 3.0), (0.05, 0.1, 0.2))
    ],
    "Wiener, oracle": [
        {"smoothing": smoothing, "floor": floor}
        for smoothing, floor in itertools.product((0.8, 0.9, 0.95, 0.98), (0.05, 0.1, 0.2))
    ],
    "Wiener, blind": [
        {"by": by, "rule": rule, "smoothing": smoothing, "floor": floor}
        for by, rule, smoothing, floor in itertools.product(
            ("quantile", "minimum"), ("wiener", "log"), (0.9, 0.98), (0.1, 0.2, 0.35)
        )
    ],
}
MEASURES = {"si_sdr_db": audio.si_sdr, "stoi": audio.stoi}


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


def small_networks():
    """Return networks trained as the chapter trains its own, by running its cells: one a seed."""
    core.Progress = type("Quiet", (core.Progress,), {"on_epoch_end": lambda *args, **kw: None})
    matplotlib.use("agg")  # the chapter's figures are drawn and not shown
    cells = nbformat.read(CHAPTER, 4).cells
    networks, variables = {}, {}
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or "cover-picture" in tags:
            continue
        if "builds-model" in tags or "trains-model" in tags:
            break
        exec(cell.source, variables)
    recipe = [
        c.source
        for c in cells
        if {"builds-model", "trains-model"} & set(c.metadata.get("tags", []))
    ]
    for seed in SEEDS:
        for source in recipe:
            exec(source.replace("SEED = 0", f"SEED = {seed}"), variables)
        networks[f"small network, seed {seed}"] = variables["autoencoder"]
        print(f"small network {seed} trained", flush=True)
    return networks


def left_in_pauses(clean, noisy, output):
    """Return by how many decibels the noise is reduced where the clean signal is silent."""
    n = len(clean) // 160 * 160
    silent = np.abs(clean[:n].reshape(-1, 160)).max(axis=1) < 1e-4
    power = [np.mean(x[:n].reshape(-1, 160)[silent] ** 2) for x in (output, noisy)]
    return 10 * np.log10((power[0] + 1e-12) / (power[1] + 1e-12))


def main():
    """Measure everything and store it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--reels", type=int, default=2, help="reels of each voice")
    parser.add_argument("--seconds", type=float, default=10, help="of each reel, at most")
    parser.add_argument("--without-small", action="store_true", help="the shipped network alone")
    options = parser.parse_args()
    speech = load_speech()
    (music,) = (r.samples for r in speech["music"])
    selection, test = by_voice(speech["selection"]), by_voice(speech["test"])
    n = int(options.seconds * audio.RATE)
    test = {name: [loudest(x, n) for x in some[: options.reels]] for name, some in test.items()}
    settings = chosen_settings(selection, music)
    print(settings, flush=True)
    delay = delay_of_rnnoise([x for some in selection.values() for x in some])
    print(f"RNNoise is late by {delay} samples at 48,000 a second", flush=True)
    networks = {"network": audio.load_speech_cleaner()}
    if not options.without_small:
        networks |= small_networks()
    methods = ["nothing", *GRIDS, "RNNoise", *networks]
    scores = {
        measure: {
            kind: {m: [{v: [] for v in test} for _ in RATIOS] for m in methods} for kind in KINDS
        }
        for measure in MEASURES
    }
    at_5 = {
        name: {kind: {m: {v: [] for v in test} for m in methods} for kind in KINDS}
        for name in ("pesq", "pauses_db")
    }
    for voice, kind, ratio, clean, noisy in mixtures(test, KINDS, RATIOS, music, options.reels):
        power = audio.mean_power(noisy - clean)
        outputs = {"nothing": noisy, "RNNoise": rnnoise(noisy, delay)}
        outputs |= {name: audio.clean_signal(noisy, model) for name, model in networks.items()}
        for measure, judge in MEASURES.items():
            for name in GRIDS:
                outputs[name] = FILTERS[name](noisy, power, **settings[measure][name])
            for name in methods:
                value = judge(clean, outputs[name])
                scores[measure][kind][name][RATIOS.index(ratio)][voice].append(value)
            if measure == "si_sdr_db" and ratio == 5:
                for name in methods:
                    at_5["pauses_db"][kind][name][voice].append(
                        left_in_pauses(clean, noisy, outputs[name])
                    )
                    at_5["pesq"][kind][name][voice].append(
                        pesq(audio.RATE, clean, outputs[name], "nb")
                    )
        if ratio == RATIOS[-1] and kind == KINDS[-1]:
            print(voice, flush=True)

    def means(values, digits):
        # a voice without a pause has no value
        rounded = [round(float(np.mean(some)), digits) + 0.0 for some in values.values()]
        return [value if np.isfinite(value) else None for value in rounded]

    clean_left = {
        name: [
            round(float(np.mean([audio.si_sdr(x, clean_up(x)) for x in some])), 2)
            for some in test.values()
        ]
        for name, clean_up in {
            "Wiener, blind": lambda x: blind(x, **settings["si_sdr_db"]["Wiener, blind"]),
            "RNNoise": lambda x: rnnoise(x, delay),
            **{n: lambda x, m=m: audio.clean_signal(x, m) for n, m in networks.items()},
        }.items()
    }
    measured = {
        "ratios_db": list(RATIOS),
        "voices": list(test),
        "reels_of_a_voice": options.reels,
        "seconds_of_a_voice": [
            round(sum(map(len, some)) / audio.RATE, 1) for some in test.values()
        ],
        "settings": settings,
        "delay_of_rnnoise": delay,
        "pesq_mode": "narrow-band",
        "clean_si_sdr_db": clean_left,
        "music_si_sdr_db": {
            name: round(audio.si_sdr(music, audio.clean_signal(music, model)), 1)
            for name, model in networks.items()
        },
        # by kind and method, a list a ratio of one value a voice
        **{
            measure: {
                kind: {
                    m: [means(values, 2 if measure == "si_sdr_db" else 3) for values in rows]
                    for m, rows in some.items()
                }
                for kind, some in kinds.items()
            }
            for measure, kinds in scores.items()
        },
        # at 5 dB, by kind and method, one value a voice
        **{
            name: {
                kind: {m: means(values, 2) for m, values in some.items()}
                for kind, some in kinds.items()
            }
            for name, kinds in at_5.items()
        },
    }
    results.write("audio", measured)


if __name__ == "__main__":
    main()
