"""Checks of the equations in "The KL divergence"."""

from functools import cache

import numpy as np
import torch
from torch.distributions import (
    Categorical,
    Gumbel,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

import vaelib
from book._checks.arrays import over
from book._checks.check import STANDARD_ERRORS, Check
from book._checks.optimum import lowest
from book._checks.quadrature import gauss_hermite, trapezoid
from book._checks.random_numbers import normal
from book._checks.scope import Draws, Given, Law

PRIOR = Normal(torch.tensor(0.0).double(), torch.tensor(1.0).double())
MIXTURE = MixtureSameFamily(
    Categorical(torch.tensor([0.3, 0.7], dtype=torch.float64)),
    Normal(torch.tensor([-1.5, 2.0]).double(), torch.tensor([0.6, 0.8]).double()),
)


def minimum(loss) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean and the deviation at which loss(mu, log_var) is lowest."""
    parameters = [torch.zeros((), dtype=torch.float64) for _ in range(2)]
    lowest(parameters, loss)
    mu, log_var = (parameter.detach() for parameter in parameters)
    return mu, (log_var / 2).exp()


def discrete():
    """Pairs of distributions over five outcomes; in the last pair both are the same."""
    q, p = torch.stack([normal(4, 5), normal(4, 5, seed=1)]).softmax(-1)
    p[-1] = q[-1]
    return {
        "q": Law(Categorical, over("pair", q)),
        "p": Law(Categorical, over("pair", p)),
        "q(z)": over("pair outcome", q),
        "p(z)": over("pair outcome", p),
        r"\sum z": Draws({}, axis="outcome"),
        r"\mathbb{E} q": Draws({}, over("pair outcome", q), "outcome"),
    }


def densities():
    """A Gaussian against another one, and against a skewed distribution."""
    z, weights = trapezoid(-6.1, 6.7, 1601)
    q = Law(Normal, 0.3, 0.8)
    return [
        {
            "q": q,
            "p": p,
            "q(:z)": q,
            "p(:z)": p,
            r"\int z": Draws({"z": over("point", z)}, over("point", weights), "point"),
        }
        for p in (Law(Normal, -0.5, 1.1), Law(Gumbel, -0.2, 1.2))
    ]


@cache
def forward_fit():
    z, weights = trapezoid(-12, 12, 2401)
    density = MIXTURE.log_prob(z).exp()

    def forward_kl(mu, log_var):
        log_q = Normal(mu, (log_var / 2).exp()).log_prob(z)
        return (weights * density) @ (MIXTURE.log_prob(z) - log_q)

    return minimum(forward_kl)


def mixture():
    """A mixture, and the Gaussian that minimises the forward divergence, found numerically."""
    mu, sigma = forward_fit()
    z, weights = trapezoid(-12, 12, 2401)
    weights = over("point", weights * MIXTURE.log_prob(z).exp())
    return {
        r"\mu": mu,
        r"\sigma": sigma,
        r"\mathbb{E} p": Draws({"z": over("point", z)}, weights, "point"),
    }


def gaussians():
    """Six Gaussians, an integral over the reals for each, and an exact mean."""
    mu, sigma = normal(6), (normal(6, seed=1) / 3).exp()
    u, steps = trapezoid(-8.5, 8.5, 201)
    nodes, weights = gauss_hermite(20)
    z = over("case point", mu[:, None] + sigma[:, None] * u)
    return {
        r"\mu": over("case", mu),
        r"\sigma": over("case", sigma),
        r"\int z": Draws({"z": z}, over("case point", sigma[:, None] * steps), "point"),
        r"\mathbb{E} q": Draws(
            {"z": over("case draw", mu[:, None] + sigma[:, None] * nodes)}, over("draw", weights)
        ),
    }


def pairs_of_gaussians():
    """Six pairs of Gaussians."""
    return {
        r"\mu_q": over("case", normal(6)),
        r"\mu_p": over("case", normal(6, seed=1)),
        r"\sigma_q": over("case", normal(6, seed=2).exp()),
        r"\sigma_p": over("case", normal(6, seed=3).exp()),
    }


def diagonals():
    """Diagonal Gaussians in three and five dimensions, as Gaussians with a covariance matrix."""
    return [diagonal(dimension) for dimension in (3, 5)]


def diagonal(dimension: int):
    mu, sigma = normal(6, dimension), normal(6, dimension, seed=1).exp()
    zero, one = torch.zeros(dimension).double(), torch.eye(dimension).double()
    return {
        r"\mu_{:j}": over("case j", mu),
        r"\sigma_{:j}": over("case j", sigma),
        "D": dimension,
        r"q(:z \mid x)": Law(
            MultivariateNormal, over("case", mu), over("case", torch.diag_embed(sigma**2))
        ),
        "p(:z)": Law(MultivariateNormal, zero, one),
        "?1": over("case", vaelib.gaussian_kl(mu, 2 * sigma.log())),
    }


def gradients():
    """torch's divergence to the prior, of a deviation that is written by its log-variance."""

    def kl(look):
        return Law(Normal, look(r"\mu"), look(r"\sigma")).divergence(Law(Normal, 0.0, 1.0))

    return {
        r"\mu": over("case", normal(6)),
        r"\log\sigma^2": over("case", normal(6, seed=1)),
        r"\sigma": Given(lambda look: look(r"\log\sigma^2").of(lambda v: np.exp(v / 2))),
        r"\mathrm{KL}": Given(kl),
    }


def decoders():
    """Five data, each with a decoder of one weight and a Gaussian over the latent."""
    nodes, weights = gauss_hermite(20)
    mu, sigma = normal(5), normal(5, seed=1).exp()
    return {
        "x": over("case", normal(5, seed=2)),
        "w": over("case", normal(5, seed=3)),
        r"\mu": over("case", mu),
        r"\sigma": over("case", sigma),
        r"\mathbb{E} q": Draws(
            {"z": over("case draw", mu[:, None] + sigma[:, None] * nodes)}, over("draw", weights)
        ),
    }


@cache
def settled():
    nodes, weights = gauss_hermite(20)
    x, w = normal(5, seed=2), torch.tensor([0.0, 0.5, -1.0, 1.5, 3.0], dtype=torch.float64)

    def loss(datum, weight):
        def of_parameters(mu, log_var):
            sigma = (log_var / 2).exp()
            squared_error = (datum - weight * (mu + sigma * nodes)).square()
            return 0.5 * weights @ squared_error + kl_divergence(Normal(mu, sigma), PRIOR)

        return of_parameters

    found = [minimum(loss(datum, weight)) for datum, weight in zip(x, w, strict=True)]
    mu, sigma = (over("case", torch.stack(values)) for values in zip(*found, strict=True))
    return {"x": over("case", x), "w": over("case", w), r"\mu": mu, r"\sigma": sigma}


@cache
def draws():
    """A hundred thousand draws from a Gaussian in the plane, and forty that are nearly balanced.

    Of the forty, mean and covariance are the Gaussian's but for a millionth, so that their mean of
    a quadratic function is known much better than by chance.
    """
    mu, sigma = torch.tensor([0.8, -0.4]).double(), torch.tensor([0.5, 1.3]).double()

    def family(mean, deviation):
        return Independent(Normal(mean, deviation), 1)

    q, p = Law(family, mu, sigma), Law(family, [0.0, 0.0], [1.0, 1.0])
    many, few = normal(100_000, 2), normal(40, 2, seed=1)
    few = few - few.mean(0)
    few = few @ torch.linalg.inv(torch.linalg.cholesky(few.T.cov(correction=0))).T * (1 + 1e-6)
    z = mu + sigma * many
    spread = (family(mu, sigma).log_prob(z) - PRIOR.log_prob(z).sum(1)).std()
    found = []
    for eps, error in ((few, 1e-4), (many, STANDARD_ERRORS * spread / len(many) ** 0.5)):
        names = {"q": q, "p": p, "q(:z)": q, "p(:z)": p, "K": len(eps), r"\approx": error}
        found.append({**names, "z_{:k}": over("k", mu + sigma * eps)})
    return found


CHECKS = [
    Check(
        label="kl-discrete",
        how="Both forms are enumerated for random distributions over five outcomes and compared "
        "with the divergence of `torch.distributions`.",
        names=discrete,
    ),
    Check(
        label="kl-density",
        how="The integral is evaluated by quadrature, for a Gaussian against another one and "
        "against a Gumbel distribution, and compared with `torch.distributions`.",
        names=densities,
    ),
    Check(
        label="kl-jensen",
        how="All sides are enumerated for random pairs of distributions and for a pair of equal "
        "ones: the inequality must hold, with equality in the last case alone, and so must the "
        "three equalities.",
        names=discrete,
        floor=1,
    ),
    Check(
        label="kl-moment-matching",
        how="The forward divergence to a mixture is minimised numerically, and the mean and "
        "variance found agree to six digits with the moments of the mixture by quadrature.",
        names=mixture,
        tolerance=1e-6,
    ),
    Check(
        label="kl-second-moments",
        how="For six Gaussians both means are integrated by Gauss-Hermite quadrature, which is "
        "exact here.",
        names=gaussians,
    ),
    Check(
        label="kl-standard",
        how="Each of the three integrals is evaluated by quadrature as it is printed, for six "
        "Gaussians; they and the last line are compared with `torch.distributions`.",
        names=gaussians,
    ),
    Check(
        label="kl-two-gaussians",
        how="For six pairs of Gaussians `torch.distributions` has the divergence of the pair, and "
        "that of the shifted and scaled Gaussian to the standard one; the last line is compared "
        "with both.",
        names=pairs_of_gaussians,
    ),
    Check(
        label="kl-diagonal",
        how="In three and in five dimensions: the divergence between Gaussians with a covariance "
        "matrix, the sum of the coordinates' own divergences (both by `torch.distributions`), the "
        "printed sum and `vaelib.gaussian_kl` are compared.",
        names=diagonals,
    ),
    Check(
        label="kl-gradient",
        how="The divergence of six Gaussians by `torch.distributions` is differentiated "
        "numerically, to ten digits, in the mean and in the logarithm of the variance.",
        names=gradients,
    ),
    Check(
        label="kl-reconstruction",
        how="The mean is integrated by Gauss-Hermite quadrature for five data and decoders.",
        names=decoders,
    ),
    Check(
        label="kl-settles",
        how="Reconstruction loss (by quadrature) plus divergence (`torch.distributions`) is "
        "minimised numerically for five data and decoders; the lowest point must agree to six "
        "digits.",
        names=settled,
        tolerance=1e-6,
    ),
    Check(
        label="kl-monte-carlo",
        how="The mean over a hundred thousand draws must agree with `torch.distributions` within "
        "five standard errors, and that over forty draws whose mean and covariance were "
        "corrected to a ten-thousandth of a nat.",
        names=draws,
    ),
]
