"""How weights are made: `python -m vaelib.recipes` makes the shipped ones again, or those named."""

import dataclasses
import datetime
import json
import sys
from pathlib import Path

import torch

from vaelib.checkpoints import FOLDER, load, save
from vaelib.data import binarize_once, mnist
from vaelib.devices import machine
from vaelib.evaluation import log_likelihood
from vaelib.files import cache_folder, write_atomically
from vaelib.models.base import FAMILIES, LatentVariableModel
from vaelib.paths import expanded
from vaelib.settings import Settings
from vaelib.training import fit, mean_terms

PROVENANCE = FOLDER / "provenance.json"
DRAWS = 5000  # of z for each test image, as in the papers
USUAL = Settings(epochs=100, batch_size=256, learning_rate=0.01, mean_bias=False)
_KEYS = {"name", "recipe", "seed", "date", "machine", "seconds", "result"}  # of an entry
ALWAYS_SHOWN = ("hidden_dim", "latent_dim", "epochs", "batch_size", "learning_rate", "seed")


@dataclasses.dataclass(frozen=True, repr=False)
class Recipe:
    """A model's size and how it is trained on the 60,000 training images of MNIST.

    `settings` are those of `fit`; `half` stores the weights as float16.
    """

    hidden_dim: int | tuple[int, ...] = 256
    latent_dim: int = 2
    activation: str = "relu"
    architecture: str = "VAE"
    settings: Settings = USUAL
    half: bool = False

    def __repr__(self) -> str:
        """What the entries of provenance know it by: no field may be renamed."""
        usual, own = _fields(Recipe()), _fields(self)
        shown = [
            f"{name}={value!r}"
            for name, value in own.items()
            if name in ALWAYS_SHOWN or value != usual[name]
        ]
        return f"Recipe({', '.join(shown)})"

    def model(self) -> LatentVariableModel:
        """The network with its initial weights, drawn from the seed."""
        torch.manual_seed(self.settings.seed)
        family = FAMILIES[self.architecture]
        return family(784, self.hidden_dim, self.latent_dim, activation=self.activation)


def _fields(recipe: Recipe) -> dict:
    """What a recipe's representation shows, in its order."""
    settings = dataclasses.asdict(recipe.settings)
    first = {"hidden_dim": recipe.hidden_dim, "latent_dim": recipe.latent_dim}
    first |= {name: settings.pop(name) for name in ALWAYS_SHOWN if name in settings}
    return first | {"activation": recipe.activation} | settings | {"half": recipe.half}


RECIPES = {"autoencoder-2d": Recipe(architecture="Autoencoder"), "vae-2d": Recipe()}


def _rung(**changes) -> Recipe:
    """One network, the published one, and ever more of the reader's time on two cores."""
    usual = {
        "batch_size": 512,
        "learning_rate": 0.007,
        "binarize": "dynamic",
        "precision": "bfloat16",
        "mean_bias": True,
    }
    settings = dataclasses.replace(USUAL, **usual | changes)
    return Recipe((200, 200), 50, "tanh", settings=settings, half=True)


LADDER = {
    "vae-3-seconds": _rung(epochs=4),
    "vae-60-seconds": _rung(epochs=72),
    "vae-5-minutes": _rung(epochs=360),
    "vae-full": _rung(epochs=3000, learning_rate=0.005),
    "iwae-5-full": _rung(epochs=2000, learning_rate=0.005, objective="iwae", num_samples=5),
}


def train(name: str, progress: bool = True, checkpoint=None):
    """Train a recipe's model from its seed on the CPU; returns the model and its history.

    Args:
        checkpoint: as for `fit`: a file to go on from, and to save the run to.

    Raises:
        ValueError: if there is no recipe of that name; the message lists those there are.
    """
    recipe = find(name)
    model = recipe.model()
    options = {"progress": progress, "checkpoint": checkpoint}
    return model, fit(model, mnist("train"), None, recipe.settings, device="cpu", **options)


def find(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ValueError: if there is none; the message lists those there are.
    """
    recipes = RECIPES | LADDER
    if name not in recipes:
        raise ValueError(f"wanted one of {list(recipes)}, got {name!r}")
    return recipes[name]


def seconds_to_train(name: str, images: torch.Tensor, steps: int = 20) -> float:
    """What training will take on this machine, from the time of a few steps.

    Args:
        images: the training images.
        steps: how many are timed, after as many that are not.
    """
    recipe = find(name)
    settings = dataclasses.replace(recipe.settings, epochs=2)
    few = images[: steps * settings.batch_size]
    history = fit(recipe.model(), few, None, settings, progress=False, device="cpu")
    return history.seconds[-1] / len(few) * len(images) * recipe.settings.epochs


def score(model, recipe: Recipe, num_samples: int) -> dict:
    """Means over the test images in nats: -ELBO, and -log p(x) where pixels are binary.

    Args:
        num_samples: K, draws of z for each image behind -log p(x).
    """
    images, scored = _test_images(model, recipe)
    if not scored:
        return {"negative_elbo": -mean_terms(model, images).elbo}
    found = log_likelihood(model, images, num_samples, device="cpu")
    return {
        "negative_elbo": -mean_terms(model, images).elbo,
        "nll": -found.mean,
        "nll_error": found.mean_error,
        "nll_sampling_error": found.sampling_error,
        "draws": num_samples,
    }


def _test_images(model, recipe: Recipe) -> tuple[torch.Tensor, bool]:
    """The test images as the recipe has them, and whether log p(x) is one of such images."""
    images = mnist("test").images
    if recipe.settings.binarize is not None:
        images = binarize_once(images, recipe.settings.seed)
    try:
        model.pixels.check_scored(images)
    except ValueError:
        return images, False
    return images, True


def cost_of_halving(model, stored, recipe: Recipe) -> float:
    """How much worse -ELBO is with the stored weights than with those of training, in nats."""
    images, _ = _test_images(model, recipe)
    return mean_terms(model, images).elbo - mean_terms(stored, images).elbo


def append_provenance(entry: dict, path=None) -> None:
    """Add to the list in the file what was made, how, where and how well.

    Raises:
        ValueError: if the file is there and is no JSON list; it is left as it is.
    """
    path = expanded(path or PROVENANCE)
    entries = _entries(path) if path.exists() else []
    text = json.dumps([*entries, entry], indent=2, allow_nan=False) + "\n"
    write_atomically(path, text.encode())


def results(path=None) -> dict[str, dict]:
    """What was written down of each rung of the ladder: by name, in the ladder's order.

    Of a rung that was made more than once it is the last entry, and an entry of a recipe that has
    changed since does not count. A rung that was not made is left out.

    Raises:
        ValueError: if the file is not there, or is no JSON list of entries as `make` writes them.
    """
    path = expanded(path or PROVENANCE)
    if not path.exists():
        raise ValueError(
            f"wanted {path.name}, which `python -m vaelib.recipes` followed by the names of rungs "
            f"writes ({', '.join(LADDER)}); there is none"
        )
    newest = {}
    for entry in _entries(path):
        missing = _KEYS - entry.keys() if isinstance(entry, dict) else _KEYS
        if missing:
            raise ValueError(f"{path.name} is damaged: an entry lacks {', '.join(sorted(missing))}")
        newest[entry["name"], entry["recipe"]] = entry
    made = {name: newest.get((name, repr(recipe))) for name, recipe in LADDER.items()}
    return {name: entry for name, entry in made.items() if entry}


def _entries(path: Path) -> list:
    try:
        entries = json.loads(path.read_text())
    except ValueError as error:  # no JSON, or no text
        raise ValueError(f"{path.name} is damaged ({error}): restore or delete it") from error
    if not isinstance(entries, list):
        raise ValueError(f"wanted a JSON list in {path.name}, got a {type(entries).__name__}")
    return entries


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
    path = expanded(folder or FOLDER) / f"{name}.safetensors"
    save(model, path, half=recipe.half)
    stored = load(path)
    entry = {
        "name": name,
        "recipe": repr(recipe),
        "seed": recipe.settings.seed,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "seconds": sum(history.seconds),
        "result": score(stored, recipe, DRAWS),
    }
    if recipe.half:
        entry["result"]["float16_costs"] = cost_of_halving(model, stored, recipe)
    append_provenance(entry, provenance)
    run.unlink()
    return entry


def main(names: list[str]) -> None:
    """Say what the named recipes, or all shipped ones, will cost; then make them."""
    names = names or list(RECIPES)
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
