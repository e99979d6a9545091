"""Lead from a symbol to its row of the table of notation.

Each row gets an id, made of its first symbol. In a chapter the first formula that is one of the
table's symbols, or that says something of one (`D = 2`), becomes a link to its row; a line below
the title says so. Nothing of this is written in the chapters.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError

from mathematics import FOLLOWS

NOTATION = "book/notation"
SAYS = "A dotted line under a symbol leads to its row of the "
HINT = ", in the notation"  # what a screen reader says behind the symbol
TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|.", re.DOTALL)
INDEX = re.compile(r"\^\{\([a-zA-Z0-9]\)\}")
RELATIONS = set(r"= < > \sim \in \ge \le \to \approx \ne \gg \ll".split())  # noqa: SIM905
SPACES = {r"\,", r"\!", r"\;", r"\:", r"\ ", " "}
LONGEST = 40  # tokens of a formula that says something of its first symbol
MARKS = re.compile(FOLLOWS)
CELL = re.compile(r"(?<!\\)\|")
MATH = re.compile(r"\$([^$]+)\$")


def tokens(tex: str) -> list[str]:
    """The parts of a formula, without its spaces; an index of images is always `(n)`."""
    tex = INDEX.sub("^{(n)}", re.sub(r"\\\||\\(?:mid|Vert)(?![a-zA-Z])", "|", tex))
    return [part for part in TOKEN.findall(tex) if part.strip() and part not in SPACES]


def identity(tex: str) -> str:
    """The id of a symbol's row: its letters and names, as in `symbol-q-z-x`."""
    unsaid = r"\\(?:mathrm|mathcal|mathbb|operatorname|mid|Vert)(?![a-zA-Z])|\\[^a-zA-Z]"
    tex = re.sub(unsaid, " ", tex).replace("'", " prime ").replace("*", " star ")
    return "-".join(["symbol", *re.findall(r"[a-zA-Z]+|\d+", tex)])


def rows_of(markdown: str) -> list[list[str]]:
    """For each row of the tables of a page, the formulas of its first column."""
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [found for line in lines if (found := MATH.findall(CELL.split(line)[1]))]


def known(markdown: str) -> dict[tuple[str, ...], str]:
    """The symbols of the table, each with the id of its row, and those with an index without it."""
    table = {tuple(tokens(each)): identity(row[0]) for row in rows_of(markdown) for each in row}
    bare = {symbol[:-2]: row for symbol, row in table.items() if symbol[-2:-1] == ("_",)}
    return bare | table


def row_for(tex: str, table: dict[tuple[str, ...], str]) -> str | None:
    """The id of the row that a formula is about: its symbol is all of it, or what it speaks of."""
    parts = tokens(tex)
    for length in range(len(parts), 0, -1):
        symbol = tuple(parts[:length])
        of_layer = (*symbol[:-1], "l") if symbol[-2:-1] == ("_",) and symbol[-1].isdigit() else ()
        row = table.get(symbol) or table.get(of_layer)
        if row and (length == len(parts) or is_about(parts[length:])):
            return row
    return None


def is_about(rest: list[str]) -> bool:
    """Whether what follows a symbol leaves it the subject: an index, a square, a relation."""
    if rest[0] == "_":
        closing = rest.index("}") + 1 if rest[1] == "{" else 2
        if all(part.isdigit() for part in rest[2 : closing - 1]) and closing > 2:
            return False  # two numbers that make an index are of what the page alone knows
        return len(rest) == closing or is_about(rest[closing:])
    if rest[:2] == ["^", "2"]:
        return len(rest) == 2
    return rest[0] in RELATIONS and len(rest) < LONGEST


def formulas(doctree) -> list[nodes.math]:
    """The formulas in the text of a page that can be links: those that stand open come first."""
    found, in_question = [], False
    for node in doctree.findall():
        if isinstance(node, nodes.raw):
            # A question is some nodes between two pieces of HTML, and Jupyter gets it as it is.
            in_question |= 'class="question"' in node.astext()
            in_question &= "</details><script" not in node.astext()
        elif isinstance(node, nodes.math) and not in_question and not is_led(node):
            found.append(node)
    return sorted(found, key=is_folded)


def is_led(node) -> bool:
    """Whether a formula stands in a link, a heading, a caption or a table."""
    outside = (nodes.reference, nodes.title, nodes.caption, nodes.table)
    return any(isinstance(each, outside) for each in ancestors(node))


def is_folded(node) -> bool:
    """Whether a formula stands in what a reader has to unfold."""
    return any("dropdown" in each.get("classes", []) for each in ancestors(node))


def ancestors(node):
    """The nodes that a node stands in, from the inside."""
    while (node := node.parent) is not None and not isinstance(node, nodes.document):
        yield node


def link_to(node: nodes.math, address: str) -> None:
    """Make a formula a link, which keeps the mark that follows it in its line."""
    link = nodes.reference("", "", internal=True, refuri=address, classes=["symbol"])
    parent, place = node.parent, node.parent.index(node)
    parent[place] = link
    link += [node, nodes.inline("", HINT, classes=["visually-hidden"])]
    after = parent[place + 1] if len(parent) > place + 1 else None
    mark = MARKS.match(after) if isinstance(after, nodes.Text) else None
    if mark:
        parent[place + 1] = nodes.Text(after[mark.end() :])
        parent[place] = nodes.inline("", "", link, nodes.Text(mark[0]), classes=["with-mark"])


def lead(app, doctree, docname) -> None:
    """Give the rows of the notation their ids, and a chapter its links to them."""
    if docname == NOTATION:
        name_rows(doctree)
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".ipynb" or app.builder.format != "html":
        return
    page = app.builder.get_relative_uri(docname, NOTATION)
    table, led = known(Path(app.env.doc2path(NOTATION)).read_text(encoding="utf-8")), set()
    for node in formulas(doctree):
        row = row_for(node.astext(), table)
        if row and row not in led:
            led.add(row)
            link_to(node, f"{page}#{row}")
    say_so(doctree, page)


def say_so(doctree, page: str) -> None:
    """Put the line about the links below the one that says how long a chapter takes."""
    for line in list(doctree.findall(nodes.paragraph)):
        if "reading-time" in line["classes"]:
            link = nodes.reference("", "notation", internal=True, refuri=page)
            said = nodes.paragraph("", SAYS, link, nodes.Text("."), classes=["symbols-line"])
            line.parent.insert(line.parent.index(line) + 1, said)


def name_rows(doctree) -> None:
    """Give each row of the table of notation its id.

    Raises:
        ExtensionError: if two rows would have the same.
    """
    seen = set()
    for body in doctree.findall(nodes.tbody):
        for row in body.findall(nodes.row):
            symbol = row.next_node(nodes.math)
            name = identity(symbol.astext())
            if name in seen:
                raise ExtensionError(f"two rows of the notation would have the id {name}")
            seen.add(name)
            row["ids"].append(name)


def depend(app, doctree) -> None:
    """A chapter is read again when the table has changed."""
    for path in (app.env.doc2path(NOTATION), __file__):
        app.env.note_dependency(str(path))


def setup(app):
    app.connect("doctree-read", depend)
    app.connect("doctree-resolved", lead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
