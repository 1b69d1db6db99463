"""WCAG 2.2 AA on every page in both colours, as far as axe-core can tell."""

from importlib import resources

import pytest
from browser import needs_chromium
from test_web import look_at_all

pytestmark = needs_chromium
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
# A chapter has thousands of texts in some sixty looks, and axe takes a minute to judge the contrast
# of each.  It follows from a text's colour, size and weight and from what lies behind it.  Of each
# look, in the light and in the dark, all are judged until three were that axe can judge, or twenty
# that it cannot, as what is scrolled away; the others are left out, or, in code, take their line's
# colour, which is judged as well.  Single letters, as in formulas, are left out too: axe never
# finds fault with one, whatever its contrast, as it may be no text.  So is what has no text of its
# own and takes none, which axe passes over, but slowly.  What is left out of a signature becomes
# one text: the reference page has a span for each of its words, and axe looks at all 30,000.
LEAVE_OUT = """() => {
  const page = document.documentElement, before = page.dataset.theme;
  const elements = [...document.body.querySelectorAll("*")];
  const texts = elements.filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const looks = texts.map((text) => text.closest(".highlight pre") ? "code" : "");
  for (page.dataset.theme of ["light", "dark"]) {
    const grounds = new Map([[null, ""]]);
    const ground = (element) => {
      if (!grounds.has(element)) {
        const look = getComputedStyle(element);
        const own = [look.backgroundColor, look.backgroundImage, look.opacity, look.filter].join();
        const none = own === "rgba(0, 0, 0, 0),none,1,none";
        grounds.set(element, ground(element.parentElement) + (none ? "" : own));
      }
      return grounds.get(element);
    };
    texts.forEach((text, i) => {
      const look = getComputedStyle(text);
      looks[i] += [look.color, look.fontSize, look.fontWeight, look.textShadow, ground(text)];
    });
  }
  page.dataset.theme = before;
  const canBeJudged = (text) => {
    if (!text.checkVisibility({ visibilityProperty: true })) return false;
    if (text.closest(":disabled, [aria-disabled]")) return false;
    const box = text.getBoundingClientRect();
    let around = text.parentElement;
    while (around !== document.body && getComputedStyle(around).overflowX === "visible")
      around = around.parentElement;
    const window = around.getBoundingClientRect();
    return box.left >= window.left && box.right <= window.right;
  };
  for (const element of elements)
    element.toggleAttribute("data-left-out", !element.matches("input, select, textarea"));
  const all = new Set(texts), judged = {}, tried = {};
  texts.forEach((text, i) => {
    const look = looks[i];
    judged[look] ??= 0;
    tried[look] ??= 0;
    const letter = text.textContent.trim().length < 2;
    const enough = letter || judged[look] === 3 || tried[look] === 20;
    text.toggleAttribute("data-left-out", enough);
    if (!enough) {
      const can = canBeJudged(text);
      judged[look] += can;
      tried[look] += !can;
    } else if (text.matches(".highlight pre span") && text.children.length === 0) {
      // the line has a text of its own now
      if (!all.has(text.parentElement)) text.parentElement.removeAttribute("data-left-out");
      text.replaceWith(text.textContent);
    }
  });
  for (const part of document.querySelectorAll(".sig > :not(:has(a))")) {
    const kept = [part, ...part.querySelectorAll("*")].some((element) =>
      all.has(element) && !element.hasAttribute("data-left-out"));
    if (!kept) {
      part.textContent = part.textContent;
      part.toggleAttribute("data-left-out", true);
    }
  }
}"""
CONTRAST = {"id": "color-contrast", "selector": "*:not([data-left-out])"}
# the rules that look at colours; the dark changes what these find, the width what others do
COLOURS = {"color-contrast", "link-in-text-block"}
EVERYTHING = {"runOnly": STANDARD}
ONLY_COLOURS = {"runOnly": sorted(COLOURS)}
NO_COLOURS = {"runOnly": STANDARD, "rules": {rule: {"enabled": False} for rule in COLOURS}}
# what the dark shows and the light does not, but for the button that changes them
SHOWN_BY_ONE_THEME = """() => {
  const page = document.documentElement, before = page.dataset.theme;
  const elements = [...document.querySelectorAll("body *:not(.theme-switch)")];
  const shown = ["light", "dark"].map((theme) => {
    page.dataset.theme = page.dataset.mode = theme;
    return elements.map((element) => element.checkVisibility({ visibilityProperty: true }));
  });
  page.dataset.theme = page.dataset.mode = before;
  return elements.filter((_, i) => shown[0][i] !== shown[1][i]).map((e) => e.outerHTML);
}"""


def prepare(page):
    """Unfold a page, and make it ready to be judged."""
    # the theme's scripts look for what scrolls after the page has come
    page.wait_for_timeout(400)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.wait_for_timeout(400)
    # a change of colours is there at once
    page.add_style_tag(content="* { transition: none !important }")
    page.evaluate(AXE)
    page.evaluate("rule => axe.configure({ rules: [rule] })", CONTRAST)
    page.evaluate(LEAVE_OUT)


def violations(page, rules=EVERYTHING):
    """Return what axe-core finds on a page by these rules, a line each."""
    options = {**rules, "resultTypes": ["violations"]}
    result = page.evaluate("options => axe.run(document, options)", options)
    assert len(result["passes"]) > (0 if rules is ONLY_COLOURS else 5)
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


@pytest.fixture(scope="module")
def walk(browser, html):
    """Load each page once, from a folder.

    Gives what is wrong with them, what only one theme shows, and what breaks the standard.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(300_000)
    of_one_theme, found = {}, {}

    def judge(name):
        prepare(page)
        if shown := page.evaluate(SHOWN_BY_ONE_THEME):
            of_one_theme[name] = shown
        # the width changes what scrolls and what is in reach, and no colour
        looks = [("light", 1280, EVERYTHING), ("dark", 1280, ONLY_COLOURS)]
        for theme, width, rules in [*looks, ("light", 320, NO_COLOURS)]:
            show(page, theme, width)
            if problems := violations(page, rules):
                found[f"{name}, {theme}, {width} pixels"] = problems
        page.set_viewport_size({"width": 1280, "height": 800})

    wrong = look_at_all(page, html, html.as_uri() + "/", judge)
    page.close()
    return wrong, of_one_theme, found


def test_pages_load_from_a_folder_too(walk):
    assert walk[0] == []


def test_no_page_breaks_the_standard(walk):
    _, of_one_theme, found = walk
    assert of_one_theme == {}
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


def test_texts_of_one_look_are_judged_until_three_can_be(browser):
    page = browser.new_page()
    # three of each that axe cannot judge
    hidden = "<p hidden>one</p><p style='visibility: hidden'>two</p><p>3</p>"
    hidden += "<div style='overflow: hidden; width: 9em'><p style='margin: 0 20em'>away</p></div>"
    other = "<p><b style='font-weight: 400'>pale</b></p><p style='background: #ddd'>grey</p>"
    page.set_content(
        "<html lang='en'><title>A page</title>"
        "<style>body { background: #fff; color: #222 } main p { color: #bbb }</style>"
        f"<main><h1>A page</h1>{hidden * 3}{'<p>pale</p>' * 9}{other}</main>"
    )
    prepare(page)
    found = violations(page)
    page.close()
    assert sum(">pale<" in problem for problem in found) == 3
    assert len(found) == 4, found
    assert ">grey<" in found[-1]


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
    assert violations(page, NO_COLOURS) == []
    found = violations(page, ONLY_COLOURS)
    page.close()
    # of words that only the dark tells apart, some of each are left
    assert len(found) == 3
    assert all(">not<" in problem for problem in found)
