"""Checks of the chapters on the latent space and on exploring: paths, grids, posteriors."""

import math

import torch

from vaelib.exercises.comparing import Exercise, normal, uniform


def _quantile(share):
    share = torch.as_tensor(share, dtype=torch.float64)
    return torch.special.ndtri(share)


def _line(start, end, t):
    return (1 - t[:, None]) * start + t[:, None] * end


LINE = Exercise(
    reference=_line,
    cases=lambda: [
        (normal(3, seed=51), normal(3, seed=52), uniform(5, seed=53)),
        (normal(2, seed=54), normal(2, seed=55), torch.linspace(0, 1, 7).double()),
    ],
    shapes="a row for each t",
    mistakes={
        "the ends are exchanged: t = 0 is the start.": lambda a, b, t: _line(b, a, t),
        "it goes beyond: start + t (end - start), and not start + t end.": lambda a, b, t: (
            a + t[:, None] * b
        ),
        "the end is added: the difference of both is end - start.": lambda a, b, t: (
            a + t[:, None] * (a + b)
        ),
        "the start is missing: this is t (end - start).": lambda a, b, t: t[:, None] * (b - a),
        "the latents are the rows: give a row for each t.": lambda a, b, t: _line(a, b, t).T,
        "t is not used: the places are spaced evenly.": lambda a, b, t: _line(
            a, b, torch.linspace(0, 1, len(t)).double()
        ),
        "this is the midpoint, whatever t is.": lambda a, b, t: _line(a, b, 0 * t + 0.5),
        "this is an arc: the weights are those of a straight line, 1 - t and t.": lambda a, b, t: (
            (t[:, None] * math.pi / 2).cos() * a + (t[:, None] * math.pi / 2).sin() * b
        ),
    },
)


def check_interpolation(function):
    """Check a function's straight path: start (D,), end (D,), t (T,) -> (T, D)."""
    return LINE.check(function)


ARC = Exercise(
    reference=lambda z, other, angle: z * angle.cos() + other * angle.sin(),
    cases=lambda: [
        (normal(4, 3, seed=56), normal(4, 3, seed=57), torch.tensor(0.4).double()),
        (normal(2, 5, seed=58), normal(2, 5, seed=59), torch.tensor(1.9).double()),
    ],
    mistakes={
        "sine and cosine are exchanged: at the angle 0 it is z.": lambda z, o, w: (
            z * w.sin() + o * w.cos()
        ),
        "the second has the wrong sign.": lambda z, o, w: z * w.cos() - o * w.sin(),
        "this is a straight line: its draws are too short.": lambda z, o, w: (
            z * (1 - w / (math.pi / 2)) + o * w / (math.pi / 2)
        ),
        "the weights are squared: then they sum to 1, and their squares should.": lambda z, o, w: (
            z * w.cos() ** 2 + o * w.sin() ** 2
        ),
        "the angle is taken for degrees.": lambda z, o, w: (
            z * w.deg2rad().cos() + o * w.deg2rad().sin()
        ),
    },
)


def check_rotation(function):
    """Check a function's turn between two draws: z (B, D), other (B, D), angle -> (B, D)."""
    return ARC.check(function)


def _middles(side):
    return (torch.arange(side).double() + 0.5) / side


def _even(reach):
    return lambda side: torch.linspace(-reach, reach, side).double()


GRID = Exercise(
    reference=lambda side: _quantile(_middles(side)),
    cases=lambda: [(5,), (12,), (1,)],
    mistakes={
        "these are the shares: the quantile of each, icdf, is missing.": _middles,
        "the grid is even, from -1 to 1: that shows little of the prior.": _even(1),
        "the grid is even, from -2 to 2: quantiles are closer together in the middle.": _even(2),
        "the grid is even, from -3 to 3: quantiles are closer together in the middle.": _even(3),
        "the first share is 0, whose quantile is -inf: begin half a step in.": lambda side: (
            _quantile(torch.arange(side).double() / side)
        ),
        "the shares go from 0 to 1, whose quantiles are infinite: stay half a step inside.": (
            lambda side: _quantile(torch.linspace(0, 1, side).double())
        ),
        "the shares are k / (G + 1): with k + 1/2 over G each point has as much of the prior.": (
            lambda side: _quantile(torch.arange(1, side + 1).double() / (side + 1))
        ),
        "this is the distribution function: its inverse is wanted.": lambda side: (
            torch.special.ndtr(_middles(side))
        ),
        "it goes from right to left.": lambda side: _quantile(_middles(side)).flip(0),
        "these are quantiles of the uniform distribution on (-1, 1).": lambda side: (
            2 * _middles(side) - 1
        ),
    },
)


def check_quantile_grid(function):
    """Check a function's coordinates at the prior's quantiles (k + 1/2) / G: G -> (G,)."""
    return GRID.check(function)


def _half_width(mass, latent_dim):
    return _quantile((1 + mass ** (1 / latent_dim)) / 2)


BOX = Exercise(
    reference=_half_width,
    cases=lambda: [(0.95, 2), (0.95, 10), (0.6, 3)],
    mistakes={
        "each axis holds all of the mass: it takes the D-th root.": lambda m, d: _quantile(
            (1 + m) / 2
        ),
        "one side is forgotten: the box is cut off on both, (1 + root) / 2.": lambda m, d: (
            _quantile(m ** (1 / d))
        ),
        "the mass is divided by D: it takes the D-th root.": lambda m, d: _quantile(
            (1 + m / d) / 2
        ),
        "it is taken to the power D: it takes the D-th root.": lambda m, d: _quantile(
            (1 + m**d) / 2
        ),
        "this is the whole side: kappa is half of it.": lambda m, d: 2 * _half_width(m, d),
        "this is half a share: the quantile, icdf, is missing.": lambda m, d: torch.tensor(
            (1 + m ** (1 / d)) / 2
        ),
        "this is the left end: kappa is above 0.": lambda m, d: -_half_width(m, d),
    },
)


def check_wide_box(function):
    """Check a function's half width of a cube with a mass of N(0, I): mass, D -> one number."""
    return BOX.check(function)


def _joint(prior, likelihood):
    return prior * likelihood


BAYES = Exercise(
    reference=lambda prior, likelihood: (
        _joint(prior, likelihood) / _joint(prior, likelihood).sum(-1, keepdim=True)
    ),
    cases=lambda: [
        (torch.tensor([0.1, 0.6, 0.3]).double(), uniform(4, 3, seed=60)),
        (torch.tensor([0.5, 0.2, 0.1, 0.15, 0.05]).double(), uniform(2, 5, seed=61)),
    ],
    mistakes={
        "this is the joint probability: divide by its sum over z.": _joint,
        "the prior is forgotten.": lambda p, x: x / x.sum(-1, keepdim=True) + 0 * p,
        "the prior divides: it multiplies.": lambda p, x: (x / p) / (x / p).sum(-1, keepdim=True),
        "it sums to 1 over the images: sum over z, the last axis.": lambda p, x: (
            p * x / (p * x).sum(0)
        ),
        "these are probabilities: softmax takes logarithms.": lambda p, x: (p * x).softmax(-1),
        "it is divided by the sum over images and z: each image has its own.": lambda p, x: (
            p * x / (p * x).sum()
        ),
        "this is p(x), the sum over z: divide by it.": lambda p, x: (p * x).sum(-1),
        "it is divided by the likelihood's sum, without the prior in it.": lambda p, x: (
            p * x / x.sum(-1, keepdim=True)
        ),
    },
)


def check_posterior(function):
    """Check a function's p(z | x) by Bayes' rule: prior (S,), p(x | z) (B, S) -> (B, S)."""
    return BAYES.check(function)


def _weighted_median(images, weights):
    order = images.argsort(0)
    heavy = weights[order].cumsum(0) >= 0.5 * weights.sum()
    return images.gather(0, order).gather(0, heavy.double().argmax(0)[None])[0]


MEDIAN = Exercise(
    reference=lambda images, weights: _weighted_median(images, weights),
    cases=lambda: [
        (uniform(5, 7, seed=62), torch.tensor([0.1, 0.35, 0.05, 0.3, 0.2]).double()),
        (uniform(2, 3, seed=63), torch.tensor([0.6, 0.4]).double()),
    ],
    mistakes={
        "this is the weighted mean, which is best for the squared error.": lambda x, w: w @ x,
        "this is the median without the weights.": lambda x, w: x.median(0).values + 0 * w.sum(),
        "this is the mean without the weights.": lambda x, w: x.mean(0) + 0 * w.sum(),
        "this is the image with the largest weight: each pixel has its own median.": lambda x, w: x[
            w.argmax()
        ],
        "the weights are not sorted along with the pixels.": lambda x, w: x.sort(0).values[
            (w.cumsum(0) >= 0.5).double().argmax()
        ],
        "the median is over the weighted pixels: weights say how often, not how bright.": (
            lambda x, w: (w[:, None] * x).median(0).values
        ),
    },
)


def check_weighted_median(function):
    """Check a function's weighted median of each pixel: images (N, P), weights (N,) -> (P,)."""
    return MEDIAN.check(function)
