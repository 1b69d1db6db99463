"""Every chapter ends in a quiz of five questions and in exercises, each with its solution."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted(ROOT.glob("notebooks/*.ipynb"))
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


class Quiz(HTMLParser):
    """The questions of a quiz, each with its options and explanations."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.ids, self.groups = [], set(), [], []
        self.questions, self.options, self.explanations = [], [], []
        self.feed(source)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        assert not any(name.startswith("on") or name in ("href", "src") for name in attrs), attrs
        self.tags.add(tag)
        if tag == "details":
            assert "details" not in self.open, "an option inside an option"
            assert "li" in self.open, "an option outside of a question"
            assert attrs == {"class": "quiz"}, "options are closed and look alike"
            self.options[-1].append("")
            self.explanations[-1].append("")
        elif tag == "li":
            assert self.open == ["ol"], self.open
            self.questions.append("")
            self.options.append([])
            self.explanations.append([])
        elif tag == "summary":
            assert self.open[-1] == "details", "a summary comes first in its option"
            assert self.explanations[-1][-1] == ""
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if attrs.get("role") == "group":
            self.groups.append(attrs["aria-labelledby"])
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"{tag} is closed where another tag is open"

    def handle_data(self, data):
        if "summary" in self.open:
            self.options[-1][-1] += data
        elif "details" in self.open:
            self.explanations[-1][-1] += data
        elif "li" in self.open:
            self.questions[-1] += data.strip("\n")


def markdown_cells(path):
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"]


def quiz_source(path):
    (cell,) = [c for c in markdown_cells(path) if re.search(r"(?m)^## Check yourself$", c.source)]
    return cell.source


def quiz_of(path):
    heading, _, html = quiz_source(path).partition("<ol")
    # a blank line would end the HTML, and what follows would be read as Markdown
    assert "\n\n" not in html
    assert heading.startswith("## Check yourself\n")
    assert "<" not in heading
    return Quiz("<ol" + html)


def right_options(quiz):
    """Return the number of the one right option of each question."""
    right = []
    for question, explanations in zip(quiz.questions, quiz.explanations, strict=True):
        marked = [i for i, text in enumerate(explanations) if text.startswith("Right: ")]
        assert len(marked) == 1, question
        right += marked
    return right


@each_chapter
def test_quiz_stands_right_before_the_exercises(path):
    cells = nbformat.read(path, 4).cells
    at = [i for i, cell in enumerate(cells) if cell.source.startswith("## Check yourself")]
    assert len(at) == 1
    assert cells[at[0]].cell_type == cells[at[0] + 1].cell_type == "markdown"
    assert cells[at[0] + 1].source.startswith("## Exercises\n")


@each_chapter
def test_five_questions_of_three_or_four_options(path):
    quiz = quiz_of(path)
    assert len(set(quiz.questions)) == 5
    for question, options in zip(quiz.questions, quiz.options, strict=True):
        assert question.endswith("?"), question
        assert len(options) in (3, 4), question
        letters = [re.match(r"([A-D])\. \S", option)[1] for option in options]
        assert letters == list("ABCD"[: len(options)]), question
        assert len({option[3:] for option in options}) == len(options), question


@each_chapter
def test_every_option_says_why_it_is_right_or_wrong(path):
    quiz = quiz_of(path)
    right_options(quiz)
    everything = [text for texts in quiz.explanations for text in texts]
    assert len(set(everything)) == len(everything)
    for text in everything:
        assert text.startswith(("Right: ", "No: ")), text
        assert text.endswith("."), text
        assert 12 <= len(text.split()) <= 50, text


@each_chapter
def test_neither_the_letter_nor_the_length_gives_the_answer_away(path):
    quiz = quiz_of(path)
    right = right_options(quiz)
    assert len(set(right)) >= 3, "the right letter hardly varies"
    longest = shortest = 0
    for i, options in zip(right, quiz.options, strict=True):
        lengths = [len(option) for option in options]
        longest += lengths[i] == max(lengths)
        shortest += lengths[i] == min(lengths)
    assert longest <= 3, "the right option is nearly always the longest"
    assert shortest <= 3, "the right option is nearly always the shortest"


@each_chapter
def test_quiz_needs_neither_scripts_nor_the_network_and_is_read_aloud_well(path):
    source, quiz = quiz_source(path), quiz_of(path)
    assert quiz.tags <= {"ol", "li", "div", "p", "strong", "em", "code", "details", "summary"}
    assert "http" not in source
    # what Jupyter or Sphinx would take for a formula, a role or Markdown
    assert not re.search(r"[$`*]", source)
    # each group of options is named by its question
    assert quiz.ids == quiz.groups == [f"quiz-{i}" for i in range(1, 6)]


def test_no_question_is_asked_twice():
    questions = [question for path in CHAPTERS for question in quiz_of(path).questions]
    assert len(set(questions)) == len(questions) == 5 * len(CHAPTERS)


# kinds of exercises, in the order in which they may come
FIRST = {"recall"}
BETWEEN = {"recall", "predict first", "derive", "compute", "code", "debug"}
# "choose" asks for a choice with reasons, of which several are good
LAST = {"explore", "choose", "open"}
IN_WORDS = {"recall", "derive", "debug", "open"}


def exercises(path):
    """Return the kind of each exercise, in order."""
    (cell,) = [c for c in markdown_cells(path) if c.source.startswith("## Exercises\n")]
    text = cell.source.split("### Solutions")[0]
    found = re.findall(r"(?m)^(\d+)\. \*\(([\w ]+)\)\* \S.{20,}", text)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    return [kind for _, kind in found]


def solutions(path):
    """Return the numbers that are solved in words and by code, and the cells with the code."""
    cells = nbformat.read(path, 4).cells
    (at,) = [i for i, c in enumerate(cells) if re.search("(?m)^### Solutions$", c.source)]
    text, code = cells[at].source.partition("### Solutions\n")[2], []
    for cell in cells[at + 1 :]:
        # up to the next part of the chapter, which may begin in the middle of a cell
        if re.search(r"(?m)^## ", text) or cell.source.startswith("## "):
            break
        if cell.cell_type == "markdown":
            text += "\n\n" + cell.source
        else:
            code.append(cell)
    text = re.split(r"(?m)^## ", text)[0]
    fold = (
        r'<details class="solution">\n<summary>Solution (\d+)</summary>\n\n[^<]{20,}\n\n</details>'
    )
    words = re.findall(fold, text)
    assert len(words) == text.count("<details") == text.count("</details>")
    # nothing of a solution is shown before it is asked for
    assert re.sub(r"(?s)<details.*?</details>", "", text).strip() == ""
    # named in the first line, or by what the page calls the fold
    names = [
        c.source + "\n" + c.metadata.get("mystnb", {}).get("code_prompt_show", "") for c in code
    ]
    numbers = re.findall(r"(?m)^# Exercise (\d+)|^Solution (\d+)$", "\n".join(names))
    return {int(n) for n in words}, {int(a or b) for a, b in numbers}, code


@each_chapter
def test_exercises_go_from_recall_to_open_ended(path):
    kinds = exercises(path)
    assert len(kinds) >= 4
    assert kinds[0] in FIRST
    assert set(kinds[1:-1]) <= BETWEEN
    assert kinds[-1] in LAST


@each_chapter
def test_every_exercise_has_a_folded_solution(path):
    kinds = exercises(path)
    words, by_code, cells = solutions(path)
    assert words | by_code == set(range(1, len(kinds) + 1))
    computed = {number for number, kind in enumerate(kinds, 1) if kind not in IN_WORDS}
    assert computed <= by_code, "a solution that no test runs"
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        assert {"hide-cell", "remove-cell"} & set(tags), cell.source
        assert not [tag for tag in tags if "skip" in tag], cell.source


def checks(path):
    """Return the exercises that the page checks: each one's kind, attributes and lines."""
    sources = "\n".join(cell.source for cell in markdown_cells(path))
    found = re.findall(r'(?s)<(p|ol) class="(check-\w+)"([^>]*)>(.*?)</\1>', sources)
    assert len(found) == sources.count('class="check-')
    return [
        (kind, dict(re.findall(r'([\w-]+)="([^"]*)"', attributes)), inside)
        for _, kind, attributes, inside in found
    ]


@each_chapter
def test_answers_that_the_page_checks_can_be_given(path):
    for kind, attributes, inside in checks(path):
        answer = base64.b64decode(attributes["data-answer"], validate=True).decode()
        assert "\n\n" not in inside
        if kind == "check-number":
            tolerance = float(attributes["data-tolerance"])
            assert 0 <= tolerance <= abs(float(answer)) / 10
            # as Jupyter shows it, it is a sentence
            assert re.fullmatch(r"[A-Z][^<]{10,}\.", inside)
        else:
            lines = re.findall(r"<li>(.*?)</li>", inside)
            assert len(set(lines)) == len(lines) >= 4
            order = [int(number) for number in answer.split(",")]
            assert sorted(order) == list(range(1, len(lines) + 1)) != order
