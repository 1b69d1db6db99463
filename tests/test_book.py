"""The book builds without a warning, and every link and image in it leads somewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from build_book import table_of_contents

ROOT = Path(__file__).resolve().parent.parent


class Page(HTMLParser):
    """The links, the loaded files, the images and the ids of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.images, self.ids = [], [], [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        if tag == "a" and "href" in attrs:
            self.links.append(attrs["href"])
        if tag == "img":
            self.images.append(attrs)
        if tag in ("img", "script", "iframe", "source") and attrs.get("src"):
            self.loaded.append(attrs["src"])
        if tag == "link" and attrs.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(attrs["href"])


@pytest.fixture(scope="module")
def pages(html):
    # the theme leaves templates of its own in _static
    paths = [path for path in sorted(html.rglob("*.html")) if "_static" not in path.parts]
    return {path: Page(path) for path in paths}


def test_every_page_is_there(html):
    assert (html / "index.html").exists()
    for name in table_of_contents():
        assert (html / f"{name}.html").exists()


def test_everything_written_is_in_the_table_of_contents():
    written = [*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("book/*.md")]
    names = {str(path.relative_to(ROOT).with_suffix("")) for path in written}
    assert names == set(table_of_contents())


def test_internal_links_and_files_resolve(pages):
    broken = []
    for path, page in pages.items():
        for target in page.links + page.loaded:
            parts = urlsplit(target)
            if parts.scheme or target.startswith("//"):
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.is_file():
                broken.append(f"{path.name}: {target}")
            elif parts.fragment and file.suffix == ".html":
                target_page = pages.get(file) or Page(file)
                if unquote(parts.fragment) not in target_page.ids:
                    broken.append(f"{path.name}: {target} (no such place)")
    assert not broken


def test_no_page_loads_anything_from_elsewhere(pages):
    outside = [
        f"{path.name}: {source}"
        for path, page in pages.items()
        for source in page.loaded
        if urlsplit(source).netloc
    ]
    assert not outside


def test_every_figure_has_words_for_those_who_do_not_see_it(pages, html):
    for path, page in pages.items():
        for image in page.images:
            # the theme's launch menu, where the services' names stand beside their signs
            if "_static/images/logo_" in image["src"]:
                continue
            # myst-nb writes the file's path where an author gave no words
            alt = image.get("alt", "")
            assert len(alt.split()) > 3, f"{path.relative_to(html)}: {image['src']}: {alt!r}"


def test_readme_links_resolve():
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text()):
        assert "://" in target or (ROOT / target).exists(), target


def test_benchmarks_page_shows_the_stored_results():
    import page

    assert page.PAGE.read_text() == page.render(), "run: python benchmarks/page.py"
