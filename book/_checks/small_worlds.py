"""A world that is small enough to be enumerated, for a check of "Reparameterization"."""

from itertools import product

import torch

from book._checks.arrays import over
from book._checks.scope import Draws


def small_worlds():
    """Three images with two draws each: all batches of some images, with some draws an image."""
    g = torch.tensor([[1.0, 4.0], [-2.0, 0.5], [3.0, 3.5]], dtype=torch.float64)  # (images, draws)
    found = []
    for images, draws in ((2, 3), (3, 2), (1, 4)):
        each = [
            g[image, list(some)].mean()
            for image in range(3)
            for some in product((0, 1), repeat=draws)
        ]
        batches = torch.cartesian_prod(*[torch.stack(each)] * images).view(-1, images).mean(1)
        found.append(
            {
                r"\bar{g}": over("batch", batches),
                r"\operatorname{Var}": Draws({}, axis="batch"),
                "g": over("image draw", g),
                r"\mathbb{E} q": Draws({}),
                r"\mathbb{E} x": Draws({}, axis="image"),
                "B": images,
                "K": draws,
            }
        )
    return found
