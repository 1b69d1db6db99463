"""Clean pages: text is where it should be, and pages to train on are of many kinds."""

import statistics
import sys

import numpy as np
import pytest
from chances import assert_share, assert_uniform
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from aeutils import documents
from aeutils.core.errors import ImageError
from aeutils.documents import drawing


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


def test_lines_are_one_and_two_fifths_of_the_type_apart():
    page, _ = documents.render_page("H\nH\nH", shape=(300, 100), size=40, margin=10)
    ink = (page < 0.5).any(axis=1)
    tops = np.flatnonzero(np.diff(ink.astype(int)) == 1)
    assert np.diff(tops).tolist() == [56, 56]


def test_pages_have_the_documented_defaults():
    page, shown = documents.render_page("text " * 400)
    same, _ = documents.render_page("text " * 400, (640, 800), "DejaVuSans", 28, 48)
    assert np.array_equal(page, same)
    assert shown.startswith("text text")
    assert documents.random_page(seed=0).shape == (640, 640)


def test_long_text_is_broken_and_cut_at_the_lower_edge():
    text = " ".join(["word"] * 400)
    page, shown = documents.render_page(text, shape=(300, 300), size=20)
    lines = shown.splitlines()
    assert len(lines) == (300 - 96) // 28
    assert len({len(line) for line in lines}) == 1
    assert page[-40:].min() == 1


words = st.text("abcdefgh", min_size=1, max_size=8)


@settings(max_examples=20)
@given(
    paragraphs=st.lists(st.lists(words, min_size=1, max_size=12), min_size=1, max_size=4),
    shape=st.tuples(st.integers(100, 300), st.integers(180, 300)),
    size=st.integers(8, 20),
    margin=st.integers(2, 20),
)
def test_shown_is_the_beginning_of_the_text_and_stays_within_the_margins(
    paragraphs, shape, size, margin
):
    text = "\n".join(" ".join(p) for p in paragraphs)
    page, shown = documents.render_page(text, np.array(shape), "DejaVuSans", np.uint8(size), margin)
    assert page.shape == shape
    read = shown.split()
    assert read == text.split()[: len(read)]
    ink = page < 0.5
    assert not ink[: margin - 1].any()
    assert not ink[:, : margin - 2].any()
    assert not ink[:, shape[1] - margin + 2 :].any()
    # whatever is drawn is said: the page of what was shown is the same
    again, _ = documents.render_page(shown, shape, "DejaVuSans", size, margin)
    assert np.array_equal(page, again)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"font": "Wingdings"}, "font"),
        ({"font": "../ttf/DejaVuSans"}, "font"),
        ({"font": ["DejaVuSans"]}, "font"),
        ({"size": 900}, "fits|wider"),
        ({"size": 0}, "size"),
        ({"size": 12.5}, "size"),
        ({"size": 10**6}, "size"),
        ({"margin": 400}, "wider"),
        ({"margin": -1}, "margin"),
        ({"margin": np.uint8(200), "shape": (100, 800)}, "no line"),
        ({"margin": "10"}, "margin"),
        ({"shape": (0, 100)}, "shape"),
        ({"shape": (10**6, 10**6)}, "shape"),
        ({"shape": 100}, "shape"),
        ({"text": ""}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": None}, "text"),
        ({"text": b"text"}, "text"),
        ({"text": "w" * 200}, "wider"),
        ({"text": "a 漢"}, "'漢'"),
        ({"text": "schön", "font": "cmr10"}, "'ö'"),
        ({"text": "a\0b"}, "characters"),
    ],
)
def test_impossible_pages_are_refused(changed, message):
    with pytest.raises(ImageError, match=message):
        documents.render_page(**{"text": "text", **changed})


def test_every_font_of_the_book_is_there():
    for font in (*drawing.TRAINING_FONTS, "cmr10", "cmss10"):
        page, _ = documents.render_page("letters", shape=(100, 300), font=font, margin=20)
        assert page.min() == 0


def test_training_fonts_have_every_letter():
    text = " ".join(sorted(set(drawing.LETTERS + drawing.LETTERS.upper() + drawing.OTHERS)))
    for font in drawing.TRAINING_FONTS:
        _, shown = documents.render_page(text, font=font)
        assert shown.split() == text.split()


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    drawing._font.cache_clear()
    for draw in (lambda: documents.render_page("text"), lambda: documents.random_page(seed=0)):
        with pytest.raises(ImageError, match="extra `documents`"):
            draw()


# pages to train on


class Recorder:
    """Stands in the place of Pillow's drawing: notes what would be drawn."""

    def __init__(self):
        self.blocks, self.rules, self.boxes = [], [], []

    def begin(self, font):
        self.blocks.append({"font": font, "lines": []})
        return font

    def text(self, place, line, font, fill):
        assert font is self.blocks[-1]["font"]
        self.blocks[-1]["fill"] = fill
        self.blocks[-1]["lines"].append((place, line))

    def line(self, ends, fill, width):
        self.rules.append((ends, fill, width))

    def rectangle(self, box, outline, width):
        self.boxes.append((box, outline, width))


@pytest.fixture(scope="module")
def drawn():
    """What 150 random pages of 640 × 500 consist of, and by how much they are rotated."""
    pages, angles = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageDraw, "Draw", lambda picture: pages.append(Recorder()) or pages[-1])
        font, turn = drawing._font, Image.Image.rotate
        patch.setattr(drawing, "_font", lambda name, size: pages[-1].begin(font(name, size)))
        patch.setattr(
            Image.Image, "rotate", lambda self, by, **more: angles.append(by) or turn(self, by)
        )
        for seed in range(150):
            documents.random_page((640, 500), seed)
    return pages, angles


def test_blocks_of_text_fill_the_page(drawn):
    pages, _ = drawn
    for page in pages:
        tops = [y for block in page.blocks for (_, y), _ in block["lines"]]
        assert tops == sorted(tops)
        assert -20 <= tops[0] < 40
        # the last block may end before the page does, but not by much more than its own spaces
        assert tops[-1] > 640 - 2 * 90 - 1.7 * 90 - 30 - 2
        assert page.blocks[-1]["lines"][0][0][1] < 640
    assert_uniform([page.blocks[0]["lines"][0][0][1] for page in pages], -20, 39)


def test_blocks_have_margins_leading_and_length(drawn):
    blocks = [block for page in drawn[0] for block in page.blocks]
    lefts, leading, numbers, lengths = [], [], [], []
    for block in blocks:
        size = block["font"].size
        places = np.array([place for place, _ in block["lines"]])
        assert len(set(places[:, 0])) == 1
        lefts.append(places[0, 0])
        steps = np.diff(places[:, 1])
        assert len(set(steps)) <= 1
        if len(steps) and size > 35:  # so that whole pixels matter little
            leading.append(steps[0] / size)
        assert 1 <= len(places) <= max(2, 260 // size)
        numbers.append((len(places) - 1) / (max(2, 260 // size) - 1))
        for _, line in block["lines"]:
            # how many letters were asked for, up to a word more
            lengths.append(len(line.replace(" ", "")) * size / (2 * 500))
    assert_uniform(lefts, -10, 99)
    assert_uniform(leading, 1.15, 1.7)
    assert 0.45 < np.mean(numbers) < 0.55
    assert min(lengths) > 0.3
    assert 0.65 < np.median(lengths) < 0.85
    assert np.quantile(lengths, 0.95) < 1.3


def test_ink_and_fonts_vary(drawn):
    blocks = [block for page in drawn[0] for block in page.blocks]
    assert_share(sum(block["fill"] == 40 for block in blocks), len(blocks), 0.25)
    assert {block["fill"] for block in blocks} == {0, 40}
    names = [block["font"].getname() for block in blocks]
    for name in set(names):
        assert_share(names.count(name), len(blocks), 1 / len(drawing.TRAINING_FONTS))
    assert len(set(names)) == len(drawing.TRAINING_FONTS)


def test_rules_and_boxes_stand_between_blocks(drawn):
    pages, _ = drawn
    n = sum(len(page.blocks) for page in pages)
    rules = [rule for page in pages for rule in page.rules]
    boxes = [box for page in pages for box in page.boxes]
    assert_share(len(rules), n, 0.35)
    assert_share(len(boxes), n, 0.12)
    ends, fills, widths = zip(*rules, strict=True)
    assert set(fills) == {0}
    assert set(widths) == {1, 2, 3, 4}
    left, y0, right, y1 = np.array(ends).T
    assert (y0 == y1).all()
    assert_uniform(left, -10, 99)
    assert (right > left).all()
    assert_uniform((right - left - 1) / (549 - left - 1), 0, 1)
    corners, outlines, widths = zip(*boxes, strict=True)
    assert set(outlines) == {0}
    assert set(widths) == {1, 2, 3}
    left, top, right, bottom = np.array(corners).T
    assert_uniform(left, -10, 99)
    assert_uniform(right - left, 60, 499)
    assert_uniform(bottom - top, 20, 119)


def test_space_follows_a_block(drawn):
    gaps, after_rules, before_rules = [], [], []
    for page in drawn[0]:
        rules = {ends[1] for ends, *_ in page.rules}
        for block, following in zip(page.blocks, page.blocks[1:], strict=False):
            places = [place[1] for place, _ in block["lines"]]
            if len(places) < 2:
                continue
            size = block["font"].size
            end, top = places[-1] + places[1] - places[0], following["lines"][0][0][1]
            between = [y for y in rules if end <= y <= top]
            if between:
                after_rules.append(top - between[-1])
                before_rules.append((between[-1] - end) / (2 * size))
            else:
                gaps.append((top - end) / (2 * size))
    assert_uniform(gaps, 0, 1)
    assert_uniform(before_rules, 0, 1)
    assert_uniform(after_rules, 4, 29)


def test_pages_are_rotated_by_a_degree_or_two(drawn):
    angles = drawn[1]
    assert np.std(angles) == pytest.approx(1.5, rel=0.25)
    assert abs(np.mean(angles)) < 4 * 1.5 / np.sqrt(len(angles))


def test_most_type_is_small():
    rng = np.random.default_rng(0)
    sizes = [drawing.random_size(rng) for _ in range(2000)]
    assert min(sizes) == 11
    assert 85 < max(sizes) <= 90
    # as of the random number to the power of 1.5, on a logarithmic scale
    for share in (0.25, 0.5, 0.75):
        assert np.quantile(sizes, share) == pytest.approx(11 * (90 / 11) ** share**1.5, rel=0.08)


def test_gibberish_has_words_of_all_kinds():
    lines = [drawing.gibberish(40, np.random.default_rng(seed)) for seed in range(300)]
    for line in lines:
        assert 40 <= len(line.replace(" ", "")) < 40 + 20  # "ß" has two capitals
    words = [word for line in lines for word in line.split()]
    signs = [word for word in words if set(word) <= set(drawing.OTHERS)]
    letters = [word for word in words if set(word.lower()) <= set(drawing.LETTERS)]
    assert len(signs) + len(letters) == len(words)
    # a line ends with a word that is longer than others; about one in seven
    assert_share(len(signs), len(words), 0.15)
    assert 5.3 < np.mean([len(word) for word in words]) < 6.3
    assert {len(word) for word in words if "S" not in word.upper()} == set(range(1, 11))
    long = [word for word in letters if len(word) > 1]
    assert_share(sum(word.isupper() for word in long), len(long), 0.06)
    assert_share(sum(word.istitle() for word in long), len(long), 0.14)
    all_letters = "".join(letters).lower()
    e, t, x = (all_letters.count(letter) for letter in "etx")
    assert e > t > 2 * x > 0


def test_random_pages_have_paper_and_ink():
    shares = []
    for seed in range(12):
        page = documents.random_page((300, 320), seed)
        assert page.shape == (300, 320)
        assert page.dtype == np.float32
        assert np.median(page) == 1
        assert page.min() < 0.2
        assert page[[0, 0, -1, -1], [0, -1, 0, -1]].mean() > 0.4
        shares.append(1 - page.mean())
    assert min(shares) > 0.02
    assert 0.07 < statistics.mean(shares) < 0.2
    assert max(shares) < 0.4


@settings(max_examples=20)
@given(
    shape=st.tuples(st.integers(1, 130), st.integers(1, 130)),
    seed=st.integers(0, 2**63),
)
def test_random_pages_of_any_shape_repeat(shape, seed):
    page = documents.random_page(shape, seed)
    assert page.shape == shape
    assert 0 <= page.min() <= page.max() <= 1
    assert np.array_equal(page, documents.random_page(np.array(shape), np.random.default_rng(seed)))


def test_random_pages_differ():
    assert not np.array_equal(documents.random_page(seed=1), documents.random_page(seed=2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 10),), "shape"),
        (((10**5, 10**5),), "shape"),
        (("ab",), "shape"),
        (((9, 9), -1), "seed"),
    ],
)
def test_impossible_random_pages_are_refused(arguments, message):
    with pytest.raises(ImageError, match=message):
        documents.random_page(*arguments)
