"""The two networks of the book: an autoencoder, and the same with a distribution in the middle."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from vaelib.checks import integer, positive
from vaelib.pictures import batch_shape, check_shape

LIKELIHOODS = ("bernoulli", "gaussian")
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU}


def check_sizes(sizes: dict[str, int]) -> dict[str, int]:
    """What every network asks of its sizes, given by name; the same as Python's own integers.

    Raises:
        ValueError: if a size is not an integer of 1 or more.
    """
    return {name: integer(name, value) for name, value in sizes.items()}


def _hidden_sizes(hidden_dim) -> tuple[int, ...]:
    """The units of each hidden layer, from an integer or a list, tuple or array of integers."""
    is_sequence = isinstance(hidden_dim, Sequence) or getattr(hidden_dim, "ndim", 0) == 1
    sizes = list(hidden_dim) if is_sequence and not isinstance(hidden_dim, str) else [hidden_dim]
    if not sizes:
        raise ValueError(f"wanted hidden_dim with one hidden layer or more, got {hidden_dim!r}")
    return tuple(integer("hidden_dim", size) for size in sizes)


def flatten_images(images: Tensor, input_dim: int) -> Tensor:
    """Images as rows of pixels: (B, ...) -> (B, input_dim).

    Raises:
        ValueError: if an image has not input_dim pixels.
    """
    shape = tuple(images.shape)
    if len(shape) < 2 or 0 in shape or math.prod(shape[1:]) != input_dim:
        raise ValueError(f"wanted images of {input_dim} pixels each, got shape {shape}")
    return images.flatten(1)  # (B, C, H, W) -> (B, input_dim)


def check_latents(z: Tensor, latent_dim: int) -> None:
    """What every decoder asks of its input.

    Raises:
        ValueError: if the last axis of z is not latent_dim long.
    """
    if z.ndim == 0 or z.shape[-1] != latent_dim:
        raise ValueError(f"wanted latents of shape (..., {latent_dim}), got {tuple(z.shape)}")


def _layers(sizes: Sequence[int], activation: str) -> nn.Sequential:
    """Linear layers from each size to the next, with an activation between each two.

    Args:
        sizes: units of the input, of each hidden layer, and of the output.
        activation: "relu", "tanh" or "silu".
    """
    modules = []
    for inputs, outputs in pairwise(sizes):
        modules += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*modules[:-1])  # no activation after the last layer


class _EncoderDecoder(nn.Module):
    """What both networks share: hidden layers each way, and p(x|z) at the decoder's end."""

    codes = 1  # vectors of latent_dim numbers that the encoder gives for an image

    def __init__(
        self,
        input_dim: int = 784,
        hidden_dim: int | Sequence[int] = 256,
        latent_dim: int = 2,
        likelihood: str = "bernoulli",
        sigma: float = 1.0,
        activation: str = "relu",
        image_shape: Sequence[int] | None = None,
    ):
        super().__init__()
        hidden = _hidden_sizes(hidden_dim)
        sizes = check_sizes({"input_dim": input_dim, "latent_dim": latent_dim})
        for name, value, known in (
            ("likelihood", likelihood, LIKELIHOODS),
            ("activation", activation, tuple(ACTIVATIONS)),
        ):
            if value not in known:
                raise ValueError(f"wanted {name} as one of {known}, got {value!r}")
        self.input_dim, self.latent_dim = sizes["input_dim"], sizes["latent_dim"]
        self.hidden_dim = hidden if len(hidden) > 1 else hidden[0]
        self.likelihood, self.sigma = likelihood, positive("sigma", sigma)
        self.arguments = {
            "input_dim": self.input_dim,
            "hidden_dim": self.hidden_dim,
            "latent_dim": self.latent_dim,
            "likelihood": likelihood,
            "sigma": self.sigma,
            "activation": activation,
        }
        if image_shape is not None:
            self.image_shape = image_shape
        code_dim = self.codes * self.latent_dim
        self.encoder = _layers([self.input_dim, *hidden, code_dim], activation)
        self.decoder = _layers([self.latent_dim, *reversed(hidden), self.input_dim], activation)

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """The shape (C, H, W) of an image, which `save` keeps; None if nobody has told it yet."""
        return self.arguments.get("image_shape")

    @image_shape.setter
    def image_shape(self, shape: Sequence[int]) -> None:
        self.arguments["image_shape"] = check_shape(shape, self.input_dim)

    def remember_shape(self, images: Tensor) -> None:
        """Take `image_shape` from images, (N, C, H, W) or (N, H, W), if there is none yet.

        Raises:
            ValueError: if an image has not input_dim pixels, or has another shape.
        """
        flatten_images(images[:1], self.input_dim)
        shape = batch_shape(images)
        if shape is not None and self.image_shape not in (None, shape):
            raise ValueError(
                f"wanted images of shape {self.image_shape}, which this model was made for or "
                f"trained on before, got {shape}"
            )
        if shape is not None:
            self.image_shape = shape

    def _encode(self, images: Tensor) -> Tensor:
        """Flatten the images and run the encoder: (B, ...) -> (B, code_dim)."""
        pixels = flatten_images(images, self.input_dim)
        if not images.is_floating_point():
            raise ValueError(f"wanted floating-point images in [0, 1], got {images.dtype}")
        return self.encoder(pixels).to(pixels.dtype)  # under autocast a layer answers in bfloat16

    @torch.no_grad()
    def set_output_bias(self, images: Tensor) -> None:
        """Set the decoder's last bias to the log-odds of the mean image.

        An untrained decoder then guesses the mean image, and training need not begin with the
        hundreds of nats between that and grey. Pixels that never change count as 0.001 or 0.999.

        Args:
            images: the training images, (N, ...) in [0, 1].

        Raises:
            ValueError: if an image has not input_dim pixels.

        Source:
            Burda, Grosse and Salakhutdinov do so in the code of https://arxiv.org/abs/1509.00519
        """
        mean = flatten_images(images, self.input_dim).mean(0)
        self.decoder[-1].bias.copy_(mean.clamp(0.001, 0.999).logit())

    def has_untrained_output(self) -> bool:
        """Whether the decoder's last bias is still where PyTorch draws it, within 1 / sqrt(inputs).

        Training on images takes some of it out of that range in a few steps.
        """
        last = self.decoder[-1]
        return bool(last.bias.abs().max() <= 1 / math.sqrt(last.in_features))

    def decode_logits(self, z: Tensor) -> Tensor:
        """The decoder before its sigmoid: the log-odds of each pixel, (..., D) -> (..., input_dim).

        Raises:
            ValueError: if the last axis of z is not latent_dim long.
        """
        check_latents(z, self.latent_dim)
        return self.decoder(z).to(z.dtype)

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x|z), the probabilities of Bernoulli pixels: (..., D) -> (..., input_dim).

        Raises:
            ValueError: if the last axis of z is not latent_dim long.
        """
        return torch.sigmoid(self.decode_logits(z))


class Autoencoder(_EncoderDecoder):
    """Compress to a code and rebuild: no distribution anywhere.

    Args:
        input_dim: pixels of an image.
        hidden_dim: units of the encoder's hidden layer, or a sequence with those of each of its
            hidden layers, first to last; the decoder has the same in reverse.
        latent_dim: length of the code.
        likelihood: what the reconstruction is scored with: "bernoulli" (cross-entropy) or
            "gaussian" (squared error over 2 sigma^2, with its constant).
        sigma: standard deviation of a Gaussian pixel, in units of pixel intensity.
        activation: between layers: "relu", "tanh" or "silu".
        image_shape: (C, H, W) of an image, by which figures and widgets draw it. `fit` takes it
            from its training images if it is not given.

    Raises:
        ValueError: if a size is no integer of 1 or more (3.0 is none), the likelihood or the
            activation is unknown, sigma is not positive and finite, or image_shape has not
            input_dim pixels.
    """

    def encode(self, images: Tensor) -> Tensor:
        """The code of each image: (B, ...) -> (B, latent_dim)."""
        return self._encode(images)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The rebuilt images, in the shape of `images`, and their codes, (B, latent_dim)."""
        z = self.encode(images)
        return self.decode(z).view(images.shape), z


class VAE(_EncoderDecoder):
    """A variational autoencoder with a diagonal Gaussian posterior and a standard normal prior.

    p(z) = N(0, I), p(x|z) Bernoulli or Gaussian in each pixel, q(z|x) = N(mu(x), diag(sigma(x)^2)).

    Args:
        input_dim: pixels of an image.
        hidden_dim: units of the encoder's hidden layer, or a sequence with those of each of its
            hidden layers, first to last; the decoder has the same in reverse.
        latent_dim: D, the dimension of z.
        likelihood: p(x|z): "bernoulli", or "gaussian" with the standard deviation `sigma`.
        sigma: standard deviation of a Gaussian pixel, in units of pixel intensity.
        activation: between layers: "relu", "tanh" or "silu".
        image_shape: (C, H, W) of an image, by which figures and widgets draw it. `fit` takes it
            from its training images if it is not given.

    Raises:
        ValueError: if a size is no integer of 1 or more (3.0 is none), the likelihood or the
            activation is unknown, sigma is not positive and finite, or image_shape has not
            input_dim pixels.

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

    def reparameterize(self, mu: Tensor, log_var: Tensor, generator=None) -> Tensor:
        """Draw z = mu + sigma * eps with eps ~ N(0, I): (..., D), (..., D) -> (..., D).

        Source:
            Kingma and Welling, section 2.4, https://arxiv.org/abs/1312.6114
        """
        sigma = torch.exp(log_var / 2)
        eps = torch.empty_like(mu).normal_(generator=generator)
        return mu + sigma * eps

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One draw through the network: rebuilt images in the shape of `images`, mu, log_var."""
        mu, log_var = self.encode(images)
        z = self.reparameterize(mu, log_var)
        return self.decode(z).view(images.shape), mu, log_var

    @torch.no_grad()
    def sample(self, num_samples: int, generator=None) -> Tensor:
        """Decode draws from the prior: the means of p(x|z), z ~ N(0, I), (num_samples, input_dim).

        Raises:
            ValueError: if num_samples is below 1.
        """
        if num_samples < 1:
            raise ValueError(f"wanted num_samples of 1 or more, got {num_samples}")
        device = next(self.parameters()).device
        z = torch.randn(num_samples, self.latent_dim, generator=generator, device=device)
        return self.decode(z)
