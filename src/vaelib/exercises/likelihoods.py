"""Checks of what an image's pixels are given: their Gaussian, and a mean over draws of z."""

import math

import torch

from vaelib.exercises.comparing import Exercise, normal, uniform

HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


def _squares(x, x_hat, sigma):
    return (x - x_hat).square() / (2 * sigma**2)


def _gaussian(x, x_hat, sigma):
    return -(_squares(x, x_hat, sigma) + sigma.log() + HALF_LOG_TAU).sum(-1)


def _pixels(x):
    return x.shape[-1]


GAUSSIAN = Exercise(
    reference=_gaussian,
    cases=lambda: [
        (uniform(4, 6, seed=111), uniform(4, 6, seed=112), torch.tensor(0.3).double()),
        (normal(5, 3, seed=113), normal(5, 3, seed=114), torch.tensor(1.7).double()),
    ],
    gradient=True,
    shapes="sum over the pixels, the last axis, and over nothing else",
    mistakes={
        "log sigma has the wrong sign: a wider noise would always be better.": lambda x, y, s: (
            _gaussian(x, y, s) + 2 * _pixels(x) * s.log()
        ),
        "log sigma is missing: a wider noise would always be better.": lambda x, y, s: (
            _gaussian(x, y, s) + _pixels(x) * s.log()
        ),
        "log sigma is subtracted once and not for each pixel.": lambda x, y, s: (
            _gaussian(x, y, s) + (_pixels(x) - 1) * s.log()
        ),
        "log(sigma²) is subtracted whole: half of it is log sigma.": lambda x, y, s: (
            _gaussian(x, y, s) - _pixels(x) * s.log()
        ),
        "the 1/2 before the squares is missing.": lambda x, y, s: (
            _gaussian(x, y, s) - _squares(x, y, s).sum(-1)
        ),
        "sigma is not squared below the squares.": lambda x, y, s: (
            _gaussian(x, y, s) + (_squares(x, y, s) * (1 - s)).sum(-1)
        ),
        "sigma is taken for the variance: square it.": lambda x, y, s: _gaussian(x, y, s.sqrt()),
        "sigma² stands where sigma should: it is squared twice.": lambda x, y, s: _gaussian(
            x, y, s**2
        ),
        "log 2 pi is missing: it is no density then.": lambda x, y, s: (
            _gaussian(x, y, s) + _pixels(x) * HALF_LOG_TAU
        ),
        "log 2 pi lacks its 1/2.": lambda x, y, s: _gaussian(x, y, s) - _pixels(x) * HALF_LOG_TAU,
        "1/2 log 2 pi is subtracted once and not for each pixel.": lambda x, y, s: (
            _gaussian(x, y, s) + (_pixels(x) - 1) * HALF_LOG_TAU
        ),
        "the constant of a whole image, P/2 log 2 pi, is subtracted for each pixel.": (
            lambda x, y, s: _gaussian(x, y, s) - _pixels(x) * (_pixels(x) - 1) * HALF_LOG_TAU
        ),
        "these are the squares alone: the density has a constant, too.": lambda x, y, s: (
            -_squares(x, y, s).sum(-1)
        ),
        "it is averaged over the pixels: sum them.": lambda x, y, s: (
            _gaussian(x, y, s) / _pixels(x)
        ),
        "these are the pixels one by one: sum them.": lambda x, y, s: (
            -(_squares(x, y, s) + s.log() + HALF_LOG_TAU)
        ),
        "its sign is turned: this is the loss.": lambda x, y, s: -_gaussian(x, y, s),
        "it is the mean over the images: keep one number for each.": lambda x, y, s: _gaussian(
            x, y, s
        ).mean(),
        "it is summed over the images too: keep one number for each.": lambda x, y, s: _gaussian(
            x, y, s
        ).sum(),
    },
)


def check_gaussian_log_likelihood(function):
    """Check a function's log N(x; x_hat, sigma^2 I): x (B, P), x_hat (B, P), sigma -> (B,), nats.

    sigma is a tensor with one number, which may be learned.
    """
    return GAUSSIAN.check(function)


def _mean_of(log_p, axis):
    return log_p.logsumexp(axis) - math.log(log_p.shape[axis])


MARGINAL = Exercise(
    reference=lambda log_p: _mean_of(log_p.sum(-1), 0),
    cases=lambda: [
        (-2 * uniform(5, 3, 4, seed=115),),
        (2 * normal(4, 2, 6, seed=116).clamp(max=0) - 0.1,),
        (-900 * uniform(6, 4, 5, seed=117),),  # as images of many pixels have it
    ],
    gradient=True,
    shapes="one number for each image: the pixels and the draws go",
    mistakes={
        "the mean is taken in each pixel, as if it had a new draw for each pixel: one z makes a "
        "whole image, so sum its pixels first.": lambda w: _mean_of(w, 0).sum(-1),
        "this is the mean of the logarithms, a bound: the mean goes inside the log.": lambda w: (
            w.sum(-1).mean(0)
        ),
        "log K is missing: it is a mean over K draws, and this their sum.": lambda w: w.sum(
            -1
        ).logsumexp(0),
        "log K is added: it is subtracted.": lambda w: (
            w.sum(-1).logsumexp(0) + math.log(w.shape[0])
        ),
        "the log-probabilities are averaged over the pixels: sum them.": lambda w: _mean_of(
            w.mean(-1), 0
        ),
        "the mean runs over the images: the K draws are the first axis.": lambda w: _mean_of(
            w.sum(-1), 1
        ),
        "draws and pixels are exchanged: sum over the pixels, the last axis.": lambda w: _mean_of(
            w.sum(0), 1
        ),
        "the probabilities underflow: exp of some hundred below 0 is 0. Use torch.logsumexp.": (
            lambda w: w.sum(-1).exp().mean(0).log()
        ),
        "the probabilities of the pixels are averaged: their product is wanted.": lambda w: (
            _mean_of(_mean_of(w, 2), 0)
        ),
        "this is the likeliest draw alone.": lambda w: w.sum(-1).amax(0),
        "its sign is turned: this is an estimate of the NLL.": lambda w: -_mean_of(w.sum(-1), 0),
        "it is the mean over the images: keep one number for each.": lambda w: _mean_of(
            w.sum(-1), 0
        ).mean(),
    },
)


def check_log_marginal(function):
    """Check a function's estimate of log p(x) from K draws of z: log_p (K, B, P) -> (B,), nats.

    Entry [k, b, i] is log p(x_i | z_k) for pixel i of image b, with z_k from the prior.

    >>> check_log_marginal(lambda log_p: log_p.exp().mean(0).log().sum(-1))
    Not yet: the mean is taken in each pixel, as if it had a new draw for each pixel: one z makes \
a whole image, so sum its pixels first.
    """
    return MARGINAL.check(function)
