"""Posterior collapse: when it is the optimum, a decoder that brings it about, and what is done.

In a linear model with the noise s the loss, with beta before the KL, has a known optimum. Turn the
pixels to the eigenvectors of their covariance, with the variances lambda_i, and take one direction.
Divided by beta the loss is that of beta = 1 with the noise sqrt(beta) s, whose best weight w has

    w^2 = max(0, lambda_i - beta s^2),

so that the direction costs (1/2) log(lambda_i / (beta s^2)) nats of KL, or none, and its squared
error is min(lambda_i, beta s^2). That is the rate and the distortion of a Gaussian source.

Source:
    Lucas, Tucker, Grosse and Norouzi, Don't Blame the ELBO!, https://arxiv.org/abs/1911.02469;
    Cover and Thomas, Elements of Information Theory, section 10.3.3
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaelib.checks import integer, positive
from vaelib.likelihoods import Bernoulli
from vaelib.objectives import Terms, training_terms


class Waterline(NamedTuple):
    """The optimum of a linear VAE: `active` directions, `rate` in nats, `squared_error` in all."""

    active: int
    rate: float
    squared_error: float


def waterline(eigenvalues: Tensor, latent_dim: int, level: float) -> Waterline:
    """Which directions of the data a linear VAE with the best weights uses, and at what price.

    Args:
        eigenvalues: of the data's covariance, (P,).
        latent_dim: D, directions that there is a latent for: those of the largest eigenvalues.
        level: beta s^2, the weight of the KL times the variance of a pixel's noise.

    Raises:
        ValueError: if an eigenvalue is negative, latent_dim below 1, or the level not positive.

    >>> waterline(torch.tensor([4.0, 1.0, 0.25]), latent_dim=2, level=0.5).active
    2
    >>> waterline(torch.tensor([4.0, 1.0, 0.25]), latent_dim=2, level=1.0)
    Waterline(active=1, rate=0.6931471805599453, squared_error=2.25)
    """
    level, latent_dim = positive("level", level), integer("latent_dim", latent_dim)
    if eigenvalues.ndim != 1 or not (eigenvalues >= 0).all():
        raise ValueError(
            f"wanted eigenvalues (P,) of 0 or more, got shape {tuple(eigenvalues.shape)} with "
            f"a smallest of {eigenvalues.min().item():g}"
        )
    largest_first = eigenvalues.double().sort(descending=True).values
    used = largest_first[:latent_dim]
    used = used[used > level]
    rate = 0.5 * (used / level).log().sum()
    error = level * len(used) + largest_first[len(used) :].sum()
    return Waterline(len(used), rate.item(), error.item())


class Neighbours(Bernoulli):
    """Black and white pixels whose log-odds depend on the pixels before them as well as on z.

    p(x|z) is the product over the pixels, row by row, of p(x_i | z, pixels before i): the decoder's
    output for pixel i plus a function of those of its neighbours that come before it. It is a
    probability of the image like the Bernoulli's, and can say much about an image without any z.

    Args:
        reach: how far away a neighbour may be, in pixels to each side.
        channels: of a hidden layer between the neighbours and the log-odds; 0 adds up weights.
        side: pixels of an image's side.

    Raises:
        ValueError: if a size is no integer of its range.

    Source:
        Van den Oord et al., Conditional Image Generation with PixelCNN Decoders,
        https://arxiv.org/abs/1606.05328; Chen et al., Variational Lossy Autoencoder,
        https://arxiv.org/abs/1611.02731
    """

    name = "neighbours"

    def __init__(self, reach: int = 1, channels: int = 0, side: int = 28):
        super().__init__()
        reach, side = integer("reach", reach), integer("side", side)
        channels = integer("channels", channels, least=0)
        self.arguments = {"reach": reach, "channels": channels, "side": side}
        width, outputs = 2 * reach + 1, channels or 1
        mask = torch.ones(width, width)
        mask[reach, reach:] = 0
        mask[reach + 1 :] = 0
        self.register_buffer("mask", mask, persistent=False)
        self.weight = nn.Parameter(torch.randn(outputs, 1, width, width) / width)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.last = nn.Conv2d(channels, 1, 1) if channels else nn.Identity()

    def context(self, images: Tensor) -> Tensor:
        """What each pixel's neighbours add to its log-odds: (B, P) -> (B, P)."""
        side, reach = self.arguments["side"], self.arguments["reach"]
        pixels = images.reshape(-1, 1, side, side)
        weight = self.weight * self.mask
        seen = nn.functional.conv2d(pixels, weight, self.bias, padding=reach)
        if self.arguments["channels"]:
            seen = self.last(torch.relu(seen))
        return seen.reshape(images.shape)

    def log_prob(self, images: Tensor, outputs: Tensor) -> Tensor:
        """log p(x|z), (..., B) nats, from the outputs at z, (..., B, P), and the image itself."""
        return super().log_prob(images, outputs + self.context(images))

    def log_prob_of_each(self, images: Tensor, outputs: Tensor) -> Tensor:
        """log p(x|z) of every image at every z: (B, P), (N, P) -> (B, N), nats."""
        return torch.stack([self.log_prob(image, outputs) for image in images.unsqueeze(1)])

    def mean(self, outputs: Tensor) -> Tensor:
        """There is none without the pixels before."""
        raise self._without("mean")

    def sample(self, outputs: Tensor, generator=None) -> Tensor:
        """Nor a draw of all pixels at once."""
        raise self._without("sample")


class WarmUp:
    """An objective for `fit` whose weight of the KL rises from 0 to 1 over its first steps.

    Args:
        steps: how many.

    Source:
        Bowman et al., Generating Sentences from a Continuous Space, section 3.1,
        https://arxiv.org/abs/1511.06349
    """

    def __init__(self, steps: int):
        self.steps, self.step = integer("steps", steps), 0

    def __call__(self, model, batch: Tensor, settings, generator) -> tuple[Tensor, Terms]:
        """The loss of the step, and the terms of the ELBO."""
        terms = training_terms(model, batch, settings.num_samples, generator)
        weight = min(1.0, self.step / self.steps)
        self.step += 1
        return (weight * terms.kl - terms.reconstruction).mean(), terms


class FreeBits:
    """An objective for `fit` in which the first nats of each latent coordinate cost nothing.

    A coordinate whose KL, as a mean over the batch, is below `nats` is counted with `nats`, and so
    has no gradient that would lower it further.

    Args:
        nats: of each coordinate.

    Source:
        Kingma et al., Improved Variational Inference with Inverse Autoregressive Flow, appendix
        C.8, https://arxiv.org/abs/1606.04934
    """

    def __init__(self, nats: float):
        self.nats = positive("nats", nats)

    def __call__(self, model, batch: Tensor, settings, generator) -> tuple[Tensor, Terms]:
        """The loss of the step, and the terms of the ELBO."""
        q = model.posterior(batch)
        reconstruction = model.likelihood(q.sample(generator)).log_prob(batch)
        each = q.marginals().kl(model.prior().marginals())  # (B, D)
        counted = each.mean(0).clamp(min=self.nats).sum()
        return counted - reconstruction.mean(), Terms(reconstruction, each.sum(1))


class EncoderFirst:
    """An objective for `fit` that lets the encoder take steps of its own before each of both.

    Args:
        inner: how many, by an Adam of their own.
        steps: for how many steps of `fit`; after these both go together.
        learning_rate: of the encoder's own steps.

    Source:
        He et al., Lagging Inference Networks and Posterior Collapse in Variational Autoencoders,
        https://arxiv.org/abs/1901.05534
    """

    def __init__(self, inner: int, steps: int, learning_rate: float = 0.002):
        self.inner, self.steps, self.step = integer("inner", inner), integer("steps", steps), 0
        self.learning_rate, self.optimizer = positive("learning_rate", learning_rate), None

    def __call__(self, model, batch: Tensor, settings, generator) -> tuple[Tensor, Terms]:
        """The loss of the step, and the terms of the ELBO."""
        if self.step < self.steps:
            weights = list(model.encoder.parameters())
            self.optimizer = self.optimizer or torch.optim.Adam(weights, self.learning_rate)
            for _ in range(self.inner):
                terms = training_terms(model, batch, settings.num_samples, generator)
                slopes = torch.autograd.grad(-terms.elbo.mean(), weights)
                for weight, slope in zip(weights, slopes, strict=True):
                    weight.grad = slope
                self.optimizer.step()
        self.step += 1
        terms = training_terms(model, batch, settings.num_samples, generator)
        return (settings.beta * terms.kl - terms.reconstruction).mean(), terms
