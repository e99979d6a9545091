"""PriorFlow on its page: noise flows to the learned prior as it does in PyTorch."""

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

import vaelib
from tests.browser import canvases
from tests.browser.conftest import PHONE, Visit, ready_widget
from vaelib.widgets import network

PAGE = "book/going_further.html"
NAME = "PriorFlow"
MODEL = "flow-prior-2d"
COLUMNS, ROWS, TILE = 4, 6, 30  # pixels from one image of a grid to the next


@pytest.fixture(scope="module")
def model():
    return network.half(vaelib.pretrained(MODEL))


@pytest.fixture(scope="module")
def beginning(visit):
    figure = ready_widget(visit, NAME)
    return {name: canvases.trait(figure, name) for name in ("t", "eps", "seed")}


@pytest.fixture
def figure(visit, beginning):
    figure = ready_widget(visit, NAME)
    set_traits(figure, **beginning)
    return figure


def set_traits(figure, **values):
    """As Python does it."""
    canvases.set_traits(figure, **values)
    settle(figure)


def settle(figure):
    """One frame for the ways, one for the grids, one for the map."""
    for _ in range(2):
        figure.page.evaluate(canvases.FRAMES)


def grids(figure):
    """The images of both grids, (24, 784) each, without the gaps between them."""
    found = []
    for canvas in figure.locator("canvas.vae-picture").all():
        width, height = COLUMNS * TILE - 2, ROWS * TILE - 2
        pixels = np.array(canvas.evaluate(canvases.SHARES)).reshape(height, width)
        tiles = np.full((ROWS * TILE, COLUMNS * TILE), np.nan)
        tiles[:height, :width] = pixels
        tiles = tiles.reshape(ROWS, TILE, COLUMNS, TILE)[:, :28, :, :28]
        found.append(tiles.transpose(0, 2, 1, 3).reshape(-1, 784))
    return found


@torch.no_grad()
def places(model, eps, t):
    """Where the flow has brought noise, (K, 2): between two of its steps on a straight line."""
    flow = model.own_prior
    u, step = torch.tensor(eps).view(-1, 2), 1 / flow.num_steps
    for number in range(flow.num_steps):
        now, share = torch.full((1,), number * step), min(max(t / step - number, 0), 1)
        slope = flow.velocity(u, now)
        u = u + share * step / 2 * (slope + flow.velocity(u + step * slope, now + step))
    return t * flow.middle + (1 - t + t * flow.spread) * u


@torch.no_grad()
def assert_shown(grid, model, z):
    wanted = model.decode(z[: COLUMNS * ROWS]).numpy()
    np.testing.assert_allclose(grid[: len(wanted)], wanted, atol=0.006)


@pytest.mark.parametrize("t", [0, 0.25, 0.52, 1])
def test_grids_show_what_pytorch_decodes_of_the_same_noise(figure, model, beginning, t):
    set_traits(figure, t=t)
    before, now = grids(figure)
    assert_shown(before, model, torch.tensor(beginning["eps"]).view(-1, 2))
    assert_shown(now, model, places(model, beginning["eps"], t))


@torch.no_grad()
def test_at_the_end_the_draws_are_those_of_the_prior(figure, model, beginning, monkeypatch):
    """Of `LatentFlow.sample`, from the same noise."""
    noise = torch.tensor(beginning["eps"]).view(-1, 2)
    monkeypatch.setattr("vaelib.models.latent_flow.StandardNormal.sample", lambda *_: noise)
    assert_shown(grids(figure)[1], model, model.own_prior.sample(num_samples=len(noise)))


@torch.no_grad()
def test_flow_on_the_page_is_pytorchs(figure, model):
    inputs = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    run = """(figure, inputs) => {
      const network = new figure.vaelib.module.Network(figure.vaelib.model.get("flow"));
      return inputs.map(input => Array.from(network.run(input)));
    }"""
    found = torch.tensor(figure.evaluate(run, inputs.tolist()))
    torch.testing.assert_close(found, model.own_prior.net(inputs), rtol=0, atol=1e-5)


def test_slider_moves_the_points_over_codes_that_stay(figure):
    plane = figure.locator("canvas.vae-canvas")
    seen = []
    for t in ("0", "0.5", "1", "0"):
        figure.get_by_label("t", exact=True).fill(t)
        settle(figure)
        seen.append(canvases.drawn(plane))
    assert len(set(seen)) == 3
    assert seen[0] == seen[-1]


def test_points_are_drawn_where_the_flow_has_brought_them(figure, model):
    """One draw alone: the middle of its blue dot."""
    set_traits(figure, eps=[1.5, 1.0], t=1)
    (z,) = places(model, [1.5, 1.0], 1.0).tolist()
    box = canvases.trait(figure, "extent")
    accent = """canvas => {
      const { colors, rgb } = canvas.closest("figure").vaelib.module;
      const [r, g, b] = rgb(colors(canvas).accent);
      const copy = new OffscreenCanvas(canvas.width, canvas.height)
        .getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      let [x, y, n] = [0, 0, 0];
      for (let i = 0; i < data.length; i += 4) {
        if (data[i] !== r || data[i + 1] !== g || data[i + 2] !== b) continue;
        [x, y, n] = [x + (i / 4) % canvas.width, y + Math.floor(i / 4 / canvas.width), n + 1];
      }
      return [(x / n + 0.5) / canvas.width, (y / n + 0.5) / canvas.height];
    }"""
    across, down = figure.locator("canvas.vae-canvas").evaluate(accent)
    found = [
        box["left"] + across * (box["right"] - box["left"]),
        box["top"] - down * (box["top"] - box["bottom"]),
    ]
    assert found == pytest.approx(z, abs=0.03)


def test_draw_again_draws_from_the_normal_and_keeps_t(figure, model, beginning):
    set_traits(figure, t=0.5)
    figure.get_by_role("button", name="draw again").click()
    settle(figure)
    normals = canvases.normals(beginning["seed"] + 1)
    wanted = [next(normals) for _ in beginning["eps"]]
    assert canvases.trait(figure, "eps") == pytest.approx(wanted)
    assert canvases.trait(figure, "t") == 0.5
    before, now = grids(figure)
    assert_shown(before, model, torch.tensor(wanted).view(-1, 2))
    assert_shown(now, model, places(model, wanted, 0.5))
    figure.get_by_role("button", name="draw again").click()
    assert canvases.trait(figure, "seed") == beginning["seed"] + 2
    assert canvases.trait(figure, "eps") != pytest.approx(wanted)


def test_fewer_draws_leave_places_empty(figure, model):
    set_traits(figure, eps=[0.0, 0.0, 1.0, 1.0])
    before, now = grids(figure)
    assert_shown(now, model, places(model, [0.0, 0.0, 1.0, 1.0], 1.0))
    assert not before[2:].any()
    assert not now[2:].any()


def test_it_plays_to_its_end_from_the_beginning(figure):
    figure.get_by_role("button", name="play").click()
    pause = figure.get_by_role("button", name="pause")
    expect(pause).to_be_visible()
    figure.page.wait_for_function(
        "f => 0 < f.vaelib.model.get('t') && f.vaelib.model.get('t') < 0.9",
        arg=figure.element_handle(),
    )
    pause.click()
    stopped = canvases.trait(figure, "t")
    figure.page.evaluate(canvases.FRAMES)
    assert canvases.trait(figure, "t") == stopped < 1
    figure.get_by_role("button", name="play").click()
    figure.page.wait_for_function("f => f.vaelib.model.get('t') === 1", arg=figure.element_handle())
    expect(figure.get_by_role("button", name="play")).to_be_visible()


def test_the_slider_stops_the_play(figure):
    figure.get_by_role("button", name="play").click()
    expect(figure.get_by_role("button", name="pause")).to_be_visible()
    figure.get_by_label("t", exact=True).fill("0.2")
    expect(figure.get_by_role("button", name="play")).to_be_visible()
    settle(figure)
    assert canvases.trait(figure, "t") == 0.2


def test_for_who_wants_no_motion_it_goes_to_its_end_at_once(browser, server):
    with Visit(browser, server, reduced_motion="reduce") as one:
        figure = ready_widget(one.open(PAGE), NAME)
        for t in (0, 1):
            figure.get_by_role("button", name="play").click()
            assert canvases.trait(figure, "t") == t
        assert one.problems == []


@pytest.mark.parametrize(
    ("t", "words", "caption"),
    [
        (0, "from N(0, I), t = 0.00", "t = 0.00, same draws"),
        (0.5, "on their way, t = 0.50", "t = 0.50, same draws"),
        (1, "from the learned prior, t = 1.00", "t = 1.00: learned prior"),
    ],
)
def test_it_says_where_the_draws_are(figure, beginning, t, words, caption):
    set_traits(figure, t=0.1)
    set_traits(figure, t=t)
    said = f"{len(beginning['eps']) // 2} draws {words}"
    expect(figure.locator(".vae-announcement > span").first).to_have_text(said)
    expect(figure.locator("[role=status]")).to_have_text(said)
    expect(figure.locator(".vae-pair .vae-labelled").nth(1)).to_have_text(caption)
    shown = figure.locator("canvas.vae-picture").nth(1)
    expect(shown).to_have_attribute(
        "aria-label", f"24 images: what is decoded of the same draws at t = {t:.2f}"
    )


def test_arrow_keys_move_t(figure):
    slider = figure.get_by_label("t", exact=True)
    slider.focus()
    for key, t in (("Home", 0), ("ArrowRight", 0.01), ("End", 1), ("ArrowLeft", 0.99)):
        figure.page.keyboard.press(key)
        assert canvases.trait(figure, "t") == pytest.approx(t)


def test_a_finger_moves_t_and_scrolls_the_page_over_the_map(browser, server):
    with Visit(browser, server, color_scheme="dark", **PHONE) as one:
        figure = ready_widget(one.open(PAGE), NAME)
        slider = figure.get_by_label("t", exact=True)
        slider.evaluate("s => s.scrollIntoView({block: 'center', behavior: 'instant'})")
        box = slider.bounding_box()
        y = box["y"] + box["height"] / 2
        end, middle = box["x"] + box["width"] - 8, box["x"] + box["width"] / 2
        canvases.touch(one.page, [(end, y), (middle + 30, y), (middle, y)])
        assert canvases.trait(figure, "t") == pytest.approx(0.5, abs=0.06)
        plane = figure.locator("canvas.vae-canvas")
        plane.evaluate("c => c.scrollIntoView({block: 'center', behavior: 'instant'})")
        scrolled = one.page.evaluate("scrollY")
        box = plane.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + 0.8 * box["height"]
        canvases.touch(one.page, [(x, y), (x, y - 60), (x, y - 120)])
        canvases.wait_until_scrolled(one.page)
        assert one.page.evaluate("scrollY") > scrolled
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert one.problems == []


LAST = """(() => {
  const { prototype } = CanvasRenderingContext2D;
  for (const name of ["fill", "stroke", "fillText", "strokeText"]) {
    const own = prototype[name];
    prototype[name] = function (...given) {
      this.canvas.last = [name, typeof given[0] === "string" ? given[0] : ""];
      return own.apply(this, given);
    };
  }
})()"""


def test_no_draw_covers_the_digits_of_the_classes(browser, server):
    with Visit(browser, server) as one:
        one.page.add_init_script(LAST)
        figure = ready_widget(one.open(PAGE), NAME)
        settle(figure)
        name, words = figure.locator("canvas.vae-canvas").evaluate("canvas => canvas.last")
        assert name == "fillText"
        assert words in set("0123456789")
