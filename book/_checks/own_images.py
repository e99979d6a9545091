"""Checks of the equations in "Your own images"."""

import math

import numpy as np
import torch
from torch.distributions import Categorical, Dirichlet, Independent, Normal

from book._checks.check import Check


def levels():
    """A picture of six numbers, each with probabilities of its 256 levels."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 256, generator=generator, dtype=torch.float64)
    x = torch.randint(256, (6,), generator=generator)
    each = Categorical(logits=logits).log_prob(x)
    return {
        "P": 6,
        "p_x": each.exp().prod(),
        "bits": each.mean() / math.log(0.5),
        "log": lambda value: torch.as_tensor(value, dtype=torch.float64).log(),
    }


def histograms():
    """Nine pictures of three numbers, and one more to be scored."""
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(256, (9, 3), generator=generator)
    x = pictures[4]
    counts = torch.stack([torch.bincount(column, minlength=256) for column in pictures.T])
    prior = torch.full((3, 256), 1.0, dtype=torch.float64) / 256  # one picture in all
    oracle = Independent(Categorical(Dirichlet(prior + counts).mean), 1)
    return {
        "N": 9,
        "n": counts.double(),
        "n_x": counts.double()[torch.arange(3), x],
        "sum": lambda values: values.sum(1),
        "prod": torch.prod,
        "p_x": oracle.log_prob(x).exp(),
        "one": torch.ones(3, dtype=torch.float64),
    }


def logistic():
    """The density of a logistic variable, integrated over the bins of ten levels."""
    x = torch.arange(1, 255, 28, dtype=torch.float64) / 255
    x_hat, gamma = x.flip(0) * 0.7 + 0.1, 0.06
    nodes, weights = (torch.tensor(part) for part in np.polynomial.legendre.leggauss(20))
    places = x[:, None] + nodes / 510
    density = 1 / (4 * gamma * torch.cosh((places - x_hat[:, None]) / (2 * gamma)) ** 2)
    return {
        "x": x,
        "x_hat": x_hat,
        "gamma": gamma,
        "sigmoid": torch.sigmoid,
        "in_bin": (density * weights).sum(1) / 510,
    }


def gaussian():
    """The probability that a Gaussian variable falls into the bin of a level."""
    normal = Normal(torch.tensor(0.4).double(), 0.1)
    x = torch.tensor([0.25, 0.4, 0.55]).double()
    half_a_level = torch.tensor(1 / 510).double()
    in_bin = normal.cdf(x + half_a_level) - normal.cdf(x - half_a_level)
    return {
        "in_bin": in_bin,
        "density": normal.log_prob(x).exp(),
        "log2": lambda value: torch.as_tensor(value, dtype=torch.float64).log2(),
    }


CHECKS = [
    Check(
        label="own-images-bits",
        how="Six numbers with random probabilities of their levels: the mean of the bits of each.",
        tex=r"""\text{bits per dimension} = \frac{-\log p(x)}{P \log 2} , \qquad
            \frac{P \log 256}{P \log 2} = 8 .""",
        chains=(
            ("bits", "-log(p_x) / (P * log(2))"),
            ("P * log(256) / (P * log(2))", "8"),
        ),
        names=levels,
    ),
    Check(
        label="own-images-histogram",
        how="The probabilities of all levels add up to one, and are the mean of what a Dirichlet "
        "distribution that counts for one uniform picture becomes when it has seen the others.",
        tex=r"""p(x) = \prod_{i=1}^{P} \frac{N_i(x_i) + \frac{1}{256}}{N + 1} .""",
        chains=(
            ("sum((n + 1 / 256) / (N + 1))", "one"),
            ("p_x", "prod((n_x + 1 / 256) / (N + 1))"),
        ),
        names=histograms,
        tolerance=1e-12,
    ),
    Check(
        label="own-images-logistic",
        how="The density of the logistic distribution is integrated over the bins of ten levels by "
        "quadrature.",
        tex=r"""\begin{aligned}
            p(x_i \mid z)
            &= \mathrm{sigmoid}\left( \frac{x_i + \frac{1}{510} - \hat{x}_i}{\gamma} \right) \\
            &\quad - \mathrm{sigmoid}\left( \frac{x_i - \frac{1}{510} - \hat{x}_i}{\gamma} \right) ,
            \qquad 0 < x_i < 1 .
            \end{aligned}""",
        chains=(
            (
                "in_bin",
                "sigmoid((x + 1 / 510 - x_hat) / gamma) - sigmoid((x - 1 / 510 - x_hat) / gamma)",
            ),
        ),
        names=logistic,
    ),
    Check(
        label="own-images-density",
        how="A Gaussian of deviation 0.1: the probability of three levels, from its distribution "
        "function, agrees with the density to one part in ten thousand.",
        tex=r"""-\log_2 \mathrm{P}(\text{level } x_i) \approx -\log_2 p(x_i) + \log_2 255 .""",
        chains=(("-log2(in_bin)", "-log2(density) + log2(255)"),),
        names=gaussian,
        tolerance=1e-4,
    ),
]
