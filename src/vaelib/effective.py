"""The beta of a loss that is described, or measured if it is given as a function.

How the two terms of a function change with the number of values, of latents and of images says over
what it averages.
"""

import math

from vaelib.checks import integer
from vaelib.loss_probe import TOLERANCE, Coefficients, coefficients
from vaelib.loss_scale import (
    LIKELIHOODS,
    TERMS,
    Cause,
    LossWeights,
    averaged_over_latents,
    half_missing,
    one_of,
    said,
    shape_of,
    sigma_of,
    weights_from_reductions,
)

BATCH, OTHER_BATCH = 5, 8  # images that a function is asked with
USUAL_BATCH = 128  # for which beta is told if it changes with the batch and nobody says a size


def effective_beta(
    loss=None,
    *,
    image_shape,
    latent_dim,
    likelihood=None,
    sigma=None,
    batch_size=None,
    **reductions,
) -> LossWeights:
    """Which beta, and which decoder sigma, a VAE's loss stands for, with the reasons.

    The loss is given by its reductions or as a function. Up to a factor, which moves no minimum, it
    is R + beta KL, where R is minus log p(x|z) summed over the values of an image, and the KL is
    summed over the latents; beta = 1 is minus the ELBO. With Gaussian pixels beta has a sigma:
    R is the squared error over 2 sigma^2, and the same loss is minus the ELBO at sigma sqrt(beta),
    the result's `sigma`. A plain squared error ("mse") is told at sigma 1, where R is half of it: a
    sum of squares beside the KL is beta 1/2 at sigma 1, and an ELBO with sigma^2 = 1/2.

    Args:
        loss: None, or a function `loss(recon, x, mu, log_var)` that gives a number; what it
            averages is then measured, and no reductions are given.
        image_shape: of one image as the loss takes it, such as (1, 28, 28) or 784.
        latent_dim: the dimension of the latents, D.
        likelihood: "bernoulli" (cross-entropy), "gaussian" (squared error over 2 sigma^2, with the
            reductions below) or "mse" (plain squared error). A function needs none; if one is
            given, it is an error to find another.
        sigma: of the Gaussian, 1 if none is given.
        batch_size: B, which counts only if beta changes with it.
        pixels: "sum" or "mean", over the values of an image.
        latents: "sum" or "mean", over the latents in the KL.
        batch: "mean" or "sum", over the images.
        kl_batch: the same for the KL, if it differs, or an integer by which its sum is divided.
        weight: before the KL.
        recon_weight: before the reconstruction term.

    Raises:
        ValueError: if an argument is none of these, or the function is no loss of this form: the
            message then says in what it differs.

    Source:
        Higgins et al., beta-VAE, https://openreview.net/forum?id=Sy2fzU9gl, also for a beta that is
        normalised by sizes.

    >>> effective_beta(likelihood="mse", pixels="mean", image_shape=(3, 64, 64), latent_dim=128,
    ...                weight=0.00025).beta
    1.536
    >>> import torch
    >>> def loss(recon, x, mu, log_var):
    ...     kl = -0.5 * (1 + log_var - mu**2 - log_var.exp()).mean()
    ...     return torch.nn.functional.binary_cross_entropy(recon, x) + kl
    >>> effective_beta(loss, image_shape=784, latent_dim=2)
    beta = 392: the cross-entropy is averaged over the 784 values (beta × 784), \
the KL is averaged over the 2 latents (beta / 2).
    """
    if likelihood is not None:
        one_of("likelihood", likelihood, LIKELIHOODS)
    if loss is None:
        if likelihood is None:
            raise ValueError("wanted a likelihood, or a loss function, got neither")
        reductions |= {"sigma": sigma, "batch_size": batch_size}
        return weights_from_reductions(
            likelihood=likelihood, image_shape=image_shape, latent_dim=latent_dim, **reductions
        )
    if not callable(loss) or reductions:
        given = ", ".join(reductions) if callable(loss) else repr(loss)
        raise ValueError(f"wanted a function loss(recon, x, mu, log_var) and no more, got {given}")
    shape, latent_dim = shape_of(image_shape), integer("latent_dim", latent_dim)
    size = USUAL_BATCH if batch_size is None else integer("batch_size", batch_size)
    return _measured(loss, shape, latent_dim, likelihood, sigma, size)


def _measured(loss, shape, latent_dim, likelihood, sigma, batch_size) -> LossWeights:
    base = coefficients(loss, shape, latent_dim, BATCH)
    kind = "bernoulli" if base.kind.startswith("bernoulli") else "mse"
    wanted = "mse" if likelihood == "gaussian" else likelihood
    if wanted not in (None, kind):
        raise ValueError(f"wanted a loss with a {TERMS[wanted]}, got one with a {TERMS[kind]}")
    at_sigma, values = sigma_of(kind, sigma), math.prod(shape)
    sizes = {"B": BATCH, "D": latent_dim, "P": values}
    others = {
        "B": (OTHER_BATCH / BATCH, shape, latent_dim, OTHER_BATCH),
        "D": ((latent_dim + 3) / latent_dim, shape, latent_dim + 3, BATCH),
        "P": (2, (2 * shape[0], *shape[1:]), latent_dim, BATCH),
    }
    powers = {name: _powers(base, loss, *other) for name, other in others.items()}
    recon = _Factor(base.recon, sizes, {name: power[0] for name, power in powers.items()})
    kl = _Factor(base.kl, sizes, {name: power[1] for name, power in powers.items()})
    half = 1 if kind == "bernoulli" else 1 / (2 * at_sigma**2)  # of R, in the squared error
    power = kl.powers["B"] - recon.powers["B"]
    beta = base.kl / base.recon * half * (batch_size / BATCH) ** power
    causes = (
        *_reconstruction_causes(recon, kind, values, at_sigma),
        *_kl_causes(kl, values, latent_dim),
        *_batch_causes(recon.powers["B"], kl.powers["B"], TERMS[kind], batch_size),
        *_weight_causes(kl),
    )
    size = batch_size if power else None
    return LossWeights(beta, at_sigma, tuple(c for c in causes if c.factor != 1), size, power)


def _powers(base: Coefficients, loss, ratio: float, shape, latent_dim, batch) -> tuple[int, int]:
    """By which powers of a size a and b go, from their values at another one; 0 if it has none."""
    try:
        other = coefficients(loss, shape, latent_dim, batch)
    except ValueError:
        return 0, 0  # a function for one size alone
    found = []
    for one, two in ((base.recon, other.recon), (base.kl, other.kl)):
        power = math.log(two / one) / math.log(ratio) if two * one > 0 else 0.0
        found.append(round(power) if abs(power - round(power)) < 0.01 else 0)
    return found[0], found[1]


class _Factor:
    """A term's factor in the loss: a number times powers of the sizes."""

    def __init__(self, value: float, sizes: dict[str, int], powers: dict[str, int]):
        self._value, self._sizes, self.powers = value, sizes, powers

    @property
    def rest(self) -> float:
        """What the powers leave of it."""
        sizes = math.prod(self._sizes[name] ** power for name, power in self.powers.items())
        return self._value / sizes

    def divide_by_values(self, known) -> bool:
        """Decide whether the number of values divides it; a number in the code may be meant by it.

        `known` says whether the rest is one that needs no other reason.
        """
        for power in (0, -1):
            changed = _Factor(self._value, self._sizes, self.powers | {"P": power})
            if known(changed.rest):
                self.powers = changed.powers
                break
        return self.powers["P"] == -1


def _is(value: float, wanted: float) -> bool:
    return math.isclose(value, wanted, rel_tol=TOLERANCE)


def _is_one_of(value: float, *wanted: float) -> bool:
    return any(_is(value, each) for each in wanted)


def _is_typed(value: float) -> bool:
    """Whether somebody would write it as it is, such as 0.00025 or 1.5."""
    return _is(value, float(f"{value:.2g}"))


def _is_share(value: float) -> bool:
    """Whether it is 1 / n for an integer n that may be a size."""
    return 0 < value < 0.5 and 1 / value < 1e5 and _is(1 / value, round(1 / value))


def _reconstruction_causes(recon: _Factor, kind: str, values: int, at_sigma):
    term, usual = TERMS[kind], (1.0, 0.5) if kind == "mse" else (1.0,)
    if recon.divide_by_values(lambda rest: _is_one_of(rest, *usual)):
        yield Cause(f"the {term} is averaged over the {values} values", values)
    rest = recon.rest
    if kind == "mse" and _is(rest, 0.5):
        rest = 1.0
        text = f"the squared error is divided by 2, and not by 2 sigma² = {said(2 * at_sigma**2)}"
        yield Cause(text, 1 / at_sigma**2)
    elif kind == "mse":
        yield half_missing(at_sigma)
    if not _is(rest, 1):
        yield Cause(f"the {term} has the weight {said(rest)}", 1 / rest)


def _kl_causes(kl: _Factor, values: int, latent_dim: int):
    if kl.powers["D"] == -1:
        yield averaged_over_latents(latent_dim)
    if kl.rest == 0:
        return
    if not kl.powers["P"] and _is_typed(kl.rest):
        return  # a weight
    if kl.divide_by_values(lambda rest: _is_one_of(rest, 1, 2, 0.5) or _is_share(rest)):
        yield Cause(f"the KL is divided by the {values} values of an image", 1 / values)


def _batch_causes(of_recon: int, of_kl: int, term: str, batch_size: int):
    if of_recon != of_kl:
        words = {-1: "averaged over the batch", 0: "not"}
        one, two = (words.get(n, "divided by another power of B") for n in (of_recon, of_kl))
        text = f"the {term} is {one} and the KL is {two}"
        yield Cause(text, float(batch_size) ** (of_kl - of_recon))


def _weight_causes(kl: _Factor):
    rest = kl.rest
    if _is(rest, 1):
        return
    if _is(rest, 2):
        yield Cause("the KL is twice too large: its 1/2 is missing, or it is counted twice", rest)
    elif _is(rest, 0.5):
        yield Cause("the KL is half as large: its 1/2 stands there twice, or is a weight", rest)
    elif _is_share(rest) and not _is_typed(rest):
        yield Cause(f"the KL is divided by {round(1 / rest)}", rest)
    else:
        yield Cause(f"the KL has the weight {said(rest)}", rest)
