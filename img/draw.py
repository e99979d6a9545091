"""Draw the book's diagrams, for wide screens and for phones: `make figures` writes both.

A diagram is a function of whether it is for a phone, where what stands side by side stands in a
column. The build of the book makes the dark drawings of both (`book/_ext/drawn.py`).
"""

from pathlib import Path

import matplotlib
import numpy as np
import torch
from parts import (
    BLUE,
    GREEN,
    GREY,
    INK,
    NARROW,
    ORANGE,
    PALE,
    RED,
    SMALL,
    STYLE,
    WIDE,
    arrow,
    axis_of_z,
    bell,
    box,
    canvas,
    forward_and_back,
    funnel,
    moon,
    text,
)

import vaelib

HERE = Path(__file__).parent
BESIDE = {"fontsize": SMALL, "color": GREY}  # shapes, beside what has them


def autoencoder(narrow: bool):
    """The autoencoder: an image through a narrow code and back, and the code nobody encoded."""
    return autoencoder_in_a_column() if narrow else autoencoder_in_a_row()


def autoencoder_in_a_row():
    """The autoencoder from left to right."""
    fig, ax = canvas(WIDE, 3.6)
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
    shapes = ["B × 784", "784 → 256 → 2", "B × 2", "2 → 256 → 784", "B × 784"]
    for x, shape in zip((0.85, 2.85, 4.8, 6.75, 8.75), shapes, strict=True):
        text(ax, x, 3.2, shape, **BESIDE)
    return fig


def autoencoder_in_a_column():
    """The autoencoder from top to bottom, with the shapes on the left."""
    fig, ax = canvas(NARROW, 6.0)
    box(ax, 2.4, 5.5, "image $x$", 1.8, 0.7)
    funnel(ax, 4.75, 3.75, 2.4, (1.8, 0.9), "encoder", upright=True)
    box(ax, 2.4, 3.0, "code $z$", 1.3, 0.6, GREEN)
    funnel(ax, 2.25, 1.25, 2.4, (0.9, 1.8), "decoder", upright=True)
    box(ax, 2.4, 0.5, r"rebuilt $\hat{x}$", 1.8, 0.7)
    for start, end in [(5.15, 4.75), (3.75, 3.3), (2.7, 2.25), (1.25, 0.85)]:
        arrow(ax, (2.4, start), (2.4, end))
    box(ax, 4.05, 3.0, "random\ncode", 1.1, 0.8, ORANGE)
    arrow(ax, (4.05, 2.6), (3.0, 1.95))
    box(ax, 4.05, 0.5, "?", 1.1, 0.7, ORANGE)
    arrow(ax, (3.22, 1.45), (4.0, 0.85))
    shapes = ["B × 784", "784 → 256 → 2", "B × 2", "2 → 256 → 784", "B × 784"]
    for y, shape in zip((5.5, 4.25, 3.0, 1.75, 0.5), shapes, strict=True):
        text(ax, 0.05, y, shape.replace("256 ", "256\n"), ha="left", **BESIDE)
    return fig


def vae(narrow: bool):
    """The VAE of the chapter that builds it, with the shapes on the way."""
    return vae_in_a_column() if narrow else vae_in_a_row()


def vae_in_a_row():
    """The VAE from left to right."""
    fig, ax = canvas(WIDE, 3.2)
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
    text(ax, 7.55, 1.85, "decoder", va="bottom")
    for x, shape in [(0.9, "B × 784"), (2.9, "784 → 256 → 4"), (6.3, "B × 2"), (8.7, "B × 784")]:
        text(ax, x, 2.75, shape, **BESIDE)
    text(ax, 4.8, 2.95, "B × 2", **BESIDE)
    return fig


def vae_in_a_column():
    """The VAE from top to bottom, with the shapes on the left."""
    fig, ax = canvas(NARROW, 6.0)
    box(ax, 2.2, 5.5, "image $x$", 1.7, 0.7)
    box(ax, 2.2, 4.3, "encoder", 1.7, 0.8)
    box(ax, 1.6, 3.05, r"$\mu$", 0.9, 0.7, ORANGE)
    box(ax, 2.8, 3.05, r"$\log\,\sigma^2$", 1.0, 0.7, ORANGE)
    box(ax, 2.2, 1.8, r"$z=\mu+\sigma\,\epsilon$", 1.6, 0.7, GREEN)
    box(ax, 2.2, 0.45, r"$p(x\,|\,z)$", 1.7, 0.7)
    box(ax, 4.05, 1.8, r"$\epsilon\sim\mathcal{N}(0,I)$", 1.45, 0.7, "white")
    arrow(ax, (2.2, 5.15), (2.2, 4.7))
    for x, from_x in ((1.6, 1.9), (2.8, 2.5)):
        arrow(ax, (from_x, 3.9), (x, 3.4))
        arrow(ax, (x, 2.7), (from_x, 2.15))
    arrow(ax, (3.32, 1.8), (3.0, 1.8))
    arrow(ax, (2.2, 1.45), (2.2, 0.8))
    text(ax, 2.35, 1.13, "decoder", ha="left")
    shapes = ["B × 784", "784 → 256\n→ 4", "B × 2", "B × 2", "B × 784"]
    for y, shape in zip((5.5, 4.3, 3.05, 1.8, 0.45), shapes, strict=True):
        text(ax, 0.05, y, shape, ha="left", **BESIDE)
    return fig


def code_and_distribution(narrow: bool):
    """An image as one point of the latent line, and as a Gaussian on it."""
    fig, ax = canvas(NARROW, 6.9) if narrow else canvas(WIDE, 3.4)
    left, right = [(2.2, 3.5), (2.2, 0)] if narrow else [(2.3, 0), (7.1, 0)]
    encoded(ax, *left, "autoencoder", "a code", "$z$ is one number")
    encoded(ax, *right, "VAE", "a distribution", r"$z$ is drawn from $\mathcal{N}(\mu,\sigma^2)$")
    x, y = left
    arrow(ax, (x, y + 2.25), (x, y + 0.68))
    ax.plot(x, y + 0.5, "o", ms=9, color=vaelib.plots.PALETTE[0], mec=INK, zorder=3)
    x, y = right
    z = np.linspace(-1.7, 1.7, 200)
    height = y + 0.5 + 0.95 * bell(z, 0, 0.5)
    ax.fill_between(x + z, y + 0.5, height, color=vaelib.plots.PALETTE[1], alpha=0.35, lw=0)
    ax.plot(x + z, height, color=vaelib.plots.PALETTE[1], lw=2)
    arrow(ax, (x, y + 2.25), (x, y + 1.52))
    return fig


def encoded(ax, x, y, name, kind, caption):
    """An image, its encoder and the latent line below, with the encoder centred on x."""
    moon(ax, x - 1.7, y + 2.65, vaelib.moons.render(torch.tensor([0.6])))
    box(ax, x, y + 2.65, "encoder", 1.4, 0.8)
    arrow(ax, (x - 1.2, y + 2.65), (x - 0.7, y + 2.65))
    axis_of_z(ax, x - 2.0, x + 1.9, y + 0.5)
    text(ax, x + 0.85, y + 2.65, name, ha="left", fontweight="bold")
    text(ax, x + 0.65, y + 1.75, kind, ha="left")
    text(ax, x, y + 0.18, caption, fontsize=SMALL)


def moons(narrow: bool):
    """Two overlapping Gaussians, the moons they belong to, and what lies between."""
    fig, ax = canvas(NARROW, 5.1) if narrow else canvas(WIDE, 4.4)
    base, top = (1.9, 4.4) if narrow else (0.75, 3.75)
    middle, far, sigma = (2.3, 0.9, 0.66) if narrow else (4.8, 1.5, 1.1)
    ends = vaelib.moons.render(torch.tensor([1.0, 0.5]))
    axis_of_z(ax, 0.2, 4.4 if narrow else 9.2, base)
    z = np.linspace(0.3, 4.3 if narrow else 9.1, 400)
    for side, image, line in ((-1, ends[0], "-"), (1, ends[1], "--")):
        mu, color = middle + side * far, vaelib.plots.PALETTE[side > 0]
        height = base + 1.7 * bell(z, mu, sigma)
        ax.fill_between(z, base, height, color=color, alpha=0.25, lw=0)
        ax.plot(z, height, color=color, lw=2, ls=line)
        text(ax, mu, base - 0.35, r"its $\mu$", fontsize=SMALL)
        x, y = (mu, 0.95) if narrow else (middle + 3.7 * side, 3.45)
        moon(ax, x, y, image, 0.9 if narrow else 1.1)
        name = "full moon" if side < 0 else "half moon"
        text(ax, x, y - (0.68 if narrow else 0.8), name)
    text(ax, middle, base - 0.35, "overlap", fontsize=SMALL)
    text(ax, middle, top + 0.5, "decoded", fontsize=SMALL)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):  # of the half moon, by its responsibility
        spot = middle + sigma**2 / (2 * far) * np.log(share / (1 - share))
        x = middle + 5 * (share - 0.5) * 0.78
        moon(ax, x, top, (1 - share) * ends[0] + share * ends[1], 0.72)
        ax.plot([spot, spot], [base - 0.08, base + 0.08], color=INK)
        ax.plot([spot, x], [base + 0.08, top - 0.42], color=GREY, lw=0.8, ls=":")
    return fig


def mean_and_variance(narrow: bool):
    """The encoder's two outputs as the place and the width of an image's Gaussian."""
    fig, ax = canvas(NARROW, 6.4) if narrow else canvas(WIDE, 3.4)
    image = vaelib.moons.render(torch.tensor([0.6]))
    sigma, middle, base = 0.55, 2.0 if narrow else 7.55, 0.6
    level = base + 1.75 * bell(sigma, 0, sigma)
    if narrow:
        moon(ax, 0.75, 5.65, image, 1.1)
        box(ax, 2.75, 5.65, "encoder\nnetwork", 1.5, 1.1)
        box(ax, 2.0, 4.0, r"$\mu$", 1.1, 0.7, ORANGE)
        box(ax, 3.5, 4.0, r"$\log\,\sigma^2$", 1.1, 0.7, ORANGE)
        arrow(ax, (1.35, 5.65), (2.0, 5.65))
        arrow(ax, (2.45, 5.1), (2.0, 4.35))
        arrow(ax, (3.05, 5.1), (3.5, 4.35))
        arrow(ax, (2.0, 3.65), (2.0, base + 1.8))
        arrow(ax, (3.5, 3.65), (middle + 0.98 * sigma, level))
        text(ax, 0.1, 2.6, "$q(z\\,|\\,x)=$\n" + r"$\mathcal{N}(\mu,\sigma^2)$", ha="left")
    else:
        moon(ax, 0.8, 1.75, image, 1.1)
        box(ax, 2.75, 1.75, "encoder\nnetwork", 1.5, 1.4)
        box(ax, 4.9, 2.45, r"$\mu$", 1.1, 0.7, ORANGE)
        box(ax, 4.9, 1.05, r"$\log\,\sigma^2$", 1.1, 0.7, ORANGE)
        arrow(ax, (1.4, 1.75), (2.0, 1.75))
        arrow(ax, (3.5, 2.0), (4.35, 2.45))
        arrow(ax, (3.5, 1.5), (4.35, 1.05))
        arrow(ax, (5.45, 2.45), (middle - 0.03, base + 1.8))
        arrow(ax, (5.45, 1.15), (middle - 0.98 * sigma, level))
        text(ax, middle, 2.85, r"$q(z\,|\,x)=\mathcal{N}(\mu,\sigma^2)$")
    place_and_width(ax, middle, base, sigma, level)
    return fig


def place_and_width(ax, middle, base, sigma, level):
    """A Gaussian on the latent line, with its mean and its standard deviation."""
    z = np.linspace(-1.7, 1.7, 200)
    height = base + 1.75 * bell(z, 0, sigma)
    ax.fill_between(middle + z, base, height, color=BLUE, lw=0)
    ax.plot(middle + z, height, color=vaelib.plots.PALETTE[0], lw=2)
    axis_of_z(ax, middle - 1.8, middle + 1.75, base)
    ax.plot([middle, middle], [base, base + 1.75], color=INK, ls=":")
    arrow(ax, (middle, level), (middle + sigma, level), "<|-|>")
    text(ax, middle + sigma / 2, level - 0.22, r"$\sigma$")
    text(ax, middle, base - 0.3, r"$\mu$")


def reparameterization(narrow: bool):
    """Where the gradient stops at a draw, and its way round the noise."""
    fig, ax = canvas(NARROW, 9.2) if narrow else canvas(WIDE, 4.6)
    left, right = [(2.4, 4.6), (2.5, 0)] if narrow else [(2.3, 0), (7.3, 0)]
    line = ([0.3, 4.5], [4.65, 4.65]) if narrow else ([4.8, 4.8], [0.3, 4.3])
    ax.plot(*line, color=PALE, linewidth=1)
    drawn(ax, *left)
    moved_aside(ax, *right)
    return fig


def drawn(ax, x, y):
    """The graph with a draw in it."""
    text(ax, x, y + 4.3, "a draw in the way", weight="bold")
    box(ax, x, y + 3.55, "$f(z)$", 1.3, 0.65)
    box(ax, x, y + 2.1, r"$z\sim\mathcal{N}(\mu,\sigma^2)$", 1.9, 0.65, "white")
    forward_and_back(ax, (x, y + 2.425), (x, y + 3.225))
    for side, name in ((-1, r"$\mu$"), (1, r"$\sigma$")):
        box(ax, x + 1.1 * side, y + 0.6, name, 0.9, 0.65, ORANGE)
        ends = (x + 1.1 * side, y + 0.925), (x + 0.4 * side, y + 1.775)
        forward_and_back(ax, *ends, broken=True)


def moved_aside(ax, x, y):
    """The graph with the noise at its side."""
    text(ax, x, y + 4.3, "the noise moved to the side", weight="bold")
    box(ax, x, y + 3.55, "$f(z)$", 1.3, 0.65)
    box(ax, x, y + 2.1, r"$z=\mu+\sigma\,\epsilon$", 1.9, 0.65, GREEN)
    box(ax, x - 1.8, y + 0.6, r"$\mu$", 0.9, 0.65, ORANGE)
    box(ax, x, y + 0.6, r"$\sigma$", 0.9, 0.65, ORANGE)
    box(ax, x + 1.5, y + 0.6, r"$\epsilon\sim\mathcal{N}(0,I)$", 1.45, 0.65, "white")
    forward_and_back(ax, (x, y + 2.425), (x, y + 3.225))
    forward_and_back(ax, (x - 1.8, y + 0.925), (x - 0.6, y + 1.775))
    forward_and_back(ax, (x, y + 0.925), (x, y + 1.775))
    text(ax, x - 0.35, y + 2.825, "value", ha="right", fontsize=SMALL)
    text(ax, x + 0.35, y + 2.825, "gradient", ha="left", fontsize=SMALL, color=RED)
    arrow(ax, (x + 1.5, y + 0.925), (x + 0.7, y + 1.775))


DIAGRAMS = (autoencoder, vae, code_and_distribution, moons, mean_and_variance, reparameterization)


def written() -> dict[str, str]:
    """The text of each file, by its name."""
    with matplotlib.rc_context(STYLE):
        return {
            f"{diagram.__name__}{'.narrow' * narrow}.svg": vaelib.drawings.svg(diagram(narrow))
            for diagram in DIAGRAMS
            for narrow in (False, True)
        }


def main() -> None:
    """Write every diagram."""
    for name, svg in written().items():
        (HERE / name).write_text(svg + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
