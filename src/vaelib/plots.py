"""The book's figures: each function returns a matplotlib figure, `show` puts it on the page."""

import base64
import io
import math

import matplotlib
import numpy as np
import PIL.Image
import torch
from IPython.display import display
from matplotlib.figure import Figure
from torch import Tensor

from vaelib.training import History

# Ten colours that readers with any common colour-vision deficiency can tell apart:
# M. A. Petroff, Accessible Color Sequences for Data Visualization, https://arxiv.org/abs/2107.02270
PALETTE = matplotlib.color_sequences["petroff10"]
STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": matplotlib.cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 11,
    "grid.alpha": 0.3,
}


def figure(rows: int = 1, columns: int = 1, width: float = 7, height: float = 3.5, **options):
    """A figure in the book's style and its axes; `options` go to `Figure.subplots`."""
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(width, height), layout="constrained")
        return fig, fig.subplots(rows, columns, **options)


def show(fig: Figure, alt: str) -> None:
    """Display a figure as PNG with a text that says what it shows to those who cannot see it.

    Raises:
        ValueError: if the text is empty.
    """
    if not alt.strip():
        raise ValueError("wanted an alt text that says what the figure shows, got none")
    bundle = {"image/png": base64.b64encode(png(fig)).decode(), "text/plain": alt}
    width = round(100 * fig.get_figwidth())  # CSS pixels: the figure has 1.5 dots for each
    display(bundle, raw=True, metadata={"image/png": {"alt": alt, "width": width}})


def png(fig: Figure, dpi: int = 150) -> bytes:
    """A figure as a small PNG file: 256 colours are enough for every figure of the book."""
    drawn, small = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=dpi)
    image = PIL.Image.open(drawn).convert("RGB").quantize(256, dither=PIL.Image.Dither.NONE)
    image.save(small, format="png", optimize=True)
    return small.getvalue()


def image_grid(images: Tensor, columns: int, gap: int = 2) -> Tensor:
    """Tile images row by row: (N, 1, S, S), (N, S, S) or flattened, (N, S * S) -> one (H, W) image.

    Raises:
        ValueError: if the images are not square and of one channel, or there are none.
    """
    side = math.isqrt(math.prod(images.shape[1:]))
    flat = images.shape[1:] == (side * side,)
    if not (flat or images.shape[-3:] in [(1, side, side), (len(images), side, side)]):
        raise ValueError(f"wanted square images of one channel, got shape {tuple(images.shape)}")
    if len(images) == 0 or columns < 1:
        raise ValueError(f"wanted images in 1 or more columns, got {len(images)} in {columns}")
    images = images.detach().cpu().flatten(1)
    count = len(images)
    rows = -(-count // columns)
    step = side + gap
    grid = torch.full((rows * step - gap, columns * step - gap), torch.nan)  # NaN is drawn as a gap
    for index, image in enumerate(images):
        top, left = step * (index // columns), step * (index % columns)
        grid[top : top + side, left : left + side] = image.view(side, side)
    return grid


def images(images: Tensor, columns: int = 10, gap: int = 2) -> Figure:
    """Draw images in a grid, ink dark on light, `gap` pixels apart: (N, ...) as `image_grid`."""
    grid = image_grid(images, columns, gap).numpy()
    height, width = grid.shape
    fig, ax = figure(height=7 * height / width)
    ax.imshow(grid, vmin=0, vmax=1, cmap="gray_r")
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0)
    return fig


def reconstructions(originals: Tensor, rebuilt: Tensor) -> Figure:
    """Originals above what the model rebuilt of them, one a column: (N, ...), (N, ...)."""
    rows = torch.cat([originals.flatten(1), rebuilt.flatten(1)])
    fig = images(rows, columns=len(originals), gap=2)
    height = fig.axes[0].get_images()[0].get_array().shape[0]
    fig.axes[0].set_yticks([height / 4, 3 * height / 4], ["original", "rebuilt"])
    return fig


def training_curves(history: History) -> Figure:
    """The negative ELBO and its two terms by epoch, on training and on test images."""
    fig, axes = figure(1, 3, height=2.8)
    curves = {
        "-ELBO": lambda terms: -terms.elbo,
        "reconstruction loss": lambda terms: -terms.reconstruction,
        "KL": lambda terms: terms.kl,
    }
    epochs = range(1, len(history.train) + 1)
    for ax, (name, value) in zip(axes, curves.items(), strict=True):
        ax.plot(epochs, [value(terms) for terms in history.train], "o-", ms=3, label="train")
        if history.test:
            tested = [value(terms) for terms in history.test]
            ax.plot(epochs, tested, "s--", ms=3, label="test")
            ax.annotate(
                f"{tested[-1]:.1f}",
                (epochs[-1], tested[-1]),
                xytext=(0, 8),
                textcoords="offset points",
                ha="center",
            )
        ax.set(title=name, xlabel="epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel("nats per image")
    axes[0].legend()
    return fig


def latent_map(mu: Tensor, labels: Tensor) -> Figure:
    """Posterior means of a two-dimensional latent, (N, 2), coloured by label, (N,) integers.

    Raises:
        ValueError: if the means are not two-dimensional.
    """
    if mu.ndim != 2 or mu.shape[1] != 2:
        raise ValueError(f"wanted means of shape (N, 2), got {tuple(mu.shape)}")
    mu, labels = mu.detach().cpu(), labels.cpu()
    fig, ax = figure(height=7)
    for label in labels.unique().tolist():
        points = mu[labels == label]
        color = PALETTE[label % len(PALETTE)]
        ax.scatter(*points.T, s=5, alpha=0.6, color=color, linewidths=0, rasterized=True)
        box = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": color, "lw": 2}
        ax.text(*points.median(0).values, str(label), ha="center", va="center", bbox=box)
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    return fig


def manifold(model, side: int = 20) -> Figure:
    """Decode a grid on a two-dimensional latent, evenly spaced in probability under the prior.

    The grid's coordinates are the (i + 1/2) / side quantiles of N(0, 1), so that each image stands
    for the same share of the prior's mass.

    Raises:
        ValueError: if the model's latent is not two-dimensional or side is below 1.

    Source:
        Kingma and Welling, figure 4, https://arxiv.org/abs/1312.6114
    """
    if model.latent_dim != 2 or side < 1:
        raise ValueError(
            f"wanted a latent of 2 dimensions and 1 or more images a side, got {model.latent_dim} "
            f"dimensions and {side}"
        )
    quantiles = gaussian_quantiles(side)
    z = torch.cartesian_prod(quantiles.flip(0), quantiles).flip(1)  # z_2 falls by rows, z_1 grows
    with torch.no_grad():
        decoded = model.decode(z.to(next(model.parameters()).device))
    fig = images(decoded, columns=side, gap=0)
    ax = fig.axes[0]
    shown = np.linspace(0, side - 1, min(side, 5)).round().astype(int)
    centres = (shown + 0.5) * ax.get_images()[0].get_array().shape[1] / side - 0.5
    ax.set_xticks(centres, [f"{quantiles[i]:.2f}" for i in shown])
    ax.set_yticks(centres, [f"{quantiles[side - 1 - i]:.2f}" for i in shown])
    ax.set(xlabel="$z_1$", ylabel="$z_2$")
    return fig


def gaussian_quantiles(count: int) -> Tensor:
    """The (i + 1/2) / count quantiles of N(0, 1), in rising order: (count,)."""
    return torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(count) + 0.5) / count)
