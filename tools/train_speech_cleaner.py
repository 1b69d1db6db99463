"""Train the network that ``aeutils.audio`` ships: 50 minutes on one processor core.

Four hours of twenty voices (``tools/voices.py`` fetches them), mixed anew for every step: with no
noise or with one or two of ten kinds, from -7 to 40 dB, many through random equalisers.  What
judges the network in the end is kept out: all test speakers, and the noises ``engine`` and
``music``.  Settings were chosen on the speakers of the group "selection".

    python tools/voices.py FOLDER
    python tools/train_speech_cleaner.py FOLDER --minutes 50
    python tools/train_speech_cleaner.py FOLDER --ship

Writes ``speech_cleaner.npz``, weights in half precision, and ``speech_cleaner.json``, the course
of the training, to FOLDER every ten minutes; ``--ship`` copies them into the book.
"""

import argparse
import hashlib
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from scipy import fft
from scipy.signal import fftconvolve, lfilter

from aeutils import audio, data
from aeutils.audio.networks import enhancement_loss, speech_cleaner
from aeutils.audio.spectra import window
from aeutils.core.files import atomic_write

RATE, BATCH = audio.RATE, 8
N = 125 * audio.HOP  # samples of a clip, 2 s
SPEEDS = (0.85, 1.18)  # half of the clips are heard slower or faster: other throats
SELECTION_RATIOS = (0, 5, 15)


def load_voices(path, group):
    """Return {voice: [recordings]} of a group, float32."""
    voices = {}
    with np.load(path) as stored:
        for key in stored.files:
            name, voice, _ = key.split("/", 2)
            if name == group:
                voices.setdefault(voice, []).append(stored[key].astype(np.float32) / 32768)
    return voices


class Voices:
    """Endless speech: recordings of one voice, at one speed, with pauses between them."""

    def __init__(self, voices):
        self.voices = [[x.astype(np.float16) for x in some] for some in voices.values()]
        minutes = np.array([sum(map(len, some)) for some in self.voices])
        self.weights = np.sqrt(minutes) / np.sqrt(minutes).sum()

    def draw(self, rng, n):
        """Return `n` samples of one voice."""
        recordings = self.voices[rng.choice(len(self.voices), p=self.weights)]
        speed = rng.uniform(*SPEEDS) if rng.random() < 0.5 else 1
        needed = int(n * speed) + 2
        parts, length = [], 0
        skip = rng.integers(0, RATE)
        while length < needed + skip:
            part = recordings[rng.integers(len(recordings))].astype(np.float32)
            part *= 10 ** (rng.uniform(-4, 4) / 20)
            gap = np.zeros(rng.integers(0, RATE // 2), np.float32)
            parts += [part, gap]
            length += len(part) + len(gap)
        x = np.concatenate(parts)[skip : skip + needed]
        if speed == 1:
            return x[:n]
        return np.interp(speed * np.arange(n), np.arange(needed), x).astype(np.float32)


def shaped(signal, rng, depth):
    """Return a signal through a random equaliser: smooth gains within +-`depth` dB."""
    spectrum = fft.rfft(np.asarray(signal, np.float32))
    octaves = np.log2(np.maximum(np.arange(len(spectrum)), 1) / len(spectrum))
    knots = np.linspace(-6, 0, rng.integers(3, 10))
    gains = np.interp(octaves, knots, rng.uniform(-depth, depth, len(knots)))
    return fft.irfft(spectrum * (10 ** (gains / 20)).astype(np.float32), len(signal))


def tones(n, rng):
    """Return notes, several at once, with harmonics and an attack: no music, but like it."""
    noise, time_ = np.zeros(n), np.arange(n) / RATE
    for _ in range(int(rng.integers(3, 14) * n / RATE / 2)):
        start, length = int(rng.integers(0, n)), int(rng.uniform(0.1, 1.5) * RATE)
        t = time_[: min(length, n - start)]
        hertz = 55 * 2 ** rng.uniform(0, 5)
        partials = np.arange(1, rng.integers(2, 9))
        partials = partials[partials * hertz < 3900]
        wave = np.sin(2 * np.pi * hertz * partials[:, None] * t).T @ (
            rng.uniform(0, 1, len(partials)) / partials
        )
        decay = np.exp(-t * rng.uniform(0.5, 8)) * np.minimum(t / rng.uniform(0.003, 0.05), 1)
        noise[start : start + len(t)] += rng.uniform(0.2, 1) * decay * wave
    return noise + 1e-3 * rng.standard_normal(n)


def gusts(n, rng):
    """Return dull noise that swells and fades: wind, traffic."""
    noise = lfilter([1], [1, -rng.uniform(0.8, 0.99)], rng.standard_normal(n))
    knots = np.linspace(0, n, int(rng.uniform(1, 4) * n / RATE) + 2)
    return noise * 10 ** (np.interp(np.arange(n), knots, rng.uniform(-25, 0, len(knots))) / 20)


def crackle(n, rng):
    """Return single impulses, some or many."""
    noise = 1e-3 * rng.standard_normal(n)
    hits = rng.random(n) < 10 ** rng.uniform(-3.5, -2)
    noise[hits] += rng.standard_normal(hits.sum()) ** 3
    pole = rng.uniform(0, 0.9) * np.exp(2j * np.pi * rng.uniform(0.02, 0.45))
    return lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], noise)


def buzz(n, rng):
    """Return a pulse train of 40 to 400 a second through a random resonance."""
    hertz = 40 * 10 ** rng.uniform(0, 1) * (1 + 0.02 * np.sin(np.arange(n) / RATE * 3))
    pulses = np.diff(np.floor(np.cumsum(hertz / RATE)), prepend=0)
    pole = rng.uniform(0.5, 0.97) * np.exp(2j * np.pi * rng.uniform(0.02, 0.4))
    noise = lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], pulses)
    return noise - noise.mean() + 0.02 * noise.std() * rng.standard_normal(n)


OWN = {"tones": tones, "gusts": gusts, "crackle": crackle, "buzz": buzz}
KINDS = ("white", "pink", "hum", "clicks", "babble", *OWN, "few voices")
SHARES = np.array([3, 3, 2, 3, 5, 2, 2, 1, 1, 1], dtype=float)


class Noises:
    """A pool of minutes of each kind, from which stretches are drawn."""

    def __init__(self, voices, rng, minutes=4):
        n = RATE * 30
        recordings = [x for some in voices.values() for x in some]
        self.pool = {}
        for kind in KINDS:
            stretches = []
            for _ in range(minutes * 2):
                if kind in OWN:
                    x = OWN[kind](n, rng)
                elif kind in ("babble", "few voices"):
                    some = [recordings[i] for i in rng.choice(len(recordings), 300)]
                    x = audio.make_noise("babble", n, rng, some)
                    if kind == "few voices":  # two or three talkers, from speech itself
                        order = rng.permutation(len(recordings))
                        lines = [
                            np.concatenate([recordings[i] for i in order[k::3]][:120])[:n]
                            for k in range(3)
                        ]
                        x = sum(np.pad(line, (0, n - len(line))) for line in lines)
                else:
                    x = audio.make_noise(kind, n, rng)
                stretches.append((x / np.sqrt(np.mean(np.square(x)))).astype(np.float16))
            self.pool[kind] = stretches

    def draw(self, rng, n):
        """Return `n` samples of one kind or of two, with a root mean square of 1."""
        noise = np.zeros(n, np.float32)
        for strength in (1, rng.uniform(0.2, 1))[: 1 + (rng.random() < 0.25)]:
            stretches = self.pool[rng.choice(KINDS, p=SHARES / SHARES.sum())]
            x = stretches[rng.integers(len(stretches))]
            start = rng.integers(0, len(x) - n)
            x = x[start : start + n].astype(np.float32)
            if rng.random() < 0.4:
                x = shaped(x, rng, 12)
            if rng.random() < 0.15:  # a room: noise that dies away
                tail = rng.standard_normal(RATE // 4) * np.exp(
                    -np.arange(RATE // 4) / RATE / rng.uniform(0.02, 0.1)
                )
                x = fftconvolve(x, tail)[:n].astype(np.float32)
            noise += strength * x / max(np.sqrt(np.mean(x**2)), 1e-6)
        return noise / max(np.sqrt(np.mean(noise**2)), 1e-6)


def batch(voices, noises, rng, size=BATCH):
    """Return noisy and clean clips, shape (size, N), the noisy ones at about one loudness."""
    noisy, clean = np.empty((2, size, N), np.float32)
    for i in range(size):
        x = voices.draw(rng, N)
        if rng.random() < 0.5:
            x = shaped(x, rng, 6)
        x /= max(np.sqrt(np.mean(x**2)), 1e-4)
        draw = rng.random()
        if draw < 0.05:
            y = x.copy()
        else:
            snr = rng.uniform(20, 40) if draw < 0.15 else rng.uniform(-7, 20)
            y = x + 10 ** (-snr / 20) * noises.draw(rng, N)
        gain = audio.LEVEL / np.sqrt(np.mean(y**2)) * 10 ** (rng.uniform(-5, 5) / 20)
        noisy[i], clean[i] = gain * y, gain * x
    return noisy, clean


def spectra(signals):
    """Return the spectra of clips as audio.stft does: two channels, shape (n, frames, 129, 2)."""
    padded = np.pad(signals, ((0, 0), (audio.HOP, audio.HOP)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, audio.WINDOW, axis=1)
    spectrum = fft.rfft(frames[:, :: audio.HOP] * window(), axis=2)
    return np.stack([spectrum.real, spectrum.imag], axis=-1)


def selection_clips(path):
    """Return noisy and clean clips of the selection's speakers, by kind and ratio."""
    voices = load_voices(path, "selection")
    clips = []
    for v, (name, recordings) in enumerate(sorted(voices.items())):
        others = [x for other, some in voices.items() if other != name for x in some]
        rng = np.random.default_rng([6, v])
        clean = np.concatenate([recordings[i] for i in rng.permutation(len(recordings))])[: 3 * N]
        for kind in ("white", "pink", "hum", "clicks", "babble"):
            noise = audio.make_noise(kind, len(clean), [7, v], others)
            for snr in SELECTION_RATIOS:
                clips.append((kind, snr, audio.add_noise_at(clean, noise, snr), clean))
        clips.append(("none", 99, clean, clean))
    return clips


def gains_of(clips, model):
    """Return the mean gain of SI-SDR over doing nothing, by ratio; at 99, what is left of clean."""
    rows = {}
    for _, snr, noisy, clean in clips:
        estimate = audio.clean_signal(noisy, model)
        score = min(audio.si_sdr(clean, estimate), 60)
        rows.setdefault(snr, []).append(score - (0 if snr == 99 else audio.si_sdr(clean, noisy)))
    return {snr: round(float(np.mean(values)), 2) for snr, values in rows.items()}


def ship(folder):
    """Copy the weights into the package, with their checksum, and the course beside the figures."""
    content = (folder / "speech_cleaner.npz").read_bytes()
    with atomic_write(data.FOLDER / "speech_cleaner.npz") as file:
        file.write(content)
    checksums = json.loads((data.FOLDER / "checksums.json").read_text())
    checksums["speech_cleaner.npz"] = hashlib.sha256(content).hexdigest()
    with atomic_write(data.FOLDER / "checksums.json") as file:
        file.write((json.dumps(checksums, indent=2) + "\n").encode())
    course = (folder / "speech_cleaner.json").read_bytes()
    with atomic_write(Path(__file__).parent.parent / "benchmarks" / "speech_cleaner.json") as file:
        file.write(course)
    print(f"speech_cleaner.npz: {len(content):,} bytes")


def main():
    """Train, report, store."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--steps", type=int, default=None, help="default: by the time per step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", type=Path, help="speech_cleaner.npz to start from")
    parser.add_argument("--ship", action="store_true", help="copy what FOLDER holds; no training")
    options = parser.parse_args()
    if options.ship:
        return ship(options.folder)
    keras.utils.set_random_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    known = load_voices(options.folder / "voices.npz", "train")
    voices, noises = Voices(known), Noises(known, rng)
    clips = selection_clips(options.folder / "voices.npz")
    print("sounds ready", flush=True)
    if options.bfloat16:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = speech_cleaner()
    if options.resume:
        with np.load(options.resume) as stored:
            model.set_weights([stored[f"arr_{i}"] for i in range(len(stored.files))])
    weights = model.trainable_variables
    average = [tf.Variable(w) for w in weights]  # of the weights, over about 500 steps
    optimizer = keras.optimizers.AdamW(options.rate, weight_decay=0.01, clipnorm=5.0, beta_2=0.98)

    @tf.function
    def step(noisy, clean, decay):
        with tf.GradientTape() as tape:
            heard = tf.pow(tf.reduce_sum(noisy**2, -1) + 1e-12, audio.POWER / 2)
            gain = model(heard, training=True)
            loss = tf.reduce_mean(enhancement_loss(tf.stack([noisy, clean], -1), gain))
        gradients = tape.gradient(loss, weights)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        for mean, w in zip(average, weights, strict=True):
            mean.assign(decay * mean + (1 - decay) * w)
        return loss

    def store(history):
        current = model.get_weights()
        for w, mean in zip(weights, average, strict=True):
            w.assign(mean)
        arrays = [np.asarray(w, np.float16) for w in model.get_weights()]
        np.savez_compressed(options.folder / "speech_cleaner.npz", *arrays)
        score = gains_of(clips, model)
        model.set_weights(current)
        history.append({"step": n, "minutes": round((time.time() - began) / 60, 1), **score})
        print(history[-1], flush=True)
        course = {
            "seed": options.seed,
            "steps": n,
            "seconds_of_sound_a_step": BATCH * N / RATE,
            "hours_of_speech": round(
                sum(len(x) for some in known.values() for x in some) / RATE / 3600, 1
            ),
            "voices": len(known),
            "course": history,
        }
        (options.folder / "speech_cleaner.json").write_text(json.dumps(course, indent=1) + "\n")

    began, n, total, history, losses = time.time(), 0, options.steps, [], []
    last_store = began
    while True:
        share = (
            n / total if total and options.steps else (time.time() - began) / 60 / options.minutes
        )
        if share >= 1:
            break
        warm = min(1, (n + 1) / 300)
        optimizer.learning_rate = options.rate * warm * (0.5 + 0.5 * np.cos(np.pi * share)) + 1e-6
        noisy, clean = batch(voices, noises, rng)
        decay = min(0.998, (n + 1) / (n + 10))
        losses.append(float(step(spectra(noisy), spectra(clean), tf.constant(decay, tf.float32))))
        n += 1
        if n % 100 == 0:
            print(
                f"step {n}, {time.time() - began:.0f} s, loss {np.mean(losses[-100:]):.3f}",
                flush=True,
            )
        if time.time() - last_store > 600:
            store(history)
            last_store = time.time()
    total = n
    store(history)


if __name__ == "__main__":
    main()
