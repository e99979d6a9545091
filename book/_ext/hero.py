"""The head of the front page: the latent plane, a ring that drifts over it, and its digit.

The directive `hero` holds one sentence. The page's title, the sentence and two links go over a map
that is drawn here (`plane.py` computes it), with the ring and the digit at its first place. That is
all without JavaScript; `book/_static/hero.js` moves the ring.
"""

import base64
import json
import zlib
from html import escape

import numpy as np
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import plane

LEFT, TOP, WIDTH, HEIGHT = -4.6, 3.8, 1040, 840  # of the picture; a unit of the plane is 100 wide
LENS = (872, 178, 150)  # where the digit is written: centre and radius
PITCH = 9.8  # of the digit's pixels
RING = 17
LABEL = (
    "A map of {count:,} handwritten digits in the latent plane, coloured by label. A ring drifts "
    "over it, and beside it stands the digit that the decoder writes at the ring."
)
PLAY = "M5 3.5v17l14-8.5z"
PAUSE = "M6 4h4v16H6zM14 4h4v16h-4z"


class Hero(SphinxDirective):
    """The head of a page: its content is a sentence, the option `widget` a label to jump to."""

    has_content = True
    option_spec = {"try": str}  # noqa: RUF012

    def run(self):
        hero = nodes.container(classes=["hero"], target=self.options["try"])
        self.state.nested_parse(self.content, self.content_offset, hero)
        self.env.metadata[self.env.docname]["hero"] = " ".join(hero.astext().split())
        self.env.note_dependency(plane.__file__)
        self.env.note_dependency(__file__)
        return [hero]


def place_heads(app, doctree, docname):
    """Put the page's title, the sentence and the links over the picture."""
    for hero in list(
        doctree.findall(lambda node: "hero" in getattr(node, "attributes", {}).get("classes", []))
    ):
        section = hero.parent
        title = section.next_node(nodes.title)
        section.remove(title)
        section.remove(hero)
        first = next(iter(app.env.toctree_includes[docname]))
        links = (
            f'<p class="hero-links"><a href="{app.builder.get_relative_uri(docname, first)}">'
            f'Start reading</a> <a href="#{hero["target"]}">Drag it yourself</a></p>'
        )
        section[:0] = [
            nodes.raw("", '<div class="hero"><div class="hero-text">', format="html"),
            title,
            *hero.children,
            nodes.raw("", f"{links}</div>{picture(plane.plane())}</div>", format="html"),
        ]


def picture(found: plane.Plane) -> str:
    """The map, the ring where it begins, a canvas for where it goes, its data and its button."""
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    label = escape(LABEL.format(count=len(found.points)), quote=True)
    return (
        f'<div class="hero-picture"><svg class="hero-map" {box} role="img" aria-label="{label}">'
        f'{dots(found)}</svg><svg class="hero-still" {box} aria-hidden="true">{still(found)}</svg>'
        '<canvas class="hero-moving" aria-hidden="true" hidden></canvas></div>'
        '<button class="hero-pause" type="button" hidden><svg viewBox="0 0 24 24" '
        f'aria-hidden="true"><path class="hero-if-playing" d="{PAUSE}"/>'
        f'<path class="hero-if-paused" d="{PLAY}"/></svg><span></span></button>'
        f'<script type="application/json" class="hero-data">{json.dumps(data(found))}</script>'
    )


def placed(points: np.ndarray) -> np.ndarray:
    """Points of the plane in the picture's units."""
    return (points - [LEFT, TOP]) * [100, -100]


def dots(found: plane.Plane) -> str:
    """All images as dots: a path of lines without length for each label, with round ends."""
    paths = []
    for label in np.unique(found.labels):
        own = placed(found.points[found.labels == label]).round().astype(int)
        steps = "".join(f"M{x} {y}h0" for x, y in own)
        paths.append(f'<path stroke="{plane.bright(label)}" d="{steps}"/>')
    return f'<g stroke-width="8" stroke-linecap="round" stroke-opacity=".82">{"".join(paths)}</g>'


def still(found: plane.Plane) -> str:
    """The ring where it begins, a line from it to the lens, and the digit in the lens."""
    color = plane.bright(found.nearby[0])
    x, y, radius = LENS
    place = placed(found.way[0])
    way = np.array([x, y]) - place
    way /= np.linalg.norm(way)
    (x1, y1), (x2, y2) = place + RING * way, np.array([x, y]) - radius * way
    circles = "".join(
        f'<circle cx="{x + (i % 28 - 13.5) * PITCH:.0f}" cy="{y + (i // 28 - 13.5) * PITCH:.0f}" '
        f'r="{PITCH * 0.53 * (value / plane.LEVELS) ** 0.5:.1f}"/>'
        for i, value in enumerate(found.frames[0])
        if value
    )
    return (
        f'<path d="M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}" stroke="{color}" stroke-width="2"/>'
        f'<circle cx="{place[0]:.0f}" cy="{place[1]:.0f}" r="{RING}" fill="none" stroke="#fff" '
        f'stroke-width="5"/><circle cx="{x}" cy="{y}" r="{radius}" fill="{plane.GROUND}" '
        f'fill-opacity=".8" stroke="{color}" stroke-width="3"/><g fill="{color}">{circles}</g>'
    )


def data(found: plane.Plane) -> dict:
    """What the script draws from: the way, the colours, and how each pixel changes on the way."""
    changes = np.diff(found.frames, axis=0, prepend=np.zeros_like(found.frames[:1])) % 16
    frames = base64.b64encode(zlib.compress(np.ascontiguousarray(changes.T).tobytes(), 9))
    return {
        "size": [WIDTH, HEIGHT],
        "lens": LENS,
        "pitch": PITCH,
        "ring": RING,
        "ground": plane.GROUND,
        "way": placed(found.way).round(1).tolist(),
        "colors": [plane.bright(label) for label in found.nearby],
        "frames": frames.decode(),
    }


def add_files(app, pagename, templatename, context, doctree):
    """Only a page with a head loads its style and its script."""
    if "hero" in app.env.metadata.get(pagename, {}):
        app.add_css_file("intro.css")
        app.add_js_file("hero.js", loading_method="defer")


def setup(app):
    app.add_directive("hero", Hero)
    app.connect("doctree-resolved", place_heads)
    app.connect("html-page-context", add_files, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
