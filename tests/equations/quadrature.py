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
