"""What the glossary's entries lead to: sections, widgets and rows of the notation.

Three roles name places that have no label of their own, and a place that is not there is a warning,
which fails the build:

- `{section}` names a page and one of its headings, as in "kl: The barrier",
- `{widget}` names a page and one of its widgets, and leads to the section in which it stands,
- `{symbol}` names, in TeX, a symbol of the first column of the notation, and leads to its row.

A term is found in a text under each of its names, in all spellings that the search knows.
"""

import functools
import re
from dataclasses import dataclass, field

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

import spelling
import symbols

GLOSSARY, NOTATION = "book/glossary", "book/notation"
logger = logging.getLogger(__name__)


class place(nodes.inline):
    """A place of the book that is looked for once all pages are read."""


class PlaceRole(SphinxRole):
    """`{section}`, `{widget}` or `{symbol}`: which, what it names, and where."""

    def run(self):
        node = place("", kind=self.name, target=" ".join(self.text.split()))
        self.set_source_info(node)
        return [node], []


@functools.cache
def tree_of(env, docname: str) -> nodes.document:
    """A page as it was read, to be looked at only; to read it from the disk takes long."""
    return env.get_doctree(docname)


@dataclass
class Entry:
    """A term of the glossary: its names, of which the first is its own, and where it is explained.

    The words of each name are stems, as the search has them.
    """

    names: list[str]
    anchor: str
    places: list[tuple[str, str]] = field(default_factory=list)  # kind, target
    words: list[tuple[str, ...]] = field(default_factory=list)


def entries(env) -> list[Entry]:
    """All entries of the glossary, in its order."""
    language = spelling.SearchField({})
    found = []
    for item in tree_of(env, GLOSSARY).findall(nodes.definition_list_item):
        terms = [child for child in item.children if isinstance(child, nodes.term)]
        names = [term.astext() for term in terms]
        entry = Entry(names, terms[0]["ids"][0])
        entry.places = [(node["kind"], node["target"]) for node in item.findall(place)]
        entry.words = [tuple(language.stems(name)) for name in names]
        found.append(entry)
    return found


def page_and_rest(target: str, separator: str) -> tuple[str, str]:
    """The document that a place names, and the rest of its name."""
    page, _, rest = target.partition(separator)
    return f"book/{page}", rest.strip()


def section_of(env, target: str) -> tuple[str, nodes.section] | None:
    """The document and the section that "page: Heading" names."""
    docname, heading = page_and_rest(target, ":")
    if docname not in env.found_docs:
        return None
    for section in sections_of(tree_of(env, docname)):
        if heading_of(section) == heading:
            return docname, section
    return None


def sections_of(tree) -> list[nodes.section]:
    """The sections of a page that have a heading."""
    found = tree.findall(nodes.section)
    return [each for each in found if each.children and isinstance(each[0], nodes.title)]


def widget_of(env, target: str) -> tuple[str, nodes.section] | None:
    """The document and the section in which a widget stands."""
    docname, name = page_and_rest(target, " ")
    if docname not in env.found_docs:
        return None
    for node in tree_of(env, docname).findall(nodes.raw):
        if f'data-widget="{name}"' in node.astext():
            while not isinstance(node, nodes.section):
                node = node.parent
            return docname, node
    return None


def row_of(env, tex: str) -> str | None:
    """The id of the row of the notation whose first column has a symbol."""
    wanted = squeezed(tex)
    for row in tree_of(env, NOTATION).findall(nodes.row):
        found = symbols_of(row)
        if wanted in map(squeezed, found):
            return symbols.identity(found[0])
    return None


def symbols_of(row: nodes.row) -> list[str]:
    """The formulas in the first column of a row."""
    return [each.astext() for each in row[0].findall(nodes.math)]


def squeezed(tex: str) -> str:
    """TeX without its spaces, and without the backslash that a bar has or lacks in a table."""
    return re.sub(r"\s+|\\(?=\|)", "", tex)


def heading_of(section: nodes.section) -> str:
    """A heading as one types it."""
    return " ".join(section[0].astext().replace("’", "'").split())


def resolve(app, doctree, docname):
    """Put a link where a place is named."""
    for node in list(doctree.findall(place)):
        found = LINKS[node["kind"]](app, docname, node["target"])
        if found is None:
            text = "no such %s in the book: %s"
            logger.warning(text, node["kind"], node["target"], location=node)
        node.replace_self(found or nodes.inline("", node["target"]))


def link(app, docname: str, page: str, anchor: str, *content, **attributes) -> nodes.reference:
    """A link from a document to a place of another."""
    uri = app.builder.get_relative_uri(docname, page) + f"#{anchor}" * bool(anchor)
    return nodes.reference("", "", *content, internal=True, refuri=uri, **attributes)


def link_to_section(app, docname: str, target: str):
    found = section_of(app.env, target)
    if found is None:
        return None
    page, section = found
    text = f"{app.env.titles[page].astext()}: {section[0].astext()}"
    return link(app, docname, page, section["ids"][0], nodes.Text(text), classes=["place"])


def link_to_widget(app, docname: str, target: str):
    found = widget_of(app.env, target)
    if found is None:
        return None
    page, section = found
    text = f"Try it in {app.env.titles[page].astext()}: {section[0].astext()}"
    classes = ["place", "place-widget"]
    return link(app, docname, page, section["ids"][0], nodes.Text(text), classes=classes)


def link_to_symbol(app, docname: str, tex: str):
    anchor = row_of(app.env, tex)
    title = "Its row in the notation"  # for a link without any text says nothing
    symbol = nodes.math(tex, tex)
    return anchor and link(app, docname, NOTATION, anchor, symbol, reftitle=title)


LINKS = {"section": link_to_section, "widget": link_to_widget, "symbol": link_to_symbol}


def renew(app, env) -> list[str]:
    """The glossary is written anew whatever has changed, for it leads to places of all pages.

    Its terms leave Sphinx's index, which is of the module's names: `concepts` is theirs.
    """
    env.get_domain("index").entries.pop(GLOSSARY, None)
    return [GLOSSARY] if GLOSSARY in env.found_docs else []


def setup(app):
    app.add_node(place)
    for kind in LINKS:
        app.add_role(kind, PlaceRole())
    app.connect("env-updated", renew)
    app.connect("doctree-resolved", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
