"""The two networks of the book: an autoencoder, and the same with a distribution in the middle."""

import math

import torch
from torch import Tensor, nn

LIKELIHOODS = ("bernoulli", "gaussian")


class _EncoderDecoder(nn.Module):
    """What both networks share: one hidden layer each way, and p(x|z) at the decoder's end."""

    def __init__(self, input_dim, hidden_dim, latent_dim, likelihood, sigma, code_dim):
        super().__init__()
        sizes = {"input_dim": input_dim, "hidden_dim": hidden_dim, "latent_dim": latent_dim}
        for name, value in sizes.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"wanted {name} as an integer of 1 or more, got {value!r}")
        if likelihood not in LIKELIHOODS:
            raise ValueError(f"wanted likelihood as one of {LIKELIHOODS}, got {likelihood!r}")
        if not sigma > 0:
            raise ValueError(f"wanted sigma above 0, got {sigma!r}")
        sigma = float(sigma)
        self.arguments = {**sizes, "likelihood": likelihood, "sigma": sigma}
        self.input_dim, self.hidden_dim, self.latent_dim = input_dim, hidden_dim, latent_dim
        self.likelihood, self.sigma = likelihood, sigma
        self.encoder = nn.Sequential(
            nn.Linear(input_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, code_dim)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, input_dim)
        )

    def _encode(self, images: Tensor) -> Tensor:
        """Flatten the images and run the encoder: (B, ...) -> (B, code_dim)."""
        shape = tuple(images.shape)
        if len(shape) < 2 or 0 in shape or math.prod(shape[1:]) != self.input_dim:
            raise ValueError(f"wanted images of {self.input_dim} pixels each, got shape {shape}")
        if not images.is_floating_point():
            raise ValueError(f"wanted floating-point images in [0, 1], got {images.dtype}")
        return self.encoder(images.flatten(1))  # (B, C, H, W) -> (B, input_dim)

    def decode_logits(self, z: Tensor) -> Tensor:
        """The decoder before its sigmoid: the log-odds of each pixel, (..., D) -> (..., input_dim).

        Raises:
            ValueError: if the last axis of z is not latent_dim long.
        """
        if z.ndim == 0 or z.shape[-1] != self.latent_dim:
            raise ValueError(
                f"wanted latents of shape (..., {self.latent_dim}), got {tuple(z.shape)}"
            )
        return self.decoder(z)

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
        hidden_dim: units of the one hidden layer of encoder and decoder.
        latent_dim: length of the code.
        likelihood: what the reconstruction is scored with: "bernoulli" (cross-entropy) or
            "gaussian" (squared error over 2 sigma^2, with its constant).
        sigma: standard deviation of a Gaussian pixel, in units of pixel intensity.

    Raises:
        ValueError: if a size is below 1, the likelihood is unknown or sigma is not positive.
    """

    def __init__(
        self, input_dim=784, hidden_dim=256, latent_dim=2, likelihood="bernoulli", sigma=1.0
    ):
        super().__init__(input_dim, hidden_dim, latent_dim, likelihood, sigma, latent_dim)

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
        hidden_dim: units of the one hidden layer of encoder and decoder.
        latent_dim: D, the dimension of z.
        likelihood: p(x|z): "bernoulli", or "gaussian" with the standard deviation `sigma`.
        sigma: standard deviation of a Gaussian pixel, in units of pixel intensity.

    Raises:
        ValueError: if a size is below 1, the likelihood is unknown or sigma is not positive.

    Source:
        Kingma and Welling, Auto-Encoding Variational Bayes, appendix C,
        https://arxiv.org/abs/1312.6114
    """

    def __init__(
        self, input_dim=784, hidden_dim=256, latent_dim=2, likelihood="bernoulli", sigma=1.0
    ):
        super().__init__(input_dim, hidden_dim, latent_dim, likelihood, sigma, 2 * latent_dim)

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
