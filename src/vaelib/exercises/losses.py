"""Checks of what a network is trained with: the loss and its beta, the start of the output bias."""

import torch

from vaelib.effective import effective_beta
from vaelib.exercises.answers import Answer, Wrong
from vaelib.exercises.comparing import Exercise, normal, uniform
from vaelib.exercises.results import numbers
from vaelib.exercises.running import Program, own_state

BETA = Exercise(
    reference=lambda weight, values, sigma: weight * values / (2 * sigma**2),
    cases=lambda: [(0.00025, 12288, 1.0), (0.5, 784, 0.3), (3.0, 20, 2.0)],
    mistakes={
        "the 2 is missing: the Gaussian has 1 / (2 sigma²).": lambda w, p, s: w * p / s**2,
        "sigma is not squared.": lambda w, p, s: w * p / (2 * s),
        "sigma² multiplies: it divides.": lambda w, p, s: w * p * s**2 / 2,
        "P divides: a mean over the values makes the KL weigh more.": lambda w, p, s: (
            w / (p * 2 * s**2)
        ),
        "the number of values is forgotten.": lambda w, p, s: w / (2 * s**2),
        "the weight is forgotten.": lambda w, p, s: p / (2 * s**2),
        "this is beta turned over.": lambda w, p, s: 2 * s**2 / (w * p),
        "this is for sigma = 1, whatever it is.": lambda w, p, s: w * p / 2,
        "the 2 multiplies: it divides.": lambda w, p, s: 2 * w * p / s**2,
        "this is the sigma with which beta would be 1.": lambda w, p, s: (w * p / 2) ** 0.5,
    },
)


def check_effective_beta(function):
    """Check a function's beta of `mse_loss` plus weight * KL: weight, P values, sigma -> beta."""
    return BETA.check(function)


def check_loss(function):
    """Check that loss(recon, x, mu, log_var) is minus the ELBO, in nats per image of a batch.

    The reconstructions are probabilities, (B, P) as the images; pixels are Bernoulli and the loss
    is one number. `vaelib.effective_beta` says what other losses stand for.

    >>> def loss(recon, x, mu, log_var):
    ...     bce = torch.nn.functional.binary_cross_entropy(recon, x)
    ...     return bce - 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1).mean()
    >>> check_loss(loss)
    Not yet: minus the ELBO has beta = 1, and this loss has beta = 784: the cross-entropy is \
averaged over the 784 values (beta × 784).
    """
    with own_state():
        try:
            program = Program(function, ("recon", "x", "mu", "log_var"))
            recon, x = uniform(5, 784, seed=85), uniform(5, 784, seed=86)
            program(recon, x, normal(5, 3, seed=87), normal(5, 3, seed=88), read=_readable)
            found = program.limited(lambda: _measured(program.plain))
        except Wrong as wrong:
            return wrong.answer()
    text = repr(found)
    if found.at_sigma is not None:
        return Answer(False, "pixels are Bernoulli here: a cross-entropy, and no squared error.")
    if abs(found.beta - 1) > 1e-3 or found.batch_power:
        return Answer(False, f"minus the ELBO has beta = 1, and this loss has {text}")
    return Answer(True, "its minimum is that of minus the ELBO: beta is 1 on batches of any size.")


def _measured(loss):
    try:
        return effective_beta(loss, image_shape=784, latent_dim=3)
    except ValueError as error:
        form = "wanted a loss a R + b KL with positive a and b, got another: "
        raise Wrong(str(error).removeprefix(form).splitlines()[0]) from None


def _readable(result):
    """A loss as numbers; one that comes with its terms is looked at by `effective_beta`."""
    has_terms = isinstance(result, tuple | list | dict) and len(result) > 0
    return result if has_terms else numbers(result)


def _logit(p):
    return p.log() - torch.log1p(-p)


BIAS = Exercise(
    reference=lambda images: _logit(images.mean(0)),
    cases=lambda: [(uniform(5, 3, seed=81),), (uniform(4, 6, seed=82) ** 2,)],
    shapes="one logit for each pixel: the mean runs over the images",
    mistakes={
        "this is the mean image: the bias is its logit, log(p / (1 - p)).": lambda x: x.mean(0),
        "this is the mean of the logits: take the mean image first.": lambda x: _logit(x).mean(0),
        "it is the mean over the pixels of each image: the mean runs over the images.": lambda x: (
            _logit(x.mean(1))
        ),
        "it is the logit of the mean over all: each pixel has its own.": lambda x: _logit(x.mean()),
        "this is log p: log(p / (1 - p)) is the logit.": lambda x: x.mean(0).log(),
        "its sign is turned: a dark pixel has a logit below 0.": lambda x: -_logit(x.mean(0)),
        "sigmoid is the way back: its inverse, logit, is wanted.": lambda x: x.mean(0).sigmoid(),
        "this is p / (1 - p): its logarithm is missing.": lambda x: x.mean(0) / (1 - x.mean(0)),
        "the images are summed: take their mean.": lambda x: _logit(x.sum(0)),
    },
)


def check_best_bias(function):
    """Check a function's best constant logits: images (N, P) in (0, 1) -> (P,)."""
    return BIAS.check(function)


def _saved(variances):
    return 0.5 * (variances - 1 - variances.log()).sum()


SAVED = Exercise(
    reference=_saved,
    cases=lambda: [(uniform(4, seed=83),), (3 * uniform(7, seed=84),)],
    shapes="one number: sum over the coordinates",
    mistakes={
        "it is twice too large: the 1/2 is missing.": lambda v: 2 * _saved(v),
        "its sign is turned: it is never negative.": lambda v: -_saved(v),
        "these are the coordinates one by one: sum them.": lambda v: 0.5 * (v - 1 - v.log()),
        "it is averaged over the coordinates: sum them.": lambda v: _saved(v) / len(v),
        "the logarithm has the wrong sign.": lambda v: 0.5 * (v - 1 + v.log()).sum(),
        "the -1 is missing: for the variance 1 nothing is saved.": lambda v: (
            0.5 * (v - v.log()).sum()
        ),
        "the variance is taken for a standard deviation, and squared.": lambda v: (
            0.5 * (v**2 - 1 - 2 * v.log()).sum()
        ),
        "the variance is taken for its logarithm.": lambda v: 0.5 * (v.exp() - 1 - v).sum(),
        "the -1 is subtracted once and not for each coordinate.": lambda v: (
            0.5 * ((v - v.log()).sum() - 1)
        ),
    },
)


def check_saved_kl(function):
    """Check a function's KL that scaling saves: variances (D,) -> one number, in nats."""
    return SAVED.check(function)
