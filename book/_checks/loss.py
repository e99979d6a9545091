"""Checks of the equations in "My loss is 147: is that good?"."""

import torch
from torch.distributions import MultivariateNormal

from book._checks.arrays import over
from book._checks.check import Check
from book._checks.optimum import lowest
from book._checks.random_numbers import normal
from book._checks.scope import Draws

DOUBLE = {"dtype": torch.float64}


def best_models():
    """Linear models with a fixed noise, for data of three sizes; one has too few latents."""
    sizes = [(5, 3, 1.3, 2.0), (6, 4, 0.5, 0.7), (7, 2, 0.4, 1.5)]
    return [best_model(*size) for size in sizes]


def best_model(pixels: int, latents: int, s: float, scale: float):
    """The W of the highest likelihood for some data, by L-BFGS on torch's density."""
    falling = scale * torch.logspace(0.3, -0.8, pixels, **DOUBLE)
    x = normal(40, pixels) * falling @ torch.linalg.qr(normal(pixels, pixels, seed=1))[0]
    x = x - x.mean(0)

    def density(w):
        covariance = w @ w.T + s**2 * torch.eye(pixels, **DOUBLE)
        return MultivariateNormal(torch.zeros(pixels, **DOUBLE), covariance).log_prob(x)

    w = [0.3 * normal(pixels, latents, seed=2)]
    lowest(w, lambda w: -density(w).mean())
    return {
        "p(x)": over("image", density(w[0].detach()).exp()),
        r"\mathbb{E} x": Draws({}, axis="image"),
        r"\lambda_{:i}": over("i", torch.linalg.eigvalsh(x.T @ x / len(x)).flip(0)),
        "s": s,
        "D": latents,
        "P": pixels,
    }


CHECKS = [
    Check(
        label="loss-linear",
        how="Random data of three sizes: the mean log-density is torch's, at the weights that a "
        "numerical optimiser finds; the variances come from an eigensolver.",
        names=best_models,
        tolerance=1e-6,
    ),
]
