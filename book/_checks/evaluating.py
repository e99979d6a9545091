"""Checks of the equations in "Evaluating"."""

import functools

import mpmath
import numpy as np
import torch
from torch.distributions import Bernoulli, MultivariateNormal, Normal, kl_divergence

from book._checks.check import Check
from book._checks.quadrature import trapezoid

DOUBLE = {"dtype": torch.float64}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), **DOUBLE)


@functools.cache
def one_pixel():
    """The model x = z + noise, two guesses q(z|x), and one and two draws from each.

    Means over the draws are sums on a grid of one and of two dimensions. The weights come from the
    posterior and p(x) in closed form: u = p(z|x) p(x) / q(z|x).
    """
    x, s = torch.tensor(1.5, **DOUBLE), 0.5
    eps, weights = trapezoid(-14, 14, 601)
    weights = weights * Normal(torch.zeros((), **DOUBLE), 1).log_prob(eps).exp()
    mu, sigma = (
        torch.tensor([[0.8], [1.4]], **DOUBLE),
        torch.tensor([[0.6], [0.4]], **DOUBLE),
    )
    pairs = torch.cartesian_prod(eps[::3], eps[::3])
    pair_weights = torch.cartesian_prod(3 * weights[::3], 3 * weights[::3]).prod(1)
    posterior = Normal(x / (1 + s**2), s / (1 + s**2) ** 0.5)
    p_x = Normal(torch.zeros((), **DOUBLE), (1 + s**2) ** 0.5).log_prob(x).exp()

    def q(z):
        shape = (2,) + (1,) * (z.ndim - 1)
        return Normal(mu.view(shape), sigma.view(shape)).log_prob(z).exp()

    z, dz = trapezoid(-12, 12, 8001)
    return {
        "z1": mu + sigma * eps,
        "z2": mu[..., None] + sigma[..., None] * pairs,
        "E1": lambda values: (weights * values).sum(-1),
        "E2": lambda values: (pair_weights * values).sum(-1),
        "sum": lambda values: values.sum(-1),
        "p_x_given_z": lambda z: Normal(z, s).log_prob(x).exp(),
        "p_z": lambda z: Normal(torch.zeros((), **DOUBLE), 1).log_prob(z).exp(),
        "q": q,
        "u": lambda z: p_x * posterior.log_prob(z).exp() / q(z),
        "p_x": p_x,
        "integral": lambda values: (dz * values).sum(-1),
        "p_z_given_x": posterior.log_prob(z).exp(),
        "q_on_grid": q(z.expand(2, -1)),
    }


@functools.cache
def tiny_weights():
    """Weights too small for any float, and the logarithm of their mean with a hundred digits."""
    log_u = [-1000.25, -1003.5, -999.125]
    with mpmath.workdps(100):
        oracle = mpmath.log(sum(map(mpmath.exp, log_u)) / len(log_u))
    log_u = torch.tensor(log_u, **DOUBLE)
    return {
        "oracle": float(oracle),
        "log_u": log_u,
        "log_u_max": log_u.amax(),
        "K": 3,
        "sum": torch.sum,
        "log": torch.log,
        "exp": torch.exp,
    }


@functools.cache
def gamma_weights():
    """Weights with three gamma distributions: the mean of K of them is gamma too.

    So the mean and the variance of its logarithm are known: digamma and trigamma. The limit is
    taken from two large K; what is left of order 1 / K cancels.
    """
    shape, scale = (
        torch.tensor([0.7, 2.0, 5.0], **DOUBLE),
        torch.tensor([1.3, 0.4, 0.1], **DOUBLE),
    )
    return {
        "variance": lambda count: torch.polygamma(1, count * shape),
        "iwae": lambda count: torch.digamma(count * shape) + (scale / count).log(),
        "limit": lambda f: 2 * f(20_000) - f(10_000),
        "log": torch.log,
        "p_x": shape * scale,
        "var_u": shape * scale**2,
    }


@functools.cache
def some_draws():
    """Five draws of a small VAE for an image, and gradients with respect to its encoder's output.

    The gradient of the logarithm of their mean is a central difference; those of the single
    logarithms come from automatic differentiation.
    """
    w, eps = random(4, 2), random(5, 2, seed=1)
    x = torch.tensor([1.0, 0.0, 1.0, 1.0], **DOUBLE)

    def log_u(parameters):
        mu, log_var = parameters.chunk(2)
        z = mu + (log_var / 2).exp() * eps
        log_p = Bernoulli(logits=z @ w.T).log_prob(x).sum(1) + Normal(0.0, 1.0).log_prob(z).sum(1)
        return log_p - Normal(mu, (log_var / 2).exp()).log_prob(z).sum(1)

    at, step = torch.tensor([0.3, -0.8, -1.0, 0.5], **DOUBLE), 1e-5
    moves = step * torch.eye(4, **DOUBLE)
    ends = [[log_u(at + sign * move).exp().mean().log() for move in moves] for sign in (1, -1)]
    u = log_u(at).exp()
    return {
        "u": u,
        "u_bar": u.mean(),
        "K": 5,
        "sum": lambda values: values.sum(0),
        "softmax": log_u(at).softmax(0),
        "kish": u.sum() ** 2 / u.square().sum(),
        "u_tilde": log_u(at).softmax(0)[:, None],
        "gradient_of_log_mean": (torch.stack(ends[0]) - torch.stack(ends[1])) / (2 * step),
        "gradients_of_log_u": torch.autograd.functional.jacobian(log_u, at),
    }


@functools.cache
def linear_gaussian():
    """Four pixels and a tilted posterior in the plane; the best diagonal Gaussian by L-BFGS.

    ELBOs are in closed form; the first guess is the best one itself.
    """
    w, b, s, x = random(4, 2), random(4, seed=1), 0.7, random(4, seed=2)
    m = w.T @ w + s**2 * torch.eye(2, **DOUBLE)
    covariance = s**2 * torch.linalg.inv(m)
    posterior = MultivariateNormal(torch.linalg.inv(m) @ w.T @ (x - b), covariance)
    prior = MultivariateNormal(torch.zeros(2, **DOUBLE), torch.eye(2, **DOUBLE))
    marginal = MultivariateNormal(b, w @ w.T + s**2 * torch.eye(4, **DOUBLE))

    def gaussian(parameters):
        return MultivariateNormal(parameters[0], torch.diag(parameters[1].exp()))

    def elbo(parameters):
        at_mean = Normal(w @ parameters[0] + b, s).log_prob(x).sum()
        spread = (w.square().sum(0) * parameters[1].exp()).sum() / (2 * s**2)
        return at_mean - spread - kl_divergence(gaussian(parameters), prior)

    best = torch.zeros(2, 2, **DOUBLE).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [best], 1, 500, 1000, 1e-12, 1e-16, 50, line_search_fn="strong_wolfe"
    )

    def loss():
        optimizer.zero_grad()
        value = -elbo(best)
        value.backward()
        return value

    optimizer.step(loss)
    best = best.detach()
    guesses = [best, best + 0.3, random(2, 2, seed=3)]
    nodes, _ = trapezoid(-8, 8, 161)
    legendre, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(160))
    points = 8 * torch.cartesian_prod(legendre, legendre)
    weights = 8**2 * torch.cartesian_prod(weights, weights).prod(1)
    return {
        "log_p_x": marginal.log_prob(x),
        "elbo": torch.stack([elbo(guess) for guess in guesses]),
        "elbo_best": elbo(best),
        "kl_best": kl_divergence(gaussian(best), posterior),
        "p_x": marginal.log_prob(x).exp(),
        "p_x_given_z": lambda z: Normal(z @ w.T + b, s).log_prob(x).sum(-1).exp(),
        "p_z": lambda z: prior.log_prob(z).exp(),
        "integral": lambda f: (weights * f(points)).sum(),
        "grid": torch.cartesian_prod(nodes, nodes),
        "Delta": 0.1,
        "sum": torch.sum,
    }


@functools.cache
def three_images():
    """Three images of one pixel, x = 1.2 z + noise, and a q for each; sums over z on a grid.

    Rate and distortion are closed forms of torch.distributions, and so are the entropies of the
    q(z|x), from which the mutual information comes.
    """
    x = torch.tensor([-1.0, 0.4, 2.0], **DOUBLE)
    z, dz = trapezoid(-10, 10, 4001)
    mu, sigma = (
        torch.tensor([-0.7, 0.1, 1.5], **DOUBLE),
        torch.tensor([0.5, 0.8, 0.4], **DOUBLE),
    )
    q, prior = Normal(mu, sigma), Normal(torch.zeros(3, **DOUBLE), 1)
    on_grid, s = Normal(mu[:, None], sigma[:, None]).log_prob(z).exp(), 0.6
    log_p_x_given_z = Normal(1.2 * z, s).log_prob(x[:, None])
    log_p_z = Normal(torch.zeros((), **DOUBLE), 1).log_prob(z)
    aggregate = on_grid.mean(0)
    entropy = -(dz * aggregate * aggregate.log()).sum()
    at_mean = Normal(1.2 * mu, s).log_prob(x)
    return {
        "elbo": (dz * on_grid * (log_p_x_given_z + log_p_z - on_grid.log())).sum(1),
        "rate": kl_divergence(q, prior).mean(),
        "distortion": -(at_mean - (1.2 * sigma / s) ** 2 / 2).mean(),
        "mi": entropy - q.entropy().mean(),
        "E_x": lambda values: values.mean(0),
        "E": lambda values: (dz * on_grid * values).sum(1),
        "KL": lambda a, b: (dz * a * (a / b).log()).sum(-1),
        "q_z_given_x": on_grid,
        "q_z": aggregate,
        "p_z": log_p_z.exp(),
        "p_x_given_z": log_p_x_given_z.exp(),
        "log": torch.log,
    }


@functools.cache
def coins():
    """Six black and white pixels, and torch's Bernoulli with two choices of probabilities."""
    x = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0], **DOUBLE)
    x_bar = torch.tensor([0.9, 0.2, 0.01, 0.5, 0.3, 0.6], **DOUBLE)
    log_p = Bernoulli(x_bar).log_prob(x).sum()
    return {
        "log_p_of_coins": Bernoulli(torch.full_like(x, 0.5)).log_prob(x).sum(),
        "log_p_of_mean": log_p,
        "x": x,
        "x_bar": x_bar,
        "P": 6,
        "repeated": lambda value, count: value.expand(count),
        "sum": torch.sum,
        "log": lambda value: torch.as_tensor(value, **DOUBLE).log(),
        "log2": torch.log2,
        "p_x": log_p.exp(),
        "bits": torch.where(x == 1, -x_bar.log2(), -(1 - x_bar).log2()).mean(),
    }


CHECKS = [
    Check(
        label="evaluating-weights",
        how="For one pixel, two guesses q and two draws: the means are sums on a grid in two "
        "dimensions, and the weights and p(x) are closed forms.",
        tex=r"""\begin{aligned}
            u_k &= \frac{p(x \mid z_k)\, p(z_k)}{q(z_k \mid x)} , \\
            \bar{u} &= \frac{1}{K} \sum_{k=1}^{K} u_k , \\
            \mathbb{E}_q[\bar{u}] &= p(x) , \\
            \operatorname{Var}_q(\bar{u}) &= \frac{1}{K} \operatorname{Var}_q(u) .
            \end{aligned}""",
        chains=(
            ("u(z2)", "p_x_given_z(z2) * p_z(z2) / q(z2)"),
            ("E2(1 / 2 * sum(u(z2)))", "p_x"),
            (
                "E2((1 / 2 * sum(u(z2)) - p_x) ** 2)",
                "1 / 2 * E1((u(z1) - p_x) ** 2)",
            ),
        ),
        names=one_pixel,
    ),
    Check(
        label="evaluating-logsumexp",
        how="For three weights near the thousandth negative power of e, compared with arithmetic "
        "of a hundred digits.",
        tex=r"""\log \bar{u} = \log u_{\max} + \log \frac{1}{K} \sum_{k=1}^{K} e^{\log u_k -
            \log u_{\max}} .""",
        chains=(("oracle", "log_u_max + log(1 / K * sum(exp(log_u - log_u_max)))"),),
        names=tiny_weights,
    ),
    Check(
        label="evaluating-bias",
        how="For weights with three gamma distributions, where mean and variance of the logarithm "
        "are known for every K; the limit is taken from K = 10,000 and 20,000.",
        tex=r"""\begin{aligned}
            \lim_{K \to \infty} K \operatorname{Var}_q(\log \bar{u}) &=
            \frac{\operatorname{Var}_q(u)}{p(x)^2} , \\
            \lim_{K \to \infty} K \big( \log p(x) - \mathrm{IWAE}_K(x) \big)
            &= \frac{1}{2} \cdot \frac{\operatorname{Var}_q(u)}{p(x)^2} .
            \end{aligned}""",
        chains=(
            ("limit(lambda K: K * variance(K))", "var_u / p_x ** 2"),
            (
                "limit(lambda K: K * (log(p_x) - iwae(K)))",
                "1 / 2 * var_u / p_x ** 2",
            ),
        ),
        names=gamma_weights,
        tolerance=1e-6,
    ),
    Check(
        label="evaluating-chi",
        how="For one pixel and two guesses q: the variance of the weights under q and the integral "
        "over the posterior are sums on different grids.",
        tex=r"""\frac{\operatorname{Var}_q(u)}{p(x)^2} = \int \frac{p(z \mid x)^2}{q(z \mid
            x)}\, dz - 1 .""",
        chains=(
            (
                "E1((p_x_given_z(z1) * p_z(z1) / q(z1) - p_x) ** 2) / p_x ** 2",
                "integral(p_z_given_x ** 2 / q_on_grid) - 1",
            ),
        ),
        names=one_pixel,
    ),
    Check(
        label="evaluating-ess",
        how="For five draws of a small VAE, compared with torch's softmax and with the square of "
        "the weights' sum over the sum of their squares.",
        tex=r"""\tilde{u}_k = \frac{u_k}{K \bar{u}} , \qquad
            \mathrm{ESS} = \frac{1}{\sum_{k=1}^{K} \tilde{u}_k^2}
            = \frac{K}{1 + \frac{1}{K} \sum_{k=1}^{K} (u_k - \bar{u})^2 / \bar{u}^2} .""",
        chains=(
            ("softmax", "u / (K * u_bar)"),
            (
                "kish",
                "1 / sum(softmax ** 2)",
                "K / (1 + 1 / K * sum((u - u_bar) ** 2) / u_bar ** 2)",
            ),
        ),
        names=some_draws,
    ),
    Check(
        label="evaluating-gradient",
        how="For five draws of a small VAE: the left side is a central difference, the gradients "
        "on the right come from automatic differentiation, draw by draw.",
        tex=r"""\nabla \log \bar{u} = \sum_{k=1}^{K} \tilde{u}_k \nabla \log u_k .""",
        chains=(("gradient_of_log_mean", "sum(u_tilde * gradients_of_log_u)"),),
        names=some_draws,
        tolerance=1e-8,
    ),
    Check(
        label="evaluating-gaps",
        how="For a linear-Gaussian model with a tilted posterior and three guesses: the best "
        "Gaussian is found by a numerical optimiser of the ELBO, its KL is that of "
        "torch.distributions.",
        tex=r"""\begin{aligned}
            \log p(x) - \mathrm{ELBO}(x)
            ={}& \underbrace{\mathrm{KL}\big(q^\star(z \mid x) \,\|\, p(z \mid
            x)\big)}_{\text{approximation}} \\
            &+ \underbrace{\mathrm{ELBO}^\star(x) - \mathrm{ELBO}(x)}_{\text{amortization}}
            .
            \end{aligned}""",
        chains=(("log_p_x - elbo", "kl_best + elbo_best - elbo"),),
        names=linear_gaussian,
    ),
    Check(
        label="evaluating-grid",
        how="For four pixels and two latents: a sum over a grid and Gauss-Legendre quadrature, "
        "both compared with the density in closed form.",
        tex=r"""p(x) = \int p(x \mid z)\, p(z)\, dz \approx \Delta^2 \sum_{z \,\in\,
            \text{grid}} p(x \mid z)\, p(z) .""",
        chains=(
            (
                "p_x",
                "integral(lambda z: p_x_given_z(z) * p_z(z))",
                "Delta ** 2 * sum(p_x_given_z(grid) * p_z(grid))",
            ),
        ),
        names=linear_gaussian,
    ),
    Check(
        label="evaluating-rate",
        how="For three images: sums over the latent on a grid, compared with closed forms of rate, "
        "distortion and entropy from torch.distributions.",
        tex=r"""\begin{aligned}
            -\mathbb{E}_x[\mathrm{ELBO}(x)] &= \mathrm{rate} + \mathrm{distortion} , \\
            \mathrm{rate} &= \mathbb{E}_x\big[\mathrm{KL}(q(z \mid x) \,\|\, p(z))\big] \\
            &= \mathrm{MI} + \mathrm{KL}\big(q(z) \,\|\, p(z)\big) , \\
            \mathrm{distortion} &= -\mathbb{E}_x\big[\mathbb{E}_q[\log p(x \mid z)]\big] .
            \end{aligned}""",
        chains=(
            ("-E_x(elbo)", "rate + distortion"),
            ("rate", "E_x(KL(q_z_given_x, p_z))", "mi + KL(q_z, p_z)"),
            ("distortion", "-E_x(E(log(p_x_given_z)))"),
        ),
        names=three_images,
    ),
    Check(
        label="evaluating-yardsticks",
        how="Six pixels, compared with torch's Bernoulli log-probabilities.",
        tex=r"""\begin{aligned}
            -\log p(x) &= \sum_{i=1}^{P} \log 2 = P \log 2 , \\
            -\log p(x) &= -\sum_{i=1}^{P} \big[ x_i \log \bar{x}_i + (1 - x_i) \log (1 -
            \bar{x}_i) \big] .
            \end{aligned}""",
        chains=(
            ("-log_p_of_coins", "sum(repeated(log(2), P))", "P * log(2)"),
            ("-log_p_of_mean", "-sum(x * log(x_bar) + (1 - x) * log(1 - x_bar))"),
        ),
        names=coins,
    ),
    Check(
        label="evaluating-bits",
        how="Six pixels: both sides are compared with the mean of the bits of each pixel.",
        tex=r"""\text{bits per pixel} = -\frac{\log p(x)}{P \log 2} = -\frac{1}{P} \log_2 p(x) .""",
        chains=(("bits", "-log(p_x) / (P * log(2))", "-1 / P * log2(p_x)"),),
        names=coins,
    ),
]
