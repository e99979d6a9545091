"""The VAE as one picture, with a digit's real values on their way through it."""

import copy
import math

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from vaelib import plots
from vaelib.checks import integer
from vaelib.data import check_images
from vaelib.devices import plain_torch
from vaelib.gaussians import gaussian_kl
from vaelib.models import VAE
from vaelib.objectives import Terms
from vaelib.widgets import network
from vaelib.widgets.base import Widget
from vaelib.widgets.latent_explorer import check_plane, draw_ellipses, draw_image, float32
from vaelib.widgets.traits import Whole, WrongValue, finite_list

MOST_IMAGES = 20
PARTS = ("image", "encoder", "posterior", "draw", "decoder", "rebuilt", "loss")  # as in the js
REACH = 3.0  # of each coordinate of the noise, as its sliders have it


class LivingNetwork(Widget):
    """One image on its way through a VAE: pixels, hidden units, q(z|x), z, hidden units, pixels.

    Every value is the network's own: the last hidden layer of the encoder and the first of the
    decoder as squares, q(z|x) against the prior, the draw z = mu + sigma * eps on q's ellipses, and
    both terms of the loss for this draw. A part that is chosen says what it does. The networks
    are rounded to float16, as a page has them.

    Traits:
        chosen: the number of the image that goes through it.
        eps: the noise of the draw, two numbers from -3 to 3.
        part: what is explained, one of `vaelib.widgets.living_network.PARTS`.

    Args:
        model: a `VAE` with a latent of two dimensions and at least one hidden layer each way.
        images: (N, ...) in [0, 1], 1 to 20 of them.

    Raises:
        ValueError: if the model is of another size, a page could not run it, the images do not fit,
            or a trait is set to something else.
    """

    source = "living_network.js"
    chosen = Whole(0).tag(sync=True)
    eps = finite_list([0.8, -0.6])
    part = traitlets.Unicode("image").tag(sync=True)
    side = traitlets.Int().tag(sync=True)
    images = traitlets.Bytes().tag(sync=True)
    hidden = traitlets.Bytes().tag(sync=True)
    mu = traitlets.Bytes().tag(sync=True)
    log_var = traitlets.Bytes().tag(sync=True)
    decoder = traitlets.Dict().tag(sync=True)
    likelihood = traitlets.Unicode().tag(sync=True)
    sigma = traitlets.Float().tag(sync=True)

    def __init__(self, model: VAE, images: Tensor, **traits):
        check_plane(model)
        likelihood = network.likelihood(model)
        check_images(images)
        side = network.image_side(model, images)
        if not 1 <= len(images) <= MOST_IMAGES:
            raise ValueError(f"wanted 1 to {MOST_IMAGES} images, got {len(images)}")
        _check_layers(model)
        self._model = network.half(copy.deepcopy(model).cpu().float())
        self._pixels = (images.detach().cpu().float().flatten(1) * 255).round()
        with torch.no_grad():
            mu, log_var = network.gaussian(self._model, self._pixels / 255)
            hidden = _hidden_part(self._model.encoder)(self._pixels / 255)
        super().__init__(
            side=side,
            images=self._pixels.to(torch.uint8).numpy().tobytes(),
            hidden=float32(hidden),
            mu=float32(mu),
            log_var=float32(log_var),
            decoder=network.decoder(self._model),
            **likelihood,
            **traits,
        )

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal):
        return integer("chosen", proposal.value, 0, len(self._pixels) - 1)

    @traitlets.validate("eps")
    def _check_eps(self, proposal):
        if max(map(abs, proposal.value)) > REACH:
            raise WrongValue(f"wanted eps from {-REACH:g} to {REACH:g}, got {proposal.value}")
        return proposal.value

    @traitlets.validate("part")
    def _check_part(self, proposal):
        if proposal.value not in PARTS:
            raise ValueError(f"wanted part as one of {', '.join(PARTS)}, got {proposal.value!r}")
        return proposal.value

    @plain_torch(gradients=False)
    def _values(self):
        """Of the chosen image: mu, sigma, the draw, and the decoder's hidden units and pixels."""
        image = self._pixels[self.chosen : self.chosen + 1] / 255
        mu, log_var = network.gaussian(self._model, image)
        sigma = (log_var / 2).exp()
        z = mu + sigma * torch.tensor([self.eps])
        answer = _first_part(self._model.decoder)(z)
        return mu[0], sigma[0], z[0], answer[0], self._model.decode(z)[0]

    @property
    def terms(self) -> Terms:
        """Both terms of the chosen image's ELBO, in nats, the first estimated from this draw."""
        image = self._pixels[self.chosen : self.chosen + 1] / 255
        with plain_torch(gradients=False):
            mu, log_var = network.gaussian(self._model, image)
            z = mu + (log_var / 2).exp() * torch.tensor([self.eps])
            log_p = self._model.likelihood(z).log_prob(image)
            return Terms(log_p.item(), gaussian_kl(mu, log_var).item())

    def still(self):
        """The parts in a row, from the image to what is rebuilt of it."""
        mu, sigma, z, answer, rebuilt = self._values()
        hidden = np.frombuffer(self.hidden, "<f4").reshape(len(self._pixels), -1)[self.chosen]
        fig, axes = plots.figure(1, 6, width=8, height=1.9)
        draw_image(axes[0], _square(self._pixels[self.chosen] / 255), "image x")
        draw_image(axes[1], _square(torch.tensor(hidden), relative=True), "hidden units")
        _draw_posterior(axes[2], mu, sigma)
        _draw_draw(axes[3], mu, sigma, z)
        draw_image(axes[4], _square(answer, relative=True), "hidden units")
        draw_image(axes[5], _square(rebuilt.flatten()), "rebuilt")
        alt = (
            "From left to right: an image, the hidden units of the encoder, its q(z|x) against the "
            "prior in both directions, a draw z on the ellipses of q, the hidden units of the "
            f"decoder, and the image that it rebuilds. -ELBO is {-self.terms.elbo:.1f} nats."
        )
        return fig, alt


def _check_layers(model) -> None:
    """Refuse networks that a page could not run, or without a hidden layer to show.

    Raises:
        ValueError: if one of them is no chain of at least two linear layers.
    """
    for name in ("encoder", "decoder"):
        found = sum(isinstance(part, nn.Linear) for part in getattr(model, name).children())
        network.pack(getattr(model, name))
        if found < 2:
            raise ValueError(
                f"wanted the {name} with a hidden layer, that is two linear layers or more, "
                f"got {found}"
            )


def _hidden_part(encoder: nn.Sequential) -> nn.Sequential:
    """An encoder up to its last hidden layer, with what follows that."""
    return encoder[: max(i for i, part in enumerate(encoder) if isinstance(part, nn.Linear))]


def _first_part(decoder: nn.Sequential) -> nn.Sequential:
    """A decoder's first hidden layer, with the activation behind it, if there is one."""
    return decoder[: 1 if isinstance(decoder[1], nn.Linear) else 2]


def _square(values: Tensor, relative: bool = False) -> np.ndarray:
    """Values row by row in a square, the last row filled up with zeros; relative to the largest."""
    side = math.ceil(math.sqrt(values.numel()))
    square = torch.zeros(side * side)
    largest = values.abs().max().item() if relative else 1.0
    square[: values.numel()] = values.detach().abs() / (largest or 1.0)
    return square.view(side, side).numpy()


def _draw_posterior(ax, mu: Tensor, sigma: Tensor) -> None:
    """q(z|x) in each direction, filled, over the prior's curve; each as high as the other."""
    z = np.linspace(-4, 4, 400)
    for d in range(2):
        base = 1.2 * (1 - d)
        ax.plot(z, base + np.exp(-(z**2) / 2), color=plots.LINE, lw=1)
        peak = np.exp(-(((z - mu[d].item()) / sigma[d].item()) ** 2) / 2)
        ax.fill_between(z, base, base + peak, color=plots.PALETTE[0])
    ax.set(xticks=[], yticks=[], title="q(z|x)", box_aspect=1)
    ax.grid(False)


def _draw_draw(ax, mu: Tensor, sigma: Tensor, z: Tensor) -> None:
    """The draw on the ellipses of q, with room for every noise that the sliders have."""
    draw_ellipses(ax, mu, sigma)
    ax.plot(*z, "o", color=plots.PALETTE[6])
    reach = 3.25 * sigma.max().item()
    (x, y) = mu.tolist()
    ax.set(xlim=(x - reach, x + reach), ylim=(y - reach, y + reach), box_aspect=1)
    ax.set(xticks=[], yticks=[], title="z")
    ax.grid(False)
