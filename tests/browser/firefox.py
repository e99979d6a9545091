"""The system's Firefox, driven over WebDriver BiDi, a standard that every Firefox speaks by itself.

Playwright brings a Firefox of its own, and asks the system's for commands that Debian's does not
know; the standard's driver, geckodriver, comes from no registry. What the tests need is little.
"""

import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import websocket

NAMES = ("firefox-esr", "firefox")
PATIENCE = 90  # seconds, for a machine that does other work too
PREFERENCES = {
    "network.dns.disabled": True,  # no other host can be found
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "layout.css.prefers-color-scheme.content-override": 1,  # light
}


def find() -> str | None:
    """The path of a Firefox: what the variable FIREFOX names, or else one on the PATH."""
    return os.environ.get("FIREFOX") or next(filter(None, map(shutil.which, NAMES)), None)


# What Firefox says of a fraction of which only the first half has arrived; that they are all whole
# is tested where they are made.
UNFINISHED = "Invalid markup: Incorrect number of children"


class Firefox:
    """A Firefox without a window, with its profile and its home in an empty folder."""

    def __init__(self, path: str, folder: Path):
        lines = [f"user_pref({json.dumps(n)}, {json.dumps(v)});" for n, v in PREFERENCES.items()]
        (folder / "user.js").write_text("\n".join(lines))
        options = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile"]
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [path, *options, folder],
                env=os.environ | {"HOME": str(folder)},
                stdout=log,
                stderr=log,
            )
        try:
            self.socket = websocket.create_connection(
                self._address(folder), timeout=PATIENCE, suppress_origin=True
            )
            self.events, self.sent = [], 0
            self.command("session.new", capabilities={})
            self.command("session.subscribe", events=["log.entryAdded", "network"])
        except BaseException:
            self.process.kill()
            raise

    def _address(self, folder: Path) -> str:
        """Where it listens, which it writes to its profile once it does."""
        file, end = folder / "WebDriverBiDiServer.json", time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError, ValueError):  # not yet, or not all of it
                place = json.loads(file.read_text())
                return f"ws://{place['ws_host']}:{place['ws_port']}/session"
            time.sleep(0.05)
        raise RuntimeError("Firefox did not start:\n" + (folder / "log").read_text()[-2000:])

    def command(self, method: str, **parameters) -> dict:
        """Have a command carried out; what happens meanwhile is kept in `events`."""
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message["type"] == "event":
                self.events.append(message)
            elif message["type"] == "error":
                raise RuntimeError(f"{method}: {message['error']}, {message['message']}")
            elif message["id"] == self.sent:
                return message["result"]

    def close(self) -> None:
        """End it, gently if it lets us."""
        with contextlib.suppress(Exception):
            self.command("browser.close")
            self.process.wait(10)
        self.process.kill()
        self.process.wait()
        self.socket.close()


class Tab:
    """A page in a tab of its own, with mouse and keyboard, and all that went wrong on it."""

    def __init__(self, firefox: Firefox, base: str):
        self.firefox, self.base = firefox, base
        self.context = firefox.command("browsingContext.create", type="tab")["context"]
        self._do("browsingContext.setViewport", viewport={"width": 1280, "height": 800})

    def _do(self, method: str, **parameters) -> dict:
        return self.firefox.command(method, context=self.context, **parameters)

    def open(self, name: str) -> "Tab":
        self._do("browsingContext.navigate", url=self.base + name, wait="complete")
        self.wait_for("document.readyState === 'complete'")  # which a busy Firefox may not have
        return self

    def evaluate(self, expression: str):
        """The value of a JavaScript expression, awaited, by way of JSON."""
        result = self.firefox.command(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({expression})) ?? null))()",
            target={"context": self.context},
            awaitPromise=True,
        )
        if result["type"] == "exception":
            raise RuntimeError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true; it is asked at every frame of the page."""
        seconds = f"performance.now() + {1000 * PATIENCE}"
        frame = "await new Promise(requestAnimationFrame)"
        loop = f"while (!({expression})) {{ if (performance.now() > end) return false; {frame}; }}"
        if not self.evaluate(f"(async () => {{ const end = {seconds}; {loop} return true; }})()"):
            raise TimeoutError(f"{expression} did not come true in {PATIENCE} s")

    def drag(self, places: list[tuple[float, float]]) -> None:
        """Press the mouse on the first place of the window, move it along the others, let go."""
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y)} for x, y in places]
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        actions = [moves[0], down, *moves[1:], up]
        self._act({"type": "pointer", "id": "mouse", "actions": actions})

    def press(self, key: str) -> None:
        """Press one key, by its character; the standard gives one to each arrow, too."""
        actions = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": actions})

    def _act(self, source: dict) -> None:
        self._do("input.performActions", actions=[source])

    @property
    def problems(self) -> list[str]:
        """What was logged as an error or warning, what failed, and what was asked of others."""
        mine = [e for e in self.firefox.events if self.context in _contexts(e["params"])]
        return [text for event in mine if (text := self._problem(**event))]

    def _problem(self, method: str, params: dict, **_) -> str | None:
        if method == "log.entryAdded":
            expected = params["level"] not in ("error", "warn") or UNFINISHED in params["text"]
            return None if expected else params["text"]
        url = params["request"]["url"]
        if method == "network.beforeRequestSent":
            mine = url.startswith((self.base, "data:", "blob:"))
            return None if mine else f"request to another host: {url}"
        if method == "network.fetchError":
            return f"failed request: {url}, {params['errorText']}"
        status = params.get("response", {}).get("status", 0)
        return f"status {status}: {url}" if status >= 400 else None

    def close(self) -> None:
        self._do("browsingContext.close")


def _contexts(params: dict) -> tuple:
    return params.get("context"), params.get("source", {}).get("context")
