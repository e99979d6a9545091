"""Checks of the equations in "Building the VAE"."""

import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy

from book._checks.arrays import over, with_torch
from book._checks.check import Check
from book._checks.quadrature import gauss_hermite, gaussian_cdf
from book._checks.random_numbers import normal, uniform
from book._checks.scope import Draws, Law


def noise():
    """Seven values of z for three Gaussians, and eps at the same shares of its distribution.

    The shares are integrals of the density of z, written out.
    """
    mu, log_var = normal(3), normal(3, seed=1)
    sigma = log_var.exp().sqrt()
    z = mu + sigma * torch.linspace(-2, 2, 7, dtype=torch.float64)[:, None] ** 3 / 3
    levels = gaussian_cdf(z, mu, sigma)
    standard = Normal(torch.tensor(0.0).double(), 1)
    return {
        r"\mu": over("j", mu),
        r"\log\sigma^2": over("j", log_var),
        r"\sigma": over("j", sigma),
        "z": over("value j", z),
        r"\epsilon": over("value j", standard.icdf(levels)),
        r"\sim": over("value j", levels),
    }


def one_image():
    """A one-dimensional latent and a decoder of two pixels: every term is a quadrature."""
    nodes, weights = gauss_hermite(60)
    q = Normal(*torch.tensor([0.7, 0.6], dtype=torch.float64))
    prior = Normal(*torch.tensor([0.0, 1.0], dtype=torch.float64))
    x = torch.tensor([1.0, 0.0]).double()

    def log_likelihood(z):
        logits = torch.stack([1.5 * z - 0.3, 0.4 - 2 * z], dim=-1)
        return Independent(Bernoulli(logits=logits), 1).log_prob(x)

    z = q.mean + q.stddev * nodes
    elbo = weights @ (log_likelihood(z) + prior.log_prob(z) - q.log_prob(z))
    return {
        r"\mathrm{ELBO}(x)": elbo,
        r"\mathbb{E} q(z \mid x)": Draws({"z": over("draw", z)}, over("draw", weights)),
        r"p(x \mid :z)": lambda z: with_torch(lambda z: log_likelihood(z).exp(), z),
        r"q(:z \mid x)": Law(Normal, 0.7, 0.6),
        "p(:z)": Law(Normal, 0.0, 1.0),
    }


def pixels():
    """Grey images, black and white ones, and torch's cross-entropy with probabilities for them."""
    x_hat = uniform(5, 784)
    return [
        {
            "x_{:i}": over("image i", x),
            r"\hat{x}_{:i}": over("image i", x_hat),
            r"\log p(x \mid z)": over(
                "image", -binary_cross_entropy(x_hat, x, reduction="none").sum(1)
            ),
        }
        for x in (uniform(5, 784, seed=1), torch.bernoulli(uniform(5, 784, seed=2)))
    ]


def posteriors():
    """Diagonal Gaussians in three and in five dimensions, and torch's divergence to the prior."""
    return [posterior(dimension) for dimension in (3, 5)]


def posterior(dimension: int):
    mu, sigma = normal(6, dimension), uniform(6, dimension, seed=1) + 0.1
    q = Independent(Normal(mu, sigma), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    return {
        r"\mu_{:j}": over("image j", mu),
        r"\sigma_{:j}": over("image j", sigma),
        "D": dimension,
        r"\mathrm{KL}(q(z \mid x) \| p(z))": over("image", kl_divergence(q, prior)),
        r"\mathrm{KL}(p(z) \| q(z \mid x))": over("image", kl_divergence(prior, q)),
    }


CHECKS = [
    Check(
        label="building-reparameterization",
        how="At seven values, for three means and variances: the density of z, written out, is "
        "integrated up to the value, and $\\epsilon$ is where torch's distribution function has "
        "the same share.",
        names=noise,
    ),
    Check(
        label="building-elbo",
        how="On a one-dimensional latent both terms are integrated by quadrature and their "
        "difference is compared with the mean of $\\log p(x, z) - \\log q(z \\mid x)$.",
        names=one_image,
    ),
    Check(
        label="building-bernoulli",
        how="The sum is compared with minus the cross-entropy of torch, on grey images and on "
        "black and white ones.",
        names=pixels,
    ),
    Check(
        label="building-kl",
        how="The sum is compared with the divergence of `torch.distributions` for random means and "
        "deviations, in three and in five dimensions.",
        names=posteriors,
    ),
]
