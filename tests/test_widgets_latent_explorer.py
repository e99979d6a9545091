import copy

import numpy as np
import pytest
import torch

import vaelib
from vaelib.widgets import LatentExplorer, network
from vaelib.widgets.latent_explorer import check_labels, extent_of


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return vaelib.VAE(16, 8, 2)


@pytest.fixture(scope="module")
def images():
    return torch.rand(10, 1, 4, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def explorer(model, images):
    return LatentExplorer(model, images, torch.arange(10), num_choices=4)


def test_front_end_gets_what_the_model_encodes(explorer, model, images):
    with torch.no_grad():
        mu, log_var = network.half(copy.deepcopy(model)).encode(images)
    means = np.frombuffer(explorer.means, "<f4").reshape(10, 2)
    np.testing.assert_array_equal(means, mu.numpy())
    np.testing.assert_array_equal(
        np.frombuffer(explorer.log_var, "<f4").reshape(4, 2), log_var[:4].numpy()
    )
    pixels = np.frombuffer(explorer.images, np.uint8).reshape(4, 16)
    np.testing.assert_allclose(pixels / 255, images[:4].flatten(1).numpy(), atol=0.5 / 255 + 1e-6)
    assert list(explorer.labels) == list(range(10))


def test_it_begins_at_the_first_image(explorer, model, images):
    assert explorer.chosen == 0
    assert explorer.z == pytest.approx(model.encode(images)[0][0].tolist(), rel=1e-2)


def test_python_moves_the_point_and_is_told_when_it_moves(explorer):
    seen = []
    explorer.observe(lambda change: seen.append(change.new), "z")
    explorer.z = [1, -2]
    assert seen == [[1.0, -2.0]]


def test_a_point_beyond_the_map_is_allowed(explorer):
    explorer.z = [50.0, 0.0]
    assert explorer.z == [50.0, 0.0]
    assert explorer.still()[1]


@pytest.mark.parametrize("chosen", [-1, 4])
def test_an_image_that_cannot_be_chosen_is_refused(explorer, chosen):
    with pytest.raises(ValueError, match=f"from 0 to 3, got {chosen}"):
        explorer.chosen = chosen


def test_still_draws_the_map_and_the_decoded_image(explorer, model):
    fig, alt = explorer.still()
    assert len(fig.axes[0].collections[0].get_offsets()) == 10
    drawn = fig.axes[1].get_images()[0].get_array()
    torch.testing.assert_close(
        torch.tensor(np.asarray(drawn)).flatten(),
        network.half(copy.deepcopy(model)).decode(torch.tensor(explorer.z)).detach(),
    )
    assert "10 images" in alt


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (vaelib.VAE(16, 8, 3), "2 dimensions, got 3.*latent_sliders"),
        (vaelib.VAE(12, 8, 2), "pixels"),
        (torch.nn.Linear(16, 2), "2 dimensions, got Linear"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(model, images, message):
    with pytest.raises(ValueError, match=message):
        LatentExplorer(model, images, torch.arange(10))


def test_a_decoder_that_a_page_cannot_run_is_refused(images):
    model = vaelib.VAE(16, 8, 2)
    model.decoder[1] = torch.nn.Dropout()
    with pytest.raises(ValueError, match="got Dropout"):
        LatentExplorer(model, images, torch.arange(10))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (list(range(10)), "as a tensor, got a list"),
        (torch.arange(9), r"10 integer labels.*\(9,\)"),
        (torch.arange(10.0), "integer labels.*float32"),
        (torch.arange(10) - 1, "from 0 to 255, got -1"),
        (torch.arange(10) + 250, "to 259"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        check_labels(labels, 10)


def test_no_choices_are_refused(model, images):
    with pytest.raises(ValueError, match="num_choices as an integer of 1 or more, got 0"):
        LatentExplorer(model, images, torch.arange(10), num_choices=0)


def test_extent_holds_all_means_with_a_margin():
    extent = extent_of(torch.tensor([[0.0, -1.0], [2.0, 3.0]]), margin=0.1)
    assert extent == pytest.approx({"left": -0.2, "right": 2.2, "bottom": -1.4, "top": 3.4})


def test_extent_of_one_point_has_a_size():
    extent = extent_of(torch.zeros(1, 2))
    assert extent["right"] > extent["left"]
    assert extent["top"] > extent["bottom"]


def test_reconstruction_loss_is_the_mean_over_draws_from_the_posterior(explorer, model, images):
    """Within five standard errors of as many other draws."""
    half = network.half(copy.deepcopy(model))
    with torch.no_grad():
        mu, log_var = half.encode(images[:4])
        eps = torch.randn(1000, 4, 2, generator=torch.Generator().manual_seed(1))
        z = mu + (log_var / 2).exp() * eps
        losses = -vaelib.reconstruction_log_likelihood(half, images[:4], z)
    found = torch.tensor(np.frombuffer(explorer.reconstruction_loss, "<f4").copy())
    assert ((found - losses.mean(0)).abs() < 5 * losses.std(0) * (2 / 1000) ** 0.5).all()


def test_it_keeps_the_model_as_it_was(model, images):
    changed = copy.deepcopy(model)
    explorer = LatentExplorer(changed, images, torch.arange(10))
    before = network.decoded_image(explorer._model, explorer.z)
    changed.decoder[-1].bias.data.fill_(9)
    np.testing.assert_array_equal(network.decoded_image(explorer._model, explorer.z), before)


def test_images_in_double_precision_are_taken(model, images):
    assert LatentExplorer(model, images.double(), torch.arange(10)).means


def test_half_a_choice_is_refused(model, images):
    with pytest.raises(ValueError, match=r"integer of 1 or more, got 2\.5"):
        LatentExplorer(model, images, torch.arange(10), num_choices=2.5)
