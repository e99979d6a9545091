"""The benchmarks' file, and one short race between the two loops."""

import json

import pytest
import torch

import vaelib
from tests.bench import rate, report, training


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


def test_a_race_ends_at_the_plain_loop_s_loss(monkeypatch):
    small = {name: vaelib.mnist(name).images[:2000] for name in ("train", "test")}
    monkeypatch.setattr(training, "MNIST_IMAGES", small)
    monkeypatch.setattr(
        training, "MNIST", lambda *_, **__: [(image, 0) for image in small["train"]]
    )
    found = training.measure("784-256-2", rounds=2, epochs=1)
    for run in found["fit"].values():
        assert run["loss"]["most"] <= found["plain"]["loss"]["most"]
        assert run["share_of_products"] > 0
        assert run["times_sooner"]["count"] == 2
    assert "times sooner" in training.table("784-256-2", found)
    json.dumps(found)


def test_the_rate_is_of_both_precisions_without_the_rehearsal():
    found = rate.measure(rounds=2, sides=(8, 64))
    for precision in ("float32", "bfloat16"):
        assert found[precision]["count"] == 2
        assert found[precision]["side"] == 64
        assert 0 < found[precision]["least"] <= found[precision]["median"]
