"""Checks of the equations in "The ELBO"."""

import functools

import torch
from torch.distributions import ContinuousBernoulli, Normal, kl_divergence
from torch.nn.functional import mse_loss

from book._checks.arrays import over, with_torch
from book._checks.check import Check
from book._checks.elbo_names import (
    DOUBLE,
    best_guesses,
    gaps,
    linear_gaussians,
    numerical_optima,
)
from book._checks.quadrature import gauss_hermite, product_rule, trapezoid
from book._checks.random_numbers import normal
from book._checks.scope import Draws, Law


@functools.cache
def one_pixel():
    """The model x = 1.3 z + noise and four guesses q(z|x), the last of them the posterior.

    The means over q and the integral over z are sums on a grid; log p(x), the posterior and the
    divergences are closed forms of torch.distributions.
    """
    x, s, w = torch.tensor(1.5, **DOUBLE), 0.5, 1.3
    z, weights = trapezoid(-9, 9, 401)
    variance = w**2 + s**2
    posterior = Normal(w * x / variance, s / variance**0.5)
    mu = torch.tensor([0.8, 1.4, 0.3, posterior.mean], **DOUBLE)
    sigma = torch.tensor([0.6, 0.4, 1.1, posterior.stddev], **DOUBLE)
    prior = Normal(torch.zeros((), **DOUBLE), 1)
    q = Normal(mu, sigma)
    # In closed form: minus the squared error of the mean and the variance of the draw.
    reconstruction = Normal(w * mu, s).log_prob(x) - (w * sigma / s) ** 2 / 2
    steps = over("point", weights)
    under_q = over("guess point", weights * q.log_prob(z[:, None]).exp().T)
    return {
        "z": over("point", z),
        r"\int z": Draws({}, steps, "point"),
        r"\mathbb{E} q(z \mid x)": Draws({}, under_q, "point"),
        r"q(:z \mid x)": Law(Normal, over("guess", mu), over("guess", sigma)),
        r"p(x \mid :z)": lambda z: with_torch(lambda z: Normal(w * z, s).log_prob(x).exp(), z),
        "p(:z)": Law(Normal, 0.0, 1.0),
        r"p(:z \mid x)": Law(Normal, posterior.mean, posterior.stddev),
        "p(x)": Normal(torch.zeros((), **DOUBLE), variance**0.5).log_prob(x).exp(),
        r"\mathrm{ELBO}(x)": over("guess", reconstruction - kl_divergence(q, prior)),
    }


@functools.cache
def draws():
    """Two and three draws of z for each of three guesses, the last of them the posterior.

    The mean over the draws is a sum on a grid in as many dimensions. The same bounds come from an
    integral in one dimension: log a is the integral of (exp(-t) - exp(-a t)) / t over t > 0
    (Frullani), and the mean of exp(-a t), for a mean a of K independent weights, is the K-th power
    of the mean for one weight at t / K.
    """
    x, s = torch.tensor(1.5, **DOUBLE), 0.5
    nodes, weights = gauss_hermite(32)
    posterior = Normal(x / (1 + s**2), s / (1 + s**2) ** 0.5)
    mu = torch.tensor([0.8, 1.3, posterior.mean], **DOUBLE)
    sigma = torch.tensor([0.6, 0.5, posterior.stddev], **DOUBLE)
    q, prior = Normal(mu, sigma), Normal(torch.zeros((), **DOUBLE), 1)
    elbo = Normal(mu, s).log_prob(x) - (sigma / s) ** 2 / 2 - kl_divergence(q, prior)
    eps, d_eps = trapezoid(-10, 10, 301)
    density = d_eps * prior.log_prob(eps).exp()
    z = mu[:, None] + sigma[:, None] * eps
    weight = Normal(z, s).log_prob(x) + prior.log_prob(z) - q.log_prob(z.T).T
    log_t, d_log_t = trapezoid(-40, 60, 601)
    t = log_t.exp()

    def frullani(count):
        one_weight = (density * (-t[:, None] / count * weight.exp()[:, None]).exp()).sum(-1)
        return (d_log_t * ((-t).exp() - one_weight**count)).sum(-1)

    bounds = torch.stack([elbo, *map(frullani, (2, 3, 4))])
    found = []
    for count in (2, 3):
        grid, probability = product_rule(nodes, weights, count)
        z = mu[:, None, None] + sigma[:, None, None] * grid.T  # (guess, k, draw)
        found.append(
            {
                "K": count,
                r"\mathbb{E} q(z \mid x)": Draws(
                    {"z_{:k}": over("guess k draw", z)}, over("draw", probability)
                ),
                r"q(:z \mid x)": Law(Normal, over("guess", mu), over("guess", sigma)),
                r"p(x \mid :z)": lambda z: with_torch(lambda z: Normal(z, s).log_prob(x).exp(), z),
                "p(:z)": Law(Normal, 0.0, 1.0),
                "p(x)": Normal(torch.zeros((), **DOUBLE), (1 + s**2) ** 0.5).log_prob(x).exp(),
                r"\mathrm{ELBO}(x)": over("guess", elbo),
                r"\mathrm{IWAE}_{:K}(x)": over("K guess", bounds),
            }
        )
    return found


def gaussian_pixels():
    """Images of 7 and of 11 pixels under torch's Gaussian, and the beta of the averaged loss.

    beta is measured: the derivative of the averaged loss with respect to the KL, divided by how
    many times larger its derivative with respect to an output is than that of -log p(x|z).
    """
    found = []
    for pixels in (7, 11):
        x, x_hat, s = normal(4, pixels), normal(4, pixels, seed=1).requires_grad_(), 0.37
        log_p = Normal(x_hat, s).log_prob(x).sum(1)
        (slope,) = torch.autograd.grad(-log_p[0], x_hat, retain_graph=True)
        (mean_slope,) = torch.autograd.grad(mse_loss(x_hat[0], x[0]), x_hat)
        found.append(
            {
                "x_{:i}": over("image i", x),
                r"\hat{x}_{:i}": over("image i", x_hat),
                "s": s,
                "P": pixels,
                r"\mathrm{KL}": 2.3,
                r"\beta": slope[0, 0] / mean_slope[0, 0],
                r"\log p(x \mid z)": over("image", log_p),
            }
        )
    return found


def grey_pixels():
    """Outputs of a decoder, and the integral over grey pixels from torch's continuous Bernoulli.

    The latter's density is the Bernoulli formula over its integral, so that their ratio at the
    pixel 0 gives the integral.
    """
    x_hat = torch.tensor([0.02, 0.2, 0.45, 0.7, 0.99], **DOUBLE)
    at_zero = ContinuousBernoulli(x_hat).log_prob(torch.zeros(5, **DOUBLE)).exp()
    return {r"\hat{x}_{:i}": over("i", x_hat), "?1": over("i", (1 - x_hat) / at_zero)}


CHECKS = [
    Check(
        label="elbo-evidence",
        how="For one pixel and one latent, the integral and the mean over four guesses q are sums "
        "on a fine grid; both are compared with the density in closed form.",
        names=one_pixel,
    ),
    Check(
        label="elbo-jensen",
        how="Both means are sums on a fine grid for four guesses q, each compared with its closed "
        "form; they must be in order, and equal only for the guess that is the true posterior.",
        names=one_pixel,
    ),
    Check(
        label="elbo-terms",
        how="The two means are sums on a fine grid for four guesses q; the KL is that of "
        "`torch.distributions`, and all is compared with the ELBO in closed form.",
        names=one_pixel,
    ),
    Check(
        label="elbo-identity",
        how="Each line is summed on a fine grid for four guesses q; ELBO and KL in the last are "
        "closed forms.",
        names=one_pixel,
    ),
    Check(
        label="elbo-linear-gaussian",
        how="For two latents and two or three pixels: the likelihood, pixel by pixel, is "
        "integrated on a fine grid and compared with the Gaussian density of "
        "`torch.distributions`.",
        names=linear_gaussians,
    ),
    Check(
        label="elbo-posterior",
        how="For two latents and two or three pixels: mean and covariance come from Bayes' rule "
        "on a fine grid, and the density is compared with Bayes' rule at five points.",
        names=linear_gaussians,
    ),
    Check(
        label="elbo-optimum",
        how="W and s are those that a numerical optimiser finds for random data of two sizes; R "
        "is the rotation that it happens to find, $U$, $\\Lambda$ and $\\lambda$ come from an "
        "eigensolver.",
        names=numerical_optima,
        tolerance=1e-6,
    ),
    Check(
        label="elbo-gap",
        how="In three and in five dimensions the formula is compared with the divergence of "
        "`torch.distributions` between Gaussians with a covariance matrix.",
        names=gaps,
    ),
    Check(
        label="elbo-diagonal",
        how="In three and in five dimensions the smallest divergence, that of "
        "`torch.distributions`, "
        "is found by a numerical optimiser, is below others that were tried, and is compared with "
        "the formula.",
        names=best_guesses,
    ),
    Check(
        label="elbo-iwae",
        how="For three guesses q the bounds with two and three draws, by quadrature in as many "
        "dimensions, are compared with an integral in one dimension, which also gives the bound "
        "with four; they must be in order, and equal only for the posterior.",
        names=draws,
        tolerance=1e-7,
    ),
    Check(
        label="elbo-squared-error",
        how="For images of 7 and of 11 pixels the formula is compared with the sum of torch's "
        "Gaussian log-densities.",
        names=gaussian_pixels,
    ),
    Check(
        label="elbo-beta",
        how="For images of 7 and of 11 pixels and torch's Gaussian log-density; $\\beta$ is "
        "compared with a ratio of derivatives of the two losses.",
        names=gaussian_pixels,
    ),
    Check(
        label="elbo-bernoulli-mass",
        how="The integral is a quadrature; the formula and the constant of torch's "
        "ContinuousBernoulli must agree with it.",
        names=grey_pixels,
        tolerance=1e-7,
    ),
]
