"""Set what a page says by the way beside its text: the directive `{margin}` of the theme.

A note stands below the paragraph that it belongs to. With that paragraph, and the next one where
there is one, it becomes a box, in which `margin.css` puts the note into the margin of a wide screen
and leaves it in the text of a narrow one. The theme's own form floats over the list of contents and
hides that; it also is an `aside`, a landmark within another one.
"""

from docutils import nodes
from sphinx.errors import ExtensionError


class Noted(nodes.General, nodes.Element):
    """One or two paragraphs with a note on the first."""


class SideNote(nodes.General, nodes.Element):
    """What is said by the way."""


def gather(app, doctree) -> None:
    """Make boxes of the notes of a page and their paragraphs.

    Raises:
        ExtensionError: if a note does not stand below a paragraph.
    """
    notes = [each for each in doctree.findall(nodes.sidebar) if "margin" in each["classes"]]
    for note in notes:
        parent, place = note.parent, note.parent.index(note)
        if not place or not isinstance(parent[place - 1], nodes.paragraph):
            raise ExtensionError(
                f"a side note stands below a paragraph: {note.astext().strip()[:60]!r}"
            )
        text = [each for each in note if not isinstance(each, nodes.title) or each.astext()]
        after = parent[place + 1 : place + 2]
        taken = [each for each in after if isinstance(each, nodes.paragraph)]
        box = Noted("", parent[place - 1], SideNote("", *text), *taken)
        parent[place - 1 : place + 1 + len(taken)] = [box]


def visit_noted(translator, node):
    translator.body.append('<div class="noted">\n')


def visit_note(translator, node):
    translator.body.append('<div class="side-note" role="note">\n')


def depart(translator, node):
    translator.body.append("</div>\n")


def setup(app):
    app.add_node(Noted, html=(visit_noted, depart))
    app.add_node(SideNote, html=(visit_note, depart))
    app.connect("doctree-read", gather, priority=600)  # when the theme's directives have run
    return {"parallel_read_safe": True, "parallel_write_safe": True}
