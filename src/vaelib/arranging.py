"""The arrangement of a figure for a phone, and of a graph's boxes.

On a wide screen a figure's panels stand beside each other. A phone has half the width, and its
letters are as large: there they stand below each other.
"""

import itertools
import pickle
import re
import textwrap
import warnings

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.text import Text

NARROW = 3.5  # inches, of 100 CSS pixels each
TALLEST = 4.0  # inches, of a panel that may have any shape
HEIGHTS = {1: 3.0, 2: 2.5, 3: 2.1}  # inches of each of so many panels below each other
LONG = 12  # letters, of a text that may have to be broken
WHOLE = re.compile(r"\$[^$]*\$|\S+ = \S+")  # a formula, with or without dollars


def copy_of(fig: Figure) -> Figure:
    """A figure that can be changed without changing the one that it is a copy of."""
    return pickle.loads(pickle.dumps(fig))


def narrow(fig: Figure) -> Figure:
    """A copy of a figure as wide as a phone, with letters of the same size."""
    fig = copy_of(fig)
    own = getattr(fig, "narrow_figure", None)
    if own is not None:
        return own
    with warnings.catch_warnings():  # some of what is tried on the way is too small
        warnings.filterwarnings("ignore", "constrained_layout not applied")
        _arrange(fig)
    return fig


def _arrange(fig: Figure) -> None:
    axes = [ax for ax in fig.axes if ax.get_subplotspec() is not None]
    width, height = fig.get_size_inches()
    shape = _stack(fig, axes) if axes else None
    if shape is not None and shape[1] == 1:
        height = shape[0] * min(height, HEIGHTS.get(shape[0], 2))
    elif shape is not None or _has_only(axes, _is_fixed):
        height *= NARROW / width * (1.3 if shape is None else 2)
    else:
        height = min(height, TALLEST)
    fig.set_size_inches(NARROW, height)
    for legend in filter(None, (ax.get_legend() for ax in axes)):
        legend.set_in_layout(False)
    _fold_names(fig, axes)
    for ax in axes:
        _break_texts(ax)
        _thin_out(ax)
        _clear_legend(ax)
    if _has_only(axes, _is_fixed):
        _fit_height(fig, axes)


def _stack(fig: Figure, axes: list[Axes]) -> tuple[int, int] | None:
    """Put panels that stand beside each other below each other; the new rows and columns."""
    rows, columns = axes[0].get_gridspec().get_geometry()
    if columns == 1 or len(axes) != rows * columns:
        return None
    if rows == 1:
        shape = (columns, 1) if columns <= 3 else (-(-columns // 2), 2)
        places = [divmod(index, shape[1]) for index in range(columns)]
        options = {}
    elif _has_only(axes, _is_picture):
        return None
    else:  # what stood below each other stands beside each other
        shape = (columns, rows)
        places = [divmod(index, columns)[::-1] for index in range(len(axes))]
        options = {"width_ratios": axes[0].get_gridspec().get_height_ratios()}
    grid = GridSpec(*shape, figure=fig, **options)
    for ax, place in zip(axes, places, strict=True):
        ax.set_subplotspec(grid[place])
    if shape[1] == 1:
        _label_all(axes)
    return shape


def _label_all(axes: list[Axes]) -> None:
    """Say at each panel what only the first one said, of an axis that they shared."""
    first = axes[0]
    for ax in axes[1:]:
        shares = first.get_shared_y_axes().joined(first, ax)
        if shares:
            ax.tick_params(labelleft=True)
        if len(ax.get_yticks()) and not ax.get_ylabel():
            ax.set_ylabel(first.get_ylabel())


def _has_only(axes: list[Axes], wanted) -> bool:
    return bool(axes) and all(map(wanted, axes))


def _is_picture(ax: Axes) -> bool:
    return bool(ax.images) and not ax.lines and not ax.collections


def _is_fixed(ax: Axes) -> bool:
    """Whether a panel's shape is given by what it shows."""
    return ax.get_aspect() != "auto"


def _fit_height(fig: Figure, axes: list[Axes]) -> None:
    """Make a figure as low as it can be while its panels keep their width."""

    def width(height: float) -> float:
        fig.set_size_inches(NARROW, height)
        fig.draw_without_rendering()
        return sum(ax.get_window_extent().width for ax in axes)

    low, high = 0.1, 3 * fig.get_figheight()
    most = width(high)
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (low, middle) if width(middle) > 0.985 * most else (middle, high)
    fig.set_size_inches(NARROW, round(high + 0.005, 2))


def _thin_out(ax: Axes) -> None:
    """Leave out every other number below a panel while they overlap."""
    for _ in range(3):
        ax.figure.draw_without_rendering()
        labels = [label for label in ax.get_xticklabels() if label.get_text()]
        boxes = [label.get_window_extent() for label in labels if label.get_visible()]
        overlap = any(a.x1 + 4 > b.x0 for a, b in itertools.pairwise(boxes))
        if not overlap:
            return
        limits = ax.get_xlim()
        pairs = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
        kept = [(at, text.get_text()) for at, text in pairs if min(limits) <= at <= max(limits)]
        ax.set_xticks(*zip(*kept[::2], strict=True))
        ax.set_xlim(limits)


def _fold_names(fig: Figure, axes: list[Axes]) -> None:
    """Break titles and names of axes that are longer than there is room."""
    high = fig.bbox.height / max(1, axes[0].get_gridspec().nrows) if axes else 0
    for ax in axes:
        wide = fig.bbox.width / ax.get_gridspec().ncols
        for text, room in ((ax.xaxis.label, wide), (ax.title, wide), (ax.yaxis.label, high)):
            box = text.get_window_extent()
            if max(box.width, box.height) > 0.8 * room:
                text.set_text(folded(text.get_text(), int(0.6 * len(text.get_text())) + 1))
        widths = [label.get_window_extent().width for label in ax.get_yticklabels()]
        if max(widths, default=0) > 0.3 * wide and not _is_fixed(ax):
            _fold_ticks(ax)


def _fold_ticks(ax: Axes) -> None:
    """Break the names beside a panel, and give it the height that their lines take."""
    names = [label.get_text() for label in ax.get_yticklabels()]
    letters = max(LONG, max(map(len, names)) // 2 + 2)
    names, limits = [folded(name, letters) for name in names], ax.get_ylim()
    size = ax.get_yticklabels()[0].get_fontsize()
    ax.set_yticks(ax.get_yticks(), names, fontsize=size)
    ax.set_ylim(limits)
    lines = len(names) * max(name.count("\n") + 1 for name in names)
    missing = lines * 1.25 * size / 72 + 0.9 - ax.figure.get_figheight() / ax.get_gridspec().nrows
    if missing > 0:
        ax.figure.set_figheight(ax.figure.get_figheight() + missing)


def folded(words: str, letters: int) -> str:
    """A text in lines of so many letters; a formula such as "D = 2" is not broken."""
    kept = WHOLE.sub(lambda match: match[0].replace(" ", "\0"), words)
    lines = textwrap.fill(kept, letters, break_long_words=False, break_on_hyphens=False)
    return lines.replace("\0", " ")


def _break_texts(ax: Axes) -> None:
    """Break what is written into a panel where it would leave the figure, or shift it."""
    texts = [text for text in ax.texts if len(text.get_text()) > LONG]
    for text in texts:
        text.set_in_layout(False)
    for text in texts:
        for mend in (_in_lines, _shift):
            ax.figure.draw_without_rendering()
            box, whole = text.get_window_extent(), ax.figure.bbox
            if box.x0 < whole.x0 or box.x1 > whole.x1:
                mend(text, max(whole.x0 + 2 - box.x0, 0) - max(box.x1 + 2 - whole.x1, 0))


def _in_lines(text: Text, far: float) -> None:
    words = text.get_text()
    text.set_text(folded(words, max(LONG, len(words) // 2 + 2)))


def _shift(text: Text, far: float) -> None:
    transform = text.get_transform()
    x, y = transform.transform(text.get_position())
    text.set_position(transform.inverted().transform((x + far, y)))


def _clear_legend(ax: Axes) -> None:
    """Let a legend cover nothing that is drawn: elsewhere in the panel, or above it."""
    legend = ax.get_legend()
    if legend is None or not _covers(ax, legend):
        return
    legend.set_loc("best")
    if not _covers(ax, legend):
        return
    legend = _in_one_column(ax, legend)
    height = legend.get_window_extent().height / ax.figure.dpi
    if ax.get_title():
        ax.set_title(ax.get_title(), pad=72 * height + 4)
    ax.figure.set_figheight(ax.figure.get_figheight() + height)


def _in_one_column(ax: Axes, legend):
    """A legend above its panel, in one column, with the letters that it had."""
    names = [text.get_text() for text in legend.get_texts()]
    sizes = {text.get_fontsize() for text in legend.get_texts()}
    new = ax.legend(
        legend.legend_handles,
        names,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.1,
        frameon=False,
        fontsize=sizes.pop(),
        title=legend.get_title().get_text() or None,
    )
    ax.figure.draw_without_rendering()
    return new


def _covers(ax: Axes, legend) -> bool:
    """Whether a legend lies on a line, a point, a bar or an area of its panel."""
    ax.figure.draw_without_rendering()
    box = legend.get_window_extent()
    if box.width > ax.get_window_extent().width:
        return True
    shapes = [(line.get_transform().transform_path(line.get_path()), False) for line in ax.lines]
    shapes += [
        (patch.get_transform().transform_path(patch.get_path()), True) for patch in ax.patches
    ]
    for collection in ax.collections:
        offsets = collection.get_offset_transform().transform(collection.get_offsets())
        if len(offsets) > 1 or offsets.any():
            if _any_inside(box, np.asarray(offsets)):
                return True
            continue
        transform = collection.get_transform()
        shapes += [(transform.transform_path(path), True) for path in collection.get_paths()]
    return any(path.intersects_bbox(box, filled=filled) for path, filled in shapes)


def _any_inside(box, places: np.ndarray) -> bool:
    (left, low), (right, high) = box.get_points()
    inside = (places > [left, low]) & (places < [right, high])
    return bool(inside.all(1).any())


def places(layers: list) -> list[tuple[int, int]]:
    """Column and row of each layer: below all that it needs, and inputs just above their use."""
    rows, made_by = [], {}
    for index, layer in enumerate(layers):
        rows.append(1 + max((rows[made_by[name]] for name in layer.inputs), default=-1))
        if layer.operation != "Output":
            made_by |= dict.fromkeys(layer.outputs, index)
    for index, layer in enumerate(layers):
        uses = [rows[i] for i, user in enumerate(layers) if set(layer.outputs) & set(user.inputs)]
        if layer.operation == "Input" and uses:
            rows[index] = min(uses) - 1
    inside_first = sorted(
        range(len(layers)), key=lambda i: layers[i].operation in ("Input", "Output")
    )
    places, taken = {}, dict.fromkeys(rows, 0)  # the first of a row goes on the left
    for index in inside_first:
        places[index] = (taken[rows[index]], rows[index])
        taken[rows[index]] += 1
    return [places[index] for index in range(len(layers))]
