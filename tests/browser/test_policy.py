"""No page runs a script that is not the book's, however it is opened.

That a page itself keeps its policy, all tests see: what a policy refuses is an error of the
console, which `Visit` takes for a problem. Here is what it must refuse.
"""

import re

import pytest

from tests.browser.conftest import Visit, built, ready_widget
from tests.browser.test_accessibility import paths, stem
from tests.pages import chapters, widgets_of

NOTE = "document.addEventListener('securitypolicyviolation', e => (window.seen ??= []).push("
NOTE += "[e.effectiveDirective, e.blockedURI]))"
INJECT = """async () => {
    const script = (attributes) => {
        const made = Object.assign(document.createElement("script"), attributes);
        document.head.append(made);
        return new Promise(done => { made.onload = made.onerror = done; setTimeout(done, 50); });
    };
    await script({ textContent: "window.ran = 'inline'" });
    await script({ src: "data:text/javascript,window.ran = 'data'" });
    await script({ src: "http://127.0.0.1:9/other.js" });
    const holder = document.createElement("div");
    holder.innerHTML = `<img src="data:," onerror="window.ran = 'handler'">
        <p style="color: rgb(1, 2, 3)">x</p>`;
    document.body.append(holder);
    try { window.ran = eval("'eval'"); } catch {}
    await new Promise(done => setTimeout(done, 50));
    return [window.ran, getComputedStyle(holder.querySelector("p")).color, window.seen];
}"""
REFUSED = {
    ("script-src-elem", "inline"),
    ("script-src-elem", "data"),
    ("script-src-elem", "http://127.0.0.1:9/other.js"),
    ("script-src-attr", "inline"),
    ("style-src-attr", "inline"),
    ("script-src", "eval"),
}


@pytest.mark.parametrize("path", [*paths(), "index.html"], ids=stem)
def test_what_is_injected_does_not_run(browser, base, path):
    with Visit(browser, base) as visit:
        visit.page.add_init_script(NOTE)
        visit.open(path).page.wait_for_load_state()
        assert visit.problems == []
        assert visit.page.evaluate("window.seen") is None
        ran, color, refused = visit.page.evaluate(INJECT)
        assert ran is None
        assert color != "rgb(1, 2, 3)"
        assert {tuple(each) for each in refused} == REFUSED
        assert visit.problems != []  # so the other tests would see it


@pytest.mark.parametrize("path", paths(), ids=stem)
def test_the_policy_allows_nothing_in_the_page_but_by_its_digest(browser, server, path):
    with Visit(browser, server) as visit:
        policy = visit.open(path).page.evaluate("document.querySelector('meta[content]').content")
    directives = dict(each.strip().split(" ", 1) for each in policy.split(";"))
    assert directives["default-src"] == directives["base-uri"] == "'none'"
    assert "unsafe" not in policy.replace(" 'wasm-unsafe-eval'", "")  # for the playground's loops
    assert "*" not in policy
    assert "http" not in policy
    assert "data:" not in directives["script-src"]
    assert directives["worker-src"] == "blob:"
    assert re.fullmatch(
        r"'self' file: blob: 'wasm-unsafe-eval' 'sha256-[\w+/]{43}='", directives["script-src"]
    )
    assert directives["style-src"] == "'self' file:"


@pytest.mark.parametrize(
    "page", [page for page in chapters() if widgets_of(page)], ids=lambda page: page.stem
)
def test_every_widget_starts_under_the_policy(browser, base, page):
    with Visit(browser, base) as visit:
        visit.open(built(page))
        for name in widgets_of(page):
            ready_widget(visit, name)
        assert visit.problems == []


def test_buttons_do_what_they_say(browser, base):
    with Visit(browser, base, viewport={"width": 1400, "height": 900}) as visit:
        page = visit.open("book/kl.html").page
        page.evaluate(
            "window.print = () => { window.done = 'print' };"
            "window.toggleFullScreen = () => { window.done = 'fullscreen' }"
        )
        page.locator(".btn-fullscreen-button").click()
        assert page.evaluate("window.done") == "fullscreen"
        page.locator(".dropdown-download-buttons > button").click()
        page.locator(".btn-download-pdf-button").click()
        assert page.evaluate("window.done") == "print"
        page.locator(".theme-switch-button").click()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        page.reload(wait_until="commit")
        page.wait_for_selector("html[data-theme=dark]", state="attached")
        visit.open("search.html")
        page.wait_for_function("document.activeElement.matches('main input[type=search]')")
        assert visit.problems == []
