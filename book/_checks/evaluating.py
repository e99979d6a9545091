"""Checks of the equations in "Evaluating"."""

import functools

import numpy as np
import torch
from torch.distributions import (
    Bernoulli,
    Categorical,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    kl_divergence,
)
from torch.nn.functional import binary_cross_entropy

from book._checks.arrays import Array, over, with_torch
from book._checks.check import Check
from book._checks.elbo_names import diagonal, standard
from book._checks.importance import chi, gamma_weights, some_draws, tiny_weights, weights_of_draws
from book._checks.optimum import lowest
from book._checks.quadrature import product_rule, trapezoid
from book._checks.random_numbers import normal
from book._checks.scope import Draws, Law

DOUBLE = {"dtype": torch.float64}
STANDARD = Normal(torch.zeros((), **DOUBLE), 1)


@functools.cache
def linear_gaussian():
    """Four pixels and a tilted posterior in the plane; the best diagonal Gaussian by L-BFGS.

    ELBOs are in closed form; the first guess is the best one itself.
    """
    w, b, s, x = normal(4, 2), normal(4, seed=1), 0.7, normal(4, seed=2)
    covariance = torch.linalg.inv(w.T @ w / s**2 + torch.eye(2, **DOUBLE))
    mean = covariance @ w.T @ (x - b) / s**2
    prior = standard(2)
    p_x = MultivariateNormal(b, w @ w.T + s**2 * torch.eye(4, **DOUBLE)).log_prob(x).exp()

    def elbo(mu, log_var):
        at_mean = Normal(w @ mu + b, s).log_prob(x).sum()
        spread = (w.square().sum(0) * log_var.exp()).sum() / (2 * s**2)
        return at_mean - spread - kl_divergence(diagonal(mu, (log_var / 2).exp()), prior)

    best = [torch.zeros(2, **DOUBLE), torch.zeros(2, **DOUBLE)]
    lowest(best, lambda mu, log_var: -elbo(mu, log_var))
    best = [parameter.detach() for parameter in best]
    guesses = [best, [p + 0.3 for p in best], normal(2, 2, seed=3)]
    legendre, lengths = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(100))
    points, areas = product_rule(8 * legendre, 8 * lengths, 2)
    nodes, _ = trapezoid(-8, 8, 41)
    elbos = torch.stack([elbo(*guess) for guess in guesses])

    def likelihood(z):
        return Normal(z @ w.T + b, s).log_prob(x).sum(-1).exp()

    return {
        "p(x)": p_x,
        r"\mathrm{ELBO}(x)": over("guess", elbos),
        r"\mathrm{ELBO}^\star(x)": elbo(*best),
        r"q^\star(:z \mid x)": Law(diagonal, best[0], (best[1] / 2).exp()),
        r"p(:z \mid x)": Law(MultivariateNormal, mean, covariance),
        r"\text{amortization}": over("guess", elbo(*best) - elbos),
        r"p(x \mid :z)": lambda z: with_torch(likelihood, z),
        "p(:z)": Law(MultivariateNormal, torch.zeros(2), torch.eye(2)),
        r"\int z": Draws({"z": over("point", points)}, over("point", areas), "point"),
        r"\sum z": Draws({"z": over("point", product_rule(nodes, nodes, 2)[0])}, axis="point"),
        r"\Delta": 0.4,
        r"\approx": 0.01 * p_x,
    }


@functools.cache
def three_images():
    """Three images of one pixel, x = 1.2 z + noise, and a q for each; sums over z on a grid.

    Rate and distortion are closed forms of torch.distributions, and so are the entropies of the
    q(z|x), from which the mutual information comes.
    """
    x, s = torch.tensor([-1.0, 0.4, 2.0], **DOUBLE), 0.6
    z, dz = trapezoid(-10, 10, 1001)
    mu = torch.tensor([-0.7, 0.1, 1.5], **DOUBLE)
    sigma = torch.tensor([0.5, 0.8, 0.4], **DOUBLE)
    on_grid = Normal(mu, sigma).log_prob(z[:, None]).exp()  # (point, image)
    log_p_x_given_z = Normal(1.2 * z, s).log_prob(x[:, None]).T
    joint = log_p_x_given_z + STANDARD.log_prob(z)[:, None]
    aggregate = on_grid.mean(1)
    entropy = -(dz * aggregate * aggregate.log()).sum()
    at_mean = Normal(1.2 * mu, s).log_prob(x)
    grid, steps = over("point", z), over("point", dz)

    def family(mean, deviation):
        return MixtureSameFamily(Categorical(torch.ones_like(mean)), Normal(mean, deviation))

    def divergence(a: Law, b: Law) -> Array:
        return (steps * a(grid) * (a(grid) / b(grid)).of(np.log)).sum("point")

    return {
        r"\mathrm{ELBO}(x)": over("image", dz @ (on_grid * (joint - on_grid.log()))),
        r"\mathrm{rate}": kl_divergence(Normal(mu, sigma), STANDARD).mean(),
        r"\mathrm{distortion}": -(at_mean - (1.2 * sigma / s) ** 2 / 2).mean(),
        r"\mathrm{MI}": entropy - Normal(mu, sigma).entropy().mean(),
        r"\mathbb{E} x": Draws({}, axis="image"),
        r"\mathbb{E} q": Draws({}, over("point image", dz[:, None] * on_grid), "point"),
        "?KL": divergence,
        r"q(:z \mid x)": Law(Normal, over("image", mu), over("image", sigma)),
        "q(:z)": Law(family, mu, sigma),
        "p(:z)": Law(Normal, 0.0, 1.0),
        r"p(x \mid z)": over("point image", log_p_x_given_z.exp()),
    }


def coins():
    """Seven pixels: torch's Bernoulli for coins and for a mean image, and grey ones."""
    x = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0], **DOUBLE)
    x_bar = torch.tensor([0.9, 0.2, 0.01, 0.5, 0.3, 0.6, 0.8], **DOUBLE)
    fair = Bernoulli(torch.full_like(x, 0.5)).log_prob(x).sum().exp()
    names = {"x_{:i}": over("i", x), r"\bar{x}_{:i}": over("i", x_bar), "P": 7}
    mean = Bernoulli(x_bar).log_prob(x).sum().exp()
    grey = normal(7).sigmoid()
    shaded = {"x_{:i}": over("i", grey), "p(x)": (-binary_cross_entropy(x_bar, grey) * 7).exp()}
    return [
        {**names, "p(x)": fair, "?only": 1},
        {**names, "p(x)": mean, "?only": 2},
        {**names, **shaded, "?only": 2},
    ]


def bits():
    """The same pixels: the bits of each, one by one."""
    names = coins()[1]
    x, x_bar = (torch.from_numpy(names[key].data) for key in ("x_{:i}", r"\bar{x}_{:i}"))
    each = torch.where(x == 1, -x_bar.log2(), -(1 - x_bar).log2())
    return {"p(x)": names["p(x)"], "P": 7, r"\text{bits per pixel}": each.mean()}


def drawings():
    """All drawings of a digit of five pixels, and three models of them, each a table of 32 numbers.

    The models are the digit's own coins, a mixture of two rows of coins, and random numbers that
    add up to one.
    """
    alpha = torch.tensor([0.9, 0.2, 0.01, 0.55, 0.3], **DOUBLE)
    images = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], **DOUBLE)] * 5)

    def coins_of(chances):
        return Bernoulli(torch.tensor(chances, **DOUBLE)).log_prob(images).sum(1).exp()

    own = Bernoulli(alpha).log_prob(images).sum(1).exp()
    mixture = 0.3 * coins_of([0.8, 0.1, 0.1, 0.6, 0.2]) + 0.7 * coins_of([0.4, 0.3, 0.2, 0.5, 0.9])
    models = torch.stack([own, mixture, normal(32).softmax(0)])
    return {
        r"\alpha_{:i}": over("i", alpha),
        "p(x)": over("model image", models),
        r"\mathbb{E} x": Draws({}, over("image", own), "image"),
        "P": 5,
    }


CHECKS = [
    Check(
        label="evaluating-weights",
        how="For one pixel, two guesses q and two or three draws: the means are sums on a grid in "
        "as many dimensions, and the weights and p(x) are closed forms.",
        names=weights_of_draws,
    ),
    Check(
        label="evaluating-logsumexp",
        how="For five weights near the thousandth negative power of e, compared with arithmetic "
        "of a hundred digits.",
        names=tiny_weights,
    ),
    Check(
        label="evaluating-bias",
        how="For weights with three gamma distributions, where mean and variance of the logarithm "
        "are known for every K; the limit is taken from K = 10,000 and 20,000.",
        names=gamma_weights,
        tolerance=1e-6,
    ),
    Check(
        label="evaluating-chi",
        how="For one pixel and two guesses q: the variance of the weights under q and the integral "
        "over the posterior are sums on different grids.",
        names=chi,
    ),
    Check(
        label="evaluating-ess",
        how="For five and for seven draws of a small VAE, compared with torch's softmax and with "
        "the square of the weights' sum over the sum of their squares.",
        names=some_draws,
    ),
    Check(
        label="evaluating-gradient",
        how="For five and for seven draws of a small VAE: the gradients, with respect to what its "
        "encoder gives, are numerical, to ten digits.",
        names=some_draws,
    ),
    Check(
        label="evaluating-gaps",
        how="For a linear-Gaussian model with a tilted posterior and three guesses: the best "
        "Gaussian is found by a numerical optimiser of the ELBO, its KL is that of "
        "`torch.distributions`.",
        names=linear_gaussian,
    ),
    Check(
        label="evaluating-grid",
        how="For four pixels and two latents: Gauss-Legendre quadrature is compared with the "
        "density in closed form, and a sum over cells 0.4 wide agrees to one in a hundred.",
        names=linear_gaussian,
        tolerance=1e-6,
    ),
    Check(
        label="evaluating-rate",
        how="For three images: sums over the latent on a grid, compared with closed forms of rate, "
        "distortion and entropy from `torch.distributions`.",
        names=three_images,
    ),
    Check(
        label="evaluating-yardsticks",
        how="Seven pixels, compared with torch's Bernoulli log-probabilities, and if they are grey "
        "with its cross-entropy.",
        names=coins,
    ),
    Check(
        label="evaluating-floor",
        how="All 32 drawings of a digit of five pixels under three models; the two sides are equal "
        "for the model that knows the digit.",
        names=drawings,
    ),
    Check(
        label="evaluating-bits",
        how="Seven pixels: both sides are compared with the mean of the bits of each pixel.",
        names=bits,
    ),
]
