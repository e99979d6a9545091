"""Reparameterization on its page: the draws and gradients are Python's, and the path can be cut."""

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Visit, ready_widget
from vaelib.lab.gradients import pathwise

PAGE = "book/reparameterization.html"
NAMES = ("mu", "sigma", "eps", "chosen", "direct", "drawn_with", "seed")


@pytest.fixture(scope="module")
def figure_of_page(browser, server):
    with Visit(browser, server) as visit:
        yield ready_widget(visit.open(PAGE), "Reparameterization")
        assert visit.problems == []


@pytest.fixture
def figure(figure_of_page):
    """The widget with draws of the test's own."""
    eps = np.random.default_rng(0).normal(size=10).tolist()
    start = {"mu": 1.0, "sigma": 0.5, "eps": eps, "chosen": 3, "direct": False}
    put(figure_of_page, **start, drawn_with=[1.0, 0.5])
    return figure_of_page


def put(figure, **values):
    figure.evaluate(
        "(f, values) => Object.entries(values).forEach(([k, v]) => f.vaelib.model.set(k, v))",
        values,
    )


def state(figure) -> dict:
    names = list(NAMES)
    values = figure.evaluate("(f, names) => names.map(name => f.vaelib.model.get(name))", names)
    return dict(zip(NAMES, values, strict=True))


def table(figure) -> list[list[str]]:
    rows = figure.locator(".vae-gradients tbody tr").all()
    return [
        [cell.replace("−", "-") for cell in row.locator("td").all_inner_texts()] for row in rows
    ]


def graph(figure) -> list[str]:
    """The texts of the graph that are seen."""
    texts = figure.locator(".vae-graph text").all()
    return [text.text_content().replace("−", "-") for text in texts if text.is_visible()]


def pixels(figure) -> str:
    figure.page.evaluate("() => new Promise(d => requestAnimationFrame(() => setTimeout(d)))")
    return figure.locator("canvas").evaluate("c => c.toDataURL()")


@pytest.mark.parametrize(("mu", "sigma"), [(1.0, 0.5), (-1.37, 2.0), (0.0, 0.1)])
def test_gradients_are_those_of_autograd(figure, mu, sigma):
    put(figure, mu=mu, sigma=sigma)
    eps = torch.tensor(state(figure)["eps"], dtype=torch.float64)
    m, s = (torch.full((10,), v, dtype=torch.float64, requires_grad=True) for v in (mu, sigma))
    (m + s * eps).square().sum().backward()
    for row, grad, exact in zip(table(figure), (m.grad, s.grad), (2 * mu, 2 * sigma), strict=True):
        mean, error = map(float, row[1].split(" ± "))
        assert float(row[0]) == pytest.approx(grad[3].item(), abs=0.0051)
        assert mean == pytest.approx(grad.mean().item(), abs=0.0051)
        assert error == pytest.approx(grad.std().item() / 10**0.5, abs=0.0051)
        assert float(row[2]) == pytest.approx(exact, abs=0.0051)


def test_exact_gradient_is_that_of_the_books_estimator(figure):
    put(figure, mu=1.37, sigma=0.8)
    mu, sigma = torch.tensor([[1.37], [0.8]], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    draws = pathwise(lambda z: z.square().sum(-1), mu, sigma, 100_000, generator)
    for row, each in zip(table(figure), draws, strict=True):
        assert float(row[2]) == pytest.approx(each.mean().item(), abs=4 * each.std().item() / 316)


def test_graph_shows_the_chosen_draw(figure):
    eps = state(figure)["eps"][3]
    z = 1 + 0.5 * eps
    shown = graph(figure)
    expected = [
        f"f(z) = z² = {z**2:.2f}", f"z = μ + σε = {z:.2f}", "μ = 1.00", "σ = 0.50",
        f"ε = {eps:.2f}", f"∂f/∂z = 2z = {2 * z:.2f}", "∂z/∂μ = 1", "∂z/∂σ = ε", f"= {eps:.2f}",
        f"2z · 1 = {2 * z:.2f}", f"2z · ε = {2 * z * eps:.2f}",
    ]  # fmt: skip
    assert set(expected) <= set(shown)
    label = figure.locator(".vae-graph").get_attribute("aria-label").replace("−", "-")
    assert f"σ gets 2z · ε = {2 * z * eps:.2f}" in label


def test_same_noise_moves_along_when_a_slider_moves(figure):
    before, drawn = state(figure), pixels(figure)
    figure.get_by_label("mean μ").press("ArrowRight")
    figure.get_by_label("spread σ").press("End")
    after = state(figure)
    assert (after["mu"], after["sigma"]) == (1.01, 2)
    assert after["eps"] == before["eps"]
    assert pixels(figure) != drawn
    assert f"z = μ + σε = {1.01 + 2 * before['eps'][3]:.2f}" in graph(figure)


def test_button_draws_again_and_the_same_on_every_page(figure):
    put(figure, seed=0)
    again = figure.get_by_role("button", name="draw ε again")
    runs = []
    for _ in range(2):
        put(figure, seed=0)
        again.click()
        runs.append(state(figure)["eps"])
    assert runs[0] == runs[1]
    assert state(figure)["seed"] == 1
    again.click()
    assert state(figure)["eps"] != runs[0]


def test_a_thousand_draws_are_standard_normal_and_come_near_the_exact_gradient(figure):
    figure.get_by_label("draws K").select_option("1000")
    eps = np.array(state(figure)["eps"])
    assert len(eps) == 1000
    assert abs(eps.mean()) < 4 / 1000**0.5
    assert abs((eps**2).mean() - 1) < 4 * 2**0.5 / 1000**0.5
    for _, estimate, exact in table(figure):
        mean, error = map(float, estimate.split(" ± "))
        assert abs(mean - float(exact)) < 4 * error
    figure.get_by_label("draws K").select_option("1")
    assert len(state(figure)["eps"]) == 1
    assert state(figure)["chosen"] == 0
    assert "±" not in table(figure)[0][1]  # one draw has no standard error
    assert "NaN" not in figure.inner_text()


def test_sampled_directly_the_draws_stay_and_no_gradient_arrives(figure):
    z = 1 + 0.5 * state(figure)["eps"][3]
    figure.get_by_label("sample z directly").check()
    assert state(figure)["drawn_with"] == [1, 0.5]
    figure.get_by_label("mean μ").press("Home")
    shown = graph(figure)
    assert f"z ~ N(μ, σ²), z = {z:.2f}" in shown
    assert shown.count("no gradient") == 2
    assert not [text for text in shown if "∂z/∂" in text or "ε" in text]
    assert [row[:2] for row in table(figure)] == [["no path", "no path"]] * 2
    assert [row[2] for row in table(figure)] == ["-4.00", "1.00"]
    expect(figure.locator(".vae-announcement")).to_contain_text("z stays where it landed")
    figure.get_by_role("button", name="draw z again").click()
    assert state(figure)["drawn_with"] == [-2, 0.5]
    assert f"z = {-2 + 0.5 * state(figure)['eps'][3]:.2f}" in graph(figure)[1]
    figure.get_by_label("sample z directly").uncheck()
    assert "∂z/∂μ = 1" in graph(figure)


def test_arrow_keys_go_from_draw_to_draw_along_the_axis(figure):
    eps = state(figure)["eps"]
    order = np.argsort(eps).tolist()
    put(figure, chosen=order[4])
    canvas = figure.locator("canvas")
    for key, place in [("ArrowRight", 5), ("ArrowUp", 6), ("ArrowLeft", 5)]:
        canvas.press(key)
        assert state(figure)["chosen"] == order[place]
    put(figure, chosen=order[-1])
    canvas.press("ArrowRight")
    assert state(figure)["chosen"] == order[-1]
    name = canvas.get_attribute("aria-label")
    canvas.press("ArrowLeft")
    assert canvas.get_attribute("aria-label") == name  # it is not read out with each key


def place(figure, value: float, share: float) -> tuple[float, float]:
    """Where a value is on the page, at a share of the canvas's height."""
    box = figure.locator("canvas").bounding_box()
    x = 8 + (value + 5) / 10 * (box["width"] - 16)
    return box["x"] + x, box["y"] + share * box["height"]


def test_mouse_chooses_the_nearest_draw_on_either_axis(figure):
    figure.locator("canvas").scroll_into_view_if_needed()
    put(figure, eps=[-1.0, 0.0, 2.0])
    figure.page.mouse.click(*place(figure, 1.8, 0.27))
    assert state(figure)["chosen"] == 2
    figure.page.mouse.move(*place(figure, 0.6, 0.73))  # the first z is at 0.5
    figure.page.mouse.down()
    assert state(figure)["chosen"] == 0
    figure.page.mouse.move(*place(figure, 1.1, 0.73))
    figure.page.mouse.up()
    assert state(figure)["chosen"] == 1


def test_finger_chooses_a_draw_on_a_phone(browser, server):
    with Visit(browser, server, **PHONE) as visit:
        figure = ready_widget(visit.open(PAGE), "Reparameterization")
        put(figure, eps=[-1.0, 0.0, 2.0], chosen=0)
        figure.locator("canvas").scroll_into_view_if_needed()
        visit.page.touchscreen.tap(*place(figure, 2, 0.27))
        visit.page.wait_for_function(
            "f => f.vaelib.model.get('chosen') === 2", arg=figure.element_handle()
        )
        assert visit.problems == []


@pytest.mark.parametrize(
    "spoil", ["'sigma', 0", "'mu', NaN", "'eps', []", "'eps', [0, Infinity]", "'sigma', -1"]
)
def test_what_are_no_draws_is_said_and_the_last_ones_stay(figure, spoil):
    before = table(figure), pixels(figure)
    figure.evaluate(f"f => f.vaelib.model.set({spoil})")
    expect(figure.locator(".vae-announcement")).to_contain_text("No draws: σ has to be above 0")
    assert (table(figure), pixels(figure)) == before


def test_draws_beyond_the_axis_are_shown_at_its_edge_and_said(figure):
    put(figure, mu=2.0, sigma=2.0, eps=[0.0, 2.5, 9.0], chosen=2)
    told = figure.locator(".vae-announcement").text_content()
    assert "Draws beyond the axis, shown at its edge: 2." in told
    assert "z = μ + σε = 20.00" in graph(figure)
