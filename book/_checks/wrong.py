"""Checks of the equations in "When training goes wrong"."""

import math

import torch

from book._checks.arrays import over
from book._checks.check import Check
from book._checks.optimum import lowest
from book._checks.random_numbers import normal

DOUBLE = {"dtype": torch.float64}


def optima():
    """Linear VAEs at their best: with directions under water, or with too few latents."""
    five, six = [3.1, 1.7, 0.3, 0.2, 0.1], [2.9, 1.9, 1.3, 0.25, 0.15, 0.05]
    found = [optimum(five, 3, beta=0.7, s=1.6), optimum(six, 4, beta=2.5, s=0.9)]
    found.append(
        optimum([3.1, 2.2, 1.6, 1.3, 0.6, 0.4, 0.2], 2, beta=1.4, s=1.1)
    )  # too few latents
    of_latents = [
        {**names, r"\lambda_{:j}": over("j", names["?variances"][: names["D"]]), "?only": 1}
        for names in found
    ]
    of_pixels = [
        {**names, r"\lambda_{:i}": over("i", names["?variances"]), "?only": number}
        for names in found
        for number in (2, 3)
    ]
    return of_latents + of_pixels


def optimum(ratios: list[float], latents: int, beta: float, s: float):
    """The decoder, encoder and q of the lowest beta KL - log p(x|z), by L-BFGS.

    The encoder is linear, and q has one covariance, of any shape, for all data. The mean loss is a
    formula in the data's covariance that knows of no directions. A rotation of the latents does not
    change it: the columns of W are turned to their axes by a singular value decomposition.
    """
    pixels, variances = len(ratios), s**2 * beta * torch.tensor(ratios, **DOUBLE)
    axes, _ = torch.linalg.qr(normal(pixels, pixels))
    covariance = axes @ variances.diag() @ axes.T
    eye = torch.eye(latents, **DOUBLE)

    def terms(w, v, root):
        tau = root @ root.T  # q's covariance
        kept = torch.eye(pixels, **DOUBLE) - w @ v
        squared = (kept @ covariance @ kept.T).trace() + (w @ tau @ w.T).trace()
        kl = ((v @ covariance @ v.T).trace() + tau.trace() - latents - tau.logdet()) / 2
        return squared, kl

    def loss(w, v, root):
        squared, kl = terms(w, v, root)
        return squared / (2 * s**2) + beta * kl

    start = [0.3 * normal(pixels, latents, seed=1), 0.3 * normal(latents, pixels, seed=2)]
    start.append(eye.clone())
    lowest(start, loss)
    squared, kl = terms(*(part.detach() for part in start))
    left, lengths, _ = torch.linalg.svd(start[0].detach(), full_matrices=False)
    constant = pixels / 2 * math.log(2 * math.pi * s**2)
    return {
        "W_{:j}": over("j", (left * lengths).T),
        "?variances": variances,
        r"\beta": beta,
        "s": s,
        "D": latents,
        "P": pixels,
        r"\mathrm{rate}": kl,
        r"\mathrm{distortion}": squared / (2 * s**2) + constant,
    }


CHECKS = [
    Check(
        label="wrong-waterline",
        how="Linear VAEs of three sizes, some of whose directions vary less than the noise: "
        "weights, encoder and q are those that a numerical optimiser finds for the loss.",
        names=optima,
        tolerance=1e-5,
    ),
]
