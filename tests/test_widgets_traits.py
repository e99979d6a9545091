"""Numbers of every kind that a reader sets a trait to."""

import numpy as np
import pytest
import torch
import traitlets

import vaelib
from vaelib import widgets
from vaelib.widgets.traits import Finite, Numbers, Pixels, Switch, Whole, WrongValue, finite_list


class Thing(traitlets.HasTraits):
    number = Finite(1.0)
    point = finite_list([0.0, 0.0])
    some = Numbers([1.0], 1, 3)
    whole = Whole(0)
    switch = Switch(False)
    pixels = Pixels(bytes(4))


POINTS = {
    "list": [1, -2.5],
    "tuple": (1, -2.5),
    "array": np.array([1, -2.5], np.float32),
    "tensor": torch.tensor([1, -2.5]),
    "encoded": torch.tensor([[1, -2.5]], dtype=torch.float64, requires_grad=True),
    "half": torch.tensor([1, -2.5], dtype=torch.bfloat16),
    "scalars": [np.float64(1), torch.tensor(-2.5)],
}


@pytest.mark.parametrize("value", POINTS.values(), ids=POINTS)
def test_a_point_is_taken_from_any_library(value):
    thing = Thing(point=value)
    assert thing.point == [1.0, -2.5]
    assert all(type(each) is float for each in thing.point)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), torch.tensor(torch.nan), -np.inf])
def test_a_number_that_is_not_finite_is_refused(value):
    thing = Thing()
    with pytest.raises(ValueError, match=r"wanted number finite, got -?(nan|inf)"):
        thing.number = value
    with pytest.raises(ValueError, match=r"wanted point\[1\] finite, got -?(nan|inf)"):
        thing.point = [0.0, value]
    assert (thing.number, thing.point) == (1.0, [0.0, 0.0])


@pytest.mark.parametrize(
    "value",
    [
        *([1.0], [1.0, 2.0, 3.0], ["a", "b"], [True, False], None, 1.0, "12", {1.0, 2.0}),
        *(torch.zeros(2, 2), np.zeros((1, 1, 2)), torch.tensor(0.0), [[1.0, 2.0]]),
    ],
    ids=str,
)
def test_a_point_is_two_numbers(value):
    thing = Thing()
    with pytest.raises(WrongValue, match=r"(?s)wanted point.*got "):
        thing.point = value
    assert thing.point == [0.0, 0.0]


def test_a_list_says_how_many_numbers_it_takes():
    with pytest.raises(WrongValue, match=r"wanted some as 1 to 3 numbers, got \[\]"):
        Thing().some = []


@pytest.mark.parametrize("value", [2, np.float16(2), np.array(2), torch.tensor(2.0), np.int64(2)])
def test_a_number_is_taken_from_any_library(value):
    assert type(Thing(number=value).number) is float


@pytest.mark.parametrize("value", ["2", True, np.bool_(True), 1j, None, torch.ones(2)], ids=str)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(WrongValue, match="number"):
        Thing().number = value


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)])
def test_an_integer_is_taken_from_any_library(value):
    whole = Thing(whole=value).whole
    assert type(whole) is int
    assert whole == 3


@pytest.mark.parametrize(
    "value", [3.0, 3.7, True, torch.tensor(True), torch.tensor(3.0), "3", None, np.ones(2, int)]
)
def test_what_is_no_integer_is_refused(value):
    with pytest.raises(WrongValue, match="whole"):
        Thing().whole = value


@pytest.mark.parametrize("value", [True, np.bool_(True), torch.tensor(True)])
def test_a_switch_is_taken_from_any_library(value):
    assert Thing(switch=value).switch is True
    with pytest.raises(WrongValue, match="wanted switch as True or False, got 1"):
        Thing().switch = 1


IMAGE = [[0.0, 1.0], [0.2, 0.6]]
IMAGES = {
    "bytes": bytes([0, 255, 51, 153]),
    "memoryview": memoryview(bytes([0, 255, 51, 153])),
    "tensor": torch.tensor([IMAGE], requires_grad=True),
    "array": np.array(IMAGE),
    "uint8": torch.tensor([0, 255, 51, 153], dtype=torch.uint8),
}


@pytest.mark.parametrize("value", IMAGES.values(), ids=IMAGES)
def test_pixels_are_taken_as_bytes_or_as_an_image(value):
    assert Thing(pixels=value).pixels == bytes([0, 255, 51, 153])


@pytest.mark.parametrize("value", [4, "abcd", [0, 1, 2, 3], torch.arange(4), np.full(4, 2.0)])
def test_what_is_no_image_is_refused(value):
    with pytest.raises(WrongValue, match=r"wanted pixels as .*got"):
        Thing().pixels = value


def test_every_list_and_integer_of_every_widget_takes_tensors():
    model = vaelib.VAE(784, 8, 2)
    images, labels = torch.rand(9, 784), torch.arange(9)
    both = widgets.AutoencoderVersusVAE(vaelib.Autoencoder(784, 8, 2), model, images, labels)
    noise = widgets.Reparameterization(torch.tensor(0.5), np.float64(2), torch.zeros(3))
    explorer = widgets.LatentExplorer(model, images, labels, num_choices=np.int64(5))
    sliders = widgets.latent_sliders(model, np.array([-2, 2]))
    explorer.z = both.at = noise.drawn_with = sliders.z = torch.tensor([0.5, 2.0])
    assert explorer.z == both.at == noise.drawn_with == sliders.z == [0.5, 2.0]
    explorer.z = model.encode(images[:1])[0]
    explorer.chosen = noise.chosen = both.start = both.end = torch.tensor(2)
    noise.seed = both.seed = np.int64(2)
    sheet = widgets.DrawDigit(model, images, labels)
    sheet.pixels, sheet.seed = images[1], np.int32(4)
    wanted = widgets.DrawDigit(model, images[1:], labels[1:]).mu  # of a batch of another size
    assert sheet.mu == pytest.approx(wanted, abs=1e-5)
