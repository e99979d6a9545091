"""The labels of the classes on a map, which do not overlap."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

LABEL_ID = "class-"  # begins the id of a text that names a class on a map
ROOM = 2  # pixels between two labels


def found(fig: Figure) -> list[Text]:
    """The texts that name a class on a map."""
    return [text for text in fig.findobj(Text) if (text.get_gid() or "").startswith(LABEL_ID)]


def separate(fig: Figure, renderer) -> None:
    """Move the labels of each map apart, each with the line that leads to where it belongs."""
    if (engine := fig.get_layout_engine()) is not None:
        engine.execute(fig)
    for ax in fig.axes:
        labels = [text for text in found(fig) if text.axes is ax]
        if not labels:
            continue
        ax.apply_aspect()
        lines = {line.get_gid(): line for line in ax.lines}
        own = [lines[f"to-{text.get_gid()}"] for text in labels]
        homes = np.array([[line.get_xdata()[0], line.get_ydata()[0]] for line in own])
        radius = max(_radius(text, renderer) for text in labels)
        box = ax.get_window_extent().padded(-radius)
        places = apart(ax.transData.transform(homes), 2 * radius + ROOM, box.get_points())
        places = ax.transData.inverted().transform(places)
        for text, line, home, place in zip(labels, own, homes, places, strict=True):
            text.set_position(place)
            line.set_data(*np.stack([home, place]).T)


def _radius(text: Text, renderer) -> float:
    """Half the width of the circle around a label, in pixels."""
    text.update_bbox_position_size(renderer)
    return text.get_bbox_patch().get_window_extent(renderer).width / 2


def apart(places: np.ndarray, distance: float, box: np.ndarray) -> np.ndarray:
    """Places, (N, 2), moved as little as it takes until any two are a distance apart, or nearly.

    Each pair that is too close moves apart along the line between the two, half the way each, again
    and again. None leaves the box, [[left, low], [right, high]]. `cloud.js` does the same.
    """
    places = places.astype(float).copy()
    for _ in range(200):
        moved = False
        for i in range(len(places)):
            for j in range(i):
                step = places[i] - places[j]
                length = np.hypot(*step)
                if length >= distance - 1e-6:
                    continue
                moved = True
                if length < 1e-6:  # they lie on each other: each pair has a direction of its own
                    way = np.array([np.cos(i + 3 * j), np.sin(i + 3 * j)])
                else:
                    way = step / length
                push = (distance - length) / 2 * way
                places[i] += push
                places[j] -= push
        places = places.clip(box[0], box[1])
        if not moved:
            break
    return places
