"""What the recipes' rates are chosen by, and what a rung costs: `python -m tests.bench.ladder`.

Rules, fixed before the run. A recipe is trained with each of the rates below on all but the last
10,000 training images, and the rate with the lowest -ELBO on those is the recipe's. Each rate is
tried with one seed; of two that are within 0.1 nats, the one that the recipe has stays, and a list
whose last rate is the best one is continued. Longer rungs are not tried: their rates are lower
ones, since the best rate falls with the epochs, and nothing says that they are the best. The cost
of a rung is the time of an epoch, from twenty steps after twenty that are not timed, times its
epochs.
"""

import argparse
import dataclasses

import torch

import vaelib
from tests.bench.report import record
from tests.bench.runs import all_losses, task
from vaelib.devices import machine
from vaelib.plans import LADDER, find
from vaelib.recipes import seconds_to_train

RATES = {
    "vae-2d": (0.005, 0.01, 0.02),
    "vae-4-epochs": (0.005, 0.007, 0.01, 0.014, 0.02, 0.028),
}
NEAR = 0.1  # nats


def settings_of(name: str, rate: float) -> dict:
    """What the recipe gives `fit`, with that rate, as far as it differs from the defaults."""
    settings = dataclasses.replace(find(name).settings, learning_rate=rate)
    usual = dataclasses.asdict(vaelib.Settings())
    given = dataclasses.asdict(settings)
    return {key: value for key, value in given.items() if key != "seed" and value != usual[key]}


def choice(name: str) -> dict:
    """The held-out loss of each rate, and the one that the rules choose."""
    rates = RATES[name]
    tasks = [task(name, settings_of(name, rate), 0, held_out=True) for rate in rates]
    losses = {rate: found[-1] for rate, found in zip(rates, all_losses(tasks), strict=True)}
    own, best = find(name).settings.learning_rate, min(losses, key=losses.get)
    kept = losses.get(own, float("inf")) <= losses[best] + NEAR
    return {
        "losses": {f"{rate:g}": loss for rate, loss in losses.items()},
        "chosen": own if kept else best,
    }


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(RATES), help="of recipes; all by default")
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    choices = {}
    for name in arguments.names:
        choices[name] = choice(name)
        print(name, choices[name], f"recipe: {find(name).settings.learning_rate:g}", flush=True)
    if arguments.dry or list(choices) != list(RATES):
        return
    images = vaelib.mnist("train").images
    costs = {name: seconds_to_train(name, images) for name in LADDER}
    record("ladder", {"rates": choices, "threads": torch.get_num_threads(), "seconds": costs})


if __name__ == "__main__":
    main()
