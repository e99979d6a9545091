"""The training loop: Adam on minus the evidence lower bound, with warm-up and linear decay."""

import dataclasses
import inspect
import math
import os
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from tqdm.auto import tqdm

from vaelib.checks import integer, random_seed
from vaelib.data import draw_binary
from vaelib.devices import (
    autocast,
    freed_memory_kept,
    memory_advice,
    pick_device,
    plain_torch,
)
from vaelib.models.base import to_weights
from vaelib.networks import device_of, evaluating, frozen_layers_rest, unwrapped
from vaelib.objectives import Terms, check_arguments, dreg_terms, iwae_terms, training_terms
from vaelib.optimizing import Adam, completed, trainable
from vaelib.parts import in_parts
from vaelib.resuming import Run
from vaelib.settings import Settings, TrainingData, changed, training_data


@dataclasses.dataclass
class History:
    """What happened in training, an entry an epoch; the terms are means in nats per image.

    Attributes:
        train: terms on the training images, averaged over the epoch as the weights changed.
        test: terms on the test images with the weights at the end of the epoch, if there were any.
        seconds: wall time of each epoch's training and testing.
        stopped: None if training went to its end, else why it did not.
        settings: those of the run, with what `fit` chose.
    """

    train: list[Terms] = dataclasses.field(default_factory=list)
    test: list[Terms] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)
    stopped: str | None = None
    settings: Settings | None = None

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
    settings: Settings | None = None,
    *,
    device: str = "auto",
    checkpoint=None,
    after_epoch: Callable | None = None,
    progress: bool = True,
    **changes,
) -> History:
    """Train a model in place, by Adam on kl * beta - reconstruction.

    `fit(model, train, test, epochs=20, seed=1)` names what is to differ from `Settings`, which
    explains each; `fit(model, train, test, settings, seed=1)` what is to differ from settings of
    yours.

    The seed governs the order of the images and the noise, not the initial weights;
    on one machine the same seed gives the same weights to the last bit. Ctrl-C ends training with a
    warning; the model keeps the weights that it has reached. No setting of the process or of torch
    (default device and precision, gradients, autocast) changes the result, and none is changed.

    Args:
        model: a `LatentVariableModel`, such as `Autoencoder` or `VAE`, with weights in float32 or
            float64; in a wrapper of torch it is the network inside that is trained, on one device.
            Weights whose requires_grad is False stay as they are, and layers of such weights alone
            are in eval mode meanwhile. Other layers train in the mode that they are in.
        train: an `ImageDataset`, or images (N, ...) that the model's likelihood takes.
        test: the same, scored after each epoch.
        settings: how to train; None is `Settings()`.
        device: "auto" (a CUDA device if there is one), "cpu", "cuda", ...; all images are moved
            there at once, and the model returns to where it was.
        checkpoint: a file to go on from, if it exists, and to write every ten seconds and at the
            end. A run that was cut off ends with the same weights as one that was not, whatever the
            weights of the model that it goes on with. The file stays: delete it to train anew.
        after_epoch: called with the model and the history so far at the end of every epoch, in the
            state that torch was in before the call.
        progress: show a bar; the environment variable TQDM_DISABLE=1 hides every bar.
        changes: fields of `Settings`.

    Returns:
        The terms of each epoch, in nats per image.

    Raises:
        ValueError: if the images are none for the model's likelihood, or the training images are
            grey and the test images black and white, or the other way round; if an argument is out
            of range, the model has no weights that can be trained, the device is not here, or the
            checkpoint is damaged or of other arguments.
        TypeError: if there is no setting of that name.
        TrainingDiverged: if the loss is not finite; its `history` has the epochs so far.
        MemoryError: if the memory does not suffice.
    """
    settings = changed(settings, changes)
    network = trainable(model, settings)
    with plain_torch(gradients=False):
        data, test_data = training_data(network, train, test, settings)
    settings = completed(settings, network, len(data.images))
    device, home = pick_device(device), device_of(network)
    steps = -(-len(data.images) // settings.batch_size)  # an epoch's last batch may be smaller
    history, bar = History(settings=settings), _bar(settings.epochs * steps, progress)
    advice = f"batch_size (now {settings.batch_size}) or num_samples (now {settings.num_samples})"
    try:
        with memory_advice(advice), frozen_layers_rest(network), freed_memory_kept():
            with plain_torch(gradients=False):
                network.to(device)
                data, test_data = (part and part.to(device) for part in (data, test_data))
                generator = torch.Generator(device).manual_seed(settings.seed)
                optimizer = Adam(network, settings)
                run = Run(checkpoint, settings, network, data, optimizer, generator, history)
                # Not before, for a run that is refused leaves the model as it was.
                network.unfinish()
                if not history.train:
                    network.begin(data, settings)
            bar.update(len(history.train) * steps)
            for epoch in range(len(history.train), settings.epochs):
                start = time.perf_counter()
                rates = _rates(settings, epoch, steps)
                with plain_torch(gradients=True):
                    terms = _train_epoch(network, data, rates, optimizer, generator, settings, bar)
                tested = _tested(network, test_data, settings.seed)
                _check_finite(network, [terms, *tested], epoch, settings.learning_rate)
                history.train.append(terms)
                history.test.extend(tested)
                history.seconds.append(time.perf_counter() - start)
                run.save_now_and_then(last=epoch + 1 == settings.epochs)
                if tested:
                    bar.set_postfix_str(f"test -ELBO {-tested[0].elbo:.1f} nats")
                if after_epoch is not None:
                    after_epoch(model, history)  # in the state that the reader has set
            with plain_torch(gradients=False):
                network.finish(data, settings)
    except KeyboardInterrupt:
        history.stopped = f"interrupted after {len(history.train)} of {settings.epochs} epochs"
        warnings.warn(f"training {history.stopped}: the model keeps its weights", stacklevel=2)
    except TrainingDiverged as error:
        history.stopped = str(error)
        error.history = history
        raise
    finally:
        bar.close()
        with plain_torch(gradients=False):
            network.to(home)
    return history


def _signature(function) -> inspect.Signature:
    """`fit` with the settings by their names, as help and completion are to show it."""
    parameters = list(inspect.signature(function).parameters.values())[:-1]
    names = inspect.signature(Settings).parameters.values()
    own = [setting.replace(kind=inspect.Parameter.KEYWORD_ONLY) for setting in names]
    return inspect.Signature(parameters[:4] + own + parameters[4:], return_annotation=History)


fit.__signature__ = _signature(fit)


def _bar(total: int, progress: bool) -> tqdm:
    return tqdm(total=total, unit="step", disable=not progress or _bars_are_off())


def _rates(settings: Settings, epoch: int, steps: int) -> list[float]:
    """The learning rate of each step of an epoch."""
    factor = SCHEDULES[settings.schedule](settings.epochs * steps)
    return [settings.learning_rate * factor(epoch * steps + step) for step in range(steps)]


def _tested(network, data: TrainingData | None, seed: int) -> list[Terms]:
    """The test terms, if there are test images."""
    return [] if data is None else [mean_terms(data.model(network), data.images, seed=seed)]


def _train_epoch(model, data, rates, optimizer, generator, settings, bar) -> Terms:
    """One pass over the images in a new order; the mean terms on the way."""
    images = data.images
    totals = torch.zeros(2, device=images.device)  # reconstruction and KL, summed over images
    order = torch.randperm(len(images), generator=generator, device=images.device)
    context, loss_of = autocast(images.device, settings.precision), _objective(settings)
    for batch, rate in zip(order.split(settings.batch_size), rates, strict=True):
        pixels = images.index_select(0, batch)
        if settings.binarize == "dynamic":
            pixels = draw_binary(pixels, generator)
        with context:
            loss, terms = loss_of(data.model(model, batch), pixels, settings, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step(rate)
        totals += torch.stack(terms).detach().sum(1)
        bar.update()
    return Terms(*(totals / len(images)).tolist())


def elbo_loss(model, batch: Tensor, settings: Settings, generator) -> tuple[Tensor, Terms]:
    """What a step lowers, and the terms of the ELBO, (B,) each."""
    terms = training_terms(model, batch, settings.num_samples, generator)
    return model.loss(terms, batch, settings), terms


def iwae_loss(model, batch: Tensor, settings: Settings, generator) -> tuple[Tensor, Terms]:
    """What a step lowers, minus the importance-weighted bound, and the terms of the ELBO."""
    bound, terms = iwae_terms(model, batch, settings.num_samples, generator)
    return -bound.mean(), terms


def dreg_loss(model, batch: Tensor, settings: Settings, generator) -> tuple[Tensor, Terms]:
    """As `iwae_loss`, with a gradient that has less noise: a number whose value says nothing."""
    surrogate, terms = dreg_terms(model, batch, settings.num_samples, generator)
    return -surrogate.mean(), terms


def _objective(settings: Settings) -> Callable:
    """The function of the objective's name, or the caller's own."""
    if callable(settings.objective):
        return settings.objective
    return {"elbo": elbo_loss, "iwae": iwae_loss, "dreg": dreg_loss}[settings.objective]


@plain_torch(gradients=False)
def _check_finite(model, terms: list[Terms], epoch: int, learning_rate: float) -> None:
    """Once an epoch, since to look at each step's loss would keep a GPU waiting."""
    parameters = torch.stack([parameter.isfinite().all() for parameter in model.parameters()])
    if all(math.isfinite(term.elbo) for term in terms) and parameters.all():
        return
    losses = " and ".join(f"{-term.elbo:g}" for term in terms)
    raise TrainingDiverged(
        f"a loss or a weight is not finite in epoch {epoch + 1} (-ELBO in training and test: "
        f"{losses}): lower learning_rate (now {learning_rate:g}) or look at the model's weights "
        "before training"
    )


def warm_up_and_decay(total: int):
    """A factor of the learning rate for each of `total` steps: up for a quarter, down to zero."""
    warm_up = max(1, total // 4)
    return lambda step: min((step + 1) / warm_up, (total - step) / max(1, total - warm_up))


SCHEDULES = {"linear": warm_up_and_decay, "constant": lambda total: lambda step: 1.0}


@plain_torch(gradients=False)
def mean_terms(model, images: Tensor, num_samples: int = 1, seed: int = 0) -> Terms:
    """The two terms averaged over all images, as numbers in nats per image.

    On one kind of device the noise depends on the seed alone, so that two models are compared on
    the same draws. Layers are in eval mode meanwhile, and memory does not grow with K.

    Args:
        images: (N, ...) in [0, 1].
        num_samples: K, draws of z an image.

    Raises:
        ValueError: if the images are not in [0, 1] or num_samples is below 1.
    """
    model = unwrapped(model)
    check_arguments(model, images, num_samples)
    num_samples = integer("num_samples", num_samples)
    device = device_of(model)
    generator = torch.Generator(device).manual_seed(random_seed(seed))
    sums = []
    with evaluating(model):
        for part, batch in in_parts(model, images, 1000):
            batch = to_weights(model, batch).to(device)
            terms = training_terms(part, batch, num_samples, generator)
            sums.append(torch.stack(terms).sum(1).tolist())
    return Terms(*(math.fsum(term) / len(images) for term in zip(*sums, strict=True)))


def _bars_are_off() -> bool:
    """Whether TQDM_DISABLE is set; tqdm's notebook bar, unlike its others, does not look."""
    return os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
