"""Weights and state of a page, damaged on their way: the widget says so and keeps its picture."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import HTML, Visit, built
from tests.browser.test_widgets import PLACES

PAGE, NAME = next(place for place in PLACES if place[1] == "LatentExplorer")


def flipped(text: str, place: int) -> str:
    """A text with one of its characters changed to another of base64."""
    return text[:place] + ("B" if text[place] == "A" else "A") + text[place + 1 :]


def changed(text: str, where: str) -> str:
    """The script of a network with one character changed."""
    layers, planes = (text.index(f'"{name}": "') + len(name) + 5 for name in ("layers", "planes"))
    end = text.rindex('"')
    places = {
        "layers": layers + 30,
        "weights": (planes + end) // 2,
        "checksum": end - 6,
        "start": planes,
    }
    if where in places:
        return flipped(text, places[where])
    if where == "name":
        return text.replace('networks["', 'networks["x')
    return text[: planes + 1000] if where == "cut" else text.replace('"planes"', '"plane"')


@pytest.mark.parametrize("where", ["layers", "weights", "checksum", "start", "name", "key", "cut"])
def test_damaged_weights_are_named_in_the_widgets_place(browser, server, where):
    with Visit(browser, server) as visit:

        def damage(route):
            file = HTML / "_static" / "widgets" / route.request.url.rpartition("/")[2]
            route.fulfill(body=changed(file.read_text(), where), content_type="text/javascript")

        visit.context.route(re.compile(r"/_static/widgets/[0-9a-f]{16}\.js"), damage)
        check(visit, r"could not start: the file [0-9a-f]{16}\.js is damaged\. The picture shows")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_state_is_named_in_the_widgets_place(browser, server, share):
    with Visit(browser, server) as visit:

        def damage(route):
            text = (HTML / built(PAGE)).read_text()
            found = re.search(r'"deflated": "([^"]+)"', text)
            place = found.start(1) + round(share * len(found[1]))
            route.fulfill(body=flipped(text, place), content_type="text/html")

        visit.context.route(re.compile(rf"/{built(PAGE)}$"), damage)
        check(visit, r"could not start: its data on this page is damaged\. The picture shows")


def check(visit: Visit, said: str) -> None:
    """The widget says what is wrong, and shows its picture and nothing else."""
    figure = visit.open(built(PAGE)).page.locator(f"figure[data-widget={NAME}]")
    figure.scroll_into_view_if_needed()
    expect(figure.locator(".vae-note")).to_have_text(re.compile(said))
    expect(figure.locator(".vae-note")).to_have_attribute("role", "alert")
    expect(figure.locator("img")).to_be_visible()
    expect(figure.locator(".vae-root")).to_have_count(0)
