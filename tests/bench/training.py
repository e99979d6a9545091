"""How fast `vaelib.fit` trains, beside a plain loop and beside its own matrix products.

`python -m tests.bench.training` runs both in turn, several times, and records medians and spread.
Both train for a number of epochs that is fixed beforehand, and fit has won the race only if its
median test loss is not above the plain loop's. A time is that of training alone: reading the data
and testing are left out on both sides.
"""

import argparse
import time

import torch

import vaelib
from tests.bench.plain import data_loader, plain_loss
from tests.bench.report import record, spread
from vaelib.devices import PRECISIONS, fast_float32, machine, pick_device

# What fit is given for each network, chosen on seeds 10 to 17; the race has those from 0 up.
NETWORKS = {
    "784-256-2": {
        "sizes": (784, 256, 2),
        "options": {"epochs": 2, "batch_size": 320, "learning_rate": 0.06, "encoder_rate": 0.25},
    },
    "784-400-20": {
        "sizes": (784, 400, 20),
        "options": {"epochs": 2, "batch_size": 256, "learning_rate": 0.0275, "encoder_rate": 0.25},
    },
}


def plain_loop(model, epochs: int, seed: int, device) -> list[float]:
    """The loop that most tutorials have; returns each epoch's seconds."""
    loader = data_loader(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        for batch, _ in loader:
            loss = plain_loss(model, batch.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        _wait(device)
        seconds.append(time.perf_counter() - start)
    return seconds


def run_plain(network: dict, epochs: int, seed: int) -> dict:
    """Train a new model with the plain loop: seconds of each epoch and the test loss at the end."""
    torch.manual_seed(seed)
    device = pick_device()
    model = vaelib.VAE(*network["sizes"]).to(device)
    seconds = plain_loop(model, epochs, seed, device)
    return {"epochs": seconds, "total": sum(seconds), "loss": test_loss(model)}


def run_fit(network: dict, precision: str, seed: int) -> dict:
    """Train a new model with `vaelib.fit`: the same figures."""
    torch.manual_seed(seed)
    model, images = vaelib.VAE(*network["sizes"]), MNIST_IMAGES["train"]
    options = {**network["options"], "precision": precision, "seed": seed}
    start = time.perf_counter()
    history = vaelib.fit(model, images, **options, progress=False)
    total = time.perf_counter() - start
    return {"epochs": history.seconds, "total": total, "loss": test_loss(model)}


def products_alone(network: dict, precision: str, repeats: int = 20) -> float:
    """Seconds that an epoch's matrix products take when nothing else is done."""
    pixels, hidden, latent = network["sizes"]
    batch, device = network["options"]["batch_size"], pick_device()
    layers = [(pixels, hidden), (hidden, 2 * latent), (latent, hidden), (hidden, pixels)]
    factors = [
        [torch.randn(shape, device=device) for shape in ((batch, n), (n, m), (batch, m))]
        for n, m in layers
    ]
    if precision == "bfloat16":
        factors = [[factor.bfloat16() for factor in layer] for layer in factors]
    times = []
    with fast_float32():
        for _ in range(repeats):
            start = time.perf_counter()
            for index, (x, weights, slope) in enumerate(factors):
                x @ weights  # forward
                x.T @ slope  # the weights' gradient
                if index > 0:  # no gradient is wanted of the images
                    slope @ weights.T
            _wait(device)
            times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2] * len(MNIST_IMAGES["train"]) / batch


def test_loss(model) -> float:
    """-ELBO of the test images in nats, the same for both loops."""
    return -vaelib.mean_terms(model, MNIST_IMAGES["test"]).elbo


def measure(name: str, rounds: int, epochs: int) -> dict:
    """Plain loop and fit in turn, so that what else the machine does falls on both."""
    network, plain, fits, limits = NETWORKS[name], [], {}, {}
    for seed in range(rounds):
        plain.append(run_plain(network, epochs, seed))
        for precision in PRECISIONS:
            fits.setdefault(precision, []).append(run_fit(network, precision, seed))
            limits.setdefault(precision, []).append(products_alone(network, precision))
    return {
        "plain": summary(plain),
        "fit": {p: compared(fits[p], plain, limits[p]) for p in PRECISIONS},
        "options": network["options"],
        "plain_epochs": epochs,
    }


def summary(runs: list[dict]) -> dict:
    """Seconds an epoch, seconds in all, and the loss that was reached."""
    return {
        "epoch_seconds": spread([second for run in runs for second in run["epochs"]]),
        "seconds": spread([run["total"] for run in runs]),
        "loss": spread([run["loss"] for run in runs]),
    }


def compared(runs: list[dict], plain: list[dict], limits: list[float]) -> dict:
    """The same, and how many times sooner than the plain loop of the same round."""
    found, pairs = summary(runs), list(zip(runs, plain, strict=True))
    return {
        **found,
        "reached": found["loss"]["median"] <= spread([run["loss"] for run in plain])["median"],
        "times_sooner": spread([other["total"] / run["total"] for run, other in pairs]),
        "products_seconds": spread(limits),
        "share_of_products": spread(limits)["median"] / found["epoch_seconds"]["median"],
    }


def table(name: str, found: dict) -> str:
    """What was found, for people."""
    rows = [("plain loop", found["plain"])]
    rows += [(f"fit, {precision}", row) for precision, row in found["fit"].items()]
    lines = [f"{name}: test -ELBO of the plain loop after {found['plain_epochs']} epochs"]
    for label, row in rows:
        total, epoch = row["seconds"], row["epoch_seconds"]
        line = (
            f"  {label:14} {total['median']:7.2f} s ({total['least']:.2f} to {total['most']:.2f}), "
            f"{epoch['median']:.2f} s an epoch, {row['loss']['median']:.2f} nats"
        )
        if "times_sooner" in row:
            line += (
                f" ({'reached' if row['reached'] else 'NOT reached'}), "
                f"{row['times_sooner']['median']:.1f} times sooner, "
                f"{row['share_of_products']:.0%} of it matrix products"
            )
        lines.append(line)
    return "\n".join(lines)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Measure both networks, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--epochs", type=int, default=10, help="of the plain loop")
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    MNIST_IMAGES.update({split: vaelib.mnist(split).images for split in ("train", "test")})
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    results = {}
    for name in NETWORKS:
        results[name] = measure(name, arguments.rounds, arguments.epochs)
        print(table(name, results[name]), flush=True)
    if not arguments.dry:
        record("training", results)


MNIST_IMAGES: dict[str, torch.Tensor] = {}

if __name__ == "__main__":
    main()
