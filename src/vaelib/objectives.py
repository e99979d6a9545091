"""What training maximises: the evidence lower bound and its two terms, in nats per image."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelib.checks import integer, positive
from vaelib.data import check_images
from vaelib.gaussians import gaussian_kl, log_prior_over_posterior, widened
from vaelib.models import VAE, Autoencoder, to_weights
from vaelib.networks import unwrapped
from vaelib.parts import CHUNK, parts_of, rows_at_once


class Terms(NamedTuple):
    """The two terms of the evidence lower bound, each (B,) in nats: elbo = reconstruction - kl."""

    reconstruction: Tensor
    kl: Tensor

    @property
    def elbo(self) -> Tensor:
        """The bound itself, (B,) nats."""
        return self.reconstruction - self.kl


def bernoulli_log_likelihood(images: Tensor, logits: Tensor) -> Tensor:
    """log p(x|z) with Bernoulli pixels, summed over the pixels: (..., P), (..., P) -> (...), nats.

    With x in {0, 1} this is a log-probability. With grey x it is minus a cross-entropy, which is
    what most VAEs on MNIST are trained with, but not the logarithm of any distribution over x.
    Float16 and bfloat16 are computed, and answered, in float32.

    Args:
        images: flattened images in [0, 1].
        logits: log-odds of the pixels; the leading axes are broadcast against those of the images.

    Raises:
        RuntimeError: inside a transform of `torch.func`. What these ask of a derivative written by
            hand (`setup_context`) takes time in every step of training.
    """
    images, logits = widened(images), widened(logits)
    if images.shape != logits.shape:
        images, logits = torch.broadcast_tensors(images, logits)
    return _BernoulliLogLikelihood.apply(images, logits)


class _BernoulliLogLikelihood(torch.autograd.Function):
    """The sum over pixels of x log p + (1 - x) log(1 - p) = x l - max(l, 0) + log max(p, 1 - p).

    PyTorch's own cross-entropy takes a log1p a pixel, which costs as much as the matrix products
    of a small VAE. The last term here is the logarithm of a product instead: each factor is
    between 1/2 and 1, so that a hundred of them cannot underflow.
    """

    @staticmethod
    def forward(context, images: Tensor, logits: Tensor) -> Tensor:
        context.save_for_backward(images, logits)
        pixels = logits.shape[-1]
        # The largest block of at most a hundred into which the pixels divide: 98 of MNIST's 784.
        factors = next(count for count in range(100, 0, -1) if pixels % count == 0)
        certainty = logits.abs().sigmoid_()  # max(p, 1 - p)
        products = certainty.unflatten(-1, (-1, factors)).prod(-1)  # (..., P) -> (..., P / factors)
        # Pixel by pixel, for the sums of both terms are large and may be nearly equal.
        linear = (images * logits).sub_(logits.clamp(min=0))  # x l - max(l, 0)
        return linear.sum(-1) + products.log().sum(-1)

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[Tensor | None, Tensor]:
        images, logits = context.saved_tensors
        gradient = gradient.unsqueeze(-1)  # (...) -> (..., 1)
        slope = images - torch.sigmoid(logits)  # of x l - log(1 + exp(l)): x - p
        return gradient * logits if context.needs_input_grad[0] else None, gradient * slope


def continuous_bernoulli_log_norm(logits: Tensor) -> Tensor:
    """log C of the continuous Bernoulli, C x_hat^x (1 - x_hat)^(1 - x), of each pixel: (...), nats.

    1 / C is the integral over x in [0, 1], tanh(l / 2) / l at the logit l of x_hat, and 1/2 at 0.
    Written as (2 x_hat - 1) / l it is 0 / 0 near 0, and so are its derivatives in any closed form;
    there the logarithm is summed as a series.

    Args:
        logits: log-odds of the pixels, of any shape, which the result has too.

    Source:
        Loaiza-Ganem and Cunningham, The continuous Bernoulli, https://arxiv.org/abs/1907.06845
    """
    near = logits.abs() < 0.5
    square = torch.where(near, logits, 0).square()
    series = torch.zeros_like(square)
    for coefficient in reversed(_LOG_NORM_SERIES):
        series = (series + coefficient) * square
    size = torch.where(near, 1, logits).abs()
    closed = size.log() - torch.tanh(size / 2).log()
    return torch.where(near, math.log(2) + series, closed)


# log(l / tanh(l / 2)) - log 2 is a sum over n of (4^n - 2) B_2n / (2n (2n)!) l^2n, B the Bernoulli
# numbers. Eight terms are exact to the last digit of float64 for |l| < 1/2.
_BERNOULLI_NUMBERS = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_LOG_NORM_SERIES = tuple(
    (4**n - 2) * number / (2 * n * math.factorial(2 * n))
    for n, number in enumerate(_BERNOULLI_NUMBERS, 1)
)


def gaussian_log_likelihood(images: Tensor, mean: Tensor, sigma: float | Tensor) -> Tensor:
    """log N(x; mean, sigma^2 I), summed over the pixels: (..., P), (..., P) -> (...), nats.

    Args:
        images: flattened images.
        mean: the decoder's output, in units of pixel intensity.
        sigma: standard deviation of a pixel, in the same units, above 0 and finite; a tensor if it
            is learned: one number, one for each pixel, (P,), or any shape that broadcasts against
            (..., P).

    Raises:
        ValueError: if sigma is out of range, or the three do not fit each other.
    """
    if getattr(sigma, "ndim", 0) == 0 and not isinstance(sigma, Tensor):
        sigma = positive("sigma", sigma)
    images, mean = widened(images), widened(mean)
    sigma = torch.as_tensor(sigma, dtype=mean.dtype, device=mean.device)
    _check_pixelwise(images, mean, sigma)
    if not ((sigma > 0) & sigma.isfinite()).all():
        told = f"{sigma.item():g}" if sigma.numel() == 1 else f"{sigma.min():g} to {sigma.max():g}"
        raise ValueError(f"wanted sigma above 0 and finite, got {told}")
    error = ((images - mean) / sigma).square()
    return -0.5 * (error + 2 * sigma.log() + math.log(2 * math.pi)).sum(-1)


def _check_pixelwise(images: Tensor, mean: Tensor, sigma: Tensor) -> None:
    """Check that images, their mean and its deviation have the same pixels on the last axis."""
    pixels = images.shape[-1:]
    fits = len(pixels) == 1 and mean.shape[-1:] == pixels and sigma.shape[-1:] in ((), (1,), pixels)
    try:
        shape = torch.broadcast_shapes(images.shape, mean.shape)
        fits = fits and torch.broadcast_shapes(shape, sigma.shape) == shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            "wanted images and mean of shape (..., P) and sigma as a number, (P,), or what "
            f"broadcasts against them, got {tuple(images.shape)}, {tuple(mean.shape)} and "
            f"{tuple(sigma.shape)}"
        )


def reconstruction_log_likelihood(model, images: Tensor, z: Tensor) -> Tensor:
    """log p(x|z) under the model's own likelihood, (..., B) nats.

    Args:
        images: (B, ...).
        z: (..., B, D); leading axes, such as K samples an image, are kept.
    """
    if not isinstance(model, Autoencoder | VAE):  # asked in every step
        model = unwrapped(model)
    pixels = images.flatten(1)  # (B, C, H, W) -> (B, input_dim)
    if model.likelihood == "bernoulli":
        return bernoulli_log_likelihood(pixels, model.decode_logits(z))
    return gaussian_log_likelihood(pixels, model.decode(z), model.sigma)


def training_terms(
    model: Autoencoder | VAE, images: Tensor, num_samples=1, generator=None
) -> Terms:
    """`elbo_terms` without its checks, for every step; an autoencoder has no KL term: 0."""
    if not torch.is_grad_enabled():
        rows = rows_at_once(model, images, CHUNK)
        if len(images) > rows or num_samples * len(images) > rows:
            # On a CPU, draws in parts of 16 numbers are those of one part.
            rows = max(rows - rows % 16, 1)
            return _terms_in_parts(model, images, num_samples, generator, rows)
    if isinstance(model, Autoencoder):
        reconstruction = reconstruction_log_likelihood(model, images, model.encode(images))
        return Terms(reconstruction, torch.zeros_like(reconstruction))
    mu, log_var = model.encode(images)
    if num_samples == 1:  # the same without the axis of the draws, and a little faster
        z = model.reparameterize(mu, log_var, generator)
        reconstruction = reconstruction_log_likelihood(model, images, z)
    else:
        z, _ = draw(model, mu, log_var, num_samples, generator)
        reconstruction = reconstruction_log_likelihood(model, images, z).mean(0)  # (K, B) -> (B,)
    return Terms(reconstruction, gaussian_kl(mu, log_var))


def _terms_in_parts(model, images: Tensor, num_samples: int, generator, rows: int) -> Terms:
    """`training_terms` with as few images, and draws of each, as fit into `rows`."""
    found = []
    for batch in images.split(rows):
        count = 1 if isinstance(model, Autoencoder) else num_samples
        reconstruction = 0
        for part in parts_of(count, max(1, rows // len(batch))):
            terms = training_terms(model, batch, part, generator)
            reconstruction = reconstruction + terms.reconstruction * part
        found.append(Terms(reconstruction / count, terms.kl))
    return Terms(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def draw(
    model: VAE, mu: Tensor, log_var: Tensor, num_samples: int, generator=None
) -> tuple[Tensor, Tensor]:
    """K draws z ~ q(z|x) for each image, and their noise: (B, D), (B, D) -> (K, B, D) twice.

    The noise is eps = (z - mu) / sigma. It is not computed so, since a narrow q leaves no digits
    of z - mu, unless the model draws in a way of its own.
    """
    shape = (num_samples, *mu.shape)
    mu, log_var = mu.expand(shape), log_var.expand(shape)
    if getattr(model.reparameterize, "__func__", None) is not VAE.reparameterize:
        z = model.reparameterize(mu, log_var, generator)
        return z, (z - mu) * torch.exp(-log_var / 2)
    eps = torch.empty_like(mu).normal_(generator=generator)
    return mu + torch.exp(log_var / 2) * eps, eps


def iwae_terms(
    model: VAE, images: Tensor, num_samples: int, generator=None
) -> tuple[Tensor, Terms]:
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
    mu, log_var = model.encode(images)
    z, eps = draw(model, mu, log_var, num_samples, generator)
    reconstruction = reconstruction_log_likelihood(model, images, z)  # (K, B)
    log_weights = reconstruction + log_prior_over_posterior(z, mu, log_var, eps)
    bound = log_weights.logsumexp(0) - math.log(num_samples)  # (K, B) -> (B,)
    return bound, Terms(reconstruction.mean(0), gaussian_kl(mu, log_var))


def elbo_terms(model: VAE, images: Tensor, num_samples: int = 1, generator=None) -> Terms:
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


def elbo(model: VAE, images: Tensor, num_samples: int = 1, generator=None) -> Tensor:
    """The evidence lower bound of each image, (B,) nats; arguments and errors as `elbo_terms`."""
    return elbo_terms(model, images, num_samples, generator).elbo


def check_arguments(model, images: Tensor, num_samples: int) -> None:
    """What every bound asks of its caller; a model whose pixels are any numbers says so.

    Raises:
        ValueError: if the images are no batch, or not in [0, 1] though the model's decoder is, or
            num_samples is below 1.
    """
    check_images(images, unit_interval=getattr(model, "unit_interval", True))
    integer("num_samples", num_samples)
