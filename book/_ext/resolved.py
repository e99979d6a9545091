"""What the book says in place of its markup, for the copies: numbers, titles, authors, values.

Sphinx has read and numbered the book by then, so every answer is that of the page.
"""

import base64
import mimetypes
import re
from pathlib import Path

import nbformat
import pybtex.plugin
from docutils import nodes
from sphinx import addnodes

import asked
import markup
import minus
from checks import checks_of, in_table
from markup import MarkupError
from plain_code import GLUED

LITERAL = {"code", "file", "kbd", "samp", "py:func", "py:class", "py:meth", "py:mod", "py:obj"}
STYLED = {"term": "*", "sub": "sub", "sup": "sup", "math": "$"}


class Book:
    """What the read book knows: numbers, titles, places and citations, for one of its pages."""

    def __init__(self, app, docname: str, places: dict):
        self.app, self.env, self.docname, self.places = app, app.env, docname, places
        self.path = Path(self.env.doc2path(docname))
        self.notebook = nbformat.read(self.path, as_version=4)
        self.glued = dict(glued(self.notebook))
        self.answers = asked.answers_in(self.notebook)
        self.cited: set[str] = set()
        self.words = markup.Words(
            *(self.role, self.number, self.picture, self.link),
            *(lambda: table(self.path.stem), self.question),
        )

    def role(self, role: str, target: str, title: str | None) -> str:
        """What a role says on the page."""
        if role in ("glue:text", "glue:", "glue:any"):
            return self.value(target)
        if role.startswith("cite"):
            return self.citation(role, target)
        if role == "doc":
            return self.document(target, title)
        if role in ("eq", "ref", "numref"):
            return self.reference(role, target, title)
        if role in LITERAL:
            return f"`{title or target}`"
        if role in STYLED:
            mark = STYLED[role]
            opening, closing = (f"<{mark}>", f"</{mark}>") if mark.isalpha() else (mark, mark)
            return f"{opening}{title or target}{closing}"
        raise MarkupError(f"the role {{{role}}} has no plain form yet")

    def value(self, key: str) -> str:
        """A glued value, as a string of the notebook's output."""
        name, _, form = key.partition(":")
        if name not in self.glued:
            raise MarkupError(f"nothing is glued as {name}")
        value = self.glued[name]
        return minus.signed(format(float(value), form) if form else value)

    def question(self, name: str, body: str) -> tuple[str, str]:
        """The text of a question and its answer, as MyST."""
        question = asked.Asked(name, body, self.answers.get(name, (None, ""))[0])
        return question.question(), question.answer()

    def number(self, kind: str, label: str) -> str:
        """The number that an equation, an exercise or a figure has on its page."""
        docname, _ = self.place(label)
        names = {"equation": "displaymath", "exercise": "exercise", "figure": "figure"}
        identity = f"equation-{label}" if kind == "equation" else label
        found = self.env.toc_fignumbers.get(docname, {}).get(names[kind], {}).get(identity)
        if not found:
            raise MarkupError(f"the {kind} {label} has no number")
        number = ".".join(map(str, found))
        if kind == "figure":
            return self.env.config.numfig_format["figure"] % number
        return number if kind == "equation" else f"Exercise {number}"

    def place(self, label: str) -> tuple[str, str | None]:
        """The page of a label and the heading that it stands below."""
        if label not in self.places:
            raise MarkupError(f"the label {label} stands in no chapter")
        return self.places[label]

    def reference(self, role: str, label: str, title: str | None) -> str:
        """A link to an equation, an exercise, a figure or a section."""
        docname, heading = self.place(label)
        figures = self.env.toc_fignumbers.get(docname, {})
        if role == "eq":
            return self.linked(f"({self.number('equation', label)})", docname, heading)
        for kind in ("exercise", "figure"):
            if label in figures.get(kind, {}):
                number = self.number(kind, label)
                goal = number if kind == "exercise" else heading
                return self.linked(title or number, docname, goal)
        return self.linked(title or heading, docname, heading)

    def document(self, target: str, title: str | None) -> str:
        """A link to a chapter, or the title of a page that has no copy."""
        docname = self.env.relfn2path(target, self.docname)[0]
        if docname not in self.env.titles:
            raise MarkupError(f"there is no page {target}")
        return self.linked(title or self.env.titles[docname].astext(), docname, None)

    def linked(self, text: str, docname: str, heading: str | None) -> str:
        """A link to a heading of a chapter; the text alone if that page has no copy."""
        if docname not in chapters(self.env):
            return f"*{text}*"
        anchor = markup.anchor(self.title(docname, heading)) if heading else None
        page = "" if docname == self.docname else f"{Path(docname).name}.ipynb"
        return f"[{text}]({page}{anchor or ''})" if page or anchor else text

    def title(self, docname: str, heading: str) -> str:
        """A heading as the copy has it: that of the chapter begins with its number."""
        if heading != self.env.titles[docname].astext():
            return heading
        number = self.env.toc_secnumbers.get(docname, {}).get("", ())
        return f"{'.'.join(map(str, number))}. {heading}" if number else heading

    def link(self, text: str, target: str) -> str:
        """A link to a label or to a file of the book."""
        if target in self.places:
            return self.reference("ref", target, text or None)
        return self.document(target.removesuffix(".md").removesuffix(".ipynb"), text or None)

    def citation(self, role: str, keys: str) -> str:
        """Authors and year as the page has them, as a link to the list at the copy's end."""
        domain, kind = self.env.get_domain("cite"), role.partition(":")[2] or "p"
        node = addnodes.pending_xref("", refdoc=self.docname)
        found = domain.resolve_xref(
            self.env, self.docname, self.app.builder, kind, keys, node, nodes.inline("", keys)
        )
        self.cited |= {key.strip() for key in keys.split(",")}
        text = found.astext()
        if text.startswith("["):
            return f"([{text[1:-1]}](#References))"
        return f"[{text.replace('[', '(').replace(']', ')')}](#References)"

    def references(self) -> str:
        """The works that the copy cites, as a list."""
        backend = pybtex.plugin.find_plugin("pybtex.backends", "markdown")()
        texts = {
            citation.formatted_entry.text.render(backend)
            for citation in self.env.get_domain("cite").citations
            if citation.key in self.cited
        }
        entries = sorted(re.sub(r"\\([.,:;()-])", r"\1", " ".join(text.split())) for text in texts)
        return "\n".join(f"- {entry}" for entry in entries)

    def picture(self, address: str) -> str:
        """A picture as a part of the copy."""
        path = self.path.parent / address
        kind = mimetypes.guess_type(path.name)[0]
        return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def glued(notebook):
    """The name and the text of each value that the notebook's cells glued."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name:
                text = output.data[f"{GLUED}text/plain"]
                yield name, text.strip("'\"")


def table(stem: str) -> str:
    """A page's equations and how each was checked."""
    rows = [f"| {{eq}}`{check.label}` | {in_table(check.how)} |" for check in checks_of(stem)]
    return "\n".join(["| Equation | How it was checked |", "|---|---|", *rows])


def chapters(env) -> list[str]:
    """The pages that are notebooks."""
    return [name for name in sorted(env.found_docs) if env.doc2path(name).endswith(".ipynb")]


def places(env) -> dict[str, tuple[str, str | None]]:
    """Each label of the chapters, with its page and the heading that it stands below."""
    found = {}
    for docname in chapters(env):
        notebook = nbformat.read(env.doc2path(docname), as_version=4)
        text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        found |= {label: (docname, heading) for label, heading in markup.headings(text)}
    return found
