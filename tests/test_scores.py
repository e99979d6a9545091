"""The weights in the package score what was written down of them when they were made."""

import json

import pytest

import vaelib
from vaelib import plans, recipes
from vaelib.lab import tables

ALL = plans.RECIPES | plans.FURTHER | plans.LADDER
MADE = {
    name: entry
    for name, entry in recipes.results(recipes=ALL).items()
    if name in vaelib.checkpoints.pretrained_names()
}
FEW = 600  # draws of z an image: the estimate is too high with fewer, never too low


def test_all_shipped_weights_were_written_down():
    assert list(MADE) == [name for name in ALL if name in vaelib.checkpoints.pretrained_names()]
    assert set(MADE) == set(vaelib.checkpoints.pretrained_names())


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_the_bound_is_the_one_that_was_written_down(name):
    written = MADE[name]["result"]
    found = recipes.score(vaelib.pretrained(name), ALL[name], 0)
    for part, nats in found.items():
        if part in written:
            assert nats == pytest.approx(written[part], abs=0.02)
    assert found["negative_elbo"] == pytest.approx(written["negative_elbo"], abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in tables.GOALS if name in MADE])
def test_a_full_rung_is_below_the_published_row_with_fewer_draws_too(name):
    published = json.loads((vaelib.checkpoints.FOLDER / "published.json").read_text())
    goals = tables.goals_of(published)
    found = recipes.score(vaelib.pretrained(name), ALL[name], FEW)
    written = MADE[name]["result"]["nll"]
    assert written - 0.01 < found["nll"] < goals["dynamic", *tables.GOALS[name]]
