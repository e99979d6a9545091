"""What the book's diagrams are made of: boxes, arrows, networks and moons."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon

import vaelib

WIDE, NARROW = 9.6, 4.8  # the widths of the two drawings of a diagram, in its own unit
UNIT = 7 / WIDE  # inches
SMALL = 9  # points, of what is said beside
# Colours of which the build knows the dark ones (`book/_ext/drawn.py`).
INK, GREY, PALE = "black", vaelib.plots.LINE, "#cccccc"
BLUE, ORANGE, GREEN, _ = vaelib.plots.BOX_COLORS
RED = vaelib.plots.PALETTE[2]
STYLE = {"font.size": 10, "mathtext.fontset": "cm", "figure.facecolor": "white"}


def canvas(width: float, height: float):
    """A figure without axes, and what is drawn on: (0, 0) is its lower left corner."""
    fig = Figure(figsize=(UNIT * width, UNIT * height))
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height), autoscale_on=False)
    ax.axis("off")
    return fig, ax


def text(ax, x, y, words, ha="center", va="center", **options):
    """Words at a place; a formula alone is larger, since its face is a small one."""
    size = {"fontsize": 12} if words.startswith("$") and words.endswith("$") else {}
    ax.text(x, y, words, ha=ha, va=va, **({"color": INK} | size | options))


def box(ax, x, y, words, width=1.5, height=0.8, color=BLUE):
    """A rounded box centred on (x, y)."""
    corner = (x - width / 2, y - height / 2)
    style = "round,pad=0,rounding_size=0.12"
    ax.add_patch(FancyBboxPatch(corner, width, height, style, facecolor=color, edgecolor=INK))
    text(ax, x, y, words)


def arrow(ax, start, end, style="-|>", color=INK, **options):
    """An arrow from point to point; `options` go to its patch."""
    options |= {"mutation_scale": 12, "color": color, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle=style, **options))


def funnel(ax, start, end, middle, widths, words, upright=False):
    """A network that narrows or widens: a trapezium from start to end, centred on the middle.

    It lies along x, or along y if it is upright.
    """
    sides = [(at, middle + sign * width / 2) for at, width, sign in _corners(start, end, widths)]
    place = ((start + end) / 2, middle)
    if upright:
        sides, place = [side[::-1] for side in sides], place[::-1]
    ax.add_patch(Polygon(sides, facecolor=BLUE, edgecolor=INK, joinstyle="round"))
    text(ax, *place, words)


def _corners(start, end, widths):
    first, last = widths
    return [(start, first, -1), (start, first, 1), (end, last, 1), (end, last, -1)]


def bell(z, mu, sigma):
    """The shape of a Gaussian, 1 at its peak."""
    return np.exp(-((z - mu) ** 2) / (2 * sigma**2))


def moon(ax, x, y, image, size=0.9):
    """A 28 x 28 image on a night sky, centred on (x, y)."""
    extent = (x - size / 2, x + size / 2, y - size / 2, y + size / 2)
    ax.imshow(image.view(28, 28).numpy(), extent=extent, cmap="gray", vmin=0, vmax=1, aspect="auto")


def axis_of_z(ax, start, end, y):
    """The latent line, as an arrow with its name."""
    arrow(ax, (start, y), (end, y))
    text(ax, end + 0.12, y, "$z$", ha="left")


def forward_and_back(ax, start, end, broken=False):
    """An arrow from start to end and, right of it, the gradient's dashed one back, or its end."""
    (x0, y0), (x1, y1) = start, end
    aside = 0.13 if x0 == x1 else 0.2
    arrow(ax, (x0 - aside, y0), (x1 - aside, y1))
    target = (x0 + aside, y0)
    if broken:
        target = (x0 + aside + 0.5 * (x1 - x0), y0 + 0.5 * (y1 - y0))
        ax.plot(*target, "x", color=RED, markersize=10, markeredgewidth=2.5)
    arrow(ax, (x1 + aside, y1), target, color=RED, linestyle=(0, (4, 2)), linewidth=1.5)
