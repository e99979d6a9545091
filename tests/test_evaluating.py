"""The chapter "Evaluating" prints what the ladder's results and the published rows hold."""

import json
import re

import pytest

import vaelib
from tests.pages import ROOT
from vaelib.checkpoints import FOLDER
from vaelib.lab import tables

PUBLISHED = json.loads((FOLDER / "published.json").read_text())


def entry(name, **score):
    """An entry of provenance.json as `vaelib.recipes.make` writes it."""
    result = {"negative_elbo": 91.234, "nll": 86.5, "nll_error": 0.0049, "draws": 5000}
    machine = {"processor": "Some CPU", "cores": 2, "threads": 1, "torch": "2.0"}
    return {
        "name": name,
        "machine": machine,
        "date": "2026-11-20",
        "seconds": 183.0,
        "result": result | {"nll_sampling_error": 0.237} | score,
    }


def test_a_rung_is_a_line_below_its_headings():
    head, line = tables.ladder_lines({"vae-3000-epochs": entry("vae-3000-epochs")})
    assert line.split() == [
        *("vae-3000-epochs", "91.23", "86.50", "0.005", "0.24", "5000"),
    ]
    assert len(head) == len(line)
    assert line[: head.index("NLL") + 3].endswith(" 86.50")


def test_a_rung_that_was_not_made_is_left_out():
    assert len(tables.ladder_lines({})) == 1
    made = {name: entry(name) for name in ("vae-4-epochs", "vae-3000-epochs")}
    assert len(tables.ladder_lines(made)) == 3


def test_published_rows_have_their_nll_below_the_ladder_s():
    head = tables.ladder_lines({})[0]
    rows = tables.published_lines(PUBLISHED, "dynamic")
    assert len(rows) == 13
    assert {len(row) for row in rows} == {len(head)}
    assert rows[0][: head.index("NLL") + 3].endswith(" 86.76")


def test_the_machine_is_named_once():
    ladder = {name: entry(name) for name in list(vaelib.recipes.LADDER)[:3]}
    ladder["vae-360-epochs"]["remark"] = "with pauses"
    assert tables.machine_lines(ladder) == [
        "2026-11-20: Some CPU, 1 of 2 cores, torch 2.0",
        "2026-11-20: Some CPU, 1 of 2 cores, torch 2.0,\n  with pauses",
    ]


def test_an_absent_rung_says_what_it_would_take():
    names = list(vaelib.recipes.LADDER)
    ladder = {name: entry(name) for name in names[:-2]}
    costs = dict.fromkeys(names, 7200.0)
    lines = tables.absent_lines(ladder, costs)
    assert [line.split() for line in lines] == [
        [name, "about", "2", "hours"] for name in names[-2:]
    ]
    assert tables.absent_lines({name: entry(name) for name in names}, costs) == []


def test_the_seeds_of_a_rung_are_one_line():
    ladder = {name: entry(name) for name in ("vae-4-epochs", "vae-3000-epochs")}
    repeats = {
        f"vae-4-epochs-seed-{seed}": entry("", negative_elbo=91.234 + seed) for seed in (1, 2)
    }
    (line,) = tables.seed_lines(ladder, repeats)
    assert line.split() == ["vae-4-epochs", "91.23", "92.23", "93.23,", "apart", "2.00"]
    assert tables.seed_lines(ladder, {}) == []


def test_a_rung_below_the_published_row_says_by_how_much():
    ladder = {
        "vae-3000-epochs": entry("vae-3000-epochs"),
        "iwae-5-2000-epochs": entry("iwae-5-2000-epochs", nll=85.0),
    }
    assert tables.goal_lines(ladder, PUBLISHED) == [
        "vae-3000-epochs: 0.26 nats below the published 86.76",
        "iwae-5-2000-epochs: 0.54 nats below the published 85.54",
    ]


@pytest.mark.parametrize(
    ("name", "nll"), [("vae-3000-epochs", 86.77), ("iwae-5-2000-epochs", 85.55)]
)
def test_a_rung_above_the_published_row_fails_the_page(name, nll):
    with pytest.raises(AssertionError, match=f"{name}: {nll} is above"):
        tables.goal_lines({name: entry(name, nll=nll)}, PUBLISHED)


def test_a_rung_that_is_absent_or_was_scored_with_fewer_draws_is_not_compared():
    ladder = {"vae-3000-epochs": entry("vae-3000-epochs", draws=100, nll=99.0)}
    said = tables.goal_lines(ladder, PUBLISHED)
    assert said == ["vae-3000-epochs: not scored with K = 5000 yet"]


def test_every_full_rung_has_a_published_row():
    full = [name for name, recipe in vaelib.recipes.LADDER.items() if recipe.shipped]
    assert list(tables.GOALS) == full
    goals = tables.goals_of(PUBLISHED)
    assert goals["dynamic", "VAE", 1, 1] == 86.76  # the paper's, not that of the reproduction
    assert {("dynamic", *row) for row in tables.GOALS.values()} <= goals.keys()


def test_every_published_row_names_a_source_in_the_bibliography():
    known = re.findall(r"@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text())
    assert {row["source"] for row in PUBLISHED} <= set(known)
    assert {row["estimator_draws"] for row in PUBLISHED} == {5000}
    assert {row["binarization"] for row in PUBLISHED} == {"static", "dynamic"}
