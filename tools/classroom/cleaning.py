"""Turn what students wrote into HTML that carries no script, in feedback pages and panels."""

import html

import bleach
from nbconvert.filters import markdown2html

LONGEST = 20_000  # characters of a text that is converted: some take the square of them in time

# what Markdown is turned into; pictures from elsewhere would tell who looks at them, and when
_TAGS = "a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr li ol p pre span strong sub sup"
_TAGS += " table tbody td th thead tr ul"
_ATTRIBUTES = {"*": ["class"], "a": ["href", "title"]}


def clean_markdown(source):
    """Convert Markdown to HTML, then clean it: a link can be harmful in Markdown's own words.

    What is too long for that, or nested too deep, is shown as it was typed.
    """
    try:
        if len(source) <= LONGEST:
            return bleach.clean(
                markdown2html(source),
                tags=set(_TAGS.split()),
                attributes=_ATTRIBUTES,
                protocols=("http", "https", "mailto"),
            )
    except Exception:  # a text can be wrong in more ways than can be listed
        pass
    return f"<pre>{html.escape(source)}</pre>"


# as nbconvert's exporters take it: this filter in the place of theirs
FILTERS = {"markdown2html": clean_markdown}
