"""MNIST from the package, other data sets, and images that are none."""

import hashlib
import importlib.resources
import os
import tarfile

import numpy as np
import pytest
import torch
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

import vaelib
from tests.processes import Running
from vaelib import data


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty data cache of the test's own."""
    monkeypatch.setenv(data.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def unpack(cache):
    os.environ[data.CACHE_VARIABLE] = str(cache)
    data.mnist_root()


def raw(cache):
    return cache / "MNIST" / "raw"


def test_train_has_60000_images_and_their_labels():
    train = vaelib.mnist("train")
    assert train.images.shape == (60000, 1, 28, 28)
    assert train.images.dtype == torch.float32
    assert (train.images.min(), train.images.max()) == (0, 1)
    assert train.labels.shape == (60000,)
    assert train.labels.dtype == torch.int64
    # Class counts of the training set as LeCun et al. published the files: 5,923 zeros, ...
    assert train.labels.bincount().tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip


def test_images_are_what_torchvision_and_totensor_give():
    test = vaelib.mnist("test")
    reference = MNIST(data.mnist_root(), train=False, transform=ToTensor())
    for index in (0, 4321, 9999):
        image, label = reference[index]
        torch.testing.assert_close(test.images[index], image, rtol=0, atol=0)
        assert test.labels[index] == label


def test_images_are_float32_whatever_the_default_type():
    torch.set_default_dtype(torch.float64)
    try:
        assert vaelib.mnist("test").images.dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


def test_an_unknown_split_is_an_error():
    with pytest.raises(ValueError, match='wanted split "train" or "test", got \'valid\''):
        vaelib.mnist("valid")


@pytest.mark.slow
def test_unpacks_into_torchvisions_layout(cache):
    assert data.mnist_root() == cache
    sums = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in raw(cache).iterdir()}
    assert sums == data.RAW_MD5


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncated", "changed"])
def test_a_damaged_cache_file_is_replaced_with_a_warning(cache, damage):
    data.mnist_root()
    path = raw(cache) / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content[:9000] if damage == "truncated" else content)
    with pytest.warns(UserWarning, match="damaged t10k-images-idx3-ubyte"):
        data.mnist_root()
    assert hashlib.md5(path.read_bytes()).hexdigest() == data.RAW_MD5[path.name]


@pytest.mark.slow
def test_a_damaged_cache_file_is_replaced_even_where_warnings_are_errors(cache):
    data.mnist_root()
    path = raw(cache) / "t10k-labels-idx1-ubyte"
    path.write_bytes(b"")
    with pytest.raises(UserWarning, match="damaged t10k-labels-idx1-ubyte"):
        data.mnist_root()
    data.mnist_root()


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing"])
def test_a_damaged_archive_is_an_error_and_leaves_the_cache_alone(
    cache, damage, tmp_path, monkeypatch
):
    content = bytearray(data.ARCHIVE.read_bytes())
    content[5000] ^= 1
    copy = tmp_path / "mnist.tar.xz"
    if damage != "missing":
        copy.write_bytes(content[:9000] if damage == "truncated" else content)
    monkeypatch.setattr(data, "ARCHIVE", copy)
    with pytest.raises(RuntimeError, match=r"mnist\.tar\.xz is missing or damaged: install vaelib"):
        data.mnist_root()
    assert not raw(cache).exists()


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_says_where_and_what_moves_it(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(data.CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(PermissionError, match=r"file/MNIST/raw.*set VAELIB_CACHE"):
        data.mnist_root()


@pytest.mark.slow
def test_two_processes_may_unpack_at_once(cache):
    workers = [Running(unpack, cache) for _ in range(2)]
    assert [worker.outcome() for worker in workers] == [(0, None, None)] * 2
    assert sorted(path.name for path in raw(cache).iterdir()) == sorted(data.RAW_MD5)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        data.write_atomically(path, object())
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_the_archive_holds_just_the_four_files():
    with importlib.resources.as_file(data.ARCHIVE) as path, tarfile.open(path) as archive:
        assert sorted(archive.getnames()) == sorted(data.RAW_MD5)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), "torch.uint8: divide bytes by 255"),
        (torch.zeros(2, 4, dtype=torch.bool), r"torch.bool: write images.float\(\)$"),
        (torch.zeros(2, 4, dtype=torch.int64), "divided by what stands for white"),
        (torch.zeros(2, 4, dtype=torch.complex64), "got torch.complex64"),
        (torch.zeros(2, 4).to(torch.float8_e4m3fn), "got torch.float8_e4m3fn"),
        (torch.full((2, 1, 28, 28), 255.0), r"values in \[255, 255\]: divide bytes by 255"),
        (torch.full((2, 1, 28, 28), -0.5), r"values in \[-0.5, -0.5\]: leave out Normalize"),
        (torch.full((2, 1, 28, 28), 1.0000001), r"\[1.00000012, 1.00000012\]: images.clamp"),
        (torch.full((2, 4), 300.0), r"values in \[300, 300\]$"),
        (torch.full((2, 4), torch.inf), r"values in \[inf, inf\]$"),
        (torch.full((2, 1, 28, 28), torch.nan), r"values in \[nan, nan\]"),
        (torch.zeros(0, 1, 28, 28), r"shape \(0, 1, 28, 28\)"),
        (torch.zeros(784), r"shape \(784,\)"),
        ([[0.0]], "torch.Tensor, got list"),
        (np.zeros((2, 4)), r"got ndarray: torch.from_numpy\(images\)"),
        (torch.zeros(2, 4).to_sparse(), r"got torch.sparse_coo: write images.to_dense\(\)"),
        (torch.zeros(2, 4, device="meta"), "on the meta device"),
    ],
)
def test_images_that_are_none_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        data.check_images(images)


@pytest.mark.parametrize("dtype", data.FLOATS)
def test_images_of_every_floating_point_type_are_images(dtype):
    data.check_images(torch.rand(3, 4).to(dtype).requires_grad_())


def test_one_nan_among_good_pixels_is_found():
    images = torch.rand(3, 1, 28, 28)
    images[1, 0, 5, 5] = torch.nan
    with pytest.raises(ValueError, match="nan"):
        data.check_images(images)


def test_a_dataset_wants_one_label_an_image_and_four_axes():
    with pytest.raises(ValueError, match="got 3 labels for 2"):
        vaelib.ImageDataset(torch.zeros(2, 1, 4, 4), torch.zeros(3))
    with pytest.raises(ValueError, match="got a number without an axis"):
        vaelib.ImageDataset(torch.zeros(2, 1, 4, 4), torch.tensor(3))
    with pytest.raises(ValueError, match=r"\(N, C, H, W\), got \(2, 16\)"):
        vaelib.ImageDataset(torch.zeros(2, 16), torch.zeros(2))


def test_a_dataset_serves_a_dataloader():
    dataset = vaelib.ImageDataset(torch.rand(5, 1, 4, 4), torch.arange(5))
    images, labels = next(iter(torch.utils.data.DataLoader(dataset, batch_size=3)))
    torch.testing.assert_close(images, dataset.images[:3])
    assert labels.tolist() == [0, 1, 2]
    assert repr(dataset) == "ImageDataset(5 images of 1 x 4 x 4)"


def test_a_dataset_takes_a_list_of_labels_or_none():
    images = torch.rand(5, 1, 4, 4)
    assert vaelib.ImageDataset(images, [3, 1, 4, 1, 5]).labels.tolist() == [3, 1, 4, 1, 5]
    unlabelled = vaelib.ImageDataset(images)
    assert unlabelled.labels is None
    batch = next(iter(torch.utils.data.DataLoader(unlabelled, batch_size=3)))
    assert torch.equal(batch, images[:3])


def test_binarized_pixels_are_one_as_often_as_they_are_bright():
    images = torch.rand(1, 12).expand(20_000, 12)
    drawn = vaelib.binarize(images, torch.Generator().manual_seed(0))
    assert vaelib.data.is_binary(drawn)
    error = (images[0] * (1 - images[0]) / len(images)).sqrt()
    assert ((drawn.mean(0) - images[0]).abs() < 5 * error).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_coarse_floats_are_binarized_as_their_float32(dtype):
    images = torch.rand(50, 12).to(dtype)
    images[:, 0], images[:, 1] = 1, 0.001  # in bfloat16 a draw is a multiple of 1/256
    drawn = vaelib.binarize_once(images, 3)
    assert drawn.dtype == dtype
    assert torch.equal(drawn.float(), vaelib.binarize_once(images.float(), 3))
    white = torch.ones(100_000, 2, dtype=dtype)
    assert vaelib.binarize(white).all()


def test_black_stays_black_and_white_white():
    images = torch.tensor([[0.0, 1.0]]).expand(1000, 2)
    assert torch.equal(vaelib.binarize(images), images)


def test_binarizing_anew_differs_and_once_does_not():
    images, generator = torch.rand(5, 12), torch.Generator().manual_seed(0)
    assert not torch.equal(vaelib.binarize(images, generator), vaelib.binarize(images, generator))
    assert torch.equal(vaelib.binarize_once(images, 3), vaelib.binarize_once(images, 3))
    assert not torch.equal(vaelib.binarize_once(images, 3), vaelib.binarize_once(images, 4))


def test_binarizing_twice_is_an_error():
    with pytest.raises(ValueError, match=r"wanted grey images .* 0 or 1 already"):
        vaelib.binarize_once(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"in \[0, 1\], got values in"):
        vaelib.binarize_once(torch.full((2, 3), 7.0))


@pytest.mark.parametrize(
    "images", [torch.full((2, 3), torch.nan), torch.full((2, 3), 7.0), torch.ones(2, 3) > 0]
)
def test_what_are_no_intensities_is_not_binarized(images):
    with pytest.raises(ValueError, match=r"in \[0, 1\], got"):
        vaelib.binarize(images)


@pytest.mark.parametrize("seed", [np.int64(3), np.array(3), torch.tensor(3)])
def test_a_seed_may_come_from_any_library(seed):
    images = torch.rand(5, 12)
    assert torch.equal(vaelib.binarize_once(images, seed), vaelib.binarize_once(images, 3))


@pytest.mark.parametrize("seed", [1.0, True, "3", None, 2**64])
def test_a_seed_that_is_no_integer_is_named(seed):
    with pytest.raises(ValueError, match="wanted seed as an integer"):
        vaelib.binarize_once(torch.rand(5, 12), seed)


def test_mnist_is_on_the_cpu_whatever_torchs_default_is():
    torch.set_default_device("meta")
    try:
        test = vaelib.mnist("test")
        drawn = vaelib.binarize_once(test.images[:10])
    finally:
        torch.set_default_device(None)
    assert {str(part.device) for part in (test.images, test.labels, drawn)} == {"cpu"}
