"""The race: the same loss, how much sooner? `python -m tests.bench.training`.

Rules, fixed before a run. In each round every contestant trains a new network from the seed of that
round, one after the other, so that what else the machine does falls on all. The published loop, the
same with other habits (`plain.changed_loop`) and JAX train ten epochs with Adam at 0.001 in batches
of 128. `fit` is given two epochs and nothing else: what it then chooses was fitted on held-out
training images (`defaults.py`), never on the test images. A time is that of training alone: reading
the data and testing are left out for all, compiling is told apart.

`fit` has reached the published loop's loss if its test loss is below it by twice the standard error
of that difference, over five seeds, for which both losses are computed apart from the race: they
cost no idle machine, and three rounds are too few for a plane, where a seed moves the loss by more
than a nat.
"""

import argparse
import math
import statistics
import time

import torch

import vaelib
from tests.bench import plain
from tests.bench.epochs import PLAIN
from tests.bench.peers import run_jax
from tests.bench.report import record, spread
from tests.bench.runs import NETWORKS, all_losses, task
from vaelib.devices import PRECISIONS, machine, pick_device

RACED = ("784-400-20", "784-256-2")
EPOCHS = 10  # of the others
FIT_EPOCHS = 2
SEEDS = 5  # for the losses
PUBLISHED = "pytorch/examples"


def run_loop(loop, sizes: tuple, seed: int) -> dict:
    """Train with one of the loops of `plain`: seconds of each epoch and in all, and the loss."""
    torch.manual_seed(seed)
    device = pick_device()
    model = vaelib.VAE(*sizes).to(device)
    seconds = loop(model, EPOCHS, seed, device)
    return {"epochs": seconds, "total": sum(seconds), "loss": test_loss(model)}


def run_fit(sizes: tuple, precision: str, seed: int) -> dict:
    """Train with `vaelib.fit`: the same figures."""
    torch.manual_seed(seed)
    model, images = vaelib.VAE(*sizes), MNIST_IMAGES["train"]
    options = {"epochs": FIT_EPOCHS, "precision": precision, "seed": seed, "progress": False}
    start = time.perf_counter()
    history = vaelib.fit(model, images, **options)
    total = time.perf_counter() - start
    return {"epochs": history.seconds, "total": total, "loss": test_loss(model)}


def contestants(sizes: tuple) -> dict:
    """A function of the seed for each."""
    return {
        PUBLISHED: lambda seed: run_loop(plain.published_loop, sizes, seed),
        "plain loop, changed": lambda seed: run_loop(plain.changed_loop, sizes, seed),
        "JAX": lambda seed: run_jax(sizes, plain.BATCH_SIZE, EPOCHS, seed),
        **{
            f"fit, {precision}": lambda seed, precision=precision: run_fit(sizes, precision, seed)
            for precision in PRECISIONS
        },
    }


def test_loss(model) -> float:
    """-ELBO of the test images in nats, the same for all loops in torch."""
    return -vaelib.mean_terms(model, MNIST_IMAGES["test"]).elbo


def measure(name: str, rounds: int) -> dict:
    """All contestants in turn, round by round."""
    found = {}
    for seed in range(rounds):
        for contestant, run in contestants(NETWORKS[name]).items():
            found.setdefault(contestant, []).append(run(seed))
    return {contestant: summary(runs, found[PUBLISHED]) for contestant, runs in found.items()}


def reached(name: str) -> dict:
    """By how much `fit` is below the published loop's loss, over many seeds, and whether it is."""
    settings = {"plain": {**PLAIN, "epochs": EPOCHS}, "fit": {"epochs": FIT_EPOCHS}}
    losses = {
        who: all_losses([task(name, given, seed, held_out=False) for seed in range(SEEDS)])
        for who, given in settings.items()
    }
    pairs = zip(losses["plain"], losses["fit"], strict=True)
    below = [loop[-1] - fit[-1] for loop, fit in pairs]
    error = statistics.stdev(below) / math.sqrt(SEEDS)
    return {
        "below": statistics.mean(below),
        "below_error": error,
        "seeds": SEEDS,
        "reached": statistics.mean(below) >= 2 * error,
    }


def summary(runs: list[dict], published: list[dict]) -> dict:
    """Seconds, losses, and how much sooner than the published loop of the same round."""
    pairs = list(zip(runs, published, strict=True))
    compiling = [run["compiling"] for run in runs if "compiling" in run]
    return {
        "epochs": len(runs[0]["epochs"]),
        "epoch_seconds": spread([second for run in runs for second in run["epochs"]]),
        "seconds": spread([run["total"] for run in runs]),
        "loss": spread([run["loss"] for run in runs]),
        "times_sooner": spread([other["total"] / run["total"] for run, other in pairs]),
        **({"compiling": spread(compiling)} if compiling else {}),
    }


def table(name: str, found: dict) -> str:
    """What was found, for people."""
    lines = [f"{name}: {found[PUBLISHED]['seconds']['count']} rounds, medians"]
    for contestant, row in found.items():
        total, sooner = row["seconds"], row["times_sooner"]
        line = (
            f"  {contestant:23}{row['epochs']:3} epochs {total['median']:6.1f} s "
            f"({total['least']:.1f} to {total['most']:.1f}), {row['loss']['median']:.2f} nats"
        )
        if contestant != PUBLISHED:
            line += (
                f", {sooner['median']:.1f} times ({sooner['least']:.1f} to {sooner['most']:.1f})"
            )
        lines.append(line)
    return "\n".join(lines)


def verdict(loss: dict) -> str:
    """Whether `fit` has reached the published loop's loss, for people."""
    told = f"  fit is {loss['below']:.2f} +- {loss['below_error']:.2f} nats below"
    told += f", {loss['seeds']} seeds"
    return told if loss["reached"] else f"{told}: NOT reached"


def main() -> None:
    """Measure both networks, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    MNIST_IMAGES.update({split: vaelib.mnist(split).images for split in ("train", "test")})
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    results = {}
    for name in RACED:
        results[name] = {"runs": measure(name, arguments.rounds), "loss": reached(name)}
        print(table(name, results[name]["runs"]), verdict(results[name]["loss"]), sep="\n")
        if not arguments.dry:
            record("training", results)


MNIST_IMAGES: dict[str, torch.Tensor] = {}

if __name__ == "__main__":
    main()
