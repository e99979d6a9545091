"""Files that were cut, have a flipped bit, are of another version or mean harm: refused by name."""

import contextlib
import hashlib
import io
import json
import pickle
import warnings

import pytest
import safetensors.torch
import torch

import vaelib
from vaelib import data, resuming


@pytest.fixture
def model():
    torch.manual_seed(0)
    return vaelib.VAE(4, 3, 2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def fit(model, path, **options):
    images = torch.rand(20, 4, generator=torch.Generator().manual_seed(0))
    settings = {"epochs": 2, "batch_size": 10, "progress": False, "device": "cpu"} | options
    return vaelib.fit(model, images, checkpoint=path, **settings)


@pytest.mark.parametrize("half", [False, True])
def test_any_flipped_bit_of_a_checkpoint_is_found(model, path, half):
    vaelib.save(model, path, half=half)
    expected, content = weights(vaelib.load(path)), path.read_bytes()
    # But for the name of the digest, and for the spaces after the header.
    name, end = content.index(b"sha256"), 8 + int.from_bytes(content[:8], "little")
    free = {*range(name, name + 6), *range(len(content[:end].rstrip()), end)}
    for place in range(0, len(content), 5):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 7
        path.write_bytes(damaged)
        refused = pytest.raises(ValueError, match="file")
        with contextlib.suppress(ValueError) if place in free else refused:
            assert torch.equal(weights(vaelib.load(path)), expected)


def test_a_flipped_weight_says_that_the_file_is_damaged(model, path):
    vaelib.save(model, path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"file is damaged: it holds other weights than those"):
        vaelib.load(path)


@pytest.mark.parametrize("name", vaelib.checkpoints.pretrained_names())
def test_a_flipped_bit_of_the_packages_weights_is_found(name, tmp_path, monkeypatch):
    content = bytearray((vaelib.checkpoints.FOLDER / f"{name}.safetensors").read_bytes())
    content[-1000] ^= 1
    (tmp_path / f"{name}.safetensors").write_bytes(content)
    monkeypatch.setattr(vaelib.checkpoints, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=rf"{name}.safetensors is damaged"):
        vaelib.pretrained(name)


def test_a_checkpoint_from_before_there_were_digests_is_read(model, path):
    header = {"architecture": "VAE", "arguments": json.dumps(model.arguments)}
    safetensors.torch.save_file(model.state_dict(), path, metadata=header)
    assert torch.equal(weights(vaelib.load(path)), weights(model))


@pytest.mark.parametrize(
    "architecture", ["os.system", "vaelib.VAE", "__builtins__", "Linear", "torch.nn.Linear", ""]
)
def test_a_checkpoint_names_nothing_that_is_imported(model, path, architecture):
    header = {"architecture": architecture, "arguments": json.dumps(["echo"])}
    safetensors.torch.save_file(model.state_dict(), path, metadata=header)
    with pytest.raises(ValueError, match=r"holds the architecture .* wanted one of"):
        vaelib.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"activation": "__import__('os')"},
        {"activation": ["tanh"]},
        {"likelihood": {"a": 1}},
        {"input_dim": 10**30},
        {"input_dim": 10**9},
        {"hidden_dim": None},
        {"sigma": float("nan"), "likelihood": "gaussian"},
        {"__class__": "Harmful"},
    ],
    ids=str,
)
def test_arguments_that_no_model_has_are_refused(model, path, change):
    header = {"architecture": "VAE", "arguments": json.dumps(model.arguments | change)}
    safetensors.torch.save_file(model.state_dict(), path, metadata=header)
    with pytest.raises(ValueError, match="file does not fit the VAE it names"):
        vaelib.load(path)


@pytest.mark.parametrize("text", ["[" * 100_000, "null", "5", '"VAE"', "", "{}{}"])
def test_arguments_that_are_no_arguments_are_refused(model, path, text):
    header = {"architecture": "VAE", "arguments": text}
    safetensors.torch.save_file(model.state_dict(), path, metadata=header)
    with pytest.raises(ValueError, match="file does not fit the VAE it names"):
        vaelib.load(path)


def test_a_flipped_bit_or_a_missing_end_of_a_run_is_found(model, path):
    fit(model, path)
    content = path.read_bytes()
    for place in range(0, len(content), 101):
        for damaged in (bytearray(content), bytearray(content[:place])):
            if len(damaged) > place:
                damaged[place] ^= 1 << place % 8
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match="file is no training run, or is damaged: delete"):
                resuming._read(path)
            assert path.read_bytes() == damaged


def rewrite(path, change):
    """Change what a run's file holds, and write it with a digest that fits."""
    state = resuming._read(path)
    change(state)
    write_run(path, state)


def write_run(path, state, save=torch.save):
    content = io.BytesIO()
    save(state, content)
    path.write_bytes(hashlib.sha256(content.getvalue()).digest() + content.getvalue())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda state: state["identity"].pop("seed"),
            "file holds another run: seed was 'not there' and is 0. Wanted the same",
        ),
        (
            lambda state: state["identity"].update(warmup=3),
            "file holds another run: warmup was 3 and is 'not there'. Wanted the same",
        ),
        (lambda state: state.pop("seconds"), "file is of another version of vaelib: delete it"),
        (lambda state: state.update(scheduler={}), "file is of another version of vaelib: delete"),
        (lambda state: state.clear(), "file is of another version of vaelib: delete it"),
    ],
)
def test_a_run_of_another_version_is_named_and_kept(model, path, change, said):
    fit(model, path)
    rewrite(path, change)
    before, old = weights(model), path.read_bytes()
    with pytest.raises(ValueError, match=said):
        fit(model, path)
    assert torch.equal(weights(model), before)
    assert path.read_bytes() == old


class Harmful:
    """A pickle of this would run code when it is read."""

    def __reduce__(self):
        return pytest.fail, ("code in the file was run",)


@pytest.mark.parametrize("save", [torch.save, pickle.dump])
@pytest.mark.parametrize("state", [Harmful(), {"model": Harmful()}, torch.nn.Linear(1, 1)])
def test_code_in_a_run_is_refused_and_not_run(model, path, state, save):
    write_run(path, state, save)
    before = weights(model)
    with pytest.raises(ValueError, match=r"^\S*file holds more than numbers and was not read: del"):
        fit(model, path)
    assert torch.equal(weights(model), before)


@pytest.mark.parametrize("content", [b"", b"no torch file", b"PK\x03\x04 no archive"])
def test_what_torch_cannot_read_is_refused(model, path, content):
    path.write_bytes(hashlib.sha256(content).digest() + content)
    with pytest.raises(ValueError, match="file holds more than numbers and was not read"):
        fit(model, path)


def test_a_cache_of_an_older_torchvision_is_left_and_not_believed(tmp_path, monkeypatch):
    raw = data.mnist_root() / "MNIST" / "raw"
    monkeypatch.setenv("VAELIB_CACHE", str(tmp_path))
    (tmp_path / "MNIST").mkdir()
    (tmp_path / "MNIST" / "raw").symlink_to(raw)
    old = tmp_path / "MNIST" / "processed"
    old.mkdir()
    for name in ("training.pt", "test.pt"):
        torch.save((torch.zeros(1, 28, 28, dtype=torch.uint8), torch.zeros(1)), old / name)
    with warnings.catch_warnings(action="error"):
        assert len(vaelib.mnist("test")) == 10_000
    assert len(list(old.iterdir())) == 2
