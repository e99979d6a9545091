"""What is said by the way stands beside the text where there is room, and in the text where not."""

import pytest

from tests.browser.conftest import Visit, built
from tests.browser.judged import lay_out_all
from tests.built import soup_of
from tests.pages import markdown_of, notebooks

WIDTHS = (390, 768, 1200, 1366, 1400, 1920)
BESIDE = 1360  # pixels from which there is room, as in margin.css
NOTED = [page for page in notebooks() if "```{margin}" in markdown_of(page)]
# Where each note lies, and where its paragraph; what it touches, and whether it is cut.
LAID = """() => {
    const of = (each) => {
        const { left, top, right, bottom } = each.getBoundingClientRect();
        return [left, top, right, bottom];
    };
    const meet = (a, b, from) => a[from] < b[from + 2] - 1 && b[from] < a[from + 2] - 1;
    const touches = (a, b) => meet(a, b, 0) && meet(a, b, 1);
    const kinds = ".bd-article section > :not(section, .noted), .noted > *, .bd-sidebar-secondary,"
        + ".bd-sidebar-primary, .bd-header-article";
    const others = [...document.querySelectorAll(kinds)]
        .filter(each => each.checkVisibility({ visibilityProperty: true }));
    scrollTo(0, 0); // what sticks to the window is at the top
    return [...document.querySelectorAll(".side-note")].map(note => ({
        note: of(note),
        paragraph: of(note.previousElementSibling),
        touched: others.filter(each => each !== note && touches(of(each), of(note)))
            .map(each => each.outerHTML.slice(0, 100)),
        cut: note.scrollWidth > note.clientWidth + 1,
    }));
}"""


def test_many_chapters_have_notes_and_none_is_full_of_them():
    counts = [markdown_of(page).count("```{margin}") for page in NOTED]
    assert len(counts) >= 8
    assert max(counts) <= 4


@pytest.mark.parametrize("page", NOTED, ids=lambda page: page.stem)
def test_a_note_lies_beside_its_paragraph_and_on_nothing(browser, server, page):
    with Visit(browser, server) as visit:
        visit.open(built(page))
        lay_out_all(visit.page)
        for width in WIDTHS:
            visit.page.set_viewport_size({"width": width, "height": 900})
            visit.page.wait_for_timeout(100)
            laid = visit.page.evaluate(LAID)
            assert len(laid) == markdown_of(page).count("```{margin}")
            for each in laid:
                assert each["touched"] == [], width
                assert not each["cut"], width
                left, top, right, _ = each["note"]
                assert right <= width
                if width >= BESIDE:
                    assert left >= each["paragraph"][2]
                    assert abs(top - each["paragraph"][1]) < 20
                    assert right - left > 140
                else:
                    assert top >= each["paragraph"][3]
        assert visit.problems == []


@pytest.mark.parametrize("page", NOTED, ids=lambda page: page.stem)
def test_a_screen_reader_meets_a_note_below_its_paragraph(page):
    soup = soup_of(built(page))
    for note in soup.select(".side-note"):
        assert note["role"] == "note"
        assert note.find_previous_sibling().name == "p"
        assert note.parent["class"] == ["noted"]
    assert soup.select("article aside") == []
