"""A VAE whose posterior is bent by a flow, so that it need be neither Gaussian nor diagonal."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaelib.checks import integer
from vaelib.distributions import Distribution, Normal
from vaelib.likelihoods import Likelihood, likelihood_of
from vaelib.models.base import LatentVariableModel, check_sizes
from vaelib.models.mlp import hidden_sizes, layers


class FlowVAE(LatentVariableModel):
    """q(z|x) is a Gaussian sent through invertible steps that the image chooses.

    Each step keeps half of the coordinates and moves the others by what these and the image say,
    so that its inverse and its change of volume are known: a coupling layer. The KL has no closed
    form; the bound takes log q(z|x) - log p(z) at its own draws.

    Args:
        input_dim: pixels of an image.
        hidden_dim: as for `VAE`.
        latent_dim: D, 2 or more.
        num_steps: coupling layers; each moves the other half.
        step_dim: hidden units of a step, and numbers that the encoder tells it about the image.
        likelihood: as for `VAE`.
        activation: as for `VAE`.
        image_shape: as for `VAE`.

    Raises:
        ValueError: if a size is no such integer, or a name is unknown.

    Source:
        Rezende and Mohamed, Variational Inference with Normalizing Flows,
        https://arxiv.org/abs/1505.05770, for the posterior; Dinh, Sohl-Dickstein and Bengio,
        Density Estimation Using Real NVP, https://arxiv.org/abs/1605.08803, for the step.
    """

    def __init__(
        self,
        input_dim: int = 784,
        hidden_dim: int | Sequence[int] = 256,
        latent_dim: int = 2,
        num_steps: int = 4,
        step_dim: int = 32,
        likelihood: str | dict | Likelihood = "bernoulli",
        activation: str = "relu",
        image_shape: Sequence[int] | None = None,
    ):
        hidden, pixels = hidden_sizes(hidden_dim), likelihood_of(likelihood)
        sizes = {"input_dim": input_dim, "num_steps": num_steps, "step_dim": step_dim}
        sizes = check_sizes(sizes) | {"latent_dim": integer("latent_dim", latent_dim, least=2)}
        described = {"likelihood": pixels.description(), "activation": activation}
        arguments = sizes | {"hidden_dim": hidden} | described
        super().__init__(
            sizes["input_dim"], sizes["latent_dim"], pixels, image_shape, arguments=arguments
        )
        told, outputs = sizes["step_dim"], pixels.outputs * self.input_dim
        self.encoder = layers([self.input_dim, *hidden, 2 * self.latent_dim + told], activation)
        self.decoder = layers([self.latent_dim, *reversed(hidden), outputs], activation)
        self.steps = nn.ModuleList(
            Coupling(self.latent_dim, told, turned=bool(number % 2))
            for number in range(sizes["num_steps"])
        )

    def posterior(self, images: Tensor) -> "Flow":
        """q(z|x): a Gaussian, N(mu(x), diag(sigma(x)^2)), after all steps."""
        rows = self.flatten(images)
        code = self.encoder(rows).to(rows.dtype)
        mu, log_var, told = code.split([self.latent_dim] * 2 + [self.arguments["step_dim"]], -1)
        return Flow(Normal(mu, log_var), self.steps, told)


class Coupling(nn.Module):
    """z -> z with one half scaled and moved, by what the other half and the image say.

    Args:
        latent_dim: the dimension of the latents, D.
        told: numbers that are known about the image.
        turned: whether the first half is moved, and not the second.
    """

    def __init__(self, latent_dim: int, told: int, turned: bool):
        super().__init__()
        self.kept, self.turned = latent_dim // 2, turned
        if turned:
            self.kept = latent_dim - self.kept
        moved = latent_dim - self.kept
        self.net = layers([self.kept + told, told, 2 * moved], "tanh")

    def forward(self, z: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """The new z, (..., D), and the logarithm of the change of volume, (...)."""
        kept, moved = self._halves(z)
        log_scale, shift = self._change(kept, told)
        return self._joined(kept, moved * log_scale.exp() + shift), log_scale.sum(-1)

    def inverse(self, z: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """The old z, and the logarithm of the change of volume on the way from it, (...)."""
        kept, moved = self._halves(z)
        log_scale, shift = self._change(kept, told)
        return self._joined(kept, (moved - shift) * (-log_scale).exp()), log_scale.sum(-1)

    def _change(self, kept: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        told = told.expand(*kept.shape[:-1], -1)
        log_scale, shift = self.net(torch.cat([kept, told], -1)).to(kept.dtype).chunk(2, -1)
        return torch.tanh(log_scale), shift  # a step scales by e at most

    def _halves(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z = z.flip(-1) if self.turned else z
        return z[..., : self.kept], z[..., self.kept :]

    def _joined(self, kept: Tensor, moved: Tensor) -> Tensor:
        z = torch.cat([kept, moved], -1)
        return z.flip(-1) if self.turned else z


class Flow(Distribution):
    """A Gaussian sent through invertible steps.

    Args:
        base: the Gaussian, (..., D).
        steps: modules with `forward` and `inverse`, as `Coupling`.
        told: what the steps know about each image.
    """

    names = ("mu", "log_var")

    def __init__(self, base: Normal, steps, told: Tensor):
        self.base, self.steps, self.told = base, steps, told
        self.mu, self.log_var = base.parameters

    @property
    def mean(self) -> Tensor:
        """Where the base's mean goes, (..., D), which is not quite the mean."""
        return self._sent(self.mu)[0]

    def from_noise(self, eps: Tensor) -> Tensor:
        """The z that noise of N(0, I) makes: (..., D) -> (..., D)."""
        return self._sent(self.base.from_noise(eps))[0]

    def sample(self, generator=None, num_samples: int | None = None) -> Tensor:
        """A draw, (..., D), or K of them, (K, ..., D)."""
        return self._sent(self.base.sample(generator, num_samples))[0]

    def sample_and_log_prob(
        self, generator=None, num_samples: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draws as `sample` makes them, and log q at each, (...) or (K, ...) nats."""
        start, log_q = self.base.sample_and_log_prob(generator, num_samples)
        z, log_volume = self._sent(start)
        return z, log_q - log_volume

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x): (..., D) -> (...), nats, by the steps' inverses."""
        log_volume = 0
        for step in reversed(self.steps):
            z, change = step.inverse(z, self.told)
            log_volume = log_volume + change
        return self.base.log_prob(z) - log_volume

    def _sent(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Through all steps: where z goes, and the logarithm of the change of volume."""
        log_volume = 0
        for step in self.steps:
            z, change = step(z, self.told)
            log_volume = log_volume + change
        return z, log_volume
