"""Each built page works alone: no network, no unrendered mathematics, no broken link."""

import functools
import re
from urllib.parse import unquote, urldefrag

import pytest
from bs4 import BeautifulSoup

from tests.browser.conftest import HTML, PHONE, Visit, built
from tests.pages import ROOT, chapters, notebooks


@pytest.fixture(scope="module", params=chapters(), ids=lambda page: page.stem)
def page(request):
    """Each page of the book in turn."""
    return request.param


@pytest.fixture(scope="module")
def visit(browser, base, page):
    """The page as on a laptop in light mode, opened as a file and served; the tests only look."""
    with Visit(browser, base, color_scheme="light") as one:
        yield one.open(built(page))


def test_page_asks_no_other_host_and_renders_all_mathematics(visit):
    one = visit
    assert one.page.locator(".math:not(:has(mjx-container))").count() == 0
    assert one.page.locator("mjx-merror, [data-mjx-error]").count() == 0
    prose = "() => [...document.querySelectorAll('article p')].map(p => p.textContent).join(' ')"
    assert not re.search(r"\\[(\[]|\$[^$]+\$", one.page.evaluate(prose)), "TeX is left in the text"
    assert one.problems == []


def test_every_image_is_there_and_described(visit):
    for image in visit.page.locator("article img").all():
        if not image.evaluate("i => i.closest('figure[data-widget]')"):  # a widget hides its own
            image.scroll_into_view_if_needed()
        assert image.evaluate("i => i.decode().then(() => i.naturalWidth)") > 0
        assert len(image.get_attribute("alt") or "") > 20


def test_text_stands_out_from_its_ground(visit):
    assert contrast(*text_and_ground(visit)) > 7


def test_dark_page_fits_a_phone_and_text_stands_out_from_a_dark_ground(browser, server, page):
    with Visit(browser, server, color_scheme="dark", **PHONE) as one:
        one.open(built(page))
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 390
        text, ground = text_and_ground(one)
        assert contrast(text, ground) > 7
        assert luminance(ground) < 0.1


def text_and_ground(one: Visit) -> list[str]:
    colors = "p => [getComputedStyle(p).color, getComputedStyle(document.body).backgroundColor]"
    return one.page.locator("article p").first.evaluate(colors)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it, of a color like rgb(1, 2, 3)."""
    channels = [int(value) / 255 for value in re.findall(r"\d+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_front_page_leads_to_the_book(browser, base):
    with Visit(browser, base) as one:
        one.open("index.html").page.wait_for_url("**/book/intro.html")
        assert one.problems == []


def test_search_finds_a_word_without_a_network(browser, base):
    with Visit(browser, base) as one:
        results = one.open("search.html?q=chunk").page.locator("#search-results li")
        results.filter(has_text="Building the VAE").first.wait_for()
        assert one.problems == []


@pytest.mark.parametrize("notebook", notebooks(), ids=lambda page: page.stem)
def test_solutions_are_hidden_until_opened(browser, server, notebook):
    with Visit(browser, server) as one:
        solutions = one.open(built(notebook)).page.locator("div.solution.dropdown")
        assert solutions.count() > 0
        content = solutions.first.locator(".section, section").first
        assert not content.is_visible()
        solutions.first.locator("button.toggle-button").click()
        assert content.is_visible()


def test_every_link_inside_the_book_leads_somewhere(page):
    path = HTML / built(page)
    soup = BeautifulSoup(path.read_text(), "html.parser")
    for link in soup.find_all("a", href=True):
        target, fragment = urldefrag(unquote(link["href"]))
        if re.match(r"[a-z]+:", target) or not link["href"].strip("#"):
            continue
        file = (path.parent / target).resolve() if target else path
        assert file.is_file(), link["href"]
        if fragment and file.suffix == ".html":
            assert fragment in anchors(file), link["href"]


@functools.cache
def anchors(file) -> set[str]:
    """The places in a built page that a link can lead to."""
    return {tag["id"] for tag in BeautifulSoup(file.read_text(), "html.parser").find_all(id=True)}


def test_no_page_names_the_machine_that_built_it(page):
    assert str(ROOT) not in (HTML / built(page)).read_text()
