"""The linear-Gaussian model against torch.distributions, quadrature and sampling."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

import vaelib
from book._checks.quadrature import trapezoid

DOUBLE = {"dtype": torch.float64}


def model(pixels=5, latent_dim=2, sigma=0.7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(pixels, latent_dim, generator=generator, **DOUBLE)
    mean = torch.randn(pixels, generator=generator, **DOUBLE)
    return vaelib.LinearGaussian(weights, mean, sigma)


def data(count, pixels=5, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(count, pixels, generator=generator, **DOUBLE)


def joint_on_a_grid(one_latent, x):
    """Nodes, weights and log p(x, z) for a model with one latent dimension."""
    z, weights = trapezoid(-12, 12, 4001)
    likelihood = Normal(z[:, None] * one_latent.weights.T + one_latent.mean, one_latent.sigma)
    log_joint = likelihood.log_prob(x).sum(1) + Normal(0.0, 1.0).log_prob(z)
    return z, weights, log_joint


def test_log_likelihood_is_that_of_torch():
    linear, x = model(), data(8)
    covariance = linear.weights @ linear.weights.T + linear.sigma**2 * torch.eye(5, **DOUBLE)
    oracle = MultivariateNormal(linear.mean, covariance).log_prob(x)
    torch.testing.assert_close(linear.log_likelihood(x), oracle, rtol=1e-11, atol=0)


def test_log_likelihood_is_the_integral_over_the_latent():
    linear, x = model(pixels=3, latent_dim=1), data(4, pixels=3)
    for point, value in zip(x, linear.log_likelihood(x), strict=True):
        _, weights, log_joint = joint_on_a_grid(linear, point)
        torch.testing.assert_close((weights.log() + log_joint).logsumexp(0), value)


def test_posterior_is_bayes_rule_by_quadrature():
    linear, x = model(pixels=3, latent_dim=1), data(4, pixels=3)
    means, covariance = linear.posterior(x)
    for point, mean in zip(x, means, strict=True):
        z, weights, log_joint = joint_on_a_grid(linear, point)
        density = weights * (log_joint - (weights.log() + log_joint).logsumexp(0)).exp()
        torch.testing.assert_close((density * z).sum(), mean[0])
        torch.testing.assert_close((density * (z - mean) ** 2).sum(), covariance[0, 0])


def test_posterior_times_evidence_is_the_joint_density():
    linear, x = model(), data(6)
    z = data(6, pixels=2, seed=2)
    mean, covariance = linear.posterior(x)
    left = MultivariateNormal(mean, covariance).log_prob(z) + linear.log_likelihood(x)
    likelihood = Normal(z @ linear.weights.T + linear.mean, linear.sigma).log_prob(x).sum(1)
    prior = Normal(0.0, 1.0).log_prob(z).sum(1)
    torch.testing.assert_close(left, likelihood + prior)


def test_samples_have_the_model_s_mean_and_covariance():
    linear, count = model(), 200_000
    x = linear.sample(count, generator=torch.Generator().manual_seed(0))
    variance = linear.covariance()
    mean_error = (variance.diagonal() / count).sqrt()
    assert ((x.mean(0) - linear.mean).abs() < 5 * mean_error).all()
    products = (x - linear.mean)[:, :, None] * (x - linear.mean)[:, None, :]
    error = products.std(0) / math.sqrt(count)
    assert ((products.mean(0) - variance).abs() < 5 * error).all()


def test_the_same_generator_draws_the_same_samples():
    first, second = (model().sample(3, torch.Generator().manual_seed(4)) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_maximum_likelihood_is_a_stationary_point():
    x = model().sample(500, torch.Generator().manual_seed(0))
    best = vaelib.LinearGaussian.maximum_likelihood(x, 2)
    parameters = [best.weights, best.mean, torch.tensor(best.sigma, **DOUBLE)]
    weights, mean, sigma = (p.clone().requires_grad_() for p in parameters)
    covariance = weights @ weights.T + sigma**2 * torch.eye(5, **DOUBLE)
    MultivariateNormal(mean, covariance).log_prob(x).mean().backward()
    for parameter in (weights, mean, sigma):
        assert parameter.grad.abs().max() < 1e-10


def test_maximum_likelihood_is_not_below_its_neighbours_nor_the_truth():
    truth = model()
    x = truth.sample(500, torch.Generator().manual_seed(0))
    best = vaelib.LinearGaussian.maximum_likelihood(x, 2)
    level = best.log_likelihood(x).mean()
    assert truth.log_likelihood(x).mean() < level
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        step = 0.1 * torch.randn(5, 2, generator=generator, **DOUBLE)
        near = vaelib.LinearGaussian(best.weights + step, best.mean, 1.05 * best.sigma)
        assert near.log_likelihood(x).mean() < level


def test_maximum_likelihood_has_orthogonal_columns():
    x = model().sample(500, torch.Generator().manual_seed(0))
    weights = vaelib.LinearGaussian.maximum_likelihood(x, 3).weights
    gram = weights.T @ weights
    assert (gram - gram.diagonal().diag()).abs().max() < 1e-12


def test_linear_vae_s_elbo_and_gap_add_up_to_the_log_likelihood():
    torch.manual_seed(0)
    vae = vaelib.LinearVAE(5, 1, sigma=0.7).double()
    x = data(3)
    linear = vae.linear_gaussian()
    with torch.no_grad():
        mu, log_var = vae.encode(x)
    nodes, weights = trapezoid(-12, 12, 4001)
    for point, mean, log_variance, level in zip(
        x, mu, log_var, linear.log_likelihood(x), strict=True
    ):
        _, _, log_joint = joint_on_a_grid(linear, point)
        log_q = Normal(mean, (log_variance / 2).exp()).log_prob(nodes)
        elbo = (weights * log_q.exp() * (log_joint - log_q)).sum()
        posterior_mean, covariance = linear.posterior(point[None])
        gap = torch.distributions.kl_divergence(
            Normal(mean, (log_variance / 2).exp()), Normal(posterior_mean[0], covariance[0].sqrt())
        )
        torch.testing.assert_close(elbo + gap[0], level)


def test_linear_vae_s_sampled_elbo_has_the_mean_of_the_exact_one():
    torch.manual_seed(0)
    vae, x = vaelib.LinearVAE(5, 2, sigma=0.7).double(), data(1)
    with torch.no_grad():
        draws = vaelib.elbo(vae, x.expand(50_000, 5), generator=torch.Generator().manual_seed(1))
        mu, log_var = vae.encode(x)
        at_mean = vaelib.gaussian_log_likelihood(x, vae.decode(mu), vae.sigma)
        norms = vae.decoder.weight.square().sum(0)
        exact = at_mean - (log_var.exp() * norms).sum(1) / (2 * vae.sigma**2)
        exact = exact - vaelib.gaussian_kl(mu, log_var)
    assert abs(draws.mean() - exact) < 5 * draws.std() / math.sqrt(len(draws))


def test_every_parameter_of_the_linear_vae_gets_a_gradient():
    torch.manual_seed(0)
    vae = vaelib.LinearVAE(5, 2).double()
    vaelib.elbo(vae, data(4)).sum().backward()
    for name, parameter in vae.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_gradient_of_a_learned_sigma_is_that_of_torch():
    x, mean = data(4), data(4, seed=2)
    gradients = []
    for density in (
        lambda s: vaelib.gaussian_log_likelihood(x, mean, s),
        lambda s: Normal(mean, s).log_prob(x).sum(-1),
    ):
        sigma = torch.tensor(0.6, **DOUBLE).requires_grad_()
        density(sigma).sum().backward()
        gradients.append(sigma.grad)
    torch.testing.assert_close(*gradients)


def test_linear_vae_takes_images_with_axes():
    vae = vaelib.LinearVAE(6, 2)
    mu, log_var = vae.encode(torch.zeros(3, 1, 2, 3))
    assert mu.shape == log_var.shape == (3, 2)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan])
def test_sigma_must_be_positive(sigma):
    with pytest.raises(ValueError, match="sigma above 0"):
        vaelib.LinearGaussian(torch.ones(3, 1), torch.zeros(3), sigma)
    with pytest.raises(ValueError, match="sigma above 0"):
        vaelib.LinearVAE(3, 1, sigma)


@pytest.mark.parametrize(("weights", "mean"), [((3,), (3,)), ((2, 3), (2,)), ((3, 2), (2,))])
def test_parameters_must_fit_together(weights, mean):
    with pytest.raises(ValueError, match="of shape"):
        vaelib.LinearGaussian(torch.ones(weights), torch.zeros(mean), 1.0)


def test_points_must_fit_the_model():
    for method in (model().log_likelihood, model().posterior):
        with pytest.raises(ValueError, match=r"\(B, 5\), got \(2, 4\)"):
            method(torch.zeros(2, 4, **DOUBLE))


def test_no_samples_is_an_error():
    with pytest.raises(ValueError, match="num_samples as an integer of 1 or more, got 0"):
        model().sample(0)


@pytest.mark.parametrize(("shape", "latent_dim"), [((9,), 1), ((9, 3), 0), ((9, 3), 3)])
def test_maximum_likelihood_wants_data_and_fewer_latents_than_pixels(shape, latent_dim):
    with pytest.raises(ValueError, match="latent_dim from 1 to P - 1"):
        vaelib.LinearGaussian.maximum_likelihood(torch.ones(shape), latent_dim)


def test_maximum_likelihood_needs_variance_outside_the_plane():
    flat = data(50, pixels=2) @ torch.ones(2, 5, **DOUBLE)
    with pytest.raises(ValueError, match="more than 2 directions"):
        vaelib.LinearGaussian.maximum_likelihood(flat, 2)


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_linear_vae_wants_whole_positive_sizes(size):
    with pytest.raises(ValueError, match="latent_dim as an integer"):
        vaelib.LinearVAE(4, size)


def test_linear_vae_refuses_what_does_not_fit():
    vae = vaelib.LinearVAE(4, 2)
    with pytest.raises(ValueError, match="images of 4 pixels"):
        vae.encode(torch.zeros(3, 5))
    with pytest.raises(ValueError, match=r"\(..., 2\), got \(3, 4\)"):
        vae.decode(torch.zeros(3, 4))


def test_linear_vae_s_encoder_keeps_no_gradient_where_none_is_wanted():
    with torch.no_grad():
        assert not any(t.requires_grad for t in vaelib.LinearVAE(5, 2).encode(torch.ones(3, 5)))
