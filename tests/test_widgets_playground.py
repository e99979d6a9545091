"""What Python gives the playground, and takes from it."""

import json
import re
import struct

import numpy as np
import pytest
import torch

import vaelib
from tests.pages import ROOT
from vaelib.widgets import Playground, base
from vaelib.widgets import playground as own


@pytest.fixture(scope="module")
def sent():
    return own.digits()


def test_digits_are_those_of_mnist_in_sixteen_grey_levels(sent):
    train, test = struct.unpack("<HH", sent[:4])
    assert (train, test) == (5000, 500)
    labels = np.frombuffer(sent, np.uint8, test, 4)
    pairs = np.frombuffer(sent, np.uint8, offset=4 + test).reshape(train + test, 392)
    levels = np.stack([pairs & 15, pairs >> 4], 2).reshape(-1, 784) / 15
    mnist = {name: vaelib.mnist(name) for name in ("train", "test")}
    np.testing.assert_array_equal(labels, mnist["test"].labels[:test])
    images = torch.cat([mnist["train"].images[:train], mnist["test"].images[:test]]).flatten(1)
    np.testing.assert_allclose(levels, images, atol=0.5 / 15 + 1e-6)


def test_digits_are_as_small_as_the_page_was_promised(sent):
    """One file, which is fetched only when it is wanted."""
    assert len(base.deflated(sent)) < 700_000


def test_page_state_holds_no_digits_but_ten():
    state = Playground().page_state()
    assert set(state) == set(Playground.class_own_traits())
    assert len(json.dumps(state)) < 3000
    images = np.frombuffer(Playground().images, np.uint8).reshape(10, 784)
    assert set(images.flat) <= set(range(0, 256, 17))
    test = vaelib.mnist("test")
    for label, image in enumerate(images):
        first = test.images[test.labels == label][0].flatten() * 255
        np.testing.assert_allclose(image, first, atol=9)


def test_weights_go_to_a_model_and_back():
    torch.manual_seed(0)
    model = vaelib.VAE(784, 32, 2, "gaussian", sigma=0.1)
    playground = Playground(model)
    assert (playground.hidden_dim, playground.likelihood, playground.sigma) == (32, "gaussian", 0.1)
    found = playground.model()
    assert found.pixels.name == "gaussian"
    assert found.pixels.sigma == 0.1
    torch.testing.assert_close(found.state_dict(), model.state_dict(), rtol=0, atol=0)
    assert next(found.parameters()).requires_grad
    assert Playground(found).weights == playground.weights


def test_weights_from_a_browser_come_as_a_memoryview():
    playground = Playground(vaelib.VAE(784, 16, 2))
    weights = playground.weights
    playground.weights = memoryview(weights)
    assert playground.weights == weights


def test_without_weights_there_is_no_model_and_it_says_what_to_do():
    with pytest.raises(ValueError, match=r"202516 weights .*784-128-2, got 0: show"):
        Playground().model()
    playground = Playground(vaelib.VAE(784, 32, 2))
    playground.hidden_dim = 64
    with pytest.raises(ValueError, match="784-64-2, got"):
        playground.model()


@pytest.mark.parametrize(
    ("trait", "value", "message"),
    [
        ("seed", -1, "seed"),
        ("seed", 1.5, "wanted seed"),
        ("hidden_dim", 100, "hidden_dim as one of 16, 32, 64, 128, 256, got 100"),
        ("likelihood", "poisson", "likelihood as one of bernoulli, gaussian, got 'poisson'"),
        ("sigma", 0.2, r"sigma as one of 0\.1, 0\.3, 1\.0, got 0\.2"),
        ("beta", -0.1, r"beta as 0 or more, got -0\.1"),
        ("beta", float("nan"), "beta"),
        ("learning_rate", 0.0, "learning_rate"),
        ("batch_size", 0, "batch_size from 1 to 5000, got 0"),
        ("batch_size", 5001, "batch_size from 1 to 5000, got 5001"),
        ("fault", "all", "fault as one of none, kl-mean"),
        ("z", [1.0], "z as 2 numbers"),
        ("weights", b"abc", "weights as the bytes of float32"),
        ("weights", "text", "weights as the bytes of float32"),
    ],
)
def test_what_it_cannot_be_is_refused_by_name(trait, value, message):
    playground = Playground()
    with pytest.raises(ValueError, match=message):
        setattr(playground, trait, value)
    with pytest.raises(ValueError, match=message):
        Playground(**{trait: value})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: vaelib.VAE(784, 100, 2), "hidden_dim as one of 16, .*, got 100"),
        (lambda: vaelib.VAE(784, 32, 3), "wanted a VAE 784-H-2 with ReLU, got layers"),
        (lambda: vaelib.VAE(784, [32, 32], 2), "784-H-2"),
        (lambda: vaelib.VAE(784, 32, 2, activation="tanh"), "784-H-2 with ReLU"),
        (lambda: vaelib.VAE(784, 32, 2, "continuous_bernoulli"), "bernoulli or gaussian"),
        (lambda: vaelib.VAE(784, 32, 2, "gaussian", sigma=0.7), "sigma as one of"),
        (lambda: vaelib.Autoencoder(784, 32, 2), "784-H-2"),
    ],
)
def test_a_model_that_a_browser_could_not_have_trained_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        Playground(model())


def test_a_message_is_answered_with_the_digits(monkeypatch, sent):
    answers = []
    playground = Playground()
    monkeypatch.setattr(playground, "send", lambda *told: answers.append(told))
    playground._handle_custom_msg({"wanted": "digits"}, [])
    playground._handle_custom_msg({"other": 1}, [])
    assert answers == [({"wanted": "digits"}, [sent])]


def test_bugs_are_those_that_the_front_end_knows():
    text = (base.SOURCES / "playground_faults.js").read_text(encoding="utf-8")
    names = re.findall(r'^  "?([a-z-]+)"?: \{$', text, re.MULTILINE)
    assert ("none", *names) == own.FAULTS or tuple(names) == own.FAULTS


SWITCHES = {  # an exhibit of the museum: the bug that shows it, or why there is none
    "museum-factor": "pixel-mean",
    "museum-latents": "kl-latents",
    "museum-batch": "kl-batch",
    "museum-knob": "no-coefficient",
    "museum-twice": "kl-twice",
    "museum-warm": "the playground's KL has no schedule that could start again",
    "museum-negative": "normalised",
    "museum-sign": "sigma is chosen there, and not learned",
    "museum-constant": "the log-density of z cancels in the KL, so that training would not show it",
    "museum-noise": "little-noise",
    "museum-variance": "variance-as-sigma",
    "museum-nan": "unclamped",
    "museum-inverted": "inverted",
    "museum-sums": "Adam divides a factor of the whole loss out, so that training is the same",
    "museum-grid": "it is about what is looked at, after training",
    "museum-true": "nothing is trained in it",
}


def test_each_exhibit_of_the_museum_has_its_switch_or_a_reason():
    text = (ROOT / "book/wrong.ipynb").read_text(encoding="utf-8")
    assert set(re.findall(r":label: (museum-[a-z]+)", text)) == set(SWITCHES)
    for label, switch in SWITCHES.items():
        assert switch in own.FAULTS or " " in switch, label


@pytest.mark.parametrize(
    ("file", "list_of"),
    [
        ("playground_kernels.js", "KERNELS"),
        ("playground_layers.js", "LAYERS"),
        ("playground_model.js", "MATHEMATICS"),
        ("playground_steps.js", "TRAINING"),
    ],
)
def test_a_worker_gets_each_function_of_a_file(file, list_of):
    text = (base.SOURCES / file).read_text(encoding="utf-8")
    listed = set(re.findall(r"\w+", text.split(f"export const {list_of} = [")[1]))
    written = set(re.findall(r"^export function (\w+)", text, re.MULTILINE))
    assert written <= listed


def test_the_still_picture_shows_a_run_or_the_weights_that_it_has():
    fig, alt = Playground().still()
    assert "500 test digits" in alt
    assert len(fig.axes) == 2
    assert Playground(vaelib.VAE(784, 16, 2)).still()[1] == alt
