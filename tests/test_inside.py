"""The chapter "Looking inside the model" prints whatever the benchmarks' file holds."""

import json

import pytest

from tests.bench import report
from vaelib.lab import tables


def flops(P, H, D):
    return 60_000 * (10 * P * H + 18 * H * D)


@pytest.fixture
def path(tmp_path):
    """A file as the two benchmarks write it."""
    path = tmp_path / "data" / "bench.json"
    report.record("rate", {"float32": {"side": 512, **report.spread([1e11])}}, path)
    report.record("ablation", {"784-256-2": times(), "784-400-20": times()}, path)
    return path


def times():
    return {
        "fit, float32": report.spread([2.25]),
        "its products alone, float32": report.spread([1.5]),
        "stages": [{"trick": "plain loop", **report.spread([4.0, 5.0, 4.5])}],
    }


def test_prediction_and_measurements_stand_side_by_side(path):
    lines = tables.epoch_lines(path, flops)
    assert lines[1] == "speed 100 GFLOP/s"
    assert lines[2].split() == ["seconds", "predicted", "products", "fit", "plain"]
    assert lines[3].split() == ["784-256-2", "1.21", "1.50", "2.25", "4.50"]
    assert lines[4].split()[:2] == ["784-400-20", "1.97"]
    assert {len(line) for line in lines[2:]} == {len(lines[2])}


def test_the_machine_is_named(path):
    lines = tables.epoch_lines(path, flops)
    machine = json.loads(path.read_text())["rate"]["machine"]
    assert machine["torch"] in lines[0]
    assert str(machine["cores"]) in lines[0]
    assert tables._named(machine | {"gpu": "Some GPU"}).startswith("Some GPU, torch")


@pytest.mark.parametrize("sections", [(), ("rate",), ("ablation",), ("frames",)])
def test_without_times_the_page_says_so_in_a_sentence(path, sections):
    bench = json.loads(path.read_text()) | {"frames": {}}
    path.write_text(json.dumps({name: bench[name] for name in sections}))
    said = tables.epoch_lines(path, flops)
    assert said == ["No epoch has been timed here yet: make bench does it."]


def test_without_a_file_it_says_the_same(tmp_path):
    (said,) = tables.epoch_lines(tmp_path / "bench.json", flops)
    assert said.startswith("No epoch has been timed")


def test_times_of_two_machines_are_not_compared(path):
    bench = json.loads(path.read_text())
    bench["rate"]["machine"]["processor"] = "another"
    path.write_text(json.dumps(bench))
    assert "two machines" in tables.epoch_lines(path, flops)[0]
