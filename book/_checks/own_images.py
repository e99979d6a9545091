"""Checks of the equations in "Your own images"."""

import math

import numpy as np
import torch
from torch.distributions import Categorical, Dirichlet, Independent, Normal

from book._checks.arrays import over
from book._checks.check import Check
from book._checks.random_numbers import normal


def levels():
    """A picture of thirteen numbers, each with probabilities of its 256 levels."""
    generator = torch.Generator().manual_seed(0)
    logits, x = normal(13, 256), torch.randint(256, (13,), generator=generator)
    each = Categorical(logits=logits).log_prob(x)
    return {
        "P": 13,
        "p(x)": each.exp().prod(),
        r"\text{bits per dimension}": each.mean() / math.log(0.5),
    }


def histograms():
    """Nine pictures of five numbers, and the probability of one of them by a Dirichlet's mean."""
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(256, (9, 5), generator=generator)
    x = pictures[4]
    counts = torch.stack([torch.bincount(column, minlength=256) for column in pictures.T])
    prior = torch.full((5, 256), 1.0, dtype=torch.float64) / 256  # one picture in all
    oracle = Independent(Categorical(Dirichlet(prior + counts).mean), 1)
    return {
        "N": 9,
        "P": 5,
        "N_{:i}(x_i)": over("i", counts[torch.arange(5), x]),
        "p(x)": oracle.log_prob(x).exp(),
    }


def logistic():
    """The density of a logistic variable, integrated over the bins of all inner levels."""
    x = torch.arange(1, 255, dtype=torch.float64) / 255
    x_hat, gamma = x.flip(0) * 0.7 + 0.1, 0.06
    nodes, weights = (torch.tensor(part) for part in np.polynomial.legendre.leggauss(20))
    places = x[:, None] + nodes / 510
    density = 1 / (4 * gamma * torch.cosh((places - x_hat[:, None]) / (2 * gamma)) ** 2)
    return {
        "x_{:i}": over("i", x),
        r"\hat{x}_{:i}": over("i", x_hat),
        r"\gamma": gamma,
        r"p(x_i \mid z)": over("i", (density * weights).sum(1) / 510),
        "<": 1 / 255,
    }


def gaussian():
    """The probability that a Gaussian variable falls into the bin of a level."""
    normal_law = Normal(torch.tensor(0.4).double(), 0.1)
    x = torch.tensor([0.25, 0.4, 0.55]).double()
    half_a_level = torch.tensor(1 / 510).double()
    in_bin = normal_law.cdf(x + half_a_level) - normal_law.cdf(x - half_a_level)
    return {
        r"\Pr(\text{level } x_i)": over("i", in_bin),
        "p(x_i)": over("i", normal_law.log_prob(x).exp()),
        r"\approx": 1e-3,
    }


CHECKS = [
    Check(
        label="own-images-bits",
        how="Thirteen numbers with random probabilities of their levels: the mean of their bits.",
        names=levels,
    ),
    Check(
        label="own-images-histogram",
        how="For nine pictures of five numbers: the mean of what a Dirichlet distribution that "
        "counts for one uniform picture becomes when it has seen them.",
        names=histograms,
    ),
    Check(
        label="own-images-logistic",
        how="The density of the logistic distribution is integrated over the bins of all levels "
        "but the two ends by quadrature.",
        names=logistic,
    ),
    Check(
        label="own-images-density",
        how="A Gaussian of deviation 0.1: the probability of three levels, from its distribution "
        "function, agrees with the density to a thousandth of a bit.",
        names=gaussian,
    ),
]
