"""BoundExplorer on its page: its sums are Python's, and all hands move and stretch q."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

import vaelib
from tests.browser import canvases
from tests.browser.conftest import PHONE, Visit, ready_widget

PAGE = "book/elbo.html"
NAME = "BoundExplorer"
MINUTE = 60_000  # milliseconds; on a busy machine the sums take many frames
VIEW = 7  # units from the middle of the canvas to its edge


@pytest.fixture
def figure(visit):
    figure = ready_widget(visit, NAME)
    show(figure, 0)
    return figure


@pytest.fixture(scope="module")
def cases(visit):
    return canvases.trait(ready_widget(visit, NAME), "cases")


@pytest.fixture(scope="module")
def python(visit, cases):
    """The same widget in Python, made of what the page has."""
    pixels = canvases.trait(ready_widget(visit, NAME), "images")
    images = torch.tensor(pixels).view(-1, 1, 28, 28) / 255
    weights, bias, x = (torch.tensor(cases[0][name]).double() for name in ("weights", "bias", "x"))
    linear = vaelib.LinearGaussian(weights, bias, cases[0]["noise"])
    return vaelib.widgets.BoundExplorer(vaelib.pretrained("vae-2d"), images, linear, x)


def show(figure, case, **q):
    """Choose a datum, put q somewhere, and wait until the numbers are there."""
    start = canvases.trait(figure, "cases")[case]["start"]
    canvases.set_traits(figure, case=case, **{**start, **q})
    figure.page.wait_for_function(
        "f => !f.querySelector('table').innerText.includes('…')",
        arg=figure.element_handle(),
        timeout=MINUTE,
    )
    figure.page.evaluate(canvases.FRAMES)


def numbers(figure) -> dict[str, float]:
    rows = figure.locator("table tbody tr").all()
    cells = [(row.locator("th").inner_text(), row.locator("td").first.inner_text()) for row in rows]
    return {name.strip(" +="): float(shown.replace("−", "-")) for name, shown in cells}


def q_of(figure) -> tuple[list[float], list[float]]:
    return canvases.trait(figure, "mu"), canvases.trait(figure, "sigma")


def some_q(case) -> list[dict]:
    """The start, the best, the encoder's, and far and narrow and wide ones."""
    (x, y), unit = case["centre"], case["unit"]
    far = [
        {"mu": [x + 5 * unit, y - 5 * unit], "sigma": [2.5 * unit, 2.5 * unit]},
        {"mu": [x - 3 * unit, y + unit], "sigma": [unit / 3, unit / 3]},
        {"mu": [x + 0.1 * unit, y], "sigma": [0.4 * unit, 2 * unit]},
    ]
    return [q for q in (case["start"], case["best"], case["encoder"], *far) if q]


def test_page_has_a_linear_model_and_images(cases, python):
    assert [case.get("image") for case in cases][:2] == [None, 0]
    for one, other in zip(cases, python.cases, strict=True):
        assert one["name"] == other["name"]
        assert one["centre"] == pytest.approx(other["centre"], rel=1e-3)
        assert one["unit"] == pytest.approx(other["unit"], rel=1e-3)
    assert all(case["encoder"] for case in cases[1:])


def test_all_numbers_are_pythons_to_the_last_digit_shown(figure, cases, python):
    """Half a unit of the last digit, and as much again for the ELBO, whose digits add up."""
    for number, case in enumerate(cases):
        python.case = number
        for q in some_q(case):
            python.mu, python.sigma = q["mu"], q["sigma"]
            show(figure, number, **q)
            found, wanted = numbers(figure), python.terms
            assert found["log p(x)"] == pytest.approx(wanted.log_likelihood, abs=0.0053)
            assert found["gap"] == pytest.approx(wanted.gap, abs=0.0053)
            assert found["ELBO"] == pytest.approx(wanted.elbo, abs=0.0113)
            assert found["ELBO"] + found["gap"] == pytest.approx(found["log p(x)"], abs=1e-6)


def test_log_likelihood_is_that_of_the_whole_plane(figure, cases, python):
    """`grid_posterior` sums over all of it, in cells of another size."""
    pixels = torch.frombuffer(bytearray(python.images), dtype=torch.uint8).view(-1, 784) / 255
    model = vaelib.widgets.network.half(vaelib.pretrained("vae-2d"))
    whole = vaelib.grid_posterior(model, pixels[:1], edge=6, side=400)
    show(figure, 1)
    assert numbers(figure)["log p(x)"] == pytest.approx(whole.log_likelihood.item(), abs=0.01)


def test_on_the_linear_posterior_the_gap_is_gone_and_on_an_images_it_is_not(figure, cases):
    for number, case in enumerate(cases):
        show(figure, number)
        before = numbers(figure)
        figure.get_by_role("button", name="the best diagonal q").click()
        after = numbers(figure)
        assert q_of(figure) == (case["best"]["mu"], case["best"]["sigma"])
        assert after["log p(x)"] == before["log p(x)"]
        assert after["gap"] < before["gap"]
        assert after["gap"] == 0 if number == 0 else after["gap"] > 0
        assert "−0.00" not in figure.inner_text()


def test_encoders_q_is_a_button_away_and_never_better_than_the_best(figure, cases):
    for number, case in list(enumerate(cases))[1:]:
        show(figure, number, **case["best"])
        least = numbers(figure)["gap"]
        figure.get_by_role("button", name="the encoder’s q").click()
        assert q_of(figure) == (case["encoder"]["mu"], case["encoder"]["sigma"])
        assert numbers(figure)["gap"] >= least


def test_a_linear_model_has_no_encoder_and_its_button_says_so(figure):
    button = figure.get_by_role("button", name="the encoder’s q")
    expect(button).to_have_attribute("aria-disabled", "true")
    before = q_of(figure)
    button.click(force=True)
    assert q_of(figure) == before
    show(figure, 1)
    expect(button).to_have_attribute("aria-disabled", "false")


BAR = """figure => {
  const [elbo, gap] = [...figure.querySelectorAll("div[aria-hidden] .vae-sample")]
    .map(part => part.getBoundingClientRect());
  return {border: gap.left, left: elbo.left, right: gap.right};
}"""


def test_border_of_the_bar_is_the_elbo_and_its_end_stands_still(figure, cases):
    ends = set()
    for q in some_q(cases[0]):
        show(figure, 0, **q)
        bar, terms = figure.evaluate(BAR), numbers(figure)
        ends.add((bar["left"], bar["right"]))
        share = (bar["border"] - bar["left"]) / (bar["right"] - bar["left"])
        assert share == pytest.approx(max(1 - terms["gap"] / 10, 0), abs=0.01)
    assert len(ends) == 1


def place(figure, point) -> tuple[float, float]:
    """Where a point of the plane is on the page."""
    case = canvases.trait(figure, "cases")[canvases.trait(figure, "case")]
    box = figure.locator("canvas.vae-plane").bounding_box()
    right, up = (
        (at - middle) / (2 * VIEW * case["unit"])
        for at, middle in zip(point, case["centre"], strict=True)
    )
    return box["x"] + (0.5 + right) * box["width"], box["y"] + (0.5 - up) * box["height"]


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def test_mouse_moves_the_mean_and_stretches_both_deviations(figure, cases):
    (x, y), unit = cases[0]["centre"], cases[0]["unit"]
    figure.locator("canvas.vae-plane").scroll_into_view_if_needed()
    q = {"mu": [x, y], "sigma": [unit, unit]}
    close = {"abs": 0.15 * unit}
    show(figure, 0, **q)
    drag(figure.page, place(figure, (x, y)), place(figure, (x + 2 * unit, y - unit)))
    mu, sigma = q_of(figure)
    assert mu == pytest.approx([x + 2 * unit, y - unit], **close)
    assert sigma == [unit, unit]
    for d, handle, end in [
        (0, (x + 2 * unit, y), (x + 4 * unit, y + unit)),
        (1, (x, y + 2 * unit), (x, y + 4 * unit)),
    ]:
        show(figure, 0, **q)
        drag(figure.page, place(figure, handle), place(figure, end))
        mu, sigma = q_of(figure)
        assert mu == [x, y]
        assert sigma[d] == pytest.approx(2 * unit, **close)
        assert sigma[1 - d] == unit
    show(figure, 0, **q)
    figure.page.mouse.click(*place(figure, (x - 4 * unit, y - 3 * unit)))  # on no handle
    assert q_of(figure)[0] == pytest.approx([x - 4 * unit, y - 3 * unit], **close)


def test_q_stays_within_its_window(figure, cases):
    (x, y), unit = cases[0]["centre"], cases[0]["unit"]
    figure.locator("canvas.vae-plane").scroll_into_view_if_needed()
    show(figure, 0, mu=[x, y], sigma=[unit, unit])
    drag(figure.page, place(figure, (x, y)), place(figure, (x + 6.9 * unit, y)))
    assert q_of(figure)[0] == pytest.approx([x + 5 * unit, y], abs=0.15 * unit)
    show(figure, 0, mu=[x, y], sigma=[unit, unit])
    drag(figure.page, place(figure, (x + 2 * unit, y)), place(figure, (x - 6.9 * unit, y)))
    assert q_of(figure)[1] == pytest.approx([unit / 3, unit])


def test_dragging_q_onto_the_posterior_closes_the_gap(figure, cases):
    best, unit = cases[0]["best"], cases[0]["unit"]
    figure.locator("canvas.vae-plane").scroll_into_view_if_needed()
    mu, sigma = q_of(figure)
    drag(figure.page, place(figure, mu), place(figure, best["mu"]))
    mu, sigma = q_of(figure)
    for d in (0, 1):
        handle, end = list(mu), list(mu)
        handle[d] += 2 * sigma[d]
        end[d] += 2 * best["sigma"][d]
        drag(figure.page, place(figure, handle), place(figure, end))
    assert numbers(figure)["gap"] < 0.02
    assert unit > 0


def test_finger_moves_q_up_and_down_too(browser, server):
    with Visit(browser, server, **PHONE) as visit:
        figure = ready_widget(visit.open(PAGE), NAME)
        show(figure, 0)
        case = canvases.trait(figure, "cases")[0]
        (x, y), unit = case["centre"], case["unit"]
        figure.locator("canvas.vae-plane").evaluate(
            "c => c.scrollIntoView({block: 'center', behavior: 'instant'})"
        )
        mu, sigma = q_of(figure)
        way = [place(figure, (mu[0], mu[1] + up * unit)) for up in (0, 1, 2, 3)]
        canvases.touch(visit.page, way)
        visit.page.evaluate(canvases.FRAMES)
        assert q_of(figure)[0] == pytest.approx([mu[0], mu[1] + 3 * unit], abs=0.2 * unit)
        assert q_of(figure)[1] == sigma
        visit.page.touchscreen.tap(*place(figure, (x - 4 * unit, y - 4 * unit)))
        visit.page.evaluate(canvases.FRAMES)
        assert q_of(figure)[0] == pytest.approx([x - 4 * unit, y - 4 * unit], abs=0.2 * unit)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert visit.problems == []


def test_arrow_keys_move_q(figure, cases):
    half = VIEW * cases[0]["unit"]
    (x, y), _ = q_of(figure)
    canvas = figure.locator("canvas.vae-plane")
    name = canvas.get_attribute("aria-label")
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowLeft", "Shift+ArrowDown"):
        canvas.press(key)
    assert q_of(figure)[0] == pytest.approx([x - 0.06 * half, y - 0.04 * half])
    assert canvas.get_attribute("aria-label") == name  # it is not read out with each key


@pytest.mark.parametrize("case", [0, 1])
def test_sliders_move_and_stretch_q(figure, cases, case):
    show(figure, case)
    (x, y), unit = cases[case]["centre"], cases[case]["unit"]
    for label, name, d, ends in [
        ("mean μ₁", "mu", 0, (x - 5 * unit, x + 5 * unit)),
        ("mean μ₂", "mu", 1, (y - 5 * unit, y + 5 * unit)),
        ("spread σ₁", "sigma", 0, (unit / 3, 2.5 * unit)),
        ("spread σ₂", "sigma", 1, (unit / 3, 2.5 * unit)),
    ]:
        for key, wanted in zip(("Home", "End"), ends, strict=True):
            figure.get_by_label(label).press(key)
            assert canvases.trait(figure, name)[d] == pytest.approx(wanted, abs=0.01 * unit)
            expect(figure.locator("output").nth(d + 2 * (name == "sigma"))).to_have_text(
                f"{canvases.trait(figure, name)[d]:.3f}".replace("-", "−")
            )


def test_choice_begins_another_datum_beside_its_posterior(figure, cases):
    figure.get_by_label("posterior of").select_option("2")
    assert canvases.trait(figure, "case") == 2
    assert q_of(figure) == (cases[2]["start"]["mu"], cases[2]["start"]["sigma"])
    expect(figure.locator(".vae-announcement > span").first).to_contain_text("ELBO", timeout=MINUTE)
    assert numbers(figure)["gap"] > 1


@torch.no_grad()
def test_picture_shows_the_image_and_what_is_decoded_at_the_mean(figure, cases, python):
    model = vaelib.widgets.network.half(vaelib.pretrained("vae-2d"))
    assert figure.locator("canvas.vae-picture").count() == 0
    for number in (1, 2):
        show(figure, number)
        shown = canvases.shown_images(figure.locator("canvas.vae-picture"))
        pixels = np.frombuffer(python.images, "u1").reshape(-1, 784)[number - 1] / 255
        np.testing.assert_allclose(shown[0], pixels, atol=0.006)
        mean = model.decode(torch.tensor(cases[number]["start"]["mu"])).numpy()
        np.testing.assert_allclose(shown[1], mean, atol=0.006)
    show(figure, 0)
    assert figure.locator("canvas.vae-picture").count() == 0


def test_what_is_shown_is_said_once_it_rests(figure):
    show(figure, 0)
    figure.get_by_role("button", name="the best diagonal q").click()
    told = "gap 0.00 = log p(x)"
    expect(figure.locator("[role=status]")).to_contain_text(told)
    expect(figure.locator(".vae-announcement > span").first).to_contain_text(told)


@pytest.mark.parametrize(
    "spoil", ["'sigma', [0, 1]", "'mu', [NaN, 0]", "'mu', [1e9, 0]", "'sigma', [-1, 1]"]
)
def test_a_q_beyond_the_window_is_said_and_the_last_one_stays(figure, spoil):
    canvas = figure.locator("canvas.vae-plane")
    before = numbers(figure), canvases.drawn(canvas)
    figure.evaluate(f"f => f.vaelib.model.set({spoil})")
    figure.page.evaluate(canvases.FRAMES)
    expect(figure.locator(".vae-announcement > span").first).to_contain_text("beyond the window")
    assert (numbers(figure), canvases.drawn(canvas)) == before
    assert "NaN" not in figure.inner_text()


def test_sums_are_told_while_they_are_made_and_go_on_after_a_break(browser, server):
    with Visit(browser, server) as visit:
        figure = ready_widget(visit.open(PAGE), NAME)
        seen = figure.evaluate(
            """async (figure) => {
              const { model } = figure.vaelib;
              const start = model.get("cases")[1].start;
              const line = figure.querySelector(".vae-announcement > span");
              const choose = (number) => {
                model.set("case", number);
                for (const [name, value] of Object.entries(model.get("cases")[number].start)) {
                  model.set(name, value);
                }
              };
              const seen = [];
              choose(1);
              while (!/[1-9]/.test(seen.at(-1) ?? "")) {
                await new Promise(requestAnimationFrame);
                seen.push(line.textContent);
              }
              choose(0);
              await new Promise(requestAnimationFrame);
              choose(1);
              seen.push(line.textContent);
              return seen;
            }"""
        )
        shares = [int(re.search(r"(\d+) %", line)[1]) for line in seen]
        assert shares == sorted(shares)
        assert shares[-1] > 0
        show(figure, 1)
        assert visit.problems == []
