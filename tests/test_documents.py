"""Pages: drawn, spoiled, cut in patches and tiles, read; and the texts that ship for them."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from aeutils import documents
from aeutils.core.errors import ImageError
from aeutils.data import load_prose, load_scanned_page
from aeutils.documents import drawing

RNG = np.random.default_rng(0)


def test_rendered_page_says_what_it_returns():
    page, shown = documents.render_page("one two three\nfour", shape=(200, 300), size=20)
    assert page.shape == (200, 300)
    assert page.dtype == np.float32
    assert page.min() == 0
    assert page.max() == 1
    assert shown == "one two three\nfour"
    # ink lies between the margins alone
    rows, columns = np.nonzero(page < 1)
    assert rows.min() >= 48
    assert columns.min() >= 46
    assert columns.max() < 300 - 48
    again, _ = documents.render_page("one two three\nfour", shape=(200, 300), size=20)
    assert np.array_equal(page, again)


def test_long_text_is_broken_and_cut_at_the_lower_edge():
    text = " ".join(["word"] * 400)
    page, shown = documents.render_page(text, shape=(300, 300), size=20)
    lines = shown.splitlines()
    assert len(lines) == (300 - 96) // 28
    assert len({len(line) for line in lines}) == 1
    assert page[-40:].min() == 1


@pytest.mark.parametrize("settings", [{"font": "Wingdings"}, {"size": 900}, {"margin": 400}])
def test_impossible_pages_are_refused(settings):
    with pytest.raises(ImageError):
        documents.render_page("text", **settings)


def test_every_font_of_the_book_is_there():
    for font in (*drawing.TRAINING_FONTS, "cmr10", "cmss10"):
        page, _ = documents.render_page("letters", shape=(100, 300), font=font, margin=20)
        assert page.min() == 0


def test_random_pages_repeat_and_differ():
    first = documents.random_page((200, 240), seed=1)
    assert first.shape == (200, 240)
    assert np.array_equal(first, documents.random_page((200, 240), seed=1))
    assert not np.array_equal(first, documents.random_page((200, 240), seed=2))
    assert 0.02 < np.mean([1 - documents.random_page(seed=s).mean() for s in range(10)]) < 0.3


@pytest.mark.parametrize("damage", [documents.uneven_light, documents.stains, documents.folds])
def test_damage_only_darkens(damage):
    strongest = 1.0
    for seed in range(20):
        factors = damage((120, 150), seed)
        assert factors.shape == (120, 150)
        assert factors.dtype == np.float32
        assert factors.min() > 0
        assert factors.max() <= 1 + 1e-6
        assert np.array_equal(factors, damage((120, 150), seed))
        strongest = min(strongest, factors.min())
    assert strongest < 0.8


def test_degraded_page_keeps_the_text_where_it_was():
    page, _ = documents.render_page(load_prose()[0])
    for seed in range(6):
        spoiled = documents.degrade_page(page, seed)
        assert spoiled.shape == page.shape
        assert spoiled.dtype == np.float32
        assert spoiled.min() >= 0
        assert spoiled.max() <= 1
        assert np.array_equal(spoiled, documents.degrade_page(page, seed))
        assert spoiled[page < 0.1].mean() < spoiled[page > 0.9].mean() - 0.05
    with pytest.raises(ImageError, match="height, width"):
        documents.degrade_page(np.zeros((2, 20, 20)))


def test_patches_are_pairs_of_ink():
    clean = RNG.random((3, 60, 70)).astype("float32")
    x, y = documents.random_patches(clean, clean, 8, 32, seed=0)
    assert x.shape == y.shape == (8, 32, 32, 1)
    assert np.array_equal(x, y)
    again, _ = documents.random_patches(clean, clean, 8, 32, seed=0)
    assert np.array_equal(x, again)
    paper, _ = documents.random_patches(np.ones((1, 40, 40)), np.ones((1, 40, 40)), 2, 32, seed=0)
    assert paper.max() == 0
    for wrong in (clean[:, :20], clean[0], clean[:0]):
        with pytest.raises(ImageError, match="patches"):
            documents.random_patches(wrong, wrong, 2, 32)


def box_sum(piece):
    """Sum over a neighbourhood of 16 pixels on each side; zeros lie beyond the edge."""
    padded = np.pad(piece, 16)
    return sum(
        padded[16 + dy : 16 + dy + piece.shape[0], 16 + dx : 16 + dx + piece.shape[1]]
        for dy in (-16, 0, 16)
        for dx in (-16, 0, 16)
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (64, 64), (100, 130), (129, 63)])
def test_tiles_leave_no_seams(shape):
    page = RNG.random(shape)
    padded = np.pad(page, [(0, -n % 16) for n in shape], mode="edge")
    expected = box_sum(padded)[: shape[0], : shape[1]]
    tiled = documents.apply_in_tiles(box_sum, page, tile=32, overlap=16, multiple=16)
    np.testing.assert_allclose(tiled, expected, atol=1e-12)


def test_too_small_an_overlap_would_show():
    page = RNG.random((64, 64))
    tiled = documents.apply_in_tiles(box_sum, page, tile=32, overlap=0, multiple=16)
    assert not np.allclose(tiled, box_sum(page))


def test_tiles_report_their_number():
    calls = []
    documents.apply_in_tiles(
        lambda piece: piece, np.zeros((100, 40)), 48, 16, on_tile=lambda *call: calls.append(call)
    )
    assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"page": np.zeros((2, 3, 4))}, "height, width"),
        ({"page": np.zeros((0, 4))}, "height, width"),
        ({"tile": 100}, "tile must be a multiple of 16"),
        ({"tile": 0}, "tile"),
        ({"tile": 64.0}, "tile"),
        ({"overlap": 8}, "overlap must be a multiple"),
        ({"overlap": -16}, "overlap"),
        ({"function": lambda piece: piece[:-1]}, "keep height and width"),
    ],
)
def test_bad_tiles_are_refused(arguments, words):
    with pytest.raises(ImageError, match=words):
        documents.apply_in_tiles(**{"function": np.array, "page": np.zeros((40, 40)), **arguments})


@pytest.mark.parametrize(
    ("truth", "read", "rate"),
    [
        ("kitten", "sitting", 3 / 6),
        ("same text", "same text", 0),
        ("two  spaces\nand a break", "two spaces and\na break", 0),
        ("abc", "", 1),
        ("a", "abcd", 3),
        ("abcdef", "bcdef", 1 / 6),
        ("flaw", "lawn", 2 / 4),
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


def test_character_error_rate_against_a_plain_loop():
    for _ in range(200):
        a, b = ("".join(RNG.choice(list("abc"), n)) for n in RNG.integers(1, 12, 2))
        assert documents.character_error_rate(a, b) == pytest.approx(plain_distance(a, b) / len(a))


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="needs Tesseract")
def test_tesseract_reads_a_clean_page():
    page, shown = documents.render_page(load_prose()[1], shape=(260, 800))
    assert documents.character_error_rate(shown, documents.read_page(page)) < 0.05


def test_without_tesseract_nothing_is_read(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert documents.read_page(np.ones((40, 40))) is None


def test_a_failing_tesseract_is_told(monkeypatch, tmp_path):
    fake = tmp_path / "tesseract"
    fake.write_text("#!/bin/sh\necho no language data >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(ImageError, match="no language data"):
        documents.read_page(np.ones((40, 40)))


def test_no_truth_is_refused():
    with pytest.raises(ImageError, match="empty"):
        documents.character_error_rate(" \n", "text")


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
