"""A network as a widget carries it: a chain of layers in float16, which a browser can run."""

import hashlib
import math

import numpy as np
import torch
from torch import nn

from vaelib.distributions import Normal, StandardNormal
from vaelib.pictures import batch_shape

LIKELIHOODS = ("bernoulli", "gaussian")  # the names in LOSSES of js/network.js
ACTIVATIONS = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.SiLU: "silu", nn.Tanh: "tanh"}


def pack(module: nn.Module) -> dict:
    """Weights in float16 and what it takes to run them without PyTorch.

    Returns:
        `layers`, a list of {"inputs", "outputs", "activation"}; `data`, the bytes of each layer's
        weight (outputs, inputs) and bias (outputs,), little-endian float16, one after the other;
        and `digest`, by which a page finds the same weights again.

    Raises:
        ValueError: if the module is not a chain of linear layers, each followed by at most one
            elementwise activation that a browser knows.
    """
    layers, data = [], bytearray()
    for part in module if isinstance(module, nn.Sequential) else [module]:
        if isinstance(part, nn.Linear) and part.bias is not None:
            layers.append(
                {"inputs": part.in_features, "outputs": part.out_features, "activation": None}
            )
            for tensor in (part.weight, part.bias):
                data += _float16(tensor)
        elif type(part) in ACTIVATIONS and layers and layers[-1]["activation"] is None:
            layers[-1]["activation"] = ACTIVATIONS[type(part)]
        else:
            raise ValueError(_wanted(part))
    if not layers:
        raise ValueError(_wanted(module))
    digest = hashlib.sha256(repr(layers).encode() + data).hexdigest()[:16]
    return {"layers": layers, "data": bytes(data), "digest": digest}


def decoder(model, num_labels: int = 0) -> dict:
    """`pack` of a model's decoder, which a page gives z and takes the outputs for all pixels from.

    Args:
        model: has `decoder`, `latent_dim` and `input_dim`.
        num_labels: of the labels, 0 or 1 each, that the decoder is given behind z.

    Raises:
        ValueError: if it takes something else, or a page could not run it.
    """
    packed = pack(model.decoder)
    ends = packed["layers"][0]["inputs"], packed["layers"][-1]["outputs"]
    if ends != (model.latent_dim + num_labels, model.input_dim):
        labels = f" and {num_labels} labels" if num_labels else ""
        raise ValueError(
            f"wanted a decoder from {model.latent_dim} latents{labels} to {model.input_dim} "
            "pixels, which "
            f"a page can run, got one from {ends[0]} to {ends[1]}: "
            "vaelib.widgets.latent_sliders runs any, in Jupyter"
        )
    return packed


def likelihood(model) -> dict:
    """The likelihood's name and its sigma, by which a page draws and scores images.

    Raises:
        ValueError: if a page knows no such likelihood.
    """
    pixels = model.pixels
    if pixels.name not in LIKELIHOODS or not pixels.unit_interval:
        raise ValueError(
            f"wanted pixels that a page can score, {' or '.join(LIKELIHOODS)} in [0, 1], got "
            f"{pixels.name}: vaelib.widgets.latent_sliders draws any, in Jupyter"
        )
    return {"likelihood": pixels.name, "sigma": float(getattr(pixels, "sigma", 1.0))}


def gaussian(model, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log-variance of q(z|x): (B, ...) -> (B, D), (B, D).

    Raises:
        ValueError: if q(z|x) is no Gaussian, or the prior not N(0, I), from which a page computes
            the KL.
    """
    q, prior = model.posterior(images), model.prior()
    if not isinstance(q, Normal) or not isinstance(prior, StandardNormal):
        raise ValueError(
            "wanted a model with a Gaussian q(z|x) and the prior N(0, I), which a page can "
            f"compute with, got a {type(model).__name__} with {type(q).__name__} and "
            f"{type(prior).__name__}: vaelib.widgets.latent_sliders takes any, in Jupyter"
        )
    return q.parameters


def half(model: nn.Module) -> nn.Module:
    """Round a model's weights to float16, as a widget has them, in place; it stays in float32."""
    for parameter in model.parameters():
        parameter.data = parameter.data.half().float()
    return model


def planes(data: bytes) -> bytes:
    """All low bytes of 16-bit numbers, then all high bytes, which compresses better."""
    return data[0::2] + data[1::2]


def image_side(model, images=None) -> int:
    """The side of the model's images, in pixels: what a page draws is grey and square.

    Args:
        model: has `input_dim` and may have `image_shape`.
        images: (N, ...), which the model encodes; if they are not flattened, they say their shape.

    Raises:
        ValueError: if they are not grey and square.
    """
    shape = getattr(model, "image_shape", None)
    if images is not None:
        shape = batch_shape(images) or shape
    side = math.isqrt(model.input_dim)
    if side * side != model.input_dim or shape not in (None, (1, side, side)):
        found = f" and images of shape {shape}" if shape else ""
        raise ValueError(
            "wanted a model of square images of one channel, got one of "
            f"{model.input_dim} pixels{found}: vaelib.widgets.latent_sliders draws others, "
            "in Jupyter"
        )
    return side


@torch.no_grad()
def decoded_image(model, z) -> np.ndarray:
    """What a model decodes at one point, a sequence of D numbers: (side, side) in [0, 1]."""
    side = image_side(model)
    point = next(model.parameters()).new_tensor(list(z))
    return model.decode(point).view(side, side).cpu().numpy()


def _float16(tensor: torch.Tensor) -> bytes:
    rounded = tensor.detach().cpu().to(torch.float16)
    if not rounded.isfinite().all():
        raise ValueError(
            "wanted finite weights of at most 65504 in size, for float16 holds no more"
        )
    return rounded.numpy().astype("<f2").tobytes()


def _wanted(part) -> str:
    known = ", ".join(sorted(kind.__name__ for kind in ACTIVATIONS))
    return (
        f"wanted layers that a page can run, nn.Linear with a bias and {known} between them, "
        f"got {type(part).__name__}: vaelib.widgets.latent_sliders runs any decoder, in Jupyter"
    )
