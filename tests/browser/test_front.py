"""The front page's head and cards, every page's description and icons, and the page for no page."""

import functools
import gzip
import http.server
import re
import struct
import threading

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from book import serve
from tests.browser.conftest import HTML, PHONE, Visit, built, read_results
from tests.browser.judged import assert_axe_objects_to_nothing
from tests.built import head_of, soup_of
from tests.pages import chapters

PAGE = "book/intro.html"
WIDE = {"viewport": {"width": 1400, "height": 900}}
SIZES = {"wide": WIDE, "phone": PHONE}
KILOBYTES = 800  # of the first page, when all of it has been scrolled through
PACKED = {".html", ".css", ".js", ".svg", ".json"}  # what a server sends compressed
SHOWN = "() => document.querySelector('.hero-moving').toDataURL()"
DRAWN = "() => document.querySelector('.hero-moving').width > 300"


def head(visit: Visit):
    """The head of the first page, once its script draws it."""
    page = visit.open(PAGE).page
    expect(page.locator(".hero-pause")).to_be_visible()
    page.wait_for_function(DRAWN)
    return page


def moves(page) -> bool:
    """Whether two pictures, a while apart, differ."""
    before = page.evaluate(SHOWN)
    page.wait_for_timeout(400)
    return page.evaluate(SHOWN) != before


def test_the_ring_drifts_until_it_is_paused(browser, base):
    with Visit(browser, base, **WIDE) as one:
        page = head(one)
        button = page.locator(".hero-pause")
        assert moves(page)
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_text("Play")
        assert not moves(page)
        button.click()
        expect(button).to_have_accessible_name("Pause the drifting ring")
        assert moves(page)
        assert one.problems == []


def test_the_ring_stands_still_for_who_wants_no_motion(browser, server):
    with Visit(browser, server, reduced_motion="reduce", **WIDE) as one:
        page = head(one)
        assert not moves(page)
        expect(page.locator(".hero-pause")).to_have_text("Play")
        page.emulate_media(reduced_motion="no-preference")
        page.wait_for_selector(".hero[data-drifting]")
        page.emulate_media(reduced_motion="reduce")
        page.wait_for_selector(".hero:not([data-drifting])")


def test_the_ring_stands_still_where_it_is_not_seen(browser, server):
    with Visit(browser, server, **WIDE) as one:
        page = head(one)
        page.evaluate("scrollTo(0, 3000)")
        page.wait_for_selector(".hero:not([data-drifting])", state="attached")
        assert not moves(page)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_selector(".hero[data-drifting]")
        page.evaluate("""() => {
            Object.defineProperty(document, "hidden", { value: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""")
        page.wait_for_selector(".hero:not([data-drifting])")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_without_javascript_there_is_a_still_picture(browser, size):
    with Visit(browser, HTML.as_uri() + "/", java_script_enabled=False, **size) as one:
        page = one.open(PAGE).page
        assert page.locator(".hero-still circle").count() > 100
        assert page.locator(".hero-still").bounding_box()["width"] > 300
        expect(page.locator(".hero-pause")).to_be_hidden()
        expect(page.locator(".cards .chapter").last).to_be_visible()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_first_page_does_not_shift_and_is_light(browser, server, size):
    with Visit(browser, server, **size) as one:
        answers = {}
        one.page.on("response", lambda answer: answers.setdefault(answer.url, answer))
        one.page.add_init_script("""
            window.shift = 0;
            new PerformanceObserver((list) => {
                for (const each of list.getEntries()) if (!each.hadRecentInput) shift += each.value;
            }).observe({ type: "layout-shift", buffered: true });
        """)
        page = head(one)
        for image in page.locator(".cards img").all():
            image.scroll_into_view_if_needed()
            image.evaluate("image => image.decode()")
        page.locator("figure[data-ready='']").wait_for(state="attached")
        assert page.evaluate("shift") < 0.05
        weights = [weight(url.removeprefix(server)) for url in answers if url.startswith(server)]
        assert len(weights) > 20
        assert sum(weights) < 1000 * KILOBYTES


def weight(address: str) -> int:
    """How many bytes a server sends for a file."""
    path = HTML / address.partition("?")[0]
    data = path.read_bytes()
    return len(gzip.compress(data, 6)) if path.suffix in PACKED else len(data)


def test_the_links_lead_to_the_first_chapter_and_to_the_widget(browser, server):
    with Visit(browser, server, **WIDE) as one:
        page = head(one)
        page.get_by_role("link", name="Drag it yourself").click()
        expect(page.locator("figure[data-widget=LatentExplorer]")).to_be_in_viewport()
        page.get_by_role("link", name="Start reading").click()
        page.wait_for_url("**/" + built(chapters()[1]))


def test_the_cards_are_the_contents_in_their_order():
    links = [link["href"] for link in soup_of(PAGE).select(".card-title a")]
    assert links == [page.with_suffix(".html").name for page in chapters()[1:]]


def test_a_card_says_what_its_page_says():
    for one in soup_of(PAGE).select(".cards .chapter"):
        link = one.select_one("a")
        page = soup_of(f"book/{link['href']}")
        number = page.select_one("h1 .section-number").text.strip(" .")
        assert link.text.startswith(f"{number} ")
        minutes = re.search(r"About (\d+) minutes", page.select_one(".reading-time").text)[1]
        assert one.select_one(".facts li").text == f"{minutes} min to read"
        widgets = len(page.select("figure[data-widget]"))
        mark = one.select_one(".has-widget")
        assert (int(mark.text.split()[0]) if mark else 0) == widgets
        assert one.select_one("p").text.strip().endswith("?")


@pytest.mark.parametrize(("size", "columns"), [(WIDE, 4), (PHONE, 1)], ids=SIZES)
def test_cards_are_in_columns_and_all_of_one_is_its_link(browser, server, size, columns):
    with Visit(browser, server, reduced_motion="reduce", **size) as one:
        page = head(one)
        boxes = [card.bounding_box() for card in page.locator(".cards .chapter").all()]
        assert len({box["x"] for box in boxes}) == columns
        assert all(box["width"] > 200 for box in boxes)
        page.locator(".cards .chapter img").nth(2).click(force=True)  # what the link covers
        page.wait_for_url("**/" + built(chapters()[3]))


def test_every_page_is_described_and_has_icons():
    made = [
        path.name for path in HTML.glob("*.html") if path.name not in ("index.html", "404.html")
    ]
    names = [built(page) for page in chapters()] + made
    texts = []
    for name in names:
        page = head_of(name)
        metas = {tag.get("name") or tag.get("property"): tag.get("content") for tag in page("meta")}
        texts.append(metas["description"])
        assert 20 < len(texts[-1]) <= 200, name
        assert metas["og:description"] == metas["twitter:description"] == texts[-1]
        assert metas["og:title"] == metas["twitter:title"]
        assert page.title.text.startswith(metas["og:title"])
        assert metas["twitter:card"] == "summary_large_image"
        assert "og:url" not in metas, "no address of the site is known"
        assert not page.select("link[rel=canonical]")
        links = [
            link["href"] for link in page.select("link[rel~=icon], link[rel=apple-touch-icon]")
        ]
        assert len(links) == 3
        for address in [*links, metas["og:image"]]:
            assert ((HTML / name).parent / address).resolve().is_file(), address
    assert len(set(texts)) == len(texts)


def test_the_picture_of_a_link_has_the_size_that_it_says():
    sizes = {"social.png": (1200, 630), "favicon.png": (48, 48), "touch-icon.png": (180, 180)}
    for name, size in sizes.items():
        data = (HTML / "_static" / name).read_bytes()
        assert struct.unpack(">II", data[16:24]) == size
        assert len(data) < 200_000
    assert (HTML / "_static" / "favicon.svg").read_text().startswith("<svg")


@pytest.fixture(scope="module")
def shelf():
    """The book as `make serve` serves it."""

    class Quiet(serve.Handler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(HTML))
    with http.server.ThreadingHTTPServer((serve.HOST, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{serve.HOST}:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize("path", ["nothing.html", "book/deep/er/nothing"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_who_is_lost_finds_home_and_can_search(browser, shelf, path, size):
    with Visit(browser, shelf, **size) as one:
        page = one.open(path).page
        page.evaluate(AXE_SCRIPT + "; null")
        assert_axe_objects_to_nothing(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["viewport"]["width"]
        page.get_by_role("searchbox").fill("reparameterization")
        page.keyboard.press("Enter")
        read_results(page)
        page.go_back()
        page.get_by_role("link", name="To the first page").click()
        page.wait_for_url(f"{shelf}{PAGE}")
        unexpected = [each for each in one.problems if "404" not in each]
        assert unexpected == []
