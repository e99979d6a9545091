"""Draw the book's diagrams: `make figures` writes them beside this script."""

from pathlib import Path

import matplotlib
import numpy as np
import torch
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


def bell(z, mu, sigma):
    """The shape of a Gaussian, 1 at its peak."""
    return np.exp(-((z - mu) ** 2) / (2 * sigma**2))


def moon(ax, x, y, image, size=0.9):
    """A 28 x 28 image on a night sky, centred on (x, y)."""
    extent = (x - size / 2, x + size / 2, y - size / 2, y + size / 2)
    ax.imshow(image.view(28, 28), extent=extent, cmap="gray", vmin=0, vmax=1, aspect="auto")


def axis_of_z(ax, start, end, y):
    """The latent line, as an arrow with its name."""
    arrow(ax, (start, y), (end, y))
    ax.text(end + 0.12, y, "$z$", ha="left", va="center", color=INK)


def code_and_distribution():
    """An image as one point of the latent line, and as a Gaussian on it."""
    fig, ax = canvas(9.6, 3.4)
    z = np.linspace(-1.7, 1.7, 200)
    for middle, name, text in [(2.3, "autoencoder", "a code"), (7.1, "VAE", "a distribution")]:
        image = vaelib.moons.render(torch.tensor([0.6]))
        moon(ax, middle - 1.7, 2.65, image)
        box(ax, middle, 2.65, "encoder", 1.4, 0.8)
        arrow(ax, (middle - 1.2, 2.65), (middle - 0.7, 2.65))
        axis_of_z(ax, middle - 2.0, middle + 1.9, 0.5)
        ax.text(middle + 0.95, 2.65, name, ha="left", va="center", color=INK, fontweight="bold")
        ax.text(middle + 0.65, 1.75, text, ha="left", va="center", color=INK)
    arrow(ax, (2.3, 2.25), (2.3, 0.68))
    ax.plot(2.3, 0.5, "o", ms=11, color=vaelib.plots.PALETTE[0], mec=INK, zorder=3)
    height = 0.5 + 0.95 * bell(z, 0, 0.5)
    ax.fill_between(7.1 + z, 0.5, height, color=vaelib.plots.PALETTE[1], alpha=0.35, lw=0)
    ax.plot(7.1 + z, height, color=vaelib.plots.PALETTE[1], lw=2)
    arrow(ax, (7.1, 2.25), (7.1, 1.52))
    ax.text(2.3, 0.18, "$z$ is one number", ha="center", va="center", fontsize=11, color=INK)
    caption = r"$z$ is drawn from $\mathcal{N}(\mu,\sigma^2)$"
    ax.text(7.1, 0.18, caption, ha="center", va="center", fontsize=11, color=INK)
    ax.set(xlim=(0, 9.6), ylim=(0, 3.4))
    return fig


def moons():
    """Two overlapping Gaussians, the moons they belong to, and what lies between."""
    fig, ax = canvas(9.6, 4.4)
    mu, sigma, base = (3.3, 6.3), 1.1, 0.75
    ends = vaelib.moons.render(torch.tensor([1.0, 0.5]))
    z = np.linspace(0.3, 9.1, 400)
    styles = zip(mu, vaelib.plots.PALETTE, ("-", "--"), strict=False)
    for middle, color, line in styles:
        height = base + 1.7 * bell(z, middle, sigma)
        ax.fill_between(z, base, height, color=color, alpha=0.25, lw=0)
        ax.plot(z, height, color=color, lw=2, ls=line)
    axis_of_z(ax, 0.2, 9.2, base)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):  # of the half moon, by its responsibility
        spot = sum(mu) / 2 + sigma**2 / (mu[1] - mu[0]) * np.log(share / (1 - share))
        between = (1 - share) * ends[0] + share * ends[1]
        ax.plot([spot, spot], [base - 0.08, base + 0.08], color=INK)
        moon(ax, 4.8 + 5 * (share - 0.5) * 0.78, 3.75, between, 0.72)
        ends_of_line = [spot, 4.8 + 5 * (share - 0.5) * 0.78], [base + 0.08, 3.33]
        ax.plot(*ends_of_line, color="#5a6275", lw=0.8, ls=":")
    for middle, image, text in zip(mu, ends, ("full moon", "half moon"), strict=True):
        x = 1.1 if middle < 4.8 else 8.5
        moon(ax, x, 3.45, image, 1.1)
        ax.text(x, 2.65, text, ha="center", va="center", color=INK)
        ax.text(middle, 0.4, r"its $\mu$", ha="center", va="center", fontsize=11, color=INK)
    ax.text(4.8, 4.25, "decoded", ha="center", va="center", fontsize=11, color=INK)
    ax.text(4.8, 0.4, "overlap", ha="center", va="center", fontsize=11, color=INK)
    ax.set(xlim=(0, 9.6), ylim=(0, 4.4))
    return fig


def mean_and_variance():
    """The encoder's two outputs as the place and the width of an image's Gaussian."""
    fig, ax = canvas(9.6, 3.4)
    moon(ax, 0.8, 1.75, vaelib.moons.render(torch.tensor([0.6])), 1.1)
    box(ax, 2.75, 1.75, "encoder\nnetwork", 1.5, 1.4)
    box(ax, 4.9, 2.45, r"$\mu$", 1.1, 0.7, ORANGE)
    box(ax, 4.9, 1.05, r"$\log\,\sigma^2$", 1.1, 0.7, ORANGE)
    arrow(ax, (1.4, 1.75), (2.0, 1.75))
    arrow(ax, (3.5, 2.0), (4.35, 2.45))
    arrow(ax, (3.5, 1.5), (4.35, 1.05))
    base, middle, sigma = 0.55, 7.55, 0.55
    z = np.linspace(-1.7, 1.7, 200)
    height = base + 1.75 * bell(z, 0, sigma)
    ax.fill_between(middle + z, base, height, color=BLUE, lw=0)
    ax.plot(middle + z, height, color=vaelib.plots.PALETTE[0], lw=2)
    axis_of_z(ax, 5.75, 9.25, base)
    ax.plot([middle, middle], [base, base + 1.75], color=INK, ls=":")
    arrow(ax, (5.45, 2.45), (middle - 0.03, base + 1.8))
    level = base + 1.75 * bell(sigma, 0, sigma)
    arrow(ax, (middle, level), (middle + sigma, level), "<|-|>")
    ax.text(middle + sigma + 0.12, level, r"$\sigma$", ha="left", va="center", color=INK)
    ax.text(middle, base - 0.28, r"$\mu$", ha="center", va="center", color=INK)
    arrow(ax, (5.45, 1.15), (middle - 0.98 * sigma, level))
    ax.text(middle, 2.85, r"$q(z\,|\,x)=\mathcal{N}(\mu,\sigma^2)$", ha="center", color=INK)
    ax.set(xlim=(0, 9.6), ylim=(0, 3.4))
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


def main() -> None:
    """Write every diagram."""
    with matplotlib.rc_context(STYLE):
        diagrams = (
            autoencoder,
            vae,
            code_and_distribution,
            moons,
            mean_and_variance,
            reparameterization,
        )
        for diagram in diagrams:
            diagram().savefig(HERE / f"{diagram.__name__}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
