"""The page "Try it", used in a real browser with mouse, finger and keys."""

import hashlib
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from browser import needs_chromium
from PIL import Image
from try_it_speed import answer_seconds, downloaded

from aeutils.data import load_mnist

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "_live" / "try"

MOST_BYTES = 6_000_000
MOST_SECONDS = 2.0


@pytest.fixture(scope="module")
def address(site):
    return f"{site}book/try_it.html"


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    choose(page, "digit 7")
    yield page
    page.close()


@pytest.fixture
def phone(browser, address):
    """The page on a telephone, with nothing drawn."""
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(address)
    page.tap("#try-clear")
    yield page
    context.close()


def facts(name):
    """Return what the script of a network says beside its weights."""
    text = (PAGE / "weights" / f"{name}.js").read_text("utf-16")
    return json.JSONDecoder().raw_decode(text, text.index("{"))[0]["facts"]


def stored(name):
    return np.load(ROOT / "tests" / "try_it" / f"{name}.npz")


def choose(page, name):
    page.click(f"#try-choices [aria-label='{name}']")


def verdict(page):
    return page.inner_text("#try-verdict")


def grey(page, name):
    """Return the pixels of a canvas, from 0 to 255."""
    script = """name => Array.from(document.getElementById(name).getContext("2d")
        .getImageData(0, 0, 28, 28).data).filter((_, i) => i % 4 === 0)"""
    return np.array(page.evaluate(script, name)).reshape(28, 28)


def places(page, name, shares):
    """Return places in the window, given as shares of an element's width and height."""
    page.locator(name).scroll_into_view_if_needed()
    box = page.locator(name).bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in shares]


def drag(page, name, shares):
    """Press the mouse at the first place, move it through the others, release it."""
    for i, place in enumerate(places(page, name, shares)):
        page.mouse.move(*place)
        if i == 0:
            page.mouse.down()
    page.mouse.up()


def touch(page, name, shares):
    """The same with a finger."""
    finger = page.context.new_cdp_session(page)
    kind = "touchStart"
    for x, y in places(page, name, shares):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        kind = "touchMove"
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


ANGLES = np.linspace(0, 2 * np.pi, 25)
ZERO = [(0.5 + 0.18 * np.sin(a), 0.5 - 0.25 * np.cos(a)) for a in ANGLES]
SCRIBBLE = [(0.1 + 0.8 * (i % 2), 0.1 + 0.8 * i / 12) for i in range(13)]


# the files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("detector", ("02_anomaly_detection", "threshold")),
        ("denoiser", ("03_image_denoising", "test_loss")),
        ("decoder", ("09_variational_autoencoder", "flat_codes")),
    ],
)
def test_weights_are_those_of_the_chapter_as_it_is(part, source):
    from export_models import digest_of

    assert facts(part)["source"] == digest_of(*source), f"run: tools/export_models.py {part}"


def test_threshold_is_the_one_that_the_chapter_prints():
    chapter = (ROOT / "notebooks" / "02_anomaly_detection.ipynb").read_text()
    printed = float(re.search(r'"threshold (0\.\d+): false alarms', chapter).group(1))
    # another processor rounds otherwise while it trains
    assert facts("detector")["threshold"] == pytest.approx(printed, abs=5e-4)


def test_vendored_files_are_what_was_pinned():
    digests = json.loads((ROOT / "tools" / "vendored.json").read_text())
    for name, digest in digests.items():
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == digest, name


# the networks ------------------------------------------------------------------------------------


@needs_chromium
@pytest.mark.parametrize("name", ["detector", "denoiser", "decoder"])
def test_answers_are_those_of_keras(page, name):
    page.locator("#try-plane").scroll_into_view_if_needed()
    page.wait_for_function("tryIt.stored.decoder")
    reference = stored(name)
    script = "([name, x]) => Array.from(tryIt.network(name).run(Float32Array.from(x)))"
    answers = np.array(page.evaluate(script, [name, reference["inputs"].ravel().tolist()]))
    difference = np.abs(answers - reference["answers"].ravel()).max()
    print(f"\n{name}: {len(reference['inputs'])} inputs, largest difference {difference:.1e}")
    assert difference <= 1e-4


@needs_chromium
def test_words_tell_the_score_that_keras_gives(page):
    reference, threshold = stored("detector"), facts("detector")["threshold"]
    scores = np.mean((reference["inputs"] - reference["answers"]) ** 2, axis=1)
    kinds = set()
    for picture, score in zip(facts("detector")["pictures"], scores, strict=False):
        choose(page, picture["name"])
        words = re.fullmatch(
            r"Score (0\.\d{4}), (above|below) the threshold 0\.\d{4}: (an anomaly|normal)\.",
            verdict(page),
        )
        assert float(words[1]) == pytest.approx(score, abs=6e-5)
        kinds.add(words.group(2, 3))
        assert (words[2] == "above") == (score > threshold)
    assert kinds == {("above", "an anomaly"), ("below", "normal")}


# detector ----------------------------------------------------------------------------------------


@needs_chromium
def test_drawing_with_the_mouse(page):
    page.click("#try-clear")
    drag(page, "#try-draw", ZERO)
    assert verdict(page).endswith("normal.")
    seen = grey(page, "try-seen")
    assert (seen > 0).any(axis=1).sum() in (20, 21)  # MNIST's box, if between two pixels
    page.click("#try-clear")
    drag(page, "#try-draw", SCRIBBLE)
    assert verdict(page).endswith("an anomaly.")
    error = grey(page, "try-error")
    assert error.max() > 100
    page.click("#try-clear")
    assert "Draw or choose" in verdict(page)
    assert page.locator("#try-results").is_hidden()


@needs_chromium
def test_strokes_across_a_chosen_digit_raise_its_score(page):
    choose(page, "digit 1")
    before = float(verdict(page).split()[1].strip(","))
    for y in (0.3, 0.5, 0.7):
        drag(page, "#try-draw", [(0.1, y), (0.5, y), (0.9, y)])
    assert "your drawing" in page.inner_text("#try-picture-message")
    assert float(verdict(page).split()[1].strip(",")) > 5 * before
    assert verdict(page).endswith("an anomaly.")


@needs_chromium
def test_fingers_draw_and_do_not_scroll(phone):
    phone.locator("#try-draw").scroll_into_view_if_needed()
    place = phone.evaluate("scrollY")
    touch(phone, "#try-draw", ZERO)
    assert phone.evaluate("scrollY") == place
    assert verdict(phone).endswith("normal.")
    plane = phone.locator("#try-plane")
    plane.scroll_into_view_if_needed()
    phone.wait_for_function("document.getElementById('try-code').textContent")
    touch(phone, "#try-plane", [(0.5, 0.5), (0.6, 0.6), (0.75, 0.75)])
    assert "Code (1.5" in phone.inner_text("#try-code")


@needs_chromium
def test_a_second_finger_does_not_draw(phone):
    fingers = phone.context.new_cdp_session(phone)

    def send(kind, *shares):
        points = [
            {"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places(phone, "#try-draw", shares))
        ]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", (0.3, 0.2))
    send("touchStart", (0.3, 0.2), (0.7, 0.2))
    for y in (0.4, 0.6, 0.8):
        send("touchMove", (0.3, y), (0.7, y))
    send("touchEnd")
    ink = """() => { const { data } = document.getElementById("try-draw").getContext("2d")
        .getImageData(0, 140, 280, 1); return [84, 140, 196].map(x => data[4 * x]); }"""
    assert phone.evaluate(ink) == [255, 0, 0]


@needs_chromium
def test_drawing_by_keys_alone(page):
    page.focus("#try-clear")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "try-draw"
    assert page.locator("#try-pen").is_visible()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press(" ")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    assert verdict(page).endswith("normal.")  # a one
    seen = grey(page, "try-seen")
    assert seen[5:23, 13:15].min() > 100
    page.wait_for_function("document.getElementById('try-spoken').textContent.startsWith('Score')")
    page.keyboard.press("Delete")
    assert "Draw or choose" in verdict(page)
    # the pen is lifted, and says where it is
    page.keyboard.press("ArrowUp")
    assert "Draw or choose" in verdict(page)
    page.wait_for_function(
        "document.getElementById('try-spoken').textContent === 'column 14, row 20'"
    )
    # a key held down repeats, which does not lift the pen again
    page.keyboard.down(" ")
    page.keyboard.down(" ")
    page.keyboard.press("ArrowUp")
    page.keyboard.up(" ")
    assert verdict(page).startswith("Score")


@needs_chromium
def test_a_picture_file_becomes_a_digit_like_those_of_mnist(page, tmp_path):
    _, (x_test, _) = load_mnist()
    for digit in x_test[:5]:
        # dark on light paper, larger, and not in the middle
        photo = Image.new("L", (900, 600), 225)
        ink = Image.fromarray(digit).resize((448, 448), Image.Resampling.BOX)
        photo.paste(Image.new("L", ink.size, 20), (400, 100), ink)
        photo.save(tmp_path / "photo.png")
        page.set_input_files("#try-file", tmp_path / "photo.png")
        page.wait_for_selector("text=Now: photo.png.")
        assert np.abs(grey(page, "try-seen").astype(int) - digit).mean() < 2
        assert verdict(page).endswith("normal.")
        choose(page, "noise")


GROUNDS = {
    "paper in the shade": ("L", 115, 20),
    "chalk on a pale board": ("L", 140, 240),
    "white strokes on nothing": ("RGBA", (0, 0, 0, 0), (255, 255, 255, 255)),
    "black strokes on nothing": ("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)),
}


@needs_chromium
@pytest.mark.parametrize("kind", GROUNDS)
def test_pictures_on_any_ground(page, tmp_path, kind):
    mode, ground, stroke = GROUNDS[kind]
    picture = Image.new(mode, (300, 300), ground)
    picture.paste(stroke, (140, 60, 165, 240))
    picture.save(tmp_path / "one.png")
    page.set_input_files("#try-file", tmp_path / "one.png")
    page.wait_for_selector("text=Now: one.png.")
    assert verdict(page).endswith("normal.")
    assert (grey(page, "try-seen") > 127).sum() == pytest.approx(20 * 3, abs=20)


@needs_chromium
def test_a_drawing_of_lines_is_a_picture_too(page, tmp_path):
    (tmp_path / "one.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
        '<rect x="46" y="20" width="8" height="60"/></svg>'
    )
    page.set_input_files("#try-file", tmp_path / "one.svg")
    page.wait_for_selector("text=Now: one.svg.")
    assert verdict(page).endswith("normal.")


@needs_chromium
def test_a_slow_file_does_not_overwrite_what_came_after(page, tmp_path):
    Image.effect_noise((6000, 6000), 60).save(tmp_path / "huge.png")
    page.set_input_files("#try-file", tmp_path / "huge.png")
    page.wait_for_selector("text=Reading huge.png")
    choose(page, "digit 3")
    page.wait_for_timeout(4000)
    assert page.inner_text("#try-picture-message") == "Now: digit 3."


@needs_chromium
def test_files_that_are_no_picture_or_empty_are_told(page, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    page.set_input_files("#try-file", tmp_path / "notes.txt")
    page.wait_for_selector("text=notes.txt is no picture that this browser can read.")
    Image.new("L", (60, 60), 200).save(tmp_path / "paper.png")
    page.set_input_files("#try-file", tmp_path / "paper.png")
    page.wait_for_selector("text=paper.png shows nothing but paper.")
    assert verdict(page).startswith("Score")  # of the digit from before


DROP = """([target, kind, data]) => {
    const transfer = new DataTransfer();
    if (kind === "text/plain") transfer.setData(kind, data);
    else transfer.items.add(new File([Uint8Array.from(data)], "one.png", {type: kind}));
    const event = {dataTransfer: transfer, bubbles: true, cancelable: true};
    return !document.querySelector(target).dispatchEvent(new DragEvent("drop", event));
}"""


@needs_chromium
@pytest.mark.parametrize("target", ["#try-draw", "#try-noise", "h1"])
def test_a_dropped_file_is_opened(page, tmp_path, target):
    picture = Image.new("L", (100, 100), 255)
    picture.paste(0, (45, 20, 55, 80))
    picture.save(tmp_path / "one.png")
    data = list((tmp_path / "one.png").read_bytes())
    assert page.evaluate(DROP, [target, "image/png", data])  # and not shown in place of the page
    page.wait_for_selector("text=Now: one.png.")
    assert verdict(page).endswith("normal.")


@needs_chromium
def test_what_is_dropped_and_no_file_is_told(page):
    assert page.evaluate(DROP, ["#try-draw", "text/plain", "a picture elsewhere"])
    assert "That was no file" in page.inner_text("#try-picture-message")
    assert not page.evaluate(DROP, ["h1", "text/plain", "of no concern to the page"])


# denoiser ----------------------------------------------------------------------------------------


def decibels(a, b):
    return -10 * np.log10(np.mean(((a - b) / 255) ** 2))


@needs_chromium
def test_noise_slider_by_keys(page):
    slider = page.locator("#try-noise")
    slider.scroll_into_view_if_needed()
    page.wait_for_function("document.getElementById('try-decibels').textContent")
    assert float(slider.input_value()) == 0.5
    words = page.inner_text("#try-decibels")
    before, after = map(float, re.findall(r"(-?[\d.]+) dB[,;]", words))
    clean, noisy, answer = (grey(page, f"try-{name}") for name in ("clean", "noisy", "answer"))
    assert before == pytest.approx(decibels(clean, noisy), abs=0.1)
    assert after == pytest.approx(decibels(clean, answer), abs=0.1)
    assert after > before + 6
    assert f"the network gains {after - before:.1f}"[:-1] in words
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#try-noise-shown") == "0.55"
    assert decibels(clean, grey(page, "try-noisy")) < before
    page.keyboard.press("Home")
    assert np.array_equal(grey(page, "try-noisy"), clean)
    assert "the network does harm" in page.inner_text("#try-decibels")
    page.keyboard.press("End")
    strongest = grey(page, "try-noisy")
    page.click("#try-other-noise")
    assert not np.array_equal(grey(page, "try-noisy"), strongest)


@needs_chromium
def test_noise_slider_by_mouse(page):
    # the words under the slider come once it is in sight; until then it is not ready
    page.locator("#try-noise").scroll_into_view_if_needed()
    page.wait_for_function("document.getElementById('try-decibels').textContent")
    drag(page, "#try-noise", [(0.5, 0.5), (0.25, 0.5)])
    assert 0.2 <= float(page.inner_text("#try-noise-shown")) <= 0.3


@needs_chromium
def test_who_chooses_below_hears_of_the_noise(page):
    page.locator("#try-noise").scroll_into_view_if_needed()
    page.click("#try-noise-choices [aria-label='digit 3']")
    page.wait_for_function("document.getElementById('try-spoken').textContent.startsWith('PSNR')")


# latent plane ------------------------------------------------------------------------------------


@needs_chromium
def test_latent_plane_by_mouse_keys_and_sliders(page):
    page.locator("#try-plane").scroll_into_view_if_needed()
    page.wait_for_function("document.getElementById('try-code').textContent")
    start = grey(page, "try-digit")
    drag(page, "#try-plane", [(0.5, 0.5), (0.05, 0.05)])
    there = grey(page, "try-digit")
    assert np.abs(there - start).mean() > 10
    page.mouse.move(*places(page, "#try-plane", [(0.9, 0.9)])[0])  # not held down
    assert np.array_equal(grey(page, "try-digit"), there)
    page.focus("#try-plane")
    code = page.inner_text("#try-code")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#try-code") != code
    # a slider leaves the other value alone, though that lies between its steps
    page.mouse.click(*places(page, "#try-plane", [(0.713, 0.287)])[0])
    second = page.inner_text("#try-code").split(")")[0].split(", ")[1]
    page.focus("#try-first")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#try-code").split(")")[0].split(", ")[1] == second
    first = page.locator("#try-first")
    value = float(first.input_value())
    first.focus()
    page.keyboard.press("ArrowRight")
    assert float(first.input_value()) == pytest.approx(value + 0.1)
    assert f"Code ({value + 0.1:.2f}".replace("-", "−") in page.inner_text("#try-code")


@needs_chromium
def test_plane_is_painted_with_the_decoder_s_digits(page):
    page.locator("#try-plane").scroll_into_view_if_needed()
    light = """() => { const c = document.getElementById('try-plane');
        return c.getContext('2d').getImageData(406, 406, 1, 1).data[3]; }"""
    page.wait_for_function(light)
    middle = """() => { const c = document.getElementById('try-plane');
        return Array.from(c.getContext('2d').getImageData(196, 196, 28, 28).data)
            .filter((_, i) => i % 4 === 0); }"""
    tile = np.array(page.evaluate(middle)).reshape(28, 28)
    assert np.array_equal(tile, grey(page, "try-digit"))  # the code is (0, 0)


@needs_chromium
@pytest.mark.parametrize("digit", [0, 1, 7])
def test_place_most_like_the_picture(page, digit):
    choose(page, f"digit {digit}")
    page.locator("#try-plane").scroll_into_view_if_needed()
    page.click("#try-locate")  # once the decoder is there
    found = "words => document.getElementById('try-code').textContent.includes(words)"
    page.wait_for_function(found, arg=f"are {digit}s.")


# the page as a whole -----------------------------------------------------------------------------


@needs_chromium
def test_download_is_small_and_from_here_alone(browser, address):
    sizes, urls = downloaded(browser, address)
    here = address.rsplit("/", 2)[0]
    assert [url for url in urls if not url.startswith((here, "data:", "blob:"))] == []
    print(f"\n{sum(sizes):,} bytes in {len(sizes)} files")
    assert 3_000_000 < sum(sizes) <= MOST_BYTES


@needs_chromium
def test_first_answer_comes_soon_on_a_slow_processor(browser, address):
    times = []
    # what else this machine does must not count, so the best of some loads does
    for seconds in itertools.islice(answer_seconds(browser, address), 30):
        times.append(seconds)
        if seconds <= MOST_SECONDS:
            break
    print(f"\nfirst answer to a chosen digit after {min(times):.2f} s of {times}")
    assert min(times) <= MOST_SECONDS


@needs_chromium
def test_works_from_a_folder(browser, html, tmp_path):
    page = browser.new_page()
    page.goto((html / "book" / "try_it.html").as_uri())
    choose(page, "digit 7")
    assert verdict(page).endswith("normal.")
    Image.new("L", (60, 60), 200).save(tmp_path / "paper.png")
    page.set_input_files("#try-file", tmp_path / "paper.png")
    page.wait_for_selector("text=paper.png shows nothing but paper.")
    page.locator("#try-plane").scroll_into_view_if_needed()
    page.wait_for_function("document.getElementById('try-code').textContent")
    page.close()


@needs_chromium
@pytest.mark.parametrize("header", ["text/javascript; charset=utf-8", "text/javascript"])
def test_weights_are_read_whatever_the_server_says_of_them(browser, address, header):
    page = browser.new_page()

    def answer(route):
        body = (PAGE / "weights" / route.request.url.rsplit("/", 1)[1]).read_bytes()
        route.fulfill(body=body, headers={"content-type": header})

    page.route("**/weights/*.js", answer)
    page.goto(address)
    choose(page, "digit 7")
    assert verdict(page).endswith("normal.")
    page.close()


@needs_chromium
def test_says_so_without_javascript(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    # Chromium under test reads <noscript> as it does with scripts; the line above it stays
    assert "with JavaScript" in page.inner_text("#try-status")
    assert page.locator("#try-status").is_visible()
    assert "JavaScript is switched off" in page.content()
    assert page.locator(".try-app:visible").count() == 0
    context.close()


@needs_chromium
@pytest.mark.parametrize("lost", ["vendor/tf-core*", "weights/detector.js", "pictures.js"])
def test_says_so_where_the_networks_cannot_run(browser, address, lost):
    page = browser.new_page()
    page.route(f"**/try/{lost}", lambda route: route.abort())
    page.goto(address)
    page.wait_for_selector("[role=alert]:has-text('The networks cannot run here')")
    assert page.locator(".try-app:visible").count() == 0
    page.close()


@needs_chromium
def test_a_lost_decoder_takes_nothing_else_away(browser, address):
    page = browser.new_page()
    page.route("**/try/weights/decoder.js", lambda route: route.abort())
    page.goto(address)
    choose(page, "digit 7")
    page.locator("#try-plane").scroll_into_view_if_needed()
    page.wait_for_selector("text=The decoder did not load.")
    choose(page, "boot")
    assert verdict(page).endswith("an anomaly.")
    page.close()


@needs_chromium
def test_runs_in_a_browser_of_2020(browser, address):
    page = browser.new_page()
    page.add_init_script("delete Array.prototype.at; delete window.createImageBitmap;")
    page.goto(address)
    choose(page, "digit 7")
    page.locator("#try-noise").scroll_into_view_if_needed()
    page.wait_for_function("document.getElementById('try-decibels').textContent")
    # written later than that
    for path in PAGE.glob("*.js"):
        assert not re.search(r"[?&|]{2}=|\.at\(|structuredClone|\.replaceAll\(", path.read_text())
    page.close()


@needs_chromium
def test_contrast_themes_keep_what_marks(browser, address):
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(address)
    choose(page, "digit 7")
    style = "(e, name) => getComputedStyle(e, e.id ? null : '::before')[name]"
    keys = page.locator(".try-key")
    grounds = [keys.nth(i).evaluate(style, "backgroundColor") for i in range(2)]
    assert grounds[0] != grounds[1]
    page.locator("#try-plane").scroll_into_view_if_needed()
    assert page.locator("#try-cross").evaluate(style, "borderTopColor") == "rgb(255, 176, 0)"
    outline = "e => getComputedStyle(e).outlineStyle"
    pressed = page.locator(".try-choice[aria-pressed=true]").first.evaluate(outline)
    assert pressed != page.locator(".try-choice[aria-pressed=false]").first.evaluate(outline)
    context.close()


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_fits_a_narrow_window_in_both_themes(browser, address, theme):
    page = browser.new_page(viewport={"width": 320, "height": 640}, color_scheme=theme)
    page.goto(address)
    choose(page, "boot")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.locator("#try-draw").bounding_box()["width"] <= 290
    page.close()


@needs_chromium
def test_every_control_has_a_name_and_every_result_words(page):
    page.locator("#try-plane").scroll_into_view_if_needed()
    page.wait_for_function("document.getElementById('try-code').textContent")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
            ".try-app :is(button, input, canvas, svg):not(button canvas)")].filter(
            e => !(e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim())
        ).map(e => e.outerHTML)"""
    )
    assert nameless == []
