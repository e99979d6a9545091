"""Under a finger, what is pressed is at least 44 px wide and high, on every kind of page."""

import pytest

from tests.browser.conftest import PHONE, Visit
from tests.pages import chapters

PAGES = ["search.html", *(f"book/{page.stem}.html" for page in chapters())]
# What stands in a sentence is a link, and no control; a label's input is pressed by its label.
SMALL = """() => {
  const all = "button, summary, select, input, [role=button], [role=radio], label:has(input)";
  return [...document.querySelectorAll(all)].flatMap((each) => {
    const { width, height } = each.getBoundingClientRect();
    const isSeen = width && height && getComputedStyle(each).visibility === "visible";
    if (!isSeen || each.matches(".visually-hidden, .visually-hidden *")) return [];
    if (each.matches("label input") || Math.min(width, height) >= 43.9) return [];
    const name = each.getAttribute("aria-label") || each.textContent.trim() || each.className;
    return [`${name.slice(0, 40)}: ${Math.round(width)} x ${Math.round(height)}`];
  });
}"""


@pytest.mark.parametrize("name", PAGES)
def test_controls_are_as_large_as_a_finger(browser, server, name):
    with Visit(browser, server, **PHONE) as visit:
        page = visit.open(name).page
        for widget in page.locator("figure[data-widget]").all():
            widget.scroll_into_view_if_needed()
            if widget.get_attribute("data-widget") != "latent_sliders":
                page.wait_for_function("f => 'ready' in f.dataset", arg=widget.element_handle())
        assert page.evaluate(SMALL) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


# What a button opens or scrolling shows, and the links in it.
OPENED = {
    "the chapters": ("button.primary-toggle", "dialog[open] .bd-links a"),
    "the sections": ("button.secondary-toggle", "dialog[open] .nav-link"),
    "the files": (".dropdown-download-buttons > button", ".dropdown-menu.show .dropdown-item"),
    "the search": ("button[aria-label=Search]:visible", "dialog[open] input"),
}


@pytest.fixture
def phone(browser, server):
    with Visit(browser, server, reduced_motion="reduce", **PHONE) as visit:
        yield visit.open("book/kl.html").page


def assert_large(found) -> None:
    boxes = [each.bounding_box() for each in found.all()]
    assert boxes
    assert [box for box in boxes if min(box["width"], box["height"]) < 43.9] == []


@pytest.mark.parametrize("name", OPENED)
def test_what_a_button_opens_is_as_large(phone, name):
    button, inside = OPENED[name]
    phone.locator(button).first.tap()
    phone.locator(inside).first.wait_for()
    assert_large(phone.locator(inside))


def test_the_way_up_and_the_letters_of_an_index_are_as_large(browser, server):
    with Visit(browser, server, **PHONE) as visit:
        page = visit.open("genindex.html").page
        assert_large(page.locator(".genindex-jumpbox a"))
        page.mouse.wheel(0, 2000)
        page.wait_for_function("() => scrollY > 1500")
        page.mouse.wheel(0, -300)
        page.locator("#pst-back-to-top").wait_for()
        assert_large(page.locator("#pst-back-to-top"))
        assert_large(visit.open("book/concepts.html").page.locator(".letters a"))
