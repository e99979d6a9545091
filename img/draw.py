"""Draw the book's diagrams: `make figures` writes them beside this script."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon

import vaelib

HERE = Path(__file__).parent
INK = "#1f2430"
BLUE, ORANGE, GREEN = "#dbe9fb", "#fdeacc", "#d9f0e0"
RED = "#bd1f01"
STYLE = {
    "font.size": 13,
    "mathtext.fontset": "cm",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "vaelib",
}


def canvas(width: float, height: float):
    """A figure whose data unit is an inch, without axes."""
    fig = Figure(figsize=(width, height))
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.axis("off")
    return fig, ax


def box(ax, x, y, text, width=1.5, height=0.8, color=BLUE):
    """A rounded box centred on (x, y)."""
    corner = (x - width / 2, y - height / 2)
    style = "round,pad=0,rounding_size=0.12"
    ax.add_patch(FancyBboxPatch(corner, width, height, style, facecolor=color, edgecolor=INK))
    ax.text(x, y, text, ha="center", va="center", color=INK)


def arrow(ax, start, end, style="-|>", color=INK, **options):
    """An arrow from point to point; `options` go to its patch."""
    options |= {"mutation_scale": 16, "color": color, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle=style, **options))


def funnel(ax, left, right, y, heights, text, color=BLUE):
    """A network that narrows or widens: a trapezium from x = left to right, centred on y."""
    corners = [
        (left, y - heights[0] / 2),
        (left, y + heights[0] / 2),
        (right, y + heights[1] / 2),
        (right, y - heights[1] / 2),
    ]
    ax.add_patch(Polygon(corners, facecolor=color, edgecolor=INK, joinstyle="round"))
    ax.text((left + right) / 2, y, text, ha="center", va="center", color=INK)


def autoencoder():
    """The autoencoder: an image through a narrow code and back, and the code nobody encoded."""
    fig, ax = canvas(9.6, 3.6)
    box(ax, 0.85, 1.9, "image\n$x$", 1.2, 2.0)
    funnel(ax, 1.95, 3.75, 1.9, (2.0, 0.7), "encoder")
    box(ax, 4.8, 1.9, "code\n$z$", 1.0, 0.8, GREEN)
    funnel(ax, 5.85, 7.65, 1.9, (0.7, 2.0), "decoder")
    box(ax, 8.75, 1.9, "rebuilt\n" + r"$\hat{x}$", 1.2, 2.0)
    for start, end in [(1.45, 1.95), (3.75, 4.3), (5.3, 5.85), (7.65, 8.15)]:
        arrow(ax, (start, 1.9), (end, 1.9))
    box(ax, 4.8, 0.4, "random code", 1.5, 0.5, ORANGE)
    arrow(ax, (5.55, 0.4), (6.1, 1.4))
    box(ax, 8.75, 0.4, "?", 1.2, 0.5, ORANGE)
    arrow(ax, (7.0, 1.15), (8.15, 0.45))
    for x, shape in [(0.85, "B × 784"), (2.85, "784 → 256 → 2"), (4.8, "B × 2")]:
        ax.text(x, 3.2, shape, ha="center", va="center", fontsize=11, color="#5a6275")
    for x, shape in [(6.75, "2 → 256 → 784"), (8.75, "B × 784")]:
        ax.text(x, 3.2, shape, ha="center", va="center", fontsize=11, color="#5a6275")
    return fig


def vae():
    """The VAE of the chapter that builds it, with the shapes on the way."""
    fig, ax = canvas(9.6, 3.2)
    box(ax, 0.9, 1.7, "image\n$x$", 1.3)
    box(ax, 2.9, 1.7, "encoder", 1.5, 1.3)
    box(ax, 4.8, 2.4, r"$\mu$", 0.9, 0.7, ORANGE)
    box(ax, 4.8, 1.0, r"$\log\,\sigma^2$", 1.1, 0.7, ORANGE)
    box(ax, 6.3, 1.7, r"$z=\mu+\sigma\,\epsilon$", 1.5, 0.8, GREEN)
    box(ax, 8.7, 1.7, r"$p(x\,|\,z)$", 1.3)
    box(ax, 6.3, 0.45, r"$\epsilon\sim\mathcal{N}(0,I)$", 1.6, 0.55, "white")
    arrow(ax, (1.55, 1.7), (2.15, 1.7))
    arrow(ax, (3.65, 1.9), (4.35, 2.4))
    arrow(ax, (3.65, 1.5), (4.25, 1.0))
    arrow(ax, (5.25, 2.4), (5.75, 2.1))
    arrow(ax, (5.35, 1.0), (5.75, 1.3))
    arrow(ax, (6.3, 0.73), (6.3, 1.3))
    arrow(ax, (7.05, 1.7), (8.05, 1.7))
    ax.text(7.55, 1.85, "decoder", ha="center", va="bottom", color=INK)
    for x, shape in [(0.9, "B × 784"), (2.9, "784 → 256 → 4"), (6.3, "B × 2"), (8.7, "B × 784")]:
        ax.text(x, 2.75, shape, ha="center", va="center", fontsize=11, color="#5a6275")
    ax.text(4.8, 2.95, "B × 2", ha="center", va="center", fontsize=11, color="#5a6275")
    return fig


def reparameterization():
    """Where the gradient stops at a draw, and its way round the noise."""
    fig, ax = canvas(9.6, 4.6)
    for x, title in [(2.3, "a draw in the way"), (7.3, "the noise moved to the side")]:
        ax.text(x, 4.35, title, ha="center", va="center", color=INK, weight="bold")
    ax.plot([4.8, 4.8], [0.3, 4.3], color="#c3c8d4", linewidth=1)

    box(ax, 2.3, 3.55, "$f(z)$", 1.3, 0.65)
    box(ax, 2.3, 2.1, r"$z\sim\mathcal{N}(\mu,\sigma^2)$", 1.9, 0.65, "white")
    box(ax, 1.2, 0.6, r"$\mu$", 0.9, 0.65, ORANGE)
    box(ax, 3.4, 0.6, r"$\sigma$", 0.9, 0.65, ORANGE)
    forward_and_back(ax, (2.3, 2.425), (2.3, 3.225))
    forward_and_back(ax, (1.2, 0.925), (1.9, 1.775), broken=True)
    forward_and_back(ax, (3.4, 0.925), (2.7, 1.775), broken=True)

    box(ax, 7.3, 3.55, "$f(z)$", 1.3, 0.65)
    box(ax, 7.3, 2.1, r"$z=\mu+\sigma\,\epsilon$", 1.9, 0.65, GREEN)
    box(ax, 5.5, 0.6, r"$\mu$", 0.9, 0.65, ORANGE)
    box(ax, 7.3, 0.6, r"$\sigma$", 0.9, 0.65, ORANGE)
    box(ax, 8.85, 0.6, r"$\epsilon\sim\mathcal{N}(0,I)$", 1.35, 0.65, "white")
    forward_and_back(ax, (7.3, 2.425), (7.3, 3.225))
    forward_and_back(ax, (5.5, 0.925), (6.7, 1.775))
    forward_and_back(ax, (7.3, 0.925), (7.3, 1.775))
    ax.text(6.95, 2.825, "value", ha="right", va="center", fontsize=11, color=INK)
    ax.text(7.65, 2.825, "gradient", ha="left", va="center", fontsize=11, color=RED)
    arrow(ax, (8.85, 0.925), (8.0, 1.775))
    return fig


def forward_and_back(ax, start, end, broken=False):
    """An arrow from start to end and, right of it, the gradient's dashed one back, or its end."""
    (x0, y0), (x1, y1) = start, end
    aside = 0.13 if x0 == x1 else 0.2
    arrow(ax, (x0 - aside, y0), (x1 - aside, y1))
    target = (x0 + aside, y0)
    if broken:
        target = (x0 + aside + 0.5 * (x1 - x0), y0 + 0.5 * (y1 - y0))
        ax.plot(*target, "x", color=RED, markersize=13, markeredgewidth=3.5)
    arrow(ax, (x1 + aside, y1), target, color=RED, linestyle=(0, (4, 2)), linewidth=2)


def manifold():
    """What the shipped two-dimensional model decodes over its latent plane."""
    return vaelib.plots.manifold(vaelib.pretrained("vae-2d"), side=20)


def main() -> None:
    """Write every diagram."""
    with matplotlib.rc_context(STYLE):
        autoencoder().savefig(HERE / "autoencoder.svg", metadata={"Date": None})
        vae().savefig(HERE / "vae.svg", metadata={"Date": None})
        reparameterization().savefig(HERE / "reparameterization.svg", metadata={"Date": None})
        (HERE / "manifold.png").write_bytes(vaelib.plots.png(manifold(), dpi=110))


if __name__ == "__main__":
    main()
