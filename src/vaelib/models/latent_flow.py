"""A prior that is learned where the codes lie: noise that flows to them, by flow matching.

A velocity v(z, t) carries N(0, I) at t = 0 along dz/dt = v to the codes at t = 1. It is learned
from straight lines: at a random t, between noise eps and a code z, the velocity should be z - eps.
What is learned is the mean of such lines, which carries the one distribution into the other. With
a picture's pixels in place of codes this is a flow model of images; in the latent space of a VAE
it is latent diffusion in miniature.
"""

import torch
from torch import Tensor, nn

from vaelib.checks import integer, positive, random_seed
from vaelib.distributions import Distribution, StandardNormal
from vaelib.models.base import check_latents, check_sizes
from vaelib.models.mlp import layers


class LatentFlow(nn.Module, Distribution):
    """p(z) as what noise becomes on its way along a learned velocity.

    Make it, let it `learn` from codes, and give it to a model: `model.own_prior = flow`.

    Args:
        latent_dim: D, the dimension of z.
        hidden_dim: units of each of two hidden layers.
        num_steps: of the way from noise to codes, by Heun's method.

    Raises:
        ValueError: if a size is no integer of 1 or more.

    Source:
        Lipman et al., Flow Matching for Generative Modeling, https://arxiv.org/abs/2210.02747;
        Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models,
        https://arxiv.org/abs/2112.10752, for the latent space as its place.
    """

    def __init__(self, latent_dim: int, hidden_dim: int = 64, num_steps: int = 20):
        super().__init__()
        sizes = {"latent_dim": latent_dim, "hidden_dim": hidden_dim, "num_steps": num_steps}
        for name, size in check_sizes(sizes).items():
            setattr(self, name, size)
        widths = [self.latent_dim + 1, self.hidden_dim, self.hidden_dim, self.latent_dim]
        self.net = layers(widths, "silu")
        self.register_buffer("middle", torch.zeros(self.latent_dim))  # of the codes
        self.register_buffer("spread", torch.ones(self.latent_dim))

    def learn(
        self,
        codes: Tensor,
        steps: int = 2000,
        batch_size: int = 512,
        learning_rate: float = 0.002,
        seed: int = 0,
    ) -> list[float]:
        """Learn from codes, (N, D), such as draws from q(z|x) of every image.

        Returns:
            The loss of each step, the mean squared error of the velocity.

        Raises:
            ValueError: if the codes are not (N, D), or an argument is out of range.
        """
        check_latents(codes, self.latent_dim)
        batch_size, rate = integer("batch_size", batch_size), positive("rate", learning_rate)
        codes = codes.detach().to(self.spread)
        self.middle.copy_(codes.mean(0))
        self.spread.copy_(codes.std(0).clamp(min=1e-6))
        codes = (codes - self.middle) / self.spread
        generator = torch.Generator(codes.device).manual_seed(random_seed(seed))
        optimizer = torch.optim.Adam(self.parameters(), rate)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, integer("steps", steps))
        losses = []
        with torch.enable_grad():
            for _ in range(steps):
                loss = self._error(codes, batch_size, generator)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
        return losses

    def _error(self, codes: Tensor, batch_size: int, generator) -> Tensor:
        """The mean squared error of the velocity, on straight lines from noise to codes."""
        like = {"generator": generator, "device": codes.device}
        z = codes[torch.randint(len(codes), (batch_size,), **like)]
        t = torch.rand(batch_size, 1, dtype=codes.dtype, **like)
        eps = torch.randn(z.shape, dtype=codes.dtype, **like)
        return (self.velocity((1 - t) * eps + t * z, t) - (z - eps)).square().mean()

    def velocity(self, z: Tensor, t: Tensor) -> Tensor:
        """dz/dt of standardised codes: (..., D), (..., 1) -> (..., D)."""
        return self.net(torch.cat([z, t.expand(*z.shape[:-1], 1)], -1))

    @property
    def mean(self) -> Tensor:
        """The mean of the codes that it has learned from, (D,)."""
        return self.middle

    @torch.no_grad()
    def sample(self, generator=None, num_samples: int | None = None) -> Tensor:
        """A draw, (D,), or K of them, (K, D)."""
        noise = StandardNormal(self.latent_dim, self.spread).sample(generator, num_samples)
        return self.middle + self.spread * self.way(noise)[-1]

    def way(self, noise: Tensor) -> list[Tensor]:
        """Where noise, (..., D), is at first and after each step, as standardised codes."""
        z, step = noise, 1 / self.num_steps
        places = [z]
        for number in range(self.num_steps):
            t = z.new_full((1,), number * step)
            first = self.velocity(z, t)
            second = self.velocity(z + step * first, t + step)
            z = z + step * (first + second) / 2
            places.append(z)
        return places

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), (..., D) -> (...) nats, from the noise and the change of volume on the way.

        The change is exact but for the steps.
        """
        z = (z - self.middle) / self.spread
        log_volume, step = self.spread.log().sum(), 1 / self.num_steps
        for number in reversed(range(self.num_steps)):
            t = z.new_full((1,), (number + 1) * step)
            first, turn = self._velocity_and_divergence(z, t)
            second, turned = self._velocity_and_divergence(z - step * first, t - step)
            z = z - step * (first + second) / 2
            log_volume = log_volume + step * (turn + turned) / 2
        return StandardNormal(self.latent_dim, self.spread).log_prob(z) - log_volume

    def _velocity_and_divergence(self, z: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """v, (..., D), and the sum over i of dv_i / dz_i, (...).

        The sum is the trace of last @ diag(silu'(b)) @ second @ diag(silu'(a)) @ first, for what
        goes into the two activations, which needs no matrix for each z.
        """
        first, second, last = self.net[::2]
        a = first(torch.cat([z, t.expand(*z.shape[:-1], 1)], -1))
        b = second(nn.functional.silu(a))
        # turns[i, j] = second[i, j] * (first @ last)[j, i], the first layer without its t
        turns = second.weight * (first.weight[:, :-1] @ last.weight).T
        divergence = ((_silu_slope(b) @ turns) * _silu_slope(a)).sum(-1)
        return last(nn.functional.silu(b)), divergence


def _silu_slope(a: Tensor) -> Tensor:
    """The derivative of a * sigmoid(a)."""
    p = torch.sigmoid(a)
    return p * (1 + a * (1 - p))
