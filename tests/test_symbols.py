"""Which row of the notation a formula is about, and what becomes of a page's notes."""

import sys

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx.errors import ExtensionError

from tests.pages import ROOT
from tests.test_notation import table

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import sidenotes
import symbols

TABLE = r"""
| Symbol | Meaning | Name in code | Shape | Unit |
|---|---|---|---|---|
| $x$ | image | `x` | (B,) | – |
| $x^{(n)}$, $x^{(m)}$ | images | – | – | – |
| $\mu$ | mean | `mu` | (B, D) | – |
| $\sigma$ | deviation | `sigma` | (B, D) | – |
| $\log \sigma^2$ | logarithm | `log_var` | (B, D) | – |
| $q(z \mid x)$ | posterior of $z$ | – | – | – |
| $\mathrm{KL}(q \,\Vert\, p)$ | divergence | `kl` | – | nats |
| $W$, $b$ | of a decoder | – | – | – |
| $A_l$, $b_l$ | of a layer | – | – | – |
| $\lambda_i$ | eigenvalue | – | – | – |
"""


@pytest.mark.parametrize(
    ("tex", "row"),
    [
        (r"x", "x"),
        (r"\mu", "mu"),
        (r"\mu_j", "mu"),
        (r"\mu_{q,j}", "mu"),
        (r"\sigma^2", "sigma"),
        (r"\log\sigma^2", "log-sigma-2"),
        (r"q(z\mid x)", "q-z-x"),
        (r"q(z \mid x) = \mathcal{N}(\mu, \sigma^2)", "q-z-x"),
        (r"\mathrm{KL}(q \,\|\, p) \ge 0", "KL-q-p"),
        (r"x^{(1)}", "x-n"),
        (r"b", "W"),
        (r"b_2", "A-l"),
        (r"b_{21} = A_2 b_1", None),
        (r"\lambda", "lambda-i"),
        (r"\mu + \sigma\epsilon", None),
        (r"\mu^3", None),
        (r"2x", None),
        (r"q(x)", None),
        (r"\beta", None),
    ],
)
def test_a_formula_is_about_a_symbol_or_about_none(tex, row):
    assert symbols.row_for(tex, symbols.known(TABLE)) == (row and f"symbol-{row}")


@pytest.mark.parametrize(
    ("tex", "name"),
    [
        (r"\mu", "symbol-mu"),
        (r"q(z \mid x)", "symbol-q-z-x"),
        (r"\hat{x}^*(z)", "symbol-hat-x-star-z"),
        (r"z'", "symbol-z-prime"),
        (r"\mathcal{N}(\mu, \sigma^2)", "symbol-N-mu-sigma-2"),
        (r"\mathrm{KL}(q \,\Vert\, p)", "symbol-KL-q-p"),
    ],
)
def test_an_id_is_made_of_letters(tex, name):
    assert symbols.identity(tex) == name


def test_all_rows_of_the_table_are_read():
    text = (ROOT / "book" / "notation.md").read_text()
    assert len(symbols.rows_of(text)) == len(table())


def page_with(*children) -> nodes.document:
    page = new_document("page")
    page += nodes.section("", *children)
    return page


def formula(tex: str) -> nodes.math:
    return nodes.math(tex, tex)


def raw(html: str) -> nodes.raw:
    return nodes.raw("", html, format="html")


def test_headings_questions_and_folds_wait():
    folded = nodes.admonition("", nodes.paragraph("", "", formula("c")), classes=["dropdown"])
    page = page_with(
        nodes.title("", "", formula("a")),
        raw('<div class="question" id="x">'),
        nodes.paragraph("", "", formula("b")),
        raw("</details><script>{}</script></div>"),
        folded,
        nodes.paragraph("", "", formula("d")),
    )
    assert [each.astext() for each in symbols.formulas(page)] == ["d", "c"]


@pytest.mark.parametrize("mark", [",", "-th", "’s", "’s)."])
def test_a_link_keeps_the_mark_that_follows(mark):
    paragraph = nodes.paragraph("", "the mean ", formula(r"\mu"), nodes.Text(f"{mark} and"))
    page_with(paragraph)
    symbols.link_to(paragraph[1], "notation.html#symbol-mu")
    together, rest = paragraph[1:]
    assert together["classes"] == ["with-mark"]
    assert [child.astext() for child in together] == [r"\mu, in the notation", mark]
    assert rest == " and"


def test_two_rows_with_one_id_fail_the_build():
    row = nodes.row("", nodes.entry("", nodes.paragraph("", "", formula("x"))))
    page = page_with(nodes.tbody("", row, row.deepcopy()))
    with pytest.raises(ExtensionError, match="symbol-x"):
        symbols.name_rows(page)


def note(text: str) -> nodes.sidebar:
    return nodes.sidebar("", nodes.title(), nodes.paragraph("", text), classes=["margin"])


def test_a_note_comes_into_a_box_with_its_paragraph_and_the_next():
    page = page_with(
        nodes.paragraph("", "one"), note("by the way"), nodes.paragraph("", "two"), nodes.rubric()
    )
    sidenotes.gather(None, page)
    box, other = page[0]
    assert [type(each).__name__ for each in box] == ["paragraph", "SideNote", "paragraph"]
    assert box[1].astext() == "by the way"
    assert isinstance(other, nodes.rubric)


def test_two_notes_below_each_other_each_need_a_paragraph():
    page = page_with(nodes.paragraph("", "one"), note("a"), nodes.rubric(), note("b"))
    with pytest.raises(ExtensionError, match="'b'"):
        sidenotes.gather(None, page)
