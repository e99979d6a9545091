"""What `vaelib.fit` is asked for, checked before it begins."""

import dataclasses
from math import inf, prod

from torch import Tensor

from vaelib.checks import number, positive, random_seed
from vaelib.data import binarize_once, check_images, is_binary
from vaelib.devices import PRECISIONS
from vaelib.models import check_sizes, to_weights

CHOICES = {
    "objective": ("elbo", "iwae"),
    "binarize": (None, "dynamic"),
    "precision": PRECISIONS,
    "schedule": ("linear", "constant"),
}
SIZES = ("epochs", "batch_size", "num_samples")
RATES = ("learning_rate", "encoder_rate")


@dataclasses.dataclass(frozen=True)
class Settings:
    """The arguments of `fit` that the weights depend on; see there.

    Raises:
        ValueError: if one is out of range.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    beta: float
    objective: str
    num_samples: int
    binarize: str | None
    precision: str
    mean_bias: bool
    schedule: str
    betas: tuple[float, float]
    encoder_rate: float
    seed: int

    def __post_init__(self):
        numbers = {
            **check_sizes({name: getattr(self, name) for name in SIZES}),
            **{name: positive(name, getattr(self, name)) for name in RATES},
            "beta": number("beta", self.beta, "of 0 or more and finite", lambda x: 0 <= x < inf),
            "betas": _pair(self.betas),
            "seed": random_seed(self.seed),
            "mean_bias": bool(self.mean_bias),
        }
        for name, value in numbers.items():
            object.__setattr__(self, name, value)  # as Python's own number, whatever it was
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"wanted {name} as one of {known}, got {getattr(self, name)!r}")
        if self.objective == "iwae" and self.beta != 1:
            raise ValueError(f'wanted beta of 1 with the objective "iwae", got {self.beta!r}')


def _pair(betas) -> tuple[float, float]:
    """Adam's two decay rates, from a list as well, as a JSON file has it."""
    try:
        first, second = betas
        fits = {"wanted": "in [0, 1)", "fits": lambda x: 0 <= x < 1}
        return number("betas", first, **fits), number("betas", second, **fits)
    except (TypeError, ValueError):
        raise ValueError(f"wanted betas as two numbers in [0, 1), got {betas!r}") from None


def training_data(model, train, test, settings: Settings) -> tuple[Tensor, Tensor | None]:
    """The images of both sets, under one convention about grey pixels.

    They are in the precision of the model's weights, and the model remembers their shape.

    Raises:
        ValueError: if they are no images in [0, 1], do not fit the model or each other, or one set
            is grey and the other is not.
    """
    images, test_images = _images(model, train), None if test is None else _images(model, test)
    if test_images is not None and prod(images.shape[1:]) != prod(test_images.shape[1:]):
        raise ValueError(
            "wanted training and test images of one size, got "
            f"{tuple(images.shape[1:])} and {tuple(test_images.shape[1:])}"
        )
    if settings.binarize == "dynamic" and is_binary(images):
        raise ValueError(
            'binarize="dynamic" wanted grey images, got images that are 0 or 1 already'
        )
    if test_images is None:
        return images, None
    if is_binary(images) != is_binary(test_images):
        kinds = ["black and white" if is_binary(x) else "grey" for x in (images, test_images)]
        raise ValueError(
            f"wanted training and test images of one kind, got {kinds[0]} and {kinds[1]} ones: "
            "their losses could not be compared"
        )
    if settings.binarize == "dynamic":
        test_images = binarize_once(test_images, settings.seed)
    return images, test_images


def _images(model, dataset) -> Tensor:
    images = dataset if isinstance(dataset, Tensor) else getattr(dataset, "images", None)
    if images is None:
        raise ValueError(
            f"wanted an ImageDataset or a tensor of images, got {type(dataset).__name__}: "
            "vaelib.image_dataset reads a data set of any kind"
        )
    check_images(images, unit_interval=getattr(model, "unit_interval", True))
    if getattr(model, "remember_shape", None):  # a network of the reader's own may have none
        model.remember_shape(images)
    return to_weights(model, images.detach())
