"""Code that only draws stands on its page behind a fold, which opens for each reader."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from tests.browser.conftest import HTML, PHONE, Visit, built
from tests.browser.judged import ALL, lay_out_all
from tests.pages import code_cells, notebooks


def folded(page) -> int:
    """How many cells of a chapter are tagged so."""
    return sum("hide-input" in cell.metadata.get("tags", []) for cell in code_cells(page))


CHAPTERS = [page for page in notebooks() if folded(page)]
FOLD = "details.code-fold"


@pytest.fixture(params=CHAPTERS, ids=lambda page: page.stem)
def chapter(request):
    """Each chapter with folds."""
    return request.param


@pytest.fixture
def opened(browser, base):
    """The first chapter with folds, opened as a file and served."""
    with Visit(browser, base) as one:
        yield one.open(built(CHAPTERS[0])).page
        assert one.problems == []


def test_each_tagged_cell_is_folded_and_shows_what_it_displayed(browser, chapter):
    with Visit(browser, HTML.as_uri() + "/", java_script_enabled=False) as one:
        one.page.goto(one.base + built(chapter))
        folds = one.page.locator(FOLD)
        expect(folds).to_have_count(folded(chapter))
        for fold in folds.all():
            assert fold.get_attribute("open") is None
            fold.scroll_into_view_if_needed()  # what is far away is not laid out yet
            expect(fold.locator("summary")).to_have_text("Show code", use_inner_text=True)
            expect(fold.locator("pre")).to_be_hidden()
            solution = fold.locator("xpath=ancestor::*[contains(@class, 'solution')]")
            for output in fold.locator("xpath=following-sibling::*").all():
                assert output.is_visible() or solution.count()


def test_a_fold_opens_without_javascript(browser):
    with Visit(browser, HTML.as_uri() + "/", java_script_enabled=False) as one:
        one.page.goto(one.base + built(CHAPTERS[0]))
        fold = one.page.locator(FOLD).first
        fold.locator("summary").click()
        expect(fold.locator("pre")).to_be_visible()


def test_a_fold_opens_and_closes_by_keyboard(opened):
    fold = opened.locator(FOLD).first
    fold.locator("summary").focus()
    for key in ("Enter", "Space"):
        opened.keyboard.press(key)
        expect(fold.locator("pre")).to_be_visible()
        expect(fold.locator("summary")).to_have_text("Hide code", use_inner_text=True)
        opened.keyboard.press(key)
        expect(fold.locator("pre")).to_be_hidden()
        expect(fold.locator("summary")).to_have_text("Show code", use_inner_text=True)


def test_a_fold_is_called_by_what_it_says(opened):
    shown = [fold for fold in opened.locator(f"{FOLD} > summary").all() if fold.is_visible()]
    assert opened.locator("article").aria_snapshot().count("Show code") == len(shown) > 0


BOXES = """() => [...document.querySelectorAll(".bd-article .admonition")].map((box) => {
    const title = box.querySelector(".admonition-title");
    const inner = title.getBoundingClientRect();
    const sign = (title.querySelector(".toggle-button") ?? title).getBoundingClientRect();
    return {
        name: title.textContent, slack: box.clientWidth - inner.width,
        above: sign.top - inner.top, below: inner.bottom - sign.bottom,
        right: inner.right - sign.right,
    };
})"""


@pytest.mark.parametrize("device", [{}, PHONE], ids=["laptop", "phone"])
def test_a_box_has_its_title_from_edge_to_edge_and_its_button_in_it(browser, server, device):
    with Visit(browser, server, **device) as one:
        one.open("book/wrong.html").page.wait_for_selector(".admonition .toggle-button")
        lay_out_all(one.page)
        boxes = one.page.evaluate(BOXES)
    assert len(boxes) > 30
    for box in boxes:
        assert abs(box["slack"]) < 1, box
        assert abs(box["above"] - box["below"]) < 2, box
        assert box["above"] >= 0, box
        assert 0 <= box["right"] < 20, box


def test_on_paper_a_closed_fold_says_so_and_an_open_one_shows_its_code(opened):
    first, second = [fold for fold in opened.locator(FOLD).all() if fold.is_visible()][:2]
    first.locator("summary").click()
    opened.emulate_media(media="print")
    expect(first.locator("pre")).to_be_visible()
    expect(first.locator("summary")).to_be_hidden()
    expect(second.locator("pre")).to_be_hidden()
    sign = "Code that is folded on the page"
    expect(second.locator("summary")).to_have_text(sign, use_inner_text=True)


def test_a_finger_opens_a_fold_and_no_page_becomes_wider(browser, base):
    with Visit(browser, base, **PHONE) as one:
        page = one.open(built(CHAPTERS[0])).page
        for fold in page.locator(FOLD).all():
            if fold.is_visible():
                assert fold.locator("summary").bounding_box()["height"] >= 24
                fold.locator("summary").tap()
                expect(fold.locator("pre")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("device", [{}, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_objects_to_no_closed_fold(browser, server, scheme, device):
    """Open ones are on the pages that tests/browser/test_accessibility.py unfolds."""
    with Visit(browser, server, color_scheme=scheme, **device) as one:
        page = one.open(built(CHAPTERS[0])).page
        page.evaluate(AXE_SCRIPT + "; null")
        run = "options => axe.run('.code-fold', options).then(found => found.violations)"
        assert page.evaluate(run, ALL) == []
