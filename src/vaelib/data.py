"""Images as tensors, what they have to be, and MNIST from the package."""

import errno
import hashlib
import importlib.resources
import math
import os
import tarfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vaelib.checks import random_seed
from vaelib.files import CACHE_VARIABLE, cache_folder, write_atomically

ARCHIVE = importlib.resources.files("vaelib") / "_data" / "mnist.tar.xz"
ARCHIVE_MD5 = "aacf09c097fa8cda113da85157bb05d9"
RAW_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a disk, a quota, a file


class ImageDataset(torch.utils.data.Dataset):
    """Images and their labels as two tensors; also a map-style dataset for a `DataLoader`.

    Attributes:
        images: (N, C, H, W), floating point, pixel intensities in [0, 1].
        labels: (N, ...), one label an image, or None; indexing then gives an image alone.

    Raises:
        ValueError: if the images are not such a tensor, or the labels are not one an image.
    """

    def __init__(self, images: Tensor, labels: Tensor | None = None):
        check_images(images)
        if images.ndim != 4:
            raise ValueError(f"wanted images of shape (N, C, H, W), got {tuple(images.shape)}")
        if not (labels is None or isinstance(labels, Tensor)):
            labels = label_tensor(list(labels))
        if labels is not None and (labels.ndim == 0 or len(labels) != len(images)):
            count = len(labels) if labels.ndim else "a number without an axis, not"
            raise ValueError(f"wanted one label an image, got {count} labels for {len(images)}")
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index):
        if self.labels is None:
            return self.images[index]
        return self.images[index], self.labels[index]

    def __repr__(self) -> str:
        count, *shape = self.images.shape
        return f"ImageDataset({count} images of {' x '.join(map(str, shape))})"


def from_bytes(pixels: Tensor, labels: Tensor) -> ImageDataset:
    """Grey images from bytes, (N, H, W) uint8, and their labels."""
    return ImageDataset(pixels.unsqueeze(1).to(torch.float32).div_(255), labels)


def label_tensor(labels: list) -> Tensor | None:
    """One tensor of the labels of all images, (N, ...), or None if every label is None.

    Raises:
        ValueError: if only some are None, or they are not numbers, or not of one shape.
    """
    if all(label is None for label in labels):
        return None
    tensors = [_label(label, index) for index, label in enumerate(labels)]
    shapes = {tuple(tensor.shape): index for index, tensor in enumerate(tensors)}
    if len(shapes) > 1:
        raise ValueError(f"wanted labels of one shape, got {list(shapes)}")
    return torch.stack(tensors)


def _label(label, index: int) -> Tensor:
    kind = torch.float32 if isinstance(label, float) else None  # whatever torch's default is
    try:
        return torch.as_tensor(label, dtype=kind, device="cpu").detach()
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(
            "wanted the label of each image as a number, a list of numbers or a tensor, got "
            f"{label!r:.60} at index {index}: let the data set give the number of a name"
        ) from error


def check_images(images: Tensor, unit_interval: bool = True) -> None:
    """Check that a batch of images is what a Bernoulli or Gaussian decoder can be compared with.

    Args:
        images: (B, ...), floating point, pixel intensities in [0, 1].
        unit_interval: False if the decoder's output may be any number, and so a pixel too.

    Raises:
        ValueError: if it is empty, of no floating-point type, or has a pixel that is NaN or
            outside [0, 1], or infinite without `unit_interval`; the message names what was found
            and what to write.
    """
    check_floating(images)
    if images.ndim < 2 or images.numel() == 0:
        raise ValueError(f"wanted a batch of images, got a tensor of shape {tuple(images.shape)}")
    low, high = (bound.item() for bound in images.aminmax())
    if not unit_interval and not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"wanted finite pixel intensities, got values in [{low:g}, {high:g}]")
    if unit_interval and not (low >= 0 and high <= 1):  # true for NaN, which aminmax passes on
        raise ValueError(f"wanted pixel intensities in [0, 1], got values in {_told(low, high)}")


def check_floating(images: Tensor) -> None:
    """Check that images are an ordinary tensor of floating-point numbers.

    Raises:
        ValueError: if they are not; the message says what to write.
    """
    if not isinstance(images, Tensor):
        hint = ": torch.from_numpy(images)" if isinstance(images, np.ndarray) else ""
        raise ValueError(f"wanted images as a torch.Tensor, got {type(images).__name__}{hint}")
    check_dense(images)
    if images.dtype not in FLOATS:
        known = {
            torch.bool: "write images.float()",
            torch.uint8: "divide bytes by 255, or use torchvision's ToTensor",
        }
        advice = known.get(images.dtype, "write images.float(), divided by what stands for white")
        raise ValueError(f"wanted floating-point images in [0, 1], got {images.dtype}: {advice}")


def check_dense(images: Tensor) -> None:
    """Check that a tensor has its numbers in memory, one after the other.

    Raises:
        ValueError: if it does not.
    """
    if images.layout != torch.strided or images.is_nested:
        raise ValueError(f"wanted dense images, got {images.layout}: write images.to_dense()")
    if images.is_meta:
        raise ValueError("wanted images in memory, got some on the meta device, which has none")


def _told(low: float, high: float) -> str:
    """The range of pixels that are not all in [0, 1], and what may be done about it."""
    if low > -0.01 and high < 1.01:
        return f"[{low:.9g}, {high:.9g}]: images.clamp(0, 1) cuts off what rounding left over"
    found = f"[{low:g}, {high:g}]"
    if low >= 0 and high <= 255:
        return f"{found}: divide bytes by 255"
    if low >= -1 and high <= 1:
        return f"{found}: leave out Normalize, or write (images + 1) / 2 if they are in [-1, 1]"
    return found


def binarize(images: Tensor, generator=None) -> Tensor:
    """Draw each pixel as 1 with its intensity as the probability, else 0: (B, ...) -> (B, ...).

    Drawn anew for every batch this is *dynamic* binarization, drawn once for all (`binarize_once`)
    it is *static*. Log-likelihoods under the two, or under a threshold, are about different data
    and cannot be compared; on MNIST they lie about 2 nats apart.

    Args:
        images: intensities in [0, 1].
        generator: a `torch.Generator` on the images' device, to draw the same again.

    Raises:
        ValueError: if the images are not a batch in [0, 1].

    Source:
        Salakhutdinov and Murray, On the Quantitative Analysis of Deep Belief Networks, ICML 2008.
    """
    check_images(images)
    return draw_binary(images, generator)


def draw_binary(images: Tensor, generator=None) -> Tensor:
    """`binarize` without its checks, for every step of training."""
    coarse = images.dtype in (torch.float16, torch.bfloat16)  # too few numbers between 0 and 1
    kind = torch.float32 if coarse else images.dtype
    # As Tensor.bernoulli_, in a third of its time on a CPU.
    uniform = torch.empty_like(images, dtype=kind).uniform_(generator=generator)  # in [0, 1)
    return (uniform < images).to(images.dtype)


def binarize_once(images: Tensor, seed: int = 0) -> Tensor:
    """Draw each pixel as 1 with its intensity as the probability, the same for the same seed.

    It is what a test set needs, so that every model is scored on the same images; a training set
    treated so is *statically* binarized. The seed's draws are the same on every device.

    Raises:
        ValueError: if the images are not in [0, 1], or are black and white already.
    """
    check_images(images)
    if is_binary(images):
        raise ValueError("wanted grey images to draw from, got images that are 0 or 1 already")
    generator = torch.Generator().manual_seed(random_seed(seed))  # on the CPU
    drawn = draw_binary(images.cpu(), generator)
    return drawn.to(images.device)


def is_binary(images: Tensor) -> bool:
    """Whether every pixel is 0 or 1. For a threshold write `(images > 0.5).float()`."""
    parts = images.split(1000)  # the first will do to tell grey images
    return all(bool(((part == 0) | (part == 1)).all()) for part in parts)


def mnist(split: str) -> ImageDataset:
    """MNIST, from the copy that travels with the package: no download.

    Args:
        split: "train" (60,000 images) or "test" (10,000).

    Returns:
        `.images` (N, 1, 28, 28) float32 in [0, 1] and `.labels` (N,) int64, in the files' order.

    Raises:
        ValueError: if `split` is neither.
        RuntimeError: if the packaged archive is damaged, or there is no home and no VAELIB_CACHE.
        PermissionError: if the cache folder cannot be written.
        OSError: if its disk is full.

    Source:
        LeCun, Cortes and Burges, The MNIST database of handwritten digits (CC BY-SA 3.0).
    """
    if split not in ("train", "test"):
        raise ValueError(f'wanted split "train" or "test", got {split!r}')
    from torchvision.datasets.mnist import read_image_file, read_label_file  # takes seconds

    prefix = mnist_root() / "MNIST" / "raw" / ("train" if split == "train" else "t10k")
    # torchvision's MNIST would prefer the files that its old versions left, which nobody checks.
    pixels = read_image_file(f"{prefix}-images-idx3-ubyte")
    return from_bytes(pixels, read_label_file(f"{prefix}-labels-idx1-ubyte"))


def mnist_root() -> Path:
    """The folder to give to `torchvision.datasets.MNIST` as its root, unpacked when need be.

    It is a per-user cache folder; the environment variable VAELIB_CACHE moves it. Each file's MD5
    is compared on every call; a damaged one is replaced from the package, with a warning.

    Raises:
        RuntimeError: if the packaged archive is damaged, or there is no home and no VAELIB_CACHE.
        PermissionError: if the cache folder cannot be written.
        OSError: if its disk is full.
    """
    root = cache_folder()
    raw = root / "MNIST" / "raw"  # torchvision's own layout
    missing = [name for name, md5 in RAW_MD5.items() if _md5_of(raw / name) != md5]
    if missing:
        damaged = [name for name in missing if os.path.exists(raw / name)]
        _unpack(missing, raw)
        if damaged:
            warnings.warn(f"{raw}: unpacked the damaged {', '.join(damaged)} again", stacklevel=2)
    return root


def _unpack(names: list[str], folder: Path) -> None:
    """Unpack members of the archive: each is checked, then moved into its place at once."""
    with importlib.resources.as_file(ARCHIVE) as archive:
        if _md5_of(archive) != ARCHIVE_MD5:
            raise RuntimeError(f"{archive} is missing or damaged: install vaelib again")
        with tarfile.open(archive) as members:
            contents = {name: members.extractfile(name).read() for name in names}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write_atomically(folder / name, content)
    except OSError as error:
        kind = OSError if error.errno in FULL else PermissionError
        raise kind(
            f"cannot write the data cache {folder} ({error}): "
            f"set {CACHE_VARIABLE} to a folder that can be written, with room for 55 MB"
        ) from error


def _md5_of(path: Path) -> str | None:
    """The MD5 of a file in hexadecimal, or None if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError:
        return None
