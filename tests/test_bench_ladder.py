"""What the benchmark of the ladder tries, and what its rules choose."""

import dataclasses

import pytest

import vaelib
from tests.bench import ladder, runs


@pytest.mark.parametrize(
    ("losses", "chosen"),
    [((90.0, 90.09, 91.0, 92.0), 0.005), ((90.0, 89.2, 88.95, 92.0), 0.007)],
)
def test_a_rung_s_rate_stays_where_no_other_is_clearly_better(monkeypatch, losses, chosen):
    rates, asked = (0.0035, 0.005, 0.007, 0.01), []
    monkeypatch.setitem(ladder.RATES, "vae-72-epochs", rates)
    monkeypatch.setattr(
        ladder, "all_losses", lambda tasks: asked.extend(tasks) or [[one] for one in losses]
    )
    recipe = ladder.find("vae-72-epochs")
    own = dataclasses.replace(
        recipe, settings=dataclasses.replace(recipe.settings, learning_rate=0.005)
    )
    monkeypatch.setattr(ladder, "find", lambda name: own)
    assert ladder.choice("vae-72-epochs")["chosen"] == chosen
    assert [dict(one.settings)["learning_rate"] for one in asked] == list(rates)
    assert all(one.held_out and dict(one.settings)["binarize"] == "dynamic" for one in asked)


@pytest.mark.slow
def test_a_recipe_is_tried_on_images_that_it_is_not_trained_on(monkeypatch, tmp_path):
    monkeypatch.setattr(runs, "FOLDER", tmp_path)
    images = vaelib.mnist("train").images[:600]
    monkeypatch.setattr(runs, "_images", lambda held_out: (images[:500], images[500:]))
    recipe = ladder.find("vae-4-epochs")
    settings = ladder.settings_of("vae-4-epochs", recipe.settings.learning_rate)
    (loss,) = runs.losses(runs.task("vae-4-epochs", settings, 0, held_out=True))
    model = recipe.model()
    vaelib.fit(model, images[:500], None, recipe.settings, progress=False, device="cpu")
    expected = vaelib.mean_terms(model, vaelib.binarize_once(images[500:])).elbo
    assert loss == pytest.approx(-expected, rel=1e-4)
