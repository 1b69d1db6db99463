"""Live figures come alive from a folder of files, show what their cells wrote, need no mouse."""

import base64
import json
import re

import numpy as np
import pytest
from browser import needs_chromium

pytestmark = needs_chromium


def unpacked(data):
    """Return what aeutils.show.packed() packed."""
    steps = np.frombuffer(base64.b64decode(data["bytes"]), np.uint8).reshape(data["shape"])
    return data["low"] + (data["high"] - data["low"]) * steps / 255


@pytest.fixture
def figure(browser, html, request):
    """The live figure of a chapter, opened as a file, and the numbers that its cell wrote."""
    chapter, kind = request.param
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto((html / "notebooks" / f"{chapter}.html").as_uri())
    figure = page.locator(f'figure[data-live="{kind}"].is-live').first
    figure.wait_for()
    figure.scroll_into_view_if_needed()
    data = json.loads(figure.locator('script[type="application/json"]').text_content())
    yield figure, data
    page.close()


def chapter(name, kind):
    return pytest.mark.parametrize("figure", [(name, kind)], indirect=True, ids=[kind])


def drag(part, start, stop):
    """Drag with the mouse from one place of a part to another, both in shares of its width."""
    part.scroll_into_view_if_needed()
    box = part.bounding_box()
    mouse = part.page.mouse
    mouse.move(box["x"] + start * box["width"], box["y"] + 30)
    mouse.down()
    mouse.move(box["x"] + stop * box["width"], box["y"] + 60)
    mouse.up()


def move_by_keys(slider, compare, last):
    """Move a slider to its first, second and last place; compare what is shown at each."""
    slider.focus()
    slider.press("Home")
    compare(0)
    slider.press("ArrowRight")
    compare(1)
    slider.press("End")
    compare(last)


def grey(canvas):
    """Return the pixels of a canvas, from 0 to 1."""
    # as one text: Playwright would pack and unpack each number of a list by itself
    script = """canvas => Array.from(canvas.getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height).data).filter((_, i) => i % 4 === 0)
        .join()"""
    return np.array(canvas.evaluate(script).split(","), int) / 255


@chapter("03_image_denoising", "noise-slider")
def test_the_noise_slider_shows_the_images_and_decibels_of_the_chapter(figure):
    figure, data = figure
    images = unpacked(data["images"])
    slider = figure.locator("input[type=range]")
    assert figure.locator("img").is_hidden()
    assert slider.get_attribute("aria-valuetext") == "0.50"

    def compare(level, digit):
        for kind in range(len(data["kinds"])):
            shown = grey(figure.locator("canvas").nth(kind))
            assert np.abs(shown - images[level, kind, digit].ravel()).max() < 0.01
        values = [f"PSNR {values[digit]:.1f} dB" for values in data["psnr"][level]]
        assert figure.locator(".live-picture output").all_inner_texts() == values
        assert figure.locator(".live-slider output").inner_text() == f"{data['levels'][level]:.2f}"

    compare(data["start"], 0)
    slider.focus()
    slider.press("Home")
    compare(0, 0)
    slider.press("ArrowRight")
    compare(1, 0)
    slider.press("End")
    compare(len(data["levels"]) - 1, 0)
    assert slider.get_attribute("aria-valuetext") == "1.00"
    digit = figure.locator("button").nth(3)
    digit.focus()
    digit.press("Enter")
    compare(len(data["levels"]) - 1, 3)
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("07_denoising_faster_and_better", "photo-slider")
def test_the_photo_slider_shows_noisy_and_denoised_and_their_decibels(figure):
    figure, data = figure
    level, line = figure.locator("input[type=range]").all()
    noisy, denoised = figure.locator(".live-app img").all()

    def compare(photograph, at, percent):
        here = data["pictures"][photograph][at]
        assert noisy.get_attribute("src").endswith(here["noisy"])
        assert denoised.get_attribute("src").endswith(here["denoised"])
        words = figure.locator("output").last.inner_text()
        assert words == "PSNR: noisy {:.1f} dB, denoised {:.1f} dB".format(*here["psnr"])
        assert f"{percent}%" in denoised.evaluate("e => e.style.clipPath")
        assert level.get_attribute("aria-valuetext") == f"{data['levels'][at]} of 255"

    compare(0, data["start"], 50)
    level.focus()
    level.press("End")
    compare(0, len(data["levels"]) - 1, 50)
    line.focus()
    line.press("ArrowRight")
    compare(0, len(data["levels"]) - 1, 51)
    button = figure.locator("button").nth(1)
    button.focus()
    button.press("Enter")
    compare(1, len(data["levels"]) - 1, 51)
    box = noisy.bounding_box()
    figure.page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    assert abs(int(line.input_value()) - 25) <= 1
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("02_anomaly_detection", "threshold")
def test_the_threshold_shows_rates_precision_and_cost_of_the_counted_scores(figure):
    figure, data = figure
    counts = [np.array(data["normal"]), *map(np.array, data["anomalies"])]
    threshold, rare, price = figure.locator("input[type=range]").all()

    def compare(place, kind, base_rate, cost_of_a_miss):
        false_alarms, found = (
            c[place + 1 :].sum() / c.sum() for c in (counts[0], counts[1 + kind])
        )
        real, wrong = base_rate * found, (1 - base_rate) * false_alarms
        cost = 1000 * (wrong + (base_rate - real) * cost_of_a_miss)
        precision = f"{100 * real / (real + wrong):.1f} %" if real + wrong else "no alarm"
        values = figure.locator("div.live-slider output").all_inner_texts()
        numbers = [float(v.split()[0]) for v in [*values[:2], values[3]]]
        assert numbers == pytest.approx([100 * false_alarms, 100 * found, cost], abs=0.051)
        assert float(values[2].split()[0]) == pytest.approx(float(precision.split()[0]), abs=0.1)
        shown = f"{place * data['step']:.4f}"
        assert f"threshold {shown}," in figure.locator("svg").get_attribute("aria-label")
        assert threshold.get_attribute("aria-valuetext") == shown

    compare(data["start"], 0, 1 / 1000, 100)
    threshold.focus()
    # above the last edge no image is left, and no precision
    threshold.press("End")
    values = figure.locator("div.live-slider output").all_inner_texts()
    assert values[:3] == ["0.0 %", "0.0 %", "no alarm"]
    assert threshold.get_attribute("aria-valuetext") == "above all"
    threshold.fill(str(data["start"]))
    compare(data["start"], 0, 1 / 1000, 100)
    threshold.press("ArrowLeft")
    compare(data["start"] - 1, 0, 1 / 1000, 100)
    rare.focus()
    rare.press("ArrowLeft")
    price.focus()
    price.press("End")
    compare(data["start"] - 1, 0, 1 / 794, 10_000)
    button = figure.locator("button").nth(2)
    button.focus()
    button.press("Enter")
    compare(data["start"] - 1, 2, 1 / 794, 10_000)
    drag(figure.locator("svg"), 1 / 2, 1 / 4)
    n_bins = len(data["normal"])
    assert abs(int(threshold.input_value()) - n_bins / 4) <= 2
    compare(int(threshold.input_value()), 2, 1 / 794, 10_000)
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("02_anomaly_detection", "error-maps")
def test_error_maps_show_images_reconstructions_and_scores_of_the_chapter(figure):
    figure, data = figure
    inputs, reconstructions = (
        unpacked(data[name]).reshape(len(data["names"]), -1, 784)
        for name in ("inputs", "reconstructions")
    )
    says = figure.locator("output")
    for kind, name in enumerate(data["names"]):
        button = figure.get_by_role("button", name=name, exact=True)
        button.focus()
        button.press("Enter")
        for example, score in enumerate(data["scores"][kind]):
            x, y = inputs[kind, example], reconstructions[kind, example]
            # 8 bits a pixel move the score by little
            assert np.mean((x - y) ** 2) == pytest.approx(score, abs=1e-3)
            assert np.abs(grey(figure.locator("canvas").nth(0)) - x).max() < 0.01
            assert np.abs(grey(figure.locator("canvas").nth(1)) - y).max() < 0.01
            error = grey(figure.locator("canvas").nth(2))
            assert np.corrcoef(error, np.abs(x - y))[0, 1] > 0.9
            alarm = score > data["threshold"]
            assert says.inner_text() == (
                f"Score {score:.4f}, {'above' if alarm else 'not above'} the threshold "
                f"{data['threshold']:.4f}: {'alarm' if alarm else 'no alarm'}."
            )
            figure.get_by_role("button", name="Another example").press("Enter")
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("04_anomalies_in_any_data", "false-discoveries")
def test_the_false_discoveries_are_those_of_the_package(figure):
    from aeutils.anomalies import discoveries

    figure, data = figure
    target, rare = figure.locator("input[type=range]").all()

    def compare(case, rate, n_strange, by_step_up=True):
        case = data["cases"][case]
        p = np.array(case["normal"] + case["strange"][:n_strange]) / (data["n"] + 1)
        alarms = discoveries(p, rate) if by_step_up else p <= rate * (1 + 1e-12)
        n_false = int(alarms[: len(case["normal"])].sum())
        values = figure.locator("div.live-slider output").all_inner_texts()
        assert values[0] == str(alarms.sum())
        if alarms.any():
            share = float(values[1].removesuffix(" %"))
            assert share == pytest.approx(100 * n_false / alarms.sum(), abs=0.51)
        if n_strange:
            assert values[2] == f"{alarms.sum() - n_false} of {n_strange}"
        words = figure.locator("svg").get_attribute("aria-label")
        assert f"{alarms.sum()} alarms, {n_false} of them false" in words

    compare(0, data["start"] / 100, 50)
    target.focus()
    target.press("End")
    compare(0, 0.5, 50)
    for _ in range(30):
        target.press("ArrowLeft")
    compare(0, 0.2, 50)
    rare.focus()
    rare.press("ArrowLeft")
    compare(0, 0.2, 49)
    for i in range(1, len(data["cases"])):
        button = figure.locator("button").nth(i)
        button.focus()
        button.press("Enter")
        compare(i, 0.2, 49)
    rule = figure.locator("button").nth(len(data["cases"]) + 1)
    rule.focus()
    rule.press("Enter")
    compare(len(data["cases"]) - 1, 0.2, 49, by_step_up=False)
    rare.press("Home")
    compare(len(data["cases"]) - 1, 0.2, 0, by_step_up=False)
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("06_cleaning_audio", "player")
def test_the_player_switches_versions_while_it_plays_and_needs_no_mouse(figure):
    figure, data = figure
    canvas, seek = figure.locator("canvas"), figure.locator("input[type=range]")
    sounds = figure.locator("audio")
    assert sounds.count() == len(data["names"]) * len(data["versions"])
    assert not any(sound.is_visible() for sound in sounds.all())
    play = figure.get_by_role("button", name="Play")
    drawn = []
    for name, scores in zip(data["names"], data["scores"], strict=True):
        figure.get_by_role("button", name=name, exact=True).press("Enter")
        for version, score in zip(data["versions"], scores, strict=True):
            figure.get_by_role("button", name=version, exact=True).press("Enter")
            assert f"{name}, {version}" in canvas.get_attribute("aria-label")
            says = figure.locator(".live-choice output").inner_text()
            assert says == (version if score is None else f"{version}: SI-SDR {score:.1f} dB")
            drawn.append(grey(canvas).mean())
    # noise makes a spectrogram brighter, and the clean version is the same for all
    noisy, cleaned, clean = np.array(drawn).reshape(len(data["names"]), -1).T
    assert (noisy > cleaned).all()
    assert np.ptp(clean) == 0
    seek.focus()
    seek.press("ArrowRight")
    assert seek.get_attribute("aria-valuetext") == "0.1 seconds"
    play.press("Enter")
    pause = figure.get_by_role("button", name="Pause")
    assert pause.get_attribute("aria-pressed") == "true"
    figure.page.wait_for_timeout(400)
    figure.get_by_role("button", name="noisy", exact=True).press("Enter")
    assert pause.get_attribute("aria-pressed") == "true"
    assert 0.1 < float(seek.input_value()) < 3
    pause.press("Enter")
    assert play.get_attribute("aria-pressed") == "false"
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("05_cleaning_documents", "before-after")
def test_the_line_between_two_pictures_moves_by_mouse_and_keys(figure):
    every = figure[0].page.locator('figure[data-live="before-after"].is-live')
    for place in range(every.count()):
        figure = every.nth(place)
        figure.scroll_into_view_if_needed()
        data = json.loads(figure.locator('script[type="application/json"]').text_content())
        assert figure.locator("> img").is_hidden()
        slider = figure.locator("input[type=range]")
        pictures = figure.locator(".before-after-pictures")

        def at(pictures=pictures):
            return float(pictures.evaluate("e => parseFloat(e.style.getPropertyValue('--at'))"))

        slider.focus()
        slider.press("Home")
        assert at() == 0
        slider.press("ArrowRight")
        assert at() == 1
        names = data["pairs"][0]["names"]
        words = f"1 % {names[0]}, 99 % {names[1]}"
        assert slider.get_attribute("aria-valuetext") == words
        drag(pictures, 0.5, 0.75)
        assert at() == pytest.approx(75, abs=1)
        assert slider.input_value() == str(round(at()))
        for i, pair in enumerate(data["pairs"]):
            if len(data["pairs"]) > 1:
                figure.locator("button").nth(i).press("Enter")
            for side, number in (("left", pair["before"]), ("right", pair["after"])):
                image = figure.locator(f"img.before-after-{side}")
                assert image.get_attribute("src") == data["images"][number]
                assert image.evaluate("e => e.decode().then(() => e.naturalWidth)") > 400
            # both lie on the same pixels
            left, right = (
                figure.locator(f"img.before-after-{side}").bounding_box()
                for side in ("left", "right")
            )
            assert left == pytest.approx(right, abs=1)
        assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")
    assert every.count() == 2


@chapter("12_from_denoiser_to_generator", "denoising-steps")
def test_the_steps_show_the_noisy_images_and_the_estimates_of_the_chapter(figure):
    figure, data = figure
    slider = figure.locator("input[type=range]")
    state, estimate = figure.locator(".live-app img").all()
    last = len(data["steps"]) - 1

    def compare(i):
        here = data["steps"][i]
        assert state.get_attribute("src").endswith(here["state"])
        assert estimate.get_attribute("src").endswith(here["estimate"])
        assert here["sigma"] in state.get_attribute("alt")
        assert slider.get_attribute("aria-valuetext") == f"{i} of {last}"
        words = figure.locator(".live-app div output").all_inner_texts()
        assert all(text.endswith(here["sigma"]) for text in words)

    compare(data["start"])
    move_by_keys(slider, compare, last)
    box = slider.bounding_box()
    figure.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert abs(int(slider.input_value()) - last / 2) <= 1
    assert state.evaluate("e => e.naturalHeight") == 28
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("14_codes_that_are_counted", "bits-slider")
def test_the_bits_show_what_each_codec_decodes_at_about_equal_bits(figure):
    figure, data = figure
    slider = figure.locator("input[type=range]")
    pictures, words = figure.locator(".live-row img"), figure.locator(".live-row output")
    photographs = data["photographs"]

    def compare(photograph, rate):
        items = photographs[photograph]["rates"][rate]["items"]
        for item, picture, says in zip(items, pictures.all(), words.all(), strict=True):
            assert picture.get_attribute("src").endswith(item["webp"])
            assert photographs[photograph]["name"] in picture.get_attribute("alt")
            assert says.inner_text() == f"{item['bpp']:.2f} bpp, {item['psnr']:.1f} dB"
        named = f"{items[0]['bpp']:.2f} bits per pixel"
        assert slider.get_attribute("aria-valuetext") == named
        assert figure.locator(".live-slider output").inner_text() == named

    compare(0, data["start"])
    slider.focus()
    slider.press("Home")
    compare(0, 0)
    slider.press("ArrowRight")
    compare(0, 1)
    figure.get_by_role("button", name=photographs[1]["name"]).press("Enter")
    compare(1, 1)
    slider.press("End")
    compare(1, len(photographs[1]["rates"]) - 1)
    assert pictures.first.evaluate("e => e.naturalHeight") == 128
    for photograph in photographs:
        for i, rate in enumerate(photograph["rates"]):
            first, *others = (item["bpp"] for item in rate["items"])
            # WebP has no file as short as the network's shortest
            assert all(abs(bpp / first - 1) < (0.06 if i else 0.3) for bpp in others)
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("09_variational_autoencoder", "latent-plane")
def test_the_plane_decodes_the_place_under_the_cursor(figure):
    figure, data = figure
    grid = unpacked(data["grid"])
    rows, columns = grid.shape[:2]
    plane = figure.get_by_role("application")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    plane.focus()
    for share in (0.5, 0.25):
        figure.page.mouse.click(box["x"] + share * box["width"], box["y"] + share * box["height"])
        shown = grey(figure.locator("canvas"))
        # the first row of the grid is the lowest place
        expected = grid[round((1 - share) * (rows - 1)), round(share * (columns - 1))].ravel()
        assert np.corrcoef(shown, expected)[0, 1] > 0.9
    before = grey(figure.locator("canvas"))
    plane.press("ArrowRight")
    assert np.abs(grey(figure.locator("canvas")) - before).max() > 0


@chapter("09_variational_autoencoder", "beta-slider")
def test_the_beta_slider_shows_pictures_and_terms_of_each_network(figure):
    figure, data = figure
    betas, last = data["betas"], len(data["betas"]) - 1
    slider = figure.locator("input[type=range]")
    chart = figure.locator("svg")
    pictures = figure.locator(".beta-strips img")

    def compare(place):
        assert int(slider.input_value()) == place
        assert float(slider.get_attribute("aria-valuetext")) == betas[place]
        shown = pictures.evaluate_all("images => images.map(i => i.src.split(',')[1])")
        assert shown == [data["inputs"], *(row[place] for row in data["rows"].values())]
        words = figure.locator(".beta-numbers output").all_inner_texts()
        assert words == data["says"][place]
        bars = chart.locator("g").evaluate_all("bars => bars.map(b => b.getAttribute('opacity'))")
        assert [i for i, opacity in enumerate(bars) if opacity == "1"] == [place]
        assert f"at {betas[place]:g}" in chart.get_attribute("aria-label")

    assert figure.locator("> img").is_hidden()
    compare(data["start"])
    move_by_keys(slider, compare, last)
    # each picture is six digits, decoded by the browser, and has words that say which network
    sizes = pictures.evaluate_all("images => images.map(i => [i.naturalWidth, i.naturalHeight])")
    assert sizes == 3 * [data["size"]]
    assert f"β = {betas[last]:g}" in pictures.last.get_attribute("alt")
    # heights of the bars are the terms
    tall = chart.locator("rect").evaluate_all("bars => bars.map(b => +b.getAttribute('height'))")
    terms = np.array(data["terms"])
    shares = terms / terms.sum(axis=1).max()
    np.testing.assert_allclose(np.reshape(tall, terms.shape) / np.max(tall), shares / shares.max())
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    figure.page.mouse.click(box["x"] + box["width"] * 2.5 / len(betas), box["y"] + 20)
    compare(2)
    assert len(json.dumps(data)) < 25_000
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("08_sequences", "sliding-window")
def test_the_score_of_the_sliding_window_is_the_mean_over_windows(figure):
    figure, data = figure
    errors, stride = unpacked(data["residuals"]) ** 2, data["stride"]
    count, width = errors.shape
    slider = figure.locator("input[type=range]")
    says = figure.locator(".live-choice output")

    def compare(place):
        sums, held = np.zeros((2, stride * (count - 1) + width))
        for i, row in enumerate(errors[: place + 1]):
            sums[stride * i : stride * i + width] += row
            held[stride * i : stride * i + width] += 1
        done = stride * place + (width if place == count - 1 else stride)
        scores = sums[:done] / held[:done]
        words = says.inner_text()
        assert f"window: {errors[place].mean():.3f}." in words
        end = data["begin"] + done / data["rate"]
        near = np.abs(scores - data["threshold"]) < 1e-5
        alarms = int(words.split(": ")[-1].split()[0])
        assert abs(alarms - int((scores > data["threshold"]).sum())) <= near.sum()
        assert f"up to {end:.2f} s" in words
        start = data["begin"] + stride * place / data["rate"]
        assert slider.get_attribute("aria-valuetext") == f"{start:.2f} s"
        assert f"from {start:.2f} s" in figure.locator("svg").get_attribute("aria-label")

    assert figure.locator("> img").is_hidden()
    compare(data["start"])
    move_by_keys(slider, compare, count - 1)
    button = figure.get_by_role("button")
    button.press("Enter")
    figure.page.wait_for_timeout(500)
    button.press("Enter")
    assert button.inner_text() == "Slide"
    assert 0 < int(slider.input_value()) < count - 1
    compare(int(slider.input_value()))
    drag(figure.locator("svg"), 1 / 3, 1 / 2)
    steps = stride * (count - 1) + width
    assert abs(int(slider.input_value()) - (steps / 2 - width / 2) / stride) <= 2
    compare(int(slider.input_value()))
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("13_codes_one_can_read", "unit-reader")
def test_the_reader_of_units_shows_images_and_changed_answers(figure):
    figure, data = figure
    says, slider = figure.locator(".live-choice output"), figure.locator("input[type=range]")
    canvases = figure.locator("canvas")
    charts = figure.locator(".live-app svg")

    def compare(place):
        unit = data["units"][place]
        assert says.inner_text().startswith(f"unit {unit['name']}, active in {unit['active']} %")
        assert slider.input_value() == str(place + 1)
        on, off = unit["answers"]
        words = figure.locator(".live-picture > span").all_inner_texts()
        changed = [f"{a}" if a == b else f"{a} → {b}" for a, b in zip(on, off, strict=True)]
        assert words == changed
        for chart, key in zip(charts.all(), ("share", "lost"), strict=True):
            label = chart.get_attribute("aria-label")
            assert f"class 0: {unit[key][0]:g}," in label
            heights = chart.locator("rect").evaluate_all(
                "e => e.map(r => +r.getAttribute('height'))"
            )
            assert np.argmax(heights) == np.argmax(unit[key])

    assert figure.locator("> img").is_hidden()
    assert canvases.count() == len(data["units"][0]["answers"][0])
    compare(data["start"])
    before = grey(canvases.first)
    assert before.max() > 0.9
    slider.focus()
    slider.press("Home")
    compare(0)
    slider.press("ArrowRight")
    compare(1)
    figure.get_by_role("button", name="Previous unit").press("Enter")
    figure.get_by_role("button", name="Previous unit").click()
    compare(len(data["units"]) - 1)
    figure.get_by_role("button", name="Next unit").click()
    compare(0)
    assert np.abs(grey(canvases.first) - before).max() > 0.5
    assert len(data["sprite"]) < 80_000
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


@chapter("15_learning_without_labels", "hidden-patches")
def test_the_slider_of_hidden_patches_shows_what_two_methods_make_of_the_visible_ones(figure):
    figure, data = figure
    slider = figure.locator("input[type=range]")
    seen, linear, network, digits = figure.locator(".live-app img").all()
    last = len(data["steps"]) - 1

    def compare(i):
        step = data["steps"][i]
        for picture, key in ((seen, "seen"), (linear, "linear"), (network, "network")):
            assert picture.get_attribute("src").endswith(step[key])
        assert digits.get_attribute("src").endswith(data["digits"])
        assert slider.get_attribute("aria-valuetext") == f"{step['visible']} of 49"
        assert f"{step['visible']} of 49" in seen.get_attribute("alt")
        words = figure.locator(".live-app div output").all_inner_texts()
        assert [text.split()[-1] for text in words[1:3]] == step["errors"]

    assert figure.locator("> img").is_hidden()
    compare(data["start"])
    move_by_keys(slider, compare, last)
    visible = [step["visible"] for step in data["steps"]]
    assert visible == sorted(visible)
    # the more is visible, the smaller the error
    for errors in zip(*(map(float, step["errors"]) for step in data["steps"]), strict=True):
        assert errors[-1] < errors[0]
    assert seen.evaluate("e => e.naturalHeight") == 28
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")


def answers(node, way=()):
    """Yield every answer of a decision tree with the choices that lead to it."""
    if "leaf" in node:
        yield way, node["leaf"]
    for i, option in enumerate(node.get("options", ())):
        yield from answers(option, (*way, i))


@chapter("10_which_autoencoder", "decision-tree")
def test_every_answer_of_the_decision_tree_is_reached_by_keys_and_leads_to_its_chapter(
    figure, html
):
    figure, data = figure
    page, card = figure.page, figure.locator(".tree-leaf")
    every = list(answers(data["tree"]))
    assert len(every) >= 12
    assert figure.locator("> img").is_hidden()

    def shown(leaf):
        text = card.inner_text()
        assert leaf["advice"] in text
        assert leaf["measured"] in text
        assert data["winners"][leaf["winner"]] in text
        link = card.get_by_role("link")
        assert link.inner_text() == leaf["chapter"]
        name, _, place = link.get_attribute("href").partition("#")
        target = (html / "notebooks" / name).read_text()
        assert not place or f'id="{place}"' in target

    shown(dict(every)[tuple(data["start"])])
    for way, leaf in every:
        for depth, choice in enumerate(way):
            button = figure.get_by_role("group").nth(depth).get_by_role("button").nth(choice)
            button.focus()
            button.press("Enter")
            chosen = figure.get_by_role("group").nth(depth).get_by_role("button").nth(choice)
            assert chosen.get_attribute("aria-pressed") == "true"
            # a drawing anew does not lose the place of who uses keys
            assert chosen.evaluate("e => e === document.activeElement")
        shown(leaf)
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")
    # on a telephone the map's words would be too small
    assert figure.locator(".tree-map").is_hidden()
    page.set_viewport_size({"width": 1280, "height": 800})
    for way, leaf in (every[0], every[-1]):
        ends = re.compile(re.escape(leaf["short"]) + "$")
        figure.locator(".tree-map text", has_text=ends).click()
        shown(leaf)
        taken = figure.locator(".tree-map .is-taken")
        assert taken.count() == 1
        assert leaf["short"] in taken.text_content()
        assert figure.locator('button[aria-pressed="true"]').count() == len(way)


@chapter("11_faster_and_bigger", "shard-run")
def test_the_run_over_shards_counts_what_was_done_lost_and_scored_again(figure):
    figure, data = figure
    slider = figure.locator("input[type=range]")
    says = figure.locator(".live-choice output")
    count = len(data["memory"]) - 1

    def compare(at):
        time = at * data["step"]
        states = ["waiting"] * data["shards"]
        for span in data["spans"]:
            if span["begin"] <= time:
                ended = "lost" if span["lost"] else "done"
                states[span["shard"]] = "running" if span["end"] > time else ended
        assert says.inner_text() == (
            f"Done: {states.count('done')} of {data['shards']} shards. "
            f"Being scored: {states.count('running')}. "
            f"Lost with a worker: {states.count('lost')}. "
            f"Memory of the workers: {data['memory'][at]:,} MiB."
        )
        assert slider.get_attribute("aria-valuetext") == f"{time:.1f} s"
        words = figure.locator("svg").get_attribute("aria-label")
        assert f"{states.count('done')} of {data['shards']} shards are done" in words
        return states

    assert figure.locator("> img").is_hidden()
    # a moment after the kill the shard is lost, in the end all are done
    shard = data["killed"]["shard"]
    assert compare(data["start"])[shard] in ("lost", "running", "done")
    assert sum(span["lost"] for span in data["spans"]) == 1
    assert sum(span["shard"] == shard for span in data["spans"]) == 2
    slider.focus()
    slider.press("Home")
    assert set(compare(0)) <= {"waiting", "running"}
    slider.press("ArrowRight")
    compare(1)
    slider.press("End")
    assert set(compare(count)) == {"done"}
    button = figure.get_by_role("button")
    button.press("Enter")
    figure.page.wait_for_timeout(700)
    button.press("Enter")
    assert button.inner_text() == "Play"
    assert 0 < int(slider.input_value()) < count
    compare(int(slider.input_value()))
    drag(figure.locator("svg"), 0.3, 0.6)
    compare(int(slider.input_value()))
    assert figure.evaluate("f => f.scrollWidth <= f.clientWidth + 1")
