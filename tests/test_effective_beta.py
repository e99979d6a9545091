"""The beta of a loss, from words and from a function, against gradients and known losses."""

import doctest
import math
import random

import pytest
import torch
import torch.nn.functional as F

import vaelib
import vaelib.effective
from vaelib.loss_scale import LossWeights, said

MNIST = {"image_shape": (1, 28, 28), "latent_dim": 20}


def kl_of(mu, log_var):
    return -0.5 * (1 + log_var - mu.pow(2) - log_var.exp())


def test_examples_of_the_docstring():
    assert doctest.testmod(vaelib.effective).failed == 0


# Real losses of public code, in the words of their authors, and the beta that they stand for.


def pytorch_examples(recon_x, x, mu, logvar):
    return F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum") + torch.sum(
        kl_of(mu, logvar)
    )


def pytorch_examples_290(recon_x, x, mu, logvar):
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 784))
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    kld /= 128 * 784
    return bce + kld


def antixk(recons, x, mu, log_var):
    recons_loss = F.mse_loss(recons, x)
    kld = torch.mean(-0.5 * torch.sum(1 + log_var - mu**2 - log_var.exp(), dim=1), dim=0)
    return {"loss": recons_loss + 0.00025 * kld, "Reconstruction_Loss": recons_loss.detach()}


def mean_of_all(recon, x, mu, log_var):
    return F.binary_cross_entropy(recon, x) + kl_of(mu, log_var).mean()


def counted_twice(recon, x, mu, log_var):
    return pytorch_examples(recon, x, mu, log_var) + kl_of(mu, log_var).sum()


def half_missing(recon, x, mu, log_var):
    return pytorch_examples(recon, x, mu, log_var) / len(x) + kl_of(mu, log_var).sum(1).mean()


REAL = {
    "examples": (pytorch_examples, MNIST, 1, "so this is minus the ELBO."),
    "290": (pytorch_examples_290, MNIST, 1, "the KL is divided by 128"),
    "antixk": (antixk, {"image_shape": (3, 64, 64), "latent_dim": 128}, 1.536, "weight 0.00025"),
    "means": (mean_of_all, {"image_shape": 784, "latent_dim": 2}, 392, "over the 2 latents"),
    "twice": (counted_twice, MNIST, 2, "its 1/2 is missing, or it is counted twice"),
    "half": (half_missing, MNIST, 2, "its 1/2 is missing"),
}


@pytest.mark.parametrize("name", REAL)
def test_real_losses(name):
    loss, sizes, beta, words = REAL[name]
    found = vaelib.effective_beta(loss, **sizes)
    assert found.beta == pytest.approx(beta, rel=1e-6)
    assert words in repr(found)
    product = math.prod(cause.factor for cause in found.causes)
    assert product == pytest.approx(beta, rel=1e-6)


def test_real_losses_in_words():
    large = vaelib.effective_beta(
        likelihood="mse", pixels="mean", image_shape=(3, 64, 64), latent_dim=128, weight=0.00025
    )
    assert (large.beta, large.at_sigma) == (1.536, 1)
    assert large.sigma == pytest.approx(1.536**0.5)
    small = vaelib.effective_beta(
        likelihood="bernoulli", pixels="mean", latents="mean", image_shape=784, latent_dim=2
    )
    assert (small.beta, small.sigma) == (392, None)


def test_partial_batch_has_another_beta():
    """#290: the mean is over the batch at hand, the KL is divided by the size of a full one."""
    found = vaelib.effective_beta(pytorch_examples_290, **MNIST, batch_size=128)
    words = vaelib.effective_beta(
        likelihood="bernoulli", pixels="mean", kl_batch=128, weight=1 / 784, **MNIST
    )
    for result in (found, words):
        assert result.batch_size == 128
        assert result.on_batch(60_000 % 128) == pytest.approx(96 / 128)
        assert "on batches of 128 images" in repr(result)
        assert "on one of half the size it is half this" in repr(result)
    assert vaelib.effective_beta(antixk, image_shape=12, latent_dim=3).on_batch(7) == pytest.approx(
        0.00025 * 6
    )


# Random configurations: the words, the measurement and the gradients of the same loss agree.


def configuration(seed: int) -> dict:
    draw = random.Random(seed)
    likelihood = draw.choice(["bernoulli", "gaussian", "mse"])
    return {
        "likelihood": likelihood,
        "sigma": None if likelihood == "bernoulli" else draw.choice([None, 0.1, 0.7, 2.0]),
        "pixels": draw.choice(["sum", "mean"]),
        "latents": draw.choice(["sum", "mean"]),
        "batch": draw.choice(["sum", "mean"]),
        "kl_batch": draw.choice([None, "sum", "mean", 6, 128]),
        "weight": draw.choice([1, 0.5, 2, 0.00025, 10 ** draw.uniform(-3, 2)]),
        "recon_weight": draw.choice([1, 1, 784, 10 ** draw.uniform(-2, 2)]),
        "image_shape": draw.choice([(1, 6, 5), (3, 4, 7), (17,), (11, 3)]),
        "latent_dim": draw.choice([1, 2, 4, 9, 20]),
        "batch_size": draw.choice([4, 6, 13]),
    }


def written(config: dict):
    """The loss that a configuration describes, as code."""
    sigma = config["sigma"] or 1

    def loss(recon, x, mu, log_var):
        if config["likelihood"] == "bernoulli":
            terms = -(x * recon.log() + (1 - x) * (1 - recon).log())
        elif config["likelihood"] == "mse":
            terms = (recon - x) ** 2
        else:
            terms = (recon - x) ** 2 / (2 * sigma**2) + math.log(sigma)
        images = getattr(terms.flatten(1), config["pixels"])(1)
        kl = getattr(kl_of(mu, log_var), config["latents"])(1)
        across = config["kl_batch"] or config["batch"]
        kl = kl.sum() / across if isinstance(across, int) else getattr(kl, across)()
        images = getattr(images, config["batch"])()
        return config["recon_weight"] * images + config["weight"] * kl

    return loss


def beta_of_gradients(loss, config: dict) -> float:
    """How strongly the loss pulls at mu and at the pixels, against what the ELBO's terms do."""
    noise = torch.Generator().manual_seed(1)
    shape, batch = config["image_shape"], config["batch_size"]
    x, recon = (
        torch.rand(2, batch, *shape, generator=noise, dtype=torch.float64) * 0.8 + 0.1
    ).unbind()
    mu, log_var = torch.randn(2, batch, config["latent_dim"], generator=noise).double().unbind()
    recon.requires_grad_()
    mu.requires_grad_()
    of_recon, of_mu = torch.autograd.grad(loss(recon, x, mu, log_var), [recon, mu])
    with torch.no_grad():
        slope = recon - x
        if config["likelihood"] == "bernoulli":
            slope = slope / (recon * (1 - recon))
        else:
            slope = slope / (config["sigma"] or 1) ** 2
        return ((of_mu / mu).mean() / (of_recon / slope).mean()).item()


@pytest.mark.parametrize("block", range(4))
def test_words_and_measurement_are_what_gradients_say(block):
    for seed in range(50 * block, 50 * block + 50):
        config = configuration(seed)
        loss = written(config)
        expected = beta_of_gradients(loss, config)
        words = vaelib.effective_beta(**config)
        sizes = {
            name: config[name] for name in ("image_shape", "latent_dim", "batch_size", "sigma")
        }
        measured = vaelib.effective_beta(loss, **sizes)
        assert words.on_batch(config["batch_size"]) == pytest.approx(expected, rel=1e-6), config
        assert measured.beta == pytest.approx(expected, rel=1e-3), config
        assert (measured.batch_power, measured.batch_size) == (
            (words.batch_power, config["batch_size"]) if words.batch_power else (0, None)
        )
        for result in (words, measured):
            product = math.prod(cause.factor for cause in result.causes)
            assert product == pytest.approx(result.beta, rel=1e-3), (config, result)


# Functions that are not of the form.


def with_kl(term):
    return lambda recon, x, mu, log_var: (
        F.mse_loss(recon, x) + 0.3 * term(mu, log_var).sum(1).mean()
    )


WRONG = {
    "log_var has the wrong sign": with_kl(lambda m, v: 0.5 * (m**2 + v.exp() - 1 + v)),
    "mu is not squared": with_kl(lambda m, v: 0.5 * (m + v.exp() - 1 - v)),
    "mu² is missing": with_kl(lambda m, v: 0.5 * (v.exp() - 1 - v)),
    "the 1/2 is missing before mu²": with_kl(lambda m, v: m**2 + 0.5 * (v.exp() - 1 - v)),
    "exp(log_var) is missing": with_kl(lambda m, v: 0.5 * (m**2 - 1 - v)),
    "log_var is missing": with_kl(lambda m, v: 0.5 * (m**2 + v.exp() - 1)),
    "log_var is taken for log sigma": with_kl(lambda m, v: 0.5 * (m**2 + (2 * v).exp() - 1) - v),
    "log_var is taken for the variance": with_kl(lambda m, v: 0.5 * (m**2 + v - 1 - v.log())),
    "log_var is taken for sigma": with_kl(lambda m, v: 0.5 * (m**2 + v**2 - 1) - v.log()),
    "exp is missing before log_var": with_kl(lambda m, v: -0.5 * (1 + v - m**2 - v)),
    "q and p are exchanged": with_kl(lambda m, v: 0.5 * ((m**2 + 1) / v.exp() - 1 + v)),
    "is not 1/2 (mu²": with_kl(lambda m, v: kl_of(m, v).clamp(min=0.5)),
    "the KL has the wrong sign": with_kl(lambda m, v: -kl_of(m, v)),
    "no gradient reaches mu": with_kl(lambda m, v: kl_of(m.detach(), v)),
    "no gradient reaches log_var": with_kl(lambda m, v: kl_of(m, v.detach())),
    "no gradient reaches the reconstruction": lambda r, x, m, v: (
        F.mse_loss(r.detach(), x) + kl_of(m, v).sum()
    ),
    "it is the bound, so give it a minus": lambda r, x, m, v: -F.mse_loss(r, x) - kl_of(m, v).sum(),
    "gets worse": lambda r, x, m, v: -F.mse_loss(r, x) + kl_of(m, v).sum(),
    "is the absolute error": lambda r, x, m, v: F.l1_loss(r, x) + kl_of(m, v).sum(),
    "root of the squared error": lambda r, x, m, v: F.mse_loss(r, x).sqrt() + kl_of(m, v).sum(),
    "neither a cross-entropy": lambda r, x, m, v: (r - x).pow(4).sum() + kl_of(m, v).sum(),
    "does not change with the reconstruction": lambda r, x, m, v: kl_of(m, v).sum(),
    "are not added": lambda r, x, m, v: (1 + F.mse_loss(r, x)) * (1 + kl_of(m, v).sum()),
    "another number each time": lambda r, x, m, v: F.mse_loss(r + torch.rand_like(r), x) + m.sum(),
    "a number without a gradient": lambda r, x, m, v: (
        ((r - x) ** 2).sum() / 2 + kl_of(m, v).sum()
    ).item(),
    "raises RuntimeError": lambda r, x, m, v: F.mse_loss(r, x.view(2, 3)),
    "one number, got shape": lambda r, x, m, v: (r - x) ** 2,
    "raises TypeError": lambda r, x: F.mse_loss(r, x),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_no_such_loss_is_refused_with_its_reason(words):
    with pytest.raises(ValueError, match="wanted a") as error:
        vaelib.effective_beta(WRONG[words], image_shape=(2, 3, 5), latent_dim=4)
    assert words in str(error.value)


UNUSUAL = {
    "logits": lambda r, x, m, v: F.binary_cross_entropy_with_logits(r, x) + kl_of(m, v).sum() / 150,
    "float32": lambda r, x, m, v: (
        F.mse_loss(r.float(), x.float(), reduction="sum") / 2 + kl_of(m.float(), v.float()).sum()
    ),
    "per image": lambda r, x, m, v: ((r - x) ** 2).flatten(1).sum(1) / 2 + kl_of(m, v).sum(1),
    "tuple": lambda r, x, m, v: (((r - x) ** 2).sum() / 2 + kl_of(m, v).sum(), None),
    "half of squares": lambda r, x, m, v: F.mse_loss(r, x) / 2 + kl_of(m, v).sum() / r.numel(),
    "flat": lambda r, x, m, v: (
        F.mse_loss(r.view(-1, 30), x.view(-1, 30), reduction="none").sum(1).mean() / 2
        + kl_of(m, v).sum(1).mean()
    ),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_ways_to_write_an_elbo_are_seen_as_one(name):
    found = vaelib.effective_beta(UNUSUAL[name], image_shape=(2, 3, 5), latent_dim=4, batch_size=5)
    assert found.beta == pytest.approx(1, rel=1e-3)


def test_a_loss_without_kl_is_that_of_an_autoencoder():
    found = vaelib.effective_beta(
        lambda r, x, m, v: F.mse_loss(r, x), image_shape=(1, 5), latent_dim=4
    )
    assert found.beta == found.sigma == 0
    assert "the KL has the weight 0" in repr(found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"likelihood": "poisson"}, "wanted likelihood as one of bernoulli, gaussian, mse"),
        ({"likelihood": None}, "wanted a likelihood, or a loss function, got neither"),
        ({"pixels": "max"}, "wanted pixels as one of sum, mean, got 'max'"),
        ({"kl_batch": "all"}, "wanted kl_batch as one of sum, mean, an integer, got 'all'"),
        ({"kl_batch": "sum"}, "wanted batch_size, since one term is averaged"),
        ({"weight": -1}, "wanted weight finite and 0 or more, got -1"),
        ({"recon_weight": 0}, "wanted recon_weight above 0"),
        ({"sigma": 1}, "wanted no sigma with Bernoulli pixels, got 1"),
        ({"image_shape": "x"}, "wanted image_shape such as"),
        ({"image_shape": ()}, "wanted image_shape such as"),
        ({"latent_dim": 2.0}, "wanted latent_dim as an integer of 1 or more"),
        ({"loss": 3}, "wanted a function loss"),
        ({"loss": mean_of_all, "weight": 2}, "and no more, got weight"),
        ({"loss": mean_of_all, "likelihood": "mse"}, "a squared error, got one with a cross-ent"),
    ],
)
def test_bad_arguments_are_named(change, words):
    arguments = {"likelihood": "bernoulli", "image_shape": 784, "latent_dim": 2} | change
    with pytest.raises(ValueError, match="wanted") as error:
        vaelib.effective_beta(**arguments)
    assert words in str(error.value)


def test_numbers_are_said_with_three_digits():
    values = [1.536, 392.0, 0.1, 1 / 784, 1e-7 / 3, 2.125, 12288, 1.5e6, 4321.5, 0]
    assert [said(v) for v in values] == [
        *("1.54", "392", "0.1", "0.00128", "3.33e-8", "2.13", "12288", "1.5e6", "4320", "0")
    ]


def test_same_optimum_at_the_other_sigma():
    """What `sigma` promises: the gradients of both losses are the same, up to one factor."""
    result = LossWeights(1.7, 0.3)
    error, kl = torch.rand(2, 9, dtype=torch.float64)
    first = error / (2 * 0.3**2) + result.beta * kl
    second = error / (2 * result.sigma**2) + kl
    torch.testing.assert_close(first / second, torch.full_like(first, result.beta))
