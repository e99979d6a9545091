"""The posterior on a grid against closed forms and importance weighting; the best Gaussian."""

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

import vaelib


@pytest.fixture(scope="module")
def linear():
    """A linear VAE whose true posterior is tilted, five data, and their posteriors in closed form.

    The mean of the posterior is of each datum; the covariance is the same for all.
    """
    torch.manual_seed(1)
    vae = vaelib.LinearVAE(5, 2, sigma=0.8).double()
    with torch.no_grad():
        vae.decoder.weight.mul_(2)
    exact = vae.linear_gaussian()
    x = exact.sample(5, torch.Generator().manual_seed(0))
    mean, covariance = exact.posterior(x)
    return vae, x, exact, MultivariateNormal(mean, covariance)


@pytest.fixture(scope="module")
def on_grid(linear):
    return vaelib.grid_posterior(*linear[:2], edge=8.0, side=160)


def gaussian(mu, log_var):
    return Independent(Normal(mu, (log_var / 2).exp()), 1)


def test_log_likelihood_is_the_closed_form(linear, on_grid):
    _, x, exact, _ = linear
    torch.testing.assert_close(on_grid.log_likelihood, exact.log_likelihood(x))


def test_density_is_the_closed_form(linear, on_grid):
    z = torch.cartesian_prod(on_grid.axis, on_grid.axis)[:, None]  # (G * G, 1, 2)
    expected = linear[3].log_prob(z).T.view(5, 160, 160)
    torch.testing.assert_close(on_grid.log_density, expected)


def test_moments_are_those_of_the_posterior(linear, on_grid):
    mean, log_var = on_grid.moments()
    torch.testing.assert_close(mean, linear[3].mean)
    torch.testing.assert_close(log_var.exp(), linear[3].variance)


def test_kl_is_the_closed_form_for_any_q(linear, on_grid):
    mu = torch.tensor([0.3, -0.4]).double().expand(5, 2)
    log_var = torch.tensor([-1.0, -2.5]).double().expand(5, 2)
    q = MultivariateNormal(mu, torch.diag_embed(log_var.exp()))
    torch.testing.assert_close(on_grid.kl(mu, log_var), kl_divergence(q, linear[3]))


def test_log_likelihood_less_the_kl_is_the_elbo(linear, on_grid):
    vae, x = linear[:2]
    with torch.no_grad():
        mu, log_var = vae.encode(x)
        draws = vaelib.elbo(vae, x.repeat(4000, 1), generator=torch.Generator().manual_seed(0))
    draws = draws.view(4000, 5)
    error = draws.std(0) / 4000**0.5
    elbo = on_grid.log_likelihood - on_grid.kl(mu, log_var)
    assert ((draws.mean(0) - elbo).abs() < 5 * error).all()


def test_the_best_gaussian_has_the_posterior_s_mean_and_the_precision_s_diagonal(linear, on_grid):
    mu, log_var = on_grid.best_gaussian()
    torch.testing.assert_close(mu, linear[3].mean, rtol=0, atol=1e-3)
    variance = 1 / linear[3].precision_matrix.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(log_var, variance.log(), rtol=0, atol=1e-3)


def test_the_best_gaussian_finds_the_heavier_of_two_modes_or_covers_both():
    axis = torch.linspace(-5.95, 5.95, 120, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)

    def two_modes(share, distance):
        modes = [
            Normal(torch.tensor([m, 0.0]).double(), 0.5).log_prob(z).sum(1)
            for m in (-distance, distance)
        ]
        weights = torch.tensor([share, 1 - share]).double().log()
        return (torch.stack(modes, 1) + weights).logsumexp(1).view(120, 120)

    densities = torch.stack([two_modes(0.2, 2.5), two_modes(0.8, 2.5), two_modes(0.5, 0.2)])
    posterior = vaelib.GridPosterior(axis, densities, torch.zeros(3).double())
    mu, log_var = posterior.best_gaussian()
    expected = torch.tensor([2.5, -2.5, 0.0]).double()
    torch.testing.assert_close(mu[:, 0], expected, rtol=0, atol=0.02)
    heavier = -torch.tensor([0.8, 0.8]).double().log()  # all that a q on one mode misses
    torch.testing.assert_close(posterior.kl(mu, log_var)[:2], heavier, rtol=0, atol=1e-3)


@pytest.mark.slow
def test_a_bernoulli_model_agrees_with_importance_weighting():
    vae = vaelib.pretrained("vae-2d")
    images = vaelib.binarize_once(vaelib.mnist("test").images[:3])
    found = vaelib.grid_posterior(vae, images)
    with torch.no_grad():  # a wider q and the same p: as trained, q misses some of the posterior
        vae.encoder[-1].bias[vae.latent_dim :] += 2.5
    estimate = vaelib.log_likelihood(vae, images, 100_000)
    assert abs(found.log_likelihood.mean() - estimate.mean) < 0.01
    assert ((found.log_likelihood - estimate.estimate).abs() < 5 * estimate.error).all()


@pytest.mark.slow
def test_a_finer_and_wider_grid_changes_nothing():
    vae = vaelib.pretrained("vae-2d")
    images = vaelib.binarize_once(vaelib.mnist("test").images[:3])
    found = vaelib.grid_posterior(vae, images, edge=4.0, side=1000)
    finer = vaelib.grid_posterior(vae, images, edge=4.5, side=1600)
    torch.testing.assert_close(found.log_likelihood, finer.log_likelihood, rtol=0, atol=1e-3)
    mu, log_var = found.best_gaussian()
    torch.testing.assert_close(found.kl(mu, log_var), finer.kl(mu, log_var), rtol=0, atol=1e-3)
    usual = vaelib.grid_posterior(vae, images)  # kinks of the ReLUs leave so much
    torch.testing.assert_close(usual.log_likelihood, finer.log_likelihood, rtol=0, atol=0.005)
    kls = found.kl(mu, log_var)
    assert (kls >= 0).all()
    assert (kls <= found.kl(*found.moments())).all()


def test_a_model_without_a_latent_plane_is_an_error():
    with pytest.raises(ValueError, match="latent_dim 2, got 3"):
        vaelib.grid_posterior(vaelib.VAE(4, 3, 3), torch.ones(1, 4))
    with pytest.raises(ValueError, match="an Autoencoder has no q"):
        vaelib.grid_posterior(vaelib.Autoencoder(4, 3, 2), torch.ones(1, 4))


def test_grey_images_have_no_bernoulli_posterior():
    with pytest.raises(ValueError, match="wanted images of 0 and 1"):
        vaelib.grid_posterior(vaelib.VAE(4, 3, 2), torch.full((1, 4), 0.5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"edge": 0.0}, "wanted edge above 0 and finite, got 0.0"),
        ({"edge": float("nan")}, "wanted edge above 0 and finite, got nan"),
        ({"side": 0}, "side as an integer of 1 or more, got 0"),
        ({"side": 31}, "side as an even number of 4 or more, got 31"),
        ({"edge": 1.0}, r"one to 1 with .* of image \d in its outermost cells: raise edge"),
        ({"edge": 60.0, "side": 40}, "got 40 a side, .* raise side"),
    ],
)
def test_a_grid_that_cannot_hold_the_posterior_is_an_error(linear, options, message):
    with pytest.raises(ValueError, match=message):
        vaelib.grid_posterior(*linear[:2], **options)


@pytest.mark.parametrize(
    ("mu", "log_var", "message"),
    [
        ((5, 3), (5, 3), r"of shape \(5, 2\), got \(5, 3\) and \(5, 3\)"),
        ((5, 2), (2,), r"of shape \(5, 2\), got \(5, 2\) and \(2,\)"),
    ],
)
def test_a_q_of_another_shape_is_an_error(on_grid, mu, log_var, message):
    with pytest.raises(ValueError, match=message):
        on_grid.kl(torch.zeros(mu), torch.zeros(log_var))


@pytest.mark.parametrize(("mu", "log_var"), [(7.0, 0.0), (0.0, -8.0), (float("nan"), 0.0)])
def test_a_q_that_the_grid_cannot_hold_is_an_error(on_grid, mu, log_var):
    zeros = torch.zeros(5, 2).double()
    with pytest.raises(ValueError, match=r"wanted q within 8 .* cells of 0\.1; got mu \["):
        on_grid.kl(zeros + mu, zeros + log_var)


def test_no_steps_is_an_error(on_grid):
    with pytest.raises(ValueError, match="steps as an integer of 1 or more, got 0"):
        on_grid.best_gaussian(steps=0)
