"""Write the one-file edition of the book as an EPUB 3: a file a chapter, formulas as MathML."""

import base64
import hashlib
import io
import re
import uuid
import zipfile
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
COVER = ROOT / "book" / "_static" / "front.png"
STYLE = ROOT / "book" / "_static" / "epub.css"
HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n'
    '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" '
    'lang="en-GB" xml:lang="en-GB"><head><meta charset="utf-8"/><title>{title}</title>'
    '<link rel="stylesheet" type="text/css" href="epub.css"/></head><body>\n'
)
CONTAINER = (
    '<?xml version="1.0"?>\n'
    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="book/book.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>"
)
# the parser writes all names in small letters, and XML minds
LETTERS = {"viewbox": "viewBox", "preserveaspectratio": "preserveAspectRatio"}
ACCESSIBLE = [
    ("accessMode", "textual"),
    ("accessMode", "visual"),
    ("accessModeSufficient", "textual,visual"),
    ("accessibilityFeature", "alternativeText"),
    ("accessibilityFeature", "MathML"),
    ("accessibilityFeature", "structuralNavigation"),
    ("accessibilityFeature", "tableOfContents"),
    ("accessibilityHazard", "none"),
    ("accessibilitySummary", "Pictures have alternative texts, formulas are MathML."),
]


def take_pictures(main, pictures):
    """Put the pictures into files of their own; PNG, since not every reader knows WebP."""
    for image in main.find_all("img"):
        kind, data = re.fullmatch(r"data:(image/[\w+]+);base64,(.*)", image["src"], re.S).groups()
        content, ending = base64.b64decode(data), kind.split("/")[1].split("+")[0]
        if kind == "image/webp":
            png = io.BytesIO()
            with Image.open(io.BytesIO(content)) as picture:
                picture.save(png, "PNG")
            content, ending, kind = png.getvalue(), "png", "image/png"
        name = f"images/{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        pictures[name] = (content, kind)
        image.attrs = {"src": name, "alt": image.get("alt", "")}


def of_no_use(element):
    """Tell whether an element is folded, is played, or waits for the number of a page."""
    classes = element.get("class", ())
    if "output" in classes:
        return element.find("audio")
    return "page-of" in classes or (element.name == "details" and "hide" in classes)


def make_plain(main):
    """Leave what a book without scripts and sounds can show, in the words of XHTML."""
    # of a player of several sounds its picture stays
    for element in main.find_all(class_="live-sounds"):
        element.decompose()
    for element in main.find_all(of_no_use):
        element.decompose()
    for formula in main.find_all(class_="katex"):
        math = formula.math
        source = math.annotation.extract()
        math["alttext"] = " ".join(source.get_text().split())
        math.semantics.unwrap()
        formula.replace_with(math)
    for element in (e for svg in main.find_all("svg") for e in [svg, *svg.find_all(True)]):
        element.attrs = {LETTERS.get(key, key): value for key, value in element.attrs.items()}
    for element in main.find_all(["p", "table", "th", "td", "tr", "tt"]):
        for key in ("border", "valign", "align"):
            element.attrs.pop(key, None)
        if element.name == "p" and element.find(["ul", "ol", "dl", "div", "table"]):
            element.name = "div"
        elif element.name == "tt":
            element.name = "code"


def file_of(section):
    """Return the name of a page's file."""
    return f"{section['id']}.xhtml"


def navigation(contents, place):
    """Return the table of contents, which readers show beside the text as well."""
    for link in contents.find_all("a"):
        link["href"] = place[link["href"][1:]]
        link.string = link.get_text()
    return (
        HEAD.format(title="Contents")
        + f'<nav epub:type="toc" id="toc"><h1>Contents</h1>{contents.ol.decode()}</nav>'
        + "</body></html>"
    )


def package(title, config, items, spine, digest):
    """Return the file that names all others."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    meta = "".join(
        f'<meta property="schema:{name}">{escape(value)}</meta>' for name, value in ACCESSIBLE
    )
    manifest = "".join(
        f'<item id="i{number}" href="{href}" media-type="{kind}"'
        + (f' properties="{properties}"' if properties else "")
        + "/>"
        for number, (href, kind, properties) in enumerate(items)
    )
    numbers = {href: number for number, (href, _, _) in enumerate(items)}
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" '
        'xml:lang="en-GB"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:identifier id="id">urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}</dc:identifier>'
        f"<dc:title>{escape(title)}</dc:title><dc:language>en-GB</dc:language>"
        f"<dc:creator>{escape(config['author'])}</dc:creator>"
        f"<dc:rights>{escape(str(config['copyright']))}</dc:rights>"
        f'<meta property="dcterms:modified">{now}</meta>{meta}</metadata>'
        f"<manifest>{manifest}</manifest><spine>"
        + "".join(f'<itemref idref="i{numbers[name]}"/>' for name in spine)
        + "</spine></package>"
    )


def write_epub(file, edition, config):
    """Write the one-file edition, as HTML text, into an open file as an EPUB."""
    document = BeautifulSoup(edition, "html.parser")
    title = document.title.get_text()
    main = document.main
    pictures = {}
    make_plain(main)
    take_pictures(main, pictures)
    sections = main.select(":scope > section.page")
    place = {
        element["id"]: file_of(section) + ("" if element is section else f"#{element['id']}")
        for section in sections
        for element in [section, *section.find_all(id=True)]
    }
    files, items = {}, [("epub.css", "text/css", ""), ("nav.xhtml", "application/xhtml+xml", "nav")]
    contents = navigation(main.nav, place)
    note = main.select_one("p.edition").decode()
    for section in sections:
        for link in section.find_all("a", href=re.compile("^#")):
            link["href"] = place[link["href"][1:]]
        has = [kind for kind, name in (("mathml", "math"), ("svg", "svg")) if section.find(name)]
        extra = note if section is sections[0] else ""
        files[file_of(section)] = (
            HEAD.format(title=escape(section.h1.get_text()))
            + section.decode(formatter="minimal")
            + f"{extra}</body></html>"
        )
        items.append((file_of(section), "application/xhtml+xml", " ".join(has)))
    pictures["images/cover.png"] = (COVER.read_bytes(), "image/png")
    items += [
        (name, kind, "cover-image" if name == "images/cover.png" else "")
        for name, (_, kind) in pictures.items()
    ]
    first, *rest = files
    digest = hashlib.sha256("".join(files.values()).encode()).hexdigest()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        # first and not compressed, so that the kind of file is seen at its beginning
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr(
            "book/book.opf", package(title, config, items, [first, "nav.xhtml", *rest], digest)
        )
        book.writestr("book/nav.xhtml", contents)
        book.writestr("book/epub.css", STYLE.read_text())
        for name, text in files.items():
            book.writestr(f"book/{name}", text)
        for name, (content, _) in pictures.items():
            book.writestr(f"book/{name}", content, zipfile.ZIP_STORED)
