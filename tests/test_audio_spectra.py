"""The short-time spectrum and the way back; spectral subtraction and Wiener's filter."""

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


@pytest.mark.parametrize("n", [1, 127, 128, 129, 1000, 8000, 12345])
def test_spectrum_and_back_is_the_signal(n):
    signal = np.random.default_rng(n).uniform(-1, 1, n)
    spectrum = audio.stft(signal)
    assert spectrum.shape == (-(-n // 128) + 1, 129)
    assert np.abs(audio.istft(spectrum, n) - signal).max() < 1e-5
    with pytest.raises(AudioError, match="must have shape"):
        audio.istft(spectrum, n + 128)


def test_spectrum_agrees_with_scipy():
    from scipy.signal import ShortTimeFFT

    signal = np.random.default_rng(0).uniform(-1, 1, 4096)
    other = ShortTimeFFT(audio.spectra.window().astype(float), 128, RATE, fft_mode="onesided")
    expected = other.stft(signal, p0=0, p1=33).T
    # SciPy counts the phase from the middle of the window
    assert np.abs(np.abs(audio.stft(signal)) - np.abs(expected)).max() < 1e-3


def test_a_tone_is_where_it_belongs():
    power = audio.mean_power(tone(hertz=1000))
    assert power.argmax() * 31.25 == 1000


@pytest.mark.parametrize("filter_", [audio.spectral_subtraction, audio.wiener])
def test_classical_filters_help_and_do_not_harm(speech, filter_):
    clean = speech[0]
    noise = audio.make_noise("white", len(clean), 0)
    noisy = audio.add_noise_at(clean, noise, 5)
    power = audio.mean_power(noisy - clean)
    oracle = filter_(noisy, power)
    assert audio.si_sdr(clean, oracle) > audio.si_sdr(clean, noisy) + 4
    assert audio.si_sdr(clean, filter_(noisy)) > audio.si_sdr(clean, noisy) + 2
    assert audio.si_sdr(clean, filter_(clean, np.zeros(129))) > 60
    assert not filter_(np.zeros(1000)).any()


def test_wiener_turns_every_frequency_down_to_the_floor_where_there_is_noise_alone():
    noise = audio.make_noise("white", 20000, 0)
    left = audio.wiener(noise, audio.mean_power(noise), floor=0.05)
    assert 0.04 < np.sqrt(np.mean(left**2)) < 0.15


@given(signals())
def test_every_signal_comes_back_from_its_spectrum(signal):
    before = np.array(signal)
    spectrum = audio.stft(signal)
    n = len(signal)
    assert spectrum.shape == (-(-n // 128) + 1, 129)
    assert spectrum.dtype == np.complex64
    back = audio.istft(spectrum, n)
    assert back.shape == (n,)
    assert back.dtype == np.float32
    assert np.abs(back - before).max() <= 1e-6 * np.abs(before).max()
    heard = audio.compress(spectrum)
    assert heard.dtype == np.float32
    assert np.abs(heard - np.abs(spectrum) ** 0.3).max() <= 1e-5 * heard.max()
    assert np.array_equal(signal, before)


@given(signals())
def test_the_mean_power_is_that_of_the_frames(signal):
    power = audio.mean_power(signal)
    assert power.shape == (129,)
    assert power.dtype == np.float64
    assert power == pytest.approx(np.mean(np.abs(audio.stft(signal)) ** 2, axis=0), rel=1e-4)
    # Parseval: each sample is in two frames, whose squared windows add to 1
    frames = -(-len(signal) // 128) + 1
    weights = np.full(129, 2.0)
    weights[[0, -1]] = 1
    energy = np.sum(np.asarray(signal, float) ** 2)
    assert np.sum(weights * power) * frames / 256 == pytest.approx(energy, rel=1e-4)


SPECTRUM = audio.stft(tone(seconds=0.1))


@pytest.mark.parametrize(
    "spectrum",
    [
        np.abs(SPECTRUM),
        SPECTRUM[:, :128],
        SPECTRUM[0],
        SPECTRUM[None],
        np.ma.masked_where(np.abs(SPECTRUM) < 1, SPECTRUM),
        np.where(np.abs(SPECTRUM) < 1, np.nan, SPECTRUM),
        np.zeros((0, 129), dtype=complex),
        [[1j], [1j, 2j]],
        None,
        "spectrum",
    ],
)
def test_what_is_no_spectrum_is_refused(spectrum):
    with pytest.raises(AudioError, match="spectrum"):
        audio.istft(spectrum, 800)
    if np.shape(spectrum) != (0, 129) if not isinstance(spectrum, list) else True:
        with pytest.raises(AudioError, match="spectrum"):
            audio.compress(spectrum)


@pytest.mark.parametrize("n_samples", [0, -5, 800.0, None, True])
def test_lengths_that_are_none_are_refused(n_samples):
    with pytest.raises(AudioError, match="n_samples"):
        audio.istft(SPECTRUM, n_samples)


# the filters, each against the formula of its paper, frame by frame


def powers_of(noisy):
    return np.abs(audio.stft(noisy)).astype(float) ** 2


def subtraction_by_formula(noisy, noise_power, over_subtraction, floor):
    gain = np.zeros((len(powers_of(noisy)), 129))
    for t, frame in enumerate(powers_of(noisy)):
        for k in range(129):
            left = frame[k] - over_subtraction * noise_power[k]
            gain[t, k] = max(np.sqrt(max(left, 0) / max(frame[k], 1e-30)), floor)
    return audio.istft(audio.stft(noisy) * gain, len(noisy))


def wiener_by_formula(noisy, noise_power, smoothing, floor):
    gain = np.zeros((len(powers_of(noisy)), 129))
    for k in range(129):
        cleaned_before = None
        for t, power in enumerate(powers_of(noisy)[:, k]):
            posterior = power / noise_power[k]
            new = max(posterior - 1, 0)
            old = new if cleaned_before is None else cleaned_before / noise_power[k]
            prior = smoothing * old + (1 - smoothing) * new
            gain[t, k] = max(prior / (1 + prior), floor)
            cleaned_before = gain[t, k] ** 2 * power
    return audio.istft(audio.stft(noisy) * gain, len(noisy))


@pytest.mark.parametrize(
    ("filter_", "by_formula", "settings"),
    [
        (audio.spectral_subtraction, subtraction_by_formula, [(2.0, 0.1), (1.0, 0), (0.0, 0.3)]),
        (audio.wiener, wiener_by_formula, [(0.98, 0.1), (0.0, 0.0), (0.5, 1.0)]),
    ],
)
def test_the_filters_are_their_formulas(speech, filter_, by_formula, settings):
    clean = speech[0][8000:11000]
    noisy = audio.add_noise_at(clean, audio.make_noise("pink", len(clean), 0), 3)
    power = audio.mean_power(noisy - clean)
    for setting in settings:
        found = filter_(noisy, power, *setting)
        assert found.dtype == np.float32
        assert np.abs(found - by_formula(noisy, power, *setting)).max() < 1e-6
    # the defaults are the first
    assert np.array_equal(filter_(noisy, power), filter_(noisy, power, *settings[0]))
    assert np.array_equal(filter_(noisy), filter_(noisy, audio.estimate_noise_power(noisy)))


@given(signals(), st.sampled_from([audio.spectral_subtraction, audio.wiener]))
def test_filters_only_take_away(signal, filter_):
    before = np.array(signal)
    for power in (None, np.zeros(129), np.full(129, 1e300), [1e-3] * 129):
        cleaned = filter_(signal, power)
        assert cleaned.shape == signal.shape
        assert cleaned.dtype == np.float32
        energy = np.sum(np.asarray(signal, float) ** 2)
        assert np.sum(cleaned.astype(float) ** 2) <= energy * (1 + 1e-4)
        if np.any(signal):
            assert cleaned.any()
    # nothing is taken away where there is no noise
    if np.abs(signal).max() > 1e-3:
        assert np.abs(filter_(signal, np.zeros(129)) - before).max() < 1e-4
    assert np.array_equal(signal, before)


@pytest.mark.parametrize("kind", ["white", "pink"])
def test_the_estimate_of_steady_noise_is_near_the_truth(kind):
    noise = 0.1 * audio.make_noise(kind, 80000, 0)
    for share in (0.05, 0.1, 0.5):
        ratio = audio.estimate_noise_power(noise, share) / audio.mean_power(noise)
        assert np.abs(10 * np.log10(ratio[2:-2])).mean() < 1
        assert abs(10 * np.log10(ratio[2:-2]).mean()) < 0.5
    # a pause of digital silence holds no noise, and does not count
    muted = np.concatenate([noise[:60000], np.zeros(40000)])
    ratio = audio.estimate_noise_power(muted) / audio.estimate_noise_power(noise[:60000])
    assert np.abs(10 * np.log10(ratio[2:-2])).max() < 1
    assert not audio.estimate_noise_power(np.zeros(1000)).any()


IMPOSSIBLE = {
    "noise_power": [
        np.full(129, -1e-9),
        np.full(129, np.nan),
        np.r_[np.ones(128), np.inf],
        np.ones(5),
        np.ones((129, 1)),
        np.ones((2, 129)),
        1.0,
        "loud",
        np.ones(129, dtype=complex),
        np.ma.masked_less(np.arange(129.0), 5),
    ],
    "floor": [-0.1, 1.5, np.nan, None, "0.1", True],
    "over_subtraction": [-1, np.nan, np.inf, None, [2]],
    "smoothing": [-0.1, 1, 1.0, 1.5, np.nan, None, "0.9"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in IMPOSSIBLE.items() for value in values]
)
def test_impossible_parameters_are_refused(name, value):
    filters = [audio.spectral_subtraction, audio.wiener]
    for filter_ in filters:
        if name not in ("over_subtraction", "smoothing") or name in filter_.__annotations__:
            with pytest.raises(AudioError, match=name):
                filter_(tone(), **{name: value})


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, np.nan, None, "0.1"])
def test_impossible_shares_are_refused(share):
    with pytest.raises(AudioError, match="share"):
        audio.estimate_noise_power(tone(), share)


@pytest.mark.parametrize("name", NOT_ONE_SIGNAL)
@pytest.mark.parametrize(
    "function",
    [
        audio.stft,
        audio.mean_power,
        audio.estimate_noise_power,
        audio.spectral_subtraction,
        audio.wiener,
    ],
)
def test_what_is_no_signal_has_no_spectrum(function, name):
    with pytest.raises(AudioError):
        function(NOT_ONE_SIGNAL[name])


def test_minimum_statistics_follow_noise_that_changes_and_ignore_speech(speech):
    noise = audio.make_noise("white", 10 * RATE, 0)
    louder = noise * np.where(np.arange(len(noise)) < 5 * RATE, 1, 4)
    tracked = audio.track_noise_power(louder)
    true = audio.mean_power(noise)[1:-1].mean()
    assert tracked[100:200, 1:-1].mean() == pytest.approx(true, rel=0.15)
    assert tracked[450:550, 1:-1].mean() == pytest.approx(16 * true, rel=0.15)
    noisy = audio.add_noise_at(speech[0], noise[: len(speech[0])], 10)
    power = audio.mean_power(noisy - speech[0])
    assert audio.track_noise_power(noisy).mean() < 2 * power.mean()
    assert not audio.track_noise_power(np.zeros(1000)).any()
    for seconds in (0, None, "1", 61, np.nan):
        with pytest.raises(AudioError, match="seconds"):
            audio.track_noise_power(noise, seconds)


def test_the_blind_filters_help(speech):
    noisy = audio.add_noise_at(speech[0], audio.make_noise("white", len(speech[0]), 0), 5)
    for rule in ("wiener", "log"):
        cleaned = audio.wiener(noisy, audio.track_noise_power(noisy), rule=rule)
        assert audio.si_sdr(speech[0], cleaned) > 7
    with pytest.raises(AudioError, match="rule"):
        audio.wiener(noisy, rule="logmmse")
