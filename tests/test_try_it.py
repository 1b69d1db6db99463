"""The page "Try it", used in a real browser with mouse, finger and keys."""

import base64
import hashlib
import io
import itertools
import json
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from browser import needs_chromium
from PIL import Image
from try_it_speed import SLOWER, answer_seconds, downloaded, thread_clock

from aeutils.data import load_mnist
from aeutils.images import load_image

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "_live" / "try"

MOST_BYTES = 6_000_000
MOST_SECONDS = 2.0


@pytest.fixture(scope="module")
def address(site):
    return f"{site}book/try_it.html"


@pytest.fixture(scope="module")
def reader(browser):
    """A reader's browser, which remembers what it has loaded."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def fresh(reader, address):
    """The page as it is just after it was opened, with a digit chosen."""
    page = reader.new_page()
    page.goto(address)
    choose(page, "digit 7")
    yield page
    page.close()


@pytest.fixture(scope="module")
def opened(reader, address):
    """The page for many tests, loaded once."""
    page = reader.new_page()
    page.goto(address)
    yield page
    page.close()


@pytest.fixture
def page(opened):
    """The page as others have left it, but with nothing drawn and then a digit chosen."""
    opened.evaluate("scrollTo(0, 0)")
    opened.click("#try-clear")
    choose(opened, "digit 7")
    return opened


@pytest.fixture
def phone(browser, address):
    """The page on a telephone, with nothing drawn."""
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#try-draw")
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


def why(page):
    return page.inner_text("#try-why")


def bring(page, path):
    page.set_input_files("#try-file", path)
    page.wait_for_selector(f"text=Now: {path.name}.")


def computed(page, function, values, *more):
    """Call a function of the page with numbers, and others; return the numbers that it answers."""
    # as one text both ways: Playwright takes half a minute over many numbers
    script = f"""async ([text, more]) => {{
        const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        const answer = await ({function})(new Float32Array(bytes.buffer), ...more);
        const coded = new Uint8Array(answer.buffer, answer.byteOffset, answer.byteLength);
        return btoa(Array.from(coded, (b) => String.fromCharCode(b)).join(""));
    }}"""
    text = base64.b64encode(np.asarray(values, "float32").tobytes()).decode()
    return np.frombuffer(base64.b64decode(page.evaluate(script, [text, more])), "float32")


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


def test_digits_to_train_on_are_mnist_s_with_the_errors_of_pca():
    text = (PAGE / "digits.js").read_text()
    assert "CC BY-SA 3.0" in text.splitlines()[0]
    digits = json.JSONDecoder().raw_decode(text, text.index("{"))[0]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(digits["png"]))).convert("L"))
    rows, columns = len(sheet) // 28, digits["columns"]
    images = sheet.reshape(rows, 28, columns, 28).transpose(0, 2, 1, 3).reshape(-1, 28, 28)
    train, test = images[: digits["trained"]], images[digits["trained"] :]
    assert len(test) == digits["tested"]
    (x_train, y_train), (x_test, y_test) = load_mnist()
    for here, x, y in ((train, x_train, y_train), (test, x_test, y_test)):
        each = len(here) // 10
        for n in range(10):
            # 16 greys lie 17 apart
            difference = here[n::10].astype(int) - x[y == n][:each]
            assert np.abs(difference).max() <= 9
    assert digits["labels"] == "0123456789" * (len(test) // 10)
    train, test = (x.reshape(len(x), -1) / 255 for x in (train, test))
    train, test = train - train.mean(axis=0), test - train.mean(axis=0)
    assert digits["mean"] == pytest.approx(np.mean(test**2), abs=1e-5)
    components = np.linalg.eigh(train.T @ train)[1][:, ::-1]
    for width in (2, 16, 32):
        kept = components[:, :width]
        error = np.mean((test - test @ kept @ kept.T) ** 2)
        assert digits["pca"][width - 1] == pytest.approx(error, abs=1e-5)


def test_threshold_is_the_one_that_the_chapter_prints():
    chapter = (ROOT / "notebooks" / "02_anomaly_detection.ipynb").read_text()
    printed = float(re.search(r"threshold is (0\.\d+)\. Of", chapter).group(1))
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
    answers = computed(page, "(x, name) => tryIt.network(name).run(x)", reference["inputs"], name)
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
def test_the_drawing_area_starts_empty_with_a_hint(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    assert page.inner_text("#try-hint") == "Draw a digit here"
    assert "Draw or choose" in verdict(page)
    assert page.locator("#try-undo").is_disabled()
    for hidden in ("#try-results", "#try-why", "#try-values"):
        assert page.locator(hidden).is_hidden()
    ink = """() => document.getElementById("try-draw").getContext("2d")
        .getImageData(0, 0, 280, 280).data.some((v, i) => i % 4 < 3 && v)"""
    assert not page.evaluate(ink)
    drag(page, "#try-draw", ZERO)
    assert page.locator("#try-hint").is_hidden()
    assert "Prepared like MNIST" in why(page)
    page.click("#try-clear")
    assert page.locator("#try-hint").is_visible()
    page.close()


@needs_chromium
def test_undo_goes_back_stroke_by_stroke_and_image_by_image(fresh):
    chosen, first = verdict(fresh), grey(fresh, "try-seen")
    drag(fresh, "#try-draw", [(0.1, 0.3), (0.9, 0.3)])
    once = verdict(fresh)
    drag(fresh, "#try-draw", [(0.1, 0.7), (0.9, 0.7)])
    assert verdict(fresh) != once
    fresh.click("#try-undo")
    assert verdict(fresh) == once
    fresh.focus("#try-draw")
    fresh.keyboard.press("Control+z")
    assert verdict(fresh) == chosen
    assert np.array_equal(grey(fresh, "try-seen"), first)
    assert fresh.inner_text("#try-picture-message") == "Now: digit 7."
    assert "A test image, as stored." in why(fresh)
    fresh.keyboard.press("Delete")
    assert "Draw or choose" in verdict(fresh)
    fresh.click("#try-undo")
    assert verdict(fresh) == chosen
    fresh.click("#try-undo")
    assert "Draw or choose" in verdict(fresh)
    assert fresh.locator("#try-undo").is_disabled()


@needs_chromium
def test_latent_values_are_shown_and_dragging_one_is_decoded(page):
    decode = "codes => Array.from(tryIt.network('detector').decode(Float32Array.from(codes)))"
    encode = "() => Array.from(tryIt.network('detector').encode(tryIt.picture))"
    code = page.evaluate(encode)
    sliders, shown = page.locator(".try-bar"), page.locator("#try-sliders output")
    assert sliders.count() == len(code) == 10
    for value, text in zip(code, shown.all_inner_texts(), strict=True):
        assert float(text.replace("−", "-")) == pytest.approx(value, abs=0.06)
    assert np.array_equal(grey(page, "try-decoded"), grey(page, "try-reconstruction"))
    assert page.locator("#try-reset-code").is_disabled()
    # by keys: the value goes on from where the slider stands
    sliders.nth(3).focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    code[3] = float(sliders.nth(3).input_value())
    assert "Value 4 changed from" in page.inner_text("#try-changed")
    assert grey(page, "try-decoded").ravel() == pytest.approx(
        255 * np.array(page.evaluate(decode, code)), abs=0.51
    )
    assert not np.array_equal(grey(page, "try-decoded"), grey(page, "try-reconstruction"))
    # by mouse, to the end; the nine others stay
    drag(page, ".try-bar >> nth=0", [(0.5, 0.5), (0.8, 0.5), (0.99, 0.5)])
    code[0] = float(sliders.nth(0).input_value())
    assert code[0] > 0.9 * float(sliders.nth(0).get_attribute("max"))
    assert grey(page, "try-decoded").ravel() == pytest.approx(
        255 * np.array(page.evaluate(decode, code)), abs=0.51
    )
    # the bar ends where the slider's button is
    bar = sliders.nth(0).evaluate("e => Number(e.style.getPropertyValue('--to'))")
    assert bar == pytest.approx((code[0] / float(sliders.nth(0).get_attribute("max")) + 1) / 2)
    page.click("#try-reset-code")
    assert np.array_equal(grey(page, "try-decoded"), grey(page, "try-reconstruction"))
    page.click("#try-clear")
    assert page.locator("#try-values").is_hidden()


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
def test_drawing_by_keys_alone(fresh):
    fresh.focus("#try-clear")
    fresh.keyboard.press("Enter")
    fresh.keyboard.press("Shift+Tab")
    assert fresh.evaluate("document.activeElement.id") == "try-undo"
    fresh.keyboard.press("Shift+Tab")
    assert fresh.evaluate("document.activeElement.id") == "try-draw"
    assert fresh.locator("#try-pen").is_visible()
    assert fresh.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    fresh.keyboard.press(" ")
    for _ in range(14):
        fresh.keyboard.press("ArrowDown")
    assert verdict(fresh).endswith("normal.")  # a one
    seen = grey(fresh, "try-seen")
    assert seen[5:23, 13:15].min() > 100
    fresh.wait_for_function("document.getElementById('try-spoken').textContent.startsWith('Score')")
    fresh.keyboard.press("Delete")
    assert "Draw or choose" in verdict(fresh)
    # the pen is lifted, and says where it is
    fresh.keyboard.press("ArrowUp")
    assert "Draw or choose" in verdict(fresh)
    fresh.wait_for_function(
        "document.getElementById('try-spoken').textContent === 'column 14, row 20'"
    )
    # a key held down repeats, which does not lift the pen again
    fresh.keyboard.down(" ")
    fresh.keyboard.down(" ")
    fresh.keyboard.press("ArrowUp")
    fresh.keyboard.up(" ")
    assert verdict(fresh).startswith("Score")


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


PHOTOGRAPHS = [
    "astronaut.png",
    "brick.png",
    "camera.png",
    "chelsea.png",  # a cat
    "clock_motion.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
]


@needs_chromium
def test_no_photograph_is_normal(page):
    for name in PHOTOGRAPHS:
        with resources.as_file(resources.files("skimage") / "data" / name) as path:
            bring(page, path)
            expected = load_image(path, size=(28, 28))
        # as chapter 2 prepares it; browsers resize otherwise, and obey a file's colour profile
        assert np.abs(grey(page, "try-seen") / 255 - expected).mean() < 0.07, name
        assert "does not look like ink on paper (" in why(page), name
        assert "prepared as in chapter 2" in why(page), name
        assert not verdict(page).endswith("normal."), name
        score, threshold = map(float, re.findall(r"0\.\d{4}", verdict(page)))
        if score > threshold:
            assert verdict(page).endswith(": an anomaly."), name
            assert "larger than that of 99 % of normal digits" in why(page), name
        else:
            black = float(re.search(r"all-black output would score (0\.\d+)", why(page))[1])
            assert verdict(page).endswith(", but too dark to judge."), name
            assert score > black / 2


@needs_chromium
@pytest.mark.parametrize(("shade", "noise"), [(0, 4), (60, 0), (90, 8)])
def test_digits_photographed_on_paper_are_judged_as_the_digits(page, tmp_path, shade, noise):
    rng = np.random.default_rng(0)
    _, (x_test, _) = load_mnist()
    down, across = np.mgrid[:600, :900] / 900
    for digit in x_test[:6]:
        choose(page, "noise")
        ink = np.zeros((600, 900))
        large = Image.fromarray(digit).resize((448, 448), Image.Resampling.BICUBIC)
        ink[90:538, 250:698] = np.asarray(large) / 255
        # light falls from the upper left, and the pen is dark grey
        paper = 225 - shade * (across + down) / 1.4
        photo = paper * (1 - ink) + 45 * ink + rng.normal(0, noise, ink.shape)
        Image.fromarray(photo.clip(0, 255).astype("uint8")).save(tmp_path / "photo.png")
        bring(page, tmp_path / "photo.png")
        assert "looks like ink on paper, so it was prepared like MNIST" in why(page)
        # centred again, so maybe a pixel away
        seen = grey(page, "try-seen").astype(int)
        moves = itertools.product((-1, 0, 1), repeat=2)
        moved = [np.roll(seen, move, axis=(0, 1)) for move in moves]
        assert min(np.abs(image - digit).mean() for image in moved) < 12
        # the second one is close to the threshold as it is
        if digit is not x_test[1]:
            assert verdict(page).endswith("normal.")


def paper(draw):
    """Return a picture of 200 x 200 pixels: paper, on which a function of its pixels draws."""
    pixels = np.full((200, 200), 230, "uint8")
    draw(pixels)
    return Image.fromarray(pixels)


def ramp(pixels):
    pixels[40:160, 40:160] = np.linspace(230, 20, 120)


def silhouette(pixels):
    pixels[20:180, 20:180] = 20


def thin(pixels):
    for i in range(20, 180, 20):
        pixels[i, 20:180] = pixels[20:180, i] = 20


def edge_to_edge(pixels):
    pixels[:, :60] = 20


def two_ways(pixels):
    pixels[60:140, 60:75], pixels[60:140, 100:115] = 160, 255


@needs_chromium
@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (ramp, "shades between paper and ink"),
        (silhouette, "has one shade, that of paper"),
        (thin, "strokes are too thin"),
        (edge_to_edge, "border has the shade of paper"),
        (two_ways, "lighter and other parts darker"),
    ],
)
def test_what_is_no_ink_on_paper_is_told_why(page, tmp_path, draw, reason):
    paper(draw).save(tmp_path / "other.png")
    bring(page, tmp_path / "other.png")
    assert reason in why(page)
    assert verdict(page).endswith("an anomaly.")


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
def test_a_slow_file_does_not_overwrite_what_came_after(fresh, tmp_path):
    # a browser that takes its time over a file, until it is told to go on
    fresh.evaluate("""() => {
        const decode = HTMLImageElement.prototype.decode;
        HTMLImageElement.prototype.decode = async function () {
            await new Promise((resolve) => (window.goOn = resolve));
            await decode.call(this);
            setTimeout(() => (window.decoded = true), 100);
        };
    }""")
    paper(silhouette).save(tmp_path / "slow.png")
    fresh.set_input_files("#try-file", tmp_path / "slow.png")
    fresh.wait_for_selector("text=Reading slow.png")
    choose(fresh, "digit 3")
    fresh.evaluate("goOn()")
    fresh.wait_for_function("window.decoded")
    assert fresh.inner_text("#try-picture-message") == "Now: digit 3."


@needs_chromium
def test_files_that_are_no_picture_or_empty_are_told(page, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    page.set_input_files("#try-file", tmp_path / "notes.txt")
    page.wait_for_selector("text=notes.txt cannot be read as an image by this browser.")
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
def test_noise_slider_by_keys(fresh):
    slider = fresh.locator("#try-noise")
    slider.scroll_into_view_if_needed()
    fresh.wait_for_function("document.getElementById('try-decibels').textContent")
    assert float(slider.input_value()) == 0.5
    words = fresh.inner_text("#try-decibels")
    before, after = map(float, re.findall(r"(-?[\d.]+) dB[,;]", words))
    clean, noisy, answer = (grey(fresh, f"try-{name}") for name in ("clean", "noisy", "answer"))
    assert before == pytest.approx(decibels(clean, noisy), abs=0.1)
    assert after == pytest.approx(decibels(clean, answer), abs=0.1)
    assert after > before + 6
    assert f"the network gains {after - before:.1f}"[:-1] in words
    slider.focus()
    fresh.keyboard.press("ArrowRight")
    assert fresh.inner_text("#try-noise-shown") == "0.55"
    assert decibels(clean, grey(fresh, "try-noisy")) < before
    fresh.keyboard.press("Home")
    assert np.array_equal(grey(fresh, "try-noisy"), clean)
    assert "the network does harm" in fresh.inner_text("#try-decibels")
    fresh.keyboard.press("End")
    strongest = grey(fresh, "try-noisy")
    fresh.click("#try-other-noise")
    assert not np.array_equal(grey(fresh, "try-noisy"), strongest)


@needs_chromium
def test_noise_slider_by_mouse(page):
    # the words under the slider come once it is in sight; until then it is not ready
    page.locator("#try-noise").scroll_into_view_if_needed()
    page.wait_for_function("document.getElementById('try-decibels').textContent")
    drag(page, "#try-noise", [(0.5, 0.5), (0.25, 0.5)])
    assert 0.2 <= float(page.inner_text("#try-noise-shown")) <= 0.3


@needs_chromium
def test_who_chooses_below_hears_of_the_noise(fresh):
    fresh.locator("#try-noise").scroll_into_view_if_needed()
    fresh.click("#try-noise-choices [aria-label='digit 3']")
    fresh.wait_for_function("document.getElementById('try-spoken').textContent.startsWith('PSNR')")


# latent plane ------------------------------------------------------------------------------------


@needs_chromium
def test_latent_plane_by_mouse_keys_and_sliders(fresh):
    fresh.locator("#try-plane").scroll_into_view_if_needed()
    fresh.wait_for_function("document.getElementById('try-code').textContent")
    start = grey(fresh, "try-digit")
    drag(fresh, "#try-plane", [(0.5, 0.5), (0.05, 0.05)])
    there = grey(fresh, "try-digit")
    assert np.abs(there - start).mean() > 10
    fresh.mouse.move(*places(fresh, "#try-plane", [(0.9, 0.9)])[0])  # not held down
    assert np.array_equal(grey(fresh, "try-digit"), there)
    fresh.focus("#try-plane")
    code = fresh.inner_text("#try-code")
    fresh.keyboard.press("ArrowRight")
    assert fresh.inner_text("#try-code") != code
    # a slider leaves the other value alone, though that lies between its steps
    fresh.mouse.click(*places(fresh, "#try-plane", [(0.713, 0.287)])[0])
    second = fresh.inner_text("#try-code").split(")")[0].split(", ")[1]
    fresh.focus("#try-first")
    fresh.keyboard.press("ArrowRight")
    assert fresh.inner_text("#try-code").split(")")[0].split(", ")[1] == second
    first = fresh.locator("#try-first")
    value = float(first.input_value())
    first.focus()
    fresh.keyboard.press("ArrowRight")
    assert float(first.input_value()) == pytest.approx(value + 0.1)
    assert f"Code ({value + 0.1:.2f}".replace("-", "−") in fresh.inner_text("#try-code")


@needs_chromium
def test_plane_is_painted_with_the_decoder_s_digits(fresh):
    fresh.locator("#try-plane").scroll_into_view_if_needed()
    light = """() => { const c = document.getElementById('try-plane');
        return c.getContext('2d').getImageData(406, 406, 1, 1).data[3]; }"""
    fresh.wait_for_function(light)
    middle = """() => { const c = document.getElementById('try-plane');
        return Array.from(c.getContext('2d').getImageData(196, 196, 28, 28).data)
            .filter((_, i) => i % 4 === 0); }"""
    tile = np.array(fresh.evaluate(middle)).reshape(28, 28)
    assert np.array_equal(tile, grey(fresh, "try-digit"))  # the code is (0, 0)


@needs_chromium
@pytest.mark.parametrize("digit", [0, 1, 4])  # two latent values keep them apart; 7 lies among 9s
def test_place_most_like_the_picture(page, digit):
    choose(page, f"digit {digit}")
    page.locator("#try-plane").scroll_into_view_if_needed()
    page.click("#try-locate")  # once the decoder is there
    found = "words => document.getElementById('try-code').textContent.includes(words)"
    page.wait_for_function(found, arg=f"are {digit}s.")


# training ----------------------------------------------------------------------------------------

RECOGNISABLE_SECONDS = 20


def go_to_training(page):
    page.locator("#try-train").scroll_into_view_if_needed()
    wait_for_words(page, "try-train-words", "Step")


def training(page):
    """Return step, error and what it is compared with."""
    words = page.inner_text("#try-train-words")
    step = int(re.match(r"Step (\d+)", words)[1])
    return step, *map(float, re.findall(r"0\.\d{4}", words))


def wait_for_words(page, name, words, seconds=30):
    """Wait until the text of an element has some words."""
    page.wait_for_function(
        "([name, words]) => document.getElementById(name).textContent.includes(words)",
        arg=[name, words],
        timeout=1000 * seconds,
    )


def wait_for_step_after(page, step):
    page.wait_for_function(
        """step => Number(/\\d+/.exec(
            document.getElementById("try-train-words").textContent)) > step""",
        arg=step,
    )


def wait_for_error(page, below, seconds=60):
    page.wait_for_function(
        """below => Number(/digits (0\\.\\d+)/.exec(
            document.getElementById("try-train-words").textContent)?.[1] ?? 1) < below""",
        arg=below,
        timeout=1000 * seconds,
    )


def pixels(page, name):
    """Return the colours of a canvas, and how opaque they are."""
    address = page.evaluate("name => document.getElementById(name).toDataURL()", name)
    data = base64.b64decode(address.split(",")[1])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def nearest_classes(images):
    """Return the class of the nearest of some training digits, for each image."""
    (x, y), _ = load_mnist()
    x = x[:5000].reshape(5000, -1) / 255
    # the squared distances, but for what is the same for all training digits
    distances = np.sum(x**2, axis=1) - 2 * images.reshape(len(images), -1) @ x.T
    return [int(y[k]) for k in np.argmin(distances, axis=1)]


def right_reconstructions(page):
    """Count the reconstructions of the digits 0 to 9 that are nearest to a digit of their class."""
    rows = pixels(page, "try-train-images")[28:, :, 0].reshape(28, 10, 28).transpose(1, 0, 2)
    return sum(c == n for n, c in enumerate(nearest_classes(rows / 255)))


@needs_chromium
def test_reconstructions_are_recognisable_soon_on_a_slow_processor(browser, html):
    # from a folder, and without a worker, so that it is the page's thread that trains
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script("delete window.Worker")
    page.goto((html / "book" / "try_it.html").as_uri())
    go_to_training(page)
    clock = thread_clock(page)
    page.click("#try-train-start")
    # half of what the mean image leaves is gone, and most digits are taken for what they are
    wait_for_error(page, 0.5 * training(page)[2])
    while right_reconstructions(page) < 7:
        assert SLOWER * clock() <= RECOGNISABLE_SECONDS
        page.wait_for_timeout(200)
    seconds = SLOWER * clock()
    print(f"\nrecognisable after {seconds:.1f} s")
    assert seconds <= RECOGNISABLE_SECONDS
    page.close()


@needs_chromium
def test_training_starts_pauses_continues_and_resets(fresh):
    go_to_training(fresh)
    assert training(fresh)[0] == 0
    empty = pixels(fresh, "try-train-curve")
    fresh.focus("#try-train-start")
    fresh.keyboard.press("Enter")
    fresh.wait_for_function("document.getElementById('try-train-start').textContent === 'Pause'")
    wait_for_error(fresh, 0.8 * training(fresh)[2])  # which is the mean image's
    fresh.keyboard.press("Enter")
    assert fresh.inner_text("#try-train-start") == "Continue"
    fresh.wait_for_timeout(300)
    step = training(fresh)[0]
    images, curve, plane = (pixels(fresh, f"try-train-{n}") for n in ("images", "curve", "plane"))
    fresh.wait_for_timeout(400)
    assert training(fresh)[0] == step
    assert not np.array_equal(curve, empty)
    fresh.keyboard.press("Enter")
    wait_for_step_after(fresh, step)
    fresh.wait_for_function(
        "() => document.getElementById('try-spoken').textContent === 'Training.'"
    )
    assert not np.array_equal(pixels(fresh, "try-train-plane"), plane)  # it moves
    fresh.click("#try-train-reset")
    fresh.wait_for_function(
        "document.getElementById('try-train-words').textContent.startsWith('Step 0,')"
    )
    assert fresh.inner_text("#try-train-start") == "Start"
    assert not np.array_equal(pixels(fresh, "try-train-images")[28:], images[28:])


@needs_chromium
def test_training_stops_out_of_sight_and_goes_on_in_it(fresh):
    go_to_training(fresh)
    fresh.click("#try-train-start")
    fresh.wait_for_function(
        "!document.getElementById('try-train-words').textContent.startsWith('Step 0,')"
    )
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    for away, back in (
        (lambda: fresh.evaluate(hide, True), lambda: fresh.evaluate(hide, False)),
        (lambda: fresh.evaluate("scrollTo(0, 0)"), lambda: go_to_training(fresh)),
    ):
        away()
        fresh.wait_for_timeout(500)
        step = training(fresh)[0]
        fresh.wait_for_timeout(500)
        assert training(fresh)[0] == step
        back()
        wait_for_step_after(fresh, step)


@needs_chromium
def test_width_and_noise_are_in_the_address_and_come_back_from_it(browser, html):
    address = (html / "book" / "try_it.html").as_uri()
    page = browser.new_page()
    page.goto(f"{address}#train?width=2&noise=0.3")
    wait_for_words(page, "try-train-words", "Step")  # the link leads there
    assert page.input_value("#try-train-width") == "2"
    assert page.inner_text("#try-train-noise-shown") == "0.30"
    assert page.inner_text("#try-train-plane-caption").endswith("first and second value")
    words = page.inner_text("#try-train-words")
    assert "under noise" in words
    assert "PCA" not in words  # it was fitted to clean digits
    noisy = pixels(page, "try-train-images")[:28]
    page.focus("#try-train-noise")
    page.keyboard.press("Home")
    page.wait_for_function(
        "document.getElementById('try-train-words').textContent.includes('PCA, 2 ')"
    )
    clean = pixels(page, "try-train-images")[:28]
    assert np.mean(clean == 0) > np.mean(noisy == 0) + 0.1
    page.focus("#try-train-width")
    page.keyboard.press("End")
    assert page.evaluate("location.hash") == "#train?width=32&noise=0"
    page.wait_for_function(
        "document.getElementById('try-train-words').textContent.includes('PCA, 32 ')"
    )
    # nonsense in an address does no harm
    page.goto("about:blank")
    page.goto(f"{address}#train?width=999&noise=abc")
    page.wait_for_selector("#try-train-start:enabled")
    assert page.input_value("#try-train-width") == "32"
    assert page.input_value("#try-train-noise") == "0"
    page.close()


@needs_chromium
def test_training_is_saved_as_a_picture(browser, html, tmp_path):
    page = browser.new_page()
    page.goto((html / "book" / "try_it.html").as_uri() + "#train?width=8&noise=0")
    page.wait_for_selector("#try-train-save:enabled")
    page.wait_for_function(
        "document.getElementById('try-train-words').textContent.startsWith('Step')"
    )
    with page.expect_download() as download:
        page.click("#try-train-save")
    assert download.value.suggested_filename == "autoencoder-width-8-noise-0.png"
    download.value.save_as(tmp_path / "saved.png")
    saved = np.asarray(Image.open(tmp_path / "saved.png").convert("L"))
    assert saved.shape == (760, 1240)
    assert 0.05 < np.mean(saved < 100) < 0.6
    page.close()


@needs_chromium
def test_training_by_touch_where_motion_is_unwelcome(browser, address):
    context = browser.new_context(
        has_touch=True, viewport={"width": 320, "height": 640}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(address)
    go_to_training(page)
    page.evaluate("""() => { window.changes = 0; new MutationObserver(() => changes++).observe(
        document.getElementById("try-train-words"), { childList: true }); }""")
    page.tap("#try-train-start")
    page.wait_for_timeout(3500)
    assert 1 <= page.evaluate("changes") <= 2  # a look every other second
    assert training(page)[0] > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    context.close()


@needs_chromium
def test_lost_digits_take_nothing_else_away(browser, address):
    page = browser.new_page()
    page.route("**/try/digits.js", lambda route: route.abort())
    page.goto(address)
    choose(page, "digit 7")
    page.locator("#try-train").scroll_into_view_if_needed()
    page.wait_for_selector("text=The digits did not load.")
    choose(page, "boot")
    assert verdict(page).endswith("an anomaly.")
    page.close()


@needs_chromium
@pytest.mark.parametrize("anchor", ["is-it-a-digit", "take-the-noise-away", "walk", "train"])
def test_chapters_can_link_to_the_parts(page, anchor):
    assert page.locator(f"[id='{anchor}']").count() == 1


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
    loads = list(itertools.islice(answer_seconds(browser, address), 5))
    computing, waiting = zip(*loads, strict=True)
    # processor and yardstick vary alike, so the median; other work only makes a wait longer
    seconds = np.median(computing) + min(waiting)
    print(
        f"\nfirst answer to a chosen digit after {seconds:.2f} s by {np.round(loads, 2).tolist()}"
    )
    assert seconds <= MOST_SECONDS


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
@pytest.mark.parametrize(
    "lost",
    [
        "try/vendor/tf-core*",
        "try/weights/detector.js",
        "try/pictures.js",
        "figures/drawing-area.js",
    ],
)
def test_says_so_where_the_networks_cannot_run(browser, address, lost):
    page = browser.new_page()
    page.route(f"**/{lost}", lambda route: route.abort())
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
    for path in [*PAGE.glob("*.js"), PAGE.parent / "figures" / "drawing-area.js"]:
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


# cleaner of pages --------------------------------------------------------------------------------


def cleaner_text():
    return (PAGE / "weights" / "cleaner.js").read_text("utf-16")


def test_weights_of_the_cleaner_are_those_that_ship():
    from export_models import digest_of_weights

    text = cleaner_text()
    facts = json.JSONDecoder().raw_decode(text, text.index("{"))[0]["facts"]
    assert facts["source"] == digest_of_weights(), "run: tools/export_models.py cleaner"
    assert (facts["radius"], facts["multiple"]) == (78, 16)
    assert (PAGE / "weights" / "cleaner.js").stat().st_size < 300_000
    assert (PAGE / "samples.js").stat().st_size < 200_000


@pytest.fixture(scope="module")
def cleaner(browser, address):
    """The page, scrolled to the cleaner, with its network loaded."""
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(address)
    page.locator("#try-page").scroll_into_view_if_needed()
    page.wait_for_selector("text=Choose a sample, or open")
    assert page.locator("#try-page-save").is_disabled()  # there is nothing yet
    yield page
    page.close()


def clean_and_wait(page, name):
    page.wait_for_function(
        "name => { const words = document.getElementById('try-page-words').textContent;"
        "return words.startsWith(name) && words.includes('cleaned in'); }",
        arg=name,
    )


PIXELS = """i => { const c = document.querySelectorAll("#try-page-result canvas")[i];
    const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
    let red = "";
    for (let k = 0; k < data.length; k += 4) red += String.fromCharCode(data[k]);
    return [c.height, c.width, btoa(red)]; }"""


def shown_page(page, which):
    # as one text: Playwright takes half a minute over as many numbers
    height, width, red = page.evaluate(PIXELS, which)
    return np.frombuffer(base64.b64decode(red), "uint8").reshape(height, width) / 255


@needs_chromium
def test_pages_are_cleaned_as_by_keras_tile_by_tile(cleaner):
    from aeutils.data import load_prose
    from aeutils.documents import clean_page, degrade_page, render_page

    page, _ = render_page(load_prose()[0], (237, 595), margin=20)
    degraded = degrade_page(page, seed=7)
    ink = computed(cleaner, "tryIt.cleanPage", 1 - degraded, *degraded.shape)
    difference = np.abs(1 - ink.reshape(page.shape) - clean_page(degraded))
    print(f"\ncleaner: largest difference {difference.max():.1e}")
    assert difference.max() < 0.01
    assert difference.mean() < 1e-4


@needs_chromium
def test_a_sample_is_cleaned_and_can_be_saved(cleaner):
    cleaner.get_by_role("button", name="photographed page").click()
    clean_and_wait(cleaner, "photographed page")
    # small, so enlarged threefold
    assert cleaner.inner_text("#try-page-scale-shown") == "300 %"
    before, after = (shown_page(cleaner, i) for i in (0, 1))
    assert before.shape == after.shape == (3 * 191, 3 * 384)
    assert np.median(before) < 0.75
    assert np.median(after) > 0.95
    slider = cleaner.locator("#try-page-result input[type=range]")
    slider.focus()
    slider.press("Home")
    assert slider.get_attribute("aria-valuetext") == "0 % input, 100 % output"
    with cleaner.expect_download() as download:
        cleaner.click("#try-page-save")
    assert download.value.suggested_filename == "photographed page-clean.png"
    saved = np.asarray(Image.open(download.value.path()).convert("L")) / 255
    assert np.abs(saved - after).max() < 0.01
    cleaner.click("#try-page-turn")
    clean_and_wait(cleaner, "photographed page")
    cleaner.wait_for_function("!document.getElementById('try-page-save').disabled")
    assert shown_page(cleaner, 1).shape == (3 * 384, 3 * 191)


@needs_chromium
def test_a_page_from_a_file_is_cleaned_and_other_files_are_told(cleaner, tmp_path):
    Image.new("RGB", (700, 500), (180, 170, 160)).save(tmp_path / "empty.png")
    cleaner.set_input_files("#try-page-file", tmp_path / "empty.png")
    clean_and_wait(cleaner, "empty.png")
    assert cleaner.inner_text("#try-page-scale-shown") == "100 %"
    assert shown_page(cleaner, 1).min() > 0.9
    (tmp_path / "notes.txt").write_text("no picture")
    cleaner.set_input_files("#try-page-file", tmp_path / "notes.txt")
    cleaner.wait_for_selector("text=notes.txt cannot be read as an image by this browser.")
    # dropped here, it is no image for the detector
    Image.new("L", (64, 64), 200).save(tmp_path / "one.png")
    data = list((tmp_path / "one.png").read_bytes())
    assert cleaner.evaluate(DROP, ["#try-page", "image/png", data])
    clean_and_wait(cleaner, "one.png")
    assert "one.png" not in cleaner.inner_text("#try-picture-message")
