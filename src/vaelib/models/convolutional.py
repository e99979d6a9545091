"""A VAE whose networks are convolutions: few weights for many pixels, near ones first."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from vaelib.checks import integer
from vaelib.distributions import Normal
from vaelib.likelihoods import Likelihood, likelihood_of
from vaelib.models.base import LatentVariableModel
from vaelib.pictures import check_shape

STRIDE = 2  # of each layer, so that it halves height and width
KERNEL = {"kernel_size": 4, "stride": STRIDE, "padding": 1}


class ConvolutionalVAE(LatentVariableModel):
    """A VAE for images of one size, with strided convolutions each way.

    Each layer of the encoder halves the height and the width; the decoder doubles them again. The
    distributions are those of `VAE`.

    Args:
        image_shape: (C, H, W) of an image, H and W each divisible by 2 for every layer.
        channels: of each layer of the encoder, first to last; the decoder has them in reverse.
        latent_dim: D, the dimension of z.
        likelihood: as for `VAE`.

    Raises:
        ValueError: if a size is no integer of 1 or more, the strides do not divide the height or
            the width, or the likelihood is unknown.

    Source:
        Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional
        Generative Adversarial Networks, section 3, https://arxiv.org/abs/1511.06434, for strides in
        place of pooling, each way.
    """

    def __init__(
        self,
        image_shape: Sequence[int] = (1, 28, 28),
        channels: Sequence[int] = (32, 64),
        latent_dim: int = 16,
        likelihood: str | dict | Likelihood = "bernoulli",
    ):
        shape = check_shape(image_shape, math.prod(image_shape))
        channels = tuple(integer("channels", count) for count in channels)
        pixels = likelihood_of(likelihood)
        arguments = {"channels": channels, "latent_dim": latent_dim}
        arguments |= {"likelihood": pixels.description()}
        super().__init__(math.prod(shape), latent_dim, pixels, shape, arguments=arguments)
        inner = inner_shape(shape, channels)
        features = math.prod(inner)
        ends = nn.Linear(features, 2 * self.latent_dim), nn.Linear(self.latent_dim, features)
        self.encoder = nn.Sequential(*down(shape, channels), nn.Flatten(), ends[0])
        outputs = (pixels.outputs * shape[0], *shape[1:])
        self.decoder = nn.Sequential(ends[1], nn.Unflatten(1, inner), *up(channels, outputs))
        self.widest_layer = widest_layer(shape, channels)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x): (B, ...) -> (B, D), (B, D).

        Raises:
            ValueError: if an image has not C * H * W pixels, or is not floating point.
        """
        rows = self.flatten(images)
        mu, log_var = self.encoder(rows).to(rows.dtype).chunk(2, dim=1)
        return mu, log_var

    def posterior(self, images: Tensor) -> Normal:
        """q(z|x) = N(mu(x), diag(sigma(x)^2)); errors as `encode`."""
        return Normal(*self.encode(images))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One draw through the network: rebuilt images in the shape of `images`, mu, log_var."""
        q = self.posterior(images)
        return self.decode(q.sample()).view(images.shape), q.mu, q.log_var


def inner_shape(shape: tuple[int, ...], channels: tuple[int, ...]) -> tuple[int, int, int]:
    """The shape (channels, height, width) of an image after a layer for each of the channels.

    Raises:
        ValueError: if there are none, or the strides do not divide the image.
    """
    factor = STRIDE ** len(channels)
    if not channels or shape[1] % factor or shape[2] % factor:
        raise ValueError(
            f"wanted one layer or more, and a height and width that {len(channels)} strides of "
            f"{STRIDE} divide, multiples of {factor}, got images of {shape[1]} x {shape[2]}"
        )
    return channels[-1], shape[1] // factor, shape[2] // factor


def down(shape: tuple[int, ...], channels: tuple[int, ...]) -> list[nn.Module]:
    """Layers from rows of pixels, (B, P), to the inner shape, each of which halves the image."""
    layers = [nn.Unflatten(1, shape)]
    for before, after in pairwise((shape[0], *channels)):
        layers += [nn.Conv2d(before, after, **KERNEL), nn.ReLU()]
    return layers


class PixelBias(nn.Module):
    """A number added to each output, so that a decoder can begin with the mean image.

    Args:
        outputs: how many there are.
    """

    def __init__(self, outputs: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, rows: Tensor) -> Tensor:
        """(B, outputs) -> (B, outputs)."""
        return rows + self.bias


def up(channels: tuple[int, ...], shape: tuple[int, ...]) -> list[nn.Module]:
    """Layers from the inner shape to rows of outputs, (B, C * H * W), each doubling the image.

    Args:
        channels: as for `down`.
        shape: of the outputs, (C, H, W).
    """
    layers = []
    for before, after in pairwise((*reversed(channels), shape[0])):
        layers += [nn.ReLU(), nn.ConvTranspose2d(before, after, **KERNEL)]
    return [*layers, nn.Flatten(), PixelBias(math.prod(shape))]


def widest_layer(shape: tuple[int, ...], channels: tuple[int, ...]) -> int:
    """Numbers of the first layer or of the image; what lies further in is smaller."""
    return max(channels[0] * math.prod(shape[1:]) // STRIDE**2, math.prod(shape))
