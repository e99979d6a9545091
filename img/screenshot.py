"""Take the README's pictures of two widgets from the built book: `make screenshot`."""

import io
import sys
from pathlib import Path

import PIL.Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import chromium  # noqa: E402
from tests.browser.conftest import HTML, Visit, ready_widget  # noqa: E402

FOLDER = ROOT / "img"
SCREEN = {"viewport": {"width": 1280, "height": 900}, "device_scale_factor": 1.5}
EPOCHS = 5


def main() -> None:
    """The latent explorer, its point between two digits, and a strip of the playground."""
    path = chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        for name, take in {"widget": explorer, "playground": playground}.items():
            options = {"color_scheme": "light"} | SCREEN
            with Visit(browser, HTML.as_uri() + "/", **options) as visit:
                save(take(visit), FOLDER / f"{name}.png")
        browser.close()


def explorer(visit) -> bytes:
    """The explorer at a point between two digits."""
    figure = ready_widget(visit.open("book/exploring.html"), "LatentExplorer")
    figure.evaluate("f => f.vaelib.model.set('chosen', 17)")
    figure.evaluate("f => f.vaelib.model.set('z', [-0.35, 0.75])")
    figure.get_by_text("z = (−0.35, 0.75)").first.wait_for()
    return figure.locator(".vae-root").screenshot()


def playground(visit) -> bytes:
    """The upper part of the playground after some epochs, while it trains on."""
    figure = ready_widget(visit.open("book/building.html"), "Playground")
    figure.get_by_role("button", name="train", exact=True).click()
    epoch = "f => parseFloat(f.querySelector('.vae-announcement').innerText.split(' ')[2])"
    later = f"f => ({epoch})(f) >= {EPOCHS}"
    visit.page.wait_for_function(later, arg=figure.element_handle(), timeout=120_000)
    root = figure.locator(".vae-root")
    visit.page.set_viewport_size({"width": 1280, "height": 1600})
    root.scroll_into_view_if_needed()
    box, row = root.bounding_box(), figure.locator(".vae-wide").nth(1).bounding_box()
    height = row["y"] + row["height"] - box["y"]
    return visit.page.screenshot(clip=box | {"height": height})


def save(taken: bytes, target: Path) -> None:
    """A screenshot in 256 colours."""
    image = PIL.Image.open(io.BytesIO(taken)).convert("RGB")
    image.quantize(256, dither=PIL.Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main()
