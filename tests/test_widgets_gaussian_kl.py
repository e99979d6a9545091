import json

import pytest
import torch
import traitlets

import vaelib
from vaelib.widgets import GaussianKL


def test_it_begins_where_it_is_told():
    widget = GaussianKL(mu=-2, sigma=torch.tensor(0.25))
    assert (widget.mu, widget.sigma) == (-2.0, 0.25)
    assert (GaussianKL().mu, GaussianKL().sigma) == (1.5, 0.5)


def test_python_sets_it_and_is_told():
    widget, seen = GaussianKL(), []
    widget.observe(lambda change: seen.append((change.name, change.new)), ["mu", "sigma"])
    widget.mu, widget.sigma = 7, 4
    assert seen == [("mu", 7.0), ("sigma", 4.0)]


@pytest.mark.parametrize("sigma", [0, -1])
def test_a_deviation_that_is_not_above_0_is_refused(sigma):
    widget = GaussianKL()
    with pytest.raises(ValueError, match=f"wanted sigma above 0, got {sigma}"):
        widget.sigma = sigma
    assert widget.sigma == 0.5
    with pytest.raises(ValueError, match="wanted sigma above 0"):
        GaussianKL(sigma=sigma)


@pytest.mark.parametrize("name", ["mu", "sigma"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(name, value):
    with pytest.raises(ValueError, match=f"wanted {name} finite, got {value}"):
        GaussianKL(**{name: value})


def test_a_word_is_no_number():
    with pytest.raises(traitlets.TraitError, match="mu"):
        GaussianKL().mu = "far"


def test_page_gets_two_numbers():
    assert json.loads(json.dumps(GaussianKL(1, 2).page_state())) == {"mu": 1.0, "sigma": 2.0}


@pytest.mark.parametrize(("mu", "sigma"), [(1.5, 0.5), (0.0, 1.0), (40.0, 1e-6)])
def test_still_says_the_divergence(mu, sigma):
    fig, text = GaussianKL(mu, sigma).still()
    mu, sigma = torch.tensor([[mu], [sigma]], dtype=torch.float64)
    kl = vaelib.gaussian_kl(mu, 2 * sigma.log())
    assert f"KL {kl.item():.3f} nats" in text
    assert fig.axes[0].get_title() == f"KL = {kl.item():.3f} nats"
