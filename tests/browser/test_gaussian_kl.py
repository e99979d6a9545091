"""GaussianKL on its page: what it shows is what Python computes, and all hands move it."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

import vaelib
from tests.browser import canvases
from tests.browser.conftest import PHONE, Visit, ready_widget

PAGE = "book/kl.html"
POINTS = [(1.5, 0.5), (0.0, 1.0), (-2.37, 0.1), (3.0, 3.0), (0.01, 1.0), (0.0, 0.1), (60.0, 7.0)]
SET = (
    "(figure, values) => Object.entries(values).forEach(([k, v]) => figure.vaelib.model.set(k, v))"
)


@pytest.fixture(scope="module")
def figure(browser, server):
    with Visit(browser, server) as visit:
        yield ready_widget(visit.open(PAGE), "GaussianKL")
        assert visit.problems == []


def put(figure, mu, sigma):
    figure.evaluate(SET, {"mu": mu, "sigma": sigma})


def state(figure) -> tuple[float, float]:
    return tuple(figure.evaluate("f => ['mu', 'sigma'].map(name => f.vaelib.model.get(name))"))


def numbers(figure) -> dict[str, float]:
    rows = figure.locator(".vae-readout tbody tr").all()
    cells = [(row.locator("th").inner_text(), row.locator("td").first.inner_text()) for row in rows]
    return {name.strip(): float(shown.replace("−", "-")) for name, shown in cells}


@pytest.mark.parametrize(("mu", "sigma"), POINTS)
def test_terms_and_their_sum_are_those_of_the_closed_form(figure, mu, sigma):
    put(figure, mu, sigma)
    shown = list(numbers(figure).values())[:5]
    expected = [-np.log(sigma), mu**2 / 2, sigma**2 / 2, -0.5]
    kl = vaelib.gaussian_kl(*torch.tensor([[mu], [2 * np.log(sigma)]], dtype=torch.float64))
    assert shown == pytest.approx([*expected, kl.item()], abs=6e-4)
    told = figure.locator(".vae-announcement").text_content()
    assert f"KL = {kl.item():.3f} nats" in told


@pytest.mark.parametrize(("mu", "sigma"), POINTS)
def test_integral_is_the_closed_form_and_its_parts_those_of_a_quadrature(figure, mu, sigma):
    put(figure, mu, sigma)
    shown = numbers(figure)
    z = np.linspace(mu - 14 * sigma, mu + 14 * sigma, 200_001)
    q, p = (np.exp(-0.5 * ((z - m) / s) ** 2) / s for m, s in ((mu, sigma), (0, 1)))
    log_ratio = z**2 / 2 - ((z - mu) / sigma) ** 2 / 2 - np.log(sigma)
    values = q * log_ratio / np.sqrt(2 * np.pi)
    parts = [np.trapezoid(part, z) for part in (values.clip(min=0), values.clip(max=0))]
    assert p.min() >= 0
    assert [shown["area above 0"], shown["area below 0"]] == pytest.approx(parts, abs=1e-3)
    assert shown["the integral"] == pytest.approx(shown["KL, their sum"], abs=1.1e-3)


def test_crossings_are_where_the_densities_are_equal(figure):
    log_q = "(z, mu, s) => -0.5 * ((z - mu) / s) ** 2 - Math.log(s)"
    for mu, sigma in [*POINTS, (2.0, 1.0)]:
        far = figure.evaluate(
            f"""(f, q) => f.vaelib.module.crossings(q).map(
                z => Math.abs(({log_q})(z, q.mu, q.sigma) - ({log_q})(z, 0, 1)))""",
            {"mu": mu, "sigma": sigma},
        )
        assert all(difference < 1e-6 * max(1, mu**2) for difference in far)
        assert len(far) == (0 if (mu, sigma) == (0, 1) else 1 if sigma == 1 else 2)


def pixels(figure) -> str:
    return figure.locator("canvas").evaluate("c => c.toDataURL()")


def test_sliders_move_q_and_the_drawing(figure):
    put(figure, 0.5, 1.5)
    settle(figure)
    for label, key, expected in [("mean μ", "Home", (-3, 1.5)), ("spread σ", "End", (-3, 2))]:
        before = pixels(figure)
        figure.get_by_label(label).press(key)
        assert state(figure) == expected
        figure.page.wait_for_function(
            "([c, before]) => c.toDataURL() !== before",
            arg=[figure.locator("canvas").element_handle(), before],
        )


def settle(figure):
    figure.page.evaluate("() => new Promise(d => requestAnimationFrame(() => setTimeout(d)))")


def test_button_makes_q_the_prior_and_the_divergence_0(figure):
    put(figure, 2.0, 0.3)
    figure.get_by_role("button", name="make q equal to p").click()
    assert state(figure) == (0, 1)
    shown = numbers(figure)
    assert shown["KL, their sum"] == shown["the integral"] == 0
    assert "−0.000" not in figure.inner_text()


def test_arrow_keys_move_both(figure):
    put(figure, 0.5, 1.5)
    canvas = figure.locator("canvas")
    for key in ("ArrowRight", "ArrowUp", "Shift+ArrowLeft", "Shift+ArrowDown"):
        canvas.press(key)
    assert state(figure) == pytest.approx((0.3, 1.3))
    put(figure, 3.0, 0.1)
    name = canvas.get_attribute("aria-label")
    for key in ("ArrowRight", "ArrowDown"):
        canvas.press(key)
    assert state(figure) == (3, 0.1)
    canvas.press("ArrowLeft")
    assert canvas.get_attribute("aria-label") == name  # it is not read out with each key


def place(figure, z: float, density: float, top: float) -> tuple[float, float]:
    """Where a point of the upper panel is on the page; `top` is the end of its axis."""
    box = figure.locator("canvas").bounding_box()
    x = 34 + (z + 6) / 12 * (box["width"] - 40)
    y = 6 + (1 - density / top) * (0.5 * box["height"] - 18)
    return box["x"] + x, box["y"] + y


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*[(one + other) / 2 for one, other in zip(start, end, strict=True)])
    page.mouse.move(*end)
    page.mouse.up()


def test_mouse_drags_the_peak_and_the_deviation(figure):
    figure.locator("canvas").scroll_into_view_if_needed()
    put(figure, 0.0, 1.0)
    peak, inflection = 0.3989, 0.2420
    drag(figure.page, place(figure, 0, peak, 0.5), place(figure, 1, 0.1, 0.5))
    assert state(figure) == pytest.approx((1, 1), abs=0.05)
    put(figure, 1.0, 1.0)
    drag(figure.page, place(figure, 2, inflection, 0.5), place(figure, 2.7, 0.3, 0.5))
    assert state(figure) == pytest.approx((1, 1.7), abs=0.05)
    put(figure, 1.0, 1.0)
    figure.page.mouse.click(*place(figure, -2, 0.4, 0.5))  # on no handle: the peak goes there
    assert state(figure) == pytest.approx((-2, 1), abs=0.05)


def test_finger_drags_the_peak_on_a_phone(browser, server):
    with Visit(browser, server, **PHONE) as visit:
        figure = ready_widget(visit.open(PAGE), "GaussianKL")
        figure.locator("canvas").scroll_into_view_if_needed()
        put(figure, 0.0, 1.0)
        finger = visit.context.new_cdp_session(visit.page)
        for kind, z in [
            ("touchStart", 0),
            ("touchMove", -0.5),
            ("touchMove", -1),
            ("touchEnd", None),
        ]:
            points = [] if z is None else [place(figure, z, 0.3989, 0.5)]
            touches = [{"x": x, "y": y} for x, y in points]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
        expect(figure.get_by_label("mean μ")).to_have_attribute(
            "aria-valuetext", re.compile("−[01]")
        )
        assert state(figure) == pytest.approx((-1, 1), abs=0.05)
        assert visit.problems == []


def test_finger_that_scrolls_the_page_moves_nothing_and_a_tap_does(browser, server):
    with Visit(browser, server, **PHONE) as visit:
        figure = ready_widget(visit.open(PAGE), "GaussianKL")
        figure.locator("canvas").scroll_into_view_if_needed()
        put(figure, 0.0, 1.0)
        x, y = place(figure, 2, 0.1, 0.5)
        before = visit.page.evaluate("scrollY")
        canvases.touch(visit.page, [(x + 3 * (i % 2), y - 12 * i) for i in range(10)])
        visit.page.wait_for_function("before => scrollY > before + 50", arg=before)
        assert state(figure) == (0, 1)
        canvases.wait_until_scrolled(visit.page)
        visit.page.touchscreen.tap(*place(figure, 2, 0.4, 0.5))
        visit.page.wait_for_function(
            "f => f.vaelib.model.get('mu') > 1.9", arg=figure.element_handle()
        )
        assert visit.problems == []


def test_old_measures_of_drawing_are_forgotten(figure):
    count = figure.evaluate(
        """async (figure) => {
          for (let i = 0; i < 1100; i += 1) performance.measure("vae-draw");
          for (let i = 0; i < 100; i += 1) {
            figure.vaelib.model.set("mu", i / 100);
            await new Promise(requestAnimationFrame);
          }
          return performance.getEntriesByName("vae-draw").length;
        }"""
    )
    assert count <= 1000


@pytest.mark.parametrize(
    "spoil", ["'sigma', 0", "'sigma', -1", "'mu', NaN", "'sigma', Infinity", "'mu', 1e200"]
)
def test_what_is_no_gaussian_is_said_and_the_last_one_stays(figure, spoil):
    put(figure, 1.0, 0.5)
    settle(figure)
    before = numbers(figure), pixels(figure)
    figure.evaluate(f"f => f.vaelib.model.set({spoil})")
    expect(figure.locator(".vae-announcement")).to_contain_text("σ has to be above 0")
    assert (numbers(figure), pixels(figure)) == before
    assert "NaN" not in figure.inner_text()


def test_what_lies_beyond_the_plot_is_said(figure):
    put(figure, 60.0, 1.0)
    expect(figure.locator(".vae-announcement")).to_contain_text("partly beyond the plot")
