"""DrawDigit on its page: every way to draw, MNIST's preparation, and numbers as PyTorch's."""

import base64
import functools
import itertools
import re

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import expect

import vaelib
from tests.browser import canvases
from tests.browser.conftest import PHONE, Visit, ready_widget
from vaelib.widgets import network

PAGE = "book/exploring.html"
SHEET, PEN = 280, 24  # pixels of the sheet that is scaled down, and of the pen on it
SEVEN = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]
BLANK = [0] * 784


@functools.cache
def model():
    return network.half(vaelib.pretrained("vae-2d"))


@functools.cache
def digit_bytes():
    return (vaelib.mnist("test").images[:100, 0] * 255).round().byte().numpy()


def as_mnist(ink: np.ndarray) -> np.ndarray:
    """MNIST's preparation once more, by other means: sums over areas are differences of the
    integral image, interpolated where an edge falls inside a pixel."""
    left, top, right, bottom = PIL.Image.fromarray(ink).getbbox()
    crop = ink[top:bottom, left:right].astype(float)
    sizes = [max(1, int(20 * length / max(crop.shape) + 0.5)) for length in crop.shape]
    for axis, size in enumerate(sizes):
        integral = np.insert(crop.cumsum(axis), 0, 0, axis)
        edges = np.linspace(0, crop.shape[axis], size + 1)
        at = functools.partial(np.interp, edges, np.arange(crop.shape[axis] + 1))
        sums = np.diff(np.apply_along_axis(at, axis, integral), axis=axis)
        crop = sums * size / crop.shape[axis]
    middle = [
        (crop.sum(1 - axis) @ np.arange(size)) / crop.sum() for axis, size in enumerate(sizes)
    ]
    row, column = (
        min(max(14 - int(centre + 0.5), 0), 28 - size)
        for centre, size in zip(middle, sizes, strict=True)
    )
    image = np.zeros((28, 28))
    image[row : row + sizes[0], column : column + sizes[1]] = crop
    return image


def ink_of(*strokes) -> np.ndarray:
    """Strokes of a round pen as a browser paints them: drawn four times as large, then averaged."""
    image = PIL.Image.new("L", (4 * SHEET, 4 * SHEET))
    pencil = PIL.ImageDraw.Draw(image)
    for stroke in strokes:
        spots = [(4 * SHEET * x, 4 * SHEET * y) for x, y in stroke]
        pencil.line(spots, 255, 4 * PEN)
        for x, y in spots:
            pencil.circle((x, y), 2 * PEN, 255)
    return np.asarray(image.reduce(4))


def drawings() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    digits = digit_bytes()
    shifted = np.zeros((SHEET, SHEET), np.uint8)
    shifted[70:266, 5:201] = digits[3].repeat(7, 0).repeat(7, 1)
    smooth = np.zeros((SHEET, SHEET), np.uint8)
    smooth[:233, 47:] = PIL.Image.fromarray(digits[7]).resize((233, 233))
    spot = np.zeros((SHEET, SHEET), np.uint8)
    spot[279, 0] = 1
    return {
        "a seven": ink_of(SEVEN),
        "two strokes": ink_of([(0.2, 0.5), (0.8, 0.55)], [(0.5, 0.1), (0.5, 0.9)]),
        "a tall line": ink_of([(0.9, 0.05), (0.9, 0.95)]),
        "a flat line": ink_of([(0.1, 0.1), (0.95, 0.12)]),
        "a dot": ink_of([(0.3, 0.7)]),
        "a dot at the edge": ink_of([(0.0, 0.0)]),
        "heavy at one end": ink_of([(0.1, 0.1), (0.9, 0.9)], *[[(0.1, y / 99)] for y in range(40)]),
        "one faint pixel": spot,
        "a full sheet": np.full((SHEET, SHEET), 255, np.uint8),
        "noise": generator.integers(0, 256, (SHEET, SHEET), np.uint8),
        "a digit, larger and elsewhere": shifted,
        "a digit, larger and smooth": smooth,
    }


@pytest.fixture
def figure(visit):
    figure = ready_widget(visit, "DrawDigit")
    set_pixels(figure, BLANK)
    set_pixels(figure, digit_bytes()[0].flatten().tolist())
    figure.evaluate("figure => figure.vaelib.model.set('seed', 1)")
    settle(figure)
    return figure


@pytest.fixture
def cleared(figure):
    figure.get_by_role("button", name="clear").click()
    expect(said(figure)).to_contain_text("Nothing is drawn")
    return figure


def set_pixels(figure, pixels):
    """As Python does it."""
    figure.evaluate(
        """(figure, bytes) => figure.vaelib.model.set(
          "pixels", new DataView(Uint8Array.from(bytes).buffer))""",
        pixels,
    )


def said(figure):
    return figure.locator(".vae-announcement")


def sheet_of(figure):
    return figure.locator("canvas.vae-pad")


def on_sheet(figure, spot):
    box = sheet_of(figure).bounding_box()  # with a border of one pixel
    return box["x"] + 1 + spot[0] * (box["width"] - 2), box["y"] + 1 + spot[1] * (box["height"] - 2)


def stroke(figure, spots, steps=5):
    sheet_of(figure).scroll_into_view_if_needed()
    mouse = figure.page.mouse
    mouse.move(*on_sheet(figure, spots[0]))
    mouse.down()
    for spot in spots[1:]:
        mouse.move(*on_sheet(figure, spot), steps=steps)
    mouse.up()


def pixels_after(figure, before):
    """The image once it is another one than before."""
    figure.page.wait_for_function(
        """([figure, before]) => {
          const now = new Uint8Array(figure.vaelib.model.get("pixels").buffer);
          return now.some((byte, i) => byte !== before[i]);
        }""",
        arg=[figure.element_handle(), before],
    )
    settle(figure)
    return canvases.trait(figure, "pixels")


def settle(figure):
    """Two frames: what was asked for has been computed and painted."""
    figure.page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def encoded(pixels):
    with torch.no_grad():
        return [terms[0] for terms in model().encode(torch.tensor([pixels]) / 255)]


def assert_encoded(figure, pixels):
    mu, log_var = encoded(pixels)
    assert canvases.trait(figure, "mu") == pytest.approx(mu.tolist(), abs=1e-4)
    assert canvases.trait(figure, "log_var") == pytest.approx(log_var.tolist(), abs=1e-4)


PREPARE = """(figure, [text, side]) => {
  const ink = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  return [...figure.vaelib.module.asMnist(ink, side)];
}"""


def prepared(figure, ink):
    text = base64.b64encode(ink.tobytes()).decode()
    return np.array(figure.evaluate(PREPARE, [text, SHEET])).reshape(28, 28)


def test_a_drawing_is_prepared_as_another_implementation_prepares_it(figure):
    for name, ink in drawings().items():
        assert np.abs(prepared(figure, ink) - as_mnist(ink)).max() <= 0.5 + 1e-6, name


def test_digits_of_mnist_that_are_enlarged_and_moved_come_back_as_they_are(figure):
    for digit in digit_bytes()[:40]:
        ink = np.zeros((SHEET, SHEET), np.uint8)
        ink[80:276, 3:199] = digit.repeat(7, 0).repeat(7, 1)
        assert (prepared(figure, ink) == digit).all()


def test_digits_of_mnist_come_back_nearly_from_any_size(figure):
    """Rounding may move the centre of mass over the border between two pixels."""
    for digit in digit_bytes()[:40]:
        ink = np.zeros((SHEET, SHEET), np.uint8)
        ink[:223, 57:] = PIL.Image.fromarray(digit).resize((223, 223), 0)  # nearest
        ours = prepared(figure, ink)
        moves = itertools.product((-1, 0, 1), repeat=2)
        errors = [np.abs(np.roll(ours, move, (0, 1)) - digit.astype(int)) for move in moves]
        assert min(error.mean() for error in errors) < 4


def test_no_ink_gives_no_image(figure):
    assert figure.evaluate("f => f.vaelib.module.asMnist(new Uint8Array(16), 4)") is None


def test_it_begins_with_the_first_image_and_pytorchs_numbers(figure):
    pixels = canvases.trait(figure, "pixels")
    assert pixels == digit_bytes()[0].flatten().tolist()
    assert_encoded(figure, pixels)


def test_what_is_shown_is_what_pytorch_computes(figure):
    settle(figure)
    x = torch.tensor(digit_bytes()[0].flatten() / 255.0).float()
    mu, log_var = encoded(canvases.trait(figure, "pixels"))
    draw = canvases.normals(canvases.trait(figure, "seed"))
    eps = torch.tensor(list(itertools.islice(draw, 16))).view(8, 2)
    with torch.no_grad():
        z = mu + (log_var / 2).exp() * eps
        rebuilt, logits = model().decode(mu), model().decode_logits(z)
    seen, from_mu, drawn = figure.locator("canvas.vae-picture").all()
    for canvas, images in ((seen, x[None]), (from_mu, rebuilt[None]), (drawn, logits.sigmoid())):
        np.testing.assert_allclose(canvases.shown_images(canvas), images.numpy(), atol=0.006)
    kl = vaelib.gaussian_kl(mu[None], log_var[None]).item()
    losses = F.binary_cross_entropy_with_logits(logits, x.expand(8, -1), reduction="none").sum(1)
    loss = losses.mean().item()
    shown = dict(
        row.locator("th, td").all_text_contents() for row in figure.locator(".vae-readout tr").all()
    )
    assert numbers(shown["μ"]) == pytest.approx(mu.tolist(), abs=0.0051)
    assert numbers(shown["σ"]) == pytest.approx((log_var / 2).exp().tolist(), abs=0.0051)
    assert numbers(shown["KL(q(z|x) ‖ p(z))"]) == pytest.approx([kl], abs=0.051)
    assert numbers(shown["reconstruction loss, 8 draws"])[1:] == []
    assert numbers(shown["reconstruction loss, 8 draws"]) == pytest.approx([loss], abs=0.051)
    assert numbers(shown["−ELBO"]) == pytest.approx([loss + kl], abs=0.051)


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text.replace("−", "-"))]


def test_mouse_draws_what_is_then_encoded(cleared):
    before = canvases.drawn(sheet_of(cleared))
    stroke(cleared, SEVEN)
    canvases.wait_for_change(sheet_of(cleared), before)
    pixels = pixels_after(cleared, BLANK)
    assert np.abs(np.array(pixels) - as_mnist(ink_of(SEVEN)).flatten()).mean() < 3
    assert_encoded(cleared, pixels)


def test_finger_draws_on_a_phone(browser, server):
    with Visit(browser, server, **PHONE) as one:
        figure = ready_widget(one.open(PAGE), "DrawDigit")
        figure.get_by_role("button", name="clear").tap()
        expect(said(figure)).to_contain_text("Nothing is drawn")
        sheet_of(figure).scroll_into_view_if_needed()
        scrolled = one.page.evaluate("scrollY")
        spots = [(0.5, 0.1 + y / 20) for y in range(16)]
        canvases.touch(one.page, [on_sheet(figure, spot) for spot in spots])
        pixels = pixels_after(figure, BLANK)
        assert np.abs(np.array(pixels) - as_mnist(ink_of(spots)).flatten()).mean() < 3
        assert one.page.evaluate("scrollY") == scrolled
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert one.problems == []


def test_pen_draws_as_a_mouse_does_however_hard_it_presses(cleared):
    session = cleared.page.context.new_cdp_session(cleared.page)
    steps = ["mousePressed", "mouseMoved", "mouseMoved", "mouseReleased"]
    for kind, spot, force in zip(steps, [*SEVEN, SEVEN[-1]], [0.1, 0.9, 0.4, 0], strict=True):
        x, y = on_sheet(cleared, spot)
        options = {"button": "left", "buttons": 1, "pointerType": "pen", "force": force}
        session.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **options})
    pixels = pixels_after(cleared, BLANK)
    assert np.abs(np.array(pixels) - as_mnist(ink_of(SEVEN)).flatten()).mean() < 3


def test_keys_draw(cleared):
    keyboard = cleared.page.keyboard
    sheet_of(cleared).focus()
    for key in ["ArrowLeft", "Space", *["Shift+ArrowDown"] * 5, "Space", "ArrowRight"]:
        keyboard.press(key)
    pixels = pixels_after(cleared, BLANK)
    spots = [(0.48, 0.25), (0.48, 0.75)]
    assert np.abs(np.array(pixels) - as_mnist(ink_of(spots)).flatten()).mean() < 3
    expect(said(cleared)).to_contain_text("Pen up at 50 % across, 75 % down")
    keyboard.press("Control+z")
    expect(said(cleared)).to_contain_text("Nothing is drawn")


def test_a_stroke_is_taken_back_and_the_sheet_is_cleared(cleared):
    undo = cleared.get_by_role("button", name="undo last stroke")
    expect(undo).to_be_disabled()
    stroke(cleared, SEVEN)
    first = pixels_after(cleared, BLANK)
    stroke(cleared, [(0.2, 0.6), (0.9, 0.6)])
    pixels_after(cleared, first)
    undo.click()
    settle(cleared)
    assert canvases.trait(cleared, "pixels") == first
    cleared.get_by_role("button", name="clear").click()
    expect(undo).to_be_disabled()
    assert canvases.trait(cleared, "pixels") == BLANK


def test_taking_back_the_last_stroke_by_keyboard_keeps_the_focus(cleared):
    stroke(cleared, SEVEN)
    pixels_after(cleared, BLANK)
    undo = cleared.get_by_role("button", name="undo last stroke")
    undo.press("Enter")
    expect(undo).to_be_disabled()
    expect(undo).to_be_focused()
    undo.press("Enter")
    assert canvases.trait(cleared, "pixels") == BLANK


def test_a_stroke_ends_when_the_sheet_changes_below_the_pointer(cleared):
    """What it had drawn is gone, and nothing joins on to it: Visit would tell of an error."""
    mouse, digit = cleared.page.mouse, digit_bytes()[2].flatten().tolist()
    changes = {
        "undo": (lambda: cleared.page.keyboard.press("Control+z"), BLANK),
        "Python": (lambda: set_pixels(cleared, digit), digit),
    }
    for change, expected in changes.values():
        before = canvases.trait(cleared, "pixels")
        sheet_of(cleared).focus()
        mouse.move(*on_sheet(cleared, SEVEN[0]))
        mouse.down()
        mouse.move(*on_sheet(cleared, SEVEN[1]))
        pixels_after(cleared, before)
        change()
        mouse.move(*on_sheet(cleared, SEVEN[2]))
        mouse.up()
        settle(cleared)
        assert canvases.trait(cleared, "pixels") == expected


def test_a_held_space_puts_the_pen_down_once(cleared):
    sheet_of(cleared).focus()
    for _ in range(4):  # pressed down again without coming up: the key repeats
        cleared.page.keyboard.down("Space")
    cleared.page.keyboard.up("Space")
    expect(said(cleared)).to_contain_text("Pen down")
    cleared.page.keyboard.press("Escape")


def test_an_empty_sheet_is_not_encoded(cleared):
    assert canvases.trait(cleared, "mu") is None
    assert canvases.trait(cleared, "log_var") is None
    cells = cleared.locator(".vae-readout td").all_text_contents()
    assert cells == ["–"] * 5
    assert "NaN" not in cleared.inner_text()
    for canvas in cleared.locator("canvas.vae-picture").all():
        assert np.abs(canvases.shown_images(canvas)).max() < 0.01


def test_a_full_sheet_is_encoded_and_said_to_be_no_digit(cleared):
    heights = [0.02 + 0.96 * line / 14 for line in range(15)]  # the very corners are rounded off
    lines = [((0.02, y), (0.98, y)) for y in heights]
    stroke(cleared, [spot for line in lines for spot in line], steps=1)
    expect(said(cleared)).to_contain_text("fills the sheet")
    pixels = canvases.trait(cleared, "pixels")
    assert np.count_nonzero(pixels) == 400
    assert_encoded(cleared, pixels)
    assert "NaN" not in cleared.inner_text()


def test_a_dot_is_blown_up_and_this_is_said(cleared):
    sheet_of(cleared).click(position={"x": 160, "y": 160})
    expect(said(cleared)).to_contain_text("So small a drawing")
    pixels = canvases.trait(cleared, "pixels")
    dot = as_mnist(ink_of([(0.5, 0.5)])).flatten()
    assert np.abs(np.array(pixels) - dot).mean() < 12  # its edge may fall between two pixels
    assert_encoded(cleared, pixels)


def test_a_stroke_may_leave_the_sheet_and_come_back(cleared):
    spots = [(0.5, 0.5), (0.5, -0.2), (0.8, -0.2), (0.8, 0.9)]
    stroke(cleared, spots)
    pixels = pixels_after(cleared, BLANK)
    assert np.abs(np.array(pixels) - as_mnist(ink_of(spots)).flatten()).mean() < 3


def test_python_sets_the_image_and_a_stroke_goes_on_from_it(figure):
    digit = digit_bytes()[4].flatten().tolist()
    set_pixels(figure, digit)
    settle(figure)
    assert_encoded(figure, digit)
    stroke(figure, [(0.5, 0.2), (0.5, 0.8)])
    changed = np.array(pixels_after(figure, digit)).reshape(28, 28)
    ink = np.maximum(digit_bytes()[4].repeat(10, 0).repeat(10, 1), ink_of([(0.5, 0.2), (0.5, 0.8)]))
    assert np.abs(changed - as_mnist(ink)).mean() < 3
    figure.get_by_role("button", name="undo last stroke").click()
    settle(figure)
    assert canvases.trait(figure, "pixels") == digit


def test_the_slider_puts_a_test_image_on_the_sheet(figure):
    before = canvases.drawn(sheet_of(figure))
    figure.get_by_role("slider", name="test image").focus()
    figure.page.keyboard.press("Home")
    for _ in range(3):
        figure.page.keyboard.press("ArrowRight")
    canvases.wait_for_change(sheet_of(figure), before)
    settle(figure)
    digit = digit_bytes()[3].flatten().tolist()
    assert canvases.trait(figure, "pixels") == digit
    assert_encoded(figure, digit)


def test_a_cleared_test_image_is_put_on_the_sheet_again(cleared):
    slider = cleared.get_by_role("slider", name="test image")
    chosen = int(slider.input_value())
    cleared.get_by_role("button", name="put on the sheet").click()
    digit = digit_bytes()[chosen].flatten().tolist()
    assert canvases.trait(cleared, "pixels") == digit


def test_z_is_drawn_again_and_the_same_seed_draws_the_same(figure):
    strip = figure.locator("canvas.vae-picture").nth(2)
    settle(figure)
    before = canvases.drawn(strip)
    figure.get_by_role("button", name="draw z again").click()
    canvases.wait_for_change(strip, before)
    figure.evaluate("figure => figure.vaelib.model.set('seed', 1)")
    figure.page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() === before", arg=[strip.element_handle(), before]
    )


def test_the_map_follows_the_drawing_and_the_zoom(figure):
    plane = figure.locator("canvas[aria-label^='Latent map']")
    settle(figure)
    before = canvases.drawn(plane)
    stroke(figure, [(0.2, 0.5), (0.8, 0.5)])
    canvases.wait_for_change(plane, before)
    before = canvases.drawn(plane)
    figure.get_by_role("slider", name="zoom").focus()
    figure.page.keyboard.press("End")
    canvases.wait_for_change(plane, before)
    figure.page.keyboard.press("Home")


def test_the_widget_runs_from_a_file_and_served(browser, base):
    with Visit(browser, base, color_scheme="dark") as one:
        figure = ready_widget(one.open(PAGE), "DrawDigit")
        assert_encoded(figure, canvases.trait(figure, "pixels"))
        assert one.problems == []
