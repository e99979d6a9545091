import copy

import numpy as np
import pytest
import torch
from torch import nn

import vaelib
from vaelib.widgets import network


def unpack(packed):
    """The layers of a packed network as PyTorch modules, read without vaelib."""
    numbers = torch.from_numpy(np.frombuffer(packed["data"], "<f2").astype(np.float32))
    kinds = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "silu": nn.SiLU, "tanh": nn.Tanh}
    parts = []
    for layer in packed["layers"]:
        inputs, outputs = layer["inputs"], layer["outputs"]
        linear = nn.Linear(inputs, outputs)
        weight, bias, numbers = numbers.split(
            [inputs * outputs, outputs, len(numbers) - inputs * outputs - outputs]
        )
        linear.weight.data, linear.bias.data = weight.view(outputs, inputs), bias
        parts += [linear, *([kinds[layer["activation"]]()] if layer["activation"] else [])]
    assert len(numbers) == 0
    return nn.Sequential(*parts)


def test_packed_network_is_the_network_in_half_precision():
    module = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.SiLU(), nn.Linear(4, 2))
    inputs = torch.randn(7, 3)
    expected = network.half(copy.deepcopy(module))(inputs)
    torch.testing.assert_close(unpack(network.pack(module))(inputs), expected)


def test_a_single_layer_is_a_network():
    packed = network.pack(nn.Linear(3, 2))
    assert packed["layers"] == [{"inputs": 3, "outputs": 2, "activation": None}]
    assert len(packed["data"]) == 2 * (3 * 2 + 2)


def test_digest_tells_weights_and_activations_apart():
    linear = nn.Linear(3, 2)
    digests = {
        network.pack(module)["digest"]
        for module in (
            linear,
            nn.Sequential(linear),
            nn.Sequential(linear, nn.ReLU()),
            nn.Sequential(linear, nn.Tanh()),
            nn.Linear(3, 2),
        )
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(),
        nn.Conv2d(1, 1, 3),
        nn.Linear(3, 2, bias=False),
        nn.Sequential(nn.Linear(3, 2), nn.Dropout()),
        nn.Sequential(nn.ReLU(), nn.Linear(3, 2)),
        nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Tanh()),
    ],
    ids=lambda module: str(module).replace("\n", ""),
)
def test_what_a_page_cannot_run_is_refused_and_what_it_can_is_named(module):
    with pytest.raises(ValueError, match=r"nn.Linear with a bias and ReLU, SiLU.*latent_sliders"):
        network.pack(module)


def test_weights_too_large_for_half_precision_are_refused():
    module = nn.Linear(1, 1)
    module.weight.data.fill_(70_000)
    with pytest.raises(ValueError, match="65504"):
        network.pack(module)


def test_planes_hold_the_low_bytes_then_the_high_ones():
    assert network.planes(bytes([1, 2, 3, 4, 5, 6])) == bytes([1, 3, 5, 2, 4, 6])


def test_images_that_are_not_square_are_refused():
    with pytest.raises(ValueError, match="12 pixels"):
        network.image_side(vaelib.VAE(12, 4, 2))


@pytest.mark.slow
def test_half_precision_costs_less_than_a_twentieth_of_a_nat():
    images = vaelib.mnist("test").images
    model = vaelib.pretrained("vae-2d")
    full = vaelib.mean_terms(model, images, num_samples=4).elbo
    half = vaelib.mean_terms(network.half(model), images, num_samples=4).elbo
    assert abs(full - half) < 0.05
    assert full != half
