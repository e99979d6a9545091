"""What `vaelib.fit` is asked for, checked before it begins."""

import dataclasses
import math

from torch import Tensor

from vaelib.data import binarize_once, check_images, is_binary
from vaelib.devices import PRECISIONS
from vaelib.models import check_sizes

CHOICES = {
    "objective": ("elbo", "iwae"),
    "binarize": (None, "dynamic"),
    "precision": PRECISIONS,
    "schedule": ("linear", "constant"),
}


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
        check_sizes({name: getattr(self, name) for name in ("epochs", "batch_size", "num_samples")})
        for name in ("learning_rate", "encoder_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"wanted {name} above 0 and finite, got {getattr(self, name)!r}")
        if not 0 <= self.beta < math.inf:
            raise ValueError(f"wanted beta of 0 or more and finite, got {self.beta!r}")
        pair = isinstance(self.betas, tuple) and len(self.betas) == 2
        if not pair or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"wanted betas as two numbers in [0, 1), got {self.betas!r}")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"wanted {name} as one of {known}, got {getattr(self, name)!r}")
        if self.objective == "iwae" and self.beta != 1:
            raise ValueError(f'wanted beta of 1 with the objective "iwae", got {self.beta!r}')


def training_data(train, test, settings: Settings) -> tuple[Tensor, Tensor | None]:
    """The images of both sets, under one convention about grey pixels.

    Raises:
        ValueError: if they are no images in [0, 1], or one set is grey and the other is not.
    """
    images, test_images = _images(train), None if test is None else _images(test)
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


def _images(dataset) -> Tensor:
    images = dataset if isinstance(dataset, Tensor) else getattr(dataset, "images", None)
    if images is None:
        raise ValueError(
            f"wanted an ImageDataset or a tensor of images, got {type(dataset).__name__}: "
            "vaelib.image_dataset reads a torchvision data set"
        )
    check_images(images)
    return images
