"""Data sets of any library in, one `ImageDataset` out: what indexing gives, row by row."""

from collections.abc import Mapping

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset
from torchvision.datasets import MNIST

from vaelib.data import ImageDataset, check_dense, from_bytes, label_tensor

FULL_SCALE = {torch.uint8: 255, torch.uint16: 65535, torch.bool: 1}  # what stands for white
PLAIN = (MNIST.__getitem__, MNIST.__len__)  # as torchvision has them, whatever is patched later
IMAGE_KEYS = {"image", "img", "pixel_values"}  # of rows that are dicts
LABEL_KEYS = {"label", "labels", "target", "targets"}
CONVERT = "begin the transform with Grayscale(), or with lambda image: image.convert('RGB')"


def image_dataset(dataset) -> ImageDataset:
    """Read a whole data set into memory: the images and labels that indexing it gives.

    Transforms count, whenever they were set, and so does what a subclass overrides. Files are read
    one at a time. torchvision's EMNIST gives its letters transposed, and so does this: turn them by
    `transform=lambda image: image.transpose(PIL.Image.Transpose.TRANSPOSE)`, or take
    `ImageDataset(data.images.mT, data.labels)` afterwards.

    Args:
        dataset: anything with a length whose entries are `(image, label)`, an image alone, or a
            dict with one image and one label: torchvision's `MNIST` or an `ImageFolder` of your
            own, a `Subset`, a `TensorDataset`, a `datasets.Dataset` of Hugging Face, a list. All
            images have one size. An image is

            - a PIL image in grey (8 or 16 bit, black and white) or RGB, or with a palette, which is
              read as RGB. An `ImageFolder` gives RGB unless its transform begins with
              `Grayscale()`;
            - a tensor (C, H, W) or (H, W), or a NumPy array (H, W, C) or (H, W), of floating-point
              numbers in [0, 1], of bytes, of 16-bit unsigned integers, or of bools.

            A label is a number, a list of numbers, or an array, of one shape for all images.

    Returns:
        The images, (N, C, H, W) float32 in [0, 1], and the labels, (N, ...), or None if no image
        has one.

    Raises:
        ValueError: if it cannot be indexed, is empty, or an entry is none of the above; the message
            says which, and what was wanted.
    """
    count = _length(dataset)
    if _is_plain_mnist(dataset):
        return from_bytes(dataset.data, dataset.targets)
    images, labels, dark = None, [], True
    for index in range(count):
        image, label = _image_and_label(_row(dataset, index, count), index)
        pixels, white = _pixels(image, index)
        if images is None:
            size = (count, *pixels.shape)
            images = torch.empty(size, dtype=torch.float32, device="cpu")
        _check_same_shape(images[0], pixels, index)
        numbers = pixels.to(torch.float32)
        dark = dark and white > 1 and bool(numbers.max() <= 1)
        images[index] = numbers / white
        labels.append(label)
    if dark and images.any():
        raise ValueError(
            "wanted bytes from 0 to 255, got images whose bytes are all 0 or 1 and would be read "
            "as nearly black: let the data set give image.float()"
        )
    return ImageDataset(images, label_tensor(labels))


def _length(dataset) -> int:
    """How many entries there are, once it is sure that they can be had by their index."""
    name = type(dataset).__name__
    if isinstance(dataset, DataLoader):
        raise ValueError("wanted a data set, got a DataLoader: give its `.dataset`")
    if isinstance(dataset, Mapping):
        raise ValueError(f"wanted a data set, got a {name}: give one of {list(dataset)}")
    indexed = hasattr(type(dataset), "__getitem__") and not isinstance(dataset, IterableDataset)
    try:
        count = len(dataset) if indexed else None
    except (TypeError, NotImplementedError):
        count = None
    if count is None:
        raise ValueError(
            "wanted a data set with a length and entries by their index (map-style), got "
            f"{name}: a list of its entries will do"
        )
    if count == 0:
        raise ValueError(f"wanted a data set with images, got an empty {name}")
    return count


def _is_plain_mnist(dataset) -> bool:
    """Whether indexing gives just what `.data` and `.targets` hold, as MNIST's relatives do."""
    kind = type(dataset)
    if not isinstance(dataset, MNIST) or (kind.__getitem__, kind.__len__) != PLAIN:
        return False
    if dataset.transform is not None or dataset.target_transform is not None:
        return False
    pixels, labels = dataset.data, dataset.targets
    tensors = isinstance(pixels, Tensor) and isinstance(labels, Tensor)
    return (
        tensors
        and (pixels.dtype, pixels.ndim, pixels.device.type) == (torch.uint8, 3, "cpu")
        and (labels.dtype, labels.shape) == (torch.int64, pixels.shape[:1])
    )


def _row(dataset, index: int, count: int):
    try:
        return dataset[index]
    except (IndexError, KeyError, NotImplementedError) as error:
        raise ValueError(
            f"wanted {count} entries, by their index from 0, as the length of the "
            f"{type(dataset).__name__} says; number {index} gave {error!r}"
        ) from error
    except Exception as error:
        error.add_note(f"while vaelib.image_dataset read entry {index} of the data set")
        raise


def _image_and_label(row, index: int):
    """The two parts of an entry; the label is None if there is none."""
    if isinstance(row, PIL.Image.Image | Tensor | np.ndarray):
        return row, None
    if isinstance(row, Mapping):
        return _from_mapping(row)
    if isinstance(row, tuple | list) and len(row) in (1, 2):
        return row[0], row[1] if len(row) == 2 else None
    size = f" of {len(row)}" if isinstance(row, tuple | list) else ""
    raise ValueError(
        "wanted entries of the data set as (image, label), as images alone, or as dicts, got a "
        f"{type(row).__name__}{size} at index {index}"
    )


def _from_mapping(row: Mapping):
    images = [name for name, value in row.items() if _is_picture(value)]
    if len(images) != 1:
        images = [name for name in images if name in IMAGE_KEYS]
    others = [name for name in row if name not in images]
    labels = [name for name in others if name in LABEL_KEYS] if len(others) != 1 else others
    if len(images) != 1 or len(labels) > 1 or (others and not labels):
        raise ValueError(
            "wanted dicts with one image and at most one label, got the keys "
            f"{list(row)}: keep two of them, and call them image and label"
        )
    return row[images[0]], row[labels[0]] if labels else None


def _is_picture(value) -> bool:
    array = isinstance(value, Tensor | np.ndarray) and value.ndim >= 2
    return array or isinstance(value, PIL.Image.Image)


def _pixels(image, index: int) -> tuple[Tensor, int]:
    """An image as (C, H, W), and the number that stands for white in it."""
    if isinstance(image, PIL.Image.Image):
        pixels = _from_array(_from_pil(image), index)
    elif isinstance(image, np.ndarray):
        pixels = _from_array(image, index)
    elif isinstance(image, Tensor):
        check_dense(image)
        pixels = image.detach().cpu()
    else:
        raise ValueError(
            "wanted a PIL image, an array or a tensor as the image of each entry, got "
            f"{type(image).__name__} at index {index}"
        )
    pixels = pixels.unsqueeze(0) if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.numel() == 0 or _is_channels_last(pixels.shape):
        raise ValueError(
            f"wanted tensors of shape (C, H, W) or (H, W), got {tuple(image.shape)} at index "
            f"{index}: permute(2, 0, 1) brings channels to the front"
        )
    if not (pixels.is_floating_point() or pixels.dtype in FULL_SCALE):
        raise ValueError(
            "wanted images of floating-point numbers in [0, 1] or of bytes, got "
            f"{pixels.dtype} at index {index}: divide them by what stands for white"
        )
    return pixels, FULL_SCALE.get(pixels.dtype, 1)


def _is_channels_last(shape) -> bool:
    """Whether a shape looks as if grey or colour stood at the wrong end of (C, H, W)."""
    return shape[-1] in (1, 3) and shape[0] not in (1, 3)


def _from_pil(image: PIL.Image.Image) -> np.ndarray:
    """The pixels of a PIL image, (H, W) or (H, W, C); this reads its file and closes it."""
    if image.mode == "P" and "transparency" not in image.info:
        image = image.convert("RGB")
    if image.mode in ("1", "L", "RGB", "F"):
        return np.array(image)
    if image.mode.startswith("I;16"):
        return np.array(image).astype(np.uint16)
    if image.mode == "I":
        raise ValueError(
            "wanted images of 8 or 16 bit, got one of 32 bit (PIL's mode I), where no number "
            "stands for white: let the transform divide, np.asarray(image, np.float32) / 65535"
        )
    raise ValueError(
        f"wanted images in grey or RGB, got one of PIL's mode {image.mode!r}"
        f"{' with transparency' if image.mode == 'P' else ''}: {CONVERT}"
    )


def _from_array(array: np.ndarray, index: int) -> Tensor:
    """A NumPy array, (H, W) or (H, W, C), as a tensor, (C, H, W)."""
    array = array[..., None] if array.ndim == 2 else array
    if array.ndim != 3 or _is_channels_last(array.shape[::-1]):
        raise ValueError(
            f"wanted NumPy images of shape (H, W) or (H, W, C), got {array.shape} at index "
            f"{index}: torch.from_numpy(image) is read as (C, H, W)"
        )
    try:
        native = array.astype(array.dtype.newbyteorder("="))  # a copy: a file's may be read-only
        return torch.from_numpy(native).permute(2, 0, 1)
    except TypeError as error:  # objects, text
        raise ValueError(
            f"wanted images as numbers, got an array of {array.dtype} at index {index}"
        ) from error


def _check_same_shape(first: Tensor, pixels: Tensor, index: int) -> None:
    shapes = [tuple(first.shape), tuple(pixels.shape)]
    if shapes[0] == shapes[1]:
        return
    if shapes[0][1:] == shapes[1][1:]:
        raise ValueError(
            f"wanted images of one number of channels, got {shapes[0][0]} at index 0 and "
            f"{shapes[1][0]} at index {index}: {CONVERT}"
        )
    raise ValueError(
        f"wanted images of one size, got {shapes}: add Resize((height, width)), for Resize with "
        "one number keeps the aspect ratio, or a CenterCrop after it"
    )
