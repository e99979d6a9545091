"""Nothing on a page is cut off without a sign that there is more of it, nor needs a script."""

import pytest

from tests.browser.conftest import HTML, Visit, built
from tests.browser.judged import lay_out_all

WIDTHS = (390, 768, 1400)
# What has more than it shows but no mark, and what sticks out of the text and nothing scrolls it.
UNMARKED = """() => {
  const scrolls = (e) => ["auto", "scroll", "hidden"].includes(getComputedStyle(e).overflowX);
  const shown = [...document.querySelectorAll("article *")].filter((e) => e.checkVisibility());
  const kinds = ".math, mjx-container, pre, .output, .pst-scrollable-table-container";
  return shown
    .filter((e) => e.matches(kinds) && scrolls(e) && e.scrollWidth > e.clientWidth + 1)
    .filter((e) => !e.dataset.more?.includes("right"))
    .map((e) => e.outerHTML.slice(0, 200));
}"""
STICKING_OUT = """() => {
  const right = document.querySelector("article").getBoundingClientRect().right + 1;
  const scrolled = (e) => {
    for (let p = e.parentElement; p && p.tagName !== "ARTICLE"; p = p.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(p).overflowX)) return true;
    }
    return false;
  };
  return [...document.querySelectorAll("article :is(mjx-container > svg, table, img, pre)")]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > right && !scrolled(e))
    .map((e) => e.outerHTML.slice(0, 200));
}"""

# The links beside the text, such as those to the pages before and after, of which a part is hidden.
CUT_LINKS = """() => [...document.querySelectorAll("body a, body button")]
  .filter((e) => e.checkVisibility() && !e.closest("article"))
  .filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible")
  .map((e) => e.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_wider_than_its_place_says_so(laptop, width):
    lay_out_all(laptop.page)
    laptop.page.set_viewport_size({"width": width, "height": 900})
    laptop.page.wait_for_function("new Promise((done) => setTimeout(() => done(true), 200))")
    assert laptop.page.evaluate(UNMARKED) == []
    assert laptop.page.evaluate(STICKING_OUT) == []
    assert laptop.page.evaluate(CUT_LINKS) == []
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert laptop.page.evaluate(wide)


def test_a_mark_goes_where_there_is_no_more(browser):
    with Visit(browser, HTML.as_uri() + "/", viewport={"width": 390, "height": 844}) as one:
        page = one.open("book/kl.html").page
        lay_out_all(page)
        formula = page.locator("mjx-container[data-more='right']").first.element_handle()
        for place, sides in ((5, "left right"), (1e4, "left"), (0, "right")):
            formula.evaluate("(e, place) => { e.scrollLeft = place; }", place)
            page.wait_for_function("([e, sides]) => e.dataset.more === sides", arg=[formula, sides])


def test_formulas_are_a_little_smaller_where_they_would_not_fit(browser):
    """On a phone all of the ELBO's are whole; none is under four fifths of the text around it."""
    sizes = """all => all.map((e) => [e, e.parentElement].map(
        (each) => parseFloat(getComputedStyle(each).fontSize)))"""
    with Visit(browser, HTML.as_uri() + "/", viewport={"width": 390, "height": 844}) as one:
        page = one.open("book/elbo.html").page
        lay_out_all(page)
        formulas = page.locator("div.math > mjx-container")
        shares = [inside / outside for inside, outside in formulas.evaluate_all(sizes)]
        assert min(shares) >= 0.799
        assert min(shares) < max(shares) == 1
        wide = "all => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText)"
        assert formulas.evaluate_all(wide) == []
        page.set_viewport_size({"width": 820, "height": 844})
        page.wait_for_function("innerWidth === 820")
        assert {inside / outside for inside, outside in formulas.evaluate_all(sizes)} == {1}


@pytest.mark.parametrize("name", ["glossary", "elbo"])
def test_no_line_begins_with_what_follows_a_formula(browser, name):
    with Visit(browser, HTML.as_uri() + "/", viewport={"width": 390, "height": 844}) as one:
        marks = one.open(f"book/{name}.html").page.locator("article .with-mark")
        assert marks.count() > 5
        spaces = marks.evaluate_all("all => all.map((each) => getComputedStyle(each).whiteSpace)")
        assert set(spaces) == {"nowrap"}


def test_mathematics_is_there_without_a_script(browser, page):
    with Visit(browser, HTML.as_uri() + "/", java_script_enabled=False) as one:
        formulas = one.open(built(page)).page.locator("article .math")
        assert formulas.locator("mjx-container > svg").count() == formulas.count()
        heights = """all => all.filter((e) => !e.closest("details:not([open])"))
            .map((e) => e.querySelector("svg").getBoundingClientRect().height)"""
        assert all(height > 3 for height in formulas.evaluate_all(heights))  # pixels
