"""Models to disk and back, and files that are no models."""

import json
import pickle

import numpy as np
import pytest
import safetensors.torch
import torch

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
    assert loaded.sigma == 0.5
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


@pytest.mark.parametrize("name", vaelib.recipes.RECIPES)
def test_shipped_weights_are_of_their_recipe(name):
    model, recipe = vaelib.pretrained(name), vaelib.recipes.RECIPES[name]
    assert (model.hidden_dim, model.latent_dim) == (recipe.hidden_dim, recipe.latent_dim)


def test_every_shipped_file_has_a_recipe():
    files = {path.name for path in checkpoints.FOLDER.iterdir() if ".safetensors" in path.name}
    known = [*vaelib.recipes.RECIPES, *vaelib.recipes.LADDER]
    assert files <= {f"{name}.safetensors" for name in known}
    assert files >= {f"{name}.safetensors" for name in vaelib.recipes.RECIPES}
