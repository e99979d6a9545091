"""A parser of the book's TeX: from a displayed equation to a tree of what it says.

A node has a kind, a value, parts, and the place in the source where it stands. Kinds are:

- number, name (parts: its indices, "sub" or "sup"), slot (what a name may vary in, `:j`), words;
- sum (value: the signs), product (value: an operator before each part: "*", "/" or "."), fraction,
  power, transpose, function, apply (value: the separators; parts: the head and the arguments),
  group, norm, abs, list, brace (what stands under it is its second part);
- big (sum, product, integral, minimum, limit; parts: index, from, to, body), mean (parts: under
  what, body, given what), derivative (body, variable), differential, nabla, divergence;
- relation (value: the relations, parts: the sides) and range (k = 0, ..., n).

A sum's body goes on over "+" and "-" for as long as the terms have its index, as readers take it.
"""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"\\(?:begin|end)\{\w+\}|\\(?:operatorname\*?|mathrm|mathcal|mathbb|text)\s*\{[^}]*\}"
    r"|\\(?:hat|bar|tilde)\s*(?:\{\s*\\?[a-zA-Z]+\s*\}|\\[a-zA-Z]+|[a-zA-Z])"
    r"|\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|[a-zA-Z]'*|\S",
    re.DOTALL,
)
SKIPPED = re.compile(
    r"\\(?:begin|end)\{\w+\}|\\[,;:! \\]|\\(?:[bB]igg?[lrm]?|left|right|middle)|&|~|\.|\\\n"
)
QUADS = (r"\quad", r"\qquad")
RELATIONS = ("=", r"\le", r"\ge", "<", ">", r"\approx", r"\sim", r"\in", r"\to")
ARROWS = (r"\Longrightarrow", r"\Longleftrightarrow")
FUNCTIONS = {rf"\{name}" for name in ("log", "exp", "sin", "cos", "det", "sqrt")}
BIG = {r"\sum", r"\prod", r"\int", r"\lim", r"\operatorname*{arg\,min}"}
MEANS = {r"\mathbb{E}", r"\operatorname{Var}", r"\Pr"}
CLOSERS = {"(": ")", "[": "]", r"\{": r"\}"}
NO_FACTOR = {
    "",
    "+",
    "-",
    "/",
    ",",
    ";",
    ":",
    "_",
    "^",
    "}",
    r"\mid",
    r"\cdot",
    *RELATIONS,
    *ARROWS,
}


class NotAnExpression(ValueError):
    """What is printed cannot be read as mathematics, or names what nobody has defined."""


@dataclass(frozen=True)
class Node:
    """A part of an equation: what it is, and where it stands in the source."""

    kind: str
    value: str = ""
    parts: tuple["Node", ...] = ()
    start: int = -1
    end: int = -1

    def __str__(self):
        inner = ", ".join(map(str, self.parts))
        return f"{self.kind}<{self.value}>({inner})" if inner else f"{self.kind}<{self.value}>"

    def walk(self):
        """The node and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


NOTHING = Node("nothing")


def tokens_of(tex: str) -> list[tuple[str, int, int]]:
    """What is left of the source without space, alignment and words between formulas."""
    found = [(match.group(), match.start(), match.end()) for match in TOKEN.finditer(tex)]
    found = [token for token in found if not SKIPPED.fullmatch(token[0])]
    texts = ["", *(token[0] for token in found), ""]
    kept = []
    for (text, start, end), before, after in zip(found, texts, texts[2:], strict=False):
        prose = text.startswith(r"\text{") and (before in QUADS or after in QUADS)
        empty = (text, after) == ("{", "}") or (before, text) == ("{", "}")
        if text not in QUADS and not prose and not empty:
            kept.append((_normal(text), start, end))
    return kept


def _normal(text: str) -> str:
    """A token as it is looked up: "d" is a differential, an accent has braces."""
    if text == r"\mathrm{d}":
        return "d"
    accent = re.fullmatch(r"(\\(?:hat|bar|tilde))\s*\{?\s*(\\?[a-zA-Z]+)\s*\}?", text)
    return rf"{accent[1]}{{{accent[2]}}}" if accent else text


def has_free(node: Node, letter: str) -> bool:
    """Whether a letter stands in a node that no sum within it has as its index."""
    if node.kind == "name" and node.value == letter:
        return True
    if node.kind == "big" and node.parts[0].kind == "name" and node.parts[0].value == letter:
        return any(has_free(part, letter) for part in node.parts[1:3])
    return any(has_free(part, letter) for part in node.parts)


class Parser:
    """Reads tokens from left to right; each method reads what its name says."""

    def __init__(self, tex: str):
        self.tokens = tokens_of(tex)
        self.at = 0
        self.bars = self.integrals = 0  # within what a bar or a differential ends

    @property
    def token(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    @property
    def start(self) -> int:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else -1

    def take(self, wanted: str | None = None) -> str:
        text = self.token
        if not text or (wanted is not None and text != wanted):
            raise NotAnExpression(f"wanted {wanted or 'more'}, got {text or 'the end'}")
        self.at += 1
        return text

    def node(self, kind, value, parts, start) -> Node:
        return Node(kind, value, tuple(parts), start, self.tokens[self.at - 1][2])

    def statements(self) -> list[Node]:
        """What the equation says, one after the other."""
        found = []
        while self.token:
            if self.token in (",", *ARROWS):
                self.take()
            elif self.token == r"\dots":
                self.take()
                self.take(",")
                first, start = found.pop(), found[-1].start if found else 0
                if first.kind != "relation" or first.value != "=":
                    raise NotAnExpression("a range has a name and a first value")
                found.append(self.node("range", "", (*first.parts, self.expression()), start))
            else:
                found.append(self.relation())
        return found

    def relation(self) -> Node:
        """Sides and the relations between them; without one, the expression itself."""
        start, sides, relations = self.start, [self.expression()], []
        while self.token in RELATIONS:
            relations.append(self.take())
            sides.append(self.expression())
        if not relations:
            return sides[0]
        return self.node("relation", " ".join(relations), sides, start)

    def expression(self) -> Node:
        """Terms with signs."""
        start, signs, terms = self.start, "", []
        while not terms or self.token in ("+", "-"):
            signs += self.take() if self.token in ("+", "-") else "+"
            terms.append(self.product())
        return terms[0] if signs == "+" else self.node("sum", signs, terms, start)

    def product(self) -> Node:
        """Factors, and the operators before them."""
        start, operators, factors = self.start, "*", [self.factor()]
        while True:
            if self.token in (r"\cdot", "/"):
                operators += "." if self.take() == r"\cdot" else "/"
            elif self.starts_a_factor():
                operators += "*"
            else:
                break
            factors.append(self.factor())
        return factors[0] if len(factors) == 1 else self.node("product", operators, factors, start)

    def starts_a_factor(self) -> bool:
        token = self.token
        if token in (r"\|", "|"):
            return not self.bars
        if token == "d":
            return not self.integrals
        return token not in NO_FACTOR and token not in CLOSERS.values()

    def argument(self) -> Node:
        """What a function without parentheses is of: the factors that follow."""
        if self.token in CLOSERS:
            return self.group()
        start, factors = self.start, [self.factor()]
        while self.starts_a_factor():
            factors.append(self.factor())
        if len(factors) == 1:
            return factors[0]
        return self.node("product", "*" * len(factors), factors, start)

    def factor(self) -> Node:
        """Something with its exponents, and what it is applied to."""
        start = self.start
        node = self.primary()
        node = self.powers(node, start)
        head = node.parts[0] if node.kind == "power" else node
        if head.kind == "name" and self.token == "(":
            node = self.powers(self.call(node), start)
        return node

    def powers(self, node: Node, start: int) -> Node:
        while self.token == "^":
            self.take()
            exponent = self.script()
            if exponent.value == r"\top":
                node = self.node("transpose", "", (node,), start)
            else:
                node = self.node("power", "", (node, exponent), start)
        return node

    def primary(self) -> Node:
        from book._checks import tex_parts

        return tex_parts.primary(self)

    def script(self) -> Node:
        """What is raised or lowered: one token, or what is in braces."""
        if self.token != "{":
            start, text = self.start, self.take()
            kind = "number" if text.isdigit() else "name"
            return self.node(kind, text, (), start)
        return self.braced(self.listed)

    def braced(self, read) -> Node:
        """What is in braces; bars and differentials outside of them do not count there."""
        self.take("{")
        outside, self.bars, self.integrals = (self.bars, self.integrals), 0, 0
        node = read()
        self.bars, self.integrals = outside
        self.take("}")
        return node

    def listed(self) -> Node:
        """Relations or expressions with commas between them."""
        start, parts = self.start, [self.relation()]
        while self.token == ",":
            self.take()
            parts.append(self.relation())
        return parts[0] if len(parts) == 1 else self.node("list", "", parts, start)

    def group(self) -> Node:
        """What is between parentheses or brackets."""
        start, opening = self.start, self.take()
        outside, self.bars, self.integrals = (self.bars, self.integrals), 0, 0
        inner = self.listed()
        given = NOTHING
        if self.token == r"\mid":
            self.take()
            given = self.listed()
        self.bars, self.integrals = outside
        self.take(CLOSERS[opening])
        return self.node("group", opening, (inner, given), start)

    def call(self, head: Node) -> Node:
        """A function with its arguments in parentheses."""
        self.take("(")
        outside, self.bars, self.integrals = (self.bars, self.integrals), 1, 0
        arguments, separators = [self.relation()], ""
        while self.token in (",", ";", r"\mid", r"\|"):
            separators += {r"\mid": "|", r"\|": "!"}.get(self.token, self.token)
            self.take()
            arguments.append(self.relation())
        self.bars, self.integrals = outside
        self.take(")")
        return self.node("apply", separators, (head, *arguments), head.start)


def parse(tex: str) -> list[Node]:
    """The statements of an equation."""
    return Parser(tex).statements()


def parse_one(tex: str) -> Node:
    """The one expression that the source is."""
    parser = Parser(tex)
    node = parser.expression()
    if parser.token:
        raise NotAnExpression(f"wanted the end, got {parser.token}")
    return node
