"""The contents of the book as cards, in the order of `_toc.yml`: the directive `cards`.

A chapter says in comments which question it asks and which of its figures stands for it,
`% thumbnail: CELL LEFT TOP RIGHT BOTTOM` in hundredths of the figure. All else on a card is counted
or measured: the time to read it, the time that it runs, its widgets, questions and exercises.
"""

import base64
import io
import json
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path

import PIL.Image
import PIL.ImageOps
import PIL.ImageStat
from docutils import nodes
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from vaelib.widgets import base

import describe
import live
import markup
import prose
from said import cells_of, said

SIZE = (416, 260)  # of a thumbnail
FOLDER = "_static/cards"
WIDGET = "M3 12h10M17 12h4M15 9v6M3 6h4M11 6h10M9 3v6M3 18h8M15 18h6M13 15v6"


@dataclass
class Card:
    """What a card says of a chapter."""

    question: str
    minutes: int
    seconds: float | None
    widgets: int
    questions: int
    exercises: int

    def facts(self) -> list[str]:
        """Each in a few words."""
        found = [f"{self.minutes} min to read"]
        if self.seconds is not None:
            found.append(f"{rounded(self.seconds)} to run")
        numbers = (self.questions, "question"), (self.exercises, "exercise")
        return found + [prose.counted(number, name) for number, name in numbers if number]


def rounded(seconds: float) -> str:
    """A time to the next ten seconds, or from ninety seconds on to the next minute."""
    if seconds <= 90:
        return f"{max(10, 10 * round(seconds / 10))} s"
    return f"{round(seconds / 60)} min"


def card(path: Path) -> Card:
    """The card of a chapter."""
    cells = cells_of(path)
    read = prose.reading(cells)
    widgets = [
        output for *_, output in live.widget_outputs(path) if output.metadata[base.STATE]["state"]
    ]
    exercises = sum(
        isinstance(block, markup.Directive) and block.name in ("exercise", "exercise-start")
        for cell in cells
        if cell.cell_type == "markdown"
        for block in markup.blocks(cell.source)
    )
    time = bench().get(path.stem, {}).get("seconds", {}).get("median")
    return Card(said(path)["question"], read.minutes, time, len(widgets), read.questions, exercises)


def bench() -> dict:
    """How long each chapter ran when `make bench` measured it."""
    text = (files("vaelib") / "_data" / "bench.json").read_text(encoding="utf-8")
    return json.loads(text)["book"]["results"]


def figure(path: Path) -> tuple[PIL.Image.Image, str]:
    """The part of a figure that stands for a chapter, and the figure's text.

    Raises:
        ExtensionError: if the chapter names no cell that shows a picture.
    """
    name, *box = said(path).get("thumbnail", "none").split()
    for cell in cells_of(path):
        for output in cell.get("outputs", []) if cell.get("id") == name else []:
            if "image/png" in output.get("data", {}):
                data = base64.b64decode(output.data["image/png"])
                return part(PIL.Image.open(io.BytesIO(data)), box), output.data["text/plain"]
    raise ExtensionError(f"{path.name}: its thumbnail is in cell {name}, which shows no picture")


def part(image: PIL.Image.Image, box: list[str]) -> PIL.Image.Image:
    """A box of an image in a card's shape and size, on white where it has another shape."""
    edges = [int(edge) / 100 * side for edge, side in zip(box, 2 * image.size, strict=True)]
    cut = image.convert("RGB").crop([round(edge) for edge in edges])
    return PIL.ImageOps.pad(cut, SIZE, PIL.Image.Resampling.LANCZOS, "white")


def is_drawing(image: PIL.Image.Image) -> bool:
    """Whether a picture is drawn on white, so that it may be turned dark."""
    light = image.convert("L").point(lambda level: level > 240 and 255)
    return PIL.ImageStat.Stat(light).mean[0] > 255 / 2


class Cards(SphinxDirective):
    """All pages of the book as cards."""

    def run(self):
        self.env.metadata[self.env.docname]["cards"] = True
        return [nodes.container(classes=["all-cards"])]


def deal(app, doctree, docname):
    """Put the cards in their place, once all pages are read and numbered."""
    for place in list(doctree.findall(nodes.container)):
        if "all-cards" in place["classes"]:
            toctrees = app.env.get_doctree(docname).findall(addnodes.toctree)
            parts = [
                list_of(app, docname, part, part_number)
                for part_number, part in enumerate(toctrees)
            ]
            place.replace_self(nodes.raw("", "".join(parts), format="html"))


def list_of(app, docname: str, toctree, part: int) -> str:
    """A part of the book; the first is what the heading above the cards names."""
    tag = "h4" if part else "h3"
    items = [item(app, docname, page, tag) for _, page in toctree["entries"]]
    caption = f"<h3>{escape(toctree['caption'] or '')}</h3>" if part else ""
    return f'{caption}<ul class="cards">{"".join(items)}</ul>'


def item(app, docname: str, page: str, tag: str) -> str:
    """One page: a chapter with all that is known of it, another with its first sentence."""
    path = Path(app.env.doc2path(page))
    title = escape(app.env.titles[page].astext())
    number = ".".join(map(str, app.env.toc_secnumbers.get(page, {}).get("", ())))
    link = (
        f'<{tag} class="card-title"><a href="{app.builder.get_relative_uri(docname, page)}">'
        f"{f'<span>{number}</span> ' if number else ''}{title}</a></{tag}>"
    )
    if path.suffix != ".ipynb":
        return f"<li>{link}<p>{escape(describe.of_page(app.env, page))}</p></li>"
    one = card(path)
    text = f"{link}<p>{question(one.question)}</p>{facts(one)}"
    return f'<li class="chapter">{thumbnail(app, docname, path)}<div>{text}</div></li>'


def thumbnail(app, docname: str, path: Path) -> str:
    """Write a chapter's picture; the element that shows it."""
    image, text = figure(path)
    target = Path(app.outdir) / FOLDER / f"{path.stem}.webp"
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, quality=68, method=6)
    root = app.builder.get_relative_uri(docname, "index").removesuffix("index.html")
    kind = "drawing" if is_drawing(image) else "photograph"
    return (
        f'<img class="{kind}" src="{root}{FOLDER}/{target.name}" width="{SIZE[0]}" '
        f'height="{SIZE[1]}" loading="lazy" alt="{escape(" ".join(text.split()), quote=True)}">'
    )


def question(text: str) -> str:
    """The question, with its code set as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def facts(one: Card) -> str:
    """What is known of a chapter, as a list."""
    told = [f"<li>{fact}</li>" for fact in one.facts()]
    if one.widgets:
        icon = f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{WIDGET}"/></svg>'
        told.append(f'<li class="has-widget">{icon}{prose.counted(one.widgets, "widget")}</li>')
    return f'<ul class="facts">{"".join(told)}</ul>'


def renew(app, env) -> list[str]:
    """Pages with cards are written anew whatever has changed, for the cards are of all pages."""
    return [name for name, page in env.metadata.items() if "cards" in page]


def add_style(app, pagename, templatename, context, doctree):
    """Only a page with cards loads their style."""
    if "cards" in app.env.metadata.get(pagename, {}):
        app.add_css_file("cards.css")


def setup(app):
    app.add_directive("cards", Cards)
    app.connect("env-updated", renew)
    app.connect("doctree-resolved", deal)
    app.connect("html-page-context", add_style, priority=400)  # before lists are replaced
    return {"parallel_read_safe": True, "parallel_write_safe": True}
