"""A VAE with two layers of latents, the second of which explains the first."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vaelib.distributions import Distribution, Normal, StandardNormal
from vaelib.likelihoods import Likelihood, likelihood_of
from vaelib.models.base import LatentVariableModel, check_latents, check_sizes
from vaelib.models.mlp import hidden_sizes, layers


class HierarchicalVAE(LatentVariableModel):
    """z = (h1, h2): p(h2) = N(0, I), p(h1|h2) and q(h1|x), q(h2|h1) Gaussian, p(x|h1).

    The image is drawn from h1 alone. The KL of both layers has no closed form; the bound takes
    log q(z|x) - log p(z) at its own draws.

    Args:
        input_dim: pixels of an image.
        hidden_dim: units of the layers between x and h1, as for `VAE`.
        upper_hidden_dim: units of the layers between h1 and h2.
        latent_dims: the dimensions of h1 and of h2.
        likelihood: as for `VAE`.
        activation: as for `VAE`.
        image_shape: as for `VAE`.

    Raises:
        ValueError: if a size is no integer of 1 or more, or a name is unknown.

    Source:
        Burda, Grosse and Salakhutdinov, section 5.1, https://arxiv.org/abs/1509.00519; the defaults
        are theirs.
    """

    def __init__(
        self,
        input_dim: int = 784,
        hidden_dim: int | Sequence[int] = (200, 200),
        upper_hidden_dim: int | Sequence[int] = (100, 100),
        latent_dims: Sequence[int] = (100, 50),
        likelihood: str | dict | Likelihood = "bernoulli",
        activation: str = "tanh",
        image_shape: Sequence[int] | None = None,
    ):
        hidden, upper = hidden_sizes(hidden_dim), hidden_sizes(upper_hidden_dim)
        if len(latent_dims) != 2:
            raise ValueError(f"wanted latent_dims of two layers, got {latent_dims!r}")
        first, second = hidden_sizes(latent_dims)
        pixels = likelihood_of(likelihood)
        arguments = check_sizes({"input_dim": input_dim}) | {
            "hidden_dim": hidden,
            "upper_hidden_dim": upper,
            "latent_dims": (first, second),
            "likelihood": pixels.description(),
            "activation": activation,
        }
        super().__init__(input_dim, first + second, pixels, image_shape, arguments=arguments)
        self.latent_dims = first, second
        outputs = pixels.outputs * self.input_dim
        self.encoder = layers([self.input_dim, *hidden, 2 * first], activation)
        self.upper_encoder = layers([first, *upper, 2 * second], activation)
        self.upper_decoder = layers([second, *reversed(upper), 2 * first], activation)
        self.decoder = layers([first, *reversed(hidden), outputs], activation)

    def posterior(self, images: Tensor) -> "Upwards":
        """q(h1|x) q(h2|h1); its parameters are those of q(h1|x)."""
        rows = self.flatten(images)
        code = self.encoder(rows).to(rows.dtype)
        return Upwards(Normal(*code.chunk(2, -1)), self._above)

    def prior(self) -> "Downwards":
        """p(h2) p(h1|h2)."""
        above = StandardNormal(self.latent_dims[1], next(self.parameters()))
        return Downwards(above, self._below, self.latent_dims[0])

    def _above(self, h1: Tensor) -> Normal:
        """q(h2|h1)."""
        return Normal(*self.upper_encoder(h1).to(h1.dtype).chunk(2, -1))

    def _below(self, h2: Tensor) -> Normal:
        """p(h1|h2)."""
        return Normal(*self.upper_decoder(h2).to(h2.dtype).chunk(2, -1))

    def _outputs(self, z: Tensor) -> Tensor:
        """The decoder before its likelihood, of h1 alone: (..., D) -> (..., outputs * P)."""
        check_latents(z, self.latent_dim)
        return self.decoder(z[..., : self.latent_dims[0]]).to(z.dtype)


class Upwards(Distribution):
    """q(h1|x) q(h2|h1) of z = (h1, h2).

    Args:
        first: q(h1|x).
        above: q(h2|h1), as a function of h1.
    """

    names = ("mu", "log_var")

    def __init__(self, first: Normal, above):
        self.first, self.above = first, above
        self.mu, self.log_var = first.parameters

    @property
    def mean(self) -> Tensor:
        """The mean of h1 and the mean of h2 there, (..., D)."""
        return torch.cat([self.mu, self.above(self.mu).mean], -1)

    def from_noise(self, eps: Tensor) -> Tensor:
        """The z that noise of N(0, I) makes: (..., D) -> (..., D)."""
        size = self.mu.shape[-1]
        h1 = self.first.from_noise(eps[..., :size])
        return torch.cat([h1, self.above(h1).from_noise(eps[..., size:])], -1)

    def sample(self, generator=None, num_samples: int | None = None) -> Tensor:
        """A draw, (..., D), or K of them, (K, ..., D)."""
        return self.sample_and_log_prob(generator, num_samples)[0]

    def sample_and_log_prob(
        self, generator=None, num_samples: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draws as `sample` makes them, and log q at each, (...) or (K, ...) nats."""
        h1, log_q1 = self.first.sample_and_log_prob(generator, num_samples)
        h2, log_q2 = self.above(h1).sample_and_log_prob(generator)
        return torch.cat([h1, h2], -1), log_q1 + log_q2

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(h1|x) + log q(h2|h1): (..., D) -> (...), nats."""
        h1, h2 = z.tensor_split([self.mu.shape[-1]], -1)
        return self.first.log_prob(h1) + self.above(h1).log_prob(h2)


class Downwards(Distribution):
    """p(h2) p(h1|h2) of z = (h1, h2).

    Args:
        above: p(h2).
        below: p(h1|h2), as a function of h2.
        size: of h1.
    """

    def __init__(self, above: StandardNormal, below, size: int):
        self.above, self.below, self.size = above, below, size

    @property
    def mean(self) -> Tensor:
        """The mean of h2 and the mean of h1 there, (D,)."""
        return torch.cat([self.below(self.above.mean).mean, self.above.mean], -1)

    def sample(self, generator=None, num_samples: int | None = None) -> Tensor:
        """A draw, (D,), or K of them, (K, D)."""
        h2 = self.above.sample(generator, num_samples)
        return torch.cat([self.below(h2).sample(generator), h2], -1)

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(h2) + log p(h1|h2): (..., D) -> (...), nats."""
        h1, h2 = z.tensor_split([self.size], -1)
        return self.above.log_prob(h2) + self.below(h2).log_prob(h1)
