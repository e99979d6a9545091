"""Every widget in a real JupyterLab: it and Python tell each other what changed."""

import re

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.canvases import wait_for_colors
from tests.browser.conftest import Visit
from tests.browser.jupyterlab import MINUTE, SCREEN, kernel_of, opened, python, run_all, serving

EVERY_WIDGET = """import torch, vaelib
w = vaelib.widgets
images, labels = vaelib.mnist("test").images[:99], vaelib.mnist("test").labels[:99]
model = vaelib.pretrained("vae-2d")
history = vaelib.History([vaelib.Terms(-1.0, 1.0)], [])
colour = vaelib.VAE(48, 8, 2, image_shape=(3, 4, 4))
flowing = vaelib.LatentFlowVAE(784, 8, 2, 8, flow_steps=9)
flowing.learn_prior(torch.randn(99, 2))
shown = [
    w.GaussianKL(), w.Reparameterization(), w.LatentExplorer(model, images, labels),
    w.DrawDigit(model, images, labels),
    w.AutoencoderVersusVAE(vaelib.pretrained("autoencoder-2d"), model, images, labels),
    w.TrainingReplay(history, torch.randn(2, 99, 2), labels),
    w.latent_sliders(model), w.latent_sliders(colour),
    w.ConditionalExplorer(vaelib.ConditionalVAE(784, 10, 8, 2)),
    w.PriorFlow(flowing, images, labels), w.BoundExplorer(model, images[:1].round()),
    w.EffectiveBeta(), w.Playground(), w.LivingNetwork(model, images[:10]),
    w.CollapseExplorer(),
]
explorer, sheet, sliders = shown[2], shown[3], shown[6]
for each in shown:
    display(each)"""


@pytest.fixture(scope="module")
def gallery(browser, tmp_path_factory):
    """A notebook that displays every widget in one cell, and two cells that hold other code."""
    folder, home = tmp_path_factory.mktemp("gallery"), tmp_path_factory.mktemp("jupyter")
    cells = [nbformat.v4.new_code_cell(code) for code in (EVERY_WIDGET, "1 + 1", "2 + 2")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "gallery.ipynb")
    with serving(folder, home) as address, Visit(browser, address, viewport=SCREEN) as visit:
        opened(visit, "gallery.ipynb")
        run_all(visit.page)
        # The kernel makes them all in one cell, which on a busy machine takes its time.
        expect(visit.page.locator(".vae-root")).to_have_count(15, timeout=5 * MINUTE)
        yield visit.page, kernel_of(address, home, "gallery.ipynb")


def await_python(gallery, condition: str):
    """Wait until a condition holds in the kernel; the page goes on meanwhile."""
    page, kernel = gallery
    for _ in range(100):
        if python(kernel, f"print({condition})") == "True":
            return
        page.wait_for_timeout(100)
    pytest.fail(f"not so in Python after ten seconds: {condition}")


def test_the_first_pictures_are_drawn_in_the_colours_of_the_page(gallery):
    """Every canvas of every widget, as it comes to the page, untouched."""
    page, _ = gallery
    for canvas in page.locator(".vae-root canvas").all():
        canvas.scroll_into_view_if_needed()
        wait_for_colors(canvas, 3, timeout=5000)


def test_python_sees_a_slider_move(gallery):
    page, _ = gallery
    widget = page.locator(".vae-root").nth(2)
    widget.scroll_into_view_if_needed()
    slider = widget.get_by_label("z₁")
    slider.focus()
    page.keyboard.press("End")
    right = float(slider.input_value())
    await_python(gallery, f"abs(explorer.z[0] - {right}) < 1e-6")


def test_a_slider_follows_python(gallery):
    page, kernel = gallery
    widget = page.locator(".vae-root").nth(2)
    widget.scroll_into_view_if_needed()
    assert python(kernel, "explorer.z = [-1.25, 0.5]") == ""
    expect(widget.get_by_role("status").first).to_have_text("z = (−1.25, 0.50)")
    assert float(widget.get_by_label("z₁").input_value()) == pytest.approx(-1.25, abs=0.01)


STATE = """() => {
  const cells = [...document.querySelectorAll(".jp-Notebook .jp-Cell")];
  const own = document.activeElement;
  return {
    cells: cells.map(cell => [cell.className.match(/jp-\\w+Cell/g).join(), cell.querySelector(
      ".jp-InputArea-editor").textContent.slice(0, 20)]),
    active: cells.findIndex(cell => cell.classList.contains("jp-mod-active")),
    mode: document.querySelector(".jp-Notebook").classList.contains("jp-mod-commandMode"),
    dialogs: document.querySelectorAll(".jp-Dialog").length,
    focus: own.getAttribute("aria-label") || own.labels?.[0]?.textContent || own.tagName,
  };
}"""
KEYS = ["ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown", *"ddmaxcvyrjkzbi", "Enter", "Space"]


def test_keys_that_jupyterlab_binds_stay_with_the_control(gallery):
    """In command mode, arrows move between cells and d d deletes one."""
    page, _ = gallery
    for control in one_of_each_kind(page):
        control.focus()
        before = page.evaluate(STATE)
        for key in KEYS:
            page.keyboard.press(key)
        after = page.evaluate(STATE)
        after["focus"] = before["focus"] if "draw" in after["focus"] else after["focus"]
        assert after == before, control.evaluate("c => c.outerHTML.slice(0, 200)")
        assert before["mode"]


def one_of_each_kind(page) -> list:
    """A control of each kind of each widget."""
    kinds = ("input[type=range]", "input:not([type=range])", "select", "button", "canvas[tabindex]")
    found = [
        root.locator(f"{kind}:visible").first
        for root in page.locator(".vae-root").all()
        for kind in kinds
        if root.locator(f"{kind}:visible").count()
    ]
    assert len(found) > 20
    return found


def test_every_slider_moves_with_the_arrow_keys(gallery):
    page, _ = gallery
    for slider in page.locator(".vae-root input[type=range]").all():
        slider.focus()
        page.keyboard.press("Home")
        low = float(slider.input_value())
        page.keyboard.press("ArrowRight")
        assert float(slider.input_value()) > low
        page.keyboard.press("ArrowDown")
        assert float(slider.input_value()) == low


def test_shortcuts_and_escape_go_on_to_jupyterlab(gallery):
    page, _ = gallery
    page.evaluate("window.heard = []; addEventListener('keydown', e => heard.push(e.key))")
    slider = page.locator(".vae-root input[type=range]").first
    slider.focus()
    for key in ("Control+q", "Escape", "a"):
        page.keyboard.press(key)
    assert page.evaluate("heard.filter(key => key !== 'Control')") == ["q", "Escape"]


def test_a_slider_shows_what_python_set_and_does_not_change_it(gallery):
    page, kernel = gallery
    root = page.locator(".vae-root").nth(6)
    root.scroll_into_view_if_needed()
    linked = "import ipywidgets; ipywidgets.jslink((shown[6], 'z'), (shown[2], 'z'))"
    assert python(kernel, linked) == ""
    assert python(kernel, "shown[6].z = torch.tensor([1.541, 0.123456789])") == ""
    expect(root.locator("output").first).to_have_text("1.54")
    page.wait_for_timeout(500)  # what would come back has come
    wanted = "torch.tensor([1.541, 0.123456789]).tolist()"
    assert python(kernel, f"print(shown[6].z == shown[2].z == {wanted})") == "True"


def test_the_image_follows_a_slider_and_the_buttons(gallery):
    page, kernel = gallery
    root = page.locator(".vae-root").nth(7)
    image = root.locator("canvas")
    drawn = "c => c.toDataURL()"
    before = image.evaluate(drawn)
    root.get_by_role("button", name="sample from the prior").click()
    page.wait_for_function(
        f"([c, before]) => ({drawn})(c) !== before", arg=[image.element_handle(), before]
    )
    root.get_by_role("button", name="reset").click()
    expect(image).to_have_attribute("aria-label", "Image decoded at z = (0.00, 0.00)")
    assert python(kernel, "print(shown[7].z)") == "[0.0, 0.0]"


def test_a_link_in_the_browser_ties_two_widgets(gallery):
    _, kernel = gallery
    code = """
import ipywidgets
number = ipywidgets.BoundedIntText(max=8)
link = ipywidgets.jslink((explorer, "chosen"), (number, "value"))
explorer.chosen = 5
"""
    assert python(kernel, code) == ""
    await_python(gallery, "number.value == 5")


def test_a_wrong_value_is_refused_in_the_kernel(gallery):
    _, kernel = gallery
    code = "try:\n explorer.z = [0.0, float('nan')]\nexcept ValueError as error:\n print(error)"
    assert "finite, got nan" in python(kernel, code)


def test_a_drawing_reaches_python(gallery):
    page, _ = gallery
    clear = page.get_by_role("button", name="clear")
    widget = page.locator(".vae-root").filter(has=clear)
    widget.scroll_into_view_if_needed()
    clear.click()
    await_python(gallery, "sheet.mu is None")
    sheet = widget.locator("canvas[tabindex='0']").first
    box = sheet.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=10)
    page.mouse.up()
    await_python(gallery, "sheet.mu is not None and sum(sheet.pixels) > 0")


def test_a_label_and_python_follow_each_other(gallery):
    page, kernel = gallery
    root = page.locator(".vae-root").nth(8)
    root.locator("fieldset canvas").nth(7).click()
    await_python(gallery, "shown[8].label == 7")
    assert python(kernel, "shown[8].label = torch.tensor(2)") == ""
    expect(root.get_by_role("radio", name="2")).to_be_checked()


def test_other_draws_reach_python_and_flow_with_it(gallery):
    page, kernel = gallery
    root = page.locator(".vae-root").nth(9)
    assert python(kernel, "shown[9].eps, shown[9].seed = [0.5] * 400, 7") == ""
    root.get_by_role("button", name="draw again").click()
    await_python(gallery, "shown[9].seed == 8 and len(set(shown[9].eps)) == 400")
    assert python(kernel, "shown[9].t = 0.25") == ""
    expect(root.locator("[role=status]")).to_have_text("200 draws on their way, t = 0.25")


def test_sliders_of_any_model_move_it(gallery):
    page, _ = gallery
    slider = page.locator(".vae-root").nth(6).get_by_label("z2", exact=True)
    slider.focus()
    page.keyboard.press("End")
    await_python(gallery, "sliders.z[1] > 2")


def test_weights_trained_in_the_browser_reach_python_and_go_back(gallery):
    page, kernel = gallery
    root = page.locator(".vae-root").nth(12)
    root.scroll_into_view_if_needed()
    said = root.locator(".vae-announcement span").first
    # Earlier tests have moved its controls and trained it: the usual settings, and new weights.
    usual = "play = shown[12]; play.likelihood, play.beta, play.fault = 'bernoulli', 1.0, 'none'"
    assert python(kernel, f"{usual}; play.batch_size = 64; play.learning_rate = 0.003") == ""
    expect(root.get_by_label("learning rate")).to_have_value("3")  # the fourth of its stops
    root.get_by_role("button", name="reset").click()
    expect(said).to_have_text(re.compile("Not trained|Before training"))
    root.get_by_role("button", name="one step").click()
    expect(said).to_contain_text("After epoch", timeout=MINUTE)
    bound = "images = vaelib.mnist('test').images[:500]"
    bound += "; elbo = lambda: vaelib.mean_terms(play.model(), images).elbo"
    assert python(kernel, bound) == ""
    await_python(gallery, "-700 < elbo() < -400")  # a step from chance, about 784 log 2
    root.get_by_role("button", name="one epoch").click()
    expect(said).to_contain_text("After epoch 1,", timeout=MINUTE)
    await_python(gallery, "elbo() > -250")
    assert python(kernel, "shown[12].load(vaelib.VAE(784, 32, 2))") == ""
    expect(said).to_contain_text("Weights from Python")
    expect(root.get_by_label("hidden units")).to_have_value("32")
