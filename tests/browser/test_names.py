"""A name of the code is broken between its parts alone, and copied as it is written."""

import pytest

from tests.browser.conftest import HTML, Visit, built, read_results
from tests.browser.judged import lay_out_all

WIDTHS = (390, 820, 1400)
ADDRESSES = ("genindex.html", "py-modindex.html")
# Where a line ends within the text of a piece of code: its text, up to that place and from there.
BROKEN = """() => {
  const results = "ul.search > li > a[href*='api.html']";
  const pieces = `main code, .page-toc code, dt.sig, .indextable a, ${results}`;
  const shown = [...document.querySelectorAll(pieces)]
    .filter((e) => !e.closest("pre") && e.checkVisibility() && e.getClientRects().length);
  const range = document.createRange();
  const rectOf = (node, at) => {
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getBoundingClientRect();
  };
  const linesOf = (node) => {
    range.selectNodeContents(node);
    return new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size;
  };
  const cut = (element) => {
    if (linesOf(element) < 2) return [];
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const all = [];
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.parentElement.closest(".headerlink, .visually-hidden")) continue;
      [...node.data].forEach((character, at) => all.push([character, node, at]));
    }
    const text = all.map(([character]) => character).join("");
    const found = [];
    let before = null;
    all.forEach(([character, node, at], place) => {
      if (!character.trim()) return;
      const rect = rectOf(node, at);
      if (before && text[place - 1].trim() && rect.top > before.bottom - 2) {
        found.push([text.slice(0, place), text.slice(place)]);
      }
      before = rect;
    });
    return found;
  };
  return shown.flatMap(cut);
}"""


@pytest.fixture(scope="module")
def visit(browser):
    with Visit(browser, HTML.as_uri() + "/") as one:
        yield one


def wrong_here(visit, width: int) -> list[str]:
    """The names that the page breaks where no part of them ends, when it has some width."""
    visit.page.set_viewport_size({"width": width, "height": 900})
    lay_out_all(visit.page)
    cuts = visit.page.evaluate(BROKEN)
    return [f"{a[-40:]}|{b[:20]}" for a, b in cuts if a[-1] not in "_./,([=" or len(a + b) <= 16]


def assert_whole(visit, address: str) -> None:
    visit.open(address)
    for width in WIDTHS:
        assert wrong_here(visit, width) == [], width


def test_a_page_breaks_no_name_but_between_its_parts(visit, page):
    assert_whole(visit, built(page))


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_index_breaks_no_name_but_between_its_parts(visit, address):
    assert_whole(visit, address)


def test_results_of_the_search_break_no_name_but_between_its_parts(browser, server):
    with Visit(browser, server) as one:
        one.open("search.html?q=likelihood")
        read_results(one.page)
        assert one.page.locator("ul.search > li").count() > 9
        for width in WIDTHS:
            assert wrong_here(one, width) == [], width


def test_a_name_is_copied_as_it_is_written(visit):
    visit.open("book/notation.html")
    copied = visit.page.evaluate("""() => {
        const code = [...document.querySelectorAll("td code")].find((e) => e.querySelector("wbr"));
        getSelection().selectAllChildren(code);
        return [getSelection().toString(), code.textContent];
    }""")
    assert copied[0] == copied[1]
    assert copied[0].isidentifier()
