"""How weights are made: `python -m vaelib.recipes` makes the shipped ones again, or those named."""

import dataclasses
import datetime
import sys

import torch

from vaelib.checkpoints import FOLDER, load, save
from vaelib.data import binarize_once, mnist
from vaelib.devices import machine
from vaelib.evaluation import log_likelihood
from vaelib.files import cache_folder
from vaelib.models.base import LatentVariableModel
from vaelib.paths import expanded
from vaelib.plans import FURTHER, LADDER, RECIPES, Recipe, find
from vaelib.provenance import append_provenance, read_provenance
from vaelib.training import fit, mean_terms


def train(name: str, progress: bool = True, checkpoint=None):
    """Train a recipe's model from its seed, on a GPU if there is one; returns it and its history.

    Args:
        checkpoint: as for `fit`: a file to go on from, and to save the run to.

    Raises:
        ValueError: if there is no recipe of that name; the message lists those there are.
    """
    recipe = find(name)
    model = recipe.model()
    options = {"progress": progress, "checkpoint": checkpoint}
    return model, fit(model, mnist("train"), None, recipe.settings, **options)


def seconds_to_train(name: str, images: torch.Tensor, steps: int = 20) -> float:
    """What training will take on this machine, from the time of a few steps.

    Args:
        images: the training images.
        steps: how many are timed, after as many that are not.
    """
    recipe = find(name)
    settings = dataclasses.replace(recipe.settings, epochs=2)
    few = images[: steps * settings.batch_size]
    history = fit(recipe.model(), few, None, settings, progress=False)
    return history.seconds[-1] / len(few) * len(images) * recipe.settings.epochs


def score(model, recipe: Recipe, num_samples: int) -> dict:
    """Means over the test images in nats: -ELBO and its parts, and -log p(x) if there is one.

    A model that asks for labels is given those of the images, and log p(x) is log p(x|y).

    Args:
        num_samples: K, draws of z for each image behind -log p(x); 0 for none.
    """
    model, images, scored = _tested(model, recipe)
    terms = mean_terms(model, images)
    bound = {"negative_elbo": -terms.elbo, "rate": terms.kl, "distortion": -terms.reconstruction}
    if not (scored and num_samples):
        return bound
    found = log_likelihood(model, images, num_samples)
    return bound | {
        "nll": -found.mean,
        "nll_error": found.mean_error,
        "nll_sampling_error": found.sampling_error,
        "draws": num_samples,
    }


def _tested(model, recipe: Recipe) -> tuple[LatentVariableModel, torch.Tensor, bool]:
    """The model of the test images, these as the recipe has them, and whether they are scored."""
    data = mnist("test")
    images, labels = data.images, model.checked_labels(data.labels, len(data.images))
    if recipe.settings.binarize is not None:
        images = binarize_once(images)  # the same ones whatever the recipe's seed
    model = model if labels is None else model.given(labels)
    try:
        model.pixels.check_scored(images)
    except ValueError:
        return model, images, False
    return model, images, True


def cost_of_halving(model, stored, recipe: Recipe) -> float:
    """How much worse -ELBO is with the stored weights than with those of training, in nats."""
    whole, half = (_tested(each, recipe) for each in (model, stored))
    return mean_terms(*whole[:2]).elbo - mean_terms(*half[:2]).elbo


def results(path=None, recipes: dict[str, Recipe] | None = None) -> dict[str, dict]:
    """What was written down of each recipe: by name, in the recipes' order.

    Of a recipe that was made more than once it is the last entry, and an entry of one that has
    changed since does not count. A recipe that was not made is left out.

    Args:
        path: of the file; None is the one in the package.
        recipes: such as FURTHER; None is LADDER.

    Raises:
        ValueError: if the file is not there, or is no JSON list of entries as `make` writes them.
    """
    recipes = LADDER if recipes is None else recipes
    newest = {
        (entry["name"], entry["recipe"]): entry for entry in read_provenance(path, list(recipes))
    }
    made = {name: newest.get((name, repr(recipe))) for name, recipe in recipes.items()}
    return {name: entry for name, entry in made.items() if entry}


def make(name: str, folder=None, provenance=None) -> dict:
    """Train a recipe, going on where an earlier call was cut off; save weights and provenance.

    Raises:
        KeyboardInterrupt: if training is interrupted; what it has reached is kept in the cache.
    """
    recipe = find(name)
    run = cache_folder() / "runs" / f"{name}.run"
    run.parent.mkdir(parents=True, exist_ok=True)
    model, history = train(name, checkpoint=run)
    if history.stopped:
        raise KeyboardInterrupt(history.stopped)
    path = expanded(folder or _home(recipe)) / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save(model, path, half=recipe.half)
    stored = load(path)
    entry = {
        "name": name,
        "recipe": repr(recipe),
        "seed": recipe.settings.seed,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "seconds": sum(history.seconds),
        "result": score(stored, recipe, recipe.draws),
    }
    if recipe.half:
        entry["result"]["float16_costs"] = cost_of_halving(model, stored, recipe)
    append_provenance(entry, provenance)
    run.unlink()
    return entry


def _home(recipe: Recipe):
    """The folder of its weights."""
    return FOLDER if recipe.shipped else cache_folder() / "weights"


def main(names: list[str]) -> None:
    """Say what the named recipes, or all shipped ones, will cost; then make them."""
    names = names or list(RECIPES | FURTHER)
    try:
        images = mnist("train").images
        costs = {name: seconds_to_train(name, images) for name in names}
    except ValueError as error:
        sys.exit(str(error))
    for name, seconds in costs.items():
        print(f"{name}: {find(name)}: about {seconds / 60:.1f} minutes of training")
    print(
        f"about {sum(costs.values()) / 60:.0f} minutes in all; Ctrl-C stops, the next call goes on"
    )
    for name in names:
        try:
            entry = make(name)
        except KeyboardInterrupt as reason:
            sys.exit(f"{name}: {reason}; the weights in the package stay as they were")
        result = ", ".join(f"{key} {value:.4g}" for key, value in entry["result"].items())
        print(f"{name}: {entry['seconds'] / 60:.1f} minutes: {result}")


if __name__ == "__main__":
    main(sys.argv[1:])
