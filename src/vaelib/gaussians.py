"""The KL divergence of a Gaussian, narrow or wide, from N(0, I), in closed form."""

import torch
from torch import Tensor


def gaussian_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, diag(exp(log_var))) || N(0, I)), summed over D: (..., D), (..., D) -> (...), nats.

    Exact to the last digits near the prior too, where it is near zero. Float16 and bfloat16 are
    computed, and answered, in float32.

    Raises:
        ValueError: if mu and log_var differ in shape or have no latent axis.

    Source:
        Kingma and Welling, appendix B, https://arxiv.org/abs/1312.6114
    """
    if mu.shape != log_var.shape or mu.ndim == 0:
        raise ValueError(
            "wanted mu and log_var of one shape (..., D), "
            f"got {tuple(mu.shape)} and {tuple(log_var.shape)}"
        )
    return 0.5 * (widened(mu).square() + _ExpAboveTangent.apply(widened(log_var))).sum(-1)


class _ExpAboveTangent(torch.autograd.Function):
    """exp(x) - 1 - x, whose terms cancel near 0, with its slope exp(x) - 1.

    Within 1/4 of zero it is the series x^2 / 2 (1 + x / 3 (1 + x / 4 (1 + ...))).
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        one = series = torch.ones_like(x)
        for n in range(7 if x.dtype == torch.float32 else 12, 2, -1):
            series = torch.addcmul(one, x, series, value=1 / n)
        return torch.where(x.abs() < 0.25, x.square() * series / 2, torch.expm1(x) - x)

    @staticmethod
    def setup_context(context, inputs, output) -> None:
        context.save_for_backward(*inputs)
        context.save_for_forward(*inputs)

    @staticmethod
    def backward(context, gradient: Tensor) -> Tensor:
        return gradient * torch.expm1(context.saved_tensors[0])

    @staticmethod
    def jvp(context, direction: Tensor) -> Tensor:
        return direction * torch.expm1(context.saved_tensors[0])


def widened(numbers: Tensor) -> Tensor:
    """Float16 and bfloat16 as float32, in which sums over pixels neither overflow nor get coarse.

    In float16 a product of 24 probabilities of 1/2 is zero, and nothing above 65504 has a number.
    """
    return numbers.float() if numbers.dtype in (torch.float16, torch.bfloat16) else numbers
