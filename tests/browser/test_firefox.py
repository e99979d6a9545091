"""The book in Firefox, as files and served: its mathematics, and every widget under mouse and keys.

Chromium has the long tests; these show that what they show is not Chromium's alone.
"""

import re
import shutil

import pytest

from tests.browser import firefox as driver
from tests.browser.conftest import HTML, built
from tests.browser.test_damage import NAME, PAGE
from tests.browser.test_damage import changed as damaged
from tests.browser.test_widgets import SHOWN
from tests.pages import chapters, widgets_of

PAGES = {page.stem: widgets_of(page) for page in chapters() if widgets_of(page)}
LEFT, RIGHT = "\ue012", "\ue014"
FIGURE = "document.querySelector('figure[data-widget={}]')"
# What is dragged and what takes the keys: the first canvas that looks so, and the first slider.
HANDLE = """[...{}.querySelectorAll("canvas[tabindex='0']")].find(
    c => !['auto', 'default'].includes(getComputedStyle(c).cursor))"""
SLIDER = "{}.querySelector('input[type=range]')"
SELECT = "{}.querySelector('select')"  # where there is nothing to drag


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    path = driver.find()
    if path is None:
        pytest.skip("there is no Firefox on the PATH, and the variable FIREFOX names none")
    firefox = driver.Firefox(path, tmp_path_factory.mktemp("firefox"))
    yield firefox
    firefox.close()


@pytest.fixture(scope="module", params=PAGES)
def name(request):
    """Each page with widgets in turn: all that the book shows is on them."""
    return request.param


@pytest.fixture(scope="module")
def tab(firefox, base, name):
    tab = driver.Tab(firefox, base)
    page = next(page for page in chapters() if page.stem == name)
    yield tab.open(built(page))
    tab.close()


def test_mathematics_and_pictures_are_shown(tab):
    count = "document.querySelectorAll({!r}).length"
    formulas = tab.evaluate(count.format(".math"))
    assert tab.evaluate(count.format(".math > mjx-container > svg")) == formulas
    assert tab.evaluate(count.format("mjx-merror, [data-mjx-error]")) == 0
    sizes = """[...document.querySelectorAll('.math > mjx-container > svg')]
        .filter(svg => svg.checkVisibility()).map(svg => svg.getBoundingClientRect().height)"""
    heights = tab.evaluate(sizes)
    assert bool(heights) == bool(formulas)
    assert all(height > 3 for height in heights)  # pixels
    picture = "document.querySelector('article img')"
    tab.evaluate(f"({picture}.loading = 'eager', null)")
    tab.wait_for(f"{picture}.complete && {picture}.naturalWidth > 0")


def test_each_widget_starts_and_answers_to_mouse_and_keyboard(tab, name):
    for widget in PAGES[name]:
        figure = FIGURE.format(widget)
        tab.evaluate(f"{figure}.scrollIntoView()")
        tab.wait_for(f"{figure}.hasAttribute('data-ready')")
        assert tab.evaluate(f"{figure}.dataset.ready") == ""
        dragged = [each.format(figure) for each in (HANDLE, SLIDER)]
        dragged = [each for each in dragged if tab.evaluate(f"!!({each})")]
        if dragged:
            drag(tab, figure, dragged[0])
        for control in dragged or [SELECT.format(figure)]:
            press(tab, figure, control)
    assert tab.problems == []


def test_each_widget_follows_the_dark_mode(tab, name):
    figures = map(FIGURE.format, PAGES[name])
    drawn = next(each for each in figures if tab.evaluate(f"!!{each}.querySelector('canvas')"))
    before = shown(tab, drawn)
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    changed(tab, drawn, before)
    color = "getComputedStyle({}).backgroundColor"
    body = tab.evaluate(color.format("document.body"))
    for widget in PAGES[name]:
        root = FIGURE.format(widget) + ".querySelector('.vae-root')"
        assert tab.evaluate(color.format(root)) == body


def test_damaged_weights_are_named_and_the_picture_stays(firefox, server, tmp_path):
    """`server` sees to it that there is a book."""
    shutil.copytree(HTML, tmp_path, dirs_exist_ok=True)
    for file in (tmp_path / "_static" / "widgets").glob("*.js"):
        text = file.read_text()
        if text.startswith("vaelib.networks"):
            file.write_text(damaged(text, "weights"))
    tab = driver.Tab(firefox, tmp_path.as_uri() + "/").open(built(PAGE))
    figure = FIGURE.format(NAME)
    tab.evaluate(f"{figure}.scrollIntoView()")
    tab.wait_for(f"{figure}.hasAttribute('data-ready')")
    said = tab.evaluate(f"{figure}.querySelector('.vae-note').textContent")
    assert re.search(r"could not start: the file [0-9a-f]{16}\.js is damaged", said)
    assert tab.evaluate(f"{figure}.querySelector('img').checkVisibility()")
    tab.close()


def shown(tab, figure: str) -> str:
    """What a widget shows when all that it has been asked to draw is drawn."""
    tab.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return tab.evaluate(f"({SHOWN})({figure})")


def changed(tab, figure: str, before: str) -> None:
    """Wait until a widget shows something else."""
    tab.evaluate(f"(window.before = {before!r}, null)")
    tab.wait_for(f"({SHOWN})({figure}) !== window.before")


def drag(tab, figure: str, handle: str) -> None:
    tab.evaluate(f"({handle}).scrollIntoView({{block: 'center', behavior: 'instant'}})")
    before = shown(tab, figure)
    box = tab.evaluate(f"({handle}).getBoundingClientRect()")
    y = box["y"] + 0.4 * box["height"]
    tab.drag([(box["x"] + share * box["width"], y) for share in (0.8, 0.65, 0.5, 0.35, 0.2)])
    changed(tab, figure, before)


def press(tab, figure: str, control: str) -> None:
    before = shown(tab, figure)
    tab.evaluate(f"({control}).focus()")
    tab.press(LEFT)
    if shown(tab, figure) == before:  # it stood at its end already
        tab.press(RIGHT)
    changed(tab, figure, before)
