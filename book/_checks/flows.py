"""Latents on their way from noise to codes, for the checks of "Going further"."""

import functools

import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from book._checks.arrays import over, with_torch
from book._checks.check import STANDARD_ERRORS
from book._checks.scope import Draws, Given

DOUBLE = {"dtype": torch.float64}
SHARE = torch.tensor([[0.35, 0.65], [0.7, 0.3]], **DOUBLE)  # of two Gaussians, in two coordinates
MEAN = torch.tensor([[-1.2, 0.9], [0.4, -0.5]], **DOUBLE)
DEVIATION = torch.tensor([[0.6, 0.5], [0.3, 0.7]], **DOUBLE)


@functools.cache
def straight_lines():
    """Two million lines from noise to three codes of one number, looked at where t is 0.6.

    The best v that is constant on narrow bins of z_t is found from the lines by least squares, with
    its error; the mean of z - eps at the bins' middles by Bayes' rule.
    """
    codes, share = torch.tensor([-2.0, 0.5, 1.7], **DOUBLE), torch.tensor([0.2, 0.5, 0.3], **DOUBLE)
    t, width = 0.6, 0.02
    generator = torch.Generator().manual_seed(0)
    which = torch.multinomial(share, 2_000_000, True, generator=generator)
    z, eps = codes[which], torch.randn(2_000_000, generator=generator, **DOUBLE)
    z_t = torch.lerp(eps, z, t)
    places = torch.linspace(-1.5, 1.5, 7, **DOUBLE)
    bins = [(z - eps)[(z_t - place).abs() < width / 2] for place in places]
    errors = torch.stack([lines.std() / len(lines) ** 0.5 for lines in bins])
    there = (places[:, None] - t * codes) / (1 - t)  # the noise of a line to each code
    weights = share * Normal(t * codes, 1 - t).log_prob(places[:, None]).exp()
    posterior = weights / weights.sum(-1, keepdim=True)
    lines = {"z": over("code", codes), r"\epsilon": over("place code", there)}
    some = {"z": over("line", z[:9]), r"\epsilon": over("line", eps[:9])}
    return [
        {**some, "z_t": over("line", z_t[:9]), "t": t, "?only": 1},
        {
            **some,
            "t": t,
            "z_t": over("place", places),
            r"v^\star(z_t, t)": over("place", torch.stack([lines.mean() for lines in bins])),
            r"\mathbb{E} z_t": Draws(lines, over("place code", posterior), "code"),
            r"\mathbb{E}": Draws(lines, over("code", share), "code"),
            "?only": 2,
            "?tolerance": STANDARD_ERRORS * errors.max(),
        },
    ]


def marginal(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation at t of the lines to each Gaussian: (..., coordinate, part)."""
    t = t[..., None, None]
    return t * MEAN, ((1 - t) ** 2 + t**2 * DEVIATION**2).sqrt()


def place(start: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Where a latent is at t: as much of the mixture is below as of the noise at its start."""
    share = Normal(0.0, 1.0).cdf(start)
    mean, deviation = marginal(t)
    low = torch.full_like(mean[..., 0] + share, -9.0)
    high = -low
    for _ in range(60):
        middle = (low + high) / 2
        below = (SHARE * Normal(mean, deviation).cdf(middle[..., None])).sum(-1)
        low, high = (
            torch.where(below < share, middle, low),
            torch.where(below < share, high, middle),
        )
    return (low + high) / 2


def velocity(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """The mean of code minus noise, given where the latent is at t, by Bayes' rule."""
    mean, deviation = marginal(t)
    log_p = Normal(mean, deviation).log_prob(z[..., None]) + SHARE.log()
    t = t[..., None, None]
    lean = (t * DEVIATION**2 - (1 - t)) / deviation**2
    return (log_p.softmax(-1) * (MEAN + lean * (z[..., None] - mean))).sum(-1)


@functools.cache
def mixture_flow():
    """Codes in the plane, and three latents on their way there."""
    start = torch.tensor([[-0.8, 0.6], [0.3, 0.1], [1.4, -1.1]], **DOUBLE)
    codes = Independent(MixtureSameFamily(Categorical(SHARE), Normal(MEAN, DEVIATION)), 1)
    ends = place(start, torch.ones((), **DOUBLE))
    z_0 = over("start", start)
    return {
        "t": 0.4,
        "z_0": z_0,
        "z_t": Given(lambda look: with_torch(place, z_0, look("t"))),
        "z": over("start", ends),
        "v(:z, :t)": lambda z, t: with_torch(velocity, z, t),
        r"\nabla": "z_t",
        "p(z)": over("start", codes.log_prob(ends).exp()),
    }
