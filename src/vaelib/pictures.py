"""From a row of pixels to a picture: what every figure and widget draws images with."""

import math

import torch
from torch import Tensor

from vaelib.checks import integer

GREY, COLOUR = 1, 3  # channels of a picture


def image_shape(model) -> tuple[int, int, int]:
    """The shape (C, H, W) of a model's images.

    It is `model.image_shape`, which the constructor was given or `fit` took from its training
    images. A model that has none is taken to make square grey images, if its `input_dim` is a
    square.

    Raises:
        ValueError: if the model has no such shape and its `input_dim` is no square.
    """
    shape = getattr(model, "image_shape", None)
    return tuple(shape) if shape is not None else _grey_square(model.input_dim)


def image_of(pixels: Tensor, shape=None) -> Tensor:
    """One image as it is drawn: (H, W) if it is grey, (H, W, 3) in colour, float32 in [0, 1].

    Args:
        pixels: (P,), (H, W) or (C, H, W), on any device; a number beyond [0, 1] is drawn as the
            nearest of the two.
        shape: (C, H, W) of flattened pixels; without it they are a grey square.

    Raises:
        ValueError: if the pixels do not have such a shape, are neither grey nor in three colours,
            are integers, or are not finite.
    """
    if pixels.ndim == 0:
        raise ValueError("wanted the pixels of one image, got a single number")
    return images_of(pixels.unsqueeze(0), shape)[0]


def images_of(images: Tensor, shape=None) -> Tensor:
    """A batch of images as they are drawn: (N, H, W) or (N, H, W, 3), float32 in [0, 1].

    Args:
        images: (N, P), (N, H, W) or (N, C, H, W).
        shape: as for `image_of`.

    Raises:
        ValueError: as `image_of`, or if there are no images.
    """
    channels, height, width = _shape_of(images, shape)
    if channels not in (GREY, COLOUR):
        raise ValueError(
            f"wanted images of 1 channel (grey) or 3 (red, green, blue), got {channels} channels "
            f"of {height} x {width} pixels: draw one of them, images[:, :1]"
        )
    check_drawable(images)
    images = images.detach().cpu().float().clamp(0, 1).reshape(-1, channels, height, width)
    return images[:, 0] if channels == GREY else images.permute(0, 2, 3, 1)


def image_grid(images: Tensor, columns: int, gap: int = 2, shape=None) -> Tensor:
    """Tile images row by row into one: (height, width) if they are grey, else (height, width, 3).

    Between grey images there is NaN, which is drawn as nothing; between coloured ones white.

    Args:
        images: in [0, 1], (N, C, H, W) of one channel or three, (N, H, W), or flattened, (N, P).
        columns: images in a row.
        gap: pixels between two images.
        shape: (C, H, W) of flattened images, such as `model.image_shape`; without it they are
            grey squares.

    Raises:
        ValueError: if the images have no such shape, there are none, or a pixel is not in [0, 1].
    """
    if images.ndim == 0 or len(images) == 0 or columns < 1:
        count = 0 if images.ndim == 0 else len(images)
        raise ValueError(f"wanted images in 1 or more columns, got {count} in {columns}")
    columns, gap = integer("columns", columns), integer("gap", gap, least=0)
    tiles = images_of(images, shape)  # (N, H, W) or (N, H, W, 3)
    _check_range(images)
    height, width = (size + gap for size in tiles.shape[1:3])
    rows = -(-len(tiles) // columns)
    between = math.nan if tiles.ndim == 3 else 1.0
    size = (rows * height - gap, columns * width - gap, *tiles.shape[3:])
    grid = torch.full(size, between, dtype=tiles.dtype, device="cpu")
    for index, tile in enumerate(tiles):
        top, left = height * (index // columns), width * (index % columns)
        grid[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return grid


def _check_range(images: Tensor) -> None:
    """What is drawn as it is has to be in [0, 1], but for what sums of float32 may be beyond."""
    low, high = (bound.item() for bound in images.detach().aminmax())
    if low < -1e-3 or high > 1 + 1e-3:
        raise ValueError(f"wanted pixels in [0, 1], got values in [{low:g}, {high:g}]")


def check_drawable(images: Tensor) -> None:
    """Check that pixels are numbers with which a picture can be drawn.

    Raises:
        ValueError: if they are integers, or not finite.
    """
    if not (images.is_floating_point() or images.dtype == torch.bool):
        raise ValueError(f"wanted pixels in [0, 1], got {images.dtype}: divide bytes by 255")
    if not images.isfinite().all():
        raise ValueError("wanted finite pixels, got NaN or infinite ones")


def check_shape(shape, input_dim: int) -> tuple[int, int, int]:
    """An image's shape as three integers, (C, H, W); of (H, W), a grey image's.

    Raises:
        ValueError: if it is none, or has another number of pixels than `input_dim`.
    """
    try:
        sizes = tuple(integer("image_shape", size) for size in shape)
    except (TypeError, ValueError):
        sizes = ()
    sizes = (GREY, *sizes) if len(sizes) == 2 else sizes
    if len(sizes) != 3 or math.prod(sizes) != input_dim:
        raise ValueError(
            f"wanted image_shape as (C, H, W) of {input_dim} pixels in all, got {shape!r}"
        )
    return sizes


def batch_shape(images: Tensor) -> tuple[int, int, int] | None:
    """The shape (C, H, W) of each image of a batch, or None if its images are flattened."""
    if images.ndim == 3:
        return (GREY, *images.shape[1:])
    return tuple(images.shape[1:]) if images.ndim == 4 else None


def _shape_of(images: Tensor, shape) -> tuple[int, int, int]:
    if images.ndim not in (2, 3, 4) or images.numel() == 0:
        raise ValueError(
            f"wanted images of shape (N, C, H, W), (N, H, W) or (N, P), got {tuple(images.shape)}"
        )
    own = batch_shape(images)
    if own is not None:
        return own
    size = images.shape[1]
    return _grey_square(size) if shape is None else check_shape(shape, size)


def _grey_square(size: int) -> tuple[int, int, int]:
    side = math.isqrt(size)
    if side * side != size:
        raise ValueError(
            f"wanted square images, or to be told their shape, got {size} pixels an image: give "
            "the model image_shape=(C, H, W), or draw images of shape (N, C, H, W)"
        )
    return GREY, side, side
