"""The importance-weighted bound against exact values and against the ELBO."""

import math

import pytest
import torch

import vaelib
from vaelib import evaluation


@pytest.fixture(scope="module")
def wrong():
    """A linear VAE whose q is off and too wide, so that the weights' variance is finite."""
    torch.manual_seed(0)
    vae = vaelib.LinearVAE(5, 2, sigma=0.8).double()
    linear = vae.linear_gaussian()
    precision = torch.linalg.inv(linear.posterior(torch.zeros(1, 5).double())[1])
    with torch.no_grad():
        vae.log_var.copy_((2 / precision.diagonal()).log())
    return vae


@pytest.fixture(scope="module")
def x(wrong):
    return wrong.linear_gaussian().sample(400, torch.Generator().manual_seed(3))


def exact_elbo(vae, x):
    with torch.no_grad():
        mu, log_var = vae.encode(x)
        at_mean = vaelib.gaussian_log_likelihood(x, vae.decode(mu), vae.sigma)
        spread = (log_var.exp() * vae.decoder.weight.square().sum(0)).sum(1)
        return at_mean - spread / (2 * vae.sigma**2) - vaelib.gaussian_kl(mu, log_var)


def test_one_sample_is_the_elbo_in_expectation(wrong, x):
    images = x[:1].expand(50_000, 5)
    bound = vaelib.iwae_bound(wrong, images, 1, torch.Generator().manual_seed(0))
    error = bound.std() / math.sqrt(len(bound))
    assert abs(bound.mean() - exact_elbo(wrong, x[:1])) < 5 * error


def test_the_bound_rises_with_the_number_of_samples(wrong, x):
    bounds = [
        vaelib.iwae_bound(wrong, x, num_samples, torch.Generator().manual_seed(0)).mean()
        for num_samples in (1, 4, 16, 64)
    ]
    assert bounds == sorted(bounds)
    assert bounds[-1] < wrong.linear_gaussian().log_likelihood(x).mean()


def test_with_many_samples_it_is_the_exact_log_likelihood(wrong, x):
    exact = wrong.linear_gaussian().log_likelihood(x)
    bound = vaelib.iwae_bound(wrong, x, 20_000, torch.Generator().manual_seed(0))
    difference = bound - exact
    assert abs(difference.mean()) < 5 * difference.std() / math.sqrt(len(x))
    assert difference.std() < 0.05


def test_with_the_true_posterior_one_sample_is_exact(x):
    best = vaelib.LinearGaussian.maximum_likelihood(x, 2)
    vae = vaelib.LinearVAE(5, 2, best.sigma).double()
    covariance = best.posterior(x)[1]
    gain = covariance @ best.weights.T / best.sigma**2
    with torch.no_grad():
        vae.decoder.weight.copy_(best.weights)
        vae.decoder.bias.copy_(best.mean)
        vae.encoder.weight.copy_(gain)
        vae.encoder.bias.copy_(-gain @ best.mean)
        vae.log_var.copy_(covariance.diagonal().log())
        vae.log_sigma.copy_(torch.tensor(best.sigma).double().log())
    torch.testing.assert_close(vaelib.iwae_bound(vae, x, 1), best.log_likelihood(x))


def test_a_bernoulli_model_s_bound_is_the_mean_of_the_joint_over_q():
    torch.manual_seed(0)
    vae = vaelib.VAE(6, 4, 2).double()
    images = torch.bernoulli(torch.rand(3, 6, dtype=torch.float64))
    bound = vaelib.iwae_bound(vae, images, 7, torch.Generator().manual_seed(5))
    with torch.no_grad():
        mu, log_var = vae.encode(images)
        eps = torch.empty(7, 3, 2, dtype=torch.float64)
        q = torch.distributions.Normal(mu, (log_var / 2).exp())
        z = mu + q.stddev * eps.normal_(generator=torch.Generator().manual_seed(5))
        joint = torch.distributions.Bernoulli(vae.decode(z)).log_prob(images).sum(-1)
        joint += torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
    oracle = (joint - q.log_prob(z).sum(-1)).exp().mean(0).log()
    torch.testing.assert_close(bound, oracle)


def test_taking_the_draws_in_parts_changes_nothing_but_the_noise(wrong, x, monkeypatch):
    whole = vaelib.iwae_bound(wrong, x, 50, torch.Generator().manual_seed(0))
    monkeypatch.setattr(evaluation, "CHUNK", 7 * x.numel())  # parts of 7, the last of 1
    parts = vaelib.iwae_bound(wrong, x, 50, torch.Generator().manual_seed(0))
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=0)


def test_tiny_likelihoods_do_not_underflow():
    torch.manual_seed(0)
    vae = vaelib.LinearVAE(5, 2, sigma=1e-3)
    images = torch.full((2, 5), 50.0)
    bound = vaelib.iwae_bound(vae, images, 10)
    assert torch.isfinite(bound).all()
    assert (bound < -1e6).all()


def test_the_same_generator_gives_the_same_bound(wrong, x):
    first, second = (
        vaelib.iwae_bound(wrong, x, 5, torch.Generator().manual_seed(2)) for _ in range(2)
    )
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_no_gradient_is_kept(wrong, x):
    assert not vaelib.iwae_bound(wrong, x, 2).requires_grad


@pytest.mark.parametrize("num_samples", [0, -3])
def test_no_samples_is_an_error(wrong, x, num_samples):
    with pytest.raises(ValueError, match=f"num_samples of 1 or more, got {num_samples}"):
        vaelib.iwae_bound(wrong, x, num_samples)


def test_images_outside_the_unit_interval_are_an_error_for_a_vae():
    with pytest.raises(ValueError, match=r"in \[0, 1\], got values in \[2, 2\]"):
        vaelib.iwae_bound(vaelib.VAE(4, 3, 2), torch.full((1, 4), 2.0), 1)


def test_pixels_that_are_not_finite_are_an_error_for_every_model(wrong):
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="finite pixel intensities"):
            vaelib.iwae_bound(wrong, torch.full((1, 5), value).double(), 1)


def test_images_of_another_size_are_an_error(wrong):
    with pytest.raises(ValueError, match="images of 5 pixels"):
        vaelib.iwae_bound(wrong, torch.zeros(1, 4).double(), 1)
