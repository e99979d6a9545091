"""How the shipped weights were made: `python -m vaelib.recipes` makes them again."""

import dataclasses
import sys

import torch

from vaelib.checkpoints import FOLDER, save
from vaelib.data import mnist
from vaelib.models import VAE, Autoencoder
from vaelib.training import fit


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A model's size and how it is trained on the 60,000 training images of MNIST."""

    hidden_dim: int = 256
    latent_dim: int = 2
    epochs: int = 100
    batch_size: int = 256
    learning_rate: float = 0.01
    seed: int = 0
    architecture: type[Autoencoder | VAE] = dataclasses.field(default=VAE, repr=False)


RECIPES = {"autoencoder-2d": Recipe(architecture=Autoencoder), "vae-2d": Recipe()}


def train(name: str, progress: bool = True):
    """Train a recipe's model from its seed; returns the model and its history."""
    recipe = RECIPES[name]
    torch.manual_seed(recipe.seed)
    model = recipe.architecture(784, recipe.hidden_dim, recipe.latent_dim)
    history = fit(
        model,
        mnist("train"),
        mnist("test"),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        seed=recipe.seed,
        device="cpu",
        progress=progress,
    )
    return model, history


def main(names: list[str]) -> None:
    """Train the named recipes, or all, and put their weights into the package."""
    for name in names or RECIPES:
        model, history = train(name)
        if history.stopped:
            sys.exit(f"{name}: training {history.stopped}, the shipped weights stay as they were")
        save(model, FOLDER / f"{name}.safetensors")
        print(f"{name}: {RECIPES[name]}: test loss {-history.test[-1].elbo:.2f} nats")


if __name__ == "__main__":
    main(sys.argv[1:])
