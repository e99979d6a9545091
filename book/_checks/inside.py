"""Checks of the equations in "Looking inside the model"."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import vaelib
from book._checks.check import Check

SIZES = [(5, 3, 2), (11, 4, 3), (7, 9, 1)]  # P, H and D of three networks


def numbers(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def flops(run) -> int:
    """What torch's own counter saw."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def step_flops(sizes, batch: int) -> int:
    """Those of a training step on the evidence lower bound."""
    model, images = vaelib.VAE(*sizes), torch.rand(batch, sizes[0])
    return flops(lambda: (-vaelib.elbo(model, images).mean()).backward())


def networks():
    """Sizes as float64 tensors, one element a network."""
    pixels, hidden, latent = numbers(SIZES).T
    return {"P": pixels, "H": hidden, "D": latent}


def single_layers():
    """Layers of torch, and how many parameters torch put into them."""
    pairs = [(7, 3), (2, 11), (5, 5)]
    counted = [sum(p.numel() for p in nn.Linear(*pair).parameters()) for pair in pairs]
    inputs, outputs = numbers(pairs).T
    return {"inputs": inputs, "outputs": outputs, "counted": numbers(counted)}


def whole_networks():
    models = [vaelib.VAE(*sizes) for sizes in SIZES]
    counted = [sum(p.numel() for p in model.parameters()) for model in models]
    return networks() | {"counted": numbers(counted)}


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


def products():
    """Multiplications of layers written out, and of networks as torch counts them."""
    pairs = [(7, 3), (2, 11), (5, 5)]
    models = [(vaelib.VAE(*sizes), torch.rand(1, sizes[0])) for sizes in SIZES]
    layers = [
        [(m.in_features, m.out_features) for m in model.modules() if isinstance(m, nn.Linear)]
        for model, _ in models
    ]
    single_inputs, single_outputs = numbers(pairs).T
    inputs, outputs = numbers(layers).permute(2, 1, 0)
    return networks() | {
        "single_inputs": single_inputs,
        "single_outputs": single_outputs,
        "multiplied": numbers([multiplied(*pair) for pair in pairs]),
        "inputs": inputs,
        "outputs": outputs,
        "sum": lambda t: t.sum(0),
        "counted": numbers([flops(lambda m=m, x=x: m(x)) / 2 for m, x in models]),
    }


def gradients():
    """A layer inside a loss, and what autograd finds."""
    generator = torch.Generator().manual_seed(0)
    layer = nn.Linear(4, 3).double()
    inputs = torch.randn(6, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    outputs = layer(inputs)
    outputs.retain_grad()
    outputs.tanh().square().mean().backward()
    return {
        "X": inputs.detach(),
        "delta": outputs.grad,
        "A": layer.weight.detach(),
        "gradient_in_A": layer.weight.grad,
        "gradient_in_X": inputs.grad,
    }


def steps():
    """Multiply-adds an image of the way forward and of a whole step, as torch counts them."""
    forward = [flops(lambda s=s: vaelib.VAE(*s)(torch.rand(1, s[0]))) / 2 for s in SIZES]
    whole = [step_flops(sizes, batch=6) / 2 / 6 for sizes in SIZES]
    return networks() | {"MAC": numbers(forward), "counted": numbers(whole)}


def epochs():
    """Epochs of 20 images in batches of 6: the last batch has 2."""
    counted = [sum(step_flops(sizes, batch) for batch in (6, 6, 6, 2)) for sizes in SIZES]
    step = [step_flops(sizes, batch=1) / 2 for sizes in SIZES]
    return networks() | {
        "N": 20,
        "MAC_step": numbers(step),
        "counted": numbers(counted),
    }


def clock():
    """A machine that does 5 operations at every tick, and ticks every quarter of a second."""
    ticks = torch.tensor([1, 3, 40])
    waited = torch.stack([torch.full((count,), 0.25).double().sum() for count in ticks.tolist()])
    return {"FLOPs": 5.0 * ticks, "rate": 5 / 0.25, "waited": waited}


CHECKS = [
    Check(
        label="inside-layer",
        how="The parameters that torch.nn.Linear has are counted, for layers of three sizes.",
        tex=r"""\mathrm{parameters}_l = \underbrace{\mathrm{in}_l\,\mathrm{out}_l}_{A_l}
            + \underbrace{\mathrm{out}_l}_{b_l} .""",
        chains=(("counted", "inputs * outputs + outputs"),),
        names=single_layers,
    ),
    Check(
        label="inside-parameters",
        how="The parameters of vaelib.VAE are counted, for networks of three sizes.",
        tex=r"""\begin{aligned}
            \mathrm{parameters} &= \underbrace{(PH + H) + (2HD + 2D)}_{\text{encoder}}
            + \underbrace{(DH + H) + (HP + P)}_{\text{decoder}} \\
            &= 2PH + 3HD + 2H + 2D + P .
            \end{aligned}""",
        chains=(
            (
                "counted",
                "(P * H + H) + (2 * H * D + 2 * D) + (D * H + H) + (H * P + P)",
                "2 * P * H + 3 * H * D + 2 * H + 2 * D + P",
            ),
        ),
        names=whole_networks,
    ),
    Check(
        label="inside-mac",
        how="A layer is written out with loops over numbers that count their multiplications; the "
        "networks' are counted by torch.utils.flop_counter, which has two for each multiply-add.",
        tex=r"""\mathrm{MAC}_l = \mathrm{in}_l\,\mathrm{out}_l , \qquad
            \mathrm{MAC} = \sum_l \mathrm{in}_l\,\mathrm{out}_l = 2PH + 3HD .""",
        chains=(
            ("multiplied", "single_inputs * single_outputs"),
            ("counted", "sum(inputs * outputs)", "2 * P * H + 3 * H * D"),
        ),
        names=products,
    ),
    Check(
        label="inside-backward",
        how="Both products are compared with the gradients that autograd finds for a layer inside "
        "a loss, in float64.",
        tex=r"""\frac{\partial \mathcal{L}}{\partial A_l} = \delta_l^\top X_l , \qquad
            \frac{\partial \mathcal{L}}{\partial X_l} = \delta_l\,A_l .""",
        chains=(("gradient_in_A", "delta.T @ X"), ("gradient_in_X", "delta @ A")),
        names=gradients,
    ),
    Check(
        label="inside-step",
        how="torch.utils.flop_counter watches a training step, forward and backward, of networks "
        "of three sizes.",
        tex=r"""\mathrm{MAC}_{\mathrm{step}} = \underbrace{\mathrm{MAC}}_{\text{forward}}
            + \underbrace{2\,\mathrm{MAC} - PH}_{\text{backward}} = 5PH + 9HD .""",
        chains=(("counted", "MAC + (2 * MAC - P * H)", "5 * P * H + 9 * H * D"),),
        names=steps,
    ),
    Check(
        label="inside-epoch",
        how="torch.utils.flop_counter watches every step of an epoch whose last batch is smaller.",
        tex=r"""\mathrm{FLOPs} = 2N\,\mathrm{MAC}_{\mathrm{step}} = N\,(10PH + 18HD) .""",
        chains=(("counted", "2 * N * MAC_step", "N * (10 * P * H + 18 * H * D)"),),
        names=epochs,
    ),
    Check(
        label="inside-seconds",
        how="The ticks of a machine that does five operations at each of them are added up.",
        tex=r"""\mathrm{seconds} = \frac{\mathrm{FLOPs}}{\mathrm{rate}}""",
        chains=(("waited", "FLOPs / rate"),),
        names=clock,
    ),
]
