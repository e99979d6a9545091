"""Put the book's figures on the pages: light and dark, wide and narrow, from one drawing.

What `vaelib.plots.show` displayed holds as metadata two drawings of the figure, one for wide
screens and one for phones. A diagram has them as files: `{figure} ../img/vae.svg` stands for
`img/vae.svg` and `img/vae.narrow.svg`. Each becomes two files, of which the dark one is the light
one with other colours. The page names all four; a browser loads the one that is shown.
"""

import base64
import hashlib
import io
import re
from html import escape
from pathlib import Path

import nbformat
import PIL.Image
from docutils import nodes
from vaelib import drawings, plots
from vaelib.widgets import base

import live

FOLDER = "_images"
WIDTHS = ("wide", "narrow")
NARROW = ".narrow.svg"  # how the file of a diagram ends that is for phones
PHONE = "(max-width: 719px)"  # below, a wide drawing would have to be made smaller
# The page's ground and its text in dark mode.
GROUND, TEXT = (0x12, 0x12, 0x12), (0xCE, 0xD6, 0xDD)
# Colours of the book's drawings that are not neutral and have others in the dark: those of boxes,
# and of the palette's two, a red and a purple, that would hardly be seen there.
DARK = {
    "#bd1f01": "#f2545b",
    "#832db6": "#b06be0",
    plots.LINE: "#9aa3b5",
    **dict(zip(plots.BOX_COLORS, ("#1d3a5f", "#573d12", "#1c4a31", "#2a303b"), strict=True)),
}
SIZE = re.compile(r'<svg [^>]*?(width="\d+") (height="\d+")')
COLOR = re.compile(r"(?<=: )#[0-9a-f]{6}\b")
# The least contrast of a fill with the ground, and a fill in a style with what stands around it.
LEAST = 1.6
FILLED = re.compile(r'style="((?:[^"]*; )?)fill: (#[0-9a-f]{6})((?:;[^"]*)?)"')
OPACITY = re.compile(r"(?<![a-z-])(?:fill-)?opacity: ([\d.]+)")
INK = re.compile(
    rf'(<image\b(?=[^>]*\bid="{drawings.INK_ID})[^>]*href="data:image/png;base64,)([^"]*)'
)


def dark(text: str) -> str:
    """A light drawing with the colours of the dark page: neutral ones turned, most others kept.

    Black stands in no attribute of a drawing, for it is what is filled without being told: here
    the root says the colour of the text.
    """
    text = INK.sub(lambda match: match[1] + turned(match[2]), text)
    text = COLOR.sub(lambda match: dark_color(match[0]), text)
    text = FILLED.sub(lambda match: with_fill(*match.groups()), text)
    return text.replace("<svg ", f'<svg fill="{hexadecimal(shade(0))}" ', 1)


def dark_color(color: str) -> str:
    """The colour of the dark page that stands for one of the light page."""
    if color in DARK:
        return DARK[color]
    red, green, blue = bytes.fromhex(color[1:])
    return hexadecimal(shade(red)) if red == green == blue else color


def with_fill(before: str, color: str, after: str) -> str:
    """A style whose fill can be told from the ground: less transparent, if not lighter."""
    found = OPACITY.search(before + after)
    opacity = float(found[1]) if found else 1.0
    if color == hexadecimal(GROUND) or stands_out(mixed(color, GROUND, opacity)):
        return f'style="{before}fill: {color}{after}"'
    needed = (part / 20 for part in range(1, 21))
    opacity = next((p for p in needed if stands_out(mixed(color, GROUND, p))), 1.0)
    lighter = (
        hexadecimal(mixed(hexadecimal(TEXT), bytes.fromhex(color[1:]), p / 20)) for p in range(21)
    )
    color = next(each for each in lighter if stands_out(mixed(each, GROUND, opacity)))
    style = OPACITY.sub(
        lambda match: match[0].replace(match[1], f"{opacity:g}"), before + f"fill: {color}" + after
    )
    return f'style="{style}"'


def mixed(color: str, other, opacity: float) -> tuple[int, int, int]:
    """A colour that lies on another and lets it through."""
    pairs = zip(bytes.fromhex(color[1:]), other, strict=True)
    return tuple(round(opacity * over + (1 - opacity) * under) for over, under in pairs)


def stands_out(color) -> bool:
    return (luminance(color) + 0.05) / (luminance(GROUND) + 0.05) >= LEAST


def luminance(color) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [part / 255 for part in color]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def shade(level: int) -> tuple[int, int, int]:
    """Of a grey from 0, the text, to 255, the ground, the one between those of the dark page."""
    return tuple(
        round(text + (ground - text) * level / 255)
        for text, ground in zip(TEXT, GROUND, strict=True)
    )


def hexadecimal(color: tuple[int, int, int]) -> str:
    return "#" + bytes(color).hex()


def turned(png: str) -> str:
    """Ink that is light on a dark ground: PNG as base64, of shades of grey."""
    image = PIL.Image.open(io.BytesIO(base64.b64decode(png))).convert("L")
    shades = PIL.Image.new("P", image.size)
    shades.putdata(image.tobytes())
    shades.putpalette([part for level in range(256) for part in shade(level)])
    written = io.BytesIO()
    shades.save(written, format="png", optimize=True)
    return base64.b64encode(written.getvalue()).decode()


def light_of(output) -> dict[str, str]:
    """The two light drawings of an output, by their widths."""
    return {width: drawings.unpacked(output.metadata[drawings.KEY], width) for width in WIDTHS}


def diagram_of(path: Path) -> dict[str, str] | None:
    """The two light drawings of a diagram, or None if the file is no diagram."""
    paths = dict(zip(WIDTHS, (path, path.with_suffix(NARROW)), strict=True))
    if path.suffix != ".svg" or not paths["narrow"].is_file():
        return None
    return {width: each.read_text(encoding="utf-8") for width, each in paths.items()}


def files_of(light: dict[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    """The name and the text of each file of a figure, by its ground and its width."""
    found = {}
    for width, drawing in light.items():
        for ground, text in (("light", drawing), ("dark", dark(drawing))):
            digest = hashlib.sha256(text.encode()).hexdigest()[:16]
            found[ground, width] = f"{digest}.svg", text
    return found


def drawn_outputs(path: Path) -> list[tuple[int, dict]]:
    """The outputs of a notebook that hold drawings, each after the index of its cell."""
    notebook = nbformat.read(path, as_version=4)
    return [
        (index, output)
        for index, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if drawings.KEY in output.get("metadata", {})
    ]


def diagrams(app) -> list[dict[str, str]]:
    """The drawings of all diagrams."""
    found = (diagram_of(path) for path in sorted((Path(app.srcdir) / "img").glob("*.svg")))
    return [light for light in found if light]


def place(app, doctree):
    """Put the four drawings of each figure where its picture is."""
    path = Path(app.env.doc2path(app.env.docname))
    root = app.builder.get_relative_uri(app.env.docname, "index").removesuffix("index.html")
    app.env.note_dependency(__file__)
    for node in list(doctree.findall(nodes.image)):
        diagram = Path(app.srcdir) / node["uri"]
        light = diagram_of(diagram)
        if light:
            app.env.note_dependency(str(diagram.with_suffix(NARROW)))
            node.replace_self(picture(node["alt"], light, root))
    if path.suffix != ".ipynb":
        return
    cells = live.code_cells(doctree)
    for index, output in drawn_outputs(path):
        shown = picture(output.data["text/plain"], light_of(output), root)
        is_widget = base.STATE in output.metadata
        picture_of(cells[index]).replace_self(live.around([shown], output) if is_widget else shown)


def picture_of(cell) -> nodes.container:
    """What a cell displayed as a picture: there is one in a cell."""
    return next(
        node
        for node in cell.findall(nodes.container)
        if any(
            isinstance(child, nodes.Element) and child.get("mime_type") == "image/png"
            for child in node.children
        )
    )


def picture(words: str, light: dict[str, str], root: str) -> nodes.raw:
    """The elements that show a figure."""
    alt = escape(" ".join(words.split()), quote=True)
    names = {key: name for key, (name, _) in files_of(light).items()}
    sizes = {width: " ".join(SIZE.search(text).groups()) for width, text in light.items()}
    parts = [
        f'<picture class="in-{ground}"><source media="{PHONE}" '
        f'srcset="{root}{FOLDER}/{names[ground, "narrow"]}" {sizes["narrow"]}>'
        f'<img class="drawn dark-light" src="{root}{FOLDER}/{names[ground, "wide"]}" '
        f'{sizes["wide"]} loading="lazy" alt="{alt}"></picture>'
        for ground in ("light", "dark")
    ]
    return nodes.raw("", f'<div class="drawing">{"".join(parts)}</div>', format="html")


def write_files(app, error):
    """Write the files that the pages name."""
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    paths = [Path(app.env.doc2path(name)) for name in sorted(app.env.found_docs)]
    outputs = [o for path in paths if path.suffix == ".ipynb" for _, o in drawn_outputs(path)]
    for light in [*diagrams(app), *map(light_of, outputs)]:
        for name, text in files_of(light).values():
            (folder / name).write_text(text, encoding="utf-8")


def setup(app):
    app.connect("doctree-read", place)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
