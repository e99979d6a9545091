"""A symbol leads to its row of the notation where a chapter uses it first."""

import pytest

from tests.browser.conftest import Visit, built
from tests.browser.judged import contrast
from tests.built import soup_of
from tests.pages import notebooks
from tests.test_notation import table

FOLDED = ".dropdown, .toggle, details"
NOT_LED = (
    ".question, h1, h2, h3, h4, figcaption, .caption, table, a:not(.symbol), .admonition-title"
)


@pytest.fixture(scope="module")
def rows() -> dict:
    """The rows of the built table, by their ids."""
    found = {row.get("id"): row for row in soup_of("book/notation.html").select("article tbody tr")}
    assert len(found) == len(table())
    return found


def test_every_row_has_an_anchor_of_its_own(rows):
    assert all(name.startswith("symbol-") for name in rows)
    assert {"symbol-mu", "symbol-q-z-x", "symbol-KL-q-p", "symbol-hat-x"} <= set(rows)


@pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)
def test_a_chapter_leads_to_the_notation_at_the_first_use(page, rows):
    soup = soup_of(built(page))
    links = soup.select("article a.symbol")
    names = [link["href"].partition("#")[2] for link in links]
    assert len(names) >= 4
    assert len(names) == len(set(names))
    assert set(names) <= set(rows)
    assert all(link["href"].startswith("notation.html#") for link in links)
    assert soup.select_one("p.symbols-line a")["href"] == "notation.html"
    for link in links:
        formula = str(link.math)
        is_folded = bool(link.find_parent(class_="dropdown"))
        earlier = [each for each in link.find_all_previous("math") if str(each) == formula]
        assert [each for each in earlier if may_lead(each, is_folded)] == [], link["href"]


def may_lead(formula, also_folded: bool) -> bool:
    """Whether a formula stands in the text, where a link could be."""
    apart = NOT_LED if also_folded else f"{NOT_LED}, {FOLDED}"
    inline = formula.find_parent("mjx-container").get("display") != "true"
    outer = {id(each) for each in formula.parents}
    top = formula.find_parent("article")
    return inline and top is not None and not any(id(each) in outer for each in top.select(apart))


@pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)
def test_a_linked_formula_begins_with_a_symbol_of_its_row(page, rows):
    for link in soup_of(built(page)).select("article a.symbol"):
        row = rows[link["href"].partition("#")[2]].td
        symbols = [letters(each.text) for each in row.select("math")]
        said = letters(link.math.text)
        assert any(said.startswith(each[:1]) for each in symbols), (said, symbols)


def letters(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("width", [390, 768, 1400])
def test_the_table_shows_its_unit_whole(browser, server, width):
    with Visit(browser, server, viewport={"width": width, "height": 900}) as visit:
        page = visit.open("book/notation.html#symbol-hat-x").page
        page.locator("tr:target").wait_for()
        assert page.locator("tr:target td").first.evaluate(
            "td => td.getBoundingClientRect().top > document.querySelector('.bd-header-article')"
            ".getBoundingClientRect().bottom - 1"
        )
        wide = page.evaluate("""() => [...document.querySelectorAll("article tr")]
            .map(row => row.lastElementChild)
            .filter(cell => cell.scrollWidth > cell.clientWidth + 1)
            .map(cell => cell.textContent)""")
        assert wide == []
        frame = page.locator("article .pst-scrollable-table-container").first
        assert frame.evaluate("""e => { e.scrollLeft = 1e4;
            const unit = e.querySelector("tr").lastElementChild.getBoundingClientRect();
            return unit.right <= e.getBoundingClientRect().right + 1; }""")
        colours = "c => [getComputedStyle(c).color, getComputedStyle(c).backgroundColor]"
        assert contrast(*page.locator("tr:target td").last.evaluate(colours)) > 4.5


def test_a_link_is_quiet_and_still_seen(browser, server):
    """It has the colour of its text, and a line below."""
    with Visit(browser, server) as visit:
        page = visit.open("book/elbo.html").page
        looks = "e => [getComputedStyle(e).color, getComputedStyle(e).borderBottomStyle]"
        link = page.locator("article a.symbol").first
        colour, line = link.evaluate(looks)
        assert line == "dotted"
        assert colour == link.evaluate("e => getComputedStyle(e.closest('p')).color")
        assert link.evaluate("e => e.textContent").endswith(", in the notation")
