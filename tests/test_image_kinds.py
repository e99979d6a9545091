"""Images of every kind through all that takes images: as float32, or refused in a sentence."""

import numpy as np
import pytest
import torch

import vaelib

GENERATOR = torch.Generator()
BINARY = (torch.rand(12, 1, 4, 2, generator=GENERATOR.manual_seed(0)) > 0.5).float()
GREY = torch.rand(12, 1, 4, 2, generator=GENERATOR.manual_seed(0)).half().float()  # exact in both


def trained(model, images, **options):
    history = vaelib.fit(model, images, images, epochs=2, batch_size=5, progress=False, **options)
    return [*history.train, *history.test]


SCORES = {  # of a model and black and white images
    "fit": trained,
    "fit, grey": lambda model, x: trained(model, x * 0.5),
    "fit, dynamic": lambda model, x: trained(model, x * 0.5, binarize="dynamic"),
    "elbo": lambda model, x: vaelib.elbo(model, x, 2, GENERATOR.manual_seed(0)),
    "mean_terms": lambda model, x: vaelib.mean_terms(model, x, 2),
    "iwae_bound": lambda model, x: vaelib.iwae_bound(model, x, 2, GENERATOR.manual_seed(0)),
    "log_likelihood": lambda model, x: vaelib.log_likelihood(model, x, 3),
    "kl_per_dimension": vaelib.kl_per_dimension,
    "mean_variance": vaelib.mean_variance,
    "active_units": vaelib.active_units,
    "rate_distortion": vaelib.rate_distortion,
    "grid_posterior": lambda model, x: vaelib.grid_posterior(model, x, side=40),
}
MODELS = {
    "VAE": vaelib.VAE,
    "gaussian": lambda *sizes: vaelib.VAE(*sizes, likelihood="gaussian"),
    "LinearVAE": lambda pixels, _, latent: vaelib.LinearVAE(pixels, latent),
}


def of(name, score, images):
    torch.manual_seed(1)
    return SCORES[score](MODELS[name](8, 6, 2), images)


def numbers(result):
    parts = result if isinstance(result, list | tuple) else [result]
    return [torch.as_tensor(part).double() for part in parts]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("score", SCORES)
def test_every_floating_point_type_scores_as_float32(name, score):
    expected = numbers(of(name, score, BINARY))
    assert all(part.isfinite().all() for part in expected)
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        found = numbers(of(name, score, BINARY.to(dtype).requires_grad_()))
        assert all(map(torch.equal, found, expected)), dtype


@pytest.mark.parametrize("score", SCORES)
def test_colour_scores_as_the_same_numbers_flattened(score):
    flat = BINARY[:, :, :2, :1].expand(-1, 3, -1, -1).reshape(12, 6)
    results = []
    for images in (flat, flat.view(12, 3, 2, 1)):
        torch.manual_seed(1)
        results.append(numbers(SCORES[score](vaelib.VAE(6, 6, 2), images)))
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize("count", [1, 7, 101, 1001])
def test_means_over_data_that_no_batch_divides(count):
    model = vaelib.VAE(8, 6, 2)
    with torch.no_grad():  # q(z|x) is the prior, and x does not depend on z
        for layer in (model.decoder[-1].weight, model.encoder[-1].weight, model.encoder[-1].bias):
            layer.zero_()
    images = BINARY.flatten(1).repeat(84, 1)[:count]
    exact = vaelib.bernoulli_log_likelihood(images, model.decoder[-1].bias.detach())
    torch.testing.assert_close(vaelib.log_likelihood(model, images, 7).estimate, exact)
    assert vaelib.mean_terms(model, images).elbo == pytest.approx(exact.mean().item(), rel=1e-5)
    assert vaelib.kl_per_dimension(model, images).tolist() == [0, 0]
    still = {"learning_rate": 1e-30, "mean_bias": False, "progress": False}
    history = vaelib.fit(model, images, epochs=1, batch_size=50, **still)
    assert history.train[0].elbo == pytest.approx(exact.mean().item(), rel=1e-5)


def with_pixel(value):
    images = BINARY.clone()
    images[3, 0, 1, 1] = value
    return images


WRONG = {
    "bool": (BINARY > 0.5, r"got torch\.bool: write images\.float\(\)$"),
    "bytes": ((BINARY * 255).to(torch.uint8), r"got torch\.uint8: divide bytes by 255"),
    "floats from 0 to 255": (BINARY * 255, r"\[0, 255\]: divide bytes by 255"),
    "normalized": (2 * BINARY - 1, r"\[-1, 1\]: leave out Normalize"),
    "NaN": (with_pixel(torch.nan), r"got values in \[nan, nan\]$"),
    "infinite": (with_pixel(-torch.inf), r"got values in \[-inf, 1\]$"),
    "sparse": (BINARY.to_sparse(), r"write images\.to_dense\(\)"),
    "meta": (BINARY.to("meta"), "on the meta device"),
    "complex": (BINARY.to(torch.complex64), r"got torch\.complex64"),
    "an array": (BINARY.numpy(), r"got ndarray"),
}


@pytest.mark.parametrize("score", [name for name in SCORES if not name.startswith("fit, ")])
@pytest.mark.parametrize("kind", WRONG)
def test_images_that_are_none_are_refused_by_every_score(score, kind):
    images, message = WRONG[kind]
    with pytest.raises(ValueError, match=message):
        of("VAE", score, images)


@pytest.mark.parametrize("kind", ["bool", "bytes", "complex", "an array"])
def test_a_network_itself_refuses_what_are_no_floating_point_numbers(kind):
    images, message = WRONG[kind]
    for model in (vaelib.VAE(8, 6, 2), vaelib.Autoencoder(8, 6, 2), vaelib.LinearVAE(8, 2)):
        with pytest.raises(ValueError, match=message):
            model.encode(images)
    with pytest.raises(ValueError, match=message):
        vaelib.VAE(8, 6, 2).set_output_bias(images)


def test_a_linear_vae_takes_any_finite_numbers():
    for score in ("fit", "elbo"):
        assert all(part.isfinite().all() for part in numbers(of("LinearVAE", score, 3 * GREY - 1)))
        with pytest.raises(ValueError, match=r"wanted finite pixel"):
            of("LinearVAE", score, with_pixel(torch.nan))


def test_fit_remembers_the_shape_of_its_images_for_every_later_picture(tmp_path):
    model = vaelib.VAE(144, 4, 2)
    vaelib.fit(model, torch.rand(6, 16, 9), epochs=1, progress=False)
    assert model.image_shape == (1, 16, 9)
    vaelib.save(model, tmp_path / "model")
    again = vaelib.load(tmp_path / "model")
    drawn = vaelib.plots.manifold(again, 3).axes[0].get_images()[0].get_array()
    assert drawn.shape == (48, 27)
    vaelib.fit(again, torch.rand(6, 144), epochs=1, progress=False)  # flattened: no other shape
    for train, test in (
        (torch.rand(6, 1, 12, 12), None),
        (torch.rand(6, 16, 9), torch.rand(6, 9, 16)),
    ):
        with pytest.raises(ValueError, match=r"wanted images of shape \(1, 16, 9\), which this"):
            vaelib.fit(again, train, test, epochs=1, progress=False)


def test_fit_takes_networks_that_have_no_place_for_a_shape():
    class Own(vaelib.VAE):
        remember_shape = None

    assert trained(Own(8, 6, 2), GREY)


def test_training_and_test_images_have_one_size():
    with pytest.raises(ValueError, match="of 8 pixels each, got shape"):
        vaelib.fit(vaelib.VAE(8, 6, 2), torch.rand(3, 8), torch.rand(3, 9))


def test_a_run_goes_on_though_the_model_has_learned_its_shape(tmp_path):
    options = {"epochs": 2, "progress": False, "checkpoint": tmp_path / "run", "seed": np.int64(3)}
    model = vaelib.VAE(8, 6, 2)
    first = vaelib.fit(model, GREY, **options)
    assert vaelib.fit(model, GREY, **options).train == first.train
    assert vaelib.fit(vaelib.VAE(8, 6, 2), GREY, **options | {"seed": 3}).train == first.train
