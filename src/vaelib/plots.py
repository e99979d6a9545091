"""The book's figures: each function returns a matplotlib figure, `show` puts it on the page."""

import base64
import io
import math
import os

import matplotlib
import numpy as np
import PIL.Image
import torch
from IPython.display import display
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from vaelib import arranging, class_labels, drawings
from vaelib.checks import integer
from vaelib.pictures import image_grid, image_shape, images_of
from vaelib.training import History

# Ten colours that readers with any common colour-vision deficiency can tell apart:
# M. A. Petroff, Accessible Color Sequences for Data Visualization, https://arxiv.org/abs/2107.02270
# Matplotlib knows them as "petroff10", but only from 3.10 on.
_PETROFF = "3f90da ffa90e bd1f01 94a4a2 832db6 a96b59 e76300 b9ac70 717581 92dadd"
PALETTE = [to_rgb(f"#{digits}") for digits in _PETROFF.split()]
BOX_COLORS = ("#dbe9fb", "#fdeacc", "#d9f0e0", "#f1f2f5")  # of img/draw.py, and a grey
LINE = "#5a6275"
STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": matplotlib.cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 11,
    "grid.alpha": 0.3,
}


class BookFigure(Figure):
    """A figure that a notebook shows as a picture where it is the last line of a cell.

    Attributes:
        narrow_figure: the figure for a phone, if it is another than this one with its panels below
            each other.
    """

    narrow_figure: Figure | None = None

    def draw(self, renderer):
        """Draw the figure with the labels of its classes apart, whatever size it has by now."""
        if class_labels.found(self):
            class_labels.separate(self, renderer)
        super().draw(renderer)

    def _repr_png_(self):
        return png(self), {"width": _css_width(self)}


def figure(rows: int = 1, columns: int = 1, width: float = 7, height: float = 3.5, **options):
    """A figure in the book's style and its axes; `options` go to `Figure.subplots`."""
    with matplotlib.rc_context(STYLE):
        fig = BookFigure(figsize=(width, height), layout="constrained")
        return fig, fig.subplots(rows, columns, **options)


def show(fig: Figure, alt: str) -> None:
    """Display a figure as PNG with a text that says what it shows to those who cannot see it.

    Where a chapter is run for the book's pages, what is displayed also holds the drawings that a
    page chooses from, as metadata (`vaelib.drawings`).

    Raises:
        ValueError: if the text is empty.
    """
    if not alt.strip():
        raise ValueError("wanted an alt text that says what the figure shows, got none")
    bundle = {"image/png": base64.b64encode(png(fig)).decode(), "text/plain": alt}
    metadata = {"image/png": {"alt": alt, "width": _css_width(fig)}}
    if os.environ.get(drawings.WANTED):
        metadata[drawings.KEY] = drawings.drawings(fig)
    display(bundle, raw=True, metadata=metadata)


def _css_width(fig: Figure) -> int:
    """The width of a shown figure in CSS pixels; `png` makes 1.5 dots for each."""
    return round(drawings.PIXELS * fig.get_figwidth())


def png(fig: Figure, dpi: int = 150) -> bytes:
    """A figure as a small PNG file: 256 colours are enough for every figure of the book."""
    drawn, small = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=dpi)
    image = PIL.Image.open(drawn).convert("RGB").quantize(256, dither=PIL.Image.Dither.NONE)
    image.save(small, format="png", optimize=True)
    return small.getvalue()


def images(images: Tensor, columns: int = 10, gap: int = 2, shape=None) -> Figure:
    """Draw images in a grid, arguments as for `image_grid`: grey ones with ink dark on light.

    Between images nothing is drawn, so that a dark page shows through.
    """
    grid = image_grid(images, columns, gap, shape).numpy()
    height, width = grid.shape[:2]
    if grid.ndim == 3:
        masks = torch.zeros(images_of(images, shape).shape[:3], device="cpu")
        seen = image_grid(masks, columns, gap).isfinite()
        if not seen.all():
            grid = (255 * np.dstack([grid, seen])).round().astype(np.uint8)
    fig, ax = figure(height=7 * height / width)
    ax.imshow(grid, vmin=0, vmax=1, cmap="gray_r")
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0)
    return fig


def reconstructions(originals: Tensor, rebuilt: Tensor, shape=None) -> Figure:
    """Originals above what the model rebuilt of them, one a column: (N, ...), (N, ...).

    Either may be flattened; `shape` is as for `image_grid`, if both are.

    Raises:
        ValueError: if there are not as many of both, or one is no batch of images in [0, 1].
    """
    like = rebuilt if originals.ndim == 2 else originals
    if len(originals) != len(rebuilt) or originals.numel() != rebuilt.numel():
        raise ValueError(
            "wanted as many originals as rebuilt images, of the same size, got shapes "
            f"{tuple(originals.shape)} and {tuple(rebuilt.shape)}"
        )
    rows = torch.cat([part.detach().cpu().reshape(like.shape) for part in (originals, rebuilt)])
    fig = images(rows, columns=len(originals), gap=2, shape=shape)
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
        ValueError: if the means are not two-dimensional and finite, or the labels are not an
            integer for each.
    """
    if mu.ndim != 2 or mu.shape[1] != 2:
        raise ValueError(f"wanted means of shape (N, 2), got {tuple(mu.shape)}")
    if not mu.isfinite().all():
        raise ValueError("wanted finite means, got some that are not")
    labels = torch.as_tensor(labels, device="cpu")
    if labels.shape != mu.shape[:1] or labels.is_floating_point() or labels.is_complex():
        raise ValueError(
            f"wanted labels as {len(mu)} integers, got {tuple(labels.shape)} of {labels.dtype}"
        )
    mu, labels = mu.detach().cpu(), labels.long()
    fig, ax = figure(height=7)
    for label in labels.unique().tolist():
        points = mu[labels == label]
        color = PALETTE[label % len(PALETTE)]
        ax.scatter(*points.T, s=5, alpha=0.6, color=color, linewidths=0, rasterized=True)
        box = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": color, "lw": 2}
        middle = points.median(0).values
        name = f"{class_labels.LABEL_ID}{label}"
        ax.plot(*middle[:, None], color=color, lw=2, gid=f"to-{name}")
        ax.text(*middle, str(label), ha="center", va="center", bbox=box, gid=name)
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    return fig


def manifold(model, side: int = 20) -> Figure:
    """Decode a grid on a two-dimensional latent, evenly spaced in probability under the prior.

    The grid's coordinates are the (i + 1/2) / side quantiles of N(0, 1), so that each image stands
    for the same share of the prior's mass.

    Args:
        model: one with two latent dimensions; its images are drawn in their own shape
            (`VAE.image_shape`).
        side: images in a row and in a column.

    Raises:
        ValueError: if the model's latent is not two-dimensional, side is below 1, or the model's
            images are of an unknown shape or neither grey nor in three colours.

    Source:
        Kingma and Welling, figure 4, https://arxiv.org/abs/1312.6114
    """
    side = integer("side", side)
    if model.latent_dim != 2:
        raise ValueError(f"wanted a latent of 2 dimensions, got {model.latent_dim} dimensions")
    quantiles = gaussian_quantiles(side)
    z = torch.cartesian_prod(quantiles.flip(0), quantiles).flip(1)  # z_2 falls by rows, z_1 grows
    decoded = _decoded(model, z)
    fig = images(decoded, columns=side, gap=0)
    ax = fig.axes[0]
    height, width = ax.get_images()[0].get_array().shape[:2]
    shown = np.linspace(0, side - 1, min(side, 5)).round().astype(int)
    across, down = ((shown + 0.5) * length / side - 0.5 for length in (width, height))
    ax.set_xticks(across, [f"{quantiles[i]:.2f}" for i in shown])
    ax.set_yticks(down, [f"{quantiles[side - 1 - i]:.2f}" for i in shown])
    ax.set(xlabel="$z_1$", ylabel="$z_2$")
    return fig


def _decoded(model, z: Tensor) -> Tensor:
    """What a model decodes, as images in [0, 1]: (N, D) -> (N, C, H, W)."""
    weights = next(model.parameters())
    with torch.no_grad():
        decoded = model.decode(z.to(weights.device, weights.dtype))
    flat = decoded.ndim == 2
    return decoded.view(-1, *image_shape(model)).clamp(0, 1) if flat else decoded.clamp(0, 1)


def graph(layers: list) -> Figure:
    """Draw a network's graph, from `graphs.graph_layers`, from its inputs down to its outputs.

    A box has the operation's name, the shape of what comes out of it and, if it has any, its
    parameters. An arrow that passes by other boxes goes round them on the left.

    Raises:
        ValueError: if there are no layers.
    """
    if not layers:
        raise ValueError("wanted a graph of one layer or more, got none")
    fig = _graph(layers, 2.1, 2.1)
    fig.narrow_figure = _graph(layers, 1.5, 0.85)
    return fig


def _graph(layers: list, first: float, others: float) -> Figure:
    """The drawing of a graph; its first column and the others are so many inches wide."""
    places = dict(zip(map(id, layers), arranging.places(layers), strict=True))
    columns, rows = (1 + max(place[axis] for place in places.values()) for axis in (0, 1))
    left = [0, *(first + others * column for column in range(columns))]
    is_wide, room = first == others, 0.3 if first < 2 else 0.55
    height = 0.72 if is_wide else 0.82
    fig, ax = figure(width=left[-1] + room, height=height * rows)
    ax.set(xlim=(-room, left[-1]), ylim=(rows - 0.6, -0.4))
    ax.axis("off")
    made_by = {name: layer for layer in layers[::-1] for name in layer.outputs}
    boxes = {}
    for layer in layers:
        column, row = places[id(layer)]
        box = boxes[id(layer)] = (left[column] + 0.04, left[column + 1] - 0.06, row)
        _draw_box(ax, layer, *box, ", " if is_wide else "\n")
        for name in layer.inputs:
            ambiguous = len(made_by[name].outputs) > 1 and layer.operation != "Output"
            start, label = boxes[id(made_by[name])], name if ambiguous else ""
            _draw_arrow(ax, start, box, label, 2 * (room - 0.06) / height)
    return fig


def _draw_box(ax, layer, left: float, right: float, y: int, comma: str) -> None:
    colors = {"Input": BOX_COLORS[1], "Output": BOX_COLORS[2]}
    color = colors.get(layer.operation, BOX_COLORS[0] if layer.parameters else BOX_COLORS[3])
    half = 0.3 if comma == ", " else 0.36
    size = (right - left, 2 * half)
    ax.add_patch(Rectangle((left, y - half), *size, facecolor=color, edgecolor=LINE))
    name = layer.operation.lower() if layer.operation in colors else layer.operation
    sizes = " and ".join(" × ".join(map(str, shape)) for shape in layer.shapes)
    count = f"{comma}{layer.parameters:,} parameters" if layer.parameters else ""
    gap = "\n" if comma == "\n" and layer.operation in colors else "  "
    text = f"{name}{gap}{layer.name}".strip() + f"\n{sizes}{count}"
    middle = (left + right) / 2
    ax.text(middle, y, text, ha="center", va="center", fontsize=9, linespacing=1.3)


def _draw_arrow(ax, start: tuple, end: tuple, label: str, room: float) -> None:
    (left0, right0, y0), (left1, right1, y1) = start, end
    x0, x1 = (left0 + right0) / 2, (left1 + right1) / 2
    far = y1 - y0 > 1
    ends = [(left0, y0), (left1, y1)] if far else [(x0, y0 + 0.3), (x1, y1 - 0.3)]
    style = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "color": LINE}
    style["connectionstyle"] = f"arc3,rad={min(0.4, room / (y1 - y0)) if far else 0}"
    ax.annotate("", ends[1], ends[0], arrowprops=style)
    place = (left1 - 0.1, (y0 + y1) / 2) if far else ((x0 + x1) / 2 + 0.06, (y0 + y1) / 2)
    ax.text(*place, label, ha="right" if far else "left", va="center", fontsize=9.5)


def gaussian_quantiles(count: int) -> Tensor:
    """The (i + 1/2) / count quantiles of N(0, 1), in rising order: (count,) float32.

    Raises:
        ValueError: if count is no integer of 1 or more.
    """
    count = integer("count", count)
    probabilities = (torch.arange(count, dtype=torch.float32, device="cpu") + 0.5) / count
    return torch.erfinv(2 * probabilities - 1) * math.sqrt(2)
