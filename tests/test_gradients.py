"""The gradient estimators against exact gradients."""

import math

import pytest
import torch
from torch.distributions import Normal

from book._checks.quadrature import gauss_hermite
from vaelib.lab.gradients import pathwise, score_function

MU = torch.tensor([1.0, -0.5, 0.2], dtype=torch.float64)
SIGMA = torch.tensor([0.5, 1.0, 0.8], dtype=torch.float64)
K = 200_000
ESTIMATORS = {
    "pathwise": pathwise,
    "score": score_function,
    "score with a baseline": lambda *args, **options: score_function(
        *args, baseline=2.5, **options
    ),
    "score with a baseline a coordinate": lambda *args, **options: score_function(
        *args, baseline=torch.tensor([3.0, -2.0, 1.0]), **options
    ),
}
each_estimator = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)


def square(z):
    return z.square().sum(-1)


def wave(z):
    return (torch.sin(2 * z) + z).prod(-1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def assert_unbiased(draws, exact):
    error = draws.std(0) / math.sqrt(len(draws))
    assert ((draws.mean(0) - exact).abs() < 5 * error).all()


@each_estimator
def test_gradients_of_the_squared_norm_are_unbiased(estimator):
    draws = estimator(square, MU, SIGMA, K, generator=generator())
    assert_unbiased(draws.mu, 2 * MU)
    assert_unbiased(draws.sigma, 2 * SIGMA)


@each_estimator
def test_gradients_agree_with_those_of_a_quadrature(estimator):
    nodes, weights = gauss_hermite(40)
    mu, sigma = MU.clone().requires_grad_(), SIGMA.clone().requires_grad_()
    z = mu + sigma * nodes[:, None]
    # The coordinates are independent: the mean of the product is the product of the means.
    (weights[:, None] * (torch.sin(2 * z) + z)).sum(0).prod().backward()
    draws = estimator(wave, MU, SIGMA, K, generator=generator(1))
    assert_unbiased(draws.mu, mu.grad)
    assert_unbiased(draws.sigma, sigma.grad)


def test_pathwise_rows_are_those_of_autograd_through_rsample():
    torch.manual_seed(0)
    mu, sigma = (p.expand(7, 3).clone().requires_grad_() for p in (MU, SIGMA))
    wave(Normal(mu, sigma).rsample()).sum().backward()
    draws = pathwise(wave, MU, SIGMA, 7, generator=generator(0))
    torch.testing.assert_close(draws.mu, mu.grad)
    torch.testing.assert_close(draws.sigma, sigma.grad)


def test_score_function_rows_are_those_of_autograd_through_log_prob():
    torch.manual_seed(0)
    mu, sigma = (p.expand(7, 3).clone().requires_grad_() for p in (MU, SIGMA))
    z = Normal(mu, sigma).sample()
    ((wave(z) - 2.5) * Normal(mu, sigma).log_prob(z).sum(-1)).sum().backward()
    draws = score_function(wave, MU, SIGMA, 7, baseline=2.5, generator=generator(0))
    torch.testing.assert_close(draws.mu, mu.grad)
    torch.testing.assert_close(draws.sigma, sigma.grad)


def test_variance_of_pathwise_is_the_closed_form():
    draws = pathwise(square, MU, SIGMA, K, generator=generator()).mu
    torch.testing.assert_close(draws.var(0), 4 * SIGMA**2, rtol=0.02, atol=0)


@pytest.mark.parametrize("baseline", [0.0, 3.0, 10.0])
def test_variance_of_score_function_is_the_closed_form(baseline):
    draws = score_function(square, MU, SIGMA, K, baseline, generator()).mu
    mean = (MU**2 + SIGMA**2).sum()
    variance = (4 * MU**2 * SIGMA**2 + 2 * SIGMA**4).sum()
    best = mean + 2 * SIGMA**2
    exact = (variance + (baseline - best) ** 2) / SIGMA**2 + 4 * (MU**2 + SIGMA**2)
    torch.testing.assert_close(draws.var(0), exact, rtol=0.05, atol=0)


def test_score_function_needs_no_derivative():
    draws = score_function(lambda z: (z[:, 0] > 0).double(), MU, SIGMA, K, generator=generator())
    density = Normal(MU[0], SIGMA[0]).log_prob(torch.zeros((), dtype=torch.float64)).exp()
    assert_unbiased(draws.mu[:, 0], density)


def test_pathwise_refuses_a_function_without_a_derivative():
    with pytest.raises(ValueError, match="differentiable"):
        pathwise(lambda z: (z[:, 0] > 0).double(), MU, SIGMA, 3)


@each_estimator
def test_shapes_and_dtype_are_those_of_the_draws(estimator):
    draws = estimator(square, MU.float(), SIGMA.float(), 4)
    assert [(g.shape, g.dtype) for g in draws] == [((4, 3), torch.float32)] * 2


@each_estimator
def test_the_same_generator_gives_the_same_draws(estimator):
    first, again = (estimator(square, MU, SIGMA, 4, generator=generator(3)) for _ in range(2))
    assert torch.equal(first.mu, again.mu)
    assert torch.equal(first.sigma, again.sigma)


@each_estimator
def test_parameters_that_require_gradients_are_left_alone(estimator):
    mu, sigma = MU.clone().requires_grad_(), SIGMA.clone().requires_grad_()
    with torch.no_grad():
        draws = estimator(square, mu, sigma, 4)
    assert mu.grad is None
    assert sigma.grad is None
    assert not draws.mu.requires_grad
    assert not draws.sigma.requires_grad


@each_estimator
@pytest.mark.parametrize(
    ("mu", "sigma", "num_samples", "message"),
    [
        (MU, SIGMA[:2], 4, r"got \(3,\) and \(2,\)"),
        (MU[None], SIGMA[None], 4, r"got \(1, 3\)"),
        (MU, SIGMA * 0, 4, "sigma above 0"),
        (MU, -SIGMA, 4, "sigma above 0"),
        (MU, SIGMA * math.nan, 4, "sigma above 0"),
        (MU, SIGMA, 0, "num_samples as an integer of 1 or more, got 0"),
        (MU, SIGMA, -1, "num_samples as an integer of 1 or more, got -1"),
    ],
)
def test_bad_parameters_are_refused(estimator, mu, sigma, num_samples, message):
    with pytest.raises(ValueError, match=message):
        estimator(square, mu, sigma, num_samples)


@each_estimator
def test_a_function_that_returns_no_number_a_draw_is_refused(estimator):
    with pytest.raises(ValueError, match=r"wanted f to return shape \(4,\)"):
        estimator(lambda z: z.square(), MU, SIGMA, 4)


def test_a_baseline_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="wanted a baseline of shape"):
        score_function(square, MU, SIGMA, 4, baseline=torch.zeros(4))
