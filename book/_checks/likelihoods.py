"""Labels, pixels and layers of latents, for the checks of "Going further"."""

import functools

import torch
from torch.distributions import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    Independent,
    MixtureSameFamily,
    Normal,
)

import vaelib
from book._checks.arrays import over
from book._checks.quadrature import trapezoid
from book._checks.random_numbers import normal
from book._checks.scope import Draws, Law

DOUBLE = {"dtype": torch.float64}


def gaussian(mu, sigma):
    """PyTorch's, in float64 also if its parameters are Python's numbers."""
    return Normal(torch.as_tensor(mu, **DOUBLE), torch.as_tensor(sigma, **DOUBLE))


@functools.cache
def three_labels():
    """A latent and a pixel, x = w_y z + b_y + noise, for three labels: p(x|y) in closed form.

    For each label three q(z|x, y): two guesses and the true posterior, where the bound is tight.
    """
    w, b = torch.tensor([0.7, -1.3, 2.1], **DOUBLE), torch.tensor([0.4, -0.9, 1.6], **DOUBLE)
    x, s = torch.tensor([1.5, 0.3, -0.8], **DOUBLE), 0.6
    eps, weights = trapezoid(-12, 12, 601)
    weights = weights * gaussian(0.0, 1.0).log_prob(eps).exp()
    precision = 1 + w**2 / s**2
    mu = torch.stack([w * (x - b) / s**2 / precision, 0.5 * w, w - 1])  # (q, y)
    sigma = torch.stack([precision**-0.5, torch.full_like(w, 0.8), torch.full_like(w, 1.7)])
    z = mu[..., None] + sigma[..., None] * eps
    likelihood = gaussian(w[:, None] * z + b[:, None], s).log_prob(x[:, None])
    return {
        r"\mathbb{E} q": Draws({}, over("draw", weights)),
        r"\log p(x \mid z, y)": over("guess label draw", likelihood),
        r"q(:z \mid x, y)": Law(Normal, over("guess label", mu), over("guess label", sigma)),
        "p(:z)": Law(Normal, 0.0, 1.0),
        r"p(x \mid y)": over("label", gaussian(b, (w**2 + s**2).sqrt()).log_prob(x).exp()),
    }


@functools.cache
def labelled_pixels():
    """Images of five pixels of a Bernoulli mixture with four labels, all 32 of them.

    Of the last line one label is looked at, in two mixtures; the second has no other label, so
    that the bound is tight there.
    """
    pixels = normal(4, 5).sigmoid()
    p_y = torch.tensor([[0.1, 0.25, 0.3, 0.35], [0.0, 1.0, 0.0, 0.0]], **DOUBLE)
    x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], **DOUBLE)] * 5)
    p_x_given_y = Bernoulli(pixels).log_prob(x[:, None]).sum(-1)  # (x, y)
    parts = Independent(Bernoulli(pixels), 1)
    p_x = torch.stack([MixtureSameFamily(Categorical(p), parts).log_prob(x).exp() for p in p_y])
    posterior = torch.stack([Categorical(logits=p.log() + p_x_given_y).probs for p in p_y])
    names = {"p(x)": over("mixture image", p_x), r"\sum y": Draws({}, axis="y")}
    all_labels = {
        "p(y)": over("mixture y", p_y),
        r"p(x \mid y)": over("image y", p_x_given_y.exp()),
        r"p(y \mid x)": over("mixture image y", posterior),
    }
    one_label = {
        "p(y)": over("mixture", p_y[:, 1]),
        r"p(x \mid y)": over("image", p_x_given_y[:, 1].exp()),
        r"p(y \mid x)": over("mixture image", posterior[..., 1]),
    }
    return [
        {**names, **all_labels, "?only": 1},
        {**names, **all_labels, "?only": 2},
        {**names, **one_label, "?only": 3},
    ]


@functools.cache
def end_levels():
    """The mass of a logistic density below the first bin's end and above the last one's start."""
    x_hat = torch.tensor([0.1, 0.33, 0.5, 0.9], **DOUBLE)
    gamma = torch.tensor([0.03, 0.11, 0.2, 0.07], **DOUBLE)

    def beyond(edge, sign):
        steps, weights = trapezoid(0, 60, 60001)  # in scales away from the edge
        u = (edge - x_hat[:, None]) / gamma[:, None] + sign * steps
        return (weights * torch.exp(-u.abs()) / (1 + torch.exp(-u.abs())) ** 2).sum(-1)

    def found(level):
        log_p = [
            vaelib.discretized_logistic_log_likelihood(torch.full((1,), level, **DOUBLE), m, g)
            for m, g in zip(x_hat[:, None], gamma.log()[:, None], strict=True)
        ]
        return over("i", torch.stack(log_p).exp())

    return {
        r"p(x_i = 0 \mid z)": over("i", beyond(1 / 510, -1)),
        r"p(x_i = 1 \mid z)": over("i", beyond(1 - 1 / 510, 1)),
        "?1": found(0.0),
        "?2": found(1.0),
        r"\hat{x}_{:i}": over("i", x_hat),
        r"\gamma_{:i}": over("i", gamma),
    }


@functools.cache
def grey_pixels():
    """Densities of grey pixels from PyTorch's continuous Bernoulli, and from a quadrature.

    The integral of exp(a x) over all grey pixels is what makes the density one.
    """
    a = torch.tensor([-6.0, -0.7, 0.03, 4.2], **DOUBLE)
    some = torch.tensor([0.0, 0.21, 0.83, 1.0], **DOUBLE)
    x, a = torch.cartesian_prod(some, a).T
    grey, weights = trapezoid(0, 1, 20001)
    integral = (weights * torch.exp(a[:, None] * grey)).sum(1)
    return {
        r"p(x_i \mid z)": over("i", ContinuousBernoulli(logits=a).log_prob(x).exp()),
        "?1": over("i", a * x - integral.log()),
        "x_{:i}": over("i", x),
        "a_{:i}": over("i", a),
    }


@functools.cache
def best_sigma():
    """The standard deviation of highest likelihood for six images and three draws of z each."""
    x, x_hat = normal(6, 11).sigmoid(), normal(3, 6, 11, seed=1).sigmoid()
    low, high = torch.tensor(1e-3, **DOUBLE), torch.tensor(3.0, **DOUBLE)

    def slope(s):
        s = s.clone().requires_grad_()
        return torch.autograd.grad(gaussian(x_hat, s).log_prob(x).sum(), s)[0]

    for _ in range(100):  # the likelihood rises up to the best one and falls from there
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return {
        "s": low,
        "P": 11,
        r"\mathbb{E} q": Draws({}),
        r"\mathbb{E} x": Draws({}, axis="image"),
        "x_{:i}": over("image i", x),
        r"\hat{x}_{:i}": over("draw image i", x_hat),
        r"p(x \mid z)": over("draw image", gaussian(x_hat, low).log_prob(x).sum(-1).exp()),
    }


@functools.cache
def two_layers():
    """h2 -> h1 -> x, all of one number and Gaussian: p(x) and both posteriors in closed form.

    The first q is the true posterior, where the bound is tight; the second is none.
    """
    up, down, s1, s, x = 0.8, 1.7, 0.6, 0.5, torch.tensor(1.1, **DOUBLE)
    var1 = up**2 + s1**2  # of h1
    var_x = down**2 * var1 + s**2
    mu1, sigma1 = down * var1 / var_x * x, (var1 * s**2 / var_x) ** 0.5
    slope2, sigma2 = up / var1, s1 / var1**0.5
    eps, weights = trapezoid(-9, 9, 61)
    weights = weights * gaussian(0.0, 1.0).log_prob(eps).exp()
    guesses = torch.tensor([[mu1, sigma1, slope2, sigma2], [0.3, 0.7, 0.9, 0.8]], **DOUBLE)
    m1, d1, k2, d2 = guesses.T[..., None, None]
    h1 = m1 + d1 * eps[:, None]
    h2 = k2 * h1 + d2 * eps

    def drawn(law, value):
        log_p = law.log_prob(value)
        return over("guess draw", log_p.broadcast_to(h2.shape).flatten(1).exp())

    return {
        r"\mathbb{E} q": Draws({}, over("draw", torch.outer(weights, weights).flatten())),
        r"p(x \mid h_1)": drawn(gaussian(down * h1, s), x),
        r"p(h_1 \mid h_2)": drawn(gaussian(up * h2, s1), h1),
        "p(h_1)": drawn(gaussian(0.0, var1**0.5), h1),
        "p(h_2)": drawn(gaussian(0.0, 1.0), h2),
        r"q(h_1 \mid x)": drawn(gaussian(m1, d1), h1),
        r"q(h_2 \mid h_1)": drawn(gaussian(k2 * h1, d2), h2),
        "p(x)": gaussian(0.0, var_x**0.5).log_prob(x).exp(),
    }
