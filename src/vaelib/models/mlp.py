"""The two networks of the book: an autoencoder, and the same with a distribution in the middle."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaelib.checks import integer, positive
from vaelib.distributions import Normal, Point, reparameterize
from vaelib.likelihoods import Likelihood, likelihood_of
from vaelib.models.base import LatentVariableModel, check_sizes
from vaelib.networks import evaluating
from vaelib.pictures import check_shape

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU}


def hidden_sizes(hidden_dim) -> tuple[int, ...]:
    """The units of each hidden layer, from an integer or a list, tuple or array of integers."""
    is_sequence = isinstance(hidden_dim, Sequence) or getattr(hidden_dim, "ndim", 0) == 1
    sizes = list(hidden_dim) if is_sequence and not isinstance(hidden_dim, str) else [hidden_dim]
    if not sizes:
        raise ValueError(f"wanted hidden_dim with one hidden layer or more, got {hidden_dim!r}")
    return tuple(integer("hidden_dim", size) for size in sizes)


def layers(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """Linear layers from each size to the next, with an activation between each two.

    Args:
        sizes: units of the input, of each hidden layer, and of the output.
        activation: "relu", "tanh" or "silu".

    Raises:
        ValueError: if the activation is none of these.
    """
    if activation not in ACTIVATIONS:
        known = tuple(ACTIVATIONS)
        raise ValueError(f"wanted activation as one of {known}, got {activation!r}")
    modules = []
    for inputs, outputs in pairwise(sizes):
        modules += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*modules[:-1])  # no activation after the last layer


class _Networks(NamedTuple):
    """An encoder and a decoder, the sizes at their ends, and how to make them again."""

    encoder: nn.Module
    decoder: nn.Module
    input_dim: int
    latent_dim: int
    arguments: dict | None


def _made(sizes: dict, codes: int, outputs: int, activation: str) -> _Networks:
    """Linear layers of these sizes."""
    hidden = hidden_sizes(sizes["hidden_dim"])
    ends = check_sizes({name: sizes[name] for name in ("input_dim", "latent_dim")})
    input_dim, latent_dim = ends["input_dim"], ends["latent_dim"]
    return _Networks(
        layers([input_dim, *hidden, codes * latent_dim], activation),
        layers([latent_dim, *reversed(hidden), outputs * input_dim], activation),
        input_dim,
        latent_dim,
        ends | {"hidden_dim": hidden if len(hidden) > 1 else hidden[0], "activation": activation},
    )


def _given(encoder: nn.Module, decoder, codes: int, outputs: int, image_shape) -> _Networks:
    """Networks of the caller's, which are tried on two black images.

    Raises:
        ValueError: if they do not fit each other, the image or the likelihood.
    """
    if not isinstance(decoder, nn.Module):
        raise ValueError(f"wanted two networks, got an encoder and {decoder!r} as the decoder")
    if image_shape is None:
        raise ValueError("wanted image_shape=(C, H, W) with networks of your own, got none")
    input_dim = math.prod(image_shape)
    shape = check_shape(image_shape, input_dim)
    weights = next(encoder.parameters(), torch.zeros(()))
    with torch.no_grad(), evaluating(encoder), evaluating(decoder):
        code = encoder(weights.new_zeros(2, *shape))
        if code.ndim != 2 or code.shape[1] % codes:
            raise ValueError(
                f"wanted an encoder from images (B, {', '.join(map(str, shape))}) to codes "
                f"(B, {'2 * D' if codes == 2 else 'D'}), got {tuple(code.shape)} from two images"
            )
        latent_dim = code.shape[1] // codes
        rebuilt = decoder(code[:, :latent_dim])
    if rebuilt.numel() != 2 * outputs * input_dim:
        raise ValueError(
            f"wanted a decoder from (B, {latent_dim}) to {outputs * input_dim} numbers an image, "
            f"got {tuple(rebuilt.shape)} from two codes"
        )
    return _Networks(encoder, decoder, input_dim, latent_dim, None)


class _EncoderDecoder(LatentVariableModel):
    """What both networks share: hidden layers each way, or networks of the caller's."""

    codes = 1  # vectors of latent_dim numbers that the encoder gives for an image

    def __init__(
        self,
        input_dim: int | nn.Module = 784,
        hidden_dim: int | Sequence[int] | nn.Module = 256,
        latent_dim: int = 2,
        likelihood: str | Likelihood = "bernoulli",
        sigma: float = 1.0,
        activation: str = "relu",
        image_shape: Sequence[int] | None = None,
        prior: nn.Module | None = None,
    ):
        pixels = likelihood_of(likelihood, positive("sigma", sigma))
        if isinstance(input_dim, nn.Module):
            found = _given(input_dim, hidden_dim, self.codes, pixels.outputs, image_shape)
        else:
            sizes = {"input_dim": input_dim, "hidden_dim": hidden_dim, "latent_dim": latent_dim}
            found = _made(sizes, self.codes, pixels.outputs, activation)
            sigma = pixels.arguments.get("sigma", float(sigma))
            named = isinstance(likelihood, str)
            scored = {"likelihood": likelihood if named else pixels.description(), "sigma": sigma}
            found = found._replace(arguments=found.arguments | scored)
        arguments = found.arguments if prior is None else None
        super().__init__(found.input_dim, found.latent_dim, pixels, image_shape, prior, arguments)
        self.encoder, self.decoder = found.encoder, found.decoder
        self.takes_rows = not isinstance(input_dim, nn.Module)

    @property
    def hidden_dim(self) -> int | tuple[int, ...] | None:
        """The units of the encoder's hidden layer, or of each, first to last; None if not made."""
        return self.arguments.get("hidden_dim")

    def decode_logits(self, z: Tensor) -> Tensor:
        """The decoder before its sigmoid: the log-odds of each pixel, (..., D) -> (..., input_dim).

        Raises:
            ValueError: if the last axis of z is not latent_dim long.
        """
        return self._outputs(z)

    def _encode(self, images: Tensor) -> Tensor:
        """Run the encoder: (B, ...) -> (B, codes * latent_dim)."""
        rows = self.flatten(images)
        images = rows if self.takes_rows else rows.view(-1, *self.image_shape)
        return self.encoder(images).to(rows.dtype)  # under autocast a layer answers in bfloat16


class Autoencoder(_EncoderDecoder):
    """Compress to a code and rebuild: no distribution anywhere.

    Args:
        input_dim: pixels of an image.
        hidden_dim: units of the encoder's hidden layer, or a sequence with those of each of its
            hidden layers, first to last; the decoder has the same in reverse.
        latent_dim: length of the code.
        likelihood: what the reconstruction is scored with: "bernoulli" (cross-entropy),
            "gaussian" (squared error over 2 sigma^2, with its constant), or another `Likelihood`.
        sigma: standard deviation of a Gaussian pixel, in units of pixel intensity.
        activation: between layers: "relu", "tanh" or "silu".
        image_shape: (C, H, W) of an image, by which figures and widgets draw it. `fit` takes it
            from its training images if it is not given.

    Raises:
        ValueError: if a size is no integer of 1 or more (3.0 is none), the likelihood or the
            activation is unknown, sigma is not positive and finite, or image_shape has not
            input_dim pixels.
    """

    has_elbo = False

    def encode(self, images: Tensor) -> Tensor:
        """The code of each image: (B, ...) -> (B, latent_dim)."""
        return self._encode(images)

    def posterior(self, images: Tensor) -> Point:
        """The code of each image, as a distribution with all of its probability there."""
        return Point(self.encode(images))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The rebuilt images, in the shape of `images`, and their codes, (B, latent_dim)."""
        z = self.encode(images)
        return self.decode(z).view(images.shape), z


class VAE(_EncoderDecoder):
    """A variational autoencoder with a diagonal Gaussian posterior.

    p(z) = N(0, I), p(x|z) with independent pixels, q(z|x) = N(mu(x), diag(sigma(x)^2)).

    With networks of your own it is `VAE(encoder, decoder, image_shape=(C, H, W))`: the encoder
    takes images (B, C, H, W) and gives mu and log_var side by side, (B, 2 * D), the decoder takes
    z, (B, D), and gives as many numbers for an image as it has pixels (twice as many under
    "discretized_logistic"). A file cannot hold such a model: for that, make the networks in a
    subclass of `LatentVariableModel`.

    Args:
        input_dim: pixels of an image.
        hidden_dim: units of the encoder's hidden layer, or a sequence with those of each of its
            hidden layers, first to last; the decoder has the same in reverse.
        latent_dim: D, the dimension of z.
        likelihood: p(x|z): "bernoulli", "gaussian" with the standard deviation `sigma`,
            "continuous_bernoulli", "discretized_logistic", or a `Likelihood`.
        sigma: standard deviation of a Gaussian pixel, in units of pixel intensity.
        activation: between layers: "relu", "tanh" or "silu".
        image_shape: (C, H, W) of an image, by which figures and widgets draw it. `fit` takes it
            from its training images if it is not given.
        prior: p(z) as a module with `sample`, `log_prob` and `kl`, as in `vaelib.distributions`;
            None is N(0, I).

    Raises:
        ValueError: if a size is no integer of 1 or more (3.0 is none), the likelihood or the
            activation is unknown, sigma is not positive and finite, image_shape has not
            input_dim pixels, or networks of your own do not fit it or each other.

    Source:
        Kingma and Welling, Auto-Encoding Variational Bayes, appendix C,
        https://arxiv.org/abs/1312.6114
    """

    codes = 2  # mean and log-variance

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x): (B, ...) -> (B, D), (B, D).

        Raises:
            ValueError: if an image has not input_dim pixels, or is not floating point.
        """
        mu, log_var = self._encode(images).chunk(2, dim=1)
        return mu, log_var

    def posterior(self, images: Tensor) -> Normal:
        """q(z|x) = N(mu(x), diag(sigma(x)^2)), drawn by `reparameterize`; errors as `encode`."""
        overridden = type(self).reparameterize is not VAE.reparameterize
        draw = self.reparameterize if overridden else reparameterize
        return Normal(*self.encode(images), draw)

    def reparameterize(self, mu: Tensor, log_var: Tensor, generator=None) -> Tensor:
        """Draw z = mu + sigma * eps with eps ~ N(0, I): (..., D), (..., D) -> (..., D).

        Source:
            Kingma and Welling, section 2.4, https://arxiv.org/abs/1312.6114
        """
        return reparameterize(mu, log_var, generator)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One draw through the network: rebuilt images in the shape of `images`, mu, log_var."""
        mu, log_var = self.encode(images)
        z = self.reparameterize(mu, log_var)
        return self.decode(z).view(images.shape), mu, log_var
