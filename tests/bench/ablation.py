"""What each of fit's tricks saves in the time of an epoch, and what is left of it.

`python -m tests.bench.ablation` runs an epoch of each stage in turn, several times: a plain loop,
then one trick after the other, `vaelib.fit` itself, steps with their gradients by hand, JAX in
batches of the same size, and the matrix products alone. It records medians and spread.
"""

import argparse
import contextlib
import functools
import time

import torch

import vaelib
from tests.bench import by_hand, plain
from tests.bench.peers import run_jax
from tests.bench.report import factor, record, spread
from tests.bench.runs import NETWORKS
from tests.bench.training import RACED
from vaelib.devices import PRECISIONS, fast_float32, freed_memory_kept, machine, pick_device

BATCH_SIZE = 256
STAGES = (
    "plain loop",
    "a worker a core",
    "images as one tensor",
    "larger batches",
    "cross-entropy from logits",
    "fused Adam",
    "memory and products of fit",
)
FIT = {precision: f"fit, {precision}" for precision in PRECISIONS}
PRODUCTS = {precision: f"its products alone, {precision}" for precision in PRECISIONS}
PEER = "JAX"
BY_HAND = "gradients by hand"


def tensor_batches(images: torch.Tensor, batch_size: int, seed: int):
    """Batches taken from one tensor by their indices."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    for indices in order.to(images.device).split(batch_size):
        yield images.index_select(0, indices)


def epoch(model, images: torch.Tensor, stage: int, seed: int) -> float:
    """Train for an epoch with the tricks up to a stage; returns its seconds."""
    on = functools.partial(_is_on, stage)
    device = images.device
    size = BATCH_SIZE if on("larger batches") else plain.BATCH_SIZE
    workers = _cores() if stage == STAGES.index("a worker a core") else 0
    loaded = (batch for batch, _ in plain.data_loader(seed, workers))
    whole = on("images as one tensor")
    batches = tensor_batches(images, size, seed) if whole else loaded
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=on("fused Adam"))
    with contextlib.ExitStack() as stack:
        if on("memory and products of fit"):
            stack.enter_context(fast_float32())
            stack.enter_context(freed_memory_kept())
        start = time.perf_counter()
        for batch in batches:
            if on("cross-entropy from logits"):
                terms = vaelib.objectives.training_terms(model, batch)
                loss = (terms.kl - terms.reconstruction).mean()
            else:
                loss = plain.plain_loss(model, batch.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        plain.wait(device)
        return time.perf_counter() - start


def _is_on(stage: int, trick: str) -> bool:
    return STAGES.index(trick) <= stage


def _cores() -> int:
    return machine()["cores"]


def fit_epoch(sizes: tuple, images: torch.Tensor, precision: str, seed: int) -> float:
    """Seconds of the second of two epochs of `vaelib.fit`."""
    model, options = vaelib.VAE(*sizes), {"batch_size": BATCH_SIZE, "seed": seed}
    history = vaelib.fit(model, images, epochs=2, precision=precision, progress=False, **options)
    return history.seconds[-1]


def products_alone(sizes: tuple, precision: str, count: int, repeats: int = 20) -> float:
    """Seconds that the matrix products of an epoch take when nothing else is done."""
    (pixels, hidden, latent), device = sizes, pick_device()
    layers = [(pixels, hidden), (hidden, 2 * latent), (latent, hidden), (hidden, pixels)]
    factors = [
        [torch.randn(shape, device=device) for shape in ((BATCH_SIZE, n), (n, m), (BATCH_SIZE, m))]
        for n, m in layers
    ]
    factors = [[factor(one, precision) for one in layer] for layer in factors]
    times = []
    with fast_float32(), freed_memory_kept():
        for _ in range(repeats):
            start = time.perf_counter()
            for index, (x, weights, slope) in enumerate(factors):
                x @ weights  # forward
                x.T @ slope  # the weights' gradient
                if index > 0:  # no gradient is wanted of the images
                    slope @ weights.T
            plain.wait(device)
            times.append(time.perf_counter() - start)
    return sorted(times)[repeats // 2] * count / BATCH_SIZE


def measure(name: str, images: torch.Tensor, rounds: int) -> dict:
    """For each stage the seconds of an epoch, each round on a new network."""
    sizes, seconds = NETWORKS[name], {}
    for seed in range(rounds + 1):
        found = {}
        for stage, trick in enumerate(STAGES):
            torch.manual_seed(seed)
            model = vaelib.VAE(*sizes).to(images.device)
            found[trick] = epoch(model, images, stage, seed)
        for precision in PRECISIONS:
            found[FIT[precision]] = fit_epoch(sizes, images, precision, seed)
            found[PRODUCTS[precision]] = products_alone(sizes, precision, len(images))
        torch.manual_seed(seed)
        model = vaelib.VAE(*sizes).to(images.device)
        found[BY_HAND] = by_hand.epoch(model, images, BATCH_SIZE, seed)
        found[PEER] = run_jax(sizes, BATCH_SIZE, 2, seed)["epochs"][-1]
        if seed > 0:  # the first round is a rehearsal
            for stage, one in found.items():
                seconds.setdefault(stage, []).append(one)
    return {
        "batch_size": BATCH_SIZE,
        "plain_batch_size": plain.BATCH_SIZE,
        "stages": [{"trick": trick, **spread(seconds[trick])} for trick in STAGES],
        **{key: spread(seconds[key]) for key in (*FIT.values(), *PRODUCTS.values(), BY_HAND, PEER)},
    }


def table(name: str, found: dict) -> str:
    """What was found, for people."""
    first = found["stages"][0]["median"]
    rows = [(row["trick"], row) for row in found["stages"]]
    rows += [(key, found[key]) for key in (*FIT.values(), BY_HAND, PEER, *PRODUCTS.values())]
    lines = [
        f"  {trick:32} {row['median']:6.2f} s ({row['least']:.2f} to {row['most']:.2f}), "
        f"{first / row['median']:4.1f} times the first"
        for trick, row in rows
    ]
    return "\n".join([f"{name}: seconds an epoch", *lines])


def main() -> None:
    """Measure both networks, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    images = vaelib.mnist("train").images.to(pick_device())
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    results = {}
    for name in RACED:
        results[name] = measure(name, images, arguments.rounds)
        print(table(name, results[name]), flush=True)
        if not arguments.dry:
            record("ablation", results)


if __name__ == "__main__":
    main()
