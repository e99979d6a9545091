"""Every canvas that is moved, under real fingers, a pen, a mouse, and on screens of many kinds."""

import json

import pytest

from tests.browser.canvases import FRAMES, touch, trait
from tests.browser.conftest import Visit, built, ready_widget
from tests.pages import chapters, widgets_of

TABLET = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
TRAITS = {  # what the canvas moves
    "AutoencoderVersusVAE": ["at"],
    "BoundExplorer": ["mu", "sigma"],
    "CollapseExplorer": ["step", "seed"],
    "ConditionalExplorer": ["z"],
    "DrawDigit": ["pixels"],
    "GaussianKL": ["mu", "sigma"],
    "LatentExplorer": ["z", "chosen"],
    "Playground": ["z"],
    "Reparameterization": ["chosen"],
    "TrainingReplay": ["epoch"],
}
NOT_MOVED = {"PriorFlow", "EffectiveBeta", "LivingNetwork"}  # with pictures, or no canvas at all
PLACES = [
    (built(page), name) for page in chapters() for name in widgets_of(page) if name not in NOT_MOVED
]


class Hand:
    """What a reader's hands do to the canvas of one widget; places are shares of its box."""

    def __init__(self, visit, name):
        self.visit, self.page, self.name = visit, visit.page, name
        self.figure = ready_widget(visit, name)
        number = 1 if name == "TrainingReplay" else 0  # there the first one only takes keys
        self.canvas = self.figure.locator("canvas[tabindex='0']").nth(number)
        self.start = {each: trait(self.figure, each) for each in TRAITS[name]}
        self.session = visit.context.new_cdp_session(self.page)

    def begin(self):
        """Put the widget back to where it began, and the canvas into sight."""
        if self.name == "DrawDigit":
            self.figure.get_by_role("button", name="clear").click()
        else:
            self.figure.evaluate(
                "(f, values) => Object.entries(values).forEach(e => f.vaelib.model.set(...e))",
                self.start,
            )
        self.canvas.evaluate("c => c.scrollIntoView({block: 'center', behavior: 'instant'})")
        self.settle()

    def settle(self):
        self.page.evaluate(FRAMES)

    def at(self, x, y=0.25):
        box = self.canvas.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def fingers(self, kind, **places):
        """What fingers do next, each with number and place: fingers("Move", f0=(0.3, 0.2))."""
        points = [
            {"id": int(name[1:]), "x": x, "y": y}
            for name, (x, y) in ((name, self.at(*place)) for name, place in places.items())
        ]
        event = {"type": f"touch{kind}", "touchPoints": points}
        self.session.send("Input.dispatchTouchEvent", event)
        self.settle()

    def pen(self, kind, x, y=0.25, kind_of="pen", button="left"):
        place = dict(zip(("x", "y"), self.at(x, y), strict=True))
        pressed = {"Pressed": 1, "Released": 0, "Moved": 1}[kind]
        event = {"type": f"mouse{kind}", "button": button, "buttons": pressed, "clickCount": 1}
        self.session.send("Input.dispatchMouseEvent", event | place | {"pointerType": kind_of})
        self.settle()

    def drag(self, start, end, y=0.25):
        """With one finger."""
        self.fingers("Start", f0=(start, y))
        for share in (0.5, 1):
            self.fingers("Move", f0=(start + share * (end - start), y))
        self.fingers("End")

    def stroke(self, *spots):
        """With the mouse."""
        self.page.mouse.move(*self.at(*spots[0]))
        self.page.mouse.down()
        for spot in spots[1:]:
            self.page.mouse.move(*self.at(*spot), steps=4)
        self.page.mouse.up()
        self.settle()

    def state(self):
        """What the canvas has moved."""
        return json.dumps([trait(self.figure, each) for each in TRAITS[self.name]])

    def numbers(self):
        values = json.loads(self.state())
        return [n for value in values for n in (value if isinstance(value, list) else [value])]


@pytest.fixture(scope="module", params=PLACES, ids=[name for _, name in PLACES])
def shared(request, browser, server):
    page, name = request.param
    with Visit(browser, server, **TABLET) as visit:
        yield Hand(visit.open(page), name)
        assert visit.problems == []


@pytest.fixture
def hand(shared):
    shared.begin()
    return shared


def test_a_second_finger_does_nothing_and_the_first_goes_on(hand):
    hand.fingers("Start", f0=(0.3,))
    hand.fingers("Move", f0=(0.38,))
    before = hand.state()
    hand.fingers("Start", f0=(0.38,), f1=(0.8, 0.3))
    hand.fingers("Move", f0=(0.38,), f1=(0.7, 0.3))
    hand.fingers("Move", f0=(0.38,), f1=(0.6, 0.3))
    assert hand.state() == before
    hand.fingers("End", f0=(0.38,))
    assert hand.state() == before
    hand.fingers("Move", f0=(0.65,))
    hand.fingers("End")
    assert hand.state() != before


def test_a_pen_takes_over_from_the_palm(hand):
    for kind, x in (("Pressed", 0.45), ("Moved", 0.6), ("Released", 0.7)):
        hand.pen(kind, x)
    alone = hand.state()
    hand.begin()
    hand.fingers("Start", f0=(0.2, 0.8))
    hand.fingers("Move", f0=(0.3, 0.8))
    hand.pen("Pressed", 0.45)
    hand.fingers("Move", f0=(0.25, 0.8))
    hand.pen("Moved", 0.6)
    hand.fingers("Move", f0=(0.2, 0.8))
    hand.pen("Released", 0.7)
    assert hand.state() == alone
    hand.fingers("Move", f0=(0.5, 0.8))
    hand.fingers("End")
    assert hand.state() == alone
    hand.page.wait_for_timeout(600)  # until a finger is a finger again


def test_a_pointer_that_is_taken_away_leaves_the_canvas_to_the_next(hand):
    hand.fingers("Start", f0=(0.3,))
    hand.fingers("Move", f0=(0.4,))
    hand.fingers("Cancel")
    before = hand.state()
    if hand.name == "DrawDigit":  # the system found that it was the palm
        assert not any(json.loads(before)[0])
    hand.drag(0.35, 0.7)
    assert hand.state() != before


def test_a_capture_that_is_lost_ends_the_drag(hand):
    hand.canvas.evaluate("c => c.addEventListener('pointerdown', e => c.id_ = e.pointerId)")
    hand.page.mouse.move(*hand.at(0.3))
    hand.page.mouse.down()
    hand.page.mouse.move(*hand.at(0.4))
    hand.canvas.evaluate("c => c.releasePointerCapture(c.id_)")
    hand.page.mouse.move(*hand.at(0.42))
    hand.settle()
    before = hand.state()
    hand.page.mouse.move(*hand.at(0.7))
    hand.settle()
    assert hand.state() == before
    hand.page.mouse.up()
    hand.stroke((0.4, 0.25), (0.7, 0.25))
    assert hand.state() != before


def test_a_pointer_that_has_vanished_is_no_error(hand):
    hand.canvas.evaluate(
        """c => ["touch", "mouse"].forEach(pointerType => c.dispatchEvent(
          new PointerEvent("pointerdown", {pointerId: 99, pointerType, isPrimary: true})))"""
    )
    hand.settle()
    before = hand.state()
    hand.drag(0.35, 0.7)
    assert hand.state() != before


@pytest.fixture
def plane(hand):
    """A canvas on which a point is moved in both directions, and not a sheet or a chart."""
    if hand.canvas.evaluate("c => getComputedStyle(c).touchAction") != "pan-y":
        pytest.skip("a finger draws on it wherever it goes")
    if "vae-plane" not in hand.canvas.get_attribute("class"):
        pytest.skip("a finger moves things on it sideways alone")
    return hand


def swipe(hand, x: float, start: float, end: float) -> float:
    """Up or down with one finger; by how many pixels that scrolls the page."""
    before = hand.page.evaluate("scrollY")
    places = [hand.at(x, start + share / 8 * (end - start)) for share in range(9)]
    touch(hand.page, places, pause=30)
    hand.settle()
    return hand.page.evaluate("scrollY") - before


def test_a_swipe_beside_the_point_scrolls_the_page_and_moves_nothing(plane):
    before = plane.state()
    assert swipe(plane, 0.04, 0.9, 0.4) > 50
    assert plane.state() == before


def test_a_finger_on_the_point_drags_it_up_and_does_not_scroll(plane):
    touch(plane.page, [plane.at(0.5, 0.5)])  # which brings it there
    plane.settle()
    before = plane.state()
    assert swipe(plane, 0.5, 0.5, 0.25) == 0
    assert plane.state() != before


def test_hovering_and_other_buttons_do_nothing(hand):
    before = hand.state()
    for x in (0.3, 0.5, 0.7):
        hand.page.mouse.move(*hand.at(x))
    for button in ("right", "middle"):
        hand.page.mouse.down(button=button)
        hand.page.mouse.move(*hand.at(0.35))
        hand.page.mouse.up(button=button)
    hand.settle()
    assert hand.state() == before


def test_a_long_press_opens_no_menu_selects_nothing_and_then_drags(hand):
    before = hand.state()
    hand.page.evaluate(
        """window.menus = [];
        document.addEventListener("contextmenu", e => menus.push(e.defaultPrevented))"""
    )
    hand.fingers("Start", f0=(0.3,))
    hand.page.wait_for_timeout(900)
    assert all(hand.page.evaluate("menus"))
    assert hand.page.evaluate("getSelection().toString()") == ""
    hand.fingers("Move", f0=(0.5,))
    hand.fingers("Move", f0=(0.6,))
    hand.fingers("End")
    assert hand.state() != before


def test_a_screen_of_another_density_is_drawn_sharply(hand):
    hand.figure.evaluate("f => { f.style.width = '500px' }")  # so that no size changes
    hand.begin()
    hand.drag(0.35, 0.7)
    for wider, density in ((1, 2), (0, 1.25), (1, 1), (0, 1)):
        metrics = {"width": 820 + wider, "height": 1180, "deviceScaleFactor": density}
        hand.session.send("Emulation.setDeviceMetricsOverride", {**metrics, "mobile": False})
        hand.page.wait_for_function(
            """([c, density]) => {
              const context = new OffscreenCanvas(c.width, c.height)
                .getContext("2d", { willReadFrequently: true });
              context.drawImage(c, 0, 0);
              const { data } = context.getImageData(0, 0, c.width, c.height);
              return Math.abs(c.width - c.clientWidth * density) <= 1 && data.some(byte => byte);
            }""",
            arg=[hand.canvas.element_handle(), density],
        )
    hand.figure.evaluate("f => { f.style.width = '' }")


PATH = [(0.35, 0.3), (0.6, 0.25), (0.6, 0.35)]
SCALED = {
    "CSS zoom": "document.body.style.zoom = 1.25",
    "transform": "f.style.transform = 'scale(0.8)'; f.style.transformOrigin = '0 0'",
    "right to left": "document.documentElement.dir = 'rtl'",
}
PLAIN = "document.body.style.zoom = f.style.transform = document.documentElement.dir = ''"


@pytest.mark.parametrize("scaled", SCALED)
def test_a_place_is_the_same_on_a_page_that_is(hand, scaled):
    hand.figure.evaluate("f => { f.style.width = '500px' }")  # so that its layout stays
    hand.begin()
    hand.stroke(*PATH)
    wanted = hand.numbers()
    hand.figure.evaluate(f"f => {{ {SCALED[scaled]} }}")
    try:
        hand.begin()
        hand.stroke(*PATH)
        found = hand.numbers()
    finally:
        hand.figure.evaluate(f"f => {{ {PLAIN}; f.style.width = '' }}")
    far = [abs(one - other) for one, other in zip(found, wanted, strict=True)]
    assert sum(far) / len(far) < (4 if hand.name == "DrawDigit" else 0.07)


def test_a_page_that_is_pinched_larger_is_touched_where_the_finger_is(hand):
    hand.stroke(*PATH)
    wanted = hand.numbers()
    hand.session.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 1.5})
    try:
        hand.begin()
        spots = [hand.at(*spot) for spot in PATH]
        for kind, (x, y) in zip(["Start", "Move", "Move"], spots, strict=True):
            place = {"x": x, "y": y}
            event = {"type": f"touch{kind}", "touchPoints": [place]}
            hand.session.send("Input.dispatchTouchEvent", event)
            hand.settle()
        hand.fingers("End")
        found = hand.numbers()
    finally:
        hand.session.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 1})
    far = [abs(one - other) for one, other in zip(found, wanted, strict=True)]
    assert sum(far) / len(far) < (8 if hand.name == "DrawDigit" else 0.1)


def test_on_a_page_from_right_to_left_right_is_right(hand):
    hand.page.evaluate("document.documentElement.dir = 'rtl'")
    try:
        hand.begin()
        slider = hand.figure.locator("input[type=range]").first
        before = float(slider.input_value())
        slider.focus()
        hand.page.keyboard.press("Home")
        hand.page.keyboard.press("ArrowRight")
        low, high = (float(slider.get_attribute(end)) for end in ("min", "max"))
        assert low < float(slider.input_value()) < (low + high) / 2, before
        box = slider.bounding_box()
        hand.page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
        assert float(slider.input_value()) > low + 0.75 * (high - low)
        if hand.name in ("LatentExplorer", "AutoencoderVersusVAE", "ConditionalExplorer"):
            point = hand.numbers()
            hand.canvas.focus()
            hand.page.keyboard.press("ArrowRight")
            assert hand.numbers()[0] > point[0]
        label = hand.figure.locator(".vae-slider label").first.bounding_box()
        assert label["x"] < box["x"]
    finally:
        hand.page.evaluate("document.documentElement.dir = ''")
