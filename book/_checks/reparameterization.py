"""Checks of the equations in "Reparameterization"."""

from functools import cache

import numpy as np
import torch
from torch.distributions import AffineTransform, Independent, Normal

from book._checks.arrays import Array, over, with_torch
from book._checks.check import Check
from book._checks.quadrature import gauss_hermite, gaussian_cdf, product_rule, trapezoid
from book._checks.random_numbers import normal
from book._checks.scope import Draws, Given, Law
from book._checks.small_worlds import small_worlds

MU = torch.tensor([0.7, -0.4, 1.1], dtype=torch.float64)
SIGMA = torch.tensor([0.6, 1.3, 0.9], dtype=torch.float64)
STANDARD = Normal(torch.tensor(0.0).double(), 1)


def latents(dimension: int) -> dict:
    """Means and deviations in some dimensions; a letter without index is all of them."""
    return {
        r"\mu_{:j}": over("j", MU[:dimension]),
        r"\sigma_{:j}": over("j", SIGMA[:dimension]),
        **{name: Given(lambda look, n=name: look(f"{n}_j")) for name in (r"\mu", r"\sigma", "z")},
        "D": dimension,
    }


def density(look) -> Array:
    """q(z|x) by torch, coordinate by coordinate, as it depends on z, mu and sigma."""
    each = Law(Normal, look(r"\mu_j"), look(r"\sigma_j"))(look("z_j"))
    return each.reduced(np.prod, "j")


def on_a_grid(dimension: int) -> tuple[Array, Array]:
    """Points of a grid of z, and the weights of an integral over it."""
    points, weights = product_rule(*trapezoid(-12, 12, 61), dimension)
    return over("point j", points), over("point", weights)


def squared_distances():
    """The squared norm in one and in two dimensions; its mean under q by a grid."""
    found = []
    for dimension in (1, 2):
        z, weights = on_a_grid(dimension)

        def under_q(look, z=z, weights=weights):
            each = Law(Normal, look(r"\mu_j"), look(r"\sigma_j"))(z)
            return Draws({"z_{:j}": z}, each.reduced(np.prod, "j") * weights, "point")

        names = {
            **latents(dimension),
            r"\mathbb{E} q(z \mid x)": Given(under_q),
            r"\mathbb{E} q": Given(under_q),
            "f(z)": Given(lambda look: (look("z_j") ** 2).sum("j")),
        }
        found.append(names)
    return found


def interval():
    """Intervals dz at nine places, and torch's transform back to eps at both of their ends."""
    z = torch.linspace(-3, 3, 9, dtype=torch.float64)[:, None]
    dz = 0.25
    back = AffineTransform(MU, SIGMA).inv

    def noise(look):
        there = [look(name) for name in ("z", r"\mu", r"\sigma")]
        return with_torch(lambda z, mu, sigma: AffineTransform(mu, sigma).inv(z), *there)

    return {
        "z": over("value", z[:, 0]),
        r"\mu": over("case", MU),
        r"\sigma": over("case", SIGMA),
        "dz": dz,
        r"\epsilon": Given(noise),
        r"d\epsilon": over("value case", back(z + dz) - back(z)),
        "?1": over("value case", Normal(MU, SIGMA).log_prob(z).exp() * dz),
    }


def distribution_functions():
    """Values of z, and of eps where torch's distribution function has the same share.

    The shares are integrals of the density of z, written out.
    """
    z = MU + SIGMA * torch.linspace(-2.5, 2.7, 9, dtype=torch.float64)[:, None]
    levels = gaussian_cdf(z, MU, SIGMA)
    return {
        r"\mu": over("case", MU),
        r"\sigma": over("case", SIGMA),
        "z": over("value case", z),
        r"\epsilon": over("value case", STANDARD.icdf(levels)),
        r"\sim": over("value case", levels),
    }


def draws_of_z():
    """Three Gaussians: an expectation over z by quadrature."""
    nodes, weights = gauss_hermite(10)
    z = over("case draw", MU[:, None] + SIGMA[:, None] * nodes)
    return {
        r"\mu": over("case", MU),
        r"\sigma": over("case", SIGMA),
        r"\mathbb{E} q": Draws({"z": z}, over("draw", weights)),
    }


def cost(z: Array) -> Array:
    """A function of two coordinates without symmetry, with slopes that are not polynomials."""
    first, second = np.moveaxis(z.data, z.axes.index("j"), 0)
    axes = tuple(axis for axis in z.axes if axis != "j")
    return Array(np.sin(2 * first) + 0.3 * first * second**2 + np.exp(second / 2), axes)


def costs():
    """Means of the cost in the plane: over z on a grid, over the noise by a quadrature."""
    z, steps = on_a_grid(2)
    eps, weights = product_rule(*gauss_hermite(24), 2)
    eps, weights = over("draw j", eps), over("draw", weights)

    def under_q(look):
        each = Law(Normal, look(r"\mu_j"), look(r"\sigma_j"))(z)
        return Draws({"z_{:j}": z}, each.reduced(np.prod, "j") * steps, "point")

    return {
        **latents(2),
        "f": Given(lambda look: cost(look("z_j"))),
        "f(:)": cost,
        r"\epsilon": Given(lambda look: look(r"\epsilon_j")),
        r"\epsilon_{:j}": Given(lambda look: (look("z_j") - look(r"\mu_j")) / look(r"\sigma_j")),
        r"\mathbb{E} q": Given(under_q),
        r"\mathbb{E} \mathcal{N}(0, I)": Draws({r"\epsilon_{:j}": eps}, weights),
    }


def scores():
    """The density of z and a cost on a grid, and an expectation by another quadrature."""
    z, steps = on_a_grid(2)
    eps, weights = product_rule(*gauss_hermite(24), 2)
    return {
        **latents(2),
        "f(:)": cost,
        r"q(z \mid x)": Given(density),
        r"\int z": Draws({"z_{:j}": z}, steps, "point"),
        r"\mathbb{E} q": Draws(
            {"z_{:j}": over("draw j", MU[:2] + SIGMA[:2] * eps)}, over("draw", weights)
        ),
    }


def gaussian_scores():
    """Random draws, and the noise that they were made from."""
    eps = normal(20, 3)
    return {
        **latents(3),
        r"\epsilon_{:j}": over("draw j", eps),
        "z_{:j}": over("draw j", MU + SIGMA * eps),
        r"q(z \mid x)": Given(density),
    }


@cache
def estimators():
    return [estimator(dimension) for dimension in (1, 3)]


def estimator(dimension: int, mu=MU, sigma=SIGMA):
    """Draws of the squared distance on a product of quadratures: every moment is exact.

    The baselines of least variance are found by least squares; the estimates are derivatives that
    torch takes, of f at the draws and of its own log-density.
    """
    eps, weights = product_rule(*gauss_hermite(6), dimension)
    mu, sigma = mu[:dimension], sigma[:dimension]
    z = (mu + sigma * eps).requires_grad_()
    f = z.square().sum(1)
    (pathwise,) = torch.autograd.grad(f.sum(), z)
    f, means = f.detach()[:, None], mu.expand_as(z).clone().requires_grad_()
    log_q = Independent(Normal(means, sigma), 1).log_prob(z.detach())
    (score,) = torch.autograd.grad(log_q.sum(), means)
    spread = weights @ (f * score * score), weights @ (score * score)
    best = spread[0] / spread[1] - (weights @ (f * score)) * (weights @ score) / spread[1]
    return {
        **latents(dimension),
        r"\mathbb{E} q": Draws(
            {r"\epsilon_{:j}": over("draw j", eps), "f(z)": over("draw", f[:, 0])},
            over("draw", weights),
        ),
        r"\operatorname*{arg\,min} c": parabola,
        "c": 1.7,
        r"c_{:j}^\star": over("j", best),
        "g_{:j}": over("draw j", pathwise),
        "g_{:j}^c": over("draw j", (f - 1.7) * score),
        r"g_{:j}^{c^\star}": over("draw j", (f - best) * score),
        "g_{:j}^{0}": over("draw j", f * score),
    }


def parabola(at) -> Array:
    """Where a parabola is lowest, from its values at three places."""
    low, middle, high = (at(place) for place in (-1.0, 0.0, 1.0))
    return (low - high) / (2.0 * (low - 2.0 * middle + high))


def dimensions():
    """One to three equal coordinates."""
    mu, sigma = torch.full((3,), 0.7).double(), torch.full((3,), 0.6).double()
    return [
        {**estimator(dimension, mu, sigma), r"\mu": mu[0], r"\sigma": sigma[0]}
        for dimension in (1, 2, 3)
    ]


CHECKS = [
    Check(
        label="reparameterization-exact",
        how="In one and in two dimensions the mean is a sum over a grid of z, which is "
        "differentiated numerically, to ten digits.",
        names=squared_distances,
    ),
    Check(
        label="reparameterization-change",
        how="At nine values and for three Gaussians each line is compared with the next, and the "
        "first with the density of `torch.distributions`; the last line has $\\epsilon$ from "
        "torch's transform, and each differential, of a linear function, is a step.",
        names=interval,
    ),
    Check(
        label="reparameterization-noise",
        how="At nine values, for three Gaussians: an integral of the density of z, written out, "
        "and torch's distribution function of $\\epsilon$ must give the same shares on both sides.",
        names=distribution_functions,
    ),
    Check(
        label="reparameterization-wrong",
        how="The expectation is a quadrature over z, for three Gaussians.",
        names=draws_of_z,
    ),
    Check(
        label="reparameterization-pathwise",
        how="For a function of two coordinates that is neither symmetric nor a polynomial, the "
        "derivative of a sum over a grid of z is compared with means over the noise and over z, "
        "whose integrands are differentiated in the parameters and in z; all derivatives are "
        "numerical, to ten digits.",
        names=costs,
    ),
    Check(
        label="reparameterization-score",
        how="In two dimensions the three integrals are sums over a grid of z, differentiated as a "
        "whole, in the density and in its logarithm; the expectation is a quadrature of another "
        "kind.",
        names=scores,
    ),
    Check(
        label="reparameterization-gaussian",
        how="At random draws both forms are compared with numerical derivatives of the log-density "
        "of `torch.distributions`.",
        names=gaussian_scores,
    ),
    Check(
        label="reparameterization-baseline",
        how="In two dimensions the mean of the score is a quadrature, the integrals are sums over "
        "a grid of z, differentiated inside and outside.",
        names=scores,
        floor=1,
    ),
    Check(
        label="reparameterization-best",
        how="In one and in three dimensions all means are exact quadratures: the baseline of least "
        "squares, the lowest point of the parabola that the variance is, and both means.",
        names=estimators,
    ),
    Check(
        label="reparameterization-moments",
        how="In one and in three dimensions both lines are exact quadratures; the best baseline "
        "comes from least squares.",
        names=estimators,
    ),
    Check(
        label="reparameterization-variance",
        how="The variances of the draws, whose estimates torch differentiates, are exact "
        "quadratures in one and three dimensions, with unequal means and deviations and a baseline "
        "that is not the best one.",
        names=estimators,
    ),
    Check(
        label="reparameterization-dimension",
        how="The three variances are exact quadratures in one, two and three dimensions.",
        names=dimensions,
    ),
    Check(
        label="reparameterization-budget",
        how="In a world of three images with two draws each, all batches of one, two and three "
        "images with four, three and two draws an image are enumerated.",
        names=small_worlds,
    ),
]
