"""Which weights are trained, and how far a step goes: Adam and its learning rates."""

import torch
from torch import nn

from vaelib.networks import unwrapped
from vaelib.settings import Settings


def trainable(model, settings: Settings) -> nn.Module:
    """The network to train, out of its wrapper; see `unwrapped`.

    Raises:
        ValueError: if it has no weights that Adam can move, or not those that the objective needs.
    """
    if isinstance(model, nn.parallel.DistributedDataParallel):
        raise ValueError(
            "wanted a model to train in this process alone, got a DistributedDataParallel, whose "
            "gradients fit would not exchange: give its .module to one process"
        )
    network = unwrapped(model)
    weights = trained_weights(network)
    if not weights:
        raise ValueError(
            "wanted a model with weights to train, got one whose weights are all frozen "
            "(requires_grad is False)"
        )
    if any(weight.is_inference() for weight in weights):
        raise ValueError(
            "wanted weights that can be trained, got some made under torch.inference_mode: make "
            "or load the model outside of it"
        )
    narrow = {weight.dtype for weight in weights} - {torch.float32, torch.float64}
    if narrow:
        raise ValueError(
            f"wanted weights of float32 or float64, got {', '.join(map(str, narrow))}, in which "
            "Adam's small steps are lost: call model.float(), and for speed fit with "
            'precision="bfloat16"'
        )
    if settings.objective == "iwae" and not network.has_elbo:
        name = type(network).__name__
        raise ValueError(f'wanted a VAE for the objective "iwae", got an {name}')
    return network


def trained_weights(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that are not frozen."""
    return [weight for weight in network.parameters() if weight.requires_grad]


def adam(network: nn.Module, settings: Settings) -> torch.optim.Adam:
    """Adam; each group of weights has its own factor of the learning rate."""
    slower = set()
    if settings.encoder_rate != 1:
        if not isinstance(getattr(network, "encoder", None), nn.Module):
            name = type(network).__name__
            raise ValueError(f"wanted a model with an encoder for encoder_rate, got a {name}")
        slower = set(network.encoder.parameters())
    groups = {settings.encoder_rate: [], 1.0: []}
    for weight in trained_weights(network):
        groups[settings.encoder_rate if weight in slower else 1.0].append(weight)
    return torch.optim.Adam(
        [{"params": group, "factor": factor} for factor, group in groups.items() if group],
        betas=settings.betas,
        fused=True,
    )
