"""Rules of integration that the checks share."""

import math

import numpy as np
import torch


def gauss_hermite(order: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes and weights of an expectation over N(0, 1), exact for polynomials up to 2 order - 1."""
    nodes, weights = np.polynomial.hermite.hermgauss(order)
    return math.sqrt(2) * torch.from_numpy(nodes), torch.from_numpy(weights) / math.sqrt(math.pi)


def trapezoid(low: float, high: float, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes and weights of an integral over [low, high], near exact for smooth decaying ones."""
    nodes = torch.linspace(low, high, count, dtype=torch.float64)
    weights = torch.full_like(nodes, (high - low) / (count - 1))
    weights[[0, -1]] /= 2
    return nodes, weights


def product_rule(nodes: torch.Tensor, weights: torch.Tensor, dimension: int):
    """A rule for as many coordinates: (points, dimension) and (points,)."""
    points = torch.cartesian_prod(*[nodes] * dimension).view(-1, dimension)
    return points, torch.cartesian_prod(*[weights] * dimension).view(-1, dimension).prod(1)


def gaussian_cdf(value: torch.Tensor, mu: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The written-out density of N(mu, sigma^2), integrated from ten sigma below mu to value."""
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(80))
    value, mu, sigma = (t.unsqueeze(-1) for t in (value, mu, sigma))
    low = mu - 10 * sigma
    half = (value - low) / 2
    z = low + half * (1 + nodes)
    density = torch.exp(-((z - mu) ** 2) / (2 * sigma**2)) / torch.sqrt(2 * math.pi * sigma**2)
    return (half * weights * density).sum(-1)
