"""Which beta a VAE's loss stands for, from how its two terms are added up.

With R for minus the log-likelihood of an image, summed over its P values, and KL for the divergence
of its code, summed over the D latents, both in nats, nearly every loss of a VAE is

    a R + b KL = a (R + beta KL),    beta = b / a.

The factor a moves no minimum, so the loss is that of a beta-VAE, and minus the ELBO where beta = 1.
A mean over the values divides a by P, one over the latents divides b by D, and a mean over the
batch cancels if both terms have it.

With Gaussian pixels of standard deviation sigma, R is the squared error S over 2 sigma^2, apart
from a constant, and the same loss can be read with another sigma:

    S / (2 sigma^2) + beta KL = beta (S / (2 sigma^2 beta) + KL),

which is minus the ELBO of a decoder whose deviation is sigma sqrt(beta). Plain S is 2 R at sigma 1:
beta = 1/2 at sigma 1, or an ELBO with sigma^2 = 1/2.
"""

import dataclasses
import decimal
import math

from vaelib.checks import integer, number, positive

LIKELIHOODS = ("bernoulli", "gaussian", "mse")
REDUCTIONS = ("sum", "mean")
TERMS = {
    "bernoulli": "cross-entropy",
    "gaussian": "Gaussian log-likelihood",
    "mse": "squared error",
}
_DIGITS = decimal.Context(prec=3, rounding=decimal.ROUND_HALF_UP)


@dataclasses.dataclass(frozen=True)
class Cause:
    """One reason why beta is what it is.

    Attributes:
        text: what the loss does, as a clause.
        factor: by which beta is multiplied for it.
    """

    text: str
    factor: float

    def __str__(self) -> str:
        return self.text if self.factor == 1 else f"{self.text} ({_times(self.factor)})"


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """What a loss stands for; as text it is a sentence that names the causes.

    Attributes:
        beta: the weight of the KL beside minus the log-likelihood, both as sums.
        at_sigma: the decoder's deviation that this beta goes with; None for Bernoulli pixels.
        causes: whose factors have beta as their product, in the order of the loss.
        batch_size: B, the images in a batch for which beta holds; None if it holds for all.
        batch_power: beta goes with this power of the number of images in a batch.
    """

    beta: float
    at_sigma: float | None = None
    causes: tuple[Cause, ...] = ()
    batch_size: int | None = None
    batch_power: int = 0

    @property
    def sigma(self) -> float | None:
        """The decoder's standard deviation with which this loss is minus the ELBO (beta 1)."""
        return None if self.at_sigma is None else self.at_sigma * math.sqrt(self.beta)

    def on_batch(self, size: int) -> float:
        """Beta on a batch of another size, such as the last one of an epoch."""
        size = integer("size", size)
        return self.beta * (size / (self.batch_size or size)) ** self.batch_power

    def __repr__(self) -> str:
        where = "" if self.at_sigma is None else f" at sigma {said(self.at_sigma)}"
        sentence = f"beta = {said(self.beta)}{where}"
        if self.batch_power:
            sentence += f" on batches of {self.batch_size} images"
        if math.isclose(self.beta, 1):
            sentence += ", so this is minus the ELBO"
        elif self.sigma:
            sentence += f", which is minus the ELBO at sigma {said(self.sigma)}"
        if self.causes:
            sentence += ": " + ", ".join(str(cause) for cause in self.causes)
        return sentence + "." + self._of_other_batches()

    def _of_other_batches(self) -> str:
        if not self.batch_power:
            return ""
        share = "half" if self.batch_power > 0 else "twice"
        return (
            f" Beta changes with the batch: on one of half the size it is {share} this, and the "
            "last of an epoch is often smaller."
        )


def said(value: float) -> str:
    """A number with three digits, and an integer below a million with all of its digits."""
    if abs(value) < 1e6 and math.isclose(value, round(value), rel_tol=1e-9, abs_tol=1e-300):
        return str(round(value))
    rounded = _DIGITS.create_decimal(value).normalize()
    if 1e-4 <= abs(value) < 1e6:
        return f"{rounded:f}"
    mantissa, exponent = f"{rounded:e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _times(factor: float) -> str:
    """A factor in words: those below 1 as what is divided by, if that is an integer."""
    inverse = 1 / factor if factor else math.inf
    if 0 < factor < 1 and inverse < 1e6 and math.isclose(inverse, round(inverse), rel_tol=1e-9):
        return f"beta / {round(inverse)}"
    return f"beta × {said(factor)}"


def weights_from_reductions(
    *,
    likelihood: str,
    image_shape: tuple[int, ...],
    latent_dim: int,
    sigma: float | None = None,
    pixels: str = "sum",
    latents: str = "sum",
    batch: str = "mean",
    kl_batch: str | int | None = None,
    weight: float = 1.0,
    recon_weight: float = 1.0,
    batch_size: int | None = None,
) -> LossWeights:
    """What a loss stands for that is described in words; arguments and errors: `effective_beta`."""
    one_of("likelihood", likelihood, LIKELIHOODS)
    values, latent_dim = math.prod(shape_of(image_shape)), integer("latent_dim", latent_dim)
    at_sigma = sigma_of(likelihood, sigma)
    for name, value in {"pixels": pixels, "latents": latents, "batch": batch}.items():
        one_of(name, value, REDUCTIONS)
    causes = []
    term = TERMS[likelihood]
    if pixels == "mean":
        causes.append(Cause(f"the {term} is averaged over the {values} values", values))
    if likelihood == "mse":
        causes.append(half_missing(at_sigma))
    if (recon_weight := positive("recon_weight", recon_weight)) != 1:
        causes.append(Cause(f"the {term} has the weight {said(recon_weight)}", 1 / recon_weight))
    if latents == "mean":
        causes.append(averaged_over_latents(latent_dim))
    across, size, power = _across_the_batch(batch, kl_batch, batch_size, term)
    causes.extend(across)
    weight = number("weight", weight, "finite and 0 or more", lambda x: 0 <= x < math.inf)
    if weight != 1:
        causes.append(Cause(f"the KL has the weight {said(weight)}", weight))
    beta = math.prod(cause.factor for cause in causes)
    return LossWeights(beta, at_sigma, tuple(causes), size, power)


def half_missing(at_sigma: float) -> Cause:
    """A squared error stands where the Gaussian has it over 2 sigma^2."""
    text = f"the squared error is not divided by 2 sigma² = {said(2 * at_sigma**2)}"
    return Cause(text, 1 / (2 * at_sigma**2))


def averaged_over_latents(latent_dim: int) -> Cause:
    """A mean where the KL has a sum."""
    return Cause(f"the KL is averaged over the {latent_dim} latents", 1 / latent_dim)


def sigma_of(likelihood: str, sigma: float | None) -> float | None:
    """The deviation that beta goes with: 1 unless another is given; none for Bernoulli pixels."""
    if likelihood != "bernoulli":
        return positive("sigma", 1.0 if sigma is None else sigma)
    if sigma is not None:
        raise ValueError(f"wanted no sigma with Bernoulli pixels, got {sigma!r}")
    return None


def _across_the_batch(batch: str, kl_batch, batch_size, term: str):
    """The causes that the batch has, the size for which they hold, and beta's power of it."""
    kl_batch = batch if kl_batch is None else kl_batch
    if kl_batch in REDUCTIONS and kl_batch == batch:
        return [], None, 0
    fixed = None if isinstance(kl_batch, str) else integer("kl_batch", kl_batch)
    if fixed is None:
        one_of("kl_batch", kl_batch, (*REDUCTIONS, "an integer"))
    if batch_size is None and fixed is None:
        raise ValueError(
            "wanted batch_size, since one term is averaged over the batch and the other is summed, "
            "got None"
        )
    size = integer("batch_size", fixed if batch_size is None else batch_size)
    if fixed is None:
        text = {
            "mean": f"the {term} is averaged over the batch and the KL summed over it",
            "sum": f"the {term} is summed over the batch and the KL averaged over it",
        }[batch]
        power = 1 if batch == "mean" else -1
        return [Cause(text, float(size) ** power)], size, power
    if batch == "mean":
        text = (
            f"the {term} is averaged over the {size} images of the batch, the KL divided by {fixed}"
        )
        return [Cause(text, size / fixed)], size, 1
    return [Cause(f"the KL is divided by {fixed}", 1 / fixed)], None, 0


def one_of(name: str, value, names) -> None:
    """Check a choice.

    Raises:
        ValueError: if it is none of the names.
    """
    if value not in names:
        raise ValueError(f"wanted {name} as one of {', '.join(names)}, got {value!r}")


def shape_of(image_shape) -> tuple[int, ...]:
    """The shape of one image: (C, H, W), (H, W), or its number of values.

    Raises:
        ValueError: if it is none.
    """
    try:
        sizes = tuple(image_shape) if hasattr(image_shape, "__len__") else (image_shape,)
        sizes = tuple(integer("image_shape", size) for size in sizes)
    except (TypeError, ValueError):
        sizes = ()
    if not sizes:
        raise ValueError(f"wanted image_shape such as (1, 28, 28) or 784, got {image_shape!r}")
    return sizes
