"""Playground in Firefox: its steps are PyTorch's there, too, and what goes wrong is said."""

import json
import shutil

import pytest
import torch

import vaelib
from tests.browser import firefox as driver
from tests.browser.conftest import HTML
from tests.browser.test_firefox import firefox  # noqa: F401
from tests.browser.test_playground import (
    HIDDEN,
    NAME,
    PAGE,
    STEPS,
    assert_near,
    by_pytorch,
    drawn_batches,
    given_to_page,
    read,
)

FIGURES = f"document.querySelectorAll('figure[data-widget={NAME}]')"
DOUBLE = f"""() => addEventListener("DOMContentLoaded", () => {{
    const figure = {FIGURES}[0];
    figure.after(figure.cloneNode(true));
}}, {{ capture: true }})"""
HOME, END = "\ue011", "\ue010"


@pytest.fixture
def tab(firefox, server):  # noqa: F811
    tab = driver.Tab(firefox, server)
    yield started(tab)
    assert tab.problems == []
    tab.close()


def started(tab, index: int = 0):
    tab.open(PAGE) if index == 0 else None
    tab.evaluate(f"({FIGURES}[{index}].scrollIntoView({{behavior: 'instant'}}), null)")
    tab.wait_for(f"{FIGURES}[{index}].hasAttribute('data-ready')")
    return tab


def press_button(tab, name: str, index: int = 0) -> None:
    each = f"[...{FIGURES}[{index}].querySelectorAll('button')]"
    tab.evaluate(f"({each}.find(b => b.textContent === {name!r}).click(), null)")


def said(index: int = 0) -> str:
    return f"{FIGURES}[{index}].querySelector('.vae-announcement span').textContent"


def hears(tab, text: str, index: int = 0) -> None:
    tab.wait_for(f"{said(index)}.includes({text!r})")


def moved(tab, label: str, key: str) -> None:
    """Put a slider to one of its ends by keyboard."""
    each = f"[...{FIGURES}[0].querySelectorAll('input[type=range]')]"
    name = "[i.labels[0]?.textContent, i.getAttribute('aria-label')].join()"
    tab.evaluate(f"({each}.find(i => {name}.includes({label!r})).focus(), null)")
    tab.press(key)


def trait(tab, name: str):
    return tab.evaluate(f"{FIGURES}[0].vaelib.model.get({name!r})")


@pytest.mark.parametrize("plain", [False, True], ids=["WebAssembly", "plain"])
def test_steps_in_firefox_are_pytorchs(tab, plain):
    torch.manual_seed(0)
    model, batches = vaelib.VAE(784, HIDDEN, 2), drawn_batches(3)
    given = given_to_page(model, batches, 0.003, 1.0, "none", plain)
    found = read(tab.evaluate(f"({STEPS})([{FIGURES}[0], {json.dumps(given)}])"))
    wanted = by_pytorch(model, batches, 0.003, 1.0, "none")
    assert found["isPlain"] == plain
    assert found["losses"] == pytest.approx(wanted[0], rel=1e-4)
    assert_near(found["slopes"], wanted[1], model)
    assert_near(found["weights"], wanted[2], model)


def test_a_run_that_diverges_in_firefox_stops_and_reset_helps(tab):
    tab.evaluate(f"({FIGURES}[0].vaelib.model.set('fault', 'unclamped'), null)")
    moved(tab, "learning rate", END)
    press_button(tab, "train")
    hears(tab, "the loss is no longer a number")
    moved(tab, "learning rate", HOME)
    press_button(tab, "reset")
    press_button(tab, "one step")
    hears(tab, "After epoch 0.01")


@pytest.mark.parametrize("key", [HOME, END], ids=["Home", "End"])
def test_with_all_sliders_at_an_end_it_trains_in_firefox(tab, key):
    """On the left beta is 0."""
    for label in ("β", "learning rate", "batch size", "seed"):
        moved(tab, label, key)
    assert trait(tab, "beta") == (0 if key == HOME else 10)
    assert trait(tab, "batch_size") == (16 if key == HOME else 512)
    press_button(tab, "one epoch")
    hears(tab, "After epoch 1,")


def test_missing_digits_are_named_in_firefox(firefox, server, tmp_path):  # noqa: F811
    """`server` sees to it that there is a book."""
    shutil.copytree(HTML, tmp_path, dirs_exist_ok=True)
    for file in (tmp_path / "_static" / "widgets").rglob("digits.js"):
        file.unlink()
    tab = started(driver.Tab(firefox, tmp_path.as_uri() + "/"))
    press_button(tab, "train")
    hears(tab, "Nothing can be trained: the file digits.js is missing")
    tab.close()


def test_a_hidden_tab_rests_in_firefox_and_goes_on(firefox, tab):  # noqa: F811
    press_button(tab, "train")
    hears(tab, "After epoch ")
    other = driver.Tab(firefox, tab.base)
    firefox.command("browsingContext.activate", context=other.context)
    tab.evaluate("new Promise(done => setTimeout(done, 1500))")
    assert tab.evaluate("document.visibilityState") == "hidden"
    shown = f"{FIGURES}[0].querySelector('table').textContent"
    before = tab.evaluate(shown)
    tab.evaluate("new Promise(done => setTimeout(done, 2000))")
    assert tab.evaluate(shown) == before
    other.close()
    firefox.command("browsingContext.activate", context=tab.context)
    tab.wait_for(f"{shown} !== {before!r}")


def test_two_playgrounds_train_apart_in_firefox(firefox, server):  # noqa: F811
    tab = driver.Tab(firefox, server)
    command = {"functionDeclaration": DOUBLE, "contexts": [tab.context]}
    firefox.command("script.addPreloadScript", **command)
    started(started(tab), 1)
    press_button(tab, "one epoch", 1)
    hears(tab, "After epoch 1,", 1)
    assert tab.evaluate(said(0)) == "Not trained yet."
    tab.evaluate(f"({FIGURES}[0].scrollIntoView({{behavior: 'instant'}}), null)")
    press_button(tab, "one step")
    hears(tab, "After epoch 0.01")
    assert "After epoch 1," in tab.evaluate(said(1))
    assert tab.problems == []
    tab.close()
