"""Likelihoods against torch.distributions, at the points where they lose digits, and bad images."""

import math

import mpmath
import numpy as np
import pytest
import torch
from torch import distributions

import vaelib
from vaelib import densities, likelihoods

DOUBLE = {"dtype": torch.float64}
LOGITS = [-60.0, -3.0, -0.5001, -0.4999, -1e-8, 0.0, 1e-8, 1e-3, 0.4999, 0.5001, 3.0, 60.0]


@pytest.mark.parametrize("logit", LOGITS)
def test_a_continuous_bernoulli_is_torch_s_where_that_has_its_digits(logit):
    logits = torch.tensor([logit], requires_grad=True, **DOUBLE)
    x = torch.tensor([0.3], **DOUBLE)
    ours = densities.continuous_bernoulli_log_likelihood(x, logits)
    theirs = distributions.ContinuousBernoulli(logits=logits.detach())
    if 0.1 < abs(logit) < 10:  # nearer to 0 it is a short Taylor series, further off it is cut
        assert ours.item() == pytest.approx(theirs.log_prob(x).item(), rel=1e-9)
        mean = densities.continuous_bernoulli_mean(logits).item()
        assert mean == pytest.approx(theirs.mean.item(), rel=1e-9)
    (slope,) = torch.autograd.grad(ours, logits)
    # d log p / d l = x - E x, in every exponential family.
    mean = densities.continuous_bernoulli_mean(logits.detach()).item()
    assert slope.item() == pytest.approx(0.3 - mean, rel=1e-9, abs=1e-14)


def test_the_mean_of_a_continuous_bernoulli_near_one_half_has_its_digits():
    for logit in (1e-12, 1e-8, 1e-4, 1e-2):
        found = densities.continuous_bernoulli_mean(torch.tensor([logit, -logit], **DOUBLE))
        series = logit / 12 - logit**3 / 720
        assert (found - 0.5).tolist() == pytest.approx([series, -series], rel=1e-6, abs=1e-16)


@pytest.mark.parametrize("log_scale", [-8.0, -3.0, 0.0, 5.0])
@pytest.mark.parametrize("mean", [-0.5, 0.0, 0.3, 1.0])
def test_grey_levels_have_the_probability_of_their_bins(mean, log_scale):
    levels = torch.arange(256, **DOUBLE)
    images = (levels / 255)[:, None]
    arguments = torch.tensor([mean], **DOUBLE), torch.tensor([log_scale], **DOUBLE)
    found = densities.discretized_logistic_log_likelihood(images, *arguments)
    edges = (torch.arange(255, **DOUBLE) + 0.5) / 255
    below = torch.sigmoid((edges - mean) / np.exp(log_scale))
    ends = [torch.zeros(1, **DOUBLE), torch.ones(1, **DOUBLE)]
    direct = torch.cat([ends[0], below, ends[1]]).diff()
    sure = direct > 1e-8  # the plain difference has no digits where both are 0 or 1
    torch.testing.assert_close(found.exp()[sure], direct[sure], rtol=1e-6, atol=0)
    assert found.isfinite().all()
    assert found.exp().sum().item() == pytest.approx(1, rel=1e-9)


def test_a_level_far_from_the_mean_has_a_finite_score_and_slope():
    outputs = torch.tensor([30.0, -90.0], requires_grad=True)
    pixels = likelihoods.DiscretizedLogistic()
    score = pixels(outputs).log_prob(torch.zeros(1, 1))
    score.sum().backward()
    assert score.isfinite().all()
    assert outputs.grad.isfinite().all()


def test_a_name_or_its_description_makes_the_same_likelihood():
    for kind in likelihoods.LIKELIHOODS.values():
        pixels = kind()
        again = likelihoods.likelihood_of(pixels.description())
        assert (again.name, again.arguments) == (pixels.name, pixels.arguments)
    assert likelihoods.likelihood_of(pixels) is pixels


@pytest.mark.parametrize("given", ["poisson", None, {"levels": 4}, 3, ["bernoulli"]])
def test_an_unknown_likelihood_names_those_there_are(given):
    with pytest.raises(ValueError, match=r"one of \('bernoulli', 'gaussian', .*Likelihood, got"):
        likelihoods.likelihood_of(given)


def test_grey_under_bernoulli_is_trained_on_and_not_scored():
    model, grey = vaelib.VAE(4, 3, 2), torch.full((3, 4), 0.5)
    model.pixels.check(grey)
    with pytest.raises(ValueError, match="no log-likelihood for grey"):
        model.pixels.check_scored(grey)
    for kind in ("gaussian", "continuous_bernoulli"):
        vaelib.log_likelihood(vaelib.VAE(4, 3, 2, kind), grey, 2)


def test_257_levels_for_256_are_named():
    model = vaelib.VAE(4, 3, 2, "discretized_logistic")
    images = torch.arange(257).repeat(4, 1).T / 256
    with pytest.raises(ValueError, match=r"wanted images of 256 grey levels, multiples of 1/255"):
        vaelib.fit(model, images)
    model.pixels.check(torch.arange(256).repeat(4, 1).T / 255)
    with pytest.raises(ValueError, match="wanted levels as an integer of 2 or more, got 1"):
        likelihoods.DiscretizedLogistic(1)


def test_grey_digits_get_bits_per_dimension():
    """log p(x) of real grey images, comparable between models: less than a uniform's eight bits."""
    torch.manual_seed(0)
    images = vaelib.mnist("train").images[:500]
    model = vaelib.VAE(784, 32, 2, "discretized_logistic")
    vaelib.fit(model, images, epochs=5, batch_size=50, progress=False, device="cpu")
    found = vaelib.log_likelihood(model, images[:50], 10, device="cpu")
    assert -found.mean / 784 / np.log(2) < 3


def test_one_scale_for_all_pixels_is_a_weight_that_moves_to_the_size_of_the_errors():
    torch.manual_seed(0)
    noise = torch.empty(400, 6).uniform_(1e-6, 1 - 1e-6).logit()  # logistic, of scale 1
    images = ((0.5 + 0.01 * noise) * 255).round().clamp(0, 255) / 255
    model = vaelib.VAE(6, 8, 1, likelihoods.DiscretizedLogistic(shared=True))
    assert model.decoder[-1].out_features == 6
    vaelib.fit(model, images, epochs=60, batch_size=50, progress=False, device="cpu")
    assert 0.005 < model.pixels.log_scale.exp().item() < 0.02
    assert "pixels.log_scale" in model.state_dict()


def test_a_learned_sigma_moves_to_the_size_of_the_errors():
    torch.manual_seed(0)
    images = 0.5 + 0.05 * torch.randn(400, 6)
    pixels = likelihoods.Gaussian(1.0, learned=True, bounded=False)
    model = vaelib.VAE(6, 8, 1, pixels)
    vaelib.fit(model, images, epochs=60, batch_size=50, progress=False, device="cpu")
    assert 0.02 < model.pixels.sigma.item() < 0.1
    assert "pixels.log_sigma" in model.state_dict()


def test_logits_that_all_pixels_share_are_broadcast():
    images, shared = torch.rand(5, 7), torch.randn(5, 1)
    found = vaelib.bernoulli_log_likelihood(images, shared)
    assert torch.equal(found, vaelib.bernoulli_log_likelihood(images, shared.expand(5, 7)))


def test_many_uncertain_pixels_do_not_underflow():
    blank = torch.zeros(20_000)
    found = vaelib.bernoulli_log_likelihood(blank, blank).item()
    assert found == pytest.approx(-20_000 * math.log(2))


def test_images_have_a_slope_too_where_it_is_asked_for():
    logits, images = torch.randn(2, 3, dtype=torch.float64), torch.rand(2, 3, dtype=torch.float64)
    images.requires_grad_()
    vaelib.bernoulli_log_likelihood(images, logits).sum().backward()
    torch.testing.assert_close(images.grad, logits)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(vaelib.bernoulli_log_likelihood, (images, logits))


@pytest.mark.parametrize("logit", [-1.45, -0.51, -0.49, 0.3, 0.499, 0.501, 1.0, 1.45])
def test_the_mean_of_a_continuous_bernoulli_has_all_digits(logit):
    exact = 1 / (1 - mpmath.exp(-mpmath.mpf(logit))) - 1 / mpmath.mpf(logit)
    found = densities.continuous_bernoulli_mean(torch.tensor(logit, dtype=torch.float64))
    assert found.item() == pytest.approx(float(exact), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("logit", [-3.0, -0.7, 0.0, 0.7, 3.0])
def test_a_continuous_bernoulli_is_drawn_with_its_mean_from_the_generator(logit):
    logits = torch.full((40_000,), logit, dtype=torch.float64)
    first, second = (
        densities.draw_continuous_bernoulli(logits, torch.Generator().manual_seed(seed))
        for seed in (1, 1)
    )
    assert torch.equal(first, second)
    assert first.min() >= 0
    assert first.max() <= 1
    mean = densities.continuous_bernoulli_mean(logits[0])
    assert (first.mean() - mean).abs() < 4 * first.std() / 200  # a wrong side is 20 of these off


def test_at_a_logit_of_zero_the_draw_is_the_uniform_number_itself():
    logits = torch.zeros(100, dtype=torch.float64)
    found = densities.draw_continuous_bernoulli(logits, torch.Generator().manual_seed(0))
    uniform = torch.empty_like(logits).uniform_(generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, uniform, rtol=0, atol=1e-6)


def test_a_level_under_a_scale_without_bounds_has_a_finite_score():
    """A bin is so narrow then that its width is no number above 0."""
    for kind, log_scale in [(torch.float32, 200), (torch.float64, 800)]:
        level, scale = torch.tensor([[51 / 255]], dtype=kind), torch.tensor([[log_scale]]).to(kind)
        found = densities.discretized_logistic_log_likelihood(level, level, scale)
        width = math.log(torch.finfo(kind).tiny)
        assert found.item() == pytest.approx(width - 2 * math.log(2), rel=1e-6)


def test_a_gaussian_takes_one_image_and_sigma_as_any_kind_of_number():
    image, mean = torch.rand(6), torch.zeros(6)
    with torch.device("meta"):
        found = vaelib.gaussian_log_likelihood(image, mean, 0.5)
    exact = torch.distributions.Normal(0.0, 0.5).log_prob(image).sum()
    torch.testing.assert_close(found, exact)
    for sigma in (torch.tensor(0.5), torch.tensor([0.5]), torch.full((6,), 0.5)):
        torch.testing.assert_close(vaelib.gaussian_log_likelihood(image, mean, sigma), exact)


@pytest.mark.parametrize(
    ("sigma", "told"), [(0.0, "0"), ([0.0], "0"), ([0.5, -1.0], "-1 to 0.5"), (math.inf, "inf")]
)
def test_a_sigma_that_is_not_above_zero_is_told(sigma, told):
    with pytest.raises(ValueError, match=f"wanted sigma above 0 and finite, got {told}$"):
        vaelib.gaussian_log_likelihood(torch.rand(3, 2), torch.rand(3, 2), torch.tensor(sigma))
