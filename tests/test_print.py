"""The edition in one file: whole, self-contained, and on paper."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import launch, needs_chromium
from bs4 import BeautifulSoup
from build_book import table_of_contents

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def folder(html):
    """Return the folder in which the edition was made of the built book."""
    command = [sys.executable, ROOT / "tools" / "print_book.py", html.parent.parent]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return html.parent


@pytest.fixture(scope="module")
def edition(folder):
    return BeautifulSoup((folder / "autoencoders.html").read_text(), "html.parser")


def test_every_page_is_in_it_in_order(edition, html):
    texts = [(html / f"{name}.html").read_text() for name in table_of_contents()]
    sources = [BeautifulSoup(text, "html.parser") for text in texts]
    # a page that lives by its scripts is not for paper
    printed = [page for page in sources if not page.select("article canvas")]
    assert len(printed) >= 17
    titles = [page.select_one("article h1").get_text().rstrip("#") for page in printed]
    assert [h1.get_text() for h1 in edition.select("h1")] == titles
    assert [item.get_text() for item in edition.select("nav li")] == titles
    # nothing on the way was lost
    for kind in ("pre", "table", "img", "details"):
        there = sum(len(page.select(f"article {kind}")) for page in printed)
        assert len(edition.select(kind)) == there > 0


def test_links_stay_inside_or_go_to_the_web(edition):
    ids = [element["id"] for element in edition.select("[id]")]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in edition.select("a[href]")]
    inside = [link[1:] for link in links if link.startswith("#")]
    assert len(inside) > 100
    assert set(inside) <= set(ids)
    assert all(re.match("#|https?://|mailto:", link) for link in links)


def test_it_is_unfolded_and_carries_everything(edition):
    assert not edition.select("script, link, iframe, button, details:not([open])")
    for element in edition.select("[src]"):
        assert element["src"].startswith("data:"), element["src"]
    for style in edition.select("style"):
        assert not re.search(r"url\((?!data:)|@import", style.get_text())


@needs_chromium
def test_it_shows_in_a_browser_and_asks_for_nothing(folder):
    asked = []
    with launch() as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        address = (folder / "autoencoders.html").as_uri()
        page.goto(address)
        broken = page.evaluate("[...document.images].filter(i => !i.naturalWidth).length")
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert broken == 0


@needs_chromium
def test_the_pdf_has_pages_bookmarks_and_tags(folder):
    pdf = (folder / "autoencoders.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 150 < pages < 600
    assert b"/Outlines" in pdf
    assert b"/StructTreeRoot" in pdf
