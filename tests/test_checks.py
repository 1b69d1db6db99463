"""What book/_static/quiz.js makes of quizzes and exercises: used in a real browser."""

import base64
from pathlib import Path

import pytest
from browser import needs_chromium
from test_accessibility import LEAVE_OUT, prepare, show, violations

pytestmark = needs_chromium
ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "book" / "_static" / "quiz.js"


@pytest.fixture
def chapter(browser, html):
    """A chapter with a quiz of five questions, from a folder, and nothing answered yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto((html / "notebooks" / "01_what_is_an_autoencoder.html").as_uri())
    yield page
    context.close()


def options(page, question):
    return page.locator("ol.quiz-questions > li").nth(question).locator("details.quiz")


def option(page, question, right):
    """Return an option of a question that is right, or the first that is not."""
    word = "Right" if right else "No"
    return options(page, question).filter(has_text=f"{word}: ").first


def score(page):
    return page.inner_text(".quiz-score")


def sign(locator):
    return locator.locator(".quiz-sign").inner_text().strip()


def test_answers_are_coloured_and_signed_and_the_first_one_counts(chapter):
    assert score(chapter).startswith("Score: 5 questions")
    wrong, right = option(chapter, 0, False), option(chapter, 0, True)
    wrong.locator("summary").click()
    assert sign(wrong) == "✗ wrong, your first answer"
    assert "is-wrong" in wrong.get_attribute("class")
    right.locator("summary").click()
    assert sign(right) == "✓ right"
    assert score(chapter) == "Score: 0 of 5 (1 answered)"
    for question in range(1, 5):
        # by keyboard
        option(chapter, question, True).locator("summary").focus()
        chapter.keyboard.press("Enter")
    assert score(chapter) == "Score: 4 of 5"
    # a second look changes nothing
    option(chapter, 4, False).locator("summary").click()
    assert score(chapter) == "Score: 4 of 5"


def test_a_score_is_kept_until_the_reader_starts_again(chapter):
    option(chapter, 1, True).locator("summary").click()
    option(chapter, 2, False).locator("summary").click()
    chapter.reload()
    assert score(chapter) == "Score: 1 of 5 (2 answered)"
    assert sign(option(chapter, 1, True)) == "✓ right, your first answer"
    assert chapter.locator(".quiz-sign:not(:empty)").count() == 2
    chapter.click("text=Start again")
    assert chapter.locator(".quiz-sign:not(:empty)").count() == 0
    assert chapter.locator("details.quiz[open]").count() == 0
    chapter.reload()
    assert score(chapter).startswith("Score: 5 questions")


def test_an_answer_belongs_to_its_question_and_not_to_its_place(chapter):
    option(chapter, 0, True).locator("summary").click()
    key = chapter.evaluate("Object.keys(localStorage).find(key => key.startsWith('quiz: '))")
    question = chapter.locator("#quiz-1").inner_text()
    assert key == f"quiz: 01_what_is_an_autoencoder.html: {question}"


def test_unfolding_a_page_answers_nothing(chapter):
    chapter.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    chapter.wait_for_timeout(50)
    assert score(chapter).startswith("Score: 5 questions")


def test_a_page_with_answers_keeps_the_standard(chapter):
    for question in range(3):
        option(chapter, question, True).locator("summary").click()
        option(chapter, question, False).locator("summary").click()
    for place in chapter.locator(".check-number").all():
        place.locator("input").fill("123456")
        place.locator("button").click()
    # the rest of the page has a test of its own; what the mouse is over has other colours
    chapter.mouse.move(0, 0)
    chapter.evaluate(
        """() => {
          const kept = document.querySelectorAll(".quiz-questions, .quiz-total, .check-number,"
            + " .check-order, .order-check, h1, h2, h3");
          for (const e of document.querySelectorAll("article *"))
            if (![...kept].some(k => k.contains(e) || e.contains(k))) e.remove();
        }"""
    )
    prepare(chapter)
    for theme, width in [("light", 1280), ("dark", 1280), ("light", 320)]:
        show(chapter, theme, width)
        chapter.evaluate(LEAVE_OUT)
        assert violations(chapter) == []
    for button in chapter.locator(".quiz-button:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 24


def test_without_javascript_all_is_there_to_read(browser, html):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((html / "notebooks" / "01_what_is_an_autoencoder.html").as_uri())
    assert page.locator(".quiz-total, .quiz-sign").count() == 0
    summary = options(page, 0).first.locator("summary")
    assert summary.inner_text().startswith("A. ")
    summary.click()
    assert options(page, 0).first.locator("p").is_visible()
    context.close()


def encoded(text):
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def make_page(browser, tmp_path):
    """Make a page of some exercises; it has the script and nothing else of the book."""
    page = browser.new_page()

    def make(body):
        file = tmp_path / "page.html"
        script = f'<script defer src="{SCRIPT.as_uri()}"></script>'
        file.write_text(f"<!DOCTYPE html><meta charset=utf-8><title>A page</title>{script}{body}")
        page.goto(file.as_uri())
        return page

    yield make
    page.close()


@pytest.mark.parametrize(
    ("answer", "tolerance", "said", "comes"),
    [
        ("0.0196", 0.0002, ["1,96 %", "1.96e-2", "0.0196", "1.96%", "+,0197", "1,96 × 10^-2"], "✓"),
        ("0.0196", 0.0002, ["1.96", "1,95"], "✗ in percent"),
        ("0.0196", 0.0002, ["0.0199", "-0.0196", "1,96e-3", "1.96.1"], "✗"),
        ("1664", 0, ["1664", "1,664", "1 664", "1'664", "1664 weights", "1.664e3"], "✓"),
        ("1664", 0, ["1665", "1,66", "16,64"], "✗ not yet"),
        ("-3.5", 0.1, ["−3,5 dB", "-3.45"], "✓"),
        ("20", 0, ["twenty", "", "dB 20", "%"], "✗ type a number"),
    ],
)
def test_numbers_are_read_as_people_write_them(make_page, answer, tolerance, said, comes):
    page = make_page(
        f'<p class="check-number" data-answer="{encoded(answer)}" data-tolerance="{tolerance}">'
        "Check the number.</p>"
    )
    for words in said:
        page.get_by_label("Check the number.").fill(words)
        page.keyboard.press("Enter")
        assert page.inner_text(".check-says").startswith(comes), words


def test_lines_are_put_in_order_by_keys(make_page):
    lines = "".join(f"<li><code>{line}</code></li>" for line in ("fit", "score", "split"))
    page = make_page(f'<ol class="check-order" data-answer="{encoded("3,1,2")}">{lines}</ol>')
    check = page.get_by_role("button", name="Check the order")
    check.click()
    assert "line 1 is the first in a wrong place" in page.inner_text(".check-says")
    up = page.get_by_role("button", name="Move up: split")
    up.focus()
    for _ in range(3):
        # the third is one too many, and does no harm
        page.keyboard.press("Enter")
    assert page.locator("ol .order-words").all_inner_texts() == ["split", "fit", "score"]
    assert up.get_attribute("aria-disabled") == "true"
    check.click()
    assert page.inner_text(".check-says") == "✓ right"
    page.get_by_role("button", name="Move down: fit").click()
    check.click()
    assert "line 2 is the first in a wrong place" in page.inner_text(".check-says")


def test_a_page_that_may_keep_nothing_still_checks(make_page):
    question = (
        '<ol class="quiz-questions"><li><div><p><strong>Why?</strong></p>'
        '<details class="quiz"><summary>A. So</summary><p>Right: it is so.</p></details>'
        '<details class="quiz"><summary>B. Not so</summary><p>No: it is so.</p></details>'
        "</div></li></ol>"
    )
    refuse = (
        "<script>Storage.prototype.getItem = Storage.prototype.setItem = () => { throw 1 }</script>"
    )
    page = make_page(refuse + question)
    page.click("text=B. Not so")
    assert score(page) == "Score: 0 of 1"
    page.click("text=Start again")
    assert score(page).startswith("Score: 1 questions")
