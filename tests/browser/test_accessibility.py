"""Each page, served, is whole, and serves a reader with a screen reader, without a mouse, on a
phone, in the dark, or who wants no motion.

axe (https://github.com/dequelabs/axe-core) reads each page on a laptop and on a phone with all
that can be unfolded unfolded: in light mode by all its rules, in dark mode by those on colour,
which alone can tell the modes apart.
"""

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.conftest import HTML, PHONE, Visit, built
from tests.browser.judged import (
    LIGHTEN,
    SHAPES,
    assert_all_is_rendered,
    assert_axe_objects_to_no_colour,
    assert_axe_objects_to_nothing,
    assert_images_are_there,
    assert_rows_stand_out,
    become_a_phone,
    contrast,
    darken,
    lay_out_all,
    luminance,
    text_and_ground,
)
from tests.pages import chapters

WIDE = {"viewport": {"width": 1280, "height": 800}}
MADE_BY_SPHINX = ("search.html?q=chunk", "genindex.html", "py-modindex.html")


def paths() -> list[str]:
    """Every page that a reader can reach."""
    made = [path for path in MADE_BY_SPHINX if (HTML / path.partition("?")[0]).exists()]
    return [*map(built, chapters()), *made]


def stem(path: str) -> str:
    return path.removeprefix("book/").partition(".")[0]


@pytest.fixture(scope="module", params=paths(), ids=stem)
def visit(request, browser, server):
    """A page on a laptop in light mode, as it opens."""
    with Visit(browser, server, color_scheme="light", reduced_motion="reduce", **WIDE) as one:
        yield one.open(request.param)


@pytest.fixture(scope="module")
def unfolded(visit):
    """The same page with all open that can be opened, and axe at hand."""
    page = visit.page
    lay_out_all(page)
    page.evaluate("""() => {
        document.querySelectorAll("details").forEach(each => { each.open = true; });
        document.querySelectorAll(".toggle-hidden .toggle-button").forEach(each => each.click());
    }""")
    for widget in page.query_selector_all("[data-widget]:not([data-ready])"):
        widget.scroll_into_view_if_needed()
        page.wait_for_function("widget => widget.matches('[data-ready]')", arg=widget)
    page.evaluate(LIGHTEN)
    page.evaluate(AXE_SCRIPT + "; null")
    return to_the_top(page)


def to_the_top(page):
    """Scroll to where no control is half below the header, as where it was left there may be."""
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function("scrollY === 0")
    return page


@pytest.fixture(scope="module")
def phone(visit, unfolded):
    """The same page, once more in light mode, on a phone."""
    unfolded.emulate_media(color_scheme="light")
    become_a_phone(visit)
    return to_the_top(unfolded)


def test_page_asks_no_other_host_and_renders_all_mathematics(visit):
    assert_all_is_rendered(visit)


def test_every_image_is_there_and_described(visit):
    assert_images_are_there(visit.page)


def test_solutions_are_hidden_until_opened(visit):
    for solution in visit.page.locator("div.solution.dropdown").all():
        content = solution.locator(".section, section").first
        assert not content.is_visible()
        solution.locator("button.toggle-button").click()
        assert content.is_visible()
        solution.locator("button.toggle-button").click()


# What takes the Tab key, that of it which shows no outline of its own, and the colours of outlines.
FOCUS = """() => {
    const stops = [...document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]
        .filter(each => each.checkVisibility({visibilityProperty: true}));
    const bare = [], colors = new Set();
    for (const stop of stops) {
        stop.focus({preventScroll: true});
        const {outlineStyle, outlineWidth, outlineColor} = getComputedStyle(stop);
        const shows = document.activeElement === stop && outlineStyle === "solid"
            && parseFloat(outlineWidth) >= 3;
        if (!shows) bare.push(stop.outerHTML.slice(0, 200));
        colors.add(outlineColor);
    }
    const ground = getComputedStyle(document.body).backgroundColor;
    return {stops: stops.length, bare, colors: [...colors], ground};
}"""


def test_every_formula_is_there_as_mathml(unfolded):
    assert unfolded.locator("mjx-container:not(:has(mjx-assistive-mml math))").count() == 0


def test_nothing_moves_for_who_wants_no_motion(unfolded):
    moving = unfolded.evaluate("""() => [...document.querySelectorAll("*")].filter(each => {
        const style = getComputedStyle(each);
        return /[1-9]/.test(style.transitionDuration + style.animationDuration)
            || style.scrollBehavior === "smooth";
    }).map(each => each.outerHTML.slice(0, 200))""")
    assert moving == []


def test_axe_objects_to_nothing(unfolded):
    assert_axe_objects_to_nothing(unfolded, SHAPES)


def test_text_and_focus_stand_out_in_either_mode(unfolded):
    # What is read aloud was judged above, is not seen, and is most of what axe would look at.
    unfolded.evaluate("document.querySelectorAll('mjx-assistive-mml').forEach(e => e.remove())")
    assert_colours_stand_out(unfolded)


def test_axe_objects_to_nothing_on_a_phone(phone):
    assert_axe_objects_to_nothing(phone, SHAPES)


def test_a_phone_shows_it_all_in_either_mode(phone):
    assert_colours_stand_out(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def assert_colours_stand_out(page):
    """In light mode, and then in dark mode."""
    page.keyboard.press("Tab")  # from here on the keyboard is in use
    assert_focus_shows(page)
    assert_axe_objects_to_no_colour(page)
    assert_rows_stand_out(page)
    assert contrast(*text_and_ground(page)) > 7
    darken(page)
    assert_focus_shows(page)
    assert_axe_objects_to_no_colour(page)
    assert_rows_stand_out(page)
    text, ground = text_and_ground(page)
    assert contrast(text, ground) > 7
    assert luminance(ground) < 0.1


def assert_focus_shows(page):
    focus = page.evaluate(FOCUS)
    assert focus["stops"] > 5
    assert focus["bare"] == []
    for color in focus["colors"]:
        assert contrast(color, focus["ground"]) > 3, "WCAG 2.2, 1.4.11"


OVERLAYS = {  # what opens over a page, the device it opens on, and the button that opens it
    "contents": (PHONE, ".bd-header-article .primary-toggle", "#pst-primary-sidebar-modal"),
    "sections": (PHONE, ".bd-header-article .secondary-toggle", "#pst-secondary-sidebar-modal"),
    "search": (PHONE, ".bd-header-article .search-button", "#pst-search-dialog"),
    "download": (WIDE, ".dropdown-download-buttons > button", ".dropdown-menu.show"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "button", "overlay"), OVERLAYS.values(), ids=OVERLAYS)
def test_axe_objects_to_nothing_that_opens(browser, server, device, button, overlay, scheme):
    with Visit(browser, server, color_scheme=scheme, reduced_motion="reduce", **device) as one:
        page = one.open("book/intro.html").page
        page.locator(button).click()
        page.locator(overlay).wait_for()
        page.evaluate(AXE_SCRIPT + "; null")
        assert_axe_objects_to_nothing(page)
        page.keyboard.press("Escape")
        page.locator(overlay).wait_for(state="hidden")


def test_axe_objects_to_nothing_once_the_button_to_the_top_shows(browser, server):
    with Visit(browser, server, reduced_motion="reduce", **PHONE) as one:
        page = one.open("book/intro.html").page
        for height in (900, 700):  # no control is half below the header there
            page.evaluate("height => scrollTo(0, height)", height)
            page.wait_for_timeout(100)  # the theme listens to the way of the scroll
        page.locator("#pst-back-to-top").wait_for()
        page.evaluate(AXE_SCRIPT + "; null")
        assert_axe_objects_to_nothing(page)
        darken(page)
        assert_axe_objects_to_nothing(page)


def test_keyboard_skips_to_the_text(browser, server):
    with Visit(browser, server, reduced_motion="reduce") as one:
        page = one.open("book/intro.html").page
        assert page.locator("html").get_attribute("lang") == "en"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.innerText") == "Skip to main content"
        assert page.locator("#pst-skip-link a").bounding_box()["y"] >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null")


def test_what_scrolls_sideways_moves_by_keyboard(browser, server):
    with Visit(browser, server, **PHONE) as one:
        page = one.open("book/kl.html").page
        lay_out_all(page)
        # One that stays too wide: the keyboard may leave what is then set smaller.
        page.wait_for_function("""() => {
            const all = [...document.querySelectorAll("div.math mjx-container[tabindex='0']")];
            const wide = all.find((each) => each.scrollWidth > each.clientWidth + 8);
            wide?.focus();
            return Boolean(wide);
        }""")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.activeElement.scrollLeft > 0")
        assert page.locator("span.math mjx-container[tabindex='0']").count() < 10


def test_the_index_has_the_width_of_a_phone(browser, server):
    with Visit(browser, server, **PHONE) as one:
        cells = one.open("genindex.html").page.locator(".genindextable td")
        widths = cells.evaluate_all("cells => cells.map(c => c.getBoundingClientRect().width)")
        assert widths
        assert min(widths) > 300


@pytest.mark.parametrize("width", [390, 1400])
def test_the_lines_of_the_index_begin_where_its_columns_do(browser, server, width):
    starts = """all => all.map((li) => {
        const texts = document.createTreeWalker(li, NodeFilter.SHOW_TEXT);
        while (!texts.nextNode().data.trim());
        const range = document.createRange();
        range.selectNode(texts.currentNode);
        return range.getClientRects()[0].left - li.closest("td").getBoundingClientRect().left;
    })"""
    with Visit(browser, server, viewport={"width": width, "height": 844}) as one:
        page = one.open("genindex.html").page
        lay_out_all(page)
        lines = page.locator(".genindextable td > ul > li")
        found = lines.evaluate_all(starts)
        assert len(found) > 300
        assert max(found) - min(found) < 1  # pixels
        assert min(found) > -1
