"""Two latent maps with one cursor: an autoencoder's and a VAE's."""

import copy

import torch
import traitlets
from torch import Tensor

from vaelib import plots
from vaelib.checks import integer
from vaelib.data import check_images
from vaelib.lab.holes import nearest_distance
from vaelib.models import VAE, Autoencoder
from vaelib.widgets import network
from vaelib.widgets.base import Widget
from vaelib.widgets.latent_explorer import (
    check_labels,
    check_plane,
    draw_cloud,
    draw_image,
    float32,
)
from vaelib.widgets.traits import Finite, Whole, finite_list

QUANTILE = 0.99  # the share of codes that have another one within the radius
REACH = 4.5  # standard deviations from the middle of a map to its edge
STEPS = 9  # images on the way between two


class AutoencoderVersusVAE(Widget):
    """The latent maps of an autoencoder and a VAE side by side, with one cursor on both.

    An autoencoder's codes may have any place and any size, so the same z means nothing in the two
    planes. What they share are *standardised* coordinates: a cursor at (1, -2) stands, in each
    plane, one standard deviation of its own codes right of their mean and two below it. A draw from
    N(0, I) in these coordinates is a random code of the Gaussian with the codes' mean and spread.
    The maps end at 4.5 standard deviations; the few codes beyond are not drawn.

    A place is in a hole if no code is within the radius rho of it; each plane's rho is the distance
    within which 99% of its codes have another one, in standardised coordinates. The codes are those
    of `images` alone, so fewer images make larger radii.

    The widget starts at a specimen, not at a typical place: of all points midway between two of the
    autoencoder's codes that are in no hole of the VAE's, `at` is the one deepest in a hole of the
    autoencoder's; `start` and `end` are the two images whose straight line leads deepest into the
    autoencoder's holes without entering the VAE's. How often random codes fall into holes is
    counted beside it.

    Traits:
        at: the cursor in standardised coordinates, two finite numbers.
        start, end: the numbers of the two images to walk between.
        t: how far on the way, from 0 to 1.
        seed: fixes the next random code.

    Args:
        autoencoder: an `Autoencoder` with a latent of two dimensions.
        vae: a `VAE` of the same images, also with two dimensions.
        images: (N, ...) in [0, 1], at least 3 of them.
        labels: (N,) integers of 0 to 255.
        num_choices: how many of the images can be walked between; a page carries their pixels.

    Raises:
        ValueError: if a latent has not two dimensions, a page could not run a decoder, the models
            or images and labels do not fit, or the codes of a model lie on a line along an axis.
    """

    source = "autoencoder_versus_vae.js"
    at = finite_list([0.0, 0.0])
    start = Whole(0).tag(sync=True)
    end = Whole(1).tag(sync=True)
    t = Finite(0.5).tag(sync=True)
    seed = Whole(1).tag(sync=True)
    side = traitlets.Int().tag(sync=True)
    extent = traitlets.Dict().tag(sync=True)
    labels = traitlets.Bytes().tag(sync=True)
    images = traitlets.Bytes().tag(sync=True)
    autoencoder_codes = traitlets.Bytes().tag(sync=True)
    autoencoder_frame = traitlets.Dict().tag(sync=True)
    autoencoder_decoder = traitlets.Dict().tag(sync=True)
    vae_codes = traitlets.Bytes().tag(sync=True)
    vae_frame = traitlets.Dict().tag(sync=True)
    vae_decoder = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        autoencoder: Autoencoder,
        vae: VAE,
        images: Tensor,
        labels: Tensor,
        num_choices: int = 100,
    ):
        _check_models(autoencoder, vae)
        check_images(images)
        check_labels(labels, len(images))
        side = network.image_side(vae, images)
        if len(images) < 3:
            raise ValueError(f"wanted 3 images or more, got {len(images)}")
        num_choices = integer("num_choices", num_choices, least=2)
        self._planes = {"autoencoder": _Plane(autoencoder, images), "vae": _Plane(vae, images)}
        self._labels = labels
        self._choices = (images[:num_choices].flatten(1) * 255).round().to(torch.uint8).cpu()
        planes = list(self._planes.values())
        start, end = _deepest_walk(*planes, len(self._choices))
        traits = {}
        for name, plane in self._planes.items():
            traits[f"{name}_codes"] = float32(plane.codes)
            traits[f"{name}_frame"] = plane.frame
            traits[f"{name}_decoder"] = network.decoder(plane.model)
        super().__init__(
            side=side,
            extent={"left": -REACH, "right": REACH, "bottom": -REACH, "top": REACH},
            labels=labels.to(torch.uint8).cpu().numpy().tobytes(),
            images=self._choices.numpy().tobytes(),
            at=_deepest_place(*planes, len(self._choices)),
            start=start,
            end=end,
            **traits,
        )

    @traitlets.validate("start", "end")
    def _check_choice(self, proposal):
        last = len(self._choices) - 1
        if not 0 <= proposal.value <= last:
            raise ValueError(f"wanted {proposal.trait.name} from 0 to {last}, got {proposal.value}")
        return proposal.value

    @traitlets.validate("t")
    def _check_t(self, proposal):
        if not 0 <= proposal.value <= 1:
            raise ValueError(f"wanted t from 0 to 1, got {proposal.value}")
        return proposal.value

    def still(self):
        """Both maps with the cursor, and what each model decodes there."""
        fig, axes = plots.figure(
            1, 4, width=7, height=3.2, gridspec_kw={"width_ratios": [3, 1, 3, 1]}
        )
        titles = zip(self._planes.values(), ("autoencoder", "VAE"), strict=True)
        for index, (plane, title) in enumerate(titles):
            ax, beside = axes[2 * index : 2 * index + 2]
            draw_cloud(ax, plane.standardised, self._labels)
            ax.plot(*self.at, "o", ms=9, mfc="none", mec="black", mew=2)
            ends = plane.standardised[[self.start, self.end]]
            ax.plot(*ends.T, "o-", ms=4, color="black", lw=1.2)
            ax.set(title=title, xlim=(-REACH, REACH), ylim=(-REACH, REACH))
            draw_image(beside, plane.decoded(self.at), "decoded")
        alt = (
            f"The latent maps of {len(self._labels)} images, of an autoencoder and of a VAE, in "
            "standard deviations from their means; one cursor on both and what each decodes there."
        )
        return fig, alt


class _Plane:
    """A model's codes, the frame that standardises them, and the radius of its holes."""

    def __init__(self, model: Autoencoder | VAE, images: Tensor):
        self.model = network.half(copy.deepcopy(model).cpu())
        with torch.no_grad():
            self.codes = self.model.posterior(images.cpu()).mean  # mu, if there is one
        self.mean, self.std = self.codes.mean(0), self.codes.std(0)
        if not (self.std > 0).all():
            raise ValueError(f"wanted codes that differ on both axes, got a spread of {self.std}")
        self.standardised = (self.codes - self.mean) / self.std
        self.radius = _radius(self.standardised)
        self.frame = {
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "radius": self.radius,
        }

    def emptiness(self, places: Tensor) -> Tensor:
        """The distance of each place to its nearest code, in radii: (..., 2) -> (...)."""
        distances = nearest_distance(places.flatten(0, -2), self.standardised)
        return distances.view(places.shape[:-1]) / self.radius

    def decoded(self, at: list[float]):
        """What is decoded at standardised coordinates: an image (S, S)."""
        return network.decoded_image(self.model, self.mean + self.std * torch.tensor(at))


def _radius(points: Tensor) -> float:
    """The distance within which a share of QUANTILE of the points have another one."""
    distances = torch.cdist(points, points).fill_diagonal_(torch.inf)
    return distances.amin(1).quantile(QUANTILE).item()


def _deepest_place(autoencoder: _Plane, vae: _Plane, num_choices: int) -> list[float]:
    """Midway between two of the autoencoder's codes, outside the VAE's holes, the deepest place."""
    start, end = torch.triu_indices(num_choices, num_choices, offset=1)
    places = (autoencoder.standardised[start] + autoencoder.standardised[end]) / 2
    depth = autoencoder.emptiness(places)
    depth[vae.emptiness(places) > 1] = 0
    return [round(value, 2) for value in places[depth.argmax()].tolist()]


def _deepest_walk(autoencoder: _Plane, vae: _Plane, num_choices: int) -> tuple[int, int]:
    """Of all pairs, the one whose line leads deepest into the autoencoder's holes alone."""
    start, end = torch.triu_indices(num_choices, num_choices, offset=1)
    t = torch.linspace(0, 1, STEPS)[:, None, None]
    depths = []
    for plane in (autoencoder, vae):
        lines = (1 - t) * plane.standardised[start] + t * plane.standardised[end]
        depths.append(plane.emptiness(lines).amax(0))
    depths[0][depths[1] > 1] = 0
    best = depths[0].argmax()
    return start[best].item(), end[best].item()


def _check_models(autoencoder, vae) -> None:
    for model, wanted, with_elbo in (
        (autoencoder, "an Autoencoder", False),
        (vae, "a VAE", True),
    ):
        if getattr(model, "has_elbo", None) is not with_elbo:
            raise ValueError(f"wanted {wanted}, got {type(model).__name__}")
        check_plane(model)
        network.likelihood(model)  # whose mean a page can compute
    if autoencoder.input_dim != vae.input_dim:
        raise ValueError(
            "wanted two models of the same images, got "
            f"{autoencoder.input_dim} and {vae.input_dim} pixels"
        )
