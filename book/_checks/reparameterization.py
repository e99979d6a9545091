"""Checks of the equations in "Reparameterization"."""

from functools import cache
from itertools import product

import sympy
import torch
from torch.distributions import AffineTransform, Normal
from torch.func import vmap

from book._checks.check import Check
from book._checks.quadrature import gauss_hermite, gaussian_cdf, trapezoid
from book._checks.symbolic import gaussian_mean

MU = torch.tensor([0.7, -0.4], dtype=torch.float64)
SIGMA = torch.tensor([0.6, 1.3], dtype=torch.float64)


def squared_distance():
    """The squared norm in two dimensions; its mean by a trapezoid over the plane, and slopes."""
    line, weights = trapezoid(-12, 12, 241)
    z = torch.cartesian_prod(line, line)  # (241 * 241, 2)
    area = torch.outer(weights, weights).flatten()
    mu, sigma = MU.clone().requires_grad_(), SIGMA.clone().requires_grad_()
    density = Normal(mu, sigma).log_prob(z).sum(1).exp()
    mean = (area * density * (z**2).sum(1)).sum()
    d_mu, d_sigma = torch.autograd.grad(mean, (mu, sigma))
    return {
        "mean_of_f": mean.detach(),
        "d_mu": d_mu,
        "d_sigma": d_sigma,
        "mu": MU,
        "sigma": SIGMA,
        "sum": torch.sum,
    }


def interval():
    """Intervals dz at nine places, and torch's transform back to eps at both of their ends."""
    z = torch.linspace(-3, 3, 9, dtype=torch.float64)[:, None]
    dz = 0.25
    eps_of = AffineTransform(MU, SIGMA).inv
    return {
        "density": Normal(MU, SIGMA).log_prob(z).exp(),
        "z": z,
        "mu": MU,
        "sigma": SIGMA,
        "dz": dz,
        "eps": eps_of(z),
        "d_eps": eps_of(z + dz) - eps_of(z),
        "d": lambda function: function(z + dz) - eps_of(z),
        "exp": torch.exp,
        "sqrt": lambda value: torch.as_tensor(value, dtype=torch.float64).sqrt(),
        "pi": torch.pi,
    }


def distribution_functions():
    """The distribution function of z, from its density, torch's one of eps, and values of each."""
    z = torch.linspace(-3, 3, 9, dtype=torch.float64)[:, None]
    return {
        "mu": MU,
        "sigma": SIGMA,
        "z": z,
        "eps": z,
        "cdf_of_z": lambda value: gaussian_cdf(value, MU, SIGMA),
        "cdf_of_eps": Normal(torch.zeros_like(MU), torch.ones_like(MU)).cdf,
    }


def draws_of_z():
    """One coordinate: an expectation over z by quadrature."""
    nodes, weights = gauss_hermite(10)
    mu, sigma = MU[0], SIGMA[0]
    return {
        "mu": mu,
        "sigma": sigma,
        "z": mu + sigma * nodes,
        "E": lambda values: (weights * values).sum(),
    }


def cost(z):
    """A function without symmetry, and with a slope that is not a polynomial."""
    return torch.sin(2 * z) + 0.3 * z**2 + torch.exp(z / 2)


def line_integral():
    """One coordinate: the mean cost as an integral over z, whose density is differentiated."""
    z, weights = trapezoid(-14, 14, 2001)
    mu, sigma = MU[1].clone().requires_grad_(), SIGMA[1].clone().requires_grad_()
    q = Normal(mu, sigma).log_prob(z).exp()
    d_mu, d_sigma = torch.autograd.grad((weights * cost(z) * q).sum(), (mu, sigma))
    return z, weights, d_mu, d_sigma


def pathwise():
    """Slopes at the nodes of a quadrature over the noise, in z and in the parameters."""
    *_, d_mu, d_sigma = line_integral()
    eps, weights = gauss_hermite(60)
    mu, sigma = (p.expand(60).clone().requires_grad_() for p in (MU[1], SIGMA[1]))
    z = (mu + sigma * eps).detach().requires_grad_()
    df_dmu, df_dsigma = torch.autograd.grad(cost(mu + sigma * eps).sum(), (mu, sigma))
    (df_dz,) = torch.autograd.grad(cost(z).sum(), z)
    return {
        "d_mu": d_mu,
        "d_sigma": d_sigma,
        "df_dmu": df_dmu,
        "df_dsigma": df_dsigma,
        "df_dz": df_dz,
        "eps": eps,
        "E": lambda values: (weights * values).sum(),
    }


def scores():
    """The density and its derivatives on a grid, and an expectation by another quadrature."""
    z, weights, d_mu, _ = line_integral()
    sigma = SIGMA[1]
    nodes, node_weights = gauss_hermite(60)
    at_nodes = MU[1] + sigma * nodes

    def log_density(mu, value):
        return Normal(mu, sigma).log_prob(value)

    def density(mu, value):
        return log_density(mu, value).exp()

    def slope(function, values):
        return vmap(torch.func.grad(function), (None, 0))(MU[1], values)

    return {
        "d_of_integral": d_mu,
        "integral": lambda values: (weights * values).sum(),
        "E": lambda values: (node_weights * values).sum(),
        "f": cost(z),
        "q": density(MU[1], z),
        "dq": slope(density, z),
        "dlog_q": slope(log_density, z),
        "f_at_draws": cost(at_nodes),
        "dlog_q_at_draws": slope(log_density, at_nodes),
    }


def mean_of_the_score():
    """As `scores`, with the derivative of the density's integral."""
    z, weights, *_ = line_integral()
    mu = MU[1].clone().requires_grad_()
    total = (weights * Normal(mu, SIGMA[1]).log_prob(z).exp()).sum()
    (d_of_one,) = torch.autograd.grad(total, mu)
    names = scores()
    return names | {"d_of_integral": d_of_one, "mean": names["E"]}


def gaussian_scores():
    """The derivatives of torch's own log-density at random draws."""
    generator = torch.Generator().manual_seed(0)
    eps = torch.randn(20, 2, generator=generator, dtype=torch.float64)
    mu, sigma = (p.expand(20, 2).clone().requires_grad_() for p in (MU, SIGMA))
    z = MU + SIGMA * eps
    d_mu, d_sigma = torch.autograd.grad(Normal(mu, sigma).log_prob(z).sum(), (mu, sigma))
    return {
        "dlog_q_dmu": d_mu,
        "dlog_q_dsigma": d_sigma,
        "z": z,
        "mu": MU,
        "sigma": SIGMA,
        "eps": eps,
    }


@cache
def squared_distance_moments():
    """The squared distance in two dimensions, of any means and deviations, in SymPy."""
    mu, mu_other, c = sympy.symbols("mu mu_other c", real=True)
    sigma, sigma_other = sympy.symbols("sigma sigma_other", positive=True)
    eps, eps_other = sympy.symbols("eps eps_other", real=True)
    z, z_other = mu + sigma * eps, mu_other + sigma_other * eps_other
    f = z**2 + z_other**2

    @cache
    def expectation(values):
        return gaussian_mean(values, {eps: (0, 1), eps_other: (0, 1)})

    def variance(values):
        return sympy.expand(expectation(values**2) - expectation(values) ** 2)

    # The variance is a parabola in c, open upwards: it is lowest where its slope is zero.
    square, slope, _ = sympy.Poly(variance((f - c) * eps / sigma), c).all_coeffs()
    assert square.is_positive
    return {
        "mu": mu,
        "sigma": sigma,
        "eps": eps,
        "f": f,
        "df_dz": sympy.diff(f, eps) / sympy.diff(z, eps),
        "E": expectation,
        "Var": variance,
        "c": c,
        "c_best": sympy.expand(-slope / (2 * square)),
        "sum": lambda term: term + term.subs({mu: mu_other, sigma: sigma_other}),
    }


def squared_distance_draws(mu=MU, sigma=SIGMA):
    """Draws of the squared distance on a product of quadratures: every moment is exact."""
    nodes, weights = gauss_hermite(6)
    dim = len(mu)
    eps = torch.cartesian_prod(*[nodes] * dim).view(-1, dim)
    weights = torch.cartesian_prod(*[weights] * dim).view(-1, dim).prod(1)
    z = (mu + sigma * eps).requires_grad_()
    f = z.square().sum(1)
    (df_dz,) = torch.autograd.grad(f.sum(), z)
    f = f.detach()[:, None]  # (N, 1)

    def expectation(values):  # (N, D) -> (D,)
        return (weights[:, None] * values).sum(0)

    def variance(values):
        return expectation((values - expectation(values)) ** 2)

    # Variance of the score-function draws at three baselines: the parabola and where it is lowest.
    low, middle, high = (variance((f - c) * eps / sigma) for c in (-1.0, 0.0, 1.0))
    c_best = (low - high) / (2 * (low - 2 * middle + high))
    return {
        "mu": mu,
        "sigma": sigma,
        "eps": eps,
        "f": f,
        "df_dz": df_dz,
        "E": expectation,
        "Var": variance,
        "c": torch.tensor(1.7, dtype=torch.float64),
        "c_best": c_best,
    }


def dimensions():
    """Variances for one to three equal coordinates, from the quadrature."""
    mu, sigma = (
        torch.tensor(0.7, dtype=torch.float64),
        torch.tensor(0.6, dtype=torch.float64),
    )
    rows = []
    for dim in (1, 2, 3):
        names = squared_distance_draws(mu.expand(dim), sigma.expand(dim))
        with_baseline = [
            names["Var"]((names["f"] - c) * names["eps"] / sigma)[0] for c in (names["c_best"], 0)
        ]
        rows.append([names["Var"](names["df_dz"])[0], *with_baseline])
    pathwise_variance, best, none = torch.tensor(rows, dtype=torch.float64).T
    return {
        "Var_pathwise": pathwise_variance,
        "Var_best": best,
        "Var_none": none,
        "D": torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64),
        "mu": mu,
        "sigma": sigma,
    }


def small_world():
    """Three images with two draws each: all batches of two images, three draws an image."""
    g = torch.tensor([[1.0, 4.0], [-2.0, 0.5], [3.0, 3.5]], dtype=torch.float64)  # (images, draws)
    one_image = [g[i, list(draws)].mean() for i in range(3) for draws in product((0, 1), repeat=3)]
    batches = torch.tensor([(a + b) / 2 for a in one_image for b in one_image])
    return {
        "Var_of_mean": batches.var(correction=0),
        "Var_x_of_E": g.mean(1).var(correction=0),
        "E_x_of_Var": g.var(1, correction=0).mean(),
        "B": 2,
        "K": 3,
    }


CHECKS = [
    Check(
        label="reparameterization-exact",
        how="The mean is integrated over a grid on the plane, and automatic differentiation of "
        "this sum gives the two derivatives.",
        tex=r"""\begin{gathered}
            \mathbb{E}_{q(z \mid x)}\Big[\sum_{j=1}^{D} z_j^2\Big]
            = \sum_{j=1}^{D} \left( \mu_j^2 + \sigma_j^2 \right), \\
            \frac{\partial\,\mathbb{E}_q[f(z)]}{\partial \mu_j} = 2 \mu_j,
            \qquad \frac{\partial\,\mathbb{E}_q[f(z)]}{\partial \sigma_j} = 2 \sigma_j .
            \end{gathered}""",
        chains=(
            ("mean_of_f", "sum(mu ** 2 + sigma ** 2)"),
            ("d_mu", "2 * mu"),
            ("d_sigma", "2 * sigma"),
        ),
        names=squared_distance,
    ),
    Check(
        label="reparameterization-change",
        how="At nine values and for two Gaussians each line is compared with the next, and the "
        "first with the density of torch.distributions; the last line has eps from torch's "
        "transform, and each differential, of a linear function, is a step that starts at eps.",
        tex=r"""\begin{aligned}
            \frac{1}{\sqrt{2\pi\sigma^2}} \exp\left( -\frac{(z - \mu)^2}{2\sigma^2} \right) dz
            &= \frac{1}{\sqrt{2\pi}} \exp\left[ -\frac{1}{2}
            \left( \frac{z - \mu}{\sigma} \right)^2 \right] \frac{dz}{\sigma} \\
            &= \frac{1}{\sqrt{2\pi}} \exp\left[ -\frac{1}{2}
            \left( \frac{z - \mu}{\sigma} \right)^2 \right] d\left( \frac{z - \mu}{\sigma} \right)
            \\
            &= \frac{1}{\sqrt{2\pi}} \exp\left( -\frac{\epsilon^2}{2} \right) d\epsilon .
            \end{aligned}""",
        chains=(
            (
                "density * dz",
                "1 / sqrt(2 * pi * sigma ** 2) * exp(-(z - mu) ** 2 / (2 * sigma ** 2)) * dz",
                "1 / sqrt(2 * pi) * exp(-((z - mu) / sigma) ** 2 / 2) * dz / sigma",
                "1 / sqrt(2 * pi) * exp(-((z - mu) / sigma) ** 2 / 2)"
                " * d(lambda z: (z - mu) / sigma)",
                "1 / sqrt(2 * pi) * exp(-eps ** 2 / 2) * d_eps",
            ),
        ),
        names=interval,
    ),
    Check(
        label="reparameterization-noise",
        how="In both directions, at nine values, torch's distribution function of eps is compared "
        "with an integral of the density of z, written out.",
        tex=r"""\epsilon = \frac{z - \mu}{\sigma} \sim \mathcal{N}(0, I)
            \qquad\Longleftrightarrow\qquad
            z = \mu + \sigma\,\epsilon \sim \mathcal{N}(\mu, \sigma^2) .""",
        chains=(
            ("cdf_of_eps((z - mu) / sigma)", "cdf_of_z(z)"),
            ("cdf_of_z(mu + sigma * eps)", "cdf_of_eps(eps)"),
        ),
        names=distribution_functions,
    ),
    Check(
        label="reparameterization-wrong",
        how="The expectation is a quadrature over z.",
        tex=r"""\mathbb{E}_q\left[ \left( \frac{z - \mu}{\sigma^2} \right)^2 \right]
            = \frac{\sigma^2}{\sigma^4} = \frac{1}{\sigma^2} .""",
        chains=(
            (
                "E(((z - mu) / sigma**2) ** 2)",
                "sigma**2 / sigma**4",
                "1 / sigma**2",
            ),
        ),
        names=draws_of_z,
    ),
    Check(
        label="reparameterization-pathwise",
        how="For a function that is neither symmetric nor a polynomial, the derivative of an "
        "integral over z is compared with quadratures over the noise, whose integrands are "
        "differentiated in the parameters and in z.",
        tex=r"""\begin{aligned}
            \frac{\partial}{\partial \mu_j} \mathbb{E}_q[f(z)]
            &= \mathbb{E}_{\mathcal{N}(0, I)}\left[
            \frac{\partial}{\partial \mu_j} f(\mu + \sigma\epsilon) \right]
            = \mathbb{E}_q\left[ \frac{\partial f}{\partial z_j} \right], \\
            \frac{\partial}{\partial \sigma_j} \mathbb{E}_q[f(z)]
            &= \mathbb{E}_{\mathcal{N}(0, I)}\left[
            \frac{\partial}{\partial \sigma_j} f(\mu + \sigma\epsilon) \right]
            = \mathbb{E}_q\left[ \frac{\partial f}{\partial z_j}\, \epsilon_j \right] .
            \end{aligned}""",
        chains=(
            ("d_mu", "E(df_dmu)", "E(df_dz)"),
            ("d_sigma", "E(df_dsigma)", "E(df_dz * eps)"),
        ),
        names=pathwise,
    ),
    Check(
        label="reparameterization-score",
        how="The three integrals are sums over a grid of z, differentiated as a whole, in the "
        "density and in its logarithm; the expectation is a quadrature of another kind.",
        tex=r"""\begin{aligned}
            \frac{\partial}{\partial \mu_j} \int f(z)\, q(z \mid x)\, dz
            &= \int f(z)\, \frac{\partial q(z \mid x)}{\partial \mu_j}\, dz \\
            &= \int f(z)\, q(z \mid x)\,
            \frac{\partial \log q(z \mid x)}{\partial \mu_j}\, dz \\
            &= \mathbb{E}_q\left[ f(z)\,
            \frac{\partial \log q(z \mid x)}{\partial \mu_j} \right] .
            \end{aligned}""",
        chains=(
            (
                "d_of_integral",
                "integral(f * dq)",
                "integral(f * q * dlog_q)",
                "E(f_at_draws * dlog_q_at_draws)",
            ),
        ),
        names=scores,
    ),
    Check(
        label="reparameterization-gaussian",
        how="At random draws both forms are compared with the derivatives of the log-density of "
        "torch.distributions.",
        tex=r"""\begin{aligned}
            \frac{\partial \log q(z \mid x)}{\partial \mu_j}
            &= \frac{z_j - \mu_j}{\sigma_j^2} = \frac{\epsilon_j}{\sigma_j}, \\
            \frac{\partial \log q(z \mid x)}{\partial \sigma_j}
            &= \frac{(z_j - \mu_j)^2 - \sigma_j^2}{\sigma_j^3}
            = \frac{\epsilon_j^2 - 1}{\sigma_j} .
            \end{aligned}""",
        chains=(
            ("dlog_q_dmu", "(z - mu) / sigma**2", "eps / sigma"),
            (
                "dlog_q_dsigma",
                "((z - mu) ** 2 - sigma**2) / sigma**3",
                "(eps**2 - 1) / sigma",
            ),
        ),
        names=gaussian_scores,
    ),
    Check(
        label="reparameterization-baseline",
        how="The mean of the score is a quadrature, the integrals are sums over a grid of z, "
        "differentiated inside and outside.",
        tex=r"""\mathbb{E}_q\left[ \frac{\partial \log q(z \mid x)}{\partial \mu_j} \right]
            = \int \frac{\partial q(z \mid x)}{\partial \mu_j}\, dz
            = \frac{\partial}{\partial \mu_j} \int q(z \mid x)\, dz
            = 0 .""",
        chains=(("mean(dlog_q_at_draws)", "integral(dq)", "d_of_integral", "0"),),
        names=mean_of_the_score,
    ),
    Check(
        label="reparameterization-best",
        how="In two dimensions, for any means and deviations, SymPy finds the variance as a "
        "polynomial in the baseline, and its lowest point is compared with both means.",
        tex=r"""c_j^\star = \operatorname*{arg\,min}_c\, \operatorname{Var}_q\left[
            (f(z) - c)\, \frac{\epsilon_j}{\sigma_j} \right]
            = \mathbb{E}_q\left[ f(z)\, \epsilon_j^2 \right]
            = \mathbb{E}_q[f(z)] + 2 \sigma_j^2 .""",
        chains=(("c_best", "E(f * eps**2)", "E(f) + 2 * sigma**2"),),
        names=squared_distance_moments,
    ),
    Check(
        label="reparameterization-moments",
        how="SymPy integrates both lines in two dimensions, for any means and deviations; the best "
        "baseline is where the variance is lowest.",
        tex=r"""\begin{aligned}
            \operatorname{Var}_q[f(z)]
            &= \sum_{j=1}^{D} \left( 4 \mu_j^2 \sigma_j^2 + 2 \sigma_j^4 \right), \\
            \mathbb{E}_q\left[ (f(z) - c_j^\star)^2 \epsilon_j^2 \right]
            &= \operatorname{Var}_q[f(z)] + 8 \mu_j^2 \sigma_j^2 + 4 \sigma_j^4 .
            \end{aligned}""",
        chains=(
            ("Var(f)", "sum(4 * mu**2 * sigma**2 + 2 * sigma**4)"),
            (
                "E((f - c_best) ** 2 * eps**2)",
                "Var(f) + 8 * mu**2 * sigma**2 + 4 * sigma**4",
            ),
        ),
        names=squared_distance_moments,
    ),
    Check(
        label="reparameterization-variance",
        how="The variances of the draws are exact quadratures in two dimensions, with unequal "
        "means and deviations and a baseline that is not the best one.",
        tex=r"""\begin{aligned}
            \operatorname{Var}_q[g_j] &= 4 \sigma_j^2, \\
            \operatorname{Var}_q[g_j^c]
            &= \frac{1}{\sigma_j^2}\,
            \mathbb{E}_q\left[ (f(z) - c)^2 \epsilon_j^2 \right] - 4 \mu_j^2 \\
            &= \frac{1}{\sigma_j^2} \left( \mathbb{E}_q\left[ (f(z) - c_j^\star)^2
            \epsilon_j^2 \right] + (c - c_j^\star)^2 \right) - 4 \mu_j^2 \\
            &= \frac{1}{\sigma_j^2} \left( \operatorname{Var}_q[f(z)] + (c - c_j^\star)^2 \right)
            + 4 \left( \mu_j^2 + \sigma_j^2 \right) .
            \end{aligned}""",
        chains=(
            ("Var(df_dz)", "4 * sigma**2"),
            (
                "Var((f - c) * eps / sigma)",
                "1 / sigma**2 * E((f - c) ** 2 * eps**2) - 4 * mu**2",
                "1 / sigma**2 * (E((f - c_best) ** 2 * eps**2) + (c - c_best) ** 2) - 4 * mu**2",
                "1 / sigma**2 * (Var(f) + (c - c_best) ** 2) + 4 * (mu**2 + sigma**2)",
            ),
        ),
        names=squared_distance_draws,
    ),
    Check(
        label="reparameterization-dimension",
        how="The three variances are exact quadratures in one, two and three dimensions.",
        tex=r"""\begin{aligned}
            \operatorname{Var}_q[g_j] &= 4 \sigma^2, \\
            \operatorname{Var}_q[g_j^{c^\star}] &= 4 (D + 1) \mu^2 + 2 (D + 2) \sigma^2, \\
            \operatorname{Var}_q[g_j^{0}] &= 4 (D + 1) \mu^2 + 2 (D + 2) \sigma^2
            + \frac{1}{\sigma^2} \left( D \mu^2 + (D + 2) \sigma^2 \right)^2 .
            \end{aligned}""",
        chains=(
            ("Var_pathwise", "4 * sigma**2"),
            ("Var_best", "4 * (D + 1) * mu**2 + 2 * (D + 2) * sigma**2"),
            (
                "Var_none",
                "4 * (D + 1) * mu**2 + 2 * (D + 2) * sigma**2"
                " + 1 / sigma**2 * (D * mu**2 + (D + 2) * sigma**2) ** 2",
            ),
        ),
        names=dimensions,
    ),
    Check(
        label="reparameterization-budget",
        how="In a world of three images with two draws each, all 576 batches of two images with "
        "three draws an image are enumerated.",
        tex=r"""\begin{aligned}
            \operatorname{Var}[\bar{g}]
            &= \frac{1}{B} \left( \operatorname{Var}_x\big[\mathbb{E}_q[g]\big]
            + \frac{1}{K}\, \mathbb{E}_x\big[\operatorname{Var}_q[g]\big] \right) \\
            &= \frac{K \operatorname{Var}_x\big[\mathbb{E}_q[g]\big]
            + \mathbb{E}_x\big[\operatorname{Var}_q[g]\big]}{B K} .
            \end{aligned}""",
        chains=(
            (
                "Var_of_mean",
                "1 / B * (Var_x_of_E + 1 / K * E_x_of_Var)",
                "(K * Var_x_of_E + E_x_of_Var) / (B * K)",
            ),
        ),
        names=small_world,
    ),
]
