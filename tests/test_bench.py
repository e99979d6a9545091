"""The benchmarks' file, and one short race between the two loops."""

import json
import sys

import pytest
import torch

import vaelib
from tests.bench import ablation, book, families, plain, rate, report, training


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


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "reached"), [(1e-6, False), (0.01, True)])
def test_a_race_is_won_at_the_plain_loop_s_loss(monkeypatch, rate, reached):
    small = {name: vaelib.mnist(name).images[:500] for name in ("train", "test")}
    monkeypatch.setattr(training, "MNIST_IMAGES", small)
    monkeypatch.setattr(plain, "MNIST", lambda *_, **__: [(image, 0) for image in small["train"]])
    options = {"epochs": 12, "batch_size": 64, "learning_rate": rate, "mean_bias": reached}
    network = {"sizes": (784, 32, 2), "options": options}
    monkeypatch.setitem(training.NETWORKS, "784-256-2", network)
    found = training.measure("784-256-2", rounds=2, epochs=1)
    for run in found["fit"].values():
        assert run["reached"] is reached
        assert run["share_of_products"] > 0
        assert run["times_sooner"]["count"] == 2
    words = training.table("784-256-2", found).split("784")[-1]
    assert ("NOT reached" in words) is not reached
    json.dumps(found)


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
        assert ablation.epoch(model, images, 256, stage, seed=0) > 0
        assert vaelib.mean_terms(model, images).elbo > before


@pytest.mark.slow
def test_the_stages_are_those_of_fit(monkeypatch):
    images = vaelib.mnist("train").images[:100]
    monkeypatch.setattr(plain, "MNIST", lambda *_, **__: [(image, 0) for image in images])
    found = ablation.measure("784-256-2", images, rounds=2)
    assert [stage["trick"] for stage in found["stages"]] == list(ablation.STAGES)
    assert {stage["count"] for stage in found["stages"]} == {2}
    assert "times the first" in ablation.table("784-256-2", found)
    json.dumps(found)


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
