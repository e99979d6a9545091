"""Values and gradients at the points where a formula written down plainly loses its digits."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal

import vaelib
from vaelib import evaluation, importance, objectives
from vaelib.lab.posterior import _log_joint

DOUBLE = {"dtype": torch.float64}
NARROW = [torch.float16, torch.bfloat16]


def exact_above_tangent(x: float) -> float:
    """exp(x) - 1 - x with all its digits, from its series or from whole numbers of digits."""
    if abs(x) > 1:
        return math.expm1(x) - x
    return math.fsum(x**n / math.factorial(n) for n in range(2, 40))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-8, 1e-4, 1e-3, 0.1, 0.2499, 0.2501, 1.0, 10.0, 80])
def test_the_kl_near_and_far_from_the_prior_has_all_digits(dtype, size):
    for log_var in (size, -size):
        log_var = torch.tensor([log_var], dtype=dtype, requires_grad=True)
        kl = vaelib.gaussian_kl(torch.zeros_like(log_var), log_var)
        (slope,) = torch.autograd.grad(kl, log_var)
        x, digits = log_var.item(), 16 * torch.finfo(dtype).eps
        assert kl.item() == pytest.approx(exact_above_tangent(x) / 2, rel=digits, abs=0)
        assert slope.item() == pytest.approx(math.expm1(x) / 2, rel=digits, abs=0)


@pytest.mark.filterwarnings("ignore:.torch.jit.script")  # torch's own, in forward mode
def test_the_kl_has_the_slopes_of_its_formula_in_every_way():
    x = torch.tensor([-3.0, -0.2, 0.0, 0.1, 0.3, 2.0], requires_grad=True, **DOUBLE)
    mu = torch.linspace(-1, 1, 6, **DOUBLE).requires_grad_()
    assert torch.autograd.gradcheck(vaelib.gaussian_kl, (mu, x), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(vaelib.gaussian_kl, (mu, x))
    rows = torch.func.vmap(vaelib.gaussian_kl)(mu.expand(3, 6), x.expand(3, 6))
    torch.testing.assert_close(rows, vaelib.gaussian_kl(mu, x).expand(3))


def wide_or_narrow(log_var):
    """A model whose q(z|x) has means of about 1 and that log-variance."""
    torch.manual_seed(0)
    model = vaelib.VAE(6, 4, 2)
    with torch.no_grad():
        model.encoder[-1].weight.mul_(0.1)
        model.encoder[-1].bias[:2] = torch.tensor([1.0, -1.3])
        model.encoder[-1].bias[2:] = log_var
        model.encoder[-1].weight[2:] = 0
    return model


@pytest.mark.parametrize("log_var", [-120.0, -60.0, -35.0, -20.0, 20.0, 60.0])
def test_importance_weights_of_a_narrow_or_wide_posterior_keep_their_digits(log_var):
    model = wide_or_narrow(log_var)
    images = (torch.rand(3, 6) > 0.5).float()
    bound, _ = objectives.iwae_terms(model, images, 1, torch.Generator().manual_seed(0))
    _, log_vars = model.encode(images)
    z = model.posterior(images).sample(torch.Generator().manual_seed(0), 1)
    eps = torch.empty_like(z).normal_(generator=torch.Generator().manual_seed(0))
    log_q = Normal(0.0, 1.0).log_prob(eps.double()).sum(-1) - log_vars.double().sum(-1) / 2
    log_p = Normal(0.0, 1.0).log_prob(z.double()).sum(-1)
    expected = vaelib.reconstruction_log_likelihood(model, images, z).double() + log_p - log_q
    torch.testing.assert_close(bound.double(), expected[0], rtol=1e-6, atol=1e-5)
    slopes = torch.autograd.grad(bound.sum(), [*model.parameters()])
    assert all(slope.isfinite().all() for slope in slopes)
    assert evaluation.log_importance_weights(model, images, 5).isfinite().all()


def test_a_model_that_draws_in_its_own_way_is_asked_for_its_draws():
    class Clamped(vaelib.VAE):
        def reparameterize(self, mu, log_var, generator=None):
            return super().reparameterize(mu, log_var.clamp(max=-2), generator)

    torch.manual_seed(0)
    model, images = Clamped(6, 4, 2), torch.rand(3, 6)
    mu, log_var = model.encode(images)
    q = model.posterior(images)
    z, log_q = q.sample_and_log_prob(torch.Generator().manual_seed(0), 5)
    expected = model.reparameterize(
        mu.expand(5, 3, 2), log_var.expand(5, 3, 2), torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(z, expected)
    torch.testing.assert_close(q.sample(torch.Generator().manual_seed(0), 5), expected)
    torch.testing.assert_close(log_q, Normal(mu, (log_var / 2).exp()).log_prob(z).sum(-1))


@pytest.mark.parametrize("log_var", [-120.0, 120.0])
def test_draws_of_any_width_are_finite_with_their_slopes(log_var):
    model, mu = vaelib.VAE(6, 4, 2), torch.ones(3, 2, requires_grad=True)
    log_var = torch.full((3, 2), log_var, requires_grad=True)
    z = model.reparameterize(mu, log_var)
    for slope in torch.autograd.grad(z.sum(), (mu, log_var)):
        assert slope.isfinite().all()
    assert z.isfinite().all()


@pytest.mark.parametrize("scale", [1e-8, 1.0, 20.0, 1e4])
def test_pixels_of_any_certainty_have_their_log_likelihood_and_slope(scale):
    torch.manual_seed(0)
    x = torch.rand(4, 784).round()
    logits = (scale * (2 * x - 1) * torch.rand(4, 784)).requires_grad_()  # right to a degree
    logits = torch.where(torch.rand(4, 784) < 0.05, -logits, logits).detach().requires_grad_()
    ours = vaelib.bernoulli_log_likelihood(x, logits)
    (slope,) = torch.autograd.grad(ours.sum(), logits)
    double = logits.detach().double().requires_grad_()
    exact = torch.nn.functional.logsigmoid((2 * x.double() - 1) * double).sum(-1)
    (exact_slope,) = torch.autograd.grad(exact.sum(), double)
    torch.testing.assert_close(ours.double(), exact, rtol=1e-6, atol=1e-4)
    torch.testing.assert_close(slope.double(), exact_slope, rtol=1e-5, atol=1e-7)


def test_large_logits_that_are_right_cost_nothing():
    torch.manual_seed(0)
    x = torch.rand(4, 784).round()
    logits = (2 * x - 1) * (1e4 + 1e4 * torch.rand(4, 784))
    assert vaelib.bernoulli_log_likelihood(x, logits).tolist() == [0] * 4


@pytest.mark.parametrize("dtype", NARROW)
def test_narrow_numbers_are_summed_in_float32(dtype):
    torch.manual_seed(0)
    x, logits = torch.rand(3, 784).to(dtype), torch.randn(3, 784).to(dtype).requires_grad_()
    ours = vaelib.bernoulli_log_likelihood(x, logits)
    torch.testing.assert_close(
        ours, vaelib.bernoulli_log_likelihood(x.float(), logits.float()), rtol=0, atol=0
    )
    assert torch.autograd.grad(ours.sum(), logits)[0].dtype == dtype
    mean = logits.detach().sigmoid()
    torch.testing.assert_close(
        vaelib.gaussian_log_likelihood(x, mean, 1e-3),
        vaelib.gaussian_log_likelihood(x.float(), mean.float(), 1e-3),
    )
    mu, log_var = (20 * torch.randn(2, 5, 50)).to(dtype)
    torch.testing.assert_close(
        vaelib.gaussian_kl(mu, log_var / 4), vaelib.gaussian_kl(mu.float(), (log_var / 4).float())
    )


@pytest.mark.parametrize("level", [0.0, -1e3, -1e6, 300.0])
@pytest.mark.parametrize("spread", [0.0, 1e-4, 1.0])
def test_the_error_of_equal_and_of_tiny_weights_keeps_its_digits(level, spread):
    torch.manual_seed(0)
    deviations = spread * torch.randn(600, 3, **DOUBLE)
    log_weights = (level + deviations).float()
    weights = importance.Weights()
    for part in log_weights.split(250):
        weights.add(part)
    relative = (log_weights.double() - level).exp()
    error = relative.std(0) / math.sqrt(600) / relative.mean(0)
    torch.testing.assert_close(weights.error().double(), error, rtol=1e-3, atol=1e-9)
    expected = relative.mean(0).log() + level
    torch.testing.assert_close(weights.log_mean().double(), expected, rtol=1e-6, atol=1e-5)


def test_weights_may_be_zero_and_parts_of_any_size():
    weights = importance.Weights()
    for part in ([-math.inf, -math.inf], [0.0, -math.inf], [-math.inf, -math.inf]):
        weights.add(torch.tensor(part)[None])
    assert weights.log_mean().tolist() == [pytest.approx(-math.log(3)), -math.inf]
    assert weights.error()[0].item() == pytest.approx(1.0)  # one weight in three: std of its mean


def test_an_exact_posterior_has_no_error():
    torch.manual_seed(0)
    model = vaelib.VAE(16, 8, 2)
    with torch.no_grad():  # q is the prior and x apart from z
        for layer in (model.encoder[-1], model.decoder[-1]):
            layer.weight.zero_()
        model.encoder[-1].bias.zero_()
    images = (torch.rand(4, 16) > 0.5).float()
    assert vaelib.log_likelihood(model, images, 1000).error.max() < 1e-7


def test_means_of_an_estimate_are_those_of_float64():
    torch.manual_seed(0)
    estimate = -1e6 + torch.rand(5000)
    found = vaelib.LogLikelihood(estimate, torch.full_like(estimate, 0.1))
    assert found.mean == pytest.approx(estimate.double().mean().item(), rel=1e-14)
    assert found.mean_error == pytest.approx(0.1 / math.sqrt(5000), rel=1e-6)
    expected = estimate.double().std().item() / math.sqrt(5000)
    assert found.sampling_error == pytest.approx(expected, rel=1e-9)
    assert math.isnan(vaelib.LogLikelihood(estimate[:1], estimate[:1]).sampling_error)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_the_grid_keeps_the_digits_of_certain_pixels(scale):
    torch.manual_seed(0)
    model = vaelib.VAE(784, 8, 2)
    with torch.no_grad():
        model.decoder[-1].bias.copy_(scale * torch.randn(784))
    z, x = torch.randn(5, 2), (model.decode(torch.zeros(3, 2)) > 0.5).float()
    with torch.no_grad():
        ours = _log_joint(model, x, z)
        logits = model.decode_logits(z).double()
    signs = 2 * x.double() - 1
    exact = torch.nn.functional.logsigmoid(signs[:, None] * logits).sum(-1)
    exact = exact + Independent(Normal(torch.zeros(2, **DOUBLE), 1.0), 1).log_prob(z.double())
    torch.testing.assert_close(ours.double(), exact, rtol=1e-6, atol=2e-4)


@pytest.mark.parametrize("sigma", [1e-3, 1e-10, 1e-18])
def test_the_grid_takes_a_tiny_sigma(sigma):
    torch.manual_seed(0)
    model, images = vaelib.VAE(6, 4, 2, likelihood="gaussian", sigma=sigma), torch.rand(2, 6)
    z = torch.randn(3, 2)
    with torch.no_grad():
        ours = _log_joint(model, images, z)
        mean = model.decode(z).double()
    exact = Independent(Normal(mean, sigma), 1).log_prob(images.double()[:, None])
    exact = exact + Normal(0.0, 1.0).log_prob(z.double()).sum(-1)
    torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=0)


@pytest.mark.parametrize("sigma", [1e-4, 1e-2, 1.0])
def test_probabilistic_pca_with_little_noise_is_that_of_float64(sigma):
    torch.manual_seed(0)
    weights, mean = torch.randn(6, 2), torch.randn(6)
    exact = vaelib.LinearGaussian(weights.double(), mean.double(), sigma)
    x = exact.sample(50, torch.Generator().manual_seed(0)).float()
    ours = vaelib.LinearGaussian(weights, mean, sigma)
    # Rounding x to float32 moves it by 1e-7, which a sigma of 1e-4 notices by a thousandth.
    torch.testing.assert_close(
        ours.log_likelihood(x).double(), exact.log_likelihood(x.double()), rtol=0.01, atol=0.02
    )
    for found, expected in zip(ours.posterior(x), exact.posterior(x.double()), strict=True):
        torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-5 * sigma + 1e-6)


def test_probabilistic_pca_is_the_multivariate_normal_where_noise_is_large():
    torch.manual_seed(0)
    exact = vaelib.LinearGaussian(torch.randn(6, 2, **DOUBLE), torch.randn(6, **DOUBLE), 1e-3)
    normal = torch.distributions.MultivariateNormal(exact.mean, exact.covariance())
    x = exact.sample(20)
    torch.testing.assert_close(exact.log_likelihood(x), normal.log_prob(x), rtol=1e-6, atol=1e-6)


def test_flat_float32_data_are_named_too():
    torch.manual_seed(0)
    flat = torch.randn(100, 2) @ torch.randn(2, 6)
    with pytest.raises(ValueError, match="vary in more than 2 directions"):
        vaelib.LinearGaussian.maximum_likelihood(flat, 2)
