"""How much a loss function changes with its reconstruction term and with its KL.

The loss is asked at random reconstructions and codes, and what it answers is compared with a known
reconstruction term and with the KL. For a loss a R + b KL, a is how much it changes with R and b
how much with the KL, whatever constant it adds.
"""

import functools
import math
import warnings
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vaelib.gaussians import gaussian_kl

TOLERANCE = 1e-4  # relative: a loss may compute in float32
RECONSTRUCTIONS = {  # what a loss may make of a reconstruction and an image, per batch
    "bernoulli": lambda r, x: F.binary_cross_entropy(r, x, reduction="sum"),
    "bernoulli from logits": lambda r, x: F.binary_cross_entropy_with_logits(r, x, reduction="sum"),
    "mse": lambda r, x: (r - x).square().sum(),
    "absolute error": lambda r, x: (r - x).abs().sum(),
    "root of the squared error": lambda r, x: (r - x).square().sum().sqrt(),
}
WRONG_KLS = {  # what may stand where mu² + exp(log_var) - 1 - log_var should, apart from constants
    "log_var has the wrong sign": lambda m, v: m**2 + v.exp() + v,
    "mu is not squared": lambda m, v: m + v.exp() - v,
    "mu² is missing": lambda m, v: v.exp() - v,
    "mu² has the wrong sign": lambda m, v: -(m**2) + v.exp() - v,
    "the 1/2 is missing before mu²": lambda m, v: 2 * m**2 + v.exp() - v,
    "the 1/2 stands before mu² alone": lambda m, v: m**2 / 2 + v.exp() - v,
    "exp(log_var) is missing": lambda m, v: m**2 - v,
    "exp(log_var) has the wrong sign": lambda m, v: m**2 - v.exp() - v,
    "log_var is missing": lambda m, v: m**2 + v.exp(),
    "log_var is doubled, though it is log sigma² already": lambda m, v: m**2 + v.exp() - 2 * v,
    "log_var is halved": lambda m, v: m**2 + v.exp() - v / 2,
    "exp(log_var) is squared, though it is sigma² already": lambda m, v: m**2 + (2 * v).exp() - v,
    "sigma stands where sigma² should": lambda m, v: m**2 + (v / 2).exp() - v,
    "log_var is taken for log sigma": lambda m, v: m**2 + (2 * v).exp() - 2 * v,
    "exp is missing before log_var": lambda m, v: m**2,
    "q and p are exchanged": lambda m, v: (m**2 + 1) / v.exp() + v,
}
FROM_VARIANCE = {  # where log_var is above 0
    "log_var is taken for the variance": lambda m, v: m**2 + v - v.log(),
    "log_var is taken for sigma": lambda m, v: m**2 + v**2 - 2 * v.log(),
}


class Coefficients(NamedTuple):
    """A loss kind's a and b, for sums over values, latents and images."""

    kind: str
    recon: float
    kl: float


def coefficients(loss, shape: tuple[int, ...], latent_dim: int, batch: int) -> Coefficients:
    """How much a loss changes with the reconstruction term and with the KL.

    Args:
        loss: takes recon, x, mu and log_var.
        shape: of an image; latent_dim: D; batch: B, each as it is asked.

    Raises:
        ValueError: if it changes with something else, too.
    """
    ask = _asked(loss, shape, latent_dim, batch)
    x, recons, codes = _inputs(shape, latent_dim, batch)
    near, far = recons[-1], recons[0]  # to x
    at_code = _values(ask(recon, x, *codes[0]) for recon in recons)
    at_recon = _values(ask(near, x, *code) for code in codes)
    kind, recon = _reconstruction(at_code, recons, x)
    kl = _kl(at_recon, codes, ask, near, x)
    mixed = ask(far, x, *codes[3]) - at_recon[3] - at_code[0] + at_code[-1]
    if abs(mixed) > TOLERANCE * (at_code.std() + at_recon.std()):
        raise _other("its reconstruction term and its KL are not added")
    if recon < 0:
        turned = (
            ", and larger as the KL does: it is the bound, so give it a minus" if kl < 0 else ""
        )
        raise _other(f"it gets smaller as the reconstruction gets worse{turned}")
    if kl < 0:
        raise _other("it gets smaller as the KL grows, so the KL has the wrong sign")
    _check_gradients(ask, [far, x, *codes[3]], kl)
    return Coefficients(kind, recon, kl)


def _inputs(shape, latent_dim: int, batch: int):
    """Images, reconstructions from bad to good, and codes, in float64; the same each time."""
    random = torch.Generator().manual_seed(7)
    draw = {"generator": random, "dtype": torch.float64}
    x = 0.05 + 0.9 * torch.rand(batch, *shape, **draw)
    shares = (0.0, 0.3, 0.6, 0.9)
    recons = [s * x + (1 - s) * (0.05 + 0.9 * torch.rand(x.shape, **draw)) for s in shares]
    spreads = (0.4, 0.5, 0.8, 1.0, 1.2, 1.4, 0.6, 0.9)
    codes = [spread * torch.randn(2, batch, latent_dim, **draw) + 0.1 for spread in spreads]
    codes[0] = codes[0].abs()  # where a loss that takes a logarithm of log_var is finite, too
    return x, recons, codes


def _values(found) -> Tensor:
    return torch.tensor([float(value) for value in found], dtype=torch.float64)


def _other(reason: str) -> ValueError:
    return ValueError(f"wanted a loss a R + b KL with positive a and b, got another: {reason}")


def _asked(loss, shape, latent_dim: int, batch: int):
    """The loss as a function of images in the shape that it takes, (B, ...) or (B, P)."""
    whole, flat = (batch, *shape), (batch, math.prod(shape))
    layouts = dict.fromkeys([(whole, whole), (flat, flat), (flat, whole), (whole, flat)])
    code = torch.full((2, batch, latent_dim), 0.3, dtype=torch.float64)
    image = torch.full(whole, 0.4, dtype=torch.float64)
    errors = []
    for shapes in layouts:
        ask = functools.partial(_ask, loss, *shapes)
        try:
            one, two = (float(ask(image, image, *code)) for _ in range(2))
        except Exception as error:  # whatever a reader's function raises
            errors.append(error)
            continue
        if one != two:
            raise _other("it gives another number each time that it is asked")
        return ask
    raise ValueError(
        "wanted a function loss(recon, x, mu, log_var), got one that raises "
        f"{type(errors[0]).__name__}: {errors[0]}"
    ) from errors[0]


def _ask(loss, recon_shape, x_shape, recon, x, mu, log_var):
    """What the loss gives as one number: the first of several, the mean of one for each image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it has to say is said when it is used
        found = loss(recon.reshape(recon_shape), x.reshape(x_shape), mu, log_var)
    if isinstance(found, dict):
        found = found.get("loss", next(iter(found.values()), None))
    found = found[0] if isinstance(found, tuple | list) and len(found) else found
    found = torch.as_tensor(found)
    if found.numel() != 1 and found.shape != (len(x),):
        raise ValueError(f"wanted a loss that is one number, got shape {tuple(found.shape)}")
    return found.double().mean()


def _reconstruction(values: Tensor, recons: list[Tensor], x: Tensor) -> tuple[str, float]:
    """Which reconstruction term the loss has, and how much of it."""
    if not values.isfinite().all():
        raise _other("it is not finite for reconstructions between 0 and 1")
    if (values - values[0]).abs().max() == 0:
        raise _other("it does not change with the reconstruction")
    for kind, term in RECONSTRUCTIONS.items():
        factor = _fit(values, torch.stack([term(recon, x) for recon in recons]))
        if factor is None:
            continue
        if kind in ("absolute error", "root of the squared error"):
            raise _other(f"its reconstruction term is the {kind}")
        return kind, factor
    raise _other("its reconstruction term is neither a cross-entropy nor a squared error")


def _kl(values: Tensor, codes: list[Tensor], ask, recon: Tensor, x: Tensor) -> float:
    """How much of the KL the loss has."""
    if (values - values[0]).abs().max() == 0:
        return 0.0
    if not values.isfinite().all():
        positive = [code.abs() + 0.1 for code in codes]
        asked = _values(ask(recon, x, *code) for code in positive)
        raise _other(_name_of(asked, positive, FROM_VARIANCE) or "it is not finite")
    factor = _fit(values, torch.stack([gaussian_kl(*code).sum() for code in codes]))
    if factor is not None:
        return factor
    raise _other(
        _name_of(values, codes, WRONG_KLS)
        or "what changes with mu and log_var is not 1/2 (mu² + exp(log_var) - 1 - log_var)"
    )


def _name_of(values: Tensor, codes: list[Tensor], known: dict) -> str | None:
    for name, term in known.items():
        factor = _fit(values, torch.stack([term(*code).sum() for code in codes]))
        if factor is not None:
            return f"in its KL, {name}"
    return None


def _fit(values: Tensor, terms: Tensor) -> float | None:
    """The factor c of values = c terms + constant, or None if there is none."""
    values, terms = values - values.mean(), terms - terms.mean()
    factor = (values @ terms / (terms @ terms)).item()
    off = (values - factor * terms).norm() / values.norm()
    return factor if off < TOLERANCE else None


def _check_gradients(ask, inputs: list[Tensor], kl: float) -> None:
    """Check that training sees what the values say."""
    recon, x, mu, log_var = inputs
    given = [each.clone().requires_grad_() for each in (recon, mu, log_var)]
    with torch.enable_grad():
        value = ask(given[0], x, *given[1:])
    if not value.requires_grad:
        raise _other("it is a number without a gradient")
    slopes = torch.autograd.grad(value, given, allow_unused=True)
    wanted = {"the reconstruction": None, "mu": kl * mu, "log_var": kl * (log_var.exp() - 1) / 2}
    for (name, expected), slope in zip(wanted.items(), slopes, strict=True):
        if expected is not None and not expected.any():
            continue
        if slope is None or not slope.any():
            raise _other(f"no gradient reaches {name}")
        if expected is not None and (slope - expected).norm() > 1e-3 * expected.norm():
            raise _other(f"its gradient for {name} is not that of its KL")
