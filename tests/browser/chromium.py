"""Find a Chromium for the browser tests, or get one: run this file once before them.

It looks for the file that the environment variable CHROMIUM names, for Chromium or Chrome on the
PATH, and for Playwright's own. If there is none, it tries Playwright's download and then Debian's
package.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
ADVICE = """No browser for the tests: Playwright's download and the system's package manager failed.
Install Chromium or Google Chrome, or set the variable CHROMIUM to the program's path."""


def find() -> str | None:
    """The path of a Chromium that starts, or None."""
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES)]
    with sync_playwright() as playwright:
        candidates.append(playwright.chromium.executable_path)
        return next((path for path in candidates if path and starts(playwright, path)), None)


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
    download = [sys.executable, "-m", "playwright", "install", "chromium"]
    if succeeds(download):
        libraries = [sys.executable, "-m", "playwright", "install-deps", "chromium"]
        if found := find() or (succeeds(libraries) and find()):
            return found
    if shutil.which("apt-get"):
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        succeeds([*root, "apt-get", "update", "-qq"])
        succeeds([*root, "apt-get", "install", "-y", "-qq", "chromium"])
    return find()


def succeeds(command: list[str]) -> bool:
    """Run a command quietly; False if it fails or does not exist."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    path = find()
    if path is None:
        print("No browser found, getting one.", flush=True)
        path = get()
    if path is None:
        sys.exit(ADVICE)
    print(f"Browser: {path}")
