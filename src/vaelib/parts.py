"""How much of a layer is held at once, so that memory grows neither with draws nor with images."""

from collections.abc import Iterator

import torch
from torch import Tensor

CHUNK = 2**23  # numbers of a layer held at once where no gradient is kept: 32 MiB in float32


def rows_at_once(model: torch.nn.Module, images: Tensor, chunk: int) -> int:
    """How many images, or draws, a network works on while no layer holds more than `chunk` numbers.

    Args:
        images: (B, ...); what counts is the number of pixels of one.
    """
    widest = getattr(model, "widest_layer", None) or max(
        (max(weight.shape, default=1) for weight in model.parameters()), default=1
    )
    return max(1, chunk // max(widest, images[0].numel()))


def parts_of(count: int, at_once: int) -> Iterator[int]:
    """A count in parts of at most `at_once`: 7 in parts of 3 is 3, 3, 1."""
    for start in range(0, count, at_once):
        yield min(at_once, count - start)


def in_parts(model, images: Tensor, rows: int) -> Iterator[tuple]:
    """A model and its images, at most `rows` of them at a time.

    The model is the same for each part, unless it was given a label for each image.
    """
    for start in range(0, len(images), rows):
        yield model.rows(start, start + rows), images[start : start + rows]
