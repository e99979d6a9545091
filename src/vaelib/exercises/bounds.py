"""Checks of the chapters on the ELBO and on evaluating: bounds, weights and their parts."""

import math

import torch
import torch.nn.functional as F

from vaelib.exercises.comparing import Exercise, normal, uniform
from vaelib.gaussians import gaussian_kl


def _log_p(x, logits):
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none")


def _elbo(x, logits, mu, log_var):
    return _log_p(x, logits).sum(-1) - gaussian_kl(mu, log_var)


def _without_half(mu, log_var):
    return 2 * gaussian_kl(mu, log_var)


def _kl_of_sigma(mu, log_var):
    return gaussian_kl(mu, 2 * log_var)


ELBO = Exercise(
    reference=_elbo,
    cases=lambda: (
        [
            (
                (uniform(batch, pixels, seed=21) > 0.5).double(),
                2 * normal(batch, pixels, seed=22),
                normal(batch, latents, seed=23),
                normal(batch, latents, seed=24),
            )
            for batch, pixels, latents in ((4, 6, 3), (5, 9, 2))
        ]
        + [  # logits that could be taken for probabilities
            (
                (uniform(3, 5, seed=43) > 0.5).double(),
                uniform(3, 5, seed=44),
                normal(3, 4, seed=45),
                normal(3, 4, seed=46),
            )
        ]
    ),
    gradient=False,
    shapes="give one number for each image",
    mistakes={
        "the KL is added: it is subtracted.": lambda x, a, m, v: (
            _log_p(x, a).sum(-1) + gaussian_kl(m, v)
        ),
        "this is the loss: the ELBO is minus that.": lambda x, a, m, v: -_elbo(x, a, m, v),
        "the cross-entropy is minus the log-likelihood: turn its sign.": lambda x, a, m, v: (
            -_log_p(x, a).sum(-1) - gaussian_kl(m, v)
        ),
        "the log-likelihood is averaged over the pixels: sum them.": lambda x, a, m, v: (
            _log_p(x, a).mean(-1) - gaussian_kl(m, v)
        ),
        "the KL is averaged over the latents: sum them.": lambda x, a, m, v: (
            _log_p(x, a).sum(-1) - gaussian_kl(m, v) / m.shape[-1]
        ),
        "both terms are averaged over their last axis: sum them.": lambda x, a, m, v: (
            _log_p(x, a).mean(-1) - gaussian_kl(m, v) / m.shape[-1]
        ),
        "the KL is twice too large: its 1/2 is missing.": lambda x, a, m, v: (
            _log_p(x, a).sum(-1) - _without_half(m, v)
        ),
        "in the KL, log-variance is taken for log sigma.": lambda x, a, m, v: (
            _log_p(x, a).sum(-1) - _kl_of_sigma(m, v)
        ),
        "the KL is missing.": lambda x, a, m, v: _log_p(x, a).sum(-1),
        "it is the mean over the images: keep one number for each.": lambda x, a, m, v: _elbo(
            x, a, m, v
        ).mean(),
        "it is summed over the images too: keep one number for each.": lambda x, a, m, v: _elbo(
            x, a, m, v
        ).sum(),
        "the KL is summed over the images, and taken from each of them.": lambda x, a, m, v: (
            _log_p(x, a).sum(-1) - gaussian_kl(m, v).sum()
        ),
        "the logits are taken for probabilities: sigmoid, or a loss with logits, is missing.": (
            lambda x, a, m, v: (x * a.log() + (1 - x) * (1 - a).log()).sum(-1) - gaussian_kl(m, v)
        ),
        "a squared error stands where the Bernoulli log-likelihood should.": lambda x, a, m, v: (
            -((x - a.sigmoid()) ** 2).sum(-1) - gaussian_kl(m, v)
        ),
        "the sigmoid is taken twice.": lambda x, a, m, v: (
            _log_p(x, a.sigmoid()).sum(-1) - gaussian_kl(m, v)
        ),
    },
)


def check_elbo(function):
    """Check a function's ELBO of black and white images, from what the networks give, in nats.

    (B, P) images x, (B, P) logits, (B, D) mu, (B, D) log_var -> (B,): the Bernoulli log-likelihood
    at one draw, minus the KL in closed form.
    """
    return ELBO.check(function)


def _far(log_weights):
    return log_weights - 2000


IWAE = Exercise(
    reference=lambda log_weights: log_weights.logsumexp(0) - math.log(len(log_weights)),
    cases=lambda: [
        (normal(4, 3, seed=25) - 5,),
        (2 * normal(6, 2, seed=26),),
        (_far(normal(5, 4, seed=27)),),  # as the weights of real images are
    ],
    gradient=True,
    shapes="the K draws are the first axis, and it goes",
    mistakes={
        "this is the mean of the logarithms, the ELBO: the mean goes inside the log.": (
            lambda w: w.mean(0)
        ),
        "this is minus the ELBO, the mean of the logarithms: the mean goes inside the log.": (
            lambda w: -w.mean(0)
        ),
        "log K is missing: it is a mean of K weights, and this their sum.": lambda w: w.logsumexp(
            0
        ),
        "log K is added: it is subtracted.": lambda w: w.logsumexp(0) + math.log(len(w)),
        "K is subtracted and not its logarithm.": lambda w: w.logsumexp(0) - len(w),
        "it runs over the images: the K draws are the first axis.": lambda w: (
            w.logsumexp(1) - math.log(w.shape[1])
        ),
        "the mean runs over draws and images: the images keep their own.": lambda w: (
            w.flatten().logsumexp(0) - math.log(w.numel())
        ),
        "log of the number of images is subtracted, where log K should.": lambda w: (
            w.logsumexp(0) - math.log(w.shape[1])
        ),
        "the weights underflow: exp of -2000 is 0. Use torch.logsumexp.": lambda w: (
            w.exp().mean(0).log()
        ),
        "this is the largest weight alone.": lambda w: w.amax(0),
        "the logarithm is missing, and its argument underflows.": lambda w: w.exp().mean(0),
        "its sign is turned: this is an estimate of the NLL.": lambda w: (
            math.log(len(w)) - w.logsumexp(0)
        ),
        "it is the mean over the images: keep one number for each.": lambda w: (
            w.logsumexp(0) - math.log(len(w))
        ).mean(),
    },
)


def check_iwae_bound(function):
    """Check a function's importance-weighted bound: log-weights (K, B) -> (B,), nats.

    >>> check_iwae_bound(lambda log_weights: log_weights.exp().mean(0).log())
    Not yet: the weights underflow: exp of -2000 is 0. Use torch.logsumexp.
    """
    return IWAE.check(function)


NORMALISED = Exercise(
    reference=lambda log_weights: log_weights.softmax(0),
    cases=IWAE.cases,
    mistakes={
        "they sum to 1 over the images: the K draws are the first axis.": lambda w: w.softmax(1),
        "they are not normalised: divide by their sum over the draws.": lambda w: w.exp(),
        "these are the logarithms of the normalised weights.": lambda w: w.log_softmax(0),
        "the logarithms are divided by their sum: exp comes first.": lambda w: w / w.sum(0),
        "the weights underflow, and 0 / 0 is NaN: use softmax.": lambda w: w.exp() / w.exp().sum(0),
        "they are divided by the largest, not by the sum.": lambda w: (w - w.amax(0)).exp(),
        "they sum to 1 over draws and images together.": lambda w: (
            w.flatten().softmax(0).view(w.shape)
        ),
    },
)


def check_normalised_weights(function):
    """Check a function's normalised importance weights: log-weights (K, B) -> (K, B)."""
    return NORMALISED.check(function)


BEST_SIGMA = Exercise(
    reference=lambda x, x_hat: (x - x_hat).square().mean().sqrt(),
    cases=lambda: [
        (uniform(4, 6, seed=28), uniform(4, 6, seed=29)),
        (normal(5, 3, seed=30), normal(5, 3, seed=31) + 1),
    ],
    shapes="one sigma for all pixels of all images",
    mistakes={
        "this is the variance, sigma²: take the root.": lambda x, y: (x - y).square().mean(),
        "the squared errors are summed: it is their mean.": lambda x, y: (
            (x - y).square().sum().sqrt()
        ),
        "it is the mean absolute error: that is best for a Laplace.": lambda x, y: (
            (x - y).abs().mean()
        ),
        "the mean error is taken away first: sigma is the root of the mean square.": lambda x, y: (
            x - y
        ).std(correction=0),
        "the mean error is taken away first, and N - 1 divides.": lambda x, y: (x - y).std(),
        "the errors are summed over the pixels and averaged over images alone.": lambda x, y: (
            (x - y).square().sum(-1).mean().sqrt()
        ),
        "it is the mean of each image's root: the root comes last.": lambda x, y: (
            (x - y).square().mean(-1).sqrt().mean()
        ),
        "half the squared error is averaged: leave out the 1/2.": lambda x, y: (
            (x - y).square().mean() / 2
        ).sqrt(),
        "it is the deviation of the images, whatever is rebuilt.": lambda x, y: (
            x.std(correction=0) + 0 * y.sum()
        ),
    },
)


def check_best_sigma(function):
    """Check a function's best sigma of Gaussian pixels: x (N, P), x_hat (N, P) -> one number."""
    return BEST_SIGMA.check(function)


def _gathered(log_q):
    return log_q.logsumexp(1) - math.log(log_q.shape[1])


MUTUAL = Exercise(
    reference=lambda log_q: (log_q.diagonal() - _gathered(log_q)).mean(),
    cases=lambda: [(normal(n, n, seed=32 + n) + 2 * torch.eye(n).double() - 3,) for n in (4, 7)],
    shapes="the mean over the images is one number",
    mistakes={
        "log N is missing: q(z) is the mean of N densities, and this their sum.": lambda q: (
            q.diagonal() - q.logsumexp(1)
        ).mean(),
        "q(z) is summed over the draws: it runs over the images, the second axis.": lambda q: (
            q.diagonal() - q.logsumexp(0) + math.log(len(q))
        ).mean(),
        "it is summed over the images: average.": lambda q: (q.diagonal() - _gathered(q)).sum(),
        "log q(z) is the mean of logarithms: the mean goes inside the log.": lambda q: (
            q.diagonal() - q.mean(1)
        ).mean(),
        "its sign is turned.": lambda q: (_gathered(q) - q.diagonal()).mean(),
        "the draw's own density is the diagonal: here all of them are averaged.": lambda q: (
            q - _gathered(q)[:, None]
        ).mean(),
    },
)


def check_mutual_information(function):
    """Check a function's mutual information of images and latents, from a matrix, in nats.

    Entry [b, n] of log_q (N, N) is log q(z_b | x_n) for a draw z_b from q(z | x_b) -> one number.
    """
    return MUTUAL.check(function)


BITS = Exercise(
    reference=lambda log_likelihood, values: -log_likelihood / (values * math.log(2)),
    cases=lambda: [(-100 * uniform(5, seed=41), 12), (-900 * uniform(3, seed=42), 784)],
    mistakes={
        "this is in nats: divide by log 2.": lambda p, n: -p / n,
        "it is for the whole image: divide by the number of values.": lambda p, n: -p / math.log(2),
        "its sign is turned: a code's length is above 0.": lambda p, n: p / (n * math.log(2)),
        "it is multiplied by log 2: divide.": lambda p, n: -p * math.log(2) / n,
        "the logarithm of the likelihood is taken again.": lambda p, n: -(-p).log2() / n,
        "it is the mean over the images: keep one number for each.": lambda p, n: (
            -p / (n * math.log(2))
        ).mean(),
    },
)


def check_bits_per_dimension(function):
    """Check a function's bits per dimension: log-likelihoods (B,) in nats, P values -> (B,)."""
    return BITS.check(function)
