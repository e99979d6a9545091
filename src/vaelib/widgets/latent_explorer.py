"""A map of the latent space in which a point is moved and its image follows."""

import copy
import math

import torch
import traitlets
from torch import Tensor

from vaelib import plots
from vaelib.checks import integer
from vaelib.data import check_images
from vaelib.models import VAE
from vaelib.objectives import elbo_terms
from vaelib.widgets import network
from vaelib.widgets.base import Widget
from vaelib.widgets.traits import Whole, finite_list

DRAWS = 1000  # of z for each image's reconstruction loss


class LatentExplorer(Widget):
    """The latent map of images coloured by label; move z and see what the model decodes there.

    A click on one of the first `num_choices` images, or its number, chooses it: the widget then
    shows the image, its mean, the ellipses one and two standard deviations around it, what the
    model rebuilds of it, and its two loss terms, the reconstruction loss as a mean over 1,000 draws
    from q(z|x). The networks are rounded to float16, as a page has them.

    Traits:
        z: the point that is decoded, two finite numbers.
        chosen: the number of the chosen image.

    Args:
        model: a `VAE` with a latent of two dimensions.
        images: (N, ...) in [0, 1], such as the first 2,000 of the test set.
        labels: (N,) integers of 0 to 255.
        num_choices: how many of the images can be chosen; a page carries their pixels.

    Raises:
        ValueError: if the model's latent has not two dimensions, a page could not run its decoder,
            or images and labels do not fit.
    """

    source = "latent_explorer.js"
    z = finite_list([0.0, 0.0])
    chosen = Whole(0).tag(sync=True)
    side = traitlets.Int().tag(sync=True)
    extent = traitlets.Dict().tag(sync=True)
    means = traitlets.Bytes().tag(sync=True)
    log_var = traitlets.Bytes().tag(sync=True)
    reconstruction_loss = traitlets.Bytes().tag(sync=True)
    labels = traitlets.Bytes().tag(sync=True)
    images = traitlets.Bytes().tag(sync=True)
    decoder = traitlets.Dict().tag(sync=True)
    likelihood = traitlets.Unicode().tag(sync=True)
    sigma = traitlets.Float().tag(sync=True)

    def __init__(self, model: VAE, images: Tensor, labels: Tensor, num_choices: int = 100):
        check_plane(model)
        likelihood = network.likelihood(model)
        check_images(images)
        check_labels(labels, len(images))
        side = network.image_side(model, images)
        num_choices = integer("num_choices", num_choices)
        self._model = network.half(copy.deepcopy(model).cpu())
        images, self._labels = images.cpu().float(), labels.cpu()
        self._choices = choices = images[:num_choices].flatten(1)
        with torch.no_grad():
            self._mu, self._log_var = mu, log_var = network.gaussian(self._model, images)
            generator = torch.Generator().manual_seed(0)
            terms = elbo_terms(self._model, choices, DRAWS, generator)
        super().__init__(
            side=side,
            extent=extent_of(mu),
            means=float32(mu),
            log_var=float32(log_var[:num_choices]),
            reconstruction_loss=float32(-terms.reconstruction),
            labels=self._labels.to(torch.uint8).numpy().tobytes(),
            images=(choices * 255).round().to(torch.uint8).numpy().tobytes(),
            decoder=network.decoder(self._model),
            **likelihood,
            z=mu[0].tolist(),
        )

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal):
        if not 0 <= proposal.value < len(self._choices):
            raise ValueError(
                f"wanted chosen from 0 to {len(self._choices) - 1}, got {proposal.value}"
            )
        return proposal.value

    def still(self):
        """The map with the chosen image's ellipses, and what is decoded at z beside it."""
        fig, (left, right) = plots.figure(
            1, 2, width=7, height=4.2, gridspec_kw={"width_ratios": [3, 1]}
        )
        draw_cloud(left, self._mu, self._labels)
        draw_ellipses(left, self._mu[self.chosen], (self._log_var[self.chosen] / 2).exp())
        left.plot(*self.z, "o", ms=11, mfc="none", mec="black", mew=2)
        draw_image(right, network.decoded_image(self._model, self.z), "decoded at z")
        alt = (
            f"A map of {len(self._mu)} images in the latent plane, coloured by label, "
            "a point z on it and, beside it, the image decoded there."
        )
        return fig, alt


def check_plane(model) -> None:
    """What every widget with a latent plane asks of its model, unless it has a choice of labels.

    Raises:
        ValueError: if its latent has not two dimensions, or it takes labels.
    """
    if getattr(model, "takes_labels", False):
        raise ValueError(
            f"wanted a model without labels, got a {type(model).__name__}: "
            "vaelib.widgets.ConditionalExplorer shows what it decodes at z for each label"
        )
    check_two_dimensions(model)


def check_two_dimensions(model) -> None:
    """What every widget with a latent plane asks of its model.

    Raises:
        ValueError: if its latent has not two dimensions.
    """
    if getattr(model, "latent_dim", None) != 2:
        raise ValueError(
            "wanted a model with a latent of 2 dimensions, got "
            f"{getattr(model, 'latent_dim', type(model).__name__)}: "
            "vaelib.widgets.latent_sliders moves any number of them, in Jupyter"
        )


def check_labels(labels: Tensor, count: int) -> None:
    """What a map that is coloured by label asks of its labels.

    Raises:
        ValueError: if they are not `count` integers of 0 to 255.
    """
    if not isinstance(labels, Tensor):
        raise ValueError(f"wanted labels as a tensor, got a {type(labels).__name__}")
    if labels.shape != (count,) or labels.is_floating_point():
        raise ValueError(
            f"wanted {count} integer labels, one an image, got {labels.dtype} "
            f"of shape {tuple(labels.shape)}"
        )
    if count and not (labels.min() >= 0 and labels.max() <= 255):
        raise ValueError(
            f"wanted labels from 0 to 255, got {labels.min().item()} to {labels.max().item()}"
        )


def draw_cloud(ax, points: Tensor, labels: Tensor) -> None:
    """Points of the latent plane, (N, 2), coloured by label, (N,), on axes of one scale."""
    colors = [plots.PALETTE[label % 10] for label in labels.tolist()]
    ax.scatter(*points.T, s=4, c=colors, alpha=0.55, linewidths=0)
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")


def draw_ellipses(ax, mean: Tensor, sigma: Tensor) -> None:
    """The ellipses one and two standard deviations around a diagonal Gaussian: (2,), (2,)."""
    angle = torch.linspace(0, 2 * math.pi, 100)
    for count, style in ((1, "-"), (2, "--")):
        ring = mean[:, None] + count * sigma[:, None] * torch.stack([angle.cos(), angle.sin()])
        ax.plot(*ring, style, color="black", lw=1.2)


def draw_image(ax, image, title: str) -> None:
    """One image, (S, S) in [0, 1], ink dark on light."""
    ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[], title=title)
    ax.grid(False)


def extent_of(means: Tensor, margin: float = 0.05) -> dict[str, float]:
    """The rectangle that holds all means, (N, 2), with a margin: left, right, bottom, top."""
    low, high = means.amin(0), means.amax(0)
    room = margin * (high - low).clamp(min=1e-3)
    (left, bottom), (right, top) = (low - room).tolist(), (high + room).tolist()
    return {"left": left, "right": right, "bottom": bottom, "top": top}


def float32(numbers: Tensor) -> bytes:
    """A tensor as little-endian float32."""
    return numbers.detach().cpu().numpy().astype("<f4").tobytes()
