"""Bounds and estimates of log p(x) against exact values, and what the latents carry."""

import copy
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


@pytest.mark.slow
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
        vae.pixels.log_sigma.copy_(torch.tensor(best.sigma).double().log())
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
    with pytest.raises(
        ValueError, match=f"num_samples as an integer of 1 or more, got {num_samples}"
    ):
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


def test_the_estimate_is_the_exact_log_likelihood_within_its_own_error(wrong, x):
    exact = wrong.linear_gaussian().log_likelihood(x)
    found = vaelib.log_likelihood(wrong, x, 5000)
    assert found.estimate.shape == found.error.shape == (400,)
    assert abs(found.mean - exact.mean()) < 4 * found.mean_error
    in_errors = (found.estimate - exact) / found.error
    assert in_errors.abs().max() < 5
    assert 0.8 < in_errors.std() < 1.2  # the error is neither too small nor too large


def test_the_error_is_the_spread_of_repeated_estimates(wrong, x):
    runs = [vaelib.log_likelihood(wrong, x[:50], 500, seed=seed) for seed in range(100)]
    spread = torch.stack([run.estimate for run in runs]).std(0)
    told = torch.stack([run.error for run in runs]).mean(0)
    assert 0.9 < (spread / told).mean() < 1.1
    means = torch.tensor([run.mean for run in runs])
    told = torch.tensor([run.mean_error for run in runs]).square().mean().sqrt()
    assert 0.8 < means.std() / told < 1.25


def test_the_error_of_a_sample_of_images_counts_their_differences(wrong, x):
    found = vaelib.log_likelihood(wrong, x, 100)
    assert found.sampling_error == pytest.approx(found.estimate.std().item() / 20)
    assert found.sampling_error > found.mean_error


def test_one_draw_has_no_error_to_tell(wrong, x):
    found = vaelib.log_likelihood(wrong, x[:3], 1)
    assert found.error.isnan().all()
    assert found.estimate.isfinite().all()


def integral(vae, images, edge=5.0, side=500):
    """log of the integral of p(x|z) p(z) over the plane, by the midpoint rule: (B,)."""
    step = 2 * edge / side
    axis = (torch.arange(side) + 0.5) * step - edge
    total = torch.full((len(images),), -math.inf)
    with torch.no_grad():
        for z in torch.cartesian_prod(axis, axis).split(5000):
            logits = vae.decode_logits(z)  # (5000, P)
            joint = logits @ images.flatten(1).T + torch.nn.functional.logsigmoid(-logits).sum(
                1, keepdim=True
            )
            prior = -z.square().sum(1, keepdim=True) / 2 - math.log(2 * math.pi)
            total = torch.logaddexp(total, (joint + prior).logsumexp(0))
    return total + 2 * math.log(step)


@pytest.fixture(scope="module")
def plane():
    """A model with a latent plane, images, and their log p(x) by integration."""
    vae = vaelib.pretrained("vae-2d")
    images = vaelib.binarize_once(vaelib.mnist("test").images[:8])
    return vae, images, integral(vae, images)


@pytest.mark.slow
def test_the_estimate_is_the_integral_over_the_plane(plane):
    vae, images, exact = plane
    wide = copy.deepcopy(vae)
    with torch.no_grad():  # a wider q and the same p: as trained, q misses some of the posterior
        wide.encoder[-1].bias[vae.latent_dim :] += 2.5
    images, exact = images[:3], exact[:3]  # the draws take time
    found = vaelib.log_likelihood(wide, images, 100_000)
    assert abs(found.mean - exact.mean()) < 0.01
    assert ((found.estimate - exact).abs() < 5 * found.error).all()


@pytest.mark.slow
def test_the_error_shows_a_q_that_is_too_narrow_but_not_a_hill_that_no_draw_reached(plane):
    vae, images, exact = plane
    found = vaelib.log_likelihood(vae, images, 5000, device="cpu")  # a GPU draws others
    assert found.mean < exact.mean() - 0.5
    off, shown = (found.estimate - exact).abs(), found.error > 0.1
    assert off[shown].min() > 0.1
    silent = off[~shown] > 0.1
    assert silent.sum() == 1  # of the four whose error is small
    assert off[~shown][silent] > 1


@pytest.mark.slow
def test_chunks_change_nothing_but_the_noise(wrong, x):
    whole = vaelib.log_likelihood(wrong, x[:3], 1000)
    parts = vaelib.log_likelihood(wrong, x[:3], 1000, chunk=30)  # two draws at once
    single = vaelib.log_likelihood(wrong, x[:3], 1000, chunk=1)  # one draw of one image
    for other in (parts, single):
        assert ((whole.estimate - other.estimate).abs() < 6 * whole.error).all()


def test_the_same_seed_gives_the_same_estimate(wrong, x):
    first, second, other = (vaelib.log_likelihood(wrong, x, 5, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.estimate, second.estimate)
    assert not torch.equal(first.estimate, other.estimate)


def test_grey_images_have_no_bernoulli_log_likelihood():
    with pytest.raises(ValueError, match=r"images of 0 and 1, .*binarize_once\(images, seed\)"):
        vaelib.log_likelihood(vaelib.VAE(4, 3, 2), torch.full((1, 4), 0.5), 1)
    gaussian = vaelib.VAE(4, 3, 2, likelihood="gaussian")
    assert vaelib.log_likelihood(gaussian, torch.full((1, 4), 0.5), 2).estimate.isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 0}, "wanted num_samples as an integer of 1 or more, got 0"),
        ({"num_samples": 2.5}, "wanted num_samples as an integer of 1 or more, got 2.5"),
        ({"chunk": 0}, "wanted chunk as an integer of 1 or more, got 0"),
        ({"device": "cuda:99"}, "torch finds here, .* got 'cuda:99'"),
    ],
)
def test_arguments_that_cannot_be_are_named(wrong, x, options, message):
    with pytest.raises(ValueError, match=message):
        vaelib.log_likelihood(wrong, x, **({"num_samples": 1} | options))


def test_memory_that_does_not_suffice_says_to_lower_chunk(wrong, x, monkeypatch):
    def too_much(*_):
        return torch.empty(10**15)

    monkeypatch.setattr(evaluation, "log_importance_weights", too_much)
    with pytest.raises(MemoryError, match=r"lower chunk \(now 1048576\)"):
        vaelib.log_likelihood(wrong, x, 5)


def test_an_autoencoder_has_nothing_to_evaluate():
    model, images = vaelib.Autoencoder(4, 3, 2), torch.ones(2, 4)
    for evaluate in (
        lambda: vaelib.log_likelihood(model, images, 1),
        lambda: vaelib.kl_per_dimension(model, images),
        lambda: vaelib.active_units(model, images),
        lambda: vaelib.rate_distortion(model, images),
    ):
        with pytest.raises(ValueError, match="wanted a VAE: an Autoencoder has no q"):
            evaluate()


def test_kl_per_dimension_sums_to_the_rate():
    torch.manual_seed(0)
    model, images = vaelib.VAE(12, 7, 3), torch.rand(1500, 12)
    kls = vaelib.kl_per_dimension(model, images)
    found = vaelib.rate_distortion(model, images)
    assert kls.shape == (3,)
    assert kls.sum().item() == pytest.approx(found.rate, rel=1e-5)
    terms = vaelib.mean_terms(model, images)
    assert found.rate + found.distortion == pytest.approx(-terms.elbo)


def test_active_units_are_those_whose_mean_moves():
    torch.manual_seed(0)
    model, images = vaelib.VAE(12, 7, 3), torch.rand(1500, 12)
    with torch.no_grad():
        model.encoder[-1].weight[1] = 0  # the mean of z_2 is the same for every image
        model.encoder[-1].weight[2] *= 100
    assert vaelib.active_units(model, images)[1:].tolist() == [False, True]
    variance = model.encode(images)[0].detach().var(0)
    torch.testing.assert_close(vaelib.mean_variance(model, images), variance)
    assert vaelib.active_units(model, images, threshold=1e9).sum() == 0


def test_one_image_has_no_variance():
    with pytest.raises(ValueError, match="wanted two images or more for a variance, got 1"):
        vaelib.active_units(vaelib.VAE(4, 3, 2), torch.rand(1, 4))
