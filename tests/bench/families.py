"""How long an epoch of each family of models takes: `python -m tests.bench.families`.

Every model of the last chapter is trained for an epoch, in turn and several times, on a part of the
images, and the seconds are scaled to all of them.
"""

import argparse

import torch

from tests.bench.report import record, spread
from vaelib.data import ImageDataset, mnist
from vaelib.devices import machine
from vaelib.recipes import FURTHER
from vaelib.training import fit

COUNT = 6000  # images


def measure(rounds: int, count: int = COUNT) -> dict:
    """Seconds of an epoch over all images, for each recipe."""
    images, labels = mnist("train")[:]
    part = ImageDataset(images[:count], labels[:count])
    found = {name: [] for name in FURTHER}
    for _ in range(rounds):
        for name, recipe in FURTHER.items():
            # The first epoch is a rehearsal; a third would be no steadier.
            model = recipe.model()
            options = {"epochs": 2, "progress": False, "device": "cpu"}
            if "flow_steps" in model.arguments:
                model.arguments["flow_steps"] = 1  # what is learned after the epochs is not timed
            history = fit(model, part, None, recipe.settings, **options)
            found[name].append(history.seconds[-1] * len(images) / count)
    return {name: spread(seconds) for name, seconds in found.items()}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    torch.manual_seed(0)
    results = measure(arguments.rounds)
    for name, one in results.items():
        print(f"{name:20}{one['median']:6.1f} s an epoch ({one['least']:.1f} to {one['most']:.1f})")
    if not arguments.dry:
        record("families", results)


if __name__ == "__main__":
    main()
