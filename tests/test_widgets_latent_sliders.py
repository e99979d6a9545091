import base64
import io
import re

import numpy as np
import PIL.Image
import pytest
import torch
import traitlets
from torch import nn

import vaelib
from vaelib.widgets import base, latent_sliders


class Convolutional(nn.Module):
    """A decoder that no page could run."""

    latent_dim = 7

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(7, 8),
            nn.Unflatten(1, (2, 2, 2)),
            nn.ConvTranspose2d(2, 1, 4, 4),
            nn.Sigmoid(),
        )

    def decode(self, z):
        return self.net(z)  # (B, 7) -> (B, 1, 8, 8)


class Bright:
    """No PyTorch module at all, and images beyond [0, 1]."""

    latent_dim = 1

    def decode(self, z):
        return 3 * z.repeat(1, 4)


MODELS = {
    "VAE": lambda: vaelib.VAE(16, 8, 3),
    "Autoencoder": lambda: vaelib.Autoencoder(16, 8, 2),
    "LinearVAE": lambda: vaelib.LinearVAE(9, 4),
    "double": lambda: vaelib.VAE(16, 8, 5).double(),
    "Convolutional": Convolutional,
    "Bright": Bright,
}


def shown(sliders) -> np.ndarray:
    """The pixels that the widget shows, 0 for ink and 255 for none."""
    data = re.search(r"base64,([^\"]+)\"", sliders._picture.value)[1]
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(data))))


def expected(model, z) -> np.ndarray:
    like = next(model.parameters()) if isinstance(model, nn.Module) else torch.empty(0)
    with torch.no_grad():
        image = model.decode(like.new_tensor([z])).float().clamp(0, 1)
    side = round(image.numel() ** 0.5)
    return ((1 - image) * 255).round().view(side, side).numpy()


@pytest.mark.parametrize("name", MODELS)
def test_any_decoder_has_a_slider_for_each_coordinate_and_shows_its_image(name):
    model = MODELS[name]()
    sliders = latent_sliders(model)
    assert len(sliders._sliders) == model.latent_dim == len(sliders.z)
    sliders.z = [0.3] * model.latent_dim
    np.testing.assert_allclose(shown(sliders), expected(model, sliders.z), atol=1)


@pytest.fixture
def sliders():
    torch.manual_seed(0)
    return latent_sliders(vaelib.VAE(16, 8, 3))


def test_a_slider_moves_z_and_the_image(sliders):
    before = shown(sliders)
    sliders._sliders[1].value = 3.0
    assert sliders.z == [0.0, 3.0, 0.0]
    assert (shown(sliders) != before).any()
    assert 'alt="Image decoded at z = (0.00, 3.00, 0.00)"' in sliders._picture.value


def test_python_moves_the_sliders_and_hears_of_it_once(sliders):
    seen = []
    sliders.observe(lambda change: seen.append(change.new), "z")
    sliders.z = [1, -2, 0.5]
    assert [slider.value for slider in sliders._sliders] == [1.0, -2.0, 0.5]
    assert seen == [[1.0, -2.0, 0.5]]


def test_z_beyond_the_sliders_stands_and_they_show_the_end(sliders):
    sliders.z = [9.0, 0.0, -9.0]
    assert sliders.z == [9.0, 0.0, -9.0]
    assert [slider.value for slider in sliders._sliders] == [3.0, 0.0, -3.0]


def test_a_draw_from_the_prior_and_back(sliders):
    sliders.sample(torch.Generator().manual_seed(0))
    drawn = torch.randn(3, generator=torch.Generator().manual_seed(0))
    assert sliders.z == pytest.approx(drawn.tolist())
    sliders.reset()
    assert sliders.z == [0.0, 0.0, 0.0]


def test_the_buttons_do_the_same(sliders):
    sample, reset = sliders.children[1].children
    sample.click()
    assert sliders.z != [0.0, 0.0, 0.0]
    reset.click()
    assert sliders.z == [0.0, 0.0, 0.0]


def test_ranges_are_one_for_all_or_one_for_each():
    model = vaelib.VAE(16, 8, 2)
    ends = lambda sliders: [(s.min, s.max) for s in sliders._sliders]  # noqa: E731
    assert ends(latent_sliders(model, (-1, 2))) == [(-1, 2), (-1, 2)]
    assert ends(latent_sliders(model, [(-1, 2), (3, 4)])) == [(-1, 2), (3, 4)]


@pytest.mark.parametrize(
    "ranges", [(1, -1), (0, 0), 3, (0, float("nan")), [(0, 1)] * 3, (0, 1, 2), "ab", None]
)
def test_ranges_that_are_none_are_refused(ranges):
    with pytest.raises(ValueError, match=r"wanted ranges as \(low, high\) or 2 such pairs"):
        latent_sliders(vaelib.VAE(16, 8, 2), ranges)


@pytest.mark.parametrize("value", [[1.0], [1.0] * 4, [0.0, 0.0, float("nan")], "abc"])
def test_a_latent_that_does_not_fit_is_refused(sliders, value):
    with pytest.raises((ValueError, traitlets.TraitError), match=r"\bz\b|number|finite"):
        sliders.z = value
    assert sliders.z == [0.0, 0.0, 0.0]


class Colourful(Bright):
    def decode(self, z):
        return torch.zeros(1, 3, 4, 4)


class Flat(Bright):
    def decode(self, z):
        return torch.zeros(1, 2, 8)


class Broken(Bright):
    def decode(self, z):
        return z.repeat(1, 4) / 0


class Mute:
    latent_dim = 2


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (vaelib.VAE(12, 8, 2), r"square images of one channel.*\(1, 12\)"),
        (Colourful(), r"one channel.*\(1, 3, 4, 4\)"),
        (Flat(), r"square.*\(1, 2, 8\)"),
        (Broken(), "finite images"),
        (Mute(), "a function `decode`.*got Mute"),
        (nn.Linear(2, 4), "latent_dim.*got Linear"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        latent_sliders(model)


def test_display_holds_a_picture_and_says_that_a_page_cannot_run_it(sliders):
    data, metadata = sliders._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == sliders.model_id
    assert data["text/plain"] == metadata["image/png"]["alt"] == sliders.still()[1]
    assert metadata[base.STATE] == {"widget": "latent_sliders", "state": {}}
    assert PIL.Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 300


def test_still_draws_the_image_and_where_the_sliders_stand(sliders):
    sliders.z = [1.0, 2.0, 9.0]
    left, right = sliders.still()[0].axes
    assert left.get_images()[0].get_array().shape == (4, 4)
    assert list(right.lines[0].get_ydata()) == [1.0, 2.0, 9.0]


def test_repr_is_stable(sliders):
    assert repr(sliders) == "LatentSliders(3 dimensions)"
