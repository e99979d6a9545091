"""Images in, tensors out: MNIST from the package, or any torchvision data set."""

import errno
import hashlib
import importlib.resources
import math
import os
import tarfile
import warnings
from pathlib import Path

import torch
from torch import Tensor
from torchvision.datasets.mnist import read_image_file, read_label_file
from torchvision.transforms.functional import to_tensor

from vaelib.files import CACHE_VARIABLE, cache_folder, write_atomically

ARCHIVE = importlib.resources.files("vaelib") / "_data" / "mnist.tar.xz"
ARCHIVE_MD5 = "aacf09c097fa8cda113da85157bb05d9"
RAW_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a disk, a quota, a file


class ImageDataset(torch.utils.data.Dataset):
    """Images and their labels as two tensors; also a map-style dataset for a `DataLoader`.

    Attributes:
        images: (N, C, H, W), floating point, pixel intensities in [0, 1].
        labels: (N, ...), one label an image.

    Raises:
        ValueError: if the images are not such a tensor, or the labels are not one an image.
    """

    def __init__(self, images: Tensor, labels: Tensor):
        check_images(images)
        if images.ndim != 4:
            raise ValueError(f"wanted images of shape (N, C, H, W), got {tuple(images.shape)}")
        if len(labels) != len(images):
            raise ValueError(
                f"wanted one label an image, got {len(labels)} labels for {len(images)}"
            )
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]

    def __repr__(self) -> str:
        count, *shape = self.images.shape
        return f"ImageDataset({count} images of {' x '.join(map(str, shape))})"


def check_images(images: Tensor, unit_interval: bool = True) -> None:
    """Check that a batch of images is what a Bernoulli or Gaussian decoder can be compared with.

    Args:
        images: (B, ...), floating point, pixel intensities in [0, 1].
        unit_interval: False if the decoder's output may be any number, and so a pixel too.

    Raises:
        ValueError: if it is empty, of an integer type, or has a pixel that is NaN or outside
            [0, 1], or infinite without `unit_interval`; the message names what was found.
    """
    if not isinstance(images, Tensor):
        raise ValueError(f"wanted images as a torch.Tensor, got {type(images).__name__}")
    if not images.is_floating_point():
        raise ValueError(
            f"wanted floating-point images in [0, 1], got {images.dtype}: "
            "divide bytes by 255, or use torchvision's ToTensor"
        )
    if images.ndim < 2 or images.numel() == 0:
        raise ValueError(f"wanted a batch of images, got a tensor of shape {tuple(images.shape)}")
    low, high = (bound.item() for bound in images.aminmax())
    if not unit_interval and not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"wanted finite pixel intensities, got values in [{low:g}, {high:g}]")
    if unit_interval and not (low >= 0 and high <= 1):  # true for NaN, which aminmax passes on
        raise ValueError(f"wanted pixel intensities in [0, 1], got values in [{low:g}, {high:g}]")


def binarize(images: Tensor, generator=None) -> Tensor:
    """Draw each pixel as 1 with its intensity as the probability, else 0: (B, ...) -> (B, ...).

    Drawn anew for every batch this is *dynamic* binarization, drawn once for all (`binarize_once`)
    it is *static*. Log-likelihoods under the two, or under a threshold, are about different data
    and cannot be compared; on MNIST they lie about 2 nats apart.

    Args:
        images: intensities in [0, 1].
        generator: a `torch.Generator` on the images' device, to draw the same again.

    Source:
        Salakhutdinov and Murray, On the Quantitative Analysis of Deep Belief Networks, ICML 2008.
    """
    # As Tensor.bernoulli_, in a third of its time on a CPU.
    uniform = torch.empty_like(images).uniform_(generator=generator)  # in [0, 1)
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
    drawn = binarize(images.cpu(), torch.Generator().manual_seed(seed))
    return drawn.to(images.device)


def is_binary(images: Tensor) -> bool:
    """Whether every pixel is 0 or 1. For a threshold write `(images > 0.5).float()`."""
    parts = images.split(1000)  # the first will do to tell grey images
    return all(bool(((part == 0) | (part == 1)).all()) for part in parts)


def image_dataset(dataset) -> ImageDataset:
    """Read a whole torchvision data set into memory.

    Args:
        dataset: any map-style data set of (image, label) pairs, the images all of one size and
            PIL images, or tensors in [0, 1] if the data set has a transform that makes them so:
            `MNIST`, `FashionMNIST`, `KMNIST`, an `ImageFolder` of your own. An `ImageFolder` gives
            three channels unless its transform begins with `Grayscale()`.

    Returns:
        The images, (N, C, H, W) float32 in [0, 1], and the labels, (N,).

    Raises:
        ValueError: if it is empty, or its images differ in size or are not in [0, 1].
    """
    if len(dataset) == 0:
        raise ValueError(f"wanted a data set with images, got an empty {type(dataset).__name__}")
    pixels = getattr(dataset, "data", None)
    is_bytes = isinstance(pixels, Tensor) and pixels.dtype == torch.uint8 and pixels.ndim == 3
    if is_bytes and getattr(dataset, "transforms", None) is None:  # MNIST and its relatives
        labels = torch.as_tensor(dataset.targets)
        if labels.ndim == 1:
            return ImageDataset(pixels.unsqueeze(1).float() / 255, labels)
    pairs = [dataset[index] for index in range(len(dataset))]
    images = [image if isinstance(image, Tensor) else to_tensor(image) for image, _ in pairs]
    shapes = sorted({tuple(image.shape) for image in images})
    if len(shapes) > 1:
        raise ValueError(f"wanted images of one size, got {shapes}: add a Resize transform")
    return ImageDataset(torch.stack(images).float(), torch.as_tensor([label for _, label in pairs]))


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
    prefix = mnist_root() / "MNIST" / "raw" / ("train" if split == "train" else "t10k")
    # torchvision's MNIST would prefer the files that its old versions left, which nobody checks.
    pixels = read_image_file(f"{prefix}-images-idx3-ubyte")
    labels = read_label_file(f"{prefix}-labels-idx1-ubyte")
    return ImageDataset(pixels.unsqueeze(1).float() / 255, labels)


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
