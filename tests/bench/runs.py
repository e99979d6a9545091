"""Losses of many short trainings, on two cores at once and kept, so that a benchmark can go on.

Rules for all of them: what is chosen is chosen by the last 10,000 training images, after training
on the others. What is compared at the end trains on all 60,000 training
images, with seeds from 0 up, and is scored on the test images, which nothing was chosen by.
"""

import dataclasses
import functools
import hashlib
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

import vaelib
from vaelib.devices import machine
from vaelib.files import write_atomically
from vaelib.plans import find, reseeded

FOLDER = Path(__file__).parents[2] / "_build" / "bench"
HELD_OUT = 10_000
NETWORKS = {  # sizes of layers: pixels, hidden, latent
    "784-64-20": (784, 64, 20),
    "784-256-2": (784, 256, 2),
    "784-400-20": (784, 400, 20),
    "784-1024-20": (784, 1024, 20),
    "784-400-200-20": (784, (400, 200), 20),
}


@dataclasses.dataclass(frozen=True)
class Task:
    """A network or recipe, what `fit` is given, a seed, and whether held-out images score it."""

    network: str
    settings: tuple[tuple[str, object], ...]
    seed: int
    held_out: bool
    each_epoch: bool = False

    def loss(self, epoch: int | None = None) -> float:
        """-ELBO in nats after an epoch, from 1 up, or at the end; run if it was not kept."""
        found = losses(self)
        return found[-1 if epoch is None else epoch - 1]


def task(network: str, changes: dict, seed: int, held_out: bool, each_epoch=False) -> Task:
    """A task whose settings are in an order of their own, so that equal ones are equal."""
    return Task(network, tuple(sorted(changes.items())), seed, held_out, each_epoch)


def losses(one: Task) -> list[float]:
    """-ELBO of the task after each epoch, or the last alone; infinite if training broke."""
    path = FOLDER / f"{_name(one)}.json"
    if path.exists():
        return json.loads(path.read_text())["losses"]
    found = train(one)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"task": dataclasses.asdict(one), "losses": found, "machine": machine()}
    write_atomically(path, json.dumps(kept).encode())
    return found


def all_losses(tasks: list[Task]) -> list[list[float]]:
    """The losses of many tasks, a process a core, each with one thread."""
    return list(_pool().map(losses, tasks))


@functools.cache
def _pool() -> ProcessPoolExecutor:
    cores, context = len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(cores, context, _one_thread)


def train(one: Task) -> list[float]:
    """Train a new network from the seed; the losses."""
    images, scored = _images(one.held_out)
    options = {"seed": one.seed, "progress": False, "device": "cpu", **dict(one.settings)}
    if options.get("binarize"):
        scored = vaelib.binarize_once(scored)
    model = _network(one)
    try:
        history = vaelib.fit(model, images, scored if one.each_epoch else None, **options)
    except vaelib.TrainingDiverged:
        return [float("inf")]
    if one.each_epoch:
        return [-terms.elbo for terms in history.test]
    return [-vaelib.mean_terms(model, scored).elbo]


@functools.cache
def _images(held_out: bool) -> tuple[torch.Tensor, torch.Tensor]:
    images = vaelib.mnist("train").images
    if held_out:
        return images[:-HELD_OUT], images[-HELD_OUT:]
    return images, vaelib.mnist("test").images


def _network(one: Task):
    """A new network of that name, or that of the recipe."""
    if one.network in NETWORKS:
        torch.manual_seed(one.seed)
        return vaelib.VAE(*NETWORKS[one.network])
    return reseeded(find(one.network), one.seed).model()


def _name(one: Task) -> str:
    return hashlib.sha256(repr(one).encode()).hexdigest()[:20]


def _one_thread() -> None:
    torch.set_num_threads(1)
