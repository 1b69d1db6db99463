"""What the theme's pages lack: a Sphinx extension that _config.yml names.

Nothing that would come from another host, small pictures, and roles and names that a screen reader
understands.
"""

import base64
import io
import itertools
import re
from pathlib import Path

from PIL import Image

FIGURES = Path(__file__).resolve().parent.parent / "book" / "_live" / "figures"
# what live figures share with each other or with other pages
NEEDED = {"front": "drawing-area", "shard-run": "live-run", "sliding-window": "live-run"}
# in bytes: a picture that needs more without loss may lose what nobody sees
LARGE = 100_000
ICON_SCRIPT = r'<script defer src="[./]*_static/scripts/fontawesome\.js[^"]*"></script>\s*'
ICON = r"fa-[a-z0-9-]+"
ICON_RULE = rf'(?:\.{ICON}:before,?)+\{{content:"[^"]*"\}}'
FOLD = (
    r'<p class="collapsed admonition-title">(?P<shown>[^<]*)</p>\s*'
    r'<p class="expanded admonition-title">(?P<hidden>[^<]*)</p>'
)
SEARCH = (
    r'<script src="[./]*(_static/searchtools|_static/language_data|searchindex)\.js"></script>\s*'
)


def setup(app):
    """Tell Sphinx when to call what follows."""
    # after sphinx-thebe, which adds its scripts early
    app.connect("html-page-context", mend_page, priority=900)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mend_page(app, pagename, templatename, context, doctree):
    """Mend a page before it is rendered."""
    # cells that run in the page would need a server elsewhere, and the script is loaded twice
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context[kind] if "thebe" not in str(vars(file)).lower()]
    if "body" in context:
        body = mend_body(context["body"])
        context["body"] = number_figures(body, pagename)
        add_live_scripts(context)


def mend_body(html):
    """Return the article of a page with what a screen reader needs."""
    html = re.sub(r'(?s)<script type="text/x-thebe-config">.*?</script>', "", html)
    # the visible words, "Show code cell source", are the name of what unfolds a cell
    html = html.replace('<summary aria-label="Toggle hidden content">', "<summary>")
    html = re.sub(FOLD, name_fold, html)
    # scikit-learn's diagram of a model holds links inside of buttons; its text says the same
    html = re.sub(
        r'(?s)<style>\.sk-global.*?<div class="sk-text-repr-fallback">(<pre>.*?</pre>)'
        r".*?</script></body>",
        r"\1",
        html,
    )
    html = re.sub(
        r'<figure class="diagram"><img alt="[^"]*" '
        r'src="data:image/svg\+xml;base64,(?P<data>[^"]*)">',
        inlined,
        html,
    )
    # in Markdown, a picture and right under it a paragraph in italics
    html = re.sub(
        r"<p>(<img [^>]*>)</p>\s*<p><em>(.*?)</em></p>",
        r"<figure>\1<figcaption>\2</figcaption></figure>",
        html,
        flags=re.DOTALL,
    )
    # pictures of cards are below the first screen
    html = html.replace('class="sd-card-img-top"', 'class="sd-card-img-top" loading="lazy"')
    # docutils writes a role that ARIA has given up, inside a list
    return html.replace('role="doc-biblioentry"', 'role="listitem"')


def name_fold(match):
    """Return the two names of a folded cell: a name that its author gave stays when it is open."""
    words = {"source": "code", "content": "code and its output", "outputs": "output"}
    shown, hidden = match["shown"], match["hidden"]
    kind = shown.removeprefix("Show the ")
    if kind == shown:
        hidden = shown
    elif kind in words:
        shown, hidden = f"Show the {words[kind]}", f"Hide the {words[kind]}"
    return (
        f'<p class="collapsed admonition-title">{shown}</p>\n'
        f'<p class="expanded admonition-title">{hidden}</p>'
    )


def number_figures(html, pagename):
    """Return the article of a chapter with its figures numbered, in the order of the page."""
    chapter = re.match(r"notebooks/0*(\d+)_", pagename)
    if not chapter:
        return html
    count = itertools.count(1)

    def numbered(match):
        number = f"Figure {chapter[1]}.{next(count)}."
        return f'{match[0]}<span class="figure-number">{number}</span> '

    # Sphinx numbers its own figures only, and not those that are HTML
    html = re.sub(r'<span class="caption-number">[^<]*</span>', "", html)
    return re.sub(r"<figcaption>(?:\s*<p>)?", numbered, html)


def add_live_scripts(context):
    """Load what makes the live figures of a page move, on the pages that have some."""
    kinds = sorted(set(re.findall(r'data-live="([\w-]+)"', context["body"])))
    if kinds:
        folder = context["pathto"]("figures", resource=True)
        needed = sorted({NEEDED[kind] for kind in kinds if kind in NEEDED})
        names = ["live", *needed, *kinds]
        sheets = [name for name in names if (FIGURES / f"{name}.css").exists()]
        context["metatags"] = (
            context.get("metatags", "")
            + "".join(f'<link rel="stylesheet" href="{folder}/{name}.css">' for name in sheets)
            + "".join(f'<script defer src="{folder}/{name}.js"></script>' for name in names)
        )


def inlined(match):
    """Return a diagram as part of the page, so that it takes the theme's colours."""
    svg = base64.b64decode(match["data"]).decode()
    return f'<figure class="diagram"><div class="diagram-box">{svg}</div>'


def as_webp(file):
    """Return a picture as WebP, without loss unless that is large and loss halves it."""
    with Image.open(file) as picture:
        # an alpha channel where all is opaque only costs
        if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
            picture = picture.convert("RGB")
        exact, close = io.BytesIO(), io.BytesIO()
        # of Pillow's 80 percent of effort the last 30 save hardly a byte
        picture.save(exact, "WEBP", lossless=True, quality=50)
        if exact.tell() > LARGE:
            picture.save(close, "WEBP", quality=90)
            if close.tell() < exact.tell() / 2:
                return close.getvalue()
    return exact.getvalue()


def lighter(match):
    """Return the address of a PNG that is part of a page as that of a WebP."""
    picture = as_webp(io.BytesIO(base64.b64decode(match[1])))
    return f'src="data:image/webp;base64,{base64.b64encode(picture).decode()}"'


def finish(app, exception):
    """Lighten the built pages: PNG becomes WebP, and what the theme does not need goes.

    Its largest script, 1.5 MB, draws icons that a font has, which the theme loads as well; of that
    font's 2,000 icons the pages show a few.  The search's index would be read by every page, for a
    search box that answers at every key and is off.
    """
    if exception or app.builder.format != "html":
        return
    pictures = sorted((app.outdir / "_images").glob("*.png"))
    for path in pictures:
        path.with_suffix(".webp").write_bytes(as_webp(path))
        path.unlink()
    for page in app.outdir.rglob("*.html"):
        html = re.sub(ICON_SCRIPT, "", page.read_text())
        if page.name != "search.html":
            html = re.sub(SEARCH, "", html)
        for path in pictures:
            html = html.replace(f"_images/{path.name}", f"_images/{path.stem}.webp")
        html = re.sub(r'src="data:image/png;base64,([^"]+)"', lighter, html)
        page.write_text(html)
    static = app.outdir / "_static"
    (static / "scripts" / "fontawesome.js").unlink()
    keep_icons(static, app.outdir.rglob("*.html"))


def keep_icons(static, pages):
    """Leave only the icons in the theme's style sheet that a page or a script names."""
    scripts = static.rglob("*.js")
    named = {name for file in (*pages, *scripts) for name in re.findall(ICON, file.read_text())}
    sheet = static / "styles" / "pydata-sphinx-theme.css"

    def kept(rule):
        return rule.group() if named.intersection(re.findall(ICON, rule.group())) else ""

    sheet.write_text(re.sub(ICON_RULE, kept, sheet.read_text()))
