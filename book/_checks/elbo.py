"""Checks of the equations in "The ELBO"."""

import functools

import numpy as np
import sympy
import sympy.stats
import torch
from torch.distributions import (
    ContinuousBernoulli,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

from book._checks.check import Check
from book._checks.quadrature import gauss_hermite, trapezoid

DOUBLE = {"dtype": torch.float64}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), **DOUBLE)


@functools.cache
def one_pixel():
    """The model x = z + noise and four guesses q(z|x), the last of them the posterior.

    The means over q and the integral over z are sums on a grid; log p(x), the posterior and the
    divergences are closed forms of torch.distributions.
    """
    x, s = torch.tensor(1.5, **DOUBLE), 0.5
    z, weights = trapezoid(-9, 9, 6001)
    posterior = Normal(x / (1 + s**2), s / (1 + s**2) ** 0.5)
    mu = torch.tensor([0.8, 1.4, 0.3, posterior.mean], **DOUBLE)[:, None]
    sigma = torch.tensor([0.6, 0.4, 1.1, posterior.stddev], **DOUBLE)[:, None]
    guess, prior = Normal(mu, sigma), Normal(torch.zeros(1, 1, **DOUBLE), 1)
    q = guess.log_prob(z).exp()
    log_likelihood = Normal(z, s).log_prob(x)
    # In closed form: minus the squared error of the mean and the variance of the draw.
    reconstruction = Normal(mu, s).log_prob(x)[:, 0] - (sigma[:, 0] / s) ** 2 / 2
    kl_to_prior = kl_divergence(guess, prior)[:, 0]
    return {
        "integral": lambda values: (weights * values).sum(-1),
        "E": lambda values: (weights * q * values).sum(-1),
        "log": torch.log,
        "q": q,
        "p_x_given_z": log_likelihood.exp(),
        "p_z": prior.log_prob(z).exp(),
        "p_z_given_x": posterior.log_prob(z).exp(),
        "p_x": Normal(torch.zeros((), **DOUBLE), (1 + s**2) ** 0.5).log_prob(x).exp(),
        "kl_to_prior": kl_to_prior,
        "kl_to_posterior": kl_divergence(guess, posterior)[:, 0],
        "elbo": reconstruction - kl_to_prior,
    }


@functools.cache
def linear_gaussian():
    """Three pixels, two latents; means over the prior are sums on a fine grid.

    Mean and covariance of the posterior come from Bayes' rule on that grid.
    """
    nodes, weights = trapezoid(-8, 8, 121)
    weights = weights * Normal(torch.zeros((), **DOUBLE), 1).log_prob(nodes).exp()
    z = torch.cartesian_prod(nodes, nodes)
    weights = torch.cartesian_prod(weights, weights).prod(1)
    w, b, s = random(3, 2), random(3, seed=1), 0.8
    x, identity = random(3, seed=2), torch.eye(3, **DOUBLE)
    likelihood = MultivariateNormal(z @ w.T + b, s**2 * identity).log_prob(x).exp()
    posterior = weights * likelihood / (weights * likelihood).sum()
    mean = (posterior[:, None] * z).sum(0)
    covariance = (posterior[:, None] * (z - mean)).T @ (z - mean)
    prior = MultivariateNormal(torch.zeros(2, **DOUBLE), torch.eye(2, **DOUBLE))
    points = random(5, 2, seed=3)
    at_points = MultivariateNormal(points @ w.T + b, s**2 * identity).log_prob(x).exp()
    evidence = (weights * likelihood).sum()
    return {
        "W": w,
        "b": b,
        "s": s,
        "x": x,
        "z": z,
        "I": identity,
        "I_D": torch.eye(2, **DOUBLE),
        "E": lambda values: (weights * values).sum(),
        "N": lambda m, c: MultivariateNormal(m, c).log_prob(x).exp(),
        "N_z": lambda m, c: MultivariateNormal(m, c).log_prob(points).exp(),
        "bayes": at_points * prior.log_prob(points).exp() / evidence,
        "inverse": torch.linalg.inv,
        "nu": mean,
        "M": s**2 * torch.linalg.inv(covariance),
        "covariance": covariance,
    }


@functools.cache
def numerical_optimum():
    """The likeliest W, b and s for some data by L-BFGS, and the eigenvalues of their covariance."""
    x = 2 * random(200, 2) @ random(2, 5, seed=1) + 0.5 * random(200, 5, seed=2)
    parameters = [
        random(5, 2, seed=3),
        torch.zeros(5, **DOUBLE),
        torch.zeros((), **DOUBLE),
    ]
    parameters = [p.requires_grad_() for p in parameters]
    optimizer = torch.optim.LBFGS(
        parameters, 1, 300, 400, 1e-9, 1e-13, 50, line_search_fn="strong_wolfe"
    )

    def loss():
        optimizer.zero_grad()
        w, b, log_s = parameters
        covariance = w @ w.T + (2 * log_s).exp() * torch.eye(5, **DOUBLE)
        value = -MultivariateNormal(b, covariance).log_prob(x).mean()
        value.backward()
        return value

    optimizer.step(loss)
    w, _, log_s = (p.detach() for p in parameters)
    eigenvalues, eigenvectors = torch.linalg.eigh((x - x.mean(0)).T @ (x - x.mean(0)) / len(x))
    angle = torch.tensor(0.4, **DOUBLE)
    return {
        "W": w,
        "s": log_s.exp(),
        "times_itself": lambda m: m @ m.T,
        "U": eigenvectors[:, [4, 3]],
        "Lambda": eigenvalues[[4, 3]].diag(),
        "lambda_": eigenvalues.flip(0),
        "I": torch.eye(2, **DOUBLE),
        "R": torch.stack([angle.cos(), angle.sin(), -angle.sin(), angle.cos()]).view(2, 2),
        "sqrt": torch.sqrt,
        "sum": torch.sum,
        "P": 5,
        "D": 2,
    }


def symbols(names, **assumptions):
    """A vector of symbols, on which NumPy's operators and `@` work."""
    return np.array(sympy.symbols(names, **assumptions), dtype=object)


def symbolic_log(value):
    """The logarithm of a positive expression, or of each in an array, as a sum of logarithms."""
    if isinstance(value, np.ndarray):
        return np.array([symbolic_log(element) for element in value], dtype=object)
    return sympy.expand_log(sympy.log(sympy.factor(value)), force=True)


@functools.cache
def symbolic_gaussians():
    """Any diagonal Gaussian q and any posterior N(nu, s^2 M^-1), in two latent dimensions.

    The oracle is the mean of log q(z|x) - log p(z|x) over z = mu + sigma eps: the difference of
    the two log-densities is a polynomial in eps, of which the moments are known.
    """
    nu, eps = symbols("nu1:3"), symbols("eps1:3")
    mu = nu + symbols("error1:3")  # so that SymPy need not expand powers of mu - nu
    sigma, s = symbols("sigma1:3", positive=True), sympy.Symbol("s", positive=True)
    m_1, m_2, m_12 = sympy.symbols("M1 M2 M12")
    m = np.array([[m_1, m_12], [m_12, m_2]])
    error = mu + sigma * eps - nu
    log_q = -(eps @ eps) / 2 - symbolic_log(2 * sympy.pi * sigma**2).sum() / 2
    log_determinant = symbolic_log(sympy.Matrix(m / s**2).det() / (2 * sympy.pi) ** 2)
    log_posterior = log_determinant / 2 - error @ m @ error / s**2 / 2
    moments = {0: 1, 1: 0, 2: 1}  # of one eps
    terms = sympy.Poly(log_q - log_posterior, *eps).terms()
    return {
        "mu": mu,
        "nu": nu,
        "sigma": sigma,
        "s": s,
        "M": m,
        "diagonal": np.diagonal,
        "sum": np.sum,
        "log": symbolic_log,
        "det": lambda matrix: sympy.Matrix(matrix).det(),
        "oracle": sum(value * moments[i] * moments[j] for (i, j), value in terms),
    }


@functools.cache
def diagonal_guesses():
    """A posterior in three latent dimensions, and torch's divergence of a diagonal q from it.

    The smallest divergence is found by L-BFGS over mean and log-variance.
    """
    w, s, nu = random(5, 3), 0.7, random(3, seed=1)
    m = w.T @ w + s**2 * torch.eye(3, **DOUBLE)
    posterior = MultivariateNormal(nu, s**2 * torch.linalg.inv(m))

    def divergence(mu, sigma_squared):
        return kl_divergence(MultivariateNormal(mu, torch.diag(sigma_squared)), posterior)

    best = torch.zeros(2, 3, **DOUBLE).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [best], 1, 1000, 2000, 1e-12, 1e-16, 50, line_search_fn="strong_wolfe"
    )

    def loss():
        optimizer.zero_grad()
        value = divergence(best[0], best[1].exp())
        value.backward()
        return value

    optimizer.step(loss)
    return {
        "nu": nu,
        "s": s,
        "M": m,
        "diagonal": torch.diagonal,
        "sum": torch.sum,
        "log": torch.log,
        "det": torch.linalg.det,
        "divergence": divergence,
        "minimum": loss().detach(),
    }


@functools.cache
def draws():
    """One, two and three draws of z for each of three guesses, the last of them the posterior.

    The mean over the draws is a sum on a grid in one, two and three dimensions. The same bounds
    come from an integral in one dimension: log a is the integral of (exp(-t) - exp(-a t)) / t over
    t > 0 (Frullani), and the mean of exp(-a t), for a mean a of K independent weights, is the K-th
    power of the mean for one weight at t / K.
    """
    x, s = torch.tensor(1.5, **DOUBLE), 0.5
    nodes, weights = gauss_hermite(32)
    posterior = Normal(x / (1 + s**2), s / (1 + s**2) ** 0.5)
    mu = torch.tensor([0.8, 1.3, posterior.mean], **DOUBLE)
    sigma = torch.tensor([0.6, 0.5, posterior.stddev], **DOUBLE)
    log_p = {
        "p_x_given_z": lambda z: Normal(z, s).log_prob(x),
        "p_z": lambda z: Normal(0.0, 1.0).log_prob(z),
        "q": lambda z: Normal(mu[:, None, None], sigma[:, None, None]).log_prob(z),
    }
    names = {name: lambda z, f=f: f(z).exp() for name, f in log_p.items()}
    for count in (1, 2, 3):
        grid = torch.cartesian_prod(*[nodes] * count).view(-1, count)
        probability = torch.cartesian_prod(*[weights] * count).view(-1, count).prod(1)
        names[f"z{count}"] = mu[:, None, None] + sigma[:, None, None] * grid
        names[f"E{count}"] = lambda values, p=probability: (p * values).sum(-1)
    kl = kl_divergence(Normal(mu, sigma), Normal(torch.zeros(3, **DOUBLE), 1))
    elbo = Normal(mu, s).log_prob(x) - (sigma / s) ** 2 / 2 - kl
    eps, d_eps = trapezoid(-10, 10, 301)
    density = d_eps * Normal(torch.zeros((), **DOUBLE), 1).log_prob(eps).exp()
    z = mu[:, None, None] + sigma[:, None, None] * eps
    weight = (log_p["p_x_given_z"](z) + log_p["p_z"](z) - log_p["q"](z)).exp()
    log_t, d_log_t = trapezoid(-40, 60, 601)
    t = log_t.exp()

    def frullani(count):
        one_weight = (density * (-t[:, None] / count * weight).exp()).sum(-1)  # (guesses, t)
        return (d_log_t * ((-t).exp() - one_weight**count)).sum(-1)

    return {
        **names,
        "iwae_2": frullani(2),
        "iwae_3": frullani(3),
        "sum": lambda values: values.sum(-1),
        "log": torch.log,
        "elbo": elbo,
        "log_p_x": Normal(torch.zeros(3, **DOUBLE), (1 + s**2) ** 0.5).log_prob(x),
    }


@functools.cache
def gaussian_pixels():
    """Any three pixels and outputs, any KL, and SymPy's Gaussian log-density.

    beta is measured: the derivative of the averaged loss with respect to the KL, divided by how
    many times larger its derivative with respect to an error is than that of -log p(x|z).
    """
    x, error = symbols("x1:4", real=True), symbols("error1:4", real=True)
    x_hat = x - error  # so that SymPy need not expand powers of x - x_hat
    s, kl = sympy.Symbol("s", positive=True), sympy.Symbol("kl")
    densities = [
        sympy.stats.density(sympy.stats.Normal("pixel", mean, s))(pixel)
        for pixel, mean in zip(x, x_hat, strict=True)
    ]
    log_likelihood = sum(sympy.expand_log(sympy.log(density)) for density in densities)
    loss = sum((x_hat - x) ** 2) / sympy.Integer(3) + kl
    scale = loss.diff(error[0]) / -log_likelihood.diff(error[0])
    return {
        "x": x,
        "x_hat": x_hat,
        "s": s,
        "P": sympy.Integer(3),
        "kl": kl,
        "beta": sympy.simplify(loss.diff(kl) / scale),
        "log_likelihood": log_likelihood,
        "pi": sympy.pi,
        "sum": np.sum,
        "log": symbolic_log,
    }


@functools.cache
def grey_pixels():
    """Outputs of a decoder, an integral over grey pixels, and torch's continuous Bernoulli.

    The latter's density is the Bernoulli formula over its integral, so that their ratio at the
    pixel 0 gives the integral.
    """
    grey, weights = trapezoid(0, 1, 5001)
    x_hat = torch.tensor([0.02, 0.2, 0.45, 0.7, 0.99], **DOUBLE)
    at_zero = ContinuousBernoulli(x_hat).log_prob(torch.zeros(5, **DOUBLE)).exp()
    return {
        "x": grey[:, None],
        "x_hat": x_hat,
        "integral": lambda values: (weights[:, None] * values).sum(0),
        "log": torch.log,
        "oracle": (1 - x_hat) / at_zero,
    }


CHECKS = [
    Check(
        label="elbo-evidence",
        how="For one pixel and one latent, the integral and the mean over four guesses q are sums "
        "on a fine grid; both are compared with the density in closed form.",
        tex=r"""p(x) = \int p(x \mid z)\, p(z)\, dz
            = \mathbb{E}_{q(z \mid x)}\left[ \frac{p(x \mid z)\, p(z)}{q(z \mid x)} \right] .""",
        chains=(("p_x", "integral(p_x_given_z * p_z)", "E(p_x_given_z * p_z / q)"),),
        names=one_pixel,
    ),
    Check(
        label="elbo-jensen",
        how="Both means are sums on a fine grid for four guesses q, each compared with its closed "
        "form; they must be in order, and equal for the guess that is the true posterior.",
        tex=r"""\begin{aligned}
            \log p(x) &= \log \mathbb{E}_{q(z \mid x)}\left[
            \frac{p(x \mid z)\, p(z)}{q(z \mid x)} \right] \\
            &\ge \mathbb{E}_{q(z \mid x)}\left[ \log \frac{p(x \mid z)\, p(z)}{q(z \mid x)} \right]
            = \mathrm{ELBO}(x) .
            \end{aligned}""",
        chains=(
            ("log(p_x)", "log(E(p_x_given_z * p_z / q))"),
            ("E(log(p_x_given_z * p_z / q))", "log(E(p_x_given_z * p_z / q))"),
            ("E(log(p_x_given_z * p_z / q))", "elbo"),
        ),
        names=one_pixel,
        relation=("==", "<=", "=="),
    ),
    Check(
        label="elbo-terms",
        how="The two means are sums on a fine grid for four guesses q; the KL is that of "
        "torch.distributions, and all is compared with the ELBO in closed form.",
        tex=r"""\begin{aligned}
            \mathrm{ELBO}(x) &= \mathbb{E}_{q(z \mid x)}\big[ \log p(x \mid z) + \log p(z)
            - \log q(z \mid x) \big] \\
            &= \mathbb{E}_{q(z \mid x)}\big[ \log p(x \mid z) \big]
            - \mathrm{KL}\big(q(z \mid x) \,\|\, p(z)\big) .
            \end{aligned}""",
        chains=(
            (
                "elbo",
                "E(log(p_x_given_z) + log(p_z) - log(q))",
                "E(log(p_x_given_z)) - kl_to_prior",
            ),
        ),
        names=one_pixel,
    ),
    Check(
        label="elbo-identity",
        how="Each line is summed on a fine grid for four guesses q; ELBO and KL in the last are "
        "closed forms.",
        tex=r"""\begin{aligned}
            \log p(x) &= \mathbb{E}_{q(z \mid x)}\big[ \log p(x) \big]
            = \mathbb{E}_{q(z \mid x)}\left[ \log \frac{p(x \mid z)\, p(z)}{p(z \mid x)} \right] \\
            &= \mathbb{E}_{q(z \mid x)}\left[ \log \frac{p(x \mid z)\, p(z)}{q(z \mid x)} \right]
            + \mathbb{E}_{q(z \mid x)}\left[ \log \frac{q(z \mid x)}{p(z \mid x)} \right] \\
            &= \mathrm{ELBO}(x) + \mathrm{KL}\big(q(z \mid x) \,\|\, p(z \mid x)\big) .
            \end{aligned}""",
        chains=(
            (
                "log(p_x)",
                "E(log(p_x))",
                "E(log(p_x_given_z * p_z / p_z_given_x))",
                "E(log(p_x_given_z * p_z / q)) + E(log(q / p_z_given_x))",
                "elbo + kl_to_posterior",
            ),
        ),
        names=one_pixel,
    ),
    Check(
        label="elbo-linear-gaussian",
        how="The likelihood is integrated over a two-dimensional latent on a fine grid "
        "and compared with the Gaussian density of torch.distributions.",
        tex=r"""\begin{aligned}
            p(z) = \mathcal{N}(0, I), \quad p(x \mid z) &= \mathcal{N}(W z + b,\; s^2 I) \\
            \Longrightarrow \quad p(x) &= \mathcal{N}(b,\; W W^\top + s^2 I) .
            \end{aligned}""",
        chains=(("E(N(z @ W.T + b, s ** 2 * I))", "N(b, W @ W.T + s ** 2 * I)"),),
        names=linear_gaussian,
    ),
    Check(
        label="elbo-posterior",
        how="Mean and covariance come from Bayes' rule on a fine grid, and the density is "
        "compared with Bayes' rule at five points.",
        tex=r"""\begin{aligned}
            p(z \mid x) &= \mathcal{N}(\nu,\; s^2 M^{-1}), \\
            \nu &= M^{-1} W^\top (x - b), \qquad M = W^\top W + s^2 I .
            \end{aligned}""",
        chains=(
            ("bayes", "N_z(nu, s ** 2 * inverse(M))"),
            ("nu", "inverse(M) @ W.T @ (x - b)"),
            ("M", "W.T @ W + s ** 2 * I_D"),
        ),
        names=linear_gaussian,
    ),
    Check(
        label="elbo-optimum",
        how="W and s are compared with those that a numerical optimiser finds for random data; of "
        "W, what no rotation changes.",
        tex=r"""W = U \left( \Lambda - s^2 I \right)^{1/2} R , \qquad
            s^2 = \frac{1}{P - D} \sum_{i=D+1}^{P} \lambda_i ,""",
        chains=(
            ("times_itself(W)", "times_itself(U @ sqrt(Lambda - s ** 2 * I) @ R)"),
            ("s ** 2", "1 / (P - D) * sum(lambda_[D:P])"),
        ),
        names=numerical_optimum,
        tolerance=1e-6,
    ),
    Check(
        label="elbo-gap",
        how="In SymPy, for any two such Gaussians in two dimensions: the mean of the difference "
        "of their log-densities, from the moments of the noise, must be the formula.",
        tex=r"""\begin{aligned}
            \mathrm{KL}\big(q(z \mid x) \,\|\, p(z \mid x)\big) = \frac{1}{2} \bigg[
            & \frac{(\mu - \nu)^\top M (\mu - \nu)}{s^2} - \log \det M \\
            & + \sum_{j=1}^{D} \left( \frac{M_{jj}\, \sigma_j^2}{s^2}
            - \log \frac{\sigma_j^2}{s^2} - 1 \right)
            \bigg] .
            \end{aligned}""",
        chains=(
            (
                "oracle",
                "((mu - nu) @ M @ (mu - nu) / s ** 2 - log(det(M))"
                " + sum(diagonal(M) * sigma ** 2 / s ** 2 - log(sigma ** 2 / s ** 2) - 1)) / 2",
            ),
        ),
        names=symbolic_gaussians,
    ),
    Check(
        label="elbo-diagonal",
        how="The smallest divergence is found by a numerical optimiser, and compared with the "
        "divergence at the stated mean and variances and with the formula.",
        tex=r"""\min_{\mu,\, \sigma} \mathrm{KL}\big(q(z \mid x) \,\|\, p(z \mid x)\big)
            = \frac{1}{2} \left( \sum_{j=1}^{D} \log M_{jj} - \log \det M \right) .""",
        chains=(
            (
                "minimum",
                "divergence(nu, s ** 2 / diagonal(M))",
                "1 / 2 * (sum(log(diagonal(M))) - log(det(M)))",
            ),
        ),
        names=diagonal_guesses,
    ),
    Check(
        label="elbo-iwae",
        how="For three guesses q the bounds with one, two and three draws, by quadrature in as "
        "many dimensions, are compared with the ELBO in closed form and with an integral in one "
        "dimension; they must be in order, and equal for the posterior.",
        tex=r"""\begin{aligned}
            \mathrm{IWAE}_K(x) &= \mathbb{E}_{q(z \mid x)}\left[ \log \frac{1}{K} \sum_{k=1}^{K}
            \frac{p(x \mid z_k)\, p(z_k)}{q(z_k \mid x)} \right] , \\
            \mathrm{ELBO}(x) &= \mathrm{IWAE}_1(x) \le \mathrm{IWAE}_K(x) \le \mathrm{IWAE}_{K+1}(x)
            \le \log p(x) .
            \end{aligned}""",
        chains=(
            ("elbo", "E1(log(sum(p_x_given_z(z1) * p_z(z1) / q(z1))))"),
            ("iwae_2", "E2(log(1 / 2 * sum(p_x_given_z(z2) * p_z(z2) / q(z2))))"),
            ("iwae_3", "E3(log(1 / 3 * sum(p_x_given_z(z3) * p_z(z3) / q(z3))))"),
            ("elbo", "iwae_2", "iwae_3", "log_p_x"),
        ),
        names=draws,
        relation=("==", "==", "==", "<="),
        tolerance=1e-7,
    ),
    Check(
        label="elbo-squared-error",
        how="In SymPy, for any three pixels and outputs: the formula must be the sum of SymPy's "
        "Gaussian log-densities.",
        tex=r"""\log p(x \mid z) = - \frac{1}{2 s^2} \sum_{i=1}^{P} (x_i - \hat{x}_i)^2
            - \frac{P}{2} \log (2 \pi s^2) .""",
        chains=(
            (
                "log_likelihood",
                "-1 / (2 * s ** 2) * sum((x - x_hat) ** 2) - P / 2 * log(2 * pi * s ** 2)",
            ),
        ),
        names=gaussian_pixels,
    ),
    Check(
        label="elbo-beta",
        how="In SymPy, for any three pixels and outputs and SymPy's Gaussian log-density; beta is "
        "compared with a ratio of derivatives of the two losses.",
        tex=r"""\begin{aligned}
            \frac{1}{P} \sum_{i=1}^{P} (x_i - \hat{x}_i)^2 + \mathrm{KL}
            &= \frac{2 s^2}{P} \Big( {-\log p(x \mid z)} + \beta\, \mathrm{KL} \Big)
            - s^2 \log (2 \pi s^2) , \\
            \beta &= \frac{P}{2 s^2} .
            \end{aligned}""",
        chains=(
            (
                "1 / P * sum((x - x_hat) ** 2) + kl",
                "2 * s ** 2 / P * (-log_likelihood + beta * kl) - s ** 2 * log(2 * pi * s ** 2)",
            ),
            ("beta", "P / (2 * s ** 2)"),
        ),
        names=gaussian_pixels,
    ),
    Check(
        label="elbo-bernoulli-mass",
        how="The integral is a sum on a fine grid; the formula and the constant of torch's "
        "ContinuousBernoulli must agree with it.",
        tex=r"""\int_0^1 \hat{x}_i^{x_i} (1 - \hat{x}_i)^{1 - x_i} \, dx_i
            = \frac{2 \hat{x}_i - 1}{\log \hat{x}_i - \log (1 - \hat{x}_i)} .""",
        chains=(
            (
                "oracle",
                "integral(x_hat ** x * (1 - x_hat) ** (1 - x))",
                "(2 * x_hat - 1) / (log(x_hat) - log(1 - x_hat))",
            ),
        ),
        names=grey_pixels,
        tolerance=1e-7,
    ),
]
