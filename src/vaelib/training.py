"""The training loop: Adam on minus the evidence lower bound, with warm-up and linear decay."""

import dataclasses
import os
import time
import warnings

import torch
from torch import Tensor
from tqdm.auto import tqdm

from vaelib.data import ImageDataset, check_images
from vaelib.objectives import Terms, training_terms


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
        progress: show a bar; the environment variable TQDM_DISABLE=1 hides every bar.

    Returns:
        The terms of each epoch, in nats per image.

    Raises:
        ValueError: if the images are not in [0, 1] or an argument is out of range.
        TrainingDiverged: if the loss is not finite; its `history` has the epochs so far.
    """
    _check_arguments(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate)
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
            if test_images is not None:
                history.test.append(mean_terms(model, test_images, seed=seed))
                bar.set_postfix_str(f"test -ELBO {-history.test[-1].elbo:.1f} nats")
            history.train.append(train_terms)
            history.seconds.append(time.perf_counter() - start)
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
    totals = torch.zeros(2, device=images.device)
    order = torch.randperm(len(images), generator=generator, device=images.device)
    for batch in order.split(batch_size):
        terms = training_terms(model, images[batch], generator=generator)
        loss = (beta * terms.kl - terms.reconstruction).mean()
        if not torch.isfinite(loss):
            raise TrainingDiverged(
                f"the loss is {loss.item()} at step {schedule.last_epoch + 1}: lower learning_rate "
                f"(now {max(schedule.base_lrs):g}) or look at the model's weights before training"
            )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        totals += torch.stack([terms.reconstruction, terms.kl]).detach().sum(1)
        bar.update()
    return Terms(*(totals / len(images)).tolist())


def warm_up_and_decay(total: int):
    """A factor of the learning rate for each of `total` steps: up for a quarter, down to zero."""
    warm_up = max(1, total // 4)
    return lambda step: min((step + 1) / warm_up, (total - step) / max(1, total - warm_up))


@torch.no_grad()
def mean_terms(model, images: Tensor, num_samples: int = 1, seed: int = 0) -> Terms:
    """The two terms averaged over all images, as numbers in nats per image.

    The noise depends on the seed alone, so that two models are compared on the same draws.

    Args:
        images: (N, ...) in [0, 1].
        num_samples: K, draws of z an image.

    Raises:
        ValueError: if the images are not in [0, 1] or num_samples is below 1.
    """
    check_images(images)
    if num_samples < 1:
        raise ValueError(f"wanted num_samples of 1 or more, got {num_samples}")
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    totals = torch.zeros(2, dtype=torch.float64, device=device)
    for batch in images.split(1000):
        terms = training_terms(model, batch.to(device), num_samples, generator)
        totals += torch.stack(terms).double().sum(1)
    return Terms(*(totals / len(images)).tolist())


def pick_device() -> str:
    """What `device="auto"` stands for: a CUDA device if torch can use one, else the CPU."""
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


def _check_arguments(**arguments) -> None:
    for name, value in arguments.items():
        if not value > 0:
            raise ValueError(f"wanted {name} above 0, got {value!r}")
