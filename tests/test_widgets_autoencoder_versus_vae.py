import json

import numpy as np
import pytest
import torch

import vaelib
from vaelib.widgets import AutoencoderVersusVAE, network


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(0)
    return vaelib.Autoencoder(16, 8, 2), vaelib.VAE(16, 8, 2)


@pytest.fixture(scope="module")
def images():
    return torch.rand(30, 1, 4, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def maps(models, images):
    return AutoencoderVersusVAE(*models, images, torch.arange(30), num_choices=8)


def test_front_end_gets_the_codes_and_what_standardises_them(maps, images):
    for name, plane in maps._planes.items():
        with torch.no_grad():
            codes = plane.model.encode(images)
        codes = codes[0] if name == "vae" else codes
        sent = np.frombuffer(getattr(maps, f"{name}_codes"), "<f4").reshape(30, 2)
        np.testing.assert_array_equal(sent, codes.numpy())
        frame = getattr(maps, f"{name}_frame")
        assert frame["mean"] == pytest.approx(codes.mean(0).tolist())
        assert frame["std"] == pytest.approx(codes.std(0).tolist())


def test_all_but_one_in_a_hundred_codes_have_another_within_the_radius():
    test = vaelib.mnist("test")
    models = vaelib.pretrained("autoencoder-2d"), vaelib.pretrained("vae-2d")
    maps = AutoencoderVersusVAE(*models, test.images[:500], test.labels[:500], num_choices=50)
    for plane in maps._planes.values():
        points = plane.standardised.double()
        gaps = (points[:, None] - points).norm(dim=2) + torch.eye(500) * 1e9
        assert (gaps.amin(1) > plane.radius).double().mean() == pytest.approx(0.01, abs=2e-3)


def test_it_begins_in_a_hole_of_the_autoencoder_and_in_none_of_the_vae():
    test = vaelib.mnist("test")
    models = vaelib.pretrained("autoencoder-2d"), vaelib.pretrained("vae-2d")
    maps = AutoencoderVersusVAE(*models, test.images[:1000], test.labels[:1000])
    ae, vae = maps._planes.values()
    at = torch.tensor([maps.at])
    assert ae.emptiness(at) > 1 > vae.emptiness(at)
    t = torch.linspace(0, 1, 9)[:, None]
    ways = [
        (1 - t) * plane.standardised[maps.start] + t * plane.standardised[maps.end]
        for plane in (ae, vae)
    ]
    assert ae.emptiness(ways[0]).max() > 1 > vae.emptiness(ways[1]).max()


def test_what_is_decoded_at_the_cursor_is_decoded_at_the_code_it_stands_for(maps):
    plane = maps._planes["autoencoder"]
    at = plane.standardised[3].tolist()
    with torch.no_grad():
        wanted = plane.model.decode(plane.codes[3]).view(4, 4)
    np.testing.assert_allclose(plane.decoded(at), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("start", 8, "wanted start from 0 to 7, got 8"),
        ("end", -1, "wanted end from 0 to 7, got -1"),
        ("t", 1.5, "wanted t from 0 to 1, got 1.5"),
        ("t", float("nan"), "finite, got nan"),
        ("at", [0.0, float("inf")], "finite, got inf"),
    ],
)
def test_bad_traits_are_refused(maps, name, value, message):
    before = getattr(maps, name)
    with pytest.raises(ValueError, match=message):
        setattr(maps, name, value)
    assert getattr(maps, name) == before


def test_python_moves_the_cursor(maps):
    maps.at = [20, -20]
    assert maps.at == [20.0, -20.0]
    assert maps.still()[1]


def test_page_state_names_the_decoders_and_is_small(maps):
    state = maps.page_state()
    for name, plane in maps._planes.items():
        digest = network.pack(plane.model.decoder)["digest"]
        assert state[f"{name}_decoder"] == {"network": digest}
    assert len(json.dumps(state)) < 20_000


def test_still_draws_two_maps_and_two_images(maps):
    fig, alt = maps.still()
    for ax in fig.axes[0::2]:
        assert len(ax.collections[0].get_offsets()) == 30
        assert len(ax.lines) == 2
    for ax, plane in zip(fig.axes[1::2], maps._planes.values(), strict=True):
        shown = ax.get_images()[0].get_array()
        np.testing.assert_allclose(np.asarray(shown), plane.decoded(maps.at))
    assert "30 images" in alt


def test_models_in_the_wrong_order_are_refused(models, images):
    with pytest.raises(ValueError, match="wanted an Autoencoder, got VAE"):
        AutoencoderVersusVAE(*reversed(models), images, torch.arange(30))


@pytest.mark.parametrize(
    ("vae", "message"),
    [
        (vaelib.VAE(16, 8, 3), "2 dimensions, got 3"),
        (vaelib.VAE(9, 8, 2), "same images, got 16 and 9"),
    ],
)
def test_a_vae_that_does_not_fit_is_refused(models, images, vae, message):
    with pytest.raises(ValueError, match=message):
        AutoencoderVersusVAE(models[0], vae, images, torch.arange(30))


@pytest.mark.parametrize(
    ("count", "choices", "message"),
    [(2, 2, "3 images or more, got 2"), (5, 1, "num_choices as an integer of 2 or more, got 1")],
)
def test_too_few_images_are_refused(models, images, count, choices, message):
    with pytest.raises(ValueError, match=message):
        AutoencoderVersusVAE(*models, images[:count], torch.arange(count), num_choices=choices)


def test_codes_that_are_all_the_same_are_refused(models, images):
    with pytest.raises(ValueError, match="differ on both axes"):
        AutoencoderVersusVAE(*models, images[:1].expand(5, -1, -1, -1), torch.arange(5))
