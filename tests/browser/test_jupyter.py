"""A chapter in a real JupyterLab: its widgets and Python tell each other what changed."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.pages import ROOT

CHAPTER = "exploring.ipynb"
TOKEN = secrets.token_hex()
MINUTE = 60_000  # milliseconds, as Playwright counts


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of its own: the address of its server, and the folder of its kernels' files."""
    home = tmp_path_factory.mktemp("jupyter")
    (home / "book").mkdir()
    shutil.copy(ROOT / "book" / CHAPTER, home / "book")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = os.environ | {name: str(home / folder) for name, folder in folders.items()}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    options = [
        f"--port={port}",
        "--ip=127.0.0.1",
        f"--IdentityProvider.token={TOKEN}",
        "--port-retries=0",
    ]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(
            [*command, *options, f"--ServerApp.root_dir={home / 'book'}"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        wait_for(address + "api", server, home / "log")
        yield address, home / "runtime"
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it waits for a browser that has gone
            server.kill()
            server.wait()


def wait_for(address, server, log: Path):
    for _ in range(240):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except OSError:
            time.sleep(0.25)
    pytest.fail(f"JupyterLab did not answer:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def chapter(browser, lab):
    """The chapter, opened and run to its end."""
    address, runtime = lab
    with Visit(browser, address, viewport={"width": 1400, "height": 1000}) as visit:
        page = visit.page
        page.goto(f"{address}lab/tree/{CHAPTER}?token={TOKEN}")
        expect(page.get_by_text("| Idle")).to_be_visible(timeout=MINUTE)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        yield page, kernel_of(address, runtime)


def kernel_of(address, runtime) -> BlockingKernelClient:
    """A second client of the kernel that runs the chapter."""
    with urllib.request.urlopen(f"{address}api/sessions?token={TOKEN}") as answer:
        (session,) = json.load(answer)
    client = BlockingKernelClient()
    client.load_connection_file(str(runtime / f"kernel-{session['kernel']['id']}.json"))
    client.start_channels()
    client.wait_for_ready(timeout=300)  # it answers between two cells
    return client


def python(kernel, code: str) -> str:
    """What a line of code prints in the kernel of the chapter."""
    printed = []
    kernel.execute_interactive(
        code, timeout=300, output_hook=lambda m: printed.append(m["content"].get("text", ""))
    )
    return "".join(printed).strip()


def await_python(chapter, condition: str):
    """Wait until a condition holds in the kernel; the page goes on meanwhile."""
    page, kernel = chapter
    for _ in range(100):
        if python(kernel, f"print({condition})") == "True":
            return
        page.wait_for_timeout(100)
    pytest.fail(f"not so in Python after ten seconds: {condition}")


def test_python_sees_a_slider_move(chapter):
    page, _ = chapter
    widget = page.locator(".vae-root").first
    widget.scroll_into_view_if_needed(timeout=MINUTE)
    slider = widget.get_by_label("z₁")
    slider.focus()
    page.keyboard.press("End")
    right = float(slider.input_value())
    await_python(chapter, f"abs(explorer.z[0] - {right}) < 1e-6")


def test_a_slider_follows_python(chapter):
    page, kernel = chapter
    widget = page.locator(".vae-root").first
    widget.scroll_into_view_if_needed(timeout=MINUTE)
    assert python(kernel, "explorer.z = [-1.25, 0.5]") == ""
    expect(widget.get_by_role("status").first).to_have_text("z = (−1.25, 0.50)")
    assert float(widget.get_by_label("z₁").input_value()) == pytest.approx(-1.25, abs=0.01)


def test_a_link_in_the_browser_ties_two_widgets(chapter):
    _, kernel = chapter
    code = """
import ipywidgets
number = ipywidgets.BoundedIntText(max=299)
link = ipywidgets.jslink((explorer, "chosen"), (number, "value"))
explorer.chosen = 42
"""
    assert python(kernel, code) == ""
    await_python(chapter, "number.value == 42")


def test_a_wrong_value_is_refused_in_the_kernel(chapter):
    _, kernel = chapter
    code = "try:\n explorer.z = [0.0, float('nan')]\nexcept ValueError as error:\n print(error)"
    assert "finite, got nan" in python(kernel, code)


def test_a_drawing_reaches_python(chapter):
    page, _ = chapter
    widget = page.locator(".vae-root").nth(1)
    widget.scroll_into_view_if_needed(timeout=MINUTE)
    widget.get_by_role("button", name="clear").click()
    await_python(chapter, "sheet.mu is None")
    sheet = widget.locator("canvas[tabindex='0']").first
    box = sheet.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=10)
    page.mouse.up()
    await_python(chapter, "sheet.mu is not None and sum(sheet.pixels) > 0")


def test_sliders_of_any_model_move_it(chapter):
    page, _ = chapter
    await_python(chapter, "'sliders' in globals()")
    handle = page.locator(".widget-slider .noUi-handle").first
    handle.scroll_into_view_if_needed(timeout=MINUTE)
    handle.focus()
    page.keyboard.press("ArrowRight")
    await_python(chapter, "sliders.z[0] > 0")
