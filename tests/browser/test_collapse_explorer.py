"""CollapseExplorer on its page: it shows what the stored runs have, and all hands choose them."""

import math
import re

import pytest
from playwright.sync_api import expect

from tests.browser import canvases
from tests.browser.conftest import PHONE, Visit, ready_widget
from vaelib.widgets import CollapseExplorer
from vaelib.widgets.collapse_runs import SWEEPS

PAGE = "book/wrong.html"
NAME = "CollapseExplorer"
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 26, 36  # CSS pixels around the plane
BLUE = [63, 144, 218]  # of the runs, and of the bars of active units

# The colours at places of a canvas, (x, y) in CSS pixels.
COLORS = """(canvas, places) => {
  const ratio = canvas.width / canvas.clientWidth;
  const copy = new OffscreenCanvas(canvas.width, canvas.height)
    .getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return places.map(([x, y]) =>
    [...copy.getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data.slice(0, 3)]);
}"""


@pytest.fixture
def figure(visit):
    figure = ready_widget(visit, NAME)
    show(figure, "beta", 4)
    return figure


@pytest.fixture(scope="module")
def python():
    return CollapseExplorer()


def show(figure, sweep, step, seed=0, logarithmic=True):
    """Put the widget on a run, as Python does it."""
    canvases.set_traits(figure, sweep=sweep, step=step, seed=seed, logarithmic=logarithmic)


def chosen(figure) -> tuple:
    figure.page.evaluate(canvases.FRAMES)
    return tuple(canvases.trait(figure, name) for name in ("sweep", "step", "seed"))


def every_run(python):
    """Each run of each sweep: where it is chosen, and the explorer in Python that is there."""
    for page in python.sweeps:
        name = page["name"]
        for step, seeds in enumerate(page["runs"]):
            for seed in range(len(seeds)):
                python.sweep, python.step, python.seed = name, step, seed
                yield name, step, seed


def numbers(figure) -> dict[str, str]:
    """The rows of the table that are seen."""
    return figure.evaluate(
        """figure => Object.fromEntries([...figure.querySelectorAll("table tr")]
          .filter(row => row.checkVisibility())
          .map(row => [...row.cells].map(cell => cell.innerText)))"""
    )


def page_of(figure, sweep: str) -> dict:
    """What the page has of a sweep."""
    return next(page for page in canvases.trait(figure, "sweeps") if page["name"] == sweep)


def value(shown: str) -> float:
    return float(shown.replace("−", "-"))


def plane_of(figure):
    return figure.locator("canvas.vae-chart")


def place(figure, sweep, step, seed=0) -> tuple[float, float]:
    """Where a run is in the plane, in CSS pixels from its corner."""
    page = page_of(figure, sweep)
    run = page["runs"][step][seed]
    width, height = plane_of(figure).evaluate("c => [c.clientWidth, c.clientHeight]")
    across, along = (
        (run[name] - low) / (high - low)
        for name, (low, high) in (("rate", page["x"]), ("height", page["y"]))
    )
    return LEFT + across * (width - LEFT - RIGHT), TOP + (1 - along) * (height - TOP - BOTTOM)


def is_orange(color) -> bool:
    """Whether it is that of the corner and of the threshold, mixed at most half with the ground."""
    red, green, blue = color
    return red > 220 and green < 180 and blue < 130


def on_page(figure, spot) -> tuple[float, float]:
    box = plane_of(figure).bounding_box()
    return box["x"] + spot[0], box["y"] + spot[1]


def into_sight(figure):
    centre = "c => c.scrollIntoView({block: 'center', behavior: 'instant'})"
    plane_of(figure).evaluate(centre)


def test_all_numbers_are_pythons_to_the_last_digit_shown(figure, python):
    for spot in every_run(python):
        show(figure, *spot)
        found, run = numbers(figure), python.run
        assert value(found["rate, nats"]) == pytest.approx(run.rate, abs=0.0051)
        assert value(found["distortion, nats"]) == pytest.approx(run.distortion, abs=0.0051)
        assert value(found["−ELBO, nats"]) == pytest.approx(-run.elbo, abs=0.0102)
        total = value(found["rate, nats"]) + value(found["distortion, nats"])
        assert value(found["−ELBO, nats"]) == pytest.approx(total, abs=1e-6)
        assert found["active units"] == f"{run.active} of 20"
        assert ("squared error" in found) == (spot[0] == "sigma")
        if spot[0] == "sigma":
            assert value(found["squared error"]) == pytest.approx(run.squared_error, abs=0.0051)
        assert ("price, nats" in found) == (spot[0] == "remedy")
        if spot[0] == "remedy":
            assert value(found["price, nats"]) == pytest.approx(python.price, abs=0.0052)
            both = [value(one) for one in found["price by seed"].split(", ")]
            assert both == pytest.approx(python.prices, abs=0.0052)
        assert "−0.00" not in figure.inner_text()


def test_sentence_and_label_say_the_run(figure, python):
    for spot in (("decoder", 3, 1), ("beta", 7, 0), ("remedy", 1, 0)):
        show(figure, *spot)
        python.sweep, python.step, python.seed = spot
        name = page_of(figure, spot[0])["names"][spot[1]]
        said = figure.locator(".vae-announcement > span").first
        expect(said).to_contain_text(f"{name}{'' if spot[0] == 'beta' else f', seed {spot[2]}'}: ")
        expect(said).to_contain_text(f"{python.run.active} of 20 active.")
        expect(figure.locator("output")).to_have_text(name)
        expect(figure.locator("input[type=range]")).to_have_attribute("aria-valuetext", name)
        label = figure.get_by_role("img").get_attribute("aria-label")
        assert f"{python.run.active} of them active" in label
        assert re.findall(r"\d\.\d{4}", label) == [f"{kl:.4f}" for kl in python.run.kl]
    expect(figure.locator("[role=status]")).to_contain_text("KL warm-up, seed 0")


def test_provenance_of_the_sweep_is_said(figure):
    for page in canvases.trait(figure, "sweeps"):
        show(figure, page["name"], 0)
        expect(figure.locator(".vae-root")).to_contain_text(page["made"])
        assert "python -m tests.bench.collapse" in page["made"]


@pytest.mark.parametrize("logarithmic", [True, False])
def test_as_many_bars_are_filled_as_units_are_active(figure, python, logarithmic):
    bars = figure.get_by_role("img")
    for spot in every_run(python):
        show(figure, *spot, logarithmic=logarithmic)
        width, height = bars.evaluate("c => [c.clientWidth, c.clientHeight]")
        step = (width - 64) / 20.4
        feet = [[52 + (rank + 0.7) * step, height - 27] for rank in range(20)]
        filled = [color == BLUE for color in bars.evaluate(COLORS, feet)]
        # On the plain axis a bar of less than a pixel's worth of nats is not seen.
        seen = python.run.active if logarithmic else sum(kl > 0.08 for kl in python.run.kl)
        assert filled[:seen] == [True] * seen
        assert not any(filled[python.run.active :])


def test_line_of_the_bars_is_at_the_threshold(figure):
    """On the logarithmic axis, from 0.0001 nats to a tenth above the largest of the sweep."""
    bars = figure.get_by_role("img")
    show(figure, "beta", 7)
    height = bars.evaluate("c => c.clientHeight")
    lines = [[[x, y] for y in range(height)] for x in range(54, 64)]  # some hit a gap of the dashes
    found = [
        y
        for line in lines
        for y, color in enumerate(bars.evaluate(COLORS, line))
        if is_orange(color)
    ]
    largest = max(run["kl"][0] for (run,) in page_of(figure, "beta")["runs"])
    share = math.log10(0.005 / 0.0001) / math.log10(1.1 * largest / 0.0001)
    wanted = height - 24 - share * (height - 50)
    assert found
    assert max(abs(y + 0.5 - wanted) for y in found) < 1.5  # from the middle of each pixel


def test_every_run_is_drawn_at_its_place(figure, python):
    plane = plane_of(figure)
    for name in SWEEPS:
        runs = [spot for spot in every_run(python) if spot[0] == name]
        show(figure, *runs[0])
        into_sight(figure)
        places = [place(figure, *spot) for spot in runs]
        colors = plane.evaluate(COLORS, [[x, y] for x, y in places])
        assert colors == [BLUE] * len(runs)


def test_corner_is_drawn_at_its_distortion(figure):
    page = page_of(figure, "beta")
    width, height = plane_of(figure).evaluate("c => [c.clientWidth, c.clientHeight]")
    x = LEFT - page["x"][0] / (page["x"][1] - page["x"][0]) * (width - LEFT - RIGHT)
    share = (page["corner"] - page["y"][0]) / (page["y"][1] - page["y"][0])
    y = TOP + (1 - share) * (height - TOP - BOTTOM)
    edge = [[x - 8, y], [x + 8, y], [x + 4, y - 8], [x - 4, y - 8]]
    assert all(is_orange(color) for color in plane_of(figure).evaluate(COLORS, edge))


def test_mouse_picks_the_run_that_it_points_at(figure, python):
    for spot in every_run(python):
        show(figure, spot[0], 0)
        into_sight(figure)
        figure.page.mouse.click(*on_page(figure, place(figure, *spot)))
        assert chosen(figure) == spot


def test_mouse_between_runs_picks_the_nearest(figure):
    """Above a run, but farther from it than another is to the right; and far above the last one."""
    into_sight(figure)
    for across, along, nearest in ((6, 5, 5), (0, 2, 0)):
        spot = place(figure, "beta", across)[0], place(figure, "beta", along)[1]
        figure.page.mouse.click(*on_page(figure, spot))
        assert chosen(figure) == ("beta", nearest, 0)


def test_dragging_goes_from_run_to_run(figure):
    into_sight(figure)
    figure.page.mouse.move(*on_page(figure, place(figure, "beta", 0)))
    figure.page.mouse.down()
    seen = []
    for step in range(8):
        figure.page.mouse.move(*on_page(figure, place(figure, "beta", step)), steps=3)
        seen.append(chosen(figure)[1])
    figure.page.mouse.up()
    assert seen == list(range(8))
    figure.page.mouse.move(*on_page(figure, place(figure, "beta", 0)))
    assert chosen(figure) == ("beta", 7, 0)


def test_pen_picks_a_run(figure):
    into_sight(figure)
    session = figure.page.context.new_cdp_session(figure.page)
    for kind, step in (("Pressed", 6), ("Moved", 3), ("Released", 3)):
        x, y = on_page(figure, place(figure, "beta", step))
        event = {"type": f"mouse{kind}", "x": x, "y": y, "button": "left", "pointerType": "pen"}
        pressed = {"buttons": int(kind != "Released"), "clickCount": 1}
        session.send("Input.dispatchMouseEvent", event | pressed)
        assert chosen(figure) == ("beta", step, 0)


def test_arrow_keys_go_to_the_next_run_in_their_direction(figure):
    plane = plane_of(figure)
    name = plane.get_attribute("aria-label")
    rates = [page_of(figure, "beta")["runs"][step][0]["rate"] for step in range(8)]
    plane.press("ArrowRight")
    assert rates[chosen(figure)[1]] > rates[4]
    plane.press("ArrowLeft")
    assert chosen(figure) == ("beta", 4, 0)
    plane.press("ArrowUp")
    assert chosen(figure) == ("beta", 5, 0)
    for _ in range(9):
        plane.press("ArrowDown")
    assert chosen(figure) == ("beta", 0, 0)
    show(figure, "decoder", 0, 0)
    plane.press("ArrowRight")
    assert chosen(figure) == ("decoder", 0, 1)
    assert plane.get_attribute("aria-label") == name  # it is not read out with each key


def test_slider_and_choices_are_named_and_work_by_keyboard(figure):
    figure.get_by_role("slider", name="β").press("ArrowRight")
    assert chosen(figure) == ("beta", 5, 0)
    figure.get_by_role("slider", name="β").press("End")
    assert chosen(figure) == ("beta", 7, 0)
    expect(figure.get_by_label("seed")).to_be_hidden()
    figure.get_by_label("what differs").focus()
    figure.page.keyboard.press("ArrowDown")
    assert chosen(figure) == ("sigma", 0, 0)
    figure.get_by_role("slider", name="noise s").press("End")
    assert chosen(figure) == ("sigma", 5, 0)
    figure.get_by_label("what differs").select_option("remedy")
    assert chosen(figure) == ("remedy", 0, 0)
    figure.get_by_label("seed").select_option("1")
    figure.get_by_role("slider", name="remedy").press("ArrowRight")
    assert chosen(figure) == ("remedy", 1, 1)
    figure.get_by_label("what differs").select_option("decoder")
    assert chosen(figure) == ("decoder", 0, 0)
    figure.get_by_role("slider", name="it sees").press("End")
    expect(figure.locator("output")).to_have_text("24, 8 channels")


def test_axis_of_the_bars_is_a_tick_away(figure):
    bars = figure.get_by_role("img")
    before = canvases.drawn(bars)
    tick = figure.get_by_label("logarithmic axis")
    expect(tick).to_be_checked()
    tick.focus()
    figure.page.keyboard.press("Space")
    canvases.wait_for_change(bars, before)
    assert canvases.trait(figure, "logarithmic") is False
    show(figure, "beta", 4)
    expect(tick).to_be_checked()
    assert canvases.drawn(bars) == before


@pytest.mark.parametrize(
    ("spoil", "shown"),
    [
        ("'step', 99", ("β = 32", "205.92")),
        ("'step', -3", ("β = 0.25", "70.95")),
        ("'step', NaN", ("β = 0.25", "70.95")),
        ("'seed', 5", ("β = 4", "120.74")),
        ("'sweep', 'gamma'", ("β = 4", "120.74")),
    ],
)
def test_a_run_that_was_not_is_the_nearest_one(figure, spoil, shown):
    figure.evaluate(f"f => f.vaelib.model.set({spoil})")
    figure.page.evaluate(canvases.FRAMES)
    expect(figure.locator("output")).to_have_text(shown[0])
    assert numbers(figure)["distortion, nats"] == shown[1]
    assert "NaN" not in figure.inner_text()
    assert "undefined" not in figure.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_finger_taps_and_drags_on_a_phone(browser, server, scheme):
    with Visit(browser, server, color_scheme=scheme, **PHONE) as visit:
        figure = ready_widget(visit.open(PAGE), NAME)
        show(figure, "beta", 4)
        into_sight(figure)
        visit.page.touchscreen.tap(*on_page(figure, place(figure, "beta", 7)))
        assert chosen(figure) == ("beta", 7, 0)
        spots = [on_page(figure, place(figure, "beta", step)) for step in (3, 2, 1, 0)]
        canvases.touch(visit.page, spots)
        assert chosen(figure) == ("beta", 0, 0)
        for name in SWEEPS:
            figure.get_by_label("what differs").select_option(name)
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        ground = figure.locator(".vae-root").evaluate("r => getComputedStyle(r).backgroundColor")
        assert ground == visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert visit.problems == []


def test_a_finger_that_goes_down_scrolls_the_page_and_picks_nothing(browser, server):
    with Visit(browser, server, **PHONE) as visit:
        figure = ready_widget(visit.open(PAGE), NAME)
        show(figure, "beta", 4)
        into_sight(figure)
        x, y = on_page(figure, place(figure, "beta", 1))
        canvases.touch(visit.page, [(x, y - step) for step in range(0, 90, 15)], pause=20)
        canvases.wait_until_scrolled(visit.page)
        assert chosen(figure) == ("beta", 4, 0)
        assert visit.problems == []


def test_it_runs_from_a_file_and_served(browser, base):
    with Visit(browser, base) as visit:
        figure = ready_widget(visit.open(PAGE), NAME)
        assert numbers(figure)["active units"] == "14 of 20"
        into_sight(figure)
        visit.page.mouse.click(*on_page(figure, place(figure, "beta", 6)))
        assert numbers(figure)["active units"] == "7 of 20"
        assert visit.problems == []


def test_without_javascript_the_picture_says_it(browser, base):
    with Visit(browser, base, java_script_enabled=False) as visit:
        visit.page.goto(visit.base + PAGE)
        figure = visit.page.locator(f"figure[data-widget={NAME}]")
        alt = figure.locator("img").get_attribute("alt")
        assert "rate 8.00, distortion 120.74 nats" in alt
        assert "of which 14 are active" in alt
        expect(figure.locator("img")).to_be_visible()
        expect(figure.locator(".vae-note")).to_be_visible()


def test_no_line_strikes_through_the_words_of_the_plane(browser, server):
    """The colour of the ground is put around each, after all lines but those of the runs."""
    note = """(() => {
      const { prototype } = CanvasRenderingContext2D, own = prototype.strokeText;
      window.haloed = new Map();
      prototype.strokeText = function (words, ...place) {
        window.haloed.set(words, this.strokeStyle);
        return own.call(this, words, ...place);
      };
    })()"""
    with Visit(browser, server, color_scheme="light") as one:
        one.page.add_init_script(note)
        figure = ready_widget(one.open(PAGE), NAME)
        show(figure, "beta", 4)
        figure.page.evaluate(canvases.FRAMES)
        haloed = dict(figure.page.evaluate("[...window.haloed]"))
        assert {"200", "150", "distortion 0: the code says all"} <= set(haloed)
        assert any(words.startswith("rate 0, a silent code") for words in haloed)
        assert set(haloed.values()) == {"#ffffff"}
