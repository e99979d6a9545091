"""TrainingReplay on its page: it shows what the run gave, and all hands move it."""

import base64
import re
import zlib

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Visit, ready_widget
from tests.pages import ROOT, code_cells
from vaelib.widgets import base as widget_base

PAGE = "book/building.html"
CHANGED = "([canvas, before]) => canvas.toDataURL() !== before"
EPOCHS = 10


@pytest.fixture(scope="module")
def stored():
    """The state that the notebook holds."""
    outputs = [o for cell in code_cells(ROOT / "book" / "building.ipynb") for o in cell.outputs]
    states = [o.metadata.get(widget_base.STATE) for o in outputs if "metadata" in o]
    return next(s["state"] for s in states if s and s["widget"] == "TrainingReplay")


@pytest.fixture(scope="module")
def figure(browser, server):
    with Visit(browser, server) as visit:
        yield ready_widget(visit.open(PAGE), "TrainingReplay")
        assert visit.problems == []


def put(figure, epoch: int) -> None:
    figure.evaluate("(figure, epoch) => figure.vaelib.model.set('epoch', epoch)", epoch)


def epoch(figure) -> int:
    return figure.evaluate("figure => figure.vaelib.model.get('epoch')")


def wait_for_epoch(figure, wanted: int) -> None:
    figure.page.wait_for_function(
        "([figure, wanted]) => figure.vaelib.model.get('epoch') === wanted",
        arg=[figure.element_handle(), wanted],
    )


def said(figure):
    return figure.locator(".vae-announcement span").first


def map_of(figure):
    return figure.locator("canvas").first


def curves_of(figure):
    return figure.locator("canvas").last


@pytest.mark.parametrize("at", [1, 4, EPOCHS])
def test_table_shows_the_losses_of_the_epoch(figure, stored, at):
    put(figure, at)
    rows = figure.locator(".vae-readout tr")
    for i, name in enumerate(["−ELBO", "reconstruction loss", "KL"]):
        shown = rows.filter(has_text=name).locator("td").inner_text().split(" / ")
        expected = [stored["losses"][part][i][at - 1] for part in ("test", "train")]
        assert [float(number) for number in shown] == pytest.approx(expected, abs=0.051)
    expect(said(figure)).to_have_text(f"after epoch {at} of {EPOCHS}")


def test_before_training_nothing_is_measured(figure):
    put(figure, 0)
    row = figure.locator(".vae-readout tr").filter(has_text="KL")
    expect(row.locator("td")).to_have_text("not measured")
    expect(said(figure)).to_have_text("before training")
    expect(said(figure)).to_be_visible()


def test_points_stand_where_the_means_are_and_between_two_epochs_on_the_way(figure, stored):
    packed = zlib.decompress(base64.b64decode(stored["means"]["deflated"]))
    means = np.frombuffer(packed, "<f2").astype(float).reshape(EPOCHS + 1, -1, 2)
    found = figure.evaluate(
        """(figure) => {
          const { meanAt, fromFloat16 } = figure.vaelib.module;
          const { model } = figure.vaelib;
          const labels = Array.from({ length: model.get("labels").byteLength });
          const run = { means: fromFloat16(model.get("means")), labels, last: 10 };
          return [0, 2.25, 10].map((time) => labels.map((_, n) => meanAt(run, n, time)));
        }"""
    )
    expected = [means[0], 0.75 * means[2] + 0.25 * means[3], means[10]]
    np.testing.assert_allclose(np.array(found), np.array(expected), atol=1e-6)


def test_map_and_curves_change_with_the_epoch(figure):
    put(figure, 0)
    canvases = [map_of(figure), curves_of(figure)]
    before = [canvas.evaluate("canvas => canvas.toDataURL()") for canvas in canvases]
    put(figure, 7)
    for canvas, old in zip(canvases, before, strict=True):
        figure.page.wait_for_function(CHANGED, arg=[canvas.element_handle(), old])


def test_keys_move_the_epoch_on_the_slider_and_on_both_canvases(figure):
    put(figure, 5)
    slider = figure.get_by_role("slider", name="epoch")
    slider.press("ArrowRight")
    assert epoch(figure) == 6
    map_of(figure).press("ArrowLeft")
    assert epoch(figure) == 5
    curves_of(figure).press("ArrowUp")
    assert epoch(figure) == 6
    slider.press("Home")
    map_of(figure).press("ArrowLeft")
    assert epoch(figure) == 0
    expect(figure.locator(".vae-slider output")).to_have_text(f"0 of {EPOCHS}")


def test_keys_leave_the_names_of_the_canvases_and_are_announced(figure):
    put(figure, 5)
    names = [canvas.get_attribute("aria-label") for canvas in (map_of(figure), curves_of(figure))]
    map_of(figure).press("ArrowRight")
    expect(figure.locator("[role=status]")).to_have_text(f"after epoch 6 of {EPOCHS}")
    assert [map_of(figure).get_attribute("aria-label"),
            curves_of(figure).get_attribute("aria-label")] == names  # fmt: skip


def test_the_first_line_is_seen_and_not_announced(browser, server):
    with Visit(browser, server) as visit:
        visit.page.clock.install()
        figure = ready_widget(visit.open(PAGE), "TrainingReplay")
        expect(said(figure)).not_to_be_empty()
        visit.page.clock.run_for(2000)
        expect(figure.locator("[role=status]")).to_be_empty()
        put(figure, 2)
        put(figure, 3)
        expect(said(figure)).to_have_text(f"after epoch 3 of {EPOCHS}")  # at once
        expect(figure.locator("[role=status]")).to_be_empty()
        visit.page.clock.run_for(500)
        expect(figure.locator("[role=status]")).to_have_text(f"after epoch 3 of {EPOCHS}")


def test_after_a_stall_it_plays_on_from_where_it_was(browser, server):
    with Visit(browser, server) as visit:
        figure = ready_widget(visit.open(PAGE), "TrainingReplay")
        put(figure, 0)
        stalled = figure.evaluate(
            """(figure) => new Promise((done) => {
              figure.querySelector("button").click();
              requestAnimationFrame(() => {
                const end = performance.now() + 2500;
                while (performance.now() < end);
                requestAnimationFrame(() => done(figure.vaelib.model.get("epoch")));
              });
            })"""
        )
        assert stalled == 0


def test_a_press_on_the_curves_goes_to_the_epoch_there_and_a_drag_along(figure):
    curves = curves_of(figure)
    curves.scroll_into_view_if_needed()
    box = curves.bounding_box()
    at = lambda e: box["x"] + 40 + (box["width"] - 52) * e / EPOCHS  # noqa: E731
    page = figure.page
    page.mouse.move(at(3), box["y"] + 60)
    page.mouse.down()
    assert epoch(figure) == 3
    page.mouse.move(at(8), box["y"] + 200)
    assert epoch(figure) == 8
    page.mouse.move(at(20), box["y"] + 200)
    assert epoch(figure) == EPOCHS
    page.mouse.up()


def test_play_goes_to_the_end_and_starts_anew_from_there(figure):
    put(figure, EPOCHS - 2)
    play = figure.get_by_role("button")
    play.click()
    expect(play).to_have_text("pause")
    wait_for_epoch(figure, EPOCHS)
    expect(play).to_have_text("play")
    play.click()
    figure.page.wait_for_function(
        "figure => figure.vaelib.model.get('epoch') < 5", arg=figure.element_handle()
    )
    play.click()
    expect(play).to_have_text("play")


def test_moving_the_epoch_by_hand_ends_the_play(figure):
    put(figure, 0)
    figure.get_by_role("button", name="play").click()
    figure.get_by_role("slider", name="epoch").press("End")
    expect(figure.get_by_role("button")).to_have_text("play")
    assert epoch(figure) == EPOCHS


def test_a_finger_moves_it_on_a_phone(browser, server):
    with Visit(browser, server, color_scheme="dark", **PHONE) as visit:
        figure = ready_widget(visit.open(PAGE), "TrainingReplay")
        curves = curves_of(figure)
        curves.scroll_into_view_if_needed()
        box = curves.bounding_box()
        visit.page.touchscreen.tap(box["x"] + 40 + (box["width"] - 52) * 0.4, box["y"] + 60)
        wait_for_epoch(figure, 4)
        figure.get_by_role("button", name="play").tap()
        wait_for_epoch(figure, 6)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.problems == []


def test_with_reduced_motion_play_jumps_from_epoch_to_epoch(browser, server):
    with Visit(browser, server, reduced_motion="reduce") as visit:
        figure = ready_widget(visit.open(PAGE), "TrainingReplay")
        put(figure, 2)
        drawn = "figure => figure.querySelector('canvas').toDataURL()"
        settle = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
        visit.page.evaluate(settle)
        before = figure.evaluate(drawn)
        frames = figure.evaluate(
            """(figure) => new Promise((done) => {
              const canvas = figure.querySelector("canvas");
              const { model } = figure.vaelib;
              const seen = [];
              const look = () => {
                if (model.get("epoch") > 2) return done(seen);
                seen.push(canvas.toDataURL());
                requestAnimationFrame(look);
              };
              [...figure.querySelectorAll("button")][0].click();
              requestAnimationFrame(look);
            })"""
        )
        assert set(frames) <= {before}
        wait_for_epoch(figure, 4)
        assert visit.problems == []


def test_without_javascript_there_is_the_picture_and_a_sentence(browser, server):
    with Visit(browser, server, java_script_enabled=False) as visit:
        visit.page.goto(visit.base + PAGE)
        figure = visit.page.locator("figure[data-widget=TrainingReplay]")
        assert re.match("The latent map of 800 images", figure.locator("img").get_attribute("alt"))
        assert figure.locator(".vae-note").is_visible()
