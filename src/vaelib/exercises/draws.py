"""Checks of the chapter on reparameterization: draws with a path to their parameters."""

import torch

from vaelib.exercises.answers import Answer, Wrong
from vaelib.exercises.comparing import Exercise, normal, uniform
from vaelib.exercises.running import Program, own_state

EXPONENTIAL = Exercise(
    reference=lambda scale, eps: -scale * eps.log(),
    others=(lambda scale, eps: -scale * torch.log1p(-eps),),
    cases=lambda: [
        (torch.tensor(1.5).double(), uniform(6, seed=101)),
        (torch.tensor(0.4).double(), uniform(4, seed=102)),
    ],
    gradient=True,
    mistakes={
        "its sign is turned: the logarithm of a share is negative.": lambda s, e: s * e.log(),
        "scale is taken for the rate: it is the mean, and multiplies.": lambda s, e: -e.log() / s,
        "this is the distribution function: solve it for z.": lambda s, e: 1 - (-e / s).exp(),
        "this is the density: a draw is the inverse of the distribution function.": lambda s, e: (
            (-e / s).exp() / s
        ),
        "scale is missing.": lambda s, e: -e.log() + 0 * s,
        "scale is within the logarithm: it multiplies it.": lambda s, e: -(s * e).log(),
        "the noise is scaled as for a Gaussian: a uniform one has to be bent by the logarithm.": (
            lambda s, e: s * e
        ),
    },
)


def check_exponential(function):
    """Check a function's exponential draws: scale (the mean), uniform noise (K,) -> (K,)."""
    return EXPONENTIAL.check(function)


def _others(gain):
    return (gain.sum(-1, keepdim=True) - gain) / (gain.shape[-1] - 1)


LEAVE_ONE_OUT = Exercise(
    reference=_others,
    cases=lambda: [(normal(4, 5, seed=103),), (normal(6, 3, seed=104) + 2,)],
    mistakes={
        "each draw's own value is in its baseline: leave it out.": lambda g: g.mean(
            -1, keepdim=True
        ).expand_as(g),
        "the own value is left out, and it is divided by K: there are K - 1 others.": lambda g: (
            (g.sum(-1, keepdim=True) - g) / g.shape[-1]
        ),
        "this is the sum of the others: divide by K - 1.": lambda g: g.sum(-1, keepdim=True) - g,
        "the mean runs over the groups: it runs over the draws, the last axis.": lambda g: (
            (g.sum(0) - g) / (len(g) - 1)
        ),
        "this is the gain minus its baseline: give the baseline.": lambda g: g - _others(g),
        "this is the mean of each group, once: each draw has a baseline of its own.": lambda g: (
            g.mean(-1)
        ),
        "all groups are mixed: leave one out within its own group.": lambda g: (
            (g.sum() - g) / (g.numel() - 1)
        ),
        "the own value is subtracted after the mean: take it out of the sum.": lambda g: (
            g.mean(-1, keepdim=True) - g
        ),
    },
)


def check_leave_one_out(function):
    """Check a function's baselines, the mean of the other draws: (N, K) -> (N, K)."""
    return LEAVE_ONE_OUT.check(function)


PATH = "mu + sigma * noise has a path, and sample() and torch.normal have none."
ROWS, LATENTS = 20_000, 3
MEANS, LOG_VARS = (0.7, -1.3, 2.0), (-1.2, 0.9, 0.3)


def check_reparameterize(function):
    """Check a function's draws from q(z|x) with a path: mu (B, D), log_var (B, D) -> z (B, D).

    The function draws its own noise. What is looked at is how many different draws it makes, their
    mean and spread, and which gradients reach mu and log_var.

    >>> check_reparameterize(lambda mu, log_var: mu + log_var.exp() * torch.randn_like(mu))
    Not yet: the variance is taken for the standard deviation: sigma is exp(log_var / 2).
    """
    with own_state():
        try:
            return _check_draws(Program(function, ("mu", "log_var")))
        except Wrong as wrong:
            return wrong.answer()


def _check_draws(program: Program) -> Answer:
    mu = torch.tensor(MEANS, dtype=torch.float64).expand(ROWS, LATENTS).clone()
    log_var = torch.tensor(LOG_VARS, dtype=torch.float64).expand(ROWS, LATENTS).clone()
    z = program(mu, log_var)
    if z.shape != mu.shape:
        raise Wrong(
            f"it returns the shape {tuple(z.shape)} where that of mu, {tuple(mu.shape)}, is wanted."
        )
    if not z.isfinite().all():
        raise Wrong(
            "some draws are NaN or infinite: exp(log_var / 2) is the deviation of any log_var."
        )
    if z.dtype != mu.dtype:
        raise Wrong(f"it returns {z.dtype} for {mu.dtype}: torch.randn_like(mu) has mu's.")
    noise = (z - mu) / (log_var / 2).exp()
    _check_noise(noise, z, mu, log_var)
    _check_path(program)
    return Answer(True, f"{ROWS:,} draws have their mean, spread and gradients.")


def _check_noise(noise, z, mu, log_var) -> None:
    if (z == mu).all():
        raise Wrong("there is no noise: z is mu for every image.")
    if (z.var(0) < 1e-12).all():
        raise Wrong("one draw serves all images: draw noise of mu's shape, a new number for each.")
    deviation = noise.std(0)
    sigma = (log_var / 2).exp()[0]
    known = {
        "the variance is taken for the standard deviation: sigma is exp(log_var / 2).": sigma,
        "log-variance is taken for the standard deviation: it goes through exp(log_var / 2).": (
            (log_var[0] / sigma).abs()
        ),
        "sigma is missing: the noise is added as it is.": 1 / sigma,
        "half of log_var is added to the noise's scale: exp is missing.": (
            (log_var[0] / 2 / sigma).abs()
        ),
        "the root is taken twice: exp(log_var / 2) is the deviation already.": sigma**-0.5,
        "the sign in exp is turned: sigma is exp(+log_var / 2).": sigma**-2,
        "the noise is uniform on (0, 1): it has to be standard normal.": (
            torch.full_like(sigma, 12**-0.5)
        ),
        "the deviation is the variance squared: sigma is exp(log_var / 2).": sigma**3,
    }
    for text, wrong in known.items():
        if ((deviation / wrong - 1).abs() < 0.03).all():
            raise Wrong(text)
    if deviation.std() < 0.01 * deviation.mean() and (deviation.mean() - 1).abs() > 0.04:
        raise Wrong(
            f"the noise is {deviation.mean():.2g} times sigma: the KL charges for all of sigma, so "
            "draws need it whole."
        )
    if z.std(0).std() < 0.02 * z.std(0).mean():
        raise Wrong(
            f"the draws spread by {z.std(0)[0]:.3g} in each latent, whatever log_var says: is it "
            "clamped?"
        )
    if (noise.mean(0).abs() > 0.05).any():
        worst = int(noise.mean(0).abs().argmax())
        raise Wrong(
            f"the draws have the mean {z.mean(0)[worst]:.3g} where mu is {mu[0, worst]:.3g}."
        )
    if ((deviation - 1).abs() > 0.04).any():
        worst = int((deviation - 1).abs().argmax())
        raise Wrong(f"the draws spread by {z.std(0)[worst]:.3g} where sigma is {sigma[worst]:.3g}.")
    if (torch.corrcoef(noise.T) - torch.eye(LATENTS)).abs().max() > 0.05:
        raise Wrong("one number serves all latents of an image: draw noise of mu's shape.")
    if ((noise**4).mean(0) - 3).abs().max() > 0.5:
        raise Wrong("mean and spread are right, but the noise is not Gaussian: use torch.randn.")


def _check_path(program: Program) -> None:
    mu, log_var = (normal(5, 4, seed=s).requires_grad_() for s in (105, 106))
    z = program.limited(lambda: program.plain(mu, log_var))
    if not isinstance(z, torch.Tensor) or not z.requires_grad or z.shape != mu.shape:
        raise Wrong(f"the draws are right, but no gradient reaches mu and log_var: {PATH}")
    slopes = program.limited(lambda: torch.autograd.grad(z.sum(), [mu, log_var], allow_unused=True))
    expected = torch.ones_like(mu), (z - mu).detach() / 2
    for name, slope, wanted in zip(("mu", "log_var"), slopes, expected, strict=True):
        if slope is None or not slope.any():
            raise Wrong(f"the draws are right, but no gradient reaches {name}: {PATH}")
        if not torch.allclose(slope, wanted, rtol=1e-6, atol=1e-9):
            raise Wrong(f"the draws are right, but the gradient for {name} is not that of a path.")
