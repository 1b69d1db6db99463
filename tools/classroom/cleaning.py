"""Turn what students wrote into HTML that carries no script, in feedback pages and panels."""

import bleach
from nbconvert.filters import markdown2html

# what Markdown is turned into; pictures from elsewhere would tell who looks at them, and when
_TAGS = "a blockquote br code del div em h1 h2 h3 h4 h5 h6 hr li ol p pre span strong sub sup"
_TAGS += " table tbody td th thead tr ul"
_ATTRIBUTES = {"*": ["class"], "a": ["href", "title"]}


def clean_markdown(source):
    """Convert Markdown to HTML, then clean it: a link can be harmful in Markdown's own words."""
    return bleach.clean(
        markdown2html(source),
        tags=set(_TAGS.split()),
        attributes=_ATTRIBUTES,
        protocols=("http", "https", "mailto"),
    )


# as nbconvert's exporters take it: this filter in the place of theirs
FILTERS = {"markdown2html": clean_markdown}
