"""Numbers from NumPy, torch and JSON are numbers to everything in vaelib; others are named."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

import vaelib
from vaelib import checks, gradients, holes, plots

INTEGERS = [np.int64, np.uint8, np.array, torch.tensor, lambda value: torch.tensor(value).short()]
REALS = [np.float32, np.float64, np.array, torch.tensor, Fraction]


@pytest.mark.parametrize("kind", INTEGERS)
def test_integers_of_any_library_become_pythons(kind):
    assert type(checks.integer("n", kind(3))) is int
    assert checks.integer("n", kind(3)) == 3


@pytest.mark.parametrize("kind", REALS + INTEGERS)
def test_numbers_of_any_library_become_pythons(kind):
    assert type(checks.number("x", kind(2))) is float
    assert checks.positive("x", kind(2)) == 2


BOTH = [True, np.bool_(True), torch.tensor(True), "3", b"3", None, [3], 1j, object()]
ARRAYS = [np.array([3]), torch.tensor([3]), torch.tensor(3, device="meta")]


@pytest.mark.parametrize("value", [*BOTH, *ARRAYS, 3.0, np.float32(3), torch.tensor(3.0), 0, -1])
def test_what_is_no_integer_in_range_is_named(value):
    with pytest.raises(ValueError, match="wanted n as an integer of 1 or more, got"):
        checks.integer("n", value)


@pytest.mark.parametrize("value", [*BOTH, *ARRAYS, 0, -1.5, math.inf, math.nan, 10**400])
def test_what_is_no_number_in_range_is_named(value):
    with pytest.raises(ValueError, match="wanted x above 0 and finite, got"):
        checks.positive("x", value)


def test_an_integer_may_have_other_bounds():
    assert checks.integer("n", -7, least=None) == -7
    assert checks.random_seed(2**64 - 1) == 2**64 - 1
    for value in (-1, 11):
        with pytest.raises(ValueError, match=f"wanted n as an integer from 0 to 10, got {value}"):
            checks.integer("n", np.int64(value), 0, 10)


IMAGES = torch.rand(9, 1, 4, 4, generator=torch.Generator().manual_seed(0))
BINARY = (IMAGES > 0.5).float()
BOX = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
CODES = torch.rand(9, 2, generator=torch.Generator().manual_seed(1))


def model():
    torch.manual_seed(0)
    return vaelib.VAE(16, 6, 2)


def generator():
    return torch.Generator().manual_seed(0)


def fitted(**options):
    network = model()
    vaelib.fit(network, IMAGES, IMAGES, epochs=options.pop("epochs", 2), progress=False, **options)
    return network.encoder[0].weight


def pathwise(num_samples):
    draws = gradients.pathwise(lambda z: z.sum(-1), BOX[0], BOX[1], num_samples, generator())
    return draws[0]


TAKE_INTEGERS = {
    "fit(epochs)": lambda n: fitted(epochs=n),
    "fit(batch_size)": lambda n: fitted(batch_size=n),
    "fit(num_samples)": lambda n: fitted(num_samples=n),
    "fit(seed)": lambda n: fitted(seed=n),
    "sample": lambda n: model().sample(n, generator()),
    "elbo": lambda n: vaelib.elbo(model(), IMAGES, n, generator()),
    "mean_terms(num_samples)": lambda n: vaelib.mean_terms(model(), IMAGES, n),
    "mean_terms(seed)": lambda n: vaelib.mean_terms(model(), IMAGES, seed=n),
    "iwae_bound": lambda n: vaelib.iwae_bound(model(), IMAGES, n, generator()),
    "log_likelihood(num_samples)": lambda n: vaelib.log_likelihood(model(), BINARY, n),
    "log_likelihood(seed)": lambda n: vaelib.log_likelihood(model(), BINARY, 2, seed=n),
    "log_likelihood(chunk)": lambda n: vaelib.log_likelihood(model(), BINARY, 2, chunk=n),
    "rate_distortion": lambda n: vaelib.rate_distortion(model(), IMAGES, n, n),
    "best_gaussian": lambda n: vaelib.grid_posterior(model(), BINARY).best_gaussian(n)[0],
    "binarize_once": lambda n: vaelib.binarize_once(IMAGES, n),
    "moon_phases": lambda n: vaelib.moon_phases(n, n).images,
    "LinearVAE": lambda n: torch.tensor(vaelib.LinearVAE(n, n).decoder.weight.shape),
    "maximum_likelihood": lambda n: (
        vaelib.LinearGaussian.maximum_likelihood(IMAGES.flatten(1), n).weights
    ),
    "box_grid": lambda n: holes.box_grid(BOX, n),
    "uniform_codes": lambda n: holes.uniform_codes(BOX, n, generator()),
    "gaussian_codes": lambda n: holes.gaussian_codes(CODES, n, generator()),
    "gradients": pathwise,
    "image_grid": lambda n: plots.image_grid(IMAGES, n, n).nan_to_num(),
    "gaussian_quantiles": plots.gaussian_quantiles,
}
LEFT_TO_FIT = ("fit(batch_size)", "fit(learning_rate)", "fit(encoder_rate)")  # where they are None
TAKE_NUMBERS = {
    "fit(learning_rate)": lambda x: fitted(learning_rate=x),
    "fit(beta)": lambda x: fitted(beta=x),
    "fit(encoder_rate)": lambda x: fitted(encoder_rate=x),
    "fit(betas)": lambda x: fitted(betas=[x, x]),
    "sigma": lambda x: torch.tensor(vaelib.VAE(16, 4, 2, "gaussian", sigma=x).pixels.sigma),
    "LinearVAE(sigma)": lambda x: vaelib.LinearVAE(16, 2, x).sigma.detach(),
    "LinearGaussian(sigma)": lambda x: torch.tensor(vaelib.LinearGaussian(BOX, BOX[0], x).sigma),
    "gaussian_log_likelihood": lambda x: vaelib.gaussian_log_likelihood(CODES, CODES, x),
    "active_units": lambda x: vaelib.active_units(model(), IMAGES, x),
    "grid_posterior(edge)": lambda x: vaelib.grid_posterior(model(), BINARY, 10 * x).axis,
    "empty_fraction": lambda x: torch.tensor(holes.empty_fraction(CODES + 0.5, CODES, x)),
}


def same(result, expected) -> bool:
    if isinstance(expected, torch.Tensor):
        return torch.equal(result, expected)
    return str(result) == str(expected)


@pytest.mark.parametrize("name", TAKE_INTEGERS)
@pytest.mark.parametrize("kind", INTEGERS[:4])
def test_every_count_may_come_from_another_library(name, kind):
    assert same(TAKE_INTEGERS[name](kind(2)), TAKE_INTEGERS[name](2))


@pytest.mark.parametrize("name", TAKE_INTEGERS)
@pytest.mark.parametrize("value", [True, 2.0, "2", None])
def test_every_count_that_is_none_is_named(name, value):
    if name in LEFT_TO_FIT and value is None:
        return
    with pytest.raises(ValueError, match=r"wanted \w+ as an integer"):
        TAKE_INTEGERS[name](value)


@pytest.mark.parametrize("name", TAKE_NUMBERS)
@pytest.mark.parametrize("kind", [np.float32, np.array, torch.tensor])
def test_every_number_may_come_from_another_library(name, kind):
    assert same(TAKE_NUMBERS[name](kind(0.5)), TAKE_NUMBERS[name](0.5))


@pytest.mark.parametrize("name", [name for name in TAKE_NUMBERS if "edge" not in name])
@pytest.mark.parametrize("value", [True, "0.5", None, 1j])
def test_every_number_that_is_none_is_named(name, value):
    if name in LEFT_TO_FIT and value is None:
        return
    with pytest.raises(ValueError, match=r"wanted (a )?\w+"):
        TAKE_NUMBERS[name](value)


def test_settings_may_come_from_a_json_file():
    settings = '{"betas": [0.9, 0.95], "epochs": 2, "batch_size": 4, "learning_rate": 1e-3}'
    expected = fitted(betas=(0.9, 0.95), batch_size=4, learning_rate=0.001)
    assert torch.equal(fitted(**json.loads(settings)), expected)


@pytest.mark.parametrize("betas", [0.9, (0.9,), (0.9, 0.95, 1), "12", (0.9, True), None, {}])
def test_betas_that_are_no_pair_are_named(betas):
    with pytest.raises(ValueError, match=r"wanted betas as two numbers in \[0, 1\), got"):
        fitted(betas=betas)
