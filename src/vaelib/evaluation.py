"""How good is a trained model: log p(x), how tightly it is bounded, and what the latents carry."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelib.checks import integer, number, random_seed
from vaelib.devices import memory_advice, pick_device, plain_torch
from vaelib.gaussians import widened
from vaelib.importance import Weights
from vaelib.models.base import to_weights
from vaelib.networks import device_of, evaluating, unwrapped
from vaelib.objectives import check_arguments, log_importance_weights
from vaelib.parts import CHUNK, in_parts, parts_of, rows_at_once
from vaelib.training import mean_terms


@plain_torch(gradients=False)
def iwae_bound(model, images: Tensor, num_samples: int, generator=None) -> Tensor:
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
    model = unwrapped(model)
    _check_posterior(model)
    check_arguments(model, images, num_samples)
    images, num_samples = to_weights(model, images), integer("num_samples", num_samples)
    rows, bounds = rows_at_once(model, images, CHUNK), []
    with evaluating(model):
        for part, batch in in_parts(model, images, rows):
            weights = Weights()
            for count in parts_of(num_samples, max(1, rows // len(batch))):
                weights.add(log_importance_weights(part, batch, count, generator))
            bounds.append(weights.log_mean())
    return torch.cat(bounds)


class LogLikelihood(NamedTuple):
    """Importance-weighted estimates of log p(x), and how far chance may have moved them.

    `estimate` is log p(x) of each image, (B,) nats. On average it lies below: by about error^2 / 2,
    if the weights' variance is finite and there are many draws, and by more if not.

    `error` is its standard error from the draws of z, (B,) nats, by the delta method; NaN for one
    draw. An error e means that the sum is made of about 1 / e^2 effective draws, of 100 at 0.1. A
    small error is no proof: draws that all miss the true posterior agree with each other.
    """

    estimate: Tensor
    error: Tensor

    @property
    def mean(self) -> float:
        """The mean over the images, nats; minus it is the NLL that papers print."""
        return math.fsum(self.estimate.tolist()) / len(self.estimate)

    @property
    def mean_error(self) -> float:
        """The standard error of `mean` from the draws of z alone, for these very images, nats."""
        return math.sqrt(math.fsum(error**2 for error in self.error.tolist())) / len(self.error)

    @property
    def sampling_error(self) -> float:
        """The standard error of `mean` from the choice of the images and the draws, nats."""
        estimates, mean = self.estimate.tolist(), self.mean
        if len(estimates) == 1:
            return math.nan
        squares = math.fsum((estimate - mean) ** 2 for estimate in estimates)
        return math.sqrt(squares / (len(estimates) - 1) / len(estimates))


@plain_torch(gradients=False)
def log_likelihood(
    model,
    images: Tensor,
    num_samples: int,
    *,
    seed: int = 0,
    device: str = "auto",
    chunk: int = 2**20,
) -> LogLikelihood:
    """Estimate log p(x) as the importance-weighted bound with many draws, with its standard error.

    Works in the precision of the weights: bfloat16 would take about half the time, but moves single
    images by hundredths of a nat. Memory does not grow with K or with the number of images.

    Args:
        images: (B, ...); of 0 and 1 if the model's pixels are Bernoulli.
        num_samples: K, draws of z for each image; papers take 5000.
        seed: of the draws.
        device: as for `fit`; the model returns to where it was.
        chunk: decoded pixels held at once. About a million is fastest on a CPU; more may be on a
            GPU.

    Raises:
        ValueError: if the model has no q(z|x), an image is grey though the pixels are Bernoulli,
            num_samples or chunk is below 1, or the device is not here.
        MemoryError: if a chunk does not fit into memory.

    Source:
        Burda, Grosse and Salakhutdinov, section 5.1, https://arxiv.org/abs/1509.00519; for the
        standard error Owen, Monte Carlo theory, methods and examples, chapter 9,
        https://artowen.su.domains/mc
    """
    model = unwrapped(model)
    num_samples, chunk = integer("num_samples", num_samples), integer("chunk", chunk)
    check_has_likelihood(model, images)
    device, home = pick_device(device), device_of(model)
    generator = torch.Generator(device).manual_seed(random_seed(seed))
    rows = rows_at_once(model, images, chunk)
    estimates, errors = [], []
    try:
        with memory_advice(f"chunk (now {chunk})"), evaluating(model):
            model.to(device)
            for part, batch in in_parts(model, images, min(100, rows)):
                batch, weights = to_weights(model, batch).to(device), Weights()
                for count in parts_of(num_samples, rows // len(batch)):
                    weights.add(log_importance_weights(part, batch, count, generator))
                estimates.append(weights.log_mean())
                errors.append(weights.error())
    finally:
        model.to(home)
    return LogLikelihood(*(torch.cat(parts).to(images.device) for parts in (estimates, errors)))


def check_has_likelihood(model, images: Tensor) -> None:
    """What every estimate of log p(x) asks of a model and its images.

    Raises:
        ValueError: if the model has no q(z|x), or its likelihood no probability for the images.
    """
    _check_posterior(model)
    model.pixels.check_scored(images)


@plain_torch(gradients=False)
def kl_per_dimension(model, images: Tensor) -> Tensor:
    """KL(q(z_j|x) || p(z_j)) of each latent coordinate, averaged over the images: (D,) nats.

    Args:
        images: (B, ...) in [0, 1].

    Raises:
        ValueError: if the images are not such a batch, or the model has no q(z|x).
    """
    return torch.cat(_of_posteriors(model, images, _marginal_kls)).mean(0)


def _marginal_kls(model, q) -> Tensor:
    """KL(q(z_j|x) || p(z_j)) of each image and coordinate: (B, D) nats."""
    found = q.marginals().kl(model.prior().marginals())
    if found is None:
        raise ValueError(
            "wanted a posterior and a prior whose KL has a closed form in each coordinate, got "
            f"{type(q).__name__} and {type(model.prior()).__name__}"
        )
    return found


@plain_torch(gradients=False)
def mean_variance(model, images: Tensor) -> Tensor:
    """How much the mean of q(z_j|x) varies from image to image, its variance over x: (D,).

    Args:
        images: (B, ...) in [0, 1], two or more.

    Raises:
        ValueError: if the images are not such a batch, or the model has no q(z|x).
    """
    if len(images) < 2:
        raise ValueError(f"wanted two images or more for a variance, got {len(images)}")
    return torch.cat(_of_posteriors(model, images, lambda _, q: q.mean)).var(0)


def active_units(model, images: Tensor, threshold: float = 0.01) -> Tensor:
    """Which latent coordinates say anything about the image: (D,), true or false.

    A coordinate is active if the variance over x of its posterior mean is above the threshold. The
    number of them is the sum.

    Args:
        images: (B, ...) in [0, 1], two or more.

    Raises:
        ValueError: if the images are not such a batch, or the model has no q(z|x).

    Source:
        Burda, Grosse and Salakhutdinov, section 5.3, https://arxiv.org/abs/1509.00519
    """
    return mean_variance(model, images) > number("threshold", threshold)


class RateDistortion(NamedTuple):
    """Means over the images in nats: -ELBO = rate + distortion.

    `rate` is the KL term, what it takes to send z with the prior as the code; `distortion` is minus
    the reconstruction term, what it then takes to send x.
    """

    rate: float
    distortion: float


def rate_distortion(model, images: Tensor, num_samples: int = 1, seed: int = 0) -> RateDistortion:
    """Both terms of minus the ELBO as a rate and a distortion; arguments as for `mean_terms`.

    Raises:
        ValueError: if the images are not in [0, 1], num_samples is below 1, or the model has no
            q(z|x).

    Source:
        Alemi et al., Fixing a Broken ELBO, section 3, https://arxiv.org/abs/1711.00464
    """
    _check_posterior(unwrapped(model))
    terms = mean_terms(model, images, num_samples, seed)
    return RateDistortion(terms.kl, -terms.reconstruction)


def _of_posteriors(model, images: Tensor, what) -> list[Tensor]:
    """`what(model, q(z|x))` of all images, a thousand at a time."""
    model = unwrapped(model)
    _check_posterior(model)
    check_arguments(model, images, 1)
    device, rows = device_of(model), min(1000, rows_at_once(model, images, CHUNK))
    with evaluating(model):
        parts = [
            what(part, part.posterior(to_weights(model, batch).to(device)))
            for part, batch in in_parts(model, images, rows)
        ]
    return [widened(part).to(images.device) for part in parts]


def _check_posterior(model) -> None:
    if not model.has_elbo:
        raise ValueError(f"wanted a VAE: an {type(model).__name__} has no q(z|x)")
