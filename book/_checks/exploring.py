"""Checks of the equations in "Exploring the latent space"."""

from statistics import NormalDist

import numpy as np
import torch
from torch.distributions import MultivariateNormal

from book._checks.check import Check, Estimate
from book._checks.quadrature import gauss_hermite, gaussian_cdf
from vaelib.plots import gaussian_quantiles


def numbers(*values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def ellipse():
    """Draws from a Gaussian with torch's own sampler, and three sizes of ellipse."""
    torch.manual_seed(0)
    mu, sigma = numbers(1.5, -0.7), numbers(0.3, 1.7)
    draws = MultivariateNormal(mu, torch.diag(sigma**2)).sample((400_000,))
    return {
        "z": draws[:, None],  # (K, 1, 2)
        "mu": mu,
        "sigma": sigma,
        "kappa": numbers(0.5, 1.0, 2.0),
        "sum": lambda t: t.sum(-1),
        "Pr": lambda inside: Estimate.mean(inside.double()),
        "exp": torch.exp,
    }


def box():
    """The density of N(0, I), written out, integrated over cubes in up to three dimensions."""
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(30))

    def mass(low, high):
        centre, half = (low + high) / 2, (high - low) / 2
        points, lengths = centre + half * nodes, half * weights
        masses = []
        for dimension in (1, 2, 3):
            z = torch.cartesian_prod(*[points] * dimension).view(-1, dimension)
            volume = torch.cartesian_prod(*[lengths] * dimension).view(-1, dimension).prod(1)
            prior = MultivariateNormal(
                torch.zeros(dimension).double(), torch.eye(dimension).double()
            )
            masses.append((volume * prior.log_prob(z).exp()).sum())
        return torch.stack(masses)

    return {"mass_of_cube": mass, "Phi": NormalDist().cdf, "D": numbers(1, 2, 3)}


def grid():
    """Quantiles from Python's statistics, and the density of N(0, 1) integrated between them."""
    count = 8

    def inverse(shares):
        return numbers(*map(NormalDist().inv_cdf, shares.tolist()))

    def between(low, high):
        zero, one = numbers(0), numbers(1)
        return gaussian_cdf(high, zero, one) - gaussian_cdf(low, zero, one)

    return {
        "zeta": gaussian_quantiles(count)[1:-1].double(),
        "inverse": inverse,
        "integral_of_prior": between,
        "k": torch.arange(1, count - 1, dtype=torch.float64),  # pieces with two finite ends
        "G": count,
    }


def lines():
    """Two latents and a decoder with a bend; PyTorch's own linear interpolation."""
    generator = torch.Generator().manual_seed(1)
    start, end = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    weight = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    return {
        "mu_n": start,
        "mu_m": end,
        "x_hat": lambda z: torch.sigmoid(z @ weight),
        "t": torch.linspace(0, 1, 6, dtype=torch.float64)[:, None],
        "lerp": torch.lerp,
    }


def detour():
    """Three ways: a straight one, a straight one that slows down, and a bent one."""

    def ways(z):
        z = torch.as_tensor(z, dtype=torch.float64)
        zero = torch.zeros_like(z)
        straight, slowing = (3 * z, -z), (torch.exp(-3 * z), zero)
        bent = (torch.cos(4 * z), torch.sin(4 * z))
        return torch.stack([torch.stack(way, -1) for way in (straight, slowing, bent)])

    return {
        "x_hat": ways,
        "z": lambda t: 0.5 * t + 0.2,
        "norm": lambda x: x.norm(dim=-1),
        "sum": lambda lengths: lengths.sum(-1),
        "k": torch.arange(1, 9, dtype=torch.float64),
        "G": 8,
    }


def norms():
    """Exact expectations under N(0, I) in one to four dimensions by Gauss-Hermite quadrature."""
    nodes, weights = gauss_hermite(4)
    z = torch.cartesian_prod(*[nodes] * 4)
    weight = torch.cartesian_prod(*[weights] * 4).prod(1)
    return {
        "squared_norm": z.square().cumsum(1).T,  # (4, points): the first one to four coordinates
        "E": lambda values: (weight * values).sum(1, keepdim=True),
        "D": numbers(1, 2, 3, 4)[:, None],
    }


def midpoint():
    """Two latents on every point of a four-dimensional rule, and three places on the way."""
    nodes, weights = gauss_hermite(4)
    points = torch.cartesian_prod(*[nodes] * 4)
    weight = torch.cartesian_prod(*[weights] * 4).prod(1)
    z, other = points[:, :2], points[:, 2:]
    t = numbers(0.3, 0.5, 0.9)[:, None]
    return {
        "z": z,
        "other": other,
        "t": t,
        "way": torch.lerp(z, other, t[..., None]),
        "squared_norm": lambda v: v.square().sum(-1),
        "dot": lambda a, b: (a * b).sum(-1),
        "E": lambda values: (weight * values).sum(-1, keepdim=True),
        "D": 2,
        "between": lambda t: t[..., None],
    }


def arc():
    """Two latents of one norm, and a rotation in their plane from the one towards the other."""
    generator = torch.Generator().manual_seed(2)
    start, end = torch.randn(2, 5, generator=generator, dtype=torch.float64)
    end = end * start.norm() / end.norm()
    radius = start.norm()
    first = start / radius
    second = end - (end @ first) * first
    angle = torch.atan2(second.norm(), end @ first)
    plane = torch.stack([first, second / second.norm()])

    def rotated(t):
        return radius * torch.cat([torch.cos(t * angle), torch.sin(t * angle)], -1) @ plane

    return {
        "z": start,
        "other": end,
        "omega": angle,
        "rotated": rotated,
        "t": numbers(0.1, 0.4, 0.5, 0.9)[:, None],
        "sin": torch.sin,
        "cos": torch.cos,
        "norm": lambda v: v.norm(dim=-1),
        "dot": lambda a, b: (a * b).sum(-1),
    }


CHECKS = [
    Check(
        label="exploring-ellipse",
        how="The share of 400,000 draws within the ellipse is compared with the formula at three "
        "sizes, within five standard errors.",
        tex=r"""\Pr\!\left( \sum_{j=1}^{2} \frac{(z_j - \mu_j)^2}{\sigma_j^2} \le \kappa^2 \right)
            = 1 - e^{-\kappa^2 / 2}""",
        chains=(
            (
                "Pr(sum((z - mu) ** 2 / sigma ** 2) <= kappa ** 2)",
                "1 - exp(-(kappa ** 2) / 2)",
            ),
        ),
        names=ellipse,
    ),
    Check(
        label="exploring-box",
        how="The density of N(0, I) is integrated over the cube in one, two and three dimensions "
        "and compared with powers of the distribution function of Python's statistics module.",
        tex=r"""\Pr\big( z \in [-1, 1]^D \big) = \big( \Phi(1) - \Phi(-1) \big)^D .""",
        chains=(("mass_of_cube(-1, 1)", "(Phi(1) - Phi(-1)) ** D"),),
        names=box,
    ),
    Check(
        label="exploring-grid",
        how="The grid that vaelib draws is compared with the quantiles of Python's statistics "
        "module, and the density is integrated over each piece that has two ends.",
        tex=r"""\begin{aligned}
            \zeta_k &= \Phi^{-1}\!\left( \frac{k + \frac{1}{2}}{G} \right) ,
            \qquad k = 0, \dots, G - 1 , \\
            \frac{1}{G} &= \int_{\Phi^{-1}(k / G)}^{\Phi^{-1}((k + 1) / G)} p(z_j) \, dz_j .
            \end{aligned}""",
        chains=(
            ("zeta", "inverse((k + 1 / 2) / G)"),
            ("1 / G", "integral_of_prior(inverse(k / G), inverse((k + 1) / G))"),
        ),
        names=grid,
        tolerance=1e-6,  # the grid is in float32
    ),
    Check(
        label="exploring-line",
        how="Both lines are compared with PyTorch's lerp, for a decoder that is not linear.",
        tex=r"""\begin{aligned}
            x(t) &= (1 - t)\, \hat{x}(\mu^{(n)}) + t\, \hat{x}(\mu^{(m)}) , \\
            z(t) &= (1 - t)\, \mu^{(n)} + t\, \mu^{(m)} , \qquad 0 \le t \le 1 .
            \end{aligned}""",
        chains=(
            (
                "lerp(x_hat(mu_n), x_hat(mu_m), t)",
                "(1 - t) * x_hat(mu_n) + t * x_hat(mu_m)",
            ),
            ("lerp(mu_n, mu_m, t)", "(1 - t) * mu_n + t * mu_m"),
        ),
        names=lines,
    ),
    Check(
        label="exploring-detour",
        how="Both sides are evaluated for three decoded ways: two straight ones, where they are "
        "equal, and a bent one.",
        tex=r"""\big\| \hat{x}(z(1)) - \hat{x}(z(0)) \big\|
            \le \sum_{k=1}^{G} \big\| \hat{x}(z(t_k)) - \hat{x}(z(t_{k-1})) \big\| ,""",
        chains=(
            (
                "norm(x_hat(z(1)) - x_hat(z(0)))",
                "sum(norm(x_hat(z(k / G)) - x_hat(z((k - 1) / G))))",
            ),
        ),
        names=detour,
        relation="<=",
    ),
    Check(
        label="exploring-norm",
        how="Mean and variance of the squared norm are integrated by Gauss-Hermite quadrature in "
        "one to four dimensions.",
        tex=r"""\mathbb{E}\, \|z\|^2 = D , \qquad \operatorname{Var} \|z\|^2 = 2 D ,""",
        chains=(
            ("E(squared_norm)", "D"),
            ("E((squared_norm - D) ** 2)", "2 * D"),
        ),
        names=norms,
    ),
    Check(
        label="exploring-midpoint",
        how="The first line is evaluated for 256 pairs of latents at three places of the way, the "
        "second is the quadrature of what the first gives.",
        tex=r"""\begin{aligned}
            \big\| (1 - t) z + t z' \big\|^2
            &= (1 - t)^2 \|z\|^2 + t^2 \|z'\|^2 \\
            &\quad + 2 t (1 - t)\, z \cdot z' , \\
            \mathbb{E} \big\| (1 - t) z + t z' \big\|^2
            &= \big( (1 - t)^2 + t^2 \big) D ,
            \end{aligned}""",
        chains=(
            (
                "squared_norm((1 - between(t)) * z + between(t) * other)",
                "(1 - t) ** 2 * squared_norm(z) + t ** 2 * squared_norm(other)"
                " + 2 * t * (1 - t) * dot(z, other)",
            ),
            ("E(squared_norm(way))", "((1 - t) ** 2 + t ** 2) * D"),
        ),
        names=midpoint,
    ),
    Check(
        label="exploring-slerp",
        how="For two latents of one norm the arc is compared with a rotation in their plane, its "
        "norm with theirs, and the cosine with the angle of that rotation.",
        tex=r"""z(t) = \frac{\sin((1 - t)\, \omega)}{\sin \omega}\, z
            + \frac{\sin(t\, \omega)}{\sin \omega}\, z' , \qquad
            \cos \omega = \frac{z \cdot z'}{\|z\| \, \|z'\|} ,""",
        chains=(
            (
                "rotated(t)",
                "sin((1 - t) * omega) / sin(omega) * z + sin(t * omega) / sin(omega) * other",
            ),
            ("cos(omega)", "dot(z, other) / (norm(z) * norm(other))"),
        ),
        names=arc,
    ),
]
