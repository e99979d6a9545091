"""AutoencoderVersusVAE on its page: one cursor on two maps, one walk, and numbers as PyTorch's."""

import functools
import itertools
import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

import vaelib
from tests.browser import canvases
from tests.browser.conftest import PHONE, Visit, ready_widget
from vaelib.widgets import network

PAGE = "book/autoencoder.html"
NAME = "AutoencoderVersusVAE"
COUNT = 3000  # images in the chapter's maps


class Plane:
    """One model, and its test codes in standard deviations from their mean."""

    def __init__(self, name):
        self.model = network.half(vaelib.pretrained(name))
        with torch.no_grad():
            codes = self.model.encode(vaelib.mnist("test").images[:COUNT])
        codes = codes if isinstance(codes, torch.Tensor) else codes[0]
        self.mean, self.std = codes.mean(0), codes.std(0)
        self.codes = (codes - self.mean) / self.std
        others = torch.cdist(self.codes, self.codes).fill_diagonal_(torch.inf).amin(1)
        self.radius = others.quantile(0.99)

    def decode(self, at):
        with torch.no_grad():
            return self.model.decode(self.mean + self.std * at)

    def emptiness(self, at):
        return torch.cdist(at, self.codes).amin(1) / self.radius


@functools.cache
def planes():
    return Plane("autoencoder-2d"), Plane("vae-2d")


@pytest.fixture(scope="module")
def beginning(visit):
    figure = ready_widget(visit, NAME)
    return {name: canvases.trait(figure, name) for name in ("at", "start", "end", "t", "seed")}


@pytest.fixture
def figure(visit, beginning):
    figure = ready_widget(visit, NAME)
    for name, value in beginning.items():
        set_trait(figure, name, value)
    return figure


def set_trait(figure, name, value):
    """As Python does it."""
    figure.evaluate("(f, [name, value]) => f.vaelib.model.set(name, value)", [name, value])
    settle(figure)


def settle(figure):
    """Two frames: what was asked for has been computed and painted."""
    figure.page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def maps(figure):
    return figure.locator("canvas.vae-plane").all()


def pictures(figure):
    """What both models decode at the cursor; the ends, strips and images at t."""
    here, there, start, strip, now, end, other_strip, other_now = figure.locator(
        "canvas.vae-picture"
    ).all()
    return {
        "at": [here, there],
        "ends": [start, end],
        "strips": [strip, other_strip],
        "now": [now, other_now],
    }


def readouts(figure):
    rows = [table.locator("tr").all() for table in figure.locator(".vae-readout").all()]
    return [dict(row.locator("th, td").all_text_contents() for row in table) for table in rows]


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text.replace("−", "-"))]


def assert_shown(canvas, images):
    np.testing.assert_allclose(canvases.shown_images(canvas), images.numpy(), atol=0.006)


def assert_all_is_right(figure):
    """Every number and every picture is what PyTorch computes from the traits."""
    at = torch.tensor([canvases.trait(figure, "at")]).float()
    start, end, t = (canvases.trait(figure, name) for name in ("start", "end", "t"))
    shown, shelf = readouts(figure), pictures(figure)
    for i, plane in enumerate(planes()):
        away = plane.emptiness(at).item()
        assert numbers(shown[i]["z"]) == pytest.approx(
            (plane.mean + plane.std * at[0]).tolist(), abs=0.006
        )
        assert numbers(shown[i]["nearest code"]) == pytest.approx([away], abs=0.06)
        assert shown[i]["hole"] == ("yes" if away > 1 else "no")
        share = torch.cat([torch.linspace(0, 1, 9), torch.tensor([t])])[:, None]
        walk = plane.decode((1 - share) * plane.codes[start] + share * plane.codes[end])
        assert_shown(shelf["at"][i], plane.decode(at))
        assert_shown(shelf["strips"][i], walk[:9])
        assert_shown(shelf["now"][i], walk[9:])
    images = vaelib.mnist("test").images.flatten(1)
    assert_shown(shelf["ends"][0], images[[start]])
    assert_shown(shelf["ends"][1], images[[end]])


def test_it_begins_in_a_hole_of_one_map_alone_with_pytorchs_numbers(figure):
    assert_all_is_right(figure)
    assert [table["hole"] for table in readouts(figure)] == ["yes", "no"]
    expect(figure.locator(".vae-announcement")).to_contain_text(
        "Autoencoder: in a hole. VAE: codes are near."
    )


def test_random_codes_in_holes_are_counted_as_python_counts_them(figure):
    draws = torch.tensor(list(itertools.islice(canvases.normals(1), 2000))).view(1000, 2)
    for plane, shown in zip(planes(), readouts(figure), strict=True):
        share = (plane.emptiness(draws) > 1).double().mean().item()
        assert numbers(shown["random codes in holes"]) == pytest.approx([100 * share], abs=0.7)


@pytest.mark.parametrize("which", [0, 1])
def test_dragging_on_either_map_moves_the_cursor_on_both(figure, which):
    before = [canvases.drawn(one) for one in maps(figure)]
    maps(figure)[which].scroll_into_view_if_needed()
    box = maps(figure)[which].bounding_box()
    place = [[box["x"] + s * box["width"], box["y"] + s * box["height"]] for s in (0.3, 0.5)]
    figure.page.mouse.move(*place[0])
    figure.page.mouse.down()
    figure.page.mouse.move(*place[1], steps=3)
    figure.page.mouse.up()
    for one, old in zip(maps(figure), before, strict=True):
        canvases.wait_for_change(one, old)
    assert canvases.trait(figure, "at") == pytest.approx([0, 0], abs=0.05)
    settle(figure)
    assert_all_is_right(figure)


def test_a_click_moves_the_cursor(figure):
    maps(figure)[1].click(position={"x": 100, "y": 100})
    settle(figure)
    extent = canvases.trait(figure, "extent")
    width = maps(figure)[1].bounding_box()["width"]
    wanted = [extent["left"] + 9 * 100 / width, extent["top"] - 9 * 100 / width]
    assert canvases.trait(figure, "at") == pytest.approx(wanted, abs=0.05)


def test_arrow_keys_move_the_cursor_on_both(figure, beginning):
    before = [canvases.drawn(one) for one in maps(figure)]
    maps(figure)[0].focus()
    figure.page.keyboard.press("Shift+ArrowLeft")
    for one, old in zip(maps(figure), before, strict=True):
        canvases.wait_for_change(one, old)
    x, y = beginning["at"]
    assert canvases.trait(figure, "at") == pytest.approx([x - 0.45, y])


def test_sliders_move_the_cursor_and_the_walk(figure, beginning):
    for name in ("across", "up", "from image", "to image", "t"):
        figure.get_by_role("slider", name=name, exact=True).focus()
        figure.page.keyboard.press("ArrowRight")
    settle(figure)
    assert canvases.trait(figure, "start") == beginning["start"] + 1
    assert canvases.trait(figure, "end") == beginning["end"] + 1
    assert canvases.trait(figure, "t") == pytest.approx(beginning["t"] + 0.01)
    moved = [value + 0.01 for value in beginning["at"]]
    assert canvases.trait(figure, "at") == pytest.approx(moved, abs=0.006)
    assert_all_is_right(figure)


def test_a_random_code_is_the_next_of_the_seed(figure, beginning):
    figure.get_by_role("button", name="random code").click()
    wanted = list(itertools.islice(canvases.normals(beginning["seed"] + 1), 2))
    assert canvases.trait(figure, "at") == pytest.approx(wanted)
    settle(figure)
    assert_all_is_right(figure)


def test_a_walk_changes_both_maps(figure):
    before = [canvases.drawn(one) for one in maps(figure)]
    set_trait(figure, "t", 0.9)
    for one, old in zip(maps(figure), before, strict=True):
        canvases.wait_for_change(one, old)


def test_a_cursor_beyond_the_maps_is_said_and_breaks_nothing(figure):
    set_trait(figure, "at", [20, -20])
    expect(figure.locator(".vae-announcement")).to_contain_text("beyond the maps")
    assert "NaN" not in figure.inner_text()
    assert_all_is_right(figure)


def test_a_finger_moves_the_cursor_on_a_phone_where_the_maps_are_stacked(browser, server):
    with Visit(browser, server, color_scheme="dark", **PHONE) as one:
        figure = ready_widget(one.open(PAGE), NAME)
        upper, lower = maps(figure)
        upper.scroll_into_view_if_needed()
        scrolled = one.page.evaluate("scrollY")
        box = upper.bounding_box()
        assert lower.bounding_box()["y"] > box["y"] + box["height"]
        before = canvases.drawn(upper), canvases.drawn(lower)
        places = [
            (box["x"] + s * box["width"], box["y"] + s * box["height"]) for s in (0.3, 0.35, 0.5)
        ]
        canvases.touch(one.page, places)
        canvases.wait_for_change(upper, before[0])
        canvases.wait_for_change(lower, before[1])
        assert canvases.trait(figure, "at") == pytest.approx([0, 0], abs=0.05)
        assert one.page.evaluate("scrollY") == scrolled
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert one.problems == []


def test_each_table_names_its_model(figure):
    names = [t.get_attribute("aria-label") for t in figure.locator(".vae-readout").all()]
    assert names == ["autoencoder at the cursor", "VAE at the cursor"]
    titles = figure.locator(".vae-title").all_inner_texts()
    assert titles == [f"{name} (grey: no code within ρ)" for name in ("autoencoder", "VAE")]
