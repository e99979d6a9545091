"""A JupyterLab of the tests' own: a server in an empty home, and its pages in the browser."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient
from playwright.sync_api import expect

from book import copies
from tests.pages import ROOT

TOKEN = secrets.token_hex()
MINUTE = 60_000  # milliseconds, as Playwright counts
SCREEN = {"width": 1400, "height": 1000}
FOLDERS = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]
FOLDERS += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]


@contextlib.contextmanager
def serving(folder: Path, home: Path):
    """Start JupyterLab on a folder as `make lab` starts it; the address of its server."""
    prepare(home)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.ip=127.0.0.1"]
    options += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0"]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(
            copies.command(folder, options),
            env=os.environ | {name: str(home / name) for name in FOLDERS},
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        wait_for(address + "api", server, home / "log")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:  # it waits for a browser that has gone
            server.kill()
            server.wait()


def prepare(home: Path):
    """Put the package's extension where an installation would, and show whole notebooks."""
    whole = home / "JUPYTERLAB_SETTINGS_DIR" / "@jupyterlab" / "notebook-extension"
    whole.mkdir(parents=True)  # a test reads all of a notebook, not only what is in view
    (whole / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    installed = home / "JUPYTER_CONFIG_DIR" / "jupyter_server_config.d"
    installed.mkdir(parents=True)
    shutil.copy(ROOT / "src" / "vaelib_jupyter" / "vaelib.json", installed)


def wait_for(address: str, server, log: Path):
    for _ in range(240):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except OSError:
            time.sleep(0.25)
    pytest.fail(f"JupyterLab did not answer:\n{log.read_text()[-3000:]}")


def opened(visit, name: str):
    """A notebook in JupyterLab, with its cells shown; its panel."""
    page = visit.page
    page.goto(f"{visit.base}lab/tree/{name}?token={TOKEN}&reset")
    panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    expect(panel.locator(".jp-Cell").first).to_be_visible(timeout=MINUTE)
    expect(page.get_by_text("| Idle")).to_be_visible(timeout=MINUTE)
    return panel


def run_all(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def kernel_of(address: str, home: Path, name: str) -> BlockingKernelClient:
    """A second client of the kernel that runs a notebook."""
    with urllib.request.urlopen(f"{address}api/sessions?token={TOKEN}") as answer:
        (session,) = (each for each in json.load(answer) if each["path"] == name)
    client = BlockingKernelClient()
    connection = home / "JUPYTER_RUNTIME_DIR" / f"kernel-{session['kernel']['id']}.json"
    client.load_connection_file(str(connection))
    client.start_channels()
    client.wait_for_ready(timeout=300)  # it answers between two cells
    return client


def python(kernel, code: str) -> str:
    """What code prints in a kernel."""
    printed = []
    kernel.execute_interactive(
        code, timeout=300, output_hook=lambda m: printed.append(m["content"].get("text", ""))
    )
    return "".join(printed).strip()


def shut_down(address: str):
    """End all kernels, as a reader's evening does."""
    with urllib.request.urlopen(f"{address}api/kernels?token={TOKEN}") as answer:
        kernels = json.load(answer)
    assert kernels
    for kernel in kernels:
        request = urllib.request.Request(
            f"{address}api/kernels/{kernel['id']}?token={TOKEN}",
            method="DELETE",
            headers={"Authorization": f"token {TOKEN}"},
        )
        urllib.request.urlopen(request)
