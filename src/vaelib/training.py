"""The training loop: Adam on minus the evidence lower bound, with warm-up and linear decay."""

import dataclasses
import math
import os
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from tqdm.auto import tqdm

from vaelib.data import ImageDataset, check_images
from vaelib.objectives import Terms, check_arguments, training_terms


@dataclasses.dataclass
class History:
    """What happened in training, an entry an epoch; the terms are means in nats per image.

    Attributes:
        train: terms on the training images, averaged over the epoch as the weights changed.
        test: terms on the test images with the weights at the end of the epoch, if there were any.
        seconds: wall time of each epoch's training and testing.
        stopped: None if training went to its end, else why it did not.
    """

    train: list[Terms] = dataclasses.field(default_factory=list)
    test: list[Terms] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)
    stopped: str | None = None

    def __repr__(self) -> str:
        state = f", stopped: {self.stopped}" if self.stopped else ""
        return f"History({len(self.train)} epochs{state})"


class TrainingDiverged(RuntimeError):
    """The loss was no longer finite; `history` holds the epochs until then."""

    history: History


def fit(
    model,
    train,
    test=None,
    *,
    epochs: int = 10,
    batch_size: int = 512,
    learning_rate: float = 0.01,
    beta: float = 1.0,
    seed: int = 0,
    device: str = "auto",
    after_epoch: Callable | None = None,
    progress: bool = True,
) -> History:
    """Train a model in place, by Adam on kl * beta - reconstruction.

    The learning rate rises linearly over the first quarter of the steps and falls linearly to zero
    over the rest. The seed governs the order of the images and the noise, not the initial weights.
    Ctrl-C ends training with a warning; the model keeps the weights that it has reached.

    Args:
        model: an `Autoencoder` or a `VAE`.
        train: an `ImageDataset`, or images (N, ...) in [0, 1].
        test: the same, scored after each epoch.
        learning_rate: the highest of the schedule.
        beta: weight of the KL term; 1 is the evidence lower bound.
        device: "auto" (a CUDA device if there is one), "cpu", "cuda", ...; the model returns to
            where it was.
        after_epoch: called with the model and the history so far at the end of every epoch.
        progress: show a bar; the environment variable TQDM_DISABLE=1 hides every bar.

    Returns:
        The terms of each epoch, in nats per image.

    Raises:
        ValueError: if the images are not in [0, 1] or an argument is out of range.
        TrainingDiverged: if the loss is not finite; its `history` has the epochs so far.
    """
    _check_settings(epochs, batch_size, learning_rate, beta)
    images, test_images = _images(train), None if test is None else _images(test)
    home = next(model.parameters()).device
    device = torch.device(pick_device() if device == "auto" else device)
    images = images.to(device)
    test_images = None if test_images is None else test_images.to(device)
    model.to(device)
    generator = torch.Generator(device).manual_seed(seed)
    total = epochs * -(-len(images) // batch_size)  # the last batch of an epoch may be smaller
    optimizer = torch.optim.Adam(
        model.parameters(), lr=learning_rate, betas=(0.9, 0.95), fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warm_up_and_decay(total))
    history = History()
    bar = tqdm(total=total, unit="step", disable=not progress or _bars_are_off())
    try:
        for _ in range(epochs):
            start = time.perf_counter()
            train_terms = _train_epoch(
                model, images, optimizer, schedule, generator, batch_size, beta, bar
            )
            test_terms = [] if test_images is None else [mean_terms(model, test_images, seed=seed)]
            _check_finite(model, test_terms, schedule)
            history.train.append(train_terms)
            history.test.extend(test_terms)
            history.seconds.append(time.perf_counter() - start)
            if test_terms:
                bar.set_postfix_str(f"test -ELBO {-test_terms[0].elbo:.1f} nats")
            if after_epoch is not None:
                after_epoch(model, history)
    except KeyboardInterrupt:
        history.stopped = f"interrupted at step {schedule.last_epoch} of {total}"
        warnings.warn(f"training {history.stopped}: the model keeps its weights", stacklevel=2)
    except TrainingDiverged as error:
        history.stopped = str(error)
        error.history = history
        raise
    finally:
        bar.close()
        model.to(home)
    return history


def _train_epoch(model, images, optimizer, schedule, generator, batch_size, beta, bar) -> Terms:
    """One pass over the images in a new order; the mean terms on the way."""
    totals = torch.zeros(2, device=images.device)  # reconstruction and KL, summed over images
    order = torch.randperm(len(images), generator=generator, device=images.device)
    for batch in order.split(batch_size):
        terms = training_terms(model, images[batch], generator=generator)
        loss = (beta * terms.kl - terms.reconstruction).mean()
        if not torch.isfinite(loss):
            raise TrainingDiverged(_advice(f"the loss is {loss.item()}", schedule))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        totals += torch.stack([terms.reconstruction, terms.kl]).detach().sum(1)
        bar.update()
    return Terms(*(totals / len(images)).tolist())


def _check_finite(model, test_terms: list[Terms], schedule) -> None:
    """The last step of an epoch can break the model too, when no loss comes after it."""
    if not all(torch.isfinite(parameter).all() for parameter in model.parameters()):
        raise TrainingDiverged(_advice("a weight is not finite", schedule))
    for terms in test_terms:
        if not math.isfinite(terms.elbo):
            raise TrainingDiverged(_advice(f"the test -ELBO is {-terms.elbo}", schedule))


def _advice(what: str, schedule) -> str:
    return (
        f"{what} at step {schedule.last_epoch + 1}: lower learning_rate (now "
        f"{max(schedule.base_lrs):g}) or look at the model's weights before training"
    )


def warm_up_and_decay(total: int):
    """A factor of the learning rate for each of `total` steps: up for a quarter, down to zero."""
    warm_up = max(1, total // 4)
    return lambda step: min((step + 1) / warm_up, (total - step) / max(1, total - warm_up))


@torch.no_grad()
def mean_terms(model, images: Tensor, num_samples: int = 1, seed: int = 0) -> Terms:
    """The two terms averaged over all images, as numbers in nats per image.

    On one kind of device the noise depends on the seed alone, so that two models are compared on
    the same draws.

    Args:
        images: (N, ...) in [0, 1].
        num_samples: K, draws of z an image.

    Raises:
        ValueError: if the images are not in [0, 1] or num_samples is below 1.
    """
    check_arguments(model, images, num_samples)
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    sums = []
    for batch in images.split(1000):
        terms = training_terms(model, batch.to(device), num_samples, generator)
        sums.append(torch.stack(terms).sum(1).tolist())
    return Terms(*(math.fsum(term) / len(images) for term in zip(*sums, strict=True)))


def pick_device() -> str:
    """What `device="auto"` stands for: a CUDA device if torch can use one, else the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a driver that is too old for torch: use the CPU
        return "cuda" if torch.cuda.is_available() else "cpu"


def _bars_are_off() -> bool:
    """Whether TQDM_DISABLE is set; tqdm's notebook bar, unlike its others, does not look."""
    return os.environ.get("TQDM_DISABLE", "0") not in ("", "0")


def _images(dataset: ImageDataset | Tensor) -> Tensor:
    images = dataset if isinstance(dataset, Tensor) else getattr(dataset, "images", None)
    if images is None:
        raise ValueError(
            f"wanted an ImageDataset or a tensor of images, got {type(dataset).__name__}: "
            "vaelib.image_dataset reads a torchvision data set"
        )
    check_images(images)
    return images


def _check_settings(epochs, batch_size, learning_rate, beta) -> None:
    for name, value in {"epochs": epochs, "batch_size": batch_size}.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"wanted {name} as an integer of 1 or more, got {value!r}")
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"wanted learning_rate above 0 and finite, got {learning_rate!r}")
    if not 0 <= beta < math.inf:
        raise ValueError(f"wanted beta of 0 or more and finite, got {beta!r}")
