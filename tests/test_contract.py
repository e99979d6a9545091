"""What every family of models promises under every likelihood: a family is one line here.

A promise that a family cannot make is named in `MAKES_NO_PROMISE`, with the reason, which pytest
prints as that of a skipped test.
"""

import math

import numpy as np
import pytest
import torch

import vaelib
from vaelib import likelihoods, models, training

SHAPE = (1, 4, 4)
PIXELS = math.prod(SHAPE)
LIKELIHOODS = {
    "bernoulli": likelihoods.Bernoulli,
    "gaussian": lambda: likelihoods.Gaussian(0.3),
    "gaussian, sigma learned": lambda: likelihoods.Gaussian(0.3, learned=True),
    "gaussian, unbounded": lambda: likelihoods.Gaussian(0.3, bounded=False),
    "continuous_bernoulli": likelihoods.ContinuousBernoulli,
    "discretized_logistic": lambda: likelihoods.DiscretizedLogistic(4),
    "discretized_logistic, one scale": lambda: likelihoods.DiscretizedLogistic(4, shared=True),
}
FAMILIES = {
    "Autoencoder": lambda kind: vaelib.Autoencoder(PIXELS, 8, 2, kind, image_shape=SHAPE),
    "VAE": lambda kind: vaelib.VAE(PIXELS, 8, 2, kind, image_shape=SHAPE),
    "ConvolutionalVAE": lambda kind: vaelib.ConvolutionalVAE(SHAPE, (3, 4), 2, kind),
    "ConditionalVAE": lambda kind: vaelib.ConditionalVAE(PIXELS, 3, 8, 2, kind, image_shape=SHAPE),
    "VQVAE": lambda kind: vaelib.VQVAE(SHAPE, (3,), 4, 2, kind),
    "VampPriorVAE": lambda kind: vaelib.VampPriorVAE(PIXELS, 8, 2, 3, kind, image_shape=SHAPE),
    "HierarchicalVAE": lambda kind: vaelib.HierarchicalVAE(
        PIXELS, 8, 6, (3, 2), kind, image_shape=SHAPE
    ),
    "LatentFlowVAE": lambda kind: vaelib.LatentFlowVAE(
        PIXELS, 8, 2, 5, kind, image_shape=SHAPE, flow_steps=5, learned=True
    ),
    "FlowVAE": lambda kind: vaelib.FlowVAE(PIXELS, 8, 3, 3, 5, kind, image_shape=SHAPE),
    "LinearVAE": lambda kind: vaelib.LinearVAE(PIXELS, 2, 0.3, SHAPE),
}
OWN_LIKELIHOOD = {"LinearVAE": "gaussian, unbounded"}  # families that come with their pixels
MAKES_NO_PROMISE = {
    ("Autoencoder", "elbo"): "an autoencoder has no q(z|x): its loss bounds no likelihood",
    ("VQVAE", "draws"): "all draws of a code book's z are the same",
}
CASES = [
    (family, kind)
    for family in FAMILIES
    for kind in LIKELIHOODS
    if OWN_LIKELIHOOD.get(family, kind) == kind
]


def test_no_family_and_no_likelihood_is_left_out():
    ours = {n for n, kind in models.base.FAMILIES.items() if kind.__module__.startswith("vaelib.")}
    assert ours == FAMILIES.keys()
    tried = {made().name for made in LIKELIHOODS.values()}
    assert tried == likelihoods.LIKELIHOODS.keys()
    assert {reason[0] for reason in MAKES_NO_PROMISE} <= FAMILIES.keys()


@pytest.fixture(params=CASES, ids=" ".join)
def case(request):
    return request.param


def promised(case, promise):
    """Skip with the reason if a family cannot make this promise."""
    reason = MAKES_NO_PROMISE.get((case[0], promise))
    if reason:
        pytest.skip(f"{case[0]}: {reason}")


def made(case, dtype=torch.float64):
    torch.manual_seed(0)
    family, kind = case
    return FAMILIES[family](LIKELIHOODS[kind]()).to(dtype)


def images_of(case, count=6, dtype=torch.float64):
    """Images that every likelihood scores: black and white ones, with grey where it may be."""
    drawn = torch.randint(0, 4, (count, *SHAPE), generator=torch.Generator().manual_seed(1)) / 3
    return (drawn.round() if case[1] == "bernoulli" else drawn).to(dtype)


def labels_of(count):
    return torch.arange(count) % 3


def at(model, count):
    """The model, with a label for each image if the family asks for them."""
    return model.given(labels_of(count)) if model.takes_labels else model


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def numbers(model, images):
    """What is computed of a model, in one vector."""
    model = at(model, len(images))
    q = model.posterior(images)
    terms = vaelib.elbo_terms(model, images, 2, noise())
    return torch.cat([*(part.flatten() for part in (*q.parameters, *terms))]).detach()


def test_shapes(case):
    model, images = made(case), images_of(case)
    model = at(model, len(images))
    q, prior = model.posterior(images), model.prior()
    z = q.sample(noise())
    assert z.shape == q.mean.shape == (6, model.latent_dim)
    p = model.likelihood(z)
    assert p.mean.shape == p.sample(noise()).shape == (6, PIXELS)
    assert p.log_prob(images).shape == (6,)
    assert prior.sample(noise(), 5).shape == (5, model.latent_dim)
    assert model.decode(z).shape == model.sample(6).shape == (6, PIXELS)
    if not q.is_point:
        many = q.sample(noise(), 7)
        assert many.shape == (7, 6, model.latent_dim)
        assert q.log_prob(many).shape == prior.log_prob(many).shape == (7, 6)
        assert model.likelihood(many).log_prob(images).shape == (7, 6)


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_the_probabilities_of_a_pixel_sum_or_integrate_to_one(kind):
    pixels = LIKELIHOODS[kind]().double()
    outputs = torch.linspace(-3, 3, 7 * pixels.outputs).double().view(7, pixels.outputs)
    if kind == "bernoulli":
        values, widths = torch.tensor([0.0, 1.0]), torch.ones(2)
    elif kind.startswith("discretized_logistic"):
        values, widths = torch.arange(4).double() / 3, torch.ones(4)
    elif kind == "continuous_bernoulli":
        nodes, weights = map(torch.tensor, np.polynomial.legendre.leggauss(30))
        values, widths = (nodes + 1) / 2, weights / 2
    else:  # equal steps lose nothing for a density that vanishes at both ends
        values = torch.linspace(-5, 6, 400, dtype=torch.float64)
        widths = torch.full_like(values, (values[1] - values[0]).item())
    values, widths = values.double(), widths.double()
    for output in outputs:
        p = pixels(output.expand(len(values), -1))
        density = p.log_prob(values[:, None]).exp()
        assert (density * widths).sum().item() == pytest.approx(1, rel=1e-9)
        mean = (density * widths * values).sum().item()
        if not kind.startswith("discretized_logistic"):  # whose mean is that before it is cut
            assert p.mean[0].item() == pytest.approx(mean, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_draws_of_a_pixel_have_its_distribution(kind):
    pixels, count = LIKELIHOODS[kind]().double(), 40000
    output = torch.linspace(-0.7, -1.9, pixels.outputs).double()
    p = pixels(output.expand(count, -1))
    drawn = p.sample(noise(3))
    estimate, error = drawn.mean().item(), drawn.std().item() / count**0.5
    again = pixels(output.expand(len(drawn.unique()), -1))
    if drawn.unique().numel() < 10:
        weights = again.log_prob(drawn.unique()[:, None]).exp()
        assert (weights * drawn.unique()).sum().item() == pytest.approx(estimate, abs=4 * error)
    else:
        assert p.mean[0].item() == pytest.approx(estimate, abs=4 * error)


def test_every_image_at_every_z_is_scored_as_one_by_one(case):
    model, images = made(case), images_of(case, 3)
    if hasattr(model, "num_labels"):
        model = model.given(torch.tensor([1]))
    p = model.likelihood(torch.randn(5, model.latent_dim, generator=noise(), dtype=torch.float64))
    one_by_one = torch.stack([p.log_prob(image.expand(5, *SHAPE)) for image in images])
    torch.testing.assert_close(p.log_prob_of_each(images), one_by_one)


def test_the_kl_is_that_of_many_draws(case):
    promised(case, "elbo")
    promised(case, "draws")
    model, images = made(case), images_of(case, 2)
    model = at(model, 2)
    q, prior = model.posterior(images), model.prior()
    z, log_q = q.sample_and_log_prob(noise(), 20000)
    torch.testing.assert_close(log_q, q.log_prob(z), rtol=1e-9, atol=1e-9)
    ratios = log_q - prior.log_prob(z)
    exact = q.kl(prior)
    if exact is None:  # then the bound takes the same draws
        terms = vaelib.elbo_terms(model, images, 20000, noise())
        torch.testing.assert_close(terms.kl, ratios.mean(0))
    else:
        error = ratios.std(0) / 20000**0.5
        assert ((ratios.mean(0) - exact).abs() < 4 * error + 1e-9).all()


def test_densities_are_those_of_the_draws_and_integrate_to_one(case):
    """At draws of p the mean of r / p is the integral of r, 1, for any narrower density r."""
    promised(case, "elbo")
    promised(case, "draws")
    model = at(made(case), 1)
    with torch.no_grad():
        for p in (model.prior(), model.posterior(images_of(case, 1))):
            z, log_p = p.sample_and_log_prob(noise(), 20000)
            torch.testing.assert_close(log_p, p.log_prob(z))
            z, log_p = z.reshape(20000, -1), log_p.reshape(20000)
            r = torch.distributions.Normal(z.mean(0), 0.6 * z.std(0))
            ratios = (r.log_prob(z).sum(1) - log_p).exp()
            assert abs(ratios.mean() - 1) < 4 * ratios.std() / 20000**0.5
            assert ratios.std() < 20


def test_more_draws_bound_more_tightly(case):
    promised(case, "elbo")
    promised(case, "draws")
    model, images = made(case), images_of(case, 2)
    repeated = images.repeat(400, 1, 1, 1)
    model = model.given(labels_of(2).repeat(400)) if model.takes_labels else model
    with torch.no_grad():
        bounds = [vaelib.elbo(model, repeated, 1, noise())]
        bounds += [vaelib.iwae_bound(model, repeated, k, noise(k)) for k in (1, 10)]
    means = [bound.view(400, 2).mean(0) for bound in bounds]
    errors = [bound.view(400, 2).std(0) / 20 for bound in bounds]
    assert (means[0] < means[2] + 4 * (errors[0] + errors[2])).all()
    assert ((means[0] - means[1]).abs() < 4 * (errors[0] + errors[1])).all()


def test_saved_and_loaded_it_gives_the_same_numbers(case, tmp_path):
    model, images = made(case), images_of(case)
    vaelib.save(model, tmp_path / "model.safetensors")
    loaded = vaelib.load(tmp_path / "model.safetensors")
    assert type(loaded) is type(model)
    assert loaded.image_shape == SHAPE
    assert torch.equal(numbers(loaded, images), numbers(model, images))


def test_gradients_reach_every_weight(case):
    model, images = made(case), images_of(case)
    loss, _ = training.elbo_loss(at(model, 6), images, vaelib.Settings(), noise())
    loss.backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().max() > 0, name


def test_the_same_seed_trains_to_the_same_bits(case):
    found = []
    for _ in range(2):
        model = made(case, torch.float32)
        data = vaelib.ImageDataset(images_of(case, 30, torch.float32), labels_of(30))
        vaelib.fit(model, data, data, epochs=2, batch_size=8, seed=3, progress=False, device="cpu")
        found.append(torch.cat([weight.detach().flatten() for weight in model.parameters()]))
    assert torch.equal(*found)
    assert not torch.equal(found[0], torch.cat([w.flatten() for w in made(case).parameters()]))


def test_float32_computes_what_float64_does(case):
    double, single = (made(case, dtype) for dtype in (torch.float64, torch.float32))
    images = images_of(case)
    assert numbers(single, images.float()).dtype == torch.float32
    q, double_q = (
        at(m, 6).posterior(images.to(t))
        for m, t in ((single, torch.float32), (double, torch.float64))
    )
    for part, exact in zip(q.parameters, double_q.parameters, strict=True):
        torch.testing.assert_close(part.double(), exact, rtol=1e-4, atol=1e-5)
    z = double_q.mean
    scores = [
        at(m, 6).likelihood(z.to(t)).log_prob(images.to(t))
        for m, t in ((single, torch.float32), (double, torch.float64))
    ]
    torch.testing.assert_close(scores[0].double(), scores[1], rtol=1e-4, atol=1e-4)


ONE_EACH = [case for case in CASES if case[0] == "VAE" or case[1] == "bernoulli"]


@pytest.mark.slow
@pytest.mark.parametrize("case", [*ONE_EACH, ("LinearVAE", "gaussian, unbounded")], ids=" ".join)
def test_its_graph_gives_the_same_numbers(case, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model, images = made(case, torch.float32), images_of(case, 6, torch.float32)
    vaelib.export_onnx(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    inputs = {"images": images.flatten(1).numpy()}
    if model.takes_labels:
        inputs["labels"] = labels_of(6).numpy()
    model = at(model, 6)
    q = model.posterior(images)
    z = q.mean
    if not q.is_point:
        eps = torch.randn(z.shape, generator=noise())
        inputs["eps"], z = eps.numpy(), q.from_noise(eps)
    expected = [model.decode(z), *q.parameters]
    for found, wanted in zip(session.run(None, inputs), expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(found), wanted.detach(), rtol=1e-5, atol=1e-5)
