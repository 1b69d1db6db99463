"""Links to a part of another page: a Sphinx extension that _config.yml names.

A chapter links to ``../book/try_it.md#train``, which Jupyter follows as well.  MyST knows the parts
of a page by the slugs of its headings only; here it also gets to know the names that stand before
headings, as ``(train)=``.
"""


def setup(app):
    """Tell Sphinx when to call what follows."""
    app.connect("doctree-read", keep_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def keep_names(app, doctree):
    """Add a page's names to MyST's slugs of headings: line, anchor and words of a link."""
    slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for name, anchor in doctree.nameids.items():
        if anchor and doctree.nametypes.get(name):
            slugs.setdefault(name, (0, anchor, name))
