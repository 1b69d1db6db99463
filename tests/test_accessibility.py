"""WCAG 2.2 AA on every page in both colours, as far as axe-core can tell."""

from importlib import resources

from browser import needs_chromium
from test_web import names

pytestmark = needs_chromium
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
# A chapter's code is thousands of coloured words in some twenty colours, and axe takes a minute
# for them.  Of each pair of looks, in the light and in the dark, some stay; the others take their
# line's colour, which is judged as well.
FEWER_WORDS = """() => {
  const page = document.documentElement, before = page.dataset.theme;
  const words = document.querySelectorAll(".highlight pre span[class]");
  const keys = Array(words.length).fill("");
  for (page.dataset.theme of ["light", "dark"])
    words.forEach((word, i) => {
      const look = getComputedStyle(word);
      const ground = getComputedStyle(word.closest(".highlight")).backgroundColor;
      keys[i] += [look.color, look.backgroundColor, look.fontWeight, ground].join();
    });
  page.dataset.theme = before;
  const seen = {};
  words.forEach((word, i) => {
    seen[keys[i]] = (seen[keys[i]] || 0) + 1;
    if (seen[keys[i]] > 3 && word.children.length === 0) word.replaceWith(word.textContent);
  });
}"""


def prepare(page):
    """Unfold a page, and make it ready to be judged."""
    # the theme's scripts look for what scrolls after the page has come
    page.wait_for_timeout(400)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.wait_for_timeout(400)
    # a change of colours is there at once
    page.add_style_tag(content="* { transition: none !important }")
    page.evaluate(FEWER_WORDS)
    page.evaluate(AXE)


def violations(page):
    """Return what axe-core finds on a page, a line each."""
    options = {"runOnly": STANDARD, "resultTypes": ["violations"]}
    result = page.evaluate("options => axe.run(document, options)", options)
    assert len(result["passes"]) > 5
    return [
        f"{found['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for found in result["violations"]
        for node in found["nodes"]
    ]


def show(page, theme, width):
    """Change a page that is there as its reader does, by the button and the window's edge."""
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    if page.viewport_size["width"] != width:
        page.set_viewport_size({"width": width, "height": 800})
        # the theme's scripts look anew for what scrolls
        page.wait_for_timeout(400)


def test_no_page_breaks_the_standard(browser, html):
    page = browser.new_page()
    page.set_default_timeout(300_000)
    found = {}
    for name in names(html):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(f"{html.as_uri()}/{name}")
        prepare(page)
        # the width changes what scrolls and what is in reach, and no colour
        for theme, width in [("light", 1280), ("dark", 1280), ("light", 320)]:
            show(page, theme, width)
            if problems := violations(page):
                found[f"{name}, {theme}, {width} pixels"] = problems
    page.close()
    assert found == {}


def test_what_breaks_the_standard_is_seen(browser):
    page = browser.new_page()
    page.set_content(
        "<html lang='en'><title>A page</title><main><h1>A page</h1><img src='x.png'>"
        "<p style='color: #aaa; background: #fff'>pale</p><div class='highlight'><pre>"
        + "<span class='k' style='color: #bbb'>if</span> " * 9
        + "</pre></div></main></html>"
    )
    prepare(page)
    found = " ".join(violations(page))
    page.close()
    for problem in ("image-alt", "pale", ">if<"):
        assert problem in found


def test_what_breaks_the_standard_in_the_dark_alone_is_seen_there(browser):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_content(
        "<html lang='en' data-theme='light'><title>A page</title>"
        "<style>html[data-theme=dark] { background: #111; color: #eee }"
        " html[data-theme=dark] .o { color: #333 }"
        " html[data-theme=dark] a { color: #ccf }</style>"
        "<main><h1>A page</h1><img src='x.png' alt='words'><a href='x'>a link</a>"
        "<div class='highlight'><pre>"
        + "<span class='k'>if</span> " * 9
        + "<span class='o'>not</span> " * 9
        + "</pre></div></main></html>"
    )
    prepare(page)
    assert violations(page) == []
    show(page, "dark", 1280)
    found = violations(page)
    page.close()
    # of words that only the dark tells apart, some of each are left
    assert len(found) == 3
    assert all(">not<" in problem for problem in found)
