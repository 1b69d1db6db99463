"""The chapters as cards on the front page: a Sphinx extension that _config.yml names.

The directive ``chapters`` holds one line a chapter, its file's name and a sentence.  The title and
the picture's words come from the chapter, the minutes that it runs from benchmarks/speed.json.
"""

import json
import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parent.parent
WORDS_A_MINUTE = 200


def setup(app):
    """Tell Sphinx of the directive."""
    app.add_directive("chapters", Chapters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def read_chapter(name):
    """Return a chapter's title, the words of its cover, and the minutes that reading takes."""
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text())["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    title = re.search(r"(?m)^# (.*)", texts[0])[1]
    covers = [c for c in cells if "cover-picture" in c["metadata"].get("tags", [])]
    words = covers[0]["metadata"]["mystnb"]["image"]["alt"] if covers else ""
    # what is folded is not read by everybody
    seen = re.sub(r"(?s)<details.*?</details>", "", "\n".join(texts))
    for cell in cells:
        folded = {"hide-input", "hide-cell", "remove-cell"} & set(cell["metadata"].get("tags", []))
        if cell["cell_type"] == "code" and not folded:
            seen += "\n" + "".join(cell["source"])
    minutes = max(1, round(len(re.findall(r"\w+", seen)) / WORDS_A_MINUTE))
    return title, words, minutes


class Chapters(SphinxDirective):
    """Cards, one a chapter: picture, title, sentence, minutes."""

    has_content = True

    def run(self):
        """Write the cards as Markdown of sphinx-design, and let it be read."""
        self.env.note_dependency(str(ROOT / "benchmarks" / "speed.json"))
        seconds = json.loads((ROOT / "benchmarks" / "speed.json").read_text())["chapter_seconds"]
        lines = [":::::{grid} 1 2 3 3", ":gutter: 3", ":class-container: chapters", ""]
        for line in self.content:
            name, sentence = line.split(": ", 1)
            lines += self.card(name, sentence, seconds.get(name))
        lines.append(":::::")
        box = nodes.container()
        self.state.nested_parse(StringList(lines, self.get_source_info()[0]), 0, box)
        return box.children

    def card(self, name, sentence, seconds):
        """Return one card, a list of lines."""
        title, words, minutes = read_chapter(name)
        self.env.note_dependency(str(ROOT / "notebooks" / f"{name}.ipynb"))
        title = f"{int(name[:2])}. {title}"
        lines = [f"::::{{grid-item-card}} [{title}](../notebooks/{name}.ipynb)"]
        if (ROOT / "book" / "_static" / f"{name}.png").exists():
            lines.append(f":img-top: _static/{name}.png")
            lines.append(f":img-alt: {words or f'A picture of the results of {title}'}")
        times = f"{minutes} min to read"
        if seconds:
            times += f" · {max(1, round(seconds / 60))} min to run"
        return [*lines, "", sentence, "", ":::{card-footer}", times, ":::", "::::"]
