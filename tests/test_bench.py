"""The benchmarks' file, and one short race between the two loops."""

import json
import math
import sys

import pytest
import torch

import vaelib
from tests.bench import (
    ablation,
    book,
    by_hand,
    defaults,
    epochs,
    families,
    plain,
    rate,
    report,
    runs,
    step,
    training,
)


def test_a_section_leaves_the_others_alone(tmp_path):
    path = tmp_path / "data" / "bench.json"
    report.record("training", {"seconds": 1.5}, path)
    report.record("frames", {"milliseconds": 4}, path)
    report.record("training", {"seconds": 2.5}, path)
    found = json.loads(path.read_text())
    assert sorted(found) == ["frames", "training"]
    assert found["training"]["results"] == {"seconds": 2.5}
    assert found["frames"]["machine"]["torch"] == torch.__version__
    assert found["frames"]["machine"]["cores"] >= 1
    assert [file.name for file in path.parent.iterdir()] == ["bench.json"]


def test_results_keep_their_order(tmp_path):
    path = tmp_path / "bench.json"
    report.record("epochs", {"plain loop": 3, "another": {"ten": 1, "late": 2}}, path)
    report.record("book", {}, path)
    found = json.loads(path.read_text())
    assert list(found) == ["epochs", "book"]
    assert list(found["epochs"]["results"]) == ["plain loop", "another"]
    assert list(found["epochs"]["results"]["another"]) == ["ten", "late"]


@pytest.mark.parametrize("content", ["[1, 2]", "{cut off"])
def test_a_damaged_file_is_named_and_left(tmp_path, content):
    path = tmp_path / "bench.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"bench\.json"):
        report.record("training", {}, path)
    assert path.read_text() == content


def test_a_number_that_json_does_not_know_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        report.record("training", {"seconds": float("nan")}, tmp_path / "bench.json")
    assert list(tmp_path.iterdir()) == []


def test_spread_is_the_median_between_the_extremes():
    assert report.spread([3.0, 1.0, 2.5]) == {"median": 2.5, "least": 1.0, "most": 3.0, "count": 3}


def small_race(monkeypatch):
    """A race between small networks on few images, without JAX, whose environment is large."""
    few = {name: vaelib.mnist(name).images[:500] for name in ("train", "test")}
    monkeypatch.setattr(training, "MNIST_IMAGES", few)
    monkeypatch.setattr(plain, "MNIST", lambda *_, **__: [(image, 0) for image in few["train"]])
    monkeypatch.setattr(training, "EPOCHS", 1)
    monkeypatch.setattr(training, "FIT_EPOCHS", 12)
    monkeypatch.setitem(runs.NETWORKS, "784-256-2", (784, 32, 2))
    peer = {"epochs": [9.0], "total": 9.0, "compiling": 2.0, "loss": 900.0}
    monkeypatch.setattr(training, "run_jax", lambda *_: peer)


@pytest.mark.slow
def test_a_race_has_every_contestant_in_each_round(monkeypatch):
    small_race(monkeypatch)
    found = training.measure("784-256-2", rounds=2)
    assert list(found) == list(training.contestants((784, 32, 2)))
    for name, run in found.items():
        assert run["times_sooner"]["count"] == run["seconds"]["count"] == 2
        assert run["epochs"] == (12 if name.startswith("fit") else 1)
    assert found["JAX"]["compiling"]["median"] == 2
    assert found[training.PUBLISHED]["times_sooner"]["most"] == 1
    assert training.table("784-256-2", found).count(" times (") == 4
    json.dumps(found)


@pytest.mark.parametrize(
    ("ours", "reached"), [((99.0, 102.5, 101.0), False), ((99.0, 100.5), True)]
)
def test_a_loss_within_the_noise_is_not_reached(monkeypatch, ours, reached):
    def losses(tasks):
        assert [(one.held_out, one.seed) for one in tasks] == [(False, n) for n in range(len(ours))]
        plain_loop = dict(tasks[0].settings).get("learning_rate") == 1e-3
        return [[nats] for nats in ((100.0, 101.0, 102.0)[: len(ours)] if plain_loop else ours)]

    monkeypatch.setattr(training, "SEEDS", len(ours))
    monkeypatch.setattr(training, "all_losses", losses)
    found = training.reached("784-400-20")
    assert found["below"] > 0
    assert found["reached"] is reached
    assert ("NOT reached" in training.verdict(found)) is not reached


def test_the_rate_is_of_both_precisions_without_the_rehearsal(monkeypatch):
    original = rate._product

    def one_second(factor):
        assert original(factor) > 0
        return 1.0

    monkeypatch.setattr(rate, "_product", one_second)
    found = rate.measure(rounds=2, sides=(8, 64))
    for precision in ("float32", "bfloat16"):
        assert found[precision]["count"] == 2
        assert found[precision]["side"] == 64
        assert found[precision]["least"] == found[precision]["median"] == 2 * 64**3


@pytest.mark.slow
def test_every_stage_trains_the_network(monkeypatch):
    images = vaelib.mnist("train").images[:1000]
    monkeypatch.setattr(plain, "MNIST", lambda *_, **__: [(image, 0) for image in images])
    for stage in range(len(ablation.STAGES)):
        torch.manual_seed(0)
        model = vaelib.VAE(784, 32, 2)
        before = vaelib.mean_terms(model, images).elbo
        assert ablation.epoch(model, images, stage, seed=0) > 0
        assert vaelib.mean_terms(model, images).elbo > before


@pytest.mark.slow
def test_the_stages_lead_to_fit(monkeypatch):
    images = vaelib.mnist("train").images[:100]
    monkeypatch.setattr(plain, "MNIST", lambda *_, **__: [(image, 0) for image in images])
    monkeypatch.setattr(ablation, "run_jax", lambda *_: {"epochs": [9.0, 2.0]})
    found = ablation.measure("784-256-2", images, rounds=2)
    assert [stage["trick"] for stage in found["stages"]] == list(ablation.STAGES)
    assert {stage["count"] for stage in found["stages"]} == {2}
    assert found["JAX"]["median"] == 2
    words = ablation.table("784-256-2", found)
    assert words.count("times the first") == len(ablation.STAGES) + 6
    json.dumps(found)


@pytest.mark.slow
def test_loops_have_one_loss_and_learn(monkeypatch):
    few = vaelib.mnist("train").images[:300]
    monkeypatch.setattr(plain, "MNIST", lambda *_, **__: [(image, 0) for image in few])
    torch.manual_seed(0)
    model = vaelib.VAE(784, 32, 2)
    for loss in (plain.plain_loss, plain.loss_from_logits):
        torch.manual_seed(1)
        expected = -vaelib.mean_terms(model, few, 50).elbo
        assert loss(model, few).item() / len(few) == pytest.approx(expected, rel=0.02)
    for loop in (plain.published_loop, plain.changed_loop):
        before = vaelib.mean_terms(model, few).elbo
        assert len(loop(model, 2, 0, torch.device("cpu"))) == 2
        assert vaelib.mean_terms(model, few).elbo > before


def test_a_step_has_eleven_products_between_two_fetches(monkeypatch):
    monkeypatch.setitem(runs.NETWORKS, step.NETWORK, (784, 8, 2))
    monkeypatch.setattr(step, "STEPS", 6)
    monkeypatch.setattr(step, "BATCH_SIZE", 4)
    found = step.measure()
    counts = {group: len(spans) for group, spans in found["spans"].items()}
    assert counts == {"matrix products": 11, "Adam": 2, "fetching the batch": 1}
    ends = [begin + width for spans in found["spans"].values() for begin, width in spans]
    assert 0 < max(ends) <= found["length"]
    assert "11 calls" in step.table(found)
    json.dumps(found)


def test_gradients_by_hand_are_those_of_autograd():
    torch.manual_seed(0)
    model = vaelib.VAE(12, 7, 3).double()
    x, eps = torch.rand(5, 12).double(), torch.randn(5, 3).double()
    mu, log_var = model.encode(x)
    z = mu + torch.exp(log_var / 2) * eps
    pixels = vaelib.bernoulli_log_likelihood(x, model.decode_logits(z))
    expected = (vaelib.gaussian_kl(mu, log_var) - pixels).mean()
    slopes = torch.autograd.grad(expected, list(model.parameters()))
    loss, found = by_hand.gradients([w.detach() for w in model.parameters()], x, eps)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(tuple(found), slopes)


def test_an_epoch_by_hand_trains_the_network():
    torch.manual_seed(0)
    model, images = vaelib.VAE(784, 32, 2), vaelib.mnist("train").images[:1000]
    before = vaelib.mean_terms(model, images).elbo
    assert by_hand.epoch(model, images, 100, seed=0) > 0
    assert vaelib.mean_terms(model, images).elbo > before + 5


@pytest.fixture
def bench_folder(monkeypatch, tmp_path):
    """Trainings of four images, in this process, kept in a folder of the test's own."""
    monkeypatch.setattr(runs, "FOLDER", tmp_path)
    images = vaelib.mnist("train").images[:4]
    monkeypatch.setattr(runs, "_images", lambda held_out: (images, images[: 2 + held_out]))
    monkeypatch.setitem(runs.NETWORKS, "784-400-20", (784, 8, 2))
    return tmp_path


def test_a_training_is_done_once(bench_folder, monkeypatch):
    one = runs.task("784-400-20", {"epochs": 3, "batch_size": 2}, 0, held_out=True, each_epoch=True)
    assert one == runs.task("784-400-20", dict(reversed(one.settings)), 0, True, True)
    first = runs.losses(one)
    assert len(first) == 3
    assert one.loss(2) == first[1]
    monkeypatch.setattr(runs, "train", None)
    assert runs.losses(one) == first
    assert one.loss() == first[-1]
    assert len(list(bench_folder.glob("*.json"))) == 1


def test_a_training_that_breaks_has_an_infinite_loss(bench_folder):
    one = runs.task("784-400-20", {"epochs": 2, "learning_rate": 1e30}, 0, held_out=False)
    assert runs.losses(one) == [math.inf]


def known_losses(arm, epochs, rate, held_out):
    """The plain loop falls by a nat an epoch from 120; others fall twice as fast at their best."""
    if arm["schedule"] == "constant":
        return [120 - n - 0.5 * (rate == 0.003) for n in range(1, epochs + 1)]
    return [120 - 2 * epochs + 1000 * abs(rate - 0.006)]


def test_an_arm_needs_as_many_epochs_as_its_best_rate(monkeypatch):
    def found(tasks):
        return [losses_of(one) for one in tasks]

    def losses_of(one):
        given = dict(one.settings)
        shift = 0.01 * one.seed
        losses = known_losses(given, given["epochs"], given["learning_rate"], one.held_out)
        return [loss + shift for loss in losses]

    monkeypatch.setattr(epochs, "all_losses", found)
    monkeypatch.setattr(runs, "losses", losses_of)
    chosen = ("plain loop", "best constant rate", "a rate that rises and falls")
    monkeypatch.setattr(epochs, "ARMS", {name: epochs.ARMS[name] for name in chosen})
    results = epochs.measure("784-400-20", seeds=3)
    needed = {
        arm: [one["epochs"] for one in targets.values()] for arm, targets in results["arms"].items()
    }
    assert needed["plain loop"] == [3, 10, 20]
    assert needed["best constant rate"] == [3, 10, 20]
    assert needed["a rate that rises and falls"] == [2, 5, 10]
    row = results["arms"]["a rate that rises and falls"]["early"]
    assert row["rate"] == 0.006
    assert row["below"] == pytest.approx(1)
    assert results["targets"]["late"]["loss"] == pytest.approx(100.01)
    assert "+1.00 +- 0.00)" in epochs.table("784-400-20", results)


def test_the_best_row_of_the_grid_stands_beside_what_fit_chose(monkeypatch):
    def found(tasks):
        return [[float(len(tasks) - number)] for number, _ in enumerate(tasks)]

    monkeypatch.setattr(defaults, "all_losses", found)
    row = defaults.measure("784-400-20", 2)
    assert row["best"] == {"batch_size": 256, "learning_rate": 0.03, "encoder_rate": 1.0}
    assert row["best_loss"] == 1
    assert row["loss"] == row["tried"] + 1 == len(defaults.grid("784-400-20", 2)) + 1
    assert row["chosen"]["batch_size"] == 128
    assert f"{row['tried']:+}.00 from the best" in defaults.line("784-400-20", 2, row)


def test_a_command_s_cost_is_its_time_and_its_memory():
    seconds, mebibytes = book.cost([sys.executable, "-c", "pass"])
    assert seconds > 0
    large = "import subprocess, sys; subprocess.run([sys.executable, '-c', '\"x\" * 2**28'])"
    assert book.cost([sys.executable, "-c", large])[1] > mebibytes + 200  # a kernel's, too


def test_a_command_that_fails_says_how():
    with pytest.raises(RuntimeError, match=r"ended with 3: (?s:.)*what went wrong"):
        book.cost([sys.executable, "-c", "print('what went wrong'); raise SystemExit(3)"])


@pytest.mark.slow
def test_families_are_timed_one_epoch_at_a_time(monkeypatch):
    chosen = {name: vaelib.recipes.FURTHER[name] for name in ("vae-16d", "flow-prior-2d")}
    monkeypatch.setattr(families, "FURTHER", chosen)
    found = families.measure(rounds=2, count=300)
    assert list(found) == list(chosen)
    assert all(one["count"] == 2 and one["least"] > 0 for one in found.values())
