"""The true posterior of a model with a latent plane, on a grid, and the best Gaussian for it."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vaelib.checks import integer, positive
from vaelib.devices import plain_torch
from vaelib.evaluation import check_has_likelihood
from vaelib.gaussians import widened
from vaelib.models.base import to_weights
from vaelib.networks import evaluating, unwrapped

POINTS = 4096  # of the grid, decoded at once
PART = 16  # images whose grids are looked at together
CUT_OFF = 1e-4  # share of a posterior that may lie in the outermost cells
COARSE = 0.5  # nats between sums over every second cell; the whole is good to 0.001, if smooth


class GridPosterior(NamedTuple):
    """p(z|x) of B images on a grid of G x G cells; from `grid_posterior`.

    `axis` has the centres of the cells along each coordinate, (G,); `log_density[n, i, j]` is
    log p(z|x) of image n at z = (axis[i], axis[j]), (B, G, G) nats; `log_likelihood` is log p(x),
    (B,) nats.
    """

    axis: Tensor
    log_density: Tensor
    log_likelihood: Tensor

    def kl(self, mu: Tensor, log_var: Tensor) -> Tensor:
        """KL(q(z|x) || p(z|x)) of q = N(mu, diag(exp(log_var))): (B, 2), (B, 2) -> (B,) nats.

        What `log_likelihood` exceeds the ELBO of this q by.

        Raises:
            ValueError: if mu and log_var are not (B, 2), or a q is not well inside the grid or is
                narrower than its cells, so that the grid cannot hold it.
        """
        wanted = (len(self.log_likelihood), 2)
        if mu.shape != wanted or log_var.shape != wanted:
            shapes = f"{tuple(mu.shape)} and {tuple(log_var.shape)}"
            raise ValueError(f"wanted mu and log_var of shape {wanted}, got {shapes}")
        sigma, step, edge = (log_var / 2).exp(), self._step(), self._edge()
        lost = ~((sigma > 0.6 * step) & (mu.abs() + 4 * sigma < edge)).all(1)  # true for NaN
        if lost.any():
            first = int(lost.nonzero()[0])
            raise ValueError(
                f"wanted q within {edge:g} of zero by 4 sigma, and sigma above 0.6 cells of "
                f"{step:.3g}; got mu {mu[first].tolist()}, sigma {sigma[first].tolist()}"
            )
        return self._kl(mu, log_var)

    @plain_torch(gradients=False)
    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and log-variances of the true posterior: (B, 2), (B, 2)."""
        marginals = []
        for log_density in self.log_density.split(PART):
            density = log_density.exp() * self._step() ** 2
            marginals.append(torch.stack([density.sum(2), density.sum(1)], 1))
        marginals = torch.cat(marginals)  # (B, 2, G)
        mean = marginals @ self.axis
        deviation = self.axis - mean.unsqueeze(-1)
        return mean, (marginals * deviation.square()).sum(-1).log()

    @plain_torch(gradients=False)
    def best_gaussian(self, steps: int = 200) -> tuple[Tensor, Tensor]:
        """The diagonal Gaussian of highest ELBO for each image: mu (B, 2), log_var (B, 2).

        Adam goes down KL(q || p(z|x)) twice, from the moments of the posterior and from its
        highest point with the curvature there, and the better of the two ends is kept. With more
        than one mode a better one may be left out.

        Raises:
            ValueError: if steps is below 1.

        Source:
            Cremer, Li and Duvenaud, Inference Suboptimality in Variational Autoencoders, section
            3.1, https://arxiv.org/abs/1801.03558
        """
        steps = integer("steps", steps)
        ends = [self._descend(*start, steps) for start in (self.moments(), self._laplace())]
        kls = torch.stack([self._kl(*end) for end in ends])  # (2, B)
        best = (kls[1] < kls[0]).unsqueeze(-1)
        (mu, log_var), (other_mu, other_log_var) = ends
        return torch.where(best, other_mu, mu), torch.where(best, other_log_var, log_var)

    def _kl(self, mu: Tensor, log_var: Tensor) -> Tensor:
        """Minus entropy minus the mean of log p(z|x), a sum over both axes in turn."""
        sigma = (log_var / 2).exp().unsqueeze(-1)
        eps = (self.axis - mu.unsqueeze(-1)) / sigma  # (B, 2, G)
        q = torch.softmax(-0.5 * eps.square(), -1)
        mean = (q[:, :1] @ self.log_density @ q[:, 1:].mT).flatten()
        entropy = 0.5 * (log_var + math.log(2 * math.pi) + 1).sum(1)
        return -entropy - mean

    @plain_torch(gradients=True)
    def _descend(self, mu: Tensor, log_var: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        mu, log_var = mu.detach(), log_var.detach()
        sigma = (log_var / 2).exp()
        moves = torch.zeros_like(torch.stack([mu, log_var]))  # of mu in sigmas, and of log_var
        moves.requires_grad_()
        optimizer = torch.optim.Adam([moves], lr=0.1)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
        for _ in range(steps):
            optimizer.zero_grad()
            self._kl(mu + sigma * moves[0], log_var + moves[1]).sum().backward()
            optimizer.step()
            schedule.step()
        moves = moves.detach()
        return mu + sigma * moves[0], log_var + moves[1]

    @plain_torch(gradients=False)
    def _laplace(self) -> tuple[Tensor, Tensor]:
        """The highest cell, and along each axis the variance of a parabola through it."""
        side = len(self.axis)
        place = self.log_density.flatten(1).argmax(1)
        inner = [index.clamp(1, side - 2) for index in (place // side, place % side)]
        row, column = inner
        n = torch.arange(len(place), device=place.device)
        here = self.log_density[n, row, column]
        around = [
            (self.log_density[n, row - 1, column], self.log_density[n, row + 1, column]),
            (self.log_density[n, row, column - 1], self.log_density[n, row, column + 1]),
        ]
        curvature = torch.stack([2 * here - low - high for low, high in around], 1)
        log_var = -(curvature / self._step() ** 2).clamp(min=1).log()  # the prior's at most
        return torch.stack([self.axis[index] for index in inner], 1), log_var

    def _step(self) -> float:
        return (self.axis[-1] - self.axis[0]).item() / (len(self.axis) - 1)

    def _edge(self) -> float:
        return self.axis[-1].item() + self._step() / 2


@plain_torch(gradients=False)
def grid_posterior(model, images: Tensor, edge: float = 6.0, side: int = 400) -> GridPosterior:
    """log p(x) and p(z|x) of a model with two latent coordinates, by a sum over the plane.

    The plane is cut into side x side cells from -edge to edge, and the integral of p(x|z) p(z) is
    the sum over their centres: near exact once a cell is no wider than a smooth posterior. That of
    a decoder with ReLUs has kinks; its sum converges as a power of the cell's width.

    Args:
        model: a `VAE` or a `LinearVAE`; only its decoder is asked.
        images: (B, ...); of 0 and 1 if the model's pixels are Bernoulli.
        edge: half the width of the square, in standard deviations of the prior.
        side: G, cells along each coordinate, an even number; B times its square are kept.

    Raises:
        ValueError: if the model has not two latent coordinates or no likelihood for these images,
            edge or side is out of range, a posterior reaches the edge of the grid, or the cells
            are too coarse for it.
    """
    model = unwrapped(model)
    check_has_likelihood(model, images)
    edge, side = positive("edge", edge), integer("side", side)
    _check_grid(model, side)
    images = widened(to_weights(model, images))
    like = {"dtype": images.dtype, "device": images.device}
    axis = (torch.arange(side, **like) + 0.5) * (2 * edge / side) - edge
    log_density = torch.empty(len(images), side * side, **like)
    with evaluating(model):
        for part in torch.arange(side * side, device=images.device).split(POINTS):
            z = torch.stack([axis[part // side], axis[part % side]], 1)
            log_density[:, part[0] : part[-1] + 1] = _log_joint(model, images.flatten(1), z)
    log_likelihood = torch.cat([row.logsumexp(1) for row in log_density.split(PART)])
    log_likelihood += 2 * math.log(2 * edge / side)
    log_density = log_density.sub_(log_likelihood.unsqueeze(1)).view(-1, side, side)
    posterior = GridPosterior(axis, log_density, log_likelihood)
    _check_edges(posterior)
    _check_cells(posterior)
    return posterior


def _log_joint(model, pixels: Tensor, z: Tensor) -> Tensor:
    """log p(x|z) + log p(z) of each image at each point: (B, P), (points, 2) -> (B, points)."""
    z = z.to(next(model.parameters()).dtype)
    log_prior = widened(model.prior().log_prob(z))
    return widened(model.likelihood(z).log_prob_of_each(pixels)) + log_prior


def _check_grid(model, side: int) -> None:
    if model.latent_dim != 2:
        raise ValueError(f"wanted a model with latent_dim 2, got {model.latent_dim}")
    if side < 4 or side % 2:
        raise ValueError(f"wanted side as an even number of 4 or more, got {side}")


def _check_edges(posterior: GridPosterior) -> None:
    shares = []
    for log_density in posterior.log_density.split(PART):
        density = log_density.exp() * posterior._step() ** 2
        shares.append(density.sum((1, 2)) - density[:, 1:-1, 1:-1].sum((1, 2)))
    at_edge = torch.cat(shares)
    worst = int(at_edge.argmax())
    if at_edge[worst] > CUT_OFF:
        raise ValueError(
            f"wanted a grid that holds every posterior, got one to {posterior._edge():g} with "
            f"{at_edge[worst]:.2g} of image {worst} in its outermost cells: raise edge"
        )


def _check_cells(posterior: GridPosterior) -> None:
    """Every second point of each axis is a grid too; there are four, and they must agree."""
    half = len(posterior.axis) // 2
    # With a step h and a Gaussian of sigma s the relative error of a sum is 2 exp(-2 (pi s / h)^2),
    # so that half the step has the fourth power of it.
    parts = torch.cat(
        [
            log_density.view(-1, half, 2, half, 2).logsumexp((1, 3)).flatten(1)
            for log_density in posterior.log_density.split(PART)
        ]
    )
    spread = parts.amax(1) - parts.amin(1)
    worst = int(spread.argmax())
    if spread[worst] > COARSE:
        raise ValueError(
            f"wanted cells finer than every posterior, got {2 * half} a side, and sums "
            f"over every second of them differ by {spread[worst]:.2g} nats for image {worst}: "
            "raise side"
        )
