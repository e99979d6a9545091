"""Wrong equations: a printed line with one sign, number, name, index, term or relation changed.

The changes are made in the TeX, at the places that the parser has noted, so that what is perturbed
is the line of the page itself. Each mutant is another expression than the line; that some happen to
be true as well is what `tests/test_equations.py` has to say of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from book._checks.tex import Node, parse

SIZES = set("BKNDPCGSH")
MATRICES = {"A", "W", "M", "T", "U", "R", "X", r"\delta", r"\Lambda"}
SYMMETRIC = {"M", r"\Lambda"}  # so that their transposes are no change
SHARPER = {
    "=": (r"\le", r"\ge", "<", r"\approx"),
    r"\le": (r"\ge", "=", "<"),
    r"\ge": (r"\le", "=", ">"),
    "<": (">", r"\le"),
    ">": (r"\ge", "<"),
    r"\approx": ("=", r"\le"),
    r"\sim": ("=",),
}
EXCHANGED = {
    r"\log": r"\exp",
    r"\exp": r"\log",
    r"\sin": r"\cos",
    r"\cos": r"\sin",
    r"\det": "",
    r"\sum": r"\prod",
    r"\prod": r"\sum",
    r"\min": r"\max",
    r"\max": r"\min",
    r"\mathbb{E}": r"\operatorname{Var}",
    r"\operatorname{Var}": r"\mathbb{E}",
    r"\nabla": "",
}


@dataclass(frozen=True)
class Mutant:
    """A wrong equation and what is wrong with it."""

    change: str
    tex: str


def mutants(tex: str) -> list[Mutant]:
    """All changes of all places, each other line once."""
    found = {_bare(tex): None}
    for change, wrong in _Changes(tex).all():
        found.setdefault(_bare(wrong), Mutant(change, wrong))
    return [mutant for mutant in found.values() if mutant]


def _bare(tex: str) -> str:
    return re.sub(r"[\s{}]", "", tex)


class _Changes:
    """The changes of one line; each method gives those of one kind of node."""

    def __init__(self, tex: str):
        self.tex, self.statements = tex, parse(tex)
        nodes = [node for statement in self.statements for node in statement.walk()]
        values = [node for statement in self.statements for node in in_value(statement)]
        bound = {n.parts[0].value for n in nodes if n.kind == "big" and not n.parts[0].parts}
        items = [n.parts[0] for n in nodes if n.kind in ("sub", "sup") and n.parts]
        letters = {i.value for i in items if i.kind == "name" and not i.parts and len(i.value) == 1}
        self.letters = sorted(letters | {b for b in bound if len(b) == 1})
        self.names = _different(n for n in values if n.kind == "name" and n.value not in letters)
        self.calls = _different(n for n in values if n.kind == "apply")
        self.sizes = sorted({n.value for n in values if n.kind == "name"} & SIZES)
        self.under = _different(n.parts[0] for n in nodes if n.kind == "mean" and said(n.parts[0]))
        self.nodes, self.values = nodes, {id(node) for node in values}

    def all(self) -> Iterator[tuple[str, str]]:
        for statement in self.statements:
            yield from self.of(statement, None)

    def of(self, node: Node, parent: Node | None) -> Iterator[tuple[str, str]]:
        for change, start, end, text in getattr(self, f"_{node.kind}", self._nothing)(node, parent):
            yield change, self.tex[:start] + text + self.tex[end:]
        for part in node.parts:
            yield from self.of(part, node)

    def text(self, node: Node) -> str:
        return self.tex[node.start : node.end]

    def _nothing(self, node, parent):
        return ()

    def _gap(self, parts, place: int, start: int) -> tuple[int, int]:
        """Where the operator before a part stands."""
        return (parts[place - 1].end if place else start), parts[place].start

    def _sum(self, node, parent):
        for place, term in enumerate(node.parts):
            start, end = self._gap(node.parts, place, node.start)
            between = self.tex[start:end]
            turned = between.replace("-", "+") if "-" in between else between.replace("+", "-")
            yield "a sign", start, end, turned if turned != between else f"{between}-"
            if len(node.parts) > 1:
                yield "a term", start, term.end, ""

    def _product(self, node, parent):
        for place, factor in enumerate(node.parts):
            start, end = self._gap(node.parts, place, node.start)
            divided = node.value[place] == "/"
            before = node.value[place + 1 : place + 2]
            if place == 0 and before == "/":
                yield "a factor", factor.start, factor.end, "1"
            elif place == 0 and before == ".":
                yield "a factor", factor.start, node.parts[1].start, ""
            else:
                yield "a factor", start if divided or place else end, factor.end, " "
            if divided:
                yield "a division", start, end, r" \cdot "
            if place and {head(f) for f in node.parts[place - 1 : place + 1]} <= MATRICES:
                other = node.parts[place - 1]
                yield "an order", other.start, factor.end, f"{self.text(factor)} {self.text(other)}"

    def _fraction(self, node, parent):
        above, below = map(self.text, node.parts)
        yield "a fraction", node.start, node.end, rf"\frac{{{below}}}{{{above}}}"
        yield "a denominator", node.start, node.end, f"{{{above}}}"
        yield "a numerator", node.start, node.end, rf"\frac{{1}}{{{below}}}"

    def _power(self, node, parent):
        yield "an exponent", node.start, node.end, self.text(node.parts[0])

    def _transpose(self, node, parent):
        yield "a transposition", node.start, node.end, self.text(node.parts[0])

    def _number(self, node, parent):
        number = int(node.value)
        others = {number + 1, 2 * number, number - 1, -number} - {number}
        sizes = [f"{s}{change}" for s in self.sizes for change in ("", "-1", "+1")]
        for other in [*map(str, sorted(others)), *sizes]:
            yield "a number", node.start, node.end, f"{{{other}}}"

    def _name(self, node, parent):
        if id(node) not in self.values or node.value.startswith(r"\text"):
            return
        if node.value in self.letters and not node.parts:
            yield from self._letter(node)
            return
        pattern = [part.kind for part in node.parts]
        for other in self.names:
            if [part.kind for part in other.parts] == pattern:
                yield "a name", node.start, node.end, f"{{{self.text(other)}}}"
        if node.value in SIZES and not node.parts:
            for change in ("+1", "-1"):
                yield "a size", node.start, node.end, f"{{{node.value}{change}}}"
        unsquared = ("power", "derivative", "differential", "apply")
        if node.value != "I" and (parent is None or parent.kind not in unsquared):
            yield "a square", node.start, node.end, f"{{{self.text(node)}}}^{{2}}"
        if node.value in MATRICES - SYMMETRIC:
            yield "a transposition", node.start, node.end, rf"{{{self.text(node)}}}^\top"

    def _letter(self, node):
        for other in self.letters:
            yield "an index", node.start, node.end, f"{{{other}}}"

    def _sub(self, node, parent):
        item = node.parts[0]
        if item.kind == "name" and not item.parts and item.value in self.letters:
            for other in self.letters:
                yield "an index", item.start, item.end, other
        if item.kind == "name" and not item.parts and parent and parent.kind == "name":
            for other in self._other_subscripts(parent, item):
                yield "a subscript", item.start, item.end, other

    def _other_subscripts(self, name: Node, item: Node) -> list[str]:
        """Letters that stand below the same name elsewhere, as in mu_q and mu_p."""
        alike = [n for n in self.nodes if n.kind == "name" and n.value == name.value and n.parts]
        below = {n.parts[0].parts[0].value for n in alike if n.parts[0].kind == "sub"}
        return sorted(b for b in below if b and b != item.value and b not in self.letters)

    def _sup(self, node, parent):
        if node.parts:
            yield from self._sub(node, None)
        elif parent is not None and parent.kind == "name":
            yield "a star", parent.start, parent.end, self.text(parent).rsplit("^", 1)[0]

    def _relation(self, node, parent):
        relations = node.value.split(" ")
        for place, relation in enumerate(relations, 1):
            start, end = self._gap(node.parts, place, node.start)
            between = self.tex[start:end]
            if parent is not None and relation == "=":
                continue
            for other in SHARPER.get(relation, ()):
                yield "a relation", start, end, between.replace(relation, f" {other} ")

    def _function(self, node, parent):
        yield from self._other_operator(node)
        if node.value in (r"\sqrt", r"\log", r"\exp"):
            yield "a function", node.start, node.end, f"{{{self.text(node.parts[0])}}}"

    def _big(self, node, parent):
        yield from self._other_operator(node)
        body = node.parts[3]
        if node.value in (r"\sum", r"\prod"):
            yield "an operator", node.start, node.end, f"{{{self.text(body)}}}"

    def _mean(self, node, parent):
        yield from self._other_operator(node)
        for other in self.under:
            under = node.parts[0]
            if said(under) and said(other) != said(under):
                yield "a mean", under.start, under.end, f"{{{self.text(other)}}}"
        yield "a mean", node.start, node.end, f"{{{self.text(node.parts[1])}}}"

    def _other_operator(self, node):
        other = EXCHANGED.get(node.value)
        if other is not None:
            end = node.start + len(node.value)
            yield "an operator", node.start, end, f"{other} "

    def _abs(self, node, parent):
        yield "an absolute value", node.start, node.end, f"({self.text(node.parts[0])})"

    def _norm(self, node, parent):
        yield "a norm", node.start, node.end, f"({self.text(node.parts[0])})"

    def _nabla(self, node, parent):
        yield "an operator", node.start, node.end, f"{{{self.text(node.parts[0])}}}"

    def _apply(self, node, parent):
        if node.parts[0].value in (r"\max", r"\min"):
            yield from self._head(node)
        if node.value == "!":
            first, second = node.parts[1:]
            between = self.tex[first.end : second.start]
            exchanged = f"{self.text(second)}{between}{self.text(first)}"
            yield "an order", first.start, second.end, exchanged
        if id(node) in self.values:
            for other in self.calls:
                yield "a name", node.start, node.end, f"{{{self.text(other)}}}"

    def _head(self, node):
        token = node.parts[0].value
        end = node.start + len(token)
        yield "an operator", node.start, end, EXCHANGED[token] + " "

    def _brace(self, node, parent):
        label = node.parts[1]
        others = [n.parts[1] for n in self.nodes if n.kind == "brace" and n.parts[1].parts]
        for other in others:
            yield "a label", label.start, label.end, self.text(other)


def in_value(node: Node) -> Iterator[Node]:
    """The nodes that stand for values: no index, no head of a function, nothing under a mean."""
    yield node
    parts = node.parts
    if node.kind in ("apply", "big"):
        parts = parts[1:]
    elif node.kind == "mean":
        parts = parts[1:2]
    elif node.kind == "brace":
        parts = parts[:1]
    elif node.kind == "name":
        parts = ()
    for part in parts:
        yield from in_value(part)


def said(under: Node) -> str:
    """The letter of a distribution, with or without what it is a distribution of."""
    return head(under.parts[0]) if under.kind == "apply" else head(under)


def head(node: Node) -> str:
    """The letter of a name, also below a transposition or an exponent."""
    while node.kind in ("transpose", "power", "group"):
        node = node.parts[0]
    return node.value


def _different(nodes) -> list[Node]:
    """One node for each thing that is said."""
    found = {}
    for node in nodes:
        if node.start >= 0:
            found.setdefault(re.sub(r"\s", "", str(node)), node)
    return list(found.values())
