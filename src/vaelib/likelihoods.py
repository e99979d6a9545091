"""Likelihoods: what the outputs of a decoder say about the pixels, and which images they score.

A likelihood is a module without weights of its own, or with few. Given the decoder's outputs,
(..., outputs * P) for P pixels, it is p(x|z), a `PixelDistribution`.
"""

import math

import torch
from torch import Tensor, nn

from vaelib.checks import integer, positive
from vaelib.data import check_images, draw_binary, is_binary
from vaelib.densities import (
    bernoulli_log_likelihood,
    continuous_bernoulli_log_likelihood,
    continuous_bernoulli_mean,
    discretized_logistic_log_likelihood,
    draw_continuous_bernoulli,
    gaussian_log_likelihood,
)
from vaelib.gaussians import widened


class Likelihood(nn.Module):
    """What every kind of pixel has in common; a kind of your own overrides what differs.

    Attributes:
        name: by which models, files and pages know it.
        outputs: numbers that the decoder gives for a pixel: all first ones, then all second ones.
        unit_interval: whether pixels are in [0, 1].
        arguments: of the constructor, as a JSON file can hold them.
    """

    name: str
    outputs = 1
    unit_interval = True

    def __init__(self, **arguments):
        super().__init__()
        self.arguments = arguments

    def description(self) -> str | dict:
        """What `likelihood_of` makes it from again: its name, and its arguments if it has any."""
        return {"name": self.name, **self.arguments} if self.arguments else self.name

    def forward(self, outputs: Tensor) -> "PixelDistribution":
        """p(x|z) from the decoder's outputs at z."""
        return PixelDistribution(self, outputs)

    def log_prob(self, images: Tensor, outputs: Tensor) -> Tensor:
        """log p(x|z): (..., P), (..., outputs * P) -> (...), nats."""
        raise self._without("log_prob")

    def mean(self, outputs: Tensor) -> Tensor:
        """The mean image: (..., outputs * P) -> (..., P)."""
        raise self._without("mean")

    def sample(self, outputs: Tensor, generator=None) -> Tensor:
        """A draw of x itself, with the noise of the pixels: (..., outputs * P) -> (..., P)."""
        raise self._without("sample")

    def _without(self, part: str) -> ValueError:
        return ValueError(f"wanted a likelihood with {part}, got {type(self).__name__} without it")

    def log_prob_of_each(self, images: Tensor, outputs: Tensor) -> Tensor:
        """log p(x|z) of every image at every z: (B, P), (N, outputs * P) -> (B, N), nats."""
        return torch.stack([self.log_prob(image, outputs) for image in images])

    def check(self, images: Tensor) -> None:
        """Check that images, (B, ...), can be trained on.

        Raises:
            ValueError: if they cannot.
        """
        check_images(images, self.unit_interval)

    def check_scored(self, images: Tensor) -> None:
        """Check that `log_prob` is the logarithm of a probability, or density, of these images.

        Raises:
            ValueError: if it is not.
        """
        self.check(images)

    def first_bias(self, mean: Tensor) -> Tensor | None:
        """The outputs of an untrained decoder that guess a mean image, (P,); None: as it is."""
        return None


class PixelDistribution:
    """p(x|z) at some z: a likelihood and the outputs of a decoder, (..., outputs * P)."""

    def __init__(self, likelihood: Likelihood, outputs: Tensor):
        self._likelihood, self.outputs = likelihood, outputs

    def log_prob(self, images: Tensor) -> Tensor:
        """log p(x|z), (...) nats, of images (B, ...), one for each z of the last batch axis."""
        return self._likelihood.log_prob(images.flatten(1), self.outputs)

    def log_prob_of_each(self, images: Tensor) -> Tensor:
        """log p(x|z) of every image at every z, here (N, D): (B, ...) -> (B, N), nats."""
        return self._likelihood.log_prob_of_each(images.flatten(1), self.outputs)

    @property
    def mean(self) -> Tensor:
        """The mean image, (..., P)."""
        return self._likelihood.mean(self.outputs)

    def sample(self, generator=None) -> Tensor:
        """A draw of x itself, with the noise of the pixels: (..., P)."""
        return self._likelihood.sample(self.outputs, generator)


class Bernoulli(Likelihood):
    """Black and white pixels, 0 or 1; the outputs are their log-odds.

    Grey pixels can be trained on, with the cross-entropy, which is no log-probability of them.
    """

    name = "bernoulli"

    def log_prob(self, images: Tensor, outputs: Tensor) -> Tensor:
        """log p(x|z), or minus the cross-entropy of grey pixels; see `bernoulli_log_likelihood`."""
        return bernoulli_log_likelihood(images, outputs)

    def mean(self, outputs: Tensor) -> Tensor:
        """The probability of a 1."""
        return torch.sigmoid(outputs)

    def sample(self, outputs: Tensor, generator=None) -> Tensor:
        """Pixels of 0 and 1."""
        return draw_binary(self.mean(outputs), generator)

    def log_prob_of_each(self, images: Tensor, outputs: Tensor) -> Tensor:
        """By matrix products: (B, P), (N, P) -> (B, N), nats."""
        logits = widened(outputs)
        certain = nn.functional.logsigmoid(logits.abs()).sum(1)  # log max(p, 1 - p)
        # All terms have one sign: x l - softplus(l) would take large sums from each other.
        wrong = images @ logits.clamp(max=0).T - (1 - images) @ logits.clamp(min=0).T
        return wrong + certain

    def check_scored(self, images: Tensor) -> None:
        """Check that the images are black and white."""
        self.check(images)
        if not is_binary(images):
            raise ValueError(
                "wanted images of 0 and 1, since a Bernoulli model has no log-likelihood for grey "
                "pixels: draw them with vaelib.binarize_once(images, seed)"
            )

    def first_bias(self, mean: Tensor) -> Tensor:
        """The log-odds; pixels that never change count as 0.001 or 0.999."""
        return mean.clamp(0.001, 0.999).logit()


class Gaussian(Likelihood):
    """Pixels of any intensity around the mean image, with one standard deviation for all.

    Args:
        sigma: the standard deviation, in units of pixel intensity; the first one if it is learned.
        learned: whether it is a weight of the model.
        bounded: whether means, and so pixels, are in [0, 1], by a sigmoid of the outputs, which
            are else the means.

    Raises:
        ValueError: if sigma is not positive and finite.
    """

    name = "gaussian"

    def __init__(self, sigma: float = 1.0, learned: bool = False, bounded: bool = True):
        sigma = positive("sigma", sigma)
        super().__init__(sigma=sigma, learned=bool(learned), bounded=bool(bounded))
        self.unit_interval = self.arguments["bounded"]
        self._sigma = sigma
        if learned:
            self.log_sigma = nn.Parameter(torch.tensor(math.log(sigma)))

    @property
    def sigma(self) -> float | Tensor:
        """The standard deviation of a pixel; if it is learned, a tensor without axes."""
        return self.log_sigma.exp() if self.arguments["learned"] else self._sigma

    def log_prob(self, images: Tensor, outputs: Tensor) -> Tensor:
        """log N(x; mean, sigma^2 I); see `gaussian_log_likelihood`."""
        return gaussian_log_likelihood(images, self.mean(outputs), self.sigma)

    def mean(self, outputs: Tensor) -> Tensor:
        """The sigmoid of the outputs, or the outputs themselves."""
        return torch.sigmoid(outputs) if self.unit_interval else outputs

    def sample(self, outputs: Tensor, generator=None) -> Tensor:
        """The mean and noise, which may be beyond [0, 1]."""
        mean = self.mean(outputs)
        return mean + self.sigma * torch.empty_like(mean).normal_(generator=generator)

    def log_prob_of_each(self, images: Tensor, outputs: Tensor) -> Tensor:
        """From distances between images: (B, P), (N, P) -> (B, N), nats."""
        mean = widened(self.mean(outputs))
        sigma = torch.as_tensor(self.sigma).to(mean)
        exact = {"compute_mode": "donot_use_mm_for_euclid_dist"}  # the expanded square cancels
        distance = torch.cdist(images, mean, **exact) / sigma
        constant = images.shape[1] * (math.log(2 * math.pi) + 2 * sigma.log())
        return -0.5 * (distance.square() + constant)


class ContinuousBernoulli(Likelihood):
    """Grey pixels with a density on [0, 1] that is the Bernoulli's formula, made to integrate to 1.

    Source:
        Loaiza-Ganem and Cunningham, The continuous Bernoulli, https://arxiv.org/abs/1907.06845
    """

    name = "continuous_bernoulli"

    def log_prob(self, images: Tensor, outputs: Tensor) -> Tensor:
        """The logarithm of the density; see `continuous_bernoulli_log_likelihood`."""
        return continuous_bernoulli_log_likelihood(images, outputs)

    def mean(self, outputs: Tensor) -> Tensor:
        """The mean, which is nearer to 1/2 than the sigmoid; see `continuous_bernoulli_mean`."""
        return continuous_bernoulli_mean(outputs)

    def sample(self, outputs: Tensor, generator=None) -> Tensor:
        """Pixels in [0, 1]."""
        return draw_continuous_bernoulli(outputs, generator)


class DiscretizedLogistic(Likelihood):
    """Grey levels, 0 to 255 of 255, each with a probability: log p(x) is then one of real images.

    The decoder gives for a pixel the mean's log-odds and, unless `shared`, the scale's logarithm.

    Args:
        levels: how many grey levels there are, 256 for bytes.
        shared: whether all pixels have one scale, a weight, as a Gaussian's sigma. The means are
            then learned sooner, since no pixel can be given up by a wide scale of its own.

    Raises:
        ValueError: if levels is below 2.

    Source:
        Salimans et al., PixelCNN++, section 2.1, https://arxiv.org/abs/1701.05517
    """

    name = "discretized_logistic"
    lowest = -8.0  # of log_scale: a bin of 256 is then twelve scales wide, and black is sure

    def __init__(self, levels: int = 256, shared: bool = False):
        super().__init__(levels=integer("levels", levels, least=2), shared=bool(shared))
        self.outputs = 1 if shared else 2
        self.log_scale = nn.Parameter(torch.tensor(-3.0)) if shared else None

    def log_prob(self, images: Tensor, outputs: Tensor) -> Tensor:
        """The logarithm of the level's probability; `discretized_logistic_log_likelihood`."""
        levels = self.arguments["levels"]
        return discretized_logistic_log_likelihood(images, *self._logistic(outputs), levels)

    def mean(self, outputs: Tensor) -> Tensor:
        """The mean of the logistic before it is cut into levels."""
        return self._logistic(outputs)[0]

    def sample(self, outputs: Tensor, generator=None) -> Tensor:
        """Grey levels, as numbers in [0, 1]."""
        mean, log_scale = self._logistic(outputs)
        uniform = torch.empty_like(mean).uniform_(1e-6, 1 - 1e-6, generator=generator)
        drawn, steps = mean + log_scale.exp() * uniform.logit(), self.arguments["levels"] - 1
        return (drawn * steps).round().clamp(0, steps) / steps

    def check(self, images: Tensor) -> None:
        """Check that every pixel is one of the grey levels."""
        super().check(images)
        steps = self.arguments["levels"] - 1
        for part in images.split(1000):
            off = (part * steps - (part * steps).round()).abs().max().item()
            if off > 0.1:  # of a level; bytes in float16 are within 0.07
                raise ValueError(
                    f"wanted images of {steps + 1} grey levels, multiples of 1/{steps}, got pixels "
                    f"between them, by up to {off:.2g} of a level: round them, "
                    f"(images * {steps}).round() / {steps}, or Resize before ToTensor"
                )

    def first_bias(self, mean: Tensor) -> Tensor:
        """The log-odds of the mean image and, unless it is shared, an eighth of the range."""
        logits = mean.clamp(0.001, 0.999).logit()
        return torch.cat([logits, torch.full_like(logits, -2.0)][: self.outputs])

    def _logistic(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        logits, *log_scale = outputs.chunk(self.outputs, -1)
        return torch.sigmoid(logits), (*log_scale, self.log_scale)[0].clamp(min=self.lowest)


LIKELIHOODS = {
    kind.name: kind for kind in (Bernoulli, Gaussian, ContinuousBernoulli, DiscretizedLogistic)
}


def likelihood_of(given, sigma: float | None = None) -> Likelihood:
    """A likelihood from what a model's constructor was given.

    Args:
        given: a `Likelihood`, its name, or a dict of its name and arguments, as a file holds it.
        sigma: of a Gaussian that is given by its name.

    Raises:
        ValueError: if it is none of these.
    """
    if isinstance(given, Likelihood):
        return given
    name, arguments = given, {}
    if isinstance(given, dict):
        arguments = dict(given)
        name = arguments.pop("name", None)
    if not isinstance(name, str) or name not in LIKELIHOODS:
        known = tuple(LIKELIHOODS)
        raise ValueError(f"wanted likelihood as one of {known}, or a Likelihood, got {given!r}")
    if name == Gaussian.name and sigma is not None:
        arguments.setdefault("sigma", sigma)
    return LIKELIHOODS[name](**arguments)
