"""The latent plane of the book's VAE, a way over it, and what the decoder writes on the way.

The front page and the picture by which a link to the book is known are both drawn from these.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch
import vaelib
from vaelib.plots import PALETTE

MODEL = "vae-2d"
COUNT = 2000  # the first of the test images
STEPS = 120  # on the way, each with an image
LEVELS = 15  # of grey: more are not seen
NEAREST = 40  # images that are asked which digit a place is of
GROUND = "#0b1022"


@dataclass
class Plane:
    """Where the test images lie, and a closed way past a clear example of each digit."""

    points: np.ndarray  # (COUNT, 2)
    labels: np.ndarray  # (COUNT,)
    way: np.ndarray  # (STEPS, 2)
    frames: np.ndarray  # (STEPS, 784), whole numbers from 0 to LEVELS
    nearby: np.ndarray  # (STEPS,), the label of most images around each step


def bright(label: int) -> str:
    """The palette's colour of a label, lightened until it shines on the dark ground."""
    channels = [round(255 * (0.8 * part + 0.2)) for part in PALETTE[label % len(PALETTE)]]
    return "#{:02x}{:02x}{:02x}".format(*channels)


@functools.cache
def plane() -> Plane:
    """The plane, computed by vaelib."""
    model, test = vaelib.pretrained(MODEL), vaelib.mnist("test")
    labels = test.labels[:COUNT].numpy()
    with torch.no_grad():
        points = model.encode(test.images[:COUNT])[0].numpy()
        way = closed(clear_examples(points, labels), STEPS)
        images = model.decode(torch.tensor(way, dtype=torch.float32)).view(STEPS, -1).numpy()
    frames = (images * LEVELS).round().astype(np.uint8)
    nearby = [np.bincount(labels[nearest(points, place)]).argmax() for place in way]
    return Plane(points, labels, way, frames, np.array(nearby))


def nearest(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The indices of the points that lie nearest to a place."""
    return np.argsort(((points - place) ** 2).sum(1))[:NEAREST]


def clear_examples(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each label the point with most neighbours of its kind, in the order of a round trip."""
    found = []
    for label in np.unique(labels):
        own = points[labels == label]
        alike = [(labels[nearest(points, place)] == label).sum() for place in own]
        best = own[np.array(alike) >= max(alike) - 1]
        found.append(best[((best - own.mean(0)) ** 2).sum(1).argmin()])
    return round_trip(np.array(found))


def round_trip(places: np.ndarray) -> np.ndarray:
    """The places in an order whose closed way is short: turned round wherever that helps."""
    order = list(range(len(places)))
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)

    def length(trial: list[int]) -> float:
        return sum(gaps[a, b] for a, b in zip(trial, trial[1:] + trial[:1], strict=True))

    turns = [(i, j) for i in range(1, len(places)) for j in range(i + 1, len(places) + 1)]
    while True:
        trials = [order[:i] + order[i:j][::-1] + order[j:] for i, j in turns]
        shortest = min(trials, key=length)
        if length(shortest) >= length(order) - 1e-9:
            return places[order]
        order = shortest


def closed(places: np.ndarray, count: int) -> np.ndarray:
    """Points at equal distances on a smooth closed curve through places (Catmull and Rom's)."""
    before, after, last = (np.roll(places, shift, axis=0) for shift in (1, -1, -2))
    t = np.linspace(0, 1, 200, endpoint=False)[None, :, None]
    a, b, c, d = (each[:, None, :] for each in (before, places, after, last))
    curve = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    curve = np.concatenate([curve.reshape(-1, 2), curve[0, :1]])
    far = np.concatenate([[0], np.linalg.norm(np.diff(curve, axis=0), axis=1).cumsum()])
    wanted = np.linspace(0, far[-1], count, endpoint=False)
    return np.stack([np.interp(wanted, far, curve[:, axis]) for axis in (0, 1)], axis=1)
