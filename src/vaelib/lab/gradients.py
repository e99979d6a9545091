"""Gradients of E[f(z)] in the parameters of z's Gaussian, estimated from draws in two ways."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vaelib.checks import integer


class Gradients(NamedTuple):
    """Gradients of E[f(z)] in mu and in sigma, one estimate a row: (K, D) and (K, D).

    The rows are independent and have the same mean, so that `.mean(0)` is the estimate from K draws
    and `.std(0) / K**0.5` its standard error.
    """

    mu: Tensor
    sigma: Tensor


def pathwise(
    f: Callable[[Tensor], Tensor], mu: Tensor, sigma: Tensor, num_samples: int, generator=None
) -> Gradients:
    """Differentiate through z = mu + sigma * eps: f'(z) and f'(z) * eps for each of K draws.

    Unbiased for E[f(z)], z ~ N(mu, diag(sigma^2)), if f is continuous and piecewise smooth, with
    slopes that are bounded or grow no faster than a power of z. The gradients are in units of f per
    unit of z.

    Args:
        f: (K, D) -> (K,), each row by itself, written with differentiable operations.
        mu: means, (D,).
        sigma: standard deviations, (D,).
        num_samples: K, the number of draws.
        generator: a `torch.Generator` on mu's device, to draw the same noise again.

    Raises:
        ValueError: if mu and sigma are not of one shape (D,), sigma is not positive, num_samples is
            below 1, f returns another shape than (K,), or autograd finds no way from f(z) to z.

    Source:
        Kingma and Welling, section 2.4, https://arxiv.org/abs/1312.6114
    """
    with torch.inference_mode(False), torch.enable_grad():
        eps, z = _draw(mu, sigma, num_samples, generator)
        values = _evaluate(f, z.requires_grad_())
        if not values.requires_grad:
            raise ValueError("wanted f differentiable in z, got a result without a gradient")
        (slope,) = torch.autograd.grad(values.sum(), z)  # (K, D)
    return Gradients(slope, slope * eps)


def score_function(
    f: Callable[[Tensor], Tensor],
    mu: Tensor,
    sigma: Tensor,
    num_samples: int,
    baseline: float | Tensor = 0.0,
    generator=None,
) -> Gradients:
    """Weigh (f(z) - baseline) with the gradient of log N(z; mu, sigma^2), for each of K draws.

    Unbiased for E[f(z)], z ~ N(mu, diag(sigma^2)), whether or not f has a derivative, for every
    baseline that does not depend on the draws. Also known as REINFORCE. The gradients are in units
    of f per unit of z.

    Args:
        f: (K, D) -> (K,), each row by itself.
        mu: means, (D,).
        sigma: standard deviations, (D,).
        num_samples: K, the number of draws.
        baseline: what is subtracted from f(z): one number, or (D,), one for each coordinate.
        generator: a `torch.Generator` on mu's device, to draw the same noise again.

    Raises:
        ValueError: if mu and sigma are not of one shape (D,), sigma is not positive, num_samples is
            below 1, f returns another shape than (K,), or the baseline is neither () nor (D,).

    Source:
        Williams, Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement
        Learning, section 6, https://doi.org/10.1007/BF00992696
    """
    eps, z = _draw(mu, sigma, num_samples, generator)
    baseline = torch.as_tensor(baseline, dtype=z.dtype, device=z.device).detach()
    if baseline.shape not in ((), mu.shape):
        raise ValueError(
            f"wanted a baseline of shape () or {tuple(mu.shape)}, got {tuple(baseline.shape)}"
        )
    with torch.no_grad():
        gain = _evaluate(f, z)[:, None] - baseline  # (K,) -> (K, 1) or (K, D)
        return Gradients(gain * eps / sigma, gain * (eps.square() - 1) / sigma)


def _draw(mu, sigma, num_samples, generator) -> tuple[Tensor, Tensor]:
    """The noise eps ~ N(0, I) and z = mu + sigma * eps, both (K, D), apart from mu's graph."""
    if mu.ndim != 1 or mu.shape != sigma.shape:
        raise ValueError(
            f"wanted mu and sigma of one shape (D,), got {tuple(mu.shape)} and {tuple(sigma.shape)}"
        )
    if not (sigma > 0).all():
        raise ValueError(f"wanted sigma above 0, got {sigma.tolist()}")
    num_samples = integer("num_samples", num_samples)
    mu, sigma = mu.detach(), sigma.detach()
    eps = mu.new_empty(num_samples, *mu.shape).normal_(generator=generator)
    return eps, mu + sigma * eps


def _evaluate(f, z: Tensor) -> Tensor:
    """f at each of the K draws, (K,)."""
    values = f(z)
    if values.shape != z.shape[:1]:
        raise ValueError(
            f"wanted f to return shape {tuple(z.shape[:1])} for draws of shape {tuple(z.shape)}, "
            f"got {tuple(values.shape)}"
        )
    return values
