"""Take the README's picture of a widget from the built book: `make screenshot`."""

import io
import sys
from pathlib import Path

import PIL.Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import chromium  # noqa: E402
from tests.browser.conftest import HTML, Visit, ready_widget  # noqa: E402

TARGET = ROOT / "img" / "widget.png"


def main() -> None:
    """The latent explorer, its point between two digits."""
    path = chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        options = {"viewport": {"width": 1280, "height": 900}, "device_scale_factor": 1.5}
        with Visit(browser, HTML.as_uri() + "/", color_scheme="light", **options) as visit:
            figure = ready_widget(visit.open("book/exploring.html"), "LatentExplorer")
            figure.evaluate("f => f.vaelib.model.set('chosen', 17)")
            figure.evaluate("f => f.vaelib.model.set('z', [-0.35, 0.75])")
            figure.get_by_text("z = (−0.35, 0.75)").first.wait_for()
            taken = figure.locator(".vae-root").screenshot()
        browser.close()
    image = PIL.Image.open(io.BytesIO(taken)).convert("RGB")
    image.quantize(256, dither=PIL.Image.Dither.NONE).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
