"""The same noise under every mean and deviation, and the way that the gradient takes back."""

import math

import numpy as np
import torch
import traitlets

from vaelib import checks, plots
from vaelib.widgets.base import Widget
from vaelib.widgets.gaussian_kl import check_deviation
from vaelib.widgets.traits import Finite, Numbers, Switch, Whole, finite_list

MOST_DRAWS = 1000  # more lines are one grey field


class Reparameterization(Widget):
    """Draws of eps ~ N(0, 1), where z = mu + sigma * eps puts them, and the gradient of f(z) = z^2.

    The widget joins each eps to its z, shows the graph of one chosen draw with the derivatives on
    it, and the pathwise gradient, averaged over the draws, beside the exact one. With `direct`, z
    is sampled and not made from eps: it stays where it landed, and no gradient reaches mu or sigma.

    Traits:
        mu, sigma: mean and standard deviation of z, finite, and sigma above 0.
        eps: the noise, a list of 1 to 1000 finite numbers.
        chosen: the number of the draw in the graph, from 0.
        direct: whether z is sampled directly.
        drawn_with: the mu and sigma that the direct draws of z were made with.
        seed: which draws the button made last; it draws those of the next one.

    Args:
        mu: see the traits.
        sigma: see the traits.
        eps: the noise; without it, ten draws.
        seed: of these ten.

    Raises:
        ValueError: if a number is not finite, sigma not above 0, or chosen no draw.
    """

    source = "reparameterization.js"
    mu = Finite(1.0).tag(sync=True)
    sigma = Finite(0.5).tag(sync=True)
    eps = Numbers([0.0], 1, MOST_DRAWS).tag(sync=True)
    chosen = Whole(0).tag(sync=True)
    direct = Switch(False).tag(sync=True)
    drawn_with = finite_list([1.0, 0.5]).tag(sync=True)
    seed = Whole(0).tag(sync=True)

    def __init__(self, mu: float = 1.0, sigma: float = 0.5, eps=None, seed: int = 0):
        if eps is None:
            generator = torch.Generator().manual_seed(checks.random_seed(seed))
            eps = torch.randn(10, generator=generator, dtype=torch.float64, device="cpu")
        super().__init__(mu=mu, sigma=sigma, eps=eps, drawn_with=[mu, sigma], seed=seed)

    @traitlets.validate("sigma")
    def _check_sigma(self, proposal):
        return check_deviation(proposal.value)

    @traitlets.validate("drawn_with")
    def _check_drawn_with(self, proposal):
        check_deviation(proposal.value[1])
        return proposal.value

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal):
        if not 0 <= proposal.value < len(self.eps):
            raise ValueError(f"wanted chosen from 0 to {len(self.eps) - 1}, got {proposal.value}")
        return proposal.value

    @traitlets.observe("eps")
    def _choose_one_that_is_there(self, _):
        if self.chosen >= len(self.eps):
            self.chosen = len(self.eps) - 1

    @traitlets.observe("direct", "eps")
    def _note_what_z_is_drawn_with(self, _):
        self.drawn_with = [self.mu, self.sigma]

    @property
    def z(self) -> list[float]:
        """The draws of z as they are now, in the order of `eps`."""
        mean, deviation = self.drawn_with if self.direct else (self.mu, self.sigma)
        return [mean + deviation * eps for eps in self.eps]

    def still(self):
        """Both axes, with the densities and the lines from each eps to its z."""
        fig, ax = plots.figure(width=6, height=4)
        at = np.linspace(-6, 6, 601)
        for base, side, mean, deviation in ((1, 1, 0, 1), (0, -1, self.mu, self.sigma)):
            bell = np.exp(-0.5 * ((at - mean) / deviation) ** 2)
            bell = bell / (deviation * math.sqrt(2 * math.pi))
            ax.fill_between(at, base, base + side * bell, alpha=0.25, color=plots.PALETTE[0])
        for eps, z in zip(self.eps, self.z, strict=True):
            if not self.direct:
                ax.plot([eps, z], [1, 0], "o-", color=plots.PALETTE[0], lw=1, ms=5)
            else:
                ax.plot(z, 0, "o", color=plots.PALETTE[0], ms=5)
        ax.set(xlim=(-6, 6), yticks=[0, 1], xlabel="$z$ below, $\\epsilon$ above")
        ax.set_yticklabels([r"$z = \mu + \sigma\epsilon$", r"$\epsilon$"])
        alt = (
            f"{len(self.eps)} draws of eps on an axis, each joined to z = mu + sigma eps on "
            f"another, for mu = {self.mu:g} and sigma = {self.sigma:g}."
        )
        if self.direct:
            alt = f"{len(self.eps)} draws of z on an axis, sampled directly: no line leads to them."
        return fig, alt
