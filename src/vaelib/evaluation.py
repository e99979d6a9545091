"""How good is a trained model: bounds on log p(x) that are tighter than its ELBO."""

import math

import torch
from torch import Tensor

from vaelib.models import VAE
from vaelib.objectives import (
    check_arguments,
    draw,
    log_prior_over_posterior,
    reconstruction_log_likelihood,
)

CHUNK = 2**24  # decoded numbers held at once: 64 MiB in float32


@torch.no_grad()
def iwae_bound(model: VAE, images: Tensor, num_samples: int, generator=None) -> Tensor:
    """The importance-weighted bound on log p(x), (B,) nats, without gradients.

    It is the logarithm of the mean of K importance weights p(x, z) / q(z|x), z ~ q(z|x). Its
    expectation is the ELBO at K = 1, never falls as K grows, and tends to log p(x). The draws are
    taken a part at a time, so that memory does not grow with K.

    Args:
        images: (B, ...) in [0, 1].
        num_samples: K, draws of z for each image.
        generator: a `torch.Generator` on the images' device, to draw the same noise again.

    Raises:
        ValueError: if the images are not a batch in [0, 1] that fits the model, or num_samples is
            below 1.

    Source:
        Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders, equation 8,
        https://arxiv.org/abs/1509.00519
    """
    check_arguments(model, images, num_samples)
    at_once = max(1, CHUNK // images.numel())  # draws of z for each image
    total = images.new_full((len(images),), -math.inf)  # log of the weights' sum
    for start in range(0, num_samples, at_once):
        count = min(at_once, num_samples - start)
        log_weights = log_importance_weights(model, images, count, generator)  # (K, B)
        total = torch.logaddexp(total, log_weights.logsumexp(0))
    return total - math.log(num_samples)


def log_importance_weights(model, images: Tensor, num_samples: int, generator=None) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x) at K draws z ~ q(z|x) for each image: (K, B) nats."""
    mu, log_var = model.encode(images)
    z = draw(model, mu, log_var, num_samples, generator)
    log_likelihood = reconstruction_log_likelihood(model, images, z)
    return log_likelihood + log_prior_over_posterior(z, mu, log_var)
