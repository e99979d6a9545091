import json

import numpy as np
import pytest
import torch

import vaelib
from vaelib import Terms
from vaelib.widgets import TrainingReplay

MEANS = torch.randn(4, 10, 2, generator=torch.Generator().manual_seed(0))


def history(test=True):
    train = [Terms(-100.0 + 10 * epoch, 1.234567 + epoch) for epoch in range(3)]
    return vaelib.History(train=train, test=train if test else [])


@pytest.fixture
def replay():
    return TrainingReplay(history(), MEANS, torch.arange(10))


def test_front_end_gets_the_means_of_every_epoch_in_half_precision(replay):
    sent = np.frombuffer(replay.means, "<f2").reshape(4, 10, 2)
    np.testing.assert_array_equal(sent, MEANS.half().numpy())
    assert list(replay.labels) == list(range(10))


def test_front_end_gets_the_losses_in_nats(replay):
    assert replay.losses["train"] == replay.losses["test"]
    elbo, reconstruction, kl = replay.losses["train"]
    assert reconstruction == [100.0, 90.0, 80.0]
    assert kl == [1.23, 2.23, 3.23]
    assert elbo == [101.23, 92.23, 83.23]


def test_a_run_without_test_images_has_empty_test_curves():
    replay = TrainingReplay(history(test=False), MEANS, torch.arange(10))
    assert replay.losses["test"] == [[], [], []]
    assert replay.still()[1]


def test_a_list_of_means_will_do():
    replay = TrainingReplay(history(), list(MEANS), torch.arange(10))
    assert replay.means == TrainingReplay(history(), MEANS, torch.arange(10)).means


def test_it_begins_at_the_last_epoch_and_python_moves_it(replay):
    seen = []
    replay.observe(lambda change: seen.append(change.new), "epoch")
    assert replay.epoch == 3
    replay.epoch = 0
    assert seen == [0]


@pytest.mark.parametrize("epoch", [-1, 4])
def test_an_epoch_that_was_not_is_refused(replay, epoch):
    with pytest.raises(ValueError, match=f"from 0 to 3, got {epoch}"):
        replay.epoch = epoch
    assert replay.epoch == 3


def test_extent_holds_the_means_of_all_epochs(replay):
    low, high = MEANS.flatten(0, 1).half().aminmax(dim=0)
    box = replay.extent
    assert box["left"] < low[0] < high[0] < box["right"]
    assert box["bottom"] < low[1] < high[1] < box["top"]


def test_still_draws_the_map_of_the_epoch_and_the_curves(replay):
    replay.epoch = 1
    fig, alt = replay.still()
    offsets = np.asarray(fig.axes[0].collections[0].get_offsets())
    np.testing.assert_array_equal(offsets, MEANS[1].half().float().numpy())
    assert [len(line.get_ydata()) for line in fig.axes[1].lines[:6]] == [3] * 6
    assert "after epoch 1 of 3" in alt


def test_page_state_of_a_thousand_images_and_twenty_epochs_is_small():
    terms = [Terms(-150.12345, 6.54321)] * 20
    run = vaelib.History(train=terms, test=terms)
    replay = TrainingReplay(run, torch.randn(21, 1000, 2), torch.arange(1000) % 10)
    assert len(json.dumps(replay.page_state())) < 150_000


@pytest.mark.parametrize(
    ("means", "message"),
    [
        (MEANS[:3], "3 of them and a history of 3 epochs"),
        (MEANS[..., :1], r"\(E, N, 2\), got \(4, 10, 1\)"),
        (MEANS[0], r"\(E, N, 2\), got \(10, 2\)"),
        (MEANS[:, :0], r"got \(4, 0, 2\)"),
        (MEANS * torch.inf, "finite"),
        (MEANS * 1e6, "65504"),
        ([MEANS[0], MEANS[1, :5]], "list of tensors"),
        ([], "list of tensors"),
        (3, "list of tensors"),
    ],
)
def test_means_that_do_not_fit_are_refused(means, message):
    with pytest.raises(ValueError, match=message):
        TrainingReplay(history(), means, torch.arange(10))


def test_a_history_of_no_epochs_is_refused():
    with pytest.raises(ValueError, match="1 or more epochs"):
        TrainingReplay(vaelib.History(), MEANS[:1], torch.arange(10))


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="10 integer labels"):
        TrainingReplay(history(), MEANS, torch.arange(9))


def test_it_replays_what_fit_collects():
    torch.manual_seed(0)
    model, images = vaelib.VAE(16, 8, 2), torch.rand(30, 16)
    means = [model.encode(images)[0].detach()]
    run = vaelib.fit(
        model,
        images,
        epochs=2,
        device="cpu",
        progress=False,
        after_epoch=lambda model, _: means.append(model.encode(images)[0].detach()),
    )
    replay = TrainingReplay(run, means, torch.zeros(30, dtype=torch.long))
    assert replay.epoch == 2
    assert "30 images" in replay.still()[1]
