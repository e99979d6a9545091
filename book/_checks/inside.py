"""Checks of the equations in "Looking inside the model"."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import vaelib
from book._checks.arrays import Array, over, with_torch
from book._checks.check import Check
from book._checks.random_numbers import normal
from book._checks.scope import Given

SIZES = [(5, 3, 2), (11, 4, 3), (7, 9, 1)]  # P, H and D of three networks


def flops(run) -> int:
    """What torch's own counter saw."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def step_flops(sizes, batch: int) -> int:
    """Those of a training step on the evidence lower bound."""
    model, images = vaelib.VAE(*sizes), torch.rand(batch, sizes[0])
    return flops(lambda: (-vaelib.elbo(model, images).mean()).backward())


def networks() -> dict:
    """Sizes, one element a network."""
    numbers = zip(*SIZES, strict=True)
    return {name: over("network", sizes) for name, sizes in zip("PHD", numbers, strict=True)}


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def single_layers():
    """Layers of torch, and how many parameters torch put into them."""
    layers = [nn.Linear(*pair) for pair in ((7, 3), (2, 11), (5, 5))]
    return {
        r"\mathrm{in}_{:l}": over("l", [layer.in_features for layer in layers]),
        r"\mathrm{out}_{:l}": over("l", [layer.out_features for layer in layers]),
        r"\mathrm{parameters}_{:l}": over("l", [count(layer) for layer in layers]),
        "A_{:l}": over("l", [layer.weight.numel() for layer in layers]),
        "b_{:l}": over("l", [layer.bias.numel() for layer in layers]),
    }


def whole_networks():
    models = [vaelib.VAE(*sizes) for sizes in SIZES]
    return {
        **networks(),
        r"\mathrm{parameters}": over("network", [count(model) for model in models]),
        r"\text{encoder}": over("network", [count(model.encoder) for model in models]),
        r"\text{decoder}": over("network", [count(model.decoder) for model in models]),
    }


class Counted:
    """A number that notes how often a number like it was multiplied."""

    products = 0

    def __mul__(self, other):
        Counted.products += 1
        return self

    def __add__(self, other):
        return self


def multiplied(inputs: int, outputs: int) -> int:
    """Products in a layer that is written out with loops."""
    Counted.products = 0
    for _ in range(outputs):
        total = Counted()
        for _ in range(inputs):
            total = total + Counted() * Counted()
    return Counted.products


def forward_macs() -> Array:
    """Multiply-adds of the way forward for one image, as torch counts them."""
    counted = [flops(lambda s=s: vaelib.VAE(*s)(torch.rand(1, s[0]))) / 2 for s in SIZES]
    return over("network", counted)


def products():
    """Multiplications of layers written out, and of networks as torch counts them."""
    layers = [
        [(m.in_features, m.out_features) for m in vaelib.VAE(*s).modules() if type(m) is nn.Linear]
        for s in SIZES
    ]
    return {
        **networks(),
        r"\mathrm{in}_{:l}": over("network l", [[pair[0] for pair in row] for row in layers]),
        r"\mathrm{out}_{:l}": over("network l", [[pair[1] for pair in row] for row in layers]),
        r"\mathrm{MAC}_{:l}": over("network l", [[multiplied(*p) for p in row] for row in layers]),
        r"\mathrm{MAC}": forward_macs(),
    }


def gradients():
    """A layer inside a loss, and the gradient that autograd finds in its outputs.

    Of the first layer all matrices are square, so that a transposed one would fit.
    """
    return [gradient(*sizes) for sizes in ((4, 4, 4), (6, 4, 3))]


def gradient(batch: int, inputs: int, outputs: int):
    layer, x = nn.Linear(inputs, outputs).double(), normal(batch, inputs)
    given = layer(x)
    given.retain_grad()
    given.tanh().square().mean().backward()
    bias = layer.bias.detach()

    def loss(look):
        return with_torch(
            lambda x, a: (x @ a.mT + bias).tanh().square().mean((-1, -2)),
            look("X_l"),
            look("A_l"),
        )

    return {
        "X_l": x,
        "A_l": layer.weight,
        r"\delta_l": given.grad,
        r"\mathcal{L}": Given(loss),
    }


def steps():
    """Multiply-adds an image of the way forward and of a whole step, as torch counts them."""
    whole = over("network", [step_flops(sizes, batch=6) / 2 / 6 for sizes in SIZES])
    return {
        **networks(),
        r"\mathrm{MAC}": forward_macs(),
        r"\mathrm{MAC}_{\mathrm{step}}": whole,
        r"\text{forward}": forward_macs(),
        r"\text{backward}": whole - forward_macs(),
    }


def epochs():
    """Epochs of 20 images in batches of 6: the last batch has 2."""
    counted = [sum(step_flops(sizes, batch) for batch in (6, 6, 6, 2)) for sizes in SIZES]
    return {
        **networks(),
        "N": 20,
        r"\mathrm{MAC}_{\mathrm{step}}": over(
            "network", [step_flops(sizes, batch=1) / 2 for sizes in SIZES]
        ),
        r"\mathrm{FLOPs}": over("network", counted),
    }


def clock():
    """A machine that does 5 operations at every tick, and ticks every quarter of a second."""
    ticks = [1, 3, 40]
    return {
        r"\mathrm{FLOPs}": over("run", [5 * count for count in ticks]),
        r"\mathrm{speed}": 5 / 0.25,
        r"\mathrm{seconds}": over("run", [sum([0.25] * count) for count in ticks]),
    }


CHECKS = [
    Check(
        label="inside-layer",
        how="The weights and biases that `torch.nn.Linear` has are counted, for layers of three "
        "sizes.",
        names=single_layers,
    ),
    Check(
        label="inside-parameters",
        how="The parameters of `vaelib.VAE`, of its encoder and of its decoder are counted, for "
        "networks of three sizes.",
        names=whole_networks,
    ),
    Check(
        label="inside-mac",
        how="A layer is written out with loops over numbers that count their multiplications; the "
        "networks' are counted by `torch.utils.flop_counter`, which has two for each multiply-add.",
        names=products,
    ),
    Check(
        label="inside-backward",
        how="For layers inside a loss the left sides are numerical derivatives, to ten digits; "
        "$\\delta$ is what autograd finds.",
        names=gradients,
    ),
    Check(
        label="inside-step",
        how="`torch.utils.flop_counter` watches a training step, forward and backward, of networks "
        "of three sizes.",
        names=steps,
    ),
    Check(
        label="inside-epoch",
        how="`torch.utils.flop_counter` watches every step of an epoch whose last batch is "
        "smaller.",
        names=epochs,
    ),
    Check(
        label="inside-seconds",
        how="The ticks of a machine that does five operations at each of them are added up.",
        names=clock,
    ),
]
