import json

import pytest
import torch
import traitlets

from vaelib.widgets import Reparameterization


@pytest.fixture
def widget():
    return Reparameterization(mu=1.0, sigma=0.5, eps=[-1.0, 0.0, 2.0])


def test_noise_moves_along_with_mu_and_sigma(widget):
    assert widget.z == [0.5, 1.0, 2.0]
    widget.mu, widget.sigma = -1, 2
    assert widget.z == [-3.0, -1.0, 3.0]
    assert widget.eps == [-1.0, 0.0, 2.0]


def test_draws_sampled_directly_stay_until_they_are_drawn_again(widget):
    widget.direct = True
    widget.mu, widget.sigma = -1, 2
    assert widget.z == [0.5, 1.0, 2.0]
    widget.eps = [1.0]
    assert widget.z == [1.0]
    widget.mu = 0
    assert widget.z == [1.0]
    widget.direct = False
    assert widget.z == [2.0]


def test_noise_is_the_same_for_the_same_seed():
    noise = [Reparameterization(seed=seed).eps for seed in (3, 3, 4)]
    assert noise[0] == noise[1] != noise[2]
    assert len(noise[0]) == 10


def test_noise_may_be_a_tensor():
    assert Reparameterization(eps=torch.tensor([0.5, -0.5])).eps == [0.5, -0.5]


@pytest.mark.parametrize("chosen", [-1, 3])
def test_a_draw_that_is_not_there_is_refused(widget, chosen):
    with pytest.raises(ValueError, match=f"wanted chosen from 0 to 2, got {chosen}"):
        widget.chosen = chosen


def test_fewer_draws_choose_one_that_is_there(widget):
    widget.chosen = 2
    widget.eps = [0.1, 0.2]
    assert widget.chosen == 1


def test_front_end_draws_all_at_once(widget):
    widget.chosen = 2
    widget.set_state({"seed": 1, "chosen": 0, "drawn_with": [1.0, 0.5], "eps": [0.3]})
    assert (widget.eps, widget.chosen, widget.seed) == ([0.3], 0, 1)
    widget.set_state({"seed": 2, "chosen": 4, "drawn_with": [1.0, 0.5], "eps": [0.3] * 5})
    assert widget.chosen == 4


@pytest.mark.parametrize("eps", [[], [0.0] * 1001, [0.0, float("nan")], ["a"]])
def test_noise_is_1_to_1000_finite_numbers(widget, eps):
    with pytest.raises((ValueError, traitlets.TraitError)):
        widget.eps = eps
    assert widget.eps == [-1.0, 0.0, 2.0]
    with pytest.raises((ValueError, traitlets.TraitError)):
        Reparameterization(eps=eps)


@pytest.mark.parametrize("sigma", [0, -0.5])
def test_a_deviation_that_is_not_above_0_is_refused(widget, sigma):
    with pytest.raises(ValueError, match=f"wanted sigma above 0, got {sigma}"):
        widget.sigma = sigma
    with pytest.raises(ValueError, match="wanted sigma above 0"):
        widget.drawn_with = [0.0, sigma]


def test_page_gets_every_trait_and_little_of_it():
    state = Reparameterization(eps=torch.zeros(1000)).page_state()
    assert set(state) == set(Reparameterization.class_own_traits())
    assert len(json.dumps(Reparameterization().page_state())) < 1000
    assert len(json.dumps(state)) < 10_000


def test_still_shows_the_lines_and_says_so(widget):
    fig, text = widget.still()
    assert len(fig.axes[0].lines) == 3
    assert text.startswith("3 draws of eps")
    widget.direct = True
    assert "no line leads to them" in widget.still()[1]
