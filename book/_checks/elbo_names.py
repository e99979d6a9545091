"""Models with a linear decoder, for the checks of "The ELBO": data, optima and divergences."""

import functools

import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from book._checks.arrays import over
from book._checks.optimum import lowest
from book._checks.quadrature import product_rule, trapezoid
from book._checks.random_numbers import normal
from book._checks.scope import Law

DOUBLE = {"dtype": torch.float64}


def standard(dimension: int) -> MultivariateNormal:
    return MultivariateNormal(torch.zeros(dimension, **DOUBLE), torch.eye(dimension, **DOUBLE))


@functools.cache
def linear_gaussians():
    """Three pixels and two latents, and as many of both, where a transpose would go unnoticed."""
    return [linear_gaussian(3), linear_gaussian(2)]


def linear_gaussian(pixels: int):
    """Means over the prior are sums on a grid; the posterior's moments are Bayes' rule there."""
    nodes, weights = trapezoid(-8, 8, 121)
    weights = weights * Normal(torch.zeros((), **DOUBLE), 1).log_prob(nodes).exp()
    z, weights = product_rule(nodes, weights, 2)
    w, b, s, x = normal(pixels, 2), normal(pixels, seed=1), 0.8, normal(pixels, seed=2)

    def likelihood(z):
        return Independent(Normal(z @ w.T + b, s), 1).log_prob(x).exp()

    evidence = weights @ likelihood(z)
    posterior = weights * likelihood(z) / evidence
    mean = posterior @ z
    covariance = (posterior[:, None] * (z - mean)).T @ (z - mean)
    points = normal(5, 2, seed=3)
    p_z = Independent(Normal(torch.zeros(2, **DOUBLE), 1), 1).log_prob(points).exp()
    return {
        "W": w,
        "b": b,
        "s": s,
        "x": x,
        "z": over("point", points),
        "p(z)": over("point", p_z),
        r"p(x \mid z)": over("point", likelihood(points)),
        "p(x)": evidence,
        r"p(z \mid x)": over("point", likelihood(points) * p_z / evidence),
        r"\nu": mean,
        "M": s**2 * torch.linalg.inv(covariance),
    }


@functools.cache
def numerical_optima():
    """Optima for data of two sizes, in which no two of the printed numbers are the same."""
    return [numerical_optimum(9, 2), numerical_optimum(8, 3)]


def numerical_optimum(pixels: int, latents: int):
    """The likeliest W, b and s for some data by L-BFGS, and the eigenvalues of their covariance.

    R is the orthogonal factor of U^T W, whatever the other one is.
    """
    x = 2 * normal(200, latents) @ normal(latents, pixels, seed=1)
    x = x + 0.5 * normal(200, pixels, seed=2)
    w, b = normal(pixels, latents, seed=3), torch.zeros(pixels, **DOUBLE)
    log_s = torch.zeros((), **DOUBLE)

    def loss(w, b, log_s):
        covariance = w @ w.T + (2 * log_s).exp() * torch.eye(pixels, **DOUBLE)
        return -MultivariateNormal(b, covariance).log_prob(x).mean()

    lowest([w, b, log_s], loss)
    w = w.detach()
    eigenvalues, eigenvectors = torch.linalg.eigh(x.T.cov(correction=0))
    eigenvalues, eigenvectors = eigenvalues.flip(0), eigenvectors.flip(1)
    u = eigenvectors[:, :latents]
    left, _, right = torch.linalg.svd(u.T @ w)
    return {
        "W": w,
        "s": log_s.detach().exp(),
        "U": u,
        r"\Lambda": eigenvalues[:latents].diag(),
        r"\lambda_{:i}": over("i", eigenvalues),
        "R": left @ right,
        "P": pixels,
        "D": latents,
    }


def diagonal(mu, sigma):
    return MultivariateNormal(mu, torch.diag_embed(sigma**2))


def posterior(latents: int):
    """s, M and nu of a posterior in some dimensions, and the posterior itself."""
    w, s, nu = normal(latents + 2, latents), 0.7, normal(latents, seed=1)
    m = w.T @ w + s**2 * torch.eye(latents, **DOUBLE)
    law = Law(MultivariateNormal, nu, s**2 * torch.linalg.inv(m))
    return {"s": s, "M": m, r"\nu": nu, "D": latents, r"p(:z \mid x)": law}


@functools.cache
def gaps():
    """A diagonal Gaussian beside a posterior, in three and in five dimensions."""
    found = []
    for latents in (3, 5):
        mu, sigma = normal(latents, seed=2), normal(latents, seed=3).exp()
        guess = {r"\mu": mu, r"\sigma": sigma, r"q(:z \mid x)": Law(diagonal, mu, sigma)}
        found.append({**posterior(latents), **guess})
    return found


@functools.cache
def best_guesses():
    """The diagonal Gaussian nearest to a posterior, found by L-BFGS, beside two others."""
    found = []
    for latents in (3, 5):
        names = posterior(latents)
        target = MultivariateNormal(
            *(torch.from_numpy(p.data) for p in names[r"p(:z \mid x)"].parameters)
        )
        mu, log_var = torch.zeros(2, latents, **DOUBLE)

        def loss(mu, log_var, target=target):
            return kl_divergence(diagonal(mu, (log_var / 2).exp()), target)

        lowest([mu, log_var], loss)
        mu, sigma = mu.detach(), (log_var / 2).exp().detach()
        mu = over("try", torch.stack([mu, mu + 0.1, mu]))
        sigma = over("try", torch.stack([sigma, sigma, 1.2 * sigma]))
        found.append(
            {**names, r"\mu": mu, r"\sigma": sigma, r"q(:z \mid x)": Law(diagonal, mu, sigma)}
        )
    return found
