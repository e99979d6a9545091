"""The two networks: shapes, the seed's equations, and arguments that make no network."""

import inspect
import json
import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

import vaelib
from vaelib import likelihoods
from vaelib.models.base import FAMILIES, LatentVariableModel
from vaelib.models.code_prior import CodePredictor


@pytest.fixture
def model():
    torch.manual_seed(0)
    return vaelib.VAE(input_dim=12, hidden_dim=7, latent_dim=3)


def test_forward_keeps_the_images_shape(model):
    recon, mu, log_var = model(torch.rand(5, 1, 3, 4))
    assert recon.shape == (5, 1, 3, 4)
    assert mu.shape == log_var.shape == (5, 3)


def test_decoder_gives_probabilities_and_their_log_odds(model):
    z = torch.randn(4, 5, 3)
    probabilities = model.decode(z)
    assert probabilities.shape == (4, 5, 12)
    torch.testing.assert_close(probabilities.logit(), model.decode_logits(z))


def test_encoder_is_two_layers_cut_in_two(model):
    x = torch.rand(5, 12)
    first, _, second = model.encoder
    h = (x @ first.weight.T + first.bias).clamp(min=0) @ second.weight.T + second.bias
    mu, log_var = model.encode(x)
    torch.testing.assert_close(mu, h[:, :3])
    torch.testing.assert_close(log_var, h[:, 3:])


def test_reparameterized_draws_have_the_posteriors_distribution(model):
    mu, log_var = torch.tensor([1.0, -2.0]).double(), torch.tensor([-1.0, 0.7]).double()
    generator = torch.Generator().manual_seed(0)
    draws = 20000
    z = model.reparameterize(mu.expand(draws, 2), log_var.expand(draws, 2), generator)
    uniform = Normal(mu, (log_var / 2).exp()).cdf(z).sort(0).values
    steps = torch.linspace(0, 1, draws).double()[:, None]
    assert (uniform - steps).abs().max() < 1.95 / draws**0.5  # Kolmogorov-Smirnov, 0.1 percent


def test_gradients_pass_through_a_draw(model):
    mu, log_var = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    generator = torch.Generator().manual_seed(0)
    z = model.reparameterize(mu, log_var, generator)
    z.sum().backward()
    torch.testing.assert_close(mu.grad, torch.ones(3))
    torch.testing.assert_close(log_var.grad, z.detach() / 2)  # d/d log_var = sigma eps / 2


def test_a_generator_repeats_a_sample(model):
    first, second = (model.sample(6, torch.Generator().manual_seed(3)) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert first.shape == (6, 12)
    assert not first.requires_grad


def test_an_autoencoder_has_one_code_an_image():
    model = vaelib.Autoencoder(input_dim=12, hidden_dim=7, latent_dim=3)
    images = torch.rand(5, 1, 3, 4)
    recon, z = model(images)
    assert recon.shape == images.shape
    torch.testing.assert_close(z, model.encode(images))
    torch.testing.assert_close(recon.flatten(1), model.decode(z))


@pytest.mark.parametrize("architecture", [vaelib.Autoencoder, vaelib.VAE])
@pytest.mark.parametrize("name", ["input_dim", "hidden_dim", "latent_dim"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, "2", np.float32(2), np.bool_(True)])
def test_a_size_below_one_is_an_error(architecture, name, value):
    with pytest.raises(
        ValueError, match=f"wanted {name} as an integer of 1 or more, got '?{value}"
    ):
        architecture(**{name: value})


@pytest.mark.parametrize("activation", ["relu", "tanh", "silu"])
def test_hidden_layers_in_a_row_and_their_mirror_image(activation):
    model = vaelib.VAE(12, (7, 5), 3, activation=activation)
    mu, log_var = model.encode(torch.rand(4, 12))
    assert mu.shape == log_var.shape == (4, 3)
    linear = [*model.encoder[::2], *model.decoder[::2]]
    shapes = [tuple(layer.weight.shape) for layer in linear]
    assert shapes == [(7, 12), (5, 7), (6, 5), (5, 3), (7, 5), (12, 7)]
    x = torch.tensor([-2.0, 3.0])
    expected = {"relu": x.clamp(min=0), "tanh": x.tanh(), "silu": x * x.sigmoid()}
    torch.testing.assert_close(model.encoder[1](x), expected[activation])


def test_one_hidden_layer_keeps_its_names_and_its_random_numbers():
    torch.manual_seed(0)
    one = vaelib.VAE(12, 7, 3)
    torch.manual_seed(0)
    same = vaelib.VAE(12, [7], 3)
    assert one.hidden_dim == same.hidden_dim == 7
    assert list(one.state_dict()) == [
        f"{part}.{layer}.{name}"
        for part in ("encoder", "decoder")
        for layer in (0, 2)
        for name in ("weight", "bias")
    ]
    assert torch.equal(one.encoder[0].weight, same.encoder[0].weight)


@pytest.mark.parametrize(
    ("hidden_dim", "got"), [((), r"got \(\)"), ((7, 0), "got 0"), ([7, 2.5], "got 2.5")]
)
def test_hidden_layers_that_are_none_are_errors(hidden_dim, got):
    with pytest.raises(ValueError, match=f"wanted hidden_dim .*{got}"):
        vaelib.VAE(12, hidden_dim, 3)


def test_an_unknown_activation_names_those_there_are():
    with pytest.raises(ValueError, match=r"\('relu', 'tanh', 'silu'\), got 'selu'"):
        vaelib.VAE(activation="selu")


def test_the_output_bias_makes_the_mean_image_the_decoders_guess(model):
    images = torch.rand(50, 12)
    images[:, 0] = 0
    assert model.has_untrained_output()
    model.set_output_bias(images)
    with torch.no_grad():
        model.decoder[-1].weight.zero_()
    guess = model.decode(torch.randn(1, 3))
    torch.testing.assert_close(guess[0, 1:], images.mean(0)[1:])
    assert guess[0, 0].item() == pytest.approx(0.001)
    assert not model.has_untrained_output()


def test_shipped_models_have_a_trained_output():
    for name in vaelib.recipes.RECIPES:
        assert not vaelib.pretrained(name).has_untrained_output()


def test_an_unknown_likelihood_or_a_negative_sigma_is_an_error():
    with pytest.raises(ValueError, match="got 'poisson'"):
        vaelib.VAE(likelihood="poisson")
    with pytest.raises(ValueError, match="wanted sigma above 0 and finite, got -1"):
        vaelib.VAE(likelihood="gaussian", sigma=-1)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(5, 1, 4, 4), r"12 pixels each, got shape \(5, 1, 4, 4\)"),
        (torch.rand(12), r"got shape \(12,\)"),
        (torch.rand(0, 12), r"got shape \(0, 12\)"),
        (torch.zeros(5, 12, dtype=torch.uint8), "floating-point images in .* got torch.uint8"),
    ],
)
def test_images_that_do_not_fit_are_named(model, images, message):
    with pytest.raises(ValueError, match=message):
        model.encode(images)


def test_latents_that_do_not_fit_are_named(model):
    with pytest.raises(ValueError, match=r"shape \(..., 3\), got \(5, 2\)"):
        model.decode(torch.zeros(5, 2))


def test_sampling_nothing_is_an_error(model):
    with pytest.raises(ValueError, match="num_samples as an integer of 1 or more, got 0"):
        model.sample(0)


@pytest.mark.parametrize("make", [vaelib.VAE, vaelib.Autoencoder])
@pytest.mark.parametrize("integer", [np.int64, np.uint8, np.array, torch.tensor])
def test_sizes_of_any_library_are_kept_as_pythons_own(make, integer):
    model = make(integer(12), [integer(7), integer(5)], integer(3), sigma=np.float32(0.5))
    assert model.arguments == make(12, (7, 5), 3, sigma=0.5).arguments
    assert json.loads(json.dumps(model.arguments))["hidden_dim"] == [7, 5]


@pytest.mark.parametrize("sequence", [list, np.array, torch.tensor, torch.Size])
def test_hidden_layers_may_stand_in_any_sequence(sequence):
    assert vaelib.VAE(12, sequence((7, 5)), 3).arguments["hidden_dim"] == (7, 5)
    assert vaelib.VAE(12, sequence((7,)), 3).arguments["hidden_dim"] == 7


@pytest.mark.parametrize("sigma", [0, -1, math.inf, math.nan, True, "1", None, [1.0]])
def test_a_sigma_that_is_no_positive_number_is_named(sigma):
    with pytest.raises(ValueError, match="wanted sigma above 0 and finite, got"):
        vaelib.VAE(sigma=sigma)


LAYERS = {"input_dim": 784, "hidden_dim": 256, "latent_dim": 2}
SCORED = {"likelihood": "bernoulli", "activation": "relu"}
DEFAULTS = {
    vaelib.Autoencoder: LAYERS | SCORED | {"sigma": 1.0},
    vaelib.VAE: LAYERS | SCORED | {"sigma": 1.0},
    vaelib.ConditionalVAE: LAYERS | SCORED | {"num_labels": 10},
    vaelib.ConvolutionalVAE: {
        "image_shape": (1, 28, 28),
        "channels": (32, 64),
        "latent_dim": 16,
        "likelihood": "bernoulli",
    },
    vaelib.FlowVAE: LAYERS | SCORED | {"num_steps": 4, "step_dim": 32},
    vaelib.HierarchicalVAE: {
        "input_dim": 784,
        "hidden_dim": (200, 200),
        "upper_hidden_dim": (100, 100),
        "latent_dims": (100, 50),
        "likelihood": "bernoulli",
        "activation": "tanh",
    },
    vaelib.LatentFlowVAE: LAYERS
    | SCORED
    | {"sigma": 1.0, "flow_dim": 64, "flow_steps": 2000, "learned": False},
    vaelib.LatentFlow: {"hidden_dim": 64, "num_steps": 20},
    vaelib.LatentFlow.learn: {
        "steps": 2000,
        "batch_size": 512,
        "learning_rate": 0.002,
        "seed": 0,
    },
    vaelib.LatentFlowVAE.learn_prior: {"seed": 0},
    vaelib.LinearVAE: {"sigma": 1.0},
    vaelib.VampPriorVAE: LAYERS | SCORED | {"sigma": 1.0, "num_components": 100},
    vaelib.VQVAE: {
        "image_shape": (1, 28, 28),
        "channels": (32, 64),
        "num_codes": 64,
        "code_dim": 8,
        "likelihood": "bernoulli",
        "commitment": 0.25,
    },
    CodePredictor: {"channels": 32, "num_layers": 3},
    likelihoods.Gaussian: {"sigma": 1.0, "learned": False, "bounded": True},
    likelihoods.DiscretizedLogistic: {"levels": 256, "shared": False},
    vaelib.data.check_images: {"unit_interval": True},
    vaelib.binarize_once: {"seed": 0},
    vaelib.objectives.training_terms: {"num_samples": 1},
    vaelib.elbo_terms: {"num_samples": 1},
    vaelib.elbo: {"num_samples": 1},
    vaelib.mean_terms: {"num_samples": 1, "seed": 0},
    vaelib.rate_distortion: {"num_samples": 1, "seed": 0},
    vaelib.log_likelihood: {"seed": 0, "device": "auto", "chunk": 2**20},
    vaelib.active_units: {"threshold": 0.01},
}


@pytest.mark.parametrize("function", DEFAULTS, ids=lambda function: function.__qualname__)
def test_what_is_not_given_is_what_was_promised(function):
    parameters = inspect.signature(function).parameters.values()
    left_out = (inspect.Parameter.empty, None)
    found = {each.name: each.default for each in parameters if each.default not in left_out}
    assert found == DEFAULTS[function]


def test_fit_finds_a_device_and_shows_a_bar_where_nothing_is_said():
    parameters = inspect.signature(vaelib.fit).parameters
    assert (parameters["device"].default, parameters["progress"].default) == ("auto", True)


@pytest.fixture
def families():
    """What is registered, put back afterwards."""
    before = dict(FAMILIES)
    yield FAMILIES
    FAMILIES.clear()
    FAMILIES.update(before)


def test_a_family_of_a_reader_is_known_and_never_takes_the_place_of_ours(families):
    def made(name, module):
        return type(name, (vaelib.VAE,), {"__module__": module})

    made("VAE", "notebook")
    assert families["VAE"] is vaelib.VAE
    made("Mine", "notebook")
    again = made("Mine", "notebook")  # a cell that is run again
    assert families["Mine"] is again
    made("_Hidden", "notebook")
    assert "_Hidden" not in families
    new = made("VAE", "vaelib.models.new")
    assert families["VAE"] is new


@pytest.mark.parametrize("lacking", ["sample", "log_prob"])
def test_a_prior_draws_and_has_a_density(lacking):
    prior = torch.nn.Module()
    for name in {"sample", "log_prob"} - {lacking}:
        setattr(prior, name, print)
    with pytest.raises(ValueError, match="wanted a prior with sample and log_prob, got a Module"):
        LatentVariableModel(12, 3, likelihoods.Bernoulli(), prior=prior)


def test_all_draws_are_decoded_once(model, monkeypatch):
    decoded, decode = [], model.decode
    monkeypatch.setattr(model, "decode", lambda z: decoded.append(len(z)) or decode(z))
    drawn = model.sample(7, torch.Generator().manual_seed(0))
    assert decoded == [7]
    z = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn, decode(z))
    with pytest.raises(ValueError, match="wanted num_samples"):
        model.sample(0)


def test_a_model_without_labels_refuses_them(model):
    for method in (model.given, model.with_labels):
        with pytest.raises(ValueError, match="wanted a model that takes labels, got a VAE"):
            method(torch.zeros(2, dtype=torch.int64))


def test_a_decoder_or_likelihood_without_a_first_guess_cannot_begin_at_the_mean(model):
    images = torch.rand(5, 12)
    pixels, model.pixels.first_bias = model.pixels, lambda mean: None
    with pytest.raises(ValueError, match=r"got Bernoulli pixels and such a layer$"):
        model.set_output_bias(images)
    del pixels.first_bias
    model.decoder[-1] = torch.nn.Linear(7, 12, bias=False)
    assert not model.has_untrained_output()
    assert not model.guesses_grey()
    with pytest.raises(ValueError, match=r"got Bernoulli pixels and no such layer$"):
        model.set_output_bias(images)


def test_the_decoder_s_last_bias_is_found_before_layers_without_weights(model):
    model.decoder.append(torch.nn.Identity())
    assert model.guesses_grey()
    model.set_output_bias(torch.full((2, 12), 0.3))
    assert model.decoder[2].bias.sigmoid().tolist() == pytest.approx([0.3] * 12)


def test_a_last_layer_of_another_kind_or_size_has_no_such_bias_to_move(model):
    model.decoder.append(torch.nn.LayerNorm(12))
    assert model.has_untrained_output()  # its biases begin at 0
    model.decoder.append(torch.nn.Linear(12, 24))
    assert not model.has_untrained_output()


def test_under_autocast_outputs_keep_the_precision_of_the_latents(model):
    z = torch.randn(4, 3)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert model.decode_logits(z).dtype == torch.float32
        assert model.encode(torch.rand(4, 12))[0].dtype == torch.float32


def test_a_latent_may_be_a_single_one_but_has_an_axis(model):
    assert model.decode(torch.randn(3)).shape == (12,)
    with pytest.raises(ValueError, match=r"wanted latents of shape \(\.\.\., 3\), got \(\)"):
        model.decode(torch.tensor(1.0))


def test_images_of_one_pixel_have_an_axis_for_it_too():
    with pytest.raises(ValueError, match=r"wanted images of 1 pixels each, got shape \(5,\)"):
        vaelib.VAE(1, 4, 2).encode(torch.rand(5))
