"""How many floating-point operations a second this machine reaches in one large matrix product.

`python -m tests.bench.rate` multiplies two square matrices several times in each precision, in
turn, and records medians and spread: the most that training could come to.
"""

import argparse
import time

import torch

from tests.bench.report import record, spread
from vaelib.devices import PRECISIONS, fast_float32, machine, pick_device

SIDE = 2048


def measure(rounds: int, side: int = SIDE) -> dict:
    """For each precision, operations a second: 2 side^3 in each product."""
    device = pick_device()
    factor = torch.randn(side, side, device=device)
    rates = {precision: [] for precision in PRECISIONS}
    with fast_float32():
        for round_ in range(rounds + 1):
            for precision, found in rates.items():
                seconds = _product(factor.bfloat16() if precision == "bfloat16" else factor)
                if round_ > 0:  # the first is a rehearsal
                    found.append(2 * side**3 / seconds)
    return {"side": side, **{precision: spread(found) for precision, found in rates.items()}}


def _product(factor: torch.Tensor) -> float:
    start = time.perf_counter()
    factor @ factor
    if factor.is_cuda:
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
