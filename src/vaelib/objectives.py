"""What training maximises: the evidence lower bound and its two terms, in nats per image."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelib.checks import integer
from vaelib.models.base import to_weights
from vaelib.networks import unwrapped
from vaelib.parts import CHUNK, in_parts, parts_of, rows_at_once


class Terms(NamedTuple):
    """The two terms of the evidence lower bound, each (B,) in nats: elbo = reconstruction - kl."""

    reconstruction: Tensor
    kl: Tensor

    @property
    def elbo(self) -> Tensor:
        """The bound itself, (B,) nats."""
        return self.reconstruction - self.kl


def reconstruction_log_likelihood(model, images: Tensor, z: Tensor) -> Tensor:
    """log p(x|z) under the model's own likelihood, (..., B) nats.

    Args:
        images: (B, ...).
        z: (..., B, D); leading axes, such as K samples an image, are kept.
    """
    return unwrapped(model).likelihood(z).log_prob(images)


def training_terms(model, images: Tensor, num_samples=1, generator=None) -> Terms:
    """`elbo_terms` without its checks, for every step."""
    if not torch.is_grad_enabled():
        rows = rows_at_once(model, images, CHUNK)
        if len(images) > rows or num_samples * len(images) > rows:
            # On a CPU, draws in parts of 16 numbers are those of one part.
            rows = max(rows - rows % 16, 1)
            return _terms_in_parts(model, images, num_samples, generator, rows)
    # One draw has no axis of its own, which is a little faster.
    count = None if num_samples == 1 else num_samples
    return _terms(model, model.posterior(images), images, count, generator)


def _terms(model, q, images: Tensor, num_samples: int | None, generator) -> Terms:
    """Both terms at draws z ~ q(z|x): their mean over K of them, or those of one (None)."""
    prior = model.prior()
    kl = q.kl(prior)
    if kl is None:  # no closed form: what the same draws say
        z, log_q = q.sample_and_log_prob(generator, num_samples)
        kl = log_q - prior.log_prob(z)
        kl = kl if num_samples is None else kl.mean(0)  # (K, B) -> (B,)
    else:
        z = q.sample(generator, num_samples)
    reconstruction = model.likelihood(z).log_prob(images)
    if num_samples is not None:
        reconstruction = reconstruction.mean(0)  # (K, B) -> (B,)
    return Terms(reconstruction, kl)


def _terms_in_parts(model, images: Tensor, num_samples: int, generator, rows: int) -> Terms:
    """`training_terms` with as few images, and draws of each, as fit into `rows`."""
    found = []
    for model_part, batch in in_parts(model, images, rows):
        q, reconstruction, kl = model_part.posterior(batch), 0, 0
        exact = q.kl(model_part.prior())
        count = 1 if q.is_point else num_samples
        for part in parts_of(count, max(1, rows // len(batch))):
            terms = _terms(model_part, q, batch, None if count == 1 else part, generator)
            reconstruction = reconstruction + terms.reconstruction * part
            kl = kl + terms.kl * part
        found.append(Terms(reconstruction / count, kl / count if exact is None else exact))
    return Terms(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def log_importance_weights(model, images: Tensor, num_samples: int, generator=None) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x) at K draws z ~ q(z|x) for each image: (K, B) nats."""
    z, log_q = model.posterior(images).sample_and_log_prob(generator, num_samples)
    return model.likelihood(z).log_prob(images) + model.prior().log_prob(z) - log_q


def iwae_terms(model, images: Tensor, num_samples: int, generator=None) -> tuple[Tensor, Terms]:
    """The importance-weighted bound, (B,) nats, with its gradient, and the ELBO's terms beside it.

    The bound is the logarithm of the mean of K importance weights, taken by log-sum-exp so that no
    weight underflows. Its gradient weighs the draws by their normalised importance weights.

    Args:
        images: (B, ...), in [0, 1]; not checked.
        num_samples: K, draws of z for each image.

    Source:
        Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders, equations 8 and 14,
        https://arxiv.org/abs/1509.00519
    """
    q, prior = model.posterior(images), model.prior()
    z, log_q = q.sample_and_log_prob(generator, num_samples)
    reconstruction = model.likelihood(z).log_prob(images)  # (K, B)
    log_prior = prior.log_prob(z)
    bound = (reconstruction + log_prior - log_q).logsumexp(0) - math.log(num_samples)
    kl = q.kl(prior)
    return bound, Terms(reconstruction.mean(0), (log_q - log_prior).mean(0) if kl is None else kl)


def dreg_terms(model, images: Tensor, num_samples: int, generator=None) -> tuple[Tensor, Terms]:
    """A number whose gradient is that of the importance-weighted bound with less noise, and terms.

    For the encoder every draw counts by the square of its normalised weight, and its density only
    where z is, not through q's own parameters: that has the bound's gradient as its mean, and a
    noise that does not outgrow it as K grows. The number itself, (B,), is not the bound.

    Args:
        images: (B, ...), in [0, 1]; not checked.
        num_samples: K, draws of z for each image.

    Raises:
        ValueError: if q(z|x) is not Gaussian.

    Source:
        Tucker, Lawson, Gu and Maddison, Doubly Reparameterized Gradient Estimators for Monte Carlo
        Objectives, https://arxiv.org/abs/1810.04152; with K = 1 it is the one of Roeder, Wu and
        Duvenaud, Sticking the Landing, https://arxiv.org/abs/1703.09194
    """
    q, prior = model.posterior(images), model.prior()
    z = q.sample(generator, num_samples)
    reconstruction = model.likelihood(z).log_prob(images)  # (K, B)
    log_prior, log_q = prior.log_prob(z), q.detached().log_prob(z)
    log_weights = reconstruction + log_prior - log_q
    weights = log_weights.detach().softmax(0)
    z.register_hook(lambda slope: slope * weights.unsqueeze(-1))
    kl = q.kl(prior)
    terms = Terms(reconstruction.mean(0), (log_q - log_prior).mean(0) if kl is None else kl)
    return (weights * log_weights).sum(0), terms


def elbo_terms(model, images: Tensor, num_samples: int = 1, generator=None) -> Terms:
    """Both terms of the evidence lower bound, each (B,) nats.

    Under `torch.no_grad` many images and draws are taken a part at a time, so that memory does not
    grow with K. Where gradients are kept it does: the way back needs every draw.

    Args:
        images: (B, ...) in [0, 1].
        num_samples: K, draws of z over which the reconstruction term is averaged; the KL is exact.
        generator: a `torch.Generator` on the images' device, to draw the same noise again.

    Raises:
        ValueError: if the images are not a batch in [0, 1] that fits the model, or num_samples is
            below 1.

    Source:
        Kingma and Welling, equation 10, https://arxiv.org/abs/1312.6114
    """
    model = unwrapped(model)
    check_arguments(model, images, num_samples)
    images = to_weights(model, images)
    return training_terms(model, images, integer("num_samples", num_samples), generator)


def elbo(model, images: Tensor, num_samples: int = 1, generator=None) -> Tensor:
    """The evidence lower bound of each image, (B,) nats; arguments and errors as `elbo_terms`."""
    return elbo_terms(model, images, num_samples, generator).elbo


def check_arguments(model, images: Tensor, num_samples: int) -> None:
    """What every bound asks of its caller.

    Raises:
        ValueError: if the images are none that the model's likelihood takes, or num_samples is
            below 1.
    """
    model.pixels.check(images)
    integer("num_samples", num_samples)
