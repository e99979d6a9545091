"""Say under the title of each chapter how long it takes to read."""

from pathlib import Path

import nbformat
from docutils import nodes

import prose


def tell(app, doctree):
    """Put a line below the title of a page that is a notebook."""
    path = Path(app.env.doc2path(app.env.docname))
    section = doctree.next_node(nodes.section)
    if path.suffix != ".ipynb" or section is None:
        return
    text = str(prose.reading(nbformat.read(path, as_version=4).cells))
    title = section.first_child_matching_class(nodes.title)
    section.insert(title + 1, nodes.paragraph("", text, classes=["reading-time"]))
    for module in (prose, prose.markup):
        app.env.note_dependency(module.__file__)


def setup(app):
    app.connect("doctree-read", tell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
