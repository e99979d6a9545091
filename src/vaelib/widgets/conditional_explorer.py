"""A plane of styles and a choice of labels: what a decoder makes of both."""

import copy

import torch
import traitlets
from matplotlib.patches import Circle

from vaelib import plots
from vaelib.models import ConditionalVAE
from vaelib.widgets import network
from vaelib.widgets.base import Widget
from vaelib.widgets.latent_explorer import check_two_dimensions, draw_image
from vaelib.widgets.traits import Whole, WrongValue, finite_list

REACH = 3  # standard deviations of the prior from the middle of the plane to its edge
IN_STILL = 10  # labels, at most


class ConditionalExplorer(Widget):
    """Move z in the plane of styles, choose a label y, and see the image of both.

    Below stand the images of all labels at the same z: what they share is what z says, and what
    tells them apart is y. A click on one of them chooses its label. The plane reaches three
    standard deviations of p(z) = N(0, I) to each side; its circles are one and two. The decoder is
    rounded to float16, as a page has it.

    Traits:
        z: the point that is decoded, two finite numbers.
        label: y, from 0 to `model.num_labels - 1`.

    Args:
        model: a `ConditionalVAE` with a latent of two dimensions, for grey square images.
        label: see the traits.
        z: see the traits.

    Raises:
        ValueError: if the model takes no labels, or came with its labels fixed; if its latent has
            not two dimensions; if a page could not run its decoder or draw its images; or if label
            or z is out of range.
    """

    source = "conditional_explorer.js"
    z = finite_list([0.0, 0.0])
    label = Whole(0).tag(sync=True)
    num_labels = traitlets.Int().tag(sync=True)
    side = traitlets.Int().tag(sync=True)
    decoder = traitlets.Dict().tag(sync=True)

    def __init__(self, model: ConditionalVAE, label: int = 0, z=(0.0, 0.0)):
        _check_labelled(model)
        check_two_dimensions(model)
        network.likelihood(model)  # whose mean a page can compute
        side = network.image_side(model)
        self._model = network.half(copy.deepcopy(model).cpu())
        super().__init__(
            num_labels=model.num_labels,
            side=side,
            decoder=network.decoder(self._model, model.num_labels),
            label=label,
            z=z,
        )

    @traitlets.validate("label")
    def _check_label(self, proposal):
        last = self._model.num_labels - 1
        if not 0 <= proposal.value <= last:
            raise WrongValue(f"wanted label from 0 to {last}, got {proposal.value}")
        return proposal.value

    def still(self):
        """The plane with z, the image of z and the label, and below it that of each label."""
        labels = range(min(self.num_labels, IN_STILL))
        fig, (left, middle, right) = plots.figure(
            1, 3, width=7, height=3.6, gridspec_kw={"width_ratios": [3, 2.4, 1.1]}
        )
        for radius in (1, 2):
            left.add_patch(Circle((0, 0), radius, fill=False, color="gray", lw=1))
        left.plot(*self.z, "o", ms=11, mfc="none", mec="black", mew=2)
        left.set(xlabel="$z_1$", ylabel="$z_2$", xlim=(-REACH, REACH), ylim=(-REACH, REACH))
        left.set_aspect("equal")
        draw_image(middle, self._decoded(self.label), f"y = {self.label}")
        images = torch.stack([torch.from_numpy(self._decoded(label)) for label in labels])
        draw_image(right, plots.image_grid(images[:, None], columns=2, gap=2).numpy(), "each y")
        for ax in (middle, right):
            ax.spines[:].set_visible(False)
        alt = (
            f"A plane of z1 and z2 with a point at ({self.z[0]:g}, {self.z[1]:g}); beside it the "
            f"image decoded there for the label {self.label}, and those of {len(labels)} labels at "
            "the same point."
        )
        return fig, alt

    def _decoded(self, label: int):
        """What is decoded at z for a label: (side, side) in [0, 1]."""
        return network.decoded_image(self._model.given(label), self.z)


def _check_labelled(model) -> None:
    """Refuse a model that takes no label behind z, or no other one any more."""
    name = type(model).__name__
    if not getattr(model, "takes_labels", False):
        raise ValueError(
            f"wanted a model that takes labels, a vaelib.ConditionalVAE, got {name}: "
            "vaelib.widgets.LatentExplorer shows what one without labels decodes at z"
        )
    if hasattr(model, "labels"):
        raise ValueError(
            "wanted the model itself, whose label the reader chooses, got one of which the labels "
            "are given: vaelib.widgets.latent_sliders moves z in it, in Jupyter"
        )
