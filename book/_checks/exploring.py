"""Checks of the equations in "Exploring the latent space"."""

from statistics import NormalDist

import numpy as np
import torch
from torch.distributions import MultivariateNormal

from book._checks.arrays import Array, over
from book._checks.check import STANDARD_ERRORS, Check
from book._checks.quadrature import gauss_hermite, product_rule
from book._checks.random_numbers import normal
from book._checks.scope import Draws, Law
from vaelib.plots import gaussian_quantiles


def numbers(*values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def ellipse():
    """Draws from a Gaussian with torch's own sampler, and three sizes of ellipse."""
    torch.manual_seed(0)
    mu, sigma, count = numbers(1.5, -0.7), numbers(0.3, 1.7), 100_000
    draws = MultivariateNormal(mu, torch.diag(sigma**2)).sample((count,))
    return {
        "z_{:j}": over("draw j", draws),
        r"\mu_{:j}": over("j", mu),
        r"\sigma_{:j}": over("j", sigma),
        r"\kappa": over("size", numbers(0.5, 1.0, 2.0)),
        r"\Pr": Draws({}),
        "?tolerance": STANDARD_ERRORS * 0.5 / count**0.5,
    }


def quantile(shares: Array) -> Array:
    """Those of N(0, 1), by Python; where nothing or all is below, eleven deviations away."""
    inverse = NormalDist().inv_cdf
    ends = {0.0: -11.0, 1.0: 11.0}
    found = [
        ends.get(share, inverse(share) if 0 < share < 1 else np.nan)
        for share in shares.data.ravel().tolist()
    ]
    return Array(np.reshape(found, shares.data.shape), shares.axes)


def boxes():
    """The density of N(0, I), written out, and a rule with nodes within and beside the cube."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    pieces = [(-9, -1), (-1, 1), (1, 9)]
    places = np.concatenate([(a + b) / 2 + (b - a) / 2 * nodes for a, b in pieces])
    lengths = np.concatenate([(b - a) / 2 * weights for a, b in pieces])
    found = []
    for dimension in (1, 2):
        z, volume = product_rule(torch.tensor(places), torch.tensor(lengths), dimension)
        prior = MultivariateNormal(torch.zeros(dimension).double(), torch.eye(dimension).double())
        weight = over("point", volume * prior.log_prob(z).exp())
        found.append(
            {
                "z": over("point", z),
                r"\Pr": Draws({}, weight, "point"),
                r"\Phi(:)": lambda value: value.of(np.vectorize(NormalDist().cdf)),
                "D": dimension,
            }
        )
    return found


def grids():
    """The grids that vaelib draws, quantiles from Python's statistics, and torch's density."""
    return [
        {
            r"\zeta_{:k}": over("k", gaussian_quantiles(count).double(), start=0),
            r"\Phi^{-1}(:)": quantile,
            "p(:z)": Law(torch.distributions.Normal, 0.0, 1.0),
            "k": over("k", range(count)),
            "G": count,
        }
        for count in (7, 11)
    ]


def lines():
    """Two latents and a decoder with a bend; PyTorch's own linear interpolation."""
    start, end = normal(2, 3, seed=1)
    weight = normal(3, 5, seed=2)
    t = torch.linspace(0, 1, 6, dtype=torch.float64)

    def x_hat(z):
        return torch.sigmoid(z @ weight)

    return {
        r"\mu^{(n)}": start,
        r"\mu^{(m)}": end,
        r"\hat{x}(:)": lambda z: Array(x_hat(torch.from_numpy(z.data)).numpy(), z.axes),
        "t": over("place", t),
        "x(t)": over("place", torch.lerp(x_hat(start), x_hat(end), t[:, None])),
        "z(t)": over("place", torch.lerp(start, end, t[:, None])),
    }


def detour():
    """Three ways: a straight one, a straight one that slows down, and a bent one."""

    def ways(z: Array) -> Array:
        straight, slowing = (3 * z.data, -z.data), (np.exp(-3 * z.data), 0 * z.data)
        bent = (np.cos(4 * z.data), np.sin(4 * z.data))
        points = [np.stack(way, -1) for way in (straight, slowing, bent)]
        return Array(np.stack(points, -2), (*z.axes, "way"))

    return {
        r"\hat{x}(:)": ways,
        "z(:)": lambda t: 0.5 * t + 0.2,
        "t_{:k}": over("k", np.linspace(0, 1, 8), start=0),
        "G": 7,
    }


def frechet():
    """Three pairs of Gaussians, and the mean square of the way from quantile to quantile."""
    nodes, weights = gauss_hermite(4)
    mu_q, mu_p = numbers(0.3, -1.2, 2.0), numbers(1.1, -0.7, -0.4)
    sigma_q, sigma_p = numbers(0.5, 1.7, 0.8), numbers(1.3, 0.6, 2.1)

    def at_shares(mu, sigma):
        pairs = zip(mu.tolist(), sigma.tolist(), strict=True)
        shares = [NormalDist().cdf(node) for node in nodes.tolist()]
        return numbers(*([NormalDist(*pair).inv_cdf(u) for u in shares] for pair in pairs))

    ways = at_shares(mu_q, sigma_q) - at_shares(mu_p, sigma_p)
    return {
        r"\mathrm{FD}": over("pair", ways.square() @ weights),
        r"\mu_q": over("pair", mu_q),
        r"\mu_p": over("pair", mu_p),
        r"\sigma_q": over("pair", sigma_q),
        r"\sigma_p": over("pair", sigma_p),
    }


def frechet_of_many():
    """Pairs of Gaussians in three and in four dimensions, and the mean square of the shortest way.

    Both are linear images of the same draws from N(0, I); which rotation lies between them is found
    by a singular value decomposition of their Cholesky factors.
    """
    found = []
    for dimension in (3, 4):
        mu_q, mu_p = normal(dimension), normal(dimension, seed=1)
        roots = [normal(dimension, dimension + 2, seed=seed) for seed in (2, 3)]
        covariances = [root @ root.T for root in roots]
        q, p = map(torch.linalg.cholesky, covariances)
        u, _, v = torch.linalg.svd(p.T @ q)
        nodes, weights = gauss_hermite(3)
        epsilon, weight = product_rule(nodes, weights, dimension)
        ways = mu_q - mu_p + epsilon @ (q - p @ u @ v).T
        found.append(
            {
                r"\mathrm{FD}": weight @ ways.square().sum(1),
                r"\mu_q": mu_q,
                r"\mu_p": mu_p,
                r"\Sigma_q": covariances[0],
                r"\Sigma_p": covariances[1],
            }
        )
    return found


def norms():
    """Exact expectations under N(0, I) in one, three and four dimensions by Gauss-Hermite."""
    found = []
    for dimension in (1, 3, 4):
        z, weights = product_rule(*gauss_hermite(4), dimension)
        found.append(
            {
                "z": over("draw", z),
                r"\mathbb{E}": Draws({}, over("draw", weights)),
                "D": dimension,
            }
        )
    return found


def midpoints():
    """Two latents on every point of a rule in twice the dimensions, and places on the way."""
    found = []
    for dimension in (1, 3):
        points, weights = product_rule(*gauss_hermite(3), 2 * dimension)
        found.append(
            {
                "z": over("draw", points[:, :dimension]),
                "z'": over("draw", points[:, dimension:]),
                "t": over("place", numbers(0.3, 0.5, 0.9)),
                r"\mathbb{E}": Draws({}, over("draw", weights)),
                "D": dimension,
            }
        )
    return found


def arc():
    """Two latents of one norm, and a rotation in their plane from the one towards the other."""
    start, end = normal(2, 5, seed=2)
    end = end * start.norm() / end.norm()
    radius = start.norm()
    first = start / radius
    second = end - (end @ first) * first
    angle = torch.atan2(second.norm(), end @ first)
    plane = torch.stack([first, second / second.norm()])
    t = numbers(0.1, 0.4, 0.5, 0.9)
    turned = torch.stack([torch.cos(t * angle), torch.sin(t * angle)], -1)
    names = {"z": start, "z'": end, r"\omega": angle}
    way = {"z(t)": over("place", radius * turned @ plane), "t": over("place", t)}
    return [
        {**names, **way},
        {**names, "z'": 1.7 * end, "?only": 2},  # the angle has nothing to do with the norms
    ]


CHECKS = [
    Check(
        label="exploring-ellipse",
        how="The share of 100,000 draws within the ellipse is compared with the formula at three "
        "sizes, within five standard errors.",
        names=ellipse,
    ),
    Check(
        label="exploring-box",
        how="The density of N(0, I) is integrated over the cube in one and two dimensions and "
        "compared with powers of the distribution function of Python's statistics module.",
        names=boxes,
    ),
    Check(
        label="exploring-grid",
        how="The grids of two sizes that vaelib draws are compared with the quantiles of Python's "
        "statistics module, and the density is integrated over each piece.",
        names=grids,
        tolerance=1e-6,  # the grid is in float32
    ),
    Check(
        label="exploring-line",
        how="Both lines are compared with PyTorch's lerp, for a decoder that is not linear.",
        names=lines,
    ),
    Check(
        label="exploring-detour",
        how="Both sides are evaluated for three decoded ways: two straight ones, where they are "
        "equal, and a bent one, where they are not.",
        names=detour,
    ),
    Check(
        label="exploring-frechet",
        how="Each draw of one Gaussian is moved to the same quantile of the other, which is the "
        "shortest way; the mean square of the ways is integrated for three pairs of Gaussians.",
        names=frechet,
    ),
    Check(
        label="exploring-frechet-many",
        how="Both Gaussians are made linearly from the same draws, with the rotation between them "
        "that brings them closest; the mean square of the ways is integrated in three and in four "
        "dimensions.",
        names=frechet_of_many,
    ),
    Check(
        label="exploring-norm",
        how="Mean and variance of the squared norm are integrated by Gauss-Hermite quadrature in "
        "one, three and four dimensions.",
        names=norms,
    ),
    Check(
        label="exploring-midpoint",
        how="The first line is evaluated for many pairs of latents of one and three dimensions at "
        "three places of the way, the second is a quadrature over such pairs.",
        names=midpoints,
    ),
    Check(
        label="exploring-slerp",
        how="For two latents of one norm the arc is compared with a rotation in their plane, its "
        "norm with theirs, and the cosine with the angle of that rotation.",
        names=arc,
    ),
]
