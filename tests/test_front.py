"""The front page: its figure drawn on by mouse, finger and keys, its cards, its words."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from browser import needs_chromium
from build_book import table_of_contents

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "book" / "_live" / "figures" / "front-network.js"
WELCOME = (ROOT / "book" / "welcome.md").read_text()
SENTENCES = dict(re.findall(r"(?m)^(\d\d_\w+): (.*)$", WELCOME))
FIGURE = "figure[data-live=front]"
SEVEN = [(0.3, 0.25), (0.5, 0.24), (0.68, 0.23), (0.6, 0.45), (0.5, 0.65), (0.45, 0.8)]


# words and numbers -------------------------------------------------------------------------------


def test_every_chapter_has_a_card_with_the_sentence_of_the_readme():
    chapters = [Path(name).name for name in table_of_contents() if name.startswith("notebooks/")]
    assert list(SENTENCES) == chapters
    readme = (ROOT / "README.md").read_text()
    for name, sentence in SENTENCES.items():
        title = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text())["cells"][0]["source"]
        title = "".join(title).splitlines()[0].removeprefix("# ")
        row = f"| [{int(name[:2])}. {title}](notebooks/{name}.ipynb) | {sentence} |"
        assert row in readme


def test_cards_tell_the_minutes_that_were_measured(html):
    page = (html / "book" / "welcome.html").read_text()
    seconds = json.loads((ROOT / "benchmarks" / "speed.json").read_text())["chapter_seconds"]
    assert page.count('class="sd-card-img-top" loading="lazy"') >= 9
    for name in SENTENCES:
        card = rf'(?s)notebooks/{name}\.html"[^>]*><span.*?sd-card-footer(.*?)</div>'
        (footer,) = re.findall(card, page)
        assert re.search(r"\b\d+ min to read", footer), name
        measured = re.search(r"(\d+) min to run", footer)
        assert bool(measured) == (name in seconds), name
        if measured:
            assert int(measured[1]) == max(1, round(seconds[name] / 60))


def test_the_front_page_holds_no_address_that_was_never_set(html):
    assert "YOUR-ACCOUNT" not in (html / "book" / "welcome.html").read_text()


# the network -------------------------------------------------------------------------------------


def layers():
    """Return the weights as the page reads them."""
    text = WEIGHTS.read_text()
    stored = json.JSONDecoder().raw_decode(text, text.index("{"))[0]["layers"]

    def unpack(array):
        steps = np.frombuffer(base64.b64decode(array["bytes"]), "uint8").reshape(array["shape"])
        return array["low"] + (array["high"] - array["low"]) * steps / 255

    return [[unpack(array) for array in layer] for layer in stored]


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def encode(x):
    (first, first_bias), (second, second_bias), *_ = layers()
    return elu(x @ first + first_bias) @ second + second_bias


def decode(code):
    *_, (third, third_bias), (fourth, fourth_bias) = layers()
    return 1 / (1 + np.exp(-(elu(code @ third + third_bias) @ fourth + fourth_bias)))


def test_the_network_is_small_and_keeps_what_keras_answered():
    assert WEIGHTS.stat().st_size < 150_000
    assert [kernel.shape for kernel, _ in layers()] == [(784, 64), (64, 10), (10, 64), (64, 784)]
    stored = np.load(ROOT / "tests" / "try_it" / "front.npz")
    codes = encode(stored["inputs"])
    assert np.abs(codes - stored["codes"]).max() < 1e-4
    assert np.abs(decode(codes) - stored["answers"]).max() < 1e-4
    # the mean image alone has an error of about 0.067
    assert np.mean((stored["answers"] - stored["inputs"]) ** 2) < 0.03


# in the browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(html):
    """From a folder, as from a USB stick."""
    return (html / "book" / "welcome.html").as_uri()


def open_page(context, address):
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("document.querySelector('figure[data-live=front]').output")
    return page


@pytest.fixture
def page(browser, address):
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, reduced_motion="reduce", has_touch=True
    )
    yield open_page(context, address)
    context.close()


def state(page):
    """Return what is drawn, the ten values and the reconstruction."""
    page.wait_for_timeout(60)
    script = f"""() => {{
      const {{ input, code, output }} = document.querySelector("{FIGURE}");
      return [input, code, output].map((values) => values && Array.from(values));
    }}"""
    return [values and np.array(values) for values in page.evaluate(script)]


def places(page, shares):
    box = page.locator(".front-field canvas").bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in shares]


def is_a_drawing(drawn, code, output):
    """Check that the page computed what the network computes of what was drawn."""
    assert np.abs(encode(drawn) - code).max() < 1e-3
    assert np.abs(decode(code) - output).max() < 1e-3
    image = drawn.reshape(28, 28)
    columns, rows = np.flatnonzero(image.sum(axis=0) > 0.1), np.flatnonzero(image.sum(axis=1) > 0.1)
    # like MNIST: a box of 20 pixels, the centre of mass in the middle
    assert 19 <= max(np.ptp(columns), np.ptp(rows)) + 1 <= 22
    centre = image.sum(axis=0) @ (np.arange(28) + 0.5) / image.sum()
    assert 13.4 < centre < 15.6


@needs_chromium
def test_a_digit_draws_itself_and_gives_way_to_the_readers(page):
    shown, *rest = state(page)
    is_a_drawing(shown, *rest)
    start, *others = places(page, SEVEN)
    page.mouse.move(*start)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=3)
    page.mouse.up()
    drawn, *rest = state(page)
    is_a_drawing(drawn, *rest)
    assert np.abs(drawn - shown).max() > 0.9
    assert not page.locator(".front-hint").is_visible()
    page.get_by_role("button", name="Clear").click()
    assert state(page)[0] is None
    page.get_by_role("button", name="Draw one for me").click()
    page.wait_for_timeout(100)
    is_a_drawing(*state(page))


@needs_chromium
def test_a_finger_draws(page):
    before = state(page)[0]
    finger = page.context.new_cdp_session(page)
    kind = "touchStart"
    for x, y in places(page, SEVEN):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        kind = "touchMove"
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    drawn, *rest = state(page)
    is_a_drawing(drawn, *rest)
    assert np.abs(drawn - before).max() > 0.9


@needs_chromium
def test_keys_draw_and_move_values(page):
    page.locator(".front-field canvas").focus()
    # no pen is put down yet
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    drawn, code, output = state(page)
    assert np.abs(encode(drawn) - code).max() < 1e-3
    assert np.ptp(np.flatnonzero(drawn.reshape(28, 28).sum(axis=1) > 0.1)) + 1 >= 19
    page.get_by_role("slider", name="value 3").focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    same, moved, changed = state(page)
    assert (same == drawn).all()
    assert moved[2] == pytest.approx(round(code[2] / 0.05) * 0.05 + 0.4, abs=0.06)
    assert (np.delete(moved, 2) == np.delete(code, 2)).all()
    assert np.abs(decode(moved) - changed).max() < 1e-3
    assert np.abs(changed - output).max() > 0.02
    page.wait_for_function("document.querySelector('.front-says').textContent.includes('error')")
    page.locator(".front-field canvas").focus()
    page.keyboard.press("Delete")
    assert state(page)[0] is None


@needs_chromium
def test_keys_are_told_where_the_pen_is(page):
    page.locator(".front-field canvas").focus()
    assert page.locator(".drawing-pen").is_visible()
    help_ = page.locator(".front-help")
    assert help_.bounding_box()["height"] > 20
    told = page.locator(".front-says")
    # what the network says of the drawing may come after it
    page.evaluate(
        """() => { const says = document.querySelector(".front-says"); window.heard = [];
        new MutationObserver(() => heard.push(says.textContent))
          .observe(says, { childList: true, characterData: true, subtree: true }); }"""
    )
    for key, words in (
        ("ArrowRight", "column 15, row 7"),
        ("Space", "pen down"),
        ("Space", "pen lifted"),
    ):
        page.keyboard.press(key)
        page.wait_for_function("words => heard.includes(words)", arg=words)
    # what is drawn lies free
    assert help_.bounding_box()["height"] <= 1
    page.keyboard.press("Delete")
    assert told.text_content() == "The drawing area is empty."


@needs_chromium
def test_a_digit_that_draws_itself_lifts_the_pen(page):
    canvas = page.locator(".front-field canvas")
    canvas.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Draw one for me").click()
    page.wait_for_timeout(100)
    shown = state(page)[0]
    canvas.focus()
    for _ in range(9):
        page.keyboard.press("ArrowDown")
    assert (state(page)[0] == shown).all()


def test_both_pages_draw_by_the_same_script(html):
    for name in ("welcome", "try_it"):
        page = (html / "book" / f"{name}.html").read_text()
        assert page.count("figures/drawing-area.js") == 1
        assert page.count("figures/drawing-area.css") == 1


@needs_chromium
def test_little_is_loaded_before_the_page_is_there(browser, html, site):
    scripts = re.findall(r'<script[^>]*src="([^"]*)', (html / "book/welcome.html").read_text())
    assert not any("front-network" in source for source in scripts)
    page = browser.new_page()
    sizes = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
    page.goto(f"{site}book/welcome.html", wait_until="domcontentloaded")
    page.wait_for_selector(".front input[type=range]")
    own = {url.split("/")[-1]: n for url, n in sizes.items() if "/figures/" in url}
    assert sum(size for name, size in own.items() if name != "front-network.js") < 25_000
    assert not any("weights" in url or "tf-" in url for url in sizes)
    page.close()


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390])
def test_a_telephone_shows_all_of_it(browser, address, theme, width):
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=theme)
    page = open_page(context, address)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    for name in (".front-field canvas", ".front-result canvas", ".front-values"):
        box = page.locator(name).bounding_box()
        assert box["width"] > 90
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    for slider in page.locator(".front-values input").all():
        assert slider.bounding_box()["height"] >= 24
    context.close()


@needs_chromium
def test_without_javascript_there_is_a_picture(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    picture = page.locator(f"{FIGURE} img")
    assert picture.is_visible()
    assert picture.bounding_box()["width"] > 300
    assert page.get_by_role("link", name="Start with chapter 1").is_visible()
    context.close()
