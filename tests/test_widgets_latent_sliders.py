import base64
import io
import math

import numpy as np
import PIL.Image
import pytest
import torch
import traitlets
from torch import nn

import vaelib
from vaelib import drawings
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
    """The pixels that the widget shows, 255 for ink."""
    return np.frombuffer(sliders.pixels, np.uint8).reshape(sliders.shape)


def expected(model, z) -> np.ndarray:
    like = next(model.parameters()) if isinstance(model, nn.Module) else torch.empty(0)
    with torch.no_grad():
        image = model.decode(like.new_tensor([z])).float().clamp(0, 1)
    side = round(image.numel() ** 0.5)
    return (image * 255).round().view(side, side).numpy()


@pytest.mark.parametrize("name", MODELS)
def test_any_decoder_has_a_slider_for_each_coordinate_and_shows_its_image(name):
    model = MODELS[name]()
    sliders = latent_sliders(model)
    assert len(sliders.ranges) == model.latent_dim == len(sliders.z)
    sliders.z = [0.3] * model.latent_dim
    np.testing.assert_allclose(shown(sliders), expected(model, sliders.z), atol=1)


@pytest.fixture
def sliders():
    torch.manual_seed(0)
    return latent_sliders(vaelib.VAE(16, 8, 3))


def test_what_a_browser_sets_moves_z_and_the_image(sliders):
    before = shown(sliders)
    sliders.set_state({"z": [0, 3, 0]})
    assert sliders.z == [0.0, 3.0, 0.0]
    assert (shown(sliders) != before).any()


def test_what_python_sets_stands_and_it_hears_of_it_once(sliders):
    seen = []
    sliders.observe(lambda change: seen.append(change.new), "z")
    sliders.z = [1.541, -2, 9]  # between two steps of a slider, and beyond its end
    assert sliders.z == [1.541, -2.0, 9.0]
    assert seen == [[1.541, -2.0, 9.0]]


def test_a_linked_widget_gets_what_python_set(sliders):
    other = latent_sliders(vaelib.VAE(16, 8, 3))
    traitlets.link((sliders, "z"), (other, "z"))
    sliders.z = [1.541, 0, 0]
    assert other.z == sliders.z == [1.541, 0.0, 0.0]


def test_a_draw_from_the_prior_and_back(sliders):
    sliders.sample(torch.Generator().manual_seed(0))
    drawn = torch.randn(3, generator=torch.Generator().manual_seed(0))
    assert sliders.z == pytest.approx(drawn.tolist())
    sliders.reset()
    assert sliders.z == [0.0, 0.0, 0.0]


def test_the_buttons_do_the_same(sliders):
    sliders._handle_custom_msg("sample", [])
    assert sliders.z != [0.0, 0.0, 0.0]
    sliders._handle_custom_msg("reset", [])
    assert sliders.z == [0.0, 0.0, 0.0]


def test_ranges_are_one_for_all_or_one_for_each():
    model = vaelib.VAE(16, 8, 2)
    assert latent_sliders(model, (-1, 2)).ranges == [(-1, 2), (-1, 2)]
    assert latent_sliders(model, [(-1, 2), (3, 4)]).ranges == [(-1, 2), (3, 4)]


class Decoder:
    """Makes an image of one shape of everything."""

    latent_dim = np.int64(2)

    def __init__(self, *shape, image_shape=None):
        self.shape, self.image_shape = shape, image_shape

    def decode(self, z):
        return torch.linspace(0, 1, math.prod(self.shape)).view(len(z), *self.shape)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (Decoder(3, 4, 4), [4, 4, 3]),
        (Decoder(1, 2, 8), [2, 8]),
        (Decoder(2, 8), [2, 8]),
        (Decoder(48, image_shape=(3, 8, 2)), [8, 2, 3]),
        (Decoder(36, image_shape=(1, 9, 4)), [9, 4]),
        (vaelib.VAE(560, 8, 2, image_shape=(28, 20)), [28, 20]),
    ],
)
def test_images_in_colour_and_oblong_ones_are_shown(model, shape):
    sliders = latent_sliders(model)
    assert sliders.shape == shape
    if isinstance(model, Decoder):
        last = model.decode([0.0])[..., -1].flatten()[-1]  # of the last channel, in the last place
        assert shown(sliders).flat[-1] == round(255 * last.item())
    assert sliders.still()[0].axes[0].get_images()[0].get_array().shape == tuple(shape)


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


class Broken(Bright):
    def decode(self, z):
        return z.repeat(1, 4) / 0


class Mute:
    latent_dim = 2


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (vaelib.VAE(12, 8, 2), "their shape, got 12 pixels"),
        (Decoder(4, 4, 4), "1 channel .grey. or 3 .*got 4 channels of 4 x 4"),
        (Decoder(4, 4, 4, 4), r"got \(1, 4, 4, 4, 4\)"),
        (Decoder(), "one image.*got"),
        (Broken(), "finite pixels"),
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


def test_in_the_book_it_has_the_drawings_of_a_figure(sliders, monkeypatch):
    assert drawings.KEY not in sliders._repr_mimebundle_()[1]
    monkeypatch.setenv(drawings.WANTED, "1")
    assert sliders._repr_mimebundle_()[1][drawings.KEY]["narrow"]["size"][0] == 350


def test_still_draws_the_image_and_where_the_sliders_stand(sliders):
    sliders.z = [1.0, 2.0, 9.0]
    left, right = sliders.still()[0].axes
    assert left.get_images()[0].get_array().shape == (4, 4)
    assert list(right.lines[0].get_ydata()) == [1.0, 2.0, 9.0]


def test_repr_is_stable(sliders):
    assert repr(sliders) == "LatentSliders(3 dimensions)"
