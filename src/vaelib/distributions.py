"""Distributions of z: q(z|x) of an image and p(z), which draw with a generator of the caller's.

Each is over the last axis, (..., D); the axes before it are those of a batch. They have

- `sample(generator, num_samples)`: one draw, (..., D), with a gradient to the parameters; or
  `num_samples` of them on a new first axis, (K, ..., D);
- `sample_and_log_prob(generator, num_samples)`: the same and the logarithm of its density, (...);
- `log_prob(z)`: that density at any z, in nats;
- `mean`: (..., D);
- `kl(other)`: KL(self || other), (...) nats, or None where it has no closed form;
- `marginals()`: the distribution of each coordinate by itself, (..., D, 1).

torch.distributions has all of these but draws from the one generator of the process.
"""

import math

import torch
from torch import Tensor

from vaelib.gaussians import gaussian_kl, widened

_LOG_2_PI = math.log(2 * math.pi)


def reparameterize(mu: Tensor, log_var: Tensor, generator=None) -> Tensor:
    """Draw z = mu + sigma * eps with eps ~ N(0, I): (..., D), (..., D) -> (..., D).

    Source:
        Kingma and Welling, section 2.4, https://arxiv.org/abs/1312.6114
    """
    sigma = torch.exp(log_var / 2)
    eps = torch.empty_like(mu).normal_(generator=generator)
    return mu + sigma * eps


class Distribution:
    """What the others share; a family's own distribution overrides what it can do.

    Attributes:
        names: of its parameters.
        is_point: whether all draws are the same.
    """

    names: tuple[str, ...] = ()
    is_point = False

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """What tells it from others of its kind, in the order of `names`."""
        return tuple(getattr(self, name) for name in self.names)

    def sample_and_log_prob(
        self, generator=None, num_samples: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draws as `sample` makes them, and the logarithm of the density at each, nats."""
        z = self.sample(generator, num_samples)
        return z, self.log_prob(z)

    def kl(self, other) -> Tensor | None:
        """KL(self || other), (...) nats, or None where it has no closed form."""
        return None

    def detached(self) -> "Distribution":
        """The same distribution, with parameters that pass no gradient on.

        Raises:
            ValueError: if that is not to be had.
        """
        raise ValueError(f"wanted a Gaussian posterior, got {type(self).__name__}")

    def marginals(self) -> "Distribution":
        """Each coordinate by itself: (..., D) -> (..., D, 1).

        Raises:
            ValueError: if they are not independent of each other.
        """
        raise ValueError(f"wanted independent coordinates, got those of a {type(self).__name__}")


class Normal(Distribution):
    """N(mu, diag(exp(log_var))).

    Args:
        mu: (..., D).
        log_var: the same.
        draw: how z is drawn, a function of mu, log_var and a generator.

    Source:
        Kingma and Welling, Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114
    """

    names = ("mu", "log_var")  # of its parameters

    def __init__(self, mu: Tensor, log_var: Tensor, draw=reparameterize):
        self.mu, self.log_var, self._draw = mu, log_var, draw

    @property
    def mean(self) -> Tensor:
        """(..., D)."""
        return self.mu

    def from_noise(self, eps: Tensor) -> Tensor:
        """The z that noise of N(0, I) makes: (..., D) -> (..., D)."""
        return self.mu + torch.exp(self.log_var / 2) * eps

    def sample(self, generator=None, num_samples: int | None = None) -> Tensor:
        """A draw, (..., D), or K of them, (K, ..., D)."""
        return self._draw(*self._repeated(num_samples), generator)

    def sample_and_log_prob(
        self, generator=None, num_samples: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draws as `sample` makes them, and log q at each, (...) or (K, ...) nats.

        The density is that of the noise, eps = (z - mu) / sigma. It is not computed so, since a
        narrow q leaves no digits of z - mu, unless z is drawn in a way of the caller's own.
        """
        mu, log_var = self._repeated(num_samples)
        if self._draw is not reparameterize:
            z = self._draw(mu, log_var, generator)
            return z, self.log_prob(z)
        eps = torch.empty_like(mu).normal_(generator=generator)
        return mu + torch.exp(log_var / 2) * eps, _log_density(eps, log_var)

    def log_prob(self, z: Tensor) -> Tensor:
        """log N(z; mu, diag(exp(log_var))): (..., D) -> (...), nats."""
        return _log_density((z - self.mu) * torch.exp(-self.log_var / 2), self.log_var)

    def kl(self, other) -> Tensor | None:
        """KL(self || other), (...) nats, if the other is a Gaussian too; None if not."""
        if isinstance(other, StandardNormal):
            return gaussian_kl(self.mu, self.log_var)
        if isinstance(other, Normal):  # in coordinates in which the other is N(0, I)
            mu = (self.mu - other.mu) * torch.exp(-other.log_var / 2)
            return gaussian_kl(*torch.broadcast_tensors(mu, self.log_var - other.log_var))
        return None

    def marginals(self) -> "Normal":
        """Each coordinate by itself: (..., D) -> (..., D, 1)."""
        return Normal(self.mu.unsqueeze(-1), self.log_var.unsqueeze(-1))

    def detached(self) -> "Normal":
        """The same distribution, with parameters that pass no gradient on."""
        return Normal(self.mu.detach(), self.log_var.detach(), self._draw)

    def _repeated(self, num_samples: int | None) -> tuple[Tensor, Tensor]:
        if num_samples is None:
            return self.mu, self.log_var
        shape = (num_samples, *self.mu.shape)
        return self.mu.expand(shape), self.log_var.expand(shape)


class StandardNormal(Distribution):
    """N(0, I) in D dimensions, the prior of the plain VAE.

    Args:
        dim: the dimension of the latents, D.
        like: a tensor of the precision and on the device that draws are to have.
    """

    def __init__(self, dim: int, like: Tensor):
        self.dim, self._like = dim, {"dtype": like.dtype, "device": like.device}

    @property
    def mean(self) -> Tensor:
        """Zero, (D,)."""
        return torch.zeros(self.dim, **self._like)

    def sample(self, generator=None, num_samples: int | None = None) -> Tensor:
        """A draw, (D,), or K of them, (K, D)."""
        shape = (self.dim,) if num_samples is None else (num_samples, self.dim)
        return torch.randn(shape, generator=generator, **self._like)

    def log_prob(self, z: Tensor) -> Tensor:
        """log N(z; 0, I): (..., D) -> (...), nats."""
        z = widened(z)
        return -0.5 * (z.square() + _LOG_2_PI).sum(-1)

    def kl(self, other) -> Tensor | None:
        """KL(self || other), () nats, if the other is a Gaussian too; None if not."""
        zeros = self.mean
        return Normal(zeros, zeros).kl(other)

    def marginals(self) -> "StandardNormal":
        """Any one coordinate by itself."""
        return StandardNormal(1, torch.empty((), **self._like))


class Mixture(Distribution):
    """A mixture of K Gaussians with equal weights, in D dimensions.

    Args:
        mu: of each component, (K, D).
        log_var: the same.
    """

    names = ("mu", "log_var")

    def __init__(self, mu: Tensor, log_var: Tensor):
        self.mu, self.log_var = mu, log_var

    @property
    def mean(self) -> Tensor:
        """The mean of the components' means, (D,)."""
        return self.mu.mean(0)

    def sample(self, generator=None, num_samples: int | None = None) -> Tensor:
        """A draw, (D,), or `num_samples` of them: each from a component that is drawn first."""
        count = 1 if num_samples is None else num_samples
        options = {"generator": generator, "device": self.mu.device}
        chosen = torch.randint(len(self.mu), (count,), **options)
        z = reparameterize(self.mu[chosen], self.log_var[chosen], generator)
        return z[0] if num_samples is None else z

    def log_prob(self, z: Tensor) -> Tensor:
        """The logarithm of the mean density of the components: (..., D) -> (...), nats."""
        each = Normal(self.mu, self.log_var).log_prob(z.unsqueeze(-2))  # (..., K)
        return each.logsumexp(-1) - math.log(len(self.mu))


class Point(Distribution):
    """All of the probability at one z, (..., D): the code of an autoencoder.

    It has no density, and no KL divergence from one that has: `kl` is 0, which says that an
    autoencoder's loss has no such term.
    """

    names = ("z",)
    is_point = True

    def __init__(self, z: Tensor):
        self.z = z

    @property
    def mean(self) -> Tensor:
        """(..., D)."""
        return self.z

    def sample(self, generator=None, num_samples: int | None = None) -> Tensor:
        """The point, (..., D); or, as all draws are the same, one of them, (1, ..., D)."""
        return self.z if num_samples is None else self.z.unsqueeze(0)

    def kl(self, other) -> Tensor:
        """0, (...)."""
        return torch.zeros_like(widened(self.z[..., 0]))


def _log_density(eps: Tensor, log_var: Tensor) -> Tensor:
    """log N(z; mu, sigma^2) from eps = (z - mu) / sigma, summed over the last axis."""
    return -0.5 * (widened(eps).square() + widened(log_var) + _LOG_2_PI).sum(-1)
