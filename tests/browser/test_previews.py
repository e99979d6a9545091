"""A link to an equation, a work, a symbol or an exercise shows it in a card."""

import html
import json
import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.browser.conftest import HTML, PHONE, Visit, built
from tests.browser.judged import ALL, LIGHTEN, contrast, lay_out_all
from tests.built import ids_of, soup_of
from tests.pages import chapters

WIDE = {"viewport": {"width": 1400, "height": 900}}
PAGE = "book/elbo.html"
OTHER = {  # a link of each kind to another page, and what its card says
    "symbol": ("book/elbo.html", "a.symbol[href$='#symbol-nu']", r"mean of the true posterior"),
    "work": ("book/elbo.html", "p a[data-preview=Reference]", r"Auto-Encoding Variational Bayes"),
    "equation": (
        "book/evaluating.html",
        "p a[href$='elbo.html#equation-elbo-evidence']",
        r"\(4\.1\)",
    ),
    "exercise": ("book/building.html", "p a[href$='#ex-mean']", r"Exercise \d+\.\d+"),
}
DRAWN = """card => [...card.querySelectorAll("mjx-container > svg")]
    .every(svg => svg.getBBox().width > 0 && svg.getBBox().height > 0)"""


VIOLATIONS = """options => axe.run(".preview", options)
    .then(found => found.violations.map(each => [each.id, each.nodes[0].html]))"""


def pointed(visit, selector: str):
    """The first such link, with the mouse on it, and its card, when that is shown."""
    lay_out_all(visit.page)  # or the page might move away below the mouse
    link = visit.page.locator(selector).first
    link.scroll_into_view_if_needed()
    card = visit.page.locator(".preview")
    link.hover()
    try:
        expect(card).to_be_visible(timeout=10_000)
    except AssertionError:  # something else moved below the mouse meanwhile: go there again
        visit.page.mouse.move(0, 0)
        link.hover()
        expect(card).to_be_visible()
    return link, card


def box(element) -> tuple[float, float, float, float]:
    found = element.bounding_box()
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


def targets(page) -> list[tuple[str, str]]:
    """The page and the id to which each link of a page with a card leads."""
    links = re.findall(r"<a [^>]*data-preview[^>]*>", (HTML / built(page)).read_text())
    found = [re.search(r'href="([^"#]*)#([^"]*)"', link) for link in links]
    return [(html.unescape(each[1]), html.unescape(each[2])) for each in found]


def test_a_mouse_shows_an_equation_and_may_go_to_it(browser, base):
    with Visit(browser, base, **WIDE) as visit:
        visit.open(PAGE)
        link, card = pointed(visit, "p a[href='#equation-elbo-terms']")
        assert "(4.3)" in card.inner_text()
        assert card.evaluate(DRAWN)
        left, top, right, bottom = box(card)
        assert left >= 0
        assert right <= WIDE["viewport"]["width"]
        assert top >= 0
        visit.page.mouse.move((left + right) / 2, (top + bottom) / 2)
        visit.page.wait_for_timeout(700)
        expect(card).to_be_visible()  # the pointer may rest on it
        assert link.get_attribute("aria-details") == card.get_attribute("id")
        visit.page.mouse.move(5, 5)
        expect(card).to_be_hidden()
        assert link.get_attribute("aria-details") is None
        assert visit.problems == []


@pytest.mark.parametrize("kind", OTHER)
def test_what_stands_on_another_page_is_shown(browser, base, kind):
    page, selector, expected = OTHER[kind]
    with Visit(browser, base, **WIDE) as visit:
        asked = []
        visit.page.on("request", lambda request: asked.append(request.url))
        visit.open(page).page.wait_for_load_state()
        assert [url for url in asked if "/previews/" in url] == []  # nothing before it is wanted
        _, card = pointed(visit, selector)
        assert re.search(expected, card.inner_text(), re.IGNORECASE)
        assert card.evaluate(DRAWN)
        ids = visit.page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
        assert len(ids) == len(set(ids))
        assert visit.problems == []


def test_escape_closes_and_a_card_stays_until_then(browser, base):
    with Visit(browser, base, **WIDE) as visit:
        visit.open(PAGE)
        _, card = pointed(visit, "p a[href='#equation-elbo-terms']")
        visit.page.wait_for_timeout(1500)
        expect(card).to_be_visible()
        visit.page.keyboard.press("Escape")
        expect(card).to_be_hidden()


def test_keys_show_a_card_and_the_focus_stays_on_the_link(browser, base):
    with Visit(browser, base, **WIDE) as visit:
        page = visit.open(PAGE).page
        lay_out_all(page)
        card, links = page.locator(".preview"), page.locator("p a[data-preview]")
        page.keyboard.press("Tab")  # from now on the keyboard is used
        links.nth(0).focus()
        expect(card).to_be_visible()
        page.keyboard.press("Escape")
        expect(card).to_be_hidden()
        assert links.nth(0).evaluate("link => link === document.activeElement")
        page.keyboard.press("Tab")
        page.mouse.move(700, 40)  # which is not on a link
        expect(card).to_be_visible()  # that of the next link
        assert page.locator("[aria-details]").evaluate("link => link === document.activeElement")
        page.locator(".symbols-line a").focus()
        expect(card).to_be_hidden()


def test_a_finger_opens_a_card_at_the_foot_with_a_way_onwards(browser, base):
    with Visit(browser, base, **PHONE) as visit:
        page = visit.open(PAGE).page
        link = page.locator("p a[data-preview=Reference]").first
        link.scroll_into_view_if_needed()
        link.tap()
        card = page.locator(".preview")
        expect(card).to_be_visible()
        assert page.url.endswith("elbo.html")
        assert box(card)[::2] == (0, 390)
        assert box(card)[3] == PHONE["viewport"]["height"]
        assert card.evaluate("card => card === document.activeElement")
        card.get_by_role("button", name="Close").tap()
        expect(card).to_be_hidden()
        assert link.evaluate("link => link === document.activeElement")
        link.tap()
        expect(card).to_be_visible()
        card.get_by_role("link", name="Go there").tap()
        page.wait_for_url(re.compile(r"references\.html#id\d+$"))
        assert visit.problems == []


def test_a_second_tap_follows_the_link_and_one_elsewhere_closes(browser, server):
    with Visit(browser, server, **PHONE) as visit:
        page = visit.open(PAGE).page
        link, card = page.locator("p a[data-preview=Equation]").first, page.locator(".preview")
        link.scroll_into_view_if_needed()
        link.tap()
        expect(card).to_be_visible()
        page.touchscreen.tap(200, 100)
        expect(card).to_be_hidden()
        link.tap()
        expect(card).to_be_visible()
        link.tap()
        page.wait_for_url("**#equation-elbo-*")


@pytest.mark.parametrize("key", ["Escape", "Enter"])
def test_a_card_that_keys_close_at_the_foot_stays_closed(browser, base, key):
    """The focus goes back to its link, which opens nothing."""
    with Visit(browser, base, **PHONE) as visit:
        page = visit.open(PAGE).page
        link, card = page.locator("p a[data-preview=Reference]").first, page.locator(".preview")
        link.scroll_into_view_if_needed()
        link.tap()
        expect(card).to_be_visible()
        if key == "Enter":
            card.get_by_role("button", name="Close").focus()
        page.keyboard.press(key)
        page.wait_for_timeout(800)
        expect(card).to_be_hidden()
        assert link.evaluate("link => link === document.activeElement")


def test_a_tap_opens_a_card_whose_file_comes_late(browser, server):
    """The finger leaves the page before the file is there, which closes no card."""
    with Visit(browser, server, **PHONE) as visit:

        def come_late(route):
            visit.page.wait_for_timeout(1000)
            route.continue_()

        visit.page.route("**/previews/*.js*", come_late)
        page = visit.open(PAGE).page
        link = page.locator("p a[data-preview=Reference]").first
        link.scroll_into_view_if_needed()
        link.tap()
        expect(page.locator(".preview")).to_be_visible()
        assert visit.problems == []


def test_without_a_script_they_are_links(browser):
    with Visit(browser, HTML.as_uri() + "/", java_script_enabled=False, **WIDE) as visit:
        page = visit.open(PAGE).page
        page.locator("a.symbol[href$='#symbol-nu']").click()
        page.wait_for_url("**/notation.html#symbol-nu")
        assert page.locator(".preview").count() == 0


def test_where_a_file_is_missing_a_link_is_still_a_link(browser, server):
    with Visit(browser, server, **PHONE) as visit:
        visit.page.route("**/previews/*.js*", lambda route: route.abort())
        page = visit.open(PAGE).page
        link = page.locator("p a[data-preview=Reference]").first
        link.scroll_into_view_if_needed()
        link.tap()
        page.wait_for_url("**/references.html#id*")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [PHONE, WIDE], ids=["phone", "laptop"])
def test_axe_objects_to_nothing_in_a_card(browser, server, scheme, screen):
    with Visit(browser, server, color_scheme=scheme, **screen) as visit:
        page = visit.open(PAGE).page
        lay_out_all(page)
        page.evaluate(LIGHTEN)
        page.evaluate(AXE_SCRIPT + "; null")
        card = page.locator(".preview")
        for selector in ("p a[data-preview=Reference]", "p a[data-preview=Equation]", "a.symbol"):
            link = page.locator(selector).first
            link.scroll_into_view_if_needed()
            link.tap() if screen is PHONE else link.hover()
            expect(card).to_be_visible()
            colours = "c => [getComputedStyle(c).color, getComputedStyle(c).backgroundColor]"
            assert contrast(*card.evaluate(colours)) > 7
            assert page.evaluate(VIOLATIONS, ALL) == []
            page.keyboard.press("Escape")
            expect(card).to_be_hidden()


def test_every_such_link_has_its_card():
    """Of other pages in their scripts, which are small; of the same page there."""
    shelves, count = {}, 0
    for path in sorted((HTML / "_static" / "previews").glob("*.js")):
        text = path.read_text()
        assert len(text) < 300_000, path.name
        shelves[path.stem] = json.loads(text[text.index("{") : text.rindex(");")])["cards"]
    for page in chapters():
        here = ids_of(built(page))
        for name, identity in targets(page):
            count += 1
            if name:
                assert len(shelves[name.removesuffix(".html")][identity]) > 20
            else:
                assert identity in here
    assert count > 500


@pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
def test_no_link_to_an_equation_is_without_a_card(page):
    links = soup_of(built(page)).select(
        "article a.reference.internal[href*='#equation-'], article a.symbol"
    )
    assert [link["href"] for link in links if "data-preview" not in link.attrs] == []


def test_no_link_is_without_an_address(browser, base):
    with Visit(browser, base, **WIDE) as visit:
        page = visit.open(PAGE).page
        assert page.locator(".preview").count() == 1
        assert page.locator("a:not([href])").count() == 0
        _, card = pointed(visit, "p a[href='#equation-elbo-terms']")
        assert card.locator("a").first.get_attribute("href").endswith("#equation-elbo-terms")
