"""A sheet to draw a digit on, and what the model makes of it."""

import copy

import numpy as np
import torch
import traitlets
from torch import Tensor

from vaelib import plots
from vaelib.checks import integer
from vaelib.data import check_images
from vaelib.models import VAE
from vaelib.widgets import network
from vaelib.widgets.base import Widget
from vaelib.widgets.latent_explorer import (
    check_labels,
    check_plane,
    draw_cloud,
    draw_ellipses,
    draw_image,
    extent_of,
    float32,
)
from vaelib.widgets.traits import Numbers, Pixels, Whole

SIDE = 28


class DrawDigit(Widget):
    """Draw a digit with mouse, pen, finger or keys; the encoder answers with q(z|x).

    The drawing is prepared as MNIST's digits were: its bounding box is fitted into 20 x 20 pixels
    with its aspect ratio kept, each pixel the mean of the ink that it covers; the result is moved
    by whole pixels until its centre of mass is at the centre of 28 x 28. The widget shows the image
    that comes out, q(z|x) on the latent map, and what is decoded at its mean and at draws from it.

    Traits:
        pixels: the image as 28 * 28 bytes, row by row, 0 for paper and 255 for ink.
        mu: the mean of q(z|x), two numbers, or None while nothing is drawn; read only.
        log_var: the logarithm of its variance, likewise.
        seed: fixes the draws from q(z|x).

    Pixels that are set from Python are encoded as they are. The networks are rounded to float16, as
    a page has them.

    Args:
        model: a `VAE` of 28 x 28 pixels with a latent of two dimensions.
        images: (N, ...) in [0, 1], whose means make the map; the widget starts with the first.
        labels: (N,) integers of 0 to 255.
        num_choices: how many of the images can be put on the sheet; a page carries their pixels.

    Raises:
        ValueError: if the model is of another size, a page could not run it, images and labels do
            not fit, or `pixels` is set to another number of bytes.

    Source:
        LeCun, Cortes and Burges, The MNIST database of handwritten digits,
        http://yann.lecun.com/exdb/mnist/, for the box, the aspect ratio and the centre of mass;
        Yadav and Bottou, Cold Case: the Lost MNIST Digits, section 2,
        https://arxiv.org/abs/1905.10498, for averaging over what a pixel covers.
    """

    source = "draw_digit.js"
    pixels = Pixels(bytes(SIDE**2)).tag(sync=True)
    mu = Numbers(None, allow_none=True, read_only=True).tag(sync=True)
    log_var = Numbers(None, allow_none=True, read_only=True).tag(sync=True)
    seed = Whole(1).tag(sync=True)
    extent = traitlets.Dict().tag(sync=True)
    means = traitlets.Bytes().tag(sync=True)
    labels = traitlets.Bytes().tag(sync=True)
    images = traitlets.Bytes().tag(sync=True)
    encoder = traitlets.Dict().tag(sync=True)
    decoder = traitlets.Dict().tag(sync=True)
    likelihood = traitlets.Unicode().tag(sync=True)
    sigma = traitlets.Float().tag(sync=True)

    def __init__(self, model: VAE, images: Tensor, labels: Tensor, num_choices: int = 100):
        check_plane(model)
        likelihood = network.likelihood(model)
        if model.input_dim != SIDE**2:
            raise ValueError(f"wanted a model of 28 x 28 pixels, got {model.input_dim} pixels")
        check_images(images)
        network.image_side(model, images)
        check_labels(labels, len(images))
        num_choices = integer("num_choices", num_choices)
        self._model = network.half(copy.deepcopy(model).cpu())
        with torch.no_grad():
            self._means, _ = network.gaussian(self._model, images.cpu().float())
        self._labels = labels
        choices = (images[:num_choices].flatten(1) * 255).round().to(torch.uint8)
        super().__init__(
            pixels=choices[0].cpu().numpy().tobytes(),
            extent=extent_of(self._means),
            means=float32(self._means),
            labels=labels.to(torch.uint8).cpu().numpy().tobytes(),
            images=choices.cpu().numpy().tobytes(),
            encoder=network.pack(self._model.encoder),
            decoder=network.decoder(self._model),
            **likelihood,
        )

    @traitlets.validate("pixels")
    def _check_pixels(self, proposal):
        if len(proposal.value) != SIDE**2:
            raise ValueError(f"wanted pixels as {SIDE**2} bytes, got {len(proposal.value)}")
        return proposal.value

    @traitlets.observe("pixels")
    def _encode(self, _):
        """Encode what is drawn, so that mu is there without a view, too."""
        mu = log_var = None
        if any(self.pixels):
            with torch.no_grad():
                found = network.gaussian(self._model, self._image())
                mu, log_var = (terms[0].tolist() for terms in found)
        self.set_trait("mu", mu)
        self.set_trait("log_var", log_var)

    def _image(self) -> Tensor:
        return torch.frombuffer(bytearray(self.pixels), dtype=torch.uint8)[None] / 255

    def still(self):
        """The drawing and what is rebuilt of it beside the map with its q(z|x)."""
        fig, axes = plots.figure(1, 3, width=7, height=3.2, gridspec_kw={"width_ratios": [2, 3, 2]})
        draw_image(axes[0], self._image().view(SIDE, SIDE).numpy(), "your drawing")
        draw_cloud(axes[1], self._means, self._labels)
        rebuilt = np.zeros((SIDE, SIDE))
        if self.mu is not None:
            mu, log_var = torch.tensor(self.mu), torch.tensor(self.log_var)
            draw_ellipses(axes[1], mu, (log_var / 2).exp())
            rebuilt = network.decoded_image(self._model, self.mu)
        draw_image(axes[2], rebuilt, "rebuilt from its mean")
        drawing = "A digit on a sheet" if self.mu is not None else "An empty sheet"
        alt = (
            f"{drawing}; a map of {len(self._means)} test images in the latent plane with its "
            "q(z|x) as ellipses; what the model rebuilds."
        )
        return fig, alt
