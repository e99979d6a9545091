"""What a benchmark found and on which machine, in one file that the book reads."""

import datetime
import json
import os
import platform
import statistics
from pathlib import Path

import torch

from vaelib.data import write_atomically

PATH = Path(__file__).parents[2] / "book" / "_data" / "bench.json"


def record(section: str, results: dict, path: Path = PATH) -> None:
    """Put one section's results into the file and leave the others as they are.

    Each section has its own machine and date, since not all need be measured in one go.

    Args:
        section: what was measured, such as "training".
        results: anything that JSON can hold.

    Raises:
        ValueError: if the file is there and is no JSON object; it is left as it is.
    """
    sections = _read(path)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    sections[section] = {"date": date, "machine": machine(), "results": results}
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(sections, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_atomically(path, text.encode())


def machine() -> dict:
    """Hardware and versions: what a time depends on besides the code."""
    found = {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def spread(values: list[float]) -> dict:
    """The median of repeated measurements, the extremes, and how many there were."""
    return {
        "median": statistics.median(values),
        "least": min(values),
        "most": max(values),
        "count": len(values),
    }


def _read(path: Path) -> dict:
    if not path.exists():
        return {}
    try:
        sections = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.name} is damaged ({error}): restore or delete it") from error
    if not isinstance(sections, dict):
        raise ValueError(f"wanted a JSON object in {path.name}, got a {type(sections).__name__}")
    return sections


def _processor() -> str:
    """The processor's name as the system tells it; Python's own answer is often empty."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
