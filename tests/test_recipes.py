"""The recipes: what they ask of fit, what they leave behind, and what a cut-off run keeps."""

import dataclasses
import json

import pytest
import torch

import vaelib
from vaelib import plans, recipes, resuming


def with_settings(recipe, **changes):
    return dataclasses.replace(recipe, settings=dataclasses.replace(recipe.settings, **changes))


TINY = with_settings(
    dataclasses.replace(
        recipes.LADDER["vae-4-epochs"],
        arguments={"hidden_dim": (8, 6), "latent_dim": 3, "activation": "tanh"},
        draws=10,
    ),
    epochs=3,
    batch_size=100,
)


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A recipe of a second, on a hundredth of the images, with a folder of its own."""
    small = {name: vaelib.mnist(name) for name in ("train", "test")}
    small = {n: vaelib.ImageDataset(d.images[:500], d.labels[:500]) for n, d in small.items()}
    monkeypatch.setattr(recipes, "mnist", small.get)
    monkeypatch.setitem(recipes.LADDER, "tiny", TINY)
    monkeypatch.setenv("VAELIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(resuming, "SAVE_EVERY", 0)
    return tmp_path


def make(folder):
    return recipes.make("tiny", folder, folder / "provenance.json")


def weights(folder):
    model = vaelib.load(folder / "tiny.safetensors")
    return torch.cat([parameter.flatten() for parameter in model.parameters()])


def test_a_recipe_says_what_is_special_about_it():
    assert repr(recipes.RECIPES["vae-2d"]) == (
        "Recipe(hidden_dim=256, latent_dim=2, epochs=100, batch_size=256, learning_rate=0.01, "
        "seed=0, mean_bias=True)"
    )
    assert "objective='iwae', num_samples=5" in repr(recipes.LADDER["iwae-5-2000-epochs"])


def test_the_ladder_is_in_the_published_setting():
    for name, recipe in recipes.LADDER.items():
        model = recipe.model()
        assert model.arguments["hidden_dim"] == (200, 200)
        assert model.arguments["activation"] == "tanh"
        layers = (100, 50) if "2-layers" in name else (50,)
        assert model.latent_dim == sum(layers)
        assert getattr(model, "latent_dims", layers) == layers
        assert recipe.settings.binarize == "dynamic"


@pytest.mark.parametrize("name", recipes.LADDER)
def test_a_rung_s_name_says_what_is_trained(name):
    settings = recipes.LADDER[name].settings
    assert name.endswith(f"-{settings.epochs}-epochs")
    objective, draws = name.split("-")[0], settings.num_samples
    assert objective == {"elbo": "vae"}.get(settings.objective, settings.objective)
    assert draws == 1 or name.startswith(f"{objective}-{draws}-")


def test_rungs_of_minutes_are_repeated_with_other_seeds_whose_weights_are_not_shipped():
    quick = [name for name, recipe in recipes.LADDER.items() if recipe.settings.epochs <= 360]
    assert list(plans.REPEATS) == [f"{name}-seed-{seed}" for name in quick for seed in (1, 2)]
    for name, recipe in plans.REPEATS.items():
        rung, seed = name.split("-seed-")
        assert recipe == plans.reseeded(recipes.LADDER[rung], int(seed))
        assert recipe.settings.seed == int(seed)
        assert not recipe.shipped
        assert plans.find(name) is recipe


def test_every_seed_is_scored_on_the_same_images(tiny):
    _, first, _ = recipes._tested(TINY.model(), TINY)
    other = plans.reseeded(TINY, 1)
    _, second, _ = recipes._tested(other.model(), other)
    assert torch.equal(first, second)
    assert not torch.equal(TINY.model().decoder[0].weight, other.model().decoder[0].weight)


def test_weights_that_are_not_shipped_stay_in_the_cache(tiny, monkeypatch):
    recipes.make("tiny", provenance=tiny / "provenance.json")
    assert (tiny / "cache" / "weights" / "tiny.safetensors").exists()
    assert not (recipes.FOLDER / "tiny.safetensors").exists()


def test_making_leaves_weights_and_their_provenance(tiny):
    entry = make(tiny)
    model = vaelib.load(tiny / "tiny.safetensors")
    assert model.hidden_dim == (8, 6)
    kept = json.loads((tiny / "provenance.json").read_text())
    assert kept == [entry]
    assert kept[0]["recipe"] == repr(TINY)
    assert kept[0]["machine"]["torch"] == torch.__version__
    assert kept[0]["seconds"] > 0
    assert kept[0]["result"]["nll"] < kept[0]["result"]["negative_elbo"] + 1
    assert 0 < abs(kept[0]["result"]["float16_costs"]) < 0.1
    assert list((tiny / "cache" / "runs").iterdir()) == []
    make(tiny)
    assert len(json.loads((tiny / "provenance.json").read_text())) == 2


def test_a_run_that_was_cut_off_goes_on(tiny, monkeypatch):
    make(tiny)
    before = (tiny / "tiny.safetensors").read_bytes()
    whole = weights(tiny)
    original, calls = vaelib.training.training_terms, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(vaelib.training, "training_terms", interrupted)
        with pytest.warns(UserWarning, match="interrupted"), pytest.raises(KeyboardInterrupt):
            make(tiny)
    assert (tiny / "tiny.safetensors").read_bytes() == before
    make(tiny)
    assert torch.equal(weights(tiny), whole)


def test_the_cost_is_known_before(tiny, monkeypatch, capsys):
    made = []
    monkeypatch.setattr(
        recipes, "make", lambda name: made.append(name) or {"seconds": 60, "result": {"nll": 88.0}}
    )
    recipes.main(["tiny"])
    printed = capsys.readouterr().out.splitlines()
    assert "minutes of training" in printed[0]
    assert "in all; Ctrl-C stops" in printed[1]
    assert printed[2] == "tiny: 1.0 minutes: nll 88"
    assert made == ["tiny"]


def test_the_estimate_is_an_epoch_s_time_scaled_to_all_images_and_epochs(tiny, monkeypatch):
    images, given = recipes.mnist("train").images, []

    def fit(model, few, test, settings, **options):
        given.append((type(model), len(few), settings.epochs, settings.batch_size))
        return vaelib.History(seconds=[7.0, 0.5])  # the first epoch is slower: it is not counted

    monkeypatch.setattr(recipes, "fit", fit)
    monkeypatch.setitem(recipes.LADDER, "long", with_settings(TINY, epochs=3000))
    few, many = (recipes.seconds_to_train(name, images, steps=2) for name in ("tiny", "long"))
    assert given == [(vaelib.VAE, 200, 2, 100)] * 2
    assert few == 0.5 * 500 / 200 * 3
    assert many == 1000 * few


def test_an_unknown_recipe_names_those_there_are():
    with pytest.raises(ValueError, match=r"wanted one of \['autoencoder-2d', .*got 'vae-9d'"):
        recipes.train("vae-9d")
    with pytest.raises(SystemExit, match="got 'vae-9d'"):
        recipes.main(["vae-9d"])


def entry(rung, **changes):
    """An entry as `make` writes it."""
    recipe = repr(recipes.LADDER[rung])
    made = {"name": rung, "recipe": recipe, "seed": 0, "date": "2026-11-20", "machine": {}}
    return made | {"seconds": 3.0, "result": {"nll": 100.0}} | changes


def results_of(folder, *entries):
    path = folder / "provenance.json"
    path.write_text(json.dumps(entries))
    return recipes.results(path)


def test_results_are_the_newest_of_each_rung_in_the_ladder_s_order(tmp_path):
    found = results_of(
        tmp_path,
        entry("vae-3000-epochs", seconds=1.0),
        entry("vae-4-epochs"),
        entry("vae-3000-epochs", seconds=2.0),
        entry("vae-4-epochs", name="vae-2d"),
    )
    assert list(found) == ["vae-4-epochs", "vae-3000-epochs"]
    assert found["vae-3000-epochs"]["seconds"] == 2.0


def test_results_of_a_recipe_that_has_changed_do_not_count(tmp_path):
    old = with_settings(recipes.LADDER["vae-3000-epochs"], epochs=7)
    assert results_of(tmp_path, entry("vae-3000-epochs", recipe=repr(old))) == {}


def test_results_read_what_make_wrote(tiny):
    written = make(tiny)
    assert recipes.results(tiny / "provenance.json") == {"tiny": written}


def test_no_results_are_an_error_that_says_how_to_make_them(tmp_path):
    with pytest.raises(
        ValueError, match=r"wanted provenance\.json, .* vae-3000-epochs, .* there is none"
    ):
        recipes.results(tmp_path / "provenance.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "wanted a JSON list in provenance.json, got a dict"),
        (b"[1,", "provenance.json is damaged"),
        (b"\xff\xfe\xff", "provenance.json is damaged"),
        (b"[1]", "provenance.json is damaged: an entry lacks date, machine"),
        (
            b'[{"name": "vae-3000-epochs"}]',
            "provenance.json is damaged: an entry lacks date, machine",
        ),
    ],
)
def test_damaged_results_are_named(tmp_path, content, message):
    path = tmp_path / "provenance.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        recipes.results(path)


@pytest.mark.parametrize("content", ["{}", "[1,"])
def test_a_damaged_provenance_is_named_and_left(tmp_path, content):
    path = tmp_path / "provenance.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"provenance\.json"):
        recipes.append_provenance({}, path)
    assert path.read_text() == content
