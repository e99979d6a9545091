"""Which weights are trained, and how far a step goes: Adam and its learning rates."""

from collections.abc import Sequence
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
    if settings.objective == "iwae" and not network.has_elbo:
        name = type(network).__name__
        raise ValueError(f'wanted a VAE for the objective "iwae", got an {name}')
    return network


def trained_weights(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that are not frozen."""
    return [weight for weight in network.parameters() if weight.requires_grad]


class Adam:
    """Adam in one fused call for each group of weights, which has its own factor of the rate.

    `torch.optim.Adam` does the same, and asks in each step anew what the groups are: that takes a
    tenth of a millisecond, which the step of a small network notices.

    Attributes:
        weights: all that are trained, in the order in which `step` wants their gradients.

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

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor | None], rate: float) -> None:
        """Move the weights; one without a gradient stays where it is.

        Args:
            gradients: of `weights`.
            rate: the learning rate of the group whose factor is 1.
        """
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
