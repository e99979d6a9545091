import copy
import json

import numpy as np
import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

import vaelib
from vaelib.widgets import BoundExplorer, base, bound_known, network

WEIGHTS = torch.tensor([[2.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
X = torch.tensor([1.5, 0.5, -1.0, 2.5, 0.25])


@pytest.fixture(scope="module")
def linear():
    """Its posterior is tilted."""
    return vaelib.LinearGaussian(WEIGHTS, torch.tensor([1.0, 0.0, -1.0, 2.0, 0.0]), 0.5)


@pytest.fixture(scope="module")
def model():
    """A VAE whose posteriors are far narrower than the prior, and no Gaussians."""
    torch.manual_seed(0)
    model = vaelib.VAE(64, 16, 2)
    with torch.no_grad():
        for layer in (model.decoder[0], model.decoder[2]):
            layer.weight.mul_(4)
    return model


@pytest.fixture(scope="module")
def images(model):
    """Draws of the model itself, (3, 1, 8, 8)."""
    z = torch.tensor([[0.5, -0.5], [-1.0, 0.3], [0.2, 1.2]])
    drawn = model.likelihood(z).sample(torch.Generator().manual_seed(1))
    return drawn.detach().view(3, 1, 8, 8)


@pytest.fixture(scope="module")
def shared(model, images, linear):
    return BoundExplorer(model, images, linear, X)


@pytest.fixture
def widget(shared):
    """As it begins."""
    shared.case = 1
    shared.case = 0
    return shared


def gaussian(widget):
    mu, sigma = (torch.tensor(each, dtype=torch.float64) for each in (widget.mu, widget.sigma))
    return Independent(Normal(mu, sigma), 1)


def places(widget):
    """Some q within the window."""
    centre, unit = widget.cases[widget.case]["centre"], widget.cases[widget.case]["unit"]
    for x, y, right, up in [
        (0, 0, 1, 1),
        (-5, 5, 2.5, 2.5),
        (3, 1.5, 1 / 3, 2.5),
        (1, -2, 0.4, 1 / 3),
    ]:
        with widget.hold_trait_notifications():
            widget.mu = [centre[0] + x * unit, centre[1] + y * unit]
            widget.sigma = [right * unit, up * unit]
        yield gaussian(widget)


def test_linear_numbers_are_those_of_torch_distributions(widget, linear):
    bias = linear.mean.double()
    covariance = (linear.weights @ linear.weights.T + 0.25 * torch.eye(5)).double()
    evidence = MultivariateNormal(bias, covariance).log_prob(X.double()).item()
    mean, spread = linear.posterior(X[None])
    posterior = MultivariateNormal(mean[0].double(), spread.double())
    for q in places(widget):
        dense = MultivariateNormal(q.mean, torch.diag(q.variance))
        terms = widget.terms
        assert terms.log_likelihood == pytest.approx(evidence, abs=1e-5)
        assert terms.gap == pytest.approx(kl_divergence(dense, posterior).item(), rel=1e-4)
        assert terms.elbo + terms.gap == pytest.approx(terms.log_likelihood, abs=1e-9)


def test_where_q_is_the_posterior_there_is_no_gap(model, images, linear):
    axes = torch.linalg.svd(WEIGHTS)[2].T
    upright = vaelib.LinearGaussian(WEIGHTS @ axes, linear.mean, 0.5)
    widget = BoundExplorer(model, images, upright, X[None])
    best = widget.cases[0]["best"]
    widget.mu, widget.sigma = best["mu"], best["sigma"]
    assert abs(widget.terms.gap) < 1e-8
    mean, covariance = upright.posterior(X[None])
    assert widget.mu == pytest.approx(mean[0].tolist(), rel=1e-4)
    assert widget.sigma == pytest.approx(covariance.diagonal().sqrt().tolist(), rel=1e-4)


@pytest.mark.parametrize("case", [1, 2, 3])
def test_numbers_of_an_image_are_those_of_the_whole_plane(widget, model, images, case):
    """From `grid_posterior` on a finer and far wider grid of its own; the ELBO is what is left."""
    half = network.half(copy.deepcopy(model)).double()
    whole = vaelib.grid_posterior(half, images[case - 1 : case].double(), edge=10, side=400)
    widget.case = case
    for q in places(widget):
        terms = widget.terms
        assert terms.log_likelihood == pytest.approx(whole.log_likelihood.item(), abs=2e-3)
        if (q.mean.abs() + 4 * q.stddev < 10).all() and (q.stddev > 0.02).all():
            gap = whole.kl(q.mean[None], q.variance.log()[None]).item()
            assert terms.gap == pytest.approx(gap, abs=0.01)
        assert terms.elbo + terms.gap == pytest.approx(terms.log_likelihood, abs=2e-3)


@torch.no_grad()
def test_the_elbo_of_an_image_is_the_mean_over_draws(widget, model, images):
    half = network.half(copy.deepcopy(model)).double()
    widget.case = 1
    for q in places(widget):
        z = q.sample((20_000,))
        values = half.likelihood(z).log_prob_of_each(images[:1].double())[0]
        values = values + half.prior().log_prob(z) - q.log_prob(z)
        error = values.std() / len(z) ** 0.5
        assert abs(values.mean() - widget.terms.elbo) < 5 * error + 1e-3


@pytest.mark.parametrize("case", range(4))
def test_no_q_nearby_is_better_than_the_best(widget, case):
    widget.case = case
    best, unit = widget.cases[case]["best"], widget.cases[case]["unit"]
    widget.mu, widget.sigma = best["mu"], best["sigma"]
    least = widget.terms.gap
    assert least > 0.001  # of a tilted posterior or of one that is no Gaussian
    for d in (0, 1):
        for step in (-0.1 * unit, 0.1 * unit):
            for name in ("mu", "sigma"):
                moved = list(best[name])
                moved[d] += step
                setattr(widget, name, moved)
                assert widget.terms.gap > least
                setattr(widget, name, best[name])


def test_encoders_q_is_that_of_the_model_or_none(widget, model, images):
    half = network.half(copy.deepcopy(model))
    with torch.no_grad():
        mu, log_var = half.encode(images)
    for case, mean, sigma in zip(widget.cases[1:], mu, (log_var / 2).exp(), strict=True):
        units = (torch.tensor(case["centre"]) - mean).abs().max() / case["unit"]
        widths = sigma / case["unit"]
        if units < 5 and widths.min() > 1 / 3 and widths.max() < 2.5:
            assert case["encoder"]["mu"] == pytest.approx(mean.tolist(), rel=1e-4)
            assert case["encoder"]["sigma"] == pytest.approx(sigma.tolist(), rel=1e-4)
        else:
            assert case["encoder"] is None
    assert widget.cases[0]["encoder"] is None


def test_a_new_case_begins_beside_its_posterior(widget):
    seen = []

    def note(change):
        seen.append(change.name)

    widget.observe(note, ["case", "mu", "sigma"])
    widget.case = torch.tensor(2)
    start = widget.cases[2]["start"]
    assert (widget.mu, widget.sigma) == (start["mu"], start["sigma"])
    assert set(seen) == {"case", "mu", "sigma"}
    widget.unobserve(note, ["case", "mu", "sigma"])
    assert 1 < widget.terms.gap < 100


def test_put_does_what_the_buttons_do(widget):
    widget.case = 1
    for where in ("best", "start"):
        widget.put(where)
        q = widget.cases[1][where]
        assert (widget.mu, widget.sigma) == (q["mu"], q["sigma"])
    widget.case = 0
    for where in ("encoder", "name", "worst"):
        with pytest.raises(ValueError, match=rf"one of \['best', 'start'\], got '{where}'"):
            widget.put(where)


def test_without_a_linear_model_the_first_case_is_an_image(model, images):
    widget = BoundExplorer(model, images, case=1)
    assert [case["name"] for case in widget.cases] == ["image 0", "image 1", "image 2"]
    assert (widget.case, widget.mu) == (1, widget.cases[1]["start"]["mu"])


def test_grey_images_of_gaussian_pixels_are_taken(images):
    torch.manual_seed(0)
    model = vaelib.VAE(64, 16, 2, likelihood="gaussian", sigma=0.5)
    grey = torch.rand(1, 64, generator=torch.Generator().manual_seed(0))
    widget = BoundExplorer(model, grey)
    assert (widget.likelihood, widget.pixel_sigma) == ("gaussian", 0.5)
    assert np.frombuffer(widget.images, "u1") == pytest.approx(grey[0].numpy() * 255, abs=0.51)
    assert widget.terms.elbo + widget.terms.gap == pytest.approx(
        widget.terms.log_likelihood, abs=1e-3
    )


def test_the_model_of_the_caller_stays_as_it_is(model, images):
    before = copy.deepcopy(model.state_dict())
    BoundExplorer(model, images)
    for name, weight in model.state_dict().items():
        assert weight.dtype == torch.float32
        torch.testing.assert_close(weight, before[name], rtol=0, atol=0)


def test_a_reader_s_default_precision_changes_nothing(model, images, linear, widget):
    torch.set_default_dtype(torch.float64)
    try:
        other = BoundExplorer(model, images, linear, X)
        assert other.cases == widget.cases
        other.case = widget.case = 1
        assert other.terms == widget.terms
        assert other.still()[1] == widget.still()[1]
    finally:
        torch.set_default_dtype(torch.float32)


def test_page_gets_the_cases_and_one_network(widget, model):
    state = widget.page_state()
    assert state["decoder"] == {"network": network.pack(model.decoder)["digest"]}
    assert json.loads(json.dumps(state["cases"])) == widget.cases
    assert len(json.dumps(state)) < 4000
    assert widget.cases[0]["x"] == X.tolist()
    assert [case.get("image") for case in widget.cases] == [None, 0, 1, 2]


def test_pages_know_the_same_window():
    files = [base.SOURCES / f"bound_{name}.js" for name in ("explorer", "known")]
    texts = [file.read_text(encoding="utf-8") for file in files]
    for name in ("VIEW", "REACH"):
        assert f"const {name} = {getattr(bound_known, name)};" in texts[0]
    for name in ("GRID", "CELLS"):
        assert f"const {name} = {getattr(bound_known, name)};" in texts[1]
    assert "const WIDTHS = [1 / 3, 2.5];" in texts[0]
    assert (bound_known.NARROWEST, bound_known.WIDEST) == (1 / 3, 2.5)


def test_still_tells_the_sum_as_a_reader_adds_it(widget):
    for case in range(4):
        widget.case = case
        fig, alt = widget.still()
        plane, bar = fig.axes
        told = bar.get_title()
        assert told in alt
        assert widget.cases[case]["name"] in alt
        elbo, gap, whole = (float(word) for word in told.split() if word[-1].isdigit())
        assert elbo + gap == pytest.approx(whole, abs=1e-9)
        assert whole == pytest.approx(widget.terms.log_likelihood, abs=0.0051)
        assert gap == pytest.approx(widget.terms.gap, abs=0.0051)
        assert elbo == pytest.approx(widget.terms.elbo, abs=0.0121)
        assert len(plane.collections) == 3


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("case", 4, "wanted case as an integer from 0 to 3, got 4"),
        ("case", -1, "wanted case as an integer from 0 to 3, got -1"),
        ("case", 1.0, "wanted case as an integer"),
        ("mu", [99.0, 0.0], r"wanted mu within .* of \(.*\) in each coordinate, got \[99.0, 0.0\]"),
        ("mu", [0.0], "wanted mu as 2 numbers"),
        ("mu", [0.0, float("nan")], r"wanted mu\[1\] finite, got nan"),
        ("sigma", [0.0, 0.2], r"wanted sigma from .* to .*, got \[0.0, 0.2\]"),
        ("sigma", [0.2, 9.0], r"wanted sigma from .* to .*, got \[0.2, 9.0\]"),
    ],
)
def test_a_trait_that_is_out_of_range_is_refused(widget, name, value, message):
    before = getattr(widget, name)
    with pytest.raises(ValueError, match=message):
        setattr(widget, name, value)
    assert getattr(widget, name) == before


def two_hills():
    """A model that decodes the same at z and at -z."""
    torch.manual_seed(0)
    model = vaelib.VAE(64, 16, 2)
    with torch.no_grad():
        first, second = model.decoder[0], model.decoder[2]
        first.bias.zero_()
        first.weight[8:] = -first.weight[:8]
        first.weight.mul_(4)
        second.weight[:, 8:] = second.weight[:, :8]
        second.weight.mul_(4)
        image = model.likelihood(torch.tensor([[1.0, 1.0]])).sample(torch.Generator())
    return model, image.view(1, 1, 8, 8)


def test_a_posterior_with_two_hills_is_refused():
    with pytest.raises(ValueError, match=r"wanted a posterior of one hill .* got that of image 0"):
        BoundExplorer(*two_hills())


def test_a_second_hill_beyond_the_grid_is_refused(shared):
    known = shared._known[1]
    places = torch.tensor([known.centre, (50.0, 50.0)], dtype=torch.float64)
    heights = torch.tensor([0.0, known.log_likelihood], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"single hill in the plane, got image 0 with 0\.01 of it"):
        bound_known.check_that_all_is_there(known, places, heights)
    heights[1] -= 10
    bound_known.check_that_all_is_there(known, places, heights)


BINARY = torch.ones(2, 1, 8, 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((vaelib.VAE(64, 8, 3), BINARY), "a latent of 2 dimensions, got 3"),
        ((vaelib.ConditionalVAE(64, 10, 8, 2), BINARY), "a model without labels, got a Condit"),
        ((vaelib.Autoencoder(64, 8, 2), BINARY), "Autoencoder"),
        ((vaelib.VAE(64, 8, 2, likelihood="continuous_bernoulli"), BINARY), "bernoulli or gauss"),
        ((vaelib.VAE(64, 8, 2), torch.ones(2, 1, 4, 16)), r"square images .*\(1, 4, 16\)"),
        ((vaelib.VAE(64, 8, 2), torch.ones(2, 49)), r"1 to 20 images of 64 pixels, got .*\(2, 49"),
        ((vaelib.VAE(64, 8, 2), torch.ones(21, 64)), r"1 to 20 images of 64 pixels, got .*\(21, "),
        ((vaelib.VAE(64, 8, 2), torch.ones(0, 64)), "got a tensor of shape"),
        ((vaelib.VAE(64, 8, 2), BINARY / 2), "wanted images of 0 and 1"),
        ((vaelib.VAE(64, 8, 2), BINARY * 2), r"intensities in \[0, 1\]"),
        ((vaelib.VAE(64, 8, 2), BINARY.numpy()), "wanted images as a torch.Tensor, got ndarray"),
    ],
)
def test_a_model_or_images_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BoundExplorer(*arguments)


NARROW = vaelib.LinearGaussian(WEIGHTS[:, :1], X, 0.5)
THIN = vaelib.LinearGaussian(WEIGHTS * torch.tensor([0.001, 100.0]), X, 0.5)


@pytest.mark.parametrize(
    ("other", "x", "message"),
    [
        (NARROW, X, "LinearGaussian with 2 latents, got a LinearGaussian with 1"),
        (None, X, "LinearGaussian with 2 latents, got a NoneType with none"),
        (vaelib.VAE(64, 8, 2), X, "LinearGaussian with 2 latents, got a VAE with 2"),
        (THIN, X, "posterior of one hill .* got that of linear-Gaussian model"),
        (..., None, "x as one datum of 5 numbers, got a NoneType"),
        (..., X[:4], r"x as one datum of 5 numbers, got shape \(4,\)"),
        (..., X / 0, r"x of finite numbers, got \[inf"),
    ],
)
def test_a_linear_model_or_a_datum_that_does_not_fit_is_refused(
    model, images, linear, other, x, message
):
    with pytest.raises(ValueError, match=message):
        BoundExplorer(model, images, linear if other is ... else other, x)


@pytest.mark.parametrize("case", [4, -1, True])
def test_a_first_case_that_is_none_is_refused(model, images, linear, case):
    with pytest.raises(ValueError, match="case as an integer"):
        BoundExplorer(model, images, linear, X, case=case)
