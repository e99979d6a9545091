"""What each of fit's tricks saves in time: a plain loop takes them on, one after the other.

`python -m tests.bench.ablation` runs an epoch of each stage in turn, several times, and records
medians and spread. The first stage is the plain loop, the last does what `vaelib.fit` does.
"""

import argparse
import contextlib
import functools
import time

import torch

import vaelib
from tests.bench.plain import BATCH_SIZE as PLAIN_BATCH
from tests.bench.plain import data_loader, plain_loss
from tests.bench.report import record, spread
from tests.bench.training import NETWORKS
from vaelib.devices import autocast, fast_float32, machine, pick_device

STAGES = (
    "plain loop",
    "images as one tensor",
    "larger batches",
    "cross-entropy from logits",
    "fused Adam",
    "products by oneDNN",
    "bfloat16",
)


def tensor_batches(images: torch.Tensor, batch_size: int, seed: int):
    """Batches taken from one tensor by their indices."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    for indices in order.to(images.device).split(batch_size):
        yield images.index_select(0, indices)


def epoch(model, images: torch.Tensor, batch_size: int, stage: int, seed: int) -> float:
    """Train for an epoch with the tricks up to a stage; returns its seconds."""
    on = functools.partial(_is_on, stage)
    device = images.device
    size = batch_size if on("larger batches") else PLAIN_BATCH
    whole = on("images as one tensor")
    plain = (batch for batch, _ in data_loader(seed))
    batches = tensor_batches(images, size, seed) if whole else plain
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=on("fused Adam"))
    precision = "bfloat16" if on("bfloat16") else "float32"
    with fast_float32() if on("products by oneDNN") else contextlib.nullcontext():
        start = time.perf_counter()
        for batch in batches:
            with autocast(device, precision):
                if on("cross-entropy from logits"):
                    terms = vaelib.objectives.training_terms(model, batch)
                    loss = (terms.kl - terms.reconstruction).mean()
                else:
                    loss = plain_loss(model, batch.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start


def _is_on(stage: int, trick: str) -> bool:
    return STAGES.index(trick) <= stage


def measure(name: str, images: torch.Tensor, rounds: int) -> dict:
    """For each stage the seconds of an epoch, each round on a new network."""
    network, seconds = NETWORKS[name], {stage: [] for stage in STAGES}
    for seed in range(rounds + 1):
        for stage, trick in enumerate(STAGES):
            torch.manual_seed(seed)
            model = vaelib.VAE(*network["sizes"]).to(images.device)
            found = epoch(model, images, network["options"]["batch_size"], stage, seed)
            if seed > 0:  # the first round is a rehearsal
                seconds[trick].append(found)
    return {
        "batch_size": network["options"]["batch_size"],
        "plain_batch_size": PLAIN_BATCH,
        "stages": [{"trick": trick, **spread(seconds[trick])} for trick in STAGES],
    }


def table(name: str, found: dict) -> str:
    """What was found, for people."""
    first = found["stages"][0]["median"]
    rows = [
        f"  {row['trick']:26} {row['median']:6.2f} s ({row['least']:.2f} to {row['most']:.2f}), "
        f"{first / row['median']:4.1f} times the first"
        for row in found["stages"]
    ]
    return "\n".join([f"{name}: seconds an epoch", *rows])


def main() -> None:
    """Measure both networks, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    images = vaelib.mnist("train").images.to(pick_device())
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    results = {}
    for name in NETWORKS:
        results[name] = measure(name, images, arguments.rounds)
        print(table(name, results[name]), flush=True)
    if not arguments.dry:
        record("ablation", results)


if __name__ == "__main__":
    main()
