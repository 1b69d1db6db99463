"""WCAG 2.2 AA on every page in both colours, as far as axe-core can tell."""

from importlib import resources

import pytest
from browser import needs_chromium
from test_web import names

pytestmark = needs_chromium
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
# A chapter's code is thousands of coloured words in some twenty colours, and axe takes a minute
# for them.  Of each colour on each ground some stay; the others take their line's colour,
# which is judged as well.
FEWER_WORDS = """() => {
  const seen = {};
  for (const word of document.querySelectorAll(".highlight pre span[class]")) {
    const look = getComputedStyle(word);
    const ground = getComputedStyle(word.closest(".highlight")).backgroundColor;
    const key = [look.color, look.backgroundColor, look.fontWeight, ground].join();
    seen[key] = (seen[key] || 0) + 1;
    if (seen[key] > 3 && word.children.length === 0) word.replaceWith(word.textContent);
  }
}"""


def violations(page):
    """Return what axe-core finds on a page, a line each."""
    # the theme's scripts look for what scrolls after the page has come
    page.wait_for_timeout(400)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.wait_for_timeout(400)
    page.evaluate(FEWER_WORDS)
    page.evaluate(AXE)
    options = {"runOnly": STANDARD, "resultTypes": ["violations"]}
    result = page.evaluate("options => axe.run(document, options)", options)
    assert len(result["passes"]) > 5
    return [
        f"{found['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for found in result["violations"]
        for node in found["nodes"]
    ]


# the width changes what scrolls and what is in reach, and no colour
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 320)])
def test_no_page_breaks_the_standard(browser, html, theme, width):
    context = browser.new_context(viewport={"width": width, "height": 800})
    context.add_init_script(f"localStorage.setItem('mode', '{theme}')")
    context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    page = context.new_page()
    page.set_default_timeout(300_000)
    found = {}
    for name in names(html):
        page.goto(f"{html.as_uri()}/{name}")
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        if problems := violations(page):
            found[name] = problems
    context.close()
    assert found == {}


def test_what_breaks_the_standard_is_seen(browser):
    page = browser.new_page()
    page.set_content(
        "<html lang='en'><title>A page</title><main><h1>A page</h1><img src='x.png'>"
        "<p style='color: #aaa; background: #fff'>pale</p><div class='highlight'><pre>"
        + "<span class='k' style='color: #bbb'>if</span> " * 9
        + "</pre></div></main></html>"
    )
    found = " ".join(violations(page))
    page.close()
    for problem in ("image-alt", "pale", ">if<"):
        assert problem in found
