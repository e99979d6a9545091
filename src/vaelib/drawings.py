"""A figure as the drawings that a page shows: SVG, wide and narrow.

Lines and letters are vectors, so that a drawing is sharp on every screen, and its colours stand in
it as text, so that the build of the book can make the dark drawing from the light one. The pixels
of an image are those that the figure was given; a cloud of many points is drawn as pixels, two for
each CSS pixel.
"""

import base64
import io
import re
import zlib

import matplotlib
import numpy as np
import PIL.Image
from matplotlib.artist import Artist
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.path import Path

from vaelib import arranging

WANTED = "VAELIB_DRAWINGS"  # the variable of the environment in which the book's chapters are run
KEY = "vaelib_drawings"  # of an output's metadata
PIXELS = 100  # CSS pixels an inch
INK = {"gray_r", "grey_r", "Greys", "binary"}  # colour maps that draw ink on paper
INK_ID, POINTS_ID = "ink", "points"  # how a drawing calls images of ink and clouds of points
MANY = 600  # points, from which on they are drawn as pixels
SMOOTH = 2  # CSS pixels for a pixel of an image: below, it is drawn smooth
SETTINGS = {"svg.fonttype": "path", "svg.hashsalt": "vaelib", "image.composite_image": False}
NOTHING = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # to be said of the file
REMOVED = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)
ROOT = re.compile(r'<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>')
NUMBERS = re.compile(r'(?<=\s)(d|x|y|width|height)="([^"]*)"')
HASHED = re.compile(r'\sid="((?:p|m|h|image)[0-9a-f]{10})"')
TRANSLATED = re.compile(r"translate\([^)]*\)")
DECIMALS = re.compile(r"-?\d+\.\d{3,}")
EMBEDDED = re.compile(r'<image\b[^>]*?href="(data:image/png;base64,\s*([^"]*))"[^>]*>')
MATRIX = re.compile(r"matrix\(([^)]*)\)")
UNSMOOTHED = ' style="image-rendering:crisp-edges;image-rendering:pixelated"'


def drawings(fig: Figure) -> dict:
    """A figure as the drawings that a page chooses from, ready for JSON.

    `images` are the pixels that the drawings refer to as `@0`, `@1` and so on, base64 of PNG;
    `wide` and `narrow` have a `size` in CSS pixels and `svg`, zlib-compressed, as base64. The
    figure stays as it is.
    """
    found: dict = {"images": []}
    for name, arranged in (("wide", arranging.copy_of(fig)), ("narrow", arranging.narrow(fig))):
        size = [round(PIXELS * float(inches)) for inches in arranged.get_size_inches()]
        text = with_references(svg(arranged), found["images"])
        packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
        found[name] = {"size": size, "svg": packed}
    return found


def unpacked(found: dict, name: str) -> str:
    """One of the drawings of `drawings` as SVG that stands alone."""
    text = zlib.decompress(base64.b64decode(found[name]["svg"])).decode()
    return re.sub(
        r'(?<=href=")@(\d+)(?=")',
        lambda match: f"data:image/png;base64,{found['images'][int(match[1])]}",
        text,
    )


def svg(fig: Figure) -> str:
    """A figure as SVG: the same text on every run, without what no browser needs."""
    for artist in fig.findobj(Artist):
        _prepare(artist)
    for number, image in enumerate(fig.findobj(AxesImage)):
        if image.get_array().ndim == 2 and image.get_cmap().name in INK:
            image.set_gid(f"{INK_ID}{number}")
    fig.draw_without_rendering()
    for area in fig.findobj(PolyCollection):
        _thin_out(area)
    written = io.StringIO()
    with matplotlib.rc_context(SETTINGS):
        fig.savefig(written, format="svg", dpi=2 * PIXELS, metadata=NOTHING)
    return _slim(written.getvalue())


def _prepare(artist: Artist) -> None:
    """Let an image keep its own pixels, and many points become pixels."""
    if isinstance(artist, AxesImage):
        artist.set_interpolation("none")
    elif isinstance(artist, PathCollection):
        artist.set_rasterized(len(artist.get_offsets()) > MANY)
    elif isinstance(artist, matplotlib.lines.Line2D):
        has_markers = artist.get_marker() not in (None, "", " ", "None", "none")
        artist.set_rasterized(has_markers and len(artist.get_xdata()) > MANY)


def _thin_out(area: PolyCollection) -> None:
    """Leave out corners of an area that nobody sees, as matplotlib does with those of a line."""
    transform, shapes = area.get_transform(), []
    for path in area.get_paths():
        points = Path(path.vertices[:-1]).transformed(transform)
        found = points.cleaned(simplify=True)
        kept = found.vertices[found.codes != Path.STOP]
        shapes.append(transform.inverted().transform(kept))
    area.set_verts(shapes)


def _slim(text: str) -> str:
    text = " ".join(REMOVED.sub("", text).split()).replace("xlink:href", "href")
    text = re.sub(r'(\s[a-z-]+=") | (?="[ />])', r"\1", text.replace("> <", "><"))
    text = _numbered(TRANSLATED.sub(lambda match: _rounded(match[0]), text))
    text = NUMBERS.sub(lambda match: f'{match[1]}="{_rounded(match[2])}"', text)
    return ROOT.sub(_root, text)


def _numbered(text: str) -> str:
    """A drawing whose names are numbers: matplotlib's follow the last bits of lengths."""
    names = dict.fromkeys(HASHED.findall(text))
    for number, name in enumerate(names):
        text = re.sub(rf'(?<=["#]){name}(?=[")])', f"n{number}", text)
    return text


def _root(match: re.Match) -> str:
    width, height = (round(float(points) * PIXELS / 72) for points in match.groups())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {match[1]} {match[2]}">'
    )


def _rounded(numbers: str) -> str:
    """Lengths in points to a hundredth."""
    return DECIMALS.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), numbers)


def with_references(text: str, images: list[str]) -> str:
    """A drawing whose images are references to a list, which gets those that are not in it."""

    def replaced(match: re.Match) -> str:
        is_ink = f'id="{INK_ID}' in match[0]
        packed = _small(base64.b64decode(match[2]), is_ink)
        if packed not in images:
            images.append(packed)
        tag = match[0].replace(match[1], f"@{images.index(packed)}")
        matrix = MATRIX.search(tag)
        scale = abs(float(matrix[1].split()[0])) if matrix else 0
        is_smooth = scale * PIXELS / 72 < SMOOTH
        return tag.replace(UNSMOOTHED, "") if is_smooth else tag

    return EMBEDDED.sub(replaced, text)


def _small(png: bytes, is_ink: bool) -> str:
    """Pixels as a small PNG: ink in shades of grey, all else in 256 colours."""
    image = PIL.Image.open(io.BytesIO(png)).convert("RGBA")
    alpha = np.asarray(image)[..., 3]
    if is_ink:
        paper = PIL.Image.new("RGBA", image.size, "white")
        image = PIL.Image.alpha_composite(paper, image).convert("L")
    elif alpha.min() == 255:
        image = image.convert("RGB").quantize(256, dither=PIL.Image.Dither.NONE)
    elif set(np.unique(alpha)) == {0, 255}:
        image = _with_holes(image, alpha == 0)
    else:
        image = image.quantize(256, PIL.Image.Quantize.FASTOCTREE, dither=PIL.Image.Dither.NONE)
    small = io.BytesIO()
    image.save(small, format="png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def _with_holes(image: PIL.Image.Image, holes: np.ndarray) -> PIL.Image.Image:
    """An image in 255 colours, with nothing where the holes are."""
    colours = image.convert("RGB").quantize(255, dither=PIL.Image.Dither.NONE)
    palette = colours.getpalette()[: 3 * 255]
    hole = len(palette) // 3
    found = PIL.Image.fromarray(np.where(holes, hole, np.asarray(colours)).astype(np.uint8))
    found.putpalette([*palette, 255, 255, 255])
    found.info["transparency"] = hole
    return found
