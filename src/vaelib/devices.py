"""Where the arithmetic happens, how precisely, and what to do when memory is short."""

import contextlib
import ctypes
import os
import platform
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

PRECISIONS = ("float32", "bfloat16")
KINDS = ("cpu", "cuda", "mps", "xpu")  # of devices that torch can cast layers on
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
    except (RuntimeError, AssertionError, TypeError) as error:
        here = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        raise ValueError(
            f'wanted device as "auto" or one that torch finds here, {here}, got {device!r}'
        ) from error
    return chosen


class _Switch:
    """A setting of the whole process: the first of several threads sets it, the last resets it."""

    def __init__(self, read, write):
        self.read, self.write = read, write
        self.lock, self.inside, self.before = threading.Lock(), 0, None

    @contextlib.contextmanager
    def set_to(self, value, *equal) -> Iterator[None]:
        """Have it at the value, or at one that is as good, until the block ends."""
        with self.lock:
            if self.inside == 0:
                self.before = self.read()
            self.inside += 1
            if self.read() not in (value, *equal):
                self.write(value)
        try:
            yield
        finally:
            with self.lock:
                self.inside -= 1
                if self.inside == 0:
                    self.write(self.before)


def _attribute(owner, name: str) -> _Switch:
    return _Switch(lambda: getattr(owner, name), lambda value: setattr(owner, name, value))


_products = _attribute(torch.backends.mkldnn.matmul, "fp32_precision")
_default_dtype = _Switch(torch.get_default_dtype, torch.set_default_dtype)
EXACT = ("ieee", "none")  # what torch calls products of float32 whose factors are not rounded
_ON_A_GPU = (  # each setting, and its values with which results are those of this package
    (_attribute(torch.backends.cuda.matmul, "fp32_precision"), EXACT),
    (_attribute(torch.backends.cudnn.conv, "fp32_precision"), ("tf32",)),  # as at torch's import
    (_attribute(torch.backends.cudnn, "benchmark"), (False,)),  # no algorithm by a race
    (_attribute(torch.backends.cudnn, "deterministic"), (True,)),  # the same bits again
)


@contextlib.contextmanager
def fast_float32() -> Iterator[None]:
    """Let oneDNN multiply float32 matrices on the CPU, where that loses no precision.

    By default torch leaves them to Intel's MKL, which on other makers' processors takes half the
    speed. The one switch that torch has for it allows oneDNN to round factors to bfloat16, and so
    does `torch.set_float32_matmul_precision("medium")`. It does so only on processors with AMX, and
    there it is told not to.
    """
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    exact = not capabilities.get("avx512_f") or capabilities.get("amx_tile")
    with _products.set_to(*EXACT if exact else ("bf16",)):
        yield


@contextlib.contextmanager
def plain_torch(gradients: bool) -> Iterator[None]:
    """Torch as it is just after its import, whatever the reader has set, until the block ends.

    A new tensor is float32 on the CPU where nothing else is asked for, no layer is cast to another
    precision, and gradients are kept or not as asked, within `torch.inference_mode` too. Products
    of float32 matrices are fast (`fast_float32`), and on a GPU convolutions give the same bits when
    they are computed again.
    """
    with contextlib.ExitStack() as stack:
        if _default_device() != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(_default_dtype.set_to(torch.float32))
        for kind in KINDS:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(gradients))
        stack.enter_context(fast_float32())
        for switch, plain in _ON_A_GPU:
            stack.enter_context(switch.set_to(*plain))
        yield


def _default_device() -> str:
    """The kind of device that new tensors are on, also where torch cannot find it."""
    try:
        return torch.get_default_device().type
    except (RuntimeError, AssertionError):  # set to a GPU that is not here
        return "missing"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """A context in which layers multiply in that precision; their weights stay as they are.

    It may be entered again and again. On a CPU for which oneDNN has no products in bfloat16, and
    torch's own are far slower than in float32, the same rounded factors are multiplied in float32.

    Raises:
        ValueError: if the precision is neither "float32" nor "bfloat16".
    """
    if precision not in PRECISIONS:
        raise ValueError(f"wanted precision as one of {PRECISIONS}, got {precision!r}")
    if precision == "float32":  # torch looks at the precision even where nothing is cast
        return torch.autocast(device.type, enabled=False)
    if device.type == "cpu" and not multiplies_bfloat16():
        return _RoundedProducts()
    return torch.autocast(device.type, torch.bfloat16)


def multiplies_bfloat16() -> bool:
    """Whether oneDNN has products of bfloat16 matrices for this processor."""
    ask = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return ask is None or ask()


_PRODUCTS = {
    *(functional.linear, functional.conv1d, functional.conv2d, functional.conv3d),
    *(functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d),
    *(torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.bmm, torch.mm),
}


class _RoundedProducts(TorchFunctionMode):
    """Layers in bfloat16 as `torch.autocast` has them, but each product is computed in float32.

    Factors and results are rounded where bfloat16 would round them, in the gradients too.
    """

    def __init__(self):
        super().__init__()
        self._cast = torch.autocast("cpu", torch.bfloat16)
        self._exact = torch.autocast("cpu", enabled=False)

    def __enter__(self):
        self._cast.__enter__()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self._cast.__exit__(*error)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function not in _PRODUCTS or not torch.is_autocast_enabled("cpu"):
            return function(*args, **kwargs)
        rounded = {name: _rounded(value) for name, value in kwargs.items()}
        with self._exact:
            result = function(*map(_rounded, args), **rounded)
        return result.bfloat16() if result.dtype == torch.float32 else result


def _rounded(value):
    """A factor rounded to bfloat16, in float32; float64 and what is no factor as it is."""
    if isinstance(value, torch.Tensor) and value.dtype in (torch.float32, torch.bfloat16):
        return value.bfloat16().float()
    return value


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


def _set_thresholds(large: int, spare: int) -> None:
    """Up to which size glibc keeps freed blocks, and how much of them in all, in bytes."""
    with contextlib.suppress(OSError, AttributeError):  # another C library, another system
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, large)
        libc.mallopt(_M_TRIM_THRESHOLD, spare)
        libc.malloc_trim(0)


_kept_memory = _Switch(
    lambda: (2**25, 2**26),  # where glibc's own rule ends, which raises both as blocks are freed
    lambda sizes: _set_thresholds(*sizes),
)


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let this process keep the memory of a step for the next one, until the block ends.

    glibc returns large blocks to the system and fetches them again page by page, which takes a
    sixth of a small step and a third of an importance-weighted one. Within the block those above
    64 MiB still go back at once, and 256 MiB at most are kept. Afterwards all go back, and the
    limits are 32 and 64 MiB, the highest that glibc sets by itself. With another C library nothing
    happens.

    Source:
        mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    with _kept_memory.set_to((2**26, 2**28)):
        yield


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
