"""The whole book in one file: its contents are right, its links lead somewhere."""

import ctypes
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from bs4 import BeautifulSoup
from pypdfium2 import raw

from tests.browser.paper import MARGIN, is_cut, sheets
from tests.pages import ROOT

sys.path.insert(0, str(ROOT / "book" / "_pdf"))

import pdf
import whole

# Enough for links between pages, and soon printed.
SOME = ["intro", "kl", "loss", "glossary", "concepts", "references"]
TITLES = ["The Executable VAE Book", "3. The KL divergence", "12. My loss is 147: is that good?"]
TITLES += [
    "Glossary",
    "Index of concepts",
    "References",
    "Solutions to the exercises",
    "Answers to the questions",
]


@pytest.fixture(scope="module")
def joined():
    return whole.Whole(ROOT, SOME)


@pytest.fixture(scope="module")
def press(browser, program):
    """A browser that is started as for the book's file."""
    one = browser.browser_type.launch(executable_path=program, args=pdf.ARGUMENTS)
    yield one
    one.close()


@pytest.fixture(scope="module")
def file(press, joined, tmp_path_factory):
    return pdf.print_book(joined, tmp_path_factory.mktemp("pdf"), press, "A4").read_bytes()


@pytest.fixture(scope="module")
def book(file):
    """The pages of the book on paper."""
    return sheets(file)


def lines_of_contents(book) -> list[tuple[str, int]]:
    """What the contents say: a title, without its spaces, and its page.

    A number at the right edge belongs to the title in its line. In what order Chromium writes the
    letters of a title does not matter.
    """
    first = next(page for _, title, page in outline(book) if title == TITLES[0] and page > 2)
    found = []
    for sheet in book[1 : first - 1]:
        edge = sheet.width - MARGIN
        lines = [line for line in sheet.lines() if line.top > MARGIN and line.bottom < 780]
        numbers = [
            line for line in lines if squeezed(line.text).isdigit() and edge - line.right < 3
        ]
        for number in sorted(numbers, key=lambda line: line.top):
            middle = (number.top + number.bottom) / 2
            beside = [line for line in lines if line.top < middle < line.bottom]
            words = sorted(
                (line for line in beside if line is not number), key=lambda line: line.left
            )
            title = squeezed("".join(line.text for line in words))
            found.append((title, int(squeezed(number.text))))
    return found


def outline(book) -> list[tuple[int, str, int]]:
    """The bookmarks: depth, title, page."""
    marks = book[0].page.pdf.get_toc()
    return [(m.level, m.get_title(), m.get_dest().get_index() + 1) for m in marks]


def origins(sheet) -> np.ndarray:
    """Where each letter of a page begins, in points: (letters, 2)."""
    found, x, y = [], ctypes.c_double(), ctypes.c_double()
    for i in range(sheet.texts.count_chars()):
        raw.FPDFText_GetCharOrigin(sheet.texts, i, x, y)
        found.append((x.value, y.value))
    return np.array(found)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_a_formula_in_a_heading_has_its_letter_in_the_contents():
    mathml = "<mjx-assistive-mml><math><mi>q</mi></math></mjx-assistive-mml>"
    page = whole.HEADING.sub(whole.spoken, f"<h2>A {mathml} is</h2><p>{mathml}</p>")
    page = whole.MATHML.sub("", page)
    assert BeautifulSoup(page, "html.parser").h2.get_text() == "A q is"
    assert BeautifulSoup(page, "html.parser").p.get_text() == ""


def test_the_contents_name_every_chapter_with_the_page_on_which_it_begins(book):
    contents = lines_of_contents(book)
    for title in TITLES:
        pages = [page for name, page in contents if name == squeezed(title)]
        assert pages, (title, contents)
        lines = book[pages[0] - 1].lines()
        first = min(lines, key=lambda line: line.top)
        middle = (first.top + first.bottom) / 2
        heading = [line for line in lines if line.top < middle < line.bottom]
        words = "".join(line.text for line in sorted(heading, key=lambda line: line.left))
        assert len(squeezed(words)) > 5
        assert squeezed(title).startswith(squeezed(words))
        assert first.bottom - first.top > 12  # points: it is the heading


def test_the_contents_name_every_section_with_its_page(book, joined):
    contents = lines_of_contents(book)
    assert [name for name, _ in contents] == [squeezed(title) for *_, title in joined.entries]
    for name, page in contents:
        assert squeezed(name) in squeezed(book[page - 1].text), (name, page)


def test_the_cards_of_the_first_page_stand_close_together(book):
    cards = [squeezed(sheet.text).count(squeezed("min to read")) for sheet in book]
    assert sum(cards) > 10
    assert sum(map(bool, cards)) <= 3


def test_letters_do_not_stand_on_whole_pixels_of_a_screen(book):
    """Rounded one by one, their distances would be uneven."""
    page = next(sheet for sheet in book if "variational autoencoder (VAE) is" in sheet.text)
    pixel = 72 / 96  # points
    steps = np.diff([x for x, _ in origins(page)]) / pixel
    letters = steps[(steps > 2) & (steps < 20)]
    assert len(letters) > 300
    assert (abs(letters - letters.round()) < 0.01).mean() < 0.2


def test_the_space_behind_each_sentence_is_read(book, joined):
    """A program that reads the file tells words apart by their distance."""
    paragraphs = joined.body.select("p")
    texts = [str(text) for each in paragraphs for text in each.find_all(string=True)]
    pairs = {pair for text in texts for pair in re.findall(r"[a-z]+\. [A-Z][a-z]+", text)}
    assert len(pairs) > 100
    read = "\n".join(sheet.text for sheet in book)
    assert [pair for pair in pairs if pair.replace(" ", "") in read] == []


def test_each_page_but_the_first_has_its_number(book):
    assert squeezed(book[0].text).startswith(squeezed(TITLES[0]))
    for number, sheet in enumerate(book[1:], start=2):
        foot = [line.text for line in sheet.lines() if line.top > sheet.height - 62]
        assert str(number) in foot


def test_no_page_ends_with_the_edge_of_the_next(book):
    margin = MARGIN * 22 / 18  # there the page number stands
    assert not [number for number, sheet in enumerate(book, start=1) if is_cut(sheet, margin)]


def test_bookmarks_lead_where_the_contents_do(book):
    marks = outline(book)
    assert [(squeezed(title), page) for _, title, page in marks] == lines_of_contents(book)
    assert [level for level, *_ in marks][:3] == [0, 1, 1]


def test_the_whole_book_is_below_20_megabytes(file, book):
    assert len(file) / len(book) < 20e6 / 420  # it has 400 pages


def test_links_lead_into_the_book_or_to_the_net(book):
    targets = [target for sheet in book for target in sheet.links()]
    inside = [target for target in targets if isinstance(target, int)]
    assert len(inside) > 100
    assert all(1 <= target <= len(book) for target in inside)
    outside = [target for target in targets if not isinstance(target, int)]
    assert all(re.match(r"https?://", str(target)) for target in outside)


def test_every_id_is_one_and_every_link_has_its_own(joined):
    soup = BeautifulSoup(joined.html({}), "html.parser")
    ids = [element["id"] for element in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    links = {each["href"][1:] for each in soup.select("[href^='#']")}
    assert links <= set(ids)
    assert set(joined.places()) <= set(ids)


def test_solutions_and_answers_are_there_and_name_their_pages(book, joined):
    text = squeezed("\n".join(sheet.text for sheet in book))
    assert len(joined.chapters[1].solutions) == text.count("Solutionto" + "Exercise3.") > 0
    assert "folded" not in squeezed("".join(map(str, joined.chapters[1].solutions)))
    for word in ("Solution:page", "Answer:page"):
        pages = re.findall(rf"{word}(\d+?)(?=\D|$)", text)
        assert pages


def test_the_index_of_concepts_names_the_page_of_each_place(book, file, joined, tmp_path):
    (tmp_path / "book.pdf").write_bytes(file)
    numbers = pdf.page_numbers(tmp_path / "book.pdf", joined.places())
    soup = BeautifulSoup(joined.html(numbers), "html.parser")
    assert soup.select(".concepts .letters") == []
    text, on_paper = squeezed("".join(sheet.text for sheet in book)), 0
    links = [link for link in soup.select(".concepts dd a[href]") if link.select("span.page")]
    for link in links:
        number = int(link.span.extract().string)
        heading = squeezed(link.text)
        on_paper += f"{heading}{number}" in text
        if not re.match("Exercise|itsbeginning|→|Tryit", heading):
            assert heading in squeezed(book[number - 1].text), (heading, number)
    assert on_paper > len(links) / 2 > 10


def test_without_a_browser_one_sentence_says_so():
    environment = os.environ | {"CHROMIUM": "/no/such/browser"}
    command = [sys.executable, pdf.__file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == pdf.NO_BROWSER
    assert pdf.NO_BROWSER.count(".") == 1
