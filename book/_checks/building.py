"""Checks of the equations in "Building the VAE"."""

import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from book._checks.check import Check
from book._checks.quadrature import gauss_hermite, gaussian_cdf


def noise():
    """Means and variances of a three-dimensional latent, and distribution functions."""
    generator = torch.Generator().manual_seed(0)
    mu = torch.randn(3, generator=generator, dtype=torch.float64)
    log_var = torch.randn(3, generator=generator, dtype=torch.float64)
    sigma = log_var.exp().sqrt()
    return {
        "mu": mu,
        "log_var": log_var,
        "sigma": sigma,
        "exp": torch.exp,
        "cdf_of_z": lambda value: gaussian_cdf(value, mu, sigma),
        "cdf_of_eps": Normal(torch.tensor(0.0).double(), 1).cdf,
        "value": torch.linspace(-2, 2, 7, dtype=torch.float64)[:, None],
    }


def one_image():
    """A one-dimensional latent and a decoder of two pixels: every term is a quadrature."""
    nodes, weights = gauss_hermite(60)
    q, prior = (
        Normal(torch.tensor(0.7).double(), 0.6),
        Normal(torch.tensor(0.0).double(), 1),
    )
    z = q.mean + q.stddev * nodes
    logits = torch.stack([1.5 * z - 0.3, 0.4 - 2 * z], dim=1)
    pixels = Independent(Bernoulli(logits=logits), 1)
    return {
        "E": lambda values: (weights * values).sum(),
        "log_likelihood": pixels.log_prob(torch.tensor([1.0, 0.0]).double()),
        "log_joint": pixels.log_prob(torch.tensor([1.0, 0.0]).double()) + prior.log_prob(z),
        "log_q": q.log_prob(z),
        "kl": kl_divergence(q, prior),
    }


def pixels():
    """Binary images and the decoder's probabilities for them."""
    generator = torch.Generator().manual_seed(1)
    x_hat = torch.rand(5, 784, generator=generator, dtype=torch.float64)
    x = torch.bernoulli(x_hat, generator=generator)
    oracle = Independent(Bernoulli(probs=x_hat), 1).log_prob(x)
    return {
        "x": x,
        "x_hat": x_hat,
        "log": torch.log,
        "sum": lambda t: t.sum(-1),
        "oracle": oracle,
    }


def posteriors():
    """Diagonal Gaussians in four dimensions and torch's own divergence to the prior."""
    generator = torch.Generator().manual_seed(2)
    mu = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    sigma = torch.rand(6, 4, generator=generator, dtype=torch.float64) + 0.1
    q = Independent(Normal(mu, sigma), 1)
    prior = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    oracle = kl_divergence(q, prior)
    return {
        "mu": mu,
        "sigma": sigma,
        "log": torch.log,
        "sum": lambda t: t.sum(-1),
        "oracle": oracle,
    }


CHECKS = [
    Check(
        label="building-reparameterization",
        how="The density of z, written out, is integrated up to the draw, and compared with "
        "torch's distribution function of the noise, at seven values and for three means and "
        "variances.",
        tex=r"""z = \mu + \sigma\,\epsilon, \qquad \epsilon \sim \mathcal{N}(0, I),
            \qquad \sigma = e^{\frac{1}{2}\log\sigma^2} .""",
        chains=(
            ("cdf_of_z(mu + sigma * value)", "cdf_of_eps(value)"),
            ("sigma", "exp(log_var / 2)"),
        ),
        names=noise,
    ),
    Check(
        label="building-elbo",
        how="On a one-dimensional latent both terms are integrated by quadrature and their "
        "difference is compared with the mean of log p(x, z) - log q(z | x).",
        tex=r"""\mathrm{ELBO}(x) = \mathbb{E}_{q(z \mid x)}\big[\log p(x \mid z)\big]
            - \mathrm{KL}\big(q(z \mid x) \,\|\, p(z)\big) .""",
        chains=(("E(log_joint - log_q)", "E(log_likelihood) - kl"),),
        names=one_image,
    ),
    Check(
        label="building-bernoulli",
        how="The sum is compared with the log-probability of torch.distributions.Bernoulli on "
        "random binary images.",
        tex=r"""\log p(x \mid z) = \sum_{i=1}^{784} x_i \log \hat{x}_i
            + (1 - x_i) \log(1 - \hat{x}_i) ,""",
        chains=(("oracle", "sum(x * log(x_hat) + (1 - x) * log(1 - x_hat))"),),
        names=pixels,
    ),
    Check(
        label="building-kl",
        how="The sum is compared with the divergence of torch.distributions for random means and "
        "deviations.",
        tex=r"""\mathrm{KL}\big(q(z \mid x) \,\|\, p(z)\big)
            = \frac{1}{2} \sum_{j=1}^{D}
            \left( \mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1 \right) .""",
        chains=(("oracle", "1 / 2 * sum(mu ** 2 + sigma ** 2 - log(sigma ** 2) - 1)"),),
        names=posteriors,
    ),
]
