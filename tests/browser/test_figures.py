"""Figures on a page: what is shown is sharp, can be read on a phone, and suits the theme."""

import io

import numpy as np
import PIL.Image
import pytest

from tests.browser.conftest import HTML, PHONE, Visit, built
from tests.browser.judged import contrast, darken, lay_out_all, luminance
from tests.pages import ROOT, notebooks

SCREENS = {
    "phone": PHONE,
    "tablet": {"viewport": {"width": 768, "height": 1024}},
    "laptop": {"viewport": {"width": 1400, "height": 900}},
}
DIAGRAMS = {path.stem for path in (ROOT / "img").glob("*.svg")} - {
    f"{path.stem}" for path in (ROOT / "img").glob("*.narrow.svg")
}
SHOWN = ".drawing img:visible"
# What a figure measures, and the letters and the pixels of its file: an outline's scale is a
# hundredth of its size in points, and 72 points are 100 CSS pixels.
MEASURED = r"""async (image) => {
    const text = await (await fetch(image.currentSrc)).text();
    const scale = image.clientWidth / Number(text.match(/<svg[^>]* width="(\d+)"/)[1]);
    const letters = [...text.matchAll(/scale\(([\d.]+) -[\d.]+\)/g)].map((found) => found[1]);
    const clouds = [...text.matchAll(/<image [^>]*?transform="scale\(1 -1\)[^>]*>/g)];
    const densities = await Promise.all(clouds.map(async ([tag]) => {
        const cloud = new Image();
        cloud.src = tag.match(/href="([^"]*)"/)[1];
        await cloud.decode();
        return cloud.naturalWidth / (tag.match(/ width="([\d.]+)"/)[1] * 100 / 72 * scale);
    }));
    return {
        file: image.currentSrc,
        smallest: Math.min(Infinity, ...letters) * 100 * 100 / 72 * scale,
        density: Math.min(Infinity, ...densities),
        overflow: image.getBoundingClientRect().right - document.documentElement.clientWidth,
    };
}"""
PAPER = "getComputedStyle(document.body).backgroundColor"

each_page = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)


def figures(page) -> list:
    """The figures that are shown, loaded, but for those in folds."""
    lay_out_all(page)
    found = page.locator(SHOWN).all()
    for image in found:
        image.scroll_into_view_if_needed()
        image.evaluate("i => i.decode()")
    return found


def pixels(image) -> np.ndarray:
    return np.asarray(PIL.Image.open(io.BytesIO(image.screenshot())).convert("RGB"))


def lights_of(colours: np.ndarray) -> np.ndarray:
    """The relative luminance of each color that is there, once."""
    red, green, blue = colours.astype(np.int64).T
    each = np.unique(red << 16 | green << 8 | blue)
    channels = np.stack([each >> 16, each >> 8 & 255, each & 255]) / 255
    curved = ((channels + 0.055) / 1.055) ** 2.4
    return np.array([0.2126, 0.7152, 0.0722]) @ np.where(
        channels <= 0.04045, channels / 12.92, curved
    )


def css(color) -> str:
    return "rgb({}, {}, {})".format(*map(int, color))


def assert_letters_are_of_body_size_and_clouds_sharp(shown):
    """On screens of twice the density, too."""
    for image in shown:
        measured = image.evaluate(MEASURED)
        assert measured["smallest"] >= 12, measured
        assert measured["density"] >= 1.99, measured
        assert measured["overflow"] <= 0, measured


def assert_the_ground_is_the_pages_and_letters_stand_out(shown, paper: str, theme: str):
    for image in shown:
        colours = pixels(image).reshape(-1, 3)
        corner = css(colours[0])
        assert contrast(corner, paper) < 1.05
        lights = lights_of(colours)
        text = lights.max() if theme == "dark" else lights.min()
        low, high = sorted([text, luminance(corner)])
        assert (high + 0.05) / (low + 0.05) > 4.5


@each_page
@pytest.mark.parametrize("screen", ["tablet", "laptop"])
def test_letters_are_of_body_size_and_clouds_sharp_on_fine_screens(browser, server, path, screen):
    with Visit(browser, server, **SCREENS[screen]) as one:
        page = one.open(built(path)).page
        assert_letters_are_of_body_size_and_clouds_sharp(figures(page))
        assert one.problems == []


@each_page
def test_a_phone_shows_them_as_well_in_either_theme(browser, server, path):
    with Visit(browser, server, color_scheme="light", **PHONE) as one:
        page = one.open(built(path)).page
        shown = figures(page)
        assert_letters_are_of_body_size_and_clouds_sharp(shown)
        assert_the_ground_is_the_pages_and_letters_stand_out(shown, page.evaluate(PAPER), "light")
        darken(page)
        shown = figures(page)
        assert_the_ground_is_the_pages_and_letters_stand_out(shown, page.evaluate(PAPER), "dark")
        assert one.problems == []


@pytest.mark.parametrize("name", sorted(DIAGRAMS))
def test_a_diagram_is_drawn_as_the_figures_of_the_cells_are(browser, server, name):
    """So that all that is asked of them here is asked of it."""
    label = name.replace("_", "-")
    (path,) = (each for each in notebooks() if f"img/{name}.svg" in each.read_text())
    with Visit(browser, server, **PHONE) as one:
        figure = one.open(f"{built(path)}#fig-{label}").page.locator(f"#fig-{label}")
        assert figure.locator("img").count() == figure.locator(".drawing img").count() == 2
        image = figure.locator("img:visible")
        assert image.count() == 1
        size = image.evaluate("async i => (await i.decode(), [i.naturalWidth, i.clientWidth])")
        assert size[0] == 350
        assert size[1] <= 350


def test_only_what_is_shown_is_loaded(browser, server):
    for scheme in ("light", "dark"):
        with Visit(browser, server, color_scheme=scheme, **PHONE) as one:
            asked = []
            one.page.on("request", lambda request, asked=asked: asked.append(request.url))
            page = one.open("book/kl.html").page
            shown = {image.evaluate("i => i.currentSrc") for image in figures(page)}
            page.wait_for_load_state("networkidle")
            drawn = {url for url in asked if "_images" in url and url.endswith(".svg")}
            assert drawn == shown
            assert len(shown) == page.locator(".drawing").count() > 4


def test_the_pages_switch_changes_the_figures(browser, server):
    with Visit(browser, server, color_scheme="light") as one:
        page = one.open("book/kl.html").page
        image = page.locator(SHOWN).first
        light = image.evaluate("i => i.currentSrc")
        darken(page)
        assert page.locator(SHOWN).first.evaluate("i => i.currentSrc") != light
        assert page.locator(SHOWN).count() == page.locator(".drawing").count()


def test_without_scripts_a_figure_is_light_and_there_once(browser):
    for scheme in ("light", "dark"):
        with Visit(
            browser, HTML.as_uri() + "/", java_script_enabled=False, color_scheme=scheme
        ) as one:
            page = one.open("book/kl.html").page
            assert page.locator(".in-light img").first.is_visible()
            assert page.locator(".in-dark img:visible").count() == 0


def test_panels_stand_below_each_other_on_a_phone_and_beside_on_a_laptop(browser, server):
    ratios = {}
    for name in ("phone", "laptop"):
        with Visit(browser, server, **SCREENS[name]) as one:
            box = one.open("book/kl.html").page.locator(SHOWN).first.bounding_box()
            ratios[name] = box["height"] / box["width"]
    assert ratios["laptop"] < 0.5 < 1.5 < ratios["phone"]
