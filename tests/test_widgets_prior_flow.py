import copy
import json

import numpy as np
import pytest
import torch

import vaelib
from vaelib.widgets import PriorFlow, network


@pytest.fixture(scope="module")
def model():
    """A VAE and a flow that has learned two clouds far from the middle."""
    torch.manual_seed(0)
    model, flow = vaelib.VAE(16, 8, 2), vaelib.LatentFlow(2, 16, num_steps=8)
    codes = torch.randn(500, 2) / 4 + torch.tensor([[3.0, 1.0], [-1.0, 1.0]]).repeat(250, 1)
    flow.learn(codes, steps=300)
    model.own_prior = flow
    return model


@pytest.fixture(scope="module")
def images():
    return torch.rand(10, 1, 4, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def widget(model, images):
    return PriorFlow(model, images, torch.arange(10), num_draws=30)


def test_at_the_end_the_draws_are_those_of_the_prior(widget, model, monkeypatch):
    """The same noise in the flow's own `sample`."""
    half = network.half(copy.deepcopy(model))
    noise = torch.tensor(widget.eps).view(-1, 2)
    monkeypatch.setattr("vaelib.models.latent_flow.StandardNormal.sample", lambda *_: noise.clone())
    torch.testing.assert_close(widget.z, half.own_prior.sample(num_samples=30))
    assert widget.z[:, 1].mean() > 0.7


def test_at_the_beginning_the_draws_are_the_noise(widget):
    widget.t = 0
    torch.testing.assert_close(widget.z.flatten(), torch.tensor(widget.eps))


def test_noise_is_standard_normal(model, images):
    eps = torch.tensor(PriorFlow(model, images, torch.arange(10), num_draws=1000).eps)
    assert abs(eps.mean()) < 5 / 2000**0.5
    assert abs(eps.square().mean() - 1) < 5 * (2 / 2000) ** 0.5


def test_between_two_steps_a_draw_goes_straight(widget):
    """In the standardised coordinates of the flow, of which each of the 8 steps is 1 / 8."""
    flow = widget._model.prior()

    def standardised(t):
        widget.t = t
        return (widget.z - t * flow.middle) / (1 - t + t * flow.spread)

    first, between, second = (standardised(t) for t in (0.25, 0.3, 0.375))
    torch.testing.assert_close(between, 0.6 * first + 0.4 * second)


def test_page_gets_the_codes_and_two_networks(widget, model, images):
    codes = torch.from_numpy(np.frombuffer(widget.codes, "<f2").astype("f4")).view(10, 2)
    half = network.half(copy.deepcopy(model))
    with torch.no_grad():
        mu, log_var = half.encode(images)
    far = (codes - mu) / (log_var / 2).exp()
    assert 0.3 < far.abs().mean() < 1.5  # draws, not means
    assert far.abs().max() < 5
    state = widget.page_state()
    for name, part in (("flow", model.own_prior.net), ("decoder", model.decoder)):
        assert state[name] == {"network": network.pack(part)["digest"]}
    assert widget.frame["steps"] == 8
    assert widget.frame["middle"] == model.own_prior.middle.tolist()
    assert list(widget.labels) == list(range(10))


def test_map_has_room_for_the_codes_and_the_noise(widget):
    box = widget.extent
    assert box["left"] < -3 < 3 < box["right"]
    assert box["bottom"] < -3 < 3 < box["top"]


def test_state_is_small(model, images):
    widget = PriorFlow(model, images.repeat(200, 1, 1, 1), torch.arange(10).repeat(200))
    assert len(json.dumps(widget.page_state())) < 20_000


def test_still_draws_codes_draws_and_what_is_decoded_of_them(widget):
    widget.t = 0.5
    fig, alt = widget.still()
    plane, before, now = fig.axes
    assert len(plane.collections[0].get_offsets()) == 10
    spots = np.concatenate([line.get_xydata() for line in plane.lines[-2:]])
    wanted = torch.cat([widget.z[24:], widget.z[:24]])
    np.testing.assert_allclose(spots, wanted, atol=1e-5)
    tiles = [np.asarray(ax.get_images()[0].get_array())[:4, :4] for ax in (before, now)]
    for z, tile in zip((torch.tensor(widget.eps[:2]), widget.z[0]), tiles, strict=True):
        np.testing.assert_allclose(tile.ravel(), widget._model.decode(z).detach(), atol=1e-6)
    assert now.get_title() == "t = 0.50"
    assert "30 draws at t = 0.50" in alt


def test_python_sets_the_time_and_the_noise(widget):
    widget.t = np.float32(0.25)
    widget.eps = torch.ones(6)
    assert widget.z.shape == (3, 2)
    assert widget.still()[1].startswith("3 draws")


@pytest.mark.parametrize("t", [-0.1, 1.1, float("nan")])
def test_a_time_that_is_none_is_refused(widget, t):
    with pytest.raises(ValueError, match="wanted t"):
        widget.t = t
    assert widget.t == 1


@pytest.mark.parametrize("eps", [[1.0], [1.0, 2.0, 3.0], [0.0] * 2002, [1.0, float("inf")]])
def test_noise_that_is_none_is_refused(widget, eps):
    with pytest.raises(ValueError, match="wanted eps"):
        widget.eps = eps


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_draws": 0}, "num_draws as an integer of 1 or more, got 0"),
        ({"num_draws": 1001}, "at most 1000, got 1001"),
        ({"t": 2}, "t from 0 to 1, got 2"),
        ({"seed": 1.5}, "seed"),
    ],
)
def test_an_argument_that_is_out_of_range_is_refused(model, images, options, message):
    with pytest.raises(ValueError, match=message):
        PriorFlow(model, images, torch.arange(10), **options)


def with_flow(flow, *sizes, **options):
    model = vaelib.VAE(*(sizes or (16, 8, 2)), **options)
    model.own_prior = flow
    return model


def strange_flow():
    flow = vaelib.LatentFlow(2)
    flow.net[1] = torch.nn.Softplus()
    return flow


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (vaelib.VAE(16, 8, 2), "prior is a vaelib.LatentFlow, got a VAE with StandardNormal.*VAE"),
        (vaelib.VampPriorVAE(16, 8, 2, 3), "a vaelib.LatentFlow, got a VampPriorVAE"),
        (vaelib.LatentFlowVAE(16, 8, 2), "LatentFlow, got a LatentFlowVAE with StandardNormal"),
        (with_flow(vaelib.LatentFlow(3), 16, 8, 3), "2 dimensions, got 3"),
        (with_flow(vaelib.LatentFlow(3)), "flow of 2 dimensions, got 3"),
        (with_flow(strange_flow()), "got Softplus"),
        (
            with_flow(vaelib.LatentFlow(2), likelihood="continuous_bernoulli"),
            "bernoulli or gaussian.*got continuous_bernoulli",
        ),
        (torch.nn.Linear(16, 2), "2 dimensions, got Linear"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(model, images, message):
    with pytest.raises(ValueError, match=message):
        PriorFlow(model, images, torch.arange(10))


def test_labels_that_do_not_fit_are_refused(model, images):
    with pytest.raises(ValueError, match="10 integer labels"):
        PriorFlow(model, images, torch.arange(9))


def test_a_learned_family_is_taken(images):
    model = vaelib.LatentFlowVAE(16, 8, 2, 8, flow_steps=2)
    model.learn_prior(torch.randn(50, 2))
    assert PriorFlow(model, images, torch.arange(10)).z.shape == (200, 2)
