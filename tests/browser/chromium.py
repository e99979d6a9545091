"""Find a Chromium for the browser tests, or get one: run this file once before them.

It looks for the file that the environment variable CHROMIUM names, for Chromium or Chrome on the
PATH, and for Playwright's own, each without windows first. If there is none, it tries Playwright's
download and then Debian's package.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

# The first is Chromium without its windows: the same pages for about half of the processor time.
SHELL = "chromium-headless-shell"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
ARGUMENTS += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]  # no other host exists
# What a page keeps, Chromium may lose where the page is a file: a script that asks for the storage
# before the browser's own process knows of the new page is answered by an empty one, without an
# error (IsRequestValid in content/browser/dom_storage/dom_storage_context_wrapper.cc). That took 1
# to 6 of 100 pages here. It cannot happen where a page takes over the frame of another file. The
# list replaces Playwright's own, so it repeats what concerns these pages in that.
ONE_FRAME = "--disable-features=RenderDocument,PaintHolding,MediaRouter,OptimizationHints"
ADVICE = """No browser for the tests: Playwright's download and the system's package manager failed.
Install Chromium or Google Chrome, or set the variable CHROMIUM to the program's path."""


def find() -> str | None:
    """The path of a Chromium that starts, or None."""
    chosen = os.environ.get("CHROMIUM")
    with sync_playwright() as playwright:
        candidates = [chosen] if chosen else known(Path(playwright.chromium.executable_path))
        return next((path for path in candidates if path and starts(playwright, path)), None)


def known(own: Path) -> list[str | None]:
    """Where a browser may be: on the PATH, and where Playwright keeps its own; shells first."""
    shells = own.parents[1].with_name(own.parents[1].name.replace("-", "_headless_shell-"))
    without_windows = [shutil.which(SHELL), *map(str, shells.glob("*/*headless*shell"))]
    return [*without_windows, *map(shutil.which, NAMES), str(own)]


def starts(playwright, path: str) -> bool:
    """Whether a browser of this path runs and shows a page."""
    if not Path(path).exists():
        return False
    try:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        browser.new_page().set_content("<p>hello</p>")
        browser.close()
    except Error:
        return False
    return True


def get() -> str | None:
    """Install a browser in one of two ways, and find it."""
    as_root = [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["sudo", "-n"]
    may_install = run([*as_root, "true"])
    playwright = [sys.executable, "-m", "playwright"]
    if run([*playwright, "install", "chromium"]):
        if found := find():
            return found
        if may_install and run([*as_root, *playwright, "install-deps", "chromium"]):
            return find()
    if may_install and shutil.which("apt-get"):
        run([*as_root, "apt-get", "update", "-qq"])
        install = [*as_root, "apt-get", "install", "-y", "-qq"]
        run([*install, SHELL]) or run([*install, "chromium"])
    return find()


def run(command: list[str]) -> bool:
    """Whether a command succeeds; it may ask nothing, and says why it failed in one line."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        done = subprocess.run(
            command, env=environment, timeout=900, text=True, check=False, **options
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{' '.join(command)}: {error}", flush=True)
        return False
    if done.returncode:
        reasons = [line for line in done.stdout.splitlines() if line.strip()] or ["no output"]
        print(f"{' '.join(command)}: {reasons[0]}", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    path = find()
    if path is None and os.environ.get("CHROMIUM"):
        sys.exit(f"CHROMIUM={os.environ['CHROMIUM']} is no browser that starts.")
    if path is None:
        print("No browser found, getting one.", flush=True)
        path = get()
    if path is None:
        sys.exit(ADVICE)
    print(f"Browser: {path}")
