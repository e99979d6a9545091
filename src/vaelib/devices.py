"""Where the arithmetic happens, how precisely, and what to do when memory is short."""

import contextlib
import ctypes
import os
import platform
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch

PRECISIONS = ("float32", "bfloat16")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # as in glibc's malloc.h


def pick_device(device: str = "auto") -> torch.device:
    """The device of that name; "auto" is a CUDA device if torch can use one, else the CPU.

    Raises:
        ValueError: if torch knows no such device, or has none here.
    """
    if device == "auto":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a driver that is too old for torch: use the CPU
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        here = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        raise ValueError(
            f'wanted device as "auto" or one that torch finds here, {here}, got {device!r}'
        ) from error
    return chosen


@contextlib.contextmanager
def fast_float32() -> Iterator[None]:
    """Let oneDNN multiply float32 matrices on the CPU, where that loses no precision.

    By default torch leaves them to Intel's MKL, which on other makers' processors takes half the
    speed. The one switch that torch has for it allows oneDNN to round factors to bfloat16; it does
    so only on processors with AMX, and there the switch is not touched.
    """
    matmul = torch.backends.mkldnn.matmul
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    before = matmul.fp32_precision
    try:
        if capabilities.get("avx512_f") and not capabilities.get("amx_tile"):
            matmul.fp32_precision = "bf16"
        yield
    finally:
        matmul.fp32_precision = before


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """A context in which layers multiply in that precision; their weights stay as they are.

    Raises:
        ValueError: if the precision is neither "float32" nor "bfloat16".
    """
    if precision not in PRECISIONS:
        raise ValueError(f"wanted precision as one of {PRECISIONS}, got {precision!r}")
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


@contextlib.contextmanager
def memory_advice(what_to_lower: str) -> Iterator[None]:
    """Turn torch's ways of running out of memory into one that says what to lower.

    Raises:
        MemoryError: if the memory of the device that is used does not suffice.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        signs = ("out of memory", "can't allocate memory", "not enough memory")
        if isinstance(error, RuntimeError) and not any(sign in str(error) for sign in signs):
            raise
        raise MemoryError(f"the memory does not suffice: lower {what_to_lower}") from error


def keep_freed_memory() -> None:
    """Let this process keep the memory of a step for the next one, where the C library can.

    glibc returns large blocks to the system and fetches them again page by page, which takes a
    sixth of a small step and a third of an importance-weighted one. Blocks above 64 MiB still go
    back at once, and 256 MiB at most are kept. It holds for the whole process.

    Source:
        mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library, another system
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(_M_MMAP_THRESHOLD, 2**26)
        mallopt(_M_TRIM_THRESHOLD, 2**28)


def machine() -> dict:
    """Hardware and versions: what a time, and the last digits of a result, depend on."""
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


def _processor() -> str:
    """The processor's name as the system tells it; Python's own answer is often empty."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
