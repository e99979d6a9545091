"""Which weights are trained, and how far a step goes: Adam and its learning rates."""

import dataclasses
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

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
    if settings.objective in ("iwae", "dreg") and not network.has_elbo:
        name, wanted = type(network).__name__, settings.objective
        raise ValueError(f'wanted a VAE for the objective "{wanted}", got an {name}')
    return network


def trained_weights(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that are not frozen."""
    return [weight for weight in network.parameters() if weight.requires_grad]


def completed(settings: Settings, network: nn.Module, count: int) -> Settings:
    """The settings with what they leave open chosen for a network and `count` images.

    Batches are of 256, or of 128 where these would make fewer than 2000 steps. Dense networks
    with one hidden layer each way and one output a pixel, as most of the book's, take

        0.023 (1000 / steps)^0.3 (400 / hidden units)^0.5,   but 0.05 at most,

    as their learning rate, and a quarter of it in the encoder. Other networks without convolutions
    take 0.01 and those with them 0.005, everywhere and however long they train.

    Source:
        the formula was fitted to networks of 64 to 1024 hidden units that train for 2 to 20 epochs
        (`tests/bench/defaults.py`). The other rates are usual ones and fitted to nothing.
    """
    batch_size = settings.batch_size or (256 if settings.epochs * count >= 512_000 else 128)
    rate, encoder_rate = settings.learning_rate, settings.encoder_rate
    if rate is None:
        steps, width = settings.epochs * -(-count // batch_size), _hidden_units(network)
        rate = 0.005 if _has_convolutions(network) else 0.01
        if width is not None:
            rate = min(0.05, 0.023 * (1000 / steps) ** 0.3 * (400 / width) ** 0.5)
            encoder_rate = encoder_rate or 0.25
    return dataclasses.replace(
        settings, batch_size=batch_size, learning_rate=rate, encoder_rate=encoder_rate or 1.0
    )


def _has_convolutions(network: nn.Module) -> bool:
    return any(weight.ndim > 2 for weight in network.parameters())


def _hidden_units(network: nn.Module) -> int | None:
    """Units of the hidden layer, if the network is of the kind that the formula was fitted to."""
    parts = [getattr(network, name, None) for name in ("encoder", "decoder")]
    linear = [
        [layer for layer in part.modules() if isinstance(layer, nn.Linear)]
        for part in parts
        if isinstance(part, nn.Module)
    ]
    one_each_way = [len(layers) for layers in linear] == [2, 2]
    if not one_each_way or _has_convolutions(network) or network.pixels.outputs != 1:
        return None
    return max(layers[0].out_features for layers in linear)


class Adam:
    """Adam in one fused call for each group of weights, which has its own factor of the rate.

    `torch.optim.Adam` does the same, and asks in each step anew what the groups are: that takes a
    tenth of a millisecond, which the step of a small network notices.

    Attributes:
        weights: all that are trained.

    Args:
        network: with `Settings.encoder_rate` other than 1, one with an encoder.

    Raises:
        ValueError: if the encoder is to have a rate of its own, and there is none.

    Source:
        Kingma and Ba, Adam: A Method for Stochastic Optimization, algorithm 1,
        https://arxiv.org/abs/1412.6980
    """

    def __init__(self, network: nn.Module, settings: Settings):
        slower = _encoder_weights(network) if settings.encoder_rate != 1 else set()
        found = trained_weights(network)
        groups = [
            (settings.encoder_rate, [weight for weight in found if weight in slower]),
            (1.0, [weight for weight in found if weight not in slower]),
        ]
        self.factors = [factor for factor, weights in groups for _ in weights]
        self.weights = [weight for _, weights in groups for weight in weights]
        self.betas = settings.betas
        self.state = {
            "means": [torch.zeros_like(weight) for weight in self.weights],
            "squares": [torch.zeros_like(weight) for weight in self.weights],
            "steps": [weight.new_zeros((), dtype=torch.float32) for weight in self.weights],
        }

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move the weights by their gradients; one that has none stays where it is.

        Args:
            rate: the learning rate of the group whose factor is 1.
        """
        gradients = [weight.grad for weight in self.weights]
        rows = zip(self.weights, gradients, *self.state.values(), self.factors, strict=True)
        moved = [row for row in rows if row[1] is not None]
        for factor, group in groupby(moved, key=lambda row: row[-1]):
            weights, slopes, means, squares, steps, _ = map(list, zip(*group, strict=True))
            adam(
                weights,
                slopes,
                means,
                squares,
                [],
                steps,
                lr=rate * factor,
                beta1=self.betas[0],
                beta2=self.betas[1],
                eps=1e-8,
                weight_decay=0,
                amsgrad=False,
                maximize=False,
                fused=True,
            )

    def state_dict(self) -> dict[str, list[Tensor]]:
        """The means of gradients and of their squares, and the steps taken, of each weight."""
        return self.state

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, list[Tensor]]) -> None:
        """Go on from what `state_dict` gave.

        Raises:
            ValueError: if it is the state of another optimizer.
        """
        if state.keys() != self.state.keys():
            raise ValueError(f"wanted a state with {list(self.state)}, got {list(state)}")
        for name, tensors in self.state.items():
            for own, other in zip(tensors, state[name], strict=True):
                own.copy_(other)


def _encoder_weights(network: nn.Module) -> set[nn.Parameter]:
    if not isinstance(getattr(network, "encoder", None), nn.Module):
        name = type(network).__name__
        raise ValueError(f"wanted a model with an encoder for encoder_rate, got a {name}")
    return set(network.encoder.parameters())
