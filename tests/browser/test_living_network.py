"""LivingNetwork on its page: its numbers are Python's, and its parts say what they do."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

import vaelib
from tests.browser import canvases
from tests.browser.conftest import PHONE, Visit, ready_widget
from vaelib.widgets.living_network import PARTS

PAGE = "book/building.html"
NAME = "LivingNetwork"


@pytest.fixture
def figure(visit):
    figure = ready_widget(visit, NAME)
    canvases.set_traits(figure, chosen=4, eps=[0.8, -0.6], part="image")
    return figure


@pytest.fixture(scope="module")
def python(visit):
    """The same widget in Python, made of what the page has."""
    pixels = canvases.trait(ready_widget(visit, NAME), "images")
    images = torch.tensor(pixels).view(-1, 1, 28, 28) / 255
    return vaelib.widgets.LivingNetwork(vaelib.pretrained("vae-2d"), images)


def parts(figure):
    return figure.locator("button[aria-pressed]")


def explanation(figure):
    return figure.locator("p[aria-live]")


def shown_terms(figure) -> list[float]:
    words = parts(figure).last.inner_text().replace("−", "-")
    return [float(number) for number in re.findall(r"-?\d+\.\d+", words)]


@pytest.mark.parametrize(("chosen", "eps"), [(4, [0.8, -0.6]), (0, [-3.0, 3.0]), (9, [0.0, 0.0])])
def test_values_are_those_that_python_computes(figure, python, chosen, eps):
    canvases.set_traits(figure, chosen=chosen, eps=eps)
    python.chosen, python.eps = chosen, eps
    loss, kl = -python.terms.reconstruction, python.terms.kl
    assert shown_terms(figure) == pytest.approx([loss, kl, loss + kl], abs=0.06)
    mu, sigma, z, answer, rebuilt = python._values()
    pictures = figure.locator(".vae-picture")
    image = python._pixels[chosen].numpy() / 255
    hidden = np.frombuffer(python.hidden, "<f4").reshape(10, -1)[chosen]
    expected = [image, hidden / hidden.max(), answer / answer.max(), rebuilt]
    for number, (side, values) in enumerate(zip((28, 16, 16, 28), expected, strict=True)):
        shown = canvases.shown_images(pictures.nth(number), side)
        np.testing.assert_allclose(shown[0], np.asarray(values).ravel(), atol=0.011)
    open_part(figure, "draw")
    for number in (mu[0], sigma[0], z[0]):
        expect(explanation(figure)).to_contain_text(f"{number.item():.2f}".replace("-", "−"))


def open_part(figure, name: str):
    parts(figure).nth(PARTS.index(name)).click()


def test_each_part_says_what_it_does_and_leads_to_its_chapter(figure, server):
    told = set()
    for number, name in enumerate(PARTS):
        open_part(figure, name)
        expect(parts(figure).nth(number)).to_have_attribute("aria-pressed", "true")
        assert parts(figure).locator("xpath=self::*[@aria-pressed='true']").count() == 1
        told.add(explanation(figure).inner_text())
        for link in explanation(figure).locator("a").all():
            answer = figure.page.request.get(link.evaluate("a => a.href"))
            title = re.search(r"<h1>(?:<[^>]*>[\d.]*</?[^>]*>)?\s*([^<]+)", answer.text()).group(1)
            assert title.strip() == link.inner_text()
    assert len(told) == len(PARTS)


def test_numbers_of_an_explanation_follow_the_image(figure, python):
    open_part(figure, "image")
    for chosen in (1, 8):
        canvases.set_traits(figure, chosen=chosen)
        inked = int((python._pixels[chosen] > 0).sum())
        expect(explanation(figure)).to_contain_text(f"{inked} are above 0")


def test_noise_is_drawn_anew_and_moved_by_keys(figure):
    before = canvases.trait(figure, "eps")
    figure.get_by_role("button", name="draw ε again").press("Enter")
    assert canvases.trait(figure, "eps") != before
    slider = figure.get_by_label("noise ε₁")
    slider.focus()
    figure.page.keyboard.press("Home")
    assert canvases.trait(figure, "eps")[0] == -3
    figure.page.keyboard.press("ArrowRight")
    assert canvases.trait(figure, "eps")[0] == pytest.approx(-2.95)
    parts(figure).nth(3).press("Space")
    expect(explanation(figure)).to_contain_text("(−2.95)")


def test_only_what_follows_from_the_noise_changes_with_it(figure):
    def pictures():
        return [canvases.drawn(canvas) for canvas in figure.locator("canvas").all()]

    before = pictures()
    canvases.set_traits(figure, eps=[-1.0, 2.0])
    changed = [one != other for one, other in zip(before, pictures(), strict=True)]
    assert changed == [False, False, False, True, True, True]


def test_what_cannot_be_is_said_and_the_last_picture_stays(figure):
    before = parts(figure).last.inner_text()
    for wrong in ({"chosen": 99}, {"eps": [9.0, 0.0]}, {"eps": [float("nan"), 0.0]}):
        canvases.set_traits(figure, **wrong)
        expect(figure.locator(".vae-announcement")).to_contain_text("no such image or noise")
        assert parts(figure).last.inner_text() == before
        canvases.set_traits(figure, chosen=4, eps=[0.8, -0.6])


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_parts_light_up_in_turn_unless_the_reader_wants_less_motion(browser, server, motion):
    with Visit(browser, server, reduced_motion=motion) as visit:
        figure = ready_widget(visit.open(PAGE), NAME)
        canvases.set_traits(figure, chosen=2)
        running = parts(figure).evaluate_all("all => all.flatMap(e => e.getAnimations()).length")
        assert running == (0 if motion == "reduce" else len(PARTS))
        assert visit.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_all_parts_are_there_and_a_finger_opens_them(browser, server, scheme):
    with Visit(browser, server, color_scheme=scheme, **PHONE) as visit:
        figure = ready_widget(visit.open(PAGE), NAME)
        boxes = [part.bounding_box() for part in parts(figure).all()]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
        assert min(min(box["width"], box["height"]) for box in boxes) >= 44
        parts(figure).nth(2).tap()
        expect(explanation(figure)).to_contain_text("q(z|x):")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.problems == []
