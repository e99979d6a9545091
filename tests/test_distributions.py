"""Distributions of z against torch.distributions, and the families' own promises and errors."""

import pytest
import torch
from torch import nn
from torch.distributions import Independent, kl_divergence
from torch.distributions import Normal as TorchNormal

import vaelib
from vaelib.distributions import Mixture, Normal, Point, StandardNormal

DOUBLE = {"dtype": torch.float64}


def oracle(q):
    return Independent(TorchNormal(q.mu, (q.log_var / 2).exp()), 1)


@pytest.fixture
def pair():
    torch.manual_seed(0)
    return [Normal(*torch.randn(2, 5, 3, **DOUBLE)) for _ in range(2)]


def test_density_and_divergence_are_torch_s(pair):
    q, p = pair
    z = torch.randn(7, 5, 3, **DOUBLE)
    torch.testing.assert_close(q.log_prob(z), oracle(q).log_prob(z))
    torch.testing.assert_close(q.kl(p), kl_divergence(oracle(q), oracle(p)))
    standard, like = StandardNormal(3, z), torch.zeros(3, **DOUBLE)
    unit = Independent(TorchNormal(like, like + 1), 1)
    torch.testing.assert_close(standard.log_prob(z), unit.log_prob(z))
    torch.testing.assert_close(q.kl(standard), kl_divergence(oracle(q), unit))
    torch.testing.assert_close(standard.kl(q), kl_divergence(unit, oracle(q)))
    assert q.kl(object()) is None
    torch.testing.assert_close(q.marginals().kl(p.marginals()).sum(-1), q.kl(p))


def test_a_generator_fixes_the_draws_and_the_noise_makes_them(pair):
    q = pair[0]
    first, again = (q.sample(torch.Generator().manual_seed(0), 4) for _ in range(2))
    assert torch.equal(first, again)
    eps = torch.empty(4, 5, 3, **DOUBLE).normal_(generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(first, q.from_noise(eps))


def test_a_mixture_is_torch_s():
    torch.manual_seed(0)
    mu, log_var = torch.randn(2, 4, 3, **DOUBLE)
    mixture, z = Mixture(mu, log_var), torch.randn(7, 5, 3, **DOUBLE)
    parts = Independent(TorchNormal(mu, (log_var / 2).exp()), 1)
    weights = torch.distributions.Categorical(torch.ones(4, **DOUBLE))
    theirs = torch.distributions.MixtureSameFamily(weights, parts)
    torch.testing.assert_close(mixture.log_prob(z), theirs.log_prob(z))
    torch.testing.assert_close(mixture.mean, theirs.mean)
    drawn = mixture.sample(torch.Generator().manual_seed(0), 20000)
    error = theirs.stddev / 20000**0.5
    assert ((drawn.mean(0) - theirs.mean).abs() < 4 * error).all()
    assert mixture.sample().shape == (3,)
    assert Normal(mu, log_var).kl(mixture) is None


def test_a_point_is_where_it_is():
    z = torch.randn(5, 3)
    point = Point(z)
    assert point.sample() is z
    assert point.sample(None, 7).shape == (1, 5, 3)
    assert point.kl(StandardNormal(3, z)).tolist() == [0] * 5


class Tiny(vaelib.LatentVariableModel):
    """A family of a reader's own."""

    def __init__(self, input_dim, width, image_shape=None):
        arguments = {"input_dim": input_dim, "width": width}
        pixels = vaelib.likelihoods.Bernoulli()
        super().__init__(input_dim, 2, pixels, image_shape, arguments=arguments)
        self.encoder, self.decoder = nn.Linear(input_dim, 4), nn.Linear(2, input_dim)

    def posterior(self, images):
        return Normal(*self.encoder(self.flatten(images)).chunk(2, 1))


def test_a_family_of_the_reader_s_own_goes_through_everything(tmp_path):
    model, images = Tiny(12, 5), (torch.rand(30, 1, 3, 4) > 0.5).float()
    vaelib.fit(model, images, images, epochs=2, progress=False, device="cpu")
    vaelib.save(model, tmp_path / "tiny.safetensors")
    loaded = vaelib.load(tmp_path / "tiny.safetensors")
    assert type(loaded) is Tiny
    assert loaded.image_shape == (1, 3, 4)
    assert vaelib.log_likelihood(loaded, images, 5, device="cpu").estimate.shape == (30,)
    assert vaelib.kl_per_dimension(loaded, images).shape == (2,)
    vaelib.plots.manifold(loaded, side=3)


def test_a_plain_subclass_is_saved_and_loaded(tmp_path):
    class Mine(vaelib.VAE):
        pass

    vaelib.save(Mine(12, 5, 2), tmp_path / "mine.safetensors")
    assert type(vaelib.load(tmp_path / "mine.safetensors")) is Mine


def test_a_subclass_that_load_could_not_make_again_says_what_is_missing(tmp_path):
    class Stubborn(vaelib.VAE):
        def __init__(self):
            super().__init__(12, 5, 2)

    with pytest.raises(ValueError, match=r"by Stubborn\(\*\*model.arguments\).*subclass of Latent"):
        vaelib.save(Stubborn(), tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_file_of_a_class_that_is_not_there_says_so(tmp_path, monkeypatch):
    vaelib.save(Tiny(12, 5), tmp_path / "tiny.safetensors")
    monkeypatch.delitem(vaelib.models.base.FAMILIES, "Tiny")
    with pytest.raises(
        ValueError, match=r"the architecture 'Tiny', wanted one of .*once it is def"
    ):
        vaelib.load(tmp_path / "tiny.safetensors")


def test_a_class_of_a_name_that_vaelib_has_is_not_taken_for_it(tmp_path):
    ours = vaelib.VAE
    other = type("VAE", (ours,), {"__module__": "elsewhere"})
    with pytest.raises(ValueError, match="another class has that name"):
        vaelib.save(other(12, 5, 2), tmp_path / "model.safetensors")
    assert vaelib.models.base.FAMILIES["VAE"] is ours


def convolutions(latent_dim=3, outputs=3):
    encoder = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 8, 2 * latent_dim)
    )
    decoder = nn.Sequential(nn.Linear(latent_dim, outputs * 6 * 8), nn.Unflatten(1, (-1, 6, 8)))
    return encoder, decoder


def test_networks_of_one_s_own_make_a_vae_of_colour_and_oblong_images():
    model = vaelib.VAE(*convolutions(), image_shape=(3, 6, 8))
    images = torch.rand(20, 3, 6, 8)
    assert (model.latent_dim, model.input_dim) == (3, 144)
    vaelib.fit(model, images, images, epochs=2, progress=False, device="cpu")
    recon, mu, log_var = model(images)
    assert recon.shape == images.shape
    assert mu.shape == log_var.shape == (20, 3)
    torch.testing.assert_close(model.encode(images.flatten(1))[0], mu)
    assert vaelib.iwae_bound(model, images.round(), 3).shape == (20,)
    vaelib.plots.images(model.sample(4), shape=model.image_shape)


def test_a_prior_of_one_s_own_is_part_of_the_bound():
    class Shifted(nn.Module, Normal):
        is_point = False

        def __init__(self):
            nn.Module.__init__(self)
            self.mu, self.log_var = nn.Parameter(torch.ones(2)), nn.Parameter(torch.zeros(2))
            self._draw = vaelib.distributions.reparameterize

    torch.manual_seed(0)
    model, images = vaelib.VAE(12, 5, 2, prior=Shifted()), torch.rand(6, 12).round()
    q = model.posterior(images)
    torch.testing.assert_close(vaelib.elbo_terms(model, images).kl, q.kl(model.prior()))
    assert (vaelib.elbo_terms(model, images).kl - q.kl(StandardNormal(2, images))).abs().min() > 0.1
    vaelib.fit(model, images, epochs=2, progress=False, device="cpu")
    assert not torch.equal(model.prior().mu, torch.ones(2))


@pytest.mark.parametrize(
    ("networks", "options", "message"),
    [
        (convolutions(), {}, r"wanted image_shape=\(C, H, W\)"),
        (convolutions()[:1], {"image_shape": (3, 6, 8)}, "got an encoder and 256 as the decoder"),
        ((nn.Flatten(), nn.Identity()), {"image_shape": (1, 3, 3)}, r"to codes \(B, 2 \* D\)"),
        (convolutions(outputs=1), {"image_shape": (3, 6, 8)}, r"to 144 numbers an image"),
        (
            convolutions(),
            {"image_shape": (3, 6, 8), "likelihood": "discretized_logistic"},
            "to 288 numbers an image",
        ),
    ],
)
def test_networks_that_do_not_fit_are_named(networks, options, message):
    with pytest.raises(ValueError, match=message):
        vaelib.VAE(*networks, **options)


def test_networks_of_one_s_own_cannot_be_saved_and_the_way_out_is_said(tmp_path):
    model = vaelib.VAE(*convolutions(), image_shape=(3, 6, 8))
    with pytest.raises(ValueError, match="Make its networks in the __init__ of a subclass"):
        vaelib.save(model, tmp_path / "model.safetensors")


def test_strides_that_do_not_divide_the_image_are_named():
    with pytest.raises(ValueError, match=r"2 strides of 2 divide, multiples of 4, got .* 28 x 30"):
        vaelib.ConvolutionalVAE((1, 28, 30))
    with pytest.raises(ValueError, match="one layer or more"):
        vaelib.ConvolutionalVAE((1, 28, 28), ())


def test_convolutions_begin_with_the_mean_image():
    images = torch.rand(50, 1, 8, 12) * torch.rand(1, 1, 8, 12)
    for kind in ("bernoulli", "discretized_logistic"):
        model = vaelib.ConvolutionalVAE((1, 8, 12), (4, 6), 3, kind)
        assert model.guesses_grey()
        model.set_output_bias(images)
        assert not model.guesses_grey()
        with torch.no_grad():
            for weight in model.decoder.parameters():
                if weight.numel() != model.pixels.outputs * 96:
                    weight.zero_()
        guess = model.decode(torch.randn(2, 3)).detach()
        torch.testing.assert_close(guess, images.mean(0).view(1, 96).expand(2, 96))
    assert not vaelib.ConvolutionalVAE((1, 8, 12), (4, 6), 3, "gaussian").guesses_grey()


def test_convolutions_take_colour_and_oblong_images():
    images = torch.rand(12, 3, 8, 12)
    model = vaelib.ConvolutionalVAE((3, 8, 12), (4, 6), 3, "continuous_bernoulli")
    vaelib.fit(model, images, images, epochs=2, progress=False, device="cpu")
    assert model(images)[0].shape == images.shape
    assert vaelib.log_likelihood(model, images, 3, device="cpu").estimate.isfinite().all()
    vaelib.plots.images(model.sample(4), shape=model.image_shape)
    vaelib.plots.reconstructions(images[:4], model(images[:4])[0])


@pytest.fixture
def conditional():
    torch.manual_seed(0)
    return vaelib.ConditionalVAE(12, 3, 8, 2)


def test_the_label_is_heard(conditional):
    labels = torch.arange(60) % 3
    images = torch.nn.functional.one_hot(labels, 3).repeat(1, 4).float()
    data = vaelib.ImageDataset(images.view(60, 1, 3, 4), labels)
    vaelib.fit(conditional, data, data, epochs=60, batch_size=20, progress=False, device="cpu")
    drawn = conditional.given(torch.tensor([0, 1, 2])).sample(6)
    torch.testing.assert_close(drawn.round(), images[:6])
    assert torch.equal(conditional.given(1).sample(3).round(), images[[1, 1, 1]])
    terms = vaelib.mean_terms(conditional.given(labels), data.images)
    wrong = vaelib.mean_terms(conditional.given((labels + 1) % 3), data.images)
    assert terms.elbo > wrong.elbo + 1


def test_parts_of_many_images_keep_their_own_labels(conditional, monkeypatch):
    images = (torch.rand(50, 12) > 0.5).float()
    labels = torch.randint(0, 3, (50,))
    model = conditional.given(labels)
    whole = vaelib.kl_per_dimension(model, images)
    found = vaelib.log_likelihood(model, images, 200, device="cpu")
    one = vaelib.log_likelihood(conditional.given(labels[7:8]), images[7:8], 200, device="cpu")
    assert (found.estimate[7] - one.estimate[0]).abs() < 4 * (found.error[7] + one.error[0])
    monkeypatch.setattr(vaelib.evaluation, "CHUNK", 100)
    torch.testing.assert_close(vaelib.kl_per_dimension(model, images), whole)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 1, 3]), "integer labels from 0 to 2, got 0 to 3"),
        (torch.tensor([-1, 1, 2]), "got -1 to 2"),
        (torch.tensor([0.0, 1, 2]), "got torch.float32"),
        (torch.tensor([[0], [1], [2]]), r"of shape \(3, 1\)"),
    ],
)
def test_labels_that_cannot_be_are_named(conditional, labels, message):
    with pytest.raises(ValueError, match=message):
        conditional.given(labels)
    data = vaelib.ImageDataset(torch.rand(3, 1, 3, 4), labels)
    with pytest.raises(ValueError, match=message):
        vaelib.fit(conditional, data)


def test_missing_labels_are_asked_for(conditional):
    images = torch.rand(3, 1, 3, 4)
    with pytest.raises(ValueError, match=r"wanted a label for each image.*got images alone"):
        vaelib.fit(conditional, images)
    for score in (vaelib.elbo, vaelib.kl_per_dimension, vaelib.mean_terms):
        with pytest.raises(ValueError, match=r"model.given\(labels\)"):
            score(conditional, images)
    with pytest.raises(ValueError, match="wanted a model that takes labels, got a VAE"):
        vaelib.VAE(12, 5, 2).given(torch.tensor([0]))


class Bare(vaelib.LatentVariableModel):
    """A family that lacks whatever it was not given."""

    def __init__(self, pixels=None, **parts):
        super().__init__(12, 2, pixels or vaelib.likelihoods.Bernoulli())
        self.weight = nn.Parameter(torch.zeros(4, 12))
        for name, part in parts.items():
            setattr(self, name, part)


def coded(images):
    return Normal(*torch.zeros(2, len(images), 2, requires_grad=True))


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (Bare(), {}, r"with posterior\(images\), got a Bare, whose class defines none"),
        (Bare(posterior=coded), {}, "with a decoder, got a Bare"),
        (
            Bare(vaelib.likelihoods.Likelihood(), posterior=coded, decoder=nn.Linear(2, 12)),
            {},
            "a likelihood with log_prob, got Likelihood without it",
        ),
        (
            Bare(posterior=coded, decoder=nn.Linear(2, 12)),
            {"encoder_rate": 0.5},
            "with an encoder for encoder_rate, got a Bare",
        ),
    ],
)
def test_what_a_family_lacks_is_named(model, options, message):
    with pytest.raises(ValueError, match=message):
        vaelib.fit(model, torch.rand(5, 12), progress=False, device="cpu", **options)


def test_a_prior_that_is_none_is_named():
    with pytest.raises(ValueError, match="sample and log_prob, got a Linear without them"):
        vaelib.VAE(12, 5, 2, prior=nn.Linear(2, 2))


def test_an_objective_of_one_s_own_trains():
    def doubled(model, batch, settings, generator):
        terms = vaelib.objectives.training_terms(model, batch, 1, generator)
        return (2 * terms.kl - terms.reconstruction).mean(), terms

    found = []
    for options in ({"objective": doubled}, {"beta": 2.0}):
        torch.manual_seed(0)
        model = vaelib.VAE(12, 5, 2)
        options |= {"epochs": 2, "progress": False, "device": "cpu"}
        vaelib.fit(model, torch.rand(30, 12, generator=torch.Generator().manual_seed(0)), **options)
        found.append(torch.cat([weight.flatten() for weight in model.parameters()]))
    assert torch.equal(*found)


def test_settings_may_be_given_whole_and_changed():
    settings = vaelib.Settings(epochs=3, batch_size=8)
    model, images = vaelib.VAE(12, 5, 2), torch.rand(20, 12)
    history = vaelib.fit(model, images, None, settings, epochs=1, progress=False, device="cpu")
    assert len(history.train) == 1
    with pytest.raises(TypeError, match="no argument 'epoch': its settings are epochs, batch_size"):
        vaelib.fit(model, images, epoch=1)
    with pytest.raises(ValueError, match=r"wanted settings as a vaelib.Settings, got \{'epochs'"):
        vaelib.fit(model, images, None, {"epochs": 1})
    with pytest.raises(ValueError, match=r"objective as one of .*or a function, got 'vae'"):
        vaelib.Settings(objective="vae")
