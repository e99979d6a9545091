"""What is special about a family: its distribution, its errors, what it does better than a VAE."""

import math
import re
from pathlib import Path

import pytest
import torch

import vaelib
from vaelib.models.code_prior import CodePredictor, nearest_codes
from vaelib.widgets import network


def digits(count=600):
    return vaelib.binarize_once(vaelib.mnist("train").images[:count])


def trained(model, images, epochs, **options):
    vaelib.fit(model, images, epochs=epochs, batch_size=50, progress=False, device="cpu", **options)
    return model


def test_a_code_is_predicted_from_those_before_it_alone():
    torch.manual_seed(0)
    predictor = CodePredictor(5, 8, 2)
    codes = torch.randint(0, 5, (1, 4, 3))
    before = predictor(codes)
    torch.testing.assert_close(before.exp().sum(1), torch.ones(1, 4, 3))
    for row in range(4):
        for column in range(3):
            other = codes.clone()
            other[0, row, column] = (other[0, row, column] + 1) % 5
            changed = (predictor(other) != before).any(1)[0].flatten()
            assert not changed[: 3 * row + column + 1].any()


def test_the_prior_over_codes_sums_to_one_and_is_what_is_drawn():
    torch.manual_seed(0)
    model = vaelib.VQVAE((1, 4, 4), (3,), 2, 2).double()
    every = torch.cartesian_prod(*[torch.arange(2)] * 4)
    p = model.prior().log_prob_of_codes(every).exp()
    assert p.sum().item() == pytest.approx(1)
    z = model.prior().sample(torch.Generator().manual_seed(0), 4000)
    codes = nearest_codes(z, model.book)
    torch.testing.assert_close(
        model.prior().log_prob(z).exp(), p[codes @ torch.tensor([8, 4, 2, 1])]
    )
    counts = (codes @ torch.tensor([8, 4, 2, 1])).bincount(minlength=16)
    error = (4000 * p * (1 - p)).sqrt()
    assert ((counts - 4000 * p).abs() < 4.5 * error).all()


def test_the_slope_goes_straight_through_to_the_encoder_and_the_book_follows():
    torch.manual_seed(0)
    model, images = vaelib.VQVAE((1, 4, 4), (3,), 4, 2), torch.rand(6, 1, 4, 4)
    q = model.posterior(images)
    torch.testing.assert_close(q.z, model.book[q.codes].flatten(1))
    (slope,) = torch.autograd.grad(q.z.sum(), model.encoder[-1].bias)
    torch.testing.assert_close(slope, torch.full((2,), 24.0))  # as if no code stood in between
    assert torch.autograd.grad(q.z.sum(), model.book, allow_unused=True) == (None,)
    (slope,) = torch.autograd.grad(q.nearest().sum(), model.book)
    torch.testing.assert_close(slope[:, 0], q.codes.flatten().bincount(minlength=4).float())


@pytest.mark.slow
def test_a_code_book_is_used_and_its_codes_carry_the_image():
    images, found = digits(), {}
    for count in (1, 16):
        torch.manual_seed(0)
        model = trained(vaelib.VQVAE(num_codes=count), images, 6)
        found[count] = vaelib.mean_terms(model, images), model.perplexity(images)
    assert found[1][1] == pytest.approx(1)
    assert 2 < found[16][1] <= 16
    assert found[16][0].reconstruction > found[1][0].reconstruction + 20
    assert found[1][0].kl < 0.01 < found[16][0].kl < 49 * math.log(16) + 20


def test_a_code_book_larger_than_the_data_is_named():
    model = vaelib.VQVAE((1, 4, 4), (3,), 100)
    with pytest.raises(
        ValueError, match=r"at most one code for each of the 20 vectors of 5 images"
    ):
        vaelib.fit(model, torch.rand(5, 1, 4, 4), progress=False)


def test_a_prior_made_of_posteriors_lies_nearer_to_the_codes():
    images, kls = digits(), {}
    for kind in (vaelib.VAE, vaelib.VampPriorVAE):
        torch.manual_seed(0)
        model = trained(kind(784, 64, 2), images, 15)
        kls[kind] = vaelib.mean_terms(model, images, 5)
    assert kls[vaelib.VampPriorVAE].elbo > kls[vaelib.VAE].elbo
    assert model.images_of_the_prior().shape == (100, 784)


def test_a_flow_goes_back_where_it_came_from_and_knows_its_volume():
    torch.manual_seed(0)
    model = vaelib.FlowVAE(12, 5, 3, 4, 6).double()
    q = model.posterior(torch.rand(1, 12).double())
    start = torch.randn(3, dtype=torch.float64)

    def flow(z):
        return q._sent(z[None])[0][0]

    slopes = torch.autograd.functional.jacobian(flow, start)
    z, log_volume = q._sent(start[None])
    assert log_volume.item() == pytest.approx(slopes.det().abs().log().item())
    torch.testing.assert_close(q.log_prob(z), q.base.log_prob(start[None]) - log_volume)


@pytest.mark.slow
def test_a_flow_covers_what_no_gaussian_can():
    """The posterior of x = |z|: two bumps, or a ring, of which a Gaussian has one."""
    torch.manual_seed(0)
    angle = 2 * math.pi * torch.rand(400)
    images = torch.stack([angle.cos(), angle.sin()], 1) / 2 + 0.5
    gaps = {}
    for kind in (vaelib.VAE, vaelib.FlowVAE):
        torch.manual_seed(1)
        pixels = vaelib.likelihoods.Gaussian(0.1)
        model = trained(kind(2, 32, 2, likelihood=pixels), images, 60)
        tight = vaelib.iwae_bound(model, images, 200, torch.Generator().manual_seed(0)).mean()
        gaps[kind] = (tight - vaelib.mean_terms(model, images, 50).elbo).item()
    assert gaps[vaelib.FlowVAE] < gaps[vaelib.VAE]


def test_two_layers_have_the_joint_density_of_both():
    torch.manual_seed(0)
    model = vaelib.HierarchicalVAE(12, 6, 5, (3, 2)).double()
    q, prior = model.posterior(torch.rand(4, 12).double()), model.prior()
    z = q.sample(torch.Generator().manual_seed(0))
    h1, h2 = z[:, :3], z[:, 3:]
    log_q = q.first.log_prob(h1) + model._above(h1).log_prob(h2)
    torch.testing.assert_close(q.log_prob(z), log_q)
    torch.testing.assert_close(
        prior.log_prob(z), model._below(h2).log_prob(h1) + prior.above.log_prob(h2)
    )
    other = torch.cat([h1, torch.randn_like(h2)], 1)  # the image is drawn from h1 alone
    assert torch.equal(model.decode(z), model.decode(other))
    with pytest.raises(ValueError, match="independent coordinates, got those of a Upwards"):
        vaelib.kl_per_dimension(model, torch.rand(4, 12))
    with pytest.raises(ValueError, match=r"two layers, got \(3,\)"):
        vaelib.HierarchicalVAE(12, 6, 5, (3,))


IMAGES, LABELS = torch.rand(9, 1, 28, 28), torch.arange(9)
NOT_FOR_A_PAGE = {
    "conditional": (lambda: vaelib.ConditionalVAE(784, 10, 8, 2), "ConditionalExplorer shows"),
    "convolutional": (lambda: vaelib.ConvolutionalVAE(latent_dim=2), "layers that a page can run"),
    "flow": (lambda: vaelib.FlowVAE(784, 8, 2), "a FlowVAE with Flow and StandardNormal"),
    "two layers": (lambda: vaelib.HierarchicalVAE(784, 8, 8, (1, 1)), "with Upwards and Downwards"),
    "another prior": (lambda: vaelib.VampPriorVAE(784, 8, 2, 5), "with Normal and Mixture"),
    "grey levels": (
        lambda: vaelib.VAE(784, 8, 2, "discretized_logistic"),
        "pixels that a page can score, bernoulli or gaussian",
    ),
}


@pytest.mark.parametrize("name", NOT_FOR_A_PAGE)
@pytest.mark.parametrize("widget", ["LatentExplorer", "DrawDigit"])
def test_a_widget_refuses_what_a_page_would_compute_wrongly(widget, name):
    made, message = NOT_FOR_A_PAGE[name]
    images = (IMAGES * 255).round() / 255
    with pytest.raises(ValueError, match=message):
        getattr(vaelib.widgets, widget)(made(), images, LABELS)


@pytest.mark.parametrize("name", [n for n in NOT_FOR_A_PAGE if n not in ("another prior", "flow")])
def test_two_maps_refuse_what_a_page_would_draw_wrongly(name):
    """A flow's map and another prior's are right: what is decoded there asks for neither."""
    made, message = NOT_FOR_A_PAGE[name]
    message = "from 1 to 784" if name == "two layers" else message
    plain, images = vaelib.Autoencoder(784, 8, 2), (IMAGES * 255).round() / 255
    with pytest.raises(ValueError, match=message):
        vaelib.widgets.AutoencoderVersusVAE(plain, made(), images, LABELS)


def test_a_page_scores_by_the_names_that_python_has():
    text = (Path(network.__file__).parent / "js" / "network.js").read_text()
    losses = re.search(r"const LOSSES = \{(.*?)\n\};", text, re.DOTALL).group(1)
    assert tuple(re.findall(r"^  (\w+):", losses, re.MULTILINE)) == network.LIKELIHOODS
    assert set(network.LIKELIHOODS) <= vaelib.likelihoods.LIKELIHOODS.keys()


def test_sliders_move_any_family():
    for model in (
        vaelib.ConvolutionalVAE(latent_dim=3),
        vaelib.ConditionalVAE(784, 10, 8, 3).given(torch.tensor([7])),
        vaelib.FlowVAE(784, 8, 3),
        vaelib.VQVAE((1, 28, 28), (4, 4, 4)[:2], 4, 1),
    ):
        vaelib.widgets.latent_sliders(model)
    model = vaelib.VAE(784, 8, 3)
    model.own_prior = vaelib.distributions.Mixture(
        torch.full((2, 3), 9.0), torch.full((2, 3), -9.0)
    )
    sliders = vaelib.widgets.latent_sliders(model)
    sliders.sample(torch.Generator().manual_seed(0))
    assert sliders.z == pytest.approx([9.0] * 3, abs=0.1)  # and not near zero


@pytest.mark.parametrize(
    "made",
    [
        lambda: vaelib.VampPriorVAE(784, 8, 3, 5),
        lambda: vaelib.LatentFlowVAE(784, 8, 3, 4, learned=True),
        lambda: vaelib.LatentFlowVAE(784, 8, 3, 4),
        lambda: vaelib.HierarchicalVAE(784, 8, 8, (2, 1)),
        lambda: vaelib.VQVAE((1, 28, 28), (4, 4), 4, 1),
        lambda: vaelib.ConditionalVAE(784, 10, 8, 3).given(7),
        lambda: vaelib.VAE(784, 8, 3),
    ],
)
def test_sliders_draw_from_the_prior_that_the_model_has(made):
    torch.manual_seed(0)
    model = made()
    sliders = vaelib.widgets.latent_sliders(model)
    sliders.sample(torch.Generator().manual_seed(0))
    with torch.no_grad():
        drawn = model.prior().sample(torch.Generator().manual_seed(0))
    assert sliders.z == pytest.approx(drawn.tolist())


@pytest.fixture(scope="module")
def two_bumps():
    torch.manual_seed(0)
    codes = torch.cat([torch.randn(2000, 2) * 0.4 + shift for shift in (-2.0, 2.0)])
    flow = vaelib.LatentFlow(2, 32)
    losses = flow.learn(codes, steps=500)
    return flow, codes, losses


@pytest.mark.slow
def test_a_latent_flow_has_a_density_that_integrates_to_one_and_is_that_of_its_draws(two_bumps):
    flow, codes, losses = two_bumps
    assert sum(losses[-50:]) < sum(losses[:50])
    side = torch.linspace(-5, 5, 101)
    grid = torch.cartesian_prod(side, side)
    with torch.no_grad():
        density = flow.log_prob(grid).exp()
    assert density.sum().item() * 0.1**2 == pytest.approx(1, abs=0.02)
    drawn = flow.sample(torch.Generator().manual_seed(0), 4000)
    right = (density * (grid.sum(1) > 0)).sum().item() * 0.1**2
    assert (drawn.sum(1) > 0).float().mean().item() == pytest.approx(right, abs=0.04)
    between = (drawn.sum(1).abs() < 1).float().mean()
    assert between < 0.1 < (torch.randn(4000, 2).sum(1).abs() < 1).float().mean()
    assert flow.log_prob(codes[:500]).mean() > -3.2  # two Gaussians of 0.4 have -1.7


@pytest.mark.slow
def test_a_model_takes_a_learned_flow_as_its_prior():
    images = digits()
    torch.manual_seed(0)
    model = trained(vaelib.VAE(784, 64, 2), images, 15)
    before = vaelib.mean_terms(model, images, 5)
    with torch.no_grad():
        codes = model.posterior(images).sample(torch.Generator().manual_seed(0))
    flow = vaelib.LatentFlow(2, 32)
    flow.learn(codes, steps=500)
    model.own_prior = flow
    after = vaelib.mean_terms(model, images, 5)
    assert after.kl < before.kl
    assert after.reconstruction == pytest.approx(before.reconstruction, abs=0.5)
    assert model.sample(5).shape == (5, 784)
    assert vaelib.iwae_bound(model, images[:4], 3).isfinite().all()


def test_the_divergence_of_a_flow_is_that_of_automatic_differentiation():
    torch.manual_seed(0)
    flow = vaelib.LatentFlow(3, 7).double()
    z, t = torch.randn(5, 3).double(), torch.full((1,), 0.3).double()
    v, divergence = flow._velocity_and_divergence(z, t)
    torch.testing.assert_close(v, flow.velocity(z, t))
    for one, found in zip(z, divergence, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda z: flow.velocity(z, t), one)
        torch.testing.assert_close(found, jacobian.trace())


def test_codes_of_another_size_are_named():
    with pytest.raises(ValueError, match=r"latents of shape \(\.\.\., 2\), got \(9, 3\)"):
        vaelib.LatentFlow(2).learn(torch.randn(9, 3))


@pytest.mark.slow
def test_fit_learns_the_flow_last_and_trains_on_under_the_standard_prior(tmp_path):
    images = digits()
    torch.manual_seed(0)
    model = vaelib.LatentFlowVAE(784, 64, 2, 16, flow_steps=200)
    assert isinstance(model.prior(), vaelib.distributions.StandardNormal)
    trained(model, images, 8)
    assert model.prior() is model.own_prior
    flow = vaelib.mean_terms(model, images, 5)
    model.unfinish()
    standard = vaelib.mean_terms(model, images, 5)
    assert flow.kl < standard.kl
    assert flow.reconstruction == pytest.approx(standard.reconstruction, abs=0.5)


def test_a_resumed_run_learns_the_same_flow_and_may_be_resumed_by_a_learned_model(tmp_path):
    images, path = digits(), tmp_path / "flow.run"
    made = []
    for epochs in (2, 2):
        torch.manual_seed(0)
        model = vaelib.LatentFlowVAE(784, 8, 2, 4, flow_steps=5)
        vaelib.fit(model, images, epochs=epochs, checkpoint=path, progress=False, device="cpu")
        made.append(model.own_prior.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(*(m.values() for m in made), strict=True))
    vaelib.fit(model, images, epochs=2, checkpoint=path, progress=False, device="cpu")
    vaelib.save(model, tmp_path / "flow.safetensors")
    loaded = vaelib.load(tmp_path / "flow.safetensors")
    z = torch.randn(3, 2)
    assert torch.equal(loaded.prior().log_prob(z), model.prior().log_prob(z))
