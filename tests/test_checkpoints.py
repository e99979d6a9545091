"""Models to disk and back, and files that are no models."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.nn.utils import prune

import vaelib
from vaelib import checkpoints


@pytest.fixture
def model():
    torch.manual_seed(0)
    return vaelib.VAE(12, 7, 3, likelihood="gaussian", sigma=0.5)


def write(path, tensors, **header):
    safetensors.torch.save_file(tensors, path, metadata=header)


@pytest.mark.parametrize("architecture", [vaelib.Autoencoder, vaelib.VAE])
def test_a_model_comes_back_as_it_was(architecture, tmp_path):
    saved = architecture(12, 7, 3, likelihood="gaussian", sigma=0.5)
    vaelib.save(saved, tmp_path / "model.safetensors")
    loaded = vaelib.load(tmp_path / "model.safetensors")
    assert type(loaded) is architecture
    assert loaded.arguments == saved.arguments
    for name, tensor in saved.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name])


def test_precision_and_numpy_arguments_survive(tmp_path):
    saved = vaelib.VAE(4, 3, 2, likelihood="gaussian", sigma=np.float32(0.5)).double()
    vaelib.save(saved, tmp_path / "model.safetensors")
    loaded = vaelib.load(tmp_path / "model.safetensors")
    assert loaded.pixels.sigma == 0.5
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float64}
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_hidden_layers_and_activation_survive(tmp_path):
    saved = vaelib.VAE(4, (3, 5), 2, activation="tanh")
    vaelib.save(saved, tmp_path / "model.safetensors")
    loaded = vaelib.load(tmp_path / "model.safetensors")
    assert loaded.arguments == saved.arguments
    assert loaded.hidden_dim == (3, 5)
    images = torch.rand(2, 4)
    torch.testing.assert_close(loaded.encode(images), saved.encode(images), rtol=0, atol=0)


def test_a_header_from_before_activations_means_relu(tmp_path):
    model = vaelib.VAE(4, 3, 2)
    path = tmp_path / "model.safetensors"
    arguments = {name: value for name, value in model.arguments.items() if name != "activation"}
    write(path, dict(model.state_dict()), architecture="VAE", arguments=json.dumps(arguments))
    assert vaelib.load(path).arguments == model.arguments


def test_half_the_size_costs_less_than_a_hundredth_of_a_nat(tmp_path):
    images = vaelib.mnist("test").images
    for name in vaelib.recipes.RECIPES:
        model = vaelib.pretrained(name)
        whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
        vaelib.save(model, whole)
        vaelib.save(model, half, half=True)
        assert half.stat().st_size < 0.51 * whole.stat().st_size
        loaded = vaelib.load(half)
        assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
        losses = [-vaelib.mean_terms(each, images).elbo for each in (model, loaded)]
        assert losses[0] == pytest.approx(losses[1], abs=0.01)


def test_a_weight_too_large_for_half_is_an_error(model, tmp_path):
    with torch.no_grad():
        model.decoder[0].bias[1] = 1e5
    with pytest.raises(ValueError, match=r"below 65504 .* \['decoder.0.bias'\]"):
        vaelib.save(model, tmp_path / "model.safetensors", half=True)
    assert list(tmp_path.iterdir()) == []


def test_loading_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    vaelib.pretrained("vae-2d")
    assert torch.equal(state, torch.get_rng_state())


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="is a folder, wanted a safetensors checkpoint"):
        vaelib.load(tmp_path)


def test_saving_replaces_a_file_as_a_whole(model, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    vaelib.save(model, path)
    before = path.read_bytes()

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("vaelib.data.os.replace", full_disk)
    with pytest.raises(OSError, match="no space left"):
        vaelib.save(vaelib.VAE(), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_model_of_another_class_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="got Linear"):
        vaelib.save(torch.nn.Linear(2, 2), tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        vaelib.load(tmp_path / "nothing.safetensors")


class Harmful:
    """A pickle of this would run code when it is read."""

    def __reduce__(self):
        return pytest.fail, ("code in the file was run",)


@pytest.mark.parametrize(
    "content", [b"", b"no checkpoint", pickle.dumps(Harmful())], ids=["empty", "text", "pickle"]
)
def test_a_file_that_is_no_checkpoint_is_named_and_never_run(content, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model.safetensors is not a safetensors checkpoint"):
        vaelib.load(path)


def test_a_truncated_checkpoint_is_named(model, tmp_path):
    path = tmp_path / "model.safetensors"
    vaelib.save(model, path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="is not a safetensors checkpoint"):
        vaelib.load(path)


def test_a_checkpoint_of_another_architecture_is_named(tmp_path):
    path = tmp_path / "model.safetensors"
    write(path, {"weight": torch.zeros(2)}, architecture="GPT", arguments="{}")
    with pytest.raises(ValueError, match="holds the architecture 'GPT', wanted one of"):
        vaelib.load(path)
    write(path, {"weight": torch.zeros(2)})
    with pytest.raises(ValueError, match="holds the architecture None"):
        vaelib.load(path)


@pytest.mark.parametrize("arguments", ["{}", '{"depth": 3}', "[", '{"latent_dim": 0}'])
def test_tensors_that_do_not_fit_are_named(model, arguments, tmp_path):
    path = tmp_path / "model.safetensors"
    write(path, dict(model.state_dict()), architecture="VAE", arguments=arguments)
    with pytest.raises(ValueError, match="does not fit the VAE it names"):
        vaelib.load(path)


def test_the_header_is_readable_by_people(model, tmp_path):
    path = tmp_path / "model.safetensors"
    vaelib.save(model, path)
    with safetensors.safe_open(path, framework="pt") as file:
        assert file.metadata()["architecture"] == "VAE"
        assert json.loads(file.metadata()["arguments"])["latent_dim"] == 3


def test_an_unknown_pretrained_model_names_those_there_are():
    with pytest.raises(ValueError, match=r"wanted one of \[.*'vae-2d'.*\], got 'vae-3d'"):
        vaelib.pretrained("vae-3d")


SHIPPED = vaelib.recipes.RECIPES | vaelib.recipes.FURTHER


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_of_their_recipe(name):
    model, recipe = vaelib.pretrained(name), SHIPPED[name]
    made = recipe.model()
    assert type(model) is type(made)
    for name in made.set_by_fit:
        model.arguments.pop(name, None)
        made.arguments.pop(name, None)
    assert model.arguments == made.arguments


def test_every_shipped_file_has_a_recipe():
    files = {path.name for path in checkpoints.FOLDER.iterdir() if ".safetensors" in path.name}
    known = SHIPPED | vaelib.recipes.LADDER
    assert files <= {f"{name}.safetensors" for name in known}
    assert files >= {f"{name}.safetensors" for name in SHIPPED}


def test_every_family_of_the_last_chapter_is_small_and_says_where_it_comes_from():
    made = vaelib.recipes.results(recipes=vaelib.recipes.FURTHER)
    assert list(made) == list(vaelib.recipes.FURTHER)
    for name in made:
        assert (checkpoints.FOLDER / f"{name}.safetensors").stat().st_size < 1_000_000


def test_a_loaded_model_does_not_follow_its_file(model, tmp_path):
    path = tmp_path / "model.safetensors"
    vaelib.save(model, path)
    loaded = vaelib.load(path)
    with open(path, "r+b") as file:  # in place, as cp and some editors do
        file.write(bytes(path.stat().st_size))
        file.truncate(10)
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


def test_load_fit_and_save_to_one_name(tmp_path):
    path, images = tmp_path / "model.safetensors", torch.rand(20, 12)
    torch.manual_seed(0)
    vaelib.save(vaelib.VAE(12, 7, 3), path)
    for _ in range(2):
        loaded = vaelib.load(path)
        vaelib.fit(loaded, images, epochs=1, progress=False, device="cpu")
        vaelib.save(loaded, path)
        assert torch.equal(vaelib.load(path).decoder[2].bias, loaded.decoder[2].bias)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def profiled(model):
    model.register_buffer("total_ops", torch.zeros(1, dtype=torch.float64))


def parametrized(model):
    torch.nn.utils.parametrizations.weight_norm(model.encoder[0])


def pruned(model):
    prune.random_unstructured(model.encoder[0], "weight", 0.5)


def replaced(model):
    model.decoder[2] = torch.nn.Linear(7, 9)


def deepened(model):
    model.encoder.append(torch.nn.Linear(6, 6))


@pytest.mark.parametrize(
    ("leftover", "name"),
    [
        (profiled, "total_ops"),
        (parametrized, "encoder.0.parametrizations.weight.original0"),
        (pruned, "encoder.0.weight_mask"),
        (replaced, "decoder.2.weight"),
        (deepened, "encoder.3.weight"),
    ],
)
def test_what_load_would_not_take_is_refused_at_save(model, leftover, name, tmp_path):
    leftover(model)
    with pytest.raises(ValueError, match=rf"tensors of a VAE, got others in \[.*'{name}'"):
        vaelib.save(model, tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_the_advice_about_leftovers_helps(model, tmp_path):
    path, images = tmp_path / "model.safetensors", torch.rand(2, 12)
    profiled(model)
    clean = vaelib.VAE(**model.arguments)
    clean.load_state_dict(model.state_dict(), strict=False)
    vaelib.save(clean, path)
    assert torch.equal(vaelib.load(path).encode(images)[0], model.encode(images)[0])


@pytest.mark.parametrize("tie", [lambda weight: weight, lambda weight: weight.t()])
def test_tied_weights_are_refused_by_name(tie, tmp_path):
    model = vaelib.VAE(8, 8, 4)
    model.decoder[2].weight = torch.nn.Parameter(tie(model.encoder[0].weight))
    with pytest.raises(ValueError, match=r"got decoder.2.weight and encoder.0.weight tied"):
        vaelib.save(model, tmp_path / "model.safetensors")


def test_weights_side_by_side_or_across_in_memory_are_saved(model, tmp_path):
    path = tmp_path / "model.safetensors"
    vector = torch.nn.utils.parameters_to_vector(model.parameters())
    torch.nn.utils.vector_to_parameters(vector, model.parameters())
    across = model.encoder[0].weight.detach().t().contiguous().t()
    model.encoder[0].weight = torch.nn.Parameter(across)
    assert not model.encoder[0].weight.is_contiguous()
    vaelib.save(model, path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(vaelib.load(path).state_dict()[name], tensor)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(model, value, tmp_path):
    with torch.no_grad():
        model.encoder[2].bias[1] = value
    with pytest.raises(ValueError, match=r"NaN or infinity in \['encoder.2.bias'\]"):
        vaelib.save(model, tmp_path / "model.safetensors")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, and another folder in which we are: no folder named ~ may appear there."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    yield tmp_path / "home"
    assert list((tmp_path / "work").iterdir()) == []


class OwnPath(os.PathLike):
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


@pytest.mark.parametrize("kind", [str, Path, OwnPath])
def test_a_path_may_begin_with_the_home_folder(kind, model, home):
    vaelib.save(model, kind("~/model"))
    assert vaelib.load(kind("~/model")).arguments == model.arguments
    images = torch.rand(4, 12)
    vaelib.fit(model, images, epochs=1, checkpoint=kind("~/run"), progress=False, device="cpu")
    vaelib.recipes.append_provenance({}, kind("~/entries"))
    assert sorted(file.name for file in home.iterdir()) == ["entries", "model", "run"]


def test_the_cache_may_be_in_the_home_folder(home, monkeypatch):
    monkeypatch.setenv("VAELIB_CACHE", "~/cache")
    assert vaelib.data.cache_folder() == home / "cache"


def test_paths_that_cannot_be_are_named(model, home):
    with pytest.raises(ValueError, match=r"wanted the path of a file in .* got the folder ~"):
        vaelib.save(model, "~")
    with pytest.raises(ValueError, match=r"exists, got ~/a/model: .*home/a is none"):
        vaelib.save(model, "~/a/model")
    with pytest.raises(ValueError, match="text or a path object, got 3"):
        vaelib.save(model, 3)
    with pytest.raises(ValueError, match="text or a path object, got b'model'"):
        vaelib.load(b"model")
    with pytest.raises(ValueError, match="a home folder that exists, got ~nobody-at-all/model"):
        vaelib.load("~nobody-at-all/model")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*home/model"):
        vaelib.load("~/model")


def test_a_link_stays_and_its_file_is_written(model, tmp_path):
    file, link = tmp_path / "third.safetensors", tmp_path / "latest.safetensors"
    link.symlink_to(file)
    for _ in range(2):
        vaelib.save(model, link)
        assert link.is_symlink()
        assert vaelib.load(file).arguments == vaelib.load(link).arguments == model.arguments


def test_a_file_has_its_texts_in_order_so_that_it_has_the_same_bytes_everywhere(tmp_path):
    for _ in range(8):  # safetensors itself would have another order for each
        vaelib.save(vaelib.VAE(4, 3, 2), tmp_path / "model.safetensors", half=True)
        content = (tmp_path / "model.safetensors").read_bytes()
        names = list(checkpoints._metadata(content))
        assert names == sorted(names) == ["architecture", "arguments", "sha256", "stored"]
        assert int.from_bytes(content[:8], "little") % 8 == 0
