"""What a reader meets in a chapter: its length, its code, its figures, what is cut.

The limits hold for the chapters that have reached them, so that none slides back.
"""

import pytest
from browser import needs_chromium

pytestmark = needs_chromium

REACHED = [
    "01_what_is_an_autoencoder",
    "02_anomaly_detection",
    "03_image_denoising",
    "04_anomalies_in_any_data",
    "05_cleaning_documents",
    "06_cleaning_audio",
    "07_denoising_faster_and_better",
    "08_sequences",
    "09_variational_autoencoder",
    "10_which_autoencoder",
    "11_faster_and_bigger",
    "12_from_denoiser_to_generator",
    "13_codes_one_can_read",
    "14_codes_that_are_counted",
    "15_learning_without_labels",
]
# pixels of the article and down to its first figure, at a window of 1280; percent of the height
LONGEST, FIRST_FIGURE = 14_000, 500
MOST_CODE, LEAST_FIGURES = 25, 20
FORMULAS, LIVE = 3, 1

# what is folded or removed is not met
MEASURE = r"""() => {
  const article = document.querySelector("article.bd-article");
  const seen = (e) => e.getBoundingClientRect().height > 0 && e.offsetParent !== null
    && !e.closest("details:not([open])");
  const all = (selector) => [...article.querySelectorAll(selector)].filter(seen);
  const outer = (list) => list.filter((e) => !list.some((o) => o !== e && o.contains(e)));
  const height = (e) => e.getBoundingClientRect().height;
  const sum = (list) => outer(list).reduce((total, e) => total + height(e), 0);
  const top = article.getBoundingClientRect().top;
  const total = height(article);
  const pictures = all("img, svg, canvas, audio, video, [data-live]")
    .filter((e) => height(e) >= 40);
  const wide = (e) => e.scrollWidth > e.clientWidth + 2;
  const cutter = (e) => {
    if (wide(e)) return e;
    for (let p = e.parentElement; p && p !== article; p = p.parentElement)
      if (wide(p) && getComputedStyle(p).overflowX !== "visible") return p;
    return null;
  };
  const cut = outer(all(".cell_output pre, .cell_output table, table, pre")
    .filter((e) => !e.closest(".cell_input"))).map(cutter).filter(Boolean);
  const figures = outer(all("img, canvas, [data-live]").filter((e) => height(e) >= 60));
  const words = (e) => e.innerText.slice(0, 60);
  return {
    height: Math.round(total),
    first: Math.round(Math.min(...pictures.map((e) => e.getBoundingClientRect().top - top))),
    code: Math.round((100 * sum(all(".cell_input"))) / total),
    figures: Math.round((100 * sum(pictures)) / total),
    asserts: all(".cell_input pre").filter((e) => /^\s*assert\b/m.test(e.innerText)).map(words),
    cut: cut.map(words),
    unsigned: cut.filter((e) => !e.closest(".scrolls")).map(words),
    bare: figures.filter((e) => !e.closest("figure")?.querySelector("figcaption"))
      .map((e) => e.alt || e.tagName),
    formulas: all(".math").length,
    live: all("[data-live]").length,
  };
}"""


@pytest.fixture(scope="module")
def windows(browser):
    """Two windows, each loads a chapter once: a desk's and a telephone's."""
    desk = browser.new_context(viewport={"width": 1280, "height": 800})
    telephone = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True)
    yield desk.new_page(), telephone.new_page()
    desk.close()
    telephone.close()


def measure(page, address):
    page.goto(address)
    # after what its scripts do, once nothing changes any more
    found = None
    for _ in range(20):
        page.wait_for_timeout(250)
        before, found = found, page.evaluate(MEASURE)
        if found == before:
            break
    return found


def faults(wide, narrow):
    """Return what of two measurements is beyond the limits, in words."""
    limits = {
        f"{wide['height']} pixels long": wide["height"] > LONGEST,
        f"first figure after {wide['first']} pixels": wide["first"] > FIRST_FIGURE,
        f"{wide['code']} % code": wide["code"] > MOST_CODE,
        f"{wide['figures']} % figures": wide["figures"] < LEAST_FIGURES,
        f"visible checks: {wide['asserts']}": wide["asserts"],
        f"cut at 1280: {wide['cut']}": wide["cut"],
        f"cut on a telephone, without a sign: {narrow['unsigned']}": narrow["unsigned"],
        f"figures without a caption: {wide['bare']}": wide["bare"],
        f"{wide['formulas']} formulas": wide["formulas"] < FORMULAS,
        f"{wide['live']} live figures": wide["live"] < LIVE,
    }
    return [words for words, beyond in limits.items() if beyond]


@pytest.mark.parametrize("chapter", REACHED)
def test_a_chapter_keeps_within_the_limits(windows, html, chapter):
    path = html / "notebooks" / f"{chapter}.html"
    assert faults(*(measure(page, path.as_uri()) for page in windows)) == []
    assert "YOUR-ACCOUNT" not in seen_addresses(windows[0])


def seen_addresses(page):
    """Return the addresses that are shown or behind what is shown, the launch menu included."""
    return page.evaluate(
        """() => [...document.querySelectorAll("article a, article pre, .dropdown-menu a")]
          .filter((e) => !e.closest("details:not([open])")).map((e) => e.href || e.innerText)
          .join(" ")"""
    )


def test_what_is_beyond_a_limit_is_seen(windows, tmp_path):
    bad = tmp_path / "bad.html"
    code = '<div class="cell_input"><pre>assert all(done)</pre></div>'
    wide = '<div style="overflow-x: auto; width: 300px"><table><td>{}</td></table></div>'
    bad.write_text(
        '<article class="bd-article" style="position: relative">'
        + f"<p>{'words ' * 12_000}</p>{code * 500}"
        + '<img alt="bare" style="display: block; width: 9px; height: 99px">'
        + wide.format("wide" * 300)
        + "</article>"
    )
    found = " ".join(faults(*(measure(page, bad.as_uri()) for page in windows)))
    for words in ("long", "first", "% code", "% figures", "checks", "1280", "sign", "caption"):
        assert words in found
    assert "0 formulas" in found
    assert "0 live" in found
