"""Mistakes of public code, as programs of the exercises: each museum piece, and others.

Each is told by a check, with the words that name it; where no exercise asks for such a program, the
reason stands in its place.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

from vaelib import exercises

BATCH = 128  # as typed into a loss


def kl(m, v):
    return -0.5 * (1 + v - m**2 - v.exp()).sum(1)


def ce(r, x):
    return F.binary_cross_entropy(r, x, reduction="sum")


def pixelwise(decode, num_images, latent_dim):
    columns = [decode(torch.randn(num_images, latent_dim))[:, i] for i in range(6)]
    return torch.stack(columns, 1).sigmoid().bernoulli()


def from_codes(code):
    """A program that draws images from such codes."""
    return lambda decode, n, d: decode(code(n, d)).sigmoid().bernoulli()


def per_dimension(x, y, s):
    """The constant of a whole image in each of its terms, as in intro_dgm."""
    constant = 0.5 * x.shape[1] * math.log(2 * math.pi)
    return (-((x - y) ** 2) / (2 * s**2) - s.log() - constant).sum(1)


def asked_twice(loss, optimizer, batch):
    optimizer.zero_grad()
    loss(batch).backward()
    value = loss(batch).item()
    optimizer.step()
    return value


MUSEUM = {  # a label of book/wrong.ipynb: a check, a program and words, or why there is none
    "museum-factor": (
        exercises.check_loss,
        lambda r, x, m, v: F.binary_cross_entropy(r, x) + kl(m, v).mean(),
        "beta = 784: the cross-entropy is averaged over the 784 values",
    ),
    "museum-latents": (
        exercises.check_loss,
        lambda r, x, m, v: ce(r, x) / len(x) + kl(m, v).mean() / m.shape[1],
        "averaged over the 3 latents",
    ),
    "museum-batch": (
        exercises.check_loss,
        lambda r, x, m, v: F.binary_cross_entropy(r, x) + kl(m, v).sum() / (BATCH * 784),
        "the cross-entropy is averaged over the batch and the KL is not",
    ),
    "museum-knob": (
        exercises.check_effective_beta,
        lambda weight, values, sigma: values / (2 * sigma**2),
        "the weight is forgotten",
    ),
    "museum-twice": (
        exercises.check_loss,
        lambda r, x, m, v: (ce(r, x) + 2 * kl(m, v).sum()) / len(x),
        "the KL is twice too large: its 1/2 is missing, or it is counted twice",
    ),
    "museum-warm": "no exercise asks for a schedule: what is wrong there is a loop around training",
    "museum-negative": "pixels beyond 0 and 1 are a mistake of the data, which a check brings",
    "museum-sign": (
        exercises.check_gaussian_log_likelihood,
        lambda x, y, s: (-((x - y) ** 2) / (2 * s**2) + s.log() - math.log(2 * math.pi) / 2).sum(1),
        "log sigma has the wrong sign",
    ),
    "museum-constant": (
        exercises.check_gaussian_log_likelihood,
        per_dimension,
        "the constant of a whole image, P/2 log 2 pi, is subtracted for each pixel",
    ),
    "museum-noise": (
        exercises.check_reparameterize,
        lambda m, v: m + 0.01 * (v / 2).exp() * torch.randn_like(m),
        "the noise is 0.01 times sigma",
    ),
    "museum-variance": (
        exercises.check_reparameterize,
        lambda m, v: m + v.exp() * torch.randn_like(m),
        "the variance is taken for the standard deviation",
    ),
    "museum-nan": (
        exercises.check_reparameterize,
        lambda m, v: m + (v.clamp(2, 20) / 2).exp() * torch.randn_like(m),
        "in each latent, whatever log_var says: is it clamped?",
    ),
    "museum-inverted": (
        exercises.check_prior_images,
        lambda decode, n, d: (decode(torch.randn(n, d)).sigmoid() < torch.rand(n, 6)).float(),
        "ink and paper are exchanged",
    ),
    "museum-sums": "a sum over the batch has the right minimum, and check_loss lets it pass",
    "museum-grid": (
        exercises.check_quantile_grid,
        lambda side: torch.linspace(-1, 1, side),
        "the grid is even, from -1 to 1: that shows little of the prior",
    ),
    "museum-true": "every check computes what is true, and asks for no number that was typed",
}

PUBLIC = [  # others: FACTS of public code, and what stands in questions about it
    # a new draw for each pixel, where one makes an image
    (exercises.check_prior_images, pixelwise, "it has a new draw of z for each pixel"),
    (exercises.check_log_marginal, lambda w: w.exp().mean(0).log().sum(1), (
        "as if it had a new draw for each pixel"
    )),
    (exercises.check_log_marginal, lambda w: (
        w.logsumexp(0) - math.log(len(w))
    ).sum(-1), "a new draw for each pixel"),
    # draws that are not of the prior, or not of the pixels
    (exercises.check_prior_images, from_codes(lambda n, d: torch.rand(n, d)), "uniform on (0, 1)"),
    (exercises.check_prior_images, from_codes(lambda n, d: torch.rand(n, d) * 2 - 1), "on (-1, 1)"),
    (exercises.check_prior_images, from_codes(lambda n, d: torch.zeros(n, d)), "the prior's mean"),
    (exercises.check_prior_images, from_codes(lambda n, d: torch.randn(1, d).expand(n, d)), (
        "one z serves all images"
    )),
    (exercises.check_prior_images, from_codes(lambda n, d: torch.randn(n, 1).expand(n, d)), (
        "one number serves all latents"
    )),
    (exercises.check_prior_images, from_codes(lambda n, d: 2 * torch.randn(n, d)), (
        "the deviation 2.0"
    )),
    (exercises.check_prior_images, from_codes(lambda n, d: torch.randn(d, n)), (
        "decode wants z of shape (num_images, latent_dim), and is given (3, 2000)"
    )),
    (exercises.check_prior_images, lambda decode, n, d: decode(torch.randn(n, d)), "the logits"),
    (exercises.check_prior_images, lambda decode, n, d: decode(torch.randn(n, d)).sigmoid(), (
        "these are the probabilities"
    )),
    (exercises.check_prior_images, lambda decode, n, d: (
        decode(torch.randn(n, d)).sigmoid().round()
    ), "each pixel is rounded"),
    (exercises.check_prior_images, lambda decode, n, d: (
        (torch.rand(n, 1) < decode(torch.randn(n, d)).sigmoid()).float()
    ), "one uniform number serves all pixels of an image"),
    (exercises.check_prior_images, lambda decode, n, d: (
        (torch.rand(6) < decode(torch.randn(n, d)).sigmoid()).float()
    ), "one uniform number serves a pixel in all images"),
    (exercises.check_prior_images, lambda decode, n, d: (
        decode(torch.randn(n, d)).clamp(0, 1).bernoulli()
    ), "its probability is the sigmoid of its logit"),
    (exercises.check_prior_images, lambda f, n, d: torch.ones(n, 6), "it never asks for decode"),
    # an estimate of log p(x) that is none: the bound's mean of logarithms, printed as the NLL
    (exercises.check_log_marginal, lambda w: w.sum(-1).mean(0), "the mean of the logarithms"),
    (exercises.check_log_marginal, lambda w: w.sum(-1).exp().mean(0).log(), "underflow"),
    (exercises.check_log_marginal, lambda w: (
        w.mean(-1).logsumexp(0) - math.log(len(w))
    ), "averaged over the pixels"),
    # Gaussian pixels
    (exercises.check_gaussian_log_likelihood, lambda x, y, s: -F.mse_loss(x, y), "shape ()"),
    (exercises.check_gaussian_log_likelihood, lambda x, y, s: (
        -((x - y) ** 2).sum(1) / (2 * s**2)
    ), "these are the squares alone"),
    (exercises.check_gaussian_log_likelihood, lambda x, y, s: (
        torch.distributions.Normal(y, s**2).log_prob(x).sum(1)
    ), "it is squared twice"),
    (exercises.check_gaussian_log_likelihood, lambda x, y, s: (
        torch.distributions.Normal(y, s.sqrt()).log_prob(x).sum(1)
    ), "sigma is taken for the variance"),
    (exercises.check_gaussian_log_likelihood, lambda x, y, s: (
        torch.distributions.Normal(y, s).log_prob(x)
    ), "the pixels one by one"),
    (exercises.check_gaussian_log_likelihood, lambda x, y, s: (
        torch.distributions.Normal(y, s.item()).log_prob(x).sum(1)
    ), "no gradient reaches sigma"),
    # constants and signs of the closed form: ericjang/draw #2, FluxML/model-zoo #147, autograd #266
    (exercises.check_closed_form_kl, lambda m, v: (
        0.5 * (m**2 + v.exp() - v).sum(1) - 0.5
    ), "once and not for each latent"),
    (exercises.check_closed_form_kl, lambda m, v: (
        0.5 * (m**2 + (2 * v).exp() - 1 - 2 * v).sum(1)
    ), "log-variance is taken for log sigma"),
    (exercises.check_closed_form_kl, lambda m, v: (
        -0.5 * (1 + v - m**2 - v.exp()).mean()
    ), "averaged over latents and images"),  # keras #6015
    # z = mu in place of a draw, as `eval()` once switched on: pytorch/examples #419
    (exercises.check_reparameterize, lambda m, v: m.clone(), "there is no noise"),
    (exercises.check_reparameterize, lambda m, v: (
        torch.distributions.Normal(m, v.exp()).rsample()
    ), "the variance is taken for the standard deviation"),
    # -ELBO printed as the NLL: intro_dgm
    (exercises.check_iwae_bound, lambda w: -w.mean(0), "this is minus the ELBO"),
    # a loss that is asked again, with other noise
    (exercises.check_training_step, asked_twice, "asks for loss(batch) 2 times"),
    # a weight that was copied with another reduction: AntixK/PyTorch-VAE #11, #23, #35
    (exercises.check_effective_beta, lambda w, p, s: w, "it gives, for one"),
    (exercises.check_loss, lambda r, x, m, v: (
        F.binary_cross_entropy(r, x) + 0.00025 * kl(m, v).mean()
    ), "beta = 0.196"),
    # constants of numpy in a loss: no gradient
    (exercises.check_loss, lambda r, x, m, v: float(ce(r, x) + kl(m, v).sum()), "a gradient"),
    (exercises.check_quantile_grid, lambda side: np.linspace(-3, 3, side), "even, from -3 to 3"),
]  # fmt: skip
