"""The widget that says which beta a loss stands for: its fields, by mouse, finger and keys."""

import pytest
from playwright.sync_api import expect

import vaelib
from tests.browser.conftest import PHONE, Visit, ready_widget

PAGE = "book/wrong.html"
WORDS = {"likelihood": "mse", "pixels": "mean", "latents": "sum", "batch": "mean"}


@pytest.fixture
def figure(browser, base):
    with Visit(browser, base, color_scheme="light") as visit:
        yield ready_widget(visit.open(PAGE), "EffectiveBeta")
        assert visit.problems == []


def causes(**words) -> list[str]:
    """What Python says of the loss that the page begins with, changed in some words."""
    words = WORDS | {"image_shape": 12288, "latent_dim": 128, "weight": 0.00025} | words
    return [str(cause) for cause in vaelib.effective_beta(**words).causes]


def test_it_begins_and_goes_on_with_what_python_says(figure):
    expect(figure.locator("li")).to_have_text(causes())
    expect(figure.locator(".vae-root")).to_contain_text("1.54")
    figure.get_by_label("over the values of an image").select_option("sum")
    expect(figure.locator("li")).to_have_text(causes(pixels="sum"))
    figure.get_by_label("weight of the KL").fill("3")
    expect(figure.locator("li")).to_have_text(causes(pixels="sum", weight=3))


def test_it_answers_to_the_keyboard(figure):
    choice = figure.get_by_label("reconstruction term")
    choice.focus()
    figure.page.keyboard.press("ArrowUp")
    expect(choice).to_have_value("gaussian")
    figure.get_by_label("weight of the KL").focus()
    figure.page.keyboard.press("Control+A")
    figure.page.keyboard.type("0.5")
    gaussian = {"likelihood": "gaussian", "sigma": 1.0}
    expect(figure.locator("li")).to_have_text(causes(**gaussian, weight=0.5))


def test_a_number_that_is_none_is_named_and_nothing_is_lost(figure):
    before = figure.locator(".vae-root").text_content()
    figure.get_by_label("latents", exact=True).fill("0")
    expect(figure.get_by_label("latents", exact=True)).to_have_attribute("aria-invalid", "true")
    assert "NaN" not in figure.locator(".vae-root").inner_text()
    figure.get_by_label("latents", exact=True).fill("128")
    expect(figure.get_by_label("latents", exact=True)).not_to_have_attribute("aria-invalid", "true")
    expect(figure.locator(".vae-root")).to_have_text(before)  # once it has been said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_finger_chooses_on_a_phone_and_the_ground_is_the_pages(browser, server, scheme):
    with Visit(browser, server, color_scheme=scheme, **PHONE) as visit:
        figure = ready_widget(visit.open(PAGE), "EffectiveBeta")
        before = figure.locator(".vae-root").inner_text()
        field = figure.get_by_label("weight of the KL")
        field.tap()
        assert field.evaluate("f => f === document.activeElement")
        field.fill("2")
        assert figure.locator(".vae-root").inner_text() != before
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        color = "e => getComputedStyle(e).backgroundColor"
        ground = figure.locator(".vae-root").evaluate(color)
        assert ground == visit.page.locator("body").evaluate(color)
        assert visit.problems == []
