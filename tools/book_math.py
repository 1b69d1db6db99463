"""Formulas typeset when the book is built: a Sphinx extension that _config.yml names.

KaTeX runs here, in a JavaScript engine that is a Python package, so that a page shows its formulas
offline and without JavaScript; each holds MathML too, which screen readers read.  A mistake in a
formula fails the build.
"""

import json
from pathlib import Path

import quickjs
from docutils import nodes
from sphinx.util.math import get_node_equation_number

KATEX = Path(__file__).resolve().parent / "katex" / "katex.min.js"


class Typesetter:
    """KaTeX in an engine that is started at the first formula."""

    def __init__(self):
        self.context = None

    def html(self, formula, display):
        """Return a formula as HTML with MathML in it."""
        if self.context is None:
            self.context = quickjs.Context()
            self.context.eval(KATEX.read_text(encoding="utf-8"))
        options = {"displayMode": display, "output": "htmlAndMathml", "strict": "error"}
        # by way of JSON, since the engine's own strings lose letters beyond the first 65,536
        call = f"JSON.stringify(katex.renderToString({json.dumps(formula)}, {json.dumps(options)}))"
        return json.loads(self.context.eval(call))


typesetter = Typesetter()


def typeset(writer, node, display):
    """Return a formula's HTML; a mistake is a warning, and so an error of the build."""
    formula = node.astext()
    try:
        return typesetter.html(formula, display)
    except quickjs.JSException as error:
        from sphinx.util.logging import getLogger

        reason = str(error).splitlines()[0]
        getLogger(__name__).warning(f"formula {formula!r}: {reason}", location=node)
        return writer.encode(formula)


def visit_inline(writer, node):
    """Write a formula in a line."""
    writer.body.append(f'<span class="math">{typeset(writer, node, display=False)}</span>')
    raise nodes.SkipNode


def visit_display(writer, node):
    """Write a formula of its own, with its number and anchor where it has a label."""
    writer.body.append(writer.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(writer, node)
        writer.body.append(f'<span class="eqno">({number})</span>')
    writer.body.append(typeset(writer, node, display=True) + "</div>")
    raise nodes.SkipNode


def add_style(app, pagename, templatename, context, doctree):
    """Load KaTeX's style sheet on the pages that have formulas, and on no other."""
    if doctree is not None and list(
        doctree.findall(lambda n: isinstance(n, nodes.math | nodes.math_block))
    ):
        path = context["pathto"]("katex/katex.min.css", resource=True)
        context["metatags"] = context.get("metatags", "") + f'<link rel="stylesheet" href="{path}">'


def setup(app):
    """Make KaTeX the way in which Sphinx writes formulas."""
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_display, None))
    app.connect("html-page-context", add_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
