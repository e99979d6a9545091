"""Put the figures of the notebooks on the pages: light and dark, wide and narrow, from one drawing.

What `vaelib.plots.show` displayed holds as metadata two drawings of the figure, one for wide
screens and one for phones. Each becomes two files, of which the dark one is the light one with
other colours. The page names all four; a browser loads the one that is shown.
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

import live

FOLDER = "_images"
PHONE = "(max-width: 719px)"  # below, a wide drawing would have to be made smaller
# The page's ground and its text in dark mode.
GROUND, TEXT = (0x12, 0x12, 0x12), (0xCE, 0xD6, 0xDD)
# Colours of the book's drawings that are neither neutral nor the palette's.
DARK = {
    plots.LINE: "#9aa3b5",
    **dict(zip(plots.BOX_COLORS, ("#1d3a5f", "#573d12", "#1c4a31", "#2a303b"), strict=True)),
}
COLOR = re.compile(r"(?<=: )#[0-9a-f]{6}\b")
INK = re.compile(
    rf'(<image\b(?=[^>]*\bid="{drawings.INK_ID})[^>]*href="data:image/png;base64,)([^"]*)'
)


def dark(text: str) -> str:
    """A light drawing with the colours of the dark page: neutral ones turned, the palette's kept.

    Black stands in no attribute of a drawing, for it is what is filled without being told: here
    the root says the colour of the text.
    """
    text = INK.sub(lambda match: match[1] + turned(match[2]), text)
    text = COLOR.sub(lambda match: dark_color(match[0]), text)
    return text.replace("<svg ", f'<svg fill="{hexadecimal(shade(0))}" ', 1)


def dark_color(color: str) -> str:
    """The colour of the dark page that stands for one of the light page."""
    if color in DARK:
        return DARK[color]
    red, green, blue = bytes.fromhex(color[1:])
    return hexadecimal(shade(red)) if red == green == blue else color


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


def files_of(output) -> dict[tuple[str, str], tuple[str, str]]:
    """The name and the text of each file of a figure, by its ground and its width."""
    found = {}
    for width in ("wide", "narrow"):
        light = drawings.unpacked(output.metadata[drawings.KEY], width)
        for ground, text in (("light", light), ("dark", dark(light))):
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


def place(app, doctree):
    """Put the four drawings of each figure where its picture is."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    cells = live.code_cells(doctree)
    root = app.builder.get_relative_uri(app.env.docname, "index").removesuffix("index.html")
    for index, output in drawn_outputs(path):
        names = {key: name for key, (name, _) in files_of(output).items()}
        shown = picture(output, names, root)
        picture_of(cells[index]).replace_self(nodes.raw("", shown, format="html"))


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


def picture(output, names: dict, root: str) -> str:
    """The elements that show a figure."""
    alt = escape(" ".join(output.data["text/plain"].split()), quote=True)
    sizes = {
        width: 'width="{}" height="{}"'.format(*output.metadata[drawings.KEY][width]["size"])
        for width in ("wide", "narrow")
    }
    parts = [
        f'<picture class="in-{ground}"><source media="{PHONE}" '
        f'srcset="{root}{FOLDER}/{names[ground, "narrow"]}" {sizes["narrow"]}>'
        f'<img class="drawn dark-light" src="{root}{FOLDER}/{names[ground, "wide"]}" '
        f'{sizes["wide"]} loading="lazy" alt="{alt}"></picture>'
        for ground in ("light", "dark")
    ]
    return f'<div class="drawing">{"".join(parts)}</div>'


def write_files(app, error):
    """Write the files that the pages name."""
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    paths = [Path(app.env.doc2path(name)) for name in sorted(app.env.found_docs)]
    for path in paths:
        for _, output in drawn_outputs(path) if path.suffix == ".ipynb" else ():
            for name, text in files_of(output).values():
                (folder / name).write_text(text, encoding="utf-8")


def setup(app):
    app.connect("doctree-read", place)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
