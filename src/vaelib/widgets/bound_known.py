"""What is known of one datum in a latent plane: log p(x), p(z|x), and ELBO and gap of any q.

Each datum has a window of the plane, around its posterior and in a unit of its own, in which q can
be moved.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelib.devices import plain_torch
from vaelib.gaussians import gaussian_kl
from vaelib.lab.posterior import GridPosterior
from vaelib.models import LinearGaussian

VIEW = 7  # units from the middle of a window to its edge; as in js/bound_known.js, like the others
REACH = 5  # units that the mean of q can be moved to each side
NARROWEST, WIDEST = 1 / 3, 2.5  # deviations of q, in units
GRID = 15.5  # units from the middle of the grid to its edge: a little more than REACH + 4 * WIDEST
CELLS = 72  # of the grid along each axis
PLANE, COARSE = 6.0, 0.1  # the square in which posteriors are looked for first, and its cells
ELSEWHERE = 1e-3  # share of a posterior that may lie beyond its grid
STEPS = 100  # down to the best Gaussian


class Gaussian(NamedTuple):
    """A diagonal q in the plane: its mean and its standard deviations."""

    mu: tuple[float, float]
    sigma: tuple[float, float]


class Terms(NamedTuple):
    """log p(x) = elbo + gap, nats; the three are computed apart."""

    log_likelihood: float
    elbo: float
    gap: float

    def __str__(self) -> str:
        """The sum as a reader sees it; the ELBO is rounded so that it comes out."""
        whole, gap = round(self.log_likelihood, 2), abs(round(self.gap, 2))
        return f"ELBO {whole - gap:.2f} + gap {gap:.2f} = log p(x) {whole:.2f}"


class Known:
    """What a linear model's datum and an image share: the window, and what can be shown in it.

    Attributes:
        name: of the datum, for the reader.
        centre: the middle of the window, the mean of the posterior.
        unit: of the window, the geometric mean of the posterior's standard deviations.
        best: the diagonal Gaussian of highest ELBO.
        encoder: the encoder's q, or None if there is none, or it is not within the window.
    """

    best: Gaussian
    encoder: Gaussian | None = None

    def __init__(self, name: str, mean: Tensor, sigma: Tensor):
        self.name = name
        self.centre, self._sigma = gaussian(mean.tolist(), sigma.tolist())
        self.unit = _rounded(math.sqrt(math.prod(self._sigma)))

    def _take(self, best: Gaussian) -> None:
        """Take what was found to be the best q.

        Raises:
            ValueError: if it lies beyond the window.
        """
        self.best = best
        if not self.holds(best):
            (one, other), (x, y) = self._sigma, best.sigma
            raise ValueError(
                "wanted a posterior of one hill that is neither thin nor tilted too much, got that "
                f"of {self.name} with deviations {one:.3g} and {other:.3g}, and {x:.3g} and "
                f"{y:.3g} of the best Gaussian"
            )

    @property
    def middle(self) -> Tensor:
        """The middle of the window, (2,)."""
        return torch.tensor(self.centre, dtype=torch.float64)

    @property
    def start(self) -> Gaussian:
        """A q beside the posterior, and too wide along one axis."""
        (x, y), unit = self.centre, self.unit
        return gaussian((x + 2 * unit, y - 1.5 * unit), (1.2 * unit, 2 * unit))

    def holds(self, q: Gaussian) -> bool:
        """Whether q can be moved there, but for the last digits."""
        far = max(abs(at - middle) for at, middle in zip(q.mu, self.centre, strict=True))
        widths = [each / self.unit for each in q.sigma]
        near = far / self.unit <= REACH * (1 + 1e-4)
        return near and NARROWEST * (1 - 1e-4) <= min(widths) <= max(widths) <= WIDEST * (1 + 1e-4)

    def range_of(self, name: str) -> str:
        """In words, within what mu or sigma can be moved."""
        if name == "sigma":
            return f"from {NARROWEST * self.unit:.3g} to {WIDEST * self.unit:.3g}"
        x, y = self.centre
        return f"within {REACH * self.unit:.3g} of ({x:.3g}, {y:.3g}) in each coordinate"

    @property
    def view(self) -> list[tuple[float, float]]:
        """From where to where the window reaches, along each axis."""
        return [(at - VIEW * self.unit, at + VIEW * self.unit) for at in self.centre]

    def for_page(self) -> dict:
        """What a page needs of it, ready for JSON."""
        shown = {"best": self.best, "start": self.start, "encoder": self.encoder}
        told = {name: q and {"mu": [*q.mu], "sigma": [*q.sigma]} for name, q in shown.items()}
        return {"name": self.name, "centre": [*self.centre], "unit": self.unit, **told}


class KnownLinear(Known):
    """A datum of a `LinearGaussian`, of which everything has a closed form.

    Args:
        model: with two latent coordinates, in float64.
        x: the datum, (1, P).
    """

    def __init__(self, model: LinearGaussian, x: Tensor):
        weights, self._model, self._x = model.weights, model, x
        self._m = weights.T @ weights + model.sigma**2 * torch.eye(2, dtype=torch.float64)
        (self._nu,), covariance = model.posterior(x)  # of p(z|x): N(nu, s^2 / M)
        deviations = covariance.diagonal().sqrt()
        super().__init__("linear-Gaussian model", self._nu, deviations)
        narrowed = model.sigma / self._m.diagonal().sqrt()
        self._take(gaussian(self._nu.tolist(), narrowed.tolist()))

    def terms(self, q: Gaussian) -> Terms:
        """log p(x), the ELBO and the gap of q.

        Source:
            The equations elbo-terms and elbo-gap of the chapter on the ELBO.
        """
        model, noise = self._model, self._model.sigma**2
        mu, sigma = torch.tensor(q, dtype=torch.float64)
        errors = (self._x[0] - model.mean - model.weights @ mu).square().sum()
        spread = sigma.square() @ model.weights.square().sum(0)
        constant = model.input_dim * math.log(2 * math.pi * noise)
        elbo = -0.5 * ((errors + spread) / noise + constant) - gaussian_kl(mu, 2 * sigma.log())
        off, ratio = mu - self._nu, sigma.square() / noise
        widths = (self._m.diagonal() * ratio - ratio.log() - 1).sum()
        gap = 0.5 * (off @ self._m @ off / noise + widths - self._m.logdet())
        return Terms(model.log_likelihood(self._x).item(), elbo.item(), gap.item())

    def log_density(self) -> tuple[Tensor, Tensor]:
        """Places along each axis, (2, G), and log p(z|x) there, (G, G), but for a constant."""
        axis = cells(VIEW * self.unit, 2 * CELLS)
        off = torch.cartesian_prod(axis, axis) + self.middle - self._nu
        density = -0.5 * ((off @ self._m) * off).sum(1) / self._model.sigma**2
        return axis + self.middle[:, None], density.view(len(axis), -1)

    def for_page(self) -> dict:
        """As all, and the model with its datum."""
        model = self._model
        numbers = {"weights": model.weights, "bias": model.mean, "x": self._x[0]}
        listed = {name: each.tolist() for name, each in numbers.items()}
        return super().for_page() | listed | {"noise": model.sigma}


class KnownImage(Known):
    """An image of a model with a latent plane: sums over a grid around its posterior.

    Args:
        model: in float64.
        image: (1, P).
        number: of the image.
        about: roughly the mean and the deviations of its posterior, (2,) and (2,).

    Raises:
        ValueError: if the best q lies beyond the window.
    """

    def __init__(self, model, image: Tensor, number: int, about: tuple[Tensor, Tensor]):
        self._model, self._image, self.number = model, image, number
        middle, sigma = about
        for count in (CELLS // 2, CELLS):  # closer and closer around it
            posterior, _ = self._on_grid(middle, 6 * sigma.max().item(), count)
            off, log_var = (each[0] for each in posterior.moments())
            middle, sigma = middle + off, (log_var / 2).exp()
        super().__init__(f"image {number}", middle, sigma)
        self._posterior, self._likelihood = self._on_grid(self.middle, GRID * self.unit, CELLS)
        self.log_likelihood = self._posterior.log_likelihood.item()
        mu, log_var = self._posterior.best_gaussian(STEPS)
        self._take(gaussian((self.middle + mu[0]).tolist(), (log_var[0] / 2).exp().tolist()))

    def _on_grid(self, middle: Tensor, half: float, count: int) -> tuple[GridPosterior, Tensor]:
        """p(z|x) on a grid whose middle it takes for zero, and log p(x|z), (G, G)."""
        axis = cells(half, count)
        z = torch.cartesian_prod(axis, axis) + middle
        likelihood = self._model.likelihood(z).log_prob_of_each(self._image)  # (1, G * G)
        joint = likelihood + self._model.prior().log_prob(z)
        whole = joint.logsumexp(1) + 2 * math.log(2 * half / count)
        density = (joint - whole).view(1, count, count)
        return GridPosterior(axis, density, whole), likelihood.view(count, count)

    def terms(self, q: Gaussian) -> Terms:
        """log p(x), the ELBO and the gap of q."""
        mu, sigma = torch.tensor(q, dtype=torch.float64)
        off, log_var = mu - self.middle, 2 * sigma.log()
        gap = self._posterior.kl(off[None], log_var[None]).item()
        eps = (self._posterior.axis - off[:, None]) / sigma[:, None]
        first, second = torch.softmax(-0.5 * eps.square(), 1)  # q in the cells of each axis
        elbo = first @ self._likelihood @ second - gaussian_kl(mu, log_var)
        return Terms(self.log_likelihood, elbo.item(), gap)

    def log_density(self) -> tuple[Tensor, Tensor]:
        """Places along each axis, (2, G), and log p(z|x) there, (G, G)."""
        return self._posterior.axis + self.middle[:, None], self._posterior.log_density[0]

    def for_page(self) -> dict:
        """As all, and the number of the image."""
        return super().for_page() | {"image": self.number}


@plain_torch(gradients=False)
def known_linear(model: LinearGaussian, x: Tensor) -> KnownLinear:
    """What is known of a datum, (1, P), in float64 on the CPU."""
    weights, mean, x = (each.detach().cpu().double() for each in (model.weights, model.mean, x))
    return KnownLinear(LinearGaussian(weights, mean, model.sigma), x)


@plain_torch(gradients=False)
def known_images(model, images: Tensor, encoders: list[Gaussian]) -> list[KnownImage]:
    """What is known of each image, (N, P), of a model whose weights become float64.

    Raises:
        ValueError: if a posterior is no single hill of the plane.
    """
    axis = cells(PLANE, round(2 * PLANE / COARSE)).float()
    places = torch.cartesian_prod(axis, axis)
    parts = [
        model.likelihood(part).log_prob_of_each(images) + model.prior().log_prob(part)
        for part in places.split(4096)
    ]
    joints, places = torch.cat(parts, 1).double(), places.double()  # (N, places), (places, 2)
    model.double()
    found = []
    for number, (joint, encoder) in enumerate(zip(joints, encoders, strict=True)):
        share = torch.softmax(joint, 0)
        mean = share @ places
        sigma = (share @ (places - mean).square()).sqrt().clamp(min=COARSE)
        known = KnownImage(model, images[number : number + 1].double(), number, (mean, sigma))
        known.encoder = encoder if known.holds(encoder) else None
        check_that_all_is_there(known, places, joint)
        found.append(known)
    return found


def check_that_all_is_there(known: KnownImage, places: Tensor, joint: Tensor) -> None:
    """No more than a thousandth of a posterior may lie beyond its grid.

    Args:
        known: with the grid.
        places: in cells of `COARSE`, (N, 2).
        joint: log p(x, z) at them, (N,).

    Raises:
        ValueError: if it does.
    """
    edge = GRID * known.unit
    far = ((places - known.middle).abs() > edge).any(1)
    beyond = joint.where(far, -math.inf).logsumexp(0).item() + 2 * math.log(COARSE)
    share = math.exp(min(beyond - known.log_likelihood, 0))
    if share > ELSEWHERE:
        x, y = known.centre
        raise ValueError(
            f"wanted images whose posterior is a single hill in the plane, got {known.name} with "
            f"{share:.2g} of it farther than {edge:.2g} from its mean at ({x:.2f}, {y:.2f})"
        )


def cells(half: float, count: int) -> Tensor:
    """The middles of as many cells from -half to half."""
    return (torch.arange(count, dtype=torch.float64) + 0.5) * (2 * half / count) - half


def gaussian(mu, sigma) -> Gaussian:
    """A q of two numbers each, with the digits that a page gets."""
    return Gaussian(*(tuple(_rounded(number) for number in each) for each in (mu, sigma)))


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")
