"""Every page of the built book in a real browser: nothing from elsewhere, nothing broken."""

import re

import pytest
from browser import needs_chromium

pytestmark = needs_chromium
# in bytes: what a chapter may cost its reader, beside what all pages share
PAGE_LIMIT = 1_500_000
# Sphinx's words for what is folded
CELL = r"code cell|the (source|content|outputs)\b"


@pytest.fixture
def page(browser):
    page = browser.new_page()
    page.set_default_timeout(120_000)
    yield page
    page.close()


def names(html):
    """Return the addresses of all pages within the book."""
    paths = sorted(path.relative_to(html) for path in html.rglob("*.html"))
    # the theme leaves templates of its own in _static; index.html leads to the first page at once
    left_out = ("_static", "index.html")
    return [path.as_posix() for path in paths if path.parts[0] not in left_out]


def watch(page, home):
    """Return a list that fills with what goes wrong on a page from now on."""
    troubles = []

    def asked(request):
        if not request.url.startswith((home, "data:", "blob:")):
            troubles.append(f"asks for {request.url}")

    def answered(response):
        if response.status >= 400:
            troubles.append(f"{response.status}: {response.url}")

    def said(message):
        if message.type in ("error", "warning"):
            troubles.append(f"console: {message.text}")

    def failed(request):
        # given up by the browser when the next page was asked for; what is missing fails otherwise
        if request.failure != "net::ERR_ABORTED":
            troubles.append(f"failed: {request.url}")

    page.on("request", asked)
    page.on("response", answered)
    page.on("console", said)
    page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
    page.on("requestfailed", failed)
    return troubles


def broken_images(page):
    # what waits to be scrolled to is asked for now
    return page.evaluate(
        """async () => {
          for (const image of document.querySelectorAll("img[loading=lazy]")) {
            image.loading = "eager";
            await image.decode().catch(() => {});
          }
          return [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src);
        }"""
    )


def missing_icons(page):
    """Icons are letters of a font, which the style sheet writes before their elements."""
    return page.evaluate(
        """[...document.querySelectorAll("[class*='fa-']")]
            .filter(i => getComputedStyle(i, "::before").content === "none")
            .map(i => i.className)"""
    )


def look_at_all(page, html, home, also=None):
    """Return what is wrong with the pages; ``also(name)`` looks at each once it is there."""
    troubles, found = watch(page, home), []
    for name in names(html):
        page.goto(home + name)
        # scripts that wait a moment after the page is there
        page.wait_for_timeout(200)
        found += [f"{name}: {trouble}" for trouble in troubles]
        found += [f"{name}: broken image {source}" for source in broken_images(page)]
        found += [f"{name}: missing icon {icon}" for icon in missing_icons(page)]
        if also:
            also(name)
        troubles.clear()
    return found


@pytest.fixture(scope="module")
def walk(browser, html, site):
    """Load each page once; gives what is wrong with them, and what is read aloud by chapter."""
    page = browser.new_page()
    page.set_default_timeout(120_000)
    aloud = {}

    def listen(name):
        if name.startswith("notebooks/"):
            aloud[name] = read_aloud(page)

    wrong = look_at_all(page, html, site, listen)
    page.close()
    return wrong, aloud


def test_pages_load_whole_and_ask_nobody_else(walk, html):
    assert len(names(html)) > 15
    assert walk[0] == []


def test_the_book_opens_on_its_first_page(page, html):
    page.goto((html / "index.html").as_uri())
    page.wait_for_url("**/book/welcome.html")


def test_what_the_watch_must_see_it_sees(page, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<img src='gone.png'><script src='https://example.invalid/a.js'></script>"
        "<script>nothing.at.all</script><i class='fa-solid fa-gone'></i>"
    )
    home = tmp_path.as_uri() + "/"
    found = " ".join(look_at_all(page, tmp_path, home))
    for trouble in (
        "asks for https://example.invalid",
        "script: nothing",
        "broken image",
        "missing icon",
    ):
        assert trouble in found


def test_no_page_is_wider_than_a_narrow_screen(browser, html, site):
    """320 pixels: a small telephone, or a common screen at 400 % zoom (WCAG 1.4.10)."""
    page = browser.new_page(viewport={"width": 320, "height": 256})
    page.set_default_timeout(120_000)
    wide = {}
    for name in names(html):
        page.goto(site + name)
        # after all that scripts do, folded parts open
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        width = page.evaluate("document.scrollingElement.scrollWidth")
        if width > 320:
            wide[name] = width
    page.close()
    assert not wide


def test_no_chapter_costs_more_than_the_limit(html):
    sizes = {}
    for path in sorted(html.glob("notebooks/*.html")):
        text = path.read_text()
        own = {*re.findall(r'src="(\.\./_images/[^"]+)"', text)}
        sizes[path.stem] = path.stat().st_size + sum(
            (path.parent / source).stat().st_size for source in own
        )
    assert len(sizes) >= 10
    assert {name: size for name, size in sizes.items() if size > PAGE_LIMIT} == {}


def search(page, home, word):
    """Type a word into the search of a page, as a reader does; return the pages found."""
    page.goto(home + "notebooks/01_what_is_an_autoencoder.html")
    page.keyboard.press("Control+k")
    page.locator("#pst-search-dialog input").fill(word)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    # the page says how many when it is done
    page.get_by_text(re.compile("Search finished|did not match any")).wait_for()
    return page.locator("#search-results li a").evaluate_all("links => links.map(a => a.href)")


@pytest.mark.parametrize("how", ["served", "from a folder"])
def test_search_finds_words_of_the_chapters(page, html, site, how):
    home = site if how == "served" else html.as_uri() + "/"
    troubles = watch(page, home)
    found = search(page, home, "bottleneck")
    chapters = {re.search(r"notebooks/(\d\d)", link)[1] for link in found if "notebooks/" in link}
    assert {"01", "02"} <= chapters
    assert search(page, home, "xylophone") == []
    assert troubles == []


def read_aloud(page):
    """What a screen reader is told of a chapter: the browser's own accessibility tree."""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    article = page.get_by_role("article")
    named = article.get_by_role("img", name=re.compile(r"\w+ \w+ \w+ "))

    def count(selector):
        return page.locator(selector).count()

    return {
        "titles": article.get_by_role("heading", level=1).count(),
        "named": named.and_(page.locator("img")).count(),
        # a live figure takes the place of its picture
        "pictures": count("article img:visible"),
        "summaries": page.locator("article summary").all_inner_texts(),
        "other words": count("article summary[aria-label]"),
        "cells": count("article .cell_input"),
        "code": count("article .cell_input .highlight-python pre"),
        "early outputs": count("article .cell_output + .cell_input"),
    }


def test_chapters_are_read_aloud_well(walk):
    _, aloud = walk
    assert len(aloud) >= 10
    for name, chapter in aloud.items():
        assert chapter["titles"] == 1, name
        # every picture has a role and a name, and there is none without
        assert chapter["named"] == chapter["pictures"] > 0, name
        # what unfolds is a native control with a name that says what of
        assert chapter["summaries"], name
        for text in chapter["summaries"]:
            assert len(text.strip()) > 4, (name, text)
            assert not re.search(CELL, text), (name, text)
        assert chapter["other words"] == 0, name
        # code is preformatted text of a known language, and no picture of it
        assert chapter["code"] == chapter["cells"], name
        # its order in the page is the order of reading: the output follows its code
        assert chapter["early outputs"] == 0, name


def test_folded_code_opens_by_keyboard_alone(page, html, site):
    page.goto(site + "notebooks/02_anomaly_detection.html")
    summary = page.locator("article details.hide summary").first
    code = page.locator("article details.hide pre").first
    assert not code.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert code.is_visible()
    assert "aeutils" in code.inner_text()


def test_wide_code_scrolls_in_itself_and_by_keyboard(browser, html, site):
    page = browser.new_page(viewport={"width": 320, "height": 640})
    page.goto(site + "notebooks/02_anomaly_detection.html")
    # the theme looks for what scrolls once the page is there
    page.wait_for_function(
        "[...document.querySelectorAll('article pre')].some(e => e.tabIndex === 0)"
    )
    unreachable = page.evaluate(
        """[...document.querySelectorAll('article pre, article .cell_output > .output,'
             + ' .pst-scrollable-table-container')]
           .filter(e => e.scrollWidth > e.clientWidth && e.clientWidth > 0 && e.tabIndex !== 0)
           .map(e => e.className + e.textContent.slice(0, 40))"""
    )
    page.close()
    assert unreachable == []


def test_the_dark_theme_is_not_printed(browser, site):
    page = browser.new_page(color_scheme="dark")
    page.goto(site + "notebooks/02_anomaly_detection.html")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    page.evaluate(
        """addEventListener("beforeprint", () => {
            window.printed = getComputedStyle(document.querySelector("article p")).color;
        })"""
    )
    page.pdf()
    shades = [int(part) for part in re.findall(r"\d+", page.evaluate("window.printed"))[:3]]
    assert max(shades) < 100
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.close()
