"""The front page and the chapter on the latent space: a live map, and sliders that need Python."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit, ready_widget
from tests.browser.judged import darken


def test_front_page_has_the_live_map_of_the_chapter(browser, base):
    with Visit(browser, base) as visit:
        figure = ready_widget(visit.open("book/intro.html"), "LatentExplorer")
        before = figure.evaluate("f => f.vaelib.model.get('z')")
        figure.locator(".vae-plane").press("ArrowRight")
        after = figure.evaluate("f => f.vaelib.model.get('z')")
        assert after[0] > before[0]
        assert after[1] == before[1]
        assert visit.problems == []


def test_sliders_that_need_python_are_a_picture_and_a_sentence(browser, base):
    with Visit(browser, base) as visit:
        figure = visit.open("book/exploring.html").page.locator(
            "figure.vae-widget:not([data-widget])"
        )
        expect(figure).to_have_count(1)
        picture = figure.locator("img:visible")
        expect(picture).to_have_attribute(
            "alt", "An image decoded from a latent of 10 dimensions, and a slider for each of them."
        )
        light = picture.get_attribute("src")
        expect(figure.locator(".vae-note")).to_contain_text("Run this chapter in Jupyter")
        expect(figure.locator("input, button, canvas")).to_have_count(0)
        begins = [each.bounding_box()["x"] for each in (picture, figure.locator(".vae-note"))]
        assert begins[0] == begins[1]
        darken(visit.page)
        assert picture.get_attribute("src") != light
        assert visit.problems == []
