"""Each page serves a reader with a screen reader, without a mouse, or who wants no motion.

axe (https://github.com/dequelabs/axe-core) reads each page on a laptop and on a phone with all
that can be unfolded unfolded. Everything is judged in light mode; the rules on colour, which alone
can tell the modes apart, once more in dark mode.
"""

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.conftest import HTML, PHONE, Visit, built
from tests.browser.test_pages import contrast
from tests.pages import chapters

WIDE = {"viewport": {"width": 1280, "height": 800}}
MADE_BY_SPHINX = ("search.html?q=chunk", "genindex.html", "py-modindex.html")
RULES = {"target-size": {"enabled": True}}  # WCAG 2.2 AA, which axe leaves out unless asked


def paths() -> list[str]:
    """Every page that a reader can reach."""
    made = [path for path in MADE_BY_SPHINX if (HTML / path.partition("?")[0]).exists()]
    return [*map(built, chapters()), *made]


@pytest.fixture(
    scope="module",
    params=[(path, device) for path in paths() for device in ("wide", "phone")],
    ids=lambda param: f"{param[0].removeprefix('book/').partition('.')[0]}-{param[1]}",
)
def visit(request, browser, server):
    """A page in light mode, unfolded; the tests may change its colours and its focus."""
    path, device = request.param
    options = {"wide": WIDE, "phone": PHONE}[device]
    with Visit(browser, server, color_scheme="light", reduced_motion="reduce", **options) as one:
        unfold(one.open(path).page)
        lighten(one.page)
        one.page.evaluate(AXE_SCRIPT + "; null")
        yield one


def unfold(page):
    """Open each solution and dropdown, and let each widget draw itself."""
    page.evaluate("""() => {
        document.querySelectorAll("details").forEach(each => { each.open = true; });
        document.querySelectorAll(".toggle-hidden .toggle-button").forEach(each => each.click());
    }""")
    for widget in page.query_selector_all("[data-widget]:not([data-ready])"):
        widget.scroll_into_view_if_needed()
        page.wait_for_function("widget => widget.matches('[data-ready]')", arg=widget)
    page.evaluate("scrollTo(0, 0)")


def lighten(page):
    """Leave out what would tell axe nothing new, which is most of a page and of its time.

    The glyphs of a formula are hidden from screen readers, which read its MathML; and of code of
    the same class on the same ground, one piece is enough to measure.
    """
    page.evaluate("""() => {
        document.querySelectorAll("mjx-container > svg").forEach(each => each.replaceChildren());
        const seen = new Set();
        const isKnown = token => {
            const ground = getComputedStyle(token.closest(".highlight")).backgroundColor;
            const looks = `${token.className} on ${ground}`;
            return seen.has(looks) || !seen.add(looks);
        };
        const tokens = [...document.querySelectorAll(".highlight pre span:not(:has(*))")];
        tokens.filter(isKnown).forEach(token => token.replaceWith(...token.childNodes));
    }""")


def assert_axe_objects_to_nothing(page, **options):
    """Fail with a line for each element: rule, where, and what would mend it."""
    options = {"reporter": "no-passes", "rules": RULES} | options
    found = page.evaluate("options => axe.run(options).then(found => found.violations)", options)
    lines = [
        " ".join([rule["id"], *map(str, node["target"]), "|", *failures(node)])
        for rule in found
        for node in rule["nodes"]
    ]
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def failures(node) -> list[str]:
    return [check["message"] for kind in ("any", "all", "none") for check in node[kind]]


def darken(page):
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-theme=dark]")


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


def test_every_formula_is_there_as_mathml(visit):
    assert visit.page.locator("mjx-container:not(:has(mjx-assistive-mml math))").count() == 0


def test_nothing_moves_for_who_wants_no_motion(visit):
    moving = visit.page.evaluate("""() => [...document.querySelectorAll("*")].filter(each => {
        const style = getComputedStyle(each);
        return /[1-9]/.test(style.transitionDuration + style.animationDuration)
            || style.scrollBehavior === "smooth";
    }).map(each => each.outerHTML.slice(0, 200))""")
    assert moving == []


def test_axe_objects_to_nothing(visit):
    assert_axe_objects_to_nothing(visit.page)


def test_focus_shows_and_axe_objects_to_no_colour_in_either_mode(visit):
    page = visit.page
    page.keyboard.press("Tab")  # from here on the keyboard is in use
    assert_focus_shows(page)
    darken(page)
    assert_focus_shows(page)
    assert_axe_objects_to_nothing(page, runOnly=["color-contrast", "link-in-text-block"])


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
        for height in (900, 600):
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
        page = one.open("book/elbo.html").page
        page.wait_for_selector("div.math mjx-container[tabindex='0']").focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.activeElement.scrollLeft > 0")
        assert page.locator("span.math mjx-container[tabindex='0']").count() < 10
