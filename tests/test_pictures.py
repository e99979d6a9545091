"""From pixels to pictures: which way up, which colours, and what cannot be drawn."""

import json

import numpy as np
import pytest
import torch

import vaelib
from vaelib.pictures import image_of, image_shape, images_of


def test_grey_and_colour_pixels_stay_where_they_are():
    grey, colour = torch.rand(4, 1, 2, 3), torch.rand(4, 3, 2, 5)
    assert torch.equal(images_of(grey), grey[:, 0])
    assert torch.equal(images_of(grey[:, 0]), grey[:, 0])
    assert torch.equal(images_of(grey.flatten(1), (1, 2, 3)), grey[:, 0])
    assert torch.equal(images_of(colour), colour.permute(0, 2, 3, 1))
    assert torch.equal(images_of(colour.flatten(1), [3, 2, 5]), colour.permute(0, 2, 3, 1))
    assert torch.equal(image_of(colour[1]), colour[1].permute(1, 2, 0))
    assert torch.equal(image_of(grey[1].flatten(), (2, 3)), grey[1, 0])


def test_flattened_pixels_without_a_shape_are_a_grey_square():
    assert image_of(torch.rand(16)).shape == (4, 4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.bool])
def test_any_kind_of_pixels_is_drawn_in_float32(dtype):
    drawn = image_of(torch.tensor([[0.0, 1.0]]).to(dtype))
    assert drawn.dtype == torch.float32
    assert drawn.tolist() == [[0, 1]]


def test_pixels_beyond_the_interval_are_drawn_as_its_ends():
    assert image_of(torch.tensor([[-3.0, 0.5, 7.0]])).tolist() == [[0, 0.5, 1]]


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (torch.rand(2, 4, 4), r"1 channel \(grey\) or 3 .* got 2 channels of 4 x 4 pixels"),
        (torch.rand(5, 4, 4), "got 5 channels"),
        (torch.rand(15), r"got 15 pixels an image: give the model image_shape=\(C, H, W\)"),
        (torch.zeros(4, 4, dtype=torch.uint8), "got torch.uint8: divide bytes by 255"),
        (torch.full((4, 4), torch.nan), "wanted finite pixels"),
        (torch.rand(1, 1, 4, 4), r"got \(1, 1, 1, 4, 4\)"),
        (torch.rand(0), "wanted images of shape"),
        (torch.tensor(0.5), "got a single number"),
    ],
)
def test_what_cannot_be_drawn_is_named(pixels, message):
    with pytest.raises(ValueError, match=message):
        image_of(pixels)


@pytest.mark.parametrize("shape", [(3, 3), (1, 1, 2, 3), 6, (1, 2.0, 3), "123", (True, 2, 3)])
def test_a_shape_that_is_none_is_named(shape):
    with pytest.raises(ValueError, match=r"wanted image_shape as \(C, H, W\) of 6 pixels"):
        vaelib.VAE(6, 4, 2, image_shape=shape)


@pytest.mark.parametrize("make", [vaelib.VAE, vaelib.Autoencoder])
def test_a_model_keeps_the_shape_of_its_images_in_its_file(make, tmp_path):
    model = make(np.prod((3, 4, 2)), 4, 2, image_shape=np.array([3, 4, 2]))
    assert json.loads(json.dumps(model.arguments))["image_shape"] == [3, 4, 2]
    vaelib.save(model, tmp_path / "model")
    assert image_shape(vaelib.load(tmp_path / "model")) == model.image_shape == (3, 4, 2)


def test_a_model_that_was_told_nothing_makes_squares():
    assert vaelib.VAE(16, 4, 2).image_shape is None
    assert image_shape(vaelib.VAE(16, 4, 2)) == (1, 4, 4)
    with pytest.raises(ValueError, match="got 15 pixels an image"):
        image_shape(vaelib.VAE(15, 4, 2))
