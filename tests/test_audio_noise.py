"""What the network of chapter 6 is trained on: each kind of noise by its spectrum and its times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from sounds import NOT_ONE_SIGNAL, RATE, signals, tone

from aeutils import audio
from aeutils.core.errors import AudioError
from aeutils.data import load_speech


@pytest.fixture(scope="module")
def speech():
    return [recording.samples for recording in load_speech()["test"]]


def noise_of(kind, seconds, seed=0, recordings=None):
    return audio.make_noise(kind, round(seconds * RATE), seed, recordings).astype(np.float64)


def density(noise):
    """Return frequencies and the power at each of them; all add up to the mean square."""
    power = 2 * np.abs(np.fft.rfft(noise) / len(noise)) ** 2
    return np.fft.rfftfreq(len(noise), 1 / RATE), power


def band(noise, low, high):
    hertz, power = density(noise)
    return power[(hertz >= low) & (hertz < high)].sum()


@pytest.mark.parametrize("kind", audio.NOISES)
def test_noise_is_repeatable_of_one_loudness_and_without_a_mean(kind, speech):
    noise = audio.make_noise(kind, 40000, seed=1, recordings=speech)
    assert noise.shape == (40000,)
    assert noise.dtype == np.float32
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1, abs=1e-5)
    # five seconds of pink noise hold a part of the waves that are longer
    assert abs(noise.mean()) < (0.1 if kind == "pink" else 0.02)
    again = [[1], np.int64(1), np.random.default_rng(1)]
    assert all(
        np.array_equal(noise, audio.make_noise(kind, 40000, x, iter(speech))) for x in again[1:]
    )
    assert not np.array_equal(noise, audio.make_noise(kind, 40000, seed=2, recordings=speech))
    assert not np.array_equal(
        audio.make_noise(kind, 40000, recordings=speech),
        audio.make_noise(kind, 40000, recordings=speech),
    )


@given(st.sampled_from(audio.NOISES), st.integers(1, 2000), st.integers(0, 2**40))
def test_every_length_and_seed_gives_noise_of_one_loudness(kind, n, seed):
    noise = audio.make_noise(kind, n, seed, [tone(seconds=0.2), tone(hertz=700)])
    assert noise.shape == (n,)
    assert noise.dtype == np.float32
    level = np.sqrt(np.mean(noise.astype(float) ** 2))
    assert level == pytest.approx(0 if (kind, n) == ("engine", 1) else 1, abs=1e-4)


# What stored networks were trained on, and what the benchmarks mixed: a change of these values is
# a change of the chapter's data.
DRAWN = {
    "white": [0.0176, -0.5102, -1.2843, 0.4843],
    "pink": [-0.0729, -0.5544, -1.4302, 0.3077],
    "hum": [0.8887, -0.3996, 1.5139, 0.9858],
    "clicks": [0.0002, -0.0056, -0.014, 0.0053],
    "babble": [-0.2561, -0.5605, 0.1324, 1.8221],
    "engine": [-0.1337, -0.133, 0.6947, 0.385],
}


@pytest.mark.parametrize("kind", audio.NOISES)
def test_the_noise_of_a_seed_stays_as_it_is(kind):
    voices = [tone(seconds=0.7, hertz=300), tone(seconds=1.1, hertz=500)]
    noise = audio.make_noise(kind, 4000, [3, 1], voices)
    assert noise[[0, 1, 1999, 3999]] == pytest.approx(DRAWN[kind], abs=2e-4)


def test_white_noise_is_normal_and_as_strong_at_every_frequency():
    noise = noise_of("white", 60)
    bands = [band(noise, low, low + 250) for low in range(0, 4000, 250)]
    assert bands == pytest.approx([1 / 16] * 16, rel=0.05)
    assert np.mean(noise**4) == pytest.approx(3, abs=0.1)


def test_pink_noise_has_as_much_power_in_every_octave_and_none_too_much_below_20_hertz():
    noise = noise_of("pink", 60)
    octaves = [band(noise, 31.25 * 2**i, 62.5 * 2**i) for i in range(7)]
    assert octaves == pytest.approx([np.mean(octaves)] * 7, rel=0.1)
    # below 20 Hz the same power per hertz, down to nothing
    flat = [band(noise, low, low + 4) / 4 for low in (0.5, 6, 12)]
    assert flat == pytest.approx([np.mean(flat)] * 3, rel=0.3)
    # from 20 to 21 Hz its level, from 40 to 42 half of that
    assert np.mean(flat) == pytest.approx(band(noise, 40, 60) / np.log(60 / 40) / 20, rel=0.25)


HARMONICS = np.arange(1, 27)


def harmonics_of(noise):
    """Return the mains' frequency, the amplitude and phase of each harmonic, and the hiss."""
    padded, window = 2**17, np.hanning(len(noise))
    spectrum = np.fft.rfft(noise * window, padded)
    combs = np.concatenate([n * np.linspace(0.996, 1.004, 401) for n in (50, 60)])
    places = np.rint(np.outer(combs, HARMONICS) * padded / RATE).astype(int)
    best = np.abs(spectrum)[places].sum(axis=1).argmax()
    lines = 2 * spectrum[places[best]] / window.sum()
    between = spectrum[places[best] + round(combs[best] / 2 * padded / RATE)]
    hiss = np.sqrt(np.mean(np.abs(between) ** 2) / np.sum(window**2))
    return combs[best], np.abs(lines), np.angle(lines), hiss


def test_hum_is_24_falling_harmonics_of_about_50_or_60_hertz():
    hums = [harmonics_of(noise_of("hum", 1, seed)) for seed in range(60)]
    mains, amplitudes, phases, hiss = (np.array(x) for x in zip(*hums, strict=True))
    nominal = np.where(mains < 55, 50, 60)
    assert 20 < (nominal == 50).sum() < 40
    off = mains / nominal - 1
    assert np.abs(off).max() < 0.0021
    assert off.min() < -0.0012 < 0.0012 < off.max()
    assert (amplitudes[:, 24:] < 0.02).all()
    # without the fall by the square root of their number, they are between 0.2 and 1 of something
    level = amplitudes[:, :24] * np.sqrt(HARMONICS[:24])
    assert (level.max(axis=1) / level.min(axis=1)).max() < 5.3
    assert np.median(level.max(axis=1) / level.min(axis=1)) > 3.5
    assert level.mean(axis=0) == pytest.approx([level.mean()] * 24, rel=0.2)
    assert level[:, 12:].mean() == pytest.approx(level[:, :12].mean(), rel=0.07)
    # of the mean of 0.6 between 0.2 and 1, the hiss is 0.05
    assert np.mean(hiss / level.mean(axis=1)) == pytest.approx(0.05 / 0.6, rel=0.1)
    # phases anywhere on the circle
    for turns in (1, 2):
        assert abs(np.exp(1j * turns * phases[:, :24]).mean()) < 0.1


def single_clicks():
    """Return noises with one click each, cut where it begins, in units of the hiss under it."""
    clicks = []
    for seed in range(400):
        noise = noise_of("clicks", 0.15, seed)  # eight a second: one in 0.15 s
        noise /= 1.4826 * np.median(np.abs(noise))
        strong = np.flatnonzero(np.abs(noise) > 8)
        if strong[0] < len(noise) - 160 and strong[-1] < len(noise) - 5:
            clicks.append((noise[strong[0] :], strong[-1] - strong[0] + 1, strong[0]))
    return clicks


def test_a_click_lasts_up_to_20_milliseconds_and_dies_away():
    clicks = single_clicks()
    assert len(clicks) > 300
    lasted = np.array([n for _, n, _ in clicks])
    # the end is lost in the hiss
    assert 4 <= lasted.min() < 20
    assert 110 < lasted.max() <= 160
    starts = np.array([start for *_, start in clicks])
    assert starts.min() < 30
    assert starts.mean() == pytest.approx((1200 - 160) / 2, rel=0.1)
    energies, centres, firsts = [], [], []
    for x, _, _ in clicks:
        power = x[:200] ** 2
        energies.append(power.sum())
        centres.append(np.sum(np.arange(200)[: len(power)] * power) / power.sum())
        firsts.append(x[0])
    # its power falls to 1/e within a tenth of the 20 to 160 samples, 9 on average
    assert np.mean(centres) == pytest.approx(9, rel=0.12)
    # strengths from 0.3 to 1 on a hiss of 0.001: mean square 0.463, one and a half for tone and
    # noise together, 9.5 samples long
    assert np.mean(energies) == pytest.approx(0.463 * 1.5 * 9.5 * 1e6, rel=0.15)
    assert np.quantile(energies, 0.99) / np.quantile(energies, 0.01) > 25
    # a click begins with the crest of its tone, 0.65 on average
    assert np.mean(firsts) == pytest.approx(650, rel=0.15)
    assert np.sqrt(np.mean(np.square(firsts))) == pytest.approx(np.sqrt(2 * 0.463) * 1000, rel=0.15)


def test_eight_clicks_begin_in_a_second():
    clicks = np.abs(noise_of("clicks", 60))
    assert clicks.max() > 5
    assert np.median(clicks) < 0.1
    loud = np.flatnonzero(clicks > 10 * 1.4826 * np.median(clicks))
    begin = np.flatnonzero(np.diff(loud, prepend=-1000) > 160)
    # each begins unseen with the probability that another began up to 20 ms (and its own length)
    # before
    assert len(begin) == pytest.approx(480 * np.exp(-8 * (0.02 + 0.009)), rel=0.08)


def test_clicks_sound_at_every_frequency_but_the_lowest():
    noise = noise_of("clicks", 60)
    density_of = [band(noise, low, low + 400) for low in (600, 1400, 2200, 3000)]
    assert density_of == pytest.approx([np.mean(density_of)] * 4, rel=0.25)
    # tones from 400 Hz to 3600 Hz on top of a noise at all frequencies
    assert 0.3 < band(noise, 0, 200) / 200 / (np.mean(density_of) / 400) < 0.85
    assert 0.3 < band(noise, 3800, 4000) / 200 / (np.mean(density_of) / 400) < 0.85


def test_babble_is_eight_voices_of_one_loudness_each_of_its_own_recording():
    n = 2 * RATE
    time = np.arange(4 * RATE) / RATE
    voices = [10.0 ** -(i % 4) * np.sin(2 * np.pi * (200 + 50 * i) * time) for i in range(60)]
    heard = []
    for seed in range(10):
        _, power = density(noise_of("babble", 2, seed, voices))
        lines = power[400 : 400 + 60 * 100 : 100]
        assert lines.sum() == pytest.approx(1, abs=1e-3)
        assert (lines > 0.02).sum() in (6, 7, 8)
        if (lines > 0.02).sum() == 8:
            assert lines[lines > 0.02] == pytest.approx([1 / 8] * 8, rel=1e-3)
        heard += list(np.flatnonzero(lines > 0.02))
    assert n == 16000
    assert min(heard) < 5
    assert max(heard) > 54
    assert len(set(heard)) > 35


def test_a_voice_of_babble_begins_anywhere_in_its_first_second():
    recording = np.zeros(4 * RATE)
    recording[RATE - 1] = 1
    starts = []
    for seed in range(30):
        places = np.flatnonzero(noise_of("babble", 2, seed, [recording]))
        assert places.max() < RATE
        starts += [RATE - 1 - place for place in places]
    assert len(starts) > 230
    assert min(starts) < 200
    assert max(starts) > RATE - 200
    assert np.mean(starts) == pytest.approx(RATE / 2, rel=0.1)


def test_babble_goes_on_from_recording_to_recording_and_leaves_out_silence(speech):
    short = [tone(seconds=0.05, hertz=hertz) for hertz in (300, 500, 900)]
    noise = noise_of("babble", 4, 0, short)
    loudness = np.sqrt(np.mean(noise.reshape(-1, 800) ** 2, axis=1))
    assert 0.5 < loudness.min() < loudness.max() < 1.6
    with_silence = [np.zeros(50), *short, np.zeros(3)]
    assert np.array_equal(noise, noise_of("babble", 4, 0, with_silence))


def test_an_engine_has_three_resonances_and_no_mean():
    noise = noise_of("engine", 60)
    assert abs(noise.mean()) < 1e-6
    hertz, power = density(noise)
    width = 30 * 60  # of 30 Hz
    smooth = np.convolve(power, np.ones(width) / width, "same")
    at = {f: 10 * np.log10(smooth[60 * f]) for f in (60, 110, 220, 320, 500, 700, 1000, 2000, 3900)}
    for peak in (110, 320, 700):
        near = slice(60 * (peak - 40), 60 * (peak + 40))
        assert hertz[near][smooth[near].argmax()] == pytest.approx(peak, abs=15)
    assert at[110] > at[60] + 4
    assert at[110] > at[320] + 3
    assert at[320] > at[220] + 3
    assert at[320] > at[700] + 3
    assert at[700] > at[500] + 1
    assert at[700] > at[1000] + 9
    assert at[1000] > at[2000] + 5
    assert abs(at[3900] - at[2000]) < 6


def pulses_of(seconds, seed):
    """Return where an engine's pulses are from the second second on, their strengths, the hiss."""
    noise = noise_of("engine", seconds, seed)
    # the inverse of three resonances, each added to what goes in
    for hertz in (110, 320, 700):
        pole = 0.985 * np.exp(2j * np.pi * hertz / RATE)
        resonance = np.array([1, -2 * pole.real, abs(pole) ** 2])
        noise = lfilter(resonance, resonance + np.array([1, 0, 0]), noise)
    noise = noise[RATE:] - np.median(noise)
    hiss = 1.4826 * np.median(np.abs(noise))
    places = np.flatnonzero(noise > 10 * hiss)
    return RATE + places, noise[places], hiss


def test_an_engine_turns_22_to_34_times_a_second_and_wavers():
    places, *_ = pulses_of(40, 0)
    assert len(places) == pytest.approx(28 * 39 - 4, abs=2)
    time, rate = places[:-1] / RATE, RATE / np.diff(places)
    # three times in ten seconds, and it begins by going faster
    assert np.abs(rate - (28 + 6 * np.sin(2 * np.pi * 0.3 * time))).max() < 1
    # two engines turn nearly alike
    others, *_ = pulses_of(40, 1)
    assert np.array_equal(places, others) is False
    assert np.abs(places[-1] - others).min() < 200


def test_the_pulses_of_an_engine_are_of_unequal_strength_on_a_hiss():
    _, strengths, hiss = pulses_of(40, 0)
    weakest, strongest = np.quantile(strengths / strengths.mean(), [0.01, 0.99])
    assert weakest == pytest.approx(0.6, abs=0.03)
    assert strongest == pytest.approx(1.4, abs=0.03)
    assert np.median(strengths) / strengths.mean() == pytest.approx(1, abs=0.05)
    assert hiss / strengths.mean() == pytest.approx(0.02, rel=0.05)


# speech with noise


@given(signals(), signals(3000), st.floats(-60, 60))
def test_noise_is_added_at_exactly_the_stated_ratio_or_refused(signal, noise, snr_db):
    before = np.array(signal), np.array(noise)
    if len(noise) < len(signal) or not np.any(signal) or not np.any(noise[: len(signal)]):
        with pytest.raises(AudioError):
            audio.add_noise_at(signal, noise, snr_db)
        return
    noisy = audio.add_noise_at(signal, noise, snr_db)
    assert noisy.shape == signal.shape
    assert noisy.dtype == np.float32
    clean, part = np.asarray(signal, float), np.asarray(noise, float)[: len(signal)]
    gain = np.sqrt(np.mean(clean**2) / np.mean(part**2)) / 10 ** (snr_db / 20)
    assert noisy == pytest.approx(
        clean + gain * part, rel=1e-5, abs=1e-6 * float(np.abs(noisy).max())
    )
    assert np.array_equal(signal, before[0])
    assert np.array_equal(noise, before[1])


@pytest.mark.parametrize("snr_db", [-5, 0, 10, 20.5])
def test_the_added_noise_has_the_stated_power(speech, snr_db):
    noisy = audio.add_noise_at(speech[0], audio.make_noise("pink", 80000, 0), snr_db)
    added = noisy - speech[0]
    measured = 10 * np.log10(np.mean(speech[0] ** 2) / np.mean(added**2))
    assert measured == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize("snr_db", [None, "5", np.nan, np.inf, -np.inf, 1e6, True, 1j, [5]])
def test_ratios_that_are_none_are_refused(snr_db):
    with pytest.raises(AudioError, match="snr_db"):
        audio.add_noise_at(tone(), tone(), snr_db)


@pytest.mark.parametrize("name", NOT_ONE_SIGNAL)
def test_what_is_no_signal_is_neither_mixed_nor_made_babble_of(name):
    other = NOT_ONE_SIGNAL[name]
    with pytest.raises(AudioError):
        audio.add_noise_at(other, tone(), 0)
    with pytest.raises(AudioError):
        audio.add_noise_at(tone(), other, 0)
    with pytest.raises(AudioError, match=r"recordings\[1\]"):
        audio.make_noise("babble", 100, 0, [tone(), other])


@pytest.mark.parametrize(
    "arguments",
    [
        ("purple", 10),
        (["white"], 10),
        (np.array(["white", "pink"]), 10),
        ("white", 0),
        ("white", 2.5),
        ("white", True),
        ("white", 10, -1),
        ("white", 10, "seed"),
        ("white", 10, 0.5),
        ("babble", 10),
        ("babble", 10, 0, []),
        ("babble", 10, 0, 5),
        ("babble", 10, 0, tone()),
        ("babble", 10, 0, [np.zeros(100)]),
        ("babble", 10, 0, [np.concatenate([np.zeros(3 * RATE), tone()])]),
    ],
)
def test_noise_that_cannot_be_made_is_refused(arguments):
    with pytest.raises(AudioError):
        audio.make_noise(*arguments)
