"""Where the time of a step of `vaelib.fit` goes: `python -m tests.bench.step`.

PyTorch's profiler notes when each operation begins and ends; kept is one step in the middle of an
epoch, the one whose length is the median of all.
"""

import argparse
from itertools import pairwise

from torch.profiler import ProfilerActivity, profile

import vaelib
from tests.bench.report import record
from tests.bench.runs import NETWORKS
from vaelib.devices import machine

GROUPS = {
    "matrix products": ("aten::mm", "aten::addmm"),
    "Adam": ("aten::_fused_adam_",),
    "fetching the batch": ("aten::index_select",),
}
NETWORK, BATCH_SIZE, STEPS = "784-400-20", 256, 60


def measure() -> dict:
    """Microseconds of the step, and where in it each operation of a group begins and how long."""
    images = vaelib.mnist("train").images[: STEPS * BATCH_SIZE]
    options = {"epochs": 1, "batch_size": BATCH_SIZE, "device": "cpu", "progress": False}
    vaelib.fit(vaelib.VAE(*NETWORKS[NETWORK]), images, **options)  # a rehearsal
    with profile(activities=[ProfilerActivity.CPU]) as found:
        vaelib.fit(vaelib.VAE(*NETWORKS[NETWORK]), images, **options)
    events = [event for event in found.events() if event.name.startswith("aten::")]
    fetches = GROUPS["fetching the batch"]
    begins = sorted(event.time_range.start for event in events if event.name in fetches)
    steps = sorted(pairwise(begins), key=lambda step: step[1] - step[0])
    begin, end = steps[len(steps) // 2]
    spans = {
        group: [
            (event.time_range.start - begin, event.time_range.end - event.time_range.start)
            for event in events
            if event.name in names and begin <= event.time_range.start < end
        ]
        for group, names in GROUPS.items()
    }
    return {"network": NETWORK, "batch_size": BATCH_SIZE, "length": end - begin, "spans": spans}


def table(found: dict) -> str:
    """What was found, for people."""
    lines = [f"{found['network']}: a step of {found['length'] / 1000:.1f} ms"]
    for group, spans in found["spans"].items():
        share = sum(width for _, width in spans) / found["length"]
        lines.append(f"  {group:20} {len(spans):3} calls, {share:.0%}")
    return "\n".join(lines)


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    results = measure()
    print(table(results))
    if not arguments.dry:
        record("step", results)


if __name__ == "__main__":
    main()
