"""Sliders for every coordinate of a latent, in Jupyter: any model with a decoder, any dimension."""

import numpy as np
import torch
import traitlets
from torch import Tensor

from vaelib import plots
from vaelib.checks import integer
from vaelib.distributions import StandardNormal
from vaelib.pictures import image_of
from vaelib.widgets.base import Widget
from vaelib.widgets.traits import Numbers, WrongValue


def latent_sliders(model, ranges=(-3.0, 3.0)) -> "LatentSliders":
    """A slider for each latent coordinate, and the image that the model decodes there.

    It decodes in Python, so it takes any decoder, also one that a page could not run; and it
    needs Python, so on a page there is a picture in its place.

    Args:
        model: anything with `latent_dim`, D, and `decode`, from (1, D) to one grey image or one of
            three channels: (1, C, H, W), (1, H, W), or flattened, of the shape that
            `model.image_shape` says, or square. If it has layers that work otherwise in training,
            such as dropout, call its `eval` first. A model that takes labels comes with one:
            `model.given(label)`.
        ranges: lowest and highest value of every slider, or D such pairs.

    Returns:
        A widget whose trait `z`, a list of D numbers, can be read, set and observed.

    Raises:
        ValueError: if the model lacks one of the two or wants a label, its images are not of such
            a shape and finite, or a range is not two finite numbers, the lower one first.
    """
    return LatentSliders(model, ranges)


class LatentSliders(Widget):
    """What `latent_sliders` returns.

    Traits:
        z: the latent that is decoded. A number beyond its slider's range stands, and the slider
            shows the end of the range.
    """

    source = "latent_sliders.js"
    z = Numbers([]).tag(sync=True)
    ranges = traitlets.List().tag(sync=True)
    shape = traitlets.List().tag(sync=True)  # (H, W), or (H, W, 3) in colour
    pixels = traitlets.Bytes().tag(sync=True)

    def __init__(self, model, ranges=(-3.0, 3.0)):
        self._dimension = _latent_dim(model)
        pairs = _pairs(ranges, self._dimension)
        self._model = model
        origin = [0.0] * self._dimension
        image = _decoded(model, origin)  # refuse before anything is shown
        super().__init__(z=origin, ranges=pairs, shape=list(image.shape), pixels=_bytes(image))
        self.on_msg(lambda _, message, __: self._answer(message))

    def sample(self, generator: torch.Generator | None = None) -> None:
        """Move to a draw from the model's prior, or from N(0, I) if it has none of its own."""
        prior = self._model.prior() if hasattr(self._model, "prior") else None
        if not isinstance(prior, StandardNormal | None):
            with torch.no_grad():
                self.z = prior.sample(generator)
            return
        device = generator.device if generator is not None else "cpu"
        self.z = torch.randn(self._dimension, generator=generator, device=device)

    def reset(self) -> None:
        """Move back to the origin."""
        self.z = [0.0] * self._dimension

    def _answer(self, message) -> None:
        """Do what a button asks for."""
        if message == "sample":
            self.sample()
        elif message == "reset":
            self.reset()

    @traitlets.validate("z")
    def _check_z(self, proposal):
        if len(proposal.value) != self._dimension:
            raise WrongValue(f"wanted z as {self._dimension} numbers, got {len(proposal.value)}")
        return proposal.value

    @traitlets.observe("z")
    def _show(self, _):
        image = _decoded(self._model, self.z)
        with self.hold_sync():
            self.shape, self.pixels = list(image.shape), _bytes(image)

    def still(self):
        """The decoded image and, beside it, where the sliders stand."""
        fig, (left, right) = plots.figure(
            1, 2, width=6, height=2.6, gridspec_kw={"width_ratios": [1, 2]}
        )
        left.imshow(_decoded(self._model, self.z), cmap="gray_r", vmin=0, vmax=1)
        left.set(xticks=[], yticks=[], title="decoded at z")
        left.grid(False)
        left.spines[:].set_visible(False)
        numbers = range(1, self._dimension + 1)
        right.vlines(numbers, *zip(*self.ranges, strict=True), color="lightgray", lw=4)
        right.plot(numbers, self.z, "o", ms=9)
        right.set(xlabel="coordinate", ylabel="z")
        right.xaxis.get_major_locator().set_params(integer=True)
        alt = (
            f"An image decoded from a latent of {self._dimension} dimensions, and a slider "
            "for each of them."
        )
        return fig, alt

    def page_name(self) -> str:
        """What a page calls this widget."""
        return "latent_sliders"

    def page_state(self) -> dict:
        """Nothing: a page cannot run the model, and shows the picture alone."""
        return {}

    def __repr__(self) -> str:
        return f"LatentSliders({self._dimension} dimensions)"


def _latent_dim(model) -> int:
    dimension, decode = (getattr(model, name, None) for name in ("latent_dim", "decode"))
    if not callable(decode):
        raise ValueError(
            "wanted a model with a function `decode` and an integer `latent_dim` of 1 or more, "
            f"got {type(model).__name__} with latent_dim {dimension!r}"
        )
    if getattr(model, "takes_labels", False) and not hasattr(model, "labels"):
        raise ValueError(
            "wanted a model with its label, latent_sliders(model.given(label)), got a "
            f"{type(model).__name__} without one: vaelib.widgets.ConditionalExplorer has a choice "
            "of labels, for a latent of 2 dimensions"
        )
    return integer("latent_dim", dimension)


def _pairs(ranges, dimension: int) -> list[tuple[float, float]]:
    try:
        numbers = np.asarray(ranges, dtype=float)
        pairs = np.broadcast_to(numbers, (dimension, 2))
    except (TypeError, ValueError):
        pairs = np.empty((0, 2))
    if len(pairs) == 0 or not (np.isfinite(pairs).all() and (pairs[:, 0] < pairs[:, 1]).all()):
        raise ValueError(
            f"wanted ranges as (low, high) or {dimension} such pairs, finite and the lower one "
            f"first, got {ranges!r}"
        )
    return [(float(low), float(high)) for low, high in pairs]


def _decoded(model, z: list[float]) -> np.ndarray:
    """The image at z, (H, W) or (H, W, 3), from a decoder of any kind, on any device."""
    parameters = model.parameters() if isinstance(model, torch.nn.Module) else ()
    like = next((p for p in parameters if p.is_floating_point()), torch.empty(0, device="cpu"))
    with torch.no_grad():
        images = model.decode(like.new_tensor([z]))  # (1, D) -> (1, ...)
    if not isinstance(images, Tensor) or images.ndim < 2 or len(images) != 1:
        raise ValueError(
            f"wanted a decoder from (1, {len(z)}) to one image, (1, C, H, W), (1, H, W) or "
            f"(1, P), got {getattr(images, 'shape', type(images).__name__)}"
        )
    return image_of(images[0], getattr(model, "image_shape", None)).numpy()


def _bytes(image: np.ndarray) -> bytes:
    return (image * 255).round().astype(np.uint8).tobytes()
