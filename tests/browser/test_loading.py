"""How much a page loads, and that nothing of it moves while it does.

Bytes are those of a host that compresses texts, and of a reader who comes for the first time.
"""

import json
import re

import pytest

from tests.bench.lighthouse import served
from tests.browser.conftest import PHONE, Visit, built
from tests.pages import ROOT, chapters

COLD = 800_000  # bytes, when a page opens on a phone
LAPTOP = {"viewport": {"width": 1400, "height": 900}}
SCREENS = {"phone": PHONE, "laptop": LAPTOP}
SHIFTS = """() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const { value, startTime, hadRecentInput, sources } of list.getEntries()) {
            const nodes = sources.map(({ node }) => node?.parentElement?.outerHTML.slice(0, 90));
            if (!hadRecentInput) window.shifts.push({ value, startTime, nodes });
        }
    }).observe({ type: "layout-shift", buffered: true });
}"""
# A reader who goes on by half a screen when all that is near has come.
READ = """async () => {
    const frames = () => new Promise(done =>
        requestAnimationFrame(() => requestAnimationFrame(done)));
    const near = (each) => each.getBoundingClientRect().top < innerHeight + 500
        && each.checkVisibility() && !each.closest(".toggle-hidden, details:not([open])");
    const coming = () => [
        ...document.querySelectorAll("[data-widget]:not([data-ready])"),
        ...[...document.querySelectorAll("article img")].filter((each) => !each.complete),
    ].some(near);
    for (let top = 0; top < document.documentElement.scrollHeight; top += innerHeight / 2) {
        scrollTo({ top, behavior: "instant" });
        do await frames(); while (coming());
    }
}"""


@pytest.fixture(scope="module")
def compressed():
    with served() as address:
        yield address


class Reading(Visit):
    """A visit that counts the bytes that come, and sees what moves."""

    def __init__(self, browser, base, **options):
        super().__init__(browser, base, **options)
        self.bytes = {}
        session = self.context.new_cdp_session(self.page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._note_bytes)
        self.page.add_init_script(f"({SHIFTS})()")

    def _note_bytes(self, event):
        self.bytes[event["requestId"]] = event["encodedDataLength"]

    def loaded(self) -> int:
        self.page.wait_for_load_state("networkidle")
        return sum(self.bytes.values())

    def shift(self) -> tuple[float, list]:
        """The largest sum of shifts within a session, as browsers report it, and all of them."""
        shifts = self.page.evaluate("window.shifts")
        sums, begun, last = [0.0], -5000.0, -5000.0
        for each in shifts:
            if each["startTime"] - last > 1000 or each["startTime"] - begun > 5000:
                sums, begun = [*sums, 0.0], each["startTime"]
            sums[-1] += each["value"]
            last = each["startTime"]
        return max(sums), shifts


@pytest.mark.parametrize("page", chapters(), ids=lambda page: page.stem)
def test_a_page_loads_little_and_moves_nothing(browser, compressed, page):
    for name, screen in SCREENS.items():
        with Reading(browser, compressed, **screen) as visit:
            cold = visit.open(built(page)).loaded()
            assert cold < COLD, name
            shift, shifts = visit.shift()
            assert shift < 0.05, (name, shifts)
            visit.page.evaluate(READ)
            shift, shifts = visit.shift()
            assert shift < 0.05, (name, shifts)


def test_what_moves_is_seen(browser, compressed):
    """Or the test above could not fail."""
    with Reading(browser, compressed, **LAPTOP) as visit:
        page = visit.open("book/references.html").page
        assert visit.loaded() > 20_000
        page.evaluate(READ)  # it has been painted
        page.evaluate("scrollTo(0, 0)")
        page.evaluate("document.querySelector('.bd-article h1').style.marginTop = '300px'")
        page.wait_for_function("window.shifts.length > 0")
        assert visit.shift()[0] > 0.05


def test_no_script_of_the_book_has_a_page_laid_out_anew_while_it_loads(browser, server):
    """Most of a phone's time for a page is its layout, which is one that a script can ask for."""
    own = {path.name for path in (ROOT / "book" / "_static").glob("*.js")}
    detailed = ["devtools.timeline", "disabled-by-default-devtools.timeline.stack"]
    with Visit(browser, server, **PHONE) as visit:
        browser.start_tracing(page=visit.page, categories=detailed)
        page = visit.open("book/elbo.html").page
        page.wait_for_load_state("networkidle")
        page.evaluate("() => new Promise((done) => requestIdleCallback(() => done(null)))")
        events = json.loads(browser.stop_tracing())["traceEvents"]
    layouts = [event["args"]["beginData"] for event in events if event["name"] == "Layout"]
    stacks = [layout.get("stackTrace", []) for layout in layouts]
    asked = [(frame["url"], frame["lineNumber"]) for stack in stacks for frame in stack]
    assert layouts
    assert [each for each in asked if own & set(re.split(r"[/?]", each[0]))] == []


def test_a_page_waits_for_no_script_and_few_stylesheets(browser, server):
    with Visit(browser, server) as visit:
        page = visit.open("book/elbo.html").page
        waits = page.evaluate(
            "performance.getEntriesByType('resource')"
            ".filter(e => e.renderBlockingStatus === 'blocking').map(e => e.name)"
        )
    assert [name for name in waits if re.search(r"\.js\b", name)] == []
    assert 0 < len(waits) <= 6
