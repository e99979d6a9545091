"""What a factor of a formula may be: the parser's vocabulary."""

from book._checks.tex import (
    BIG,
    CLOSERS,
    FUNCTIONS,
    MEANS,
    NO_FACTOR,
    NOTHING,
    Node,
    NotAnExpression,
    Parser,
    has_free,
)


def primary(parser: Parser) -> Node:
    """A number, a name, something in parentheses or what a command makes."""
    start, token = parser.start, parser.token
    if token in CLOSERS:
        return parser.group()
    if token in READERS:
        parser.take()
        return READERS[token](parser, start)
    if token == "{":
        return parser.braced(parser.relation)
    if token in NO_FACTOR or token in CLOSERS.values():
        if token == ":":
            return slot(parser, start)
        raise NotAnExpression(f"wanted an expression, got {token or 'the end'}")
    parser.take()
    if token[0].isdigit():
        return parser.node("number", token, (), start)
    if token in FUNCTIONS:
        return function(parser, token, start)
    if token in BIG or (token in (r"\min", r"\max") and parser.token == "_"):
        return big(parser, token, start)
    if token in MEANS:
        return mean(parser, token, start)
    return name(parser, token, start)


def slot(parser: Parser, start: int) -> Node:
    """What may vary in a name that a check defines: ":" and a letter, or ":" alone."""
    parser.take(":")
    letter = parser.take() if parser.token not in NO_FACTOR | set(CLOSERS.values()) else ""
    return parser.node("slot", letter, (), start)


def name(parser: Parser, token: str, start: int) -> Node:
    """A name with its indices; powers are left to the caller."""
    indices = []
    while True:
        if parser.token == "_":
            parser.take()
            script = parser.script()
            indices += [Node("sub", "", (item,), item.start, item.end) for item in items(script)]
        elif parser.token == "^" and (item := raised_index(parser)):
            indices.append(item)
        else:
            return parser.node("name", token, indices, start)


def items(script: Node) -> tuple[Node, ...]:
    """The indices in a subscript: those of a list, or letters side by side."""
    if script.kind == "list":
        return script.parts
    if script.kind == "product" and set(script.value) == {"*"}:
        return script.parts
    return (script,)


def raised_index(parser: Parser) -> Node | None:
    """An index in parentheses, as in x^{(n)}, or a star; None if it is an exponent."""
    before = parser.at
    parser.take("^")
    script = parser.script()
    if script.value in ("*", r"\star"):
        return Node("sup", script.value, (), script.start, script.end)
    inner = script.parts[0] if script.kind == "group" else NOTHING
    if script.value == "(" and inner.kind in ("name", "number", "slot"):
        return Node("sup", "", (inner,), inner.start, inner.end)
    parser.at = before
    return None


def function(parser: Parser, token: str, start: int) -> Node:
    base = ()
    if parser.token == "_":
        parser.take()
        base = (parser.script(),)
    argument = parser.braced(parser.relation) if token == r"\sqrt" else parser.argument()
    return parser.node("function", token, (argument, *base), start)


def mean(parser: Parser, token: str, start: int) -> Node:
    """An expectation, a variance or a probability, with or without brackets."""
    under = NOTHING
    if parser.token == "_":
        parser.take()
        under = parser.script()
    inner = parser.argument()
    given = NOTHING
    if inner.kind == "group":
        inner, given = inner.parts
    return parser.node("mean", token, (under, inner, given), start)


def big(parser: Parser, token: str, start: int) -> Node:
    """A sum, a product, an integral, a minimum or a limit, with its body."""
    index = low = high = NOTHING
    while parser.token in ("_", "^"):
        if parser.take() == "^":
            high = parser.script()
        else:
            index = parser.script()
    if token == r"\int":
        return integral(parser, index, high, start)
    if index.kind == "relation":
        index, low = index.parts
    body = sum_body(parser, index) if token == r"\sum" else parser.product()
    return parser.node("big", token, (index, low, high, body), start)


def sum_body(parser: Parser, index: Node) -> Node:
    """The terms under a sum: the first, and those after it that have the index."""
    start, signs, terms = parser.start, "", []
    while True:
        before = parser.at
        signs += parser.take() if parser.token in ("+", "-") else "+"
        term = parser.product()
        if terms and not has_free(term, index.value):
            parser.at, signs = before, signs[:-1]
            break
        terms.append(term)
        if parser.token not in ("+", "-"):
            break
    return terms[0] if signs == "+" else parser.node("sum", signs, terms, start)


def integral(parser: Parser, low: Node, high: Node, start: int) -> Node:
    parser.integrals += 1
    body = parser.product()
    parser.integrals -= 1
    parser.take("d")
    variable = parser.factor()
    return parser.node("big", r"\int", (variable, low, high, body), start)


def fraction(parser: Parser, start: int) -> Node:
    above = parser.braced(lambda: over(parser))
    below = parser.braced(lambda: over(parser))
    if above.kind == below.kind == "differential":
        above, below = above.parts[0], below.parts[0]
        if above is NOTHING:
            above = parser.argument()
        return parser.node("derivative", "", (above, below), start)
    return parser.node("fraction", "", (above, below), start)


def over(parser: Parser) -> Node:
    """What stands above or below the line: an expression, or what a derivative is of or in."""
    if parser.token != r"\partial":
        return parser.relation()
    start = parser.start
    parser.take()
    inner = NOTHING if parser.token == "}" else parser.expression()
    return parser.node("differential", "", (inner,), start)


def norm(parser: Parser, start: int) -> Node:
    return between_bars(parser, r"\|", "norm", start)


def absolute(parser: Parser, start: int) -> Node:
    return between_bars(parser, "|", "abs", start)


def between_bars(parser: Parser, bar: str, kind: str, start: int) -> Node:
    outside, parser.bars, parser.integrals = (parser.bars, parser.integrals), 1, 0
    inner = parser.expression()
    parser.bars, parser.integrals = outside
    parser.take(bar)
    return parser.node(kind, "", (inner,), start)


def differential(parser: Parser, start: int) -> Node:
    return parser.node("differential", "", (parser.factor(),), start)


def nabla(parser: Parser, start: int) -> Node:
    if parser.token == r"\cdot":
        parser.take()
        return parser.node("divergence", "", (parser.argument(),), start)
    return parser.node("nabla", "", (parser.argument(),), start)


def brace(parser: Parser, start: int) -> Node:
    inner = parser.braced(parser.relation)
    parser.take("_")
    return parser.node("brace", "", (inner, parser.script()), start)


READERS = {
    r"\frac": fraction,
    r"\|": norm,
    "|": absolute,
    "d": differential,
    r"\nabla": nabla,
    r"\underbrace": brace,
}
