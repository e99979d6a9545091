"""A run that was cut off ends as one that was not, and no file is lost or misread."""

import hashlib
import io

import pytest
import torch

import vaelib
from vaelib import resuming

torch.manual_seed(0)
DATA = torch.rand(50, 12)


def small_model(seed=0):
    torch.manual_seed(seed)
    return vaelib.VAE(12, 16, 2)


def fit(model, checkpoint=None, **options):
    settings = {"epochs": 6, "batch_size": 20, "progress": False, "device": "cpu"} | options
    return vaelib.fit(model, DATA, DATA, checkpoint=checkpoint, **settings)


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def stop_after(epochs):
    def after_epoch(_, history):
        if len(history.train) == epochs:
            raise KeyboardInterrupt

    return after_epoch


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(resuming, "SAVE_EVERY", 0)
    return tmp_path / "run.pt"


@pytest.mark.parametrize(
    "options", [{}, {"objective": "iwae", "num_samples": 3}, {"binarize": "dynamic"}], ids=str
)
def test_a_run_that_was_cut_off_ends_like_one_that_was_not(path, options):
    whole, parts = small_model(), small_model()
    expected = fit(whole, **options)
    for epochs in (2, 3):
        with pytest.warns(UserWarning, match=f"after {epochs} of 6 epochs"):
            fit(parts, path, after_epoch=stop_after(epochs), **options)
    history = fit(small_model(seed=9), path, **options)  # in another process, as it were
    assert history.train == expected.train
    assert history.test == expected.test
    assert len(history.seconds) == 6
    again = small_model(seed=10)
    assert fit(again, path, **options).train == expected.train  # nothing is left to do
    assert torch.equal(weights(again), weights(whole))


def test_an_epoch_that_was_cut_off_is_begun_again(path, monkeypatch):
    whole, part = small_model(), small_model()
    fit(whole)
    original, calls = vaelib.training.training_terms, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 10:  # in the third epoch of three steps and a test
            raise KeyboardInterrupt
        return original(*arguments, **options)

    monkeypatch.setattr(vaelib.training, "training_terms", interrupted)
    with pytest.warns(UserWarning, match="after 2 of 6"):
        fit(part, path)
    fit(part, path)
    assert torch.equal(weights(part), weights(whole))


def test_a_checkpoint_changes_nothing(path):
    with_file, without = small_model(), small_model()
    fit(with_file, path)
    fit(without)
    assert torch.equal(weights(with_file), weights(without))


def test_the_file_is_written_now_and_then_and_at_the_end(path, monkeypatch):
    monkeypatch.setattr(resuming, "SAVE_EVERY", 3600)
    found = []
    fit(small_model(), path, after_epoch=lambda *_: found.append(path.exists()))
    assert found == [False] * 5 + [True]


def test_a_run_of_other_arguments_is_named_and_kept(path):
    fit(small_model(), path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"another run: learning_rate was 0\.05 and is 0\.02; enc"):
        fit(small_model(), path, learning_rate=0.02)
    with pytest.raises(ValueError, match="seed was 0 and is 1"):
        fit(small_model(), path, seed=1)
    with pytest.raises(ValueError, match="architecture was 'VAE' and is 'Autoencoder'"):
        vaelib.fit(vaelib.Autoencoder(12, 16, 2), DATA, epochs=6, batch_size=20, checkpoint=path)
    with pytest.raises(ValueError, match="images was"):
        vaelib.fit(small_model(), 1 - DATA, epochs=6, batch_size=20, checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_file_is_named_and_kept(path, damage):
    fit(small_model(), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"cut": content[:-9], "flip": content, "empty": b"", "text": b"my thesis"}[damage]
    path.write_bytes(damaged)
    model = small_model()
    with pytest.raises(ValueError, match=r"run\.pt is no training run, or is damaged: delete it"):
        fit(model, path)
    assert path.read_bytes() == bytes(damaged)
    assert torch.equal(weights(model)[:10], weights(small_model())[:10])


def test_a_disk_that_is_full_leaves_the_last_file(path, monkeypatch):
    with pytest.warns(UserWarning, match="after 2 of 6"):
        fit(small_model(), path, after_epoch=stop_after(2))
    before = path.read_bytes()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("vaelib.data.os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        fit(small_model(), path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_folder_that_is_not_there_is_an_error_before_training(tmp_path):
    for checkpoint in (tmp_path / "nowhere" / "run.pt", tmp_path):
        with pytest.raises(ValueError, match="wanted a checkpoint file in a folder that exists"):
            fit(small_model(), checkpoint)


def test_images_of_the_same_sum_are_other_images(path):
    fit(small_model(), path)
    with pytest.raises(ValueError, match=r"another run: images was \[50, 12, '"):
        vaelib.fit(
            small_model(),
            DATA.flip(0),
            DATA,
            epochs=6,
            batch_size=20,
            progress=False,
            device="cpu",
            checkpoint=path,
        )


def test_other_frozen_weights_precisions_and_leftovers_are_another_run(path):
    fit(small_model(), path)
    frozen = small_model()
    frozen.decoder[2].bias.requires_grad_(False)
    message = r"decoder.2.bias was 'torch.float32' and is 'torch.float32 \(frozen\)'"
    with pytest.raises(ValueError, match=message):
        fit(frozen, path)
    with pytest.raises(ValueError, match="images was"):  # which are of the weights' precision
        fit(small_model().double(), path)
    profiled = small_model()
    profiled.register_buffer("total_ops", torch.zeros(1))
    with pytest.raises(ValueError, match=r"total_ops was 'not there' and is 'torch\.float32'"):
        fit(profiled, path)


def test_a_run_with_frozen_weights_goes_on(path):
    whole, parts = small_model(), small_model()
    for model in (whole, parts):
        model.encoder.requires_grad_(False)
    expected = fit(whole)
    with pytest.warns(UserWarning, match="after 2 of 6"):
        fit(parts, path, after_epoch=stop_after(2))
    assert fit(parts, path).train == expected.train
    assert torch.equal(weights(parts), weights(whole))


@pytest.mark.parametrize("lost", [("weights",), ("optimizer", "means")])
def test_a_run_of_an_older_version_is_named_and_kept(path, lost):
    fit(small_model(), path)
    state, content = resuming._read(path), io.BytesIO()
    *outer, last = lost
    del (state[outer[0]] if outer else state)[last]
    torch.save(state, content)
    before = hashlib.sha256(content.getvalue()).digest() + content.getvalue()
    path.write_bytes(before)
    with pytest.raises(ValueError, match=r"run\.pt is of another version of vaelib: delete it"):
        fit(small_model(), path)
    assert path.read_bytes() == before


def test_another_working_folder_does_not_move_the_file(path, monkeypatch, tmp_path):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    fit(small_model(), path.name, after_epoch=lambda *_: monkeypatch.chdir(tmp_path / "other"))
    assert list((tmp_path / "other").iterdir()) == []
    assert len(fit(small_model(), path).train) == 6
