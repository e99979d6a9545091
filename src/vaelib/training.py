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

from vaelib.checks import integer, random_seed
from vaelib.data import draw_binary
from vaelib.devices import (
    autocast,
    keep_freed_memory,
    memory_advice,
    pick_device,
    plain_torch,
)
from vaelib.models import to_weights
from vaelib.networks import device_of, evaluating, frozen_layers_rest, unwrapped
from vaelib.objectives import Terms, check_arguments, iwae_terms, training_terms
from vaelib.optimizing import adam, guesses_grey, trainable
from vaelib.resuming import Run
from vaelib.settings import Settings, training_data


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
    objective: str = "elbo",
    num_samples: int = 1,
    binarize: str | None = None,
    precision: str = "float32",
    mean_bias: bool = True,
    schedule: str = "linear",
    betas: tuple[float, float] = (0.9, 0.95),
    encoder_rate: float = 1.0,
    seed: int = 0,
    device: str = "auto",
    checkpoint=None,
    after_epoch: Callable | None = None,
    progress: bool = True,
) -> History:
    """Train a model in place, by Adam on kl * beta - reconstruction.

    The seed governs the order of the images and the noise, not the initial weights;
    on one machine the same seed gives the same weights to the last bit. Ctrl-C ends training with a
    warning; the model keeps the weights that it has reached. With glibc, the process keeps up to
    256 MiB of freed memory from the first call on (`keep_freed_memory`). No other setting of the
    process is changed, and none of torch (default device and precision, gradients, autocast)
    changes the result.

    Args:
        model: an `Autoencoder` or a `VAE`, with weights in float32 or float64; in a wrapper of
            torch it is the network inside that is trained, on one device. Weights whose
            requires_grad is False stay as they are, and layers of such weights alone are in eval
            mode meanwhile. Other layers train in the mode that they are in.
        train: an `ImageDataset`, or images (N, ...) in [0, 1].
        test: the same, scored after each epoch.
        learning_rate: Adam's step size, the highest of the schedule.
        beta: weight of the KL term; 1 is the evidence lower bound.
        objective: "elbo", or "iwae" for the importance-weighted bound. The history has the terms of
            the ELBO in both cases.
        num_samples: K, draws of z for each image and step.
        binarize: None takes the pixels as they are; "dynamic" draws every batch anew in black and
            white (`binarize`), and the test images once (`binarize_once` with this seed).
        precision: "float32", or "bfloat16" for the matrix products of training: faster on a
            processor that has it, no faster on one that has not, and less exact. The test terms
            are always float32.
        mean_bias: begin with the decoder's output at the mean image (`VAE.set_output_bias`), if
            pixels are Bernoulli and that output is still as PyTorch drew it: a decoder that was
            trained is left as it is.
        schedule: "linear" raises the learning rate over the first quarter of the steps and lowers
            it to zero over the rest (`warm_up_and_decay`); "constant" leaves it where it is.
        betas: Adam's decay rates of the gradient's mean and of its square's.
        encoder_rate: the encoder's learning rate, as a multiple of the one of the other weights.
            Below 1, short runs can take larger steps.
        device: "auto" (a CUDA device if there is one), "cpu", "cuda", ...; all images are moved
            there at once, and the model returns to where it was.
        checkpoint: a file to go on from, if it exists, and to write every ten seconds and at the
            end. A run that was cut off ends with the same weights as one that was not, whatever the
            weights of the model that it goes on with. The file stays: delete it to train anew.
        after_epoch: called with the model and the history so far at the end of every epoch, in the
            state that torch was in before the call.
        progress: show a bar; the environment variable TQDM_DISABLE=1 hides every bar.

    Returns:
        The terms of each epoch, in nats per image.

    Raises:
        ValueError: if the images are not in [0, 1], or the training images are grey and the test
            images black and white, or the other way round; if an argument is out of range, the
            model has no weights that can be trained, the device is not here, or the checkpoint is
            damaged or of other arguments.
        TrainingDiverged: if the loss is not finite; its `history` has the epochs so far.
        MemoryError: if the memory does not suffice.
    """
    settings = Settings(
        epochs,
        batch_size,
        learning_rate,
        beta,
        objective,
        num_samples,
        binarize,
        precision,
        mean_bias,
        schedule,
        betas,
        encoder_rate,
        seed,
    )
    epochs, batch_size, num_samples = settings.epochs, settings.batch_size, settings.num_samples
    learning_rate, seed = settings.learning_rate, settings.seed
    network = trainable(model, settings)
    with plain_torch(gradients=False):
        images, test_images = training_data(network, train, test, settings)
    keep_freed_memory()
    device, home = pick_device(device), device_of(network)
    steps = -(-len(images) // batch_size)  # of an epoch; its last batch may be smaller
    factor = SCHEDULES[schedule](epochs * steps)
    history = History()
    bar = tqdm(total=epochs * steps, unit="step", disable=not progress or _bars_are_off())
    advice = f"batch_size (now {batch_size}) or num_samples (now {num_samples})"
    try:
        with memory_advice(advice), frozen_layers_rest(network):
            with plain_torch(gradients=False):
                network.to(device)
                images = images.to(device)
                test_images = None if test_images is None else test_images.to(device)
                generator = torch.Generator(device).manual_seed(seed)
                optimizer = adam(network, settings)
                run = Run(checkpoint, settings, network, images, optimizer, generator, history)
                # Not before, for a run that is refused leaves the model as it was.
                if mean_bias and not history.train and guesses_grey(network):
                    network.set_output_bias(images)
            bar.update(len(history.train) * steps)
            for epoch in range(len(history.train), epochs):
                start = time.perf_counter()
                rates = [learning_rate * factor(epoch * steps + step) for step in range(steps)]
                with plain_torch(gradients=True):
                    terms = _train_epoch(
                        network, images, rates, optimizer, generator, settings, bar
                    )
                tested = []
                if test_images is not None:
                    tested = [mean_terms(network, test_images, seed=seed)]
                _check_finite(network, [terms, *tested], epoch, learning_rate)
                history.train.append(terms)
                history.test.extend(tested)
                history.seconds.append(time.perf_counter() - start)
                run.save_now_and_then(last=epoch + 1 == epochs)
                if tested:
                    bar.set_postfix_str(f"test -ELBO {-tested[0].elbo:.1f} nats")
                if after_epoch is not None:
                    after_epoch(model, history)  # in the state that the reader has set
    except KeyboardInterrupt:
        history.stopped = f"interrupted after {len(history.train)} of {epochs} epochs"
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


def _train_epoch(model, images, rates, optimizer, generator, settings, bar) -> Terms:
    """One pass over the images in a new order; the mean terms on the way."""
    totals = torch.zeros(2, device=images.device)  # reconstruction and KL, summed over images
    order = torch.randperm(len(images), generator=generator, device=images.device)
    context = autocast(images.device, settings.precision)
    for batch, rate in zip(order.split(settings.batch_size), rates, strict=True):
        with context:
            loss, terms = _loss(model, images.index_select(0, batch), settings, generator)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals += torch.stack(terms).detach().sum(1)
        bar.update()
    return Terms(*(totals / len(images)).tolist())


def _loss(model, batch: Tensor, settings: Settings, generator) -> tuple[Tensor, Terms]:
    """What a step lowers, and the terms of the ELBO, (B,) each."""
    if settings.binarize == "dynamic":
        batch = draw_binary(batch, generator)
    if settings.objective == "iwae":
        bound, terms = iwae_terms(model, batch, settings.num_samples, generator)
        return -bound.mean(), terms
    terms = training_terms(model, batch, settings.num_samples, generator)
    return (settings.beta * terms.kl - terms.reconstruction).mean(), terms


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
        for batch in images.split(1000):
            batch = to_weights(model, batch).to(device)
            terms = training_terms(model, batch, num_samples, generator)
            sums.append(torch.stack(terms).sum(1).tolist())
    return Terms(*(math.fsum(term) / len(images) for term in zip(*sums, strict=True)))


def _bars_are_off() -> bool:
    """Whether TQDM_DISABLE is set; tqdm's notebook bar, unlike its others, does not look."""
    return os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
