"""Each built page works alone: no network, no unrendered mathematics, no broken link."""

import re
from urllib.parse import unquote, urldefrag

import pytest
from bs4 import BeautifulSoup

from tests.browser.conftest import HTML, built
from tests.pages import ROOT, chapters, notebooks

each_page = pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@each_page
def test_page_asks_no_other_host_and_renders_all_mathematics(visit, page):
    one = visit(built(page))
    assert one.page.locator(".math:not(:has(mjx-container))").count() == 0
    assert one.page.locator("mjx-merror, [data-mjx-error]").count() == 0
    prose = "() => [...document.querySelectorAll('article p')].map(p => p.textContent).join(' ')"
    assert not re.search(r"\\[(\[]|\$[^$]+\$", one.page.evaluate(prose)), "TeX is left in the text"
    assert one.problems == []


@each_page
def test_every_image_is_there_and_described(visit, page):
    images = visit(built(page)).page.locator("article img")
    for image in images.all():
        image.scroll_into_view_if_needed()
        assert image.evaluate("i => i.decode().then(() => i.naturalWidth)") > 0
        assert len(image.get_attribute("alt") or "") > 20


@each_page
def test_page_fits_a_phone(visit, page):
    one = visit(built(page), **PHONE)
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 390


@each_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(visit, page, scheme):
    one = visit(built(page), color_scheme=scheme)
    colors = "p => [getComputedStyle(p).color, getComputedStyle(document.body).backgroundColor]"
    text, ground = one.page.locator("article p").first.evaluate(colors)
    assert contrast(text, ground) > 7
    assert (luminance(ground) < 0.1) == (scheme == "dark")


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it, of a color like rgb(1, 2, 3)."""
    channels = [int(value) / 255 for value in re.findall(r"\d+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_front_page_leads_to_the_book(visit):
    one = visit("index.html")
    one.page.wait_for_url("**/book/intro.html")
    assert one.problems == []


def test_search_finds_a_word_without_a_network(visit):
    one = visit("search.html?q=chunk")
    one.page.locator("#search-results li", has_text="Building the VAE").first.wait_for()
    assert one.problems == []


@pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)
def test_solutions_are_hidden_until_opened(visit, page):
    solutions = visit(built(page)).page.locator("div.solution.dropdown")
    assert solutions.count() > 0
    first = solutions.first
    assert not first.locator(".section, section").first.is_visible()
    first.locator("button.toggle-button").click()
    assert first.locator(".section, section").first.is_visible()


@each_page
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
            there = BeautifulSoup(file.read_text(), "html.parser")
            assert there.find(id=fragment), link["href"]


@each_page
def test_no_page_names_the_machine_that_built_it(page):
    assert str(ROOT) not in (HTML / built(page)).read_text()
