"""Checks of the equations in "Latent distributions"."""

import math

import numpy as np
import torch
from torch.distributions import Bernoulli, Categorical, Independent, MixtureSameFamily, Normal

from book._checks.arrays import Array, over
from book._checks.check import Check
from book._checks.quadrature import gauss_hermite, trapezoid
from book._checks.random_numbers import uniform
from book._checks.scope import Draws, Law

STANDARD = Normal(torch.tensor(0.0).double(), 1)
MU = torch.tensor([-1.2, 0.4, 1.5, -0.3, 2.1]).double()
SIGMA = torch.tensor([0.5, 0.8, 1.1, 0.7, 0.6]).double()
GRID, STEPS = trapezoid(-12, 12, 1201)


def mixture():
    """The aggregate posterior of five Gaussians, as torch.distributions has it."""
    return MixtureSameFamily(Categorical(logits=torch.zeros(5).double()), Normal(MU, SIGMA))


def two_pixels():
    """A hazy sky of two binary pixels and three phases; every image is enumerated."""
    p_z = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    lit = torch.tensor([[0.1, 0.1], [0.15, 0.8], [0.9, 0.7]]).double()
    x = torch.cartesian_prod(torch.arange(2), torch.arange(2)).double()
    pixels = Independent(Bernoulli(lit), 1)
    p_x_given_z = pixels.log_prob(x[:, None]).exp()  # (4 images, 3 phases)
    return {
        "p(z)": over("phase", p_z),
        r"p(x \mid z)": over("image phase", p_x_given_z),
        "p(x)": over("image", MixtureSameFamily(Categorical(p_z), pixels).log_prob(x).exp()),
        r"p(z \mid x)": over("image phase", Categorical(probs=p_z * p_x_given_z).probs),
        r"\sum z": Draws({}, axis="phase"),
        r"\sum x": Draws({}, axis="image"),
    }


def prior():
    """The standard normal density, from torch.distributions."""
    z = torch.linspace(-3, 3, 7).double()
    return {"z": over("value", z), "p(z)": over("value", STANDARD.log_prob(z).exp())}


def linear_gaussian():
    """x = 2 z + 1/2 + noise of deviation 0.3: p(x) and p(z | x) are known Gaussians."""
    x = torch.linspace(-2, 2, 5).double()[:, None]
    half, noise = torch.tensor([0.5, 0.3]).double()
    variance = 1 / (1 + 4 / noise**2)
    posterior = Normal(variance * 2 * (x - half) / noise**2, variance.sqrt())
    return {
        "p(x)": over("image", Normal(half, (4 + noise**2).sqrt()).log_prob(x[:, 0]).exp()),
        "p(z)": over("point", STANDARD.log_prob(GRID).exp()),
        r"p(x \mid z)": over("image point", Normal(2 * GRID + half, noise).log_prob(x).exp()),
        r"p(z \mid x)": over("image point", posterior.log_prob(GRID).exp()),
        r"\int z": Draws({}, over("point", STEPS), "point"),
    }


def moon():
    """The area between terminator and limb by quadrature, as a share of the disc."""
    phase = torch.linspace(0.05, 1, 6).double()
    t, weights = trapezoid(-math.pi / 2, math.pi / 2, 4001)
    # At the height sin(t) light reaches from cos(pi phase) cos(t) to cos(t); dy = cos(t) dt.
    length = t.cos() - torch.cos(math.pi * phase)[:, None] * t.cos()
    return {
        "?1": over("moon", (length * t.cos() * weights).sum(-1) / math.pi),
        r"\varphi": over("moon", phase),
    }


def gaussian():
    """The density of each of five Gaussians, from torch.distributions."""
    z = torch.linspace(-3, 3, 7).double()
    return {
        "z": over("value", z),
        r"\mu^{(:n)}": over("n", MU),
        r"\sigma^{(:n)}": over("n", SIGMA),
        r"q(z \mid x^{(:n)})": over("value n", Normal(MU, SIGMA).log_prob(z[:, None]).exp()),
    }


def x_hat(z: Array) -> Array:
    """A decoder of four pixels that is far from the best."""
    return Array(np.stack([0.5 + 0.3 * np.sin(z.data + i) for i in range(4)], axis=-1), z.axes)


def losses():
    """The expected squared error, image by image by Gauss-Hermite, and z by z on a grid."""
    nodes, weights = gauss_hermite(80)
    draws = over("n draw", MU[:, None] + SIGMA[:, None] * nodes)
    return {
        "N": 5,
        "x^{(:n)}": over("n", uniform(5, 4)),
        r"\hat{x}(:z)": x_hat,
        r"\mathbb{E} q(z \mid x^{(:n)})": Draws({"z": draws}, over("draw", weights)),
        r"q(:z \mid x^{(:n)})": Law(Normal, over("n", MU), over("n", SIGMA)),
        r"\int z": Draws({"z": over("point", GRID)}, over("point", STEPS), "point"),
    }


def objective():
    """The loss of five images: the KL from torch.distributions, the whole by one integral each."""
    x, names = uniform(5, 4), losses()
    log_q = Normal(MU, SIGMA).log_prob(GRID[:, None])  # (points, 5)
    errors = torch.from_numpy(x_hat(over("point", GRID)).data)[:, None] - x
    integrand = log_q.exp() * (
        errors.square().sum(-1) / 2 + log_q - STANDARD.log_prob(GRID)[:, None]
    )
    return {
        **names,
        "B": 5,
        "p(:z)": Law(Normal, 0.0, 1.0),
        r"\mathcal{L}": (STEPS @ integrand).mean(),
    }


def decoders():
    """At seven z: the best answer by weighted least squares, and responsibilities by Bayes."""
    x, z = uniform(5, 4), torch.linspace(-2, 2, 7).double()
    log_q = Normal(MU, SIGMA).log_prob(z[:, None])  # (7, 5)
    root = (log_q / 2).exp()[..., None]
    best = over("point", torch.linalg.lstsq(root, root * x).solution[:, 0])
    return {
        "N": 5,
        "x^{(:n)}": over("n", x),
        r"q(z \mid x^{(:n)})": over("point n", log_q.exp()),
        "r_{:n}(z)": over("point n", log_q.softmax(-1)),
        r"\hat{x}^*(z)": best,
        r"\hat{x}^*": best,
        r"\hat{x}": x_hat(over("point", z)),
    }


def two_gaussians():
    """Densities of two Gaussians of one width, and their softmax."""
    z, mu = torch.linspace(-2, 2, 7).double(), torch.tensor([-0.7, 1.1], dtype=torch.float64)
    log_q = Normal(mu, torch.tensor(0.8, dtype=torch.float64)).log_prob(z[:, None])
    return {
        "z": over("value", z),
        r"\mu^{(:n)}": over("n", mu),
        r"\sigma": 0.8,
        r"q(z \mid x^{(:n)})": over("value n", log_q.exp()),
        "r_{:n}(z)": over("value n", log_q.softmax(-1)),
    }


def ranks():
    """The ranks of two sequences without ties, none the same, and Pearson's correlation of them."""
    rank_mu = torch.tensor([3.0, 8, 0, 10, 5, 1, 9, 2, 7, 4, 6], dtype=torch.float64)
    rank_phase = torch.tensor([1.0, 10, 3, 8, 2, 0, 7, 6, 9, 5, 4], dtype=torch.float64)
    return {
        "N": 11,
        r"\operatorname{rank}(\mu^{(:n)})": over("n", rank_mu),
        r"\operatorname{rank}(\varphi^{(:n)})": over("n", rank_phase),
        "?1": torch.corrcoef(torch.stack([rank_mu, rank_phase]))[0, 1],
    }


def aggregate():
    """The mixture's density, mean and variance, from torch.distributions and by quadrature."""
    return {
        "N": 5,
        "z": over("point", GRID),
        r"\mu^{(:n)}": over("n", MU),
        r"\sigma^{(:n)}": over("n", SIGMA),
        r"\bar\mu": mixture().mean,
        "q(z)": over("point", mixture().log_prob(GRID).exp()),
        r"q(z \mid x^{(:n)})": over("point n", Normal(MU, SIGMA).log_prob(GRID[:, None]).exp()),
        r"\int z": Draws({}, over("point", STEPS), "point"),
    }


CHECKS = [
    Check(
        label="latent-sum",
        how="For two hazy pixels and three phases the sum is compared, for all four images, with "
        "the mixture of `torch.distributions`.",
        names=two_pixels,
    ),
    Check(
        label="latent-prior",
        how="The density is compared with that of `torch.distributions` at seven values.",
        names=prior,
    ),
    Check(
        label="latent-integral",
        how="For x = 2 z + 1/2 + noise the integral, by quadrature, is compared with the Gaussian "
        "that x then has.",
        names=linear_gaussian,
    ),
    Check(
        label="latent-bayes",
        how="For x = 2 z + 1/2 + noise the quotient is compared with the closed form of the "
        "posterior, on a grid of z and for five x.",
        names=linear_gaussian,
    ),
    Check(
        label="latent-lit",
        how="Both sides are compared with the area between terminator and limb, by quadrature over "
        "the height on the disc.",
        names=moon,
    ),
    Check(
        label="latent-gaussian",
        how="The density is compared with that of `torch.distributions` for five Gaussians.",
        names=gaussian,
    ),
    Check(
        label="latent-loss",
        how="For five Gaussians and an arbitrary decoder the left side is computed image by image "
        "with Gauss-Hermite nodes, the right side on a grid of z.",
        names=losses,
    ),
    Check(
        label="latent-responsibility",
        how="The weighted mean is compared with a weighted least-squares solver's answer, the "
        "responsibilities with a softmax of the log-densities.",
        names=decoders,
    ),
    Check(
        label="latent-decomposition",
        how="Both sides are evaluated at seven z for an arbitrary decoder, with the best answer "
        "from a weighted least-squares solver.",
        names=decoders,
    ),
    Check(
        label="latent-sigmoid",
        how="Quotient and sigmoid are compared with a softmax of the log-densities at seven z.",
        names=two_gaussians,
    ),
    Check(
        label="latent-objective",
        how="For five Gaussians and an arbitrary decoder, Gauss-Hermite nodes and the KL of "
        "`torch.distributions` are compared with one integral over z for each image.",
        names=objective,
    ),
    Check(
        label="latent-rank",
        how="The expression is compared with Pearson's correlation coefficient of the ranks.",
        names=ranks,
    ),
    Check(
        label="latent-aggregate",
        how="The mean of five Gaussians is compared with the mixture of `torch.distributions` on a "
        "grid of z.",
        names=aggregate,
    ),
    Check(
        label="latent-consistency",
        how="For two hazy pixels and three phases both sums over all four images are compared with "
        "the prior.",
        names=two_pixels,
    ),
    Check(
        label="latent-moments",
        how="Mean and variance of a mixture of five Gaussians are integrated by quadrature; the "
        "mean is compared with `torch.distributions`.",
        names=aggregate,
    ),
]
