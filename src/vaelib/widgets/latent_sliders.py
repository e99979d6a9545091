"""Sliders for every coordinate of a latent, in Jupyter: any model with a decoder, any dimension."""

import base64
import io
import math

import ipywidgets
import numpy as np
import PIL.Image
import torch
import traitlets
from torch import Tensor

from vaelib import plots
from vaelib.widgets.base import Finite, with_still

SHOWN_SIDE = 200  # CSS pixels of the decoded image


def latent_sliders(model, ranges=(-3.0, 3.0)) -> "LatentSliders":
    """A slider for each latent coordinate, and the image that the model decodes there.

    It decodes in Python, so it takes any decoder, also one that a page could not run; and it
    needs Python, so on a page there is a picture in its place.

    Args:
        model: anything with `latent_dim`, D, and `decode`, from (1, D) to one square image of one
            channel, flattened or not. If it has layers that work otherwise in training, such as
            dropout, call its `eval` first.
        ranges: lowest and highest value of every slider, or D such pairs.

    Returns:
        A widget whose trait `z`, a list of D numbers, can be read, set and observed.

    Raises:
        ValueError: if the model lacks one of the two, its images are not square and finite, or a
            range is not two finite numbers, the lower one first.
    """
    return LatentSliders(model, ranges)


class LatentSliders(ipywidgets.VBox):
    """What `latent_sliders` returns.

    Traits:
        z: the latent that is decoded. A number beyond its slider's range stands, and the slider
            shows the end of the range.
    """

    z = traitlets.List(Finite())

    def __init__(self, model, ranges=(-3.0, 3.0)):
        dimension = _latent_dim(model)
        pairs = _pairs(ranges, dimension)
        self._model, self._dimension, self._following = model, dimension, False
        _decoded(model, [0.0] * dimension)  # refuse before anything is shown
        self._sliders = [
            _slider(f"z{number}", low, high) for number, (low, high) in enumerate(pairs, start=1)
        ]
        for index, slider in enumerate(self._sliders):
            slider.observe(lambda change, index=index: self._moved(index, change.new), "value")
        sample = ipywidgets.Button(description="sample from the prior", layout={"width": "auto"})
        sample.on_click(lambda _: self.sample())
        reset = ipywidgets.Button(description="reset", layout={"width": "auto"})
        reset.on_click(lambda _: self.reset())
        self._picture = ipywidgets.HTML()  # ipywidgets.Image has no alternative text
        scrolling = {"max_height": "22rem", "overflow": "hidden auto", "flex": "1 1 18rem"}
        scrolled = ipywidgets.VBox(self._sliders, layout=scrolling)
        row = ipywidgets.HBox([self._picture, scrolled], layout={"flex_flow": "row wrap"})
        super().__init__([row, ipywidgets.HBox([sample, reset])], z=[0.0] * dimension)

    def sample(self, generator: torch.Generator | None = None) -> None:
        """Move to a draw from the prior, N(0, I)."""
        self.z = torch.randn(self._dimension, generator=generator).tolist()

    def reset(self) -> None:
        """Move back to the origin."""
        self.z = [0.0] * self._dimension

    @traitlets.validate("z")
    def _check_z(self, proposal):
        if len(proposal.value) != self._dimension:
            raise traitlets.TraitError(
                f"wanted z as {self._dimension} numbers, got {len(proposal.value)}"
            )
        return proposal.value

    @traitlets.observe("z")
    def _follow(self, _):
        """Put the sliders where z is; they do not answer."""
        self._following = True
        try:
            for slider, value in zip(self._sliders, self.z, strict=True):
                slider.value = min(max(value, slider.min), slider.max)
        finally:
            self._following = False
        self._show()

    def _moved(self, index: int, value: float) -> None:
        if not self._following:
            self.z = [*self.z[:index], value, *self.z[index + 1 :]]

    def _show(self) -> None:
        data = base64.b64encode(_png(_decoded(self._model, self.z))).decode()
        at = ", ".join(f"{value:.2f}" for value in self.z)
        self._picture.value = (
            f'<img src="data:image/png;base64,{data}" alt="Image decoded at z = ({at})" '
            f'width="{SHOWN_SIDE}" height="{SHOWN_SIDE}" style="image-rendering: pixelated">'
        )

    def still(self):
        """The decoded image and, beside it, where the sliders stand."""
        fig, (left, right) = plots.figure(
            1, 2, width=6, height=2.6, gridspec_kw={"width_ratios": [1, 2]}
        )
        left.imshow(_decoded(self._model, self.z).numpy(), cmap="gray_r", vmin=0, vmax=1)
        left.set(xticks=[], yticks=[], title="decoded at z")
        left.grid(False)
        left.spines[:].set_visible(False)
        numbers = range(1, self._dimension + 1)
        lows, highs = ([getattr(s, end) for s in self._sliders] for end in ("min", "max"))
        right.vlines(numbers, lows, highs, color="lightgray", lw=4)
        right.plot(numbers, self.z, "o", ms=9)
        right.set(xlabel="coordinate", ylabel="z")
        right.xaxis.get_major_locator().set_params(integer=True)
        alt = (
            f"An image decoded from a latent of {self._dimension} dimensions, and a slider "
            "for each of them."
        )
        return fig, alt

    def _repr_mimebundle_(self, **options):
        return with_still(self, super()._repr_mimebundle_(**options), "latent_sliders", {})

    def __repr__(self) -> str:
        return f"LatentSliders({self._dimension} dimensions)"


def _latent_dim(model) -> int:
    dimension, decode = (getattr(model, name, None) for name in ("latent_dim", "decode"))
    if not (isinstance(dimension, int) and dimension >= 1 and callable(decode)):
        raise ValueError(
            "wanted a model with a function `decode` and an integer `latent_dim` of 1 or more, "
            f"got {type(model).__name__} with latent_dim {dimension!r}"
        )
    return dimension


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


def _slider(name: str, low: float, high: float) -> ipywidgets.FloatSlider:
    return ipywidgets.FloatSlider(
        value=min(max(0.0, low), high),
        min=low,
        max=high,
        step=(high - low) / 200,
        description=name,
        readout_format=".2f",
        layout={"width": "auto", "min_height": "2rem"},
    )


def _decoded(model, z: list[float]) -> Tensor:
    """The image at z, (S, S), from a decoder of any kind, on any device."""
    parameters = list(model.parameters()) if isinstance(model, torch.nn.Module) else []
    like = parameters[0] if parameters else torch.empty(0)
    with torch.no_grad():
        image = model.decode(like.new_tensor([z]))  # (1, D) -> (1, ...)
    side = math.isqrt(image.numel())
    if side * side != image.numel() or tuple(image.squeeze().shape) not in _square(side):
        raise ValueError(
            "wanted a decoder of square images of one channel, got one that makes "
            f"{tuple(image.shape)} of (1, {len(z)})"
        )
    if not image.isfinite().all():
        raise ValueError("wanted a decoder of finite images, got one that makes others")
    return image.detach().cpu().float().view(side, side).clamp(0, 1)


def _square(side: int) -> list[tuple[int, ...]]:
    """The shapes that one square image may have, flattened or not."""
    return [(side, side), (side * side,), ()]


def _png(image: Tensor) -> bytes:
    """Ink dark on light."""
    grey = ((1 - image) * 255).round().to(torch.uint8).numpy()
    file = io.BytesIO()
    PIL.Image.fromarray(grey).save(file, format="png")
    return file.getvalue()
