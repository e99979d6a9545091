"""Draw the picture by which a link to the book is known, and the book's icons, with `plane.py`."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.font_manager import FontProperties, findfont
from PIL import Image, ImageDraw, ImageFont

import hero
import plane
from describe import SIZE

SHARP = 2  # drawn so many times larger first
PLACE, SCALE = (462, 22), 0.7  # of the map: its corner, and how large a unit of the head's is
STEP = 33  # of the way, whose digit is drawn
ICON = 64  # a side of the icon, in its own units
DOTS = ((15, 17, 1), (49, 15, 6), (50, 47, 0), (13, 47, 9), (31, 11, 2), (33, 54, 4))


def font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """The typeface that comes with matplotlib."""
    file = findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal"))
    return ImageFont.truetype(file, SHARP * size)


def circle(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, **style) -> None:
    draw.ellipse(
        [SHARP * each for each in (x - radius, y - radius, x + radius, y + radius)], **style
    )


def card(found: plane.Plane, title: str, sentence: str) -> Image.Image:
    """The map with the ring and its digit, and beside it the book's title and a sentence."""
    image = Image.new("RGB", (SHARP * SIZE[0], SHARP * SIZE[1]), plane.GROUND)
    draw = ImageDraw.Draw(image)

    def on_card(places: np.ndarray) -> np.ndarray:
        return np.array(PLACE) + SCALE * np.asarray(places)

    for (x, y), label in zip(on_card(hero.placed(found.points)), found.labels, strict=True):
        circle(draw, x, y, 2.9, fill=plane.bright(label))
    color = plane.bright(found.nearby[STEP])
    (x, y), (lens_x, lens_y) = on_card(hero.placed(found.way[STEP])), on_card(hero.LENS[:2])
    draw.line([SHARP * each for each in (x, y, lens_x, lens_y)], fill=color, width=4)
    circle(draw, x, y, 13, outline="white", width=8)
    circle(draw, lens_x, lens_y, SCALE * hero.LENS[2], fill=plane.GROUND, outline=color, width=5)
    for i, value in enumerate(found.frames[STEP]):
        right, down = (SCALE * hero.PITCH * (each - 13.5) for each in (i % 28, i // 28))
        radius = SCALE * hero.PITCH * 0.53 * (value / plane.LEVELS) ** 0.5
        circle(draw, lens_x + right, lens_y + down, radius, fill=color)
    texts = (title, 14, 56, "white", 190), (sentence, 32, 25, "#cdd5ea", 368)
    for text, columns, size, ink, top in texts:
        lines, spacing = "\n".join(textwrap.wrap(text, columns)), SHARP * size // 2
        place = SHARP * 64, SHARP * top
        draw.text(place, lines, ink, font(size, text == title), spacing=spacing)
    return image.resize(SIZE, Image.Resampling.LANCZOS)


def icon() -> str:
    """The icon: a ring among dots of the map's colours."""
    dots = "".join(
        f'<circle cx="{x}" cy="{y}" r="6" fill="{plane.bright(label)}"/>' for x, y, label in DOTS
    )
    middle = ICON // 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {ICON} {ICON}">'
        f'<rect width="{ICON}" height="{ICON}" rx="14" fill="{plane.GROUND}"/>{dots}'
        f'<circle cx="{middle}" cy="{middle}" r="11" fill="none" stroke="#fff" stroke-width="6"/>'
        "</svg>"
    )


def drawn_icon(side: int) -> Image.Image:
    """The same icon as pixels."""
    image = Image.new("RGBA", (SHARP * ICON * 4, SHARP * ICON * 4))
    draw = ImageDraw.Draw(image)
    edge, middle = SHARP * ICON * 4 - 1, 2 * ICON
    draw.rounded_rectangle((0, 0, edge, edge), 14 * SHARP * 4, fill=plane.GROUND)
    for x, y, label in DOTS:
        circle(draw, 4 * x, 4 * y, 24, fill=plane.bright(label))
    circle(draw, middle, middle, 56, outline="white", width=24 * SHARP)
    return image.resize((side, side), Image.Resampling.LANCZOS)


def write(app, error) -> None:
    """Write the pictures beside the pages."""
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static"
    book, head = app.config.html_title or app.config.project, app.env.metadata[app.config.root_doc]
    picture = card(plane.plane(), book, head["hero"])
    picture.quantize(256, dither=Image.Dither.NONE).save(folder / "social.png", optimize=True)
    (folder / "favicon.svg").write_text(icon(), encoding="utf-8")
    drawn_icon(48).save(folder / "favicon.png", optimize=True)
    drawn_icon(180).save(folder / "touch-icon.png", optimize=True)


def setup(app):
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
