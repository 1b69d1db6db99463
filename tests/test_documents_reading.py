"""Reading pages, counting what was misread, and the texts that ship for both."""

import os
import shutil
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aeutils import documents
from aeutils.core.errors import ImageError
from aeutils.data import load_prose, load_scanned_page
from aeutils.documents import reading


@pytest.mark.parametrize(
    ("truth", "read", "rate"),
    [
        ("kitten", "sitting", 3 / 6),
        ("same text", "same text", 0),
        ("two  spaces\nand a break", "two spaces and\na break", 0),
        (" at the ends ", "at the ends\n\f", 0),
        ("abc", "", 1),
        ("a", "abcd", 3),
        ("abcdef", "bcdef", 1 / 6),
        ("flaw", "lawn", 2 / 4),
        ("ab", "ba", 2 / 2),
        ("é", "e\u0301", 2 / 1),
        ("a\0b", "a b", 1 / 3),
        ("\ud800", "😀", 1),
    ],
)
def test_character_error_rate(truth, read, rate):
    assert documents.character_error_rate(truth, read) == pytest.approx(rate)


def plain_distance(a, b):
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (letter != other))
    return row[-1]


# few letters, so that many agree; combining accents, wide characters, breaks, zero, surrogates
texts = st.text(st.sampled_from("aab \n\t\u2028\u00a0e\u0301é漢😀\0\ud800"), max_size=25)


@given(truth=texts, read=texts)
def test_character_error_rate_against_a_plain_loop(truth, read):
    words = " ".join(truth.split())
    if not words:
        with pytest.raises(ImageError, match="empty"):
            documents.character_error_rate(truth, read)
        return
    rate = documents.character_error_rate(truth, read)
    assert type(rate) is float
    assert rate == plain_distance(words, " ".join(read.split())) / len(words)


@pytest.mark.parametrize("wrong", [None, b"text", ["text"], 3])
def test_what_is_no_text_is_refused(wrong):
    with pytest.raises(ImageError, match="truth must be a string"):
        documents.character_error_rate(wrong, "text")
    with pytest.raises(ImageError, match="read must be a string"):
        documents.character_error_rate("text", wrong)


def test_without_rapidfuzz_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    with pytest.raises(ImageError, match="extra `documents`"):
        documents.character_error_rate("a", "b")


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="needs Tesseract")
def test_tesseract_reads_a_clean_page():
    page, shown = documents.render_page(load_prose()[1], shape=(260, 800))
    assert documents.character_error_rate(shown, documents.read_page(page)) < 0.05


def test_without_tesseract_nothing_is_read(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert documents.read_page(np.ones((40, 40))) is None


@pytest.fixture
def engine(monkeypatch, tmp_path):
    """Put a script in the place of Tesseract."""

    def write(script):
        fake = tmp_path / "tesseract"
        fake.write_text(script)
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return write


def test_the_engine_gets_the_page_and_its_text_is_returned(engine, tmp_path):
    engine(f"#!/bin/sh\ncat > {tmp_path}/page.png\nprintf 'read \\303\\244 \\377'\n")
    page = np.random.default_rng(0).integers(0, 256, (30, 50), dtype=np.uint8)
    assert documents.read_page(page) == "read ä �"
    assert np.array_equal(np.asarray(Image.open(tmp_path / "page.png")), page)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\necho no language data >&2\nexit 1\n", "exit status 1.*no language data"),
        ("#!/bin/sh\nkill -9 $$\n", "exit status -9"),
        ("#!/no/such/shell\n", "could not be started"),
        ("\0", "could not be started"),
    ],
)
def test_a_failing_engine_is_an_error(engine, script, message):
    engine(script)
    with pytest.raises(ImageError, match=message):
        documents.read_page(np.ones((40, 40)))


def test_an_engine_that_hangs_is_ended(engine, monkeypatch):
    monkeypatch.setattr(reading, "TIMEOUT", 0.3)
    engine("#!/bin/sh\nexec sleep 60\n")
    began = time.perf_counter()
    with pytest.raises(ImageError, match=r"did not finish within 0\.3 seconds"):
        documents.read_page(np.ones((40, 40)))
    assert time.perf_counter() - began < 20


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (np.ones((2, 40_000), np.uint8), "32,767"),
        (np.ones((2, 3, 4)), "height, width"),
        (np.full((4, 4), np.nan), "NaN"),
        (np.ma.masked_equal(np.ones((4, 4)), 1), "masked"),
        (np.zeros((0, 4)), "shape"),
        ("page.png", "page"),
    ],
)
def test_what_is_no_page_is_refused_whether_there_is_an_engine_or_not(monkeypatch, page, message):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ImageError, match=message):
        documents.read_page(page)


def test_texts_that_ship():
    prose = load_prose()
    assert len(prose) == 6
    assert all(400 < len(paragraph) < 700 for paragraph in prose)
    # Computer Modern, the font for testing, lacks many signs
    assert all(set(p) <= set("".join(map(chr, range(32, 127)))) for p in prose)
    page, text = load_scanned_page()
    assert page.shape == (191, 384)
    assert text.startswith("Region-based segmentation\nLet us first")
    assert Image.fromarray(page).mode == "F"
