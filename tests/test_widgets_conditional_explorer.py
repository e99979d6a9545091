import copy

import numpy as np
import pytest
import torch

import vaelib
from vaelib.widgets import ConditionalExplorer, network


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return vaelib.ConditionalVAE(16, 5, 8, 2)


@pytest.fixture
def explorer(model):
    return ConditionalExplorer(model, label=3, z=(0.5, -1))


def decoded(model, label, z):
    """What the rounded model decodes, without vaelib's labels: the first bias takes a column."""
    half = network.half(copy.deepcopy(model))
    first, *rest = half.decoder
    with torch.no_grad():
        hidden = first.weight[:, :2] @ torch.tensor(z) + first.weight[:, 2 + label] + first.bias
        return torch.sigmoid(torch.nn.Sequential(*rest)(hidden))


def test_it_begins_where_it_is_told(explorer):
    assert (explorer.z, explorer.label, explorer.num_labels) == ([0.5, -1.0], 3, 5)


def test_page_gets_one_network_whose_first_layer_takes_z_and_the_label(explorer, model):
    first, *_, last = explorer.decoder["layers"]
    assert (first["inputs"], last["outputs"]) == (2 + 5, 16)
    digest = network.pack(model.decoder)["digest"]
    assert explorer.page_state()["decoder"] == {"network": digest}


def test_still_draws_the_point_the_image_and_that_of_each_label(explorer, model):
    fig, alt = explorer.still()
    plane, large, grid = fig.axes
    assert plane.lines[0].get_xydata().tolist() == [[0.5, -1.0]]
    drawn = np.asarray(large.get_images()[0].get_array())
    np.testing.assert_allclose(drawn.ravel(), decoded(model, 3, [0.5, -1.0]), atol=1e-6)
    rows = np.asarray(grid.get_images()[0].get_array())
    for label in range(5):
        top, left = 6 * (label // 2), 6 * (label % 2)
        tile = rows[top : top + 4, left : left + 4]
        np.testing.assert_allclose(
            tile.ravel(), decoded(model, label, [0.5, -1.0]), atol=1e-6, err_msg=str(label)
        )
    assert "(0.5, -1)" in alt
    assert "label 3" in alt


def test_python_moves_the_point_chooses_a_label_and_is_told(explorer):
    seen = []
    explorer.observe(lambda change: seen.append((change.name, change.new)), ["z", "label"])
    explorer.z = torch.tensor([1.0, 2.0])
    explorer.label = np.int64(4)
    assert seen == [("z", [1.0, 2.0]), ("label", 4)]


def test_a_point_beyond_the_plane_is_allowed(explorer):
    explorer.z = [50.0, 0.0]
    assert explorer.still()[1]


@pytest.mark.parametrize("label", [-1, 5])
def test_a_label_that_is_none_is_refused(explorer, model, label):
    with pytest.raises(ValueError, match=f"label from 0 to 4, got {label}"):
        explorer.label = label
    with pytest.raises(ValueError, match=f"label from 0 to 4, got {label}"):
        ConditionalExplorer(model, label=label)
    assert explorer.label == 3


@pytest.mark.parametrize("z", [(1.0,), (0.0, float("nan")), 3])
def test_a_point_that_is_none_is_refused(model, z):
    with pytest.raises(ValueError, match="z"):
        ConditionalExplorer(model, z=z)


def colored():
    return vaelib.ConditionalVAE(12, 5, 8, 2, image_shape=(3, 2, 2))


def dropped():
    model = vaelib.ConditionalVAE(16, 5, 8, 2)
    model.decoder[1] = torch.nn.Dropout()
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: vaelib.VAE(16, 8, 2), "takes labels, a vaelib.ConditionalVAE, got VAE.*Latent"),
        (lambda: torch.nn.Linear(2, 16), "takes labels.*got Linear"),
        (lambda: vaelib.ConditionalVAE(16, 5, 8, 3), "2 dimensions, got 3.*latent_sliders"),
        (
            lambda: vaelib.ConditionalVAE(16, 5, 8, 2).given(torch.tensor(1)),
            "the model itself.*labels are given.*latent_sliders",
        ),
        (
            lambda: vaelib.ConditionalVAE(16, 5, 8, 2, likelihood="continuous_bernoulli"),
            "bernoulli or gaussian in .0, 1., got continuous_bernoulli",
        ),
        (dropped, "got Dropout"),
        (colored, "one channel.*12"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        ConditionalExplorer(make())


def test_a_decoder_of_another_number_of_labels_is_refused(model):
    changed = copy.deepcopy(model)
    changed.num_labels = 4
    with pytest.raises(ValueError, match=r"from 2 latents and 4 labels to 16 pixels.*from 7 to 16"):
        ConditionalExplorer(changed)


def test_it_keeps_the_model_as_it_was(model):
    changed = copy.deepcopy(model)
    explorer = ConditionalExplorer(changed)
    before = explorer._decoded(0)
    changed.decoder[-1].bias.data.fill_(9)
    np.testing.assert_array_equal(explorer._decoded(0), before)
