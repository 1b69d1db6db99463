"""Sound: files of every kind in and out, noise, spectra, filters, measures, blocks."""

import os
import stat
import struct
import subprocess
import sys
import tracemalloc
import warnings
import wave

import numpy as np
import pytest
import soundfile as sf

from aeutils import audio
from aeutils.core.errors import AeutilsError, AudioError, DataFileError
from aeutils.data import load_speech, spoken_wav

RATE = audio.RATE


def tone(rate=RATE, seconds=0.5, hertz=440, peak=0.5):
    return peak * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


@pytest.fixture
def wav(tmp_path):
    """Write a sound file and return its path."""

    def write(samples, rate=RATE, subtype="PCM_16", name="in.wav"):
        path = tmp_path / name
        sf.write(path, samples, rate, subtype=subtype)
        return path

    return write


@pytest.fixture(scope="module")
def speech():
    return [recording.samples for recording in load_speech()["test"]]


class Halves:
    """A stand-in for a network, known exactly: halves every compressed magnitude."""

    def __call__(self, x, training=False):
        return np.asarray(x) / 2


@pytest.fixture(scope="module")
def network():
    import keras

    from aeutils.audio import spectrogram_denoiser

    keras.utils.set_random_seed(0)
    return spectrogram_denoiser(filters=(4, 8, 8))


# reading


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [
        ("PCM_U8", 1 / 100),
        ("PCM_16", 1 / 30000),
        ("PCM_24", 1e-6),
        ("PCM_32", 1e-6),
        ("FLOAT", 1e-6),
        ("DOUBLE", 1e-6),
        ("ULAW", 0.02),
        ("ALAW", 0.02),
    ],
)
def test_every_sample_format_is_read(wav, subtype, tolerance):
    samples = tone()
    signal = audio.load_audio(wav(samples, subtype=subtype))
    assert signal.dtype == np.float32
    assert signal.shape == samples.shape
    assert np.abs(signal - samples).max() < tolerance


@pytest.mark.parametrize("name", ["in.flac", "in.ogg", "in.aiff", "in.au", "in.mp3"])
def test_other_containers_are_read(tmp_path, name):
    sf.write(tmp_path / name, tone(), RATE)
    signal = audio.load_audio(tmp_path / name)
    middle = slice(1000, 3000)
    assert np.abs(signal[middle]).max() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 16000, 22050, 44100, 47999, 48000, 96000])
def test_any_rate_becomes_the_wanted_one(wav, rate):
    signal = audio.load_audio(wav(tone(rate, seconds=1), rate))
    assert len(signal) == RATE
    middle = slice(500, 7500)
    assert np.abs(signal - tone(seconds=1))[middle].max() < 0.01


def test_own_rate_is_kept_when_asked(wav):
    assert len(audio.load_audio(wav(tone(44100), 44100), rate=None)) == 22050


def test_channels_are_averaged(wav):
    left, right = tone(hertz=300), tone(hertz=500)
    signal = audio.load_audio(wav(np.stack([left, right], axis=1)))
    assert np.abs(signal - (left + right) / 2).max() < 1e-4


def test_silence_and_single_samples_are_sound(wav):
    assert not audio.load_audio(wav(np.zeros(1000))).any()
    assert audio.load_audio(wav(np.array([0.25]))).tolist() == [0.25]


def test_samples_beyond_full_scale_are_scaled_with_a_warning(wav):
    path = wav(4 * tone(), subtype="FLOAT")
    with pytest.warns(UserWarning, match="samples reach 2, beyond 1"):
        signal = audio.load_audio(path)
    assert np.abs(signal).max() == pytest.approx(1)


def test_full_scale_stays_within_limits_at_another_rate(wav):
    square = np.sign(tone(44100, hertz=1000))
    signal = audio.load_audio(wav(square, 44100, "FLOAT"))
    assert np.abs(signal).max() <= 1


def test_the_size_that_a_recording_program_leaves_behind_is_no_error(wav):
    path = wav(tone())
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert len(audio.load_audio(path)) == 4000


def cut(path):
    path.write_bytes(path.read_bytes()[:3000])


def cut_in_header(path):
    path.write_bytes(path.read_bytes()[:30])


def header_alone(path):
    path.write_bytes(path.read_bytes()[:44])


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("not a sound\n" * 100)


def picture(path):
    from PIL import Image

    Image.new("L", (20, 20)).save(path, format="PNG")


def rate_zero(path):
    patched(path, 24, struct.pack("<I", 0))


def rate_absurd(path):
    patched(path, 24, struct.pack("<I", 4_000_000_000))


def rate_tiny(path):
    patched(path, 24, struct.pack("<I", 7))


def odd_bits(path):
    patched(path, 34, struct.pack("<H", 17))


def more_channels_than_bytes(path):
    patched(path, 22, struct.pack("<H", 3))


def no_channels(path):
    patched(path, 22, struct.pack("<H", 0))


def patched(path, place, content):
    whole = bytearray(path.read_bytes())
    whole[place : place + len(content)] = content
    path.write_bytes(whole)


def no_samples(path):
    sf.write(path, np.zeros(0), RATE)


def folder(path):
    path.unlink()
    path.mkdir()


def missing(path):
    path.unlink()


def many_channels(path):
    sf.write(path, np.zeros((10, 20)), RATE)


def not_a_number(path):
    samples = tone()
    samples[800] = np.nan
    sf.write(path, samples, RATE, subtype="FLOAT")


def infinite(path):
    samples = tone()
    samples[800] = np.inf
    sf.write(path, samples, RATE, subtype="FLOAT")


REFUSED = [
    (missing, DataFileError, "does not exist"),
    (folder, DataFileError, "folder or device"),
    (empty, DataFileError, r"is empty \(0 bytes\)"),
    (text, DataFileError, "not a sound file"),
    (picture, DataFileError, "not a sound file"),
    (cut_in_header, DataFileError, "header is broken"),
    (header_alone, DataFileError, "cut short|no samples"),
    (cut, DataFileError, "promises 8,000 bytes of sound, and 2,956 are there"),
    (rate_zero, DataFileError, "header is broken"),
    (rate_absurd, DataFileError, "samples a second|header is broken"),
    (rate_tiny, DataFileError, "7 samples a second, outside 1,000"),
    (no_channels, DataFileError, "header is broken"),
    (odd_bits, DataFileError, "1 channels of 17 bits do not make 2 bytes"),
    (more_channels_than_bytes, DataFileError, "broken header|header is broken"),
    (no_samples, DataFileError, "no samples"),
    (many_channels, DataFileError, "20 channels"),
    (not_a_number, AudioError, r"NaN or infinite samples, the first at 0\.100 s \(sample 800\)"),
    (infinite, AudioError, "NaN or infinite"),
]
refused = pytest.mark.parametrize(
    ("damage", "error", "words"), REFUSED, ids=[damage.__name__ for damage, *_ in REFUSED]
)


@refused
def test_bad_files_are_refused_in_one_sentence(wav, damage, error, words):
    path = wav(tone())
    damage(path)
    with pytest.raises(error, match=words) as caught:
        audio.load_audio(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert message.endswith(".")
    assert isinstance(caught.value, AeutilsError)


@refused
def test_denoising_refuses_the_same_and_writes_nothing(wav, tmp_path, damage, error, words):
    path = wav(tone())
    damage(path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=words):
        audio.denoise_audio(path, tmp_path / "out.wav", Halves())
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["broken.flac", "cut.flac"])
def test_broken_streams_are_refused(tmp_path, name):
    path = tmp_path / name
    sf.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 40000), RATE)
    content = bytearray(path.read_bytes())
    if name == "cut.flac":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2 : len(content) // 2 + 400] = bytes(400)
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"broken or cut short|cut short"):
        audio.load_audio(path)
    with pytest.raises(DataFileError, match=r"broken or cut short|cut short"):
        audio.denoise_audio(path, tmp_path / "out.wav", Halves())
    assert list(tmp_path.iterdir()) == [path]


def test_headerless_and_unreadable_files_are_refused(tmp_path):
    raw = tmp_path / "in.raw"
    raw.write_bytes(bytes(1000))
    with pytest.raises(DataFileError, match="no header"):
        audio.load_audio(raw)
    with pytest.raises(DataFileError, match="folder or device"):
        audio.load_audio("/dev/null")
    with pytest.raises(AudioError, match="a path is a text"):
        audio.load_audio(5)


def test_very_long_files_are_refused_before_they_are_decoded(wav):
    path = wav(np.zeros(RATE * 20))
    with pytest.raises(DataFileError, match="lasts 20 s, more than the 10 s allowed"):
        audio.load_audio(path, max_seconds=10)


@pytest.mark.parametrize("rate", [0, -1, 8000.5, True, "8000", 10**9])
def test_odd_wishes_for_a_rate_are_refused(wav, tmp_path, rate):
    with pytest.raises(AudioError, match="rate must be an integer"):
        audio.load_audio(wav(tone()), rate=rate)
    with pytest.raises(AudioError, match="rate must be an integer"):
        audio.save_audio(tmp_path / "out.wav", tone(), rate)


# writing


def test_what_is_saved_is_what_is_loaded(tmp_path):
    path = tmp_path / "out.wav"
    audio.save_audio(path, tone())
    assert np.abs(audio.load_audio(path) - tone()).max() <= 0.5 / 32768 + 1e-7
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (1, 2, RATE, 4000)
    if os.name == "posix":
        umask = os.umask(0)
        os.umask(umask)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_saving_keeps_sixteen_bits_exactly(tmp_path):
    every = np.arange(-32768, 32768) / 32768
    audio.save_audio(tmp_path / "out.wav", every)
    assert np.array_equal(audio.load_audio(tmp_path / "out.wav"), every.astype(np.float32))


def test_loud_signals_are_scaled_not_cut(tmp_path):
    with pytest.warns(UserWarning, match="beyond 1"):
        audio.save_audio(tmp_path / "out.wav", 4 * tone())
    assert np.abs(audio.load_audio(tmp_path / "out.wav") - 2 * tone()).max() < 1e-4


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        (np.zeros(0), "at least one sample"),
        (np.zeros((2, 2, 2)), "shape"),
        (np.zeros((2, 4000)), "transpose"),
        (np.zeros(10, dtype="int16"), "divide 16-bit integers by 32768"),
        (np.array([0.0, np.nan]), r"1 NaN or infinite samples, the first at index \(1,\)"),
        (np.array([0.0, np.inf]), "NaN or infinite"),
    ],
)
def test_what_is_no_signal_is_not_written(tmp_path, signal, words):
    with pytest.raises(AudioError, match=words):
        audio.save_audio(tmp_path / "out.wav", signal)
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    for path, words in {
        tmp_path / "out.mp3": "does not end in .wav",
        tmp_path / "folder.wav": "is a folder",
        tmp_path / "nowhere" / "out.wav": "does not exist",
    }.items():
        with pytest.raises(DataFileError, match=words):
            audio.save_audio(path, tone())


def test_a_failing_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "out.wav"
    audio.save_audio(path, tone())
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DataFileError, match="No space left"):
        audio.save_audio(path, tone(hertz=300))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# noise


@pytest.mark.parametrize("kind", audio.NOISES)
def test_noise_is_repeatable_and_of_one_loudness(kind, speech):
    noise = audio.make_noise(kind, 20000, seed=1, recordings=speech)
    assert noise.shape == (20000,)
    assert noise.dtype == np.float32
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1, abs=1e-3)
    assert np.array_equal(noise, audio.make_noise(kind, 20000, seed=1, recordings=speech))
    assert not np.array_equal(noise, audio.make_noise(kind, 20000, seed=2, recordings=speech))
    assert audio.make_noise(kind, 1, seed=0, recordings=speech).shape == (1,)


def test_noises_have_the_spectra_that_their_names_promise():
    white = audio.mean_power(audio.make_noise("white", 80000, 0))[4:120]
    pink = audio.mean_power(audio.make_noise("pink", 80000, 0))
    hum = audio.mean_power(audio.make_noise("hum", 80000, 0))
    assert white.max() / white.min() < 1.5
    # 3 dB an octave: half the power at twice the frequency
    assert pink[20] / pink[40] == pytest.approx(2, rel=0.25)
    assert hum[:45].sum() / hum.sum() > 0.9


def test_clicks_are_rare_and_strong():
    clicks = np.abs(audio.make_noise("clicks", 80000, 0))
    assert clicks.max() > 5
    assert np.median(clicks) < 0.1


@pytest.mark.parametrize("snr_db", [-5, 0, 10, 20.5])
def test_noise_is_added_at_the_stated_ratio(speech, snr_db):
    noisy = audio.add_noise_at(speech[0], audio.make_noise("pink", 80000, 0), snr_db)
    added = noisy - speech[0]
    measured = 10 * np.log10(np.mean(speech[0] ** 2) / np.mean(added**2))
    assert measured == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((tone(), tone()[:10], 0), "the noise has 10 samples"),
        ((tone(), np.zeros(4000), 0), "the noise is silent"),
        ((np.zeros(4000), tone(), 0), "the signal is silent"),
        ((tone(), tone(), None), "snr_db"),
        ((tone(), tone(), float("nan")), "snr_db"),
        ((np.zeros((10, 2)), tone(), 0), "shape"),
        ((tone() * np.nan, tone(), 0), "NaN"),
    ],
)
def test_ratios_that_do_not_exist_are_refused(arguments, words):
    with pytest.raises(AudioError, match=words):
        audio.add_noise_at(*arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("purple", 10), "not known; use white"),
        (("white", 0), "n_samples"),
        (("white", 2.5), "n_samples"),
        (("babble", 10), "recordings"),
        (("babble", 10, 0, [np.zeros(100)]), "not silent"),
    ],
)
def test_unknown_noise_is_refused(arguments, words):
    with pytest.raises(AudioError, match=words):
        audio.make_noise(*arguments)


# spectra and filters


@pytest.mark.parametrize("n", [1, 127, 128, 129, 1000, 8000, 12345])
def test_spectrum_and_back_is_the_signal(n):
    signal = np.random.default_rng(n).uniform(-1, 1, n)
    spectrum = audio.stft(signal)
    assert spectrum.shape == (-(-n // 128) + 1, 129)
    assert np.abs(audio.istft(spectrum, n) - signal).max() < 1e-5
    with pytest.raises(AudioError, match="has shape"):
        audio.istft(spectrum, n + 128)


def test_spectrum_agrees_with_scipy():
    from scipy.signal import ShortTimeFFT

    signal = np.random.default_rng(0).uniform(-1, 1, 4096)
    other = ShortTimeFFT(audio.spectra._window().astype(float), 128, RATE, fft_mode="onesided")
    expected = other.stft(signal, p0=0, p1=33).T
    # SciPy counts the phase from the middle of the window
    assert np.abs(np.abs(audio.stft(signal)) - np.abs(expected)).max() < 1e-3


def test_a_tone_is_where_it_belongs():
    power = audio.mean_power(tone(hertz=1000))
    assert power.argmax() * 31.25 == 1000


def test_the_guess_of_the_noise_is_near_the_truth():
    noise = 0.1 * audio.make_noise("white", 80000, 0)
    ratio = audio.estimate_noise_power(noise) / audio.mean_power(noise)
    assert np.abs(10 * np.log10(ratio[2:-2])).mean() < 1
    with pytest.raises(AudioError, match="share"):
        audio.estimate_noise_power(noise, share=0)


@pytest.mark.parametrize("filter_", [audio.spectral_subtraction, audio.wiener])
def test_classical_filters_help_and_do_not_harm(speech, filter_):
    clean = speech[0]
    noise = audio.make_noise("white", len(clean), 0)
    noisy = audio.add_noise_at(clean, noise, 5)
    power = audio.mean_power(noisy - clean)
    told = filter_(noisy, power)
    assert audio.si_sdr(clean, told) > audio.si_sdr(clean, noisy) + 4
    assert audio.si_sdr(clean, filter_(noisy)) > audio.si_sdr(clean, noisy) + 2
    assert audio.si_sdr(clean, filter_(clean, np.zeros(129))) > 60
    assert not filter_(np.zeros(1000)).any()
    with pytest.raises(AudioError, match="noise_power"):
        filter_(noisy, power[:5])


def test_wiener_turns_every_frequency_down_to_the_floor_where_there_is_noise_alone():
    noise = audio.make_noise("white", 20000, 0)
    left = audio.wiener(noise, audio.mean_power(noise), floor=0.05)
    assert 0.04 < np.sqrt(np.mean(left**2)) < 0.15


# measures


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


@pytest.mark.parametrize("measure", [audio.si_sdr, audio.stoi])
@pytest.mark.parametrize(
    ("clean", "estimate", "words"),
    [
        (tone(), tone()[:-1], "cut both"),
        (np.zeros(4000), tone(), "silent"),
        (tone(), tone() * np.nan, "NaN"),
        (tone(), np.zeros(4000, dtype=int), "type int"),
    ],
)
def test_measures_refuse_what_cannot_be_compared(measure, clean, estimate, words):
    with pytest.raises(AudioError, match=words):
        measure(clean, estimate)


def test_stoi_refuses_what_is_too_short():
    with pytest.raises(AudioError, match=r"0\.4 s"):
        audio.stoi(tone(seconds=0.1), tone(seconds=0.1))


# the network


def test_cleaning_with_a_known_answer(speech):
    """Half of the compressed magnitude is 2 ** (-1 / 0.5) of the magnitude."""
    clean = speech[0]
    cleaned = audio.clean_signal(clean, Halves())
    assert cleaned.shape == clean.shape
    assert np.abs(cleaned - clean * 2 ** (-1 / 0.5)).max() < 2e-3
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
    with pytest.raises(AudioError, match="not NoneType"):
        audio.clean_signal(speech[0], None)
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
    assert np.abs(found - 2 * tone() * 2 ** (-1 / 0.5))[500:-500].max() < 0.01


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
        return x

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


# in the page, and around


def test_players_are_part_of_the_page():
    page = audio.players({"a <b>": tone(), "half": tone() / 2}).data
    assert page.count("<audio controls") == 2
    assert page.count('src="data:audio/wav;base64,') == 2
    assert "a &lt;b&gt;" in page
    assert "http" not in page
    with pytest.raises(AudioError, match="no signal"):
        audio.players({})


def test_players_keep_the_difference_in_loudness(tmp_path):
    import base64
    import re

    page = audio.players({"loud": tone(), "soft": tone() / 2}).data
    peaks = []
    for i, content in enumerate(re.findall(r"base64,([^\"]+)", page)):
        path = tmp_path / f"{i}.wav"
        path.write_bytes(base64.b64decode(content))
        peaks.append(np.abs(audio.load_audio(path)).max())
    assert peaks == pytest.approx([0.9, 0.45], abs=1e-3)


def test_sound_needs_no_tensorflow():
    script = (
        "import sys\n"
        "from aeutils import audio\n"
        "from aeutils.data import load_speech, spoken_wav\n"
        "signal = audio.load_audio(spoken_wav())\n"
        "audio.wiener(signal), audio.stoi(signal, signal), load_speech()\n"
        "assert not {'tensorflow', 'keras', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("package", ["soundfile", "pystoi"])
def test_a_missing_package_is_named(wav, monkeypatch, package):
    path = wav(tone())
    monkeypatch.setitem(sys.modules, package, None)
    use = {
        "soundfile": lambda: audio.load_audio(path),
        "pystoi": lambda: audio.stoi(tone(), tone()),
    }
    with pytest.raises(AudioError, match=f"pip install {package}"):
        use[package]()


def test_good_input_gives_no_warning(wav, tmp_path, network):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        audio.denoise_audio(wav(tone(44100), 44100), tmp_path / "out.wav", network)
