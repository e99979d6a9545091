"""Is a loss good? Ranges that a loss on MNIST lies in, and the ones that a number fits.

All losses are in nats an image, summed over the pixels, unless a reduction says otherwise.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelib.checks import integer, number, positive

PIXELS = 784
REDUCTIONS = {  # what a loss in nats an image is multiplied by
    "sum over pixels": 1.0,
    "mean over pixels": 1 / PIXELS,
    "bits per pixel": 1 / (PIXELS * math.log(2)),
    "sum over pixels and 128 images": 128.0,
}
WORST, BEST = -0.05, 1.15  # shares of the way to a good model that a loss may have to fit


class Yardstick(NamedTuple):
    """What one kind of loss is worth: `floor` <= `good` <= `silent`, nats an image.

    `name` says the data and the loss, `latents` how many there are. No model is below the floor;
    a good one of this size reaches `good`; one that says nothing about an image has `silent`.
    """

    name: str
    latents: int
    floor: float
    good: float
    silent: float

    def share(self, loss: float) -> float:
        """How much of the way from a silent model to a good one: 0 to 1, and above if better."""
        return (self.silent - loss) / (self.silent - self.good)


def reduced(nats: float) -> dict[str, float]:
    """A loss in nats an image as code prints it, under each of `REDUCTIONS`.

    Args:
        nats: summed over the pixels of an image, a mean over images.

    Raises:
        ValueError: if it is no finite number.

    >>> for reduction, loss in reduced(147).items():
    ...     print(f"{reduction}: {loss:.4g}")
    sum over pixels: 147
    mean over pixels: 0.1875
    bits per pixel: 0.2705
    sum over pixels and 128 images: 1.882e+04
    """
    nats = number("nats", nats, "finite", math.isfinite)
    return {reduction: nats * factor for reduction, factor in REDUCTIONS.items()}


def fitting(loss: float, rows: list[Yardstick]) -> list[tuple[Yardstick, str, float]]:
    """Rows and reductions that a loss may be of, with its share of the way to a good one.

    It may be of one if it is above the floor, and neither much above that of a silent model nor
    much below that of a good one.

    Args:
        loss: the number, whatever it was summed or averaged over.
        rows: those that it is held against.

    Raises:
        ValueError: if the loss is no finite number.

    >>> row = Yardstick("grey, cross-entropy", 2, floor=45.5, good=146.1, silent=206.6)
    >>> [(reduction, round(share, 2)) for _, reduction, share in fitting(147, [row])]
    [('sum over pixels', 0.99)]
    >>> [reduction for _, reduction, _ in fitting(0.1875, [row])]
    ['mean over pixels']
    """
    loss = number("loss", loss, "finite", math.isfinite)
    found = []
    for row in rows:
        for reduction, factor in REDUCTIONS.items():
            nats = loss / factor
            if row.floor <= nats and WORST <= row.share(nats) <= BEST:
                found.append((row, reduction, row.share(nats)))
    return found


def linear_nll(eigenvalues: Tensor, latent_dim: int, sigma: float) -> float:
    """The mean of -log p(x) under the best linear-Gaussian model of some data, nats an image.

    Args:
        eigenvalues: of the data's covariance, (P,).
        latent_dim: the dimension of the latents, D.
        sigma: standard deviation of a pixel given z; it is not learned.

    Raises:
        ValueError: if latent_dim is below 0, or sigma not positive.

    Source:
        Tipping and Bishop, Probabilistic Principal Component Analysis, appendix A, with the noise
        fixed.

    >>> one_pixel = torch.tensor([1.0])  # of variance 1, and noise of the same: log 2 pi e / 2
    >>> round(linear_nll(one_pixel, latent_dim=0, sigma=1.0), 4)
    1.4189
    """
    latent_dim, variance = integer("latent_dim", latent_dim, least=0), positive("sigma", sigma) ** 2
    largest_first = eigenvalues.double().sort(descending=True).values
    model = torch.full_like(largest_first, variance)  # of the model, along each direction
    model[:latent_dim] = largest_first[:latent_dim].clamp(min=variance)
    return 0.5 * ((2 * math.pi * model).log() + largest_first / model).sum().item()


def cross_entropy(images: Tensor, chances: Tensor) -> float:
    """Of pixels (N, P) with one chance for each pixel, or for each of each image, nats an image."""
    ones = torch.xlogy(images, chances) + torch.xlogy(1 - images, 1 - chances)
    return -ones.sum(1).mean().item()
