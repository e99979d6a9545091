"""The network that a reader hands over: without its wrappers, with weights, in the wanted mode."""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

WANTED = ("posterior", "prior", "likelihood", "pixels", "parameters")  # of every model


def unwrapped(model) -> nn.Module:
    """The network in what torch has put around it, which shares its weights.

    `torch.compile(model)`, `DataParallel` and their like have no `posterior` or `likelihood` of
    their own, or hand them on; what they speed up is `forward`, which this package does not call.

    Raises:
        ValueError: if it is no `LatentVariableModel` or alike, or has no weights in memory.
    """
    network = inside(model)
    if not all(hasattr(network, name) for name in WANTED):
        raise ValueError(
            f"wanted a VAE, an Autoencoder or another model with {', '.join(WANTED)}, "
            f"got a {type(model).__name__}"
        )
    _check_weights(network)
    return network


def inside(model):
    """What is in all wrappers of torch, or the object itself if there is none; nothing is asked."""
    while (inner := _inner(model)) is not None:
        model = inner
    return model


def _inner(network) -> nn.Module | None:
    """What a wrapper holds: `_orig_mod` of torch.compile, `module` of DataParallel and others."""
    layers = dict(network.named_children()) if isinstance(network, nn.Module) else {}
    if "_orig_mod" in layers:
        return layers["_orig_mod"]
    return None if hasattr(type(network), "posterior") else layers.get("module")


def _check_weights(network) -> None:
    weights = next(iter(network.parameters()), None)
    if weights is None:
        raise ValueError(
            f"wanted a model with weights, got a {type(network).__name__} without parameters: "
            "give the model from before it was quantized or frozen into a graph"
        )
    if weights.is_meta:
        raise ValueError(
            "wanted a model with weights in memory, got one on the meta device, which has none: "
            'make it after torch.set_default_device("cpu")'
        )


def device_of(model: nn.Module) -> torch.device:
    """Where the weights of a model are."""
    return next(model.parameters()).device


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """All layers in eval mode until the block ends, when each is as it was."""
    with _eval_mode(model.modules()):
        yield


@contextlib.contextmanager
def frozen_layers_rest(model: nn.Module) -> Iterator[None]:
    """Layers whose weights are all frozen in eval mode, so that their buffers do not move either.

    The running mean of a frozen batch normalisation is such a buffer.
    """
    with _eval_mode(layer for layer in model.modules() if _is_frozen(layer)):
        yield


def _is_frozen(layer: nn.Module) -> bool:
    weights = list(layer.parameters())
    return bool(weights) and not any(weight.requires_grad for weight in weights)


@contextlib.contextmanager
def _eval_mode(layers) -> Iterator[None]:
    trained = [layer for layer in layers if layer.training]
    for layer in trained:
        layer.training = False
    try:
        yield
    finally:
        for layer in trained:
            layer.training = True
