"""How far an encoder lags behind: what an image's ELBO gains if its own q is sought."""

from typing import NamedTuple

import torch
from torch import Tensor

from vaelib.checks import integer
from vaelib.devices import plain_torch
from vaelib.distributions import Normal

RATE, SEED, SCORED = 0.1, 0, 50  # of Adam; of the noise; draws for the final scores


class Refined(NamedTuple):
    """Mean ELBOs of some images, nats: with the encoder's q, and with the refined one."""

    encoder: float
    refined: float

    @property
    def gain(self) -> float:
        """What the encoder leaves of it in nats, which is a part of its amortization gap."""
        return self.refined - self.encoder


@plain_torch(gradients=True)
def refined_elbo(model, images: Tensor, steps: int = 60, num_samples: int = 4) -> Refined:
    """Go up the ELBO of each image in the mean and the log-variances of its q alone.

    Args:
        model: with a Gaussian q(z|x).
        images: (B, ...).
        steps: of Adam, with a rate that falls to zero.
        num_samples: draws of z for each image and step.

    Raises:
        ValueError: if steps or num_samples is below 1.

    Source:
        Cremer, Li and Duvenaud, Inference Suboptimality in Variational Autoencoders,
        https://arxiv.org/abs/1801.03558
    """
    steps, num_samples = integer("steps", steps), integer("num_samples", num_samples)
    with torch.no_grad():
        q = model.posterior(images)
        start = torch.stack(q.parameters)  # (2, B, D): mu, log_var
    sigma = (start[1] / 2).exp()
    moves = torch.zeros_like(start).requires_grad_()
    optimizer = torch.optim.Adam([moves], RATE)
    generator = torch.Generator(images.device).manual_seed(SEED)
    for step in range(steps):
        loss = -_elbo(model, images, _moved(start, sigma, moves), num_samples, generator).sum()
        (moves.grad,) = torch.autograd.grad(loss, moves)
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
        optimizer.step()
    scores = []
    for each in (q, _moved(start, sigma, moves.detach())):
        generator = torch.Generator(images.device).manual_seed(SEED + 1)
        with torch.no_grad():
            scores.append(_elbo(model, images, each, SCORED, generator).mean().item())
    return Refined(*scores)


def _moved(start: Tensor, sigma: Tensor, moves: Tensor) -> Normal:
    """The q after some moves, of mu in units of its sigma."""
    return Normal(start[0] + sigma * moves[0], start[1] + moves[1])


def _elbo(model, images: Tensor, q: Normal, num_samples: int, generator) -> Tensor:
    z = q.sample(generator, num_samples)  # (K, B, D)
    return model.likelihood(z).log_prob(images).mean(0) - q.kl(model.prior())
