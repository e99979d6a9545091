import json

import numpy as np
import pytest
import torch
import traitlets

import vaelib
from vaelib.widgets import DrawDigit, network

BLANK = bytes(784)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return vaelib.VAE(784, 8, 2)


@pytest.fixture(scope="module")
def images():
    return torch.rand(10, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def digit(model, images):
    return DrawDigit(model, images, torch.arange(10), num_choices=4)


def test_front_end_gets_what_the_model_encodes(digit, images):
    with torch.no_grad():
        mu, _ = digit._model.encode(images)
    means = np.frombuffer(digit.means, "<f4").reshape(10, 2)
    # To a few units in the last place: inside a widget another library multiplies.
    np.testing.assert_allclose(means, mu.numpy(), rtol=0, atol=1e-5)
    pixels = np.frombuffer(digit.images, np.uint8).reshape(4, 784)
    np.testing.assert_allclose(pixels / 255, images[:4].flatten(1), atol=0.5 / 255 + 1e-6)


def test_it_begins_with_the_first_image_encoded(digit):
    assert digit.pixels == digit.images[:784]
    assert len(digit.mu) == len(digit.log_var) == 2


def test_pixels_set_from_python_are_encoded_with_the_pages_weights(digit, model):
    pixels = bytes(range(256)) * 3 + bytes(16)
    digit.pixels = pixels
    image = torch.tensor(list(pixels))[None] / 255
    with torch.no_grad():
        mu, log_var = digit._model.encode(image)
        exact, _ = model.encode(image)
    assert digit.mu == mu[0].tolist()
    assert digit.log_var == log_var[0].tolist()
    torch.testing.assert_close(mu, exact, atol=1e-2, rtol=1e-2)


def test_the_callers_model_is_left_as_it_was(model, images):
    before = [parameter.clone() for parameter in model.parameters()]
    DrawDigit(model, images, torch.arange(10))
    torch.testing.assert_close(list(model.parameters()), before, rtol=0, atol=0)


def test_nothing_drawn_is_not_encoded(digit):
    digit.pixels = BLANK
    assert digit.mu is None
    assert digit.log_var is None
    fig, alt = digit.still()
    assert fig.axes[1].lines[:] == []
    assert "empty sheet" in alt
    assert digit.page_state()["mu"] is None


def test_the_front_end_can_set_what_python_cannot(digit):
    digit.set_state({"mu": [1.0, 2.0], "log_var": [0.0, -1.0]})
    assert digit.mu == [1.0, 2.0]
    with pytest.raises(traitlets.TraitError, match="read-only"):
        digit.mu = [0.0, 0.0]


@pytest.mark.parametrize("count", [0, 783, 785])
def test_another_number_of_pixels_is_refused(digit, count):
    with pytest.raises(ValueError, match=f"wanted pixels as 784 bytes, got {count}"):
        digit.pixels = bytes(count)


def test_pixels_that_are_no_bytes_are_refused(digit):
    with pytest.raises(traitlets.TraitError, match="pixels"):
        digit.pixels = "a drawing"


def test_page_state_names_the_networks_and_is_small(digit):
    state = digit.page_state()
    for name in ("encoder", "decoder"):
        assert state[name] == {"network": network.pack(getattr(digit._model, name))["digest"]}
    assert len(json.dumps(state)) < 20_000


def test_rounded_weights_are_found_among_those_of_the_package(images):
    model = vaelib.pretrained("vae-2d")
    digit = DrawDigit(model, images, torch.arange(10))
    assert digit.encoder["digest"] == network.pack(model.encoder)["digest"]


def test_still_draws_the_drawing_the_map_with_its_ellipses_and_the_rebuilt_image(digit):
    fig, alt = digit.still()
    shown = fig.axes[0].get_images()[0].get_array()
    np.testing.assert_allclose(shown.flatten() * 255, list(digit.pixels), atol=1e-4)
    assert len(fig.axes[1].collections[0].get_offsets()) == 10
    assert len(fig.axes[1].lines) == 2
    assert fig.axes[2].get_images()[0].get_array().max() > 0
    assert "10 test images" in alt


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (vaelib.VAE(784, 8, 3), "2 dimensions, got 3"),
        (vaelib.VAE(16, 8, 2), "28 x 28 pixels, got 16"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(model, images, message):
    with pytest.raises(ValueError, match=message):
        DrawDigit(model, images, torch.arange(10))


def test_an_encoder_that_a_page_cannot_run_is_refused(images):
    model = vaelib.VAE(784, 8, 2)
    model.encoder[1] = torch.nn.Dropout()
    with pytest.raises(ValueError, match="got Dropout"):
        DrawDigit(model, images, torch.arange(10))


def test_no_choices_are_refused(model, images):
    with pytest.raises(ValueError, match="num_choices as an integer of 1 or more, got 0"):
        DrawDigit(model, images, torch.arange(10), num_choices=0)


def test_what_a_browser_sends_is_encoded(model, images):
    """Jupyter hands the bytes of a message over as a memoryview."""
    sheet = DrawDigit(model, images, torch.arange(10))
    before = sheet.mu
    sheet.set_state({"pixels": memoryview(bytes(range(256)) * 3 + bytes(16))})
    assert sheet.mu != before
    sheet.set_state({"pixels": memoryview(bytes(784))})
    assert sheet.mu is None
