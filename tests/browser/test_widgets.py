"""Every widget of the book on its built page: no kernel, no network, and what goes wrong."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.canvases import wait_for_colors
from tests.browser.conftest import PHONE, Visit, built, handle_of, ready_widget
from tests.pages import chapters, widgets_of

PLACES = [(page, name) for page in chapters() for name in widgets_of(page)]
IDS = [f"{page.stem}-{name}" for page, name in PLACES]
each_widget = pytest.mark.parametrize(("page", "name"), PLACES, ids=IDS)
# Of a group of radio buttons, Tab reaches the chosen one.
CONTROLS = "input:not([type=radio]:not(:checked)), button, select, a[href], [tabindex='0']"

# What a widget shows: all pixels of its canvases and its text, but for what is said after a while.
SHOWN = """figure => {
    const root = figure.querySelector('.vae-root').cloneNode(true);
    root.querySelectorAll('.vae-announcement').forEach(node => node.remove());
    const canvases = [...figure.querySelectorAll('.vae-root canvas')];
    return canvases.map(canvas => canvas.toDataURL()).join() + root.textContent;
}"""
CHANGED = f"([figure, before]) => ({SHOWN})(figure) !== before"


def shown(figure) -> str:
    return figure.evaluate(SHOWN)


def wait_for_change(figure, before: str):
    figure.page.wait_for_function(CHANGED, arg=[figure.element_handle(), before])


def settle(figure) -> str:
    """What a widget shows when all that it has been asked to draw is drawn."""
    figure.page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    return shown(figure)


def path_across(box) -> list[tuple[float, float]]:
    """Places along a line inside a box, from right to left."""
    y = box["y"] + 0.4 * box["height"]
    return [(box["x"] + share * box["width"], y) for share in (0.8, 0.65, 0.5, 0.35, 0.2)]


@pytest.fixture(scope="module", params=PLACES, ids=IDS)
def widget(request, browser, server):
    """A visit to each widget in turn that several tests share, and the widget's figure."""
    page, name = request.param
    with Visit(browser, server, color_scheme="light") as visit:
        yield visit, ready_widget(visit.open(built(page)), name)


@each_widget
def test_it_draws_itself_without_kernel_or_network(browser, base, page, name):
    with Visit(browser, base) as visit:
        figure = ready_widget(visit.open(built(page)), name)
        expect(figure.locator(".vae-root")).to_be_visible()
        expect(figure.locator(":scope > img, :scope > a img").first).to_be_hidden()
        for canvas in figure.locator("canvas").all():
            wait_for_colors(canvas, 3)
        assert visit.problems == []


@pytest.fixture(scope="module")
def drawn(widget):
    """The same for widgets that draw, and have something to drag."""
    if not widget[1].locator("canvas, input[type=range]").count():
        pytest.skip("it has only fields, and tests of its own")
    return widget


def test_it_answers_to_the_mouse(drawn):
    visit, figure = drawn
    handle = handle_of(figure)
    handle.scroll_into_view_if_needed()
    before = settle(figure)
    start, *way = path_across(handle.bounding_box())
    visit.page.mouse.move(*start)
    visit.page.mouse.down()
    for place in way:
        visit.page.mouse.move(*place)
    visit.page.mouse.up()
    wait_for_change(figure, before)
    assert visit.problems == []


@each_widget
def test_it_answers_to_a_finger(browser, server, page, name):
    with Visit(browser, server, **PHONE) as visit:
        figure = ready_widget(visit.open(built(page)), name)
        handle = handle_of(figure)
        if not handle.count():
            pytest.skip("it has only fields, and tests of its own")
        handle.scroll_into_view_if_needed()
        before = settle(figure)
        finger = visit.context.new_cdp_session(visit.page)
        places = [{"x": x, "y": y} for x, y in path_across(handle.bounding_box())]

        def touch(kind, points):
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", places[:1])
        for place in places[1:]:
            touch("touchMove", [place])
        touch("touchEnd", [])
        wait_for_change(figure, before)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.problems == []


def test_every_control_is_reached_named_and_seen_by_keyboard(widget):
    visit, figure = widget
    controls = [c for c in figure.locator(CONTROLS).all() if c.is_visible()]
    assert controls
    controls[0].focus()
    visit.page.keyboard.press("Shift+Tab")  # so that the first, too, is reached with Tab
    for control in controls:
        visit.page.keyboard.press("Tab")
        assert control.evaluate("c => c === document.activeElement")
        assert control.evaluate("c => getComputedStyle(c).outlineStyle") != "none"
        named = """c => c.getAttribute('aria-label') || c.labels?.[0]?.textContent
            || c.textContent"""
        assert control.evaluate(named).strip()


def test_it_answers_to_the_keyboard(drawn):
    visit, figure = drawn
    for control in (handle_of(figure), figure.locator("input[type=range]").first):
        before = settle(figure)
        control.focus()
        visit.page.keyboard.press("ArrowLeft")
        if settle(figure) == before:  # it stood at its end already
            visit.page.keyboard.press("ArrowRight")
        wait_for_change(figure, before)
    assert visit.problems == []


def test_it_follows_the_dark_mode(drawn):
    visit, figure = drawn
    before = settle(figure)
    visit.page.emulate_media(color_scheme="dark")
    wait_for_change(figure, before)
    ground = figure.locator(".vae-root").evaluate("r => getComputedStyle(r).backgroundColor")
    body = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    visit.page.emulate_media(color_scheme="light")
    assert ground == body


@each_widget
def test_without_javascript_a_picture_and_a_sentence_stand_there(browser, base, page, name):
    with Visit(browser, base, java_script_enabled=False) as visit:
        visit.page.goto(base + built(page))
        figure = visit.page.locator(f"figure[data-widget={name}]")
        expect(figure.locator("img")).to_be_visible()
        assert len(figure.locator("img").get_attribute("alt")) > 20
        expect(figure.locator(".vae-note")).to_contain_text("A still picture: with JavaScript")


def test_resizing_the_window_redraws_it(widget):
    visit, figure = widget
    visit.page.set_viewport_size({"width": 420, "height": 900})
    sharp = """f => [...f.querySelectorAll('.vae-canvas')].every(
        c => !c.clientWidth || Math.abs(c.width - c.clientWidth * devicePixelRatio) <= 1)"""
    visit.page.wait_for_function(sharp, arg=figure.element_handle())
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 420
    visit.page.set_viewport_size({"width": 1280, "height": 720})
    visit.page.wait_for_function(sharp, arg=figure.element_handle())
    assert visit.problems == []


@pytest.fixture
def place():
    """A page with a widget and a network."""
    page, name = next(place for place in PLACES if place[1] == "LatentExplorer")
    return built(page), name


@pytest.mark.parametrize("lost", ["module", "part", "network"])
def test_a_missing_file_is_named_in_the_widgets_place_and_the_page_works(
    browser, base, place, lost
):
    page, name = place
    with Visit(browser, base) as visit:
        file = {"module": f"{name}.js", "part": "plane.js", "network": r"[0-9a-f]{16}\.js"}[lost]
        visit.context.route(re.compile(f"/_static/widgets/{file}"), lambda route: route.abort())
        visit.open(page)
        figure = visit.page.locator(f"figure[data-widget={name}]")
        figure.scroll_into_view_if_needed()
        note = figure.locator(".vae-note")
        expect(note).to_contain_text("could not start: the file")
        expect(note).to_have_attribute("role", "alert")
        expect(figure.locator("img")).to_be_visible()
        expect(figure.locator(".vae-root")).to_have_count(0)
        assert visit.page.locator(".math:not(:has(mjx-container))").count() == 0


def test_a_state_that_cannot_be_read_is_reported_in_its_place(browser, server, place):
    page, name = place
    with Visit(browser, server) as visit:
        spoil = "document.querySelector('figure script').textContent = '{'"
        visit.page.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {spoil} }})")
        figure = visit.open(page).page.locator(f"figure[data-widget={name}]")
        figure.scroll_into_view_if_needed()
        expect(figure.locator(".vae-note")).to_contain_text("could not start")


def test_a_widget_out_of_sight_is_not_loaded_until_the_reader_comes_near(browser, server):
    page, name = next(place for place in PLACES if place[0].stem == "kl")
    with Visit(browser, server) as visit:
        visit.open(built(page))
        assert visit.page.evaluate("Object.keys({...vaelib.modules, ...vaelib.parts})") == []
        ready_widget(visit, name)
        assert visit.page.evaluate("Object.keys(vaelib.modules)") == [name]


def test_scrolled_off_and_back_it_is_as_it_was(browser, server, place):
    page, name = place
    with Visit(browser, server) as visit:
        figure = ready_widget(visit.open(page), name)
        slider = figure.locator("input[type=range]").first
        slider.focus()
        visit.page.keyboard.press("Home")
        before = settle(figure)
        visit.page.evaluate("scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")
        expect(figure).not_to_be_in_viewport()
        figure.scroll_into_view_if_needed()
        assert settle(figure) == before
        slider.focus()
        visit.page.keyboard.press("End")
        wait_for_change(figure, before)
        assert visit.page.locator(f"figure[data-widget={name}] .vae-root").count() == 1


def test_two_copies_on_one_page_move_apart_and_share_no_id(browser, server, place):
    page, name = place
    with Visit(browser, server) as visit:
        double = """addEventListener('DOMContentLoaded', () => {
            const figure = document.querySelector('figure[data-widget]');
            figure.after(figure.cloneNode(true));
        }, {capture: true})"""
        visit.page.add_init_script(double)
        visit.open(page)
        figures = visit.page.locator(f"figure[data-widget={name}]")
        for index in (0, 1):
            figures.nth(index).scroll_into_view_if_needed()
            expect(figures.nth(index)).to_have_attribute("data-ready", "")
        first, second = (settle(figures.nth(index)) for index in (0, 1))
        figures.nth(0).locator("input[type=range]").first.focus()
        visit.page.keyboard.press("Home")
        wait_for_change(figures.nth(0), first)
        assert settle(figures.nth(1)) == second
        ids = visit.page.evaluate("[...document.querySelectorAll('.vae-root [id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))


def test_a_page_opened_twice_runs_twice(browser, base, place):
    page, name = place
    with Visit(browser, base) as visit:
        ready_widget(visit.open(page), name)
        visit.page.goto(base + "genindex.html")
        visit.page.go_back()
        ready_widget(visit, name)
        other = visit.context.new_page()
        other.goto(base + page)
        other.locator(f"figure[data-widget={name}]").scroll_into_view_if_needed()
        expect(other.locator(f"figure[data-widget={name}]")).to_have_attribute("data-ready", "")
        assert visit.problems == []


def test_a_page_without_widgets_loads_none_of_their_scripts(browser, server):
    page = next(page for page in chapters() if not widgets_of(page))
    with Visit(browser, server) as visit:
        visit.open(built(page))
        assert visit.page.locator("script[src*=widgets]").count() == 0


def test_the_text_that_is_read_stays_when_a_widget_above_it_starts(browser, server):
    """Also where the browser does not see to it itself, as Safari does not."""
    page, name = next(place for place in PLACES if place[0].stem == "autoencoder")
    with Visit(browser, server) as visit:
        visit.page.add_init_script("CSS.supports = () => false")
        visit.open(built(page))
        figure = visit.page.locator(f"figure[data-widget={name}]")
        bottom = "f => f.getBoundingClientRect().bottom"
        before = figure.evaluate(
            f"""f => {{
                document.documentElement.style.overflowAnchor = 'none';
                const sheet = new CSSStyleSheet(); // there, all is laid out
                sheet.replaceSync('* {{ content-visibility: visible !important }}');
                document.adoptedStyleSheets = [sheet];
                const top = ({bottom})(f) + scrollY + 200;
                scrollTo({{top, behavior: 'instant'}});
                return ({bottom})(f);
            }}"""
        )
        assert before < -100
        expect(figure).to_have_attribute("data-ready", "")
        still = f"([f, before]) => Math.abs(({bottom})(f) - before) < 2"
        visit.page.wait_for_function(still, arg=[figure.element_handle(), before])


def test_on_paper_the_picture_stands_for_the_widget(browser, server, place):
    page, name = place
    with Visit(browser, server) as visit:
        figure = ready_widget(visit.open(page), name)
        visit.page.emulate_media(media="print")
        expect(figure.locator("img")).to_be_visible()
        expect(figure.locator(".vae-root")).to_be_hidden()
        expect(figure.locator(".vae-note")).to_be_hidden()


def test_the_view_follows_the_point_and_does_not_pull_it_back(browser, server, place):
    page, name = place
    with Visit(browser, server) as visit:
        figure = ready_widget(visit.open(page), name)
        figure.get_by_label("zoom").fill("20")
        z = "f => f.vaelib.model.get('z')"
        figure.evaluate("f => f.vaelib.model.set('z', [50, 1])")
        figure.locator("canvas[tabindex='0']").focus()
        visit.page.keyboard.press("ArrowUp")
        x, y = figure.evaluate(z)
        assert (x, y > 1) == (50, True)
        figure.evaluate("f => f.vaelib.model.set('z', [0, 0])")
        for _ in range(60):
            visit.page.keyboard.press("Shift+ArrowRight")
        assert figure.evaluate(z)[0] > 1  # far beyond the view with which it began
