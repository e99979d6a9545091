"""Each page works alone when its file is opened: all is there, and no link is broken."""

import re
from collections import Counter
from urllib.parse import unquote, urldefrag

from bs4 import BeautifulSoup
from playwright.sync_api import expect

from tests.browser.conftest import HTML, Visit, built
from tests.browser.judged import (
    assert_all_is_rendered,
    assert_images_are_there,
    contrast,
    text_and_ground,
)
from tests.built import ids_of, soup_of
from tests.pages import ROOT, chapters, markdown_of, read
from tests.test_equations import checks_of
from tests.typed import prose


def test_page_asks_no_other_host_and_renders_all_mathematics(laptop):
    assert_all_is_rendered(laptop)


def test_every_image_is_there_and_described(laptop):
    assert_images_are_there(laptop.page)


def test_text_stands_out_from_its_ground(laptop):
    assert contrast(*text_and_ground(laptop.page)) > 7


def test_a_chapter_says_under_its_title_how_long_it_takes(laptop, page):
    """And it takes as long as the page that one sees, folded, says."""
    line = laptop.page.locator("h1 + .reading-time")
    if page.suffix == ".md":
        assert line.count() == 0
        return
    found = prose.reading(read(page).cells)
    assert line.inner_text() == str(found)
    shown = laptop.page.locator("article div.math").evaluate_all(
        "all => all.filter(e => e.checkVisibility() && !e.closest('.toggle-hidden')).length"
    )
    assert shown == found.equations


def test_front_page_leads_to_the_book(browser, base):
    with Visit(browser, base) as one:
        assert one.open("index.html").page.url.endswith("/book/intro.html")
        assert one.problems == []


def test_search_finds_a_word_without_a_network(browser, base):
    with Visit(browser, base) as one:
        results = one.open("search.html?q=chunk").page.locator("#search-results li")
        results.filter(has_text="Building the VAE").first.wait_for()
        assert one.problems == []


PARTS = {"mfrac": 2, "msup": 2, "msub": 2, "munder": 2, "mover": 2, "mroot": 2}
PARTS |= {"msubsup": 3, "munderover": 3}


def test_mathml_is_whole(page):
    soup = soup_of(built(page))
    for element in soup.find_all(list(PARTS)):
        assert len(element.find_all(True, recursive=False)) == PARTS[element.name], element


def test_every_link_inside_the_book_leads_somewhere(page):
    path = HTML / built(page)
    for link in soup_of(built(page)).find_all("a", href=True):
        target, fragment = urldefrag(unquote(link["href"]))
        if re.match(r"[a-z]+:", target) or not link["href"].strip("#"):
            continue
        file = (path.parent / target).resolve() if target else path
        assert file.is_file(), link["href"]
        if fragment and file.suffix == ".html":
            assert fragment in ids_of(file.relative_to(HTML).as_posix()), link["href"]


def said(part) -> tuple[str, int]:
    """The letters of a part of a page, and how many formulas stand among them."""
    copy = BeautifulSoup(str(part), "html.parser")
    formulas = copy.select(".math")
    for formula in formulas:
        formula.decompose()
    return letters(copy.text), len(formulas)


def words_of(check) -> tuple[str, int]:
    """The same of what a check says of itself."""
    words, formulas = re.subn(r"\$[^$]*\$", "", check.how)
    return letters(words), formulas


def test_every_check_has_a_row_with_its_equation_its_words_and_its_link(page):
    soup = soup_of(built(page))
    tables = [table for table in soup.select("table") if "How it was checked" in table.text]
    rows = [row for table in tables for row in table.select("tbody tr")]
    checks = checks_of(page)
    assert len(rows) == len(checks)
    for row, check in zip(rows, checks, strict=True):
        number, how, link = row.select("td")
        assert number.select_one("a[href]")
        assert link.select_one("a[href]").text == "check"
        assert said(how) == words_of(check)
        assert number.a["href"].endswith(f"#equation-{check.label}")
        assert link.a["href"].endswith(f"#check-{check.label}")


def test_the_title_of_a_solution_is_one_line_of_text_whose_link_has_no_space(page):
    soup = soup_of(built(page))
    titles = soup.select(".solution > .admonition-title")
    assert all(title.text.startswith("Solution to Exercise ") for title in titles)
    assert [title.text for title in titles if title.a.text != title.a.text.strip()] == []


def test_every_row_of_a_table_has_as_many_cells_as_its_head(page):
    soup = soup_of(built(page))
    for table in soup.select("article table:has(thead)"):
        wanted = len(table.select("thead th"))
        for row in table.select("tr"):
            assert len(row.find_all(["th", "td"], recursive=False)) == wanted > 0, row.text


def test_the_page_of_checks_has_each_of_them_with_its_equation():
    soup = soup_of("book/checks.html")
    checks = [check for page in chapters() for check in checks_of(page)]
    assert len(checks) > 100
    for check in checks:
        entry = soup.find(id=f"check-{check.label}")
        text = entry if entry.name == "p" else entry.find_next("p")
        assert text.a["href"].endswith(f"#equation-{check.label}"), check.label
        words, formulas = words_of(check)
        assert words in said(text)[0], check.label
        assert formulas == said(text)[1], check.label


def test_the_page_of_checks_goes_through_the_chapters_in_their_order():
    soup = soup_of("book/checks.html")
    pages = [page for page in chapters() if checks_of(page)]
    titles = [re.search("^# (.+)", markdown_of(page), re.MULTILINE)[1] for page in pages]
    found = [next(heading.strings) for heading in soup.select("article h2")]
    assert found == titles
    numbers = [a.text for a in soup.select("article p > strong > a, article p > a > strong")]
    places = [tuple(map(int, re.findall(r"\d+", number))) for number in numbers]
    assert len(places) > 100
    assert places == sorted(places)


def test_no_built_page_has_an_id_twice():
    found = {}
    for path in sorted(HTML.rglob("*.html")):
        ids = Counter(ids_of(path.relative_to(HTML).as_posix()))
        if twice := [each for each, count in ids.items() if count > 1]:
            found[path.name] = twice
    assert found == {}


def test_no_running_page_has_an_id_twice(laptop):
    for figure in laptop.page.locator("figure[data-widget]").all():
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-ready", "")
    ids = laptop.page.locator("[id]").evaluate_all("all => all.map((e) => e.id)")
    assert [each for each, count in Counter(ids).items() if count > 1] == []


def letters(text: str) -> str:
    """A text without its marks, and without what Markdown makes of them."""
    return re.sub(r"\W", "", text)


def test_no_page_names_the_machine_that_built_it(page):
    assert str(ROOT) not in (HTML / built(page)).read_text()
