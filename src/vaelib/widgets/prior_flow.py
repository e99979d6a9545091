"""Noise on its way to a learned prior, and what is decoded of it before and after."""

import copy

import numpy as np
import torch
import traitlets
from torch import Tensor

from vaelib import plots
from vaelib.checks import integer, random_seed
from vaelib.data import check_images
from vaelib.models import VAE
from vaelib.widgets import network
from vaelib.widgets.base import Widget
from vaelib.widgets.latent_explorer import check_labels, check_plane, draw_cloud, extent_of
from vaelib.widgets.traits import Finite, Numbers, Whole, WrongValue

MOST_DRAWS = 1000
COLUMNS, SHOWN = 4, 24  # of the draws that are decoded
EDGE = 3.0  # of the noise, which the map has room for at least


class PriorFlow(Widget):
    """A slider moves draws from N(0, I), at t = 0, to the prior that a flow has learned, at t = 1.

    They move over the codes of images, a draw from q(z|x) each, coloured by label; of the first 24
    is shown what is decoded at t = 0 and at t, and the way that they have come.

    The flow works on standardised codes u, of which the prior's are z = middle + spread * u. On the
    way, the widget changes from the one to the other in proportion to t, z = t * middle + (1 - t +
    t * spread) * u, so that the points at t = 0 are draws from N(0, I) in the model's own plane.
    Between two steps of the flow they move on a straight line. Flow and decoder are rounded to
    float16, as a page has them.

    Traits:
        t: how far on the way, from 0 to 1.
        eps: the noise, two finite numbers for each of 1 to 1000 draws, one draw after the other.
        seed: which draws the button made last; it makes those of the next one.

    Args:
        model: a `VAE` with a latent of two dimensions and a `LatentFlow` as its prior.
        images: (N, ...) in [0, 1], such as the first 2,000 of the test set.
        labels: (N,) integers of 0 to 255.
        num_draws: how many draws there are at first.
        t: see the traits.
        seed: of these draws, and of those from q(z|x).

    Raises:
        ValueError: if the model's prior is no flow, its latent has not two dimensions, a page could
            not run its flow or decoder, images and labels do not fit, or a number is out of range.
    """

    source = "prior_flow.js"
    t = Finite(1.0).tag(sync=True)
    eps = Numbers([0.0, 0.0], 2, 2 * MOST_DRAWS).tag(sync=True)
    seed = Whole(0).tag(sync=True)
    side = traitlets.Int().tag(sync=True)
    extent = traitlets.Dict().tag(sync=True)
    codes = traitlets.Bytes().tag(sync=True)
    labels = traitlets.Bytes().tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    flow = traitlets.Dict().tag(sync=True)
    decoder = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model: VAE,
        images: Tensor,
        labels: Tensor,
        num_draws: int = 200,
        t: float = 1.0,
        seed: int = 0,
    ):
        check_plane(model)
        _check_flow(model)
        network.likelihood(model)  # whose mean a page can compute
        check_images(images)
        check_labels(labels, len(images))
        side = network.image_side(model, images)
        generator = torch.Generator().manual_seed(random_seed(seed))
        num_draws = integer("num_draws", num_draws)
        if num_draws > MOST_DRAWS:
            raise ValueError(f"wanted num_draws of at most {MOST_DRAWS}, got {num_draws}")
        eps = torch.randn(2 * num_draws, generator=generator, dtype=torch.float64, device="cpu")
        self._model = network.half(copy.deepcopy(model).cpu())
        q = self._model.posterior(images.cpu().float())
        self._codes, self._labels = q.sample(generator).half().float(), labels.cpu()
        flow = self._model.prior()
        room = torch.tensor([[-EDGE, -EDGE], [EDGE, EDGE]])
        super().__init__(
            side=side,
            extent=extent_of(torch.cat([self._codes, room])),
            codes=self._codes.numpy().astype("<f2").tobytes(),
            labels=self._labels.to(torch.uint8).numpy().tobytes(),
            frame={
                "middle": flow.middle.tolist(),
                "spread": flow.spread.tolist(),
                "steps": flow.num_steps,
            },
            flow=network.pack(flow.net),
            decoder=network.decoder(self._model),
            eps=[round(number, 3) for number in eps.tolist()],
            t=t,
            seed=seed,
        )

    @traitlets.validate("t")
    def _check_t(self, proposal):
        if not 0 <= proposal.value <= 1:
            raise WrongValue(f"wanted t from 0 to 1, got {proposal.value}")
        return proposal.value

    @traitlets.validate("eps")
    def _check_eps(self, proposal):
        if len(proposal.value) % 2:
            raise WrongValue(
                f"wanted eps as two numbers for each draw, got {len(proposal.value)} numbers"
            )
        return proposal.value

    @property
    @torch.no_grad()
    def z(self) -> Tensor:
        """Where the draws are at t, (K, 2), in the order of `eps`."""
        return self._at(self.t, self._model.prior().way(self._noise()))

    def _noise(self) -> Tensor:
        return torch.tensor(self.eps).view(-1, 2)

    def _at(self, t: float, way: list[Tensor]) -> Tensor:
        """The draws at t, (K, 2), from their places after each step."""
        flow = self._model.prior()
        before = min(int(t * flow.num_steps), flow.num_steps - 1)
        u = torch.lerp(way[before], way[before + 1], t * flow.num_steps - before)
        return t * flow.middle + (1 - t + t * flow.spread) * u

    def still(self):
        """The codes with the draws and their way on them, and two grids of what is decoded."""
        fig, (left, *grids) = plots.figure(
            1, 3, width=7, height=4, gridspec_kw={"width_ratios": [2.2, 1, 1]}
        )
        draw_cloud(left, self._codes, self._labels)
        left.collections[0].set_alpha(0.25)
        way = self._model.prior().way(self._noise())
        now = self._at(self.t, way)
        times = np.linspace(0, self.t, 21)
        trails = torch.stack([self._at(float(time), way) for time in times])
        left.plot(*trails[:, :SHOWN].unbind(2), color="black", lw=0.6, alpha=0.5)
        left.plot(*now[SHOWN:].T, ".", color="black", ms=3)
        left.plot(*now[:SHOWN].T, "o", color="black", mec="white", ms=5)
        box = self.extent
        left.set(xlim=(box["left"], box["right"]), ylim=(box["bottom"], box["top"]))
        left.set_title(f"t = {self.t:.2f}")
        for ax, z, title in zip(
            grids, (self._noise(), now), ("t = 0", f"t = {self.t:.2f}"), strict=True
        ):
            images = self._model.decode(z[:SHOWN]).view(-1, 1, self.side, self.side)
            ax.imshow(plots.image_grid(images, COLUMNS, 2).numpy(), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[], title=title)
            ax.grid(False)
            ax.spines[:].set_visible(False)
        alt = (
            f"{len(now)} draws at t = {self.t:.2f} on their way from noise to the learned prior, "
            f"on a map of {len(self._codes)} codes coloured by label. Beside it what is "
            "decoded of the same draws at t = 0 and now."
        )
        return fig, alt


def _check_flow(model) -> None:
    """Refuse a model whose prior is no flow, or is none yet."""
    prior = model.prior() if hasattr(model, "prior") else None
    if not hasattr(prior, "velocity"):
        raise ValueError(
            f"wanted a model whose prior is a vaelib.LatentFlow, got a {type(model).__name__} with "
            f"{type(prior).__name__}: a vaelib.LatentFlowVAE learns one"
        )
    if prior.latent_dim != 2:
        raise ValueError(f"wanted a flow of 2 dimensions, got {prior.latent_dim}")
