"""Checks of the equations in "The KL divergence"."""

from functools import cache

import sympy
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
from book._checks.check import Check, Estimate
from book._checks.quadrature import gauss_hermite, trapezoid
from book._checks.symbolic import gaussian_mean

ZERO, ONE = (
    torch.zeros((), dtype=torch.float64),
    torch.ones((), dtype=torch.float64),
)
PRIOR = Normal(ZERO, ONE)
MIXTURE = MixtureSameFamily(
    Categorical(torch.tensor([0.3, 0.7], dtype=torch.float64)),
    Normal(torch.tensor([-1.5, 2.0]).double(), torch.tensor([0.6, 0.8]).double()),
)


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def minimum(loss) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean and the variance at which loss(mu, log_var) is lowest."""
    parameters = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [parameters],
        max_iter=200,
        tolerance_grad=1e-12,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        value = loss(*parameters)
        value.backward()
        return value

    optimizer.step(closure)
    mu, log_var = parameters.detach()
    return mu, log_var.exp()


def discrete():
    """Pairs of distributions over five outcomes; in the last pair both are the same."""
    q, p = random(2, 4, 5).softmax(-1)
    p[-1] = q[-1]
    return {
        "q": q,
        "p": p,
        "log": lambda values: (ONE * values).log(),
        "sum": lambda values: values.sum(-1),
        "E": lambda values: torch.einsum("nz,nz->n", q, values),
        "oracle": kl_divergence(Categorical(q), Categorical(p)),
    }


def densities():
    """A Gaussian against another one, and against a skewed distribution."""
    z, weights = trapezoid(-6.1, 6.7, 1601)
    q = Normal(0.3 * ONE, 0.8 * ONE)
    others = [Normal(-0.5 * ONE, 1.1 * ONE), Gumbel(-0.2 * ONE, 1.2 * ONE)]
    return {
        "q": q.log_prob(z).exp(),
        "p": torch.stack([p.log_prob(z).exp() for p in others]),
        "log": torch.log,
        "integral": lambda values: values @ weights,
        "oracle": torch.stack([kl_divergence(q, p) for p in others]),
    }


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
    mu, var = forward_fit()
    z, weights = trapezoid(-12, 12, 2401)
    density = MIXTURE.log_prob(z).exp()
    return {
        "mu": mu,
        "fitted_mu": mu,
        "fitted_var": var,
        "z": z,
        "E": lambda values: weights @ (density * values),
    }


@cache
def gaussians():
    """Six Gaussians, an integral over the reals for each, and torch's divergence to the prior."""
    mu, sigma = random(6, 1), (random(6, 1, seed=1) / 3).exp()
    u, weights = trapezoid(-8.5, 8.5, 201)
    return {
        "mu": mu,
        "sigma": sigma,
        "z": mu + sigma * u,
        "pi": ONE * torch.pi,
        "exp": torch.exp,
        "log": torch.log,
        "sqrt": torch.sqrt,
        "integral": lambda values: (sigma * weights * values).sum(1),
        "closed": lambda values: values[:, 0],
        "oracle": kl_divergence(Normal(mu, sigma), PRIOR)[:, 0],
    }


@cache
def divergence(mean_q, var_q, mean_p, var_p):
    """The mean of log q(z) - log p(z) under q, integrated by SymPy."""
    z = sympy.Symbol("z", real=True)

    def log_density(mean, var):
        return -((z - mean) ** 2) / (2 * var) - sympy.log(2 * sympy.pi * var) / 2

    log_ratio = log_density(mean_q, var_q) - log_density(mean_p, var_p)
    return gaussian_mean(log_ratio, {z: (mean_q, sympy.sqrt(var_q))})


def symbols():
    """A Gaussian with any mean and deviation, in SymPy."""
    z, mu = sympy.symbols("z mu", real=True)
    sigma = sympy.Symbol("sigma", positive=True)
    return {
        "z": z,
        "mu": mu,
        "sigma": sigma,
        "E": lambda polynomial: gaussian_mean(polynomial, {z: (mu, sigma)}),
    }


def pairs_of_gaussians():
    """Two Gaussians with any means and deviations, in SymPy."""
    mu_q, mu_p = sympy.symbols("mu_q mu_p", real=True)
    sigma_q, sigma_p = sympy.symbols("sigma_q sigma_p", positive=True)
    return {
        "mu_q": mu_q,
        "mu_p": mu_p,
        "sigma_q": sigma_q,
        "sigma_p": sigma_p,
        "log": sympy.log,
        "kl": divergence,
    }


@cache
def diagonal():
    """Diagonal Gaussians in four dimensions, as Gaussians with a covariance matrix too."""
    mu, sigma = random(6, 4), random(6, 4, seed=1).exp()
    q = MultivariateNormal(mu, torch.diag_embed(sigma**2))
    prior = MultivariateNormal(torch.zeros_like(mu[0]), torch.eye(4, dtype=torch.float64))
    return {
        "mu": mu,
        "sigma": sigma,
        "log": torch.log,
        "sum": lambda values: values.sum(-1),
        "kl_of_coordinates": kl_divergence(Normal(mu, sigma), PRIOR),
        "oracle": kl_divergence(q, prior),
        "library": vaelib.gaussian_kl(mu, 2 * sigma.log()),
    }


def gradients():
    """SymPy's derivatives of the integral, with the deviation written by its log-variance."""
    mu, log_var = sympy.symbols("mu log_var", real=True)
    sigma = sympy.exp(log_var / 2)
    return {
        "mu": mu,
        "log_var": log_var,
        "sigma": sigma,
        "kl": divergence(mu, sympy.exp(log_var), 0, 1),
        "diff": sympy.diff,
    }


def decoders():
    """Five data, each with a decoder of one weight and a Gaussian over the latent."""
    nodes, weights = gauss_hermite(20)
    x, w, mu = random(3, 5, 1)
    sigma = random(5, 1, seed=1).exp()
    return {
        "x": x,
        "w": w,
        "mu": mu,
        "sigma": sigma,
        "z": mu + sigma * nodes,
        "E": lambda values: (weights * values).sum(1, keepdim=True),
    }


@cache
def settled():
    nodes, weights = gauss_hermite(20)
    x, w = (
        random(5, seed=2),
        torch.tensor([0.0, 0.5, -1.0, 1.5, 3.0], dtype=torch.float64),
    )

    def loss(datum, weight):
        def of_parameters(mu, log_var):
            sigma = (log_var / 2).exp()
            squared_error = (datum - weight * (mu + sigma * nodes)).square()
            return 0.5 * weights @ squared_error + kl_divergence(Normal(mu, sigma), PRIOR)

        return of_parameters

    found = [minimum(loss(datum, weight)) for datum, weight in zip(x, w, strict=True)]
    mu, var = (torch.stack(values) for values in zip(*found, strict=True))
    return {"x": x, "w": w, "settled_mu": mu, "settled_var": var}


@cache
def draws():
    """A hundred thousand draws from a two-dimensional Gaussian."""
    count = 100_000
    mu, sigma = (
        torch.tensor([0.8, -0.4]).double(),
        torch.tensor([0.5, 1.3]).double(),
    )
    q, p = Independent(Normal(mu, sigma), 1), Independent(PRIOR.expand([2]), 1)
    z = mu + sigma * random(count, 2)
    return {
        "K": count,
        "log_q": q.log_prob(z),
        "log_p": p.log_prob(z),
        "sum": lambda values: Estimate.mean(values) * count,
        "oracle": kl_divergence(q, p),
    }


CHECKS = [
    Check(
        label="kl-discrete",
        how="Both forms are enumerated for random distributions over five outcomes and compared "
        "with the divergence of torch.distributions.",
        tex=r"""\mathrm{KL}(q \,\|\, p) = \sum_z q(z) \log \frac{q(z)}{p(z)}
            = \mathbb{E}_q\big[\log q(z) - \log p(z)\big] .""",
        chains=(("oracle", "sum(q * log(q / p))", "E(log(q) - log(p))"),),
        names=discrete,
    ),
    Check(
        label="kl-density",
        how="The integral is evaluated by quadrature, for a Gaussian against another one and "
        "against a Gumbel distribution, and compared with torch.distributions.",
        tex=r"\mathrm{KL}(q \,\|\, p) = \int q(z) \log \frac{q(z)}{p(z)} \, dz .",
        chains=(("oracle", "integral(q * log(q / p))"),),
        names=densities,
    ),
    Check(
        label="kl-jensen",
        how="All sides are enumerated for random pairs of distributions and for a pair of equal "
        "ones: the inequality must hold, with equality in the last case, and so must the three "
        "equalities.",
        tex=r"""-\mathrm{KL}(q \,\|\, p)
            = \mathbb{E}_q\left[\log \frac{p(z)}{q(z)}\right]
            \le \log \mathbb{E}_q\left[\frac{p(z)}{q(z)}\right]
            = \log \sum_z p(z)
            = \log 1 .""",
        chains=(
            ("-oracle", "E(log(p / q))"),
            ("E(log(p / q))", "log(E(p / q))"),
            ("log(E(p / q))", "log(sum(p))", "log(1)"),
        ),
        names=discrete,
        relation=("==", "<=", "=="),
    ),
    Check(
        label="kl-moment-matching",
        how="The forward divergence to a mixture is minimised numerically, and the mean and "
        "variance found agree to six digits with the moments of the mixture by quadrature.",
        tex=r"""\mu = \mathbb{E}_p[z], \qquad
            \sigma^2 = \mathbb{E}_p\big[(z - \mu)^2\big] .""",
        chains=(("fitted_mu", "E(z)"), ("fitted_var", "E((z - mu) ** 2)")),
        names=mixture,
        tolerance=1e-6,
    ),
    Check(
        label="kl-second-moments",
        how="SymPy integrates both means over the real line, for any mean and deviation.",
        tex=r"""\mathbb{E}_q[z^2] = \mu^2 + \sigma^2, \qquad
            \mathbb{E}_q\big[(z - \mu)^2\big] = \sigma^2 .""",
        chains=(
            ("E(z ** 2)", "mu ** 2 + sigma ** 2"),
            ("E((z - mu) ** 2)", "sigma ** 2"),
        ),
        names=symbols,
    ),
    Check(
        label="kl-standard",
        how="Each of the three integrals is evaluated by quadrature as it is printed, for six "
        "Gaussians; they and the last line are compared with torch.distributions.",
        tex=r"""\begin{aligned}
            &\mathrm{KL}\big(\mathcal{N}(\mu, \sigma^2) \,\big\|\, \mathcal{N}(0, 1)\big) \\
            &= \int \frac{1}{\sqrt{2\pi\sigma^2}} e^{-(z-\mu)^2 / (2\sigma^2)}
            \left( \log \frac{e^{-(z-\mu)^2 / (2\sigma^2)} / \sqrt{2\pi\sigma^2}}
            {e^{-z^2/2} / \sqrt{2\pi}} \right) dz \\
            &= \int \frac{1}{\sqrt{2\pi\sigma^2}} e^{-(z-\mu)^2 / (2\sigma^2)}
            \log \left\{ \frac{1}{\sqrt{\sigma^2}} \exp\left\{ \frac{1}{2}
            \left[ z^2 - \frac{(z-\mu)^2}{\sigma^2} \right] \right\} \right\} dz \\
            &= \frac{1}{2} \int \frac{1}{\sqrt{2\pi\sigma^2}} e^{-(z-\mu)^2 / (2\sigma^2)}
            \left[ -\log \sigma^2 + z^2 - \frac{(z-\mu)^2}{\sigma^2} \right] dz \\
            &= \frac{1}{2} \left( -\log \sigma^2 + \mu^2 + \sigma^2 - 1 \right) .
            \end{aligned}""",
        chains=(
            (
                "oracle",
                "integral(1 / sqrt(2 * pi * sigma ** 2) * exp(-(z - mu) ** 2 / (2 * sigma ** 2))"
                " * log(exp(-(z - mu) ** 2 / (2 * sigma ** 2)) / sqrt(2 * pi * sigma ** 2)"
                " / (exp(-z ** 2 / 2) / sqrt(2 * pi))))",
                "integral(1 / sqrt(2 * pi * sigma ** 2) * exp(-(z - mu) ** 2 / (2 * sigma ** 2))"
                " * log(1 / sqrt(sigma ** 2)"
                " * exp(1 / 2 * (z ** 2 - (z - mu) ** 2 / sigma ** 2))))",
                "1 / 2 * integral("
                "1 / sqrt(2 * pi * sigma ** 2) * exp(-(z - mu) ** 2 / (2 * sigma ** 2))"
                " * (-log(sigma ** 2) + z ** 2 - (z - mu) ** 2 / sigma ** 2))",
                "closed(1 / 2 * (-log(sigma ** 2) + mu ** 2 + sigma ** 2 - 1))",
            ),
        ),
        names=gaussians,
    ),
    Check(
        label="kl-two-gaussians",
        how="SymPy integrates the divergence of any two Gaussians, and that of the shifted and "
        "scaled Gaussian to the standard one; the last line is compared with both.",
        tex=r"""\begin{aligned}
            \mathrm{KL}\big(\mathcal{N}(\mu_q, \sigma_q^2) \,\big\|\,
            \mathcal{N}(\mu_p, \sigma_p^2)\big)
            &= \mathrm{KL}\left(\mathcal{N}\left(\frac{\mu_q - \mu_p}{\sigma_p},
            \frac{\sigma_q^2}{\sigma_p^2}\right)
            \,\middle\|\, \mathcal{N}(0, 1)\right) \\
            &= \frac{1}{2} \left( \log \frac{\sigma_p^2}{\sigma_q^2}
            + \frac{\sigma_q^2 + (\mu_q - \mu_p)^2}{\sigma_p^2} - 1 \right) .
            \end{aligned}""",
        chains=(
            (
                "kl(mu_q, sigma_q ** 2, mu_p, sigma_p ** 2)",
                "kl((mu_q - mu_p) / sigma_p, sigma_q ** 2 / sigma_p ** 2, 0, 1)",
                "1 / 2 * (log(sigma_p ** 2 / sigma_q ** 2)"
                " + (sigma_q ** 2 + (mu_q - mu_p) ** 2) / sigma_p ** 2 - 1)",
            ),
        ),
        names=pairs_of_gaussians,
    ),
    Check(
        label="kl-diagonal",
        how="The divergence between Gaussians with a covariance matrix, the sum of the "
        "coordinates' own divergences (both by torch.distributions), the printed sum and "
        "vaelib.gaussian_kl are compared.",
        tex=r"""\begin{aligned}
            \mathrm{KL}\big(q(z \mid x) \,\|\, p(z)\big)
            &= \sum_{j=1}^{D} \mathrm{KL}\big(\mathcal{N}(\mu_j, \sigma_j^2)
            \,\big\|\, \mathcal{N}(0, 1)\big) \\
            &= \frac{1}{2} \sum_{j=1}^{D}
            \left( \mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1 \right) .
            \end{aligned}""",
        chains=(
            (
                "oracle",
                "sum(kl_of_coordinates)",
                "1 / 2 * sum(mu ** 2 + sigma ** 2 - log(sigma ** 2) - 1)",
                "library",
            ),
        ),
        names=diagonal,
    ),
    Check(
        label="kl-gradient",
        how="SymPy integrates the divergence from any Gaussian to the prior and differentiates it "
        "in the mean and in the logarithm of the variance.",
        tex=r"""\frac{\partial\,\mathrm{KL}}{\partial \mu} = \mu, \qquad
            \frac{\partial\,\mathrm{KL}}{\partial \log\sigma^2}
            = \frac{1}{2} \left( \sigma^2 - 1 \right) .""",
        chains=(
            ("diff(kl, mu)", "mu"),
            ("diff(kl, log_var)", "1 / 2 * (sigma ** 2 - 1)"),
        ),
        names=gradients,
    ),
    Check(
        label="kl-reconstruction",
        how="The mean is integrated by Gauss-Hermite quadrature for five data and decoders.",
        tex=r"""\mathbb{E}_q\left[\frac{1}{2} (x - w z)^2\right]
            = \frac{1}{2} (x - w \mu)^2 + \frac{1}{2} w^2 \sigma^2 .""",
        chains=(
            (
                "E(1 / 2 * (x - w * z) ** 2)",
                "1 / 2 * (x - w * mu) ** 2 + 1 / 2 * w ** 2 * sigma ** 2",
            ),
        ),
        names=decoders,
    ),
    Check(
        label="kl-settles",
        how="Reconstruction loss (by quadrature) plus divergence (torch.distributions) is "
        "minimised numerically for five data and decoders; the lowest point must agree to six "
        "digits.",
        tex=r"""\mu = \frac{w x}{1 + w^2}, \qquad \sigma^2 = \frac{1}{1 + w^2} .""",
        chains=(
            ("settled_mu", "w * x / (1 + w ** 2)"),
            ("settled_var", "1 / (1 + w ** 2)"),
        ),
        names=settled,
        tolerance=1e-6,
    ),
    Check(
        label="kl-monte-carlo",
        how="The mean over a hundred thousand draws must agree with torch.distributions within "
        "five standard errors.",
        tex=r"""\mathrm{KL}(q \,\|\, p) \approx
            \frac{1}{K} \sum_{k=1}^{K} \big[ \log q(z_k) - \log p(z_k) \big] .""",
        chains=(("oracle", "1 / K * sum(log_q - log_p)"),),
        names=draws,
    ),
]
