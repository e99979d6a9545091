"""What is trained for the package: the network and the settings of every model that it ships."""

import dataclasses

import torch

from vaelib.models.base import FAMILIES, LatentVariableModel
from vaelib.settings import Settings

DRAWS = 5000  # of z for each test image, as in the papers
USUAL = Settings(epochs=100, batch_size=256, learning_rate=0.01, mean_bias=False)
ALWAYS_SHOWN = ("hidden_dim", "latent_dim", "epochs", "batch_size", "learning_rate", "seed")


@dataclasses.dataclass(frozen=True, repr=False)
class Recipe:
    """A model and how it is trained on the 60,000 training images of MNIST.

    `architecture` is the name of a family, `arguments` are those of its constructor and `settings`
    those of `fit`; `half` stores the weights as float16. `draws` of z for each test image make the
    estimate of log p(x); with none of them there is no estimate. What is not `shipped` leaves its
    weights in the cache.
    """

    architecture: str = "VAE"
    arguments: dict = dataclasses.field(default_factory=dict)
    settings: Settings = USUAL
    half: bool = False
    draws: int = DRAWS
    shipped: bool = True

    def __repr__(self) -> str:
        """What the entries of provenance know it by: no field may be renamed."""
        own, usual = _fields(self), _fields(Recipe())
        shown = [
            f"{name}={value!r}"
            for name, value in own.items()
            if name in ALWAYS_SHOWN or name not in usual or value != usual[name]
        ]
        return f"Recipe({', '.join(shown)})"

    def model(self) -> LatentVariableModel:
        """The network with its initial weights, drawn from the seed."""
        torch.manual_seed(self.settings.seed)
        return FAMILIES[self.architecture](**self.arguments)


def _fields(recipe: Recipe) -> dict:
    """What a recipe's representation shows, in its order."""
    settings = dataclasses.asdict(recipe.settings)
    known = {"architecture": recipe.architecture} | recipe.arguments | settings
    first = ("architecture", *ALWAYS_SHOWN)
    found = {name: known.pop(name) for name in first if name in known}
    return found | known | {"half": recipe.half, "draws": recipe.draws}


def _plane(family: str) -> Recipe:
    """A network with a latent plane, as in "Building the VAE"."""
    settings = dataclasses.replace(USUAL, mean_bias=True)
    return Recipe(family, {"hidden_dim": 256, "latent_dim": 2}, settings)


RECIPES = {"autoencoder-2d": _plane("Autoencoder"), "vae-2d": _plane("VAE")}


def _rung(family: str = "VAE", shipped: bool = True, **changes) -> Recipe:
    """The published setting (`HierarchicalVAE` has its own sizes) with a schedule of our own."""
    usual = {
        "batch_size": 512,
        "learning_rate": 0.005,
        "binarize": "dynamic",
        "precision": "bfloat16",
        "mean_bias": True,
    }
    network = {"hidden_dim": (200, 200), "latent_dim": 50, "activation": "tanh"}
    settings = dataclasses.replace(USUAL, **usual | changes)
    arguments = network if family == "VAE" else {}
    return Recipe(family, arguments, settings, half=True, shipped=shipped)


LADDER = {
    "vae-4-epochs": _rung(epochs=4, learning_rate=0.02, shipped=False),
    "vae-72-epochs": _rung(epochs=72, learning_rate=0.007, shipped=False),
    "vae-360-epochs": _rung(epochs=360, learning_rate=0.007, shipped=False),
    "vae-3000-epochs": _rung(epochs=3000),
    "iwae-5-2000-epochs": _rung(epochs=2000, objective="iwae", num_samples=5),
    "dreg-5-2000-epochs": _rung(epochs=2000, objective="dreg", num_samples=5),
    "iwae-50-2000-epochs": _rung(epochs=2000, objective="iwae", num_samples=50),
    "vae-2-layers-2000-epochs": _rung("HierarchicalVAE", epochs=2000),
    "iwae-5-2-layers-2000-epochs": _rung(
        "HierarchicalVAE", epochs=2000, objective="iwae", num_samples=5
    ),
}
SEEDS = 0, 1, 2  # of the rungs of minutes


def reseeded(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with another seed, for its bound alone: its weights are not shipped."""
    settings = dataclasses.replace(recipe.settings, seed=seed)
    return dataclasses.replace(recipe, settings=settings, draws=0, shipped=False)


REPEATS = {
    f"{name}-seed-{seed}": reseeded(recipe, seed)
    for name, recipe in LADDER.items()
    if not recipe.shipped
    for seed in SEEDS[1:]
}


def _family(architecture: str, draws: int = 200, **arguments) -> Recipe:
    """A family of the last chapter: all see the same images as often.

    The learning rate is the best one of 0.002, 0.004 and 0.008, after five epochs, on the last
    10,000 training images; of a network of convolutions it is the better one of 0.002 and 0.005.
    """
    convolutions = architecture in ("ConvolutionalVAE", "VQVAE")
    rate = 0.005 if convolutions else 0.008
    settings = dataclasses.replace(
        USUAL, epochs=20, learning_rate=rate, binarize="dynamic", mean_bias=True
    )
    return Recipe(architecture, arguments, settings, half=True, draws=draws)


_SIZES = {"hidden_dim": 200, "latent_dim": 16}
_PLANE = {"hidden_dim": 200, "latent_dim": 2}
_GREY = dataclasses.replace(
    _family("VAE", hidden_dim=160, latent_dim=16, likelihood="discretized_logistic")
)
FURTHER = {
    "vae-16d": _family("VAE", **_SIZES),
    "convolutional-16d": _family("ConvolutionalVAE", channels=(32, 64), latent_dim=16),
    "conditional-16d": _family("ConditionalVAE", **_SIZES),
    "two-layers-16d": _family(
        "HierarchicalVAE",
        hidden_dim=200,
        upper_hidden_dim=100,
        latent_dims=(16, 8),
        activation="relu",
    ),
    "vamp-16d": _family("VampPriorVAE", **_SIZES),
    "flow-prior-16d": _family("LatentFlowVAE", **_SIZES, flow_dim=128, flow_steps=4000),
    "flow-posterior-16d": _family("FlowVAE", **_SIZES),
    "codes-7x7": _family("VQVAE", draws=0),
    "conditional-2d": _family("ConditionalVAE", **_PLANE),
    "flow-prior-2d": _family("LatentFlowVAE", **_PLANE, flow_steps=4000),
    "grey-16d": dataclasses.replace(
        _GREY, settings=dataclasses.replace(_GREY.settings, binarize=None)
    ),
}


def find(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ValueError: if there is none; the message lists those there are.
    """
    recipes = RECIPES | LADDER | REPEATS | FURTHER
    if name not in recipes:
        raise ValueError(f"wanted one of {list(recipes)}, got {name!r}")
    return recipes[name]
