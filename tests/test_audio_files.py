"""Sound files of every kind, whole and broken, in and out; players in the page."""

import base64
import math
import os
import re
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
from hypothesis import given
from hypothesis import strategies as st
from sounds import NO_SIGNALS, NOT_ONE_SIGNAL, RATE, Halves, signals, tone

from aeutils import audio
from aeutils.audio.signals import resampled_blocks
from aeutils.core.errors import AeutilsError, AudioError, DataFileError


@pytest.fixture
def wav(tmp_path):
    """Write a sound file and return its path."""

    def write(samples, rate=RATE, subtype="PCM_16", name="in.wav"):
        path = tmp_path / name
        sf.write(path, samples, rate, subtype=subtype)
        return path

    return write


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
    (not_a_number, AudioError, r"NaN or infinite .*0\.100 s \(sample 800\)"),
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
    for path in (5, None, b"in\0.wav", "in\0.wav"):
        with pytest.raises(AeutilsError, match="path"):
            audio.load_audio(path)
        with pytest.raises(AeutilsError, match="path"):
            audio.save_audio(path, tone())


def test_very_long_files_are_refused_before_they_are_decoded(wav):
    path = wav(np.zeros(RATE * 20))
    with pytest.raises(DataFileError, match="lasts 20 s, more than the 10 s allowed"):
        audio.load_audio(path, max_seconds=10)


@pytest.mark.parametrize("seconds", [None, 0, -1, math.nan, "60", True, [5]])
def test_limits_of_length_that_are_none_are_refused(wav, seconds):
    with pytest.raises(AudioError, match="max_seconds"):
        audio.load_audio(wav(tone()), max_seconds=seconds)


def test_infinity_is_no_limit_of_length(wav):
    assert len(audio.load_audio(wav(np.zeros(RATE * 2)), max_seconds=math.inf)) == 2 * RATE


@pytest.mark.parametrize("rate", [1000, 7999, 11025, 22050, 44100, 48000, 192000, 400000])
def test_another_rate_keeps_frequency_phase_and_level(wav, rate):
    hertz = 0.4 * min(rate, RATE) - 7.3  # no whole number of periods
    samples = tone(rate, 2.0371, hertz)
    signal = audio.load_audio(wav(samples, rate, "FLOAT"))
    assert len(signal) == math.ceil(len(samples) * RATE / rate)
    expected = tone(RATE, 3, hertz)[: len(signal)]
    # soxr's ripple so near to the end of the band is 0.003 dB
    assert np.abs(signal - expected)[1600:-1600].max() < 2e-4


@given(st.integers(1000, 400000), st.integers(1000, 400000), st.integers(1, 500), st.integers(0, 9))
def test_blocks_at_another_rate_are_one_signal_of_exact_length(rate, new_rate, n, seed):
    rng = np.random.default_rng(seed)
    samples = rng.uniform(-1, 1, (n, 2)).astype(np.float32)
    parts = np.split(samples, sorted(rng.integers(0, n + 1, 3)))
    whole = np.concatenate(list(resampled_blocks([samples], rate, new_rate)))
    assert len(whole) == math.ceil(n * new_rate / rate)
    assert np.array_equal(np.concatenate(list(resampled_blocks(parts, rate, new_rate))), whole)


@pytest.mark.parametrize("rate", [11025, 16000, 44100, 48000])
def test_what_another_rate_cannot_hold_is_gone_and_not_mirrored(wav, rate):
    signal = audio.load_audio(wav(tone(rate, 2, 4400, peak=1), rate, "FLOAT"))
    assert np.abs(signal[400:-400]).max() < 1e-4


def test_long_files_are_read_in_blocks_without_a_trace(wav, monkeypatch):
    rng = np.random.default_rng(0)
    samples = 0.2 * rng.standard_normal((44100 * 3 + 17, 2))
    path = wav(samples, 44100, "FLOAT")
    whole = audio.load_audio(path)
    monkeypatch.setattr("aeutils.audio.files.BLOCK_VALUES", 5000)
    assert np.array_equal(audio.load_audio(path), whole)


def test_decoding_needs_little_more_memory_than_the_result(tmp_path):
    # a minute in eight channels at 96 kHz: 184 MB when decoded, 2 MB as one channel at 8 kHz
    path = tmp_path / "zeros.flac"
    with sf.SoundFile(path, "w", 96000, 8, "PCM_16") as file:
        for _ in range(6):
            file.write(np.zeros((96000 * 10, 8), dtype="int16"))
    assert path.stat().st_size < 10**6
    tracemalloc.start()
    signal = audio.load_audio(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(signal) == 60 * RATE
    assert peak < 20e6


def fuzzed(content, rng):
    """Return bytes with a few of them changed, cut off, repeated or put in."""
    content = bytearray(content)
    # mostly in the header, where most goes wrong
    end = len(content) if rng.random() < 0.3 else min(120, len(content))
    for _ in range(rng.integers(1, 5)):
        place = int(rng.integers(end))
        kind = rng.integers(4)
        if kind == 0:
            content[place % len(content)] = int(rng.integers(256))
        elif kind == 1:
            content[place : place + 4] = struct.pack(
                "<I", int(rng.choice([0, 1, 2**31, 2**32 - 1]))
            )
        elif kind == 2:
            del content[place : place + int(rng.integers(1, 40))]
        else:
            content[place:place] = rng.bytes(int(rng.integers(1, 20)))
    return bytes(content)


@pytest.mark.parametrize("name", ["in.wav", "float.wav", "in.flac", "in.aiff"])
def test_fuzzed_files_are_signals_or_refused_in_bounded_memory(tmp_path, name):
    path, out = tmp_path / name, tmp_path / "out.wav"
    rng = np.random.default_rng(0)
    samples = 0.3 * rng.standard_normal((3000, 2))
    sf.write(path, samples, 11025, subtype="FLOAT" if name == "float.wav" else None)
    whole = path.read_bytes()
    refused = []
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of samples beyond 1
        for _ in range(120):
            path.write_bytes(fuzzed(whole, rng))
            try:
                signal = audio.load_audio(path, max_seconds=60)
            except (DataFileError, AudioError) as error:
                refused.append(str(error))
                if "max_seconds" not in refused[-1]:
                    with pytest.raises((DataFileError, AudioError)):
                        audio.denoise_audio(path, out, Halves())
                continue
            assert signal.dtype == np.float32
            assert signal.ndim == 1
            assert len(signal) > 0
            assert np.abs(signal).max() <= 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 10 < len(refused) < 120
    assert all(str(path) in text for text in refused)
    assert peak < 60e6
    assert list(tmp_path.iterdir()) == [path]


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


@given(signals(), st.integers(1, 16), st.sampled_from([1000, 8000, 44100, 400000]))
def test_every_signal_is_written_as_its_nearest_16_bits(tmp_path_factory, signal, channels, rate):
    path = tmp_path_factory.getbasetemp() / "any.wav"
    several = np.stack([signal * (-1) ** i for i in range(channels)], axis=1)
    before = several.copy()
    audio.save_audio(path, several, rate)
    found, own_rate = sf.read(path, dtype="int16", always_2d=True)
    assert own_rate == rate
    assert np.array_equal(found, np.clip(np.round(32768 * several), -32768, 32767))
    assert np.array_equal(several, before)
    audio.save_audio(path, signal, rate)
    assert np.array_equal(sf.read(path, dtype="int16")[0], found[:, 0])


@pytest.mark.parametrize("name", NO_SIGNALS)
def test_what_is_no_signal_is_not_written(tmp_path, name):
    path = tmp_path / "out.wav"
    path.write_bytes(b"what was there")
    with pytest.raises(AudioError):
        audio.save_audio(path, NO_SIGNALS[name])
    assert path.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("shape", "words"),
    [((0, 2), "sample"), ((2, 0), "sample"), ((2, 4000), "Transpose"), ((), "shape")],
)
def test_arrays_of_other_shapes_are_not_written(tmp_path, shape, words):
    with pytest.raises(AudioError, match=words):
        audio.save_audio(tmp_path / "out.wav", np.zeros(shape))
    assert not list(tmp_path.iterdir())


def test_a_link_is_replaced_and_what_it_points_to_is_not(tmp_path):
    other, link = tmp_path / "other.wav", tmp_path / "link.wav"
    audio.save_audio(other, tone())
    before = other.read_bytes()
    link.symlink_to(other)
    audio.save_audio(link, tone(hertz=300))
    assert not link.is_symlink()
    assert other.read_bytes() == before


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


# in the page, and around


def test_players_are_part_of_the_page():
    page = audio.players({"a <b>": tone(), "half": tone() / 2}).data
    assert page.count("<audio controls") == 2
    assert page.count('src="data:audio/wav;base64,') == 2
    assert "a &lt;b&gt;" in page
    assert "http" not in page


@pytest.mark.parametrize("signals", [{}, [tone()], tone(), None, "abc"])
def test_what_holds_no_signals_by_name_is_not_played(signals):
    with pytest.raises(AudioError, match="signals must be a dict"):
        audio.players(signals)


@pytest.mark.parametrize("name", NOT_ONE_SIGNAL)
def test_what_is_no_signal_is_not_played(name):
    with pytest.raises(AudioError, match="second"):
        audio.players({"first": tone(), "second": NOT_ONE_SIGNAL[name]})


def test_players_keep_the_difference_in_loudness(tmp_path):
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


@pytest.mark.parametrize("package", ["soundfile", "pystoi", "soxr", "IPython"])
def test_a_missing_package_is_named(wav, monkeypatch, package):
    path = wav(tone())
    for name in (package, f"{package}.display"):
        monkeypatch.setitem(sys.modules, name, None)
    use = {
        "soundfile": lambda: audio.load_audio(path),
        "pystoi": lambda: audio.stoi(tone(), tone()),
        "soxr": lambda: audio.load_audio(path, rate=11025),
        "IPython": lambda: audio.players({"tone": tone()}),
    }
    extra = "" if package == "IPython" else '.*its extra "audio"'
    with pytest.raises(AudioError, match=rf"pip install {package.lower()}\b{extra}"):
        use[package]()
