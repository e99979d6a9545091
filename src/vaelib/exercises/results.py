"""What a program has returned, as numbers, or a sentence on what it has returned instead."""

import inspect

import numpy as np
import torch
from torch import Tensor

from vaelib.exercises.answers import Wrong

GENERATORS = (inspect.isgenerator, inspect.isasyncgen)


def numbers(result) -> Tensor:
    """A result as an ordinary tensor of its own, without a graph."""
    if result is None:
        raise Wrong("it returns nothing: its last line should be `return ...`.")
    if inspect.iscoroutine(result):
        raise Wrong("it is an async function, which has to be awaited: leave out `async`.")
    kind = type(result).__name__
    if any(is_one(result) for is_one in GENERATORS):
        raise Wrong("it is a generator: `return` one tensor in place of each `yield`.")
    if isinstance(result, list | tuple | dict | set | str | range):
        raise Wrong(
            f"it returns a {kind} where one tensor is wanted: stack its parts, or return one."
        )
    if callable(result):
        raise Wrong(f"it returns a {kind} that could be called: return the numbers that it gives.")
    try:
        tensor = _tensor(result)
        _check_kind(tensor)
        return tensor.detach().as_subclass(Tensor).clone()
    except Wrong:
        raise
    except Exception:  # also what an object of the reader's raises when it is looked at
        raise Wrong(f"it returns {kind}, not numbers.") from None


def _tensor(result) -> Tensor:
    if isinstance(result, Tensor):
        return result
    if isinstance(result, np.ndarray | np.generic):
        return torch.from_numpy(np.array(result))
    return torch.as_tensor(result, dtype=torch.float64)


def _check_kind(tensor: Tensor) -> None:
    if tensor.is_nested:
        raise Wrong(
            "it returns a nested tensor, whose rows may differ in length: return one block."
        )
    if tensor.device.type != "cpu":
        raise Wrong(f"it returns a tensor on {tensor.device}; its arguments are on the CPU.")
    is_plain = tensor.layout == torch.strided and not tensor.is_quantized
    if not is_plain or tensor.is_complex():
        raise Wrong(f"it returns {tensor.dtype} of layout {tensor.layout}, not plain real numbers.")


def as_tensor(value) -> Tensor:
    """What a reference gives: a tensor, or a number as one in float64; a count stays an integer."""
    if isinstance(value, Tensor | int):
        return torch.as_tensor(value)
    return torch.tensor(value, dtype=torch.float64)
