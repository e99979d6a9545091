"""One symbol has one meaning: every symbol on a page is in the table of notation, once."""

import re

import pytest

from tests.pages import ROOT, chapters, markdown_of

MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$]+?)\$", re.DOTALL)
FENCED = re.compile(
    r"```(?!\{(?:note|exercise|solution|admonition|dropdown|tip|warning)).*?```", re.DOTALL
)
WORDS = re.compile(
    r"\\(?:text|textrm|textbf|mathrm|operatorname)\{[^}]*\}|\\(?:begin|end)\{[^}]*\}(?:\{[lcr]*\})?"
)
ACCENTED = r"\\(?:hat|tilde|bar|widehat|dot)(?![a-zA-Z])\s*(?:\{\s*\\?[a-zA-Z]+\s*\}|[a-zA-Z])"
LETTER = r"\\(?:mathcal|mathbb|mathbf|boldsymbol)\s*(?:\{\s*\\?[a-zA-Z]+\s*\}|[a-zA-Z])"
GREEK = (
    "alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|vartheta|kappa|lambda|mu|nu|xi|pi|rho|"
    "sigma|tau|upsilon|phi|varphi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega|ell"
)
SYMBOL = re.compile(
    rf"{ACCENTED}|{LETTER}|\\(?:{GREEK})(?![a-zA-Z])|(?<![\\a-zA-Z])[a-zA-Z](?![a-zA-Z])|\\[a-zA-Z]+"
)


def formulas(markdown: str) -> list[str]:
    return [display or inline for display, inline in MATH.findall(FENCED.sub("", markdown))]


def symbols(formula: str) -> set[str]:
    """The letters of a formula with their accents and alphabets, without sub- and superscripts."""
    found = {re.sub(r"[{}\s]", "", match) for match in SYMBOL.findall(WORDS.sub(" ", formula))}
    plain = {symbol for symbol in found if re.fullmatch(rf"[a-zA-Z]|\\(?:{GREEK})", symbol)}
    marked = {s for s in found if re.match(r"\\(hat|tilde|bar|widehat|dot|math|bold)", s)}
    return plain | marked - {r"\dots"}


def table() -> list[list[str]]:
    """For each row of the table of notation, the formulas in its first column."""
    rows = [
        line for line in (ROOT / "book" / "notation.md").read_text().splitlines() if "|" in line
    ]
    first = [line.strip().strip("|").replace(r"\|", "BAR").split("|")[0] for line in rows]
    return [re.findall(r"\$([^$]+)\$", cell) for cell in first[2:] if "$" in cell]


def test_no_symbol_stands_in_two_rows():
    all_symbols = ["".join(symbol.split()) for row in table() for symbol in row]
    assert sorted(all_symbols) == sorted(set(all_symbols))


@pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
def test_every_symbol_of_a_page_is_explained_in_the_notation(page):
    known = set().union(*(symbols(symbol) for row in table() for symbol in row))
    used = set().union(*map(symbols, formulas(markdown_of(page))), set())
    assert used - known == set()


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (r"\mathrm{KL}(q \,\|\, p)", {"q", "p"}),
        (r"\hat{x}_i + \sigma_j^2", {r"\hatx", "i", r"\sigma", "j"}),
        (r"\mathcal{N}(0, I)", {r"\mathcalN", "I"}),
        (r"\frac{1}{2}\log\sigma^2", {r"\sigma"}),
        (r"x_1, \dots, x_n", {"x", "n"}),
    ],
)
def test_symbols_are_read_from_tex(formula, expected):
    assert symbols(formula) == expected
