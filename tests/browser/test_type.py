"""The book is set in its own face, on one scale, in lines that the eye finds back from."""

import statistics

import pytest

from tests.browser.canvases import FRAMES
from tests.browser.conftest import PHONE, Visit, built
from tests.pages import ROOT, chapters

FONTS = ROOT / "book" / "_static" / "fonts"
WIDE = {"viewport": {"width": 1400, "height": 900}}
FRONT, *_ = chapters()
CHAPTERS = [page for page in chapters() if page.suffix == ".ipynb"]

# How many characters each line of plain paragraphs has, but for a paragraph's last one.
LINES = """async () => {
    await document.fonts.ready;
    const counts = [];
    for (const p of document.querySelectorAll(".bd-article section > p:not(:has(*))")) {
        const text = p.firstChild, range = document.createRange(), lines = [];
        let top = NaN;
        for (let i = 0; i < text.length; i += 1) {
            range.setStart(text, i);
            range.setEnd(text, i + 1);
            const box = range.getBoundingClientRect();
            if (!box.width) continue;
            if (Math.abs(box.top - top) < 3) lines[lines.length - 1] += 1;
            else [top] = [box.top, lines.push(1)];
        }
        counts.push(...lines.slice(0, -1));
    }
    return counts;
}"""
SIZES = """() => ["h1", "h2", "h3", "p"].map((tag) => {
    const found = [...document.querySelectorAll(`.bd-article section > ${tag}`)]
        .filter((each) => !each.className && !each.closest(".admonition"));
    const sizes = new Set(found.map((each) => parseFloat(getComputedStyle(each).fontSize)));
    return [tag, [...sizes]];
})"""


@pytest.mark.parametrize("page", [FRONT, *CHAPTERS], ids=lambda page: page.stem)
def test_a_line_has_60_to_75_characters(browser, server, page):
    with Visit(browser, server, **WIDE) as visit:
        counts = visit.open(built(page)).page.evaluate(LINES)
    assert len(counts) > 5
    assert 60 <= statistics.mean(counts) <= 75
    assert max(counts) <= 80


@pytest.mark.parametrize("screen", [PHONE, WIDE], ids=["phone", "laptop"])
@pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
def test_there_is_one_scale_of_sizes(browser, server, page, screen):
    with Visit(browser, server, **screen) as visit:
        sizes = dict(visit.open(built(page)).page.evaluate(SIZES))
    assert all(len(found) <= 1 for found in sizes.values()), sizes
    in_order = [found[0] for found in sizes.values() if found]
    assert in_order == sorted(set(in_order), reverse=True), sizes


def test_the_longest_title_has_one_line_on_a_phone(browser, server):
    with Visit(browser, server, **PHONE) as visit:
        title = visit.open("book/reparameterization.html").page.locator("article h1")
        line = title.evaluate("h => parseFloat(getComputedStyle(h).lineHeight)")
        assert title.bounding_box()["height"] < 1.5 * line


def test_the_number_of_an_equation_is_nearer_to_it_than_to_the_text_below(browser, server):
    with Visit(browser, server, **PHONE) as visit:
        page = visit.open("book/autoencoder.html").page
        first = page.locator("div.math:has(+ p) > .eqno").first
        first.scroll_into_view_if_needed()  # what is far below is not laid out
        page.evaluate(FRAMES)
        above, below = first.evaluate("""number => {
            const box = number.getBoundingClientRect(), formula = number.parentElement;
            return [
                box.top - formula.querySelector("svg").getBoundingClientRect().bottom,
                formula.nextElementSibling.getBoundingClientRect().top - box.bottom,
            ];
        }""")
    assert 0 <= above < below


def test_the_front_page_has_one_left_edge(browser, server):
    with Visit(browser, server, **WIDE) as visit:
        page = visit.open("book/intro.html").page
        lefts = page.locator("article section > :is(p, ul, h2)").evaluate_all(
            "all => all.map(e => Math.round(e.getBoundingClientRect().left + (e.matches('ul')"
            " ? 0 : parseFloat(getComputedStyle(e).paddingLeft))))"
        )
    assert len(lefts) > 10
    assert len(set(lefts)) == 1


def test_the_face_is_the_books_own(browser, base):
    with Visit(browser, base) as visit:
        page = visit.open("book/kl.html").page
        page.evaluate("document.querySelector('.bd-article p').innerHTML += '<em>x</em>'")
        wanted = "[...document.fonts].filter(f => f.family === 'Literata' && f.status === 'loaded')"
        page.wait_for_function(f"new Set({wanted}.map(f => f.style)).size === 2")
        families = page.evaluate(
            "['p', 'h1', 'li'].map(tag => getComputedStyle("
            "document.querySelector(`.bd-article ${tag}`)).fontFamily.split(',')[0])"
        )
        assert families == ["Literata"] * 3
        assert visit.problems == []


def test_the_face_is_small_and_has_its_licence():
    files = list(FONTS.glob("*.woff2"))
    assert len(files) == 2
    assert sum(file.stat().st_size for file in files) < 60_000
    assert "SIL Open Font License, Version 1.1" in (FONTS / "OFL.txt").read_text()
