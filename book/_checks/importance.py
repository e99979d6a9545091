"""Importance weights, for the checks of "Evaluating"."""

import functools

import mpmath
import numpy as np
import torch
from torch.distributions import Bernoulli, Normal

from book._checks.arrays import Array, over, with_torch
from book._checks.quadrature import product_rule, trapezoid
from book._checks.random_numbers import normal
from book._checks.scope import Draws, Given, Law

DOUBLE = {"dtype": torch.float64}
STANDARD = Normal(torch.zeros((), **DOUBLE), 1)


@functools.cache
def weights_of_draws():
    """The model x = z + noise, two guesses q(z|x), and two and three draws from each.

    Means over the draws are sums on a grid of as many dimensions. The weights come from the
    posterior and p(x) in closed form: u = p(z|x) p(x) / q(z|x).
    """
    x, s = torch.tensor(1.5, **DOUBLE), 0.5
    mu, sigma = torch.tensor([0.8, 1.4], **DOUBLE), torch.tensor([0.6, 0.7], **DOUBLE)
    nodes, steps = trapezoid(-8, 8, 41)
    steps = steps * STANDARD.log_prob(nodes).exp()
    q = Law(Normal, over("guess", mu), over("guess", sigma))
    posterior = Law(Normal, x / (1 + s**2), s / (1 + s**2) ** 0.5)
    p_x = Normal(torch.zeros((), **DOUBLE), (1 + s**2) ** 0.5).log_prob(x).exp().item()

    def weight(z: Array) -> Array:
        return p_x * posterior(z) / q(z)

    found = []
    for count in (2, 3):
        eps, probability = product_rule(nodes, steps, count)
        z = mu[:, None, None] + sigma[:, None, None] * eps.T  # (guess, k, draw)
        points = {"z_{:k}": over("guess k draw", z), "z": over("guess draw", z[:, 0])}
        found.append(
            {
                "K": count,
                "z_{:k}": over("k", normal(count)),
                "p(x)": p_x,
                r"p(x \mid :z)": lambda z: with_torch(lambda z: Normal(z, s).log_prob(x).exp(), z),
                "p(:z)": Law(Normal, 0.0, 1.0),
                r"q(:z \mid x)": q,
                "u_{:k}": Given(lambda look: weight(look("z_k"))),
                "u": Given(lambda look: weight(look("z"))),
                r"\bar{u}": Given(lambda look: weight(look("z_k")).reduced(np.mean, "k")),
                r"\mathbb{E} q": Draws(points, over("draw", probability)),
            }
        )
    return found


def chi():
    """The same model: weights under two guesses, and the integral over the posterior on a grid."""
    names = weights_of_draws()[0]
    z, steps = trapezoid(-12, 12, 4001)
    return {
        **{key: names[key] for key in ("p(x)", r"q(:z \mid x)", "u")},
        r"p(:z \mid x)": Law(Normal, 1.5 / 1.25, 0.5 / 1.25**0.5),
        r"\int z": Draws({"z": over("point", z)}, over("point", steps), "point"),
        r"\mathbb{E} q": names[r"\mathbb{E} q"],
    }


@functools.cache
def tiny_weights():
    """Weights too small for any float, and the logarithm of their mean with a hundred digits."""
    log_u = [-1000.25, -1003.5, -999.125, -1001.0, -1000.75]
    with mpmath.workdps(100):
        oracle = mpmath.log(sum(map(mpmath.exp, log_u)) / len(log_u))
    return {
        r"\log \bar{u}": float(oracle),
        r"\log u_{:k}": over("k", log_u),
        r"\log u_{\max}": max(log_u),
        "K": 5,
    }


@functools.cache
def gamma_weights():
    """Weights with three gamma distributions: the mean of K of them is gamma too.

    So the mean and the variance of its logarithm are known: digamma and trigamma.
    """
    shape = torch.tensor([0.7, 2.0, 5.0], **DOUBLE)
    scale = torch.tensor([1.3, 0.4, 0.1], **DOUBLE)

    def with_count(function):
        def follows(look):
            count = float(look("K").data)
            return over("case", function(count))

        return Given(follows)

    variance = shape * scale**2
    return {
        "K": 7,
        r"\operatorname{Var}_q(\log \bar{u})": with_count(lambda K: torch.polygamma(1, K * shape)),
        r"\operatorname{Var}_q(\log u)": over("case", torch.polygamma(1, shape)),
        r"\operatorname{Var}_q(\bar{u})": with_count(lambda K: variance / K),
        r"\operatorname{Var}_q(u)": over("case", variance),
        r"\mathrm{IWAE}_K(x)": with_count(lambda K: torch.digamma(K * shape) + (scale / K).log()),
        "p(x)": over("case", shape * scale),
    }


def log_u(parameters: torch.Tensor, count: int) -> torch.Tensor:
    """Logarithms of the weights of some draws of a small VAE, by its encoder's output."""
    w, eps = normal(4, 2), normal(count, 2, seed=1)
    x = torch.tensor([1.0, 0.0, 1.0, 1.0], **DOUBLE)
    mu, log_var = parameters.chunk(2)
    z = mu + (log_var / 2).exp() * eps
    log_p = Bernoulli(logits=z @ w.T).log_prob(x).sum(1) + STANDARD.log_prob(z).sum(1)
    return log_p - Normal(mu, (log_var / 2).exp()).log_prob(z).sum(1)


@functools.cache
def some_draws():
    """Five and seven draws for an image, as they depend on what the encoder gives, phi."""
    at, found = torch.tensor([0.3, -0.8, -1.0, 0.5], **DOUBLE), []
    for count in (5, 7):

        def weights(look, count=count):
            parameters = torch.from_numpy(look(r"\phi").data)
            return over("k", log_u(parameters, count).exp())

        u = log_u(at, count).exp()
        found.append(
            {
                r"\phi": at,
                r"\nabla": r"\phi",
                "u_{:k}": Given(weights),
                r"\bar{u}": Given(lambda look: look("u_k").reduced(np.mean, "k")),
                r"\tilde{u}_{:k}": over("k", log_u(at, count).softmax(0)),
                "K": count,
                r"\mathrm{ESS}": u.sum() ** 2 / u.square().sum(),
            }
        )
    return found
