"""ConditionalExplorer on its page: z carries the style, y the digit, and numbers are PyTorch's."""

import itertools

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

import vaelib
from tests.browser import canvases
from tests.browser.conftest import PHONE, Visit, ready_widget
from vaelib.widgets import network

PAGE = "book/going_further.html"
NAME = "ConditionalExplorer"
MODEL = "conditional-2d"


@pytest.fixture(scope="module")
def model():
    return network.half(vaelib.pretrained(MODEL))


@pytest.fixture
def figure(visit):
    figure = ready_widget(visit, NAME)
    canvases.set_traits(figure, z=[0.5, -1], label=3)
    return figure


def plane_of(figure):
    return figure.locator("canvas.vae-plane")


def images_on(figure):
    """The large image and that of each label, (1 + 10, 784)."""
    pictures = figure.locator("canvas.vae-picture").all()
    return np.concatenate([canvases.shown_images(canvas) for canvas in pictures])


@torch.no_grad()
def decoded(model, z, label=None):
    """What PyTorch decodes at z for one label, or for each."""
    labels = torch.arange(model.num_labels) if label is None else torch.tensor([label])
    points = torch.tensor(z, dtype=torch.float32).expand(len(labels), 2)
    return model.given(labels).decode(points).numpy()


@torch.no_grad()
def test_decoder_on_the_page_is_pytorchs(figure, model):
    """Of z and a label, with the weights as the page has them."""
    z = 2 * torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(100) % 10
    run = """(figure, inputs) => {
      const { Network, probabilities } = figure.vaelib.module;
      const network = new Network(figure.vaelib.model.get("decoder"));
      return inputs.map(input => Array.from(probabilities(network.run(input))));
    }"""
    one_hot = torch.nn.functional.one_hot(labels, 10)
    found = torch.tensor(figure.evaluate(run, torch.cat([z, one_hot], 1).tolist()))
    torch.testing.assert_close(found, model.given(labels).decode(z), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("z", "label"), [((0.5, -1.0), 3), ((-2.0, 1.5), 0), ((0.0, 9.0), 9)])
def test_it_shows_the_label_at_z_and_below_it_each_label(figure, model, z, label):
    canvases.set_traits(figure, z=list(z), label=label)
    large, *strip = images_on(figure)
    np.testing.assert_allclose(large, decoded(model, z, label)[0], atol=0.006)
    np.testing.assert_allclose(strip, decoded(model, z), atol=0.006)
    expect(figure.locator(".vae-large")).to_contain_text(f"y = {label}")


def test_a_label_is_chosen_by_a_click_on_its_image(figure, model):
    strip = figure.locator("fieldset canvas")
    assert strip.count() == 10
    strip.nth(7).click()
    figure.page.evaluate(canvases.FRAMES)
    assert canvases.trait(figure, "label") == 7
    assert canvases.trait(figure, "z") == [0.5, -1]
    expect(figure.get_by_role("radio", name="7")).to_be_checked()
    np.testing.assert_allclose(images_on(figure)[0], decoded(model, (0.5, -1), 7)[0], atol=0.006)


def test_labels_are_one_group_of_radio_buttons_with_arrow_keys(figure):
    group = figure.get_by_role("group", name="label y, at the same z")
    assert [radio.get_attribute("value") for radio in group.get_by_role("radio").all()] == [
        str(label) for label in range(10)
    ]
    group.get_by_role("radio", name="3").focus()
    for key, label in (("ArrowRight", 4), ("ArrowDown", 5), ("ArrowLeft", 4)):
        figure.page.keyboard.press(key)
        assert canvases.trait(figure, "label") == label
    for number in range(10):
        chosen = group.get_by_role("radio", name=str(number), exact=True)
        assert chosen.is_checked() == (number == 4)
    figure.page.keyboard.press("Tab")
    assert not group.evaluate("group => group.contains(document.activeElement)")


def test_python_chooses_a_label_and_the_button_follows(figure):
    canvases.set_traits(figure, label=8)
    expect(figure.get_by_role("radio", name="8")).to_be_checked()


def test_arrow_keys_move_the_point_and_keep_the_label(figure):
    plane_of(figure).focus()
    steps = {"ArrowRight": [0.56, -1], "Shift+ArrowUp": [0.56, -0.7], "ArrowLeft": [0.5, -0.7]}
    for key, z in steps.items():
        figure.page.keyboard.press(key)
        assert canvases.trait(figure, "z") == pytest.approx(z)
    assert canvases.trait(figure, "label") == 3
    expect(figure.get_by_label("z₂")).to_have_value("-0.7")


def test_a_slider_moves_its_coordinate(figure):
    figure.get_by_label("z₂").fill("2")
    assert canvases.trait(figure, "z") == [0.5, 2]


def test_the_mouse_drags_the_point_and_all_images_follow(figure, model):
    plane = plane_of(figure)
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    mouse = figure.page.mouse
    mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    mouse.down()
    mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"], steps=5)
    figure.page.evaluate(canvases.FRAMES)
    z = canvases.trait(figure, "z")
    assert z == pytest.approx([1.5, 1.5], abs=0.03)
    np.testing.assert_allclose(images_on(figure)[1:], decoded(model, z), atol=0.006)
    mouse.up()


def test_z_carries_the_style_and_y_the_digit(figure):
    """Moving z changes every image, choosing y none of the strip."""
    before = images_on(figure)
    canvases.set_traits(figure, label=5)
    np.testing.assert_array_equal(images_on(figure)[1:], before[1:])
    canvases.set_traits(figure, z=[-1.5, 0.5])
    assert (abs(images_on(figure)[1:] - before[1:]).max(1) > 0.2).all()


def test_it_says_where_it_is_once_it_rests(figure):
    canvases.set_traits(figure, z=[4, 0], label=2)
    words = "z = (4.00, 0.00), beyond the plane, y = 2"
    expect(figure.locator(".vae-announcement > span").first).to_have_text(words)
    expect(figure.locator("[role=status]")).to_have_text(words)
    large = figure.get_by_role("img", name="Image decoded at z = (4.00, 0.00) for the label 2")
    expect(large).to_have_count(1)


def test_a_finger_moves_the_point_chooses_a_label_and_scrolls_elsewhere(browser, server):
    with Visit(browser, server, color_scheme="dark", **PHONE) as one:
        figure = ready_widget(one.open(PAGE), NAME)
        canvases.set_traits(figure, z=[0, 0])
        plane = plane_of(figure)
        plane.evaluate("c => c.scrollIntoView({block: 'center', behavior: 'instant'})")
        scrolled = one.page.evaluate("scrollY")
        box = plane.bounding_box()
        places = [
            (box["x"] + x * box["width"], box["y"] + y * box["height"])
            for x, y in ((0.5, 0.5), (0.5, 0.6), (0.25, 0.75), (0.25, 0.75))  # from the point
        ]
        canvases.touch(one.page, places, pause=100)
        one.page.wait_for_function(
            "f => Math.abs(f.vaelib.model.get('z')[0] + 1.5) < 0.1", arg=figure.element_handle()
        )
        assert one.page.evaluate("scrollY") == scrolled
        image = figure.locator("fieldset canvas").nth(6)
        image.evaluate("c => c.scrollIntoView({block: 'center', behavior: 'instant'})")
        image.tap()
        expect(figure.get_by_role("radio", name="6")).to_be_checked()
        assert canvases.trait(figure, "label") == 6
        box = image.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        scrolled = one.page.evaluate("scrollY")
        canvases.touch(one.page, [(x, y), (x, y - 60), (x, y - 120)])
        canvases.wait_until_scrolled(one.page)
        assert one.page.evaluate("scrollY") > scrolled
        assert canvases.trait(figure, "label") == 6
        assert one.problems == []


def test_on_a_phone_the_labels_stand_in_two_rows_within_the_screen(browser, server):
    with Visit(browser, server, **PHONE) as one:
        figure = ready_widget(one.open(PAGE), NAME)
        boxes = [canvas.bounding_box() for canvas in figure.locator("fieldset canvas").all()]
        assert len({box["y"] for box in boxes}) == 2
        assert all(box["width"] >= 44 and box["x"] + box["width"] < 390 for box in boxes)
        for one_box, other in itertools.pairwise(boxes[:5]):
            assert other["x"] > one_box["x"] + one_box["width"]
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 390
