"""How many epochs each trick saves: `python -m tests.bench.epochs`.

The arms take the tricks that get further on, one after the other, each with the best learning rate
of its own for the number of its epochs. A target is the plain loop's test loss after 3, 10 or 20
epochs. An arm reaches it if, over the seeds, its loss is below the plain loop's of the same seed by
twice the standard error of that difference, or the same; the fewest epochs of `EPOCHS` at which it
does are the result. Numbers of epochs that are hopeless on the held-out images are not tried. The
rules of `runs` hold. Losses do not depend on how busy the machine is.
"""

import argparse
import math
import statistics

from tests.bench.report import record
from tests.bench.runs import NETWORKS, Task, all_losses, task
from vaelib.devices import machine

TARGETS = {"early": 3, "ten epochs": 10, "late": 20}  # epochs of the plain loop
EPOCHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20)  # that an arm may have
TUNING_SEED = 10
FAR = 2.0  # nats above the plain loop on the held-out images, from which no test is tried
PLAIN = {
    "batch_size": 128,
    "schedule": "constant",
    "betas": (0.9, 0.999),
    "encoder_rate": 1.0,
    "mean_bias": False,
    "learning_rate": 0.001,
}
SCHEDULE = PLAIN | {"schedule": "linear"}
LARGER = SCHEDULE | {"batch_size": 256}
SHORT = LARGER | {"betas": (0.9, 0.95), "mean_bias": True}
SLOWER = SHORT | {"encoder_rate": 0.25}
# What each arm is, and the rates from which the held-out images choose.
ARMS = {
    "plain loop": (PLAIN, (0.001,)),
    "best constant rate": (PLAIN, (0.0005, 0.001, 0.002, 0.003)),
    "a rate that rises and falls": (SCHEDULE, (0.002, 0.004, 0.006, 0.009)),
    "larger batches": (LARGER, (0.003, 0.006, 0.009, 0.013)),
    "mean image, shorter memory": (SHORT, (0.004, 0.008, 0.012, 0.018, 0.027)),
    "slower encoder": (SLOWER, (0.01, 0.018, 0.027, 0.04)),
    "fit as it is": ({}, (None,)),
}


def measure(network: str, seeds: int) -> dict:
    """For each arm and target: epochs, the rate, and how far below the plain loop's loss it is."""
    plain = [_run(network, "plain loop", 20, 0.001, seed, held_out=False) for seed in range(seeds)]
    tuning = _run(network, "plain loop", 20, 0.001, TUNING_SEED, held_out=True)
    *_, held_out = all_losses([*plain, tuning])
    targets = {
        name: {"plain_epochs": epoch, "loss": statistics.mean(one.loss(epoch) for one in plain)}
        for name, epoch in TARGETS.items()
    }
    found = {}
    for arm in ARMS:
        found[arm] = {
            target: _reach(network, arm, plain, epoch, held_out[epoch - 1], seeds)
            for target, epoch in TARGETS.items()
        }
        print(
            arm, {target: one and one["epochs"] for target, one in found[arm].items()}, flush=True
        )
    return {"targets": targets, "arms": found, "seeds": seeds}


def _run(network, arm, epochs, rate, seed, held_out) -> Task:
    changes, _ = ARMS[arm]
    rate = {} if rate is None else {"learning_rate": rate}
    changes = {**changes, **rate, "epochs": epochs}
    return task(network, changes, seed, held_out, _is_constant(arm))


def _is_constant(arm: str) -> bool:
    """Whether a run is the beginning of every longer one, so that one run has all losses."""
    return ARMS[arm][0].get("schedule") == "constant"


def _reach(network, arm, plain, epoch, held_out, seeds) -> dict | None:
    """The fewest epochs that suffice on the test images, at the rate of the held-out ones."""
    for epochs in EPOCHS:
        rate, loss = _chosen(network, arm, epochs)
        if loss > held_out + FAR:
            continue
        length = max(EPOCHS) if _is_constant(arm) else epochs
        runs = [_run(network, arm, length, rate, seed, held_out=False) for seed in range(seeds)]
        all_losses(runs)
        at = epochs if _is_constant(arm) else None
        below = [one.loss(epoch) - run.loss(at) for one, run in zip(plain, runs, strict=True)]
        error = statistics.stdev(below) / math.sqrt(seeds)
        found = {"epochs": epochs, "rate": rate, "below": statistics.mean(below), "error": error}
        if found["below"] >= 2 * error:
            return found
    return None


def _chosen(network: str, arm: str, epochs: int) -> tuple[float | None, float]:
    """The best rate for so many epochs on the held-out images, and its loss there."""
    _, rates = ARMS[arm]
    length = max(EPOCHS) if _is_constant(arm) else epochs
    runs = [_run(network, arm, length, rate, TUNING_SEED, held_out=True) for rate in rates]
    found = all_losses(runs)
    ends = [one[epochs - 1 if _is_constant(arm) else -1] for one in found]
    return min(zip(ends, rates, strict=True))[::-1]


def table(network: str, found: dict) -> str:
    """What was found, for people."""
    lines = [f"{network}: epochs to the loss of the plain loop, {found['seeds']} seeds"]
    for arm, targets in found["arms"].items():
        cells = [
            f"{one['epochs']:3} ({one['below']:+.2f} +- {one['error']:.2f})"
            if one
            else "not reached"
            for one in targets.values()
        ]
        lines.append(f"  {arm:28}" + "  ".join(cells))
    return "\n".join(lines)


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--networks", nargs="*", default=["784-400-20"], choices=NETWORKS)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    results = {}
    for network in arguments.networks:
        results[network] = measure(network, arguments.seeds)
        print(table(network, results[network]), flush=True)
    if not arguments.dry:
        record("epochs", results)


if __name__ == "__main__":
    main()
