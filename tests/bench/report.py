"""What a benchmark found and on which machine, in one file that the book reads."""

import datetime
import json
import statistics
from pathlib import Path

import torch

from vaelib.data import write_atomically
from vaelib.devices import machine, multiplies_bfloat16

PATH = Path(__file__).parents[2] / "src" / "vaelib" / "_data" / "bench.json"


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
    text = json.dumps(sections, indent=2, allow_nan=False) + "\n"
    write_atomically(path, text.encode())


def spread(values: list[float]) -> dict:
    """The median of repeated measurements, the extremes, and how many there were."""
    return {
        "median": statistics.median(values),
        "least": min(values),
        "most": max(values),
        "count": len(values),
    }


def factor(numbers: torch.Tensor, precision: str) -> torch.Tensor:
    """A factor as `fit` multiplies it: float32 stands in where bfloat16 is not to be had.

    torch's own products in bfloat16 take some thirty times as long on a CPU without AVX-512.
    """
    native = numbers.is_cuda or multiplies_bfloat16()
    return numbers.bfloat16() if precision == "bfloat16" and native else numbers


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
