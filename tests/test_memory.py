"""Memory grows neither with the draws nor with the images, beyond what is asked for."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import vaelib
from vaelib import evaluation, objectives, parts
from vaelib.lab import posterior

CHUNK = 2**12  # numbers, as if it were all the memory there is


class Largest(TorchDispatchMode):
    """The size in numbers of the largest tensor that is made, views left out."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = {leaf.untyped_storage().data_ptr() for leaf in tensors(args)}
        result = function(*args, **(kwargs or {}))
        for leaf in tensors(result):
            if leaf.untyped_storage().data_ptr() not in given:
                self.numbers = max(self.numbers, leaf.numel())
        return result


def tensors(tree) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


@pytest.fixture(autouse=True)
def little_memory(monkeypatch):
    for module in (parts, objectives, evaluation):
        monkeypatch.setattr(module, "CHUNK", CHUNK)
    monkeypatch.setattr("vaelib.models.base.CHUNK", CHUNK)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return vaelib.VAE(16, 8, 2)


IMAGES = (torch.rand(1500, 1, 4, 4, generator=torch.Generator().manual_seed(0)) > 0.5).float()
FEW = IMAGES[:30]


def without_gradients(function):
    return torch.no_grad()(function)


MANY_DRAWS = {
    "mean_terms": lambda model: vaelib.mean_terms(model, FEW, 300),
    "rate_distortion": lambda model: vaelib.rate_distortion(model, FEW, 300),
    "elbo": without_gradients(lambda model: vaelib.elbo(model, FEW, 300)),
    "elbo_terms": without_gradients(lambda model: vaelib.elbo_terms(model, FEW, 300)),
    "elbo of more": without_gradients(lambda model: vaelib.elbo(model, IMAGES[:200], 3)),
    "iwae_bound": lambda model: vaelib.iwae_bound(model, FEW, 300),
    "log_likelihood": lambda model: vaelib.log_likelihood(model, FEW, 300, chunk=CHUNK),
    "sample": lambda model: vaelib.VAE.sample(model, 200),
}
MANY_IMAGES = {
    "mean_terms": lambda model: vaelib.mean_terms(model, IMAGES),
    "elbo": without_gradients(lambda model: vaelib.elbo(model, IMAGES)),
    "iwae_bound": lambda model: vaelib.iwae_bound(model, IMAGES, 3),
    "log_likelihood": lambda model: vaelib.log_likelihood(model, IMAGES, 3, chunk=CHUNK),
    "kl_per_dimension": lambda model: vaelib.kl_per_dimension(model, IMAGES),
    "active_units": lambda model: vaelib.active_units(model, IMAGES),
}


@pytest.mark.parametrize("name", MANY_DRAWS)
def test_draws_are_taken_in_parts(name, model):
    with Largest() as largest:
        MANY_DRAWS[name](model)
    assert largest.numbers <= CHUNK


@pytest.mark.parametrize("name", MANY_IMAGES)
def test_images_are_taken_in_parts(name, model):
    with Largest() as largest:
        MANY_IMAGES[name](model)
    assert largest.numbers <= 1000 * 16  # images that are looked at together, for their range


def test_a_wide_layer_counts_as_well_as_the_pixels(model):
    wide = vaelib.VAE(16, 128, 2)
    with Largest() as largest:
        vaelib.log_likelihood(wide, FEW, 10, chunk=CHUNK)
        vaelib.mean_terms(wide, FEW, 10)
        wide.sample(100)
    assert largest.numbers <= CHUNK


def test_a_grid_is_held_once_and_looked_at_in_parts(model):
    images, side = FEW.repeat(4, 1, 1, 1), 40
    with Largest() as largest:
        vaelib.grid_posterior(model, images, side=side)
    assert largest.numbers == len(images) * side**2
    with Largest() as parts_of_it:
        posterior._check_edges(vaelib.grid_posterior(model, FEW[: posterior.PART], side=side))
    assert parts_of_it.numbers <= posterior.PART * side**2


def test_moons_are_drawn_in_parts():
    lines = 28 * 16 * 28  # numbers that a moon takes while it is drawn
    with Largest() as largest:
        vaelib.moon_phases(1200, 0)
    assert largest.numbers <= 500 * lines


def test_parts_on_a_cpu_have_the_draws_of_the_whole(model, monkeypatch):
    generator = torch.Generator()
    with torch.no_grad():
        in_parts = vaelib.elbo(model, IMAGES, generator=generator.manual_seed(0))
    assert model.sample(700, generator.manual_seed(1)).shape == (700, 16)
    monkeypatch.setattr(objectives, "CHUNK", 2**24)
    whole = vaelib.elbo(model, IMAGES, generator=generator.manual_seed(0))
    torch.testing.assert_close(in_parts, whole.detach())


@pytest.mark.parametrize("kind", ["VAE", "FlowVAE"])  # with a KL in closed form, and with none
@pytest.mark.parametrize(("count", "num_samples"), [(1500, 1), (16, 300), (200, 3), (256, 1)])
def test_parts_add_up_to_the_whole(monkeypatch, kind, count, num_samples):
    torch.manual_seed(0)
    sizes = {"VAE": (16, 8, 2), "FlowVAE": (16, 8, 2, 2, 4)}[kind]
    model = getattr(vaelib, kind)(*sizes).double()
    images, seed = IMAGES[:count].double(), torch.Generator().manual_seed
    with torch.no_grad():
        in_parts = vaelib.elbo_terms(model, images, num_samples, seed(0))
        monkeypatch.setattr(objectives, "CHUNK", 2**30)
        whole = vaelib.elbo_terms(model, images, num_samples, seed(0))
    torch.testing.assert_close(torch.stack(in_parts), torch.stack(whole))


class Counted(vaelib.VAE):
    """Notes how many images the encoder and how many latents the decoder gets at a time."""

    def __init__(self):
        super().__init__(16, 8, 2)
        self.images, self.latents = [], []

    def posterior(self, images):
        self.images.append(len(images))
        return super().posterior(images)

    def likelihood(self, z):
        self.latents.append(z[..., 0].numel())
        return super().likelihood(z)


@pytest.mark.parametrize(
    ("rows", "expected"), [(259, [256, 44]), (300, [300]), (7, [1] * 300), (1, [1] * 300)]
)
def test_parts_are_multiples_of_16_rows_or_single_ones(monkeypatch, rows, expected):
    monkeypatch.setattr(objectives, "CHUNK", 16 * rows + 15)
    model = Counted()
    with torch.no_grad():
        vaelib.elbo(model, IMAGES[:300])
    assert model.images == model.latents == expected


def test_where_gradients_are_kept_nothing_is_in_parts(monkeypatch):
    monkeypatch.setattr(objectives, "CHUNK", 1)
    model = Counted()
    assert vaelib.elbo(model, FEW, 2).requires_grad
    assert (model.images, model.latents) == ([30], [60])


def test_evaluation_takes_parts_of_a_hundred_or_a_thousand_images():
    model = Counted()
    vaelib.log_likelihood(model, IMAGES[:250], 2, device="cpu")
    assert model.images == [100, 100, 50]
    assert model.latents == [200, 200, 100]
    for score in (vaelib.mean_terms, vaelib.mean_variance, vaelib.kl_per_dimension):
        with pytest.MonkeyPatch.context() as patch:
            for module in (objectives, evaluation):
                patch.setattr(module, "CHUNK", 2**24)
            counted = Counted()
            score(counted, IMAGES)
            assert counted.images == [1000, 500]


def test_draws_are_taken_as_far_as_a_chunk_reaches():
    model = Counted()
    vaelib.log_likelihood(model, FEW, 10, device="cpu", chunk=16 * 30 * 4)
    assert model.latents == [120, 120, 60]
    few = Counted()
    vaelib.log_likelihood(few, FEW, 2, device="cpu", chunk=16 * 7)
    assert few.images == [7] * 8 + [2]
    assert few.latents == [7] * 8 + [4]
    bound = Counted()
    vaelib.iwae_bound(bound, IMAGES[:300], 2)  # 256 rows at a time
    assert bound.images == [256, 256, 44]
    assert bound.latents == [256, 256, 88]


def test_a_point_is_decoded_once_however_many_draws_are_asked_for():
    model, counted = vaelib.Autoencoder(16, 8, 2), []
    likelihood = model.likelihood
    model.likelihood = lambda z: counted.append(z.shape[:-1].numel()) or likelihood(z)
    with torch.no_grad():
        vaelib.elbo(model, IMAGES[:300], 5)
    assert counted == [256, 44]


def test_draws_in_parts_have_the_mean_of_all(model):
    with torch.no_grad():
        in_parts = vaelib.elbo(model, FEW, 2000, torch.Generator().manual_seed(0))
    whole = vaelib.elbo(model, FEW, 2000, torch.Generator().manual_seed(1))  # with gradients
    assert whole.requires_grad
    torch.testing.assert_close(in_parts, whole.detach(), rtol=0.01, atol=0)


def test_an_autoencoder_s_images_are_taken_in_parts_too():
    torch.manual_seed(0)
    model = vaelib.Autoencoder(16, 8, 2)
    with torch.no_grad(), Largest() as largest:
        in_parts = vaelib.elbo(model, IMAGES, 5)
    assert largest.numbers <= CHUNK
    torch.testing.assert_close(in_parts, vaelib.elbo(model, IMAGES).detach())


def test_a_count_in_parts_is_the_count():
    assert list(parts.parts_of(7, 3)) == [3, 3, 1]
    assert list(parts.parts_of(6, 3)) == [3, 3]
