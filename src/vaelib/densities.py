"""log p(x|z) as formulas: of pixels and a decoder's outputs, summed over the pixels."""

import math

import torch
from torch import Tensor

from vaelib.checks import positive
from vaelib.gaussians import widened


def bernoulli_log_likelihood(images: Tensor, logits: Tensor) -> Tensor:
    """log p(x|z) with Bernoulli pixels, summed over the pixels: (..., P), (..., P) -> (...), nats.

    With x in {0, 1} this is a log-probability. With grey x it is minus a cross-entropy, which is
    what most VAEs on MNIST are trained with, but not the logarithm of any distribution over x.
    Float16 and bfloat16 are computed, and answered, in float32.

    Args:
        images: flattened images in [0, 1].
        logits: log-odds of the pixels; the leading axes are broadcast against those of the images.

    Raises:
        RuntimeError: inside a transform of `torch.func`. What these ask of a derivative written by
            hand (`setup_context`) takes time in every step of training.
    """
    images, logits = widened(images), widened(logits)
    if images.shape != logits.shape:
        images, logits = torch.broadcast_tensors(images, logits)
    return _BernoulliLogLikelihood.apply(images, logits)


class _BernoulliLogLikelihood(torch.autograd.Function):
    """The sum over pixels of x log p + (1 - x) log(1 - p) = x l - max(l, 0) + log max(p, 1 - p).

    PyTorch's own cross-entropy takes a log1p a pixel, which costs as much as the matrix products
    of a small VAE. The last term here is the logarithm of a product instead: each factor is
    between 1/2 and 1, so that a hundred of them cannot underflow.
    """

    @staticmethod
    def forward(context, images: Tensor, logits: Tensor) -> Tensor:
        context.save_for_backward(images, logits)
        pixels = logits.shape[-1]
        # The largest block of at most a hundred into which the pixels divide: 98 of MNIST's 784.
        factors = next(count for count in range(100, 0, -1) if pixels % count == 0)
        certainty = logits.abs().sigmoid_()  # max(p, 1 - p)
        products = certainty.unflatten(-1, (-1, factors)).prod(-1)  # (..., P) -> (..., P / factors)
        # Pixel by pixel, for the sums of both terms are large and may be nearly equal.
        linear = (images * logits).sub_(logits.clamp(min=0))  # x l - max(l, 0)
        return linear.sum(-1) + products.log().sum(-1)

    @staticmethod
    def backward(context, gradient: Tensor) -> tuple[Tensor | None, Tensor]:
        images, logits = context.saved_tensors
        gradient = gradient.unsqueeze(-1)  # (...) -> (..., 1)
        slope = images - torch.sigmoid(logits)  # of x l - log(1 + exp(l)): x - p
        return gradient * logits if context.needs_input_grad[0] else None, gradient * slope


def continuous_bernoulli_log_norm(logits: Tensor) -> Tensor:
    """log C of the continuous Bernoulli, C x_hat^x (1 - x_hat)^(1 - x), of each pixel: (...), nats.

    1 / C is the integral over x in [0, 1], tanh(l / 2) / l at the logit l of x_hat, and 1/2 at 0.
    Written as (2 x_hat - 1) / l it is 0 / 0 near 0, and so are its derivatives in any closed form;
    there the logarithm is summed as a series.

    Args:
        logits: log-odds of the pixels, of any shape, which the result has too.

    Source:
        Loaiza-Ganem and Cunningham, The continuous Bernoulli, https://arxiv.org/abs/1907.06845
    """
    near = logits.abs() < 0.5
    square = torch.where(near, logits, 0).square()
    series = torch.zeros_like(square)
    for coefficient in reversed(_LOG_NORM_SERIES):
        series = (series + coefficient) * square
    size = torch.where(near, 1, logits).abs()
    closed = size.log() - torch.tanh(size / 2).log()
    return torch.where(near, math.log(2) + series, closed)


# log(l / tanh(l / 2)) - log 2 is a sum over n of (4^n - 2) B_2n / (2n (2n)!) l^2n, B the Bernoulli
# numbers. Eight terms are exact to the last digit of float64 for |l| < 1/2.
_BERNOULLI_NUMBERS = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_LOG_NORM_SERIES = tuple(
    (4**n - 2) * number / (2 * n * math.factorial(2 * n))
    for n, number in enumerate(_BERNOULLI_NUMBERS, 1)
)


def continuous_bernoulli_log_likelihood(images: Tensor, logits: Tensor) -> Tensor:
    """log p(x|z) with continuous Bernoulli pixels: (..., P), (..., P) -> (...), nats.

    A density on [0, 1]: the Bernoulli's formula with the constant that makes it integrate to one.

    Args:
        images: flattened images in [0, 1].
        logits: l of each pixel; 0 makes it uniform.

    Source:
        Loaiza-Ganem and Cunningham, The continuous Bernoulli, https://arxiv.org/abs/1907.06845
    """
    constants = continuous_bernoulli_log_norm(widened(logits)).sum(-1)
    return bernoulli_log_likelihood(images, logits) + constants


def continuous_bernoulli_mean(logits: Tensor) -> Tensor:
    """The mean of a continuous Bernoulli pixel, 1 / (1 - exp(-l)) - 1 / l, and 1/2 at 0: (...).

    Source:
        Loaiza-Ganem and Cunningham, section 3, https://arxiv.org/abs/1907.06845
    """
    near = logits.abs() < 0.5
    small = torch.where(near, logits, 0)
    square, series = small.square(), torch.zeros_like(logits)
    for coefficient in reversed(_MEAN_SERIES):
        series = series * square + coefficient
    size = torch.where(near, 1, logits).abs()
    above = 1 / -torch.expm1(-size) - 1 / size  # at |l|, from 1/2 to 1
    closed = torch.where(logits > 0, above, 1 - above)
    return torch.where(near, 0.5 + small * series, closed)


# 1 / (1 - exp(-l)) - 1 / l is 1/2 and a sum over n of B_2n / (2n)! l^(2n - 1).
_MEAN_SERIES = tuple(
    number / math.factorial(2 * n) for n, number in enumerate(_BERNOULLI_NUMBERS, 1)
)


def draw_continuous_bernoulli(logits: Tensor, generator=None) -> Tensor:
    """Draw each pixel, by the inverse of its distribution function: (...) -> (...) in [0, 1]."""
    uniform = torch.empty_like(logits).uniform_(generator=generator)
    size = logits.abs().clamp(min=1e-6)  # below, the density is 1 to the last digit
    low = torch.log1p(uniform * torch.expm1(-size)) / -size  # of a pixel whose logit is -|l|
    return torch.where(logits > 0, 1 - low, low)


def discretized_logistic_log_likelihood(
    images: Tensor, mean: Tensor, log_scale: Tensor, levels: int = 256
) -> Tensor:
    """log p(x|z) of grey levels 0 to levels - 1, of 1 / (levels - 1) each: (..., P) -> (...), nats.

    A level has the probability that a logistic variable falls into its bin, which is half a level
    to either side; all below belongs to the first level, and all above to the last.

    Args:
        images: flattened images, levels / (levels - 1) in [0, 1].
        mean: of the logistic, in units of pixel intensity.
        log_scale: the logarithm of its scale, in the same units.

    Source:
        Salimans et al., PixelCNN++, section 2.1, https://arxiv.org/abs/1701.05517
    """
    images, mean, log_scale = widened(images), widened(mean), widened(log_scale)
    half = 0.5 / (levels - 1)
    inverse = torch.exp(-log_scale)
    above, below = ((images - mean + side) * inverse for side in (half, -half))
    # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)) keeps its digits.
    width = (2 * half * inverse).clamp(min=torch.finfo(inverse.dtype).tiny)
    first = torch.nn.functional.logsigmoid(above)
    last = torch.nn.functional.logsigmoid(-below)
    inner = torch.log(-torch.expm1(-width))
    is_first, is_last = images < half, images > 1 - half
    not_first = torch.where(is_first, 0, last)  # nothing lies below the first level
    not_last = torch.where(is_last, 0, first)
    return (not_first + not_last + torch.where(is_first | is_last, 0, inner)).sum(-1)


def gaussian_log_likelihood(images: Tensor, mean: Tensor, sigma: float | Tensor) -> Tensor:
    """log N(x; mean, sigma^2 I), summed over the pixels: (..., P), (..., P) -> (...), nats.

    Args:
        images: flattened images.
        mean: the decoder's output, in units of pixel intensity.
        sigma: standard deviation of a pixel, in the same units, above 0 and finite; a tensor if it
            is learned: one number, one for each pixel, (P,), or any shape that broadcasts against
            (..., P).

    Raises:
        ValueError: if sigma is out of range, or the three do not fit each other.
    """
    if getattr(sigma, "ndim", 0) == 0 and not isinstance(sigma, Tensor):
        sigma = positive("sigma", sigma)
    images, mean = widened(images), widened(mean)
    sigma = torch.as_tensor(sigma, dtype=mean.dtype, device=mean.device)
    _check_pixelwise(images, mean, sigma)
    if not ((sigma > 0) & sigma.isfinite()).all():
        told = f"{sigma.item():g}" if sigma.numel() == 1 else f"{sigma.min():g} to {sigma.max():g}"
        raise ValueError(f"wanted sigma above 0 and finite, got {told}")
    error = ((images - mean) / sigma).square()
    return -0.5 * (error + 2 * sigma.log() + math.log(2 * math.pi)).sum(-1)


def _check_pixelwise(images: Tensor, mean: Tensor, sigma: Tensor) -> None:
    """Check that images, their mean and its deviation have the same pixels on the last axis."""
    pixels = images.shape[-1:]
    fits = len(pixels) == 1 and mean.shape[-1:] == pixels
    try:
        shape = torch.broadcast_shapes(images.shape, mean.shape)
        fits = fits and torch.broadcast_shapes(shape, sigma.shape) == shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            "wanted images and mean of shape (..., P) and sigma as a number, (P,), or what "
            f"broadcasts against them, got {tuple(images.shape)}, {tuple(mean.shape)} and "
            f"{tuple(sigma.shape)}"
        )
