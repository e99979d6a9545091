"""Write references, folded code and exercises so that screen readers know what they are.

Docutils marks an entry as `doc-biblioentry`, a role that is deprecated and was never a list's item.
MyST-NB calls each fold "Toggle hidden content", whatever is written on it. sphinx-exercise gives
one id to the text of every exercise, and another to that of every solution.
"""

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode

SIGNS = {
    "folded": "Show code",
    "unfolded": "Hide code",
    "on-paper": "Code that is folded on the page",
}
SHARED = {"exercise-content", "solution-content"}


def visit_citation(translator, node):
    if not isinstance(node.previous_sibling(), nodes.citation):
        translator.body.append('<div role="list" class="citation-list">\n')
    translator.body.append(translator.starttag(node, "div", classes=["citation"], role="listitem"))


def depart_citation(translator, node):
    translator.body.append("</div>\n")
    if not isinstance(node.next_node(descend=False, siblings=True), nodes.citation):
        translator.body.append("</div>\n")


def visit_fold(translator, node):
    signs = "".join(f'<span class="{name}">{text}</span>' for name, text in SIGNS.items())
    translator.body.append(f'<details class="code-fold">\n<summary>{signs}</summary>\n')


def depart_fold(translator, node):
    translator.body.append("</details>\n")


def drop_shared_ids(app, doctree, docname):
    """Leave no id to what shares it; only now, for numbering the figures asks every section's."""
    for section in doctree.findall(nodes.section):
        section["ids"] = [name for name in section["ids"] if name not in SHARED]


def space_before_links(app, doctree, docname):
    """Put the space before the name of a solution's exercise outside its link."""
    for title in doctree.findall(nodes.title):
        for link in list(title.findall(nodes.reference)):
            first = link.next_node(nodes.Text)
            if first is not None and first.startswith(" "):
                first.parent.replace(first, nodes.Text(first.lstrip()))
                link.parent.insert(link.parent.index(link), nodes.Text(" "))


def setup(app):
    app.setup_extension("myst_nb")  # or it would write its own folds over these
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    app.add_node(HideCodeCellNode, override=True, html=(visit_fold, depart_fold))
    app.connect("doctree-resolved", drop_shared_ids)
    app.connect("doctree-resolved", space_before_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
