"""What the network that cleans speech is trained on: who speaks, what noise, how strong."""

import itertools
import re

import numpy as np
import pytest
import train_speech_cleaner as training
import voices
from sounds import RATE, tone

from aeutils import audio


def files_of(source):
    package, pattern = source
    return package, re.sub(r"\*\*/\*", "", pattern)


def test_no_recording_is_in_two_groups():
    seen = {}
    for group, some in voices.VOICES.items():
        for source in some.values():
            package, folder = files_of(source)
            for other_package, other_folder in seen:
                if package == other_package:
                    assert not folder.startswith(other_folder)
                    assert not other_folder.startswith(folder)
            seen[package, folder] = group
    names = [set(some) for some in voices.VOICES.values()]
    assert not any(a & b for a, b in itertools.combinations(names, 2))
    assert len(voices.VOICES["test"]) >= 10


def test_noises_of_the_test_are_in_no_training():
    assert not {"engine", "music"} & set(training.KINDS)
    assert set(training.KINDS) & set(audio.NOISES) == set(audio.NOISES) - {"engine"}
    assert len(training.SHARES) == len(training.KINDS)


def test_spectra_are_those_of_the_package():
    signals = np.random.default_rng(0).standard_normal((2, training.N)).astype("float32")
    found = training.spectra(signals)
    for signal, spectrum in zip(signals, found, strict=True):
        assert np.abs(spectrum[..., 0] + 1j * spectrum[..., 1] - audio.stft(signal)).max() < 1e-4


@pytest.mark.parametrize("depth", [3, 12])
def test_the_equaliser_changes_no_frequency_by_more_than_its_depth(depth):
    noise = np.random.default_rng(0).standard_normal(16_000)
    for seed in range(5):
        shaped = training.shaped(noise, np.random.default_rng(seed), depth)
        ratio = np.abs(np.fft.rfft(shaped)[1:-1] / np.fft.rfft(noise)[1:-1])
        assert 20 * np.log10(ratio.max()) <= depth + 0.1
        assert 20 * np.log10(ratio.min()) >= -depth - 0.1
        assert np.ptp(20 * np.log10(ratio)) > 0.3


@pytest.mark.parametrize("kind", training.OWN)
def test_own_noises_are_sound_without_direct_current(kind):
    noise = training.OWN[kind](30 * RATE, np.random.default_rng(0))
    assert noise.shape == (30 * RATE,)
    assert np.isfinite(noise).all()
    assert noise.std() > 0
    assert abs(noise.mean()) < 0.2 * noise.std()


def test_batches_hold_speech_with_and_without_noise_at_about_one_loudness():
    known = {"a": [tone(seconds=1, hertz=300)] * 3, "b": [tone(seconds=2, hertz=900)] * 3}
    rng = np.random.default_rng(0)
    speech, noises = training.Voices(known), training.Noises(known, rng, minutes=1)
    ratios, levels = [], []
    for _ in range(12):
        noisy, clean = training.batch(speech, noises, rng)
        assert noisy.shape == clean.shape == (training.BATCH, training.N)
        power = np.mean((noisy - clean) ** 2, axis=1)
        ratios += list(10 * np.log10(np.mean(clean**2, axis=1) / np.maximum(power, 1e-12)))
        levels += list(20 * np.log10(np.sqrt(np.mean(noisy**2, axis=1)) / audio.LEVEL))
    ratios = np.array(ratios)
    assert -5.1 < min(levels) < max(levels) < 5.1
    with_noise = ratios[ratios < 60]
    assert 0.85 <= len(with_noise) / len(ratios) < 1
    assert -7.1 < with_noise.min() < 0
    assert 20 < with_noise.max() < 40.1


def test_a_reel_is_made_of_whole_recordings():
    sounds = [np.full(8000 + i, 0.1) for i in range(40)]
    made = voices.reels(sounds, 3, 0)
    assert len(made) == 3
    assert all(8 <= len(reel) / RATE <= 10 for reel in made)
