"""How fast the playground trains in a browser, and whether its page stays smooth meanwhile.

`python -m tests.bench.playground` trains 784-128-2 with the widget's own settings on the built
book, in Chromium, opened as a file. An epoch is timed from the end of one to the end of the next,
with all that the widget shows; the first is left out, for the browser still compiles. The frames
are those of the page meanwhile; the verdict allows them one millisecond more.
"""

import argparse

from playwright.sync_api import sync_playwright

from tests.bench.frames import COLLECT, FRAME, RESULTS, percentiles
from tests.bench.report import record, spread
from tests.browser import chromium
from tests.browser.conftest import HTML, Visit, ready_widget

EPOCHS = 10
SIDE_BY_SIDE = {"worker": "", "no worker": "window.Worker = class { constructor() { throw 0 } }"}
TIMES = """([figure, epochs]) => new Promise((done) => {
    const said = figure.querySelector(".vae-announcement span");
    const table = figure.querySelector("table");
    const ends = [];
    const { model } = figure.vaelib;
    model.on("change:weights", () => {  // at the end of each epoch
        ends.push(performance.now());
        if (ends.length <= epochs) return;
        const loss = Number(table.rows[1].cells[1].innerText);
        done({ loss, times: ends.slice(1).map((end, i) => end - ends[i]) });
    });
    [...figure.querySelectorAll("button")].find(b => b.textContent === "train").click();
})"""


def measure() -> dict:
    """Seconds an epoch, milliseconds from frame to frame, and -ELBO at the end, both ways."""
    path = chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        found = {name: trained(browser, script) for name, script in SIDE_BY_SIDE.items()}
        found["chromium"] = browser.version
        browser.close()
    return found


def trained(browser, script: str) -> dict:
    """One run of some epochs."""
    with Visit(browser, HTML.as_uri() + "/") as visit:
        visit.page.add_init_script(script)
        figure = ready_widget(visit.open("book/building.html"), "Playground")
        visit.page.set_default_timeout(0)
        visit.page.evaluate(COLLECT)
        run = visit.page.evaluate(TIMES, [figure.element_handle(), EPOCHS + 1])
        stamps = visit.page.evaluate(RESULTS)
    frames = [b - a for a, b in zip(stamps["stamps"], stamps["stamps"][1:], strict=False)]
    return {
        "epoch_s": spread([time / 1000 for time in run["times"][1:]]),
        "draw_ms": percentiles(stamps["draws"]),
        "frame_ms": percentiles(frames),
        "neg_elbo": run["loss"],
    }


def table(found: dict) -> str:
    """What was found, for people."""
    lines = [f"The playground, 784-128-2 on 5,000 digits, in Chromium {found['chromium']}"]
    for name in SIDE_BY_SIDE:
        run = found[name]
        epoch, frame = run["epoch_s"], run["frame_ms"]
        lines.append(
            f"  {name:10} {epoch['median']:.2f} s an epoch ({epoch['least']:.2f} to "
            f"{epoch['most']:.2f}, {epoch['count']} epochs), -ELBO {run['neg_elbo']:.1f} on the "
            f"test digits; from frame to frame 95th percentile {frame['p95']:.1f} ms, longest "
            f"{frame['max']:.0f} ms; drawing 95th percentile {run['draw_ms']['p95']:.1f} ms"
        )
    slowest = max(found[name]["frame_ms"]["p95"] for name in SIDE_BY_SIDE)
    verdict = "within" if slowest <= FRAME + 1 else "NOT within"
    return "\n".join([*lines, f"The page's frames are {verdict} {FRAME:.1f} ms and one."])


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    found = measure()
    print(table(found))
    if not arguments.dry:
        record("playground", found)


if __name__ == "__main__":
    main()
