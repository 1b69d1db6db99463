"""Make one file of the whole book, to print or to carry along; ``make print`` runs this.

    python tools/print_book.py [FOLDER]

builds the book in FOLDER/_build, by default in the checkout, and writes beside it
autoencoders.html, which holds its pictures and styles and asks for nothing.  Where Chromium is
installed, autoencoders.pdf is printed from it.
"""

import base64
import mimetypes
import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import build_book
import yaml
from bs4 import BeautifulSoup
from chromium import find_chromium, launch

from aeutils.core.files import atomic_path, atomic_write

ROOT = build_book.ROOT
# what only works on a screen
OF_THE_SCREEN = "script, style, button, a.headerlink, .toctree-wrapper, .onlyprint"


def anchor(name, fragment=""):
    """Return the id, in the one file, of a page or of a place in it."""
    return "--".join(filter(None, [name.replace("/", "-"), fragment]))


def as_data(path):
    """Return a file as the address that holds it."""
    kind = mimetypes.guess_type(path.name)[0] or "image/webp"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def read_article(html, name):
    """Return the article of a page as a soup, or None where it lives by its scripts."""
    page = BeautifulSoup((html / f"{name}.html").read_text(), "html.parser")
    article = page.select_one("article.bd-article")
    if article.select_one("canvas"):
        return None
    for element in article.select(OF_THE_SCREEN):
        element.decompose()
    return article


def fit_in(article, html, name, names):
    """Give a page's places names of their own, unfold it, and take its pictures in."""
    folder = (html / name).parent
    article.name = "section"
    article.attrs = {"class": "page"}
    for element in article.select("[id]"):
        element["id"] = anchor(name, element["id"])
    for element in article.select("[aria-labelledby]"):
        element["aria-labelledby"] = anchor(name, element["aria-labelledby"])
    for details in article.select("details"):
        details["open"] = ""
    for image in article.select("img"):
        image["src"] = as_data(folder / unquote(image["src"]))
        # a larger version, behind a link, is the same file
        if image.parent.name == "a" and "image-reference" in image.parent.get("class", []):
            image.parent.unwrap()
    for link in article.select("a[href]"):
        parts = urlsplit(link["href"])
        if parts.scheme:
            continue
        target = name
        if parts.path:
            path = Path(os.path.normpath(folder / unquote(parts.path)))
            target = path.relative_to(html).with_suffix("").as_posix()
        if target in names:
            link["href"] = "#" + anchor(target, unquote(parts.fragment))
        else:
            # the index, or a download: not in this edition
            link.unwrap()
    article["id"] = anchor(name)


def edition(html):
    """Return the whole book as one HTML document."""
    articles = {name: read_article(html, name) for name in build_book.table_of_contents()}
    articles = {name: article for name, article in articles.items() if article}
    contents = []
    for name, article in articles.items():
        contents.append(f'<li><a href="#{anchor(name)}">{article.h1.get_text()}</a></li>')
        fit_in(article, html, name, articles)
    styles = [html / "_static" / "pygments.css", ROOT / "book" / "_static" / "print.css"]
    title = yaml.safe_load((ROOT / "_config.yml").read_text())["title"]
    first, *rest = map(str, articles.values())
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            *(f"<style>{path.read_text()}</style>" for path in styles),
            f"</head><body><main>{first}",
            f'<nav aria-label="Contents"><h2>Contents</h2><ul>{"".join(contents)}</ul></nav>',
            *rest,
            "</main></body></html>",
        ]
    )


def print_pdf(page, pdf):
    """Print a file, with bookmarks and with tags for screen readers."""
    with launch() as browser:
        tab = browser.new_page()
        tab.goto(page.as_uri())
        tab.pdf(path=pdf, prefer_css_page_size=True, outline=True, tagged=True)


def main(arguments):
    """Write the edition."""
    build_book.main(arguments)
    folder = Path(arguments[0] if arguments else ROOT).resolve() / "_build"
    page, pdf = folder / "autoencoders.html", folder / "autoencoders.pdf"
    with atomic_write(page) as file:
        file.write(edition(folder / "html").encode())
    print(f"In one file: {page}")
    if find_chromium() is None:
        print("No PDF, since Chromium is not installed; any browser prints that file")
        return
    with atomic_path(pdf) as partial:
        print_pdf(page, partial)
    print(f"For paper: {pdf}")


if __name__ == "__main__":
    main(sys.argv[1:])
