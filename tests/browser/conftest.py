"""The built book in a browser that reaches no network."""

import functools
import http.server
import threading
import time

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from tests.browser import chromium
from tests.built import HTML, built
from tests.pages import chapters

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# What is expected may come late on a machine that has other work: a card took nine seconds where
# six browsers shared two cores.
expect.set_options(timeout=30_000)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serve files without a line on stderr for each."""

    protocol_version = "HTTP/1.1"  # one connection for all of a page's files

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def server():
    """The address of the book, served from this machine."""
    if not (HTML / "index.html").exists():
        pytest.fail("there is no built book: run make book first")
    handler = functools.partial(QuietHandler, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()


@pytest.fixture(scope="session", params=["file", "served"])
def base(request, server):
    """The address of the book, opened as files and served."""
    return server if request.param == "served" else HTML.as_uri() + "/"


@pytest.fixture(scope="session")
def program():
    """The path of the browser."""
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.ADVICE)
    return path


@pytest.fixture(scope="session")
def browser(program):
    with sync_playwright() as playwright:
        arguments = [*chromium.ARGUMENTS, chromium.ONE_FRAME]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


def wait_for(page, expression: str, arg=None, timeout: float = 30_000):
    """Wait until an expression is true on a page.

    Playwright's own asks by `eval` in the page, whose policy refuses it.
    """
    end = time.monotonic() + timeout / 1000
    while not page.evaluate(expression, arg):
        if time.monotonic() > end:
            raise Error(f"still not true after {timeout / 1000:.0f} s: {expression}")
        page.wait_for_timeout(20)


class Visit:
    """A page in a context of its own, and all that went wrong on it."""

    def __init__(self, browser, base: str, **options):
        self.base, self.problems = base, []
        self.runs_scripts = options.get("java_script_enabled", True)
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        if base.startswith("file:"):
            self.page.goto(base + "_static/file.png")  # see chromium.ONE_FRAME
        self.page.wait_for_function = functools.partial(wait_for, self.page)
        self.context.on("request", self._note_host)
        self.page.on("requestfailed", self._note_failure)
        self.page.on("response", self._note_status)
        self.page.on("pageerror", lambda error: self._note("script error", error))
        self.page.on("console", self._note_console)

    def open(self, name: str) -> "Visit":
        self.page.goto(self.base + name)
        if name == "index.html":  # it only leads on
            self.page.wait_for_url("**/book/intro.html")
        if self.base.startswith("file:") and self.runs_scripts:
            self.page.evaluate("() => document.fonts.ready.then(() => null)")  # it comes late there
        return self

    def _note_host(self, request):
        if not request.url.startswith((self.base, "data:", "blob:")):
            self._note("request to another host", request.url)

    def _note(self, kind, what):
        self.problems.append(f"{kind}: {what}")

    def _note_failure(self, request):
        if request.failure != "net::ERR_ABORTED":  # a page that was left while it read this
            self._note("failed request", request.url)

    def _note_status(self, response):
        if response.status >= 400:
            self._note(f"status {response.status}", response.url)

    def _note_console(self, message):
        if message.type in ("error", "warning"):
            self._note(f"console {message.type}", message.text)

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.fixture(scope="module", params=chapters(), ids=lambda page: page.stem)
def page(request):
    """Each page of the book in turn."""
    return request.param


@pytest.fixture(scope="module")
def laptop(browser, page):
    """The page on a laptop in light mode, opened as a file; the tests only look."""
    with Visit(browser, HTML.as_uri() + "/", color_scheme="light") as one:
        yield one.open(built(page))


@pytest.fixture(scope="module")
def visit(request, browser, server):
    """The module's PAGE, for all of its tests that only need to begin as it begins."""
    with Visit(browser, server, color_scheme="light") as one:
        yield one.open(request.module.PAGE)
        assert one.problems == []


def ready_widget(visit: Visit, name: str):
    """The figure of a widget on a page, scrolled to and running."""
    figure = visit.page.locator(f"figure[data-widget={name}]").first
    figure.scroll_into_view_if_needed()
    expect(figure).to_have_attribute("data-ready", "")
    return figure


def read_results(page):
    """Wait until the page of results is complete: what it says of each page it reads from there."""
    page.locator("#search-results li").first.wait_for()
    page.wait_for_function("""() => {
        const all = [...document.querySelectorAll("#search-results li")];
        const said = document.querySelector(".search-summary").innerText.trim();
        return said && all.every((each) => each.querySelector("span, p"));
    }""")


def handle_of(figure):
    """What is dragged in a widget: the first canvas that looks so, else the first slider."""
    for canvas in figure.locator("canvas[tabindex='0']").all():
        if canvas.evaluate("c => getComputedStyle(c).cursor") not in ("auto", "default"):
            return canvas
    return figure.locator("input[type=range]").first
