"""How far the settings that `fit` chooses are from the best ones found.

`python -m tests.bench.defaults` trains networks of several sizes for several numbers of epochs,
with what `fit` chooses and with every row of a grid, on the held-out images of `runs` alone.
"""

import argparse
import math

import vaelib
from tests.bench.report import record
from tests.bench.runs import HELD_OUT, NETWORKS, all_losses, task
from vaelib.devices import machine
from vaelib.optimizing import completed

RATES = {  # tried, by epochs and batch size, with a quarter of it in the encoder
    2: {128: (0.01, 0.02, 0.035), 256: (0.015, 0.03, 0.05, 0.08), 512: (0.03, 0.05, 0.08)},
    5: {128: (0.01, 0.02), 256: (0.01, 0.02, 0.03, 0.05), 512: (0.02, 0.04)},
    20: {256: (0.007, 0.015, 0.03)},
}
SAME_RATES = {  # tried, by epochs, in batches of 256 with the same rate in the encoder
    2: (0.007, 0.015, 0.03),
    5: (0.007, 0.015),
    20: (0.01,),
}
LEFT_OUT = {("784-1024-20", 20), ("784-400-200-20", 20)}  # they would take as long as all others
FEWER_BATCHES = {("784-1024-20", 5), ("784-400-200-20", 5)}


def grid(network: str, epochs: int) -> list[dict]:
    """The settings that are tried."""
    rows = [
        {"batch_size": batch, "learning_rate": rate, "encoder_rate": 0.25}
        for batch, rates in RATES[epochs].items()
        for rate in rates
        if batch == 256 or (network, epochs) not in FEWER_BATCHES
    ]
    same = SAME_RATES[epochs]
    rows += [{"batch_size": 256, "learning_rate": rate, "encoder_rate": 1.0} for rate in same]
    return [{**row, "epochs": epochs} for row in rows]


def measure(network: str, epochs: int) -> dict:
    """The held-out loss of what `fit` chooses, and that of the best row."""
    rows = grid(network, epochs)
    own, *others = all_losses(
        [task(network, row, 0, held_out=True) for row in ({"epochs": epochs}, *rows)]
    )
    best = min(range(len(rows)), key=lambda index: others[index][-1])
    chosen = completed(
        vaelib.Settings(epochs=epochs), vaelib.VAE(*NETWORKS[network]), 60_000 - HELD_OUT
    )
    names = ("batch_size", "learning_rate", "encoder_rate")
    return {
        "loss": own[-1],
        "chosen": {name: getattr(chosen, name) for name in names},
        "best_loss": others[best][-1],
        "best": {name: rows[best][name] for name in names},
        "tried": sum(math.isfinite(one[-1]) for one in others),
    }


def line(network: str, epochs: int, found: dict) -> str:
    """What was found, for people."""
    worse = found["loss"] - found["best_loss"]
    return (
        f"{network:12}{epochs:4} epochs: {found['loss']:7.2f} nats, {worse:+.2f} from the best "
        f"of {found['tried']} ({found['best_loss']:.2f})"
    )


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    results = {}
    for epochs in RATES:
        for network in NETWORKS:
            if (network, epochs) not in LEFT_OUT:
                found = measure(network, epochs)
                results.setdefault(network, {})[str(epochs)] = found
                print(line(network, epochs, found), flush=True)
    if not arguments.dry:
        record("defaults", results)


if __name__ == "__main__":
    main()
