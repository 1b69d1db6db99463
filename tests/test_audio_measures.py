"""SI-SDR against its formula, STOI against the published one, and what neither can judge."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sounds import NOT_ONE_SIGNAL, RATE, signals, tone

from aeutils import audio
from aeutils.core.errors import AudioError
from aeutils.data import load_speech


@pytest.fixture(scope="module")
def speech():
    return [recording.samples for recording in load_speech()["test"]]


def test_si_sdr_is_what_its_definition_says(speech):
    clean = speech[0]
    noise = np.random.default_rng(0).standard_normal(len(clean))
    noise -= np.dot(noise, clean) / np.dot(clean, clean) * clean
    for db in (-10, 0, 17):
        estimate = clean + noise * np.linalg.norm(clean) / np.linalg.norm(noise) * 10 ** (-db / 20)
        assert audio.si_sdr(clean, estimate) == pytest.approx(db, abs=1e-4)
        assert audio.si_sdr(clean, 0.1 * estimate) == pytest.approx(db, abs=1e-4)
    assert audio.si_sdr(clean, 3 * clean) > 100
    assert audio.si_sdr(clean, np.zeros(len(clean))) == float("-inf")


def test_stoi_falls_with_the_ratio_and_is_the_published_one(speech):
    import pystoi

    clean = speech[0]
    noise = audio.make_noise("pink", len(clean), 0)
    scores = [audio.stoi(clean, audio.add_noise_at(clean, noise, db)) for db in (-5, 5, 15)]
    assert scores == sorted(scores)
    assert audio.stoi(clean, clean) == pytest.approx(1)
    noisy = audio.add_noise_at(clean, noise, 5)
    # the noisy signal is float32, and so are a few digits
    assert scores[1] == pytest.approx(pystoi.stoi(clean, noisy, RATE), abs=1e-4)


def test_stoi_refuses_what_is_too_short():
    with pytest.raises(AudioError, match=r"0\.4 s"):
        audio.stoi(tone(seconds=0.1), tone(seconds=0.1))


@given(signals(), st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6))
def test_si_sdr_is_its_formula_at_any_gain(clean, seed, gain):
    true = np.array(clean, dtype=np.float64)
    estimate = true + np.abs(true).max() * np.random.default_rng([seed, 1]).uniform(
        -1, 1, len(true)
    )
    if not true.any():
        with pytest.raises(AudioError, match="silent"):
            audio.si_sdr(clean, estimate)
        return
    target = true * (true @ estimate) / (true @ true)
    rest = estimate - target
    if len(true) > 10:
        expected = 10 * np.log10((target @ target) / (rest @ rest))
        assert audio.si_sdr(clean, estimate) == pytest.approx(expected, abs=1e-6)
        assert audio.si_sdr(clean, -gain * estimate) == pytest.approx(expected, abs=1e-6)
        assert audio.si_sdr(gain * true, estimate) == pytest.approx(expected, abs=1e-6)
    assert audio.si_sdr(clean, clean) > 100
    assert audio.si_sdr(clean, np.zeros(len(true))) == -math.inf


def test_si_sdr_has_no_scale_at_which_it_fails():
    noise = 0.1 * np.random.default_rng(0).standard_normal(4000)
    expected = audio.si_sdr(tone(), tone() + noise)
    for small in (1e-30, 1e-100, 1e-200, 1e-300):
        assert audio.si_sdr(small * tone(), tone() + noise) == pytest.approx(expected)
        assert audio.si_sdr(tone(), small * (tone() + noise)) == pytest.approx(expected)


def test_stoi_does_not_depend_on_the_gain(speech):
    noise = audio.make_noise("pink", len(speech[0]), 0)
    noisy = audio.add_noise_at(speech[0], noise, 0)
    expected = audio.stoi(speech[0], noisy)
    assert 0.4 < expected < 0.95
    for gain in (1e-150, 1e-3, 1e5):
        clean, estimate = speech[0].astype(float), noisy.astype(float)
        assert audio.stoi(gain * clean, estimate) == pytest.approx(expected, abs=1e-6)
        assert audio.stoi(clean, gain * estimate) == pytest.approx(expected, abs=1e-6)
    assert audio.stoi(speech[0], np.zeros(len(noisy))) == pytest.approx(0, abs=1e-6)


@given(st.integers(1, 4000), st.sampled_from([1000, 8000, 44100]))
def test_stoi_is_a_number_or_the_speech_is_too_short(n, rate):
    samples = np.random.default_rng(n).uniform(-1, 1, n)
    try:
        assert audio.stoi(samples, samples, rate) == pytest.approx(1, abs=1e-3)
        assert n / rate > 0.35
    except AudioError:
        assert n / rate < 0.45


@pytest.mark.parametrize("measure", [audio.si_sdr, audio.stoi])
@pytest.mark.parametrize("name", NOT_ONE_SIGNAL)
def test_measures_refuse_what_is_no_signal(measure, name):
    other = NOT_ONE_SIGNAL[name]
    with pytest.raises(AudioError):
        measure(tone(), other)
    with pytest.raises(AudioError):
        measure(other, tone())


@pytest.mark.parametrize("measure", [audio.si_sdr, audio.stoi])
def test_measures_refuse_what_cannot_be_compared(measure):
    with pytest.raises(AudioError, match="4,000 and 3,999"):
        measure(tone(), tone()[:-1])
    with pytest.raises(AudioError, match="silent"):
        measure(np.zeros(4000), tone())


@pytest.mark.parametrize("rate", [0, 10**6, 8000.0, None, True])
def test_stoi_refuses_impossible_rates(rate):
    with pytest.raises(AudioError, match="rate"):
        audio.stoi(tone(), tone(), rate)
