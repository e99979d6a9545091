"""How long a widget takes to decode and redraw, while its point is dragged for five seconds.

`python -m tests.bench.frames` tries every widget that can be dragged on the built book, in
Chromium, and records milliseconds: of the drawing itself, and from one frame to the next.
"""

import argparse
import statistics
import time

from playwright.sync_api import sync_playwright

from tests.bench.report import record
from tests.browser import chromium
from tests.browser.conftest import HTML, Visit, built, handle_of, ready_widget
from tests.pages import chapters, widgets_of

SECONDS = 5
FRAME = 1000 / 60  # milliseconds
COLLECT = """() => {
    performance.clearMeasures('vae-draw');
    const stamps = (window.vaeStamps = []);
    const stamp = (now) => { stamps.push(now); requestAnimationFrame(stamp); };
    requestAnimationFrame(stamp);
}"""
RESULTS = """() => ({
    draws: performance.getEntriesByName('vae-draw').map(e => e.duration),
    stamps: window.vaeStamps,
})"""


def measure() -> dict:
    """For each widget that draws as it is dragged: its draws and the frames meanwhile, in ms."""
    results, path = {}, chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        for page in chapters():
            for name in widgets_of(page):
                if name not in results:
                    with Visit(browser, HTML.as_uri() + "/") as visit:
                        visit.open(built(page))
                        results[name] = drag(visit, ready_widget(visit, name))
        version = browser.version
        browser.close()
    return {"seconds": SECONDS, "chromium": version, "widgets": results}


def drag(visit: Visit, figure) -> dict:
    """Move back and forth over what can be dragged, as fast as the browser takes it."""
    target = handle_of(figure)
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    mouse = visit.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    visit.page.evaluate(COLLECT)
    end, step = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        share = 0.5 + 0.45 * ((step % 40) / 20 - 1)
        mouse.move(box["x"] + share * box["width"], box["y"] + (0.3 + 0.4 * share) * box["height"])
        step += 1
    mouse.up()
    found = visit.page.evaluate(RESULTS)
    frames = [b - a for a, b in zip(found["stamps"], found["stamps"][1:], strict=False)]
    return {"draw_ms": percentiles(found["draws"]), "frame_ms": percentiles(frames)}


def percentiles(times: list[float]) -> dict:
    """How many, their median, 95th percentile and largest."""
    if len(times) < 20:
        raise RuntimeError(f"wanted 20 or more in {SECONDS} s, got {len(times)}")
    return {
        "count": len(times),
        "median": round(statistics.median(times), 2),
        "p95": round(statistics.quantiles(times, n=20)[-1], 2),
        "max": round(max(times), 2),
    }


def table(found: dict) -> str:
    """What was found, for people."""
    lines = [f"A drag of {found['seconds']} s in Chromium {found['chromium']}, in milliseconds"]
    for name, times in found["widgets"].items():
        draw, frame = times["draw_ms"], times["frame_ms"]
        lines.append(
            f"  {name:21} {draw['count']} draws: median {draw['median']:.1f}, "
            f"95th percentile {draw['p95']:.1f}, longest {draw['max']:.1f}; "
            f"95th percentile from frame to frame {frame['p95']:.1f}"
        )
    slowest = max(times["draw_ms"]["p95"] for times in found["widgets"].values())
    verdict = "within" if slowest <= FRAME else "NOT within"
    return "\n".join([*lines, f"Each decodes and draws {verdict} a frame of {FRAME:.1f} ms."])


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    found = measure()
    print(table(found))
    if not arguments.dry:
        record("frames", found)


if __name__ == "__main__":
    main()
