"""Cleaning arrays and files with a network: in blocks, at any rate, and nothing half-written."""

import os
import tracemalloc
import warnings

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import NOT_ONE_SIGNAL, RATE, Halves, Identity, signals, tone

from aeutils import audio
from aeutils.core.errors import AudioError, DataFileError, ModelError
from aeutils.data import load_speech, spoken_wav


@pytest.fixture(scope="module")
def speech():
    return [recording.samples for recording in load_speech()["test"]]


@pytest.fixture(scope="module")
def network():
    import keras

    keras.utils.set_random_seed(0)
    return audio.speech_cleaner(width=8, dilations=(1, 4))


def test_cleaning_with_a_known_answer(speech):
    """A gain of one half at every frequency halves the signal."""
    clean = speech[0]
    cleaned = audio.clean_signal(clean, Halves())
    assert cleaned.shape == clean.shape
    assert np.abs(cleaned - clean / 2).max() < 1e-5
    # whatever the loudness of the recording
    quiet = audio.clean_signal(clean / 100, Halves())
    assert np.abs(100 * quiet - cleaned).max() < 1e-4


def test_silence_stays_silence(tmp_path):
    assert not audio.clean_signal(np.zeros(1000), Halves()).any()
    audio.save_audio(tmp_path / "in.wav", np.zeros(1000))
    audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", Halves())
    assert not audio.load_audio(tmp_path / "out.wav").any()
    assert len(audio.load_audio(tmp_path / "out.wav")) == 1000


def test_networks_of_other_shapes_are_refused(speech):
    from aeutils.core import dense_autoencoder

    with pytest.raises(AudioError, match="build it with"):
        audio.clean_signal(speech[0], dense_autoencoder())
    with pytest.raises(AudioError, match="str"):
        audio.clean_signal(speech[0], "network")
    with pytest.raises(AudioError, match="not the same shape"):
        audio.clean_signal(speech[0], lambda x, training: x[:, :-1])


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"),
    [(8000, 1, 30), (8000, 1, 16), (44100, 2, 20.3), (11025, 1, 19), (12347, 1, 17)],
)
def test_blocks_give_what_one_pass_gives(tmp_path, network, rate, channels, seconds):
    rng = np.random.default_rng(0)
    n = round(rate * seconds)
    samples = 0.1 * rng.standard_normal((n, channels)) * (1 + np.sin(np.arange(n) / rate))[:, None]
    sf.write(tmp_path / "in.wav", samples, rate)
    written = {}
    for block_seconds in (8, 1000):
        path = tmp_path / f"{block_seconds}.wav"
        audio.denoise_audio(tmp_path / "in.wav", path, network, block_seconds)
        written[block_seconds], new_rate = sf.read(path, dtype="int16", always_2d=True)
        assert new_rate == rate
        assert written[block_seconds].shape == samples.shape
    assert np.abs(written[8].astype(int) - written[1000]).max() <= 1
    assert np.abs(written[8]).max() > 100


def test_a_file_is_cleaned_as_an_array_is(tmp_path, network, speech):
    audio.save_audio(tmp_path / "in.wav", speech[0])
    out = audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", network)
    assert out == tmp_path / "out.wav"
    expected = audio.clean_signal(audio.load_audio(tmp_path / "in.wav"), network)
    assert np.abs(audio.load_audio(out) - expected).max() < 1 / 32000


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT"])
def test_other_formats_are_cleaned(tmp_path, subtype):
    sf.write(tmp_path / "in.wav", tone(22050), 22050, subtype=subtype)
    audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", Halves())
    with sf.SoundFile(tmp_path / "out.wav") as file:
        assert (file.samplerate, file.frames, file.subtype) == (22050, 11025, "PCM_16")


@pytest.mark.parametrize("rate", [RATE, 44100])
@pytest.mark.parametrize("n", [1, 2, 129])
def test_very_short_files_are_cleaned(tmp_path, network, rate, n):
    sf.write(tmp_path / "in.wav", np.full(n, 0.5), rate)
    audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", network)
    assert sf.info(tmp_path / "out.wav").frames == n


def test_spoken_file_of_another_rate_is_cleaned(tmp_path, network):
    audio.denoise_audio(spoken_wav(), tmp_path / "out.wav", network)
    before, after = sf.info(spoken_wav()), sf.info(tmp_path / "out.wav")
    assert (after.samplerate, after.frames) == (before.samplerate, before.frames) == (48000, 68545)


def test_samples_beyond_full_scale_are_cleaned_with_a_warning(tmp_path):
    sf.write(tmp_path / "in.wav", 4 * tone(), RATE, subtype="FLOAT")
    with pytest.warns(UserWarning, match="beyond 1"):
        audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", Halves())
    found = audio.load_audio(tmp_path / "out.wav")
    assert np.abs(found - tone())[500:-500].max() < 0.01


def test_the_input_is_never_overwritten(tmp_path):
    source = tmp_path / "in.wav"
    audio.save_audio(source, tone())
    (tmp_path / "link.wav").symlink_to(source)
    os.link(source, tmp_path / "hard.wav")
    before = source.read_bytes()
    for path in (source, tmp_path / "link.wav", tmp_path / "hard.wav", f"{tmp_path}/./in.wav"):
        with pytest.raises(DataFileError, match="is the input itself"):
            audio.denoise_audio(source, path, Halves())
    assert source.read_bytes() == before


def test_an_interrupted_run_leaves_the_old_output_and_nothing_else(tmp_path):
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    audio.save_audio(source, np.tile(tone(), 40))
    audio.save_audio(target, tone())
    before = target.read_bytes()
    calls = []

    def interrupted(x, training):
        calls.append(len(list(tmp_path.glob("*.partial"))))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return np.ones_like(x)

    with pytest.raises(KeyboardInterrupt):
        audio.denoise_audio(source, target, interrupted, block_seconds=8)
    assert calls == [1, 1]
    assert target.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [source, target]


def test_outputs_that_cannot_be_are_refused_before_anything_is_read(tmp_path):
    audio.save_audio(tmp_path / "in.wav", tone())
    for name in ("out.flac", "nowhere/out.wav"):
        with pytest.raises(DataFileError):
            audio.denoise_audio(tmp_path / "in.wav", tmp_path / name, Halves())
    with pytest.raises(AudioError, match="block_seconds"):
        audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", Halves(), block_seconds=0)


def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for minutes in (2, 8):
        path = tmp_path / f"{minutes}.wav"
        audio.save_audio(path, np.tile(tone(seconds=60), minutes))
        tracemalloc.start()
        audio.denoise_audio(path, tmp_path / "out.wav", Halves())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sf.info(tmp_path / "out.wav").frames == minutes * 60 * RATE
    assert peaks[1] < 1.2 * peaks[0]


def test_good_input_gives_no_warning(tmp_path, network):
    sf.write(tmp_path / "in.wav", tone(44100), 44100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", network)


@pytest.mark.parametrize(
    ("rate", "channels"),
    [(1000, 1), (7999, 2), (8000, 2), (11025, 1), (12347, 1), (44100, 3), (48000, 2), (192000, 1)],
)
def test_the_way_to_the_networks_rate_and_back_keeps_a_sine(tmp_path, rate, channels):
    """A network that changes nothing: frequency, phase, level and length must stay."""
    hertz = 0.4 * min(rate, RATE) - 7.3  # no whole number of periods
    samples = tone(rate, 17.0371, hertz)  # blocks of 8 s meet twice
    several = np.stack([samples * (-0.5) ** i for i in range(channels)], axis=1)
    sf.write(tmp_path / "in.wav", several, rate, subtype="FLOAT")
    audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", Identity(), block_seconds=8)
    found, own_rate = sf.read(tmp_path / "out.wav", always_2d=True)
    assert own_rate == rate
    assert found.shape == several.shape
    inside = slice(rate // 10, -rate // 10)
    # twice soxr's ripple so near to the end of the band, 0.003 dB, and a rounding of 16 bits
    assert np.abs(found - several)[inside].max() < 4e-4


@pytest.mark.parametrize(
    ("rate", "n"), [(96000, 3841), (16000, 321), (192000, 100037), (44100, 7), (11025, 20001)]
)
def test_the_number_of_samples_stays(tmp_path, rate, n):
    sf.write(tmp_path / "in.wav", np.full(n, 0.25), rate)
    audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", Identity())
    assert sf.info(tmp_path / "out.wav").frames == n


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_the_size_of_what_is_read_at_once_leaves_no_trace(tmp_path, network, monkeypatch, rate):
    rng = np.random.default_rng(0)
    sf.write(tmp_path / "in.wav", 0.1 * rng.standard_normal((rate * 18 + 5, 2)), rate)
    audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", network, 8)
    expected = (tmp_path / "out.wav").read_bytes()
    monkeypatch.setattr("aeutils.audio.files.BLOCK_VALUES", 30011)
    audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", network, 8)
    assert (tmp_path / "out.wav").read_bytes() == expected


def test_one_gain_is_used_for_the_whole_of_a_channel(tmp_path):
    """A network that halves what is loud shows at which level it met each channel and part."""

    def seen(x, training):
        levels.append(np.sqrt(np.mean(x[0] ** (2 / audio.POWER))))
        return np.ones_like(x)

    levels = []
    loud, soft = tone(seconds=10), 0.01 * tone(seconds=10)
    sf.write(tmp_path / "in.wav", np.stack([loud, soft], axis=1), RATE, subtype="FLOAT")
    audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", seen, 8)
    assert len(levels) == 2  # 10 s are one block with what follows it
    assert levels[0] == pytest.approx(levels[1], rel=1e-3)
    levels.clear()
    sf.write(tmp_path / "in.wav", np.concatenate([loud, loud, soft, soft]), RATE, subtype="FLOAT")
    audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", seen, 8)
    assert len(levels) == 5
    assert max(levels) > 5 * min(levels)


class Outputs:
    """A stand-in for a network that went wrong in some way."""

    def __init__(self, change):
        self.change = change

    def __call__(self, x, training=False):
        return self.change(np.array(x))


def with_one(value):
    def change(x):
        x[0, -1, 5] = value
        return x

    return change


WRONG = {
    "NaN": lambda x: x * np.nan,
    "one NaN": with_one(np.nan),
    "one infinity": with_one(np.inf),
    "minus infinity": with_one(-np.inf),
    "float16 overflow": lambda x: (x * 0 + 1e5).astype(np.float16),
    "fewer frames": lambda x: x[:, :-1],
    "more channels": lambda x: np.repeat(x, 2, axis=-1),
    "no batch": lambda x: x[0],
    "complex": lambda x: x.astype(complex),
    "text": lambda x: np.full(x.shape, "a"),
    "nothing": lambda x: None,
    "an error": lambda x: 1 / 0,
}


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", WRONG)
def test_what_a_broken_network_outputs_is_never_written(tmp_path, name):
    model = Outputs(WRONG[name])
    with pytest.raises(AudioError, match="model"):
        audio.clean_signal(tone(), model)
    sf.write(tmp_path / "in.wav", tone(11025, 20), 11025)
    (tmp_path / "out.wav").write_bytes(b"what was there")
    with pytest.raises(AudioError, match="model"):
        audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", model, 8)
    assert (tmp_path / "out.wav").read_bytes() == b"what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "out.wav"]


def test_a_network_with_nan_weights_is_refused(tmp_path):
    network = audio.speech_cleaner(width=2, dilations=(1,))
    network.set_weights([w * np.nan for w in network.get_weights()])
    sf.write(tmp_path / "in.wav", tone(), RATE)
    with pytest.raises(AudioError, match="NaN"):
        audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", network)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


# said by TensorFlow's tensors of bfloat16 under Keras's own conversion
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_half_precision_gives_nearly_the_same(speech):
    import keras

    expected = audio.clean_signal(speech[0], Halves())
    for dtype in ("float16", "bfloat16"):
        low = Outputs(lambda x, dtype=dtype: keras.ops.cast(0 * x + 0.5, dtype))
        found = audio.clean_signal(speech[0], low)
        assert found.dtype == np.float32
        assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


@settings(max_examples=20)
@given(signals(), st.sampled_from([Identity(), Halves(), Outputs(lambda x: -1 - x)]))
def test_every_signal_is_cleaned_at_its_own_loudness(signal, model):
    before = np.array(signal)
    cleaned = audio.clean_signal(signal, model)
    assert cleaned.shape == signal.shape
    assert cleaned.dtype == np.float32
    assert np.array_equal(signal, before)
    gain = {Identity: 1, Halves: 0.5, Outputs: 0}[type(model)]  # never negative
    if np.sqrt(np.mean(before.astype(float) ** 2)) < 1e-7:
        gain = 0
    assert np.abs(cleaned - gain * before).max() <= 1e-4 * np.abs(before).max()


@pytest.mark.parametrize("name", NOT_ONE_SIGNAL)
def test_what_is_no_signal_is_not_cleaned(name):
    with pytest.raises(AudioError):
        audio.clean_signal(NOT_ONE_SIGNAL[name], Identity())


@pytest.mark.parametrize("seconds", [0, -8, np.nan, np.inf, None, "8", True])
def test_impossible_block_lengths_are_refused(tmp_path, seconds):
    sf.write(tmp_path / "in.wav", tone(), RATE)
    with pytest.raises(AudioError, match="block_seconds"):
        audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav", Identity(), seconds)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"width": 0},
        {"width": 8.0},
        {"width": True},
        {"dilations": (1, 0)},
        {"dilations": (1.5,)},
        {"dilations": ()},
        {"dilations": None},
    ],
)
def test_networks_that_cannot_be_built_are_refused(arguments):
    with pytest.raises(ModelError):
        audio.speech_cleaner(**arguments)


def test_the_network_outputs_gains_and_sees_as_far_as_its_floor_and_dilations():
    network = audio.speech_cleaner(width=8, dilations=(1, 2, 5))
    x = np.random.default_rng(0).uniform(0, 3, (2, 300, 129)).astype("float32")
    before = np.asarray(network(x))
    assert before.shape == x.shape
    assert ((before > 0) & (before < 1)).all()
    x[0, 150] = 0  # the new floor of everything around
    changed = np.abs(np.asarray(network(x)) - before).max(axis=2)
    reached = np.flatnonzero(changed[0])
    assert (reached[0], reached[-1]) == (150 - 8 - 66, 150 + 8 + 66)
    assert not changed[1].any()


def test_the_loss_is_the_error_in_decibels_where_nothing_is_quiet():
    """Of a gain of 1 the first term is minus the SNR; of no error it is the floor."""
    from aeutils.audio.networks import FLOOR, WEIGHT

    rng = np.random.default_rng(0)
    clean = 0.1 * rng.standard_normal(128 * 60)
    noisy = audio.add_noise_at(clean, rng.standard_normal(128 * 60), 6)
    spectra = [[audio.stft(x) for x in (noisy, clean)], [audio.stft(x) for x in (clean, clean)]]
    packed = np.array([[[z.real, z.imag] for z in pair] for pair in spectra], np.float32)
    gain = np.ones((2, 61, 129), np.float32)
    loss = np.asarray(audio.enhancement_loss(packed.transpose(0, 3, 4, 2, 1), gain))
    heard = [audio.compress(z) for z in spectra[0]]
    term = WEIGHT * np.mean((heard[0] - heard[1]) ** 2)
    assert loss[0] == pytest.approx(10 * np.log10(10**-0.6 + FLOOR) + term, abs=0.02)
    assert loss[1] == pytest.approx(10 * np.log10(FLOOR), abs=0.02)


def test_the_network_that_ships_cleans_a_voice_that_it_never_heard(tmp_path):
    network = audio.load_speech_cleaner()
    clean = load_speech()["test"][0].samples
    noisy = audio.add_noise_at(clean, audio.make_noise("white", len(clean), 0), 5)
    cleaned = audio.clean_signal(noisy)
    assert np.array_equal(cleaned, audio.clean_signal(noisy, network))
    assert audio.si_sdr(clean, cleaned) > audio.si_sdr(clean, noisy) + 3
    audio.save_audio(tmp_path / "in.wav", noisy)
    audio.denoise_audio(tmp_path / "in.wav", tmp_path / "out.wav")
    assert audio.si_sdr(clean, audio.load_audio(tmp_path / "out.wav")) > 8


def test_noise_of_a_resampled_recording_is_removed_too():
    """Such a recording ends below 4000 Hz, which looked to the network like no noise at all."""
    soxr = pytest.importorskip("soxr")
    for number, clean in enumerate(r.samples[: 4 * RATE] for r in load_speech()["selection"][:2]):
        noise = audio.make_noise("white", 48_000 * 4, number)
        noise = soxr.resample(noise, 48_000, RATE)[: len(clean)]
        noisy = audio.add_noise_at(clean[: len(noise)], noise, 5)
        clean = clean[: len(noise)]
        cleaned = audio.clean_signal(noisy, resampled=True)
        assert audio.si_sdr(clean, cleaned) - audio.si_sdr(clean, noisy) > 5


def test_the_command_cleans_speech(tmp_path, capsys):
    from aeutils.__main__ import main

    assert main(["denoise", str(spoken_wav()), str(tmp_path / "out.wav")]) == 0
    assert sf.info(tmp_path / "out.wav").frames == 68545
    assert main(["denoise", str(tmp_path / "none.wav"), str(tmp_path / "other.wav")]) == 1
    assert "none.wav" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("call.mp3", "clean.mp3", "give the output a name that ends in .wav"),
        ("call.wav", "clean.png", "give the output a name that ends in .wav"),
        ("page.png", "clean.wav", "give the output a name that ends in .png"),
        ("call.wav", "there.wav", "exists already and is not replaced"),
        ("call.wav", "call.wav", "is the input itself"),
    ],
)
def test_the_command_says_which_name_the_output_needs(source, target, words, tmp_path, capsys):
    from aeutils.__main__ import main

    for name in {source, "there.wav"}:
        (tmp_path / name).write_bytes(spoken_wav().read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(["denoise", str(tmp_path / source), str(tmp_path / target)]) == 1
    assert words in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
