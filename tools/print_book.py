"""Make editions of the whole book, to print or to carry along; ``make print`` runs this.

    python tools/print_book.py [FOLDER]

builds the book in FOLDER/_build, by default in the checkout, and writes beside it

- autoencoders.html, one file that holds its pictures, fonts and styles and asks for nothing;
- autoencoders.epub, for readers of electronic books (tools/epub.py);
- autoencoders.pdf, printed from the first where Chromium is installed.

Answers and solutions stand in an appendix.  Folded code stays folded in the one file; on paper and
in the electronic book it is left out.
"""

import base64
import mimetypes
import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import build_book
import yaml
from bs4 import BeautifulSoup
from chromium import find_chromium, launch
from epub import write_epub

from aeutils.core.files import atomic_path, atomic_write

ROOT = build_book.ROOT
# the names, and the classes, of what only works on a screen
SCREEN_NAMES = {"script", "style", "button"}
SCREEN_CLASSES = {"headerlink", "toctree-wrapper", "onlyprint", "front-buttons", "check-number"}
APPENDIX = "answers-and-solutions"
# folded cells that are the same in every chapter, their output included
SET_UP = ("Setup", "Imports")
# the theme's colours, in the diagrams
COLOUR = r"var\(--[\w-]+, *(#\w+)\)"
TEXT_COLOUR = r"var\(--pst-color-text-base, *#\w+\)"
NOTE = (
    "Answers to the questions and solutions of the exercises stand at the end. "
    "On paper and in the EPUB, code that only sets up a chapter or draws a figure is left out; "
    "the notebooks of the chapters hold all of it. "
    "What moves, and the page <em>Try it</em>, are in the rendered book alone."
)


def anchor(name, fragment=""):
    """Return the id, in the one file, of a page or of a place in it."""
    return "--".join(filter(None, [name.replace("/", "-"), fragment]))


def as_data(path):
    """Return a file as the address that holds it."""
    kind = mimetypes.guess_type(path.name)[0] or f"image/{path.suffix[1:]}"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def soup(html):
    """Return a piece of HTML as an element."""
    return next(BeautifulSoup(html, "html.parser").children)


def read_article(html, name):
    """Return the article of a page as a soup, or None where it lives by its scripts."""
    page = BeautifulSoup((html / f"{name}.html").read_text(), "html.parser")
    article = page.find("article", class_="bd-article")
    if article.find("canvas"):
        return None
    for element in article.find_all(of_the_screen):
        element.decompose()
    return article


def of_the_screen(element):
    """Tell whether an element only works on a screen."""
    classes = element.get("class", ())
    return element.name in SCREEN_NAMES or not SCREEN_CLASSES.isdisjoint(classes)


def fit_in(article, html, name, names):
    """Give a page's places names of their own and take its pictures in."""
    folder = (html / name).parent
    article.name = "section"
    article.attrs = {"class": "page"}
    for element in article.find_all(id=True):
        element["id"] = anchor(name, element["id"])
    for element in article.find_all(attrs={"aria-labelledby": True}):
        element["aria-labelledby"] = anchor(name, element["aria-labelledby"])
    for image in article.find_all("img"):
        if not image["src"].startswith("data:"):
            image["src"] = as_data(folder / unquote(image["src"]))
        # a larger version, behind a link, is the same file
        if image.parent.name == "a" and "image-reference" in image.parent.get("class", []):
            image.parent.unwrap()
    for element in (e for svg in article.find_all("svg") for e in [svg, *svg.find_all(True)]):
        for key, value in element.attrs.items():
            if isinstance(value, str) and "var(" in value:
                element[key] = re.sub(COLOUR, r"\1", re.sub(TEXT_COLOUR, "#111", value))
    for link in article.find_all("a", href=True):
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


def fold(article):
    """Leave the code alone in folded cells, and say on paper what would be played."""
    # paper folds nothing: a folded list stands there under its heading
    for details in article.select(".cell_output details"):
        heading = details.summary
        heading.name = "p"
        details.unwrap()
    for details in article.select("details.hide"):
        title = details.select_one("summary").p.get_text()
        details.summary.replace_with(soup(f"<summary>{title}</summary>"))
        if title not in SET_UP:
            for output in reversed(details.select(":scope > .cell_output")):
                details.insert_after(output.extract())
    for output in article.select(".output:has(audio)"):
        numbers = [n.get_text(strip=True)[:-1] for n in output.select(".figure-number")]
        numbers = [n.removeprefix("Figure ") for n in dict.fromkeys((numbers[0], numbers[-1]))]
        if len(numbers) == 1:
            words = f"Figure {numbers[0]} is a recording"
        else:
            words = f"Figures {numbers[0]} to {numbers[1]} are recordings"
        output.insert_after(
            soup(f'<p class="on-paper">{words}, to be heard in the rendered book.</p>')
        )


def link_to(place, words):
    """Return a link to a place further on, and room for the number of its page."""
    return soup(
        f'<span class="to-answer"> (<a href="#{place}">{words}'
        f'<span class="page-of" data-of="{place}"></span></a>)</span>'
    )


def take_answers(article, name):
    """Move the answers of a chapter's quiz out of it; return them as HTML."""
    answers = []
    questions = article.select("ol.quiz-questions > li")
    for number, question in enumerate(questions, 1):
        place, back = anchor(name, f"answer-{number}"), anchor(name, f"quiz-{number}")
        texts, options = [], []
        details = question.select("details.quiz")
        for option in details:
            words = option.summary.extract().decode_contents()
            explanation = " ".join(p.decode_contents() for p in option.select("p"))
            letter = words.split(".")[0]
            if explanation.startswith("Right"):
                letter = f"<strong>{letter}</strong>"
            texts.append(f"<li>{letter}. {explanation}</li>")
            options.append(f"<li>{words}</li>")
        details[0].insert_before(soup(f'<ul class="options">{"".join(options)}</ul>'))
        for option in details:
            option.decompose()
        question.p.append(link_to(place, "answer"))
        answers.append(
            f'<div class="answer" id="{place}"><h4><a href="#{back}">Question {number}</a></h4>'
            f'<ul class="options">{"".join(texts)}</ul></div>'
        )
    for text in article.find_all(string=re.compile("Open an option")):
        text.replace_with(re.sub(r"\s*Open an option[^.]*\.", "", text))
    return "".join(answers)


def number_of(block, last):
    """Return the number of the exercise that a block under "Solutions" belongs to."""
    name = block.summary.get_text(" ", strip=True) if block.summary else ""
    code = block.pre.get_text() if block.pre else ""
    match = re.match(r"Solution (\d+)", name) or re.match(r"# Exercise (\d+)", code)
    return int(match[1]) if match else last


def take_solutions(article, name):
    """Move the solutions of a chapter's exercises out of it; return them as HTML."""
    section = article.find(id=anchor(name, "solutions"))
    if section is None:
        return ""
    found, number = {}, 1
    for block in section.find_all(["div", "details"], recursive=False):
        number = number_of(block, number)
        for summary in block.select("summary"):
            summary.decompose()
        # unfolded: whoever looks here wants to see it
        for details in [block, *block.select("details")]:
            if details.name == "details":
                details.name = "div"
                details.attrs = {}
        found.setdefault(number, []).append(str(block))
    section.decompose()
    exercises = article.find(id=anchor(name, "exercises"))
    lists = [
        item
        for numbered in exercises.find_all("ol", recursive=False)
        for item in numbered.find_all("li", recursive=False)
    ]
    parts = []
    for number, blocks in sorted(found.items()):
        place, back = anchor(name, f"solution-{number}"), anchor(name, f"exercise-{number}")
        exercise = lists[number - 1]
        exercise["id"] = back
        (exercise.p or exercise).append(link_to(place, "solution"))
        parts.append(
            f'<div class="answer" id="{place}"><h4><a href="#{back}">Exercise {number}</a></h4>'
            f"{''.join(blocks)}</div>"
        )
    return f'<div id="{anchor(name, "solutions")}">{"".join(parts)}</div>'


def appendix(articles):
    """Move the answers and solutions of all chapters into an appendix; return it."""
    chapters = []
    for name, article in articles.items():
        answers, solutions = take_answers(article, name), take_solutions(article, name)
        if answers or solutions:
            title = article.h1.get_text()
            chapters.append(
                f'<section id="{anchor(APPENDIX, name)}">'
                f'<h2><a href="#{anchor(name)}">{title}</a></h2>'
                f"<h3>Check yourself</h3>{answers}<h3>Exercises</h3>{solutions}</section>"
            )
    return soup(
        f'<section class="page" id="{APPENDIX}"><h1>Answers and solutions</h1>'
        f"{''.join(chapters)}</section>"
    )


def contents(sections):
    """Return the table of contents: pages, and the sections of the chapters."""

    def entry(place, words):
        return (
            f'<a href="#{place}"><span>{words}</span>'
            f'<span class="page-of" data-of="{place}"></span></a>'
        )

    items = []
    for section in sections:
        parts = []
        if section.h1.select_one(".section-number"):
            parts = [
                f"<li>{entry(h2.parent['id'], h2.get_text())}</li>" for h2 in section.select("h2")
            ]
        below = f"<ol>{''.join(parts)}</ol>" if parts else ""
        items.append(f"<li>{entry(section['id'], section.h1.get_text())}{below}</li>")
    return f'<nav aria-label="Contents"><h2>Contents</h2><ol>{"".join(items)}</ol></nav>'


def formula_styles(html):
    """Return KaTeX's style sheet with its fonts in it."""
    folder = html / "katex"
    sheet = (folder / "katex.min.css").read_text()
    # the older formats of the same fonts
    sheet = re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)', "", sheet)
    return re.sub(
        r"url\(([^)]*)\)",
        lambda match: f"url({as_data(folder / match[1]).replace('image/woff2', 'font/woff2')})",
        sheet,
    )


def edition(html):
    """Return the whole book as one HTML document."""
    articles = {name: read_article(html, name) for name in build_book.table_of_contents()}
    articles = {name: article for name, article in articles.items() if article}
    for name, article in articles.items():
        fit_in(article, html, name, articles)
        fold(article)
    last = appendix(articles)
    sections = [*articles.values(), last]
    styles = [
        (html / "_static" / "pygments.css").read_text(),
        formula_styles(html),
        (ROOT / "book" / "_static" / "print.css").read_text(),
    ]
    title = yaml.safe_load((ROOT / "_config.yml").read_text())["title"]
    first, *rest = map(str, sections)
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en-GB" data-theme="light"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            *(f"<style>{style}</style>" for style in styles),
            f"</head><body><main>{first}",
            contents(sections),
            f'<p class="edition">{NOTE}</p>',
            *rest,
            "</main></body></html>",
        ]
    )


def page_numbers(pdf):
    """Return the page of every place that is linked to, counted from 1."""
    # slow to import, of no use where there is no Chromium
    from pypdf import PdfReader

    reader = PdfReader(pdf)
    return {
        name.lstrip("/"): reader.get_destination_page_number(destination) + 1
        for name, destination in reader.named_destinations.items()
    }


def print_pdf(page, pdf):
    """Print a file, with bookmarks, tags for screen readers and the numbers of pages.

    Chromium cannot tell a style sheet the page of a place, so the numbers are read from a first
    printing and written into the next, until they are right.
    """
    write = """([numbers, pictures]) => {
        for (const place of document.querySelectorAll(".page-of"))
            place.textContent = numbers[place.dataset.of] ?? "000";
        for (const picture of document.querySelectorAll("img, svg"))
            picture.style.visibility = pictures ? "" : "hidden";
    }"""
    with launch() as browser:
        tab = browser.new_page()
        tab.goto(page.as_uri())
        numbers, printed = None, {}
        while numbers != printed:
            numbers = printed
            # the first is not kept: its pictures leave their room empty, which takes half the time
            last = bool(numbers)
            tab.evaluate(write, [numbers, last])
            tab.pdf(path=pdf, prefer_css_page_size=True, outline=last, tagged=last)
            printed = page_numbers(pdf)


def main(arguments):
    """Write the editions."""
    build_book.main(arguments)
    folder = Path(arguments[0] if arguments else ROOT).resolve() / "_build"
    page, book, pdf = (folder / f"autoencoders.{kind}" for kind in ("html", "epub", "pdf"))
    text = edition(folder / "html")
    with atomic_write(page) as file:
        file.write(text.encode())
    print(f"In one file:     {size(page)} {page}")
    with atomic_write(book) as file:
        write_epub(file, text, yaml.safe_load((ROOT / "_config.yml").read_text()))
    print(f"For e-readers:   {size(book)} {book}")
    if find_chromium() is None:
        print("No PDF, since Chromium is not installed; any browser prints the first file")
        return
    with atomic_path(pdf) as partial:
        print_pdf(page, partial)
    print(f"For paper:       {size(pdf)} {pdf}")


def size(path):
    """Return the size of a file, in words."""
    return f"{path.stat().st_size / 1e6:5.1f} MB"


if __name__ == "__main__":
    main(sys.argv[1:])
