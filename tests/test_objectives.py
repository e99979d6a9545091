"""The terms of the ELBO against torch.distributions, by Monte Carlo, and against bad input."""

import math

import mpmath
import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits

import vaelib
from vaelib import objectives


@pytest.fixture
def posterior():
    torch.manual_seed(0)
    return torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)


def model_of(likelihood, sigma=1.0):
    torch.manual_seed(1)
    return vaelib.VAE(12, 7, 3, likelihood=likelihood, sigma=sigma).double()


def test_gaussian_kl_is_that_of_torch_distributions(posterior):
    mu, log_var = posterior
    q, prior = Normal(mu, (log_var / 2).exp()), Normal(torch.zeros_like(mu), 1.0)
    torch.testing.assert_close(vaelib.gaussian_kl(mu, log_var), kl_divergence(q, prior).sum(-1))


def test_gaussian_kl_is_the_mean_log_ratio_of_draws(posterior):
    mu, log_var = posterior
    q, prior = Normal(mu, (log_var / 2).exp()), Normal(torch.zeros_like(mu), 1.0)
    z = q.sample((20000,))
    ratio = (q.log_prob(z) - prior.log_prob(z)).sum(-1)
    error = ratio.std(0) / math.sqrt(len(ratio))
    assert ((vaelib.gaussian_kl(mu, log_var) - ratio.mean(0)).abs() < 5 * error).all()


def test_gaussian_kl_of_the_prior_is_zero():
    assert vaelib.gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0, 0]


def test_gaussian_kl_names_shapes_that_differ():
    with pytest.raises(ValueError, match=r"got \(2, 3\) and \(2, 1\)"):
        vaelib.gaussian_kl(torch.zeros(2, 3), torch.zeros(2, 1))


def test_bernoulli_log_likelihood_is_that_of_torch_distributions():
    logits = torch.randn(5, 12, dtype=torch.float64)
    x = torch.bernoulli(torch.full_like(logits, 0.5))
    torch.testing.assert_close(
        vaelib.bernoulli_log_likelihood(x, logits),
        Independent(Bernoulli(logits=logits), 1).log_prob(x),
    )


def test_bernoulli_log_likelihood_stays_finite_where_probabilities_round():
    x, logits = torch.tensor([[1.0, 0.0]]), torch.tensor([[-200.0, 200.0]])
    assert vaelib.bernoulli_log_likelihood(x, logits).item() == pytest.approx(-400)


def test_bernoulli_log_likelihood_is_the_cross_entropy_of_grey_pixels_too():
    torch.manual_seed(0)
    logits, x = 20 * torch.randn(3, 5, 784), torch.rand(5, 784)
    exact = binary_cross_entropy_with_logits(
        logits.double(), x.double().expand(3, 5, 784), reduction="none"
    )
    ours = vaelib.bernoulli_log_likelihood(x, logits)
    torch.testing.assert_close(ours.double(), -exact.sum(-1), rtol=1e-6, atol=1e-3)


def test_certain_pixels_cost_nothing_and_many_uncertain_ones_do_not_underflow():
    x = torch.tensor([[1.0, 0.0] * 5000])
    assert vaelib.bernoulli_log_likelihood(x, 100 * (2 * x - 1)).item() == 0
    coin_flips = vaelib.bernoulli_log_likelihood(x, torch.zeros_like(x)).item()
    assert coin_flips == pytest.approx(-10_000 * math.log(2), rel=1e-6)


@pytest.mark.slow
def test_bernoulli_log_likelihood_has_the_slopes_of_its_formula():
    torch.manual_seed(0)
    x = torch.rand(2, 1, 101, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(2, 3, 101, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(vaelib.bernoulli_log_likelihood, (x, logits))
    assert torch.autograd.gradgradcheck(vaelib.bernoulli_log_likelihood, (x, logits))
    with pytest.raises(RuntimeError, match="setup_context"):
        torch.func.vmap(vaelib.bernoulli_log_likelihood)(x.expand(2, 3, 101), logits)


def test_gaussian_log_likelihood_is_that_of_torch_distributions():
    mean, x = torch.rand(5, 12, dtype=torch.float64), torch.rand(5, 12, dtype=torch.float64)
    torch.testing.assert_close(
        vaelib.gaussian_log_likelihood(x, mean, 0.3), Independent(Normal(mean, 0.3), 1).log_prob(x)
    )


def test_gaussian_log_likelihood_wants_a_positive_sigma():
    with pytest.raises(ValueError, match="wanted sigma above 0 and finite, got 0"):
        vaelib.gaussian_log_likelihood(torch.zeros(1, 2), torch.zeros(1, 2), 0)
    for sigma in (-1.0, math.nan, math.inf):
        deviations = torch.tensor([1.0, sigma])
        with pytest.raises(ValueError, match="wanted sigma above 0 and finite, got"):
            vaelib.gaussian_log_likelihood(torch.zeros(1, 2), torch.zeros(1, 2), deviations)


@pytest.mark.parametrize("shape", [(), (1,), (12,), (5, 12), (5, 1), (3, 1, 12), (3, 1, 1)])
def test_sigma_may_be_learned_for_each_pixel(shape):
    torch.manual_seed(0)
    x, mean = torch.rand(5, 12, dtype=torch.float64), torch.rand(3, 5, 12, dtype=torch.float64)
    sigma = (torch.rand(shape, dtype=torch.float64) + 0.1).requires_grad_()
    found = vaelib.gaussian_log_likelihood(x, mean, sigma)
    expected = Normal(mean, sigma).log_prob(x).sum(-1)
    torch.testing.assert_close(found, expected)
    slopes = [torch.autograd.grad(values.sum(), sigma)[0] for values in (found, expected)]
    torch.testing.assert_close(*slopes)
    if isinstance(sigma.tolist(), list):
        numbers = vaelib.gaussian_log_likelihood(x, mean, sigma.detach().numpy())
        assert torch.equal(numbers, found)


@pytest.mark.parametrize(
    ("x", "mean", "sigma"),
    [
        ((5, 12), (5, 12), (5,)),
        ((5, 12), (5, 12), (2, 5, 12)),
        ((5, 12), (5, 1), ()),
        ((5, 12), (4, 12), ()),
        ((5, 1), (5, 12), (12,)),
        ((), (), ()),
    ],
)
def test_pixels_that_do_not_fit_each_other_are_named(x, mean, sigma):
    with pytest.raises(
        ValueError, match=r"wanted images and mean of shape \(\.\.\., P\) and sigma"
    ):
        vaelib.gaussian_log_likelihood(torch.zeros(x), torch.zeros(mean), torch.ones(sigma))


@pytest.mark.parametrize(("likelihood", "sigma"), [("bernoulli", 1.0), ("gaussian", 0.4)])
def test_elbo_is_the_mean_of_log_joint_minus_log_posterior(likelihood, sigma):
    model, images = model_of(likelihood, sigma), torch.rand(4, 1, 3, 4).double().round()
    with torch.no_grad():
        terms = vaelib.elbo_terms(model, images, 4000, torch.Generator().manual_seed(0))
        mu, log_var = model.encode(images)
        q = Independent(Normal(mu, (log_var / 2).exp()), 1)
        z = q.sample((4000,))
        pixels = Bernoulli if likelihood == "bernoulli" else lambda m: Normal(m, sigma)
        joint = Independent(pixels(model.decode(z)), 1).log_prob(images.flatten(1))
        joint = joint + Independent(Normal(torch.zeros_like(z), 1.0), 1).log_prob(z)
        draws = joint - q.log_prob(z)
    error = draws.std(0) / math.sqrt(4000)
    assert ((terms.elbo - draws.mean(0)).abs() < 6 * error).all()
    torch.testing.assert_close(terms.elbo, terms.reconstruction - terms.kl)


def test_elbo_repeats_with_its_generator():
    model, images = model_of("bernoulli"), torch.rand(4, 12).double()
    first, second = (
        vaelib.elbo(model, images, generator=torch.Generator().manual_seed(5)) for _ in range(2)
    )
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_an_autoencoder_has_no_kl():
    torch.manual_seed(0)
    terms = vaelib.elbo_terms(vaelib.Autoencoder(12, 7, 3), torch.rand(4, 12))
    assert terms.kl.tolist() == [0, 0, 0, 0]
    torch.testing.assert_close(terms.elbo, terms.reconstruction)


@pytest.mark.parametrize("num_samples", [0, -1])
def test_elbo_wants_a_draw(num_samples):
    with pytest.raises(
        ValueError, match=f"^wanted num_samples as an integer of 1 or more, got {num_samples}"
    ):
        vaelib.elbo(model_of("bernoulli"), torch.rand(4, 12).double(), num_samples)


def test_elbo_wants_images_in_the_unit_interval():
    with pytest.raises(ValueError, match=r"in \[0, 1\], got values in"):
        vaelib.elbo(model_of("bernoulli"), 255 * torch.rand(4, 12).double())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_continuous_bernoullis_constant_keeps_its_digits_at_every_logit(dtype):
    points = [0.0, 1e-30, 1e-8, 1e-4, 0.1, 0.4999, 0.5001, 1.0, 20.0, 100.0, 1e4]
    points = torch.tensor([sign * point for point in points for sign in (1, -1)], dtype=dtype)
    logits = points.clone().requires_grad_()
    found = vaelib.continuous_bernoulli_log_norm(logits)
    (slope,) = torch.autograd.grad(found.sum(), logits)
    with mpmath.workdps(120):
        for logit, value, derivative in zip(
            points.tolist(), found.tolist(), slope.tolist(), strict=True
        ):
            at = mpmath.mpf(logit)
            exact = mpmath.log(at / mpmath.tanh(at / 2)) if at else mpmath.log(2)
            exact_slope = 1 / at - 1 / mpmath.sinh(at) if at else 0
            digits = {"rel": 1e-14 if dtype == torch.float64 else 1e-6}
            assert value == pytest.approx(float(exact), **digits)
            assert derivative == pytest.approx(float(exact_slope), rel=100 * digits["rel"], abs=0)


def test_the_continuous_bernoullis_constant_is_that_of_the_library():
    logits = torch.linspace(-12, 12, 241, dtype=torch.float64)
    library = torch.distributions.ContinuousBernoulli(logits=logits)
    at_zero = library.log_prob(torch.zeros_like(logits))  # log C + log(1 - x_hat)
    ours = vaelib.continuous_bernoulli_log_norm(logits) + torch.nn.functional.logsigmoid(-logits)
    torch.testing.assert_close(ours, at_zero, rtol=1e-6, atol=1e-6)


@pytest.fixture
def two_pixels():
    """A VAE in float64 whose posterior is not the true one, and images for it."""
    torch.manual_seed(1)
    model = vaelib.VAE(6, 5, 2).double()
    return model, torch.rand(3, 6).round().double()


def gradient_of(terms, model, images, num_samples, generator):
    bound, _ = terms(model, images, num_samples, generator)
    slopes = torch.autograd.grad(bound.mean(), list(model.parameters()))
    return torch.cat([slope.flatten() for slope in slopes])


def test_the_doubly_reparameterized_gradient_has_the_same_mean_and_less_noise(two_pixels):
    model, images = two_pixels
    many, encoder = 1000, sum(weight.numel() for weight in model.encoder.parameters())
    found = {}
    for seed, terms in enumerate((objectives.iwae_terms, objectives.dreg_terms)):
        generator = torch.Generator().manual_seed(seed)
        draws = [gradient_of(terms, model, images, 5, generator) for _ in range(many)]
        found[terms] = torch.stack(draws)
    iwae, dreg = found.values()
    error = ((iwae.var(0) + dreg.var(0)) / many).sqrt()
    assert ((iwae.mean(0) - dreg.mean(0)).abs() <= 5 * error + 1e-12).all()
    ratio = dreg[:, :encoder].var(0).sum() / iwae[:, :encoder].var(0).sum()
    assert ratio < 0.7  # of the encoder's


def test_with_one_draw_the_density_s_own_parameters_pass_nothing_on(two_pixels):
    model, images = two_pixels
    found = gradient_of(objectives.dreg_terms, model, images, 1, torch.Generator().manual_seed(3))
    q = model.posterior(images)
    z = q.sample(torch.Generator().manual_seed(3), 1)
    still = torch.distributions.Normal(q.mu.detach(), (q.log_var.detach() / 2).exp())
    prior = torch.distributions.Normal(0, 1).log_prob(z).sum(-1)
    bound = model.likelihood(z).log_prob(images) + prior - still.log_prob(z).sum(-1)
    slopes = torch.autograd.grad(bound.mean(), list(model.parameters()))
    torch.testing.assert_close(found, torch.cat([slope.flatten() for slope in slopes]))


def test_a_posterior_without_such_a_gradient_is_named():
    model = vaelib.FlowVAE(6, 5, 2, 2, 4)
    with pytest.raises(ValueError, match="wanted a Gaussian posterior, got "):
        vaelib.fit(model, torch.rand(4, 6).round(), objective="dreg", epochs=1, progress=False)


def test_the_estimate_with_less_noise_trains_a_model(two_pixels):
    model, images = two_pixels
    options = {"epochs": 30, "batch_size": 3, "num_samples": 4, "progress": False, "device": "cpu"}
    history = vaelib.fit(model, images, images, objective="dreg", **options)
    assert history.test[-1].elbo > history.test[0].elbo + 0.2


SIX = (torch.rand(6, 8, generator=torch.Generator().manual_seed(2)) > 0.5).double()
KINDS = {  # with a KL in closed form, with none, and with a prior that is no Gaussian
    "VAE": lambda: vaelib.VAE(8, 5, 3),
    "FlowVAE": lambda: vaelib.FlowVAE(8, 5, 3, 2, 4),
    "VampPriorVAE": lambda: vaelib.VampPriorVAE(8, 5, 3, 4),
}


@pytest.fixture(params=KINDS)
def kind(request):
    torch.manual_seed(4)
    return KINDS[request.param]().double()


def seeded():
    return torch.Generator().manual_seed(6)


@pytest.mark.parametrize("num_samples", [1, 2, 7])
def test_the_bound_of_training_is_that_of_evaluation(kind, num_samples):
    bound, terms = objectives.iwae_terms(kind, SIX, num_samples, seeded())
    torch.testing.assert_close(bound, vaelib.iwae_bound(kind, SIX, num_samples, seeded()))
    expected = objectives.training_terms(kind, SIX, num_samples, seeded())
    torch.testing.assert_close(torch.stack(terms), torch.stack(expected))
    if not isinstance(kind, vaelib.FlowVAE):  # whose gradient cannot be had
        _, terms = objectives.dreg_terms(kind, SIX, num_samples, seeded())
        torch.testing.assert_close(torch.stack(terms), torch.stack(expected))


def test_two_draws_are_the_mean_of_both(kind):
    generator = seeded()
    q, prior = kind.posterior(SIX), kind.prior()
    z = q.sample(generator, 2)
    found = vaelib.elbo_terms(kind, SIX, 2, seeded())
    reconstruction = [vaelib.reconstruction_log_likelihood(kind, SIX, each) for each in z]
    torch.testing.assert_close(found.reconstruction, sum(reconstruction) / 2)
    exact = q.kl(prior)
    kl = (q.log_prob(z) - prior.log_prob(z)).mean(0) if exact is None else exact
    torch.testing.assert_close(found.kl, kl)


def test_a_surrogate_weighs_the_draws_as_the_bound_does(two_pixels):
    model, images = two_pixels
    surrogate, _ = objectives.dreg_terms(model, images, 5, seeded())
    log_weights = objectives.log_importance_weights(model, images, 5, seeded())
    torch.testing.assert_close(surrogate, (log_weights.softmax(0) * log_weights).sum(0))
