"""How many floating-point operations a second this machine reaches in a matrix product.

`python -m tests.bench.rate` multiplies square matrices of several sizes in each precision, in turn
and several times, and records the best size's median and spread: the most to expect of training.
"""

import argparse
import time

import torch

from tests.bench.report import factor, record, spread
from vaelib.devices import PRECISIONS, fast_float32, machine, pick_device

SIDES = (512, 1024, 4096)  # small ones suit a processor's cache, large ones a GPU


def measure(rounds: int, sides: tuple[int, ...] = SIDES) -> dict:
    """For each precision, operations a second at the best side; a product has 2 side^3."""
    device = pick_device()
    rates = {precision: {side: [] for side in sides} for precision in PRECISIONS}
    with fast_float32():
        for round_ in range(rounds + 1):
            for precision, by_side in rates.items():
                for side, found in by_side.items():
                    numbers = torch.randn(side, side, device=device)
                    seconds = _product(factor(numbers, precision))
                    if round_ > 0:  # the first is a rehearsal
                        found.append(2 * side**3 / seconds)
    return {precision: _best(by_side) for precision, by_side in rates.items()}


def _best(by_side: dict[int, list[float]]) -> dict:
    found = [{"side": side, **spread(rates)} for side, rates in by_side.items()]
    return max(found, key=lambda rate: rate["median"])


def _product(square: torch.Tensor) -> float:
    if square.is_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    square @ square
    if square.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    results = measure(arguments.rounds)
    for precision in PRECISIONS:
        print(f"{precision}: {results[precision]['median'] / 1e9:.0f} billion operations a second")
    if not arguments.dry:
        record("rate", results)


if __name__ == "__main__":
    main()
