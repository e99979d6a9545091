"""Checks of the equations in "Latent distributions"."""

import math

import torch
from torch.distributions import (
    Bernoulli,
    Categorical,
    Independent,
    MixtureSameFamily,
    Normal,
)

from book._checks.check import Check
from book._checks.quadrature import gauss_hermite, trapezoid

STANDARD = Normal(torch.tensor(0.0).double(), 1)
MU = torch.tensor([-1.2, 0.4, 1.5]).double()
SIGMA = torch.tensor([0.5, 0.8, 1.1]).double()
GRID, STEPS = trapezoid(-12, 12, 4001)


def mixture():
    """The aggregate posterior of three Gaussians, as torch.distributions has it."""
    return MixtureSameFamily(Categorical(logits=torch.zeros(3).double()), Normal(MU, SIGMA))


def two_pixels():
    """A hazy sky of two binary pixels and three phases; every image is enumerated."""
    p_z = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    lit = torch.tensor([[0.1, 0.1], [0.15, 0.8], [0.9, 0.7]]).double()
    x = torch.cartesian_prod(torch.arange(2), torch.arange(2)).double()
    pixels = Independent(Bernoulli(lit), 1)
    p_x_given_z = pixels.log_prob(x[:, None]).exp()  # (4 images, 3 phases)
    return {
        "p_z": p_z,
        "p_x_given_z": p_x_given_z,
        "p_x": MixtureSameFamily(Categorical(p_z), pixels).log_prob(x).exp(),
        "p_z_given_x": Categorical(probs=p_z * p_x_given_z).probs,
        "sum": lambda values: values.sum(-1),
        "sum_over_x": lambda values: values.sum(0),
        "column": lambda values: values[:, None],
    }


def prior():
    """The standard normal density, from torch.distributions."""
    z = torch.linspace(-3, 3, 7).double()
    oracle = STANDARD.log_prob(z).exp()
    return {
        "z": z,
        "oracle": oracle,
        "exp": torch.exp,
        "sqrt": math.sqrt,
        "pi": math.pi,
    }


def linear_gaussian():
    """x = 2 z + 1/2 + noise of deviation 0.3: p(x) and p(z | x) are known Gaussians."""
    x = torch.linspace(-2, 2, 5).double()[:, None]
    half, noise = torch.tensor([0.5, 0.3]).double()
    p_x = Normal(half, (4 + noise**2).sqrt()).log_prob(x[:, 0]).exp()
    variance = 1 / (1 + 4 / noise**2)
    posterior = Normal(variance * 2 * (x - half) / noise**2, variance.sqrt())
    return {
        "p_x": p_x,
        "p_z": STANDARD.log_prob(GRID).exp(),
        "p_x_given_z": Normal(2 * GRID + half, noise).log_prob(x).exp(),
        "posterior": posterior.log_prob(GRID).exp(),
        "integral": lambda values: (values * STEPS).sum(-1),
        "column": lambda values: values[:, None],
    }


def moon():
    """The area between terminator and limb by quadrature, as a share of the disc."""
    phase = torch.linspace(0.05, 1, 6).double()
    t, weights = trapezoid(-math.pi / 2, math.pi / 2, 4001)
    # At the height sin(t) light reaches from cos(pi phase) cos(t) to cos(t); dy = cos(t) dt.
    length = t.cos() - torch.cos(math.pi * phase)[:, None] * t.cos()
    return {
        "lit_share": (length * t.cos() * weights).sum(-1) / math.pi,
        "phase": phase,
        "cos": torch.cos,
        "pi": math.pi,
    }


def gaussian():
    """The density of each of three Gaussians, from torch.distributions."""
    z = torch.linspace(-3, 3, 7).double()[:, None]
    return {
        "z": z,
        "mu": MU,
        "sigma": SIGMA,
        "oracle": Normal(MU, SIGMA).log_prob(z).exp(),
        "exp": torch.exp,
        "sqrt": math.sqrt,
        "pi": math.pi,
    }


def three_images():
    """Three images of four pixels, and a decoder that is far from the best."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 4, generator=generator, dtype=torch.float64)

    def x_hat(z):
        return torch.stack([0.5 + 0.3 * torch.sin(z + i) for i in range(4)], dim=-1)

    return x, x_hat


def losses():
    """The expected squared error, image by image by Gauss-Hermite, and z by z on a grid."""
    x, x_hat = three_images()
    nodes, weights = gauss_hermite(80)
    draws = MU[:, None] + SIGMA[:, None] * nodes  # (3, nodes)
    return {
        "N": 3,
        "sum": lambda values: values.sum(0),
        "E": lambda values: (values * weights).sum(-1),
        "error_of_draws": (x[:, None] - x_hat(draws)).norm(dim=-1),
        "q": Normal(MU[:, None], SIGMA[:, None]).log_prob(GRID).exp(),
        "error": (x[:, None] - x_hat(GRID)).norm(dim=-1),
        "integral": lambda values: (values * STEPS).sum(-1),
    }


def decoders():
    """At seven z: the best answer by weighted least squares, and responsibilities by Bayes."""
    x, x_hat = three_images()
    z = torch.linspace(-2, 2, 7).double()
    log_q = Normal(MU, SIGMA).log_prob(z[:, None])  # (7, 3)
    root = (log_q / 2).exp()[..., None]
    best = torch.linalg.lstsq(root, root * x).solution[:, 0]  # (7, 4)
    return {
        "x": x,
        "q": log_q.exp(),
        "r": log_q.softmax(-1),
        "best": best,
        "x_hat": x_hat(z),
        "sum": lambda values: values.sum(1),
        "column": lambda values: values[..., None],
        "row": lambda values: values[:, None],
        "norm": lambda values: values.norm(dim=-1),
    }


def two_gaussians():
    """Densities of two Gaussians of one width."""
    z = torch.linspace(-2, 2, 7).double()
    mu_1, mu_2, sigma = (torch.tensor(value).double() for value in (-0.7, 1.1, 0.8))
    log_q = Normal(torch.stack([mu_1, mu_2]), sigma).log_prob(z[:, None])
    return {
        "z": z,
        "mu_1": mu_1,
        "mu_2": mu_2,
        "sigma": sigma,
        "q_1": log_q[:, 0].exp(),
        "q_2": log_q[:, 1].exp(),
        "r_2": log_q.softmax(-1)[:, 1],
        "exp": torch.exp,
    }


def ranks():
    """Two sequences without ties, their ranks, and Pearson's correlation of the ranks."""
    generator = torch.Generator().manual_seed(3)
    mu = torch.randn(9, generator=generator, dtype=torch.float64)
    phase = mu + torch.randn(9, generator=generator, dtype=torch.float64)
    rank_mu, rank_phase = ((v[:, None] > v).sum(1).double() for v in (mu, phase))
    return {
        "N": 9,
        "sum": torch.sum,
        "rank_mu": rank_mu,
        "rank_phase": rank_phase,
        "pearson": torch.corrcoef(torch.stack([rank_mu, rank_phase]))[0, 1],
    }


def aggregate():
    """The mixture's density, mean and variance, from torch.distributions and by quadrature."""
    return {
        "N": 3,
        "z": GRID,
        "mu": MU,
        "sigma": SIGMA,
        "mean": mixture().mean,
        "variance": mixture().variance,
        "q_z": mixture().log_prob(GRID).exp(),
        "q": Normal(MU[:, None], SIGMA[:, None]).log_prob(GRID).exp(),
        "sum": lambda values: values.sum(0),
        "integral": lambda values: (values * STEPS).sum(-1),
    }


CHECKS = [
    Check(
        label="latent-sum",
        how="For two hazy pixels and three phases the sum is compared, for all four images, with "
        "the mixture of torch.distributions.",
        tex=r"""p(x) = \sum_{z} p(x \mid z)\, p(z) ,""",
        chains=(("p_x", "sum(p_x_given_z * p_z)"),),
        names=two_pixels,
    ),
    Check(
        label="latent-prior",
        how="The density is compared with that of torch.distributions at seven values.",
        tex=r"""p(z) = \frac{1}{\sqrt{2\pi}} \exp\left(-\frac{z^2}{2}\right) .""",
        chains=(("oracle", "1 / sqrt(2 * pi) * exp(-z ** 2 / 2)"),),
        names=prior,
    ),
    Check(
        label="latent-integral",
        how="For x = 2 z + 1/2 + noise the integral, by quadrature, is compared with the Gaussian "
        "that x then has.",
        tex=r"""p(x) = \int p(x \mid z)\, p(z)\, \mathrm{d}z .""",
        chains=(("p_x", "integral(p_x_given_z * p_z)"),),
        names=linear_gaussian,
    ),
    Check(
        label="latent-bayes",
        how="For x = 2 z + 1/2 + noise the quotient is compared with the closed form of the "
        "posterior, on a grid of z and for five x.",
        tex=r"""p(z \mid x) = \frac{p(x \mid z)\, p(z)}{p(x)} .""",
        chains=(("posterior", "p_x_given_z * p_z / column(p_x)"),),
        names=linear_gaussian,
    ),
    Check(
        label="latent-lit",
        how="Both sides are compared with the area between terminator and limb, by quadrature over "
        "the height on the disc.",
        tex=r"""\frac{1}{\pi}\left(\frac{\pi}{2} - \frac{\pi}{2}\cos \pi\varphi\right)
            = \frac{1 - \cos \pi\varphi}{2} .""",
        chains=(
            (
                "lit_share",
                "1 / pi * (pi / 2 - pi / 2 * cos(pi * phase))",
                "(1 - cos(pi * phase)) / 2",
            ),
        ),
        names=moon,
    ),
    Check(
        label="latent-gaussian",
        how="The density is compared with that of torch.distributions for three Gaussians.",
        tex=r"""q(z \mid x^{(n)}) = \frac{1}{\sqrt{2\pi}\,\sigma^{(n)}}
            \exp\left(-\frac{(z - \mu^{(n)})^2}{2\,(\sigma^{(n)})^2}\right) .""",
        chains=(
            (
                "oracle",
                "1 / (sqrt(2 * pi) * sigma) * exp(-(z - mu) ** 2 / (2 * sigma ** 2))",
            ),
        ),
        names=gaussian,
    ),
    Check(
        label="latent-loss",
        how="For three Gaussians and an arbitrary decoder the left side is computed image by image "
        "with Gauss-Hermite nodes, the right side on a grid of z.",
        tex=r"""\begin{aligned}
            \frac{1}{N} \sum_{n=1}^{N} &\mathbb{E}_{q(z \mid x^{(n)})}
            \big\| x^{(n)} - \hat{x}(z) \big\|^2 \\
            &= \int \frac{1}{N} \sum_{n=1}^{N} q(z \mid x^{(n)})\,
            \big\| x^{(n)} - \hat{x}(z) \big\|^2 \,\mathrm{d}z .
            \end{aligned}""",
        chains=(
            (
                "1 / N * sum(E(error_of_draws ** 2))",
                "integral(1 / N * sum(q * error ** 2))",
            ),
        ),
        names=losses,
    ),
    Check(
        label="latent-responsibility",
        how="The weighted mean is compared with a weighted least-squares solver's answer, the "
        "responsibilities with a softmax of the log-densities.",
        tex=r"""\hat{x}^*(z) = \sum_{n=1}^{N} r_n(z)\, x^{(n)} , \qquad
            r_n(z) = \frac{q(z \mid x^{(n)})}{\sum_{m=1}^{N} q(z \mid x^{(m)})} .""",
        chains=(("best", "sum(column(r) * x)"), ("r", "q / row(sum(q))")),
        names=decoders,
    ),
    Check(
        label="latent-decomposition",
        how="Both sides are evaluated at seven z for an arbitrary decoder, with the best answer "
        "from a weighted least-squares solver.",
        tex=r"""\begin{aligned}
            \sum_{n=1}^{N} q(z \mid x^{(n)})\, \big\| x^{(n)} - \hat{x} \big\|^2
            &= \sum_{n=1}^{N} q(z \mid x^{(n)})\, \big\| x^{(n)} - \hat{x}^* \big\|^2 \\
            &\quad + \big\| \hat{x} - \hat{x}^* \big\|^2 \sum_{n=1}^{N} q(z \mid x^{(n)}) .
            \end{aligned}""",
        chains=(
            (
                "sum(q * norm(x - row(x_hat)) ** 2)",
                "sum(q * norm(x - row(best)) ** 2) + norm(x_hat - best) ** 2 * sum(q)",
            ),
        ),
        names=decoders,
    ),
    Check(
        label="latent-sigmoid",
        how="Quotient and sigmoid are compared with a softmax of the log-densities at seven z.",
        tex=r"""r_2(z) = \frac{q(z \mid x^{(2)})}{q(z \mid x^{(1)}) + q(z \mid x^{(2)})}
            = \frac{1}{1 + \exp\left(-\frac{\mu^{(2)} - \mu^{(1)}}{\sigma^2}
            \left(z - \frac{\mu^{(1)} + \mu^{(2)}}{2}\right)\right)} .""",
        chains=(
            (
                "r_2",
                "q_2 / (q_1 + q_2)",
                "1 / (1 + exp(-(mu_2 - mu_1) / sigma ** 2 * (z - (mu_1 + mu_2) / 2)))",
            ),
        ),
        names=two_gaussians,
    ),
    Check(
        label="latent-rank",
        how="The expression is compared with Pearson's correlation coefficient of the ranks.",
        tex=r"""1 - \frac{6 \sum_{n=1}^{N} \big(\operatorname{rank}(\mu^{(n)})
            - \operatorname{rank}(\varphi^{(n)})\big)^2}{N (N^2 - 1)} ,""",
        chains=(
            (
                "pearson",
                "1 - 6 * sum((rank_mu - rank_phase) ** 2) / (N * (N ** 2 - 1))",
            ),
        ),
        names=ranks,
    ),
    Check(
        label="latent-aggregate",
        how="The mean of three Gaussians is compared with the mixture of torch.distributions on a "
        "grid of z.",
        tex=r"""q(z) = \frac{1}{N} \sum_{n=1}^{N} q(z \mid x^{(n)}) .""",
        chains=(("q_z", "1 / N * sum(q)"),),
        names=aggregate,
    ),
    Check(
        label="latent-consistency",
        how="For two hazy pixels and three phases both sums over all four images are compared with "
        "the prior.",
        tex=r"""\sum_{x} p(z \mid x)\, p(x) = \sum_{x} p(x \mid z)\, p(z) = p(z) .""",
        chains=(
            (
                "sum_over_x(p_z_given_x * column(p_x))",
                "sum_over_x(p_x_given_z * p_z)",
                "p_z",
            ),
        ),
        names=two_pixels,
    ),
    Check(
        label="latent-moments",
        how="Mean and variance of a mixture of three Gaussians are integrated by quadrature; the "
        "mean is compared with torch.distributions.",
        tex=r"""\begin{aligned}
            \int z\, q(z)\, \mathrm{d}z &= \bar\mu , \\
            \int (z - \bar\mu)^2 q(z)\, \mathrm{d}z
            &= \frac{1}{N} \sum_{n=1}^{N} \Big( (\sigma^{(n)})^2 + (\mu^{(n)} - \bar\mu)^2 \Big) .
            \end{aligned}""",
        chains=(
            ("integral(z * q_z)", "mean"),
            (
                "integral((z - mean) ** 2 * q_z)",
                "1 / N * sum(sigma ** 2 + (mu - mean) ** 2)",
            ),
        ),
        names=aggregate,
    ),
]
