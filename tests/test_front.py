"""The front page's plane and cards, what pages say of themselves, and the page for no page."""

import functools
import http.client
import http.server
import sys
import threading

import nbformat
import numpy as np
import PIL.Image
import pytest
from sphinx.errors import ExtensionError

import vaelib
from book import serve
from tests.pages import ROOT, chapters, code_cells, notebooks, widgets_of

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import cards
import describe
import hero
import lost
import plane
import said


@pytest.fixture(scope="module")
def found():
    return plane.plane()


def test_the_way_is_closed_and_even_and_passes_a_place_of_each_digit(found):
    steps = np.linalg.norm(np.diff(found.way, axis=0, append=found.way[:1]), axis=1)
    assert steps.max() < 1.05 * steps.mean()
    assert set(found.nearby) == set(range(10))
    assert steps.sum() < 20  # the plane is about 9 wide: a short round trip


def test_each_image_on_the_way_is_what_the_decoder_writes_there(found):
    model = vaelib.pretrained("vae-2d")
    for step in (0, 50, 119):
        point = vaelib.widgets.network.decoded_image(model, found.way[step])
        assert (
            np.abs(found.frames[step] / plane.LEVELS - point.ravel()).max()
            <= 0.5 / plane.LEVELS + 1e-5
        )


def test_a_round_trip_is_the_shortest_of_a_square():
    corners = np.array([[0, 0], [1, 1], [0, 1], [1, 0]])
    trip = plane.round_trip(corners)
    assert np.linalg.norm(trip - np.roll(trip, 1, axis=0), axis=1).sum() == 4


def test_a_smooth_curve_goes_through_its_places():
    corners = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])
    curve = plane.closed(corners, 400)
    for corner in corners:
        assert np.linalg.norm(curve - corner, axis=1).min() < 0.02


def test_the_head_carries_what_the_script_draws_from(found):
    data = hero.data(found)
    assert len(data["way"]) == len(data["colors"]) == plane.STEPS
    assert len(data["frames"]) < 16_000
    assert hero.dots(found).count("h0") == plane.COUNT


@pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)
def test_a_chapter_says_its_question_once_and_shows_a_figure(page):
    own = said.said(page)
    assert own["question"].endswith("?")
    assert len(own["question"]) <= 100
    image, text = cards.figure(page)
    assert image.size == cards.SIZE
    outputs = [o for cell in code_cells(page) for o in cell.outputs]
    assert text in [o.data["text/plain"] for o in outputs if "image/png" in o.get("data", {})]


def test_a_thumbnail_without_a_picture_is_refused(tmp_path):
    source = "% thumbnail: nowhere 0 0 100 100"
    page = tmp_path / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)]), page)
    with pytest.raises(
        ExtensionError, match=r"page.ipynb: its thumbnail is in cell nowhere, which"
    ):
        cards.figure(page)


def test_a_part_of_a_figure_is_what_the_box_says():
    image = PIL.Image.new("RGB", (100, 100), "red")
    image.paste("blue", (50, 0, 100, 50))
    found = cards.part(image, ["50", "0", "100", "50"])
    assert found.getpixel((208, 130)) == (0, 0, 255)
    assert found.getpixel((5, 130)) == (255, 255, 255)
    assert not cards.is_drawing(image)
    assert cards.is_drawing(PIL.Image.new("RGB", (9, 9), "white"))


@pytest.mark.parametrize("page", notebooks(), ids=lambda page: page.stem)
def test_a_card_counts_what_is_on_the_page(page):
    one = cards.card(page)
    assert one.widgets == len(widgets_of(page))
    text = "\n".join(c.source for c in nbformat.read(page, 4).cells if c.cell_type == "markdown")
    assert one.questions == text.count("{question}")
    assert one.exercises == text.count("{exercise-start}") + text.count("{exercise}")
    assert one.minutes > 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "10 s"), (24, "20 s"), (26, "30 s"), (91, "2 min"), (170, "3 min")]
)
def test_a_running_time_is_rounded(seconds, text):
    assert cards.rounded(seconds) == text


def test_a_description_is_the_first_sentences():
    long = "A first sentence that is long enough to describe a page by itself. A second one."
    assert describe.sentences(long) == long.partition(". ")[0] + "."
    assert describe.sentences("A short one. And a second.") == "A short one. And a second."
    cut = describe.sentences("word " * 100)
    assert cut.endswith("word…")
    assert len(cut) <= describe.LONG


def test_addresses_are_absolute_only_with_an_address():
    site = describe.tags(
        "Title", "Text", "Book", "https://example.org/", "https://example.org/a.html"
    )
    assert '<meta property="og:url" content="https://example.org/a.html">' in site
    assert '<meta property="og:image" content="https://example.org/_static/social.png">' in site
    none = describe.tags('A "title"', "Text", "Book", "../", None)
    assert "og:url" not in none
    assert "https" not in none
    assert 'content="A &quot;title&quot;"' in none


def test_the_page_for_no_page_starts_from_the_site_s_path():
    assert '<base href="/">' in lost.page("Book", "", "book/intro.html")
    assert '<base href="/vae/">' in lost.page("Book", "https://example.org/vae", "book/intro.html")


@pytest.fixture
def served(tmp_path):
    (tmp_path / "404.html").write_text(lost.page("Book", "https://example.org/vae", "index.html"))
    (tmp_path / "index.html").write_text("the first page")
    handler = functools.partial(serve.Handler, directory=str(tmp_path))
    handler.log_message = None
    with http.server.ThreadingHTTPServer((serve.HOST, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield http.client.HTTPConnection(serve.HOST, server.server_port, timeout=20)
        server.shutdown()


@pytest.mark.parametrize("path", ["/nothing.html", "/a/b/c/nothing", "/book/"])
def test_the_server_answers_with_the_page_for_no_page(served, path):
    served.request("GET", path)
    answer = served.getresponse()
    text = answer.read().decode()
    assert answer.status == 404
    assert "Nothing is here" in text
    assert '<base href="/">' in text  # whatever the site's address is


def test_the_server_sends_no_body_to_who_asks_for_none(served):
    served.request("HEAD", "/nothing")
    answer = served.getresponse()
    assert answer.status == 404
    assert answer.read() == b""
    assert int(answer.headers["Content-Length"]) > 1000


def test_all_pages_are_described_differently():
    questions = [said.said(page)["question"] for page in chapters() if page.suffix == ".ipynb"]
    assert len(set(questions)) == len(questions)
