"""What the book costs: time and peak memory of each chapter and of a build from nothing.

`python -m tests.bench.book` runs them in turn, several times, each in a process of its own, and
records medians and spread. Peak memory is that of the largest process.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.report import record, spread
from vaelib.devices import machine

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
# A small process between this one and the command: a child's peak is never below its parent's size.
WATCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.run(sys.argv[1:]).returncode
seconds = time.perf_counter() - start
print()
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
path = sys.argv[1]
resources = {"metadata": {"path": path.rpartition("/")[0]}}
NotebookClient(nbformat.read(path, as_version=4), timeout=600, resources=resources).execute()
"""


def cost(command: list[str]) -> tuple[float, float]:
    """Seconds and mebibytes that a command takes.

    Raises:
        RuntimeError: if it fails; the message ends with what it wrote.
    """
    environment = os.environ | {"TQDM_DISABLE": "1"}
    watched = [sys.executable, "-c", WATCH, *command]
    done = subprocess.run(watched, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        ending = (done.stdout + done.stderr)[-2000:]
        raise RuntimeError(f"{command[:3]} ended with {done.returncode}: {ending}")
    seconds, peak = done.stdout.split()[-2:]
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes or KiB
    return float(seconds), float(peak) / unit


def chapter(path: Path) -> list[str]:
    """The command that runs a chapter from the top and stores nothing."""
    return [sys.executable, "-c", EXECUTE, str(path)]


def build(folder: str) -> list[str]:
    """The command that builds the book's pages from nothing into a folder."""
    program = str(Path(sys.executable).with_name("jupyter-book"))
    return [program, "build", ".", "--path-output", folder, "--quiet"]


def measure(rounds: int, chapters: list[Path]) -> dict:
    """Seconds and memory of each chapter and of the build."""
    found = {path.stem: [] for path in chapters} | {"build": []}
    for _ in range(rounds):
        for path in chapters:
            found[path.stem].append(cost(chapter(path)))
        with tempfile.TemporaryDirectory() as folder:
            found["build"].append(cost(build(folder)))
    return {name: _summary(costs) for name, costs in found.items()}


def _summary(costs: list[tuple[float, float]]) -> dict:
    seconds, mebibytes = zip(*costs, strict=True)
    return {"seconds": spread(list(seconds)), "peak_mebibytes": spread(list(mebibytes))}


def table(found: dict) -> str:
    """What was found, for people."""
    return "\n".join(
        f"{name:18} {row['seconds']['median']:6.1f} s ({row['seconds']['least']:.1f} to "
        f"{row['seconds']['most']:.1f}), {row['peak_mebibytes']['median']:5.0f} MiB"
        for name, row in found.items()
    )


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="print and record nothing")
    arguments = parser.parse_args()
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    found = measure(arguments.rounds, CHAPTERS)
    print(table(found))
    if not arguments.dry:
        record("book", found)


if __name__ == "__main__":
    main()
