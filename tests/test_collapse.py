"""What silences latents: the linear optimum, a decoder that sees neighbours, and the remedies."""

import doctest
import itertools
import math

import pytest
import torch

import vaelib
from tests.bench import collapse as sweep
from vaelib.lab import collapse, refining, yardsticks
from vaelib.lab.collapse import EncoderFirst, FreeBits, Neighbours, WarmUp, waterline

SETTINGS = vaelib.Settings(epochs=1, batch_size=50, learning_rate=0.01)


@pytest.mark.parametrize("module", [collapse, yardsticks])
def test_examples_run(module):
    assert doctest.testmod(module).failed == 0


def small(likelihood="bernoulli", dtype=torch.float64):
    torch.manual_seed(0)
    return vaelib.VAE(16, 8, 3, likelihood=likelihood).to(dtype)


def pictures(count=40):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 2, (count, 16), generator=generator).double()


def test_the_waterline_is_the_optimum_of_a_trained_linear_vae():
    """Of both terms of beta KL - log p(x|z), averaged exactly, beside their closed forms."""
    torch.manual_seed(0)
    variances = torch.tensor([4.0, 2.0, 1.2, 0.5], dtype=torch.float64)
    beta, s, dim = 1.5, 0.9, 3
    w = torch.randn(4, dim, dtype=torch.float64).requires_grad_()
    v = torch.randn(dim, 4, dtype=torch.float64).requires_grad_()
    log_var = torch.zeros(dim, dtype=torch.float64).requires_grad_()
    optimizer = torch.optim.LBFGS([w, v, log_var], 1, 2000, line_search_fn="strong_wolfe")

    def terms():
        rest = torch.eye(4) - w @ v
        squared = (rest @ variances.diag() @ rest.T).trace()
        squared = squared + (log_var.exp() * w.square().sum(0)).sum()
        moments = (v @ variances.diag() @ v.T).diagonal() + log_var.exp()
        return squared, 0.5 * (moments - 1 - log_var).sum()

    def closure():
        optimizer.zero_grad()
        squared, kl = terms()
        loss = squared / (2 * s**2) + beta * kl
        loss.backward()
        return loss

    optimizer.step(closure)
    squared, kl = terms()
    found = waterline(variances, dim, beta * s**2)
    assert found.active == 2
    assert kl.item() == pytest.approx(found.rate, rel=1e-5)
    assert squared.item() == pytest.approx(found.squared_error, rel=1e-5)


@pytest.mark.parametrize(
    ("eigenvalues", "dim", "level", "wanted"),
    [
        (torch.tensor([1.0, -0.1]), 1, 1.0, "eigenvalues"),
        (torch.ones(2, 2), 1, 1.0, "eigenvalues"),
        (torch.ones(2), 0, 1.0, "latent_dim"),
        (torch.ones(2), 1, 0.0, "level"),
    ],
)
def test_no_waterline_without_variances_latents_and_a_level(eigenvalues, dim, level, wanted):
    with pytest.raises(ValueError, match=f"wanted {wanted}"):
        waterline(eigenvalues, dim, level)


@pytest.mark.parametrize("channels", [0, 3])
def test_neighbours_are_a_probability_and_see_what_comes_before(channels):
    torch.manual_seed(0)
    likelihood = Neighbours(reach=1, channels=channels, side=3).double()
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=9)), dtype=torch.float64)
    outputs = torch.randn(9, dtype=torch.float64)
    total = likelihood.log_prob(every, outputs.expand(512, 9)).exp().sum()
    assert total.item() == pytest.approx(1)
    context = likelihood.context(every[:1])
    for pixel in range(9):
        changed = every[:1].clone()
        changed[0, pixel] = 1
        moved = (likelihood.context(changed) - context)[0].abs() > 1e-12
        assert not moved[: pixel + 1].any()
    assert likelihood.context(every).std(0)[4] > 0


def test_neighbours_answer_for_each_image_at_each_code_and_draw_nothing():
    likelihood = Neighbours(reach=1, channels=2, side=4).double()
    images, outputs = pictures(5), torch.randn(3, 16, dtype=torch.float64)
    each = likelihood.log_prob_of_each(images, outputs)
    assert each.shape == (5, 3)
    one = likelihood.log_prob(images[2:3], outputs[1:2])
    torch.testing.assert_close(each[2, 1], one[0])
    for call in (lambda: likelihood.mean(outputs), lambda: likelihood.sample(outputs)):
        with pytest.raises(ValueError, match="Neighbours without it"):
            call()


def test_a_vae_with_neighbours_is_trained_and_scored():
    model = small(Neighbours(reach=1, side=4))
    before = vaelib.mean_terms(model, pictures()).elbo
    vaelib.fit(model, pictures(), settings=SETTINGS, epochs=20, progress=False, device="cpu")
    assert vaelib.mean_terms(model, pictures()).elbo > before + 0.5
    bound = vaelib.iwae_bound(model, pictures(), 20, torch.Generator().manual_seed(0))
    assert bound.mean() > before


def test_a_warm_up_begins_without_the_kl_and_ends_with_all_of_it():
    model, objective = small(), WarmUp(4)
    found = []
    for _ in range(6):
        generator = torch.Generator().manual_seed(0)
        loss, terms = objective(model, pictures(), SETTINGS, generator)
        weight = (loss + terms.reconstruction.mean()) / terms.kl.mean()
        found.append(weight.item())
    assert found == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])


def test_free_bits_count_a_silent_latent_with_what_is_free():
    model = small()
    generator = torch.Generator().manual_seed(0)
    each = vaelib.kl_per_dimension(model, pictures())
    free = each.sort().values[1].item() * 1.0001  # two of three are below
    loss, terms = FreeBits(free)(model, pictures(), SETTINGS, generator)
    counted = each.clamp(min=free).sum()
    torch.testing.assert_close(loss + terms.reconstruction.mean(), counted)
    torch.testing.assert_close(terms.kl.mean(), each.sum())
    assert counted > each.sum()


def test_the_encoder_goes_first_only_while_it_may():
    model, objective = small(), EncoderFirst(inner=2, steps=1)
    before = [weight.detach().clone() for weight in model.parameters()]
    for moved in (True, False):
        objective(model, pictures(), SETTINGS, torch.Generator().manual_seed(0))
        after = [weight.detach().clone() for weight in model.parameters()]
        changed = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
        encoder = len(list(model.encoder.parameters()))
        assert changed == [moved] * encoder + [False] * (len(changed) - encoder)
        before = after


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: WarmUp(0), "steps"),
        (lambda: FreeBits(-1.0), "nats"),
        (lambda: EncoderFirst(0, 1), "inner"),
        (lambda: EncoderFirst(1, 1, 0.0), "learning_rate"),
        (lambda: Neighbours(reach=0), "reach"),
        (lambda: Neighbours(channels=-1), "channels"),
    ],
)
def test_a_remedy_says_what_it_wanted(make, wanted):
    with pytest.raises(ValueError, match=f"wanted {wanted}"):
        make()


def test_a_refined_q_gains_what_the_exact_posterior_allows():
    """On a linear model, whose best q is known: an untrained encoder lags by the whole gap."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    try:
        model = vaelib.models.LinearVAE(5, 2, sigma=0.8)
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.no_grad():  # columns that are orthogonal: the posterior is diagonal
        model.decoder.weight.copy_(torch.linalg.qr(torch.randn(5, 5).double())[0][:, :2] * 1.5)
    x = torch.randn(30, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = refining.refined_elbo(model, x, steps=400, num_samples=20)
    exact = model.linear_gaussian().log_likelihood(x).mean().item()
    assert found.encoder < exact - 0.3
    assert found.refined == pytest.approx(exact, abs=0.05)
    assert found.gain == pytest.approx(found.refined - found.encoder)
    with pytest.raises(ValueError, match="wanted steps"):
        refining.refined_elbo(model, x, steps=0)


def test_the_best_linear_model_is_no_better_than_its_formula():
    x = torch.randn(200, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = (x - x.mean(0)) * torch.tensor([2.0, 1.5, 0.5, 0.2], dtype=torch.float64)
    eigenvalues = torch.linalg.eigvalsh(x.T @ x / len(x))
    best = vaelib.LinearGaussian.maximum_likelihood(x, 2)
    found = yardsticks.linear_nll(eigenvalues, 2, best.sigma)
    assert found == pytest.approx(-best.log_likelihood(x).mean().item())
    nothing = yardsticks.linear_nll(eigenvalues, 0, 1.0)
    constant = 2 * math.log(2 * math.pi)
    assert nothing == pytest.approx(constant + eigenvalues.sum().item() / 2)
    for dim, sigma, wanted in ((-1, 1.0, "latent_dim"), (1, 0.0, "sigma")):
        with pytest.raises(ValueError, match=f"wanted {wanted}"):
            yardsticks.linear_nll(eigenvalues, dim, sigma)


def test_a_loss_fits_the_rows_between_their_floor_and_silence():
    row = yardsticks.Yardstick("a", 2, floor=45.0, good=100.0, silent=200.0)
    assert row.share(150.0) == 0.5
    names = [reduction for _, reduction, _ in yardsticks.fitting(110.0 / 784, [row])]
    assert names == ["mean over pixels"]
    assert yardsticks.fitting(44.0, [row]) == []
    assert yardsticks.fitting(230.0, [row]) == []
    with pytest.raises(ValueError, match="wanted loss finite"):
        yardsticks.fitting(math.nan, [row])
    images = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    assert yardsticks.cross_entropy(images, torch.tensor([0.5, 1.0])) == pytest.approx(math.log(2))


def test_a_run_of_the_sweep_scores_its_model(monkeypatch):
    monkeypatch.setattr(sweep, "FEW", 50)
    monkeypatch.setattr(sweep, "REFINED", 2)
    few = {name: vaelib.mnist(name).images[:500] for name in ("train", "test")}

    class Images:
        def __init__(self, name):
            self.images = few[name]

    monkeypatch.setattr(sweep.vaelib, "mnist", Images)
    case = sweep.Case("remedy", "free bits", 0, neighbours=(1, 0), remedy="free bits")
    found = sweep.run(case, count=500, epochs=1)
    assert len(found["kl_of_each"]) == sweep.LATENT_DIM
    assert found["rate"] == pytest.approx(sum(found["kl_of_each"]), abs=0.02)
    assert len(found["rate_by_epoch"]) == len(found["lag"]) == 1
    grey = sweep.run(sweep.Case("sigma", "0.5", 0, sigma=0.5), count=500, epochs=1)
    constant = 392 * math.log(2 * math.pi * 0.25)
    assert grey["distortion"] == pytest.approx(constant + grey["squared_error"] / 0.5)
    assert len({(one.sweep, one.name, one.seed) for one in sweep.cases()}) == len(sweep.cases())
