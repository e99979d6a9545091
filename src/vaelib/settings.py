"""What `vaelib.fit` is asked for, checked before it begins."""

import dataclasses
from math import inf, prod
from typing import NamedTuple

from torch import Tensor

from vaelib.checks import number, positive, random_seed
from vaelib.data import binarize_once, is_binary
from vaelib.devices import PRECISIONS
from vaelib.models.base import check_sizes, to_weights

CHOICES = {
    "binarize": (None, "dynamic"),
    "precision": PRECISIONS,
    "schedule": ("linear", "constant"),
}
OBJECTIVES = ("elbo", "iwae", "dreg")
SIZES = ("epochs", "batch_size", "num_samples")
LEFT_TO_FIT = ("batch_size", "learning_rate", "encoder_rate")  # where they are None
RATES = ("learning_rate", "encoder_rate")


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a model is trained: all arguments of `fit` that the weights depend on.

    Attributes:
        epochs: passes over the images.
        batch_size: images in a step. None, like that of the two rates, leaves it to `fit`, which
            chooses by the epochs and the network (`vaelib.optimizing.completed`) and puts what it
            chose into the history.
        learning_rate: Adam's step size, the highest of the schedule.
        beta: weight of the KL term; 1 is the evidence lower bound.
        objective: "elbo"; "iwae" for the importance-weighted bound; "dreg" for the same with a
            gradient that has less noise (Gaussian posteriors only); or a function of your own, of
            a model, a batch (B, ...), a `Settings` and a generator, that gives the loss of the step
            and the `Terms` of the history, (B,) each. The history has the terms of the ELBO in the
            first three cases.
        num_samples: K, draws of z for each image and step.
        binarize: None takes the pixels as they are; "dynamic" draws every batch anew in black and
            white (`binarize`), and the test images once (`binarize_once` with this seed).
        precision: "float32", or "bfloat16" for the matrix products of training: faster on a
            processor that has it, no faster on one that has not, and less exact. The test terms
            are always float32.
        mean_bias: begin with the decoder's output at the mean image (`VAE.set_output_bias`), if
            the likelihood has such a guess and that output is still as PyTorch drew it: a decoder
            that was trained is left as it is.
        schedule: "linear" raises the learning rate over the first quarter of the steps and lowers
            it to zero over the rest (`warm_up_and_decay`); "constant" leaves it where it is.
        betas: Adam's decay rates of the gradient's mean and of its square's.
        encoder_rate: the encoder's learning rate, as a multiple of the one of the other weights.
            Below 1, the others can take larger steps. None is 1 where learning_rate is given.
        seed: of the order of the images and the noise, not of the initial weights.

    Raises:
        ValueError: if one is out of range.
    """

    epochs: int = 10
    batch_size: int | None = None
    learning_rate: float | None = None
    beta: float = 1.0
    objective: object = "elbo"  # or a function
    num_samples: int = 1
    binarize: str | None = None
    precision: str = "float32"
    mean_bias: bool = True
    schedule: str = "linear"
    betas: tuple[float, float] = (0.9, 0.95)
    encoder_rate: float | None = None
    seed: int = 0

    def __post_init__(self):
        left = [name for name in LEFT_TO_FIT if getattr(self, name) is None]
        sizes, rates = ([name for name in names if name not in left] for names in (SIZES, RATES))
        numbers = {
            **check_sizes({name: getattr(self, name) for name in sizes}),
            **{name: positive(name, getattr(self, name)) for name in rates},
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
        if not callable(self.objective) and self.objective not in OBJECTIVES:
            raise ValueError(
                f"wanted objective as one of {OBJECTIVES}, or a function, got {self.objective!r}"
            )
        if self.objective in OBJECTIVES[1:] and self.beta != 1:
            name = self.objective
            raise ValueError(f'wanted beta of 1 with the objective "{name}", got {self.beta!r}')


def _pair(betas) -> tuple[float, float]:
    """Adam's two decay rates, from a list as well, as a JSON file has it."""
    try:
        first, second = betas
        fits = {"wanted": "in [0, 1)", "fits": lambda x: 0 <= x < 1}
        return number("betas", first, **fits), number("betas", second, **fits)
    except (TypeError, ValueError):
        raise ValueError(f"wanted betas as two numbers in [0, 1), got {betas!r}") from None


def changed(settings: Settings | None, changes: dict) -> Settings:
    """Settings with some of them changed; None stands for the usual ones.

    Raises:
        TypeError: if there is no setting of such a name.
        ValueError: if they are no `Settings`, or one is out of range.
    """
    if not isinstance(settings, Settings | None):
        raise ValueError(f"wanted settings as a vaelib.Settings, got {settings!r:.60}")
    known = [field.name for field in dataclasses.fields(Settings)]
    unknown = [name for name in changes if name not in known]
    if unknown:
        raise TypeError(f"fit has no argument {unknown[0]!r}: its settings are {', '.join(known)}")
    return dataclasses.replace(settings or Settings(), **changes)


class TrainingData(NamedTuple):
    """Checked images, whether all pixels are 0 or 1, and labels if the model asks for them."""

    images: Tensor
    binary: bool
    labels: Tensor | None

    def to(self, device) -> "TrainingData":
        """The same on another device."""
        labels = None if self.labels is None else self.labels.to(device)
        return self._replace(images=self.images.to(device), labels=labels)

    def model(self, model, which=slice(None)):
        """The model, with the labels of these images if it asks for them."""
        return model if self.labels is None else model.with_labels(self.labels[which])


def training_data(
    model, train, test, settings: Settings
) -> tuple[TrainingData, TrainingData | None]:
    """Both sets, under one convention about grey pixels.

    Images are in the precision of the model's weights, and the model remembers their shape.

    Raises:
        ValueError: if they are no images for the model's likelihood, do not fit the model or each
            other, lack the labels that the model asks for, or one set is grey and the other is
            not.
    """
    found = _checked(model, train)
    if settings.binarize == "dynamic" and found.binary:
        raise ValueError(
            'binarize="dynamic" wanted grey images, got images that are 0 or 1 already'
        )
    if test is None:
        return found, None
    tested = _checked(model, test)
    _check_alike(found, tested)
    if settings.binarize == "dynamic":
        tested = tested._replace(images=binarize_once(tested.images, settings.seed))
    return found, tested


def _check_alike(found: TrainingData, tested: TrainingData) -> None:
    shapes = [tuple(data.images.shape[1:]) for data in (found, tested)]
    if prod(shapes[0]) != prod(shapes[1]):
        raise ValueError(
            f"wanted training and test images of one size, got {shapes[0]} and {shapes[1]}"
        )
    if found.binary != tested.binary:
        kinds = ["black and white" if data.binary else "grey" for data in (found, tested)]
        raise ValueError(
            f"wanted training and test images of one kind, got {kinds[0]} and {kinds[1]} ones: "
            "their losses could not be compared"
        )


def _checked(model, dataset) -> TrainingData:
    images = dataset if isinstance(dataset, Tensor) else getattr(dataset, "images", None)
    if images is None:
        raise ValueError(
            f"wanted an ImageDataset or a tensor of images, got {type(dataset).__name__}: "
            "vaelib.image_dataset reads a data set of any kind"
        )
    model.pixels.check(images)
    if getattr(model, "remember_shape", None):  # a network of the reader's own may have none
        model.remember_shape(images)
    labels = model.checked_labels(getattr(dataset, "labels", None), len(images))
    return TrainingData(to_weights(model, images.detach()), is_binary(images), labels)
