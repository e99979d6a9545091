"""Three pages on paper: light, whole, numbered, and the same whatever the screen was."""

import numpy as np
import pytest

from tests.browser.conftest import HTML, Visit
from tests.browser.paper import MARGIN, SCALE, Sheet, ink, is_cut, numbers, sheets

PAGES = {
    "elbo": "4. The ELBO",
    "wrong": "11. When training goes wrong",
    "loss": "12. My loss",
}
OPEN_NUMBERS = """all => all
    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".toggle-hidden"))
    .map((e) => e.firstChild.textContent)"""
FITS = "e => e.scrollWidth <= e.clientWidth"


def printed(browser, name: str, scheme: str = "light", paper: str = "A4") -> list[Sheet]:
    """A page of the book on paper."""
    with Visit(browser, HTML.as_uri() + "/", color_scheme=scheme) as one:
        page = one.open(f"book/{name}.html").page
        page.wait_for_selector(f"html[data-theme={scheme}]")
        return sheets(page.pdf(format=paper, print_background=True))


@pytest.fixture(scope="module", params=PAGES)
def name(request):
    return request.param


@pytest.fixture(scope="module", params=["A4", "Letter"])
def on_paper(browser, name, request):
    return printed(browser, name, paper=request.param)


def test_a_dark_page_is_printed_as_a_light_one(browser, name):
    light, dark = (printed(browser, name, scheme) for scheme in ("light", "dark"))
    for one, other in zip(light, dark, strict=True):
        assert one.text == other.text
        assert np.array_equal(one.pixels(), other.pixels())
    assert all(np.median(sheet.pixels()) > 240 for sheet in dark)


def test_a_dark_page_is_dark_again_after_printing(browser):
    with Visit(browser, HTML.as_uri() + "/", color_scheme="dark") as one:
        page = one.open("book/loss.html").page
        page.wait_for_selector("html[data-theme=dark]")
        page.emulate_media(media="print")
        page.wait_for_selector("html[data-theme=light]")
        page.emulate_media(media="screen")
        page.wait_for_selector("html[data-theme=dark]")


def test_nothing_stands_in_the_margins(on_paper):
    for sheet in on_paper:
        edge, pixels = round((MARGIN - 2) * SCALE), ink(sheet.pixels())
        assert not pixels[:, -edge:].any()
        assert not pixels[:, :edge].any()
        assert max(line.right for line in sheet.lines()) < sheet.width - MARGIN + 2


def test_no_page_ends_with_the_edge_of_the_next(on_paper):
    assert not [number for number, sheet in enumerate(on_paper, start=1) if is_cut(sheet)]


def test_nothing_is_wider_than_paper(laptop):
    """A browser makes a page smaller that does not fit, or cuts it."""
    laptop.page.emulate_media(media="print")
    before = laptop.page.viewport_size
    laptop.page.set_viewport_size({"width": 657, "height": 980})  # A4 without its margins
    wide = "article :is(pre, mjx-container, table, img, figure, .output, div.math)"
    shown = laptop.page.locator(wide).evaluate_all(
        f"all => all.filter(e => e.checkVisibility() && !({FITS})(e)).map(e => e.outerHTML)"
    )
    assert [html[:200] for html in shown] == []
    assert laptop.page.locator("html").evaluate(FITS)
    laptop.page.set_viewport_size(before)
    laptop.page.emulate_media(media="screen")


def test_the_number_of_an_equation_stands_in_its_line(browser, name, on_paper):
    with Visit(browser, HTML.as_uri() + "/") as one:
        shown = one.open(f"book/{name}.html").page.locator("div.math > .eqno")
        expected = shown.evaluate_all(OPEN_NUMBERS)
    found = [(sheet, line) for sheet in on_paper for line in numbers(sheet)]
    assert [line.text for _, line in found] == expected != []
    for sheet, line in found:
        rows = slice(int(line.top * SCALE), int(line.bottom * SCALE) + 1)
        columns = slice(round(MARGIN * SCALE), int((line.left - 12) * SCALE))
        assert ink(sheet.pixels())[rows, columns].any(), line.text


def test_the_chapter_has_its_number_and_nothing_of_the_screen(name, on_paper):
    assert on_paper[0].text.startswith(PAGES[name])
    text = "".join(sheet.text for sheet in on_paper)
    for word in ("Print to PDF", "Search", "Back to top", "By The authors", "Clear my answers"):
        assert word not in text
    assert on_paper[0].lines()[0].top < MARGIN + 20


def test_what_is_folded_says_so_and_a_question_has_a_line_for_its_answer(name, on_paper):
    text = "".join(sheet.text for sheet in on_paper)
    assert text.count("Your answer") == text.count("Stop and predict") > 0
    assert text.count("The answer is folded on the page") == text.count("Stop and predict")
    assert text.count("Folded on the page.") >= text.count("Solution to") > 0


def test_a_heading_is_not_left_at_the_foot_of_a_page(browser, name, on_paper):
    with Visit(browser, HTML.as_uri() + "/") as one:
        headings = one.open(f"book/{name}.html").page.locator("article :is(h2, h3)").all()
        titles = [heading.inner_text().strip().rstrip("#") for heading in headings]
    lasts = [sheet.text.strip().split("\n")[-1].strip() for sheet in on_paper]
    assert len(titles) > 5
    assert not set(titles) & set(lasts)


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_no_card_of_the_first_page_is_torn(browser, paper):
    with Visit(browser, HTML.as_uri() + "/") as one:
        cards = one.open("book/intro.html").page.locator(".cards > li").all_text_contents()
    found = ["".join(sheet.text.split()) for sheet in printed(browser, "intro", paper=paper)]
    wanted = ["".join(card.split()) for card in cards]
    assert len(wanted) > 15
    for card in wanted:
        assert sum(card in text for text in found) == 1, card


@pytest.mark.parametrize("name", ["glossary", "api"])
def test_no_word_stands_at_the_foot_without_what_it_means(browser, name):
    with Visit(browser, HTML.as_uri() + "/") as one:
        page = one.open(f"book/{name}.html").page
        kinds = "dl.glossary > dt, .field-list > dt"
        alone = {text.strip(" #\n") for text in page.locator(kinds).all_text_contents()}
        found = sheets(page.pdf(format="A4", print_background=True))
    last = [sheet.text.strip().splitlines()[-1].strip() for sheet in found if sheet.text.strip()]
    assert len(alone) > 3
    assert [line for line in last if line in alone or line.split(" also ")[0] in alone] == []


def test_an_address_is_printed_once(browser):
    text = " ".join(sheet.text for sheet in printed(browser, "references"))
    assert "doi:10.1007/BF00332918" in text
    assert "(https://doi.org" not in text
